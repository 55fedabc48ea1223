/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The service as a whole: what its parts share. */
#pragma once

#include <stdbool.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

typedef struct Clients Clients;
typedef struct Jobs Jobs;
typedef struct Journal Journal;
typedef struct Limits Limits;
typedef struct Objects Objects;
typedef struct Subscriptions Subscriptions;
typedef struct Waits Waits;

typedef struct Manager {
        sd_event *event;
        sd_bus *bus;
        bool peer_to_peer; /* embedded: one client on a socket pair */
        Limits *limits;
        Clients *clients;
        Journal *journal;
        Objects *objects;             /* registry: objects.h */
        Waits *waits;                 /* calls that are not answered yet: waits.h */
        Jobs *jobs;                   /* jobs.h */
        Subscriptions *subscriptions; /* subscriptions.h */
} Manager;

/* Something that would keep the service from exiting began or ended: look again at whether it is idle. */
void manager_check_idle(Manager *manager);
