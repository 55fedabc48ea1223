/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the last tests saw of each kind, as far as the running service still has their results. */
#pragma once

#include <glib.h>
#include <json-glib/json-glib.h>

#include "cli.h"

/* Kind -> what was seen. Empty where nothing was tested, and where it cannot be had: it is only an addition. */
GHashTable *tested_load(Cli *cli);
/* "14 ok, 1 failed", or "-". The caller frees it. */
char *tested_summary(GHashTable *tested, const char *kind);
/* Adds "seen": {ok, failed, skipped, claims: {id: result}}. */
void tested_add_json(GHashTable *tested, const char *kind, JsonObject *object);
