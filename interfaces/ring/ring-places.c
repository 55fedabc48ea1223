/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ring.h"

/* Coming, leaving, and dying. A place belongs to whoever has its lock: the participant, or for a moment somebody who
 * found it dead and undoes what it held. */

#include "ring-many.h"
#include "ring-one.h"

int ring_place_recover(IpcbusRing *ring, unsigned place) {
        RingControl *control = ring->control;
        uint64_t bit = UINT64_C(1) << place;
        int r = 0;

        if (ring_is_many(ring))
                r = many_recover(ring, place);
        ring_and(&control->present[IPCBUS_RING_WRITER], ~bit);
        ring_and(&control->present[IPCBUS_RING_READER], ~bit);
        ring_store(&control->places[place].role, IPCBUS_RING_OBSERVER);
        return r;
}

void ring_wake_all(IpcbusRing *ring) {
        if (!ring_sleeps(ring))
                return;
        ring_gate_open(ring, &ring->control->data, INT_MAX);
        ring_gate_open(ring, &ring->control->room, INT_MAX);
}

/* A place whose lock nobody has. What the one before left there is undone first. */
int ring_place_take(IpcbusRing *ring) {
        IpcbusRingRole other = ring->role == IPCBUS_RING_WRITER ? IPCBUS_RING_READER : IPCBUS_RING_WRITER;
        unsigned first = 0, end = IPCBUS_RING_PARTICIPANTS;
        RingPlace *place;

        if (!ring_is_many(ring)) {
                first = ring->role == IPCBUS_RING_READER;
                end = first + 1;
        }
        for (unsigned i = first; i < end; i++) {
                int r = ring_life_take(ring, i);

                /* One to one there is no other place: who only looks whether its holder lives is soon done. */
                for (unsigned tries = 0; r == -EAGAIN && !ring_is_many(ring) && tries < 100; tries++) {
                        ring_rest();
                        r = ring_life_take(ring, i);
                }
                if (r == -EAGAIN)
                        continue;
                if (r < 0)
                        return r;
                ring->place = i;
                place = &ring->control->places[i];
                /* Where one of the same role comes, the others need not hear that there was nobody for a moment. */
                if (ring_is_many(ring) && ring_load(&place->role) != IPCBUS_RING_OBSERVER) {
                        r = many_recover(ring, i);
                        if (r < 0)
                                return r;
                        ring_wake_all(ring);
                }
                ring_place_sign(ring, place);
                /* From here on it has to be undone. */
                ring_store(&place->role, ring->role);
                ring_or(&ring->control->present[ring->role], UINT64_C(1) << i);
                ring_and(&ring->control->present[other], ~(UINT64_C(1) << i));
                ring_or(&ring->control->ever, UINT64_C(1) << ring->role);
                r = ring_is_many(ring) ? 0 : one_join(ring);
                if (r < 0)
                        ring_place_recover(ring, i);
                return r;
        }
        return ring_is_many(ring) ? -EUSERS : -EBUSY;
}

void ring_place_leave(IpcbusRing *ring) {
        if (!ring_is_many(ring) && ring->role == IPCBUS_RING_READER)
                one_give_back(ring);
        /* Many to many: what is reserved and what is held is found by its place. */
        ring_place_recover(ring, ring->place);
        ring_wake_all(ring);
}

int ring_give_back_taken(IpcbusRing *ring) {
        RingControl *control = ring->control;

        for (unsigned i = 0; i < ring->held_count; i++)
                ring_cas(many_word(ring, ring->held[i].position), ring->held[i].word,
                        many_turn(ring->held[i].word, MANY_COMMITTED));
        ring->held_count = 0;
        if (ring_add(&control->returned, 1) == UINT64_MAX)
                ring_add(&control->returned, 1);
        if (ring_sleeps(ring))
                ring_gate_open(ring, &control->data, 1);
        return 0;
}

static uint64_t present(IpcbusRing *ring) {
        return ring_load(&ring->control->present[IPCBUS_RING_WRITER]) |
               ring_load(&ring->control->present[IPCBUS_RING_READER]);
}

RING_API int ipcbus_ring_recover(IpcbusRing *ring) {
        uint64_t others = present(ring);
        int found = 0, broken = 0;

        for (unsigned i = 0; i < IPCBUS_RING_PARTICIPANTS; i++) {
                int r;

                if (!(others >> i & 1) || (ring->role != IPCBUS_RING_OBSERVER && i == ring->place))
                        continue;
                r = ring_life_take(ring, i);
                if (r == -EAGAIN)
                        continue;
                if (r < 0)
                        return r;
                /* Another may have been here since. */
                if (present(ring) >> i & 1) {
                        broken = ring_place_recover(ring, i) < 0 ? -EBADMSG : broken;
                        found++;
                }
                ring_life_drop(ring, i);
        }
        if (found > 0)
                ring_wake_all(ring);
        return broken < 0 ? broken : found;
}
