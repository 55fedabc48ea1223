/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What stands in files of its own beside the kind eventfd: its transport and its scan, and what /proc tells. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "mechanism.h"

/* The most that the counter can be: 2^64 - 1 would be an error for pollers (eventfd(2)). */
#define EVENTFD_MAX (UINT64_MAX - 1)

typedef struct EventfdInfo {
        uint64_t id, count;
        bool semaphore;
} EventfdInfo;

extern const Transport eventfd_transport;

int eventfd_scan(Scan *scan);
/* From /proc/<process>/fdinfo/<fd>; `process` is a pid or "self". -EMEDIUMTYPE: it is no eventfd. */
int eventfd_info(const char *process, int fd, EventfdInfo *ret);
