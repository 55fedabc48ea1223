/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ipcctl bench: measures kinds in the service and shows the figures beside the floors of the same run. */
#include "cli.h"

#include <stdio.h>
#include <string.h>

#include "bench-compare.h"
#include "bench-csv.h"
#include "bench-report.h"
#include "bench-table.h"
#include "errors.h"
#include "json.h"
#include "kind.h"
#include "measured.h"
#include "options.h"
#include "output.h"
#include "plot.h"
#include "run-job.h"
#include "saved.h"
#include "units.h"

static char *opt_size, *opt_mode, *opt_cpus, *opt_placement, *opt_peers, *opt_wait, *opt_time, *opt_trials, *opt_save,
        *opt_compare, *opt_plot, *opt_from;
static gboolean opt_csv, opt_fail_slower;

static const GOptionEntry entries[] = {
        { "size", 's', 0, G_OPTION_ARG_FILENAME, &opt_size, "Bytes of a message, as 64,4K", "SIZE,..." },
        { "mode", 'm', 0, G_OPTION_ARG_FILENAME, &opt_mode, "latency, throughput, burst, fan-out, fan-in",
                "MODE,..." },
        { "wait", 'w', 0, G_OPTION_ARG_FILENAME, &opt_wait, "How to wait: block, poll, spin, adaptive", "WAIT,..." },
        { "cpus", 0, 0, G_OPTION_ARG_FILENAME, &opt_cpus, "Pin the two sides; 0,0 is the same CPU", "A,B" },
        { "placement", 0, 0, G_OPTION_ARG_FILENAME, &opt_placement,
                "same-cpu, other-cpu, other-cpu-awake, smt-sibling, other-node", "PLACEMENT,..." },
        { "peers", 0, 0, G_OPTION_ARG_FILENAME, &opt_peers, "How many, for fan-out and fan-in: 2 to 8", "N,..." },
        { "time", 0, 0, G_OPTION_ARG_FILENAME, &opt_time, "How long to measure each result", "TIME" },
        { "trials", 0, 0, G_OPTION_ARG_FILENAME, &opt_trials, "How many trials for each result", "N" },
        { "save", 0, 0, G_OPTION_ARG_FILENAME, &opt_save, "Write the results to a file, as --json prints them",
                "FILE" },
        { "from", 0, 0, G_OPTION_ARG_FILENAME, &opt_from, "Measure nothing, show what --save wrote", "FILE" },
        { "compare", 0, 0, G_OPTION_ARG_FILENAME, &opt_compare, "Show what changed since --save wrote this file",
                "FILE" },
        { "fail-slower", 0, 0, G_OPTION_ARG_NONE, &opt_fail_slower, "End with 5 if --compare found a slower one",
                NULL },
        { "plot", 0, 0, G_OPTION_ARG_FILENAME, &opt_plot, "Draw the results, by the ending of the name",
                "FILE.svg|png" },
        { "csv", 0, 0, G_OPTION_ARG_NONE, &opt_csv, "Print one line of comma-separated values for each result", NULL },
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
               number_list(options, "peers", "peers", OPTION_COUNT, opt_peers) &&
               string_list(options, "placements", opt_placement) && string_list(options, "modes", opt_mode) &&
               string_list(options, "waits", opt_wait) && options_flag(options, OPTION_TIME, "time", opt_time) &&
               options_flag(options, OPTION_COUNT, "trials", opt_trials);
}

/* What was asked for, and when it ended. */
static void add_options(JsonNode *root) {
        const struct {
                const char *name, *value;
        } options[] = { { "sizes", opt_size }, { "modes", opt_mode }, { "cpus", opt_cpus }, { "waits", opt_wait },
                { "placements", opt_placement }, { "peers", opt_peers }, { "time", opt_time },
                { "trials", opt_trials } };
        JsonObject *object = json_object_new();

        for (size_t i = 0; i < G_N_ELEMENTS(options); i++)
                if (options[i].value != NULL) {
                        g_autofree char *text = text_for_bus(options[i].value);
                        json_object_set_string_member(object, options[i].name, text);
                }
        json_object_set_object_member(json_node_get_object(root), "options", object);
        json_object_set_int_member(json_node_get_object(root), "time", g_get_real_time());
}

static void show(Cli *cli, const BenchRun *run, const BenchComparison *comparison) {
        if (opt_csv)
                bench_csv_print(run);
        else if (!cli->json)
                bench_table_print(run, comparison);
        else {
                JsonNode *node = json_node_copy(run->root);
                if (comparison != NULL)
                        json_object_set_member(
                                json_node_get_object(node), "comparison", bench_comparison_json(comparison));
                json_print(node, true);
        }
}

/* Shows, draws and compares a run, however it came about. */
static ExitCode present(Cli *cli, const BenchRun *run, const BenchRun *before, bool whole) {
        g_autoptr(BenchComparison) comparison = before != NULL ? bench_comparison_new(opt_compare, before, run) : NULL;
        ExitCode code = EXIT_CODE_DONE;

        if (opt_plot != NULL && whole)
                code = plot_write(opt_plot, run->root);
        show(cli, run, comparison);
        if (code == EXIT_CODE_DONE && opt_fail_slower && comparison->counts[BENCH_SLOWER] > 0)
                code = EXIT_CODE_CLAIM_FAILED;
        return code;
}

static ExitCode conclude(Cli *cli, GVariant *results, const BenchRun *before, ExitCode code) {
        const char *problem;

        if (results == NULL)
                return code;
        g_autoptr(JsonNode) node = bench_json(results);
        add_options(node);
        bool whole = code == EXIT_CODE_DONE;
        /* For "ipcctl advise", of this machine. */
        if (cli->host == NULL)
                measured_keep(node);
        if (opt_save != NULL && whole)
                code = saved_write(opt_save, node);
        g_autoptr(BenchRun) run = bench_run_new(node, &problem);
        if (run == NULL)
                return say("the service gave results that make no sense: %s", problem), EXIT_CODE_FAILED;
        ExitCode shown = present(cli, run, before, whole);
        if (code == EXIT_CODE_DONE && bench_failures(results) > 0)
                code = EXIT_CODE_FAILED;
        return code != EXIT_CODE_DONE ? code : shown;
}

/* The run of a file in place of one of now. */
static ExitCode show_file(Cli *cli, char **kinds, const BenchRun *before) {
        g_autoptr(BenchRun) run = NULL;
        ExitCode code = bench_load(opt_from, "cannot show", &run);

        if (code != EXIT_CODE_DONE)
                return code;
        const char *missing = bench_run_missing(run, kinds);
        if (missing != NULL)
                return say("%s has no result of %s", opt_from, missing), EXIT_CODE_FAILED;
        bench_run_select(run, kinds);
        return present(cli, run, before, true);
}

static ExitCode measure(Cli *cli, char **words, const BenchRun *before) {
        g_autoptr(Record) options = options_new();
        g_autoptr(GVariant) results = NULL;
        g_autoptr(GPtrArray) kinds = g_ptr_array_new_with_free_func(g_free);
        Bench bench = { .options = options };
        JobRun job = { .cli = cli, .start = start, .show_progress = true, .userdata = &bench };

        if (!read_options(options))
                return EXIT_CODE_USAGE;
        for (; *words != NULL; words++)
                g_ptr_array_add(kinds, text_for_bus(*words));
        g_ptr_array_add(kinds, NULL);
        bench.kinds = (char **)kinds->pdata;
        ExitCode code = job_run(&job, &results);
        return conclude(cli, results, before, code);
}

static ExitCode check_options(const Cli *cli) {
        if (opt_csv && cli->json)
                return say_usage("--csv and --json do not go together");
        if (opt_fail_slower && opt_compare == NULL)
                return say_usage("--fail-slower needs --compare FILE: slower than what?");
        if (opt_from != NULL && (opt_size || opt_mode || opt_cpus || opt_wait || opt_placement || opt_peers ||
                                        opt_time || opt_trials || opt_save))
                return say_usage("--from measures nothing: --size, --mode, --cpus, --wait, --placement, --peers, "
                                 "--time, --trials and --save do not go with it");
        /* Before the time is spent: can it be kept and drawn? */
        if (opt_plot != NULL) {
                ExitCode code = plot_check(opt_plot);
                if (code != EXIT_CODE_DONE)
                        return code;
        }
        return opt_save != NULL ? saved_check(opt_save) : EXIT_CODE_DONE;
}

static ExitCode run(Cli *cli, char **words) {
        g_autoptr(BenchRun) before = NULL;
        ExitCode code = check_options(cli);

        if (code == EXIT_CODE_DONE && opt_compare != NULL)
                code = bench_load(opt_compare, "cannot compare with", &before);
        if (code != EXIT_CODE_DONE)
                return code;
        /* What is not asked for is not missing now. */
        if (before != NULL)
                bench_run_select(before, words);
        return opt_from != NULL ? show_file(cli, words, before) : measure(cli, words, before);
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
                "--compare tells a difference from chance: by how much a result is slower or faster, with an "
                "interval, "
                "or\n"
                "\"no difference\". The exit code is 5 with --fail-slower where one is slower.\n\n"
                "Examples:\n  ipcctl bench pipe mq-posix --size 64,4K --mode latency --time 0.2s\n"
                "  ipcctl bench --save before.json\n  ipcctl bench --compare before.json --plot now.svg\n"
                "  ipcctl bench --from before.json --csv\n",
        .entries = entries,
        .run = run,
};
