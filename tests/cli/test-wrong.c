/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Wrong input: one sentence, and the exit code that belongs to it. */
#include "cli.h"

#include <signal.h>
#include <string.h>

#include <glib/gstdio.h>

static void test_usage(Fixture *fixture, gconstpointer arguments) {
        cli_fails(fixture, EXIT_CODE_USAGE, "did you mean \"list\"", "lits", NULL);
        cli_fails(fixture, EXIT_CODE_USAGE, "unknown verb \"xyzzyx\"", "xyzzyx", NULL);
        cli_fails(fixture, EXIT_CODE_USAGE, "did you mean --priority", "send", "mq-posix:/x", "y", "--prioritty", "5",
                NULL);
        cli_fails(fixture, EXIT_CODE_USAGE, "unknown option --xyzzy", "list", "--xyzzy", NULL);
        cli_fails(fixture, EXIT_CODE_USAGE, "unknown option --xyzzy", "--xyzzy", "list", NULL);
        cli_fails(
                fixture, EXIT_CODE_USAGE, "--confirm takes no value", "signal", "1", "CONT", "--confirm=false", NULL);
        cli_fails(fixture, EXIT_CODE_USAGE, "--json takes no value", "--json=no", "list", NULL);
        cli_fails(fixture, EXIT_CODE_USAGE, "only one of", "--user", "list", "--embedded", NULL);
        cli_fails(fixture, EXIT_CODE_USAGE, "usage: ipcctl show ADDRESS", "show", NULL);
        cli_fails(fixture, EXIT_CODE_USAGE, "usage: ipcctl wait ADDRESS", "wait", NULL);
        cli_fails(fixture, EXIT_CODE_USAGE, "too many words", "jobs", "x", NULL);
        cli_fails(fixture, EXIT_CODE_USAGE, "what to send", "send", "mq-posix:/x", NULL);
        cli_fails(fixture, EXIT_CODE_USAGE, "no process", "signal", "abc", "TERM", NULL);
        cli_fails(fixture, EXIT_CODE_USAGE, "no job", "cancel", "abc", NULL);
        cli_fails(fixture, EXIT_CODE_USAGE, "only one of --tap and --json", "test", "--tap", "--json", NULL);
}

static void test_kinds(Fixture *fixture, gconstpointer arguments) {
        cli_fails(fixture, EXIT_CODE_USAGE, "did you mean \"fifo\"", "create", "fofo", NULL);
        cli_fails(fixture, EXIT_CODE_USAGE, "xyzzyx", "kinds", "xyzzyx", NULL);
        cli_fails(fixture, EXIT_CODE_USAGE, "xyzzyx", "list", "xyzzyx", NULL);
        cli_fails(fixture, EXIT_CODE_USAGE, "xyzzyx", "test", "xyzzyx", NULL);
        cli_fails(fixture, EXIT_CODE_USAGE, "xyzzyx", "bench", "xyzzyx", NULL);
        cli_fails(fixture, EXIT_CODE_USAGE, "xyzzyx", "watch", "xyzzyx", "--timeout", "1", NULL);
        cli_fails(fixture, EXIT_CODE_USAGE, "", "show", "xyzzyx:/a", NULL);
}

static void test_addresses(Fixture *fixture, gconstpointer arguments) {
        static const char *const wrong[] = { "nonsense", "", ":", "fifo:", ":/tmp/x", "mq-posix:[abc]", "signal:-1",
                "fifo:\\xzz", "fifo:\xff\xfe" };
        static const char *const verbs[] = { "show", "who", "receive", "peek", "post", "wait", "explain", "remove" };

        for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++)
                for (size_t v = 0; v < G_N_ELEMENTS(verbs); v++)
                        cli_fails(fixture, EXIT_CODE_USAGE, "", verbs[v], wrong[i], NULL);
        cli_fails(fixture, EXIT_CODE_USAGE, "", "send", "nonsense", "x", NULL);
        cli_fails(fixture, EXIT_CODE_USAGE, "/a/b", "show", "mq-posix:/a/b", NULL);
        cli_fails(fixture, EXIT_CODE_USAGE, "/a/b", "create", "mq-posix", "name=/a/b", NULL);
}

static void test_options(Fixture *fixture, gconstpointer arguments) {
        cli_fails(fixture, EXIT_CODE_USAGE, "did you mean \"path\"", "create", "fifo", "pth=/x", NULL);
        cli_fails(fixture, EXIT_CODE_USAGE, "NAME=VALUE", "create", "fifo", "/x", NULL);
        cli_fails(fixture, EXIT_CODE_USAGE, "twice", "create", "fifo", "path=/x", "path=/y", NULL);
        cli_fails(fixture, EXIT_CODE_USAGE, "size", "create", "shm-posix", "name=x", "size=large", NULL);
        cli_fails(fixture, EXIT_CODE_USAGE, "mode", "create", "fifo", "path=/x", "mode=rw", NULL);
        cli_fails(fixture, EXIT_CODE_USAGE, "size", "create", "shm-posix", "name=x", "size=0", NULL);
        cli_fails(fixture, EXIT_CODE_USAGE, "lease", "create", "shm-posix", "name=x", "size=1", "lease=soon", NULL);
        cli_fails(fixture, EXIT_CODE_USAGE, "--timeout", "receive", "mq-posix:/x", "--timeout", "soon", NULL);
        cli_fails(fixture, EXIT_CODE_USAGE, "--count", "watch", "--count", "0", NULL);
        cli_fails(fixture, EXIT_CODE_USAGE, "--size", "bench", "pipe", "--size", "64,x", NULL);
}

static void test_objects(Fixture *fixture, gconstpointer arguments) {
        g_autofree char *path = fixture_path(fixture), *option = g_strconcat("path=", path, NULL);
        g_autofree char *address = g_strconcat("fifo:", path, NULL), *name = fixture_name(fixture);
        g_autofree char *queue = g_strconcat("mq-posix:", name, NULL);
        g_autofree char *queue_option = g_strconcat("name=", name, NULL), *text = NULL;

        cli_fails(fixture, EXIT_CODE_FAILED, path, "show", address, NULL);
        cli_fails(fixture, EXIT_CODE_FAILED, path, "remove", address, NULL);
        cli_fails(fixture, EXIT_CODE_FAILED, name, "receive", queue, NULL);
        /* A regular file is neither taken for a FIFO nor touched. */
        g_assert_true(g_file_set_contents(path, "mine", -1, NULL));
        cli_fails(fixture, EXIT_CODE_FAILED, path, "create", "fifo", option, NULL);
        cli_fails(fixture, EXIT_CODE_FAILED, path, "remove", address, NULL);
        g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
        g_assert_cmpstr(text, ==, "mine");
        g_remove(path);
        cli_fails(
                fixture, EXIT_CODE_REFUSED, "", "create", "shm-posix", queue_option, "size=9223372036854775808", NULL);
        cli_fails(fixture, EXIT_CODE_FAILED, "99", "cancel", "99", NULL);
}

/* Nobody reads: a time-out, not a hang. */
static void test_no_reader(Fixture *fixture, gconstpointer arguments) {
        g_autofree char *path = fixture_path(fixture), *option = g_strconcat("path=", path, NULL);
        g_autofree char *address = cli_create(fixture, "fifo", option, "hold=false", NULL);

        cli_fails(fixture, EXIT_CODE_TIMED_OUT, path, "send", address, "x", "--timeout", "50ms", NULL);
        g_autoptr(CliResult)
                result = cli_run(fixture, g_bytes_new("x", 1), "send", address, "-", "--timeout", "50ms", NULL);
        g_assert_cmpint(result->status, ==, EXIT_CODE_TIMED_OUT);
        cli_ok(fixture, "", "remove", address, NULL);
}

static void test_no_service(Fixture *fixture, gconstpointer arguments) {
        g_autofree char *file = g_build_filename(fixture->directory, "services", "org.ipcbus1.service", NULL);
        g_autoptr(GVariant) reply = NULL;

        g_remove(file);
        reply = g_dbus_connection_call_sync(fixture->connection, "org.freedesktop.DBus", "/org/freedesktop/DBus",
                "org.freedesktop.DBus", "ReloadConfig", NULL, NULL, G_DBUS_CALL_FLAGS_NONE, -1, NULL, NULL);
        g_assert_nonnull(reply);
        fixture_end_service(fixture, SIGTERM);
        cli_fails(fixture, EXIT_CODE_FAILED, "--embedded", "kinds", NULL);
        cli_fails(fixture, EXIT_CODE_FAILED, "/nonexistent", "--bus", "unix:path=/nonexistent", "kinds", NULL);
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        FIXTURE_TEST("/cli/wrong/usage", NULL, test_usage);
        FIXTURE_TEST("/cli/wrong/kinds", NULL, test_kinds);
        FIXTURE_TEST("/cli/wrong/addresses", NULL, test_addresses);
        FIXTURE_TEST("/cli/wrong/options", NULL, test_options);
        FIXTURE_TEST("/cli/wrong/objects", NULL, test_objects);
        FIXTURE_TEST("/cli/wrong/no-reader", NULL, test_no_reader);
        FIXTURE_TEST("/cli/wrong/no-service", NULL, test_no_service);
        return g_test_run();
}
