/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The connection: to the session bus, or to one client over a socket that was given. */
#pragma once

#include "error.h"
#include "manager.h"

/* Connects; nothing is offered yet. `fd` -1: the session bus. */
int bus_connect(Manager *manager, int fd, Error *error);
/* Lets the event loop serve it. */
int bus_attach(Manager *manager);
/* Puts all interfaces on it. */
int bus_register(Manager *manager, Error *error);
/* Asks for the name, so that calls come; they are not looked at before the event loop runs. When another service has
 * it, this one says so and ends. */
int bus_own_name(Manager *manager, Error *error);
/* What tells this service from another of the same user: the address of its bus. The caller frees it. */
int bus_instance(Manager *manager, char **ret);
