/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The kind mq-posix: POSIX message queues (mq_overview(7)).
 *
 * An object keeps one descriptor of its queue, non-blocking: fds[0]. On Linux it is a file descriptor, so that
 * arrivals come from epoll(7); mq_notify(3) has one place per queue and would take it from the user's program. */
#include "mq-posix.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "checks.h"
#include "cleanup.h"
#include "kind-helpers.h"
#include "kinds.h"
#include "posix-name.h"
#include "posix-transports.h"
#include "scan.h"
#include "trait-tables.h"

#define KIND "mq-posix"

typedef struct MqState {
        uint64_t message_size;
        uint64_t messages; /* when an event was last looked at */
        time_t sent;       /* mtime then: the last mq_send(3), in whole seconds */
        bool looked;       /* the first event only says that the queue can be used */
} MqState;

int mq_open_allowed(const char *name, int flags, mqd_t *ret) {
        static const int accesses[] = { O_RDWR, O_RDONLY, O_WRONLY };
        mqd_t mqd = -1;

        for (size_t i = 0; i < sizeof(accesses) / sizeof(*accesses); i++) {
                mqd = mq_open(name, accesses[i] | flags | O_CLOEXEC);
                if (mqd >= 0 || errno != EACCES)
                        break;
        }
        if (mqd < 0)
                return -errno;
        *ret = mqd;
        return 0;
}

int mq_read_status(int fd, uint64_t *ret_bytes, pid_t *ret_notified) {
        char text[256];
        long long bytes;
        ssize_t n;
        int pid;

        n = pread(fd, text, sizeof(text) - 1, 0);
        if (n < 0)
                return -errno;
        text[n] = '\0';
        if (sscanf(text, "QSIZE:%lld NOTIFY:%*d SIGNO:%*d NOTIFY_PID:%d", &bytes, &pid) != 2)
                return -EBADMSG;
        *ret_bytes = (uint64_t)bytes;
        *ret_notified = pid;
        return 0;
}

/* The mode is seen only where the file system of queues is mounted. */
static int mq_open_refused(const char *name, Error *error) {
        CLEANUP_FD int directory = mq_posix_open_directory();
        struct stat st;

        if (directory < 0 || fstatat(directory, name + 1, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return error_set(error, ERROR_NOT_PERMITTED,
                        "User %u may not open the POSIX message queue \"%s\": Permission denied (EACCES). Its mode "
                        "cannot be seen, as no mqueue file system is mounted here.",
                        (unsigned)geteuid(), name);
        return error_set(error, ERROR_NOT_PERMITTED,
                "User %u may not open the POSIX message queue \"%s\": its mode %04o gives that user neither reading "
                "nor "
                "writing (owner %u, group %u).",
                (unsigned)geteuid(), name, (unsigned)st.st_mode & 07777u, (unsigned)st.st_uid, (unsigned)st.st_gid);
}

static int queue_open(const char *name, int flags, mqd_t *ret, Error *error) {
        int r;

        r = mq_open_allowed(name, flags, ret);
        if (r == -ENOENT)
                return error_set(error, ERROR_NO_SUCH_OBJECT, "There is no POSIX message queue named \"%s\".", name);
        if (r == -EACCES)
                return mq_open_refused(name, error);
        if (r < 0)
                return error_set_errno(error, r, "Cannot open the POSIX message queue \"%s\"", name);
        return 0;
}

/* What the descriptor in fds[0] tells of its queue. */
static int queue_fill(KernelObject *object, Error *error) {
        MqState *state = NULL;
        struct mq_attr attr;
        struct stat st;

        if (mq_getattr(object->fds[0], &attr) < 0 || fstat(object->fds[0], &st) < 0)
                return error_set_errno(
                        error, errno, "Cannot look at the POSIX message queue \"%s\"", object->address.text);
        state = calloc(1, sizeof(*state));
        if (!state)
                return error_set_errno(error, ENOMEM, "Cannot keep a queue");
        state->message_size = (uint64_t)attr.mq_msgsize;
        state->messages = (uint64_t)attr.mq_curmsgs;
        state->sent = st.st_mtime;
        kernel_object_from_stat(object, &st);
        object->bytes = mq_cost((uint64_t)attr.mq_maxmsg, (uint64_t)attr.mq_msgsize);
        object->state = state;
        return 0;
}

static int mq_kind_create(KernelObject *object, const Record *options, Error *error) {
        mode_t mode = (mode_t)record_get_u64(options, "mode", 0600);
        struct mq_attr attr = {};
        uint64_t messages = 0, size = 0;
        char name[POSIX_NAME_SIZE];
        int r;

        r = posix_name_from_options(KIND, options, NAME_MAX, name, error);
        if (r < 0)
                return r;
        r = mq_sizes_from_options(options, &messages, &size, error);
        if (r < 0)
                return r;
        /* What a queue is can only be asked by opening it. */
        if ((mode & 0600) == 0)
                return error_set(error, ERROR_INVALID_OPTION,
                        "With mode=%04o not even its owner could open the queue \"%s\" again, to look at it or to see "
                        "that it is still the same before it is removed; give the owner 0400 or 0200 at least.",
                        (unsigned)mode, name);
        r = address_set_path(&object->address, KIND, name);
        if (r < 0)
                return error_set_errno(error, r, "Cannot keep the name \"%s\"", name);
        attr.mq_maxmsg = (long)messages;
        attr.mq_msgsize = (long)size;
        object->fds[0] = mq_open(name, O_RDWR | O_CREAT | O_EXCL | O_NONBLOCK | O_CLOEXEC, 0600, &attr);
        if (object->fds[0] < 0) {
                r = errno;
                object->fds[0] = -EBADF;
                return mq_create_failed(r, name, messages, size, error);
        }
        if (fchmod(object->fds[0], mode) < 0) /* past the umask */
                r = error_set_errno(error, errno, "Cannot give the queue \"%s\" the mode %04o", name, (unsigned)mode);
        else
                r = queue_fill(object, error);
        if (r < 0) {
                mq_unlink(name);
                object->fds[0] = fd_close(object->fds[0]);
                return r;
        }
        object->created = realtime_now();
        return 0;
}

static int mq_kind_open(KernelObject *object, const Record *options, Error *error) {
        int r;

        r = posix_name_check(KIND, object->address.text, NAME_MAX, ERROR_INVALID_ADDRESS, error);
        if (r < 0)
                return r;
        r = queue_open(object->address.text, O_NONBLOCK, &object->fds[0], error);
        if (r < 0)
                return r;
        r = queue_fill(object, error);
        if (r < 0)
                object->fds[0] = fd_close(object->fds[0]);
        return r;
}

static void mq_kind_close(KernelObject *object) {
        free(object->state);
        object->state = NULL;
        object->fds[0] = fd_close(object->fds[0]);
}

/* The kernel shows the name behind the mount that the descriptor came by: the invisible one of mq_open(3), or one at
 * /dev/mqueue. A queue's name has no slash of its own. */
static int mq_kind_from_fd(KernelObject *object, int fd, const Record *options, Error *error) {
        char link[32], name[PATH_MAX];
        struct stat st, named;
        Error unused = {};
        ssize_t n;

        if (!mq_posix_is_queue(fd) || fstat(fd, &st) < 0)
                return -EMEDIUMTYPE;
        (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        n = readlink(link, name, sizeof name - 1);
        if (n <= 0 || name[0] != '/')
                return -EMEDIUMTYPE;
        name[n] = '\0';
        if (address_set_path(&object->address, KIND, strrchr(name, '/')) < 0 ||
                mq_kind_open(object, options, &unused) < 0)
                return error_set(error, ERROR_NOT_SUPPORTED,
                        "The POSIX message queue of this descriptor (%.200s) is used by its name, and cannot be "
                        "opened "
                        "by it: it has none any more, or is of another IPC namespace, or may not be opened.",
                        name);
        if (fstat(object->fds[0], &named) < 0 || named.st_dev != st.st_dev || named.st_ino != st.st_ino)
                return error_set(error, ERROR_NOT_SUPPORTED,
                        "The POSIX message queue of this descriptor has no name any more; %.200s is another queue.",
                        name);
        (void)fd_close(fd);
        return 0;
}

static int mq_identify(const Address *address, char ret_identity[IDENTITY_MAX], Error *error) {
        CLEANUP_FD int fd = -EBADF;
        struct stat st;
        int r;

        r = queue_open(address->text, O_NONBLOCK, &fd, error);
        if (r < 0)
                return r;
        if (fstat(fd, &st) < 0)
                return error_set_errno(error, errno, "Cannot look at the POSIX message queue \"%s\"", address->text);
        identity_from_stat(&st, ret_identity);
        return 0;
}

static int mq_remove(KernelObject *object, Error *error) {
        if (mq_unlink(object->address.text) >= 0)
                return 0;
        if (errno == ENOENT)
                return error_set(error, ERROR_NO_SUCH_OBJECT, "There is no POSIX message queue named \"%s\" any more.",
                        object->address.text);
        return error_set_errno(error, errno, "Cannot remove the POSIX message queue \"%s\"", object->address.text);
}

static int mq_kind_send(
        KernelObject *object, const void *data, size_t size, const Record *options, size_t *ret_sent, Error *error) {
        uint64_t priority = record_get_u64(options, "priority", 0);
        const MqState *state = object->state;

        if (priority > MQ_PRIORITY_MAX)
                return error_set(error, ERROR_INVALID_OPTION,
                        "The priority %" PRIu64 " is more than the largest, %d (mq_send(3)).", priority,
                        MQ_PRIORITY_MAX);
        if (mq_send(object->fds[0], data, size, (unsigned)priority) >= 0) {
                *ret_sent = size;
                return 0;
        }
        switch (errno) {
        case EAGAIN:
                (void)error_set(error, ERROR_BUSY, "\"%s\" is full: as many messages wait in it as it may hold.",
                        object->address.text);
                return -EAGAIN;
        case EMSGSIZE:
                return error_set(error, ERROR_LIMIT_EXCEEDED,
                        "%zu bytes are more than one message of \"%s\" may have, %" PRIu64
                        "; send it in parts, or make a queue with a larger message_size.",
                        size, object->address.text, state->message_size);
        case EBADF:
                return error_set(error, ERROR_NOT_PERMITTED,
                        "This user may receive from the POSIX message queue \"%s\" but not send to it (mode %04o).",
                        object->address.text, (unsigned)object->mode);
        default:
                return error_set_errno(error, errno, "Cannot send to \"%s\"", object->address.text);
        }
}

static int receive_failed(const KernelObject *object, size_t size, Error *error) {
        const MqState *state = object->state;

        switch (errno) {
        case EAGAIN:
                return -EAGAIN;
        case EMSGSIZE:
                return error_set(error, ERROR_INVALID_OPTION,
                        "size=%zu is less than a message of \"%s\" may have, %" PRIu64
                        ", and mq_receive(3) never cuts one; leave size out.",
                        size, object->address.text, state->message_size);
        case EBADF:
                return error_set(error, ERROR_NOT_PERMITTED,
                        "This user may send to the POSIX message queue \"%s\" but not receive from it (mode %04o).",
                        object->address.text, (unsigned)object->mode);
        default:
                return error_set_errno(error, errno, "Cannot receive from \"%s\"", object->address.text);
        }
}

static int mq_kind_receive(KernelObject *object, bool peek, const Record *options, void **ret_data, size_t *ret_size,
        Record *meta, Error *error) {
        const MqState *state = object->state;
        uint64_t size = record_get_u64(options, "size", state->message_size);
        CLEANUP_FREE char *data = NULL;
        unsigned priority;
        ssize_t n;

        if (peek)
                return mechanism_supports(object->mechanism, OPERATION_PEEK, error);
        if (size > state->message_size)
                size = state->message_size;
        data = malloc(size > 0 ? size : 1);
        if (!data)
                return error_set_errno(error, ENOMEM, "Cannot receive %" PRIu64 " bytes", size);
        n = mq_receive(object->fds[0], data, size, &priority);
        if (n < 0)
                return receive_failed(object, size, error);
        record_set_u64(meta, "priority", priority);
        *ret_data = TAKE_POINTER(data);
        *ret_size = (size_t)n;
        return 0;
}

static int mq_wait_on(KernelObject *object, Operation operation, int *ret_fd, uint32_t *ret_events) {
        *ret_fd = object->fds[0];
        *ret_events = operation == OPERATION_SEND ? EPOLLOUT : EPOLLIN;
        return 0;
}

static int mq_open_end(KernelObject *object, const char *end, bool take, int *ret_fd, Error *error) {
        CLEANUP_FD int fd = -EBADF;
        struct stat st;
        int r;

        r = single_end_check(object, end, error);
        if (r < 0)
                return r;
        /* An open description of its own, so that blocking or not is the caller's choice. `take` changes nothing: who
         * else has a queue open does not matter to a queue. */
        r = queue_open(object->address.text, 0, &fd, error);
        if (r < 0)
                return r;
        if (fstat(fd, &st) < 0 || !identity_matches_stat(object->identity, &st))
                return error_set(error, ERROR_NO_SUCH_OBJECT,
                        "The POSIX message queue \"%s\" was replaced by another of the same name.",
                        object->address.text);
        *ret_fd = fd_take(&fd);
        return 0;
}

static int mq_describe(KernelObject *object, Record *attributes, Error *error) {
        struct mq_attr attr;
        uint64_t bytes;
        pid_t notified;

        if (mq_getattr(object->fds[0], &attr) < 0)
                return error_set_errno(
                        error, errno, "Cannot look at the POSIX message queue \"%s\"", object->address.text);
        record_set_u64(attributes, "messages", (uint64_t)attr.mq_curmsgs);
        record_set_u64(attributes, "max_messages", (uint64_t)attr.mq_maxmsg);
        record_set_u64(attributes, "message_size", (uint64_t)attr.mq_msgsize);
        record_set_u64(attributes, "size", (uint64_t)attr.mq_maxmsg * (uint64_t)attr.mq_msgsize);
        /* Not where this user may only send. */
        if (mq_read_status(object->fds[0], &bytes, &notified) >= 0) {
                record_set_u64(attributes, "used", bytes);
                record_set_u64(attributes, "queued", bytes);
                if (notified > 0)
                        record_set_u64(attributes, "notified_pid", (uint64_t)notified);
        }
        return record_error(attributes);
}

/* With both events every send and every receive is an edge (__do_notify() and do_mq_timedreceive() in ipc/mqueue.c
 * wake the pollers), and the number of messages can be followed; with EPOLLIN alone the last receive would go unseen,
 * and the next message look like none. A message that a blocked receiver took straight from its sender is no edge: it
 * never was in the queue. */
static int mq_watch_on(KernelObject *object, int *ret_fd, uint32_t *ret_events) {
        *ret_fd = object->fds[0];
        *ret_events = EPOLLIN | EPOLLOUT | EPOLLET;
        ((MqState *)object->state)->looked =
                false; /* epoll tells once more what it finds when a descriptor is added */
        return 0;
}

static void mq_watch(KernelObject *object, uint32_t revents, EventSink *sink) {
        CLEANUP(record_freep) Record *details = NULL;
        MqState *state = object->state;
        struct mq_attr attr;
        struct stat st;
        uint64_t before = state->messages;
        bool arrived;

        if (mq_getattr(object->fds[0], &attr) < 0 || fstat(object->fds[0], &st) < 0)
                return;
        /* Several edges may come as one. As many as before after an edge: one was sent and one taken. Fewer: the time
         * of the last send tells, but only to the second. */
        arrived = (uint64_t)attr.mq_curmsgs > before || st.st_mtime != state->sent ||
                  (state->looked && (uint64_t)attr.mq_curmsgs == before);
        state->messages = (uint64_t)attr.mq_curmsgs;
        state->sent = st.st_mtime;
        state->looked = true;
        if (!arrived || attr.mq_curmsgs == 0)
                return;
        if (record_new(&details) < 0)
                return;
        record_set_u64(details, "messages", state->messages);
        sink->emit(sink, EVENT_MESSAGE_ARRIVED, details);
}

static int mq_holder_keys(const KernelObject *object, HolderKey *ret_keys, size_t *n) {
        struct stat st;

        if (fstat(object->fds[0], &st) < 0)
                return -errno;
        return holder_key_from_stat(&st, ret_keys, n);
}

static int mq_entry_address(const char *name, char **ret_address) {
        return posix_entry_address(KIND, name, ret_address);
}

static const OptionSpec mq_options[] = {
        { "name", OPTION_STRING, OPTION_FOR_CREATE, NULL, 0, 0, "the name, as /jobs; the slash may be left out" },
        { "max_messages", OPTION_COUNT, OPTION_FOR_CREATE, "10", 0, 0, "how many messages fit (" MQ_MSG_MAX ")" },
        { "message_size", OPTION_SIZE, OPTION_FOR_CREATE, "8K", 0, 0,
                "the most bytes of one message (" MQ_MSGSIZE_MAX ")" },
        { "mode", OPTION_MODE, OPTION_FOR_CREATE, "0600", 0, 0777, "permission bits, whatever the umask is" },
        { "priority", OPTION_COUNT, OPTION_FOR_SEND, "0", 0, MQ_PRIORITY_MAX, "the highest is received first" },
        { "size", OPTION_SIZE, OPTION_FOR_RECEIVE, NULL, 0, 0,
                "the most bytes to take; not less than message_size of the queue" },
        {},
};

static const char *const mq_ends[] = { "queue", NULL };

const Mechanism mechanism_mq_posix = {
        .kind = KIND,
        .title = "POSIX message queue",
        .family = "message queues",
        .capabilities = CAPABILITY_MESSAGE_QUEUE,
        .address_forms = 1u << ADDRESS_PATH,
        .facts = {
                .direction = "half-duplex",
                .bidirectional = true,
                .boundaries = true,
                .order = "by priority, then first in, first out",
                .priority = true,
                .persistence = "until removed, or until the machine stops",
                .unrelated = true,
                .carries_data = true,
                .source = "mq_overview(7)",
        },
        .ends = mq_ends,
        .options = mq_options,
        .reasons = {
                [OPERATION_PEEK] = "The kernel has no call that shows a message of a POSIX queue without taking it; show "
                                   "tells how many wait. System V queues can be looked into (MSG_COPY).",
                [OPERATION_POST] = "A queue carries messages; posting is for semaphores.",
                [OPERATION_WAIT] = "A queue carries messages; receive with a time-out waits for one.",
                [OPERATION_ACCEPT] = "A queue has no connections.",
                [OPERATION_RESIZE] = "The size of a POSIX queue is set when it is made and cannot change (mq_setattr(3)).",
                [OPERATION_SEAL] = "A queue cannot be sealed.",
                [OPERATION_LISTEN] = "A queue receives no signals.",
        },
        .probe = mq_posix_probe,
        .create = mq_kind_create,
        .open = mq_kind_open,
        .from_fd = mq_kind_from_fd,
        .close = mq_kind_close,
        .remove = mq_remove,
        .identify = mq_identify,
        .send = mq_kind_send,
        .receive = mq_kind_receive,
        .wait_on = mq_wait_on,
        .open_end = mq_open_end,
        .explain = mq_posix_explain,
        .describe = mq_describe,
        .watch_on = mq_watch_on,
        .watch = mq_watch,
        .scan = mq_posix_scan,
        .holder_keys = mq_holder_keys,
        .watch_directory = mq_posix_open_directory,
        .entry_address = mq_entry_address,
        .sweep = mq_posix_sweep,
        .transport = &mq_posix_transport,
        .example = "name=/example",
        .traits = mq_posix_traits,
        .checks = mq_posix_checks,
        .gaps = mq_posix_gaps,
};
