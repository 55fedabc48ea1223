/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Peers that add to one number in memory that they share, each addition a read and a write that the compiler may not
 * join: what is lost where two do it at once, and that nothing is under a lock of any kind. */
#pragma once

#include <stddef.h>

#include "peer-call.h"

enum {
        COUNT_PEERS = 3,
        COUNT_ADDITIONS = 10000, /* of each */
};

/* In the peer: what it takes before an addition and gives back after it. 0 or negative errno. */
typedef struct PeerLock {
        int (*take)(void *userdata);
        int (*give)(void *userdata);
} PeerLock;

/* Adds one to the number in the memory of descriptor `number`, `times` times, each time under the lock. */
int peer_add_locked(CheckPeer *peer, int64_t number, int64_t times, const PeerLock *lock, void *userdata);
/* For the peer's own functions: load a=descriptor: keeps the number that it reads there, and one more | store
 * a=descriptor: writes that one. Both ask no lock. */
#define PEER_COUNT_FUNCTIONS             \
        { "load", peer_call_load }, {    \
                "store", peer_call_store \
        }
int64_t peer_call_load(CheckPeer *peer, const PeerCall *call, PeerReply *reply);
int64_t peer_call_store(CheckPeer *peer, const PeerCall *call, PeerReply *reply);

/* In the judge. Memory that peers can map through its descriptor, all zeros. */
int count_memory(size_t size, int *ret_fd);
/* COUNT_PEERS peers do `call` at once, which adds COUNT_ADDITIONS; none may be lost. */
CheckResult count_together(CheckRun *run, CheckProcess *const *peers, const PeerCall *call, int memory);
/* One addition of `other`, which asks no lock, in the middle of one of `holder`, which has it: one is lost. */
bool count_loses_one(CheckRun *run, CheckProcess *holder, CheckProcess *other, int64_t number, int memory);
