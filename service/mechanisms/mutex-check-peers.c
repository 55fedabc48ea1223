/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mutex-checks.h"

/* What judge and peers do with a mutex that they share. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "spin.h"

void mutex_done(Mutex *mutex) {
        if (mutex->guarded)
                munmap(mutex->guarded, sizeof(*mutex->guarded));
        if (mutex->name[0])
                shm_unlink(mutex->name);
        *mutex = (Mutex){};
}

static int guarded_map(const char *name, Guarded **ret) {
        CLEANUP_FD int fd = shm_open(name, O_RDWR | O_CLOEXEC, 0);
        void *memory;

        if (fd < 0)
                return -errno;
        memory = mmap(NULL, sizeof(Guarded), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (memory == MAP_FAILED)
                return -errno;
        *ret = memory;
        return 0;
}

bool mutex_make(CheckRun *run, const MutexShape *shape, Mutex *mutex) {
        char name[POSIX_NAME_SIZE], path[sizeof(POSIX_SHM_DIRECTORY) + POSIX_NAME_SIZE];
        Error error = {};
        MutexFile file;
        struct stat st;
        int r;

        r = posix_name_of_run(run->token, 0, name, sizeof(name));
        if (r >= 0)
                r = mutex_file_init(&file, shape, &error);
        if (r >= 0) {
                snprintf(path, sizeof(path), POSIX_SHM_DIRECTORY "/" MUTEX_PREFIX "%.200s", name + 1);
                r = posix_shm_publish("mutex", name, path, &file, sizeof(file), sizeof(Guarded), 0600, &st, &error);
        }
        if (r >= 0) {
                snprintf(mutex->name, sizeof(mutex->name), "/" MUTEX_PREFIX "%.200s", name + 1);
                r = guarded_map(mutex->name, &mutex->guarded);
        }
        if (error_is_set(&error))
                check_note(run, "%s", error.message);
        return check_need(run, "making the mutex", r);
}

/* --- What peers can be told to do --- */

static Guarded *held;

static int64_t call_map(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        return guarded_map(call->text, &held);
}

pthread_mutex_t *mutex_of(Guarded *guarded) {
        return &guarded->file.image.mutex;
}

static int64_t call_lock(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        return -pthread_mutex_lock(mutex_of(held));
}

static int64_t call_try(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        return -pthread_mutex_trylock(mutex_of(held));
}

static int64_t call_unlock(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        return -pthread_mutex_unlock(mutex_of(held));
}

static int64_t call_consistent(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        return -pthread_mutex_consistent(mutex_of(held));
}

int mutex_timed_lock(Guarded *guarded, uint64_t usec, int64_t *ret_early) {
        uint64_t end = monotonic_now() + usec;
        struct timespec at = timespec_from_usec(end);
        int r = -pthread_mutex_clocklock(mutex_of(guarded), CLOCK_MONOTONIC, &at);

        *ret_early = monotonic_now() < end;
        return r;
}

/* For `a` microseconds; x: whether it came back before its deadline. */
static int64_t call_timed(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        return mutex_timed_lock(held, (uint64_t)call->a, &reply->x);
}

/* Adds one to the number behind the mutex, `a` times, each under it. The addition is a read and a write that the
 * compiler may not join. */
static int64_t call_count(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        for (int64_t i = 0; i < call->a; i++) {
                int r = pthread_mutex_lock(mutex_of(held));

                if (r != 0)
                        return -r;
                held->counter = held->counter + 1;
                r = pthread_mutex_unlock(mutex_of(held));
                if (r != 0)
                        return -r;
        }
        return 0;
}

/* Becomes a real-time process of priority `a`. */
static int64_t call_realtime(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        struct sched_param parameter = { .sched_priority = (int)call->a };

        return sched_setscheduler(0, SCHED_FIFO, &parameter) < 0 ? -errno : 0;
}

static const PeerFunction functions[] = {
        { "mutex-map", call_map },
        { "mutex-lock", call_lock },
        { "mutex-try", call_try },
        { "mutex-unlock", call_unlock },
        { "mutex-consistent", call_consistent },
        { "mutex-timed", call_timed },
        { "mutex-count", call_count },
        { "realtime", call_realtime },
        {},
};

int mutex_role(CheckPeer *peer) {
        return peer_serve(peer, functions);
}

const MutexShape mutex_robust = { MUTEX_NORMAL, true, true, false };

bool mutex_meet(CheckRun *run, const Mutex *mutex, CheckProcess **ret) {
        return peer_start(run, 0, NULL, 0, ret) >= 0 &&
               check_expect(
                       run, "the peer's shm_open and mmap", peer_call(run, *ret, "mutex-map", .text = mutex->name), 0);
}

bool mutex_begin(CheckRun *run, const MutexShape *shape, Mutex *mutex, CheckProcess **ret) {
        return mutex_make(run, shape, mutex) && mutex_meet(run, mutex, ret);
}

int64_t mutex_lock(const Mutex *mutex) {
        return -pthread_mutex_lock(mutex_of(mutex->guarded));
}

int64_t mutex_try_lock(const Mutex *mutex) {
        return -pthread_mutex_trylock(mutex_of(mutex->guarded));
}

int64_t mutex_unlock(const Mutex *mutex) {
        return -pthread_mutex_unlock(mutex_of(mutex->guarded));
}

bool mutex_locks_and_sleeps(CheckRun *run, CheckProcess *peer, const char *who) {
        return check_expect(run, "beginning to lock", peer_begin(run, peer, &(PeerCall){ "mutex-lock" }), 0) &&
               check_sleeps(run, peer, who);
}

bool mutex_owner_killed(CheckRun *run, const MutexShape *shape, Mutex *mutex) {
        CheckProcess *owner;

        return mutex_begin(run, shape, mutex, &owner) &&
               check_expect(run, "the owner's lock", peer_call(run, owner, "mutex-lock"), 0) &&
               check_expect(run, "SIGKILL", check_murder(run, owner), 0);
}
