/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tcp-checks.h"

/* What tcp(7) promises. The judge listens, a peer connects in its slot. */
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "inet-claims.h"
#include "limit-facts.h"
#include "socket-claims.h"
#include "units.h"

enum {
        OWN = PEER_SLOT,
        WAIT_MSEC = CHECK_PATIENCE_USEC / 2000,
};

static bool tcp_begin_in(CheckRun *run, int family, int backlog, Sock *server, CheckProcess **ret) {
        return sock_make(run, family, SOCK_STREAM, server) &&
               check_expect(run, "listen", listen(server->fd, backlog) < 0 ? -errno : 0, 0) &&
               peer_start(run, 0, NULL, 0, ret) >= 0 &&
               check_expect(run, "socket", peer_call(run, *ret, "socket", OWN, SOCK_STREAM, family), 0);
}

bool tcp_begin(CheckRun *run, int backlog, Sock *server, CheckProcess **ret) {
        return tcp_begin_in(run, AF_INET, backlog, server, ret);
}

bool tcp_meet(CheckRun *run, const Sock *server, CheckProcess *peer, Sock *ret) {
        if (!check_expect(run, "connect", peer_call(run, peer, "connect", OWN, .text = server->text), 0))
                return false;
        (void)sock_events_within(server->fd, POLLIN, CHECK_PATIENCE_USEC);
        ret->fd = accept4(server->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        return check_expect(run, "accept", ret->fd < 0 ? -errno : 0, 0);
}

static CheckResult half_closed(CheckRun *run) {
        CLEANUP(sock_done) Sock server = SOCK_EMPTY;
        CLEANUP(sock_done) Sock here = SOCK_EMPTY;
        CheckProcess *peer;

        if (!tcp_begin(run, 1, &server, &peer) || !tcp_meet(run, &server, peer, &here) ||
                !check_expect(run, "write by the peer", peer_call(run, peer, "write", OWN, 3, 'x'), 3) ||
                !check_expect(run, "shutdown(SHUT_WR)", peer_call(run, peer, "shutdown", OWN, SHUT_WR), 0) ||
                !check_expect(run, "read", sock_await(here.fd), 3) ||
                !check_expect(run, "read again", sock_await(here.fd), 0) ||
                !check_expect(run, "send to it", sock_send(here.fd, 5), 5) ||
                !check_expect(run, "read by the peer", peer_call(run, peer, "read", OWN, 100), 5) ||
                !check_expect(run, "ignoring SIGPIPE", peer_call(run, peer, "ignore", SIGPIPE), 0) ||
                !check_expect(run, "write by the peer then", peer_call(run, peer, "write", OWN, 1, 'x'), -EPIPE))
                return CHECK_FAILED;
        return check_ok(run, "SHUT_WR: the other reads the rest and end of file, and can still send; own write EPIPE");
}

static CheckResult reset(CheckRun *run) {
        CLEANUP(sock_done) Sock server = SOCK_EMPTY;
        CLEANUP(sock_done) Sock here = SOCK_EMPTY;
        CheckProcess *peer;

        if (!tcp_begin(run, 1, &server, &peer) || !tcp_meet(run, &server, peer, &here) ||
                !check_expect(run, "write by the peer", peer_call(run, peer, "write", OWN, 3, 'x'), 3) ||
                !check_expect(run, "send", sock_send(here.fd, 5), 5) ||
                !check_expect(run, "they arrive", peer_call(run, peer, "poll", OWN, POLLIN, WAIT_MSEC), 1) ||
                !check_expect(run, "close with 5 bytes unread", peer_call(run, peer, "close", OWN), 0) ||
                !check_expect(run, "read", sock_await(here.fd), 3) ||
                !check_expect(run, "read again", sock_await(here.fd), -ECONNRESET) ||
                !check_expect(run, "and again", sock_await(here.fd), 0))
                return CHECK_FAILED;
        return check_ok(run, "closed with 5 bytes unread: its 3 bytes, then ECONNRESET, then end of file");
}

/* The first bytes are taken by the kernel of the dead one, which answers with a reset. */
static CheckResult peer_gone(CheckRun *run) {
        CLEANUP(sock_done) Sock server = SOCK_EMPTY;
        CLEANUP(sock_done) Sock here = SOCK_EMPTY;
        CheckProcess *peer;

        if (!tcp_begin(run, 1, &server, &peer) || !tcp_meet(run, &server, peer, &here) ||
                !check_expect(run, "SIGKILL", check_murder(run, peer), 0) ||
                !check_expect(
                        run, "the end is there", sock_events_within(here.fd, POLLIN, CHECK_PATIENCE_USEC), POLLIN) ||
                !check_expect(run, "send", sock_send(here.fd, 5), 5) ||
                !check_expect(run, "the answer is there",
                        (sock_events_within(here.fd, 0, CHECK_PATIENCE_USEC) & POLLHUP) != 0, 1) ||
                !check_expect(run, "send again", sock_send(here.fd, 5), -EPIPE))
                return CHECK_FAILED;
        return check_ok(run, "killed: a first send of 5 bytes still goes out, the second gives EPIPE");
}

static CheckResult sigpipe(CheckRun *run) {
        CLEANUP(sock_done) Sock server = SOCK_EMPTY;
        CLEANUP(sock_done) Sock here = SOCK_EMPTY;
        CheckProcess *peer;
        int status = 0;

        if (!tcp_begin(run, 1, &server, &peer) || !tcp_meet(run, &server, peer, &here) ||
                !check_expect(run, "shutdown(SHUT_WR)", peer_call(run, peer, "shutdown", OWN, SHUT_WR), 0) ||
                peer_begin(run, peer, &(PeerCall){ "write", OWN, 1, 'x' }) < 0 ||
                !check_expect(run, "the writer's end", check_wait(run, peer, CHECK_PATIENCE_USEC, &status), 0) ||
                !check_expect(run, "killed by", WIFSIGNALED(status) ? WTERMSIG(status) : 0, SIGPIPE))
                return CHECK_FAILED;
        return check_ok(run, "a write to a direction that is closed: killed by SIGPIPE");
}

/* Linux lets one more wait than listen(2) was told, and does not answer the next (tcp_conn_request() in
 * net/ipv4/tcp_input.c); its kernel asks again after a second. */
static CheckResult backlog(CheckRun *run) {
        CLEANUP(sock_done) Sock server = SOCK_EMPTY;
        CLEANUP(sock_done) Sock accepted = SOCK_EMPTY;
        CheckProcess *peer, *third;

        if (!tcp_begin(run, 1, &server, &peer) || peer_start(run, 0, NULL, 0, &third) < 0 ||
                !check_expect(run, "socket", peer_call(run, peer, "socket", OWN + 1, SOCK_STREAM), 0) ||
                !check_expect(run, "socket", peer_call(run, third, "socket", OWN, SOCK_STREAM), 0) ||
                !check_expect(run, "connect", peer_call(run, peer, "connect", OWN, .text = server.text), 0) ||
                !check_expect(run, "connect", peer_call(run, peer, "connect", OWN + 1, .text = server.text), 0) ||
                peer_begin(run, third, &(PeerCall){ "connect", OWN, .text = server.text }) < 0 ||
                !check_sleeps(run, third, "a third client"))
                return CHECK_FAILED;
        accepted.fd = accept4(server.fd, NULL, NULL, SOCK_CLOEXEC);
        if (!check_expect(run, "accept", accepted.fd < 0 ? -errno : 0, 0) ||
                !check_expect(run, "the third then", peer_end(run, third, NULL), 0))
                return CHECK_FAILED;
        return check_ok(
                run, "backlog 1: two are connected before any accept, the third waits; after an accept it is through");
}

static CheckResult nobody_there(CheckRun *run) {
        CLEANUP(sock_done) Sock bound = SOCK_EMPTY;
        CheckProcess *peer;

        if (!sock_make(run, AF_INET, SOCK_STREAM, &bound) || peer_start(run, 0, NULL, 0, &peer) < 0 ||
                !check_expect(run, "socket", peer_call(run, peer, "socket", OWN, SOCK_STREAM), 0) ||
                !check_expect(run, "connect to who does not listen",
                        peer_call(run, peer, "connect", OWN, .text = bound.text), -ECONNREFUSED) ||
                !check_expect(run, "listen", listen(bound.fd, 1) < 0 ? -errno : 0, 0) ||
                !check_expect(run, "connect", peer_call(run, peer, "connect", OWN, .text = bound.text), 0))
                return CHECK_FAILED;
        return check_ok(run, "bound, but not listening: ECONNREFUSED at once; listening: connected");
}

static CheckResult in_use(CheckRun *run) {
        CLEANUP(sock_done) Sock server = SOCK_EMPTY;
        CheckProcess *peer;

        if (!tcp_begin(run, 1, &server, &peer) ||
                !check_expect(run, "SO_REUSEADDR",
                        peer_call(run, peer, "set", OWN, SOL_SOCKET, 1, .text = "2" /* SO_REUSEADDR */), 0) ||
                !check_expect(
                        run, "bind to the same", peer_call(run, peer, "bind", OWN, .text = server.text), -EADDRINUSE))
                return CHECK_FAILED;
        sock_done(&server);
        if (!check_expect(run, "bind when it is closed", peer_call(run, peer, "bind", OWN, .text = server.text), 0))
                return CHECK_FAILED;
        return check_ok(run, "EADDRINUSE while somebody listens, also with SO_REUSEADDR; then free");
}

/* Who closes first keeps the port in TIME_WAIT. */
static CheckResult time_wait(CheckRun *run) {
        CLEANUP(sock_done) Sock server = SOCK_EMPTY;
        CLEANUP(sock_done) Sock here = SOCK_EMPTY;
        CLEANUP(sock_done) Sock next = SOCK_EMPTY;
        CheckProcess *peer;

        if (limit_read("/proc/sys/net/ipv4/tcp_max_tw_buckets", 1) == 0)
                return check_skip(run, "tcp_max_tw_buckets is 0: no port is kept in TIME-WAIT here");
        if (!sock_open(run, AF_INET, SOCK_STREAM, &server) ||
                !check_expect(run, "SO_REUSEADDR", sock_set(server.fd, SOL_SOCKET, SO_REUSEADDR, 1), 0) ||
                !check_need(run, "bind", sock_bind(server.fd, "127.0.0.1:0")) || !sock_look(run, &server) ||
                !check_expect(run, "listen", listen(server.fd, 1) < 0 ? -errno : 0, 0) ||
                peer_start(run, 0, NULL, 0, &peer) < 0 ||
                !check_expect(run, "socket", peer_call(run, peer, "socket", OWN, SOCK_STREAM), 0) ||
                !tcp_meet(run, &server, peer, &here))
                return CHECK_FAILED;
        sock_done(&here);
        if (!check_expect(run, "the end is read by the peer", peer_call(run, peer, "read", OWN, 1), 0) ||
                !check_expect(run, "close by the peer", peer_call(run, peer, "close", OWN), 0))
                return CHECK_FAILED;
        sock_done(&server);
        if (!sock_open(run, AF_INET, SOCK_STREAM, &next) ||
                !check_expect(run, "bind again", sock_bind(next.fd, server.text), -EADDRINUSE) ||
                !check_expect(run, "SO_REUSEADDR", sock_set(next.fd, SOL_SOCKET, SO_REUSEADDR, 1), 0) ||
                !check_expect(run, "bind then", sock_bind(next.fd, server.text), 0) ||
                !check_expect(run, "listen", listen(next.fd, 1) < 0 ? -errno : 0, 0))
                return CHECK_FAILED;
        return check_ok(run, "closed first, no socket open any more: bind EADDRINUSE; with SO_REUSEADDR it works");
}

static CheckResult nodelay(CheckRun *run) {
        CLEANUP(sock_done) Sock server = SOCK_EMPTY;
        CLEANUP(sock_done) Sock here = SOCK_EMPTY;
        CheckProcess *peer;

        if (!tcp_begin(run, 1, &server, &peer) ||
                !check_expect(run, "TCP_NODELAY at first", sock_get(server.fd, IPPROTO_TCP, TCP_NODELAY), 0) ||
                !check_expect(run, "set", sock_set(server.fd, IPPROTO_TCP, TCP_NODELAY, 1), 0) ||
                !tcp_meet(run, &server, peer, &here) ||
                !check_expect(run, "of the accepted side", sock_get(here.fd, IPPROTO_TCP, TCP_NODELAY), 1) ||
                !check_expect(
                        run, "of the peer's side", peer_call(run, peer, "get", OWN, IPPROTO_TCP, TCP_NODELAY), 0))
                return CHECK_FAILED;
        return check_ok(run, "off by default; set on the listener it holds for what it accepts, not for the far side");
}

static CheckResult ipv6(CheckRun *run) {
        CLEANUP(sock_done) Sock server = SOCK_EMPTY;
        CLEANUP(sock_done) Sock here = SOCK_EMPTY;
        char v4[SOCK_NAME_MAX] = "127.0.0.1:0";
        const char *none = sock_no_ipv6();
        CheckProcess *peer;
        InetName name;

        if (none)
                return check_skip(run, "%s", none);
        if (!tcp_begin_in(run, AF_INET6, 1, &server, &peer) || !tcp_meet(run, &server, peer, &here) ||
                !check_expect(run, "write", peer_call(run, peer, "write", OWN, 3, 'x'), 3) ||
                !check_expect(run, "read", sock_await(here.fd), 3) || sock_parse(v4, &name) < 0)
                return CHECK_FAILED;
        inet_name_set_port(&name, inet_name_port(&server.name));
        sock_print(&name, v4);
        if (!check_expect(run, "socket", peer_call(run, peer, "socket", OWN + 1, SOCK_STREAM), 0) ||
                !check_expect(run, "connect to the same port of 127.0.0.1",
                        peer_call(run, peer, "connect", OWN + 1, .text = v4), -ECONNREFUSED))
                return CHECK_FAILED;
        return check_ok(run, "3 bytes over [::1]; the same port of 127.0.0.1 is another address: ECONNREFUSED");
}

/* One byte is set apart (RFC 6093 advises against its use). */
static CheckResult urgent(CheckRun *run) {
        CLEANUP(sock_done) Sock server = SOCK_EMPTY;
        CLEANUP(sock_done) Sock here = SOCK_EMPTY;
        CheckProcess *peer;
        char byte = 0;

        if (!tcp_begin(run, 1, &server, &peer) || !tcp_meet(run, &server, peer, &here) ||
                !check_expect(run, "write", peer_call(run, peer, "write", OWN, 3, 'x'), 3) ||
                !check_expect(run, "an urgent byte", peer_call(run, peer, "urgent", OWN, 0, '!'), 0) ||
                !check_expect(run, "POLLPRI", sock_events_within(here.fd, POLLPRI, CHECK_PATIENCE_USEC), POLLPRI) ||
                !check_expect(run, "the urgent byte first", recv(here.fd, &byte, 1, MSG_OOB), 1) ||
                !check_expect(run, "it is", byte, '!') || !check_expect(run, "then", sock_await(here.fd), 3))
                return CHECK_FAILED;
        return check_ok(run, "POLLPRI; with MSG_OOB '!' before the 3 bytes that were sent earlier");
}

static CheckResult credentials(CheckRun *run) {
        CLEANUP(sock_done) Sock server = SOCK_EMPTY;
        CLEANUP(sock_done) Sock here = SOCK_EMPTY;
        struct ucred got = { .pid = 77 };
        socklen_t length = sizeof got;
        CheckProcess *peer;

        if (!tcp_begin(run, 1, &server, &peer) || !tcp_meet(run, &server, peer, &here) ||
                !check_expect(run, "SO_PEERCRED",
                        getsockopt(here.fd, SOL_SOCKET, SO_PEERCRED, &got, &length) < 0 ? -errno : 0, 0) ||
                !check_expect(run, "the pid that it tells", got.pid, 0))
                return CHECK_FAILED;
        return check_ok(run, "SO_PEERCRED of a TCP connection on this machine: pid 0, nobody is told");
}

const Check tcp_checks[] = {
        SOCKET_CLAIMS(inet_check_role),
        SOCKET_CONNECTION_CLAIMS(inet_check_role),
        INET_CLAIMS,
        INET_PORT_CLAIMS("tcp(7)"),
        { "duplex", "full duplex: both sides send and receive at the same time", "tcp(7)", CHECK_BOTH,
                transport_duplex, { transport_duplex_role }, .aspects = ASPECT(FULL_DUPLEX) | ASPECT(BIDIRECTIONAL) },
        { "order", "bytes arrive in order, all of them, unchanged", "tcp(7)", CHECK_BOTH, transport_order,
                { transport_order_role }, .aspects = ASPECT(ORDER) },
        { "boundaries", "a stream keeps no boundaries: what is sent apart can be received together", "tcp(7)",
                CHECK_BOTH, transport_boundaries, { transport_boundaries_role }, .aspects = ASPECT(BOUNDARIES) },
        { "receive-blocks", "a receiver sleeps until there are bytes", "recv(2)", CHECK_BOTH, transport_receive_blocks,
                { transport_receive_blocks_role }, .aspects = ASPECT(BLOCKING) | ASPECT(EMPTY) },
        { "send-blocks", "a sender sleeps while the buffers of both sides are full", "send(2)", CHECK_BOTH,
                transport_send_blocks, { transport_send_blocks_role }, .aspects = ASPECT(BLOCKING) | ASPECT(FULL) },
        { "peer-killed", "when the peer is killed its bytes are received, then end of file", "tcp(7)", CHECK_BOTH,
                transport_sender_killed_end, { transport_sender_killed_role },
                .aspects = ASPECT(PERSISTENCE) | ASPECT(HOLDER_KILLED) },
        { "peer-reset", "a peer that closes with bytes unread gives ECONNRESET", "RFC 1122, 4.2.2.13", CHECK_BOTH,
                reset, { inet_check_role } },
        { "peer-gone", "sending to a killed peer gives EPIPE, but not at once", "tcp(7)", CHECK_BOTH, peer_gone,
                { inet_check_role }, .aspects = ASPECT(HOLDER_KILLED) },
        { "sigpipe", "writing to a closed direction raises SIGPIPE", "send(2)", CHECK_BOTH, sigpipe,
                { inet_check_role } },
        { "half-close", "each direction can be closed by itself", "shutdown(2)", CHECK_BOTH, half_closed,
                { inet_check_role }, .aspects = ASPECT(FULL_DUPLEX) },
        { "limit", "a full backlog makes connect wait", "listen(2)", CHECK_FORKED, backlog, { inet_check_role },
                .aspects = ASPECT(LIMIT) | ASPECT(FULL) },
        { "nobody-there", "connecting where nobody listens is refused at once", "connect(2)", CHECK_BOTH, nobody_there,
                { inet_check_role }, .aspects = ASPECT(UNRELATED) },
        { "in-use", "a port of an address has one listener, unless all of them set SO_REUSEPORT", "bind(2)",
                CHECK_BOTH, in_use, { inet_check_role } },
        { "time-wait",
                "the port of who closed first stays taken for a while (TIME-WAIT), but not for who sets SO_REUSEADDR",
                "socket(7)", CHECK_BOTH, time_wait, { inet_check_role }, .aspects = ASPECT(PERSISTENCE) },
        { "no-delay", "TCP_NODELAY is of one side, and accepted connections take it over", "tcp(7)", CHECK_BOTH,
                nodelay, { inet_check_role } },
        { "ipv6", "IPv6 works alike; a port of ::1 is another than that of 127.0.0.1", "ipv6(7)", CHECK_BOTH, ipv6,
                { inet_check_role } },
        { "urgent", "one urgent byte overtakes the others", "tcp(7)", CHECK_BOTH, urgent, { inet_check_role } },
        { "credentials", "a TCP connection does not tell whose process is at its far end", "unix(7)", CHECK_BOTH,
                credentials, { inet_check_role }, .aspects = ASPECT(CREDENTIALS) },
        { "killed-within",
                "of a sender killed while it waits for room, what it had sent is received, and nothing else",
                "send(2)", CHECK_BOTH, transport_writer_killed_within, { transport_writer_killed_within_role },
                .aspects = ASPECT(WRITER_KILLED) },
        { "connect-twice", "a socket connects once: EISCONN, and EALREADY while it is under way", "connect(2)",
                CHECK_BOTH, tcp_check_connect_twice, { inet_check_role }, .aspects = ASPECT(NON_BLOCKING) },
        { "self-connect", "a socket can connect to its own port, where nobody listens", "RFC 9293, 3.5", CHECK_BOTH,
                tcp_check_self_connect, { inet_check_role } },
        { "not-connected", "what needs a connection, or a listener, says so without one", "connect(2)", CHECK_BOTH,
                tcp_check_not_connected, { inet_check_role }, .aspects = ASPECT(NON_BLOCKING) },
        { "accept-flags", "on Linux an accepted socket does not take over O_NONBLOCK", "accept(2)", CHECK_BOTH,
                tcp_check_accept_flags, { inet_check_role }, .aspects = ASPECT(NON_BLOCKING) | ASPECT(EMPTY) },
        { "client-gone", "a client that was killed before it was accepted is accepted yet, with what it sent",
                "accept(2)", CHECK_BOTH, tcp_check_client_gone, { inet_check_role },
                .aspects = ASPECT(PERSISTENCE) | ASPECT(HOLDER_KILLED) },
        { "reuse-port", "with SO_REUSEPORT listeners share a port, and each connection goes to one of them",
                "socket(7)", CHECK_BOTH, tcp_check_reuse_port, { inet_check_role }, .aspects = ASPECT(ATOMICITY) },
        { "reuse-port-user", "nobody else can join a port: SO_REUSEPORT is among sockets of one user", "socket(7)",
                CHECK_BOTH, tcp_check_reuse_port_user, { inet_check_role }, .aspects = ASPECT(PERMISSION) },
        { "no-ports-left", "without a free port to connect from: EADDRNOTAVAIL", "connect(2)", CHECK_BOTH,
                tcp_check_no_ports_left, { inet_check_role },
                .aspects = ASPECT(EXHAUSTION) | ASPECT(LIMIT) | ASPECT(NAMESPACE) },
        { "somaxconn", "a backlog larger than somaxconn is cut to it without an error", "listen(2)", CHECK_BOTH,
                tcp_check_somaxconn, { inet_check_role }, .aspects = ASPECT(LIMIT) },
        { "dual-stack", "a listener at [::] takes clients of IPv4, too, unless IPV6_V6ONLY is set", "ipv6(7)",
                CHECK_BOTH, tcp_check_dual_stack, { inet_check_role }, .aspects = ASPECT(UNRELATED) },
        { "linger", "closing with SO_LINGER of 0 resets the connection", "socket(7)", CHECK_BOTH, tcp_check_linger,
                { inet_check_role }, .aspects = ASPECT(PERSISTENCE) },
        { "nagle", "small sends are put together while one is not acknowledged, unless TCP_NODELAY is set", "tcp(7)",
                CHECK_BOTH, tcp_check_nagle, { inet_check_role }, .aspects = ASPECT(BOUNDARIES) },
        { "cork", "TCP_CORK holds back what does not fill a segment", "tcp(7)", CHECK_BOTH, tcp_check_cork,
                { inet_check_role }, .aspects = ASPECT(BOUNDARIES) },
        { "keepalive", "keep-alive is off, and its times are the system's unless the socket says other", "tcp(7)",
                CHECK_BOTH, tcp_check_keepalive, { inet_check_role }, .aspects = ASPECT(TIMEOUT) },
        { "wait-all", "MSG_WAITALL waits for all that was asked for, or the end", "recv(2)", CHECK_BOTH,
                tcp_check_wait_all, { inet_check_role }, .aspects = ASPECT(BLOCKING) },
        { "read-hang-up", "POLLRDHUP tells that the other will send no more, POLLHUP that both directions ended",
                "poll(2)", CHECK_BOTH, tcp_check_rdhup, { inet_check_role }, .aspects = ASPECT(FULL_DUPLEX) },
        { "last-close", "a connection ends when the last process that holds it has closed it", "close(2)", CHECK_BOTH,
                tcp_check_last_close, { inet_check_role }, .aspects = ASPECT(PERSISTENCE) | ASPECT(CREATOR_GONE) },
        { "in-flight", "what a killed sender wrote arrives, also what had no room at the receiver yet", "tcp(7)",
                CHECK_BOTH, tcp_check_in_flight, { inet_check_role }, .aspects = ASPECT(PERSISTENCE) | ASPECT(FULL) },
        { "half-open", "a peer that vanishes without a word is noticed by who sends, not by who waits",
                "RFC 9293, 3.5.1", CHECK_BOTH, tcp_check_half_open, { inet_check_role },
                .aspects = ASPECT(PERSISTENCE) },
        { "low-water", "poll(2) tells of bytes once there are as many as SO_RCVLOWAT says", "socket(7)", CHECK_BOTH,
                tcp_check_low_water, { inet_check_role }, .aspects = ASPECT(BLOCKING) },
        { "edge", "epoll tells of what waits each time, or with EPOLLET once until more comes", "epoll(7)", CHECK_BOTH,
                tcp_check_edge, { inet_check_role }, .aspects = ASPECT(BLOCKING) },
        {},
};

const CheckGap tcp_gaps[] = {
        INET_GAPS,
        { ASPECT_PRIORITY,
                "Bytes are received in the order sent; the one urgent byte is a mark in the stream, no priority." },
        { ASPECT_MAXIMUM, "A stream has no messages, so there is no largest one." },
        {},
};
