/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ipcctl show, who and explain: one object in full, its holders, and whether it can be opened. */
#include "cli.h"

#include <stdio.h>
#include <string.h>

#include "attributes.h"
#include "connection.h"
#include "errors.h"
#include "json.h"
#include "kind.h"
#include "options.h"
#include "output.h"
#include "table.h"

static char *opt_for;

static const GOptionEntry explain_entries[] = {
        { "for", 0, 0, G_OPTION_ARG_FILENAME, &opt_for, "For this user (default: who asks)", "USER" },
        { NULL },
};

static void print_attributes(GVariant *attributes) {
        g_autoptr(Table) table = table_new(false);
        GVariantIter iter;
        GVariant *value;
        const char *key;

        table_column(table, "key", false);
        table_column(table, "value", false);
        g_variant_iter_init(&iter, attributes);
        while (g_variant_iter_loop(&iter, "{&sv}", &key, &value)) {
                if (strcmp(key, "holders") == 0 || strcmp(key, "holders_complete") == 0 ||
                        strcmp(key, "holders_unknown") == 0 || g_str_has_prefix(key, "process"))
                        continue;
                g_autofree char *text = attribute_text(key, value);
                table_row(table, (const char *[]){ key, text });
        }
        table_print(table, "");
}

static void say_unread(GVariant *attributes) {
        guint64 all = 0, unread = 0, pid = 0;

        g_variant_lookup(attributes, "processes", "t", &all);
        g_variant_lookup(attributes, "processes_unread", "t", &unread);
        g_variant_lookup(attributes, "process_unread", "t", &pid);
        if (pid > 0)
                say("one process of %" G_GUINT64_FORMAT " could not be looked into, pid %" G_GUINT64_FORMAT
                    ": it may be one more holder",
                        all, pid);
        else
                say("%" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT
                    " processes could not be looked into: there may be more holders",
                        unread, all);
}

static void print_holders(GVariant *attributes) {
        g_autoptr(GVariant) holders = g_variant_lookup_value(attributes, "holders", G_VARIANT_TYPE("aa{sv}"));
        gboolean complete = TRUE, unknown = FALSE;

        g_variant_lookup(attributes, "holders_unknown", "b", &unknown);
        if (unknown) {
                printf("holders: unknown, the kernel does not tell who uses it\n");
                return;
        }
        g_variant_lookup(attributes, "holders_complete", "b", &complete);
        if (holders != NULL && g_variant_n_children(holders) > 0) {
                printf("holders:\n");
                holders_print(holders, true, "  ");
        } else
                printf("holders: %s\n", complete ? "none" : "none that can be seen");
        if (!complete)
                say_unread(attributes);
}

static ExitCode run_show(Cli *cli, char **words) {
        g_autofree char *address = NULL;
        g_autoptr(GVariant) attributes = NULL;
        g_autoptr(GError) error = NULL;
        IpcbusManager *manager;
        ExitCode code = address_check(words[0], &address);

        if (code == EXIT_CODE_DONE)
                code = connection_manager(cli, &manager);
        if (code != EXIT_CODE_DONE)
                return code;
        if (!ipcbus_manager_call_describe_sync(manager, address, WITHOUT_TIMEOUT, &attributes, NULL, &error))
                return fail_with(error, address);
        if (cli->json) {
                json_print(json_from_variant(attributes), true);
                return EXIT_CODE_DONE;
        }
        print_attributes(attributes);
        print_holders(attributes);
        return EXIT_CODE_DONE;
}

static ExitCode run_who(Cli *cli, char **words) {
        g_autofree char *address = NULL;
        g_autoptr(GVariant) holders = NULL, attributes = NULL;
        g_autoptr(GError) error = NULL;
        IpcbusManager *manager;
        ExitCode code = address_check(words[0], &address);

        if (code == EXIT_CODE_DONE)
                code = connection_manager(cli, &manager);
        if (code != EXIT_CODE_DONE)
                return code;
        if (!ipcbus_manager_call_list_holders_sync(manager, address, WITHOUT_TIMEOUT, &holders, NULL, &error))
                return fail_with(error, address);
        if (cli->json)
                json_print(json_from_variant(holders), true);
        else if (g_variant_n_children(holders) > 0)
                holders_print(holders, true, "");
        else if (ipcbus_manager_call_describe_sync(manager, address, WITHOUT_TIMEOUT, &attributes, NULL, &error))
                print_holders(attributes); /* why it is nobody */
        else
                return fail_with(error, address);
        return EXIT_CODE_DONE;
}

static void print_verdict(GVariant *verdict) {
        g_autoptr(GVariant) steps = g_variant_lookup_value(verdict, "steps", G_VARIANT_TYPE("aa{sv}"));
        g_autoptr(Table) table = table_new(false);
        GVariantIter iter;
        GVariant *step;

        output_text(attribute_string(verdict, "summary"));
        putchar('\n');
        if (steps == NULL)
                return;
        for (size_t i = 0; i < 3; i++)
                table_column(table, "", false);
        g_variant_iter_init(&iter, steps);
        while (g_variant_iter_loop(&iter, "@a{sv}", &step))
                table_row(table, (const char *[]){ attribute_string(step, "result"), attribute_string(step, "step"),
                                         attribute_string(step, "detail") });
        table_print(table, "  ");
}

static ExitCode run_explain(Cli *cli, char **words) {
        g_autofree char *address = NULL;
        g_autoptr(Record) options = options_new();
        g_autoptr(GVariant) verdict = NULL;
        g_autoptr(GError) error = NULL;
        IpcbusManager *manager;
        ExitCode code = address_check(words[0], &address);

        if (code == EXIT_CODE_DONE)
                code = connection_manager(cli, &manager);
        if (code != EXIT_CODE_DONE)
                return code;
        if (opt_for != NULL) {
                g_autofree char *user = text_for_bus(opt_for);
                record_set_string(options, "for", user);
        }
        if (!ipcbus_manager_call_explain_sync(
                    manager, address, options_variant(options), WITHOUT_TIMEOUT, &verdict, NULL, &error))
                return fail_with(error, address);
        if (cli->json)
                json_print(json_from_variant(verdict), true);
        else
                print_verdict(verdict);
        return EXIT_CODE_DONE;
}

const Verb verb_show = {
        .name = "show",
        .arguments = "ADDRESS",
        .summary = "Show everything about one object: attributes, limits, who holds it and how",
        .details = "Example:\n  ipcctl show shm-posix:/table\n",
        .words_min = 1,
        .words_max = 1,
        .run = run_show,
};

const Verb verb_who = {
        .name = "who",
        .arguments = "ADDRESS",
        .summary = "Show who holds an object, also the far end of a pipe or socket",
        .details = "Example:\n  ipcctl who fifo:/tmp/x\n",
        .words_min = 1,
        .words_max = 1,
        .run = run_who,
};

const Verb verb_explain = {
        .name = "explain",
        .arguments = "ADDRESS",
        .summary = "Can an object be used, or made, and what stands in the way",
        .details = "Each use is tried as that user, so that nobody else notices. The answer is in what is "
                   "printed, not in the exit code.\n\n"
                   "Example:\n  ipcctl explain mq-posix:/jobs --for www-data\n",
        .entries = explain_entries,
        .words_min = 1,
        .words_max = 1,
        .run = run_explain,
};
