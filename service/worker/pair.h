/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Two or more processes, each on its CPU, that do something together and end within a time, whatever happens to them.
 * Trials and floors both run so. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { PAIR_REASON_MAX = 256, PAIR_SIDES_MAX = 9 };

/* What all see: at the start of the memory that they share. */
typedef struct PairShared {
        _Atomic uint32_t barrier; /* arrivals so far, of all */
        uint32_t n_sides;         /* set by pair_run() */
        pid_t pids[PAIR_SIDES_MAX];
        char reasons[PAIR_SIDES_MAX][PAIR_REASON_MAX]; /* why a side gave up, in its own words */
} PairShared;

typedef struct Pair {
        /* Runs in a process of its own, pinned, that is killed when its parent dies. 0, or a negative errno with
         * reasons[side] filled. */
        int (*side)(unsigned side, PairShared *shared, void *userdata);
        void *userdata;
        unsigned n_sides; /* 0 is 2 */
        unsigned cpus[PAIR_SIDES_MAX];
        bool awake;            /* none of these CPUs goes idle meanwhile: see pair_keep_awake() in pair.c */
        PairShared *shared;    /* from pair_memory_new() */
        uint64_t timeout_usec; /* then all are killed */
        int channel;           /* when the peer of this socket goes, all are killed; -EBADF: none */
} Pair;

typedef enum PairOutcome {
        PAIR_DONE,
        PAIR_FAILED,    /* a side gave up, or died */
        PAIR_TIMED_OUT, /* killed, as the time was over */
        PAIR_CANCELLED, /* killed, as the peer of the channel is gone */
        PAIR_OUTCOME_MAX,
} PairOutcome;

/* Runs all and waits for their end; none is left when it returns. For PAIR_FAILED and PAIR_TIMED_OUT the reason is
 * filled. Negative errno where they could not be started. */
int pair_run(const Pair *pair, PairOutcome *ret, char reason[PAIR_REASON_MAX]);

/* Zeroed memory that is shared with processes forked later; `size` includes the PairShared in front. */
int pair_memory_new(size_t size, void **ret);
void *pair_memory_free(void *memory, size_t size);

/* The sides go on only when all have come here. */
void pair_meet(PairShared *shared);
/* Fills the reason of a side and returns -abs(number). */
int pair_give_up(PairShared *shared, unsigned side, int number, const char *format, ...)
        __attribute__((format(printf, 4, 5)));

/* CLOCK_MONOTONIC in nanoseconds. */
uint64_t now_nsec(void);
/* futex(2) between processes; woken for no reason now and then. `timeout_nsec` 0: no end. */
void futex_wait(_Atomic uint32_t *word, uint32_t expected);
void futex_wake(_Atomic uint32_t *word, int n);
