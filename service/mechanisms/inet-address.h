/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Addresses of Internet sockets as text and as the kernel has them: 127.0.0.1:4444, [::1]:4444, [fe80::1%eth0]:4444,
 * localhost:4444. Of a raw socket the number behind the colon is the IP protocol.
 *
 * "localhost" is 127.0.0.1, here and at once: ::1 is another address, with ports of its own, and is asked for by
 * number. Other names are looked up by fetch(), in a worker, as getaddrinfo(3) blocks; the first answer counts. */
#pragma once

#include <stdbool.h>

#include "inet-diag.h"
#include "mechanism.h"

#define INET_ADDRESS_FORMS ((1u << ADDRESS_HOST) | (1u << ADDRESS_INODE))

enum { INET_HOST_MAX = 80 }; /* a numeric host with its scope, as text */

/* InvalidAddress where the host is a name that has to be looked up first. */
int inet_name_from_host(const char *host, uint16_t port, InetName *ret, Error *error);
int inet_address_to_name(const Address *address, InetName *ret, Error *error);
/* The canonical numeric form. */
int inet_address_from_name(const char *kind, const InetName *name, Address *ret);
/* The host of a name as text, with its scope. */
const char *inet_name_print_host(const InetName *name, char buffer[INET_HOST_MAX]);
/* Sets the printed address under `key`. */
void inet_record_name(Record *record, const char *key, const char *kind, const InetName *name);

/* For the kinds' needs_fetch(): a host name, or a socket without a name of others. */
bool inet_needs_fetch(const Address *address);
int inet_fetch(Address *address, const Record *options, int *ret_fd, Error *error);
