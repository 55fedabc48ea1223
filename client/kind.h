/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the client knows of a kind: what the service says of it. */
#pragma once

#include <gio/gio.h>
#include <stdbool.h>

#include "cli.h"

/* DescribeKind, asked once for each kind. The caller unrefs it. */
ExitCode kind_describe(Cli *cli, const char *kind, GVariant **ret_description);
/* All kinds; the caller frees with g_strfreev(). */
ExitCode kind_list(Cli *cli, char ***ret_kinds);
bool kind_has_interface(GVariant *description, const char *interface);
bool kind_has_operation(GVariant *description, const char *operation);
bool kind_has_end(GVariant *description, const char *end);
/* A fact that is true or false. */
bool kind_is(GVariant *description, const char *fact);

/* The kind in front of the colon, "" where there is none. The caller frees it. */
char *address_kind(const char *address);
/* What was typed as the bus can carry it: bytes that are not UTF-8 become \xHH. The caller frees it. */
char *text_for_bus(const char *text);
/* Is it KIND:IDENTITY? The rest is checked by the service, which knows the kind. `ret_address` is what to send; the
 * caller frees it. */
ExitCode address_check(const char *text, char **ret_address);
/* The same, written as events have it. */
ExitCode address_canonical(const char *text, char **ret_address);
/* The same for a verb that has to know the kind: socket:[81234] becomes what it is, as unix-stream:[81234]. */
ExitCode address_find(Cli *cli, const char *text, char **ret_address);
