/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* UNIX sockets that have no name: the two ends of a socketpair(2) made here, or one socket that somebody gave or that
 * was fetched from another process. End "a" names the object; where the other end is not ours it is somewhere else.
 *
 * Sockets cannot be opened again, so an end that is handed out is the same open file: neither its flags nor its
 * options are changed once anybody else has it. */
#pragma once

#include "mechanism.h"

enum { UNIX_END_A = 2, UNIX_END_B = 3 }; /* in KernelObject.fds; 0 and 1 are for sockets with names */

#define UNIX_PAIR_OPTIONS                                                                                           \
        { "hold", OPTION_BOOL, OPTION_FOR_CREATE, "true", 0, 0,                                                     \
                "of a pair: keep both ends after they were opened; false gives each away with its first OpenEnd" }, \
                { "credentials", OPTION_BOOL, OPTION_FOR_CREATE, "false", 0, 0,                                     \
                        "of a pair: tell of each message who sent it (SO_PASSCRED); an end that sends gets a name " \
                        "then" },                                                                                   \
        {                                                                                                           \
                "end", OPTION_STRING, OPTION_FOR_SEND | OPTION_FOR_RECEIVE | OPTION_FOR_PEEK, NULL, 0, 0,           \
                        "of a pair: which end to use, a or b; the default is to send into a and to receive from b"  \
        }

/* Is this object one of those? */
bool unix_pair_is(const KernelObject *object);
int unix_pair_create(KernelObject *object, int type, const Record *options, Error *error);
/* Takes the socket over, as end "a" of an object of its own. */
int unix_pair_adopt(KernelObject *object, int fd, Error *error);
void unix_pair_close(KernelObject *object);
int unix_pair_remove(KernelObject *object, Error *error);
int unix_pair_send(KernelObject *object, int type, const void *data, size_t size, const Record *options,
        size_t *ret_sent, Error *error);
int unix_pair_receive(KernelObject *object, int type, bool peek, const Record *options, void **ret_data,
        size_t *ret_size, Record *meta, Error *error);
int unix_pair_wait_on(KernelObject *object, Operation operation, int *ret_fd, uint32_t *ret_events);
int unix_pair_open_end(KernelObject *object, const char *end, bool take, int *ret_fd, Error *error);
int unix_pair_describe(KernelObject *object, Record *attributes, Error *error);
int unix_pair_watch_on(KernelObject *object, int *ret_fd, uint32_t *ret_events);
void unix_pair_watch(KernelObject *object, uint32_t revents, EventSink *sink);
int unix_pair_holder_keys(const KernelObject *object, HolderKey *ret_keys, size_t *n);
/* What the kernel tells of a socket that is held here, under names that begin with `prefix`. */
void unix_socket_describe(int fd, const char *prefix, Record *attributes);
