/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ipcctl post and ipcctl wait: semaphores. */
#include "cli.h"

#include <stdio.h>

#include "connection.h"
#include "errors.h"
#include "kind.h"
#include "options.h"
#include "output.h"
#include "semaphore.h"

static char *opt_timeout;
static char **opt_options;

#define OPTION_ENTRY \
        { "option", 'o', 0, G_OPTION_ARG_FILENAME_ARRAY, &opt_options, "An option of the kind", "NAME=VALUE" }

static const GOptionEntry post_entries[] = {
        OPTION_ENTRY,
        { NULL },
};

static const GOptionEntry wait_entries[] = {
        { "timeout", 't', 0, G_OPTION_ARG_FILENAME, &opt_timeout, "Give up after this long (default: never)", "TIME" },
        OPTION_ENTRY,
        { NULL },
};

static ExitCode run_post(Cli *cli, char **words) {
        g_autofree char *address = NULL;
        g_autoptr(Record) options = options_new();
        g_autoptr(GError) error = NULL;
        IpcbusManager *manager;
        uint64_t count;
        ExitCode code = address_check(words[0], &address);

        if (code != EXIT_CODE_DONE)
                return code;
        if (!options_number(OPTION_COUNT, "count", words[1], 1, &count))
                return EXIT_CODE_USAGE;
        code = options_for_address(cli, address, "post", opt_options, options);
        if (code == EXIT_CODE_DONE)
                code = connection_manager(cli, &manager);
        if (code == EXIT_CODE_DONE && !ipcbus_manager_call_post_sync(manager, address, count, options_variant(options),
                                              WITHOUT_TIMEOUT, NULL, &error))
                code = fail_with(error, address);
        return code;
}

ExitCode semaphore_wait(Cli *cli, const char *address, const char *timeout, char *const *words) {
        g_autoptr(Record) options = options_new();
        g_autoptr(GVariant) meta = NULL;
        g_autoptr(GError) error = NULL;
        const char *warning;
        guint64 count;
        IpcbusManager *manager;

        if (!options_timeout(options, timeout))
                return EXIT_CODE_USAGE;
        ExitCode code = options_for_address(cli, address, "wait", words, options);
        if (code == EXIT_CODE_DONE)
                code = connection_manager(cli, &manager);
        if (code == EXIT_CODE_DONE && !ipcbus_manager_call_wait_sync(manager, address, options_variant(options),
                                              WITHOUT_TIMEOUT, &meta, NULL, &error))
                code = fail_with(error, address);
        /* Of a counter all was taken at once. */
        if (code == EXIT_CODE_DONE && g_variant_lookup(meta, "count", "t", &count))
                printf("%" G_GUINT64_FORMAT "\n", count);
        if (code == EXIT_CODE_DONE && g_variant_lookup(meta, "warning", "&s", &warning))
                say("%s", warning);
        return code;
}

static ExitCode run_wait(Cli *cli, char **words) {
        g_autofree char *address = NULL;
        ExitCode code = address_check(words[0], &address);

        return code == EXIT_CODE_DONE ? semaphore_wait(cli, address, opt_timeout, opt_options) : code;
}

const Verb verb_post = {
        .name = "post",
        .arguments = "ADDRESS [N]",
        .summary = "Add to a semaphore",
        .details = "Example:\n  ipcctl post sem-posix:/ready 3\n",
        .entries = post_entries,
        .words_min = 1,
        .words_max = 2,
        .run = run_post,
};

const Verb verb_wait = {
        .name = "wait",
        .arguments = "ADDRESS",
        .summary = "Wait for a semaphore and take one from it",
        .details = "TIME takes us, ms, s, m, h, d; a bare number is seconds. When it is over, the exit code is 6.\n\n"
                   "Example:\n  ipcctl wait sem-posix:/ready --timeout 5s\n",
        .entries = wait_entries,
        .words_min = 1,
        .words_max = 1,
        .run = run_wait,
};
