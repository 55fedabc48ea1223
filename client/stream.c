/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copying through an end that the service hands out: at the speed of the kernel, with its back-pressure, nothing over
 * the bus. splice(2) moves pages where one side is a pipe; where it cannot, read and write do. Owns the descriptor for
 * the time of the copy. */
#include "stream.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "attributes.h"
#include "cleanup.h"
#include "connection.h"
#include "errors.h"
#include "kind.h"
#include "message.h"
#include "output.h"
#include "units.h"

enum {
        COPY_SIZE = 1024 * 1024,
        DESCRIPTORS_MAX = 253, /* of one message: SCM_MAX_FD, unix(7) */
        RETRY_FIRST_USEC = 5 * 1000,
        RETRY_LAST_USEC = 100 * 1000,
};

/* 0: ready (or ended, which the next call tells); -ETIMEDOUT; -EPIPE: nobody reads `other` any more. */
static int wait_ready(int fd, short events, int other, uint64_t timeout_usec) {
        struct pollfd pfds[] = { { .fd = fd, .events = events }, { .fd = other, .events = 0 } };
        uint64_t msec = timeout_usec / USEC_PER_MSEC + (timeout_usec % USEC_PER_MSEC != 0);
        int n;

        do
                n = poll(pfds, 2, timeout_usec == USEC_INFINITY ? -1 : (int)MIN(msec, G_MAXINT));
        while (n < 0 && errno == EINTR);
        if (n <= 0)
                return n < 0 ? -errno : -ETIMEDOUT;
        return pfds[0].revents == 0 && (pfds[1].revents & POLLERR) != 0 ? -EPIPE : 0;
}

static int write_all(int fd, const char *data, size_t size, uint64_t timeout_usec) {
        while (size > 0) {
                ssize_t n = write(fd, data, size);
                if (n < 0 && errno == EAGAIN) {
                        int r = wait_ready(fd, POLLOUT, -1, timeout_usec);
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
        int ready = wait_ready(copy->from, POLLIN, copy->to, copy->from_timeout);
        if (ready < 0)
                return ready;
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
        int r = wait_ready(copy->from, POLLIN, copy->to, copy->from_timeout);
        while (r >= 0) {
                ssize_t n = copy_step(copy);
                if (n == 0)
                        return 0;
                if (n > 0 || n == -EINTR)
                        continue;
                if (n != -EAGAIN)
                        return (int)n;
                /* Either side may be what is not ready: first there must be something to copy, then room for it. */
                r = wait_ready(copy->from, POLLIN, copy->to, copy->from_timeout);
                if (r >= 0 && !copy->no_splice)
                        r = wait_ready(copy->to, POLLOUT, -1, copy->to_timeout);
        }
        return r;
}

/* Can it be that the end comes later: a FIFO that nobody reads yet, a socket whose backlog is full? A pipe that gave
 * its end away never has it again. */
static bool may_come(GVariant *description, ErrorCode code) {
        return code == ERROR_TIMED_OUT || code == ERROR_BUSY ||
               (code == ERROR_PEER_GONE && kind_is(description, "unrelated"));
}

static ExitCode call_open_end(
        IpcbusManager *manager, const char *address, const char *end, int *ret_fd, GError **error) {
        g_autoptr(GUnixFDList) list = NULL;
        g_autoptr(GVariant) handle = NULL;

        if (!ipcbus_manager_call_open_end_sync(manager, address, end,
                    g_variant_new_array(G_VARIANT_TYPE("{sv}"), NULL, 0), WITHOUT_TIMEOUT, NULL, &handle, &list, NULL,
                    error))
                return EXIT_CODE_FAILED;
        *ret_fd = list != NULL ? g_unix_fd_list_get(list, g_variant_get_handle(handle), error) : -EBADF;
        return *ret_fd >= 0 ? EXIT_CODE_DONE : EXIT_CODE_FAILED;
}

/* *ret_fd -EBADF with EXIT_CODE_DONE: there is none to be had here, but there may be another way. */
static ExitCode open_end(
        Cli *cli, const char *address, GVariant *description, const char *end, uint64_t timeout_usec, int *ret_fd) {
        gint64 begin = g_get_monotonic_time();
        gulong pause = RETRY_FIRST_USEC;
        IpcbusManager *manager;
        ExitCode code = connection_manager(cli, &manager);

        if (code != EXIT_CODE_DONE || !connection_passes_descriptors(cli))
                return code;
        for (;;) {
                g_autoptr(GError) error = NULL;

                if (call_open_end(manager, address, end, ret_fd, &error) == EXIT_CODE_DONE)
                        break;
                ErrorCode why = gerror_code(error);
                if (may_come(description, why)) {
                        if (timeout_usec != USEC_INFINITY &&
                                (uint64_t)(g_get_monotonic_time() - begin) >= timeout_usec)
                                return say("%s: nobody was there within the time", address), EXIT_CODE_TIMED_OUT;
                        g_usleep(pause);
                        pause = MIN(pause * 2, RETRY_LAST_USEC);
                        continue;
                }
                if (why == ERROR_NOT_SUPPORTED || why == ERROR_INVALID_OPTION || why == ERROR_PEER_GONE)
                        return EXIT_CODE_DONE;
                return fail_with(error, address);
        }
        /* What has an address was opened for us alone; the ends of a pipe are one open file with those of others. */
        if (kind_is(description, "unrelated"))
                (void)fcntl(*ret_fd, F_SETFL, fcntl(*ret_fd, F_GETFL) | O_NONBLOCK);
        return EXIT_CODE_DONE;
}

ExitCode stream_send_input(
        Cli *cli, const char *address, GVariant *description, uint64_t timeout_usec, bool *ret_done) {
        const char *end = kind_has_end(description, "write") ? "write" : "connect";
        CLEANUP_FD int fd = -EBADF;

        *ret_done = false;
        if (!kind_has_end(description, end))
                return EXIT_CODE_DONE;
        ExitCode code = open_end(cli, address, description, end, timeout_usec, &fd);
        if (code != EXIT_CODE_DONE || fd < 0)
                return code;
        *ret_done = true;
        /* Only the stream's time counts: whoever feeds us may take as long as he likes. */
        Copy copy = { .from = STDIN_FILENO, .to = fd, .from_timeout = USEC_INFINITY, .to_timeout = timeout_usec };
        int r = copy_all(&copy);
        if (r == -ETIMEDOUT)
                return say("%s: nobody took more within the time; the rest was not sent", address),
                       EXIT_CODE_TIMED_OUT;
        if (r == -EPIPE || r == -ECONNRESET)
                return say("%s: whoever read it has gone; the rest was not sent", address), EXIT_CODE_FAILED;
        if (r < 0)
                return say("copying standard input to %s failed: %s", address, g_strerror(-r)), EXIT_CODE_FAILED;
        return EXIT_CODE_DONE;
}

static int print_piece(Cli *cli, const char *address, const StreamReceive *how, const char *data, size_t size) {
        g_autoptr(GVariant) bytes = g_variant_ref_sink(g_variant_new_fixed_array(G_VARIANT_TYPE_BYTE, data, size, 1));
        g_autoptr(GVariant) nothing = g_variant_ref_sink(g_variant_new_array(G_VARIANT_TYPE("{sv}"), NULL, 0));

        return message_print(cli, address, bytes, nothing, how->hex, true) ? 0 : -EPIPE;
}

typedef union Control {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(struct ucred)) + CMSG_SPACE(DESCRIPTORS_MAX * sizeof(int))];
} Control;

/* What came beside a message: descriptors are named and closed. Was it a message at all? With SO_PASSCRED each has the
 * credentials of its sender beside it (unix(7)), and the end has none. */
static bool take_beside(struct msghdr *header, GVariantDict *meta) {
        g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
        bool credited = false;

        for (struct cmsghdr *control = CMSG_FIRSTHDR(header); control != NULL;
                control = CMSG_NXTHDR(header, control)) {
                if (control->cmsg_level == SOL_SOCKET && control->cmsg_type == SCM_CREDENTIALS)
                        credited = true;
                if (control->cmsg_level != SOL_SOCKET || control->cmsg_type != SCM_RIGHTS)
                        continue;
                for (size_t i = 0; CMSG_LEN((i + 1) * sizeof(int)) <= control->cmsg_len; i++) {
                        g_autofree char *link = NULL;
                        int fd;

                        memcpy(&fd, CMSG_DATA(control) + i * sizeof fd, sizeof fd);
                        link = g_strdup_printf("/proc/self/fd/%d", fd);
                        char *name = g_file_read_link(link, NULL);
                        g_ptr_array_add(names, name != NULL ? name : g_strdup("unknown"));
                        fd_close(fd);
                }
        }
        if (names->len > 0) {
                for (guint i = 0; i < names->len; i++)
                        if (!g_utf8_validate(names->pdata[i], -1, NULL)) {
                                g_free(names->pdata[i]);
                                names->pdata[i] = g_strdup("unknown");
                        }
                g_variant_dict_insert_value(
                        meta, "fds", g_variant_new_strv((const char *const *)names->pdata, names->len));
        }
        return credited;
}

/* One whole message, in a buffer of its size; 0: the end of the connection. */
static int receive_packet(Cli *cli, const char *address, const StreamReceive *how, int fd) {
        g_auto(GVariantDict) meta = G_VARIANT_DICT_INIT(NULL);
        Control control;
        struct msghdr header = { .msg_control = &control, .msg_controllen = sizeof control };
        /* Where messages of this end were left unread, the first call tells ECONNRESET, and the next what came. */
        ssize_t n = recv(fd, NULL, 0, MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT);
        if (n < 0 && errno == ECONNRESET)
                n = recv(fd, NULL, 0, MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT);
        if (n < 0)
                return -errno;
        size_t size = (size_t)MIN((uint64_t)n, how->size);
        g_autofree char *buffer = g_malloc(size + 1);
        struct iovec vector = { .iov_base = buffer, .iov_len = size };

        header.msg_iov = &vector;
        header.msg_iovlen = 1;
        n = recvmsg(fd, &header, MSG_TRUNC | MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        if (n < 0)
                return -errno;
        if (!take_beside(&header, &meta) && n == 0)
                return 0;
        g_variant_dict_insert(&meta, "truncated", "b", (size_t)n > size);
        if ((size_t)n > size)
                g_variant_dict_insert(&meta, "length", "t", (guint64)n);
        g_autoptr(GVariant)
                bytes = g_variant_ref_sink(g_variant_new_fixed_array(G_VARIANT_TYPE_BYTE, buffer, size, 1));
        g_autoptr(GVariant) beside = g_variant_ref_sink(g_variant_dict_end(&meta));
        return message_print(cli, address, bytes, beside, how->hex, false) ? 1 : -EPIPE;
}

/* 0: all that was asked for, 1: the connection ended first. */
static int receive_packets(Cli *cli, const char *address, const StreamReceive *how, int fd) {
        int on = 1;

        (void)setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof on);
        for (uint64_t i = 0; how->count == 0 || i < how->count;) {
                int r = output_is_lost() ? -EPIPE : wait_ready(fd, POLLIN, STDOUT_FILENO, how->timeout);
                if (r >= 0)
                        r = receive_packet(cli, address, how, fd);
                if (r == 0)
                        return 1;
                if (r < 0 && r != -EAGAIN && r != -EINTR)
                        return r;
                i += r > 0;
        }
        return 0;
}

/* 0: all that was asked for, 1: the stream ended first. */
static int receive_pieces(Cli *cli, const char *address, const StreamReceive *how, int fd) {
        size_t size = (size_t)MIN(how->size, (uint64_t)COPY_SIZE);
        g_autofree char *buffer = g_malloc(size);

        for (uint64_t i = 0; how->count == 0 || i < how->count;) {
                int r = output_is_lost() ? -EPIPE : wait_ready(fd, POLLIN, STDOUT_FILENO, how->timeout);
                if (r < 0)
                        return r;
                ssize_t n = read(fd, buffer, size);
                if (n < 0 && errno != EAGAIN && errno != EINTR)
                        return -errno;
                if (n == 0)
                        return 1;
                if (n < 0)
                        continue;
                r = print_piece(cli, address, how, buffer, (size_t)n);
                if (r < 0)
                        return r;
                i++;
        }
        return 0;
}

/* A socket that the service listens on has its bytes there, not at the end of a new connection. */
static bool is_ours(Cli *cli, const char *address) {
        g_autoptr(GVariant) attributes = NULL;
        gboolean ours = FALSE;
        IpcbusManager *manager;

        if (connection_manager(cli, &manager) == EXIT_CODE_DONE &&
                ipcbus_manager_call_describe_sync(manager, address, WITHOUT_TIMEOUT, &attributes, NULL, NULL))
                g_variant_lookup(attributes, "ours", "b", &ours);
        return ours;
}

ExitCode stream_receive(
        Cli *cli, const char *address, GVariant *description, const StreamReceive *how, bool *ret_done) {
        const char *end = kind_has_end(description, "read") ? "read" : "connect";
        CLEANUP_FD int fd = -EBADF;
        int r;

        *ret_done = false;
        if (!kind_has_end(description, end) || (strcmp(end, "connect") == 0 && is_ours(cli, address)))
                return EXIT_CODE_DONE;
        ExitCode code = open_end(cli, address, description, end, how->timeout, &fd);
        if (code != EXIT_CODE_DONE || fd < 0)
                return code;
        *ret_done = true;
        if (kind_is(description, "boundaries"))
                r = receive_packets(cli, address, how, fd);
        else if (how->plain) {
                Copy copy = {
                        .from = fd, .to = STDOUT_FILENO, .from_timeout = how->timeout, .to_timeout = USEC_INFINITY
                };
                r = copy_all(&copy);
        } else
                r = receive_pieces(cli, address, how, fd);
        /* A socket's far end that closed without having read everything resets the connection, which is its end. */
        if (r == -ECONNRESET)
                r = 1;
        if (r == 0 || (r == 1 && how->follow))
                return EXIT_CODE_DONE;
        if (r == 1)
                return say("%s: the stream has ended", address), EXIT_CODE_FAILED;
        if (r == -ETIMEDOUT)
                return say("%s: nothing came within the time", address), EXIT_CODE_TIMED_OUT;
        if (r != -EPIPE) /* else whoever read our output had enough */
                say("copying %s to standard output failed: %s", address, g_strerror(-r));
        return EXIT_CODE_FAILED;
}
