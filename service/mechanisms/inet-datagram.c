/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Datagrams of UDP and raw sockets: making, sending with what the far host says of it, receiving with what was lost.
 */
#include "inet-datagram.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sock_diag.h>
#include <netinet/ip.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/uio.h>
#include <unistd.h>

#include "cleanup.h"
#include "inet-transport.h"
#include "limit-facts.h"
#include "tcp-connection.h"

enum { BOUND, SENDING };

/* --- Making --- */

void inet_datagram_close(KernelObject *object) {
        object->fds[BOUND] = fd_close(object->fds[BOUND]);
        object->fds[SENDING] = fd_close(object->fds[SENDING]);
        free(object->state);
        object->state = NULL;
}

/* A name as system calls take it: raw sockets have no ports (rawv6_sendmsg() in net/ipv6/raw.c minds). */
static InetName name_for_call(const InetKind *kind, const InetName *name) {
        InetName bare = *name;

        if (kind == &inet_raw)
                inet_name_set_port(&bare, 0);
        return bare;
}

/* The kernel would let many raw sockets have one name, and give each a copy; then the name would say nothing. */
static int raw_is_free(const InetName *name, Error *error) {
        CLEANUP(inet_sockets_freep) InetSockets *sockets = NULL;
        const InetSocket *socket;

        if (inet_sockets_new(IPPROTO_RAW, INET_STATES_ALL, inet_name_port(name), &sockets, NULL) < 0)
                return 0;
        socket = inet_sockets_bound(sockets, name);
        if (!socket || !inet_name_same_host(&socket->local, name))
                return 0;
        return error_set(error, ERROR_EXISTS,
                "A raw socket of the IP protocol %u is bound to this address already: [%llu] of user %u. Each of them "
                "would get a copy of all that comes; share=true makes one all the same.",
                inet_name_port(name), (unsigned long long)socket->inode, socket->uid);
}

static int bound_set_options(int fd, const InetName *name, const Record *options, Error *error) {
        uint64_t buffer = record_get_u64(options, "receive_buffer", 0);
        int value = (int)buffer, r = 0;

        if (buffer > 0 && setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &value, sizeof value) < 0)
                r = -errno;
        if (r >= 0)
                r = socket_set_flag(fd, SOL_SOCKET, SO_REUSEADDR, record_get_bool(options, "reuse", false));
        if (r >= 0 && name->any.sa_family == AF_INET6 && record_has(options, "v6only"))
                r = socket_set_flag(fd, IPPROTO_IPV6, IPV6_V6ONLY, record_get_bool(options, "v6only", false));
        return r < 0 ? error_set_errno(error, r, "The options of the socket cannot be set") : 0;
}

int inet_datagram_create(const InetKind *kind, KernelObject *object, const Record *options, Error *error) {
        InetName name, bare;
        int r;

        r = inet_name_from_options(kind, options, &name, error);
        if (r >= 0 && kind == &inet_raw && !record_get_bool(options, "share", false))
                r = raw_is_free(&name, error);
        if (r >= 0)
                r = inet_socket(kind, &name, 0, &object->fds[BOUND], error);
        if (r >= 0)
                r = bound_set_options(object->fds[BOUND], &name, options, error);
        if (r >= 0) {
                bare = name_for_call(kind, &name);
                r = inet_bind(kind, object->fds[BOUND], &bare, error);
        }
        if (r >= 0)
                r = inet_fill(kind, object, object->fds[BOUND], error);
        if (r < 0)
                inet_datagram_close(object);
        return r;
}

int inet_datagram_from_fd(const InetKind *kind, KernelObject *object, int fd, Error *error) {
        int r;

        r = inet_fd_check(kind, fd);
        if (r >= 0)
                r = inet_fill(kind, object, fd, error);
        if (r < 0)
                return r;
        object->created = 0; /* nobody knows */
        object->unnamed = object->address.form == ADDRESS_INODE;
        object->fds[BOUND] = fd;
        return 0;
}

int inet_datagram_revive(const InetKind *kind, KernelObject *object, Error *error) {
        CLEANUP(record_freep) Record *options = NULL;
        KernelObject revived;
        int r;

        r = record_new(&options);
        if (r < 0)
                return error_set_errno(error, r, "The socket cannot be made again");
        record_set_string(options, "host", object->address.text);
        record_set_u64(options, kind == &inet_raw ? "protocol" : "port", object->address.port);
        kernel_object_init(&revived, object->mechanism);
        r = inet_datagram_create(kind, &revived, options, error);
        if (r < 0)
                return r;
        revived.created = object->created;
        kernel_object_done(object);
        *object = revived;
        return 0;
}

int inet_datagram_remove(KernelObject *object, Error *error) {
        if (object->fds[BOUND] < 0)
                return inet_cannot_remove(object, error);
        inet_datagram_close(object);
        return 0;
}

/* --- Sending --- */

static int connected_socket(const InetKind *kind, const Address *address, bool broadcast, int *ret_fd, Error *error) {
        CLEANUP_FD int fd = -EBADF;
        InetName name, bare;
        int r;

        r = inet_address_to_name(address, &name, error);
        if (r >= 0)
                r = inet_socket(kind, &name, 0, &fd, error);
        if (r < 0)
                return r;
        if (broadcast)
                (void)socket_set_flag(fd, SOL_SOCKET, SO_BROADCAST, true);
        bare = name_for_call(kind, &name);
        if (connect(fd, &bare.any, inet_name_size(&bare)) < 0)
                return inet_connect_failed(kind->kind, &name, errno, error);
        *ret_fd = fd_take(&fd);
        return 0;
}

/* What the far host said of what was sent. On this machine it is there when send(2) returns. */
static int pending_error(int fd) {
        socklen_t length = sizeof(int);
        int number = 0;

        return getsockopt(fd, SOL_SOCKET, SO_ERROR, &number, &length) < 0 ? -errno : -number;
}

static int send_once(int fd, const void *data, size_t size, const InetName *to) {
        ssize_t n;

        do
                n = sendto(fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL, to ? &to->any : NULL,
                        to ? inet_name_size(to) : 0);
        while (n < 0 && errno == EINTR);
        return n < 0 ? -errno : pending_error(fd);
}

/* A socket that is not connected hears of a refusal only where it asked for it (IP_RECVERR, ip(7)). */
static int send_from_bound(const InetKind *kind, int fd, const void *data, size_t size, const InetName *to) {
        bool v6 = to->any.sa_family == AF_INET6;
        int level = v6 ? IPPROTO_IPV6 : IPPROTO_IP, name = v6 ? IPV6_RECVERR : IP_RECVERR, r;
        InetName bare = name_for_call(kind, to);

        r = socket_set_flag(fd, level, name, true);
        if (r >= 0)
                r = send_once(fd, data, size, &bare);
        /* Switched off, what waits in the error queue goes, too. */
        (void)socket_set_flag(fd, level, name, false);
        return r;
}

static int send_failed(const InetKind *kind, const InetName *name, size_t size, int r, Error *error) {
        bool v6 = name->any.sa_family == AF_INET6;

        switch (-r) {
        case EAGAIN:
        case ENOBUFS:
                (void)error_set(
                        error, ERROR_BUSY, "The buffer of the socket, or the queue of the interface, is full.");
                return -EAGAIN;
        case EMSGSIZE:
                return error_set(error, ERROR_LIMIT_EXCEEDED,
                        "A message of %zu bytes is longer than a datagram may be: %d bytes over IPv%d.", size,
                        kind == &inet_raw ? RAW_MESSAGE_MAX
                        : v6              ? UDP6_MESSAGE_MAX
                                          : UDP_MESSAGE_MAX,
                        v6 ? 6 : 4);
        case ECONNREFUSED:
                return error_set(error, ERROR_PEER_GONE,
                        "Nobody receives there: the host refused the message, or one before it (ECONNREFUSED, ICMP "
                        "port unreachable). It is lost.");
        default:
                return inet_connect_failed(kind->kind, name, -r, error);
        }
}

/* "HOST:PORT" */
static int parse_to(const InetKind *kind, const char *text, InetName *ret, Error *error) {
        CLEANUP(address_done) Address address = ADDRESS_EMPTY;
        CLEANUP_FREE char *whole = NULL;

        if (asprintf(&whole, "%s:%s", kind->kind, text) < 0) {
                whole = NULL;
                return error_set_errno(error, ENOMEM, "The address cannot be read");
        }
        if (address_parse(whole, &address, NULL) < 0 || address.form != ADDRESS_HOST)
                return error_set(error, ERROR_INVALID_OPTION,
                        "\"to\" is HOST:PORT, such as 127.0.0.1:4444; it is %.100s.", text);
        return inet_address_to_name(&address, ret, error);
}

static int send_to(const InetKind *kind, KernelObject *object, const void *data, size_t size, const char *to,
        size_t *ret_sent, Error *error) {
        InetName name;
        int r;

        if (object->fds[BOUND] < 0)
                return error_set(error, ERROR_NOT_SUPPORTED,
                        "Only the process that is bound to an address can send from it, and that is not this "
                        "service.");
        r = parse_to(kind, to, &name, error);
        if (r < 0)
                return r;
        r = send_from_bound(kind, object->fds[BOUND], data, size, &name);
        if (r < 0)
                return send_failed(kind, &name, size, r, error);
        *ret_sent = size;
        return 0;
}

int inet_datagram_send(const InetKind *kind, KernelObject *object, const void *data, size_t size,
        const Record *options, size_t *ret_sent, Error *error) {
        const char *to = record_get_string(options, "to", NULL);
        socklen_t length = sizeof(InetName);
        InetName name = { .any.sa_family = AF_INET };
        int fd, r;

        if (to)
                return send_to(kind, object, data, size, to, ret_sent, error);
        if (object->fds[SENDING] < 0 && !object->unnamed) {
                r = connected_socket(kind, &object->address, record_get_bool(options, "broadcast", false),
                        &object->fds[SENDING], error);
                if (r < 0)
                        return r;
        }
        fd = object->fds[object->unnamed ? BOUND : SENDING];
        (void)getpeername(fd, &name.any, &length);
        if (kind == &inet_raw)
                inet_name_set_port(&name, object->address.port);
        r = send_once(fd, data, size, NULL);
        if (r < 0)
                return send_failed(kind, &name, size, r, error);
        *ret_sent = size;
        return 0;
}

/* --- Receiving --- */

/* The length of the next message, whole, with the header that a raw socket of IPv4 gets. */
static int next_size(int fd, size_t *ret_size) {
        ssize_t n;

        do
                n = recv(fd, NULL, 0, MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT);
        while (n < 0 && (errno == EINTR || errno == ECONNREFUSED));
        if (n < 0)
                return -errno;
        *ret_size = (size_t)n;
        return 0;
}

static uint64_t drops_of(int fd) {
        uint32_t memory[SK_MEMINFO_VARS] = {};
        socklen_t length = sizeof memory;

        return getsockopt(fd, SOL_SOCKET, SO_MEMINFO, memory, &length) < 0 ? 0 : memory[SK_MEMINFO_DROPS];
}

/* Lost are those that came before this message was taken; the kernel does not say when. */
static void tell_losses(KernelObject *object, bool peek, Record *meta) {
        uint64_t drops = drops_of(object->fds[BOUND]), *told = object->state;

        if (drops == 0)
                return;
        if (!told)
                told = object->state = calloc(1, sizeof *told);
        record_set_u64(meta, "drops", drops);
        if (!told || drops <= *told)
                return;
        record_set_u64(meta, "lost", drops - *told);
        if (!peek)
                *told = drops;
}

static size_t header_size(const InetKind *kind, const unsigned char *packet, size_t size, int family) {
        size_t length = size > 0 ? (size_t)(packet[0] & 0xF) * 4 : 0;

        return kind == &inet_raw && family == AF_INET && length <= size ? length : 0;
}

static int take(int fd, bool peek, void *buffer, size_t size, InetName *ret_from, size_t *ret_length) {
        struct iovec vector = { .iov_base = buffer, .iov_len = size };
        struct msghdr header = {
                .msg_name = ret_from, .msg_namelen = sizeof *ret_from, .msg_iov = &vector, .msg_iovlen = 1
        };
        ssize_t n;

        do
                n = recvmsg(fd, &header, MSG_DONTWAIT | MSG_TRUNC | (peek ? MSG_PEEK : 0));
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return -errno;
        *ret_length = (size_t)n;
        return 0;
}

static int not_bound(Error *error) {
        return error_set(error, ERROR_NOT_SUPPORTED,
                "Only the process that is bound to the address can receive from it, and that is not this service; "
                "create a socket here.");
}

int inet_datagram_receive(const InetKind *kind, KernelObject *object, bool peek, const Record *options,
        void **ret_data, size_t *ret_size, Record *meta, Error *error) {
        uint64_t wanted = record_get_u64(options, "size", UINT64_MAX);
        bool whole = record_get_bool(options, "header", false);
        CLEANUP_FREE unsigned char *buffer = NULL;
        size_t next, length = 0, header;
        InetName from = {};
        int r;

        if (object->fds[BOUND] < 0)
                return not_bound(error);
        r = next_size(object->fds[BOUND], &next);
        if (r >= 0) {
                buffer = malloc(next + 1);
                r = buffer ? take(object->fds[BOUND], peek, buffer, next, &from, &length) : -ENOMEM;
        }
        if (r == -EAGAIN)
                return r;
        if (r < 0)
                return error_set_errno(error, r, "The message cannot be received");
        header = whole ? 0 : header_size(kind, buffer, next, from.any.sa_family);
        next = (length < next ? length : next) - header;
        length -= header;
        memmove(buffer, buffer + header, next);
        if (kind == &inet_raw)
                inet_name_set_port(&from, object->address.port);
        inet_record_name(meta, "from", kind->kind, &from);
        tell_losses(object, peek, meta);
        *ret_size = next < wanted ? next : (size_t)wanted;
        record_set_bool(meta, "truncated", length > *ret_size);
        if (length > *ret_size)
                record_set_u64(meta, "length", length);
        *ret_data = TAKE_POINTER(buffer);
        return 0;
}

/* --- The rest --- */

int inet_datagram_wait_on(KernelObject *object, Operation operation, int *ret_fd, uint32_t *ret_events) {
        int fd = object->fds[operation == OPERATION_SEND && !object->unnamed ? SENDING : BOUND];

        if (fd < 0)
                return -EOPNOTSUPP;
        *ret_fd = fd;
        *ret_events = operation == OPERATION_SEND ? EPOLLOUT : EPOLLIN;
        return 0;
}

int inet_datagram_open_end(
        const InetKind *kind, KernelObject *object, const char *end, bool take_it, int *ret_fd, Error *error) {
        int fd;

        if ((!*end || strcmp(end, "send") == 0) && !object->unnamed)
                return connected_socket(kind, &object->address, false, ret_fd, error);
        if (*end && strcmp(end, "send") != 0 && strcmp(end, "receive") != 0)
                return error_set(error, ERROR_INVALID_OPTION,
                        "A datagram socket has no end \"%.64s\"; its ends are \"send\" and \"receive\".", end);
        if (object->fds[BOUND] < 0)
                return error_set(error, ERROR_PEER_GONE,
                        "The service does not hold the receiving socket: it is another process's, or was given away.");
        fd = take_it ? fd_take(&object->fds[BOUND]) : fcntl(object->fds[BOUND], F_DUPFD_CLOEXEC, 3);
        if (fd < 0)
                return error_set_errno(error, errno, "The receiving socket cannot be handed out");
        *ret_fd = fd;
        return 0;
}

int inet_datagram_describe(const InetKind *kind, KernelObject *object, Record *attributes) {
        int fd = object->fds[BOUND];
        size_t next;

        if (fd < 0) {
                inet_describe_foreign(kind, object, attributes);
                return record_error(attributes);
        }
        inet_describe_fd(kind, fd, attributes);
        record_set_string(attributes, "state", next_size(fd, &next) < 0 ? "empty" : "filled");
        record_set_u64(attributes, "drops", drops_of(fd));
        return record_error(attributes);
}

int inet_datagram_watch_on(KernelObject *object, int *ret_fd, uint32_t *ret_events) {
        if (object->fds[BOUND] < 0)
                return -EOPNOTSUPP;
        *ret_fd = object->fds[BOUND];
        *ret_events = EPOLLIN | EPOLLET;
        return 0;
}

void inet_datagram_watch(KernelObject *object, uint32_t revents, EventSink *sink) {
        CLEANUP(record_freep) Record *details = NULL;
        size_t size;

        if (!(revents & EPOLLIN) || next_size(object->fds[BOUND], &size) < 0 || record_new(&details) < 0)
                return;
        record_set_u64(details, "bytes", size);
        sink->emit(sink, EVENT_MESSAGE_ARRIVED, details);
}
