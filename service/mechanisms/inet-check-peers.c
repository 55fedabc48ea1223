/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "inet-checks.h"
#include "socket-checks.h"

/* What the peers of checks of TCP, UDP and raw sockets can be told to do. Their descriptors are in their slots. */
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
#include "inet-transport.h"
#include "place.h"
#include "units.h"

enum { BUFFER = 256 };

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

static void tell_name(int fd, PeerReply *reply) {
        socklen_t length = sizeof(InetName);
        InetName name;

        if (getsockname(fd, &name.any, &length) < 0)
                return;
        reply->x = inet_name_port(&name);
        sock_print(&name, reply->text);
}

static int64_t call_name(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        tell_name(number(peer, call->a), reply);
        return reply->text[0] != '\0' ? 0 : -EBADF;
}

static int64_t call_bind(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        int fd = number(peer, call->a);
        int64_t r = sock_bind(fd, call->text);

        if (r >= 0)
                tell_name(fd, reply);
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

/* Closes them at once. */
static int64_t call_accept_all(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        return sock_accept_all(number(peer, call->a));
}

static int64_t call_receive_each(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        int64_t n = 0;

        while (sock_receive(number(peer, call->a)) >= 0)
                n++;
        return n;
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
        n = sendto(number(peer, call->a), buffer, (size_t)call->b, MSG_NOSIGNAL | (int)call->c, &name.any,
                inet_name_size(&name));
        return n < 0 ? -errno : n;
}

static int64_t call_set(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        return sock_set(number(peer, call->a), (int)call->b, (int)strtol(call->text ? call->text : "0", NULL, 10),
                (int)call->c);
}

static int64_t call_get(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        return sock_get(number(peer, call->a), (int)call->b, (int)call->c);
}

static int64_t call_join(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        const struct in_addr loopback = { htonl(INADDR_LOOPBACK) };
        struct ip_mreq request = { .imr_interface = loopback };
        InetName group;
        int r = sock_parse(call->text, &group);

        if (r < 0)
                return r;
        request.imr_multiaddr = group.v4.sin_addr;
        return setsockopt(number(peer, call->a), IPPROTO_IP, IP_ADD_MEMBERSHIP, &request, sizeof request) < 0 ? -errno
                                                                                                              : 0;
}

/* Over a socket that gives the kernel the IP header, too. */
static int64_t call_send_packet(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        CLEANUP_FREE char *text = strdup(call->text ? call->text : "");
        char *space = text ? strchr(text, ' ') : NULL;
        SockPacket packet;
        InetName from, to;
        ssize_t n;

        if (!space)
                return -EINVAL;
        *space = '\0';
        if (sock_parse(text, &from) < 0 || sock_parse(space + 1, &to) < 0)
                return -EINVAL;
        packet = (SockPacket){
                .ip = {
                        .version = 4,
                        .ihl = sizeof packet.ip / 4,
                        .ttl = (uint8_t)call->b,
                        .protocol = INET_RAW_PROTOCOL,
                        .saddr = from.v4.sin_addr.s_addr,
                        .daddr = to.v4.sin_addr.s_addr,
                },
        };
        n = sendto(number(peer, call->a), &packet, sizeof packet, MSG_NOSIGNAL, &to.any, inet_name_size(&to));
        return n < 0 ? -errno : n;
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

        if (!place_entered(CHECK_PLACE_OTHER_NET))
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
        { "accept", call_accept },
        { "accept-all", call_accept_all },
        { "bind", call_bind },
        { "connect", call_connect },
        { "drop", call_drop },
        { "error", call_error },
        { "get", call_get },
        { "join", call_join },
        { "linger", call_linger },
        { "listen", call_listen },
        { "name", call_name },
        { "ping", call_ping },
        { "range", call_range },
        { "receive-all", call_receive_all },
        { "receive-each", call_receive_each },
        { "send-packet", call_send_packet },
        { "send-to", call_send_to },
        { "set", call_set },
        { "shutdown", call_shutdown },
        { "socket", call_socket },
        { "urgent", call_urgent },
        {},
};

int inet_check_role(CheckPeer *peer) {
        return socket_serve(peer, functions);
}
