/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A WorkerCall owns its Runner and what the worker has said so far. It is a Wait, so it is bounded, and the worker is
 * killed when the caller leaves or the object goes. */
#include "worker-calls.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bus-cleanup.h"
#include "objects.h"
#include "trim.h"
#include "worker-protocol.h"

enum { ROW_MEMORY = 1024 }; /* about so much a row takes */

static void free_record(gpointer record) {
        record_free(record);
}

static void worker_call_release(Wait *wait) {
        WorkerCall *call = CONTAINER_OF(wait, WorkerCall, wait);

        limits_release(wait->manager->limits, &call->worker);
        runner_free(call->runner);
        record_free(call->request);
        trim_released(wait->manager->trim, call->rows->len * ROW_MEMORY);
        g_ptr_array_unref(call->rows);
        for (unsigned i = 0; i < call->n_fds; i++)
                fd_close(call->fds[i]);
        if (call->context_free)
                call->context_free(call->context);
        free(call);
}

static void on_record(void *userdata, const Record *record) {
        WorkerCall *call = userdata;
        Record *row = NULL;

        if (strcmp(record_get_string(record, WORKER_TYPE, ""), WORKER_TYPE_PROGRESS) == 0)
                return;
        if (record_copy(record, &row) < 0)
                return;
        record_unset(row, WORKER_TYPE);
        g_ptr_array_add(call->rows, row);
        call->n_fds += runner_take_fds(call->runner, call->fds + call->n_fds, CHANNEL_FDS_MAX - call->n_fds);
        if (call->held && record_get_bool(row, "held", false))
                call->held(call);
}

static void on_end(void *userdata, const Error *outcome) {
        WorkerCall *call = userdata;
        Error error = *outcome;

        if (error_is_set(&error))
                wait_fail(&call->wait, &error);
        else
                wait_answered(&call->wait, call->reply(call));
}

int worker_call_begin(Manager *manager, sd_bus_message *message, const WorkerCallSetup *setup, Error *error) {
        static const RunnerHandlers handlers = { .record = on_record, .end = on_end };
        WorkerCall *call;
        int r;

        call = calloc(1, sizeof(*call));
        if (call)
                r = wait_begin(&call->wait, manager, message, setup->object, setup->uid, error);
        else
                r = error_set_errno(error, ENOMEM, "The call cannot wait for a worker");
        if (r < 0) {
                free(call);
                record_free(setup->request);
                if (setup->context_free)
                        setup->context_free(setup->context);
                return r;
        }
        call->wait.release = worker_call_release;
        call->request = setup->request;
        call->rows = g_ptr_array_new_with_free_func(free_record);
        call->reply = setup->reply;
        call->held = setup->held;
        call->context = setup->context;
        call->context_free = setup->context_free;

        r = limits_charge(
                manager->limits, setup->uid, call->wait.binding.client, LIMIT_WORKERS, 1, &call->worker, error);
        if (r >= 0)
                r = runner_start_with(manager->event, setup->request, setup->fds, setup->n_fds, &handlers, call,
                        &call->runner, error);
        if (r < 0)
                wait_fail(&call->wait, error);
        return 0;
}

int worker_call_start(Manager *manager, sd_bus_message *message, Object *object, uid_t uid, Record *request,
        int (*reply)(WorkerCall *call), Error *error) {
        return worker_call_begin(manager, message,
                &(WorkerCallSetup){ .object = object, .uid = uid, .request = request, .reply = reply }, error);
}

int worker_request_new(const char *operation, const char *address, Record **ret, Error *error) {
        CLEANUP(record_freep) Record *request = NULL;
        int r;

        r = record_new(&request);
        if (r < 0)
                return error_set_errno(error, r, "No worker can be asked");
        record_set_string(request, "op", operation);
        if (address)
                record_set_string(request, "address", address);
        r = record_error(request);
        if (r < 0)
                return error_set_errno(error, r, "No worker can be asked");
        *ret = TAKE_POINTER(request);
        return 0;
}

int worker_request_add(Record *request, const char *key, const Record *record, Error *error) {
        Record *copy;
        int r;

        if (!record || record_size(record) == 0)
                return 0;
        r = record_copy(record, &copy);
        if (r >= 0) {
                record_append_record(request, key, copy);
                r = record_error(request);
        }
        return r < 0 ? error_set_errno(error, r, "No worker can be asked") : 0;
}

const Record *worker_call_row(const WorkerCall *call) {
        return call->rows->len > 0 ? call->rows->pdata[0] : NULL;
}
