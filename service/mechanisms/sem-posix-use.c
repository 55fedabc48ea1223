/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Posting and waiting, in a worker: only there a semaphore is mapped. */
#include "sem-posix.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <time.h>

#include "spin.h"
#include "units.h"

static int sem_post_times(const char *name, sem_t *sem, uint64_t count, Error *error) {
        int value;

        if (sem_getvalue(sem, &value) < 0)
                return error_set_errno(error, errno, "Cannot read the POSIX semaphore \"%s\"", name);
        if (count > (uint64_t)(SEM_VALUE_MAX - value))
                return error_set(error, ERROR_LIMIT_EXCEEDED,
                        "Posting %" PRIu64 " more would bring \"%s\" from %d past %d, the largest value that a POSIX "
                        "semaphore can have (SEM_VALUE_MAX); nothing was posted.",
                        count, name, value, SEM_VALUE_MAX);
        for (uint64_t i = 0; i < count; i++)
                if (sem_post(sem) < 0)
                        return errno == EOVERFLOW
                                       ? error_set(error, ERROR_LIMIT_EXCEEDED,
                                                 "\"%s\" reached its largest value %d (SEM_VALUE_MAX), others post "
                                                 "too; %" PRIu64 " of %" PRIu64 " were posted.",
                                                 name, SEM_VALUE_MAX, i, count)
                                       : error_set_errno(error, errno, "Cannot post to \"%s\"", name);
        return 0;
}

int sem_posix_post(KernelObject *object, uint64_t count, const Record *options, Error *error) {
        sem_t *sem;
        int r;

        if (count == 0)
                return error_set(error, ERROR_INVALID_OPTION, "Posting 0 times does nothing; the least is 1.");
        r = sem_map(object, &sem, error);
        if (r < 0)
                return r;
        r = sem_post_times(object->address.text, sem, count, error);
        sem_unmap(object, sem);
        return r;
}

static int sem_wait_until(sem_t *sem, uint64_t timeout) {
        struct timespec end;
        uint64_t until;
        int r;

        until = monotonic_end(timeout);
        end = timespec_from_usec(until);
        do {
                if (timeout == 0)
                        r = sem_trywait(sem);
                else if (until == USEC_INFINITY)
                        r = sem_wait(sem);
                else
                        r = sem_clockwait(sem, CLOCK_MONOTONIC, &end);
        } while (r < 0 && errno == EINTR);
        return r < 0 ? -errno : 0;
}

int sem_posix_wait(KernelObject *object, uint64_t timeout, const Record *options, Record *meta, Error *error) {
        char text[UNITS_TEXT_MAX];
        sem_t *sem;
        int r;

        r = sem_map(object, &sem, error);
        if (r < 0)
                return r;
        r = sem_wait_until(sem, timeout);
        sem_unmap(object, sem);
        if (r == -EAGAIN)
                return error_set(error, ERROR_TIMED_OUT, "\"%s\" is 0 now; wait with a time-out for somebody to post.",
                        object->address.text);
        if (r == -ETIMEDOUT)
                return error_set(error, ERROR_TIMED_OUT, "Nobody posted to \"%s\" within %s.", object->address.text,
                        time_print(timeout, text));
        return r < 0 ? error_set_errno(error, r, "Cannot wait for \"%s\"", object->address.text) : 0;
}
