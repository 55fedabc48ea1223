/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The loops that are measured, as they run in the processes of a trial, and the memory that these share with each
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
        InPlace in_place;
        unsigned peers; /* of side 0: 1, or more in the modes that have several */
        bool one_link;  /* for all of them */
        size_t size;
        uint64_t nsec;
        double timer;

        FloorArea areas[4];

        /* Latency and burst: written by side 0 before it sends the message of that number; read by side 1 once a
         * message. */
        struct {
                _Alignas(64) _Atomic uint64_t first; /* that counts */
                _Atomic uint64_t last;               /* of all */
        } marks;
        /* One way: written by side 0 or the receiver, who decides, twice. */
        struct {
                _Alignas(64) _Atomic uint32_t value;
        } phase;
        /* Throughput: written by the receiver now and then. */
        struct {
                _Alignas(64) _Atomic uint64_t value;
        } received;

        /* Several peers: written by each side now and then, what it has sent or received; and by each peer at its end.
         */
        struct {
                _Alignas(64) _Atomic uint64_t messages;
                _Atomic uint32_t done;
        } counts[PAIR_SIDES_MAX];

        /* The outcome. */
        _Alignas(64) double floors[FLOOR_TYPE_MAX]; /* probed before and after; the mean */
        double drift;                               /* of the one that was probed twice: the greater by the less */
        Usage usage[PAIR_SIDES_MAX];
        uint64_t received_from[BENCH_PEERS_MAX]; /* many to one: by side 0, where messages tell whose they are */
        unsigned batch;                          /* round trips to one reading of the clock */
        Histogram histogram;                     /* latency: of round trips, in nanoseconds */
} Measure;

/* One side's part, from attach() to detach(). As Pair.side: 0 or negative errno with the reason given. `links` has one
 * for each peer, or one for all. */
int measure_side(unsigned side, Measure *measure, Link *links);

/* How that placement's sides pay for waiting so, apart from the mechanism: FLOOR_CACHELINE where they look, else the
 * futex of that placement. On two CPUs neither has to sleep in a burst: the answer may come while one still sends. */
FloorType measure_base_floor(BenchMode mode, PlacementType placement, WaitMode wait);
