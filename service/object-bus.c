/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the faces of objects share: one table of interfaces, the finder and the enumerator of paths, getters of
 * attributes, and the beginning and end of a method. Objects are many and come and go, so their vtables are fallbacks
 * of one path, and finding one is a look-up. */
#include "object-bus.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "authorise.h"
#include "bus-cleanup.h"
#include "protocol.h"
#include "record-bus.h"

static const struct {
        const char *interface;
        unsigned capability; /* 0: every object */
        const sd_bus_vtable *vtable;
} object_faces[] = {
        { IPCBUS_INTERFACE_KERNEL_OBJECT, 0, kernel_object_vtable },
        { IPCBUS_INTERFACE_MEMORY, CAPABILITY_MEMORY, memory_vtable },
        { IPCBUS_INTERFACE_SEMAPHORE, CAPABILITY_SEMAPHORE, semaphore_vtable },
        { IPCBUS_INTERFACE_MESSAGE_QUEUE, CAPABILITY_MESSAGE_QUEUE, message_queue_vtable },
        { IPCBUS_INTERFACE_STREAM, CAPABILITY_STREAM, stream_vtable },
        { IPCBUS_INTERFACE_DATAGRAM, CAPABILITY_DATAGRAM, datagram_vtable },
        { IPCBUS_INTERFACE_SIGNALS, CAPABILITY_SIGNALS, signals_vtable },
};

enum { OBJECT_FACES = sizeof(object_faces) / sizeof(object_faces[0]) };

/* 0 means "not here": also for an object that does not have the interface. */
static int find_object(sd_bus *bus, const char *path, const char *interface, void *userdata, void **ret_found,
        sd_bus_error *ret_error) {
        Manager *manager = userdata;
        Object *object;

        object = objects_find_path(manager->objects, path);
        if (!object)
                return 0;
        for (size_t i = 0; i < OBJECT_FACES; i++) {
                if (strcmp(object_faces[i].interface, interface) != 0)
                        continue;
                if (object_faces[i].capability &&
                        !(object->kernel.mechanism->capabilities & object_faces[i].capability))
                        return 0;
                *ret_found = object;
                return 1;
        }
        return 0;
}

static int enumerate_objects(
        sd_bus *bus, const char *prefix, void *userdata, char ***ret_nodes, sd_bus_error *ret_error) {
        Manager *manager = userdata;

        *ret_nodes = objects_paths(manager->objects);
        return 0;
}

int object_bus_register(Manager *manager) {
        int r;

        for (size_t i = 0; i < OBJECT_FACES; i++) {
                r = sd_bus_add_fallback_vtable(manager->bus, NULL, IPCBUS_OBJECT_PATH, object_faces[i].interface,
                        object_faces[i].vtable, find_object, manager);
                if (r < 0)
                        return r;
        }
        return sd_bus_add_node_enumerator(manager->bus, NULL, IPCBUS_OBJECT_PATH, enumerate_objects, manager);
}

/* MaxMessages is max_messages. */
static const char *attribute_name(const char *property, char buffer[RECORD_KEY_MAX]) {
        size_t n = 0;

        for (const char *c = property; *c && n < RECORD_KEY_MAX - 2; c++) {
                if (isupper((unsigned char)*c) && c != property)
                        buffer[n++] = '_';
                buffer[n++] = (char)tolower((unsigned char)*c);
        }
        buffer[n] = '\0';
        return buffer;
}

static uint64_t attribute_number(Object *object, const char *property) {
        char name[RECORD_KEY_MAX];
        const Record *attributes = object_attributes(object);
        const Value *value = attributes ? record_get(attributes, attribute_name(property, name)) : NULL;

        if (value && value->type == VALUE_I64)
                return value->i64 < 0 ? 0 : (uint64_t)value->i64;
        return value && value->type == VALUE_U64 ? value->u64 : 0;
}

OBJECT_GETTER(object_bus_get_u64) {
        return sd_bus_message_append(reply, "t", attribute_number(userdata, property));
}

OBJECT_GETTER(object_bus_get_u32) {
        return sd_bus_message_append(reply, "u", (uint32_t)attribute_number(userdata, property));
}

OBJECT_GETTER(object_bus_get_strings) {
        char name[RECORD_KEY_MAX];
        const Record *attributes = object_attributes(userdata);
        const Value *value = attributes ? record_get(attributes, attribute_name(property, name)) : NULL;
        int r;

        r = sd_bus_message_open_container(reply, 'a', "s");
        for (size_t i = 0; r >= 0 && value && value->type == VALUE_STRINGS && i < value->strings.n; i++)
                r = sd_bus_message_append(reply, "s", value->strings.items[i]);
        if (r < 0)
                return r;
        return sd_bus_message_close_container(reply);
}

OBJECT_GETTER(object_bus_get_numbers) {
        char name[RECORD_KEY_MAX];
        const Record *attributes = object_attributes(userdata);
        const Value *value = attributes ? record_get(attributes, attribute_name(property, name)) : NULL;
        uint64_t one;

        if (value && value->type == VALUE_U64S)
                return sd_bus_message_append_array(
                        reply, 't', value->u64s.items, value->u64s.n * sizeof(*value->u64s.items));
        name[strlen(name) - 1] = '\0';
        value = attributes ? record_get(attributes, name) : NULL;
        one = value && value->type == VALUE_U64 ? value->u64 : 0;
        return sd_bus_message_append_array(reply, 't', &one, value ? sizeof(one) : 0);
}

int object_bus_begin(sd_bus_message *call, const Object *object, Operation operation, Error *error) {
        int r;

        r = authorise(call, object->uid, error);
        if (r < 0)
                return r;
        return mechanism_supports(object->kernel.mechanism, operation, error);
}

int object_bus_option(
        const Object *object, OptionUse use, const char *name, const Value *value, Record **options, Error *error) {
        int r;

        if (!*options) {
                r = record_new(options);
                if (r < 0)
                        return error_set_errno(error, r, "The option '%s' cannot be kept", name);
        }
        return option_accept(object->kernel.mechanism->options, use, name, value, *options, error);
}

int object_bus_perform(
        sd_bus_message *call, Object *object, OperationRequest *request, Error *error, sd_bus_error *ret_error) {
        CLEANUP_TARGET Target target = TARGET_EMPTY;
        int r = 0;

        if (!request->options)
                r = record_new(&request->options);
        if (r >= 0)
                r = object_bus_begin(call, object, request->operation, error);
        if (r >= 0)
                r = target_of_object(object, request->operation, &target, error);
        if (r < 0) {
                operation_request_done(request);
                return bus_set_error(ret_error, error);
        }
        request->uid = caller_uid(call);
        return operation_perform(object->manager, call, &target, request, ret_error);
}

int object_bus_write(sd_bus_message *call, Object *object, OperationReply reply, sd_bus_error *ret_error) {
        OperationRequest request = { .operation = OPERATION_SEND, .reply = reply };
        Error error = {};
        int r;

        r = sd_bus_message_read_array(call, 'y', &request.data, &request.size);
        if (r >= 0)
                r = sd_bus_message_read(call, "t", &request.timeout);
        if (r < 0)
                return r;
        r = operation_check_size(request.size, &error);
        if (r < 0)
                return bus_set_error(ret_error, &error);
        return object_bus_perform(call, object, &request, &error, ret_error);
}

int object_bus_read(sd_bus_message *call, Object *object, OperationReply reply, sd_bus_error *ret_error) {
        OperationRequest request = { .operation = OPERATION_RECEIVE, .reply = reply };
        Error error = {};
        uint64_t max;
        int r;

        r = sd_bus_message_read(call, "tt", &max, &request.timeout);
        if (r < 0)
                return r;
        r = operation_check_size(max, &error);
        if (r >= 0)
                r = object_bus_option(object, OPTION_FOR_RECEIVE, "size", &(Value){ .type = VALUE_U64, .u64 = max },
                        &request.options, &error);
        if (r < 0) {
                operation_request_done(&request);
                return bus_set_error(ret_error, &error);
        }
        return object_bus_perform(call, object, &request, &error, ret_error);
}
