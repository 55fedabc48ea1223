/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ipcctl kinds: every kind in one table, or all that is known of those that are named. */
#include "cli.h"

#include <stdio.h>
#include <string.h>

#include "json.h"
#include "kind-aspects.h"
#include "kind.h"
#include "output.h"
#include "table.h"
#include "tested.h"
#include "units.h"

static const char *fact_text(GVariant *description, const char *key) {
        const char *text = "";

        g_variant_lookup(description, key, "&s", &text);
        return text;
}

static const char *yes_no(GVariant *description, const char *fact) {
        return kind_is(description, fact) ? "yes" : "no";
}

/* In the words of the textbooks: simplex and half-duplex kinds may still serve both ways in turn. */
static const char *duplex(GVariant *description) {
        const char *direction = fact_text(description, "direction");

        return strcmp(direction, "full-duplex") == 0   ? "full"
               : strcmp(direction, "half-duplex") == 0 ? "half"
               : strcmp(direction, "none") == 0        ? "-"
                                                       : direction;
}

static const char *direction(GVariant *description) {
        return kind_is(description, "bidirectional")                      ? "bidirectional"
               : kind_is(description, "carries_data")                     ? "one way"
               : strcmp(fact_text(description, "direction"), "none") == 0 ? "-"
                                                                          : "one way";
}

static void print_facts(GPtrArray *descriptions, GHashTable *tested) {
        g_autoptr(Table) table = table_new(true);
        static const char *const columns[] = { "KIND", "AVAILABLE", "DIRECTION", "DUPLEX", "BOUNDARIES", "PRIORITY",
                "PROCESSES", "SEEN", "PERSISTENCE" };

        for (size_t i = 0; i < G_N_ELEMENTS(columns); i++)
                table_column(table, columns[i], false);
        for (size_t i = 0; i < descriptions->len; i++) {
                GVariant *description = descriptions->pdata[i];
                const char *kind = fact_text(description, "kind");
                g_autofree char *seen = tested_summary(tested, description);
                g_autofree char *way = aspect_fact(tested, description, "bidirectional", direction(description));
                g_autofree char *full = aspect_fact(tested, description, "full_duplex", duplex(description));
                g_autofree char *whole = aspect_fact(
                        tested, description, "boundaries", yes_no(description, "boundaries"));
                g_autofree char *priority = aspect_fact(
                        tested, description, "priority", yes_no(description, "priority"));
                g_autofree char *processes = aspect_fact(
                        tested, description, "unrelated", kind_is(description, "unrelated") ? "unrelated" : "related");
                g_autofree char *lasts = aspect_fact(
                        tested, description, "persistence", fact_text(description, "persistence"));
                const char *cells[] = { kind, yes_no(description, "available"), way, full, whole, priority, processes,
                        seen, lasts };
                table_row(table, cells);
        }
        table_print(table, "");
}

static char *cell_text(GVariant *record, const char *key) {
        g_autoptr(GVariant) value = g_variant_lookup_value(record, key, NULL);

        if (value == NULL)
                return g_strdup("-");
        if (g_variant_is_of_type(value, G_VARIANT_TYPE_STRING_ARRAY)) {
                g_autofree const char **items = g_variant_get_strv(value, NULL);
                return g_strjoinv(",", (char **)items);
        }
        if (g_variant_is_of_type(value, G_VARIANT_TYPE_STRING))
                return g_variant_dup_string(value, NULL);
        return g_variant_print(value, FALSE);
}

static bool limit_equal(GVariant *x, GVariant *y) {
        static const char *const keys[] = { "name", "value", "unit", "source" };

        for (size_t i = 0; i < G_N_ELEMENTS(keys); i++) {
                g_autofree char *one = cell_text(x, keys[i]), *other = cell_text(y, keys[i]);
                if (strcmp(one, other) != 0)
                        return false;
        }
        return true;
}

typedef struct LimitRow {
        GString *kinds;
        GVariant *limit;
} LimitRow;

static void limit_row_free(gpointer data) {
        LimitRow *row = data;

        g_string_free(row->kinds, TRUE);
        g_variant_unref(row->limit);
        g_free(row);
}

/* What several kinds share stands there once. */
static void add_limit(GPtrArray *rows, const char *kind, GVariant *limit) {
        for (guint i = 0; i < rows->len; i++) {
                LimitRow *row = rows->pdata[i];
                if (!limit_equal(row->limit, limit))
                        continue;
                g_string_append_printf(row->kinds, ",%s", kind);
                return;
        }
        LimitRow *row = g_new0(LimitRow, 1);
        row->kinds = g_string_new(kind);
        row->limit = g_variant_ref(limit);
        g_ptr_array_add(rows, row);
}

static void print_limits(GPtrArray *descriptions) {
        g_autoptr(GPtrArray) rows = g_ptr_array_new_with_free_func(limit_row_free);
        g_autoptr(Table) table = table_new(true);
        static const char *const columns[] = { "LIMIT", "VALUE", "UNIT", "SOURCE", "KINDS" };

        for (guint i = 0; i < descriptions->len; i++) {
                GVariant *description = descriptions->pdata[i], *limit;
                g_autoptr(GVariant) limits = g_variant_lookup_value(description, "limits", G_VARIANT_TYPE("aa{sv}"));
                GVariantIter iter;
                if (limits == NULL)
                        continue;
                g_variant_iter_init(&iter, limits);
                while (g_variant_iter_loop(&iter, "@a{sv}", &limit))
                        add_limit(rows, fact_text(description, "kind"), limit);
        }
        if (rows->len == 0)
                return;
        for (size_t i = 0; i < G_N_ELEMENTS(columns); i++)
                table_column(table, columns[i], i == 1);
        for (guint i = 0; i < rows->len; i++) {
                const LimitRow *row = rows->pdata[i];
                g_autofree char *name = cell_text(row->limit, "name"), *value = cell_text(row->limit, "value"),
                                *unit = cell_text(row->limit, "unit"), *source = cell_text(row->limit, "source");
                table_row(table, (const char *[]){ name, value, unit, source, row->kinds->str });
        }
        putchar('\n');
        table_print(table, "");
}

static void print_table(GPtrArray *descriptions, GHashTable *tested) {
        print_facts(descriptions, tested);
        print_limits(descriptions);
        for (size_t i = 0; i < descriptions->len; i++)
                if (!kind_is(descriptions->pdata[i], "available"))
                        say("%s is not available here: %s", fact_text(descriptions->pdata[i], "kind"),
                                fact_text(descriptions->pdata[i], "reason"));
}

/* A list of records as a table: "limits", "options", "claims", "unsupported". */
static void print_records(GVariant *description, const char *list, const char *const *keys) {
        g_autoptr(GVariant) records = g_variant_lookup_value(description, list, G_VARIANT_TYPE("aa{sv}"));
        g_autoptr(Table) table = table_new(false);
        GVariantIter iter;
        GVariant *record;

        if (records == NULL || g_variant_n_children(records) == 0)
                return;
        for (size_t i = 0; keys[i] != NULL; i++)
                table_column(table, keys[i], false);
        g_variant_iter_init(&iter, records);
        while (g_variant_iter_loop(&iter, "@a{sv}", &record)) {
                g_autoptr(GPtrArray) cells = g_ptr_array_new_with_free_func(g_free);
                for (size_t i = 0; keys[i] != NULL; i++)
                        g_ptr_array_add(cells, cell_text(record, keys[i]));
                table_row(table, (const char *const *)cells->pdata);
        }
        printf("  %s:\n", list);
        table_print(table, "    ");
}

static void print_claims(GHashTable *tested, GVariant *description) {
        static const char *const columns[] = { "ID", "SEEN", "CLAIM", "SOURCE" };
        g_autoptr(GVariant) claims = g_variant_lookup_value(description, "claims", G_VARIANT_TYPE("aa{sv}"));
        g_autoptr(Table) table = table_new(true);
        GVariantIter iter;
        GVariant *claim;

        if (claims == NULL || g_variant_n_children(claims) == 0)
                return;
        for (size_t i = 0; i < G_N_ELEMENTS(columns); i++)
                table_column(table, columns[i], false);
        g_variant_iter_init(&iter, claims);
        while (g_variant_iter_loop(&iter, "@a{sv}", &claim)) {
                const char *id = fact_text(claim, "id");
                const Seen *seen = tested_claim(tested, fact_text(description, "kind"), id);
                const char *cells[] = { id, seen != NULL ? seen->result : NULL, fact_text(claim, "claim"),
                        fact_text(claim, "source") };
                table_row(table, cells);
        }
        puts("  claims:");
        table_print(table, "    ");
}

static void print_fact(GHashTable *tested, GVariant *description, const char *key, const char *text) {
        g_autofree char *with_seen = aspect_fact(tested, description, key, text);

        if (*text != '\0' && strcmp(text, "-") != 0)
                printf("  %-13s  %s\n", key, with_seen);
}

/* Sentences that are no figures. */
static void print_notes(GVariant *description) {
        g_autofree const char **notes = NULL;

        if (!g_variant_lookup(description, "notes", "^a&s", &notes))
                return;
        for (const char **note = notes; *note != NULL; note++)
                printf("  %-13s  %s\n", note == notes ? "notes" : "", *note);
}

static void print_details(GVariant *description, GHashTable *tested) {
        static const char *const facts[] = { "family", "direction", "full_duplex", "bidirectional", "boundaries",
                "order", "priority", "persistence", "unrelated", "carries_data", "descriptors", "connection", "source",
                "interfaces", "ends", "operations" };
        const char *kind = fact_text(description, "kind");
        g_autofree char *seen = tested_summary(tested, description);

        printf("%s  %s\n", kind, fact_text(description, "title"));
        printf("  %-13s  %s%s%s\n", "available", yes_no(description, "available"),
                kind_is(description, "available") ? "" : ": ", fact_text(description, "reason"));
        for (size_t i = 0; i < G_N_ELEMENTS(facts); i++) {
                g_autoptr(GVariant) value = g_variant_lookup_value(description, facts[i], G_VARIANT_TYPE_BOOLEAN);
                if (value != NULL)
                        print_fact(tested, description, facts[i], yes_no(description, facts[i]));
                else {
                        g_autofree char *text = cell_text(description, facts[i]);
                        print_fact(tested, description, facts[i], text);
                }
        }
        printf("  %-13s  %s\n", "seen", seen);
        print_notes(description);
        print_records(description, "limits", (const char *const[]){ "name", "value", "unit", "source", NULL });
        print_records(
                description, "options", (const char *const[]){ "name", "type", "uses", "default", "help", NULL });
        print_claims(tested, description);
        aspects_print(tested, description);
        print_records(description, "unsupported", (const char *const[]){ "operation", "reason", NULL });
}

static void print_json_array(GPtrArray *descriptions, GHashTable *tested) {
        JsonArray *array = json_array_new();

        for (size_t i = 0; i < descriptions->len; i++) {
                JsonNode *node = json_from_variant(descriptions->pdata[i]);
                tested_add_json(tested, descriptions->pdata[i], json_node_get_object(node));
                aspects_add_json(tested, descriptions->pdata[i], json_node_get_object(node));
                json_array_add_element(array, node);
        }
        json_print(json_node_of_array(array), true);
}

static ExitCode run(Cli *cli, char **words) {
        g_autoptr(GPtrArray) descriptions = g_ptr_array_new_with_free_func((GDestroyNotify)g_variant_unref);
        g_auto(GStrv) all = NULL;
        ExitCode code = *words == NULL ? kind_list(cli, &all) : EXIT_CODE_DONE;

        if (code != EXIT_CODE_DONE)
                return code;
        for (char **kind = *words == NULL ? all : words; *kind != NULL; kind++) {
                GVariant *description;
                g_autofree char *name = text_for_bus(*kind);
                code = kind_describe(cli, name, &description);
                if (code != EXIT_CODE_DONE)
                        return code;
                g_ptr_array_add(descriptions, description);
        }
        g_autoptr(GHashTable) tested = tested_load(cli);
        if (cli->json)
                print_json_array(descriptions, tested);
        else if (*words == NULL)
                print_table(descriptions, tested);
        else
                for (size_t i = 0; i < descriptions->len; i++)
                        print_details(descriptions->pdata[i], tested);
        return EXIT_CODE_DONE;
}

const Verb verb_kinds = {
        .name = "kinds",
        .arguments = "[KIND...]",
        .summary = "Show every kind of IPC: what it can do, and whether it is available here",
        .details = "Without KIND a table of what each promises, and one of the limits in force here and where each "
                   "comes\n"
                   "from; with KIND also its options and claims. PROCESSES tells whether processes that share no\n"
                   "ancestor can meet. SEEN counts the claims that held when last tested in this place, and what was\n"
                   "tested says so behind it: (seen) as promised, (failed), (not testable) here.\n\n"
                   "Example:\n  ipcctl kinds mq-posix\n",
        .run = run,
};
