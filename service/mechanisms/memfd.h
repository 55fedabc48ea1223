/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The parts of the kind memfd, and what tells a memfd from other files. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "error.h"
#include "transport.h"

typedef struct Address Address;
typedef struct Explanation Explanation;
typedef struct Mechanism Mechanism;
typedef struct Record Record;
typedef struct Scan Scan;

enum {
        MEMFD_NAME_MAX = 249, /* memfd_create(2) */
        MEMFD_NAME_SIZE = MEMFD_NAME_MAX + 1,
        MEMFD_DEVICES_MAX = 8,
};

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U /* both since Linux 6.3 */
#define MFD_EXEC        0x0010U
#endif

#define MEMFD_NOEXEC_FILE "/proc/sys/vm/memfd_noexec"

extern const Transport memfd_transport;

int memfd_scan(Scan *scan);
/* The same of those that a kind knows by what is in them (Mechanism.within): `look` adds what that is, of a descriptor
 * for reading; there may be none. */
int memfd_scan_within(Scan *scan, const Mechanism *within, void (*look)(int fd, Record *row));
int memfd_explain(const Address *address, Explanation *explanation);

/* The name in a link or path as the kernel shows it, "/memfd:NAME (deleted)"; -EMEDIUMTYPE for another. */
int memfd_name_from_link(const char *link, char ret_name[MEMFD_NAME_SIZE]);
/* Of a descriptor of ours. */
int memfd_name(int fd, char ret_name[MEMFD_NAME_SIZE]);
/* The devices that memfds have here: that of ordinary pages, and one for each size of huge pages. */
size_t memfd_devices(dev_t ret_devices[MEMFD_DEVICES_MAX]);
