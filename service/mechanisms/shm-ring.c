/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Messages over shared memory: what a program has to write itself that takes such a mechanism, in the plain form that
 * is fast. Where the memory comes from is the kind's (shm-ring.h). One piece of it holds two lanes, each a ring of
 * slots with one sender and one receiver.
 *
 * A slot begins with the number of its message. The sender copies the message in and then stores the number (release);
 * the receiver looks at the number (acquire), copies the message out and counts it as taken. So one message of up to
 * 56 bytes moves one cache line, and the counter of the taken is looked at only when the ring seems full.
 *
 * WAIT_SPIN looks again and again. WAIT_BLOCK sleeps on a futex(2) in the segment. A side that is going to sleep says
 * which number it sleeps for, and takes that back itself when it is awake; the other makes the system call when it
 * comes to that number, so exactly once. (A mere flag that the waker clears is wrong: the sleeper may be awake and
 * asleep again for the next message between the waker's look and its store.) Zero means awake and is also the number
 * of one message in 2^32: that one costs a system call too many. Both sides of a link wait in the same way.
 *
 * The judge owns the memory (from setup() to teardown()), each side its mapping. */
#include "shm-ring.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cleanup.h"
#include "spin.h"
#include "transport.h"

enum {
        CACHE_LINE = 64,
        SLOTS_MAX = 256,          /* small messages: both rings stay in a second-level cache */
        LANE_BYTES = 1056 * 1024, /* large ones: as many slots as fit, sixteen of 64 KiB; but two at least */
};

#define MESSAGE_END UINT32_MAX /* in place of a size: the sender has closed */

typedef struct Lane {
        /* Both sides look here with every message, nobody writes before the end: stays shared in both caches. */
        _Alignas(CACHE_LINE) _Atomic uint32_t sender_closed;
        _Atomic uint32_t receiver_closed;
        /* The receiver's. */
        _Alignas(CACHE_LINE) _Atomic uint32_t taken;
        /* The message that the receiver sleeps for, 0 while it is awake. */
        _Alignas(CACHE_LINE) _Atomic uint32_t receiver_awaits;
        /* The sender's: the value of `taken` that it sleeps for, 0 while it is awake. */
        _Alignas(CACHE_LINE) _Atomic uint32_t sender_awaits;
} Lane;

typedef struct Slot {
        _Atomic uint32_t number; /* of the message in it, counted from 1; wraps */
        uint32_t size;
        unsigned char data[];
} Slot;

typedef struct ShmSide {
        void *base;
        uint32_t slots, stride, message_max;
        Lane *out, *in;
        unsigned char *out_ring, *in_ring;
        uint32_t sent, received;
        uint32_t taken_seen; /* of `out`, when last looked at */
} ShmSide;

static int futex_wait(_Atomic uint32_t *word, uint32_t seen, uint64_t timeout) {
        struct timespec ts = timespec_from_usec(timeout);

        if (syscall(SYS_futex, word, FUTEX_WAIT, seen, timeout == USEC_INFINITY ? NULL : &ts, NULL, 0) < 0 &&
                errno != EAGAIN)
                return -errno;
        return 0;
}

static void futex_wake(_Atomic uint32_t *word) {
        syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

static size_t lane_bytes(uint32_t slots, uint32_t stride) {
        return sizeof(Lane) + (size_t)slots * stride;
}

static Slot *slot_at(unsigned char *ring, const ShmSide *side, uint32_t message) {
        return (Slot *)(ring + (size_t)(message & (side->slots - 1)) * side->stride);
}

size_t shm_ring_plan(Link *link) {
        uint32_t stride, slots = SLOTS_MAX;

        if (link->message_max > SHM_RING_MESSAGE_MAX)
                link->message_max = SHM_RING_MESSAGE_MAX;
        stride = (uint32_t)((sizeof(Slot) + link->message_max + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE);
        while (slots > 2 && (size_t)slots * stride > LANE_BYTES)
                slots /= 2;
        link->words[0] = slots;
        link->words[1] = stride;
        link->words[2] = 2 * lane_bytes(slots, stride);
        link->depth = slots;
        return (size_t)link->words[2];
}

size_t shm_ring_size(const Link *link) {
        return (size_t)link->words[2];
}

int shm_ring_attach(Link *link, void *base, Error *error) {
        unsigned char *lanes[LINK_LANES];
        ShmSide *side;

        side = calloc(1, sizeof(*side));
        if (!side)
                return error_set_errno(error, ENOMEM, "Cannot attach to the link");
        side->slots = (uint32_t)link->words[0];
        side->stride = (uint32_t)link->words[1];
        side->message_max = (uint32_t)link->message_max;
        side->base = base;
        lanes[0] = side->base;
        lanes[1] = lanes[0] + lane_bytes(side->slots, side->stride);
        side->out = (Lane *)lanes[link->side];
        side->in = (Lane *)lanes[!link->side];
        side->out_ring = lanes[link->side] + sizeof(Lane);
        side->in_ring = lanes[!link->side] + sizeof(Lane);
        link->state = side;
        return 0;
}

void *shm_ring_detach(Link *link) {
        ShmSide *side = link->state;
        void *base;

        if (!side)
                return NULL;
        base = side->base;
        free(side);
        link->state = NULL;
        return base;
}

int shm_ring_map(Link *link, int fd, Error *error) {
        size_t size = shm_ring_size(link);
        void *base;
        int r;

        base = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0);
        if (base == MAP_FAILED)
                return error_set_errno(error, errno, "Cannot map the %zu bytes of the link", size);
        r = shm_ring_attach(link, base, error);
        if (r < 0)
                munmap(base, size);
        return r;
}

void shm_ring_unmap(Link *link) {
        void *base = shm_ring_detach(link);

        if (base)
                munmap(base, shm_ring_size(link));
}

static bool lane_full(ShmSide *side) {
        if (side->sent - side->taken_seen < side->slots)
                return false;
        side->taken_seen = atomic_load_explicit(&side->out->taken, memory_order_acquire);
        return side->sent - side->taken_seen >= side->slots;
}

/* Says that it sleeps, looks once more, sleeps. The fence pairs with that of the other side: one of the two sees what
 * the other wrote. */
static int wait_for_room(ShmSide *side) {
        Lane *lane = side->out;
        int r = 0;

        atomic_store_explicit(&lane->sender_awaits, side->taken_seen + 1, memory_order_relaxed);
        atomic_thread_fence(memory_order_seq_cst);
        if (lane_full(side) && !atomic_load_explicit(&lane->receiver_closed, memory_order_acquire))
                r = futex_wait(&lane->taken, side->taken_seen, USEC_INFINITY);
        atomic_store_explicit(&lane->sender_awaits, 0, memory_order_relaxed);
        return r;
}

static void publish(Link *link, ShmSide *side, Slot *slot) {
        Lane *lane = side->out;

        atomic_store_explicit(&slot->number, ++side->sent, memory_order_release);
        if (link->wait == WAIT_SPIN)
                return;
        atomic_thread_fence(memory_order_seq_cst);
        if (atomic_load_explicit(&lane->receiver_awaits, memory_order_relaxed) == side->sent)
                futex_wake(&slot->number);
}

int shm_ring_try_send(Link *link, const void *data, size_t size) {
        ShmSide *side = link->state;
        Slot *slot;

        if (size > side->message_max)
                return -EMSGSIZE;
        if (atomic_load_explicit(&side->out->receiver_closed, memory_order_relaxed))
                return -EPIPE;
        if (lane_full(side))
                return -EAGAIN;
        slot = slot_at(side->out_ring, side, side->sent);
        memcpy(slot->data, data, size);
        slot->size = (uint32_t)size;
        publish(link, side, slot);
        return 0;
}

int shm_ring_send(Link *link, const void *data, size_t size) {
        int r;

        while ((r = shm_ring_try_send(link, data, size)) == -EAGAIN) {
                if (link->wait == WAIT_SPIN) {
                        spin_pause();
                        continue;
                }
                r = wait_for_room(link->state);
                if (r < 0 && r != -EINTR)
                        return r;
        }
        return r;
}

/* The slot of the next message, with the number that it shows: 0 if the message is there, -EPIPE if none will come,
 * -EAGAIN. `closed` is read first: what was sent before the close is then seen. */
static int next_message(ShmSide *side, Slot **ret_slot, uint32_t *ret_number) {
        uint32_t closed = atomic_load_explicit(&side->in->sender_closed, memory_order_acquire);
        Slot *slot = slot_at(side->in_ring, side, side->received);
        uint32_t number = atomic_load_explicit(&slot->number, memory_order_acquire);

        *ret_slot = slot;
        *ret_number = number;
        if (number == side->received + 1)
                return slot->size == MESSAGE_END ? -EPIPE : 0;
        return closed ? -EPIPE : -EAGAIN;
}

static void take(Link *link, ShmSide *side) {
        Lane *lane = side->in;

        atomic_store_explicit(&lane->taken, ++side->received, memory_order_release);
        if (link->wait == WAIT_SPIN)
                return;
        atomic_thread_fence(memory_order_seq_cst);
        if (atomic_load_explicit(&lane->sender_awaits, memory_order_relaxed) == side->received)
                futex_wake(&lane->taken);
}

ssize_t shm_ring_try_receive(Link *link, void *buffer, size_t size) {
        ShmSide *side = link->state;
        uint32_t number;
        size_t length;
        Slot *slot;
        int r;

        r = next_message(side, &slot, &number);
        if (r < 0)
                return r;
        length = slot->size;
        if (length > size)
                return -EMSGSIZE;
        memcpy(buffer, slot->data, length);
        take(link, side);
        return (ssize_t)length;
}

static int wait_for_message(ShmSide *side, uint64_t timeout) {
        Lane *lane = side->in;
        uint32_t number;
        Slot *slot;
        int r = 0;

        atomic_store_explicit(&lane->receiver_awaits, side->received + 1, memory_order_relaxed);
        atomic_thread_fence(memory_order_seq_cst);
        if (next_message(side, &slot, &number) == -EAGAIN)
                r = futex_wait(&slot->number, number, timeout);
        atomic_store_explicit(&lane->receiver_awaits, 0, memory_order_relaxed);
        return r;
}

ssize_t shm_ring_receive(Link *link, void *buffer, size_t size) {
        ssize_t n;
        int r;

        while ((n = shm_ring_try_receive(link, buffer, size)) == -EAGAIN) {
                if (link->wait == WAIT_SPIN) {
                        spin_pause();
                        continue;
                }
                r = wait_for_message(link->state, USEC_INFINITY);
                if (r < 0 && !link_receives_again(link, r))
                        return r;
        }
        return n;
}

int shm_ring_wait_readable(Link *link, uint64_t timeout) {
        uint64_t end = monotonic_end(timeout), now;
        ShmSide *side = link->state;
        uint32_t number;
        Slot *slot;
        int r;

        while (next_message(side, &slot, &number) == -EAGAIN) {
                now = monotonic_now();
                if (now >= end)
                        return -ETIMEDOUT;
                /* A sender that spins wakes nobody. */
                if (link->wait == WAIT_SPIN) {
                        spin_pause();
                        continue;
                }
                r = wait_for_message(side, end == USEC_INFINITY ? USEC_INFINITY : end - now);
                if (r < 0 && r != -ETIMEDOUT && r != -EINTR)
                        return r;
        }
        return 0;
}

void shm_ring_close_direction(Link *link, bool sending) {
        ShmSide *side = link->state;
        Slot *slot;

        if (sending) {
                atomic_store_explicit(&side->out->sender_closed, 1, memory_order_release);
                /* A receiver may sleep: a last message changes the word that it sleeps on. With a full ring it does
                 * not sleep, and finds the flag when it has taken all. */
                if (!lane_full(side)) {
                        slot = slot_at(side->out_ring, side, side->sent);
                        slot->size = MESSAGE_END;
                        publish(link, side, slot);
                }
                return;
        }
        atomic_store_explicit(&side->in->receiver_closed, 1, memory_order_release);
        /* The same for a sender: nothing is taken any more, so the counter is free to change. */
        atomic_fetch_add_explicit(&side->in->taken, 1, memory_order_release);
        futex_wake(&side->in->taken);
}
