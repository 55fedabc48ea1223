/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* UNIX sockets that come as descriptors: given over the bus, or got from another process. They are somebody else's as
 * well, so nothing about them is changed. And the types that the kinds stand for. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "fd-fetch.h"
#include "limit-facts.h"
#include "sock-diag.h"
#include "unix-address.h"

#define WMEM_MAX "/proc/sys/net/core/wmem_max"

static const struct {
        const char *kind;
        int type;
} kinds[] = {
        { "unix-stream", SOCK_STREAM },
        { "unix-dgram", SOCK_DGRAM },
        { "unix-seqpacket", SOCK_SEQPACKET },
};

int unix_type_of(const char *kind) {
        for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
                if (strcmp(kinds[i].kind, kind) == 0)
                        return kinds[i].type;
        return -EINVAL;
}

const char *unix_kind_of(int type) {
        for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
                if (kinds[i].type == type)
                        return kinds[i].kind;
        return "unix socket";
}

int unix_check_fd(int fd, int type) {
        int domain = 0, found = 0;
        socklen_t length = sizeof domain;

        if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &length) < 0)
                return errno == ENOTSOCK || errno == EBADF ? -EMEDIUMTYPE : -errno;
        length = sizeof found;
        if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &found, &length) < 0)
                return -errno;
        return domain == AF_UNIX && found == type ? 0 : -EMEDIUMTYPE;
}

/* Does the path still lead to this socket? Without sock_diag(7) a socket at the path is taken for it. */
static bool path_leads_to(const char *path, uint64_t inode) {
        CLEANUP(unix_sockets_freep) UnixSockets *sockets = NULL;
        const UnixSocket *socket;
        struct stat st;

        if (lstat(path, &st) < 0 || !S_ISSOCK(st.st_mode))
                return false;
        if (unix_sockets_new(&sockets, NULL) < 0)
                return true;
        socket = unix_sockets_find(sockets, inode);
        return socket && socket->file_device == st.st_dev && socket->file_inode == (uint32_t)st.st_ino;
}

int unix_adopt_named(KernelObject *object, int fd, Error *error) {
        CLEANUP(address_done) Address address = ADDRESS_EMPTY;
        struct sockaddr_storage storage;
        struct sockaddr_un name;
        socklen_t length = sizeof storage;
        struct stat st;
        int r;

        if (getsockname(fd, (struct sockaddr *)&storage, &length) < 0 || fstat(fd, &st) < 0)
                return error_set_errno(error, errno, "The socket cannot be identified");
        memcpy(&name, &storage, sizeof name);
        r = unix_address_from_name(object->mechanism->kind, &name, length, &address);
        if (r < 0)
                return r == -EADDRNOTAVAIL ? r : error_set_errno(error, r, "The socket's address cannot be kept");
        if (address.form == ADDRESS_PATH && !path_leads_to(address.text, st.st_ino))
                return -EADDRNOTAVAIL;
        address_done(&object->address);
        object->address = address;
        address = (Address)ADDRESS_EMPTY;
        object->unnamed = object->address.form == ADDRESS_ABSTRACT;
        r = unix_fill(object, fd, error);
        if (object->address.form == ADDRESS_ABSTRACT)
                object->created = 0; /* by somebody else, nobody knows when */
        return r;
}

bool unix_needs_fetch(const Address *address) {
        return address->form == ADDRESS_INODE;
}

int unix_resolve(const Mechanism *mechanism, uint64_t inode) {
        CLEANUP(unix_sockets_freep) UnixSockets *sockets = NULL;
        const UnixSocket *socket;
        int r;

        r = unix_sockets_new(&sockets, NULL);
        if (r < 0)
                return r;
        socket = unix_sockets_find(sockets, inode);
        return socket && socket->type == unix_type_of(mechanism->kind);
}

int unix_fetch(Address *address, const Record *options, int *ret_fd, Error *error) {
        HolderKey key = { .type = HOLDER_SOCKET, .number = address->number };
        char what[64];

        (void)snprintf(what, sizeof what, "%s:[%" PRIu64 "]", address->kind, address->number);
        return fd_fetch(&key, FETCH_DUPLICATE, O_RDWR, what, ret_fd, error);
}

int unix_no_ends(const KernelObject *object, Error *error) {
        return error_set(error, ERROR_INVALID_OPTION,
                "\"end\" is for sockets without a name, which come in pairs; %s%.200s has a name.",
                object->address.form == ADDRESS_ABSTRACT ? "@" : "", object->address.text ? object->address.text : "");
}

int unix_send_failed(int type, size_t size, int r, Error *error) {
        switch (-r) {
        case EMSGSIZE:
                return error_set(error, ERROR_LIMIT_EXCEEDED,
                        "A message of %zu bytes is longer than one may be here: %llu bytes, twice net.core.wmem_max "
                        "(" WMEM_MAX ") less 32, and less where the socket's own buffer (SO_SNDBUF) is smaller.",
                        size, 2 * (unsigned long long)limit_read(WMEM_MAX, 0) - 32);
        case EPIPE:
        case ECONNRESET:
        case ECONNREFUSED:
        case ENOTCONN:
                return error_set(error, ERROR_PEER_GONE,
                        type == SOCK_DGRAM ? "Nobody receives there any more: the socket is closed."
                                           : "The far end has closed the connection.");
        case ETOOMANYREFS:
                return error_set(error, ERROR_LIMIT_EXCEEDED,
                        "Too many descriptors are on their way in messages that nobody has received (ETOOMANYREFS, "
                        "RLIMIT_NOFILE).");
        default:
                return error_set_errno(error, r, "The message cannot be sent");
        }
}

void unix_peer_credentials(int fd, struct ucred *ret) {
        socklen_t length = sizeof *ret;

        *ret = (struct ucred){ .pid = 0, .uid = (uid_t)-1, .gid = (gid_t)-1 };
        (void)getsockopt(fd, SOL_SOCKET, SO_PEERCRED, ret, &length);
}

void unix_credentials_tell(const struct ucred *credentials, Record *record) {
        if (credentials->pid > 0 && !record_has(record, "pid"))
                record_set_u64(record, "pid", (uint64_t)credentials->pid);
        if (credentials->uid != (uid_t)-1 && !record_has(record, "uid"))
                record_set_u64(record, "uid", credentials->uid);
        if (credentials->gid != (gid_t)-1 && !record_has(record, "gid"))
                record_set_u64(record, "gid", credentials->gid);
}
