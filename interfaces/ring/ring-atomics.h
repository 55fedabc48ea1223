/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Everything by which the ring touches shared memory, and by which it waits, in one place: the model checker of
 * tests/ring puts its own in the place of these (RING_SHIM), so that what is checked is the code that runs. */
#pragma once

#ifdef RING_SHIM
#include RING_SHIM
#else

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define RING_HOT static inline __attribute__((always_inline))

RING_HOT uint64_t ring_load_relaxed(const uint64_t *word) {
        return __atomic_load_n(word, __ATOMIC_RELAXED);
}

RING_HOT uint64_t ring_load_acquire(const uint64_t *word) {
        return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

RING_HOT uint64_t ring_load(const uint64_t *word) {
        return __atomic_load_n(word, __ATOMIC_SEQ_CST);
}

RING_HOT void ring_store_relaxed(uint64_t *word, uint64_t value) {
        __atomic_store_n(word, value, __ATOMIC_RELAXED);
}

RING_HOT void ring_store_release(uint64_t *word, uint64_t value) {
        __atomic_store_n(word, value, __ATOMIC_RELEASE);
}

/* Sequentially consistent: what this thread loads with ring_load() or ring_load32() afterwards is no older than this.
 */
RING_HOT void ring_store(uint64_t *word, uint64_t value) {
        __atomic_store_n(word, value, __ATOMIC_SEQ_CST);
}

RING_HOT bool ring_cas(uint64_t *word, uint64_t expected, uint64_t value) {
        return __atomic_compare_exchange_n(word, &expected, value, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

RING_HOT uint64_t ring_or(uint64_t *word, uint64_t bits) {
        return __atomic_fetch_or(word, bits, __ATOMIC_SEQ_CST);
}

RING_HOT uint64_t ring_and(uint64_t *word, uint64_t bits) {
        return __atomic_fetch_and(word, bits, __ATOMIC_SEQ_CST);
}

RING_HOT uint64_t ring_add(uint64_t *word, uint64_t value) {
        return __atomic_fetch_add(word, value, __ATOMIC_SEQ_CST);
}

RING_HOT uint32_t ring_load32(const uint32_t *word) {
        return __atomic_load_n(word, __ATOMIC_SEQ_CST);
}

RING_HOT uint32_t ring_add32(uint32_t *word, uint32_t value) {
        return __atomic_fetch_add(word, value, __ATOMIC_SEQ_CST);
}

RING_HOT void ring_store_relaxed32(uint32_t *word, uint32_t value) {
        __atomic_store_n(word, value, __ATOMIC_RELAXED);
}

/* What belongs to one side at a time: the record's own words and bytes, handed over by the words above. */
RING_HOT uint64_t ring_plain_load(const uint64_t *word) {
        return *(const volatile uint64_t *)word;
}

RING_HOT void ring_plain_store(uint64_t *word, uint64_t value) {
        *(volatile uint64_t *)word = value;
}

/* It will be read soon. */
RING_HOT void ring_prefetch(const void *place) {
        __builtin_prefetch(place, 0);
}

RING_HOT void ring_pause(void) {
#if defined(__x86_64__) || defined(__i386__)
        __builtin_ia32_pause();
#elif defined(__aarch64__)
        __asm__ __volatile__("isb" ::: "memory");
#endif
}

static inline uint64_t ring_now(void) {
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static inline void ring_rest(void) {
        usleep(200);
}

static inline void ring_yield(void) {
        sched_yield();
}

enum {
        RING_FIRST = 256, /* polls before the clock is asked at all */
        RING_POLLS = 32,  /* between two looks at the clock */
        RING_PAUSE = 8,   /* polls between two pauses, which are long on some machines */
};

#define RING_NAP_MAX ((uint64_t)3600 * 1000000)

/* Sleeps while *word is `value`, at most `usec` or an hour: without an end the kernel begins the call again after a
 * handler with SA_RESTART. 0, -EAGAIN (it is not), -ETIMEDOUT, -EINTR. Not FUTEX_PRIVATE: the others are other
 * processes. */
static inline int ring_futex_wait(uint32_t *word, uint32_t value, uint64_t usec) {
        uint64_t nap = usec < RING_NAP_MAX ? usec : RING_NAP_MAX;
        /* Not a struct timespec: of a 32-bit program with a time_t of 64 bits that is not what this call takes. */
        const long wait[2] = { (long)(nap / 1000000), (long)(nap % 1000000) * 1000 };

        if (syscall(SYS_futex, word, FUTEX_WAIT, value, wait, NULL, 0) < 0)
                return -errno;
        return 0;
}

/* How many were woken. */
static inline int ring_futex_wake(uint32_t *word, int count) {
        long r = syscall(SYS_futex, word, FUTEX_WAKE, count, NULL, NULL, 0);

        return r < 0 ? 0 : (int)r;
}

#endif
