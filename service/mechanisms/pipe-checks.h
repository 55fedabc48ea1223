/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the checks of pipes and FIFOs share. */
#pragma once

#include "check.h"
#include "peer-call.h"

/* Beside what all peers can: write-many a=fd b=size c=count text=letter | pipe | pipe-size a=fd b=size | mkfifo text |
 * queued a=fd */
int pipe_check_role(CheckPeer *peer);

enum { PIPE_WRITERS = 3 };
/* Each writer has the pipe open as number `fd`; they write blocks of PIPE_BUF bytes at the same time, and none may be
 * torn. */
CheckResult pipe_check_atomic(CheckRun *run, int reading, CheckProcess *const *writers, int fd);
/* The reading end is closed: a writer (number `fd` in both peers) is killed by SIGPIPE, or gets EPIPE if it ignores
 * that. */
CheckResult pipe_check_sigpipe(CheckRun *run, CheckProcess *const *peers, int fd);
