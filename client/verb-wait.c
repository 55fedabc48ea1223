/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ipcctl wait: takes from a semaphore, locks a mutex; holds it while a command runs, or as long as is wanted. */
#include "cli.h"

#include <stdio.h>
#include <string.h>

#include "command.h"
#include "connection.h"
#include "errors.h"
#include "hold.h"
#include "kind.h"
#include "options.h"
#include "output.h"
#include "semaphore.h"

static char *opt_timeout, *opt_hold, *opt_index, *opt_operations;
static gboolean opt_undo, opt_zero;
static char **opt_options;

static const GOptionEntry entries[] = {
        { "timeout", 't', 0, G_OPTION_ARG_FILENAME, &opt_timeout, "Give up after this long (default: never)", "TIME" },
        { "hold", 0, 0, G_OPTION_ARG_FILENAME, &opt_hold,
                "How long the service holds what has to be held (none: until it is given back)", "TIME|none" },
        { "index", 'i', 0, G_OPTION_ARG_FILENAME, &opt_index, "Which semaphore of a set, from 0", "N" },
        { "zero", 'z', 0, G_OPTION_ARG_NONE, &opt_zero, "Wait until the value is 0, and take nothing", NULL },
        { "undo", 'u', 0, G_OPTION_ARG_NONE, &opt_undo, "Hold it: the kernel gives it back when the holder ends",
                NULL },
        { "operations", 0, 0, G_OPTION_ARG_FILENAME, &opt_operations, "Several at once: 0:-1,2:+1,1:0", "LIST" },
        { "option", 'o', 0, G_OPTION_ARG_FILENAME_ARRAY, &opt_options, "Another option of the kind", "NAME=VALUE" },
        { NULL },
};

/* While a command runs it is better held, where the kind knows how. */
static bool takes_undo(GVariant *description) {
        g_autoptr(GVariant) table = g_variant_lookup_value(description, "options", G_VARIANT_TYPE("aa{sv}"));
        GVariantIter iter;
        GVariant *entry;
        bool found = false;

        if (table == NULL)
                return false;
        g_variant_iter_init(&iter, table);
        while (g_variant_iter_loop(&iter, "@a{sv}", &entry)) {
                const char *name = NULL;
                found |= g_variant_lookup(entry, "name", "&s", &name) && strcmp(name, "undo") == 0;
        }
        return found;
}

/* What is taken from a set without the kernel's account could not be given back as it was taken. */
static ExitCode hold_for_command(GVariant *description, Record *options) {
        if (!takes_undo(description))
                return EXIT_CODE_DONE;
        if (!record_has(options, "undo"))
                record_set_bool(options, "undo", true);
        return record_get_bool(options, "undo", false)
                       ? EXIT_CODE_DONE
                       : say_usage("undo=false: with a command it is held and given back; without, use wait and post");
}

static ExitCode wait_options(Cli *cli, const char *address, const SemaphoreWait *wait, Record *options) {
        g_autofree char *kind = address_kind(address);
        g_autoptr(GVariant) description = NULL;

        if (!options_timeout(options, wait->timeout))
                return EXIT_CODE_USAGE;
        if (wait->command == NULL)
                return options_for_address(cli, address, "wait", wait->options, options);
        ExitCode code = kind_describe(cli, kind, &description);
        if (code == EXIT_CODE_DONE)
                code = options_words(description, "wait", wait->options, options);
        return code == EXIT_CODE_DONE ? hold_for_command(description, options) : code;
}

static ExitCode give_back(Cli *cli, const Hold *hold) {
        g_autoptr(Record) options = options_new();
        g_autoptr(GError) error = NULL;
        IpcbusManager *manager;

        if (hold->number > 0)
                return hold_give_back(cli, hold);
        ExitCode code = connection_manager(cli, &manager);
        if (code == EXIT_CODE_DONE && !ipcbus_manager_call_post_sync(manager, hold->address, hold->count,
                                              options_variant(options), WITHOUT_TIMEOUT, NULL, &error))
                code = fail_with(error, hold->address);
        return code;
}

static ExitCode run_command(Cli *cli, const Hold *hold, char **command) {
        int status = command_run(command);
        ExitCode code = give_back(cli, hold);

        return (ExitCode)(status == 0 && code != EXIT_CODE_DONE ? COMMAND_FAILED : status);
}

static ExitCode after(Cli *cli, const char *address, const SemaphoreWait *wait, GVariant *meta) {
        Hold hold = { .address = address, .count = 1 };
        const char *warning;

        if (g_variant_lookup(meta, "warning", "&s", &warning))
                say("%s", warning);
        g_variant_lookup(meta, "hold", "t", &hold.number);
        g_variant_lookup(meta, "holder", "t", &hold.holder);
        bool counted = g_variant_lookup(meta, "count", "t", &hold.count);
        if (wait->command != NULL)
                return run_command(cli, &hold, wait->command);
        /* Of a counter all was taken at once. */
        if (counted)
                printf("%" G_GUINT64_FORMAT "\n", hold.count);
        if (hold.number == 0)
                return EXIT_CODE_DONE;
        if (wait->hold == NULL)
                return hold_until_interrupted(cli, &hold);
        g_autofree char *until = strcmp(wait->hold, "none") == 0
                                         ? g_strdup("it is given back (ipcctl post)")
                                         : g_strdup_printf(
                                                   "it is given back (ipcctl post), %s at the most", wait->hold);
        hold_print(cli, &hold, until);
        return EXIT_CODE_DONE;
}

ExitCode semaphore_wait(Cli *cli, const char *address, const SemaphoreWait *wait) {
        g_autoptr(Record) options = options_new();
        g_autoptr(GVariant) meta = NULL;
        g_autoptr(GError) error = NULL;
        IpcbusManager *manager;
        ExitCode code = connection_manager(cli, &manager);

        if (code == EXIT_CODE_DONE)
                code = wait_options(cli, address, wait, options);
        if (code != EXIT_CODE_DONE)
                return code;
        if (wait->hold != NULL) {
                if (connection_is_embedded(cli))
                        return say_usage(
                                "--hold: the service ends with ipcctl here, and what it holds with it; give a "
                                "command to run meanwhile");
                record_set_string(options, "hold", wait->hold);
        }
        if (!ipcbus_manager_call_wait_sync(
                    manager, address, options_variant(options), WITHOUT_TIMEOUT, &meta, NULL, &error))
                return fail_with(error, address);
        return after(cli, address, wait, meta);
}

/* The flags are words of the kind's options, so that their types are the kind's. */
static char **option_words(void) {
        g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
        g_autofree char *index = opt_index != NULL ? g_strconcat("index=", opt_index, NULL) : NULL;
        g_autofree char *operations = opt_operations != NULL ? g_strconcat("operations=", opt_operations, NULL) : NULL;

        if (index != NULL)
                g_strv_builder_add(builder, index);
        if (operations != NULL)
                g_strv_builder_add(builder, operations);
        if (opt_zero)
                g_strv_builder_add(builder, "zero=true");
        if (opt_undo)
                g_strv_builder_add(builder, "undo=true");
        for (char **word = opt_options; word != NULL && *word != NULL; word++)
                g_strv_builder_add(builder, *word);
        return g_strv_builder_end(builder);
}

static ExitCode run_wait(Cli *cli, char **words) {
        g_autofree char *address = NULL;
        g_auto(GStrv) options = option_words();
        char **command = words + 1;

        if (*command != NULL && strcmp(*command, "--") == 0)
                command++;
        ExitCode code = address_find(cli, words[0], &address);
        if (code != EXIT_CODE_DONE)
                return code;
        if (*command != NULL && opt_hold != NULL)
                return say_usage("--hold is for without a command: it is held while the command runs");
        const SemaphoreWait wait = {
                .timeout = opt_timeout,
                .options = options,
                .hold = opt_hold,
                .command = *command != NULL ? command : NULL,
        };
        return semaphore_wait(cli, address, &wait);
}

const Verb verb_wait = {
        .name = "wait",
        .arguments = "ADDRESS [-- COMMAND...]",
        .summary = "Wait for a semaphore and take one from it; lock a mutex",
        .details =
                "TIME takes us, ms, s, m, h, d; a bare number is seconds. When it is over, the exit code is 6.\n\n"
                "With COMMAND it is held while that runs, and then given back; the exit code is the command's, or "
                "127\n"
                "where there is no such command, 126 where it cannot be executed.\n"
                "What only a process can hold (a mutex, what --undo takes) is held by one of the service: until this\n"
                "is interrupted, or with --hold for that long, after which ipcctl has returned.\n\n"
                "Examples:\n  ipcctl wait sem-posix:/ready --timeout 5s\n"
                "  ipcctl wait mutex:/jobs -- ./step.sh\n",
        .entries = entries,
        .words_min = 1,
        .words_max = 0,
        .run = run_wait,
};
