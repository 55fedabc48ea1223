/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Starting ipcctl and judging how it ended. IPCCTL names the program. */
#include "cli.h"

#include <stdarg.h>
#include <string.h>

void cli_result_free(CliResult *result) {
        g_bytes_unref(result->bytes);
        g_free(result->errors);
        g_free(result);
}

GSubprocess *cli_start_argv(Fixture *fixture, GSubprocessFlags flags, const char *const *argv) {
        g_autoptr(GSubprocessLauncher) launcher = g_subprocess_launcher_new(flags);
        g_autofree char *directory = g_path_get_dirname(g_getenv("IPCCTL"));
        g_autofree char *path = g_strdup_printf("%s:%s", directory, g_getenv("PATH"));
        g_autoptr(GError) error = NULL;
        GSubprocess *process;

        g_subprocess_launcher_setenv(launcher, "PATH", path, TRUE);
        g_subprocess_launcher_setenv(launcher, "XDG_RUNTIME_DIR", fixture->directory, TRUE);
        g_subprocess_launcher_setenv(launcher, "DBUS_SESSION_BUS_ADDRESS", fixture->bus_address, TRUE);
        /* What a test keeps is nobody's: there it cannot be written. */
        g_subprocess_launcher_setenv(launcher, "XDG_STATE_HOME", "/dev/null", TRUE);
        g_subprocess_launcher_setenv(launcher, "LC_ALL", "C.UTF-8", TRUE);
        g_subprocess_launcher_setenv(launcher, "PLACE", fixture->directory, TRUE);
        process = g_subprocess_launcher_spawnv(launcher, argv, &error);
        g_assert_no_error(error);
        return process;
}

static GPtrArray *arguments_of(const char *program, const char *first, va_list arguments) {
        GPtrArray *argv = g_ptr_array_new();

        if (program != NULL)
                g_ptr_array_add(argv, (gpointer)program);
        for (const char *word = first; word != NULL; word = va_arg(arguments, const char *))
                g_ptr_array_add(argv, (gpointer)word);
        g_ptr_array_add(argv, NULL);
        return argv;
}

GSubprocess *cli_start(Fixture *fixture, GSubprocessFlags flags, const char *program, ...) {
        va_list arguments;

        va_start(arguments, program);
        g_autoptr(GPtrArray) argv = arguments_of(NULL, program, arguments);
        va_end(arguments);
        return cli_start_argv(fixture, flags, (const char *const *)argv->pdata);
}

CliResult *cli_end(GSubprocess *process, GBytes *input) {
        CliResult *result = g_new0(CliResult, 1);
        g_autoptr(GBytes) output = NULL, errors = NULL;
        g_autoptr(GError) error = NULL;

        g_subprocess_communicate(process, input, NULL, &output, &errors, &error);
        g_assert_no_error(error);
        result->status = g_subprocess_get_if_exited(process) ? g_subprocess_get_exit_status(process)
                                                             : 128 + g_subprocess_get_term_sig(process);
        gsize size = 0, error_size = 0;
        const char *data = output != NULL ? g_bytes_get_data(output, &size) : NULL;
        char *copy = g_malloc0(size + 1);
        if (size > 0)
                memcpy(copy, data, size);
        result->output = copy;
        result->bytes = g_bytes_new_with_free_func(copy, size, g_free, copy);
        const char *text = errors != NULL ? g_bytes_get_data(errors, &error_size) : NULL;
        result->errors = g_strndup(text != NULL ? text : "", error_size);
        return result;
}

static CliResult *run_list(Fixture *fixture, GBytes *input, const char *first, va_list arguments) {
        g_autoptr(GPtrArray) argv = arguments_of(g_getenv("IPCCTL"), first, arguments);
        GSubprocessFlags flags = G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_PIPE;

        if (input != NULL)
                flags |= G_SUBPROCESS_FLAGS_STDIN_PIPE;
        g_autoptr(GSubprocess) process = cli_start_argv(fixture, flags, (const char *const *)argv->pdata);
        return cli_end(process, input);
}

CliResult *cli_run(Fixture *fixture, GBytes *input, const char *first, ...) {
        va_list arguments;

        va_start(arguments, first);
        CliResult *result = run_list(fixture, input, first, arguments);
        va_end(arguments);
        return result;
}

CliResult *cli_shell(Fixture *fixture, const char *command) {
        g_autoptr(GSubprocess) process = cli_start(
                fixture, G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_PIPE, "bash", "-c", command, NULL);

        return cli_end(process, NULL);
}

static void tell(const CliResult *result, const char *first) {
        g_test_message("%s: exit %d\n%s%s", first, result->status, result->output, result->errors);
}

void cli_ok(Fixture *fixture, const char *output, const char *first, ...) {
        va_list arguments;

        va_start(arguments, first);
        g_autoptr(CliResult) result = run_list(fixture, NULL, first, arguments);
        va_end(arguments);
        if (result->status != 0 || *result->errors != '\0')
                tell(result, first);
        g_assert_cmpint(result->status, ==, 0);
        g_assert_cmpstr(result->errors, ==, "");
        if (output != NULL)
                g_assert_cmpstr(result->output, ==, output);
}

void cli_fails(Fixture *fixture, int status, const char *needle, const char *first, ...) {
        va_list arguments;

        va_start(arguments, first);
        g_autoptr(CliResult) result = run_list(fixture, NULL, first, arguments);
        va_end(arguments);
        if (result->status != status || strstr(result->errors, needle) == NULL)
                tell(result, first);
        g_assert_cmpint(result->status, ==, status);
        g_assert_nonnull(strstr(result->errors, needle));
        g_assert_cmpstr(result->output, ==, "");
        g_assert_true(g_str_has_prefix(result->errors, "ipcctl: "));
        g_assert_true(strchr(result->errors, '\n') == result->errors + strlen(result->errors) - 1);
}

JsonNode *json_parse(const char *text) {
        g_autoptr(GError) error = NULL;
        JsonNode *node = json_from_string(text, &error);

        g_assert_no_error(error);
        g_assert_nonnull(node);
        return node;
}

JsonNode *cli_json(Fixture *fixture, const char *first, ...) {
        va_list arguments;

        va_start(arguments, first);
        g_autoptr(CliResult) result = run_list(fixture, NULL, first, arguments);
        va_end(arguments);
        if (result->status != 0)
                tell(result, first);
        g_assert_cmpint(result->status, ==, 0);
        return json_parse(result->output);
}

char *cli_create(Fixture *fixture, const char *kind, const char *option, ...) {
        g_autoptr(GPtrArray) argv = g_ptr_array_new();
        va_list arguments;

        g_ptr_array_add(argv, (gpointer)g_getenv("IPCCTL"));
        g_ptr_array_add(argv, (gpointer) "create");
        g_ptr_array_add(argv, (gpointer)kind);
        va_start(arguments, option);
        for (const char *word = option; word != NULL; word = va_arg(arguments, const char *))
                g_ptr_array_add(argv, (gpointer)word);
        va_end(arguments);
        g_ptr_array_add(argv, NULL);
        g_autoptr(GSubprocess) process = cli_start_argv(fixture,
                G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_PIPE, (const char *const *)argv->pdata);
        g_autoptr(CliResult) result = cli_end(process, NULL);
        if (result->status != 0)
                tell(result, kind);
        g_assert_cmpint(result->status, ==, 0);
        return g_strchomp(g_strdup(result->output));
}

char *cli_queue(Fixture *fixture) {
        g_autofree char *name = fixture_name(fixture), *option = g_strconcat("name=", name, NULL);
        g_autofree char *wanted = g_strconcat("mq-posix:", name, NULL);
        char *address = cli_create(fixture, "mq-posix", option, "max_messages=3", "message_size=1K", NULL);

        g_assert_cmpstr(address, ==, wanted);
        return address;
}
