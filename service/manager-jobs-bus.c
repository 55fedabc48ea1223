/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Methods of the Manager: tests, benchmarks, subscriptions. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "authorise.h"
#include "bus-cleanup.h"
#include "common-options.h"
#include "jobs.h"
#include "manager-bus.h"
#include "mechanism.h"
#include "record-bus.h"
#include "subscriptions.h"
#include "worker-calls.h"

/* The kinds of the call, all known, into the request. */
static int read_kinds(sd_bus_message *call, Record *request, Error *error) {
        CLEANUP_FREE const char **kinds = NULL;
        const Mechanism *mechanism;
        size_t n = 0;
        int r;

        r = bus_read_strings(call, &kinds, &n, error);
        if (r < 0)
                return r;
        for (size_t i = 0; i < n; i++) {
                r = mechanism_for_kind(kinds[i], &mechanism, error);
                if (r < 0)
                        return r;
        }
        record_set_strings(request, "kinds", kinds, n);
        return record_error(request);
}

static int read_lease(Record *options, LeaseType *ret, Error *error) {
        LeaseType lease = lease_type_from_name(record_get_string(options, "lease", "caller"));

        if (lease != LEASE_CALLER && lease != LEASE_NONE)
                return error_set(error, ERROR_INVALID_OPTION,
                        "The lease of a job is \"caller\" or \"none\": a job ends by itself, so it takes no time.");
        record_unset(options, "lease");
        *ret = lease;
        return 0;
}

static int read_job(sd_bus_message *call, const char *operation, const OptionSpec *specs, Record **ret_request,
        LeaseType *ret_lease, Error *error) {
        CLEANUP(record_freep) Record *request = NULL, *options = NULL;
        int r;

        r = worker_request_new(operation, NULL, &request, error);
        if (r < 0)
                return r;
        r = read_kinds(call, request, error);
        if (r < 0)
                return r;
        r = bus_read_options(call, specs, NULL, OPTION_FOR_CREATE, &options, error);
        if (r < 0)
                return r;
        r = read_lease(options, ret_lease, error);
        if (r < 0)
                return r;
        record_merge(request, options);
        *ret_request = TAKE_POINTER(request);
        return 0;
}

static int start_job(Manager *manager, sd_bus_message *call, const char *operation, const OptionSpec *specs,
        sd_bus_error *ret_error) {
        CLEANUP(record_freep) Record *request = NULL;
        Client *client = NULL;
        LeaseType lease = LEASE_CALLER;
        Error error = {};
        Job *job;
        int r;

        r = read_job(call, operation, specs, &request, &lease, &error);
        if (r >= 0)
                r = authorise(call, geteuid(), &error);
        if (r >= 0) {
                r = clients_sender(manager->clients, call, &client);
                if (r < 0)
                        (void)error_set(&error, ERROR_CANCELLED, "The caller has left the bus.");
        }
        if (r >= 0)
                r = jobs_start(manager->jobs, caller_uid(call), client, lease, request, &job, &error);
        if (r < 0)
                return bus_set_error(ret_error, &error);
        manager_check_idle(manager);
        return sd_bus_reply_method_return(call, "o", job->path);
}

int manager_test(sd_bus_message *call, void *userdata, sd_bus_error *ret_error) {
        return start_job(userdata, call, "test", test_options, ret_error);
}

int manager_benchmark(sd_bus_message *call, void *userdata, sd_bus_error *ret_error) {
        return start_job(userdata, call, "benchmark", benchmark_options, ret_error);
}

int manager_subscribe(sd_bus_message *call, void *userdata, sd_bus_error *ret_error) {
        CLEANUP(record_freep) Record *filter = NULL;
        Manager *manager = userdata;
        Error error = {};
        Client *client;
        int r;

        r = bus_read_options(call, subscribe_options, NULL, OPTION_FOR_CREATE, &filter, &error);
        if (r >= 0)
                r = authorise(call, geteuid(), &error);
        if (r >= 0) {
                r = clients_sender(manager->clients, call, &client);
                if (r < 0)
                        (void)error_set(&error, ERROR_CANCELLED, "The caller has left the bus.");
        }
        if (r >= 0)
                r = subscriptions_add(manager->subscriptions, call, caller_uid(call), client, filter, &error);
        if (r < 0)
                return bus_set_error(ret_error, &error);
        manager_check_idle(manager);
        return r > 0 ? sd_bus_reply_method_return(call, NULL) : 1;
}

int manager_unsubscribe(sd_bus_message *call, void *userdata, sd_bus_error *ret_error) {
        Manager *manager = userdata;
        const Client *client = clients_known(manager->clients, call);

        if (client)
                subscriptions_remove(manager->subscriptions, client);
        manager_check_idle(manager);
        return sd_bus_reply_method_return(call, NULL);
}
