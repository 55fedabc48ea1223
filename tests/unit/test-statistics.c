/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Medians and their intervals: by known cases, and by drawing samples whose true median is known. */
#include <glib.h>
#include <math.h>

#include "statistics.h"

static void test_median(void) {
        double odd[] = { 5, 1, 3 }, even[] = { 4, 1, 3, 2 }, one[] = { 7 };

        g_assert_cmpfloat(median_of(odd, 3), ==, 3);
        g_assert_cmpfloat(median_of(even, 4), ==, 2.5);
        g_assert_cmpfloat(median_of(one, 1), ==, 7);
        g_assert_cmpfloat(median_of(NULL, 0), ==, 0);
}

/* The table in any book: which order statistics enclose the median with at least 95 %. */
static void test_known(void) {
        static const struct {
                size_t n, left_out;
                double confidence;
        } cases[] = {
                { 1, 0, 0 },
                { 2, 0, 0.5 },
                { 5, 0, 0.9375 },
                { 6, 0, 0.96875 },
                { 8, 0, 0.9921875 },
                { 9, 1, 0.9609375 },
                { 15, 3, 0.96484375 },
                { 20, 5, 0.958610534667969 },
                { 100, 39, 0.964799799782295 },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                double values[100];
                Interval interval;

                for (size_t k = 0; k < cases[i].n; k++)
                        values[k] = (double)((k * 37) % cases[i].n);
                /* 37 and n have no common factor: every number from 0 to n - 1 once. */
                interval = median_interval(values, cases[i].n, 0.95);
                g_assert_cmpfloat(interval.low, ==, (double)cases[i].left_out);
                g_assert_cmpfloat(interval.high, ==, (double)(cases[i].n - 1 - cases[i].left_out));
                g_assert_cmpfloat(fabs(interval.confidence - cases[i].confidence), <, 1e-9);
        }
        g_assert_cmpfloat(median_interval(NULL, 0, 0.95).confidence, ==, 0);
}

/* It holds what it promises, whatever the distribution: this one is very lopsided; its median is exp(0) = 1. */
static void test_coverage(void) {
        enum { ROUNDS = 4000, N = 15 };
        unsigned inside = 0;

        for (unsigned round = 0; round < ROUNDS; round++) {
                double values[N];
                Interval interval;

                for (unsigned i = 0; i < N; i++) {
                        double u = g_test_rand_double_range(1e-9, 1), v = g_test_rand_double();

                        values[i] = exp(2 * sqrt(-2 * log(u)) * cos(2 * G_PI * v));
                }
                interval = median_interval(values, N, 0.95);
                inside += interval.low <= 1 && 1 <= interval.high;
        }
        g_test_message("the median was inside %u times of %u", inside, (unsigned)ROUNDS);
        /* 0.9648 expected; five standard errors of 0.0029 below. */
        g_assert_cmpfloat((double)inside / ROUNDS, >, 0.95);
        g_assert_cmpfloat((double)inside / ROUNDS, <, 0.98);
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/statistics/median", test_median);
        g_test_add_func("/statistics/known", test_known);
        g_test_add_func("/statistics/coverage", test_coverage);
        return g_test_run();
}
