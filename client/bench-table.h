/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A run of a benchmark for people: the floors, one table for each mode and placement, what was not measured. */
#pragma once

#include "bench-compare.h"
#include "bench-run.h"

/* With bars where standard output is a terminal. `comparison` may be NULL. */
void bench_table_print(const BenchRun *run, const BenchComparison *comparison);
