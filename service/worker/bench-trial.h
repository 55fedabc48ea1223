/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One trial of one cell: fresh processes, a fresh link or several, and what came out of it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "bench-plan.h"
#include "floors.h"
#include "histogram.h"

/* What may have disturbed a trial. */
typedef enum Disturbance {
        /* The host gave 2 % of the time of one of the CPUs to others (steal in proc_stat(5), in steps of a tick). */
        DISTURBANCE_STEAL = 1 << 0,
        /* Something else ran there. On two CPUs: a side was made to give way more than 50 times a second. On one CPU,
         * where the sides make each other give way: more than 10 % of the time went to neither of them. */
        DISTURBANCE_OTHERS = 1 << 1,
        /* The floor probed beside it is not where it was in the other trials of its kind, or above the result itself:
         * it was another state of the machine (bench-report.c). */
        DISTURBANCE_FLOOR = 1 << 2,
        /* The clock of one of the CPUs went faster or slower by more than 5 %. */
        DISTURBANCE_CLOCK = 1 << 3,
} Disturbance;

#define TRIAL_STEAL_MAX        0.02
#define TRIAL_INVOLUNTARY_RATE 50.0
#define TRIAL_UNACCOUNTED_MAX  0.10
#define TRIAL_CLOCK_MAX        0.05
/* What the floor of the waiting may change by between before and after. */
#define TRIAL_DRIFT_MAX 1.5

typedef struct Trial {
        double fairness; /* several peers: messages of the one with the fewest by those with the most */
        double peer_rates[BENCH_PEERS_MAX]; /* messages a second of each of several peers */
        double nsec;                 /* latency, burst: the median round trip; throughput: the time a message takes */
        double messages_per_second;  /* all but latency */
        double cpu_nsec_per_message; /* of both sides together */
        double switches_per_message; /* context switches of both, wanted or not */
        uint64_t messages;           /* that count */
        unsigned batch;              /* round trips to one reading of the clock */
        double floors[FLOOR_TYPE_MAX]; /* probed beside it; 0: not this one */
        unsigned disturbed;            /* mask of Disturbance */
        Histogram histogram;           /* latency */
} Trial;

/* 0; -ECANCELED when the channel's peer is gone; else a negative errno with the cell's `skipped` (and `failed`) set.
 */
int trial_run(const BenchPlan *plan, BenchCell *cell, const Record *facts, double timer, int channel, Trial *ret);
