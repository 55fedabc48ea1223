/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Watching the machine beyond our own objects, only while somebody asked for it: inotify on /dev/shm and on a mounted
 * mqueue file system, told as KernelObjectAppeared and KernelObjectVanished. */
#pragma once

#include <stdbool.h>

#include <sys/types.h>

#include "clients.h"
#include "error.h"
#include "manager.h"
#include "record.h"

int subscriptions_new(Manager *manager, Subscriptions **ret);
Subscriptions *subscriptions_free(Subscriptions *subscriptions);
int subscriptions_add(Subscriptions *subscriptions, uid_t uid, Client *client, const Record *filter, Error *error);
void subscriptions_remove(Subscriptions *subscriptions, const Client *client);
bool subscriptions_any(const Subscriptions *subscriptions);
