/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ipcctl signal: sends a signal to a process, or shows what it does with them. */
#include "cli.h"

#include <stdio.h>

#include "connection.h"
#include "errors.h"
#include "json.h"
#include "kind.h"
#include "options.h"
#include "output.h"
#include "units.h"

static char *opt_value;
static gboolean opt_confirm;

static const GOptionEntry entries[] = {
        { "value", 0, 0, G_OPTION_ARG_FILENAME, &opt_value, "Goes along with the signal (default: 0)", "N" },
        { "confirm", 0, 0, G_OPTION_ARG_NONE, &opt_confirm,
                "Also to process 1, to ipcbus itself and to what started it", NULL },
        { NULL },
};

/* A pid, or the address of a process. The caller frees it. */
static char *process_address(const char *word) {
        g_autofree char *kind = address_kind(word);
        uint64_t pid;

        if (g_str_equal(kind, "signal"))
                return g_strdup(word);
        if (*word == '-' || g_str_equal(word, "0")) {
                say("%s stands for a group of processes, or for all of them (kill(2)); signals go to one process, by "
                    "its "
                    "number",
                        word);
                return NULL;
        }
        if (number_parse(word, &pid) < 0) {
                say("\"%s\" is no process: give its number, as 1234", word);
                return NULL;
        }
        return g_strdup_printf("signal:%" G_GUINT64_FORMAT, pid);
}

static ExitCode send_signal(Cli *cli, const char *address, const char *signal) {
        g_autofree char *name = text_for_bus(signal);
        g_autoptr(Record) options = options_new();
        g_autoptr(GError) error = NULL;
        IpcbusManager *manager;
        guint64 sent;

        record_set_string(options, "signal", name);
        if (!options_flag(options, OPTION_INTEGER, "value", opt_value))
                return EXIT_CODE_USAGE;
        if (opt_confirm)
                record_set_bool(options, "confirm", true);
        ExitCode code = connection_manager(cli, &manager);
        if (code != EXIT_CODE_DONE)
                return code;
        GVariant *nothing = g_variant_new_fixed_array(G_VARIANT_TYPE_BYTE, NULL, 0, 1);
        if (!ipcbus_manager_call_send_sync(
                    manager, address, nothing, options_variant(options), WITHOUT_TIMEOUT, &sent, NULL, &error))
                return fail_with(error, address);
        return EXIT_CODE_DONE;
}

static void print_set(GVariant *attributes, const char *name) {
        g_autofree const char **signals = NULL;

        if (!g_variant_lookup(attributes, name, "^a&s", &signals))
                return;
        g_autofree char *list = g_strjoinv(" ", (char **)signals);
        printf("%-8s  %s\n", name, *list != '\0' ? list : "-");
}

static ExitCode show_sets(Cli *cli, const char *address) {
        static const char *const sets[] = { "blocked", "ignored", "caught", "pending" };
        g_autoptr(GVariant) attributes = NULL;
        g_autoptr(GError) error = NULL;
        IpcbusManager *manager;
        ExitCode code = connection_manager(cli, &manager);

        if (code != EXIT_CODE_DONE)
                return code;
        if (!ipcbus_manager_call_describe_sync(manager, address, WITHOUT_TIMEOUT, &attributes, NULL, &error))
                return fail_with(error, address);
        if (cli->json)
                json_print(json_from_variant(attributes), true);
        else
                for (size_t i = 0; i < G_N_ELEMENTS(sets); i++)
                        print_set(attributes, sets[i]);
        return EXIT_CODE_DONE;
}

static ExitCode run(Cli *cli, char **words) {
        g_autofree char *typed = process_address(words[0]), *address = NULL;
        ExitCode code = typed != NULL ? address_check(typed, &address) : EXIT_CODE_USAGE;

        if (code != EXIT_CODE_DONE)
                return code;
        if (words[1] != NULL)
                return send_signal(cli, address, words[1]);
        if (opt_value != NULL)
                return say_usage("--value goes along with a signal: name the signal");
        return show_sets(cli, address);
}

const Verb verb_signal = {
        .name = "signal",
        .arguments = "PID [SIGNAL]",
        .summary = "Send a signal to a process, or show what it blocks, ignores and catches",
        .details = "SIGNAL is a name with or without SIG, as USR1 or RTMIN+2, or a number. Only real-time signals "
                   "queue;\n"
                   "a second one of the others merges with the first.\n\n"
                   "Examples:\n  ipcctl signal 1234 RTMIN+2 --value 42\n  ipcctl signal 1234\n",
        .entries = entries,
        .words_min = 1,
        .words_max = 2,
        .run = run,
};
