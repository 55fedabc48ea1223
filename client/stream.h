/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Bytes of streams through a descriptor of the service, not over the bus. */
#pragma once

#include <gio/gio.h>
#include <stdint.h>

#include "cli.h"

/* Copies standard input into the writing end, or into one new connection. *ret_done false: there is no such descriptor
 * to be had, nothing was read, use the bus. */
ExitCode stream_send_input(
        Cli *cli, const char *address, GVariant *description, uint64_t timeout_usec, bool *ret_done);
/* Copies the end "read" or "connect" to standard output until the stream ends. *ret_done as above. */
ExitCode stream_receive_output(Cli *cli, const char *address, const char *end, uint64_t timeout_usec, bool *ret_done);

/* One connection, of which what arrives is told apart only by when it arrives. The caller closes *ret_fd; -EBADF:
 * there is none to be had. */
ExitCode stream_connect(Cli *cli, const char *address, int *ret_fd);
/* At most `size` bytes, no bytes at its end; NULL and the code if it failed. */
GBytes *stream_receive_part(const char *address, int fd, size_t size, uint64_t timeout_usec, ExitCode *ret_code);
