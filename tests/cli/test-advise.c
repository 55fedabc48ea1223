/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ipcctl advise: for needs that are common the ranking is what somebody would say who knows all kinds; figures change
 * it, tests that failed exclude, and what nothing fits is told with the nearest miss. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WORDS(...) ((const char *const[]){ __VA_ARGS__, NULL })

static CliResult *advise(Fixture *fixture, const char *options) {
        g_autofree char *command = g_strdup_printf("XDG_STATE_HOME=/nonexistent ipcctl advise --json %s", options);

        g_test_message("%s", options);
        return cli_shell(fixture, command);
}

static JsonObject *advise_object(Fixture *fixture, const char *options, int status, JsonNode **ret_root) {
        g_autoptr(CliResult) result = advise(fixture, options);

        if (result->status != status)
                g_test_message("%d: %s", result->status, result->errors);
        g_assert_cmpint(result->status, ==, status);
        g_assert_cmpstr(result->errors, ==, "");
        *ret_root = json_parse(result->output);
        return json_node_get_object(*ret_root);
}

static JsonObject *item_of(JsonObject *advice, const char *list, const char *kind) {
        JsonArray *array = json_object_get_array_member(advice, list);

        for (guint i = 0; i < json_array_get_length(array); i++) {
                JsonObject *item = json_array_get_object_element(array, i);
                if (g_str_equal(json_object_get_string_member(item, "kind"), kind))
                        return item;
        }
        return NULL;
}

static gint64 rank_of(JsonObject *advice, const char *kind) {
        JsonObject *item = item_of(advice, "ranking", kind);

        return item != NULL ? json_object_get_int_member(item, "rank") : 0;
}

/* Is there a miss by this option, whose text has `needle`? */
static bool misses(JsonObject *item, const char *option, const char *needle) {
        JsonArray *list = json_object_get_array_member(item, "misses");

        for (guint i = 0; i < json_array_get_length(list); i++) {
                JsonObject *miss = json_array_get_object_element(list, i);
                if (g_str_equal(json_object_get_string_member(miss, "option"), option) &&
                        strstr(json_object_get_string_member(miss, "text"), needle) != NULL)
                        return true;
        }
        return false;
}

typedef struct Expert {
        const char *options;
        const char *const *order;    /* each before the next, the first one first of all */
        const char *const *excluded; /* kinds */
} Expert;

/* The cases of an introduction to IPC. */
static const Expert experts[] = {
        /* A parent and a child, one way. */
        { "--stream", WORDS("pipe", "fifo", "unix-stream", "tcp"), WORDS("signal", "eventfd", "mutex", "sem-sysv") },
        { "", WORDS("pipe", "unix-stream", "tcp", "udp", "shm-posix"), WORDS("signal", "sem-posix") },
        /* The same among strangers. */
        { "--stream --unrelated", WORDS("fifo", "unix-stream", "tcp", "pipe"), WORDS("signal") },
        { "--stream --unrelated --duplex", WORDS("unix-stream", "tcp", "fifo"), WORDS("signal") },
        { "--unrelated --duplex --boundaries", WORDS("unix-seqpacket", "unix-stream", "tcp"), WORDS("mutex") },
        /* Much data between strangers of one host. */
        { "--unrelated --fast --size 16M", WORDS("ring", "shm-posix", "mmap", "unix-stream", "tcp"),
                WORDS("mq-posix", "udp", "raw") },
        { "--fast", WORDS("ring", "memfd", "tcp"), WORDS("signal") },
        { "--no-copy", WORDS("ring", "memfd", "shm-posix"), WORDS("pipe", "unix-stream", "mq-posix", "dbus", "tcp") },
        /* Jobs, the important ones first, for several workers. */
        { "--unrelated --priority --boundaries --many-readers --many-writers", WORDS("mq-posix", "mq-sysv"),
                WORDS("pipe", "fifo", "unix-dgram", "shm-posix", "tcp", "dbus", "signal") },
        { "--priority --poll", WORDS("mq-posix"), WORDS("mq-sysv") },
        /* Other machines. */
        { "--across-hosts", WORDS("tcp", "udp"), WORDS("pipe", "unix-stream", "shm-posix", "mq-posix", "dbus") },
        { "--across-hosts --boundaries", WORDS("tcp", "udp"), WORDS("unix-seqpacket") },
        { "--across-hosts --broadcast", WORDS("udp", "tcp"), WORDS("dbus") },
        /* Only that something happened. */
        { "--for notify", WORDS("eventfd", "sem-posix", "pipe"), WORDS("mutex") },
        { "--for notify --poll", WORDS("eventfd", "signal"), WORDS("sem-posix", "sem-sysv") },
        { "--for notify --unrelated", WORDS("sem-posix", "signal", "eventfd"), WORDS("mutex") },
        { "--for notify --unrelated --broadcast", WORDS("dbus"), WORDS("sem-posix", "eventfd") },
        /* One at a time, and so many at a time. */
        { "--for lock --unrelated", WORDS("mutex", "sem-sysv", "sem-posix", "eventfd"),
                WORDS("pipe", "signal", "tcp") },
        { "--for lock --crash", WORDS("mutex", "sem-sysv"), WORDS("sem-posix") },
        { "--for count --unrelated", WORDS("sem-posix", "fifo"), WORDS("mutex", "signal", "unix-stream") },
        { "--for count", WORDS("eventfd", "sem-posix"), WORDS("mutex") },
        /* What stays, who it is, what goes along. */
        { "--persistent --boundaries --unrelated", WORDS("mq-posix", "shm-posix"),
                WORDS("fifo", "unix-dgram", "tcp") },
        { "--persistent --size 100M", WORDS("shm-posix", "mmap"), WORDS("mq-posix", "mq-sysv", "memfd") },
        { "--descriptors --boundaries", WORDS("unix-seqpacket", "dbus"), WORDS("pipe", "tcp", "mq-posix", "memfd") },
        { "--credentials --unrelated", WORDS("unix-seqpacket", "dbus"), WORDS("tcp", "udp", "fifo") },
        { "--broadcast --unrelated --no-leftovers", WORDS("dbus", "tcp"), WORDS("mq-posix", "fifo", "shm-posix") },
        { "--boundaries --strict", WORDS("mq-posix", "unix-dgram"), WORDS("pipe", "unix-stream", "tcp", "shm-posix") },
        { "--unrelated --prefer duplex,descriptors", WORDS("unix-seqpacket", "mq-posix", "pipe"), WORDS("mutex") },
};

static void test_experts(Fixture *fixture, gconstpointer arguments) {
        for (size_t i = 0; i < G_N_ELEMENTS(experts); i++) {
                const Expert *expert = &experts[i];
                g_autoptr(JsonNode) root = NULL;
                JsonObject *advice = advise_object(fixture, expert->options, 0, &root);
                gint64 last = 0;

                for (size_t k = 0; expert->order[k] != NULL; k++) {
                        gint64 rank = rank_of(advice, expert->order[k]);
                        if (rank <= last || (k == 0 && rank != 1))
                                g_error("%s: %s has rank %" G_GINT64_FORMAT, expert->options, expert->order[k], rank);
                        last = rank;
                }
                for (size_t k = 0; expert->excluded[k] != NULL; k++) {
                        JsonObject *item = item_of(advice, "excluded", expert->excluded[k]);
                        if (item == NULL)
                                g_error("%s: %s is not left out", expert->options, expert->excluded[k]);
                        g_assert_true(!json_object_get_boolean_member(item, "available") ||
                                      json_array_get_length(json_object_get_array_member(item, "misses")) > 0);
                }
                g_assert_cmpstr(json_object_get_string_member(advice, "by"), ==, "claims");
        }
}

/* A limit is the one in force here, by its name. */
static void test_size(Fixture *fixture, gconstpointer arguments) {
        g_autoptr(JsonNode) root = NULL;
        g_autofree char *text = NULL;
        JsonObject *advice = advise_object(fixture, "--boundaries --unrelated --size 4G", 0, &root);

        if (!g_file_get_contents("/proc/sys/fs/mqueue/msgsize_max", &text, NULL, NULL)) {
                g_test_skip("fs.mqueue.msgsize_max cannot be read");
                return;
        }
        g_autofree char *sentence = g_strdup_printf("carries %s bytes at most here", g_strchomp(text));
        g_assert_true(misses(item_of(advice, "excluded", "mq-posix"), "--size", sentence));
        g_assert_true(misses(item_of(advice, "excluded", "mq-posix"), "--size", "fs.mqueue.msgsize_max"));
        g_assert_true(misses(item_of(advice, "excluded", "udp"), "--size", "65507"));
        g_assert_cmpint(rank_of(advice, "unix-stream"), >, 0);
}

/* A file as of "ipcctl bench --save"; the caller frees it and removes what it names. */
static char *save(Fixture *fixture, const char *const *results) {
        g_autoptr(GString) text = g_string_new("{ \"environment\": {}, \"floors\": {}, \"results\": [");
        char *path = fixture_path(fixture);

        for (size_t i = 0; results[i] != NULL; i++)
                g_string_append_printf(text, "%s{ %s }", i > 0 ? ", " : "", results[i]);
        g_string_append(text, "] }");
        g_assert_true(g_file_set_contents(path, text->str, -1, NULL));
        return path;
}

static void assert_before(JsonObject *advice, const char *first, const char *second) {
        if (rank_of(advice, first) == 0 || rank_of(advice, first) >= rank_of(advice, second))
                g_error("%s is %" G_GINT64_FORMAT ", %s %" G_GINT64_FORMAT, first, rank_of(advice, first), second,
                        rank_of(advice, second));
}

#define RESULT(kind, size, rate, cpu)                                                                           \
        "\"kind\": \"" kind "\", \"mode\": \"throughput\", \"wait\": \"block\", \"placement\": \"other-cpu\", " \
        "\"size\": " #size ", \"messages_per_second\": " #rate ", \"cpu_ns_per_message\": " #cpu

/* The same needs, and figures that say the contrary. */
static void test_figures(Fixture *fixture, gconstpointer arguments) {
        g_autofree char *path = save(
                fixture, WORDS(RESULT("unix-stream", 4096, 100000, 5000), RESULT("tcp", 4096, 4000000, 200),
                                 RESULT("fifo", 4096, 150000, 3000), RESULT("shm-posix", 64, 9000000, 100)));
        g_autofree char *without = g_strdup("--stream --unrelated --size 4K"),
                        *with = g_strconcat(without, " --from ", path, NULL),
                        *narrow = g_strconcat(with, " --rate 120000", NULL),
                        *cheap = g_strconcat(with, " --rate 50000 --cpu 10%", NULL),
                        *slow = g_strconcat(with, " --rate 1000", NULL);
        g_autoptr(JsonNode) root0 = NULL, root1 = NULL, root2 = NULL, root3 = NULL, root4 = NULL;
        JsonObject *advice = advise_object(fixture, without, 0, &root0);

        assert_before(advice, "fifo", "tcp");
        assert_before(advice, "unix-stream", "tcp");
        advice = advise_object(fixture, with, 0, &root1);
        g_assert_cmpint(rank_of(advice, "tcp"), ==, 1);
        assert_before(advice, "fifo", "unix-stream");
        g_assert_cmpstr(json_object_get_string_member(advice, "by"), ==, "claims and figures");
        JsonObject *measured = json_object_get_object_member(item_of(advice, "ranking", "tcp"), "measured");
        g_assert_cmpfloat(json_object_get_double_member(measured, "messages_per_second"), ==, 4000000);
        /* What was measured with 64 bytes says nothing of 4 K. */
        g_assert_false(json_object_has_member(item_of(advice, "ranking", "shm-posix"), "measured"));
        g_assert_nonnull(strstr(json_object_get_string_member(advice, "measure"), "shm-posix"));

        advice = advise_object(fixture, narrow, 0, &root2);
        g_assert_true(misses(item_of(advice, "excluded", "unix-stream"), "--rate", "no more than 100 k/s here"));
        g_assert_cmpint(rank_of(advice, "fifo"), >, 0);
        advice = advise_object(fixture, cheap, 0, &root3);
        g_assert_true(misses(item_of(advice, "excluded", "unix-stream"), "--cpu", "25 %"));
        g_assert_true(misses(item_of(advice, "excluded", "fifo"), "--cpu", "15 %"));
        g_assert_cmpint(rank_of(advice, "tcp"), ==, 1);
        /* What all can do with ease decides nothing. */
        advice = advise_object(fixture, slow, 0, &root4);
        assert_before(advice, "fifo", "tcp");
        assert_before(advice, "unix-stream", "tcp");
        g_assert_cmpint(unlink(path), ==, 0);
}

static void test_latency(Fixture *fixture, gconstpointer arguments) {
        g_autofree char *path = save(fixture,
                WORDS("\"kind\": \"pipe\", \"mode\": \"latency\", \"wait\": \"block\", \"size\": 64, \"latency_ns\": "
                      "{ "
                      "\"p50\": 9000 }",
                        "\"kind\": \"pipe\", \"mode\": \"latency\", \"wait\": \"spin\", \"size\": 64, \"latency_ns\": "
                        "{ "
                        "\"p50\": 900 }",
                        "\"kind\": \"fifo\", \"mode\": \"latency\", \"wait\": \"block\", \"size\": 64, "
                        "\"latency_ns\": { "
                        "\"p50\": 4000 }",
                        "\"kind\": \"tcp\", \"mode\": \"latency\", \"size\": 64, \"skipped\": \"no network\""));
        g_autofree char *options = g_strdup_printf("--stream --latency 5us --from %s", path);
        g_autoptr(JsonNode) root = NULL;
        JsonObject *advice = advise_object(fixture, options, 0, &root);

        g_assert_true(misses(item_of(advice, "excluded", "pipe"), "--latency", "9.00 us"));
        g_assert_cmpint(rank_of(advice, "fifo"), ==, 1);
        g_assert_false(json_object_has_member(item_of(advice, "ranking", "tcp"), "measured"));
        g_assert_cmpint(unlink(path), ==, 0);
}

static void test_contradiction(Fixture *fixture, gconstpointer arguments) {
        g_autoptr(JsonNode) root = NULL;
        JsonObject *advice = advise_object(fixture, "--across-hosts --no-copy", 4, &root);
        g_autoptr(CliResult) text = cli_run(fixture, NULL, "advise", "--across-hosts", "--no-copy", NULL);

        g_assert_cmpuint(json_array_get_length(json_object_get_array_member(advice, "ranking")), ==, 0);
        g_assert_true(misses(item_of(advice, "nearest", "tcp"), "--no-copy", "copied twice"));
        g_assert_true(misses(item_of(advice, "nearest", "memfd"), "--across-hosts", "one machine"));
        g_assert_null(item_of(advice, "nearest", "pipe"));
        g_assert_cmpint(text->status, ==, 4);
        g_assert_cmpstr(text->errors, ==, "");
        g_assert_nonnull(strstr(text->output, "No kind that can be had here offers all of that.\n"));
        g_assert_nonnull(strstr(text->output, "\n  tcp, without --no-copy: copied twice"));
}

static void test_wrong(Fixture *fixture, gconstpointer arguments) {
        static const struct {
                const char *options, *needle;
        } cases[] = {
                { "duplex", "did you mean --duplex" },
                { "fast-please", "needs are options" },
                { "--duplx", "--duplex" },
                { "--for locks", "did you mean \"lock\"" },
                { "--for ''", "--for takes data, notify, lock or count" },
                { "--prefer duplx", "did you mean \"duplex\"" },
                { "--prefer duplex,", "there is no need \"\"" },
                { "--prefer lock", "there is no need \"lock\"" },
                { "--size 0", "above 0" },
                { "--size 1X", "1X" },
                { "--rate -5", "-5" },
                { "--rate many", "many" },
                { "--cpu 10%", "--cpu needs --rate" },
                { "--rate 10 --cpu nan", "--cpu takes percent" },
                { "--rate 10 --cpu -1", "--cpu takes percent" },
                { "--rate 10 --cpu 10%%", "--cpu takes percent" },
                { "--latency 0", "above 0" },
                { "--for lock --size 4K", "--size is of data" },
                { "--for notify --boundaries", "--boundaries is of data" },
                { "--for count --prefer order", "--order is of data" },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autoptr(CliResult) result = advise(fixture, cases[i].options);
                if (strstr(result->errors, cases[i].needle) == NULL)
                        g_error("%s: %s", cases[i].options, result->errors);
                g_assert_cmpint(result->status, ==, 2);
                g_assert_cmpstr(result->output, ==, "");
        }
}

/* Files are anybody's: each says what is wrong with it, or what it has is used. */
static void test_wrong_files(Fixture *fixture, gconstpointer arguments) {
        static const char *const wrong[] = { "", "{", "[]", "{}", "{ \"results\": 7 }", "null" };
        static const char *const odd[] = { "{ \"results\": [] }", "{ \"results\": [ 7, null, {}, [ ] ] }",
                "{ \"results\": [ { \"kind\": 7, \"mode\": {}, \"size\": \"x\", \"latency_ns\": 3 } ] }",
                ("{ \"results\": [ { \"kind\": \"pipe\", \"mode\": \"throughput\", \"size\": -1, "
                 "\"messages_per_second\": 1e308, \"disturbed\": \"no\" } ] }") };
        g_autofree char *path = fixture_path(fixture), *options = g_strdup_printf("--size 64 --from %s", path);

        g_autoptr(CliResult) none = advise(fixture, "--from /nonexistent/file");
        g_assert_cmpint(none->status, ==, 1);
        g_assert_nonnull(strstr(none->errors, "cannot take figures from /nonexistent/file"));
        for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++) {
                g_assert_true(g_file_set_contents(path, wrong[i], -1, NULL));
                g_autoptr(CliResult) result = advise(fixture, options);
                g_assert_cmpint(result->status, ==, 1);
                g_assert_nonnull(strstr(result->errors, path));
        }
        for (size_t i = 0; i < G_N_ELEMENTS(odd); i++) {
                g_assert_true(g_file_set_contents(path, odd[i], -1, NULL));
                g_autoptr(CliResult) result = advise(fixture, options);
                g_assert_cmpint(result->status, ==, 0);
                g_assert_cmpstr(result->errors, ==, "");
        }
        g_assert_cmpint(unlink(path), ==, 0);
}

/* What a test saw: that it held is said, and a claim that failed here excludes. */
static void test_seen(Fixture *fixture, gconstpointer arguments) {
        g_autofree char *state = fixture_path(fixture);
        g_autofree char *command = g_strdup_printf(
                "STATE=%s; export XDG_STATE_HOME=$STATE; ipcctl --embedded test pipe --claims order,boundaries "
                ">/dev/null; "
                "ipcctl --embedded advise --stream --json; echo ---; "
                "sed -i '/pipe order/,/}/s/\"ok\"/\"failed\"/' $STATE/ipcbus/tested-*.json; "
                "ipcctl --embedded advise --stream --json; rm -f $STATE/ipcbus/*.json; rmdir $STATE/ipcbus $STATE",
                state);
        g_autoptr(CliResult) result = cli_shell(fixture, command);
        g_auto(GStrv) parts = g_strsplit(result->output, "---\n", 2);

        g_assert_cmpstr(result->errors, ==, "");
        g_assert_cmpuint(g_strv_length(parts), ==, 2);
        g_autoptr(JsonNode) before = json_parse(parts[0]), after = json_parse(parts[1]);
        JsonObject *pipe = item_of(json_node_get_object(before), "ranking", "pipe");
        g_assert_cmpint(json_object_get_int_member(json_object_get_object_member(pipe, "seen"), "ok"), >=, 2);
        JsonObject *excluded = item_of(json_node_get_object(after), "excluded", "pipe");
        g_assert_nonnull(excluded);
        g_assert_true(misses(excluded, "--stream", "the claim \"order\""));
        g_assert_true(misses(excluded, "--stream", "failed when it was last tested here"));
}

/* What ipcctl bench measured is kept, also of a service that has ended, and a later run of others adds to it. */
static void test_kept(Fixture *fixture, gconstpointer arguments) {
        g_autofree char *state = fixture_path(fixture);
        g_autofree char *command = g_strdup_printf(
                "STATE=%s; export XDG_STATE_HOME=$STATE; bench='ipcctl --embedded bench --size 64 --mode throughput "
                "--cpus "
                "0,0 --time 0.05 --trials 1'; advise='ipcctl --embedded advise --stream --size 64 --json'; "
                "$bench pipe >/dev/null; $advise; echo ---; $bench fifo > /dev/null; $advise; echo ---; "
                "sed -i 's/\"machine\" : \"/&another-/' $STATE/ipcbus/measured.json; $advise; "
                "rm -f $STATE/ipcbus/*.json; rmdir $STATE/ipcbus $STATE",
                state);
        g_autoptr(CliResult) result = cli_shell(fixture, command);
        g_auto(GStrv) parts = g_strsplit(result->output, "---\n", 3);

        g_assert_cmpstr(result->errors, ==, "");
        g_assert_cmpuint(g_strv_length(parts), ==, 3);
        for (int i = 0; i < 3; i++) {
                g_autoptr(JsonNode) root = json_parse(parts[i]);
                JsonObject *advice = json_node_get_object(root);
                g_assert_cmpint(json_object_has_member(item_of(advice, "ranking", "pipe"), "measured"), ==, i < 2);
                g_assert_cmpint(json_object_has_member(item_of(advice, "ranking", "fifo"), "measured"), ==, i == 1);
                g_assert_cmpstr(
                        json_object_get_string_member(advice, "by"), ==, i < 2 ? "claims and figures" : "claims");
        }
}

/* 80 columns, and the words that a person looks for. */
static void test_text(Fixture *fixture, gconstpointer arguments) {
        static const char *const options[] = { "", "--unrelated --priority", "--verbose --duplex --fast --size 1M",
                "--for lock", "--across-hosts --no-copy" };

        for (size_t i = 0; i < G_N_ELEMENTS(options); i++) {
                g_autofree char *command = g_strdup_printf("XDG_STATE_HOME=/nonexistent ipcctl advise %s", options[i]);
                g_autoptr(CliResult) result = cli_shell(fixture, command);
                g_auto(GStrv) lines = g_strsplit(result->output, "\n", -1);

                g_assert_cmpstr(result->errors, ==, "");
                for (char **line = lines; *line != NULL; line++)
                        if (g_utf8_strlen(*line, -1) > 80)
                                g_error("%s: too wide: %s", options[i], *line);
        }
        g_autoptr(CliResult) result = cli_shell(fixture,
                "XDG_STATE_HOME=/nonexistent ipcctl advise --unrelated --priority --boundaries; ipcctl advise --help");
        g_assert_nonnull(
                strstr(result->output, "wanted: data; message boundaries; priorities; unrelated processes\n"));
        g_assert_nonnull(strstr(result->output, "\n 1  mq-posix, POSIX message queue\n"));
        g_assert_nonnull(strstr(result->output, "\n    + a message of higher priority overtakes those of lower\n"));
        g_assert_nonnull(strstr(result->output, "\n    - remove it yourself"));
        g_assert_nonnull(strstr(result->output, "\n    claims behind this are untested here: ipcctl test mq-posix\n"));
        g_assert_nonnull(strstr(result->output, "\n    next: ipcctl create mq-posix name=/example\n"));
        g_assert_nonnull(strstr(result->output, "\n  pipe: what was written first is read first (--priority)\n"));
        g_assert_nonnull(strstr(result->output, "\n  ipcctl bench mq-posix mq-sysv\n"));
        g_assert_nonnull(strstr(result->output, "--across-hosts"));
        g_assert_nonnull(strstr(result->output, "--prefer"));
}

/* What it says to type next works. */
static void test_examples(Fixture *fixture, gconstpointer arguments) {
        g_autoptr(JsonNode) root = cli_json(fixture, "kinds", "--json", NULL);
        JsonArray *kinds = json_node_get_array(root);

        for (guint i = 0; i < json_array_get_length(kinds); i++) {
                JsonObject *kind = json_array_get_object_element(kinds, i);
                const char *name = json_object_get_string_member(kind, "kind");
                g_autofree char *command = g_strdup_printf("address=$(ipcctl create %s %s lease=10s) && ipcctl remove "
                                                           "\"$address\"",
                        name, json_object_get_string_member(kind, "example"));

                if (!json_object_get_boolean_member(kind, "available"))
                        continue;
                g_autoptr(CliResult) result = cli_shell(fixture, command);
                /* Of a name that anybody may have: another test, or whoever tried it. */
                if (result->status != 0 && strstr(result->errors, "exists") == NULL &&
                        strstr(result->errors, "in use") == NULL)
                        g_error("%s: %s", command, result->errors);
        }
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        FIXTURE_TEST("/cli/advise/experts", NULL, test_experts);
        FIXTURE_TEST("/cli/advise/size", NULL, test_size);
        FIXTURE_TEST("/cli/advise/figures", NULL, test_figures);
        FIXTURE_TEST("/cli/advise/latency", NULL, test_latency);
        FIXTURE_TEST("/cli/advise/contradiction", NULL, test_contradiction);
        FIXTURE_TEST("/cli/advise/wrong", NULL, test_wrong);
        FIXTURE_TEST("/cli/advise/wrong-files", NULL, test_wrong_files);
        FIXTURE_TEST("/cli/advise/seen", NULL, test_seen);
        FIXTURE_TEST("/cli/advise/kept", NULL, test_kept);
        FIXTURE_TEST("/cli/advise/text", NULL, test_text);
        FIXTURE_TEST("/cli/advise/examples", NULL, test_examples);
        return g_test_run();
}
