/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* FIFOs (named pipes). fds[0] is a reading end, fds[1] a writing end, both non-blocking, fds[2] pins the inode
 * through O_PATH, which is neither reader nor writer; fds[3] is a writing end opened for one send. A held object keeps
 * both ends, so that Send and then Receive works and bytes outlive their sender. One that is not held opens an end
 * only for the operation that needs it, as any other process would: others see the service come and go. */
#include "mechanism.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "checks.h"
#include "cleanup.h"
#include "kind-helpers.h"
#include "kinds.h"
#include "limit-facts.h"
#include "path-object.h"
#include "pipe-io.h"
#include "pipe-parts.h"
#include "scan.h"
#include "trait-tables.h"

enum { READING, WRITING, PINNED, SENDING };

static const char *const fifo_ends[] = { "read", "write", NULL };

static const OptionSpec fifo_options[] = {
        { "path", OPTION_STRING, OPTION_FOR_CREATE, NULL, 0, 0, "where to make it: an absolute path (required)" },
        { "mode", OPTION_MODE, OPTION_FOR_CREATE, "0600", 0, 07777, "permission bits, whatever the umask" },
        { "hold", OPTION_BOOL, OPTION_FOR_CREATE, "true", 0, 0,
                "keep both ends open, so that bytes stay when their sender closes" },
        { "hold", OPTION_BOOL, OPTION_FOR_ADOPT, "false", 0, 0,
                "keep both ends open; others then see no end of file" },
        { "capacity", OPTION_SIZE, OPTION_FOR_CREATE, NULL, 1, INT_MAX,
                "bytes that fit before a writer blocks; needs hold, since a FIFO forgets it with its last opener" },
        { "packet", OPTION_BOOL, OPTION_FOR_CREATE, "false", 0, 0,
                "packet mode (O_DIRECT) for what the service and ends of its own write; needs hold" },
        { "size", OPTION_SIZE, OPTION_FOR_RECEIVE | OPTION_FOR_PEEK, "64K", 1, 0, "the most bytes to take" },
        {},
};

static int fifo_probe(Record *facts, Error *error) {
        pipe_limits(facts);
        limit_append(facts, "PATH_MAX", PATH_MAX - 1, "bytes of a path", "limits.h");
        return 0;
}

/* Any descriptor leads to the inode. An object that is held does without the pin. */
static int fifo_inode(const KernelObject *object) {
        for (int i = READING; i <= PINNED; i++)
                if (object->fds[i] >= 0)
                        return object->fds[i];
        return -EBADF;
}

/* Before the last held end is given away. */
static int fifo_pin(KernelObject *object, Error *error) {
        char path[sizeof "/proc/self/fd/" + 12];

        if (object->fds[PINNED] >= 0)
                return 0;
        snprintf(path, sizeof path, "/proc/self/fd/%d", fifo_inode(object));
        object->fds[PINNED] = open(path, O_PATH | O_CLOEXEC);
        if (object->fds[PINNED] < 0)
                return error_set_errno(error, errno, "The FIFO %.300s cannot be kept", object->address.text);
        return 0;
}

/* The mode belongs to each writer's open file description: those that are opened here take it from the held one. */
static bool fifo_packet_mode(const KernelObject *object) {
        int flags = object->fds[WRITING] >= 0 ? fcntl(object->fds[WRITING], F_GETFL) : 0;

        return flags > 0 && (flags & O_DIRECT);
}

/* Opening through the inode, so that a path that changed hands in between is not followed. O_NONBLOCK: open(2)
 * of a FIFO waits for the other side otherwise (fifo(7)). -ENXIO: a writer, and nobody reads. */
static int fifo_open_end(const KernelObject *object, int access, int *ret_fd, Error *error) {
        struct stat st;
        int r;

        if (fstat(fifo_inode(object), &st) >= 0 && st.st_nlink == 0)
                return error_set(error, ERROR_NO_SUCH_OBJECT,
                        "The FIFO %.300s was removed; nobody can open it any more.", object->address.text);
        r = pipe_reopen(fifo_inode(object),
                access | O_NONBLOCK | (access == O_WRONLY && fifo_packet_mode(object) ? O_DIRECT : 0), ret_fd, NULL);
        if (r < 0 && r != -ENXIO)
                return error_set_errno(error, r, "The FIFO %.300s cannot be opened for %s", object->address.text,
                        access == O_WRONLY ? "writing" : "reading");
        return r;
}

/* The reading end comes first: with a reader there, opening the writing end cannot fail with ENXIO. */
static int fifo_hold(KernelObject *object, Error *error) {
        int r, capacity;

        r = fifo_open_end(object, O_RDONLY, &object->fds[READING], error);
        if (r < 0)
                return r;
        r = fifo_open_end(object, O_WRONLY, &object->fds[WRITING], error);
        if (r < 0)
                return r;
        object->hold = true;
        object->fds[PINNED] = fd_close(object->fds[PINNED]);
        capacity = fcntl(object->fds[READING], F_GETPIPE_SZ);
        object->bytes = capacity > 0 ? (uint64_t)capacity : 0;
        return 0;
}

static void fifo_close(KernelObject *object) {
        for (int i = READING; i <= SENDING; i++)
                object->fds[i] = fd_close(object->fds[i]);
}

static int fifo_prepare(KernelObject *object, const Record *options, Error *error) {
        const char *path = record_get_string(options, "path", NULL);
        struct stat st;
        int r;

        r = path_pin(path, S_IFIFO, "FIFO", &object->fds[PINNED], &st, error);
        if (r < 0)
                return r;
        r = address_set_path(&object->address, "fifo", path);
        if (r < 0)
                return error_set_errno(error, r, "The address of the FIFO cannot be kept");
        if (record_get_bool(options, "hold", true)) {
                /* Whatever its mode and the umask forbid to its owner, its ends are the maker's. */
                r = path_set_mode(object->fds[PINNED], 0600, &st, error);
                if (r >= 0)
                        r = fifo_hold(object, error);
                if (r >= 0 && record_get_bool(options, "packet", false) &&
                        fcntl(object->fds[WRITING], F_SETFL, O_NONBLOCK | O_DIRECT) < 0)
                        r = error_set_errno(error, errno, "The FIFO's packet mode (O_DIRECT) cannot be set");
                if (r >= 0 && record_has(options, "capacity"))
                        r = pipe_set_capacity(
                                object->fds[READING], record_get_u64(options, "capacity", 0), &object->bytes, error);
                if (r < 0)
                        return r;
        }
        r = path_set_mode(fifo_inode(object), (mode_t)record_get_u64(options, "mode", 0600), &st, error);
        if (r >= 0)
                path_fill(object, fifo_inode(object), &st);
        return r;
}

static int fifo_create(KernelObject *object, const Record *options, Error *error) {
        const char *path = record_get_string(options, "path", NULL);
        int r;

        r = path_check(path, PATH_MAX - 1, error);
        if (r < 0)
                return r;
        if (record_has(options, "capacity") && !record_get_bool(options, "hold", true))
                return error_set(error, ERROR_INVALID_OPTION,
                        "\"capacity\" needs \"hold\": the kernel forgets a FIFO's capacity with its last opener.");
        if (record_get_bool(options, "packet", false) && !record_get_bool(options, "hold", true))
                return error_set(error, ERROR_INVALID_OPTION,
                        "\"packet\" needs \"hold\": the mode belongs to each descriptor that writes, not to the "
                        "FIFO.");
        if (mkfifo(path, 0600) < 0) {
                if (errno == EEXIST)
                        return path_exists(path, error);
                return error_set_errno(error, errno, "The FIFO %.300s cannot be made", path);
        }
        r = fifo_prepare(object, options, error);
        if (r < 0) {
                path_unlink_made(path, fifo_inode(object));
                fifo_close(object);
        }
        return r;
}

static int fifo_open(KernelObject *object, const Record *options, Error *error) {
        struct stat st;
        int r;

        r = path_pin(object->address.text, S_IFIFO, "FIFO", &object->fds[PINNED], &st, error);
        if (r < 0)
                return r;
        path_fill(object, object->fds[PINNED], &st);
        return record_get_bool(options, "hold", false) ? fifo_hold(object, error) : 0;
}

/* The named object: the descriptor only shows which. */
static int fifo_from_fd(KernelObject *object, int fd, const Record *options, Error *error) {
        char path[PATH_MAX];
        struct stat st;
        int r;

        if (fstat(fd, &st) < 0 || !S_ISFIFO(st.st_mode) || pipe_is_unnamed(fd))
                return -EMEDIUMTYPE;
        r = path_of_fd(fd, path);
        if (r < 0)
                return error_set(error, ERROR_NO_SUCH_OBJECT,
                        "The descriptor is of a FIFO whose name was removed, or that has none in this mount "
                        "namespace; only what has its name can be adopted.");
        address_done(&object->address);
        r = address_set_path(&object->address, "fifo", path);
        if (r < 0)
                return error_set_errno(error, r, "The address of the FIFO cannot be kept");
        r = fifo_open(object, options, error);
        if (r >= 0)
                fd_close(fd);
        return r;
}

static int fifo_file(const Address *address, char **ret_path, int *ret_want) {
        *ret_path = strdup(address->text);
        *ret_want = R_OK;
        return *ret_path ? 0 : -ENOMEM;
}

static int fifo_remove(KernelObject *object, Error *error) {
        int r;

        r = path_unlink(object->address.text, "FIFO", error);
        if (r >= 0)
                fifo_close(object);
        return r;
}

static int fifo_identify(const Address *address, char ret_identity[IDENTITY_MAX], Error *error) {
        return path_identify(address, S_IFIFO, "FIFO", ret_identity, error);
}

/* Where the service holds no writing end it opens one, and closes it when all is written, as `echo … >fifo` does: then
 * the reader sees the end. While part of the bytes has to wait for room it stays open, to be polled. */
static int fifo_send(
        KernelObject *object, const void *data, size_t size, const Record *options, size_t *ret_sent, Error *error) {
        size_t sent;
        int r;

        if (size == 0)
                object->fds[SENDING] = fd_close(object->fds[SENDING]);
        if (object->fds[WRITING] >= 0 || size == 0)
                return pipe_send(object->fds[WRITING], data, size, ret_sent, error);

        if (object->fds[SENDING] < 0) {
                r = fifo_open_end(object, O_WRONLY, &object->fds[SENDING], error);
                if (r == -ENXIO) {
                        (void)error_set(error, ERROR_BUSY, "Nobody reads from %.300s.", object->address.text);
                        return -EAGAIN;
                }
                if (r < 0)
                        return r;
        }
        r = pipe_send(object->fds[SENDING], data, size, &sent, error);
        if (r == -EAGAIN)
                return r;
        if (r < 0 || sent == size)
                object->fds[SENDING] = fd_close(object->fds[SENDING]);
        if (r >= 0)
                *ret_sent = sent;
        return r;
}

/* read(2) gives 0 both before the first writer came and after the last one left. poll(2) tells them apart: a reader
 * that was opened with O_NONBLOCK while nobody wrote sees POLLHUP only after a writer came and went. */
static int fifo_ended(int fd, bool *ret_readable) {
        struct pollfd waiting = { .fd = fd, .events = POLLIN };

        if (poll(&waiting, 1, 0) < 0)
                return -errno;
        *ret_readable = waiting.revents & POLLIN;
        return waiting.revents & POLLHUP;
}

/* After an end of the stream was told, the next receive waits for the next writer: a reader of its own that was opened
 * later has not seen a writer go. The old one closes second, so that no writer meets a FIFO without a reader. A held
 * end stays as it is, because it may be watched: it tells the end until a writer is there again. */
static void fifo_forget_end(KernelObject *object) {
        int fresh;

        if (object->hold || fifo_open_end(object, O_RDONLY, &fresh, NULL) < 0)
                return;
        fd_close(object->fds[READING]);
        object->fds[READING] = fresh;
}

static int fifo_receive(KernelObject *object, bool peek, const Record *options, void **ret_data, size_t *ret_size,
        Record *meta, Error *error) {
        uint64_t size = record_get_u64(options, "size", PIPE_RECEIVE_DEFAULT);
        Error outcome = {};
        bool readable;
        int r;

        if (object->fds[READING] < 0) {
                if (peek)
                        return error_set(error, ERROR_NOT_SUPPORTED,
                                "The service does not hold %.300s open. Peeking would make it a reader for a moment, "
                                "and "
                                "with the last reader all bytes in a FIFO are lost: adopt it with hold=true first.",
                                object->address.text);
                r = fifo_open_end(object, O_RDONLY, &object->fds[READING], error);
                if (r < 0)
                        return r;
        }
        do {
                r = pipe_receive(object->fds[READING], peek, size, ret_data, ret_size, &outcome);
                if (r != -EPIPE)
                        break;
                r = fifo_ended(object->fds[READING], &readable);
                if (r < 0)
                        return error_set_errno(error, r, "The FIFO %.300s cannot be polled", object->address.text);
                if (r == 0 && !readable)
                        return -EAGAIN;
                r = -EPIPE;
        } while (readable);

        if (r == -EPIPE)
                fifo_forget_end(object);
        if (r < 0 && error)
                *error = outcome;
        return r;
}

/* For a reader to come there is nothing to poll: open(2) of a reader that waits for a writer is not finished, so that
 * inotify tells nothing of it (seen on Linux 6.18), and to become a reader oneself lets strange writers through. */
static int fifo_wait_on(KernelObject *object, Operation operation, int *ret_fd, uint32_t *ret_events) {
        bool sending = operation == OPERATION_SEND;
        int fd = object->fds[READING];

        if (sending)
                fd = object->fds[WRITING] >= 0 ? object->fds[WRITING] : object->fds[SENDING];
        if (fd < 0)
                return -EOPNOTSUPP;
        *ret_fd = fd;
        *ret_events = sending ? EPOLLOUT : EPOLLIN;
        return 0;
}

static int fifo_open_end_for(KernelObject *object, const char *end, bool take, int *ret_fd, Error *error) {
        CLEANUP_FD int fd = -EBADF;
        int which, flags, r;

        if (strcmp(end, "") == 0 || strcmp(end, fifo_ends[READING]) == 0)
                which = READING;
        else if (strcmp(end, fifo_ends[WRITING]) == 0)
                which = WRITING;
        else
                return error_set(error, ERROR_INVALID_OPTION,
                        "A FIFO has no end \"%.64s\"; its ends are \"read\" and \"write\".", end);

        r = fifo_open_end(object, which == READING ? O_RDONLY : O_WRONLY, &fd, error);
        if (r == -ENXIO)
                return error_set(error, ERROR_PEER_GONE,
                        "Nobody reads from %.300s, and without a reader no writing end can be opened (ENXIO); open "
                        "the "
                        "reading end first, or make the FIFO with hold=true.",
                        object->address.text);
        if (r < 0)
                return r;
        /* The one who gets it expects reads and writes that wait. */
        flags = fcntl(fd, F_GETFL);
        if (flags < 0 || fcntl(fd, F_SETFL, flags & ~O_NONBLOCK) < 0)
                return error_set_errno(error, errno, "The end of %.300s cannot be handed out", object->address.text);
        if (take && object->fds[which] >= 0) {
                r = fifo_pin(object, error);
                if (r < 0)
                        return r;
                object->fds[which] = fd_close(object->fds[which]);
        }
        *ret_fd = fd_take(&fd);
        return 0;
}

static int fifo_describe(KernelObject *object, Record *attributes, Error *error) {
        int fd = object->fds[WRITING] >= 0 ? object->fds[WRITING] : object->fds[READING];

        record_set_bool(attributes, "read_end_held", object->fds[READING] >= 0);
        record_set_bool(attributes, "write_end_held", object->fds[WRITING] >= 0);
        if (fd >= 0)
                pipe_describe(fd, attributes);
        if (object->fds[WRITING] >= 0)
                record_set_bool(attributes, "packet_mode", fifo_packet_mode(object));
        return record_error(attributes);
}

/* As for a pipe: only where the service kept one end of the two can the far side go. */
static int fifo_watch_on(KernelObject *object, int *ret_fd, uint32_t *ret_events) {
        int reading = object->fds[READING], writing = object->fds[WRITING];

        if (!object->hold || (reading >= 0) == (writing >= 0))
                return -EOPNOTSUPP;
        *ret_fd = reading >= 0 ? reading : writing;
        *ret_events = EPOLLET;
        return 0;
}

static void fifo_watch(KernelObject *object, uint32_t revents, EventSink *sink) {
        CLEANUP(record_freep) Record *details = NULL;

        if (!(revents & (EPOLLHUP | EPOLLERR)) || record_new(&details) < 0)
                return;
        record_set_string(details, "end", fifo_ends[object->fds[READING] >= 0 ? WRITING : READING]);
        sink->emit(sink, EVENT_PEER_CLOSED, details);
}

static int fifo_holder_keys(const KernelObject *object, HolderKey *ret_keys, size_t *n) {
        struct stat st;

        if (fstat(fifo_inode(object), &st) < 0)
                return -errno;
        return holder_key_from_stat(&st, ret_keys, n);
}

static int fifo_resize(KernelObject *object, uint64_t size, Error *error) {
        if (object->fds[READING] < 0)
                return error_set(error, ERROR_NOT_SUPPORTED,
                        "The service does not hold this FIFO open, and the kernel forgets its capacity with the last "
                        "who does. Make it with hold=true, or adopt it with hold=true.");
        return pipe_set_capacity(object->fds[READING], size, &object->bytes, error);
}

const Mechanism mechanism_fifo = {
        .kind = "fifo",
        .title = "named pipe (FIFO)",
        .family = "pipes",
        .capabilities = CAPABILITY_STREAM,
        .address_forms = 1u << ADDRESS_PATH,
        .facts = {
                .direction = "half-duplex",
                .order = "first in, first out",
                .persistence = "the name until removed, the bytes until the last descriptor closes",
                .unrelated = true,
                .carries_data = true,
                .source = "fifo(7)",
        },
        .ends = fifo_ends,
        .options = fifo_options,
        .reasons = {
                [OPERATION_POST] = "A FIFO carries bytes; posting is for semaphores.",
                [OPERATION_WAIT] = "A FIFO carries bytes; waiting is for semaphores. Receive with a time-out waits for bytes.",
                [OPERATION_ACCEPT] = "A FIFO has no connections to accept; stream sockets have.",
                [OPERATION_SEAL] = "A FIFO cannot be sealed; memory files can.",
                [OPERATION_LISTEN] = "Listening for signals is for the kind \"signal\".",
        },
        .probe = fifo_probe,
        .create = fifo_create,
        .open = fifo_open,
        .from_fd = fifo_from_fd,
        .file = fifo_file,
        .close = fifo_close,
        .remove = fifo_remove,
        .identify = fifo_identify,
        .send = fifo_send,
        .receive = fifo_receive,
        .wait_on = fifo_wait_on,
        .open_end = fifo_open_end_for,
        .resize = fifo_resize,
        .describe = fifo_describe,
        .watch_on = fifo_watch_on,
        .watch = fifo_watch,
        .scan = fifo_scan,
        .holder_keys = fifo_holder_keys,
        .transport = &fifo_transport,
        .example = "path=/tmp/example",
        .traits = fifo_traits,
        .checks = fifo_checks,
        .gaps = fifo_gaps,
};
