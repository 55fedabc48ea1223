/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* org.ipcbus1.Datagram: messages with boundaries between sockets. */
#include "object-bus.h"

static int method_write(sd_bus_message *call, void *userdata, sd_bus_error *ret_error) {
        return object_bus_write(call, userdata, operation_reply_nothing, ret_error);
}

static int method_read(sd_bus_message *call, void *userdata, sd_bus_error *ret_error) {
        return object_bus_read(call, userdata, operation_reply_data, ret_error);
}

const sd_bus_vtable datagram_vtable[] = {
        SD_BUS_VTABLE_START(0),
        OBJECT_PROPERTY("Queued", "t", object_bus_get_u64),
        SD_BUS_METHOD_WITH_ARGS("Write", SD_BUS_ARGS("ay", data, "t", timeout), SD_BUS_NO_RESULT, method_write,
                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Read", SD_BUS_ARGS("t", max, "t", timeout), SD_BUS_RESULT("ay", data, "a{sv}", meta),
                method_read, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_SIGNAL_WITH_ARGS("MessageArrived", SD_BUS_ARGS("t", bytes), 0),
        SD_BUS_VTABLE_END,
};
