/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One worker process: a SOCK_SEQPACKET socket for records, a pidfd that tells its end. The Runner is freed by the
 * destroy callback of its pidfd source: an owner who frees a Runner that is still dying leaves it to the event loop,
 * which reaps the group first; until then it is among the dying. */
#include "runner.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "channel.h"
#include "cleanup.h"
#include "units.h"
#include "worker-protocol.h"

enum {
        RECORDS_AT_ONCE = 64,      /* then other sources of the event loop have their turn */
        REAP_INTERVAL_USEC = 2000, /* while a killed group is dying; nothing tells when an orphan is gone */
        STOP_ATTEMPTS = 1000,
};

struct Runner {
        sd_event *event;
        RunnerHandlers handlers; /* empty once the owner has freed it */
        void *userdata;
        pid_t pid;
        int pidfd;
        int channel;
        bool killed;
        bool ended;               /* "end" was seen; `outcome` is set */
        bool reaped;              /* nothing of the group is left */
        bool busy;                /* in a handler: freeing is put off */
        bool dropped;             /* freed by the owner */
        int fds[CHANNEL_FDS_MAX]; /* beside the record at hand */
        unsigned n_fds;
        int status; /* of the worker itself, as siginfo tells it */
        int code;
        Error outcome;
        sd_event_source *child_source; /* owns the Runner's memory */
        sd_event_source *channel_source;
        sd_event_source *reap_timer;
        Runner *previous, *next; /* among the dying */
};

static Runner *dying; /* freed by their owners before their groups were gone */

int runner_prepare(void) {
        return prctl(PR_SET_CHILD_SUBREAPER, 1) < 0 ? -errno : 0;
}

static const char *worker_path(void) {
        const char *path = getenv("IPCBUS_WORKER");

        return path && path[0] ? path : IPCBUS_LIBEXECDIR "/ipcbus-worker";
}

static void runner_destroy(void *userdata) {
        Runner *runner = userdata;

        sd_event_source_disable_unref(runner->channel_source);
        sd_event_source_disable_unref(runner->reap_timer);
        if (runner->channel >= 0)
                close(runner->channel);
        if (runner->pidfd >= 0)
                close(runner->pidfd);
        free(runner);
}

/* Reaps whatever of the group has ended. True when nothing is left. */
static bool runner_reap(Runner *runner) {
        for (;;) {
                siginfo_t info = {};

                if (waitid(P_PGID, runner->pid, &info, WEXITED | WNOHANG) < 0) {
                        if (errno == EINTR)
                                continue;
                        return true;
                }
                if (info.si_pid == 0)
                        return false;
                if (info.si_pid == runner->pid) {
                        runner->status = info.si_status;
                        runner->code = info.si_code;
                }
        }
}

static void runner_fill_outcome(Runner *runner) {
        if (runner->killed)
                (void)error_set(&runner->outcome, ERROR_CANCELLED, "It was cancelled.");
        else if (runner->ended)
                return;
        else if (runner->code == CLD_EXITED)
                (void)error_set(&runner->outcome, ERROR_FAILED,
                        "The worker process ended with status %d before it was done.", runner->status);
        else if (runner->status == SIGBUS)
                (void)error_set(&runner->outcome, ERROR_FAILED,
                        "The memory became smaller while it was in use, or no page could be had for it: the worker "
                        "process "
                        "was killed by SIGBUS.");
        else
                (void)error_set(&runner->outcome, ERROR_FAILED,
                        "The worker process was killed by signal %d before it was done.", runner->status);
}

static void dying_add(Runner *runner) {
        runner->next = dying;
        if (dying)
                dying->previous = runner;
        dying = runner;
}

static void dying_remove(Runner *runner) {
        if (runner->previous)
                runner->previous->next = runner->next;
        else if (dying == runner)
                dying = runner->next;
        if (runner->next)
                runner->next->previous = runner->previous;
        runner->previous = runner->next = NULL;
}

/* Frees it, through the destroy callback. */
static void runner_drop(Runner *runner) {
        dying_remove(runner);
        (void)sd_event_source_disable_unref(runner->child_source);
}

static void runner_finish(Runner *runner) {
        runner->reaped = true;
        if (!runner->dropped && runner->handlers.end) {
                void (*end)(void *, const Error *) = runner->handlers.end;

                runner_fill_outcome(runner);
                runner->handlers = (RunnerHandlers){};
                runner->busy = true;
                end(runner->userdata, &runner->outcome);
                runner->busy = false;
        }
        if (runner->dropped)
                runner_drop(runner);
}

static int on_reap_timer(sd_event_source *source, uint64_t usec, void *userdata) {
        Runner *runner = userdata;

        if (runner_reap(runner)) {
                runner_finish(runner);
                return 0;
        }
        (void)sd_event_source_set_time_relative(source, REAP_INTERVAL_USEC);
        return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

static void runner_take_record(Runner *runner, const Record *record) {
        const char *type = record_get_string(record, WORKER_TYPE, "");

        if (strcmp(type, WORKER_TYPE_END) == 0) {
                const char *name = record_get_string(record, "error", NULL);

                runner->ended = true;
                if (name) {
                        ErrorCode code = error_code_from_name(name);

                        (void)error_set(&runner->outcome, code == ERROR_INVALID ? ERROR_FAILED : code, "%s",
                                record_get_string(record, "message", "The worker gave no reason."));
                }
                return;
        }
        if (!runner->handlers.record || runner->ended)
                return;

        runner->busy = true;
        runner->handlers.record(runner->userdata, record);
        runner->busy = false;
}

unsigned runner_take_fds(Runner *runner, int *ret_fds, unsigned max) {
        unsigned n = 0;

        while (n < max && n < runner->n_fds) {
                ret_fds[n] = fd_take(&runner->fds[n]);
                n++;
        }
        return n;
}

static void runner_close_fds(Runner *runner) {
        for (unsigned i = 0; i < runner->n_fds; i++)
                fd_close(runner->fds[i]);
        runner->n_fds = 0;
}

/* One packet, with what came beside it. */
static ssize_t runner_receive(Runner *runner, void *packet, size_t size) {
        union {
                struct cmsghdr header;
                char bytes[CMSG_SPACE(sizeof(int) * CHANNEL_FDS_MAX)];
        } control;
        struct iovec iov = { packet, size };
        struct msghdr message = {
                .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof(control.bytes)
        };
        ssize_t n;

        n = recvmsg(runner->channel, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        if (n < 0)
                return -errno;
        for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c)) {
                if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
                        continue;
                runner->n_fds = (unsigned)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
                memcpy(runner->fds, CMSG_DATA(c), runner->n_fds * sizeof(int));
        }
        return n;
}

/* 1: there may be more; 0: nothing more now; negative: the channel is at its end. */
static int runner_read(Runner *runner) {
        static uint8_t packet[RECORD_PACKET_MAX]; /* the service has one thread */
        Record *record = NULL;
        ssize_t n;
        int r;

        n = runner_receive(runner, packet, sizeof(packet));
        if (n <= 0)
                return n == -EAGAIN ? 0 : n == -EINTR ? 1 : n == 0 ? -ECONNRESET : (int)n;

        r = record_decode(packet, (size_t)n, &record);
        if (r < 0) {
                runner->ended = true;
                (void)error_set(&runner->outcome, ERROR_FAILED, "The worker sent a record that cannot be read.");
                runner_kill(runner);
                runner->killed = false;
        } else {
                runner_take_record(runner, record);
                record_free(record);
        }
        runner_close_fds(runner);
        return r < 0 ? r : 1;
}

static int on_channel(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        Runner *runner = userdata;
        int r = 1;

        for (int i = 0; i < RECORDS_AT_ONCE && r > 0 && !runner->dropped; i++)
                r = runner_read(runner);
        if (r < 0)
                (void)sd_event_source_set_enabled(source, SD_EVENT_OFF); /* the pidfd tells the end */
        if (runner->dropped && runner->reaped)
                runner_drop(runner);
        return 0;
}

/* The worker itself has ended. What it said last is still in the socket; what it started may still run. */
static int on_child(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        Runner *runner = userdata;

        while (!runner->dropped && runner_read(runner) > 0)
                ;
        (void)sd_event_source_set_enabled(runner->channel_source, SD_EVENT_OFF);
        (void)sd_event_source_set_enabled(runner->child_source, SD_EVENT_OFF);
        (void)kill(-runner->pid, SIGKILL);
        if (runner_reap(runner)) {
                runner_finish(runner);
                return 0;
        }
        (void)sd_event_source_set_time_relative(runner->reap_timer, REAP_INTERVAL_USEC);
        return sd_event_source_set_enabled(runner->reap_timer, SD_EVENT_ONESHOT);
}

static int spawn_worker(int channel, pid_t *ret_pid) {
        char *const argv[] = { (char *)"ipcbus-worker", NULL };
        posix_spawn_file_actions_t actions;
        posix_spawnattr_t attributes;
        sigset_t none, all;
        int r;

        (void)sigemptyset(&none);
        (void)sigfillset(&all);
        r = posix_spawnattr_init(&attributes);
        if (r != 0)
                return -r;
        r = posix_spawn_file_actions_init(&actions);
        if (r != 0) {
                (void)posix_spawnattr_destroy(&attributes);
                return -r;
        }

        /* A session of its own: its group can be killed whole, and no terminal's Ctrl-C reaches it. */
        (void)posix_spawnattr_setflags(
                &attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
        (void)posix_spawnattr_setsigmask(&attributes, &none);
        (void)posix_spawnattr_setsigdefault(&attributes, &all);
        r = posix_spawn_file_actions_adddup2(&actions, channel, WORKER_FD);
        if (r == 0)
                r = posix_spawn(ret_pid, worker_path(), &actions, &attributes, argv, environ);

        (void)posix_spawn_file_actions_destroy(&actions);
        (void)posix_spawnattr_destroy(&attributes);
        return -r;
}

/* The worker's end is kept away from WORKER_FD, as dup2() onto itself would leave it close-on-exec. */
static int make_channel(int ret_fds[2]) {
        int fds[2], worker;

        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
                return -errno;
        worker = fcntl(fds[1], F_DUPFD_CLOEXEC, WORKER_FD + 1);
        if (worker < 0) {
                int r = -errno;

                close(fds[0]);
                close(fds[1]);
                return r;
        }
        close(fds[1]);
        ret_fds[0] = fds[0];
        ret_fds[1] = worker;
        return 0;
}

static int add_sources(Runner *runner) {
        int r;

        runner->pidfd = (int)syscall(SYS_pidfd_open, runner->pid, 0);
        if (runner->pidfd < 0)
                return -errno;
        r = sd_event_add_io(runner->event, &runner->channel_source, runner->channel, EPOLLIN, on_channel, runner);
        if (r < 0)
                return r;
        r = sd_event_add_time(
                runner->event, &runner->reap_timer, CLOCK_MONOTONIC, USEC_INFINITY, 0, on_reap_timer, runner);
        if (r < 0)
                return r;
        r = sd_event_source_set_enabled(runner->reap_timer, SD_EVENT_OFF);
        if (r < 0)
                return r;
        r = sd_event_add_io(runner->event, &runner->child_source, runner->pidfd, EPOLLIN, on_child, runner);
        if (r < 0)
                return r;
        return sd_event_source_set_destroy_callback(runner->child_source, runner_destroy);
}

int runner_start(sd_event *event, const Record *request, const RunnerHandlers *handlers, void *userdata, Runner **ret,
        Error *error) {
        return runner_start_with(event, request, NULL, 0, handlers, userdata, ret, error);
}

int runner_start_with(sd_event *event, const Record *request, const int *fds, unsigned n_fds,
        const RunnerHandlers *handlers, void *userdata, Runner **ret, Error *error) {
        int channel[2] = { -EBADF, -EBADF }, r;
        Runner *runner;

        runner = calloc(1, sizeof(*runner));
        if (!runner)
                return error_set_errno(error, ENOMEM, "No worker process could be started");
        *runner = (Runner){
                .event = event, .handlers = *handlers, .userdata = userdata, .pidfd = -EBADF, .channel = -EBADF
        };

        r = make_channel(channel);
        if (r < 0) {
                free(runner);
                return error_set_errno(error, r, "No socket could be made for a worker process");
        }
        runner->channel = channel[0];

        /* The socket is empty and nobody reads it yet: it takes one packet at once. */
        r = channel_send_now(runner->channel, request, fds, n_fds);
        if (r >= 0)
                r = spawn_worker(channel[1], &runner->pid);
        close(channel[1]);
        if (r == -EMSGSIZE) {
                runner_destroy(runner);
                return error_set(error, ERROR_LIMIT_EXCEEDED,
                        "What was asked for is more than a worker process takes at once; ask for less.");
        }
        if (r < 0) {
                runner_destroy(runner);
                return error_set_errno(error, r, "The worker process %s could not be started", worker_path());
        }

        r = add_sources(runner);
        if (r < 0) {
                (void)kill(runner->pid, SIGKILL);
                (void)waitid(P_PID, (id_t)runner->pid, NULL, WEXITED);
                if (runner->child_source)
                        runner_drop(runner);
                else
                        runner_destroy(runner);
                return error_set_errno(error, r, "The worker process could not be watched");
        }

        *ret = runner;
        return 0;
}

void runner_hand_over(Runner *runner, const RunnerHandlers *handlers, void *userdata) {
        runner->handlers = *handlers;
        runner->userdata = userdata;
}

Runner *runner_free(Runner *runner) {
        if (!runner)
                return NULL;

        runner->handlers = (RunnerHandlers){};
        runner->dropped = true;
        if (!runner->reaped) {
                (void)kill(-runner->pid, SIGKILL);
                (void)sd_event_source_set_enabled(runner->channel_source, SD_EVENT_OFF);
                dying_add(runner);
        } else if (!runner->busy)
                runner_drop(runner);
        return NULL;
}

void runner_kill(Runner *runner) {
        if (!runner || runner->reaped)
                return;

        runner->killed = true;
        (void)kill(-runner->pid, SIGKILL);
}

static void runner_await_end(Runner *runner) {
        static const struct timespec pause = { .tv_nsec = 2000000 };

        (void)kill(-runner->pid, SIGKILL);
        for (int i = 0; i < STOP_ATTEMPTS && !runner_reap(runner); i++)
                (void)nanosleep(&pause, NULL);
        runner->reaped = true;
}

Runner *runner_stop(Runner *runner) {
        if (!runner)
                return NULL;

        if (!runner->reaped)
                runner_await_end(runner);
        return runner_free(runner);
}

void runner_stop_dying(void) {
        while (dying) {
                runner_await_end(dying);
                runner_drop(dying);
        }
}

int runner_send(Runner *runner, const Record *record) {
        return channel_send_now(runner->channel, record, NULL, 0);
}

pid_t runner_pid(const Runner *runner) {
        return runner->pid;
}

int runner_channel(const Runner *runner) {
        return runner->channel;
}
