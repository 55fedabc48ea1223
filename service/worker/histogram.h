/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Times in nanoseconds, from 1 to one hour, counted in buckets whose width grows with the value: what is read from it
 * is within 1 % of what was put in, whatever its size. Its size is fixed and it holds no pointer, so it can stand in
 * memory that processes share. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define HISTOGRAM_HIGHEST UINT64_C(3600000000000) /* one hour in nanoseconds; longer ones count as that */

enum {
        /* 2^7 buckets between a power of two and the next: a bucket is at most 1/128 of the value wide, 0.8 %. */
        HISTOGRAM_BITS = 7,
        HISTOGRAM_PER_OCTAVE = 1 << HISTOGRAM_BITS,
        /* An hour is less than 2^42 ns; values below 2^7 have a bucket each. */
        HISTOGRAM_BUCKETS = HISTOGRAM_PER_OCTAVE * (42 - HISTOGRAM_BITS + 1),
};

typedef struct Histogram {
        uint64_t count;
        uint64_t min; /* exact; UINT64_MAX while empty */
        uint64_t max; /* exact */
        uint32_t buckets[HISTOGRAM_BUCKETS];
} Histogram;

void histogram_init(Histogram *histogram);
/* The bucket of a value. Inline, as it stands in the loops that are measured. */
static inline size_t histogram_bucket(uint64_t value) {
        unsigned shift;

        if (value < HISTOGRAM_PER_OCTAVE)
                return value;
        shift = 63 - (unsigned)__builtin_clzll(value) - HISTOGRAM_BITS;
        return ((size_t)shift << HISTOGRAM_BITS) + (size_t)(value >> shift);
}
static inline void histogram_add(Histogram *histogram, uint64_t value) {
        if (value < 1)
                value = 1;
        if (value > HISTOGRAM_HIGHEST)
                value = HISTOGRAM_HIGHEST;
        histogram->count++;
        histogram->buckets[histogram_bucket(value)]++;
        if (value < histogram->min)
                histogram->min = value;
        if (value > histogram->max)
                histogram->max = value;
}
void histogram_merge(Histogram *into, const Histogram *from);
/* The smallest value that at least `fraction` (0 to 1) of the values do not exceed, within 1 %; 0 and 1 give exactly
 * the least and the greatest. 0 while empty. */
uint64_t histogram_quantile(const Histogram *histogram, double fraction);
