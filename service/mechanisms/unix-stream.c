/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* UNIX stream sockets: connections that carry bytes without boundaries. What they do is in unix-connection.c. */
#include "mechanism.h"

#include <sys/socket.h>

#include "checks.h"
#include "kinds.h"
#include "trait-tables.h"
#include "unix-address.h"
#include "unix-connection.h"
#include "unix-parts.h"

static const OptionSpec stream_options[] = {
        UNIX_CONNECTION_OPTIONS,
        { "size", OPTION_SIZE, OPTION_FOR_RECEIVE | OPTION_FOR_PEEK, "64K", 1, 0, "the most bytes to take" },
        {},
};

static int stream_probe(Record *facts, Error *error) {
        return unix_connection_probe(SOCK_STREAM, facts, error);
}

const Mechanism mechanism_unix_stream = {
        .kind = "unix-stream",
        .title = "UNIX stream socket",
        .family = "sockets",
        .capabilities = CAPABILITY_STREAM,
        .address_forms = UNIX_ADDRESS_FORMS,
        .facts = {
                .direction = "full-duplex",
                .full_duplex = true,
                .bidirectional = true,
                .order = "first in, first out",
                .persistence = "a path until removed, the connection until closed",
                .unrelated = true,
                .carries_data = true,
                .descriptors = true,
                .connection = "connection-oriented",
                .source = "unix(7)",
        },
        .ends = unix_connection_ends,
        .options = stream_options,
        .reasons = {
                [OPERATION_POST] = "A socket carries bytes; posting is for semaphores.",
                [OPERATION_WAIT] = "A socket carries bytes; waiting is for semaphores. Receive with a time-out waits for bytes.",
                [OPERATION_RESIZE] = "The buffers of a socket belong to each connection (SO_SNDBUF); a listening socket has none.",
                [OPERATION_SEAL] = "A socket cannot be sealed; memory files can.",
                [OPERATION_LISTEN] = "Listening for signals is for the kind \"signal\"; this one listens from its creation on.",
        },
        .probe = stream_probe,
        .create = unix_connection_create,
        .open = unix_connection_open,
        .from_fd = unix_connection_from_fd,
        .needs_fetch = unix_needs_fetch,
        .alias = "socket",
        .resolve = unix_resolve,
        .fetch = unix_fetch,
        .revive = unix_revive,
        .close = unix_connection_close,
        .remove = unix_connection_remove,
        .identify = unix_identify,
        .file = unix_file,
        .explain = unix_explain,
        .send = unix_connection_send,
        .receive = unix_connection_receive,
        .wait_on = unix_connection_wait_on,
        .as_client = unix_connection_as_client,
        .open_end = unix_connection_open_end,
        .accept = unix_connection_accept,
        .describe = unix_connection_describe,
        .watch_on = unix_connection_watch_on,
        .watch = unix_connection_watch,
        .scan = unix_stream_scan,
        .holder_keys = unix_connection_holder_keys,
        .transport = &unix_stream_transport,
        .example = "path=/tmp/example",
        .traits = unix_stream_traits,
        .checks = unix_stream_checks,
        .gaps = unix_stream_gaps,
};
