/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "checks.h"

/* Generic checks: what is sent is what arrives. A stream is compared byte by byte with what its position says it must
 * be, messages with what their number says; a hash of the whole is evidence for people. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "transport-pair.h"

enum {
        ORDER_BYTES = 1024 * 1024,
        ORDER_MESSAGES = 2000,
        DUPLEX_MESSAGES = 4,
        DUPLEX_SIZE = 512,
};

/* --- Order --- */

/* All sizes from 1 to the most, in a fixed, uneven sequence. */
static size_t order_size(const Link *link, uint64_t i) {
        size_t most = link->message_max < PAIR_STREAM_CHUNK ? link->message_max : PAIR_STREAM_CHUNK;

        return most > 0 ? 1 + (size_t)(i * 7919 + i * i * 31) % most : 0;
}

static int send_stream(CheckPeer *peer) {
        unsigned char buffer[PAIR_STREAM_CHUNK];

        for (uint64_t i = 0, position = 0; position < ORDER_BYTES; i++) {
                size_t size = order_size(peer->link, i);
                int r;

                if (size > ORDER_BYTES - position)
                        size = ORDER_BYTES - position;
                stream_fill(buffer, size, position);
                r = role_send(peer, buffer, size);
                if (r < 0)
                        return r;
                position += size;
        }
        return 0;
}

static int send_messages(CheckPeer *peer) {
        unsigned char buffer[PAIR_STREAM_CHUNK];

        for (uint64_t i = 0; i < ORDER_MESSAGES; i++) {
                size_t size = order_size(peer->link, i);
                int r;

                message_fill(buffer, size, i);
                r = role_send(peer, buffer, size);
                if (r < 0)
                        return r;
        }
        return 0;
}

int transport_order_role(CheckPeer *peer) {
        const Transport *transport = link_transport(peer->link);
        int r = role_begin(peer);

        if (r >= 0)
                r = transport->boundaries ? send_messages(peer) : send_stream(peer);
        if (r >= 0)
                r = role_say(peer, "sent", 0, 0);
        /* The link stays attached until the judge has read all. */
        return r < 0 ? r : check_peer_hear_word(peer, "end", CHECK_PATIENCE_USEC);
}

static CheckResult order_of_stream(Pair *pair) {
        unsigned char expected[PAIR_STREAM_CHUNK];
        uint64_t position = 0, hash = FNV_START;
        bool sent = false;

        while (position < ORDER_BYTES) {
                ssize_t n = pair_receive(pair, sizeof expected, &sent);

                if (n <= 0)
                        return check_fail(pair->run, "%" PRIu64 " of %d bytes arrived, then %s", position, ORDER_BYTES,
                                n == 0 ? "the end" : check_errno(n));
                stream_fill(expected, (size_t)n, position);
                if (memcmp(expected, pair->buffer, (size_t)n) != 0)
                        return check_fail(
                                pair->run, "a byte of the %zd from %" PRIu64 " on is not what was sent", n, position);
                hash = fnv_1a(hash, pair->buffer, (size_t)n);
                position += (uint64_t)n;
        }
        if (pair_receive(pair, sizeof expected, &sent) > 0)
                return check_fail(pair->run, "more arrived than the %d bytes that were sent", ORDER_BYTES);
        return check_ok(pair->run, "%d bytes, FNV-1a %016" PRIx64 " as sent", ORDER_BYTES, hash);
}

static CheckResult order_of_messages(Pair *pair) {
        uint64_t hash = FNV_START;
        bool sent = false;
        ssize_t n;

        for (uint64_t i = 0; i < ORDER_MESSAGES; i++) {
                size_t size = order_size(&pair->link, i);

                n = pair_receive(pair, PAIR_MESSAGE_MAX, &sent);
                if (n < 0)
                        return check_fail(pair->run, "%" PRIu64 " of %d messages arrived, then %s", i, ORDER_MESSAGES,
                                n == -ENODATA ? "none" : check_errno(n));
                if ((size_t)n != size)
                        return check_fail(pair->run, "message %" PRIu64 " has %zd bytes, %zu were sent", i, n, size);
                if (!message_matches(pair->buffer, size, i))
                        return check_fail(pair->run, "message %" PRIu64 " is not what was sent", i);
                hash = fnv_1a(hash, pair->buffer, size);
        }
        n = pair_receive(pair, PAIR_MESSAGE_MAX, &sent);
        if (n >= 0 && !(n == 0 && sent))
                return check_fail(pair->run, "more than the %d messages arrived", ORDER_MESSAGES);
        return check_ok(pair->run, "%d messages, FNV-1a %016" PRIx64 " as sent", ORDER_MESSAGES, hash);
}

CheckResult transport_order(CheckRun *run) {
        CheckResult result = CHECK_FAILED;
        Pair pair;

        if (pair_open(run, PAIR_STREAM_CHUNK, 0, &pair) >= 0)
                result = pair.transport->boundaries ? order_of_messages(&pair) : order_of_stream(&pair);
        return pair_close(&pair, result);
}

/* --- Boundaries --- */

static const size_t boundary_sizes[] = { 1, 300, 7, 64, 2, 1000 };

enum { BOUNDARY_SIZES = sizeof boundary_sizes / sizeof boundary_sizes[0] };

static size_t boundary_size(const Link *link, size_t i) {
        return boundary_sizes[i] < link->message_max ? boundary_sizes[i] : link->message_max;
}

int transport_boundaries_role(CheckPeer *peer) {
        unsigned char buffer[1000];
        int r = role_begin(peer);

        for (size_t i = 0; r >= 0 && i < BOUNDARY_SIZES; i++) {
                message_fill(buffer, boundary_size(peer->link, i), i);
                r = role_send(peer, buffer, boundary_size(peer->link, i));
        }
        if (r >= 0)
                r = role_say(peer, "sent", 0, 0);
        return r < 0 ? r : check_peer_hear_word(peer, "end", CHECK_PATIENCE_USEC);
}

static CheckResult boundaries_kept(Pair *pair) {
        char text[64] = "";
        bool sent = true;

        for (size_t i = 0; i < BOUNDARY_SIZES; i++) {
                size_t size = boundary_size(&pair->link, i);
                ssize_t n = pair_receive(pair, PAIR_MESSAGE_MAX, &sent);

                if (n < 0)
                        return check_fail(pair->run, "receive %zu: %s", i, check_errno(n));
                if ((size_t)n != size || !message_matches(pair->buffer, size, i))
                        return check_fail(pair->run, "send %zu had %zu bytes, receive %zu gave %zd", i, size, i, n);
                (void)snprintf(text + strlen(text), sizeof text - strlen(text), "%s%zd", i > 0 ? ", " : "", n);
        }
        return check_ok(pair->run, "sent and received one by one: %s bytes", text);
}

static CheckResult boundaries_lost(Pair *pair) {
        size_t total = 0;
        bool sent = true;
        ssize_t n;

        for (size_t i = 0; i < BOUNDARY_SIZES; i++)
                total += boundary_size(&pair->link, i);
        n = pair_receive(pair, PAIR_MESSAGE_MAX, &sent);
        if (n < 0)
                return check_fail(pair->run, "receive: %s", check_errno(n));
        if ((size_t)n != total)
                return check_fail(pair->run, "%d sends of %zu bytes together, but the first receive gave %zd",
                        BOUNDARY_SIZES, total, n);
        return check_ok(pair->run, "%d writes came as one read of %zd bytes", BOUNDARY_SIZES, n);
}

CheckResult transport_boundaries(CheckRun *run) {
        CheckResult result = CHECK_FAILED;
        Pair pair;

        if (pair_open(run, 1000, BOUNDARY_SIZES, &pair) >= 0 && pair_hear(&pair, "sent", NULL) >= 0)
                result = pair.transport->boundaries ? boundaries_kept(&pair) : boundaries_lost(&pair);
        return pair_close(&pair, result);
}

/* --- Both ways at the same time --- */

static size_t duplex_size(const Link *link) {
        return link->message_max < DUPLEX_SIZE ? link->message_max : DUPLEX_SIZE;
}

static int64_t duplex_receive(Link *link, uint64_t first) {
        unsigned char buffer[DUPLEX_SIZE + 1];
        const Transport *transport = link_transport(link);
        size_t size = duplex_size(link);

        for (uint64_t i = 0; i < DUPLEX_MESSAGES; i++) {
                ssize_t n = transport->boundaries ? transport->receive(link, buffer, sizeof buffer)
                                                  : link_receive_all(link, buffer, size);

                if (n < 0)
                        return n;
                if ((size_t)n != size || !message_matches(buffer, size, first + i))
                        return -EBADMSG;
        }
        /* And no more: tokens have no numbers that would tell. */
        return transport->try_receive(link, buffer, sizeof buffer) == -EAGAIN ? 0 : -EOVERFLOW;
}

static int duplex_send(Link *link, uint64_t first) {
        unsigned char buffer[DUPLEX_SIZE];
        int r = 0;

        for (uint64_t i = 0; r >= 0 && i < DUPLEX_MESSAGES; i++) {
                message_fill(buffer, duplex_size(link), first + i);
                r = link_transport(link)->try_send(link, buffer, duplex_size(link));
        }
        return r;
}

int transport_duplex_role(CheckPeer *peer) {
        int r = role_begin(peer);

        if (r >= 0)
                r = duplex_send(peer->link, 100);
        if (r >= 0)
                r = role_say(peer, "sent", 0, 0);
        if (r >= 0)
                r = check_peer_hear_word(peer, "receive", CHECK_PATIENCE_USEC);
        if (r >= 0)
                r = role_say(peer, "received", duplex_receive(peer->link, 200), 0);
        return r < 0 ? r : check_peer_hear_word(peer, "end", CHECK_PATIENCE_USEC);
}

CheckResult transport_duplex(CheckRun *run) {
        CheckResult result = CHECK_FAILED;
        Record *record = NULL;
        int64_t here, there;
        Pair pair;
        int r;

        /* Both lanes are full of messages before anybody takes one. */
        if (pair_open(run, DUPLEX_SIZE, DUPLEX_MESSAGES, &pair) < 0 || pair_hear(&pair, "sent", NULL) < 0)
                return pair_close(&pair, result);
        r = duplex_send(&pair.link, 200);
        if (r < 0)
                return pair_close(
                        &pair, check_fail(run, "send while the other side's messages wait: %s", check_errno(r)));
        if (pair_tell(&pair, "receive") < 0 || pair_hear(&pair, "received", &record) < 0)
                return pair_close(&pair, result);
        there = record_get_i64(record, "x", -EPROTO);
        record_free(record);
        here = duplex_receive(&pair.link, 100);
        if (there < 0 || here < 0)
                result = check_fail(run, "side 0 received its %d messages: %s; side 1: %s", DUPLEX_MESSAGES,
                        check_outcome(here), check_outcome(there));
        else
                result = check_ok(run, "%d messages of %zu bytes each way under way at the same time, all received",
                        DUPLEX_MESSAGES, duplex_size(&pair.link));
        return pair_close(&pair, result);
}

/* --- The largest message --- */

int transport_maximum_role(CheckPeer *peer) {
        size_t size = peer->link->message_max;
        CLEANUP_FREE unsigned char *buffer = malloc(size + 1);
        int r = role_begin(peer), larger;

        if (r < 0 || !buffer)
                return r < 0 ? r : -ENOMEM;
        message_fill(buffer, size + 1, 1);
        larger = role_send(peer, buffer, size + 1);
        r = role_send(peer, buffer, size);
        r = role_say(peer, "sent", r, larger);
        return r < 0 ? r : check_peer_hear_word(peer, "end", CHECK_PATIENCE_USEC);
}

CheckResult transport_maximum(CheckRun *run) {
        CheckResult result = CHECK_FAILED;
        Record *record = NULL;
        int64_t whole, larger;
        bool sent = true;
        ssize_t n;
        Pair pair;

        if (pair_open(run, PAIR_MESSAGE_MAX, 0, &pair) < 0 || pair_hear(&pair, "sent", &record) < 0)
                return pair_close(&pair, result);
        whole = record_get_i64(record, "x", -EPROTO);
        larger = record_get_i64(record, "y", -EPROTO);
        record_free(record);
        n = whole < 0 ? whole : pair_receive(&pair, PAIR_MESSAGE_MAX + 1, &sent);
        if (n != (ssize_t)pair.link.message_max || !message_matches(pair.buffer, (size_t)n, 1))
                result = check_fail(run, "a message of %zu bytes: %s; what arrived (%zd) is not it",
                        pair.link.message_max, check_outcome(whole), n);
        else if (larger != -EMSGSIZE)
                result = check_fail(
                        run, "a message of %zu bytes: %s", pair.link.message_max + 1, check_outcome(larger));
        else
                result = check_ok(
                        run, "%zu bytes whole, %zu bytes: EMSGSIZE", pair.link.message_max, pair.link.message_max + 1);
        return pair_close(&pair, result);
}
