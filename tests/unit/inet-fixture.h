/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* For the kinds with Internet addresses: programs' own sockets on loopback, and network namespaces of a test's own. */
#pragma once

#include <netinet/in.h>

#include "path-fixture.h"

/* Nothing but that descriptors are counted. */
#define INET_TEST(name, function) \
        g_test_add("/inet/" name, PathFixture, "inet", path_fixture_set_up, function, path_fixture_tear_down)

/* Runs it in a process in a network namespace of its own, where lo is down; skips where that is not allowed. */
void inet_fixture_apart(void (*run)(void));
/* In such a one. */
void inet_fixture_loopback_up(void);

/* Bound to 127.0.0.1 (or ::1) and a port of the kernel's choice; listening if it is a stream. */
int inet_fixture_socket(int family, int type, uint16_t *ret_port);
/* Connected to what the object listens at. */
int inet_fixture_connect(const KernelObject *object, int type);
uint16_t inet_fixture_port(int fd);
char *inet_fixture_address(const KernelObject *object);
