/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "checks.h"

/* Generic checks: who waits for what. That a process waits is seen in /proc, never guessed from how long it took. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "spin.h"
#include "transport-pair.h"

enum {
        STEP_SIZE = 1024,
        FILL_MAX = 1000 * 1000,
        SETTLE_USEC = 60 * 1000,
};

static size_t step_size(const Link *link) {
        return link->message_max < STEP_SIZE ? link->message_max : STEP_SIZE;
}

/* One message, whole: over several receives of a stream. */
static int64_t receive_step(Link *link, uint64_t number) {
        const Transport *transport = link_transport(link);
        unsigned char buffer[STEP_SIZE + 1];
        size_t size = step_size(link);
        ssize_t n = transport->boundaries ? transport->receive(link, buffer, sizeof buffer)
                                          : link_receive_all(link, buffer, size);

        if (n < 0)
                return n;
        return (size_t)n == size && message_matches(buffer, size, number) ? n : -EBADMSG;
}

static int send_step(Link *link, uint64_t number, bool wait) {
        const Transport *transport = link_transport(link);
        unsigned char buffer[STEP_SIZE];

        message_fill(buffer, step_size(link), number);
        return wait ? transport->send(link, buffer, step_size(link))
                    : transport->try_send(link, buffer, step_size(link));
}

/* Until it is full, and stays so: what a TCP socket has sent leaves room only when it is acknowledged, which may take
 * a delayed acknowledgement (40 ms). How many messages fitted, or what stopped it. */
static int64_t fill(Link *link) {
        bool settled = false;
        int64_t n = 0;
        int r = 0;

        while (n < FILL_MAX) {
                r = send_step(link, (uint64_t)n, false);
                if (r < 0 && (r != -EAGAIN || settled))
                        break;
                settled = r < 0;
                if (settled)
                        (void)usleep(SETTLE_USEC);
                else
                        n++;
        }
        return r == -EAGAIN ? n : r < 0 ? r : -EOVERFLOW;
}

/* --- A receiver waits --- */

int transport_receive_blocks_role(CheckPeer *peer) {
        int64_t n;
        int r = role_begin(peer);

        if (r >= 0)
                r = role_say(peer, "ready", 0, 0);
        if (r < 0)
                return r;
        n = receive_step(peer->link, 7);
        r = role_say(peer, "received", n, 0);
        return r < 0 ? r : check_peer_hear_word(peer, "end", CHECK_PATIENCE_USEC);
}

static CheckResult sleep_failure(CheckRun *run, int r, const char *what) {
        if (r == -EALREADY)
                return check_fail(run, "%s did not wait", what);
        return check_fail(run, "%s: never seen asleep: %s", what, check_errno(r));
}

CheckResult transport_receive_blocks(CheckRun *run) {
        CheckResult result = CHECK_FAILED;
        Record *record = NULL;
        char where[64];
        int64_t n;
        Pair pair;
        int r;

        if (pair_open(run, STEP_SIZE, 0, &pair) < 0 || pair_hear(&pair, "ready", NULL) < 0)
                return pair_close(&pair, result);
        r = check_await_sleep(run, pair.peer, where, sizeof where);
        if (r < 0)
                return pair_close(&pair, sleep_failure(run, r, "the receiver"));
        r = send_step(&pair.link, 7, true);
        if (r < 0)
                return pair_close(&pair, check_fail(run, "send: %s", check_errno(r)));
        if (pair_hear(&pair, "received", &record) < 0)
                return pair_close(&pair, result);
        n = record_get_i64(record, "x", -EPROTO);
        record_free(record);
        if (n < 0)
                result = check_fail(run, "%s, then receive: %s", where, check_errno(n));
        else
                result = check_ok(run, "%s, then a message of %" PRId64 " bytes", where, n);
        return pair_close(&pair, result);
}

/* --- A sender waits --- */

int transport_send_blocks_role(CheckPeer *peer) {
        int64_t n;
        int r = role_begin(peer);

        if (r < 0)
                return r;
        n = fill(peer->link);
        r = role_say(peer, "full", n, 0);
        if (r < 0 || n < 0)
                return r;
        r = send_step(peer->link, (uint64_t)n, true);
        r = role_say(peer, "sent", r, 0);
        return r < 0 ? r : check_peer_hear_word(peer, "end", CHECK_PATIENCE_USEC);
}

/* Takes `n` messages and looks at each. */
static int64_t drain(Pair *pair, int64_t n) {
        for (int64_t i = 0; i < n; i++) {
                int64_t size = receive_step(&pair->link, (uint64_t)i);

                if (size < 0)
                        return size;
        }
        return 0;
}

CheckResult transport_send_blocks(CheckRun *run) {
        CheckResult result = CHECK_FAILED;
        Record *record = NULL;
        int64_t n, there, here;
        char where[64];
        Pair pair;
        int r;

        if (pair_open(run, STEP_SIZE, 0, &pair) < 0 || pair_hear(&pair, "full", &record) < 0)
                return pair_close(&pair, result);
        n = record_get_i64(record, "x", -EPROTO);
        record = record_free(record);
        if (n < 0)
                return pair_close(&pair, check_fail(run, "filling ended with %s", check_errno(n)));
        r = check_await_sleep(run, pair.peer, where, sizeof where);
        if (r < 0)
                return pair_close(&pair, sleep_failure(run, r, "the sender"));
        here = drain(&pair, n + 1);
        if (pair_hear(&pair, "sent", &record) < 0)
                return pair_close(&pair, result);
        there = record_get_i64(record, "x", -EPROTO);
        record_free(record);
        if (here < 0 || there < 0)
                result = check_fail(run, "after %" PRId64 " messages %s; it ended with %s; taking them: %s", n, where,
                        check_outcome(there), check_outcome(here));
        else
                result = check_ok(run, "full with %" PRId64 " messages of %zu bytes: %s; none lost", n,
                        step_size(&pair.link), where);
        return pair_close(&pair, result);
}

/* --- Nobody waits --- */

int transport_nonblocking_role(CheckPeer *peer) {
        int r = role_begin(peer);

        if (r >= 0)
                r = role_say(peer, "ready", 0, 0);

        while (r >= 0) {
                CLEANUP(record_freep) Record *record = NULL;
                int64_t n = 0;

                r = check_peer_hear(peer, CHECK_PATIENCE_USEC, &record);
                if (r < 0)
                        return r == -EPIPE ? 0 : r;
                for (int64_t i = 0; n >= 0 && i < record_get_i64(record, "take", 0); i++)
                        n = receive_step(peer->link, (uint64_t)i);
                r = role_say(peer, "taken", n, 0);
        }
        return r;
}

static int64_t make_peer_take(Pair *pair, int64_t n) {
        CLEANUP(record_freep) Record *order = NULL, *answer = NULL;
        int r = record_new(&order);

        if (r < 0)
                return r;
        record_set_i64(order, "take", n);
        r = check_say(pair->run, pair->peer, order);
        if (r < 0)
                return r;
        r = pair_hear(pair, "taken", &answer);
        return r < 0 ? r : record_get_i64(answer, "x", -EPROTO);
}

CheckResult transport_nonblocking(CheckRun *run) {
        CheckResult result = CHECK_FAILED;
        int64_t n, taken;
        ssize_t empty;
        Pair pair;
        int r;

        if (pair_open(run, STEP_SIZE, 0, &pair) < 0 || pair_hear(&pair, "ready", NULL) < 0)
                return pair_close(&pair, result);
        empty = pair.transport->try_receive(&pair.link, pair.buffer, PAIR_MESSAGE_MAX);
        if (empty != -EAGAIN)
                return pair_close(&pair, check_fail(run, "receive from an empty one: %s", check_outcome(empty)));
        n = fill(&pair.link);
        if (n < 0)
                return pair_close(&pair, check_fail(run, "filling ended with %s", check_errno(n)));
        taken = make_peer_take(&pair, n);
        r = taken < 0 ? 0 : send_step(&pair.link, 0, false);
        if (taken < 0)
                result = check_fail(run, "after %" PRId64 " messages EAGAIN; taking them: %s", n, check_errno(taken));
        else if (pair.transport->boundaries && pair.link.depth > 0 && (uint64_t)n != pair.link.depth)
                result = check_fail(run, "%" PRId64 " messages fitted, the limit is %u", n, pair.link.depth);
        else if (r < 0)
                result = check_fail(run, "after all was taken send gives %s", check_errno(r));
        else
                result = check_ok(run,
                        "empty: EAGAIN; full with %" PRId64
                        " messages of %zu bytes: EAGAIN; then taken, and room again",
                        n, step_size(&pair.link));
        return pair_close(&pair, result);
}

/* --- Waiting with a time-out --- */

int transport_timeout_role(CheckPeer *peer) {
        const Transport *transport = link_transport(peer->link);
        uint64_t start;
        int r = role_begin(peer);

        if (r < 0)
                return r;
        start = monotonic_now();
        r = transport->wait_readable(peer->link, CHECK_TIMEOUT_USEC);
        r = role_say(peer, "waited", r, (int64_t)(monotonic_now() - start));
        if (r >= 0)
                r = check_peer_hear_word(peer, "again", CHECK_PATIENCE_USEC);
        if (r >= 0)
                r = role_say(peer, "waited", transport->wait_readable(peer->link, CHECK_PATIENCE_USEC / 2), 0);
        return r < 0 ? r : check_peer_hear_word(peer, "end", CHECK_PATIENCE_USEC);
}

static CheckResult timeout_second(Pair *pair) {
        CLEANUP(record_freep) Record *record = NULL;
        int r = send_step(&pair->link, 0, true);

        if (r < 0)
                return check_fail(pair->run, "send: %s", check_errno(r));
        if (pair_tell(pair, "again") < 0 || pair_hear(pair, "waited", &record) < 0)
                return CHECK_FAILED;
        if (record_get_i64(record, "x", -EPROTO) < 0)
                return check_fail(pair->run, "with a message there the wait ended with %s",
                        check_errno(record_get_i64(record, "x", -EPROTO)));
        check_note(pair->run, "asked for %d ms: ETIMEDOUT, not early", CHECK_TIMEOUT_USEC / 1000);
        return check_ok(pair->run, "with a message there: at once");
}

CheckResult transport_timeout(CheckRun *run) {
        CheckResult result = CHECK_FAILED;
        Record *record = NULL;
        int64_t outcome, elapsed;
        Pair pair;

        if (!check_transport(run)->wait_readable)
                return check_skip(run, "the kernel has no call that waits for this with a time-out");
        if (pair_open(run, STEP_SIZE, 0, &pair) < 0 || pair_hear(&pair, "waited", &record) < 0)
                return pair_close(&pair, result);
        outcome = record_get_i64(record, "x", -EPROTO);
        elapsed = record_get_i64(record, "y", 0);
        record_free(record);
        if (outcome != -ETIMEDOUT)
                result = check_fail(run, "nothing was sent, but the wait ended with %s", check_outcome(outcome));
        else if (elapsed < CHECK_TIMEOUT_USEC)
                result = check_fail(run, "asked for %d us, gave up after %" PRId64 " us", CHECK_TIMEOUT_USEC, elapsed);
        else
                result = timeout_second(&pair);
        return pair_close(&pair, result);
}
