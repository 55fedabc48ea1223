/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Benchmarks that are saved, shown, compared, drawn and written as CSV, by the built ipcctl; and what it says of files
 * that are no such thing. One run is measured; what another would have found is written into a copy of it. */
#include "cli.h"

#include <string.h>
#include <unistd.h>

static const char *const quick[] = { "--size", "64", "--time", "20ms", "--trials", "3", "--cpus", "0,0", NULL };

static char *save_run(Fixture *fixture) {
        char *file = fixture_path(fixture);
        g_autoptr(CliResult) result = cli_run(fixture, NULL, "bench", "pipe", "mq-posix", quick[0], quick[1], quick[2],
                quick[3], quick[4], quick[5], quick[6], quick[7], "--save", file, NULL);

        g_assert_cmpint(result->status, ==, 0);
        g_assert_null(strchr(result->output, '\033'));
        g_assert_null(strstr(result->output, "bars"));
        g_assert_null(strchr(result->output, '#'));
        return file;
}

static JsonNode *load(const char *file) {
        g_autofree char *text = NULL;

        g_assert_true(g_file_get_contents(file, &text, NULL, NULL));
        return json_parse(text);
}

static void store(const char *file, JsonNode *node) {
        g_autofree char *text = json_to_string(node, TRUE);

        g_assert_true(g_file_set_contents(file, text, -1, NULL));
}

static JsonArray *results_of(JsonNode *node) {
        return json_object_get_array_member(json_node_get_object(node), "results");
}

/* A copy in which every trial of that kind took so many times as long; without chance, as trials of 4 ms have more of
 * it than any slowed transport would change. */
static char *save_changed(Fixture *fixture, const char *file, const char *kind, double factor) {
        char *copy = fixture_path(fixture);
        g_autoptr(JsonNode) node = load(file);
        JsonArray *results = results_of(node);

        for (guint i = 0; i < json_array_get_length(results); i++) {
                JsonObject *result = json_array_get_object_element(results, i);
                JsonArray *trials = json_object_get_array_member(result, "trial_figures");
                bool changed = strcmp(json_object_get_string_member(result, "kind"), kind) == 0;
                for (guint t = 0; t < json_array_get_length(trials); t++) {
                        JsonObject *trial = json_array_get_object_element(trials, t);
                        json_object_set_double_member(trial, "ns", 5000 * (1 + 0.005 * t) * (changed ? factor : 1));
                        json_object_set_boolean_member(trial, "left_out", FALSE);
                }
                json_object_set_boolean_member(result, "disturbed", FALSE);
        }
        store(copy, node);
        return copy;
}

static JsonObject *compare(Fixture *fixture, const char *is, const char *was, JsonNode **ret) {
        *ret = cli_json(fixture, "bench", "--from", is, "--compare", was, "--json", NULL);
        return json_object_get_object_member(json_node_get_object(*ret), "comparison");
}

static void assert_counts(JsonObject *comparison, int same, int slower, int faster) {
        g_assert_cmpint(json_object_get_int_member(comparison, "same"), ==, same);
        g_assert_cmpint(json_object_get_int_member(comparison, "slower"), ==, slower);
        g_assert_cmpint(json_object_get_int_member(comparison, "faster"), ==, faster);
}

static void test_compare(Fixture *fixture, gconstpointer arguments) {
        g_autofree char *run = save_run(fixture), *as_was = save_changed(fixture, run, "", 1),
                        *slow = save_changed(fixture, run, "pipe", 1.4);
        g_autoptr(JsonNode) same = NULL, slower = NULL, faster = NULL;

        assert_counts(compare(fixture, as_was, as_was, &same), 4, 0, 0);
        assert_counts(compare(fixture, slow, as_was, &slower), 2, 2, 0);
        assert_counts(compare(fixture, as_was, slow, &faster), 2, 0, 2);
        g_autoptr(CliResult) text = cli_run(fixture, NULL, "bench", "--from", slow, "--compare", as_was, NULL);
        g_assert_cmpint(text->status, ==, 0);
        g_assert_nonnull(strstr(text->output, "  x1.40 slower (1."));
        g_assert_nonnull(strstr(text->output, "  no difference (0."));
        g_assert_nonnull(strstr(text->output, "\n  2 slower, 0 faster, 2 no difference, 0 too noisy to tell\n"));
        g_autoptr(CliResult)
                failing = cli_run(fixture, NULL, "bench", "--from", slow, "--compare", as_was, "--fail-slower", NULL);
        g_assert_cmpint(failing->status, ==, EXIT_CODE_CLAIM_FAILED);
        g_autoptr(CliResult)
                better = cli_run(fixture, NULL, "bench", "--from", as_was, "--compare", slow, "--fail-slower", NULL);
        g_assert_cmpint(better->status, ==, 0);
        cli_fails(fixture, EXIT_CODE_USAGE, "--compare", "bench", "--from", slow, "--fail-slower", NULL);
        unlink(run);
        unlink(as_was);
        unlink(slow);
}

/* Measured, by a worker that makes one kind slower: by so much that no load of the machine hides it. */
static char *save_slowed(Fixture *fixture, const char *slowed) {
        char *file = fixture_path(fixture);
        g_autofree char *command = g_strdup_printf(
                "IPCBUS_WORKER=$SLOW_WORKER %s \"$IPCCTL\" --embedded bench pipe unix-dgram mq-posix "
                "eventfd --mode latency --cpus 0,0 --time 0.15s --trials 7 --save %s",
                slowed, file);
        g_autoptr(CliResult) result = cli_shell(fixture, command);

        g_assert_cmpint(result->status, ==, 0);
        return file;
}

/* All intervals hold together in 95 of 100 comparisons, so one of three that finds nothing is no matter of luck. */
static void test_slowed(Fixture *fixture, gconstpointer arguments) {
        g_autofree char *was = save_slowed(fixture, ""),
                        *slow = save_slowed(fixture, "IPCBUS_TEST_SLOWED=pipe IPCBUS_TEST_SLOWED_NSEC=30000");
        g_autoptr(JsonNode) slower = NULL;
        bool equal = false;

        g_assert_cmpint(json_object_get_int_member(compare(fixture, slow, was, &slower), "slower"), >=, 1);
        g_autoptr(CliResult) text = cli_run(fixture, NULL, "bench", "--from", slow, "--compare", was, NULL);
        g_test_message("%s", text->output);
        g_assert_true(g_regex_match_simple("\n  pipe .* slower \\(", text->output, 0, 0));
        for (unsigned i = 0; i < 3 && !equal; i++) {
                g_autofree char *is = save_slowed(fixture, "");
                g_autoptr(JsonNode) same = NULL;
                JsonObject *comparison = compare(fixture, is, was, &same);

                equal = json_object_get_int_member(comparison, "slower") == 0 &&
                        json_object_get_int_member(comparison, "faster") == 0;
                unlink(is);
        }
        g_assert_true(equal);
        unlink(was);
        unlink(slow);
}

/* A run of another machine, of which only some results are here, and one of a version that kept no trials. */
static void test_compare_others(Fixture *fixture, gconstpointer arguments) {
        g_autofree char *run = save_run(fixture), *other = fixture_path(fixture);
        g_autoptr(JsonNode) node = load(run);
        JsonObject *environment = json_object_get_object_member(json_node_get_object(node), "environment");
        JsonObject *first = json_array_get_object_element(results_of(node), 0);

        json_object_set_string_member(environment, "kernel", "Linux 1.0");
        json_object_set_string_member(first, "placement", "other-node");
        json_object_remove_member(json_array_get_object_element(results_of(node), 1), "trial_figures");
        store(other, node);
        g_autoptr(CliResult) text = cli_run(fixture, NULL, "bench", "--from", run, "--compare", other, NULL);
        g_assert_cmpint(text->status, ==, 0);
        g_assert_nonnull(strstr(text->output, ": 3 results in both\n"));
        g_assert_nonnull(strstr(text->output, "too few trials to tell\n"));
        g_assert_nonnull(strstr(text->output, "not in that run\n"));
        g_assert_nonnull(strstr(text->output, "  only the earlier run has\n    "));
        g_assert_nonnull(strstr(text->output, ", other-node\n"));
        g_assert_nonnull(strstr(text->output, "  where it runs differs:\n    kernel "));
        g_assert_nonnull(strstr(text->output, " Linux 1.0 -> Linux "));
        unlink(run);
        unlink(other);
}

/* The fields of a line of RFC 4180; *text moves behind its CR and LF. */
static GPtrArray *csv_line(const char **text) {
        GPtrArray *fields = g_ptr_array_new_with_free_func(g_free);
        GString *field = g_string_new(NULL);
        bool quoted = false;

        for (; quoted || !g_str_has_prefix(*text, "\r\n"); (*text)++) {
                g_assert_cmpint(**text, !=, '\0');
                if (**text == '"' && quoted && (*text)[1] == '"')
                        g_string_append_c(field, *(*text)++);
                else if (**text == '"')
                        quoted = !quoted;
                else if (**text == ',' && !quoted) {
                        g_ptr_array_add(fields, g_string_free(field, FALSE));
                        field = g_string_new(NULL);
                } else
                        g_string_append_c(field, **text);
        }
        *text += 2;
        g_ptr_array_add(fields, g_string_free(field, FALSE));
        return fields;
}

static const char *field_of(const GPtrArray *header, const GPtrArray *line, const char *name) {
        for (guint i = 0; i < header->len; i++)
                if (strcmp(header->pdata[i], name) == 0)
                        return line->pdata[i];
        g_assert_not_reached();
}

static void test_csv(Fixture *fixture, gconstpointer arguments) {
        g_autofree char *run = save_run(fixture), *skipping = fixture_path(fixture);
        g_autoptr(JsonNode) node = load(run);
        guint n = json_array_get_length(results_of(node));

        json_object_set_string_member(json_array_get_object_element(results_of(node), 0), "skipped", "a \"b\", c\nd");
        store(skipping, node);
        g_autoptr(CliResult) result = cli_run(fixture, NULL, "bench", "--from", skipping, "--csv", NULL);
        g_assert_cmpint(result->status, ==, 0);
        const char *text = result->output;
        g_autoptr(GPtrArray) header = csv_line(&text);
        for (guint i = 0; i < n; i++) {
                g_autoptr(GPtrArray) line = csv_line(&text);
                JsonObject *is = json_array_get_object_element(results_of(node), i);
                g_assert_cmpuint(line->len, ==, header->len);
                g_assert_cmpstr(field_of(header, line, "kind"), ==, json_object_get_string_member(is, "kind"));
                g_assert_cmpstr(field_of(header, line, "size"), ==, "64");
                g_assert_cmpstr(field_of(header, line, "cpus"), ==, "0 0");
                g_assert_cmpfloat(g_ascii_strtod(field_of(header, line, "ratio_to_floor"), NULL), ==,
                        json_object_get_double_member(is, "ratio_to_floor"));
                g_assert_cmpstr(field_of(header, line, "skipped"), ==, i == 0 ? "a \"b\", c\nd" : "");
        }
        g_assert_cmpstr(text, ==, "");
        cli_fails(fixture, EXIT_CODE_USAGE, "--json", "bench", "--from", run, "--csv", "--json", NULL);
        unlink(run);
        unlink(skipping);
}

static void test_show(Fixture *fixture, gconstpointer arguments) {
        g_autofree char *run = save_run(fixture);
        g_autoptr(JsonNode) all = load(run), shown = cli_json(fixture, "bench", "--from", run, "--json", NULL);
        g_autoptr(JsonNode) pipe = cli_json(fixture, "bench", "--from", run, "pipe", "--json", NULL);
        JsonObject *object = json_node_get_object(all);

        g_assert_true(json_node_equal(all, shown));
        g_assert_cmpuint(json_array_get_length(results_of(all)), ==, 4);
        g_assert_cmpuint(json_array_get_length(results_of(pipe)), ==, 2);
        g_assert_cmpstr(
                json_object_get_string_member(json_object_get_object_member(object, "options"), "trials"), ==, "3");
        for (guint i = 0; i < 4; i++) {
                JsonObject *result = json_array_get_object_element(results_of(all), i);
                g_assert_cmpuint(json_array_get_length(json_object_get_array_member(result, "trial_figures")), ==, 3);
        }
        cli_fails(fixture, EXIT_CODE_FAILED, "no result of tcp", "bench", "--from", run, "tcp", NULL);
        cli_fails(fixture, EXIT_CODE_USAGE, "--size", "bench", "--from", run, "--size", "64", NULL);
        g_autofree char *closed = g_strdup_printf("ipcctl bench --from %s --csv >&-", run);
        g_autoptr(CliResult) lost = cli_shell(fixture, closed);
        g_assert_cmpint(lost->status, ==, EXIT_CODE_FAILED);
        g_assert_nonnull(strstr(lost->errors, "cannot write to standard output"));
        unlink(run);
}

/* script(1) gives it a terminal. */
static char *on_terminal(Fixture *fixture, const char *environment, const char *file) {
        g_autofree char *command = g_strdup_printf(
                "%s TERM=xterm COLUMNS=80 script -qec '\"$IPCCTL\" bench --from %s' /dev/null", environment, file);
        g_autoptr(CliResult) result = cli_shell(fixture, command);

        g_assert_cmpint(result->status, ==, 0);
        return g_strdup(result->output);
}

static void test_terminal(Fixture *fixture, gconstpointer arguments) {
        g_autofree char *program = g_find_program_in_path("script"), *run = save_run(fixture);
        g_autoptr(JsonNode) node = load(run);
        JsonObject *first = json_array_get_object_element(results_of(node), 0);

        if (program == NULL) {
                g_test_skip("there is no script(1)");
                unlink(run);
                return;
        }
        json_object_set_string_member(first, "variant", "a way of many words, of which not one is short");
        json_object_set_string_member(first, "wait", "adaptive");
        store(run, node);
        g_autofree char *blocks = on_terminal(fixture, "LC_ALL=C.UTF-8 NO_COLOR=1", run);
        g_autofree char *hashes = on_terminal(fixture, "LC_ALL=C NO_COLOR=1", run);
        g_assert_nonnull(strstr(blocks, "\u2588"));
        g_assert_nonnull(strstr(blocks, "bars are better"));
        g_assert_null(strchr(blocks, '\033'));
        g_assert_nonnull(strstr(hashes, "  #"));
        g_assert_null(strstr(hashes, "\u2588"));
        g_auto(GStrv) lines = g_strsplit_set(blocks, "\r\n", -1);
        for (char **line = lines; *line != NULL; line++)
                g_assert_cmpint(g_utf8_strlen(*line, -1), <=, 80);
        unlink(run);
}

static void assert_picture(const char *file, const char *begin, gsize n) {
        g_autofree char *content = NULL;
        gsize size;

        g_assert_true(g_file_get_contents(file, &content, &size, NULL));
        g_assert_cmpuint(size, >, 1000);
        g_assert_cmpint(memcmp(content, begin, n), ==, 0);
        g_assert_cmpint(unlink(file), ==, 0);
}

static void test_plot(Fixture *fixture, gconstpointer arguments) {
        g_autofree char *run = save_run(fixture), *path = fixture_path(fixture);
        g_autofree char *svg = g_strconcat(path, ".svg", NULL), *png = g_strconcat(path, ".PNG", NULL),
                        *pdf = g_strconcat(path, ".pdf", NULL);
        g_autofree char *lost = g_strdup_printf("%s/no/picture.svg", fixture->directory);

        g_autoptr(CliResult) first = cli_run(fixture, NULL, "bench", "--from", run, "--plot", svg, NULL);
        g_assert_cmpint(first->status, ==, 0);
        g_assert_cmpstr(first->errors, ==, "");
        assert_picture(svg, "<?xml ", 6);
        g_autoptr(CliResult) second = cli_run(fixture, NULL, "bench", "--from", run, "--plot", png, NULL);
        g_assert_cmpint(second->status, ==, 0);
        assert_picture(png, "\211PNG\r\n\032\n", 8);
        /* Before anything is measured, as --time 60 would show. */
        cli_fails(fixture, EXIT_CODE_USAGE, ".svg or .png", "bench", "--time", "60", "--plot", pdf, NULL);
        cli_fails(fixture, EXIT_CODE_USAGE, ".svg or .png", "bench", "--time", "60", "--plot", ".svg", NULL);
        cli_fails(fixture, EXIT_CODE_FAILED, "No such file", "bench", "--time", "60", "--plot", lost, NULL);
        g_assert_true(g_file_set_contents(run, "{\"results\":[]}", -1, NULL));
        cli_fails(fixture, EXIT_CODE_FAILED, "nothing was measured", "bench", "--from", run, "--plot", svg, NULL);
        g_assert_false(g_file_test(svg, G_FILE_TEST_EXISTS));
        unlink(run);
}

/* Each cause of a disturbance once, however results share them; and how much a burst is. */
static void test_says(Fixture *fixture, gconstpointer arguments) {
        static const char content[] =
                "{ \"results\" : [ { \"kind\" : \"pipe\", \"mode\" : \"burst\", \"burst\" : 32, \"size\" : 64,"
                " \"placement\" : \"same-cpu\", \"wait\" : \"block\", \"latency_ns\" : { \"p50\" : 5000 },"
                " \"disturbed\" : true, \"disturbed_by\" : [ \"rain\", \"snow\" ] }, { \"kind\" : \"fifo\","
                " \"mode\" : \"burst\", \"burst\" : 32, \"size\" : 64, \"placement\" : \"same-cpu\","
                " \"wait\" : \"block\", \"latency_ns\" : { \"p50\" : 6000 }, \"disturbed\" : true,"
                " \"disturbed_by\" : [ \"snow\" ] } ] }";
        g_autofree char *file = fixture_path(fixture);

        g_assert_true(g_file_set_contents(file, content, -1, NULL));
        g_autoptr(CliResult) result = cli_run(fixture, NULL, "bench", "--from", file, NULL);
        g_assert_cmpint(result->status, ==, 0);
        g_assert_nonnull(strstr(result->output, "burst of 32 messages, same-cpu"));
        g_assert_true(g_str_has_suffix(result->output, "(2 of 2 results), by\n  rain\n  snow\n"));
        unlink(file);
}

static void test_no_run(Fixture *fixture, gconstpointer arguments) {
        static const struct {
                const char *content, *needle;
        } files[] = {
                { "", "it is empty" },
                { "kind,mode\r\n", "it is no JSON" },
                { "{\"results\" : [", "was cut off" },
                { "{\"kinds\" : [], \"summary\" : {}}", "it is a run of \"ipcctl test\"" },
                { "[]", "it is no run of" },
                { "7", "it is no run of" },
                { "{\"results\" : {}}", "it is no run of" },
                { "{\"results\" : [7]}", "no kind or no mode" },
                { "{\"results\" : [{\"kind\" : 7, \"mode\" : \"latency\"}]}", "no kind or no mode" },
                { "\377\376", "it is no text" },
        };
        g_autofree char *file = fixture_path(fixture);

        for (size_t i = 0; i < G_N_ELEMENTS(files); i++) {
                g_assert_true(g_file_set_contents(file, files[i].content, -1, NULL));
                cli_fails(fixture, EXIT_CODE_FAILED, files[i].needle, "bench", "pipe", "--compare", file, NULL);
                cli_fails(fixture, EXIT_CODE_FAILED, files[i].needle, "bench", "--from", file, NULL);
        }
        unlink(file);
        cli_fails(fixture, EXIT_CODE_FAILED, "No such file", "bench", "--from", file, NULL);
}

/* Every member of another type than it has: shown as far as it goes, or refused, and drawn likewise; never a crash. */
static void test_wrong_types(Fixture *fixture, gconstpointer arguments) {
        static const char *const values[] = { "null", "7", "-1e300", "\"x\"", "[]", "[[]]", "{}", "true", "1e999" };
        static const char *const keys[] = { "variant", "size", "size_asked", "cpus", "peers", "latency_ns",
                "placement", "messages_per_second", "floor", "ratio_to_floor", "disturbed_by", "skipped",
                "trial_figures" };
        g_autofree char *file = fixture_path(fixture), *path = fixture_path(fixture);
        g_autofree char *picture = g_strconcat(path, ".svg", NULL);

        for (size_t v = 0; v < G_N_ELEMENTS(values); v++) {
                g_autoptr(GString) text = g_string_new("{\"environment\":{},\"floors\":");
                g_string_append_printf(
                        text, "%s,\"floor_titles\":%s,\"options\":%s,\"results\":[", values[v], values[v], values[v]);
                for (size_t k = 0; k < G_N_ELEMENTS(keys); k++)
                        g_string_append_printf(text,
                                "%s{\"kind\":\"pipe\",\"mode\":\"latency\",\"latency_ns\":{\"p50\":%s,\"curve\":%s,"
                                "\"interval\":%s},\"%s\":%s}",
                                k > 0 ? "," : "", values[k % 2 == 0 ? v : 1], values[v], values[v], keys[k],
                                values[v]);
                g_string_append(text, "]}");
                g_assert_true(g_file_set_contents(file, text->str, -1, NULL));
                g_autoptr(CliResult) result = cli_run(
                        fixture, NULL, "bench", "--from", file, "--compare", file, "--plot", picture, NULL);
                g_assert_cmpint(result->status, <=, 1);
                g_autoptr(CliResult) csv = cli_run(fixture, NULL, "bench", "--from", file, "--csv", NULL);
                g_assert_cmpint(csv->status, <=, 1);
                g_assert_null(strstr(result->errors, "CRITICAL"));
                g_assert_null(strstr(csv->errors, "CRITICAL"));
        }
        unlink(file);
        unlink(picture);
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        FIXTURE_TEST("/cli/bench/compare", NULL, test_compare);
        FIXTURE_TEST("/cli/bench/slowed", NULL, test_slowed);
        FIXTURE_TEST("/cli/bench/compare-others", NULL, test_compare_others);
        FIXTURE_TEST("/cli/bench/csv", NULL, test_csv);
        FIXTURE_TEST("/cli/bench/show", NULL, test_show);
        FIXTURE_TEST("/cli/bench/terminal", NULL, test_terminal);
        FIXTURE_TEST("/cli/bench/plot", NULL, test_plot);
        FIXTURE_TEST("/cli/bench/no-run", NULL, test_no_run);
        FIXTURE_TEST("/cli/bench/says", NULL, test_says);
        FIXTURE_TEST("/cli/bench/wrong-types", NULL, test_wrong_types);
        return g_test_run();
}
