/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "checks.h"

/* Generic checks: several processes at the same side. Only for transports that let more than one attach there: what is
 * no connection. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "cleanup.h"
#include "transport-pair.h"

enum {
        WAITERS = 3,
        TAKES = 2,
        WRITERS = 3,
        WRITES = 200,
        WRITE_SIZE = 512,
        WRITER_SHIFT = 16, /* a message's number is that of its writer, then its own */
};

/* --- Who waits is killed --- */

int transport_waiter_killed_role(CheckPeer *peer) {
        return role_take_steps(peer);
}

static bool begin_waiting(Pair *pair, unsigned i, int64_t from) {
        char where[64];
        int r = pair_begin_take(pair, i, from, TAKES, true);

        if (r >= 0)
                r = check_await_sleep(pair->run, pair->peers[i], where, sizeof where);
        if (r < 0)
                check_note(pair->run, "receiver %u %s: %s", i + 1,
                        r == -EALREADY ? "did not wait" : "was never seen asleep", check_errno(r));
        return r >= 0;
}

static bool send_steps(Pair *pair, int64_t from) {
        for (int64_t i = from; i < from + TAKES; i++)
                if (!check_expect(pair->run, "send", step_send(&pair->link, (uint64_t)i, false), 0))
                        return false;
        return true;
}

/* It has all of them, and nothing comes after. */
static bool end_waiting(Pair *pair, unsigned i, const char *who) {
        int64_t look = 0;

        return check_expect(pair->run, who, pair_end_take(pair, i, &look), (int64_t)step_size(&pair->link)) &&
               check_expect(pair->run, "a receive after that", look, -EAGAIN);
}

CheckResult transport_waiter_killed(CheckRun *run) {
        const PairSetting setting = { .message_max = PAIR_STEP_SIZE, .depth = TAKES, .n_peers = WAITERS };
        CheckResult result = CHECK_FAILED;
        Pair pair;

        if (pair_open_with(run, &setting, &pair) < 0)
                return pair_close(&pair, result);
        for (unsigned i = 0; i < WAITERS; i++)
                if (pair_hear_from(&pair, i, "ready", NULL) < 0)
                        return pair_close(&pair, result);
        /* Alone: what is sent after its death is there for who receives later. */
        if (!begin_waiting(&pair, 0, 0) ||
                !check_expect(run, "SIGKILL of the only one that waits", check_murder(run, pair.peers[0]), 0) ||
                !send_steps(&pair, 0) || pair_begin_take(&pair, 1, 0, TAKES, true) < 0 ||
                !end_waiting(&pair, 1, "the next receiver"))
                return pair_close(&pair, result);
        /* First in the line of two. */
        if (begin_waiting(&pair, 1, TAKES) && begin_waiting(&pair, 2, TAKES) &&
                check_expect(run, "SIGKILL of the first of two that wait", check_murder(run, pair.peers[1]), 0) &&
                send_steps(&pair, TAKES) && end_waiting(&pair, 2, "the other receiver"))
                result = check_ok(run,
                        "SIGKILL of the only one that waits: the next gets the %d messages sent then, and no more; "
                        "SIGKILL of the first of two: the other gets them",
                        TAKES);
        return pair_close(&pair, result);
}

/* --- Many writers --- */

/* A stream has no boundaries: there all are of one size. */
static size_t write_size(const Link *link, uint64_t i) {
        size_t most = link->message_max < WRITE_SIZE ? link->message_max : WRITE_SIZE;

        if (!link_transport(link)->boundaries || most <= sizeof(uint32_t))
                return most;
        return sizeof(uint32_t) + (size_t)(i * 7919) % (most - sizeof(uint32_t) + 1);
}

int transport_many_writers_role(CheckPeer *peer) {
        uint64_t writer = record_get_u64(peer->arguments, "number", 0);
        unsigned char buffer[WRITE_SIZE];
        int r = role_begin(peer);

        for (uint64_t i = 0; r >= 0 && i < WRITES; i++) {
                size_t size = write_size(peer->link, i);

                message_fill(buffer, size, writer << WRITER_SHIFT | i);
                r = role_send(peer, buffer, size);
        }
        if (r >= 0)
                r = role_say(peer, "sent", 0, 0);
        return r < 0 ? r : check_peer_hear_word(peer, "end", CHECK_PATIENCE_USEC);
}

/* Of a stream, just what one write has. */
static size_t write_room(const Link *link) {
        return link_transport(link)->boundaries ? WRITE_SIZE : write_size(link, 0);
}

/* Whose is it, and is it the next of that writer? A message without bytes is only counted. */
static CheckResult look_at_write(Pair *pair, const unsigned char *message, size_t size, uint64_t *next) {
        uint32_t writer, number;

        if (write_size(&pair->link, 0) < sizeof number)
                return CHECK_OK;
        if (size < sizeof number)
                return check_fail(pair->run, "a message of %zu bytes came, which nobody sent", size);
        number = message[0] | (uint32_t)message[1] << 8;
        writer = message[2] | (uint32_t)message[3] << 8;
        if (writer >= WRITERS)
                return check_fail(pair->run, "a message came that nobody sent: writer %u, number %u", writer, number);
        if (number != next[writer])
                return check_fail(pair->run, "message %u of writer %u came in place of number %" PRIu64, number,
                        writer, next[writer]);
        if (size != write_size(&pair->link, number) ||
                !message_matches(message, size, (uint64_t)writer << WRITER_SHIFT | number))
                return check_fail(pair->run, "message %u of writer %u is cut, or mixed with another", number, writer);
        next[writer]++;
        return CHECK_OK;
}

CheckResult transport_many_writers(CheckRun *run) {
        const PairSetting setting = { .message_max = WRITE_SIZE, .n_peers = WRITERS };
        CheckResult result = CHECK_FAILED;
        unsigned char message[WRITE_SIZE];
        uint64_t next[WRITERS] = { 0 };
        bool sent = false;
        ssize_t n = 0;
        Pair pair;

        if (pair_open_with(run, &setting, &pair) < 0)
                return pair_close(&pair, result);
        for (unsigned i = 0; i < WRITERS * WRITES; i++) {
                n = pair_receive_whole(&pair, message, write_room(&pair.link), &sent);
                if (n < 0 || (n == 0 && pair.link.message_max > 0))
                        return pair_close(
                                &pair, check_fail(run, "%u of %d messages came, then %s", i, WRITERS * WRITES,
                                               n == -ENODATA || n == 0 ? "no more" : check_errno(n)));
                result = look_at_write(&pair, message, (size_t)n, next);
                if (result != CHECK_OK)
                        return pair_close(&pair, result);
        }
        n = pair_receive_whole(&pair, message, write_room(&pair.link), &sent);
        if (n != -ENODATA)
                result = check_fail(
                        run, "after the %d messages: %s", WRITERS * WRITES, n >= 0 ? "one more" : check_errno(n));
        else
                result = check_ok(run,
                        "%d writers at once, %d messages of up to %zu bytes each: all came, each "
                        "writer's in order, none mixed",
                        WRITERS, WRITES,
                        pair.link.message_max < WRITE_SIZE ? pair.link.message_max : (size_t)WRITE_SIZE);
        return pair_close(&pair, result);
}
