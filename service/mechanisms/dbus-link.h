/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a check sees of an attached link of the kind dbus. */
#pragma once

#include <systemd/sd-bus.h>

#include "transport.h"

sd_bus *dbus_link_bus(const Link *link);
/* Takes the next message, and tells who sent it: "" where that is not told. */
int dbus_link_sender(Link *link, char *ret, size_t size);
