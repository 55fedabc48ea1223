/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copying through an end that the service hands out: at the speed of the kernel, with its back-pressure, nothing over
 * the bus. splice(2) moves pages where one side is a pipe; where it cannot, read and write do. Owns the descriptor for
 * the time of the copy. */
#include "stream.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "connection.h"
#include "errors.h"
#include "kind.h"
#include "output.h"
#include "units.h"

enum {
        COPY_SIZE = 1024 * 1024,
        RETRY_USEC = 20 * 1000,
};

/* 0: ready (or broken, which the next call tells); -ETIMEDOUT. */
static int wait_ready(int fd, short events, uint64_t timeout_usec) {
        struct pollfd pfd = { .fd = fd, .events = events };
        uint64_t msec = timeout_usec / USEC_PER_MSEC + (timeout_usec % USEC_PER_MSEC != 0);
        int n;

        do
                n = poll(&pfd, 1, timeout_usec == USEC_INFINITY ? -1 : (int)MIN(msec, G_MAXINT));
        while (n < 0 && errno == EINTR);
        return n < 0 ? -errno : n == 0 ? -ETIMEDOUT : 0;
}

static int write_all(int fd, const char *data, size_t size, uint64_t timeout_usec) {
        while (size > 0) {
                ssize_t n = write(fd, data, size);
                if (n < 0 && errno == EAGAIN) {
                        int r = wait_ready(fd, POLLOUT, timeout_usec);
                        if (r < 0)
                                return r;
                } else if (n < 0 && errno != EINTR)
                        return -errno;
                else if (n > 0) {
                        data += n;
                        size -= (size_t)n;
                }
        }
        return 0;
}

typedef struct Copy {
        int from, to;
        uint64_t from_timeout, to_timeout;
        char *buffer;
        bool no_splice;
} Copy;

/* One step: how many bytes, 0 at the end, -EAGAIN to wait, else negative errno. */
static ssize_t copy_step(Copy *copy) {
        if (!copy->no_splice) {
                ssize_t n = splice(copy->from, NULL, copy->to, NULL, COPY_SIZE, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
                if (n >= 0)
                        return n;
                /* Neither side is a pipe, or one is opened for appending, or is what cannot be spliced (a terminal).
                 */
                if (errno != EINVAL)
                        return -errno;
                copy->no_splice = true;
        }
        ssize_t n = read(copy->from, copy->buffer, COPY_SIZE);
        if (n < 0)
                return -errno;
        int r = write_all(copy->to, copy->buffer, (size_t)n, copy->to_timeout);
        return r < 0 ? r : n;
}

static int copy_all(Copy *copy) {
        g_autofree char *buffer = g_malloc(COPY_SIZE);

        copy->buffer = buffer;
        /* A FIFO without a writer reads as ended, but is not ready until one came and went: fifo(7), poll(2). */
        int first = wait_ready(copy->from, POLLIN, copy->from_timeout);
        if (first < 0)
                return first;
        for (;;) {
                ssize_t n = copy_step(copy);
                if (n == 0)
                        return 0;
                if (n > 0 || n == -EINTR)
                        continue;
                if (n != -EAGAIN)
                        return (int)n;
                /* Either side may be what is not ready: first there must be something to copy, then room for it. */
                int r = wait_ready(copy->from, POLLIN, copy->from_timeout);
                if (r >= 0 && !copy->no_splice)
                        r = wait_ready(copy->to, POLLOUT, copy->to_timeout);
                if (r < 0)
                        return r;
        }
}

/* Asks for the end; waits for a reader where the kind needs one to be there. -ENOTSUP: there is none to be had. */
static ExitCode open_end(Cli *cli, const char *address, const char *end, uint64_t timeout_usec, int *ret_fd) {
        gint64 begin = g_get_monotonic_time();
        IpcbusManager *manager;
        ExitCode code = connection_manager(cli, &manager);

        *ret_fd = -EBADF;
        if (code != EXIT_CODE_DONE || !connection_passes_descriptors(cli))
                return code;
        for (;;) {
                g_autoptr(GUnixFDList) list = NULL;
                g_autoptr(GVariant) handle = NULL;
                g_autoptr(GError) error = NULL;
                GVariant *options = g_variant_new_array(G_VARIANT_TYPE("{sv}"), NULL, 0);

                if (ipcbus_manager_call_open_end_sync(
                            manager, address, end, options, WITHOUT_TIMEOUT, NULL, &handle, &list, NULL, &error)) {
                        *ret_fd = list != NULL ? g_unix_fd_list_get(list, g_variant_get_handle(handle), NULL) : -EBADF;
                        return EXIT_CODE_DONE;
                }
                switch (gerror_code(error)) {
                case ERROR_TIMED_OUT: /* a FIFO that nobody reads yet */
                        if (timeout_usec != USEC_INFINITY &&
                                (uint64_t)(g_get_monotonic_time() - begin) >= timeout_usec)
                                return fail_with(error, address);
                        g_usleep(RETRY_USEC);
                        continue;
                case ERROR_NOT_SUPPORTED:
                case ERROR_INVALID_OPTION:
                case ERROR_PEER_GONE:
                        return EXIT_CODE_DONE;
                default:
                        return fail_with(error, address);
                }
        }
}

ExitCode stream_send_input(
        Cli *cli, const char *address, GVariant *description, uint64_t timeout_usec, bool *ret_done) {
        CLEANUP_FD int fd = -EBADF;

        const char *end = kind_has_end(description, "write") ? "write" : "connect";

        *ret_done = false;
        if (!kind_has_end(description, end))
                return EXIT_CODE_DONE;
        ExitCode code = open_end(cli, address, end, timeout_usec, &fd);
        if (code != EXIT_CODE_DONE || fd < 0)
                return code;
        *ret_done = true;
        /* Only to_timeout counts as the stream's; whoever feeds us may take as long as he likes. */
        Copy copy = { .from = STDIN_FILENO, .to = fd, .from_timeout = USEC_INFINITY, .to_timeout = timeout_usec };
        int r = copy_all(&copy);
        if (r == -ETIMEDOUT)
                return say("%s: nobody took more within the time; the rest was not sent", address),
                       EXIT_CODE_TIMED_OUT;
        if (r == -EPIPE)
                return say("%s: whoever read it has gone; the rest was not sent", address), EXIT_CODE_FAILED;
        if (r < 0)
                return say("copying standard input to %s failed: %s", address, g_strerror(-r)), EXIT_CODE_FAILED;
        return EXIT_CODE_DONE;
}

static ExitCode fail_receive(const char *address, int r) {
        if (r == -ETIMEDOUT)
                return say("%s: nothing came within the time", address), EXIT_CODE_TIMED_OUT;
        return say("copying %s to standard output failed: %s", address, g_strerror(-r)), EXIT_CODE_FAILED;
}

ExitCode stream_receive_output(Cli *cli, const char *address, const char *end, uint64_t timeout_usec, bool *ret_done) {
        CLEANUP_FD int fd = -EBADF;

        *ret_done = false;
        ExitCode code = open_end(cli, address, end, timeout_usec, &fd);
        if (code != EXIT_CODE_DONE || fd < 0)
                return code;
        *ret_done = true;
        Copy copy = { .from = fd, .to = STDOUT_FILENO, .from_timeout = timeout_usec, .to_timeout = USEC_INFINITY };
        int r = copy_all(&copy);
        if (r == -EPIPE) /* whoever read our output had enough */
                return EXIT_CODE_FAILED;
        return r < 0 ? fail_receive(address, r) : EXIT_CODE_DONE;
}

ExitCode stream_connect(Cli *cli, const char *address, int *ret_fd) {
        return open_end(cli, address, "connect", USEC_INFINITY, ret_fd);
}

GBytes *stream_receive_part(const char *address, int fd, size_t size, uint64_t timeout_usec, ExitCode *ret_code) {
        g_autofree char *buffer = g_malloc(size);
        ssize_t n;
        int r;

        do {
                r = wait_ready(fd, POLLIN, timeout_usec);
                n = r < 0 ? 0 : read(fd, buffer, size);
        } while (r >= 0 && n < 0 && (errno == EINTR || errno == EAGAIN));
        if (r >= 0 && n < 0 && errno != ECONNRESET)
                r = -errno;
        if (r < 0) {
                *ret_code = fail_receive(address, r);
                return NULL;
        }
        return g_bytes_new_take(g_steal_pointer(&buffer), n < 0 ? 0 : (size_t)n);
}
