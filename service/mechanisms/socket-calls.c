/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "socket-checks.h"

/* What the peers of all checks of sockets can be told to do. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "cleanup.h"
#include "spin.h"
#include "units.h"

enum {
        FDS_MAX = 254, /* one more than a message can carry, unix(7) */
        CALLS_MAX = 32,
};

static int number(CheckPeer *peer, int64_t n) {
        const int *place = peer_descriptor(peer, n);

        return place ? *place : -EBADF;
}

static int64_t call_take(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        int *place = peer_descriptor(peer, call->b);
        int fd = accept4(number(peer, call->a), NULL, NULL, SOCK_CLOEXEC);

        if (fd < 0 || !place)
                return -errno;
        *place = fd;
        return 0;
}

static int64_t call_burst(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        char buffer[SOCKET_BURST_SIZE];
        int64_t n = 0;

        memset(buffer, (int)call->c, sizeof buffer);
        while (n < call->b && send(number(peer, call->a), buffer, sizeof buffer, MSG_NOSIGNAL) == sizeof buffer)
                n++;
        return n;
}

static int64_t call_time_out(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        struct timeval time = { .tv_sec = call->b / (int64_t)USEC_PER_SEC,
                .tv_usec = call->b % (int64_t)USEC_PER_SEC };

        return setsockopt(number(peer, call->a), SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time) < 0 ? -errno : 0;
}

static int64_t call_receive_buffer(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        int size = (int)call->b;

        return setsockopt(number(peer, call->a), SOL_SOCKET, SO_RCVBUF, &size, sizeof size) < 0 ? -errno : 0;
}

/* 1 for whatever came. */
static int64_t call_timed_receive(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        uint64_t start = monotonic_now();
        char byte;
        ssize_t n = recv(number(peer, call->a), &byte, 1, 0);
        int64_t r = n < 0 ? -errno : n;

        reply->x = (int64_t)(monotonic_now() - start);
        return r;
}

union FdsControl {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(FDS_MAX * sizeof(int))];
};

/* Beside one byte. */
static int64_t call_hand_over(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        size_t n = (size_t)call->c;
        union FdsControl control = { .header = { CMSG_LEN(n * sizeof(int)), SOL_SOCKET, SCM_RIGHTS } };
        char byte = 'x';
        struct iovec iov = { &byte, 1 };
        struct msghdr message = {
                .msg_iov = &iov,
                .msg_iovlen = 1,
                .msg_control = control.bytes,
                .msg_controllen = CMSG_LEN(n * sizeof(int)),
        };
        int fd = number(peer, call->b);
        ssize_t sent;

        if (call->c < 0 || call->c > FDS_MAX)
                return -EINVAL;
        for (size_t i = 0; i < n; i++)
                memcpy(CMSG_DATA(&control.header) + i * sizeof fd, &fd, sizeof fd);
        sent = sendmsg(number(peer, call->a), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
        return sent < 0 ? -errno : sent;
}

static int64_t count_open(void) {
        int64_t n = 0;

        for (int fd = 0; fd < 2 * FDS_MAX; fd++)
                n += fcntl(fd, F_GETFD) >= 0;
        return n;
}

/* They stay open: whoever asks for that wants to know how many there are. */
static int64_t call_receive_fds(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        union FdsControl control = {};
        char byte;
        struct iovec iov = { &byte, 1 };
        struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes };
        int64_t before = count_open();
        ssize_t n;

        if (call->b < 0 || call->b > FDS_MAX)
                return -EINVAL;
        message.msg_controllen = call->b > 0 ? CMSG_LEN((size_t)call->b * sizeof(int)) : 0;
        n = recvmsg(number(peer, call->a), &message, MSG_CMSG_CLOEXEC);
        if (n < 0)
                return -errno;
        for (struct cmsghdr *item = CMSG_FIRSTHDR(&message); item; item = CMSG_NXTHDR(&message, item))
                if (item->cmsg_level == SOL_SOCKET && item->cmsg_type == SCM_RIGHTS)
                        reply->x += (int64_t)((item->cmsg_len - CMSG_LEN(0)) / sizeof(int));
        reply->y = (message.msg_flags & MSG_CTRUNC) != 0;
        reply->z = count_open() - before;
        return n;
}

static const PeerFunction shared[] = {
        { "burst", call_burst },
        { "hand-over", call_hand_over },
        { "receive-buffer", call_receive_buffer },
        { "receive-fds", call_receive_fds },
        { "take", call_take },
        { "time-out", call_time_out },
        { "timed-receive", call_timed_receive },
        {},
};

int socket_serve(CheckPeer *peer, const PeerFunction *own) {
        PeerFunction all[CALLS_MAX] = {};
        size_t n = 0;

        for (; own->name && n < CALLS_MAX - 1; own++)
                all[n++] = *own;
        for (const PeerFunction *one = shared; one->name && n < CALLS_MAX - 1; one++)
                all[n++] = *one;
        return peer_serve(peer, all);
}
