/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Compares two runs as trees: claims by kind and id, facts of the environment by name. Figures that move in every run
 * say nothing and are left out, unless they tell that something has become full or scarce. Owns nothing. */
#include "test-against.h"

#include <string.h>

#include "json.h"
#include "output.h"
#include "saved.h"

#define ADVICE "take a file of \"ipcctl test --save FILE\" or of \"ipcctl test --json\""

/* Below this, what tests put somewhere may not fit. */
enum { FREE_SCARCE = 16 << 20 };

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

typedef struct Facts {
        GPtrArray *names;
        GHashTable *values; /* name -> JsonNode of the tree */
} Facts;

static void facts_collect(JsonNode *node, const char *name, Facts *facts) {
        if (!JSON_NODE_HOLDS_OBJECT(node)) {
                char *own = g_strdup(name);
                g_ptr_array_add(facts->names, own);
                g_hash_table_insert(facts->values, own, node);
                return;
        }
        JsonObject *object = json_node_get_object(node);
        g_autoptr(GList) members = json_object_get_members(object);
        for (GList *at = members; at != NULL; at = at->next) {
                g_autofree char *below = *name == '\0' ? g_strdup(at->data)
                                                       : g_strdup_printf("%s.%s", name, (const char *)at->data);
                facts_collect(json_object_get_member(object, at->data), below, facts);
        }
}

static bool has_environment(JsonNode *run) {
        JsonNode *environment = json_object_get_member(json_node_get_object(run), "environment");

        return environment != NULL && JSON_NODE_HOLDS_OBJECT(environment);
}

static Facts facts_of(JsonNode *run) {
        Facts facts = { g_ptr_array_new_with_free_func(g_free), g_hash_table_new(g_str_hash, g_str_equal) };

        facts_collect(json_object_get_member(json_node_get_object(run), "environment"), "", &facts);
        return facts;
}

static void facts_clear(Facts *facts) {
        g_hash_table_unref(facts->values);
        g_ptr_array_unref(facts->names);
}

static bool is_scarce(JsonNode *node) {
        return node != NULL && JSON_NODE_HOLDS_VALUE(node) && json_node_get_int(node) < FREE_SCARCE;
}

static bool is_none(JsonNode *node) {
        return node != NULL && JSON_NODE_HOLDS_VALUE(node) && json_node_get_int(node) == 0;
}

static bool same_boot(const Facts *before, const Facts *now) {
        JsonNode *was = g_hash_table_lookup(before->values, "boot_id"),
                 *is = g_hash_table_lookup(now->values, "boot_id");

        return was != NULL && is != NULL && json_node_equal(was, is);
}

/* Does a difference tell anything? */
static bool fact_tells(const char *name, JsonNode *was, JsonNode *is, bool boot) {
        if (g_str_has_suffix(name, ".free"))
                return is_none(was) != is_none(is) || is_scarce(was) != is_scarce(is);
        /* Numbers that each boot gives anew. */
        if (g_str_has_prefix(name, "namespace_inodes."))
                return boot;
        return true;
}

static JsonNode *copy_or_null(JsonNode *node) {
        return node != NULL ? json_node_copy(node) : json_node_init_null(json_node_alloc());
}

static void compare_fact(JsonArray *changes, const char *name, const Facts *before, const Facts *now) {
        JsonNode *was = g_hash_table_lookup(before->values, name), *is = g_hash_table_lookup(now->values, name);

        if ((was != NULL && is != NULL && json_node_equal(was, is)) ||
                !fact_tells(name, was, is, same_boot(before, now)))
                return;
        JsonObject *change = json_object_new();
        json_object_set_string_member(change, "name", name);
        json_object_set_member(change, "was", copy_or_null(was));
        json_object_set_member(change, "is", copy_or_null(is));
        json_array_add_object_element(changes, change);
}

static JsonArray *compare_environments(JsonNode *before, JsonNode *now) {
        Facts was = facts_of(before), is = facts_of(now);
        JsonArray *changes = json_array_new();

        for (guint i = 0; i < is.names->len; i++)
                compare_fact(changes, is.names->pdata[i], &was, &is);
        for (guint i = 0; i < was.names->len; i++)
                if (!g_hash_table_contains(is.values, was.names->pdata[i]))
                        compare_fact(changes, was.names->pdata[i], &was, &is);
        facts_clear(&was);
        facts_clear(&is);
        return changes;
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
        bool known = has_environment(before) && has_environment(now);
        json_object_set_boolean_member(against, "environment_known", known);
        json_object_set_array_member(
                against, "environment", known ? compare_environments(before, now) : json_array_new());
        json_object_set_array_member(against, "claims", comparison.changes);
        return against;
}
