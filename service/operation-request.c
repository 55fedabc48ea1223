/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a request and a result own: options, bytes, descriptors; and a request that is kept beyond its call. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bus-cleanup.h"
#include "operations.h"
#include "record-bus.h"

void operation_request_done(OperationRequest *request) {
        request->options = record_free(request->options);
        request->arguments = record_free(request->arguments);
        passed_fds_done(&request->passed);
        free(request->copy);
        request->copy = NULL;
}

void operation_result_done(OperationResult *result) {
        free(result->data);
        record_free(result->meta);
        result->fd = fd_close(result->fd);
        passed_fds_done(&result->passed);
        *result = (OperationResult){ .fd = -EBADF };
}

int operation_request_settle(OperationRequest *request, const Mechanism *mechanism, Error *error) {
        Record *checked = NULL;
        int r;

        if (request->unchecked) {
                r = bus_check_options(
                        request->options, mechanism->options, request->more, request->use, &checked, error);
                if (r < 0)
                        return r;
                record_free(request->options);
                request->options = checked;
                request->unchecked = false;
        }
        if (request->passed.n > 0 && !mechanism->facts.descriptors)
                return error_set(error, ERROR_NOT_SUPPORTED,
                        "The kind \"%s\" carries no descriptors; UNIX sockets do (unix-stream, unix-dgram, "
                        "unix-seqpacket).",
                        mechanism->kind);
        if (record_has(request->options, "timeout"))
                request->timeout = record_get_u64(request->options, "timeout", 0);
        return operation_check_size(
                request->operation == OPERATION_SEND ? request->size : record_get_u64(request->options, "size", 0),
                error);
}

int request_keep(KeptRequest *kept, OperationRequest *request, Limits *limits, Client *client, Error *error) {
        OperationRequest *to = &kept->request;
        int r;

        *to = *request;
        to->copy = NULL;
        to->passed = passed_fds_take(&request->passed);
        request->options = request->arguments = NULL;
        if (to->passed.n > 0) {
                r = limits_charge(limits, to->uid, NULL, LIMIT_DESCRIPTORS, to->passed.n, &kept->passed, error);
                if (r < 0)
                        return r;
        }
        if (to->size == 0)
                return 0;
        r = limits_charge(limits, to->uid, client, LIMIT_WAITING_BYTES, to->size, &kept->bytes, error);
        if (r < 0)
                return r;
        if (request->copy)
                to->copy = TAKE_POINTER(request->copy);
        else {
                to->copy = malloc(to->size);
                if (!to->copy)
                        return error_set_errno(error, ENOMEM, "What is to be sent cannot be kept");
                memcpy(to->copy, request->data, to->size);
        }
        to->data = to->copy;
        return 0;
}

void kept_request_done(KeptRequest *kept, Limits *limits) {
        limits_release(limits, &kept->bytes);
        limits_release(limits, &kept->passed);
        operation_request_done(&kept->request);
}

static int arguments_new(OperationRequest *request, Error *error) {
        int r = record_new(&request->arguments);

        return r < 0 ? error_set_errno(error, r, "What was asked for cannot be kept") : 0;
}

static int arguments_check(const OperationRequest *request, Error *error) {
        int r = record_error(request->arguments);

        return r < 0 ? error_set_errno(error, r, "What was asked for cannot be kept") : 0;
}

int operation_set_count(OperationRequest *request, uint64_t count, Error *error) {
        int r;

        if (count == 0)
                return error_set(error, ERROR_INVALID_OPTION, "A semaphore is posted at least once; the count was 0.");
        r = arguments_new(request, error);
        if (r < 0)
                return r;
        record_set_u64(request->arguments, "count", count);
        return arguments_check(request, error);
}

int operation_set_end(OperationRequest *request, const char *end, Error *error) {
        int r = arguments_new(request, error);

        if (r < 0)
                return r;
        record_set_string(request->arguments, "end", end);
        record_set_bool(request->arguments, "take", record_get_bool(request->options, "take", false));
        return arguments_check(request, error);
}

int operation_set_size(OperationRequest *request, uint64_t size, Error *error) {
        int r = arguments_new(request, error);

        if (r < 0)
                return r;
        record_set_u64(request->arguments, "size", size);
        return arguments_check(request, error);
}

int operation_set_seals(OperationRequest *request, const char *const *seals, size_t n, Error *error) {
        int r = arguments_new(request, error);

        if (r < 0)
                return r;
        record_set_strings(request->arguments, "seals", seals, n);
        return arguments_check(request, error);
}
