/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Each verb as a person uses it. */
#include "cli.h"

#include <signal.h>
#include <string.h>

#include <glib/gstdio.h>

static char *make_fifo(Fixture *fixture) {
        g_autofree char *path = fixture_path(fixture), *option = g_strconcat("path=", path, NULL);

        return cli_create(fixture, "fifo", option, NULL);
}

static char *make_semaphore(Fixture *fixture, const char *value) {
        g_autofree char *name = fixture_name(fixture), *option = g_strconcat("name=", name, NULL);

        return cli_create(fixture, "sem-posix", option, value, NULL);
}

static void test_kinds(Fixture *fixture, gconstpointer arguments) {
        static const char *const kinds[] = { "shm-posix", "signal", "sem-posix", "pipe", "fifo", "mq-posix",
                "unix-stream", "unix-dgram", "unix-seqpacket" };
        g_autoptr(CliResult) all = cli_run(fixture, NULL, "kinds", NULL);
        g_autoptr(CliResult) one = cli_run(fixture, NULL, "kinds", "fifo", NULL);

        g_assert_cmpint(all->status, ==, 0);
        for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
                g_autofree char *row = g_strdup_printf("\n%s ", kinds[i]);
                g_assert_nonnull(strstr(all->output, row));
        }
        g_assert_true(g_str_has_prefix(all->output, "KIND "));
        g_assert_true(g_str_has_prefix(one->output, "fifo  named pipe (FIFO)\n"));
        g_assert_nonnull(strstr(one->output, "PIPE_BUF"));
        g_assert_nonnull(strstr(one->output, "capacity"));
}

static void test_create(Fixture *fixture, gconstpointer arguments) {
        g_autofree char *path = fixture_path(fixture), *option = g_strconcat("path=", path, NULL);
        g_autoptr(CliResult)
                result = cli_run(fixture, NULL, "create", "fifo", option, "mode=0640", "lease=1h", "--verbose", NULL);
        g_autofree char *wanted = g_strdup_printf("fifo:%s\n" IPCBUS_OBJECT_PATH "/fifo/1\n", path);
        g_autofree char *address = g_strconcat("fifo:", path, NULL);
        GStatBuf st;

        g_assert_cmpstr(result->output, ==, wanted);
        g_assert_cmpint(g_stat(path, &st), ==, 0);
        g_assert_true(S_ISFIFO(st.st_mode));
        g_assert_cmpint(st.st_mode & 07777, ==, 0640);
        cli_ok(fixture, "", "rm", address, NULL);
        g_assert_cmpint(g_stat(path, &st), <, 0);
}

static void test_queue(Fixture *fixture, gconstpointer arguments) {
        g_autofree char *address = cli_queue(fixture);

        cli_ok(fixture, "", "send", address, "later", NULL);
        cli_ok(fixture, "", "send", address, "hello", "big", "world", "--priority", "5", NULL);
        cli_ok(fixture, "hello big world", "receive", address, NULL);
        cli_ok(fixture, "later", "recv", address, "--timeout", "5s", NULL);
        cli_fails(fixture, EXIT_CODE_TIMED_OUT, address + strlen("mq-posix:"), "receive", address, "--timeout", "20ms",
                NULL);
        cli_ok(fixture, "", "send", address, "", NULL);
        cli_ok(fixture, "", "receive", address, NULL);
        cli_ok(fixture, "", "send", address, "-o", "priority=7", "--", "-x", NULL);
        cli_ok(fixture, "-x", "receive", address, NULL);
        cli_fails(fixture, EXIT_CODE_NOT_SUPPORTED, "", "peek", address, NULL);
        cli_ok(fixture, "", "send", address, "one", NULL);
        cli_ok(fixture, "", "send", address, "two", NULL);
        cli_ok(fixture, "onetwo", "receive", address, "--count", "2", NULL);
        cli_ok(fixture, "", "remove", address, NULL);
}

static void test_receive_waits(Fixture *fixture, gconstpointer arguments) {
        g_autofree char *address = cli_queue(fixture);
        g_autoptr(GSubprocess)
                process = cli_start(fixture, G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_PIPE,
                        g_getenv("IPCCTL"), "receive", address, NULL);

        g_usleep(200 * 1000);
        g_assert_nonnull(g_subprocess_get_identifier(process));
        cli_ok(fixture, "", "send", address, "at last", NULL);
        g_autoptr(CliResult) result = cli_end(process, NULL);
        g_assert_cmpint(result->status, ==, 0);
        g_assert_cmpstr(result->output, ==, "at last");
        cli_ok(fixture, "", "remove", address, NULL);
}

/* Ctrl-C ends the wait in the service too: the message goes to the next. */
static void test_receive_interrupted(Fixture *fixture, gconstpointer arguments) {
        g_autofree char *address = cli_queue(fixture);
        g_autoptr(GSubprocess)
                process = cli_start(fixture, G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_PIPE,
                        g_getenv("IPCCTL"), "receive", address, NULL);

        g_usleep(200 * 1000);
        g_subprocess_send_signal(process, SIGINT);
        g_autoptr(CliResult) result = cli_end(process, NULL);
        g_assert_cmpint(result->status, ==, 128 + SIGINT);
        g_usleep(50 * 1000);
        cli_ok(fixture, "", "send", address, "kept", NULL);
        cli_ok(fixture, "kept", "receive", address, "--timeout", "5", NULL);
        cli_ok(fixture, "", "remove", address, NULL);
}

static void test_fifo(Fixture *fixture, gconstpointer arguments) {
        g_autofree char *address = make_fifo(fixture);

        cli_ok(fixture, "", "send", address, "abc", NULL);
        cli_ok(fixture, "abc", "peek", address, NULL);
        cli_ok(fixture, "00000000  61 62 63                                          |abc|\n", "peek", address,
                "--hex", NULL);
        cli_ok(fixture, "ab", "receive", address, "--size", "2", NULL);
        cli_ok(fixture, "c", "receive", address, NULL);
        cli_fails(fixture, EXIT_CODE_TIMED_OUT, "", "peek", address, NULL);
        cli_ok(fixture, "", "remove", address, NULL);
}

static void test_semaphore(Fixture *fixture, gconstpointer arguments) {
        g_autofree char *address = make_semaphore(fixture, "value=1");

        cli_ok(fixture, "", "wait", address, NULL);
        cli_fails(fixture, EXIT_CODE_TIMED_OUT, "", "wait", address, "--timeout", "20ms", NULL);
        cli_ok(fixture, "", "post", address, "2", NULL);
        cli_ok(fixture, "", "receive", address, "--count", "2", NULL);
        cli_fails(fixture, EXIT_CODE_TIMED_OUT, "", "wait", address, "--timeout", "0", NULL);
        cli_fails(fixture, EXIT_CODE_USAGE, "", "post", address, "0", NULL);
        cli_ok(fixture, "", "remove", address, NULL);
}

static gint64 value_at(Fixture *fixture, const char *address) {
        g_autoptr(JsonNode) node = cli_json(fixture, "show", address, "--json", NULL);

        return json_object_get_int_member(json_node_get_object(node), "value");
}

static void ends_with(Fixture *fixture, int status, const char *address, const char *command) {
        g_autofree char *line = g_strdup_printf("ipcctl wait %s --timeout 0 -- %s", address, command);
        g_autoptr(CliResult) result = cli_shell(fixture, line);

        g_assert_cmpint(result->status, ==, status);
}

/* It is taken while the command runs, given back whatever became of that, and the exit code is the command's. */
static void test_wait_command(Fixture *fixture, gconstpointer arguments) {
        g_autofree char *name = fixture_name(fixture), *named = g_strconcat("name=", name, NULL);
        const char *const rows[][3] = { { "sem-posix", "value=1", named }, { "sem-sysv", "value=1" },
                { "eventfd", "value=1" }, { "mutex", named } };

        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_autofree char *address = cli_create(fixture, rows[i][0], rows[i][1], rows[i][2], NULL);
                g_autofree char *again = g_strdup_printf("ipcctl wait %s --timeout 0", address);

                ends_with(fixture, 0, address, "true");
                ends_with(fixture, EXIT_CODE_TIMED_OUT, address, again);
                ends_with(fixture, 7, address, "sh -c 'exit 7'");
                ends_with(fixture, 127, address, "/nonexistent/command");
                ends_with(fixture, 126, address, "/etc/passwd");
                ends_with(fixture, 128 + SIGKILL, address, "sh -c 'kill -KILL $$'");
                g_assert_cmpint(value_at(fixture, address), ==, 1);
                cli_fails(fixture, EXIT_CODE_USAGE, "--hold", "wait", address, "--hold", "5s", "--", "true", NULL);
                cli_ok(fixture, "", "remove", address, NULL);
        }
}

/* Of a set all that was taken comes back, and nothing else. */
static void test_wait_command_set(Fixture *fixture, gconstpointer arguments) {
        g_autofree char *address = cli_create(fixture, "sem-sysv", "count=3", "value=2", NULL);
        const char *values;

        cli_ok(fixture, "", "wait", address, "--operations", "0:-1,1:+2,2:-2", "--", "true", NULL);
        cli_ok(fixture, "", "wait", address, "--index", "1", "--", "true", NULL);
        cli_fails(fixture, EXIT_CODE_USAGE, "undo=false", "wait", address, "--index", "1", "-o", "undo=false", "--",
                "true", NULL);
        g_autoptr(CliResult) shown = cli_run(fixture, NULL, "show", address, NULL);
        values = strstr(shown->output, "\nvalues ");
        g_assert_nonnull(values);
        g_assert_nonnull(strstr(values, " [2, 2, 2]\n"));
        cli_ok(fixture, "", "remove", address, NULL);
}

static void test_memory(Fixture *fixture, gconstpointer arguments) {
        g_autofree char *name = fixture_name(fixture), *option = g_strconcat("name=", name, NULL);
        g_autofree char *address = cli_create(fixture, "shm-posix", option, "size=16", NULL);

        cli_ok(fixture, "", "send", address, "abcdef", "--offset", "4", NULL);
        cli_ok(fixture, "bcd", "receive", address, "--offset", "5", "--size", "3", NULL);
        cli_ok(fixture, "00000008  65 66                                             |ef|\n", "receive", address,
                "--offset", "8", "--size", "2", "--hex", NULL);
        cli_fails(fixture, EXIT_CODE_USAGE, "offset", "send", address, "abcdef", "--offset", "12", NULL);
        cli_fails(fixture, EXIT_CODE_USAGE, "memory", "receive", address, "--follow", NULL);
        cli_ok(fixture, "", "remove", address, NULL);
}

static void test_signal(Fixture *fixture, gconstpointer arguments) {
        g_autofree char *address = cli_create(fixture, "signal", "signals=USR1,RTMIN+1", NULL);
        const char *pid = address + strlen("signal:");

        g_assert_true(g_str_has_prefix(address, "signal:"));
        cli_ok(fixture, "", "signal", pid, "RTMIN+1", "--value", "-5", NULL);
        g_autoptr(CliResult) result = cli_run(fixture, NULL, "receive", address, "--timeout", "10", NULL);
        g_assert_cmpint(result->status, ==, 0);
        g_assert_true(g_str_has_prefix(result->output, "SIGRTMIN+1 from pid "));
        g_assert_true(g_str_has_suffix(result->output, " value -5\n"));
        g_autoptr(CliResult) sets = cli_run(fixture, NULL, "signal", pid, NULL);
        g_assert_cmpint(sets->status, ==, 0);
        g_assert_true(g_str_has_prefix(sets->output, "blocked "));
        g_assert_nonnull(strstr(sets->output, "\ncaught "));
        g_assert_nonnull(strstr(sets->output, "\npending "));
        cli_fails(fixture, EXIT_CODE_USAGE, "NOSUCH", "signal", pid, "NOSUCH", NULL);
        cli_ok(fixture, "", "remove", address, NULL);
}

static void test_list(Fixture *fixture, gconstpointer arguments) {
        g_autofree char *queue = cli_queue(fixture), *fifo = make_fifo(fixture);
        g_autoptr(CliResult) mine = cli_run(fixture, NULL, "list", "--mine", "--columns", "address,ours", NULL);
        g_autoptr(CliResult)
                fifos = cli_run(fixture, NULL, "list", "fifo", "--mine", "--columns", "KIND,ADDRESS", NULL);
        g_autofree char *row = g_strdup_printf("KIND  ADDRESS\nfifo  %s\n", fifo);
        g_autofree char *first = g_strdup_printf("\n%s ", queue), *second = g_strdup_printf("\n%s ", fifo);

        g_assert_cmpint(mine->status, ==, 0);
        g_assert_nonnull(strstr(mine->output, first));
        g_assert_nonnull(strstr(mine->output, second));
        g_assert_cmpstr(fifos->output, ==, row);
        cli_fails(fixture, EXIT_CODE_USAGE, "did you mean SIZE", "list", "--sort", "siz", NULL);
        cli_fails(fixture, EXIT_CODE_USAGE, "nosuchuser", "list", "--uid", "nosuchuser", NULL);
        cli_ok(fixture, "", "remove", queue, fifo, NULL);
}

/* What others made is there too, largest first with --sort -size. */
static void test_list_foreign(Fixture *fixture, gconstpointer arguments) {
        g_autofree char *mark = g_path_get_basename(fixture->directory);
        g_autofree char *small = g_strdup_printf("/dev/shm/%s-small", mark);
        g_autofree char *large = g_strdup_printf("/dev/shm/%s-large", mark);
        g_autofree char *text = g_strnfill(100000, 'x');

        g_assert_true(g_file_set_contents(small, "x", 1, NULL));
        g_assert_true(g_file_set_contents(large, text, -1, NULL));
        g_autoptr(CliResult) result = cli_run(
                fixture, NULL, "list", "shm-posix", "--sort", "-size", "--columns", "address,ours", NULL);
        g_remove(small);
        g_remove(large);
        g_autofree char *small_row = g_strdup_printf("\nshm-posix:/%s-small ", mark);
        g_autofree char *large_row = g_strdup_printf("\nshm-posix:/%s-large ", mark);
        g_assert_nonnull(strstr(result->output, small_row));
        g_assert_true(strstr(result->output, large_row) < strstr(result->output, small_row));
        g_assert_nonnull(strstr(result->output, large_row));
}

/* Names with anything in them, in whatever locale: what list shows is what the other verbs take. */
static void test_odd_names(Fixture *fixture, gconstpointer arguments) {
        g_autoptr(CliResult) result = cli_shell(fixture,
                "cd $PLACE; mkdir odd; cd odd\n"
                "mkfifo $'n\\nl' $'b\\xff' 'sp ace' $'esc\\e[31m' 'back\\slash' -- -dash\n"
                "for f in *; do exec {fd}<>\"./$f\"; done\n"
                "for locale in C C.UTF-8; do LC_ALL=$locale ipcctl list fifo --columns address | grep -F $PWD/ | "
                "sort\n"
                "done | sort | uniq -c | while read -r n address; do\n"
                "  ipcctl send \"$address\" x; ipcctl receive \"$address\" --timeout 5; echo \" $n "
                "${address#fifo:$PWD/}\"\n"
                "  ipcctl rm \"$address\"\n"
                "done; cd ..; rmdir odd\n");

        g_assert_cmpstr(result->errors, ==, "");
        /* Twice each, once in each locale: sorted by the shell's own. */
        g_auto(GStrv) lines = g_strsplit(result->output, "\n", -1);
        static const char *const wanted[] = { "x 2 n\\x0al", "x 2 b\\xff", "x 2 sp ace", "x 2 esc\\x1b[31m",
                "x 2 back\\x5cslash", "x 2 -dash" };
        g_assert_cmpuint(g_strv_length(lines), ==, G_N_ELEMENTS(wanted) + 1);
        for (size_t i = 0; i < G_N_ELEMENTS(wanted); i++)
                g_assert_true(g_strv_contains((const char *const *)lines, wanted[i]));
}

static void test_show(Fixture *fixture, gconstpointer arguments) {
        g_autofree char *address = make_fifo(fixture);
        g_autoptr(CliResult) shown = cli_run(fixture, NULL, "show", address, NULL);
        g_autoptr(CliResult) who = cli_run(fixture, NULL, "who", address, NULL);
        g_autoptr(CliResult) explained = cli_run(fixture, NULL, "explain", address, NULL);

        g_assert_cmpint(shown->status, ==, 0);
        g_assert_nonnull(strstr(shown->output, address));
        g_assert_nonnull(strstr(shown->output, "holders:"));
        g_assert_cmpint(who->status, ==, 0);
        g_assert_nonnull(strstr(who->output, "ipcbusd"));
        g_assert_cmpint(explained->status, ==, 0);
        g_assert_nonnull(strstr(explained->output, address + strlen("fifo:")));
        cli_ok(fixture, "", "remove", address, NULL);
}

static void test_remove_several(Fixture *fixture, gconstpointer arguments) {
        g_autofree char *first = cli_queue(fixture), *second = make_fifo(fixture);

        cli_fails(fixture, EXIT_CODE_FAILED, "/nonexistent", "remove", first, "fifo:/nonexistent", second, NULL);
        cli_fails(fixture, EXIT_CODE_FAILED, "", "show", first, NULL);
        cli_fails(fixture, EXIT_CODE_FAILED, "", "show", second, NULL);
}

static void test_sockets(Fixture *fixture, gconstpointer arguments) {
        g_autofree char *path = fixture_path(fixture), *option = g_strconcat("path=", path, NULL);
        g_autofree char *stream = cli_create(fixture, "unix-stream", option, NULL);
        g_autofree char *other = fixture_path(fixture), *other_option = g_strconcat("path=", other, NULL);
        g_autofree char *datagram = cli_create(fixture, "unix-dgram", other_option, NULL);

        cli_ok(fixture, "", "send", stream, "to whom it listens", NULL);
        cli_ok(fixture, "to whom it listens", "receive", stream, "--timeout", "10", NULL);
        cli_ok(fixture, "", "send", datagram, "one", NULL);
        cli_ok(fixture, "", "send", datagram, "two", NULL);
        cli_ok(fixture, "one", "peek", datagram, NULL);
        cli_ok(fixture, "onetwo", "receive", datagram, "--count", "2", NULL);
        cli_ok(fixture, "", "remove", stream, datagram, NULL);
}

static void test_help(Fixture *fixture, gconstpointer arguments) {
        g_autoptr(CliResult) alone = cli_run(fixture, NULL, NULL, NULL);
        g_autoptr(CliResult) help = cli_run(fixture, NULL, "--help", NULL);
        g_autoptr(CliResult) version = cli_run(fixture, NULL, "--version", NULL);
        g_auto(GStrv) lines = g_strsplit(help->output, "\n", -1);
        unsigned verbs = 0;

        g_assert_cmpstr(alone->output, ==, help->output);
        g_assert_cmpuint(g_strv_length(lines), <=, 40);
        g_assert_cmpstr(version->output, ==, "ipcctl " IPCBUS_VERSION "\n");
        for (char **line = lines; *line != NULL; line++) {
                g_auto(GStrv) words = g_strsplit_set(*line, " ", -1);
                if (!g_str_has_prefix(*line, "  ") || g_str_has_prefix(*line, "  -"))
                        continue;
                g_autoptr(CliResult) verb = cli_run(fixture, NULL, words[2], "--help", NULL);
                g_assert_cmpint(verb->status, ==, 0);
                g_assert_true(g_str_has_prefix(verb->output, "Usage: ipcctl "));
                g_assert_nonnull(strstr(verb->output, "Example"));
                g_assert_nonnull(strstr(verb->output, "Exit codes:"));
                verbs++;
        }
        g_assert_cmpuint(verbs, ==, 22);
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        FIXTURE_TEST("/cli/kinds", NULL, test_kinds);
        FIXTURE_TEST("/cli/create", NULL, test_create);
        FIXTURE_TEST("/cli/queue", NULL, test_queue);
        FIXTURE_TEST("/cli/wait-command", NULL, test_wait_command);
        FIXTURE_TEST("/cli/wait-command-set", NULL, test_wait_command_set);
        FIXTURE_TEST("/cli/receive-waits", NULL, test_receive_waits);
        FIXTURE_TEST("/cli/receive-interrupted", NULL, test_receive_interrupted);
        FIXTURE_TEST("/cli/fifo", NULL, test_fifo);
        FIXTURE_TEST("/cli/semaphore", NULL, test_semaphore);
        FIXTURE_TEST("/cli/memory", NULL, test_memory);
        FIXTURE_TEST("/cli/signal", NULL, test_signal);
        FIXTURE_TEST("/cli/list", NULL, test_list);
        FIXTURE_TEST("/cli/list-foreign", NULL, test_list_foreign);
        FIXTURE_TEST("/cli/odd-names", NULL, test_odd_names);
        FIXTURE_TEST("/cli/show", NULL, test_show);
        FIXTURE_TEST("/cli/remove-several", NULL, test_remove_several);
        FIXTURE_TEST("/cli/sockets", NULL, test_sockets);
        FIXTURE_TEST("/cli/help", NULL, test_help);
        return g_test_run();
}
