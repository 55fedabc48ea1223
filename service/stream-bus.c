/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* org.ipcbus1.Stream: bytes in order, without boundaries. */
#include <errno.h>

#include "bus-cleanup.h"
#include "object-bus.h"
#include "record-bus.h"

static int method_write(sd_bus_message *call, void *userdata, sd_bus_error *ret_error) {
        return object_bus_write(call, userdata, operation_reply_sent, ret_error);
}

static int method_read(sd_bus_message *call, void *userdata, sd_bus_error *ret_error) {
        return object_bus_read(call, userdata, operation_reply_bytes, ret_error);
}

static int reply_accepted(sd_bus_message *call, const OperationResult *result) {
        CLEANUP_MESSAGE sd_bus_message *reply = NULL;
        int r;

        r = sd_bus_message_new_method_return(call, &reply);
        if (r >= 0)
                r = sd_bus_message_append(reply, "h", result->fd);
        if (r >= 0)
                r = bus_append_record(reply, result->meta);
        if (r < 0)
                return r;
        return sd_bus_send(NULL, reply, NULL);
}

static int method_accept(sd_bus_message *call, void *userdata, sd_bus_error *ret_error) {
        OperationRequest request = { .operation = OPERATION_ACCEPT, .reply = reply_accepted };
        Error error = {};
        int r;

        r = sd_bus_message_read(call, "t", &request.timeout);
        if (r < 0)
                return r;
        return object_bus_perform(call, userdata, &request, &error, ret_error);
}

const sd_bus_vtable stream_vtable[] = {
        SD_BUS_VTABLE_START(0),
        OBJECT_PROPERTY("Capacity", "t", object_bus_get_u64),
        OBJECT_PROPERTY("Queued", "t", object_bus_get_u64),
        OBJECT_PROPERTY("Peers", "t", object_bus_get_u64),
        SD_BUS_METHOD_WITH_ARGS("Write", SD_BUS_ARGS("ay", data, "t", timeout), SD_BUS_RESULT("t", written),
                method_write, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Read", SD_BUS_ARGS("t", max, "t", timeout), SD_BUS_RESULT("ay", data), method_read,
                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Accept", SD_BUS_ARGS("t", timeout), SD_BUS_RESULT("h", connection, "a{sv}", peer),
                method_accept, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_SIGNAL_WITH_ARGS("PeerConnected", SD_BUS_ARGS("a{sv}", peer), 0),
        SD_BUS_SIGNAL_WITH_ARGS("PeerClosed", SD_BUS_ARGS("a{sv}", peer), 0),
        SD_BUS_VTABLE_END,
};
