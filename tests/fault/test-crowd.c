/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A crowd: 200 processes at once, each with a bus connection of its own, make, use and remove objects, while 20
 * of them are killed in the middle. Run on a private bus (tests/demo/private-bus). The test is its own caller: with
 * "--caller" it is one of the 200. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <mqueue.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ipcbus-proxies.h"
#include "protocol.h"

enum {
        CALLERS = 200,
        KILLED = 20, /* of them */
        ROUNDS = 4,
        PROBE_INTERVAL_USEC = 10000,
        SETTLE_ATTEMPTS = 400, /* of 25 ms */
        CALL_MSEC = 120000,
};

/* What each caller makes in its turn. %s is its place, %d its number. */
static const struct {
        const char *kind, *options;
        bool data; /* can be sent to, and received from */
} things[] = {
        { "fifo", "{'path': <'%s/fifo-%d'>, 'lease': <'caller'>}", true },
        { "mq-posix", "{'name': <'/%s-%d'>, 'max_messages': <2>, 'message_size': <64>, 'lease': <'caller'>}", true },
        { "shm-posix", "{'name': <'/%s-%d'>, 'size': <4096>, 'lease': <'caller'>}", true },
        { "sem-posix", "{'name': <'/%s-%d'>, 'value': <1>, 'lease': <'caller'>}", false },
        { "pipe", "{'lease': <'caller'>}", true },
        { "unix-dgram", "{'path': <'%s/dgram-%d'>, 'lease': <'caller'>}", true },
};

static GVariant *options_of(size_t thing, const char *place, int number) {
        g_autofree char *base = g_path_get_basename(place), *text = NULL;
        const char *where = strchr(things[thing].options, '/') ? base : place;
        g_autoptr(GError) error = NULL;
        GString *filled = g_string_new(things[thing].options);
        g_autofree char *digits = g_strdup_printf("%d", number);
        GVariant *options;

        if (strstr(things[thing].options, "'path'"))
                where = place;
        g_string_replace(filled, "%s", where, 1);
        g_string_replace(filled, "%d", digits, 1);
        text = g_string_free(filled, FALSE);
        options = g_variant_parse(G_VARIANT_TYPE_VARDICT, text, NULL, NULL, &error);
        g_assert_no_error(error);
        return options;
}

static void use_once(IpcbusManager *manager, size_t thing, const char *place, int number) {
        g_autofree char *path = NULL, *address = NULL;
        g_autoptr(GVariant) options = options_of(thing, place, number), received = NULL, meta = NULL;
        GVariant *none = g_variant_new_array(G_VARIANT_TYPE("{sv}"), NULL, 0);
        g_autoptr(GError) error = NULL;
        gsize size;

        g_variant_ref_sink(none);
        (void)ipcbus_manager_call_create_sync(manager, things[thing].kind, options, G_DBUS_CALL_FLAGS_NONE, CALL_MSEC,
                &path, &address, NULL, &error);
        g_assert_no_error(error);

        if (things[thing].data) {
                guint64 sent;

                (void)ipcbus_manager_call_send_sync(manager, address,
                        g_variant_new_fixed_array(G_VARIANT_TYPE_BYTE, &number, sizeof(number), 1), none,
                        G_DBUS_CALL_FLAGS_NONE, CALL_MSEC, &sent, NULL, &error);
                g_assert_no_error(error);
                g_assert_cmpuint(sent, ==, sizeof(number));
                (void)ipcbus_manager_call_receive_sync(
                        manager, address, none, G_DBUS_CALL_FLAGS_NONE, CALL_MSEC, &received, &meta, NULL, &error);
                g_assert_no_error(error);
                g_assert_cmpmem(
                        &number, sizeof(number), g_variant_get_fixed_array(received, &size, 1), sizeof(number));
        } else {
                (void)ipcbus_manager_call_wait_sync(
                        manager, address, none, G_DBUS_CALL_FLAGS_NONE, CALL_MSEC, NULL, NULL, &error);
                g_assert_no_error(error);
                (void)ipcbus_manager_call_post_sync(
                        manager, address, 1, none, G_DBUS_CALL_FLAGS_NONE, CALL_MSEC, NULL, &error);
                g_assert_no_error(error);
        }

        (void)ipcbus_manager_call_remove_sync(manager, address, G_DBUS_CALL_FLAGS_NONE, CALL_MSEC, NULL, &error);
        g_assert_no_error(error);
        g_variant_unref(none);
}

static IpcbusManager *connect_manager(void) {
        g_autoptr(GError) error = NULL;
        IpcbusManager *manager;

        manager = ipcbus_manager_proxy_new_for_bus_sync(G_BUS_TYPE_SESSION, G_DBUS_PROXY_FLAGS_DO_NOT_LOAD_PROPERTIES,
                IPCBUS_BUS_NAME, IPCBUS_PATH, NULL, &error);
        g_assert_no_error(error);
        return manager;
}

/* One of the crowd. Those to be killed hold things of every kind, and go on until they are. */
static int be_caller(const char *place, int number, bool to_be_killed) {
        g_autoptr(IpcbusManager) manager = connect_manager();

        if (!to_be_killed) {
                for (int round = 0; round < ROUNDS; round++)
                        use_once(manager, (size_t)(number + round) % G_N_ELEMENTS(things), place, number);
                return 0;
        }

        for (size_t thing = 0; thing < G_N_ELEMENTS(things); thing++) {
                g_autoptr(GVariant) options = options_of(thing, place, 1000 + number);
                g_autofree char *path = NULL, *address = NULL;
                g_autoptr(GError) error = NULL;

                (void)ipcbus_manager_call_create_sync(manager, things[thing].kind, options, G_DBUS_CALL_FLAGS_NONE,
                        CALL_MSEC, &path, &address, NULL, &error);
                g_assert_no_error(error);
        }
        (void)g_mkdir(g_build_filename(place, "ready", NULL), 0700);
        (void)g_close(g_creat(g_strdup_printf("%s/ready/%d", place, number), 0600), NULL);
        for (;;)
                use_once(manager, (size_t)number % G_N_ELEMENTS(things), place, 2000 + number);
}

typedef struct Crowd {
        char *place;
        GSubprocess *callers[CALLERS];
        IpcbusManager *manager;
        GArray *latencies; /* microseconds of an unrelated call */
} Crowd;

/* An unrelated call, again and again, while the crowd is at it. */
static void probe(Crowd *crowd) {
        gint64 begin = g_get_monotonic_time(), took;
        g_autoptr(GError) error = NULL;
        g_auto(GStrv) kinds = NULL;

        (void)ipcbus_manager_call_list_kinds_sync(
                crowd->manager, G_DBUS_CALL_FLAGS_NONE, CALL_MSEC, &kinds, NULL, &error);
        g_assert_no_error(error);
        took = g_get_monotonic_time() - begin;
        g_array_append_val(crowd->latencies, took);
}

static bool is_killed_one(int number) {
        return number % (CALLERS / KILLED) == 0;
}

static unsigned count_ready(const Crowd *crowd) {
        g_autofree char *path = g_build_filename(crowd->place, "ready", NULL);
        GDir *directory = g_dir_open(path, 0, NULL);
        unsigned n = 0;

        while (directory && g_dir_read_name(directory))
                n++;
        if (directory)
                g_dir_close(directory);
        return n;
}

static void start_all(Crowd *crowd, const char *self) {
        for (int i = 0; i < CALLERS; i++) {
                g_autofree char *number = g_strdup_printf("%d", i);
                g_autoptr(GError) error = NULL;

                crowd->callers[i] = g_subprocess_new(G_SUBPROCESS_FLAGS_NONE, &error, self, "--caller", crowd->place,
                        number, is_killed_one(i) ? "killed" : "lives", NULL);
                g_assert_no_error(error);
                if (i % 8 == 0)
                        probe(crowd);
        }
}

/* The killed ones die once each of them holds something of every kind. */
static void end_all(Crowd *crowd) {
        for (int i = 0; count_ready(crowd) < KILLED; i++) {
                g_assert_cmpint(i, <, 60 * 1000000 / PROBE_INTERVAL_USEC);
                g_usleep(PROBE_INTERVAL_USEC);
                probe(crowd);
        }
        for (int i = 0; i < CALLERS; i++)
                if (is_killed_one(i))
                        g_subprocess_send_signal(crowd->callers[i], SIGKILL);
        for (int i = 0; i < CALLERS; i++) {
                g_autoptr(GError) error = NULL;

                (void)g_subprocess_wait(crowd->callers[i], NULL, &error);
                g_assert_no_error(error);
                probe(crowd);
                if (is_killed_one(i))
                        g_assert_true(g_subprocess_get_if_signaled(crowd->callers[i]));
                else
                        g_assert_true(g_subprocess_get_successful(crowd->callers[i]));
                g_clear_object(&crowd->callers[i]);
        }
}

static unsigned count_objects(Crowd *crowd) {
        g_autoptr(GError) error = NULL;
        g_autoptr(GVariant) reply = NULL;
        g_autoptr(GVariant) objects = NULL;

        reply = g_dbus_connection_call_sync(g_dbus_proxy_get_connection(G_DBUS_PROXY(crowd->manager)), IPCBUS_BUS_NAME,
                IPCBUS_PATH, "org.freedesktop.DBus.ObjectManager", "GetManagedObjects", NULL,
                G_VARIANT_TYPE("(a{oa{sa{sv}}})"), G_DBUS_CALL_FLAGS_NONE, -1, NULL, &error);
        g_assert_no_error(error);
        objects = g_variant_get_child_value(reply, 0);
        return (unsigned)g_variant_n_children(objects);
}

static void settle(Crowd *crowd) {
        for (int i = 0; count_objects(crowd) > 0; i++) {
                g_assert_cmpint(i, <, SETTLE_ATTEMPTS);
                g_usleep(25000);
        }
}

static unsigned count_entries(const char *path, const char *part) {
        GDir *directory = g_dir_open(path, 0, NULL);
        unsigned n = 0;

        for (const char *name; directory && (name = g_dir_read_name(directory));)
                if (strstr(name, part)) {
                        g_test_message("left behind: %s/%s", path, name);
                        n++;
                }
        if (directory)
                g_dir_close(directory);
        return n;
}

static unsigned count_queues(const Crowd *crowd) {
        static const int offsets[] = { 0, 1000, 2000 };
        g_autofree char *base = g_path_get_basename(crowd->place);
        unsigned n = 0;

        for (int i = 0; i < CALLERS; i++)
                for (size_t j = 0; j < G_N_ELEMENTS(offsets); j++) {
                        g_autofree char *name = g_strdup_printf("/%s-%d", base, offsets[j] + i);
                        mqd_t queue = mq_open(name, O_RDONLY);

                        if (queue < 0)
                                continue;
                        (void)mq_close(queue);
                        (void)mq_unlink(name);
                        n++;
                }
        return n;
}

static unsigned count_children(pid_t parent) {
        g_autofree char *path = g_strdup_printf("/proc/%d/task/%d/children", (int)parent, (int)parent);
        g_autofree char *text = NULL;
        g_auto(GStrv) children = NULL;

        if (!g_file_get_contents(path, &text, NULL, NULL))
                return 0;
        children = g_strsplit_set(g_strstrip(text), " ", -1);
        return text[0] ? g_strv_length(children) : 0;
}

static pid_t service_pid(Crowd *crowd) {
        g_autoptr(GError) error = NULL;
        g_autoptr(GVariant) reply = NULL;
        guint32 pid;

        reply = g_dbus_connection_call_sync(g_dbus_proxy_get_connection(G_DBUS_PROXY(crowd->manager)),
                "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "GetConnectionUnixProcessID",
                g_variant_new("(s)", IPCBUS_BUS_NAME), G_VARIANT_TYPE("(u)"), G_DBUS_CALL_FLAGS_NONE, -1, NULL,
                &error);
        g_assert_no_error(error);
        g_variant_get(reply, "(u)", &pid);
        return (pid_t)pid;
}

static int by_value(gconstpointer a, gconstpointer b) {
        gint64 x = *(const gint64 *)a, y = *(const gint64 *)b;

        return x < y ? -1 : x > y;
}

static void test_crowd(gconstpointer self) {
        Crowd crowd = { .place = g_dir_make_tmp("ipcbus-crowd-XXXXXX", NULL) };
        g_autofree char *base = g_path_get_basename(crowd.place), *ready = NULL;
        pid_t service;

        g_assert_nonnull(crowd.place);
        crowd.latencies = g_array_new(FALSE, FALSE, sizeof(gint64));
        crowd.manager = connect_manager();
        probe(&crowd); /* activates it */
        service = service_pid(&crowd);

        start_all(&crowd, self);
        end_all(&crowd);
        settle(&crowd);

        g_array_sort(crowd.latencies, by_value);
        g_test_message("an unrelated call, %u times meanwhile: median %" G_GINT64_FORMAT " us, 99 %% %" G_GINT64_FORMAT
                       " us, longest %" G_GINT64_FORMAT " us",
                crowd.latencies->len, g_array_index(crowd.latencies, gint64, crowd.latencies->len / 2),
                g_array_index(crowd.latencies, gint64, crowd.latencies->len * 99 / 100),
                g_array_index(crowd.latencies, gint64, crowd.latencies->len - 1));

        g_assert_cmpint(service_pid(&crowd), ==, service);
        g_assert_cmpuint(count_entries("/dev/shm", base), ==, 0);
        g_assert_cmpuint(count_queues(&crowd), ==, 0);
        g_assert_cmpuint(count_entries(crowd.place, "fifo-") + count_entries(crowd.place, "dgram-"), ==, 0);
        g_assert_cmpuint(count_children(service), ==, 0);

        ready = g_build_filename(crowd.place, "ready", NULL);
        for (int i = 0; i < CALLERS; i++) {
                g_autofree char *path = g_strdup_printf("%s/%d", ready, i);

                (void)g_unlink(path);
        }
        (void)g_rmdir(ready);
        g_assert_cmpint(g_rmdir(crowd.place), ==, 0);
        g_free(crowd.place);
        g_array_unref(crowd.latencies);
        g_object_unref(crowd.manager);
}

int main(int argc, char *argv[]) {
        if (argc == 5 && strcmp(argv[1], "--caller") == 0)
                return be_caller(argv[2], (int)strtol(argv[3], NULL, 10), strcmp(argv[4], "killed") == 0);

        g_test_init(&argc, &argv, NULL);
        g_test_add_data_func("/fault/crowd", "/proc/self/exe", test_crowd);
        return g_test_run();
}
