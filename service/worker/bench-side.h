/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One process of a trial, as the measured loops see it: what it sends and receives with, and what it has used up so
 * far. Inline, as it stands in the loops that are measured. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench-measure.h"
#include "payload.h"
#include "transport.h"

enum {
        PHASE_WARM_UP,
        PHASE_MEASURE,
        PHASE_STOP,
};

enum {
        /* How far a sender may run ahead: more than any queue, pipe or socket holds, so that those are held back by
         * themselves; less for what nothing else holds back (a semaphore, a queue in a process), or the receiver would
         * work off in its trial what was sent before. */
        AHEAD_MAX = 1 << 17,
        AHEAD_MAX_FREE = 1 << 10,
        AHEAD_STEP = 64,
        WARM_UP_WINDOWS = 16,
};

typedef struct Side {
        unsigned side;
        Measure *measure;
        Link *link;
        const Transport *transport;
        LinkSend send;
        LinkReceive receive;
        size_t size;
        bool boundaries;
        InPlace in_place;
        void *out, *in;
        uint64_t number; /* of the last message sent (side 0) or received (side 1) */
        Usage begin;
} Side;

static inline uint64_t ahead_max(const Transport *transport) {
        return transport->message_max <= BENCH_TOKEN_MAX || transport->buffered ? AHEAD_MAX_FREE : AHEAD_MAX;
}

int side_say_failed(const Side *side, const char *what, uint64_t number, int error) __attribute__((cold));
int side_say_short(const Side *side, uint64_t number, ssize_t n) __attribute__((cold));
int side_say_wrong(const Side *side, const void *found, uint64_t number) __attribute__((cold));

int side_send_in_place(Side *side, uint64_t number);
int side_receive_in_place(Side *side, uint64_t number);
/* What a receive of a stream left over, where `n` bytes have come: 0 when all is there. */
int side_receive_rest(Side *side, uint64_t number, ssize_t *n);

void side_usage_begin(Side *side);
/* `messages`: that the side has sent and received since. */
void side_usage_end(Side *side, uint64_t messages);

/* Numbers of messages that go back are told from those that go forth. */
static inline uint64_t answer_to(uint64_t number) {
        return ~number;
}

static inline int side_send(Side *side, uint64_t number) {
        int r;

        if (side->in_place != IN_PLACE_NOT)
                return side_send_in_place(side, number);
        payload_fill(side->out, side->size, number);
        r = side->send(side->link, side->out, side->size);
        return r < 0 ? side_say_failed(side, "cannot send", number, r) : 0;
}

static inline int side_receive(Side *side, uint64_t number) {
        ssize_t n;
        int r;

        if (side->in_place != IN_PLACE_NOT)
                return side_receive_in_place(side, number);
        n = side->receive(side->link, side->in, side->size);
        if (n > 0 && (size_t)n < side->size && !side->boundaries) {
                r = side_receive_rest(side, number, &n);
                if (r < 0)
                        return r;
        }
        if (n < 0)
                return side_say_failed(side, "cannot receive", number, (int)n);
        if ((size_t)n != side->size)
                return side_say_short(side, number, n);
        return payload_check(side->in, side->size, number) ? 0 : side_say_wrong(side, side->in, number);
}
