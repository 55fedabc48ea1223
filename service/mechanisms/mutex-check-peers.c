/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mutex-checks.h"

/* What judge and peers do with a mutex that they share. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "peer-count.h"
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

/* The file of the mutex with that name, robust or as it is to be. */
static int guarded_publish(const char *name, const MutexShape *shape, Error *error) {
        char path[sizeof(POSIX_SHM_DIRECTORY) + POSIX_NAME_SIZE];
        MutexFile file;
        struct stat st;
        int r = mutex_file_init(&file, shape, error);

        if (r < 0)
                return r;
        snprintf(path, sizeof(path), POSIX_SHM_DIRECTORY "%.250s", name);
        return posix_shm_publish("mutex", name, path, &file, sizeof(file), sizeof(Guarded), 0600, &st, error);
}

bool mutex_make_another(CheckRun *run, const MutexShape *shape, unsigned number, Mutex *mutex) {
        char name[POSIX_NAME_SIZE];
        Error error = {};
        int r;

        r = posix_name_of_run(run->token, number, name, sizeof(name));
        if (r >= 0) {
                snprintf(mutex->name, sizeof(mutex->name), "/" MUTEX_PREFIX "%.200s", name + 1);
                r = guarded_publish(mutex->name, shape, &error);
        }
        if (r >= 0)
                r = guarded_map(mutex->name, &mutex->guarded);
        if (error_is_set(&error))
                check_note(run, "%s", error.message);
        return check_need(run, "making the mutex", r);
}

bool mutex_make(CheckRun *run, const MutexShape *shape, Mutex *mutex) {
        return mutex_make_another(run, shape, 0, mutex);
}

bool mutex_join(CheckRun *run, Mutex *mutex) {
        return check_expect(run, "shm_open and mmap", guarded_map(mutex->name, &mutex->guarded), 0);
}

/* --- What peers can be told to do --- */

static Guarded *held[2];

static pthread_mutex_t *mutex_called(const PeerCall *call) {
        return mutex_of(held[call->b & 1]);
}

pthread_mutex_t *mutex_of(Guarded *guarded) {
        return &guarded->file.image.mutex;
}

static int64_t call_make(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        Error error = {};
        int r = guarded_publish(call->text, &mutex_robust, &error);

        if (r < 0)
                snprintf(reply->text, sizeof(reply->text), "%.*s", (int)sizeof(reply->text) - 1, error.message);
        return r;
}

static int64_t call_map(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        return guarded_map(call->text, &held[call->b & 1]);
}

static int64_t call_lock(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        return -pthread_mutex_lock(mutex_called(call));
}

static int64_t call_try(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        return -pthread_mutex_trylock(mutex_called(call));
}

static int64_t call_unlock(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        return -pthread_mutex_unlock(mutex_called(call));
}

static int64_t call_consistent(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        return -pthread_mutex_consistent(mutex_called(call));
}

static int64_t usec_of(clockid_t clock) {
        struct timespec now;

        clock_gettime(clock, &now);
        return (int64_t)now.tv_sec * (int64_t)USEC_PER_SEC + now.tv_nsec / (long)NSEC_PER_USEC;
}

int mutex_timed_lock(Guarded *guarded, clockid_t clock, int64_t usec, int64_t *ret_early) {
        int64_t end = usec_of(clock) + usec;
        struct timespec at = timespec_from_usec((uint64_t)end);
        int r = clock == CLOCK_REALTIME ? pthread_mutex_timedlock(mutex_of(guarded), &at)
                                        : pthread_mutex_clocklock(mutex_of(guarded), clock, &at);

        *ret_early = usec_of(clock) < end;
        return -r;
}

static int64_t call_timed(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        return mutex_timed_lock(held[0], (clockid_t)call->c, call->a, &reply->x);
}

static int lock_take(void *userdata) {
        return -pthread_mutex_lock(userdata);
}

static int lock_give(void *userdata) {
        return -pthread_mutex_unlock(userdata);
}

static int64_t call_count(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        return peer_add_locked(peer, call->a, call->c, &(const PeerLock){ lock_take, lock_give }, mutex_of(held[0]));
}

static int64_t call_many(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        const int *fd = peer_descriptor(peer, call->a);
        pthread_mutex_t *many;
        MutexImage image;
        int64_t r;

        if (!fd)
                return -EBADF;
        many = mmap(NULL, (size_t)call->c * sizeof(*many), PROT_READ | PROT_WRITE, MAP_SHARED, *fd, 0);
        if (many == MAP_FAILED)
                return -errno;
        r = mutex_image_init(&image, &mutex_robust, NULL);
        for (int64_t i = 0; r >= 0 && i < call->c; i++) {
                many[i] = image.mutex;
                r = -pthread_mutex_lock(&many[i]);
        }
        return r;
}

static void *lock_and_end(void *userdata) {
        return (void *)(intptr_t)pthread_mutex_lock(userdata);
}

static int64_t call_thread(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        pthread_t thread;
        void *result;
        int r;

        r = pthread_create(&thread, NULL, lock_and_end, mutex_called(call));
        if (r == 0)
                r = pthread_join(thread, &result);
        return r != 0 ? -r : -(int64_t)(intptr_t)result;
}

/* The two numbers go by a pipe. */
static int64_t call_forked(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        CLEANUP_FD int from = -EBADF, to = -EBADF;
        int ends[2], results[2], status;
        pid_t pid;

        if (pipe2(ends, O_CLOEXEC) < 0)
                return -errno;
        from = ends[0];
        to = ends[1];
        pid = fork();
        if (pid == 0) {
                results[0] = pthread_mutex_unlock(mutex_called(call));
                results[1] = pthread_mutex_trylock(mutex_called(call));
                _exit(write(to, results, sizeof(results)) != sizeof(results));
        }
        if (pid < 0 || waitpid(pid, &status, 0) < 0)
                return -errno;
        if (status != 0 || read(from, results, sizeof(results)) != sizeof(results))
                return -EIO;
        reply->x = -results[0];
        reply->y = -results[1];
        return 0;
}

static int first_ends = -EBADF;

/* It ends with the pipe that its parent holds the other end of. */
static void first_of_namespace(pthread_mutex_t *mutex, int64_t tries, int told, int ends) {
        int results[2] = { getpid() };
        char byte;

        results[1] = tries ? pthread_mutex_trylock(mutex) : pthread_mutex_lock(mutex);
        if (write(told, results, sizeof(results)) == sizeof(results))
                (void)read(ends, &byte, sizeof(byte));
        _exit(0);
}

static int64_t call_first(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        CLEANUP_FD int told = -EBADF, told_to = -EBADF, ends = -EBADF, ends_to = -EBADF;
        int results[2], one[2], two[2];
        pid_t pid;

        if (unshare(CLONE_NEWPID) < 0 || pipe2(one, O_CLOEXEC) < 0)
                return -errno;
        told = one[0];
        told_to = one[1];
        if (pipe2(two, O_CLOEXEC) < 0)
                return -errno;
        ends = two[0];
        ends_to = two[1];
        pid = fork();
        if (pid < 0)
                return -errno;
        if (pid == 0) {
                (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
                ends_to = fd_close(ends_to);
                first_of_namespace(mutex_called(call), call->a, told_to, ends);
        }
        if (read(told, results, sizeof(results)) != sizeof(results))
                return -EIO;
        first_ends = fd_take(&ends_to);
        reply->x = results[0];
        return -results[1];
}

static int64_t call_first_ends(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        first_ends = fd_close(first_ends);
        return wait(NULL) < 0 ? -errno : 0;
}

static int64_t call_execute(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        (void)execl("/bin/sh", "sh", "-c", "kill -STOP $$", (char *)NULL);
        return -errno;
}

static const PeerFunction functions[] = {
        { "mutex-make", call_make },
        { "mutex-map", call_map },
        { "mutex-lock", call_lock },
        { "mutex-try", call_try },
        { "mutex-unlock", call_unlock },
        { "mutex-consistent", call_consistent },
        { "mutex-timed", call_timed },
        { "mutex-count", call_count },
        { "mutex-many", call_many },
        { "mutex-thread", call_thread },
        { "mutex-forked", call_forked },
        { "mutex-execute", call_execute },
        { "mutex-first", call_first },
        { "mutex-first-ends", call_first_ends },
        PEER_COUNT_FUNCTIONS,
        {},
};

int mutex_role(CheckPeer *peer) {
        return peer_serve(peer, functions);
}

const MutexShape mutex_robust = { MUTEX_NORMAL, true, true, false };
const MutexShape mutex_plain = { MUTEX_NORMAL, true, false, false };

bool mutex_meet_with(CheckRun *run, const Mutex *mutex, const int *fds, unsigned n_fds, CheckProcess **ret) {
        return peer_start(run, 0, fds, n_fds, ret) >= 0 &&
               check_expect(
                       run, "the peer's shm_open and mmap", peer_call(run, *ret, "mutex-map", .text = mutex->name), 0);
}

bool mutex_meet(CheckRun *run, const Mutex *mutex, CheckProcess **ret) {
        return mutex_meet_with(run, mutex, NULL, 0, ret);
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

int64_t mutex_make_consistent(const Mutex *mutex) {
        return -pthread_mutex_consistent(mutex_of(mutex->guarded));
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
