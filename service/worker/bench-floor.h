/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which of the floors binds a result, and how often it has to be paid in it. */
#pragma once

#include <stdbool.h>

#include "bench-plan.h"
#include "bench-trial.h"

typedef struct BoundFloor {
        FloorType type; /* FLOOR_TYPE_INVALID: none was probed */
        double nsec;    /* paid as often as the result has to */
        double ratio;   /* of the result to that, trial by trial; the median */
} BoundFloor;

/* Was the trial faster than the floor of its waiting that was probed beside it? */
bool bench_floor_undercut(const BenchCell *cell, const Trial *trial);

/* Of these trials; `values` is room for a figure of each. */
BoundFloor bench_floor(const BenchCell *cell, const Trial *const *trials, unsigned n, double *values);
