/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Transports that do one thing wrong, and which of the generic checks exist to find which of these faults. */
#pragma once

#include <stdbool.h>

#include "check.h"
#include "mechanism.h"

typedef enum Fault {
        FAULT_NONE,
        FAULT_DROP,          /* one message vanishes */
        FAULT_SWAP,          /* two change places */
        FAULT_DUPLICATE,     /* one comes twice */
        FAULT_CORRUPT,       /* one bit changes */
        FAULT_SPLIT,         /* one comes in two halves */
        FAULT_JOIN,          /* two come as one */
        FAULT_HOLD,          /* each leaves only with the next: the last never */
        FAULT_APART,         /* what was sent apart is not received together */
        FAULT_TRUNCATE,      /* what is too large is cut, not refused */
        FAULT_SMALL,         /* the largest is refused too */
        FAULT_EARLY,         /* a time-out fires at half its time */
        FAULT_NEVER,         /* a time-out never fires */
        FAULT_BLIND,         /* waiting does not see that there is something */
        FAULT_LIE_READY,     /* waiting says that there is something when there is not */
        FAULT_NO_WAIT,       /* receiving does not wait */
        FAULT_SPIN,          /* receiving waits without sleeping */
        FAULT_BLOCK_RECEIVE, /* trying to receive waits */
        FAULT_NO_WAIT_SEND,  /* sending does not wait when full */
        FAULT_SPIN_SEND,     /* sending waits without sleeping */
        FAULT_BLOCK,         /* trying to send waits */
        FAULT_STUCK,         /* once it was full it stays so */
        FAULT_DEPTH,         /* fewer fit than is said */
        FAULT_ONE_WAY,       /* while one lane is in use the other does not work */
        FAULT_BOUNDARIES,    /* says the opposite of what it does with boundaries */
        FAULT_NO_END,        /* end of file looks like emptiness */
        FAULT_END,           /* emptiness looks like end of file */
        FAULT_DEAF,          /* does not notice that the receiver is gone */
        FAULT_RESTART,       /* an interrupted receive goes on where it must not */
        FAULT_INTERRUPTED,   /* it ends where it must go on */
        FAULT_FORGET,        /* what comes after it is lost */
        FAULT_REFUSED,       /* the far side cannot attach */
        FAULT_OPENS,         /* opening another one ends as it must not */
        FAULT_MAX,
} Fault;

const char *fault_name(Fault fault); /* "drop" */

/* What a transport carries, for what cannot be seen over it: a mask. */
typedef enum Shape {
        SHAPE_TOKENS = 1 << 0,   /* no bytes at all */
        SHAPE_BYTES = 1 << 1,    /* a stream */
        SHAPE_MESSAGES = 1 << 2, /* with boundaries */
} Shape;

Shape transport_shape(const Transport *transport);

typedef CheckResult (*CheckFunction)(CheckRun *run);

/* A generic check and the faults that it has to find. */
typedef struct FaultTarget {
        Fault fault;
        bool waits; /* the check waits for what never comes: its bound, made shorter, ends it */
} FaultTarget;

enum { FAULT_TARGETS_MAX = 16 };

typedef struct FaultPlan {
        CheckFunction run; /* NULL ends the table */
        unsigned nth;      /* which message of a side the faults of one message hit: 1 is the first */
        FaultTarget targets[FAULT_TARGETS_MAX];
} FaultPlan;

extern const FaultPlan fault_plans[];
const FaultPlan *fault_plan_find(CheckFunction run);

/* Why a fault is not there to be seen by this check over this transport, so that it does not count; NULL: it counts.
 */
const char *fault_invisible(Fault fault, CheckFunction run, const Transport *transport);

/* From now on, in this process and in the peers that it executes: the kind with this one check, over a transport that
 * has the fault. One a process. */
void fault_inject(const Mechanism *real, const Check *check, Fault fault, unsigned nth, const Mechanism **ret,
        const Check **ret_check);
/* What "test-faults peer" does. */
int fault_peer_main(void);
