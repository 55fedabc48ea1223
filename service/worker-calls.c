/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A WorkerCall owns its Runner and what the worker has said so far. It is a Wait, so it is bounded, and the worker is
 * killed when the caller leaves or the object goes. */
#include "worker-calls.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bus-cleanup.h"
#include "events.h"
#include "objects.h"
#include "worker-protocol.h"

static void free_record(gpointer record) {
        record_free(record);
}

static void worker_call_release(Wait *wait) {
        WorkerCall *call = CONTAINER_OF(wait, WorkerCall, wait);

        limits_release(wait->manager->limits, &call->worker);
        runner_free(call->runner);
        record_free(call->request);
        g_ptr_array_unref(call->rows);
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
}

static void on_end(void *userdata, const Error *outcome) {
        WorkerCall *call = userdata;
        Error error = *outcome;

        if (error_is_set(&error))
                wait_fail(&call->wait, &error);
        else
                wait_answered(&call->wait, call->reply(call));
}

int worker_call_start(Manager *manager, sd_bus_message *message, Object *object, uid_t uid, Record *request,
        int (*reply)(WorkerCall *call), Error *error) {
        static const RunnerHandlers handlers = { .record = on_record, .end = on_end };
        WorkerCall *call;
        int r;

        call = calloc(1, sizeof(*call));
        if (!call) {
                record_free(request);
                return error_set_errno(error, ENOMEM, "The call cannot wait for a worker");
        }
        r = wait_begin(&call->wait, manager, message, object, uid, error);
        if (r < 0) {
                free(call);
                record_free(request);
                return r;
        }
        call->wait.release = worker_call_release;
        call->request = request;
        call->rows = g_ptr_array_new_with_free_func(free_record);
        call->reply = reply;

        r = limits_charge(manager->limits, uid, call->wait.binding.client, LIMIT_WORKERS, 1, &call->worker, error);
        if (r >= 0)
                r = runner_start(manager->event, request, &handlers, call, &call->runner, error);
        if (r < 0)
                wait_fail(&call->wait, error);
        return 0;
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

static int reply_nothing(WorkerCall *call) {
        if (call->wait.object)
                object_attributes_stale(call->wait.object);
        return sd_bus_reply_method_return(call->wait.call, NULL);
}

/* What the worker said of it is the meta data of the answer. */
static int reply_meta(WorkerCall *call) {
        const OperationResult result = { .meta = call->rows->len > 0 ? call->rows->pdata[0] : NULL, .fd = -EBADF };

        if (call->wait.object)
                object_attributes_stale(call->wait.object);
        return operation_reply_meta(call->wait.call, &result);
}

static int reply_posted(WorkerCall *call) {
        if (call->wait.object)
                events_posted(call->wait.object, record_get_u64(call->request, "count", 1));
        return sd_bus_reply_method_return(call->wait.call, NULL);
}

/* A request with the options of the kind, and one number. */
static int use_request_new(const char *operation, const Target *target, const Record *options, const char *name,
        uint64_t number, Record **ret, Error *error) {
        CLEANUP(record_freep) Record *request = NULL;
        Record *copy;
        int r;

        r = worker_request_new(operation, target->address, &request, error);
        if (r < 0)
                return r;
        record_set_u64(request, name, number);
        if (options && record_size(options) > 0) {
                r = record_copy(options, &copy);
                if (r >= 0)
                        record_append_record(request, "options", copy);
        }
        if (r >= 0)
                r = record_error(request);
        if (r < 0)
                return error_set_errno(error, r, "No worker can be asked");
        *ret = TAKE_POINTER(request);
        return 0;
}

int worker_call_wait(
        Manager *manager, sd_bus_message *call, Target *target, const OperationRequest *use, Error *error) {
        Record *request;
        int r;

        r = use_request_new("wait", target, use->options, "timeout", use->timeout, &request, error);
        if (r < 0)
                return r;
        return worker_call_start(manager, call, target->object, use->uid, request,
                use->reply == operation_reply_meta ? reply_meta : reply_nothing, error);
}

int worker_call_post(Manager *manager, sd_bus_message *call, Target *target, uid_t uid, uint64_t count,
        const Record *options, Error *error) {
        Record *request;
        int r;

        r = use_request_new("post", target, options, "count", count, &request, error);
        if (r < 0)
                return r;
        return worker_call_start(manager, call, target->object, uid, request, reply_posted, error);
}
