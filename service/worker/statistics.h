/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is said of several trials: their median, and between which of them the true median lies. Nothing is assumed of
 * how the values are spread. */
#pragma once

#include <stddef.h>

/* Sorts the values in place; of an even number it is the mean of the two in the middle. 0 of none. */
double median_of(double *values, size_t n);

typedef struct Interval {
        double low, high;
        double confidence; /* how sure it is that the median is inside, 0 to 1 */
} Interval;

/* The narrowest pair of order statistics, the same number of values left out on both sides, that holds the median with
 * at least `wanted` confidence; where even the least and the greatest are not enough (fewer than six values for 0.95),
 * it is those, and `confidence` says how far they go. Sorts the values in place. */
Interval median_interval(double *values, size_t n, double wanted);
