/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The one worker that looks again and again at what the kernel sends no events of (service/worker/op-watch.c). It runs
 * only while something is to be watched; the service sleeps until it has a difference to tell. */
#pragma once

#include <stdint.h>
#include <systemd/sd-event.h>

#include "error.h"
#include "record.h"

typedef struct Watcher Watcher;

typedef struct WatcherHandlers {
        /* All that was asked for up to the request of that serial is watched from now on; `reasons` (RECORDS: kind,
         * reason; or NULL) has what cannot be. */
        void (*ready)(void *userdata, uint64_t serial, const Value *reasons);
        /* As worker-protocol.h has it: type, kind, address, asked, details. */
        void (*told)(void *userdata, const Record *record);
        /* The worker has ended, by itself; the next watcher_set() starts another. */
        void (*lost)(void *userdata, const Error *why);
} WatcherHandlers;

int watcher_new(sd_event *event, const WatcherHandlers *handlers, void *userdata, Watcher **ret);
Watcher *watcher_free(Watcher *watcher);
/* What is to be watched from now on, with the keys of worker-protocol.h but for "op" and "serial", which are added. */
int watcher_set(Watcher *watcher, Record *request, uint64_t *ret_serial, Error *error);
/* Nothing. */
void watcher_stop(Watcher *watcher);
