/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "model-memory.h"

#include <stdlib.h>
#include <string.h>

enum { WORDS_MAX = 512, PENDING_MAX = 48, SLOTS = 2048 };

/* What is known of one word beside its value. */
typedef struct Word {
        const void *at;
        unsigned size;
        Clock released;     /* what an acquire of it sees */
        Clock plain_stores; /* of each thread the last, by its own clock */
        Clock plain_loads;
        Clock stores;
        Clock loads;
        unsigned long changed;
} Word;

typedef struct Pending {
        void *at;
        unsigned size;
        bool release;
        uint64_t value;
        Clock clock; /* for who acquires it */
} Pending;

static struct {
        char *base;
        size_t size;
        bool timed;
        unsigned long version;
        Word words[WORDS_MAX];
        unsigned n_words;
        uint16_t slots[SLOTS]; /* index + 1, by address */
        Pending pending[MODEL_THREADS_MAX][PENDING_MAX];
        unsigned n_pending[MODEL_THREADS_MAX];
        Clock clocks[MODEL_THREADS_MAX];
} memory;

void memory_reset(void *base, size_t size, bool clocks) {
        memset(&memory, 0, sizeof(memory));
        memory.base = base;
        memory.size = size;
        memory.timed = clocks;
        memset(base, 0, size);
        for (unsigned i = 0; i < MODEL_THREADS_MAX; i++)
                memory.clocks[i].of[i] = 1;
}

unsigned long memory_version(void) {
        return memory.version;
}

void memory_changed(void) {
        memory.version++;
}

static Word *word_of(const void *at, unsigned size) {
        size_t slot = (size_t)(((const char *)at - memory.base) / 4) % SLOTS;

        for (;; slot = (slot + 1) % SLOTS) {
                Word *word;

                if (memory.slots[slot] == 0) {
                        if (memory.n_words == WORDS_MAX)
                                abort();
                        word = &memory.words[memory.n_words++];
                        *word = (Word){ .at = at, .size = size };
                        memory.slots[slot] = (uint16_t)memory.n_words;
                        return word;
                }
                word = &memory.words[memory.slots[slot] - 1];
                if (word->at == at)
                        return word;
        }
}

unsigned long memory_changed_at(const void *at) {
        return word_of(at, 8)->changed;
}

/* A hostile or broken ring that goes outside ends here. */
static void check_inside(const void *at, unsigned size) {
        if ((const char *)at < memory.base || (const char *)at + size > memory.base + memory.size)
                abort();
}

uint64_t memory_read(const void *at, unsigned size) {
        uint64_t value = 0;

        check_inside(at, size);
        memcpy(&value, at, size);
        return value;
}

void memory_write(void *at, unsigned size, uint64_t value) {
        check_inside(at, size);
        memcpy(at, &value, size);
        word_of(at, size)->changed = ++memory.version;
}

uint64_t memory_load(unsigned thread, const void *at, unsigned size) {
        for (unsigned i = memory.n_pending[thread]; i-- > 0;)
                if (memory.pending[thread][i].at == at)
                        return memory.pending[thread][i].value;
        return memory_read(at, size);
}

static void clock_join(Clock *clock, const Clock *other) {
        for (unsigned i = 0; i < MODEL_THREADS_MAX; i++)
                if (clock->of[i] < other->of[i])
                        clock->of[i] = other->of[i];
}

void memory_store(unsigned thread, void *at, unsigned size, uint64_t value, ModelOrder order) {
        Pending pending = { .at = at, .size = size, .release = order >= MODEL_RELEASE, .value = value };
        bool behind = false; /* one to the same place that is not out yet */

        for (unsigned i = 0; i < memory.n_pending[thread]; i++)
                behind = behind || memory.pending[thread][i].at == at;
        if (order == MODEL_PLAIN && !behind) {
                /* In whatever order it comes out: that nobody looks too early is proved by the clocks. */
                memory_write(at, size, value);
                return;
        }
        if (pending.release) {
                pending.clock = memory.clocks[thread];
                memory.clocks[thread].of[thread] += memory.timed;
        }
        if (memory.n_pending[thread] == PENDING_MAX)
                abort();
        memory.pending[thread][memory.n_pending[thread]++] = pending;
        if (order == MODEL_SEQ)
                memory_drain_all(thread);
}

void memory_change(unsigned thread, void *at, unsigned size, uint64_t value) {
        Word *word = word_of(at, size);

        /* Also carries on what an earlier release of it showed. */
        clock_join(&memory.clocks[thread], &word->released);
        word->released = memory.clocks[thread];
        memory.clocks[thread].of[thread] += memory.timed;
        memory_write(at, size, value);
}

unsigned memory_pending(unsigned thread) {
        return memory.n_pending[thread];
}

bool memory_drained(unsigned thread) {
        return memory.n_pending[thread] == 0;
}

bool memory_may_drain(unsigned thread, unsigned entry) {
        const Pending *pending = memory.pending[thread];

        if (pending[entry].release)
                return entry == 0;
        for (unsigned i = 0; i < entry; i++)
                if (pending[i].at == pending[entry].at)
                        return false;
        return true;
}

void memory_drain(unsigned thread, unsigned entry) {
        Pending *pending = memory.pending[thread];

        word_of(pending[entry].at, pending[entry].size)->released = pending[entry].clock;
        memory_write(pending[entry].at, pending[entry].size, pending[entry].value);
        memory.n_pending[thread]--;
        memmove(&pending[entry], &pending[entry + 1], (memory.n_pending[thread] - entry) * sizeof(*pending));
}

void memory_drain_all(unsigned thread) {
        while (memory.n_pending[thread] > 0)
                memory_drain(thread, 0);
}

/* Has `thread` seen all of these? */
static bool has_seen(unsigned thread, const Clock *accesses) {
        for (unsigned i = 0; i < MODEL_THREADS_MAX; i++)
                if (i != thread && accesses->of[i] > memory.clocks[thread].of[i])
                        return false;
        return true;
}

const char *memory_note_load(unsigned thread, const void *at, ModelOrder order) {
        Word *word = word_of(at, 8);

        if (order >= MODEL_ACQUIRE)
                clock_join(&memory.clocks[thread], &word->released);
        if (!has_seen(thread, &word->plain_stores))
                return "a race with a plain store";
        if (order == MODEL_PLAIN && !has_seen(thread, &word->stores))
                return "a race with a store";
        (order == MODEL_PLAIN ? &word->plain_loads : &word->loads)->of[thread] = memory.clocks[thread].of[thread];
        return NULL;
}

const char *memory_note_store(unsigned thread, const void *at, ModelOrder order) {
        Word *word = word_of(at, 8);

        if (!has_seen(thread, &word->plain_stores) || !has_seen(thread, &word->plain_loads))
                return "a race with a plain access";
        if (order == MODEL_PLAIN && (!has_seen(thread, &word->stores) || !has_seen(thread, &word->loads)))
                return "a race with another access";
        (order == MODEL_PLAIN ? &word->plain_stores : &word->stores)->of[thread] = memory.clocks[thread].of[thread];
        return NULL;
}

Clock *memory_clock(unsigned thread) {
        return &memory.clocks[thread];
}

void memory_join(unsigned thread, const Clock *clock) {
        clock_join(&memory.clocks[thread], clock);
}

static uint64_t hash_clock(uint64_t h, const Clock *clock) {
        uint64_t packed = 0;

        _Static_assert(sizeof(*clock) == sizeof(packed), "four threads");
        memcpy(&packed, clock, sizeof(packed));
        return hash_mix(h, packed);
}

void memory_key(unsigned threads, uint64_t key[2]) {
        for (unsigned i = 0; i < memory.n_words; i++) {
                const Word *word = &memory.words[i];
                uint64_t h = (uint64_t)((const char *)word->at - memory.base);

                h = hash_mix(h, memory_read(word->at, word->size));
                h = hash_clock(h, &word->released);
                h = hash_clock(h, &word->plain_stores);
                h = hash_clock(h, &word->plain_loads);
                h = hash_clock(h, &word->stores);
                h = hash_clock(h, &word->loads);
                key[0] += h;
                key[1] += hash_mix(h, 1);
        }
        for (unsigned t = 0; t < threads; t++) {
                uint64_t h = hash_clock(t, &memory.clocks[t]);

                for (unsigned i = 0; i < memory.n_pending[t]; i++) {
                        const Pending *pending = &memory.pending[t][i];

                        h = hash_mix(h, (uint64_t)((char *)pending->at - memory.base) << 1 | pending->release);
                        h = hash_clock(hash_mix(h, pending->value), &pending->clock);
                }
                key[0] += h;
                key[1] += hash_mix(h, 2);
        }
}

/* Open addressing. */
typedef struct State {
        uint64_t key[2];
        double interleavings;
} State;

static struct {
        State *at;
        size_t size, count;
} states;

void states_reset(void) {
        free(states.at);
        states.size = 1 << 16;
        states.count = 0;
        states.at = calloc(states.size, sizeof(*states.at));
        if (!states.at)
                abort();
}

static State *state_slot(State *at, size_t size, const uint64_t key[2]) {
        size_t i = key[0] & (size - 1);

        while (at[i].interleavings > 0 && (at[i].key[0] != key[0] || at[i].key[1] != key[1]))
                i = (i + 1) & (size - 1);
        return &at[i];
}

double states_find(const uint64_t key[2]) {
        return state_slot(states.at, states.size, key)->interleavings;
}

void states_add(const uint64_t key[2], double interleavings) {
        State *slot;

        if (states.count * 2 >= states.size) {
                State *larger = calloc(states.size * 2, sizeof(*larger));

                if (!larger)
                        abort();
                for (size_t i = 0; i < states.size; i++)
                        if (states.at[i].interleavings > 0)
                                *state_slot(larger, states.size * 2, states.at[i].key) = states.at[i];
                free(states.at);
                states.at = larger;
                states.size *= 2;
        }
        slot = state_slot(states.at, states.size, key);
        *slot = (State){ .key = { key[0], key[1] }, .interleavings = interleavings };
        states.count++;
}
