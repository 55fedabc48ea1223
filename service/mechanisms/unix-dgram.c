/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* UNIX datagram sockets. fds[0] is the bound socket of an object that was made here; fds[1] a socket without a name
 * that is connected to the address and sends, for as long as that takes. Both block, so that they can be handed out as
 * they are: here they are used with MSG_DONTWAIT. */
#include "mechanism.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "checks.h"
#include "cleanup.h"
#include "kinds.h"
#include "limit-facts.h"
#include "scan.h"
#include "trait-tables.h"
#include "unix-address.h"
#include "unix-message.h"
#include "unix-pair.h"
#include "unix-parts.h"

enum { BOUND, SENDING };

#define KIND         "unix-dgram"
#define WMEM_MAX     "/proc/sys/net/core/wmem_max"
#define WMEM_DEFAULT "/proc/sys/net/core/wmem_default"

static const char *const dgram_ends[] = { "send", "receive", "a", "b", NULL };

static const OptionSpec dgram_options[] = {
        { "path", OPTION_STRING, OPTION_FOR_CREATE, NULL, 0, 0,
                "where to bind it: an absolute path; without \"path\" and \"name\" this makes a pair without a name" },
        { "name", OPTION_STRING, OPTION_FOR_CREATE, NULL, 0, 0,
                "an abstract name, which needs no file and ends with the socket" },
        { "mode", OPTION_MODE, OPTION_FOR_CREATE, "0600", 0, 07777,
                "permission bits of the path: who may write may send" },
        { "replace", OPTION_BOOL, OPTION_FOR_CREATE, "false", 0, 0,
                "take the place of a socket file that nobody is bound to any more" },
        UNIX_PAIR_OPTIONS,
        { "size", OPTION_SIZE, OPTION_FOR_RECEIVE | OPTION_FOR_PEEK, NULL, 1, 0,
                "the most bytes to take; what a message has more is lost. The default is all of it" },
        {},
};

static int dgram_probe(Record *facts, Error *error) {
        CLEANUP_FD int fd = -EBADF;

        limit_append(facts, "sun_path", UNIX_NAME_MAX, "bytes of a path or name", "unix(7)");
        limit_append_file(facts, "max_dgram_qlen", "messages in a queue", "/proc/sys/net/unix/max_dgram_qlen");
        limit_append_file(facts, "wmem_default", "bytes to be sent", WMEM_DEFAULT);
        limit_append_file(facts, "wmem_max", "bytes to be sent", WMEM_MAX);
        fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return error_set_errno(error, errno, "No UNIX datagram socket can be made");
        return 0;
}

static void dgram_close(KernelObject *object) {
        if (unix_pair_is(object)) {
                unix_pair_close(object);
                return;
        }
        object->fds[BOUND] = fd_close(object->fds[BOUND]);
        object->fds[SENDING] = fd_close(object->fds[SENDING]);
}

/* SO_PASSCRED comes before the name, so that no message can arrive without its sender's credentials. */
static int dgram_create(KernelObject *object, const Record *options, Error *error) {
        int on = 1, r;

        if (!record_has(options, "path") && !record_has(options, "name"))
                return unix_pair_create(object, SOCK_DGRAM, options, error);
        r = unix_address_from_options(KIND, options, &object->address, error);
        if (r < 0)
                return r;
        object->fds[BOUND] = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (object->fds[BOUND] < 0)
                return error_set_errno(error, errno, "No socket can be made");
        if (setsockopt(object->fds[BOUND], SOL_SOCKET, SO_PASSCRED, &on, sizeof on) < 0)
                r = error_set_errno(error, errno, "The credentials of senders cannot be asked for");
        else
                r = unix_bind(object->fds[BOUND], &object->address, (mode_t)record_get_u64(options, "mode", 0600),
                        record_get_bool(options, "replace", false), error);
        if (r >= 0) {
                r = unix_fill(object, object->fds[BOUND], error);
                if (r < 0)
                        unix_unbind(&object->address);
        }
        if (r < 0)
                dgram_close(object);
        object->unnamed = object->address.form == ADDRESS_ABSTRACT;
        return r;
}

static int dgram_open(KernelObject *object, const Record *options, Error *error) {
        return unix_open_foreign(object, SOCK_DGRAM, error);
}

/* A socket that is bound has its name; the others, ends of pairs and senders, are known by their inode. */
static int dgram_from_fd(KernelObject *object, int fd, const Record *options, Error *error) {
        int r;

        r = unix_check_fd(fd, SOCK_DGRAM);
        if (r >= 0)
                r = unix_adopt_named(object, fd, error);
        if (r == -EADDRNOTAVAIL)
                return unix_pair_adopt(object, fd, error);
        if (r >= 0)
                object->fds[BOUND] = fd;
        return r;
}

static int dgram_remove(KernelObject *object, Error *error) {
        int r = 0;

        if (unix_pair_is(object))
                return unix_pair_remove(object, error);
        if (object->address.form == ADDRESS_PATH || object->fds[BOUND] < 0)
                r = unix_remove(object, error);
        if (r >= 0)
                dgram_close(object);
        return r;
}

static int dgram_send(
        KernelObject *object, const void *data, size_t size, const Record *options, size_t *ret_sent, Error *error) {
        bool connected = object->fds[SENDING] >= 0;
        int r;

        if (unix_pair_is(object))
                return unix_pair_send(object, SOCK_DGRAM, data, size, options, ret_sent, error);
        if (record_has(options, "end"))
                return unix_no_ends(object, error);
        if (!connected) {
                r = unix_connect(&object->address, SOCK_DGRAM, &object->fds[SENDING], error);
                if (r < 0)
                        return r;
        }
        r = unix_message_send(object->fds[SENDING], SOCK_DGRAM, data, size, object->given, true, ret_sent);
        if (r == -EAGAIN)
                (void)error_set(error, ERROR_BUSY, "The receiver's queue is full, or what was sent fills the buffer.");
        if (r == -EAGAIN)
                return r; /* what to poll until there is room */
        object->fds[SENDING] = fd_close(object->fds[SENDING]);
        if (r >= 0)
                return 0;
        /* Who was there when it was connected has gone; somebody else may be bound to the name by now. */
        if (r == -ECONNREFUSED && connected)
                return dgram_send(object, data, size, options, ret_sent, error);
        return unix_send_failed(SOCK_DGRAM, size, r, error);
}

static int dgram_receive(KernelObject *object, bool peek, const Record *options, void **ret_data, size_t *ret_size,
        Record *meta, Error *error) {
        int r;

        if (unix_pair_is(object))
                return unix_pair_receive(object, SOCK_DGRAM, peek, options, ret_data, ret_size, meta, error);
        if (record_has(options, "end"))
                return unix_no_ends(object, error);
        if (object->fds[BOUND] < 0)
                return error_set(error, ERROR_NOT_SUPPORTED,
                        "Only the process that is bound to a datagram socket can receive from it, and that is not "
                        "this service; create a socket here, or ask for a stream socket.");
        r = unix_message_receive(object->fds[BOUND], SOCK_DGRAM, peek, record_get_u64(options, "size", SIZE_MAX),
                ret_data, ret_size, meta, object->wanted);
        if (r < 0 && r != -EAGAIN)
                return error_set_errno(error, r, "The message cannot be received");
        return r < 0 ? r : 0;
}

/* A connected socket is writable when the receiver's queue has room (unix_dgram_poll() in net/unix/af_unix.c). */
static int dgram_wait_on(KernelObject *object, Operation operation, int *ret_fd, uint32_t *ret_events) {
        int fd = object->fds[operation == OPERATION_SEND ? SENDING : BOUND];

        if (unix_pair_is(object))
                return unix_pair_wait_on(object, operation, ret_fd, ret_events);
        if (fd < 0)
                return -EOPNOTSUPP;
        *ret_fd = fd;
        *ret_events = operation == OPERATION_SEND ? EPOLLOUT : EPOLLIN;
        return 0;
}

static int dgram_open_end(KernelObject *object, const char *end, bool take, int *ret_fd, Error *error) {
        int fd;

        if (unix_pair_is(object))
                return unix_pair_open_end(object, end, take, ret_fd, error);
        if (!*end || strcmp(end, "send") == 0)
                return unix_connect(&object->address, SOCK_DGRAM, ret_fd, error);
        if (strcmp(end, "receive") != 0)
                return error_set(error, ERROR_INVALID_OPTION,
                        "A datagram socket with a name has no end \"%.64s\"; its ends are \"send\" and \"receive\". "
                        "A pair without a name has \"a\" and \"b\".",
                        end);
        if (object->fds[BOUND] < 0)
                return error_set(error, ERROR_PEER_GONE,
                        "The service does not hold the receiving socket: it is another process's, or was given away.");
        fd = take ? fd_take(&object->fds[BOUND]) : fcntl(object->fds[BOUND], F_DUPFD_CLOEXEC, 3);
        if (fd < 0)
                return error_set_errno(error, errno, "The receiving socket cannot be handed out");
        *ret_fd = fd;
        return 0;
}

static int dgram_describe(KernelObject *object, Record *attributes, Error *error) {
        size_t length;
        int r;

        if (unix_pair_is(object))
                return unix_pair_describe(object, attributes, error);
        if (object->fds[BOUND] < 0) {
                unix_describe_foreign(object, SOCK_DGRAM, attributes);
                return record_error(attributes);
        }
        r = unix_message_next(object->fds[BOUND], &length);
        record_set_string(attributes, "state", r == -EAGAIN ? "empty" : "filled");
        record_set_u64(attributes, "queued", r < 0 ? 0 : length);
        return record_error(attributes);
}

static int dgram_watch_on(KernelObject *object, int *ret_fd, uint32_t *ret_events) {
        if (unix_pair_is(object))
                return unix_pair_watch_on(object, ret_fd, ret_events);
        if (object->fds[BOUND] < 0)
                return -EOPNOTSUPP;
        *ret_fd = object->fds[BOUND];
        *ret_events = EPOLLIN | EPOLLET;
        return 0;
}

static void dgram_watch(KernelObject *object, uint32_t revents, EventSink *sink) {
        CLEANUP(record_freep) Record *details = NULL;
        size_t length;

        if (unix_pair_is(object)) {
                unix_pair_watch(object, revents, sink);
                return;
        }
        if (!(revents & EPOLLIN) || unix_message_next(object->fds[BOUND], &length) < 0 || record_new(&details) < 0)
                return;
        record_set_u64(details, "bytes", length);
        sink->emit(sink, EVENT_MESSAGE_ARRIVED, details);
}

static int dgram_holder_keys(const KernelObject *object, HolderKey *ret_keys, size_t *n) {
        if (unix_pair_is(object))
                return unix_pair_holder_keys(object, ret_keys, n);
        return unix_holder_keys(object, SOCK_DGRAM, ret_keys, n);
}

const Mechanism mechanism_unix_dgram = {
        .kind = KIND,
        .title = "UNIX datagram socket",
        .family = "sockets",
        .capabilities = CAPABILITY_DATAGRAM,
        .address_forms = UNIX_ADDRESS_FORMS,
        .facts = {
                .direction = "full-duplex",
                .full_duplex = true,
                .bidirectional = true,
                .boundaries = true,
                .order = "first in, first out",
                .persistence = "a path until removed, messages until their receiver closes",
                .unrelated = true,
                .carries_data = true,
                .descriptors = true,
                .connection = "connectionless",
                .source = "unix(7)",
        },
        .ends = dgram_ends,
        .options = dgram_options,
        .reasons = {
                [OPERATION_POST] = "A socket carries messages; posting is for semaphores.",
                [OPERATION_WAIT] = "A socket carries messages; waiting is for semaphores. Receive with a time-out waits for one.",
                [OPERATION_ACCEPT] = "A datagram socket has no connections to accept; stream sockets have.",
                [OPERATION_RESIZE] = "The queue of a datagram socket is bounded by net.unix.max_dgram_qlen when it is made.",
                [OPERATION_SEAL] = "A socket cannot be sealed; memory files can.",
                [OPERATION_LISTEN] = "Listening for signals is for the kind \"signal\".",
        },
        .probe = dgram_probe,
        .create = dgram_create,
        .open = dgram_open,
        .from_fd = dgram_from_fd,
        .needs_fetch = unix_needs_fetch,
        .alias = "socket",
        .resolve = unix_resolve,
        .fetch = unix_fetch,
        .revive = unix_revive,
        .close = dgram_close,
        .remove = dgram_remove,
        .identify = unix_identify,
        .file = unix_file,
        .explain = unix_explain,
        .send = dgram_send,
        .receive = dgram_receive,
        .wait_on = dgram_wait_on,
        .open_end = dgram_open_end,
        .describe = dgram_describe,
        .watch_on = dgram_watch_on,
        .watch = dgram_watch,
        .scan = unix_dgram_scan,
        .holder_keys = dgram_holder_keys,
        .transport = &unix_dgram_transport,
        .example = "path=/tmp/example",
        .traits = unix_dgram_traits,
        .checks = unix_dgram_checks,
        .gaps = unix_dgram_gaps,
};
