/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the tests of the walk of /proc share. */
#pragma once

#include "child.h"
#include "scan.h"

#define WAYS(...) ((const char *const[]){ __VA_ARGS__, NULL })

typedef struct MapWork {
        const char *path;
        int protection, flags, pieces;
} MapWork;

ProcTable *new_table(void);
HolderKey file_key(const char *path);
Record *holders_row(const ProcTable *table, HolderKey key);
/* Exactly these ways, in any order, all of that process. */
void assert_holders(const ProcTable *table, HolderKey key, pid_t pid, const char *const *ways, const char *end);

/* Work for children. The file of that path for reading, writing, both, and O_PATH: the descriptors are the answers. */
int open_four(unsigned long long answers[CHILD_ANSWERS], void *path);
/* For reading and writing, without waiting. */
int open_fifo(unsigned long long answers[CHILD_ANSWERS], void *path);
/* A MapWork; the descriptor is closed again. */
int map_file(unsigned long long answers[CHILD_ANSWERS], void *map_work);
