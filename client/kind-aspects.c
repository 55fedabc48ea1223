/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Claimed against seen. A claim with an aspect that is also a fact of the kind proves that fact, be it yes or no: it
 * is seen kept where every such claim that could be tested held. Owns nothing. */
#include "kind-aspects.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "attributes.h"
#include "json.h"
#include "table.h"
#include "tested.h"

typedef struct Counts {
        unsigned ok, failed, skipped;
} Counts;

static bool claim_has(GVariant *claim, const char *aspect) {
        g_autofree const char **aspects = NULL;

        return g_variant_lookup(claim, "aspects", "^a&s", &aspects) && g_strv_contains(aspects, aspect);
}

/* Calls for each claim about the aspect; `seen` may be NULL. */
typedef void (*ClaimVisitor)(const char *id, const Seen *seen, void *userdata);

static void claims_visit(
        GHashTable *tested, GVariant *description, const char *aspect, ClaimVisitor visit, void *userdata) {
        g_autoptr(GVariant) claims = g_variant_lookup_value(description, "claims", G_VARIANT_TYPE("aa{sv}"));
        GVariantIter iter;
        GVariant *claim;

        if (claims == NULL)
                return;
        g_variant_iter_init(&iter, claims);
        while (g_variant_iter_loop(&iter, "@a{sv}", &claim)) {
                const char *id = attribute_string(claim, "id");
                if (claim_has(claim, aspect))
                        visit(id, tested_claim(tested, attribute_string(description, "kind"), id), userdata);
        }
}

static void count_claim(const char *id, const Seen *seen, void *userdata) {
        Counts *counts = userdata;

        if (seen == NULL)
                return;
        counts->ok += strcmp(seen->result, "ok") == 0;
        counts->failed += strcmp(seen->result, "failed") == 0;
        counts->skipped += strcmp(seen->result, "skipped") == 0;
}

/* NULL: nothing of it was tested. */
static const char *aspect_seen(GHashTable *tested, GVariant *description, const char *name) {
        Counts counts = { 0 };

        claims_visit(tested, description, name, count_claim, &counts);
        if (counts.failed > 0)
                return "failed";
        if (counts.ok > 0)
                return "kept";
        return counts.skipped > 0 ? "skipped" : NULL;
}

char *aspect_fact(GHashTable *tested, GVariant *description, const char *aspect, const char *text) {
        const char *seen = aspect_seen(tested, description, aspect);

        if (seen == NULL || strcmp(text, "-") == 0)
                return g_strdup(text);
        return g_strdup_printf("%s (%s)", text,
                strcmp(seen, "kept") == 0     ? "seen"
                : strcmp(seen, "failed") == 0 ? "failed"
                                              : "not testable");
}

/* In the order in which claims have them. Elements belong to the array. */
static GPtrArray *aspects_of(GVariant *description) {
        g_autoptr(GVariant) claims = g_variant_lookup_value(description, "claims", G_VARIANT_TYPE("aa{sv}"));
        GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
        GVariantIter iter;
        GVariant *claim;

        if (claims == NULL)
                return names;
        g_variant_iter_init(&iter, claims);
        while (g_variant_iter_loop(&iter, "@a{sv}", &claim)) {
                g_autofree const char **aspects = NULL;
                if (!g_variant_lookup(claim, "aspects", "^a&s", &aspects))
                        continue;
                for (const char **name = aspects; *name != NULL; name++)
                        if (!g_ptr_array_find_with_equal_func(names, *name, g_str_equal, NULL))
                                g_ptr_array_add(names, g_strdup(*name));
        }
        return names;
}

static void append_claim(const char *id, const Seen *seen, void *userdata) {
        GString *text = userdata;

        g_string_append_printf(text, "%s%s%s%s", text->len > 0 ? ", " : "", id, seen != NULL ? " " : "",
                seen != NULL ? seen->result : "");
}

static char *claimed_text(GVariant *description, const char *aspect) {
        g_autoptr(GVariant) value = g_variant_lookup_value(description, aspect, NULL);

        if (value == NULL)
                return NULL;
        if (g_variant_is_of_type(value, G_VARIANT_TYPE_BOOLEAN))
                return g_strdup(g_variant_get_boolean(value) ? "yes" : "no");
        return g_variant_is_of_type(value, G_VARIANT_TYPE_STRING) ? g_variant_dup_string(value, NULL) : NULL;
}

static void print_gaps(GVariant *description) {
        g_autoptr(GVariant) gaps = g_variant_lookup_value(description, "gaps", G_VARIANT_TYPE("aa{sv}"));
        g_autoptr(Table) table = table_new(false);
        GVariantIter iter;
        GVariant *gap;

        if (gaps == NULL || g_variant_n_children(gaps) == 0)
                return;
        table_column(table, "aspect", false);
        table_column(table, "reason", false);
        g_variant_iter_init(&iter, gaps);
        while (g_variant_iter_loop(&iter, "@a{sv}", &gap))
                table_row(table,
                        (const char *const[]){ attribute_string(gap, "aspect"), attribute_string(gap, "reason") });
        puts("  gaps, which no claim can be about:");
        table_print(table, "    ");
}

void aspects_print(GHashTable *tested, GVariant *description) {
        static const char *const columns[] = { "ASPECT", "CLAIMED", "SEEN", "BY" };
        g_autoptr(GPtrArray) names = aspects_of(description);
        g_autoptr(Table) table = table_new(true);

        for (size_t i = 0; i < G_N_ELEMENTS(columns); i++)
                table_column(table, columns[i], false);
        for (guint i = 0; i < names->len; i++) {
                g_autoptr(GString) claims = g_string_new(NULL);
                g_autofree char *claimed = claimed_text(description, names->pdata[i]);
                claims_visit(tested, description, names->pdata[i], append_claim, claims);
                table_row(table, (const char *const[]){ names->pdata[i], claimed,
                                         aspect_seen(tested, description, names->pdata[i]), claims->str });
        }
        if (names->len > 0) {
                puts("  aspects:");
                table_print(table, "    ");
        }
        print_gaps(description);
}

static void add_claim(const char *id, const Seen *seen, void *userdata) {
        JsonObject *claim = json_object_new();

        json_object_set_string_member(claim, "id", id);
        if (seen != NULL) {
                json_object_set_string_member(claim, "result", seen->result);
                json_add_u64(claim, "time", seen->time);
                json_object_set_string_member(claim, "from", seen->kept ? "kept" : "service");
        }
        json_array_add_object_element(userdata, claim);
}

void aspects_add_json(GHashTable *tested, GVariant *description, JsonObject *object) {
        g_autoptr(GPtrArray) names = aspects_of(description);
        JsonArray *array = json_array_new();

        for (guint i = 0; i < names->len; i++) {
                g_autoptr(GVariant) claimed = g_variant_lookup_value(description, names->pdata[i], NULL);
                const char *seen = aspect_seen(tested, description, names->pdata[i]);
                JsonObject *aspect = json_object_new();
                JsonArray *claims = json_array_new();
                json_object_set_string_member(aspect, "aspect", names->pdata[i]);
                if (claimed != NULL)
                        json_add_variant(aspect, "claimed", claimed);
                if (seen != NULL)
                        json_object_set_string_member(aspect, "seen", seen);
                claims_visit(tested, description, names->pdata[i], add_claim, claims);
                json_object_set_array_member(aspect, "claims", claims);
                json_array_add_object_element(array, aspect);
        }
        json_object_set_array_member(object, "aspects", array);
}
