/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What was released adds up until it is worth a malloc_trim(3), which is then done once, when it has been quiet for a
 * moment. Owns its timer, which runs only then. */
#include "trim.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>

#include "units.h"

enum { OWN_MAPPING = 256 * 1024 }; /* bytes */

#define WORTH    ((size_t)1 << 20) /* bytes */
#define QUIET    (200 * USEC_PER_MSEC)
#define ACCURACY (50 * USEC_PER_MSEC)

struct Trim {
        Manager *manager;
        size_t released;
        sd_event_source *timer;
};

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata) {
        Trim *trim = userdata;

        trim->released = 0;
        (void)malloc_trim(0);
        return 0;
}

int trim_new(Manager *manager, Trim **ret) {
        Trim *trim;
        int r;

        trim = calloc(1, sizeof(*trim));
        if (!trim)
                return -ENOMEM;
        trim->manager = manager;
        /* What a call carries may be large, and goes back at once. By itself the threshold grows with the first such
         * call, and later ones stay in the heap (mallopt(3)). */
        (void)mallopt(M_MMAP_THRESHOLD, OWN_MAPPING);
        r = sd_event_add_time(manager->event, &trim->timer, CLOCK_MONOTONIC, USEC_INFINITY, ACCURACY, on_timer, trim);
        if (r >= 0)
                r = sd_event_source_set_enabled(trim->timer, SD_EVENT_OFF);
        if (r < 0) {
                trim_free(trim);
                return r;
        }
        *ret = trim;
        return 0;
}

Trim *trim_free(Trim *trim) {
        if (!trim)
                return NULL;
        sd_event_source_disable_unref(trim->timer);
        free(trim);
        return NULL;
}

void trim_released(Trim *trim, size_t bytes) {
        if (!trim)
                return;
        trim->released += bytes;
        if (trim->released < WORTH)
                return;
        (void)sd_event_source_set_time_relative(trim->timer, QUIET);
        (void)sd_event_source_set_enabled(trim->timer, SD_EVENT_ONESHOT);
}
