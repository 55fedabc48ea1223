/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a keeper took and nobody has received yet: a bounded ring that drops its oldest. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "record.h"

enum { RECORD_QUEUE_MAX = 256 };

typedef struct RecordQueue {
        Record *items[RECORD_QUEUE_MAX];
        size_t first, n;
        uint64_t lost; /* dropped since the last take */
} RecordQueue;

/* Copies the record. `filled` is an eventfd that is readable while something is in the queue. */
void record_queue_add(RecordQueue *queue, const Record *record, int filled);
/* NULL where there are not so many. */
const Record *record_queue_at(const RecordQueue *queue, uint64_t index);
void record_queue_drop_first(RecordQueue *queue, int filled);
void record_queue_clear(RecordQueue *queue);
