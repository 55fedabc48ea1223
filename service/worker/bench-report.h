/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is said of a cell when its trials are done, and of the run around them, as records (worker-protocol.h). */
#pragma once

#include <stddef.h>

#include "bench-plan.h"
#include "bench-trial.h"
#include "floors.h"
#include "record.h"

/* Beyond this factor from the median of the cell's trials, the floor probed beside a trial says that the host was in
 * another state: such a trial is not averaged with the others. */
#define BENCH_PROBE_FACTOR 1.3

/* Trials that were disturbed are left out as long as half of them remain; if not, all count and the result is
 * marked. */
int bench_report_result(const BenchCell *cell, Trial *trials, unsigned n, Record **ret);
int bench_report_environment(const Floors *floors, Record **ret);
/* The records of all floors, one a value, through `send`. */
int bench_report_floors(const Floors *floors, int (*send)(void *userdata, const Record *record), void *userdata);
