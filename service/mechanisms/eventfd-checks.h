/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the checks of eventfds share. */
#pragma once

#include "checks.h"
#include "peer-call.h"

/* 0 or negative errno. */
int64_t eventfd_add(int fd, uint64_t value);
int64_t eventfd_take(int fd, uint64_t *ret);
/* revents, without waiting. */
int64_t eventfd_polled(int fd, short events);

/* Beside what all peers can: add a b=number | take a: x the value | eventfd a=slot b=value c=flags |
 * receive-descriptor a=socket b=slot | send-descriptor a=socket b=what | fork-add a b=number: a child of its own adds
 * | in-program a: is it open in a program that a child executes? | get-descriptor a=pid b=what, of that process |
 * count a b=times c=memory: adds to the number in it, each time under the eventfd | those of peer-count.h */
int eventfd_role(CheckPeer *peer);

/* In the judge. */
bool eventfd_make(CheckRun *run, unsigned value, int flags, int *ret);
/* A counter, and a peer that has it as its descriptor 0. */
bool eventfd_begin(CheckRun *run, unsigned value, int flags, int *ret_fd, CheckProcess **ret);
/* What a read gives here. */
bool eventfd_takes(CheckRun *run, int fd, uint64_t want);

/* eventfd-waiting-checks.c, with eventfd_role */
CheckResult eventfd_one_takes_all(CheckRun *run);
CheckResult eventfd_zero(CheckRun *run);
CheckResult eventfd_barging(CheckRun *run);
CheckResult eventfd_write_interrupted(CheckRun *run);
CheckResult eventfd_poll_interrupted(CheckRun *run);
CheckResult eventfd_writer_killed(CheckRun *run);
CheckResult eventfd_reader_killed(CheckRun *run);
CheckResult eventfd_excludes(CheckRun *run);
CheckResult eventfd_advisory(CheckRun *run);
/* eventfd-shared-checks.c, with eventfd_role */
CheckResult eventfd_no_direction(CheckRun *run);
CheckResult eventfd_one_description(CheckRun *run);
CheckResult eventfd_forked(CheckRun *run);
CheckResult eventfd_program(CheckRun *run);
CheckResult eventfd_shown(CheckRun *run);
CheckResult eventfd_no_rights(CheckRun *run);
CheckResult eventfd_other_user_refused(CheckRun *run);
CheckResult eventfd_no_descriptors(CheckRun *run);
