/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the checks of rings share. */
#pragma once

#include <ipcbus-ring.h>

#include "checks.h"
#include "peer-call.h"

enum {
        RING_FROM_JUDGE = 0, /* the descriptor that a peer was started with */
        RING_SMALL = 4096,   /* capacity of most */
        RING_SIZE = 200,     /* of the messages that are numbered: message_fill() */
        RING_FITS = 15,      /* of them in a small one: 4 cache lines each, and the head of the next */
        RING_HANDLES = 4,    /* of a peer */
};

/* The judge's side: a ring and a handle. */
typedef struct RingCheck {
        int fd;
        IpcbusRing *ring;
} RingCheck;

#define RING_CHECK_EMPTY \
        { .fd = -EBADF }

void ring_check_done(RingCheck *check);
bool ring_check_make(CheckRun *run, uint64_t capacity, unsigned flags, RingCheck *ret);
/* Opens the judge's handle. */
bool ring_check_open(CheckRun *run, RingCheck *check, IpcbusRingRole role);
/* A ring, the judge in one role, and a peer with the descriptor and, as its handle 0, in the other. */
bool ring_check_begin(CheckRun *run, uint64_t capacity, unsigned flags, IpcbusRingRole role, RingCheck *ret,
        CheckProcess **ret_peer);
bool ring_check_add(CheckRun *run, const RingCheck *check, IpcbusRingRole role, CheckProcess **ret_peer);
/* Messages of RING_SIZE bytes. The number of the one received, -EBADMSG where it is none that message_fill() made. */
int64_t ring_send_number(IpcbusRing *ring, uint64_t number, uint64_t timeout);
int64_t ring_receive_number(IpcbusRing *ring, uint64_t timeout);
/* What the next receive here gives, a number or negative errno; waits for it, but not for ever. */
bool ring_gives(CheckRun *run, RingCheck *check, int64_t want);

/* Beside what all peers can, a being one of its handles:
 *   ring-open a b=descriptor c=role | ring-close a | ring-send a b=number c=usec | ring-receive a c=usec: the number |
 *   ring-flood a b=how many: numbers from 0 | ring-drain a b=how many: x the first number that was not next |
 *   ring-large a b=size c=number |
 *   ring-reserve a b=number: fills it, and commits nothing | ring-commit a | ring-append a b=number | ring-publish a |
 *   ring-peek a: the number | ring-release a | ring-wait a b=usec: x 1 where it gave up early | ring-way a
 * b=IpcbusRingWait | ring-recover a: how many | ring-places b=descriptor: opens writers until it is refused: x how
 * many | ring-make a=socket b=capacity: makes one and sends it there | ring-quiet a b=how many c=receives, else sends:
 * numbers from 0 in a process that may make no system call: x the signal that killed it |
 * ring-scribble b=descriptor c=msec: writes anything anywhere into it | truncate b=descriptor c=size | guard
 * a=descriptor of two pages of memory, maps them */
int ring_check_role(CheckPeer *peer);

/* ring-death-checks.c */
CheckResult ring_writer_killed(CheckRun *run);
CheckResult ring_writer_killed_many(CheckRun *run);
CheckResult ring_batch_killed(CheckRun *run);
CheckResult ring_reader_killed(CheckRun *run);
CheckResult ring_reader_killed_many(CheckRun *run);
CheckResult ring_readers_gone(CheckRun *run);
CheckResult ring_sleeper_killed(CheckRun *run);
CheckResult ring_recovered(CheckRun *run);
CheckResult ring_creator_gone(CheckRun *run);
CheckResult ring_stopped(CheckRun *run);
/* ring-trust-checks.c */
CheckResult ring_scribbled(CheckRun *run);
CheckResult ring_senseless(CheckRun *run);
CheckResult ring_sealed(CheckRun *run);
CheckResult ring_refused(CheckRun *run);
CheckResult ring_other_user(CheckRun *run);
CheckResult ring_handed_on(CheckRun *run);
CheckResult ring_address_space(CheckRun *run);
CheckResult ring_no_descriptors(CheckRun *run);
CheckResult ring_places(CheckRun *run);
