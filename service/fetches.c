/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Two things that wait for a worker to hand over an object: one use of it, and its adoption or making. Each belongs to
 * its WorkerCall, which ends it with the call. */
#include "fetches.h"

#include <errno.h>
#include <stdlib.h>

#include "bus-cleanup.h"
#include "handover.h"
#include "record-bus.h"
#include "worker-calls.h"

/* The object as the worker handed it over. */
static int take_object(WorkerCall *call, const Record *options, KernelObject *ret, Error *error) {
        const Record *row = worker_call_row(call);

        /* The worker has ended, and what follows may need one. */
        limits_release(call->wait.manager->limits, &call->worker);
        if (!row)
                return error_set(error, ERROR_FAILED, "The worker found nothing to hand over; this is a bug.");
        return handover_unpack(row, call->fds, call->n_fds, options, ret, error);
}

static int reply_failure(WorkerCall *call, int r, const Error *error) {
        return error_is_set(error) ? bus_reply_error(call->wait.call, error) : r;
}

/* --- One use --- */

typedef struct Use {
        Manager *manager;
        Target target;
        KeptRequest kept;
} Use;

static void use_free(void *context) {
        Use *use = context;

        kept_request_done(&use->kept, use->manager->limits);
        target_done(&use->target);
        free(use);
}

static int use_go_on(WorkerCall *call, Use *use, sd_bus_error *ret_error, Error *error) {
        CLEANUP(kernel_object_done) KernelObject kernel = KERNEL_OBJECT_EMPTY;
        CLEANUP(record_freep) Record *none = NULL;
        OperationRequest *request = &use->kept.request;
        int r;

        r = record_new(&none);
        if (r < 0)
                return r;
        r = take_object(call, none, &kernel, error);
        if (r >= 0)
                r = mechanism_supports(kernel.mechanism, request->operation, error);
        if (r >= 0)
                r = operation_request_settle(request, kernel.mechanism, error);
        if (r >= 0)
                r = target_set_fetched(use->manager, &use->target, &kernel, error);
        if (r < 0)
                return r;
        return operation_perform(use->manager, call->wait.call, &use->target, request, ret_error);
}

static int use_fetched(WorkerCall *call) {
        CLEANUP_BUS_ERROR sd_bus_error bus_error = SD_BUS_ERROR_NULL;
        Error error = {};
        int r;

        r = use_go_on(call, call->context, &bus_error, &error);
        if (r < 0 && sd_bus_error_is_set(&bus_error))
                return sd_bus_reply_method_error(call->wait.call, &bus_error);
        return r < 0 ? reply_failure(call, r, &error) : r;
}

int fetch_and_perform(
        Manager *manager, sd_bus_message *call, Target *target, OperationRequest *request, Error *error) {
        Record *record = NULL;
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
        if (r >= 0)
                r = worker_request_new("fetch", use->target.address, &record, error);
        if (r < 0) {
                use_free(use);
                return r;
        }
        return worker_call_begin(manager, call,
                &(WorkerCallSetup){ .uid = use->kept.request.uid,
                        .request = record,
                        .reply = use_fetched,
                        .context = use,
                        .context_free = use_free },
                error);
}

/* --- To keep it --- */

static void object_fetch_free(void *context) {
        ObjectFetch *fetch = context;

        record_free(fetch->options);
        free(fetch);
}

static int keep_go_on(WorkerCall *call, ObjectFetch *fetch, Error *error) {
        CLEANUP(kernel_object_done) KernelObject kernel = KERNEL_OBJECT_EMPTY;
        const Record *row = worker_call_row(call);
        int r;

        if (!fetch->checked) {
                CLEANUP(address_done) Address address = ADDRESS_EMPTY;
                const Mechanism *mechanism;
                Record *checked;

                r = address_parse(record_get_string(row, "address", ""), &address, error);
                if (r >= 0)
                        r = mechanism_for_address(&address, &mechanism, error);
                if (r >= 0)
                        r = bus_check_options(
                                fetch->options, mechanism->options, NULL, OPTION_FOR_ADOPT, &checked, error);
                if (r < 0)
                        return r;
                record_free(fetch->options);
                fetch->options = checked;
        }
        r = take_object(call, fetch->options, &kernel, error);
        if (r < 0)
                return r;
        return fetch->done(call->wait.manager, call->wait.call, fetch, call->wait.binding.client, &kernel, error);
}

static int object_fetched(WorkerCall *call) {
        Error error = {};
        int r;

        r = keep_go_on(call, call->context, &error);
        return r < 0 ? reply_failure(call, r, &error) : r;
}

int fetch_object(Manager *manager, sd_bus_message *call, const ObjectFetch *fetch, Error *error) {
        ObjectFetch *kept;
        Record *record = NULL;
        int r;

        kept = malloc(sizeof(*kept));
        if (!kept) {
                record_free(fetch->options);
                return error_set_errno(error, ENOMEM, "The call cannot wait for a worker");
        }
        *kept = *fetch;
        r = worker_request_new(fetch->operation, fetch->address, &record, error);
        if (r >= 0 && fetch->kind)
                record_set_string(record, "kind", fetch->kind);
        if (r >= 0 && fetch->checked)
                r = worker_request_add(record, "options", fetch->options, error);
        if (r < 0) {
                record_free(record);
                object_fetch_free(kept);
                return r;
        }
        kept->address = kept->kind = NULL;
        return worker_call_begin(manager, call,
                &(WorkerCallSetup){ .uid = fetch->uid,
                        .request = record,
                        .reply = object_fetched,
                        .context = kept,
                        .context_free = object_fetch_free },
                error);
}
