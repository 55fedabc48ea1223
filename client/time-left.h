/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How long a job will still take, from how far it is. */
#pragma once

#include <stdint.h>

/* All 0 at the start. Times are microseconds of the monotonic clock. */
typedef struct TimeLeft {
        int64_t started, looked;
        double from;    /* how far it was at first: what came before is no measure of its speed */
        double seconds; /* shown last; 0: nothing yet */
} TimeLeft;

/* `progress` is from 0 to 1. Gives the seconds that are left, or a negative number as long as nobody can know: it goes
 * down with the clock, and new knowledge moves it little by little. */
double time_left(TimeLeft *left, double progress, int64_t now);
/* "about 40 s", "2 min 10 s", in steps that do not flicker. The caller frees it. */
char *time_left_text(double seconds);
