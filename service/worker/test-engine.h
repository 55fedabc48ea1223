/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Runs checks: each in every relation that it states, in a judge process with a time bound, and tells one verdict. */
#pragma once

#include <stdint.h>

#include "check.h"
#include "error.h"

enum { CHECK_BOUND_USEC = 10 * 1000 * 1000 };

typedef struct TestSetting {
        const char *token;     /* names begin with "ipcbus-<token>-" */
        const char *directory; /* private and empty, for what needs a path */
        uint64_t bound_usec;   /* for one check in one relation */
        bool one_relation;     /* the first that a check states is enough */
} TestSetting;

/* Runs one check and fills `verdict` as the protocol's "check" record. Failing checks are no error of this function.
 */
int test_check(const Mechanism *mechanism, const Check *check, const TestSetting *setting, Record *verdict,
        CheckResult *ret_result);
/* A verdict without a run: why the whole kind is left out. */
void test_check_skipped(const Mechanism *mechanism, const Check *check, const char *reason, Record *verdict);

/* Objects of the mechanism and files that carry the token (test-residue.c): the first found as text, or 0 when there
 * is nothing. */
int residue_find(const Mechanism *mechanism, const TestSetting *setting, char *text, size_t size);
/* Removes them. */
void residue_remove(const Mechanism *mechanism, const TestSetting *setting);
/* Ends and reaps every child that is left; how many there were, the last's pid in *ret_pid. */
int residue_end_children(pid_t *ret_pid);
