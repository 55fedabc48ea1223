/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From the records of a benchmark to the tree of a run, and from a file to such a tree. Owns nothing. */
#include "bench-report.h"

#include <string.h>

#include "attributes.h"
#include "json.h"
#include "output.h"
#include "saved.h"

#define ADVICE "take a file of \"ipcctl bench --save FILE\" or of \"ipcctl bench --json\""

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

static void add_floor(JsonObject *floors, JsonObject *titles, GVariant *record) {
        const char *name = attribute_string(record, "name");
        JsonNode *value = json_node_init_double(json_node_alloc(), figure(record, "value"));
        uint64_t size;

        json_object_set_string_member(titles, name, attribute_string(record, "title"));
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
        JsonObject *object = json_object_new(), *floors = json_object_new(), *titles = json_object_new();
        JsonArray *results = json_array_new();
        GVariantIter iter;
        GVariant *record;

        json_object_set_object_member(object, "environment", json_object_new());
        json_object_set_object_member(object, "floors", floors);
        json_object_set_object_member(object, "floor_titles", titles);
        json_object_set_array_member(object, "results", results);
        g_variant_iter_init(&iter, records);
        while (g_variant_iter_loop(&iter, "@a{sv}", &record)) {
                if (is_type(record, "floor")) {
                        add_floor(floors, titles, record);
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

ExitCode bench_load(const char *path, const char *purpose, BenchRun **ret_run) {
        g_autoptr(JsonNode) root = NULL;
        const char *problem;
        ExitCode code = saved_read(path, purpose, ADVICE, &root);

        if (code != EXIT_CODE_DONE)
                return code;
        *ret_run = bench_run_new(root, &problem);
        if (*ret_run == NULL)
                return say("%s %s: %s; %s", purpose, path, problem, ADVICE), EXIT_CODE_FAILED;
        return EXIT_CODE_DONE;
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
