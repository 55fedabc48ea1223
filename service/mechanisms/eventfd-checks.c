/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "checks.h"

/* What eventfd(2) promises. The judge makes the counter; peers inherit it, or get it over a socket. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cleanup.h"
#include "eventfd-parts.h"
#include "peer-call.h"
#include "unix-checks.h"

enum { POLL_MSEC = 40 };

/* --- What peers can be told to do: add a b=number | take a: x the value | eventfd a=slot b=value c=flags |
 * receive-descriptor a=socket b=slot | send-descriptor a=socket b=what --- */

static int number(CheckPeer *peer, int64_t n) {
        const int *place = peer_descriptor(peer, n);

        return place ? *place : -EBADF;
}

static int64_t add(int fd, uint64_t value) {
        return write(fd, &value, sizeof value) < 0 ? -errno : 0;
}

static int64_t take(int fd, uint64_t *ret) {
        return read(fd, ret, sizeof *ret) < 0 ? -errno : 0;
}

static int64_t call_add(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        return add(number(peer, call->a), (uint64_t)call->b);
}

static int64_t call_take(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        uint64_t value = 0;
        int64_t r = take(number(peer, call->a), &value);

        reply->x = (int64_t)value;
        return r;
}

static int64_t call_eventfd(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        int *place = peer_descriptor(peer, call->a);
        int fd = eventfd((unsigned)call->b, (int)call->c | EFD_CLOEXEC);

        if (fd < 0 || !place)
                return -errno;
        *place = fd;
        return 0;
}

static int64_t call_receive_descriptor(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        int *place = peer_descriptor(peer, call->b);

        return place ? socket_receive_fd(number(peer, call->a), place) : -EBADF;
}

static int64_t call_send_descriptor(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        return socket_send_fd(number(peer, call->a), number(peer, call->b));
}

static const PeerFunction functions[] = {
        { "add", call_add },
        { "take", call_take },
        { "eventfd", call_eventfd },
        { "receive-descriptor", call_receive_descriptor },
        { "send-descriptor", call_send_descriptor },
        {},
};

static int role(CheckPeer *peer) {
        return peer_serve(peer, functions);
}

/* --- Tools --- */

static bool make(CheckRun *run, unsigned value, int flags, int *ret) {
        *ret = eventfd(value, EFD_CLOEXEC | flags);
        return check_need(run, "eventfd", *ret < 0 ? -errno : 0);
}

/* A counter, and a peer that has it as its descriptor 0. */
static bool begin(CheckRun *run, unsigned value, int flags, int *ret_fd, CheckProcess **ret) {
        return make(run, value, flags, ret_fd) && peer_start(run, 0, ret_fd, 1, ret) >= 0;
}

/* What a read gives here. */
static bool takes(CheckRun *run, int fd, uint64_t want) {
        uint64_t value = 0;

        return check_expect(run, "read", take(fd, &value), 0) &&
               check_expect(run, "the value read", (int64_t)value, (int64_t)want);
}

static int64_t polled(int fd, short events) {
        struct pollfd state = { .fd = fd, .events = events };

        return poll(&state, 1, 0) < 0 ? -errno : state.revents;
}

/* --- Checks --- */

static CheckResult adds(CheckRun *run) {
        CLEANUP_FD int fd = -EBADF;
        CheckProcess *peer;
        uint64_t value;

        if (!begin(run, 2, EFD_NONBLOCK, &fd, &peer) ||
                !check_expect(run, "write of 3", peer_call(run, peer, "add", 0, 3), 0) ||
                !check_expect(run, "write of 4", peer_call(run, peer, "add", 0, 4), 0) || !takes(run, fd, 9) ||
                !check_expect(run, "read again", take(fd, &value), -EAGAIN))
                return CHECK_FAILED;
        return check_ok(run, "made with 2, 3 and 4 written: one read gives 9, and leaves 0 (EAGAIN)");
}

static CheckResult one_by_one(CheckRun *run) {
        CLEANUP_FD int fd = -EBADF;
        CheckProcess *peer;
        uint64_t value;

        if (!begin(run, 0, EFD_NONBLOCK | EFD_SEMAPHORE, &fd, &peer) ||
                !check_expect(run, "write of 3", peer_call(run, peer, "add", 0, 3), 0) || !takes(run, fd, 1) ||
                !takes(run, fd, 1) || !takes(run, fd, 1) ||
                !check_expect(run, "read again", take(fd, &value), -EAGAIN))
                return CHECK_FAILED;
        return check_ok(run, "EFD_SEMAPHORE: 3 written in one, three reads give 1 each, the fourth EAGAIN");
}

static CheckResult read_blocks(CheckRun *run) {
        CLEANUP_FD int fd = -EBADF;
        CheckProcess *peer;
        PeerReply reply;

        if (!begin(run, 0, 0, &fd, &peer) || peer_begin(run, peer, &(PeerCall){ "take", 0 }) < 0 ||
                !check_sleeps(run, peer, "a read at 0") || !check_expect(run, "write of 5", add(fd, 5), 0) ||
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

        if (!begin(run, 0, EFD_SEMAPHORE, &fd, &peers[0]) || peer_start(run, 0, &fd, 1, &peers[1]) < 0 ||
                peer_begin(run, peers[0], &(PeerCall){ "take", 0 }) < 0 ||
                peer_begin(run, peers[1], &(PeerCall){ "take", 0 }) < 0 ||
                !check_sleeps(run, peers[0], "the first reader") || !check_sleeps(run, peers[1], "the second") ||
                !check_expect(run, "write of 1", add(fd, 1), 0))
                return CHECK_FAILED;
        /* Whichever was woken has said so, which ends this look as well. */
        left = check_await_sleep(run, peers[0], text, sizeof text) == -EALREADY ? 1 : 0;
        if ((left == 0 && !check_expect(run, "the one that was woken", peer_end(run, peers[1], &reply), 0)) ||
                !check_sleeps(run, peers[left], "the other") || !check_expect(run, "write of 1", add(fd, 1), 0) ||
                !check_expect(run, "the other", peer_end(run, peers[left], &reply), 0))
                return CHECK_FAILED;
        return check_ok(run, "two readers asleep: each write of 1 let one through");
}

static CheckResult maximum(CheckRun *run) {
        CLEANUP_FD int fd = -EBADF;
        CheckProcess *peer;

        if (!begin(run, 0, EFD_NONBLOCK, &fd, &peer) ||
                !check_expect(run, "write of 2^64 - 1", peer_call(run, peer, "add", 0, -1), -EINVAL) ||
                !check_expect(run, "write of 2^64 - 2", peer_call(run, peer, "add", 0, -2), 0) ||
                !check_expect(run, "write of 1 more", peer_call(run, peer, "add", 0, 1), -EAGAIN) ||
                !takes(run, fd, EVENTFD_MAX) ||
                !check_expect(run, "write of 1 then", peer_call(run, peer, "add", 0, 1), 0))
                return CHECK_FAILED;
        return check_ok(run, "2^64 - 1: EINVAL; 2^64 - 2 fits, 1 more: EAGAIN; there is room after a read");
}

static CheckResult write_blocks(CheckRun *run) {
        CLEANUP_FD int fd = -EBADF;
        CheckProcess *peer;

        if (!begin(run, 0, 0, &fd, &peer) || !check_expect(run, "write of 2^64 - 2", add(fd, EVENTFD_MAX), 0) ||
                peer_begin(run, peer, &(PeerCall){ "add", 0, 7 }) < 0 ||
                !check_sleeps(run, peer, "a write of 7 more") || !takes(run, fd, EVENTFD_MAX) ||
                !check_expect(run, "the write", peer_end(run, peer, NULL), 0) || !takes(run, fd, 7))
                return CHECK_FAILED;
        return check_ok(run, "asleep until the counter was read; then 7 were there");
}

static CheckResult eight_bytes(CheckRun *run) {
        CLEANUP_FD int fd = -EBADF;
        CheckProcess *peer;

        if (!begin(run, 1, EFD_NONBLOCK, &fd, &peer) ||
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
        if (!made || !make(run, 0, EFD_NONBLOCK, &fd) || peer_start(run, 0, &there.fd, 1, &peer) < 0 ||
                !check_expect(run, "sendmsg", socket_send_fd(here.fd, fd), 0) ||
                !check_expect(run, "recvmsg", peer_call(run, peer, "receive-descriptor", 0, .b = PEER_SLOT), 1) ||
                !check_expect(run, "write of 6", peer_call(run, peer, "add", PEER_SLOT, 6), 0) || !takes(run, fd, 6))
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
                !check_expect(run, "eventfd", peer_call(run, peer, "eventfd", PEER_SLOT, 3, EFD_NONBLOCK), 0) ||
                !check_expect(run, "sendmsg", peer_call(run, peer, "send-descriptor", 0, PEER_SLOT), 0) ||
                !check_expect(run, "SIGKILL", check_murder(run, peer), 0) ||
                !check_expect(run, "recvmsg", socket_receive_fd(here.fd, &fd), 1) || !takes(run, fd, 3))
                return CHECK_FAILED;
        return check_ok(run, "made with 3 by a process that is dead now: 3 was read");
}

static CheckResult readiness(CheckRun *run) {
        CLEANUP_FD int fd = -EBADF;
        CheckProcess *peer;
        PeerReply reply;

        if (!begin(run, 0, EFD_NONBLOCK, &fd, &peer) ||
                !check_expect(run, "poll at 0", polled(fd, POLLIN | POLLOUT), POLLOUT) ||
                !check_expect(run, "poll by the peer, with a time-out",
                        peer_call_full(run, peer, &(PeerCall){ "poll", 0, POLLIN, POLL_MSEC }, &reply), 0) ||
                !check_expect(run, "it gave up early", reply.y < (int64_t)POLL_MSEC * 1000, 0) ||
                !check_expect(run, "write of 2^64 - 3", add(fd, EVENTFD_MAX - 1), 0) ||
                !check_expect(run, "poll above 0", polled(fd, POLLIN | POLLOUT), POLLIN | POLLOUT) ||
                !check_expect(run, "write of 1", add(fd, 1), 0) ||
                !check_expect(run, "poll when full", polled(fd, POLLIN | POLLOUT), POLLIN))
                return CHECK_FAILED;
        return check_ok(run, "0: only POLLOUT, and a poll for POLLIN timed out; above 0: both; full: only POLLIN");
}

static CheckResult edges(CheckRun *run) {
        CLEANUP_FD int fd = -EBADF;
        CLEANUP_FD int poller = epoll_create1(EPOLL_CLOEXEC);
        struct epoll_event event = { .events = EPOLLIN | EPOLLET };
        CheckProcess *peer;

        if (!begin(run, 0, EFD_NONBLOCK, &fd, &peer) ||
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

        if (!begin(run, 1, 0, &fd, &peer))
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

        if (!begin(run, 1, EFD_SEMAPHORE | EFD_NONBLOCK, &fd, &peer) ||
                !check_expect(
                        run, "read by the peer", peer_call_full(run, peer, &(PeerCall){ "take", 0 }, &reply), 0) ||
                !check_expect(run, "SIGKILL", check_murder(run, peer), 0) ||
                !check_expect(run, "read", take(fd, &value), -EAGAIN))
                return CHECK_FAILED;
        return check_ok(run, "one taken, who took it killed: still at 0 (EAGAIN)");
}

const Check eventfd_checks[] = {
        { "adds", "writes add up, one read takes all and leaves 0", "eventfd(2)", CHECK_BOTH, adds, { role } },
        { "semaphore", "in semaphore mode each read takes one", "eventfd(2)", CHECK_BOTH, one_by_one, { role } },
        { "read-blocks", "a reader at 0 sleeps until a write", "eventfd(2)", CHECK_BOTH, read_blocks, { role } },
        { "one-woken", "in semaphore mode a write of 1 lets one of several readers through", "eventfd(2)", CHECK_BOTH,
                one_woken, { role } },
        { "limit", "the counter goes to 2^64 - 2, and a write over it gives EAGAIN", "eventfd(2)", CHECK_BOTH, maximum,
                { role } },
        { "write-blocks", "a writer that finds no room sleeps until a read", "eventfd(2)", CHECK_BOTH, write_blocks,
                { role } },
        { "eight-bytes", "it is written and read in 8 bytes, never less", "eventfd(2)", CHECK_BOTH, eight_bytes,
                { role } },
        { "both-ways", "tokens can go both ways, with one eventfd for each", "eventfd(2)", CHECK_BOTH,
                transport_duplex, { transport_duplex_role } },
        { "passed", "it can be passed to a process that did not inherit it", "unix(7)", CHECK_BOTH, passed, { role } },
        { "survives", "it outlives its creator while one descriptor is open, with its value", "eventfd(2)", CHECK_BOTH,
                survives, { role } },
        { "readiness", "poll tells whether it can be read and written, and gives up at its time-out, never before",
                "eventfd(2)", CHECK_BOTH, readiness, { role } },
        { "edges", "edge-triggered, every write is told", "epoll(7)", CHECK_BOTH, edges, { role } },
        { "not-reopened", "it cannot be opened again through /proc", "proc(5)", CHECK_BOTH, not_reopened, { role } },
        { "holder-killed", "a killed holder does not give back what it took: there is no owner", "eventfd(2)",
                CHECK_BOTH, holder_killed, { role } },
        {},
};
