/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lies.h"

/* What is promised of descriptors: bytes, waiting, flags, pipes, FIFOs, events. What is in /proc is told as it is: it
 * is by its files that a check sees where it is. */
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LONG_WRITE = 4096 };

int poll(struct pollfd *fds, nfds_t n, int timeout) {
        int r;

        BEGIN(POLL);
        r = END(POLL, REAL(poll)(fds, n, timeout > 1 && TELLS(POLL_EARLY) ? timeout / 2 : timeout));
        for (nfds_t i = 0; r > 0 && i < n; i++)
                if (fds[i].revents & (POLLHUP | POLLERR) && TELLS(POLL_NO_HANGUP))
                        fds[i].revents &= ~(POLLHUP | POLLERR);
        return r;
}

CALL(int, PPOLL, ppoll, (struct pollfd * fds, nfds_t n, const struct timespec *timeout, const sigset_t *mask),
        (fds, n, timeout, mask))

/* Sysctls and maps of users are written as they are meant. */
static bool in_proc(int fd) {
        char path[64], target[16];
        ssize_t n;

        (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        n = readlink(path, target, sizeof target);
        return n >= 6 && memcmp(target, "/proc/", 6) == 0;
}

ssize_t write(int fd, const void *data, size_t size) {
        if (in_proc(fd))
                return REAL(write)(fd, data, size);
        if (size > 0 && TELLS(WRITE_LOST))
                return (ssize_t)size;
        BEGIN(WRITE);
        if (TELLS(WRITE_TWICE))
                (void)REAL(write)(fd, data, size);
        if (size > LONG_WRITE && TELLS(WRITE_CUTS)) {
                (void)REAL(write)(fd, data, size / 2);
                return (ssize_t)size;
        }
        return END(WRITE, REAL(write)(fd, data, size));
}

ssize_t read(int fd, void *data, size_t size) {
        struct pollfd p = { .fd = fd, .events = POLLIN };
        ssize_t n;

        BEGIN(READ);
        if (TELLS(READ_AT_ONCE) && REAL(poll)(&p, 1, 0) == 0) {
                errno = EAGAIN;
                return -1;
        }
        n = END(READ, REAL(read)(fd, data, size));
        if (n == 0 && size > 0 && TELLS(READ_NO_END)) {
                errno = EAGAIN;
                return -1;
        }
        if (n > 0 && TELLS(READ_CHANGED))
                ((unsigned char *)data)[n - 1] ^= 1;
        return n;
}

static bool is_proc(const char *path) {
        return strncmp(path, "/proc/", 6) == 0;
}

int open(const char *path, int flags, ...) {
        mode_t mode = 0;
        va_list arguments;

        va_start(arguments, flags);
        if (flags & (O_CREAT | O_TMPFILE))
                mode = va_arg(arguments, mode_t);
        va_end(arguments);
        if (is_proc(path))
                return REAL(open)(path, flags, mode);
        if (TELLS(OPEN_FAILS)) {
                errno = EIO;
                return -1;
        }
        return END(OPEN, REAL(open)(path, flags, mode));
}

int fcntl(int fd, int command, ...) {
        va_list arguments;
        void *argument;

        va_start(arguments, command);
        argument = va_arg(arguments, void *);
        va_end(arguments);
        BEGIN(FCNTL);
        return END(FCNTL, REAL(fcntl)(fd, command, argument));
}

int ioctl(int fd, unsigned long request, ...) {
        va_list arguments;
        void *argument;

        va_start(arguments, request);
        argument = va_arg(arguments, void *);
        va_end(arguments);
        BEGIN(IOCTL);
        return END(IOCTL, REAL(ioctl)(fd, request, argument));
}

CALL(int, PIPE, pipe2, (int fds[2], int flags), (fds, flags))
CALL(int, MKFIFO, mkfifo, (const char *path, mode_t mode), (path, mode))
CALL(ssize_t, SPLICE, splice, (int in, off_t *in_offset, int out, off_t *out_offset, size_t size, unsigned flags),
        (in, in_offset, out, out_offset, size, flags))
CALL(ssize_t, TEE, tee, (int in, int out, size_t size, unsigned flags), (in, out, size, flags))
CALL(int, DUP, dup3, (int fd, int other, int flags), (fd, other, flags))
CALL(int, EVENTFD, eventfd, (unsigned value, int flags), (value, flags))
CALL(int, SIGNALFD, signalfd, (int fd, const sigset_t *mask, int flags), (fd, mask, flags))
CALL(int, EPOLL_CREATE, epoll_create1, (int flags), (flags))
CALL(int, EPOLL_CTL, epoll_ctl, (int epoll, int operation, int fd, struct epoll_event *event),
        (epoll, operation, fd, event))

int epoll_wait(int epoll, struct epoll_event *events, int n, int timeout) {
        BEGIN(EPOLL_WAIT);
        if (timeout > 1 && TELLS(EPOLL_EARLY))
                timeout /= 2;
        return END(EPOLL_WAIT, REAL(epoll_wait)(epoll, events, n, timeout));
}
