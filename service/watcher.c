/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the Runner. Requests after the first go over the channel that the worker has anyway. */
#include "watcher.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "runner.h"
#include "worker-protocol.h"

struct Watcher {
        sd_event *event;
        WatcherHandlers handlers;
        void *userdata;
        Runner *runner; /* NULL: none runs */
        uint64_t serial;
};

int watcher_new(sd_event *event, const WatcherHandlers *handlers, void *userdata, Watcher **ret) {
        Watcher *watcher = calloc(1, sizeof(*watcher));

        if (!watcher)
                return -ENOMEM;
        *watcher = (Watcher){ .event = event, .handlers = *handlers, .userdata = userdata };
        *ret = watcher;
        return 0;
}

Watcher *watcher_free(Watcher *watcher) {
        if (!watcher)
                return NULL;
        runner_stop(watcher->runner);
        free(watcher);
        return NULL;
}

void watcher_stop(Watcher *watcher) {
        watcher->runner = runner_free(watcher->runner);
}

static void on_record(void *userdata, const Record *record) {
        Watcher *watcher = userdata;

        if (strcmp(record_get_string(record, WORKER_TYPE, ""), WORKER_TYPE_READY) == 0)
                watcher->handlers.ready(
                        watcher->userdata, record_get_u64(record, "serial", 0), record_get(record, "reasons"));
        else
                watcher->handlers.told(watcher->userdata, record);
}

static void on_end(void *userdata, const Error *outcome) {
        Watcher *watcher = userdata;
        Error why = *outcome;

        if (!error_is_set(&why))
                (void)error_set(&why, ERROR_FAILED, "The process that watches the machine has ended.");
        watcher->runner = runner_free(watcher->runner);
        watcher->handlers.lost(watcher->userdata, &why);
}

int watcher_set(Watcher *watcher, Record *request, uint64_t *ret_serial, Error *error) {
        static const RunnerHandlers handlers = { .record = on_record, .end = on_end };
        int r;

        record_set_string(request, "op", "watch");
        record_set_u64(request, "serial", ++watcher->serial);
        *ret_serial = watcher->serial;
        /* One that does not read what it is sent, for a scan takes very long, is replaced by one that begins anew. */
        if (watcher->runner && runner_send(watcher->runner, request) < 0)
                watcher->runner = runner_free(watcher->runner);
        if (watcher->runner)
                return 0;
        r = record_error(request);
        if (r < 0)
                return error_set_errno(error, r, "The machine cannot be watched now");
        return runner_start(watcher->event, request, &handlers, watcher, &watcher->runner, error);
}
