/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of the library share beside the core. */
#pragma once

#include "ring-core.h"

#define RING_API __attribute__((visibility("default")))

/* Undoes what the participant of a place held; the caller has the lock on it. 0 or -EBADMSG. */
int ring_place_recover(IpcbusRing *ring, unsigned place);
/* Takes a free place, or a dead one's, and goes on where that one stopped; leaves it. */
int ring_place_take(IpcbusRing *ring);
void ring_place_leave(IpcbusRing *ring);
/* Writes into the place who this is. */
void ring_place_sign(IpcbusRing *ring, RingPlace *place);
/* All who wait look again. */
void ring_wake_all(IpcbusRing *ring);
/* The one CPU that this process may run on, + 1; 0 where there are several. Also said in the place. */
void ring_cpu_refresh(IpcbusRing *ring);
/* Can this process, and all the others there, only run on one CPU? */
bool ring_is_crowded(const IpcbusRing *ring);
/* What this handle took and did not release goes to other readers, IPCBUS_RING_MANY. 0 or -EBADMSG. */
int ring_give_back_taken(IpcbusRing *ring);
