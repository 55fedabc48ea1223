/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ipcctl test: runs the checks of kinds in the service and shows each as it is done. */
#include "cli.h"

#include <stdio.h>
#include <string.h>

#include "attributes.h"
#include "errors.h"
#include "json.h"
#include "kind.h"
#include "options.h"
#include "output.h"
#include "run-job.h"
#include "saved.h"
#include "table.h"
#include "test-against.h"
#include "test-report.h"
#include "tested-kept.h"

enum { CLAIM_WIDTH_MAX = 64 };

static gboolean opt_tap;
static char *opt_junit, *opt_claims, *opt_save, *opt_against;

static const GOptionEntry entries[] = {
        { "tap", 0, 0, G_OPTION_ARG_NONE, &opt_tap, "Print TAP", NULL },
        { "junit", 0, 0, G_OPTION_ARG_FILENAME, &opt_junit, "Write JUnit XML to a file as well", "FILE" },
        { "claims", 0, 0, G_OPTION_ARG_FILENAME, &opt_claims, "Only these claims, by id", "A,B..." },
        { "save", 0, 0, G_OPTION_ARG_FILENAME, &opt_save, "Write what --json prints to a file as well", "FILE" },
        { "against", 0, 0, G_OPTION_ARG_FILENAME, &opt_against, "Show what changed since the run in a file", "FILE" },
        { NULL },
};

typedef struct KindVerdict {
        char *kind, *reason; /* why its last claim was skipped; may be NULL */
        Verdicts verdicts;
} KindVerdict;

typedef struct Test {
        char **kinds;
        Record *options;
        guint number; /* of checks so far */
        char *kind;   /* whose checks come now */
        size_t width;
        Verdicts verdicts; /* of this kind */
        GPtrArray *rows;   /* KindVerdict: of all so far */
        Verdicts all;
        JsonNode *before; /* --against; may be NULL */
        guint64 began;
} Test;

static gboolean start(JobRun *run, IpcbusManager *manager, char **ret_path, GError **error) {
        Test *test = run->userdata;

        return ipcbus_manager_call_test_sync(manager, (const char *const *)test->kinds, options_variant(test->options),
                WITHOUT_TIMEOUT, ret_path, NULL, error);
}

static void kind_verdict_free(gpointer data) {
        KindVerdict *row = data;

        g_free(row->kind);
        g_free(row->reason);
        g_free(row);
}

/* The checks of a kind come one after another. */
static void count_for_kind(Test *test, GVariant *check) {
        KindVerdict *row = test->rows->len > 0 ? test->rows->pdata[test->rows->len - 1] : NULL;

        if (row == NULL || g_strcmp0(row->kind, attribute_string(check, "kind")) != 0) {
                row = g_new0(KindVerdict, 1);
                row->kind = g_strdup(attribute_string(check, "kind"));
                g_ptr_array_add(test->rows, row);
        }
        verdicts_count(&row->verdicts, check);
        if (strcmp(attribute_string(check, "result"), "skipped") == 0) {
                g_free(row->reason);
                row->reason = text_harmless(attribute_string(check, "evidence"));
        }
}

/* `ended`: every claim that was asked for had its turn. */
static char *verdict_text(const KindVerdict *row, bool ended) {
        if (row->verdicts.failed > 0)
                return g_strdup_printf("%" G_GUINT64_FORMAT " %s not hold here", row->verdicts.failed,
                        row->verdicts.failed == 1 ? "claim does" : "claims do");
        if (!ended)
                return g_strdup("not tested to the end");
        if (row->verdicts.ok == 0) {
                static const char same[] = "cannot be tested here: ";
                const char *reason = row->reason != NULL ? row->reason : "no reason given";
                return g_strdup_printf(
                        "not tested here: %s", reason + (g_str_has_prefix(reason, same) ? strlen(same) : 0));
        }
        return g_strdup(row->verdicts.skipped > 0 ? "keeps what could be tested here" : "keeps what it promises");
}

/* Of several kinds: one line each, so that nobody has to look for them above. */
static void print_verdicts(const Test *test, bool ended) {
        g_autoptr(Table) table = table_new(true);

        if (test->rows->len < 2)
                return;
        table_column(table, "KIND", false);
        table_column(table, "OK", true);
        table_column(table, "FAILED", true);
        table_column(table, "SKIPPED", true);
        table_column(table, "VERDICT", false);
        for (guint i = 0; i < test->rows->len; i++) {
                const KindVerdict *row = test->rows->pdata[i];
                g_autofree char *ok = g_strdup_printf("%" G_GUINT64_FORMAT, row->verdicts.ok);
                g_autofree char *failed = g_strdup_printf("%" G_GUINT64_FORMAT, row->verdicts.failed);
                g_autofree char *skipped = g_strdup_printf("%" G_GUINT64_FORMAT, row->verdicts.skipped);
                g_autofree char *verdict = verdict_text(row, ended || i + 1 < test->rows->len);
                table_row(table, (const char *const[]){ row->kind, ok, failed, skipped, verdict });
        }
        putchar('\n');
        table_print(table, "");
}

static void end_kind(Test *test) {
        if (test->kind != NULL)
                printf("%s: %" G_GUINT64_FORMAT " ok, %" G_GUINT64_FORMAT " failed, %" G_GUINT64_FORMAT " skipped\n",
                        test->kind, test->verdicts.ok, test->verdicts.failed, test->verdicts.skipped);
        g_clear_pointer(&test->kind, g_free);
        test->verdicts = (Verdicts){ 0 };
}

/* The heading, and how wide the claims of this kind are. */
static void begin_kind(JobRun *run, const char *kind) {
        Test *test = run->userdata;
        g_autoptr(GVariant) description = NULL, claims = NULL;
        GVariantIter iter;
        GVariant *claim;

        test->kind = g_strdup(kind);
        test->width = 0;
        if (kind_describe(run->cli, kind, &description) == EXIT_CODE_DONE)
                claims = g_variant_lookup_value(description, "claims", G_VARIANT_TYPE("aa{sv}"));
        printf("%s%s%s  %s\n", output_colour("bold"), kind, output_colour(""),
                description != NULL ? attribute_string(description, "title") : "");
        if (claims == NULL)
                return;
        g_variant_iter_init(&iter, claims);
        while (g_variant_iter_loop(&iter, "@a{sv}", &claim))
                test->width = MAX(test->width, strlen(attribute_string(claim, "claim")));
        test->width = MIN(test->width, CLAIM_WIDTH_MAX);
}

static const char *verdict_colour(const char *result) {
        if (strcmp(result, "ok") == 0)
                return output_colour("green");
        return output_colour(strcmp(result, "failed") == 0 ? "red" : "yellow");
}

static void print_verbose(GVariant *check) {
        const char *source = attribute_string(check, "source");
        g_autofree const char **relations = NULL;
        uint64_t usec;

        printf("          id %s", attribute_string(check, "id"));
        if (*source != '\0')
                printf(", %s", source);
        if (g_variant_lookup(check, "relations", "^a&s", &relations)) {
                g_autofree char *list = g_strjoinv(" and ", (char **)relations);
                printf(", %s", list);
        }
        if (attribute_number(check, "usec", &usec))
                printf(", %" G_GUINT64_FORMAT " us", usec);
        putchar('\n');
}

static void print_check(JobRun *run, GVariant *check) {
        Test *test = run->userdata;
        const char *result = attribute_string(check, "result"), *claim = attribute_string(check, "claim");
        g_auto(GStrv) evidence = g_strsplit(attribute_string(check, "evidence"), "\n", -1);

        if (g_strcmp0(test->kind, attribute_string(check, "kind")) != 0) {
                end_kind(test);
                begin_kind(run, attribute_string(check, "kind"));
        }
        verdicts_count(&test->verdicts, check);
        printf("  %s%-7s%s %-*s", verdict_colour(result), result, output_colour(""),
                evidence[0] != NULL && *evidence[0] != '\0' ? (int)test->width : 0, claim);
        if (evidence[0] != NULL && *evidence[0] != '\0') {
                fputs("  ", stdout);
                output_text(evidence[0]);
        }
        putchar('\n');
        for (char **line = evidence; run->cli->verbose && *line != NULL && *(line + 1) != NULL; line++) {
                printf("          ");
                output_text(line[1]);
                putchar('\n');
        }
        if (run->cli->verbose)
                print_verbose(check);
        fflush(stdout);
}

static void take_record(JobRun *run, GVariant *record) {
        Test *test = run->userdata;

        if (strcmp(attribute_string(record, "type"), "environment") == 0 && !run->cli->json)
                report_environment(record, opt_tap, run->cli->verbose);
        if (!record_is_check(record))
                return;
        count_for_kind(test, record);
        verdicts_count(&test->all, record);
        test->number++;
        if (run->cli->json)
                return;
        if (opt_tap)
                report_tap(record, test->number, run->cli->verbose);
        else
                print_check(run, record);
}

/* What outlives this run, and what changed since another. */
static ExitCode report(JobRun *run, GVariant *results, ExitCode code) {
        Test *test = run->userdata;
        g_autoptr(JsonNode) node = report_node(results, code == EXIT_CODE_DONE);
        g_auto(GStrv) claims = opt_claims != NULL ? g_strsplit(opt_claims, ",", -1) : NULL;
        AgainstAsked asked = { (const char *const *)test->kinds, (const char *const *)claims, code == EXIT_CODE_DONE };
        ExitCode saved = EXIT_CODE_DONE, written = EXIT_CODE_DONE;

        if (opt_save != NULL && code == EXIT_CODE_DONE)
                saved = saved_write(opt_save, node);
        if (test->before != NULL && test->number > 0) {
                JsonObject *against = against_compare(opt_against, test->before, node, &asked);
                if (!run->cli->json)
                        against_print(against, opt_tap ? "# " : "");
                json_object_set_object_member(json_node_get_object(node), "against", against);
        }
        if (run->cli->json)
                json_print(json_node_ref(node), true);
        if (opt_junit != NULL)
                written = report_junit(opt_junit, results, code == EXIT_CODE_DONE);
        return code != EXIT_CODE_DONE ? code : saved != EXIT_CODE_DONE ? saved : written;
}

static ExitCode conclude(JobRun *run, GVariant *results, ExitCode code) {
        Test *test = run->userdata;

        if (!run->cli->json && !opt_tap) {
                end_kind(test);
                print_verdicts(test, code == EXIT_CODE_DONE);
        }
        /* A plan would make what was cut off look whole. */
        if (opt_tap && code != EXIT_CODE_DONE)
                puts("Bail out! " TEST_CUT);
        else if (opt_tap)
                printf("1..%u\n", test->number);
        if (results == NULL) {
                if (opt_junit != NULL)
                        (void)report_junit(opt_junit, NULL, false);
                return code;
        }
        if (test->number == 0 && code == EXIT_CODE_DONE)
                say("there is no such claim to test; \"ipcctl kinds KIND\" lists them");
        if (run->cli->host == NULL)
                kept_store(results, test->began);
        code = report(run, results, code);
        if (code == EXIT_CODE_DONE && test->all.failed > 0)
                code = EXIT_CODE_CLAIM_FAILED;
        return code;
}

/* Before the time is spent: is there something to compare with, can what is asked for be written? */
static ExitCode prepare_files(Test *test) {
        ExitCode code = opt_against != NULL ? against_load(opt_against, &test->before) : EXIT_CODE_DONE;

        if (code == EXIT_CODE_DONE && opt_save != NULL)
                code = saved_check(opt_save);
        if (code == EXIT_CODE_DONE && opt_junit != NULL)
                code = saved_check(opt_junit);
        return code;
}

static ExitCode run(Cli *cli, char **words) {
        g_autoptr(Record) options = options_new();
        g_autoptr(GVariant) results = NULL;
        g_autoptr(GPtrArray) kinds = g_ptr_array_new_with_free_func(g_free);
        g_autoptr(GPtrArray) rows = g_ptr_array_new_with_free_func(kind_verdict_free);
        Test test = { .options = options, .rows = rows };
        JobRun job = { .cli = cli, .start = start, .record = take_record, .userdata = &test };

        if (opt_tap && cli->json)
                return say_usage("only one of --tap and --json can be given");
        for (; *words != NULL; words++)
                g_ptr_array_add(kinds, text_for_bus(*words));
        g_ptr_array_add(kinds, NULL);
        test.kinds = (char **)kinds->pdata;
        if (!options_flag(options, OPTION_STRINGS, "claims", opt_claims))
                return EXIT_CODE_USAGE;
        ExitCode code = prepare_files(&test);
        if (code != EXIT_CODE_DONE)
                return code;
        if (opt_tap)
                printf("TAP version 13\n");
        job.show_progress = !cli->json && !opt_tap;
        test.began = (guint64)g_get_real_time();
        code = job_run(&job, &results);
        code = conclude(&job, results, code);
        g_clear_pointer(&test.before, json_node_unref);
        return code;
}

const Verb verb_test = {
        .name = "test",
        .arguments = "[KIND...]",
        .summary = "Prove what kinds promise, between real processes",
        .details =
                "Without KIND all kinds are tested. Every line is one claim, with what was seen; --verbose shows "
                "all of\n"
                "the evidence. First it says where it runs (in full with --verbose), and of several kinds it\n"
                "ends with a verdict on each. The exit code is 5 where a claim does not hold here. Ctrl-C cancels.\n"
                "--against shows which claims have another result than in an earlier run, and what differs in the\n"
                "surroundings.\n\n"
                "Examples:\n  ipcctl test fifo\n  ipcctl test --tap\n  ipcctl test --save here.json\n"
                "  unshare -i -n ipcctl --embedded test --against here.json\n",
        .entries = entries,
        .run = run,
};
