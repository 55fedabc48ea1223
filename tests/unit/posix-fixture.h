/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What tests of kinds with POSIX names (and of signals) share beside mechanism-fixture.h. */
#pragma once

#include <glib.h>

#include "mechanism.h"
#include "transport.h"

/* Removes as the service does: verified first. */
void posix_fixture_remove(KernelObject *object);
/* create() with one or two options fails with this code, and its sentence contains the text. */
void posix_fixture_refused(const char *kind, ErrorCode code, const char *text, const char *option, const char *more);
void posix_fixture_open_refused(const char *address, ErrorCode code, const char *text);

/* Runs the function in a process of the user nobody and fails the test where it fails. Only root can: else the test is
 * marked as skipped, with the reason, and this is false. */
bool posix_fixture_can_be_other(void);
void posix_fixture_as_other(void (*function)(const char *address), const char *address);

/* The row of a scan with this address, or NULL. The caller frees. */
Record *posix_fixture_scan(const Mechanism *mechanism, const char *address);
/* Opens the only end here and expects this process among the holders, once for the descriptor and once for a mapping
 * where it can be mapped. */
void posix_fixture_assert_held_by_end(KernelObject *object);

/* A forked process sends back what it receives, that many messages of all sizes to 64 bytes. */
void posix_fixture_transport(const char *kind, WaitMode wait, unsigned messages);
void posix_fixture_transport_close(const char *kind);
/* What two links of a token made and nobody tore down: sweep() leaves none of it, and what is another's alone. */
void posix_fixture_sweep(const char *kind);
