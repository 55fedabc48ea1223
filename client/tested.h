/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the last tests saw of each claim: from the jobs that the running service still knows, and from what ipcctl kept
 * of earlier runs in this same place. */
#pragma once

#include <gio/gio.h>
#include <glib.h>
#include <json-glib/json-glib.h>
#include <stdbool.h>

#include "cli.h"

typedef struct Seen {
        char *result; /* "ok", "failed", "skipped" */
        guint64 time; /* microseconds since the epoch */
        bool kept;    /* by ipcctl, of a run that the service does not know any more */
} Seen;

/* "KIND ID" -> Seen. Empty where nothing was tested, and where it cannot be had: it is only an addition. */
GHashTable *tested_load(Cli *cli);
/* NULL: never. */
const Seen *tested_claim(GHashTable *tested, const char *kind, const char *id);
/* Keeps the newer one. */
void tested_add(GHashTable *tested, const char *kind, const char *id, const Seen *seen);

/* "14 ok, 1 failed, 3 min ago", or "-". The caller frees it. */
char *tested_summary(GHashTable *tested, GVariant *description);
/* Adds "seen": {ok, failed, skipped, time, from, claims: {id: result}}. */
void tested_add_json(GHashTable *tested, GVariant *description, JsonObject *object);
