/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which charts a run gives. */
#pragma once

#include "bench-run.h"
#include "chart.h"

/* Chart; empty where nothing was measured. */
GPtrArray *charts_of_run(const BenchRun *run);
