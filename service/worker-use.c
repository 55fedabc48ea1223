/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One operation in a worker: what it needs goes there as a record with descriptors beside it, what came of it comes
 * back the same way. An object of ours without a name goes along as a descriptor; what has a name the worker opens by
 * itself. A Use owns the target and the request until the call is answered. */
#include "worker-use.h"

#include <errno.h>
#include <stdlib.h>

#include "bus-cleanup.h"
#include "channel-bytes.h"
#include "events.h"
#include "holds.h"
#include "objects.h"
#include "record-bus.h"
#include "worker-calls.h"

typedef struct Use {
        Manager *manager;
        Target target;
        KeptRequest kept;
        uint64_t size_before; /* of a resize: what the object was charged for */
        bool resizing;
} Use;

static void use_free(void *context) {
        Use *use = context;

        if (use->resizing)
                (void)object_charge_bytes(use->target.object, use->size_before, NULL);
        kept_request_done(&use->kept, use->manager->limits);
        target_done(&use->target);
        free(use);
}

/* What the operation changed, as far as the service keeps account of it. */
static void use_settle(Use *use) {
        const OperationRequest *request = &use->kept.request;
        Object *object = use->target.object;

        if (!object)
                return;
        use->resizing = false;
        object_attributes_stale(object);
        if (request->operation == OPERATION_POST)
                events_posted(object, record_get_u64(request->arguments, "count", 1));
        else if (request->operation == OPERATION_RESIZE)
                object->kernel.bytes = record_get_u64(request->arguments, "size", object->kernel.bytes);
}

static int take_fd(WorkerCall *call, unsigned *at) {
        return *at < call->n_fds ? fd_take(&call->fds[(*at)++]) : -EBADF;
}

/* The bytes are read, never mapped: the worker has done with a caller's things what the service does not. */
static int read_done(WorkerCall *call, const Record *done, OperationResult *result) {
        const Value *meta = record_get(done, "meta");
        unsigned at = 0;
        int r = 0;

        result->sent = record_get_u64(done, "sent", 0);
        if (meta && meta->type == VALUE_RECORDS && meta->records.n > 0)
                r = record_copy(meta->records.items[0], &result->meta);
        if (r >= 0 && record_get_bool(done, "data", false)) {
                CLEANUP_FD int fd = take_fd(call, &at);

                r = channel_bytes_read(fd, OPERATION_DATA_MAX, &result->data, &result->size);
        }
        if (r >= 0 && record_get_bool(done, "descriptor", false)) {
                result->fd = take_fd(call, &at);
                if (result->fd < 0)
                        r = -EBADMSG;
        }
        for (uint64_t n = record_get_u64(done, "passed", 0); r >= 0 && n > 0 && result->passed.n < PASSED_FDS_MAX;
                n--) {
                result->passed.fds[result->passed.n] = take_fd(call, &at);
                result->passed.n += result->passed.fds[result->passed.n] >= 0;
        }
        return r;
}

static int reply_used(WorkerCall *call) {
        OperationResult result = { .fd = -EBADF };
        const Record *done = worker_call_row(call);
        Use *use = call->context;
        Error error = {};
        int r;

        r = done ? read_done(call, done, &result) : -EBADMSG;
        if (r >= 0) {
                use_settle(use);
                r = use->kept.request.reply(call->wait.call, &result);
        } else {
                (void)error_set_errno(
                        &error, r, "What the worker answered for %.200s cannot be used", use->target.address);
                r = bus_reply_error(call->wait.call, &error);
        }
        operation_result_done(&result);
        return r;
}

/* The worker stays with what it took; the call is answered all the same. */
static void use_held(WorkerCall *call) {
        OperationResult result = { .fd = -EBADF };
        const Record *done = worker_call_row(call);
        Use *use = call->context;
        Error error = {};
        int r;

        r = read_done(call, done, &result);
        if (r < 0)
                error_set_errno(&error, r, "What the worker answered for %.200s cannot be used", use->target.address);
        else
                r = hold_begin(call, &use->target, &use->kept.request, record_get_string(done, "address", NULL),
                        result.meta, &error);
        if (r < 0)
                wait_fail(&call->wait, &error);
        else {
                use_settle(use);
                wait_answered(&call->wait, use->kept.request.reply(call->wait.call, &result));
        }
        operation_result_done(&result);
}

static int request_make(const Use *use, Record **ret, Error *error) {
        const OperationRequest *request = &use->kept.request;
        const Object *object = use->target.object;
        CLEANUP(record_freep) Record *record = NULL;
        int r;

        r = worker_request_new("use", use->target.address, &record, error);
        if (r < 0)
                return r;
        record_set_string(record, "operation", operation_name(request->operation));
        record_set_u64(record, "timeout", request->timeout);
        if (object && !object->kernel.unnamed)
                record_set_string(record, "identity", object->kernel.identity);
        record_set_bool(record, "takes_fds", request->takes_fds);
        r = worker_request_add(record, "options", request->options, error);
        if (r >= 0)
                r = worker_request_add(record, "arguments", request->arguments, error);
        if (r < 0)
                return r;
        *ret = TAKE_POINTER(record);
        return 0;
}

/* Of an object of ours that nobody else can open: its first descriptor. */
static int object_descriptor(const Object *object) {
        if (!object || !object->kernel.unnamed)
                return -EBADF;
        for (size_t i = 0; i < KERNEL_OBJECT_FDS_MAX; i++)
                if (object->kernel.fds[i] >= 0)
                        return object->kernel.fds[i];
        return -EBADF;
}

/* The data, too, stays here only until the worker has it. */
static int use_start(Use *use, sd_bus_message *call, Error *error) {
        const OperationRequest *request = &use->kept.request;
        int fds[CHANNEL_FDS_MAX], object = object_descriptor(use->target.object), r;
        CLEANUP_FD int data = -EBADF;
        Record *record = NULL;
        unsigned n = 0;

        r = request_make(use, &record, error);
        if (r >= 0 && request->operation == OPERATION_SEND) {
                r = channel_bytes_new(request->data, request->size, &data);
                if (r < 0) {
                        record_free(record);
                        record = NULL;
                        r = error_set_errno(error, r, "What is to be sent cannot be given to a worker");
                }
        }
        if (r < 0) {
                use_free(use);
                return r;
        }
        if (object >= 0) {
                record_set_bool(record, "object", true);
                fds[n++] = object;
        }
        if (data >= 0) {
                record_set_bool(record, "data", true);
                fds[n++] = data;
        }
        for (unsigned i = 0; i < request->passed.n; i++)
                fds[n++] = request->passed.fds[i];
        record_set_u64(record, "passed", request->passed.n);
        return worker_call_begin(use->manager, call,
                &(WorkerCallSetup){ .object = use->target.object,
                        .uid = request->uid,
                        .request = record,
                        .fds = fds,
                        .n_fds = n,
                        .reply = reply_used,
                        .held = use_held,
                        .context = use,
                        .context_free = use_free },
                error);
}

int worker_use(Manager *manager, sd_bus_message *call, Target *target, OperationRequest *request, Error *error) {
        Client *client;
        Use *use;
        int r;

        r = clients_sender(manager->clients, call, &client);
        if (r < 0)
                return error_set(error, ERROR_CANCELLED, "The caller has left the bus.");
        use = calloc(1, sizeof(*use));
        if (!use)
                return error_set_errno(error, ENOMEM, "The call cannot wait for a worker");
        use->manager = manager;
        use->target = target_take(target);
        r = request_keep(&use->kept, request, manager->limits, client, error);
        if (r >= 0 && request->operation == OPERATION_RESIZE && use->target.object) {
                use->size_before = use->target.object->charges[OBJECT_CHARGE_BYTES].amount;
                r = object_charge_bytes(
                        use->target.object, record_get_u64(use->kept.request.arguments, "size", 0), error);
                use->resizing = r >= 0;
        }
        if (r < 0) {
                use_free(use);
                return r;
        }
        return use_start(use, call, error);
}
