/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Calls that a worker answers: what blocks, what walks the machine. */
#pragma once

#include <glib.h>
#include <stdint.h>
#include <systemd/sd-bus.h>

#include "manager.h"
#include "operations.h"
#include "record.h"
#include "runner.h"
#include "target.h"
#include "waits.h"

typedef struct WorkerCall {
        Wait wait;
        Charge worker;
        Record *request; /* as worker-protocol.h has it */
        GPtrArray *rows; /* of Record: what the worker said */
        Runner *runner;
        int (*reply)(struct WorkerCall *call);
} WorkerCall;

/* Starts a worker with the request, which is taken over; `reply` answers wait.call from `rows` when all went well,
 * the worker's error else. `object` may be NULL. 0: the answer comes later. */
int worker_call_start(Manager *manager, sd_bus_message *call, Object *object, uid_t uid, Record *request,
        int (*reply)(WorkerCall *call), Error *error);
/* A request with an operation and, unless NULL, an address. */
int worker_request_new(const char *operation, const char *address, Record **ret, Error *error);

int worker_call_wait(
        Manager *manager, sd_bus_message *call, Target *target, const OperationRequest *request, Error *error);
int worker_call_post(Manager *manager, sd_bus_message *call, Target *target, uid_t uid, uint64_t count,
        const Record *options, Error *error);
