/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The TCP, UDP and raw sockets of this network namespace, everybody's, as the kernel tells them: TCP and UDP by
 * sock_diag(7), raw ones (and all, where netlink is refused) by the files of /proc/net. A socket that is neither bound
 * nor connected is in no table of the kernel. */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "error.h"

typedef union InetName {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
} InetName;

typedef struct InetSocket {
        uint64_t inode;    /* 0 while nobody has accepted it, and when only the kernel has it any more (TIME_WAIT) */
        unsigned state;    /* TCP_ESTABLISHED … of netinet/tcp.h; UDP and raw sockets borrow ESTABLISHED and CLOSE */
        unsigned protocol; /* IPPROTO_TCP, IPPROTO_UDP, or that of a raw socket */
        InetName local, peer; /* for raw sockets without a port */
        uint32_t queued;      /* bytes to be read; of a listening socket: connections to be accepted */
        uint32_t unsent;      /* bytes written that the far end has not acknowledged */
        uint32_t backlog;     /* of a listening socket: how many may wait for accept(2); 0: not told */
        uid_t uid;
        bool raw;
        bool v6only;
        bool drops_known;
        uint64_t drops;                 /* datagrams that found no room */
        uint32_t rtt, retransmits, mss; /* of a TCP connection: us, segments, bytes; mss 0: not told */
} InetSocket;

typedef struct InetSockets {
        InetSocket *items; /* by inode */
        size_t n, allocated;
        const InetSocket **by_port; /* the same, by local port */
} InetSockets;

enum { INET_STATES_ALL = 0x7FFFFFFF };

/* `protocol`: IPPROTO_TCP, IPPROTO_UDP, or IPPROTO_RAW for all raw sockets; `states`: a mask of 1 << TCP_…; `port`:
 * only sockets that are bound to it, 0: all. Errors: NotSupported where the kernel tells nothing, with the reason. */
int inet_sockets_new(int protocol, unsigned states, uint16_t port, InetSockets **ret, Error *error);
InetSockets *inet_sockets_free(InetSockets *sockets);
static inline void inet_sockets_freep(InetSockets **sockets) {
        *sockets = inet_sockets_free(*sockets);
}
/* NULL where there is none; never finds inode 0. */
const InetSocket *inet_sockets_find(const InetSockets *sockets, uint64_t inode);
/* The far end of a connection, where it is on this machine. */
const InetSocket *inet_sockets_far_end(const InetSockets *sockets, const InetSocket *socket);
/* Who gets what is sent to this name: the socket that is bound to it, else one bound to any address with that port. Of
 * TCP it listens; of the others a connected one is none. `name` of a raw socket's protocol has that number as its
 * port. */
const InetSocket *inet_sockets_bound(const InetSockets *sockets, const InetName *name);

const char *inet_state_name(unsigned state); /* "listening", "connected", "time-wait" … */

uint16_t inet_name_port(const InetName *name);
void inet_name_set_port(InetName *name, uint16_t port);
socklen_t inet_name_size(const InetName *name);
bool inet_name_is_any(const InetName *name);
/* The same host; an IPv4 address and the same one mapped into IPv6 are. */
bool inet_name_same_host(const InetName *a, const InetName *b);
