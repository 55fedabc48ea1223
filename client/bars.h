/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Bars for tables on a terminal. */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* How many columns the terminal of standard output has; 0 where it is none: then there are to be no bars. */
unsigned bars_terminal_width(void);
/* A bar of `part` (0 to 1) of `width` columns, in steps of an eighth where the locale has the signs, else of "#".
 * Never empty for what is more than nothing. The caller frees it. */
char *bar_text(double part, unsigned width);
