/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* org.ipcbus1.Semaphore: a counter that processes wait on. */
#include <errno.h>

#include "authorise.h"
#include "bus-cleanup.h"
#include "object-bus.h"
#include "record-bus.h"

static int method_post(sd_bus_message *call, void *userdata, sd_bus_error *ret_error) {
        OperationRequest request = { .operation = OPERATION_POST, .reply = operation_reply_nothing };
        Error error = {};
        uint64_t count;
        int r;

        r = sd_bus_message_read(call, "t", &count);
        if (r < 0)
                return r;
        r = operation_set_count(&request, count, &error);
        if (r < 0) {
                operation_request_done(&request);
                return bus_set_error(ret_error, &error);
        }
        return object_bus_perform(call, userdata, &request, &error, ret_error);
}

static int wait_at_most(sd_bus_message *call, Object *object, uint64_t timeout, sd_bus_error *ret_error) {
        OperationRequest request = {
                .operation = OPERATION_WAIT,
                .timeout = timeout,
                .reply = operation_reply_nothing,
        };
        Error error = {};

        return object_bus_perform(call, object, &request, &error, ret_error);
}

static int method_wait(sd_bus_message *call, void *userdata, sd_bus_error *ret_error) {
        uint64_t timeout;
        int r;

        r = sd_bus_message_read(call, "t", &timeout);
        if (r < 0)
                return r;
        return wait_at_most(call, userdata, timeout, ret_error);
}

static int method_try_wait(sd_bus_message *call, void *userdata, sd_bus_error *ret_error) {
        return wait_at_most(call, userdata, 0, ret_error);
}

const sd_bus_vtable semaphore_vtable[] = {
        SD_BUS_VTABLE_START(0),
        OBJECT_PROPERTY("Value", "t", object_bus_get_u64),
        OBJECT_PROPERTY("Waiters", "t", object_bus_get_u64),
        SD_BUS_METHOD_WITH_ARGS(
                "Post", SD_BUS_ARGS("t", count), SD_BUS_NO_RESULT, method_post, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS(
                "Wait", SD_BUS_ARGS("t", timeout), SD_BUS_NO_RESULT, method_wait, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS(
                "TryWait", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, method_try_wait, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_SIGNAL_WITH_ARGS("Posted", SD_BUS_ARGS("t", count, "t", value), 0),
        SD_BUS_VTABLE_END,
};
