/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ipcctl bench: measures kinds in the service and shows the figures beside the floors of the same run. */
#include "cli.h"

#include <stdio.h>
#include <string.h>

#include "bench-report.h"
#include "errors.h"
#include "json.h"
#include "kind.h"
#include "options.h"
#include "output.h"
#include "run-job.h"
#include "saved.h"
#include "units.h"

static char *opt_size, *opt_mode, *opt_cpus, *opt_wait, *opt_time, *opt_trials, *opt_save, *opt_compare;

static const GOptionEntry entries[] = {
        { "size", 's', 0, G_OPTION_ARG_FILENAME, &opt_size, "Bytes of a message, as 64,4K", "SIZE,..." },
        { "mode", 'm', 0, G_OPTION_ARG_FILENAME, &opt_mode, "latency, throughput or both", "MODE,..." },
        { "wait", 'w', 0, G_OPTION_ARG_FILENAME, &opt_wait, "How to wait: block, spin or both", "WAIT,..." },
        { "cpus", 0, 0, G_OPTION_ARG_FILENAME, &opt_cpus, "Pin the two sides; 0,0 is the same CPU", "A,B" },
        { "time", 0, 0, G_OPTION_ARG_FILENAME, &opt_time, "How long to measure each result", "TIME" },
        { "trials", 0, 0, G_OPTION_ARG_FILENAME, &opt_trials, "How many trials for each result", "N" },
        { "save", 0, 0, G_OPTION_ARG_FILENAME, &opt_save, "Write the results to a file, as --json prints them",
                "FILE" },
        { "compare", 0, 0, G_OPTION_ARG_FILENAME, &opt_compare, "Show what changed since --save wrote this file",
                "FILE" },
        { NULL },
};

typedef struct Bench {
        char **kinds;
        Record *options;
} Bench;

static gboolean start(JobRun *run, IpcbusManager *manager, char **ret_path, GError **error) {
        Bench *bench = run->userdata;

        return ipcbus_manager_call_benchmark_sync(manager, (const char *const *)bench->kinds,
                options_variant(bench->options), WITHOUT_TIMEOUT, ret_path, NULL, error);
}

/* "64,4K" or "0,1" to an array of numbers. */
static bool number_list(Record *options, const char *key, const char *flag, OptionType type, const char *text) {
        g_autoptr(GArray) numbers = g_array_new(FALSE, FALSE, sizeof(uint64_t));
        g_auto(GStrv) words = text != NULL ? g_strsplit(text, ",", -1) : NULL;

        if (text == NULL)
                return true;
        for (char **word = words; *word != NULL; word++) {
                uint64_t number;
                if (!options_number(type, flag, *word, 0, &number))
                        return false;
                g_array_append_val(numbers, number);
        }
        record_set_u64s(options, key, (const uint64_t *)(const void *)numbers->data, numbers->len);
        return true;
}

static bool string_list(Record *options, const char *key, const char *text) {
        g_auto(GStrv) words = text != NULL ? g_strsplit(text, ",", -1) : NULL;

        if (words != NULL)
                record_set_strings(options, key, (const char *const *)words, g_strv_length(words));
        return true;
}

static bool read_options(Record *options) {
        return number_list(options, "sizes", "size", OPTION_SIZE, opt_size) &&
               number_list(options, "cpus", "cpus", OPTION_COUNT, opt_cpus) &&
               string_list(options, "modes", opt_mode) && string_list(options, "waits", opt_wait) &&
               options_flag(options, OPTION_TIME, "time", opt_time) &&
               options_flag(options, OPTION_COUNT, "trials", opt_trials);
}

static ExitCode conclude(Cli *cli, GVariant *results, JsonNode *before, ExitCode code) {
        if (results == NULL)
                return code;
        JsonNode *node = bench_json(results);
        if (opt_save != NULL && code == EXIT_CODE_DONE)
                code = saved_write(opt_save, node);
        if (!cli->json)
                bench_print(results, before);
        if (cli->json)
                json_print(node, true);
        else
                json_node_unref(node);
        if (code == EXIT_CODE_DONE && bench_failures(results) > 0)
                code = EXIT_CODE_FAILED;
        return code;
}

static ExitCode run(Cli *cli, char **words) {
        g_autoptr(Record) options = options_new();
        g_autoptr(GVariant) results = NULL;
        g_autoptr(JsonNode) before = NULL;
        g_autoptr(GPtrArray) kinds = g_ptr_array_new_with_free_func(g_free);
        Bench bench = { .options = options };
        JobRun job = { .cli = cli, .start = start, .show_progress = true, .userdata = &bench };

        if (!read_options(options))
                return EXIT_CODE_USAGE;
        /* Before the time is spent: can it be kept, is there something to compare with? */
        if (opt_save != NULL && saved_check(opt_save) != EXIT_CODE_DONE)
                return EXIT_CODE_FAILED;
        if (opt_compare != NULL) {
                ExitCode loaded = bench_load(opt_compare, &before);
                if (loaded != EXIT_CODE_DONE)
                        return loaded;
        }
        for (; *words != NULL; words++)
                g_ptr_array_add(kinds, text_for_bus(*words));
        g_ptr_array_add(kinds, NULL);
        bench.kinds = (char **)kinds->pdata;
        ExitCode code = job_run(&job, &results);
        return conclude(cli, results, before, code);
}

const Verb verb_bench = {
        .name = "bench",
        .arguments = "[KIND...]",
        .summary = "Measure kinds: latency and throughput, beside the floors of this machine",
        .details =
                "Two processes, the whole payload written and checked. Without --cpus the usual placements are "
                "measured\n"
                "each; X-FLOOR is the ratio to the floor that binds, measured in the same run: compare that, not the\n"
                "times, between machines. Ctrl-C cancels and shows what there is.\n\n"
                "Example:\n  ipcctl bench pipe mq-posix --size 64,4K --mode latency --time 0.2s\n",
        .entries = entries,
        .run = run,
};
