/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Eventfds: a counter of 64 bits behind a descriptor. fds[0] is it, blocking, for whoever gets it. Since it cannot be
 * opened again (ENXIO) all who have it share one O_NONBLOCK, which is never changed here. Reading does without, by
 * RWF_NOWAIT (preadv2(2)); writing has no such way, so that posting is a worker's work. */
#include "mechanism.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "checks.h"
#include "cleanup.h"
#include "eventfd-parts.h"
#include "explain-held.h"
#include "fd-fetch.h"
#include "kind-helpers.h"
#include "kinds.h"
#include "limit-facts.h"
#include "scan.h"
#include "trait-tables.h"

enum { COUNTER };

#define KIND "eventfd"

typedef struct Counter {
        uint64_t last; /* the value that was told or seen last */
        bool adopted;
} Counter;

static const char *const eventfd_ends[] = { "counter", NULL };

static const OptionSpec eventfd_options[] = {
        { "value", OPTION_COUNT, OPTION_FOR_CREATE, "0", 0, EVENTFD_MAX, "what it begins with" },
        { "semaphore", OPTION_BOOL, OPTION_FOR_CREATE, "false", 0, 0,
                "a wait takes one; else it takes all that there is, and the counter is at 0 again" },
        {},
};

static int eventfd_probe(Record *facts, Error *error) {
        CLEANUP_FD int fd = eventfd(0, EFD_CLOEXEC);
        struct rlimit limit;

        limit_append(facts, "ULLONG_MAX-1", EVENTFD_MAX, "largest value", "eventfd(2)");
        if (getrlimit(RLIMIT_NOFILE, &limit) >= 0)
                limit_append_bounded(facts, "RLIMIT_NOFILE",
                        limit.rlim_cur == RLIM_INFINITY ? UINT64_MAX : limit.rlim_cur, "descriptors of a process",
                        "RLIMIT_NOFILE");
        if (fd < 0)
                return error_set_errno(error, errno, "No eventfd can be made");
        return 0;
}

static void eventfd_close(KernelObject *object) {
        object->fds[COUNTER] = fd_close(object->fds[COUNTER]);
        free(object->state);
        object->state = NULL;
}

static int eventfd_take_over(KernelObject *object, int fd, const EventfdInfo *info, bool adopted, Error *error) {
        CLEANUP_FREE Counter *counter = calloc(1, sizeof *counter);
        int r;

        if (!counter)
                return error_set_errno(error, ENOMEM, "The eventfd cannot be kept");
        address_done(&object->address);
        r = address_set_number(&object->address, KIND, ADDRESS_INODE, info->id);
        if (r < 0)
                return error_set_errno(error, r, "The address of the eventfd cannot be kept");
        (void)snprintf(object->identity, IDENTITY_MAX, "eventfd:%" PRIu64, info->id);
        object->owner = geteuid();
        object->group = getegid();
        object->mode = 0600;
        object->unnamed = true;
        object->hold = true;
        counter->adopted = adopted;
        counter->last = info->count;
        object->state = TAKE_POINTER(counter);
        object->fds[COUNTER] = fd;
        return 0;
}

static int eventfd_create(KernelObject *object, const Record *options, Error *error) {
        uint64_t value = record_get_u64(options, "value", 0);
        CLEANUP_FD int fd = -EBADF;
        EventfdInfo info;
        int r;

        fd = eventfd(0, EFD_CLOEXEC | (record_get_bool(options, "semaphore", false) ? EFD_SEMAPHORE : 0));
        if (fd < 0)
                return error_set_errno(error, errno, "The eventfd cannot be made");
        /* eventfd(2) itself takes 32 bits only. */
        if (value > 0 && write(fd, &value, sizeof value) < 0)
                return error_set_errno(error, errno, "The eventfd cannot begin with %" PRIu64, value);
        r = eventfd_info("self", fd, &info);
        if (r < 0)
                return error_set(error, ERROR_NOT_SUPPORTED,
                        "This kernel does not number its eventfds (eventfd-id of fdinfo, Linux 5.2), so that they "
                        "have "
                        "no address.");
        r = eventfd_take_over(object, fd, &info, false, error);
        if (r < 0)
                return r;
        (void)fd_take(&fd);
        object->created = realtime_now();
        return 0;
}

static int eventfd_open(KernelObject *object, const Record *options, Error *error) {
        return error_set(error, ERROR_NOT_SUPPORTED,
                "The eventfd [%" PRIu64 "] has no name: only who inherited or was sent a descriptor of it can use it.",
                object->address.number);
}

static int eventfd_from_fd(KernelObject *object, int fd, const Record *options, Error *error) {
        EventfdInfo info;
        int r = eventfd_info("self", fd, &info);

        if (r < 0)
                return r == -EMEDIUMTYPE ? r
                                         : error_set_errno(error, r, "The descriptor cannot be looked at in /proc");
        return eventfd_take_over(object, fd, &info, true, error);
}

static bool eventfd_needs_fetch(const Address *address) {
        return true;
}

static int eventfd_fetch(Address *address, const Record *options, int *ret_fd, Error *error) {
        HolderKey key = { .type = HOLDER_EVENTFD, .number = address->number };
        char what[64];

        (void)snprintf(what, sizeof what, "eventfd:[%" PRIu64 "]", address->number);
        return fd_fetch(&key, FETCH_DUPLICATE, O_RDWR, what, ret_fd, error);
}

static int eventfd_explain(const Address *address, Explanation *explanation) {
        HolderKey key = { .type = HOLDER_EVENTFD, .number = address->number };

        return explain_held(explanation, &key, 1, FETCH_DUPLICATE, 0, explanation->what);
}

static int eventfd_remove(KernelObject *object, Error *error) {
        const Counter *counter = object->state;

        if (!counter || counter->adopted)
                return error_set(error, ERROR_NOT_SUPPORTED,
                        "An eventfd has no name that could be removed: it is gone when the last process that has it "
                        "closes it.");
        eventfd_close(object);
        return 0;
}

static int eventfd_held(const KernelObject *object, Error *error) {
        if (object->fds[COUNTER] >= 0)
                return 0;
        return error_set(error, ERROR_PEER_GONE,
                "The service gave its descriptor of eventfd:[%" PRIu64
                "] away; use that one, or make another eventfd.",
                object->address.number);
}

/* In a worker, so that it harms nobody where another post takes the room between the look and the write. */
static int eventfd_post(KernelObject *object, uint64_t count, const Record *options, Error *error) {
        EventfdInfo info;
        ssize_t n;
        int r;

        r = eventfd_held(object, error);
        if (r < 0)
                return r;
        if (count > EVENTFD_MAX)
                return error_set(error, ERROR_LIMIT_EXCEEDED,
                        "One write adds at most 2^64 - 2 to an eventfd (eventfd(2)), not %" PRIu64 ".", count);
        r = eventfd_info("self", object->fds[COUNTER], &info);
        if (r < 0)
                return error_set_errno(error, r, "The counter cannot be read");
        if (count > EVENTFD_MAX - info.count) {
                (void)error_set(error, ERROR_LIMIT_EXCEEDED,
                        "It is at %" PRIu64 ", and %" PRIu64 " more would go over 2^64 - 2, where a write waits "
                        "(EAGAIN) until somebody takes from it.",
                        info.count, count);
                return -EAGAIN;
        }
        do
                n = write(object->fds[COUNTER], &count, sizeof count);
        while (n < 0 && errno == EINTR);
        if (n < 0 && errno == EAGAIN)
                return -EAGAIN;
        return n < 0 ? error_set_errno(error, errno, "The counter cannot be added to") : 0;
}

/* Without RWF_NOWAIT (before Linux 5.8) a look comes first; another reader may then be quicker, and the read waits. */
static ssize_t counter_read(int fd, uint64_t *ret) {
        struct iovec vector = { .iov_base = ret, .iov_len = sizeof *ret };
        struct pollfd state = { .fd = fd, .events = POLLIN };
        ssize_t n;

        do {
                n = preadv2(fd, &vector, 1, -1, RWF_NOWAIT);
                if (n < 0 && (errno == EOPNOTSUPP || errno == ESPIPE)) {
                        if (poll(&state, 1, 0) <= 0)
                                return -EAGAIN;
                        n = read(fd, ret, sizeof *ret);
                }
        } while (n < 0 && errno == EINTR);
        return n < 0 ? -errno : n;
}

static int eventfd_wait(KernelObject *object, uint64_t timeout, const Record *options, Record *meta, Error *error) {
        Counter *counter = object->state;
        uint64_t value;
        ssize_t n;
        int r;

        r = eventfd_held(object, error);
        if (r < 0)
                return r;
        n = counter_read(object->fds[COUNTER], &value);
        if (n == -EAGAIN)
                return -EAGAIN;
        if (n < 0)
                return error_set_errno(error, (int)n, "The counter cannot be read");
        record_set_u64(meta, "count", value);
        counter->last = counter->last > value ? counter->last - value : 0;
        return 0;
}

static int eventfd_wait_on(KernelObject *object, Operation operation, int *ret_fd, uint32_t *ret_events) {
        if (object->fds[COUNTER] < 0)
                return -EOPNOTSUPP;
        /* Room for one is not room for many: a post looks again after a while. */
        if (operation == OPERATION_POST)
                return -EOPNOTSUPP;
        *ret_fd = object->fds[COUNTER];
        *ret_events = EPOLLIN;
        return 0;
}

static int eventfd_open_end(KernelObject *object, const char *end, bool take, int *ret_fd, Error *error) {
        int fd, r;

        r = single_end_check(object, end, error);
        if (r >= 0)
                r = eventfd_held(object, error);
        if (r < 0)
                return r;
        fd = take ? fd_take(&object->fds[COUNTER]) : fcntl(object->fds[COUNTER], F_DUPFD_CLOEXEC, 3);
        if (fd < 0)
                return error_set_errno(error, errno, "The eventfd cannot be handed out");
        *ret_fd = fd;
        return 0;
}

static int eventfd_describe(KernelObject *object, Record *attributes, Error *error) {
        EventfdInfo info;

        if (object->fds[COUNTER] < 0)
                record_set_string(attributes, "state", "given away");
        if (object->fds[COUNTER] < 0 || eventfd_info("self", object->fds[COUNTER], &info) < 0)
                return record_error(attributes);
        record_set_u64(attributes, "value", info.count);
        record_set_u64(attributes, "max_value", EVENTFD_MAX);
        record_set_bool(attributes, "semaphore", info.semaphore);
        record_set_bool(attributes, "nonblocking", fcntl(object->fds[COUNTER], F_GETFL) & O_NONBLOCK);
        return record_error(attributes);
}

static int eventfd_watch_on(KernelObject *object, int *ret_fd, uint32_t *ret_events) {
        if (object->fds[COUNTER] < 0)
                return -EOPNOTSUPP;
        *ret_fd = object->fds[COUNTER];
        *ret_events = EPOLLIN | EPOLLET;
        return 0;
}

/* Every write is an edge, be it the service's own or anybody's. Several may be told as one, and what was taken at once
 * is not seen. */
static void eventfd_watch(KernelObject *object, uint32_t revents, EventSink *sink) {
        CLEANUP(record_freep) Record *details = NULL;
        Counter *counter = object->state;
        EventfdInfo info;
        uint64_t before;

        if (object->fds[COUNTER] < 0 || eventfd_info("self", object->fds[COUNTER], &info) < 0)
                return;
        before = counter->last;
        counter->last = info.count;
        if (info.count == 0 || info.count == before || record_new(&details) < 0)
                return;
        record_set_u64(details, "count", info.count > before ? info.count - before : info.count);
        record_set_u64(details, "value", info.count);
        sink->emit(sink, EVENT_POSTED, details);
}

static int eventfd_holder_keys(const KernelObject *object, HolderKey *ret_keys, size_t *n) {
        if (*n < 1)
                return -ENOBUFS;
        ret_keys[0] = (HolderKey){ .type = HOLDER_EVENTFD, .number = object->address.number };
        *n = 1;
        return 0;
}

const Mechanism mechanism_eventfd = {
        .kind = KIND,
        .title = "eventfd counter",
        .family = "semaphores",
        .capabilities = CAPABILITY_SEMAPHORE,
        .address_forms = 1u << ADDRESS_INODE,
        .facts = {
                .direction = "none",
                .order = "whoever reads first",
                .persistence = "until the last descriptor closes",
                .source = "eventfd(2)",
        },
        .ends = eventfd_ends,
        .options = eventfd_options,
        .in_worker = 1u << OPERATION_POST,
        .reasons = {
                [OPERATION_SEND] = "An eventfd carries a number, not bytes; post adds to it.",
                [OPERATION_RECEIVE] = "An eventfd carries a number, not bytes; wait takes from it.",
                [OPERATION_PEEK] = "An eventfd carries a number, not bytes; show tells its value.",
                [OPERATION_ACCEPT] = "An eventfd has no connections to accept; stream sockets have.",
                [OPERATION_RESIZE] = "The counter of an eventfd has 64 bits, always.",
                [OPERATION_SEAL] = "An eventfd cannot be sealed; memory files can.",
                [OPERATION_LISTEN] = "Listening for signals is for the kind \"signal\".",
        },
        .probe = eventfd_probe,
        .create = eventfd_create,
        .open = eventfd_open,
        .from_fd = eventfd_from_fd,
        .needs_fetch = eventfd_needs_fetch,
        .fetch = eventfd_fetch,
        .explain = eventfd_explain,
        .close = eventfd_close,
        .remove = eventfd_remove,
        .post = eventfd_post,
        .wait = eventfd_wait,
        .wait_on = eventfd_wait_on,
        .open_end = eventfd_open_end,
        .describe = eventfd_describe,
        .watch_on = eventfd_watch_on,
        .watch = eventfd_watch,
        .scan = eventfd_scan,
        .holder_keys = eventfd_holder_keys,
        .transport = &eventfd_transport,
        .example = "",
        .traits = eventfd_traits,
        .checks = eventfd_checks,
        .gaps = eventfd_gaps,
};
