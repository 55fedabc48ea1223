/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A run of a benchmark as comma-separated values (RFC 4180): a header, then one line for each result. */
#pragma once

#include "bench-run.h"

void bench_csv_print(const BenchRun *run);
