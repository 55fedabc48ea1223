/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* futex(2) has no wrapper in the C library. Words in memory that processes share: never FUTEX_PRIVATE_FLAG. */
#pragma once

#include <errno.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "spin.h"

/* 0 when woken, -EAGAIN when the word is not `seen` any more, -EINTR, -ETIMEDOUT. */
static inline int futex_wait(_Atomic uint32_t *word, uint32_t seen, uint64_t timeout_usec) {
        struct timespec ts = timespec_from_usec(timeout_usec);

        if (syscall(SYS_futex, word, FUTEX_WAIT, seen, timeout_usec == USEC_INFINITY ? NULL : &ts, NULL, 0) < 0)
                return -errno;
        return 0;
}

/* How many were woken. */
static inline int futex_wake(_Atomic uint32_t *word, int most) {
        long n = syscall(SYS_futex, word, FUTEX_WAKE, most, NULL, NULL, 0);

        return n < 0 ? -errno : (int)n;
}
