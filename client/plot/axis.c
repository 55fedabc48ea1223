/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Places ticks so that their labels never touch: where there is no room for all, every second decade, and so on. Owns
 * nothing. */
#include "axis.h"

#include <math.h>
#include <string.h>

#include "bench-run.h"
#include "units.h"

enum { LABEL_GAP = 6, LABEL_HEIGHT = 16, TICKS_MAX = 64, DECADES_MAX = 12 };

/* The next value of 1, 2, 5, 10, … not above (not below). */
static double round_down(double value) {
        double decade = pow(10, floor(log10(value) + 1e-9)), part = value / decade * (1 + 1e-9);

        return decade * (part >= 5 ? 5 : part >= 2 ? 2 : 1);
}

static double round_up(double value) {
        double down = round_down(value), decade = pow(10, floor(log10(value) + 1e-9));

        if (value <= down * (1 + 1e-9))
                return down;
        return down < 1.5 * decade ? 2 * decade : down < 4 * decade ? 5 * decade : 10 * decade;
}

void axis_round(Axis *axis) {
        axis->low = round_down(axis->low);
        axis->high = round_up(axis->high);
        if (axis->high < axis->low * 1.5)
                axis->high = round_up(axis->low * 1.5);
}

double axis_place(const Axis *axis, double value) {
        double part = log(MAX(value, 1e-12) / axis->low) / log(axis->high / axis->low);

        return axis->from + (axis->to - axis->from) * CLAMP(part, 0, 1);
}

static char *label_of(const Axis *axis, double value) {
        char size[UNITS_TEXT_MAX];

        switch (axis->unit) {
        case AXIS_SIZE: {
                /* "4 K", not "4.0 K": there is little room. */
                char *text = g_strdup(size_print((guint64)(value + 0.5), size)), *zero = strstr(text, ".0 ");
                if (zero != NULL)
                        memmove(zero, zero + 2, strlen(zero + 2) + 1);
                return text;
        }
        case AXIS_PERCENTILE:
                return value < 1.5 ? g_strdup("0 %") : g_strdup_printf("%.10g %%", 100 - 100 / value);
        case AXIS_RATE:
        case AXIS_BYTES_RATE: {
                static const char *const prefixes[] = { "", "k", "M", "G", "T" };
                unsigned p = 0;
                for (; value >= 999.5 && p + 1 < G_N_ELEMENTS(prefixes); p++)
                        value /= 1e3;
                return g_strdup_printf("%.3g %s%s", value, prefixes[p], axis->unit == AXIS_RATE ? "/s" : "B/s");
        }
        default: {
                static const char *const units[] = { "ns", "us", "ms", "s" };
                unsigned u = 0;
                for (; value >= 999.5 && u + 1 < G_N_ELEMENTS(units); u++)
                        value /= 1e3;
                return g_strdup_printf("%.3g %s", value, units[u]);
        }
        }
}

static void add_tick(const Axis *axis, GArray *ticks, double value) {
        if (ticks->len < TICKS_MAX && value >= axis->low * 0.999 && value <= axis->high * 1.001)
                g_array_append_val(ticks, value);
}

/* 50, 99 and 99.99 % where there is little room. */
static void add_percentiles(const Axis *axis, GArray *ticks, int step) {
        if (step == 0)
                add_tick(axis, ticks, 1);
        add_tick(axis, ticks, 2);
        for (int decade = MAX(step, 1); decade <= DECADES_MAX; decade += MAX(step, 1))
                add_tick(axis, ticks, pow(10, decade));
}

/* Every `step` decades; with 2 and 5 as well where step is 0. */
static GArray *ticks_of(const Axis *axis, int step) {
        GArray *ticks = g_array_new(FALSE, FALSE, sizeof(double));
        int first = (int)floor(log10(axis->low) + 1e-9), last = (int)ceil(log10(axis->high) - 1e-9);

        if (axis->unit == AXIS_PERCENTILE) {
                add_percentiles(axis, ticks, step);
                return ticks;
        }
        for (int decade = first; decade <= last; decade += MAX(step, 1)) {
                add_tick(axis, ticks, pow(10, decade));
                if (step == 0) {
                        add_tick(axis, ticks, 2 * pow(10, decade));
                        add_tick(axis, ticks, 5 * pow(10, decade));
                }
        }
        return ticks;
}

static bool fits(cairo_t *cr, const Axis *axis, const GArray *ticks, bool across) {
        double end = -1e9;

        for (guint i = 0; i < ticks->len; i++) {
                double value = g_array_index(ticks, double, i), place = axis_place(axis, value);
                g_autofree char *label = label_of(axis, value);
                double half = across ? canvas_text_width(cr, FONT_SMALL, false, label) / 2 : LABEL_HEIGHT / 2.0;
                double distance = fabs(place - axis->from);
                if (distance - half < end)
                        return false;
                end = distance + half + (across ? LABEL_GAP : 0);
        }
        return true;
}

static GArray *ticks_given(const Axis *axis, guint step) {
        GArray *ticks = g_array_new(FALSE, FALSE, sizeof(double));

        for (guint i = 0; i < axis->at->len; i += step)
                add_tick(axis, ticks, g_array_index(axis->at, double, i));
        return ticks;
}

static GArray *ticks_that_fit(cairo_t *cr, const Axis *axis, bool across) {
        for (int step = axis->at != NULL ? 1 : 0;; step++) {
                GArray *ticks = axis->at != NULL ? ticks_given(axis, (guint)step) : ticks_of(axis, step);
                if (ticks->len <= 1 || step > TICKS_MAX || fits(cr, axis, ticks, across))
                        return ticks;
                g_array_unref(ticks);
        }
}

void axis_draw_horizontal(cairo_t *cr, const Axis *axis, const Box *box, bool labels) {
        g_autoptr(GArray) ticks = ticks_that_fit(cr, axis, true);

        for (guint i = 0; i < ticks->len; i++) {
                double value = g_array_index(ticks, double, i), x = axis_place(axis, value);
                g_autofree char *label = label_of(axis, value);
                canvas_ink(cr, INK_FAINT);
                canvas_line(cr, x, box->y, x, box->y + box->height, 1);
                canvas_ink(cr, INK_BLACK);
                if (labels)
                        canvas_text(cr, x, box->y + box->height + 11, ALIGN_MIDDLE, FONT_SMALL, false, label);
        }
}

void axis_draw_vertical(cairo_t *cr, const Axis *axis, const Box *box, bool labels) {
        g_autoptr(GArray) ticks = ticks_that_fit(cr, axis, false);

        for (guint i = 0; i < ticks->len; i++) {
                double value = g_array_index(ticks, double, i), y = axis_place(axis, value);
                g_autofree char *label = label_of(axis, value);
                canvas_ink(cr, INK_FAINT);
                canvas_line(cr, box->x, y, box->x + box->width, y, 1);
                canvas_ink(cr, INK_BLACK);
                if (labels)
                        canvas_text(cr, box->x - 6, y, ALIGN_RIGHT, FONT_SMALL, false, label);
        }
}
