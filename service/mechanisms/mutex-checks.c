/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mutex-checks.h"

/* What pthread_mutex_lock(3p) and its like promise of mutexes that processes share: kinds of mutexes, what they guard,
 * and the table of all. */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <sys/mman.h>
#include <time.h>

#include "peer-count.h"

enum {
        RECURSIONS = 3,
        TRIERS = 3,
        ROUNDS = 30,
};

/* Peers that have the memory and the mutex. */
static bool begin_counting(CheckRun *run, Mutex *mutex, int *ret_memory, CheckProcess **peers, size_t n) {
        int r = count_memory(sizeof(uint64_t), ret_memory);

        if (!check_need(run, "memory for the number", r) || !mutex_make(run, &mutex_robust, mutex))
                return false;
        for (size_t i = 0; i < n; i++)
                if (!mutex_meet_with(run, mutex, ret_memory, 1, &peers[i]))
                        return false;
        return true;
}

static CheckResult excludes(CheckRun *run) {
        CLEANUP_MUTEX Mutex mutex = {};
        CLEANUP_FD int memory = -EBADF;
        CheckProcess *peers[COUNT_PEERS];

        if (!begin_counting(run, &mutex, &memory, peers, COUNT_PEERS))
                return CHECK_FAILED;
        return count_together(run, peers, &(PeerCall){ "mutex-count", 0, 0, COUNT_ADDITIONS }, memory);
}

static CheckResult advisory(CheckRun *run) {
        CLEANUP_MUTEX Mutex mutex = {};
        CLEANUP_FD int memory = -EBADF;
        CheckProcess *peers[2];

        if (!begin_counting(run, &mutex, &memory, peers, 2) ||
                !check_expect(run, "the owner's lock", peer_call(run, peers[0], "mutex-lock"), 0) ||
                !count_loses_one(run, peers[0], peers[1], 0, memory))
                return CHECK_FAILED;
        return check_ok(run, "the owner added one, and one who did not lock it another: the sum is 1, not 2");
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

static CheckResult tried_at_once(CheckRun *run) {
        CLEANUP_MUTEX Mutex mutex = {};
        CheckProcess *peers[TRIERS];

        if (!mutex_make(run, &mutex_robust, &mutex))
                return CHECK_FAILED;
        for (size_t i = 0; i < TRIERS; i++)
                if (!mutex_meet(run, &mutex, &peers[i]))
                        return CHECK_FAILED;
        for (unsigned round = 0; round < ROUNDS; round++) {
                size_t n = 0, owner = 0;

                for (size_t i = 0; i < TRIERS; i++)
                        if (peer_begin(run, peers[i], &(PeerCall){ "mutex-try" }) < 0)
                                return CHECK_FAILED;
                for (size_t i = 0; i < TRIERS; i++) {
                        int64_t r = peer_end(run, peers[i], NULL);

                        if (r == 0) {
                                n++;
                                owner = i;
                        } else if (!check_expect(run, "trylock", r, -EBUSY))
                                return CHECK_FAILED;
                }
                if (!check_expect(run, "how many have it", (int64_t)n, 1) ||
                        !check_expect(run, "unlock", peer_call(run, peers[owner], "mutex-unlock"), 0))
                        return CHECK_FAILED;
        }
        return check_ok(run, "%d at once, %d times: one has it, EBUSY for the others", TRIERS, ROUNDS);
}

static CheckResult waits_for_itself(CheckRun *run) {
        CLEANUP_MUTEX Mutex mutex = {};
        const PeerCall timed = { "mutex-timed", CHECK_TIMEOUT_USEC, 0, CLOCK_MONOTONIC };
        CheckProcess *peer;

        if (!mutex_begin(run, &mutex_robust, &mutex, &peer) ||
                !check_expect(run, "lock", peer_call(run, peer, "mutex-lock"), 0) ||
                !check_expect(run, "trylock", peer_call(run, peer, "mutex-try"), -EBUSY) ||
                !check_expect(run, "a lock with a time-out", peer_call_full(run, peer, &timed, NULL), -ETIMEDOUT) ||
                !mutex_locks_and_sleeps(run, peer, "its second lock"))
                return CHECK_FAILED;
        return check_ok(run, "locked twice by one process: it sleeps, no EDEADLK; with a time-out ETIMEDOUT");
}

static CheckResult circle(CheckRun *run) {
        static const MutexShape shape = { MUTEX_ERRORCHECK, true, true, false };
        CLEANUP_MUTEX Mutex one = {}, two = {};
        CheckProcess *peers[2];

        if (!mutex_begin(run, &shape, &one, &peers[0]) || !mutex_make_another(run, &shape, 1, &two) ||
                !mutex_meet(run, &one, &peers[1]))
                return CHECK_FAILED;
        for (size_t i = 0; i < 2; i++)
                if (!check_expect(run, "mapping", peer_call(run, peers[i], "mutex-map", 0, 1, .text = two.name), 0) ||
                        !check_expect(run, "lock", peer_call(run, peers[i], "mutex-lock", 0, (int64_t)i), 0))
                        return CHECK_FAILED;
        for (size_t i = 0; i < 2; i++)
                if (peer_begin(run, peers[i], &(PeerCall){ "mutex-lock", 0, (int64_t)!i }) < 0 ||
                        !check_sleeps(run, peers[i], "locking what the other has"))
                        return CHECK_FAILED;
        return check_ok(run, "two processes, two error-checking ones, locked crosswise: both sleep, no EDEADLK");
}

static CheckResult unlocked_by_others(CheckRun *run) {
        CLEANUP_MUTEX Mutex robust = {}, plain = {};
        CheckProcess *other;

        if (!mutex_begin(run, &mutex_robust, &robust, &other) || !mutex_make_another(run, &mutex_plain, 1, &plain) ||
                !check_expect(run, "mapping", peer_call(run, other, "mutex-map", 0, 1, .text = plain.name), 0) ||
                !check_expect(run, "lock", mutex_lock(&robust), 0) ||
                !check_expect(run, "lock", mutex_lock(&plain), 0) ||
                !check_expect(run, "unlock of the robust one", peer_call(run, other, "mutex-unlock"), -EPERM) ||
                !check_expect(run, "trylock", peer_call(run, other, "mutex-try"), -EBUSY) ||
                !check_expect(run, "unlock of the other", peer_call(run, other, "mutex-unlock", 0, 1), 0) ||
                !check_expect(run, "trylock", peer_call(run, other, "mutex-try", 0, 1), 0))
                return CHECK_FAILED;
        return check_ok(run, "robust: EPERM, and still locked; not robust: unlocked, and nobody told the owner");
}

static bool attributes_by_default(CheckRun *run) {
        int shared = -1, robust = -1, type = -1, protocol = -1;
        pthread_mutexattr_t attributes;
        bool held_up;

        if (!check_expect(run, "pthread_mutexattr_init", -pthread_mutexattr_init(&attributes), 0))
                return false;
        held_up = check_expect(run, "getpshared", -pthread_mutexattr_getpshared(&attributes, &shared), 0) &&
                  check_expect(run, "getrobust", -pthread_mutexattr_getrobust(&attributes, &robust), 0) &&
                  check_expect(run, "gettype", -pthread_mutexattr_gettype(&attributes, &type), 0) &&
                  check_expect(run, "getprotocol", -pthread_mutexattr_getprotocol(&attributes, &protocol), 0) &&
                  check_expect(run, "process-shared", shared, PTHREAD_PROCESS_PRIVATE) &&
                  check_expect(run, "robust", robust, PTHREAD_MUTEX_STALLED) &&
                  check_expect(run, "type", type, PTHREAD_MUTEX_DEFAULT) &&
                  check_expect(run, "protocol", protocol, PTHREAD_PRIO_NONE) &&
                  check_expect(run, "a robustness that is none",
                          -pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST + 1), -EINVAL);
        pthread_mutexattr_destroy(&attributes);
        return held_up;
}

/* One without attributes takes the place of another in memory that is shared. */
static CheckResult defaults(CheckRun *run) {
        CLEANUP_MUTEX Mutex mutex = {};
        CheckProcess *owner, *waiter;

        if (!attributes_by_default(run) || !mutex_make(run, &mutex_robust, &mutex) ||
                !check_expect(run, "pthread_mutex_init", -pthread_mutex_init(mutex_of(mutex.guarded), NULL), 0) ||
                !mutex_meet(run, &mutex, &owner) || !mutex_meet(run, &mutex, &waiter) ||
                !check_expect(run, "lock", mutex_lock(&mutex), 0) ||
                !mutex_locks_and_sleeps(run, waiter, "who waits in another process") ||
                !check_expect(run, "unlock", mutex_unlock(&mutex), 0) ||
                !check_sleeps(run, waiter, "after the unlock") ||
                !check_expect(run, "lock by another", peer_call(run, owner, "mutex-lock"), 0) ||
                !check_expect(run, "SIGKILL", check_murder(run, owner), 0) ||
                !check_expect(run, "trylock of what it had", mutex_try_lock(&mutex), -EBUSY))
                return CHECK_FAILED;
        return check_ok(run,
                "private, stalled, no priority inheritance; made so in shared memory, an unlock wakes nobody in "
                "another process, and it stays locked when its owner is killed");
}

#define LOCK   "pthread_mutex_lock(3p)"
#define ROBUST "pthread_mutexattr_setrobust(3)"
#define TIMED  "pthread_mutex_timedlock(3p)"
#define LIST   "set_robust_list(2)"

const Check mutex_checks[] = {
        { "excludes", "what is done under the mutex is done by one process at a time: no update is lost", LOCK,
                CHECK_BOTH, excludes, { mutex_role }, .aspects = ASPECT(SYNCHRONISATION) | ASPECT(MANY_WRITERS) },
        { "advisory", "it holds back nobody who does not lock it: an update is then lost", LOCK, CHECK_BOTH, advisory,
                { mutex_role }, .aspects = ASPECT(SYNCHRONISATION) },
        { "blocks", "who locks a locked one sleeps until it is unlocked", LOCK, CHECK_BOTH, blocks, { mutex_role },
                .aspects = ASPECT(BLOCKING) | ASPECT(UNRELATED) },
        { "try", "trylock of a locked one gives EBUSY at once", LOCK, CHECK_BOTH, tries, { mutex_role },
                .aspects = ASPECT(NON_BLOCKING) },
        { "tried-at-once", "of several who try it at once one has it", LOCK, CHECK_BOTH, tried_at_once, { mutex_role },
                .aspects = ASPECT(ATOMICITY) | ASPECT(MANY_WRITERS) },
        { "timeout", "a lock with a deadline gives up then, by either clock, never before", TIMED, CHECK_BOTH,
                mutex_timed_out, { mutex_role }, .aspects = ASPECT(TIMEOUT) },
        { "past-deadline", "a deadline that has passed already locks a free one, and gives up at once else", TIMED,
                CHECK_BOTH, mutex_past, { mutex_role }, .aspects = ASPECT(TIMEOUT) },
        { "timed-goes-on", "a lock with a deadline goes on after a signal handler, also without SA_RESTART", TIMED,
                CHECK_BOTH, mutex_timed_goes_on, { mutex_role }, .aspects = ASPECT(INTERRUPTED) },
        { "in-turn",
                "waiters get it in the turn in which they came, on Linux (pthread_mutex_unlock(3p) promises none)",
                "futex(2)", CHECK_BOTH, mutex_in_turn, { mutex_role }, .aspects = ASPECT(ORDER) },
        { "real-time-first", "who waits with a real-time priority gets it before those who came earlier", "futex(2)",
                CHECK_BOTH, mutex_realtime_first, { mutex_role }, .aspects = ASPECT(ORDER) },
        { "barging", "who is woken has not got it yet: who just had it may lock it again, and the waiter sleeps on",
                "futex(2)", CHECK_BOTH, mutex_barging, { mutex_role }, .aspects = ASPECT(ORDER) },
        { "owner-died", "when the owner of a robust one is killed, the next who locks it is told, and cures it",
                ROBUST, CHECK_BOTH, mutex_owner_died, { mutex_role }, .aspects = ASPECT(HOLDER_KILLED) },
        { "tried-told", "trylock and a lock with a deadline are told of the owner's death too, and have it then",
                ROBUST, CHECK_BOTH, mutex_tried_told, { mutex_role }, .aspects = ASPECT(HOLDER_KILLED) },
        { "died-again", "when who was told is killed before it cured it, the next is told again", ROBUST, CHECK_BOTH,
                mutex_died_again, { mutex_role }, .aspects = ASPECT(HOLDER_KILLED) },
        { "waiter-told", "who sleeps for a robust one is woken when its owner is killed", ROBUST, CHECK_BOTH,
                mutex_waiter_told, { mutex_role }, .aspects = ASPECT(HOLDER_KILLED) },
        { "not-recoverable", "one that was not made consistent can never be locked again",
                "pthread_mutex_consistent(3)", CHECK_BOTH, mutex_not_recoverable, { mutex_role },
                .aspects = ASPECT(HOLDER_KILLED) },
        { "waiter-lost", "who sleeps for one that is given up like that is woken, and told that it is lost", ROBUST,
                CHECK_BOTH, mutex_waiter_lost, { mutex_role }, .aspects = ASPECT(HOLDER_KILLED) },
        { "not-inconsistent", "only a robust one whose owner died can be made consistent",
                "pthread_mutex_consistent(3)", CHECK_BOTH, mutex_consistent_misused, { mutex_role } },
        { "stalled", "one that is not robust stays locked when its owner is killed", ROBUST, CHECK_BOTH, mutex_stalled,
                { mutex_role }, .aspects = ASPECT(HOLDER_KILLED) },
        { "recursive-died", "of a recursive one that was locked several times the next has it once", ROBUST,
                CHECK_BOTH, mutex_recursive_died, { mutex_role }, .aspects = ASPECT(HOLDER_KILLED) },
        { "inherits-died", "one that inherits priorities and is robust tells its waiter of the death too", ROBUST,
                CHECK_BOTH, mutex_inherits_died, { mutex_role }, .aspects = ASPECT(HOLDER_KILLED) },
        { "thread-ended", "a thread is its owner: when that ends, though its process lives, others are told", LIST,
                CHECK_BOTH, mutex_thread_ended, { mutex_role }, .aspects = ASPECT(HOLDER_KILLED) },
        { "executed", "an owner that executes another program has lost it: others are told", LIST, CHECK_BOTH,
                mutex_executed, { mutex_role }, .aspects = ASPECT(HOLDER_KILLED) },
        { "forked", "a child of its owner does not have it, and cannot unlock it", LOCK, CHECK_BOTH, mutex_forked,
                { mutex_role } },
        { "robust-limit", "of the robust ones that a killed owner had the kernel frees the 2048 that it locked last",
                LIST, CHECK_BOTH, mutex_robust_limit, { mutex_role }, .aspects = ASPECT(LIMIT) | ASPECT(MAXIMUM) },
        { "unlocker-killed", "an owner that is killed between freeing a robust one and waking leaves no waiter asleep",
                LIST, CHECK_BOTH, mutex_unlocker_killed, { mutex_role },
                .aspects = ASPECT(WRITER_KILLED) | ASPECT(HOLDER_KILLED) },
        { "plain-unlocker-killed",
                "one that is not robust, freed by an owner that is killed before it wakes, is free beside a waiter "
                "that sleeps",
                "futex(2)", CHECK_BOTH, mutex_plain_unlocker_killed, { mutex_role },
                .aspects = ASPECT(WRITER_KILLED) },
        { "waiter-killed", "who is killed while it waits takes nothing along: the next one gets it", LOCK, CHECK_BOTH,
                mutex_waiter_killed, { mutex_role }, .aspects = ASPECT(WAITER_KILLED) },
        { "errorcheck", "an error-checking one refuses a second lock, and unlocking by others", LOCK, CHECK_BOTH,
                error_checking, { mutex_role } },
        { "recursive", "a recursive one is free after as many unlocks as locks", LOCK, CHECK_BOTH, recursive,
                { mutex_role } },
        { "waits-for-itself", "who locks a normal one twice waits for itself, and is not told", LOCK, CHECK_BOTH,
                waits_for_itself, { mutex_role }, .aspects = ASPECT(BLOCKING) },
        { "circle", "nobody sees a circle of two who wait for each other, error-checking or not", LOCK, CHECK_BOTH,
                circle, { mutex_role }, .aspects = ASPECT(BLOCKING) },
        { "unlocked-by-others",
                "a robust one can be unlocked by its owner alone; another one by anybody, which POSIX leaves open",
                LOCK, CHECK_BOTH, unlocked_by_others, { mutex_role }, .aspects = ASPECT(SYNCHRONISATION) },
        { "defaults", "without its attributes a mutex is for one process alone and not robust",
                "pthread_mutexattr_getpshared(3p)", CHECK_BOTH, defaults, { mutex_role } },
        { "private", "one without PTHREAD_PROCESS_SHARED does not wake who waits in another process",
                "pthread_mutexattr_getpshared(3p)", CHECK_BOTH, private_futex, { mutex_role },
                .aspects = ASPECT(SYNCHRONISATION) },
        { "as-memory", "it lives as long as its memory, not as its name", "shm_overview(7)", CHECK_BOTH, as_memory,
                { mutex_role }, .aspects = ASPECT(PERSISTENCE) },
        { "survives", "one that was free when its user was killed is as it was", LIST, CHECK_BOTH, mutex_survives,
                { mutex_role }, .aspects = ASPECT(PERSISTENCE) },
        { "creator-gone", "it does not need who made it: made by a process that was killed, it works for others",
                "pthread_mutexattr_getpshared(3p)", CHECK_BOTH, mutex_creator_gone, { mutex_role },
                .aspects = ASPECT(CREATOR_GONE) | ASPECT(PERSISTENCE) },
        { "other-pids",
                "between PID namespaces, as of containers, owners can have one number: a recursive one then lets both "
                "in",
                "pid_namespaces(7)", CHECK_BOTH, mutex_other_pids, { mutex_role }, .aspects = ASPECT(NAMESPACE) },
        { "futex-word", "whoever can read the memory of a robust one sees who has it", LIST, CHECK_BOTH,
                mutex_futex_word, { mutex_role }, .aspects = ASPECT(CREDENTIALS) },
        { "inherits", "one that inherits lends its owner the priority of who waits",
                "pthread_mutexattr_getprotocol(3p)", CHECK_BOTH, mutex_inherits, { mutex_role },
                .aspects = ASPECT(SYNCHRONISATION) },
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

const CheckGap mutex_gaps[] = {
        { ASPECT_FULL_DUPLEX, "Nothing goes through a mutex, so that there is no direction." },
        { ASPECT_BIDIRECTIONAL, "Nothing goes through a mutex, so that there is no direction." },
        { ASPECT_BOUNDARIES, "It carries no messages." },
        { ASPECT_PRIORITY,
                "It carries no messages that could have one; how the priority of those who wait counts is told under "
                "order." },
        { ASPECT_DESCRIPTORS, "It carries nothing: no descriptor goes along." },
        { ASPECT_FULL, "One has it or nobody: it does not fill, and who finds it locked blocks." },
        { ASPECT_EMPTY, "It does not count, so that there is nothing to be empty." },
        {},
};
