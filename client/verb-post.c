/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ipcctl post: adds to a semaphore, unlocks a mutex, gives back what is held. */
#include "cli.h"

#include "connection.h"
#include "errors.h"
#include "kind.h"
#include "options.h"

static char *opt_hold, *opt_index, *opt_operations, *opt_set;
static char **opt_options;

static const GOptionEntry entries[] = {
        { "index", 'i', 0, G_OPTION_ARG_FILENAME, &opt_index, "Which semaphore of a set, from 0", "N" },
        { "set", 's', 0, G_OPTION_ARG_FILENAME, &opt_set, "Set the value instead, or those of a whole set",
                "N[,N...]" },
        { "operations", 0, 0, G_OPTION_ARG_FILENAME, &opt_operations, "Several at once: 0:+1,2:+3", "LIST" },
        { "hold", 0, 0, G_OPTION_ARG_FILENAME, &opt_hold, "Give back what this hold has (see wait and jobs)", "N" },
        { "option", 'o', 0, G_OPTION_ARG_FILENAME_ARRAY, &opt_options, "Another option of the kind", "NAME=VALUE" },
        { NULL },
};

static void add_word(GStrvBuilder *builder, const char *name, const char *value) {
        if (value == NULL)
                return;
        g_autofree char *word = g_strconcat(name, "=", value, NULL);
        g_strv_builder_add(builder, word);
}

static ExitCode post_options(Cli *cli, const char *address, Record *options) {
        g_autoptr(GStrvBuilder) builder = g_strv_builder_new();

        add_word(builder, "index", opt_index);
        add_word(builder, "set", opt_set);
        add_word(builder, "operations", opt_operations);
        for (char **word = opt_options; word != NULL && *word != NULL; word++)
                g_strv_builder_add(builder, *word);
        g_auto(GStrv) words = g_strv_builder_end(builder);
        if (!options_flag(options, OPTION_COUNT, "hold", opt_hold))
                return EXIT_CODE_USAGE;
        return options_for_address(cli, address, "post", words, options);
}

static ExitCode run_post(Cli *cli, char **words) {
        g_autofree char *address = NULL;
        g_autoptr(Record) options = options_new();
        g_autoptr(GError) error = NULL;
        IpcbusManager *manager;
        uint64_t count;
        ExitCode code = address_find(cli, words[0], &address);

        if (code != EXIT_CODE_DONE)
                return code;
        if (!options_number(OPTION_COUNT, "count", words[1], 1, &count))
                return EXIT_CODE_USAGE;
        code = post_options(cli, address, options);
        if (code == EXIT_CODE_DONE)
                code = connection_manager(cli, &manager);
        if (code == EXIT_CODE_DONE && !ipcbus_manager_call_post_sync(manager, address, count, options_variant(options),
                                              WITHOUT_TIMEOUT, NULL, &error))
                code = fail_with(error, address);
        return code;
}

const Verb verb_post = {
        .name = "post",
        .arguments = "ADDRESS [N]",
        .summary = "Add to a semaphore; unlock a mutex that is held here",
        .details = "Only its owner unlocks a mutex: here that is the hold that \"ipcctl wait\" made.\n\n"
                   "Examples:\n  ipcctl post sem-posix:/ready 3\n  ipcctl post sem-sysv:key=0x1234 --index 2\n",
        .entries = entries,
        .words_min = 1,
        .words_max = 2,
        .run = run_post,
};
