/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The benchmark engine: measures kinds over their transports and tells what it
 * found in records (worker-protocol.h). */
#pragma once

#include <stddef.h>

#include "error.h"
#include "mechanism.h"
#include "record.h"

/* Where the records go. */
typedef struct BenchOutput {
        int (*send)(void *userdata, const Record *record); /* borrowed; a negative errno ends the run */
        void *userdata;
        int channel; /* when the peer of this socket goes, the run ends with -ECANCELED; -EBADF: none */
} BenchOutput;

/* `request` as worker-protocol.h has it, but for the kinds, which are given. Sends environment, floors, results with
 * progress in between, and the summary; not the end. */
int bench_run(
        const Mechanism *const *mechanisms, size_t n, const Record *request, const BenchOutput *output, Error *error);
