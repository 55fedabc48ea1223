/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One writer, one reader. The reader polls the head of the next record, which lies in the same cache line as the
 * beginning of the message: 0, or the message's size + 1. Before the writer publishes a record it stores 0 behind it,
 * so that the chain of records always ends, whatever lay there a lap ago and wherever the writer is killed; who comes
 * after it follows the chain. A batch is one: its first head is stored last.
 *
 * The reader says in `taken` how far it got, which costs nothing as long as nobody reads it, and in `freed`, which the
 * writer reads when it thinks that the ring is full, only now and then: an eighth of the ring, or nothing left to
 * read. */
#pragma once

#include "ring-core.h"

RING_HOT uint64_t one_span(const IpcbusRing *ring, uint64_t size) {
        return (size + RING_RECORD_HEAD + ring->align - 1) & ~(ring->align - 1);
}

/* Is there room for a record of this span, and for the head behind it? 1, 0, or -EBADMSG. */
static inline int one_has_room(IpcbusRing *ring, uint64_t span) {
        uint64_t freed, behind = ring->position + span + RING_RECORD_HEAD;

        if (__builtin_expect(behind - ring->limit <= ring->capacity, 1))
                return 1;
        freed = ring_load(&ring->control->freed);
        if (freed - ring->limit > ring->shown - ring->limit || freed % ring->align != 0)
                return -EBADMSG;
        ring->limit = freed;
        return behind - freed <= ring->capacity;
}

RING_HOT void *one_reserve(IpcbusRing *ring) {
        return (uint8_t *)ring_word_at(ring, ring->position) + RING_RECORD_HEAD;
}

/* The record's head, unless it is the batch's first, which is kept. Room for it was found by one_has_room(). */
RING_HOT void one_append(IpcbusRing *ring, uint64_t size) {
        /* Where more was reserved, something may lie on lines that had been cleared. */
        if (__builtin_expect(size != ring->reserved, 0))
                ring->cleared = ring->position;
        if (ring->position == ring->shown)
                ring->first_word = size + 1;
        else
                ring_store_relaxed(ring_word_at(ring, ring->position), size + 1);
        ring->position += one_span(ring, size);
}

/* Ends for the records to come, each at the beginning of a line, so that the next one does not wait for its line, and
 * the reader has it before it polls it. */
RING_HOT void one_clear_ahead(IpcbusRing *ring) {
        uint64_t end = ring->position + RING_AHEAD * RING_UNIT;

        if (ring->align != RING_UNIT)
                return;
        while ((int64_t)(end - ring->cleared) > 0 &&
                ring->cleared + RING_RECORD_HEAD - ring->limit <= ring->capacity) {
                ring_store_relaxed(ring_word_at(ring, ring->cleared), 0);
                ring->cleared += RING_UNIT;
        }
}

RING_HOT void one_publish(IpcbusRing *ring) {
        uint64_t *first = ring_word_at(ring, ring->shown);

        if (ring->position == ring->shown)
                return;
        if ((int64_t)(ring->position - ring->cleared) >= 0) {
                ring_store_relaxed(ring_word_at(ring, ring->position), 0);
                ring->cleared = ring->position + ring->align;
        }
        if (ring_sleeps(ring))
                ring_store(first, ring->first_word);
        else
                ring_store_release(first, ring->first_word);
        ring->shown = ring->position;
        ring_store_relaxed(&ring->control->tail, ring->shown);
        one_clear_ahead(ring);
        if (ring_sleeps(ring))
                ring_gate_open(ring, &ring->control->data, 1);
}

/* Tells the writer how much room there is. */
static inline void one_give_back(IpcbusRing *ring) {
        if (ring->limit == ring->shown)
                return;
        ring->limit = ring->shown;
        if (ring_sleeps(ring)) {
                ring_store(&ring->control->freed, ring->limit);
                ring_gate_open(ring, &ring->control->room, 1);
        } else
                ring_store_release(&ring->control->freed, ring->limit);
}

/* The next message: 1, 0 if there is none, or -EBADMSG. */
RING_HOT int one_peek(IpcbusRing *ring, const void **ret_data, size_t *ret_size) {
        uint64_t *head = ring_word_at(ring, ring->position);
        uint64_t word = ring_load_acquire(head), span;

        if (word == 0)
                return 0;
        if (__builtin_expect(word - 1 > ring->message_max, 0))
                return -EBADMSG;
        span = one_span(ring, word - 1);
        if (__builtin_expect(ring->position + span - ring->limit > ring->capacity, 0))
                return -EBADMSG;
        ring->position += span;
        *ret_data = (const uint8_t *)head + RING_RECORD_HEAD;
        *ret_size = word - 1;
        ring_prefetch(ring_word_at(ring, ring->position + RING_UNIT));
        return 1;
}

RING_HOT void one_release(IpcbusRing *ring) {
        if (ring->shown == ring->position)
                return;
        ring->shown = ring->position;
        ring_store_relaxed(&ring->control->taken, ring->shown);
        if (ring->shown - ring->limit >= ring->capacity / 8)
                one_give_back(ring);
}

/* Is there something to peek? Says first how much room there is, if the ring seems empty. */
static inline int one_readable(IpcbusRing *ring) {
        if (ring_load(ring_word_at(ring, ring->position)) != 0)
                return 1;
        one_give_back(ring);
        return 0;
}

/* Where one that is new goes on: 0 or -EBADMSG. */
static inline int one_join(IpcbusRing *ring) {
        RingControl *control = ring->control;
        uint64_t freed = ring_load(&control->freed);
        uint64_t position = ring_load(ring->role == IPCBUS_RING_WRITER ? &control->tail : &control->taken);

        /* Killed between storing one and storing the other: the one that is further is the true one. */
        if ((int64_t)(position - freed) < 0)
                position = freed;
        if (position % ring->align != 0 || freed % ring->align != 0 || position - freed > ring->capacity)
                return -EBADMSG;
        while (ring->role == IPCBUS_RING_WRITER) {
                uint64_t word = ring_load(ring_word_at(ring, position));

                if (word == 0)
                        break;
                if (word - 1 > ring->message_max)
                        return -EBADMSG;
                position += one_span(ring, word - 1);
                if (position - freed > ring->capacity)
                        return -EBADMSG;
        }
        ring->position = ring->shown = ring->cleared = position;
        ring->limit = freed;
        return 0;
}
