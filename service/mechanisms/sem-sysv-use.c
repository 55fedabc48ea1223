/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Operations on sets: one semop(2) with all that one call asks for, which the kernel does whole or not at all. With
 * SEM_UNDO it keeps account for the process, and turns everything back when that ends; so a worker has to stay for it
 * (`holds` in mechanism.h). */
#include "sem-sysv.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "spin.h"
#include "units.h"

typedef struct Operations {
        struct sembuf *items;
        size_t n;
} Operations;

static void operations_done(Operations *operations) {
        free(operations->items);
}

#define CLEANUP_OPERATIONS CLEANUP(operations_done)

/* "2:-1", "0:+3", "1:0" */
static int operation_parse(const char *text, struct sembuf *ret, Error *error) {
        const char *colon = strchr(text, ':'), *by = colon ? colon + 1 : "";
        CLEANUP_FREE char *number = colon ? strndup(text, (size_t)(colon - text)) : NULL;
        uint64_t index;
        int64_t change;

        if (!number || number_parse(number, &index) < 0 || index > UINT16_MAX ||
                integer_parse(by[0] == '+' ? by + 1 : by, &change) < 0 || change > INT16_MAX || change < -INT16_MAX)
                return error_set(error, ERROR_INVALID_OPTION,
                        "\"%.40s\" is no operation: write INDEX:CHANGE, for example 0:-1, 2:+3, or 1:0 to wait for "
                        "zero.",
                        text);
        *ret = (struct sembuf){ .sem_num = (unsigned short)index, .sem_op = (short)change };
        return 0;
}

static int operations_new(size_t n, Operations *ret, Error *error) {
        ret->items = calloc(n, sizeof(*ret->items));
        ret->n = n;
        return ret->items ? 0 : error_set_errno(error, ENOMEM, "Cannot keep %zu operations", n);
}

/* What a call asks for: `change` of one semaphore, or "operations". */
static int operations_from_options(const Record *options, int64_t change, Operations *ret, Error *error) {
        const Value *given = record_get(options, "operations");
        uint64_t index = record_get_u64(options, "index", 0);
        int r;

        if (given && (record_has(options, "index") || record_has(options, "zero") || record_has(options, "count")))
                return error_set(error, ERROR_INVALID_OPTION,
                        "operations says all by itself: it goes with no index, zero or count.");
        r = operations_new(given && given->strings.n > 0 ? given->strings.n : 1, ret, error);
        if (r < 0)
                return r;
        if (given) {
                for (size_t i = 0; r >= 0 && i < given->strings.n; i++)
                        r = operation_parse(given->strings.items[i], &ret->items[i], error);
                return r;
        }
        if (record_get_bool(options, "zero", false))
                change = 0;
        ret->items[0] = (struct sembuf){ .sem_num = (unsigned short)index, .sem_op = (short)change };
        return 0;
}

static void operations_flag(Operations *operations, int flags) {
        for (size_t i = 0; i < operations->n; i++)
                operations->items[i].sem_flg = (short)flags;
}

static uint64_t set_size(const KernelObject *object) {
        SysvStat st;

        return sysv_stat_object(&sem_sysv_class, object, &st, NULL) < 0 ? 0 : st.sem.sem_nsems;
}

static uint64_t operations_limit(void) {
        struct seminfo info;

        return semctl(0, 0, IPC_INFO, (SemArgument){ .info = &info }) < 0 ? 0 : (uint64_t)info.semopm;
}

static int use_failed(
        const KernelObject *object, const Operations *operations, int number, const char *what, Error *error) {
        if (number == EFBIG || number == EINVAL) {
                uint64_t n = set_size(object);

                for (size_t i = 0; i < operations->n && n > 0; i++)
                        if (operations->items[i].sem_num >= n)
                                return error_set(error, ERROR_INVALID_OPTION,
                                        "There is no semaphore %u in the set: it has %" PRIu64
                                        ", and they count from 0 (EFBIG).",
                                        operations->items[i].sem_num, n);
        }
        if (number == E2BIG)
                return error_set(error, ERROR_LIMIT_EXCEEDED,
                        "%zu operations are more than one call takes, %" PRIu64
                        " (semopm, the third number in " SEM_FILE "; E2BIG).",
                        operations->n, operations_limit());
        if (number == ERANGE)
                return error_set(error, ERROR_LIMIT_EXCEEDED,
                        "It would bring a semaphore past %d, the largest value (SEMVMX; ERANGE); nothing was changed.",
                        SEM_VALUE_LARGEST);
        return sysv_use_failed(&sem_sysv_class, object, number, what, error);
}

/* Sets a value, or those of the whole set; the kernel then forgets what SEM_UNDO was to turn back (semctl(2)). */
static int set_values(KernelObject *object, const Value *given, const Record *options, Error *error) {
        CLEANUP_FREE unsigned short *values = calloc(given->u64s.n, sizeof(*values));
        uint64_t index = record_get_u64(options, "index", 0), n = set_size(object);
        int id = sysv_id(object), r;

        if (!values)
                return error_set_errno(error, ENOMEM, "Cannot keep the values");
        for (size_t i = 0; i < given->u64s.n; i++) {
                if (given->u64s.items[i] > SEM_VALUE_LARGEST)
                        return error_set(error, ERROR_LIMIT_EXCEEDED,
                                "The value %" PRIu64
                                " is larger than a System V semaphore can have, %d (SEMVMX; ERANGE).",
                                given->u64s.items[i], SEM_VALUE_LARGEST);
                values[i] = (unsigned short)given->u64s.items[i];
        }
        if (given->u64s.n == 1 && (n == 1 || index < n))
                r = semctl(id, (int)index, SETVAL, (SemArgument){ .value = values[0] });
        else if (given->u64s.n == n)
                r = semctl(id, 0, SETALL, (SemArgument){ .values = values });
        else if (n > 0 && given->u64s.n == 1)
                return error_set(error, ERROR_INVALID_OPTION,
                        "There is no semaphore %" PRIu64 " in the set: it has %" PRIu64
                        ", and they count from 0 (EFBIG).",
                        index, n);
        else if (n > 0)
                return error_set(error, ERROR_INVALID_OPTION,
                        "There are %zu values for a set of %" PRIu64
                        "; give one for each, or one alone with its index.",
                        given->u64s.n, n);
        else
                return sysv_use_failed(&sem_sysv_class, object, EIDRM, "set", error);
        return r < 0 ? sysv_use_failed(&sem_sysv_class, object, errno, "set", error) : 0;
}

int sem_sysv_post(KernelObject *object, uint64_t count, const Record *options, Error *error) {
        const Value *set = record_get(options, "set");
        CLEANUP_OPERATIONS Operations operations = {};
        int r;

        if (count == 0)
                return error_set(error, ERROR_INVALID_OPTION, "Posting 0 times does nothing; the least is 1.");
        if (set && set->u64s.n > 0)
                return set_values(object, set, options, error);
        if (count > SEM_VALUE_LARGEST)
                return error_set(error, ERROR_LIMIT_EXCEEDED,
                        "Adding %" PRIu64
                        " would bring the semaphore past %d, the largest value (SEMVMX; ERANGE); nothing was posted.",
                        count, SEM_VALUE_LARGEST);
        r = operations_from_options(options, (int64_t)count, &operations, error);
        if (r < 0)
                return r;
        operations_flag(&operations, IPC_NOWAIT);
        if (semop(sysv_id(object), operations.items, operations.n) >= 0)
                return 0;
        if (errno == EAGAIN)
                return error_set(error, ERROR_BUSY,
                        "One of the operations would have to wait now, so none was done (EAGAIN); waiting is for "
                        "wait.");
        return use_failed(object, &operations, errno, "post to", error);
}

static bool is_undo(const Record *options) {
        return record_get_bool(options, "undo", false);
}

bool sem_sysv_holds(const Record *options) {
        return is_undo(options);
}

static int timed_out(const Operations *operations, const Record *options, uint64_t timeout, Error *error) {
        const struct sembuf *first = &operations->items[0];
        char text[UNITS_TEXT_MAX];

        if (operations->n > 1 && timeout == 0)
                return error_set(error, ERROR_TIMED_OUT,
                        "Not all of the %zu operations can be done now, so none was (EAGAIN); wait with a time-out.",
                        operations->n);
        if (operations->n > 1)
                return error_set(error, ERROR_TIMED_OUT,
                        "The %zu operations could not all be done within %s; none was.", operations->n,
                        time_print(timeout, text));
        if (timeout == 0)
                return error_set(error, ERROR_TIMED_OUT, "Semaphore %u %s now (EAGAIN); wait with a time-out for %s.",
                        first->sem_num, first->sem_op == 0 ? "is not 0" : "is less than that",
                        first->sem_op == 0 ? "it" : "a post");
        return error_set(error, ERROR_TIMED_OUT,
                first->sem_op == 0 ? "Semaphore %u did not become 0 within %s."
                                   : "Nobody posted enough to semaphore %u within %s.",
                first->sem_num, time_print(timeout, text));
}

/* In a worker. */
int sem_sysv_wait(KernelObject *object, uint64_t timeout, const Record *options, Record *meta, Error *error) {
        uint64_t end = monotonic_end(timeout), count = record_get_u64(options, "count", 1);
        CLEANUP_OPERATIONS Operations operations = {};
        int r;

        r = operations_from_options(options, -(int64_t)count, &operations, error);
        if (r < 0)
                return r;
        operations_flag(&operations, (timeout == 0 ? IPC_NOWAIT : 0) | (is_undo(options) ? SEM_UNDO : 0));
        do {
                uint64_t now = monotonic_now();
                struct timespec left = timespec_from_usec(end > now ? end - now : 0);

                r = semtimedop(sysv_id(object), operations.items, operations.n,
                        timeout == 0 || end == USEC_INFINITY ? NULL : &left);
        } while (r < 0 && errno == EINTR);
        if (r >= 0)
                return 0;
        if (errno == EAGAIN)
                return timed_out(&operations, options, timeout, error);
        return use_failed(object, &operations, errno, "wait for", error);
}

/* The opposite, with SEM_UNDO again, so that the account is even and the end of the process changes nothing. */
int sem_sysv_release(KernelObject *object, const Record *options, Error *error) {
        CLEANUP_OPERATIONS Operations operations = {};
        int r;

        r = operations_from_options(options, -(int64_t)record_get_u64(options, "count", 1), &operations, error);
        if (r < 0)
                return r;
        operations_flag(&operations, SEM_UNDO | IPC_NOWAIT);
        for (size_t i = 0; i < operations.n; i++)
                operations.items[i].sem_op = (short)-operations.items[i].sem_op;
        /* To wait for zero again is not what gives anything back. */
        for (size_t i = 0; i < operations.n;)
                if (operations.items[i].sem_op == 0)
                        operations.items[i] = operations.items[--operations.n];
                else
                        i++;
        if (operations.n == 0 || semop(sysv_id(object), operations.items, operations.n) >= 0)
                return 0;
        return use_failed(object, &operations, errno, "give back to", error);
}
