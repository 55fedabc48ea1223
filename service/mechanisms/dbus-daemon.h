/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A dbus-daemon of our own for tests and benchmarks: nobody else is on it, its limits are known, and the user's buses
 * are left alone. It has no file but its socket, and dies with the process that started it. */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#include "error.h"

enum {
        PRIVATE_BUS_ADDRESS_MAX = 120,
        /* The limits that its configuration sets; all others are as built into the daemon. */
        PRIVATE_BUS_MESSAGE_MAX = 1024 * 1024,
        PRIVATE_BUS_INCOMING_MAX = 4 * 1024 * 1024, /* bytes of one sender that are under way; then it is not read */
};

typedef struct PrivateBus {
        pid_t pid; /* 0: none */
        char address[PRIVATE_BUS_ADDRESS_MAX];
        char path[PRIVATE_BUS_ADDRESS_MAX]; /* of the socket; "" for an abstract one */
} PrivateBus;

/* Its socket stands in the directory, or is an abstract one where that path is too long for a socket. -EOPNOTSUPP
 * where there is no dbus-daemon. */
int private_bus_start(const char *directory, const char *token, PrivateBus *ret, Error *error);
/* The same; `more` is added to its configuration, where the last word counts: limits, policies, addresses. */
int private_bus_start_with(const char *directory, const char *token, const char *more, PrivateBus *ret, Error *error);
void private_bus_stop(PrivateBus *bus);
