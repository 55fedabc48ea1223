/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Runs of a test that are kept and compared: what changed and why, and files that are no such thing. */
#include "cli.h"

#include <string.h>
#include <unistd.h>

static char *save_run(Fixture *fixture, const char *kind, const char *claims) {
        g_autofree char *file = fixture_path(fixture);
        g_autoptr(CliResult) result = cli_run(fixture, NULL, "test", kind, "--claims", claims, "--save", file, NULL);

        g_assert_cmpint(result->status, ==, 0);
        return g_steal_pointer(&file);
}

static JsonObject *compare(Fixture *fixture, const char *kind, const char *claims, const char *file, JsonNode **ret) {
        *ret = cli_json(fixture, "test", kind, "--claims", claims, "--against", file, "--json", NULL);
        return json_object_get_object_member(json_node_get_object(*ret), "against");
}

/* Changes the file as another machine would have written it. */
static void edit(const char *file, const char *from, const char *to) {
        g_autofree char *text = NULL;

        g_assert_true(g_file_get_contents(file, &text, NULL, NULL));
        g_assert_nonnull(strstr(text, from));
        g_autoptr(GString) edited = g_string_new(text);
        g_string_replace(edited, from, to, 1);
        g_assert_true(g_file_set_contents(file, edited->str, -1, NULL));
}

static void test_nothing(Fixture *fixture, gconstpointer arguments) {
        g_autofree char *file = save_run(fixture, "pipe", ""); /* all */
        g_autoptr(JsonNode) node = NULL;
        JsonObject *against = compare(fixture, "pipe", "order,direction", file, &node);

        g_assert_cmpint(json_array_get_length(json_object_get_array_member(against, "claims")), ==, 0);
        g_assert_cmpint(json_array_get_length(json_object_get_array_member(against, "environment")), ==, 0);
        g_assert_cmpint(json_object_get_int_member(against, "compared"), ==, 2);
        g_autoptr(CliResult)
                text = cli_run(fixture, NULL, "test", "pipe", "--claims", "order", "--against", file, NULL);
        g_assert_nonnull(strstr(text->output, ": nothing changed, 1 claim has the result that it had\n"));
        g_autoptr(CliResult)
                tap = cli_run(fixture, NULL, "test", "pipe", "--claims", "order", "--tap", "--against", file, NULL);
        g_assert_nonnull(strstr(tap->output, "\n1..1\n# compared with "));
        cli_fails(fixture, EXIT_CODE_FAILED, "take a file of", "test", "pipe", "--against", "/dev/null", NULL);
        unlink(file);
}

static void test_changes(Fixture *fixture, gconstpointer arguments) {
        g_autofree char *file = save_run(fixture, "pipe", ""); /* all */
        g_autoptr(JsonNode) node = NULL;

        edit(file, "\"result\" : \"ok\"", "\"result\" : \"failed\"");
        edit(file, "\"id\" : \"order\"", "\"id\" : \"other\"");
        edit(file, "\"uid\" : ", "\"uid\" : 9");
        edit(file, "\"shmall\" : ", "\"shmall\" : 9");
        edit(file, "\"free\" : ", "\"free\" : 9");
        JsonObject *against = compare(fixture, "pipe", "", file, &node);
        JsonArray *claims = json_object_get_array_member(against, "claims");
        JsonArray *facts = json_object_get_array_member(against, "environment");
        static const char *const changes[][4] = {
                { "result", "direction", "failed", "ok" },
                { "new", "order", NULL, "ok" },
                { "gone", "other", "ok", NULL },
        };
        g_assert_cmpint(json_array_get_length(claims), ==, G_N_ELEMENTS(changes));
        for (guint i = 0; i < G_N_ELEMENTS(changes); i++) {
                JsonObject *claim = json_array_get_object_element(claims, i);
                g_assert_cmpstr(json_object_get_string_member(claim, "change"), ==, changes[i][0]);
                g_assert_cmpstr(json_object_get_string_member(claim, "id"), ==, changes[i][1]);
                g_assert_cmpstr(json_object_get_string_member_with_default(claim, "was", NULL), ==, changes[i][2]);
                g_assert_cmpstr(json_object_get_string_member_with_default(claim, "is", NULL), ==, changes[i][3]);
        }
        g_assert_cmpint(json_array_get_length(facts), ==, 2);
        g_assert_cmpstr(json_object_get_string_member(json_array_get_object_element(facts, 0), "name"), ==, "uid");
        g_assert_cmpstr(json_object_get_string_member(json_array_get_object_element(facts, 1), "name"), ==,
                "sysctl.kernel.shmall");
        g_autoptr(CliResult)
                text = cli_run(fixture, NULL, "test", "pipe", "--claims", "direction", "--against", file, NULL);
        g_assert_cmpint(text->status, ==, 0);
        g_assert_nonnull(strstr(text->output, ": 1 difference, of 1 that both have\n  pipe direction: "));
        g_assert_nonnull(strstr(text->output, "\n    was  failed   "));
        g_assert_nonnull(strstr(text->output, "\n    is   ok       "));
        g_assert_nonnull(strstr(text->output, "\n  where it runs differs:\n    uid  "));
        /* What a cancelled run did not come to is not new. */
        edit(file, "\"complete\" : true", "\"complete\" : false");
        g_autoptr(CliResult)
                cut = cli_run(fixture, NULL, "test", "pipe", "--claims", "direction", "--against", file, NULL);
        g_assert_nonnull(strstr(cut->output, ", which did not come to its end: 1 difference, of 1 that both have\n"));
        unlink(file);
}

static void test_limit(Fixture *fixture, gconstpointer arguments) {
        g_autofree char *file = fixture_path(fixture);
        g_autofree char *command = g_strdup_printf(
                "ipcctl --embedded test pipe --claims order --save %s >/dev/null && "
                "prlimit --nofile=50 ipcctl --embedded test pipe --claims order "
                "--against %s; rm %s",
                file, file, file);
        g_autoptr(CliResult) result = cli_shell(fixture, command);

        g_assert_nonnull(strstr(result->output, "\n    limits.open_files "));
        g_assert_nonnull(strstr(result->output, " -> 50\n"));
}

static void test_no_run(Fixture *fixture, gconstpointer arguments) {
        static const struct {
                const char *content, *needle;
        } files[] = {
                { "", "it is empty" },
                { "TAP version 13\nok 1\n", "it is no JSON" },
                { "{\"kinds\" : [", "was cut off" },
                { "{\"results\" : []}", "\"ipcctl bench\"" },
                { "[]", "it is no run of" },
                { "7", "it is no run of" },
                { "{\"kinds\" : []}", "its summary does not count" },
                { "{\"kinds\" : [7], \"summary\" : {}}", "it is no run of" },
                { "{\"kinds\" : [{\"kind\" : \"pipe\", \"checks\" : [{\"id\" : 7}]}], \"summary\" : {}}",
                        "it is no run of" },
                { "\377\376", "it is no text" },
        };
        g_autofree char *file = fixture_path(fixture);
        g_autofree char *deep = g_strnfill(100000, '[');

        for (size_t i = 0; i < G_N_ELEMENTS(files); i++) {
                g_assert_true(g_file_set_contents(file, files[i].content, -1, NULL));
                cli_fails(fixture, EXIT_CODE_FAILED, files[i].needle, "test", "pipe", "--against", file, NULL);
        }
        g_assert_true(g_file_set_contents(file, deep, -1, NULL));
        cli_fails(fixture, EXIT_CODE_FAILED, "nested too deep", "test", "pipe", "--against", file, NULL);
        unlink(file);
        cli_fails(fixture, EXIT_CODE_FAILED, "No such file", "test", "pipe", "--against", file, NULL);
        cli_fails(fixture, EXIT_CODE_FAILED, "No such file", "test", "pipe", "--save", "/nonexistent/file", NULL);
        cli_fails(fixture, EXIT_CODE_FAILED, "directory", "test", "pipe", "--save", fixture->directory, NULL);
        cli_fails(fixture, EXIT_CODE_FAILED, "directory", "test", "pipe", "--junit", fixture->directory, NULL);
        cli_fails(fixture, EXIT_CODE_FAILED, "No such file", "bench", "--save", "/nonexistent/file", NULL);
}

/* Every fact of the environment stands in each form of the report. */
static void test_surroundings(Fixture *fixture, gconstpointer arguments) {
        static const char *const names[] = { "boot_id", "machine", "libc", "ipcbus", "uid", "capabilities.effective",
                "namespace_inodes.ipc", "limits.open_files", "sysctl.kernel.shmmax", "mounts.dev_shm.path",
                "mounts.files.type", "cgroup" };
        g_autofree char *file = fixture_path(fixture), *xml = NULL, *boot = NULL;
        g_autoptr(CliResult)
                text = cli_run(fixture, NULL, "test", "pipe", "--claims", "order", "--verbose", "--junit", file, NULL);
        g_autoptr(CliResult)
                tap = cli_run(fixture, NULL, "test", "pipe", "--claims", "order", "--verbose", "--tap", NULL);

        g_assert_cmpint(text->status, ==, 0);
        g_assert_true(g_file_get_contents(file, &xml, NULL, NULL));
        g_assert_true(g_file_get_contents("/proc/sys/kernel/random/boot_id", &boot, NULL, NULL));
        for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
                g_autofree char *line = g_strdup_printf("\n%s ", names[i]);
                g_autofree char *comment = g_strdup_printf("\n# %s ", names[i]);
                g_autofree char *property = g_strdup_printf("<property name=\"%s\" value=\"", names[i]);
                g_assert_nonnull(strstr(text->output, line));
                g_assert_nonnull(strstr(tap->output, comment));
                g_assert_nonnull(strstr(xml, property));
        }
        g_autofree char *of_boot = g_strdup_printf("<property name=\"boot_id\" value=\"%s\"/>", g_strstrip(boot));
        g_assert_nonnull(strstr(xml, of_boot));
        g_assert_nonnull(strstr(xml, "<properties>"));
        g_autofree char *command = g_strdup_printf(
                "python3 -c 'import sys, xml.dom.minidom as x; "
                "print(len(x.parse(sys.argv[1]).getElementsByTagName(\"property\")) > 40)' %s; rm %s",
                file, file);
        g_autoptr(CliResult) parsed = cli_shell(fixture, command);
        g_assert_cmpstr(parsed->output, ==, "True\n");
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        FIXTURE_TEST("/cli/against/nothing", NULL, test_nothing);
        FIXTURE_TEST("/cli/against/changes", NULL, test_changes);
        FIXTURE_TEST("/cli/against/limit", NULL, test_limit);
        FIXTURE_TEST("/cli/against/no-run", NULL, test_no_run);
        FIXTURE_TEST("/cli/against/surroundings", NULL, test_surroundings);
        return g_test_run();
}
