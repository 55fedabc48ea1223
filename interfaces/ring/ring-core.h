/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The layout of a ring in memory, version 1, and what a handle knows of it.
 *
 * A ring is a memfd of ring_file_size() bytes: the control pages (RingControl), for IPCBUS_RING_MANY the state words
 * of the units, and the data, which begins on a page. Each process maps the data twice, one behind the other, so that
 * a record that goes over the end lies in one piece.
 *
 * Positions count bytes since the ring began and never wrap; a position's place is `position & (capacity - 1)`.
 * Everything of a RingHead is written before the memfd is handed on, read once by ring_map() and then known by heart.
 * All else may be changed by anybody at any time: a word is read once, checked, then used. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "ipcbus-ring.h"
#include "ring-atomics.h"

#define RING_MAGIC UINT64_C(0x676e697263706931) /* "1ipcring" */

enum {
        RING_APART = 128,     /* what different processes write lies so far apart: lines are fetched in pairs */
        RING_UNIT = 64,       /* what IPCBUS_RING_MANY counts in */
        RING_RECORD_HEAD = 8, /* the word before each message */
        RING_TRIES = 4096,    /* of a compare-and-swap that others won: more means that somebody plays tricks */
        RING_FLAGS = IPCBUS_RING_MANY | IPCBUS_RING_AWAKE | IPCBUS_RING_PACKED,
        RING_AHEAD = 4, /* lines that the writer clears before it comes to them */
        RING_SPIN_USEC = 12,
        RING_PATIENCE_USEC = 100000,
};

typedef struct RingHead {
        uint64_t magic;
        uint32_t version;
        uint32_t flags;
        uint64_t capacity;
        uint64_t words_offset; /* of the units' state words, IPCBUS_RING_MANY, else 0 */
        uint64_t data_offset;
} RingHead;

/* Where those wait who want data, or room. Who is going to sleep remembers `sequence`, adds one to `waiting`, looks
 * once more, and sleeps while `sequence` is what it was. Who wakes does so only if `waiting` is not `settled`, which
 * is the `waiting` of a time when nobody was found asleep. */
typedef struct RingGate {
        _Alignas(RING_APART) uint32_t waiting;
        uint32_t settled;
        uint32_t sequence; /* the futex */
} RingGate;

/* A participant. Its place is its own while it holds the lock on byte RING_LOCK_BASE + place of the memfd. */
typedef struct RingPlace {
        _Alignas(RING_APART) uint64_t role; /* IpcbusRingRole; 0: free */
        uint64_t pid;
        uint64_t start;
        uint64_t cpu; /* 1 + the one CPU that it may run on; 0: several */
        uint64_t asleep;
        uint64_t messages;
        uint64_t sleeps;
        uint64_t wakes;
} RingPlace;

#define RING_LOCK_BASE ((off_t)1 << 40)

typedef struct RingControl {
        RingHead head;
        _Alignas(RING_APART) uint64_t tail;  /* one: how far the writer published. many: how far writers claimed */
        _Alignas(RING_APART) uint64_t taken; /* one: how far the reader released. many: how far readers took */
        _Alignas(RING_APART) uint64_t freed; /* how far the room was given back to the writers */
        RingGate data;
        RingGate room;
        _Alignas(RING_APART) uint64_t present[3]; /* by role: a bit for each place */
        uint64_t ever;                            /* a bit for each role that was ever there */
        uint64_t returned;                        /* not 0: below `taken` there may be messages that nobody has */
        uint64_t voided_total;
        uint64_t returned_total;
        RingPlace places[IPCBUS_RING_PARTICIPANTS];
} RingControl;

_Static_assert(sizeof(RingHead) <= RING_APART && offsetof(RingControl, tail) == RING_APART, "layout version 1");
_Static_assert(offsetof(RingControl, places) == 7 * RING_APART, "layout version 1");
_Static_assert(sizeof(RingControl) == 71 * RING_APART, "layout version 1");

/* One record of a batch, IPCBUS_RING_MANY. */
typedef struct RingHeld {
        uint64_t position;
        uint64_t word; /* what its state word is */
} RingHeld;

struct IpcbusRing {
        /* Known by heart. */
        RingControl *control;
        uint64_t *words;
        uint8_t *data;
        uint64_t capacity;
        uint64_t align; /* of records */
        size_t message_max;
        unsigned flags;
        IpcbusRingRole role;
        unsigned place;
        int broken; /* -EBADMSG from the moment it was seen */

        /* One to one: where this side stands. The writer: `position` behind what it appended, `shown` behind what it
         * published, `limit` how far it may write. The reader: `position` behind what it peeked, `shown` behind what
         * it released, `limit` what it told the writer. */
        uint64_t position;
        uint64_t shown;
        uint64_t limit;
        uint64_t cleared;    /* the writer: how far every line from `position` on begins with 0 */
        uint64_t first_word; /* the head of the first record of the batch, stored last */

        size_t reserved; /* what may be committed, `reserving` */
        bool reserving;
        RingHeld claim;

        /* Many to many. */
        unsigned length_bits; /* of a state word */
        uint64_t lap_mask;
        unsigned held_first;
        unsigned held_count;
        RingHeld *held; /* IPCBUS_RING_BATCH_MAX of them */

        /* Waiting. */
        IpcbusRingWait wait;
        unsigned spin_usec;
        uint64_t patience_usec;
        uint64_t looked_usec; /* when it last looked whether the others live */
        uint64_t cpu;         /* like RingPlace.cpu */
        unsigned cpu_age;     /* waits since that was asked */
        bool crowded;         /* all can only run on one CPU: spinning would keep the other from answering */

        uint64_t messages, sleeps, wakes;

        /* The memory, and the proof of life. */
        void *map;
        size_t map_size;
        int lock_fd;
        struct IpcbusRing *next, *previous; /* all of this process: a child of fork() gives up their locks */
};

/* Who holds a place, by the lock: 0 if nobody does, and then this handle until ring_life_drop(); -EAGAIN: somebody. */
/* Does anybody hold a place? 1, 0, or negative errno. */
int ring_life_look(IpcbusRing *ring, unsigned place);
int ring_life_take(IpcbusRing *ring, unsigned place);
void ring_life_drop(IpcbusRing *ring, unsigned place);

RING_HOT uint64_t *ring_word_at(const IpcbusRing *ring, uint64_t position) {
        return (uint64_t *)(void *)(ring->data + (position & (ring->capacity - 1)));
}

RING_HOT bool ring_is_many(const IpcbusRing *ring) {
        return ring->flags & IPCBUS_RING_MANY;
}

RING_HOT bool ring_sleeps(const IpcbusRing *ring) {
        return !(ring->flags & IPCBUS_RING_AWAKE);
}

/* Does anybody say that it waits? */
RING_HOT bool ring_gate_waited(const RingGate *gate) {
        return ring_load32(&gate->waiting) != ring_load32(&gate->settled);
}

/* Wakes `count` of those who wait, if any say that they do. What they wait for was stored by ring_store(), ring_cas()
 * or the like: then either the load here sees them, or they see it before they sleep. Who added to `waiting` and is
 * not asleep yet finds `sequence` changed. So whoever is counted in `waiting` here was woken or looks again, if there
 * is nobody left to wake. */
static inline void ring_gate_open(IpcbusRing *ring, RingGate *gate, int count) {
        uint32_t waiting = ring_load32(&gate->waiting);

        if (__builtin_expect(waiting == ring_load32(&gate->settled), 1))
                return;
        ring_add32(&gate->sequence, 1);
        ring->wakes++;
        if (ring_futex_wake(&gate->sequence, count) == 0)
                ring_store_relaxed32(&gate->settled, waiting);
}
