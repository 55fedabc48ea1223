/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the kinds udp and raw do alike. fds[0] is the bound socket of an object that was made here, or one that came as
 * a descriptor; fds[1] a socket without a port of its own choice that is connected to the address and sends, so that
 * a refusal of the far host is heard. Both block, so that they can be handed out as they are: here they are used with
 * MSG_DONTWAIT. */
#pragma once

#include "inet-socket.h"

int inet_datagram_create(const InetKind *kind, KernelObject *object, const Record *options, Error *error);
int inet_datagram_from_fd(const InetKind *kind, KernelObject *object, int fd, Error *error);
int inet_datagram_revive(const InetKind *kind, KernelObject *object, Error *error);
void inet_datagram_close(KernelObject *object);
int inet_datagram_remove(KernelObject *object, Error *error);
int inet_datagram_send(const InetKind *kind, KernelObject *object, const void *data, size_t size,
        const Record *options, size_t *ret_sent, Error *error);
int inet_datagram_receive(const InetKind *kind, KernelObject *object, bool peek, const Record *options,
        void **ret_data, size_t *ret_size, Record *meta, Error *error);
int inet_datagram_wait_on(KernelObject *object, Operation operation, int *ret_fd, uint32_t *ret_events);
int inet_datagram_open_end(
        const InetKind *kind, KernelObject *object, const char *end, bool take, int *ret_fd, Error *error);
int inet_datagram_describe(const InetKind *kind, KernelObject *object, Record *attributes);
int inet_datagram_watch_on(KernelObject *object, int *ret_fd, uint32_t *ret_events);
void inet_datagram_watch(KernelObject *object, uint32_t revents, EventSink *sink);

/* For options with these meanings in both kinds. */
#define INET_DATAGRAM_OPTIONS                                                                               \
        { "receive_buffer", OPTION_SIZE, OPTION_FOR_CREATE, NULL, 1, INT32_MAX / 2,                         \
                "room for what waits (SO_RCVBUF); what finds none is lost, and counted" },                  \
                { "broadcast", OPTION_BOOL, OPTION_FOR_SEND, "false", 0, 0,                                 \
                        "the address may be one of a whole network (SO_BROADCAST)" },                       \
        {                                                                                                   \
                "size", OPTION_SIZE, OPTION_FOR_RECEIVE | OPTION_FOR_PEEK, NULL, 1, 0,                      \
                        "the most bytes to take; what a message has more is lost. The default is all of it" \
        }
