/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "inet-checks.h"
#include "socket-checks.h"

/* Sockets of checks, and what peers can be told to do with them. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cleanup.h"
#include "inet-socket.h"
#include "limit-facts.h"
#include "memory-peer.h"
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

/* --- What peers can be told to do --- */

static int number(CheckPeer *peer, int64_t n) {
        const int *place = peer_descriptor(peer, n);

        return place ? *place : -EBADF;
}

static int64_t call_socket(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        int *place = peer_descriptor(peer, call->a);
        int fd = socket(call->c ? (int)call->c : AF_INET, (int)call->b | SOCK_CLOEXEC,
                call->text ? (int)strtol(call->text, NULL, 10) : 0);

        if (fd < 0 || !place)
                return -errno;
        *place = fd;
        return 0;
}

static int64_t call_bind(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        int fd = number(peer, call->a);
        int64_t r = sock_bind(fd, call->text);
        socklen_t length = sizeof(InetName);
        InetName name;

        if (r >= 0 && getsockname(fd, &name.any, &length) >= 0) {
                reply->x = inet_name_port(&name);
                sock_print(&name, reply->text);
        }
        return r;
}

static int64_t call_listen(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        return listen(number(peer, call->a), (int)call->b) < 0 ? -errno : 0;
}

static int64_t call_accept(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        int *place = peer_descriptor(peer, call->b);
        int fd = accept4(number(peer, call->a), NULL, NULL, SOCK_CLOEXEC);

        if (fd < 0 || !place)
                return -errno;
        *place = fd;
        return 0;
}

static int64_t call_connect(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        return sock_connect(number(peer, call->a), call->text);
}

static int64_t call_shutdown(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        return shutdown(number(peer, call->a), (int)call->b) < 0 ? -errno : 0;
}

static int64_t call_send_to(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        CLEANUP_FREE char *buffer = calloc(1, (size_t)call->b + 1);
        InetName name;
        ssize_t n;
        int r = sock_parse(call->text, &name);

        if (r < 0 || !buffer)
                return r < 0 ? r : -ENOMEM;
        n = sendto(number(peer, call->a), buffer, (size_t)call->b, MSG_NOSIGNAL, &name.any, inet_name_size(&name));
        return n < 0 ? -errno : n;
}

static int64_t call_set(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        return sock_set(number(peer, call->a), (int)call->b, (int)strtol(call->text ? call->text : "0", NULL, 10),
                (int)call->c);
}

static int64_t call_error(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        int64_t r = sock_get(number(peer, call->a), SOL_SOCKET, SO_ERROR);

        return r > 0 ? -r : r;
}

static int64_t call_urgent(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        char byte = (char)call->c;

        return send(number(peer, call->a), &byte, 1, MSG_OOB | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* Out of the effective set, which is what is asked. */
static int64_t call_drop(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
        struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3];

        if (syscall(SYS_capget, &header, sets) < 0)
                return -errno;
        sets[CAP_TO_INDEX(call->a)].effective &= ~CAP_TO_MASK(call->a);
        return syscall(SYS_capset, &header, sets) < 0 ? -errno : 0;
}

static int64_t call_linger(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        struct linger linger = { .l_onoff = 1, .l_linger = (int)call->b };

        return setsockopt(number(peer, call->a), SOL_SOCKET, SO_LINGER, &linger, sizeof linger) < 0 ? -errno : 0;
}

static int64_t call_receive_all(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        char buffer[BUFFER];
        ssize_t n;

        if (call->b < 0 || call->b > BUFFER)
                return -EINVAL;
        n = recv(number(peer, call->a), buffer, (size_t)call->b, MSG_WAITALL);
        return n < 0 ? -errno : n;
}

/* Never of the judge's namespace, where it would change the machine. */
static int64_t call_range(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        CLEANUP_FD int fd = -EBADF;
        char text[48];

        if (!memory_apart("net"))
                return -EPERM;
        fd = open(call->text ? call->text : "", O_WRONLY | O_CLOEXEC);
        (void)snprintf(text, sizeof text, "%" PRId64 " %" PRId64, call->a, call->b);
        return fd < 0 || write(fd, text, strlen(text)) < 0 ? -errno : 0;
}

/* The kernel fills in the number and the checksum. */
static int64_t call_ping(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        struct icmphdr echo = { .type = ICMP_ECHO };
        int fd = number(peer, call->a);
        ssize_t n;

        if (send(fd, &echo, sizeof echo, MSG_NOSIGNAL) < 0)
                return -errno;
        if (!sock_events_within(fd, POLLIN, CHECK_PATIENCE_USEC / 2))
                return -ETIMEDOUT;
        n = recv(fd, &echo, sizeof echo, MSG_DONTWAIT);
        reply->x = echo.type;
        return n < 0 ? -errno : n;
}

static const PeerFunction functions[] = {
        { "socket", call_socket },
        { "bind", call_bind },
        { "listen", call_listen },
        { "accept", call_accept },
        { "connect", call_connect },
        { "shutdown", call_shutdown },
        { "send-to", call_send_to },
        { "set", call_set },
        { "error", call_error },
        { "urgent", call_urgent },
        { "drop", call_drop },
        { "linger", call_linger },
        { "receive-all", call_receive_all },
        { "range", call_range },
        { "ping", call_ping },
        {},
};

int inet_check_role(CheckPeer *peer) {
        return socket_serve(peer, functions);
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
