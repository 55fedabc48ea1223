/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names of UNIX sockets, shared by the kinds that have them. Descriptors that are made here are given away at once. */
#include "unix-address.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "kind-helpers.h"
#include "path-object.h"
#include "unix-parts.h"

/* For sentences; NULL without memory. */
#define CLEANUP_TEXT CLEANUP_FREE char *

int unix_address_from_options(const char *kind, const Record *options, Address *ret, Error *error) {
        const char *path = record_get_string(options, "path", NULL), *name = record_get_string(options, "name", NULL);
        int r;

        if (!path == !name)
                return error_set(error, ERROR_INVALID_OPTION,
                        "Only one of \"path\" (an absolute path) and \"name\" (an abstract name) can be given; with "
                        "neither a pair of connected sockets without a name is made.");
        if (path) {
                r = path_check(path, UNIX_NAME_MAX, error);
                if (r < 0)
                        return r;
                r = address_set_path(ret, kind, path);
        } else {
                /* People write abstract names with an @ in front, as addresses do. */
                name += *name == '@';
                if (!*name || strlen(name) > UNIX_NAME_MAX)
                        return error_set(error, ERROR_INVALID_OPTION,
                                "An abstract name has 1 to %d bytes; this one has %zu.", UNIX_NAME_MAX, strlen(name));
                r = address_set_bytes(ret, kind, ADDRESS_ABSTRACT, name, strlen(name));
        }
        return r < 0 ? error_set_errno(error, r, "The address of the socket cannot be kept") : 0;
}

int unix_address_from_name(const char *kind, const struct sockaddr_un *name, socklen_t length, Address *ret) {
        size_t n = length > offsetof(struct sockaddr_un, sun_path) ? length - offsetof(struct sockaddr_un, sun_path)
                                                                   : 0;
        char path[sizeof name->sun_path + 1];

        if (n == 0)
                return -EADDRNOTAVAIL;
        /* Of a path that fills sun_path the kernel counts the NUL that has no room in it any more (unix(7)). */
        if (n > sizeof name->sun_path)
                n = sizeof name->sun_path;
        if (name->sun_path[0] == '\0')
                return address_set_bytes(ret, kind, ADDRESS_ABSTRACT, name->sun_path + 1, n - 1);
        memcpy(path, name->sun_path, n);
        path[n] = '\0';
        return path[0] == '/' ? address_set_path(ret, kind, path) : -EADDRNOTAVAIL;
}

int unix_address_to_name(const Address *address, struct sockaddr_un *ret, socklen_t *ret_length, Error *error) {
        bool abstract = address->form == ADDRESS_ABSTRACT;

        if (address->form == ADDRESS_INODE)
                return error_set(error, ERROR_NOT_SUPPORTED,
                        "The socket [%" PRIu64 "] has no name that it could be connected to by; only who has a "
                        "descriptor of it can use it.",
                        address->number);
        if (address->length == 0 || address->length > UNIX_NAME_MAX)
                return error_set(error, ERROR_INVALID_ADDRESS,
                        "The address of a UNIX socket has 1 to %d bytes (sun_path, unix(7)); this one has %zu.",
                        UNIX_NAME_MAX, address->length);
        *ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
        memcpy(ret->sun_path + abstract, address->text, address->length);
        /* Either the NUL behind a path or the one before an abstract name counts. */
        *ret_length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + address->length + 1);
        return 0;
}

/* A datagram socket can ask at every path: its connect(2) reaches nobody, and to a socket of another type it fails
 * with EPROTOTYPE, which tells that there is one. */
int unix_occupant(const Address *address, UnixOccupant *ret) {
        CLEANUP_FD int fd = -EBADF;
        struct sockaddr_un name;
        socklen_t length;
        int r;

        r = unix_address_to_name(address, &name, &length, NULL);
        if (r < 0)
                return r;
        fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return -errno;
        if (connect(fd, (struct sockaddr *)&name, length) >= 0) {
                *ret = UNIX_DATAGRAM;
                return 0;
        }
        switch (errno) {
        case ECONNREFUSED:
                *ret = UNIX_NOBODY;
                return 0;
        case EPROTOTYPE:
                *ret = UNIX_CONNECTION;
                return 0;
        case EPERM: /* a datagram socket that is connected to another one only takes from there */
                *ret = UNIX_DATAGRAM;
                return 0;
        default:
                return -errno;
        }
}

static int unix_in_use(const Address *address, Error *error) {
        CLEANUP_TEXT text = address_print(address);
        UnixOccupant occupant = UNIX_CONNECTION;
        struct stat st;
        int r;

        if (address->form == ADDRESS_PATH && lstat(address->text, &st) >= 0 && !S_ISSOCK(st.st_mode))
                return path_exists(address->text, error);
        r = address->form == ADDRESS_PATH ? unix_occupant(address, &occupant) : 0;
        if (r < 0)
                return error_set(error, ERROR_EXISTS,
                        "%.200s exists already, and this user cannot tell whether anybody uses it (%s).",
                        text ? text : "", strerror(-r));
        if (occupant == UNIX_NOBODY)
                return error_set(error, ERROR_EXISTS,
                        "%.200s exists already, but nobody is bound to it any more: a process left it behind. Say "
                        "replace=true to take its place, or remove it first.",
                        text ? text : "");
        return error_set(error, ERROR_EXISTS, "%.200s is in use: another socket is bound to it.", text ? text : "");
}

/* Somebody else may take the place between any look at it and unlink(2). So the file is first moved aside, which is
 * one step for all who look; only when it is the pinned one, to which nobody can be bound any more, is it removed, and
 * else it goes back. */
static int unix_clear(const char *path, const struct stat *stale, Error *error) {
        char aside[UNIX_NAME_MAX + 32];
        struct stat moved;

        (void)snprintf(aside, sizeof aside, "%s.stale-%d", path, (int)getpid());
        if (renameat2(AT_FDCWD, path, AT_FDCWD, aside, RENAME_NOREPLACE) < 0)
                return error_set_errno(
                        error, errno, "The socket file that was left at %.200s cannot be replaced", path);
        if (lstat(aside, &moved) >= 0 && moved.st_ino == stale->st_ino && moved.st_dev == stale->st_dev) {
                (void)unlink(aside);
                return 0;
        }
        (void)renameat2(AT_FDCWD, aside, AT_FDCWD, path, RENAME_NOREPLACE);
        return error_set(error, ERROR_EXISTS, "Somebody else took the place of %.200s meanwhile.", path);
}

static int unix_replace(const Address *address, Error *error) {
        CLEANUP_FD int pinned = -EBADF;
        UnixOccupant occupant;
        struct stat before;
        int r;

        r = path_pin(address->text, S_IFSOCK, "socket", &pinned, &before, NULL);
        if (r < 0)
                return unix_in_use(address, error);
        r = unix_occupant(address, &occupant);
        if (r < 0 || occupant != UNIX_NOBODY)
                return unix_in_use(address, error);
        return unix_clear(address->text, &before, error);
}

static int unix_bind_once(int fd, const Address *address, mode_t mode, Error *error) {
        CLEANUP_TEXT text = address_print(address);
        struct sockaddr_un name;
        socklen_t length;
        int r;

        r = unix_address_to_name(address, &name, &length, error);
        if (r < 0)
                return r;
        /* bind(2) takes over the bits of the socket's own inode, less the umask: never is more allowed than asked. */
        if (fchmod(fd, mode) < 0)
                return error_set_errno(error, errno, "The mode of the socket cannot be set");
        if (bind(fd, (struct sockaddr *)&name, length) >= 0)
                return 0;
        if (errno == EADDRINUSE)
                return -EADDRINUSE;
        return error_set_errno(error, errno, "A socket cannot be bound to %.200s", text ? text : "the address");
}

int unix_bind(int fd, const Address *address, mode_t mode, bool replace, Error *error) {
        CLEANUP_FD int pinned = -EBADF;
        struct stat st;
        int r;

        r = unix_bind_once(fd, address, mode, error);
        if (r == -EADDRINUSE && replace && address->form == ADDRESS_PATH) {
                r = unix_replace(address, error);
                if (r >= 0)
                        r = unix_bind_once(fd, address, mode, error);
        }
        if (r == -EADDRINUSE)
                return unix_in_use(address, error);
        if (r < 0 || address->form != ADDRESS_PATH)
                return r;
        r = path_pin(address->text, S_IFSOCK, "socket", &pinned, &st, error);
        if (r < 0)
                return r; /* another took the place already, or cleared it */
        r = path_set_mode(pinned, mode, &st, error);
        if (r < 0)
                path_unlink_made(address->text, pinned);
        return r;
}

void unix_unbind(const Address *address) {
        if (address->form == ADDRESS_PATH)
                unlink(address->text);
}

static int unix_connect_failed(const Address *address, int number, Error *error) {
        CLEANUP_TEXT printed = address_print(address);
        const char *text = printed ? printed : "the address";

        switch (number) {
        case EAGAIN:
                (void)error_set(error, ERROR_BUSY,
                        "The backlog of %.200s is full (EAGAIN): as many connections wait to be accepted as it takes.",
                        text);
                return -EAGAIN;
        case ENOENT:
        case ENOTDIR:
                return error_set(error, ERROR_NO_SUCH_OBJECT, "There is no socket at %.200s.", text);
        case ECONNREFUSED:
                if (address->form == ADDRESS_ABSTRACT)
                        return error_set(error, ERROR_NO_SUCH_OBJECT,
                                "No socket is bound to %.200s, or it does not listen (ECONNREFUSED).", text);
                return error_set(error, ERROR_PEER_GONE,
                        "Nobody listens at %.200s (ECONNREFUSED): the process that made it has closed it or ended.",
                        text);
        case EPROTOTYPE:
                return error_set(error, ERROR_INVALID_ADDRESS,
                        "The socket that is bound to %.200s is of another type (EPROTOTYPE).", text);
        default:
                return error_set_errno(error, number, "%.200s cannot be connected to", text);
        }
}

int unix_connect(const Address *address, int type, int *ret_fd, Error *error) {
        CLEANUP_FD int fd = -EBADF;
        struct sockaddr_un name;
        socklen_t length;
        int flags, r;

        r = unix_address_to_name(address, &name, &length, error);
        if (r < 0)
                return r;
        fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return error_set_errno(error, errno, "No socket can be made");
        if (connect(fd, (struct sockaddr *)&name, length) < 0)
                return unix_connect_failed(address, errno, error);
        flags = fcntl(fd, F_GETFL);
        if (flags < 0 || fcntl(fd, F_SETFL, flags & ~O_NONBLOCK) < 0)
                return error_set_errno(error, errno, "The new connection cannot be prepared");
        *ret_fd = fd_take(&fd);
        return 0;
}

static void unix_abstract_identity(uint64_t inode, char ret_identity[IDENTITY_MAX]) {
        snprintf(ret_identity, IDENTITY_MAX, "socket:%" PRIu64, inode);
}

int unix_fill(KernelObject *object, int fd, Error *error) {
        CLEANUP_FD int pinned = -EBADF;
        struct stat st;
        int r;

        if (object->address.form == ADDRESS_PATH) {
                r = path_pin(object->address.text, S_IFSOCK, "socket", &pinned, &st, error);
                if (r >= 0)
                        path_fill(object, pinned, &st);
                return r;
        }
        if (fstat(fd, &st) < 0)
                return error_set_errno(error, errno, "The socket cannot be looked at");
        object->owner = st.st_uid;
        object->group = st.st_gid;
        object->mode = 0777; /* an abstract name has no permissions: whoever knows it may connect */
        object->created = realtime_now();
        unix_abstract_identity(st.st_ino, object->identity);
        return 0;
}

int unix_identify(const Address *address, char ret_identity[IDENTITY_MAX], Error *error) {
        uint64_t inode = address->number;
        uid_t uid;
        int r;

        if (address->form == ADDRESS_PATH)
                return path_identify(address, S_IFSOCK, "socket", ret_identity, error);
        if (address->form == ADDRESS_ABSTRACT) {
                r = unix_abstract_find(address, &inode, &uid, error);
                if (r < 0)
                        return r;
        }
        unix_abstract_identity(inode, ret_identity);
        return 0;
}

/* Without sock_diag(7) an abstract name has no identity; it can be used all the same. */
static int unix_look_abstract(KernelObject *object, Error *error) {
        Error reason = {};
        uint64_t inode;
        int r;

        r = unix_abstract_find(&object->address, &inode, &object->owner, &reason);
        if (r >= 0)
                unix_abstract_identity(inode, object->identity);
        else if (r != -EOPNOTSUPP) {
                if (error)
                        *error = reason;
                return r;
        }
        object->mode = 0777;
        return 0;
}

int unix_open_foreign(KernelObject *object, int type, Error *error) {
        const Address *address = &object->address;
        CLEANUP_TEXT text = address_print(address);
        struct sockaddr_un name;
        UnixOccupant occupant;
        socklen_t length;
        int r;

        r = unix_address_to_name(address, &name, &length, error);
        if (r < 0)
                return r;
        if (address->form != ADDRESS_PATH)
                return unix_look_abstract(object, error);
        r = unix_fill(object, -EBADF, error);
        if (r < 0)
                return r;
        /* Where this cannot be told, the first use tells. */
        r = unix_occupant(address, &occupant);
        if (r < 0 || occupant == UNIX_NOBODY || (occupant == UNIX_DATAGRAM) == (type == SOCK_DGRAM))
                return 0;
        return error_set(error, ERROR_INVALID_ADDRESS, "The socket that is bound to %.200s is of another type%s.",
                text ? text : "the address",
                occupant == UNIX_DATAGRAM ? "; unix-dgram is the kind for it"
                                          : ": it takes connections, not datagrams");
}

int unix_file(const Address *address, char **ret_path, int *ret_want) {
        if (address->form != ADDRESS_PATH)
                return -EOPNOTSUPP;
        *ret_path = strdup(address->text);
        *ret_want = W_OK;
        return *ret_path ? 0 : -ENOMEM;
}

int unix_remove(const KernelObject *object, Error *error) {
        if (object->address.form == ADDRESS_PATH)
                return path_unlink(object->address.text, "socket", error);
        return error_set(error, ERROR_NOT_SUPPORTED,
                "A socket without a path cannot be removed from outside: it is gone when its process closes it.");
}

int unix_revive(KernelObject *object, Error *error) {
        CLEANUP(record_freep) Record *options = NULL;
        KernelObject revived;
        int r;

        r = record_new(&options);
        if (r < 0)
                return error_set_errno(error, r, "The socket cannot be made again");
        record_set_string(options, "path", object->address.text);
        record_set_u64(options, "mode", object->mode);
        record_set_bool(options, "replace", true);
        kernel_object_init(&revived, object->mechanism);
        r = object->mechanism->create(&revived, options, error);
        if (r < 0)
                return r;
        revived.created = object->created;
        kernel_object_done(object);
        *object = revived;
        return 0;
}
