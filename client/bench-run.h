/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A run of a benchmark as it is shown, compared and drawn: read from the tree that --json prints and --save writes,
 * wherever that came from. Modes, ways of waiting and placements are names here: what the worker learns to measure
 * appears without a change. */
#pragma once

#include <glib.h>
#include <json-glib/json-glib.h>
#include <stdbool.h>

typedef struct BenchTrial {
        double nsec;        /* of a round trip or of a message */
        JsonObject *floors; /* NAME_ns as probed beside it; of the tree; may be NULL */
} BenchTrial;

typedef struct BenchResult {
        const char *kind, *variant, *mode, *wait, *placement; /* "" where it has none */
        char *subject;                                        /* "pipe", "dbus (daemon)" */
        guint64 size, asked, peers;                           /* peers: 0 where it is one to one */
        double p50, p99, least, most;                         /* nanoseconds; 0: not known */
        double low, high;                                     /* interval of p50, or of the rate */
        double *curve;                                        /* the i-th is exceeded by one in 10^(i/10) */
        guint n_curve;
        double rate, bytes_rate, cpu;
        const char *floor;
        double floor_nsec, ratio;
        bool disturbed, failed;
        char *disturbed_by;
        const char *skipped; /* why it was not measured; "" */
        BenchTrial *trials;  /* those that count */
        guint n_trials;
        JsonObject *object; /* all of it; of the tree */
} BenchResult;

typedef struct BenchRun {
        JsonNode *root;
        GPtrArray *results; /* BenchResult */
} BenchRun;

/* Keeps a reference to the tree. NULL with a sentence in *ret_problem (static) where it is no run of a benchmark. */
BenchRun *bench_run_new(JsonNode *root, const char **ret_problem);
BenchRun *bench_run_free(BenchRun *run);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(BenchRun, bench_run_free)

/* The first of these kinds that has no result in it; NULL: all have. */
const char *bench_run_missing(const BenchRun *run, char *const *kinds);
/* Leaves only these kinds in it and in its tree, where there are any. */
void bench_run_select(BenchRun *run, char *const *kinds);

static inline const BenchResult *bench_result(const BenchRun *run, guint i) {
        return run->results->pdata[i];
}
bool bench_is_latency(const BenchResult *result);
/* What it is known by: p50 or the time of a message, in nanoseconds; 0 where it was not measured. */
double bench_nsec(const BenchResult *result);
/* "futex" for "futex_round_trip_other_cpu_ns": placement is said elsewhere. The caller frees it. */
char *bench_floor_label(const char *floor);

/* Of a tree that anybody may have written: "" and 0 and NULL for what is not there or of another type. */
const char *bench_string(JsonObject *object, const char *key);
double bench_number(JsonObject *object, const char *key);
JsonObject *bench_object(JsonObject *object, const char *key);
JsonArray *bench_array(JsonObject *object, const char *key);

/* "4.36 us", "1.23 M/s": three digits that count. NULL for 0 and less. The caller frees it. */
char *bench_nsec_text(double nsec);
char *bench_rate_text(double rate, const char *unit);
