/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Bytes of streams through a descriptor of the service, not over the bus. */
#pragma once

#include <gio/gio.h>
#include <stdint.h>

#include "cli.h"

/* Copies standard input into the writing end. *ret_done false: there is no such descriptor to be had, nothing was
 * read, use the bus. */
ExitCode stream_send_input(
        Cli *cli, const char *address, GVariant *description, uint64_t timeout_usec, bool *ret_done);
/* Copies the reading end to standard output until the stream ends. *ret_done as above. */
ExitCode stream_receive_output(
        Cli *cli, const char *address, GVariant *description, uint64_t timeout_usec, bool *ret_done);
