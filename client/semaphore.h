/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Waiting for a semaphore or a mutex, as `wait` and as `receive` from one; and holding what was taken. */
#pragma once

#include "cli.h"

typedef struct SemaphoreWait {
        const char *timeout;  /* as it was typed, or NULL: for ever */
        char *const *options; /* NAME=VALUE words, or NULL */
        const char *hold;     /* how long; NULL: until interrupted, where something is to be held */
        char **command;       /* to run meanwhile, or NULL */
} SemaphoreWait;

ExitCode semaphore_wait(Cli *cli, const char *address, const SemaphoreWait *wait);
