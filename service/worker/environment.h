/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where this runs: the facts of machine and process that explain why a result differs from another. */
#pragma once

#include <stdbool.h>

#include "record.h"

/* Fills keys kernel, machine, distribution, container, user, uid, capabilities, seccomp, cpus, limits.…; keeps what is
 * in the record already. */
void environment_describe(Record *record);
