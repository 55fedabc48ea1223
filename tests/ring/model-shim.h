/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* In the place of ring-atomics.h when the ring is compiled for the model checker: every touch of shared memory is a
 * point at which another thread may go on, or this one may be killed. */
#pragma once

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "model.h"

#define RING_HOT static inline

enum { RING_FIRST = 0, RING_POLLS = 1, RING_PAUSE = 1 };

RING_HOT uint64_t ring_load_relaxed(const uint64_t *word) {
        return model_load(word, sizeof(*word), MODEL_RELAXED);
}

RING_HOT uint64_t ring_load_acquire(const uint64_t *word) {
        return model_load(word, sizeof(*word), MODEL_ACQUIRE);
}

RING_HOT uint64_t ring_load(const uint64_t *word) {
        return model_load(word, sizeof(*word), MODEL_SEQ);
}

RING_HOT void ring_store_relaxed(uint64_t *word, uint64_t value) {
        model_store(word, sizeof(*word), value, MODEL_RELAXED);
}

RING_HOT void ring_store_release(uint64_t *word, uint64_t value) {
        model_store(word, sizeof(*word), value, MODEL_RELEASE);
}

RING_HOT void ring_store(uint64_t *word, uint64_t value) {
        model_store(word, sizeof(*word), value, MODEL_SEQ);
}

RING_HOT bool ring_cas(uint64_t *word, uint64_t expected, uint64_t value) {
        return model_change(word, sizeof(*word), MODEL_CAS, expected, value) == expected;
}

RING_HOT uint64_t ring_or(uint64_t *word, uint64_t bits) {
        return model_change(word, sizeof(*word), MODEL_OR, 0, bits);
}

RING_HOT uint64_t ring_and(uint64_t *word, uint64_t bits) {
        return model_change(word, sizeof(*word), MODEL_AND, 0, bits);
}

RING_HOT uint64_t ring_add(uint64_t *word, uint64_t value) {
        return model_change(word, sizeof(*word), MODEL_ADD, 0, value);
}

RING_HOT uint32_t ring_load32(const uint32_t *word) {
        return (uint32_t)model_load(word, sizeof(*word), MODEL_SEQ);
}

RING_HOT uint32_t ring_add32(uint32_t *word, uint32_t value) {
        return (uint32_t)model_change(word, sizeof(*word), MODEL_ADD, 0, value);
}

RING_HOT void ring_store_relaxed32(uint32_t *word, uint32_t value) {
        model_store(word, sizeof(*word), value, MODEL_RELAXED);
}

RING_HOT uint64_t ring_plain_load(const uint64_t *word) {
        return model_load(word, sizeof(*word), MODEL_PLAIN);
}

RING_HOT void ring_plain_store(uint64_t *word, uint64_t value) {
        model_store(word, sizeof(*word), value, MODEL_PLAIN);
}

RING_HOT void ring_prefetch(const void *place) {
        (void)place;
}

RING_HOT void ring_pause(void) {
}

RING_HOT void ring_rest(void) {
}

RING_HOT void ring_yield(void) {
        model_pause();
}

RING_HOT uint64_t ring_now(void) {
        return model_now();
}

RING_HOT int ring_futex_wait(uint32_t *word, uint32_t value, uint64_t usec) {
        return model_futex_wait(word, value, usec != UINT64_MAX);
}

RING_HOT int ring_futex_wake(uint32_t *word, int count) {
        return model_futex_wake(word, count);
}
