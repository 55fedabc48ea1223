/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One use of a kernel object: send, receive, peek, wait, accept. Tried at once; what would block is polled for, at
 * most as long as the caller allows, or done in a worker where the kernel has nothing to poll. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <systemd/sd-bus.h>

#include "manager.h"
#include "mechanism.h"
#include "target.h"

/* The most bytes that go through one call, in or out. More goes through a descriptor. */
#define OPERATION_DATA_MAX (UINT64_C(16) << 20)

typedef struct OperationResult {
        size_t sent;
        void *data;
        size_t size;
        Record *meta;
        PassedFds passed; /* came along */
        int fd;
        uint64_t ticket; /* what was asked of a keeper and is not answered yet; 0: nothing */
} OperationResult;

typedef int (*OperationReply)(sd_bus_message *call, const OperationResult *result);

typedef struct OperationRequest {
        Operation operation;
        uid_t uid;
        Record *options;  /* checked; may be NULL */
        const void *data; /* of the call's message */
        size_t size;
        PassedFds passed; /* to go along */
        bool takes_fds;   /* what comes along goes into the result */
        uint64_t timeout; /* microseconds; 0: do not wait */
        OperationReply reply;
} OperationRequest;

/* Takes over the target, the options and the descriptors. Returns what a handler returns: an answer was given, or
 * comes later. */
int operation_perform(
        Manager *manager, sd_bus_message *call, Target *target, OperationRequest *request, sd_bus_error *ret_error);
/* Adds to a semaphore, in a worker where the kind wants it; says so on the bus. Answers with nothing. */
int operation_post(Manager *manager, sd_bus_message *call, Target *target, uid_t uid, uint64_t count,
        const Record *options, sd_bus_error *ret_error);
/* The answers that several methods give: "", "t", "ay", "aya{sv}", "ayaha{sv}", "a{sv}" (operation-replies.c). */
int operation_reply_nothing(sd_bus_message *call, const OperationResult *result);
int operation_reply_sent(sd_bus_message *call, const OperationResult *result);
int operation_reply_bytes(sd_bus_message *call, const OperationResult *result);
int operation_reply_data(sd_bus_message *call, const OperationResult *result);
int operation_reply_descriptors(sd_bus_message *call, const OperationResult *result);
int operation_reply_meta(sd_bus_message *call, const OperationResult *result);
/* LimitExceeded with the way that has no such limit. */
int operation_check_size(uint64_t size, Error *error);
