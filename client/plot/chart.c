/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the panels, curves and points of a chart, and draws what all types of charts have. */
#include "chart.h"

#include <string.h>

#include "chart-parts.h"

enum { FONT_LEAST = 9 };

static void curve_free(void *data) {
        Curve *curve = data;

        g_free(curve->name);
        g_array_unref(curve->points);
        g_free(curve);
}

static void panel_free(void *data) {
        Panel *panel = data;

        g_free(panel->title);
        g_ptr_array_unref(panel->curves);
        g_free(panel);
}

Chart *chart_new(ChartType type) {
        Chart *chart = g_new0(Chart, 1);

        chart->type = type;
        chart->panels = g_ptr_array_new_with_free_func(panel_free);
        return chart;
}

Chart *chart_free(Chart *chart) {
        if (chart == NULL)
                return NULL;
        g_free(chart->title);
        g_free(chart->note);
        if (chart->x_ticks != NULL)
                g_array_unref(chart->x_ticks);
        g_ptr_array_unref(chart->panels);
        g_free(chart);
        return NULL;
}

Panel *chart_panel(Chart *chart, const char *title) {
        for (guint i = 0; i < chart->panels->len; i++)
                if (strcmp(((Panel *)chart->panels->pdata[i])->title, title) == 0)
                        return chart->panels->pdata[i];
        Panel *panel = g_new0(Panel, 1);
        panel->title = g_strdup(title);
        panel->curves = g_ptr_array_new_with_free_func(curve_free);
        g_ptr_array_add(chart->panels, panel);
        return panel;
}

Curve *panel_curve(Panel *panel, const char *name, unsigned style) {
        for (guint i = 0; i < panel->curves->len; i++)
                if (strcmp(((Curve *)panel->curves->pdata[i])->name, name) == 0)
                        return panel->curves->pdata[i];
        Curve *curve = g_new0(Curve, 1);
        curve->name = g_strdup(name);
        curve->style = style;
        curve->points = g_array_new(FALSE, FALSE, sizeof(Point));
        g_ptr_array_add(panel->curves, curve);
        return curve;
}

static void widen(Axis *axis, double value) {
        if (value <= 0)
                return;
        axis->low = axis->low <= 0 ? value : MIN(axis->low, value);
        axis->high = MAX(axis->high, value);
}

bool chart_bounds(const Chart *chart, Axis *x, Axis *y) {
        *x = (Axis){ .unit = chart->x_unit, .at = chart->x_ticks };
        *y = (Axis){ .unit = chart->y_unit };
        for (guint p = 0; p < chart->panels->len; p++) {
                const Panel *panel = chart->panels->pdata[p];
                for (guint c = 0; c < panel->curves->len; c++) {
                        const Curve *curve = panel->curves->pdata[c];
                        for (guint i = 0; i < curve->points->len; i++) {
                                const Point *point = &g_array_index(curve->points, Point, i);
                                widen(x, point->x);
                                widen(y, point->y);
                                widen(y, point->low);
                                widen(y, point->high);
                                widen(y, point->floor);
                        }
                }
        }
        if (y->high <= 0 || x->high <= 0)
                return false;
        axis_round(y);
        if (x->unit == AXIS_SIZE) {
                x->low /= 1.3;
                x->high *= 1.3;
        } else if (x->high < 2 * x->low)
                x->high = 2 * x->low;
        return true;
}

static void draw_whiskers(cairo_t *cr, const Curve *curve, const Axis *x, const Axis *y) {
        canvas_style(cr, curve->style, 1);
        cairo_set_dash(cr, NULL, 0, 0);
        for (guint i = 0; i < curve->points->len; i++) {
                const Point *point = &g_array_index(curve->points, Point, i);
                /* Those of several curves stand beside each other. */
                double at = axis_place(x, point->x) + (curve->style % STYLES) * 2.0;
                if (point->low <= 0 || point->high <= point->low)
                        continue;
                canvas_line(cr, at, axis_place(y, point->low), at, axis_place(y, point->high), 1);
                canvas_line(cr, at - 3, axis_place(y, point->low), at + 3, axis_place(y, point->low), 1);
                canvas_line(cr, at - 3, axis_place(y, point->high), at + 3, axis_place(y, point->high), 1);
        }
}

void curve_draw(cairo_t *cr, const Curve *curve, const Axis *x, const Axis *y, bool sparse) {
        canvas_style(cr, curve->style, 1.6);
        for (guint i = 0; i < curve->points->len; i++) {
                const Point *point = &g_array_index(curve->points, Point, i);
                cairo_line_to(cr, axis_place(x, point->x), axis_place(y, point->y));
        }
        cairo_stroke(cr);
        draw_whiskers(cr, curve, x, y);
        for (guint i = 0; i < curve->points->len; i += sparse ? 10 : 1) {
                const Point *point = &g_array_index(curve->points, Point, i);
                canvas_sign(cr, curve->style, axis_place(x, point->x), axis_place(y, point->y), 3, point->hollow);
        }
        canvas_style_end(cr);
}

void legend_draw(cairo_t *cr, double x, double y, const GPtrArray *curves) {
        for (guint i = 0; i < curves->len; i++) {
                const Curve *curve = curves->pdata[i];
                canvas_style(cr, curve->style, 1.6);
                canvas_line(cr, x, y, x + 36, y, 1.6);
                canvas_sign(cr, curve->style, x + 18, y, 3, false);
                canvas_style_end(cr);
                canvas_text(cr, x + 42, y, ALIGN_LEFT, FONT_TEXT, false, curve->name);
                x += 42 + canvas_text_width(cr, FONT_TEXT, false, curve->name) + 28;
        }
}

int size_that_fits(cairo_t *cr, const char *text, double width, int size, bool bold) {
        while (size > FONT_LEAST && canvas_text_width(cr, size, bold, text) > width)
                size--;
        return size;
}

char *text_that_fits(cairo_t *cr, const char *text, double width, int size, bool bold) {
        glong length = g_utf8_strlen(text, -1), room = length;
        char *shorter = g_strdup(text);

        while (room > 0 && canvas_text_width(cr, size, bold, shorter) > width) {
                g_autofree char *begin = g_utf8_substring(text, 0, --room * 2 / 5);
                g_autofree char *end = g_utf8_substring(text, length - (room - room * 2 / 5), length);
                g_free(shorter);
                shorter = g_strconcat(begin, "..", end, NULL);
        }
        return shorter;
}

static double content_height(const Chart *chart) {
        switch (chart->type) {
        case CHART_LINES:
                return lines_height(chart);
        case CHART_MULTIPLES:
                return multiples_height(chart);
        default:
                return dots_height(chart);
        }
}

double chart_height(const Chart *chart) {
        return CHART_HEADER + content_height(chart) + (chart->note != NULL ? CHART_NOTE : 0) + CHART_GAP;
}

void chart_draw(cairo_t *cr, const Chart *chart, const Box *box) {
        Box inner = { box->x, box->y + CHART_HEADER, box->width, content_height(chart) };

        canvas_ink(cr, INK_BLACK);
        canvas_text(cr, box->x, box->y + 8, ALIGN_LEFT, FONT_SECTION, true, chart->title);
        switch (chart->type) {
        case CHART_LINES:
                lines_draw(cr, chart, &inner);
                break;
        case CHART_MULTIPLES:
                multiples_draw(cr, chart, &inner);
                break;
        default:
                dots_draw(cr, chart, &inner);
        }
        canvas_ink(cr, INK_DARK);
        if (chart->note != NULL)
                canvas_text(cr, box->x, inner.y + inner.height + 10, ALIGN_LEFT, FONT_SMALL, false, chart->note);
}
