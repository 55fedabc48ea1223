/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A Return is a call that waits for a hold's worker to give back what it has; the job tells it the end, and forgets it
 * where the caller leaves first. */
#include "holds.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "authorise.h"
#include "bus-cleanup.h"
#include "events.h"
#include "jobs.h"
#include "objects.h"
#include "units.h"

typedef struct Return {
        Wait wait;
        Job *job; /* NULL once it has ended */
        OperationReply reply;
        uint64_t count;
} Return;

static void return_release(Wait *wait) {
        Return *back = CONTAINER_OF(wait, Return, wait);

        if (back->job) {
                back->job->on_ended = NULL;
                back->job->ended_userdata = NULL;
        }
        free(back);
}

static void on_ended(Job *job, const Error *outcome) {
        Return *back = job->ended_userdata;
        OperationResult result = { .fd = -EBADF };

        job->on_ended = NULL;
        job->ended_userdata = NULL;
        back->job = NULL;
        if (error_is_set(outcome)) {
                wait_fail(&back->wait, outcome);
                return;
        }
        if (back->wait.object) {
                object_attributes_stale(back->wait.object);
                events_posted(back->wait.object, back->count);
        }
        wait_answered(&back->wait, back->reply(back->wait.call, &result));
}

static bool always_holds(const Mechanism *mechanism) {
        return mechanism->holds && mechanism->holds(NULL);
}

int hold_check(const Target *target, const OperationRequest *request, Error *error) {
        const Mechanism *mechanism = target->mechanism;
        const char *text = record_get_string(request->options, "hold", NULL);
        uint64_t duration;
        LeaseType lease;

        if (!text)
                return 0;
        if (!mechanism->holds || !mechanism->holds(request->options))
                return error_set(error, ERROR_INVALID_OPTION,
                        "The option 'hold' has no meaning here: what is taken from %.200s like this is bound to no "
                        "process.",
                        target->address);
        return lease_parse(text, &lease, &duration, error);
}

static int hold_lease(const OperationRequest *request, LeaseType *ret, uint64_t *ret_expires, Error *error) {
        uint64_t duration = 0;
        struct timespec now;
        int r;

        r = lease_parse(record_get_string(request->options, "hold", "caller"), ret, &duration, error);
        if (r < 0)
                return r;
        (void)clock_gettime(CLOCK_BOOTTIME, &now);
        *ret_expires = (uint64_t)now.tv_sec * USEC_PER_SEC + (uint64_t)now.tv_nsec / NSEC_PER_USEC + duration;
        return 0;
}

int hold_begin(WorkerCall *call, const Target *target, const OperationRequest *request, const char *address,
        Record *meta, Error *error) {
        Manager *manager = call->wait.manager;
        uint64_t expires = 0;
        LeaseType lease;
        Job *job;
        int r;

        r = hold_lease(request, &lease, &expires, error);
        if (r < 0)
                return r;
        /* The hold is charged for the process instead of the call. */
        limits_release(manager->limits, &call->worker);
        r = jobs_hold(manager->jobs, request->uid, call->wait.binding.client, lease, expires, call->runner,
                address ? address : target->address, target->address, &job, error);
        if (r < 0)
                return r;
        record_set_u64(meta, "hold", job_number(job));
        record_set_u64(meta, "holder", (uint64_t)runner_pid(call->runner));
        call->runner = NULL;
        return 0;
}

static int return_begin(Manager *manager, sd_bus_message *call, Target *target, const OperationRequest *request,
        Job *job, Error *error) {
        Return *back;
        int r;

        r = authorise(call, job->uid, error);
        if (r < 0)
                return r;
        if (job->on_ended)
                return error_set(error, ERROR_BUSY, "%.200s is being given back already.", target->address);
        back = calloc(1, sizeof(*back));
        if (!back)
                return error_set_errno(error, ENOMEM, "The call cannot wait");
        r = wait_begin(&back->wait, manager, call, target->object, request->uid, error);
        if (r < 0) {
                free(back);
                return r;
        }
        back->wait.release = return_release;
        back->reply = request->reply;
        back->count = record_get_u64(request->arguments, "count", 1);
        back->job = job;
        job->on_ended = on_ended;
        job->ended_userdata = back;
        r = job_give_back(job, error);
        if (r < 0)
                wait_fail(&back->wait, error);
        return 1;
}

int hold_give_back(
        Manager *manager, sd_bus_message *call, Target *target, const OperationRequest *request, Error *error) {
        uint64_t number = record_get_u64(request->options, "hold", 0);
        Job *job;

        if (number == 0 && !always_holds(target->mechanism))
                return 0;
        job = jobs_find_hold(manager->jobs, target->address, number);
        if (!job && number == 0)
                return 0;
        if (!job)
                return error_set(error, ERROR_NO_SUCH_JOB,
                        "There is no hold %llu on %.200s, or no more; \"jobs\" lists what is held.",
                        (unsigned long long)number, target->address);
        return return_begin(manager, call, target, request, job, error);
}
