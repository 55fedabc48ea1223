/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A connection to a bus, and what a bus tells of a name. For workers: everything here waits for answers, each at most
 * BUS_PATIENCE_USEC. Nothing starts a service. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <systemd/sd-bus.h>

#include "cleanup.h"
#include "error.h"
#include "record.h"

#define BUS_PATIENCE_USEC (UINT64_C(5) * 1000 * 1000)

#define BUS_DRIVER           "org.freedesktop.DBus"
#define BUS_DRIVER_PATH      "/org/freedesktop/DBus"
#define BUS_DRIVER_INTERFACE "org.freedesktop.DBus"

static inline void bus_done(sd_bus **bus) {
        *bus = sd_bus_close_unref(*bus);
}
static inline void bus_message_done(sd_bus_message **message) {
        *message = sd_bus_message_unref(*message);
}
#define CLEANUP_BUS         CLEANUP(bus_done)
#define CLEANUP_BUS_MESSAGE CLEANUP(bus_message_done)
#define CLEANUP_BUS_ERROR   CLEANUP(sd_bus_error_free)

/* "session", "system" or an address; the connection has said Hello. */
int bus_join(const char *bus, sd_bus **ret, Error *error);
/* To an address that was resolved; -ETIMEDOUT, -ECONNREFUSED … */
int bus_connect_address(const char *address, sd_bus **ret);
/* What a bus or a peer answered, as an Error of ours: "<what>: <its sentence> (<its name>)". Returns as error_set().
 */
int bus_error(Error *error, int number, const sd_bus_error *said, const char *format, ...)
        __attribute__((format(printf, 4, 5)));

/* Of the bus itself. The reply is the caller's; types as sd_bus_message_append(). */
int bus_driver_call(
        sd_bus *bus, const char *member, sd_bus_message **ret_reply, sd_bus_error *said, const char *types, ...);

typedef struct BusOwner {
        char unique[256]; /* "" where nobody owns the name */
        pid_t pid;        /* 0: not told */
        uid_t uid;        /* (uid_t)-1: not told */
        char command[32];
} BusOwner;

/* 1 with the owner, 0 where there is none, negative errno. */
int bus_owner(sd_bus *bus, const char *name, BusOwner *ret);
/* " by :1.4 (pid 12, sleep)", for sentences. */
const char *bus_owner_text(const BusOwner *owner, char buffer[128]);
/* Can the bus start somebody for the name? */
bool bus_activatable(sd_bus *bus, const char *name);
/* Sends the signal that dbus_emit_fill() (dbus.h) described. */
int bus_emit(sd_bus *bus, const Record *request);
