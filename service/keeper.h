/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The worker process behind an object of a kind with keep(): started before the object is made, owned by it then. */
#pragma once

#include <systemd/sd-bus.h>

#include "error.h"
#include "lease.h"
#include "manager.h"
#include "mechanism.h"
#include "record.h"

typedef struct Keeper Keeper;
typedef struct Object Object;

/* Starts the worker and makes the object when it is ready; answers the call then, with `reply`. Takes the options
 * over. 0: the answer comes later. */
typedef int (*KeeperReply)(sd_bus_message *call, const Object *object);
typedef struct KeeperRequest {
        const Mechanism *mechanism;
        Record *options;
        uid_t uid;
        LeaseType lease;
        uint64_t duration;
        KeeperReply reply;
} KeeperRequest;
int keeper_create(Manager *manager, sd_bus_message *call, KeeperRequest *request, Error *error);

Keeper *keeper_free(Keeper *keeper);
/* At the end of the service: waits until the worker is gone. */
Keeper *keeper_stop(Keeper *keeper);
void keeper_set_object(Keeper *keeper, Object *object);
/* A duplicate of the channel, for kernel_object_done() to close. */
int keeper_channel(const Keeper *keeper, int *ret_fd);
