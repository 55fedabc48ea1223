/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the two files of a FIFO's checks share. A Fifo owns its name and the judge's descriptor; peers open it by its
 * path. */
#pragma once

#include "checks.h"
#include "pipe-checks.h"

enum { FIFO_OWN = PEER_SLOT }; /* where peers open it */

typedef struct Fifo {
        char path[CHECK_PATH_MAX];
        int fd;
} Fifo;

#define FIFO_EMPTY \
        { .fd = -EBADF }

void fifo_done(Fifo *fifo);
/* flags < 0: not opened here. */
bool fifo_make(CheckRun *run, int flags, Fifo *fifo);
int64_t fifo_peer_open(CheckRun *run, CheckProcess *peer, const Fifo *fifo, int flags);
int64_t fifo_read_byte(int fd, char *ret);
int64_t fifo_read_all(int fd);

/* How it is opened (fifo-checks-open.c). */
CheckResult fifo_check_open_read_waits(CheckRun *run);
CheckResult fifo_check_open_write_waits(CheckRun *run);
CheckResult fifo_check_open_at_once(CheckRun *run);
CheckResult fifo_check_read_write(CheckRun *run);
CheckResult fifo_check_own_bytes(CheckRun *run);
CheckResult fifo_check_no_end(CheckRun *run);
CheckResult fifo_check_before_the_first(CheckRun *run);
CheckResult fifo_check_open_interrupted(CheckRun *run);
CheckResult fifo_check_opener_killed(CheckRun *run);
