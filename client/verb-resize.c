/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ipcctl resize: another size for memory, a pipe or a queue. Prints nothing. */
#include "cli.h"

#include "connection.h"
#include "errors.h"
#include "kind.h"
#include "options.h"

static ExitCode run(Cli *cli, char **words) {
        g_autofree char *address = NULL;
        g_autoptr(GError) error = NULL;
        IpcbusManager *manager;
        uint64_t size;
        ExitCode code = address_check(words[0], &address);

        if (code != EXIT_CODE_DONE)
                return code;
        if (!options_number(OPTION_SIZE, "size", words[1], 0, &size))
                return EXIT_CODE_USAGE;
        code = connection_manager(cli, &manager);
        if (code == EXIT_CODE_DONE &&
                !ipcbus_manager_call_resize_sync(manager, address, size, WITHOUT_TIMEOUT, NULL, &error))
                code = fail_with(error, address);
        return code;
}

const Verb verb_resize = {
        .name = "resize",
        .arguments = "ADDRESS SIZE",
        .summary = "Give memory another size, a pipe or System V queue another capacity",
        .details = "What is cut off memory is lost, what is added is zero. A pipe's capacity is rounded up to\n"
                   "pages; that of a FIFO can be set while the service holds it (hold=true). SIZE takes K, M, G.\n\n"
                   "Example:\n  ipcctl resize shm-posix:/table 64M\n",
        .words_min = 2,
        .words_max = 2,
        .run = run,
};
