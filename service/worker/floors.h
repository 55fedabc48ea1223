/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the machine itself costs, below any mechanism: no mechanism that has to do the same thing can be faster. They
 * are measured for themselves once a run, and, those that may bind a result, again in the two processes of every
 * trial, just before it: on a virtual machine the same floor may be four times as high a minute later. */
#pragma once

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "pair.h"
#include "topology.h"

typedef enum FloorType {
        FLOOR_SYSCALL,           /* an empty system call */
        FLOOR_CACHELINE,         /* a flag in memory goes to the other CPU, and one comes back */
        FLOOR_CACHELINE_PAYLOAD, /* the same with 64 bytes, written and checked on both sides */
        FLOOR_FUTEX,             /* wake the other side, sleep until woken; both on one CPU */
        FLOOR_FUTEX_OTHER_CPU,   /* the same on two CPUs, each idle while the other runs */
        FLOOR_FUTEX_AWAKE,       /* the same, and something else keeps both from going idle */
        FLOOR_IDLE_WAKEUP,       /* from the waking call to the first instruction on the other CPU, idle before */
        FLOOR_MEMCPY,            /* one copy of a message, in nanoseconds; its size is said beside it */
        FLOOR_TYPE_MAX,
        FLOOR_TYPE_INVALID = -1,
} FloorType;

/* "syscall_ns", "futex_round_trip_ns", … The copy's is "memcpy_bytes_per_second". */
const char *floor_name(FloorType type);
/* One sentence for people. */
const char *floor_title(FloorType type);

/* What the two sides need for the floors that take two. */
typedef struct FloorLine {
        _Alignas(64) _Atomic uint64_t number;
        _Alignas(64) uint64_t payload[8];
} FloorLine;
typedef struct FloorFutex {
        _Alignas(64) _Atomic uint32_t word;   /* written by one side */
        _Alignas(64) _Atomic uint32_t asleep; /* written by the other: it sleeps on the word */
} FloorFutex;
typedef struct FloorArea {
        FloorLine lines[2];         /* written by side 0, by side 1 */
        FloorFutex futexes[2];      /* written by side 0, by side 1 */
        _Alignas(64) uint64_t sent; /* when side 0 called for the wake-up */
        double samples[256];        /* of side 1, for side 0 */
        _Atomic uint32_t n_samples;
} FloorArea;

/* Those that one process measures: the median, in nanoseconds. `nsec` is how long to take. */
double floor_timer(void);
double floor_syscall(uint64_t nsec);
double floor_memcpy(void *to, const void *from, size_t size, uint64_t nsec);
/* Those that both sides call at once; side 0 gets the median of a round trip, side 1 gets 0. `area` was zeroed. */
double floor_cacheline(FloorArea *area, unsigned side, uint64_t nsec);
double floor_cacheline_payload(FloorArea *area, unsigned side, uint64_t nsec);
double floor_futex(FloorArea *area, unsigned side, uint64_t nsec);
double floor_idle_wakeup(FloorArea *area, unsigned side, unsigned n);

enum { FLOOR_SIZES_MAX = 64 };

typedef struct Floors {
        double timer;                  /* what one reading of the clock costs */
        double values[FLOOR_TYPE_MAX]; /* nanoseconds; 0: not measured here */
        size_t n_sizes;
        size_t sizes[FLOOR_SIZES_MAX]; /* of FLOOR_MEMCPY, ascending */
        double copies[FLOOR_SIZES_MAX];
} Floors;

/* Measures all of them in processes of their own, on the placements given; the copies for `sizes` besides some usual
 * ones. A floor that could not be had stays 0. */
int floors_measure(
        const Placement *placements, size_t n, const size_t *sizes, size_t n_sizes, int channel, Floors *ret);
