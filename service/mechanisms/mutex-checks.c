/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mutex-checks.h"

/* What pthread_mutex_lock(3), pthread_mutexattr_setrobust(3) and set_robust_list(2) promise of mutexes that processes
 * share. */
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

#include "spin.h"

enum {
        WORKERS = 3,
        ADDITIONS = 20000,
        RECURSIONS = 3,
        PRIORITY = 7,
        FIELD_PRIORITY = 18, /* of /proc/PID/stat, see proc(5) */
};

static CheckResult excludes(CheckRun *run) {
        CLEANUP_MUTEX Mutex mutex = {};
        CheckProcess *workers[WORKERS];

        if (!mutex_make(run, &mutex_robust, &mutex))
                return CHECK_FAILED;
        for (size_t i = 0; i < WORKERS; i++)
                if (!mutex_meet(run, &mutex, &workers[i]))
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

        if (!mutex_begin(run, &mutex_robust, &mutex, &peer) || !check_expect(run, "lock", mutex_lock(&mutex), 0) ||
                !mutex_locks_and_sleeps(run, peer, "the second") ||
                !check_expect(run, "unlock", mutex_unlock(&mutex), 0) ||
                !check_expect(run, "the peer's lock", peer_end(run, peer, NULL), 0) ||
                !check_expect(run, "trylock here", mutex_try_lock(&mutex), -EBUSY))
                return CHECK_FAILED;
        return check_ok(run, "after the unlock it has it: EBUSY here");
}

static CheckResult tries(CheckRun *run) {
        CLEANUP_MUTEX Mutex mutex = {};
        CheckProcess *peer;

        if (!mutex_begin(run, &mutex_robust, &mutex, &peer) || !check_expect(run, "lock", mutex_lock(&mutex), 0) ||
                !check_expect(run, "trylock of a locked one", peer_call(run, peer, "mutex-try"), -EBUSY) ||
                !check_expect(run, "unlock", mutex_unlock(&mutex), 0) ||
                !check_expect(run, "trylock of a free one", peer_call(run, peer, "mutex-try"), 0))
                return CHECK_FAILED;
        return check_ok(run, "locked: EBUSY at once; free: locked");
}

static CheckResult timed_out(CheckRun *run) {
        CLEANUP_MUTEX Mutex mutex = {};
        PeerReply reply = {};
        CheckProcess *peer;

        if (!mutex_begin(run, &mutex_robust, &mutex, &peer) || !check_expect(run, "lock", mutex_lock(&mutex), 0) ||
                !check_expect(run, "a lock with a time-out",
                        peer_call_full(run, peer, &(PeerCall){ "mutex-timed", CHECK_TIMEOUT_USEC }, &reply),
                        -ETIMEDOUT) ||
                !check_expect(run, "early", reply.x, 0) || !check_expect(run, "unlock", mutex_unlock(&mutex), 0) ||
                !check_expect(run, "trylock after it", mutex_try_lock(&mutex), 0))
                return CHECK_FAILED;
        return check_ok(run, "%d ms: ETIMEDOUT, not before; nothing of it is left", CHECK_TIMEOUT_USEC / 1000);
}

static CheckResult owner_died(CheckRun *run) {
        CLEANUP_MUTEX Mutex mutex = {};

        if (!mutex_owner_killed(run, &mutex_robust, &mutex) ||
                !check_expect(run, "the next lock", mutex_lock(&mutex), -EOWNERDEAD) ||
                !check_expect(run, "making it consistent", -pthread_mutex_consistent(mutex_of(mutex.guarded)), 0) ||
                !check_expect(run, "unlock", mutex_unlock(&mutex), 0) ||
                !check_expect(run, "the lock after it", mutex_lock(&mutex), 0))
                return CHECK_FAILED;
        return check_ok(run, "owner killed: EOWNERDEAD once, then it works as before");
}

static CheckResult waiter_told(CheckRun *run) {
        CLEANUP_MUTEX Mutex mutex = {};
        CheckProcess *owner, *waiter;

        if (!mutex_begin(run, &mutex_robust, &mutex, &owner) || !mutex_meet(run, &mutex, &waiter) ||
                !check_expect(run, "the owner's lock", peer_call(run, owner, "mutex-lock"), 0) ||
                !mutex_locks_and_sleeps(run, waiter, "the waiter") ||
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

        if (!mutex_owner_killed(run, &mutex_robust, &mutex) ||
                !check_expect(run, "the next lock", mutex_lock(&mutex), -EOWNERDEAD) ||
                !check_expect(run, "unlock without more", mutex_unlock(&mutex), 0) ||
                !check_expect(run, "lock", mutex_lock(&mutex), -ENOTRECOVERABLE) || !mutex_meet(run, &mutex, &other) ||
                !check_expect(run, "lock of another", peer_call(run, other, "mutex-lock"), -ENOTRECOVERABLE))
                return CHECK_FAILED;
        return check_ok(run, "unlocked as it was: ENOTRECOVERABLE for everybody");
}

static CheckResult stalled(CheckRun *run) {
        static const MutexShape plain = { MUTEX_NORMAL, true, false, false };
        CLEANUP_MUTEX Mutex mutex = {};
        int64_t early = 0;

        if (!mutex_owner_killed(run, &plain, &mutex) ||
                !check_expect(run, "trylock", mutex_try_lock(&mutex), -EBUSY) ||
                !check_expect(run, "a lock with a time-out",
                        mutex_timed_lock(mutex.guarded, CHECK_TIMEOUT_USEC, &early), -ETIMEDOUT) ||
                !check_expect(run, "early", early, 0))
                return CHECK_FAILED;
        return check_ok(run, "owner killed: EBUSY, and ETIMEDOUT after %d ms", CHECK_TIMEOUT_USEC / 1000);
}

static CheckResult error_checking(CheckRun *run) {
        static const MutexShape shape = { MUTEX_ERRORCHECK, true, true, false };
        CLEANUP_MUTEX Mutex mutex = {};
        CheckProcess *peer;

        if (!mutex_begin(run, &shape, &mutex, &peer) ||
                !check_expect(run, "unlock of a free one", mutex_unlock(&mutex), -EPERM) ||
                !check_expect(run, "lock", mutex_lock(&mutex), 0) ||
                !check_expect(run, "lock again", mutex_lock(&mutex), -EDEADLK) ||
                !check_expect(run, "unlock by another", peer_call(run, peer, "mutex-unlock"), -EPERM) ||
                !check_expect(run, "trylock of another", peer_call(run, peer, "mutex-try"), -EBUSY) ||
                !check_expect(run, "unlock", mutex_unlock(&mutex), 0))
                return CHECK_FAILED;
        return check_ok(run, "locked twice: EDEADLK; unlocked by another process: EPERM, and still locked");
}

static CheckResult recursive(CheckRun *run) {
        static const MutexShape shape = { MUTEX_RECURSIVE, true, true, false };
        CLEANUP_MUTEX Mutex mutex = {};
        CheckProcess *peer;

        if (!mutex_begin(run, &shape, &mutex, &peer))
                return CHECK_FAILED;
        for (int i = 0; i < RECURSIONS; i++)
                if (!check_expect(run, "lock", mutex_lock(&mutex), 0))
                        return CHECK_FAILED;
        for (int i = 0; i < RECURSIONS; i++)
                if (!check_expect(run, "trylock of another", peer_call(run, peer, "mutex-try"), -EBUSY) ||
                        !check_expect(run, "unlock", mutex_unlock(&mutex), 0))
                        return CHECK_FAILED;
        if (!check_expect(run, "trylock of another", peer_call(run, peer, "mutex-try"), 0) ||
                !check_expect(run, "unlock by who has it not", mutex_unlock(&mutex), -EPERM))
                return CHECK_FAILED;
        return check_ok(run, "locked %d times: EBUSY for another until the unlock number %d", RECURSIONS, RECURSIONS);
}

static CheckResult private_futex(CheckRun *run) {
        static const MutexShape shape = { MUTEX_NORMAL, false, false, false };
        CLEANUP_MUTEX Mutex mutex = {};
        CheckProcess *peer;

        if (!mutex_begin(run, &shape, &mutex, &peer) || !check_expect(run, "lock", mutex_lock(&mutex), 0) ||
                !check_expect(run, "trylock of another", peer_call(run, peer, "mutex-try"), -EBUSY) ||
                !mutex_locks_and_sleeps(run, peer, "the second") ||
                !check_expect(run, "unlock", mutex_unlock(&mutex), 0) ||
                !check_sleeps(run, peer, "after the unlock") ||
                !check_expect(run, "SIGKILL", check_murder(run, peer), 0))
                return CHECK_FAILED;
        return check_ok(run, "it is free and its waiter sleeps on: the wake-up stays in the process that unlocked");
}

static CheckResult as_memory(CheckRun *run) {
        CLEANUP_MUTEX Mutex mutex = {};
        CheckProcess *peer, *late;

        if (!mutex_begin(run, &mutex_robust, &mutex, &peer) || !check_expect(run, "lock", mutex_lock(&mutex), 0) ||
                !check_expect(run, "shm_unlink", shm_unlink(mutex.name) < 0 ? -errno : 0, 0) ||
                !check_expect(run, "trylock of who maps it", peer_call(run, peer, "mutex-try"), -EBUSY) ||
                !check_expect(run, "unlock", mutex_unlock(&mutex), 0) ||
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

        if (!mutex_begin(run, &mutex_robust, &mutex, &user) ||
                !check_expect(run, "lock", peer_call(run, user, "mutex-lock"), 0) ||
                !check_expect(run, "unlock", peer_call(run, user, "mutex-unlock"), 0) ||
                !check_expect(run, "SIGKILL", check_murder(run, user), 0) || !mutex_meet(run, &mutex, &other) ||
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
        if (!mutex_begin(run, &mutex_robust, &mutex, &owner) || !mutex_meet(run, &mutex, &waiter) ||
                !check_expect(run, "the owner's lock", peer_call(run, owner, "mutex-lock"), 0) ||
                !check_expect(run, "reading it", mutex_image_look(&mutex.guarded->file.image, &look), 0) ||
                !check_expect(run, "the owner in it", look.owner, check_pid(run, owner)) ||
                !check_expect(run, "FUTEX_WAITERS", look.waited, false) ||
                !mutex_locks_and_sleeps(run, waiter, "the waiter") ||
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

        if (!mutex_begin(run, &shape, &mutex, &owner) || !mutex_meet(run, &mutex, &waiter))
                return CHECK_FAILED;
        r = peer_call(run, waiter, "realtime", PRIORITY);
        if (r == -EPERM)
                return check_skip(run, "a real-time priority needs CAP_SYS_NICE: EPERM");
        if (!check_need(run, "sched_setscheduler", r) ||
                !check_expect(run, "the owner's lock", peer_call(run, owner, "mutex-lock"), 0) ||
                !check_expect(run, "its priority", priority_of(check_pid(run, owner)) >= 0, true) ||
                !mutex_locks_and_sleeps(run, waiter, "the real-time waiter") ||
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
        if (!mutex_make(run, &mutex_robust, &mutex) || peer_start(run, 0, NULL, 0, &peer) < 0 ||
                !check_become_nobody(run, peer) ||
                !check_expect(
                        run, "shm_open of mode 0600", peer_call(run, peer, "mutex-map", .text = mutex.name), -EACCES))
                return CHECK_FAILED;
        return check_ok(run, "mode 0600, user %d: EACCES when it opens the memory", CHECK_NOBODY);
}

#define LOCK "pthread_mutex_lock(3p)"

const Check mutex_checks[] = {
        { "excludes", "what is done under the mutex is done by one process at a time", LOCK, CHECK_BOTH, excludes,
                { mutex_role }, .aspects = ASPECT(SYNCHRONISATION) | ASPECT(MANY_WRITERS) },
        { "blocks", "who locks a locked one sleeps until it is unlocked", LOCK, CHECK_BOTH, blocks, { mutex_role },
                .aspects = ASPECT(BLOCKING) | ASPECT(UNRELATED) },
        { "try", "trylock of a locked one gives EBUSY at once", LOCK, CHECK_BOTH, tries, { mutex_role },
                .aspects = ASPECT(NON_BLOCKING) },
        { "timeout", "a lock with a deadline gives up then, never before", "pthread_mutex_timedlock(3p)", CHECK_BOTH,
                timed_out, { mutex_role }, .aspects = ASPECT(TIMEOUT) },
        { "owner-died", "when the owner of a robust one is killed, the next who locks it is told, and cures it",
                "pthread_mutexattr_setrobust(3)", CHECK_BOTH, owner_died, { mutex_role },
                .aspects = ASPECT(HOLDER_KILLED) },
        { "waiter-told", "who sleeps for a robust one is woken when its owner is killed",
                "pthread_mutexattr_setrobust(3)", CHECK_BOTH, waiter_told, { mutex_role },
                .aspects = ASPECT(HOLDER_KILLED) },
        { "not-recoverable", "one that was not made consistent can never be locked again",
                "pthread_mutex_consistent(3)", CHECK_BOTH, not_recoverable, { mutex_role },
                .aspects = ASPECT(HOLDER_KILLED) },
        { "stalled", "one that is not robust stays locked when its owner is killed", "pthread_mutexattr_setrobust(3)",
                CHECK_BOTH, stalled, { mutex_role }, .aspects = ASPECT(HOLDER_KILLED) },
        { "errorcheck", "an error-checking one refuses a second lock, and unlocking by others", LOCK, CHECK_BOTH,
                error_checking, { mutex_role } },
        { "recursive", "a recursive one is free after as many unlocks as locks", LOCK, CHECK_BOTH, recursive,
                { mutex_role } },
        { "private", "one without PTHREAD_PROCESS_SHARED does not wake who waits in another process",
                "pthread_mutexattr_getpshared(3p)", CHECK_BOTH, private_futex, { mutex_role },
                .aspects = ASPECT(SYNCHRONISATION) },
        { "as-memory", "it lives as long as its memory, not as its name", "shm_overview(7)", CHECK_BOTH, as_memory,
                { mutex_role }, .aspects = ASPECT(PERSISTENCE) },
        { "survives", "one that was free when its user was killed is as it was", "set_robust_list(2)", CHECK_BOTH,
                survives, { mutex_role }, .aspects = ASPECT(PERSISTENCE) },
        { "futex-word", "whoever can read the memory of a robust one sees who has it", "set_robust_list(2)",
                CHECK_BOTH, futex_word, { mutex_role }, .aspects = ASPECT(CREDENTIALS) },
        { "inherits", "one that inherits lends its owner the priority of who waits",
                "pthread_mutexattr_getprotocol(3p)", CHECK_BOTH, inherits, { mutex_role } },
        { "permission", "the mode of the memory keeps other users out", "shm_open(3)", CHECK_BOTH, permission,
                { mutex_role }, .aspects = ASPECT(PERMISSION) },
        { "receive-blocks", "handed over like a baton, three of them make a receiver sleep for a token", LOCK,
                CHECK_BOTH, transport_receive_blocks, { transport_receive_blocks_role }, .aspects = ASPECT(BLOCKING) },
        { "send-blocks", "a baton is not given twice: its sender sleeps until the last one was taken", LOCK,
                CHECK_BOTH, transport_send_blocks, { transport_send_blocks_role }, .aspects = ASPECT(BLOCKING) },
        { "other-user", "another user, with the right to the memory, locks and unlocks it", "pthread_mutex_lock(3p)",
                CHECK_BOTH, transport_other_user, { transport_place_role }, .aspects = ASPECT(OTHER_USER) },
        { "other-ipc", "memory with a mutex is a file: IPC namespaces do not matter", "ipc_namespaces(7)", CHECK_BOTH,
                transport_other_ipc, { transport_place_role }, .aspects = ASPECT(NAMESPACE) },
        { "other-net", "network namespaces do not matter to a mutex", "network_namespaces(7)", CHECK_BOTH,
                transport_other_net, { transport_place_role }, .aspects = ASPECT(NAMESPACE) },
        { "exhausted", "with no descriptor left its memory cannot be opened (EMFILE); what is mapped goes on",
                "getrlimit(2)", CHECK_BOTH, transport_exhausted, { transport_exhausted_role },
                .aspects = ASPECT(EXHAUSTION) },
        { "begun-again", "a waiting pthread_mutex_lock goes on after any handler, SA_RESTART or not",
                "pthread_mutex_lock(3p)", CHECK_BOTH, transport_interrupted_never, { transport_interrupted_role },
                .aspects = ASPECT(INTERRUPTED) },
        { "stopped", "stopped and continued, without a handler, a waiting pthread_mutex_lock goes on", "signal(7)",
                CHECK_BOTH, transport_stopped_goes_on, { transport_interrupted_role },
                .aspects = ASPECT(INTERRUPTED) },
        {},
};
