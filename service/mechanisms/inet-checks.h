/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the checks of Internet sockets share. All of it is on loopback, at ports that the kernel chose. */
#pragma once

#include <netinet/ip.h>
#include <stdbool.h>

#include "checks.h"
#include "inet-diag.h"
#include "peer-call.h"

enum { SOCK_NAME_MAX = 64 };

/* Owns the descriptor. */
typedef struct Sock {
        int fd;
        InetName name;            /* what it is bound to */
        char text[SOCK_NAME_MAX]; /* the same: "127.0.0.1:4444", "[::1]:4444" */
} Sock;

#define SOCK_EMPTY \
        { .fd = -EBADF }

void sock_done(Sock *sock);
/* Of that type (and flags), bound to 127.0.0.1 (::1) and a port of the kernel's choice. A failure is noted. */
bool sock_make(CheckRun *run, int family, int type, Sock *ret);
/* Not bound. */
bool sock_open(CheckRun *run, int family, int type, Sock *ret);
/* Reads again what it is bound to, and writes it as text. */
bool sock_look(CheckRun *run, Sock *sock);
int sock_parse(const char *text, InetName *ret);
void sock_print(const InetName *name, char ret_text[SOCK_NAME_MAX]);

/* 0 or negative errno. */
int64_t sock_connect(int fd, const char *text);
int64_t sock_bind(int fd, const char *text); /* a raw one then holds nothing of what came before */
int64_t sock_set(int fd, int level, int name, int value);
int64_t sock_get(int fd, int level, int name); /* the value */
/* Never wait. Give the size. */
int64_t sock_send(int fd, size_t size);
int64_t sock_receive(int fd);
/* Waits for what has to come, also where loopback is late. -ETIMEDOUT. */
int64_t sock_await(int fd);
/* Did a raw socket get that packet for its own address? What others sent can be under way from before it was bound. */
bool sock_is_to(int fd, const void *packet, size_t size);
/* Is there anything of these events (poll(2)) within that time? The events. */
int sock_events_within(int fd, short events, uint64_t usec);
/* Accepts those that wait, and closes them: how many. The listener does not wait. */
int sock_accept_all(int fd);
/* Without IPv6 here the check is skipped, with this sentence; NULL where there is IPv6. */
const char *sock_no_ipv6(void);

/* What send-packet sends. */
typedef struct SockPacket {
        struct iphdr ip;
        char payload[8];
} SockPacket;

/* A peer (inet-check-peers.c): beside what all sockets can: socket a=slot b=type c=family text=protocol | bind a text:
 * x port, text | name a: the same of what it is bound to | listen a b=backlog | accept a b=slot | accept-all a: how
 * many waited | connect a text | shutdown a b=how | send-to a b=size c=flags text | receive-each a: how many waited,
 * not waiting | set a b=level c=value text=name | get a b=level c=name: the value | join a text=group | error a |
 * urgent a c=byte | drop a=capability | linger a b=seconds | receive-all a b=size: MSG_WAITALL | range a b text=path:
 * writes the two numbers there, in a network namespace of its own only | ping a: an ICMP echo, x the type of the
 * answer | send-packet a b=ttl text="source destination": a SockPacket, over a socket that takes the header, too
 */
int inet_check_role(CheckPeer *peer);
/* An address of 127.0.0.0/8 of the check's own, port 0, the same whenever it is asked for; n is below 4. */
void sock_own_address(unsigned n, char ret_text[SOCK_NAME_MAX]);
/* Low ports, of TCP and UDP. */
CheckResult inet_check_privileged(CheckRun *run);
