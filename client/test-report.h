/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The results of a test as other programs want them. */
#pragma once

#include <gio/gio.h>
#include <json-glib/json-glib.h>
#include <stdbool.h>
#include <stdio.h>

#include "protocol.h"

/* Of a run that was cancelled, or whose service ended. */
#define TEST_CUT "the run did not come to its end"

typedef struct Verdicts {
        guint64 ok, failed, skipped;
} Verdicts;

bool record_is_check(GVariant *record);
void verdicts_count(Verdicts *verdicts, GVariant *check);

/* One line of TAP; `number` from 1. The plan comes last: it is not known before. */
void report_tap(GVariant *check, guint number, bool verbose);
/* Where it ran: some lines, or with `all` every fact that is known; in TAP as comments. */
void report_environment(GVariant *environment, bool tap, bool all);
/* {environment{}, kinds[{kind, checks[]}], summary{ok, failed, skipped}, complete, time}; the caller unrefs it. */
JsonNode *report_node(GVariant *results, bool complete);
/* `results` may be NULL where there are none. What is not complete has an error in it. */
ExitCode report_junit(const char *file, GVariant *results, bool complete);
