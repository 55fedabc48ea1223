/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Messages over one TCP connection, for both lanes: in a side own[0] is its socket. The sides meet by a port that the
 * kernel chose. Small messages go out at once (TCP_NODELAY): collecting them would measure a timer. */
#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stddef.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cleanup.h"
#include "inet-transport.h"
#include "spin.h"
#include "stream-wait.h"
#include "units.h"

enum {
        SETTLE_USEC = 3 * USEC_PER_SEC,
        LOOK_USEC = 1000,
};

static int wait_flag(const Link *link) {
        return link->wait == WAIT_SPIN ? MSG_DONTWAIT : 0;
}

static void tcp_link_teardown(Link *link) {
        for (unsigned i = 0; i < LINK_FDS_MAX; i++)
                link->fds[i] = fd_close(link->fds[i]);
}

static int tcp_link_setup(Link *link, Error *error) {
        struct sockaddr_in name = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        socklen_t length = sizeof name;
        CLEANUP_FD int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        if (fd < 0 || bind(fd, (struct sockaddr *)&name, sizeof name) < 0 || listen(fd, 1) < 0 ||
                getsockname(fd, (struct sockaddr *)&name, &length) < 0)
                return error_set_errno(error, errno, "The link's socket cannot listen on 127.0.0.1");
        link->words[0] = name.sin_port;
        link->fds[0] = fd_take(&fd);
        if (link->message_max > STREAM_MESSAGE_MAX)
                link->message_max = STREAM_MESSAGE_MAX;
        return 0;
}

static int tcp_link_meet(const Link *link, int listener, int *ret_fd) {
        struct sockaddr_in name = {
                .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = (in_port_t)link->words[0]
        };
        CLEANUP_FD int fd = -EBADF;

        if (link->side == 0) {
                do
                        fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
                while (fd < 0 && (errno == EINTR || errno == ECONNABORTED));
        } else {
                fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
                if (fd >= 0 && connect(fd, (struct sockaddr *)&name, sizeof name) < 0)
                        return -errno;
        }
        if (fd < 0)
                return -errno;
        *ret_fd = fd_take(&fd);
        return 0;
}

/* Side 0 accepts what side 1 connects. The listener goes then, so that nobody else finds one. */
static int tcp_link_attach(Link *link, Error *error) {
        CLEANUP_FD int listener = fd_take(&link->fds[0]);
        int on = 1, r;

        r = tcp_link_meet(link, listener, &link->own[0]);
        if (r >= 0 && setsockopt(link->own[0], IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) < 0)
                r = -errno;
        return r < 0 ? error_set_errno(error, r, "The link's connection cannot be made") : 0;
}

/* Whether a reset or its echo comes first is a matter of timing: for a transport both say that nobody is there. */
static int sent_errno(int number) {
        return number == ECONNRESET ? -EPIPE : -number;
}

static int send_rest(Link *link, const char *data, size_t size) {
        while (size > 0) {
                ssize_t n = send(link->own[0], data, size, MSG_NOSIGNAL | wait_flag(link));

                if (n >= 0) {
                        data += n;
                        size -= (size_t)n;
                } else if (errno != EINTR && !(errno == EAGAIN && link->wait == WAIT_SPIN))
                        return sent_errno(errno);
        }
        return 0;
}

static int tcp_link_send(Link *link, const void *data, size_t size) {
        ssize_t n = send(link->own[0], data, size, MSG_NOSIGNAL | wait_flag(link));

        if (n == (ssize_t)size)
                return 0;
        return send_rest(link, (const char *)data + (n > 0 ? n : 0), size - (n > 0 ? (size_t)n : 0));
}

/* A message that went in by half is finished, waiting. */
static int tcp_link_try_send(Link *link, const void *data, size_t size) {
        ssize_t n = send(link->own[0], data, size, MSG_NOSIGNAL | MSG_DONTWAIT);

        if (n < 0)
                return sent_errno(errno);
        return send_rest(link, (const char *)data + n, size - (size_t)n);
}

static ssize_t tcp_link_receive(Link *link, void *buffer, size_t size) {
        ssize_t n;

        do
                n = recv(link->own[0], buffer, size, wait_flag(link));
        while (n < 0 && link_receives_again(link, -errno));
        return n < 0 ? -errno : n;
}

static ssize_t tcp_link_try_receive(Link *link, void *buffer, size_t size) {
        ssize_t n = recv(link->own[0], buffer, size, MSG_DONTWAIT);

        return n < 0 ? -errno : n;
}

static int tcp_link_wait_readable(Link *link, uint64_t timeout_usec) {
        return wait_readable_fd(link->own[0], timeout_usec);
}

/* All that went out is acknowledged, and the receiver has no room left, or there is nothing more to go: what would
 * still fit into its window is sent by the kernel alone, when its timer for that runs out (tcp_write_wakeup() in
 * net/ipv4/tcp_output.c). Kernels before 5.4 do not tell the window. */
static bool is_settled(int fd) {
        struct tcp_info info = {};
        socklen_t length = sizeof info;

        if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) < 0 || info.tcpi_unacked > 0)
                return false;
        return info.tcpi_notsent_bytes == 0 || length < offsetof(struct tcp_info, tcpi_snd_wnd) + sizeof(uint32_t) ||
               info.tcpi_snd_wnd == 0;
}

static int tcp_link_settle(Link *link) {
        uint64_t end = monotonic_end(SETTLE_USEC);

        while (!is_settled(link->own[0])) {
                if (monotonic_now() >= end)
                        return -ETIMEDOUT;
                (void)usleep(LOOK_USEC);
        }
        return 0;
}

static void tcp_link_close_direction(Link *link, bool sending) {
        (void)shutdown(link->own[0], sending ? SHUT_WR : SHUT_RD);
}

static void tcp_link_detach(Link *link) {
        for (unsigned i = 0; i < LINK_FDS_MAX; i++)
                link->own[i] = fd_close(link->own[i]);
}

const Transport tcp_transport = {
        .message_max = STREAM_MESSAGE_MAX,
        .executed = true,
        .setup = tcp_link_setup,
        .attach = tcp_link_attach,
        .send = tcp_link_send,
        .receive = tcp_link_receive,
        .try_send = tcp_link_try_send,
        .try_receive = tcp_link_try_receive,
        .settle = tcp_link_settle,
        .wait_readable = tcp_link_wait_readable,
        .close_direction = tcp_link_close_direction,
        .detach = tcp_link_detach,
        .teardown = tcp_link_teardown,
};
