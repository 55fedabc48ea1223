/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Methods of the Manager: what kinds there are, making, adopting and removing objects. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "authorise.h"
#include "bus-cleanup.h"
#include "common-options.h"
#include "fetches.h"
#include "keeper.h"
#include "manager-bus.h"
#include "objects.h"
#include "record-bus.h"
#include "target.h"

int manager_describe_kind(sd_bus_message *call, void *userdata, sd_bus_error *ret_error) {
        CLEANUP(record_freep) Record *description = NULL;
        const Mechanism *mechanism;
        Error error = {};
        const char *kind;
        int r;

        r = sd_bus_message_read(call, "s", &kind);
        if (r < 0)
                return r;
        r = mechanism_for_kind(kind, &mechanism, &error);
        if (r < 0)
                return bus_set_error(ret_error, &error);
        r = record_new(&description);
        if (r >= 0)
                r = mechanism_describe(mechanism, description);
        if (r >= 0)
                r = common_options_describe(description);
        if (r < 0)
                return r;
        return bus_reply_record(call, description);
}

static int reply_object(sd_bus_message *call, const Object *object) {
        return sd_bus_reply_method_return(call, "os", object->path, object->address);
}

/* On a bus, who makes something and leaves expects it to be there for the next who comes. */
static void add_hold(const Manager *manager, const Mechanism *mechanism, Record *options) {
        const OptionSpec *spec = option_find(mechanism->options, "hold");

        if (spec && (spec->uses & OPTION_FOR_CREATE) && !record_has(options, "hold"))
                record_set_bool(options, "hold", !manager->peer_to_peer);
}

typedef struct CreateCall {
        const Mechanism *mechanism;
        Record *options;
        LeaseType lease;
        uint64_t duration;
} CreateCall;

static void create_call_done(CreateCall *create) {
        record_free(create->options);
}

static int read_create(sd_bus_message *call, const Manager *manager, CreateCall *ret, Error *error) {
        const char *kind;
        int r;

        r = sd_bus_message_read(call, "s", &kind);
        if (r < 0)
                return r;
        r = mechanism_for_kind(kind, &ret->mechanism, error);
        if (r < 0)
                return r;
        r = mechanism_supports(ret->mechanism, OPERATION_CREATE, error);
        if (r < 0)
                return r;
        r = bus_read_options(
                call, ret->mechanism->options, common_create_options, OPTION_FOR_CREATE, &ret->options, error);
        if (r < 0)
                return r;
        r = lease_parse(record_get_string(ret->options, "lease", "none"), &ret->lease, &ret->duration, error);
        if (r < 0)
                return r;
        record_unset(ret->options, "lease");
        add_hold(manager, ret->mechanism, ret->options);
        return record_error(ret->options);
}

static int create_kept(Manager *manager, sd_bus_message *call, CreateCall *create, uid_t uid, Error *error) {
        KeeperRequest request = {
                .mechanism = create->mechanism,
                .options = TAKE_POINTER(create->options),
                .uid = uid,
                .lease = create->lease,
                .duration = create->duration,
                .reply = reply_object,
        };
        int r;

        r = keeper_create(manager, call, &request, error);
        record_free(request.options);
        return r < 0 ? r : 1;
}

static int create_done(Manager *manager, sd_bus_message *call, const ObjectFetch *fetch, Client *client,
        KernelObject *kernel, Error *error) {
        ObjectRequest request = {
                .mechanism = kernel->mechanism,
                .options = fetch->options,
                .uid = fetch->uid,
                .lease = fetch->lease,
                .duration = fetch->duration,
                .client = client,
                .made = kernel,
        };
        Object *object;
        int r;

        r = objects_create(manager, &request, &object, error);
        return r < 0 ? r : reply_object(call, object);
}

static int create_in_worker(Manager *manager, sd_bus_message *call, CreateCall *create_call, uid_t uid, Error *error) {
        int r;

        r = fetch_object(manager, call,
                &(ObjectFetch){ .operation = "create",
                        .kind = create_call->mechanism->kind,
                        .options = TAKE_POINTER(create_call->options),
                        .checked = true,
                        .uid = uid,
                        .lease = create_call->lease,
                        .duration = create_call->duration,
                        .done = create_done },
                error);
        return r < 0 ? r : 1;
}

static int create(Manager *manager, sd_bus_message *call, CreateCall *create_call, Error *error) {
        ObjectRequest request = {
                .mechanism = create_call->mechanism,
                .options = create_call->options,
                .uid = caller_uid(call),
                .lease = create_call->lease,
                .duration = create_call->duration,
        };
        Object *object;
        int r;

        r = objects_check_request(manager, &request, error);
        if (r < 0)
                return r;
        if (request.mechanism->keep)
                return create_kept(manager, call, create_call, request.uid, error);
        if (request.mechanism->in_worker & 1u << OPERATION_CREATE)
                return create_in_worker(manager, call, create_call, request.uid, error);
        if (request.lease == LEASE_CALLER) {
                r = clients_sender(manager->clients, call, &request.client);
                if (r < 0)
                        return error_set(
                                error, ERROR_CANCELLED, "The caller has left the bus, and its lease with it.");
        }
        r = objects_create(manager, &request, &object, error);
        if (r < 0)
                return r;
        return reply_object(call, object);
}

int manager_create(sd_bus_message *call, void *userdata, sd_bus_error *ret_error) {
        CLEANUP(create_call_done) CreateCall create_call = {};
        Manager *manager = userdata;
        Error error = {};
        int r;

        r = read_create(call, manager, &create_call, &error);
        if (r >= 0)
                r = authorise(call, geteuid(), &error);
        if (r >= 0)
                r = create(manager, call, &create_call, &error);
        if (r < 0)
                return bus_set_error(ret_error, &error);
        return 1;
}

static int adopt_done(Manager *manager, sd_bus_message *call, const ObjectFetch *fetch, Client *client,
        KernelObject *kernel, Error *error) {
        Object *object;
        int r;

        r = objects_adopt_kernel(manager, kernel, fetch->uid, &object, error);
        return r < 0 ? r : reply_object(call, object);
}

/* What has to be looked for first; `mechanism` is NULL for an alias. Ours is found at once. */
static int adopt_fetched(
        Manager *manager, sd_bus_message *call, const Mechanism *mechanism, const Address *address, Error *error) {
        CLEANUP(record_freep) Record *options = NULL;
        CLEANUP_FREE char *canonical = NULL;
        Object *known;
        int r;

        canonical = address_print(address);
        if (!canonical)
                return error_set_errno(error, ENOMEM, "The address cannot be kept");
        r = mechanism ? bus_read_options(call, mechanism->options, NULL, OPTION_FOR_ADOPT, &options, error)
                      : bus_read_options_unchecked(call, &options, error);
        if (r < 0)
                return r;
        known = objects_find_address(manager->objects, canonical);
        if (known)
                return reply_object(call, known);
        r = fetch_object(manager, call,
                &(ObjectFetch){ .operation = "fetch",
                        .address = canonical,
                        .options = TAKE_POINTER(options),
                        .checked = mechanism,
                        .uid = caller_uid(call),
                        .done = adopt_done },
                error);
        return r < 0 ? r : 1;
}

static int adopt(Manager *manager, sd_bus_message *call, const char *text, Error *error) {
        CLEANUP(address_done) Address address = ADDRESS_EMPTY;
        CLEANUP(record_freep) Record *options = NULL;
        const Mechanism *mechanism;
        Object *object;
        int r;

        r = mechanism_parse_address(text, &address, error);
        if (r >= 0)
                r = authorise(call, geteuid(), error);
        if (r < 0)
                return r;
        if (mechanism_is_alias(&address))
                return adopt_fetched(manager, call, NULL, &address, error);
        r = mechanism_for_address(&address, &mechanism, error);
        if (r >= 0)
                r = mechanism_supports(mechanism, OPERATION_ADOPT, error);
        if (r < 0)
                return r;
        if (mechanism_opens_in_worker(mechanism, &address))
                return adopt_fetched(manager, call, mechanism, &address, error);
        r = bus_read_options(call, mechanism->options, NULL, OPTION_FOR_ADOPT, &options, error);
        if (r >= 0)
                r = objects_adopt(manager, &address, options, caller_uid(call), &object, error);
        return r < 0 ? r : reply_object(call, object);
}

int manager_adopt(sd_bus_message *call, void *userdata, sd_bus_error *ret_error) {
        const char *address;
        Error error = {};
        int r;

        r = sd_bus_message_read(call, "s", &address);
        if (r < 0)
                return r;
        r = adopt(userdata, call, address, &error);
        if (r < 0)
                return error_is_set(&error) ? bus_set_error(ret_error, &error) : r;
        return 1;
}

int manager_remove(sd_bus_message *call, void *userdata, sd_bus_error *ret_error) {
        OperationRequest request = { .operation = OPERATION_REMOVE, .reply = operation_reply_nothing };
        CLEANUP_TARGET Target target = TARGET_EMPTY;
        const char *address;
        Error error = {};
        int r;

        r = sd_bus_message_read(call, "s", &address);
        if (r < 0)
                return r;
        r = authorise(call, geteuid(), &error);
        if (r >= 0)
                r = target_find_to_remove(userdata, address, &target, &error);
        if (r < 0)
                return bus_set_error(ret_error, &error);
        request.uid = caller_uid(call);
        return operation_perform(userdata, call, &target, &request, ret_error);
}
