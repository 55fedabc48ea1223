/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The histogram of times: its error is bounded everywhere, its ends are exact. */
#include <glib.h>
#include <math.h>
#include <stdlib.h>

#include "histogram.h"

static void test_empty(void) {
        Histogram histogram;

        histogram_init(&histogram);
        g_assert_cmpuint(histogram_quantile(&histogram, 0), ==, 0);
        g_assert_cmpuint(histogram_quantile(&histogram, 0.5), ==, 0);
        g_assert_cmpuint(histogram_quantile(&histogram, 1), ==, 0);
}

/* Every bucket begins where the one before ends, up to the longest time. */
static void test_buckets(void) {
        size_t before = histogram_bucket(1);
        uint64_t value = 1;

        g_assert_cmpuint(histogram_bucket(HISTOGRAM_HIGHEST), <, HISTOGRAM_BUCKETS);
        while (value < HISTOGRAM_HIGHEST) {
                uint64_t next = value < 4096 ? value + 1 : value + value / 1024;
                size_t bucket = histogram_bucket(next);

                g_assert_cmpuint(bucket, >=, before);
                g_assert_cmpuint(bucket, <=, before + 1);
                before = bucket;
                value = next;
        }
}

/* The median of three is the one in the middle, which is neither the exact least nor the exact greatest. */
static void test_error(void) {
        double worst = 0;

        for (uint64_t value = 2; value < HISTOGRAM_HIGHEST / 2; value += value < 300 ? 1 : value / 97) {
                Histogram histogram;
                uint64_t read;

                histogram_init(&histogram);
                histogram_add(&histogram, 1);
                histogram_add(&histogram, value);
                histogram_add(&histogram, HISTOGRAM_HIGHEST);
                read = histogram_quantile(&histogram, 0.5);
                worst = fmax(worst, fabs((double)read - (double)value) / (double)value);
        }
        g_test_message("greatest relative error: %.4f", worst);
        g_assert_cmpfloat(worst, <=, 0.01);
        g_assert_cmpfloat(worst, >, 0);
}

static void test_ends(void) {
        Histogram histogram;

        histogram_init(&histogram);
        histogram_add(&histogram, 123457);
        histogram_add(&histogram, 765432101);
        g_assert_cmpuint(histogram_quantile(&histogram, 0), ==, 123457);
        g_assert_cmpuint(histogram_quantile(&histogram, 1), ==, 765432101);
        g_assert_cmpuint(histogram_quantile(&histogram, 0.5), >=, 123457);
        /* Outside of what it holds: counted as its ends. */
        histogram_add(&histogram, 0);
        histogram_add(&histogram, UINT64_MAX);
        g_assert_cmpuint(histogram_quantile(&histogram, 0), ==, 1);
        g_assert_cmpuint(histogram_quantile(&histogram, 1), ==, HISTOGRAM_HIGHEST);
        g_assert_cmpuint(histogram.count, ==, 4);
}

static int compare(const void *a, const void *b) {
        uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

        return (x > y) - (x < y);
}

/* Against the sorted samples, over six decades. */
static void test_quantiles(void) {
        static const double fractions[] = { 0.001, 0.1, 0.25, 0.5, 0.9, 0.99, 0.999, 0.9999 };
        enum { N = 20000 };
        g_autofree uint64_t *values = g_new(uint64_t, N);
        Histogram histogram, parts[2];

        histogram_init(&parts[0]);
        histogram_init(&parts[1]);
        for (size_t i = 0; i < N; i++) {
                values[i] = (uint64_t)pow(10, g_test_rand_double_range(1, 7));
                histogram_add(&parts[i % 2], values[i]);
        }
        histogram_init(&histogram);
        histogram_merge(&histogram, &parts[0]);
        histogram_merge(&histogram, &parts[1]);
        qsort(values, N, sizeof *values, compare);
        g_assert_cmpuint(histogram_quantile(&histogram, 0), ==, values[0]);
        g_assert_cmpuint(histogram_quantile(&histogram, 1), ==, values[N - 1]);
        for (size_t i = 0; i < G_N_ELEMENTS(fractions); i++) {
                double wanted = (double)values[(size_t)ceil(fractions[i] * N) - 1];
                double read = (double)histogram_quantile(&histogram, fractions[i]);

                g_assert_cmpfloat(fabs(read - wanted), <=, wanted * 0.01);
        }
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/histogram/empty", test_empty);
        g_test_add_func("/histogram/buckets", test_buckets);
        g_test_add_func("/histogram/error", test_error);
        g_test_add_func("/histogram/ends", test_ends);
        g_test_add_func("/histogram/quantiles", test_quantiles);
        return g_test_run();
}
