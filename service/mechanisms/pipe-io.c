/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Non-blocking use of the ends of pipes and FIFOs. Descriptors are the caller's; only peeking makes a pipe of its own,
 * for as long as the call. */
#include "pipe-io.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "cleanup.h"
#include "limit-facts.h"

#define PIPE_MAX_SIZE_FILE        "/proc/sys/fs/pipe-max-size"
#define PIPE_USER_PAGES_SOFT_FILE "/proc/sys/fs/pipe-user-pages-soft"
#define PIPE_USER_PAGES_HARD_FILE "/proc/sys/fs/pipe-user-pages-hard"

int pipe_reopen(int fd, int flags, int *ret_fd, Error *error) {
        CLEANUP_FD int opened = -EBADF;
        char path[sizeof "/proc/self/fd/" + 12];

        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        opened = open(path, (flags & ~O_DIRECT) | O_CLOEXEC | O_NOCTTY);
        if (opened < 0)
                return error_set_errno(
                        error, errno, "A further descriptor for the pipe cannot be opened through %s", path);
        /* open(2) refuses O_DIRECT for what has no block device; fcntl(2) takes it for pipes since Linux 4.5. */
        if ((flags & O_DIRECT) && fcntl(opened, F_SETFL, flags & (O_DIRECT | O_NONBLOCK)) < 0)
                return error_set_errno(error, errno, "The pipe's packet mode (O_DIRECT) cannot be set");
        *ret_fd = fd_take(&opened);
        return 0;
}

bool pipe_is_unnamed(int fd) {
        struct statfs fs;
        struct stat st;

        return fstat(fd, &st) >= 0 && S_ISFIFO(st.st_mode) && fstatfs(fd, &fs) >= 0 && fs.f_type == PIPEFS_MAGIC;
}

int pipe_set_capacity(int fd, uint64_t capacity, uint64_t *ret_capacity, Error *error) {
        int r;

        if (capacity == 0 || capacity > (uint64_t)INT_MAX)
                return error_set(error, ERROR_INVALID_OPTION,
                        "A pipe's capacity is between 1 byte and 2 GiB less one byte, not %llu.",
                        (unsigned long long)capacity);
        r = fcntl(fd, F_SETPIPE_SZ, (int)capacity);
        if (r >= 0) {
                *ret_capacity = (uint64_t)r;
                return 0;
        }
        /* F_SETPIPE_SZ gives EPERM both for more than pipe-max-size and for more than the user's share of pages. */
        if (errno == EPERM)
                return error_set(error, ERROR_LIMIT_EXCEEDED,
                        "A capacity of %llu bytes is more than this user may ask for: " PIPE_MAX_SIZE_FILE
                        " is %llu bytes a pipe, " PIPE_USER_PAGES_SOFT_FILE " is %llu pages for all pipes of a user.",
                        (unsigned long long)capacity, (unsigned long long)limit_read(PIPE_MAX_SIZE_FILE, 0),
                        (unsigned long long)limit_read(PIPE_USER_PAGES_SOFT_FILE, 0));
        if (errno == EBUSY)
                return error_set(error, ERROR_BUSY,
                        "The pipe holds more than %llu bytes now; empty it first or ask for more.",
                        (unsigned long long)capacity);
        return error_set_errno(
                error, errno, "The capacity of the pipe cannot be set to %llu bytes", (unsigned long long)capacity);
}

int pipe_send(int fd, const void *data, size_t size, size_t *ret_sent, Error *error) {
        ssize_t n;

        if (size == 0) {
                *ret_sent = 0;
                return 0;
        }
        do
                n = write(fd, data, size);
        while (n < 0 && errno == EINTR);
        if (n >= 0) {
                *ret_sent = (size_t)n;
                return 0;
        }
        if (errno == EAGAIN) {
                (void)error_set(error, ERROR_BUSY,
                        size <= PIPE_BUF
                                ? "It has no room for %zu bytes, and up to PIPE_BUF goes in whole or not at all."
                                : "It is full: none of %zu bytes went in.",
                        size);
                return -EAGAIN;
        }
        if (errno == EPIPE)
                return error_set(
                        error, ERROR_PEER_GONE, "Nobody holds the reading end any more (EPIPE); nothing was written.");
        return error_set_errno(error, errno, "The bytes cannot be written");
}

/* tee(2) copies references to pages, not bytes, and takes nothing. It needs a second pipe with as many slots, else a
 * pipe of many small writes shows only its beginning; that may fail for a user who has used up his pages. */
static int pipe_tee(int fd, size_t size, int *ret_fd) {
        CLEANUP_FD int reading = -EBADF, writing = -EBADF;
        int ends[2], capacity;
        ssize_t n;

        if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
                return -errno;
        reading = ends[0];
        writing = ends[1];
        capacity = fcntl(fd, F_GETPIPE_SZ);
        if (capacity > 0)
                (void)fcntl(writing, F_SETPIPE_SZ, capacity);
        n = tee(fd, writing, size, SPLICE_F_NONBLOCK);
        if (n < 0)
                return -errno;
        *ret_fd = fd_take(&reading);
        return n > 0;
}

int pipe_receive(int fd, bool peek, size_t size, void **ret_data, size_t *ret_size, Error *error) {
        CLEANUP_FREE char *buffer = NULL;
        CLEANUP_FD int copy = -EBADF;
        ssize_t n;
        int r;

        if (size > SSIZE_MAX || !(buffer = malloc(size ? size : 1)))
                return error_set_errno(error, ENOMEM, "%zu bytes cannot be taken at once", size);
        if (peek) {
                r = pipe_tee(fd, size, &copy);
                if (r == -EAGAIN)
                        return r;
                if (r < 0)
                        return error_set_errno(error, r, "The pipe cannot be peeked at (tee)");
                fd = copy;
        }
        do
                n = read(fd, buffer, size);
        while (n < 0 && errno == EINTR);
        if (n < 0 && errno == EAGAIN)
                return -EAGAIN;
        if (n < 0)
                return error_set_errno(error, errno, "The bytes cannot be read");
        if (n == 0 && size > 0)
                return error_set(
                        error, ERROR_PEER_GONE, "The stream has ended: nobody holds the writing end any more.");
        *ret_data = TAKE_POINTER(buffer);
        *ret_size = (size_t)n;
        return 0;
}

void pipe_describe(int fd, Record *attributes) {
        int capacity, queued = 0;

        capacity = fcntl(fd, F_GETPIPE_SZ);
        if (capacity >= 0) {
                record_set_u64(attributes, "size", (uint64_t)capacity);
                record_set_u64(attributes, "capacity", (uint64_t)capacity);
        }
        if (ioctl(fd, FIONREAD, &queued) >= 0) {
                record_set_u64(attributes, "used", (uint64_t)queued);
                record_set_u64(attributes, "queued", (uint64_t)queued);
        }
}

void pipe_limits(Record *facts) {
        limit_append(facts, "PIPE_BUF", PIPE_BUF, "bytes of an atomic write", "limits.h");
        limit_append(facts, "default capacity", 16 * (uint64_t)sysconf(_SC_PAGESIZE), "bytes", "pipe(7)");
        limit_append_file(facts, "pipe-max-size", "bytes of capacity", PIPE_MAX_SIZE_FILE);
        limit_append_file(facts, "pipe-user-pages-soft", "pages of a user", PIPE_USER_PAGES_SOFT_FILE);
        limit_append_file(facts, "pipe-user-pages-hard", "pages of a user", PIPE_USER_PAGES_HARD_FILE);
}
