/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "inet-checks.h"

/* The sockets of the judge. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/ip.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cleanup.h"
#include "inet-socket.h"
#include "limit-facts.h"
#include "units.h"

enum { BUFFER = 256 };

void sock_done(Sock *sock) {
        sock->fd = fd_close(sock->fd);
}

int sock_parse(const char *text, InetName *ret) {
        char host[SOCK_NAME_MAX];
        const char *colon = strrchr(text, ':');
        bool brackets = text[0] == '[';
        InetName name = {};
        size_t length;

        if (!colon || strlen(text) >= sizeof host)
                return -EINVAL;
        length = (size_t)(colon - text) - 2 * brackets;
        memcpy(host, text + brackets, length);
        host[length] = '\0';
        name.any.sa_family = brackets ? AF_INET6 : AF_INET;
        if (inet_pton(name.any.sa_family, host, brackets ? (void *)&name.v6.sin6_addr : (void *)&name.v4.sin_addr) !=
                1)
                return -EINVAL;
        inet_name_set_port(&name, (uint16_t)strtoul(colon + 1, NULL, 10));
        *ret = name;
        return 0;
}

void sock_print(const InetName *name, char ret_text[SOCK_NAME_MAX]) {
        bool v6 = name->any.sa_family == AF_INET6;
        char host[INET6_ADDRSTRLEN] = "?";

        (void)inet_ntop(name->any.sa_family, v6 ? (const void *)&name->v6.sin6_addr : (const void *)&name->v4.sin_addr,
                host, sizeof host);
        (void)snprintf(ret_text, SOCK_NAME_MAX, "%s%s%s:%u", v6 ? "[" : "", host, v6 ? "]" : "", inet_name_port(name));
}

int64_t sock_connect(int fd, const char *text) {
        InetName name;
        int r = sock_parse(text, &name);

        return r < 0 ? r : connect(fd, &name.any, inet_name_size(&name)) < 0 ? -errno : 0;
}

int64_t sock_bind(int fd, const char *text) {
        InetName name;
        int r = sock_parse(text, &name);

        if (r < 0 || bind(fd, &name.any, inet_name_size(&name)) < 0)
                return r < 0 ? r : -errno;
        if (sock_get(fd, SOL_SOCKET, SO_TYPE) == SOCK_RAW)
                inet_raw_forget(fd);
        return 0;
}

int64_t sock_set(int fd, int level, int name, int value) {
        return setsockopt(fd, level, name, &value, sizeof value) < 0 ? -errno : 0;
}

int64_t sock_get(int fd, int level, int name) {
        socklen_t length = sizeof(int);
        int value = 0;

        return getsockopt(fd, level, name, &value, &length) < 0 ? -errno : value;
}

int64_t sock_send(int fd, size_t size) {
        CLEANUP_FREE char *buffer = calloc(1, size + 1);
        ssize_t n;

        if (!buffer)
                return -ENOMEM;
        n = send(fd, buffer, size, MSG_NOSIGNAL | MSG_DONTWAIT);
        return n < 0 ? -errno : n;
}

int64_t sock_receive(int fd) {
        char buffer[BUFFER];
        ssize_t n = recv(fd, buffer, sizeof buffer, MSG_DONTWAIT);

        return n < 0 ? -errno : n;
}

int sock_events_within(int fd, short events, uint64_t usec) {
        struct pollfd state = { .fd = fd, .events = events };

        return poll(&state, 1, (int)(usec / USEC_PER_MSEC)) > 0 ? state.revents : 0;
}

void sock_own_address(unsigned n, char ret_text[SOCK_NAME_MAX]) {
        static struct in_addr first;
        InetName name = { .v4 = { .sin_family = AF_INET } };

        if (first.s_addr == 0)
                first = inet_address_by_lot();
        name.v4.sin_addr.s_addr = htonl(ntohl(first.s_addr) + n);
        sock_print(&name, ret_text);
}

bool sock_is_to(int fd, const void *packet, size_t size) {
        socklen_t length = sizeof(InetName);
        struct iphdr ip;
        InetName name;

        if (size < sizeof ip || getsockname(fd, &name.any, &length) < 0)
                return false;
        memcpy(&ip, packet, sizeof ip);
        return ip.daddr == name.v4.sin_addr.s_addr;
}

int64_t sock_await(int fd) {
        return sock_events_within(fd, POLLIN, CHECK_PATIENCE_USEC) ? sock_receive(fd) : -ETIMEDOUT;
}

int sock_accept_all(int fd) {
        int n = 0;

        for (;;) {
                CLEANUP_FD int one = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

                if (one < 0)
                        return n;
                n++;
        }
}

bool sock_open(CheckRun *run, int family, int type, Sock *ret) {
        ret->fd = socket(family, type | SOCK_CLOEXEC, 0);
        return check_need(run, "socket", ret->fd < 0 ? -errno : 0);
}

bool sock_look(CheckRun *run, Sock *sock) {
        socklen_t length = sizeof sock->name;

        if (!check_expect(run, "getsockname", getsockname(sock->fd, &sock->name.any, &length) < 0 ? -errno : 0, 0))
                return false;
        sock_print(&sock->name, sock->text);
        return true;
}

bool sock_make(CheckRun *run, int family, int type, Sock *ret) {
        return sock_open(run, family, type, ret) &&
               check_need(run, "bind", sock_bind(ret->fd, family == AF_INET6 ? "[::1]:0" : "127.0.0.1:0")) &&
               sock_look(run, ret);
}

const char *sock_no_ipv6(void) {
        CLEANUP_FD int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);

        if (fd < 0)
                return "this kernel has no IPv6";
        return sock_bind(fd, "[::1]:0") < 0 ? "this network namespace has no address ::1" : NULL;
}

CheckResult inet_check_privileged(CheckRun *run) {
        int type = strcmp(run->mechanism->kind, inet_udp.kind) == 0 ? SOCK_DGRAM : SOCK_STREAM;
        uint64_t first = limit_read("/proc/sys/net/ipv4/ip_unprivileged_port_start", 0);
        CheckProcess *peer;

        if (!check_can_be_nobody())
                return check_skip(run, "only root can start a process of another user");
        if (first < 2)
                return check_skip(run, "ip_unprivileged_port_start is %llu: no port is kept from anybody",
                        (unsigned long long)first);
        if (peer_start(run, 0, NULL, 0, &peer) < 0 || !check_become_nobody(run, peer) ||
                !check_expect(run, "socket", peer_call(run, peer, "socket", PEER_SLOT, type), 0) ||
                !check_expect(run, "bind to port 1", peer_call(run, peer, "bind", PEER_SLOT, .text = "127.0.0.1:1"),
                        -EACCES) ||
                !check_expect(
                        run, "bind to port 0", peer_call(run, peer, "bind", PEER_SLOT, .text = "127.0.0.1:0"), 0))
                return CHECK_FAILED;
        return check_ok(run, "user %d: port 1 EACCES (below %llu), a port that the kernel chooses is given",
                CHECK_NOBODY, (unsigned long long)first);
}
