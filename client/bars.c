/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Draws bars of characters. Owns nothing. */
#include "bars.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "output.h"

unsigned bars_terminal_width(void) {
        struct winsize size;
        guint64 columns;

        if (!output_is_terminal())
                return 0;
        /* As ls and ps have it: who sets it means it. */
        if (g_ascii_string_to_unsigned(
                    g_getenv("COLUMNS") != NULL ? g_getenv("COLUMNS") : "", 10, 20, 1000, &columns, NULL))
                return (unsigned)columns;
        return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

/* U+2588 FULL BLOCK, and U+2589 to U+258F, which get narrower. */
static void append_eighths(GString *text, unsigned eighths) {
        if (eighths > 0)
                g_string_append_unichar(text, (gunichar)(0x2590 - eighths));
}

char *bar_text(double part, unsigned width) {
        GString *text = g_string_new(NULL);
        bool cut = part > 1;
        double length = cut ? width - 1 : part * width;

        if (part <= 0 || width < 2)
                return g_string_free(text, FALSE);
        if (!g_get_charset(NULL)) {
                for (unsigned i = 0; i < MAX((unsigned)(length + 0.5), 1); i++)
                        g_string_append_c(text, '#');
                g_string_append(text, cut ? ">" : "");
                return g_string_free(text, FALSE);
        }
        unsigned eighths = MAX((unsigned)(length * 8 + 0.5), 1);
        for (; eighths >= 8; eighths -= 8)
                append_eighths(text, 8);
        append_eighths(text, eighths);
        g_string_append(text, cut ? ">" : "");
        return g_string_free(text, FALSE);
}
