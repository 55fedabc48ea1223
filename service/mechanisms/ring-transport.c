/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Messages over two rings, one a lane. The judge owns their descriptors until a side attaches; each side owns a writer
 * of one ring and a reader of the other, which keep the memory. What waits in which way is the library's. */
#include "ring-kind.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "units.h"

enum {
        CAPACITY = 4 * 1024 * 1024, /* more than a second-level cache, less than a shared third one */
        CAPACITY_MANY = 1024 * 1024,
        MESSAGE_MAX = 64 * 1024 * 1024,
        PATIENCE_USEC = 10 * 1000, /* between looks whether the others live, for who has to wait */
        CALM_USEC = 60 * 1000 * 1000,
        HEAD = 8,    /* of a record */
        LINE = 64,   /* where records begin */
        STEP = 1024, /* depth is counted in messages of that size, where they can be as large */
};

typedef struct RingSide {
        IpcbusRing *out, *in;
} RingSide;

/* So many of them fit before anything is taken; behind the last there is the head of the next. */
static unsigned depth_of(const IpcbusRing *ring, size_t message_max) {
        uint64_t span = ((message_max < STEP ? message_max : STEP) + HEAD + LINE - 1) / LINE * LINE;
        uint64_t head = ipcbus_ring_flags(ring) & IPCBUS_RING_MANY ? 0 : HEAD;

        return (unsigned)((ipcbus_ring_capacity(ring) - head) / span);
}

/* Large enough for one message, in the worst place that it can have. */
static int make(Link *link, unsigned flags, uint64_t capacity, int *ret_fd, Error *error) {
        for (;; capacity *= 2) {
                CLEANUP_FD int fd = -EBADF;
                IpcbusRing *ring = NULL;
                size_t most;
                int r;

                r = ipcbus_ring_create("ipcbus-link", capacity, flags, &fd);
                if (r >= 0)
                        r = ipcbus_ring_open(fd, IPCBUS_RING_OBSERVER, &ring);
                if (r < 0)
                        return error_set_errno(error, r, "Cannot make the ring of the link");
                most = ipcbus_ring_message_max(ring);
                link->depth = depth_of(ring, link->message_max);
                ipcbus_ring_close(ring);
                if (most < link->message_max && capacity < IPCBUS_RING_CAPACITY_MAX)
                        continue;
                if (most < link->message_max)
                        link->message_max = most;
                *ret_fd = fd_take(&fd);
                return 0;
        }
}

static void ring_link_teardown(Link *link) {
        for (unsigned lane = 0; lane < LINK_LANES; lane++)
                link->fds[lane] = fd_close(link->fds[lane]);
}

static int set_up(Link *link, unsigned flags, uint64_t capacity, Error *error) {
        int r = 0;

        if (link->message_max > MESSAGE_MAX)
                link->message_max = MESSAGE_MAX;
        /* Where nobody sleeps nobody has to look whether somebody does. */
        if (link->wait == WAIT_SPIN)
                flags |= IPCBUS_RING_AWAKE;
        for (unsigned lane = 0; r >= 0 && lane < LINK_LANES; lane++)
                r = make(link, flags, capacity, &link->fds[lane], error);
        if (r < 0)
                ring_link_teardown(link);
        return r;
}

static int ring_link_setup(Link *link, Error *error) {
        return set_up(link, 0, CAPACITY, error);
}

static int ring_link_setup_many(Link *link, Error *error) {
        return set_up(link, IPCBUS_RING_MANY, CAPACITY_MANY, error);
}

static void ring_link_detach(Link *link) {
        RingSide *side = link->state;

        if (side) {
                ipcbus_ring_close(side->out);
                ipcbus_ring_close(side->in);
        }
        free(side);
        link->state = NULL;
}

static int open_lane(const Link *link, int fd, IpcbusRingRole role, IpcbusRing **ret) {
        bool spins = link->wait == WAIT_ADAPTIVE && link->spin_nsec > 0;
        IpcbusRingWait wait = link->wait == WAIT_SPIN ? IPCBUS_RING_SPIN
                              : spins                 ? IPCBUS_RING_ADAPTIVE
                                                      : IPCBUS_RING_BLOCK;
        unsigned spin_usec = (unsigned)(link->spin_nsec / NSEC_PER_USEC);
        IpcbusRing *ring;
        int r;

        r = ipcbus_ring_open(fd, role, &ring);
        if (r < 0)
                return r;
        r = ipcbus_ring_set_wait(ring, wait, spins && spin_usec == 0 ? 1 : spin_usec);
        if (r < 0) {
                ipcbus_ring_close(ring);
                return r;
        }
        ipcbus_ring_set_patience(ring, PATIENCE_USEC);
        *ret = ring;
        return 0;
}

static int ring_link_attach(Link *link, Error *error) {
        RingSide *side = calloc(1, sizeof *side);
        int r;

        if (!side)
                return error_set_errno(error, ENOMEM, "Cannot attach to the link");
        link->state = side;
        r = open_lane(link, link->fds[link->side], IPCBUS_RING_WRITER, &side->out);
        if (r >= 0)
                r = open_lane(link, link->fds[!link->side], IPCBUS_RING_READER, &side->in);
        if (r < 0) {
                ring_link_detach(link);
                return error_set_errno(error, r, "Cannot open the rings of the link");
        }
        ring_link_teardown(link);
        return 0;
}

static int ring_link_try_send(Link *link, const void *data, size_t size) {
        const RingSide *side = link->state;

        return size > link->message_max ? -EMSGSIZE : ipcbus_ring_send(side->out, data, size, 0);
}

static int ring_link_send(Link *link, const void *data, size_t size) {
        const RingSide *side = link->state;
        int r;

        if (size > link->message_max)
                return -EMSGSIZE;
        do
                r = ipcbus_ring_send(side->out, data, size, IPCBUS_RING_FOREVER);
        while (r == -EINTR);
        return r;
}

static ssize_t receive(const RingSide *side, void *buffer, size_t size, uint64_t timeout) {
        size_t n;
        int r;

        r = ipcbus_ring_receive(side->in, buffer, size, timeout, &n);
        /* All who wrote have left or died, and nothing is left: the end. */
        return r >= 0 ? (ssize_t)n : r == -EPIPE ? 0 : r;
}

/* Who finds nothing looks whether it is the end: that nobody lives who could write is told to those who wait, be it as
 * short as can be. */
static ssize_t ring_link_try_receive(Link *link, void *buffer, size_t size) {
        const RingSide *side = link->state;
        ssize_t n = receive(side, buffer, size, 0);

        if (n != -EAGAIN)
                return n;
        (void)ipcbus_ring_recover(side->in);
        return ipcbus_ring_wait_readable(side->in, 1) == -EPIPE ? 0 : n;
}

static ssize_t ring_link_receive(Link *link, void *buffer, size_t size) {
        const RingSide *side = link->state;
        ssize_t n;

        /* A handler that runs between two sleeps, while it looks after the others, interrupts nothing. */
        if (link->interruptible)
                ipcbus_ring_set_patience(side->in, CALM_USEC);
        do
                n = receive(side, buffer, size, IPCBUS_RING_FOREVER);
        while (link_receives_again(link, n));
        return n;
}

static int ring_link_wait_readable(Link *link, uint64_t timeout) {
        const RingSide *side = link->state;
        int r;

        r = ipcbus_ring_wait_readable(side->in, timeout);
        /* An end can be read as well. */
        return r == -EPIPE ? 0 : r == -EAGAIN ? -ETIMEDOUT : r;
}

static void ring_link_close_direction(Link *link, bool sending) {
        RingSide *side = link->state;

        if (sending)
                side->out = ipcbus_ring_close(side->out);
        else
                side->in = ipcbus_ring_close(side->in);
}

/* --- In place --- */

static int ring_link_reserve(Link *link, size_t size, void **ret) {
        const RingSide *side = link->state;
        int r;

        do
                r = ipcbus_ring_reserve(side->out, size, IPCBUS_RING_FOREVER, ret);
        while (r == -EINTR);
        return r;
}

static int ring_link_commit(Link *link, size_t size) {
        const RingSide *side = link->state;

        return ipcbus_ring_commit(side->out, size);
}

static ssize_t ring_link_peek(Link *link, const void **ret) {
        const RingSide *side = link->state;
        size_t size;
        int r;

        do
                r = ipcbus_ring_peek(side->in, IPCBUS_RING_FOREVER, ret, &size);
        while (link_receives_again(link, r));
        return r >= 0 ? (ssize_t)size : r == -EPIPE ? 0 : r;
}

static int ring_link_release(Link *link) {
        const RingSide *side = link->state;

        return ipcbus_ring_release(side->in);
}

#define RING_TRANSPORT                                                                                       \
        .message_max = MESSAGE_MAX, .boundaries = true, .executed = true, .in_memory = true, .adapts = true, \
        .poll_reason = "who waits for a message sleeps in its memory; no descriptor becomes readable",       \
        .attach = ring_link_attach, .send = ring_link_send, .receive = ring_link_receive,                    \
        .try_send = ring_link_try_send, .try_receive = ring_link_try_receive,                                \
        .wait_readable = ring_link_wait_readable, .close_direction = ring_link_close_direction,              \
        .detach = ring_link_detach, .teardown = ring_link_teardown

const Transport ring_transport = {
        .variant = "one to one",
        RING_TRANSPORT,
        .setup = ring_link_setup,
        .reserve = ring_link_reserve,
        .commit = ring_link_commit,
        .peek = ring_link_peek,
        .release = ring_link_release,
};

const Transport ring_transport_many = {
        .variant = "many to many",
        RING_TRANSPORT,
        .several_max = CAPACITY_MANY / 2,
        .setup = ring_link_setup_many,
};

const Transport *const ring_more_transports[] = { &ring_transport_many, NULL };
