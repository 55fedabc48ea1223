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

static const struct {
        const char *list, *single, *name; /* of attributes; what each is called in a row */
} semaphore_columns[] = {
        { "values", "value", "value" },
        { "waiters_for_increase", "waiters", "waiters_for_increase" },
        { "waiters_for_zero", NULL, "waiters_for_zero" },
        { "last_pids", "last_pid", "last_pid" },
};

enum { SEMAPHORES_SHOWN = 64, SEMAPHORE_COLUMNS = sizeof(semaphore_columns) / sizeof(semaphore_columns[0]) };

static bool attribute_at(const Record *attributes, const char *list, const char *single, size_t i, uint64_t *ret) {
        const Value *value = record_get(attributes, list);

        if (value && value->type == VALUE_U64S && i < value->u64s.n) {
                *ret = value->u64s.items[i];
                return true;
        }
        value = !value && single && i == 0 ? record_get(attributes, single) : NULL;
        if (!value || value->type != VALUE_U64)
                return false;
        *ret = value->u64;
        return true;
}

static int semaphore_row(const Record *attributes, size_t i, Record **ret) {
        Record *row;
        int r;

        r = record_new(&row);
        if (r < 0)
                return r;
        record_set_u64(row, "index", i);
        for (size_t k = 0; k < SEMAPHORE_COLUMNS; k++) {
                uint64_t number;

                if (attribute_at(attributes, semaphore_columns[k].list, semaphore_columns[k].single, i, &number))
                        record_set_u64(row, semaphore_columns[k].name, number);
        }
        *ret = row;
        return 0;
}

static int method_list(sd_bus_message *call, void *userdata, sd_bus_error *ret_error) {
        Record *rows[SEMAPHORES_SHOWN];
        CLEANUP_MESSAGE sd_bus_message *reply = NULL;
        Object *object = userdata;
        Error error = {};
        uint64_t value;
        size_t n = 0;
        int r;

        r = authorise(call, object->uid, &error);
        if (r < 0)
                return bus_set_error(ret_error, &error);
        object_attributes_stale(object);
        const Record *attributes = object_attributes(object);
        while (r >= 0 && attributes && n < SEMAPHORES_SHOWN &&
                attribute_at(attributes, "values", "value", n, &value)) {
                r = semaphore_row(attributes, n, &rows[n]);
                n += r >= 0;
        }
        if (r >= 0)
                r = sd_bus_message_new_method_return(call, &reply);
        if (r >= 0)
                r = bus_append_records(reply, rows, n);
        for (size_t i = 0; i < n; i++)
                record_free(rows[i]);
        return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
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
        OBJECT_PROPERTY("Values", "at", object_bus_get_numbers),
        SD_BUS_METHOD_WITH_ARGS("ListSemaphores", SD_BUS_NO_ARGS, SD_BUS_RESULT("aa{sv}", semaphores), method_list,
                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS(
                "Post", SD_BUS_ARGS("t", count), SD_BUS_NO_RESULT, method_post, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS(
                "Wait", SD_BUS_ARGS("t", timeout), SD_BUS_NO_RESULT, method_wait, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS(
                "TryWait", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, method_try_wait, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_SIGNAL_WITH_ARGS("Posted", SD_BUS_ARGS("t", count, "t", value), 0),
        SD_BUS_VTABLE_END,
};
