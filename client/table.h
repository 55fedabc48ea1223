/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tables for people: a heading, columns that line up, nothing cut off. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct Table Table;

/* `right` aligns figures. `heading` false: no first line. */
Table *table_new(bool heading);
Table *table_free(Table *table);
void table_column(Table *table, const char *name, bool right);
/* One text per column; NULL is "-". */
void table_row(Table *table, const char *const *cells);
/* Prints to standard output, every line after `indent`. Nothing at all for no rows and no heading. */
void table_print(Table *table, const char *indent);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Table, table_free)
