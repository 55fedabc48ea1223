/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ipcctl create: sets up a kernel object and prints its address. */
#include "cli.h"

#include <stdio.h>

#include "connection.h"
#include "errors.h"
#include "json.h"
#include "kind.h"
#include "options.h"

static ExitCode run(Cli *cli, char **words) {
        g_autofree char *kind = text_for_bus(words[0]), *path = NULL, *address = NULL;
        g_autoptr(GVariant) description = NULL;
        g_autoptr(Record) options = options_new();
        g_autoptr(GError) error = NULL;
        IpcbusManager *manager;
        ExitCode code = kind_describe(cli, kind, &description);

        if (code == EXIT_CODE_DONE)
                code = options_words(description, "create", words + 1, options);
        if (code == EXIT_CODE_DONE)
                code = connection_manager(cli, &manager);
        if (code != EXIT_CODE_DONE)
                return code;
        if (!ipcbus_manager_call_create_sync(
                    manager, kind, options_variant(options), WITHOUT_TIMEOUT, &path, &address, NULL, &error))
                return fail_with(error, NULL);
        if (!cli->json) {
                printf("%s\n", address);
                if (cli->verbose)
                        printf("%s\n", path);
                return EXIT_CODE_DONE;
        }
        JsonObject *object = json_object_new();
        json_add_string(object, "kind", kind);
        json_add_string(object, "address", address);
        json_add_string(object, "path", path);
        json_print(json_node_of(object), true);
        return EXIT_CODE_DONE;
}

const Verb verb_create = {
        .name = "create",
        .arguments = "KIND [NAME=VALUE...]",
        .summary = "Set up an object and print its address",
        .details = "\"ipcctl kinds KIND\" lists the options of a kind. For all of them: lease=none (the default: "
                   "until it\n"
                   "is removed), lease=30s or another time from now, lease=caller (ends with this command).\n"
                   "--verbose prints the path on the bus on a second line.\n\n"
                   "Examples:\n  ipcctl create mq-posix name=/jobs\n  ipcctl create shm-posix name=/table size=1M "
                   "mode=0600 "
                   "lease=1h\n",
        .words_min = 1,
        .run = run,
};
