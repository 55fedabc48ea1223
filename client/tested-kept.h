/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The last results of each claim, kept by ipcctl from run to run. */
#pragma once

#include <gio/gio.h>
#include <glib.h>

/* Adds to the table of tested.h what was seen in this same place: boot, kernel, user and namespaces. */
void kept_load(GHashTable *tested);
/* Keeps the checks in the results (aa{sv}) of a run that began at `time`. Where nothing can be kept it does nothing.
 */
void kept_store(GVariant *results, guint64 time);
