/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Waiting for a semaphore, as `wait` and as `receive` from one. */
#pragma once

#include "cli.h"

/* `timeout` as it was typed, or NULL: for ever. `options`: NAME=VALUE words, or NULL. */
ExitCode semaphore_wait(Cli *cli, const char *address, const char *timeout, char *const *options);
