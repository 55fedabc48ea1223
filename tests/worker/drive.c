/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "drive.h"

/* A Worker owns its process group, its channel and its directory. */
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "channel.h"
#include "mechanism.h"
#include "test-engine.h"
#include "units.h"
#include "worker-protocol.h"

enum { PATIENCE_USEC = 120 * 1000 * 1000 };

Record *request_new(const char *op) {
        Record *request = NULL;

        g_assert_cmpint(record_new(&request), ==, 0);
        record_set_string(request, "op", op);
        return request;
}

static void start_child(int channel) {
        const char *path = g_getenv("IPCBUS_WORKER");

        if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || setpgid(0, 0) < 0)
                _exit(126);
        if (channel == WORKER_FD ? fcntl(channel, F_SETFD, 0) < 0 : dup2(channel, WORKER_FD) < 0)
                _exit(126);
        execl(path, "ipcbus-worker", NULL);
        _exit(127);
}

Worker *worker_start(Record *request) {
        static unsigned counter;
        Worker *worker = g_new0(Worker, 1);
        int fds[2];

        g_assert_nonnull(g_getenv("IPCBUS_WORKER"));
        worker->token = g_strdup_printf("t%d-%u", getpid(), ++counter);
        worker->directory = g_dir_make_tmp("ipcbus-XXXXXX", NULL);
        g_assert_nonnull(worker->directory);

        g_assert_cmpint(channel_pair(fds), ==, 0);
        worker->pid = fork();
        g_assert_cmpint(worker->pid, >=, 0);
        if (worker->pid == 0)
                start_child(fds[1]);
        close(fds[1]);
        worker->channel = fds[0];
        if (request) {
                record_set_string(request, "token", worker->token);
                record_set_string(request, "directory", worker->directory);
                g_assert_cmpint(channel_send(worker->channel, request), ==, 0);
                record_free(request);
        }
        return worker;
}

Record *worker_next(Worker *worker, guint64 timeout_usec) {
        Record *record = NULL;
        int r = channel_receive(worker->channel, timeout_usec, &record);

        if (r == -EPIPE)
                return NULL;
        g_assert_cmpint(r, ==, 0);
        return record;
}

void worker_kill_group(Worker *worker) {
        kill(-worker->pid, SIGKILL);
}

void worker_sweep(Worker *worker) {
        TestSetting setting = { .token = worker->token, .directory = worker->directory };

        for (size_t i = 0; i < mechanism_table_size; i++)
                residue_remove(mechanism_table[i], &setting);
}

void worker_free(Worker *worker) {
        close(worker->channel);
        g_assert_cmpint(g_rmdir(worker->directory), ==, 0);
        g_free(worker->directory);
        g_free(worker->token);
        g_free(worker);
}

int worker_finish(Worker *worker) {
        int status = 0;

        g_assert_cmpint(waitpid(worker->pid, &status, 0), ==, worker->pid);
        worker_free(worker);
        return status;
}

static void free_record(gpointer record) {
        record_free(record);
}

GPtrArray *worker_run(Record *request, const char *type, char **ret_error, char **ret_message) {
        GPtrArray *found = g_ptr_array_new_with_free_func(free_record);
        Worker *worker = worker_start(request);
        gboolean ended = FALSE;
        Record *record;
        int status;

        *ret_error = NULL;
        if (ret_message)
                *ret_message = NULL;
        while ((record = worker_next(worker, PATIENCE_USEC))) {
                const char *seen = record_get_string(record, WORKER_TYPE, "");

                g_assert_false(ended);
                if (strcmp(seen, WORKER_TYPE_END) == 0) {
                        ended = TRUE;
                        *ret_error = g_strdup(record_get_string(record, "error", NULL));
                        if (ret_message)
                                *ret_message = g_strdup(record_get_string(record, "message", NULL));
                }
                if (strcmp(seen, type) == 0)
                        g_ptr_array_add(found, record);
                else
                        record_free(record);
        }
        g_assert_true(ended);
        status = worker_finish(worker);
        g_assert_true(WIFEXITED(status));
        g_assert_cmpint(WEXITSTATUS(status), ==, 0);
        return found;
}
