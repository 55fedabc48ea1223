/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "worker.h"

/* ipcbus-worker: executed by ipcbusd for one request that blocks, takes long or must happen in another process. The
 * request comes as one packet on descriptor WORKER_FD, records go back over it, "end" is the last. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "channel.h"
#include "guard.h"
#include "test-peer.h"
#include "units.h"
#include "worker-protocol.h"

static const WorkerOp ops[] = {
        { "create", op_create },
        { "describe", op_describe },
        { "explain", op_explain },
        { "fetch", op_fetch },
        { "keep", op_keep },
        { "list", op_list },
        { "test", op_test },
        { "benchmark", op_benchmark },
        { "use", op_use },
        { "await", op_await },
        { "watch", op_watch },
};

static int given[CHANNEL_FDS_MAX]; /* beside the request, in order */
static unsigned n_given, next_given;

int worker_take_fd(void) {
        return next_given < n_given ? given[next_given++] : -EBADF;
}

int worker_send(const Record *record) {
        return worker_send_fds(record, NULL, 0);
}

int worker_send_fds(const Record *record, const int *fds, unsigned n_fds) {
        int r = channel_send_fds(WORKER_FD, record, fds, n_fds);

        if (r == -EPIPE)
                _exit(EXIT_FAILURE);
        return r;
}

int worker_record_new(const char *type, Record **ret) {
        int r = record_new(ret);

        if (r >= 0)
                record_set_string(*ret, WORKER_TYPE, type);
        return r;
}

int worker_progress(double fraction, const char *message) {
        Record *record = NULL;
        int r = worker_record_new(WORKER_TYPE_PROGRESS, &record);

        if (r < 0)
                return r;
        record_set_double(record, "progress", fraction);
        record_set_string(record, "message", message);
        r = worker_send(record);
        record_free(record);
        return r;
}

static int send_end(int result, const Error *error) {
        Record *record = NULL;
        int r = worker_record_new(WORKER_TYPE_END, &record);

        if (r < 0)
                return r;
        if (result < 0) {
                Error plain = { 0 };

                if (!error_is_set(error)) {
                        error_set_errno(&plain, result, "The worker could not do what it was asked");
                        error = &plain;
                }
                record_set_string(record, "error", error_code_name(error->code));
                record_set_string(record, "message", error->message);
        }
        r = worker_send(record);
        record_free(record);
        return r;
}

/* What makes kernel objects that carry a token is done under a guard. */
static int stand_under_guard(const Record *request, Error *error) {
        const char *token = record_get_string(request, "token", NULL);
        const char *directory = record_get_string(request, "directory", NULL);
        int r;

        if (!token || !directory)
                return 0;
        r = guard_fork(WORKER_FD, token, directory);
        return r < 0 ? error_set_errno(error, r, "Cannot start a process for the job") : 0;
}

static int run_op(const char *name, const Record *request, Error *error) {
        int r;

        for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++)
                if (strcmp(ops[i].name, name) == 0) {
                        r = stand_under_guard(request, error);
                        return r < 0 ? r : ops[i].run(request, error);
                }
        return error_set(error, ERROR_NOT_SUPPORTED, "The worker has no operation \"%s\".", name);
}

static int serve(void) {
        Record *request = NULL;
        Error error = { 0 };
        const char *name;
        int r;

        n_given = CHANNEL_FDS_MAX;
        r = channel_receive_fds(WORKER_FD, USEC_INFINITY, &request, given, &n_given);

        if (r == -EPIPE)
                return EXIT_FAILURE;
        if (r < 0) {
                error_set_errno(&error, r, "The request is not a record");
                return send_end(r, &error) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
        }
        name = record_get_string(request, "op", "");
        r = send_end(run_op(name, request, &error), &error);
        record_free(request);
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* A worker must not outlive its service, may be killed as a group, and starts with plain signals, whatever it was
 * started from. */
static int prepare(void) {
        struct pollfd p = { .fd = WORKER_FD };
        sigset_t none;

        for (int s = 1; s < NSIG; s++)
                if (s != SIGKILL && s != SIGSTOP)
                        (void)signal(s, SIG_DFL);
        (void)signal(SIGPIPE, SIG_IGN);
        (void)signal(SIGXFSZ, SIG_IGN);
        sigemptyset(&none);
        if (sigprocmask(SIG_SETMASK, &none, NULL) < 0)
                return -errno;
        /* Fails where the starter has made it a leader already, which is as good. */
        (void)setpgid(0, 0);
        if (fcntl(WORKER_FD, F_SETFD, FD_CLOEXEC) < 0)
                return -errno;
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
                return -errno;
        /* It may have died before that line. */
        if (poll(&p, 1, 0) > 0 && p.revents & POLLHUP)
                return -EPIPE;
        return 0;
}

static int is_channel(int fd) {
        socklen_t length = sizeof(int);
        int type;

        return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) == 0 && type == SOCK_SEQPACKET;
}

static void usage(FILE *f) {
        fputs("ipcbus-worker is a part of ipcbus. The service ipcbusd starts it for work that blocks or takes\n"
              "long: tests of mechanisms, benchmarks, scans of the machine, waits. It finds its request on\n"
              "descriptor 3 and is of no use by itself; see ipcctl(1) for what a person can do.\n",
                f);
}

int main(int argc, char **argv) {
        if (argc == 2 && strcmp(argv[1], "--help") == 0) {
                usage(stdout);
                return EXIT_SUCCESS;
        }
        if (argc == 2 && strcmp(argv[1], "--version") == 0) {
                puts("ipcbus-worker " IPCBUS_VERSION);
                return EXIT_SUCCESS;
        }
        if (argc > 1 && strcmp(argv[1], "peer") == 0 && is_channel(WORKER_FD))
                return test_peer_main(WORKER_FD);
        if (argc > 1 || !is_channel(WORKER_FD)) {
                usage(stderr);
                return EXIT_CODE_USAGE;
        }
        if (prepare() < 0)
                return EXIT_FAILURE;
        return serve();
}
