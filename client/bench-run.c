/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads a tree into results. The tree may be a file of anybody's, so every member is looked at before it is believed.
 * Owns the results; their strings are of the tree, which it holds. */
#include "bench-run.h"

#include <math.h>
#include <string.h>

enum { RESULTS_MAX = 20000, CURVE_MAX = 256, TRIALS_MAX = 4096 };

static double number_of(JsonNode *node) {
        if (node == NULL || !JSON_NODE_HOLDS_VALUE(node))
                return 0;
        GType type = json_node_get_value_type(node);
        double value = type == G_TYPE_INT64    ? (double)json_node_get_int(node)
                       : type == G_TYPE_DOUBLE ? json_node_get_double(node)
                                               : 0;
        return isfinite(value) ? value : 0;
}

const char *bench_string(JsonObject *object, const char *key) {
        JsonNode *node = object != NULL ? json_object_get_member(object, key) : NULL;

        if (node == NULL || !JSON_NODE_HOLDS_VALUE(node) || json_node_get_value_type(node) != G_TYPE_STRING)
                return "";
        return json_node_get_string(node);
}

double bench_number(JsonObject *object, const char *key) {
        return object != NULL ? number_of(json_object_get_member(object, key)) : 0;
}

static bool is_true(JsonObject *object, const char *key) {
        JsonNode *node = json_object_get_member(object, key);

        return node != NULL && JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_BOOLEAN &&
               json_node_get_boolean(node);
}

JsonObject *bench_object(JsonObject *object, const char *key) {
        JsonNode *node = object != NULL ? json_object_get_member(object, key) : NULL;

        return node != NULL && JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
}

JsonArray *bench_array(JsonObject *object, const char *key) {
        JsonNode *node = object != NULL ? json_object_get_member(object, key) : NULL;

        return node != NULL && JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : NULL;
}

static double element_number(JsonArray *array, guint i) {
        return array != NULL && i < json_array_get_length(array) ? number_of(json_array_get_element(array, i)) : 0;
}

static char *join_strings(JsonArray *array) {
        GString *text = g_string_new(NULL);

        for (guint i = 0; array != NULL && i < json_array_get_length(array); i++) {
                JsonNode *node = json_array_get_element(array, i);
                if (JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_STRING)
                        g_string_append_printf(text, "%s%s", text->len > 0 ? ", " : "", json_node_get_string(node));
        }
        return g_string_free(text, FALSE);
}

static guint64 count_of(JsonObject *object, const char *key) {
        double value = bench_number(object, key);

        return value > 0 && value < 1e18 ? (guint64)value : 0;
}

static void read_latency(BenchResult *result, JsonObject *latency) {
        JsonArray *curve = bench_array(latency, "curve"), *interval = bench_array(latency, "interval");

        result->p50 = bench_number(latency, "p50");
        result->p99 = bench_number(latency, "p99");
        result->least = bench_number(latency, "min");
        result->most = bench_number(latency, "max");
        result->low = element_number(interval, 0);
        result->high = element_number(interval, 1);
        result->n_curve = curve != NULL ? MIN(json_array_get_length(curve), CURVE_MAX) : 0;
        result->curve = g_new(double, result->n_curve + 1);
        for (guint i = 0; i < result->n_curve; i++)
                result->curve[i] = element_number(curve, i);
}

static void read_trials(BenchResult *result, JsonArray *figures) {
        guint n = figures != NULL ? MIN(json_array_get_length(figures), TRIALS_MAX) : 0;

        result->trials = g_new0(BenchTrial, n + 1);
        for (guint i = 0; i < n; i++) {
                JsonNode *node = json_array_get_element(figures, i);
                if (!JSON_NODE_HOLDS_OBJECT(node) || is_true(json_node_get_object(node), "left_out"))
                        continue;
                JsonObject *trial = json_node_get_object(node);
                double nsec = bench_number(trial, "ns");
                if (nsec > 0)
                        result->trials[result->n_trials++] = (BenchTrial){ nsec, bench_object(trial, "floors") };
        }
}

static BenchResult *result_new(JsonObject *object) {
        BenchResult *result = g_new0(BenchResult, 1);

        result->object = object;
        result->kind = bench_string(object, "kind");
        result->variant = bench_string(object, "variant");
        result->mode = bench_string(object, "mode");
        result->wait = bench_string(object, "wait");
        result->placement = bench_string(object, "placement");
        result->subject = *result->variant == '\0' ? g_strdup(result->kind)
                                                   : g_strdup_printf("%s (%s)", result->kind, result->variant);
        result->size = count_of(object, "size");
        result->asked = json_object_has_member(object, "size_asked") ? count_of(object, "size_asked") : result->size;
        result->peers = count_of(object, "peers");
        result->rate = bench_number(object, "messages_per_second");
        result->bytes_rate = bench_number(object, "bytes_per_second");
        result->low = bench_number(object, "messages_per_second_low");
        result->high = bench_number(object, "messages_per_second_high");
        result->cpu = bench_number(object, "cpu_ns_per_message");
        result->floor = bench_string(object, "floor");
        result->floor_nsec = bench_number(object, "floor_ns");
        result->ratio = bench_number(object, "ratio_to_floor");
        result->disturbed = is_true(object, "disturbed");
        result->failed = is_true(object, "failed");
        result->disturbed_by = join_strings(bench_array(object, "disturbed_by"));
        result->skipped = bench_string(object, "skipped");
        if (bench_object(object, "latency_ns") != NULL)
                read_latency(result, bench_object(object, "latency_ns"));
        read_trials(result, bench_array(object, "trial_figures"));
        return result;
}

static void result_free(void *data) {
        BenchResult *result = data;

        g_free(result->subject);
        g_free(result->curve);
        g_free(result->disturbed_by);
        g_free(result->trials);
        g_free(result);
}

BenchRun *bench_run_new(JsonNode *root, const char **ret_problem) {
        JsonObject *object = JSON_NODE_HOLDS_OBJECT(root) ? json_node_get_object(root) : NULL;
        JsonArray *results = bench_array(object, "results");
        g_autoptr(BenchRun) run = g_new0(BenchRun, 1);

        if (results == NULL) {
                *ret_problem = bench_array(object, "kinds") != NULL ? "it is a run of \"ipcctl test\""
                                                                    : "it is no run of \"ipcctl bench\"";
                return NULL;
        }
        if (json_array_get_length(results) > RESULTS_MAX) {
                *ret_problem = "it has more results than any run has";
                return NULL;
        }
        run->root = json_node_ref(root);
        run->results = g_ptr_array_new_with_free_func(result_free);
        for (guint i = 0; i < json_array_get_length(results); i++) {
                JsonNode *node = json_array_get_element(results, i);
                JsonObject *result = JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
                if (*bench_string(result, "kind") == '\0' || *bench_string(result, "mode") == '\0') {
                        *ret_problem = "one of its results has no kind or no mode";
                        return NULL;
                }
                g_ptr_array_add(run->results, result_new(result));
        }
        return g_steal_pointer(&run);
}

BenchRun *bench_run_free(BenchRun *run) {
        if (run == NULL)
                return NULL;
        g_clear_pointer(&run->results, g_ptr_array_unref);
        g_clear_pointer(&run->root, json_node_unref);
        g_free(run);
        return NULL;
}

const char *bench_run_missing(const BenchRun *run, char *const *kinds) {
        for (char *const *kind = kinds; *kind != NULL; kind++) {
                bool found = false;
                for (guint i = 0; i < run->results->len; i++)
                        found |= strcmp(bench_result(run, i)->kind, *kind) == 0;
                if (!found)
                        return *kind;
        }
        return NULL;
}

void bench_run_select(BenchRun *run, char *const *kinds) {
        JsonArray *results = bench_array(json_node_get_object(run->root), "results");

        for (guint i = run->results->len; *kinds != NULL && i-- > 0;)
                if (!g_strv_contains((const char *const *)kinds, bench_result(run, i)->kind)) {
                        g_ptr_array_remove_index(run->results, i);
                        json_array_remove_element(results, i);
                }
}

bool bench_is_latency(const BenchResult *result) {
        return result->p50 > 0;
}

double bench_nsec(const BenchResult *result) {
        return result->p50 > 0 ? result->p50 : result->rate > 0 ? 1e9 / result->rate : 0;
}

char *bench_floor_label(const char *floor) {
        static const char *const ends[] = { "_round_trip", "_ns", "_bytes_per_second" };
        size_t n = strlen(floor);

        for (size_t i = 0; i < G_N_ELEMENTS(ends); i++) {
                const char *end = strstr(floor, ends[i]);
                if (end != NULL)
                        n = MIN(n, (size_t)(end - floor));
        }
        return g_strdelimit(g_strndup(floor, n), "_", ' ');
}

/* With as many decimals as make three digits. */
static char *three_digits(double value, const char *prefix, const char *unit) {
        int decimals = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;

        return g_strdup_printf("%.*f %s%s", decimals, value, prefix, unit);
}

char *bench_nsec_text(double nsec) {
        if (nsec <= 0)
                return NULL;
        if (nsec < 999.5)
                return g_strdup_printf("%.*f ns", nsec < 9.95 ? 1 : 0, nsec);
        if (nsec < 999.5e3)
                return three_digits(nsec / 1e3, "u", "s");
        return nsec < 999.5e6 ? three_digits(nsec / 1e6, "m", "s") : three_digits(nsec / 1e9, "", "s");
}

char *bench_rate_text(double rate, const char *unit) {
        if (rate <= 0)
                return NULL;
        if (rate < 999.5)
                return g_strdup_printf("%.0f %s", rate, unit);
        if (rate < 999.5e3)
                return three_digits(rate / 1e3, "k", unit);
        return rate < 999.5e6 ? three_digits(rate / 1e6, "M", unit) : three_digits(rate / 1e9, "G", unit);
}
