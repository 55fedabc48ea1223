/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Operations that a kind leaves to a worker (in_worker, mechanism.h). */
#pragma once

#include "operations.h"

/* Takes over the target and the request. 0: the answer comes later. */
int worker_use(Manager *manager, sd_bus_message *call, Target *target, OperationRequest *request, Error *error);
