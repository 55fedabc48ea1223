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
#include "spin.h"

enum {
        OWN = PEER_SLOT,
        SENDERS = 32, /* that all go to one of two by chance: 1 in 2^31 */
        HEADERS = sizeof(struct iphdr) + sizeof(struct udphdr),
};

#define SO_REUSEADDR_TEXT "2"
#define SO_BROADCAST_TEXT "6"
#define SO_NO_CHECK_TEXT  "11"
#define SO_REUSEPORT_TEXT "15"
#define UDP_CORK_TEXT     "1"

static bool peer_socket(CheckRun *run, CheckProcess **ret) {
        return peer_start(run, 0, NULL, 0, ret) >= 0 &&
               check_expect(run, "socket", peer_call(run, *ret, "socket", OWN, SOCK_DGRAM), 0);
}

static bool peer_bound(CheckRun *run, const char *text, CheckProcess **ret, PeerReply *ret_reply) {
        return peer_socket(run, ret) &&
               check_need(run, "bind", peer_call_full(run, *ret, &(PeerCall){ "bind", OWN, .text = text }, ret_reply));
}

/* A port at an address of the check's own that was a peer's until it was killed: it had received there. */
static bool nobody(CheckRun *run, char ret_text[SOCK_NAME_MAX]) {
        CLEANUP(sock_done) Sock here = SOCK_EMPTY;
        char own[SOCK_NAME_MAX];
        CheckProcess *peer;
        PeerReply reply;

        sock_own_address(1, own);
        if (!peer_bound(run, own, &peer, &reply) || !sock_open(run, AF_INET, SOCK_DGRAM, &here) ||
                !check_expect(run, "connect", sock_connect(here.fd, reply.text), 0) ||
                !check_expect(run, "send", sock_send(here.fd, 3), 3) ||
                !check_expect(run, "received by the peer", peer_call(run, peer, "read", OWN, 10), 3) ||
                !check_expect(run, "SIGKILL", check_murder(run, peer), 0))
                return false;
        (void)snprintf(ret_text, SOCK_NAME_MAX, "%.*s", SOCK_NAME_MAX - 1, reply.text);
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
        socklen_t length = sizeof(InetName);
        InetName from = {};
        CheckProcess *peer;
        PeerReply before, then;
        char byte;

        if (!sock_make(run, AF_INET, SOCK_DGRAM, &here) || !peer_socket(run, &peer) ||
                !check_expect(run, "bound to port 0 it has one", inet_name_port(&here.name) > 0, 1) ||
                !check_expect(run, "getsockname", peer_call_full(run, peer, &(PeerCall){ "name", OWN }, &before), 0) ||
                !check_expect(run, "the port of one that is not bound", before.x, 0) ||
                !check_expect(run, "send to port 0", peer_call(run, peer, "send-to", OWN, 1, .text = "127.0.0.1:0"),
                        -EINVAL) ||
                !check_expect(run, "send", peer_call(run, peer, "send-to", OWN, 1, .text = here.text), 1) ||
                !check_expect(run, "getsockname", peer_call_full(run, peer, &(PeerCall){ "name", OWN }, &then), 0) ||
                !check_expect(run, "then it has one", then.x > 0, 1) ||
                !check_expect(run, "it comes", sock_events_within(here.fd, POLLIN, CHECK_PATIENCE_USEC), POLLIN) ||
                !check_expect(run, "receive", recvfrom(here.fd, &byte, 1, MSG_DONTWAIT, &from.any, &length), 1) ||
                !check_expect(run, "the port that it came from", inet_name_port(&from), then.x))
                return CHECK_FAILED;
        return check_ok(run,
                "bind to port 0 gives one that is free, as a peer's first send does: it came from there; a send to "
                "port 0 EINVAL");
}

CheckResult udp_check_reconnect(CheckRun *run) {
        CLEANUP(sock_done) Sock here = SOCK_EMPTY;
        const struct sockaddr none = { .sa_family = AF_UNSPEC };
        CheckProcess *first, *second;
        PeerReply one, two;

        if (!peer_bound(run, "127.0.0.1:0", &first, &one) || !peer_bound(run, "127.0.0.1:0", &second, &two) ||
                !sock_make(run, AF_INET, SOCK_DGRAM, &here) ||
                !check_expect(run, "send, not connected", sock_send(here.fd, 1), -EDESTADDRREQ) ||
                !check_expect(run, "connect", sock_connect(here.fd, one.text), 0) ||
                !check_expect(run, "send", sock_send(here.fd, 2), 2) ||
                !check_expect(run, "connect to another", sock_connect(here.fd, two.text), 0) ||
                !check_expect(run, "send", sock_send(here.fd, 3), 3) ||
                !check_expect(run, "received by the first", peer_call(run, first, "read", OWN, 10), 2) ||
                !check_expect(run, "received by the second", peer_call(run, second, "read", OWN, 10), 3) ||
                !check_expect(run, "connect to AF_UNSPEC", connect(here.fd, &none, sizeof none) < 0 ? -errno : 0, 0) ||
                !check_expect(run, "send then", sock_send(here.fd, 1), -EDESTADDRREQ) || !sock_look(run, &here) ||
                !check_expect(
                        run, "the first's send", peer_call(run, first, "send-to", OWN, 4, .text = here.text), 4) ||
                !check_expect(run, "received", sock_await(here.fd), 4))
                return CHECK_FAILED;
        return check_ok(
                run, "connected to one process, to another, to nobody (AF_UNSPEC): then it takes from all again");
}

/* To 127.255.255.255: it leaves this machine as little as 127.0.0.1 does. */
CheckResult udp_check_broadcast(CheckRun *run) {
        CLEANUP(sock_done) Sock all = SOCK_EMPTY;
        CLEANUP(sock_done) Sock here = SOCK_EMPTY;
        char text[SOCK_NAME_MAX];
        CheckProcess *peer;

        if (!sock_open(run, AF_INET, SOCK_DGRAM, &all) || !check_need(run, "bind", sock_bind(all.fd, "0.0.0.0:0")) ||
                !sock_look(run, &all) || !sock_make(run, AF_INET, SOCK_DGRAM, &here) || !peer_socket(run, &peer))
                return CHECK_FAILED;
        (void)snprintf(text, sizeof text, "127.255.255.255:%u", inet_name_port(&all.name));
        if (!check_expect(run, "send without SO_BROADCAST", peer_call(run, peer, "send-to", OWN, 3, .text = text),
                    -EACCES) ||
                !check_expect(run, "SO_BROADCAST",
                        peer_call(run, peer, "set", OWN, SOL_SOCKET, 1, .text = SO_BROADCAST_TEXT), 0) ||
                !check_expect(run, "send", peer_call(run, peer, "send-to", OWN, 3, .text = text), 3) ||
                !check_expect(run, "received at 0.0.0.0", sock_await(all.fd), 3))
                return CHECK_FAILED;
        (void)snprintf(text, sizeof text, "127.255.255.255:%u", inet_name_port(&here.name));
        if (!check_expect(run, "send", peer_call(run, peer, "send-to", OWN, 2, .text = text), 2) ||
                !check_expect(run, "send", peer_call(run, peer, "send-to", OWN, 4, .text = here.text), 4) ||
                !check_expect(run, "received first at 127.0.0.1", sock_await(here.fd), 4))
                return CHECK_FAILED;
        return check_ok(run, "EACCES; with SO_BROADCAST received at 0.0.0.0, and not by a socket bound to 127.0.0.1");
}

/* The first chooses the port. */
static bool member(CheckRun *run, const char *text, CheckProcess **ret, PeerReply *ret_reply) {
        return peer_socket(run, ret) &&
               check_expect(run, "SO_REUSEADDR",
                       peer_call(run, *ret, "set", OWN, SOL_SOCKET, 1, .text = SO_REUSEADDR_TEXT), 0) &&
               check_need(
                       run, "bind", peer_call_full(run, *ret, &(PeerCall){ "bind", OWN, .text = text }, ret_reply)) &&
               check_need(run, "joining the group", peer_call(run, *ret, "join", OWN, .text = text));
}

/* The group is drawn by lot; two members at one port, over the interface of 127.0.0.1. */
CheckResult udp_check_multicast(CheckRun *run) {
        CLEANUP(sock_done) Sock here = SOCK_EMPTY;
        const struct in_addr group = { htonl(0xEFFF0000u | (ntohl(inet_address_by_lot().s_addr) >> 2 & 0xFFFF)) };
        const struct in_addr loopback = { htonl(INADDR_LOOPBACK) };
        char host[INET_ADDRSTRLEN] = "", text[SOCK_NAME_MAX];
        CheckProcess *first, *second;
        PeerReply one, two;

        (void)inet_ntop(AF_INET, &group, host, sizeof host);
        (void)snprintf(text, sizeof text, "%s:0", host);
        if (!member(run, text, &first, &one) || !member(run, one.text, &second, &two) ||
                !sock_make(run, AF_INET, SOCK_DGRAM, &here) ||
                !check_expect(run, "IP_MULTICAST_IF",
                        setsockopt(here.fd, IPPROTO_IP, IP_MULTICAST_IF, &loopback, sizeof loopback) < 0 ? -errno : 0,
                        0) ||
                !check_expect(run, "IP_MULTICAST_TTL at first", sock_get(here.fd, IPPROTO_IP, IP_MULTICAST_TTL), 1) ||
                !check_expect(
                        run, "IP_MULTICAST_LOOP at first", sock_get(here.fd, IPPROTO_IP, IP_MULTICAST_LOOP), 1) ||
                !check_expect(run, "send to the group", send_to(here.fd, one.text, 5, 0), 5) ||
                !check_expect(run, "received by the first", peer_call(run, first, "read", OWN, 10), 5) ||
                !check_expect(run, "received by the second", peer_call(run, second, "read", OWN, 10), 5))
                return CHECK_FAILED;
        return check_ok(run, "one send to %s: both processes that joined it received the 5 bytes", host);
}

CheckResult udp_check_cork(CheckRun *run) {
        CLEANUP(sock_done) Sock here = SOCK_EMPTY;
        CheckProcess *peer;

        if (!sock_make(run, AF_INET, SOCK_DGRAM, &here) || !peer_socket(run, &peer) ||
                !check_expect(run, "connect", peer_call(run, peer, "connect", OWN, .text = here.text), 0) ||
                !check_expect(
                        run, "UDP_CORK", peer_call(run, peer, "set", OWN, IPPROTO_UDP, 1, .text = UDP_CORK_TEXT), 0) ||
                !check_expect(run, "write", peer_call(run, peer, "write", OWN, 3, 'x'), 3) ||
                !check_expect(run, "write", peer_call(run, peer, "write", OWN, 4, 'x'), 4) ||
                !check_expect(run, "receive", sock_receive(here.fd), -EAGAIN) ||
                !check_expect(
                        run, "no cork", peer_call(run, peer, "set", OWN, IPPROTO_UDP, 0, .text = UDP_CORK_TEXT), 0) ||
                !check_expect(run, "receive then", sock_await(here.fd), 7) ||
                !check_expect(run, "send with MSG_MORE",
                        peer_call(run, peer, "send-to", OWN, 2, MSG_MORE, .text = here.text), 2) ||
                !check_expect(run, "send without", peer_call(run, peer, "send-to", OWN, 6, .text = here.text), 6) ||
                !check_expect(run, "receive", sock_await(here.fd), 8))
                return CHECK_FAILED;
        return check_ok(
                run, "sends of 3 and 4 under UDP_CORK: nothing, then one of 7; 2 with MSG_MORE and 6: one of 8");
}

/* The judge has the one socket, a peer the other. */
CheckResult udp_check_reuse_port(CheckRun *run) {
        CLEANUP(sock_done) Sock first = SOCK_EMPTY;
        uint64_t end = monotonic_end(CHECK_PATIENCE_USEC / 2);
        int64_t a = 0, b = 0;
        CheckProcess *peer;

        if (!sock_open(run, AF_INET, SOCK_DGRAM, &first) ||
                !check_expect(run, "SO_REUSEPORT", sock_set(first.fd, SOL_SOCKET, SO_REUSEPORT, 1), 0) ||
                !check_need(run, "bind", sock_bind(first.fd, "127.0.0.1:0")) || !sock_look(run, &first) ||
                !peer_socket(run, &peer) ||
                !check_expect(run, "bind without SO_REUSEPORT", peer_call(run, peer, "bind", OWN, .text = first.text),
                        -EADDRINUSE) ||
                !check_expect(run, "SO_REUSEPORT",
                        peer_call(run, peer, "set", OWN, SOL_SOCKET, 1, .text = SO_REUSEPORT_TEXT), 0) ||
                !check_expect(run, "bind with it", peer_call(run, peer, "bind", OWN, .text = first.text), 0))
                return CHECK_FAILED;
        for (int i = 0; i < SENDERS; i++) {
                CLEANUP(sock_done) Sock sender = SOCK_EMPTY;

                if (!sock_open(run, AF_INET, SOCK_DGRAM, &sender) ||
                        !check_expect(run, "send", send_to(sender.fd, first.text, 1, 0), 1))
                        return CHECK_FAILED;
        }
        while (a + b < SENDERS && b >= 0 && monotonic_now() < end) {
                while (sock_receive(first.fd) >= 0)
                        a++;
                b += peer_call(run, peer, "receive-each", OWN);
        }
        if (!check_expect(run, "received by both", a + b, SENDERS) ||
                !check_expect(run, "each has some", a > 0 && b > 0, 1) ||
                !check_expect(run, "more here", sock_receive(first.fd), -EAGAIN) ||
                !check_expect(run, "more there", peer_call(run, peer, "receive-each", OWN), 0))
                return CHECK_FAILED;
        return check_ok(run,
                "%d senders, two processes at one port: the one received %lld, the other %lld, and nothing twice",
                SENDERS, (long long)a, (long long)b);
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
        CLEANUP(sock_done) Sock here = SOCK_EMPTY;
        char own[SOCK_NAME_MAX];
        CheckProcess *peer;

        sock_own_address(1, own);
        raw.fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_UDP);
        if (!check_need_said(run, "the header can be seen by a raw socket only, which needs CAP_NET_RAW",
                    raw.fd < 0 ? -errno : 0) ||
                !check_expect(run, "bind", sock_bind(raw.fd, own), 0) || !sock_open(run, AF_INET, SOCK_DGRAM, &here) ||
                !check_need(run, "bind", sock_bind(here.fd, own)) || !sock_look(run, &here) ||
                !peer_socket(run, &peer) ||
                !check_expect(
                        run, "SO_NO_CHECK at first", peer_call(run, peer, "get", OWN, SOL_SOCKET, SO_NO_CHECK), 0) ||
                !check_expect(run, "send", peer_call(run, peer, "send-to", OWN, 5, .text = here.text), 5) ||
                !check_expect(run, "receive", sock_await(here.fd), 5) ||
                !check_expect(run, "a checksum is there", checksum_seen(&raw, 5) > 0, 1) ||
                !check_expect(run, "SO_NO_CHECK",
                        peer_call(run, peer, "set", OWN, SOL_SOCKET, 1, .text = SO_NO_CHECK_TEXT), 0) ||
                !check_expect(run, "send", peer_call(run, peer, "send-to", OWN, 6, .text = here.text), 6) ||
                !check_expect(run, "receive", sock_await(here.fd), 6) ||
                !check_expect(run, "the checksum then", checksum_seen(&raw, 6), 0))
                return CHECK_FAILED;
        return check_ok(
                run, "with SO_NO_CHECK the header says 0, for none, and the datagram is received all the same");
}

CheckResult udp_check_dual_stack(CheckRun *run) {
        CLEANUP(sock_done) Sock both = SOCK_EMPTY;
        CLEANUP(sock_done) Sock only = SOCK_EMPTY;
        const char *none = sock_no_ipv6();
        char text[SOCK_NAME_MAX], mapped[SOCK_NAME_MAX];
        CheckProcess *peer;
        PeerReply bound;

        if (none)
                return check_skip(run, "%s", none);
        if (!sock_open(run, AF_INET6, SOCK_DGRAM, &both) ||
                !check_expect(run, "IPV6_V6ONLY", sock_set(both.fd, IPPROTO_IPV6, IPV6_V6ONLY, 0), 0) ||
                !check_need(run, "bind", sock_bind(both.fd, "[::]:0")) || !sock_look(run, &both) ||
                !sock_open(run, AF_INET6, SOCK_DGRAM, &only) ||
                !check_expect(run, "IPV6_V6ONLY", sock_set(only.fd, IPPROTO_IPV6, IPV6_V6ONLY, 1), 0) ||
                !check_need(run, "bind", sock_bind(only.fd, "[::]:0")) || !sock_look(run, &only) ||
                !peer_bound(run, "127.0.0.1:0", &peer, &bound))
                return CHECK_FAILED;
        (void)snprintf(mapped, sizeof mapped, "[::ffff:127.0.0.1]:%u", (unsigned)bound.x);
        (void)snprintf(text, sizeof text, "127.0.0.1:%u", inet_name_port(&only.name));
        if (!check_expect(
                    run, "send to the one with IPV6_V6ONLY", peer_call(run, peer, "send-to", OWN, 2, .text = text), 2))
                return CHECK_FAILED;
        (void)snprintf(text, sizeof text, "127.0.0.1:%u", inet_name_port(&both.name));
        if (!check_expect(run, "send over IPv4", peer_call(run, peer, "send-to", OWN, 3, .text = text), 3) ||
                !check_expect(run, "receive at [::]", sock_await(both.fd), 3) ||
                !check_expect(run, "received with IPV6_V6ONLY", sock_receive(only.fd), -EAGAIN) ||
                !check_expect(run, "send to ::ffff:127.0.0.1", send_to(both.fd, mapped, 4, 0), 4) ||
                !check_expect(run, "receive over IPv4", peer_call(run, peer, "read", OWN, 10), 4))
                return CHECK_FAILED;
        return check_ok(run,
                "a socket at [::] and a peer at 127.0.0.1 reach each other, as ::ffff:127.0.0.1; with IPV6_V6ONLY "
                "nothing comes");
}
