/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One connection of a listening socket, for peers.c, which owns it and keeps the list of them. */
#pragma once

#include "peers.h"

typedef struct Peer {
        int fd;
        uint64_t number; /* ours; 0 is the listener's in epoll data */
        Record *about;   /* what the kind says of it; may be NULL */
        bool heard;      /* something was received */
        uint64_t told;   /* bytes that waited when that was told last; of kinds with boundaries */
        bool announced;  /* its coming was told, or nobody asked for events when it came */
        bool end_told;   /* so was its end, but it can still be answered */
        bool deaf;       /* cannot be written to any more */
        bool ended;      /* read to its end; goes with the next watch() */
        bool reset;      /* the end was none that its far end announced */
} Peer;

/* Bytes that wait in it. */
uint64_t peer_queued(const Peer *peer);
/* All was read, and the far end will send no more. Where that is all that is seen of a far end that closed, it counts
 * as its end, though the connection is kept for answers. */
bool peer_end_untold(const PeersFace *face, const Peer *peer);
/* Closed at the far end, and nothing left to read: bytes that have arrived are never lost. */
bool peer_is_gone(const PeersFace *face, const Peer *peer);

/* The errno of a far end that closed without reading all, or is not heard of any more. */
bool connection_lost(int number);
/* 1: bytes, 0: the end, -EAGAIN. A far end that closed without reading all resets the connection, which is its end. */
int peer_read(const PeersFace *face, Peer *peer, bool peek, size_t size, void **ret_data, size_t *ret_size,
        Record *meta, PassedFds *wanted);
int peer_write(const PeersFace *face, const Peer *peer, const void *data, size_t size, const PassedFds *given,
        size_t *ret_sent);

/* Who it is: as answers say it, and into what came with a message, which is nearer than what was said of the
 * connection. */
void peer_describe(const Peer *peer, Record *record);
void peer_tell_of(const Peer *peer, Record *meta);
void peer_tell(const Peer *peer, ObjectEvent event, EventSink *sink);
/* Of bytes of a stream nothing is told: they have no beginning and no end. */
void peer_tell_message(const PeersFace *face, Peer *peer, EventSink *sink);
