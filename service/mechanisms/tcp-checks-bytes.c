/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tcp-checks.h"

/* What tcp(7), socket(7), recv(2), poll(2) and epoll(7) say of what goes over a connection, and of its end. */
#include <errno.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cleanup.h"
#include "limit-facts.h"

enum {
        OWN = PEER_SLOT,
        WRITES = 8, /* fewer than the segments that go out without being acknowledged */
        TRIES = 10,
        BULK = 64 * 1024,
        SMALL_BUFFER = 4096,
        WAIT_MSEC = CHECK_PATIENCE_USEC / 2000,
};

#define TCP_REPAIR_TEXT   "19"
#define TCP_QUICKACK_TEXT "12"
#define SO_SNDBUF_TEXT    "7"

/* How many segments with bytes in them went out. */
static int64_t segments(int fd) {
        struct tcp_info info = {};
        socklen_t length = sizeof info;

        if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) < 0)
                return -errno;
        return info.tcpi_data_segs_out;
}

/* How many bytes wait to be received, once there are so many. */
static int64_t await_queued(int fd, int wanted) {
        int n = 0;

        for (int looks = 0; looks < WAIT_MSEC; looks++) {
                if (ioctl(fd, SIOCINQ, &n) < 0)
                        return -errno;
                if (n >= wanted)
                        break;
                (void)poll(NULL, 0, 1);
        }
        return n;
}

CheckResult tcp_check_linger(CheckRun *run) {
        CLEANUP(sock_done) Sock server = SOCK_EMPTY;
        CLEANUP(sock_done) Sock here = SOCK_EMPTY;
        CLEANUP(sock_done) Sock next = SOCK_EMPTY;
        char own[SOCK_NAME_MAX];
        CheckProcess *peer;
        PeerReply bound;

        sock_own_address(1, own);
        if (!tcp_begin(run, 1, &server, &peer) ||
                !check_expect(
                        run, "bind", peer_call_full(run, peer, &(PeerCall){ "bind", OWN, .text = own }, &bound), 0) ||
                !tcp_meet(run, &server, peer, &here) ||
                !check_expect(run, "SO_LINGER of 0", peer_call(run, peer, "linger", OWN, 0), 0) ||
                !check_expect(run, "close", peer_call(run, peer, "close", OWN), 0) ||
                !check_expect(run, "receive", sock_await(here.fd), -ECONNRESET) ||
                !sock_open(run, AF_INET, SOCK_STREAM, &next) ||
                !check_expect(run, "bind to the port of the closed one", sock_bind(next.fd, bound.text), 0))
                return CHECK_FAILED;
        return check_ok(run, "closed with SO_LINGER of 0: the other gets ECONNRESET, and the port is free at once");
}

/* How many segments so many sends of one byte make, before all is received. */
static int64_t segments_of(CheckRun *run, int fd, CheckProcess *peer, int no_delay) {
        int64_t n, before = segments(fd);

        if (!check_expect(run, "TCP_NODELAY", sock_set(fd, IPPROTO_TCP, TCP_NODELAY, no_delay), 0) ||
                !check_expect(run, "TCP_QUICKACK",
                        peer_call(run, peer, "set", OWN, IPPROTO_TCP, 0, .text = TCP_QUICKACK_TEXT), 0))
                return -EREMOTEIO;
        for (int i = 0; i < WRITES; i++)
                if (!check_expect(run, "send", sock_send(fd, 1), 1))
                        return -EREMOTEIO;
        n = segments(fd) - before;
        if (!check_expect(run, "received", peer_call(run, peer, "receive-all", OWN, WRITES), WRITES))
                return -EREMOTEIO;
        return n;
}

/* With a receiver that does not acknowledge at once, a second small segment has to wait for the first. A machine that
 * is busy may come to acknowledge between any two sends: then it is tried again. */
CheckResult tcp_check_nagle(CheckRun *run) {
        CLEANUP(sock_done) Sock server = SOCK_EMPTY;
        CLEANUP(sock_done) Sock here = SOCK_EMPTY;
        int64_t with = 0, without = 0;
        CheckProcess *peer;

        if (!tcp_begin(run, 1, &server, &peer) || !tcp_meet(run, &server, peer, &here) ||
                !check_expect(run, "SO_SNDBUF", sock_set(here.fd, SOL_SOCKET, SO_SNDBUF, BULK), 0))
                return CHECK_FAILED;
        for (int i = 0; i < TRIES && with >= without; i++) {
                with = segments_of(run, here.fd, peer, 0);
                without = segments_of(run, here.fd, peer, 1);
                if (with < 0 || without < 0)
                        return CHECK_FAILED;
        }
        if (with >= without)
                return check_fail(run, "%d sends of 1 byte: %lld segments, with TCP_NODELAY %lld", WRITES,
                        (long long)with, (long long)without);
        return check_ok(run, "%d sends of 1 byte: %lld segments, with TCP_NODELAY %lld", WRITES, (long long)with,
                (long long)without);
}

CheckResult tcp_check_cork(CheckRun *run) {
        CLEANUP(sock_done) Sock server = SOCK_EMPTY;
        CLEANUP(sock_done) Sock here = SOCK_EMPTY;
        CheckProcess *peer;
        int64_t before, held, out;

        if (!tcp_begin(run, 1, &server, &peer) || !tcp_meet(run, &server, peer, &here) ||
                !check_expect(run, "TCP_CORK", sock_set(here.fd, IPPROTO_TCP, TCP_CORK, 1), 0))
                return CHECK_FAILED;
        before = segments(here.fd);
        for (int i = 0; i < 5; i++)
                if (!check_expect(run, "send", sock_send(here.fd, 10), 10))
                        return CHECK_FAILED;
        held = segments(here.fd) - before;
        if (!check_expect(run, "no cork", sock_set(here.fd, IPPROTO_TCP, TCP_CORK, 0), 0) ||
                !check_expect(run, "receive", peer_call(run, peer, "receive-all", OWN, 50), 50))
                return CHECK_FAILED;
        out = segments(here.fd) - before;
        /* The cork gives way after 200 ms: on a machine that sleeps for so long the bytes have gone by then. */
        if (held == 0 && !check_expect(run, "segments", out, 1))
                return CHECK_FAILED;
        if (!check_expect(run, "fewer segments than sends", out < 5, 1))
                return CHECK_FAILED;
        return check_ok(run, "5 sends of 10 bytes: %lld segments with the cork in, %lld when it is out",
                (long long)held, (long long)out);
}

CheckResult tcp_check_keepalive(CheckRun *run) {
        static const struct {
                const char *path, *name;
                int option;
        } values[] = {
                { "/proc/sys/net/ipv4/tcp_keepalive_time", "TCP_KEEPIDLE", TCP_KEEPIDLE },
                { "/proc/sys/net/ipv4/tcp_keepalive_intvl", "TCP_KEEPINTVL", TCP_KEEPINTVL },
                { "/proc/sys/net/ipv4/tcp_keepalive_probes", "TCP_KEEPCNT", TCP_KEEPCNT },
        };
        CLEANUP(sock_done) Sock server = SOCK_EMPTY;
        CLEANUP(sock_done) Sock here = SOCK_EMPTY;
        CheckProcess *peer;
        int64_t idle;

        if (!tcp_begin(run, 1, &server, &peer) || !tcp_meet(run, &server, peer, &here) ||
                !check_expect(run, "SO_KEEPALIVE", sock_get(here.fd, SOL_SOCKET, SO_KEEPALIVE), 0) ||
                !check_expect(run, "SO_KEEPALIVE of the peer",
                        peer_call(run, peer, "get", OWN, SOL_SOCKET, SO_KEEPALIVE), 0))
                return CHECK_FAILED;
        for (size_t i = 0; i < sizeof values / sizeof *values; i++)
                if (!check_expect(run, values[i].name, sock_get(here.fd, IPPROTO_TCP, values[i].option),
                            (int64_t)limit_read(values[i].path, 0)))
                        return CHECK_FAILED;
        idle = peer_call(run, peer, "get", OWN, IPPROTO_TCP, TCP_KEEPIDLE);
        if (!check_expect(run, "TCP_KEEPIDLE of the peer", idle, sock_get(here.fd, IPPROTO_TCP, TCP_KEEPIDLE)) ||
                !check_expect(run, "TCP_KEEPIDLE set", sock_set(here.fd, IPPROTO_TCP, TCP_KEEPIDLE, 5), 0) ||
                !check_expect(run, "of this side", sock_get(here.fd, IPPROTO_TCP, TCP_KEEPIDLE), 5) ||
                !check_expect(
                        run, "of the peer's side", peer_call(run, peer, "get", OWN, IPPROTO_TCP, TCP_KEEPIDLE), idle))
                return CHECK_FAILED;
        return check_ok(run,
                "off on both sides; if on, each asks first after %lld s, as tcp_keepalive_time says, unless its own "
                "socket says other",
                (long long)idle);
}

CheckResult tcp_check_wait_all(CheckRun *run) {
        CLEANUP(sock_done) Sock server = SOCK_EMPTY;
        CLEANUP(sock_done) Sock here = SOCK_EMPTY;
        CheckProcess *peer;

        if (!tcp_begin(run, 1, &server, &peer) || !tcp_meet(run, &server, peer, &here) ||
                !check_expect(run, "send", sock_send(here.fd, 4), 4) ||
                peer_begin(run, peer, &(PeerCall){ "receive-all", OWN, 10 }) < 0 ||
                !check_sleeps(run, peer, "the receiver of 10") ||
                !check_expect(run, "send", sock_send(here.fd, 6), 6) ||
                !check_expect(run, "received", peer_end(run, peer, NULL), 10) ||
                peer_begin(run, peer, &(PeerCall){ "receive-all", OWN, 10 }) < 0 ||
                !check_sleeps(run, peer, "the receiver of 10 more") ||
                !check_expect(run, "send", sock_send(here.fd, 3), 3) ||
                !check_expect(run, "shutdown", shutdown(here.fd, SHUT_WR) < 0 ? -errno : 0, 0) ||
                !check_expect(run, "received at the end", peer_end(run, peer, NULL), 3))
                return CHECK_FAILED;
        return check_ok(run, "asked for 10 with MSG_WAITALL: asleep with 4 there, 10 when 6 more came; at the end 3");
}

CheckResult tcp_check_rdhup(CheckRun *run) {
        CLEANUP(sock_done) Sock server = SOCK_EMPTY;
        CLEANUP(sock_done) Sock here = SOCK_EMPTY;
        CheckProcess *peer;
        int events;

        if (!tcp_begin(run, 1, &server, &peer) || !tcp_meet(run, &server, peer, &here) ||
                !check_expect(run, "before", sock_events_within(here.fd, POLLRDHUP, 0), 0) ||
                !check_expect(run, "shutdown(SHUT_WR)", peer_call(run, peer, "shutdown", OWN, SHUT_WR), 0))
                return CHECK_FAILED;
        events = sock_events_within(here.fd, POLLRDHUP, CHECK_PATIENCE_USEC);
        if (!check_expect(run, "after the peer's end", events, POLLRDHUP) ||
                !check_expect(run, "shutdown(SHUT_WR) here, too", shutdown(here.fd, SHUT_WR) < 0 ? -errno : 0, 0) ||
                !check_expect(run, "after both", sock_events_within(here.fd, 0, CHECK_PATIENCE_USEC), POLLHUP))
                return CHECK_FAILED;
        return check_ok(run, "the peer's direction ended: POLLRDHUP and no POLLHUP; both ended: POLLHUP");
}

CheckResult tcp_check_last_close(CheckRun *run) {
        CLEANUP(sock_done) Sock server = SOCK_EMPTY;
        CLEANUP(sock_done) Sock here = SOCK_EMPTY;
        CheckProcess *client, *holder;

        if (!tcp_begin(run, 1, &server, &client) || !tcp_meet(run, &server, client, &here) ||
                peer_start(run, 0, &here.fd, 1, &holder) < 0)
                return CHECK_FAILED;
        sock_done(&here);
        if (!check_expect(run, "write by who holds it yet", peer_call(run, holder, "write", 0, 5, 'x'), 5) ||
                !check_expect(run, "read by the client", peer_call(run, client, "read", OWN, 10), 5) ||
                !check_expect(run, "close by the last one", peer_call(run, holder, "close", 0), 0) ||
                !check_expect(run, "read by the client then", peer_call(run, client, "read", OWN, 10), 0))
                return CHECK_FAILED;
        return check_ok(run, "of two processes that hold it one closed: goes on; the other, too: end of file");
}

/* To the end of file. */
static int64_t read_all(int fd) {
        char buffer[SMALL_BUFFER];
        int64_t all = 0;

        for (;;) {
                ssize_t n = sock_events_within(fd, POLLIN, CHECK_PATIENCE_USEC)
                                    ? recv(fd, buffer, sizeof buffer, MSG_DONTWAIT)
                                    : 0;

                if (n <= 0)
                        return n < 0 ? -errno : all;
                all += n;
        }
}

/* Its kernel keeps on sending what the receiver had no room for. */
CheckResult tcp_check_in_flight(CheckRun *run) {
        CLEANUP(sock_done) Sock server = SOCK_EMPTY;
        CLEANUP(sock_done) Sock here = SOCK_EMPTY;
        CheckProcess *peer;
        int64_t there;

        if (limit_read("/proc/sys/net/core/wmem_max", 0) < BULK)
                return check_skip(run, "wmem_max gives a sender less than %d bytes to hold back", BULK);
        if (!tcp_begin(run, 1, &server, &peer) ||
                !check_expect(run, "SO_RCVBUF", sock_set(server.fd, SOL_SOCKET, SO_RCVBUF, SMALL_BUFFER), 0) ||
                !check_expect(run, "SO_SNDBUF of the peer",
                        peer_call(run, peer, "set", OWN, SOL_SOCKET, BULK, .text = SO_SNDBUF_TEXT), 0) ||
                !tcp_meet(run, &server, peer, &here) ||
                !check_expect(run, "O_NONBLOCK", peer_call(run, peer, "nonblock", OWN, 1), 0))
                return CHECK_FAILED;
        there = peer_call(run, peer, "write", OWN, BULK, 'x');
        if (!check_expect(run, "the peer wrote more than fits here", there > 2 * SMALL_BUFFER, 1) ||
                !check_expect(run, "SIGKILL", check_murder(run, peer), 0) ||
                !check_expect(run, "less is here", await_queued(here.fd, 1) < there, 1) ||
                !check_expect(run, "received in all", read_all(here.fd), there))
                return CHECK_FAILED;
        return check_ok(run, "%lld bytes written into a buffer for %d, then SIGKILL: all of them, then end of file",
                (long long)there, 2 * SMALL_BUFFER);
}

/* TCP_REPAIR lets a socket be closed without a word, as when a machine loses its power. */
CheckResult tcp_check_half_open(CheckRun *run) {
        CLEANUP(sock_done) Sock server = SOCK_EMPTY;
        CLEANUP(sock_done) Sock here = SOCK_EMPTY;
        CheckProcess *peer;

        if (!tcp_begin(run, 1, &server, &peer) || !tcp_meet(run, &server, peer, &here) ||
                !check_need_said(run, "only CAP_NET_ADMIN can close a connection without telling the other side",
                        peer_call(run, peer, "set", OWN, IPPROTO_TCP, 1, .text = TCP_REPAIR_TEXT)) ||
                !check_expect(run, "close", peer_call(run, peer, "close", OWN), 0) ||
                !check_expect(run, "what is told here",
                        sock_events_within(here.fd, POLLIN | POLLRDHUP, CHECK_TIMEOUT_USEC), 0) ||
                !check_expect(run, "send", sock_send(here.fd, 5), 5) ||
                !check_expect(run, "receive then", sock_await(here.fd), -ECONNRESET))
                return CHECK_FAILED;
        return check_ok(
                run, "the other side vanished without a word: nothing is told, a send succeeds, then ECONNRESET");
}

CheckResult tcp_check_low_water(CheckRun *run) {
        CLEANUP(sock_done) Sock server = SOCK_EMPTY;
        CLEANUP(sock_done) Sock here = SOCK_EMPTY;
        CheckProcess *peer;

        if (!tcp_begin(run, 1, &server, &peer) || !tcp_meet(run, &server, peer, &here) ||
                !check_expect(run, "SO_RCVLOWAT", sock_set(here.fd, SOL_SOCKET, SO_RCVLOWAT, 5), 0) ||
                !check_expect(run, "write", peer_call(run, peer, "write", OWN, 3, 'x'), 3) ||
                !check_expect(run, "bytes that came", await_queued(here.fd, 3), 3) ||
                !check_expect(run, "poll(2) with 3 there", sock_events_within(here.fd, POLLIN, 0), 0) ||
                !check_expect(run, "write", peer_call(run, peer, "write", OWN, 2, 'x'), 2) ||
                !check_expect(run, "poll(2) with 5", sock_events_within(here.fd, POLLIN, CHECK_PATIENCE_USEC), POLLIN))
                return CHECK_FAILED;
        return check_ok(run, "SO_RCVLOWAT of 5: 3 bytes are there and poll(2) says nothing; with 5 it does");
}

static int told(int epoll, int msec) {
        struct epoll_event event;

        return epoll_wait(epoll, &event, 1, msec);
}

CheckResult tcp_check_edge(CheckRun *run) {
        CLEANUP(sock_done) Sock server = SOCK_EMPTY;
        CLEANUP(sock_done) Sock here = SOCK_EMPTY;
        CLEANUP_FD int edge = epoll_create1(EPOLL_CLOEXEC), level = epoll_create1(EPOLL_CLOEXEC);
        struct epoll_event once = { .events = EPOLLIN | EPOLLET }, always = { .events = EPOLLIN };
        CheckProcess *peer;

        if (!check_need(run, "epoll_create1", edge < 0 || level < 0 ? -errno : 0) ||
                !tcp_begin(run, 1, &server, &peer) || !tcp_meet(run, &server, peer, &here) ||
                !check_expect(run, "add", epoll_ctl(edge, EPOLL_CTL_ADD, here.fd, &once) < 0 ? -errno : 0, 0) ||
                !check_expect(run, "add", epoll_ctl(level, EPOLL_CTL_ADD, here.fd, &always) < 0 ? -errno : 0, 0) ||
                !check_expect(run, "write", peer_call(run, peer, "write", OWN, 3, 'x'), 3) ||
                !check_expect(run, "with EPOLLET", told(edge, WAIT_MSEC), 1) ||
                !check_expect(run, "once more", told(edge, 0), 0) ||
                !check_expect(run, "without", told(level, 0), 1) ||
                !check_expect(run, "once more", told(level, 0), 1) ||
                !check_expect(run, "write", peer_call(run, peer, "write", OWN, 3, 'x'), 3) ||
                !check_expect(run, "with EPOLLET after more came", told(edge, WAIT_MSEC), 1))
                return CHECK_FAILED;
        return check_ok(
                run, "3 bytes nobody reads: told once with EPOLLET and again when more come; without, each time");
}
