/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What changed between two runs of a benchmark, and how sure that is. */
#pragma once

#include <stdbool.h>

#include "bench-run.h"

typedef enum BenchVerdict {
        BENCH_SAME,  /* no difference that could be told from chance */
        BENCH_NOISY, /* nor could one of a factor of BENCH_NOISY_REACH have been told */
        BENCH_SLOWER,
        BENCH_FASTER,
        BENCH_UNKNOWN, /* too few trials to say anything */
        BENCH_VERDICT_MAX,
} BenchVerdict;

/* Of times: more than 1 is slower, also where rates are shown. */
typedef struct BenchDifference {
        const BenchResult *was, *is;
        double ratio, low, high; /* 0 where they are unknown */
        BenchVerdict verdict;
} BenchDifference;

typedef struct BenchComparison {
        char *file;                    /* for people */
        GPtrArray *differences;        /* BenchDifference, in the order of the later run */
        GPtrArray *only_was, *only_is; /* BenchResult, borrowed: measured in one of the runs alone */
        guint counts[BENCH_VERDICT_MAX];
        double confidence; /* of each interval, so that all of them together hold with BENCH_CONFIDENCE */
        bool environment_known;
        JsonArray *environment; /* {name, was, is} of what differs and matters */
} BenchComparison;

/* That not one of all results of a comparison is called different by chance. */
#define BENCH_CONFIDENCE 0.95
/* What is less than this is not called a difference, however sure it is. */
#define BENCH_LEAST_EFFECT 1.03
#define BENCH_NOISY_REACH  2.0

/* The runs have to outlive it. */
BenchComparison *bench_comparison_new(const char *file, const BenchRun *was, const BenchRun *is);
BenchComparison *bench_comparison_free(BenchComparison *comparison);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(BenchComparison, bench_comparison_free)

/* Of a result of the later run; NULL where only one of them has it. */
const BenchDifference *bench_comparison_find(const BenchComparison *comparison, const BenchResult *is);
/* "x1.23 slower (1.18 to 1.29)", "no difference (0.97 to 1.04)". The caller frees it. */
char *bench_difference_text(const BenchDifference *difference);
const char *bench_verdict_name(BenchVerdict verdict);
/* The sums, what only one run has, and where the surroundings differ; below the tables. */
void bench_comparison_print(const BenchComparison *comparison);
/* {file, method, confidence, ..., results[], only_before[], only_now[], environment[]} */
JsonNode *bench_comparison_json(const BenchComparison *comparison);
