/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the types of charts share. */
#pragma once

#include "chart.h"

enum {
        CHART_HEADER = 28, /* the title */
        CHART_LEGEND = 24, /* below it, where there is one: the names of line styles */
        CHART_NOTE = 22,
        CHART_GAP = 24,
};

/* Bounds over all points, rounded; false where there is no point. */
bool chart_bounds(const Chart *chart, Axis *x, Axis *y);
void curve_draw(cairo_t *cr, const Curve *curve, const Axis *x, const Axis *y, bool sparse);
/* A line and a sign for each of `names`, from `x` on. */
void legend_draw(cairo_t *cr, double x, double y, const GPtrArray *curves);
/* A smaller size of the font, down to 9, where the text takes more than `width`. */
int size_that_fits(cairo_t *cr, const char *text, double width, int size, bool bold);
/* The text, shortened so that it takes no more than `width`. The caller frees it. */
char *text_that_fits(cairo_t *cr, const char *text, double width, int size, bool bold);

double lines_height(const Chart *chart);
void lines_draw(cairo_t *cr, const Chart *chart, const Box *box);
double multiples_height(const Chart *chart);
void multiples_draw(cairo_t *cr, const Chart *chart, const Box *box);
double dots_height(const Chart *chart);
void dots_draw(cairo_t *cr, const Chart *chart, const Box *box);
