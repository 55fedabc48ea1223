/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The connections of a listening socket. The Peers own the connections and the epoll instance; the listener is the
 * object's. Connections block, so that one can be given away as it is: here they are used with MSG_DONTWAIT. */
#include "peers.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cleanup.h"
#include "peer.h"

struct Peers {
        const PeersFace *face;
        int listener, poller;
        Peer peers[PEERS_MAX]; /* oldest first */
        size_t n;
        uint64_t last_number;
        uint64_t turn;      /* whom the next receive begins behind */
        bool watched;       /* events are told: comings and goings wait for watch() */
        bool receive_waits; /* a receive found nothing and asked what to poll */
        bool empty_end;     /* a connection without a byte ended while it waited */
        int send_fd;        /* what the last send that found no room waits for */
};

static void poller_set(Peers *peers, int operation, int fd, uint64_t number, uint32_t events) {
        struct epoll_event event = { .events = events, .data.u64 = number };

        (void)epoll_ctl(peers->poller, operation, fd, &event);
}

int peers_new(int listener, const PeersFace *face, Peers **ret, Error *error) {
        struct epoll_event event = { .events = EPOLLIN };
        Peers *peers = calloc(1, sizeof *peers);
        int r;

        if (!peers)
                return error_set_errno(error, ENOMEM, "The connections cannot be kept");
        peers->face = face;
        peers->listener = listener;
        peers->send_fd = -EBADF;
        peers->poller = epoll_create1(EPOLL_CLOEXEC);
        if (peers->poller < 0 || epoll_ctl(peers->poller, EPOLL_CTL_ADD, listener, &event) < 0) {
                r = error_set_errno(error, errno, "The connections cannot be polled");
                peers_free(peers);
                return r;
        }
        *ret = peers;
        return 0;
}

Peers *peers_free(Peers *peers) {
        if (!peers)
                return NULL;
        for (size_t i = 0; i < peers->n; i++) {
                fd_close(peers->peers[i].fd);
                record_free(peers->peers[i].about);
        }
        fd_close(peers->poller);
        free(peers);
        return NULL;
}

size_t peers_count(const Peers *peers) {
        return peers->n;
}

uint64_t peers_queued(const Peers *peers) {
        uint64_t queued = 0;

        for (size_t i = 0; i < peers->n; i++)
                queued += peer_queued(&peers->peers[i]);
        return queued;
}

void peers_stop_listening(Peers *peers) {
        (void)epoll_ctl(peers->poller, EPOLL_CTL_DEL, peers->listener, NULL);
        peers->listener = -EBADF;
}

/* A full list leaves the rest in the backlog, and does not want to hear of it. */
static void listener_arm(Peers *peers) {
        if (peers->listener >= 0)
                poller_set(peers, EPOLL_CTL_MOD, peers->listener, 0, peers->n < PEERS_MAX ? EPOLLIN : 0);
}

/* What one looks for in a connection. EPOLLOUT is ready at once: it makes the watcher come and tell of it. The watcher
 * gets edges, and a change of what counts as ready already is none (epoll_ctl(2), EPOLL_CTL_MOD): it is put in anew.
 */
static void peer_arm(Peers *peers, const Peer *peer) {
        bool untold = peers->watched && (!peer->announced || peer->ended || peer_end_untold(peers->face, peer));

        (void)epoll_ctl(peers->poller, EPOLL_CTL_DEL, peer->fd, NULL);
        poller_set(peers, EPOLL_CTL_ADD, peer->fd, peer->number, EPOLLIN | EPOLLRDHUP | (untold ? EPOLLOUT : 0));
}

static void peers_drop(Peers *peers, size_t i);

/* Connections that were read to their end are only kept in case that somebody answers: others come first. */
static void peers_make_room(Peers *peers) {
        for (size_t i = 0; peers->n == PEERS_MAX && i < peers->n; i++)
                if (peers->peers[i].end_told)
                        peers_drop(peers, i);
}

/* What befell one connection before it was accepted is told by accept(2), and is no reason not to take the next. */
static bool accept_goes_on(int number) {
        return number == EINTR || number == ECONNABORTED || number == EPROTO || number == ENETDOWN ||
               number == ENOPROTOOPT || number == EHOSTDOWN || number == ENONET || number == EHOSTUNREACH ||
               number == ENETUNREACH;
}

static int peers_accept(Peers *peers, Error *error) {
        peers_make_room(peers);
        while (peers->listener >= 0 && peers->n < PEERS_MAX) {
                Peer *peer = &peers->peers[peers->n];
                int fd = accept4(peers->listener, NULL, NULL, SOCK_CLOEXEC);

                if (fd < 0 && accept_goes_on(errno))
                        continue;
                if (fd < 0 && errno == EAGAIN)
                        return 0;
                if (fd < 0)
                        return error_set_errno(error, errno, "A connection cannot be accepted");
                *peer = (Peer){ .fd = fd, .number = ++peers->last_number, .announced = !peers->watched };
                if (record_new(&peer->about) >= 0)
                        peers->face->describe(fd, peer->about);
                peers->n++;
                peer_arm(peers, peer);
        }
        if (peers->n == PEERS_MAX)
                listener_arm(peers);
        return 0;
}

/* The descriptor is closed, or was given away. A duplicate elsewhere would keep it in the poller: take it out. */
static void peers_forget(Peers *peers, size_t i) {
        if (peers->send_fd == peers->peers[i].fd)
                peers->send_fd = -EBADF;
        record_free(peers->peers[i].about);
        memmove(&peers->peers[i], &peers->peers[i + 1], (peers->n - i - 1) * sizeof *peers->peers);
        if (peers->n-- == PEERS_MAX)
                listener_arm(peers);
}

static void peers_drop(Peers *peers, size_t i) {
        int fd = peers->peers[i].fd;

        (void)epoll_ctl(peers->poller, EPOLL_CTL_DEL, fd, NULL);
        peers_forget(peers, i);
        fd_close(fd);
}

/* Somebody who is told of events hears of the end first. */
static void peers_end(Peers *peers, size_t i) {
        if (!peers->watched || peers->peers[i].end_told) {
                peers_drop(peers, i);
                return;
        }
        peers->peers[i].ended = true;
        peer_arm(peers, &peers->peers[i]);
}

static int error_gone(uint64_t number, Error *error) {
        return error_set(error, ERROR_PEER_GONE,
                "The connection %llu has ended, or there never was one of that number.", (unsigned long long)number);
}

/* Where the next turn begins: the first that is younger than the last one read. */
static size_t peers_first(const Peers *peers) {
        for (size_t i = 0; i < peers->n; i++)
                if (peers->peers[i].number > peers->turn)
                        return i;
        return 0;
}

/* All in turn, beginning with the first; an end that is found is kept for later, since others may have bytes. */
static int peers_read(Peers *peers, uint64_t number, bool peek, size_t size, void **ret_data, size_t *ret_size,
        Record *meta, PassedFds *wanted, bool *ret_empty_end) {
        uint64_t ended[PEERS_MAX];
        size_t first = peers_first(peers), n_ended = 0;
        bool known = false;
        int r = -EAGAIN;

        for (size_t k = 0; r == -EAGAIN && k < peers->n; k++) {
                Peer *peer = &peers->peers[(first + k) % peers->n];

                if (peer->ended || (number > 0 && peer->number != number))
                        continue;
                known = true;
                r = peer_read(peers->face, peer, peek, size, ret_data, ret_size, meta, wanted);
                if (r == 1) {
                        peer_tell_of(peer, meta);
                        if (peek)
                                break;
                        peer->heard = true;
                        peers->turn = peer->number;
                        if (peer_is_gone(peers->face, peer))
                                ended[n_ended++] = peer->number;
                        else if (peers->watched && peer_end_untold(peers->face, peer))
                                peer_arm(peers, peer);
                } else if (r == 0) {
                        *ret_empty_end = *ret_empty_end || (!peer->heard && !peer->end_told);
                        ended[n_ended++] = peer->number;
                        r = -EAGAIN;
                }
        }
        for (size_t k = 0; !peek && k < n_ended; k++)
                for (size_t i = 0; i < peers->n; i++)
                        if (peers->peers[i].number == ended[k]) {
                                peers_end(peers, i);
                                break;
                        }
        return r == -EAGAIN && number > 0 && (!known || n_ended > 0) ? -EPIPE : r;
}

int peers_receive(Peers *peers, uint64_t number, bool peek, size_t size, void **ret_data, size_t *ret_size,
        Record *meta, PassedFds *wanted, Error *error) {
        bool empty_end = peers->empty_end;
        int r;

        peers->receive_waits = false;
        peers->empty_end = peek && empty_end;
        r = peers_accept(peers, error);
        if (r < 0)
                return r;
        r = peers_read(peers, number, peek, size, ret_data, ret_size, meta, wanted, &empty_end);
        if (r == -EPIPE)
                return error_gone(number, error);
        if (r == -EAGAIN && empty_end && !peek)
                return error_set(error, ERROR_PEER_GONE,
                        "A connection came and was closed without a byte: the end of an empty stream.");
        if (r == -EAGAIN && peers->listener < 0 && peers->n == 0)
                return error_set(error, ERROR_NOT_SUPPORTED,
                        "The listening socket was given away: whoever has it accepts the connections.");
        if (r == -EAGAIN)
                return r;
        if (r < 0)
                return error_set_errno(error, r, "The bytes cannot be read");
        return 0;
}

static Peer *peers_find(Peers *peers, uint64_t number) {
        for (size_t i = 0; i < peers->n; i++)
                if (!peers->peers[i].ended && (number == 0 ? !peers->peers[i].deaf : peers->peers[i].number == number))
                        return &peers->peers[i];
        return NULL;
}

int peers_send(Peers *peers, uint64_t number, const void *data, size_t size, const PassedFds *given, size_t *ret_sent,
        Error *error) {
        Peer *peer;
        int r;

        peers->send_fd = -EBADF;
        r = peers_accept(peers, error);
        if (r < 0)
                return r;
        while ((peer = peers_find(peers, number))) {
                r = peer_write(peers->face, peer, data, size, given, ret_sent);
                if (r >= 0)
                        return 0;
                if (r == -EAGAIN) {
                        peers->send_fd = peer->fd;
                        return r;
                }
                if (r == -EMSGSIZE)
                        return error_set(error, ERROR_LIMIT_EXCEEDED,
                                "A message of %zu bytes is longer than one may be here: it has to fit the send "
                                "buffer, "
                                "which net.core.wmem_max bounds.",
                                size);
                if (!connection_lost(-r))
                        return error_set_errno(error, r, "The bytes cannot be written to the connection %llu",
                                (unsigned long long)peer->number);
                if (number > 0)
                        return error_set(error, ERROR_PEER_GONE, "The far end of the connection %llu has closed.",
                                (unsigned long long)number);
                /* What it sent before can still be read; to be written to is the next one. */
                peer->deaf = true;
        }
        return number > 0 ? error_gone(number, error) : -EAGAIN;
}

int peers_finish(Peers *peers, uint64_t number, Error *error) {
        Peer *peer = peers_find(peers, number);

        if (!peer || shutdown(peer->fd, SHUT_WR) < 0)
                return error_gone(number, error);
        peer->deaf = true;
        peer_arm(peers, peer);
        return 0;
}

int peers_take(Peers *peers, int *ret_fd, Record *peer, Error *error) {
        int r;

        r = peers_accept(peers, error);
        if (r < 0)
                return r;
        for (size_t i = 0; i < peers->n; i++) {
                Peer *found = &peers->peers[i];

                if (found->ended || found->heard)
                        continue;
                (void)epoll_ctl(peers->poller, EPOLL_CTL_DEL, found->fd, NULL);
                if (peers->face->give_away)
                        peers->face->give_away(found->fd);
                peer_describe(found, peer);
                *ret_fd = found->fd;
                peers_forget(peers, i);
                return 0;
        }
        return -EAGAIN;
}

int peers_wait_on(Peers *peers, Operation operation, int *ret_fd, uint32_t *ret_events) {
        if (operation == OPERATION_SEND && peers->send_fd >= 0) {
                *ret_fd = peers->send_fd;
                *ret_events = EPOLLOUT;
                return 0;
        }
        peers->receive_waits = peers->receive_waits || operation == OPERATION_RECEIVE;
        *ret_fd = peers->poller;
        *ret_events = EPOLLIN;
        return 0;
}

int peers_watch_on(Peers *peers, int *ret_fd, uint32_t *ret_events) {
        peers->watched = true;
        *ret_fd = peers->poller;
        *ret_events = EPOLLIN | EPOLLET;
        return 0;
}

void peers_watch(Peers *peers, EventSink *sink) {
        do {
                if (peers_accept(peers, NULL) < 0)
                        break;
                for (size_t i = 0; i < peers->n;) {
                        Peer *peer = &peers->peers[i];

                        if (!peer->announced) {
                                peer->announced = true;
                                peer_arm(peers, peer);
                                peer_tell(peer, EVENT_PEER_CONNECTED, sink);
                        }
                        peer_tell_message(peers->face, peer, sink);
                        if (!peer_is_gone(peers->face, peer) && !peer_end_untold(peers->face, peer)) {
                                i++;
                                continue;
                        }
                        if (!peer->end_told) {
                                peer_tell(peer, EVENT_PEER_CLOSED, sink);
                                if (!peer->heard && !peer->ended && peers->receive_waits)
                                        peers->empty_end = true;
                        }
                        if (!peer_is_gone(peers->face, peer)) {
                                peer->end_told = true;
                                i++;
                                continue;
                        }
                        peers_drop(peers, i);
                }
                /* Places that became free are for those in the backlog, whose coming was an edge long ago. */
        } while (peers->listener >= 0 && peers->n < PEERS_MAX &&
                 poll(&(struct pollfd){ .fd = peers->listener, .events = POLLIN }, 1, 0) > 0);
}
