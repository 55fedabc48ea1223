/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One try at each operation, and what to say when it could not be done in time. Nothing here waits or answers. */
#include "attempts.h"

#include <errno.h>
#include <stdlib.h>

#include "events.h"
#include "objects.h"
#include "operation-words.h"

enum { PARTS_AT_ONCE = 16 }; /* of a stream, then other sources of the event loop have their turn */

static bool is_stream(const Target *target) {
        return (target->mechanism->capabilities & CAPABILITY_STREAM) && !target->mechanism->facts.boundaries;
}

/* A stream may take less than is given: goes on until everything is taken. -EAGAIN with result->sent above 0 is
 * possible then. */
static int send_parts(Target *target, const OperationRequest *request, OperationResult *result, Error *error) {
        KernelObject *kernel = target_kernel(target);
        const char *rest = request->data; /* NULL where what is sent has no bytes */
        size_t sent;
        int r;

        if (result->sent > 0)
                rest += result->sent;
        for (unsigned i = 0; i < PARTS_AT_ONCE; i++) {
                /* Descriptors go with the first byte. */
                kernel->given = result->sent == 0 && request->passed.n > 0 ? &request->passed : NULL;
                r = target->mechanism->send(
                        kernel, rest, request->size - result->sent, request->options, &sent, error);
                kernel->given = NULL;
                if (r < 0)
                        return r;
                result->sent += sent;
                if (!is_stream(target) || result->sent >= request->size || sent == 0)
                        return 0;
                rest += sent;
        }
        return -EAGAIN;
}

void operation_move_turn(const Target *target, const void *from, const void *to) {
        if (target->object && target->object->sender == from)
                target->object->sender = to;
}

/* What one call sends to a stream belongs together, also where it goes in bit by bit: nobody else's bytes come in
 * between, and nobody else ends a connection that was made for it. Named connections are apart from each other. */
static int attempt_send(Target *target, const OperationRequest *request, OperationResult *result, Error *error) {
        bool in_turn = target->object && is_stream(target) && !record_has(request->options, "peer");
        int r;

        if (in_turn && target->object->sender && target->object->sender != result) {
                (void)error_set(error, ERROR_BUSY, "What another call sends to it has not all been taken yet.");
                return -EAGAIN;
        }
        r = send_parts(target, request, result, error);
        operation_move_turn(target, result, NULL);
        if (in_turn && r == -EAGAIN && result->sent > 0)
                operation_move_turn(target, NULL, result);
        return r;
}

/* Nothing follows what went in: an end that was opened for this call alone closes. */
void operation_give_up_turn(const Target *target, const OperationRequest *request, const OperationResult *result) {
        Object *object = target->object;
        size_t sent;

        if (!object || object->sender != result)
                return;
        object->sender = NULL;
        (void)object->kernel.mechanism->send(&object->kernel, "", 0, request->options, &sent, NULL);
}

static int attempt_receive(Target *target, const OperationRequest *request, OperationResult *result, Error *error) {
        KernelObject *kernel = target_kernel(target);
        int r;

        kernel->wanted = request->takes_fds ? &result->passed : NULL;
        r = target->mechanism->receive(kernel, request->operation == OPERATION_PEEK, request->options, &result->data,
                &result->size, result->meta, error);
        kernel->wanted = NULL;
        return r;
}

static int attempt_wait(Target *target, const OperationRequest *request, OperationResult *result, Error *error) {
        return target->mechanism->wait(target_kernel(target), 0, request->options, result->meta, error);
}

static int attempt_accept(Target *target, const OperationRequest *request, OperationResult *result, Error *error) {
        return target->mechanism->accept(target_kernel(target), &result->fd, result->meta, error);
}

/* A keeper is asked, and answers each request with one EVENT_CHANGED, in their order: events.c counts them. */
static int attempt_listen(Target *target, const OperationRequest *request, OperationResult *result, Error *error) {
        const Value *signals = record_get(request->options, "signals");
        Object *object = target->object;
        int r;

        if (result->ticket == 0) {
                r = target->mechanism->listen(
                        target_kernel(target), signals->strings.items, signals->strings.n, error);
                if (r < 0)
                        return r;
                result->ticket = ++object->keeper_asked;
        }
        return object->keeper_answered >= result->ticket ? 0 : -EAGAIN;
}

static int attempt_post(Target *target, const OperationRequest *request, OperationResult *result, Error *error) {
        uint64_t count = record_get_u64(request->arguments, "count", 1);
        int r;

        r = target->mechanism->post(target_kernel(target), count, request->options, error);
        if (r >= 0 && target->object)
                events_posted(target->object, count);
        return r;
}

static int attempt_open_end(Target *target, const OperationRequest *request, OperationResult *result, Error *error) {
        return target_open_end(target, record_get_string(request->arguments, "end", ""),
                record_get_bool(request->arguments, "take", false), &result->fd, error);
}

static int attempt_resize(Target *target, const OperationRequest *request, OperationResult *result, Error *error) {
        uint64_t size = record_get_u64(request->arguments, "size", 0);

        if (target->object)
                return object_resize(target->object, size, error);
        return target->mechanism->resize(target_kernel(target), size, error);
}

static int attempt_seal(Target *target, const OperationRequest *request, OperationResult *result, Error *error) {
        const Value *seals = record_get(request->arguments, "seals");

        return target->mechanism->seal(target_kernel(target), seals->strings.items, seals->strings.n, error);
}

static int attempt_remove(Target *target, const OperationRequest *request, OperationResult *result, Error *error) {
        return target_remove(target, error);
}

static int (*const operation_attempts[OPERATION_MAX])(
        Target *target, const OperationRequest *request, OperationResult *result, Error *error) = {
        [OPERATION_SEND] = attempt_send,
        [OPERATION_RECEIVE] = attempt_receive,
        [OPERATION_PEEK] = attempt_receive,
        [OPERATION_POST] = attempt_post,
        [OPERATION_WAIT] = attempt_wait,
        [OPERATION_OPEN_END] = attempt_open_end,
        [OPERATION_ACCEPT] = attempt_accept,
        [OPERATION_RESIZE] = attempt_resize,
        [OPERATION_SEAL] = attempt_seal,
        [OPERATION_LISTEN] = attempt_listen,
        [OPERATION_REMOVE] = attempt_remove,
};

int operation_attempt(Target *target, const OperationRequest *request, OperationResult *result, Error *error) {
        int r;

        if (!result->meta) {
                r = record_new(&result->meta);
                if (r < 0)
                        return error_set_errno(error, r, "%.200s cannot be used", target->address);
        }
        r = operation_attempts[request->operation](target, request, result, error);
        if (r >= 0 && target->object)
                object_attributes_stale(target->object);
        return r;
}

int operation_timed_out(const Target *target, const OperationRequest *request, Error *error) {
        return operation_words_timed_out(request->operation, target->address, request->timeout, error);
}
