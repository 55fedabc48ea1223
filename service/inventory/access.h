/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Can a user open what stands at a path, and what is in the way? Looked at step by step, and then really tried as that
 * user. Forks: for the worker only. */
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include "record.h"

/* Does what opening needs and has no effect on others: open(path, O_RDONLY | O_NONBLOCK) where that has none, else
 * faccessat(…, AT_EACCESS), which asks the kernel the same (a FIFO: a reader that comes and goes breaks its writers).
 * Runs as the user, in a process of its own that ends after it. Returns a negative errno, or anything else where it
 * worked; what it opened need not be closed. */
typedef int (*AccessTry)(const char *path, void *userdata);

/* `want`: R_OK and W_OK, or 0 to reach it only; a UNIX socket needs W_OK to connect (unix(7)). `user`: the name, to
 * say it and to find its groups; NULL: the number is said, and the groups are `gid` alone unless it is ourselves.
 * `path` is absolute. `try_open` may be NULL: then nothing is tried. Sets in the verdict:
 *
 *   possible  BOOL: what the trial gave; without one, whether nothing was found in the way
 *   tried     BOOL: was it tried as this user?
 *   summary   STRING: one or two sentences, that name the first thing in the way
 *   steps     RECORDS of STRINGs: step, result ("ok", "blocked", "unknown"), detail
 *
 * -EINVAL for a path that is not absolute, -ENOMEM; all else is a step. */
int access_explain(const char *path, int want, uid_t uid, gid_t gid, const char *user, AccessTry try_open,
        void *userdata, Record *verdict);

/* What mode, owner and group of something that is no file give to a user: a step for reading and one for writing.
 * *ret_blocked is the sentence of the first that the mode refuses, NULL where it refuses none; the caller frees it. */
int access_explain_mode(const char *what, const struct stat *st, uid_t uid, gid_t gid, const char *user,
        Record *verdict, char **ret_blocked);
