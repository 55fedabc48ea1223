/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-faults.h"

/* The data: what each generic check exists to find, and what is not there to be found over some transports. */
#include <stddef.h>

#include "checks.h"

#define SEEN(fault) \
        { fault, }
#define WAITS(fault) \
        { fault, true, }

const FaultPlan fault_plans[] = {
        { transport_order, 2,
                { SEEN(FAULT_DROP), SEEN(FAULT_SWAP), SEEN(FAULT_DUPLICATE), SEEN(FAULT_CORRUPT), SEEN(FAULT_SPLIT),
                        SEEN(FAULT_JOIN), SEEN(FAULT_HOLD) } },
        { transport_boundaries, 2,
                { SEEN(FAULT_SPLIT), SEEN(FAULT_JOIN), SEEN(FAULT_APART), SEEN(FAULT_BOUNDARIES), SEEN(FAULT_DROP),
                        SEEN(FAULT_DUPLICATE), SEEN(FAULT_HOLD) } },
        { transport_duplex, 2,
                { SEEN(FAULT_ONE_WAY), WAITS(FAULT_DROP), SEEN(FAULT_SWAP), SEEN(FAULT_DUPLICATE), SEEN(FAULT_CORRUPT),
                        SEEN(FAULT_SPLIT), SEEN(FAULT_JOIN), WAITS(FAULT_HOLD) } },
        { transport_maximum, 1,
                { SEEN(FAULT_TRUNCATE), SEEN(FAULT_SMALL), SEEN(FAULT_DROP), SEEN(FAULT_CORRUPT),
                        SEEN(FAULT_SPLIT) } },
        { transport_receive_blocks, 1,
                { SEEN(FAULT_NO_WAIT), WAITS(FAULT_SPIN), WAITS(FAULT_DROP), WAITS(FAULT_HOLD),
                        SEEN(FAULT_CORRUPT) } },
        { transport_send_blocks, 2,
                { SEEN(FAULT_NO_WAIT_SEND), WAITS(FAULT_SPIN_SEND), WAITS(FAULT_BLOCK), WAITS(FAULT_DROP),
                        WAITS(FAULT_HOLD), SEEN(FAULT_SWAP), WAITS(FAULT_DUPLICATE), SEEN(FAULT_CORRUPT) } },
        { transport_nonblocking, 2,
                { SEEN(FAULT_DEPTH), WAITS(FAULT_BLOCK), WAITS(FAULT_BLOCK_RECEIVE), SEEN(FAULT_END),
                        SEEN(FAULT_STUCK), WAITS(FAULT_DROP), SEEN(FAULT_CORRUPT) } },
        { transport_timeout, 1,
                { SEEN(FAULT_EARLY), WAITS(FAULT_NEVER), SEEN(FAULT_LIE_READY), WAITS(FAULT_BLIND), WAITS(FAULT_DROP),
                        WAITS(FAULT_HOLD) } },
        { transport_sender_killed_end, 2,
                { SEEN(FAULT_NO_END), SEEN(FAULT_HOLD), SEEN(FAULT_DROP), SEEN(FAULT_SWAP), SEEN(FAULT_DUPLICATE),
                        SEEN(FAULT_CORRUPT) } },
        { transport_sender_killed_empty, 2,
                { SEEN(FAULT_END), SEEN(FAULT_HOLD), SEEN(FAULT_DROP), SEEN(FAULT_SWAP), SEEN(FAULT_DUPLICATE),
                        SEEN(FAULT_CORRUPT) } },
        { transport_receiver_killed, 2, { SEEN(FAULT_DEAF) } },
        { transport_writer_killed_within, 2,
                { SEEN(FAULT_DROP), SEEN(FAULT_SWAP), SEEN(FAULT_DUPLICATE), SEEN(FAULT_CORRUPT),
                        SEEN(FAULT_NO_WAIT_SEND), WAITS(FAULT_SPIN_SEND), WAITS(FAULT_BLOCK) } },
        { transport_interrupted_restarts, 1,
                { SEEN(FAULT_RESTART), SEEN(FAULT_INTERRUPTED), WAITS(FAULT_FORGET), SEEN(FAULT_NO_WAIT),
                        WAITS(FAULT_SPIN), WAITS(FAULT_DROP), SEEN(FAULT_CORRUPT), WAITS(FAULT_HOLD) } },
        { transport_interrupted_always, 1,
                { SEEN(FAULT_RESTART), WAITS(FAULT_FORGET), SEEN(FAULT_NO_WAIT), WAITS(FAULT_SPIN), WAITS(FAULT_DROP),
                        SEEN(FAULT_CORRUPT), WAITS(FAULT_HOLD) } },
        { transport_interrupted_never, 1,
                { SEEN(FAULT_INTERRUPTED), SEEN(FAULT_NO_WAIT), WAITS(FAULT_SPIN), WAITS(FAULT_DROP),
                        SEEN(FAULT_CORRUPT), WAITS(FAULT_HOLD) } },
        { transport_stopped_goes_on, 1,
                { SEEN(FAULT_INTERRUPTED), SEEN(FAULT_NO_WAIT), WAITS(FAULT_SPIN), WAITS(FAULT_DROP),
                        SEEN(FAULT_CORRUPT), WAITS(FAULT_HOLD) } },
        { transport_stopped_ends, 1,
                { SEEN(FAULT_RESTART), WAITS(FAULT_FORGET), SEEN(FAULT_NO_WAIT), WAITS(FAULT_SPIN), WAITS(FAULT_DROP),
                        SEEN(FAULT_CORRUPT), WAITS(FAULT_HOLD) } },
        { transport_waiter_killed, 2,
                { WAITS(FAULT_DROP), SEEN(FAULT_SWAP), SEEN(FAULT_DUPLICATE), SEEN(FAULT_CORRUPT), SEEN(FAULT_NO_WAIT),
                        WAITS(FAULT_SPIN), SEEN(FAULT_END), WAITS(FAULT_HOLD) } },
        { transport_many_writers, 2,
                { SEEN(FAULT_DROP), SEEN(FAULT_SWAP), SEEN(FAULT_DUPLICATE), SEEN(FAULT_CORRUPT), SEEN(FAULT_SPLIT),
                        SEEN(FAULT_JOIN), SEEN(FAULT_HOLD) } },
        { transport_other_user, 2,
                { WAITS(FAULT_REFUSED), SEEN(FAULT_ONE_WAY), WAITS(FAULT_DROP), WAITS(FAULT_SWAP), SEEN(FAULT_CORRUPT),
                        WAITS(FAULT_HOLD) } },
        { transport_other_ipc, 2,
                { WAITS(FAULT_REFUSED), SEEN(FAULT_ONE_WAY), WAITS(FAULT_DROP), WAITS(FAULT_SWAP), SEEN(FAULT_CORRUPT),
                        WAITS(FAULT_HOLD) } },
        { transport_other_net, 2,
                { WAITS(FAULT_REFUSED), SEEN(FAULT_ONE_WAY), WAITS(FAULT_DROP), WAITS(FAULT_SWAP), SEEN(FAULT_CORRUPT),
                        WAITS(FAULT_HOLD) } },
        { transport_exhausted, 2,
                { SEEN(FAULT_OPENS), WAITS(FAULT_DROP), SEEN(FAULT_SWAP), SEEN(FAULT_CORRUPT), WAITS(FAULT_HOLD) } },
        { transport_exhausted_takes_none, 2,
                { SEEN(FAULT_OPENS), WAITS(FAULT_DROP), SEEN(FAULT_SWAP), SEEN(FAULT_CORRUPT), WAITS(FAULT_HOLD) } },
        { NULL },
};

const FaultPlan *fault_plan_find(CheckFunction run) {
        for (const FaultPlan *plan = fault_plans; plan->run; plan++)
                if (plan->run == run)
                        return plan;
        return NULL;
}

static const struct {
        Fault fault;
        CheckFunction run; /* NULL: whatever check */
        unsigned shapes;
        const char *reason;
} invisible[] = {
        { FAULT_SPLIT, NULL, SHAPE_BYTES, "a stream has no messages that could be split" },
        { FAULT_JOIN, NULL, SHAPE_BYTES, "a stream joins what is sent: that is what it promises" },
        { FAULT_APART, NULL, SHAPE_MESSAGES, "messages are to be kept apart" },
        { FAULT_SPLIT, NULL, SHAPE_TOKENS, "a token has no bytes" },
        { FAULT_JOIN, NULL, SHAPE_TOKENS, "a token has no bytes" },
        { FAULT_DEPTH, NULL, SHAPE_BYTES,
                "a stream has room for bytes: how many writes that is depends on their sizes" },
        { FAULT_CORRUPT, NULL, SHAPE_TOKENS, "a token has no bits" },
        { FAULT_SWAP, NULL, SHAPE_TOKENS, "all tokens are alike" },
};

const char *fault_invisible(Fault fault, CheckFunction run, const Transport *transport) {
        for (size_t i = 0; i < sizeof invisible / sizeof *invisible; i++)
                if (invisible[i].fault == fault && (!invisible[i].run || invisible[i].run == run) &&
                        invisible[i].shapes & transport_shape(transport))
                        return invisible[i].reason;
        return NULL;
}
