/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What methods answer when an operation is done, by the shape of the answer. */
#include "bus-cleanup.h"
#include "operations.h"
#include "record-bus.h"

int operation_reply_nothing(sd_bus_message *call, const OperationResult *result) {
        return sd_bus_reply_method_return(call, NULL);
}

int operation_reply_sent(sd_bus_message *call, const OperationResult *result) {
        return sd_bus_reply_method_return(call, "t", (uint64_t)result->sent);
}

static int append_descriptors(sd_bus_message *reply, const PassedFds *passed) {
        int r;

        r = sd_bus_message_open_container(reply, 'a', "h");
        for (unsigned i = 0; r >= 0 && i < passed->n; i++)
                r = sd_bus_message_append(reply, "h", passed->fds[i]);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int reply_data(sd_bus_message *call, const OperationResult *result, bool descriptors, bool meta) {
        CLEANUP_MESSAGE sd_bus_message *reply = NULL;
        int r;

        r = sd_bus_message_new_method_return(call, &reply);
        if (r >= 0)
                r = sd_bus_message_append_array(reply, 'y', result->data, result->size);
        if (r >= 0 && descriptors)
                r = append_descriptors(reply, &result->passed);
        if (r >= 0 && meta)
                r = bus_append_record(reply, result->meta);
        if (r < 0)
                return r;
        return sd_bus_send(NULL, reply, NULL);
}

int operation_reply_bytes(sd_bus_message *call, const OperationResult *result) {
        return reply_data(call, result, false, false);
}

int operation_reply_fd(sd_bus_message *call, const OperationResult *result) {
        return sd_bus_reply_method_return(call, "h", result->fd);
}

int operation_reply_meta(sd_bus_message *call, const OperationResult *result) {
        CLEANUP_MESSAGE sd_bus_message *reply = NULL;
        int r;

        r = sd_bus_message_new_method_return(call, &reply);
        if (r >= 0)
                r = bus_append_record(reply, result->meta);
        if (r < 0)
                return r;
        return sd_bus_send(NULL, reply, NULL);
}

int operation_reply_data(sd_bus_message *call, const OperationResult *result) {
        return reply_data(call, result, false, true);
}

int operation_reply_descriptors(sd_bus_message *call, const OperationResult *result) {
        return reply_data(call, result, true, true);
}
