/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the messages of a benchmark carry: every byte depends on the number of the message and on its place in it, so
 * a message that is stale, doubled, cut, shifted or mixed with another is noticed. The generator has to cost next to
 * nothing beside the mechanism: each 64-bit word is the word before plus a constant, the first is a hash of the
 * message's number, and the loops below work on four words at a time, without a dependency between them.
 *
 * Buffers are aligned to 8 bytes. Inline, as it stands in the loops that are measured. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define PAYLOAD_STEP UINT64_C(0x9e3779b97f4a7c15) /* odd: 2^64 different words before one comes again */

typedef uint64_t PayloadWords __attribute__((vector_size(16), aligned(8)));

/* The finalizer of MurmurHash3: neighbouring numbers give words that have nothing in common. */
static inline uint64_t payload_first(uint64_t number) {
        uint64_t x = number + PAYLOAD_STEP;

        x = (x ^ (x >> 33)) * UINT64_C(0xff51afd7ed558ccd);
        x = (x ^ (x >> 33)) * UINT64_C(0xc4ceb9fe1a85ec53);
        return x ^ (x >> 33);
}

static inline void payload_fill(void *buffer, size_t size, uint64_t number) {
        uint64_t word = payload_first(number);
        PayloadWords a = { word, word + PAYLOAD_STEP }, b = a + 2 * PAYLOAD_STEP;
        unsigned char *p = buffer;

        for (; size >= 32; size -= 32, p += 32) {
                ((PayloadWords *)(void *)p)[0] = a;
                ((PayloadWords *)(void *)p)[1] = b;
                a += 4 * PAYLOAD_STEP;
                b += 4 * PAYLOAD_STEP;
        }
        for (word = a[0]; size >= sizeof word; size -= sizeof word, p += sizeof word, word += PAYLOAD_STEP)
                memcpy(p, &word, sizeof word);
        for (; size > 0; size--, word >>= 8)
                *p++ = (unsigned char)word;
}

/* Whether the buffer holds what payload_fill() writes for that message. */
static inline bool payload_check(const void *buffer, size_t size, uint64_t number) {
        uint64_t word = payload_first(number);
        PayloadWords a = { word, word + PAYLOAD_STEP }, b = a + 2 * PAYLOAD_STEP, different = { 0, 0 };
        const unsigned char *p = buffer;
        uint64_t tail = 0, found;

        for (; size >= 32; size -= 32, p += 32) {
                different |= ((const PayloadWords *)(const void *)p)[0] ^ a;
                different |= ((const PayloadWords *)(const void *)p)[1] ^ b;
                a += 4 * PAYLOAD_STEP;
                b += 4 * PAYLOAD_STEP;
        }
        for (word = a[0]; size >= sizeof word; size -= sizeof word, p += sizeof word, word += PAYLOAD_STEP) {
                memcpy(&found, p, sizeof found);
                tail |= found ^ word;
        }
        for (; size > 0; size--, word >>= 8)
                tail |= *p++ ^ (word & 0xff);
        return (different[0] | different[1] | tail) == 0;
}

/* The number of the message that begins so: the finalizer is undone, step by step. */
static inline uint64_t payload_number(const void *buffer) {
        uint64_t x;

        memcpy(&x, buffer, sizeof x);
        x = (x ^ (x >> 33)) * UINT64_C(0x9cb4b2f8129337db);
        x = (x ^ (x >> 33)) * UINT64_C(0x4f74430c22a54005);
        return (x ^ (x >> 33)) - PAYLOAD_STEP;
}

/* The first and the last word alone: of messages that are handed over where they lie, untouched. */
static inline void payload_fill_ends(void *buffer, size_t size, uint64_t number) {
        uint64_t word = payload_first(number);

        if (size < 2 * sizeof word) {
                payload_fill(buffer, size, number);
                return;
        }
        memcpy(buffer, &word, sizeof word);
        memcpy((char *)buffer + size - sizeof word, &word, sizeof word);
}

static inline bool payload_check_ends(const void *buffer, size_t size, uint64_t number) {
        uint64_t word = payload_first(number), ends[2];

        if (size < 2 * sizeof word)
                return payload_check(buffer, size, number);
        memcpy(&ends[0], buffer, sizeof word);
        memcpy(&ends[1], (const char *)buffer + size - sizeof word, sizeof word);
        return ends[0] == word && ends[1] == word;
}
