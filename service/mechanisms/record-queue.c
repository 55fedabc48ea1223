/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A ring of records; owns what is in it. */
#include "record-queue.h"

#include <unistd.h>

static void drop(RecordQueue *queue) {
        queue->items[queue->first] = record_free(queue->items[queue->first]);
        queue->first = (queue->first + 1) % RECORD_QUEUE_MAX;
        queue->n--;
}

void record_queue_add(RecordQueue *queue, const Record *record, int filled) {
        const uint64_t one = 1;
        Record *copy;

        if (record_copy(record, &copy) < 0) {
                queue->lost++;
                return;
        }
        if (queue->n == RECORD_QUEUE_MAX) {
                drop(queue);
                queue->lost++;
        }
        queue->items[(queue->first + queue->n++) % RECORD_QUEUE_MAX] = copy;
        if (queue->n == 1)
                (void)!write(filled, &one, sizeof(one));
}

const Record *record_queue_at(const RecordQueue *queue, uint64_t index) {
        return index < queue->n ? queue->items[(queue->first + index) % RECORD_QUEUE_MAX] : NULL;
}

void record_queue_drop_first(RecordQueue *queue, int filled) {
        uint64_t count;

        drop(queue);
        queue->lost = 0;
        if (queue->n == 0)
                (void)!read(filled, &count, sizeof(count));
}

void record_queue_clear(RecordQueue *queue) {
        while (queue->n > 0)
                drop(queue);
}
