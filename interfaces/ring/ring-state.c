/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ring.h"

/* Looking at a ring, and after it. */

#include "ring-many.h"
#include "ring-one.h"

RING_API int ipcbus_ring_set_wait(IpcbusRing *ring, IpcbusRingWait wait, unsigned spin_usec) {
        if (wait < IPCBUS_RING_ADAPTIVE || wait > IPCBUS_RING_SPIN)
                return -EINVAL;
        if (wait != IPCBUS_RING_SPIN && !ring_sleeps(ring))
                return -EOPNOTSUPP;
        ring->wait = wait;
        ring->spin_usec = spin_usec != 0 ? spin_usec : RING_SPIN_USEC;
        return 0;
}

RING_API void ipcbus_ring_set_patience(IpcbusRing *ring, uint64_t usec) {
        ring->patience_usec = usec;
}

RING_API unsigned ipcbus_ring_flags(const IpcbusRing *ring) {
        return ring->flags;
}

RING_API uint64_t ipcbus_ring_capacity(const IpcbusRing *ring) {
        return ring->capacity;
}

RING_API size_t ipcbus_ring_message_max(const IpcbusRing *ring) {
        return ring->message_max;
}

/* Committed messages between two positions, by following their records; as far as that makes sense. */
static uint64_t count_one(IpcbusRing *ring) {
        uint64_t position = ring_load(&ring->control->taken), start = position, count = 0, word;

        if (position % ring->align != 0)
                return 0;
        while (position - start < ring->capacity && (word = ring_load(ring_word_at(ring, position))) != 0) {
                if (word - 1 > ring->message_max)
                        break;
                position += one_span(ring, word - 1);
                count++;
        }
        return count;
}

static uint64_t count_many(IpcbusRing *ring) {
        uint64_t position = ring_load(&ring->control->freed), start = position, count = 0;

        if (position % RING_UNIT != 0)
                return 0;
        while (position - start < ring->capacity) {
                uint64_t word = ring_load(many_word(ring, position));

                if (many_age(ring, word, position) != 0 || !many_sound(ring, word))
                        break;
                count += many_state(word) >= MANY_COMMITTED;
                position += many_length(ring, word);
        }
        return count;
}

RING_API int ipcbus_ring_state(IpcbusRing *ring, IpcbusRingState *ret_state, size_t size) {
        RingControl *control = ring->control;
        uint64_t oldest = ring_load(ring_is_many(ring) ? &control->freed : &control->taken);
        uint64_t newest = ring_load(&control->tail), base = ring_is_many(ring) ? ring->capacity : 0;
        IpcbusRingState state = {
                .capacity = ring->capacity,
                .used = newest - oldest <= ring->capacity ? newest - oldest : 0,
                .written = newest - base,
                .messages = ring_is_many(ring) ? count_many(ring) : count_one(ring),
                .flags = ring->flags,
                .voided = ring_load(&control->voided_total),
                .returned = ring_load(&control->returned_total),
        };

        for (unsigned i = 0; i < IPCBUS_RING_PARTICIPANTS; i++) {
                IpcbusRingParticipant who;
                int r = ipcbus_ring_participant(ring, i, &who, sizeof(who));

                if (r == -ENOENT)
                        continue;
                if (r < 0)
                        return r;
                if (!who.alive)
                        state.dead++;
                else if (who.role == IPCBUS_RING_WRITER)
                        state.writers++;
                else
                        state.readers++;
                state.waiting_data += who.alive && who.asleep == 1;
                state.waiting_room += who.alive && who.asleep == 2;
        }
        memcpy(ret_state, &state, size < sizeof(state) ? size : sizeof(state));
        return 0;
}

RING_API int ipcbus_ring_participant(
        IpcbusRing *ring, unsigned place, IpcbusRingParticipant *ret_participant, size_t size) {
        IpcbusRingParticipant who = { 0 };
        const RingPlace *at;
        uint64_t role;
        int r;

        if (place >= IPCBUS_RING_PARTICIPANTS)
                return -EINVAL;
        at = &ring->control->places[place];
        role = ring_load(&at->role);
        if (role != IPCBUS_RING_WRITER && role != IPCBUS_RING_READER)
                return -ENOENT;
        r = ring_life_look(ring, place);
        if (r < 0)
                return r;
        who.role = (IpcbusRingRole)role;
        who.alive = r;
        who.pid = (uint32_t)ring_load_relaxed(&at->pid);
        who.start = ring_load_relaxed(&at->start);
        who.asleep = (int)(ring_load_relaxed(&at->asleep) % 3);
        who.messages = ring_load_relaxed(&at->messages);
        who.sleeps = ring_load_relaxed(&at->sleeps);
        who.wakes = ring_load_relaxed(&at->wakes);
        memcpy(ret_participant, &who, size < sizeof(who) ? size : sizeof(who));
        return 0;
}
