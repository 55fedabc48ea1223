/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ipcctl adopt: puts what others made on the bus, by its address or by a descriptor that the shell opened. */
#include "cli.h"

#include <stdio.h>
#include <string.h>

#include "connection.h"
#include "errors.h"
#include "json.h"
#include "kind.h"
#include "options.h"
#include "output.h"

static char *opt_fd;

static const GOptionEntry entries[] = {
        { "fd", 0, 0, G_OPTION_ARG_FILENAME, &opt_fd, "Adopt what this open descriptor refers to", "N" },
        { NULL },
};

/* The kind is not known here, so the values go as they were typed, and the service reads them. */
static ExitCode take_options(char **words, Record *options) {
        for (; *words != NULL; words++) {
                const char *equals = strchr(*words, '=');

                if (equals == NULL || equals == *words)
                        return say_usage("\"%s\" is no option: write NAME=VALUE, as hold=true", *words);
                g_autofree char *name = g_strndup(*words, (size_t)(equals - *words));
                g_autofree char *text = text_for_bus(equals + 1);
                record_set_string(options, name, text);
        }
        return EXIT_CODE_DONE;
}

static ExitCode print_adopted(const Cli *cli, const char *address, const char *path) {
        if (!cli->json) {
                printf("%s\n", address);
                if (cli->verbose)
                        printf("%s\n", path);
                return EXIT_CODE_DONE;
        }
        g_autofree char *kind = address_kind(address);
        JsonObject *object = json_object_new();
        json_add_string(object, "kind", kind);
        json_add_string(object, "address", address);
        json_add_string(object, "path", path);
        json_print(json_node_of(object), true);
        return EXIT_CODE_DONE;
}

static ExitCode adopt_fd(Cli *cli, IpcbusManager *manager, char **words) {
        g_autoptr(GUnixFDList) fds = g_unix_fd_list_new();
        g_autofree char *path = NULL, *address = NULL;
        g_autoptr(Record) options = options_new();
        g_autoptr(GError) error = NULL;
        ExitCode code = take_options(words, options);
        guint64 fd;

        if (code != EXIT_CODE_DONE)
                return code;
        if (!g_ascii_string_to_unsigned(opt_fd, 10, 0, G_MAXINT, &fd, NULL))
                return say_usage("--fd: '%s' is not the number of a descriptor", opt_fd);
        if (g_unix_fd_list_append(fds, (int)fd, &error) < 0)
                return say("descriptor %s cannot be given to the service: %s", opt_fd, error->message),
                       EXIT_CODE_USAGE;
        if (!ipcbus_manager_call_adopt_fd_sync(manager, g_variant_new_handle(0), options_variant(options),
                    WITHOUT_TIMEOUT, fds, &path, &address, NULL, NULL, &error))
                return fail_with(error, NULL);
        return print_adopted(cli, address, path);
}

static ExitCode adopt_address(Cli *cli, IpcbusManager *manager, char **words) {
        g_autofree char *path = NULL, *address = NULL, *canonical = NULL;
        g_autoptr(Record) options = options_new();
        g_autoptr(GError) error = NULL;
        ExitCode code = address_find(cli, words[0], &address);

        if (code == EXIT_CODE_DONE)
                code = options_for_address(cli, address, "adopt", words + 1, options);
        if (code != EXIT_CODE_DONE)
                return code;
        if (!ipcbus_manager_call_adopt_sync(
                    manager, address, options_variant(options), WITHOUT_TIMEOUT, &path, &canonical, NULL, &error))
                return fail_with(error, address);
        return print_adopted(cli, canonical, path);
}

static ExitCode run(Cli *cli, char **words) {
        IpcbusManager *manager;
        ExitCode code;

        if (opt_fd == NULL && words[0] == NULL)
                return say_usage("say what to adopt: an address, or --fd N");
        code = connection_manager(cli, &manager);
        if (code != EXIT_CODE_DONE)
                return code;
        if (opt_fd != NULL && !connection_passes_descriptors(cli))
                return say("--fd: this way to the service carries no descriptors; adopt by address instead"),
                       EXIT_CODE_NOT_SUPPORTED;
        return opt_fd != NULL ? adopt_fd(cli, manager, words) : adopt_address(cli, manager, words);
}

const Verb verb_adopt = {
        .name = "adopt",
        .arguments = "ADDRESS|--fd N [NAME=VALUE...]",
        .summary = "Put an object that others made on the bus",
        .details =
                "Prints its address. It is never removed by a lease, and \"ipcctl remove\" of what has no name only "
                "takes it\noff the bus. \"ipcctl kinds KIND\" lists the options of a kind.\n\n"
                "Examples:\n  ipcctl adopt fifo:/tmp/x\n  ipcctl adopt 'pipe:[81234]' hold=true\n"
                "  ipcctl adopt 'socket:[81235]'\n  ipcctl adopt --fd 3 3<>/tmp/x\n",
        .entries = entries,
        .run = run,
};
