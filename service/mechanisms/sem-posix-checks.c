/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sem-posix-checks.h"

/* What sem_overview(7) promises of POSIX semaphores. A Semaphore owns its name and its mapping in the judge; a peer
 * has one semaphore open at a time. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "peer-call.h"
#include "spin.h"

enum {
        POSTS = 5,
        WORKERS = 3,
        ADDITIONS = 20000,
};

void sem_check_done(Semaphore *semaphore) {
        if (semaphore->sem != SEM_FAILED)
                sem_close(semaphore->sem);
        if (semaphore->name[0])
                sem_unlink(semaphore->name);
        semaphore->sem = SEM_FAILED;
}

static bool semaphore_make(CheckRun *run, unsigned value, Semaphore *semaphore) {
        if (posix_name_of_run(run->token, 0, semaphore->name, sizeof semaphore->name) < 0)
                return false;
        semaphore->sem = sem_open(semaphore->name, O_CREAT | O_EXCL, 0600, value);
        return check_need(run, "sem_open", semaphore->sem == SEM_FAILED ? -errno : 0);
}

int sem_check_value(sem_t *sem) {
        int value = -1;

        (void)sem_getvalue(sem, &value);
        return value;
}

/* --- What peers can be told to do --- */

static sem_t *held = SEM_FAILED;

static int64_t call_open(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        sem_t *sem = sem_open(call->text, (int)call->a, 0600, (unsigned)call->b);

        if (sem == SEM_FAILED)
                return -errno;
        held = sem;
        return 0;
}

static int64_t call_wait(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        return sem_wait(held) < 0 ? -errno : 0;
}

static int64_t call_try(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        return sem_trywait(held) < 0 ? -errno : 0;
}

static int64_t call_post(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        return sem_post(held) < 0 ? -errno : 0;
}

static int64_t call_value(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        return sem_check_value(held);
}

/* x: whether it came back before its deadline. */
static int64_t call_timed(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        struct timespec deadline, now;
        int r;

        clock_gettime(CLOCK_REALTIME, &deadline);
        deadline.tv_nsec += (long)(call->a * (int64_t)NSEC_PER_USEC);
        deadline.tv_sec += deadline.tv_nsec / (long)NSEC_PER_SEC;
        deadline.tv_nsec %= (long)NSEC_PER_SEC;
        r = sem_timedwait(held, &deadline) < 0 ? -errno : 0;
        clock_gettime(CLOCK_REALTIME, &now);
        reply->x = now.tv_sec < deadline.tv_sec || (now.tv_sec == deadline.tv_sec && now.tv_nsec < deadline.tv_nsec);
        return r;
}

static void interrupted(int signal) {
}

static int64_t call_handle(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        struct sigaction action = { .sa_handler = interrupted };

        return sigaction((int)call->a, &action, NULL) < 0 ? -errno : 0;
}

/* Adds one to the number in the memory of descriptor `a`, `b` times, each under the semaphore. The addition is a read
 * and a write that the compiler may not join. */
static int64_t call_count(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        volatile uint64_t *counter = mmap(
                NULL, sizeof *counter, PROT_READ | PROT_WRITE, MAP_SHARED, *peer_descriptor(peer, call->a), 0);
        int64_t r = 0;

        if (counter == MAP_FAILED)
                return -errno;
        for (int64_t i = 0; r >= 0 && i < call->b; i++) {
                if (sem_wait(held) < 0) {
                        r = -errno;
                        break;
                }
                *counter = *counter + 1;
                r = sem_post(held) < 0 ? -errno : 0;
        }
        munmap((void *)counter, sizeof *counter);
        return r;
}

/* Uses the semaphore in the memory of descriptor `a`. */
static int64_t call_map(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        void *memory = mmap(
                NULL, sizeof(sem_t), PROT_READ | PROT_WRITE, MAP_SHARED, *peer_descriptor(peer, call->a), 0);

        if (memory == MAP_FAILED)
                return -errno;
        held = memory;
        return 0;
}

static const PeerFunction functions[] = {
        { "sem-open", call_open },
        { "sem-wait", call_wait },
        { "sem-try", call_try },
        { "sem-post", call_post },
        { "sem-value", call_value },
        { "sem-timed", call_timed },
        { "sem-handle", call_handle },
        { "sem-count", call_count },
        { "sem-map", call_map },
        {},
};

int sem_check_role(CheckPeer *peer) {
        return peer_serve(peer, functions);
}

/* Memory that peers can map through its descriptor. */
int sem_check_memory(size_t size, int *ret_fd) {
        CLEANUP_FD int fd = memfd_create("ipcbus-check", MFD_CLOEXEC);

        if (fd < 0 || ftruncate(fd, (off_t)size) < 0)
                return -errno;
        *ret_fd = fd_take(&fd);
        return 0;
}

bool sem_check_begin(CheckRun *run, unsigned value, Semaphore *semaphore, CheckProcess **ret) {
        return semaphore_make(run, value, semaphore) && peer_start(run, 0, NULL, 0, ret) >= 0 &&
               check_expect(run, "the peer's sem_open", peer_call(run, *ret, "sem-open", .text = semaphore->name), 0);
}

/* --- Checks --- */

static CheckResult blocks(CheckRun *run) {
        CLEANUP(sem_check_done) Semaphore semaphore = SEMAPHORE_EMPTY;
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
        CLEANUP(sem_check_done) Semaphore semaphore = SEMAPHORE_EMPTY;
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
        CLEANUP(sem_check_done) Semaphore semaphore = SEMAPHORE_EMPTY;
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

static CheckResult timed_out(CheckRun *run) {
        CLEANUP(sem_check_done) Semaphore semaphore = SEMAPHORE_EMPTY;
        CheckProcess *peer;
        PeerReply reply;

        if (!sem_check_begin(run, 0, &semaphore, &peer) ||
                !check_expect(run, "sem_timedwait",
                        peer_call_full(run, peer, &(PeerCall){ "sem-timed", CHECK_TIMEOUT_USEC }, &reply),
                        -ETIMEDOUT) ||
                !check_expect(run, "early", reply.x, 0) ||
                !check_expect(run, "value", sem_check_value(semaphore.sem), 0))
                return CHECK_FAILED;
        return check_ok(run, "%d ms: ETIMEDOUT, not before the deadline", CHECK_TIMEOUT_USEC / 1000);
}

static CheckResult overflow(CheckRun *run) {
        CLEANUP(sem_check_done) Semaphore semaphore = SEMAPHORE_EMPTY;
        CheckProcess *peer;

        if (!sem_check_begin(run, SEM_VALUE_MAX, &semaphore, &peer) ||
                !check_expect(run, "sem_post at SEM_VALUE_MAX", peer_call(run, peer, "sem-post"), -EOVERFLOW) ||
                !check_expect(run, "value", sem_check_value(semaphore.sem), SEM_VALUE_MAX))
                return CHECK_FAILED;
        return check_ok(run, "value %d: sem_post gives EOVERFLOW", SEM_VALUE_MAX);
}

static CheckResult too_large(CheckRun *run) {
        CLEANUP(sem_check_done) Semaphore semaphore = SEMAPHORE_EMPTY;
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
        CLEANUP(sem_check_done) Semaphore semaphore = SEMAPHORE_EMPTY;
        CheckProcess *peer;

        if (!sem_check_begin(run, 1, &semaphore, &peer) ||
                !check_expect(run, "sem_wait", peer_call(run, peer, "sem-wait"), 0) ||
                !check_expect(run, "SIGKILL", check_murder(run, peer), 0) ||
                !check_expect(run, "sem_trywait", sem_trywait(semaphore.sem) < 0 ? -errno : 0, -EAGAIN))
                return CHECK_FAILED;
        return check_ok(run, "taken, holder killed: still taken (EAGAIN)");
}

static CheckResult waiter_killed(CheckRun *run) {
        CLEANUP(sem_check_done) Semaphore semaphore = SEMAPHORE_EMPTY;
        CheckProcess *peer;

        if (!sem_check_begin(run, 0, &semaphore, &peer) || peer_begin(run, peer, &(PeerCall){ "sem-wait" }) < 0 ||
                !check_sleeps(run, peer, "the waiter") || !check_expect(run, "SIGKILL", check_murder(run, peer), 0) ||
                !check_expect(run, "sem_post", sem_post(semaphore.sem), 0) ||
                !check_expect(run, "sem_trywait", sem_trywait(semaphore.sem) < 0 ? -errno : 0, 0))
                return CHECK_FAILED;
        return check_ok(run, "killed; a post then is not lost to it");
}

static CheckResult survives(CheckRun *run) {
        CLEANUP(sem_check_done) Semaphore semaphore = SEMAPHORE_EMPTY;
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
        CLEANUP(sem_check_done) Semaphore semaphore = SEMAPHORE_EMPTY;
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

static CheckResult permission(CheckRun *run) {
        CLEANUP(sem_check_done) Semaphore semaphore = SEMAPHORE_EMPTY;
        CheckProcess *peer;

        if (!check_can_be_nobody())
                return check_skip(run, "only root can start a process of another user");
        if (!sem_check_begin(run, 1, &semaphore, &peer) || !check_become_nobody(run, peer) ||
                !check_expect(run, "sem_open by another user",
                        peer_call(run, peer, "sem-open", .text = semaphore.name), -EACCES))
                return CHECK_FAILED;
        return check_ok(run, "mode 0600: EACCES for user %d", CHECK_NOBODY);
}

static CheckResult exclusion(CheckRun *run) {
        CLEANUP(sem_check_done) Semaphore semaphore = SEMAPHORE_EMPTY;
        CLEANUP_FD int memory = -EBADF;
        CheckProcess *peers[WORKERS];
        uint64_t counter = 0;
        int r;

        r = sem_check_memory(sizeof counter, &memory);
        if (r < 0)
                return check_fail(run, "memory for the counter: %s", check_errno(r));
        if (!semaphore_make(run, 1, &semaphore))
                return CHECK_FAILED;
        for (size_t i = 0; i < WORKERS; i++)
                if (peer_start(run, 0, &memory, 1, &peers[i]) < 0 ||
                        !check_expect(
                                run, "sem_open", peer_call(run, peers[i], "sem-open", .text = semaphore.name), 0))
                        return CHECK_FAILED;
        for (size_t i = 0; i < WORKERS; i++)
                if (peer_begin(run, peers[i], &(PeerCall){ "sem-count", 0, ADDITIONS }) < 0)
                        return CHECK_FAILED;
        for (size_t i = 0; i < WORKERS; i++)
                if (!check_expect(run, "a counting process", peer_end(run, peers[i], NULL), 0))
                        return CHECK_FAILED;
        if (pread(memory, &counter, sizeof counter, 0) != sizeof counter)
                return check_fail(run, "the counter cannot be read");
        if (!check_expect(run, "the counter", (int64_t)counter, (int64_t)WORKERS * ADDITIONS))
                return CHECK_FAILED;
        return check_ok(run, "%d processes added %d each: %" PRIu64 ", none lost", WORKERS, ADDITIONS, counter);
}

static CheckResult interrupted_wait(CheckRun *run) {
        CLEANUP(sem_check_done) Semaphore semaphore = SEMAPHORE_EMPTY;
        CheckProcess *peer;

        if (!sem_check_begin(run, 0, &semaphore, &peer) ||
                !check_expect(run, "sigaction", peer_call(run, peer, "sem-handle", SIGUSR1), 0) ||
                peer_begin(run, peer, &(PeerCall){ "sem-wait" }) < 0 || !check_sleeps(run, peer, "sem_wait") ||
                !check_expect(run, "kill", check_kill(run, peer, SIGUSR1), 0) ||
                !check_expect(run, "sem_wait", peer_end(run, peer, NULL), -EINTR) ||
                !check_expect(run, "value", sem_check_value(semaphore.sem), 0))
                return CHECK_FAILED;
        return check_ok(run, "a signal handler ran: EINTR, nothing taken");
}

const Check sem_posix_checks[] = {
        { "blocks", "a wait at value 0 sleeps until a post", "sem_wait(3)", CHECK_BOTH, blocks, { sem_check_role },
                .aspects = ASPECT(BLOCKING) | ASPECT(EMPTY) },
        { "counts", "N posts let N waits through, from whichever process; then EAGAIN", "sem_post(3)", CHECK_BOTH,
                counts, { sem_check_role }, .aspects = ASPECT(UNRELATED) | ASPECT(NON_BLOCKING) | ASPECT(EMPTY) },
        { "never-negative", "the value never goes below 0, however many wait", "sem_getvalue(3)", CHECK_BOTH,
                never_negative, { sem_check_role }, .aspects = ASPECT(EMPTY) },
        { "both-ways", "tokens can go both ways, with one semaphore for each", "sem_overview(7)", CHECK_BOTH,
                transport_duplex, { transport_duplex_role }, .aspects = ASPECT(BIDIRECTIONAL) | ASPECT(FULL_DUPLEX) },
        { "exclusion", "a critical section under a semaphore has one process in it at a time", "sem_overview(7)",
                CHECK_BOTH, exclusion, { sem_check_role }, .aspects = ASPECT(SYNCHRONISATION) | ASPECT(MANY_WRITERS) },
        { "timeout", "a timed wait gives up at its deadline, never before, and takes nothing", "sem_timedwait(3)",
                CHECK_BOTH, timed_out, { sem_check_role }, .aspects = ASPECT(TIMEOUT) },
        { "interrupted", "a signal handler interrupts a wait", "sem_wait(3)", CHECK_BOTH, interrupted_wait,
                { sem_check_role }, .aspects = ASPECT(INTERRUPTED) },
        { "holder-killed", "a killed holder does not give it back: there is no owner", "sem_overview(7)", CHECK_BOTH,
                holder_killed, { sem_check_role }, .aspects = ASPECT(HOLDER_KILLED) },
        { "waiter-killed", "a killed waiter takes no post with it", "sem_wait(3)", CHECK_BOTH, waiter_killed,
                { sem_check_role }, .aspects = ASPECT(WAITER_KILLED) },
        { "limit", "at SEM_VALUE_MAX a post gives EOVERFLOW", "sem_post(3)", CHECK_BOTH, overflow, { sem_check_role },
                .aspects = ASPECT(MAXIMUM) | ASPECT(FULL) },
        { "initial-limit", "an initial value above SEM_VALUE_MAX is refused", "sem_open(3)", CHECK_FORKED, too_large,
                { sem_check_role }, .aspects = ASPECT(MAXIMUM) },
        { "initial-value", "only who makes it sets its value", "sem_open(3)", CHECK_BOTH, initial_value,
                { sem_check_role }, .aspects = ASPECT(ATOMICITY) },
        { "survives", "a named semaphore outlives the process that made it, with its value", "sem_overview(7)",
                CHECK_BOTH, survives, { sem_check_role }, .aspects = ASPECT(PERSISTENCE) | ASPECT(CREATOR_GONE) },
        { "file", "the name is a file sem.NAME in /dev/shm", "sem_overview(7)", CHECK_BOTH, sem_check_file_name,
                { sem_check_role } },
        { "unlink", "a removed semaphore stays usable for who has it open", "sem_unlink(3)", CHECK_BOTH,
                sem_check_unlinked, { sem_check_role }, .aspects = ASPECT(PERSISTENCE) },
        { "permission", "mode bits keep other users out", "sem_open(3)", CHECK_BOTH, permission, { sem_check_role },
                .aspects = ASPECT(PERMISSION) },
        { "unnamed", "an unnamed one works between processes in shared memory, with pshared 1", "sem_init(3)",
                CHECK_BOTH, sem_check_unnamed, { sem_check_role }, .aspects = ASPECT(UNRELATED) | ASPECT(BLOCKING) },
        { "written", "what is written into the file changes the semaphore", "sem_overview(7)", CHECK_BOTH,
                sem_check_written, { sem_check_role } },
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
