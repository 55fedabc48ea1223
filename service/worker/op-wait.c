/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "worker.h"

/* wait: takes one from a semaphore, for as long as it takes. post: gives some. */
#include <errno.h>
#include <poll.h>
#include <time.h>

#include "cleanup.h"
#include "spin.h"
#include "units.h"

enum { RETRY_USEC = 2000 }; /* where the kernel has nothing to poll */

static int pause_until_ready(KernelObject *object, uint64_t left) {
        struct pollfd p = { .fd = -1 };
        struct timespec t = { 0 };
        uint32_t events = 0;
        int r = -EOPNOTSUPP;

        if (object->mechanism->wait_on)
                r = object->mechanism->wait_on(object, OPERATION_WAIT, &p.fd, &events);
        if (r < 0) {
                if (r != -EOPNOTSUPP)
                        return r;
                p.fd = -1;
                if (left > RETRY_USEC)
                        left = RETRY_USEC;
        }
        p.events = (short)events;
        t.tv_sec = left > 3600 * USEC_PER_SEC ? 3600 : (time_t)(left / USEC_PER_SEC);
        t.tv_nsec = t.tv_sec == 3600 ? 0 : (long)(left % USEC_PER_SEC * NSEC_PER_USEC);
        return ppoll(&p, 1, &t, NULL) < 0 && errno != EINTR ? -errno : 0;
}

static int object_wait(KernelObject *object, uint64_t timeout, const Record *options, Record *meta, Error *error) {
        bool blocks = object->mechanism->in_worker & 1u << OPERATION_WAIT;
        uint64_t start = monotonic_now();
        int r;

        for (;;) {
                uint64_t spent = monotonic_now() - start;
                uint64_t left = timeout == USEC_INFINITY ? USEC_INFINITY : spent < timeout ? timeout - spent : 0;

                r = object->mechanism->wait(object, blocks ? left : 0, options, meta, error);
                if (r != -EAGAIN)
                        return r;
                if (left == 0) {
                        char text[UNITS_TEXT_MAX];

                        return error_set(
                                error, ERROR_TIMED_OUT, "Nothing was posted within %s", time_print(timeout, text));
                }
                r = pause_until_ready(object, left);
                if (r < 0)
                        return error_set_errno(error, r, "Cannot wait");
        }
}

int op_wait(const Record *request, Error *error) {
        CLEANUP(record_freep) Record *meta = NULL;
        KernelObject object;
        int r = request_open(request, &object, error);

        if (r < 0)
                return r;
        r = mechanism_supports(object.mechanism, OPERATION_WAIT, error);
        if (r >= 0) {
                r = worker_record_new("meta", &meta);
                if (r < 0)
                        error_set_errno(error, r, "Cannot wait");
        }
        if (r >= 0)
                r = object_wait(&object, record_get_u64(request, "timeout", USEC_INFINITY), request_options(request),
                        meta, error);
        if (r >= 0 && record_size(meta) > 1)
                r = worker_send(meta);
        kernel_object_done(&object);
        return r;
}

int op_post(const Record *request, Error *error) {
        KernelObject object;
        int r = request_open(request, &object, error);

        if (r < 0)
                return r;
        r = mechanism_supports(object.mechanism, OPERATION_POST, error);
        if (r >= 0)
                r = object.mechanism->post(
                        &object, record_get_u64(request, "count", 1), request_options(request), error);
        kernel_object_done(&object);
        return r;
}
