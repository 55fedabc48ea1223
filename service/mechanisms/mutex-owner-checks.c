/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mutex-checks.h"

/* What becomes of a mutex when its owner does: pthread_mutexattr_setrobust(3), pthread_mutex_consistent(3),
 * set_robust_list(2). */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "peer-count.h"
#include "spin.h"

enum {
        RECURSIONS = 3,
        ROBUST_MOST = 2048, /* ROBUST_LIST_LIMIT of linux/futex.h */
};

CheckResult mutex_owner_died(CheckRun *run) {
        CLEANUP_MUTEX Mutex mutex = {};

        if (!mutex_owner_killed(run, &mutex_robust, &mutex) ||
                !check_expect(run, "the next lock", mutex_lock(&mutex), -EOWNERDEAD) ||
                !check_expect(run, "making it consistent", mutex_make_consistent(&mutex), 0) ||
                !check_expect(run, "unlock", mutex_unlock(&mutex), 0) ||
                !check_expect(run, "the lock after it", mutex_lock(&mutex), 0))
                return CHECK_FAILED;
        return check_ok(run, "owner killed: EOWNERDEAD once, then it works as before");
}

CheckResult mutex_waiter_told(CheckRun *run) {
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

CheckResult mutex_not_recoverable(CheckRun *run) {
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

CheckResult mutex_stalled(CheckRun *run) {
        CLEANUP_MUTEX Mutex mutex = {};
        int64_t early = 0;

        if (!mutex_owner_killed(run, &mutex_plain, &mutex) ||
                !check_expect(run, "trylock", mutex_try_lock(&mutex), -EBUSY) ||
                !check_expect(run, "a lock with a time-out",
                        mutex_timed_lock(mutex.guarded, CLOCK_MONOTONIC, CHECK_TIMEOUT_USEC, &early), -ETIMEDOUT) ||
                !check_expect(run, "early", early, 0))
                return CHECK_FAILED;
        return check_ok(run, "owner killed: EBUSY, and ETIMEDOUT after %d ms", CHECK_TIMEOUT_USEC / 1000);
}

CheckResult mutex_survives(CheckRun *run) {
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

CheckResult mutex_futex_word(CheckRun *run) {
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

CheckResult mutex_tried_told(CheckRun *run) {
        CLEANUP_MUTEX Mutex mutex = {};
        CheckProcess *owner;
        int64_t early;

        if (!mutex_owner_killed(run, &mutex_robust, &mutex) ||
                !check_expect(run, "trylock", mutex_try_lock(&mutex), -EOWNERDEAD) ||
                !check_expect(run, "making it consistent", mutex_make_consistent(&mutex), 0) ||
                !check_expect(run, "unlock", mutex_unlock(&mutex), 0) || !mutex_meet(run, &mutex, &owner) ||
                !check_expect(run, "the next owner's lock", peer_call(run, owner, "mutex-lock"), 0) ||
                !check_expect(run, "SIGKILL", check_murder(run, owner), 0) ||
                !check_expect(run, "a lock with a time-out",
                        mutex_timed_lock(mutex.guarded, CLOCK_MONOTONIC, CHECK_TIMEOUT_USEC, &early), -EOWNERDEAD))
                return CHECK_FAILED;
        return check_ok(run, "trylock and a lock with a time-out: EOWNERDEAD, and locked");
}

CheckResult mutex_died_again(CheckRun *run) {
        CLEANUP_MUTEX Mutex mutex = {};
        CheckProcess *next;

        if (!mutex_owner_killed(run, &mutex_robust, &mutex) || !mutex_meet(run, &mutex, &next) ||
                !check_expect(run, "the next lock", peer_call(run, next, "mutex-lock"), -EOWNERDEAD) ||
                !check_expect(run, "SIGKILL before it is consistent", check_murder(run, next), 0) ||
                !check_expect(run, "the lock after it", mutex_lock(&mutex), -EOWNERDEAD) ||
                !check_expect(run, "making it consistent", mutex_make_consistent(&mutex), 0) ||
                !check_expect(run, "unlock", mutex_unlock(&mutex), 0) ||
                !check_expect(run, "the lock after that", mutex_lock(&mutex), 0))
                return CHECK_FAILED;
        return check_ok(run, "who was told was killed too: the next is told again (EOWNERDEAD), and can cure it");
}

CheckResult mutex_waiter_lost(CheckRun *run) {
        CLEANUP_MUTEX Mutex mutex = {};
        CheckProcess *waiter;

        if (!mutex_owner_killed(run, &mutex_robust, &mutex) ||
                !check_expect(run, "the next lock", mutex_lock(&mutex), -EOWNERDEAD) ||
                !mutex_meet(run, &mutex, &waiter) || !mutex_locks_and_sleeps(run, waiter, "a waiter") ||
                !check_expect(run, "unlock without more", mutex_unlock(&mutex), 0) ||
                !check_expect(run, "the waiter's lock", peer_end(run, waiter, NULL), -ENOTRECOVERABLE))
                return CHECK_FAILED;
        return check_ok(run, "it slept, the one who was told unlocked it as it was: ENOTRECOVERABLE woke it");
}

CheckResult mutex_consistent_misused(CheckRun *run) {
        CLEANUP_MUTEX Mutex robust = {}, plain = {};
        CheckProcess *peer;

        if (!mutex_begin(run, &mutex_robust, &robust, &peer) || !mutex_make_another(run, &mutex_plain, 1, &plain) ||
                !check_expect(run, "the peer's mapping of another",
                        peer_call(run, peer, "mutex-map", .b = 1, .text = plain.name), 0) ||
                !check_expect(run, "of a free one", mutex_make_consistent(&robust), -EINVAL) ||
                !check_expect(run, "the peer's lock", peer_call(run, peer, "mutex-lock"), 0) ||
                !check_expect(run, "of one that another has", mutex_make_consistent(&robust), -EINVAL) ||
                !check_expect(run, "of one's own", peer_call(run, peer, "mutex-consistent"), -EINVAL) ||
                !check_expect(
                        run, "of one that is not robust", peer_call(run, peer, "mutex-consistent", .b = 1), -EINVAL) ||
                !check_expect(run, "trylock then", mutex_try_lock(&robust), -EBUSY) ||
                !check_expect(run, "the peer's unlock", peer_call(run, peer, "mutex-unlock"), 0) ||
                !check_expect(run, "trylock after it", mutex_try_lock(&robust), 0))
                return CHECK_FAILED;
        return check_ok(
                run, "free, locked by its caller or by another process, or not robust: EINVAL, and nothing changed");
}

CheckResult mutex_recursive_died(CheckRun *run) {
        static const MutexShape shape = { MUTEX_RECURSIVE, true, true, false };
        CLEANUP_MUTEX Mutex mutex = {};
        CheckProcess *owner, *other;

        if (!mutex_begin(run, &shape, &mutex, &owner) || !mutex_meet(run, &mutex, &other))
                return CHECK_FAILED;
        for (int i = 0; i < RECURSIONS; i++)
                if (!check_expect(run, "the owner's lock", peer_call(run, owner, "mutex-lock"), 0))
                        return CHECK_FAILED;
        if (!check_expect(run, "SIGKILL", check_murder(run, owner), 0) ||
                !check_expect(run, "the next lock", mutex_lock(&mutex), -EOWNERDEAD) ||
                !check_expect(run, "making it consistent", mutex_make_consistent(&mutex), 0) ||
                !check_expect(run, "one unlock", mutex_unlock(&mutex), 0) ||
                !check_expect(run, "trylock of another", peer_call(run, other, "mutex-try"), 0))
                return CHECK_FAILED;
        return check_ok(
                run, "locked %d times by who was killed: the next has it once, and one unlock frees it", RECURSIONS);
}

CheckResult mutex_inherits_died(CheckRun *run) {
        static const MutexShape shape = { MUTEX_NORMAL, true, true, true };
        CLEANUP_MUTEX Mutex mutex = {};
        CheckProcess *owner, *waiter;

        if (!mutex_begin(run, &shape, &mutex, &owner) || !mutex_meet(run, &mutex, &waiter) ||
                !check_expect(run, "the owner's lock", peer_call(run, owner, "mutex-lock"), 0) ||
                !mutex_locks_and_sleeps(run, waiter, "the waiter") ||
                !check_expect(run, "SIGKILL", check_murder(run, owner), 0) ||
                !check_expect(run, "the waiter's lock", peer_end(run, waiter, NULL), -EOWNERDEAD) ||
                !check_expect(run, "making it consistent", peer_call(run, waiter, "mutex-consistent"), 0) ||
                !check_expect(run, "unlock", peer_call(run, waiter, "mutex-unlock"), 0) ||
                !check_expect(run, "lock", mutex_lock(&mutex), 0))
                return CHECK_FAILED;
        return check_ok(run, "its waiter woke with EOWNERDEAD, and made it consistent");
}

CheckResult mutex_thread_ended(CheckRun *run) {
        CLEANUP_MUTEX Mutex robust = {}, plain = {};
        CheckProcess *peer;
        int64_t r;

        if (!mutex_begin(run, &mutex_robust, &robust, &peer) || !mutex_make_another(run, &mutex_plain, 1, &plain) ||
                !check_expect(
                        run, "mapping the other", peer_call(run, peer, "mutex-map", 0, 1, .text = plain.name), 0))
                return CHECK_FAILED;
        r = peer_call(run, peer, "mutex-thread");
        if (!check_need(run, "a thread that locks and ends", r) ||
                !check_expect(run, "the same with the one that is not robust",
                        peer_call(run, peer, "mutex-thread", 0, 1), 0) ||
                !check_expect(run, "its process lives", peer_call(run, peer, "pid"), 0) ||
                !check_expect(run, "trylock of the robust one", mutex_try_lock(&robust), -EOWNERDEAD) ||
                !check_expect(run, "trylock of the other", mutex_try_lock(&plain), -EBUSY))
                return CHECK_FAILED;
        return check_ok(
                run, "the thread ended, its process lives: EOWNERDEAD; one that is not robust: EBUSY for ever");
}

CheckResult mutex_executed(CheckRun *run) {
        CLEANUP_MUTEX Mutex mutex = {};
        CheckProcess *owner;

        if (!mutex_begin(run, &mutex_robust, &mutex, &owner) ||
                !check_expect(run, "the owner's lock", peer_call(run, owner, "mutex-lock"), 0) ||
                peer_begin(run, owner, &(PeerCall){ "mutex-execute" }) < 0 ||
                !check_expect(run, "the shell that it executes", check_await_state(run, owner, 'T'), 0) ||
                !check_expect(run, "trylock while it lives", mutex_try_lock(&mutex), -EOWNERDEAD) ||
                !check_expect(run, "SIGKILL", check_murder(run, owner), 0))
                return CHECK_FAILED;
        return check_ok(run, "its owner executed another program and lives: EOWNERDEAD");
}

CheckResult mutex_forked(CheckRun *run) {
        CLEANUP_MUTEX Mutex mutex = {};
        CheckProcess *owner;
        PeerReply reply;

        if (!mutex_begin(run, &mutex_robust, &mutex, &owner) ||
                !check_expect(run, "the owner's lock", peer_call(run, owner, "mutex-lock"), 0) ||
                !check_expect(run, "a child", peer_call_full(run, owner, &(PeerCall){ "mutex-forked" }, &reply), 0) ||
                !check_expect(run, "its unlock", reply.x, -EPERM) ||
                !check_expect(run, "its trylock", reply.y, -EBUSY) ||
                !check_expect(run, "trylock here after its end", mutex_try_lock(&mutex), -EBUSY) ||
                !check_expect(run, "the owner's unlock", peer_call(run, owner, "mutex-unlock"), 0) ||
                !check_expect(run, "trylock here", mutex_try_lock(&mutex), 0))
                return CHECK_FAILED;
        return check_ok(run, "a child of the owner: unlock EPERM, trylock EBUSY, and its end frees nothing");
}

/* The kernel goes through the list from what was locked last, and stops after that many. */
CheckResult mutex_robust_limit(CheckRun *run) {
        const size_t size = (ROBUST_MOST + 1) * sizeof(pthread_mutex_t);
        CLEANUP_FD int memory = -EBADF;
        pthread_mutex_t *many;
        CheckProcess *owner;
        bool held_up;
        int r;

        r = count_memory(size, &memory);
        if (!check_need(run, "memory for the mutexes", r))
                return CHECK_FAILED;
        many = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
        if (!check_need(run, "mmap", many == MAP_FAILED ? -errno : 0))
                return CHECK_FAILED;
        held_up = peer_start(run, 0, &memory, 1, &owner) >= 0 &&
                  check_expect(run, "locking them", peer_call(run, owner, "mutex-many", 0, 0, ROBUST_MOST + 1), 0) &&
                  check_expect(run, "SIGKILL", check_murder(run, owner), 0) &&
                  check_expect(run, "the first", -pthread_mutex_trylock(&many[0]), -EBUSY) &&
                  check_expect(run, "the second", -pthread_mutex_trylock(&many[1]), -EOWNERDEAD) &&
                  check_expect(run, "the last", -pthread_mutex_trylock(&many[ROBUST_MOST]), -EOWNERDEAD) &&
                  check_expect(run, "unlock", -pthread_mutex_unlock(&many[ROBUST_MOST]), 0) &&
                  check_expect(run, "unlock", -pthread_mutex_unlock(&many[1]), 0);
        munmap(many, size);
        return held_up ? check_ok(run,
                                 "killed with %d: EOWNERDEAD from the second to the last, the first stays locked",
                                 ROBUST_MOST + 1)
                       : CHECK_FAILED;
}

CheckResult mutex_creator_gone(CheckRun *run) {
        CLEANUP_MUTEX Mutex mutex = {};
        char name[POSIX_NAME_SIZE];
        CheckProcess *maker, *other;
        PeerReply made = {};
        int64_t r;

        if (posix_name_of_run(run->token, 0, name, sizeof(name)) < 0 || peer_start(run, 0, NULL, 0, &maker) < 0)
                return CHECK_FAILED;
        snprintf(mutex.name, sizeof(mutex.name), "/" MUTEX_PREFIX "%.200s", name + 1);
        r = peer_call_full(run, maker, &(PeerCall){ "mutex-make", .text = mutex.name }, &made);
        if (!check_need_said(run, made.text, r) || !check_expect(run, "SIGKILL", check_murder(run, maker), 0) ||
                !mutex_join(run, &mutex) || !mutex_meet(run, &mutex, &other) ||
                !check_expect(run, "lock", mutex_lock(&mutex), 0) ||
                !check_expect(run, "trylock of another", peer_call(run, other, "mutex-try"), -EBUSY) ||
                !check_expect(run, "unlock", mutex_unlock(&mutex), 0))
                return CHECK_FAILED;
        return check_ok(run, "who made it was killed: others map it and lock it as before");
}

/* Who has it is a thread id, and those are given anew in each PID namespace: containers that share memory have the
 * same ones. */
static bool begin_firsts(CheckRun *run, MutexType type, unsigned number, bool tries, Mutex *mutex, int64_t second) {
        const MutexShape shape = { type, true, true, false };
        CheckProcess *peers[2];
        PeerReply reply;
        int64_t r;

        if (!mutex_make_another(run, &shape, number, mutex))
                return false;
        for (size_t i = 0; i < 2; i++) {
                if (!mutex_meet(run, mutex, &peers[i]))
                        return false;
                r = peer_call_full(run, peers[i], &(PeerCall){ "mutex-first", tries }, &reply);
                if ((i == 0 && !check_need(run, "a PID namespace, and the lock of its first process", r)) ||
                        (i == 1 && !check_expect(run, "the lock of the other namespace's", r, second)) ||
                        !check_expect(run, "its number there", reply.x, 1))
                        return false;
        }
        return check_expect(run, "the end of the second", peer_call(run, peers[1], "mutex-first-ends"), 0) &&
               check_expect(run, "the end of the first", peer_call(run, peers[0], "mutex-first-ends"), 0);
}

CheckResult mutex_other_pids(CheckRun *run) {
        CLEANUP_MUTEX Mutex recursive = {}, checking = {}, normal = {};

        if (!begin_firsts(run, MUTEX_RECURSIVE, 0, false, &recursive, 0) ||
                !begin_firsts(run, MUTEX_ERRORCHECK, 1, false, &checking, -EDEADLK) ||
                !begin_firsts(run, MUTEX_NORMAL, 2, true, &normal, -EBUSY))
                return CHECK_FAILED;
        return check_ok(run,
                "two processes, each number 1 in its PID namespace: both have a recursive one at once, an "
                "error-checking one gives EDEADLK; a normal one EBUSY");
}
