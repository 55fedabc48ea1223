/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The walk along a path as path_resolution(7) has it, symbolic links too, with a step for each directory. */
#pragma once

#include <limits.h>
#include <stdbool.h>

#include "explain.h"

typedef struct PathWalk {
        int fd; /* where it stands: a directory until the end */
        char here[PATH_MAX];
        char *rest; /* what is still to be walked */
        unsigned links;
        struct stat directory; /* the last one that was left */
        bool searched;         /* the step for searching it was made */
        bool finished;
} PathWalk;

#define PATH_WALK_EMPTY \
        { .fd = -EBADF }

/* 0, also where it did not come to the end (`finished`), or a negative errno that no step could tell. */
int path_walk(Explanation *explanation, const char *path, PathWalk *walk);
void path_walk_done(PathWalk *walk);

/* Steps about what an O_PATH descriptor is of. */
void path_check_permission(Explanation *explanation, int fd, const struct stat *st, int want, const char *path);
/* A number of a file below /proc/sys; 0 where it cannot be read. */
unsigned path_setting(const char *path);
