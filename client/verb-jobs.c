/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ipcctl jobs and ipcctl cancel. */
#include "cli.h"

#include "jobs.h"
#include "json.h"
#include "kind.h"
#include "options.h"
#include "output.h"
#include "table.h"
#include "units.h"

static char *age_text(guint64 since) {
        guint64 now = (guint64)g_get_real_time();
        char buffer[UNITS_TEXT_MAX];

        return g_strdup(time_print(now > since ? now - since : 0, buffer));
}

static void print_table(GPtrArray *jobs) {
        g_autoptr(Table) table = table_new(true);
        static const char *const columns[] = { "JOB", "KIND", "STATE", "PROGRESS", "OWNER", "AGE", "MESSAGE" };

        for (size_t i = 0; i < G_N_ELEMENTS(columns); i++)
                table_column(table, columns[i], i == 0 || i == 3);
        for (size_t i = 0; i < jobs->len; i++) {
                const JobInfo *job = jobs->pdata[i];
                g_autofree char *serial = g_strdup_printf("%" G_GUINT64_FORMAT, job->serial);
                g_autofree char *progress = g_strdup_printf("%d %%", (int)(job->progress * 100));
                g_autofree char *owner = user_name(job->owner), *age = age_text(job->started);
                const char *cells[] = { serial, job->kind, job->state, progress, owner, age, job->message };
                table_row(table, cells);
        }
        table_print(table, "");
}

static void print_json_array(GPtrArray *jobs) {
        JsonArray *array = json_array_new();

        for (size_t i = 0; i < jobs->len; i++) {
                const JobInfo *job = jobs->pdata[i];
                JsonObject *object = json_object_new();
                json_add_u64(object, "job", job->serial);
                json_add_string(object, "path", job->path);
                json_add_string(object, "kind", job->kind);
                json_add_string(object, "state", job->state);
                json_add(object, "progress", json_node_init_double(json_node_alloc(), job->progress));
                json_add_string(object, "message", job->message);
                json_add_u64(object, "owner", job->owner);
                json_add_u64(object, "started", job->started);
                json_add_u64(object, "ended", job->ended);
                json_array_add_element(array, json_node_of(object));
        }
        json_print(json_node_of_array(array), true);
}

static ExitCode run_jobs(Cli *cli, char **words) {
        g_autoptr(GPtrArray) jobs = NULL;
        ExitCode code;

        if (*words != NULL)
                return say_usage("too many words: usage: ipcctl jobs");
        code = jobs_load(cli, &jobs);
        if (code != EXIT_CODE_DONE)
                return code;
        if (cli->json)
                print_json_array(jobs);
        else
                print_table(jobs);
        return EXIT_CODE_DONE;
}

static ExitCode run_cancel(Cli *cli, char **words) {
        g_autofree char *text = text_for_bus(words[0]), *path = job_path(text);

        return path != NULL ? job_cancel(cli, path) : EXIT_CODE_USAGE;
}

const Verb verb_jobs = {
        .name = "jobs",
        .arguments = "",
        .summary = "Show the tests and benchmarks that run, and the last that ended",
        .details = "Example:\n  ipcctl jobs --json\n",
        .run = run_jobs,
};

const Verb verb_cancel = {
        .name = "cancel",
        .arguments = "JOB",
        .summary = "End a job",
        .details = "JOB is its number, as \"ipcctl jobs\" shows it, or its path on the bus.\n\n"
                   "Example:\n  ipcctl cancel 3\n",
        .words_min = 1,
        .words_max = 1,
        .run = run_cancel,
};
