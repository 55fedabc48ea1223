/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the keys of a request ask for (worker-protocol.h). */
#pragma once

#include "bench-plan.h"

/* Which of the modes and ways of waiting are asked for, in the order of their enums. */
typedef struct BenchChoice {
        BenchMode modes[BENCH_MODE_MAX];
        size_t n_modes;
        WaitMode waits[WAIT_MODE_MAX];
        size_t n_waits;
} BenchChoice;

/* Fills both, the plan with sizes, peers, placements and times. Errors: InvalidOption, and -errno where the CPUs
 * cannot be told. */
int bench_choose(const Record *request, BenchPlan *plan, BenchChoice *ret, Error *error);
