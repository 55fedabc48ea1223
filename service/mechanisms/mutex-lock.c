/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Locking and unlocking, in a worker: only there is the caller's memory mapped. The process that locked a mutex owns
 * it until it unlocks it or ends, so what wait() locks is held by the worker, which stays (`holds` in mechanism.h). */
#include "mutex.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "spin.h"
#include "units.h"

/* "process 12 (sh)" */
static void owner_print(pid_t thread, char *text, size_t size) {
        char command[16];
        pid_t process;

        if (thread <= 0)
                snprintf(text, size, "another process");
        else if (mutex_owner_process(thread, &process, command) < 0)
                snprintf(text, size, "process %d, which is gone", (int)thread);
        else
                snprintf(text, size, "process %d (%s)", (int)process, command);
}

int mutex_post(KernelObject *object, uint64_t count, const Record *options, Error *error) {
        char owner[64];
        MutexLook look;
        int r;

        if (count != 1)
                return error_set(error, ERROR_INVALID_OPTION,
                        "A mutex is unlocked once for each time that it was locked: the count is 1 and no other.");
        r = mutex_look(object, &look, error);
        if (r < 0)
                return r;
        if (look.state == MUTEX_FREE)
                return error_set(error, ERROR_NOT_PERMITTED,
                        "\"%.200s\" is not locked, so there is nothing to unlock.", mutex_name(object));
        if (look.state == MUTEX_OWNER_DIED)
                return error_set(error, ERROR_NOT_PERMITTED,
                        "The owner of \"%.200s\" died, and nobody can unlock for it: whoever locks it next is told, "
                        "and "
                        "makes it consistent again.",
                        mutex_name(object));
        if (look.state == MUTEX_NOT_RECOVERABLE)
                return error_set(error, ERROR_NOT_PERMITTED,
                        "\"%.200s\" is not recoverable and cannot be unlocked: remove it and make it anew.",
                        mutex_name(object));
        owner_print(look.owner, owner, sizeof(owner));
        return error_set(error, ERROR_NOT_PERMITTED,
                "\"%.150s\" is locked by %s, and only its owner unlocks it (EPERM); what was locked through the "
                "service "
                "is given back by who holds it, or when its hold ends.",
                mutex_name(object), owner);
}

static int lock_until(pthread_mutex_t *mutex, uint64_t end) {
        struct timespec at = timespec_from_usec(end);
        int r;

        if (end == USEC_INFINITY)
                return pthread_mutex_lock(mutex);
        r = pthread_mutex_clocklock(mutex, CLOCK_MONOTONIC, &at);
        if (r != EINVAL && r != ENOTSUP)
                return r;
        /* Mutexes that inherit priorities know the other clock only, before Linux 5.14 (FUTEX_LOCK_PI2). */
        clock_gettime(CLOCK_REALTIME, &at);
        at.tv_sec += (time_t)((end - monotonic_now()) / USEC_PER_SEC);
        at.tv_nsec += (long)((end - monotonic_now()) % USEC_PER_SEC * NSEC_PER_USEC);
        if (at.tv_nsec >= (long)NSEC_PER_SEC) {
                at.tv_sec++;
                at.tv_nsec -= (long)NSEC_PER_SEC;
        }
        return pthread_mutex_timedlock(mutex, &at);
}

/* Its owner died: we have it now, and have to say so. */
static int recovered(KernelObject *object, pthread_mutex_t *mutex, pid_t last, bool cure, Record *meta, Error *error) {
        char owner[48] = "";

        if (last > 0) {
                snprintf(owner, sizeof(owner), ", process %d,", (int)last);
                record_set_u64(meta, "last_owner", (uint64_t)last);
        }
        record_set_bool(meta, "owner_died", true);
        record_set_format(meta, "warning",
                "Its last owner%s died holding %.200s (EOWNERDEAD); what it guards may be half-changed.%s", owner,
                mutex_name(object),
                cure ? "" : " It was not made consistent: unlocked like this, nobody can lock it any more.");
        if (!cure)
                return 0;
        if (pthread_mutex_consistent(mutex) == 0)
                return 0;
        return error_set(error, ERROR_FAILED, "\"%.200s\" cannot be made consistent again.", mutex_name(object));
}

static int lock_failed(KernelObject *object, int number, uint64_t timeout, pid_t thread, Error *error) {
        const char *name = mutex_name(object);
        char owner[64], text[UNITS_TEXT_MAX];

        owner_print(thread, owner, sizeof(owner));
        switch (number) {
        case EBUSY:
                return error_set(error, ERROR_TIMED_OUT,
                        "\"%.150s\" is locked by %s now (EBUSY); wait with a time-out for it.", name, owner);
        case ETIMEDOUT:
                return error_set(error, ERROR_TIMED_OUT, "\"%.150s\" was not unlocked within %s; it is locked by %s.",
                        name, time_print(timeout, text), owner);
        case ENOTRECOVERABLE:
                return error_set(error, ERROR_FAILED,
                        "\"%.200s\" is not recoverable (ENOTRECOVERABLE): its owner died, and the next one did not "
                        "make "
                        "it consistent. Remove it and make it anew.",
                        name);
        case EDEADLK:
                return error_set(error, ERROR_BUSY,
                        "\"%.200s\" is locked by the same process already (EDEADLK); it would wait for itself.", name);
        case EAGAIN:
                return error_set(error, ERROR_LIMIT_EXCEEDED,
                        "\"%.200s\" was locked as often as a recursive mutex can be (EAGAIN).", name);
        default:
                return error_set_errno(error, number, "Cannot lock \"%.200s\"", name);
        }
}

int mutex_wait(KernelObject *object, uint64_t timeout, const Record *options, Record *meta, Error *error) {
        uint64_t end = monotonic_end(timeout);
        void *place = NULL;
        MutexLook look;
        pid_t last;
        int r;

        r = mutex_look(object, &look, error);
        if (r < 0)
                return r;
        if (!look.shape.shared)
                return error_set(error, ERROR_NOT_SUPPORTED,
                        "\"%.200s\" was made without PTHREAD_PROCESS_SHARED: between processes it neither excludes "
                        "nor "
                        "wakes.",
                        mutex_name(object));
        r = memory_place_map(object->state, sizeof(pthread_mutex_t), &place, error);
        if (r < 0)
                return r;
        last = look.owner;
        r = pthread_mutex_trylock(place);
        if (r == EBUSY && timeout > 0)
                r = lock_until(place, end);
        if (r == EOWNERDEAD)
                return recovered(object, place, last, record_get_bool(options, "recover", true), meta, error);
        if (r != 0) {
                if (mutex_look(object, &look, NULL) >= 0)
                        last = look.owner;
                return lock_failed(object, r, timeout, last, error);
        }
        return 0;
}

int mutex_release(KernelObject *object, const Record *options, Error *error) {
        MemoryPlace *place = object->state;
        int r = EINVAL;

        if (place->address)
                r = pthread_mutex_unlock(place->address);
        if (r == 0)
                return 0;
        return error_set_errno(error, r, "Cannot unlock \"%.200s\"", mutex_name(object));
}
