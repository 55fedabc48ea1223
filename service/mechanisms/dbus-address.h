/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the identity of a dbus address says, NAME[/PATH][@BUS], and which bus that is. Nothing here talks to a bus. */
#pragma once

#include <stdbool.h>

#include "address.h"
#include "error.h"
#include "record.h"

enum {
        BUS_NAME_MAX = 255, /* of names, interfaces and members: "D-Bus Specification", "Valid Names" */
        BUS_ADDRESS_MAX = 1024,
};

typedef struct BusPlace {
        char name[BUS_NAME_MAX + 1];
        char path[BUS_ADDRESS_MAX]; /* "" where none is said */
        char bus[BUS_ADDRESS_MAX];  /* "session", "system" or the address of a bus */
} BusPlace;

/* `options` may say "bus" beside or in place of the address; both, and different, is an error. */
int bus_place_parse(const Address *address, const Record *options, BusPlace *ret, Error *error);
/* From a name and "bus" of the options, as create() takes them. */
int bus_place_make(const char *name, const Record *options, BusPlace *ret, Error *error);
/* The canonical address: without the bus where it is the session bus, without the path where it is empty. */
int bus_place_address(const BusPlace *place, Address *ret, Error *error);
/* For people: "the session bus", "the system bus", "the bus at unix:path=/x". */
const char *bus_text(const char *bus, char buffer[BUS_ADDRESS_MAX]);

/* Where to connect to for "session", "system" or an address, which has to be one of a socket: unixexec: would start a
 * program. NoSuchObject, with the reason, where there is no such bus here. */
int bus_resolve(const char *bus, char ret_address[BUS_ADDRESS_MAX], Error *error);

bool bus_name_valid(const char *name); /* well-known or unique */
bool bus_name_unique(const char *name);
bool bus_path_valid(const char *path);
bool bus_interface_valid(const char *interface);
bool bus_member_valid(const char *member);
