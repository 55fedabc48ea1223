/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The rest takes as long, for what it is, as what was done since the first sign. Owns nothing. */
#include "time-left.h"

#include <glib.h>

#define LEAST_SECONDS  1.0  /* before that, and */
#define LEAST_PART     0.01 /* before this part of the whole is done, the speed is not known */
#define SETTLE_SECONDS 5.0  /* how fast what is shown follows what is computed */

double time_left(TimeLeft *left, double progress, int64_t now) {
        double passed, estimate, step;

        if (left->started == 0) {
                left->started = left->looked = now;
                left->from = progress;
                return -1;
        }
        passed = (double)(now - left->started) / G_USEC_PER_SEC;
        step = (double)(now - left->looked) / G_USEC_PER_SEC;
        left->looked = now;
        if (passed < LEAST_SECONDS || progress - left->from < LEAST_PART)
                return -1;
        estimate = passed / (progress - left->from) * (1 - progress);
        if (left->seconds <= 0)
                left->seconds = estimate;
        else
                left->seconds += (estimate - left->seconds) * MIN(step / SETTLE_SECONDS, 1) - step;
        /* At the end what is computed is right, whatever was shown before. */
        left->seconds = CLAMP(left->seconds, estimate / 2, estimate * 2);
        return left->seconds;
}

char *time_left_text(double seconds) {
        int whole = (int)(seconds + 0.999);

        if (whole > 90)
                whole = (whole + 9) / 10 * 10;
        else if (whole > 20)
                whole = (whole + 4) / 5 * 5;
        if (whole >= 60)
                return whole % 60 == 0 ? g_strdup_printf("%d min left", whole / 60)
                                       : g_strdup_printf("%d min %d s left", whole / 60, whole % 60);
        return g_strdup_printf("%d s left", whole);
}
