/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Waiting for a descriptor, for the transports whose ends are some. */
#pragma once

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#include "spin.h"
#include "transport.h"

/* The most that a stream is asked to carry in one message; the kernel has no bound of its own. */
#define STREAM_MESSAGE_MAX ((size_t)1 << 30)

/* 0 also at the end of a stream, which is read as such; -ETIMEDOUT. */
static inline int wait_readable_fd(int fd, uint64_t timeout_usec) {
        struct pollfd wanted = { .fd = fd, .events = POLLIN };
        uint64_t end = USEC_INFINITY, now;
        struct timespec left;
        int n;

        if (timeout_usec == USEC_INFINITY) {
                do
                        n = poll(&wanted, 1, -1);
                while (n < 0 && errno == EINTR);
                return n < 0 ? -errno : 0;
        }
        end = monotonic_end(timeout_usec);
        do {
                now = monotonic_now();
                left = timespec_from_usec(end > now ? end - now : 0);
                n = ppoll(&wanted, 1, end == USEC_INFINITY ? NULL : &left, NULL);
        } while (n < 0 && errno == EINTR);
        if (n < 0)
                return -errno;
        return n == 0 ? -ETIMEDOUT : 0;
}

/* Is a sending that gave `r` to be tried again? Where there was no room it waits for that, or, spinning, does not. A
 * blocking call has done so itself. */
static inline bool link_sends_again(const Link *link, int fd, int r) {
        struct pollfd wanted = { .fd = fd, .events = POLLOUT };

        if (r == -EINTR)
                return true;
        if (r != -EAGAIN || link->wait == WAIT_BLOCK)
                return false;
        if (link->wait != WAIT_SPIN)
                (void)poll(&wanted, 1, -1);
        return true;
}
