/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* UNIX sockets with connections: the operations that unix-stream and unix-seqpacket share, and their options. */
#pragma once

#include "mechanism.h"
#include "unix-pair.h"

#define UNIX_CONNECTION_OPTIONS                                                                                      \
        {                                                                                                            \
                "path", OPTION_STRING, OPTION_FOR_CREATE, NULL, 0, 0,                                                \
                "where to bind it: an absolute path; without \"path\" and \"name\" this makes a pair without a name" \
        },                                                                                                           \
                { "name", OPTION_STRING, OPTION_FOR_CREATE, NULL, 0, 0,                                              \
                        "an abstract name, which needs no file and ends with the socket" },                          \
                { "mode", OPTION_MODE, OPTION_FOR_CREATE, "0600", 0, 07777,                                          \
                        "permission bits of the path: who may write may connect" },                                  \
                { "backlog", OPTION_COUNT, OPTION_FOR_CREATE, "4096", 1, INT32_MAX,                                  \
                        "how many connections may wait to be accepted; at most net.core.somaxconn" },                \
                { "replace", OPTION_BOOL, OPTION_FOR_CREATE, "false", 0, 0,                                          \
                        "take the place of a socket file that nobody is bound to any more" },                        \
                UNIX_PAIR_OPTIONS,                                                                                   \
                { "listen", OPTION_BOOL, OPTION_FOR_SEND, "false", 0, 0,                                             \
                        "to whoever connected to this socket of ours, instead of connecting to it" },                \
                { "listen", OPTION_BOOL, OPTION_FOR_RECEIVE | OPTION_FOR_PEEK, NULL, 0, 0,                           \
                        "from whoever connects to this socket of ours (the default for ours)" },                     \
                { "connect", OPTION_BOOL, OPTION_FOR_RECEIVE | OPTION_FOR_PEEK, NULL, 0, 0,                          \
                        "connect to the address and read there (the default for others')" },                         \
        {                                                                                                            \
                "peer", OPTION_COUNT, OPTION_FOR_SEND | OPTION_FOR_RECEIVE | OPTION_FOR_PEEK, NULL, 1, 0,            \
                        "only to or from this connection of ours, by the number that it has in events and answers"   \
        }

extern const char *const unix_connection_ends[];

int unix_connection_probe(int type, Record *facts, Error *error);
int unix_connection_create(KernelObject *object, const Record *options, Error *error);
int unix_connection_open(KernelObject *object, const Record *options, Error *error);
int unix_connection_from_fd(KernelObject *object, int fd, const Record *options, Error *error);
void unix_connection_close(KernelObject *object);
int unix_connection_remove(KernelObject *object, Error *error);
int unix_connection_send(
        KernelObject *object, const void *data, size_t size, const Record *options, size_t *ret_sent, Error *error);
int unix_connection_receive(KernelObject *object, bool peek, const Record *options, void **ret_data, size_t *ret_size,
        Record *meta, Error *error);
int unix_connection_wait_on(KernelObject *object, Operation operation, int *ret_fd, uint32_t *ret_events);
bool unix_connection_as_client(Operation operation, const Record *options);
int unix_connection_open_end(KernelObject *object, const char *end, bool take, int *ret_fd, Error *error);
int unix_connection_accept(KernelObject *object, int *ret_fd, Record *peer, Error *error);
int unix_connection_describe(KernelObject *object, Record *attributes, Error *error);
int unix_connection_watch_on(KernelObject *object, int *ret_fd, uint32_t *ret_events);
void unix_connection_watch(KernelObject *object, uint32_t revents, EventSink *sink);
int unix_connection_holder_keys(const KernelObject *object, HolderKey *ret_keys, size_t *n);
