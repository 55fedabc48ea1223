/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "udp-checks.h"

/* What udp(7), ip(7) and socket(7) say of errors that come back, of whom a socket is connected to, and of datagrams
 * for several. Ports that have to be nobody's are at an address of the check's own. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/errqueue.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cleanup.h"
#include "inet-socket.h"

enum {
        OWN = PEER_SLOT,
        SENDERS = 32, /* that all go to one of two by chance: 1 in 2^31 */
        HEADERS = sizeof(struct iphdr) + sizeof(struct udphdr),
};

/* A port at an address of our own that was somebody's just now. */
static bool nobody(CheckRun *run, char ret_text[SOCK_NAME_MAX]) {
        CLEANUP(sock_done) Sock gone = SOCK_EMPTY;
        char own[SOCK_NAME_MAX];

        sock_own_address(1, own);
        if (!sock_open(run, AF_INET, SOCK_DGRAM, &gone) || !check_need(run, "bind", sock_bind(gone.fd, own)) ||
                !sock_look(run, &gone))
                return false;
        (void)snprintf(ret_text, SOCK_NAME_MAX, "%s", gone.text);
        return true;
}

static int64_t send_to(int fd, const char *text, size_t size, int flags) {
        static const char bytes[16];
        InetName name;
        ssize_t n;

        if (sock_parse(text, &name) < 0 || size > sizeof bytes)
                return -EINVAL;
        n = sendto(fd, bytes, size, flags | MSG_NOSIGNAL, &name.any, inet_name_size(&name));
        return n < 0 ? -errno : n;
}

typedef union ErrorControl {
        struct cmsghdr header;
        char bytes[256];
} ErrorControl;

/* Takes one from the queue of errors: the size of the datagram that it is about, to whom that went, and why not. */
static int64_t take_error(int fd, struct sock_extended_err *ret, char ret_to[SOCK_NAME_MAX]) {
        ErrorControl control = {};
        InetName to = {};
        char bytes[16];
        struct iovec iov = { bytes, sizeof bytes };
        struct msghdr message = {
                .msg_name = &to,
                .msg_namelen = sizeof to,
                .msg_iov = &iov,
                .msg_iovlen = 1,
                .msg_control = &control,
                .msg_controllen = sizeof control,
        };
        ssize_t n = recvmsg(fd, &message, MSG_ERRQUEUE | MSG_DONTWAIT);

        if (n < 0)
                return -errno;
        for (struct cmsghdr *item = CMSG_FIRSTHDR(&message); item; item = CMSG_NXTHDR(&message, item))
                if (item->cmsg_level == IPPROTO_IP && item->cmsg_type == IP_RECVERR)
                        memcpy(ret, CMSG_DATA(item), sizeof *ret);
        sock_print(&to, ret_to);
        return n;
}

CheckResult udp_check_error_queue(CheckRun *run) {
        CLEANUP(sock_done) Sock here = SOCK_EMPTY;
        char text[SOCK_NAME_MAX], to[SOCK_NAME_MAX] = "";
        struct sock_extended_err error = {};

        if (!nobody(run, text) || !sock_make(run, AF_INET, SOCK_DGRAM, &here) ||
                !check_expect(run, "IP_RECVERR", sock_set(here.fd, IPPROTO_IP, IP_RECVERR, 1), 0) ||
                !check_expect(run, "send, not connected", send_to(here.fd, text, 5, 0), 5) ||
                !check_expect(run, "an error comes", sock_events_within(here.fd, 0, CHECK_PATIENCE_USEC), POLLERR) ||
                !check_expect(run, "receive", sock_receive(here.fd), -ECONNREFUSED) ||
                !check_expect(run, "MSG_ERRQUEUE gives back the datagram", take_error(here.fd, &error, to), 5) ||
                !check_expect(run, "the error", error.ee_errno, ECONNREFUSED) ||
                !check_expect(run, "it comes from ICMP", error.ee_origin, SO_EE_ORIGIN_ICMP) ||
                !check_expect(run, "its type", error.ee_type, ICMP_DEST_UNREACH) ||
                !check_expect(run, "its code", error.ee_code, ICMP_PORT_UNREACH) ||
                !check_expect(run, "it tells to whom that went", strcmp(to, text), 0) ||
                !check_expect(run, "MSG_ERRQUEUE again", take_error(here.fd, &error, to), -EAGAIN))
                return CHECK_FAILED;
        return check_ok(
                run, "not connected: ECONNREFUSED, with the datagram's 5 bytes, its address and the ICMP type");
}

CheckResult udp_check_error_once(CheckRun *run) {
        CLEANUP(sock_done) Sock here = SOCK_EMPTY;
        char text[SOCK_NAME_MAX];

        if (!nobody(run, text) || !sock_make(run, AF_INET, SOCK_DGRAM, &here) ||
                !check_expect(run, "connect", sock_connect(here.fd, text), 0) ||
                !check_expect(run, "send", sock_send(here.fd, 1), 1) ||
                !check_expect(run, "an error comes", sock_events_within(here.fd, 0, CHECK_PATIENCE_USEC), POLLERR) ||
                !check_expect(run, "receive", sock_receive(here.fd), -ECONNREFUSED) ||
                !check_expect(run, "receive again", sock_receive(here.fd), -EAGAIN) ||
                !check_expect(run, "send", sock_send(here.fd, 1), 1))
                return CHECK_FAILED;
        return check_ok(run, "the first call after it gives ECONNREFUSED, the next ones work as before");
}

CheckResult udp_check_port_zero(CheckRun *run) {
        CLEANUP(sock_done) Sock here = SOCK_EMPTY;
        CLEANUP(sock_done) Sock unbound = SOCK_EMPTY;

        if (!sock_make(run, AF_INET, SOCK_DGRAM, &here) || !sock_open(run, AF_INET, SOCK_DGRAM, &unbound) ||
                !check_expect(run, "send to port 0", send_to(here.fd, "127.0.0.1:0", 1, 0), -EINVAL) ||
                !check_expect(run, "bound to port 0 it has one", inet_name_port(&here.name) > 0, 1) ||
                !sock_look(run, &unbound) ||
                !check_expect(run, "the port of one that is not bound", inet_name_port(&unbound.name), 0) ||
                !check_expect(run, "send", send_to(unbound.fd, here.text, 1, 0), 1) || !sock_look(run, &unbound) ||
                !check_expect(run, "then it has one", inet_name_port(&unbound.name) > 0, 1))
                return CHECK_FAILED;
        return check_ok(run, "bind to port 0 gives one that is free, as the first send does; a send to port 0 EINVAL");
}

CheckResult udp_check_reconnect(CheckRun *run) {
        CLEANUP(sock_done) Sock first = SOCK_EMPTY;
        CLEANUP(sock_done) Sock second = SOCK_EMPTY;
        CLEANUP(sock_done) Sock here = SOCK_EMPTY;
        const struct sockaddr none = { .sa_family = AF_UNSPEC };

        if (!sock_make(run, AF_INET, SOCK_DGRAM, &first) || !sock_make(run, AF_INET, SOCK_DGRAM, &second) ||
                !sock_make(run, AF_INET, SOCK_DGRAM, &here) ||
                !check_expect(run, "send, not connected", sock_send(here.fd, 1), -EDESTADDRREQ) ||
                !check_expect(run, "connect", sock_connect(here.fd, first.text), 0) ||
                !check_expect(run, "send", sock_send(here.fd, 2), 2) ||
                !check_expect(run, "connect to another", sock_connect(here.fd, second.text), 0) ||
                !check_expect(run, "send", sock_send(here.fd, 3), 3) ||
                !check_expect(run, "received by the first", sock_await(first.fd), 2) ||
                !check_expect(run, "received by the second", sock_await(second.fd), 3) ||
                !check_expect(run, "connect to AF_UNSPEC", connect(here.fd, &none, sizeof none) < 0 ? -errno : 0, 0) ||
                !check_expect(run, "send then", sock_send(here.fd, 1), -EDESTADDRREQ) || !sock_look(run, &here) ||
                !check_expect(run, "a stranger's send", send_to(first.fd, here.text, 4, 0), 4) ||
                !check_expect(run, "received", sock_await(here.fd), 4))
                return CHECK_FAILED;
        return check_ok(run, "connected to one, to another, to nobody (AF_UNSPEC): then it takes from all again");
}

/* To 127.255.255.255: it leaves this machine as little as 127.0.0.1 does. */
CheckResult udp_check_broadcast(CheckRun *run) {
        CLEANUP(sock_done) Sock all = SOCK_EMPTY;
        CLEANUP(sock_done) Sock here = SOCK_EMPTY;
        char text[SOCK_NAME_MAX];

        if (!sock_open(run, AF_INET, SOCK_DGRAM, &all) || !check_need(run, "bind", sock_bind(all.fd, "0.0.0.0:0")) ||
                !sock_look(run, &all) || !sock_make(run, AF_INET, SOCK_DGRAM, &here))
                return CHECK_FAILED;
        (void)snprintf(text, sizeof text, "127.255.255.255:%u", inet_name_port(&all.name));
        if (!check_expect(run, "send without SO_BROADCAST", send_to(here.fd, text, 3, 0), -EACCES) ||
                !check_expect(run, "SO_BROADCAST", sock_set(here.fd, SOL_SOCKET, SO_BROADCAST, 1), 0) ||
                !check_expect(run, "send", send_to(here.fd, text, 3, 0), 3) ||
                !check_expect(run, "received at 0.0.0.0", sock_await(all.fd), 3))
                return CHECK_FAILED;
        (void)snprintf(text, sizeof text, "127.255.255.255:%u", inet_name_port(&here.name));
        if (!check_expect(run, "send", send_to(here.fd, text, 2, 0), 2) ||
                !check_expect(run, "send", send_to(here.fd, here.text, 4, 0), 4) ||
                !check_expect(run, "received first at 127.0.0.1", sock_await(here.fd), 4))
                return CHECK_FAILED;
        return check_ok(run, "EACCES; with SO_BROADCAST received at 0.0.0.0, and not by a socket bound to 127.0.0.1");
}

static bool member(CheckRun *run, const char *text, Sock *ret) {
        return sock_open(run, AF_INET, SOCK_DGRAM, ret) &&
               check_expect(run, "SO_REUSEADDR", sock_set(ret->fd, SOL_SOCKET, SO_REUSEADDR, 1), 0) &&
               check_need(run, "bind", sock_bind(ret->fd, text)) && sock_look(run, ret);
}

static int64_t join(int fd, struct in_addr group) {
        const struct ip_mreq request = { group, { htonl(INADDR_LOOPBACK) } };

        return setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &request, sizeof request) < 0 ? -errno : 0;
}

/* The group is drawn by lot; two members at one port, over the interface of 127.0.0.1. */
CheckResult udp_check_multicast(CheckRun *run) {
        CLEANUP(sock_done) Sock first = SOCK_EMPTY;
        CLEANUP(sock_done) Sock second = SOCK_EMPTY;
        CLEANUP(sock_done) Sock here = SOCK_EMPTY;
        const struct in_addr group = { htonl(0xEFFF0000u | (ntohl(inet_address_by_lot().s_addr) >> 2 & 0xFFFF)) };
        const struct in_addr loopback = { htonl(INADDR_LOOPBACK) };
        char host[INET_ADDRSTRLEN] = "", text[SOCK_NAME_MAX], other[SOCK_NAME_MAX];

        (void)inet_ntop(AF_INET, &group, host, sizeof host);
        (void)snprintf(other, sizeof other, "%s:0", host);
        if (!member(run, other, &first) || !member(run, first.text, &second) ||
                !check_need(run, "the first joins", join(first.fd, group)) ||
                !check_need(run, "the second joins", join(second.fd, group)) ||
                !sock_make(run, AF_INET, SOCK_DGRAM, &here) ||
                !check_expect(run, "IP_MULTICAST_IF",
                        setsockopt(here.fd, IPPROTO_IP, IP_MULTICAST_IF, &loopback, sizeof loopback) < 0 ? -errno : 0,
                        0) ||
                !check_expect(run, "IP_MULTICAST_TTL at first", sock_get(here.fd, IPPROTO_IP, IP_MULTICAST_TTL), 1) ||
                !check_expect(run, "IP_MULTICAST_LOOP at first", sock_get(here.fd, IPPROTO_IP, IP_MULTICAST_LOOP), 1))
                return CHECK_FAILED;
        (void)snprintf(text, sizeof text, "%s", first.text);
        if (!check_expect(run, "send to the group", send_to(here.fd, text, 5, 0), 5) ||
                !check_expect(run, "received by the first", sock_await(first.fd), 5) ||
                !check_expect(run, "received by the second", sock_await(second.fd), 5))
                return CHECK_FAILED;
        return check_ok(run, "one send to %s: both sockets that joined it received the 5 bytes", host);
}

CheckResult udp_check_cork(CheckRun *run) {
        CLEANUP(sock_done) Sock server = SOCK_EMPTY;
        CLEANUP(sock_done) Sock here = SOCK_EMPTY;

        if (!sock_make(run, AF_INET, SOCK_DGRAM, &server) || !sock_open(run, AF_INET, SOCK_DGRAM, &here) ||
                !check_expect(run, "connect", sock_connect(here.fd, server.text), 0) ||
                !check_expect(run, "UDP_CORK", sock_set(here.fd, IPPROTO_UDP, UDP_CORK, 1), 0) ||
                !check_expect(run, "send", sock_send(here.fd, 3), 3) ||
                !check_expect(run, "send", sock_send(here.fd, 4), 4) ||
                !check_expect(run, "receive", sock_receive(server.fd), -EAGAIN) ||
                !check_expect(run, "no cork", sock_set(here.fd, IPPROTO_UDP, UDP_CORK, 0), 0) ||
                !check_expect(run, "receive then", sock_await(server.fd), 7) ||
                !check_expect(run, "send with MSG_MORE", send_to(here.fd, server.text, 2, MSG_MORE), 2) ||
                !check_expect(run, "send without", send_to(here.fd, server.text, 6, 0), 6) ||
                !check_expect(run, "receive", sock_await(server.fd), 8))
                return CHECK_FAILED;
        return check_ok(
                run, "sends of 3 and 4 under UDP_CORK: nothing, then one of 7; 2 with MSG_MORE and 6: one of 8");
}

static bool share_port(CheckRun *run, const char *text, Sock *ret) {
        return sock_open(run, AF_INET, SOCK_DGRAM, ret) &&
               check_expect(run, "SO_REUSEPORT", sock_set(ret->fd, SOL_SOCKET, SO_REUSEPORT, 1), 0) &&
               check_need(run, "bind", sock_bind(ret->fd, text)) && sock_look(run, ret);
}

CheckResult udp_check_reuse_port(CheckRun *run) {
        CLEANUP(sock_done) Sock first = SOCK_EMPTY;
        CLEANUP(sock_done) Sock second = SOCK_EMPTY;
        int a = 0, b = 0;

        if (!share_port(run, "127.0.0.1:0", &first) || !share_port(run, first.text, &second))
                return CHECK_FAILED;
        for (int i = 0; i < SENDERS; i++) {
                CLEANUP(sock_done) Sock sender = SOCK_EMPTY;
                struct pollfd both[] = { { first.fd, POLLIN, 0 }, { second.fd, POLLIN, 0 } };

                if (!sock_open(run, AF_INET, SOCK_DGRAM, &sender) ||
                        !check_expect(run, "send", send_to(sender.fd, first.text, 1, 0), 1) ||
                        !check_expect(run, "one has it", poll(both, 2, CHECK_PATIENCE_USEC / 2000), 1))
                        return CHECK_FAILED;
                a += sock_receive(first.fd) == 1;
                b += sock_receive(second.fd) == 1;
        }
        if (!check_expect(run, "received by both", a + b, SENDERS) ||
                !check_expect(run, "each has some", a > 0 && b > 0, 1))
                return CHECK_FAILED;
        return check_ok(run, "%d senders, two sockets at one port: the one received %d, the other %d, none both",
                SENDERS, a, b);
}

/* Seen by a raw socket that gets a copy. -ETIMEDOUT. */
static int64_t checksum_seen(const Sock *raw, size_t size) {
        unsigned char packet[HEADERS + 16];
        struct udphdr udp;

        while (sock_events_within(raw->fd, POLLIN, CHECK_PATIENCE_USEC)) {
                ssize_t n = recv(raw->fd, packet, sizeof packet, MSG_DONTWAIT);

                if (n != (ssize_t)(HEADERS + size) || !sock_is_to(raw->fd, packet, (size_t)n))
                        continue;
                memcpy(&udp, packet + sizeof(struct iphdr), sizeof udp);
                return udp.check;
        }
        return -ETIMEDOUT;
}

CheckResult udp_check_checksum(CheckRun *run) {
        CLEANUP(sock_done) Sock raw = SOCK_EMPTY;
        CLEANUP(sock_done) Sock server = SOCK_EMPTY;
        CLEANUP(sock_done) Sock here = SOCK_EMPTY;
        char own[SOCK_NAME_MAX];

        sock_own_address(1, own);
        raw.fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_UDP);
        if (!check_need_said(run, "the header can be seen by a raw socket only, which needs CAP_NET_RAW",
                    raw.fd < 0 ? -errno : 0) ||
                !check_expect(run, "bind", sock_bind(raw.fd, own), 0) ||
                !sock_open(run, AF_INET, SOCK_DGRAM, &server) || !check_need(run, "bind", sock_bind(server.fd, own)) ||
                !sock_look(run, &server) || !sock_make(run, AF_INET, SOCK_DGRAM, &here) ||
                !check_expect(run, "SO_NO_CHECK at first", sock_get(here.fd, SOL_SOCKET, SO_NO_CHECK), 0) ||
                !check_expect(run, "send", send_to(here.fd, server.text, 5, 0), 5) ||
                !check_expect(run, "receive", sock_await(server.fd), 5) ||
                !check_expect(run, "a checksum is there", checksum_seen(&raw, 5) > 0, 1) ||
                !check_expect(run, "SO_NO_CHECK", sock_set(here.fd, SOL_SOCKET, SO_NO_CHECK, 1), 0) ||
                !check_expect(run, "send", send_to(here.fd, server.text, 6, 0), 6) ||
                !check_expect(run, "receive", sock_await(server.fd), 6) ||
                !check_expect(run, "the checksum then", checksum_seen(&raw, 6), 0))
                return CHECK_FAILED;
        return check_ok(
                run, "with SO_NO_CHECK the header says 0, for none, and the datagram is received all the same");
}

CheckResult udp_check_dual_stack(CheckRun *run) {
        CLEANUP(sock_done) Sock both = SOCK_EMPTY;
        CLEANUP(sock_done) Sock here = SOCK_EMPTY;
        const char *none = sock_no_ipv6();
        char text[SOCK_NAME_MAX], mapped[SOCK_NAME_MAX];

        if (none)
                return check_skip(run, "%s", none);
        if (!sock_open(run, AF_INET6, SOCK_DGRAM, &both) ||
                !check_expect(run, "IPV6_V6ONLY", sock_set(both.fd, IPPROTO_IPV6, IPV6_V6ONLY, 0), 0) ||
                !check_need(run, "bind", sock_bind(both.fd, "[::]:0")) || !sock_look(run, &both) ||
                !sock_make(run, AF_INET, SOCK_DGRAM, &here))
                return CHECK_FAILED;
        (void)snprintf(text, sizeof text, "127.0.0.1:%u", inet_name_port(&both.name));
        (void)snprintf(mapped, sizeof mapped, "[::ffff:127.0.0.1]:%u", inet_name_port(&here.name));
        if (!check_expect(run, "send over IPv4", send_to(here.fd, text, 3, 0), 3) ||
                !check_expect(run, "receive at [::]", sock_await(both.fd), 3) ||
                !check_expect(run, "send to ::ffff:127.0.0.1", send_to(both.fd, mapped, 4, 0), 4) ||
                !check_expect(run, "receive over IPv4", sock_await(here.fd), 4))
                return CHECK_FAILED;
        return check_ok(run, "a socket at [::] and one at 127.0.0.1 reach each other, as ::ffff:127.0.0.1");
}
