/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a kind's probe() says of limits: one record each under "limits", with name, value, unit and source. */
#pragma once

#include <stdint.h>

#include "record.h"

/* `source` is where the figure comes from, for people: "/proc/sys/fs/mqueue/msg_max", "limits.h". */
void limit_append(Record *facts, const char *name, uint64_t value, const char *unit, const char *source);
/* Reads one number from `path` and appends it with the path as its source; appends nothing where it cannot be read.
 * Returns 0 or negative errno. */
int limit_append_file(Record *facts, const char *name, const char *unit, const char *path);
/* One number of a file below /proc/sys; `fallback` where it cannot be read. */
uint64_t limit_read(const char *path, uint64_t fallback);
