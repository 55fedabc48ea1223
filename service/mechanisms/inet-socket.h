/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the kinds tcp, udp and raw do alike: sockets made and bound with errors that say what stood in the way, the
 * sockets of others looked up, and objects filled from either. */
#pragma once

#include <stdbool.h>

#include "inet-address.h"

/* What makes them differ. */
typedef struct InetKind {
        const char *kind;
        int type;     /* SOCK_STREAM … */
        int protocol; /* as inet_sockets_new() takes it */
} InetKind;

extern const InetKind inet_tcp, inet_udp, inet_raw;

/* A socket for that name, non-blocking or not as `flags` say (SOCK_NONBLOCK). */
int inet_socket(const InetKind *kind, const InetName *name, int flags, int *ret_fd, Error *error);
int inet_bind(const InetKind *kind, int fd, const InetName *name, Error *error);
/* An address of 127.0.0.0/8 that is drawn by lot, and ends in a number that is divisible by 4: the three above it are
 * drawn with it. For raw sockets, which have no ports that would keep them apart. */
struct in_addr inet_address_by_lot(void);
/* Until it is bound a raw socket receives all packets of its protocol, whoever sends them to whom (raw(7)): throws
 * away what came before it was bound to an address. */
void inet_raw_forget(int fd);
/* "The interface lo is down …" is NotSupported. */
int inet_loopback_check(Error *error);
/* Is the host one of this network namespace? */
bool inet_name_is_local(const InetName *name);
/* What connect(2), or the first use after it, gave. */
int inet_connect_failed(const char *kind, const InetName *peer, int number, Error *error);
/* From the options "host" and "port", or "protocol". */
int inet_name_from_options(const InetKind *kind, const Record *options, InetName *ret, Error *error);

/* 0, or -EMEDIUMTYPE for a descriptor of another kind. */
int inet_fd_check(const InetKind *kind, int fd);
/* Fills address, identity and owner from a socket of this process; an address of its own if it is unconnected or
 * listens, else by inode. */
int inet_fill(const InetKind *kind, KernelObject *object, int fd, Error *error);
/* For open(): makes the address canonical, and looks who is bound to it. -ENOENT with an Error: nobody, here; 0 with
 * the identity "elsewhere" for a host of another machine. */
int inet_open(const InetKind *kind, KernelObject *object, Error *error);
int inet_identify(const InetKind *kind, const Address *address, char ret_identity[IDENTITY_MAX], Error *error);
int inet_cannot_remove(const KernelObject *object, Error *error);

/* Attributes of a socket of this process: buffers, and what waits in it. */
void inet_describe_fd(const InetKind *kind, int fd, Record *attributes);
/* Of a socket of others, as far as the kernel tells (inet-scan.c). */
void inet_describe_foreign(const InetKind *kind, const KernelObject *object, Record *attributes);
/* "far_end": where the other end of a connection is on this machine. */
void inet_describe_far_end(const InetKind *kind, const KernelObject *object, Record *attributes);
int inet_scan(const InetKind *kind, Scan *scan);
/* For the kinds' resolve(): above 0 where the kernel lists the socket among those of the kind. */
int inet_resolve(const InetKind *kind, uint64_t inode);
/* The socket, the connections that it accepted, and their far ends. */
int inet_holder_keys(const InetKind *kind, const KernelObject *object, HolderKey *ret_keys, size_t *n);
/* For explain() (inet-explain.c). */
int inet_explain(const InetKind *kind, const Address *address, Explanation *explanation);
