/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The kind sem-sysv: sets of System V semaphores (semget(2), semop(2)).
 *
 * An object keeps nothing but the identifier of its set. Waiting (sem-sysv-use.c) is done in a worker, for semop(2)
 * blocks and there is nothing to poll. */
#include "sem-sysv.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "checks.h"
#include "cleanup.h"
#include "kind-helpers.h"
#include "kinds.h"
#include "limit-facts.h"
#include "scan.h"
#include "trait-tables.h"

#define KIND "sem-sysv"

static int set_get(key_t key, int flags) {
        return semget(key, 0, flags);
}

static int set_stat(int number, int command, SysvStat *ret) {
        int r = semctl(number, 0, command, (SemArgument){ .stat = &ret->sem });

        if (r >= 0) {
                ret->perm = ret->sem.sem_perm;
                ret->changed = ret->sem.sem_ctime;
        }
        return r;
}

static int set_last(void) {
        struct seminfo info;

        return semctl(0, 0, SEM_INFO, (SemArgument){ .info = &info });
}

static int set_remove(int id) {
        return semctl(id, 0, IPC_RMID);
}

static void set_row(const SysvStat *st, Record *row) {
        record_set_u64(row, "semaphores", st->sem.sem_nsems);
        record_set_u64(row, "operated", sysv_time(st->sem.sem_otime));
        record_set_string(row, "state", st->sem.sem_otime > 0 ? "used" : "never operated");
}

const SysvClass sem_sysv_class = {
        .kind = KIND,
        .noun = "System V semaphore set",
        .limit = SEM_FILE,
        .stat_any = SEM_STAT_ANY,
        .settles = false,
        .get = set_get,
        .stat = set_stat,
        .last = set_last,
        .remove = set_remove,
        .row = set_row,
};

static int sem_probe(Record *facts, Error *error) {
        struct seminfo info;
        int r;

        r = sysv_probe_call(
                &sem_sysv_class, semctl(0, 0, IPC_INFO, (SemArgument){ .info = &info }) < 0 ? errno : 0, error);
        if (r < 0)
                return r;
        if (info.semmsl == 0)
                return error_set(error, ERROR_LIMIT_EXCEEDED,
                        "A System V semaphore set may have no semaphore here: the first number in %s is 0.", SEM_FILE);
        limit_append(facts, "semmsl", (uint64_t)info.semmsl, "semaphores in a set", SEM_FILE);
        limit_append(facts, "semmns", (uint64_t)info.semmns, "semaphores", SEM_FILE);
        limit_append(facts, "semopm", (uint64_t)info.semopm, "operations in one call", SEM_FILE);
        limit_append(facts, "semmni", (uint64_t)info.semmni, "sets", SEM_FILE);
        limit_append(facts, "semvmx", (uint64_t)info.semvmx, "largest value", "semget(2)");
        return 0;
}

/* "values" for each, else "value" for all; how many there are is "count", or as many as there are values. */
static int values_from_options(const Record *options, unsigned short **ret_values, size_t *ret_n, Error *error) {
        const Value *given = record_get(options, "values");
        uint64_t n = record_get_u64(options, "count", given ? given->u64s.n : 1),
                 value = record_get_u64(options, "value", 0);
        unsigned short *values;

        if (given && given->u64s.n != n)
                return error_set(error, ERROR_INVALID_OPTION,
                        "values has %zu numbers for %" PRIu64 " semaphores; give one for each.", given->u64s.n, n);
        values = calloc(n > 0 ? n : 1, sizeof(*values));
        if (!values)
                return error_set_errno(error, ENOMEM, "Cannot make %" PRIu64 " semaphores", n);
        for (size_t i = 0; i < n; i++) {
                uint64_t one = given ? given->u64s.items[i] : value;

                if (one > SEM_VALUE_LARGEST) {
                        free(values);
                        return error_set(error, ERROR_INVALID_OPTION,
                                "The value %" PRIu64 " is larger than a System V semaphore can have, %d.", one,
                                SEM_VALUE_LARGEST);
                }
                values[i] = (unsigned short)one;
        }
        *ret_values = values;
        *ret_n = n;
        return 0;
}

static int create_failed(int number, uint64_t key, size_t n, Error *error) {
        if (number == EINVAL)
                return error_set(error, ERROR_LIMIT_EXCEEDED,
                        "A set has from 1 to %" PRIu64 " semaphores (semmsl, the first number in " SEM_FILE
                        "), not %zu.",
                        limit_read(SEM_FILE, 0), n);
        if (number == ENOSPC)
                return error_set(error, ERROR_LIMIT_EXCEEDED,
                        "No further set of %zu semaphores can be made: " SEM_FILE
                        " bounds how many semaphores (semmns, the second) and sets (semmni, the fourth) there are.",
                        n);
        return sysv_create_failed(&sem_sysv_class, number, key, error);
}

static int sem_create(KernelObject *object, const Record *options, Error *error) {
        uint64_t key = record_get_u64(options, "key", IPC_PRIVATE);
        int mode = (int)record_get_u64(options, "mode", 0600), id, r;
        CLEANUP_FREE unsigned short *values = NULL;
        SysvStat st;
        size_t n = 0;

        r = values_from_options(options, &values, &n, error);
        if (r < 0)
                return r;
        id = semget((key_t)(uint32_t)key, (int)n, IPC_CREAT | IPC_EXCL | mode);
        if (id < 0)
                return create_failed(errno, key, n, error);
        /* A new set is all zeros on Linux; changing it needs the right to write, which the mode may not even give to
         * its owner. */
        for (size_t i = 0; i < n; i++)
                if (values[i] > 0) {
                        if (semctl(id, 0, SETALL, (SemArgument){ .values = values }) >= 0)
                                break;
                        r = error_set_errno(error, errno, "Cannot set the values of the new semaphores");
                        set_remove(id);
                        return r;
                }
        r = sysv_made(&sem_sysv_class, object, id, &st, error);
        if (r >= 0)
                object->bytes = n * 64; /* one cache line each (struct sem in ipc/sem.c) */
        return r;
}

static int sem_open_address(KernelObject *object, const Record *options, Error *error) {
        SysvStat st;
        int r;

        r = sysv_open(&sem_sysv_class, object, &st, error);
        if (r >= 0)
                object->bytes = st.sem.sem_nsems * 64;
        return r;
}

static int sem_identify(const Address *address, char ret_identity[IDENTITY_MAX], Error *error) {
        return sysv_identify(&sem_sysv_class, address, ret_identity, error);
}

static int sem_remove(KernelObject *object, Error *error) {
        return sysv_remove(&sem_sysv_class, object, error);
}

enum {
        DESCRIBED_MAX = 64, /* three calls each, and description is to be cheap */
        VALUES_MAX = 4096,
};

/* The values of all, as far as they are to be shown, with one call that does not change while it looks. */
static int describe_values(int id, size_t n, Record *attributes) {
        CLEANUP_FREE unsigned short *values = calloc(n, sizeof(*values));
        size_t shown = n < VALUES_MAX ? n : VALUES_MAX;
        CLEANUP_FREE uint64_t *numbers = calloc(shown, sizeof(*numbers));

        if (!values || !numbers)
                return -ENOMEM;
        if (semctl(id, 0, GETALL, (SemArgument){ .values = values }) < 0)
                return -errno;
        for (size_t i = 0; i < shown; i++)
                numbers[i] = values[i];
        record_set_u64(attributes, "value", values[0]);
        record_set_u64s(attributes, "values", numbers, shown);
        if (shown < n)
                record_set_u64(attributes, "values_omitted", n - shown);
        return 0;
}

/* What else is told of each of the first semaphores of the set. */
static int describe_each(int id, size_t n, Record *attributes) {
        CLEANUP_FREE uint64_t *numbers = calloc(3 * n, sizeof(*numbers));
        uint64_t *increase, *zero, *pids;

        if (!numbers)
                return -ENOMEM;
        increase = numbers;
        zero = numbers + n;
        pids = numbers + 2 * n;
        for (size_t i = 0; i < n; i++) {
                int more = semctl(id, (int)i, GETNCNT), none = semctl(id, (int)i, GETZCNT),
                    pid = semctl(id, (int)i, GETPID);

                if (more < 0 || none < 0 || pid < 0)
                        return -errno;
                increase[i] = (uint64_t)more;
                zero[i] = (uint64_t)none;
                pids[i] = (uint64_t)pid;
        }
        record_set_u64(attributes, "waiters", increase[0] + zero[0]);
        record_set_u64s(attributes, "waiters_for_increase", increase, n);
        record_set_u64s(attributes, "waiters_for_zero", zero, n);
        record_set_u64s(attributes, "last_pids", pids, n);
        return 0;
}

static int sem_describe(KernelObject *object, Record *attributes, Error *error) {
        SysvStat st;
        size_t n;
        int r;

        r = sysv_stat_object(&sem_sysv_class, object, &st, error);
        if (r < 0)
                return r;
        sysv_describe(&st, attributes);
        set_row(&st, attributes);
        record_set_u64(attributes, "max_value", SEM_VALUE_LARGEST);
        n = st.sem.sem_nsems < DESCRIBED_MAX ? st.sem.sem_nsems : DESCRIBED_MAX;
        r = describe_values(sysv_id(object), st.sem.sem_nsems, attributes);
        if (r >= 0)
                r = describe_each(sysv_id(object), n, attributes);
        /* Owner, mode and number are told all the same. */
        if (r == -EACCES)
                record_set_string(attributes, "state", "values not readable by this user");
        else if (r < 0)
                return sysv_use_failed(&sem_sysv_class, object, -r, "read", error);
        return record_error(attributes);
}

static int sem_scan(Scan *scan) {
        return sysv_scan(&sem_sysv_class, scan);
}

static void sem_sweep(const char *token) {
        sysv_sweep(&sem_sysv_class, token);
}

static const OptionSpec sem_options[] = {
        SYSV_KEY_OPTION,
        { "count", OPTION_COUNT, OPTION_FOR_CREATE, "1", 1, 0, "how many semaphores the set has" },
        { "value", OPTION_COUNT, OPTION_FOR_CREATE, "0", 0, SEM_VALUE_LARGEST, "the value of all of them" },
        { "values", OPTION_SIZES, OPTION_FOR_CREATE, NULL, 0, 0, "the value of each, as 3,0,1" },
        SYSV_MODE_OPTION,
        { "index", OPTION_COUNT, OPTION_FOR_POST | OPTION_FOR_WAIT, "0", 0, UINT16_MAX,
                "which semaphore of the set, from 0" },
        { "count", OPTION_COUNT, OPTION_FOR_WAIT, "1", 1, SEM_VALUE_LARGEST, "how many to take, all at once" },
        { "zero", OPTION_BOOL, OPTION_FOR_WAIT, "false", 0, 0, "take nothing, and wait until the value is 0" },
        { "operations", OPTION_STRINGS, OPTION_FOR_POST | OPTION_FOR_WAIT, NULL, 0, 0,
                "instead of all this, several that are done together or not at all: 0:-1,2:+3,1:0" },
        { "undo", OPTION_BOOL, OPTION_FOR_WAIT, "false", 0, 0,
                "SEM_UNDO: a process holds what was taken, and the kernel gives it back when that ends" },
        { "set", OPTION_SIZES, OPTION_FOR_POST, NULL, 0, 0,
                "set the value (SETVAL) instead of adding, or with one for each those of the set (SETALL)" },
        {},
};

const Mechanism mechanism_sem_sysv = {
        .kind = KIND,
        .title = "System V semaphore set",
        .family = "semaphores",
        .capabilities = CAPABILITY_SEMAPHORE,
        .address_forms = 1u << ADDRESS_KEY | 1u << ADDRESS_ID,
        .facts = {
                .direction = "none",
                .order = "none: the kernel chooses who of the waiting gets it",
                .persistence = "until removed, or until the machine stops",
                .unrelated = true,
                .carries_data = false,
                .source = "semget(2)",
        },
        .options = sem_options,
        .in_worker = 1u << OPERATION_WAIT,
        .reasons = {
                [OPERATION_SEND] = "A semaphore carries no data; post adds to its value.",
                [OPERATION_RECEIVE] = "A semaphore carries no data; wait takes one from its value.",
                [OPERATION_PEEK] = "A semaphore carries no data; show tells its values and how many wait.",
                [OPERATION_OPEN_END] = "A System V semaphore has no descriptor to hand out: programs reach it by its key or "
                                       "its number (semget(2)). eventfd has one.",
                [OPERATION_ACCEPT] = "A semaphore has no connections.",
                [OPERATION_RESIZE] = "A set keeps the number of semaphores with which it was made (semget(2)).",
                [OPERATION_SEAL] = "A semaphore cannot be sealed.",
                [OPERATION_LISTEN] = "A semaphore receives no signals.",
                [OPERATION_WATCH] = "The kernel tells nobody when processes post among themselves; Posted is sent for what is "
                                    "posted through the service.",
        },
        .probe = sem_probe,
        .create = sem_create,
        .open = sem_open_address,
        .remove = sem_remove,
        .identify = sem_identify,
        .post = sem_sysv_post,
        .wait = sem_sysv_wait,
        .holds = sem_sysv_holds,
        .release = sem_sysv_release,
        .explain = sem_sysv_explain,
        .describe = sem_describe,
        .scan = sem_scan,
        .sweep = sem_sweep,
        .is_of_run = sysv_is_of_run,
        .transport = &sem_sysv_transport,
        .example = "value=1",
        .traits = sem_sysv_traits,
        .checks = sem_sysv_checks,
        .gaps = sem_sysv_gaps,
};
