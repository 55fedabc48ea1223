/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Shows benchmark records. Results stand in one table for each mode and placement, because figures of different
 * placements do not compare; the floors of the same run stand in front. Owns nothing. */
#include "bench-report.h"

#include <stdio.h>
#include <string.h>

#include "attributes.h"
#include "json.h"
#include "output.h"
#include "saved.h"
#include "table.h"
#include "units.h"

static bool is_type(GVariant *record, const char *type) {
        return strcmp(attribute_string(record, "type"), type) == 0;
}

static double figure(GVariant *record, const char *key) {
        double value = 0;
        uint64_t number;

        if (g_variant_lookup(record, key, "d", &value))
                return value;
        return attribute_number(record, key, &number) ? (double)number : 0;
}

static void add_floor(JsonObject *floors, GVariant *record) {
        const char *name = attribute_string(record, "name");
        JsonNode *value = json_node_init_double(json_node_alloc(), figure(record, "value"));
        uint64_t size;

        if (!attribute_number(record, "size", &size)) {
                json_object_set_member(floors, name, value);
                return;
        }
        g_autofree char *key = g_strdup_printf("%" G_GUINT64_FORMAT, size);
        if (!json_object_has_member(floors, name))
                json_object_set_object_member(floors, name, json_object_new());
        json_object_set_member(json_object_get_object_member(floors, name), key, value);
}

JsonNode *bench_json(GVariant *records) {
        JsonObject *object = json_object_new(), *floors = json_object_new();
        JsonArray *results = json_array_new();
        GVariantIter iter;
        GVariant *record;

        json_object_set_object_member(object, "environment", json_object_new());
        json_object_set_object_member(object, "floors", floors);
        json_object_set_array_member(object, "results", results);
        g_variant_iter_init(&iter, records);
        while (g_variant_iter_loop(&iter, "@a{sv}", &record)) {
                if (is_type(record, "floor")) {
                        add_floor(floors, record);
                        continue;
                }
                JsonNode *node = json_from_variant(record);
                json_object_remove_member(json_node_get_object(node), "type");
                if (is_type(record, "environment"))
                        json_object_set_member(object, "environment", node);
                else if (is_type(record, "result"))
                        json_array_add_element(results, node);
                else
                        json_node_unref(node);
        }
        return json_node_of(object);
}

ExitCode bench_load(const char *path, JsonNode **ret_node) {
        g_autoptr(JsonNode) root = NULL;
        ExitCode code = saved_read(path, "cannot compare with", "take a file of \"ipcctl bench --save FILE\"", &root);

        if (code != EXIT_CODE_DONE)
                return code;
        if (!JSON_NODE_HOLDS_OBJECT(root) || !json_object_has_member(json_node_get_object(root), "results") ||
                !JSON_NODE_HOLDS_ARRAY(json_object_get_member(json_node_get_object(root), "results")))
                return say("%s is not what \"ipcctl bench --save\" writes", path), EXIT_CODE_FAILED;
        *ret_node = g_steal_pointer(&root);
        return EXIT_CODE_DONE;
}

static char *nsec_text(double nsec) {
        if (nsec <= 0)
                return NULL;
        if (nsec < 1e3)
                return g_strdup_printf("%.0f ns", nsec);
        if (nsec < 1e6)
                return g_strdup_printf("%.*f us", nsec < 1e5 ? 2 : 0, nsec / 1e3);
        return g_strdup_printf("%.*f ms", nsec < 1e8 ? 2 : 0, nsec / 1e6);
}

static char *rate_text(double rate, const char *unit) {
        if (rate <= 0)
                return NULL;
        if (rate < 1e3)
                return g_strdup_printf("%.0f%s", rate, unit);
        if (rate < 1e6)
                return g_strdup_printf("%.1f k%s", rate / 1e3, unit);
        if (rate < 1e9)
                return g_strdup_printf("%.2f M%s", rate / 1e6, unit);
        return g_strdup_printf("%.2f G%s", rate / 1e9, unit);
}

static bool is_latency(GVariant *record) {
        return strcmp(attribute_string(record, "mode"), "latency") == 0;
}

static void print_floors(GVariant *records) {
        g_autoptr(Table) table = table_new(false);
        GVariantIter iter;
        GVariant *record;

        for (size_t i = 0; i < 3; i++)
                table_column(table, "", i == 1);
        g_variant_iter_init(&iter, records);
        while (g_variant_iter_loop(&iter, "@a{sv}", &record)) {
                char size[UNITS_TEXT_MAX];
                uint64_t bytes;
                if (!is_type(record, "floor"))
                        continue;
                bool of_size = attribute_number(record, "size", &bytes);
                g_autofree char *value = strcmp(attribute_string(record, "unit"), "ns") == 0
                                                 ? nsec_text(figure(record, "value"))
                                                 : rate_text(figure(record, "value"), "B/s");
                g_autofree char *title = g_strdup_printf("%s%s%s", attribute_string(record, "title"),
                        of_size ? ", " : "", of_size ? size_print(bytes, size) : "");
                table_row(table, (const char *[]){ attribute_string(record, "name"), value, title });
        }
        printf("floors of this run\n");
        table_print(table, "  ");
}

/* Where the earlier run has the same kind, mode, size, way of waiting and placement: its record. */
static JsonObject *find_before(JsonNode *before, GVariant *record) {
        static const char *const keys[] = { "kind", "variant", "mode", "wait", "placement" };
        JsonArray *results;
        uint64_t size = 0;

        if (before == NULL)
                return NULL;
        attribute_number(record, "size", &size);
        results = json_object_get_array_member(json_node_get_object(before), "results");
        for (guint i = 0; i < json_array_get_length(results); i++) {
                JsonNode *node = json_array_get_element(results, i);
                if (!JSON_NODE_HOLDS_OBJECT(node))
                        continue;
                JsonObject *object = json_node_get_object(node);
                bool same = (uint64_t)json_object_get_int_member_with_default(object, "size", -1) == size;
                for (size_t k = 0; k < G_N_ELEMENTS(keys); k++)
                        same = same && g_strcmp0(json_object_get_string_member_with_default(object, keys[k], ""),
                                               attribute_string(record, keys[k])) == 0;
                if (same)
                        return object;
        }
        return NULL;
}

static double figure_before(JsonObject *object, bool latency) {
        if (object == NULL)
                return 0;
        if (!latency)
                return json_object_get_double_member_with_default(object, "messages_per_second", 0);
        JsonNode *node = json_object_get_member(object, "latency_ns");
        if (node == NULL || !JSON_NODE_HOLDS_OBJECT(node))
                return 0;
        return json_object_get_double_member_with_default(json_node_get_object(node), "p50", 0);
}

static void add_comparison(GPtrArray *cells, JsonNode *before, GVariant *record) {
        JsonObject *object = find_before(before, record);
        bool latency = is_latency(record);
        double was = figure_before(object, latency);
        double is = figure(record, latency ? "latency_ns.p50" : "messages_per_second");
        double ratio = object != NULL ? json_object_get_double_member_with_default(object, "ratio_to_floor", 0) : 0;

        g_ptr_array_add(cells, latency ? nsec_text(was) : rate_text(was, ""));
        g_ptr_array_add(cells, was > 0 && is > 0 ? g_strdup_printf("%+.1f %%", (is / was - 1) * 100) : NULL);
        g_ptr_array_add(cells, ratio > 0 ? g_strdup_printf("%.2f", ratio) : NULL);
}

static char *ratio_text(GVariant *record) {
        double value = figure(record, "ratio_to_floor");

        return value > 0 ? g_strdup_printf("%.2f", value) : NULL;
}

/* "pipe"; "dbus (daemon)" of a kind that is measured in several ways. */
static char *subject_of(GVariant *record) {
        const char *variant = attribute_string(record, "variant");

        return *variant == '\0' ? g_strdup(attribute_string(record, "kind"))
                                : g_strdup_printf("%s (%s)", attribute_string(record, "kind"), variant);
}

static void add_row(Table *table, GVariant *record, JsonNode *before) {
        g_autoptr(GPtrArray) cells = g_ptr_array_new_with_free_func(g_free);
        char buffer[UNITS_TEXT_MAX];
        uint64_t size = 0;
        gboolean disturbed = FALSE;

        attribute_number(record, "size", &size);
        g_variant_lookup(record, "disturbed", "b", &disturbed);
        g_ptr_array_add(cells, subject_of(record));
        g_ptr_array_add(cells, g_strdup(size_print(size, buffer)));
        g_ptr_array_add(cells, g_strdup(attribute_string(record, "wait")));
        if (is_latency(record)) {
                g_ptr_array_add(cells, nsec_text(figure(record, "latency_ns.p50")));
                g_ptr_array_add(cells, nsec_text(figure(record, "latency_ns.p99")));
                g_ptr_array_add(cells, nsec_text(figure(record, "latency_ns.max")));
        } else {
                g_ptr_array_add(cells, rate_text(figure(record, "messages_per_second"), ""));
                g_ptr_array_add(cells, rate_text(figure(record, "bytes_per_second"), "B/s"));
        }
        g_ptr_array_add(cells, nsec_text(figure(record, "cpu_ns_per_message")));
        g_ptr_array_add(cells, ratio_text(record));
        g_ptr_array_add(cells, g_strdup(attribute_string(record, "floor")));
        if (before != NULL)
                add_comparison(cells, before, record);
        g_ptr_array_add(cells, g_strdup(disturbed ? "disturbed" : ""));
        table_row(table, (const char *const *)cells->pdata);
}

static Table *new_table(bool latency, bool compare) {
        static const char *const latency_columns[] = { "P50", "P99", "MAX", NULL };
        static const char *const throughput_columns[] = { "MESSAGES/S", "BYTES/S", NULL };
        Table *table = table_new(true);

        table_column(table, "KIND", false);
        table_column(table, "SIZE", true);
        table_column(table, "WAIT", false);
        for (const char *const *name = latency ? latency_columns : throughput_columns; *name != NULL; name++)
                table_column(table, *name, true);
        table_column(table, "CPU/MESSAGE", true);
        table_column(table, "X-FLOOR", true);
        table_column(table, "FLOOR", false);
        if (compare) {
                table_column(table, "WAS", true);
                table_column(table, "CHANGE", true);
                table_column(table, "X-WAS", true);
        }
        table_column(table, "NOTE", false);
        return table;
}

static char *group_of(GVariant *record) {
        return g_strdup_printf("%s, %s", attribute_string(record, "mode"), attribute_string(record, "placement"));
}

static void print_group(GVariant *records, const char *group, JsonNode *before) {
        g_autoptr(Table) table = NULL;
        GVariantIter iter;
        GVariant *record;

        g_variant_iter_init(&iter, records);
        while (g_variant_iter_loop(&iter, "@a{sv}", &record)) {
                g_autofree char *own = group_of(record);
                if (!is_type(record, "result") || *attribute_string(record, "skipped") != '\0' ||
                        strcmp(own, group) != 0)
                        continue;
                if (table == NULL) {
                        printf("\n%s\n", group);
                        table = new_table(is_latency(record), before != NULL);
                }
                add_row(table, record, before);
        }
        if (table != NULL)
                table_print(table, "  ");
}

static void print_skipped(GVariant *records) {
        g_autoptr(GPtrArray) said = g_ptr_array_new_with_free_func(g_free);
        GVariantIter iter;
        GVariant *record;

        g_variant_iter_init(&iter, records);
        while (g_variant_iter_loop(&iter, "@a{sv}", &record)) {
                const char *reason = attribute_string(record, "skipped");
                if (!is_type(record, "result") || *reason == '\0')
                        continue;
                g_autofree char *subject = subject_of(record);
                g_autofree char *line = g_strdup_printf("%s, %s, %s: %s", subject, attribute_string(record, "mode"),
                        attribute_string(record, "wait"), reason);
                if (g_ptr_array_find_with_equal_func(said, line, g_str_equal, NULL))
                        continue;
                printf("%s  ", said->len == 0 ? "\nnot measured\n" : "");
                output_text(line);
                putchar('\n');
                g_ptr_array_add(said, g_steal_pointer(&line));
        }
}

void bench_print(GVariant *records, JsonNode *before) {
        g_autoptr(GPtrArray) groups = g_ptr_array_new_with_free_func(g_free);
        GVariantIter iter;
        GVariant *record;

        print_floors(records);
        g_variant_iter_init(&iter, records);
        while (g_variant_iter_loop(&iter, "@a{sv}", &record)) {
                g_autofree char *group = is_type(record, "result") ? group_of(record) : NULL;
                if (group != NULL && !g_ptr_array_find_with_equal_func(groups, group, g_str_equal, NULL))
                        g_ptr_array_add(groups, g_steal_pointer(&group));
        }
        for (guint i = 0; i < groups->len; i++)
                print_group(records, groups->pdata[i], before);
        print_skipped(records);
}

guint bench_failures(GVariant *records) {
        GVariantIter iter;
        GVariant *record;
        guint n = 0;

        g_variant_iter_init(&iter, records);
        while (g_variant_iter_loop(&iter, "@a{sv}", &record)) {
                gboolean failed = FALSE;
                g_variant_lookup(record, "failed", "b", &failed);
                n += is_type(record, "result") && failed;
        }
        return n;
}
