/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* UNIX sockets with connections: what unix-stream and unix-seqpacket share; they differ in boundaries only. fds[0] is
 * the listening socket of an object that was made here, with its connections in `state` (Peers), or one that somebody
 * gave, without. fds[1] is a connection of the service's own to the address: of a send to an address of ours, for as
 * long as that send; of an address that is not ours for the life of the object, so that what was asked can be
 * answered. What has no name is a pair (unix-pair.c). */
#include "unix-connection.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cleanup.h"
#include "limit-facts.h"
#include "peers.h"
#include "scan.h"
#include "unix-address.h"
#include "unix-message.h"
#include "unix-parts.h"

enum { LISTENING, CONNECTED };
enum { RECEIVE_DEFAULT = 64 * 1024 };

const char *const unix_connection_ends[] = { "connect", "listen", "a", "b", NULL };

static int type_of(const KernelObject *object) {
        return unix_type_of(object->mechanism->kind);
}

int unix_connection_probe(int type, Record *facts, Error *error) {
        CLEANUP_FD int fd = -EBADF;

        limit_append(facts, "sun_path", UNIX_NAME_MAX, "bytes of a path or name", "unix(7)");
        limit_append_file(facts, "somaxconn", "connections to be accepted", "/proc/sys/net/core/somaxconn");
        limit_append_file(facts, "wmem_default", "bytes to be sent", "/proc/sys/net/core/wmem_default");
        limit_append_file(facts, "wmem_max", "bytes to be sent", "/proc/sys/net/core/wmem_max");
        limit_append(facts, "accepted at a time", PEERS_MAX, "connections", "ipcbus");
        limit_append(facts, "SCM_MAX_FD", 253, "descriptors in one message", "unix(7)");
        fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return error_set_errno(error, errno, "No UNIX socket of this type can be made");
        return 0;
}

void unix_connection_close(KernelObject *object) {
        if (unix_pair_is(object)) {
                unix_pair_close(object);
                return;
        }
        object->state = peers_free(object->state);
        object->fds[LISTENING] = fd_close(object->fds[LISTENING]);
        object->fds[CONNECTED] = fd_close(object->fds[CONNECTED]);
}

static void describe_peer(int fd, Record *about) {
        struct ucred far;

        unix_peer_credentials(fd, &far);
        unix_credentials_tell(&far, about);
}

static int receive_bytes(
        int fd, bool peek, size_t size, void **ret_data, size_t *ret_size, Record *meta, PassedFds *wanted) {
        return unix_message_receive(fd, SOCK_STREAM, peek, size, ret_data, ret_size, meta, wanted);
}

static int receive_message(
        int fd, bool peek, size_t size, void **ret_data, size_t *ret_size, Record *meta, PassedFds *wanted) {
        return unix_message_receive(fd, SOCK_SEQPACKET, peek, size, ret_data, ret_size, meta, wanted);
}

static int send_bytes(int fd, const void *data, size_t size, const PassedFds *given, size_t *ret_sent) {
        return unix_message_send(fd, SOCK_STREAM, data, size, given, false, ret_sent);
}

static int send_message(int fd, const void *data, size_t size, const PassedFds *given, size_t *ret_sent) {
        return unix_message_send(fd, SOCK_SEQPACKET, data, size, given, true, ret_sent);
}

static bool bytes_wait(int fd) {
        return unix_message_waits(fd, SOCK_STREAM);
}

static bool message_waits(int fd) {
        return unix_message_waits(fd, SOCK_SEQPACKET);
}

/* Who gets it expects descriptors beside a message, and nothing before them. */
static void without_credentials(int fd) {
        int off = 0;

        (void)setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &off, sizeof off);
}

static const PeersFace stream_face = {
        .describe = describe_peer,
        .receive = receive_bytes,
        .send = send_bytes,
        .waits = bytes_wait,
        .give_away = without_credentials,
};

static const PeersFace seqpacket_face = {
        .describe = describe_peer,
        .boundaries = true,
        .receive = receive_message,
        .send = send_message,
        .waits = message_waits,
        .give_away = without_credentials,
};

/* From bind(2) on, on failure the name goes with the socket. Connections inherit SO_PASSCRED from the listener. */
static int connection_listen(KernelObject *object, const Record *options, Error *error) {
        int fd = object->fds[LISTENING], on = 1, r;
        Peers *peers;

        if (setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof on) < 0)
                return error_set_errno(error, errno, "The credentials of senders cannot be asked for");
        if (listen(fd, (int)record_get_u64(options, "backlog", SOMAXCONN)) < 0)
                return error_set_errno(error, errno, "The socket cannot listen");
        r = unix_fill(object, fd, error);
        if (r < 0)
                return r;
        r = peers_new(fd, type_of(object) == SOCK_STREAM ? &stream_face : &seqpacket_face, &peers, error);
        if (r < 0)
                return r;
        object->state = peers;
        return 0;
}

int unix_connection_create(KernelObject *object, const Record *options, Error *error) {
        int r;

        if (!record_has(options, "path") && !record_has(options, "name"))
                return unix_pair_create(object, type_of(object), options, error);
        r = unix_address_from_options(object->mechanism->kind, options, &object->address, error);
        if (r < 0)
                return r;
        object->fds[LISTENING] = socket(AF_UNIX, type_of(object) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (object->fds[LISTENING] < 0)
                return error_set_errno(error, errno, "No socket can be made");
        r = unix_bind(object->fds[LISTENING], &object->address, (mode_t)record_get_u64(options, "mode", 0600),
                record_get_bool(options, "replace", false), error);
        if (r >= 0) {
                r = connection_listen(object, options, error);
                if (r < 0)
                        unix_unbind(&object->address);
        }
        if (r < 0)
                unix_connection_close(object);
        /* An abstract name ends with its socket, and that with the service. */
        object->unnamed = object->address.form == ADDRESS_ABSTRACT;
        return r;
}

int unix_connection_open(KernelObject *object, const Record *options, Error *error) {
        return unix_open_foreign(object, type_of(object), error);
}

/* A socket that is bound and not connected has its name; all others are known by their inode. */
int unix_connection_from_fd(KernelObject *object, int fd, const Record *options, Error *error) {
        struct sockaddr_un far;
        socklen_t length = sizeof far;
        int r;

        r = unix_check_fd(fd, type_of(object));
        if (r < 0)
                return r;
        if (getpeername(fd, (struct sockaddr *)&far, &length) < 0) {
                r = unix_adopt_named(object, fd, error);
                if (r != -EADDRNOTAVAIL) {
                        if (r >= 0)
                                object->fds[LISTENING] = fd;
                        return r;
                }
        }
        return unix_pair_adopt(object, fd, error);
}

int unix_connection_remove(KernelObject *object, Error *error) {
        int r = 0;

        if (unix_pair_is(object))
                return unix_pair_remove(object, error);
        if (object->address.form == ADDRESS_PATH || object->fds[LISTENING] < 0)
                r = unix_remove(object, error);
        if (r >= 0)
                unix_connection_close(object);
        return r;
}

static int connection_connect(KernelObject *object, Error *error) {
        if (object->fds[CONNECTED] >= 0)
                return 0;
        return unix_connect(&object->address, type_of(object), &object->fds[CONNECTED], error);
}

static void connection_disconnect(KernelObject *object) {
        object->fds[CONNECTED] = fd_close(object->fds[CONNECTED]);
}

static int connection_not_listening(const KernelObject *object, Error *error) {
        return error_set(error, ERROR_NOT_SUPPORTED,
                "%s%.200s is not a socket that this service listens on; create it here, or connect to it.",
                object->address.form == ADDRESS_ABSTRACT ? "@" : "", object->address.text ? object->address.text : "");
}

static int send_connected(KernelObject *object, const void *data, size_t size, size_t *ret_sent, Error *error) {
        int r;

        r = connection_connect(object, error);
        if (r < 0)
                return r;
        r = unix_message_send(object->fds[CONNECTED], type_of(object), data, size, object->given, true, ret_sent);
        if (r == -EAGAIN)
                return r;
        if (r < 0) {
                r = unix_send_failed(type_of(object), size, r, error);
                connection_disconnect(object);
                return r;
        }
        if (*ret_sent == size && object->state)
                connection_disconnect(object);
        return 0;
}

/* What chooses among connections, said of a socket that is one. */
static int check_pair_options(const Record *options, Error *error) {
        const char *wrong = record_get_u64(options, "peer", 0) > 0       ? "peer"
                            : record_get_bool(options, "listen", false)  ? "listen"
                            : record_get_bool(options, "connect", false) ? "connect"
                                                                         : NULL;

        if (!wrong)
                return 0;
        return error_set(error, ERROR_INVALID_OPTION,
                "\"%s\" is for sockets with a name: a pair without a name is one connection, with the ends "
                "\"a\" and \"b\".",
                wrong);
}

int unix_connection_send(
        KernelObject *object, const void *data, size_t size, const Record *options, size_t *ret_sent, Error *error) {
        uint64_t number = record_get_u64(options, "peer", 0);
        int type = type_of(object), r;

        if (size == 0 && type == SOCK_STREAM && object->given)
                return error_set(error, ERROR_INVALID_OPTION,
                        "On a stream descriptors go along with a byte at least (unix(7)); give some data.");
        if (unix_pair_is(object)) {
                r = check_pair_options(options, error);
                return r < 0 ? r : unix_pair_send(object, type, data, size, options, ret_sent, error);
        }
        if (record_has(options, "end"))
                return unix_no_ends(object, error);
        if (size == 0 && type == SOCK_STREAM) {
                if (object->state)
                        connection_disconnect(object);
                *ret_sent = 0;
                return 0;
        }
        if (number == 0 && !record_get_bool(options, "listen", false))
                return send_connected(object, data, size, ret_sent, error);
        if (!object->state)
                return connection_not_listening(object, error);
        return peers_send(object->state, number, data, size, object->given, ret_sent, error);
}

bool unix_connection_as_client(Operation operation, const Record *options) {
        return operation == OPERATION_SEND && record_get_u64(options, "peer", 0) == 0 &&
               !record_get_bool(options, "listen", false);
}

static int receive_connected(KernelObject *object, bool peek, uint64_t size, void **ret_data, size_t *ret_size,
        Record *meta, Error *error) {
        struct ucred far;
        int r;

        r = connection_connect(object, error);
        if (r < 0)
                return r;
        r = unix_message_receive(
                object->fds[CONNECTED], type_of(object), peek, size, ret_data, ret_size, meta, object->wanted);
        if (r == -EAGAIN)
                return r;
        if (r > 0) {
                unix_peer_credentials(object->fds[CONNECTED], &far);
                unix_credentials_tell(&far, meta);
                return 0;
        }
        r = r == 0 || r == -ECONNRESET
                    ? error_set(error, ERROR_PEER_GONE, "The stream has ended: the far end closed the connection.")
                    : error_set_errno(error, r, "The bytes cannot be read");
        if (!peek)
                connection_disconnect(object);
        return r;
}

int unix_connection_receive(KernelObject *object, bool peek, const Record *options, void **ret_data, size_t *ret_size,
        Record *meta, Error *error) {
        int type = type_of(object), r;
        uint64_t size = record_get_u64(options, "size", type == SOCK_STREAM ? RECEIVE_DEFAULT : SIZE_MAX),
                 number = record_get_u64(options, "peer", 0);
        bool listens;

        if (unix_pair_is(object)) {
                r = check_pair_options(options, error);
                return r < 0 ? r : unix_pair_receive(object, type, peek, options, ret_data, ret_size, meta, error);
        }
        if (record_has(options, "end"))
                return unix_no_ends(object, error);
        listens = object->state;
        if (!listens && (number > 0 || record_get_bool(options, "listen", false)))
                return connection_not_listening(object, error);
        if (listens && record_get_bool(options, "connect", !record_get_bool(options, "listen", true)))
                return error_set(error, ERROR_INVALID_OPTION,
                        "The service listens on this socket itself: what is sent to it is received without "
                        "connecting.");
        if (listens)
                return peers_receive(
                        object->state, number, peek, size, ret_data, ret_size, meta, object->wanted, error);
        return receive_connected(object, peek, size, ret_data, ret_size, meta, error);
}

/* A connection that found the backlog full has no descriptor to poll yet. */
int unix_connection_wait_on(KernelObject *object, Operation operation, int *ret_fd, uint32_t *ret_events) {
        if (unix_pair_is(object))
                return unix_pair_wait_on(object, operation, ret_fd, ret_events);
        if (operation == OPERATION_ACCEPT && !object->state && object->fds[LISTENING] >= 0) {
                *ret_fd = object->fds[LISTENING];
                *ret_events = EPOLLIN;
                return 0;
        }
        if (object->fds[CONNECTED] >= 0 && (operation == OPERATION_SEND || !object->state)) {
                *ret_fd = object->fds[CONNECTED];
                *ret_events = operation == OPERATION_SEND ? EPOLLOUT : EPOLLIN;
                return 0;
        }
        if (!object->state)
                return -EOPNOTSUPP;
        return peers_wait_on(object->state, operation, ret_fd, ret_events);
}

static int hand_out_listener(KernelObject *object, bool take, int *ret_fd, Error *error) {
        CLEANUP_FD int fd = -EBADF;
        int flags;

        if (object->fds[LISTENING] < 0)
                return connection_not_listening(object, error);
        fd = fcntl(object->fds[LISTENING], F_DUPFD_CLOEXEC, 3);
        if (fd < 0)
                return error_set_errno(error, errno, "The listening socket cannot be handed out");
        /* Both have one open file description, and with it one O_NONBLOCK: a program expects an accept(2) that waits.
         * So the service accepts nothing any more; its copy keeps the place, and connections wait in the backlog.
         * What came from others stays as it is. */
        flags = fcntl(fd, F_GETFL);
        if (object->state && (flags < 0 || fcntl(fd, F_SETFL, flags & ~O_NONBLOCK) < 0))
                return error_set_errno(error, errno, "The listening socket cannot be handed out");
        if (object->state) {
                without_credentials(fd);
                peers_stop_listening(object->state);
        }
        if (take)
                object->fds[LISTENING] = fd_close(object->fds[LISTENING]);
        *ret_fd = fd_take(&fd);
        return 0;
}

int unix_connection_open_end(KernelObject *object, const char *end, bool take, int *ret_fd, Error *error) {
        int r;

        if (unix_pair_is(object))
                return unix_pair_open_end(object, end, take, ret_fd, error);
        if (strcmp(end, "listen") == 0)
                return hand_out_listener(object, take, ret_fd, error);
        if (*end && strcmp(end, "connect") != 0)
                return error_set(error, ERROR_INVALID_OPTION,
                        "A socket with a name has no end \"%.64s\"; its ends are \"connect\" (a new connection) and "
                        "\"listen\" (the socket that accepts). A pair without a name has \"a\" and \"b\".",
                        end);
        r = unix_connect(&object->address, type_of(object), ret_fd, error);
        if (r == -EAGAIN)
                return error_set(error, ERROR_BUSY,
                        "The backlog is full (EAGAIN): too many connections wait to be accepted. Try again later.");
        return r;
}

/* From a listener that is not ours alone: an accept(2) that found nothing would wait, unless the socket says not to.
 */
static int accept_shared(KernelObject *object, int *ret_fd, Record *peer, Error *error) {
        int flags = fcntl(object->fds[LISTENING], F_GETFL), fd;
        struct ucred far;

        if (flags >= 0 && !(flags & O_NONBLOCK))
                return error_set(error, ERROR_NOT_SUPPORTED,
                        "The listening socket was given by somebody else and waits in accept(2), which the service "
                        "must not; set O_NONBLOCK on it, or accept where it came from.");
        do
                fd = accept4(object->fds[LISTENING], NULL, NULL, SOCK_CLOEXEC);
        while (fd < 0 && errno == EINTR);
        if (fd < 0 && (errno == EAGAIN || errno == ECONNABORTED))
                return -EAGAIN;
        if (fd < 0)
                return error_set_errno(error, errno, "No connection can be accepted");
        unix_peer_credentials(fd, &far);
        unix_credentials_tell(&far, peer);
        *ret_fd = fd;
        return 0;
}

int unix_connection_accept(KernelObject *object, int *ret_fd, Record *peer, Error *error) {
        if (unix_pair_is(object))
                return error_set(error, ERROR_NOT_SUPPORTED,
                        "A socket without a name has no connections to accept: its two ends are connected already.");
        if (object->state)
                return peers_take(object->state, ret_fd, peer, error);
        if (object->fds[LISTENING] >= 0)
                return accept_shared(object, ret_fd, peer, error);
        return connection_not_listening(object, error);
}

int unix_connection_describe(KernelObject *object, Record *attributes, Error *error) {
        if (unix_pair_is(object))
                return unix_pair_describe(object, attributes, error);
        if (object->state) {
                record_set_string(attributes, "state", "listening");
                record_set_u64(attributes, "peers", peers_count(object->state));
                record_set_u64(attributes, "queued", peers_queued(object->state));
        } else {
                unix_describe_foreign(object, type_of(object), attributes);
                if (object->fds[LISTENING] >= 0)
                        unix_socket_describe(object->fds[LISTENING], "socket_", attributes);
        }
        return record_error(attributes);
}

int unix_connection_watch_on(KernelObject *object, int *ret_fd, uint32_t *ret_events) {
        if (unix_pair_is(object))
                return unix_pair_watch_on(object, ret_fd, ret_events);
        return object->state ? peers_watch_on(object->state, ret_fd, ret_events) : -EOPNOTSUPP;
}

void unix_connection_watch(KernelObject *object, uint32_t revents, EventSink *sink) {
        if (unix_pair_is(object))
                unix_pair_watch(object, revents, sink);
        else
                peers_watch(object->state, sink);
}

int unix_connection_holder_keys(const KernelObject *object, HolderKey *ret_keys, size_t *n) {
        if (unix_pair_is(object))
                return unix_pair_holder_keys(object, ret_keys, n);
        return unix_holder_keys(object, type_of(object), ret_keys, n);
}
