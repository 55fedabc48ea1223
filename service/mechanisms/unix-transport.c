/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Messages over one connection of stream or seqpacket sockets, or two datagram sockets that are connected to each
 * other. In a side own[0] is its socket, for both lanes. The sides always meet by address: a path in the run's
 * directory, or, where that is too long for a socket's name, an abstract one. */
#include "unix-parts.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cleanup.h"
#include "limit-facts.h"
#include "stream-wait.h"
#include "transport.h"
#include "unix-address.h"

enum { NAMES_MAX = 1024 };
enum { SENDING, RECEIVING }; /* of datagrams; a stream is one socket for both */

static int wait_flag(const Link *link) {
        return link_never_sleeps(link) ? MSG_DONTWAIT : 0;
}

static int link_address(const Link *link, unsigned lane, Address *ret, Error *error) {
        char path[UNIX_NAME_MAX + 1];
        const char *kind = link->mechanism->kind, *name = link->names[lane];
        int n, r;

        n = snprintf(path, sizeof path, "%s/%s", link->directory, name);
        if (n > 0 && (size_t)n < sizeof path)
                r = address_set_path(ret, kind, path);
        else
                r = address_set_bytes(ret, kind, ADDRESS_ABSTRACT, name, strlen(name));
        return r < 0 ? error_set_errno(error, r, "The address of the link cannot be kept") : 0;
}

/* Binds the first name that is free: a run may have several links at a time. */
static int link_bind(Link *link, unsigned lane, int fd, Error *error) {
        int r = -EEXIST;

        for (unsigned i = 0; r == -EEXIST && i < NAMES_MAX; i++) {
                CLEANUP(address_done) Address address = ADDRESS_EMPTY;

                snprintf(
                        link->names[lane], LINK_NAME_MAX, "ipcbus-%.60s-%s-%u", link->token, link->mechanism->kind, i);
                r = link_address(link, lane, &address, error);
                if (r >= 0)
                        r = unix_bind(fd, &address, link_mode(link), false, error);
        }
        if (r < 0)
                link->names[lane][0] = '\0';
        else if (error)
                *error = (Error){};
        return r;
}

static void unix_link_teardown(Link *link) {
        for (unsigned i = 0; i < LINK_FDS_MAX; i++)
                link->fds[i] = fd_close(link->fds[i]);
        for (unsigned lane = 0; lane < LINK_LANES; lane++) {
                CLEANUP(address_done) Address address = ADDRESS_EMPTY;

                if (link->names[lane][0] && link_address(link, lane, &address, NULL) >= 0)
                        unix_unbind(&address);
                link->names[lane][0] = '\0';
        }
}

static int link_socket(Link *link, unsigned lane, int type, Error *error) {
        link->fds[lane] = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
        if (link->fds[lane] < 0)
                return error_set_errno(error, errno, "No socket can be made");
        return link_bind(link, lane, link->fds[lane], error);
}

static int stream_link_setup(Link *link, Error *error) {
        int r;

        r = link_socket(link, 0, unix_type_of(link->mechanism->kind), error);
        if (r >= 0 && listen(link->fds[0], 1) < 0)
                r = error_set_errno(error, errno, "The socket of the link cannot listen");
        if (r < 0) {
                unix_link_teardown(link);
                return r;
        }
        if (link->message_max > STREAM_MESSAGE_MAX)
                link->message_max = STREAM_MESSAGE_MAX;
        return 0;
}

/* Side 0 accepts what side 1 connects. The listener goes then, so that nobody else finds one. */
static int stream_link_attach(Link *link, Error *error) {
        CLEANUP(address_done) Address address = ADDRESS_EMPTY;
        CLEANUP_FD int listener = fd_take(&link->fds[0]);
        int r;

        if (link->side == 0) {
                do
                        link->own[0] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
                while (link->own[0] < 0 && errno == EINTR);
                if (link->own[0] < 0)
                        return error_set_errno(error, errno, "The link's connection cannot be accepted");
                return 0;
        }
        r = link_address(link, 0, &address, error);
        if (r >= 0)
                r = unix_connect(&address, unix_type_of(link->mechanism->kind), &link->own[0], error);
        return r == -EAGAIN ? error_set(error, ERROR_BUSY, "Somebody else is connecting to the link.") : r;
}

static int send_rest(Link *link, const char *data, size_t size) {
        while (size > 0) {
                ssize_t n = send(link->own[0], data, size, MSG_NOSIGNAL | wait_flag(link));

                if (n >= 0) {
                        data += n;
                        size -= (size_t)n;
                } else if (!link_sends_again(link, link->own[0], -errno))
                        return -errno;
        }
        return 0;
}

static int stream_link_send(Link *link, const void *data, size_t size) {
        ssize_t n = send(link->own[0], data, size, MSG_NOSIGNAL | wait_flag(link));

        if (n == (ssize_t)size)
                return 0;
        return send_rest(link, (const char *)data + (n > 0 ? n : 0), size - (n > 0 ? (size_t)n : 0));
}

/* A message that went in by half is finished, waiting. */
static int stream_link_try_send(Link *link, const void *data, size_t size) {
        ssize_t n = send(link->own[0], data, size, MSG_NOSIGNAL | MSG_DONTWAIT);

        if (n < 0)
                return -errno;
        return send_rest(link, (const char *)data + n, size - (size_t)n);
}

static ssize_t stream_link_receive(Link *link, void *buffer, size_t size) {
        ssize_t n;

        do
                n = recv(link->own[0], buffer, size, wait_flag(link));
        while (n < 0 && link_receives_again(link, -errno));
        return n < 0 ? -errno : n;
}

static ssize_t stream_link_try_receive(Link *link, void *buffer, size_t size) {
        ssize_t n = recv(link->own[0], buffer, size, MSG_DONTWAIT);

        return n < 0 ? -errno : n;
}

static int stream_link_wait_readable(Link *link, uint64_t timeout_usec) {
        return wait_readable_fd(link->own[0], timeout_usec);
}

static int stream_link_poll_fd(const Link *link) {
        return link->own[0];
}

static void stream_link_close_direction(Link *link, bool sending) {
        (void)shutdown(link->own[0], sending ? SHUT_WR : SHUT_RD);
}

static void unix_link_detach(Link *link) {
        for (unsigned i = 0; i < LINK_FDS_MAX; i++)
                link->own[i] = fd_close(link->own[i]);
}

/* A message has to fit the send buffer less 32 bytes (sock_alloc_send_pskb() in net/core/sock.c). */
static int dgram_link_buffer(Link *link, int fd, int *ret_buffer, Error *error) {
        int wanted = link->message_max < (size_t)INT32_MAX ? (int)link->message_max : INT32_MAX, buffer = 0;
        socklen_t length = sizeof buffer;

        if (getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &buffer, &length) < 0)
                return error_set_errno(error, errno, "The buffer of the socket cannot be told");
        /* setsockopt(2) takes at most wmem_max, and doubles it. */
        if (link->message_max > (size_t)buffer - 32 &&
                (setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &wanted, sizeof wanted) < 0 ||
                        getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &buffer, &length) < 0))
                return error_set_errno(error, errno, "The buffer of the socket cannot be set");
        if (link->message_max > (size_t)buffer - 32)
                link->message_max = (size_t)buffer - 32;
        *ret_buffer = buffer;
        return 0;
}

/* The receiver's queue takes one message more than max_dgram_qlen (unix_recvq_full() in net/unix/af_unix.c), unless
 * the sender's buffer is used up before, which counts more than the bytes of a message: then it is not known. */
static unsigned dgram_link_depth(const Link *link, int buffer) {
        uint64_t messages = limit_read("/proc/sys/net/unix/max_dgram_qlen", 0) + 1;

        if (messages == 1 || messages > 65536 || (link->message_max + 1024) * 2 * messages > (uint64_t)buffer)
                return 0;
        return (unsigned)messages;
}

/* fds[lane] is bound, for the receiver of that lane. The buffer that counts is that of the sending socket, which
 * attach() makes; here it is tried what one can get. */
static int dgram_link_setup(Link *link, Error *error) {
        int buffer = 0, r = 0;

        for (unsigned lane = 0; r >= 0 && lane < LINK_LANES; lane++)
                r = link_socket(link, lane, SOCK_DGRAM, error);
        if (r >= 0)
                r = dgram_link_buffer(link, link->fds[0], &buffer, error);
        if (r < 0) {
                unix_link_teardown(link);
                return r;
        }
        link->depth = dgram_link_depth(link, buffer);
        return 0;
}

static int dgram_link_attach(Link *link, Error *error) {
        CLEANUP(address_done) Address address = ADDRESS_EMPTY;
        CLEANUP_FD int receiving = fd_take(&link->fds[!link->side]), sending = -EBADF;
        int buffer, r;

        link->fds[link->side] = fd_close(link->fds[link->side]);
        r = link_address(link, link->side, &address, error);
        if (r >= 0)
                r = unix_connect(&address, SOCK_DGRAM, &sending, error);
        if (r >= 0)
                r = dgram_link_buffer(link, sending, &buffer, error);
        if (r < 0)
                return r;
        link->own[SENDING] = fd_take(&sending);
        link->own[RECEIVING] = fd_take(&receiving);
        return 0;
}

static int dgram_link_send(Link *link, const void *data, size_t size) {
        int r;

        do
                r = send(link->own[SENDING], data, size, MSG_NOSIGNAL | wait_flag(link)) < 0 ? -errno : 0;
        while (r < 0 && link_sends_again(link, link->own[SENDING], r));
        return r;
}

static int dgram_link_try_send(Link *link, const void *data, size_t size) {
        return send(link->own[SENDING], data, size, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -errno : 0;
}

/* MSG_TRUNC gives the true length: a message that does not fit is an error, not a shorter message. */
static ssize_t dgram_receive_once(Link *link, void *buffer, size_t size, int flags) {
        ssize_t n = recv(link->own[RECEIVING], buffer, size, MSG_TRUNC | flags);

        if (n < 0)
                return -errno;
        return (size_t)n > size ? -EMSGSIZE : n;
}

static ssize_t dgram_link_receive(Link *link, void *buffer, size_t size) {
        ssize_t n;

        do
                n = dgram_receive_once(link, buffer, size, wait_flag(link));
        while (link_receives_again(link, n));
        return n;
}

static ssize_t dgram_link_try_receive(Link *link, void *buffer, size_t size) {
        return dgram_receive_once(link, buffer, size, MSG_DONTWAIT);
}

static int dgram_link_wait_readable(Link *link, uint64_t timeout_usec) {
        return wait_readable_fd(link->own[RECEIVING], timeout_usec);
}

static int dgram_link_poll_fd(const Link *link) {
        return link->own[RECEIVING];
}

/* Both sides set the buffer of their own socket in attach(); here it is tried what one can get. The other side's queue
 * has no bound of its own for who is connected to it, so how many fit is a matter of memory: not known. */
static int seqpacket_link_setup(Link *link, Error *error) {
        int buffer, r;

        r = stream_link_setup(link, error);
        if (r < 0)
                return r;
        r = dgram_link_buffer(link, link->fds[0], &buffer, error);
        if (r < 0)
                unix_link_teardown(link);
        return r;
}

static int seqpacket_link_attach(Link *link, Error *error) {
        int buffer, r;

        r = stream_link_attach(link, error);
        return r < 0 ? r : dgram_link_buffer(link, link->own[0], &buffer, error);
}

/* A far end that ended with messages unread is told as ECONNRESET, once; then it is EPIPE. */
static int seqpacket_link_send(Link *link, const void *data, size_t size) {
        int r;

        do
                r = send(link->own[0], data, size, MSG_NOSIGNAL | wait_flag(link)) < 0 ? -errno : 0;
        while (r < 0 && (r == -ECONNRESET || link_sends_again(link, link->own[0], r)));
        return r;
}

static int seqpacket_link_try_send(Link *link, const void *data, size_t size) {
        int r;

        do
                r = send(link->own[0], data, size, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -errno : 0;
        while (r == -ECONNRESET);
        return r;
}

static ssize_t seqpacket_receive_once(Link *link, void *buffer, size_t size, int flags) {
        ssize_t n;

        do
                n = recv(link->own[0], buffer, size, MSG_TRUNC | flags);
        while (n < 0 && errno == ECONNRESET);
        if (n < 0)
                return -errno;
        return (size_t)n > size ? -EMSGSIZE : n;
}

static ssize_t seqpacket_link_receive(Link *link, void *buffer, size_t size) {
        ssize_t n;

        do
                n = seqpacket_receive_once(link, buffer, size, wait_flag(link));
        while (link_receives_again(link, n));
        return n;
}

static ssize_t seqpacket_link_try_receive(Link *link, void *buffer, size_t size) {
        return seqpacket_receive_once(link, buffer, size, MSG_DONTWAIT);
}

const Transport unix_stream_transport = {
        .message_max = STREAM_MESSAGE_MAX,
        .executed = true,
        .setup = stream_link_setup,
        .attach = stream_link_attach,
        .send = stream_link_send,
        .receive = stream_link_receive,
        .try_send = stream_link_try_send,
        .try_receive = stream_link_try_receive,
        .poll_fd = stream_link_poll_fd,
        .wait_readable = stream_link_wait_readable,
        .close_direction = stream_link_close_direction,
        .detach = unix_link_detach,
        .teardown = unix_link_teardown,
};

/* close_direction: none. A datagram socket does not tell anybody that it will send no more. */
const Transport unix_dgram_transport = {
        .message_max = INT32_MAX,
        .boundaries = true,
        .executed = true,
        .setup = dgram_link_setup,
        .attach = dgram_link_attach,
        .send = dgram_link_send,
        .receive = dgram_link_receive,
        .try_send = dgram_link_try_send,
        .try_receive = dgram_link_try_receive,
        .poll_fd = dgram_link_poll_fd,
        .several_max = INT32_MAX,
        .wait_readable = dgram_link_wait_readable,
        .detach = unix_link_detach,
        .teardown = unix_link_teardown,
};

const Transport unix_seqpacket_transport = {
        .message_max = INT32_MAX,
        .boundaries = true,
        .executed = true,
        .setup = seqpacket_link_setup,
        .attach = seqpacket_link_attach,
        .send = seqpacket_link_send,
        .receive = seqpacket_link_receive,
        .try_send = seqpacket_link_try_send,
        .try_receive = seqpacket_link_try_receive,
        .poll_fd = stream_link_poll_fd,
        .wait_readable = stream_link_wait_readable,
        .close_direction = stream_link_close_direction,
        .detach = unix_link_detach,
        .teardown = unix_link_teardown,
};
