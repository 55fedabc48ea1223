/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A grid of small panels, one for each name, with the same axes: the curves of that name stand out from all others,
 * which are grey behind it. Owns nothing. */
#include "chart-parts.h"

enum { COLUMNS = 5, CELL_HEIGHT = 168, LEFT = 82, TOP = 22, BOTTOM = 22, AXIS_TITLE = 30, GAP = 14 };

static guint rows_of(const Chart *chart) {
        return (chart->panels->len + COLUMNS - 1) / COLUMNS;
}

double multiples_height(const Chart *chart) {
        return CHART_LEGEND + rows_of(chart) * CELL_HEIGHT + AXIS_TITLE;
}

static void draw_others(cairo_t *cr, const Chart *chart, const Panel *own, const Axis *x, const Axis *y) {
        canvas_ink(cr, INK_GREY);
        cairo_set_line_width(cr, 0.6);
        for (guint p = 0; p < chart->panels->len; p++) {
                const Panel *panel = chart->panels->pdata[p];
                for (guint c = 0; panel != own && c < panel->curves->len; c++) {
                        const Curve *curve = panel->curves->pdata[c];
                        for (guint i = 0; i < curve->points->len; i++) {
                                const Point *point = &g_array_index(curve->points, Point, i);
                                cairo_line_to(cr, axis_place(x, point->x), axis_place(y, point->y));
                        }
                        cairo_stroke(cr);
                }
        }
}

static void draw_cell(cairo_t *cr, const Chart *chart, guint index, Axis x, Axis y, const Box *cell) {
        const Panel *panel = chart->panels->pdata[index];
        Box box = { cell->x, cell->y + TOP, cell->width, cell->height - TOP - BOTTOM };
        int size = size_that_fits(cr, panel->title, cell->width, FONT_PANEL, true);
        g_autofree char *title = text_that_fits(cr, panel->title, cell->width, size, true);

        x.from = box.x;
        x.to = box.x + box.width;
        y.from = box.y + box.height;
        y.to = box.y;
        canvas_ink(cr, INK_BLACK);
        canvas_text(cr, box.x, cell->y + 10, ALIGN_LEFT, size, true, title);
        axis_draw_horizontal(cr, &x, &box, index + COLUMNS >= chart->panels->len);
        axis_draw_vertical(cr, &y, &box, index % COLUMNS == 0);
        draw_others(cr, chart, panel, &x, &y);
        canvas_ink(cr, INK_DARK);
        canvas_line(cr, box.x, box.y + box.height, box.x + box.width, box.y + box.height, 1);
        canvas_line(cr, box.x, box.y, box.x, box.y + box.height, 1);
        for (guint i = 0; i < panel->curves->len; i++)
                curve_draw(cr, panel->curves->pdata[i], &x, &y, chart->signs_sparse);
}

/* What the styles stand for is the same in all panels: that of the one with most says it. */
static void draw_legend(cairo_t *cr, const Chart *chart, const Box *box) {
        const Panel *most = chart->panels->pdata[0];

        for (guint i = 1; i < chart->panels->len; i++) {
                const Panel *panel = chart->panels->pdata[i];
                if (panel->curves->len > most->curves->len)
                        most = panel;
        }
        legend_draw(cr, box->x + LEFT, box->y + 4, most->curves);
}

void multiples_draw(cairo_t *cr, const Chart *chart, const Box *box) {
        double width = (box->width - LEFT - (COLUMNS - 1) * GAP) / COLUMNS;
        Axis x, y;

        if (!chart_bounds(chart, &x, &y))
                return;
        draw_legend(cr, chart, box);
        for (guint i = 0; i < chart->panels->len; i++) {
                guint row = i / COLUMNS, column = i % COLUMNS;
                Box cell = { box->x + LEFT + column * (width + GAP), box->y + CHART_LEGEND + row * CELL_HEIGHT, width,
                        CELL_HEIGHT };
                draw_cell(cr, chart, i, x, y, &cell);
        }
        canvas_ink(cr, INK_BLACK);
        canvas_text(cr, box->x + LEFT + (box->width - LEFT) / 2, box->y + box->height - 14, ALIGN_MIDDLE, FONT_TEXT,
                false, chart->x_title);
        canvas_text_upright(cr, box->x + 6, box->y + (box->height - AXIS_TITLE) / 2, FONT_TEXT, chart->y_title);
}
