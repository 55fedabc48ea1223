/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The kind signal. An object is a process: one that exists, as the target of signals, or one of our own that listens
 * (signal-listener.c; signal-send.c sends) and whose signals can then be received as if it were a queue.
 *
 * fds[0] is a pidfd of the process, so that a signal never reaches another that got its number; its start time proves
 * the same where an address was kept. A listener's fds[1] is an eventfd, readable while signals wait for receive(). */
#include "signal-process.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/pidfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "checks.h"
#include "cleanup.h"
#include "kind-helpers.h"
#include "kinds.h"
#include "limit-facts.h"
#include "posix-transports.h"
#include "record-queue.h"
#include "scan.h"
#include "signal-names.h"
#include "trait-tables.h"
#include "units.h"
#include "worker-protocol.h"

#define KIND "signal"

typedef struct SignalState {
        RecordQueue queue;
        uint64_t signals; /* which it takes, a mask */
} SignalState;

static bool is_listener(const KernelObject *object) {
        return object->state != NULL;
}

static int signal_probe(Record *facts, Error *error) {
        ProcessSignals self;
        struct rlimit limit;
        int fd;

        fd = pidfd_open(getpid(), 0);
        if (fd < 0)
                return error_set(error, ERROR_NOT_SUPPORTED,
                        "Signals are sent through pidfd_open(2), which does not work here: %s.", strerror(errno));
        close(fd);
        if (getrlimit(RLIMIT_SIGPENDING, &limit) >= 0)
                limit_append_bounded(facts, "RLIMIT_SIGPENDING",
                        limit.rlim_cur == RLIM_INFINITY ? UINT64_MAX : (uint64_t)limit.rlim_cur,
                        "signals queued for a user", "getrlimit(RLIMIT_SIGPENDING)");
        if (process_read_signals(getpid(), &self) >= 0)
                limit_append(facts, "SigQ", self.queued, "signals queued now", "/proc/self/status SigQ");
        limit_append(
                facts, "SIGRTMAX-SIGRTMIN+1", (uint64_t)(SIGRTMAX - SIGRTMIN + 1), "real-time signals", "signal(7)");
        limit_append(facts, "listener", RECORD_QUEUE_MAX, "signals kept for a receive", "ipcbus");
        return 0;
}

/* Opens the process and proves that `start_time` is its: it still runs (or waits to be collected) after that was read.
 */
static int process_open(pid_t pid, int *ret_fd, uint64_t *ret_start_time, Error *error) {
        CLEANUP_FD int fd = -EBADF;
        uint64_t start_time;
        int r;

        fd = pidfd_open(pid, 0);
        if (fd < 0 && (errno == ESRCH || errno == ENOENT))
                return error_set(error, ERROR_NO_SUCH_OBJECT, "There is no process %d.", (int)pid);
        if (fd < 0 && errno == EINVAL)
                return error_set(error, ERROR_NO_SUCH_OBJECT,
                        "%d is a thread, and no process; give the id of its process.", (int)pid);
        if (fd < 0)
                return error_set_errno(error, errno, "Cannot open the process %d", (int)pid);
        r = process_read_start_time(pid, &start_time);
        if (pidfd_send_signal(fd, 0, NULL, 0) < 0 && errno == ESRCH)
                return error_set(error, ERROR_NO_SUCH_OBJECT, "The process %d has just ended.", (int)pid);
        if (r == -ESRCH)
                return error_set(error, ERROR_NOT_PERMITTED,
                        "There is a process %d, but /proc does not show it to user %u (hidepid of proc(5)), so that "
                        "it "
                        "cannot be told from a later one of the same number.",
                        (int)pid, (unsigned)geteuid());
        if (r < 0)
                return error_set_errno(error, r, "Cannot read the start time of the process %d", (int)pid);
        *ret_fd = fd_take(&fd);
        *ret_start_time = start_time;
        return 0;
}

static void identity_from_process(pid_t pid, uint64_t start_time, char ret_identity[IDENTITY_MAX]) {
        snprintf(ret_identity, IDENTITY_MAX, "%d:%" PRIu64, (int)pid, start_time);
}

static int signal_open(KernelObject *object, const Record *options, Error *error) {
        pid_t pid = signal_object_pid(object);
        ProcessSignals signals;
        uint64_t start_time = 0;
        int r;

        if (object->address.number == 0)
                return error_set(error, ERROR_INVALID_ADDRESS,
                        "0 is no process id: it stands for the whole group of whoever calls kill(2). A signal goes to "
                        "one process, by its number.");
        if (object->address.number > INT_MAX)
                return error_set(error, ERROR_INVALID_ADDRESS,
                        "%" PRIu64 " is no process id; they go from 1 to the number in /proc/sys/kernel/pid_max.",
                        object->address.number);
        r = process_open(pid, &object->fds[SIGNAL_PROCESS], &start_time, error);
        if (r < 0)
                return r;
        identity_from_process(pid, start_time, object->identity);
        object->created = process_start_to_realtime(start_time);
        object->unnamed = true;
        if (process_read_signals(pid, &signals) >= 0) {
                object->owner = signals.uid;
                object->group = signals.gid;
        }
        return 0;
}

static void signal_close(KernelObject *object) {
        SignalState *state = object->state;

        if (state)
                record_queue_clear(&state->queue);
        free(state);
        object->state = NULL;
        object->fds[SIGNAL_PROCESS] = fd_close(object->fds[SIGNAL_PROCESS]);
        object->fds[SIGNAL_QUEUE_FILLED] = fd_close(object->fds[SIGNAL_QUEUE_FILLED]);
}

/* Which process keep() runs in stood in its first record. */
static int open_listener(KernelObject *object, const Record *options, Error *error) {
        uint64_t pid = record_get_u64(options, "pid", 0), start_time = record_get_u64(options, "starttime", 0);
        char expected[IDENTITY_MAX];
        int r;

        if (pid == 0)
                return error_set(error, ERROR_FAILED, "A listener for signals needs the process that listens.");
        r = address_set_number(&object->address, KIND, ADDRESS_NUMBER, pid);
        if (r < 0)
                return error_set_errno(error, r, "Cannot keep the process id %" PRIu64, pid);
        r = signal_open(object, options, error);
        if (r < 0)
                return r;
        identity_from_process((pid_t)pid, start_time, expected);
        if (strcmp(expected, object->identity) != 0)
                return error_set(error, ERROR_NO_SUCH_OBJECT, "The listener %" PRIu64 " has just ended.", pid);
        return 0;
}

static int signal_create(KernelObject *object, const Record *options, Error *error) {
        SignalState *state;
        sigset_t set;
        int r;

        r = signal_listen_set(options, &set, error);
        if (r >= 0)
                r = open_listener(object, options, error);
        if (r < 0) {
                signal_close(object);
                return r;
        }
        state = calloc(1, sizeof(*state));
        object->fds[SIGNAL_QUEUE_FILLED] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (!state || object->fds[SIGNAL_QUEUE_FILLED] < 0) {
                r = error_set_errno(error, state ? errno : ENOMEM, "Cannot make the queue of a listener");
                free(state);
                signal_close(object);
                return r;
        }
        state->signals = signal_mask_from_set(&set);
        object->state = state;
        return 0;
}

static int signal_remove(KernelObject *object, Error *error) {
        /* Its parent may not have collected it yet. */
        if (!is_listener(object) && signal_object_ended(object))
                return error_set(
                        error, ERROR_NO_SUCH_OBJECT, "The process %d has ended.", (int)signal_object_pid(object));
        if (!is_listener(object))
                return error_set(error, ERROR_NOT_SUPPORTED,
                        "ipcbus does not end processes; to end %d, send it a signal, for example TERM.",
                        (int)signal_object_pid(object));
        /* The listener ends when its end of the channel does. */
        if (object->channel >= 0)
                (void)shutdown(object->channel, SHUT_RDWR);
        return 0;
}

static int signal_identify(const Address *address, char ret_identity[IDENTITY_MAX], Error *error) {
        uint64_t start_time = 0;
        int r;

        r = address->number <= INT_MAX ? process_read_start_time((pid_t)address->number, &start_time) : -ESRCH;
        if (r == -ESRCH)
                return error_set(error, ERROR_NO_SUCH_OBJECT, "There is no process %" PRIu64 ".", address->number);
        if (r < 0)
                return error_set_errno(
                        error, r, "Cannot read the start time of the process %" PRIu64, address->number);
        identity_from_process((pid_t)address->number, start_time, ret_identity);
        return 0;
}

/* Fills data and meta from one of the queue. */
static int copy_received(const Record *received, uint64_t size, void **ret_data, size_t *ret_size, Record *meta) {
        const char *name = record_get_string(received, "name", "");
        size_t length = strlen(name);
        char *data;

        if (length > size) {
                length = (size_t)size;
                record_set_bool(meta, "truncated", true);
        }
        data = strndup(name, length);
        if (!data)
                return -ENOMEM;
        record_merge(meta, received);
        record_unset(meta, WORKER_TYPE);
        *ret_data = data;
        *ret_size = length;
        return 0;
}

static int signal_receive(KernelObject *object, bool peek, const Record *options, void **ret_data, size_t *ret_size,
        Record *meta, Error *error) {
        uint64_t index = peek ? record_get_u64(options, "index", 0) : 0;
        SignalState *state = object->state;
        const Record *received;
        int r;

        if (!is_listener(object))
                return error_set(error, ERROR_NOT_SUPPORTED,
                        "Only the process %d itself can take its signals; create an object of the kind signal and "
                        "receive from that.",
                        (int)signal_object_pid(object));
        received = record_queue_at(&state->queue, index);
        if (!received)
                return -EAGAIN;
        r = copy_received(received, record_get_u64(options, "size", UINT64_MAX), ret_data, ret_size, meta);
        if (r < 0)
                return error_set_errno(error, r, "Cannot receive a signal");
        if (state->queue.lost > 0)
                record_set_u64(meta, "lost", state->queue.lost);
        if (!peek)
                record_queue_drop_first(&state->queue, object->fds[SIGNAL_QUEUE_FILLED]);
        return 0;
}

static int signal_wait_on(KernelObject *object, Operation operation, int *ret_fd, uint32_t *ret_events) {
        if (operation == OPERATION_SEND || !is_listener(object))
                return -EOPNOTSUPP;
        *ret_fd = object->fds[SIGNAL_QUEUE_FILLED];
        *ret_events = EPOLLIN;
        return 0;
}

static int signal_listen(KernelObject *object, const char *const *signals, size_t n, Error *error) {
        CLEANUP(record_freep) Record *request = NULL;
        CLEANUP_FREE void *packet = NULL;
        size_t size;
        sigset_t set;
        int r;

        if (!is_listener(object) || object->channel < 0)
                return error_set(error, ERROR_NOT_SUPPORTED,
                        "The process %d is no listener of ipcbus, and only a process itself can choose its signals.",
                        (int)signal_object_pid(object));
        r = signal_set_from_names(signals, n, &set, error);
        if (r < 0)
                return r;
        r = record_new(&request);
        if (r < 0)
                return error_set_errno(error, r, "Cannot ask the listener");
        record_set_string(request, WORKER_TYPE, SIGNAL_RECORD_LISTEN);
        record_set_signals(request, "signals", signal_mask_from_set(&set));
        r = record_encode(request, &packet, &size);
        if (r < 0)
                return error_set_errno(error, r, "Cannot ask the listener");
        if (send(object->channel, packet, size, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
                return 0;
        if (errno == EAGAIN)
                return error_set(
                        error, ERROR_BUSY, "The listener has requests that it did not answer yet; try again.");
        return error_set(error, ERROR_PEER_GONE, "The listener %d has ended.", (int)signal_object_pid(object));
}

static void keep_received(KernelObject *object, const Record *record, EventSink *sink) {
        CLEANUP(record_freep) Record *details = NULL;
        SignalState *state = object->state;

        record_queue_add(&state->queue, record, object->fds[SIGNAL_QUEUE_FILLED]);
        if (record_copy(record, &details) < 0)
                return;
        record_unset(details, WORKER_TYPE);
        sink->emit(sink, EVENT_SIGNAL_RECEIVED, details);
}

static void signal_kept(KernelObject *object, const Record *record, EventSink *sink) {
        const char *type = record_get_string(record, WORKER_TYPE, "");
        CLEANUP(record_freep) Record *details = NULL;
        SignalState *state = object->state;
        sigset_t set;

        if (!state)
                return;
        if (strcmp(type, SIGNAL_RECORD_RECEIVED) == 0)
                keep_received(object, record, sink);
        if (strcmp(type, SIGNAL_RECORD_LISTENING) != 0 || signal_listen_set(record, &set, NULL) < 0)
                return;
        state->signals = signal_mask_from_set(&set);
        if (record_new(&details) < 0)
                return;
        record_set_signals(details, "signals", state->signals);
        sink->emit(sink, EVENT_CHANGED, details);
}

static int signal_describe(KernelObject *object, Record *attributes, Error *error) {
        const SignalState *state = object->state;
        ProcessSignals signals;
        int r;

        r = process_read_signals(signal_object_pid(object), &signals);
        /* Read first, asked after: so it was this process. */
        if (r == -ESRCH || (pidfd_send_signal(object->fds[SIGNAL_PROCESS], 0, NULL, 0) < 0 && errno == ESRCH))
                return error_set(
                        error, ERROR_NO_SUCH_OBJECT, "The process %d has ended.", (int)signal_object_pid(object));
        if (r < 0)
                return error_set_errno(
                        error, r, "Cannot read the signals of the process %d", (int)signal_object_pid(object));
        record_set_u64(attributes, "pid", (uint64_t)signal_object_pid(object));
        record_set_string(attributes, "command", signals.command);
        record_set_string(attributes, "state", signals.state);
        record_set_signals(attributes, "blocked", signals.blocked);
        record_set_signals(attributes, "ignored", signals.ignored);
        record_set_signals(attributes, "caught", signals.caught);
        record_set_signals(attributes, "pending", signals.pending);
        record_set_u64(attributes, "signal_queue", signals.queued);
        record_set_u64(attributes, "signal_queue_max", signals.queue_max);
        if (state) {
                record_set_signals(attributes, "signals", state->signals);
                record_set_u64(attributes, "messages", state->queue.n);
                record_set_u64(attributes, "max_messages", RECORD_QUEUE_MAX);
                record_set_u64(attributes, "lost", state->queue.lost);
        }
        return record_error(attributes);
}

static int signal_holder_keys(const KernelObject *object, HolderKey *ret_keys, size_t *n) {
        if (*n < 1)
                return -ENOBUFS;
        ret_keys[0] = (HolderKey){ .type = HOLDER_PROCESS, .number = object->address.number };
        *n = 1;
        return 0;
}

static const OptionSpec signal_options[] = {
        { "signals", OPTION_STRINGS, OPTION_FOR_CREATE, SIGNAL_LISTEN_DEFAULT, 0, 0,
                "which to take; all others do to the listener what they do to any process" },
        { "signal", OPTION_STRING, OPTION_FOR_SEND, NULL, 0, 0, "which to send, as USR1, RTMIN+2 or a number" },
        { "value", OPTION_INTEGER, OPTION_FOR_SEND, "0", 0, 0, "a number that goes along (sigqueue(3))" },
        { "confirm", OPTION_BOOL, OPTION_FOR_SEND, "false", 0, 0,
                "also to process 1, to ipcbus itself and to what started it" },
        { "index", OPTION_COUNT, OPTION_FOR_PEEK, "0", 0, RECORD_QUEUE_MAX - 1, "which of the waiting to show" },
        {},
};

const Mechanism mechanism_signal = {
        .kind = KIND,
        .title = "signal",
        .family = "signals",
        .capabilities = CAPABILITY_SIGNALS,
        .address_forms = 1u << ADDRESS_NUMBER,
        .facts = {
                .direction = "simplex",
                .boundaries = true,
                .order = "standard ones: none, the same number merges; real-time: lowest number first, then first in, first out",
                .priority = true,
                .persistence = "process",
                .unrelated = true,
                .carries_data = false,
                .source = "signal(7)",
        },
        .options = signal_options,
        .reasons = {
                [OPERATION_POST] = "A process is no semaphore; send a signal to it.",
                [OPERATION_WAIT] = "A process is no semaphore; receive with a time-out waits for a signal of a listener.",
                [OPERATION_OPEN_END] = "A signal has no capacity that could be handed out as a descriptor.",
                [OPERATION_ACCEPT] = "Signals have no connections.",
                [OPERATION_RESIZE] = "A process has no size to change.",
                [OPERATION_SEAL] = "A process cannot be sealed.",
        },
        .probe = signal_probe,
        .create = signal_create,
        .open = signal_open,
        .close = signal_close,
        .remove = signal_remove,
        .identify = signal_identify,
        .send = signal_send,
        .receive = signal_receive,
        .wait_on = signal_wait_on,
        .listen = signal_listen,
        .explain = signal_explain,
        .describe = signal_describe,
        .keep = signal_keep,
        .kept = signal_kept,
        .scan = signal_scan,
        .holder_keys = signal_holder_keys,
        .transport = &signal_transport,
        .example = "signals=USR1,RTMIN",
        .traits = signal_traits,
        .checks = signal_checks,
        .gaps = signal_gaps,
};
