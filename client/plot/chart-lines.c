/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Panels side by side, all curves of a panel in it, each with its name at its end; names that would touch are moved
 * apart and led to. Owns nothing. */
#include <math.h>

#include "chart-parts.h"

enum {
        PANELS_A_ROW = 2,
        PANEL_HEIGHT = 360,
        LEFT = 78,
        RIGHT = 140,
        RIGHT_ALONE = 300, /* of the only panel: there is room */
        TOP = 26,
        BOTTOM = 52,
        GAP = 20,
        NAME_HEIGHT = 15
};

static guint rows_of(const Chart *chart) {
        return (chart->panels->len + PANELS_A_ROW - 1) / PANELS_A_ROW;
}

double lines_height(const Chart *chart) {
        return rows_of(chart) * PANEL_HEIGHT;
}

typedef struct Name {
        const Curve *curve;
        double x, y; /* where the curve ends */
        double at;   /* where the name stands */
} Name;

static int compare_names(gconstpointer a, gconstpointer b) {
        const Name *x = a, *y = b;

        return x->y < y->y ? -1 : x->y > y->y;
}

/* Downwards as far as they would touch, then back up from the lower end. */
static void spread_names(GArray *names, const Box *box) {
        double bound = box->y;

        g_array_sort(names, compare_names);
        for (guint i = 0; i < names->len; i++) {
                Name *name = &g_array_index(names, Name, i);
                name->at = MAX(name->y, bound);
                bound = name->at + NAME_HEIGHT;
        }
        bound = box->y + box->height;
        for (guint i = names->len; i-- > 0;) {
                Name *name = &g_array_index(names, Name, i);
                name->at = MIN(name->at, bound);
                bound = name->at - NAME_HEIGHT;
        }
}

static int right_of(const Chart *chart) {
        return chart->panels->len == 1 ? RIGHT_ALONE : RIGHT;
}

static void draw_names(
        cairo_t *cr, const Chart *chart, const Panel *panel, const Axis *x, const Axis *y, const Box *box) {
        g_autoptr(GArray) names = g_array_new(FALSE, FALSE, sizeof(Name));
        int room = right_of(chart) - 28, size = FONT_TEXT;

        for (guint i = 0; i < panel->curves->len; i++) {
                const Curve *curve = panel->curves->pdata[i];
                if (curve->points->len == 0)
                        continue;
                const Point *last = &g_array_index(curve->points, Point, curve->points->len - 1);
                Name name = { curve, axis_place(x, last->x), axis_place(y, last->y), 0 };
                g_array_append_val(names, name);
        }
        spread_names(names, box);
        for (guint i = 0; i < names->len; i++)
                size = size_that_fits(cr, g_array_index(names, Name, i).curve->name, room, size, false);
        for (guint i = 0; i < names->len; i++) {
                const Name *name = &g_array_index(names, Name, i);
                double right = box->x + box->width;
                g_autofree char *text = text_that_fits(cr, name->curve->name, room, size, false);
                canvas_ink(cr, INK_GREY);
                canvas_line(cr, name->x + 5, name->y, right + 4, name->at, 0.7);
                canvas_sign(cr, name->curve->style, right + 10, name->at, 3, false);
                canvas_ink(cr, INK_BLACK);
                canvas_text(cr, right + 18, name->at, ALIGN_LEFT, size, false, text);
        }
}

static void draw_panel(cairo_t *cr, const Chart *chart, const Panel *panel, Axis x, Axis y, const Box *outer) {
        Box box = { outer->x + LEFT, outer->y + TOP, outer->width - LEFT - right_of(chart),
                outer->height - TOP - BOTTOM };

        x.from = box.x;
        x.to = box.x + box.width;
        y.from = box.y + box.height;
        y.to = box.y;
        canvas_text(cr, box.x, outer->y + 10, ALIGN_LEFT, FONT_PANEL, true, panel->title);
        axis_draw_horizontal(cr, &x, &box, true);
        axis_draw_vertical(cr, &y, &box, true);
        canvas_line(cr, box.x, box.y + box.height, box.x + box.width, box.y + box.height, 1);
        canvas_line(cr, box.x, box.y, box.x, box.y + box.height, 1);
        canvas_text(
                cr, box.x + box.width / 2, box.y + box.height + 30, ALIGN_MIDDLE, FONT_TEXT, false, chart->x_title);
        canvas_text_upright(cr, outer->x + 8, box.y + box.height / 2, FONT_TEXT, chart->y_title);
        draw_names(cr, chart, panel, &x, &y, &box);
        for (guint i = 0; i < panel->curves->len; i++)
                curve_draw(cr, panel->curves->pdata[i], &x, &y, chart->signs_sparse);
}

void lines_draw(cairo_t *cr, const Chart *chart, const Box *box) {
        double width = chart->panels->len == 1 ? box->width : (box->width - (PANELS_A_ROW - 1) * GAP) / PANELS_A_ROW;
        Axis x, y;

        if (!chart_bounds(chart, &x, &y))
                return;
        for (guint i = 0; i < chart->panels->len; i++) {
                guint row = i / PANELS_A_ROW, column = i % PANELS_A_ROW;
                Box outer = { box->x + column * (width + GAP), box->y + row * PANEL_HEIGHT, width, PANEL_HEIGHT };
                draw_panel(cr, chart, chart->panels->pdata[i], x, y, &outer);
        }
}
