/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Axes: from values to places, and what stands beside them. All are logarithmic, as what is drawn here spreads over
 * powers of ten. */
#pragma once

#include <cairo.h>
#include <glib.h>

#include "canvas.h"

typedef enum AxisUnit {
        AXIS_NSEC,       /* "10 us" */
        AXIS_BYTES_RATE, /* "1 GB/s" */
        AXIS_RATE,       /* "1 M/s" */
        AXIS_SIZE,       /* "4 K" */
        AXIS_PERCENTILE, /* values are how many in one that exceed: 100 is "99" */
} AxisUnit;

typedef struct Axis {
        AxisUnit unit;
        double low, high; /* greater than 0 */
        double from, to;  /* where these are in the picture */
        const GArray *at; /* ticks at these alone; NULL: at round values */
} Axis;

/* Widens the bounds to round values. */
void axis_round(Axis *axis);
double axis_place(const Axis *axis, double value);
/* Lines across the box, and labels beside it where `labels`. */
void axis_draw_horizontal(cairo_t *cr, const Axis *axis, const Box *box, bool labels);
void axis_draw_vertical(cairo_t *cr, const Axis *axis, const Box *box, bool labels);
