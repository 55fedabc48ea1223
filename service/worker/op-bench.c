/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* benchmark: measures the kinds asked for, all of them unless some are named, in the order of the table. */
#include "worker.h"

#include <errno.h>
#include <stdlib.h>

#include "bench.h"
#include "cleanup.h"
#include "worker-protocol.h"

static int send_record(void *userdata, const Record *record) {
        return worker_send(record);
}

int op_benchmark(const Record *request, Error *error) {
        const BenchOutput output = { .send = send_record, .channel = WORKER_FD };
        CLEANUP_FREE const Mechanism **chosen = NULL;
        const Value *kinds = record_get(request, "kinds");
        CLEANUP_FREE bool *wanted = NULL;
        size_t n = 0, named = kinds != NULL && kinds->type == VALUE_STRINGS ? kinds->strings.n : 0;
        int r;

        chosen = calloc(mechanism_table_size, sizeof *chosen);
        wanted = calloc(mechanism_table_size, sizeof *wanted);
        if (chosen == NULL || wanted == NULL)
                return error_set_errno(error, ENOMEM, "Cannot plan the benchmark");
        for (size_t i = 0; i < named; i++) {
                const Mechanism *mechanism;

                r = mechanism_for_kind(kinds->strings.items[i], &mechanism, error);
                if (r < 0)
                        return r;
                for (size_t k = 0; k < mechanism_table_size; k++)
                        wanted[k] = wanted[k] || mechanism_table[k] == mechanism;
        }
        for (size_t k = 0; k < mechanism_table_size; k++)
                if (named == 0 || wanted[k])
                        chosen[n++] = mechanism_table[k];
        return bench_run(chosen, n, request, &output, error);
}
