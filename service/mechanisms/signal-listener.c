/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The process behind an object of the kind signal. It blocks the signals that it was told to take, reads them from a
 * signalfd(2) and tells the service of each; all others do to it what they do to any process. It ends when the service
 * closes the channel. The service could not take them itself: it would have to give its own handling of SIGTERM and
 * SIGHUP away, and all listeners would share one pid. */
#include "signal-process.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "channel.h"
#include "cleanup.h"
#include "signal-names.h"
#include "units.h"
#include "worker-protocol.h"

int signal_listen_set(const Record *options, sigset_t *ret_set, Error *error) {
        static const char *const defaults[] = { "HUP", "USR1", "USR2", "RTMIN" }; /* SIGNAL_LISTEN_DEFAULT */
        const Value *signals = record_get(options, "signals");

        if (signals && signals->type == VALUE_STRINGS)
                return signal_set_from_names(signals->strings.items, signals->strings.n, ret_set, error);
        return signal_set_from_names(defaults, sizeof(defaults) / sizeof(*defaults), ret_set, error);
}

/* si_code (sigaction(2)) for people. */
static const char *code_name(int code, char buffer[16]) {
        switch (code) {
        case SI_USER:
                return "kill";
        case SI_QUEUE:
                return "sigqueue";
        case SI_TKILL:
                return "tgkill";
        case SI_TIMER:
                return "timer";
        case SI_KERNEL:
                return "kernel";
        case SI_MESGQ:
                return "mq_notify";
        case SI_ASYNCIO:
                return "aio";
        default:
                snprintf(buffer, 16, "%d", code);
                return buffer;
        }
}

static int tell_received(int channel, int number, int code, int value, pid_t pid, uid_t uid) {
        CLEANUP(record_freep) Record *record = NULL;
        char name[SIGNAL_NAME_SIZE], code_text[16];
        int r;

        r = record_new(&record);
        if (r < 0)
                return r;
        record_set_string(record, WORKER_TYPE, SIGNAL_RECORD_RECEIVED);
        record_set_i64(record, "signal", number);
        record_set_string(record, "name", signal_name(number, name));
        record_set_i64(record, "value", code == SI_QUEUE || code == SI_TIMER || code == SI_MESGQ ? value : 0);
        record_set_u64(record, "pid", (uint64_t)pid);
        record_set_u64(record, "uid", uid);
        record_set_string(record, "code", code_name(code, code_text));
        return channel_send(channel, record);
}

static int tell_ready(int channel) {
        CLEANUP(record_freep) Record *record = NULL;
        uint64_t start_time;
        int r;

        r = process_read_start_time(getpid(), &start_time);
        if (r < 0)
                return r;
        r = record_new(&record);
        if (r < 0)
                return r;
        record_set_string(record, WORKER_TYPE, WORKER_TYPE_READY);
        record_set_bool(record, "ready", true);
        record_set_u64(record, "pid", (uint64_t)getpid());
        record_set_u64(record, "starttime", start_time);
        return channel_send(channel, record);
}

static int tell_listening(int channel, const sigset_t *set) {
        CLEANUP(record_freep) Record *record = NULL;
        int r;

        r = record_new(&record);
        if (r < 0)
                return r;
        record_set_string(record, WORKER_TYPE, SIGNAL_RECORD_LISTENING);
        record_set_signals(record, "signals", signal_mask_from_set(set));
        return channel_send(channel, record);
}

/* Reads what is there; there is something. */
static int take_signals(int fd, int channel) {
        struct signalfd_siginfo info[16];
        ssize_t n;
        int r;

        n = read(fd, info, sizeof(info));
        if (n < 0)
                return errno == EAGAIN || errno == EINTR ? 0 : -errno;
        for (size_t i = 0; i < (size_t)n / sizeof(*info); i++) {
                r = tell_received(channel, (int)info[i].ssi_signo, info[i].ssi_code, info[i].ssi_int,
                        (pid_t)info[i].ssi_pid, info[i].ssi_uid);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* The new set is blocked and read before the old one is let go; what of the old arrived until then is told and not
 * left to its default action, which would end this process. */
static int listen_to(int fd, int channel, const sigset_t *before, const sigset_t *set) {
        const struct timespec no_wait = { 0 };
        sigset_t dropped;
        siginfo_t info;
        int r, number;

        if (sigprocmask(SIG_BLOCK, set, NULL) < 0 || signalfd(fd, set, 0) < 0)
                return -errno;
        sigemptyset(&dropped);
        for (int i = 1; i < NSIG; i++)
                if (sigismember(before, i) == 1 && sigismember(set, i) != 1)
                        sigaddset(&dropped, i);
        while ((number = sigtimedwait(&dropped, &info, &no_wait)) > 0) {
                r = tell_received(channel, number, info.si_code, info.si_int, info.si_pid, info.si_uid);
                if (r < 0)
                        return r;
        }
        if (sigprocmask(SIG_UNBLOCK, &dropped, NULL) < 0)
                return -errno;
        return tell_listening(channel, set);
}

/* 0, or -EPIPE when the service has closed the channel. */
static int take_request(int fd, int channel, sigset_t *set) {
        CLEANUP(record_freep) Record *request = NULL;
        sigset_t wanted;
        int r;

        r = channel_receive(channel, USEC_INFINITY, &request);
        if (r < 0)
                return r;
        if (strcmp(record_get_string(request, WORKER_TYPE, ""), SIGNAL_RECORD_LISTEN) != 0)
                return -EPROTO;
        /* The service has checked the names. */
        r = signal_listen_set(request, &wanted, NULL);
        if (r < 0)
                return r;
        r = listen_to(fd, channel, set, &wanted);
        if (r >= 0)
                *set = wanted;
        return r;
}

int signal_keep(const Record *options, int channel, Error *error) {
        CLEANUP_FD int fd = -EBADF;
        sigset_t set;
        int r;

        r = signal_listen_set(options, &set, error);
        if (r < 0)
                return r;
        if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
                return -errno;
        fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
        if (fd < 0)
                return -errno;
        r = tell_ready(channel);
        while (r >= 0) {
                struct pollfd fds[] = {
                        { .fd = channel, .events = POLLIN },
                        { .fd = fd, .events = POLLIN },
                };

                if (poll(fds, 2, -1) < 0) {
                        r = errno == EINTR ? 0 : -errno;
                        continue;
                }
                if (fds[1].revents != 0)
                        r = take_signals(fd, channel);
                if (r >= 0 && fds[0].revents != 0)
                        r = take_request(fd, channel, &set);
        }
        return r == -EPIPE ? 0 : r;
}
