/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "checks.h"

/* Generic checks: one of the two processes is killed. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "cleanup.h"
#include "transport-pair.h"
#include "units.h"

enum {
        LAST_MESSAGES = 3,
        LAST_SIZE = 256,
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
