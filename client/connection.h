/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The way to the service: over a bus, or to a service of our own on a socket pair. Opened when a verb first needs it.
 */
#pragma once

#include <gio/gio.h>
#include <gio/gunixfdlist.h>
#include <stdbool.h>

#include "cli.h"
#include "ipcbus-proxies.h"

/* The flags and the time-out of a call: what waits, waits as long as the service says. */
#define WITHOUT_TIMEOUT G_DBUS_CALL_FLAGS_NONE, G_MAXINT

/* Opens the connection if it is not open yet. What is returned stays the connection's. */
ExitCode connection_manager(Cli *cli, IpcbusManager **ret_manager);
ExitCode connection_bus(Cli *cli, GDBusConnection **ret_bus);
/* The name to talk to and to expect signals from; NULL peer to peer. */
const char *connection_name(const Cli *cli);
bool connection_passes_descriptors(const Cli *cli);
/* Embedded: the service ends with us. */
bool connection_is_embedded(const Cli *cli);
/* Calls `gone(userdata)` in the default main context when the service has left the bus or died. */
void connection_watch(Cli *cli, void (*gone)(void *userdata), void *userdata);
/* A session bus for what is not the service's: the one in use, or another; NULL without one. The caller unrefs it. */
GDBusConnection *connection_session(Cli *cli);
void connection_close(Cli *cli);
