/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What stands in files of its own beside the kinds of UNIX sockets: transports, and looks at the sockets of
 * the machine through sock_diag(7). */
#pragma once

#include "mechanism.h"
#include "sock-diag.h"

extern const Transport unix_stream_transport;
extern const Transport unix_dgram_transport;
extern const Transport unix_seqpacket_transport;

int unix_stream_scan(Scan *scan);
int unix_dgram_scan(Scan *scan);
int unix_seqpacket_scan(Scan *scan);
/* Files that sockets left behind, in the places where sockets are: nobody is bound to them (unix-stale.c). */
int unix_stale_scan(Scan *scan, const char *kind, const UnixSockets *sockets);
/* The socket bound to the address, those accepted from it, and the far ends of all these. */
int unix_holder_keys(const KernelObject *object, int type, HolderKey *ret_keys, size_t *n);
/* Attributes of a socket that is not ours: state, queue, connections. Leaves them out where they cannot be told. */
void unix_describe_foreign(const KernelObject *object, int type, Record *attributes);
/* The socket that is bound to an abstract name: its inode and owner ((uid_t) -1 where the kernel does not tell).
 * -ENOENT; -EOPNOTSUPP without sock_diag(7). */
int unix_abstract_find(const Address *address, uint64_t *ret_inode, uid_t *ret_uid, Error *error);
