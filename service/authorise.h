/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The one point that decides whether a caller may do what it asks. */
#pragma once

#include <sys/types.h>
#include <systemd/sd-bus.h>

#include "error.h"

/* May whoever sent `message` act on what belongs to `owner`? 0, or NotPermitted. Never asks the bus: nothing here may
 * block. */
int authorise(sd_bus_message *message, uid_t owner, Error *error);
/* Whose limits a call counts for. */
uid_t caller_uid(sd_bus_message *message);
/* The process that calls, as it is seen from here; 0: not known. On a bus the bus is asked. */
pid_t caller_pid(sd_bus_message *message);
