/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A ring of records; owns what is in it. */
#include "signal-queue.h"

#include <unistd.h>

static void drop(SignalQueue *queue) {
        queue->items[queue->first] = record_free(queue->items[queue->first]);
        queue->first = (queue->first + 1) % SIGNAL_QUEUE_MAX;
        queue->n--;
}

void signal_queue_add(SignalQueue *queue, const Record *record, int filled) {
        const uint64_t one = 1;
        Record *copy;

        if (record_copy(record, &copy) < 0) {
                queue->lost++;
                return;
        }
        if (queue->n == SIGNAL_QUEUE_MAX) {
                drop(queue);
                queue->lost++;
        }
        queue->items[(queue->first + queue->n++) % SIGNAL_QUEUE_MAX] = copy;
        if (queue->n == 1)
                (void)!write(filled, &one, sizeof(one));
}

const Record *signal_queue_at(const SignalQueue *queue, uint64_t index) {
        return index < queue->n ? queue->items[(queue->first + index) % SIGNAL_QUEUE_MAX] : NULL;
}

void signal_queue_drop_first(SignalQueue *queue, int filled) {
        uint64_t count;

        drop(queue);
        queue->lost = 0;
        if (queue->n == 0)
                (void)!read(filled, &count, sizeof(count));
}

void signal_queue_clear(SignalQueue *queue) {
        while (queue->n > 0)
                drop(queue);
}
