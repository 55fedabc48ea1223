/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where ipcctl keeps from run to run what it saw. */
#pragma once

#include <json-glib/json-glib.h>

/* "NAME" in the user's own directory of state; NULL where there is none. The caller frees it. */
char *kept_file(const char *name);
/* The object that the file holds; NULL where it has none, or is too large. The caller unrefs it. */
JsonNode *kept_read(const char *file);
/* Replaces the file, which nobody else may read. Says nothing of it where it cannot. */
void kept_write(const char *file, JsonNode *node);
