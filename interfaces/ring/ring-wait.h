/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Waiting: spin, then sleep, and look now and then whether the others live. */
#pragma once

#include "ring-core.h"

/* Is there what is waited for? 1, 0 or negative errno; `need` is what room is asked for. */
typedef int (*RingReady)(IpcbusRing *ring, uint64_t need);

typedef struct RingWaitFor {
        RingReady ready;
        RingGate *gate;
        uint64_t need;
        IpcbusRingRole others; /* without whom waiting has no end */
        uint64_t asleep;       /* as RingPlace.asleep says it */
} RingWaitFor;

/* Were there others, and are they all gone? */
static inline bool ring_deserted(IpcbusRing *ring, IpcbusRingRole others) {
        return ring_load(&ring->control->present[others]) == 0 &&
               (ring_load(&ring->control->ever) & UINT64_C(1) << others) != 0;
}

/* 1 if it is there or nobody is left to bring it. */
static inline int ring_settled(IpcbusRing *ring, const RingWaitFor *what) {
        int r = what->ready(ring, what->need);

        return r != 0 ? r : ring_deserted(ring, what->others);
}

/* Sleeps once, unless it is there: 0, or negative errno of ring_futex_wait(). */
static inline int ring_sleep(IpcbusRing *ring, const RingWaitFor *what, uint64_t usec) {
        uint32_t sequence;
        int r;

        sequence = ring_load32(&what->gate->sequence);
        ring_add32(&what->gate->waiting, 1);
        r = ring_settled(ring, what);
        if (r != 0)
                return r < 0 ? r : 0;
        return ring_futex_wait(&what->gate->sequence, sequence, usec);
}
