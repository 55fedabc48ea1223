/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The first attempt is made in the handler, with everything on its stack; only what has to wait becomes a Pending,
 * which owns the target, the options, a duplicate of the descriptor that is polled, and a copy of the bytes to send:
 * the call's message goes, with whatever else it carried. */
#include "operations.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "attempts.h"
#include "bus-cleanup.h"
#include "events.h"
#include "fetches.h"
#include "holds.h"
#include "jobs.h"
#include "objects.h"
#include "record-bus.h"
#include "units.h"
#include "waits.h"
#include "worker-calls.h"
#include "worker-use.h"

enum {
        SPURIOUS_MAX = 4, /* wake-ups in a row that bring nothing, before polling is slowed down */
        RETRY_FIRST_USEC = 5000,
        RETRY_LAST_USEC = 100000,
        TIMER_ACCURACY_USEC = 1000,
};

typedef struct Pending {
        Wait wait;
        Target target;
        KeptRequest kept;
        OperationResult result;
        int fd;            /* a duplicate: an epoll instance takes a descriptor once, see epoll_ctl(2) EEXIST */
        Charge descriptor; /* for it */
        sd_event_source *io, *retry, *deadline;
        Runner *awaiting;  /* a worker that sleeps until it may be possible */
        Charge worker;     /* for it */
        uint64_t armed_at; /* iteration of the event loop */
        unsigned spurious;
        uint64_t pause;
} Pending;

static void pending_await_end(Pending *pending) {
        pending->awaiting = runner_free(pending->awaiting);
        limits_release(pending->wait.manager->limits, &pending->worker);
}

static void pending_release(Wait *wait) {
        Pending *pending = CONTAINER_OF(wait, Pending, wait);

        sd_event_source_disable_unref(pending->io);
        sd_event_source_disable_unref(pending->retry);
        sd_event_source_disable_unref(pending->deadline);
        pending_await_end(pending);
        pending->fd = fd_close(pending->fd);
        limits_release(wait->manager->limits, &pending->descriptor);
        operation_give_up_turn(&pending->target, &pending->kept.request, &pending->result);
        kept_request_done(&pending->kept, wait->manager->limits);
        operation_result_done(&pending->result);
        target_done(&pending->target);
        free(pending);
}

/* What was opened for the call is closed before its answer: who reads the answer finds it so. */
static int answer(sd_bus_message *call, Target *target, const OperationRequest *request, OperationResult *result) {
        operation_give_up_turn(target, request, result);
        target_done(target);
        return request->reply(call, result);
}

static void pending_answer(Pending *pending) {
        wait_answered(&pending->wait,
                answer(pending->wait.call, &pending->target, &pending->kept.request, &pending->result));
}

/* Its time is over: what was taken of a stream counts. */
static void pending_give_up(Pending *pending, Error *error) {
        if (pending->result.sent > 0) {
                pending_answer(pending);
                return;
        }
        (void)operation_timed_out(&pending->target, &pending->kept.request, error);
        wait_fail(&pending->wait, error);
}

/* 0: goes on waiting; else it has ended. */
static int pending_attempt(Pending *pending, bool last) {
        Error error = {};
        int r;

        r = operation_attempt(&pending->target, &pending->kept.request, &pending->result, &error);
        if (r == -EAGAIN && !last)
                return 0;
        if (r == -EAGAIN)
                pending_give_up(pending, &error);
        else if (r < 0)
                wait_fail(&pending->wait, &error);
        else
                pending_answer(pending);
        return 1;
}

static int pending_arm(Pending *pending, Error *error);

static void pending_go_on(Pending *pending) {
        Error error = {};

        if (pending_arm(pending, &error) < 0)
                wait_fail(&pending->wait, &error);
}

static int on_ready(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        Pending *pending = userdata;
        size_t sent = pending->result.sent;
        uint64_t now = 0;

        if (pending_attempt(pending, false))
                return 0;
        /* Ready at once and yet nothing to be had: the descriptor's state is not what this call waits for. */
        (void)sd_event_get_iteration(pending->wait.manager->event, &now);
        if (pending->result.sent == sent && now <= pending->armed_at + 1)
                pending->spurious++;
        else
                pending->spurious = 0;
        pending_go_on(pending);
        return 0;
}

static int on_retry(sd_event_source *source, uint64_t usec, void *userdata) {
        Pending *pending = userdata;

        if (!pending_attempt(pending, false))
                pending_go_on(pending);
        return 0;
}

static int on_deadline(sd_event_source *source, uint64_t usec, void *userdata) {
        (void)pending_attempt(userdata, true);
        return 0;
}

static void pending_retry(Wait *wait) {
        Pending *pending = CONTAINER_OF(wait, Pending, wait);

        if (!pending_attempt(pending, false))
                pending_go_on(pending);
}

static int pending_arm_retry(Pending *pending, Error *error) {
        sd_event *event = pending->wait.manager->event;
        int r;

        pending->pause = pending->pause == 0                    ? RETRY_FIRST_USEC
                         : pending->pause * 2 > RETRY_LAST_USEC ? RETRY_LAST_USEC
                                                                : pending->pause * 2;
        if (pending->retry) {
                r = sd_event_source_set_time_relative(pending->retry, pending->pause);
                if (r >= 0)
                        r = sd_event_source_set_enabled(pending->retry, SD_EVENT_ONESHOT);
        } else
                r = sd_event_add_time_relative(event, &pending->retry, CLOCK_MONOTONIC, pending->pause,
                        TIMER_ACCURACY_USEC, on_retry, pending);
        return r < 0 ? error_set_errno(error, r, "No timer could be set to wait for %.200s", pending->target.address)
                     : 0;
}

/* The worker has ended: it may be possible now. */
static void on_awaited(void *userdata, const Error *outcome) {
        Pending *pending = userdata;

        pending_await_end(pending);
        pending->spurious++;
        if (error_is_set(outcome))
                pending->spurious = SPURIOUS_MAX;
        if (!pending_attempt(pending, false))
                pending_go_on(pending);
}

/* Not for the first moments, in which most of what is waited for comes: a process costs more than a look. */
static int pending_await(Pending *pending) {
        static const RunnerHandlers handlers = { .end = on_awaited };
        CLEANUP(record_freep) Record *request = NULL;
        Manager *manager = pending->wait.manager;
        const OperationRequest *kept = &pending->kept.request;
        int r;

        if (pending->awaiting)
                return 0;
        if (!pending->target.mechanism->await || pending->pause == 0 || pending->spurious >= SPURIOUS_MAX)
                return -EOPNOTSUPP;
        r = worker_request_new("await", pending->target.address, &request, NULL);
        if (r < 0)
                return r;
        record_set_string(request, "operation", operation_name(kept->operation));
        r = worker_request_add(request, "options", kept->options, NULL);
        if (r >= 0)
                r = limits_charge(manager->limits, kept->uid, pending->wait.binding.client, LIMIT_WORKERS, 1,
                        &pending->worker, NULL);
        if (r >= 0)
                r = runner_start(manager->event, request, &handlers, pending, &pending->awaiting, NULL);
        if (r < 0)
                pending_await_end(pending);
        return r;
}

/* Polls a duplicate of what the kind names. Asked anew each time: what there is to poll may have changed. */
static int pending_arm_io(Pending *pending, int fd, uint32_t events, Error *error) {
        Manager *manager = pending->wait.manager;
        int r;

        pending->io = sd_event_source_disable_unref(pending->io);
        pending->fd = fd_close(pending->fd);
        if (pending->descriptor.amount == 0) {
                r = limits_charge(manager->limits, pending->kept.request.uid, NULL, LIMIT_DESCRIPTORS, 1,
                        &pending->descriptor, error);
                if (r < 0)
                        return r;
        }
        pending->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
        if (pending->fd < 0)
                return error_set_errno(
                        error, errno, "No descriptor is left to wait for %.200s", pending->target.address);
        r = sd_event_add_io(manager->event, &pending->io, pending->fd, events, on_ready, pending);
        if (r >= 0)
                r = sd_event_source_set_enabled(pending->io, SD_EVENT_ONESHOT);
        if (r < 0)
                return error_set_errno(error, r, "%.200s cannot be waited for", pending->target.address);
        (void)sd_event_get_iteration(manager->event, &pending->armed_at);
        return 0;
}

static int pending_arm(Pending *pending, Error *error) {
        const Mechanism *mechanism = pending->target.mechanism;
        uint32_t events;
        int fd, r = -EOPNOTSUPP;

        if (mechanism->wait_on && pending->spurious < SPURIOUS_MAX)
                r = mechanism->wait_on(target_kernel(&pending->target), pending->kept.request.operation, &fd, &events);
        if (r >= 0)
                return pending_arm_io(pending, fd, events, error);

        pending->io = sd_event_source_disable_unref(pending->io);
        pending->fd = fd_close(pending->fd);
        if (pending_await(pending) >= 0)
                return 0;
        pending->spurious = 0;
        return pending_arm_retry(pending, error);
}

static int pending_set_deadline(Pending *pending, Error *error) {
        int r;

        /* So far away that the clock's sum would overflow is for ever. */
        if (pending->kept.request.timeout >= USEC_INFINITY / 4)
                return 0;
        r = sd_event_add_time_relative(pending->wait.manager->event, &pending->deadline, CLOCK_MONOTONIC,
                pending->kept.request.timeout, TIMER_ACCURACY_USEC, on_deadline, pending);
        return r < 0 ? error_set_errno(error, r, "No timer could be set to wait for %.200s", pending->target.address)
                     : 0;
}

/* From here on the Pending owns what the request and the target hold; on failure it has answered already. */
static int pending_start(Manager *manager, sd_bus_message *call, Target *target, OperationRequest *request,
        OperationResult *result, Error *error) {
        Object *object = target->object;
        uid_t uid = request->uid;
        Pending *pending;
        int r;

        pending = calloc(1, sizeof(*pending));
        if (!pending)
                return error_set_errno(error, ENOMEM, "The call cannot wait");
        r = wait_begin(&pending->wait, manager, call, object, uid, error);
        if (r < 0) {
                free(pending);
                return r;
        }
        pending->wait.release = pending_release;
        pending->wait.retry = pending_retry;
        pending->target = target_take(target);
        operation_move_turn(&pending->target, result, &pending->result);
        pending->result = *result;
        pending->fd = -EBADF;
        *result = (OperationResult){ .fd = -EBADF };

        r = request_keep(&pending->kept, request, manager->limits, pending->wait.binding.client, error);
        if (r >= 0)
                r = pending_set_deadline(pending, error);
        if (r >= 0)
                r = pending_arm(pending, error);
        if (r < 0 && pending->result.sent > 0)
                wait_answered(&pending->wait, pending->kept.request.reply(pending->wait.call, &pending->result));
        else if (r < 0)
                wait_fail(&pending->wait, error);
        return 0;
}

/* What a keeper feeds is here, and not where a worker could take it. */
static bool is_worker_work(const Target *target, const OperationRequest *request) {
        const Mechanism *mechanism = target->mechanism;

        if (!target_in_worker(target, request->operation))
                return false;
        return !target->object || !target->object->keeper ||
               (mechanism->as_client && mechanism->as_client(request->operation, request->options));
}

static int perform(Manager *manager, sd_bus_message *call, Target *target, OperationRequest *request,
        OperationResult *result, Error *error) {
        int r;

        if (target->fetch)
                return fetch_and_perform(manager, call, target, request, error);
        if (request->operation == OPERATION_POST) {
                r = hold_give_back(manager, call, target, request, error);
                if (r != 0)
                        return r < 0 ? r : 0;
        }
        if (request->operation == OPERATION_WAIT) {
                r = hold_check(target, request, error);
                if (r < 0)
                        return r;
        }
        if (request->operation != OPERATION_REMOVE && is_worker_work(target, request))
                return worker_use(manager, call, target, request, error);

        r = target_open_as_client(target, request->operation, request->options, error);
        if (r < 0)
                return r;
        r = operation_attempt(target, request, result, error);
        if (r >= 0 && request->operation == OPERATION_REMOVE)
                jobs_object_gone(manager->jobs, target->address);
        if (r >= 0 || (r == -EAGAIN && request->timeout == 0 && result->sent > 0))
                return answer(call, target, request, result);
        if (r != -EAGAIN)
                return r;
        if (request->timeout == 0)
                return operation_timed_out(target, request, error);
        return pending_start(manager, call, target, request, result, error);
}

int operation_perform(
        Manager *manager, sd_bus_message *call, Target *target, OperationRequest *request, sd_bus_error *ret_error) {
        OperationResult result = { .fd = -EBADF };
        Error error = {};
        int r;

        r = perform(manager, call, target, request, &result, &error);
        operation_give_up_turn(target, request, &result);
        operation_result_done(&result);
        operation_request_done(request);
        target_done(target);
        if (r < 0)
                return error_is_set(&error) ? bus_set_error(ret_error, &error) : r;
        return 1;
}

int operation_check_size(uint64_t size, Error *error) {
        if (size <= OPERATION_DATA_MAX)
                return 0;
        return error_set(error, ERROR_LIMIT_EXCEEDED,
                "One call carries at most 16 MiB and this one would carry %llu bytes; take a descriptor with OpenEnd "
                "and use that, or go in parts.",
                (unsigned long long)size);
}
