/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "worker.h"

/* use: one operation on one object, for as long as the request allows. What blocks by itself is just called; what
 * would block is polled for, as the service does it, or tried again where there is nothing to poll. The object comes
 * as a descriptor or is opened by its address; bytes come and go in memory files beside the records. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "channel-bytes.h"
#include "channel.h"
#include "cleanup.h"
#include "operation-words.h"
#include "spin.h"
#include "units.h"
#include "worker-protocol.h"

enum {
        RETRY_USEC = 2000, /* where the kernel has nothing to poll */
        BYTES_MAX = 16 * 1024 * 1024,
};

typedef struct Use {
        KernelObject object;
        Operation operation;
        const Record *options, *arguments;
        void *data;
        size_t size;
        PassedFds given, wanted;
        bool takes_fds;
        uint64_t left; /* microseconds */
        /* what came of it */
        bool held; /* something is, and bound to this process */
        size_t sent;
        void *received;
        size_t received_size;
        int fd;
        Record *meta;
} Use;

static void use_done(Use *use) {
        kernel_object_done(&use->object);
        free(use->data);
        passed_fds_done(&use->given);
        passed_fds_done(&use->wanted);
        free(use->received);
        fd_close(use->fd);
        record_free(use->meta);
}

static int attempt_send(Use *use, Error *error) {
        const Mechanism *mechanism = use->object.mechanism;
        bool stream = (mechanism->capabilities & CAPABILITY_STREAM) && !mechanism->facts.boundaries;
        const char *rest = use->data; /* NULL where what is sent has no bytes */
        size_t sent;
        int r;

        do {
                if (use->sent > 0)
                        rest = (const char *)use->data + use->sent;
                /* Descriptors go with the first byte. */
                use->object.given = use->sent == 0 && use->given.n > 0 ? &use->given : NULL;
                r = mechanism->send(&use->object, rest, use->size - use->sent, use->options, &sent, error);
                use->object.given = NULL;
                if (r < 0)
                        return r;
                use->sent += sent;
        } while (stream && sent > 0 && use->sent < use->size);
        return 0;
}

static int attempt_receive(Use *use, Error *error) {
        int r;

        use->object.wanted = use->takes_fds ? &use->wanted : NULL;
        r = use->object.mechanism->receive(&use->object, use->operation == OPERATION_PEEK, use->options,
                &use->received, &use->received_size, use->meta, error);
        use->object.wanted = NULL;
        return r;
}

static int attempt_post(Use *use, Error *error) {
        return use->object.mechanism->post(
                &use->object, record_get_u64(use->arguments, "count", 1), use->options, error);
}

static int attempt_wait(Use *use, Error *error) {
        bool blocks = use->object.mechanism->in_worker & 1u << OPERATION_WAIT;

        return use->object.mechanism->wait(&use->object, blocks ? use->left : 0, use->options, use->meta, error);
}

static int attempt_open_end(Use *use, Error *error) {
        return use->object.mechanism->open_end(&use->object, record_get_string(use->arguments, "end", ""),
                record_get_bool(use->arguments, "take", false), &use->fd, error);
}

static int attempt_accept(Use *use, Error *error) {
        return use->object.mechanism->accept(&use->object, &use->fd, use->meta, error);
}

static int attempt_resize(Use *use, Error *error) {
        return use->object.mechanism->resize(&use->object, record_get_u64(use->arguments, "size", 0), error);
}

static int attempt_seal(Use *use, Error *error) {
        const Value *seals = record_get(use->arguments, "seals");

        if (!seals || seals->type != VALUE_STRINGS)
                return error_set(error, ERROR_INVALID_OPTION, "The request names no seals.");
        return use->object.mechanism->seal(&use->object, seals->strings.items, seals->strings.n, error);
}

static int (*const attempts[OPERATION_MAX])(Use *use, Error *error) = {
        [OPERATION_SEND] = attempt_send,
        [OPERATION_RECEIVE] = attempt_receive,
        [OPERATION_PEEK] = attempt_receive,
        [OPERATION_POST] = attempt_post,
        [OPERATION_WAIT] = attempt_wait,
        [OPERATION_OPEN_END] = attempt_open_end,
        [OPERATION_ACCEPT] = attempt_accept,
        [OPERATION_RESIZE] = attempt_resize,
        [OPERATION_SEAL] = attempt_seal,
};

static int pause_until_ready(Use *use) {
        struct pollfd p = { .fd = -1 };
        uint64_t pause = use->left;
        struct timespec t = {};
        uint32_t events = 0;
        int r = -EOPNOTSUPP;

        if (use->object.mechanism->wait_on)
                r = use->object.mechanism->wait_on(&use->object, use->operation, &p.fd, &events);
        if (r < 0) {
                if (r != -EOPNOTSUPP)
                        return r;
                p.fd = -1;
                if (pause > RETRY_USEC)
                        pause = RETRY_USEC;
        }
        p.events = (short)events;
        t.tv_sec = pause > 3600 * USEC_PER_SEC ? 3600 : (time_t)(pause / USEC_PER_SEC);
        t.tv_nsec = t.tv_sec == 3600 ? 0 : (long)(pause % USEC_PER_SEC * NSEC_PER_USEC);
        return ppoll(&p, 1, &t, NULL) < 0 && errno != EINTR ? -errno : 0;
}

static int perform(Use *use, const char *address, uint64_t timeout, Error *error) {
        uint64_t start = monotonic_now();
        int r;

        for (;;) {
                uint64_t spent = monotonic_now() - start;

                use->left = timeout == USEC_INFINITY ? USEC_INFINITY : spent < timeout ? timeout - spent : 0;
                if (error)
                        *error = (Error){};
                use->object.timeout = use->left;
                r = attempts[use->operation](use, error);
                if (r != -EAGAIN)
                        return r;
                if (use->left == 0)
                        /* Its time is over: what was taken of a stream counts. */
                        return use->sent > 0 ? 0 : operation_words_timed_out(use->operation, address, timeout, error);
                r = pause_until_ready(use);
                if (r < 0)
                        return error_set_errno(error, r, "Cannot wait");
        }
}

static Operation operation_from_name(const char *name) {
        for (Operation operation = 0; operation < OPERATION_MAX; operation++)
                if (attempts[operation] && strcmp(operation_name(operation), name) == 0)
                        return operation;
        return OPERATION_INVALID;
}

/* The bytes and the descriptors that came beside the request, behind the object's own. */
static int take_given(Use *use, const Record *request, Error *error) {
        int r;

        if (record_get_bool(request, "data", false)) {
                CLEANUP_FD int fd = worker_take_fd();

                r = channel_bytes_read(fd, BYTES_MAX, &use->data, &use->size);
                if (r < 0)
                        return error_set_errno(error, r, "What is to be sent cannot be read");
        }
        for (uint64_t n = record_get_u64(request, "passed", 0); n > 0 && use->given.n < PASSED_FDS_MAX; n--) {
                int fd = worker_take_fd();

                if (fd < 0)
                        return error_set(error, ERROR_FAILED, "A descriptor that is to go along did not arrive.");
                use->given.fds[use->given.n++] = fd;
        }
        return 0;
}

/* Is what was taken bound to this process, so that it has to stay? */
static bool use_holds(const Use *use) {
        return use->operation == OPERATION_WAIT && use->object.mechanism->holds &&
               use->object.mechanism->holds(use->options);
}

static int send_done(Use *use, Error *error) {
        CLEANUP(record_freep) Record *done = NULL;
        CLEANUP_FD int data = -EBADF;
        int fds[CHANNEL_FDS_MAX], r;
        unsigned n = 0;

        r = worker_record_new("done", &done);
        if (r >= 0 && use->received)
                r = channel_bytes_new(use->received, use->received_size, &data);
        if (r < 0)
                return error_set_errno(error, r, "What was received cannot be given to the service");
        record_set_u64(done, "sent", use->sent);
        if (use_holds(use)) {
                CLEANUP_FREE char *address = address_print(&use->object.address);

                record_set_bool(done, "held", true);
                record_set_string(done, "address", address);
        }
        record_append_record(done, "meta", TAKE_POINTER(use->meta));
        if (data >= 0) {
                record_set_bool(done, "data", true);
                fds[n++] = data;
        }
        if (use->fd >= 0) {
                record_set_bool(done, "descriptor", true);
                fds[n++] = use->fd;
        }
        record_set_u64(done, "passed", use->wanted.n);
        for (unsigned i = 0; i < use->wanted.n; i++)
                fds[n++] = use->wanted.fds[i];
        r = worker_send_fds(done, fds, n);
        return r < 0 ? error_set_errno(error, r, "What came of it cannot be told to the service") : 0;
}

/* Until the service says that it is given back, or has no more need of this process. */
static int hold(Use *use, Error *error) {
        CLEANUP(record_freep) Record *request = NULL;
        int r = channel_receive(WORKER_FD, USEC_INFINITY, &request);

        if (r < 0)
                return error_set_errno(error, r, "Who holds it was not told to give it back");
        if (strcmp(record_get_string(request, "op", ""), "release") != 0)
                return error_set(error, ERROR_NOT_SUPPORTED, "Who holds it can only give it back.");
        r = use->object.mechanism->release(&use->object, use->options, error);
        use->held = r < 0;
        return r;
}

static int use_object(Use *use, const Record *request, Error *error) {
        int r = take_given(use, request, error);

        if (r >= 0)
                r = mechanism_supports(use->object.mechanism, use->operation, error);
        if (r >= 0) {
                r = record_new(&use->meta);
                if (r < 0)
                        error_set_errno(error, r, "What comes of it cannot be kept");
        }
        if (r >= 0)
                r = perform(
                        use, record_get_string(request, "address", ""), record_get_u64(request, "timeout", 0), error);
        use->held = r >= 0 && use_holds(use);
        if (r >= 0)
                r = send_done(use, error);
        return r >= 0 && use->held ? hold(use, error) : r;
}

int op_use(const Record *request, Error *error) {
        const char *name = record_get_string(request, "operation", "");
        static Use use;
        int r;

        use = (Use){
                .object = KERNEL_OBJECT_EMPTY,
                .operation = operation_from_name(name),
                .options = request_record(request, "options"),
                .arguments = request_record(request, "arguments"),
                .takes_fds = record_get_bool(request, "takes_fds", false),
                .fd = -EBADF,
        };
        if (use.operation == OPERATION_INVALID)
                return error_set(error, ERROR_NOT_SUPPORTED, "A worker does not do \"%.40s\".", name);
        r = request_open(request, &use.object, error);
        if (r < 0)
                return r;
        r = use_object(&use, request, error);
        /* What is held still stays as it is until the process ends: of a mutex in memory that is not mapped any more
         * the kernel tells nobody that its owner died, and it would be locked for ever (set_robust_list(2)). */
        if (!use.held)
                use_done(&use);
        return r;
}
