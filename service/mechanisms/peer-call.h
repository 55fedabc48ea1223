/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A peer that does, call by call, what the judge tells it: a check then reads as a script from top to bottom, and what
 * each process did stands in one place. A call that blocks is begun, looked at from outside, and ended.
 *
 * Descriptors have numbers that are the same on both sides: 0 to 3 are those of the link that the peer was started
 * with, PEER_SLOT and up are what the peer opened itself. */
#pragma once

#include <stdint.h>

#include "check.h"

enum {
        PEER_SLOT = LINK_FDS_MAX,
        PEER_SLOTS = 8,
        PEER_TEXT_MAX = 256,
};

typedef struct PeerCall {
        const char *name;
        int64_t a, b, c;
        const char *text; /* may be NULL */
} PeerCall;

typedef struct PeerReply {
        int64_t result; /* negative errno where it failed */
        int64_t x, y, z;
        char text[PEER_TEXT_MAX];
} PeerReply;

typedef struct PeerFunction {
        const char *name;
        int64_t (*run)(CheckPeer *peer, const PeerCall *call, PeerReply *reply);
} PeerFunction;

/* In the peer: serves calls until the judge is gone. `own` ends with a NULL name and may be NULL; beside it these are
 * always there, `a` being a descriptor:
 *   open a=slot b=flags text=path | close a | read a b=size: x first, y last byte | write a b=size c=byte |
 *   nonblock a b=on | poll a b=events c=msec: x revents, y usec that it took | ignore a=signal | handle a=signal
 * b=flags: from now on only counts it | handled: how often | put text=path b=number: writes it there | nobody,
 * new-ipc, new-net: goes there, as peer_go() has it done | limit a=RLIMIT_… b=value | chdir text | exit a=status |
 * pid: x pid, y uid, z gid | realtime a=priority: SCHED_FIFO from now on | last-call a=number: from now on it is
 * killed with SIGKILL when it begins that system call, before the kernel does any of it */
int peer_serve(CheckPeer *peer, const PeerFunction *own);
/* A role that has only those. */
int peer_role_plain(CheckPeer *peer);
/* The place of descriptor number `number`, or NULL. */
int *peer_descriptor(CheckPeer *peer, int64_t number);

/* In the judge. peer_call() returns the result; -EREMOTEIO, with a note, when the peer did not answer. */
int64_t peer_call_full(CheckRun *run, CheckProcess *process, const PeerCall *call, PeerReply *ret_reply);
int peer_begin(CheckRun *run, CheckProcess *process, const PeerCall *call);
int64_t peer_end(CheckRun *run, CheckProcess *process, PeerReply *ret_reply);
#define peer_call(run, process, ...) peer_call_full(run, process, &(const PeerCall){ __VA_ARGS__ }, NULL)

/* Sends a peer that runs already to another place; false: it could not go, which is noted, and the check counts as
 * skipped. It has no call back. */
bool peer_go(CheckRun *run, CheckProcess *process, CheckPlace place);

/* Starts a peer with these descriptors (numbers 0 …) and nothing else. */
int peer_start(CheckRun *run, unsigned role, const int *fds, unsigned n_fds, CheckProcess **ret);
int peer_start_at(CheckRun *run, CheckPlace place, unsigned role, const int *fds, unsigned n_fds, CheckProcess **ret);
