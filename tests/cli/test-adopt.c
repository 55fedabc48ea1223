/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ipcctl adopt, as it is typed in a shell: by address, by descriptor, and what is told where neither will do. */
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "cli.h"

static void assert_shell(Fixture *fixture, const char *output, const char *command) {
        g_autoptr(CliResult) result = cli_shell(fixture, command);

        g_assert_cmpstr(result->errors, ==, "");
        g_assert_cmpstr(result->output, ==, output);
        g_assert_cmpint(result->status, ==, 0);
}

static void assert_shell_fails(Fixture *fixture, ExitCode status, const char *says, const char *command) {
        g_autoptr(CliResult) result = cli_shell(fixture, command);

        if (!strstr(result->errors, says))
                g_error("\"%s\" says nothing of \"%s\"", result->errors, says);
        g_assert_cmpint(result->status, ==, (int)status);
}

static void test_fifo(Fixture *fixture, gconstpointer arguments) {
        g_autofree char *path = fixture_path(fixture), *address = g_strconcat("fifo:", path, NULL),
                        *line = g_strconcat(address, "\n", NULL),
                        *command = g_strdup_printf("ipcctl adopt --fd 3 3<>%s", path),
                        *verbose = g_strconcat(line, IPCBUS_OBJECT_PATH, "/fifo/1\n", NULL);

        g_assert_cmpint(mkfifo(path, 0600), ==, 0);
        cli_ok(fixture, line, "adopt", address, NULL);
        assert_shell(fixture, line, command);
        cli_ok(fixture, verbose, "adopt", address, "-v", NULL);
        cli_fails(fixture, EXIT_CODE_NOT_SUPPORTED, "would keep it on the bus", "--embedded", "adopt", address, NULL);
        cli_ok(fixture, "", "remove", address, NULL);
        g_assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
        cli_fails(fixture, EXIT_CODE_FAILED, path, "adopt", address, NULL);
}

/* A pipe of a shell's command line: the reader sees what is sent to it by number, and its end when the writer goes. */
static void test_pipe(Fixture *fixture, gconstpointer arguments) {
        assert_shell(fixture, "sent by number",
                "sh -c 'ipcctl send \"$(readlink /proc/$$/fd/3)\" \"sent by number\" >&2' 3>&1 >/dev/null | cat");
        assert_shell(fixture, "kept",
                "a=$(true | ipcctl adopt --fd 0 hold=true) && ipcctl send \"$a\" kept && ipcctl receive \"$a\" &&"
                "ipcctl remove \"$a\"");
}

static void test_refused(Fixture *fixture, gconstpointer arguments) {
        assert_shell_fails(fixture, EXIT_CODE_USAGE, "/dev/null", "ipcctl adopt --fd 3 3</dev/null");
        assert_shell_fails(fixture, EXIT_CODE_USAGE, "a directory", "ipcctl adopt --fd 3 3</");
        assert_shell_fails(fixture, EXIT_CODE_USAGE, "Bad file descriptor", "ipcctl adopt --fd 77");
        assert_shell_fails(fixture, EXIT_CODE_USAGE, "number of a descriptor", "ipcctl adopt --fd x");
        assert_shell_fails(fixture, EXIT_CODE_USAGE, "an address, or --fd", "ipcctl adopt");
        assert_shell_fails(fixture, EXIT_CODE_USAGE, "hold", "true | ipcctl adopt --fd 0 hod=true");
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        FIXTURE_TEST("/adopt/fifo", NULL, test_fifo);
        FIXTURE_TEST("/adopt/pipe", NULL, test_pipe);
        FIXTURE_TEST("/adopt/refused", NULL, test_refused);
        return g_test_run();
}
