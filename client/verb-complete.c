/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ipcctl complete: what the completion of shells asks. Prints candidates, one a line, and nothing else: every error
 * ends in silence, because it would stand in the middle of the line that is being typed. */
#include "cli.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "advise-needs.h"
#include "attributes.h"
#include "connection.h"
#include "jobs.h"
#include "kind.h"
#include "options.h"

static void print_verbs(void) {
        for (const Verb *const *verb = verb_table; *verb != NULL; verb++)
                if (!(*verb)->hidden)
                        printf("%s\n", (*verb)->name);
}

/* "--priority=" for what takes a value. */
static void print_entries(const GOptionEntry *entries) {
        for (; entries != NULL && entries->long_name != NULL; entries++)
                printf("--%s%s\n", entries->long_name, entries->arg == G_OPTION_ARG_NONE ? "" : "=");
}

static ExitCode print_flags(const char *name) {
        const Verb *verb = name != NULL ? verb_find(name) : NULL;

        if (verb != NULL)
                print_entries(verb->entries);
        print_entries(cli_entries);
        return EXIT_CODE_DONE;
}

static void print_needs(void) {
        for (size_t i = 0; i < need_table_size; i++)
                if (!need_table[i].of_purpose)
                        printf("%s\n", need_table[i].name);
}

static ExitCode print_kinds(Cli *cli) {
        g_auto(GStrv) kinds = NULL;
        ExitCode code = kind_list(cli, &kinds);

        for (char **kind = kinds; code == EXIT_CODE_DONE && *kind != NULL; kind++)
                printf("%s\n", *kind);
        return code;
}

static ExitCode print_options(Cli *cli, const char *kind, const char *use) {
        g_autoptr(GVariant) description = NULL, options = NULL;
        GVariantIter iter;
        GVariant *option;

        if (kind == NULL || use == NULL || kind_describe(cli, kind, &description) != EXIT_CODE_DONE)
                return EXIT_CODE_FAILED;
        options = g_variant_lookup_value(description, "options", G_VARIANT_TYPE("aa{sv}"));
        if (options == NULL)
                return EXIT_CODE_DONE;
        g_variant_iter_init(&iter, options);
        while (g_variant_iter_loop(&iter, "@a{sv}", &option)) {
                g_autofree const char **uses = NULL;
                if (!g_variant_lookup(option, "uses", "^a&s", &uses) || g_strv_contains(uses, use))
                        printf("%s=\n", attribute_string(option, "name"));
        }
        return EXIT_CODE_DONE;
}

/* Of one kind, or of all: what the machine has now. */
static ExitCode print_addresses(Cli *cli, const char *kind) {
        g_autoptr(Record) filter = options_new();
        g_autoptr(GVariant) objects = NULL;
        IpcbusManager *manager;
        GVariantIter iter;
        GVariant *row;

        if (kind != NULL)
                record_set_strings(filter, "kinds", &kind, 1);
        if (connection_manager(cli, &manager) != EXIT_CODE_DONE ||
                !ipcbus_manager_call_list_kernel_objects_sync(
                        manager, options_variant(filter), WITHOUT_TIMEOUT, &objects, NULL, NULL))
                return EXIT_CODE_FAILED;
        g_variant_iter_init(&iter, objects);
        while (g_variant_iter_loop(&iter, "@a{sv}", &row))
                if (*attribute_string(row, "address") != '\0')
                        printf("%s\n", attribute_string(row, "address"));
        return EXIT_CODE_DONE;
}

static ExitCode print_jobs(Cli *cli) {
        g_autoptr(GPtrArray) jobs = NULL;
        ExitCode code = jobs_load(cli, &jobs);

        for (guint i = 0; code == EXIT_CODE_DONE && i < jobs->len; i++) {
                const JobInfo *job = jobs->pdata[i];
                if (strcmp(job->state, "running") == 0)
                        printf("%" G_GUINT64_FORMAT "\n", job->serial);
        }
        return code;
}

static ExitCode run(Cli *cli, char **words) {
        const char *argument = words[1];
        int quiet = open("/dev/null", O_WRONLY | O_CLOEXEC);

        if (quiet >= 0 && dup2(quiet, STDERR_FILENO) >= 0)
                close(quiet);
        if (strcmp(words[0], "verbs") == 0)
                return print_verbs(), EXIT_CODE_DONE;
        if (strcmp(words[0], "flags") == 0)
                return print_flags(argument);
        if (strcmp(words[0], "needs") == 0)
                return print_needs(), EXIT_CODE_DONE;
        if (strcmp(words[0], "kinds") == 0)
                return print_kinds(cli);
        if (strcmp(words[0], "options") == 0)
                return print_options(cli, argument, argument != NULL ? words[2] : NULL);
        if (strcmp(words[0], "addresses") == 0)
                return print_addresses(cli, argument);
        if (strcmp(words[0], "jobs") == 0)
                return print_jobs(cli);
        return EXIT_CODE_USAGE;
}

const Verb verb_complete = {
        .name = "complete",
        .arguments = "verbs|flags [VERB]|kinds|needs|options KIND USE|addresses [KIND]|jobs",
        .summary = "Print candidates for the completion of shells",
        .words_min = 1,
        .words_max = 3,
        .hidden = true,
        .run = run,
};
