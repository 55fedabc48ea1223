/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Watching the machine beyond our own objects, only while somebody asked for it: told by the kernel where it does
 * (entries.h), else found by looking again and again (watcher.h); KernelObjectAppeared, KernelObjectVanished and
 * KernelObjectChanged go to those who asked for them. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>
#include <systemd/sd-bus.h>

#include "clients.h"
#include "error.h"
#include "manager.h"
#include "record.h"

int subscriptions_new(Manager *manager, Subscriptions **ret);
Subscriptions *subscriptions_free(Subscriptions *subscriptions);
/* 0: the call is answered when all that it asks for is watched. */
int subscriptions_add(Subscriptions *subscriptions, sd_bus_message *call, uid_t uid, Client *client,
        const Record *filter, Error *error);
void subscriptions_remove(Subscriptions *subscriptions, const Client *client);
bool subscriptions_any(const Subscriptions *subscriptions);
