/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a busy or greedy program can do to the service: it goes on serving others, holds no more than its limits say,
 * and gives back what it held. */
#include <gio/gunixfdlist.h>
#include <mqueue.h>
#include <string.h>
#include <unistd.h>

#include "fixture.h"

enum { FEW_DESCRIPTORS = 64 };

static unsigned count(const Fixture *fixture, const char *text) {
        unsigned n = 0;

        for (const char *at = fixture->signals->str; (at = strstr(at, text)); at++)
                n++;
        return n;
}

static void remove_object(Fixture *fixture, const char *address) {
        g_autoptr(GError) error = NULL;

        (void)ipcbus_manager_call_remove_sync(fixture->manager, address, PLAINLY, NULL, &error);
        g_assert_no_error(error);
}

static char *create_queue(Fixture *fixture, mqd_t *ret_queue) {
        g_autofree char *name = fixture_name(fixture), *path = NULL, *address = NULL;

        address = fixture_create(
                fixture, "mq-posix", options("name", "s", name, "max_messages", "t", (guint64)10, NULL), &path);
        *ret_queue = mq_open(name, O_RDWR | O_NONBLOCK | O_CLOEXEC);
        g_assert_cmpint(*ret_queue, >=, 0);
        return g_steal_pointer(&address);
}

static void receive_one(mqd_t queue) {
        char buffer[65536];

        g_assert_cmpint(mq_receive(queue, buffer, sizeof(buffer), NULL), >=, 0);
}

/* Between two signals of one queue lie ten milliseconds, however fast it is used. */
static void test_busy_queue(Fixture *fixture, gconstpointer data) {
        gint64 begin = g_get_monotonic_time(), elapsed;
        g_autofree char *address = NULL;
        unsigned told;
        mqd_t queue;

        address = create_queue(fixture, &queue);
        while ((elapsed = g_get_monotonic_time() - begin) < G_USEC_PER_SEC / 2)
                for (int i = 0; i < 100; i++) {
                        g_assert_cmpint(mq_send(queue, "x", 1, 0), ==, 0);
                        receive_one(queue);
                }
        g_assert_cmpint(mq_send(queue, "x", 1, 0), ==, 0);
        WAIT_UNTIL(fixture_saw(fixture, "MessageArrived(1,)"));
        fixture_settle(fixture);
        elapsed = g_get_monotonic_time() - begin;
        told = count(fixture, "MessageArrived");
        g_test_message("%u signals in %" G_GINT64_FORMAT " ms", told, elapsed / 1000);
        g_assert_cmpuint(told, <=, elapsed / 10000 + 2);
        mq_close(queue);
        remove_object(fixture, address);
}

/* In the pause one is taken and one is sent: as many as before, and yet one is new. */
static void test_message_in_the_pause(Fixture *fixture, gconstpointer data) {
        g_autofree char *address = NULL;
        mqd_t queue;

        address = create_queue(fixture, &queue);
        for (unsigned i = 1; i <= 20; i++) {
                g_assert_cmpint(mq_send(queue, "x", 1, 0), ==, 0);
                WAIT_UNTIL(count(fixture, "MessageArrived") == 2 * i - 1);
                receive_one(queue);
                g_assert_cmpint(mq_send(queue, "y", 1, 0), ==, 0);
                WAIT_UNTIL(count(fixture, "MessageArrived") == 2 * i);
                receive_one(queue);
                g_usleep(i % 4 * 7000); /* the next one comes in a pause, at its end, and after it */
        }
        /* Nothing more comes, so nothing more is told. */
        g_usleep(50000);
        fixture_settle(fixture);
        g_assert_cmpuint(count(fixture, "MessageArrived"), ==, 40);
        mq_close(queue);
        remove_object(fixture, address);
}

static GVariant *repeated(const char *word, unsigned n) {
        GVariantBuilder builder;

        g_variant_builder_init(&builder, G_VARIANT_TYPE("as"));
        for (unsigned i = 0; i < n; i++)
                g_variant_builder_add(&builder, "s", word);
        return g_variant_builder_end(&builder);
}

/* A list of which sd_bus_message_read_strv(3) counts the beginning anew for each item. */
static void test_long_lists(Fixture *fixture, gconstpointer data) {
        g_autoptr(GVariant) claims = g_variant_ref_sink(repeated("x", 20000));
        g_autofree const char **kinds = g_new0(const char *, 20001);
        const char *one[] = { "pipe", NULL };
        g_autoptr(GError) error = NULL;
        GVariantBuilder builder;

        for (unsigned i = 0; i < 20000; i++)
                kinds[i] = "pipe";
        g_assert_false(
                ipcbus_manager_call_test_sync(fixture->manager, kinds, NO_OPTIONS, PLAINLY, NULL, NULL, &error));
        assert_error(&error, "LimitExceeded");
        g_variant_builder_init(&builder, G_VARIANT_TYPE_VARDICT);
        g_variant_builder_add(&builder, "{sv}", "claims", claims);
        g_assert_false(ipcbus_manager_call_test_sync(
                fixture->manager, one, g_variant_builder_end(&builder), PLAINLY, NULL, NULL, &error));
        assert_error(&error, "LimitExceeded");
        g_variant_builder_init(&builder, G_VARIANT_TYPE_VARDICT);
        for (unsigned i = 0; i < 100000; i++)
                g_variant_builder_add(&builder, "{sv}", "hold", g_variant_new_boolean(TRUE));
        g_assert_false(ipcbus_manager_call_create_sync(
                fixture->manager, "pipe", g_variant_builder_end(&builder), PLAINLY, NULL, NULL, NULL, &error));
        assert_error(&error, "LimitExceeded");
}

typedef struct Answers {
        unsigned all, refused;
} Answers;

static void on_answer(GObject *source, GAsyncResult *result, gpointer userdata) {
        g_autoptr(GError) error = NULL;
        g_autoptr(GVariant) reply = NULL;
        Answers *answers = userdata;

        reply = g_dbus_connection_call_finish(G_DBUS_CONNECTION(source), result, &error);
        answers->all++;
        if (error && strstr(error->message, "LimitExceeded"))
                answers->refused++;
}

static void call_async(GDBusConnection *connection, const char *member, GVariant *arguments, Answers *answers) {
        g_dbus_connection_call(connection, IPCBUS_BUS_NAME, IPCBUS_PATH, IPCBUS_INTERFACE_MANAGER, member, arguments,
                NULL, G_DBUS_CALL_FLAGS_NONE, G_MAXINT, NULL, on_answer, answers);
}

static GVariant *for_a_minute(void) {
        return options("timeout", "t", (guint64)60 * G_USEC_PER_SEC, NULL);
}

/* Calls that wait for room keep what they are to send, at most 64 MiB a connection, and give it back. */
static void test_waiting_bytes(Fixture *fixture, gconstpointer data) {
        g_autofree char *path = fixture_path(fixture), *address = NULL, *object = NULL;
        g_autofree char *large = g_malloc0(1 << 20);

        address = fixture_create(fixture, "fifo", options("path", "s", path, NULL), &object);
        for (unsigned round = 0; round < 2; round++) {
                GDBusConnection *connection = fixture_connect(fixture);
                Answers answers = { 0 };

                for (unsigned i = 0; i < 68; i++)
                        call_async(connection, "Send",
                                g_variant_new("(s@ay@a{sv})", address, bytes(large, 1 << 20), for_a_minute()),
                                &answers);
                /* 64 are kept; the first of them fills the FIFO, the others find it full. */
                WAIT_UNTIL(answers.refused == 4);
                g_assert_cmpuint(answers.all, ==, 4);
                fixture_disconnect(connection);
                WAIT_UNTIL(answers.all == 68);
        }
        remove_object(fixture, address);
}

/* A wait for a POSIX semaphore is a process. */
static void test_workers(Fixture *fixture, gconstpointer data) {
        g_autofree char *name = fixture_name(fixture), *address = NULL, *object = NULL;
        GDBusConnection *connection = fixture_connect(fixture);
        Answers answers = { 0 };

        address = fixture_create(fixture, "sem-posix", options("name", "s", name, NULL), &object);
        for (unsigned i = 0; i < 100; i++)
                call_async(connection, "Wait", g_variant_new("(s@a{sv})", address, for_a_minute()), &answers);
        WAIT_UNTIL(answers.all >= 36);
        g_test_message("%u answered, %u of them refused", answers.all, answers.refused);
        g_assert_cmpuint(answers.refused, ==, 36);
        fixture_disconnect(connection);
        WAIT_UNTIL(answers.all == 100);
        WAIT_UNTIL(fixture_processes(fixture) == 1);
        remove_object(fixture, address);
}

static unsigned service_descriptors(Fixture *fixture) {
        g_autofree char *path = g_strdup_printf("/proc/%d/fd", (int)fixture_service_pid(fixture));
        GDir *directory = g_dir_open(path, 0, NULL);
        unsigned n = 0;

        g_assert_nonnull(directory);
        while (g_dir_read_name(directory))
                n++;
        g_dir_close(directory);
        return n;
}

/* Descriptors beside a call are nobody's business, and are not kept while it waits. */
static void test_unwanted_descriptors(Fixture *fixture, gconstpointer data) {
        g_autofree char *path = fixture_path(fixture), *address = NULL, *object = NULL;
        GDBusConnection *connection = fixture_connect(fixture);
        unsigned before, calls = 50;

        address = fixture_create(fixture, "fifo", options("path", "s", path, NULL), &object);
        before = service_descriptors(fixture);
        for (unsigned i = 0; i < calls; i++) {
                g_autoptr(GDBusMessage) message = g_dbus_message_new_method_call(
                        IPCBUS_BUS_NAME, IPCBUS_PATH, IPCBUS_INTERFACE_MANAGER, "Receive");
                g_autoptr(GUnixFDList) list = g_unix_fd_list_new();
                g_autoptr(GError) error = NULL;

                for (unsigned fd = 0; fd < 16; fd++)
                        g_assert_cmpint(g_unix_fd_list_append(list, 0, &error), >=, 0);
                g_dbus_message_set_unix_fd_list(message, list);
                g_dbus_message_set_body(message, g_variant_new("(s@a{sv})", address, for_a_minute()));
                g_assert_true(g_dbus_connection_send_message(
                        connection, message, G_DBUS_SEND_MESSAGE_FLAGS_NONE, NULL, &error));
        }
        g_dbus_connection_flush_sync(connection, NULL, NULL);
        WAIT_UNTIL(service_descriptors(fixture) == before + calls);
        fixture_disconnect(connection);
        WAIT_UNTIL(service_descriptors(fixture) == before);
        remove_object(fixture, address);
}

/* One client's leases are many; all end, and others are answered meanwhile. */
static void test_many_leases(Fixture *fixture, gconstpointer data) {
        GDBusConnection *connection = fixture_connect(fixture);
        g_autoptr(IpcbusManager) manager = fixture_manager(connection);
        g_autoptr(GError) error = NULL;

        for (unsigned i = 0; i < 500; i++) {
                (void)ipcbus_manager_call_create_sync(
                        manager, "pipe", options("lease", "s", "caller", NULL), PLAINLY, NULL, NULL, NULL, &error);
                g_assert_no_error(error);
        }
        fixture_settle(fixture);
        g_string_truncate(fixture->signals, 0);
        fixture_disconnect(connection);
        WAIT_UNTIL(count(fixture, "LeaseExpired") == 500);
        fixture_settle(fixture);
        g_assert_cmpuint(count(fixture, "InterfacesRemoved"), ==, 500);
}

/* The bus raises its own limit as far as it may, so the service is started through prlimit(1). */
static void set_up_few_descriptors(Fixture *fixture, gconstpointer data) {
        g_autofree char *daemon = g_strdup(g_getenv("IPCBUS_DAEMON"));
        g_autofree char *limited = g_strdup_printf("/usr/bin/prlimit --nofile=%d %s", FEW_DESCRIPTORS, daemon);

        g_assert_true(g_setenv("IPCBUS_DAEMON", limited, TRUE));
        fixture_set_up(fixture, data);
        g_assert_true(g_setenv("IPCBUS_DAEMON", daemon, TRUE));
}

/* Objects never take the descriptors that workers and replies need: what was filled can be listed and removed. */
static void test_few_descriptors(Fixture *fixture, gconstpointer data) {
        g_autoptr(GPtrArray) made = g_ptr_array_new_with_free_func(g_free);
        g_autoptr(GVariant) listed = NULL;
        g_autoptr(GError) error = NULL;

        for (int i = 0; i < FEW_DESCRIPTORS && !error; i++) {
                char *address = NULL;

                if (ipcbus_manager_call_create_sync(fixture->manager, "memfd", options("size", "t", (guint64)1, NULL),
                            PLAINLY, NULL, &address, NULL, &error))
                        g_ptr_array_add(made, address);
        }
        assert_error(&error, "LimitExceeded");
        g_assert_cmpuint(made->len, >=, 8);
        ipcbus_manager_call_list_kernel_objects_sync(
                fixture->manager, options("holders", "b", TRUE, NULL), PLAINLY, &listed, NULL, &error);
        g_assert_no_error(error);
        for (guint i = 0; i < made->len; i++)
                remove_object(fixture, made->pdata[i]);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        FIXTURE_TEST("/strain/busy-queue", NULL, test_busy_queue);
        FIXTURE_TEST("/strain/message-in-the-pause", NULL, test_message_in_the_pause);
        FIXTURE_TEST("/strain/long-lists", NULL, test_long_lists);
        FIXTURE_TEST("/strain/waiting-bytes", NULL, test_waiting_bytes);
        FIXTURE_TEST("/strain/workers", NULL, test_workers);
        FIXTURE_TEST("/strain/unwanted-descriptors", NULL, test_unwanted_descriptors);
        FIXTURE_TEST("/strain/many-leases", NULL, test_many_leases);
        g_test_add("/strain/few-descriptors", Fixture, NULL, set_up_few_descriptors, test_few_descriptors,
                fixture_tear_down);
        return g_test_run();
}
