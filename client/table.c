/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A thin face of libsmartcols. Owns the table until table_free(). Nothing is ever truncated: who reads it may be a
 * program, and half an address is of use to nobody. */
#include "table.h"

#include <libsmartcols.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "output.h"

struct Table {
        struct libscols_table *lines;
};

/* libsmartcols fails only without memory. */
static void *have(void *pointer) {
        if (pointer == NULL)
                g_error("out of memory");
        return pointer;
}

Table *table_new(bool heading) {
        Table *table = g_new0(Table, 1);

        table->lines = have(scols_new_table());
        scols_table_set_termforce(table->lines, SCOLS_TERMFORCE_NEVER);
        scols_table_enable_noheadings(table->lines, !heading);
        /* It would write the backslashes of addresses once more; text_harmless() does what is needed. */
        scols_table_enable_noencoding(table->lines, 1);
        scols_table_set_column_separator(table->lines, "  ");
        return table;
}

Table *table_free(Table *table) {
        if (table != NULL)
                scols_unref_table(table->lines);
        g_free(table);
        return NULL;
}

void table_column(Table *table, const char *name, bool right) {
        have(scols_table_new_column(table->lines, name, 0, right ? SCOLS_FL_RIGHT : 0));
}

void table_row(Table *table, const char *const *cells) {
        struct libscols_line *line = have(scols_table_new_line(table->lines, NULL));
        size_t n = scols_table_get_ncols(table->lines);

        for (size_t i = 0; i < n; i++) {
                g_autofree char *text = text_harmless(cells[i] != NULL && *cells[i] != '\0' ? cells[i] : "-");
                if (scols_line_set_data(line, i, text) < 0)
                        g_error("out of memory");
        }
}

void table_print(Table *table, const char *indent) {
        char *text = NULL;

        if (scols_table_is_noheadings(table->lines) && scols_table_is_empty(table->lines))
                return;
        /* An empty table prints nothing of itself, not even its heading: a line that is not there keeps it. */
        if (scols_table_is_empty(table->lines)) {
                fputs(indent, stdout);
                for (size_t i = 0; i < scols_table_get_ncols(table->lines); i++)
                        printf("%s%s", i > 0 ? "  " : "",
                                scols_column_get_name(scols_table_get_column(table->lines, i)));
                putchar('\n');
                return;
        }
        if (scols_print_table_to_string(table->lines, &text) < 0)
                g_error("out of memory");
        g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
        g_autoptr(GString) out = g_string_new(NULL);
        free(text);
        for (char **line = lines; *line != NULL; line++)
                if (line[0][0] != '\0')
                        g_string_append_printf(out, "%s%s\n", indent, g_strchomp(*line));
        output_bytes(out->str, out->len);
}
