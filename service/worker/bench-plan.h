/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What one benchmark run measures: the cross product of ways to measure, sizes, ways of waiting, placements and
 * subjects, in groups that differ in the subject alone. A subject is a kind, or one transport of a kind that has
 * several. Those of a group are measured in turns, so that what drifts on the machine meets all of them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "mechanism.h"
#include "record.h"
#include "topology.h"
#include "transport.h"

typedef enum BenchMode {
        BENCH_LATENCY,    /* round trips, one message on the way at a time */
        BENCH_THROUGHPUT, /* one way, as fast as the receiver takes them */
        BENCH_BURST,      /* round trips of several messages there and one back */
        BENCH_FAN_OUT,    /* one way, from one to several */
        BENCH_FAN_IN,     /* one way, from several to one */
        BENCH_MODE_MAX,
        BENCH_MODE_INVALID = -1,
} BenchMode;

/* What is done with the bytes of a message. */
typedef enum InPlace {
        IN_PLACE_NOT,       /* they are copied, once or more often, as the kind does it */
        IN_PLACE_WHOLE,     /* written where the other side reads them */
        IN_PLACE_UNTOUCHED, /* they lie there already: the first and the last word alone are written and read */
} InPlace;

enum {
        BENCH_TRIALS_DEFAULT = 5,
        BENCH_TRIALS_MAX = 100,
        BENCH_TIME_DEFAULT = 250000, /* microseconds a result */
        BENCH_SIZE_DEFAULT = 64,
        BENCH_SIZE_MAX = 64 * 1024 * 1024,
        BENCH_SIZES_MAX = 64,
        BENCH_CELLS_MAX = 10000,
        BENCH_REASON_MAX = 512,
        BENCH_PEERS_MAX = 8,
        BENCH_BURST_MESSAGES = 32,
        BENCH_SPIN_NSEC = 20000, /* WAIT_ADAPTIVE: of the order of what a wake-up costs, and not more */
        BENCH_TOKEN_MAX = 8,     /* kinds that never carry more than this are measured with what they carry */
};

/* One result to be. */
typedef struct BenchCell {
        const Mechanism *mechanism;
        const Transport *transport; /* NULL where the kind has none */
        InPlace in_place;
        char variant[64]; /* of those that the kind is measured by; "": it has one only */
        BenchMode mode;
        unsigned peers; /* of side 0 */
        bool one_link;  /* for all of them */
        WaitMode wait;
        Placement placement;
        size_t asked;                   /* size that the caller wants */
        size_t size;                    /* that it is measured with */
        char skipped[BENCH_REASON_MAX]; /* why it cannot be measured; empty: it can */
        bool failed;                    /* it could have been, but did not work; `skipped` says how */
} BenchCell;

typedef struct BenchPlan {
        uint64_t trial_nsec; /* how long one trial takes, with its warm-up */
        unsigned trials;
        const char *token, *directory; /* borrowed from the request */
        Placement placements[PLACEMENT_TYPE_MAX];
        size_t n_placements;
        unsigned peers[BENCH_PEERS_MAX];
        size_t n_peers;
        size_t n_sizes;
        size_t sizes[BENCH_SIZES_MAX];
        size_t n_subjects;
        Record **facts;   /* of each subject's kind, what probe() said: ours */
        BenchCell *cells; /* group after group, n_subjects each */
        size_t n_cells;
} BenchPlan;

/* Reads the keys of a request (worker-protocol.h) for these kinds. Errors: InvalidOption. */
int bench_plan_new(const Mechanism *const *mechanisms, size_t n, const Record *request, BenchPlan **ret, Error *error);
BenchPlan *bench_plan_free(BenchPlan *plan);

/* Says why the kind does not carry messages of that size, naming the limit where the kind's facts have it. */
void bench_cell_too_large(BenchCell *cell, const Record *facts, size_t most);

/* Has side 0 several peers? */
static inline bool bench_mode_fans(BenchMode mode) {
        return mode == BENCH_FAN_OUT || mode == BENCH_FAN_IN;
}
const char *bench_mode_name(BenchMode mode);
BenchMode bench_mode_from_name(const char *name);
