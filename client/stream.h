/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Bytes of streams through a descriptor of the service, not over the bus. */
#pragma once

#include <gio/gio.h>
#include <stdint.h>

#include "cli.h"

typedef struct StreamReceive {
        uint64_t timeout; /* microseconds, for each wait */
        uint64_t count;   /* pieces; 0: until the end */
        uint64_t size;    /* of a piece, or of a message, at the most */
        bool follow;      /* the end is success */
        bool hex;
        bool plain; /* as they come, the shortest way: nothing is counted, cut or written differently */
} StreamReceive;

/* Copies standard input into the stream. *ret_done false: there is no descriptor to be had and nothing was read; use
 * the bus. */
ExitCode stream_send_input(
        Cli *cli, const char *address, GVariant *description, uint64_t timeout_usec, bool *ret_done);
/* Prints what comes. *ret_done as above. One descriptor for all pieces: to come back for each would leave the stream
 * without a reader in between. */
ExitCode stream_receive(
        Cli *cli, const char *address, GVariant *description, const StreamReceive *how, bool *ret_done);
