/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Two sides of a transport for a check: the judge is side 0, a peer is side 1; or several are, for transports that let
 * more than one process attach there. */
#pragma once

#include "check.h"
#include "mechanism.h"

enum {
        PAIR_MESSAGE_MAX = 64 * 1024,
        PAIR_STREAM_CHUNK = 4096,
        PAIR_STEP_SIZE = 1024,
        PAIR_PEERS_MAX = 4,
};

typedef struct PairSetting {
        size_t message_max;    /* the most bytes that the check sends at once */
        unsigned depth;        /* how many messages have to fit before one is taken (0: any) */
        unsigned n_peers;      /* 0 is 1; their arguments have "number", from 0 */
        CheckPlace place;      /* of the peers */
        unsigned mode;         /* Link.mode */
        const char *directory; /* for names; NULL: that of the run */
} PairSetting;

typedef struct Pair {
        CheckRun *run;
        const Transport *transport;
        Link link;
        CheckProcess *peers[PAIR_PEERS_MAX];
        CheckProcess *peer; /* the first */
        unsigned n_peers;
        unsigned sent; /* which of them have said so: a mask */
        bool made, attached;
        unsigned char *buffer; /* of PAIR_MESSAGE_MAX bytes and one more */
} Pair;

/* Sets up the link, starts the peers in role 0 and attaches; the role waits for that with role_begin(). A failure is
 * noted; pair_close() is to be called also then. */
int pair_open_with(CheckRun *run, const PairSetting *setting, Pair *ret);
int pair_open(CheckRun *run, size_t message_max, unsigned depth, Pair *ret);
/* Detaches and tears down; passes the result on. */
CheckResult pair_close(Pair *pair, CheckResult result);
/* Starts the peer's next step and hears what it tells of it: "word" and numbers. */
int pair_tell(Pair *pair, const char *word);
/* Hears a record of the peer with that word; a failure is noted. */
int pair_hear(Pair *pair, const char *word, Record **ret);
/* The same of peer number `i`. */
int pair_tell_to(Pair *pair, unsigned i, const char *word);
int pair_hear_from(Pair *pair, unsigned i, const char *word, Record **ret);

/* The next message or bytes, for as long as a peer may still send: -ENODATA when all have said that they sent all
 * ("sent") and nothing is left, -ETIMEDOUT after CHECK_PATIENCE_USEC, 0 at the end of a stream. `*sent` is kept
 * between calls. */
ssize_t pair_receive(Pair *pair, size_t size, bool *sent);

/* The same into `buffer` of `size` bytes: one message, or all of `size` from a stream; -EBADMSG where it ends within.
 */
ssize_t pair_receive_whole(Pair *pair, void *buffer, size_t size, bool *sent);

/* Gives the messages of a stream of known bytes: message `number` of `size` bytes, each byte depending on both. */
void message_fill(void *buffer, size_t size, uint64_t number);
bool message_matches(const void *buffer, size_t size, uint64_t number);
/* The bytes of an endless stream from `position` on. */
void stream_fill(void *buffer, size_t size, uint64_t position);
/* Steps: messages of PAIR_STEP_SIZE bytes, or of as many as the link carries. One is received whole, over several
 * receives of a stream: its size, -EBADMSG where it is not message `number`. */
size_t step_size(const Link *link);
int64_t step_receive(Link *link, uint64_t number);
int step_send(Link *link, uint64_t number, bool wait);
/* Sends steps 0 and on without waiting until it is full, and stays so. How many fitted, or what stopped it. */
int64_t step_fill(Link *link);
/* FNV-1a, 64 bits: the hash after `size` bytes more. */
#define FNV_START UINT64_C(0xcbf29ce484222325)
uint64_t fnv_1a(uint64_t hash, const void *data, size_t size);

/* In the peer, first of all: waits until the judge is attached too. What a socket lets through can depend on that. */
int role_begin(CheckPeer *peer);
/* Says "word" with these numbers. */
int role_say(CheckPeer *peer, const char *word, int64_t x, int64_t y);
/* Serves the judge: each time that it is told, takes "take" steps from number "from" on, and says "taken": x is the
 * size of the last, or what is wrong. Then y is what try_receive() gives, where "look" is asked for too. */
int role_take_steps(CheckPeer *peer);
/* In the judge: has peer `i` begin with that; its answer, where `take` of them come to a good end. */
int pair_begin_take(Pair *pair, unsigned i, int64_t from, int64_t take, bool look);
int64_t pair_end_take(Pair *pair, unsigned i, int64_t *ret_look);
/* Sends all, message by message, over whatever the transport does with a stream. */
int role_send(CheckPeer *peer, const void *data, size_t size);
