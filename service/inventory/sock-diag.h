/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The UNIX sockets of this network namespace, everybody's, as the kernel tells them (sock_diag(7)). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "error.h"

typedef enum SocketState {
        SOCKET_CONNECTED,
        SOCKET_LISTENING,
        SOCKET_UNCONNECTED, /* neither yet, or no more */
        SOCKET_STATE_MAX,
        SOCKET_STATE_INVALID = -1,
} SocketState;

typedef struct UnixSocket {
        uint32_t inode; /* of the socket itself, as in socket:[inode]; 0 while nobody has accepted it */
        int type;       /* SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET */
        SocketState state;
        char *name; /* NULL without a name: a path as it was given to bind(2), or the bytes after the first
                       NUL; always with a NUL behind */
        size_t name_length;
        bool abstract;
        dev_t file_device; /* of the file that bind(2) made; 0 and 0 without one */
        uint64_t file_inode;
        uint32_t peer;    /* inode of the far end; 0 without one */
        uint32_t queued;  /* bytes to be read (of a datagram socket: of the next one); connections to be accepted */
        uint32_t backlog; /* of a listening socket: how many may wait for accept(2) */
        uint8_t shutdown; /* 1: receives no more, 2: sends no more, 3: both */
        bool uid_known;   /* from Linux 5.3 on */
        uid_t uid;
} UnixSocket;

typedef struct UnixSockets {
        UnixSocket *items; /* by inode */
        size_t n, allocated;
} UnixSockets;

/* Errors: NotSupported where the kernel has no UNIX_DIAG, with that reason. */
int unix_sockets_new(UnixSockets **ret, Error *error);
UnixSockets *unix_sockets_free(UnixSockets *sockets);
static inline void unix_sockets_freep(UnixSockets **sockets) {
        *sockets = unix_sockets_free(*sockets);
}
/* NULL where there is none; never finds inode 0. */
const UnixSocket *unix_sockets_find(const UnixSockets *sockets, uint64_t inode);
const char *socket_state_name(SocketState state); /* "connected", "listening", "unconnected" */
