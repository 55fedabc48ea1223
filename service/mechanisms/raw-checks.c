/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "raw-checks.h"

/* What raw(7) promises. All raw sockets of a protocol share it, so each check has an address of 127.0.0.0/8 of its
 * own: the judge is bound to it, peers send to it. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/capability.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cleanup.h"
#include "inet-claims.h"
#include "inet-socket.h"
#include "inet-transport.h"
#include "limit-facts.h"
#include "socket-claims.h"

enum {
        OWN = PEER_SLOT,
        WAIT_MSEC = CHECK_PATIENCE_USEC / 2000,
        TRIES = 20,
        UNASSIGNED = 150, /* of the protocols that RFC 5237 leaves free: 148 to 252 */
        OTHERS = 100000,  /* packets of others that are passed over */
        FLOOD = 40,       /* packets: more than the smallest buffer holds */
        CAP_DROPPED = CAP_NET_RAW,
};

#define PROTOCOL_TEXT "253"
#define ICMP_TEXT     "1"

bool raw_make(CheckRun *run, int protocol, unsigned n, Sock *ret) {
        sock_own_address(n, ret->text);
        ret->fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
        return check_need_said(run, "a raw socket needs CAP_NET_RAW, which this process does not have",
                       ret->fd < 0 ? -errno : 0) &&
               check_expect(run, "bind", sock_bind(ret->fd, ret->text), 0);
}

int64_t raw_await(const Sock *here, void *packet, size_t size) {
        ssize_t n;

        for (;;) {
                if (!sock_events_within(here->fd, POLLIN, CHECK_PATIENCE_USEC))
                        return -ETIMEDOUT;
                n = recv(here->fd, packet, size, MSG_DONTWAIT | MSG_TRUNC);
                if (n < 0 && errno != EAGAIN)
                        return -errno;
                if (n >= 0 && sock_is_to(here->fd, packet, (size_t)n < size ? (size_t)n : size))
                        return n;
        }
}

int64_t raw_size(const Sock *here) {
        unsigned char packet[RAW_HEADER];

        return raw_await(here, packet, sizeof packet);
}

bool raw_begin(CheckRun *run, Sock *here, CheckProcess **ret) {
        return raw_make(run, INET_RAW_PROTOCOL, 0, here) && peer_start(run, 0, NULL, 0, ret) >= 0 &&
               check_expect(run, "socket",
                       peer_call(run, *ret, "socket", OWN, SOCK_RAW, AF_INET, .text = PROTOCOL_TEXT), 0);
}

static CheckResult capability(CheckRun *run) {
        CheckProcess *peer;

        if (peer_start(run, 0, NULL, 0, &peer) < 0 ||
                !check_need_said(run, "a raw socket needs CAP_NET_RAW, which this process does not have",
                        peer_call(run, peer, "socket", OWN, SOCK_RAW, AF_INET, .text = PROTOCOL_TEXT)) ||
                !check_expect(run, "dropping CAP_NET_RAW", peer_call(run, peer, "drop", CAP_DROPPED), 0) ||
                !check_expect(run, "socket then",
                        peer_call(run, peer, "socket", OWN + 1, SOCK_RAW, AF_INET, .text = PROTOCOL_TEXT), -EPERM) ||
                !check_expect(run, "a UDP socket then", peer_call(run, peer, "socket", OWN + 2, SOCK_DGRAM), 0))
                return CHECK_FAILED;
        return check_ok(run,
                "user %u with CAP_NET_RAW: made; without it, the same user: EPERM. It is the capability, not root",
                geteuid());
}

static CheckResult header(CheckRun *run) {
        CLEANUP(sock_done) Sock here = SOCK_EMPTY;
        unsigned char packet[64];
        CheckProcess *peer;
        struct iphdr ip;

        if (!raw_begin(run, &here, &peer) ||
                !check_expect(run, "send of 5 bytes", peer_call(run, peer, "send-to", OWN, 5, .text = here.text), 5) ||
                !check_expect(run, "receive", raw_await(&here, packet, sizeof packet), 5 + RAW_HEADER))
                return CHECK_FAILED;
        memcpy(&ip, packet, sizeof ip);
        if (!check_expect(run, "version", ip.version, 4) || !check_expect(run, "protocol", ip.protocol, 253) ||
                !check_expect(run, "its length", ntohs(ip.tot_len), 5 + RAW_HEADER))
                return CHECK_FAILED;
        return check_ok(run, "5 bytes sent, 25 received: an IPv4 header of 20, with the protocol 253, and the 5");
}

static CheckResult no_header_in_ipv6(CheckRun *run) {
        CLEANUP(sock_done) Sock here = SOCK_EMPTY;
        const char *none = sock_no_ipv6();
        CheckProcess *peer;
        int64_t n = -EAGAIN;

        if (none)
                return check_skip(run, "%s", none);
        here.fd = socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, INET_RAW_PROTOCOL);
        if (!check_need(run, "socket", here.fd < 0 ? -errno : 0) ||
                !check_expect(run, "bind", sock_bind(here.fd, "[::1]:0"), 0) ||
                peer_start(run, 0, NULL, 0, &peer) < 0 ||
                !check_expect(run, "socket",
                        peer_call(run, peer, "socket", OWN, SOCK_RAW, AF_INET6, .text = PROTOCOL_TEXT), 0) ||
                !check_expect(
                        run, "send of 211 bytes", peer_call(run, peer, "send-to", OWN, 211, .text = "[::1]:0"), 211))
                return CHECK_FAILED;
        /* Others may use this address and protocol at the same time: there is only one ::1. */
        for (int i = 0; i < OTHERS && n != 211 && n != -ETIMEDOUT; i++)
                n = sock_await(here.fd);
        if (!check_expect(run, "receive", n, 211))
                return CHECK_FAILED;
        return check_ok(run, "211 bytes sent over [::1], 211 received: no header");
}

static CheckResult copies(CheckRun *run) {
        CLEANUP(sock_done) Sock first = SOCK_EMPTY;
        CLEANUP(sock_done) Sock second = SOCK_EMPTY;
        CheckProcess *peer;

        if (!raw_begin(run, &first, &peer) || !raw_make(run, INET_RAW_PROTOCOL, 0, &second) ||
                !check_expect(run, "send", peer_call(run, peer, "send-to", OWN, 5, .text = first.text), 5) ||
                !check_expect(run, "the first", raw_size(&first), 5 + RAW_HEADER) ||
                !check_expect(run, "the second", raw_size(&second), 5 + RAW_HEADER) ||
                !check_expect(run, "the second again", sock_receive(second.fd), -EAGAIN))
                return CHECK_FAILED;
        return check_ok(run, "two sockets at one address: each received the one packet");
}

static CheckResult protocols(CheckRun *run) {
        CLEANUP(sock_done) Sock here = SOCK_EMPTY;
        CLEANUP(sock_done) Sock other = SOCK_EMPTY;
        CheckProcess *peer;

        if (!raw_begin(run, &here, &peer) || !raw_make(run, INET_RAW_PROTOCOL + 1, 0, &other) ||
                !check_expect(run, "send", peer_call(run, peer, "send-to", OWN, 5, .text = here.text), 5) ||
                !check_expect(run, "receive, protocol 253", raw_size(&here), 5 + RAW_HEADER) ||
                !check_expect(run, "receive, protocol 254", sock_receive(other.fd), -EAGAIN))
                return CHECK_FAILED;
        return check_ok(run, "sent with 253: received by the socket of 253, not by that of 254");
}

static CheckResult destination(CheckRun *run) {
        CLEANUP(sock_done) Sock here = SOCK_EMPTY;
        CLEANUP(sock_done) Sock other = SOCK_EMPTY;
        CheckProcess *peer;

        if (!raw_begin(run, &here, &peer) || !raw_make(run, INET_RAW_PROTOCOL, 1, &other) ||
                !check_expect(run, "send to the second address",
                        peer_call(run, peer, "send-to", OWN, 5, .text = other.text), 5) ||
                !check_expect(run, "receive by the second", raw_size(&other), 5 + RAW_HEADER) ||
                !check_expect(
                        run, "send to the first", peer_call(run, peer, "send-to", OWN, 6, .text = here.text), 6) ||
                !check_expect(run, "receive by the first", raw_size(&here), 6 + RAW_HEADER))
                return CHECK_FAILED;
        return check_ok(run, "bound to two addresses of 127.0.0.0/8: only the one that was meant receives");
}

static CheckResult source(CheckRun *run) {
        CLEANUP(sock_done) Sock here = SOCK_EMPTY;
        char first[SOCK_NAME_MAX], second[SOCK_NAME_MAX];
        CheckProcess *peer;

        sock_own_address(1, first);
        sock_own_address(2, second);
        if (!raw_begin(run, &here, &peer) ||
                !check_expect(run, "connect to a source", sock_connect(here.fd, first), 0) ||
                !check_expect(run, "bind to another", peer_call(run, peer, "bind", OWN, .text = second), 0) ||
                !check_expect(
                        run, "send of a stranger", peer_call(run, peer, "send-to", OWN, 5, .text = here.text), 5) ||
                !check_expect(run, "socket",
                        peer_call(run, peer, "socket", OWN + 1, SOCK_RAW, AF_INET, .text = PROTOCOL_TEXT), 0) ||
                !check_expect(run, "bind to it", peer_call(run, peer, "bind", OWN + 1, .text = first), 0) ||
                !check_expect(run, "send", peer_call(run, peer, "send-to", OWN + 1, 6, .text = here.text), 6) ||
                !check_expect(run, "receive", raw_size(&here), 6 + RAW_HEADER))
                return CHECK_FAILED;
        return check_ok(run, "connected to one source address: that of another is not received");
}

/* The number behind the colon of sockaddr_in is looked at by nobody. */
static CheckResult no_ports(CheckRun *run) {
        CLEANUP(sock_done) Sock here = SOCK_EMPTY;
        char text[SOCK_NAME_MAX];
        CheckProcess *peer;
        InetName name;

        if (!raw_begin(run, &here, &peer) || sock_parse(here.text, &name) < 0)
                return CHECK_FAILED;
        inet_name_set_port(&name, 4444);
        sock_print(&name, text);
        if (!check_expect(run, "send to a port", peer_call(run, peer, "send-to", OWN, 5, .text = text), 5) ||
                !check_expect(run, "receive at no port", raw_size(&here), 5 + RAW_HEADER))
                return CHECK_FAILED;
        return check_ok(run, "sent to port 4444, received by a socket that is bound to port 0");
}

/* Of a protocol that nobody has; for as long as others have sockets of it that are not bound yet nobody is told, so it
 * is sent again. Shorter ones than 8 bytes are not told: what comes back has to show so much of them
 * (icmp_socket_deliver() in net/ipv4/icmp.c). */
static CheckResult nobody_there(CheckRun *run) {
        CLEANUP(sock_done) Sock here = SOCK_EMPTY;
        char text[SOCK_NAME_MAX], protocol[8];
        CheckProcess *peer;
        bool told = false;

        sock_own_address(1, text);
        (void)snprintf(protocol, sizeof protocol, "%d", UNASSIGNED + getpid() % 100);
        if (!raw_make(run, INET_RAW_PROTOCOL, 0, &here) || peer_start(run, 0, NULL, 0, &peer) < 0 ||
                !check_expect(
                        run, "socket", peer_call(run, peer, "socket", OWN, SOCK_RAW, AF_INET, .text = protocol), 0) ||
                !check_expect(run, "send, not connected", peer_call(run, peer, "send-to", OWN, 5, .text = text), 5) ||
                !check_expect(run, "its error", peer_call(run, peer, "error", OWN), 0) ||
                !check_expect(run, "connect", peer_call(run, peer, "connect", OWN, .text = text), 0))
                return CHECK_FAILED;
        for (int i = 0; !told && i < TRIES; i++) {
                if (!check_expect(run, "send, connected", peer_call(run, peer, "write", OWN, 8, 'x'), 8))
                        return CHECK_FAILED;
                told = peer_call(run, peer, "poll", OWN, 0, WAIT_MSEC / TRIES) == 1;
        }
        if (!check_expect(run, "an error comes", told, 1) ||
                !check_expect(run, "it is", peer_call(run, peer, "error", OWN), -ENOPROTOOPT))
                return CHECK_FAILED;
        return check_ok(run, "no socket of the protocol: the send succeeds; connected, ENOPROTOOPT follows");
}

uint16_t raw_checksum(const void *data, size_t size) {
        const unsigned char *bytes = data;
        uint32_t sum = 0;

        for (size_t i = 0; i + 1 < size; i += 2)
                sum += (uint32_t)bytes[i] << 8 | bytes[i + 1];
        while (sum >> 16)
                sum = (sum & 0xFFFF) + (sum >> 16);
        return htons((uint16_t)~sum);
}

/* A machine can be told to answer none. */
static bool need_echo(CheckRun *run) {
        return check_need_said(run, "icmp_echo_ignore_all is set: no echo request is answered",
                limit_read("/proc/sys/net/ipv4/icmp_echo_ignore_all", 0) != 0 ? -EPERM : 0);
}

static CheckResult echo(CheckRun *run) {
        CLEANUP(sock_done) Sock here = SOCK_EMPTY;
        struct icmphdr request = { .type = ICMP_ECHO, .un.echo.id = htons((uint16_t)getpid()) };
        unsigned char packet[RAW_HEADER + sizeof request];
        char there[SOCK_NAME_MAX];
        struct icmphdr icmp;
        CheckProcess *peer;

        sock_own_address(1, there);
        request.checksum = raw_checksum(&request, sizeof request);
        if (!need_echo(run) || !raw_make(run, IPPROTO_ICMP, 0, &here) || peer_start(run, 0, NULL, 0, &peer) < 0 ||
                !check_expect(
                        run, "socket", peer_call(run, peer, "socket", OWN, SOCK_RAW, AF_INET, .text = ICMP_TEXT), 0) ||
                !check_expect(run, "bind to another address", peer_call(run, peer, "bind", OWN, .text = there), 0) ||
                !check_expect(run, "connect to that", sock_connect(here.fd, there), 0) ||
                !check_expect(
                        run, "send of an echo request", send(here.fd, &request, sizeof request, 0), sizeof request) ||
                !check_expect(run, "read by the peer", peer_call(run, peer, "read", OWN, 100), sizeof packet) ||
                !check_expect(run, "an answer", raw_await(&here, packet, sizeof packet), sizeof packet))
                return CHECK_FAILED;
        memcpy(&icmp, packet + RAW_HEADER, sizeof icmp);
        if (!check_expect(run, "its type", icmp.type, ICMP_ECHOREPLY) ||
                !check_expect(run, "its number is ours", icmp.un.echo.id, request.un.echo.id))
                return CHECK_FAILED;
        return check_ok(run,
                "an ICMP echo request to a peer's address: its raw socket heard it, and the kernel's reply was "
                "received here");
}

/* 65535 bytes of a packet less its header. */
static CheckResult longest(CheckRun *run) {
        CLEANUP(sock_done) Sock here = SOCK_EMPTY;
        CheckProcess *peer;

        if (!raw_begin(run, &here, &peer) ||
                !check_expect(run, "send of one byte more",
                        peer_call(run, peer, "send-to", OWN, RAW_MESSAGE_MAX + 1, .text = here.text), -EMSGSIZE) ||
                !check_expect(run, "send of the longest",
                        peer_call(run, peer, "send-to", OWN, RAW_MESSAGE_MAX, .text = here.text), RAW_MESSAGE_MAX) ||
                !check_expect(run, "its length", raw_size(&here), RAW_MESSAGE_MAX + RAW_HEADER))
                return CHECK_FAILED;
        return check_ok(run, "%d bytes whole, one more EMSGSIZE", RAW_MESSAGE_MAX);
}

static CheckResult lost(CheckRun *run) {
        CLEANUP(sock_done) Sock here = SOCK_EMPTY;
        CheckProcess *peer;
        int taken = 0;

        if (!raw_begin(run, &here, &peer) ||
                !check_expect(run, "SO_RCVBUF", sock_set(here.fd, SOL_SOCKET, SO_RCVBUF, 1), 0))
                return CHECK_FAILED;
        for (int i = 0; i < FLOOD; i++)
                if (!check_expect(run, "send", peer_call(run, peer, "send-to", OWN, 1000, .text = here.text), 1000))
                        return CHECK_FAILED;
        if (!check_expect(run, "the first comes", sock_await(here.fd) >= 0, 1))
                return CHECK_FAILED;
        for (taken = 1; sock_receive(here.fd) >= 0;)
                taken++;
        if (!check_expect(run, "something was dropped", taken < FLOOD, 1))
                return CHECK_FAILED;
        return check_ok(run, "%d sends succeeded, %d received", FLOOD, taken);
}

const Check raw_checks[] = {
        INET_DATAGRAM_CLAIMS("packet", "raw(7)"),
        SOCKET_CLAIMS(inet_check_role),
        INET_CLAIMS,
        { "capability", "a raw socket needs CAP_NET_RAW; root without it is refused", "raw(7)", CHECK_BOTH, capability,
                { inet_check_role }, .aspects = ASPECT(PERMISSION), .anywhere = true },
        { "header", "with IPv4 the receiver gets the IP header, too", "raw(7)", CHECK_BOTH, header,
                { inet_check_role } },
        { "ipv6-header", "with IPv6 it does not", "ipv6(7)", CHECK_BOTH, no_header_in_ipv6, { inet_check_role } },
        { "copies", "every socket of the protocol gets a copy", "raw(7)", CHECK_BOTH, copies, { inet_check_role } },
        { "protocol", "a socket receives its own protocol only", "raw(7)", CHECK_BOTH, protocols,
                { inet_check_role } },
        { "destination", "bind(2) filters the address that packets came to", "raw(7)", CHECK_BOTH, destination,
                { inet_check_role }, .aspects = ASPECT(UNRELATED) },
        { "source", "connect(2) filters the address that packets came from", "raw(7)", CHECK_BOTH, source,
                { inet_check_role } },
        { "no-ports", "there are no ports", "raw(7)", CHECK_BOTH, no_ports, { inet_check_role } },
        { "nobody-there", "without a receiver a send succeeds; only a connected socket hears of it", "raw(7)",
                CHECK_BOTH, nobody_there, { inet_check_role } },
        { "icmp", "ICMP is a protocol like others, and the kernel answers an echo request, unless it was told not to",
                "raw(7)", CHECK_BOTH, echo, { inet_check_role } },
        { "namespace", "addresses belong to the network namespace; a socket that was handed over works in any",
                "network_namespaces(7)", CHECK_BOTH, socket_check_namespace, { inet_check_role },
                .aspects = ASPECT(NAMESPACE) },
        { "other-user", "another user, who may make no raw socket, may use one that is handed to it", "raw(7)",
                CHECK_BOTH, socket_check_handed_over, { inet_check_role }, .aspects = ASPECT(OTHER_USER) },
        { "maximum", "a packet has at most 65515 bytes behind the IPv4 header", "raw(7)", CHECK_BOTH, longest,
                { inet_check_role }, .aspects = ASPECT(MAXIMUM) },
        { "loss", "what finds no room at the receiver is dropped without an error", "raw(7)", CHECK_BOTH, lost,
                { inet_check_role }, .aspects = ASPECT(FULL) },
        { "own-namespace", "whoever may make a user and a network namespace of their own may make raw sockets in them",
                "raw(7)", CHECK_BOTH, raw_check_own_namespace, { inet_check_role },
                .aspects = ASPECT(PERMISSION) | ASPECT(OTHER_USER) | ASPECT(NAMESPACE), .anywhere = true },
        { "ping", "a ping socket needs no right but a group in ping_group_range", "icmp(7)", CHECK_BOTH,
                raw_check_ping, { inet_check_role }, .aspects = ASPECT(PERMISSION) | ASPECT(NAMESPACE),
                .anywhere = true },
        { "header-included", "with IP_HDRINCL the sender writes the IP header, and may write any source", "raw(7)",
                CHECK_BOTH, raw_check_header_included, { inet_check_role } },
        { "header-fields", "socket options set the fields of the header that the kernel makes", "raw(7)", CHECK_BOTH,
                raw_check_header_fields, { inet_check_role } },
        { "only-sends", "a socket of protocol 255 sends packets of any protocol, and receives none of them", "raw(7)",
                CHECK_BOTH, raw_check_only_sends, { inet_check_role } },
        { "copy-of-others", "a raw socket gets copies of what goes to other kinds of sockets", "raw(7)", CHECK_BOTH,
                raw_check_copy_of_others, { inet_check_role } },
        { "icmp-filter", "ICMP_FILTER keeps types of ICMP messages away", "raw(7)", CHECK_BOTH, raw_check_icmp_filter,
                { inet_check_role } },
        { "filter", "SO_ATTACH_FILTER keeps away what a program does not let through", "socket(7)", CHECK_BOTH,
                raw_check_filter, { inet_check_role } },
        { "no-protocol", "a raw socket has to name its protocol", "socket(2)", CHECK_BOTH, raw_check_no_protocol,
                { inet_check_role } },
        {},
};

const CheckGap raw_gaps[] = {
        INET_GAPS,
        { ASPECT_PRIORITY, "What was sent first is received first; there are no priorities." },
        { ASPECT_CREDENTIALS, "The sender is told by address, never by process or user." },
        { ASPECT_WRITER_KILLED, "A packet goes out whole or not at all, and no sender waits for room at the receiver: "
                                "there is no middle." },
        {},
};
