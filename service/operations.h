/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One use of a kernel object: send, receive, peek, post, wait, an end, accept, resize … Tried at once; what would
 * block is polled for, at most as long as the caller allows, or done in a worker where the kernel has nothing to poll.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <systemd/sd-bus.h>

#include "limit.h"
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

void operation_result_done(OperationResult *result);

typedef int (*OperationReply)(sd_bus_message *call, const OperationResult *result);

typedef struct OperationRequest {
        Operation operation;
        uid_t uid;
        Record *options; /* checked; may be NULL */
        bool unchecked;  /* but not where the kind is not known yet: operation_request_settle() does it then */
        OptionUse use;
        const OptionSpec *more;
        Record *arguments; /* what the call itself says, by operation: "count" of a post, "end" and "take", "size" to
                              resize to, "seals"; NULL where it says nothing */
        const void *data;  /* of the call's message, or `copy` */
        void *copy;
        size_t size;
        PassedFds passed; /* to go along */
        bool takes_fds;   /* what comes along goes into the result */
        uint64_t timeout; /* microseconds; 0: do not wait */
        OperationReply reply;
} OperationRequest;

/* Takes over the target, the options, the arguments and the descriptors. Returns what a handler returns: an answer was
 * given, or comes later. */
int operation_perform(
        Manager *manager, sd_bus_message *call, Target *target, OperationRequest *request, sd_bus_error *ret_error);
/* A request that outlives its call's message: what it sends is copied and charged for. It moves the request also when
 * it fails. */
typedef struct KeptRequest {
        OperationRequest request;
        Charge bytes;
        Charge passed; /* for the descriptors that go along */
} KeptRequest;
int request_keep(KeptRequest *kept, OperationRequest *request, Limits *limits, Client *client, Error *error);
void kept_request_done(KeptRequest *kept, Limits *limits);
/* What the call says beside options; at least one, for a post. `end` and whether it is taken, which options said. */
int operation_set_count(OperationRequest *request, uint64_t count, Error *error);
int operation_set_end(OperationRequest *request, const char *end, Error *error);
int operation_set_size(OperationRequest *request, uint64_t size, Error *error);
int operation_set_seals(OperationRequest *request, const char *const *seals, size_t n, Error *error);
/* The kind is known now: options that could not be checked before are, and what they say to the request counts. */
int operation_request_settle(OperationRequest *request, const Mechanism *mechanism, Error *error);
/* Frees what the request owns, where it is not performed after all. */
void operation_request_done(OperationRequest *request);
/* The answers that several methods give: "", "t", "ay", "aya{sv}", "ayaha{sv}", "h", "a{sv}" (operation-replies.c). */
int operation_reply_nothing(sd_bus_message *call, const OperationResult *result);
int operation_reply_sent(sd_bus_message *call, const OperationResult *result);
int operation_reply_bytes(sd_bus_message *call, const OperationResult *result);
int operation_reply_data(sd_bus_message *call, const OperationResult *result);
int operation_reply_descriptors(sd_bus_message *call, const OperationResult *result);
int operation_reply_fd(sd_bus_message *call, const OperationResult *result);
int operation_reply_meta(sd_bus_message *call, const OperationResult *result);
/* LimitExceeded with the way that has no such limit. */
int operation_check_size(uint64_t size, Error *error);
