/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Claimed against seen: from the running service, from what was kept of earlier runs, and where nothing can be kept.
 */
#include "cli.h"

#include <string.h>

/* A shell command with a directory of its own for what is kept, and nothing of it left. */
static CliResult *with_state(Fixture *fixture, const char *command) {
        g_autofree char *state = fixture_path(fixture);
        g_autofree char *whole = g_strdup_printf(
                "STATE=%s; export XDG_STATE_HOME=$STATE; %s; rm -f $STATE/ipcbus/tested-*.json; "
                "[ ! -d $STATE ] || rmdir $STATE/ipcbus $STATE",
                state, command);

        return cli_shell(fixture, whole);
}

#define PIPE_LINE "ipcctl --embedded kinds 2>/dev/null | grep '^pipe '"

static void test_kept(Fixture *fixture, gconstpointer arguments) {
        g_autoptr(CliResult) result = with_state(fixture,
                PIPE_LINE "; ipcctl --embedded test pipe --claims direction >/dev/null; " PIPE_LINE
                          "; ipcctl --embedded test pipe --claims order >/dev/null; " PIPE_LINE);
        g_auto(GStrv) lines = g_strsplit(result->output, "\n", -1);

        g_assert_cmpstr(result->errors, ==, "");
        g_assert_cmpuint(g_strv_length(lines), ==, 4);
        g_assert_null(strstr(lines[0], "seen"));
        g_assert_null(strstr(lines[0], " ago "));
        g_assert_nonnull(strstr(lines[1], " one way (seen) "));
        g_assert_nonnull(strstr(lines[1], " 1 ok, 0 failed, "));
        g_assert_nonnull(strstr(lines[1], " ago "));
        /* A run of some claims leaves what is known of the others. */
        g_assert_nonnull(strstr(lines[2], " 2 ok, 0 failed, "));
}

/* Another user or namespace is another place. Files that are broken, or of another place, say nothing. */
static void test_elsewhere(Fixture *fixture, gconstpointer arguments) {
        g_autoptr(CliResult) result = with_state(fixture,
                "ipcctl --embedded test pipe --claims order >/dev/null; file=$(echo $STATE/ipcbus/tested-*.json); "
                "unshare --user --ipc sh -c \"" PIPE_LINE "\" || echo pipe not allowed; "
                "sed -i 's/boot [0-9a-f]/boot x/' $file; " PIPE_LINE "; echo '{\"place\" : 7' > $file; " PIPE_LINE
                "; ipcctl --embedded test pipe --claims order >/dev/null; " PIPE_LINE);
        g_auto(GStrv) lines = g_strsplit(result->output, "\n", -1);

        g_assert_cmpuint(g_strv_length(lines), ==, 5);
        for (int i = 0; i < 3; i++)
                g_assert_null(strstr(lines[i], " ok, "));
        g_assert_nonnull(strstr(lines[3], " 1 ok, 0 failed, "));
}

static void test_cannot_keep(Fixture *fixture, gconstpointer arguments) {
        static const char *const places[] = { "XDG_STATE_HOME=/dev/null", "XDG_STATE_HOME=/proc/self",
                "-u XDG_STATE_HOME -u HOME", "XDG_STATE_HOME= HOME=", "XDG_STATE_HOME=relative HOME=/nonexistent" };

        for (size_t i = 0; i < G_N_ELEMENTS(places); i++) {
                g_autofree char *command = g_strdup_printf(
                        "env %s ipcctl --embedded test pipe --claims order >/dev/null; echo $?", places[i]);
                g_autoptr(CliResult) result = cli_shell(fixture, command);
                g_assert_cmpstr(result->errors, ==, "");
                g_assert_cmpstr(result->output, ==, "0\n");
        }
}

static JsonObject *pipe_of(JsonNode *kinds) {
        return json_array_get_object_element(json_node_get_array(kinds), 0);
}

static void test_json(Fixture *fixture, gconstpointer arguments) {
        g_autoptr(CliResult) run = cli_run(fixture, NULL, "test", "pipe", "--claims", "direction", NULL);
        g_autoptr(JsonNode) kinds = cli_json(fixture, "kinds", "pipe", "--json", NULL);
        JsonArray *aspects = json_object_get_array_member(pipe_of(kinds), "aspects");
        JsonObject *seen = json_object_get_object_member(pipe_of(kinds), "seen");
        bool found = false;

        g_assert_cmpint(run->status, ==, 0);
        g_assert_cmpstr(json_object_get_string_member(seen, "from"), ==, "service");
        g_assert_cmpint(json_object_get_int_member(seen, "time"), >, 0);
        for (guint i = 0; i < json_array_get_length(aspects); i++) {
                JsonObject *aspect = json_array_get_object_element(aspects, i);
                JsonObject *claim = json_array_get_object_element(json_object_get_array_member(aspect, "claims"), 0);
                if (strcmp(json_object_get_string_member(aspect, "aspect"), "bidirectional") != 0)
                        continue;
                found = true;
                g_assert_false(json_object_get_boolean_member(aspect, "claimed"));
                g_assert_cmpstr(json_object_get_string_member(aspect, "seen"), ==, "kept");
                g_assert_cmpstr(json_object_get_string_member(claim, "id"), ==, "direction");
                g_assert_cmpstr(json_object_get_string_member(claim, "result"), ==, "ok");
                g_assert_cmpstr(json_object_get_string_member(claim, "from"), ==, "service");
        }
        g_assert_true(found);
        g_assert_true(json_object_has_member(pipe_of(kinds), "gaps"));
}

static void test_details(Fixture *fixture, gconstpointer arguments) {
        g_autoptr(CliResult) run = cli_run(fixture, NULL, "test", "pipe", "--claims", "direction", NULL);
        g_autoptr(CliResult) text = cli_run(fixture, NULL, "kinds", "pipe", NULL);

        g_assert_cmpint(run->status, ==, 0);
        g_assert_nonnull(strstr(text->output, "\n  bidirectional  no (seen)\n"));
        g_assert_nonnull(strstr(text->output, "\n  priority       no\n"));
        g_assert_nonnull(strstr(text->output, " kept  direction ok\n"));
        g_assert_nonnull(strstr(text->output, "\n    priority         Bytes are read in the order"));
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        FIXTURE_TEST("/cli/seen/kept", NULL, test_kept);
        FIXTURE_TEST("/cli/seen/elsewhere", NULL, test_elsewhere);
        FIXTURE_TEST("/cli/seen/cannot-keep", NULL, test_cannot_keep);
        FIXTURE_TEST("/cli/seen/json", NULL, test_json);
        FIXTURE_TEST("/cli/seen/details", NULL, test_details);
        return g_test_run();
}
