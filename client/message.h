/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One received message, or the bytes that were there, on standard output. */
#pragma once

#include <gio/gio.h>

#include "cli.h"

/* False: it could not be written. `may_be_cut`: less than all there is was asked for, and that is no news. */
bool message_print(const Cli *cli, const char *address, GVariant *data, GVariant *meta, bool hex, bool may_be_cut);
