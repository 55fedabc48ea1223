/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The loops that are measured, as they run in the two processes of a trial, and the memory that these share with each
 * other and with the process that waits for them. */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

#include "bench-plan.h"
#include "floors.h"
#include "histogram.h"
#include "pair.h"
#include "transport.h"

/* What one side used up between the first and the last message that count. */
typedef struct Usage {
        uint64_t cpu_nsec;
        uint64_t voluntary, involuntary; /* context switches */
        uint64_t messages;               /* that this side sent and received meanwhile */
        uint64_t nsec;                   /* how long that was */
} Usage;

typedef struct Measure {
        PairShared pair;

        /* Set before the sides start. */
        BenchMode mode;
        PlacementType placement;
        WaitMode wait;
        size_t size;
        uint64_t nsec;
        double timer;

        FloorArea areas[2];

        /* Latency: written by side 0 before it sends the message of that number; read by side 1 once a message. */
        struct {
                _Alignas(64) _Atomic uint64_t first; /* that counts */
                _Atomic uint64_t last;               /* of all */
        } marks;
        /* Throughput: written by the receiver, twice. */
        struct {
                _Alignas(64) _Atomic uint32_t value;
        } phase;
        /* Throughput: written by the receiver now and then. */
        struct {
                _Alignas(64) _Atomic uint64_t value;
        } received;

        /* The outcome. */
        _Alignas(64) double floors[FLOOR_TYPE_MAX];
        Usage usage[2];
        unsigned batch;      /* round trips to one reading of the clock */
        Histogram histogram; /* latency: of round trips, in nanoseconds */
} Measure;

/* One side's part, from attach() to detach(). As Pair.side: 0 or negative errno with the reason given. */
int measure_side(unsigned side, Measure *measure, Link *link);
