/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Steps about what has no name, and is reached through a process that holds it (fd-fetch.h): who holds it, whether the
 * user may look into one of those processes, and what the mode of the object says. */
#pragma once

#include "explain.h"
#include "fd-fetch.h"

/* `want` for FETCH_REOPEN: R_OK, W_OK, or 0 where that is explained apart. */
int explain_held(Explanation *explanation, const HolderKey *keys, size_t n, FetchWay way, int want, const char *what);
