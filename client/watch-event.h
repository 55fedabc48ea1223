/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Signals of the service as events: one name, one address, details. */
#pragma once

#include <gio/gio.h>
#include <stdbool.h>
#include <stdint.h>

#include "cli.h"

typedef struct Event {
        uint64_t time; /* microseconds since the epoch */
        const char *name;
        char *path;        /* on the bus, or NULL */
        char *address;     /* NULL for jobs */
        char *kind;        /* "job" for jobs */
        GVariant *details; /* a{sv} */
} Event;

typedef struct EventNames EventNames; /* which address stands behind which path */

/* Learns what is there already. */
ExitCode event_names_new(Cli *cli, EventNames **ret);
EventNames *event_names_free(EventNames *names);

/* False: this signal is none of what is shown. The caller calls event_done(). `all` also tells records of jobs. */
bool event_from_signal(EventNames *names, const char *path, const char *interface, const char *member,
        GVariant *parameters, bool all, Event *ret_event);
void event_done(Event *event);
/* "messages=1 ...". The caller frees it. */
char *event_details_text(const Event *event);
