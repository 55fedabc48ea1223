/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names of Internet sockets: looking at them, comparing them, and finding sockets by them. Owns nothing. */
#include "inet-diag.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <string.h>

uint16_t inet_name_port(const InetName *name) {
        return ntohs(name->any.sa_family == AF_INET6 ? name->v6.sin6_port : name->v4.sin_port);
}

void inet_name_set_port(InetName *name, uint16_t port) {
        if (name->any.sa_family == AF_INET6)
                name->v6.sin6_port = htons(port);
        else
                name->v4.sin_port = htons(port);
}

socklen_t inet_name_size(const InetName *name) {
        return name->any.sa_family == AF_INET6 ? sizeof name->v6 : sizeof name->v4;
}

bool inet_name_is_any(const InetName *name) {
        return name->any.sa_family == AF_INET6 ? IN6_IS_ADDR_UNSPECIFIED(&name->v6.sin6_addr)
                                               : name->v4.sin_addr.s_addr == htonl(INADDR_ANY);
}

/* As IPv6, where all hosts can be written. */
static struct in6_addr host_of(const InetName *name) {
        struct in6_addr host = {};

        if (name->any.sa_family == AF_INET6)
                return name->v6.sin6_addr;
        host.s6_addr[10] = host.s6_addr[11] = 0xFF;
        memcpy(host.s6_addr + 12, &name->v4.sin_addr, 4);
        return host;
}

/* The scope of an address (its interface) is not told of both ends, and counts only where it is. */
bool inet_name_same_host(const InetName *a, const InetName *b) {
        struct in6_addr x = host_of(a), y = host_of(b);

        if (a->any.sa_family == AF_INET6 && b->any.sa_family == AF_INET6 && a->v6.sin6_scope_id != 0 &&
                b->v6.sin6_scope_id != 0 && a->v6.sin6_scope_id != b->v6.sin6_scope_id)
                return false;
        return memcmp(&x, &y, sizeof x) == 0;
}

static bool same_name(const InetName *a, const InetName *b) {
        return inet_name_port(a) == inet_name_port(b) && inet_name_same_host(a, b);
}

/* The first in by_port that is not below the port. */
static size_t first_of_port(const InetSockets *sockets, uint16_t port) {
        size_t low = 0, high = sockets->n;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (inet_name_port(&sockets->by_port[middle]->local) < port)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

const InetSocket *inet_sockets_far_end(const InetSockets *sockets, const InetSocket *socket) {
        uint16_t port = inet_name_port(&socket->peer);

        if (port == 0)
                return NULL;
        for (size_t i = first_of_port(sockets, port); i < sockets->n; i++) {
                const InetSocket *other = sockets->by_port[i];

                if (inet_name_port(&other->local) != port)
                        break;
                if (other != socket && same_name(&other->local, &socket->peer) &&
                        same_name(&other->peer, &socket->local))
                        return other;
        }
        return NULL;
}

/* 2: to this very name, 1: to any address, 0: not. */
static int bound_to(const InetSocket *socket, const InetName *name) {
        bool is_any = inet_name_is_any(&socket->local);

        if (socket->inode == 0 || inet_name_port(&socket->local) != inet_name_port(name) ||
                (socket->protocol == IPPROTO_TCP && !socket->raw ? socket->state != TCP_LISTEN
                                                                 : socket->state == TCP_ESTABLISHED))
                return 0;
        if (socket->local.any.sa_family == name->any.sa_family)
                return inet_name_same_host(&socket->local, name) ? 2 : is_any;
        /* An IPv6 socket that is bound to any address takes IPv4, too, unless it was told not to (ipv6(7)). */
        return (socket->local.any.sa_family == AF_INET6 && is_any && !socket->v6only) ||
               inet_name_same_host(&socket->local, name);
}

const InetSocket *inet_sockets_bound(const InetSockets *sockets, const InetName *name) {
        uint16_t port = inet_name_port(name);
        const InetSocket *found = NULL;
        int best = 0;

        for (size_t i = first_of_port(sockets, port); i < sockets->n; i++) {
                int how = bound_to(sockets->by_port[i], name);

                if (inet_name_port(&sockets->by_port[i]->local) != port)
                        break;
                if (how > best) {
                        best = how;
                        found = sockets->by_port[i];
                }
        }
        return found;
}

const char *inet_state_name(unsigned state) {
        static const char *const names[] = {
                [TCP_ESTABLISHED] = "connected",
                [TCP_SYN_SENT] = "connecting",
                [TCP_SYN_RECV] = "being-connected",
                [TCP_FIN_WAIT1] = "closing",
                [TCP_FIN_WAIT2] = "half-closed-here",
                [TCP_TIME_WAIT] = "time-wait",
                [TCP_CLOSE] = "unconnected",
                [TCP_CLOSE_WAIT] = "half-closed-there",
                [TCP_LAST_ACK] = "closing",
                [TCP_LISTEN] = "listening",
                [TCP_CLOSING] = "closing",
                [12] = "being-connected", /* TCP_NEW_SYN_RECV of include/net/tcp_states.h */
                [13] = "bound",           /* TCP_BOUND_INACTIVE */
        };

        return state < sizeof names / sizeof names[0] && names[state] ? names[state] : "unknown";
}
