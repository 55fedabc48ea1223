/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Many writers, many readers, each message to one reader. Records take whole units of 64 bytes; each unit has a state
 * word, apart from the data, of which the one of a record's first unit counts:
 *
 *         lap | length in units | place of the owner | state
 *
 * The lap is how often positions went round, so a word only ever grows, and a compare-and-swap by who slept for a lap
 * fails. A writer claims by one compare-and-swap of the word at `tail`, which says at once whose the record is and how
 * long, and then moves `tail` on; whoever finds it behind moves it. Readers take in the same way at `taken`, and
 * whoever releases moves `freed` over all that is done. So there is no instruction at which one can be killed and
 * leave something that nobody can finish: only claimed and taken records, with the owner's name on them.
 * many_recover() turns a dead owner's claims into done and what it took into committed again. */
#pragma once

#include "ring-core.h"

enum {
        MANY_DONE,      /* released, or given up; of an older lap: free, once `freed` has passed it */
        MANY_CLAIMED,   /* a writer fills it */
        MANY_COMMITTED, /* nobody's: to be read */
        MANY_TAKEN,     /* a reader looks at it */
        MANY_STATES,
        MANY_OWNER_SHIFT = 2,
        MANY_LENGTH_SHIFT = 8,
};

RING_HOT uint64_t *many_word(const IpcbusRing *ring, uint64_t position) {
        return ring->words + (position & (ring->capacity - 1)) / RING_UNIT;
}

RING_HOT unsigned many_state(uint64_t word) {
        return word % MANY_STATES;
}

RING_HOT unsigned many_owner(uint64_t word) {
        return word >> MANY_OWNER_SHIFT & (IPCBUS_RING_PARTICIPANTS - 1);
}

/* In bytes. */
RING_HOT uint64_t many_length(const IpcbusRing *ring, uint64_t word) {
        return (word >> MANY_LENGTH_SHIFT & ((UINT64_C(1) << ring->length_bits) - 1)) * RING_UNIT;
}

RING_HOT uint64_t many_make(const IpcbusRing *ring, uint64_t position, uint64_t length, unsigned state) {
        uint64_t lap = position / ring->capacity & ring->lap_mask;

        return lap << (ring->length_bits + MANY_LENGTH_SHIFT) | length / RING_UNIT << MANY_LENGTH_SHIFT |
               (uint64_t)ring->place << MANY_OWNER_SHIFT | state;
}

RING_HOT uint64_t many_turn(uint64_t word, unsigned state) {
        return (word & ~(uint64_t)(MANY_STATES - 1)) | state;
}

/* How the lap of the word at `position` stands to that of the position: -1 older, 0 the same, 1 newer. */
RING_HOT int many_age(const IpcbusRing *ring, uint64_t word, uint64_t position) {
        uint64_t lap = position / ring->capacity & ring->lap_mask;
        uint64_t ahead = ((word >> (ring->length_bits + MANY_LENGTH_SHIFT)) - lap) & ring->lap_mask;

        return ahead == 0 ? 0 : ahead > ring->lap_mask / 2 ? -1 : 1;
}

/* A word that stands for a record must have a length that one can have. */
RING_HOT bool many_sound(const IpcbusRing *ring, uint64_t word) {
        uint64_t length = many_length(ring, word);

        return length > 0 && length <= ring->capacity / 2;
}

RING_HOT uint64_t many_span(uint64_t size) {
        return (size + RING_RECORD_HEAD + RING_UNIT - 1) & ~(uint64_t)(RING_UNIT - 1);
}

/* More than anybody who is honest would need: each turn but the helpful ones is another's success. */
RING_HOT uint64_t many_tries(const IpcbusRing *ring) {
        return ring->capacity / RING_UNIT + RING_TRIES;
}

/* Moves `freed` over what is done, and `taken` before it, so that always freed <= taken <= tail; who waits for room is
 * told. 0, or -EBADMSG. */
static inline int many_advance(IpcbusRing *ring) {
        uint64_t *freed = &ring->control->freed;
        bool moved = false;

        for (uint64_t tries = 0; tries < many_tries(ring); tries++) {
                uint64_t position = ring_load(freed), word;

                if (position % RING_UNIT != 0)
                        return -EBADMSG;
                word = ring_load(many_word(ring, position));
                if (many_age(ring, word, position) > 0) {
                        if (ring_load(freed) == position)
                                return -EBADMSG;
                        continue;
                }
                if (many_age(ring, word, position) < 0 || many_state(word) != MANY_DONE)
                        break;
                if (!many_sound(ring, word))
                        return -EBADMSG;
                if (ring_load(&ring->control->taken) == position)
                        ring_cas(&ring->control->taken, position, position + many_length(ring, word));
                if (ring_cas(freed, position, position + many_length(ring, word)))
                        moved = true;
        }
        if (moved && ring_sleeps(ring))
                ring_gate_open(ring, &ring->control->room, INT_MAX);
        return 0;
}

/* Claims a record of `span` bytes: 1, 0 if there is no room, or -EBADMSG. */
static inline int many_claim(IpcbusRing *ring, uint64_t span, RingHeld *ret_claim) {
        RingControl *control = ring->control;

        for (uint64_t tries = 0; tries < many_tries(ring); tries++) {
                uint64_t freed = ring_load(&control->freed);
                uint64_t tail = ring_load(&control->tail);
                uint64_t word, claimed;
                int age;

                if (tail % RING_UNIT != 0 || freed % RING_UNIT != 0)
                        return -EBADMSG;
                word = ring_load(many_word(ring, tail));
                age = many_age(ring, word, tail);
                /* Both only grow, so what was true of an older `freed` is no contradiction. */
                if (age > 0 || tail - freed > ring->capacity) {
                        if (ring_load(&control->freed) == freed && ring_load(&control->tail) == tail)
                                return -EBADMSG;
                        continue;
                }
                if (age == 0) {
                        if (!many_sound(ring, word))
                                return -EBADMSG;
                        ring_cas(&control->tail, tail, tail + many_length(ring, word));
                        continue;
                }
                if (tail + span - freed > ring->capacity)
                        return 0;
                if (many_state(word) != MANY_DONE)
                        return -EBADMSG;
                claimed = many_make(ring, tail, span, MANY_CLAIMED);
                if (!ring_cas(many_word(ring, tail), word, claimed))
                        continue;
                ring_cas(&control->tail, tail, tail + span);
                *ret_claim = (RingHeld){ .position = tail, .word = claimed };
                return 1;
        }
        return -EBADMSG;
}

/* Shows a record that this handle claimed. The message's size was stored at its head. 0, or -EOWNERDEAD. */
static inline int many_show(IpcbusRing *ring, const RingHeld *claim) {
        if (!ring_cas(many_word(ring, claim->position), claim->word, many_turn(claim->word, MANY_COMMITTED)))
                return -EOWNERDEAD;
        return 0;
}

/* Done with a record, read or given up. Records behind it may be reached now, room may be free. */
static inline int many_finish(IpcbusRing *ring, const RingHeld *held) {
        if (!ring_cas(many_word(ring, held->position), held->word, many_turn(held->word, MANY_DONE)))
                return -EOWNERDEAD;
        return 0;
}

/* Tries to take the record whose word that is. */
static inline int many_take_this(IpcbusRing *ring, uint64_t position, uint64_t word, RingHeld *ret_held) {
        uint64_t owners = (uint64_t)(IPCBUS_RING_PARTICIPANTS - 1) << MANY_OWNER_SHIFT;
        uint64_t taken = (many_turn(word, MANY_TAKEN) & ~owners) | (uint64_t)ring->place << MANY_OWNER_SHIFT;

        if (!ring_cas(many_word(ring, position), word, taken))
                return 0;
        *ret_held = (RingHeld){ .position = position, .word = taken };
        return 1;
}

/* Looks for messages that a dead reader had taken. 1, 0 if there is none, or -EBADMSG. */
static inline int many_take_returned(IpcbusRing *ring, uint64_t returned, RingHeld *ret_held) {
        RingControl *control = ring->control;
        uint64_t position = ring_load(&control->freed), end = ring_load(&control->taken);

        for (uint64_t steps = 0; steps <= ring->capacity / RING_UNIT && (int64_t)(end - position) > 0; steps++) {
                uint64_t word = ring_load(many_word(ring, position));
                int age = many_age(ring, word, position);

                if (age > 0) {
                        uint64_t freed = ring_load(&control->freed);

                        if ((int64_t)(freed - position) <= 0)
                                return -EBADMSG;
                        position = freed;
                        continue;
                }
                if (position % RING_UNIT != 0 || age < 0 || !many_sound(ring, word))
                        return -EBADMSG;
                if (many_state(word) == MANY_COMMITTED && many_take_this(ring, position, word, ret_held))
                        return 1;
                position += many_length(ring, word);
        }
        /* Unless another died meanwhile. */
        ring_cas(&control->returned, returned, 0);
        return 0;
}

/* Takes the next message: 1, 0 if there is none, or -EBADMSG. */
static inline int many_take(IpcbusRing *ring, RingHeld *ret_held) {
        RingControl *control = ring->control;
        uint64_t returned = ring_load(&control->returned);

        if (__builtin_expect(returned != 0, 0)) {
                int r = many_take_returned(ring, returned, ret_held);

                if (r != 0)
                        return r;
        }
        for (uint64_t tries = 0; tries < many_tries(ring); tries++) {
                uint64_t position = ring_load(&control->taken), word;
                int age;

                if (position % RING_UNIT != 0)
                        return -EBADMSG;
                word = ring_load(many_word(ring, position));
                age = many_age(ring, word, position);
                if (age < 0)
                        return 0;
                if (age > 0) {
                        if (ring_load(&control->taken) == position)
                                return -EBADMSG;
                        continue;
                }
                if (!many_sound(ring, word))
                        return -EBADMSG;
                if (many_state(word) == MANY_CLAIMED)
                        return 0;
                if (many_state(word) == MANY_COMMITTED && !many_take_this(ring, position, word, ret_held))
                        continue;
                ring_cas(&control->taken, position, position + many_length(ring, word));
                if (many_state(word) == MANY_COMMITTED)
                        return 1;
        }
        return -EBADMSG;
}

/* Is there something to take, or to look for? 1, 0, -EBADMSG. */
static inline int many_readable(IpcbusRing *ring) {
        uint64_t position, word;

        if (ring_load(&ring->control->returned) != 0)
                return 1;
        position = ring_load(&ring->control->taken);
        if (position % RING_UNIT != 0)
                return -EBADMSG;
        word = ring_load(many_word(ring, position));
        /* Done or taken: many_take() moves on. */
        return many_age(ring, word, position) >= 0 && many_state(word) != MANY_CLAIMED;
}

/* Is there room for `span` bytes, or something that would make room? 1, 0, -EBADMSG. */
static inline int many_has_room(IpcbusRing *ring, uint64_t span) {
        uint64_t freed = ring_load(&ring->control->freed), tail = ring_load(&ring->control->tail), word;

        if (freed % RING_UNIT != 0 || tail % RING_UNIT != 0)
                return -EBADMSG;
        if (tail + span - freed <= ring->capacity)
                return 1;
        word = ring_load(many_word(ring, freed));
        return many_age(ring, word, freed) > 0 || (many_age(ring, word, freed) == 0 && many_state(word) == MANY_DONE);
}

/* Undoes what the participant of a place held, which is dead: the caller has its lock. May be done again by another if
 * the caller dies in the midst of it: the place is freed last. 0, or -EBADMSG. */
static inline int many_recover(IpcbusRing *ring, unsigned place) {
        RingControl *control = ring->control;
        uint64_t position = ring_load(&control->freed), end = position + ring->capacity;
        uint64_t voided = 0, returned = 0;

        for (uint64_t steps = 0; steps < 2 * (ring->capacity / RING_UNIT) && (int64_t)(end - position) > 0; steps++) {
                uint64_t word = ring_load(many_word(ring, position));
                int age = many_age(ring, word, position);

                if (age < 0)
                        break;
                if (age > 0) {
                        uint64_t freed = ring_load(&control->freed);

                        if ((int64_t)(freed - position) <= 0)
                                return -EBADMSG;
                        position = freed;
                        continue;
                }
                if (!many_sound(ring, word))
                        return -EBADMSG;
                if (many_owner(word) == place && many_state(word) == MANY_CLAIMED) {
                        /* It may have died before it moved the tail; nothing is done beyond that. */
                        ring_cas(&control->tail, position, position + many_length(ring, word));
                        voided += ring_cas(many_word(ring, position), word, many_turn(word, MANY_DONE));
                } else if (many_owner(word) == place && many_state(word) == MANY_TAKEN)
                        returned += ring_cas(many_word(ring, position), word, many_turn(word, MANY_COMMITTED));
                position += many_length(ring, word);
        }
        if (voided != 0)
                ring_add(&control->voided_total, voided);
        if (returned != 0)
                ring_add(&control->returned_total, returned);
        /* Also if nothing was found: a caller before this one may have died just here. */
        if (ring_add(&control->returned, 1) == UINT64_MAX)
                ring_add(&control->returned, 1);
        return many_advance(ring);
}
