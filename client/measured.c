/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads figures and keeps them. A machine is known by its name, its kernel and its processors: figures of another one
 * say nothing of this. Of each kind, size, way of waiting and placement the newest figure counts. */
#include "measured.h"

#include <string.h>
#include <sys/utsname.h>

#include "bench-report.h"
#include "bench-run.h"
#include "jobs.h"
#include "json.h"
#include "kept-place.h"
#include "output.h"
#include "saved.h"

#define KEPT_NAME "measured.json"
enum { SIZE_USUAL = 64, SIZE_NEAR = 4 };

static const char *const dimensions[] = { "kind", "variant", "mode", "wait", "placement" };

void measured_free(Measured *measured) {
        if (measured == NULL)
                return;
        g_free(measured->variant);
        g_free(measured->wait);
        g_free(measured->placement);
        g_free(measured);
}

static char *own_machine(void) {
        struct utsname name;

        if (uname(&name) < 0)
                return NULL;
        return g_strdup_printf("%s, %s %s %s, %u processors", name.nodename, name.sysname, name.release, name.machine,
                g_get_num_processors());
}

static double latency_of(JsonObject *result) {
        return bench_number(bench_object(result, "latency_ns"), "p50");
}

static bool same_result(JsonObject *a, JsonObject *b) {
        for (size_t i = 0; i < G_N_ELEMENTS(dimensions); i++)
                if (strcmp(bench_string(a, dimensions[i]), bench_string(b, dimensions[i])) != 0)
                        return false;
        return bench_number(a, "size") == bench_number(b, "size") &&
               bench_number(a, "peers") == bench_number(b, "peers");
}

/* Those members that are looked at here: all of a run may be large. */
static JsonObject *slim_result(JsonObject *result) {
        static const char *const others[] = { "size", "peers", "messages_per_second", "cpu_ns_per_message",
                "disturbed" };
        JsonObject *slim = json_object_new();

        for (size_t i = 0; i < G_N_ELEMENTS(dimensions); i++)
                if (*bench_string(result, dimensions[i]) != '\0')
                        json_object_set_string_member(slim, dimensions[i], bench_string(result, dimensions[i]));
        for (size_t i = 0; i < G_N_ELEMENTS(others); i++)
                if (json_object_has_member(result, others[i]))
                        json_object_set_member(
                                slim, others[i], json_node_copy(json_object_get_member(result, others[i])));
        if (latency_of(result) > 0) {
                json_object_set_object_member(slim, "latency_ns", json_object_new());
                json_object_set_double_member(
                        json_object_get_object_member(slim, "latency_ns"), "p50", latency_of(result));
        }
        return slim;
}

static JsonArray *results_of(JsonNode *node) {
        return node != NULL && JSON_NODE_HOLDS_OBJECT(node) ? bench_array(json_node_get_object(node), "results")
                                                            : NULL;
}

static JsonObject *result_at(JsonArray *results, guint i) {
        JsonNode *node = json_array_get_element(results, i);

        return JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
}

/* Adds a run to what there is; what was measured again replaces the older one. */
static void merge(JsonArray *into, JsonArray *from) {
        for (guint i = 0; from != NULL && i < json_array_get_length(from); i++) {
                JsonObject *result = result_at(from, i);
                if (result == NULL || (bench_number(result, "messages_per_second") <= 0 && latency_of(result) <= 0))
                        continue;
                for (guint j = json_array_get_length(into); j > 0; j--)
                        if (same_result(json_array_get_object_element(into, j - 1), result))
                                json_array_remove_element(into, j - 1);
                json_array_add_object_element(into, slim_result(result));
        }
}

/* NULL where there is nothing of this machine. */
static JsonNode *read_kept(const char *machine) {
        g_autofree char *file = machine != NULL ? kept_file(KEPT_NAME) : NULL;
        g_autoptr(JsonNode) node = file != NULL ? kept_read(file) : NULL;

        if (results_of(node) == NULL || strcmp(bench_string(json_node_get_object(node), "machine"), machine) != 0)
                return NULL;
        return g_steal_pointer(&node);
}

static JsonNode *node_with(const char *machine, JsonArray *results) {
        JsonObject *object = json_object_new();

        if (machine != NULL)
                json_object_set_string_member(object, "machine", machine);
        json_object_set_array_member(object, "results", results);
        return json_node_of(object);
}

void measured_keep(JsonNode *node) {
        g_autofree char *machine = own_machine(), *file = kept_file(KEPT_NAME);
        g_autoptr(JsonNode) kept = read_kept(machine), merged = NULL;
        JsonArray *results = json_array_new();

        merged = node_with(machine, results);
        merge(results, results_of(kept));
        merge(results, results_of(node));
        if (machine != NULL && file != NULL && json_array_get_length(results) > 0)
                kept_write(file, merged);
}

static void merge_jobs(Cli *cli, JsonArray *results) {
        g_autoptr(GPtrArray) jobs = NULL;

        if (jobs_load(cli, &jobs) != EXIT_CODE_DONE)
                return;
        for (guint i = 0; i < jobs->len; i++) {
                const JobInfo *job = jobs->pdata[i];
                g_autoptr(GVariant) records = NULL;
                if (!g_str_equal(job->kind, "benchmark") || job_results(cli, job->path, &records) != EXIT_CODE_DONE)
                        continue;
                g_autoptr(JsonNode) node = bench_json(records);
                merge(results, results_of(node));
        }
}

ExitCode measured_load(Cli *cli, const char *file, JsonNode **ret_node) {
        g_autoptr(JsonNode) merged = node_with(NULL, json_array_new()), root = NULL;
        JsonArray *results = results_of(merged);

        if (file != NULL) {
                ExitCode code = saved_read(
                        file, "cannot take figures from", "take a file of \"ipcctl bench --save FILE\"", &root);
                if (code != EXIT_CODE_DONE)
                        return code;
                if (results_of(root) == NULL)
                        return say("%s is not what \"ipcctl bench --save\" writes", file), EXIT_CODE_FAILED;
                merge(results, results_of(root));
        } else {
                g_autofree char *machine = own_machine();
                root = cli->host == NULL ? read_kept(machine) : NULL;
                merge(results, results_of(root));
                merge_jobs(cli, results);
        }
        *ret_node = json_array_get_length(results) > 0 ? g_steal_pointer(&merged) : NULL;
        return EXIT_CODE_DONE;
}

/* How far a size is from the one that is asked for; larger ones are nearer, as they promise no less. */
static double distance(double size, double asked) {
        return size >= asked ? size / asked : 1.5 * asked / size;
}

typedef struct Choice {
        const char *kind;
        double size;
        double cpu_ns;
        bool spin;
} Choice;

static bool is_of(JsonObject *result, const Choice *choice, const char *mode) {
        return result != NULL && strcmp(bench_string(result, "kind"), choice->kind) == 0 &&
               strcmp(bench_string(result, "mode"), mode) == 0 &&
               (choice->spin || strcmp(bench_string(result, "wait"), "spin") != 0);
}

/* The measured size that is nearest, or 0. */
static double nearest_size(JsonArray *results, const Choice *choice) {
        double nearest = 0;

        for (guint i = 0; i < json_array_get_length(results); i++) {
                JsonObject *result = result_at(results, i);
                double size = result != NULL ? bench_number(result, "size") : 0;
                if (size <= 0 || size > choice->size * SIZE_NEAR || size * SIZE_NEAR < choice->size ||
                        (!is_of(result, choice, "throughput") && !is_of(result, choice, "latency")))
                        continue;
                if (nearest == 0 || distance(size, choice->size) < distance(nearest, choice->size))
                        nearest = size;
        }
        return nearest;
}

/* The fastest of those that cost no more than is allowed; where all cost more, the cheapest. */
static bool is_better(JsonObject *result, JsonObject *best, const Choice *choice) {
        double cost = bench_number(result, "cpu_ns_per_message"), best_cost = bench_number(best, "cpu_ns_per_message");

        if (choice->cpu_ns > 0 && (cost > choice->cpu_ns || best_cost > choice->cpu_ns))
                return cost < best_cost;
        return bench_number(result, "messages_per_second") > bench_number(best, "messages_per_second");
}

static JsonObject *best_throughput(JsonArray *results, const Choice *choice, double size) {
        JsonObject *best = NULL;

        for (guint i = 0; i < json_array_get_length(results); i++) {
                JsonObject *result = result_at(results, i);
                if (is_of(result, choice, "throughput") && bench_number(result, "size") == size &&
                        bench_number(result, "messages_per_second") > 0 &&
                        (best == NULL || is_better(result, best, choice)))
                        best = result;
        }
        return best;
}

/* Of the same way of waiting where that was measured. */
static JsonObject *best_latency(JsonArray *results, const Choice *choice, double size, JsonObject *throughput) {
        JsonObject *best = NULL;

        for (guint i = 0; i < json_array_get_length(results); i++) {
                JsonObject *result = result_at(results, i);
                if (!is_of(result, choice, "latency") || bench_number(result, "size") != size ||
                        latency_of(result) <= 0)
                        continue;
                if (throughput != NULL && strcmp(bench_string(result, "wait"), bench_string(throughput, "wait")) != 0)
                        continue;
                if (best == NULL || latency_of(result) < latency_of(best))
                        best = result;
        }
        return best;
}

Measured *measured_best(JsonNode *node, const char *kind, guint64 size, double cpu_ns, bool spin) {
        const Choice choice = { kind, size > 0 ? (double)size : SIZE_USUAL, cpu_ns, spin };
        JsonArray *results = results_of(node);
        double near = results != NULL ? nearest_size(results, &choice) : 0;
        JsonObject *throughput = near > 0 ? best_throughput(results, &choice, near) : NULL;
        JsonObject *latency = near > 0 ? best_latency(results, &choice, near, throughput) : NULL;
        JsonObject *either = throughput != NULL ? throughput : latency;
        Measured *measured;

        if (either == NULL)
                return NULL;
        measured = g_new0(Measured, 1);
        measured->variant = g_strdup(bench_string(either, "variant"));
        measured->wait = g_strdup(bench_string(either, "wait"));
        measured->placement = g_strdup(bench_string(either, "placement"));
        measured->size = (guint64)near;
        measured->rate = throughput != NULL ? bench_number(throughput, "messages_per_second") : 0;
        measured->cpu_ns = bench_number(either, "cpu_ns_per_message");
        measured->p50_ns = latency != NULL ? latency_of(latency) : 0;
        JsonNode *disturbed = json_object_get_member(either, "disturbed");
        measured->disturbed = disturbed != NULL && JSON_NODE_HOLDS_VALUE(disturbed) &&
                              json_node_get_boolean(disturbed);
        return measured;
}
