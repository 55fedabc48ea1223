/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One message into a ring or out of it, in a worker, for callers on the bus: each takes a place in the ring for as
 * long as it lasts. Programs that have an end of their own do this without any of it (ipcbus-ring.h). */
#include "ring-kind.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "memory-file.h"
#include "spin.h"

static void ring_closep(IpcbusRing **ring) {
        *ring = ipcbus_ring_close(*ring);
}

/* The worker's loop asks again after EAGAIN, with what is left of the time. */
static int may_wait_again(int r) {
        return r == -ETIMEDOUT || r == -EINTR ? -EAGAIN : r;
}

static int failed(const KernelObject *object, const char *doing, int r, Error *error) {
        RingName name = ring_name(object);

        if (r == -EBADMSG)
                return error_set(error, ERROR_FAILED,
                        "What lies in %s makes no sense: some process that has it wrote over it. Nothing of it can be "
                        "used any more; remove it.",
                        name.text);
        return error_set_errno(error, r, "Cannot %s %s", doing, name.text);
}

int ring_send(
        KernelObject *object, const void *data, size_t size, const Record *options, size_t *ret_sent, Error *error) {
        CLEANUP(ring_closep) IpcbusRing *ring = NULL;
        RingName name = ring_name(object);
        int r;

        r = ring_join(object, IPCBUS_RING_WRITER, &ring, error);
        if (r < 0)
                return r;
        r = may_wait_again(ipcbus_ring_send(ring, data, size, object->timeout));
        if (r == -EAGAIN)
                return r;
        if (r == -EMSGSIZE)
                return error_set(error, ERROR_LIMIT_EXCEEDED,
                        "%zu bytes are more than one message of %s may have, %zu; send it in parts, or make a larger "
                        "ring.",
                        size, name.text, ipcbus_ring_message_max(ring));
        /* Those who read have left: others may come, as every call on the bus that receives does. */
        if (r == -EPIPE)
                return -EAGAIN;
        if (r < 0)
                return failed(object, "write into", r, error);
        *ret_sent = size;
        return 0;
}

/* Goes on to message `index`, without taking any. */
static int look_at(IpcbusRing *ring, uint64_t index, uint64_t timeout, const void **ret_data, size_t *ret_size) {
        uint64_t end = monotonic_end(timeout), now;
        int r;

        do {
                now = monotonic_now();
                r = ipcbus_ring_peek(ring,
                        end == USEC_INFINITY ? IPCBUS_RING_FOREVER
                        : now < end          ? end - now
                                             : 0,
                        ret_data, ret_size);
        } while (r >= 0 && index-- > 0);
        return r;
}

int ring_receive(KernelObject *object, bool peek, const Record *options, void **ret_data, size_t *ret_size,
        Record *meta, Error *error) {
        uint64_t most = record_get_u64(options, "size", MEMORY_MESSAGE_MAX);
        uint64_t index = peek ? record_get_u64(options, "index", 0) : 0;
        CLEANUP(ring_closep) IpcbusRing *ring = NULL;
        CLEANUP_FREE void *copy = NULL;
        RingName name = ring_name(object);
        const void *data;
        size_t size;
        int r;

        r = ring_join(object, IPCBUS_RING_READER, &ring, error);
        if (r < 0)
                return r;
        r = may_wait_again(look_at(ring, index, object->timeout, &data, &size));
        if (r == -EAGAIN)
                return r;
        /* Nobody is there to write: somebody may come. */
        if (r == -EPIPE)
                return -EAGAIN;
        if (r < 0)
                return failed(object, "read from", r, error);
        if (size > most)
                return error_set(error, ERROR_LIMIT_EXCEEDED,
                        "The next message of %s has %zu bytes, more than the %" PRIu64
                        " that are asked for or that one message on the bus carries; it is still there.",
                        name.text, size, most);
        copy = malloc(size > 0 ? size : 1);
        if (!copy)
                return error_set_errno(error, ENOMEM, "Cannot receive %zu bytes", size);
        memcpy(copy, data, size);
        if (!peek) {
                r = ipcbus_ring_release(ring);
                if (r < 0)
                        return failed(object, "read from", r, error);
        }
        *ret_data = TAKE_POINTER(copy);
        *ret_size = size;
        return 0;
}
