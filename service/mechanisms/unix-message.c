/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sendmsg(2) and recvmsg(2) for UNIX sockets. Descriptors that arrive are in this process from recvmsg(2) on: each is
 * handed over or closed before anything else happens. */
#include "unix-message.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "address.h"
#include "unix-address.h"

enum {
        DESCRIPTORS_MAX = 253, /* SCM_MAX_FD, include/net/scm.h */
        LINK_SHOWN_MAX = 256,
};

typedef union Control {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(struct ucred)) + CMSG_SPACE(DESCRIPTORS_MAX * sizeof(int))];
} Control;

typedef struct Arrived {
        struct ucred credentials;
        bool credited;
        int fds[DESCRIPTORS_MAX];
        size_t n_fds;
} Arrived;

static void arrived_collect(struct msghdr *header, Arrived *arrived) {
        for (struct cmsghdr *control = CMSG_FIRSTHDR(header); control; control = CMSG_NXTHDR(header, control)) {
                if (control->cmsg_level != SOL_SOCKET)
                        continue;
                if (control->cmsg_type == SCM_CREDENTIALS) {
                        memcpy(&arrived->credentials, CMSG_DATA(control), sizeof arrived->credentials);
                        arrived->credited = true;
                } else if (control->cmsg_type == SCM_RIGHTS) {
                        size_t n = (control->cmsg_len - CMSG_LEN(0)) / sizeof(int);

                        memcpy(arrived->fds, CMSG_DATA(control), n * sizeof(int));
                        arrived->n_fds = n;
                }
        }
}

/* What a descriptor is, as the kernel writes it: a path, "pipe:[81234]", "anon_inode:[eventfd]". */
static char *descriptor_name(int fd) {
        char path[sizeof "/proc/self/fd/" + 12], name[LINK_SHOWN_MAX];
        ssize_t n;

        (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        n = readlink(path, name, sizeof name - 1);
        if (n < 0)
                return strdup("unknown");
        name[n] = '\0';
        return strdup(name);
}

/* All are named; as many as a caller can take stay open. */
static void arrived_settle(Arrived *arrived, Record *meta, PassedFds *wanted) {
        char *names[DESCRIPTORS_MAX];
        size_t lost = 0, named = 0;

        for (size_t i = 0; i < arrived->n_fds; i++) {
                names[named] = descriptor_name(arrived->fds[i]);
                named += names[named] != NULL;
                if (wanted && wanted->n < PASSED_FDS_MAX)
                        wanted->fds[wanted->n++] = arrived->fds[i];
                else {
                        fd_close(arrived->fds[i]);
                        lost += wanted != NULL;
                }
        }
        if (named > 0)
                record_set_strings(meta, "fds", (const char *const *)names, named);
        if (lost > 0)
                record_set_u64(meta, "fds_lost", lost);
        for (size_t i = 0; i < named; i++)
                free(names[i]);
}

static void meta_fill(struct msghdr *header, int type, Arrived *arrived, Record *meta, PassedFds *wanted) {
        CLEANUP(address_done) Address from = ADDRESS_EMPTY;
        CLEANUP_FREE char *text = NULL;

        if (arrived->credited) {
                record_set_u64(meta, "pid", (uint64_t)arrived->credentials.pid);
                record_set_u64(meta, "uid", arrived->credentials.uid);
                record_set_u64(meta, "gid", arrived->credentials.gid);
        }
        arrived_settle(arrived, meta, wanted);
        /* There is room for all; what is cut off found no free descriptor in this process (RLIMIT_NOFILE). */
        if (header->msg_flags & MSG_CTRUNC)
                record_set_bool(meta, "descriptors_cut", true);
        if (type == SOCK_DGRAM &&
                unix_address_from_name(unix_kind_of(type), header->msg_name, header->msg_namelen, &from) >= 0 &&
                (text = address_print(&from)))
                record_set_string(meta, "from", text);
}

static bool hung_up(int fd) {
        struct pollfd state = { .fd = fd, .events = POLLRDHUP };

        return poll(&state, 1, 0) > 0 && (state.revents & (POLLRDHUP | POLLHUP));
}

static bool more_waits(int fd) {
        int queued = 0;

        return ioctl(fd, FIONREAD, &queued) >= 0 && queued > 0;
}

/* An empty message and the end of a connection both give 0. With SO_PASSCRED a message has its sender's credentials
 * beside it and the end has none; without it (a socket that is somebody else's, too) what comes after a hang-up is
 * taken for the end, unless descriptors came along or there is more behind it. */
static bool is_end(int fd, int type, ssize_t n, const Arrived *arrived) {
        if (n != 0 || type == SOCK_DGRAM)
                return false;
        return type == SOCK_STREAM || (!arrived->credited && arrived->n_fds == 0 && hung_up(fd) && !more_waits(fd));
}

int unix_message_next(int fd, size_t *ret_size) {
        ssize_t n;

        /* Where messages of this end were left unread, a connection of packets tells ECONNRESET once, before the
         * messages that the far end sent; a stream tells it behind them. */
        do
                n = recv(fd, NULL, 0, MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT);
        while (n < 0 && (errno == EINTR || errno == ECONNRESET));
        if (n < 0)
                return -errno;
        *ret_size = (size_t)n;
        return 0;
}

/* For messages of connections: unix_message_next() came before, and took a pending ECONNRESET. */
static ssize_t take(int fd, struct msghdr *header, int flags) {
        ssize_t n;

        do
                n = recvmsg(fd, header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC | flags);
        while (n < 0 && errno == EINTR);
        return n < 0 ? -errno : n;
}

int unix_message_receive(
        int fd, int type, bool peek, size_t size, void **ret_data, size_t *ret_size, Record *meta, PassedFds *wanted) {
        bool boundaries = type != SOCK_STREAM;
        CLEANUP_FREE char *buffer = NULL;
        struct sockaddr_storage from; /* a name of AF_UNIX can be a byte longer than its structure (unix(7)) */
        size_t next = size;
        Arrived arrived = {};
        Control control;
        struct iovec vector;
        struct msghdr header = { .msg_name = &from, .msg_namelen = sizeof from, .msg_iov = &vector, .msg_iovlen = 1 };
        ssize_t n;
        int r = 0;

        if (boundaries)
                r = unix_message_next(fd, &next);
        if (r < 0)
                return r;
        size = size < next ? size : next;
        buffer = malloc(size + 1);
        if (!buffer)
                return -ENOMEM;
        vector = (struct iovec){ .iov_base = buffer, .iov_len = size };
        header.msg_control = &control;
        header.msg_controllen = sizeof control;
        n = take(fd, &header, (boundaries ? MSG_TRUNC : 0) | (peek ? MSG_PEEK : 0));
        if (n < 0)
                return (int)n;
        arrived_collect(&header, &arrived);
        if (is_end(fd, type, n, &arrived))
                return 0;
        meta_fill(&header, type, &arrived, meta, peek ? NULL : wanted);
        if (boundaries) {
                record_set_bool(meta, "truncated", (size_t)n > size);
                if ((size_t)n > size)
                        record_set_u64(meta, "length", (uint64_t)n);
        }
        *ret_data = TAKE_POINTER(buffer);
        *ret_size = (size_t)n < size ? (size_t)n : size;
        return 1;
}

bool unix_message_waits(int fd, int type) {
        struct msghdr header = {};
        Arrived arrived = {};
        Control control;
        ssize_t n;

        if (more_waits(fd))
                return true;
        if (type == SOCK_STREAM)
                return false;
        header.msg_control = &control;
        header.msg_controllen = sizeof control;
        n = take(fd, &header, MSG_PEEK | MSG_TRUNC);
        if (n < 0)
                return false;
        arrived_collect(&header, &arrived);
        for (size_t i = 0; i < arrived.n_fds; i++)
                fd_close(arrived.fds[i]);
        return !is_end(fd, type, n, &arrived);
}

/* sock_alloc_send_pskb() in net/core/sock.c refuses what is longer than the send buffer less 32 bytes; setsockopt(2)
 * doubles what it is told, up to twice wmem_max. */
static bool buffer_grow(int fd, size_t size) {
        int buffer = 0, wanted = size < (size_t)INT32_MAX ? (int)size : INT32_MAX;
        socklen_t length = sizeof buffer;

        return setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &wanted, sizeof wanted) >= 0 &&
               getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &buffer, &length) >= 0 && buffer > 32 &&
               size <= (size_t)buffer - 32;
}

static ssize_t send_once(int fd, const void *data, size_t size, const PassedFds *given) {
        union {
                struct cmsghdr header;
                char space[CMSG_SPACE(PASSED_FDS_MAX * sizeof(int))];
        } control = {};
        struct iovec vector = { .iov_base = (void *)data, .iov_len = size };
        struct msghdr header = { .msg_iov = &vector, .msg_iovlen = 1 };
        ssize_t n;

        if (given && given->n > 0) {
                size_t bytes = given->n * sizeof(int);

                control.header = (struct cmsghdr){
                        .cmsg_len = CMSG_LEN(bytes), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS
                };
                memcpy(CMSG_DATA(&control.header), given->fds, bytes);
                header.msg_control = &control;
                header.msg_controllen = CMSG_SPACE(bytes);
        }
        do
                n = sendmsg(fd, &header, MSG_DONTWAIT | MSG_NOSIGNAL);
        while (n < 0 && errno == EINTR);
        return n < 0 ? -errno : n;
}

int unix_message_send(
        int fd, int type, const void *data, size_t size, const PassedFds *given, bool grow, size_t *ret_sent) {
        ssize_t n = send_once(fd, data, size, given);

        if (n == -EMSGSIZE && type != SOCK_STREAM && grow && buffer_grow(fd, size))
                n = send_once(fd, data, size, given);
        if (n < 0)
                return (int)n;
        *ret_sent = (size_t)n;
        return 0;
}
