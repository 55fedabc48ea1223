/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lies.h"

/* What is promised of sockets. */
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ANOTHER_USER = 12345 };

CALL(int, SOCKET, socket, (int family, int type, int protocol), (family, type, protocol))
CALL(int, SOCKETPAIR, socketpair, (int family, int type, int protocol, int fds[2]), (family, type, protocol, fds))
CALL(int, BIND, bind, (int fd, __CONST_SOCKADDR_ARG address, socklen_t size), (fd, address, size))
CALL(int, CONNECT, connect, (int fd, __CONST_SOCKADDR_ARG address, socklen_t size), (fd, address, size))
CALL(int, ACCEPT, accept4, (int fd, __SOCKADDR_ARG address, socklen_t *size, int flags), (fd, address, size, flags))
CALL(int, SHUTDOWN, shutdown, (int fd, int how), (fd, how))
CALL(int, SETSOCKOPT, setsockopt, (int fd, int level, int name, const void *value, socklen_t size),
        (fd, level, name, value, size))
CALL(int, GETSOCKNAME, getsockname, (int fd, __SOCKADDR_ARG address, socklen_t *size), (fd, address, size))
CALL(int, GETPEERNAME, getpeername, (int fd, __SOCKADDR_ARG address, socklen_t *size), (fd, address, size))

int listen(int fd, int backlog) {
        BEGIN(LISTEN);
        return END(LISTEN, REAL(listen)(fd, TELLS(BACKLOG_IGNORED) ? SOMAXCONN : backlog));
}

int getsockopt(int fd, int level, int name, void *value, socklen_t *size) {
        int r;

        BEGIN(GETSOCKOPT);
        r = END(GETSOCKOPT, REAL(getsockopt)(fd, level, name, value, size));
        if (r >= 0 && TELLS(OPTION_ZERO))
                memset(value, 0, *size);
        return r;
}

#define SEND(NAME, name, parameters, size_of, flags, ...)  \
        ssize_t name parameters {                          \
                if (TELLS(SEND_LOST))                      \
                        return (ssize_t)(size_of);         \
                BEGIN(NAME);                               \
                if (TELLS(SEND_AT_ONCE))                   \
                        flags |= MSG_DONTWAIT;             \
                if (TELLS(SEND_TWICE))                     \
                        (void)REAL(name)(__VA_ARGS__);     \
                return END(NAME, REAL(name)(__VA_ARGS__)); \
        }

static size_t message_size(const struct msghdr *message) {
        size_t size = 0;

        for (size_t i = 0; i < message->msg_iovlen; i++)
                size += message->msg_iov[i].iov_len;
        return size;
}

SEND(SEND, send, (int fd, const void *data, size_t size, int flags), size, flags, fd, data, size, flags)
SEND(SENDTO, sendto,
        (int fd, const void *data, size_t size, int flags, __CONST_SOCKADDR_ARG address, socklen_t address_size), size,
        flags, fd, data, size, flags, address, address_size)
SEND(SENDMSG, sendmsg, (int fd, const struct msghdr *message, int flags), message_size(message), flags, fd, message,
        flags)

#define RECEIVE(NAME, name, data, ...)                               \
        ssize_t n;                                                   \
        BEGIN(NAME);                                                 \
        if (TELLS(RECEIVE_AT_ONCE))                                  \
                flags |= MSG_DONTWAIT;                               \
        n = END(NAME, REAL(name)(__VA_ARGS__));                      \
        if (n == 0 && TELLS(RECEIVE_NO_END)) {                       \
                errno = EAGAIN;                                      \
                return -1;                                           \
        }                                                            \
        if (n > 0 && !(flags & MSG_TRUNC) && TELLS(RECEIVE_CHANGED)) \
                ((unsigned char *)(data))[0] ^= 1;                   \
        if (n > 1 && !(flags & MSG_TRUNC) && TELLS(RECEIVE_CUTS))    \
        n /= 2

ssize_t recv(int fd, void *data, size_t size, int flags) {
        RECEIVE(RECV, recv, data, fd, data, size, flags);
        return n;
}

ssize_t recvfrom(int fd, void *data, size_t size, int flags, __SOCKADDR_ARG address, socklen_t *address_size) {
        RECEIVE(RECVFROM, recvfrom, data, fd, data, size, flags, address, address_size);
        return n;
}

static void lose_rights(struct msghdr *message) {
        for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
                if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
                        continue;
                for (size_t i = 0; i < (c->cmsg_len - CMSG_LEN(0)) / sizeof(int); i++) {
                        int fd;

                        memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
                        (void)close(fd);
                }
                message->msg_controllen = 0;
                return;
        }
}

static void change_credentials(struct msghdr *message) {
        for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
                struct ucred who = { .pid = 1, .uid = ANOTHER_USER, .gid = ANOTHER_USER };

                if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_CREDENTIALS)
                        memcpy(CMSG_DATA(c), &who, sizeof who);
        }
}

ssize_t recvmsg(int fd, struct msghdr *message, int flags) {
        RECEIVE(RECVMSG, recvmsg, message->msg_iov[0].iov_base, fd, message, flags);
        if (n < 0)
                return n;
        if (message->msg_controllen > 0 && TELLS(RIGHTS_LOST))
                lose_rights(message);
        if (message->msg_controllen > 0 && TELLS(CREDENTIALS_WRONG))
                change_credentials(message);
        if (message->msg_flags & (MSG_TRUNC | MSG_CTRUNC) && TELLS(FLAGS_LOST))
                message->msg_flags &= ~(MSG_TRUNC | MSG_CTRUNC);
        return n;
}
