/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The judge of one check in one relation: a forked process that starts the peers and finds the verdict. */
#pragma once

#include "check.h"

/* Runs the check, sends its evidence piece by piece ("note") and at last "result" over the channel, and ends the
 * process. */
void test_judge_run(const Mechanism *mechanism, const Check *check, CheckRelation relation, const char *token,
        const char *directory, int channel) __attribute__((noreturn));

/* Fills `text` with what a process left behind of descriptors: those open now that are not in `before`. */
enum { DESCRIPTORS_MAX = 4096 };
typedef struct Descriptors {
        size_t n;
        int fds[DESCRIPTORS_MAX];
} Descriptors;
int descriptors_read(Descriptors *ret);
/* The first that is new, or -1. */
int descriptors_new(const Descriptors *before, const Descriptors *now);
