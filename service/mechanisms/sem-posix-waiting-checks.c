/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sem-posix-checks.h"

/* Who waits at a semaphore: until when, what a signal does, who goes on first, and what a death in the middle leaves.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "peer-interrupt.h"
#include "spin.h"

enum {
        WAITERS = 3,
        PRIORITY = 3,
};

/* --- Deadlines --- */

static bool gives_up(CheckRun *run, CheckProcess *peer, clockid_t clock, const char *what) {
        PeerReply reply;

        return check_expect(run, what,
                       peer_call_full(run, peer, &(PeerCall){ "sem-timed", CHECK_TIMEOUT_USEC, clock }, &reply),
                       -ETIMEDOUT) &&
               check_expect(run, "early", reply.x, 0);
}

CheckResult sem_check_timed_out(CheckRun *run) {
        CLEANUP_SEMAPHORE Semaphore semaphore = SEMAPHORE_EMPTY;
        CheckProcess *peer;

        if (!sem_check_begin(run, 0, &semaphore, &peer) || !gives_up(run, peer, CLOCK_REALTIME, "sem_timedwait") ||
                !check_expect(run, "value", sem_check_value(semaphore.sem), 0) ||
                !check_expect(run, "sem_post then", sem_check_post(&semaphore), 0) ||
                !check_expect(run, "sem_trywait then", sem_check_try(&semaphore), 0))
                return CHECK_FAILED;
        return check_ok(run, "%d ms: ETIMEDOUT, not before the deadline; a post after it is not lost",
                CHECK_TIMEOUT_USEC / 1000);
}

CheckResult sem_check_clocks(CheckRun *run) {
        CLEANUP_SEMAPHORE Semaphore semaphore = SEMAPHORE_EMPTY;
        const PeerCall other = { "sem-timed", CHECK_TIMEOUT_USEC, CLOCK_BOOTTIME };
        CheckProcess *peer;

        if (!sem_check_begin(run, 0, &semaphore, &peer) ||
                !gives_up(run, peer, CLOCK_MONOTONIC, "sem_clockwait, CLOCK_MONOTONIC") ||
                !check_expect(run, "sem_clockwait, CLOCK_BOOTTIME", peer_call_full(run, peer, &other, NULL), -EINVAL))
                return CHECK_FAILED;
        return check_ok(run, "CLOCK_MONOTONIC: ETIMEDOUT after %d ms, not before; CLOCK_BOOTTIME: EINVAL",
                CHECK_TIMEOUT_USEC / 1000);
}

CheckResult sem_check_past(CheckRun *run) {
        CLEANUP_SEMAPHORE Semaphore semaphore = SEMAPHORE_EMPTY;
        const PeerCall past = { "sem-timed", -(int64_t)USEC_PER_SEC, CLOCK_REALTIME };
        CheckProcess *peer;

        if (!sem_check_begin(run, 1, &semaphore, &peer) ||
                !check_expect(run, "sem_timedwait at 1", peer_call_full(run, peer, &past, NULL), 0) ||
                !check_expect(run, "sem_timedwait at 0", peer_call_full(run, peer, &past, NULL), -ETIMEDOUT) ||
                !check_expect(run, "value", sem_check_value(semaphore.sem), 0))
                return CHECK_FAILED;
        return check_ok(run, "a deadline one second ago: taken at value 1, ETIMEDOUT at value 0");
}

/* sem_wait(3) says that it is not looked at where it is not needed; the C library of GNU looks first. */
CheckResult sem_check_deadline_invalid(CheckRun *run) {
        CLEANUP_SEMAPHORE Semaphore semaphore = SEMAPHORE_EMPTY;
        const PeerCall wrong = { "sem-timed", 0, CLOCK_REALTIME, (int64_t)NSEC_PER_SEC };
        CheckProcess *peer;
        int64_t r;

        if (!sem_check_begin(run, 1, &semaphore, &peer))
                return CHECK_FAILED;
        r = peer_call_full(run, peer, &wrong, NULL);
        check_note(run, "at value 1: %s", check_outcome(r));
        if (!check_expect(run, "EINVAL or taken", r == 0 || r == -EINVAL, true) ||
                !check_expect(run, "value", sem_check_value(semaphore.sem), r == 0 ? 0 : 1) ||
                (r < 0 && !check_expect(run, "sem_trywait", sem_check_try(&semaphore), 0)) ||
                !check_expect(run, "at value 0", peer_call_full(run, peer, &wrong, NULL), -EINVAL))
                return CHECK_FAILED;
        return check_ok(run, "tv_nsec %d where it would have to wait: EINVAL, and nothing taken", (int)NSEC_PER_SEC);
}

/* --- Signals --- */

CheckResult sem_check_interrupted(CheckRun *run) {
        CLEANUP_SEMAPHORE Semaphore semaphore = SEMAPHORE_EMPTY;
        CheckProcess *peer;

        if (!sem_check_begin(run, 0, &semaphore, &peer) ||
                !peer_interrupted(run, peer, &(PeerCall){ "sem-wait" }, 0, "sem_wait") ||
                !check_expect(run, "value", sem_check_value(semaphore.sem), 0) ||
                !check_expect(run, "sem_post then", sem_check_post(&semaphore), 0) ||
                !check_expect(run, "sem_trywait then", sem_check_try(&semaphore), 0))
                return CHECK_FAILED;
        return check_ok(run, "a signal handler ran: EINTR, nothing taken, and a post after it is not lost");
}

/* signal(7) lists sem_timedwait(3) among what SA_RESTART begins again; it is not. */
CheckResult sem_check_timed_interrupted(CheckRun *run) {
        CLEANUP_SEMAPHORE Semaphore semaphore = SEMAPHORE_EMPTY;
        CheckProcess *peer;

        if (!sem_check_begin(run, 0, &semaphore, &peer) ||
                !peer_interrupted(run, peer, &(PeerCall){ "sem-timed", CHECK_PATIENCE_USEC, CLOCK_REALTIME },
                        SA_RESTART, "sem_timedwait, SA_RESTART") ||
                !peer_interrupted(run, peer, &(PeerCall){ "sem-timed", CHECK_PATIENCE_USEC, CLOCK_MONOTONIC },
                        SA_RESTART, "sem_clockwait, SA_RESTART") ||
                !check_expect(run, "value", sem_check_value(semaphore.sem), 0))
                return CHECK_FAILED;
        return check_ok(run, "sem_timedwait and sem_clockwait, a handler with SA_RESTART: EINTR, nothing taken");
}

CheckResult sem_check_handler_posts(CheckRun *run) {
        CLEANUP_SEMAPHORE Semaphore semaphore = SEMAPHORE_EMPTY;
        CheckProcess *peer;

        if (!sem_check_begin(run, 0, &semaphore, &peer) ||
                !check_expect(run, "sigaction", peer_call(run, peer, "sem-handler-posts", SIGUSR1), 0) ||
                !sem_check_waits(run, peer, "who waits") ||
                !check_expect(run, "kill", check_kill(run, peer, SIGUSR1), 0) ||
                !check_expect(run, "its sem_wait", peer_end(run, peer, NULL), 0) ||
                !check_expect(run, "value", sem_check_value(semaphore.sem), 0))
                return CHECK_FAILED;
        return check_ok(run, "it slept in sem_wait, its own handler posted, and sem_wait had it");
}

/* --- Who is next --- */

static bool begin_waiters(CheckRun *run, Semaphore *semaphore, CheckProcess **waiters, size_t n) {
        if (!sem_check_make(run, 0, semaphore))
                return false;
        for (size_t i = 0; i < n; i++)
                if (!sem_check_meet(run, semaphore, &waiters[i]) || !sem_check_waits(run, waiters[i], "a waiter"))
                        return false;
        return true;
}

CheckResult sem_check_one_each(CheckRun *run) {
        CLEANUP_SEMAPHORE Semaphore semaphore = SEMAPHORE_EMPTY;
        CheckProcess *waiters[2];

        if (!begin_waiters(run, &semaphore, waiters, 2) ||
                !check_expect(run, "sem_post", sem_check_post(&semaphore), 0) ||
                !check_expect(run, "the first", peer_end(run, waiters[0], NULL), 0) ||
                !check_sleeps(run, waiters[1], "the second") ||
                !check_expect(run, "value", sem_check_value(semaphore.sem), 0))
                return CHECK_FAILED;
        return check_ok(run, "two waited, one post: one went on, the other sleeps on");
}

/* sem_post(3) promises none; this is what the queue of a futex does (linux/kernel/futex). */
CheckResult sem_check_in_turn(CheckRun *run) {
        CLEANUP_SEMAPHORE Semaphore semaphore = SEMAPHORE_EMPTY;
        CheckProcess *waiters[WAITERS];

        if (!begin_waiters(run, &semaphore, waiters, WAITERS))
                return CHECK_FAILED;
        for (size_t i = 0; i < WAITERS; i++)
                if (!check_expect(run, "sem_post", sem_check_post(&semaphore), 0) ||
                        !check_expect(run, "who has waited longest", peer_end(run, waiters[i], NULL), 0))
                        return CHECK_FAILED;
        return check_ok(run, "%d waited: post by post they went on in the turn in which they came", WAITERS);
}

CheckResult sem_check_realtime_first(CheckRun *run) {
        CLEANUP_SEMAPHORE Semaphore semaphore = SEMAPHORE_EMPTY;
        CheckProcess *first, *urgent;
        int64_t r;

        if (!sem_check_begin(run, 0, &semaphore, &first) || !sem_check_meet(run, &semaphore, &urgent))
                return CHECK_FAILED;
        r = peer_call(run, urgent, "realtime", PRIORITY);
        if (!check_need_said(run, "a real-time priority needs CAP_SYS_NICE", r) ||
                !sem_check_waits(run, first, "the first waiter") ||
                !sem_check_waits(run, urgent, "the second, of real-time priority") ||
                !check_expect(run, "sem_post", sem_check_post(&semaphore), 0) ||
                !check_expect(run, "the second's sem_wait", peer_end(run, urgent, NULL), 0) ||
                !check_sleeps(run, first, "the first, still"))
                return CHECK_FAILED;
        return check_ok(run, "who came second, with SCHED_FIFO priority %d, went on before the first", PRIORITY);
}

/* Who is woken has to take it yet: until it runs, anybody else can. */
CheckResult sem_check_barging(CheckRun *run) {
        CLEANUP_SEMAPHORE Semaphore semaphore = SEMAPHORE_EMPTY;
        CheckProcess *waiter;

        if (!sem_check_begin(run, 0, &semaphore, &waiter) || !sem_check_waits(run, waiter, "the waiter") ||
                !check_expect(run, "SIGSTOP", check_kill(run, waiter, SIGSTOP), 0) ||
                !check_expect(run, "stopped", check_await_state(run, waiter, 'T'), 0) ||
                !check_expect(run, "sem_post", sem_check_post(&semaphore), 0) ||
                !check_expect(run, "sem_trywait of another", sem_check_try(&semaphore), 0) ||
                !check_expect(run, "SIGCONT", check_kill(run, waiter, SIGCONT), 0) ||
                !check_sleeps(run, waiter, "the waiter, still") ||
                !check_expect(run, "sem_post", sem_check_post(&semaphore), 0) ||
                !check_expect(run, "its sem_wait", peer_end(run, waiter, NULL), 0))
                return CHECK_FAILED;
        return check_ok(run, "posted while its waiter was stopped, taken by who came later: the waiter sleeps on");
}

/* --- Deaths --- */

CheckResult sem_check_waiter_killed(CheckRun *run) {
        CLEANUP_SEMAPHORE Semaphore semaphore = SEMAPHORE_EMPTY;
        CheckProcess *waiters[2];

        if (!begin_waiters(run, &semaphore, waiters, 2) ||
                !check_expect(run, "SIGKILL of the first", check_murder(run, waiters[0]), 0) ||
                !check_expect(run, "value", sem_check_value(semaphore.sem), 0) ||
                !check_expect(run, "sem_post", sem_check_post(&semaphore), 0) ||
                !check_expect(run, "the second's sem_wait", peer_end(run, waiters[1], NULL), 0) ||
                !check_expect(run, "sem_post", sem_check_post(&semaphore), 0) ||
                !check_expect(run, "sem_trywait", sem_check_try(&semaphore), 0))
                return CHECK_FAILED;
        return check_ok(run, "two waited, the first was killed: a post went to the second, the next is not lost");
}

CheckResult sem_check_poster_killed(CheckRun *run) {
        CLEANUP_SEMAPHORE Semaphore semaphore = SEMAPHORE_EMPTY;
        CheckProcess *waiter, *poster;
        int status = 0;
        int64_t r;

        if (!sem_check_begin(run, 0, &semaphore, &waiter) || !sem_check_meet(run, &semaphore, &poster) ||
                !sem_check_waits(run, waiter, "the waiter"))
                return CHECK_FAILED;
        r = peer_call(run, poster, "last-call", SYS_futex);
        if (!check_need(run, "a filter of system calls", r) ||
                !check_expect(run, "beginning to post", peer_begin(run, poster, &(PeerCall){ "sem-post" }), 0) ||
                !check_expect(
                        run, "the end of the poster", check_wait(run, poster, CHECK_PATIENCE_USEC, &status), 0) ||
                !check_expect(run, "its signal", WIFSIGNALED(status) ? WTERMSIG(status) : 0, SIGKILL) ||
                !check_expect(run, "value", sem_check_value(semaphore.sem), 1) ||
                !check_sleeps(run, waiter, "the waiter, still") ||
                !check_expect(run, "sem_post of another", sem_check_post(&semaphore), 0) ||
                !check_expect(run, "the waiter's sem_wait", peer_end(run, waiter, NULL), 0) ||
                !check_expect(run, "value", sem_check_value(semaphore.sem), 1))
                return CHECK_FAILED;
        return check_ok(run,
                "killed after it had added one, before it woke anybody: value 1, the waiter sleeps until the next "
                "post");
}
