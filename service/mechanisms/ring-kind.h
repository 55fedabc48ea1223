/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The parts of the kind ring: messages through a sealed memfd, as libipcbus-ring (interfaces/ring/) lays them out. */
#pragma once

#include <ipcbus-ring.h>
#include <stdbool.h>

#include "mechanism.h"
#include "transport.h"

typedef struct RingState RingState;

#define RING_KIND "ring"

/* Is there a ring behind the descriptor? Looks at its seals and its first bytes, maps nothing. */
bool ring_is(int fd);
/* For people: "ring:[5]". */
typedef struct RingName {
        char text[40];
} RingName;
RingName ring_name(const KernelObject *object);
/* The text for what ipcbus_ring_open() answered, and the error that goes with it. */
int ring_join_failed(const KernelObject *object, IpcbusRingRole role, int r, Error *error);
/* Opens it in that role and says in words why not. */
int ring_join(const KernelObject *object, IpcbusRingRole role, IpcbusRing **ret, Error *error);

/* Sending and receiving, in a worker (ring-use.c). */
int ring_send(
        KernelObject *object, const void *data, size_t size, const Record *options, size_t *ret_sent, Error *error);
int ring_receive(KernelObject *object, bool peek, const Record *options, void **ret_data, size_t *ret_size,
        Record *meta, Error *error);

/* What is in it, who uses it, and when one of them ends (ring-look.c). The state is the object's; freed with NULL. */
RingState *ring_state_free(RingState *state);
int ring_describe(KernelObject *object, Record *attributes, Error *error);
int ring_inspect(KernelObject *object, Record *attributes, Error *error);
int ring_watch_on(KernelObject *object, int *ret_fd, uint32_t *ret_events);
void ring_watch(KernelObject *object, uint32_t revents, EventSink *sink);
int ring_scan(Scan *scan);
int ring_explain(const Address *address, Explanation *explanation);

extern const Transport ring_transport, ring_transport_many;
extern const Transport *const ring_more_transports[];
