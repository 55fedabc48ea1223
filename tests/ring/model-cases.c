/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "model-cases.h"

/* The small cases: which threads do what, over the library's own code, and what must have come of it. Each message
 * says twice who sent it and which one it is. */

#include <stdio.h>
#include <string.h>

#include "model-memory.h"
#include "ring.h"

enum { CAPACITY_MAX = 512, MESSAGES_MAX = 8, SIZE = 16 };

static struct {
        RingControl control;
        uint64_t words[CAPACITY_MAX / RING_UNIT];
        _Alignas(64) uint8_t data[CAPACITY_MAX];
} memory;

static IpcbusRing handles[MODEL_THREADS_MAX];
static RingHeld held[MODEL_THREADS_MAX][IPCBUS_RING_BATCH_MAX];

/* What the threads did, for the judge. */
typedef enum Fate { NEVER, BEGUN, SENT } Fate;
static Fate sent[MODEL_THREADS_MAX][MESSAGES_MAX];
static unsigned char peeked[MODEL_THREADS_MAX][MODEL_THREADS_MAX][MESSAGES_MAX]; /* by reader, writer, message */
static unsigned char releasing[MODEL_THREADS_MAX][MODEL_THREADS_MAX][MESSAGES_MAX];
static unsigned char released[MODEL_THREADS_MAX][MODEL_THREADS_MAX][MESSAGES_MAX];

/* What the library asks of the process. */
int ring_life_take(IpcbusRing *ring, unsigned place) {
        (void)ring;
        return model_life_take(place);
}

void ring_life_drop(IpcbusRing *ring, unsigned place) {
        (void)ring;
        model_life_drop(place);
}

void ring_cpu_refresh(IpcbusRing *ring) {
        (void)ring;
}

/* Who spins gives way then, which the model takes for "until something changes". */
bool ring_is_crowded(const IpcbusRing *ring) {
        return ring->wait == IPCBUS_RING_SPIN;
}

void ring_place_sign(IpcbusRing *ring, RingPlace *place) {
        (void)ring;
        (void)place;
}

static void handle_make(const Case *c, unsigned thread) {
        uint64_t capacity = c->capacity;
        unsigned flags = c->flags;
        IpcbusRing *ring = &handles[thread];

        *ring = (IpcbusRing){
                .control = &memory.control,
                .words = memory.words,
                .data = memory.data,
                .capacity = capacity,
                .align = flags & IPCBUS_RING_PACKED ? 8 : RING_UNIT,
                .message_max = capacity / 2 - RING_RECORD_HEAD,
                .flags = flags,
                .role = c->roles[thread],
                .place = IPCBUS_RING_PARTICIPANTS,
                .wait = flags & IPCBUS_RING_AWAKE ? IPCBUS_RING_SPIN : IPCBUS_RING_BLOCK,
                /* Where a successor comes, nobody else looks after the dead. */
                .patience_usec = c->model.after_death ? 0 : 100,
                .looked_usec = model_now(),
                .held = held[thread],
        };
        while (UINT64_C(1) << ring->length_bits < capacity / RING_UNIT)
                ring->length_bits++;
        ring->lap_mask = (UINT64_C(1) << (56 - ring->length_bits)) - 1;
}

static void join(unsigned thread) {
        int r = ring_place_take(&handles[thread]);

        if (r < 0)
                model_fail("thread %u cannot join: %d", thread, r);
}

static void prefill(const Case *c);

static bool joins_late(const Case *c, unsigned thread) {
        return (c->model.after_death & ~c->seated) >> thread & 1;
}

void cases_prepare(const Case *c) {
        memset(sent, 0, sizeof(sent));
        memset(peeked, 0, sizeof(peeked));
        memset(releasing, 0, sizeof(releasing));
        memset(released, 0, sizeof(released));
        if (c->flags & IPCBUS_RING_MANY)
                memory.control.tail = memory.control.taken = memory.control.freed = c->capacity;
        for (unsigned i = 0; i < c->model.threads; i++) {
                unsigned place = c->flags & IPCBUS_RING_MANY ? i : c->roles[i] == IPCBUS_RING_READER;

                handle_make(c, i);
                if (joins_late(c, i))
                        continue;
                /* As if it had joined; its own way in is part of the cases with a successor. */
                handles[i].place = place;
                memory.control.places[place].role = c->roles[i];
                memory.control.present[c->roles[i]] |= UINT64_C(1) << place;
                memory.control.ever |= UINT64_C(1) << c->roles[i];
                model_hold(i, place);
        }
        /* Who wrote that is gone. */
        memory.control.ever |= (uint64_t)(c->prefill != 0) << IPCBUS_RING_WRITER;
        prefill(c);
}

static uint64_t *payload(IpcbusRing *ring, const void *data, unsigned word);
static uint64_t content(unsigned writer, unsigned message);

/* What lies in the ring when it begins. */
static void prefill(const Case *c) {
        IpcbusRingRole role = handles[0].role;

        handles[0].role = IPCBUS_RING_WRITER;
        for (unsigned i = 0; i < c->prefill; i++) {
                void *data;

                if (ipcbus_ring_reserve(&handles[0], SIZE, 0, &data) < 0)
                        return;
                ring_plain_store(payload(&handles[0], data, 0), content(0, i));
                ring_plain_store(payload(&handles[0], data, 1), ~content(0, i));
                ipcbus_ring_commit(&handles[0], SIZE);
                sent[0][i] = SENT;
        }
        handles[0].role = role;
}

static uint64_t *payload(IpcbusRing *ring, const void *data, unsigned word) {
        size_t offset = (size_t)((const uint8_t *)data - ring->data) + word * sizeof(uint64_t);

        return (uint64_t *)(void *)(ring->data + (offset & (ring->capacity - 1)));
}

static uint64_t content(unsigned writer, unsigned message) {
        return 0xa000 + writer * 256 + message;
}

/* All that a handle, and a thread between two messages, knows. */
static void between(unsigned self, unsigned i, const uint64_t *hand, unsigned in_hand) {
        const IpcbusRing *ring = &handles[self];
        uint64_t h = i;

        h = hash_mix(h, ring->position);
        h = hash_mix(h, ring->shown);
        h = hash_mix(h, ring->limit);
        h = hash_mix(h, ring->cleared);
        h = hash_mix(h, ring->first_word);
        h = hash_mix(h, ring->place << 8 | ring->held_count);
        h = hash_mix(h, ring->looked_usec);
        for (unsigned k = 0; k < ring->held_count; k++)
                h = hash_mix(hash_mix(h, ring->held[k].position), ring->held[k].word);
        for (unsigned k = 0; k < in_hand; k++)
                h = hash_mix(h, hand[k]);
        for (unsigned w = 0; w < MODEL_THREADS_MAX; w++)
                for (unsigned m = 0; m < MESSAGES_MAX; m++)
                        h = hash_mix(h, peeked[self][w][m] << 1 | released[self][w][m]);
        model_merge(h);
}

/* Who has a successor is killed in the end, if not before. */
static void end(unsigned self, const Case *c) {
        if (c->model.after_death != 0 && (c->model.victims >> self & 1))
                model_wait_death();
        else if (c->leave)
                ring_place_leave(&handles[self]);
}

/* Leaves something where the next records, and their ends, will lie. */
static void spoil_reserved(IpcbusRing *ring) {
        void *data;

        if (ipcbus_ring_reserve(ring, ring->message_max, 0, &data) < 0)
                return;
        for (unsigned i = 0; i < ring->message_max / sizeof(uint64_t); i++)
                ring_plain_store(payload(ring, data, i), UINT64_MAX);
        if (ipcbus_ring_abort(ring) < 0)
                model_fail("abort");
}

static void write_messages(unsigned self, const Case *c) {
        IpcbusRing *ring = &handles[self];
        unsigned first = self == 0 ? c->prefill : 0, count = c->counts[self], batch = c->batch ? c->batch : 1;

        for (unsigned i = first; i < count; i++) {
                uint64_t value = content(self, i);
                void *data;
                int r;

                between(self, i, NULL, 0);
                if (c->aborts)
                        spoil_reserved(ring);
                r = ipcbus_ring_reserve(ring, SIZE, IPCBUS_RING_FOREVER, &data);

                if (r == -EPIPE && (model_dead() >= 0 || c->model.after_death != 0))
                        break;
                if (r < 0)
                        model_fail("writer %u: reserve: %d", self, r);
                ring_plain_store(payload(ring, data, 0), value);
                ring_plain_store(payload(ring, data, 1), ~value);
                sent[self][i] = BEGUN;
                r = ipcbus_ring_append(ring, SIZE);
                if (r == 0 && ((i + 1) % batch == 0 || i + 1 == count))
                        r = ipcbus_ring_publish(ring);
                if (r < 0)
                        model_fail("writer %u: commit: %d", self, r);
                for (unsigned k = 0; k <= i && ((i + 1) % batch == 0 || i + 1 == count); k++)
                        sent[self][k] = SENT;
        }
        end(self, c);
}

static void read_messages(unsigned self, const Case *c) {
        IpcbusRing *ring = &handles[self];
        unsigned batch = c->hold ? c->hold : c->batch ? c->batch : 1, in_hand = 0;
        uint64_t hand[MESSAGES_MAX];
        const void *shown[MESSAGES_MAX];

        for (unsigned i = 0; i < c->counts[self]; i++) {
                const void *data;
                uint64_t value;
                size_t size;
                int r;

                between(self, i, hand, in_hand);
                r = ipcbus_ring_peek(ring, IPCBUS_RING_FOREVER, &data, &size);

                if (r == -EPIPE && c->leave)
                        break;
                if (r < 0)
                        model_fail("reader %u: peek: %d", self, r);
                value = ring_plain_load(payload(ring, data, 0));
                if (size != SIZE || ring_plain_load(payload(ring, data, 1)) != ~value ||
                        value - 0xa000 >= MODEL_THREADS_MAX * 256 || value % 256 >= MESSAGES_MAX)
                        model_fail("reader %u: what it read was never written: %llx, %zu bytes", self,
                                (unsigned long long)value, size);
                if (peeked[self][(value - 0xa000) / 256][value % 256]++)
                        model_fail("reader %u: message %llx came twice", self, (unsigned long long)value);
                shown[in_hand] = data;
                hand[in_hand++] = value;
                if (in_hand < batch && i + 1 < c->counts[self])
                        continue;
                for (unsigned k = 0; k < in_hand; k++) {
                        if (ring_plain_load(payload(ring, shown[k], 0)) != hand[k])
                                model_fail("reader %u: a message changed in its hands", self);
                        releasing[self][(hand[k] - 0xa000) / 256][hand[k] % 256] = 1;
                }
                r = ipcbus_ring_release(ring);
                if (r < 0)
                        model_fail("reader %u: release: %d", self, r);
                for (unsigned k = 0; k < in_hand; k++)
                        released[self][(hand[k] - 0xa000) / 256][hand[k] % 256] = 1;
                in_hand = 0;
        }
        end(self, c);
}

void cases_run(const Case *c, unsigned self) {
        if (joins_late(c, self)) {
                /* In the other's place, once the kernel has seen it dead: its stores are out then. */
                model_wait_death();
                join(self);
        }
        if (c->roles[self] == IPCBUS_RING_WRITER)
                write_messages(self, c);
        else
                read_messages(self, c);
}

/* Everything that was committed was read by exactly one who lives, unless a dead one released it; the order is kept.
 */
const char *cases_judge(const Case *c) {
        int dead = model_dead();
        static char wrong[128];

        for (unsigned writer = 0; writer < c->model.threads; writer++) {
                bool missing = false;

                for (unsigned i = 0; i < MESSAGES_MAX; i++) {
                        unsigned alive = 0, by_dead = 0, released_by_dead = 0, in_hands = 0;

                        for (unsigned reader = 0; reader < c->model.threads; reader++) {
                                if ((int)reader == dead) {
                                        by_dead += peeked[reader][writer][i];
                                        released_by_dead += released[reader][writer][i];
                                        in_hands += peeked[reader][writer][i] && !releasing[reader][writer][i];
                                } else
                                        alive += peeked[reader][writer][i];
                        }
                        if (alive > 1 || (alive > 0 && released_by_dead > 0)) {
                                snprintf(wrong, sizeof(wrong), "message %u of %u was read twice", i, writer);
                                return wrong;
                        }
                        if (alive + by_dead > 0 && sent[writer][i] == NEVER) {
                                snprintf(wrong, sizeof(wrong), "message %u of %u was read and never sent", i, writer);
                                return wrong;
                        }
                        if (alive + by_dead > 0 && missing && (int)writer == dead) {
                                snprintf(wrong, sizeof(wrong), "message %u of %u came, one before it did not", i,
                                        writer);
                                return wrong;
                        }
                        /* Who reads only so many leaves the rest. */
                        if (alive + by_dead - in_hands == 0 && sent[writer][i] == SENT && !c->leftovers) {
                                snprintf(wrong, sizeof(wrong), "message %u of %u was sent and lost", i, writer);
                                return wrong;
                        }
                        missing = missing || alive + by_dead == 0;
                }
        }
        return NULL;
}

void cases_memory(const Case *c, ModelCase *model) {
        model->memory = &memory;
        model->memory_size = sizeof(memory);
        model->spins = c->flags & IPCBUS_RING_AWAKE;
        model->quiet[0].from = offsetof(RingControl, places);
        model->quiet[0].to = sizeof(RingControl);
        /* One to one nobody but a successor asks how far the other came. */
        if (!(c->flags & IPCBUS_RING_MANY) && c->model.victims == 0) {
                model->quiet[1].from = offsetof(RingControl, tail);
                model->quiet[1].to = offsetof(RingControl, freed);
        }
        /* Nor whether anybody left. */
        if (!c->leave && c->model.victims == 0) {
                model->quiet[2].from = offsetof(RingControl, present);
                model->quiet[2].to = offsetof(RingControl, returned);
        }
}
