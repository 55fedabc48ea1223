/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "channel.h"

/* One record a packet. A packet is measured before it is read (MSG_PEEK with MSG_TRUNC, recv(2)), so that a short one
 * costs no large buffer and a long one is never cut. Records and descriptors that come out are the caller's. */
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "spin.h"
#include "units.h"

union FdMessage {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int) * CHANNEL_FDS_MAX)];
};

int channel_pair(int ret_fds[2]) {
        int fds[2];

        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
                return -errno;
        ret_fds[0] = fds[0];
        ret_fds[1] = fds[1];
        return 0;
}

/* 0, -ETIMEDOUT or an error of poll(2). */
static int wait_for(int fd, short events, uint64_t timeout_usec) {
        uint64_t start = monotonic_now();

        for (;;) {
                struct pollfd p = { .fd = fd, .events = events };
                int wait = -1, r;

                if (timeout_usec != USEC_INFINITY) {
                        uint64_t spent = monotonic_now() - start;
                        uint64_t left = spent >= timeout_usec ? 0 : (timeout_usec - spent + 999) / 1000;

                        wait = left > 3600 * 1000 ? 3600 * 1000 : (int)left;
                }
                r = poll(&p, 1, wait);
                if (r > 0)
                        return 0;
                if (r < 0 && errno != EINTR)
                        return -errno;
                if (r == 0 && monotonic_now() - start >= timeout_usec)
                        return -ETIMEDOUT;
        }
}

static int send_packet(int fd, const Record *record, const int *fds, unsigned n_fds, bool wait) {
        union FdMessage control = { 0 };
        struct iovec iov = { 0 };
        struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };
        void *data = NULL;
        int r;

        if (n_fds > CHANNEL_FDS_MAX)
                return -E2BIG;
        r = record_encode(record, &data, &iov.iov_len);
        if (r < 0)
                return r;
        iov.iov_base = data;
        if (n_fds > 0) {
                message.msg_control = control.bytes;
                message.msg_controllen = CMSG_SPACE(sizeof(int) * n_fds);
                control.header.cmsg_level = SOL_SOCKET;
                control.header.cmsg_type = SCM_RIGHTS;
                control.header.cmsg_len = CMSG_LEN(sizeof(int) * n_fds);
                memcpy(CMSG_DATA(&control.header), fds, sizeof(int) * n_fds);
        }
        for (;;) {
                if (sendmsg(fd, &message, wait ? MSG_NOSIGNAL : MSG_NOSIGNAL | MSG_DONTWAIT) >= 0) {
                        r = 0;
                        break;
                }
                r = -errno;
                if (r == -EINTR)
                        continue;
                if (r != -EAGAIN || !wait)
                        break;
                r = wait_for(fd, POLLOUT, USEC_INFINITY);
                if (r < 0)
                        break;
        }
        free(data);
        /* A packet socket whose other end closed with packets unread answers ECONNRESET once, unix(7). */
        return r == -ECONNRESET || r == -ENOTCONN ? -EPIPE : r;
}

int channel_send_fds(int fd, const Record *record, const int *fds, unsigned n_fds) {
        return send_packet(fd, record, fds, n_fds, true);
}

int channel_send_now(int fd, const Record *record, const int *fds, unsigned n_fds) {
        return send_packet(fd, record, fds, n_fds, false);
}

int channel_send(int fd, const Record *record) {
        return channel_send_fds(fd, record, NULL, 0);
}

static void take_fds(struct msghdr *message, int *fds, unsigned *n_fds) {
        unsigned max = n_fds ? *n_fds : 0, n = 0;

        for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
                if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
                        continue;
                for (size_t i = 0; i < (c->cmsg_len - CMSG_LEN(0)) / sizeof(int); i++) {
                        int fd;

                        memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof fd);
                        if (n < max)
                                fds[n++] = fd;
                        else
                                close(fd);
                }
        }
        if (n_fds)
                *n_fds = n;
}

static ssize_t packet_size(int fd, uint64_t timeout_usec) {
        for (;;) {
                char probe;
                ssize_t n;
                int r = wait_for(fd, POLLIN, timeout_usec);

                if (r < 0)
                        return r;
                n = recv(fd, &probe, sizeof probe, MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT);
                if (n > 0)
                        return n;
                if (n == 0 || errno == ECONNRESET)
                        return -EPIPE;
                if (errno != EAGAIN && errno != EINTR)
                        return -errno;
        }
}

int channel_receive_fds(int fd, uint64_t timeout_usec, Record **ret, int *fds, unsigned *n_fds) {
        union FdMessage control;
        struct iovec iov = { 0 };
        struct msghdr message = {
                .msg_iov = &iov,
                .msg_iovlen = 1,
                .msg_control = control.bytes,
                .msg_controllen = sizeof control.bytes,
        };
        ssize_t size = packet_size(fd, timeout_usec), n;
        int r;

        if (size < 0)
                return (int)size;
        iov.iov_base = malloc((size_t)size);
        if (!iov.iov_base)
                return -ENOMEM;
        iov.iov_len = (size_t)size;
        do
                n = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
        while (n < 0 && errno == EINTR);
        if (n < 0)
                r = -errno;
        else {
                take_fds(&message, fds, n_fds);
                r = record_decode(iov.iov_base, (size_t)n, ret);
                if (r < 0 && n_fds)
                        while (*n_fds > 0)
                                close(fds[--*n_fds]);
        }
        free(iov.iov_base);
        return r;
}
