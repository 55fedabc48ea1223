/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names on a bus, both ways with the usual tools: busctl, gdbus, dbus-send and dbus-monitor use what ipcctl made, and
 * ipcctl uses what they, or the bus itself, have. */
#include "cli.h"

#include <string.h>
#include <unistd.h>

/* A name of its own for each test: several run at once, each on its own bus. */
#define BOX     "org.example.Box"
#define ADDRESS "dbus:" BOX

static char *output_of(Fixture *fixture, const char *command) {
        g_autoptr(CliResult) result = cli_shell(fixture, command);

        g_test_message("%s: %d: %s%s", command, result->status, result->output, result->errors);
        g_assert_cmpint(result->status, ==, 0);
        return g_strdup(result->output);
}

static bool has_program(const char *name) {
        g_autofree char *path = g_find_program_in_path(name);

        if (path == NULL)
                g_test_skip("one of the programs is not installed");
        return path != NULL;
}

/* What each tool sends arrives, with all that it says of itself. */
static void test_calls_arrive(Fixture *fixture, gconstpointer arguments) {
        static const struct {
                const char *program, *command, *body, *line;
        } cases[] = {
                { "busctl", "busctl --user call " BOX " /a/b org.example.I Do su 'hi there' 7", "\"hi there\" 7",
                        " /a/b org.example.I.Do su \"hi there\" 7\n" },
                { "gdbus",
                        "gdbus call --session --dest " BOX " --object-path /x --method org.example.I.Do \"'a'\" "
                        "'[1,2]' '{\"k\": <true>}'",
                        "\"a\" 2 1 2 1 \"k\" b true", " /x org.example.I.Do saia{sv} \"a\" 2 1 2 1 \"k\" b true\n" },
                { "dbus-send", "dbus-send --session --print-reply --dest=" BOX " / a.b.C string:text", "text",
                        " / a.b.C s text\n" },
        };

        cli_ok(fixture, ADDRESS "\n", "create", "dbus", "name=" BOX, NULL);
        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                if (!has_program(cases[i].program))
                        continue;
                g_free(output_of(fixture, cases[i].command));
                g_free(output_of(fixture, cases[i].command));
                cli_ok(fixture, cases[i].body, "receive", ADDRESS, "--timeout", "5s", NULL);
                g_autoptr(CliResult) line = cli_run(
                        fixture, NULL, "receive", ADDRESS, "--timeout", "5s", "-o", "format=line", NULL);
                g_assert_cmpint(line->status, ==, 0);
                g_assert_true(line->output[0] == ':' && g_str_has_suffix(line->output, cases[i].line));
        }
        cli_fails(fixture, EXIT_CODE_TIMED_OUT, ADDRESS, "receive", ADDRESS, "--timeout", "20ms", NULL);
        cli_ok(fixture, "", "send", ADDRESS, "plain", NULL);
        cli_ok(fixture, "plain", "peek", ADDRESS, NULL);
        cli_ok(fixture, "plain", "receive", ADDRESS, NULL);
        cli_ok(fixture, "", "remove", ADDRESS, NULL);
        /* Who removes a name is told so before the bus has heard of it. */
        for (int i = 0; i < 100; i++) {
                g_autoptr(CliResult) sent = cli_run(fixture, NULL, "send", ADDRESS, "plain", NULL);
                if (strstr(sent->errors, "Nobody has the name") != NULL)
                        break;
                g_usleep(20000);
        }
        cli_fails(fixture, EXIT_CODE_FAILED, "Nobody has the name", "send", ADDRESS, "plain", NULL);
}

/* The bus answers ipcctl as it answers busctl. */
static void test_calls_go(Fixture *fixture, gconstpointer arguments) {
        g_autofree char *id = NULL, *names = NULL, *owner = NULL;

        if (!has_program("busctl"))
                return;
        id = output_of(fixture, "busctl --user call org.freedesktop.DBus / org.freedesktop.DBus GetId | tr -d '\"' | "
                                "sed 's/^s //' | tr -d '\\n'");
        cli_ok(fixture, id, "receive", "dbus:org.freedesktop.DBus", "-o", "type=call", "-o",
                "interface=org.freedesktop.DBus", "-o", "member=GetId", NULL);
        names = output_of(fixture, "busctl --user call org.freedesktop.DBus / org.freedesktop.DBus "
                                   "ListActivatableNames | sed 's/^as //' | "
                                   "tr -d '\\n'");
        cli_ok(fixture, names, "receive", "dbus:org.freedesktop.DBus/org/freedesktop/DBus", "-o", "type=call", "-o",
                "interface=org.freedesktop.DBus", "-o", "member=ListActivatableNames", NULL);
        cli_ok(fixture, ADDRESS "\n", "create", "dbus", "name=" BOX, NULL);
        cli_ok(fixture, "true", "receive", "dbus:org.freedesktop.DBus", "-o", "type=call", "-o",
                "interface=org.freedesktop.DBus", "-o", "member=NameHasOwner", "-o", "signature=s", "-o", "args=" BOX,
                NULL);
        owner = output_of(fixture, "busctl --user status " BOX " | sed -n 's/^PID=//p'");
        g_autoptr(JsonNode) shown = cli_json(fixture, "--json", "show", ADDRESS, NULL);
        JsonObject *object = json_node_get_object(shown);
        g_assert_cmpint(json_object_get_int_member(object, "pid"), ==, g_ascii_strtoll(owner, NULL, 10));
        g_assert_cmpstr(json_object_get_string_member(object, "state"), ==, "owned");
        g_assert_false(json_object_get_boolean_member(object, "activatable"));
        cli_fails(fixture, EXIT_CODE_NOT_SUPPORTED, "Error.Unknown", "send", "dbus:org.freedesktop.DBus", "x", NULL);
        cli_ok(fixture, "", "remove", ADDRESS, NULL);
}

static void test_signals(Fixture *fixture, gconstpointer arguments) {
        g_autofree char *mailbox = NULL, *seen = NULL;

        if (!has_program("dbus-send") || !has_program("dbus-monitor"))
                return;
        mailbox = g_strstrip(output_of(
                fixture, "\"$IPCCTL\" create dbus \"match=type='signal',interface='org.example.S',member='Heard'\""));
        g_assert_true(g_str_has_prefix(mailbox, "dbus::1."));
        g_free(output_of(fixture, "dbus-send --session --type=signal / org.example.S.Unheard string:no && "
                                  "dbus-send --session --type=signal / org.example.S.Heard string:yes"));
        cli_ok(fixture, "yes", "receive", mailbox, "--timeout", "5s", NULL);
        cli_ok(fixture, "", "remove", mailbox, NULL);

        cli_ok(fixture, ADDRESS "\n", "create", "dbus", "name=" BOX, NULL);
        /* It goes on until it has seen one; `sent` again and again until it listens. */
        seen = output_of(fixture,
                "timeout 20 dbus-monitor --session \"type='signal',sender='" BOX "',member='Told'\" > seen.$$ & m=$!; "
                "for i in $(seq 100); do \"$IPCCTL\" send " ADDRESS " -o type=signal -o member=Told -o path=/p -o "
                "signature=us '7 \"a b\"'; grep -q 'a b' seen.$$ && break; sleep 0.05; done; kill $m; cat seen.$$; "
                "rm seen.$$");
        g_assert_nonnull(strstr(seen, "path=/p; interface=org.ipcbus1.Mailbox; member=Told"));
        g_assert_nonnull(strstr(seen, "uint32 7"));
        g_assert_nonnull(strstr(seen, "string \"a b\""));
        cli_ok(fixture, "", "remove", ADDRESS, NULL);
}

/* ipcctl waits for a signal of somebody else's name. */
static void test_receive_signal(Fixture *fixture, gconstpointer arguments) {
        g_autoptr(GSubprocess) waits = NULL;
        bool ended = false;

        cli_ok(fixture, ADDRESS "\n", "create", "dbus", "name=" BOX, NULL);
        waits = cli_start(fixture, G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_PIPE, g_getenv("IPCCTL"),
                "receive", ADDRESS, "--timeout", "20s", "-o", "type=signal", "-o", "member=Told", NULL);
        for (int i = 0; i < 200 && !ended; i++) {
                g_autofree char *pid = NULL, *path = NULL;

                cli_ok(fixture, "", "send", ADDRESS, "news", "-o", "type=signal", "-o", "member=Told", NULL);
                pid = g_strdup(g_subprocess_get_identifier(waits));
                g_usleep(50000);
                path = pid ? g_strdup_printf("/proc/%s/fd/1", pid) : NULL;
                ended = path == NULL || !g_file_test(path, G_FILE_TEST_IS_SYMLINK);
        }
        g_autoptr(CliResult) result = cli_end(waits, NULL);
        g_assert_cmpint(result->status, ==, 0);
        g_assert_cmpstr(result->output, ==, "news");
        cli_fails(
                fixture, EXIT_CODE_TIMED_OUT, BOX, "receive", ADDRESS, "--timeout", "20ms", "-o", "type=signal", NULL);
        cli_ok(fixture, "", "remove", ADDRESS, NULL);
}

static void test_names(Fixture *fixture, gconstpointer arguments) {
        g_autofree char *list = NULL;

        cli_ok(fixture, ADDRESS "\n", "create", "dbus", "name=" BOX, NULL);
        cli_fails(fixture, EXIT_CODE_FAILED, "(pid ", "create", "dbus", "name=" BOX, NULL);
        list = output_of(fixture, "\"$IPCCTL\" list dbus --columns address,state");
        g_assert_nonnull(strstr(list, ADDRESS));
        g_assert_nonnull(strstr(list, "dbus:org.ipcbus1"));
        cli_ok(fixture, "", "remove", ADDRESS, NULL);
        /* Free again at once. */
        cli_ok(fixture, ADDRESS "\n", "create", "dbus", "name=" BOX, NULL);
        cli_ok(fixture, "", "remove", ADDRESS, NULL);
        cli_fails(fixture, EXIT_CODE_USAGE, "no name on a bus", "create", "dbus", "name=nodots", NULL);
        cli_fails(fixture, EXIT_CODE_USAGE, "the bus itself", "create", "dbus", "name=org.freedesktop.DBus", NULL);
        cli_fails(fixture, EXIT_CODE_USAGE, "unixexec", "send", ADDRESS "@unixexec:path=/bin/true", "x", NULL);
        cli_fails(fixture, EXIT_CODE_FAILED, "/nowhere/system", "send", ADDRESS "@system", "x", NULL);
        cli_fails(
                fixture, EXIT_CODE_REFUSED, "Only the process that has the name", "remove", "dbus:org.ipcbus1", NULL);
        cli_fails(fixture, EXIT_CODE_USAGE, "0 to 255", "send", "dbus:org.ipcbus1", "256", "-o", "signature=y", NULL);
}

/* What nobody could be told of when it came is told with what comes next. */
static void test_lost(Fixture *fixture, gconstpointer arguments) {
        g_autoptr(JsonNode) shown = NULL, received = NULL;
        JsonObject *object;

        if (!has_program("dbus-send"))
                return;
        cli_ok(fixture, ADDRESS "\n", "create", "dbus", "name=" BOX, NULL);
        /* 4 MiB have room for 45 of them; the last one is refused, which shows that those before it came. */
        g_free(output_of(fixture,
                "text=$(head -c 93000 /dev/zero | tr '\\0' a); for i in $(seq 48); do "
                "dbus-send --session --dest=" BOX " / a.b.C string:$text; done; "
                "! dbus-send --session --print-reply --dest=" BOX " / a.b.C string:$text 2>/dev/null"));
        g_free(output_of(fixture, "\"$IPCCTL\" receive " ADDRESS " --timeout 5s"));
        cli_ok(fixture, "", "send", ADDRESS, "next", NULL);
        g_free(output_of(
                fixture, "for i in $(seq 44); do \"$IPCCTL\" receive " ADDRESS " --timeout 5s; done | wc -c"));
        received = cli_json(fixture, "--json", "receive", ADDRESS, "--timeout", "5s", NULL);
        object = json_object_get_object_member(json_node_get_object(received), "meta");
        g_assert_cmpint(json_object_get_int_member(object, "lost"), ==, 3);
        shown = cli_json(fixture, "--json", "show", ADDRESS, NULL);
        g_assert_cmpint(json_object_get_int_member(json_node_get_object(shown), "drops"), ==, 3);
        cli_ok(fixture, "", "remove", ADDRESS, NULL);
}

/* A path can be as long as a message, and counts as one. */
static void test_long_paths(Fixture *fixture, gconstpointer arguments) {
        g_autofree char *result = NULL;

        if (!has_program("dbus-send"))
                return;
        cli_ok(fixture, ADDRESS "\n", "create", "dbus", "name=" BOX, NULL);
        result = output_of(fixture,
                "path=/$(head -c 60000 /dev/zero | tr '\\0' a); "
                "for i in $(seq 80); do dbus-send --session --print-reply --dest=" BOX " $path a.b.C 2>&1 >/dev/null; "
                "done | tail -n 1");
        g_assert_nonnull(strstr(result, "This mailbox is full: 69 messages"));
        cli_ok(fixture, "", "receive", ADDRESS, NULL);
        g_free(output_of(fixture, "dbus-send --session --print-reply --dest=" BOX " / a.b.C"));
        cli_ok(fixture, "", "remove", ADDRESS, NULL);
}

/* A path that is longer than one of an address is refused, where it would not fit the rule for signals either. */
static void test_long_rule(Fixture *fixture, gconstpointer arguments) {
        static const struct {
                unsigned length;
                int status;
                const char *says;
        } cases[] = {
                { 700, EXIT_CODE_TIMED_OUT, "No such signal" },
                { 60000, EXIT_CODE_USAGE, "at most 1023 bytes; this one has 60000" },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autofree char *option = g_strnfill(strlen("path=/") + cases[i].length - 1, 'a');

                memcpy(option, "path=/", strlen("path=/"));
                cli_fails(fixture, cases[i].status, cases[i].says, "receive", "dbus:org.freedesktop.DBus", "--timeout",
                        "20ms", "-o", option, "-o", "interface=a.b", NULL);
        }
}

/* Whoever waits at a bus that dies is told so, and gets no message. */
static void test_bus_killed(Fixture *fixture, gconstpointer arguments) {
        g_autofree char *said = NULL;

        if (!has_program("dbus-daemon"))
                return;
        said = output_of(fixture, "place=$(mktemp -d); set -- $(XDG_RUNTIME_DIR=$place dbus-daemon --session --fork "
                                  "--address=unix:path=$place/bus --print-address=1 --print-pid=1)\n"
                                  "box=$(\"$IPCCTL\" create dbus name=" BOX " bus=$1)\n"
                                  "\"$IPCCTL\" receive \"$box\" --timeout 20s 2>&1 & waits=$!\n"
                                  "sleep 0.5; kill -9 $2; rm -r $place; ! wait $waits");
        g_assert_nonnull(strstr(said, "The connection to the bus at unix:"));
        g_assert_nonnull(strstr(said, "has ended"));
}

/* A file goes along as a descriptor, and the receiver sees which it is. */
static void test_descriptor(Fixture *fixture, gconstpointer arguments) {
        g_autofree char *path = fixture_path(fixture), *wanted = g_strdup_printf("\"%s\"", path);

        g_assert_true(g_file_set_contents(path, "x", 1, NULL));
        cli_ok(fixture, ADDRESS "\n", "create", "dbus", "name=" BOX, NULL);
        cli_ok(fixture, "", "send", ADDRESS, path, "-o", "signature=h", NULL);
        cli_ok(fixture, wanted, "receive", ADDRESS, NULL);
        /* One that no value of the message stands for would be lost. */
        g_free(output_of(fixture, "! \"$IPCCTL\" send " ADDRESS " look --fd 5 5</dev/null"));
        g_free(output_of(fixture, "! \"$IPCCTL\" send " ADDRESS " look --fd 5 -o type=signal 5</dev/null"));
        g_free(output_of(fixture, "\"$IPCCTL\" send " ADDRESS " 0 --fd 5 -o signature=h 5</dev/null"));
        cli_ok(fixture, "\"/dev/null\"", "receive", ADDRESS, NULL);
        cli_ok(fixture, "", "remove", ADDRESS, NULL);
        g_assert_cmpint(unlink(path), ==, 0);
}

#define DBUS_TEST(path, function) g_test_add(path, Fixture, NULL, fixture_set_up, function, fixture_tear_down)

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        /* Whatever this machine has is none of these tests' business. */
        g_setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nowhere/system", TRUE);
        DBUS_TEST("/cli/dbus/calls-arrive", test_calls_arrive);
        DBUS_TEST("/cli/dbus/calls-go", test_calls_go);
        DBUS_TEST("/cli/dbus/signals", test_signals);
        DBUS_TEST("/cli/dbus/receive-signal", test_receive_signal);
        DBUS_TEST("/cli/dbus/names", test_names);
        DBUS_TEST("/cli/dbus/bus-killed", test_bus_killed);
        DBUS_TEST("/cli/dbus/lost", test_lost);
        DBUS_TEST("/cli/dbus/long-paths", test_long_paths);
        DBUS_TEST("/cli/dbus/long-rule", test_long_rule);
        DBUS_TEST("/cli/dbus/descriptor", test_descriptor);
        return g_test_run();
}
