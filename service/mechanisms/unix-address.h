/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Addresses of UNIX sockets: paths and abstract names (unix(7)), how they are bound, looked at and connected to. */
#pragma once

#include <stdbool.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "mechanism.h"

/* What fits sun_path: a path needs its final NUL, an abstract name its first. */
enum { UNIX_NAME_MAX = sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1 };

#define UNIX_ADDRESS_FORMS ((1u << ADDRESS_PATH) | (1u << ADDRESS_ABSTRACT) | (1u << ADDRESS_INODE))

/* From the options "path" and "name", of which there has to be one. */
int unix_address_from_options(const char *kind, const Record *options, Address *ret, Error *error);
/* The other way, as getsockname(2) and recvmsg(2) give it; -EADDRNOTAVAIL for a socket without a name. */
int unix_address_from_name(const char *kind, const struct sockaddr_un *name, socklen_t length, Address *ret);
int unix_address_to_name(const Address *address, struct sockaddr_un *ret, socklen_t *ret_length, Error *error);

#define UNIX_STATE_STALE "stale: nobody listens"

typedef enum UnixOccupant {
        UNIX_NOBODY,     /* at most a file that a socket left */
        UNIX_DATAGRAM,   /* a datagram socket is bound */
        UNIX_CONNECTION, /* a socket of another type is */
} UnixOccupant;

/* Who is bound to a path, without anybody noticing. (Abstract names are apart for each type of socket.) -ENOENT where
 * there is not even a file; -EACCES … where it cannot be told. */
int unix_occupant(const Address *address, UnixOccupant *ret);

/* Binds, with these permission bits. What exists is left alone (Exists), but for a socket file that nobody is bound
 * to, with `replace`. */
int unix_bind(int fd, const Address *address, mode_t mode, bool replace, Error *error);
/* Removes the file that unix_bind() made. */
void unix_unbind(const Address *address);

/* A connected socket that blocks; the connecting does not. -EAGAIN without an Error: the backlog is full. */
int unix_connect(const Address *address, int type, int *ret_fd, Error *error);

/* Fills identity, owner, mode and created: of the file, or of the socket `fd` of an abstract name. */
int unix_fill(KernelObject *object, int fd, Error *error);
/* For identify(). */
int unix_identify(const Address *address, char ret_identity[IDENTITY_MAX], Error *error);
/* For open(): is there such a socket, of that type? Fills the object. */
int unix_open_foreign(KernelObject *object, int type, Error *error);
/* For file(): only a path has one, and who may write to it may connect or send (unix(7)). */
int unix_file(const Address *address, char **ret_path, int *ret_want);
/* For explain() (unix-explain.c). */
int unix_explain(const Address *address, Explanation *explanation);
/* For remove(), of what has a path. Abstract names end with their socket. */
int unix_remove(const KernelObject *object, Error *error);

/* Who is at the far end of a connection, where the kernel tells (SO_PEERCRED); pid 0 and user -1 else. */
void unix_peer_credentials(int fd, struct ucred *ret);
/* As "pid", "uid" and "gid", unless the message itself said so. */
void unix_credentials_tell(const struct ucred *credentials, Record *record);
/* For revive(): makes the socket anew in the place of the file that is left; Exists where somebody has it open. */
int unix_revive(KernelObject *object, Error *error);

/* unix-adopt.c */
/* SOCK_STREAM for "unix-stream" …, and the other way. */
int unix_type_of(const char *kind);
const char *unix_kind_of(int type);
/* For from_fd(): -EMEDIUMTYPE for what is no UNIX socket of this type. */
int unix_check_fd(int fd, int type);
/* The object of a socket that is bound to a name which leads to it; -EADDRNOTAVAIL without an Error for any other.
 * Does not take the descriptor. */
int unix_adopt_named(KernelObject *object, int fd, Error *error);
bool unix_needs_fetch(const Address *address);
int unix_resolve(const Mechanism *mechanism, uint64_t inode);
int unix_fetch(Address *address, const Record *options, int *ret_fd, Error *error);
/* Errors in words: "end" was said of what has none; send(2) failed with `r`. */
int unix_no_ends(const KernelObject *object, Error *error);
int unix_send_failed(int type, size_t size, int r, Error *error);
