/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The claims that sockets have in common, whatever their family, as rows for the tables of their kinds. `role` is that
 * of their peers, which serves what socket-checks.h lists. */
#pragma once

#include "checks.h"
#include "socket-checks.h"

#define SOCKET_CLAIMS(role)                                                                                           \
        { "timeout", "poll(2) gives up at its time-out, never before", "poll(2)", CHECK_BOTH, transport_timeout,      \
                { transport_timeout_role }, .aspects = ASPECT(TIMEOUT) },                                             \
                { "interrupted", "a handler that runs while a receiver waits: EINTR, or with SA_RESTART it goes on",  \
                        "signal(7)", CHECK_BOTH, transport_interrupted_restarts, { transport_interrupted_role },      \
                        .aspects = ASPECT(INTERRUPTED) },                                                             \
                { "stopped", "a receiver that is stopped and continued goes on by itself", "signal(7)", CHECK_BOTH,   \
                        transport_stopped_goes_on, { transport_interrupted_role }, .aspects = ASPECT(INTERRUPTED) },  \
                { "peek", "MSG_PEEK shows what waits and leaves it", "recv(2)", CHECK_BOTH, socket_check_peek,        \
                        { role }, .aspects = ASPECT(NON_BLOCKING) | ASPECT(EMPTY) },                                  \
                { "receive-timeout", "with SO_RCVTIMEO a receive gives EAGAIN when its time is over, never before",   \
                        "socket(7)", CHECK_BOTH, socket_check_receive_timeout, { role },                              \
                        .aspects = ASPECT(TIMEOUT) },                                                                 \
                { "timeout-interrupted", "with SO_RCVTIMEO a handler gives EINTR, also with SA_RESTART", "signal(7)", \
                        CHECK_BOTH, socket_check_timeout_interrupted, { role }, .aspects = ASPECT(INTERRUPTED) },     \
                { "waiter-killed", "who is killed while it waits to receive takes nothing along", "recv(2)",          \
                        CHECK_BOTH, socket_check_waiter_killed, { role },                                             \
                        .aspects = ASPECT(WAITER_KILLED) | ASPECT(HOLDER_KILLED) },                                   \
                { "shared",                                                                                           \
                        "processes that share a socket send at the same time, and small sends that find room are "    \
                        "not mixed",                                                                                  \
                        "socket(2)", CHECK_BOTH, socket_check_many_writers, { role },                                 \
                        .aspects = ASPECT(MANY_WRITERS) | ASPECT(ATOMICITY) },                                        \
                { "creator-gone", "a socket that was handed over lives on when its maker is killed", "unix(7)",       \
                        CHECK_BOTH, socket_check_creator_gone, { role }, .aspects = ASPECT(CREATOR_GONE) },           \
        {                                                                                                             \
                "buffer-limit", "a buffer larger than rmem_max is cut to it without an error", "socket(7)",           \
                        CHECK_BOTH, socket_check_buffer_limit, { role }, .aspects = ASPECT(LIMIT)                     \
        }

/* Of sockets that listen and have connections. */
#define SOCKET_CONNECTION_CLAIMS(role)                                                                              \
        { "non-blocking", "without waiting, empty and full give EAGAIN", "send(2)", CHECK_BOTH,                     \
                transport_nonblocking, { transport_nonblocking_role },                                              \
                .aspects = ASPECT(NON_BLOCKING) | ASPECT(FULL) | ASPECT(EMPTY) },                                   \
                { "accept-exhausted", "without a descriptor left accept gives EMFILE, and the connection waits on", \
                        "accept(2)", CHECK_BOTH, socket_check_accept_exhausted, { role },                           \
                        .aspects = ASPECT(EXHAUSTION) },                                                            \
        {                                                                                                           \
                "accept-killed", "who is killed while it waits in accept takes no connection along", "accept(2)",   \
                        CHECK_BOTH, socket_check_accept_killed, { role }, .aspects = ASPECT(WAITER_KILLED)          \
        }
