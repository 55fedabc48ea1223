/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The benchmark engine: sane figures of every kind, and the truth about a kind that loses, changes or doubles what it
 * carries, that dies, hangs, or is cancelled. The kind that misbehaves is in this file: a SOCK_SEQPACKET pair. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench-worker.h"
#include "bench.h"
#include "channel.h"
#include "mechanism.h"
#include "transport.h"
#include "worker-protocol.h"

typedef enum Misdeed {
        NONE,
        CHANGE_MESSAGE, /* the 50th from side 0 */
        CHANGE_ANSWER,
        CUT_MESSAGE,
        REPEAT_MESSAGE,
        LEAVE,
        DIE,
        HANG,
        NO_SETUP,
        NO_ATTACH,
} Misdeed;

enum { FATAL_MESSAGE = 50, CARRIES = 4096 };

static Misdeed misdeed;
static unsigned messages;

static int line_setup(Link *link, Error *error) {
        if (misdeed == NO_SETUP)
                return error_set(error, ERROR_LIMIT_EXCEEDED, "no setup today");
        if (link->message_max > CARRIES)
                link->message_max = CARRIES;
        return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, link->fds) < 0 ? -errno : 0;
}

static int line_attach(Link *link, Error *error) {
        if (misdeed == NO_ATTACH && link->side == 1)
                return error_set(error, ERROR_NOT_PERMITTED, "no attaching today");
        messages = 0;
        close(link->fds[1 - link->side]);
        link->fds[1 - link->side] = -EBADF;
        return 0;
}

static int line_send(Link *link, const void *data, size_t size) {
        bool now = ++messages == FATAL_MESSAGE;
        static unsigned char last[CARRIES];
        unsigned char copy[CARRIES];

        memcpy(copy, data, size);
        if (now && misdeed == (link->side == 0 ? CHANGE_MESSAGE : CHANGE_ANSWER))
                copy[size - 1] ^= 0x10;
        if (now && misdeed == CUT_MESSAGE)
                size--;
        if (now && misdeed == REPEAT_MESSAGE)
                memcpy(copy, last, size);
        memcpy(last, copy, size);
        if (send(link->fds[link->side], copy, size, MSG_NOSIGNAL) < 0)
                return -errno;
        return 0;
}

static ssize_t line_receive(Link *link, void *buffer, size_t size) {
        static unsigned received;
        ssize_t n;

        if (link->side == 1 && ++received == FATAL_MESSAGE) {
                if (misdeed == DIE)
                        raise(SIGKILL);
                if (misdeed == LEAVE)
                        _exit(0);
                while (misdeed == HANG)
                        pause();
        }
        n = recv(link->fds[link->side], buffer, size, 0);
        return n < 0 ? -errno : n;
}

static void line_detach(Link *link) {
        close(link->fds[link->side]);
}

static void line_teardown(Link *link) {
        close(link->fds[0]);
        close(link->fds[1]);
}

static int line_probe(Record *facts, Error *error) {
        Record *limit;

        g_assert_cmpint(record_new(&limit), ==, 0);
        record_set_string(limit, "name", "message");
        record_set_u64(limit, "value", CARRIES);
        record_set_string(limit, "source", "test.line_max");
        record_append_record(facts, "limits", limit);
        return 0;
}

static const Transport line_transport = {
        .message_max = 1024 * 1024,
        .boundaries = true,
        .setup = line_setup,
        .attach = line_attach,
        .send = line_send,
        .receive = line_receive,
        .detach = line_detach,
        .teardown = line_teardown,
};
static const Mechanism line = { .kind = "line", .probe = line_probe, .transport = &line_transport };
static const Mechanism mute = {
        .kind = "mute",
        .reasons = { [OPERATION_BENCHMARK] = "it says nothing" },
};

static int collect(void *userdata, const Record *record) {
        Record *copy;

        g_assert_cmpint(record_copy(record, &copy), ==, 0);
        g_ptr_array_add(userdata, copy);
        return 0;
}

static void release(gpointer record) {
        record_free(record);
}

static const char *type_of(const Record *record) {
        return record_get_string(record, WORKER_TYPE, "");
}

static void request_one(Record *request, const char *mode, uint64_t size) {
        record_set_strings(request, "modes", &mode, 1);
        record_set_u64s(request, "sizes", &size, 1);
}

/* Takes the request. */
static GPtrArray *run(const Mechanism *const *mechanisms, size_t n, Record *request) {
        GPtrArray *records = g_ptr_array_new_with_free_func(release);
        BenchOutput output = { .send = collect, .userdata = records, .channel = -EBADF };
        Error error = { 0 };

        g_assert_cmpint(bench_run(mechanisms, n, request, &output, &error), ==, 0);
        record_free(request);
        return records;
}

static const Record *first(GPtrArray *records, const char *type) {
        for (guint i = 0; i < records->len; i++)
                if (strcmp(type_of(records->pdata[i]), type) == 0)
                        return records->pdata[i];
        g_error("no record \"%s\"", type);
}

static void check_latency(const Record *result) {
        uint64_t min = record_get_u64(result, "latency_ns.min", 0), p50 = record_get_u64(result, "latency_ns.p50", 0);
        uint64_t p99 = record_get_u64(result, "latency_ns.p99", 0), max = record_get_u64(result, "latency_ns.max", 0);
        const Value *interval = record_get(result, "latency_ns.interval");

        g_assert_cmpuint(min, >, 0);
        g_assert_cmpuint(min, <=, p50);
        g_assert_cmpuint(p50, <=, record_get_u64(result, "latency_ns.p90", 0));
        g_assert_cmpuint(record_get_u64(result, "latency_ns.p90", 0), <=, p99);
        g_assert_cmpuint(p99, <=, record_get_u64(result, "latency_ns.p999", 0));
        g_assert_cmpuint(record_get_u64(result, "latency_ns.p9999", 0), <=, max);
        g_assert_nonnull(interval);
        g_assert_cmpuint(interval->u64s.n, ==, 2);
        g_assert_cmpuint(interval->u64s.items[0], <=, p50);
        g_assert_cmpuint(p50, <=, interval->u64s.items[1]);
        g_assert_cmpuint(record_get_u64(result, "samples", 0), >, 0);
        /* A message each way, and at least one round trip a sample; "batch" is the median over trials that each choose
         * their own. */
        g_assert_cmpuint(record_get_u64(result, "batch", 0), >, 0);
        g_assert_cmpuint(record_get_u64(result, "messages", 0) % 2, ==, 0);
        g_assert_cmpuint(record_get_u64(result, "messages", 0), >=, 2 * record_get_u64(result, "samples", 0));
}

static void check_figures(const Record *result) {
        if (strcmp(record_get_string(result, "mode", ""), "latency") == 0)
                check_latency(result);
        else
                g_assert_cmpfloat(record_get_double(result, "messages_per_second", 0), >, 0);
        g_assert_cmpuint(record_get_u64(result, "messages", 0), >, 0);
        g_assert_cmpuint(record_get_u64(result, "trials", 0), >=, 1);
        g_assert_cmpuint(record_get_u64(result, "trials", 0) + record_get_u64(result, "trials_left_out", 0), ==, 3);
        g_assert_cmpfloat(record_get_double(result, "cpu_ns_per_message", 0), >, 0);
        g_assert_cmpfloat(record_get_double(result, "context_switches_per_message", -1), >=, 0);
        g_assert_nonnull(record_get_string(result, "floor", NULL));
        g_assert_cmpfloat(record_get_double(result, "ratio_to_floor", 0), >, 0);
        g_assert_true(record_has(result, "disturbed"));
        g_assert_nonnull(record_get_string(result, "placement", NULL));
}

static void test_line(void) {
        const Mechanism *kinds[] = { &line, &mute };
        g_autoptr(GPtrArray) records = NULL;
        unsigned results = 0;

        misdeed = NONE;
        records = run(kinds, 2, bench_request_new("none", 30000));
        g_assert_cmpfloat(record_get_double(first(records, "environment"), "timer_cost_ns", 0), >, 0);
        g_assert_cmpfloat(record_get_double(first(records, "floor"), "value", 0), >, 0);
        for (guint i = 0; i < records->len; i++) {
                const Record *record = records->pdata[i];

                if (strcmp(type_of(record), "result") != 0)
                        continue;
                results++;
                if (strcmp(record_get_string(record, "kind", ""), "mute") == 0)
                        g_assert_cmpstr(record_get_string(record, "skipped", ""), ==, "it says nothing");
                else
                        check_figures(record);
        }
        /* Both kinds, latency and throughput, one or two placements. */
        g_assert_cmpuint(results % 4, ==, 0);
        g_assert_cmpuint(results, >=, 4);
        g_assert_cmpuint(record_get_u64(first(records, "summary"), "ok", 0), ==, results / 2);
        g_assert_cmpuint(record_get_u64(first(records, "summary"), "skipped", 0), ==, results / 2);
}

typedef struct Case {
        const char *name;
        Misdeed misdeed;
        const char *mode, *says;
} Case;

static void test_misdeed(gconstpointer data) {
        const Mechanism *kinds[] = { &line };
        const Case *of = data;
        g_autoptr(GPtrArray) records = NULL;
        Record *request = bench_request_new("none", 6000);
        uint64_t cpu = (uint64_t)sched_getcpu();

        misdeed = of->misdeed;
        request_one(request, of->mode, 64);
        record_set_u64s(request, "cpus", (uint64_t[]){ cpu, cpu }, 2);
        records = run(kinds, 1, request);
        misdeed = NONE;
        g_test_message("%s", record_get_string(first(records, "result"), "skipped", "(nothing)"));
        g_assert_true(g_str_has_prefix(record_get_string(first(records, "result"), "skipped", ""), of->says));
        g_assert_true(record_get_bool(first(records, "result"), "failed", false));
        g_assert_cmpuint(record_get_u64(first(records, "summary"), "failed", 0), ==, 1);
        /* Both sides are gone. */
        g_assert_cmpint(waitpid(-1, NULL, WNOHANG), ==, -1);
}

static void test_sizes(void) {
        const Mechanism *kinds[] = { &line };
        g_autoptr(GPtrArray) records = NULL;
        Record *request = bench_request_new("none", 6000);

        request_one(request, "latency", CARRIES + 1);
        records = run(kinds, 1, request);
        g_assert_cmpstr(record_get_string(first(records, "result"), "skipped", ""), ==,
                "line: 4096 bytes at most here, test.line_max");
        g_assert_false(record_get_bool(first(records, "result"), "failed", false));
}

static void test_wrong_requests(void) {
        static const struct {
                const char *key, *words;
                uint64_t numbers[2];
                size_t n;
        } cases[] = {
                { "modes", "speed" },
                { "waits", "sleep" },
                { "sizes", NULL, { 0 }, 1 },
                { "sizes", NULL, { UINT64_C(1) << 63 }, 1 },
                { "cpus", NULL, { 0 }, 1 },
                { "cpus", NULL, { 0, 100000 }, 2 },
        };
        const Mechanism *kinds[] = { &line };
        BenchOutput output = { .channel = -EBADF };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                Record *request = bench_request_new("none", 6000);
                Error error = { 0 };

                if (cases[i].words != NULL)
                        record_set_strings(request, cases[i].key, &cases[i].words, 1);
                else
                        record_set_u64s(request, cases[i].key, cases[i].numbers, cases[i].n);
                g_assert_cmpint(bench_run(kinds, 1, request, &output, &error), <, 0);
                g_assert_cmpint(error.code, ==, ERROR_INVALID_OPTION);
                g_test_message("%s", error.message);
                record_free(request);
        }
}

static void test_all_kinds(void) {
        g_autofree char *token = bench_token_new();
        unsigned figures = 0;
        Record *record = NULL;
        int channel, status;
        bool ended = false;
        pid_t pid;

        pid = bench_worker_start(bench_request_new(token, 12000), &channel);
        while (!ended && channel_receive(channel, 60 * G_USEC_PER_SEC, &record) >= 0) {
                const char *kind = record_get_string(record, "kind", "");
                const Mechanism *mechanism = mechanism_find(kind);

                if (strcmp(type_of(record), "result") == 0) {
                        g_assert_nonnull(mechanism);
                        g_test_message("%s %s %s: %s", kind, record_get_string(record, "mode", ""),
                                record_get_string(record, "placement", ""),
                                record_get_string(record, "skipped", "figures"));
                        g_assert_false(record_get_bool(record, "failed", false));
                        if (mechanism->transport != NULL && !record_has(record, "skipped")) {
                                check_figures(record);
                                figures++;
                        }
                }
                if (strcmp(type_of(record), WORKER_TYPE_END) == 0) {
                        g_assert_cmpstr(record_get_string(record, "message", ""), ==, "");
                        ended = true;
                }
                record = record_free(record);
        }
        g_assert_true(ended);
        g_assert_cmpuint(figures, >, 0);
        close(channel);
        g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
        g_assert_cmpint(status, ==, 0);
        bench_assert_nothing_named(token);
}

/* As the service does: the group is killed, then what bears the token is swept. Nothing is left of either. */
static void test_cancel(void) {
        g_autofree char *token = bench_token_new();
        Record *record = NULL;
        int channel;
        pid_t pid;

        pid = bench_worker_start(bench_request_new(token, 2000000), &channel);
        while (record == NULL || strcmp(type_of(record), WORKER_TYPE_PROGRESS) != 0) {
                record = record_free(record);
                g_assert_cmpint(channel_receive(channel, 60 * G_USEC_PER_SEC, &record), ==, 0);
        }
        record_free(record);
        g_usleep(50000);
        g_assert_cmpint(kill(-pid, SIGKILL), ==, 0);
        g_assert_cmpint(waitpid(pid, NULL, 0), ==, pid);
        close(channel);
        /* The sides are orphans now and die on their own; only init may be slow to reap them. */
        for (unsigned i = 0; i < 200 && kill(-pid, 0) == 0; i++)
                g_usleep(10000);
        for (size_t i = 0; i < mechanism_table_size; i++)
                if (mechanism_table[i]->sweep != NULL)
                        mechanism_table[i]->sweep(token);
        bench_assert_nothing_named(token);
}

/* Nobody listens any more: the run ends by itself, soon. */
static void test_channel_closed(void) {
        g_autofree char *token = bench_token_new();
        Record *record = NULL;
        int channel, status;
        pid_t pid;

        pid = bench_worker_start(bench_request_new(token, 60000000), &channel);
        while (record == NULL || strcmp(type_of(record), WORKER_TYPE_PROGRESS) != 0) {
                record = record_free(record);
                g_assert_cmpint(channel_receive(channel, 60 * G_USEC_PER_SEC, &record), ==, 0);
        }
        record_free(record);
        close(channel);
        g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
        bench_assert_nothing_named(token);
}

int main(int argc, char **argv) {
        static const Case cases[] = {
                { "/bench/changed-message", CHANGE_MESSAGE, "latency", "a message arrived wrong: byte 63 of 64" },
                { "/bench/changed-answer", CHANGE_ANSWER, "latency", "a message arrived wrong: byte 63 of 64" },
                { "/bench/changed-one-way", CHANGE_MESSAGE, "throughput", "a message arrived wrong: byte 63 of 64" },
                { "/bench/cut-message", CUT_MESSAGE, "throughput", "message 50 arrived with 63 bytes, 64 were sent" },
                { "/bench/repeated-message", REPEAT_MESSAGE, "throughput", "a message arrived wrong: byte 0 of 64" },
                { "/bench/peer-dies", DIE, "latency", "side 1 was killed by signal 9 (SIGKILL)" },
                { "/bench/peer-dies-one-way", DIE, "throughput", "side 1 was killed by signal 9 (SIGKILL)" },
                { "/bench/peer-leaves", LEAVE, "latency", "side 1 ended early, and the other waited" },
                { "/bench/peer-hangs", HANG, "latency", "it did not end within" },
                { "/bench/setup-fails", NO_SETUP, "latency", "no setup today" },
                { "/bench/attach-fails", NO_ATTACH, "latency", "no attaching today" },
        };

        signal(SIGPIPE, SIG_IGN);
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/bench/line", test_line);
        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
                g_test_add_data_func(cases[i].name, &cases[i], test_misdeed);
        g_test_add_func("/bench/sizes", test_sizes);
        g_test_add_func("/bench/wrong-requests", test_wrong_requests);
        g_test_add_func("/bench/all-kinds", test_all_kinds);
        g_test_add_func("/bench/cancel", test_cancel);
        g_test_add_func("/bench/channel-closed", test_channel_closed);
        return g_test_run();
}
