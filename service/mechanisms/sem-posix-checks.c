/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sem-posix-checks.h"

/* What sem_overview(7) promises of POSIX semaphores: the value and what it guards, and the table of all. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <semaphore.h>

#include "peer-count.h"

enum {
        POSTS = 5,
        ROUNDS = 10000,
};

static CheckResult blocks(CheckRun *run) {
        CLEANUP_SEMAPHORE Semaphore semaphore = SEMAPHORE_EMPTY;
        CheckProcess *peer;

        if (!sem_check_begin(run, 0, &semaphore, &peer) || peer_begin(run, peer, &(PeerCall){ "sem-wait" }) < 0 ||
                !check_sleeps(run, peer, "value 0: sem_wait") ||
                !check_expect(run, "sem_post", sem_post(semaphore.sem), 0) ||
                !check_expect(run, "sem_wait", peer_end(run, peer, NULL), 0) ||
                !check_expect(run, "value", sem_check_value(semaphore.sem), 0))
                return CHECK_FAILED;
        return check_ok(run, "after a post it ended, value 0");
}

static CheckResult counts(CheckRun *run) {
        CLEANUP_SEMAPHORE Semaphore semaphore = SEMAPHORE_EMPTY;
        CheckProcess *peer;

        if (!sem_check_begin(run, 0, &semaphore, &peer))
                return CHECK_FAILED;
        for (int i = 0; i < POSTS; i++)
                if (!check_expect(run, "sem_post", peer_call(run, peer, "sem-post"), 0))
                        return CHECK_FAILED;
        if (!check_expect(run, "value", sem_check_value(semaphore.sem), POSTS))
                return CHECK_FAILED;
        for (int i = 0; i < POSTS; i++)
                if (!check_expect(run, "sem_trywait", sem_trywait(semaphore.sem) < 0 ? -errno : 0, 0))
                        return CHECK_FAILED;
        if (!check_expect(run, "one more sem_trywait", sem_trywait(semaphore.sem) < 0 ? -errno : 0, -EAGAIN))
                return CHECK_FAILED;
        return check_ok(run, "%d posts, %d waits through, the next: EAGAIN", POSTS, POSTS);
}

static CheckResult never_negative(CheckRun *run) {
        CLEANUP_SEMAPHORE Semaphore semaphore = SEMAPHORE_EMPTY;
        CheckProcess *peers[2];

        if (!sem_check_begin(run, 0, &semaphore, &peers[0]) || peer_start(run, 0, NULL, 0, &peers[1]) < 0 ||
                !check_expect(run, "sem_open", peer_call(run, peers[1], "sem-open", .text = semaphore.name), 0))
                return CHECK_FAILED;
        for (size_t i = 0; i < 2; i++) {
                char text[64];

                if (peer_begin(run, peers[i], &(PeerCall){ "sem-wait" }) < 0 ||
                        check_await_sleep(run, peers[i], text, sizeof text) < 0)
                        return check_fail(run, "a waiter does not sleep");
        }
        if (!check_expect(run, "value with two waiters", sem_check_value(semaphore.sem), 0) ||
                !check_expect(run, "sem_post", sem_post(semaphore.sem), 0) ||
                !check_expect(run, "sem_post", sem_post(semaphore.sem), 0) ||
                !check_expect(run, "waiter 1", peer_end(run, peers[0], NULL), 0) ||
                !check_expect(run, "waiter 2", peer_end(run, peers[1], NULL), 0) ||
                !check_expect(run, "value", sem_check_value(semaphore.sem), 0))
                return CHECK_FAILED;
        return check_ok(run, "two waiters: value 0, not -2; two posts let both through");
}

static CheckResult overflow(CheckRun *run) {
        CLEANUP_SEMAPHORE Semaphore semaphore = SEMAPHORE_EMPTY;
        CheckProcess *peer;

        if (!sem_check_begin(run, SEM_VALUE_MAX, &semaphore, &peer) ||
                !check_expect(run, "sem_post at SEM_VALUE_MAX", peer_call(run, peer, "sem-post"), -EOVERFLOW) ||
                !check_expect(run, "value", sem_check_value(semaphore.sem), SEM_VALUE_MAX))
                return CHECK_FAILED;
        return check_ok(run, "value %d: sem_post gives EOVERFLOW", SEM_VALUE_MAX);
}

static CheckResult too_large(CheckRun *run) {
        CLEANUP_SEMAPHORE Semaphore semaphore = SEMAPHORE_EMPTY;
        CheckProcess *peer;

        if (posix_name_of_run(run->token, 0, semaphore.name, sizeof semaphore.name) < 0 ||
                peer_start(run, 0, NULL, 0, &peer) < 0 ||
                !check_expect(run, "sem_open with SEM_VALUE_MAX + 1",
                        peer_call(run, peer, "sem-open", O_CREAT | O_EXCL, (int64_t)SEM_VALUE_MAX + 1,
                                .text = semaphore.name),
                        -EINVAL) ||
                !check_expect(
                        run, "sem_open of it then", peer_call(run, peer, "sem-open", .text = semaphore.name), -ENOENT))
                return CHECK_FAILED;
        return check_ok(run, "initial value %" PRIu64 ": EINVAL, nothing made", (uint64_t)SEM_VALUE_MAX + 1);
}

static CheckResult holder_killed(CheckRun *run) {
        CLEANUP_SEMAPHORE Semaphore semaphore = SEMAPHORE_EMPTY;
        CheckProcess *peer;

        if (!sem_check_begin(run, 1, &semaphore, &peer) ||
                !check_expect(run, "sem_wait", peer_call(run, peer, "sem-wait"), 0) ||
                !check_expect(run, "SIGKILL", check_murder(run, peer), 0) ||
                !check_expect(run, "sem_trywait", sem_trywait(semaphore.sem) < 0 ? -errno : 0, -EAGAIN))
                return CHECK_FAILED;
        return check_ok(run, "taken, holder killed: still taken (EAGAIN)");
}

static CheckResult survives(CheckRun *run) {
        CLEANUP_SEMAPHORE Semaphore semaphore = SEMAPHORE_EMPTY;
        CheckProcess *peer;

        if (posix_name_of_run(run->token, 0, semaphore.name, sizeof semaphore.name) < 0 ||
                peer_start(run, 0, NULL, 0, &peer) < 0 ||
                !check_need(run, "the peer's sem_open",
                        peer_call(run, peer, "sem-open", O_CREAT | O_EXCL, 3, .text = semaphore.name)) ||
                !check_expect(run, "sem_wait", peer_call(run, peer, "sem-wait"), 0) ||
                !check_expect(run, "SIGKILL", check_murder(run, peer), 0))
                return CHECK_FAILED;
        semaphore.sem = sem_open(semaphore.name, 0);
        if (semaphore.sem == SEM_FAILED)
                return check_fail(run, "sem_open after the creator's death: %s", check_errno(errno));
        if (!check_expect(run, "value", sem_check_value(semaphore.sem), 2))
                return CHECK_FAILED;
        return check_ok(run, "creator killed: still there, value 2");
}

static CheckResult initial_value(CheckRun *run) {
        CLEANUP_SEMAPHORE Semaphore semaphore = SEMAPHORE_EMPTY;
        CheckProcess *peer;

        if (!sem_check_begin(run, 2, &semaphore, &peer) ||
                !check_expect(run, "sem_open with O_EXCL",
                        peer_call(run, peer, "sem-open", O_CREAT | O_EXCL, 7, .text = semaphore.name), -EEXIST) ||
                !check_expect(run, "sem_open with O_CREAT",
                        peer_call(run, peer, "sem-open", O_CREAT, 7, .text = semaphore.name), 0) ||
                !check_expect(run, "value", peer_call(run, peer, "sem-value"), 2))
                return CHECK_FAILED;
        return check_ok(run, "opened again with 7: value still 2; O_EXCL: EEXIST");
}

static CheckResult any_posts(CheckRun *run) {
        CLEANUP_SEMAPHORE Semaphore semaphore = SEMAPHORE_EMPTY;
        CheckProcess *holder, *other;

        if (!sem_check_begin(run, 1, &semaphore, &holder) || !sem_check_meet(run, &semaphore, &other) ||
                !check_expect(run, "the holder's sem_wait", peer_call(run, holder, "sem-wait"), 0) ||
                !check_expect(run, "sem_post of another", peer_call(run, other, "sem-post"), 0) ||
                !check_expect(run, "sem_trywait of a third", sem_check_try(&semaphore), 0) ||
                !check_expect(run, "the holder's sem_post", peer_call(run, holder, "sem-post"), 0) ||
                !check_expect(run, "sem_post of another", peer_call(run, other, "sem-post"), 0) ||
                !check_expect(run, "value", sem_check_value(semaphore.sem), 2))
                return CHECK_FAILED;
        return check_ok(run, "another gave back what the holder had, and a third took it; a post too many: value 2");
}

static CheckResult waits_for_itself(CheckRun *run) {
        CLEANUP_SEMAPHORE Semaphore semaphore = SEMAPHORE_EMPTY;
        CheckProcess *peer;

        if (!sem_check_begin(run, 1, &semaphore, &peer) ||
                !check_expect(run, "sem_wait", peer_call(run, peer, "sem-wait"), 0) ||
                !sem_check_waits(run, peer, "its second sem_wait") ||
                !check_expect(run, "sem_post of another", sem_check_post(&semaphore), 0) ||
                !check_expect(run, "its second sem_wait", peer_end(run, peer, NULL), 0))
                return CHECK_FAILED;
        return check_ok(run, "taken twice by one process: it sleeps, no EDEADLK, until another posts");
}

static CheckResult no_direction(CheckRun *run) {
        CLEANUP_SEMAPHORE Semaphore semaphore = SEMAPHORE_EMPTY;
        CheckProcess *peer;

        if (!sem_check_begin(run, 0, &semaphore, &peer) ||
                !check_expect(run, "sem_post here", sem_check_post(&semaphore), 0) ||
                !check_expect(run, "sem_trywait here", sem_check_try(&semaphore), 0) ||
                !check_expect(run, "the peer's sem_trywait", peer_call(run, peer, "sem-try"), -EAGAIN))
                return CHECK_FAILED;
        return check_ok(run, "who posted took it again; nothing was left for the other (EAGAIN)");
}

/* Peers that have the memory and the semaphore. */
static bool begin_counting(CheckRun *run, Semaphore *semaphore, int *ret_memory, CheckProcess **peers, size_t n) {
        int r = count_memory(sizeof(uint64_t), ret_memory);

        if (!check_need(run, "memory for the number", r) || !sem_check_make(run, 1, semaphore))
                return false;
        for (size_t i = 0; i < n; i++)
                if (peer_start(run, 0, ret_memory, 1, &peers[i]) < 0 ||
                        !check_expect(
                                run, "sem_open", peer_call(run, peers[i], "sem-open", .text = semaphore->name), 0))
                        return false;
        return true;
}

static CheckResult exclusion(CheckRun *run) {
        CLEANUP_SEMAPHORE Semaphore semaphore = SEMAPHORE_EMPTY;
        CLEANUP_FD int memory = -EBADF;
        CheckProcess *peers[COUNT_PEERS];

        if (!begin_counting(run, &semaphore, &memory, peers, COUNT_PEERS))
                return CHECK_FAILED;
        return count_together(run, peers, &(PeerCall){ "sem-count", 0, COUNT_ADDITIONS }, memory);
}

static CheckResult advisory(CheckRun *run) {
        CLEANUP_SEMAPHORE Semaphore semaphore = SEMAPHORE_EMPTY;
        CLEANUP_FD int memory = -EBADF;
        CheckProcess *peers[2];

        if (!begin_counting(run, &semaphore, &memory, peers, 2) ||
                !check_expect(run, "the holder's sem_wait", peer_call(run, peers[0], "sem-wait"), 0) ||
                !count_loses_one(run, peers[0], peers[1], 0, memory))
                return CHECK_FAILED;
        return check_ok(run, "the holder added one, and one who did not ask it another: the sum is 1, not 2");
}

static CheckResult rounds(CheckRun *run) {
        CLEANUP_SEMAPHORE Semaphore semaphore = SEMAPHORE_EMPTY;
        CheckProcess *peers[4];
        size_t n = sizeof peers / sizeof *peers;

        if (!sem_check_make(run, 0, &semaphore))
                return CHECK_FAILED;
        for (size_t i = 0; i < n; i++)
                if (!sem_check_meet(run, &semaphore, &peers[i]))
                        return CHECK_FAILED;
        for (size_t i = 0; i < n; i++)
                if (peer_begin(run, peers[i], &(PeerCall){ "sem-many", ROUNDS, i % 2 ? 1 : -1 }) < 0)
                        return CHECK_FAILED;
        for (size_t i = 0; i < n; i++)
                if (!check_expect(run, i % 2 ? "posting" : "taking", peer_end(run, peers[i], NULL), 0))
                        return CHECK_FAILED;
        if (!check_expect(run, "value", sem_check_value(semaphore.sem), 0))
                return CHECK_FAILED;
        return check_ok(run, "two posted %d times each while two took as many: all went on, value 0", ROUNDS);
}

static CheckResult forked(CheckRun *run) {
        CLEANUP_SEMAPHORE Semaphore semaphore = SEMAPHORE_EMPTY;
        CheckProcess *peer;

        if (!sem_check_begin(run, 0, &semaphore, &peer) ||
                !check_expect(run, "a child's sem_post", peer_call(run, peer, "sem-forked"), 0) ||
                !check_expect(run, "value", sem_check_value(semaphore.sem), 1) ||
                !check_expect(run, "a child's sem_trywait", peer_call(run, peer, "sem-forked", -1), 0) ||
                !check_expect(run, "value", sem_check_value(semaphore.sem), 0))
                return CHECK_FAILED;
        return check_ok(
                run, "a child posted, another took, by what their parent had open; their ends changed nothing");
}

#define WAIT     "sem_wait(3)"
#define NAMED    "sem_open(3)"
#define OVERVIEW "sem_overview(7)"

const Check sem_posix_checks[] = {
        { "blocks", "a wait at value 0 sleeps until a post", WAIT, CHECK_BOTH, blocks, { sem_check_role },
                .aspects = ASPECT(BLOCKING) | ASPECT(EMPTY) },
        { "counts", "N posts let N waits through, from whichever process; then EAGAIN", "sem_post(3)", CHECK_BOTH,
                counts, { sem_check_role }, .aspects = ASPECT(UNRELATED) | ASPECT(NON_BLOCKING) | ASPECT(EMPTY) },
        { "never-negative", "the value never goes below 0, however many wait", "sem_getvalue(3)", CHECK_BOTH,
                never_negative, { sem_check_role }, .aspects = ASPECT(EMPTY) },
        { "one-each", "a post lets one of those who wait go on, not all", "sem_post(3)", CHECK_BOTH,
                sem_check_one_each, { sem_check_role }, .aspects = ASPECT(BLOCKING) },
        { "both-ways", "tokens can go both ways, with one semaphore for each", OVERVIEW, CHECK_BOTH, transport_duplex,
                { transport_duplex_role }, .aspects = ASPECT(BIDIRECTIONAL) | ASPECT(FULL_DUPLEX) },
        { "no-direction", "a semaphore has no direction: who posts may take it again before the other does", OVERVIEW,
                CHECK_BOTH, no_direction, { sem_check_role }, .aspects = ASPECT(BIDIRECTIONAL) | ASPECT(FULL_DUPLEX) },
        { "exclusion", "a critical section under a semaphore has one process in it at a time: no update is lost",
                OVERVIEW, CHECK_BOTH, exclusion, { sem_check_role },
                .aspects = ASPECT(SYNCHRONISATION) | ASPECT(MANY_WRITERS) },
        { "advisory", "it holds back nobody who does not ask it: an update is then lost", OVERVIEW, CHECK_BOTH,
                advisory, { sem_check_role }, .aspects = ASPECT(SYNCHRONISATION) },
        { "rounds", "several post while several take: nothing is lost, and nothing comes twice", "sem_post(3)",
                CHECK_BOTH, rounds, { sem_check_role }, .aspects = ASPECT(MANY_WRITERS) | ASPECT(ATOMICITY) },
        { "any-posts", "one used as a lock has no owner: anybody may give it back, and a post too many lets two in",
                "sem_post(3)", CHECK_BOTH, any_posts, { sem_check_role }, .aspects = ASPECT(SYNCHRONISATION) },
        { "waits-for-itself", "who takes one used as a lock twice waits for itself, and is not told", WAIT, CHECK_BOTH,
                waits_for_itself, { sem_check_role }, .aspects = ASPECT(BLOCKING) },
        { "in-turn", "waiters go on in the turn in which they came, on Linux (sem_post(3) promises none)", "futex(2)",
                CHECK_BOTH, sem_check_in_turn, { sem_check_role }, .aspects = ASPECT(ORDER) },
        { "real-time-first", "who waits with a real-time priority goes on before those who came earlier",
                "sem_post(3p)", CHECK_BOTH, sem_check_realtime_first, { sem_check_role }, .aspects = ASPECT(ORDER) },
        { "barging", "who is woken has not got it yet: one who comes in between may take it, and the waiter sleeps on",
                "futex(2)", CHECK_BOTH, sem_check_barging, { sem_check_role }, .aspects = ASPECT(ORDER) },
        { "timeout", "a timed wait gives up at its deadline, never before, and takes nothing", "sem_timedwait(3)",
                CHECK_BOTH, sem_check_timed_out, { sem_check_role }, .aspects = ASPECT(TIMEOUT) },
        { "clocks", "sem_clockwait takes CLOCK_MONOTONIC, which nobody sets, never early, and refuses other clocks",
                "sem_clockwait(3)", CHECK_BOTH, sem_check_clocks, { sem_check_role }, .aspects = ASPECT(TIMEOUT) },
        { "past-deadline", "a deadline that has passed already takes what is there, and gives up at once else",
                "sem_timedwait(3)", CHECK_BOTH, sem_check_past, { sem_check_role }, .aspects = ASPECT(TIMEOUT) },
        { "wrong-deadline", "a deadline of nonsense is refused where it would have to wait", "sem_timedwait(3)",
                CHECK_BOTH, sem_check_deadline_invalid, { sem_check_role }, .aspects = ASPECT(TIMEOUT) },
        { "interrupted", "a signal handler without SA_RESTART interrupts a wait, and nothing is taken", WAIT,
                CHECK_BOTH, sem_check_interrupted, { sem_check_role }, .aspects = ASPECT(INTERRUPTED) },
        { "timed-interrupted",
                "a timed wait is interrupted by any handler, also with SA_RESTART (signal(7) says it goes on)",
                "signal(7)", CHECK_BOTH, sem_check_timed_interrupted, { sem_check_role },
                .aspects = ASPECT(INTERRUPTED) },
        { "handler-posts", "a signal handler may post: sem_post is safe there", "signal-safety(7)", CHECK_BOTH,
                sem_check_handler_posts, { sem_check_role }, .aspects = ASPECT(INTERRUPTED) },
        { "holder-killed", "a killed holder does not give it back: there is no owner, and nobody is told", OVERVIEW,
                CHECK_BOTH, holder_killed, { sem_check_role }, .aspects = ASPECT(HOLDER_KILLED) },
        { "waiter-killed", "a killed waiter takes no post with it: the next one gets it", WAIT, CHECK_BOTH,
                sem_check_waiter_killed, { sem_check_role }, .aspects = ASPECT(WAITER_KILLED) },
        { "poster-killed",
                "a poster that is killed between adding and waking leaves a value that its waiter sleeps on beside",
                "futex(2)", CHECK_BOTH, sem_check_poster_killed, { sem_check_role },
                .aspects = ASPECT(WRITER_KILLED) },
        { "limit", "at SEM_VALUE_MAX a post gives EOVERFLOW: nobody waits for room", "sem_post(3)", CHECK_BOTH,
                overflow, { sem_check_role }, .aspects = ASPECT(MAXIMUM) | ASPECT(FULL) },
        { "initial-limit", "an initial value above SEM_VALUE_MAX is refused", NAMED, CHECK_BOTH, too_large,
                { sem_check_role }, .aspects = ASPECT(MAXIMUM) },
        { "initial-value", "only who makes it sets its value", NAMED, CHECK_BOTH, initial_value, { sem_check_role },
                .aspects = ASPECT(ATOMICITY) },
        { "made-once", "of several who make it at once with O_EXCL one succeeds; without, all get the same one", NAMED,
                CHECK_BOTH, sem_check_made_once, { sem_check_role }, .aspects = ASPECT(ATOMICITY) },
        { "name-length", "a name has at most 251 characters behind its slash", OVERVIEW, CHECK_BOTH,
                sem_check_name_length, { sem_check_role }, .aspects = ASPECT(MAXIMUM) },
        { "name-rules", "the slash in front may be left out on Linux; another one within is refused", NAMED,
                CHECK_BOTH, sem_check_name_rules, { sem_check_role } },
        { "same-address", "opened twice in one process it stands at one address, until it is closed as often", NAMED,
                CHECK_BOTH, sem_check_same_address, { sem_check_role } },
        { "forked", "a child has what its parent had open", NAMED, CHECK_BOTH, forked, { sem_check_role },
                .aspects = ASPECT(UNRELATED) },
        { "survives", "a named semaphore outlives the process that made it, with its value", OVERVIEW, CHECK_BOTH,
                survives, { sem_check_role }, .aspects = ASPECT(PERSISTENCE) | ASPECT(CREATOR_GONE) },
        { "file", "the name is a file sem.NAME in /dev/shm", OVERVIEW, CHECK_BOTH, sem_check_file_name,
                { sem_check_role }, .aspects = ASPECT(PERSISTENCE) },
        { "unlink", "a removed semaphore stays usable for who has it open", "sem_unlink(3)", CHECK_BOTH,
                sem_check_unlinked, { sem_check_role }, .aspects = ASPECT(PERSISTENCE) },
        { "no-space", "where /dev/shm is full none can be made, and nothing of the attempt is left", NAMED, CHECK_BOTH,
                sem_check_no_space, { sem_check_role }, .aspects = ASPECT(LIMIT) },
        { "umask", "the mode bits are cut by the umask of who makes it", NAMED, CHECK_BOTH, sem_check_umask,
                { sem_check_role }, .aspects = ASPECT(PERMISSION) },
        { "permission", "mode bits keep other users out when they open it, not later", NAMED, CHECK_BOTH,
                sem_check_permission, { sem_check_role }, .aspects = ASPECT(PERMISSION) },
        { "needs-both", "it takes the rights to read and to write: with reading alone it cannot be opened", OVERVIEW,
                CHECK_BOTH, sem_check_read_only, { sem_check_role },
                .aspects = ASPECT(PERMISSION) | ASPECT(OTHER_USER) },
        { "hidden", "a process with another /dev/shm, as in a container, does not find it", "mount_namespaces(7)",
                CHECK_BOTH, sem_check_hidden, { sem_check_role }, .aspects = ASPECT(NAMESPACE) },
        { "unnamed", "an unnamed one works between processes in shared memory, with pshared 1", "sem_init(3)",
                CHECK_BOTH, sem_check_unnamed, { sem_check_role }, .aspects = ASPECT(UNRELATED) | ASPECT(BLOCKING) },
        { "written", "what is written into the file changes the semaphore", OVERVIEW, CHECK_BOTH, sem_check_written,
                { sem_check_role } },
        { "made-anew", "removed and made again, the name is another semaphore; who has the old one is not told",
                "sem_unlink(3)", CHECK_BOTH, sem_check_made_anew, { sem_check_role }, .aspects = ASPECT(PERSISTENCE) },
        { "private-shared", "with pshared 0, also in shared memory, a post wakes nobody who waits in another process",
                "sem_init(3)", CHECK_BOTH, sem_check_private_shared, { sem_check_role },
                .aspects = ASPECT(SYNCHRONISATION) },
        { "private-memory",
                "an unnamed one in memory that is not shared is a copy after fork, and synchronises nothing",
                "sem_init(3)", CHECK_FORKED, sem_check_private_memory, { sem_check_private_role },
                .aspects = ASPECT(SYNCHRONISATION) },
        { "other-user", "with mode 0666 another user opens it, posts and waits", "sem_overview(7)", CHECK_BOTH,
                transport_other_user, { transport_place_role }, .aspects = ASPECT(OTHER_USER) },
        { "other-ipc", "a semaphore is a file in /dev/shm: IPC namespaces do not matter", "ipc_namespaces(7)",
                CHECK_BOTH, transport_other_ipc, { transport_place_role }, .aspects = ASPECT(NAMESPACE) },
        { "other-net", "network namespaces do not matter to a semaphore", "network_namespaces(7)", CHECK_BOTH,
                transport_other_net, { transport_place_role }, .aspects = ASPECT(NAMESPACE) },
        { "exhausted", "opening takes a descriptor for a moment: with none left EMFILE; what is open goes on",
                "getrlimit(2)", CHECK_BOTH, transport_exhausted, { transport_exhausted_role },
                .aspects = ASPECT(EXHAUSTION) },
        { "begun-again",
                "a waiting sem_wait is begun again after a handler with SA_RESTART, and gives EINTR after one without",
                "signal(7)", CHECK_BOTH, transport_interrupted_restarts, { transport_interrupted_role },
                .aspects = ASPECT(INTERRUPTED) },
        { "stopped", "stopped and continued, without a handler, a waiting sem_wait goes on", "signal(7)", CHECK_BOTH,
                transport_stopped_goes_on, { transport_interrupted_role }, .aspects = ASPECT(INTERRUPTED) },
        { "next-waiter", "who is killed while it waits takes nothing along: what is posted then is the next one's",
                "sem_overview(7)", CHECK_BOTH, transport_waiter_killed, { transport_waiter_killed_role },
                .aspects = ASPECT(WAITER_KILLED) },
        { "many-writers", "what several post at once all counts", "sem_overview(7)", CHECK_BOTH,
                transport_many_writers, { transport_many_writers_role },
                .aspects = ASPECT(MANY_WRITERS) | ASPECT(ATOMICITY) },
        {},
};

const CheckGap sem_posix_gaps[] = {
        { ASPECT_BOUNDARIES, "It counts, and carries no messages." },
        { ASPECT_PRIORITY, "What is posted has no priority; how that of those who wait counts is told under order." },
        { ASPECT_DESCRIPTORS, "It carries a number only: no descriptor goes along." },
        { ASPECT_CREDENTIALS, "It does not tell who posted it, who has taken it, or who waits." },
        {},
};
