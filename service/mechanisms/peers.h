/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The connections of a listening socket: accepted at once, up to a bound, and read in turn. One epoll instance over
 * the listener and all of them is what a caller waits on and what is watched.
 *
 * A connection goes away when all its bytes were read and its far end closed. One whose far end only closed its
 * sending direction (shutdown(2)) stays until the next receive finds nothing in it, so that it can still be answered.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mechanism.h"

/* Above that they wait in the backlog. */
enum { PEERS_MAX = 64 };

typedef struct Peers Peers;

/* What differs between kinds. */
typedef struct PeersFace {
        /* Who is at the far end, as answers and events say it: "pid", "from" … */
        void (*describe)(int fd, Record *about);
        /* A far end that closed both directions looks like one that closed its sending direction only (TCP): then
         * "peer closed" is told as soon as all was read, and the connection is kept until the next receive, in case
         * that it is answered. */
        bool half_is_all;
        bool boundaries; /* messages, whose coming is told */
        /* What goes beside bytes, and messages; the three are there, or none: then recv(2) and send(2) do. Never wait.
         * receive(): 1, with data that is the caller's to free; 0: the end; negative errno. */
        int (*receive)(
                int fd, bool peek, size_t size, void **ret_data, size_t *ret_size, Record *meta, PassedFds *wanted);
        int (*send)(int fd, const void *data, size_t size, const PassedFds *given, size_t *ret_sent);
        bool (*waits)(int fd); /* is there anything to receive? */
        /* Before a connection is handed out; may be NULL. */
        void (*give_away)(int fd);
} PeersFace;

/* Borrows the listener, which is non-blocking. */
int peers_new(int listener, const PeersFace *face, Peers **ret, Error *error);
Peers *peers_free(Peers *peers);
size_t peers_count(const Peers *peers);
/* Bytes that wait in all of them. */
uint64_t peers_queued(const Peers *peers);
/* The listener went to somebody else, who accepts from now on. */
void peers_stop_listening(Peers *peers);

/* From `number`, or with 0 from whoever has some, in turn. -EAGAIN: nothing there. PeerGone: a connection came and was
 * closed without a byte, or `number` ended. */
int peers_receive(Peers *peers, uint64_t number, bool peek, size_t size, void **ret_data, size_t *ret_size,
        Record *meta, PassedFds *wanted, Error *error);
/* To `number`, or with 0 to the oldest. -EAGAIN: nobody there yet, or no room. */
int peers_send(Peers *peers, uint64_t number, const void *data, size_t size, const PassedFds *given, size_t *ret_sent,
        Error *error);
/* Nothing follows: `number`, or with 0 the oldest, reads its end of file (shutdown(2)). PeerGone. */
int peers_finish(Peers *peers, uint64_t number, Error *error);
/* Gives away the oldest that was not read from. -EAGAIN. */
int peers_take(Peers *peers, int *ret_fd, Record *peer, Error *error);

int peers_wait_on(Peers *peers, Operation operation, int *ret_fd, uint32_t *ret_events);
int peers_watch_on(Peers *peers, int *ret_fd, uint32_t *ret_events);
void peers_watch(Peers *peers, EventSink *sink);
