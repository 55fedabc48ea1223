/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What figures of this machine say for and against a kind; for advise-rank.c. */
#pragma once

#include "advise-rank.h"

/* Takes ownership of the text. */
void candidate_miss(Candidate *candidate, const char *option, char *text);
/* Finds the kind's figures, and excludes it by those that were asked for and are not reached. */
void speed_judge(Candidate *candidate, const Needs *needs, JsonNode *figures);
/* Adds to the scores of those that fit what they are behind the best. */
void speed_rank(Advice *advice, const Needs *needs);
/* "512 k/s of 64 B, 1.8 us of CPU each (block, other-cpu)". The caller frees it. */
char *speed_text(const Measured *measured);
/* How much of a CPU that many messages take, in percent; 0 where it is not known. */
double speed_cpu_percent(const Measured *measured, const Needs *needs);
