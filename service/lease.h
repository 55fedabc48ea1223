/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How long something lives: until removed, until its caller's connection goes, or until a time. */
#pragma once

#include <systemd/sd-event.h>

#include "clients.h"
#include "error.h"

typedef enum LeaseType {
        LEASE_NONE,
        LEASE_CALLER,
        LEASE_DURATION,
        LEASE_TYPE_MAX,
        LEASE_TYPE_INVALID = -1,
} LeaseType;

typedef struct Lease Lease;
struct Lease {
        LeaseType type;
        uint64_t expires; /* CLOCK_BOOTTIME, microseconds; 0 unless DURATION */
        sd_event_source *timer;
        Binding binding;
        void (*expired)(Lease *lease); /* set by the owner before lease_set(); called once, the owner ends the thing */
};

/* "none", "caller", or a duration. Errors: InvalidOption. */
int lease_parse(const char *text, LeaseType *ret_type, uint64_t *ret_duration, Error *error);
/* Replaces what was set before. `client` is needed for LEASE_CALLER. For LEASE_DURATION `expires` is the absolute
 * CLOCK_BOOTTIME. */
int lease_set(Lease *lease, LeaseType type, uint64_t expires, sd_event *event, Client *client, Error *error);
void lease_done(Lease *lease);
uint64_t lease_expires_realtime(const Lease *lease);
const char *lease_type_name(LeaseType type);
LeaseType lease_type_from_name(const char *name);
