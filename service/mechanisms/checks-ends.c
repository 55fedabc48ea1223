/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "checks.h"

/* Generic checks: one of the two processes is killed, at rest or in the middle of what it does. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "transport-pair.h"
#include "units.h"

enum {
        LAST_MESSAGES = 3,
        LAST_SIZE = 256,
        CUT_SIZE = PAIR_MESSAGE_MAX, /* what a stream's sender is in the middle of */
        CUT_STEPS = 16,              /* makes room for some of it: pages of a pipe become free whole */
};

static size_t last_size(const Link *link) {
        return link->message_max < LAST_SIZE ? link->message_max : LAST_SIZE;
}

int transport_sender_killed_role(CheckPeer *peer) {
        unsigned char buffer[LAST_SIZE];
        int r = role_begin(peer);

        for (uint64_t i = 0; r >= 0 && i < LAST_MESSAGES; i++) {
                message_fill(buffer, last_size(peer->link), i);
                r = role_send(peer, buffer, last_size(peer->link));
        }
        if (r >= 0)
                r = role_say(peer, "sent", 0, 0);
        return r < 0 ? r : check_peer_hear_word(peer, "never", USEC_INFINITY);
}

/* What the dead one sent is all there. */
static CheckResult last_messages(Pair *pair) {
        size_t size = last_size(&pair->link);

        for (uint64_t i = 0; i < LAST_MESSAGES; i++) {
                bool sent = true;
                /* A stream may give less at a time, but never more than what was asked for. */
                ssize_t n = pair_receive(pair, pair->transport->boundaries ? PAIR_MESSAGE_MAX : size, &sent);

                if (n < 0)
                        return check_fail(pair->run, "message %" PRIu64 " of the dead sender: %s", i, check_errno(n));
                if ((size_t)n != size || !message_matches(pair->buffer, size, i))
                        return check_fail(pair->run, "message %" PRIu64 " of the dead sender is not what it sent", i);
        }
        return CHECK_OK;
}

static CheckResult sender_killed(CheckRun *run, bool end) {
        CheckResult result = CHECK_FAILED;
        ssize_t n;
        Pair pair;
        int r;

        if (pair_open(run, LAST_SIZE, LAST_MESSAGES, &pair) < 0 || pair_hear(&pair, "sent", NULL) < 0)
                return pair_close(&pair, result);
        r = check_murder(run, pair.peer);
        if (r < 0)
                return pair_close(&pair, check_fail(run, "kill: %s", check_errno(r)));
        result = last_messages(&pair);
        if (result != CHECK_OK)
                return pair_close(&pair, result);
        n = pair.transport->try_receive(&pair.link, pair.buffer, PAIR_MESSAGE_MAX);
        if (n == -EAGAIN && end && pair.transport->delayed &&
                pair.transport->wait_readable(&pair.link, CHECK_PATIENCE_USEC / 2) >= 0)
                n = pair.transport->try_receive(&pair.link, pair.buffer, PAIR_MESSAGE_MAX);
        if (n != (end ? 0 : -EAGAIN))
                result = check_fail(
                        run, "after the %d messages receive gave %zd (%s)", LAST_MESSAGES, n, check_outcome(n));
        else
                result = check_ok(run, "SIGKILL: its %d messages are received, then %s", LAST_MESSAGES,
                        end ? "0 (end of file)" : "EAGAIN");
        return pair_close(&pair, result);
}

CheckResult transport_sender_killed_end(CheckRun *run) {
        return sender_killed(run, true);
}

CheckResult transport_sender_killed_empty(CheckRun *run) {
        return sender_killed(run, false);
}

int transport_receiver_killed_role(CheckPeer *peer) {
        int r = role_begin(peer);

        if (r >= 0)
                r = role_say(peer, "ready", 0, 0);
        return r < 0 ? r : check_peer_hear_word(peer, "never", USEC_INFINITY);
}

CheckResult transport_receiver_killed(CheckRun *run) {
        CheckResult result = CHECK_FAILED;
        Pair pair;
        int r;

        if (pair_open(run, LAST_SIZE, 0, &pair) < 0 || pair_hear(&pair, "ready", NULL) < 0)
                return pair_close(&pair, result);
        message_fill(pair.buffer, last_size(&pair.link), 0);
        r = pair.transport->send(&pair.link, pair.buffer, last_size(&pair.link));
        if (r < 0)
                return pair_close(&pair, check_fail(run, "send to the living: %s", check_errno(r)));
        r = check_murder(run, pair.peer);
        if (r < 0)
                return pair_close(&pair, check_fail(run, "kill: %s", check_errno(r)));
        r = pair.transport->send(&pair.link, pair.buffer, last_size(&pair.link));
        if (r != -EPIPE)
                result = check_fail(run, "send to the killed receiver: %s", check_outcome(r));
        else
                result = check_ok(run, "SIGKILL: send gives EPIPE");
        return pair_close(&pair, result);
}

/* --- A sender is killed while it sends --- */

static unsigned char *cut_message(uint64_t number) {
        unsigned char *buffer = malloc(CUT_SIZE);

        if (buffer)
                message_fill(buffer, CUT_SIZE, number);
        return buffer;
}

/* Full, it sends one message more and sleeps in the middle of that: of a stream, a long one. */
int transport_writer_killed_within_role(CheckPeer *peer) {
        CLEANUP_FREE unsigned char *cut = NULL;
        int64_t n;
        int r = role_begin(peer);

        if (r < 0)
                return r;
        n = step_fill(peer->link);
        cut = cut_message((uint64_t)n);
        r = role_say(peer, "full", cut ? n : -ENOMEM, 0);
        if (r < 0 || n < 0 || !cut)
                return r;
        r = link_transport(peer->link)->boundaries ? step_send(peer->link, (uint64_t)n, true)
                                                   : role_send(peer, cut, CUT_SIZE);
        r = role_say(peer, "sent", r, 0);
        return r < 0 ? r : check_peer_hear_word(peer, "never", USEC_INFINITY);
}

static bool asleep_within(Pair *pair) {
        char where[64];
        int r = check_await_sleep(pair->run, pair->peer, where, sizeof where);

        if (r < 0)
                check_note(pair->run, "the sender %s", r == -EALREADY ? "did not wait" : "was never seen asleep");
        return r >= 0;
}

/* The rest of a stream: as much of the message as went in before the death. */
static CheckResult rest_of_stream(Pair *pair, int64_t n) {
        CLEANUP_FREE unsigned char *expected = cut_message((uint64_t)n);
        size_t have = 0;

        if (!expected)
                return check_fail(pair->run, "no memory");
        for (;;) {
                bool sent = true;
                ssize_t got = pair_receive(pair, PAIR_STREAM_CHUNK, &sent);

                if (got <= 0)
                        break;
                if ((size_t)got > CUT_SIZE - have || memcmp(expected + have, pair->buffer, (size_t)got) != 0)
                        return check_fail(pair->run, "after the %" PRId64 " whole messages came what nobody sent", n);
                have += (size_t)got;
        }
        if (have == CUT_SIZE)
                return check_fail(pair->run, "all of the message came, which its sender was in the middle of");
        return check_ok(pair->run,
                "SIGKILL in the middle of a write of %d bytes, %" PRId64
                " messages before it: these came whole, then the first %zu bytes, and no other",
                CUT_SIZE, n, have);
}

static CheckResult rest_of_messages(Pair *pair, int64_t n) {
        bool sent = true;
        ssize_t got = pair_receive(pair, PAIR_MESSAGE_MAX, &sent);

        if (got > 0 || (got == 0 && pair->link.message_max == 0))
                return check_fail(pair->run, "after the %" PRId64 " messages came one of %zd bytes", n, got);
        return check_ok(pair->run,
                "SIGKILL of a sender asleep, with %" PRId64 " messages before that: these came whole, and no other",
                n);
}

CheckResult transport_writer_killed_within(CheckRun *run) {
        CheckResult result = CHECK_FAILED;
        Record *record = NULL;
        int64_t n, taken = 0;
        Pair pair;

        if (pair_open(run, CUT_SIZE, 0, &pair) < 0 || pair_hear(&pair, "full", &record) < 0)
                return pair_close(&pair, result);
        n = record_get_i64(record, "x", -EPROTO);
        record_free(record);
        if (!check_expect(run, "filling", n < 0 ? n : 0, 0) || !asleep_within(&pair))
                return pair_close(&pair, result);
        for (int64_t i = 0; taken >= 0 && !pair.transport->boundaries && i < CUT_STEPS && i < n; i++)
                taken = step_receive(&pair.link, (uint64_t)i);
        if (taken < 0)
                return pair_close(&pair, check_fail(run, "what was sent first: %s", check_errno(taken)));
        if (!asleep_within(&pair) || !check_expect(run, "SIGKILL", check_murder(run, pair.peer), 0))
                return pair_close(&pair, result);
        for (int64_t i = pair.transport->boundaries ? 0 : CUT_STEPS; taken >= 0 && i < n; i++)
                taken = step_receive(&pair.link, (uint64_t)i);
        if (taken < 0)
                result = check_fail(run, "the %" PRId64 " messages before the death: %s", n, check_errno(taken));
        else
                result = pair.transport->boundaries ? rest_of_messages(&pair, n) : rest_of_stream(&pair, n);
        return pair_close(&pair, result);
}
