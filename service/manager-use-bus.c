/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Methods of the Manager: using a kernel object by its address, ours or not. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "authorise.h"
#include "bus-cleanup.h"
#include "common-options.h"
#include "manager-bus.h"
#include "objects.h"
#include "operations.h"
#include "record-bus.h"
#include "target.h"

/* Finds the target and reads the options that the call has left to read; `more` are those that are no kind's. */
static int prepare(Manager *manager, sd_bus_message *call, const char *address, OptionUse use, const OptionSpec *more,
        Target *ret_target, OperationRequest *request, Error *error) {
        int r;

        r = authorise(call, geteuid(), error);
        if (r < 0)
                return r;
        request->uid = caller_uid(call);
        r = target_find(manager, address, request->operation, ret_target, error);
        if (r < 0)
                return r;
        request->use = use;
        request->more = more;
        request->unchecked = !ret_target->mechanism;
        if (request->unchecked)
                return bus_read_options_unchecked(call, &request->options, error);
        r = bus_read_options(call, ret_target->mechanism->options, more, use, &request->options, error);
        if (r < 0)
                return r;
        return operation_request_settle(request, ret_target->mechanism, error);
}

/* Those that the message carries are the message's and end with it. */
static int read_descriptors(sd_bus_message *call, PassedFds *ret, Error *error) {
        int fd, r;

        r = sd_bus_message_enter_container(call, 'a', "h");
        if (r < 0)
                return r;
        while ((r = sd_bus_message_read(call, "h", &fd)) > 0) {
                if (ret->n == PASSED_FDS_MAX)
                        return error_set(error, ERROR_LIMIT_EXCEEDED,
                                "At most %d descriptors go along with one message.", PASSED_FDS_MAX);
                ret->fds[ret->n] = fcntl(fd, F_DUPFD_CLOEXEC, 3);
                if (ret->fds[ret->n] < 0)
                        return error_set_errno(error, errno, "The descriptors cannot be taken over");
                ret->n++;
        }
        return r < 0 ? r : sd_bus_message_exit_container(call);
}

static int give(sd_bus_message *call, Manager *manager, bool descriptors, sd_bus_error *ret_error) {
        OperationRequest request = { .operation = OPERATION_SEND, .reply = operation_reply_sent };
        CLEANUP_TARGET Target target = TARGET_EMPTY;
        const char *address;
        Error error = {};
        int r;

        r = sd_bus_message_read(call, "s", &address);
        if (r >= 0)
                r = sd_bus_message_read_array(call, 'y', &request.data, &request.size);
        if (r >= 0 && descriptors)
                r = read_descriptors(call, &request.passed, &error);
        if (r >= 0)
                r = prepare(manager, call, address, OPTION_FOR_SEND, common_send_options, &target, &request, &error);
        if (r < 0) {
                operation_request_done(&request);
                return error_is_set(&error) ? bus_set_error(ret_error, &error) : r;
        }
        return operation_perform(manager, call, &target, &request, ret_error);
}

int manager_send(sd_bus_message *call, void *userdata, sd_bus_error *ret_error) {
        return give(call, userdata, false, ret_error);
}

int manager_send_with_descriptors(sd_bus_message *call, void *userdata, sd_bus_error *ret_error) {
        return give(call, userdata, true, ret_error);
}

static int take(sd_bus_message *call, Manager *manager, OperationRequest request, OptionUse use,
        const OptionSpec *more, sd_bus_error *ret_error) {
        CLEANUP_TARGET Target target = TARGET_EMPTY;
        const char *address;
        Error error = {};
        int r;

        r = sd_bus_message_read(call, "s", &address);
        if (r < 0)
                return r;
        r = prepare(manager, call, address, use, more, &target, &request, &error);
        if (r < 0) {
                operation_request_done(&request);
                return bus_set_error(ret_error, &error);
        }
        return operation_perform(manager, call, &target, &request, ret_error);
}

int manager_receive(sd_bus_message *call, void *userdata, sd_bus_error *ret_error) {
        return take(call, userdata,
                (OperationRequest){ .operation = OPERATION_RECEIVE, .reply = operation_reply_data },
                OPTION_FOR_RECEIVE, common_receive_options, ret_error);
}

int manager_receive_with_descriptors(sd_bus_message *call, void *userdata, sd_bus_error *ret_error) {
        return take(call, userdata,
                (OperationRequest){
                        .operation = OPERATION_RECEIVE, .takes_fds = true, .reply = operation_reply_descriptors },
                OPTION_FOR_RECEIVE, common_receive_options, ret_error);
}

int manager_peek(sd_bus_message *call, void *userdata, sd_bus_error *ret_error) {
        return take(call, userdata, (OperationRequest){ .operation = OPERATION_PEEK, .reply = operation_reply_data },
                OPTION_FOR_PEEK, NULL, ret_error);
}

int manager_wait(sd_bus_message *call, void *userdata, sd_bus_error *ret_error) {
        return take(call, userdata, (OperationRequest){ .operation = OPERATION_WAIT, .reply = operation_reply_meta },
                OPTION_FOR_WAIT, common_wait_options, ret_error);
}

int manager_post(sd_bus_message *call, void *userdata, sd_bus_error *ret_error) {
        OperationRequest request = { .operation = OPERATION_POST, .reply = operation_reply_nothing };
        CLEANUP_TARGET Target target = TARGET_EMPTY;
        const char *address;
        Error error = {};
        uint64_t count;
        int r;

        r = sd_bus_message_read(call, "st", &address, &count);
        if (r < 0)
                return r;
        r = operation_set_count(&request, count, &error);
        if (r >= 0)
                r = prepare(userdata, call, address, OPTION_FOR_POST, common_post_options, &target, &request, &error);
        if (r < 0) {
                operation_request_done(&request);
                return bus_set_error(ret_error, &error);
        }
        return operation_perform(userdata, call, &target, &request, ret_error);
}

int manager_open_end(sd_bus_message *call, void *userdata, sd_bus_error *ret_error) {
        OperationRequest request = { .operation = OPERATION_OPEN_END, .reply = operation_reply_fd };
        CLEANUP_TARGET Target target = TARGET_EMPTY;
        const char *address, *end;
        Error error = {};
        int r;

        r = sd_bus_message_read(call, "ss", &address, &end);
        if (r < 0)
                return r;
        r = prepare(userdata, call, address, OPTION_FOR_END, common_end_options, &target, &request, &error);
        if (r >= 0)
                r = operation_set_end(&request, end, &error);
        if (r < 0) {
                operation_request_done(&request);
                return bus_set_error(ret_error, &error);
        }
        return operation_perform(userdata, call, &target, &request, ret_error);
}

/* The same for what takes no options. */
static int prepare_plainly(Manager *manager, sd_bus_message *call, const char *address, Target *ret_target,
        OperationRequest *request, Error *error) {
        int r;

        r = authorise(call, geteuid(), error);
        if (r < 0)
                return r;
        request->uid = caller_uid(call);
        r = record_new(&request->options);
        if (r < 0)
                return error_set_errno(error, r, "What was asked for cannot be kept");
        r = target_find(manager, address, request->operation, ret_target, error);
        if (r >= 0)
                request->unchecked = !ret_target->mechanism;
        return r;
}

int manager_resize(sd_bus_message *call, void *userdata, sd_bus_error *ret_error) {
        OperationRequest request = { .operation = OPERATION_RESIZE, .reply = operation_reply_nothing };
        CLEANUP_TARGET Target target = TARGET_EMPTY;
        const char *address;
        Error error = {};
        uint64_t size;
        int r;

        r = sd_bus_message_read(call, "st", &address, &size);
        if (r < 0)
                return r;
        r = operation_set_size(&request, size, &error);
        if (r >= 0)
                r = prepare_plainly(userdata, call, address, &target, &request, &error);
        if (r < 0) {
                operation_request_done(&request);
                return bus_set_error(ret_error, &error);
        }
        return operation_perform(userdata, call, &target, &request, ret_error);
}

int manager_seal(sd_bus_message *call, void *userdata, sd_bus_error *ret_error) {
        OperationRequest request = { .operation = OPERATION_SEAL, .reply = operation_reply_nothing };
        CLEANUP_FREE const char **seals = NULL;
        CLEANUP_TARGET Target target = TARGET_EMPTY;
        const char *address;
        Error error = {};
        size_t n = 0;
        int r;

        r = sd_bus_message_read(call, "s", &address);
        if (r < 0)
                return r;
        r = bus_read_strings(call, &seals, &n, &error);
        if (r >= 0)
                r = operation_set_seals(&request, seals, n, &error);
        if (r >= 0)
                r = prepare_plainly(userdata, call, address, &target, &request, &error);
        if (r < 0) {
                operation_request_done(&request);
                return bus_set_error(ret_error, &error);
        }
        return operation_perform(userdata, call, &target, &request, ret_error);
}
