/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Compares the facts of two surroundings by name. Figures that move in every run say nothing and are left out, unless
 * they tell that something has become full or scarce. Owns nothing. */
#include "environment-change.h"

#include <stdio.h>
#include <string.h>

#include "json.h"
#include "output.h"

/* Below this, what tests put somewhere may not fit. */
enum { FREE_SCARCE = 16 << 20, LIST_SHORT = 4, LIST_SHOWN = 6 };

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

bool environments_known(JsonNode *before, JsonNode *now) {
        return has_environment(before) && has_environment(now);
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
        if (strcmp(name, "timer_cost_ns") == 0)
                return false;
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

JsonArray *environment_changes(JsonNode *before, JsonNode *now) {
        if (!environments_known(before, now))
                return json_array_new();
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

/* Of a list only what makes the difference, for some have forty items. */
static void append_missing(GString *text, const char *word, JsonArray *of, JsonArray *in) {
        guint n = 0;

        for (guint i = 0; i < json_array_get_length(of); i++) {
                bool found = false;
                for (guint k = 0; k < json_array_get_length(in) && !found; k++)
                        found = json_node_equal(json_array_get_element(of, i), json_array_get_element(in, k));
                if (found || n++ >= LIST_SHOWN)
                        continue;
                g_autofree char *item = json_scalar_text(json_array_get_element(of, i));
                g_string_append_printf(text, "%s%s", n == 1 ? word : " ", item != NULL ? item : "?");
        }
        if (n > LIST_SHOWN)
                g_string_append_printf(text, " and %u more", n - LIST_SHOWN);
}

static char *value_text(JsonNode *node) {
        if (JSON_NODE_HOLDS_NULL(node))
                return g_strdup("(not told)");
        if (!JSON_NODE_HOLDS_ARRAY(node)) {
                g_autofree char *text = json_scalar_text(node);
                return text != NULL && *text != '\0' ? text_harmless(text) : g_strdup("(empty)");
        }
        JsonArray *array = json_node_get_array(node);
        g_autoptr(GString) text = g_string_new(json_array_get_length(array) == 0 ? "(none)" : NULL);
        for (guint i = 0; i < json_array_get_length(array); i++) {
                g_autofree char *item = json_scalar_text(json_array_get_element(array, i));
                g_string_append_printf(text, "%s%s", i > 0 ? " " : "", item != NULL ? item : "?");
        }
        return text_harmless(text->str);
}

static bool is_long(JsonNode *node) {
        return JSON_NODE_HOLDS_ARRAY(node) && json_array_get_length(json_node_get_array(node)) > LIST_SHORT;
}

static char *change_text(JsonObject *fact) {
        JsonNode *was = json_object_get_member(fact, "was"), *is = json_object_get_member(fact, "is");

        if (JSON_NODE_HOLDS_ARRAY(was) && JSON_NODE_HOLDS_ARRAY(is) && (is_long(was) || is_long(is))) {
                g_autoptr(GString) text = g_string_new(NULL);
                append_missing(text, "no more ", json_node_get_array(was), json_node_get_array(is));
                append_missing(text, text->len > 0 ? "; now also " : "now also ", json_node_get_array(is),
                        json_node_get_array(was));
                return text_harmless(text->len > 0 ? text->str : "in another order");
        }
        g_autofree char *before = value_text(was), *now = value_text(is);
        return g_strdup_printf("%s -> %s", before, now);
}

void environment_print(JsonArray *facts, bool known, const char *prefix) {
        size_t width = 0;

        if (!known) {
                printf("%s  one of the two does not tell where it ran\n", prefix);
                return;
        }
        if (json_array_get_length(facts) == 0) {
                printf("%s  what is known of where it runs is as it was\n", prefix);
                return;
        }
        for (guint i = 0; i < json_array_get_length(facts); i++) {
                const char *name = json_object_get_string_member(json_array_get_object_element(facts, i), "name");
                width = MAX(width, strlen(name));
        }
        printf("%s  where it runs differs:\n", prefix);
        for (guint i = 0; i < json_array_get_length(facts); i++) {
                JsonObject *fact = json_array_get_object_element(facts, i);
                g_autofree char *name = text_harmless(json_object_get_string_member(fact, "name"));
                g_autofree char *text = change_text(fact);
                printf("%s    %-*s  %s\n", prefix, (int)width, name, text);
        }
}
