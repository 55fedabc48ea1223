/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The parts of environment.c. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "record.h"

/* The value of the first line that begins with `key`, without quotes around it. */
bool environment_line(const char *path, const char *key, char *value, size_t size);
/* Sysctls, mounts. */
void environment_describe_system(Record *record);
/* Control group, its limits, and the unit. */
void environment_describe_cgroup(Record *record);
/* Namespaces, user, capabilities, filters, limits of this process. */
void environment_describe_process(Record *record);
