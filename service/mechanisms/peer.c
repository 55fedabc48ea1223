/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One connection of a listening socket: what is in it, what goes through it, how it ends, what is told of it. */
#include "peer.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "cleanup.h"

uint64_t peer_queued(const Peer *peer) {
        int queued = 0;

        return ioctl(peer->fd, FIONREAD, &queued) < 0 || queued < 0 ? 0 : (uint64_t)queued;
}

bool peer_end_untold(const PeersFace *face, const Peer *peer) {
        struct pollfd state = { .fd = peer->fd, .events = POLLRDHUP };

        return face->half_is_all && !peer->end_told && poll(&state, 1, 0) > 0 &&
               (state.revents & (POLLRDHUP | POLLERR)) && peer_queued(peer) == 0;
}

void peer_describe(const Peer *peer, Record *record) {
        record_set_u64(record, "peer", peer->number);
        if (peer->about)
                record_merge(record, peer->about);
}

void peer_tell_of(const Peer *peer, Record *meta) {
        record_set_u64(meta, "peer", peer->number);
        for (size_t i = 0; peer->about && i < record_size(peer->about); i++) {
                const Value *value;
                const char *key = record_entry(peer->about, i, &value);

                if (!record_has(meta, key))
                        record_set_value(meta, key, value);
        }
}

bool connection_lost(int number) {
        return number == ECONNRESET || number == EPIPE || number == ETIMEDOUT || number == EHOSTUNREACH ||
               number == ENETUNREACH;
}

static int receive_bytes(int fd, bool peek, size_t size, void **ret_data, size_t *ret_size) {
        CLEANUP_FREE char *buffer = malloc(size);
        ssize_t n;

        if (!buffer)
                return -ENOMEM;
        do
                n = recv(fd, buffer, size, MSG_DONTWAIT | (peek ? MSG_PEEK : 0));
        while (n < 0 && errno == EINTR);
        if (n <= 0)
                return n < 0 ? -errno : 0;
        *ret_data = TAKE_POINTER(buffer);
        *ret_size = (size_t)n;
        return 1;
}

int peer_read(const PeersFace *face, Peer *peer, bool peek, size_t size, void **ret_data, size_t *ret_size,
        Record *meta, PassedFds *wanted) {
        int r = face->receive ? face->receive(peer->fd, peek, size, ret_data, ret_size, meta, wanted)
                              : receive_bytes(peer->fd, peek, size, ret_data, ret_size);

        if (r >= 0 || r == -EAGAIN || !connection_lost(-r))
                return r;
        peer->reset = true;
        return 0;
}

int peer_write(const PeersFace *face, const Peer *peer, const void *data, size_t size, const PassedFds *given,
        size_t *ret_sent) {
        ssize_t n;

        if (face->send)
                return face->send(peer->fd, data, size, given, ret_sent);
        do
                n = send(peer->fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL);
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return -errno;
        *ret_sent = (size_t)n;
        return 0;
}

bool peer_is_gone(const PeersFace *face, const Peer *peer) {
        struct pollfd state = { .fd = peer->fd };

        if (peer->ended)
                return true;
        if (poll(&state, 1, 0) <= 0 || !(state.revents & (POLLHUP | POLLERR)))
                return false;
        return face->waits ? !face->waits(peer->fd) : peer_queued(peer) == 0;
}

void peer_tell(const Peer *peer, ObjectEvent event, EventSink *sink) {
        CLEANUP(record_freep) Record *details = NULL;

        if (record_new(&details) < 0)
                return;
        peer_describe(peer, details);
        if (peer->reset)
                record_set_bool(details, "reset", true);
        sink->emit(sink, event, details);
}

void peer_tell_message(const PeersFace *face, Peer *peer, EventSink *sink) {
        CLEANUP(record_freep) Record *details = NULL;
        uint64_t queued = face->boundaries ? peer_queued(peer) : 0;
        bool more = queued > peer->told;

        peer->told = queued;
        if (!more || record_new(&details) < 0)
                return;
        record_set_u64(details, "bytes", queued);
        sink->emit(sink, EVENT_MESSAGE_ARRIVED, details);
}
