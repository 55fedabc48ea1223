/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Unnamed pipes. fds[0] is the reading end, fds[1] the writing end, both the service's own and non-blocking; each is
 * given away by open_end() with take, or by the first open_end() where the object was made with hold=false. Of a pipe
 * of others there is fds[2], opened with O_PATH: it counts as no end, so that end of file and EPIPE stay what they
 * are, and an end is opened through it for as long as one use takes. */
#include "mechanism.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "checks.h"
#include "cleanup.h"
#include "explain-held.h"
#include "fd-fetch.h"
#include "kind-helpers.h"
#include "kinds.h"
#include "pipe-io.h"
#include "pipe-parts.h"
#include "scan.h"
#include "trait-tables.h"

enum { READING, WRITING, NODE };

static const char *const pipe_ends[] = { "read", "write", NULL };

static const OptionSpec pipe_options[] = {
        { "hold", OPTION_BOOL, OPTION_FOR_CREATE, "true", 0, 0,
                "keep both ends after they were opened; false gives each away with its first OpenEnd" },
        { "hold", OPTION_BOOL, OPTION_FOR_ADOPT, "false", 0, 0,
                "keep both ends open, so that data outlives who wrote it; else end of file and EPIPE stay real" },
        { "capacity", OPTION_SIZE, OPTION_FOR_CREATE, NULL, 1, INT_MAX,
                "bytes that fit before a writer blocks; the kernel rounds up to a power of two of pages" },
        { "packet", OPTION_BOOL, OPTION_FOR_CREATE, "false", 0, 0,
                "packet mode (O_DIRECT): each write of at most PIPE_BUF bytes is read as one packet" },
        { "size", OPTION_SIZE, OPTION_FOR_RECEIVE | OPTION_FOR_PEEK, "64K", 1, 0, "the most bytes to take" },
        {},
};

static int pipe_probe(Record *facts, Error *error) {
        CLEANUP_FD int reading = -EBADF, writing = -EBADF;
        int ends[2];

        pipe_limits(facts);
        if (pipe2(ends, O_CLOEXEC) < 0)
                return error_set_errno(error, errno, "No pipe can be made");
        reading = ends[0];
        writing = ends[1];
        return 0;
}

/* Identity, address and owner as fstat(2) tells them: a pipe is a nameless inode of the kernel's pipefs. */
static int pipe_identify(KernelObject *object, int fd, Error *error) {
        struct stat st;
        int r;

        if (fstat(fd, &st) < 0)
                return error_set_errno(error, errno, "The pipe cannot be identified");
        address_done(&object->address);
        r = address_set_number(&object->address, "pipe", ADDRESS_INODE, st.st_ino);
        if (r < 0)
                return error_set_errno(error, r, "The address of the pipe cannot be kept");
        kernel_object_from_stat(object, &st);
        object->unnamed = true;
        return 0;
}

static int pipe_create(KernelObject *object, const Record *options, Error *error) {
        bool packet = record_get_bool(options, "packet", false);
        int r;

        if (pipe2(object->fds, O_CLOEXEC | O_NONBLOCK | (packet ? O_DIRECT : 0)) < 0)
                return error_set_errno(error, errno, "The pipe cannot be made");
        object->hold = record_get_bool(options, "hold", true);
        object->created = realtime_now();
        r = fcntl(object->fds[READING], F_GETPIPE_SZ);
        object->bytes = r > 0 ? (uint64_t)r : 0;

        r = 0;
        if (record_has(options, "capacity"))
                r = pipe_set_capacity(
                        object->fds[READING], record_get_u64(options, "capacity", 0), &object->bytes, error);
        if (r >= 0)
                r = pipe_identify(object, object->fds[READING], error);
        if (r < 0) {
                object->fds[READING] = fd_close(object->fds[READING]);
                object->fds[WRITING] = fd_close(object->fds[WRITING]);
        }
        return r;
}

static bool pipe_needs_fetch(const Address *address) {
        return true;
}

static int pipe_fetch(Address *address, const Record *options, int *ret_fd, Error *error) {
        const HolderKey key = { .type = HOLDER_PIPE, .number = address->number };
        char what[48];

        (void)snprintf(what, sizeof what, "pipe:[%llu]", (unsigned long long)address->number);
        return fd_fetch(&key, FETCH_REOPEN, O_PATH, what, ret_fd, error);
}

static int pipe_explain(const Address *address, Explanation *explanation) {
        const HolderKey key = { .type = HOLDER_PIPE, .number = address->number };

        return explain_held(explanation, &key, 1, FETCH_REOPEN, R_OK | W_OK, explanation->what);
}

/* The node behind any descriptor of the pipe. */
static int pipe_open_node(int fd, int *ret_fd, Error *error) {
        char path[sizeof "/proc/self/fd/" + 12];
        int node;

        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        node = open(path, O_PATH | O_CLOEXEC);
        if (node < 0)
                return error_set_errno(error, errno, "The pipe cannot be opened through %s", path);
        *ret_fd = node;
        return 0;
}

/* Whoever gave the descriptor shares its open file description, so it is closed again and none of its flags is ever
 * changed: what is needed is opened anew, which also shows whether this user may. */
static int pipe_from_fd(KernelObject *object, int fd, const Record *options, Error *error) {
        CLEANUP_FD int node = -EBADF, reading = -EBADF, writing = -EBADF;
        int r;

        if (!pipe_is_unnamed(fd))
                return -EMEDIUMTYPE;
        r = pipe_open_node(fd, &node, error);
        if (r >= 0)
                r = pipe_reopen(node, O_RDONLY | O_NONBLOCK, &reading, error);
        if (r >= 0)
                r = pipe_identify(object, node, error);
        if (r < 0)
                return r;
        r = fcntl(reading, F_GETPIPE_SZ);
        object->bytes = r > 0 ? (uint64_t)r : 0;
        object->hold = record_get_bool(options, "hold", false);
        if (object->hold) {
                r = pipe_reopen(node, O_WRONLY | O_NONBLOCK, &writing, error);
                if (r < 0)
                        return r;
                object->fds[READING] = fd_take(&reading);
                object->fds[WRITING] = fd_take(&writing);
        }
        object->fds[NODE] = fd_take(&node);
        fd_close(fd);
        return 0;
}

static void pipe_close(KernelObject *object) {
        object->fds[READING] = fd_close(object->fds[READING]);
        object->fds[WRITING] = fd_close(object->fds[WRITING]);
        object->fds[NODE] = fd_close(object->fds[NODE]);
}

/* A pipe has no name: it is gone when its last descriptor closes, and these are the service's. */
static int pipe_remove(KernelObject *object, Error *error) {
        pipe_close(object);
        return 0;
}

/* Why an end is not there: it was given away, or it never was ours. */
static int pipe_not_held(const KernelObject *object, int which, Error *error) {
        int other = object->fds[which == READING ? WRITING : READING];

        return error_set(error, ERROR_NOT_SUPPORTED,
                other >= 0
                        ? "The service gave the %s end of pipe:[%llu] away; use that descriptor, or make another pipe."
                        : "The service holds no %s end of pipe:[%llu]; only who has a descriptor of a pipe can use "
                          "it.",
                pipe_ends[which], (unsigned long long)object->address.number);
}

/* The end that is held, or one that is opened for this use: then *ret_own is what to close. */
static int pipe_use_end(KernelObject *object, int which, int *ret_fd, int *ret_own, Error *error) {
        int r;

        if (object->fds[which] < 0 && object->fds[NODE] < 0)
                return pipe_not_held(object, which, error);
        if (object->fds[which] < 0) {
                r = pipe_reopen(
                        object->fds[NODE], (which == READING ? O_RDONLY : O_WRONLY) | O_NONBLOCK, ret_own, error);
                if (r < 0)
                        return r;
        }
        *ret_fd = object->fds[which] >= 0 ? object->fds[which] : *ret_own;
        return 0;
}

static int pipe_kind_send(
        KernelObject *object, const void *data, size_t size, const Record *options, size_t *ret_sent, Error *error) {
        CLEANUP_FD int own = -EBADF;
        int fd = -EBADF, r;

        r = pipe_use_end(object, WRITING, &fd, &own, error);
        return r < 0 ? r : pipe_send(fd, data, size, ret_sent, error);
}

static int pipe_kind_receive(KernelObject *object, bool peek, const Record *options, void **ret_data, size_t *ret_size,
        Record *meta, Error *error) {
        CLEANUP_FD int own = -EBADF;
        int fd = -EBADF, r;

        r = pipe_use_end(object, READING, &fd, &own, error);
        if (r < 0)
                return r;
        return pipe_receive(
                fd, peek, record_get_u64(options, "size", PIPE_RECEIVE_DEFAULT), ret_data, ret_size, error);
}

static int pipe_wait_on(KernelObject *object, Operation operation, int *ret_fd, uint32_t *ret_events) {
        int which = operation == OPERATION_SEND ? WRITING : READING;

        if (object->fds[which] < 0)
                return -EOPNOTSUPP;
        *ret_fd = object->fds[which];
        *ret_events = which == WRITING ? EPOLLOUT : EPOLLIN;
        return 0;
}

static int pipe_open_end(KernelObject *object, const char *end, bool take, int *ret_fd, Error *error) {
        int which, flags, r;

        if (strcmp(end, "") == 0 || strcmp(end, pipe_ends[READING]) == 0)
                which = READING;
        else if (strcmp(end, pipe_ends[WRITING]) == 0)
                which = WRITING;
        else
                return error_set(error, ERROR_INVALID_OPTION,
                        "A pipe has no end \"%.64s\"; its ends are \"read\" and \"write\".", end);
        if (object->fds[which] < 0 && object->fds[NODE] >= 0)
                return pipe_reopen(object->fds[NODE], which == READING ? O_RDONLY : O_WRONLY, ret_fd, error);
        if (object->fds[which] < 0)
                return error_set(error, ERROR_PEER_GONE,
                        "The %s end of the pipe was given away before; the service has no copy of it.",
                        pipe_ends[which]);

        flags = fcntl(object->fds[which], F_GETFL);
        if (flags < 0)
                return error_set_errno(error, errno, "The %s end of the pipe cannot be handed out", pipe_ends[which]);
        r = pipe_reopen(object->fds[which], flags & (O_ACCMODE | O_DIRECT), ret_fd, error);
        if (r < 0)
                return r;
        if (take || (!object->hold && object->fds[NODE] < 0))
                object->fds[which] = fd_close(object->fds[which]);
        return 0;
}

static int pipe_kind_describe(KernelObject *object, Record *attributes, Error *error) {
        int fd = object->fds[WRITING] >= 0 ? object->fds[WRITING] : object->fds[READING];
        CLEANUP_FD int own = -EBADF;

        if (fd < 0 && object->fds[NODE] >= 0)
                (void)pipe_use_end(object, READING, &fd, &own, NULL);
        record_set_bool(attributes, "read_end_held", object->fds[READING] >= 0);
        record_set_bool(attributes, "write_end_held", object->fds[WRITING] >= 0);
        if (fd >= 0)
                pipe_describe(fd, attributes);
        if (object->fds[WRITING] >= 0)
                record_set_bool(attributes, "packet_mode", fcntl(object->fds[WRITING], F_GETFL) & O_DIRECT);
        return record_error(attributes);
}

/* Only where one end is left can its other side have gone: while the service holds both, there is nothing to tell.
 * EPOLLHUP and EPOLLERR are always reported; EPOLLET alone asks for nothing else. */
static int pipe_watch_on(KernelObject *object, int *ret_fd, uint32_t *ret_events) {
        int reading = object->fds[READING], writing = object->fds[WRITING];

        if ((reading >= 0) == (writing >= 0))
                return -EOPNOTSUPP;
        *ret_fd = reading >= 0 ? reading : writing;
        *ret_events = EPOLLET;
        return 0;
}

static void pipe_watch(KernelObject *object, uint32_t revents, EventSink *sink) {
        CLEANUP(record_freep) Record *details = NULL;

        if (!(revents & (EPOLLHUP | EPOLLERR)) || record_new(&details) < 0)
                return;
        /* A reader sees EPOLLHUP when the last writer closed, a writer EPOLLERR when the last reader did. */
        record_set_string(details, "end", pipe_ends[object->fds[READING] >= 0 ? WRITING : READING]);
        sink->emit(sink, EVENT_PEER_CLOSED, details);
}

/* Of either end: the capacity is the pipe's. */
static int pipe_resize(KernelObject *object, uint64_t size, Error *error) {
        int fd = object->fds[READING] >= 0 ? object->fds[READING] : object->fds[WRITING];

        if (fd < 0)
                return error_set(error, ERROR_PEER_GONE,
                        "Both ends of the pipe were given away; only who has one can "
                        "change its capacity.");
        return pipe_set_capacity(fd, size, &object->bytes, error);
}

static int pipe_holder_keys(const KernelObject *object, HolderKey *ret_keys, size_t *n) {
        if (*n < 1)
                return -ENOBUFS;
        ret_keys[0] = (HolderKey){ .type = HOLDER_PIPE, .number = object->address.number };
        *n = 1;
        return 0;
}

const Mechanism mechanism_pipe = {
        .kind = "pipe",
        .title = "unnamed pipe",
        .family = "pipes",
        .capabilities = CAPABILITY_STREAM,
        .address_forms = 1u << ADDRESS_INODE,
        .facts = {
                .direction = "half-duplex",
                .order = "first in, first out",
                .persistence = "until the last descriptor closes",
                .carries_data = true,
                .source = "pipe(7)",
        },
        .ends = pipe_ends,
        .options = pipe_options,
        .reasons = {
                [OPERATION_POST] = "A pipe carries bytes; posting is for semaphores.",
                [OPERATION_WAIT] = "A pipe carries bytes; waiting is for semaphores. Receive with a time-out waits for bytes.",
                [OPERATION_ACCEPT] = "A pipe has no connections to accept; stream sockets have.",
                [OPERATION_SEAL] = "A pipe cannot be sealed; memory files can.",
                [OPERATION_LISTEN] = "Listening for signals is for the kind \"signal\".",
        },
        .probe = pipe_probe,
        .create = pipe_create,
        .from_fd = pipe_from_fd,
        .needs_fetch = pipe_needs_fetch,
        .fetch = pipe_fetch,
        .explain = pipe_explain,
        .close = pipe_close,
        .remove = pipe_remove,
        .send = pipe_kind_send,
        .receive = pipe_kind_receive,
        .wait_on = pipe_wait_on,
        .open_end = pipe_open_end,
        .resize = pipe_resize,
        .describe = pipe_kind_describe,
        .watch_on = pipe_watch_on,
        .watch = pipe_watch,
        .scan = pipe_scan,
        .holder_keys = pipe_holder_keys,
        .transport = &pipe_transport,
        .example = "",
        .traits = pipe_traits,
        .checks = pipe_checks,
        .gaps = pipe_gaps,
};
