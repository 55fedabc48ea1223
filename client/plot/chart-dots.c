/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rows of one value each, best first, on one axis: names are as easy to read as in a table, and figures compare by
 * their place. Each panel has its own order. Owns nothing. */
#include "chart-parts.h"

enum { PANELS_A_ROW = 2, ROW_HEIGHT = 19, NAMES = 196, TOP = 28, BOTTOM = 56, GAP = 40, RIGHT = 14 };

static guint most_rows(const Chart *chart, guint first) {
        guint most = 0;

        for (guint i = first; i < MIN(first + PANELS_A_ROW, chart->panels->len); i++)
                most = MAX(most, ((Panel *)chart->panels->pdata[i])->curves->len);
        return most;
}

static double row_of_panels_height(const Chart *chart, guint first) {
        return TOP + BOTTOM + most_rows(chart, first) * ROW_HEIGHT;
}

double dots_height(const Chart *chart) {
        double height = 0;

        for (guint i = 0; i < chart->panels->len; i += PANELS_A_ROW)
                height += row_of_panels_height(chart, i);
        return height;
}

static void draw_row(cairo_t *cr, const Curve *curve, const Axis *axis, const Box *box, double y) {
        const Point *point = &g_array_index(curve->points, Point, 0);
        double at = axis_place(axis, point->y);
        int size = size_that_fits(cr, curve->name, NAMES - 12, FONT_TEXT, false);
        g_autofree char *name = text_that_fits(cr, curve->name, NAMES - 12, size, false);

        canvas_ink(cr, INK_BLACK);
        canvas_text(cr, box->x - 8, y, ALIGN_RIGHT, size, false, name);
        canvas_ink(cr, INK_FAINT);
        canvas_line(cr, box->x, y, box->x + box->width, y, 1);
        canvas_ink(cr, INK_BLACK);
        if (point->low > 0 && point->high > point->low)
                canvas_line(cr, axis_place(axis, point->low), y, axis_place(axis, point->high), y, 1.4);
        if (point->floor > 0)
                canvas_line(cr, axis_place(axis, point->floor), y - 6, axis_place(axis, point->floor), y + 6, 1.4);
        canvas_sign(cr, 0, at, y, 4, point->hollow);
}

static void draw_panel(cairo_t *cr, const Chart *chart, const Panel *panel, Axis axis, const Box *outer) {
        Box box = { outer->x + NAMES, outer->y + TOP, outer->width - NAMES - RIGHT,
                panel->curves->len * (double)ROW_HEIGHT };

        axis.from = box.x;
        axis.to = box.x + box.width;
        canvas_ink(cr, INK_BLACK);
        canvas_text(cr, box.x, outer->y + 10, ALIGN_LEFT, FONT_PANEL, true, panel->title);
        axis_draw_horizontal(cr, &axis, &box, true);
        canvas_line(cr, box.x, box.y + box.height, box.x + box.width, box.y + box.height, 1);
        canvas_text(
                cr, box.x + box.width / 2, box.y + box.height + 30, ALIGN_MIDDLE, FONT_TEXT, false, chart->y_title);
        for (guint i = 0; i < panel->curves->len; i++)
                draw_row(cr, panel->curves->pdata[i], &axis, &box, box.y + (i + 0.5) * ROW_HEIGHT);
}

void dots_draw(cairo_t *cr, const Chart *chart, const Box *box) {
        double width = (box->width - (PANELS_A_ROW - 1) * GAP) / PANELS_A_ROW, y = box->y;
        Axis x, values;

        if (!chart_bounds(chart, &x, &values))
                return;
        for (guint i = 0; i < chart->panels->len; i++) {
                Box outer = { box->x + (i % PANELS_A_ROW) * (width + GAP), y, width, 0 };
                draw_panel(cr, chart, chart->panels->pdata[i], values, &outer);
                if (i % PANELS_A_ROW == PANELS_A_ROW - 1)
                        y += row_of_panels_height(chart, i + 1 - PANELS_A_ROW);
        }
}
