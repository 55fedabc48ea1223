/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The claims that UNIX sockets of all types have in common, and those of connections, as rows for the tables of their
 * kinds. */
#pragma once

#include "checks.h"
#include "socket-checks.h"
#include "unix-checks.h"

#define UNIX_CLAIMS                                                                                                   \
        { "descriptor", "an open descriptor can be sent to another process", "unix(7)", CHECK_BOTH,                   \
                unix_check_descriptor, { unix_check_role }, .aspects = ASPECT(DESCRIPTORS) },                         \
                { "stale", "the file outlives its socket and stands in the way of the next", "unix(7)", CHECK_BOTH,   \
                        unix_check_stale, { unix_check_role },                                                        \
                        .aspects = ASPECT(PERSISTENCE) | ASPECT(CREATOR_GONE) },                                      \
                { "abstract", "an abstract name ends with its socket", "unix(7)", CHECK_BOTH, unix_check_abstract,    \
                        { unix_check_role } },                                                                        \
                { "path-limit", "a path has at most 107 bytes and a NUL, or on Linux 108 without", "unix(7)",         \
                        CHECK_BOTH, unix_check_path_limit, { unix_check_role }, .aspects = ASPECT(MAXIMUM) },         \
                { "pair", "socketpair(2) connects two ends that need no name", "socketpair(2)", CHECK_BOTH,           \
                        unix_check_pair, { unix_check_role },                                                         \
                        .aspects = ASPECT(FULL_DUPLEX) | ASPECT(CREATOR_GONE) },                                      \
                { "killed-within",                                                                                    \
                        "of a sender killed while it waits for room, what it had sent is received, and nothing else", \
                        "send(2)", CHECK_BOTH, transport_writer_killed_within,                                        \
                        { transport_writer_killed_within_role }, .aspects = ASPECT(WRITER_KILLED) },                  \
                { "other-user", "another user connects and sends where the mode of the socket's file lets him",       \
                        "unix(7)", CHECK_BOTH, transport_other_user, { transport_place_role },                        \
                        .aspects = ASPECT(OTHER_USER) },                                                              \
                { "other-net", "a path is reached from another network namespace, unlike an abstract name",           \
                        "unix(7)", CHECK_BOTH, transport_other_net, { transport_place_role },                         \
                        .aspects = ASPECT(NAMESPACE) },                                                               \
                { "namespace",                                                                                        \
                        "abstract names belong to the network namespace; a socket that was handed over works in any", \
                        "network_namespaces(7)", CHECK_BOTH, socket_check_namespace, { unix_check_role },             \
                        .aspects = ASPECT(NAMESPACE) },                                                               \
                { "rights-truncated",                                                                                 \
                        "descriptors that find no room in the control buffer are closed, and MSG_CTRUNC tells of it", \
                        "unix(7)", CHECK_BOTH, unix_rights_truncated, { unix_check_role },                            \
                        .aspects = ASPECT(DESCRIPTORS) },                                                             \
                { "rights-exhausted",                                                                                 \
                        "a receiver without numbers left gets the bytes without the descriptors, and MSG_CTRUNC",     \
                        "unix(7)", CHECK_BOTH, unix_rights_exhausted, { unix_check_role },                            \
                        .aspects = ASPECT(DESCRIPTORS) | ASPECT(EXHAUSTION) },                                        \
                { "rights-limit", "253 descriptors go in one message; one more gives EINVAL", "unix(7)", CHECK_BOTH,  \
                        unix_rights_limit, { unix_check_role }, .aspects = ASPECT(DESCRIPTORS) | ASPECT(MAXIMUM) },   \
                { "rights-in-flight", "a user with more descriptors under way than RLIMIT_NOFILE gets ETOOMANYREFS",  \
                        "unix(7)", CHECK_BOTH, unix_rights_in_flight, { unix_check_role },                            \
                        .aspects = ASPECT(DESCRIPTORS) | ASPECT(LIMIT) },                                             \
                { "rights-under-way",                                                                                 \
                        "a descriptor under way keeps its file open, and is closed with the socket that nobody read", \
                        "unix(7)", CHECK_BOTH, unix_rights_under_way, { unix_check_role },                            \
                        .aspects = ASPECT(DESCRIPTORS) | ASPECT(PERSISTENCE) },                                       \
                { "forged", "without the right to it nobody sends the credentials of another user or process",        \
                        "unix(7)", CHECK_BOTH, unix_credentials_forged, { unix_pretend_role },                        \
                        .aspects = ASPECT(CREDENTIALS) | ASPECT(PERMISSION) },                                        \
                { "autobind", "bind(2) without a name gives an abstract one that nobody else has", "unix(7)",         \
                        CHECK_BOTH, unix_autobind, { unix_check_role }, .aspects = ASPECT(UNRELATED) },               \
                { "open", "open(2) of the file of a socket gives ENXIO", "open(2)", CHECK_BOTH, unix_opened_as_file,  \
                        { unix_check_role }, .aspects = ASPECT(UNRELATED) },                                          \
        {                                                                                                             \
                "send-timeout", "with SO_SNDTIMEO a send gives EAGAIN when its time is over", "socket(7)",            \
                        CHECK_BOTH, unix_send_timeout, { unix_check_role }, .aspects = ASPECT(TIMEOUT) | ASPECT(FULL) \
        }

/* Of streams and of packets. */
#define UNIX_CONNECTION_CLAIMS                                                                                        \
        { "duplex", "full duplex: both sides send and receive at the same time", "unix(7)", CHECK_BOTH,               \
                transport_duplex, { transport_duplex_role },                                                          \
                .aspects = ASPECT(FULL_DUPLEX) | ASPECT(BIDIRECTIONAL) },                                             \
                { "send-blocks", "a sender sleeps while the buffer is full", "send(2)", CHECK_BOTH,                   \
                        transport_send_blocks, { transport_send_blocks_role },                                        \
                        .aspects = ASPECT(BLOCKING) | ASPECT(FULL) },                                                 \
                { "peer-gone", "sending to a killed peer gives EPIPE", "send(2)", CHECK_BOTH,                         \
                        transport_receiver_killed, { transport_receiver_killed_role },                                \
                        .aspects = ASPECT(HOLDER_KILLED) },                                                           \
                { "half-close", "each direction can be closed by itself", "shutdown(2)", CHECK_BOTH,                  \
                        unix_connection_half_closed, { unix_check_role }, .aspects = ASPECT(FULL_DUPLEX) },           \
                { "credentials", "SO_PEERCRED says who is on the other side", "unix(7)", CHECK_BOTH,                  \
                        unix_connection_credentials, { unix_check_role }, .aspects = ASPECT(CREDENTIALS) },           \
                { "limit", "a full backlog makes connect wait, or give EAGAIN", "listen(2)", CHECK_BOTH,              \
                        unix_connection_backlog, { unix_check_role }, .aspects = ASPECT(LIMIT) | ASPECT(FULL) },      \
                { "nobody-there", "connecting where nobody listens is refused at once", "connect(2)", CHECK_BOTH,     \
                        unix_connection_nobody_there, { unix_check_role }, .aspects = ASPECT(UNRELATED) },            \
                { "permission", "connecting needs the right to write the socket's file", "unix(7)", CHECK_BOTH,       \
                        unix_check_permission, { unix_check_role }, .aspects = ASPECT(PERMISSION) },                  \
                { "hang-up", "POLLRDHUP says that the peer sends no more, POLLHUP that both directions are closed",   \
                        "poll(2)", CHECK_BOTH, unix_connection_hang_up, { unix_check_role },                          \
                        .aspects = ASPECT(EMPTY) },                                                                   \
                { "shared-end",                                                                                       \
                        "a connection ends when the last copy of an end is closed; shutdown(2) works for all copies", \
                        "shutdown(2)", CHECK_BOTH, unix_connection_shared_end, { unix_check_role },                   \
                        .aspects = ASPECT(PERSISTENCE) },                                                             \
                { "client-gone", "who connected and has gone is still accepted, with what it had sent", "accept(2)",  \
                        CHECK_BOTH, unix_connection_client_gone, { unix_check_role },                                 \
                        .aspects = ASPECT(PERSISTENCE) | ASPECT(CREATOR_GONE) },                                      \
        {                                                                                                             \
                "past-credentials", "SO_PEERCRED says who the peer was when it connected, whoever it is now",         \
                        "unix(7)", CHECK_BOTH, unix_connection_past_credentials, { unix_check_role },                 \
                        .aspects = ASPECT(CREDENTIALS)                                                                \
        }

#define UNIX_GAPS                                                                                                   \
        { ASPECT_PRIORITY, "What was sent first is received first; there are no priorities." }, {                   \
                ASPECT_SYNCHRONISATION,                                                                             \
                        "Processes share no memory here: the kernel copies, and keeps senders and receivers apart." \
        }
