/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "raw-checks.h"

/* What raw(7), icmp(7), ip(7) and socket(7) say of headers, of who gets copies of what, of filters, and of the right
 * to make such sockets. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/icmp.h>
#include <netinet/ip.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cleanup.h"
#include "inet-transport.h"

enum {
        OWN = PEER_SLOT,
        TTL = 77,
        TOS = 0x10,
        PAYLOAD = 8,
};

#define PROTOCOL_TEXT "253"
#define ICMP_TEXT     "1"
#define RAW_TEXT      "255"

#define IP_HDRINCL_TEXT "3"

/* By the peer, with the source of a stranger, or none. */
static int64_t send_packet(CheckRun *run, CheckProcess *peer, const Sock *to, const char *source) {
        char text[2 * SOCK_NAME_MAX];

        (void)snprintf(text, sizeof text, "%s %s", source, to->text);
        return peer_call(run, peer, "send-packet", OWN, TTL, .text = text);
}

CheckResult raw_check_header_included(CheckRun *run) {
        CLEANUP(sock_done) Sock here = SOCK_EMPTY;
        char stranger[SOCK_NAME_MAX];
        SockPacket got = {};
        CheckProcess *peer;
        InetName source;

        sock_own_address(3, stranger);
        if (!raw_begin(run, &here, &peer) || !check_expect(run, "an address", sock_parse(stranger, &source), 0) ||
                !check_expect(run, "IP_HDRINCL",
                        peer_call(run, peer, "set", OWN, IPPROTO_IP, 1, .text = IP_HDRINCL_TEXT), 0) ||
                !check_expect(run, "send", send_packet(run, peer, &here, stranger), sizeof got) ||
                !check_expect(run, "receive", raw_await(&here, &got, sizeof got), sizeof got) ||
                !check_expect(
                        run, "the source is what the sender wrote", got.ip.saddr == source.v4.sin_addr.s_addr, 1) ||
                !check_expect(run, "its TTL", got.ip.ttl, TTL) ||
                !check_expect(run, "the length, which was 0", ntohs(got.ip.tot_len), sizeof got) ||
                !check_expect(run, "the number, which was 0, is filled in", got.ip.id != 0, 1) ||
                !check_expect(run, "the checksum is right", raw_checksum(&got.ip, sizeof got.ip), 0) ||
                !check_expect(run, "send with no source", send_packet(run, peer, &here, "0.0.0.0:0"), sizeof got) ||
                !check_expect(run, "receive", raw_await(&here, &got, sizeof got), sizeof got) ||
                !check_expect(run, "the source is filled in", got.ip.saddr != 0, 1))
                return CHECK_FAILED;
        return check_ok(run,
                "IP_HDRINCL: source and TTL as the sender wrote them; length, checksum, and a source or number of 0 "
                "are filled in");
}

CheckResult raw_check_header_fields(CheckRun *run) {
        CLEANUP(sock_done) Sock here = SOCK_EMPTY;
        CheckProcess *peer;
        SockPacket got = {};

        if (!raw_begin(run, &here, &peer) ||
                !check_expect(run, "IP_TTL",
                        peer_call(run, peer, "set", OWN, IPPROTO_IP, TTL, .text = "2" /* IP_TTL */), 0) ||
                !check_expect(run, "IP_TOS",
                        peer_call(run, peer, "set", OWN, IPPROTO_IP, TOS, .text = "1" /* IP_TOS */), 0) ||
                !check_expect(
                        run, "send", peer_call(run, peer, "send-to", OWN, PAYLOAD, .text = here.text), PAYLOAD) ||
                !check_expect(run, "receive", raw_await(&here, &got, sizeof got), sizeof got) ||
                !check_expect(run, "TTL", got.ip.ttl, TTL) || !check_expect(run, "TOS", got.ip.tos, TOS))
                return CHECK_FAILED;
        return check_ok(run, "IP_TTL of %d and IP_TOS of %d stand in the header that the kernel made", TTL, TOS);
}

CheckResult raw_check_only_sends(CheckRun *run) {
        CLEANUP(sock_done) Sock here = SOCK_EMPTY;
        char stranger[SOCK_NAME_MAX];
        SockPacket got = {};
        CheckProcess *peer;

        sock_own_address(3, stranger);
        if (!raw_make(run, INET_RAW_PROTOCOL, 0, &here) || peer_start(run, 0, NULL, 0, &peer) < 0 ||
                !check_expect(run, "socket",
                        peer_call(run, peer, "socket", OWN, SOCK_RAW | SOCK_NONBLOCK, AF_INET, .text = RAW_TEXT), 0) ||
                !check_expect(
                        run, "bind to the same address", peer_call(run, peer, "bind", OWN, .text = here.text), 0) ||
                !check_expect(
                        run, "IP_HDRINCL at first", peer_call(run, peer, "get", OWN, IPPROTO_IP, IP_HDRINCL), 1) ||
                !check_expect(run, "send", send_packet(run, peer, &here, stranger), sizeof got) ||
                !check_expect(run, "receive, protocol 253", raw_await(&here, &got, sizeof got), sizeof got) ||
                !check_expect(run, "read, protocol 255", peer_call(run, peer, "read", OWN, 100), -EAGAIN))
                return CHECK_FAILED;
        return check_ok(run,
                "a socket of protocol 255 sent a packet of protocol 253, its header included; at the same address it "
                "received none");
}

CheckResult raw_check_copy_of_others(CheckRun *run) {
        CLEANUP(sock_done) Sock here = SOCK_EMPTY;
        CLEANUP(sock_done) Sock udp = SOCK_EMPTY;
        CheckProcess *peer;

        if (!raw_make(run, IPPROTO_UDP, 0, &here) || !sock_open(run, AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, &udp) ||
                !check_need(run, "bind", sock_bind(udp.fd, here.text)) || !sock_look(run, &udp) ||
                peer_start(run, 0, NULL, 0, &peer) < 0 ||
                !check_expect(run, "a UDP socket", peer_call(run, peer, "socket", OWN, SOCK_DGRAM), 0) ||
                !check_expect(run, "send", peer_call(run, peer, "send-to", OWN, PAYLOAD, .text = udp.text), PAYLOAD) ||
                !check_expect(run, "received by the UDP socket", sock_await(udp.fd), PAYLOAD) ||
                !check_expect(run, "received by the raw socket", raw_size(&here), RAW_HEADER + 8 + PAYLOAD))
                return CHECK_FAILED;
        return check_ok(run, "a datagram for a UDP socket came there, and to a raw socket with both headers, too");
}

/* All bytes of what the peer sends are the type. The checksum is then wrong, so that the kernel answers nothing; raw
 * sockets get it all the same. */
CheckResult raw_check_icmp_filter(CheckRun *run) {
        CLEANUP(sock_done) Sock here = SOCK_EMPTY;
        const struct icmp_filter filter = { 1U << ICMP_ECHO }, none = { 0 };
        CheckProcess *peer;

        if (!raw_make(run, IPPROTO_ICMP, 0, &here) ||
                !check_expect(run, "ICMP_FILTER",
                        setsockopt(here.fd, IPPROTO_RAW, ICMP_FILTER, &filter, sizeof filter) < 0 ? -errno : 0, 0) ||
                peer_start(run, 0, NULL, 0, &peer) < 0 ||
                !check_expect(
                        run, "socket", peer_call(run, peer, "socket", OWN, SOCK_RAW, AF_INET, .text = ICMP_TEXT), 0) ||
                !check_expect(run, "connect", peer_call(run, peer, "connect", OWN, .text = here.text), 0) ||
                !check_expect(run, "an echo request", peer_call(run, peer, "write", OWN, 8, ICMP_ECHO), 8) ||
                !check_expect(run, "an echo reply", peer_call(run, peer, "write", OWN, 12, ICMP_ECHOREPLY), 12) ||
                !check_expect(run, "received first", raw_size(&here), RAW_HEADER + 12) ||
                !check_expect(run, "no filter",
                        setsockopt(here.fd, IPPROTO_RAW, ICMP_FILTER, &none, sizeof none) < 0 ? -errno : 0, 0) ||
                !check_expect(run, "an echo request", peer_call(run, peer, "write", OWN, 8, ICMP_ECHO), 8) ||
                !check_expect(run, "received then", raw_size(&here), RAW_HEADER + 8))
                return CHECK_FAILED;
        return check_ok(run,
                "without echo requests by ICMP_FILTER: of a request and a reply only the reply came; without the "
                "filter the next request, too");
}

/* By the length of the packet, with its header. */
CheckResult raw_check_filter(CheckRun *run) {
        struct sock_filter code[] = {
                BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, RAW_HEADER + 6, 0, 1),
                BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
                BPF_STMT(BPF_RET | BPF_K, 0),
        };
        const struct sock_fprog program = { sizeof code / sizeof *code, code };
        CLEANUP(sock_done) Sock here = SOCK_EMPTY;
        CheckProcess *peer;

        if (!raw_begin(run, &here, &peer) ||
                !check_expect(run, "SO_ATTACH_FILTER",
                        setsockopt(here.fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) < 0 ? -errno : 0,
                        0) ||
                !check_expect(run, "send", peer_call(run, peer, "send-to", OWN, 5, .text = here.text), 5) ||
                !check_expect(run, "send", peer_call(run, peer, "send-to", OWN, 6, .text = here.text), 6) ||
                !check_expect(run, "received first", raw_size(&here), RAW_HEADER + 6))
                return CHECK_FAILED;
        return check_ok(run, "sent with 5 and with 6 bytes, a filter for 6: only those came, and no sender is told");
}

CheckResult raw_check_no_protocol(CheckRun *run) {
        CLEANUP(sock_done) Sock here = SOCK_EMPTY;
        CheckProcess *peer;

        if (!raw_begin(run, &here, &peer) ||
                !check_expect(run, "socket of protocol 0",
                        peer_call(run, peer, "socket", OWN + 1, SOCK_RAW, AF_INET, .text = "0"), -EPROTONOSUPPORT) ||
                !check_expect(run, "one of UDP with 0",
                        peer_call(run, peer, "socket", OWN + 1, SOCK_DGRAM, AF_INET, .text = "0"), 0))
                return CHECK_FAILED;
        return check_ok(run,
                "protocol 0, which stands for the usual one elsewhere: EPROTONOSUPPORT; with 253 the same process "
                "made one");
}

/* raw(7): in the user namespace that governs its network namespace. Who cannot start another user's process is none
 * that has all rights: one of its own does, without that capability. */
CheckResult raw_check_own_namespace(CheckRun *run) {
        bool other = check_can_be_nobody();
        CheckProcess *peer;

        if (peer_start_at(run, other ? CHECK_PLACE_OTHER_USER : CHECK_PLACE_HERE, 0, NULL, 0, &peer) < 0 ||
                (!other && !check_expect(run, "dropping CAP_NET_RAW", peer_call(run, peer, "drop", CAP_NET_RAW), 0)) ||
                !check_expect(run, "socket",
                        peer_call(run, peer, "socket", OWN, SOCK_RAW, AF_INET, .text = PROTOCOL_TEXT), -EPERM) ||
                !peer_go(run, peer, CHECK_PLACE_OTHER_NET) ||
                !check_expect(run, "socket in its own namespaces",
                        peer_call(run, peer, "socket", OWN, SOCK_RAW, AF_INET, .text = PROTOCOL_TEXT), 0) ||
                !check_expect(run, "connect", peer_call(run, peer, "connect", OWN, .text = "127.0.0.1:0"), 0) ||
                !check_expect(run, "write", peer_call(run, peer, "write", OWN, PAYLOAD, 'x'), PAYLOAD) ||
                !check_expect(run, "read", peer_call(run, peer, "read", OWN, 100), RAW_HEADER + PAYLOAD))
                return CHECK_FAILED;
        return check_ok(run,
                "user %d: EPERM; in a user and a network namespace of its own it made one, which sent and received",
                other ? CHECK_NOBODY : (int)geteuid());
}

/* In a new network namespace the range is empty. icmp(7): the kernel, not the sender, sees to the number and the
 * checksum. */
CheckResult raw_check_ping(CheckRun *run) {
        int64_t group = getegid();
        CheckProcess *peer;
        PeerReply reply;

        if (peer_start_at(run, CHECK_PLACE_OTHER_NET, 0, NULL, 0, &peer) < 0 ||
                !check_expect(run, "dropping CAP_NET_RAW", peer_call(run, peer, "drop", CAP_NET_RAW), 0) ||
                !check_expect(run, "a ping socket",
                        peer_call(run, peer, "socket", OWN, SOCK_DGRAM, AF_INET, .text = ICMP_TEXT), -EACCES) ||
                !check_need(run, "ping_group_range",
                        peer_call(run, peer, "range", group, group, .text = "/proc/sys/net/ipv4/ping_group_range")) ||
                !check_expect(run, "a raw socket then",
                        peer_call(run, peer, "socket", OWN, SOCK_RAW, AF_INET, .text = ICMP_TEXT), -EPERM) ||
                !check_expect(run, "a ping socket then",
                        peer_call(run, peer, "socket", OWN, SOCK_DGRAM, AF_INET, .text = ICMP_TEXT), 0) ||
                !check_expect(run, "connect", peer_call(run, peer, "connect", OWN, .text = "127.0.0.1:0"), 0) ||
                !check_expect(run, "echo", peer_call_full(run, peer, &(PeerCall){ "ping", OWN }, &reply),
                        sizeof(struct icmphdr)) ||
                !check_expect(run, "the type of the answer", reply.x, ICMP_ECHOREPLY))
                return CHECK_FAILED;
        return check_ok(run,
                "without CAP_NET_RAW: EACCES where ping_group_range is empty; with group %lld in it an echo is sent "
                "and answered, without any IP header",
                (long long)group);
}
