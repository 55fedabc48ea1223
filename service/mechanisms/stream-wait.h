/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Waiting for a descriptor to become readable, for the transports whose receiving end is one. */
#pragma once

#include <errno.h>
#include <poll.h>
#include <stdint.h>

#include "spin.h"

/* The most that a stream is asked to carry in one message; the kernel has no bound of its own. */
#define STREAM_MESSAGE_MAX ((size_t)1 << 30)

/* 0 also at the end of a stream, which is read as such; -ETIMEDOUT. */
static inline int wait_readable_fd(int fd, uint64_t timeout_usec) {
        struct pollfd wanted = { .fd = fd, .events = POLLIN };
        uint64_t end = monotonic_end(timeout_usec), now;
        struct timespec left;
        int n;

        do {
                now = monotonic_now();
                left = timespec_from_usec(end > now ? end - now : 0);
                n = ppoll(&wanted, 1, end == USEC_INFINITY ? NULL : &left, NULL);
        } while (n < 0 && errno == EINTR);
        if (n < 0)
                return -errno;
        return n == 0 ? -ETIMEDOUT : 0;
}
