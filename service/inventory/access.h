/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Can a user open what stands at a path, and what is in the way? Looked at step by step, and then really tried as that
 * user. Forks: for the worker only. */
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include "explain.h"

/* Opens the path for `want` (R_OK, W_OK), where that has no effect on others, else asks the kernel what it asks itself
 * when it is opened: faccessat(…, AT_EACCESS). Returns a negative errno, or anything else where it worked; what it
 * opened need not be closed. */
typedef int (*AccessOpen)(const char *path, int want, void *userdata);

/* `want`: R_OK and W_OK; where it is R_OK alone, writing is a use of its own, and explained beside it. A UNIX socket
 * needs W_OK, and W_OK alone is to connect to one (unix(7)). `path` is absolute. `try_open` may be NULL: then nothing
 * is tried. -EINVAL for a path that is not absolute, -ENOMEM; all else is a step. `ret_st` is of what stands there
 * (st_nlink 0: nothing was found); it may be NULL. */
int access_explain(Explanation *explanation, const char *path, int want, AccessOpen try_open, void *userdata,
        struct stat *ret_st);

enum {
        MAKING_BYTES = 1 << 0, /* bytes are written: it takes room */
        MAKING_SIZE = 1 << 1,  /* it gets a size, ftruncate(2) */
};

/* Could the user make a file at this path? `needs`: MAKING_…. Tried with a file that never has a name
 * (O_TMPFILE of open(2)). */
int access_explain_making(Explanation *explanation, const char *path, unsigned needs);

/* For try_open: what has no effect on whoever is there, by the type of the file. */
int access_try_file(const char *path, int want, void *userdata);
