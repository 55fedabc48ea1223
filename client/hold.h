/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a wait took and a process of the service holds: said, kept until this is interrupted, given back. */
#pragma once

#include <stdint.h>

#include "cli.h"

typedef struct Hold {
        const char *address;
        uint64_t number; /* of its job; 0: it is bound to no process */
        uint64_t holder; /* its process */
        uint64_t count;  /* how many were taken */
} Hold;

/* Says what is held, and until when (NULL: until this is interrupted). */
void hold_print(Cli *cli, const Hold *hold, const char *until);
/* Until SIGINT, SIGTERM or SIGHUP, or until it is over by itself, which is a failure. */
ExitCode hold_until_interrupted(Cli *cli, const Hold *hold);
ExitCode hold_give_back(Cli *cli, const Hold *hold);
