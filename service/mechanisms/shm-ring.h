/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A link over a piece of shared memory, whatever kind it is of: the kind makes the memory and maps it, the ring does
 * the rest. setup() of the kind calls shm_ring_plan() and makes that many zero bytes; attach() maps them and gives the
 * address to shm_ring_attach(); detach() gets it back from shm_ring_detach() and unmaps it. words[0] to words[2] of
 * the link are the ring's. */
#pragma once

#include "transport.h"

enum { SHM_RING_MESSAGE_MAX = 64 * 1024 * 1024 };

/* Settles message_max, depth and words; the bytes that are needed. */
size_t shm_ring_plan(Link *link);
/* The same bytes, in a side. */
size_t shm_ring_size(const Link *link);
/* `base` stays the caller's where it fails. */
int shm_ring_attach(Link *link, void *base, Error *error);
/* NULL where nothing was attached. */
void *shm_ring_detach(Link *link);
/* Both for memory that is a file: maps it and attaches, detaches and unmaps. The descriptor stays the caller's. */
int shm_ring_map(Link *link, int fd, Error *error);
void shm_ring_unmap(Link *link);

int shm_ring_send(Link *link, const void *data, size_t size);
ssize_t shm_ring_receive(Link *link, void *buffer, size_t size);
int shm_ring_try_send(Link *link, const void *data, size_t size);
ssize_t shm_ring_try_receive(Link *link, void *buffer, size_t size);
int shm_ring_wait_readable(Link *link, uint64_t timeout_usec);
void shm_ring_close_direction(Link *link, bool sending);

/* What is the same in the Transport of every memory that the ring lies in. */
#define SHM_RING_TRANSPORT                                                                            \
        .message_max = SHM_RING_MESSAGE_MAX, .in_memory = true, .boundaries = true, .executed = true, \
        .send = shm_ring_send, .receive = shm_ring_receive, .try_send = shm_ring_try_send,            \
        .try_receive = shm_ring_try_receive, .wait_readable = shm_ring_wait_readable,                 \
        .close_direction = shm_ring_close_direction,                                                  \
        .poll_reason = "memory has no descriptor that tells when it is written: nothing but a futex waits for it"
