/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A connection of the service's own, in fds[TCP_CONNECTED] of its object. */
#include "tcp-connection.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cleanup.h"
#include "inet-socket.h"

void tcp_describe_peer(int fd, Record *about) {
        socklen_t length = sizeof(InetName);
        InetName name;

        if (getpeername(fd, &name.any, &length) >= 0)
                inet_record_name(about, "from", inet_tcp.kind, &name);
}

int socket_set_flag(int fd, int level, int name, bool on) {
        int value = on;

        return setsockopt(fd, level, name, &value, sizeof value) < 0 ? -errno : 0;
}

/* Nobody listens, and the kernel chose the port that is connected to for this end, too: a connection with itself,
 * which would take what is sent (simultaneous open, RFC 9293 section 3.5). */
static bool connected_to_itself(int fd, const InetName *peer) {
        socklen_t length = sizeof(InetName);
        InetName own = {};

        return getsockname(fd, &own.any, &length) >= 0 && inet_name_port(&own) == inet_name_port(peer) &&
               (inet_name_is_any(peer) || inet_name_same_host(&own, peer));
}

/* -EINPROGRESS is told by what comes after. */
int tcp_connect(const Address *address, bool nodelay, int *ret_fd, Error *error) {
        CLEANUP_FD int fd = -EBADF;
        InetName name;
        int flags, r;

        r = inet_address_to_name(address, &name, error);
        if (r >= 0)
                r = inet_socket(&inet_tcp, &name, SOCK_NONBLOCK, &fd, error);
        if (r < 0)
                return r;
        if (nodelay)
                (void)socket_set_flag(fd, IPPROTO_TCP, TCP_NODELAY, true);
        if (connect(fd, &name.any, inet_name_size(&name)) < 0 && errno != EINPROGRESS)
                return inet_connect_failed(inet_tcp.kind, &name, errno, error);
        if (connected_to_itself(fd, &name))
                return inet_connect_failed(inet_tcp.kind, &name, ECONNREFUSED, error);
        flags = fcntl(fd, F_GETFL);
        if (flags < 0 || fcntl(fd, F_SETFL, flags & ~O_NONBLOCK) < 0)
                return error_set_errno(error, errno, "The new connection cannot be prepared");
        *ret_fd = fd_take(&fd);
        return 0;
}

/* On this machine the answer is there at once. 0 also while it is on its way. */
int tcp_answer(const Address *address, int fd, Error *error) {
        struct pollfd state = { .fd = fd, .events = POLLOUT };
        socklen_t length = sizeof(int);
        InetName name;
        int number = 0;

        if (poll(&state, 1, 0) <= 0 || !(state.revents & POLLERR) ||
                getsockopt(fd, SOL_SOCKET, SO_ERROR, &number, &length) < 0 || number == 0)
                return 0;
        if (inet_address_to_name(address, &name, error) < 0)
                return error_set_errno(error, number, "The connection failed");
        return inet_connect_failed(inet_tcp.kind, &name, number, error);
}

static void tcp_disconnect(KernelObject *object) {
        object->fds[TCP_CONNECTED] = fd_close(object->fds[TCP_CONNECTED]);
}

/* A use of the connection failed. What connect(2) began may have ended so. */
static int tcp_lost(KernelObject *object, int number, const char *what, Error *error) {
        InetName name;
        int r;

        switch (number) {
        case EPIPE:
                r = error_set(error, ERROR_PEER_GONE, "The far end has closed the connection.");
                break;
        case ECONNRESET:
                r = error_set(error, ERROR_PEER_GONE,
                        "The far end has reset the connection (ECONNRESET): it closed it with bytes unread, or died; "
                        "what was under way is lost.");
                break;
        default:
                r = inet_address_to_name(&object->address, &name, NULL) >= 0
                            ? inet_connect_failed(inet_tcp.kind, &name, number, error)
                            : error_set_errno(error, number, "%s", what);
        }
        if (!object->unnamed)
                tcp_disconnect(object);
        return r;
}

static int tcp_need_connection(KernelObject *object, const Record *options, Error *error) {
        if (object->fds[TCP_CONNECTED] >= 0)
                return 0;
        if (object->address.form == ADDRESS_INODE)
                return error_set(error, ERROR_PEER_GONE, "The service does not hold this connection any more.");
        return tcp_connect(
                &object->address, record_get_bool(options, "nodelay", false), &object->fds[TCP_CONNECTED], error);
}

/* All went in: the connection of one send to ours ends, and any other does so in this direction where it is asked. */
void tcp_sent_all(KernelObject *object, const Record *options) {
        if (object->state)
                tcp_disconnect(object);
        else if (record_get_bool(options, "end", false) && object->fds[TCP_CONNECTED] >= 0)
                (void)shutdown(object->fds[TCP_CONNECTED], SHUT_WR);
}

int tcp_send_connected(
        KernelObject *object, const void *data, size_t size, const Record *options, size_t *ret_sent, Error *error) {
        ssize_t n;
        int r;

        r = tcp_need_connection(object, options, error);
        if (r < 0)
                return r;
        do
                n = send(object->fds[TCP_CONNECTED], data, size, MSG_DONTWAIT | MSG_NOSIGNAL);
        while (n < 0 && errno == EINTR);
        if (n < 0 && errno == EAGAIN)
                return -EAGAIN;
        if (n < 0)
                return tcp_lost(object, errno, "The bytes cannot be written", error);
        *ret_sent = (size_t)n;
        if ((size_t)n == size)
                tcp_sent_all(object, options);
        return 0;
}

int tcp_receive_connected(
        KernelObject *object, bool peek, uint64_t size, void **ret_data, size_t *ret_size, Error *error) {
        CLEANUP_FREE char *buffer = NULL;
        ssize_t n;
        int r;

        r = tcp_need_connection(object, NULL, error);
        if (r < 0)
                return r;
        buffer = malloc(size);
        if (!buffer)
                return error_set_errno(error, ENOMEM, "%llu bytes cannot be taken at once", (unsigned long long)size);
        do
                n = recv(object->fds[TCP_CONNECTED], buffer, size, MSG_DONTWAIT | (peek ? MSG_PEEK : 0));
        while (n < 0 && errno == EINTR);
        if (n < 0 && errno == EAGAIN)
                return -EAGAIN;
        if (n < 0)
                return tcp_lost(object, errno, "The bytes cannot be read", error);
        if (n == 0) {
                if (!peek && !object->unnamed)
                        tcp_disconnect(object);
                return error_set(error, ERROR_PEER_GONE, "The stream has ended: the far end sends no more.");
        }
        *ret_data = TAKE_POINTER(buffer);
        *ret_size = (size_t)n;
        return 0;
}

/* Of a listening socket the kernel tells its backlog in the fields of lost and acknowledged segments. */
void tcp_describe_info(int fd, Record *attributes) {
        struct tcp_info info = {};
        socklen_t length = sizeof info;
        int nodelay = 0;

        if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) < 0)
                return;
        record_set_string(attributes, "state", inet_state_name(info.tcpi_state));
        if (info.tcpi_state == TCP_LISTEN) {
                record_set_u64(attributes, "waiting_connections", info.tcpi_unacked);
                record_set_u64(attributes, "backlog", info.tcpi_sacked);
        } else {
                record_set_u64(attributes, "rtt_us", info.tcpi_rtt);
                record_set_u64(attributes, "retransmits", info.tcpi_total_retrans);
                record_set_u64(attributes, "mss", info.tcpi_snd_mss);
        }
        length = sizeof nodelay;
        if (getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &nodelay, &length) >= 0)
                record_set_bool(attributes, "nodelay", nodelay);
}
