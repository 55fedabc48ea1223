/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Desktop notifications (org.freedesktop.Notifications on the session bus), silently absent where there are none. */
#pragma once

#include "cli.h"

typedef struct Notifier Notifier;

/* NULL where there is no session bus. */
Notifier *notifier_new(Cli *cli);
/* Waits a moment for what is on its way. Takes NULL. */
Notifier *notifier_free(Notifier *notifier);
/* A later one of the same key takes the place of the earlier on the screen. Takes a NULL notifier. */
void notifier_show(Notifier *notifier, const char *key, const char *summary, const char *body);
