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
        char padding[MUTEX_DATA_OFFSET - sizeof(MutexFile)];
        volatile uint64_t counter;
} Guarded;

typedef struct Mutex {
        char name[POSIX_NAME_SIZE]; /* of the memory */
        Guarded *guarded;
} Mutex;

#define CLEANUP_MUTEX CLEANUP(mutex_done)

void mutex_done(Mutex *mutex);
bool mutex_make(CheckRun *run, const MutexShape *shape, Mutex *mutex);
/* Robust, shared, normal. */
extern const MutexShape mutex_robust;

/* Of a peer. It can be told "mutex-map", "mutex-lock", "mutex-try", "mutex-unlock", "mutex-consistent", "mutex-timed",
 * "mutex-count", "realtime". */
int mutex_role(CheckPeer *peer);
/* A peer that has it mapped; the second makes it, too. */
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
int mutex_timed_lock(Guarded *guarded, uint64_t usec, int64_t *ret_early);
