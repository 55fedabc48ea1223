/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A Keeper belongs first to the call that waits for it to be ready, then to the object that it made possible. Its
 * worker's records go to whoever has it. */
#include "keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "bus-cleanup.h"
#include "events.h"
#include "objects.h"
#include "runner.h"
#include "waits.h"
#include "worker-calls.h"
#include "worker-protocol.h"

typedef struct KeeperCall {
        Wait wait;
        Keeper *keeper;
        KeeperRequest request;
} KeeperCall;

struct Keeper {
        Runner *runner;
        Limits *limits;
        Charge worker;
        KeeperCall *call; /* while it is not ready */
        Object *object;   /* then */
};

static void keeper_call_release(Wait *wait) {
        KeeperCall *call = CONTAINER_OF(wait, KeeperCall, wait);

        keeper_free(call->keeper);
        record_free(call->request.options);
        free(call);
}

/* The caller is still there, for its leaving would have ended the wait; so a lease can be bound to it. */
static void keeper_ready(Keeper *keeper, const Record *record) {
        KeeperCall *call = keeper->call;
        Object *object;
        Error error = {};
        int r;

        record_merge(call->request.options, record);
        record_unset(call->request.options, WORKER_TYPE);
        keeper->call = NULL;
        r = objects_create(call->wait.manager,
                &(ObjectRequest){ .mechanism = call->request.mechanism,
                        .options = call->request.options,
                        .uid = call->request.uid,
                        .lease = call->request.lease,
                        .duration = call->request.duration,
                        .client = call->wait.binding.client,
                        .keeper = &call->keeper },
                &object, &error);
        if (r < 0)
                wait_fail(&call->wait, &error);
        else
                wait_answered(&call->wait, call->request.reply(call->wait.call, object));
}

static void on_record(void *userdata, const Record *record) {
        Keeper *keeper = userdata;
        Object *object = keeper->object;

        if (keeper->call && record_get_bool(record, WORKER_TYPE_READY, false))
                keeper_ready(keeper, record);
        else if (object && object->kernel.mechanism->kept) {
                object->kernel.mechanism->kept(&object->kernel, record, &object->sink);
                waits_retry_object(object);
        }
}

static void on_end(void *userdata, const Error *outcome) {
        Keeper *keeper = userdata;
        Error why = *outcome;

        if (!error_is_set(&why))
                (void)error_set(&why, keeper->call ? ERROR_FAILED : ERROR_NO_SUCH_OBJECT,
                        "The process behind the object has ended.");
        if (keeper->call)
                wait_fail(&keeper->call->wait, &why);
        else if (keeper->object)
                object_drop(keeper->object, &why);
}

static int keeper_start(Manager *manager, KeeperCall *call, Error *error) {
        static const RunnerHandlers handlers = { .record = on_record, .end = on_end };
        CLEANUP(record_freep) Record *request = NULL;
        Record *options;
        int r;

        r = worker_request_new("keep", NULL, &request, error);
        if (r < 0)
                return r;
        r = record_copy(call->request.options, &options);
        if (r < 0)
                return error_set_errno(error, r, "No process can be started for the object");
        record_set_string(request, "kind", call->request.mechanism->kind);
        record_append_record(request, "options", options);

        call->keeper = calloc(1, sizeof(*call->keeper));
        if (!call->keeper)
                return error_set_errno(error, ENOMEM, "No process can be started for the object");
        call->keeper->call = call;
        call->keeper->limits = manager->limits;
        r = limits_charge(manager->limits, call->request.uid, NULL, LIMIT_WORKERS, 1, &call->keeper->worker, error);
        if (r < 0)
                return r;
        return runner_start(manager->event, request, &handlers, call->keeper, &call->keeper->runner, error);
}

int keeper_create(Manager *manager, sd_bus_message *message, KeeperRequest *request, Error *error) {
        KeeperCall *call;
        int r;

        call = calloc(1, sizeof(*call));
        if (!call)
                return error_set_errno(error, ENOMEM, "No process can be started for the object");
        r = wait_begin(&call->wait, manager, message, NULL, request->uid, error);
        if (r < 0) {
                free(call);
                return r;
        }
        call->wait.release = keeper_call_release;
        call->request = *request;
        request->options = NULL;
        r = keeper_start(manager, call, error);
        if (r < 0)
                wait_fail(&call->wait, error);
        return 0;
}

Keeper *keeper_free(Keeper *keeper) {
        if (!keeper)
                return NULL;
        limits_release(keeper->limits, &keeper->worker);
        runner_free(keeper->runner);
        free(keeper);
        return NULL;
}

Keeper *keeper_stop(Keeper *keeper) {
        if (!keeper)
                return NULL;
        limits_release(keeper->limits, &keeper->worker);
        runner_stop(keeper->runner);
        free(keeper);
        return NULL;
}

void keeper_set_object(Keeper *keeper, Object *object) {
        keeper->object = object;
}

int keeper_channel(const Keeper *keeper, int *ret_fd) {
        int fd;

        fd = fcntl(runner_channel(keeper->runner), F_DUPFD_CLOEXEC, 3);
        if (fd < 0)
                return -errno;
        *ret_fd = fd;
        return 0;
}
