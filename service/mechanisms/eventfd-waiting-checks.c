/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "eventfd-checks.h"

/* Who waits at an eventfd: what wakes it, what interrupts it, what is left when it is killed. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>

#include "cleanup.h"
#include "eventfd-parts.h"
#include "peer-count.h"
#include "peer-interrupt.h"

/* The peer waits in this call. */
static bool waits(CheckRun *run, CheckProcess *peer, const PeerCall *call, const char *who) {
        return check_expect(run, "beginning to wait", peer_begin(run, peer, call), 0) && check_sleeps(run, peer, who);
}

static bool another(CheckRun *run, int fd, CheckProcess **ret) {
        return peer_start(run, 0, &fd, 1, ret) >= 0;
}

CheckResult eventfd_one_takes_all(CheckRun *run) {
        CLEANUP_FD int fd = -EBADF;
        CheckProcess *peers[2];
        PeerReply reply;
        char text[64];
        int left;

        if (!eventfd_begin(run, 0, 0, &fd, &peers[0]) || !another(run, fd, &peers[1]) ||
                !waits(run, peers[0], &(PeerCall){ "take", 0 }, "the first reader") ||
                !waits(run, peers[1], &(PeerCall){ "take", 0 }, "the second") ||
                !check_expect(run, "poll by the judge, which takes nothing", eventfd_polled(fd, POLLIN), 0) ||
                !check_expect(run, "write of 1", eventfd_add(fd, 1), 0))
                return CHECK_FAILED;
        /* Whichever was woken has said so, which ends this look as well. */
        left = check_await_sleep(run, peers[0], text, sizeof text) == -EALREADY ? 1 : 0;
        if (left == 0 && (!check_expect(run, "the one that was woken", peer_end(run, peers[1], &reply), 0) ||
                                 !check_expect(run, "what it read", reply.x, 1)))
                return CHECK_FAILED;
        if (!check_sleeps(run, peers[left], "the other") || !check_expect(run, "write of 5", eventfd_add(fd, 5), 0) ||
                !check_expect(run, "the other's read", peer_end(run, peers[left], &reply), 0) ||
                !check_expect(run, "what it read", reply.x, 5))
                return CHECK_FAILED;
        return check_ok(run, "two readers asleep: a write of 1 went to one alone, the next of 5 whole to the other");
}

CheckResult eventfd_zero(CheckRun *run) {
        CLEANUP_FD int fd = -EBADF;
        CheckProcess *peer;
        PeerReply reply;

        if (!eventfd_begin(run, 0, 0, &fd, &peer) || !waits(run, peer, &(PeerCall){ "take", 0 }, "a reader") ||
                !check_expect(run, "write of 0", eventfd_add(fd, 0), 0) ||
                !check_sleeps(run, peer, "the reader then") ||
                !check_expect(run, "write of 2", eventfd_add(fd, 2), 0) ||
                !check_expect(run, "the read", peer_end(run, peer, &reply), 0) ||
                !check_expect(run, "what it read", reply.x, 2))
                return CHECK_FAILED;
        return check_ok(run, "a write of 0 succeeds, and the reader sleeps on; one of 2 ended its read");
}

/* A stopped process is in no queue of waiters: it asks again when it is continued. */
CheckResult eventfd_barging(CheckRun *run) {
        CLEANUP_FD int fd = -EBADF;
        CheckProcess *peer;
        PeerReply reply;

        if (!eventfd_begin(run, 0, EFD_SEMAPHORE, &fd, &peer) ||
                !waits(run, peer, &(PeerCall){ "take", 0 }, "who came first") ||
                !check_expect(run, "SIGSTOP", check_kill(run, peer, SIGSTOP), 0) ||
                !check_expect(run, "stopped", check_await_state(run, peer, 'T'), 0) ||
                !check_expect(run, "write of 1", eventfd_add(fd, 1), 0) || !eventfd_takes(run, fd, 1) ||
                !check_expect(run, "SIGCONT", check_kill(run, peer, SIGCONT), 0) ||
                !check_sleeps(run, peer, "who came first, continued") ||
                !check_expect(run, "write of 1", eventfd_add(fd, 1), 0) ||
                !check_expect(run, "its read", peer_end(run, peer, &reply), 0) ||
                !check_expect(run, "what it read", reply.x, 1))
                return CHECK_FAILED;
        return check_ok(run, "who waited was stopped, 1 was written and read elsewhere: continued, it sleeps on");
}

CheckResult eventfd_write_interrupted(CheckRun *run) {
        const PeerCall add = { "add", 0, 7 };
        CLEANUP_FD int fd = -EBADF;
        CheckProcess *peer;

        if (!eventfd_begin(run, 0, 0, &fd, &peer) ||
                !check_expect(run, "write of 2^64 - 2", eventfd_add(fd, EVENTFD_MAX), 0) ||
                !peer_interrupted(run, peer, &add, 0, "write") || !eventfd_takes(run, fd, EVENTFD_MAX) ||
                !check_expect(run, "poll after it", eventfd_polled(fd, POLLIN), 0) ||
                !check_expect(run, "write of 2^64 - 2", eventfd_add(fd, EVENTFD_MAX), 0) ||
                !peer_goes_on(run, peer, &add, SA_RESTART, "write, SA_RESTART") ||
                !eventfd_takes(run, fd, EVENTFD_MAX) || !peer_ended_after_signal(run, peer, "the write") ||
                !eventfd_takes(run, fd, 7))
                return CHECK_FAILED;
        return check_ok(
                run, "a handler without SA_RESTART: EINTR, nothing was added; with it: it slept on, then added 7");
}

CheckResult eventfd_poll_interrupted(CheckRun *run) {
        const PeerCall poll = { "poll", 0, POLLIN, CHECK_PATIENCE_USEC / 1000 };
        CLEANUP_FD int fd = -EBADF;
        CheckProcess *peer;
        PeerReply reply;

        if (!eventfd_begin(run, 0, 0, &fd, &peer) || !peer_interrupted(run, peer, &poll, SA_RESTART, "poll") ||
                !peer_stopped_goes_on(run, peer, &poll, "poll") ||
                !check_expect(run, "write of 1", eventfd_add(fd, 1), 0) ||
                !check_expect(run, "that poll", peer_end(run, peer, &reply), 1) ||
                !check_expect(run, "revents", reply.x, POLLIN) || !eventfd_takes(run, fd, 1))
                return CHECK_FAILED;
        return check_ok(run, "a handler ran: EINTR, also with SA_RESTART; only stopped and continued: poll went on");
}

CheckResult eventfd_writer_killed(CheckRun *run) {
        CLEANUP_FD int fd = -EBADF;
        CheckProcess *peer;

        if (!eventfd_begin(run, 0, 0, &fd, &peer) ||
                !check_expect(run, "write of 2^64 - 2", eventfd_add(fd, EVENTFD_MAX), 0) ||
                !waits(run, peer, &(PeerCall){ "add", 0, 7 }, "a writer of 7 more") ||
                !check_expect(run, "SIGKILL", check_murder(run, peer), 0) || !eventfd_takes(run, fd, EVENTFD_MAX) ||
                !check_expect(run, "poll after it", eventfd_polled(fd, POLLIN | POLLOUT), POLLOUT))
                return CHECK_FAILED;
        return check_ok(run, "killed while it waited for room: none of its 7 was added");
}

CheckResult eventfd_reader_killed(CheckRun *run) {
        CLEANUP_FD int fd = -EBADF;
        CheckProcess *peers[2];
        PeerReply reply;

        if (!eventfd_begin(run, 0, EFD_SEMAPHORE, &fd, &peers[0]) || !another(run, fd, &peers[1]) ||
                !waits(run, peers[0], &(PeerCall){ "take", 0 }, "the first reader") ||
                !waits(run, peers[1], &(PeerCall){ "take", 0 }, "the second") ||
                !check_expect(run, "SIGKILL of the first", check_murder(run, peers[0]), 0) ||
                !check_expect(run, "write of 1", eventfd_add(fd, 1), 0) ||
                !check_expect(run, "the second's read", peer_end(run, peers[1], &reply), 0) ||
                !check_expect(run, "what it read", reply.x, 1) ||
                !check_expect(run, "poll after it", eventfd_polled(fd, POLLIN), 0))
                return CHECK_FAILED;
        return check_ok(run, "two waited, the first was killed: the 1 that was written went to the second");
}

/* Peers that have the eventfd as number 0, and the memory as number 1. */
static bool begin_counting(CheckRun *run, int fds[2], CheckProcess **peers, size_t n) {
        int r = count_memory(sizeof(uint64_t), &fds[1]);

        if (!check_need(run, "memory for the number", r) || !eventfd_make(run, 1, EFD_SEMAPHORE, &fds[0]))
                return false;
        for (size_t i = 0; i < n; i++)
                if (peer_start(run, 0, fds, 2, &peers[i]) < 0)
                        return false;
        return true;
}

CheckResult eventfd_excludes(CheckRun *run) {
        CheckProcess *peers[COUNT_PEERS];
        int fds[2] = { -EBADF, -EBADF };
        CheckResult result = CHECK_FAILED;

        if (begin_counting(run, fds, peers, COUNT_PEERS))
                result = count_together(run, peers, &(PeerCall){ "count", 0, COUNT_ADDITIONS, 1 }, fds[1]);
        fd_close(fds[0]);
        fd_close(fds[1]);
        return result;
}

CheckResult eventfd_advisory(CheckRun *run) {
        int fds[2] = { -EBADF, -EBADF };
        CheckProcess *peers[2];
        bool lost;

        lost = begin_counting(run, fds, peers, 2) &&
               check_expect(run, "the holder's read", peer_call(run, peers[0], "take", 0), 0) &&
               count_loses_one(run, peers[0], peers[1], 1, fds[1]);
        fd_close(fds[0]);
        fd_close(fds[1]);
        return lost ? check_ok(run, "the holder added one, and one who did not ask it another: the sum is 1, not 2")
                    : CHECK_FAILED;
}
