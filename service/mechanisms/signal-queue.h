/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Signals that a listener took and nobody has received yet: a bounded ring that drops its oldest. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "record.h"

enum { SIGNAL_QUEUE_MAX = 256 };

typedef struct SignalQueue {
        Record *items[SIGNAL_QUEUE_MAX];
        size_t first, n;
        uint64_t lost; /* dropped since the last take */
} SignalQueue;

/* Copies the record. `filled` is an eventfd that is readable while something is in the queue. */
void signal_queue_add(SignalQueue *queue, const Record *record, int filled);
/* NULL where there are not so many. */
const Record *signal_queue_at(const SignalQueue *queue, uint64_t index);
void signal_queue_drop_first(SignalQueue *queue, int filled);
void signal_queue_clear(SignalQueue *queue);
