/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tcp-checks.h"

/* What listen(2), accept(2), connect(2), ip(7) and socket(7) say of how connections are made. */
#include <errno.h>
#include <fcntl.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cleanup.h"
#include "limit-facts.h"
#include "spin.h"

enum {
        OWN = PEER_SLOT,
        CLIENTS = 32, /* that all come to one of two by chance: 1 in 2^31 */
        FIRST_PORT = 40000,
        LISTENER_PORT = 5000,
};

#define SO_REUSEPORT_TEXT "15"

/* A backlog of 0 has room for one. */
CheckResult tcp_check_connect_twice(CheckRun *run) {
        CLEANUP(sock_done) Sock server = SOCK_EMPTY;
        CLEANUP(sock_done) Sock second = SOCK_EMPTY;
        CheckProcess *peer;

        if (!tcp_begin(run, 0, &server, &peer) ||
                !check_expect(run, "connect", peer_call(run, peer, "connect", OWN, .text = server.text), 0) ||
                !check_expect(
                        run, "connect again", peer_call(run, peer, "connect", OWN, .text = server.text), -EISCONN) ||
                !check_expect(run, "it waits", sock_events_within(server.fd, POLLIN, CHECK_PATIENCE_USEC), POLLIN) ||
                !sock_open(run, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, &second) ||
                !check_expect(run, "another, without waiting", sock_connect(second.fd, server.text), -EINPROGRESS) ||
                !check_expect(run, "and again", sock_connect(second.fd, server.text), -EALREADY))
                return CHECK_FAILED;
        return check_ok(run, "connected: EISCONN; not yet through, without waiting: EINPROGRESS, then EALREADY");
}

/* The peer asks from outside, before and after: nobody listens there at any time. */
CheckResult tcp_check_self_connect(CheckRun *run) {
        CLEANUP(sock_done) Sock here = SOCK_EMPTY;
        CheckProcess *peer;

        if (!sock_make(run, AF_INET, SOCK_STREAM, &here) || peer_start(run, 0, NULL, 0, &peer) < 0 ||
                !check_expect(run, "socket", peer_call(run, peer, "socket", OWN, SOCK_STREAM), 0) ||
                !check_expect(run, "connect by the peer", peer_call(run, peer, "connect", OWN, .text = here.text),
                        -ECONNREFUSED) ||
                !check_expect(run, "connect to its own port", sock_connect(here.fd, here.text), 0) ||
                !check_expect(run, "send", sock_send(here.fd, 5), 5) ||
                !check_expect(run, "receive", sock_await(here.fd), 5) ||
                !check_expect(run, "connect by the peer then", peer_call(run, peer, "connect", OWN, .text = here.text),
                        -ECONNREFUSED))
                return CHECK_FAILED;
        return check_ok(run,
                "bound, connected to its own port: it receives its 5 bytes; another process is refused there before "
                "and after, as nobody listens");
}

/* The socket is shared: what is missing is missing to whoever asks, and there once one of them connected it. Shutdown
 * marks the direction though it fails (inet_shutdown() in net/ipv4/af_inet.c): it is that for receiving. */
CheckResult tcp_check_not_connected(CheckRun *run) {
        CLEANUP(sock_done) Sock here = SOCK_EMPTY;
        CLEANUP(sock_done) Sock server = SOCK_EMPTY;
        CheckProcess *peer;

        if (!sock_make(run, AF_INET, SOCK_STREAM, &here) || !sock_make(run, AF_INET, SOCK_STREAM, &server) ||
                peer_start(run, 0, &here.fd, 1, &peer) < 0 ||
                !check_expect(run, "receive", sock_receive(here.fd), -ENOTCONN) ||
                !check_expect(run, "send", sock_send(here.fd, 1), -EPIPE) ||
                !check_expect(run, "accept, not listening",
                        accept4(here.fd, NULL, NULL, SOCK_CLOEXEC) < 0 ? -errno : 0, -EINVAL) ||
                !check_expect(run, "read by the peer", peer_call(run, peer, "read", 0, 1), -ENOTCONN) ||
                !check_expect(run, "accept by the peer", peer_call(run, peer, "accept", 0, OWN), -EINVAL) ||
                !check_expect(run, "shutdown", shutdown(here.fd, SHUT_RD) < 0 ? -errno : 0, -ENOTCONN) ||
                !check_expect(run, "listen elsewhere", listen(server.fd, 1) < 0 ? -errno : 0, 0) ||
                !check_expect(run, "connect", sock_connect(here.fd, server.text), 0) ||
                !check_expect(run, "write by the peer then", peer_call(run, peer, "write", 0, 5, 'x'), 5))
                return CHECK_FAILED;
        return check_ok(run,
                "never connected: recv and shutdown ENOTCONN, send EPIPE, accept without listen EINVAL, for both who "
                "share it; connected by the one, the other can write");
}

/* accept(2): other systems hand O_NONBLOCK down, Linux does not. */
CheckResult tcp_check_accept_flags(CheckRun *run) {
        CLEANUP(sock_done) Sock server = SOCK_EMPTY;
        CLEANUP_FD int fd = -EBADF;
        CheckProcess *peer;

        if (!tcp_begin(run, 1, &server, &peer) ||
                !check_expect(run, "O_NONBLOCK", fcntl(server.fd, F_SETFL, O_NONBLOCK) < 0 ? -errno : 0, 0) ||
                !check_expect(run, "accept where nobody waits",
                        accept4(server.fd, NULL, NULL, SOCK_CLOEXEC) < 0 ? -errno : 0, -EAGAIN) ||
                !check_expect(run, "connect", peer_call(run, peer, "connect", OWN, .text = server.text), 0) ||
                !check_expect(run, "one waits", sock_events_within(server.fd, POLLIN, CHECK_PATIENCE_USEC), POLLIN))
                return CHECK_FAILED;
        fd = accept4(server.fd, NULL, NULL, SOCK_CLOEXEC);
        if (!check_expect(run, "accept", fd < 0 ? -errno : 0, 0) ||
                !check_expect(run, "O_NONBLOCK of the accepted one", (fcntl(fd, F_GETFL) & O_NONBLOCK) != 0, 0))
                return CHECK_FAILED;
        return check_ok(run, "a listener with O_NONBLOCK: accept gives EAGAIN; what it accepts then does not have it");
}

CheckResult tcp_check_client_gone(CheckRun *run) {
        CLEANUP(sock_done) Sock server = SOCK_EMPTY;
        CLEANUP(sock_done) Sock here = SOCK_EMPTY;
        CheckProcess *peer;

        if (!tcp_begin(run, 1, &server, &peer) ||
                !check_expect(run, "connect", peer_call(run, peer, "connect", OWN, .text = server.text), 0) ||
                !check_expect(run, "write", peer_call(run, peer, "write", OWN, 3, 'x'), 3) ||
                !check_expect(run, "SIGKILL", check_murder(run, peer), 0) ||
                !check_expect(run, "one waits", sock_events_within(server.fd, POLLIN, CHECK_PATIENCE_USEC), POLLIN))
                return CHECK_FAILED;
        here.fd = accept4(server.fd, NULL, NULL, SOCK_CLOEXEC);
        if (!check_expect(run, "accept", here.fd < 0 ? -errno : 0, 0) ||
                !check_expect(run, "receive", sock_await(here.fd), 3) ||
                !check_expect(run, "receive then", sock_await(here.fd), 0))
                return CHECK_FAILED;
        return check_ok(run, "connected, sent 3 bytes, killed: accepted all the same; the 3 bytes, then end of file");
}

typedef struct Crowd {
        int fds[CLIENTS];
} Crowd;

static void crowd_done(Crowd *crowd) {
        for (size_t i = 0; i < CLIENTS; i++)
                crowd->fds[i] = fd_close(crowd->fds[i]);
}

static bool crowd_connect(CheckRun *run, Crowd *crowd, const char *text) {
        for (size_t i = 0; i < CLIENTS; i++) {
                crowd->fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
                if (!check_need(run, "socket", crowd->fds[i] < 0 ? -errno : 0) ||
                        !check_expect(run, "connect", sock_connect(crowd->fds[i], text), 0))
                        return false;
        }
        return true;
}

static bool listener_shared(CheckRun *run, Sock *server, const char *text) {
        return sock_open(run, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, server) &&
               check_expect(run, "SO_REUSEPORT", sock_set(server->fd, SOL_SOCKET, SO_REUSEPORT, 1), 0) &&
               check_need(run, "bind", sock_bind(server->fd, text)) && sock_look(run, server) &&
               check_need(run, "listen", listen(server->fd, CLIENTS) < 0 ? -errno : 0);
}

/* The judge has the one listener, a peer the other. */
CheckResult tcp_check_reuse_port(CheckRun *run) {
        CLEANUP(sock_done) Sock first = SOCK_EMPTY;
        CLEANUP(crowd_done) Crowd crowd;
        uint64_t end = monotonic_end(CHECK_PATIENCE_USEC / 2);
        int64_t a = 0, b = 0;
        CheckProcess *peer;

        memset(&crowd, 0xFF, sizeof crowd);
        if (limit_read("/proc/sys/net/core/somaxconn", CLIENTS) < CLIENTS)
                return check_skip(run, "somaxconn lets fewer than %d connections wait", CLIENTS);
        if (!listener_shared(run, &first, "127.0.0.1:0") || peer_start(run, 0, NULL, 0, &peer) < 0 ||
                !check_expect(run, "socket", peer_call(run, peer, "socket", OWN, SOCK_STREAM | SOCK_NONBLOCK), 0) ||
                !check_expect(run, "bind without SO_REUSEPORT", peer_call(run, peer, "bind", OWN, .text = first.text),
                        -EADDRINUSE) ||
                !check_expect(run, "SO_REUSEPORT",
                        peer_call(run, peer, "set", OWN, SOL_SOCKET, 1, .text = SO_REUSEPORT_TEXT), 0) ||
                !check_expect(run, "bind with it", peer_call(run, peer, "bind", OWN, .text = first.text), 0) ||
                !check_expect(run, "listen", peer_call(run, peer, "listen", OWN, CLIENTS), 0) ||
                !crowd_connect(run, &crowd, first.text))
                return CHECK_FAILED;
        while (a + b < CLIENTS && b >= 0 && monotonic_now() < end) {
                a += sock_accept_all(first.fd);
                b += peer_call(run, peer, "accept-all", OWN);
        }
        if (!check_expect(run, "accepted by both", a + b, CLIENTS) ||
                !check_expect(run, "each has some", a > 0 && b > 0, 1))
                return CHECK_FAILED;
        return check_ok(run,
                "two processes listen at one port: of %d connections the one accepted %lld, the other %lld", CLIENTS,
                (long long)a, (long long)b);
}

CheckResult tcp_check_reuse_port_user(CheckRun *run) {
        CLEANUP(sock_done) Sock first = SOCK_EMPTY;
        CheckProcess *peer;

        if (geteuid() == CHECK_NOBODY)
                return check_skip(run, "this process is user %d itself", CHECK_NOBODY);
        if (!listener_shared(run, &first, "127.0.0.1:0") ||
                peer_start_at(run, CHECK_PLACE_OTHER_USER, 0, NULL, 0, &peer) < 0 ||
                !check_expect(run, "socket", peer_call(run, peer, "socket", OWN, SOCK_STREAM), 0) ||
                !check_expect(run, "SO_REUSEPORT",
                        peer_call(run, peer, "set", OWN, SOL_SOCKET, 1, .text = SO_REUSEPORT_TEXT), 0) ||
                !check_expect(run, "bind to the same port", peer_call(run, peer, "bind", OWN, .text = first.text),
                        -EADDRINUSE))
                return CHECK_FAILED;
        return check_ok(run, "user %d cannot join a port of user %u: EADDRINUSE, with SO_REUSEPORT on both",
                CHECK_NOBODY, geteuid());
}

/* In a network namespace with two ports to choose from. The pair of both ends has to be new, not the port alone. */
CheckResult tcp_check_no_ports_left(CheckRun *run) {
        CheckProcess *peer;
        PeerReply reply;

        if (peer_start_at(run, CHECK_PLACE_OTHER_NET, 0, NULL, 0, &peer) < 0 ||
                !check_need(run, "ip_local_port_range",
                        peer_call(run, peer, "range", FIRST_PORT, FIRST_PORT + 1,
                                .text = "/proc/sys/net/ipv4/ip_local_port_range")))
                return CHECK_FAILED;
        for (unsigned i = 0; i < 6; i++)
                if (!check_expect(run, "socket", peer_call(run, peer, "socket", OWN + i, SOCK_STREAM), 0))
                        return CHECK_FAILED;
        if (!check_expect(run, "bind", peer_call(run, peer, "bind", OWN, .text = "0.0.0.0:5000"), 0) ||
                !check_expect(run, "listen", peer_call(run, peer, "listen", OWN, 10), 0) ||
                !check_expect(run, "first", peer_call(run, peer, "connect", OWN + 1, .text = "127.0.0.1:5000"), 0) ||
                !check_expect(run, "second", peer_call(run, peer, "connect", OWN + 2, .text = "127.0.0.1:5000"), 0) ||
                !check_expect(run, "third", peer_call(run, peer, "connect", OWN + 3, .text = "127.0.0.1:5000"),
                        -EADDRNOTAVAIL) ||
                !check_expect(run, "bind to port 0", peer_call(run, peer, "bind", OWN + 4, .text = "127.0.0.1:0"),
                        -EADDRINUSE) ||
                !check_expect(run, "connect to another address",
                        peer_call(run, peer, "connect", OWN + 5, .text = "127.0.0.2:5000"), 0) ||
                !check_expect(run, "reset of the first", peer_call(run, peer, "linger", OWN + 1, 0), 0) ||
                !check_expect(run, "close", peer_call(run, peer, "close", OWN + 1), 0) ||
                !check_expect(run, "the third then",
                        peer_call_full(run, peer, &(PeerCall){ "connect", OWN + 3, .text = "127.0.0.1:5000" }, &reply),
                        0))
                return CHECK_FAILED;
        return check_ok(run,
                "two ports to choose from: the third connection to one address EADDRNOTAVAIL, a bind to port 0 "
                "EADDRINUSE; to another address, or after one is gone, it works");
}

/* The peer listens over a socket that it was given, and the judge looks: of a socket that listens, tcpi_sacked is the
 * longest queue (tcp_get_info() in net/ipv4/tcp.c). */
static int64_t longest_queue(CheckRun *run, const Sock *server, CheckProcess *peer, int backlog) {
        socklen_t length = sizeof(struct tcp_info);
        struct tcp_info info = {};

        if (!check_expect(run, "listen by the peer", peer_call(run, peer, "listen", 0, backlog), 0))
                return -EREMOTEIO;
        return getsockopt(server->fd, IPPROTO_TCP, TCP_INFO, &info, &length) < 0 ? -errno : (int64_t)info.tcpi_sacked;
}

CheckResult tcp_check_somaxconn(CheckRun *run) {
        uint64_t most = limit_read("/proc/sys/net/core/somaxconn", 0);
        CLEANUP(sock_done) Sock server = SOCK_EMPTY;
        int few = most < 3 ? (int)most : 3;
        CheckProcess *peer;

        if (most == 0 || most > 1000000)
                return check_skip(run, "/proc/sys/net/core/somaxconn cannot be read, or is too large to be reached");
        if (!sock_make(run, AF_INET, SOCK_STREAM, &server) || peer_start(run, 0, &server.fd, 1, &peer) < 0 ||
                !check_expect(run, "a small backlog", longest_queue(run, &server, peer, few), few) ||
                !check_expect(run, "one more than somaxconn", longest_queue(run, &server, peer, (int)most + 1),
                        (int64_t)most) ||
                !check_expect(run, "a backlog of -1", longest_queue(run, &server, peer, -1), (int64_t)most))
                return CHECK_FAILED;
        return check_ok(run,
                "another process listens with %llu: no error, and the queue has room for %llu; -1 is as many",
                (unsigned long long)most + 1, (unsigned long long)most);
}

/* To the port of `server`, at 127.0.0.1. */
static int64_t connect_over_ipv4(CheckRun *run, CheckProcess *peer, unsigned slot, const Sock *server) {
        char text[SOCK_NAME_MAX];

        (void)snprintf(text, sizeof text, "127.0.0.1:%u", inet_name_port(&server->name));
        if (!check_expect(run, "socket", peer_call(run, peer, "socket", OWN + slot, SOCK_STREAM), 0))
                return -EREMOTEIO;
        return peer_call(run, peer, "connect", OWN + slot, .text = text);
}

static bool listen_at_all(CheckRun *run, int only, Sock *server) {
        return sock_open(run, AF_INET6, SOCK_STREAM, server) &&
               check_expect(run, "IPV6_V6ONLY", sock_set(server->fd, IPPROTO_IPV6, IPV6_V6ONLY, only), 0) &&
               check_need(run, "bind", sock_bind(server->fd, "[::]:0")) && sock_look(run, server) &&
               check_expect(run, "listen", listen(server->fd, 4) < 0 ? -errno : 0, 0);
}

CheckResult tcp_check_dual_stack(CheckRun *run) {
        CLEANUP(sock_done) Sock both = SOCK_EMPTY;
        CLEANUP(sock_done) Sock only = SOCK_EMPTY;
        CLEANUP(sock_done) Sock here = SOCK_EMPTY;
        const char *none = sock_no_ipv6();
        socklen_t length = sizeof(InetName);
        CheckProcess *peer;
        InetName from = {};

        if (none)
                return check_skip(run, "%s", none);
        if (!listen_at_all(run, 0, &both) || !listen_at_all(run, 1, &only) || peer_start(run, 0, NULL, 0, &peer) < 0 ||
                !check_expect(run, "connect over IPv4", connect_over_ipv4(run, peer, 0, &both), 0) ||
                !check_expect(run, "with IPV6_V6ONLY", connect_over_ipv4(run, peer, 1, &only), -ECONNREFUSED) ||
                !check_expect(run, "one waits", sock_events_within(both.fd, POLLIN, CHECK_PATIENCE_USEC), POLLIN))
                return CHECK_FAILED;
        here.fd = accept4(both.fd, &from.any, &length, SOCK_CLOEXEC);
        if (!check_expect(run, "accept", here.fd < 0 ? -errno : 0, 0) ||
                !check_expect(run, "the client's address is one of IPv4 inside IPv6",
                        from.any.sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&from.v6.sin6_addr), 1))
                return CHECK_FAILED;
        return check_ok(run, "at [::] a client of IPv4 is accepted, as ::ffff:127.0.0.1; with IPV6_V6ONLY refused");
}
