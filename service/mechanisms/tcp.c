/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* TCP. fds[0] is the listening socket of an object that was made here, with its connections in `state` (Peers), or one
 * that came as a descriptor, which is never accepted from. fds[1] is a connection: of a send to an address of ours for
 * as long as that send, to an address that is not ours for the life of the object, or one that came as a descriptor.
 */
#include "mechanism.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "checks.h"
#include "cleanup.h"
#include "inet-socket.h"
#include "inet-transport.h"
#include "kinds.h"
#include "limit-facts.h"
#include "peers.h"
#include "scan.h"
#include "tcp-connection.h"
#include "trait-tables.h"

enum { RECEIVE_DEFAULT = 64 * 1024 };

#define KIND "tcp"

static const char *const tcp_ends[] = { "connect", "listen", NULL };

static const OptionSpec tcp_options[] = {
        { "host", OPTION_STRING, OPTION_FOR_CREATE, "127.0.0.1", 0, 0,
                "the address to listen at, as a number or localhost; 0.0.0.0 and :: are all addresses of the "
                "machine" },
        { "port", OPTION_COUNT, OPTION_FOR_CREATE, "0", 0, UINT16_MAX,
                "the port to listen at; 0: the kernel chooses one, which the address then has" },
        { "backlog", OPTION_COUNT, OPTION_FOR_CREATE, "4096", 1, INT32_MAX,
                "how many connections may wait to be accepted; at most net.core.somaxconn" },
        { "reuse", OPTION_BOOL, OPTION_FOR_CREATE, "true", 0, 0,
                "take a port that only closed connections still have (SO_REUSEADDR)" },
        { "nodelay", OPTION_BOOL, OPTION_FOR_CREATE | OPTION_FOR_SEND, "false", 0, 0,
                "send small parts at once instead of collecting them (TCP_NODELAY)" },
        { "v6only", OPTION_BOOL, OPTION_FOR_CREATE, "false", 0, 0, "a socket at :: takes no IPv4 (IPV6_V6ONLY)" },
        { "end", OPTION_BOOL, OPTION_FOR_SEND, "false", 0, 0,
                "nothing follows: the far end reads its end of file, and can still answer (shutdown)" },
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

static int tcp_probe(Record *facts, Error *error) {
        CLEANUP_FD int fd = -EBADF;

        limit_append_file(facts, "somaxconn", "connections to be accepted", "/proc/sys/net/core/somaxconn");
        limit_append_file(facts, "ip_unprivileged_port_start", "lowest port for everybody",
                "/proc/sys/net/ipv4/ip_unprivileged_port_start");
        limit_append_file(
                facts, "ip_local_port_range", "lowest port that is chosen", "/proc/sys/net/ipv4/ip_local_port_range");
        limit_append_file(facts, "wmem_max", "bytes to be sent", "/proc/sys/net/core/wmem_max");
        limit_append_file(facts, "rmem_max", "bytes to be received", "/proc/sys/net/core/rmem_max");
        limit_append(facts, "accepted at a time", PEERS_MAX, "connections", "ipcbus");
        fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return error_set_errno(error, errno, "No TCP socket can be made");
        return inet_loopback_check(error);
}

static void tcp_close(KernelObject *object) {
        object->state = peers_free(object->state);
        object->fds[TCP_LISTENING] = fd_close(object->fds[TCP_LISTENING]);
        object->fds[TCP_CONNECTED] = fd_close(object->fds[TCP_CONNECTED]);
}

static const PeersFace tcp_peers = { .describe = tcp_describe_peer, .half_is_all = true };

/* Connections that are accepted take these over. */
static int tcp_set_options(int fd, const InetName *name, const Record *options, Error *error) {
        int r;

        r = socket_set_flag(fd, SOL_SOCKET, SO_REUSEADDR, record_get_bool(options, "reuse", true));
        if (r >= 0)
                r = socket_set_flag(fd, IPPROTO_TCP, TCP_NODELAY, record_get_bool(options, "nodelay", false));
        if (r >= 0 && name->any.sa_family == AF_INET6)
                r = socket_set_flag(fd, IPPROTO_IPV6, IPV6_V6ONLY, record_get_bool(options, "v6only", false));
        else if (r >= 0 && record_get_bool(options, "v6only", false))
                return error_set(error, ERROR_INVALID_OPTION, "v6only is for IPv6 hosts, such as host=::.");
        return r < 0 ? error_set_errno(error, r, "The options of the socket cannot be set") : 0;
}

static int tcp_listen(KernelObject *object, const InetName *name, const Record *options, Error *error) {
        int fd = object->fds[TCP_LISTENING], r;
        Peers *peers;

        r = tcp_set_options(fd, name, options, error);
        if (r >= 0)
                r = inet_bind(&inet_tcp, fd, name, error);
        if (r < 0)
                return r;
        /* Two sockets with SO_REUSEADDR can be bound to a port, of which one listens then. */
        if (listen(fd, (int)record_get_u64(options, "backlog", SOMAXCONN)) < 0)
                return errno == EADDRINUSE
                               ? error_set(error, ERROR_EXISTS, "Port %u is in use: another socket listens.",
                                         inet_name_port(name))
                               : error_set_errno(error, errno, "The socket cannot listen");
        r = inet_fill(&inet_tcp, object, fd, error);
        if (r >= 0)
                r = peers_new(fd, &tcp_peers, &peers, error);
        if (r >= 0)
                object->state = peers;
        return r;
}

static int tcp_create(KernelObject *object, const Record *options, Error *error) {
        InetName name;
        int r;

        r = inet_name_from_options(&inet_tcp, options, &name, error);
        if (r >= 0)
                r = inet_socket(&inet_tcp, &name, SOCK_NONBLOCK, &object->fds[TCP_LISTENING], error);
        if (r >= 0)
                r = tcp_listen(object, &name, options, error);
        if (r < 0)
                tcp_close(object);
        return r;
}

static int tcp_open(KernelObject *object, const Record *options, Error *error) {
        CLEANUP_FD int fd = -EBADF;
        Error reason = {};
        int r;

        r = inet_open(&inet_tcp, object, &reason);
        /* Rules of this machine may lead the address elsewhere, where somebody listens. As nobody does here, nobody
         * is disturbed by asking. */
        if (r == -ENOENT && tcp_connect(&object->address, false, &fd, NULL) >= 0 &&
                tcp_answer(&object->address, fd, NULL) >= 0)
                return 0;
        if (r < 0 && error)
                *error = reason;
        return r;
}

static int tcp_resolve(const Mechanism *mechanism, uint64_t inode) {
        return inet_resolve(&inet_tcp, inode);
}

static int tcp_from_fd(KernelObject *object, int fd, const Record *options, Error *error) {
        int r, listens = 0;
        socklen_t length = sizeof listens;

        r = inet_fd_check(&inet_tcp, fd);
        if (r < 0)
                return r;
        if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &length) < 0)
                return error_set_errno(error, errno, "The socket cannot be looked at");
        r = inet_fill(&inet_tcp, object, fd, error);
        if (r < 0)
                return r;
        object->created = 0; /* nobody knows */
        object->unnamed = object->address.form == ADDRESS_INODE;
        object->fds[listens ? TCP_LISTENING : TCP_CONNECTED] = fd;
        return 0;
}

static int tcp_revive(KernelObject *object, Error *error) {
        CLEANUP(record_freep) Record *options = NULL;
        KernelObject revived;
        int r;

        r = record_new(&options);
        if (r < 0)
                return error_set_errno(error, r, "The socket cannot be made again");
        record_set_string(options, "host", object->address.text);
        record_set_u64(options, "port", object->address.port);
        kernel_object_init(&revived, object->mechanism);
        r = tcp_create(&revived, options, error);
        if (r < 0)
                return r;
        revived.created = object->created;
        kernel_object_done(object);
        *object = revived;
        return 0;
}

static int tcp_remove(KernelObject *object, Error *error) {
        if (!object->state && object->fds[TCP_LISTENING] < 0 && !object->unnamed)
                return inet_cannot_remove(object, error);
        tcp_close(object);
        return 0;
}

static int tcp_identify(const Address *address, char ret_identity[IDENTITY_MAX], Error *error) {
        return inet_identify(&inet_tcp, address, ret_identity, error);
}

static int tcp_not_listening(const KernelObject *object, Error *error) {
        return error_set(error, ERROR_NOT_SUPPORTED,
                object->fds[TCP_LISTENING] >= 0
                        ? "This listening socket came as a descriptor, and whoever made it accepts its connections."
                        : "This is no address that this service listens at; create it here, or connect to it.");
}

static int tcp_send(
        KernelObject *object, const void *data, size_t size, const Record *options, size_t *ret_sent, Error *error) {
        uint64_t number = record_get_u64(options, "peer", 0);

        bool as_client = number == 0 && !record_get_bool(options, "listen", false);
        int r = 0;

        if (as_client && size > 0)
                return tcp_send_connected(object, data, size, options, ret_sent, error);
        if (!as_client && !object->state)
                return tcp_not_listening(object, error);
        *ret_sent = 0;
        if (as_client)
                tcp_sent_all(object, options);
        else if (size > 0)
                r = peers_send(object->state, number, data, size, NULL, ret_sent, error);
        if (r >= 0 && !as_client && *ret_sent == size && record_get_bool(options, "end", false))
                r = peers_finish(object->state, number, error);
        return r;
}

static bool tcp_as_client(Operation operation, const Record *options) {
        return operation == OPERATION_SEND && record_get_u64(options, "peer", 0) == 0 &&
               !record_get_bool(options, "listen", false);
}

static int tcp_receive(KernelObject *object, bool peek, const Record *options, void **ret_data, size_t *ret_size,
        Record *meta, Error *error) {
        uint64_t size = record_get_u64(options, "size", RECEIVE_DEFAULT), number = record_get_u64(options, "peer", 0);
        bool listens = object->state;
        int r;

        if (!listens && (number > 0 || record_get_bool(options, "listen", false)))
                return tcp_not_listening(object, error);
        if (listens && record_get_bool(options, "connect", !record_get_bool(options, "listen", true)))
                return error_set(error, ERROR_INVALID_OPTION,
                        "The service listens at this address itself: what is sent to it is received without "
                        "connecting.");
        if (listens)
                return peers_receive(object->state, number, peek, size, ret_data, ret_size, meta, NULL, error);
        r = tcp_receive_connected(object, peek, size, ret_data, ret_size, error);
        if (r >= 0)
                tcp_describe_peer(object->fds[TCP_CONNECTED], meta);
        return r;
}

static int tcp_wait_on(KernelObject *object, Operation operation, int *ret_fd, uint32_t *ret_events) {
        if (object->fds[TCP_CONNECTED] >= 0 && (operation == OPERATION_SEND || !object->state)) {
                *ret_fd = object->fds[TCP_CONNECTED];
                *ret_events = operation == OPERATION_SEND ? EPOLLOUT : EPOLLIN;
                return 0;
        }
        if (!object->state)
                return -EOPNOTSUPP;
        return peers_wait_on(object->state, operation, ret_fd, ret_events);
}

static int tcp_hand_out(KernelObject *object, int place, bool take, int *ret_fd, Error *error) {
        CLEANUP_FD int fd = fcntl(object->fds[place], F_DUPFD_CLOEXEC, 3);
        int flags;

        if (fd < 0)
                return error_set_errno(error, errno, "The socket cannot be handed out");
        /* Both have one open file description, and with it one O_NONBLOCK: a program expects an accept(2) that waits.
         * So the service accepts nothing any more; its copy keeps the place, and connections wait in the backlog. */
        if (object->state && place == TCP_LISTENING) {
                flags = fcntl(fd, F_GETFL);
                if (flags < 0 || fcntl(fd, F_SETFL, flags & ~O_NONBLOCK) < 0)
                        return error_set_errno(error, errno, "The listening socket cannot be handed out");
                peers_stop_listening(object->state);
        }
        if (take)
                object->fds[place] = fd_close(object->fds[place]);
        *ret_fd = fd_take(&fd);
        return 0;
}

static int tcp_open_end(KernelObject *object, const char *end, bool take, int *ret_fd, Error *error) {
        CLEANUP_FD int fd = -EBADF;
        int r;

        if (strcmp(end, "listen") == 0)
                return object->fds[TCP_LISTENING] < 0 ? tcp_not_listening(object, error)
                                                      : tcp_hand_out(object, TCP_LISTENING, take, ret_fd, error);
        if (*end && strcmp(end, "connect") != 0)
                return error_set(error, ERROR_INVALID_OPTION,
                        "A TCP socket has no end \"%.64s\"; its ends are \"connect\" (a new connection) and "
                        "\"listen\" (the socket that accepts).",
                        end);
        if (object->unnamed && object->fds[TCP_CONNECTED] >= 0)
                return tcp_hand_out(object, TCP_CONNECTED, take, ret_fd, error);
        r = tcp_connect(&object->address, false, &fd, error);
        if (r >= 0)
                r = tcp_answer(&object->address, fd, error);
        if (r < 0)
                return r;
        *ret_fd = fd_take(&fd);
        return 0;
}

static int tcp_accept(KernelObject *object, int *ret_fd, Record *peer, Error *error) {
        if (!object->state)
                return tcp_not_listening(object, error);
        return peers_take(object->state, ret_fd, peer, error);
}

static int tcp_describe(KernelObject *object, Record *attributes, Error *error) {
        int fd = object->state || object->unnamed ? object->fds[object->state ? TCP_LISTENING : TCP_CONNECTED]
                                                  : -EBADF;

        if (fd < 0) {
                inet_describe_foreign(&inet_tcp, object, attributes);
                return record_error(attributes);
        }
        tcp_describe_info(fd, attributes);
        inet_describe_fd(&inet_tcp, fd, attributes);
        if (object->unnamed)
                inet_describe_far_end(&inet_tcp, object, attributes);
        if (object->state) {
                record_set_u64(attributes, "peers", peers_count(object->state));
                record_set_u64(attributes, "queued", peers_queued(object->state));
        }
        return record_error(attributes);
}

static int tcp_watch_on(KernelObject *object, int *ret_fd, uint32_t *ret_events) {
        return object->state ? peers_watch_on(object->state, ret_fd, ret_events) : -EOPNOTSUPP;
}

static void tcp_watch(KernelObject *object, uint32_t revents, EventSink *sink) {
        peers_watch(object->state, sink);
}

static int tcp_scan(Scan *scan) {
        return inet_scan(&inet_tcp, scan);
}

static int tcp_holder_keys(const KernelObject *object, HolderKey *ret_keys, size_t *n) {
        return inet_holder_keys(&inet_tcp, object, ret_keys, n);
}

static int tcp_explain(const Address *address, Explanation *explanation) {
        return inet_explain(&inet_tcp, address, explanation);
}

const Mechanism mechanism_tcp = {
        .kind = KIND,
        .title = "TCP connection",
        .family = "sockets",
        .capabilities = CAPABILITY_STREAM,
        .address_forms = INET_ADDRESS_FORMS,
        .facts = {
                .direction = "full-duplex",
                .full_duplex = true,
                .bidirectional = true,
                .order = "first in, first out",
                .persistence = "until the last descriptor closes",
                .unrelated = true,
                .carries_data = true,
                .source = "tcp(7)",
        },
        .ends = tcp_ends,
        .options = tcp_options,
        .reasons = {
                [OPERATION_POST] = "A socket carries bytes; posting is for semaphores.",
                [OPERATION_WAIT] = "A socket carries bytes; waiting is for semaphores. Receive with a time-out waits for bytes.",
                [OPERATION_RESIZE] = "The buffers of a connection are sized by the kernel as it goes (net.ipv4.tcp_rmem, tcp_wmem); a listening socket has none.",
                [OPERATION_SEAL] = "A socket cannot be sealed; memory files can.",
                [OPERATION_LISTEN] = "Listening for signals is for the kind \"signal\"; this one listens from its creation on.",
        },
        .ends_with_service = true,
        .probe = tcp_probe,
        .create = tcp_create,
        .open = tcp_open,
        .from_fd = tcp_from_fd,
        .needs_fetch = inet_needs_fetch,
        .alias = "socket",
        .resolve = tcp_resolve,
        .fetch = inet_fetch,
        .revive = tcp_revive,
        .close = tcp_close,
        .remove = tcp_remove,
        .identify = tcp_identify,
        .explain = tcp_explain,
        .send = tcp_send,
        .receive = tcp_receive,
        .wait_on = tcp_wait_on,
        .as_client = tcp_as_client,
        .open_end = tcp_open_end,
        .accept = tcp_accept,
        .describe = tcp_describe,
        .watch_on = tcp_watch_on,
        .watch = tcp_watch,
        .scan = tcp_scan,
        .holder_keys = tcp_holder_keys,
        .transport = &tcp_transport,
        .example = "host=127.0.0.1 port=4444",
        .traits = tcp_traits,
        .checks = tcp_checks,
        .gaps = tcp_gaps,
};
