/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Two sides of a transport for a check: the judge is side 0, one peer is side 1. */
#pragma once

#include "check.h"
#include "mechanism.h"

enum {
        PAIR_MESSAGE_MAX = 64 * 1024,
        PAIR_STREAM_CHUNK = 4096,
};

typedef struct Pair {
        CheckRun *run;
        const Transport *transport;
        Link link;
        CheckProcess *peer;
        bool made, attached;
        unsigned char *buffer; /* of PAIR_MESSAGE_MAX bytes and one more */
} Pair;

/* Sets up the link, starts the peer in role 0 and attaches; the role waits for that with role_begin(). `message_max`
 * is the most bytes that the check sends at once, `depth` how many messages have to fit before one is taken (0: any).
 * A failure is noted; pair_close() is to be called also then. */
int pair_open(CheckRun *run, size_t message_max, unsigned depth, Pair *ret);
/* Detaches and tears down; passes the result on. */
CheckResult pair_close(Pair *pair, CheckResult result);
/* Starts the peer's next step and hears what it tells of it: "word" and numbers. */
int pair_tell(Pair *pair, const char *word);
/* Hears a record of the peer with that word; a failure is noted. */
int pair_hear(Pair *pair, const char *word, Record **ret);

/* The next message or bytes, for as long as the peer may still send: -ENODATA when the peer has said that it sent all
 * ("sent") and nothing is left, -ETIMEDOUT after CHECK_PATIENCE_USEC, 0 at the end of a stream. `*sent` is kept
 * between calls. */
ssize_t pair_receive(Pair *pair, size_t size, bool *sent);

/* Gives the messages of a stream of known bytes: message `number` of `size` bytes, each byte depending on both. */
void message_fill(void *buffer, size_t size, uint64_t number);
bool message_matches(const void *buffer, size_t size, uint64_t number);
/* The bytes of an endless stream from `position` on. */
void stream_fill(void *buffer, size_t size, uint64_t position);
/* FNV-1a, 64 bits: the hash after `size` bytes more. */
#define FNV_START UINT64_C(0xcbf29ce484222325)
uint64_t fnv_1a(uint64_t hash, const void *data, size_t size);

/* In the peer, first of all: waits until the judge is attached too. What a socket lets through can depend on that. */
int role_begin(CheckPeer *peer);
/* Says "word" with these numbers. */
int role_say(CheckPeer *peer, const char *word, int64_t x, int64_t y);
/* Sends all, message by message, over whatever the transport does with a stream. */
int role_send(CheckPeer *peer, const void *data, size_t size);
