/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Medians and their intervals. Each of n values lies below the true median with probability one half, whatever their
 * distribution, so the number that do is binomial: the k-th least and the k-th greatest enclose the median unless
 * fewer than k values fell on one side. */
#include "statistics.h"

#include <math.h>
#include <stdlib.h>

static int compare(const void *a, const void *b) {
        double x = *(const double *)a, y = *(const double *)b;

        return (x > y) - (x < y);
}

static void sort(double *values, size_t n) {
        if (n > 0)
                qsort(values, n, sizeof *values, compare);
}

double median_of(double *values, size_t n) {
        if (n == 0)
                return 0;
        sort(values, n);
        if (n % 2 == 1)
                return values[n / 2];
        return (values[n / 2 - 1] + values[n / 2]) / 2;
}

/* The probability that exactly k of n fair coins show heads; by logarithms, as the coefficients overflow. */
static double binomial_half(size_t n, size_t k) {
        return exp(lgamma((double)n + 1) - lgamma((double)k + 1) - lgamma((double)(n - k) + 1) - (double)n * log(2));
}

Interval median_interval(double *values, size_t n, double wanted) {
        Interval interval = { 0 };
        double tail = 0, next;
        size_t left_out = 0;

        if (n == 0)
                return interval;
        sort(values, n);
        tail = binomial_half(n, 0);
        while (2 * (left_out + 1) < n) {
                next = tail + binomial_half(n, left_out + 1);
                if (1 - 2 * next < wanted)
                        break;
                tail = next;
                left_out++;
        }
        interval.low = values[left_out];
        interval.high = values[n - 1 - left_out];
        interval.confidence = n == 1 ? 0 : 1 - 2 * tail;
        return interval;
}
