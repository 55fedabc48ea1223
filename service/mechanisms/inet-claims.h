/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The claims that Internet sockets have in common, as rows for the tables of their kinds: those of all, those of kinds
 * with ports, and those of datagrams, for which `what` says how the kind calls them and `page` where that stands. */
#pragma once

#include "inet-checks.h"
#include "socket-checks.h"

#define INET_CLAIMS                                                                                                \
        { "other-ipc", "IPC namespaces do not matter to a socket", "ipc_namespaces(7)", CHECK_BOTH,                \
                transport_other_ipc, { transport_place_role }, .aspects = ASPECT(NAMESPACE) },                     \
        {                                                                                                          \
                "exhausted", "with no descriptor left a socket cannot be made (EMFILE); one that is open goes on", \
                        "socket(2)", CHECK_BOTH, transport_exhausted, { transport_exhausted_role },                \
                        .aspects = ASPECT(EXHAUSTION)                                                              \
        }

#define INET_PORT_CLAIMS(page)                                                                                        \
        { "permission", "binding to a port below ip_unprivileged_port_start needs CAP_NET_BIND_SERVICE", "ip(7)",     \
                CHECK_BOTH, inet_check_privileged, { inet_check_role }, .aspects = ASPECT(PERMISSION) },              \
                { "other-user",                                                                                       \
                        "another user connects, sends and receives: a port belongs to no user and has no mode", page, \
                        CHECK_BOTH, transport_other_user, { transport_place_role }, .aspects = ASPECT(OTHER_USER) },  \
        {                                                                                                             \
                "namespace", "ports belong to the network namespace; a socket that was handed over works in any",     \
                        "network_namespaces(7)", CHECK_BOTH, socket_check_namespace, { inet_check_role },             \
                        .aspects = ASPECT(NAMESPACE)                                                                  \
        }

#define INET_DATAGRAM_CLAIMS(what, page)                                                                            \
        { "boundaries", "a " what " is received whole, never split or joined", page, CHECK_BOTH,                    \
                transport_boundaries, { transport_boundaries_role },                                                \
                .aspects = ASPECT(BOUNDARIES) | ASPECT(ATOMICITY) },                                                \
                { "order", "on loopback " what "s that find room stay in order", page, CHECK_BOTH, transport_order, \
                        { transport_order_role }, .aspects = ASPECT(ORDER) },                                       \
                { "duplex", "both sides send and receive at the same time", page, CHECK_BOTH, transport_duplex,     \
                        { transport_duplex_role }, .aspects = ASPECT(FULL_DUPLEX) | ASPECT(BIDIRECTIONAL) },        \
                { "receive-blocks", "a receiver sleeps until there is a " what, "recv(2)", CHECK_BOTH,              \
                        transport_receive_blocks, { transport_receive_blocks_role },                                \
                        .aspects = ASPECT(BLOCKING) | ASPECT(EMPTY) },                                              \
                { "sender-killed", what "s outlive a killed sender, and there is no end of file", page, CHECK_BOTH, \
                        transport_sender_killed_empty, { transport_sender_killed_role },                            \
                        .aspects = ASPECT(PERSISTENCE) },                                                           \
                { "next-waiter", "when a receiver that waits is killed, another gets what is sent then", page,      \
                        CHECK_BOTH, transport_waiter_killed, { transport_waiter_killed_role },                      \
                        .aspects = ASPECT(WAITER_KILLED) },                                                         \
        {                                                                                                           \
                "many-writers", "what several send at once arrives once, whole, and in the order of each", page,    \
                        CHECK_BOTH, transport_many_writers, { transport_many_writers_role },                        \
                        .aspects = ASPECT(MANY_WRITERS) | ASPECT(ATOMICITY)                                         \
        }

#define INET_GAPS                                                                                                   \
        { ASPECT_DESCRIPTORS, "Descriptors go along over UNIX sockets only (SCM_RIGHTS)." }, {                      \
                ASPECT_SYNCHRONISATION,                                                                             \
                        "Processes share no memory here: the kernel copies, and keeps senders and receivers apart." \
        }
