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

/* --- A receiver waits --- */

int transport_receive_blocks_role(CheckPeer *peer) {
        int64_t n;
        int r = role_begin(peer);

        if (r >= 0)
                r = role_say(peer, "ready", 0, 0);
        if (r < 0)
                return r;
        n = step_receive(peer->link, 7);
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

        if (pair_open(run, PAIR_STEP_SIZE, 0, &pair) < 0 || pair_hear(&pair, "ready", NULL) < 0)
                return pair_close(&pair, result);
        r = check_await_sleep(run, pair.peer, where, sizeof where);
        if (r < 0)
                return pair_close(&pair, sleep_failure(run, r, "the receiver"));
        r = step_send(&pair.link, 7, true);
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
        n = step_fill(peer->link);
        r = role_say(peer, "full", n, 0);
        if (r < 0 || n < 0)
                return r;
        r = step_send(peer->link, (uint64_t)n, true);
        r = role_say(peer, "sent", r, 0);
        return r < 0 ? r : check_peer_hear_word(peer, "end", CHECK_PATIENCE_USEC);
}

/* Takes `n` messages and looks at each. */
static int64_t drain(Pair *pair, int64_t n) {
        for (int64_t i = 0; i < n; i++) {
                int64_t size = step_receive(&pair->link, (uint64_t)i);

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

        if (pair_open(run, PAIR_STEP_SIZE, 0, &pair) < 0 || pair_hear(&pair, "full", &record) < 0)
                return pair_close(&pair, result);
        n = record_get_i64(record, "x", -EPROTO);
        record = record_free(record);
        if (n < 0)
                return pair_close(&pair, check_fail(run, "filling ended with %s", check_errno(n)));
        r = check_await_sleep(run, pair.peer, where, sizeof where);
        if (r < 0)
                return pair_close(&pair, sleep_failure(run, r, "the sender"));
        here = drain(&pair, n + 1);
        if (here < 0)
                return pair_close(&pair, check_fail(run, "after %" PRId64 " messages %s; taking them: %s", n, where,
                                                 check_errno(here)));
        if (pair_hear(&pair, "sent", &record) < 0)
                return pair_close(&pair, result);
        there = record_get_i64(record, "x", -EPROTO);
        record_free(record);
        if (there < 0)
                result = check_fail(
                        run, "after %" PRId64 " messages %s; it ended with %s", n, where, check_errno(there));
        else if (pair.transport->try_receive(&pair.link, pair.buffer, PAIR_MESSAGE_MAX) != -EAGAIN)
                result = check_fail(run, "more than the %" PRId64 " messages arrived", n + 1);
        else
                result = check_ok(run, "full with %" PRId64 " messages of %zu bytes: %s; none lost", n,
                        step_size(&pair.link), where);
        return pair_close(&pair, result);
}

/* --- Nobody waits --- */

int transport_nonblocking_role(CheckPeer *peer) {
        return role_take_steps(peer);
}

CheckResult transport_nonblocking(CheckRun *run) {
        CheckResult result = CHECK_FAILED;
        int64_t n, taken;
        ssize_t empty;
        Pair pair;
        int r;

        if (pair_open(run, PAIR_STEP_SIZE, 0, &pair) < 0 || pair_hear(&pair, "ready", NULL) < 0)
                return pair_close(&pair, result);
        empty = pair.transport->try_receive(&pair.link, pair.buffer, PAIR_MESSAGE_MAX);
        if (empty != -EAGAIN)
                return pair_close(&pair, check_fail(run, "receive from an empty one: %s", check_outcome(empty)));
        n = step_fill(&pair.link);
        if (n < 0)
                return pair_close(&pair, check_fail(run, "filling ended with %s", check_errno(n)));
        taken = pair_begin_take(&pair, 0, 0, n, false);
        if (taken >= 0)
                taken = pair_end_take(&pair, 0, NULL);
        r = taken < 0 ? 0 : step_send(&pair.link, 0, false);
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
        int r = step_send(&pair->link, 0, true);

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
        if (pair_open(run, PAIR_STEP_SIZE, 0, &pair) < 0 || pair_hear(&pair, "waited", &record) < 0)
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
