/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "unix-checks.h"

/* What the peers of the checks of UNIX sockets can be told to do, beside what all sockets have (socket-calls.c). */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <unistd.h>

#include "cleanup.h"
#include "socket-checks.h"
#include "spin.h"
#include "units.h"

enum { FILL_MAX = 1024 * 1024 };

static int number(CheckPeer *peer, int64_t n) {
        const int *place = peer_descriptor(peer, n);

        return place ? *place : -EBADF;
}

static int64_t call_socket(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        int *place = peer_descriptor(peer, call->a);
        int fd = socket(AF_UNIX, (int)call->b | SOCK_CLOEXEC, 0);

        if (fd < 0 || !place)
                return -errno;
        *place = fd;
        return 0;
}

static int64_t call_bind(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        return socket_bind(number(peer, call->a), call->text);
}

static int64_t call_listen(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        return listen(number(peer, call->a), (int)call->b) < 0 ? -errno : 0;
}

static int64_t call_connect(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        return socket_connect(number(peer, call->a), call->text);
}

static int64_t call_shutdown(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        return shutdown(number(peer, call->a), (int)call->b) < 0 ? -errno : 0;
}

static int64_t call_send_to(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        CLEANUP_FREE char *buffer = calloc(1, (size_t)call->b + 1);
        struct sockaddr_un address;
        socklen_t length;
        ssize_t n;
        int r = socket_address(call->text, &address, &length);

        if (r < 0 || !buffer)
                return r < 0 ? r : -ENOMEM;
        n = sendto(number(peer, call->a), buffer, (size_t)call->b, MSG_NOSIGNAL, (struct sockaddr *)&address, length);
        return n < 0 ? -errno : n;
}

static int64_t call_send(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        return socket_send(number(peer, call->a), (size_t)call->b);
}

/* One byte from a new socket, without waiting. */
static int64_t call_send_fresh(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        CLEANUP_FD int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        int64_t r;

        if (fd < 0)
                return -errno;
        r = socket_connect(fd, call->text);
        return r < 0 ? r : socket_send(fd, 1);
}

static int64_t call_send_fd(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        return socket_send_fd(number(peer, call->a), number(peer, call->b));
}

static int64_t call_credentials(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        struct ucred credentials;
        socklen_t length = sizeof credentials;

        if (getsockopt(number(peer, call->a), SOL_SOCKET, SO_PEERCRED, &credentials, &length) < 0)
                return -errno;
        reply->x = credentials.pid;
        reply->y = credentials.uid;
        reply->z = credentials.gid;
        return 0;
}

/* The zero byte that it begins with is told as '@'; the result is how long it is. */
static int64_t call_autobind(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        struct sockaddr_un name = { .sun_family = AF_UNIX };
        int fd = number(peer, call->a), size;
        socklen_t length = sizeof name;

        if (bind(fd, (struct sockaddr *)&name, sizeof(sa_family_t)) < 0 ||
                getsockname(fd, (struct sockaddr *)&name, &length) < 0)
                return -errno;
        size = (int)length - (int)offsetof(struct sockaddr_un, sun_path);
        if (size < 1 || name.sun_path[0] != '\0')
                return -ENODATA;
        (void)snprintf(reply->text, sizeof reply->text, "@%.*s", size - 1, name.sun_path + 1);
        return size;
}

static int64_t call_send_time_out(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        struct timeval time = { .tv_sec = call->b / (int64_t)USEC_PER_SEC,
                .tv_usec = call->b % (int64_t)USEC_PER_SEC };

        return setsockopt(number(peer, call->a), SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time) < 0 ? -errno : 0;
}

static int64_t call_fill(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        int64_t r;

        do
                r = socket_send(number(peer, call->a), 1);
        while (r == 1 && ++reply->x < FILL_MAX);
        return r;
}

static int64_t call_timed_send(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        uint64_t start = monotonic_now();
        ssize_t n = send(number(peer, call->a), "x", 1, MSG_NOSIGNAL);
        int64_t r = n < 0 ? -errno : n;

        reply->x = (int64_t)(monotonic_now() - start);
        return r;
}

static int64_t call_urgent(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        char byte = (char)call->b;

        return send(number(peer, call->a), &byte, 1, MSG_OOB | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static const PeerFunction functions[] = {
        { "socket", call_socket },
        { "bind", call_bind },
        { "listen", call_listen },
        { "connect", call_connect },
        { "shutdown", call_shutdown },
        { "send", call_send },
        { "send-to", call_send_to },
        { "send-fd", call_send_fd },
        { "send-fresh", call_send_fresh },
        { "credentials", call_credentials },
        { "autobind", call_autobind },
        { "send-time-out", call_send_time_out },
        { "fill", call_fill },
        { "timed-send", call_timed_send },
        { "urgent", call_urgent },
        {},
};

int unix_check_role(CheckPeer *peer) {
        return socket_serve(peer, functions);
}
