/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "eventfd-checks.h"

/* What eventfd(2) promises of the counter. The judge makes it; peers inherit it, or get it over a socket. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "cleanup.h"
#include "eventfd-parts.h"
#include "unix-checks.h"

enum { POLL_MSEC = 40 };

static CheckResult adds(CheckRun *run) {
        CLEANUP_FD int fd = -EBADF;
        CheckProcess *peer;
        uint64_t value;

        if (!eventfd_begin(run, 2, EFD_NONBLOCK, &fd, &peer) ||
                !check_expect(run, "write of 3", peer_call(run, peer, "add", 0, 3), 0) ||
                !check_expect(run, "write of 4", peer_call(run, peer, "add", 0, 4), 0) || !eventfd_takes(run, fd, 9) ||
                !check_expect(run, "read again", eventfd_take(fd, &value), -EAGAIN))
                return CHECK_FAILED;
        return check_ok(run, "made with 2, 3 and 4 written: one read gives 9, and leaves 0 (EAGAIN)");
}

static CheckResult one_by_one(CheckRun *run) {
        CLEANUP_FD int fd = -EBADF;
        CheckProcess *peer;
        uint64_t value;

        if (!eventfd_begin(run, 0, EFD_NONBLOCK | EFD_SEMAPHORE, &fd, &peer) ||
                !check_expect(run, "write of 3", peer_call(run, peer, "add", 0, 3), 0) || !eventfd_takes(run, fd, 1) ||
                !eventfd_takes(run, fd, 1) || !eventfd_takes(run, fd, 1) ||
                !check_expect(run, "read again", eventfd_take(fd, &value), -EAGAIN))
                return CHECK_FAILED;
        return check_ok(run, "EFD_SEMAPHORE: 3 written in one, three reads give 1 each, the fourth EAGAIN");
}

static CheckResult read_blocks(CheckRun *run) {
        CLEANUP_FD int fd = -EBADF;
        CheckProcess *peer;
        PeerReply reply;

        if (!eventfd_begin(run, 0, 0, &fd, &peer) || peer_begin(run, peer, &(PeerCall){ "take", 0 }) < 0 ||
                !check_sleeps(run, peer, "a read at 0") || !check_expect(run, "write of 5", eventfd_add(fd, 5), 0) ||
                !check_expect(run, "the read", peer_end(run, peer, &reply), 0) ||
                !check_expect(run, "what it read", reply.x, 5))
                return CHECK_FAILED;
        return check_ok(run, "woken by a write of 5, which it read");
}

static CheckResult one_woken(CheckRun *run) {
        CLEANUP_FD int fd = -EBADF;
        CheckProcess *peers[2];
        char text[64] = "";
        PeerReply reply;
        int left;

        if (!eventfd_begin(run, 0, EFD_SEMAPHORE, &fd, &peers[0]) || peer_start(run, 0, &fd, 1, &peers[1]) < 0 ||
                peer_begin(run, peers[0], &(PeerCall){ "take", 0 }) < 0 ||
                peer_begin(run, peers[1], &(PeerCall){ "take", 0 }) < 0 ||
                !check_sleeps(run, peers[0], "the first reader") || !check_sleeps(run, peers[1], "the second") ||
                !check_expect(run, "write of 1", eventfd_add(fd, 1), 0))
                return CHECK_FAILED;
        /* Whichever was woken has said so, which ends this look as well. */
        left = check_await_sleep(run, peers[0], text, sizeof text) == -EALREADY ? 1 : 0;
        if ((left == 0 && !check_expect(run, "the one that was woken", peer_end(run, peers[1], &reply), 0)) ||
                !check_sleeps(run, peers[left], "the other") ||
                !check_expect(run, "write of 1", eventfd_add(fd, 1), 0) ||
                !check_expect(run, "the other", peer_end(run, peers[left], &reply), 0))
                return CHECK_FAILED;
        return check_ok(run, "two readers asleep: each write of 1 let one through");
}

static CheckResult maximum(CheckRun *run) {
        CLEANUP_FD int fd = -EBADF;
        CheckProcess *peer;

        if (!eventfd_begin(run, 0, EFD_NONBLOCK, &fd, &peer) ||
                !check_expect(run, "write of 2^64 - 1", peer_call(run, peer, "add", 0, -1), -EINVAL) ||
                !check_expect(run, "write of 2^64 - 2", peer_call(run, peer, "add", 0, -2), 0) ||
                !check_expect(run, "write of 1 more", peer_call(run, peer, "add", 0, 1), -EAGAIN) ||
                !eventfd_takes(run, fd, EVENTFD_MAX) ||
                !check_expect(run, "write of 1 then", peer_call(run, peer, "add", 0, 1), 0))
                return CHECK_FAILED;
        return check_ok(run, "2^64 - 1: EINVAL; 2^64 - 2 fits, 1 more: EAGAIN; there is room after a read");
}

static CheckResult write_blocks(CheckRun *run) {
        CLEANUP_FD int fd = -EBADF;
        CheckProcess *peer;

        if (!eventfd_begin(run, 0, 0, &fd, &peer) ||
                !check_expect(run, "write of 2^64 - 2", eventfd_add(fd, EVENTFD_MAX), 0) ||
                peer_begin(run, peer, &(PeerCall){ "add", 0, 7 }) < 0 ||
                !check_sleeps(run, peer, "a write of 7 more") || !eventfd_takes(run, fd, EVENTFD_MAX) ||
                !check_expect(run, "the write", peer_end(run, peer, NULL), 0) || !eventfd_takes(run, fd, 7))
                return CHECK_FAILED;
        return check_ok(run, "asleep until the counter was read; then 7 were there");
}

static CheckResult eight_bytes(CheckRun *run) {
        CLEANUP_FD int fd = -EBADF;
        CheckProcess *peer;

        if (!eventfd_begin(run, 1, EFD_NONBLOCK, &fd, &peer) ||
                !check_expect(run, "write of 7 bytes", peer_call(run, peer, "write", 0, 7, 'x'), -EINVAL) ||
                !check_expect(run, "read of 7 bytes", peer_call(run, peer, "read", 0, 7), -EINVAL) ||
                !check_expect(run, "read of 9 bytes", peer_call(run, peer, "read", 0, 9), 8))
                return CHECK_FAILED;
        return check_ok(run, "7 bytes written or read: EINVAL; a read with room for 9 gives 8");
}

static CheckResult passed(CheckRun *run) {
        CLEANUP(socket_done) Socket here = SOCKET_EMPTY;
        CLEANUP(socket_done) Socket there = SOCKET_EMPTY;
        Socket ends[2] = { SOCKET_EMPTY, SOCKET_EMPTY };
        CLEANUP_FD int fd = -EBADF;
        CheckProcess *peer;
        bool made = socket_pair_make(run, SOCK_STREAM, ends);

        here = ends[0];
        there = ends[1];
        if (!made || !eventfd_make(run, 0, EFD_NONBLOCK, &fd) || peer_start(run, 0, &there.fd, 1, &peer) < 0 ||
                !check_expect(run, "sendmsg", socket_send_fd(here.fd, fd), 0) ||
                !check_expect(run, "recvmsg", peer_call(run, peer, "receive-descriptor", 0, .b = PEER_SLOT), 1) ||
                !check_expect(run, "write of 6", peer_call(run, peer, "add", PEER_SLOT, 6), 0) ||
                !eventfd_takes(run, fd, 6))
                return CHECK_FAILED;
        return check_ok(run, "sent over a socket to a process that did not have it: its write of 6 was read here");
}

static CheckResult survives(CheckRun *run) {
        CLEANUP(socket_done) Socket here = SOCKET_EMPTY;
        CLEANUP(socket_done) Socket there = SOCKET_EMPTY;
        Socket ends[2] = { SOCKET_EMPTY, SOCKET_EMPTY };
        CLEANUP_FD int fd = -EBADF;
        CheckProcess *peer;
        bool made = socket_pair_make(run, SOCK_STREAM, ends);

        here = ends[0];
        there = ends[1];
        if (!made || peer_start(run, 0, &there.fd, 1, &peer) < 0 ||
                !check_expect(run, "eventfd",
                        peer_call(run, peer, "eventfd", PEER_SLOT, 3, EFD_NONBLOCK | EFD_CLOEXEC), 0) ||
                !check_expect(run, "sendmsg", peer_call(run, peer, "send-descriptor", 0, PEER_SLOT), 0) ||
                !check_expect(run, "SIGKILL", check_murder(run, peer), 0) ||
                !check_expect(run, "recvmsg", socket_receive_fd(here.fd, &fd), 1) || !eventfd_takes(run, fd, 3))
                return CHECK_FAILED;
        return check_ok(run, "made with 3 by a process that is dead now: 3 was read");
}

static CheckResult readiness(CheckRun *run) {
        CLEANUP_FD int fd = -EBADF;
        CheckProcess *peer;
        PeerReply reply;

        if (!eventfd_begin(run, 0, EFD_NONBLOCK, &fd, &peer) ||
                !check_expect(run, "poll at 0", eventfd_polled(fd, POLLIN | POLLOUT), POLLOUT) ||
                !check_expect(run, "poll by the peer, with a time-out",
                        peer_call_full(run, peer, &(PeerCall){ "poll", 0, POLLIN, POLL_MSEC }, &reply), 0) ||
                !check_expect(run, "it gave up early", reply.y < (int64_t)POLL_MSEC * 1000, 0) ||
                !check_expect(run, "write of 2^64 - 3", eventfd_add(fd, EVENTFD_MAX - 1), 0) ||
                !check_expect(run, "poll above 0", eventfd_polled(fd, POLLIN | POLLOUT), POLLIN | POLLOUT) ||
                !check_expect(run, "write of 1", eventfd_add(fd, 1), 0) ||
                !check_expect(run, "poll when full", eventfd_polled(fd, POLLIN | POLLOUT), POLLIN))
                return CHECK_FAILED;
        return check_ok(run, "0: only POLLOUT, and a poll for POLLIN timed out; above 0: both; full: only POLLIN");
}

static CheckResult edges(CheckRun *run) {
        CLEANUP_FD int fd = -EBADF;
        CLEANUP_FD int poller = epoll_create1(EPOLL_CLOEXEC);
        struct epoll_event event = { .events = EPOLLIN | EPOLLET };
        CheckProcess *peer;

        if (!eventfd_begin(run, 0, EFD_NONBLOCK, &fd, &peer) ||
                !check_need(run, "epoll_ctl", epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0) ||
                !check_expect(run, "write of 1", peer_call(run, peer, "add", 0, 1), 0) ||
                !check_expect(run, "epoll_wait", epoll_wait(poller, &event, 1, 0), 1) ||
                !check_expect(run, "and again", epoll_wait(poller, &event, 1, 0), 0) ||
                !check_expect(run, "write of 1", peer_call(run, peer, "add", 0, 1), 0) ||
                !check_expect(run, "epoll_wait then", epoll_wait(poller, &event, 1, 0), 1))
                return CHECK_FAILED;
        return check_ok(run, "EPOLLET: each write was told once, also where the counter was not read in between");
}

static CheckResult not_reopened(CheckRun *run) {
        CLEANUP_FD int fd = -EBADF;
        char path[64];
        CheckProcess *peer;
        int64_t r;

        if (!eventfd_begin(run, 1, 0, &fd, &peer))
                return CHECK_FAILED;
        (void)snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)getpid(), fd);
        r = peer_call(run, peer, "open", PEER_SLOT, O_RDWR, .text = path);
        /* All eventfds share an inode, which is root's. */
        if (r == -EACCES && geteuid() != 0)
                return check_ok(run, "EACCES, before it would be ENXIO: only inheriting, passing or pidfd_getfd(2) "
                                     "give it to others");
        if (!check_expect(run, "open of /proc/PID/fd/N", r, -ENXIO))
                return CHECK_FAILED;
        return check_ok(run, "ENXIO: only inheriting, passing or pidfd_getfd(2) give it to others");
}

static CheckResult holder_killed(CheckRun *run) {
        CLEANUP_FD int fd = -EBADF;
        CheckProcess *peer;
        PeerReply reply;
        uint64_t value;

        if (!eventfd_begin(run, 1, EFD_SEMAPHORE | EFD_NONBLOCK, &fd, &peer) ||
                !check_expect(
                        run, "read by the peer", peer_call_full(run, peer, &(PeerCall){ "take", 0 }, &reply), 0) ||
                !check_expect(run, "SIGKILL", check_murder(run, peer), 0) ||
                !check_expect(run, "read", eventfd_take(fd, &value), -EAGAIN))
                return CHECK_FAILED;
        return check_ok(run, "one taken, who took it killed: still at 0 (EAGAIN)");
}

const Check eventfd_checks[] = {
        { "adds", "writes add up and do not stay apart: one read takes all and leaves 0", "eventfd(2)", CHECK_BOTH,
                adds, { eventfd_role }, .aspects = ASPECT(BOUNDARIES) | ASPECT(EMPTY) | ASPECT(NON_BLOCKING) },
        { "semaphore", "in semaphore mode each read takes one", "eventfd(2)", CHECK_BOTH, one_by_one, { eventfd_role },
                .aspects = ASPECT(EMPTY) },
        { "read-blocks", "a reader at 0 sleeps until a write", "eventfd(2)", CHECK_BOTH, read_blocks, { eventfd_role },
                .aspects = ASPECT(BLOCKING) | ASPECT(EMPTY) },
        { "one-woken", "in semaphore mode a write of 1 lets one of several readers through", "eventfd(2)", CHECK_BOTH,
                one_woken, { eventfd_role }, .aspects = ASPECT(BLOCKING) },
        { "one-takes-all", "of several readers that wait one takes all that was written, the others sleep on",
                "eventfd(2)", CHECK_BOTH, eventfd_one_takes_all, { eventfd_role },
                .aspects = ASPECT(BLOCKING) | ASPECT(ATOMICITY) },
        { "zero", "a write of 0 is allowed, adds nothing and lets no reader through", "eventfd(2)", CHECK_BOTH,
                eventfd_zero, { eventfd_role }, .aspects = ASPECT(BLOCKING) },
        { "barging", "nobody has a turn: who reads first takes it, whoever waited longer", "eventfd(2)", CHECK_BOTH,
                eventfd_barging, { eventfd_role }, .aspects = ASPECT(ORDER) },
        { "limit", "the counter goes to 2^64 - 2; one more gives EAGAIN and adds nothing, and 2^64 - 1 at once EINVAL",
                "eventfd(2)", CHECK_BOTH, maximum, { eventfd_role },
                .aspects = ASPECT(MAXIMUM) | ASPECT(FULL) | ASPECT(NON_BLOCKING) },
        { "write-blocks", "a writer that finds no room sleeps until a read", "eventfd(2)", CHECK_BOTH, write_blocks,
                { eventfd_role }, .aspects = ASPECT(BLOCKING) | ASPECT(FULL) },
        { "eight-bytes", "it is written and read in 8 bytes, never less", "eventfd(2)", CHECK_BOTH, eight_bytes,
                { eventfd_role }, .aspects = ASPECT(ATOMICITY) },
        { "both-ways", "tokens can go both ways, with one eventfd for each", "eventfd(2)", CHECK_BOTH,
                transport_duplex, { transport_duplex_role }, .aspects = ASPECT(BIDIRECTIONAL) },
        { "no-direction", "an eventfd has no direction: who wrote may read it again before the other does",
                "eventfd(2)", CHECK_BOTH, eventfd_no_direction, { eventfd_role },
                .aspects = ASPECT(BIDIRECTIONAL) | ASPECT(FULL_DUPLEX) },
        { "passed", "it can be passed to a process that did not inherit it", "unix(7)", CHECK_BOTH, passed,
                { eventfd_role } },
        { "forked", "a child made by fork has the same counter, not a copy", "eventfd(2)", CHECK_BOTH, eventfd_forked,
                { eventfd_role } },
        { "executed", "it stays open in a program that is executed, with its value, unless made with EFD_CLOEXEC",
                "eventfd(2)", CHECK_BOTH, eventfd_program, { eventfd_role } },
        { "one-description", "EFD_NONBLOCK belongs to all who have it: what one process sets is so for the others too",
                "fcntl(2)", CHECK_BOTH, eventfd_one_description, { eventfd_role }, .aspects = ASPECT(NON_BLOCKING) },
        { "survives", "it outlives its creator while one descriptor is open, with its value", "eventfd(2)", CHECK_BOTH,
                survives, { eventfd_role }, .aspects = ASPECT(PERSISTENCE) | ASPECT(CREATOR_GONE) },
        { "readiness", "poll tells whether it can be read and written, and gives up at its time-out, never before",
                "eventfd(2)", CHECK_BOTH, readiness, { eventfd_role }, .aspects = ASPECT(TIMEOUT) },
        { "edges", "edge-triggered, every write is told", "epoll(7)", CHECK_BOTH, edges, { eventfd_role } },
        { "shown", "its value can be seen without taking it", "proc(5)", CHECK_BOTH, eventfd_shown, { eventfd_role } },
        { "not-reopened", "it has no name, and cannot be opened again through /proc", "proc(5)", CHECK_BOTH,
                not_reopened, { eventfd_role }, .aspects = ASPECT(UNRELATED) },
        { "begun-again",
                "a waiting read is begun again after a handler with SA_RESTART, and gives EINTR after one without",
                "signal(7)", CHECK_BOTH, transport_interrupted_restarts, { transport_interrupted_role },
                .aspects = ASPECT(INTERRUPTED) },
        { "stopped", "stopped and continued, without a handler, a waiting read goes on", "signal(7)", CHECK_BOTH,
                transport_stopped_goes_on, { transport_interrupted_role }, .aspects = ASPECT(INTERRUPTED) },
        { "write-interrupted",
                "a writer that waits for room gives EINTR after a handler without SA_RESTART, and then added nothing",
                "signal(7)", CHECK_BOTH, eventfd_write_interrupted, { eventfd_role },
                .aspects = ASPECT(INTERRUPTED) | ASPECT(ATOMICITY) },
        { "poll-interrupted", "a waiting poll gives EINTR after any handler, SA_RESTART or not", "signal(7)",
                CHECK_BOTH, eventfd_poll_interrupted, { eventfd_role }, .aspects = ASPECT(INTERRUPTED) },
        { "holder-killed", "a killed holder does not give back what it took: there is no owner", "eventfd(2)",
                CHECK_BOTH, holder_killed, { eventfd_role }, .aspects = ASPECT(HOLDER_KILLED) },
        { "writer-killed", "a writer that is killed while it waits for room has added nothing", "eventfd(2)",
                CHECK_BOTH, eventfd_writer_killed, { eventfd_role }, .aspects = ASPECT(WRITER_KILLED) },
        { "reader-killed", "of two that wait the one that is killed takes nothing: the other gets what is written",
                "eventfd(2)", CHECK_BOTH, eventfd_reader_killed, { eventfd_role }, .aspects = ASPECT(WAITER_KILLED) },
        { "next-waiter", "who is killed while it waits takes nothing along: what is posted then is the next one's",
                "eventfd(2)", CHECK_BOTH, transport_waiter_killed, { transport_waiter_killed_role },
                .aspects = ASPECT(WAITER_KILLED) },
        { "many-writers", "what several add at once all counts", "eventfd(2)", CHECK_BOTH, transport_many_writers,
                { transport_many_writers_role }, .aspects = ASPECT(MANY_WRITERS) | ASPECT(ATOMICITY) },
        { "excludes", "in semaphore mode, from 1, it is a lock: what is done under it loses no update", "eventfd(2)",
                CHECK_BOTH, eventfd_excludes, { eventfd_role }, .aspects = ASPECT(SYNCHRONISATION) },
        { "advisory", "it holds back nobody who does not ask it: an update is then lost", "eventfd(2)", CHECK_BOTH,
                eventfd_advisory, { eventfd_role }, .aspects = ASPECT(SYNCHRONISATION) },
        { "no-descriptors", "with no descriptor left an eventfd cannot be made (EMFILE)", "eventfd(2)", CHECK_BOTH,
                eventfd_no_descriptors, { eventfd_role }, .aspects = ASPECT(LIMIT) },
        { "exhausted", "with no descriptor left one that is open goes on, and nothing is lost", "getrlimit(2)",
                CHECK_BOTH, transport_exhausted, { transport_exhausted_role }, .aspects = ASPECT(EXHAUSTION) },
        { "no-rights", "it has no permission bits: who has it, of whatever user, may add and take", "eventfd(2)",
                CHECK_BOTH, eventfd_no_rights, { eventfd_role }, .aspects = ASPECT(PERMISSION) | ASPECT(OTHER_USER) },
        { "permission", "another user who was not given it cannot fetch it", "pidfd_getfd(2)", CHECK_BOTH,
                eventfd_other_user_refused, { eventfd_role }, .aspects = ASPECT(PERMISSION) },
        { "other-user", "who was given its descriptor uses it, of whatever user", "eventfd(2)", CHECK_BOTH,
                transport_other_user, { transport_place_role }, .aspects = ASPECT(OTHER_USER) },
        { "other-ipc", "IPC namespaces do not matter to an eventfd", "ipc_namespaces(7)", CHECK_BOTH,
                transport_other_ipc, { transport_place_role }, .aspects = ASPECT(NAMESPACE) },
        { "other-net", "network namespaces do not matter to an eventfd", "network_namespaces(7)", CHECK_BOTH,
                transport_other_net, { transport_place_role }, .aspects = ASPECT(NAMESPACE) },
        {},
};

const CheckGap eventfd_gaps[] = {
        { ASPECT_PRIORITY, "Neither a value nor a reader has a priority." },
        { ASPECT_DESCRIPTORS, "It carries a number only: no descriptor goes along." },
        { ASPECT_CREDENTIALS, "The counter does not say who added to it." },
        {},
};
