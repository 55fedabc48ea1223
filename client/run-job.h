/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Runs a test or a benchmark of the service to its end, from the first record on. Ctrl-C cancels it. */
#pragma once

#include <gio/gio.h>
#include <stdbool.h>

#include "cli.h"
#include "connection.h"

typedef struct JobRun JobRun;
struct JobRun {
        Cli *cli;
        /* Makes the call that starts it. */
        gboolean (*start)(JobRun *run, IpcbusManager *manager, char **ret_path, GError **error);
        /* Each record as it comes; NULL: wait for the whole. */
        void (*record)(JobRun *run, GVariant *record);
        bool show_progress; /* one line on standard error, where that is a terminal */
        void *userdata;
};

enum { EXIT_INTERRUPTED = 130 }; /* as a shell shows the end by SIGINT */

/* Fills *ret_results (aa{sv}) where the job came to its end. A job that failed or was cancelled is said, and is not
 * EXIT_CODE_DONE; what it found until then is in *ret_results all the same, which may be NULL. */
ExitCode job_run(JobRun *run, GVariant **ret_results);
