/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Compares two runs as trees, claims by kind and id. Owns nothing. */
#include "test-against.h"

#include <string.h>

#include "environment-change.h"
#include "json.h"
#include "output.h"
#include "saved.h"

#define ADVICE "take a file of \"ipcctl test --save FILE\" or of \"ipcctl test --json\""

static const char *string_of(JsonObject *object, const char *key) {
        JsonNode *node = json_object_get_member(object, key);

        if (node == NULL || !JSON_NODE_HOLDS_VALUE(node) || json_node_get_value_type(node) != G_TYPE_STRING)
                return "";
        return json_node_get_string(node);
}

static JsonArray *array_of(JsonNode *node, const char *key) {
        JsonNode *member = node != NULL && JSON_NODE_HOLDS_OBJECT(node)
                                   ? json_object_get_member(json_node_get_object(node), key)
                                   : NULL;

        return member != NULL && JSON_NODE_HOLDS_ARRAY(member) ? json_node_get_array(member) : NULL;
}

static bool is_result(const char *text) {
        static const char *const results[] = { "ok", "failed", "skipped", NULL };

        return g_strv_contains(results, text);
}

/* How many checks there are; false where something is no check. */
static bool count_checks(JsonArray *kinds, gint64 *ret_n) {
        gint64 n = 0;

        for (guint i = 0; i < json_array_get_length(kinds); i++) {
                JsonNode *kind = json_array_get_element(kinds, i);
                JsonArray *checks = array_of(kind, "checks");
                if (checks == NULL || *string_of(json_node_get_object(kind), "kind") == '\0')
                        return false;
                for (guint k = 0; k < json_array_get_length(checks); k++, n++) {
                        JsonNode *check = json_array_get_element(checks, k);
                        if (!JSON_NODE_HOLDS_OBJECT(check) || *string_of(json_node_get_object(check), "id") == '\0' ||
                                !is_result(string_of(json_node_get_object(check), "result")))
                                return false;
                }
        }
        *ret_n = n;
        return true;
}

static gint64 summary_count(JsonObject *run) {
        JsonNode *node = json_object_get_member(run, "summary");

        if (node == NULL || !JSON_NODE_HOLDS_OBJECT(node))
                return -1;
        JsonObject *summary = json_node_get_object(node);
        return json_object_get_int_member_with_default(summary, "ok", 0) +
               json_object_get_int_member_with_default(summary, "failed", 0) +
               json_object_get_int_member_with_default(summary, "skipped", 0);
}

/* What it is instead. */
static const char *what_is(JsonNode *run) {
        if (array_of(run, "results") != NULL)
                return "it is a run of \"ipcctl bench\"";
        return "it is no run of \"ipcctl test\"";
}

ExitCode against_load(const char *path, JsonNode **ret_run) {
        g_autoptr(JsonNode) run = NULL;
        gint64 n;
        ExitCode code = saved_read(path, "cannot compare with", ADVICE, &run);

        if (code != EXIT_CODE_DONE)
                return code;
        JsonArray *kinds = array_of(run, "kinds");
        if (kinds == NULL || !count_checks(kinds, &n))
                return say("cannot compare with %s: %s; %s", path, what_is(run), ADVICE), EXIT_CODE_FAILED;
        if (summary_count(json_node_get_object(run)) != n)
                return say("cannot compare with %s: its summary does not count the %" G_GINT64_FORMAT
                           " checks that are in it, so it was cut or changed; %s",
                               path, n, ADVICE),
                       EXIT_CODE_FAILED;
        *ret_run = g_steal_pointer(&run);
        return EXIT_CODE_DONE;
}

static JsonNode *copy_or_null(JsonNode *node) {
        return node != NULL ? json_node_copy(node) : json_node_init_null(json_node_alloc());
}

static void add_string_or_null(JsonObject *object, const char *key, JsonObject *check, const char *of) {
        if (check != NULL)
                json_object_set_string_member(object, key, string_of(check, of));
        else
                json_object_set_null_member(object, key);
}

static void add_change(JsonArray *changes, const char *kind, JsonObject *was, JsonObject *is) {
        JsonObject *change = json_object_new(), *any = is != NULL ? is : was;

        json_object_set_string_member(change, "change", was == NULL ? "new" : is == NULL ? "gone" : "result");
        json_object_set_string_member(change, "kind", kind);
        json_object_set_string_member(change, "id", string_of(any, "id"));
        json_object_set_string_member(change, "claim", string_of(any, "claim"));
        add_string_or_null(change, "was", was, "result");
        add_string_or_null(change, "is", is, "result");
        add_string_or_null(change, "was_evidence", was, "evidence");
        add_string_or_null(change, "is_evidence", is, "evidence");
        json_array_add_object_element(changes, change);
}

typedef void (*CheckVisitor)(const char *kind, const char *key, JsonObject *check, void *userdata);

static void checks_visit(JsonNode *run, CheckVisitor visit, void *userdata) {
        JsonArray *kinds = array_of(run, "kinds");

        for (guint i = 0; i < json_array_get_length(kinds); i++) {
                JsonNode *kind = json_array_get_element(kinds, i);
                JsonArray *checks = array_of(kind, "checks");
                const char *name = string_of(json_node_get_object(kind), "kind");
                for (guint k = 0; k < json_array_get_length(checks); k++) {
                        JsonObject *check = json_array_get_object_element(checks, k);
                        g_autofree char *key = g_strdup_printf("%s\n%s", name, string_of(check, "id"));
                        visit(name, key, check, userdata);
                }
        }
}

typedef struct Comparison {
        const AgainstAsked *asked;
        GHashTable *was, *is; /* "KIND\nID" -> JsonObject of the trees */
        JsonArray *changes;
        guint64 compared;
} Comparison;

static void collect(const char *kind, const char *key, JsonObject *check, void *userdata) {
        g_hash_table_replace(userdata, g_strdup(key), check);
}

static void compare_check(const char *kind, const char *key, JsonObject *check, void *userdata) {
        Comparison *comparison = userdata;
        JsonObject *was = g_hash_table_lookup(comparison->was, key);

        comparison->compared += was != NULL;
        if (was == NULL || strcmp(string_of(was, "result"), string_of(check, "result")) != 0)
                add_change(comparison->changes, kind, was, check);
}

static bool asked_for(const char *const *list, const char *name) {
        return list == NULL || *list == NULL || g_strv_contains(list, name);
}

static void find_gone(const char *kind, const char *key, JsonObject *check, void *userdata) {
        Comparison *comparison = userdata;

        if (!g_hash_table_contains(comparison->is, key) && asked_for(comparison->asked->kinds, kind) &&
                asked_for(comparison->asked->claims, string_of(check, "id")))
                add_change(comparison->changes, kind, check, NULL);
}

/* Runs of earlier versions do not say so; they were saved only when they had ended. */
static bool is_complete(JsonNode *run) {
        JsonNode *node = json_object_get_member(json_node_get_object(run), "complete");

        return node == NULL || !JSON_NODE_HOLDS_VALUE(node) || json_node_get_boolean(node);
}

JsonObject *against_compare(const char *path, JsonNode *before, JsonNode *now, const AgainstAsked *asked) {
        g_autoptr(GHashTable) was = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        g_autoptr(GHashTable) is = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        Comparison comparison = { .asked = asked, .was = was, .is = is, .changes = json_array_new() };
        JsonObject *against = json_object_new();
        JsonNode *time = json_object_get_member(json_node_get_object(before), "time");
        g_autofree char *name = g_filename_display_name(path);

        checks_visit(before, collect, was);
        checks_visit(now, collect, is);
        checks_visit(now, compare_check, &comparison);
        if (asked->whole)
                checks_visit(before, find_gone, &comparison);
        json_object_set_string_member(against, "file", name);
        json_object_set_member(against, "time", copy_or_null(time));
        json_object_set_boolean_member(against, "complete", is_complete(before));
        json_add_u64(against, "compared", comparison.compared);
        json_object_set_boolean_member(against, "environment_known", environments_known(before, now));
        json_object_set_array_member(against, "environment", environment_changes(before, now));
        json_object_set_array_member(against, "claims", comparison.changes);
        return against;
}
