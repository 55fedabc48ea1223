/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sem-sysv-checks.h"

/* SEM_UNDO: what the kernel gives back when a process ends, and when it does not. semop(2), NOTES and BUGS. */
#include <signal.h>

CheckResult sem_sysv_undo(CheckRun *run) {
        CLEANUP_SET int id = -1;
        CheckProcess *kept, *undone;

        if (!sem_set_begin(run, &id, NULL, &kept) || !sem_set_another(run, &undone) ||
                !check_expect(run, "SETVAL", sem_set_write(id, 0, 2), 0) ||
                !check_expect(run, "taking", peer_call(run, kept, "sem-op", id, -1), 0) ||
                !check_expect(run, "taking with SEM_UNDO", peer_call(run, undone, "sem-op", id, -1, SEM_UNDO), 0) ||
                !check_expect(run, "the value", sem_set_value(id, 0), 0) ||
                !check_expect(run, "SIGKILL without", check_murder(run, kept), 0) ||
                !check_expect(run, "the value after it", sem_set_value(id, 0), 0) ||
                !check_expect(run, "SIGKILL with", check_murder(run, undone), 0) ||
                !check_expect(run, "the value after it", sem_set_value(id, 0), 1))
                return CHECK_FAILED;
        return check_ok(run, "a holder killed with SEM_UNDO gave it back; one without did not");
}

CheckResult sem_sysv_undo_sum(CheckRun *run) {
        CLEANUP_SET int id = -1;
        CheckProcess *peer;

        if (!sem_set_begin(run, &id, NULL, &peer) || !check_expect(run, "SETVAL 9", sem_set_write(id, 0, 9), 0) ||
                !check_expect(run, "taking 5", peer_call(run, peer, "sem-op", id, -5, SEM_UNDO), 0) ||
                !check_expect(run, "giving 2 back", peer_call(run, peer, "sem-op", id, 2, SEM_UNDO), 0) ||
                !check_expect(run, "taking 1 without", peer_call(run, peer, "sem-op", id, -1), 0) ||
                !check_expect(run, "the value", sem_set_value(id, 0), 5) ||
                !check_expect(run, "SIGKILL", check_murder(run, peer), 0) ||
                !check_expect(run, "the value after it", sem_set_value(id, 0), 8))
                return CHECK_FAILED;
        return check_ok(run, "with SEM_UNDO 5 taken and 2 given, 1 taken without: its death gave 3 back, not 4");
}

CheckResult sem_sysv_undo_clamped(CheckRun *run) {
        CLEANUP_SET int id = -1;
        CheckProcess *peer;

        if (!sem_set_begin(run, &id, NULL, &peer) ||
                !check_expect(run, "adding 5 with SEM_UNDO", peer_call(run, peer, "sem-op", id, 5, SEM_UNDO), 0) ||
                !check_expect(run, "taking 3 here", sem_set_operate(id, 0, -3, IPC_NOWAIT), 0) ||
                !check_expect(run, "SIGKILL", check_murder(run, peer), 0) ||
                !check_expect(run, "the value after it", sem_set_value(id, 0), 0))
                return CHECK_FAILED;
        return check_ok(run, "5 to take back and 2 there: 0 after its death, neither negative nor waited for");
}

CheckResult sem_sysv_undo_forked(CheckRun *run) {
        CLEANUP_SET int id = -1;
        CheckProcess *peer;

        if (!sem_set_begin(run, &id, NULL, &peer) || !check_expect(run, "SETVAL 3", sem_set_write(id, 0, 3), 0) ||
                !check_expect(run, "taking with SEM_UNDO", peer_call(run, peer, "sem-op", id, -1, SEM_UNDO), 0) ||
                !check_expect(run, "a child of its own that only ends", peer_call(run, peer, "sem-forked", id), 0) ||
                !check_expect(run, "the value after it", sem_set_value(id, 0), 2) ||
                !check_expect(run, "a child that takes one and ends", peer_call(run, peer, "sem-forked", id, -1), 0) ||
                !check_expect(run, "the value after it", sem_set_value(id, 0), 2) ||
                !check_expect(run, "SIGKILL of the parent", check_murder(run, peer), 0) ||
                !check_expect(run, "the value after it", sem_set_value(id, 0), 3))
                return CHECK_FAILED;
        return check_ok(run, "a child's end gave back what the child took, and nothing of its parent's");
}

CheckResult sem_sysv_undo_wakes(CheckRun *run) {
        CLEANUP_SET int id = -1;
        CheckProcess *holder, *waiter;

        if (!sem_set_begin(run, &id, NULL, &holder) || !sem_set_another(run, &waiter) ||
                !check_expect(run, "SETVAL 1", sem_set_write(id, 0, 1), 0) ||
                !check_expect(run, "taking with SEM_UNDO", peer_call(run, holder, "sem-op", id, -1, SEM_UNDO), 0) ||
                !sem_set_waits(run, waiter, &(PeerCall){ "sem-op", id, -1 }, "the waiter") ||
                !check_expect(run, "SIGKILL of the holder", check_murder(run, holder), 0) ||
                !check_expect(run, "the waiter's semop", peer_end(run, waiter, NULL), 0) ||
                !check_expect(run, "the value", sem_set_value(id, 0), 0))
                return CHECK_FAILED;
        return check_ok(
                run, "its waiter has it now, and is told nothing: what the holder left half done is as it was");
}

CheckResult sem_sysv_set_forgets(CheckRun *run) {
        CLEANUP_SET int id = -1;
        CheckProcess *peer;

        if (!sem_set_begin(run, &id, NULL, &peer) || !check_expect(run, "SETVAL 2", sem_set_write(id, 0, 2), 0) ||
                !check_expect(run, "taking with SEM_UNDO", peer_call(run, peer, "sem-op", id, -1, SEM_UNDO), 0) ||
                !check_expect(run, "SETVAL 7", sem_set_write(id, 0, 7), 0) ||
                !check_expect(run, "SIGKILL", check_murder(run, peer), 0) ||
                !check_expect(run, "the value after it", sem_set_value(id, 0), 7))
                return CHECK_FAILED;
        return check_ok(run, "taken with SEM_UNDO, then SETVAL 7, then its death: still 7");
}
