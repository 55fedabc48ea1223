/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ring.h"

/* The calls of writers and readers, over the two cores, which know nothing of time. A handle that saw something
 * senseless in the ring stays broken. */

#include "ring-many.h"
#include "ring-one.h"
#include "ring-wait.h"

static int ring_break(IpcbusRing *ring) {
        ring->broken = -EBADMSG;
        return -EBADMSG;
}

static void counters_show(IpcbusRing *ring) {
        RingPlace *place = &ring->control->places[ring->place];

        ring_store_relaxed(&place->messages, ring->messages);
        ring_store_relaxed(&place->sleeps, ring->sleeps);
        ring_store_relaxed(&place->wakes, ring->wakes);
}

/* Is it time to look whether the others live? Cheap where it is not. */
static void look_after(IpcbusRing *ring, uint64_t now) {
        if (ring->patience_usec == 0 || now - ring->looked_usec < ring->patience_usec)
                return;
        ring->looked_usec = now;
        ipcbus_ring_recover(ring);
        ring_cpu_refresh(ring);
        ring->crowded = ring_is_crowded(ring);
}

static int sleep_once(IpcbusRing *ring, const RingWaitFor *what, uint64_t now, uint64_t deadline) {
        RingPlace *place = &ring->control->places[ring->place];
        uint64_t usec = deadline == UINT64_MAX ? UINT64_MAX : deadline - now;
        int r;

        if (ring->patience_usec != 0 && ring->patience_usec < usec)
                usec = ring->patience_usec;
        ring->sleeps++;
        counters_show(ring);
        ring_store_relaxed(&place->asleep, what->asleep);
        r = ring_sleep(ring, what, usec);
        ring_store_relaxed(&place->asleep, 0);
        return r == -EAGAIN || r == -ETIMEDOUT ? 0 : r;
}

/* Waits until it is there: 0, or negative errno. What is there may be another's a moment later. */
static inline __attribute__((always_inline)) int wait_until(
        IpcbusRing *ring, const RingWaitFor *what, RingReady ready, uint64_t timeout_usec, uint64_t start) {
        uint64_t deadline = timeout_usec > UINT64_MAX - 1 - start ? UINT64_MAX : start + timeout_usec;
        uint64_t now = start, spin_end = start;

        if (ring->wait == IPCBUS_RING_SPIN)
                spin_end = UINT64_MAX;
        else if (ring->wait == IPCBUS_RING_ADAPTIVE)
                spin_end = start + ring->spin_usec;
        for (bool slept = false;;) {
                int r, gone;

                for (unsigned i = 0; i < RING_POLLS; i++) {
                        r = ready(ring, what->need);
                        if (r != 0)
                                return r < 0 ? r : 0;
                        if (i % RING_PAUSE == RING_PAUSE - 1)
                                ring_pause();
                }
                /* Whoever left did so after what it wrote. */
                gone = ring_deserted(ring, what->others);
                if (gone) {
                        r = ready(ring, what->need);
                        return r > 0 ? 0 : r < 0 ? r : -EPIPE;
                }
                now = ring_now();
                if (now >= deadline)
                        return -ETIMEDOUT;
                look_after(ring, now);
                if (ring->wait == IPCBUS_RING_SPIN && ring->crowded)
                        ring_yield();
                if (now < spin_end && (ring->wait == IPCBUS_RING_SPIN || !ring->crowded) && !slept)
                        continue;
                r = sleep_once(ring, what, now, deadline);
                if (r < 0)
                        return r;
                slept = true;
        }
}

static int ready_one_data(IpcbusRing *ring, uint64_t need) {
        (void)need;
        return one_readable(ring);
}

static int ready_one_room(IpcbusRing *ring, uint64_t need) {
        return one_has_room(ring, need);
}

static int ready_many_data(IpcbusRing *ring, uint64_t need) {
        (void)need;
        return many_readable(ring);
}

static int ready_many_room(IpcbusRing *ring, uint64_t need) {
        return many_has_room(ring, need);
}

/* `start` is 0 at the first wait of a call: the clock is not asked before somebody has to wait. */
static __attribute__((noinline)) int wait_for(
        IpcbusRing *ring, bool room, uint64_t need, uint64_t timeout_usec, uint64_t *start) {
        RingWaitFor what = {
                .gate = room ? &ring->control->room : &ring->control->data,
                .need = need,
                .others = room ? IPCBUS_RING_READER : IPCBUS_RING_WRITER,
                .asleep = room ? 2 : 1,
        };
        int r;

        if (ring_is_many(ring))
                what.ready = room ? ready_many_room : ready_many_data;
        else
                what.ready = room ? ready_one_room : ready_one_data;
        if (timeout_usec == 0) {
                r = ring_deserted(ring, what.others) ? -EPIPE : -EAGAIN;
                if (what.ready(ring, need) == 1 && r == -EPIPE)
                        r = -EAGAIN;
                return r;
        }
        /* What comes at once is there before the clock has been read. */
        for (int i = 0; i < RING_FIRST && ring->wait != IPCBUS_RING_BLOCK && !ring->crowded && ring->cpu_age != 0;
                i++) {
                r = what.ready == ready_one_data ? ready_one_data(ring, 0) : what.ready(ring, need);
                if (r != 0)
                        return r == -EBADMSG ? ring_break(ring) : 0;
        }
        if (*start == 0) {
                *start = ring_now();
                if (ring->cpu_age++ % 64 == 0) {
                        ring_cpu_refresh(ring);
                        ring->crowded = ring_is_crowded(ring);
                }
        } else if (timeout_usec != UINT64_MAX && ring_now() - *start >= timeout_usec)
                return -ETIMEDOUT;
        if (what.ready == ready_one_data)
                r = wait_until(ring, &what, ready_one_data, timeout_usec, *start);
        else
                r = wait_until(ring, &what, what.ready, timeout_usec, *start);
        return r == -EBADMSG ? ring_break(ring) : r;
}

static int writer_check(const IpcbusRing *ring) {
        return ring->role == IPCBUS_RING_WRITER ? ring->broken : -EBADF;
}

static int reader_check(const IpcbusRing *ring) {
        return ring->role == IPCBUS_RING_READER ? ring->broken : -EBADF;
}

static int reserve_many(IpcbusRing *ring, size_t size, uint64_t timeout_usec, void **ret_data) {
        uint64_t start = 0, span = many_span(size);

        if (ring->held_count >= IPCBUS_RING_BATCH_MAX)
                return -ENOBUFS;
        for (;;) {
                int r = many_claim(ring, span, &ring->claim);

                if (r < 0)
                        return ring_break(ring);
                if (r > 0)
                        break;
                /* What is done makes room, also if who did it died before it said so. */
                if (many_has_room(ring, span) == 1) {
                        r = many_advance(ring);
                        if (r < 0)
                                return ring_break(ring);
                        if (many_has_room(ring, span) == 1 && timeout_usec == 0 && start++ < RING_TRIES)
                                continue;
                }
                r = ipcbus_ring_publish(ring);
                if (r < 0)
                        return r;
                r = wait_for(ring, true, span, timeout_usec, &start);
                if (r < 0)
                        return r;
        }
        *ret_data = (uint8_t *)ring_word_at(ring, ring->claim.position) + RING_RECORD_HEAD;
        return 0;
}

RING_API int ipcbus_ring_reserve(IpcbusRing *ring, size_t size, uint64_t timeout_usec, void **ret_data) {
        uint64_t start = 0;
        int r = writer_check(ring);

        if (__builtin_expect(r < 0, 0))
                return r;
        if (__builtin_expect(ring->reserving, 0))
                return -EALREADY;
        if (__builtin_expect(size > ring->message_max, 0))
                return -EMSGSIZE;
        if (ring_is_many(ring)) {
                r = reserve_many(ring, size, timeout_usec, ret_data);
                if (r < 0)
                        return r;
        } else {
                while ((r = one_has_room(ring, one_span(ring, size))) != 1) {
                        if (r < 0)
                                return ring_break(ring);
                        one_publish(ring);
                        r = wait_for(ring, true, one_span(ring, size), timeout_usec, &start);
                        if (r < 0)
                                return r;
                }
                *ret_data = one_reserve(ring);
        }
        ring->reserved = size;
        ring->reserving = true;
        return 0;
}

RING_API int ipcbus_ring_append(IpcbusRing *ring, size_t size) {
        if (__builtin_expect(!ring->reserving || size > ring->reserved, 0))
                return -EINVAL;
        ring->reserving = false;
        ring->messages++;
        if (!ring_is_many(ring)) {
                one_append(ring, size);
                return 0;
        }
        ring_plain_store(ring_word_at(ring, ring->claim.position), size);
        ring->held[ring->held_count++] = ring->claim;
        return 0;
}

static int publish_many(IpcbusRing *ring) {
        unsigned count = ring->held_count;
        int r = 0;

        for (unsigned i = 0; i < count; i++)
                if (many_show(ring, &ring->held[i]) < 0)
                        r = -EOWNERDEAD;
        ring->held_count = 0;
        if (count != 0 && ring_sleeps(ring))
                ring_gate_open(ring, &ring->control->data, (int)count);
        return r;
}

RING_API int ipcbus_ring_publish(IpcbusRing *ring) {
        if (__builtin_expect(ring->role != IPCBUS_RING_WRITER, 0))
                return -EBADF;
        if (ring_is_many(ring))
                return publish_many(ring);
        one_publish(ring);
        return 0;
}

RING_API int ipcbus_ring_commit(IpcbusRing *ring, size_t size) {
        int r = ipcbus_ring_append(ring, size);

        return r < 0 ? r : ipcbus_ring_publish(ring);
}

RING_API int ipcbus_ring_abort(IpcbusRing *ring) {
        int r;

        if (!ring->reserving)
                return -EINVAL;
        ring->reserving = false;
        if (!ring_is_many(ring)) {
                ring->cleared = ring->position;
                return 0;
        }
        r = many_finish(ring, &ring->claim);
        if (r == 0)
                r = many_advance(ring);
        /* What was committed behind it can be reached now. */
        if (ring_sleeps(ring))
                ring_gate_open(ring, &ring->control->data, 1);
        return r == -EBADMSG ? ring_break(ring) : r;
}

RING_API int ipcbus_ring_send(IpcbusRing *ring, const void *data, size_t size, uint64_t timeout_usec) {
        void *place;
        int r = ipcbus_ring_reserve(ring, size, timeout_usec, &place);

        if (r < 0)
                return r;
        if (size > 0)
                memcpy(place, data, size);
        return ipcbus_ring_commit(ring, size);
}

RING_API int ipcbus_ring_send_many(
        IpcbusRing *ring, const struct iovec *messages, size_t count, uint64_t timeout_usec) {
        size_t sent = 0;
        int r = 0;

        if (count > INT_MAX)
                count = INT_MAX;
        while (sent < count) {
                void *place;

                r = ipcbus_ring_reserve(ring, messages[sent].iov_len, sent == 0 ? timeout_usec : 0, &place);
                if (r < 0)
                        break;
                if (messages[sent].iov_len > 0)
                        memcpy(place, messages[sent].iov_base, messages[sent].iov_len);
                r = ipcbus_ring_append(ring, messages[sent].iov_len);
                if (r < 0)
                        break;
                sent++;
        }
        if (sent == 0)
                return r;
        r = ipcbus_ring_publish(ring);
        return r < 0 ? r : (int)sent;
}

static int peek_many(IpcbusRing *ring, uint64_t timeout_usec, const void **ret_data, size_t *ret_size) {
        uint64_t start = 0, size;
        RingHeld held;

        if (ring->held_count >= IPCBUS_RING_BATCH_MAX)
                return -ENOBUFS;
        for (;;) {
                int r = many_take(ring, &held);

                if (r < 0)
                        return ring_break(ring);
                if (r > 0)
                        break;
                r = wait_for(ring, false, 0, timeout_usec, &start);
                if (r < 0)
                        return r;
        }
        ring->held[ring->held_count++] = held;
        /* Who was woken for a record that could not be reached yet sleeps again: this one may have been in its way. */
        if (ring_sleeps(ring) && ring_gate_waited(&ring->control->data) && many_readable(ring) == 1)
                ring_gate_open(ring, &ring->control->data, 1);
        size = ring_plain_load(ring_word_at(ring, held.position));
        if (size > many_length(ring, held.word) - RING_RECORD_HEAD)
                return ring_break(ring);
        *ret_data = (const uint8_t *)ring_word_at(ring, held.position) + RING_RECORD_HEAD;
        *ret_size = size;
        ring->messages++;
        return 0;
}

RING_API int ipcbus_ring_peek(IpcbusRing *ring, uint64_t timeout_usec, const void **ret_data, size_t *ret_size) {
        uint64_t start = 0;
        int r = reader_check(ring);

        if (__builtin_expect(r < 0, 0))
                return r;
        if (ring_is_many(ring))
                return peek_many(ring, timeout_usec, ret_data, ret_size);
        while ((r = one_peek(ring, ret_data, ret_size)) != 1) {
                if (r < 0)
                        return ring_break(ring);
                r = wait_for(ring, false, 0, timeout_usec, &start);
                if (r < 0)
                        return r;
        }
        ring->messages++;
        return 0;
}

static int release_many(IpcbusRing *ring) {
        unsigned count = ring->held_count;
        int r = 0, k;

        for (unsigned i = 0; i < count; i++)
                if (many_finish(ring, &ring->held[i]) < 0)
                        r = -EOWNERDEAD;
        ring->held_count = 0;
        k = many_advance(ring);
        return k < 0 ? ring_break(ring) : r;
}

RING_API int ipcbus_ring_release(IpcbusRing *ring) {
        if (__builtin_expect(ring->role != IPCBUS_RING_READER, 0))
                return -EBADF;
        if (!ring_is_many(ring)) {
                one_release(ring);
                return 0;
        }
        return ring->held_count > 0 ? release_many(ring) : 0;
}

/* What was just peeked is peeked no more; one to one that is nothing but a step back. */
static int unpeek(IpcbusRing *ring) {
        if (!ring_is_many(ring)) {
                ring->position = ring->shown;
                return 0;
        }
        return ring_give_back_taken(ring);
}

RING_API int ipcbus_ring_receive(
        IpcbusRing *ring, void *buffer, size_t size, uint64_t timeout_usec, size_t *ret_size) {
        const void *data;
        size_t length;
        int r;

        if (__builtin_expect(ring->position != ring->shown || ring->held_count != 0, 0))
                return ring->role == IPCBUS_RING_READER ? -EALREADY : -EBADF;
        r = ipcbus_ring_peek(ring, timeout_usec, &data, &length);
        if (r < 0)
                return r;
        if (length > size) {
                r = unpeek(ring);
                return r < 0 ? r : -EMSGSIZE;
        }
        if (length > 0)
                memcpy(buffer, data, length);
        r = ipcbus_ring_release(ring);
        if (r < 0)
                return r;
        *ret_size = length;
        return 0;
}

RING_API int ipcbus_ring_wait_readable(IpcbusRing *ring, uint64_t timeout_usec) {
        uint64_t start = 0;
        int r = reader_check(ring);

        if (r < 0)
                return r;
        r = ring_is_many(ring) ? many_readable(ring) : one_readable(ring);
        if (r != 0)
                return r < 0 ? ring_break(ring) : 0;
        return wait_for(ring, false, 0, timeout_usec, &start);
}
