/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What comes and goes in the directories whose entries are kernel objects (watch_directory in mechanism.h), told by
 * inotify(7): it costs nothing while nothing happens. */
#pragma once

#include <stdbool.h>
#include <systemd/sd-event.h>

#include "error.h"
#include "mechanism.h"

typedef struct Entries Entries;

/* `address` is borrowed. */
typedef void (*EntryTold)(const Mechanism *mechanism, bool appeared, const char *address, void *userdata);

int entries_new(sd_event *event, EntryTold told, void *userdata, Entries **ret, Error *error);
Entries *entries_free(Entries *entries);
/* Whether the directory of the kind is watched from now on, where it has one. */
void entries_watch(Entries *entries, const Mechanism *mechanism, bool wanted);
/* Is there a directory that tells what comes and goes of the kind, and is it watched? */
bool entries_announce(const Entries *entries, const Mechanism *mechanism);
