/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What goes into a loop that waits without sleeping. */
#pragma once

#include <stdint.h>
#include <time.h>

#include "units.h"

/* Tells the processor that this is such a loop: it saves power and, on two threads of one core, leaves the other its
 * share. */
static inline void spin_pause(void) {
#if defined(__x86_64__) || defined(__i386__)
        __builtin_ia32_pause();
#elif defined(__aarch64__)
        __asm__ volatile("isb" ::: "memory");
#else
        __asm__ volatile("" ::: "memory");
#endif
}

static inline uint64_t monotonic_now(void) {
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (uint64_t)now.tv_sec * USEC_PER_SEC + (uint64_t)now.tv_nsec / NSEC_PER_USEC;
}

/* When a time-out that begins now ends; USEC_INFINITY stays what it is. */
static inline uint64_t monotonic_end(uint64_t timeout) {
        uint64_t now = monotonic_now();

        return timeout < USEC_INFINITY - now ? now + timeout : USEC_INFINITY;
}

/* The kernel takes seconds as a signed number; what is longer than that is for ever in all but name. */
static inline struct timespec timespec_from_usec(uint64_t usec) {
        uint64_t seconds = usec / USEC_PER_SEC;

        return (struct timespec){
                .tv_sec = (time_t)(seconds < INT32_MAX ? seconds : INT32_MAX),
                .tv_nsec = (long)(usec % USEC_PER_SEC * NSEC_PER_USEC),
        };
}
