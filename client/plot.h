/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Pictures of a run, by a program of their own (client/plot/): what draws loads thirty libraries, which no other use
 * of ipcctl should wait for. */
#pragma once

#include <json-glib/json-glib.h>

#include "protocol.h"

/* Before time is spent: is there a picture of that ending, could it be written, is there who draws it? Says why not.
 */
ExitCode plot_check(const char *path);
/* Draws the run, a tree as bench_json() makes it. Says why not. */
ExitCode plot_write(const char *path, JsonNode *run);
