/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sem-sysv-checks.h"

/* What semget(2), semop(2) and semctl(2) promise of System V semaphores: values and sets, and the table of all. */
#include <errno.h>
#include <unistd.h>

#include "peer-count.h"

static CheckResult counts(CheckRun *run) {
        CLEANUP_SET int id = -1;
        CheckProcess *peer;

        if (!sem_set_begin(run, &id, NULL, &peer) || !check_expect(run, "a new one", sem_set_value(id, 0), 0) ||
                !check_expect(run, "adding 3", peer_call(run, peer, "sem-op", id, 3), 0) ||
                !check_expect(run, "taking 2", sem_set_operate(id, 0, -2, IPC_NOWAIT), 0) ||
                !check_expect(run, "taking 2 of 1", peer_call(run, peer, "sem-op", id, -2, IPC_NOWAIT), -EAGAIN) ||
                !check_expect(run, "the value", sem_set_value(id, 0), 1) ||
                !check_expect(run, "GETPID", semctl(id, 0, GETPID), getpid()) ||
                !check_expect(run, "the others", sem_set_value(id, 1) + sem_set_value(id, 2), 0))
                return CHECK_FAILED;
        return check_ok(run, "0, the peer added 3, 2 taken here; 2 of 1: EAGAIN; GETPID tells who changed it last");
}

static CheckResult atomic(CheckRun *run) {
        CLEANUP_SET int id = -1;
        CheckProcess *peer;

        if (!sem_set_begin(run, &id, NULL, &peer) || !check_expect(run, "SETVAL", sem_set_write(id, 0, 1), 0) ||
                !check_expect(run, "both at once", peer_call(run, peer, "sem-both", id, IPC_NOWAIT), -EAGAIN) ||
                !check_expect(run, "the first", sem_set_value(id, 0), 1) ||
                !sem_set_waits(run, peer, &(PeerCall){ "sem-both", id }, "who takes both") ||
                !check_expect(run, "the first meanwhile", sem_set_value(id, 0), 1) ||
                !check_expect(run, "adding to the second", sem_set_operate(id, 1, 1, 0), 0) ||
                !check_expect(run, "the peer's semop", peer_end(run, peer, NULL), 0) ||
                !check_expect(run, "the first", sem_set_value(id, 0), 0) ||
                !check_expect(run, "the second", sem_set_value(id, 1), 0))
                return CHECK_FAILED;
        return check_ok(run, "1 and 0: nothing is taken, also not while it waits; 1 and 1: both are");
}

static CheckResult removed(CheckRun *run) {
        CLEANUP_SET int id = -1;
        CheckProcess *peer;

        if (!sem_set_begin(run, &id, NULL, &peer) ||
                !sem_set_waits(run, peer, &(PeerCall){ "sem-op", id, -1 }, "the waiter") ||
                !check_expect(run, "IPC_RMID", semctl(id, 0, IPC_RMID), 0) ||
                !check_expect(run, "the waiting semop", peer_end(run, peer, NULL), -EIDRM) ||
                !check_expect(run, "the next", peer_call(run, peer, "sem-op", id, 1), -EINVAL))
                return CHECK_FAILED;
        id = -1;
        return check_ok(run, "a waiter: EIDRM at once; later calls: EINVAL");
}

static CheckResult largest(CheckRun *run) {
        CLEANUP_SET int id = -1;
        CheckProcess *peer;

        if (!sem_set_begin(run, &id, NULL, &peer) ||
                !check_expect(run, "adding 32767", peer_call(run, peer, "sem-op", id, SEM_VALUE_LARGEST), 0) ||
                !check_expect(run, "one more", peer_call(run, peer, "sem-op", id, 1), -ERANGE) ||
                !check_expect(run, "SETVAL 32768", sem_set_write(id, 0, SEM_VALUE_LARGEST + 1), -ERANGE) ||
                !check_expect(run, "the value", sem_set_value(id, 0), SEM_VALUE_LARGEST))
                return CHECK_FAILED;
        return check_ok(run, "%d is reached, one more: ERANGE, and nothing changed", SEM_VALUE_LARGEST);
}

static CheckResult set_size(CheckRun *run) {
        CLEANUP_SET int id = -1;
        key_t key = IPC_PRIVATE;
        CheckProcess *peer;

        if (!sem_set_begin(run, &id, &key, &peer) ||
                !check_expect(
                        run, "semget of more", peer_call(run, peer, "sem-get", key, SEM_CHECK_SIZE + 1), -EINVAL) ||
                !check_expect(run, "number 3 of 3", sem_set_operate(id, SEM_CHECK_SIZE, 1, 0), -EFBIG) ||
                !check_expect(run, "the last", sem_set_operate(id, SEM_CHECK_SIZE - 1, 1, 0), 0) ||
                !check_expect(run, "a new set of 0", peer_call(run, peer, "sem-get", IPC_PRIVATE, 0, 0600), -EINVAL))
                return CHECK_FAILED;
        return check_ok(run, "a set of 3: number 2 works, number 3: EFBIG; semget of 4: EINVAL");
}

static CheckResult survives(CheckRun *run) {
        CLEANUP_SET int id = -1;
        CheckProcess *peer;

        if (peer_start(run, 0, NULL, 0, &peer) < 0)
                return CHECK_FAILED;
        id = (int)peer_call(run, peer, "sem-make");
        if (!check_need(run, "the peer's semget", id) ||
                !check_expect(run, "adding 5", peer_call(run, peer, "sem-op", id, 5), 0) ||
                !check_expect(run, "SIGKILL", check_murder(run, peer), 0) ||
                !check_expect(run, "the value", sem_set_value(id, 0), 5))
                return CHECK_FAILED;
        return check_ok(run, "creator killed; the value 5 is there");
}

static CheckResult operations_limit(CheckRun *run) {
        CLEANUP_SET int id = -1;
        struct seminfo info;
        CheckProcess *peer;

        if (!check_need(run, "IPC_INFO", semctl(0, 0, IPC_INFO, (SemArgument){ .info = &info }) < 0 ? -errno : 0) ||
                !sem_set_begin(run, &id, NULL, &peer) ||
                !check_expect(run, "as many as semopm", peer_call(run, peer, "sem-many", id, info.semopm), 0) ||
                !check_expect(run, "one more", peer_call(run, peer, "sem-many", id, info.semopm + 1), -E2BIG))
                return CHECK_FAILED;
        return check_ok(run, "%d at once are done, %d: E2BIG (semopm)", info.semopm, info.semopm + 1);
}

static CheckResult operated(CheckRun *run) {
        CLEANUP_SET int id = -1;
        struct semid_ds st;
        CheckProcess *peer;

        if (!sem_set_begin(run, &id, NULL, &peer) ||
                !check_expect(run, "IPC_STAT", semctl(id, 0, IPC_STAT, (SemArgument){ .stat = &st }), 0) ||
                !check_expect(run, "sem_otime of a new one", st.sem_otime, 0) ||
                !check_expect(run, "SETVAL", sem_set_write(id, 0, 1), 0) ||
                !check_expect(run, "IPC_STAT", semctl(id, 0, IPC_STAT, (SemArgument){ .stat = &st }), 0) ||
                !check_expect(run, "sem_otime after SETVAL", st.sem_otime, 0) ||
                !check_expect(run, "adding", peer_call(run, peer, "sem-op", id, 1), 0) ||
                !check_expect(run, "IPC_STAT", semctl(id, 0, IPC_STAT, (SemArgument){ .stat = &st }), 0) ||
                !check_expect(run, "a sem_otime after semop", st.sem_otime > 0, true))
                return CHECK_FAILED;
        return check_ok(
                run, "sem_otime is 0 until the first semop, also after SETVAL: by that it is seen to be ready");
}

/* The idiom of semop(2)'s own example: a lock whose 0 is free. */
static CheckResult in_order(CheckRun *run) {
        CLEANUP_SET int id = -1;
        CheckProcess *peer, *other;

        if (!sem_set_begin(run, &id, NULL, &peer) || !sem_set_another(run, &other) ||
                !check_expect(run, "zero, then one", peer_call(run, peer, "sem-zero-add", id), 0) ||
                !check_expect(run, "the value", sem_set_value(id, 0), 1) ||
                !check_expect(
                        run, "the same of another", peer_call(run, other, "sem-zero-add", id, IPC_NOWAIT), -EAGAIN) ||
                !sem_set_waits(run, other, &(PeerCall){ "sem-zero-add", id }, "the other") ||
                !check_expect(run, "taking it", peer_call(run, peer, "sem-op", id, -1), 0) ||
                !check_expect(run, "the other's semop", peer_end(run, other, NULL), 0) ||
                !check_expect(run, "the value", sem_set_value(id, 0), 1))
                return CHECK_FAILED;
        return check_ok(run, "wait for zero, then add one: one process has it at a time");
}

static CheckResult made_once(CheckRun *run) {
        CLEANUP_SET int id = -1;
        key_t key = IPC_PRIVATE;
        CheckProcess *peer;

        if (!sem_set_begin(run, &id, &key, &peer) ||
                !check_expect(run, "IPC_CREAT | IPC_EXCL",
                        peer_call(run, peer, "sem-get", key, SEM_CHECK_SIZE, IPC_CREAT | IPC_EXCL | 0600), -EEXIST) ||
                !check_expect(
                        run, "IPC_CREAT", peer_call(run, peer, "sem-get", key, SEM_CHECK_SIZE, IPC_CREAT | 0600), id))
                return CHECK_FAILED;
        return check_ok(run, "IPC_EXCL: EEXIST; IPC_CREAT alone: the same identifier");
}

static CheckResult made_anew(CheckRun *run) {
        CLEANUP_SET int id = -1;
        key_t key = IPC_PRIVATE;
        CheckProcess *peer;
        int old;

        if (!sem_set_begin(run, &id, &key, &peer))
                return CHECK_FAILED;
        old = id;
        if (!check_expect(run, "IPC_RMID", semctl(old, 0, IPC_RMID), 0))
                return CHECK_FAILED;
        id = semget(key, SEM_CHECK_SIZE, IPC_CREAT | IPC_EXCL | 0600);
        if (!check_need(run, "semget of the key again", id < 0 ? -errno : 0) ||
                !check_expect(run, "another number", id != old, true) ||
                !check_expect(run, "adding to the old number", peer_call(run, peer, "sem-op", old, 1), -EINVAL) ||
                !check_expect(run, "the new value", sem_set_value(id, 0), 0))
                return CHECK_FAILED;
        return check_ok(run,
                "removed and made again with its key: number %d, not %d; who kept the old one gets EINVAL", id, old);
}

/* Peers that have the memory, and a set whose first semaphore is 1. */
static bool begin_counting(CheckRun *run, int *ret_id, int *ret_memory, CheckProcess **peers, size_t n) {
        int r = count_memory(sizeof(uint64_t), ret_memory);

        if (!check_need(run, "memory for the number", r) || !sem_set_make(run, ret_id, NULL) ||
                !check_expect(run, "SETVAL 1", sem_set_write(*ret_id, 0, 1), 0))
                return false;
        for (size_t i = 0; i < n; i++)
                if (peer_start(run, 0, ret_memory, 1, &peers[i]) < 0)
                        return false;
        return true;
}

static CheckResult excludes(CheckRun *run) {
        CLEANUP_FD int memory = -EBADF;
        CLEANUP_SET int id = -1;
        CheckProcess *peers[COUNT_PEERS];

        if (!begin_counting(run, &id, &memory, peers, COUNT_PEERS))
                return CHECK_FAILED;
        return count_together(run, peers, &(PeerCall){ "sem-count", id, 0, COUNT_ADDITIONS }, memory);
}

static CheckResult advisory(CheckRun *run) {
        CLEANUP_FD int memory = -EBADF;
        CLEANUP_SET int id = -1;
        CheckProcess *peers[2];

        if (!begin_counting(run, &id, &memory, peers, 2) ||
                !check_expect(run, "the holder's semop", peer_call(run, peers[0], "sem-op", id, -1), 0) ||
                !count_loses_one(run, peers[0], peers[1], 0, memory))
                return CHECK_FAILED;
        return check_ok(run, "the holder added one, and one who did not ask it another: the sum is 1, not 2");
}

static CheckResult no_direction(CheckRun *run) {
        CLEANUP_SET int id = -1;
        CheckProcess *peer;

        if (!sem_set_begin(run, &id, NULL, &peer) ||
                !check_expect(run, "adding 1 here", sem_set_operate(id, 0, 1, 0), 0) ||
                !check_expect(run, "taking it here", sem_set_operate(id, 0, -1, IPC_NOWAIT), 0) ||
                !check_expect(run, "the peer", peer_call(run, peer, "sem-op", id, -1, IPC_NOWAIT), -EAGAIN))
                return CHECK_FAILED;
        return check_ok(run, "who added it took it again; nothing was left for the other (EAGAIN)");
}

const Check sem_sysv_checks[] = {
        { "counts", "each semaphore of a set counts for itself, and tells who changed it last", "semctl(2)",
                CHECK_BOTH, counts, { sem_sysv_role }, .aspects = ASPECT(UNRELATED) | ASPECT(CREDENTIALS) },
        { "wait-increase", "who takes more than there is sleeps until there is enough", "semop(2)", CHECK_BOTH,
                sem_sysv_wait_increase, { sem_sysv_role }, .aspects = ASPECT(BLOCKING) | ASPECT(EMPTY) },
        { "wait-zero", "an operation of 0 waits until the value is 0", "semop(2)", CHECK_BOTH, sem_sysv_wait_zero,
                { sem_sysv_role }, .aspects = ASPECT(BLOCKING) },
        { "atomic", "several operations of one call are done together or not at all, also while they wait", "semop(2)",
                CHECK_BOTH, atomic, { sem_sysv_role }, .aspects = ASPECT(ATOMICITY) },
        { "in-order", "the operations of one call are done in their order: wait for zero, then add one, is a lock",
                "semop(2)", CHECK_BOTH, in_order, { sem_sysv_role }, .aspects = ASPECT(ATOMICITY) },
        { "excludes", "what is done under a semaphore is done by one process at a time: no update is lost", "semop(2)",
                CHECK_BOTH, excludes, { sem_sysv_role }, .aspects = ASPECT(SYNCHRONISATION) | ASPECT(MANY_WRITERS) },
        { "advisory", "it holds back nobody who does not ask it: an update is then lost", "sem_overview(7)",
                CHECK_BOTH, advisory, { sem_sysv_role }, .aspects = ASPECT(SYNCHRONISATION) },
        { "no-direction", "a semaphore has no direction: who adds to it may take it again before the other does",
                "semop(2)", CHECK_BOTH, no_direction, { sem_sysv_role },
                .aspects = ASPECT(BIDIRECTIONAL) | ASPECT(FULL_DUPLEX) },
        { "in-turn", "waiters that want the same go on in the turn in which they came (semop(2) promises none)",
                "linux/ipc/sem.c", CHECK_BOTH, sem_sysv_in_turn, { sem_sysv_role }, .aspects = ASPECT(ORDER) },
        { "overtakes", "who wants less and came later is not held up by who waits for more", "semop(2)", CHECK_BOTH,
                sem_sysv_overtakes, { sem_sysv_role }, .aspects = ASPECT(ORDER) },
        { "undo", "with SEM_UNDO the kernel gives back what a killed process took; without, it stays taken",
                "semop(2)", CHECK_BOTH, sem_sysv_undo, { sem_sysv_role }, .aspects = ASPECT(HOLDER_KILLED) },
        { "undo-wakes", "what a killed holder gives back wakes who waits, and tells it nothing of the death",
                "semop(2)", CHECK_BOTH, sem_sysv_undo_wakes, { sem_sysv_role }, .aspects = ASPECT(HOLDER_KILLED) },
        { "undo-sum", "SEM_UNDO gives back the sum of what was done with it, not of what was done without", "semop(2)",
                CHECK_BOTH, sem_sysv_undo_sum, { sem_sysv_role }, .aspects = ASPECT(HOLDER_KILLED) },
        { "undo-clamped", "SEM_UNDO that would make a value negative makes it 0, and no death waits for it",
                "semop(2)", CHECK_BOTH, sem_sysv_undo_clamped, { sem_sysv_role }, .aspects = ASPECT(HOLDER_KILLED) },
        { "undo-forked", "a child does not inherit by fork what SEM_UNDO is to give back", "semop(2)", CHECK_BOTH,
                sem_sysv_undo_forked, { sem_sysv_role } },
        { "set-forgets", "setting a value makes the kernel forget what SEM_UNDO was to give back", "semctl(2)",
                CHECK_BOTH, sem_sysv_set_forgets, { sem_sysv_role } },
        { "set-wakes", "setting a value wakes who waits for it", "semctl(2)", CHECK_BOTH, sem_sysv_set_wakes,
                { sem_sysv_role } },
        { "interrupted",
                "a signal handler ends a waiting semop with EINTR, also with SA_RESTART, and nothing is taken",
                "signal(7)", CHECK_BOTH, sem_sysv_interrupted, { sem_sysv_role }, .aspects = ASPECT(INTERRUPTED) },
        { "stopped", "stopping and continuing ends a waiting semop with EINTR, though no handler ran", "signal(7)",
                CHECK_BOTH, sem_sysv_stopped, { sem_sysv_role }, .aspects = ASPECT(INTERRUPTED) },
        { "waiter-killed", "a killed waiter is counted no more and takes nothing with it: the next one gets it",
                "semop(2)", CHECK_BOTH, sem_sysv_waiter_killed, { sem_sysv_role }, .aspects = ASPECT(WAITER_KILLED) },
        { "timeout", "semtimedop gives up at its deadline, never before", "semop(2)", CHECK_BOTH, sem_sysv_timed_out,
                { sem_sysv_role }, .aspects = ASPECT(TIMEOUT) },
        { "removed", "removing a set wakes who waits with EIDRM", "semctl(2)", CHECK_BOTH, removed,
                { sem_sysv_role } },
        { "largest", "the value never goes past 32767 (SEMVMX): more is ERANGE, and nobody waits for room", "semop(2)",
                CHECK_BOTH, largest, { sem_sysv_role }, .aspects = ASPECT(MAXIMUM) | ASPECT(FULL) },
        { "set-size", "a set keeps the number of its semaphores", "semget(2)", CHECK_BOTH, set_size, { sem_sysv_role },
                .aspects = ASPECT(MAXIMUM) },
        { "operations-limit", "one call does at most semopm operations", "semop(2)", CHECK_BOTH, operations_limit,
                { sem_sysv_role }, .aspects = ASPECT(LIMIT) },
        { "sets-limit", "at semmni sets there is no other until one is removed", "semget(2)", CHECK_BOTH,
                sem_sysv_sets_limit, { sem_sysv_role }, .aspects = ASPECT(LIMIT) },
        { "set-size-limit", "a set has at most semmsl semaphores, and all sets together semmns", "semget(2)",
                CHECK_BOTH, sem_sysv_set_size_limit, { sem_sysv_role }, .aspects = ASPECT(LIMIT) },
        { "made-once", "of those who make a set with IPC_EXCL one succeeds; without it all get the same", "semget(2)",
                CHECK_BOTH, made_once, { sem_sysv_role }, .aspects = ASPECT(ATOMICITY) },
        { "operated",
                "a set is made first and set to its values later: the time of the last operation tells one that is "
                "not ready",
                "semget(2)", CHECK_BOTH, operated, { sem_sysv_role } },
        { "made-anew",
                "a set that is made with the key of a removed one has another number: the old one reaches nobody",
                "semget(2)", CHECK_BOTH, made_anew, { sem_sysv_role } },
        { "survives", "a set outlives the process that made it", "sysvipc(7)", CHECK_BOTH, survives, { sem_sysv_role },
                .aspects = ASPECT(PERSISTENCE) | ASPECT(CREATOR_GONE) },
        { "permission", "mode bits keep other users out, at each use; only owner and creator remove", "sysvipc(7)",
                CHECK_BOTH, sem_sysv_permission, { sem_sysv_role }, .aspects = ASPECT(PERMISSION) },
        { "other-user",
                "another user uses it as its mode allows, from the next call on: reading waits for zero, writing adds",
                "sysvipc(7)", CHECK_BOTH, sem_sysv_other_user, { sem_sysv_role },
                .aspects = ASPECT(OTHER_USER) | ASPECT(PERMISSION) },
        { "namespace", "in another IPC namespace it is not there, neither by key nor by number", "ipc_namespaces(7)",
                CHECK_BOTH, sem_sysv_namespace, { sem_sysv_role }, .aspects = ASPECT(NAMESPACE) },
        { "no-descriptors", "it takes no descriptor: it works where none is left", "semget(2)", CHECK_BOTH,
                transport_exhausted_takes_none, { transport_exhausted_role }, .aspects = ASPECT(EXHAUSTION) },
        { "receive-blocks", "who takes from an empty semaphore sleeps until somebody posts", "semop(2)", CHECK_BOTH,
                transport_receive_blocks, { transport_receive_blocks_role }, .aspects = ASPECT(BLOCKING) },
        { "non-blocking", "with IPC_NOWAIT an empty one gives EAGAIN; 32767 posts fit", "semop(2)", CHECK_BOTH,
                transport_nonblocking, { transport_nonblocking_role },
                .aspects = ASPECT(NON_BLOCKING) | ASPECT(EMPTY) },
        {},
};

const CheckGap sem_sysv_gaps[] = {
        { ASPECT_BOUNDARIES, "It counts, and carries no messages." },
        { ASPECT_PRIORITY, "Neither a value nor a waiter has a priority." },
        { ASPECT_DESCRIPTORS, "It carries a number only: no descriptor goes along." },
        { ASPECT_WRITER_KILLED,
                "An operation is one step of the kernel: there is no middle in which a process could die." },
        {},
};
