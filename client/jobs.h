/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The jobs that the service runs and remembers. */
#pragma once

#include <gio/gio.h>

#include "cli.h"

typedef struct JobInfo {
        guint64 serial;
        char *path, *kind, *state, *message;
        guint32 owner;
        guint64 started, ended;
        double progress;
        GVariant *properties; /* a{sv} */
} JobInfo;

/* All, by serial number. Elements are JobInfo. */
ExitCode jobs_load(Cli *cli, GPtrArray **ret_jobs);
/* Its records so far: aa{sv}. */
ExitCode job_results(Cli *cli, const char *path, GVariant **ret_results);
/* A serial number or a path to a path. NULL, having said why. The caller frees it. */
char *job_path(const char *text);
guint64 job_serial(const char *path);
ExitCode job_cancel(Cli *cli, const char *path);
