/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is bound to the process that took it (a lock, what SEM_UNDO would give back) is held by a worker, which is a
 * job of its own: seen and cancelled as one. It ends in order when it is given back (Post), or when its time is over;
 * when its caller leaves the bus, or it is cancelled, the worker is killed and the kernel does what it does for one
 * that dies. */
#pragma once

#include <systemd/sd-bus.h>

#include "operations.h"
#include "worker-calls.h"

/* InvalidOption: "hold" where nothing would be held. */
int hold_check(const Target *target, const OperationRequest *request, Error *error);
/* The worker of a wait says that it holds what it took: makes it a job. `meta` gets "hold" and "holder". On failure
 * the worker is still the call's. */
int hold_begin(WorkerCall *call, const Target *target, const OperationRequest *request, const char *address,
        Record *meta, Error *error);
/* Is this post for something that is held here? Then it is given back, the call is answered when that is done, and it
 * is 1; 0: no. */
int hold_give_back(
        Manager *manager, sd_bus_message *call, Target *target, const OperationRequest *request, Error *error);
