/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The service as a whole: what its parts share, its beginning and its end. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "error.h"

typedef struct Clients Clients;
typedef struct Idle Idle;
typedef struct Jobs Jobs;
typedef struct Journal Journal;
typedef struct Limits Limits;
typedef struct Objects Objects;
typedef struct Subscriptions Subscriptions;
typedef struct Trim Trim;
typedef struct Waits Waits;

typedef struct Manager {
        sd_event *event;
        sd_bus *bus;
        bool peer_to_peer; /* embedded: one client on a socket pair */
        bool ending;       /* was told to */
        Limits *limits;
        Clients *clients;
        Journal *journal;
        Objects *objects;             /* registry: objects.h */
        Waits *waits;                 /* calls that are not answered yet: waits.h */
        Jobs *jobs;                   /* jobs.h */
        Subscriptions *subscriptions; /* subscriptions.h */
        Idle *idle;                   /* when to exit: idle.h; NULL peer to peer */
        Trim *trim;                   /* memory given back: trim.h */
} Manager;

typedef struct ManagerOptions {
        int fd;                /* a connected socket to serve one client on; -1: the session bus */
        uint64_t idle_timeout; /* microseconds; 0: never exit because of idleness */
} ManagerOptions;

int manager_new(const ManagerOptions *options, Manager **ret, Error *error);
/* Ends every wait, job and lease of a caller, says what it has to say on the bus, and releases everything. */
Manager *manager_free(Manager *manager);
/* Runs until SIGTERM, SIGINT, the end of the connection, or idleness. */
int manager_run(Manager *manager);

/* Something that would keep the service from exiting began or ended: look again at whether it is idle. */
void manager_check_idle(Manager *manager);

/* manager-bus.c: the vtable of org.ipcbus1.Manager and the ObjectManager. */
int manager_bus_register(Manager *manager);
