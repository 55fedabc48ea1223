/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Writes figures as they are in JSON, in nanoseconds and seconds, under names that stay. Lines end with CR and LF, as
 * the RFC has it. Owns nothing. */
#include "bench-csv.h"

#include <string.h>

#include "json.h"
#include "output.h"

/* Where a figure is in a result: "latency_ns.p50" is within "latency_ns". */
static const struct {
        const char *name, *key;
} columns[] = {
        { "kind", "kind" },
        { "variant", "variant" },
        { "mode", "mode" },
        { "size", "size" },
        { "size_asked", "size_asked" },
        { "wait", "wait" },
        { "placement", "placement" },
        { "cpus", "cpus" },
        { "peers", "peers" },
        { "burst", "burst" },
        { "trials", "trials" },
        { "trials_left_out", "trials_left_out" },
        { "messages", "messages" },
        { "min_ns", "latency_ns.min" },
        { "p50_ns", "latency_ns.p50" },
        { "p90_ns", "latency_ns.p90" },
        { "p99_ns", "latency_ns.p99" },
        { "p999_ns", "latency_ns.p999" },
        { "p9999_ns", "latency_ns.p9999" },
        { "max_ns", "latency_ns.max" },
        { "p50_interval_ns", "latency_ns.interval" },
        { "messages_per_second", "messages_per_second" },
        { "messages_per_second_low", "messages_per_second_low" },
        { "messages_per_second_high", "messages_per_second_high" },
        { "bytes_per_second", "bytes_per_second" },
        { "peer_messages_per_second", "peer_messages_per_second" },
        { "fairness", "fairness" },
        { "shared", "shared" },
        { "cpu_ns_per_message", "cpu_ns_per_message" },
        { "context_switches_per_message", "context_switches_per_message" },
        { "floor", "floor" },
        { "floor_ns", "floor_ns" },
        { "ratio_to_floor", "ratio_to_floor" },
        { "disturbed", "disturbed" },
        { "disturbed_by", "disturbed_by" },
        { "skipped", "skipped" },
        { "failed", "failed" },
};

/* A list is one field, its items apart by blanks, or by semicolons where they are sentences. */
static char *list_text(JsonArray *array) {
        g_autoptr(GString) text = g_string_new(NULL);

        for (guint i = 0; i < json_array_get_length(array); i++) {
                JsonNode *node = json_array_get_element(array, i);
                g_autofree char *item = json_scalar_text(node);
                bool number = JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) != G_TYPE_STRING;
                if (item != NULL)
                        g_string_append_printf(text, "%s%s", i == 0 ? "" : number ? " " : "; ", item);
        }
        return g_string_free(g_steal_pointer(&text), FALSE);
}

static char *value_text(JsonNode *node) {
        if (node == NULL)
                return NULL;
        if (JSON_NODE_HOLDS_ARRAY(node))
                return list_text(json_node_get_array(node));
        if (JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_BOOLEAN)
                return g_strdup(json_node_get_boolean(node) ? "true" : "false");
        return json_scalar_text(node);
}

static void append_field(GString *line, const char *text) {
        if (text == NULL)
                return;
        if (strpbrk(text, ",\"\r\n") == NULL) {
                g_string_append(line, text);
                return;
        }
        g_string_append_c(line, '"');
        for (; *text != '\0'; text++) {
                if (*text == '"')
                        g_string_append_c(line, '"');
                g_string_append_c(line, *text);
        }
        g_string_append_c(line, '"');
}

static JsonNode *member(JsonObject *object, const char *key) {
        const char *dot = strchr(key, '.');

        if (dot == NULL)
                return json_object_get_member(object, key);
        g_autofree char *first = g_strndup(key, (gsize)(dot - key));
        JsonObject *within = bench_object(object, first);
        return within != NULL ? json_object_get_member(within, dot + 1) : NULL;
}

void bench_csv_print(const BenchRun *run) {
        g_autoptr(GString) text = g_string_new(NULL);

        for (size_t c = 0; c < G_N_ELEMENTS(columns); c++)
                g_string_append_printf(text, "%s%s", c > 0 ? "," : "", columns[c].name);
        g_string_append(text, "\r\n");
        for (guint i = 0; i < run->results->len; i++) {
                for (size_t c = 0; c < G_N_ELEMENTS(columns); c++) {
                        g_autofree char *value = value_text(member(bench_result(run, i)->object, columns[c].key));
                        if (c > 0)
                                g_string_append_c(text, ',');
                        append_field(text, value);
                }
                g_string_append(text, "\r\n");
        }
        output_bytes(text->str, text->len);
}
