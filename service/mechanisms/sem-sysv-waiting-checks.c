/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sem-sysv-checks.h"

/* Who waits at a set: what wakes it, what does not, and in which turn. */
#include <errno.h>
#include <signal.h>

#include "peer-interrupt.h"

CheckResult sem_sysv_wait_increase(CheckRun *run) {
        CLEANUP_SET int id = -1;
        CheckProcess *peer;

        if (!sem_set_begin(run, &id, NULL, &peer) ||
                !sem_set_waits(run, peer, &(PeerCall){ "sem-op", id, -2 }, "who takes 2") ||
                !check_expect(run, "GETNCNT", semctl(id, 0, GETNCNT), 1) ||
                !check_expect(run, "adding 1", sem_set_operate(id, 0, 1, 0), 0) ||
                !check_sleeps(run, peer, "with 1 there") ||
                !check_expect(run, "adding 1", sem_set_operate(id, 0, 1, 0), 0) ||
                !check_expect(run, "the peer's semop", peer_end(run, peer, NULL), 0) ||
                !check_expect(run, "GETNCNT", semctl(id, 0, GETNCNT), 0) ||
                !check_expect(run, "the value", sem_set_value(id, 0), 0))
                return CHECK_FAILED;
        return check_ok(run, "who takes 2 sleeps at 0 and at 1 (GETNCNT 1) and goes on at 2");
}

CheckResult sem_sysv_wait_zero(CheckRun *run) {
        CLEANUP_SET int id = -1;
        CheckProcess *peer;

        if (!sem_set_begin(run, &id, NULL, &peer) ||
                !check_expect(run, "at 0", peer_call(run, peer, "sem-op", id, 0), 0) ||
                !check_expect(run, "SETVAL 1", sem_set_write(id, 0, 1), 0) ||
                !sem_set_waits(run, peer, &(PeerCall){ "sem-op", id, 0 }, "who waits for zero") ||
                !check_expect(run, "GETZCNT", semctl(id, 0, GETZCNT), 1) ||
                !check_expect(run, "taking 1", sem_set_operate(id, 0, -1, IPC_NOWAIT), 0) ||
                !check_expect(run, "the peer's semop", peer_end(run, peer, NULL), 0) ||
                !check_expect(run, "GETZCNT", semctl(id, 0, GETZCNT), 0))
                return CHECK_FAILED;
        return check_ok(run, "an operation of 0 goes on at 0, sleeps at 1 (GETZCNT 1) and wakes when it is 0");
}

CheckResult sem_sysv_set_wakes(CheckRun *run) {
        CLEANUP_SET int id = -1;
        CheckProcess *peer;

        if (!sem_set_begin(run, &id, NULL, &peer) ||
                !sem_set_waits(run, peer, &(PeerCall){ "sem-op", id, -2 }, "who takes 2") ||
                !check_expect(run, "SETVAL 5", sem_set_write(id, 0, 5), 0) ||
                !check_expect(run, "the peer's semop", peer_end(run, peer, NULL), 0) ||
                !check_expect(run, "the value", sem_set_value(id, 0), 3))
                return CHECK_FAILED;
        return check_ok(run, "SETVAL 5 woke it, and it took its 2 of them");
}

CheckResult sem_sysv_timed_out(CheckRun *run) {
        CLEANUP_SET int id = -1;
        CheckProcess *peer;
        PeerReply reply = {};

        if (!sem_set_begin(run, &id, NULL, &peer) ||
                !check_expect(run, "semtimedop",
                        peer_call_full(run, peer, &(PeerCall){ "sem-timed", id, CHECK_TIMEOUT_USEC }, &reply),
                        -EAGAIN) ||
                !check_expect(run, "early", reply.x, 0))
                return CHECK_FAILED;
        return check_ok(run, "%d ms: EAGAIN, not before", CHECK_TIMEOUT_USEC / 1000);
}

CheckResult sem_sysv_interrupted(CheckRun *run) {
        const PeerCall take = { "sem-op" }, timed = { "sem-timed" };
        CLEANUP_SET int id = -1;
        CheckProcess *peer;

        if (!sem_set_begin(run, &id, NULL, &peer) ||
                !peer_interrupted(run, peer, &(PeerCall){ take.name, id, -1 }, 0, "semop") ||
                !peer_interrupted(run, peer, &(PeerCall){ take.name, id, -1 }, SA_RESTART, "semop, SA_RESTART") ||
                !peer_interrupted(run, peer, &(PeerCall){ timed.name, id, CHECK_PATIENCE_USEC }, SA_RESTART,
                        "semtimedop, SA_RESTART") ||
                !check_expect(run, "GETNCNT", semctl(id, 0, GETNCNT), 0) ||
                !check_expect(run, "adding 1", sem_set_operate(id, 0, 1, 0), 0) ||
                !check_expect(run, "the value", sem_set_value(id, 0), 1))
                return CHECK_FAILED;
        return check_ok(
                run, "a handler ran: EINTR, also with SA_RESTART; nothing was taken, and nobody waits (GETNCNT)");
}

/* signal(7), "Interruption of system calls and library functions by stop signals". */
CheckResult sem_sysv_stopped(CheckRun *run) {
        CLEANUP_SET int id = -1;
        CheckProcess *peer;

        if (!sem_set_begin(run, &id, NULL, &peer) ||
                !peer_stopped_interrupted(run, peer, &(PeerCall){ "sem-op", id, -1 }, "semop") ||
                !check_expect(run, "GETNCNT", semctl(id, 0, GETNCNT), 0))
                return CHECK_FAILED;
        return check_ok(run, "stopped by SIGSTOP and continued, with no handler: EINTR");
}

CheckResult sem_sysv_waiter_killed(CheckRun *run) {
        CLEANUP_SET int id = -1;
        CheckProcess *first, *second;

        if (!sem_set_begin(run, &id, NULL, &first) || !sem_set_another(run, &second) ||
                !sem_set_waits(run, first, &(PeerCall){ "sem-op", id, -1 }, "the first waiter") ||
                !sem_set_waits(run, second, &(PeerCall){ "sem-op", id, -1 }, "the second") ||
                !check_expect(run, "GETNCNT", semctl(id, 0, GETNCNT), 2) ||
                !check_expect(run, "SIGKILL of the first", check_murder(run, first), 0) ||
                !check_expect(run, "GETNCNT after it", semctl(id, 0, GETNCNT), 1) ||
                !check_expect(run, "adding 1", sem_set_operate(id, 0, 1, 0), 0) ||
                !check_expect(run, "the second's semop", peer_end(run, second, NULL), 0) ||
                !check_expect(run, "the value", sem_set_value(id, 0), 0))
                return CHECK_FAILED;
        return check_ok(
                run, "two waited, the first was killed: GETNCNT 1, and the one that was added went to the second");
}

/* semop(2) promises no order; this is what Linux does with those who want the same (linux/ipc/sem.c: "FIFO"). */
CheckResult sem_sysv_in_turn(CheckRun *run) {
        enum { WAITERS = 3 };
        CLEANUP_SET int id = -1;
        CheckProcess *waiters[WAITERS];

        if (!sem_set_begin(run, &id, NULL, &waiters[0]))
                return CHECK_FAILED;
        for (size_t i = 0; i < WAITERS; i++)
                if ((i > 0 && !sem_set_another(run, &waiters[i])) ||
                        !sem_set_waits(run, waiters[i], &(PeerCall){ "sem-op", id, -1 }, "a waiter"))
                        return CHECK_FAILED;
        for (size_t i = 0; i < WAITERS; i++) {
                if (!check_expect(run, "adding 1", sem_set_operate(id, 0, 1, 0), 0) ||
                        !check_expect(run, "who has waited longest", peer_end(run, waiters[i], NULL), 0) ||
                        !check_expect(run, "GETNCNT", semctl(id, 0, GETNCNT), (int64_t)(WAITERS - 1 - i)))
                        return CHECK_FAILED;
        }
        return check_ok(
                run, "%d waited for 1 each: as each was added, they went on in the turn in which they came", WAITERS);
}

CheckResult sem_sysv_overtakes(CheckRun *run) {
        CLEANUP_SET int id = -1;
        CheckProcess *much, *little;

        if (!sem_set_begin(run, &id, NULL, &much) || !sem_set_another(run, &little) ||
                !sem_set_waits(run, much, &(PeerCall){ "sem-op", id, -2 }, "who takes 2") ||
                !sem_set_waits(run, little, &(PeerCall){ "sem-op", id, -1 }, "who takes 1, later") ||
                !check_expect(run, "adding 1", sem_set_operate(id, 0, 1, 0), 0) ||
                !check_expect(run, "the later one's semop", peer_end(run, little, NULL), 0) ||
                !check_sleeps(run, much, "who takes 2, still") ||
                !check_expect(run, "adding 2", sem_set_operate(id, 0, 2, 0), 0) ||
                !check_expect(run, "its semop", peer_end(run, much, NULL), 0))
                return CHECK_FAILED;
        return check_ok(run, "1 was added: who wants 1 and came later took it, who wants 2 waits on");
}
