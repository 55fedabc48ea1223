/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where ipcctl finds the service: no bus, a bus that is not there, another host; and the completion of bash. */
#include "cli.h"

#include <string.h>

#include <glib/gstdio.h>

static void assert_shell(Fixture *fixture, const char *command, const char *output, const char *errors) {
        g_autoptr(CliResult) result = cli_shell(fixture, command);

        g_assert_cmpstr(result->errors, ==, errors);
        g_assert_cmpstr(result->output, ==, output);
}

/* Without a bus it works by itself, and says so only when asked. */
static void test_embedded(Fixture *fixture, gconstpointer arguments) {
        g_autofree char *name = fixture_name(fixture);
        g_autofree char *command = g_strdup_printf(
                "unset DBUS_SESSION_BUS_ADDRESS XDG_RUNTIME_DIR; export XDG_RUNTIME_DIR=$PLACE/none\n"
                "mkdir -m 700 $PLACE/none; A=mq-posix:%s\n"
                "ipcctl create mq-posix name=%s max_messages=3 message_size=1K; ipcctl send $A hello --embedded; "
                "ipcctl receive $A; echo\n"
                "ipcctl send $A again; ipcctl receive $A -v; echo\n"
                "ipcctl remove $A; ipcctl kinds --user; echo $?; rm -r $PLACE/none\n",
                name, name);
        g_autofree char *output = g_strdup_printf("mq-posix:%s\nhello\nagain\n1\n", name);

        assert_shell(fixture, command, output,
                "ipcctl: there is no session bus: starting a service of our own\n"
                "ipcctl: there is no session bus: DBUS_SESSION_BUS_ADDRESS is not set and XDG_RUNTIME_DIR has no bus; "
                "use --embedded\n");
}

static void test_bus_gone(Fixture *fixture, gconstpointer arguments) {
        g_autoptr(CliResult) result = cli_shell(fixture,
                "DBUS_SESSION_BUS_ADDRESS=unix:path=/nonexistent ipcctl kinds fifo | head -n 1\n"
                "DBUS_SESSION_BUS_ADDRESS=unix:path=/nonexistent ipcctl kinds --user; echo $?\n");

        g_assert_cmpstr(result->output, ==, "fifo  named pipe (FIFO)\n1\n");
        g_assert_true(g_str_has_prefix(result->errors, "ipcctl: the session bus: "));
}

static void test_embedded_refuses(Fixture *fixture, gconstpointer arguments) {
        g_autofree char *path = fixture_path(fixture), *option = g_strconcat("path=", path, NULL);

        cli_fails(fixture, EXIT_CODE_NOT_SUPPORTED, "", "--embedded", "create", "pipe", NULL);
        cli_fails(fixture, EXIT_CODE_NOT_SUPPORTED, "ease", "--embedded", "create", "fifo", option, "lease=30s", NULL);
        g_assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
}

/* Many in a row: the first call right behind the handshake is answered each time. */
static void test_embedded_often(Fixture *fixture, gconstpointer arguments) {
        for (unsigned i = 0; i < 30; i++)
                cli_ok(fixture, NULL, "--embedded", "kinds", "pipe", NULL);
        cli_ok(fixture, NULL, "--embedded", "test", "pipe", NULL);
}

static void test_daemon_missing(Fixture *fixture, gconstpointer arguments) {
        assert_shell(fixture, "IPCBUS_DAEMON=/nonexistent ipcctl --embedded kinds; echo $?", "1\n",
                "ipcctl: cannot start /nonexistent: No such file or directory (named by IPCBUS_DAEMON)\n");
        g_autoptr(CliResult) result = cli_shell(fixture, "IPCBUS_DAEMON=/bin/true ipcctl --embedded kinds; echo $?");
        g_assert_cmpstr(result->output, ==, "1\n");
        g_assert_nonnull(strstr(result->errors, "the embedded service did not answer"));
}

/* A stand-in for ssh that runs the command here: the stream and the bridge are real. */
static void test_host(Fixture *fixture, gconstpointer arguments) {
        g_autofree char *program = g_find_program_in_path("systemd-stdio-bridge");
        g_autofree char *path = fixture_path(fixture);
        g_autofree char *command = g_strdup_printf(
                "mkdir $PLACE/bin; cat > $PLACE/bin/ssh <<'END'\n#!/bin/sh\n"
                "[ \"$1 $2 $3\" = '-xT -- someone@host' ] || exit 1\nshift 3\nexec sh -c \"$*\"\nEND\n"
                "chmod +x $PLACE/bin/ssh; PATH=$PLACE/bin:$PATH; H=someone@host\n"
                "ipcctl --host $H create fifo path=%s; ipcctl --host $H send fifo:%s - < $PLACE/bin/ssh\n"
                "ipcctl receive fifo:%s | cmp - $PLACE/bin/ssh && echo same\n"
                "ipcctl --host $H remove fifo:%s; rm -r $PLACE/bin\n",
                path, path, path, path);
        g_autofree char *output = g_strdup_printf("fifo:%s\nsame\n", path);

        if (program == NULL) {
                g_test_skip("there is no systemd-stdio-bridge here");
                return;
        }
        assert_shell(fixture, command, output, "");
}

static char *complete(Fixture *fixture, const char *line) {
        g_autofree char *command = g_strdup_printf(
                "source '%s'; COMP_LINE='%s'; COMP_POINT=${#COMP_LINE}; _ipcctl; printf '%%s\\n' \"${COMPREPLY[@]}\"",
                g_getenv("IPCCTL_COMPLETION"), line);
        g_autoptr(CliResult) result = cli_shell(fixture, command);

        g_assert_cmpstr(result->errors, ==, "");
        return g_strchomp(g_strdup(result->output));
}

static void assert_completes(Fixture *fixture, const char *line, const char *wanted) {
        g_autofree char *offered = complete(fixture, line);

        if (strcmp(offered, wanted) != 0)
                g_test_message("\"%s\" offers \"%s\"", line, offered);
        g_assert_cmpstr(offered, ==, wanted);
}

static void test_completion(Fixture *fixture, gconstpointer arguments) {
        g_autofree char *address = cli_queue(fixture);
        const char *name = address + strlen("mq-posix:");
        g_autofree char *half = g_strndup(address, strlen(address) - 3);
        g_autofree char *line = g_strdup_printf("ipcctl receive %s", half);
        g_autofree char *second = g_strdup_printf("ipcctl remove fifo:/x %s", half);
        g_autofree char *begin = g_strdup_printf("ipcctl --json send mq");
        g_autofree char *verbs = complete(fixture, "ipcctl "), *all = complete(fixture, begin);

        g_assert_true(g_str_has_prefix(verbs, "kinds\ncreate\nadopt\nsend\n"));
        assert_completes(fixture, "ipcctl cr", "create");
        assert_completes(fixture, "ipcctl --json li", "list");
        assert_completes(fixture, "ipcctl create mq-p", "mq-posix");
        assert_completes(fixture, "ipcctl create fifo pat", "path=");
        assert_completes(fixture, "ipcctl create mq-posix max", "max_messages=");
        assert_completes(fixture, "ipcctl test fi", "fifo");
        assert_completes(fixture, "ipcctl list --colu", "--columns=");
        assert_completes(fixture, "ipcctl receive --fol", "--follow");
        assert_completes(fixture, "ipcctl send mq-posix:/x -o pri", "priority=");
        assert_completes(fixture, "ipcctl bench --mode la", "latency");
        g_assert_nonnull(strstr(all, address));
        /* Readline replaces what stands behind the colon. */
        assert_completes(fixture, line, name);
        assert_completes(fixture, second, name);
        cli_ok(fixture, "", "remove", address, NULL);
}

/* No service to be had: nothing is offered, and nothing is said. */
static void test_completion_silent(Fixture *fixture, gconstpointer arguments) {
        assert_shell(fixture,
                "export IPCBUS_DAEMON=/nonexistent DBUS_SESSION_BUS_ADDRESS=unix:path=/nonexistent\n"
                "ipcctl complete kinds; ipcctl complete addresses; ipcctl complete nonsense; ipcctl complete jobs\n"
                "ipcctl complete options xyzzy create",
                "", "");
}

/* Names of any bytes, in tables, whatever the locale. */
static void test_locales(Fixture *fixture, gconstpointer arguments) {
        static const char *const locales[] = { "C", "C.UTF-8" };
        g_autofree char *path = g_strconcat(fixture->directory, "/f\xc3\xa9 \\", NULL), *address = NULL,
                        *option = NULL;

        option = g_strconcat("path=", path, NULL);
        address = cli_create(fixture, "fifo", option, NULL);
        for (size_t i = 0; i < G_N_ELEMENTS(locales); i++) {
                g_autofree char *command = g_strdup_printf("LC_ALL=%s timeout 20 ipcctl list fifo --mine", locales[i]);
                g_autoptr(CliResult) result = cli_shell(fixture, command);

                g_assert_cmpint(result->status, ==, 0);
                g_assert_nonnull(strstr(result->output, i == 0 ? "/f\\xc3\\xa9 \\x5c" : "/f\xc3\xa9 \\x5c"));
        }
        cli_ok(fixture, "", "remove", address, NULL);
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        FIXTURE_TEST("/cli/places/embedded", NULL, test_embedded);
        FIXTURE_TEST("/cli/places/bus-gone", NULL, test_bus_gone);
        FIXTURE_TEST("/cli/places/embedded-refuses", NULL, test_embedded_refuses);
        FIXTURE_TEST("/cli/places/embedded-often", NULL, test_embedded_often);
        FIXTURE_TEST("/cli/places/daemon-missing", NULL, test_daemon_missing);
        FIXTURE_TEST("/cli/places/host", NULL, test_host);
        FIXTURE_TEST("/cli/completion/candidates", NULL, test_completion);
        FIXTURE_TEST("/cli/completion/silent", NULL, test_completion_silent);
        FIXTURE_TEST("/cli/locales", NULL, test_locales);
        return g_test_run();
}
