/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Does the benchmark engine measure the mechanism, or itself? Its median round trip beside that of a plain program,
 * one right after the other, over and over. Prints; judges nothing; fails only if something could not be run.
 *
 *   mechanisms WORKER PLAIN */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "channel.h"
#include "figures.h"
#include "units.h"
#include "worker-protocol.h"

enum { ROUNDS = 11, TRIAL_MSEC = 60, SIZE = 64 };

typedef struct Bench {
        const char *worker, *plain;
        int cpus[2];
        char reason[256]; /* why the engine has no figure */
} Bench;

static Record *request_new(const Bench *bench, const char *kind, const int cpus[2]) {
        const char *mode = "latency";
        char token[32];
        Record *request;

        if (record_new(&request) < 0)
                abort();
        snprintf(token, sizeof token, "bm%x", (unsigned)getpid());
        record_set_string(request, "op", "benchmark");
        record_set_strings(request, "kinds", &kind, 1);
        record_set_strings(request, "modes", &mode, 1);
        record_set_u64s(request, "sizes", (uint64_t[]){ SIZE }, 1);
        record_set_u64s(request, "cpus", (uint64_t[]){ (uint64_t)cpus[0], (uint64_t)cpus[1] }, 2);
        record_set_u64(request, "time", TRIAL_MSEC * USEC_PER_MSEC);
        record_set_u64(request, "trials", 1);
        record_set_string(request, "token", token);
        record_set_string(request, "directory", "/tmp");
        return request;
}

static pid_t worker_start(const Bench *bench, int *ret_channel) {
        int ends[2];
        pid_t pid;

        if (channel_pair(ends) < 0)
                return -1;
        pid = fork();
        if (pid == 0) {
                if (dup2(fcntl(ends[1], F_DUPFD_CLOEXEC, WORKER_FD + 1), WORKER_FD) < 0)
                        _exit(127);
                execl(bench->worker, bench->worker, (char *)NULL);
                _exit(127);
        }
        close(ends[1]);
        *ret_channel = ends[0];
        return pid;
}

/* Nanoseconds; 0 with the reason where there is no figure; negative errno. */
static double measure_engine(Bench *bench, const char *kind, const int cpus[2]) {
        Record *request = request_new(bench, kind, cpus), *record = NULL;
        double p50 = -EIO;
        int channel = -EBADF;
        pid_t pid = worker_start(bench, &channel);

        if (pid > 0 && channel_send(channel, request) >= 0)
                while (channel_receive(channel, 30 * USEC_PER_SEC, &record) >= 0) {
                        const char *type = record_get_string(record, WORKER_TYPE, "");

                        if (strcmp(type, "result") == 0) {
                                p50 = (double)record_get_u64(record, "latency_ns.p50", 0);
                                snprintf(bench->reason, sizeof bench->reason, "%s",
                                        record_get_string(record, "skipped", ""));
                        } else if (strcmp(type, WORKER_TYPE_END) == 0 && record_has(record, "message")) {
                                p50 = 0;
                                snprintf(bench->reason, sizeof bench->reason, "%s",
                                        record_get_string(record, "message", ""));
                        }
                        record = record_free(record);
                }
        record_free(request);
        if (channel >= 0)
                close(channel);
        if (pid > 0)
                waitpid(pid, NULL, 0);
        return p50;
}

static double measure_plain(const Bench *bench, const char *kind, const int cpus[2]) {
        char numbers[4][16], line[64] = "";
        const char *argv[] = { bench->plain, kind, numbers[0], numbers[1], numbers[2], numbers[3], NULL };
        int ends[2], status = -1;
        ssize_t n;
        pid_t pid;

        snprintf(numbers[0], sizeof numbers[0], "%d", SIZE);
        snprintf(numbers[1], sizeof numbers[1], "%d", cpus[0]);
        snprintf(numbers[2], sizeof numbers[2], "%d", cpus[1]);
        snprintf(numbers[3], sizeof numbers[3], "%d", TRIAL_MSEC);
        if (pipe2(ends, O_CLOEXEC) < 0)
                return -errno;
        pid = fork();
        if (pid == 0) {
                dup2(ends[1], STDOUT_FILENO);
                execv(argv[0], (char *const *)argv);
                _exit(127);
        }
        close(ends[1]);
        n = read(ends[0], line, sizeof line - 1);
        close(ends[0]);
        if (pid < 0 || waitpid(pid, &status, 0) < 0 || status != 0 || n <= 0)
                return -EIO;
        return strtod(line, NULL);
}

static int measure_kind(Bench *bench, const char *kind, const int cpus[2]) {
        Figures figures = { 0 };
        double engine = 0, plain = 0;
        char name[96];

        snprintf(name, sizeof name, "%s, %s", kind, cpus[0] == cpus[1] ? "one CPU" : "two CPUs");
        for (unsigned i = 0; i < ROUNDS; i++) {
                if (i % 2 == 0)
                        engine = measure_engine(bench, kind, cpus);
                plain = measure_plain(bench, kind, cpus);
                if (i % 2 == 1)
                        engine = measure_engine(bench, kind, cpus);
                if (engine <= 0 || plain <= 0)
                        break;
                figures_add(&figures, engine / 1e3, plain / 1e3);
        }
        if (engine == 0)
                printf("%-34s not measured: %s\n", name, bench->reason);
        else if (figures.n > 0)
                figures_print(name, "us", &figures, "<= 1.05");
        figures_done(&figures);
        if (engine < 0 || plain <= 0) {
                fprintf(stderr, "%s: the %s could not run\n", name, engine < 0 ? "worker" : "plain program");
                return -EIO;
        }
        return 0;
}

static int find_cpus(int cpus[2]) {
        cpu_set_t set;
        int n = 0;

        if (sched_getaffinity(0, sizeof set, &set) < 0)
                return -errno;
        for (int cpu = 0; cpu < CPU_SETSIZE && n < 2; cpu++)
                if (CPU_ISSET(cpu, &set))
                        cpus[n++] = cpu;
        return n;
}

int main(int argc, char *argv[]) {
        static const char *const kinds[] = { "pipe", "fifo", "unix-stream", "unix-dgram", "unix-seqpacket", "tcp",
                "udp", "mq-posix", "mq-sysv", "shm-posix", "sem-posix", "sem-sysv", "eventfd", "signal" };
        Bench bench = { 0 };
        int r = 0, n;

        if (argc != 3) {
                fprintf(stderr, "Usage: mechanisms WORKER PLAIN\n");
                return EXIT_FAILURE;
        }
        bench.worker = argv[1];
        bench.plain = argv[2];
        setvbuf(stdout, NULL, _IOLBF, 0);
        signal(SIGPIPE, SIG_IGN);
        n = find_cpus(bench.cpus);
        if (n < 1)
                return EXIT_FAILURE;
        figures_title("median round trip of 64 bytes (of 4 by a signal, of none by a semaphore), blocking: the "
                      "engine, and a plain program",
                "PLAIN");
        for (int second = 0; second < n; second++)
                for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
                        int cpus[2] = { bench.cpus[0], bench.cpus[second] };

                        if (measure_kind(&bench, kinds[i], cpus) < 0)
                                r = -EIO;
                }
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
