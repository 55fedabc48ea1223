/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* org.ipcbus1.Signals: a process as the target of signals. */
#include <errno.h>
#include <stdlib.h>

#include "bus-cleanup.h"
#include "object-bus.h"
#include "record-bus.h"

static int method_send(sd_bus_message *call, void *userdata, sd_bus_error *ret_error) {
        OperationRequest request = { .operation = OPERATION_SEND, .reply = operation_reply_nothing };
        const char *signal;
        Error error = {};
        int32_t value;
        int r;

        r = sd_bus_message_read(call, "si", &signal, &value);
        if (r < 0)
                return r;
        r = object_bus_option(userdata, OPTION_FOR_SEND, "signal", &(Value){ .type = VALUE_STRING, .string = signal },
                &request.options, &error);
        if (r >= 0)
                r = object_bus_option(userdata, OPTION_FOR_SEND, "value", &(Value){ .type = VALUE_I64, .i64 = value },
                        &request.options, &error);
        if (r < 0) {
                record_free(request.options);
                return bus_set_error(ret_error, &error);
        }
        return object_bus_perform(call, userdata, &request, &error, ret_error);
}

static int method_listen(sd_bus_message *call, void *userdata, sd_bus_error *ret_error) {
        Object *object = userdata;
        CLEANUP_FREE const char **signals = NULL;
        Error error = {};
        size_t n = 0;
        int r;

        r = bus_read_strings(call, &signals, &n, &error);
        if (r >= 0)
                r = object_bus_begin(call, object, OPERATION_LISTEN, &error);
        if (r >= 0)
                r = object->kernel.mechanism->listen(&object->kernel, signals, n, &error);
        if (r < 0)
                return bus_set_error(ret_error, &error);
        object_attributes_stale(object);
        return sd_bus_reply_method_return(call, NULL);
}

const sd_bus_vtable signals_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_PROPERTY("Pid", "u", object_bus_get_u32, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        OBJECT_PROPERTY("Blocked", "as", object_bus_get_strings),
        OBJECT_PROPERTY("Ignored", "as", object_bus_get_strings),
        OBJECT_PROPERTY("Caught", "as", object_bus_get_strings),
        OBJECT_PROPERTY("Pending", "as", object_bus_get_strings),
        SD_BUS_METHOD_WITH_ARGS("Send", SD_BUS_ARGS("s", signal, "i", value), SD_BUS_NO_RESULT, method_send,
                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS(
                "Listen", SD_BUS_ARGS("as", signals), SD_BUS_NO_RESULT, method_listen, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_SIGNAL_WITH_ARGS(
                "Received", SD_BUS_ARGS("i", signal, "s", name, "i", value, "u", sender_pid, "u", sender_uid), 0),
        SD_BUS_VTABLE_END,
};
