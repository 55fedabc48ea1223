/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Counting times with a constant relative error. The owner of the memory owns the histogram; nothing is allocated. */
#include "histogram.h"

#include <math.h>
#include <string.h>

void histogram_init(Histogram *histogram) {
        memset(histogram, 0, sizeof *histogram);
        histogram->min = UINT64_MAX;
}

void histogram_merge(Histogram *into, const Histogram *from) {
        into->count += from->count;
        if (from->min < into->min)
                into->min = from->min;
        if (from->max > into->max)
                into->max = from->max;
        for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++)
                into->buckets[i] += from->buckets[i];
}

/* Where in a bucket the value of that rank is, if they are spread evenly over it: steps from one bucket to the next
 * would show in medians that differ by less. */
static uint64_t bucket_value(size_t bucket, uint64_t rank, uint32_t count) {
        double part = ((double)rank - 0.5) / count;
        unsigned shift;
        uint64_t first;

        if (bucket < 2 * HISTOGRAM_PER_OCTAVE)
                return bucket;
        shift = (unsigned)(bucket >> HISTOGRAM_BITS) - 1;
        first = (uint64_t)(bucket - ((size_t)shift << HISTOGRAM_BITS)) << shift;
        return first + (uint64_t)(part * (double)(UINT64_C(1) << shift));
}

uint64_t histogram_quantile(const Histogram *histogram, double fraction) {
        uint64_t rank, seen = 0, value;

        if (histogram->count == 0)
                return 0;
        if (fraction <= 0)
                return histogram->min;
        rank = (uint64_t)ceil(fraction * (double)histogram->count);
        if (fraction >= 1 || rank >= histogram->count)
                return histogram->max;
        for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
                if (seen + histogram->buckets[i] < rank || histogram->buckets[i] == 0) {
                        seen += histogram->buckets[i];
                        continue;
                }
                value = bucket_value(i, rank - seen, histogram->buckets[i]);
                if (value < histogram->min)
                        return histogram->min;
                return value < histogram->max ? value : histogram->max;
        }
        return histogram->max;
}
