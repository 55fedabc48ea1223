/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* org.ipcbus1.KernelObject: what every object has. */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "authorise.h"
#include "bus-cleanup.h"
#include "common-options.h"
#include "object-bus.h"
#include "record-bus.h"
#include "units.h"

static OBJECT_GETTER(get_string) {
        const Object *object = userdata;
        const char *text = strcmp(property, "Kind") == 0       ? object->kernel.mechanism->kind
                           : strcmp(property, "Address") == 0  ? object->address
                           : strcmp(property, "Identity") == 0 ? object->kernel.identity
                                                               : lease_type_name(object->lease.type);

        return sd_bus_message_append(reply, "s", text);
}

static OBJECT_GETTER(get_number) {
        const Object *object = userdata;

        return sd_bus_message_append(
                reply, "u", strcmp(property, "Owner") == 0 ? (uint32_t)object->kernel.owner : object->kernel.mode);
}

static OBJECT_GETTER(get_created) {
        const Object *object = userdata;

        return sd_bus_message_append(reply, "t", object->kernel.created);
}

static OBJECT_GETTER(get_adopted) {
        const Object *object = userdata;

        return sd_bus_message_append(reply, "b", (int)object->adopted);
}

static OBJECT_GETTER(get_lease_expires) {
        const Object *object = userdata;

        return sd_bus_message_append(reply, "t", lease_expires_realtime(&object->lease));
}

static int method_open_end(sd_bus_message *call, void *userdata, sd_bus_error *ret_error) {
        OperationRequest request = { .operation = OPERATION_OPEN_END, .reply = operation_reply_fd };
        Object *object = userdata;
        Error error = {};
        const char *end;
        int r;

        r = sd_bus_message_read(call, "s", &end);
        if (r < 0)
                return r;
        r = object_bus_begin(call, object, OPERATION_OPEN_END, &error);
        if (r >= 0)
                r = bus_read_options(call, object->kernel.mechanism->options, common_end_options, OPTION_FOR_END,
                        &request.options, &error);
        if (r >= 0)
                r = operation_set_end(&request, end, &error);
        if (r < 0) {
                operation_request_done(&request);
                return bus_set_error(ret_error, &error);
        }
        return object_bus_perform(call, object, &request, &error, ret_error);
}

static int set_lease(Object *object, sd_bus_message *call, const char *text, Error *error) {
        Manager *manager = object->manager;
        Client *client = NULL;
        uint64_t duration;
        LeaseType type;
        int r;

        r = lease_parse(text, &type, &duration, error);
        if (r < 0)
                return r;
        if (object->adopted)
                return error_set(error, ERROR_NOT_SUPPORTED,
                        "%.200s was made by somebody else, so the service never removes it by itself; it takes no "
                        "lease.",
                        object->address);
        if (manager->peer_to_peer && type != LEASE_NONE)
                return error_set(error, ERROR_NOT_SUPPORTED,
                        "A lease cannot be kept here: a service that was started for one command ends with it.");
        if (type == LEASE_CALLER) {
                r = clients_sender(manager->clients, call, &client);
                if (r < 0)
                        return error_set(
                                error, ERROR_CANCELLED, "The caller has left the bus, and its lease with it.");
        }
        return object_set_lease(object, type, type == LEASE_DURATION ? lease_end(duration) : 0, client, error);
}

static int method_set_lease(sd_bus_message *call, void *userdata, sd_bus_error *ret_error) {
        Object *object = userdata;
        Error error = {};
        const char *text;
        int r;

        r = sd_bus_message_read(call, "s", &text);
        if (r < 0)
                return r;
        r = authorise(call, object->uid, &error);
        if (r >= 0)
                r = set_lease(object, call, text, &error);
        if (r < 0)
                return bus_set_error(ret_error, &error);
        return sd_bus_reply_method_return(call, NULL);
}

static int method_describe(sd_bus_message *call, void *userdata, sd_bus_error *ret_error) {
        return bus_reply_record(call, object_attributes(userdata));
}

static int method_remove(sd_bus_message *call, void *userdata, sd_bus_error *ret_error) {
        Object *object = userdata;
        Error error = {};
        int r;

        r = authorise(call, object->uid, &error);
        if (r >= 0)
                r = object_remove(object, &error);
        if (r < 0)
                return bus_set_error(ret_error, &error);
        return sd_bus_reply_method_return(call, NULL);
}

#define CONSTANT(name, signature, getter) SD_BUS_PROPERTY(name, signature, getter, 0, SD_BUS_VTABLE_PROPERTY_CONST)

const sd_bus_vtable kernel_object_vtable[] = {
        SD_BUS_VTABLE_START(0),
        CONSTANT("Kind", "s", get_string),
        CONSTANT("Address", "s", get_string),
        CONSTANT("Identity", "s", get_string),
        CONSTANT("Owner", "u", get_number),
        CONSTANT("Mode", "u", get_number),
        CONSTANT("Created", "t", get_created),
        CONSTANT("Adopted", "b", get_adopted),
        SD_BUS_PROPERTY("Lease", "s", get_string, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("LeaseExpires", "t", get_lease_expires, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_METHOD_WITH_ARGS("OpenEnd", SD_BUS_ARGS("s", end, "a{sv}", options), SD_BUS_RESULT("h", descriptor),
                method_open_end, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS(
                "SetLease", SD_BUS_ARGS("s", lease), SD_BUS_NO_RESULT, method_set_lease, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Describe", SD_BUS_NO_ARGS, SD_BUS_RESULT("a{sv}", attributes), method_describe,
                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Remove", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, method_remove, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END,
};
