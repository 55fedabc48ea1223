/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Starts the worker on a benchmark. The channel and the process belong to the test. */
#include "bench-worker.h"

#include <dirent.h>
#include <fcntl.h>
#include <glib.h>
#include <string.h>
#include <unistd.h>

#include "channel.h"
#include "worker-protocol.h"

Record *bench_request_new(const char *token, uint64_t time) {
        Record *request;

        g_assert_cmpint(record_new(&request), ==, 0);
        record_set_string(request, "op", "benchmark");
        record_set_string(request, "token", token);
        record_set_string(request, "directory", g_get_tmp_dir());
        record_set_u64(request, "time", time);
        record_set_u64(request, "trials", 3);
        return request;
}

pid_t bench_worker_start(Record *request, int *ret_channel) {
        const char *path = g_getenv("IPCBUS_WORKER");
        int ends[2];
        pid_t pid;

        g_assert_nonnull(path);
        g_assert_cmpint(channel_pair(ends), ==, 0);
        pid = fork();
        if (pid == 0) {
                setpgid(0, 0);
                /* dup2() of a descriptor to itself would leave it close-on-exec. */
                if (dup2(fcntl(ends[1], F_DUPFD_CLOEXEC, WORKER_FD + 1), WORKER_FD) < 0)
                        _exit(127);
                execl(path, path, (char *)NULL);
                _exit(127);
        }
        setpgid(pid, pid);
        close(ends[1]);
        g_assert_cmpint(channel_send(ends[0], request), ==, 0);
        record_free(request);
        *ret_channel = ends[0];
        return pid;
}

void bench_assert_nothing_named(const char *token) {
        g_autofree char *prefix = g_strdup_printf("ipcbus-%s-", token);
        const char *directories[] = { "/dev/shm", "/dev/mqueue", g_get_tmp_dir() };

        for (size_t i = 0; i < G_N_ELEMENTS(directories); i++) {
                DIR *directory = opendir(directories[i]);
                struct dirent *entry;

                while (directory != NULL && (entry = readdir(directory)) != NULL)
                        if (strstr(entry->d_name, prefix) != NULL)
                                g_error("left behind: %s/%s", directories[i], entry->d_name);
                if (directory != NULL)
                        closedir(directory);
        }
}

char *bench_token_new(void) {
        return g_strdup_printf("tb%x%x", (unsigned)getpid(), g_random_int());
}
