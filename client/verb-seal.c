/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ipcctl seal: forbids for ever what may be done to a memory file. Prints nothing. */
#include "cli.h"

#include "connection.h"
#include "errors.h"
#include "kind.h"

static ExitCode run(Cli *cli, char **words) {
        g_autoptr(GPtrArray) seals = g_ptr_array_new_with_free_func(g_free);
        g_autofree char *address = NULL;
        g_autoptr(GError) error = NULL;
        IpcbusManager *manager;
        ExitCode code = address_check(words[0], &address);

        if (code == EXIT_CODE_DONE)
                code = connection_manager(cli, &manager);
        if (code != EXIT_CODE_DONE)
                return code;
        for (char **word = words + 1; *word != NULL; word++)
                g_ptr_array_add(seals, text_for_bus(*word));
        g_ptr_array_add(seals, NULL);
        if (!ipcbus_manager_call_seal_sync(
                    manager, address, (const char *const *)seals->pdata, WITHOUT_TIMEOUT, NULL, &error))
                return fail_with(error, address);
        return EXIT_CODE_DONE;
}

const Verb verb_seal = {
        .name = "seal",
        .arguments = "ADDRESS SEAL...",
        .summary = "Forbid for ever what may be done to a memory file",
        .details = "SEAL is shrink, grow, write, future-write (leaves mappings that are there), exec, or seal, after "
                   "which no more can be added. Nobody can take a seal off.\n\n"
                   "Example:\n  ipcctl seal memfd:[81234] shrink grow seal\n",
        .words_min = 2,
        .run = run,
};
