/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An open KernelObject as a record with descriptors beside it, from a worker to the service. `state` cannot go along:
 * kinds that create or open in a worker have none. */
#pragma once

#include "mechanism.h"

/* Only the address. */
int handover_address(const Address *address, Record *record);
/* `ret_fds` has room for KERNEL_OBJECT_FDS_MAX; they stay the object's. */
int handover_pack(const KernelObject *object, Record *record, int *ret_fds, unsigned *ret_n);
/* What was said of an object. A kind of which only the address or one descriptor came is opened here, with `options`.
 * What is taken of `fds` becomes -EBADF there. On success the caller owns `ret`. */
int handover_unpack(
        const Record *record, int *fds, unsigned n, const Record *options, KernelObject *ret, Error *error);
