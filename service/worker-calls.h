/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Calls that a worker answers: what blocks, what walks the machine. */
#pragma once

#include <glib.h>
#include <stdint.h>
#include <systemd/sd-bus.h>

#include "channel.h"
#include "manager.h"
#include "record.h"
#include "runner.h"
#include "waits.h"

typedef struct WorkerCall {
        Wait wait;
        Charge worker;
        Record *request;          /* as worker-protocol.h has it */
        GPtrArray *rows;          /* of Record: what the worker said */
        int fds[CHANNEL_FDS_MAX]; /* that came beside its rows; the call's, until taken */
        unsigned n_fds;
        Runner *runner;
        int (*reply)(struct WorkerCall *call);
        void (*held)(struct WorkerCall *call);
        void *context; /* of who asked */
        void (*context_free)(void *context);
} WorkerCall;

typedef struct WorkerCallSetup {
        Object *object; /* NULL: none of ours */
        uid_t uid;
        Record *request; /* taken over */
        const int *fds;  /* that go beside it; they stay the caller's */
        unsigned n_fds;
        int (*reply)(WorkerCall *call);
        /* Once the first row says "held": the worker stays, and is to be taken over. It ends the call. */
        void (*held)(WorkerCall *call);
        void *context; /* taken over */
        void (*context_free)(void *context);
} WorkerCallSetup;

/* Starts a worker with the request; `reply` answers wait.call from `rows` when all went well, the worker's error else.
 * 0: the answer comes later. */
int worker_call_begin(Manager *manager, sd_bus_message *call, const WorkerCallSetup *setup, Error *error);
/* The same for what needs no more. */
int worker_call_start(Manager *manager, sd_bus_message *call, Object *object, uid_t uid, Record *request,
        int (*reply)(WorkerCall *call), Error *error);
/* A request with an operation and, unless NULL, an address. */
int worker_request_new(const char *operation, const char *address, Record **ret, Error *error);
/* Adds a copy of the record under the key; none where it is NULL or empty. */
int worker_request_add(Record *request, const char *key, const Record *record, Error *error);
/* What it said first, or NULL. */
const Record *worker_call_row(const WorkerCall *call);
