/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* UNIX stream sockets. fds[0] is the listening socket of an object that was made here, with its connections in `state`
 * (Peers). fds[1] is a connection of the service's own to the address: of a send to an address of ours, for as long as
 * that send; of an address that is not ours for the life of the object, so that what was asked can be answered. */
#include "mechanism.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "checks.h"
#include "cleanup.h"
#include "kinds.h"
#include "limit-facts.h"
#include "peers.h"
#include "scan.h"
#include "unix-address.h"
#include "unix-parts.h"

enum { LISTENING, CONNECTED };
enum { RECEIVE_DEFAULT = 64 * 1024 };

#define KIND "unix-stream"

static const char *const stream_ends[] = { "connect", "listen", NULL };

static const OptionSpec stream_options[] = {
        { "path", OPTION_STRING, OPTION_FOR_CREATE, NULL, 0, 0,
                "where to bind it: an absolute path; or give \"name\"" },
        { "name", OPTION_STRING, OPTION_FOR_CREATE, NULL, 0, 0,
                "an abstract name, which needs no file and ends with the socket; or give \"path\"" },
        { "mode", OPTION_MODE, OPTION_FOR_CREATE, "0600", 0, 07777,
                "permission bits of the path: who may write may connect" },
        { "backlog", OPTION_COUNT, OPTION_FOR_CREATE, "4096", 1, INT32_MAX,
                "how many connections may wait to be accepted; at most net.core.somaxconn" },
        { "replace", OPTION_BOOL, OPTION_FOR_CREATE, "false", 0, 0,
                "take the place of a socket file that nobody is bound to any more" },
        { "listen", OPTION_BOOL, OPTION_FOR_SEND, "false", 0, 0,
                "to whoever connected to this socket of ours, instead of connecting to it" },
        { "listen", OPTION_BOOL, OPTION_FOR_RECEIVE | OPTION_FOR_PEEK, NULL, 0, 0,
                "from whoever connects to this socket of ours (the default for ours)" },
        { "connect", OPTION_BOOL, OPTION_FOR_RECEIVE | OPTION_FOR_PEEK, NULL, 0, 0,
                "connect to the address and read there (the default for others')" },
        { "peer", OPTION_COUNT, OPTION_FOR_SEND | OPTION_FOR_RECEIVE | OPTION_FOR_PEEK, NULL, 1, 0,
                "only to or from this connection of ours, by the number that it has in events and answers" },
        { "size", OPTION_SIZE, OPTION_FOR_RECEIVE | OPTION_FOR_PEEK, "64K", 1, 0, "the most bytes to take" },
        {},
};

static int stream_probe(Record *facts, Error *error) {
        CLEANUP_FD int fd = -EBADF;

        limit_append(facts, "length of a path or name", UNIX_NAME_MAX, "bytes", "unix(7)");
        limit_append_file(facts, "backlog", "connections", "/proc/sys/net/core/somaxconn");
        limit_append_file(facts, "default send buffer", "bytes", "/proc/sys/net/core/wmem_default");
        limit_append_file(facts, "largest send buffer", "bytes", "/proc/sys/net/core/wmem_max");
        limit_append(facts, "connections that an object accepts at a time", PEERS_MAX, "connections", "ipcbus");
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return error_set_errno(error, errno, "No UNIX stream socket can be made");
        return 0;
}

static void stream_close(KernelObject *object) {
        object->state = peers_free(object->state);
        object->fds[LISTENING] = fd_close(object->fds[LISTENING]);
        object->fds[CONNECTED] = fd_close(object->fds[CONNECTED]);
}

static void stream_describe_peer(int fd, Record *about) {
        pid_t pid;
        uid_t uid;

        unix_peer_credentials(fd, &pid, &uid);
        if (pid > 0)
                record_set_u64(about, "pid", (uint64_t)pid);
        if (uid != (uid_t)-1)
                record_set_u64(about, "uid", uid);
}

static const PeersFace stream_peers = { .describe = stream_describe_peer };

/* From bind(2) on, on failure the name goes with the socket. */
static int stream_listen(KernelObject *object, const Record *options, Error *error) {
        int fd = object->fds[LISTENING], r;
        Peers *peers;

        if (listen(fd, (int)record_get_u64(options, "backlog", SOMAXCONN)) < 0)
                return error_set_errno(error, errno, "The socket cannot listen");
        r = unix_fill(object, fd, error);
        if (r < 0)
                return r;
        r = peers_new(fd, &stream_peers, &peers, error);
        if (r < 0)
                return r;
        object->state = peers;
        return 0;
}

static int stream_create(KernelObject *object, const Record *options, Error *error) {
        int r;

        r = unix_address_from_options(KIND, options, &object->address, error);
        if (r < 0)
                return r;
        object->fds[LISTENING] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (object->fds[LISTENING] < 0)
                return error_set_errno(error, errno, "No socket can be made");
        r = unix_bind(object->fds[LISTENING], &object->address, (mode_t)record_get_u64(options, "mode", 0600),
                record_get_bool(options, "replace", false), error);
        if (r >= 0) {
                r = stream_listen(object, options, error);
                if (r < 0)
                        unix_unbind(&object->address);
        }
        if (r < 0)
                stream_close(object);
        /* An abstract name ends with its socket, and that with the service. */
        object->unnamed = object->address.form == ADDRESS_ABSTRACT;
        return r;
}

static int stream_open(KernelObject *object, const Record *options, Error *error) {
        return unix_open_foreign(object, SOCK_STREAM, error);
}

static int stream_remove(KernelObject *object, Error *error) {
        int r = 0;

        if (object->address.form == ADDRESS_PATH || object->fds[LISTENING] < 0)
                r = unix_remove(object, error);
        if (r >= 0)
                stream_close(object);
        return r;
}

static int stream_connect(KernelObject *object, Error *error) {
        if (object->fds[CONNECTED] >= 0)
                return 0;
        return unix_connect(&object->address, SOCK_STREAM, &object->fds[CONNECTED], error);
}

static void stream_disconnect(KernelObject *object) {
        object->fds[CONNECTED] = fd_close(object->fds[CONNECTED]);
}

static int stream_not_listening(const KernelObject *object, Error *error) {
        return error_set(error, ERROR_NOT_SUPPORTED,
                "%s%.200s is not a socket that this service listens on; create it here, or connect to it.",
                object->address.form == ADDRESS_ABSTRACT ? "@" : "", object->address.text ? object->address.text : "");
}

static int stream_send_connected(KernelObject *object, const void *data, size_t size, size_t *ret_sent, Error *error) {
        ssize_t n;
        int r;

        r = stream_connect(object, error);
        if (r < 0)
                return r;
        do
                n = send(object->fds[CONNECTED], data, size, MSG_DONTWAIT | MSG_NOSIGNAL);
        while (n < 0 && errno == EINTR);
        if (n < 0 && errno == EAGAIN)
                return -EAGAIN;
        if (n < 0) {
                r = errno == EPIPE || errno == ECONNRESET
                            ? error_set(error, ERROR_PEER_GONE, "The far end has closed the connection.")
                            : error_set_errno(error, errno, "The bytes cannot be written");
                stream_disconnect(object);
                return r;
        }
        *ret_sent = (size_t)n;
        if ((size_t)n == size && object->state)
                stream_disconnect(object);
        return 0;
}

static int stream_send(
        KernelObject *object, const void *data, size_t size, const Record *options, size_t *ret_sent, Error *error) {
        uint64_t number = record_get_u64(options, "peer", 0);

        if (size == 0) {
                if (object->state)
                        stream_disconnect(object);
                *ret_sent = 0;
                return 0;
        }
        if (number == 0 && !record_get_bool(options, "listen", false))
                return stream_send_connected(object, data, size, ret_sent, error);
        if (!object->state)
                return stream_not_listening(object, error);
        return peers_send(object->state, number, data, size, ret_sent, error);
}

static bool stream_as_client(Operation operation, const Record *options) {
        return operation == OPERATION_SEND && record_get_u64(options, "peer", 0) == 0 &&
               !record_get_bool(options, "listen", false);
}

static int stream_receive_connected(
        KernelObject *object, bool peek, uint64_t size, void **ret_data, size_t *ret_size, Error *error) {
        CLEANUP_FREE char *buffer = NULL;
        ssize_t n;
        int r;

        r = stream_connect(object, error);
        if (r < 0)
                return r;
        buffer = malloc(size);
        if (!buffer)
                return error_set_errno(error, ENOMEM, "%llu bytes cannot be taken at once", (unsigned long long)size);
        do
                n = recv(object->fds[CONNECTED], buffer, size, MSG_DONTWAIT | (peek ? MSG_PEEK : 0));
        while (n < 0 && errno == EINTR);
        if (n < 0 && errno == EAGAIN)
                return -EAGAIN;
        if (n > 0) {
                *ret_data = TAKE_POINTER(buffer);
                *ret_size = (size_t)n;
                return 0;
        }
        r = n == 0 || errno == ECONNRESET
                    ? error_set(error, ERROR_PEER_GONE, "The stream has ended: the far end closed the connection.")
                    : error_set_errno(error, errno, "The bytes cannot be read");
        if (!peek)
                stream_disconnect(object);
        return r;
}

static int stream_receive(KernelObject *object, bool peek, const Record *options, void **ret_data, size_t *ret_size,
        Record *meta, Error *error) {
        uint64_t size = record_get_u64(options, "size", RECEIVE_DEFAULT), number = record_get_u64(options, "peer", 0);
        bool listens = object->state;
        int r;

        if (!listens && (number > 0 || record_get_bool(options, "listen", false)))
                return stream_not_listening(object, error);
        if (listens && record_get_bool(options, "connect", !record_get_bool(options, "listen", true)))
                return error_set(error, ERROR_INVALID_OPTION,
                        "The service listens on this socket itself: what is sent to it is received without "
                        "connecting.");
        if (listens)
                return peers_receive(object->state, number, peek, size, ret_data, ret_size, meta, error);
        r = stream_receive_connected(object, peek, size, ret_data, ret_size, error);
        if (r >= 0)
                stream_describe_peer(object->fds[CONNECTED], meta);
        return r;
}

/* A connection that found the backlog full has no descriptor to poll yet. */
static int stream_wait_on(KernelObject *object, Operation operation, int *ret_fd, uint32_t *ret_events) {
        if (object->fds[CONNECTED] >= 0 && (operation == OPERATION_SEND || !object->state)) {
                *ret_fd = object->fds[CONNECTED];
                *ret_events = operation == OPERATION_SEND ? EPOLLOUT : EPOLLIN;
                return 0;
        }
        if (!object->state)
                return -EOPNOTSUPP;
        return peers_wait_on(object->state, operation, ret_fd, ret_events);
}

static int stream_hand_out_listener(KernelObject *object, bool take, int *ret_fd, Error *error) {
        CLEANUP_FD int fd = -EBADF;
        int flags;

        if (object->fds[LISTENING] < 0)
                return stream_not_listening(object, error);
        fd = fcntl(object->fds[LISTENING], F_DUPFD_CLOEXEC, 3);
        if (fd < 0)
                return error_set_errno(error, errno, "The listening socket cannot be handed out");
        /* Both have one open file description, and with it one O_NONBLOCK: a program expects an accept(2) that waits.
         * So the service accepts nothing any more; its copy keeps the place, and connections wait in the backlog. */
        flags = fcntl(fd, F_GETFL);
        if (flags < 0 || fcntl(fd, F_SETFL, flags & ~O_NONBLOCK) < 0)
                return error_set_errno(error, errno, "The listening socket cannot be handed out");
        peers_stop_listening(object->state);
        if (take)
                object->fds[LISTENING] = fd_close(object->fds[LISTENING]);
        *ret_fd = fd_take(&fd);
        return 0;
}

static int stream_open_end(KernelObject *object, const char *end, bool take, int *ret_fd, Error *error) {
        int r;

        if (strcmp(end, "listen") == 0)
                return stream_hand_out_listener(object, take, ret_fd, error);
        if (*end && strcmp(end, "connect") != 0)
                return error_set(error, ERROR_INVALID_OPTION,
                        "A stream socket has no end \"%.64s\"; its ends are \"connect\" (a new connection) and "
                        "\"listen\" (the socket that accepts).",
                        end);
        r = unix_connect(&object->address, SOCK_STREAM, ret_fd, error);
        if (r == -EAGAIN)
                return error_set(error, ERROR_BUSY,
                        "The backlog is full: too many connections wait to be accepted. Try again later.");
        return r;
}

static int stream_accept(KernelObject *object, int *ret_fd, Record *peer, Error *error) {
        if (!object->state)
                return stream_not_listening(object, error);
        return peers_take(object->state, ret_fd, peer, error);
}

static int stream_describe(KernelObject *object, Record *attributes, Error *error) {
        if (object->state) {
                record_set_string(attributes, "state", "listening");
                record_set_u64(attributes, "peers", peers_count(object->state));
                record_set_u64(attributes, "queued", peers_queued(object->state));
        } else
                unix_describe_foreign(object, SOCK_STREAM, attributes);
        return record_error(attributes);
}

static int stream_watch_on(KernelObject *object, int *ret_fd, uint32_t *ret_events) {
        return object->state ? peers_watch_on(object->state, ret_fd, ret_events) : -EOPNOTSUPP;
}

static void stream_watch(KernelObject *object, uint32_t revents, EventSink *sink) {
        peers_watch(object->state, sink);
}

static int stream_holder_keys(const KernelObject *object, HolderKey *ret_keys, size_t *n) {
        return unix_holder_keys(object, SOCK_STREAM, ret_keys, n);
}

const Mechanism mechanism_unix_stream = {
        .kind = KIND,
        .title = "UNIX stream socket",
        .family = "sockets",
        .capabilities = CAPABILITY_STREAM,
        .address_forms = UNIX_ADDRESS_FORMS,
        .facts = {
                .direction = "full-duplex",
                .full_duplex = true,
                .bidirectional = true,
                .order = "first in, first out",
                .persistence = "a path until removed, the connection until closed",
                .unrelated = true,
                .carries_data = true,
                .source = "unix(7)",
        },
        .ends = stream_ends,
        .options = stream_options,
        .reasons = {
                [OPERATION_POST] = "A socket carries bytes; posting is for semaphores.",
                [OPERATION_WAIT] = "A socket carries bytes; waiting is for semaphores. Receive with a time-out waits for bytes.",
                [OPERATION_RESIZE] = "The buffers of a socket belong to each connection (SO_SNDBUF); a listening socket has none.",
                [OPERATION_SEAL] = "A socket cannot be sealed; memory files can.",
                [OPERATION_LISTEN] = "Listening for signals is for the kind \"signal\"; this one listens from its creation on.",
        },
        .probe = stream_probe,
        .create = stream_create,
        .open = stream_open,
        .revive = unix_revive,
        .close = stream_close,
        .remove = stream_remove,
        .identify = unix_identify,
        .file = unix_file,
        .send = stream_send,
        .receive = stream_receive,
        .wait_on = stream_wait_on,
        .as_client = stream_as_client,
        .open_end = stream_open_end,
        .accept = stream_accept,
        .describe = stream_describe,
        .watch_on = stream_watch_on,
        .watch = stream_watch,
        .scan = unix_stream_scan,
        .holder_keys = stream_holder_keys,
        .transport = &unix_stream_transport,
        .checks = unix_stream_checks,
};
