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

/* The middle of a bucket: no value in it is further away than half its width. */
static uint64_t bucket_middle(size_t bucket) {
        unsigned shift;
        uint64_t first;

        if (bucket < 2 * HISTOGRAM_PER_OCTAVE)
                return bucket;
        shift = (unsigned)(bucket >> HISTOGRAM_BITS) - 1;
        first = (uint64_t)(bucket - ((size_t)shift << HISTOGRAM_BITS)) << shift;
        return first + (UINT64_C(1) << shift) / 2;
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
                seen += histogram->buckets[i];
                if (seen < rank || seen == 0)
                        continue;
                value = bucket_middle(i);
                if (value < histogram->min)
                        return histogram->min;
                return value < histogram->max ? value : histogram->max;
        }
        return histogram->max;
}
