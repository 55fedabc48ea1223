/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* org.ipcbus1.Signals: a process as the target of signals. */
#include <errno.h>
#include <stdlib.h>

#include "bus-cleanup.h"
#include "object-bus.h"
#include "record-bus.h"
#include "units.h"

#define LISTEN_TIMEOUT (10 * USEC_PER_SEC)

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

/* Answered when the listener takes them: a signal that is sent after the answer does not come too early. */
static int method_listen(sd_bus_message *call, void *userdata, sd_bus_error *ret_error) {
        OperationRequest request = {
                .operation = OPERATION_LISTEN,
                .timeout = LISTEN_TIMEOUT,
                .reply = operation_reply_nothing,
        };
        char **signals = NULL;
        Error error = {};
        size_t n = 0;
        int r;

        r = sd_bus_message_read_strv(call, &signals);
        if (r < 0)
                return r;
        while (signals && signals[n])
                n++;
        r = record_new(&request.options);
        if (r >= 0)
                record_set_strings(request.options, "signals", (const char *const *)signals, n);
        for (size_t i = 0; i < n; i++)
                free(signals[i]);
        free(signals);
        if (r >= 0)
                r = record_error(request.options);
        if (r < 0) {
                record_free(request.options);
                return r;
        }
        return object_bus_perform(call, userdata, &request, &error, ret_error);
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
