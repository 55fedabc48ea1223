/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One picture of several panels with the same axes. What is drawn is known here as curves and points alone. */
#pragma once

#include <cairo.h>
#include <glib.h>
#include <stdbool.h>

#include "axis.h"
#include "canvas.h"

typedef enum ChartType {
        CHART_LINES,     /* few curves: all in a panel, each named at its end */
        CHART_MULTIPLES, /* many: a small panel for each name, the others grey behind */
        CHART_DOTS,      /* one value for each name: a row for each, best first */
} ChartType;

typedef struct Point {
        double x, y;
        double low, high; /* of a whisker; 0: none */
        double floor;     /* CHART_DOTS: a mark; 0: none */
        bool hollow;      /* it was disturbed */
} Point;

typedef struct Curve {
        char *name;
        unsigned style;
        GArray *points; /* Point, by x */
} Curve;

typedef struct Panel {
        char *title;
        GPtrArray *curves; /* Curve */
} Panel;

typedef struct Chart {
        ChartType type;
        char *title, *note; /* the note stands below; NULL: none */
        const char *x_title, *y_title;
        AxisUnit x_unit, y_unit;
        GArray *x_ticks;   /* double: at these alone; NULL: round values */
        GPtrArray *panels; /* Panel */
        bool signs_sparse; /* points are many: a sign at every tenth */
} Chart;

Chart *chart_new(ChartType type);
Chart *chart_free(Chart *chart);
/* The panel of that title, new where there is none; its curve of that name, likewise. */
Panel *chart_panel(Chart *chart, const char *title);
Curve *panel_curve(Panel *panel, const char *name, unsigned style);

double chart_height(const Chart *chart);
void chart_draw(cairo_t *cr, const Chart *chart, const Box *box);
