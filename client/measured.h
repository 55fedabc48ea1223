/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Figures of benchmarks on this machine: those that the service remembers and those that ipcctl kept of earlier runs,
 * or those of a file. */
#pragma once

#include <json-glib/json-glib.h>

#include "cli.h"

/* What was measured of one kind, of one size. */
typedef struct Measured {
        char *variant, *wait, *placement; /* "" where there is none */
        guint64 size;                     /* that was measured; it may be another than asked for */
        double rate;                      /* messages per second; 0: not measured */
        double cpu_ns;                    /* of both sides, for a message; 0: not known */
        double p50_ns;                    /* of a round trip; 0: not measured */
        bool disturbed;
} Measured;

void measured_free(Measured *measured);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Measured, measured_free)

/* {results[]}, as "ipcctl bench --save" writes them; NULL in `ret_node` where nothing was measured here. `file` NULL:
 * what is kept. The caller unrefs it. */
ExitCode measured_load(Cli *cli, const char *file, JsonNode **ret_node);
/* The best result of the kind for messages of `size` bytes (0: of the usual size): the fastest one whose messages
 * cost no more than `cpu_ns` each (0: whatever they cost), without spinning unless `spin`. NULL: there is none. */
Measured *measured_best(JsonNode *node, const char *kind, guint64 size, double cpu_ns, bool spin);

/* Keeps the results of a run on this machine, as "ipcctl bench --save" writes them, beside those of other kinds and
 * sizes that there are. Where nothing can be kept it does nothing. */
void measured_keep(JsonNode *node);
