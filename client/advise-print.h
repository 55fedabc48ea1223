/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Advice for people and for programs. */
#pragma once

#include <json-glib/json-glib.h>
#include <stdbool.h>

#include "advise-rank.h"

/* In lines of 80 columns; `all`: each kind with all of its reasons, not only the first few. */
void advice_print(const Advice *advice, const Needs *needs, bool all);
/* {needs[], by, from, ranking[], excluded[], nearest[], measure}. */
JsonNode *advice_json(const Advice *advice, const Needs *needs);
