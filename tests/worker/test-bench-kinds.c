/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The benchmark engine over every kind: all modes and ways of waiting give figures or a reason; and whoever is killed
 * in the middle is a result with its reason, soon, and nothing is left. */
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <glib.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench-worker.h"
#include "channel.h"
#include "mechanism.h"
#include "transport.h"
#include "worker-protocol.h"

enum { PATIENCE_USEC = 60 * G_USEC_PER_SEC, SIDES_MAX = 16 };

static const char *type_of(const Record *record) {
        return record_get_string(record, WORKER_TYPE, "");
}

static Record *hear(int channel, const char *type) {
        Record *record = NULL;

        while (channel_receive(channel, PATIENCE_USEC, &record) >= 0) {
                if (strcmp(type_of(record), type) == 0)
                        return record;
                g_assert_cmpstr(type_of(record), !=, WORKER_TYPE_END);
                record = record_free(record);
        }
        g_error("no record \"%s\" came", type);
}

static void end_well(int channel, pid_t pid, const char *token) {
        int status;

        record_free(hear(channel, "summary"));
        record_free(hear(channel, WORKER_TYPE_END));
        close(channel);
        g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
        g_assert_cmpint(status, ==, 0);
        /* Not a side is left, nor anything else of its group. */
        g_assert_cmpint(kill(-pid, 0), <, 0);
        bench_assert_nothing_named(token);
}

/* --- All modes and ways of waiting --- */

static void set_words(Record *request, const char *key, const char *words) {
        g_auto(GStrv) list = g_strsplit(words, ",", -1);

        record_set_strings(request, key, (const char *const *)list, g_strv_length(list));
}

static void check_peers(const Record *result, guint64 peers) {
        const Value *rates = record_get(result, "peer_messages_per_second");
        double fairness = record_get_double(result, "fairness", -1);

        g_assert_cmpuint(record_get_u64(result, "peers", 0), ==, peers);
        g_assert_nonnull(rates);
        g_assert_cmpuint(rates->u64s.n, ==, peers);
        g_assert_cmpfloat(fairness, >=, 0);
        g_assert_cmpfloat(fairness, <=, 1);
}

static void check_result(const Record *result) {
        const char *mode = record_get_string(result, "mode", ""), *wait = record_get_string(result, "wait", "");
        const char *placement = record_get_string(result, "placement", "");

        g_test_message("%s%s%s %s %s %s: %s", record_get_string(result, "kind", ""),
                record_has(result, "variant") ? " " : "", record_get_string(result, "variant", ""), mode, wait,
                placement, record_get_string(result, "skipped", "figures"));
        g_assert_false(record_get_bool(result, "failed", false));
        if (record_has(result, "skipped"))
                return;
        g_assert_cmpuint(record_get_u64(result, "messages", 0), >, 0);
        if (strcmp(mode, "latency") != 0)
                g_assert_cmpfloat(record_get_double(result, "messages_per_second", 0), >, 0);
        if (strcmp(mode, "latency") == 0 || strcmp(mode, "burst") == 0)
                g_assert_cmpuint(record_get_u64(result, "latency_ns.p50", 0), >, 0);
        if (g_str_has_prefix(mode, "fan-"))
                check_peers(result, 3);
        g_assert_nonnull(record_get_string(result, "floor", NULL));
        /* Nobody spins where both sides share a CPU. */
        g_assert_false(strcmp(wait, "spin") == 0 && strcmp(placement, "same-cpu") == 0);
        g_assert_cmpint(record_has(result, "spin_us"), ==,
                strcmp(wait, "adaptive") == 0 && strcmp(placement, "same-cpu") != 0);
}

/* Where the kind has a descriptor to wait for, it has figures; else it says why not. */
static void check_poll(const Record *result) {
        const Mechanism *mechanism = mechanism_find(record_get_string(result, "kind", ""));

        if (strcmp(record_get_string(result, "wait", ""), "poll") != 0 || mechanism->transport == NULL ||
                strcmp(record_get_string(result, "mode", ""), "latency") != 0)
                return;
        if (mechanism->transport->poll_fd == NULL)
                g_assert_cmpstr(record_get_string(result, "skipped", ""), ==,
                        mechanism->transport->poll_reason ?: "it has no descriptor that could be waited for");
}

static void test_everything(gconstpointer placement) {
        g_autofree char *token = bench_token_new();
        Record *request = bench_request_new(token, 3000), *record = NULL;
        bool ended = false;
        unsigned results = 0;
        int channel;
        pid_t pid;

        record_set_u64(request, "trials", 1);
        set_words(request, "modes", "latency,throughput,burst,fan-out,fan-in");
        set_words(request, "waits", "block,poll,spin,adaptive");
        set_words(request, "placements", placement);
        record_set_u64s(request, "peers", (guint64[]){ 3 }, 1);
        pid = bench_worker_start(request, &channel);
        while (!ended && channel_receive(channel, PATIENCE_USEC, &record) >= 0) {
                if (strcmp(type_of(record), "result") == 0) {
                        check_result(record);
                        check_poll(record);
                        results++;
                }
                ended = strcmp(type_of(record), WORKER_TYPE_END) == 0;
                if (ended)
                        g_assert_cmpstr(record_get_string(record, "message", ""), ==, "");
                record = record_free(record);
        }
        g_assert_true(ended);
        g_assert_cmpuint(results, >=, 20 * mechanism_table_size);
        close(channel);
        g_assert_cmpint(waitpid(pid, NULL, 0), ==, pid);
        bench_assert_nothing_named(token);
}

/* What a machine has not is said for each kind. */
static void test_missing(void) {
        g_autofree char *token = bench_token_new();
        Record *request = bench_request_new(token, 3000), *result;
        static const char *const kinds[] = { "pipe" };
        int channel;
        pid_t pid;

        record_set_strings(request, "kinds", kinds, 1);
        set_words(request, "modes", "latency");
        set_words(request, "placements", "same-cpu");
        record_set_u64s(request, "cpus", (guint64[]){ 0, 0 }, 2);
        pid = bench_worker_start(request, &channel);
        result = hear(channel, "result");
        g_assert_false(record_has(result, "skipped"));
        g_assert_cmpstr(record_get_string(result, "placement", ""), ==, "same-cpu");
        record_free(result);
        end_well(channel, pid, token);

        request = bench_request_new(token, 3000);
        record_set_strings(request, "kinds", kinds, 1);
        set_words(request, "modes", "latency");
        set_words(request, "placements", "other-node");
        record_set_u64s(request, "cpus", (guint64[]){ 0, 0 }, 2);
        pid = bench_worker_start(request, &channel);
        result = hear(channel, "result");
        g_assert_cmpstr(record_get_string(result, "skipped", ""), ==,
                "the CPUs that were asked for are no pair of this placement");
        g_assert_false(record_has(result, "failed"));
        record_free(result);
        end_well(channel, pid, token);
}

/* --- Killed in the middle --- */

/* The processes of the worker's group but for itself and its child, which does the work, in the order in which they
 * were started. */
static unsigned find_sides(pid_t worker, pid_t sides[SIDES_MAX]) {
        DIR *proc = opendir("/proc");
        struct dirent *entry;
        unsigned n = 0;

        g_assert_nonnull(proc);
        while ((entry = readdir(proc)) != NULL && n < SIDES_MAX) {
                g_autofree char *path = g_strdup_printf("/proc/%s/stat", entry->d_name), *text = NULL;
                char name[64];
                int pid, parent, group;

                if (!isdigit((unsigned char)entry->d_name[0]) || !g_file_get_contents(path, &text, NULL, NULL))
                        continue;
                if (sscanf(text, "%d (%63[^)]) %*c %d %d", &pid, name, &parent, &group) == 4 && group == worker &&
                        pid != worker && parent != worker && strcmp(name, "ipcbus-worker") == 0)
                        sides[n++] = pid;
        }
        closedir(proc);
        return n;
}

static void kill_side(pid_t worker, unsigned which, unsigned n_sides) {
        pid_t sides[SIDES_MAX];
        unsigned n = 0;

        /* Both have to be there, and to have been at it for a while. */
        for (unsigned i = 0; i < 1000 && n < n_sides; i++) {
                g_usleep(5000);
                n = find_sides(worker, sides);
        }
        g_assert_cmpuint(n, >=, n_sides);
        g_usleep(60000);
        g_assert_cmpint(kill(sides[which], SIGKILL), ==, 0);
}

typedef struct Killed {
        const char *kind, *mode;
        unsigned which, n_sides;
} Killed;

static void test_killed(gconstpointer data) {
        g_autofree char *token = bench_token_new();
        Record *request = bench_request_new(token, 1500000), *result;
        const Killed *killed = data;
        gint64 begin;
        int channel;
        pid_t pid;

        record_set_u64(request, "trials", 1);
        record_set_strings(request, "kinds", &killed->kind, 1);
        record_set_strings(request, "modes", &killed->mode, 1);
        set_words(request, "placements", "same-cpu");
        record_set_u64s(request, "peers", (guint64[]){ killed->n_sides - 1 }, killed->n_sides > 2 ? 1 : 0);
        pid = bench_worker_start(request, &channel);
        record_free(hear(channel, WORKER_TYPE_PROGRESS));
        begin = g_get_monotonic_time();
        kill_side(pid, killed->which, killed->n_sides);
        result = hear(channel, "result");
        g_test_message("%s (%.3f s)", record_get_string(result, "skipped", "(figures)"),
                (double)(g_get_monotonic_time() - begin) / G_USEC_PER_SEC);
        g_assert_true(g_str_has_prefix(record_get_string(result, "skipped", ""), "side "));
        g_assert_nonnull(strstr(record_get_string(result, "skipped", ""), "was killed by signal 9 (SIGKILL)"));
        g_assert_true(record_get_bool(result, "failed", false));
        record_free(result);
        /* A kind with several transports has more results. */
        if (strcmp(killed->kind, "dbus") == 0)
                record_free(hear(channel, "result"));
        end_well(channel, pid, token);
}

int main(int argc, char **argv) {
        static const Killed killed[] = {
                { "pipe", "latency", 0, 2 },
                { "pipe", "throughput", 1, 2 },
                { "fifo", "burst", 1, 2 },
                { "shm-posix", "latency", 1, 2 },
                { "memfd", "throughput", 0, 2 },
                { "sem-posix", "latency", 0, 2 },
                { "sem-sysv", "throughput", 1, 2 },
                { "mutex", "latency", 1, 2 },
                { "eventfd", "latency", 0, 2 },
                { "mq-posix", "throughput", 1, 2 },
                { "mq-sysv", "burst", 0, 2 },
                { "unix-dgram", "throughput", 0, 2 },
                { "tcp", "latency", 1, 2 },
                { "udp", "throughput", 1, 2 },
                { "signal", "latency", 0, 2 },
                { "unix-stream", "fan-in", 2, 4 },
                { "mq-posix", "fan-out", 3, 4 },
                { "pipe", "fan-in", 0, 4 },
        };

        signal(SIGPIPE, SIG_IGN);
        g_test_init(&argc, &argv, NULL);
        g_test_add_data_func("/bench-kinds/same-cpu", "same-cpu", test_everything);
        g_test_add_data_func("/bench-kinds/other-cpus", "other-cpu,other-cpu-awake", test_everything);
        g_test_add_func("/bench-kinds/missing", test_missing);
        for (size_t i = 0; i < G_N_ELEMENTS(killed); i++) {
                g_autofree char *name = g_strdup_printf("/bench-kinds/killed/%s-%s", killed[i].kind, killed[i].mode);

                g_test_add_data_func(name, &killed[i], test_killed);
        }
        return g_test_run();
}
