/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sending a signal to the process of an object: through its pidfd, so that it reaches that one or none, and with a
 * sentence for each way in which the kernel refuses. Owns nothing. */
#include "signal-process.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "signal-names.h"

pid_t signal_object_pid(const KernelObject *object) {
        return (pid_t)object->address.number;
}

bool signal_object_ended(const KernelObject *object) {
        struct pollfd process = { .fd = object->fds[SIGNAL_PROCESS], .events = POLLIN };

        return poll(&process, 1, 0) > 0;
}

static int check_send(const KernelObject *object, size_t size, const Record *options, int *ret_number, Error *error) {
        const char *text = record_get_string(options, "signal", NULL);
        pid_t pid = signal_object_pid(object);
        int64_t value = record_get_i64(options, "value", 0);
        int number;

        if (size > 0)
                return error_set(error, ERROR_INVALID_OPTION,
                        "A signal carries no data, and %zu bytes were given; it carries one number, value=N.", size);
        if (!text)
                return error_set(error, ERROR_INVALID_OPTION,
                        "Say which signal is to be sent, for example signal=TERM or signal=RTMIN+2.");
        if (signal_from_name(text, &number) < 0)
                return error_set(error, ERROR_INVALID_OPTION,
                        "\"%.40s\" is no signal; write one as USR1, SIGTERM, RTMIN+2 or a number from 1 to 64.", text);
        if (value < INT_MIN || value > INT_MAX)
                return error_set(error, ERROR_INVALID_OPTION,
                        "The value %" PRId64 " does not fit: a signal carries an int of %zu bytes (sigqueue(3)).",
                        value, sizeof(int));
        if ((pid == 1 || pid == getpid() || pid == getppid()) && !record_get_bool(options, "confirm", false))
                return error_set(error, ERROR_NOT_PERMITTED,
                        "The process %d is %s; a signal to it may end more than is meant. Say confirm=true "
                        "(ipcctl: --confirm) to send it.",
                        (int)pid,
                        pid == 1          ? "the first of this machine"
                        : pid == getpid() ? "ipcbus itself"
                                          : "the one that started ipcbus");
        *ret_number = number;
        return 0;
}

static int send_refused(const KernelObject *object, const char *what, Error *error) {
        return error_set(error, ERROR_NOT_PERMITTED,
                "User %u may not send %s to the process %d of user %u: only that user may, and who has CAP_KILL "
                "(kill(2)).",
                (unsigned)geteuid(), what, (int)signal_object_pid(object), (unsigned)object->owner);
}

static int send_failed(const KernelObject *object, const char *name, Error *error) {
        ProcessSignals signals = { 0 };

        switch (errno) {
        case ESRCH:
                return error_set(error, ERROR_PEER_GONE, "The process %d has ended.", (int)signal_object_pid(object));
        case EAGAIN:
                /* The limit is that of the process that is sent to (__sigqueue_alloc() in kernel/signal.c). */
                (void)process_read_signals(signal_object_pid(object), &signals);
                return error_set(error, ERROR_LIMIT_EXCEEDED,
                        "%s cannot be queued: user %u has %" PRIu64
                        " signals queued, and RLIMIT_SIGPENDING of the process %d is %" PRIu64
                        "; wait until some are taken.",
                        name, (unsigned)signals.uid, signals.queued, (int)signal_object_pid(object),
                        signals.queue_max);
        case EPERM:
                return send_refused(object, name, error);
        default:
                return error_set_errno(error, errno, "Cannot send %s to the process %d, which belongs to user %u",
                        name, (int)signal_object_pid(object), (unsigned)object->owner);
        }
}

int signal_send(
        KernelObject *object, const void *data, size_t size, const Record *options, size_t *ret_sent, Error *error) {
        char name[SIGNAL_NAME_SIZE];
        siginfo_t info = { 0 };
        int number = 0, r;
        bool queue;

        r = check_send(object, size, options, &number, error);
        if (r < 0)
                return r;
        signal_name(number, name);
        /* A process that ended and was not collected still takes signals, to no effect. */
        if (signal_object_ended(object))
                return error_set(error, ERROR_PEER_GONE, "The process %d has ended.", (int)signal_object_pid(object));
        /* A real-time signal sent without information about it is lost in silence when the queue is full; with
         * information the kernel says so (signal(7), __send_signal_locked() in kernel/signal.c). */
        queue = record_has(options, "value") || number >= SIGRTMIN;
        info.si_signo = number;
        info.si_code = SI_QUEUE;
        info.si_pid = getpid();
        info.si_uid = getuid();
        info.si_int = (int)record_get_i64(options, "value", 0);
        if (pidfd_send_signal(object->fds[SIGNAL_PROCESS], number, queue ? &info : NULL, 0) < 0)
                return send_failed(object, name, error);
        *ret_sent = 0;
        return 0;
}
