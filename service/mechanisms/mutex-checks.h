/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How the checks of mutexes meet: judge and peers map the memory by its name with shm_open(3) and mmap(2) alone, as
 * any program in C does. The judge owns the name; a peer has one mutex mapped. */
#pragma once

#include "checks.h"
#include "cleanup.h"
#include "mutex.h"
#include "peer-call.h"
#include "posix-name.h"

typedef struct Guarded {
        MutexFile file;
} Guarded;

typedef struct Mutex {
        char name[POSIX_NAME_SIZE]; /* of the memory */
        Guarded *guarded;
} Mutex;

#define CLEANUP_MUTEX CLEANUP(mutex_done)

void mutex_done(Mutex *mutex);
bool mutex_make(CheckRun *run, const MutexShape *shape, Mutex *mutex);
/* Number `number` of the run, where one is not enough. */
bool mutex_make_another(CheckRun *run, const MutexShape *shape, unsigned number, Mutex *mutex);
/* Maps the one that has the name. */
bool mutex_join(CheckRun *run, Mutex *mutex);
extern const MutexShape mutex_robust; /* shared, normal */
extern const MutexShape mutex_plain;  /* the same, and not robust */

/* Of a peer, which has up to two, number b. It can be told: mutex-make text=name | mutex-map b text=name | mutex-lock
 * b | mutex-try b | mutex-unlock b | mutex-consistent b | mutex-timed a=microseconds c=clock: x whether it came back
 * early | mutex-count a=descriptor c=times | mutex-many a=descriptor c=number: makes so many robust ones in that
 * memory and locks them in turn | mutex-thread: a thread of it locks it and ends | mutex-forked: a child of fork(2)
 * unlocks it (x) and tries it (y), and ends | mutex-execute: executes a shell that stops itself |
 * mutex-first a=tries only b: a child that is the first process of a new PID namespace locks it and stays, until
 * mutex-first-ends: x its number there. */
int mutex_role(CheckPeer *peer);
/* A peer that has it mapped, with these descriptors; the last makes it, too. */
bool mutex_meet_with(CheckRun *run, const Mutex *mutex, const int *fds, unsigned n_fds, CheckProcess **ret);
bool mutex_meet(CheckRun *run, const Mutex *mutex, CheckProcess **ret);
bool mutex_begin(CheckRun *run, const MutexShape *shape, Mutex *mutex, CheckProcess **ret);
bool mutex_locks_and_sleeps(CheckRun *run, CheckProcess *peer, const char *who);
/* A peer that locked it and was killed while it had it. */
bool mutex_owner_killed(CheckRun *run, const MutexShape *shape, Mutex *mutex);

/* By the judge. 0 or negative errno. */
pthread_mutex_t *mutex_of(Guarded *guarded);
int64_t mutex_lock(const Mutex *mutex);
int64_t mutex_try_lock(const Mutex *mutex);
int64_t mutex_unlock(const Mutex *mutex);
int64_t mutex_make_consistent(const Mutex *mutex);
int mutex_timed_lock(Guarded *guarded, clockid_t clock, int64_t usec, int64_t *ret_early);

/* mutex-owner-checks.c */
CheckResult mutex_owner_died(CheckRun *run);
CheckResult mutex_tried_told(CheckRun *run);
CheckResult mutex_died_again(CheckRun *run);
CheckResult mutex_waiter_told(CheckRun *run);
CheckResult mutex_not_recoverable(CheckRun *run);
CheckResult mutex_waiter_lost(CheckRun *run);
CheckResult mutex_consistent_misused(CheckRun *run);
CheckResult mutex_stalled(CheckRun *run);
CheckResult mutex_recursive_died(CheckRun *run);
CheckResult mutex_inherits_died(CheckRun *run);
CheckResult mutex_thread_ended(CheckRun *run);
CheckResult mutex_executed(CheckRun *run);
CheckResult mutex_forked(CheckRun *run);
CheckResult mutex_robust_limit(CheckRun *run);
CheckResult mutex_survives(CheckRun *run);
CheckResult mutex_creator_gone(CheckRun *run);
CheckResult mutex_other_pids(CheckRun *run);
CheckResult mutex_futex_word(CheckRun *run);

/* mutex-waiting-checks.c */
CheckResult mutex_timed_out(CheckRun *run);
CheckResult mutex_past(CheckRun *run);
CheckResult mutex_timed_goes_on(CheckRun *run);
CheckResult mutex_in_turn(CheckRun *run);
CheckResult mutex_realtime_first(CheckRun *run);
CheckResult mutex_barging(CheckRun *run);
CheckResult mutex_waiter_killed(CheckRun *run);
CheckResult mutex_unlocker_killed(CheckRun *run);
CheckResult mutex_plain_unlocker_killed(CheckRun *run);
CheckResult mutex_inherits(CheckRun *run);
