/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What has to be looked for before it can be used, by a worker: what has no name, a host's name, an alias, what may
 * block when it is opened. The call goes on when it was found, and its caller may leave meanwhile. */
#pragma once

#include "lease.h"
#include "operations.h"

/* Goes on with operation_perform(). Takes over the target and the request. 0: the answer comes later. */
int fetch_and_perform(Manager *manager, sd_bus_message *call, Target *target, OperationRequest *request, Error *error);

/* Finds or makes an object for the service to keep. `options` are taken over; unless `checked` they are the call's as
 * they came, and are checked for adoption when the kind is known. `done` answers; the kernel object is its own. */
typedef struct ObjectFetch ObjectFetch;
struct ObjectFetch {
        const char *operation; /* of the worker: "fetch", "create" */
        const char *address;   /* of what is fetched; NULL else */
        const char *kind;      /* of what is created; NULL else */
        Record *options;
        bool checked;
        uid_t uid;
        LeaseType lease;
        uint64_t duration;
        int (*done)(Manager *manager, sd_bus_message *call, const ObjectFetch *fetch, Client *client,
                KernelObject *kernel, Error *error);
};
int fetch_object(Manager *manager, sd_bus_message *call, const ObjectFetch *fetch, Error *error);
