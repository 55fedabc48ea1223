/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a file lies on: the file system by its name, and whether its contents are in memory alone. */
#pragma once

#include <stdbool.h>

#include "record.h"

/* By the descriptor (O_PATH will do) or, without one, the path. Sets file_system ("ext4", "tmpfs" …) and backing
 * ("disk", "memory", "network", "unknown"). */
void file_system_describe(int fd, const char *path, Record *attributes);
/* Is there a disk, or another machine, that a file on it can be synced to? True also where it is not known. */
bool file_system_can_sync(int fd);
