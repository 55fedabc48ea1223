/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Calls that are not answered yet. Each is counted against the limits, ends when its caller leaves the bus or its
 * object goes, and is answered exactly once. A Wait is the first member of whatever waits (operations.c,
 * worker-calls.c, keeper.c); `release` frees the whole of it. */
#pragma once

#include <stdbool.h>
#include <systemd/sd-bus.h>

#include "clients.h"
#include "error.h"
#include "limit.h"
#include "manager.h"

typedef struct Object Object;
typedef struct Wait Wait;

struct Wait {
        Manager *manager;
        sd_bus_message *call; /* to answer to, without what it carried */
        Object *object;       /* NULL: none of ours */
        Charge charge;
        Binding binding;
        Wait *previous, *next;               /* of all */
        Wait *object_previous, *object_next; /* of the object's */
        void (*release)(Wait *wait);
        void (*retry)(Wait *wait); /* the object changed under it; NULL: no matter */
};

int waits_new(Manager *manager, Waits **ret);
/* Answers what still waits with Cancelled. */
Waits *waits_free(Waits *waits);
bool waits_any(const Waits *waits);

/* Registers the wait; on failure nothing is held and the caller answers the call. */
int wait_begin(Wait *wait, Manager *manager, sd_bus_message *call, Object *object, uid_t uid, Error *error);
/* Each ends the wait and frees it. `result` is what the function that answered the call returned: a failure to answer
 * is answered with its errno. */
void wait_answered(Wait *wait, int result);
void wait_fail(Wait *wait, const Error *error);

/* The object is going: its calls end with `why`. */
void waits_end_object(Object *object, const Error *why);
void waits_retry_object(Object *object);
