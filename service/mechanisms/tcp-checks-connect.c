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

CheckResult tcp_check_self_connect(CheckRun *run) {
        CLEANUP(sock_done) Sock here = SOCK_EMPTY;

        if (!sock_make(run, AF_INET, SOCK_STREAM, &here) ||
                !check_expect(run, "connect to its own port", sock_connect(here.fd, here.text), 0) ||
                !check_expect(run, "send", sock_send(here.fd, 5), 5) ||
                !check_expect(run, "receive", sock_await(here.fd), 5))
                return CHECK_FAILED;
        return check_ok(run, "bound, connected to its own port though nobody listens there: it receives its 5 bytes");
}

CheckResult tcp_check_not_connected(CheckRun *run) {
        CLEANUP(sock_done) Sock here = SOCK_EMPTY;

        if (!sock_make(run, AF_INET, SOCK_STREAM, &here) ||
                !check_expect(run, "receive", sock_receive(here.fd), -ENOTCONN) ||
                !check_expect(run, "send", sock_send(here.fd, 1), -EPIPE) ||
                !check_expect(run, "shutdown", shutdown(here.fd, SHUT_WR) < 0 ? -errno : 0, -ENOTCONN) ||
                !check_expect(run, "accept, not listening",
                        accept4(here.fd, NULL, NULL, SOCK_CLOEXEC) < 0 ? -errno : 0, -EINVAL))
                return CHECK_FAILED;
        return check_ok(run, "never connected: recv and shutdown ENOTCONN, send EPIPE; not listening: accept EINVAL");
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

static int accept_all(int fd) {
        int n = 0;

        for (;;) {
                CLEANUP_FD int one = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

                if (one < 0)
                        return n;
                n++;
        }
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

CheckResult tcp_check_reuse_port(CheckRun *run) {
        CLEANUP(sock_done) Sock first = SOCK_EMPTY;
        CLEANUP(sock_done) Sock second = SOCK_EMPTY;
        CLEANUP(sock_done) Sock third = SOCK_EMPTY;
        CLEANUP(crowd_done) Crowd crowd;
        int a = 0, b = 0;

        memset(&crowd, 0xFF, sizeof crowd);
        if (limit_read("/proc/sys/net/core/somaxconn", CLIENTS) < CLIENTS)
                return check_skip(run, "somaxconn lets fewer than %d connections wait", CLIENTS);
        if (!listener_shared(run, &first, "127.0.0.1:0") || !listener_shared(run, &second, first.text) ||
                !sock_open(run, AF_INET, SOCK_STREAM, &third) ||
                !check_expect(run, "bind without SO_REUSEPORT", sock_bind(third.fd, first.text), -EADDRINUSE) ||
                !crowd_connect(run, &crowd, first.text))
                return CHECK_FAILED;
        while (a + b < CLIENTS) {
                struct pollfd both[] = { { first.fd, POLLIN, 0 }, { second.fd, POLLIN, 0 } };

                if (poll(both, 2, CHECK_PATIENCE_USEC / 2000) <= 0)
                        break;
                a += accept_all(first.fd);
                b += accept_all(second.fd);
        }
        if (!check_expect(run, "accepted by both", a + b, CLIENTS) ||
                !check_expect(run, "each has some", a > 0 && b > 0, 1))
                return CHECK_FAILED;
        return check_ok(
                run, "two listeners at one port: of %d connections the one accepted %d, the other %d", CLIENTS, a, b);
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

/* Of a socket that listens, tcpi_sacked is the longest queue (tcp_get_info() in net/ipv4/tcp.c). */
static int64_t longest_queue(CheckRun *run, int backlog) {
        CLEANUP(sock_done) Sock server = SOCK_EMPTY;
        socklen_t length = sizeof(struct tcp_info);
        struct tcp_info info = {};

        if (!sock_make(run, AF_INET, SOCK_STREAM, &server) || listen(server.fd, backlog) < 0 ||
                getsockopt(server.fd, IPPROTO_TCP, TCP_INFO, &info, &length) < 0)
                return -errno;
        return info.tcpi_sacked;
}

CheckResult tcp_check_somaxconn(CheckRun *run) {
        uint64_t most = limit_read("/proc/sys/net/core/somaxconn", 0);
        int few = most < 3 ? (int)most : 3;

        if (most == 0 || most > 1000000)
                return check_skip(run, "/proc/sys/net/core/somaxconn cannot be read, or is too large to be reached");
        if (!check_expect(run, "a small backlog", longest_queue(run, few), few) ||
                !check_expect(run, "one more than somaxconn", longest_queue(run, (int)most + 1), (int64_t)most) ||
                !check_expect(run, "a backlog of -1", longest_queue(run, -1), (int64_t)most))
                return CHECK_FAILED;
        return check_ok(run, "listen with %llu gives no error and %llu; -1 is as many", (unsigned long long)most + 1,
                (unsigned long long)most);
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
