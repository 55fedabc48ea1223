/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What changed between two runs of a test. */
#pragma once

#include <json-glib/json-glib.h>
#include <stdbool.h>

#include "protocol.h"

/* Reads an earlier run and makes sure that it is whole. */
ExitCode against_load(const char *path, JsonNode **ret_run);

typedef struct AgainstAsked {
        const char *const *kinds;  /* NULL or none: all */
        const char *const *claims; /* the same */
        bool whole;                /* this run came to its end: what is missing is gone */
} AgainstAsked;

/* Both as report_node() makes them. {file, time, compared, environment_known, environment[{name, was, is}],
 * claims[{change: "result", "new" or "gone", kind, id, claim, was, is, was_evidence, is_evidence}]}; what there was
 * not is null. The caller unrefs it. */
JsonObject *against_compare(const char *path, JsonNode *before, JsonNode *now, const AgainstAsked *asked);
/* For people, each line after `prefix`. */
void against_print(JsonObject *against, const char *prefix);
