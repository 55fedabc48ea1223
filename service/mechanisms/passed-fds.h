/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Descriptors that go along with a message (SCM_RIGHTS, unix(7)). Who has a PassedFds owns what is in it. */
#pragma once

#include "cleanup.h"

/* What fits one message of the bus: dbus-daemon disconnects who sends more. */
enum { PASSED_FDS_MAX = 16 };

typedef struct PassedFds {
        int fds[PASSED_FDS_MAX];
        unsigned n;
} PassedFds;

static inline void passed_fds_done(PassedFds *passed) {
        for (unsigned i = 0; i < passed->n; i++)
                fd_close(passed->fds[i]);
        passed->n = 0;
}

/* Moves them; the source is empty then. */
static inline PassedFds passed_fds_take(PassedFds *passed) {
        PassedFds taken = *passed;

        passed->n = 0;
        return taken;
}
