/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The state of an object is its Pair; fds[UNIX_END_A] and fds[UNIX_END_B] are its ends, as far as the service has
 * them. Both block, for whoever gets them; here they are used with MSG_DONTWAIT. */
#include "unix-pair.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/sockios.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "fd-fetch.h"
#include "kind-helpers.h"
#include "proc-fdinfo.h"
#include "scan.h"
#include "unix-address.h"
#include "unix-message.h"
#include "unix-parts.h"

enum { RECEIVE_DEFAULT = 64 * 1024 };

typedef struct Pair {
        uint64_t inodes[2];          /* 0: not known */
        bool adopted;                /* somebody else's: its flags and options stay as they are */
        int last_send, last_receive; /* which end was tried, for what is polled then */
} Pair;

static const char *const end_names[] = { "a", "b" };

bool unix_pair_is(const KernelObject *object) {
        return object->address.form == ADDRESS_INODE;
}

static int inode_of(int fd, KernelObject *object, uint64_t *ret) {
        struct stat st;

        if (fstat(fd, &st) < 0)
                return -errno;
        if (object)
                kernel_object_from_stat(object, &st);
        *ret = st.st_ino;
        return 0;
}

/* Address and identity after end "a". */
static int pair_name(KernelObject *object, Pair *pair, Error *error) {
        int r;

        r = inode_of(object->fds[UNIX_END_A], object, &pair->inodes[0]);
        if (r >= 0 && object->fds[UNIX_END_B] >= 0)
                r = inode_of(object->fds[UNIX_END_B], NULL, &pair->inodes[1]);
        if (r >= 0)
                r = address_set_number(&object->address, object->mechanism->kind, ADDRESS_INODE, pair->inodes[0]);
        if (r < 0)
                return error_set_errno(error, r, "The socket cannot be identified");
        (void)snprintf(object->identity, IDENTITY_MAX, "socket:%" PRIu64, pair->inodes[0]);
        object->mode = 0600; /* of the inode it is 0777, and says nothing: who has a descriptor may use it */
        object->unnamed = true;
        object->state = pair;
        return 0;
}

static int pair_options(const KernelObject *object, const Record *options, Error *error) {
        static const char *const of_names[] = { "backlog", "replace", "mode" };
        int on = 1;

        for (size_t i = 0; i < sizeof of_names / sizeof *of_names; i++)
                if (record_has(options, of_names[i]))
                        return error_set(error, ERROR_INVALID_OPTION,
                                "\"%s\" is for sockets with a name; without \"path\" and \"name\" this makes a pair.",
                                of_names[i]);
        if (!record_get_bool(options, "credentials", false))
                return 0;
        for (int i = UNIX_END_A; i <= UNIX_END_B; i++)
                if (setsockopt(object->fds[i], SOL_SOCKET, SO_PASSCRED, &on, sizeof on) < 0)
                        return error_set_errno(error, errno, "The credentials of senders cannot be asked for");
        return 0;
}

int unix_pair_create(KernelObject *object, int type, const Record *options, Error *error) {
        CLEANUP_FREE Pair *pair = calloc(1, sizeof *pair);
        uint64_t a, b;
        int r = 0;

        if (!pair)
                return error_set_errno(error, ENOMEM, "The sockets cannot be kept");
        if (socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, &object->fds[UNIX_END_A]) < 0)
                return error_set_errno(error, errno, "The two sockets cannot be made");
        /* The machine's list names a connection after the smaller inode, and so does the object. */
        if (inode_of(object->fds[UNIX_END_A], NULL, &a) >= 0 && inode_of(object->fds[UNIX_END_B], NULL, &b) >= 0 &&
                b < a) {
                int first = object->fds[UNIX_END_A];

                object->fds[UNIX_END_A] = object->fds[UNIX_END_B];
                object->fds[UNIX_END_B] = first;
        }
        r = pair_options(object, options, error);
        if (r >= 0)
                r = pair_name(object, pair, error);
        if (r < 0) {
                object->fds[UNIX_END_A] = fd_close(object->fds[UNIX_END_A]);
                object->fds[UNIX_END_B] = fd_close(object->fds[UNIX_END_B]);
                return r;
        }
        TAKE_POINTER(pair);
        object->hold = record_get_bool(options, "hold", true);
        object->created = realtime_now();
        return 0;
}

int unix_pair_adopt(KernelObject *object, int fd, Error *error) {
        CLEANUP_FREE Pair *pair = calloc(1, sizeof *pair);
        int r;

        if (!pair)
                return error_set_errno(error, ENOMEM, "The socket cannot be kept");
        pair->adopted = true;
        object->fds[UNIX_END_A] = fd;
        address_done(&object->address);
        r = pair_name(object, pair, error);
        if (r < 0) {
                object->fds[UNIX_END_A] = -EBADF;
                return r;
        }
        TAKE_POINTER(pair);
        object->hold = true;
        return 0;
}

void unix_pair_close(KernelObject *object) {
        object->fds[UNIX_END_A] = fd_close(object->fds[UNIX_END_A]);
        object->fds[UNIX_END_B] = fd_close(object->fds[UNIX_END_B]);
        free(object->state);
        object->state = NULL;
}

int unix_pair_remove(KernelObject *object, Error *error) {
        const Pair *pair = object->state;

        if (!pair || pair->adopted)
                return error_set(error, ERROR_NOT_SUPPORTED,
                        "A socket without a name cannot be removed from outside: it is gone when the last process "
                        "that has it closes it.");
        unix_pair_close(object);
        return 0;
}

/* Which end; `usual` where nothing was said, or the only one that is left. Negative errno with its Error. */
static int pair_end(const KernelObject *object, const char *end, int usual, Error *error) {
        int other = usual == UNIX_END_A ? UNIX_END_B : UNIX_END_A;
        int which = object->fds[usual] < 0 && object->fds[other] >= 0 ? other : usual;

        if (*end) {
                if (strcmp(end, "a") != 0 && strcmp(end, "b") != 0)
                        return error_set(error, ERROR_INVALID_OPTION,
                                "A pair of sockets has no end \"%.64s\"; its ends are \"a\" and \"b\".", end);
                which = *end == 'a' ? UNIX_END_A : UNIX_END_B;
        }
        if (object->fds[which] >= 0)
                return which;
        if (!object->state)
                return error_set(error, ERROR_NOT_SUPPORTED,
                        "The socket [%" PRIu64 "] has no name, and nobody gave the service a descriptor of it.",
                        object->address.number);
        return error_set(error, ERROR_PEER_GONE,
                "The service does not hold the end \"%s\" of %s:[%" PRIu64 "]: it was given away, or is another "
                "process's.",
                end_names[which - UNIX_END_A], object->address.kind, object->address.number);
}

int unix_pair_send(KernelObject *object, int type, const void *data, size_t size, const Record *options,
        size_t *ret_sent, Error *error) {
        int which = pair_end(object, record_get_string(options, "end", ""), UNIX_END_A, error), r;
        Pair *pair = object->state;

        if (which < 0)
                return which;
        if (size == 0 && type == SOCK_STREAM) {
                *ret_sent = 0;
                return 0;
        }
        pair->last_send = which;
        r = unix_message_send(object->fds[which], type, data, size, object->given, !pair->adopted, ret_sent);
        if (r == -EAGAIN)
                (void)error_set(error, ERROR_BUSY, "It is full: the far end has to receive first.");
        else if (r < 0)
                r = unix_send_failed(type, size, r, error);
        return r;
}

int unix_pair_receive(KernelObject *object, int type, bool peek, const Record *options, void **ret_data,
        size_t *ret_size, Record *meta, Error *error) {
        int which = pair_end(object, record_get_string(options, "end", ""), UNIX_END_B, error), r;
        Pair *pair = object->state;

        if (which < 0)
                return which;
        pair->last_receive = which;
        r = unix_message_receive(object->fds[which], type, peek,
                record_get_u64(options, "size", type == SOCK_STREAM ? RECEIVE_DEFAULT : SIZE_MAX), ret_data, ret_size,
                meta, object->wanted);
        if (r == 0 || r == -ECONNRESET)
                return error_set(error, ERROR_PEER_GONE, "The connection has ended: the far end is closed.");
        if (r < 0 && r != -EAGAIN)
                return error_set_errno(error, r, "Nothing can be received from the socket");
        return r < 0 ? r : 0;
}

int unix_pair_wait_on(KernelObject *object, Operation operation, int *ret_fd, uint32_t *ret_events) {
        const Pair *pair = object->state;
        int which = !pair ? 0 : operation == OPERATION_SEND ? pair->last_send : pair->last_receive;

        if (which < UNIX_END_A || object->fds[which] < 0)
                return -EOPNOTSUPP;
        *ret_fd = object->fds[which];
        *ret_events = operation == OPERATION_SEND ? EPOLLOUT : EPOLLIN;
        return 0;
}

int unix_pair_open_end(KernelObject *object, const char *end, bool take, int *ret_fd, Error *error) {
        int which = pair_end(object, end, UNIX_END_A, error), fd;

        if (which < 0)
                return which;
        fd = take || !object->hold ? fd_take(&object->fds[which]) : fcntl(object->fds[which], F_DUPFD_CLOEXEC, 3);
        if (fd < 0)
                return error_set_errno(
                        error, errno, "The end \"%s\" cannot be handed out", end_names[which - UNIX_END_A]);
        *ret_fd = fd;
        return 0;
}

static void set_number(Record *attributes, const char *prefix, const char *name, uint64_t value) {
        char key[RECORD_KEY_MAX];

        (void)snprintf(key, sizeof key, "%s%s", prefix, name);
        record_set_u64(attributes, key, value);
}

static void set_text(Record *attributes, const char *prefix, const char *name, const char *value) {
        char key[RECORD_KEY_MAX];

        (void)snprintf(key, sizeof key, "%s%s", prefix, name);
        record_set_string(attributes, key, value);
}

/* A pending error is only told, never read: SO_ERROR clears it for whoever has the socket beside us. */
static const char *socket_condition(int fd) {
        struct pollfd state = { .fd = fd, .events = POLLRDHUP };
        struct sockaddr_storage far;
        int listening = 0;
        socklen_t length = sizeof listening;

        if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &length) >= 0 && listening)
                return "listening";
        if (poll(&state, 1, 0) < 0)
                return "unknown";
        length = sizeof far;
        if ((state.revents & POLLHUP) && getpeername(fd, (struct sockaddr *)&far, &length) < 0 && errno == ENOTCONN)
                return "not connected";
        if (state.revents & POLLERR)
                return "an error waits to be read (SO_ERROR)";
        if (state.revents & POLLHUP)
                return "ended: the far end is closed, or both directions are shut down";
        if (state.revents & POLLRDHUP)
                return "half closed: the far end sends no more";
        return "open";
}

void unix_socket_describe(int fd, const char *prefix, Record *attributes) {
        static const struct {
                int option;
                const char *name;
        } buffers[] = { { SO_SNDBUF, "send_buffer" }, { SO_RCVBUF, "receive_buffer" } };
        struct ucred peer;
        socklen_t length = sizeof peer;
        uint64_t flying;
        int number = 0;

        set_text(attributes, prefix, "condition", socket_condition(fd));
        if (ioctl(fd, SIOCINQ, &number) >= 0 && number >= 0)
                set_number(attributes, prefix, "unread", (uint64_t)number);
        if (ioctl(fd, SIOCOUTQ, &number) >= 0 && number >= 0)
                set_number(attributes, prefix, "unreceived_memory", (uint64_t)number);
        for (size_t i = 0; i < sizeof buffers / sizeof *buffers; i++) {
                length = sizeof number;
                if (getsockopt(fd, SOL_SOCKET, buffers[i].option, &number, &length) >= 0)
                        set_number(attributes, prefix, buffers[i].name, (uint64_t)number);
        }
        length = sizeof peer;
        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) >= 0 && peer.pid > 0) {
                set_number(attributes, prefix, "peer_pid", (uint64_t)peer.pid);
                set_number(attributes, prefix, "peer_uid", peer.uid);
                set_number(attributes, prefix, "peer_gid", peer.gid);
        }
        if (fdinfo_number(AT_FDCWD, "/proc/self/fdinfo/", fd, "scm_fds:", &flying) >= 0)
                set_number(attributes, prefix, "fds_in_flight", flying);
}

int unix_pair_describe(KernelObject *object, Record *attributes, Error *error) {
        const Pair *pair = object->state;
        uint64_t queued = 0;
        int number;

        if (!pair) {
                unix_describe_foreign(object, unix_type_of(object->address.kind), attributes);
                return record_error(attributes);
        }
        if (pair->inodes[1] > 0)
                record_set_format(attributes, "other_end", "%s:[%" PRIu64 "]", object->address.kind, pair->inodes[1]);
        for (int i = 0; i < 2; i++) {
                int fd = object->fds[UNIX_END_A + i];
                char prefix[8];

                if (!pair->adopted) {
                        (void)snprintf(prefix, sizeof prefix, "%s_held", end_names[i]);
                        record_set_bool(attributes, prefix, fd >= 0);
                }
                if (fd < 0)
                        continue;
                (void)snprintf(prefix, sizeof prefix, "%s_", pair->adopted ? "socket" : end_names[i]);
                unix_socket_describe(fd, prefix, attributes);
                if (ioctl(fd, SIOCINQ, &number) >= 0 && number > 0)
                        queued += (uint64_t)number;
        }
        record_set_u64(attributes, "queued", queued);
        record_set_u64(attributes, "used", queued);
        return record_error(attributes);
}

/* Where receiving is done by default. */
static int pair_watched(const KernelObject *object) {
        return object->fds[UNIX_END_B] >= 0 ? UNIX_END_B : UNIX_END_A;
}

int unix_pair_watch_on(KernelObject *object, int *ret_fd, uint32_t *ret_events) {
        int fd = object->fds[pair_watched(object)];

        if (fd < 0)
                return -EOPNOTSUPP;
        *ret_fd = fd;
        *ret_events = EPOLLIN | EPOLLRDHUP | EPOLLET;
        return 0;
}

void unix_pair_watch(KernelObject *object, uint32_t revents, EventSink *sink) {
        CLEANUP(record_freep) Record *details = NULL;
        int which = pair_watched(object), queued = 0;
        bool gone = revents & (EPOLLHUP | EPOLLRDHUP | EPOLLERR);

        if (!(gone || (revents & EPOLLIN)) || record_new(&details) < 0)
                return;
        if (gone) {
                record_set_string(details, "end", end_names[which == UNIX_END_A]);
                sink->emit(sink, EVENT_PEER_CLOSED, details);
                return;
        }
        if (ioctl(object->fds[which], SIOCINQ, &queued) >= 0 && queued > 0) {
                record_set_u64(details, "bytes", (uint64_t)queued);
                sink->emit(sink, EVENT_MESSAGE_ARRIVED, details);
        }
}

int unix_pair_holder_keys(const KernelObject *object, HolderKey *ret_keys, size_t *n) {
        const Pair *pair = object->state;
        size_t found = 0;

        if (!pair || pair->adopted)
                return unix_holder_keys(object, unix_type_of(object->address.kind), ret_keys, n);
        for (int i = 0; i < 2 && found < *n; i++)
                ret_keys[found++] = (HolderKey){ .type = HOLDER_SOCKET, .number = pair->inodes[i] };
        *n = found;
        return 0;
}
