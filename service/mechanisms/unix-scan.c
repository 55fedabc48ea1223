/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* UNIX sockets of this network namespace, as sock_diag(7) lists them. A row is a socket with a name that waits for
 * others, a connection (told once, at the end with the smaller inode), or an unconnected socket without a name. */
#include "unix-parts.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "kind-helpers.h"
#include "proc-fdinfo.h"
#include "scan.h"
#include "sock-diag.h"
#include "unix-address.h"

#define CLEANUP_SOCKETS CLEANUP(unix_sockets_freep)

/* The address by name, else by inode: a name that is a relative path leads nowhere from here. */
static int socket_address(const char *kind, const UnixSocket *socket, bool by_name, Address *ret) {
        if (by_name && socket->name && socket->abstract)
                return address_set_bytes(ret, kind, ADDRESS_ABSTRACT, socket->name, socket->name_length);
        if (by_name && socket->name && socket->name[0] == '/')
                return address_set_path(ret, kind, socket->name);
        return address_set_number(ret, kind, ADDRESS_INODE, socket->inode);
}

static void row_set_address(
        Record *row, const char *key, const char *kind, const UnixSocket *socket, bool by_name, int *ret) {
        CLEANUP(address_done) Address address = ADDRESS_EMPTY;
        CLEANUP_FREE char *text = NULL;

        *ret = socket_address(kind, socket, by_name, &address);
        if (*ret < 0)
                return;
        text = address_print(&address);
        if (text)
                record_set_string(row, key, text);
        else
                *ret = -ENOMEM;
}

static void row_set_owner(Record *row, const UnixSocket *socket) {
        struct stat st;

        if (socket->uid_known)
                record_set_u64(row, "uid", socket->uid);
        /* The path may name something else in this mount namespace, or nothing any more. */
        if (!socket->name || socket->abstract || socket->name[0] != '/' || lstat(socket->name, &st) < 0 ||
                st.st_dev != socket->file_device || (uint32_t)st.st_ino != socket->file_inode)
                return;
        if (!socket->uid_known)
                record_set_u64(row, "uid", st.st_uid);
        record_set_u64(row, "gid", st.st_gid);
        record_set_u64(row, "mode", st.st_mode & 07777);
}

static void row_set_state(Record *row, const UnixSocket *socket) {
        record_set_string(row, "state", socket_state_name(socket->state));
        if (socket->state == SOCKET_LISTENING) {
                record_set_u64(row, "waiting_connections", socket->queued);
                record_set_u64(row, "backlog", socket->backlog);
        } else
                record_set_u64(row, "used", socket->queued);
        if (socket->shutdown & 3)
                record_set_string(row, "shutdown",
                        (socket->shutdown & 3) == 3 ? "both directions"
                        : socket->shutdown & 1      ? "receiving"
                                                    : "sending");
}

/* Descriptors in messages that nobody has received yet: fdinfo of whoever has the socket tells (Linux 5.14). */
static int add_flying(const Holder *holder, void *userdata) {
        uint64_t *flying = userdata, n;
        char prefix[48];

        (void)snprintf(prefix, sizeof prefix, "/proc/%d/fdinfo/", (int)holder->pid);
        if (holder->fd < 0 || fdinfo_number(AT_FDCWD, prefix, holder->fd, "scm_fds:", &n) < 0)
                return 0;
        *flying += n;
        return 1;
}

/* One holder of each socket is enough. */
static int first_flying(const Holder *holder, void *userdata) {
        return add_flying(holder, userdata) > 0 ? -ECANCELED : 0;
}

static void row_set_flying(Scan *scan, Record *row, const HolderKey *keys, size_t n) {
        uint64_t flying = 0;

        for (size_t i = 0; i < n; i++)
                (void)proc_table_holders(scan->table, &keys[i], first_flying, &flying);
        if (flying > 0)
                record_set_u64(row, "fds_in_flight", flying);
}

static void keys_add(HolderKey *keys, size_t *n, size_t max, uint32_t inode) {
        for (size_t i = 0; i < *n; i++)
                if (keys[i].number == inode)
                        return;
        if (inode > 0 && *n < max)
                keys[(*n)++] = (HolderKey){ .type = HOLDER_SOCKET, .number = inode };
}

static bool same_name(const UnixSocket *a, const UnixSocket *b) {
        if (!a->name || !b->name || a->type != b->type || a->abstract != b->abstract)
                return false;
        if (a->abstract)
                return a->name_length == b->name_length && memcmp(a->name, b->name, a->name_length) == 0;
        return a->file_inode > 0 && a->file_inode == b->file_inode && a->file_device == b->file_device;
}

/* Who is at the other side: the far end, whoever is connected to it, and the two ends of connections that came to its
 * name, one of which nobody may have accepted yet. */
static void keys_add_others(
        const UnixSockets *sockets, const UnixSocket *socket, HolderKey *keys, size_t *n, size_t max) {
        bool waits = socket->state != SOCKET_CONNECTED || socket->type == SOCK_DGRAM;

        keys_add(keys, n, max, socket->peer);
        for (size_t i = 0; waits && i < sockets->n; i++) {
                const UnixSocket *other = &sockets->items[i];

                if (other->peer == 0 || other == socket)
                        continue;
                if (other->peer == socket->inode || same_name(socket, other))
                        keys_add(keys, n, max, other->inode);
                if (same_name(socket, other))
                        keys_add(keys, n, max, other->peer);
        }
}

static int row_holders(Scan *scan, Record *row, const UnixSockets *sockets, const UnixSocket *socket) {
        HolderKey keys[HOLDER_KEYS_MAX];
        size_t n = 0;

        if (!scan->table)
                return 0;
        keys_add(keys, &n, HOLDER_KEYS_MAX, socket->inode);
        keys_add_others(sockets, socket, keys, &n, HOLDER_KEYS_MAX);
        row_set_flying(scan, row, keys, n);
        return holders_append(scan->table, keys, n, row);
}

static int scan_socket(Scan *scan, const char *kind, const UnixSockets *sockets, const UnixSocket *socket) {
        CLEANUP(record_freep) Record *row = NULL;
        const UnixSocket *peer = unix_sockets_find(sockets, socket->peer);
        bool connection = socket->state == SOCKET_CONNECTED && peer && peer->peer == socket->inode;
        int r;

        if (socket->inode == 0 || (connection && peer->inode < socket->inode))
                return 0;
        r = record_new(&row);
        if (r < 0)
                return r;
        record_set_string(row, "kind", kind);
        /* A connection that was accepted bears the name of the socket that it came to. */
        row_set_address(
                row, "address", kind, socket, socket->state != SOCKET_CONNECTED || socket->type == SOCK_DGRAM, &r);
        if (r >= 0 && socket->state == SOCKET_CONNECTED && (socket->name || (peer && peer->name)))
                row_set_address(row, "at", kind, socket->name ? socket : peer, true, &r);
        if (r >= 0 && peer && peer->inode > 0)
                row_set_address(row, "peer", kind, peer, peer->type == SOCK_DGRAM, &r);
        if (r < 0)
                return r;
        row_set_owner(row, socket);
        row_set_state(row, socket);
        if (connection)
                record_set_u64(row, "used", (uint64_t)socket->queued + peer->queued);
        r = row_holders(scan, row, sockets, socket);
        if (r < 0)
                return r;
        return scan->row(scan, TAKE_POINTER(row));
}

static int unix_scan(Scan *scan, const char *kind, int type) {
        CLEANUP_SOCKETS UnixSockets *sockets = NULL;
        Error error = {};
        int r;

        r = unix_sockets_new(&sockets, &error);
        if (r < 0)
                return scan_reason(scan, kind, "%s", error.message);
        for (size_t i = 0; i < sockets->n; i++)
                if (sockets->items[i].type == type) {
                        r = scan_socket(scan, kind, sockets, &sockets->items[i]);
                        if (r < 0)
                                return r;
                }
        /* A file does not say of what type its socket was; each is told once. */
        return type == SOCK_STREAM ? unix_stale_scan(scan, kind, sockets) : 0;
}

int unix_stream_scan(Scan *scan) {
        return unix_scan(scan, "unix-stream", SOCK_STREAM);
}

int unix_dgram_scan(Scan *scan) {
        return unix_scan(scan, "unix-dgram", SOCK_DGRAM);
}

int unix_seqpacket_scan(Scan *scan) {
        return unix_scan(scan, "unix-seqpacket", SOCK_SEQPACKET);
}

/* By the file where there is one: the name alone may be that of a socket whose file was removed since, or stand in
 * another mount namespace. sock_diag(7) tells 32 bits of an inode's number. */
static bool socket_is_at(const UnixSocket *socket, const Address *address, const struct stat *file) {
        switch (address->form) {
        case ADDRESS_INODE:
                return socket->inode == address->number && socket->inode > 0;
        case ADDRESS_ABSTRACT:
                return socket->name && socket->abstract && socket->name_length == address->length &&
                       memcmp(socket->name, address->text, address->length) == 0;
        default:
                return file && socket->name && !socket->abstract && socket->file_inode == (uint32_t)file->st_ino &&
                       socket->file_device == file->st_dev;
        }
}

typedef struct Bound {
        UnixSockets *sockets;
        struct stat file;
        bool has_file;
} Bound;

static int bound_open(const Address *address, Bound *ret, Error *error) {
        ret->has_file = address->form == ADDRESS_PATH && lstat(address->text, &ret->file) >= 0;
        return unix_sockets_new(&ret->sockets, error);
}

static void bound_done(Bound *bound) {
        unix_sockets_freep(&bound->sockets);
}

static bool bound_is(const Bound *bound, const Address *address, int type, const UnixSocket *socket) {
        return socket->type == type && socket_is_at(socket, address, bound->has_file ? &bound->file : NULL);
}

int unix_holder_keys(const KernelObject *object, int type, HolderKey *ret_keys, size_t *n) {
        CLEANUP(bound_done) Bound bound = {};
        size_t found = 0;
        int r;

        r = bound_open(&object->address, &bound, NULL);
        if (r < 0)
                return r;
        /* The socket itself first, in case that there are more than fit. */
        for (size_t pass = 0; pass < 2; pass++)
                for (size_t i = 0; i < bound.sockets->n; i++) {
                        const UnixSocket *socket = &bound.sockets->items[i];

                        if (!bound_is(&bound, &object->address, type, socket))
                                continue;
                        if (pass == 0)
                                keys_add(ret_keys, &found, *n, socket->inode);
                        else
                                keys_add_others(bound.sockets, socket, ret_keys, &found, *n);
                }
        *n = found;
        return 0;
}

/* Why no socket of the type is bound to the address, as far as that can be told. */
static void describe_unbound(const KernelObject *object, const Bound *bound, int type, Record *attributes) {
        UnixOccupant occupant;

        for (size_t i = 0; i < bound->sockets->n; i++) {
                const UnixSocket *socket = &bound->sockets->items[i];

                if (socket->type == type || !bound_is(bound, &object->address, socket->type, socket))
                        continue;
                record_set_format(
                        attributes, "state", "bound to a socket of another type: %s", unix_kind_of(socket->type));
                return;
        }
        if (object->address.form != ADDRESS_PATH || unix_occupant(&object->address, &occupant) < 0)
                record_set_string(attributes, "state", "nobody is bound to it that could be seen");
        else
                record_set_string(attributes, "state",
                        occupant == UNIX_NOBODY
                                ? UNIX_STATE_STALE
                                : "bound in another network namespace, which this one cannot look into");
}

void unix_describe_foreign(const KernelObject *object, int type, Record *attributes) {
        CLEANUP(bound_done) Bound bound = {};
        uint64_t connections = 0;
        bool seen = false;

        if (bound_open(&object->address, &bound, NULL) < 0)
                return;
        for (size_t i = 0; i < bound.sockets->n; i++) {
                const UnixSocket *socket = &bound.sockets->items[i];

                if (!bound_is(&bound, &object->address, type, socket))
                        continue;
                if (type != SOCK_DGRAM && socket->state == SOCKET_CONNECTED && object->address.form != ADDRESS_INODE) {
                        connections++;
                        continue;
                }
                row_set_state(attributes, socket);
                record_set_u64(attributes, "socket_inode", socket->inode);
                seen = true;
        }
        if (!seen)
                describe_unbound(object, &bound, type, attributes);
        if (type != SOCK_DGRAM)
                record_set_u64(attributes, "peers", connections);
}

int unix_abstract_find(const Address *address, uint64_t *ret_inode, uid_t *ret_uid, Error *error) {
        CLEANUP(bound_done) Bound bound = {};
        CLEANUP_FREE char *text = NULL;
        int type = unix_type_of(address->kind), r;

        r = bound_open(address, &bound, error);
        if (r < 0)
                return r;
        for (size_t i = 0; i < bound.sockets->n; i++) {
                const UnixSocket *socket = &bound.sockets->items[i];

                if (!bound_is(&bound, address, type, socket) ||
                        (type != SOCK_DGRAM && socket->state == SOCKET_CONNECTED))
                        continue;
                *ret_inode = socket->inode;
                *ret_uid = socket->uid_known ? socket->uid : (uid_t)-1;
                return 0;
        }
        text = address_print(address);
        return error_set(error, ERROR_NO_SUCH_OBJECT, "No socket is bound to %.200s.", text ? text : "the name");
}
