/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mutex-checks.h"

/* Who waits for a mutex: until when, who goes on first, and what a death in the middle leaves. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "peer-interrupt.h"
#include "spin.h"

enum {
        WAITERS = 3,
        PRIORITY = 7,
        FIELD_PRIORITY = 18, /* of /proc/PID/stat, see proc(5) */
};

/* --- Deadlines and signals --- */

static bool gives_up(CheckRun *run, CheckProcess *peer, clockid_t clock, const char *what) {
        PeerReply reply;

        return check_expect(run, what,
                       peer_call_full(run, peer, &(PeerCall){ "mutex-timed", CHECK_TIMEOUT_USEC, 0, clock }, &reply),
                       -ETIMEDOUT) &&
               check_expect(run, "early", reply.x, 0);
}

CheckResult mutex_timed_out(CheckRun *run) {
        CLEANUP_MUTEX Mutex mutex = {};
        CheckProcess *peer;

        if (!mutex_begin(run, &mutex_robust, &mutex, &peer) || !check_expect(run, "lock", mutex_lock(&mutex), 0) ||
                !gives_up(run, peer, CLOCK_REALTIME, "pthread_mutex_timedlock") ||
                !gives_up(run, peer, CLOCK_MONOTONIC, "pthread_mutex_clocklock") ||
                !check_expect(run, "unlock", mutex_unlock(&mutex), 0) ||
                !check_expect(run, "trylock after it", mutex_try_lock(&mutex), 0))
                return CHECK_FAILED;
        return check_ok(run, "CLOCK_REALTIME and CLOCK_MONOTONIC, %d ms: ETIMEDOUT, not before; nothing of it is left",
                CHECK_TIMEOUT_USEC / 1000);
}

CheckResult mutex_past(CheckRun *run) {
        CLEANUP_MUTEX Mutex mutex = {};
        const PeerCall past = { "mutex-timed", -(int64_t)USEC_PER_SEC, 0, CLOCK_REALTIME };
        CheckProcess *peer;

        if (!mutex_begin(run, &mutex_robust, &mutex, &peer) || !check_expect(run, "lock", mutex_lock(&mutex), 0) ||
                !check_expect(run, "of a locked one", peer_call_full(run, peer, &past, NULL), -ETIMEDOUT) ||
                !check_expect(run, "unlock", mutex_unlock(&mutex), 0) ||
                !check_expect(run, "of a free one", peer_call_full(run, peer, &past, NULL), 0))
                return CHECK_FAILED;
        return check_ok(run, "a deadline one second ago: ETIMEDOUT of a locked one, a free one is locked");
}

CheckResult mutex_timed_goes_on(CheckRun *run) {
        CLEANUP_MUTEX Mutex mutex = {};
        const PeerCall call = { "mutex-timed", CHECK_PATIENCE_USEC, 0, CLOCK_MONOTONIC };
        CheckProcess *peer;

        if (!mutex_begin(run, &mutex_robust, &mutex, &peer) || !check_expect(run, "lock", mutex_lock(&mutex), 0) ||
                !peer_goes_on(run, peer, &call, 0, "a lock with a time-out") ||
                !check_expect(run, "unlock", mutex_unlock(&mutex), 0) ||
                !peer_ended_after_signal(run, peer, "its lock"))
                return CHECK_FAILED;
        return check_ok(run, "a handler without SA_RESTART ran in it: it slept on, and has it after the unlock");
}

/* --- Who is next --- */

/* Locked here, and waited for by each in turn. */
static bool begin_waiters(CheckRun *run, Mutex *mutex, CheckProcess **waiters, size_t n) {
        if (!mutex_make(run, &mutex_robust, mutex) || !check_expect(run, "lock", mutex_lock(mutex), 0))
                return false;
        for (size_t i = 0; i < n; i++)
                if (!mutex_meet(run, mutex, &waiters[i]) || !mutex_locks_and_sleeps(run, waiters[i], "a waiter"))
                        return false;
        return true;
}

CheckResult mutex_in_turn(CheckRun *run) {
        CLEANUP_MUTEX Mutex mutex = {};
        CheckProcess *waiters[WAITERS];

        if (!begin_waiters(run, &mutex, waiters, WAITERS) || !check_expect(run, "unlock", mutex_unlock(&mutex), 0))
                return CHECK_FAILED;
        for (size_t i = 0; i < WAITERS; i++)
                if (!check_expect(run, "who has waited longest", peer_end(run, waiters[i], NULL), 0) ||
                        !check_expect(run, "its unlock", peer_call(run, waiters[i], "mutex-unlock"), 0))
                        return CHECK_FAILED;
        return check_ok(run, "%d waited: unlock by unlock they had it in the turn in which they came", WAITERS);
}

CheckResult mutex_realtime_first(CheckRun *run) {
        CLEANUP_MUTEX Mutex mutex = {};
        CheckProcess *first, *urgent;
        int64_t r;

        if (!begin_waiters(run, &mutex, &first, 1) || !mutex_meet(run, &mutex, &urgent))
                return CHECK_FAILED;
        r = peer_call(run, urgent, "realtime", PRIORITY);
        if (!check_need_said(run, "a real-time priority needs CAP_SYS_NICE", r) ||
                !mutex_locks_and_sleeps(run, urgent, "the second, of real-time priority") ||
                !check_expect(run, "unlock", mutex_unlock(&mutex), 0) ||
                !check_expect(run, "the second's lock", peer_end(run, urgent, NULL), 0) ||
                !check_sleeps(run, first, "the first, still"))
                return CHECK_FAILED;
        return check_ok(run, "who came second, with SCHED_FIFO priority %d, had it before the first", PRIORITY);
}

CheckResult mutex_barging(CheckRun *run) {
        CLEANUP_MUTEX Mutex mutex = {};
        CheckProcess *waiter;

        if (!begin_waiters(run, &mutex, &waiter, 1) ||
                !check_expect(run, "SIGSTOP", check_kill(run, waiter, SIGSTOP), 0) ||
                !check_expect(run, "stopped", check_await_state(run, waiter, 'T'), 0) ||
                !check_expect(run, "unlock", mutex_unlock(&mutex), 0) ||
                !check_expect(run, "trylock by who had it", mutex_try_lock(&mutex), 0) ||
                !check_expect(run, "SIGCONT", check_kill(run, waiter, SIGCONT), 0) ||
                !check_sleeps(run, waiter, "the waiter, still") ||
                !check_expect(run, "unlock", mutex_unlock(&mutex), 0) ||
                !check_expect(run, "the waiter's lock", peer_end(run, waiter, NULL), 0))
                return CHECK_FAILED;
        return check_ok(
                run, "unlocked while its waiter was stopped, locked again by who had it: the waiter sleeps on");
}

/* --- Deaths --- */

CheckResult mutex_waiter_killed(CheckRun *run) {
        CLEANUP_MUTEX Mutex mutex = {};
        CheckProcess *waiters[2];

        if (!begin_waiters(run, &mutex, waiters, 2) ||
                !check_expect(run, "SIGKILL of the first", check_murder(run, waiters[0]), 0) ||
                !check_expect(run, "unlock", mutex_unlock(&mutex), 0) ||
                !check_expect(run, "the second's lock", peer_end(run, waiters[1], NULL), 0) ||
                !check_expect(run, "its unlock", peer_call(run, waiters[1], "mutex-unlock"), 0) ||
                !check_expect(run, "trylock here", mutex_try_lock(&mutex), 0))
                return CHECK_FAILED;
        return check_ok(
                run, "two waited, the first was killed: the second had it after the unlock, and no EOWNERDEAD");
}

/* It is killed after it has marked the mutex as free, and before it wakes the waiter. */
static bool unlocker_killed(CheckRun *run, const MutexShape *shape, Mutex *mutex, CheckProcess **ret_waiter) {
        CheckProcess *owner;
        int status = 0;
        int64_t r;

        if (!mutex_begin(run, shape, mutex, &owner) || !mutex_meet(run, mutex, ret_waiter) ||
                !check_expect(run, "the owner's lock", peer_call(run, owner, "mutex-lock"), 0) ||
                !mutex_locks_and_sleeps(run, *ret_waiter, "the waiter"))
                return false;
        r = peer_call(run, owner, "last-call", SYS_futex);
        return check_need(run, "a filter of system calls", r) &&
               check_expect(run, "beginning to unlock", peer_begin(run, owner, &(PeerCall){ "mutex-unlock" }), 0) &&
               check_expect(run, "the owner's end", check_wait(run, owner, CHECK_PATIENCE_USEC, &status), 0) &&
               check_expect(run, "its signal", WIFSIGNALED(status) ? WTERMSIG(status) : 0, SIGKILL);
}

CheckResult mutex_unlocker_killed(CheckRun *run) {
        CLEANUP_MUTEX Mutex mutex = {};
        CheckProcess *waiter;

        if (!unlocker_killed(run, &mutex_robust, &mutex, &waiter) ||
                !check_expect(run, "the waiter's lock", peer_end(run, waiter, NULL), 0) ||
                !check_expect(run, "its unlock", peer_call(run, waiter, "mutex-unlock"), 0))
                return CHECK_FAILED;
        return check_ok(run, "killed after it had freed it, before it woke anybody: the kernel woke its waiter, which "
                             "has it");
}

CheckResult mutex_plain_unlocker_killed(CheckRun *run) {
        CLEANUP_MUTEX Mutex mutex = {};
        CheckProcess *waiter;

        if (!unlocker_killed(run, &mutex_plain, &mutex, &waiter) || !check_sleeps(run, waiter, "the waiter, still") ||
                !check_expect(run, "trylock here", mutex_try_lock(&mutex), 0))
                return CHECK_FAILED;
        return check_ok(
                run, "killed after it had freed it, before it woke anybody: it is free, and its waiter sleeps");
}

/* --- Priorities --- */

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

CheckResult mutex_inherits(CheckRun *run) {
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
