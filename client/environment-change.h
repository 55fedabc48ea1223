/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where two runs, of tests or of benchmarks, ran differently: the "environment" of each is compared. */
#pragma once

#include <json-glib/json-glib.h>
#include <stdbool.h>

/* Do both tell where they ran? */
bool environments_known(JsonNode *before, JsonNode *now);
/* {name, was, is} of every fact that differs and tells something; what there was not is null. */
JsonArray *environment_changes(JsonNode *before, JsonNode *now);
/* For people, each line after `prefix`. */
void environment_print(JsonArray *facts, bool known, const char *prefix);
