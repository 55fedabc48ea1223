/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "checks.h"

/* What pthread_mutex_lock(3), pthread_mutexattr_setrobust(3) and set_robust_list(2) promise of mutexes that processes
 * share. Judge and peers meet by the name of the memory and map it with shm_open(3) and mmap(2) alone, as any program
 * in C does. The judge owns the name; a peer has one mutex mapped. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "mutex.h"
#include "peer-call.h"
#include "posix-name.h"
#include "spin.h"

enum {
        WORKERS = 3,
        ADDITIONS = 20000,
        RECURSIONS = 3,
        PRIORITY = 7,
        FIELD_PRIORITY = 18, /* of /proc/PID/stat, see proc(5) */
};

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

static void mutex_done(Mutex *mutex) {
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

static bool mutex_make(CheckRun *run, const MutexShape *shape, Mutex *mutex) {
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

static pthread_mutex_t *own(Guarded *guarded) {
        return &guarded->file.image.mutex;
}

static int64_t call_lock(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        return -pthread_mutex_lock(own(held));
}

static int64_t call_try(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        return -pthread_mutex_trylock(own(held));
}

static int64_t call_unlock(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        return -pthread_mutex_unlock(own(held));
}

static int64_t call_consistent(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        return -pthread_mutex_consistent(own(held));
}

static int timed_lock(Guarded *guarded, uint64_t usec, int64_t *ret_early) {
        uint64_t end = monotonic_now() + usec;
        struct timespec at = timespec_from_usec(end);
        int r = -pthread_mutex_clocklock(own(guarded), CLOCK_MONOTONIC, &at);

        *ret_early = monotonic_now() < end;
        return r;
}

/* For `a` microseconds; x: whether it came back before its deadline. */
static int64_t call_timed(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        return timed_lock(held, (uint64_t)call->a, &reply->x);
}

/* Adds one to the number behind the mutex, `a` times, each under it. The addition is a read and a write that the
 * compiler may not join. */
static int64_t call_count(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        for (int64_t i = 0; i < call->a; i++) {
                int r = pthread_mutex_lock(own(held));

                if (r != 0)
                        return -r;
                held->counter = held->counter + 1;
                r = pthread_mutex_unlock(own(held));
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

static int role(CheckPeer *peer) {
        return peer_serve(peer, functions);
}

static const MutexShape robust = { MUTEX_NORMAL, true, true, false };

static bool meet(CheckRun *run, const Mutex *mutex, CheckProcess **ret) {
        return peer_start(run, 0, NULL, 0, ret) >= 0 &&
               check_expect(
                       run, "the peer's shm_open and mmap", peer_call(run, *ret, "mutex-map", .text = mutex->name), 0);
}

static bool begin(CheckRun *run, const MutexShape *shape, Mutex *mutex, CheckProcess **ret) {
        return mutex_make(run, shape, mutex) && meet(run, mutex, ret);
}

static int64_t lock(const Mutex *mutex) {
        return -pthread_mutex_lock(own(mutex->guarded));
}

static int64_t try_lock(const Mutex *mutex) {
        return -pthread_mutex_trylock(own(mutex->guarded));
}

static int64_t unlock(const Mutex *mutex) {
        return -pthread_mutex_unlock(own(mutex->guarded));
}

static bool locks_and_sleeps(CheckRun *run, CheckProcess *peer, const char *who) {
        return check_expect(run, "beginning to lock", peer_begin(run, peer, &(PeerCall){ "mutex-lock" }), 0) &&
               check_sleeps(run, peer, who);
}

/* A peer that locked it and was killed while it had it. */
static bool owner_killed(CheckRun *run, const MutexShape *shape, Mutex *mutex) {
        CheckProcess *owner;

        return begin(run, shape, mutex, &owner) &&
               check_expect(run, "the owner's lock", peer_call(run, owner, "mutex-lock"), 0) &&
               check_expect(run, "SIGKILL", check_murder(run, owner), 0);
}

/* --- Checks --- */

static CheckResult excludes(CheckRun *run) {
        CLEANUP_MUTEX Mutex mutex = {};
        CheckProcess *workers[WORKERS];

        if (!mutex_make(run, &robust, &mutex))
                return CHECK_FAILED;
        for (size_t i = 0; i < WORKERS; i++)
                if (!meet(run, &mutex, &workers[i]))
                        return CHECK_FAILED;
        for (size_t i = 0; i < WORKERS; i++)
                if (peer_begin(run, workers[i], &(PeerCall){ "mutex-count", ADDITIONS }) < 0)
                        return CHECK_FAILED;
        for (size_t i = 0; i < WORKERS; i++)
                if (!check_expect(run, "adding", peer_end(run, workers[i], NULL), 0))
                        return CHECK_FAILED;
        if (!check_expect(run, "the sum", (int64_t)mutex.guarded->counter, (int64_t)WORKERS * ADDITIONS))
                return CHECK_FAILED;
        return check_ok(run, "%d processes added 1 %d times each: %" PRIu64 ", none lost", WORKERS, ADDITIONS,
                mutex.guarded->counter);
}

static CheckResult blocks(CheckRun *run) {
        CLEANUP_MUTEX Mutex mutex = {};
        CheckProcess *peer;

        if (!begin(run, &robust, &mutex, &peer) || !check_expect(run, "lock", lock(&mutex), 0) ||
                !locks_and_sleeps(run, peer, "the second") || !check_expect(run, "unlock", unlock(&mutex), 0) ||
                !check_expect(run, "the peer's lock", peer_end(run, peer, NULL), 0) ||
                !check_expect(run, "trylock here", try_lock(&mutex), -EBUSY))
                return CHECK_FAILED;
        return check_ok(run, "after the unlock it has it: EBUSY here");
}

static CheckResult tries(CheckRun *run) {
        CLEANUP_MUTEX Mutex mutex = {};
        CheckProcess *peer;

        if (!begin(run, &robust, &mutex, &peer) || !check_expect(run, "lock", lock(&mutex), 0) ||
                !check_expect(run, "trylock of a locked one", peer_call(run, peer, "mutex-try"), -EBUSY) ||
                !check_expect(run, "unlock", unlock(&mutex), 0) ||
                !check_expect(run, "trylock of a free one", peer_call(run, peer, "mutex-try"), 0))
                return CHECK_FAILED;
        return check_ok(run, "locked: EBUSY at once; free: locked");
}

static CheckResult timed_out(CheckRun *run) {
        CLEANUP_MUTEX Mutex mutex = {};
        PeerReply reply = {};
        CheckProcess *peer;

        if (!begin(run, &robust, &mutex, &peer) || !check_expect(run, "lock", lock(&mutex), 0) ||
                !check_expect(run, "a lock with a time-out",
                        peer_call_full(run, peer, &(PeerCall){ "mutex-timed", CHECK_TIMEOUT_USEC }, &reply),
                        -ETIMEDOUT) ||
                !check_expect(run, "early", reply.x, 0) || !check_expect(run, "unlock", unlock(&mutex), 0) ||
                !check_expect(run, "trylock after it", try_lock(&mutex), 0))
                return CHECK_FAILED;
        return check_ok(run, "%d ms: ETIMEDOUT, not before; nothing of it is left", CHECK_TIMEOUT_USEC / 1000);
}

static CheckResult owner_died(CheckRun *run) {
        CLEANUP_MUTEX Mutex mutex = {};

        if (!owner_killed(run, &robust, &mutex) || !check_expect(run, "the next lock", lock(&mutex), -EOWNERDEAD) ||
                !check_expect(run, "making it consistent", -pthread_mutex_consistent(own(mutex.guarded)), 0) ||
                !check_expect(run, "unlock", unlock(&mutex), 0) ||
                !check_expect(run, "the lock after it", lock(&mutex), 0))
                return CHECK_FAILED;
        return check_ok(run, "owner killed: EOWNERDEAD once, then it works as before");
}

static CheckResult waiter_told(CheckRun *run) {
        CLEANUP_MUTEX Mutex mutex = {};
        CheckProcess *owner, *waiter;

        if (!begin(run, &robust, &mutex, &owner) || !meet(run, &mutex, &waiter) ||
                !check_expect(run, "the owner's lock", peer_call(run, owner, "mutex-lock"), 0) ||
                !locks_and_sleeps(run, waiter, "the waiter") ||
                !check_expect(run, "SIGKILL", check_murder(run, owner), 0) ||
                !check_expect(run, "the waiter's lock", peer_end(run, waiter, NULL), -EOWNERDEAD) ||
                !check_expect(run, "making it consistent", peer_call(run, waiter, "mutex-consistent"), 0) ||
                !check_expect(run, "unlock", peer_call(run, waiter, "mutex-unlock"), 0))
                return CHECK_FAILED;
        return check_ok(run, "the kernel woke it with EOWNERDEAD");
}

static CheckResult not_recoverable(CheckRun *run) {
        CLEANUP_MUTEX Mutex mutex = {};
        CheckProcess *other;

        if (!owner_killed(run, &robust, &mutex) || !check_expect(run, "the next lock", lock(&mutex), -EOWNERDEAD) ||
                !check_expect(run, "unlock without more", unlock(&mutex), 0) ||
                !check_expect(run, "lock", lock(&mutex), -ENOTRECOVERABLE) || !meet(run, &mutex, &other) ||
                !check_expect(run, "lock of another", peer_call(run, other, "mutex-lock"), -ENOTRECOVERABLE))
                return CHECK_FAILED;
        return check_ok(run, "unlocked as it was: ENOTRECOVERABLE for everybody");
}

static CheckResult stalled(CheckRun *run) {
        static const MutexShape plain = { MUTEX_NORMAL, true, false, false };
        CLEANUP_MUTEX Mutex mutex = {};
        int64_t early = 0;

        if (!owner_killed(run, &plain, &mutex) || !check_expect(run, "trylock", try_lock(&mutex), -EBUSY) ||
                !check_expect(run, "a lock with a time-out", timed_lock(mutex.guarded, CHECK_TIMEOUT_USEC, &early),
                        -ETIMEDOUT) ||
                !check_expect(run, "early", early, 0))
                return CHECK_FAILED;
        return check_ok(run, "owner killed: EBUSY, and ETIMEDOUT after %d ms", CHECK_TIMEOUT_USEC / 1000);
}

static CheckResult error_checking(CheckRun *run) {
        static const MutexShape shape = { MUTEX_ERRORCHECK, true, true, false };
        CLEANUP_MUTEX Mutex mutex = {};
        CheckProcess *peer;

        if (!begin(run, &shape, &mutex, &peer) || !check_expect(run, "unlock of a free one", unlock(&mutex), -EPERM) ||
                !check_expect(run, "lock", lock(&mutex), 0) ||
                !check_expect(run, "lock again", lock(&mutex), -EDEADLK) ||
                !check_expect(run, "unlock by another", peer_call(run, peer, "mutex-unlock"), -EPERM) ||
                !check_expect(run, "trylock of another", peer_call(run, peer, "mutex-try"), -EBUSY) ||
                !check_expect(run, "unlock", unlock(&mutex), 0))
                return CHECK_FAILED;
        return check_ok(run, "locked twice: EDEADLK; unlocked by another process: EPERM, and still locked");
}

static CheckResult recursive(CheckRun *run) {
        static const MutexShape shape = { MUTEX_RECURSIVE, true, true, false };
        CLEANUP_MUTEX Mutex mutex = {};
        CheckProcess *peer;

        if (!begin(run, &shape, &mutex, &peer))
                return CHECK_FAILED;
        for (int i = 0; i < RECURSIONS; i++)
                if (!check_expect(run, "lock", lock(&mutex), 0))
                        return CHECK_FAILED;
        for (int i = 0; i < RECURSIONS; i++)
                if (!check_expect(run, "trylock of another", peer_call(run, peer, "mutex-try"), -EBUSY) ||
                        !check_expect(run, "unlock", unlock(&mutex), 0))
                        return CHECK_FAILED;
        if (!check_expect(run, "trylock of another", peer_call(run, peer, "mutex-try"), 0) ||
                !check_expect(run, "unlock by who has it not", unlock(&mutex), -EPERM))
                return CHECK_FAILED;
        return check_ok(run, "locked %d times: EBUSY for another until the unlock number %d", RECURSIONS, RECURSIONS);
}

static CheckResult private_futex(CheckRun *run) {
        static const MutexShape shape = { MUTEX_NORMAL, false, false, false };
        CLEANUP_MUTEX Mutex mutex = {};
        CheckProcess *peer;

        if (!begin(run, &shape, &mutex, &peer) || !check_expect(run, "lock", lock(&mutex), 0) ||
                !check_expect(run, "trylock of another", peer_call(run, peer, "mutex-try"), -EBUSY) ||
                !locks_and_sleeps(run, peer, "the second") || !check_expect(run, "unlock", unlock(&mutex), 0) ||
                !check_sleeps(run, peer, "after the unlock") ||
                !check_expect(run, "SIGKILL", check_murder(run, peer), 0))
                return CHECK_FAILED;
        return check_ok(run, "it is free and its waiter sleeps on: the wake-up stays in the process that unlocked");
}

static CheckResult as_memory(CheckRun *run) {
        CLEANUP_MUTEX Mutex mutex = {};
        CheckProcess *peer, *late;

        if (!begin(run, &robust, &mutex, &peer) || !check_expect(run, "lock", lock(&mutex), 0) ||
                !check_expect(run, "shm_unlink", shm_unlink(mutex.name) < 0 ? -errno : 0, 0) ||
                !check_expect(run, "trylock of who maps it", peer_call(run, peer, "mutex-try"), -EBUSY) ||
                !check_expect(run, "unlock", unlock(&mutex), 0) ||
                !check_expect(run, "trylock of who maps it", peer_call(run, peer, "mutex-try"), 0) ||
                peer_start(run, 0, NULL, 0, &late) < 0 ||
                !check_expect(
                        run, "shm_open of a third", peer_call(run, late, "mutex-map", .text = mutex.name), -ENOENT))
                return CHECK_FAILED;
        mutex.name[0] = '\0';
        return check_ok(run, "name removed: who maps the memory goes on, others get ENOENT");
}

static CheckResult survives(CheckRun *run) {
        CLEANUP_MUTEX Mutex mutex = {};
        CheckProcess *user, *other;

        if (!begin(run, &robust, &mutex, &user) || !check_expect(run, "lock", peer_call(run, user, "mutex-lock"), 0) ||
                !check_expect(run, "unlock", peer_call(run, user, "mutex-unlock"), 0) ||
                !check_expect(run, "SIGKILL", check_murder(run, user), 0) || !meet(run, &mutex, &other) ||
                !check_expect(run, "lock of another", peer_call(run, other, "mutex-lock"), 0))
                return CHECK_FAILED;
        return check_ok(run, "killed while it was free: the next lock is a plain one");
}

static CheckResult futex_word(CheckRun *run) {
        CLEANUP_MUTEX Mutex mutex = {};
        CheckProcess *owner, *waiter;
        Error error = {};
        MutexLook look = {};

        if (mutex_state_probe(&error) < 0)
                return check_fail(run, "%s", error.message);
        if (!begin(run, &robust, &mutex, &owner) || !meet(run, &mutex, &waiter) ||
                !check_expect(run, "the owner's lock", peer_call(run, owner, "mutex-lock"), 0) ||
                !check_expect(run, "reading it", mutex_image_look(&mutex.guarded->file.image, &look), 0) ||
                !check_expect(run, "the owner in it", look.owner, check_pid(run, owner)) ||
                !check_expect(run, "FUTEX_WAITERS", look.waited, false) ||
                !locks_and_sleeps(run, waiter, "the waiter") ||
                !check_expect(run, "reading it", mutex_image_look(&mutex.guarded->file.image, &look), 0) ||
                !check_expect(run, "FUTEX_WAITERS", look.waited, true) ||
                !check_expect(run, "SIGKILL of the waiter", check_murder(run, waiter), 0) ||
                !check_expect(run, "SIGKILL of the owner", check_murder(run, owner), 0) ||
                !check_expect(run, "reading it", mutex_image_look(&mutex.guarded->file.image, &look), 0) ||
                !check_expect(run, "FUTEX_OWNER_DIED", look.state, MUTEX_OWNER_DIED))
                return CHECK_FAILED;
        return check_ok(run, "its thread id, then FUTEX_WAITERS, and FUTEX_OWNER_DIED when it was killed");
}

/* -1 where it cannot be read. */
static long priority_of(pid_t pid) {
        char path[64], line[1024], *field;
        CLEANUP_FD int fd = -EBADF;
        ssize_t n;

        snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        n = fd < 0 ? -1 : read(fd, line, sizeof(line) - 1);
        if (n <= 0)
                return -1;
        line[n] = '\0';
        field = strrchr(line, ')'); /* the command may hold anything, and is field 2 */
        for (int i = 2; field && i < FIELD_PRIORITY; i++)
                field = strchr(field + 1, ' ');
        return field ? strtol(field, NULL, 10) : -1;
}

static CheckResult inherits(CheckRun *run) {
        static const MutexShape shape = { MUTEX_NORMAL, true, true, true };
        CLEANUP_MUTEX Mutex mutex = {};
        CheckProcess *owner, *waiter;
        int64_t r;

        if (!begin(run, &shape, &mutex, &owner) || !meet(run, &mutex, &waiter))
                return CHECK_FAILED;
        r = peer_call(run, waiter, "realtime", PRIORITY);
        if (r == -EPERM)
                return check_skip(run, "a real-time priority needs CAP_SYS_NICE: EPERM");
        if (!check_need(run, "sched_setscheduler", r) ||
                !check_expect(run, "the owner's lock", peer_call(run, owner, "mutex-lock"), 0) ||
                !check_expect(run, "its priority", priority_of(check_pid(run, owner)) >= 0, true) ||
                !locks_and_sleeps(run, waiter, "the real-time waiter") ||
                !check_expect(run, "the owner's priority then", priority_of(check_pid(run, owner)), -1 - PRIORITY) ||
                !check_expect(run, "unlock", peer_call(run, owner, "mutex-unlock"), 0) ||
                !check_expect(run, "the waiter's lock", peer_end(run, waiter, NULL), 0) ||
                !check_expect(run, "the owner's priority after it", priority_of(check_pid(run, owner)) >= 0, true))
                return CHECK_FAILED;
        return check_ok(run, "the owner had real-time priority %d while one of that waited", PRIORITY);
}

static CheckResult permission(CheckRun *run) {
        CLEANUP_MUTEX Mutex mutex = {};
        CheckProcess *peer;

        if (!check_can_be_nobody())
                return check_skip(run, "only root can start a process of another user");
        if (!mutex_make(run, &robust, &mutex) || peer_start(run, 0, NULL, 0, &peer) < 0 ||
                !check_become_nobody(run, peer) ||
                !check_expect(
                        run, "shm_open of mode 0600", peer_call(run, peer, "mutex-map", .text = mutex.name), -EACCES))
                return CHECK_FAILED;
        return check_ok(run, "mode 0600, user %d: EACCES when it opens the memory", CHECK_NOBODY);
}

#define LOCK "pthread_mutex_lock(3p)"

const Check mutex_checks[] = {
        { "excludes", "what is done under the mutex is done by one process at a time", LOCK, CHECK_BOTH, excludes,
                { role } },
        { "blocks", "who locks a locked one sleeps until it is unlocked", LOCK, CHECK_BOTH, blocks, { role } },
        { "try", "trylock of a locked one gives EBUSY at once", LOCK, CHECK_BOTH, tries, { role } },
        { "timeout", "a lock with a deadline gives up then, never before", "pthread_mutex_timedlock(3p)", CHECK_BOTH,
                timed_out, { role } },
        { "owner-died", "when the owner of a robust one is killed, the next who locks it is told, and cures it",
                "pthread_mutexattr_setrobust(3)", CHECK_BOTH, owner_died, { role } },
        { "waiter-told", "who sleeps for a robust one is woken when its owner is killed",
                "pthread_mutexattr_setrobust(3)", CHECK_BOTH, waiter_told, { role } },
        { "not-recoverable", "one that was not made consistent can never be locked again",
                "pthread_mutex_consistent(3)", CHECK_BOTH, not_recoverable, { role } },
        { "stalled", "one that is not robust stays locked when its owner is killed", "pthread_mutexattr_setrobust(3)",
                CHECK_BOTH, stalled, { role } },
        { "errorcheck", "an error-checking one refuses a second lock, and unlocking by others", LOCK, CHECK_BOTH,
                error_checking, { role } },
        { "recursive", "a recursive one is free after as many unlocks as locks", LOCK, CHECK_BOTH, recursive,
                { role } },
        { "private", "one without PTHREAD_PROCESS_SHARED does not wake who waits in another process",
                "pthread_mutexattr_getpshared(3p)", CHECK_BOTH, private_futex, { role } },
        { "as-memory", "it lives as long as its memory, not as its name", "shm_overview(7)", CHECK_BOTH, as_memory,
                { role } },
        { "survives", "one that was free when its user was killed is as it was", "set_robust_list(2)", CHECK_BOTH,
                survives, { role } },
        { "futex-word", "whoever can read the memory of a robust one sees who has it", "set_robust_list(2)",
                CHECK_BOTH, futex_word, { role } },
        { "inherits", "one that inherits lends its owner the priority of who waits",
                "pthread_mutexattr_getprotocol(3p)", CHECK_BOTH, inherits, { role } },
        { "permission", "the mode of the memory keeps other users out", "shm_open(3)", CHECK_BOTH, permission,
                { role } },
        { "receive-blocks", "handed over like a baton, three of them make a receiver sleep for a token", LOCK,
                CHECK_BOTH, transport_receive_blocks, { transport_receive_blocks_role } },
        { "send-blocks", "a baton is not given twice: its sender sleeps until the last one was taken", LOCK,
                CHECK_BOTH, transport_send_blocks, { transport_send_blocks_role } },
        {},
};
