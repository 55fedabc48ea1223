/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A bus daemon of our own, in a directory of our own, for as long as the benchmark takes. */
#pragma once

#include <sys/types.h>
#include <systemd/sd-bus.h>

typedef struct PrivateBus {
        char place[64]; /* a directory; also XDG_RUNTIME_DIR */
        pid_t daemon;
        sd_bus *bus; /* our connection */
} PrivateBus;

/* Sets DBUS_SESSION_BUS_ADDRESS and XDG_RUNTIME_DIR, also for what is started from now on. */
int private_bus_start(PrivateBus *bus) __attribute__((nonnull));
void private_bus_end(PrivateBus *bus);

/* Starts a program that will own a name, and waits until it does. Gives the time from before the start until the bus
 * told that the name has an owner. */
int private_bus_run(PrivateBus *bus, const char *const argv[], const char *name, pid_t *ret_pid, double *ret_nsec);
/* SIGTERM, and waits for the end. */
void private_bus_stop(pid_t pid);
