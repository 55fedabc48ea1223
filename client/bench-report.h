/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The run of a benchmark as a tree: of its records, and of a file. */
#pragma once

#include <gio/gio.h>

#include "bench-run.h"
#include "protocol.h"

/* {environment{}, floors{}, floor_titles{}, results[]} */
JsonNode *bench_json(GVariant *records);
/* Reads what --save wrote. `purpose` begins what is said where that fails: "cannot compare with". */
ExitCode bench_load(const char *path, const char *purpose, BenchRun **ret_run);
/* How many results could not be had because something went wrong, not because it does not apply here. */
guint bench_failures(GVariant *records);
