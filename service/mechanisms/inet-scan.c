/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Internet sockets of this network namespace. A row is a socket that others can reach by host and port, or a
 * connection by its inode, told once where both ends are on this machine. */
#include "inet-socket.h"

#include <errno.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "kind-helpers.h"
#include "limit-facts.h"
#include "scan.h"

#define CLEANUP_SOCKETS CLEANUP(inet_sockets_freep)

/* Reached by its name: it listens, or takes datagrams of whoever sends; and among those that share the name it is the
 * one that the name means. */
static bool has_name(const InetKind *kind, const InetSockets *sockets, const InetSocket *socket) {
        if (kind == &inet_tcp ? socket->state != TCP_LISTEN : socket->state == TCP_ESTABLISHED)
                return false;
        return inet_name_port(&socket->local) > 0 && inet_sockets_bound(sockets, &socket->local) == socket;
}

static void set_inode(Record *row, const char *key, const InetKind *kind, uint64_t inode) {
        record_set_format(row, key, "%s:[%" PRIu64 "]", kind->kind, inode);
}

static void row_set_state(const InetKind *kind, const InetSocket *socket, Record *row) {
        bool listens = kind == &inet_tcp && socket->state == TCP_LISTEN;

        record_set_string(row, "state", inet_state_name(socket->state));
        record_set_u64(row, "socket_inode", socket->inode);
        inet_record_name(row, "local", kind->kind, &socket->local);
        if (!inet_name_is_any(&socket->peer))
                inet_record_name(row, "peer", kind->kind, &socket->peer);
        if (listens) {
                record_set_u64(row, "waiting_connections", socket->queued);
                if (socket->backlog > 0)
                        record_set_u64(row, "backlog", socket->backlog);
                return;
        }
        record_set_u64(row, "queued", socket->queued);
        record_set_u64(row, "unsent", socket->unsent);
        if (socket->mss > 0) {
                record_set_u64(row, "rtt_us", socket->rtt);
                record_set_u64(row, "retransmits", socket->retransmits);
                record_set_u64(row, "mss", socket->mss);
        }
        if (kind != &inet_tcp && socket->drops_known)
                record_set_u64(row, "drops", socket->drops);
}

static void keys_add(HolderKey *keys, size_t *n, size_t max, uint64_t inode) {
        for (size_t i = 0; i < *n; i++)
                if (keys[i].number == inode)
                        return;
        if (inode > 0 && *n < max)
                keys[(*n)++] = (HolderKey){ .type = HOLDER_SOCKET, .number = inode };
}

static void keys_add_both(
        HolderKey *keys, size_t *n, size_t max, const InetSockets *sockets, const InetSocket *socket) {
        const InetSocket *other = inet_sockets_far_end(sockets, socket);

        keys_add(keys, n, max, socket->inode);
        if (other)
                keys_add(keys, n, max, other->inode);
}

/* Accepted from that listening socket. */
static bool came_from(const InetSocket *socket, const InetSocket *listener) {
        return socket != listener && socket->state != TCP_LISTEN &&
               inet_name_port(&socket->local) == inet_name_port(&listener->local) &&
               (inet_name_is_any(&listener->local) || inet_name_same_host(&socket->local, &listener->local));
}

/* Who sends to a datagram socket because it is connected to it. */
static bool goes_to(const InetSocket *socket, const InetSocket *bound) {
        const InetName *port = socket->raw ? &socket->local : &socket->peer;

        return socket != bound && !inet_name_is_any(&socket->peer) &&
               inet_name_port(port) == inet_name_port(&bound->local) &&
               (inet_name_is_any(&bound->local) || inet_name_same_host(&socket->peer, &bound->local));
}

/* The socket and its far end; of one that is reached by its name, all that are connected to it. */
static size_t keys_of(
        const InetKind *kind, const InetSockets *sockets, const InetSocket *socket, HolderKey *ret_keys, size_t max) {
        bool named = has_name(kind, sockets, socket);
        size_t n = 0;

        keys_add_both(ret_keys, &n, max, sockets, socket);
        for (size_t i = 0; named && n < max && i < sockets->n; i++) {
                const InetSocket *item = &sockets->items[i];

                if (kind == &inet_tcp ? came_from(item, socket) : goes_to(item, socket))
                        keys_add_both(ret_keys, &n, max, sockets, item);
        }
        return n;
}

static int scan_socket(const InetKind *kind, Scan *scan, const InetSockets *sockets, const InetSocket *socket) {
        CLEANUP(record_freep) Record *row = NULL;
        const InetSocket *other = NULL;
        uint64_t used = socket->queued;
        int r;

        if (socket->inode == 0)
                return 0;
        if (socket->state == TCP_ESTABLISHED || kind == &inet_tcp)
                other = inet_sockets_far_end(sockets, socket);
        if (other && other->inode > 0 && other->inode < socket->inode)
                return 0;
        r = record_new(&row);
        if (r < 0)
                return r;
        record_set_string(row, "kind", kind->kind);
        if (has_name(kind, sockets, socket))
                inet_record_name(row, "address", kind->kind, &socket->local);
        else
                set_inode(row, "address", kind, socket->inode);
        record_set_u64(row, "uid", socket->uid);
        row_set_state(kind, socket, row);
        if (other && other->inode > 0) {
                set_inode(row, "far_end", kind, other->inode);
                used += other->queued;
        }
        if (kind != &inet_tcp || socket->state != TCP_LISTEN)
                record_set_u64(row, "used", used);
        if (scan->table) {
                HolderKey keys[HOLDER_KEYS_MAX];

                r = holders_append(scan->table, keys, keys_of(kind, sockets, socket, keys, HOLDER_KEYS_MAX), row);
                if (r < 0)
                        return r;
        }
        return scan->row(scan, TAKE_POINTER(row));
}

int inet_scan(const InetKind *kind, Scan *scan) {
        CLEANUP_SOCKETS InetSockets *sockets = NULL;
        Error error = {};
        int r;

        r = inet_sockets_new(kind->protocol, INET_STATES_ALL, 0, &sockets, &error);
        if (r < 0)
                return scan_reason(scan, kind->kind, "%s", error.message);
        for (size_t i = 0; i < sockets->n; i++) {
                r = scan_socket(kind, scan, sockets, &sockets->items[i]);
                if (r < 0)
                        return r;
        }
        return 0;
}

int inet_resolve(const InetKind *kind, uint64_t inode) {
        CLEANUP_SOCKETS InetSockets *sockets = NULL;
        int r;

        r = inet_sockets_new(kind->protocol, INET_STATES_ALL, 0, &sockets, NULL);
        return r < 0 ? r : inet_sockets_find(sockets, inode) != NULL;
}

/* What the address means, in the list. */
static const InetSocket *find(const InetSockets *sockets, const Address *address) {
        InetName name;

        if (address->form == ADDRESS_INODE)
                return inet_sockets_find(sockets, address->number);
        return inet_address_to_name(address, &name, NULL) < 0 ? NULL : inet_sockets_bound(sockets, &name);
}

void inet_describe_foreign(const InetKind *kind, const KernelObject *object, Record *attributes) {
        CLEANUP_SOCKETS InetSockets *sockets = NULL;
        const InetSocket *socket, *other;
        uint64_t connections = 0;

        if (strcmp(object->identity, "elsewhere") == 0) {
                record_set_string(attributes, "state", "on another machine");
                return;
        }
        if (strcmp(object->identity, "kernel") == 0) {
                record_set_string(attributes, "state", "taken by the kernel itself");
                return;
        }
        if (inet_sockets_new(kind->protocol, INET_STATES_ALL, 0, &sockets, NULL) < 0)
                return;
        socket = find(sockets, &object->address);
        if (!socket) {
                record_set_string(attributes, "state", "nobody is bound to it");
                return;
        }
        row_set_state(kind, socket, attributes);
        other = inet_sockets_far_end(sockets, socket);
        if (other && other->inode > 0)
                set_inode(attributes, "far_end", kind, other->inode);
        if (kind != &inet_tcp || socket->state != TCP_LISTEN)
                return;
        for (size_t i = 0; i < sockets->n; i++)
                connections += sockets->items[i].state == TCP_ESTABLISHED && came_from(&sockets->items[i], socket);
        record_set_u64(attributes, "peers", connections);
}

void inet_describe_far_end(const InetKind *kind, const KernelObject *object, Record *attributes) {
        CLEANUP_SOCKETS InetSockets *sockets = NULL;
        const InetSocket *socket, *other;

        if (inet_sockets_new(kind->protocol, INET_STATES_ALL, 0, &sockets, NULL) < 0)
                return;
        socket = find(sockets, &object->address);
        other = socket ? inet_sockets_far_end(sockets, socket) : NULL;
        if (other && other->inode > 0)
                set_inode(attributes, "far_end", kind, other->inode);
}

int inet_holder_keys(const InetKind *kind, const KernelObject *object, HolderKey *ret_keys, size_t *n) {
        CLEANUP_SOCKETS InetSockets *sockets = NULL;
        const InetSocket *socket;
        int r;

        r = inet_sockets_new(kind->protocol, INET_STATES_ALL, 0, &sockets, NULL);
        if (r < 0)
                return r;
        socket = find(sockets, &object->address);
        *n = socket ? keys_of(kind, sockets, socket, ret_keys, *n) : 0;
        return 0;
}
