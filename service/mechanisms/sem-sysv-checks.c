/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "checks.h"

/* What semget(2), semop(2) and semctl(2) promise of System V semaphores. The judge removes what it made; peers work
 * with the identifier, which any process may use. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "cleanup.h"
#include "peer-call.h"
#include "sem-sysv.h"
#include "spin.h"

enum { SEMAPHORES = 3 };

static int make_with_key(key_t key, void *userdata) {
        int id = semget(key, SEMAPHORES, IPC_CREAT | IPC_EXCL | 0600);

        if (id < 0)
                return -errno;
        if (userdata)
                *(key_t *)userdata = key;
        return id;
}

static void set_done(int *id) {
        if (*id >= 0)
                semctl(*id, 0, IPC_RMID);
}

#define CLEANUP_SET __attribute__((cleanup(set_done)))

static int64_t value_of(int id, int number) {
        int value = semctl(id, number, GETVAL);

        return value < 0 ? -errno : value;
}

static int64_t set_value(int id, int number, int value) {
        return semctl(id, number, SETVAL, (SemArgument){ .value = value }) < 0 ? -errno : 0;
}

static int64_t operate(int id, unsigned short number, short by, short flags) {
        struct sembuf one = { number, by, flags };

        return semop(id, &one, 1) < 0 ? -errno : 0;
}

/* --- What peers can be told to do; a is the identifier --- */

static int64_t call_make(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        return sysv_claim(peer->token, make_with_key, NULL);
}

static int64_t call_get(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        int id = semget((key_t)call->a, (int)call->b, (int)call->c);

        return id < 0 ? -errno : id;
}

/* b is added to semaphore 0, with the flags c. */
static int64_t call_operate(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        return operate((int)call->a, 0, (short)call->b, (short)call->c);
}

/* Takes one of semaphore 0 and one of semaphore 1 at once, with the flags b. */
static int64_t call_both(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        struct sembuf both[] = { { 0, -1, (short)call->b }, { 1, -1, (short)call->b } };

        return semop((int)call->a, both, 2) < 0 ? -errno : 0;
}

/* For b microseconds; x: whether it came back early. */
static int64_t call_timed(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        struct timespec timeout = timespec_from_usec((uint64_t)call->b);
        struct sembuf one = { 0, -1, 0 };
        uint64_t start = monotonic_now();
        int r = semtimedop((int)call->a, &one, 1, &timeout) < 0 ? -errno : 0;

        reply->x = monotonic_now() - start + 1 < (uint64_t)call->b; /* the clock was cut to whole microseconds */
        return r;
}

/* b operations at once, of nothing: each adds 0 to a semaphore that is 0. */
static int64_t call_many(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        CLEANUP_FREE struct sembuf *many = calloc((size_t)call->b, sizeof(*many));

        if (!many)
                return -ENOMEM;
        return semop((int)call->a, many, (size_t)call->b) < 0 ? -errno : 0;
}

static int64_t call_remove(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        return semctl((int)call->a, 0, IPC_RMID) < 0 ? -errno : 0;
}

static const PeerFunction functions[] = {
        { "sem-make", call_make },
        { "sem-get", call_get },
        { "sem-op", call_operate },
        { "sem-both", call_both },
        { "sem-timed", call_timed },
        { "sem-many", call_many },
        { "sem-remove", call_remove },
        {},
};

static int role(CheckPeer *peer) {
        return peer_serve(peer, functions);
}

/* A set with a key, and a peer that found it by that key. */
static bool begin(CheckRun *run, int *ret_id, key_t *ret_key, CheckProcess **ret) {
        key_t key = IPC_PRIVATE;

        *ret_id = sysv_claim(run->token, make_with_key, &key);
        if (ret_key)
                *ret_key = key;
        return check_need(run, "semget", *ret_id) && peer_start(run, 0, NULL, 0, ret) >= 0 &&
               check_expect(run, "the peer's semget of the key", peer_call(run, *ret, "sem-get", key), *ret_id);
}

static bool begin_waiting(CheckRun *run, CheckProcess *peer, const PeerCall *call, const char *who) {
        return check_expect(run, "beginning to wait", peer_begin(run, peer, call), 0) && check_sleeps(run, peer, who);
}

/* --- Checks --- */

static CheckResult counts(CheckRun *run) {
        CLEANUP_SET int id = -1;
        CheckProcess *peer;

        if (!begin(run, &id, NULL, &peer) || !check_expect(run, "a new one", value_of(id, 0), 0) ||
                !check_expect(run, "adding 3", peer_call(run, peer, "sem-op", id, 3), 0) ||
                !check_expect(run, "taking 2", operate(id, 0, -2, IPC_NOWAIT), 0) ||
                !check_expect(run, "taking 2 of 1", peer_call(run, peer, "sem-op", id, -2, IPC_NOWAIT), -EAGAIN) ||
                !check_expect(run, "the value", value_of(id, 0), 1) ||
                !check_expect(run, "GETPID", semctl(id, 0, GETPID), getpid()) ||
                !check_expect(run, "the others", value_of(id, 1) + value_of(id, 2), 0))
                return CHECK_FAILED;
        return check_ok(run, "0, the peer added 3, 2 taken here; 2 of 1: EAGAIN; GETPID tells who changed it last");
}

static CheckResult wait_increase(CheckRun *run) {
        CLEANUP_SET int id = -1;
        CheckProcess *peer;

        if (!begin(run, &id, NULL, &peer) ||
                !begin_waiting(run, peer, &(PeerCall){ "sem-op", id, -2 }, "who takes 2") ||
                !check_expect(run, "GETNCNT", semctl(id, 0, GETNCNT), 1) ||
                !check_expect(run, "adding 1", operate(id, 0, 1, 0), 0) || !check_sleeps(run, peer, "with 1 there") ||
                !check_expect(run, "adding 1", operate(id, 0, 1, 0), 0) ||
                !check_expect(run, "the peer's semop", peer_end(run, peer, NULL), 0) ||
                !check_expect(run, "GETNCNT", semctl(id, 0, GETNCNT), 0) ||
                !check_expect(run, "the value", value_of(id, 0), 0))
                return CHECK_FAILED;
        return check_ok(run, "who takes 2 sleeps at 0 and at 1 (GETNCNT 1) and goes on at 2");
}

static CheckResult wait_zero(CheckRun *run) {
        CLEANUP_SET int id = -1;
        CheckProcess *peer;

        if (!begin(run, &id, NULL, &peer) || !check_expect(run, "at 0", peer_call(run, peer, "sem-op", id, 0), 0) ||
                !check_expect(run, "SETVAL 1", set_value(id, 0, 1), 0) ||
                !begin_waiting(run, peer, &(PeerCall){ "sem-op", id, 0 }, "who waits for zero") ||
                !check_expect(run, "GETZCNT", semctl(id, 0, GETZCNT), 1) ||
                !check_expect(run, "taking 1", operate(id, 0, -1, IPC_NOWAIT), 0) ||
                !check_expect(run, "the peer's semop", peer_end(run, peer, NULL), 0) ||
                !check_expect(run, "GETZCNT", semctl(id, 0, GETZCNT), 0))
                return CHECK_FAILED;
        return check_ok(run, "an operation of 0 goes on at 0, sleeps at 1 (GETZCNT 1) and wakes when it is 0");
}

static CheckResult atomic(CheckRun *run) {
        CLEANUP_SET int id = -1;
        CheckProcess *peer;

        if (!begin(run, &id, NULL, &peer) || !check_expect(run, "SETVAL", set_value(id, 0, 1), 0) ||
                !check_expect(run, "both at once", peer_call(run, peer, "sem-both", id, IPC_NOWAIT), -EAGAIN) ||
                !check_expect(run, "the first", value_of(id, 0), 1) ||
                !begin_waiting(run, peer, &(PeerCall){ "sem-both", id }, "who takes both") ||
                !check_expect(run, "the first meanwhile", value_of(id, 0), 1) ||
                !check_expect(run, "adding to the second", operate(id, 1, 1, 0), 0) ||
                !check_expect(run, "the peer's semop", peer_end(run, peer, NULL), 0) ||
                !check_expect(run, "the first", value_of(id, 0), 0) ||
                !check_expect(run, "the second", value_of(id, 1), 0))
                return CHECK_FAILED;
        return check_ok(run, "1 and 0: nothing is taken, also not while it waits; 1 and 1: both are");
}

static CheckResult undo(CheckRun *run) {
        CLEANUP_SET int id = -1;
        CheckProcess *kept, *undone;

        if (!begin(run, &id, NULL, &kept) || peer_start(run, 0, NULL, 0, &undone) < 0 ||
                !check_expect(run, "SETVAL", set_value(id, 0, 2), 0) ||
                !check_expect(run, "taking", peer_call(run, kept, "sem-op", id, -1), 0) ||
                !check_expect(run, "taking with SEM_UNDO", peer_call(run, undone, "sem-op", id, -1, SEM_UNDO), 0) ||
                !check_expect(run, "the value", value_of(id, 0), 0) ||
                !check_expect(run, "SIGKILL without", check_murder(run, kept), 0) ||
                !check_expect(run, "the value after it", value_of(id, 0), 0) ||
                !check_expect(run, "SIGKILL with", check_murder(run, undone), 0) ||
                !check_expect(run, "the value after it", value_of(id, 0), 1))
                return CHECK_FAILED;
        return check_ok(run, "a holder killed with SEM_UNDO gave it back; one without did not");
}

static CheckResult timed_out(CheckRun *run) {
        CLEANUP_SET int id = -1;
        CheckProcess *peer;
        PeerReply reply = {};

        if (!begin(run, &id, NULL, &peer) ||
                !check_expect(run, "semtimedop",
                        peer_call_full(run, peer, &(PeerCall){ "sem-timed", id, CHECK_TIMEOUT_USEC }, &reply),
                        -EAGAIN) ||
                !check_expect(run, "early", reply.x, 0))
                return CHECK_FAILED;
        return check_ok(run, "%d ms: EAGAIN, not before", CHECK_TIMEOUT_USEC / 1000);
}

static CheckResult removed(CheckRun *run) {
        CLEANUP_SET int id = -1;
        CheckProcess *peer;

        if (!begin(run, &id, NULL, &peer) ||
                !begin_waiting(run, peer, &(PeerCall){ "sem-op", id, -1 }, "the waiter") ||
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

        if (!begin(run, &id, NULL, &peer) ||
                !check_expect(run, "adding 32767", peer_call(run, peer, "sem-op", id, SEM_VALUE_LARGEST), 0) ||
                !check_expect(run, "one more", peer_call(run, peer, "sem-op", id, 1), -ERANGE) ||
                !check_expect(run, "SETVAL 32768", set_value(id, 0, SEM_VALUE_LARGEST + 1), -ERANGE) ||
                !check_expect(run, "the value", value_of(id, 0), SEM_VALUE_LARGEST))
                return CHECK_FAILED;
        return check_ok(run, "%d is reached, one more: ERANGE, and nothing changed", SEM_VALUE_LARGEST);
}

static CheckResult set_size(CheckRun *run) {
        CLEANUP_SET int id = -1;
        key_t key = IPC_PRIVATE;
        CheckProcess *peer;

        if (!begin(run, &id, &key, &peer) ||
                !check_expect(run, "semget of more", peer_call(run, peer, "sem-get", key, SEMAPHORES + 1), -EINVAL) ||
                !check_expect(run, "number 3 of 3", operate(id, SEMAPHORES, 1, 0), -EFBIG) ||
                !check_expect(run, "the last", operate(id, SEMAPHORES - 1, 1, 0), 0) ||
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
                !check_expect(run, "the value", value_of(id, 0), 5))
                return CHECK_FAILED;
        return check_ok(run, "creator killed; the value 5 is there");
}

static CheckResult permission(CheckRun *run) {
        CLEANUP_SET int id = -1;
        key_t key = IPC_PRIVATE;
        CheckProcess *peer;

        if (!check_can_be_nobody())
                return check_skip(run, "only root can start a process of another user");
        if (!begin(run, &id, &key, &peer) || !check_become_nobody(run, peer) ||
                !check_expect(run, "adding", peer_call(run, peer, "sem-op", id, 1), -EACCES) ||
                !check_expect(run, "waiting for zero", peer_call(run, peer, "sem-op", id, 0), -EACCES) ||
                !check_expect(run, "semget asking for both", peer_call(run, peer, "sem-get", key, 0, 0600), -EACCES) ||
                !check_expect(run, "removing", peer_call(run, peer, "sem-remove", id), -EPERM))
                return CHECK_FAILED;
        return check_ok(run, "mode 0600, at each use: EACCES for user %d, removing EPERM", CHECK_NOBODY);
}

static CheckResult operations_limit(CheckRun *run) {
        CLEANUP_SET int id = -1;
        struct seminfo info;
        CheckProcess *peer;

        if (!check_need(run, "IPC_INFO", semctl(0, 0, IPC_INFO, (SemArgument){ .info = &info }) < 0 ? -errno : 0) ||
                !begin(run, &id, NULL, &peer) ||
                !check_expect(run, "as many as semopm", peer_call(run, peer, "sem-many", id, info.semopm), 0) ||
                !check_expect(run, "one more", peer_call(run, peer, "sem-many", id, info.semopm + 1), -E2BIG))
                return CHECK_FAILED;
        return check_ok(run, "%d at once are done, %d: E2BIG (semopm)", info.semopm, info.semopm + 1);
}

static CheckResult set_wakes(CheckRun *run) {
        CLEANUP_SET int id = -1;
        CheckProcess *peer;

        if (!begin(run, &id, NULL, &peer) ||
                !begin_waiting(run, peer, &(PeerCall){ "sem-op", id, -2 }, "who takes 2") ||
                !check_expect(run, "SETVAL 5", set_value(id, 0, 5), 0) ||
                !check_expect(run, "the peer's semop", peer_end(run, peer, NULL), 0) ||
                !check_expect(run, "the value", value_of(id, 0), 3))
                return CHECK_FAILED;
        return check_ok(run, "SETVAL 5 woke it, and it took its 2 of them");
}

static CheckResult set_forgets(CheckRun *run) {
        CLEANUP_SET int id = -1;
        CheckProcess *peer;

        if (!begin(run, &id, NULL, &peer) || !check_expect(run, "SETVAL 2", set_value(id, 0, 2), 0) ||
                !check_expect(run, "taking with SEM_UNDO", peer_call(run, peer, "sem-op", id, -1, SEM_UNDO), 0) ||
                !check_expect(run, "SETVAL 7", set_value(id, 0, 7), 0) ||
                !check_expect(run, "SIGKILL", check_murder(run, peer), 0) ||
                !check_expect(run, "the value after it", value_of(id, 0), 7))
                return CHECK_FAILED;
        return check_ok(run, "taken with SEM_UNDO, then SETVAL 7, then its death: still 7");
}

static CheckResult operated(CheckRun *run) {
        CLEANUP_SET int id = -1;
        struct semid_ds st;
        CheckProcess *peer;

        if (!begin(run, &id, NULL, &peer) ||
                !check_expect(run, "IPC_STAT", semctl(id, 0, IPC_STAT, (SemArgument){ .stat = &st }), 0) ||
                !check_expect(run, "sem_otime of a new one", st.sem_otime, 0) ||
                !check_expect(run, "SETVAL", set_value(id, 0, 1), 0) ||
                !check_expect(run, "IPC_STAT", semctl(id, 0, IPC_STAT, (SemArgument){ .stat = &st }), 0) ||
                !check_expect(run, "sem_otime after SETVAL", st.sem_otime, 0) ||
                !check_expect(run, "adding", peer_call(run, peer, "sem-op", id, 1), 0) ||
                !check_expect(run, "IPC_STAT", semctl(id, 0, IPC_STAT, (SemArgument){ .stat = &st }), 0) ||
                !check_expect(run, "a sem_otime after semop", st.sem_otime > 0, true))
                return CHECK_FAILED;
        return check_ok(
                run, "sem_otime is 0 until the first semop, also after SETVAL: by that it is seen to be ready");
}

const Check sem_sysv_checks[] = {
        { "counts", "each semaphore of a set counts for itself, and tells who changed it last", "semctl(2)",
                CHECK_BOTH, counts, { role } },
        { "wait-increase", "who takes more than there is sleeps until there is enough", "semop(2)", CHECK_BOTH,
                wait_increase, { role } },
        { "wait-zero", "an operation of 0 waits until the value is 0", "semop(2)", CHECK_BOTH, wait_zero, { role } },
        { "atomic", "several operations of one call are done together or not at all", "semop(2)", CHECK_BOTH, atomic,
                { role } },
        { "undo", "with SEM_UNDO the kernel gives back what a killed process took", "semop(2)", CHECK_BOTH, undo,
                { role } },
        { "operations-limit", "one call does at most semopm operations", "semop(2)", CHECK_BOTH, operations_limit,
                { role } },
        { "set-wakes", "setting a value wakes who waits for it", "semctl(2)", CHECK_BOTH, set_wakes, { role } },
        { "set-forgets", "setting a value makes the kernel forget what SEM_UNDO was to give back", "semctl(2)",
                CHECK_BOTH, set_forgets, { role } },
        { "operated", "the time of the last operation tells a set that was only made from one in use", "semget(2)",
                CHECK_BOTH, operated, { role } },
        { "timeout", "semtimedop gives up at its deadline, never before", "semop(2)", CHECK_BOTH, timed_out,
                { role } },
        { "removed", "removing a set wakes who waits with EIDRM", "semctl(2)", CHECK_BOTH, removed, { role } },
        { "largest", "the value never goes past 32767 (SEMVMX)", "semop(2)", CHECK_BOTH, largest, { role } },
        { "set-size", "a set keeps the number of its semaphores", "semget(2)", CHECK_BOTH, set_size, { role } },
        { "survives", "a set outlives the process that made it", "sysvipc(7)", CHECK_BOTH, survives, { role } },
        { "permission", "mode bits keep other users out, at each use; only owner and creator remove", "sysvipc(7)",
                CHECK_BOTH, permission, { role } },
        { "receive-blocks", "who takes from an empty semaphore sleeps until somebody posts", "semop(2)", CHECK_BOTH,
                transport_receive_blocks, { transport_receive_blocks_role } },
        { "non-blocking", "with IPC_NOWAIT an empty one gives EAGAIN; 32767 posts fit", "semop(2)", CHECK_BOTH,
                transport_nonblocking, { transport_nonblocking_role } },
        {},
};
