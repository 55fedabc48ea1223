/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* When the service may exit by itself: nothing would be lost, and nobody has asked for anything for some time. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "manager.h"

/* `timeout` 0: never. */
int idle_new(Manager *manager, uint64_t timeout, Idle **ret);
Idle *idle_free(Idle *idle);
/* Starts the timer when nothing would be lost, stops it when something would. */
void idle_check(Idle *idle);
