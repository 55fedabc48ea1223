/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Messages over one TCP connection, for both lanes: in a side own[0] is its socket. The sides meet by a port that the
 * kernel chose. Small messages go out at once (TCP_NODELAY): collecting them would measure a timer. */
#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdlib.h>
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
        SMALL_BUFFER = 16 * 1024,
};

/* In a side's `state`. */
typedef struct TcpSide {
        size_t part; /* of the message that is being sent: went out already */
} TcpSide;

static int wait_flag(const Link *link) {
        return link_never_sleeps(link) ? MSG_DONTWAIT : 0;
}

static void tcp_link_teardown(Link *link) {
        for (unsigned i = 0; i < LINK_FDS_MAX; i++)
                link->fds[i] = fd_close(link->fds[i]);
}

/* What goes into a buffer of a few KiB several times over, where the system gives no larger ones. */
static size_t carried(int fd) {
        static const int names[] = { SO_SNDBUF, SO_RCVBUF };
        size_t most = STREAM_MESSAGE_MAX;

        for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
                socklen_t length = sizeof(int);
                int size = 0;

                if (getsockopt(fd, SOL_SOCKET, names[i], &size, &length) >= 0 && size > 0 && size < SMALL_BUFFER &&
                        (size_t)size / 8 < most)
                        most = (size_t)size / 8;
        }
        return most;
}

static int tcp_link_setup(Link *link, Error *error) {
        struct sockaddr_in name = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        socklen_t length = sizeof name;
        CLEANUP_FD int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        if (fd < 0 || bind(fd, (struct sockaddr *)&name, sizeof name) < 0 || listen(fd, 1) < 0 ||
                getsockname(fd, (struct sockaddr *)&name, &length) < 0)
                return error_set_errno(error, errno, "The link's socket cannot listen on 127.0.0.1");
        link->words[0] = name.sin_port;
        if (link->message_max > carried(fd))
                link->message_max = carried(fd);
        link->fds[0] = fd_take(&fd);
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

        link->state = calloc(1, sizeof(TcpSide));
        if (!link->state)
                return error_set_errno(error, ENOMEM, "The side of the link cannot be kept");
        r = tcp_link_meet(link, listener, &link->own[0]);
        if (r >= 0 && setsockopt(link->own[0], IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) < 0)
                r = -errno;
        return r < 0 ? error_set_errno(error, r, "The link's connection cannot be made") : 0;
}

/* Whether a reset or its echo comes first is a matter of timing: for a transport both say that nobody is there. */
static int sent_errno(int number) {
        return number == ECONNRESET ? -EPIPE : -number;
}

/* 0 when all of the message is out. */
static int send_once(Link *link, const char *data, size_t size, int flags) {
        TcpSide *side = link->state;
        ssize_t n;

        if (side->part > size)
                side->part = 0;
        n = send(link->own[0], data + side->part, size - side->part, MSG_NOSIGNAL | flags);
        if (n < 0)
                return sent_errno(errno);
        side->part += (size_t)n;
        if (side->part < size)
                return -EAGAIN;
        side->part = 0;
        return 0;
}

static int tcp_link_send(Link *link, const void *data, size_t size) {
        int r;

        do
                r = send_once(link, data, size, wait_flag(link));
        while (r < 0 && (link_sends_again(link, link->own[0], r) || r == -EAGAIN));
        return r;
}

static int tcp_link_try_send(Link *link, const void *data, size_t size) {
        return send_once(link, data, size, MSG_DONTWAIT);
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

static int tcp_link_poll_fd(const Link *link) {
        return link->own[0];
}

static void tcp_link_close_direction(Link *link, bool sending) {
        (void)shutdown(link->own[0], sending ? SHUT_WR : SHUT_RD);
}

static void tcp_link_detach(Link *link) {
        for (unsigned i = 0; i < LINK_FDS_MAX; i++)
                link->own[i] = fd_close(link->own[i]);
        free(link->state);
        link->state = NULL;
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
        .poll_fd = tcp_link_poll_fd,
        .wait_readable = tcp_link_wait_readable,
        .close_direction = tcp_link_close_direction,
        .detach = tcp_link_detach,
        .teardown = tcp_link_teardown,
};
