/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One received message, or the bytes that were there, on standard output. */
#pragma once

#include <gio/gio.h>

#include "cli.h"

/* False: it could not be written. `last_newline`: a terminal gets one behind a message that ends without it. */
bool message_print(const Cli *cli, const char *address, GVariant *data, GVariant *meta, bool hex, bool last_newline);
