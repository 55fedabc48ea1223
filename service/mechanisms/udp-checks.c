/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "udp-checks.h"

/* What udp(7) promises, and what it does not. The judge's socket is bound, peers send to it. */
#include <errno.h>
#include <inttypes.h>
#include <linux/sock_diag.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cleanup.h"
#include "inet-claims.h"
#include "inet-transport.h"
#include "socket-claims.h"

enum {
        OWN = PEER_SLOT,
        WAIT_MSEC = CHECK_PATIENCE_USEC / 2000,
        LOOKS = 100000, /* until all that was sent has come or is counted as dropped */
        FLOOD = 400,    /* datagrams of FLOOD_SIZE bytes: more than the smallest buffer holds */
        FLOOD_SIZE = 1000,
};

static bool begin(CheckRun *run, Sock *here, CheckProcess **ret) {
        return sock_make(run, AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, here) && peer_start(run, 0, NULL, 0, ret) >= 0 &&
               check_expect(run, "socket", peer_call(run, *ret, "socket", OWN, SOCK_DGRAM), 0);
}

static bool connected(CheckRun *run, Sock *here, CheckProcess **ret) {
        return begin(run, here, ret) &&
               check_expect(run, "connect", peer_call(run, *ret, "connect", OWN, .text = here->text), 0);
}

static int64_t await_message(int fd, struct msghdr *message) {
        if (!sock_events_within(fd, POLLIN, CHECK_PATIENCE_USEC))
                return -ETIMEDOUT;
        return recvmsg(fd, message, MSG_DONTWAIT);
}

/* The true length of the next one, which does not fit. */
static int64_t await_length(int fd) {
        char byte;

        if (!sock_events_within(fd, POLLIN, CHECK_PATIENCE_USEC))
                return -ETIMEDOUT;
        return recv(fd, &byte, 1, MSG_DONTWAIT | MSG_TRUNC);
}

static CheckResult truncated(CheckRun *run) {
        CLEANUP(sock_done) Sock here = SOCK_EMPTY;
        char buffer[4];
        struct iovec iov = { buffer, sizeof buffer };
        struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };
        CheckProcess *peer;

        if (!connected(run, &here, &peer) ||
                !check_expect(run, "send", peer_call(run, peer, "write", OWN, 10, 'x'), 10) ||
                !check_expect(run, "receive with room for 4", await_message(here.fd, &message), 4) ||
                !check_expect(run, "MSG_TRUNC told", (message.msg_flags & MSG_TRUNC) != 0, 1) ||
                !check_expect(run, "receive again", sock_receive(here.fd), -EAGAIN) ||
                !check_expect(run, "send", peer_call(run, peer, "write", OWN, 10, 'x'), 10) ||
                !check_expect(run, "the length with MSG_TRUNC asked for", await_length(here.fd), 10))
                return CHECK_FAILED;
        return check_ok(run, "10 bytes into 4: 4 and MSG_TRUNC, the rest is lost; asked with MSG_TRUNC: 10");
}

static CheckResult empty_datagram(CheckRun *run) {
        CLEANUP(sock_done) Sock here = SOCK_EMPTY;
        CheckProcess *peer;

        if (!begin(run, &here, &peer) || !check_expect(run, "receive before", sock_receive(here.fd), -EAGAIN) ||
                !check_expect(run, "send of 0 bytes", peer_call(run, peer, "send-to", OWN, 0, .text = here.text), 0) ||
                !check_expect(run, "receive", sock_await(here.fd), 0) ||
                !check_expect(run, "receive again", sock_receive(here.fd), -EAGAIN))
                return CHECK_FAILED;
        return check_ok(run, "0 bytes sent, 0 received (no end of file: EAGAIN before and after)");
}

static bool longest_in(CheckRun *run, int family, int64_t most) {
        CLEANUP(sock_done) Sock here = SOCK_EMPTY;
        CheckProcess *peer;

        return sock_make(run, family, SOCK_DGRAM | SOCK_NONBLOCK, &here) && peer_start(run, 0, NULL, 0, &peer) >= 0 &&
               check_expect(run, "socket", peer_call(run, peer, "socket", OWN, SOCK_DGRAM, family), 0) &&
               check_expect(run, "send of the longest", peer_call(run, peer, "send-to", OWN, most, .text = here.text),
                       most) &&
               check_expect(run, "its length", await_length(here.fd), most) &&
               check_expect(run, "send of one byte more",
                       peer_call(run, peer, "send-to", OWN, most + 1, .text = here.text), -EMSGSIZE);
}

static CheckResult longest(CheckRun *run) {
        bool v6 = !sock_no_ipv6();

        if (!longest_in(run, AF_INET, UDP_MESSAGE_MAX) || (v6 && !longest_in(run, AF_INET6, UDP6_MESSAGE_MAX)))
                return CHECK_FAILED;
        if (!v6)
                return check_ok(
                        run, "IPv4: %d bytes whole, one more EMSGSIZE; there is no IPv6 here", UDP_MESSAGE_MAX);
        return check_ok(run, "IPv4: %d bytes whole, IPv6: %d; one more EMSGSIZE", UDP_MESSAGE_MAX, UDP6_MESSAGE_MAX);
}

/* What SO_RXQ_OVFL tells beside a datagram: how many were dropped before it came (socket(7)). */
static int64_t overflow_told(int fd) {
        char byte, control[CMSG_SPACE(sizeof(uint32_t))];
        struct iovec iov = { &byte, 1 };
        struct msghdr message = {
                .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control
        };
        uint32_t dropped = 0;

        if (await_message(fd, &message) < 0)
                return -ETIMEDOUT;
        for (struct cmsghdr *item = CMSG_FIRSTHDR(&message); item; item = CMSG_NXTHDR(&message, item))
                if (item->cmsg_level == SOL_SOCKET && item->cmsg_type == SO_RXQ_OVFL)
                        memcpy(&dropped, CMSG_DATA(item), sizeof dropped);
        return dropped;
}

static CheckResult lost(CheckRun *run) {
        CLEANUP(sock_done) Sock here = SOCK_EMPTY;
        uint32_t memory[SK_MEMINFO_VARS] = {};
        socklen_t length = sizeof memory;
        CheckProcess *peer;
        int64_t taken = 0;

        if (!begin(run, &here, &peer) ||
                !check_expect(run, "SO_RCVBUF", sock_set(here.fd, SOL_SOCKET, SO_RCVBUF, 1), 0) ||
                !check_expect(run, "SO_RXQ_OVFL", sock_set(here.fd, SOL_SOCKET, SO_RXQ_OVFL, 1), 0))
                return CHECK_FAILED;
        for (int i = 0; i < FLOOD; i++)
                if (!check_expect(run, "send", peer_call(run, peer, "send-to", OWN, FLOOD_SIZE, .text = here.text),
                            FLOOD_SIZE))
                        return CHECK_FAILED;
        for (int looks = 0; looks < LOOKS && taken + memory[SK_MEMINFO_DROPS] < FLOOD; looks++) {
                while (sock_receive(here.fd) >= 0)
                        taken++;
                if (!check_expect(run, "SO_MEMINFO",
                            getsockopt(here.fd, SOL_SOCKET, SO_MEMINFO, memory, &length) < 0 ? -errno : 0, 0))
                        return CHECK_FAILED;
                (void)sched_yield();
        }
        if (!check_expect(run, "received and counted as dropped", taken + memory[SK_MEMINFO_DROPS], FLOOD) ||
                !check_expect(run, "something was dropped", memory[SK_MEMINFO_DROPS] > 0, 1) ||
                !check_expect(run, "send", peer_call(run, peer, "send-to", OWN, 1, .text = here.text), 1) ||
                !check_expect(run, "SO_RXQ_OVFL beside the next", overflow_told(here.fd), memory[SK_MEMINFO_DROPS]))
                return CHECK_FAILED;
        return check_ok(run,
                "%d sends succeeded, %" PRId64 " received, %u dropped: told by SO_MEMINFO and SO_RXQ_OVFL", FLOOD,
                taken, memory[SK_MEMINFO_DROPS]);
}

static CheckResult many_senders(CheckRun *run) {
        CLEANUP(sock_done) Sock here = SOCK_EMPTY;
        CheckProcess *first, *second;

        if (!begin(run, &here, &first) || peer_start(run, 0, NULL, 0, &second) < 0 ||
                !check_expect(run, "socket", peer_call(run, second, "socket", OWN, SOCK_DGRAM), 0) ||
                !check_expect(run, "first", peer_call(run, first, "send-to", OWN, 1, .text = here.text), 1) ||
                !check_expect(run, "second", peer_call(run, second, "send-to", OWN, 2, .text = here.text), 2) ||
                !check_expect(run, "first again", peer_call(run, first, "send-to", OWN, 3, .text = here.text), 3) ||
                !check_expect(run, "receive", sock_await(here.fd), 1) ||
                !check_expect(run, "receive", sock_await(here.fd), 2) ||
                !check_expect(run, "receive", sock_await(here.fd), 3))
                return CHECK_FAILED;
        return check_ok(run, "two processes, nothing to accept: their datagrams came in the order sent");
}

static CheckResult answered(CheckRun *run) {
        CLEANUP(sock_done) Sock here = SOCK_EMPTY;
        socklen_t length = sizeof(InetName);
        CheckProcess *peer;
        PeerReply reply;
        InetName from;
        char buffer[8], text[SOCK_NAME_MAX];

        if (!begin(run, &here, &peer) ||
                !check_expect(run, "bind",
                        peer_call_full(run, peer, &(PeerCall){ "bind", OWN, .text = "127.0.0.1:0" }, &reply), 0) ||
                !check_expect(run, "send", peer_call(run, peer, "send-to", OWN, 3, .text = here.text), 3) ||
                !check_expect(run, "receive",
                        sock_events_within(here.fd, POLLIN, CHECK_PATIENCE_USEC)
                                ? recvfrom(here.fd, buffer, sizeof buffer, MSG_DONTWAIT, &from.any, &length)
                                : -ETIMEDOUT,
                        3))
                return CHECK_FAILED;
        sock_print(&from, text);
        if (!check_expect(run, "the source is what the peer is bound to", strcmp(text, reply.text), 0) ||
                !check_expect(run, "answer", sendto(here.fd, "hello", 5, 0, &from.any, length), 5) ||
                !check_expect(run, "receive by the peer", peer_call(run, peer, "read", OWN, 100), 5))
                return CHECK_FAILED;
        return check_ok(run, "recvfrom tells the sender's address and port, and an answer to it arrives");
}

static CheckResult only_peer(CheckRun *run) {
        CLEANUP(sock_done) Sock here = SOCK_EMPTY;
        CLEANUP(sock_done) Sock other = SOCK_EMPTY;
        CheckProcess *peer;

        if (!begin(run, &here, &peer) || !sock_make(run, AF_INET, SOCK_DGRAM, &other) ||
                !check_expect(run, "send before", peer_call(run, peer, "send-to", OWN, 1, .text = here.text), 1) ||
                !check_expect(run, "receive", sock_await(here.fd), 1) ||
                !check_expect(run, "connect to another", sock_connect(here.fd, other.text), 0) ||
                !check_expect(
                        run, "send of a stranger", peer_call(run, peer, "send-to", OWN, 1, .text = here.text), 1) ||
                !check_expect(run, "receive", sock_receive(here.fd), -EAGAIN))
                return CHECK_FAILED;
        return check_ok(run, "connected to another: a stranger's send gives no error, and nothing arrives");
}

/* Nobody is told, unless the socket is connected: then the ICMP message of the host comes back as an error. */
static CheckResult nobody_there(CheckRun *run) {
        CLEANUP(sock_done) Sock here = SOCK_EMPTY;
        CheckProcess *peer;

        if (!begin(run, &here, &peer))
                return CHECK_FAILED;
        here.fd = fd_close(here.fd);
        if (!check_expect(run, "send, not connected", peer_call(run, peer, "send-to", OWN, 1, .text = here.text), 1) ||
                !check_expect(run, "its error", peer_call(run, peer, "error", OWN), 0) ||
                !check_expect(run, "connect", peer_call(run, peer, "connect", OWN, .text = here.text), 0) ||
                !check_expect(run, "send, connected", peer_call(run, peer, "write", OWN, 1, 'x'), 1) ||
                !check_expect(run, "an error comes", peer_call(run, peer, "poll", OWN, 0, WAIT_MSEC), 1) ||
                !check_expect(run, "the next", peer_call(run, peer, "write", OWN, 1, 'x'), -ECONNREFUSED))
                return CHECK_FAILED;
        return check_ok(
                run, "not connected: the send succeeds and no error follows; connected: the next one ECONNREFUSED");
}

static CheckResult receiver_killed(CheckRun *run) {
        CLEANUP(sock_done) Sock here = SOCK_EMPTY;
        CheckProcess *peer;
        PeerReply reply;

        if (!begin(run, &here, &peer) ||
                !check_expect(run, "bind",
                        peer_call_full(run, peer, &(PeerCall){ "bind", OWN, .text = "127.0.0.1:0" }, &reply), 0) ||
                !check_expect(run, "connect", sock_connect(here.fd, reply.text), 0) ||
                !check_expect(run, "send to the living", sock_send(here.fd, 1), 1) ||
                !check_expect(run, "SIGKILL", check_murder(run, peer), 0) ||
                !check_expect(run, "send to the dead", sock_send(here.fd, 1), 1) ||
                !check_expect(run, "an error comes", sock_events_within(here.fd, 0, CHECK_PATIENCE_USEC), POLLERR) ||
                !check_expect(run, "send again", sock_send(here.fd, 1), -ECONNREFUSED))
                return CHECK_FAILED;
        return check_ok(run, "SIGKILL: one send still succeeds and is lost, the next gives ECONNREFUSED");
}

static CheckResult in_use(CheckRun *run) {
        CLEANUP(sock_done) Sock here = SOCK_EMPTY;
        CheckProcess *peer;

        if (!begin(run, &here, &peer) ||
                !check_expect(
                        run, "bind to the same", peer_call(run, peer, "bind", OWN, .text = here.text), -EADDRINUSE) ||
                !check_expect(run, "SO_REUSEADDR of both", sock_set(here.fd, SOL_SOCKET, SO_REUSEADDR, 1), 0) ||
                !check_expect(run, "SO_REUSEADDR",
                        peer_call(run, peer, "set", OWN, SOL_SOCKET, 1, .text = "2" /* SO_REUSEADDR */), 0) ||
                !check_expect(run, "bind then", peer_call(run, peer, "bind", OWN, .text = here.text), 0) ||
                !check_expect(run, "socket", peer_call(run, peer, "socket", OWN + 1, SOCK_DGRAM), 0) ||
                !check_expect(run, "send", peer_call(run, peer, "send-to", OWN + 1, 3, .text = here.text), 3) ||
                !check_expect(run, "received by who bound last", peer_call(run, peer, "read", OWN, 10), 3) ||
                !check_expect(run, "received by the first", sock_receive(here.fd), -EAGAIN))
                return CHECK_FAILED;
        return check_ok(run, "EADDRINUSE; with SO_REUSEADDR on both it works, and the last one gets all");
}

static CheckResult ipv6(CheckRun *run) {
        CLEANUP(sock_done) Sock here = SOCK_EMPTY;
        const char *none = sock_no_ipv6();
        CheckProcess *peer;

        if (none)
                return check_skip(run, "%s", none);
        if (!sock_make(run, AF_INET6, SOCK_DGRAM, &here) || peer_start(run, 0, NULL, 0, &peer) < 0 ||
                !check_expect(run, "socket", peer_call(run, peer, "socket", OWN, SOCK_DGRAM, AF_INET6), 0) ||
                !check_expect(run, "send", peer_call(run, peer, "send-to", OWN, 3, .text = here.text), 3) ||
                !check_expect(run, "receive", sock_await(here.fd), 3))
                return CHECK_FAILED;
        return check_ok(run, "3 bytes over [::1]");
}

const Check udp_checks[] = {
        INET_DATAGRAM_CLAIMS("datagram", "udp(7)"),
        SOCKET_CLAIMS(inet_check_role),
        INET_CLAIMS,
        INET_PORT_CLAIMS("udp(7)"),
        { "loss", "what finds no room at the receiver is dropped, and the kernel counts it", "udp(7)", CHECK_BOTH,
                lost, { inet_check_role }, .aspects = ASPECT(FULL) },
        { "nobody-there", "without a receiver a send succeeds; only a connected socket hears of it, later", "udp(7)",
                CHECK_BOTH, nobody_there, { inet_check_role } },
        { "truncated", "what does not fit into the receiver's buffer is lost, and that is told", "recv(2)", CHECK_BOTH,
                truncated, { inet_check_role }, .aspects = ASPECT(BOUNDARIES) },
        { "empty-datagram", "a datagram may be empty", "send(2)", CHECK_BOTH, empty_datagram, { inet_check_role } },
        { "maximum", "a datagram has at most 65507 bytes over IPv4, 65527 over IPv6", "RFC 768", CHECK_BOTH, longest,
                { inet_check_role }, .aspects = ASPECT(MAXIMUM) },
        { "receiver-killed", "the first send to a killed receiver is lost without an error", "udp(7)", CHECK_BOTH,
                receiver_killed, { inet_check_role }, .aspects = ASPECT(HOLDER_KILLED) },
        { "many-senders", "one socket receives from many, without connections", "udp(7)", CHECK_BOTH, many_senders,
                { inet_check_role }, .aspects = ASPECT(MANY_WRITERS) },
        { "answer", "the receiver is told the sender's address, and can answer", "udp(7)", CHECK_BOTH, answered,
                { inet_check_role }, .aspects = ASPECT(UNRELATED) | ASPECT(BIDIRECTIONAL) },
        { "only-peer", "a connected socket takes datagrams of its peer only", "connect(2)", CHECK_BOTH, only_peer,
                { inet_check_role } },
        { "in-use",
                "a port of an address has one receiver; with SO_REUSEADDR on all, the last to bind gets everything",
                "socket(7)", CHECK_BOTH, in_use, { inet_check_role } },
        { "ipv6", "IPv6 works alike", "ipv6(7)", CHECK_BOTH, ipv6, { inet_check_role } },
        { "error-queue",
                "with IP_RECVERR a socket that is not connected hears of errors, too, and to whom it had sent",
                "ip(7)", CHECK_BOTH, udp_check_error_queue, { inet_check_role }, .aspects = ASPECT(NON_BLOCKING) },
        { "error-once", "an error that came back is told once", "udp(7)", CHECK_BOTH, udp_check_error_once,
                { inet_check_role } },
        { "port-zero", "port 0 asks for a free one, and cannot be sent to", "ip(7)", CHECK_BOTH, udp_check_port_zero,
                { inet_check_role } },
        { "reconnect", "connect(2) changes the peer, and undoes it with AF_UNSPEC", "connect(2)", CHECK_BOTH,
                udp_check_reconnect, { inet_check_role }, .aspects = ASPECT(UNRELATED) },
        { "broadcast", "a broadcast address needs SO_BROADCAST, and reaches who is bound to all addresses",
                "socket(7)", CHECK_BOTH, udp_check_broadcast, { inet_check_role } },
        { "multicast", "a datagram to a group reaches every socket that joined it", "ip(7)", CHECK_BOTH,
                udp_check_multicast, { inet_check_role }, .aspects = ASPECT(UNRELATED) },
        { "cork", "UDP_CORK and MSG_MORE join sends to one datagram", "udp(7)", CHECK_BOTH, udp_check_cork,
                { inet_check_role }, .aspects = ASPECT(BOUNDARIES) },
        { "reuse-port", "with SO_REUSEPORT sockets share a port, and each datagram goes to one of them", "socket(7)",
                CHECK_BOTH, udp_check_reuse_port, { inet_check_role }, .aspects = ASPECT(ATOMICITY) },
        { "checksum", "over IPv4 the checksum may be left out", "RFC 768", CHECK_BOTH, udp_check_checksum,
                { inet_check_role } },
        { "dual-stack", "a socket at [::] takes IPv4, too, unless IPV6_V6ONLY is set", "ipv6(7)", CHECK_BOTH,
                udp_check_dual_stack, { inet_check_role } },
        {},
};

const CheckGap udp_gaps[] = {
        INET_GAPS,
        { ASPECT_PRIORITY, "What was sent first is received first; there are no priorities." },
        { ASPECT_CREDENTIALS, "The sender is told by address and port, never by process or user." },
        { ASPECT_WRITER_KILLED, "A datagram goes out whole or not at all, and no sender waits for room at the "
                                "receiver: there is no middle." },
        {},
};
