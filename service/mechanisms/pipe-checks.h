/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the checks of pipes and FIFOs share. */
#pragma once

#include "check.h"
#include "peer-call.h"

typedef struct Ends {
        int reading, writing;
} Ends;

#define ENDS_EMPTY \
        { -EBADF, -EBADF }

/* The two ends of a pipe or FIFO, by what the run's kind is; flags as pipe2() takes them. */
bool ends_make(CheckRun *run, int flags, Ends *ends);
void ends_done(Ends *ends);
int64_t pipe_write_bytes(int fd, size_t size);
int64_t pipe_read_bytes(int fd, size_t size);
int64_t pipe_queued(int fd);
/* revents, without waiting. */
int64_t pipe_poll(int fd, short events);

/* Beside what all peers can: write-many a=fd b=size c=count text=letter | own-pipe a: numbers a and a + 1, and its
 * path in /proc as text | pipe-size a=fd b=size | mkfifo text c=mode | umask a | queued a=fd | fill a=fd b=size:
 * writes of that size until it is full | adopt a=socket b=number: takes what comes over it | async a=fd */
int pipe_check_role(CheckPeer *peer);

enum { PIPE_WRITERS = 3 };
/* Each writer has the pipe open as number `fd`; they write blocks of PIPE_BUF bytes at the same time, and none may be
 * torn. */
CheckResult pipe_check_atomic(CheckRun *run, int reading, CheckProcess *const *writers, int fd);
/* The reading end is closed: a writer (number `fd` in both peers) is killed by SIGPIPE, or gets EPIPE if it ignores
 * that. */
CheckResult pipe_check_sigpipe(CheckRun *run, CheckProcess *const *peers, int fd);

/* Checks of both kinds, with pipe_check_role (pipe-checks-shared.c, pipe-checks-limits.c). */
CheckResult pipe_check_cut_writes(CheckRun *run);
CheckResult pipe_check_mixed(CheckRun *run);
CheckResult pipe_check_packets(CheckRun *run);
CheckResult pipe_check_poll(CheckRun *run);
CheckResult pipe_check_seek(CheckRun *run);
CheckResult pipe_check_nothing(CheckRun *run);
CheckResult pipe_check_write_interrupted(CheckRun *run);
CheckResult pipe_check_readers_share(CheckRun *run);
CheckResult pipe_check_sigio(CheckRun *run);
CheckResult pipe_check_capacity(CheckRun *run);
CheckResult pipe_check_resize(CheckRun *run);
CheckResult pipe_check_slots(CheckRun *run);
CheckResult pipe_check_splice(CheckRun *run);
/* With a role of its own. */
CheckResult pipe_check_user_pages(CheckRun *run);
int pipe_check_user_role(CheckPeer *peer);
