/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ipcctl kinds: every kind in one table, or all that is known of those that are named. */
#include "cli.h"

#include <stdio.h>
#include <string.h>

#include "json.h"
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

static void print_table(GPtrArray *descriptions, GHashTable *tested) {
        g_autoptr(Table) table = table_new(true);
        static const char *const columns[] = { "KIND", "AVAILABLE", "DIRECTION", "FULL-DUPLEX", "BIDIRECTIONAL",
                "BOUNDARIES", "PRIORITY", "UNRELATED", "SEEN", "PERSISTENCE" };

        for (size_t i = 0; i < G_N_ELEMENTS(columns); i++)
                table_column(table, columns[i], false);
        for (size_t i = 0; i < descriptions->len; i++) {
                GVariant *description = descriptions->pdata[i];
                const char *kind = fact_text(description, "kind");
                g_autofree char *seen = tested_summary(tested, kind);
                const char *cells[] = { kind, yes_no(description, "available"), fact_text(description, "direction"),
                        yes_no(description, "full_duplex"), yes_no(description, "bidirectional"),
                        yes_no(description, "boundaries"), yes_no(description, "priority"),
                        yes_no(description, "unrelated"), seen, fact_text(description, "persistence") };
                table_row(table, cells);
        }
        table_print(table, "");
        for (size_t i = 0; i < descriptions->len; i++)
                if (!kind_is(descriptions->pdata[i], "available"))
                        say("%s is not available here: %s", fact_text(descriptions->pdata[i], "kind"),
                                fact_text(descriptions->pdata[i], "reason"));
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

static void print_list(GVariant *description, const char *key) {
        g_autofree char *text = cell_text(description, key);

        if (*text != '\0' && strcmp(text, "-") != 0)
                printf("  %-13s  %s\n", key, text);
}

static void print_details(GVariant *description, GHashTable *tested) {
        static const char *const facts[] = { "family", "direction", "full_duplex", "bidirectional", "boundaries",
                "order", "priority", "persistence", "unrelated", "carries_data", "descriptors", "connection", "source",
                "interfaces", "ends", "operations" };
        const char *kind = fact_text(description, "kind");
        g_autofree char *seen = tested_summary(tested, kind);

        printf("%s  %s\n", kind, fact_text(description, "title"));
        printf("  %-13s  %s%s%s\n", "available", yes_no(description, "available"),
                kind_is(description, "available") ? "" : ": ", fact_text(description, "reason"));
        for (size_t i = 0; i < G_N_ELEMENTS(facts); i++) {
                g_autoptr(GVariant) value = g_variant_lookup_value(description, facts[i], G_VARIANT_TYPE_BOOLEAN);
                if (value != NULL)
                        printf("  %-13s  %s\n", facts[i], yes_no(description, facts[i]));
                else
                        print_list(description, facts[i]);
        }
        printf("  %-13s  %s\n", "seen", seen);
        print_records(description, "limits", (const char *const[]){ "name", "value", "unit", "source", NULL });
        print_records(
                description, "options", (const char *const[]){ "name", "type", "uses", "default", "help", NULL });
        print_records(description, "claims", (const char *const[]){ "id", "claim", "source", NULL });
        print_records(description, "unsupported", (const char *const[]){ "operation", "reason", NULL });
}

static void print_json_array(GPtrArray *descriptions, GHashTable *tested) {
        JsonArray *array = json_array_new();

        for (size_t i = 0; i < descriptions->len; i++) {
                JsonNode *node = json_from_variant(descriptions->pdata[i]);
                tested_add_json(tested, fact_text(descriptions->pdata[i], "kind"), json_node_get_object(node));
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
        .details = "Without KIND one line for each; with KIND also its limits, options and claims. SEEN counts the\n"
                   "claims that held in the last test that the running service still knows.\n\n"
                   "Example:\n  ipcctl kinds mq-posix\n",
        .run = run,
};
