/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests and benchmarks through ipcctl: what they print, how they end, and that Ctrl-C leaves nothing. */
#include "cli.h"

#include <signal.h>
#include <string.h>

#include <glib/gstdio.h>

static void test_table(Fixture *fixture, gconstpointer arguments) {
        g_autoptr(CliResult) result = cli_run(fixture, NULL, "test", "pipe", NULL);
        g_auto(GStrv) lines = g_strsplit(result->output, "\n", -1);
        unsigned n = g_strv_length(lines), ok = 0;

        unsigned first = 0, skipped = 0;

        g_assert_cmpint(result->status, ==, 0);
        g_assert_cmpuint(n, >=, 9);
        g_assert_true(g_str_has_prefix(lines[0], "kernel  "));
        while (first < n && *lines[first] != '\0')
                first++;
        g_assert_cmpstr(lines[++first], ==, "pipe  unnamed pipe");
        for (unsigned i = first + 1; i < n; i++) {
                ok += g_str_has_prefix(lines[i], "  ok ");
                skipped += g_str_has_prefix(lines[i], "  skipped ");
        }
        g_autofree char *summary = g_strdup_printf("pipe: %u ok, 0 failed, %u skipped", ok, skipped);
        g_assert_cmpstr(lines[n - 2], ==, summary);
        g_assert_null(strchr(result->output, '\033'));
        /* And now it is known what was seen. */
        g_autoptr(JsonNode) kinds = cli_json(fixture, "kinds", "pipe", "--json", NULL);
        JsonObject *pipe = json_array_get_object_element(json_node_get_array(kinds), 0);
        g_assert_cmpint(json_object_get_int_member(json_object_get_object_member(pipe, "seen"), "ok"), ==, ok);
}

static void test_verdicts(Fixture *fixture, gconstpointer arguments) {
        g_autoptr(CliResult) result = cli_run(fixture, NULL, "test", "pipe", "fifo", "--claims", "order", NULL);
        const char *table = strstr(result->output, "\nKIND ");

        g_assert_cmpint(result->status, ==, 0);
        g_assert_nonnull(table);
        g_assert_nonnull(strstr(table, "\npipe "));
        g_assert_nonnull(strstr(table, "\nfifo "));
        g_assert_nonnull(strstr(table, " keeps what it promises\n"));
}

static void test_environment(Fixture *fixture, gconstpointer arguments) {
        g_autoptr(JsonNode) node = cli_json(fixture, "test", "pipe", "--claims", "order", "--json", NULL);
        JsonObject *environment = json_object_get_object_member(json_node_get_object(node), "environment");
        static const char *const keys[] = { "kernel", "container", "uid", "gid", "groups", "capabilities",
                "namespaces", "seccomp", "lsm", "limits", "hard_limits", "sysctl", "mounts", "cpus" };

        for (size_t i = 0; i < G_N_ELEMENTS(keys); i++)
                g_assert_true(json_object_has_member(environment, keys[i]));
        g_autoptr(CliResult) tap = cli_run(fixture, NULL, "test", "pipe", "--claims", "order", "--tap", NULL);
        g_assert_nonnull(strstr(tap->output, "\n# kernel "));
        /* What is unknown is not left standing without its reason. */
        g_assert_true(strstr(tap->output, "  unknown\n") == NULL ||
                      strstr(tap->output, "\n# namespaces.why_unknown  ") != NULL);
}

static void test_tap(Fixture *fixture, gconstpointer arguments) {
        g_autoptr(CliResult) result = cli_run(fixture, NULL, "test", "--tap", "pipe", NULL);
        g_auto(GStrv) lines = g_strsplit(result->output, "\n", -1);
        unsigned number = 0;

        g_assert_cmpint(result->status, ==, 0);
        g_assert_cmpstr(lines[0], ==, "TAP version 13");
        for (char **line = lines + 1; *line != NULL; line++) {
                g_autofree char *wanted = g_strdup_printf("ok %u - pipe ", number + 1);
                number += g_str_has_prefix(*line, wanted);
        }
        g_autofree char *plan = g_strdup_printf("1..%u", number);
        g_assert_cmpuint(number, >=, 6);
        g_assert_cmpstr(lines[g_strv_length(lines) - 2], ==, plan);
}

static void test_json_and_junit(Fixture *fixture, gconstpointer arguments) {
        g_autofree char *file = fixture_path(fixture), *xml = NULL;
        g_autoptr(JsonNode) node = cli_json(fixture, "test", "--json", "--junit", file, "pipe", NULL);
        JsonObject *object = json_node_get_object(node);
        JsonObject *kind = json_array_get_object_element(json_object_get_array_member(object, "kinds"), 0);
        JsonArray *checks = json_object_get_array_member(kind, "checks");
        JsonObject *summary = json_object_get_object_member(object, "summary");

        g_assert_cmpstr(json_object_get_string_member(kind, "kind"), ==, "pipe");
        g_assert_cmpint(json_object_get_int_member(summary, "ok") + json_object_get_int_member(summary, "failed") +
                                json_object_get_int_member(summary, "skipped"),
                ==, json_array_get_length(checks));
        for (guint i = 0; i < json_array_get_length(checks); i++) {
                JsonObject *check = json_array_get_object_element(checks, i);
                static const char *const keys[] = { "id", "claim", "result", "evidence" };
                for (size_t k = 0; k < G_N_ELEMENTS(keys); k++)
                        g_assert_cmpstr(json_object_get_string_member(check, keys[k]), !=, "");
        }
        g_assert_true(g_file_get_contents(file, &xml, NULL, NULL));
        g_assert_nonnull(strstr(xml, "<testsuite name=\"ipcctl test\""));
        g_autofree char *command = g_strdup_printf(
                "python3 -c 'import sys, xml.dom.minidom as x; "
                "print(len(x.parse(sys.argv[1]).getElementsByTagName(\"testcase\")))' %s; rm %s",
                file, file);
        g_autoptr(CliResult) parsed = cli_shell(fixture, command);
        g_assert_cmpint(g_ascii_strtoll(parsed->output, NULL, 10), ==, json_array_get_length(checks));
}

static void test_claims(Fixture *fixture, gconstpointer arguments) {
        g_autoptr(JsonNode) kinds = cli_json(fixture, "kinds", "pipe", "--json", NULL);
        JsonObject *pipe = json_array_get_object_element(json_node_get_array(kinds), 0);
        JsonArray *claims = json_object_get_array_member(pipe, "claims");
        const char *id = json_object_get_string_member(json_array_get_object_element(claims, 0), "id");
        g_autoptr(JsonNode) node = cli_json(fixture, "test", "pipe", "--claims", id, "--json", NULL);
        JsonObject *kind = json_array_get_object_element(
                json_object_get_array_member(json_node_get_object(node), "kinds"), 0);

        g_assert_cmpuint(json_array_get_length(json_object_get_array_member(kind, "checks")), ==, 1);
        g_assert_true(json_object_get_boolean_member(json_node_get_object(node), "complete"));
        /* One that is misspelt is not left out without a word. */
        g_autofree char *both = g_strconcat(id, ",no-such-claim", NULL);
        cli_fails(fixture, EXIT_CODE_FAILED, "no-such-claim", "test", "pipe", "--claims", both, NULL);
}

static void test_bench(Fixture *fixture, gconstpointer arguments) {
        static const char *const latency[] = { "min", "p50", "p90", "p99", "p999", "p9999", "max" };
        g_autofree char *file = fixture_path(fixture);
        g_autoptr(JsonNode) node = cli_json(fixture, "bench", "pipe", "--size", "64", "--time", "10ms", "--trials",
                "2", "--cpus", "0,0", "--save", file, "--json", NULL);
        JsonObject *object = json_node_get_object(node);
        JsonArray *results = json_object_get_array_member(object, "results");
        JsonObject *floors = json_object_get_object_member(object, "floors");

        g_assert_cmpuint(json_object_get_size(json_object_get_object_member(object, "environment")), >, 0);
        g_assert_cmpfloat(json_object_get_double_member(floors, "syscall_ns"), >, 0);
        g_assert_cmpuint(json_object_get_size(json_object_get_object_member(floors, "memcpy_bytes_per_second")), >, 0);
        g_assert_cmpuint(json_array_get_length(results), >=, 2);
        for (guint i = 0; i < json_array_get_length(results); i++) {
                JsonObject *result = json_array_get_object_element(results, i);
                if (json_object_has_member(result, "skipped"))
                        continue;
                g_assert_cmpint(json_object_get_int_member(result, "size"), ==, 64);
                g_assert_true(json_object_has_member(result, "ratio_to_floor"));
                if (strcmp(json_object_get_string_member(result, "mode"), "latency") != 0)
                        continue;
                JsonObject *times = json_object_get_object_member(result, "latency_ns");
                for (size_t k = 0; k < G_N_ELEMENTS(latency); k++)
                        g_assert_cmpint(json_object_get_int_member(times, latency[k]), >, 0);
        }
        g_autoptr(CliResult) compared = cli_run(fixture, NULL, "bench", "pipe", "--size", "64", "--mode", "latency",
                "--time", "10ms", "--trials", "2", "--cpus", "0,0", "--compare", file, NULL);
        g_assert_cmpint(compared->status, ==, 0);
        g_assert_nonnull(strstr(compared->output, "floors: "));
        g_assert_nonnull(strstr(compared->output, " WAS "));
        g_assert_nonnull(strstr(compared->output, "compared with "));
        cli_fails(fixture, EXIT_CODE_FAILED, "/nonexistent", "bench", "--compare", "/nonexistent", NULL);
        unlink(file);
}

static JsonObject *only_job(JsonNode *node) {
        g_assert_cmpuint(json_array_get_length(json_node_get_array(node)), ==, 1);
        return json_array_get_object_element(json_node_get_array(node), 0);
}

static bool job_runs(Fixture *fixture) {
        g_autoptr(JsonNode) node = cli_json(fixture, "jobs", "--json", NULL);

        return json_array_get_length(json_node_get_array(node)) > 0;
}

static void test_interrupt(Fixture *fixture, gconstpointer arguments) {
        g_autoptr(GSubprocess)
                process = cli_start(fixture, G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_PIPE,
                        g_getenv("IPCCTL"), "bench", "--time", "60", NULL);

        WAIT_UNTIL(job_runs(fixture));
        g_subprocess_send_signal(process, SIGINT);
        g_autoptr(CliResult) result = cli_end(process, NULL);
        g_assert_cmpint(result->status, ==, 130);
        g_assert_cmpstr(result->errors, ==, "ipcctl: cancelled\n");
        g_autoptr(JsonNode) node = cli_json(fixture, "jobs", "--json", NULL);
        g_assert_cmpstr(json_object_get_string_member(only_job(node), "state"), ==, "cancelled");
        WAIT_UNTIL(fixture_processes(fixture) == 1);
}

/* Nobody takes what was cut off for a whole run that passed. */
static void test_cut(Fixture *fixture, gconstpointer arguments) {
        g_autofree char *file = fixture_path(fixture), *xml = NULL;
        g_autoptr(GSubprocess)
                tap = cli_start(fixture, G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_PIPE,
                        g_getenv("IPCCTL"), "test", "--tap", "--junit", file, NULL);

        WAIT_UNTIL(job_runs(fixture));
        g_subprocess_send_signal(tap, SIGINT);
        g_autoptr(CliResult) result = cli_end(tap, NULL);
        g_assert_cmpint(result->status, ==, 130);
        g_assert_true(g_str_has_suffix(result->output, "\nBail out! the run did not come to its end\n"));
        g_assert_null(strstr(result->output, "\n1.."));
        g_assert_true(g_file_get_contents(file, &xml, NULL, NULL));
        g_assert_nonnull(strstr(xml, " errors=\"1\" "));
        g_assert_nonnull(strstr(xml, "<error message=\"the run did not come to its end\"/>"));
        g_unlink(file);

        g_autoptr(CliResult) none = cli_run(fixture, NULL, "test", "--tap", "pipe", "--claims", "no-such-claim", NULL);
        g_assert_cmpint(none->status, ==, EXIT_CODE_FAILED);
        g_assert_cmpstr(none->output, ==, "TAP version 13\nBail out! the run did not come to its end\n");
}

static void test_cancel(Fixture *fixture, gconstpointer arguments) {
        g_autoptr(GSubprocess)
                process = cli_start(fixture, G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_PIPE,
                        g_getenv("IPCCTL"), "bench", "--time", "60", NULL);

        WAIT_UNTIL(job_runs(fixture));
        cli_ok(fixture, "", "cancel", "1", NULL);
        g_autoptr(CliResult) result = cli_end(process, NULL);
        g_assert_cmpint(result->status, ==, EXIT_CODE_FAILED);
        g_assert_nonnull(strstr(result->errors, "cancelled"));
        cli_fails(fixture, EXIT_CODE_FAILED, "", "cancel", "1", NULL);
        g_autoptr(CliResult) table = cli_run(fixture, NULL, "jobs", NULL);
        g_assert_true(g_str_has_prefix(table->output, "JOB  KIND       STATE"));
        g_assert_nonnull(strstr(table->output, "  1  benchmark  cancelled"));
        WAIT_UNTIL(fixture_processes(fixture) == 1);
}

/* The service dies under a job: a sentence, not a hang. */
static void test_service_dies(Fixture *fixture, gconstpointer arguments) {
        g_autoptr(GSubprocess)
                process = cli_start(fixture, G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_PIPE,
                        g_getenv("IPCCTL"), "bench", "--time", "60", NULL);

        WAIT_UNTIL(job_runs(fixture));
        fixture_end_service(fixture, SIGKILL);
        g_autoptr(CliResult) result = cli_end(process, NULL);
        g_assert_cmpint(result->status, ==, EXIT_CODE_FAILED);
        g_assert_nonnull(strstr(result->errors, "the service ended"));
        /* The next one sweeps what was left. */
        g_assert_false(job_runs(fixture));
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        FIXTURE_TEST("/cli/jobs/table", NULL, test_table);
        FIXTURE_TEST("/cli/jobs/tap", NULL, test_tap);
        FIXTURE_TEST("/cli/jobs/verdicts", NULL, test_verdicts);
        FIXTURE_TEST("/cli/jobs/environment", NULL, test_environment);
        FIXTURE_TEST("/cli/jobs/json-and-junit", NULL, test_json_and_junit);
        FIXTURE_TEST("/cli/jobs/claims", NULL, test_claims);
        FIXTURE_TEST("/cli/jobs/bench", NULL, test_bench);
        FIXTURE_TEST("/cli/jobs/interrupt", NULL, test_interrupt);
        FIXTURE_TEST("/cli/jobs/cut", NULL, test_cut);
        FIXTURE_TEST("/cli/jobs/cancel", NULL, test_cancel);
        FIXTURE_TEST("/cli/jobs/service-dies", NULL, test_service_dies);
        return g_test_run();
}
