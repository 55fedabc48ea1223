/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Seals of a file by name (fcntl(2), F_ADD_SEALS): "seal", "shrink", "grow", "write", "future-write", "exec". */
#pragma once

#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>

#include "error.h"
#include "record.h"

#ifndef F_SEAL_EXEC
#define F_SEAL_EXEC 0x0020 /* Linux 6.3; fcntl(2) */
#endif

enum { MEMORY_SEAL_ANY_WRITE = F_SEAL_WRITE | F_SEAL_FUTURE_WRITE };

/* Errors: InvalidOption with the seals that there are. */
int memory_seals_parse(const char *const *names, size_t n, int *ret_seals, Error *error);
/* Adds the seals; `name` is how people call the file. */
int memory_seals_add(int fd, int seals, const char *name, Error *error);
/* Is it sealed against any of that? */
bool memory_sealed(int fd, int seals);
/* Sets "seals" (STRINGS), unless the file can have none. */
void memory_seals_describe(int fd, Record *attributes);
