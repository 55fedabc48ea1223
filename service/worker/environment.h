/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where this runs: the facts of machine and process that explain why a result differs from another. */
#pragma once

#include <stdbool.h>

#include "record.h"

/* Fills the keys that interfaces/org.ipcbus1.Job.xml lists for records of type "environment"; keeps what is in the
 * record already. */
void environment_describe(Record *record);
/* Adds mounts.files: what is known of the file system that `directory` is in. */
void environment_describe_files(Record *record, const char *directory);
