/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* org.ipcbus1.MessageQueue: messages with boundaries, kept by the kernel. */
#include <errno.h>

#include "bus-cleanup.h"
#include "object-bus.h"
#include "record-bus.h"

/* One number beside a message: a priority, or a type where the kind has that instead. */
static const char *number_name(const Object *object) {
        const OptionSpec *options = object->kernel.mechanism->options;

        return option_find(options, "priority") ? "priority" : option_find(options, "type") ? "type" : NULL;
}

static int set_number(const Object *object, uint32_t number, Record **options, Error *error) {
        const char *name = number_name(object);

        if (name)
                return object_bus_option(
                        object, OPTION_FOR_SEND, name, &(Value){ .type = VALUE_U64, .u64 = number }, options, error);
        if (number == 0)
                return 0;
        return error_set(error, ERROR_INVALID_OPTION,
                "Messages of %.200s have neither a priority nor a type; the number is 0, not %u.", object->address,
                number);
}

static int method_send(sd_bus_message *call, void *userdata, sd_bus_error *ret_error) {
        OperationRequest request = { .operation = OPERATION_SEND, .reply = operation_reply_nothing };
        Object *object = userdata;
        Error error = {};
        uint32_t priority;
        int r;

        r = sd_bus_message_read_array(call, 'y', &request.data, &request.size);
        if (r >= 0)
                r = sd_bus_message_read(call, "u", &priority);
        if (r < 0)
                return r;
        r = operation_check_size(request.size, &error);
        if (r >= 0)
                r = set_number(object, priority, &request.options, &error);
        if (r < 0) {
                record_free(request.options);
                return bus_set_error(ret_error, &error);
        }
        return object_bus_perform(call, object, &request, &error, ret_error);
}

static int reply_message(sd_bus_message *call, const OperationResult *result) {
        CLEANUP_MESSAGE sd_bus_message *reply = NULL;
        uint64_t number = record_get_u64(result->meta, "priority", record_get_u64(result->meta, "type", 0));
        int r;

        r = sd_bus_message_new_method_return(call, &reply);
        if (r >= 0)
                r = sd_bus_message_append_array(reply, 'y', result->data, result->size);
        if (r >= 0)
                r = sd_bus_message_append(reply, "u", (uint32_t)number);
        if (r < 0)
                return r;
        return sd_bus_send(NULL, reply, NULL);
}

static int method_receive(sd_bus_message *call, void *userdata, sd_bus_error *ret_error) {
        OperationRequest request = { .operation = OPERATION_RECEIVE, .reply = reply_message };
        Error error = {};
        int r;

        r = sd_bus_message_read(call, "t", &request.timeout);
        if (r < 0)
                return r;
        return object_bus_perform(call, userdata, &request, &error, ret_error);
}

static int method_peek(sd_bus_message *call, void *userdata, sd_bus_error *ret_error) {
        OperationRequest request = { .operation = OPERATION_PEEK, .reply = reply_message };
        Object *object = userdata;
        Error error = {};
        uint64_t index;
        int r;

        r = sd_bus_message_read(call, "t", &index);
        if (r < 0)
                return r;
        r = object_bus_begin(call, object, OPERATION_PEEK, &error);
        if (r >= 0)
                r = object_bus_option(object, OPTION_FOR_PEEK, "index", &(Value){ .type = VALUE_U64, .u64 = index },
                        &request.options, &error);
        if (r < 0) {
                record_free(request.options);
                return bus_set_error(ret_error, &error);
        }
        return object_bus_perform(call, object, &request, &error, ret_error);
}

const sd_bus_vtable message_queue_vtable[] = {
        SD_BUS_VTABLE_START(0),
        OBJECT_PROPERTY("Messages", "t", object_bus_get_u64),
        OBJECT_PROPERTY("MaxMessages", "t", object_bus_get_u64),
        OBJECT_PROPERTY("MessageSize", "t", object_bus_get_u64),
        SD_BUS_METHOD_WITH_ARGS("Send", SD_BUS_ARGS("ay", data, "u", priority), SD_BUS_NO_RESULT, method_send,
                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Receive", SD_BUS_ARGS("t", timeout), SD_BUS_RESULT("ay", data, "u", priority),
                method_receive, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Peek", SD_BUS_ARGS("t", index), SD_BUS_RESULT("ay", data, "u", priority), method_peek,
                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_SIGNAL_WITH_ARGS("MessageArrived", SD_BUS_ARGS("t", messages), 0),
        SD_BUS_SIGNAL_WITH_ARGS("PeerClosed", SD_BUS_ARGS("a{sv}", peer), 0),
        SD_BUS_VTABLE_END,
};
