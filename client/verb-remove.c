/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ipcctl remove: removes kernel objects, ours or not. One that cannot be removed does not keep the others. */
#include "cli.h"

#include "connection.h"
#include "errors.h"
#include "kind.h"

static ExitCode remove_one(Cli *cli, const char *word) {
        g_autofree char *address = NULL;
        g_autoptr(GError) error = NULL;
        IpcbusManager *manager;
        ExitCode code = address_check(word, &address);

        if (code == EXIT_CODE_DONE)
                code = connection_manager(cli, &manager);
        if (code == EXIT_CODE_DONE &&
                !ipcbus_manager_call_remove_sync(manager, address, WITHOUT_TIMEOUT, NULL, &error))
                code = fail_with(error, address);
        return code;
}

static ExitCode run(Cli *cli, char **words) {
        ExitCode first = EXIT_CODE_DONE;

        for (; *words != NULL; words++) {
                ExitCode code = remove_one(cli, *words);
                if (first == EXIT_CODE_DONE)
                        first = code;
        }
        return first;
}

const Verb verb_remove = {
        .name = "remove",
        .alias = "rm",
        .arguments = "ADDRESS...",
        .summary = "Remove objects",
        .details = "Goes on after one that cannot be removed; the exit code is that of the first such.\n\n"
                   "Example:\n  ipcctl remove mq-posix:/jobs fifo:/tmp/x\n",
        .words_min = 1,
        .run = run,
};
