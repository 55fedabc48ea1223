/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The places where a peer of a check can be: beside the judge, another user, another IPC or network namespace. A
 * process that went to one does not come back; the namespaces end, with all that is in them, when it does. */
#pragma once

#include <stdbool.h>

#include "check.h"
#include "record.h"

typedef struct PlaceOutcome {
        int result;       /* negative errno where the place could not be entered */
        const char *step; /* the call that failed */
        bool nested;      /* the namespace is in a user namespace of its own: there was no right to make it directly */
} PlaceOutcome;

/* Of the process that calls it, which has one thread. `directory` is that of the run. */
PlaceOutcome place_enter(CheckPlace place, const char *directory);
/* Did this process go there? What it changes there is then no change of this machine. */
bool place_entered(CheckPlace place);
/* "as another user", "in another IPC namespace". */
const char *place_name(CheckPlace place);
/* As the first record of a peer that was started there. */
void place_tell(const PlaceOutcome *outcome, Record *record);
PlaceOutcome place_told(const Record *record); /* points into it */
/* In the judge: true for a place that was entered; else notes why not, and the check counts as skipped. */
bool place_need(CheckRun *run, CheckPlace place, const PlaceOutcome *outcome);
