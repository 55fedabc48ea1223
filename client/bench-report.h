/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The results of a benchmark: tables for people, JSON for programs, and what changed since an earlier run. */
#pragma once

#include <gio/gio.h>
#include <json-glib/json-glib.h>

#include "protocol.h"

/* {environment{}, floors{}, results[]} */
JsonNode *bench_json(GVariant *records);
/* Reads what --save wrote. */
ExitCode bench_load(const char *file, JsonNode **ret_node);
/* `before` may be NULL. */
void bench_print(GVariant *records, JsonNode *before);
/* How many results could not be had because something went wrong, not because it does not apply here. */
guint bench_failures(GVariant *records);
