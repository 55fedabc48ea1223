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
/* For remove(), of what has a path. Abstract names end with their socket. */
int unix_remove(const KernelObject *object, Error *error);

/* Pid and user of the far end of a connection, where the kernel tells (SO_PEERCRED). */
void unix_peer_credentials(int fd, pid_t *ret_pid, uid_t *ret_uid);
/* For revive(): makes the socket anew in the place of the file that is left; Exists where somebody has it open. */
int unix_revive(KernelObject *object, Error *error);
