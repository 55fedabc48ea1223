/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Files of results that a later run is compared with. */
#pragma once

#include <json-glib/json-glib.h>

#include "protocol.h"

/* Before time is spent on what goes there: could `path` be written? Says why not. */
ExitCode saved_check(const char *path);
/* Writes the text of the tree. A file is replaced as a whole or not at all; a pipe or a device is written to. */
ExitCode saved_write(const char *path, JsonNode *node);
/* Reads a tree. `purpose` begins what is said where that fails: "cannot compare with"; `advice` ends it. */
ExitCode saved_read(const char *path, const char *purpose, const char *advice, JsonNode **ret_node);
