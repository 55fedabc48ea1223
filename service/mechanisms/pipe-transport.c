/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Messages over two pipes or two FIFOs, one a lane. In a side own[0] sends and own[1] receives. Pipes reach the sides
 * as descriptors, FIFOs by their names. A message is written by one write(2) and read by one read(2) where the pipe
 * lets it; a long one is finished in more. */
#include "pipe-parts.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "stream-wait.h"
#include "transport.h"

enum { SENDING, RECEIVING };

/* Writes of less than a page share a page, longer ones begin a page of their own (pipe_write() in fs/pipe.c). */
static unsigned pipe_link_depth(int fd, size_t message) {
        size_t page = (size_t)sysconf(_SC_PAGESIZE);
        int capacity = fcntl(fd, F_GETPIPE_SZ);
        size_t pages;

        if (capacity <= 0 || message == 0)
                return 0;
        pages = (size_t)capacity / page;
        if (message <= page)
                return (unsigned)(pages * (page / message));
        return (unsigned)(pages / ((message + page - 1) / page));
}

static void pipe_link_lower(Link *link) {
        if (link->message_max > STREAM_MESSAGE_MAX)
                link->message_max = STREAM_MESSAGE_MAX;
}

/* fds: lane 0 reading, lane 0 writing, lane 1 reading, lane 1 writing. */
static int pipe_link_setup(Link *link, Error *error) {
        int *fds = link->fds;

        if (pipe2(fds, O_CLOEXEC) < 0)
                return error_set_errno(error, errno, "The pipes of the link cannot be made");
        if (pipe2(fds + 2, O_CLOEXEC) < 0) {
                int r = error_set_errno(error, errno, "The pipes of the link cannot be made");

                fds[0] = fd_close(fds[0]);
                fds[1] = fd_close(fds[1]);
                return r;
        }
        pipe_link_lower(link);
        link->depth = pipe_link_depth(fds[0], link->message_max);
        return 0;
}

static int pipe_link_nonblock(int fd, bool on) {
        int flags = fcntl(fd, F_GETFL);

        if (flags < 0 || fcntl(fd, F_SETFL, on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK) < 0)
                return -errno;
        return 0;
}

static void pipe_link_detach(Link *link) {
        for (unsigned i = 0; i < LINK_FDS_MAX; i++)
                link->own[i] = fd_close(link->own[i]);
}

/* What is left to do once both ends are in `own`. A writer without a reader is told by EPIPE, not killed. */
static int pipe_link_ready(Link *link, Error *error) {
        int r = 0;

        if (signal(SIGPIPE, SIG_IGN) == SIG_ERR)
                r = -errno;
        for (unsigned i = SENDING; r >= 0 && i <= RECEIVING; i++)
                r = pipe_link_nonblock(link->own[i], link->wait != WAIT_BLOCK);
        if (r >= 0)
                return 0;
        pipe_link_detach(link);
        return error_set_errno(error, r, "The ends of the link cannot be prepared");
}

static int pipe_link_attach(Link *link, Error *error) {
        unsigned out = link->side, in = !link->side;

        link->own[SENDING] = fd_take(&link->fds[2 * out + 1]);
        link->own[RECEIVING] = fd_take(&link->fds[2 * in]);
        for (unsigned i = 0; i < LINK_FDS_MAX; i++)
                link->fds[i] = fd_close(link->fds[i]);
        return pipe_link_ready(link, error);
}

static void pipe_link_teardown(Link *link) {
        for (unsigned i = 0; i < LINK_FDS_MAX; i++)
                link->fds[i] = fd_close(link->fds[i]);
}

static int send_rest(Link *link, const char *data, size_t size) {
        while (size > 0) {
                ssize_t n = write(link->own[SENDING], data, size);

                if (n >= 0) {
                        data += n;
                        size -= (size_t)n;
                } else if (!link_sends_again(link, link->own[SENDING], -errno))
                        return -errno;
        }
        return 0;
}

static int pipe_link_send(Link *link, const void *data, size_t size) {
        ssize_t n = write(link->own[SENDING], data, size);

        if (n == (ssize_t)size)
                return 0;
        return send_rest(link, (const char *)data + (n > 0 ? n : 0), size - (n > 0 ? (size_t)n : 0));
}

static ssize_t pipe_link_receive(Link *link, void *buffer, size_t size) {
        ssize_t n;

        for (;;) {
                n = read(link->own[RECEIVING], buffer, size);
                if (n >= 0)
                        return n;
                if (errno == EAGAIN && link->wait == WAIT_ADAPTIVE)
                        (void)wait_readable_fd(link->own[RECEIVING], USEC_INFINITY);
                else if (!link_receives_again(link, -errno))
                        return -errno;
        }
}

/* read(2) and write(2) know no flag against waiting (RWF_NOWAIT is not for FIFOs), so a blocking end is switched for
 * the one call; nobody else has its open file description. */
static ssize_t try_once(Link *link, unsigned which, void *data, size_t size) {
        ssize_t n;
        int r;

        if (link->wait == WAIT_BLOCK) {
                r = pipe_link_nonblock(link->own[which], true);
                if (r < 0)
                        return r;
        }
        n = which == SENDING ? write(link->own[which], data, size) : read(link->own[which], data, size);
        n = n < 0 ? -errno : n;
        if (link->wait == WAIT_BLOCK) {
                r = pipe_link_nonblock(link->own[which], false);
                if (r < 0)
                        return r;
        }
        return n;
}

/* Up to PIPE_BUF a write is whole or not at all; what is longer may go in by half, and is then finished, waiting. */
static int pipe_link_try_send(Link *link, const void *data, size_t size) {
        ssize_t n = try_once(link, SENDING, (void *)data, size);

        if (n < 0)
                return (int)n;
        return send_rest(link, (const char *)data + n, size - (size_t)n);
}

static ssize_t pipe_link_try_receive(Link *link, void *buffer, size_t size) {
        return try_once(link, RECEIVING, buffer, size);
}

static int pipe_link_wait_readable(Link *link, uint64_t timeout_usec) {
        return wait_readable_fd(link->own[RECEIVING], timeout_usec);
}

static int pipe_link_poll_fd(const Link *link) {
        return link->own[RECEIVING];
}

static void pipe_link_close_direction(Link *link, bool sending) {
        unsigned which = sending ? SENDING : RECEIVING;

        link->own[which] = fd_close(link->own[which]);
}

static int fifo_link_path(const Link *link, unsigned lane, char path[PATH_MAX], Error *error) {
        int n = snprintf(path, PATH_MAX, "%s/%s", link->directory, link->names[lane]);

        if (n < 0 || n >= PATH_MAX)
                return error_set(error, ERROR_FAILED, "The directory of the run has too long a path.");
        return 0;
}

static void fifo_link_teardown(Link *link) {
        char path[PATH_MAX];

        for (unsigned lane = 0; lane < LINK_LANES; lane++) {
                if (link->names[lane][0] && fifo_link_path(link, lane, path, NULL) >= 0)
                        unlink(path);
                link->names[lane][0] = '\0';
        }
}

/* The first name that is free: a run may have several links at a time. */
static int fifo_link_make(Link *link, unsigned lane, Error *error) {
        char path[PATH_MAX];
        int r;

        for (unsigned i = 0; i < 1024; i++) {
                snprintf(link->names[lane], LINK_NAME_MAX, "ipcbus-%.80s-fifo-%u", link->token, i);
                r = fifo_link_path(link, lane, path, error);
                if (r < 0)
                        break;
                if (mkfifo(path, 0600) == 0) {
                        if (link->mode == 0 || chmod(path, link->mode) == 0) /* past the umask */
                                return 0;
                        r = error_set_errno(error, errno, "The FIFO %.200s cannot be opened to others", path);
                        unlink(path);
                        break;
                }
                r = errno == EEXIST ? -EEXIST : error_set_errno(error, errno, "The FIFO %.200s cannot be made", path);
                if (r != -EEXIST)
                        break;
        }
        link->names[lane][0] = '\0';
        return r == -EEXIST ? error_set(error, ERROR_EXISTS, "%.200s is full of FIFOs.", link->directory) : r;
}

static int fifo_link_setup(Link *link, Error *error) {
        char path[PATH_MAX];
        int r = 0, fd;

        for (unsigned lane = 0; r >= 0 && lane < LINK_LANES; lane++)
                r = fifo_link_make(link, lane, error);
        if (r < 0) {
                fifo_link_teardown(link);
                return r;
        }
        pipe_link_lower(link);
        /* A reader without a writer, gone at once: nobody else knows the name yet. */
        if (fifo_link_path(link, 0, path, NULL) >= 0) {
                fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
                if (fd >= 0)
                        link->depth = pipe_link_depth(fd, link->message_max);
                fd_close(fd);
        }
        return 0;
}

/* open(2) of one side returns when the other opened the same FIFO, fifo(7). Both sides take lane 0 first, so that the
 * two meet; and once attach() is over each lane has its reader and its writer, so that no read sees a false end. */
static int fifo_link_attach(Link *link, Error *error) {
        char path[PATH_MAX];
        int r;

        for (unsigned lane = 0; lane < LINK_LANES; lane++) {
                bool sends = lane == link->side;
                int fd;

                r = fifo_link_path(link, lane, path, error);
                if (r < 0) {
                        pipe_link_detach(link);
                        return r;
                }
                do
                        fd = open(path, (sends ? O_WRONLY : O_RDONLY) | O_CLOEXEC);
                while (fd < 0 && errno == EINTR);
                if (fd < 0) {
                        r = error_set_errno(error, errno, "The FIFO %.200s cannot be opened", path);
                        pipe_link_detach(link);
                        return r;
                }
                link->own[sends ? SENDING : RECEIVING] = fd;
        }
        return pipe_link_ready(link, error);
}

const Transport pipe_transport = {
        .message_max = STREAM_MESSAGE_MAX,
        .executed = true,
        .setup = pipe_link_setup,
        .attach = pipe_link_attach,
        .send = pipe_link_send,
        .receive = pipe_link_receive,
        .try_send = pipe_link_try_send,
        .try_receive = pipe_link_try_receive,
        .poll_fd = pipe_link_poll_fd,
        .several_max = PIPE_BUF,
        .wait_readable = pipe_link_wait_readable,
        .close_direction = pipe_link_close_direction,
        .detach = pipe_link_detach,
        .teardown = pipe_link_teardown,
};

const Transport fifo_transport = {
        .message_max = STREAM_MESSAGE_MAX,
        .executed = true,
        .setup = fifo_link_setup,
        .attach = fifo_link_attach,
        .send = pipe_link_send,
        .receive = pipe_link_receive,
        .try_send = pipe_link_try_send,
        .try_receive = pipe_link_try_receive,
        .poll_fd = pipe_link_poll_fd,
        .several_max = PIPE_BUF,
        .wait_readable = pipe_link_wait_readable,
        .close_direction = pipe_link_close_direction,
        .detach = pipe_link_detach,
        .teardown = fifo_link_teardown,
};
