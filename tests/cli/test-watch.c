/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ipcctl watch: every event as a line, the filters, and the desktop, which is a notification service of this test. */
#include "cli.h"

#include <signal.h>
#include <string.h>

#include <glib/gstdio.h>

static const char notifications_xml[] =
        "<node><interface name='org.freedesktop.Notifications'><method name='Notify'>"
        "<arg type='s' direction='in'/><arg type='u' direction='in'/><arg type='s' direction='in'/>"
        "<arg type='s' direction='in'/><arg type='s' direction='in'/><arg type='as' direction='in'/>"
        "<arg type='a{sv}' direction='in'/><arg type='i' direction='in'/><arg type='u' direction='out'/>"
        "</method></interface></node>";

typedef struct Watching {
        GSubprocess *process;
        GDataInputStream *output, *errors;
} Watching;

/* Returns when it watches: it says so with --verbose. */
static Watching watch_start(Fixture *fixture, const char *first, ...) {
        g_autoptr(GPtrArray) argv = g_ptr_array_new();
        va_list arguments;

        g_ptr_array_add(argv, (gpointer)g_getenv("IPCCTL"));
        g_ptr_array_add(argv, (gpointer) "watch");
        g_ptr_array_add(argv, (gpointer) "--verbose");
        va_start(arguments, first);
        for (const char *word = first; word != NULL; word = va_arg(arguments, const char *))
                g_ptr_array_add(argv, (gpointer)word);
        va_end(arguments);
        g_ptr_array_add(argv, NULL);
        Watching watching = { .process = cli_start_argv(fixture,
                                      G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_PIPE,
                                      (const char *const *)argv->pdata) };
        watching.errors = g_data_input_stream_new(g_subprocess_get_stderr_pipe(watching.process));
        watching.output = g_data_input_stream_new(g_subprocess_get_stdout_pipe(watching.process));
        g_autofree char *line = g_data_input_stream_read_line(watching.errors, NULL, NULL, NULL);
        g_assert_cmpstr(line, ==, "ipcctl: watching");
        return watching;
}

/* The next event, when it comes. */
static char *watch_line(Watching *watching) {
        return g_data_input_stream_read_line(watching->output, NULL, NULL, NULL);
}

/* The lines that it has printed since, up to its end. */
static char **watch_end(Watching *watching, int status) {
        g_autoptr(GStrvBuilder) lines = g_strv_builder_new();

        for (char *line; (line = watch_line(watching)) != NULL; g_free(line))
                g_strv_builder_add(lines, line);
        g_subprocess_wait(watching->process, NULL, NULL);
        if (status < 128) {
                g_assert_true(g_subprocess_get_if_exited(watching->process));
                g_assert_cmpint(g_subprocess_get_exit_status(watching->process), ==, status);
        } else
                g_assert_cmpint(g_subprocess_get_term_sig(watching->process), ==, status - 128);
        g_clear_object(&watching->output);
        g_clear_object(&watching->errors);
        g_clear_object(&watching->process);
        return g_strv_builder_end(lines);
}

static void assert_event(const char *line, const char *event, const char *address) {
        g_autoptr(JsonNode) node = json_parse(line);
        JsonObject *object = json_node_get_object(node);

        g_assert_cmpstr(json_object_get_string_member(object, "event"), ==, event);
        if (address != NULL)
                g_assert_cmpstr(json_object_get_string_member(object, "address"), ==, address);
        g_assert_cmpint(json_object_get_int_member(object, "time"), >, 0);
        g_assert_true(json_object_has_member(object, "details"));
}

static void test_objects(Fixture *fixture, gconstpointer arguments) {
        g_autofree char *name = fixture_name(fixture), *option = g_strconcat("name=", name, NULL);
        g_autofree char *address = g_strconcat("mq-posix:", name, NULL);
        Watching watching = watch_start(fixture, "--json", "--count", "3", address, NULL);

        g_free(cli_create(fixture, "mq-posix", option, "max_messages=3", "message_size=1K", NULL));
        cli_ok(fixture, "", "send", address, "x", NULL);
        g_usleep(100 * 1000);
        cli_ok(fixture, "", "remove", address, NULL);
        g_auto(GStrv) lines = watch_end(&watching, 0);
        g_assert_cmpuint(g_strv_length(lines), ==, 3);
        assert_event(lines[0], "created", address);
        assert_event(lines[1], "message-arrived", address);
        assert_event(lines[2], "removed", address);
}

static void test_semaphore_and_signal(Fixture *fixture, gconstpointer arguments) {
        g_autofree char *name = fixture_name(fixture), *option = g_strconcat("name=", name, NULL);
        g_autofree char *semaphore = cli_create(fixture, "sem-posix", option, NULL);
        g_autofree char *listener = cli_create(fixture, "signal", "signals=RTMIN+3", NULL);
        Watching watching = watch_start(fixture, "--count", "2", semaphore, listener, NULL);

        cli_ok(fixture, "", "post", semaphore, "2", NULL);
        cli_ok(fixture, "", "signal", listener, "RTMIN+3", "--value", "9", NULL);
        g_auto(GStrv) lines = watch_end(&watching, 0);
        g_assert_nonnull(strstr(lines[0], "  posted "));
        g_assert_nonnull(strstr(lines[0], semaphore));
        g_assert_nonnull(strstr(lines[0], "count=2"));
        g_assert_nonnull(strstr(lines[1], "  signal-received "));
        g_assert_nonnull(strstr(lines[1], "value=9"));
        cli_ok(fixture, "", "remove", semaphore, listener, NULL);
}

static void test_lease(Fixture *fixture, gconstpointer arguments) {
        g_autofree char *path = fixture_path(fixture), *option = g_strconcat("path=", path, NULL);
        g_autofree char *address = g_strconcat("fifo:", path, NULL);
        Watching watching = watch_start(fixture, "--json", "--count", "3", address, NULL);

        g_free(cli_create(fixture, "fifo", option, "lease=100ms", NULL));
        g_auto(GStrv) lines = watch_end(&watching, 0);
        assert_event(lines[0], "created", address);
        assert_event(lines[1], "lease-expired", address);
        assert_event(lines[2], "removed", address);
}

static void test_foreign(Fixture *fixture, gconstpointer arguments) {
        g_autofree char *name = fixture_name(fixture), *file = g_strconcat("/dev/shm", name, NULL);
        g_autofree char *address = g_strconcat("shm-posix:", name, NULL);
        Watching watching = watch_start(fixture, "--json", "--count", "2", address, NULL);

        g_assert_true(g_file_set_contents_full(file, "x", 1, G_FILE_SET_CONTENTS_NONE, 0600, NULL));
        g_autofree char *appeared = watch_line(&watching);
        assert_event(appeared, "appeared", address);
        g_remove(file);
        g_auto(GStrv) lines = watch_end(&watching, 0);
        assert_event(lines[0], "vanished", address);
}

static void test_jobs(Fixture *fixture, gconstpointer arguments) {
        Watching watching = watch_start(fixture, "--json", "job", NULL);
        unsigned records = 0;

        cli_ok(fixture, NULL, "test", "pipe", NULL);
        g_autofree char *started = watch_line(&watching);
        assert_event(started, "job-started", NULL);
        for (bool finished = false; !finished;) {
                g_autofree char *line = watch_line(&watching);
                finished = strstr(line, "\"job-finished\"") != NULL;
                records += strstr(line, "\"job-record\"") != NULL;
        }
        g_assert_cmpuint(records, >=, 6);
        g_subprocess_send_signal(watching.process, SIGTERM);
        g_strfreev(watch_end(&watching, 128 + SIGTERM));
}

static void test_time(Fixture *fixture, gconstpointer arguments) {
        cli_ok(fixture, "", "watch", "fifo", "--timeout", "50ms", NULL);
        g_autoptr(CliResult)
                result = cli_run(fixture, NULL, "watch", "fifo", "--timeout", "50ms", "--count", "1", NULL);
        g_assert_cmpint(result->status, ==, EXIT_CODE_TIMED_OUT);
}

static void test_service_ends(Fixture *fixture, gconstpointer arguments) {
        Watching watching = watch_start(fixture, "fifo", NULL);

        fixture_end_service(fixture, SIGKILL);
        g_strfreev(watch_end(&watching, EXIT_CODE_FAILED));
}

static void notify_called(GDBusConnection *connection, const char *sender, const char *path, const char *interface,
        const char *method, GVariant *parameters, GDBusMethodInvocation *invocation, gpointer userdata) {
        GString *shown = userdata;
        const char *application, *icon, *summary, *body;
        guint32 replaces;

        g_variant_get(
                parameters, "(&su&s&s&sasa{sv}i)", &application, &replaces, &icon, &summary, &body, NULL, NULL, NULL);
        g_string_append_printf(shown, "%s|%u|%s|%s\n", application, replaces, summary, body);
        g_dbus_method_invocation_return_value(invocation, g_variant_new("(u)", 77));
}

static void own_notifications(GDBusConnection *connection, GString *shown) {
        static const GDBusInterfaceVTable vtable = { .method_call = notify_called };
        g_autoptr(GDBusNodeInfo) info = g_dbus_node_info_new_for_xml(notifications_xml, NULL);
        g_autoptr(GVariant) reply = NULL;

        g_dbus_connection_register_object(
                connection, "/org/freedesktop/Notifications", info->interfaces[0], &vtable, shown, NULL, NULL);
        reply = g_dbus_connection_call_sync(connection, "org.freedesktop.DBus", "/org/freedesktop/DBus",
                "org.freedesktop.DBus", "RequestName", g_variant_new("(su)", "org.freedesktop.Notifications", 4), NULL,
                G_DBUS_CALL_FLAGS_NONE, -1, NULL, NULL);
        g_assert_nonnull(reply);
}

static void test_notify(Fixture *fixture, gconstpointer arguments) {
        g_autofree char *path = fixture_path(fixture), *option = g_strconcat("path=", path, NULL);
        g_autofree char *address = g_strconcat("fifo:", path, NULL);
        g_autofree char *created = g_strdup_printf("ipcctl|0|created %s|", address);
        g_autofree char *removed = g_strdup_printf("ipcctl|0|removed %s|", address);
        g_autoptr(GString) shown = g_string_new(NULL);

        own_notifications(fixture->connection, shown);
        Watching watching = watch_start(fixture, "--notify", "--count", "2", address, NULL);
        g_free(cli_create(fixture, "fifo", option, NULL));
        WAIT_UNTIL(strstr(shown->str, created) != NULL);
        cli_ok(fixture, "", "remove", address, NULL);
        WAIT_UNTIL(strstr(shown->str, removed) != NULL);
        g_strfreev(watch_end(&watching, 0));
}

/* The same kind of event of the same object takes the place of the one before. */
static void test_notify_replaces(Fixture *fixture, gconstpointer arguments) {
        g_autofree char *name = fixture_name(fixture), *option = g_strconcat("name=", name, NULL);
        g_autofree char *address = cli_create(fixture, "sem-posix", option, NULL);
        g_autofree char *first = g_strdup_printf("ipcctl|0|posted %s|", address);
        g_autofree char *second = g_strdup_printf("ipcctl|77|posted %s|", address);
        g_autoptr(GString) shown = g_string_new(NULL);

        own_notifications(fixture->connection, shown);
        Watching watching = watch_start(fixture, "--notify", "--count", "2", address, NULL);
        cli_ok(fixture, "", "post", address, NULL);
        WAIT_UNTIL(strstr(shown->str, first) != NULL);
        cli_ok(fixture, "", "post", address, NULL);
        WAIT_UNTIL(strstr(shown->str, second) != NULL);
        g_strfreev(watch_end(&watching, 0));
        cli_ok(fixture, "", "remove", address, NULL);
}

/* Nobody there to notify: not a word, and the events all the same. */
static void test_notify_nobody(Fixture *fixture, gconstpointer arguments) {
        g_autofree char *path = fixture_path(fixture), *option = g_strconcat("path=", path, NULL);
        g_autofree char *address = g_strconcat("fifo:", path, NULL);
        Watching watching = watch_start(fixture, "--notify", "--count", "2", "--json", address, NULL);

        g_free(cli_create(fixture, "fifo", option, NULL));
        cli_ok(fixture, "", "remove", address, NULL);
        g_autofree char *said = g_data_input_stream_read_line(watching.errors, NULL, NULL, NULL);
        g_assert_null(said);
        g_auto(GStrv) lines = watch_end(&watching, 0);
        assert_event(lines[0], "created", address);
        assert_event(lines[1], "removed", address);
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        FIXTURE_TEST("/cli/watch/objects", NULL, test_objects);
        FIXTURE_TEST("/cli/watch/semaphore-and-signal", NULL, test_semaphore_and_signal);
        FIXTURE_TEST("/cli/watch/lease", NULL, test_lease);
        FIXTURE_TEST("/cli/watch/foreign", NULL, test_foreign);
        FIXTURE_TEST("/cli/watch/jobs", NULL, test_jobs);
        FIXTURE_TEST("/cli/watch/time", NULL, test_time);
        FIXTURE_TEST("/cli/watch/service-ends", NULL, test_service_ends);
        FIXTURE_TEST("/cli/watch/notify", NULL, test_notify);
        FIXTURE_TEST("/cli/watch/notify-replaces", NULL, test_notify_replaces);
        FIXTURE_TEST("/cli/watch/notify-nobody", NULL, test_notify_nobody);
        return g_test_run();
}
