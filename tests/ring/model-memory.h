/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The memory of the model: what is in it, what is still in a thread's store buffer, and who has seen what of whom. */
#pragma once

#include "model.h"

/* How much each thread has seen of each other. */
typedef struct Clock {
        uint16_t of[MODEL_THREADS_MAX];
} Clock;

static inline uint64_t hash_mix(uint64_t h, uint64_t value) {
        h ^= value + UINT64_C(0x9e3779b97f4a7c15) + (h << 6) + (h >> 2);
        h ^= h >> 31;
        h *= UINT64_C(0xbf58476d1ce4e5b9);
        h ^= h >> 29;
        h *= UINT64_C(0x94d049bb133111eb);
        return h ^ h >> 32;
}

/* Clocks are kept only if wanted. */
void memory_reset(void *memory, size_t size, bool clocks);
/* Grows with every change that others can see. */
unsigned long memory_version(void);
void memory_changed(void);
unsigned long memory_changed_at(const void *word);

uint64_t memory_read(const void *word, unsigned size);
void memory_write(void *word, unsigned size, uint64_t value);
/* As one thread sees it: through its own buffer. */
uint64_t memory_load(unsigned thread, const void *word, unsigned size);
void memory_store(unsigned thread, void *word, unsigned size, uint64_t value, ModelOrder order);
void memory_change(unsigned thread, void *word, unsigned size, uint64_t value);

unsigned memory_pending(unsigned thread);
bool memory_drained(unsigned thread);
bool memory_may_drain(unsigned thread, unsigned entry);
void memory_drain(unsigned thread, unsigned entry);
void memory_drain_all(unsigned thread);

/* Who touches it how: NULL, or with whom that is a race. */
const char *memory_note_load(unsigned thread, const void *word, ModelOrder order);
const char *memory_note_store(unsigned thread, const void *word, ModelOrder order);
Clock *memory_clock(unsigned thread);
void memory_join(unsigned thread, const Clock *clock);

void memory_key(unsigned threads, uint64_t key[2]);

/* The states that are done, with the interleavings from there to the end; 0: not seen. */
void states_reset(void);
double states_find(const uint64_t key[2]);
void states_add(const uint64_t key[2], double interleavings);
