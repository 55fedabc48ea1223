/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The worker, with the transport of one kind made slower for its benchmarks, as a bad change would: of the kind that
 * IPCBUS_TEST_SLOWED names each message is copied once more and takes IPCBUS_TEST_SLOWED_NSEC (2000) longer. Without
 * the first it is the worker as it is. What a transport does is a table of functions without a place for our own data,
 * so there is one slowed transport in a process; its sides are forks of it. bench_run() is wrapped by the linker. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "cleanup.h"
#include "pair.h"
#include "transport.h"

enum { COPY_MAX = 1024 * 1024, NSEC_DEFAULT = 2000 };

static struct {
        const Transport *real;
        Transport transport;
        Mechanism mechanism;
        uint64_t nsec;
        char copy[COPY_MAX];
} slowed;

int __real_bench_run(
        const Mechanism *const *mechanisms, size_t n, const Record *request, const BenchOutput *output, Error *error);
int __wrap_bench_run(
        const Mechanism *const *mechanisms, size_t n, const Record *request, const BenchOutput *output, Error *error);

static const void *slow_down(const void *data, size_t size) {
        uint64_t start = now_nsec();

        if (size <= sizeof slowed.copy) {
                memcpy(slowed.copy, data, size);
                data = slowed.copy;
        }
        while (now_nsec() - start < slowed.nsec)
                ;
        return data;
}

static int slow_send(Link *link, const void *data, size_t size) {
        return slowed.real->send(link, slow_down(data, size), size);
}

static int slow_try_send(Link *link, const void *data, size_t size) {
        return slowed.real->try_send(link, slow_down(data, size), size);
}

static void slow_mechanism(const Mechanism *mechanism) {
        const char *nsec = getenv("IPCBUS_TEST_SLOWED_NSEC");

        slowed.nsec = nsec != NULL ? strtoull(nsec, NULL, 10) : NSEC_DEFAULT;
        slowed.real = mechanism->transport;
        slowed.transport = *slowed.real;
        slowed.transport.send = slow_send;
        if (slowed.real->try_send != NULL)
                slowed.transport.try_send = slow_try_send;
        slowed.mechanism = *mechanism;
        slowed.mechanism.transport = &slowed.transport;
}

int __wrap_bench_run(
        const Mechanism *const *mechanisms, size_t n, const Record *request, const BenchOutput *output, Error *error) {
        const char *kind = getenv("IPCBUS_TEST_SLOWED");
        CLEANUP_FREE const Mechanism **chosen = calloc(n, sizeof *chosen);

        if (chosen == NULL)
                return error_set_errno(error, ENOMEM, "Cannot slow down");
        for (size_t i = 0; i < n; i++) {
                chosen[i] = mechanisms[i];
                if (kind == NULL || strcmp(kind, chosen[i]->kind) != 0)
                        continue;
                slow_mechanism(chosen[i]);
                chosen[i] = &slowed.mechanism;
        }
        return __real_bench_run(chosen, n, request, output, error);
}
