/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* org.ipcbus1.Memory: bytes that processes share, copied over the bus. */
#include <errno.h>
#include <stdlib.h>

#include "bus-cleanup.h"
#include "object-bus.h"
#include "record-bus.h"

static int set_number(const Object *object, OptionUse use, const char *name, uint64_t number,
        OperationRequest *request, Error *error) {
        return object_bus_option(
                object, use, name, &(Value){ .type = VALUE_U64, .u64 = number }, &request->options, error);
}

static int method_read(sd_bus_message *call, void *userdata, sd_bus_error *ret_error) {
        OperationRequest request = { .operation = OPERATION_RECEIVE, .reply = operation_reply_bytes };
        uint64_t offset, length;
        Error error = {};
        int r;

        r = sd_bus_message_read(call, "tt", &offset, &length);
        if (r < 0)
                return r;
        r = operation_check_size(length, &error);
        if (r >= 0)
                r = set_number(userdata, OPTION_FOR_RECEIVE, "offset", offset, &request, &error);
        if (r >= 0)
                r = set_number(userdata, OPTION_FOR_RECEIVE, "size", length, &request, &error);
        if (r < 0) {
                record_free(request.options);
                return bus_set_error(ret_error, &error);
        }
        return object_bus_perform(call, userdata, &request, &error, ret_error);
}

static int method_write(sd_bus_message *call, void *userdata, sd_bus_error *ret_error) {
        OperationRequest request = { .operation = OPERATION_SEND, .reply = operation_reply_nothing };
        Error error = {};
        uint64_t offset;
        int r;

        r = sd_bus_message_read(call, "t", &offset);
        if (r >= 0)
                r = sd_bus_message_read_array(call, 'y', &request.data, &request.size);
        if (r < 0)
                return r;
        r = operation_check_size(request.size, &error);
        if (r >= 0)
                r = set_number(userdata, OPTION_FOR_SEND, "offset", offset, &request, &error);
        if (r < 0) {
                record_free(request.options);
                return bus_set_error(ret_error, &error);
        }
        return object_bus_perform(call, userdata, &request, &error, ret_error);
}

/* A write of nothing that asks for a sync. */
static int method_sync(sd_bus_message *call, void *userdata, sd_bus_error *ret_error) {
        OperationRequest request = { .operation = OPERATION_SEND, .reply = operation_reply_nothing, .data = "" };
        const Object *object = userdata;
        Error error = {};
        int r;

        if (!option_find(object->kernel.mechanism->options, "sync")) {
                (void)error_set(&error, ERROR_NOT_SUPPORTED, "There is nothing to sync: %.200s lives in memory alone.",
                        object->address);
                return bus_set_error(ret_error, &error);
        }
        r = object_bus_option(object, OPTION_FOR_SEND, "sync", &(Value){ .type = VALUE_BOOL, .boolean = true },
                &request.options, &error);
        if (r < 0) {
                operation_request_done(&request);
                return bus_set_error(ret_error, &error);
        }
        return object_bus_perform(call, userdata, &request, &error, ret_error);
}

static int method_resize(sd_bus_message *call, void *userdata, sd_bus_error *ret_error) {
        OperationRequest request = { .operation = OPERATION_RESIZE, .reply = operation_reply_nothing };
        Error error = {};
        uint64_t size;
        int r;

        r = sd_bus_message_read(call, "t", &size);
        if (r < 0)
                return r;
        r = operation_set_size(&request, size, &error);
        if (r < 0) {
                operation_request_done(&request);
                return bus_set_error(ret_error, &error);
        }
        return object_bus_perform(call, userdata, &request, &error, ret_error);
}

static int method_seal(sd_bus_message *call, void *userdata, sd_bus_error *ret_error) {
        OperationRequest request = { .operation = OPERATION_SEAL, .reply = operation_reply_nothing };
        CLEANUP_FREE const char **seals = NULL;
        Error error = {};
        size_t n = 0;
        int r;

        r = bus_read_strings(call, &seals, &n, &error);
        if (r >= 0)
                r = operation_set_seals(&request, seals, n, &error);
        if (r < 0) {
                operation_request_done(&request);
                return bus_set_error(ret_error, &error);
        }
        return object_bus_perform(call, userdata, &request, &error, ret_error);
}

const sd_bus_vtable memory_vtable[] = {
        SD_BUS_VTABLE_START(0),
        OBJECT_PROPERTY("Size", "t", object_bus_get_u64),
        OBJECT_PROPERTY("Allocated", "t", object_bus_get_u64),
        OBJECT_PROPERTY("Seals", "as", object_bus_get_strings),
        SD_BUS_METHOD_WITH_ARGS("Read", SD_BUS_ARGS("t", offset, "t", length), SD_BUS_RESULT("ay", data), method_read,
                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Write", SD_BUS_ARGS("t", offset, "ay", data), SD_BUS_NO_RESULT, method_write,
                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Sync", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, method_sync, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS(
                "Resize", SD_BUS_ARGS("t", size), SD_BUS_NO_RESULT, method_resize, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS(
                "Seal", SD_BUS_ARGS("as", seals), SD_BUS_NO_RESULT, method_seal, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END,
};
