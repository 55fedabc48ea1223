/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "unix-checks.h"

/* What unix(7) promises of datagram sockets. The judge's socket is bound to a path, peers send to it. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cleanup.h"
#include "limit-facts.h"
#include "socket-claims.h"
#include "unix-claims.h"

enum {
        OWN = PEER_SLOT,
        QUEUE_MAX = 4096,
};

static bool begin(CheckRun *run, Socket *here, CheckProcess **ret) {
        return socket_make(run, SOCK_DGRAM | SOCK_NONBLOCK, 0, here) && peer_start(run, 0, NULL, 0, ret) >= 0 &&
               check_expect(run, "socket", peer_call(run, *ret, "socket", OWN, SOCK_DGRAM), 0);
}

static bool connected(CheckRun *run, Socket *here, CheckProcess **ret) {
        return begin(run, here, ret) &&
               check_expect(run, "connect", peer_call(run, *ret, "connect", OWN, .text = here->path), 0);
}

static CheckResult truncated(CheckRun *run) {
        CLEANUP(socket_done) Socket here = SOCKET_EMPTY;
        CheckProcess *peer;

        return connected(run, &here, &peer) ? unix_check_truncated(run, here.fd, peer) : CHECK_FAILED;
}

static CheckResult empty_datagram(CheckRun *run) {
        CLEANUP(socket_done) Socket here = SOCKET_EMPTY;
        CheckProcess *peer;

        if (!connected(run, &here, &peer) || !check_expect(run, "receive before", socket_receive(here.fd), -EAGAIN) ||
                !check_expect(run, "send of 0 bytes", peer_call(run, peer, "send-to", OWN, 0, .text = here.path), 0) ||
                !check_expect(run, "receive", socket_receive(here.fd), 0) ||
                !check_expect(run, "receive again", socket_receive(here.fd), -EAGAIN))
                return CHECK_FAILED;
        return check_ok(run, "0 bytes sent, 0 received (no end of file: EAGAIN before and after)");
}

static CheckResult credentials(CheckRun *run) {
        CLEANUP(socket_done) Socket here = SOCKET_EMPTY;
        union {
                struct cmsghdr header;
                char bytes[CMSG_SPACE(sizeof(struct ucred))];
        } control;
        char byte;
        struct iovec iov = { &byte, 1 };
        struct msghdr message = {
                .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control
        };
        const struct cmsghdr *header;
        struct ucred got;
        CheckProcess *peer;
        int on = 1;

        if (!connected(run, &here, &peer) ||
                !check_expect(run, "SO_PASSCRED", setsockopt(here.fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof on), 0) ||
                !check_expect(run, "send", peer_call(run, peer, "write", OWN, 1, 'x'), 1) ||
                !check_expect(run, "receive", recvmsg(here.fd, &message, 0), 1))
                return CHECK_FAILED;
        header = CMSG_FIRSTHDR(&message);
        if (!header || header->cmsg_type != SCM_CREDENTIALS)
                return check_fail(run, "no SCM_CREDENTIALS came with the datagram");
        memcpy(&got, CMSG_DATA(header), sizeof got);
        if (!check_expect(run, "pid of the sender", got.pid, check_pid(run, peer)) ||
                !check_expect(run, "uid of the sender", got.uid, getuid()))
                return CHECK_FAILED;
        return check_ok(run, "SO_PASSCRED: each datagram with the sender's pid and user (%u)", got.uid);
}

static CheckResult answered(CheckRun *run) {
        CLEANUP(socket_done) Socket here = SOCKET_EMPTY;
        struct sockaddr_un from = { 0 };
        socklen_t length = sizeof from;
        char path[CHECK_PATH_MAX], buffer[16];
        CheckProcess *peer;
        CheckResult result = CHECK_FAILED;

        if (!begin(run, &here, &peer) || check_path(run, 1, path) < 0 ||
                !check_expect(
                        run, "send without a name", peer_call(run, peer, "send-to", OWN, 1, .text = here.path), 1) ||
                !check_expect(run, "receive",
                        recvfrom(here.fd, buffer, sizeof buffer, 0, (struct sockaddr *)&from, &length), 1) ||
                !check_expect(run, "bytes of the sender's address", length, 0) ||
                !check_expect(run, "bind", peer_call(run, peer, "bind", OWN, .text = path), 0))
                return CHECK_FAILED;
        length = sizeof from;
        if (check_expect(run, "send", peer_call(run, peer, "send-to", OWN, 2, .text = here.path), 2) &&
                check_expect(run, "receive",
                        recvfrom(here.fd, buffer, sizeof buffer, 0, (struct sockaddr *)&from, &length), 2) &&
                check_expect(run, "the sender's path", strcmp(from.sun_path, path), 0) &&
                check_expect(run, "answer", sendto(here.fd, buffer, 3, 0, (struct sockaddr *)&from, length), 3) &&
                check_expect(run, "receive by the peer", peer_call(run, peer, "read", OWN, 16), 3))
                result = check_ok(run, "a sender without a name cannot be answered; a bound one was, to its path");
        (void)unlink(path);
        return result;
}

static CheckResult many_senders(CheckRun *run) {
        CLEANUP(socket_done) Socket here = SOCKET_EMPTY;
        CheckProcess *peers[2];

        if (limit_read("/proc/sys/net/unix/max_dgram_qlen", 10) < 2)
                return check_skip(run, "max_dgram_qlen lets fewer than 3 datagrams wait");
        if (!connected(run, &here, &peers[0]) || peer_start(run, 0, NULL, 0, &peers[1]) < 0 ||
                !check_expect(run, "socket", peer_call(run, peers[1], "socket", OWN, SOCK_DGRAM), 0) ||
                !check_expect(run, "send of 1", peer_call(run, peers[0], "write", OWN, 1, 'x'), 1) ||
                !check_expect(run, "send of 2", peer_call(run, peers[1], "send-to", OWN, 2, .text = here.path), 2) ||
                !check_expect(run, "send of 3", peer_call(run, peers[0], "write", OWN, 3, 'x'), 3) ||
                !check_expect(run, "receive", socket_receive(here.fd), 1) ||
                !check_expect(run, "receive", socket_receive(here.fd), 2) ||
                !check_expect(run, "receive", socket_receive(here.fd), 3))
                return CHECK_FAILED;
        return check_ok(run, "two senders, no connection to accept: their datagrams came in the order sent");
}

static CheckResult only_peer(CheckRun *run) {
        CLEANUP(socket_done) Socket here = SOCKET_EMPTY;
        CLEANUP(socket_done) Socket other = SOCKET_EMPTY;
        CheckProcess *peer;

        if (!begin(run, &here, &peer) || !socket_make(run, SOCK_DGRAM, 1, &other) ||
                !check_expect(run, "send before", peer_call(run, peer, "send-to", OWN, 1, .text = here.path), 1) ||
                !check_expect(run, "connect to another", socket_connect(here.fd, other.path), 0) ||
                !check_expect(
                        run, "send of a stranger", peer_call(run, peer, "send-to", OWN, 1, .text = here.path), -EPERM))
                return CHECK_FAILED;
        return check_ok(run, "connected to another: a stranger's send gives EPERM");
}

static CheckResult nobody_there(CheckRun *run) {
        CLEANUP(socket_done) Socket here = SOCKET_EMPTY;
        CheckProcess *peer;
        char path[CHECK_PATH_MAX];

        if (!connected(run, &here, &peer) || check_path(run, 1, path) < 0 ||
                !check_expect(run, "send to no file", peer_call(run, peer, "send-to", OWN, 1, .text = path), -ENOENT))
                return CHECK_FAILED;
        here.fd = fd_close(here.fd);
        if (!check_expect(run, "send when it is closed", peer_call(run, peer, "write", OWN, 1, 'x'), -ECONNREFUSED))
                return CHECK_FAILED;
        return check_ok(run, "no file: ENOENT; closed by its owner: ECONNREFUSED");
}

static CheckResult receiver_killed(CheckRun *run) {
        CLEANUP(socket_done) Socket here = SOCKET_EMPTY;
        CheckProcess *peer;
        char path[CHECK_PATH_MAX];
        CheckResult result = CHECK_FAILED;

        if (!begin(run, &here, &peer) || check_path(run, 1, path) < 0 ||
                !check_expect(run, "bind", peer_call(run, peer, "bind", OWN, .text = path), 0))
                return CHECK_FAILED;
        if (check_expect(run, "connect", socket_connect(here.fd, path), 0) &&
                check_expect(run, "send to the living", socket_send(here.fd, 1), 1) &&
                check_expect(run, "SIGKILL", check_murder(run, peer), 0) &&
                check_expect(run, "send to the dead", socket_send(here.fd, 1), -ECONNREFUSED) &&
                check_expect(run, "send again", socket_send(here.fd, 1), -ENOTCONN))
                result = check_ok(run, "SIGKILL: send gives ECONNREFUSED, then ENOTCONN: the connection is gone");
        (void)unlink(path);
        return result;
}

/* Each datagram from a socket of its own, so that no sender's buffer is full before the receiver's queue is. */
static CheckResult queue_limit(CheckRun *run) {
        uint64_t stated = limit_read("/proc/sys/net/unix/max_dgram_qlen", 10);
        CLEANUP(socket_done) Socket here = SOCKET_EMPTY;
        CheckProcess *peer;
        int64_t n = 0, r;

        if (!begin(run, &here, &peer))
                return CHECK_FAILED;
        if (stated > QUEUE_MAX)
                return check_skip(run, "max_dgram_qlen is %" PRIu64 ": more than this fills", stated);
        while ((r = peer_call(run, peer, "send-fresh", .text = here.path)) == 1 && n <= QUEUE_MAX)
                n++;
        if (!check_expect(run, "the send that ended it", r, -EAGAIN) ||
                !check_expect(run, "datagrams that fitted", n, (int64_t)stated + 1) ||
                !check_expect(run, "receive", socket_receive(here.fd), 1) ||
                !check_expect(run, "send then", peer_call(run, peer, "send-fresh", .text = here.path), 1))
                return CHECK_FAILED;
        return check_ok(run, "max_dgram_qlen %" PRIu64 ": %" PRId64 " fit, the next EAGAIN; one received, one fits",
                stated, n);
}

const Check unix_dgram_checks[] = {
        { "boundaries", "a datagram is received whole, never split or joined", "unix(7)", CHECK_BOTH,
                transport_boundaries, { transport_boundaries_role },
                .aspects = ASPECT(BOUNDARIES) | ASPECT(ATOMICITY) },
        { "order", "datagrams are reliable and stay in order", "unix(7)", CHECK_BOTH, transport_order,
                { transport_order_role }, .aspects = ASPECT(ORDER) },
        { "duplex", "both sides send and receive at the same time", "unix(7)", CHECK_BOTH, transport_duplex,
                { transport_duplex_role }, .aspects = ASPECT(FULL_DUPLEX) | ASPECT(BIDIRECTIONAL) },
        { "truncated", "what does not fit into the receiver's buffer is lost, and that is told", "recv(2)", CHECK_BOTH,
                truncated, { unix_check_role }, .aspects = ASPECT(BOUNDARIES) },
        { "empty-datagram", "a datagram may be empty", "send(2)", CHECK_BOTH, empty_datagram, { unix_check_role } },
        { "maximum", "a datagram that does not fit into the send buffer is refused", "unix(7)", CHECK_BOTH,
                unix_check_too_long, { unix_check_role }, .aspects = ASPECT(MAXIMUM) },
        { "receive-blocks", "a receiver sleeps until there is a datagram", "recv(2)", CHECK_BOTH,
                transport_receive_blocks, { transport_receive_blocks_role },
                .aspects = ASPECT(BLOCKING) | ASPECT(EMPTY) },
        { "send-blocks", "a sender sleeps while there is no room", "unix(7)", CHECK_BOTH, transport_send_blocks,
                { transport_send_blocks_role }, .aspects = ASPECT(BLOCKING) | ASPECT(FULL) },
        { "non-blocking", "without waiting, empty and full give EAGAIN", "unix(7)", CHECK_BOTH, transport_nonblocking,
                { transport_nonblocking_role }, .aspects = ASPECT(NON_BLOCKING) | ASPECT(FULL) | ASPECT(EMPTY) },
        { "limit", "max_dgram_qlen bounds how many datagrams wait at a socket that is not connected to their sender",
                "unix(7)", CHECK_BOTH, queue_limit, { unix_check_role }, .aspects = ASPECT(LIMIT) | ASPECT(FULL) },
        { "sender-killed", "datagrams outlive a killed sender, and there is no end of file", "unix(7)", CHECK_BOTH,
                transport_sender_killed_empty, { transport_sender_killed_role }, .aspects = ASPECT(PERSISTENCE) },
        { "receiver-killed", "sending to a killed receiver gives ECONNREFUSED", "unix(7)", CHECK_BOTH, receiver_killed,
                { unix_check_role }, .aspects = ASPECT(HOLDER_KILLED) },
        { "nobody-there", "sending where nobody receives is refused at once", "unix(7)", CHECK_BOTH, nobody_there,
                { unix_check_role }, .aspects = ASPECT(UNRELATED) },
        { "many-senders", "one socket receives from many, without connections", "unix(7)", CHECK_BOTH, many_senders,
                { unix_check_role }, .aspects = ASPECT(MANY_WRITERS) | ASPECT(ORDER) },
        { "answer", "only a sender with a name can be answered", "unix(7)", CHECK_BOTH, answered,
                { unix_check_role } },
        { "only-peer", "a connected socket takes datagrams of its peer only", "unix(7)", CHECK_BOTH, only_peer,
                { unix_check_role } },
        { "credentials", "SO_PASSCRED says of each datagram who sent it", "unix(7)", CHECK_BOTH, credentials,
                { unix_check_role }, .aspects = ASPECT(CREDENTIALS) },
        { "permission", "sending needs the right to write the socket's file", "unix(7)", CHECK_BOTH,
                unix_check_permission, { unix_check_role }, .aspects = ASPECT(PERMISSION) },
        { "exhausted", "with no descriptor left a socket cannot be made (EMFILE); one that is open goes on",
                "socket(2)", CHECK_BOTH, transport_exhausted, { transport_exhausted_role },
                .aspects = ASPECT(EXHAUSTION) },
        UNIX_CLAIMS,
        SOCKET_CLAIMS(unix_check_role),
        {},
};

const CheckGap unix_dgram_gaps[] = {
        UNIX_GAPS,
        {},
};
