/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a scan has seen, and what is different in the next one. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "mechanism.h"
#include "record.h"

/* One kernel object in one scan. */
typedef struct Seen {
        Record *row;         /* as the scan gave it; NULL: nothing is there */
        const char *address; /* in the row */
        char identity[IDENTITY_MAX];
        bool own;     /* of the service itself: nobody is told */
        bool near;    /* one end is the service's: what it reads and writes there is not told */
        bool waiting; /* it has no name and was seen once: told when it is still there the next time */
} Seen;

typedef struct SeenList {
        Seen *items;
        size_t n, allocated;
} SeenList;

/* Each is told by what is in `now` (of what has vanished: in `before`). */
typedef struct SeenSink SeenSink;
struct SeenSink {
        int (*appeared)(SeenSink *sink, Seen *now);
        int (*vanished)(SeenSink *sink, const Seen *before);
        int (*stayed)(SeenSink *sink, const Seen *before, Seen *now);
};

/* Takes the row over, also on failure. */
int seen_fill(Seen *seen, Record *row);
void seen_done(Seen *seen);
int seen_list_add(SeenList *list, Record *row);
/* By address and identity; what a scan told twice is there once. */
void seen_list_sort(SeenList *list);
void seen_list_done(SeenList *list);
/* Both are sorted. Ends at a negative return of the sink, and passes it on. */
int seen_list_compare(const SeenList *before, SeenList *now, SeenSink *sink);
/* Of one object that is, or is not, there. */
int seen_compare(const Seen *before, Seen *now, SeenSink *sink);
/* Adds to `details` what has another value now, and as "holder_came" and "holder_gone" who holds it and who no longer
 * does, where both rows have holders. How many keys it added, or negative errno. */
int seen_changes(const Seen *before, const Seen *now, Record *details);
