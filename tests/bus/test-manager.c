/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The Manager by generated proxies and by foreign clients, busctl and gdbus, on a bus where the service was never
 * started: facts, looking at the machine, every byte unchanged, what is told of others' objects. */
#include <fcntl.h>
#include <glib/gstdio.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"

static void remove_it(Fixture *fixture, const char *address) {
        g_autoptr(GError) error = NULL;

        ipcbus_manager_call_remove_sync(fixture->manager, address, PLAINLY, NULL, &error);
        g_assert_no_error(error);
}

static void test_kinds(Fixture *fixture, gconstpointer data) {
        static const char *const strings[] = { "title", "family", "direction", "order", "persistence", "source" };
        static const char *const flags[] = { "available", "full_duplex", "bidirectional", "boundaries", "priority",
                "unrelated", "carries_data" };
        g_autoptr(GError) error = NULL;
        g_auto(GStrv) kinds = NULL;

        ipcbus_manager_call_list_kinds_sync(fixture->manager, PLAINLY, &kinds, NULL, &error);
        g_assert_no_error(error);
        g_assert_cmpuint(g_strv_length(kinds), >=, 8);
        for (size_t i = 0; kinds[i]; i++) {
                g_autoptr(GVariant) facts = NULL, list = NULL;
                const char *text;

                ipcbus_manager_call_describe_kind_sync(fixture->manager, kinds[i], PLAINLY, &facts, NULL, &error);
                g_assert_no_error(error);
                g_assert_true(g_variant_lookup(facts, "kind", "&s", &text));
                g_assert_cmpstr(text, ==, kinds[i]);
                for (size_t j = 0; j < G_N_ELEMENTS(strings); j++)
                        g_assert_true(g_variant_lookup(facts, strings[j], "&s", &text) && text[0]);
                for (size_t j = 0; j < G_N_ELEMENTS(flags); j++)
                        g_assert_true(g_variant_lookup(facts, flags[j], "b", NULL));
                list = g_variant_lookup_value(facts, "claims", G_VARIANT_TYPE("aa{sv}"));
                g_assert_nonnull(list);
                g_assert_cmpuint(g_variant_n_children(list), >=, 6);
        }
}

static void test_properties(Fixture *fixture, gconstpointer data) {
        g_autoptr(IpcbusManager) manager = NULL;
        g_autoptr(GError) error = NULL;
        guint64 value;

        manager = ipcbus_manager_proxy_new_sync(
                fixture->connection, G_DBUS_PROXY_FLAGS_NONE, IPCBUS_BUS_NAME, IPCBUS_PATH, NULL, &error);
        g_assert_no_error(error);
        g_assert_cmpstr(ipcbus_manager_get_version(manager), ==, IPCBUS_VERSION);
        g_assert_true(g_strv_contains(ipcbus_manager_get_kinds(manager), "mq-posix"));
        g_assert_true(g_variant_lookup(ipcbus_manager_get_limits(manager), "objects", "t", &value));
        g_assert_cmpuint(value, ==, 16384);
}

static GVariant *find_row(GVariant *rows, const char *address) {
        for (size_t i = 0; i < g_variant_n_children(rows); i++) {
                GVariant *row = g_variant_get_child_value(rows, i);
                const char *text;

                if (g_variant_lookup(row, "address", "&s", &text) && g_str_equal(text, address))
                        return row;
                g_variant_unref(row);
        }
        return NULL;
}

/* One of ours, and one that somebody else made: both are there, and told apart. */
static void test_list(Fixture *fixture, gconstpointer data) {
        g_autofree char *ours = fixture_make(fixture, "shm-posix", NULL), *name = fixture_name(fixture);
        g_autofree char *pipe = fixture_make(fixture, "pipe", NULL), *theirs = g_strconcat("shm-posix:", name, NULL);
        g_autoptr(GVariant) all = NULL, mine = NULL, row = NULL;
        const char *kinds[] = { "shm-posix", NULL };
        g_autoptr(GError) error = NULL;
        gboolean is_ours;
        int fd;

        fd = shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0600);
        g_assert_cmpint(fd, >=, 0);
        ipcbus_manager_call_list_kernel_objects_sync(
                fixture->manager, options("kinds", "^as", kinds, NULL), PLAINLY, &all, NULL, &error);
        g_assert_no_error(error);
        row = find_row(all, ours);
        g_assert_nonnull(row);
        g_assert_true(g_variant_lookup(row, "ours", "b", &is_ours) && is_ours);
        g_clear_pointer(&row, g_variant_unref);
        row = find_row(all, theirs);
        g_assert_nonnull(row);
        g_assert_true(g_variant_lookup(row, "ours", "b", &is_ours) && !is_ours);
        g_assert_null(find_row(all, pipe));

        ipcbus_manager_call_list_kernel_objects_sync(
                fixture->manager, options("mine", "b", TRUE, NULL), PLAINLY, &mine, NULL, &error);
        g_assert_no_error(error);
        g_assert_cmpuint(g_variant_n_children(mine), ==, 2);
        g_assert_null(find_row(mine, theirs));
        close(fd);
        g_assert_cmpint(shm_unlink(name), ==, 0);
        remove_it(fixture, ours);
        remove_it(fixture, pipe);
}

/* Who holds it, ours and others, in which way. */
static void test_holders(Fixture *fixture, gconstpointer data) {
        g_autofree char *address = fixture_make(fixture, "shm-posix", NULL);
        g_autoptr(GVariant) holders = NULL, attributes = NULL;
        g_autoptr(GError) error = NULL;
        bool mapped = false;
        void *memory;
        int fd;

        fd = shm_open(strchr(address, ':') + 1, O_RDWR, 0);
        memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        close(fd);
        ipcbus_manager_call_list_holders_sync(fixture->manager, address, PLAINLY, &holders, NULL, &error);
        g_assert_no_error(error);
        for (size_t i = 0; i < g_variant_n_children(holders); i++) {
                g_autoptr(GVariant) holder = g_variant_get_child_value(holders, i);
                const char *how;
                guint64 pid;

                g_assert_true(g_variant_lookup(holder, "pid", "t", &pid));
                g_assert_true(g_variant_lookup(holder, "how", "&s", &how));
                if (pid == (guint64)getpid() && g_str_has_prefix(how, "mapped"))
                        mapped = true;
        }
        g_assert_true(mapped);
        ipcbus_manager_call_describe_sync(fixture->manager, address, PLAINLY, &attributes, NULL, &error);
        g_assert_no_error(error);
        g_assert_true(g_variant_lookup(attributes, "ours", "b", NULL));
        g_assert_true(g_variant_lookup(attributes, "size", "t", NULL));
        munmap(memory, 4096);
        remove_it(fixture, address);
}

static void test_explain(Fixture *fixture, gconstpointer data) {
        g_autofree char *address = fixture_make(fixture, "fifo", NULL);
        g_autoptr(GVariant) verdict = NULL, none = NULL;
        gboolean possible = FALSE;
        const char *summary;
        GError *error = NULL;

        ipcbus_manager_call_explain_sync(fixture->manager, address, NO_OPTIONS, PLAINLY, &verdict, NULL, &error);
        g_assert_no_error(error);
        g_assert_true(g_variant_lookup(verdict, "possible", "b", &possible) && possible);
        g_assert_true(g_variant_lookup(verdict, "summary", "&s", &summary));
        g_assert_false(ipcbus_manager_call_explain_sync(fixture->manager, address,
                options("for", "s", "no-such-user-here", NULL), PLAINLY, &none, NULL, &error));
        assert_error(&error, "InvalidOption");
        remove_it(fixture, address);
}

static GString *busctl_bytes(const guint8 *values, size_t n) {
        GString *text = g_string_new(NULL);

        g_string_append_printf(text, "%zu", n);
        for (size_t i = 0; i < n; i++)
                g_string_append_printf(text, " %u", values[i]);
        return text;
}

/* All 256 values, there and back, in every way that a client can go. */
static void test_bytes(Fixture *fixture, gconstpointer data) {
        g_autofree char *address = fixture_make(fixture, "fifo", NULL), *command = NULL, *output = NULL;
        g_autoptr(GString) numbers = NULL, literal = g_string_new(NULL);
        g_autoptr(GVariant) received = NULL, meta = NULL;
        g_autofree char *wanted = NULL;
        g_autoptr(GError) error = NULL;
        guint8 all[256];
        guint64 sent;
        int status;

        for (size_t i = 0; i < sizeof(all); i++) {
                all[i] = (guint8)i;
                g_string_append_printf(literal, "%s%u", i ? "," : "", (unsigned)i);
        }
        numbers = busctl_bytes(all, sizeof(all));

        /* The generated proxy to busctl, */
        ipcbus_manager_call_send_sync(
                fixture->manager, address, bytes(all, sizeof(all)), NO_OPTIONS, PLAINLY, &sent, NULL, &error);
        g_assert_no_error(error);
        command = g_strdup_printf("busctl --user call " IPCBUS_BUS_NAME " " IPCBUS_PATH " " IPCBUS_INTERFACE_MANAGER
                                  " Receive 'sa{sv}' %s 0",
                address);
        output = fixture_run(fixture, command, &status);
        wanted = g_strdup_printf("aya{sv} %s 0\n", numbers->str);
        g_assert_cmpstr(output, ==, wanted);

        /* busctl to gdbus, */
        g_free(command);
        g_free(output);
        command = g_strdup_printf("busctl --user call " IPCBUS_BUS_NAME " " IPCBUS_PATH " " IPCBUS_INTERFACE_MANAGER
                                  " Send 'saya{sv}' %s %s 0",
                address, numbers->str);
        output = fixture_run(fixture, command, &status);
        g_assert_cmpstr(output, ==, "t 256\n");
        g_free(command);
        g_free(output);
        command = g_strdup_printf("gdbus call --session -d " IPCBUS_BUS_NAME " -o " IPCBUS_PATH
                                  " -m " IPCBUS_INTERFACE_MANAGER ".Receive %s '{}'",
                address);
        output = fixture_run(fixture, command, &status);
        received = g_variant_parse(G_VARIANT_TYPE("(aya{sv})"), output, NULL, NULL, &error);
        g_assert_no_error(error);
        g_autoptr(GVariant) first = g_variant_get_child_value(received, 0);
        g_assert_cmpmem(g_variant_get_data(first), g_variant_get_size(first), all, sizeof(all));

        /* gdbus to the generated proxy. */
        g_free(command);
        g_free(output);
        command = g_strdup_printf("gdbus call --session -d " IPCBUS_BUS_NAME " -o " IPCBUS_PATH
                                  " -m " IPCBUS_INTERFACE_MANAGER ".Send %s '[byte %s]' '{}'",
                address, literal->str);
        output = fixture_run(fixture, command, &status);
        g_assert_cmpstr(output, ==, "(uint64 256,)\n");
        g_clear_pointer(&received, g_variant_unref);
        ipcbus_manager_call_receive_sync(
                fixture->manager, address, NO_OPTIONS, PLAINLY, &received, &meta, NULL, &error);
        g_assert_no_error(error);
        g_assert_cmpmem(g_variant_get_data(received), g_variant_get_size(received), all, sizeof(all));
        remove_it(fixture, address);
}

/* The very first call starts the service; options as a person types them. */
static void test_activation(Fixture *fixture, gconstpointer data) {
        g_autofree char *path = fixture_path(fixture), *command = NULL, *output = NULL, *address = NULL;
        int status;

        g_assert_cmpint(fixture_service_pid(fixture), ==, 0);
        command = g_strdup_printf("busctl --user call " IPCBUS_BUS_NAME " " IPCBUS_PATH " " IPCBUS_INTERFACE_MANAGER
                                  " Create 'sa{sv}' fifo 2 path s %s capacity s 128K",
                path);
        output = fixture_run(fixture, command, &status);
        g_assert_cmpint(status, ==, 0);
        g_assert_nonnull(strstr(output, "os \"/org/ipcbus1/object/fifo/"));
        address = g_strconcat("fifo:", path, NULL);
        remove_it(fixture, address);
}

/* What others make and remove is told to who asked, until it asks no more. */
static void test_subscribe(Fixture *fixture, gconstpointer data) {
        g_autofree char *name = fixture_name(fixture), *appeared = NULL, *vanished = NULL;
        g_autoptr(GError) error = NULL;
        int fd;

        ipcbus_manager_call_subscribe_sync(fixture->manager, NO_OPTIONS, PLAINLY, NULL, &error);
        g_assert_no_error(error);
        fd = shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0600);
        close(fd);
        appeared = g_strdup_printf("KernelObjectAppeared('shm-posix:%s',)", name);
        WAIT_UNTIL(fixture_saw(fixture, appeared));
        shm_unlink(name);
        vanished = g_strdup_printf("KernelObjectVanished('shm-posix:%s',)", name);
        WAIT_UNTIL(fixture_saw(fixture, vanished));

        ipcbus_manager_call_unsubscribe_sync(fixture->manager, PLAINLY, NULL, &error);
        g_assert_no_error(error);
        fixture_settle(fixture);
        g_string_truncate(fixture->signals, 0);
        fd = shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0600);
        close(fd);
        shm_unlink(name);
        fixture_settle(fixture);
        g_usleep(20000);
        fixture_settle(fixture);
        g_assert_false(fixture_saw(fixture, "KernelObjectAppeared"));
}

static GPid spawn_monitor(Fixture *fixture, const char *const *argv, GIOChannel **ret) {
        g_auto(GStrv) environment = g_get_environ();
        g_autoptr(GError) error = NULL;
        int output;
        GPid pid;

        environment = g_environ_setenv(environment, "XDG_RUNTIME_DIR", fixture->directory, TRUE);
        environment = g_environ_setenv(environment, "DBUS_SESSION_BUS_ADDRESS", fixture->bus_address, TRUE);
        g_spawn_async_with_pipes(NULL, (char **)argv, environment, G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD,
                NULL, NULL, &pid, NULL, &output, NULL, &error);
        g_assert_no_error(error);
        *ret = g_io_channel_unix_new(output);
        g_io_channel_set_close_on_unref(*ret, TRUE);
        g_io_channel_set_encoding(*ret, NULL, NULL);
        return pid;
}

static void await_line(GIOChannel *channel, const char *text) {
        for (;;) {
                g_autofree char *line = NULL;

                g_assert_cmpint(g_io_channel_read_line(channel, &line, NULL, NULL, NULL), ==, G_IO_STATUS_NORMAL);
                if (strstr(line, text))
                        return;
        }
}

/* gdbus says who owns the name a moment before it passes signals on: it needs the owner for that too, and asks for it
 * on its own. So things happen until it has passed one on. */
static void await_first_signal(Fixture *fixture, GIOChannel *channel) {
        struct pollfd wait = { .fd = g_io_channel_unix_get_fd(channel), .events = POLLIN };

        do {
                g_autofree char *address = fixture_make(fixture, "pipe", NULL);

                remove_it(fixture, address);
        } while (poll(&wait, 1, 100) == 0);
}

/* Anybody who listens on the bus sees what happens, with no subscription. */
static void test_monitor(Fixture *fixture, gconstpointer data) {
        static const char *const gdbus[] = { "gdbus", "monitor", "--session", "-d", IPCBUS_BUS_NAME, NULL };
        g_autoptr(GIOChannel) channel = NULL;
        g_autofree char *address = NULL;
        g_autoptr(GError) error = NULL;
        g_auto(GStrv) kinds = NULL;
        guint64 sent;
        GPid pid;

        ipcbus_manager_call_list_kinds_sync(fixture->manager, PLAINLY, &kinds, NULL, &error);
        pid = spawn_monitor(fixture, gdbus, &channel);
        await_line(channel, "is owned by");
        await_first_signal(fixture, channel);
        address = fixture_make(fixture, "mq-posix", NULL);
        await_line(channel, address);
        ipcbus_manager_call_send_sync(
                fixture->manager, address, bytes("x", 1), NO_OPTIONS, PLAINLY, &sent, NULL, &error);
        g_assert_no_error(error);
        await_line(channel, "MessageArrived (uint64 1,)");
        remove_it(fixture, address);
        await_line(channel, "InterfacesRemoved");
        kill(pid, SIGTERM);
        waitpid(pid, NULL, 0);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        FIXTURE_TEST("/manager/kinds", NULL, test_kinds);
        FIXTURE_TEST("/manager/properties", NULL, test_properties);
        FIXTURE_TEST("/manager/list", NULL, test_list);
        FIXTURE_TEST("/manager/holders", NULL, test_holders);
        FIXTURE_TEST("/manager/explain", NULL, test_explain);
        FIXTURE_TEST("/manager/bytes", NULL, test_bytes);
        FIXTURE_TEST("/manager/activation", NULL, test_activation);
        FIXTURE_TEST("/manager/subscribe", NULL, test_subscribe);
        FIXTURE_TEST("/manager/monitor", NULL, test_monitor);
        return g_test_run();
}
