/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "transport-pair.h"

/* What the generic checks share. The Pair owns the link and its buffer; the engine owns the peer. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "checks.h"
#include "cleanup.h"
#include "spin.h"

enum {
        LOOK_USEC = 20 * 1000, /* between looks at whether the peer has sent all */
        NAP_USEC = 200,
        UNDER_WAY_USEC = 2 * 1000 * 1000, /* the longest that a message is */
        FILL_MAX = 1000 * 1000,
        SETTLE_USEC = 60 * 1000,
};

static int start_peers(CheckRun *run, const PairSetting *setting, Pair *pair) {
        unsigned n = setting->n_peers > 0 ? setting->n_peers : 1;

        for (unsigned i = 0; i < n; i++) {
                CLEANUP(record_freep) Record *arguments = NULL;
                int r = record_new(&arguments);

                if (r < 0)
                        return r;
                record_set_u64(arguments, "number", i);
                if (setting->place != CHECK_PLACE_HERE)
                        r = check_start_at(run, setting->place, 0, &pair->link, arguments, &pair->peers[i]);
                else {
                        r = check_start(run, 0, &pair->link, arguments, &pair->peers[i]);
                        (void)check_need(run, "starting a peer", r);
                }
                if (r < 0)
                        return r;
                pair->n_peers = i + 1;
        }
        pair->peer = pair->peers[0];
        return 0;
}

static int make_link(CheckRun *run, const PairSetting *setting, Pair *pair) {
        size_t most = setting->message_max;
        Error error = { 0 };
        int r;

        pair->link.mechanism = run->mechanism;
        pair->link.transport = run->check->transport;
        pair->link.token = run->token;
        pair->link.directory = setting->directory ? setting->directory : run->directory;
        pair->link.wait = WAIT_BLOCK;
        pair->link.mode = setting->mode;
        pair->link.message_max = most < PAIR_MESSAGE_MAX ? most : PAIR_MESSAGE_MAX;
        r = pair->transport->setup(&pair->link, &error);
        if (!check_need_said(run, error.message, r))
                return r;
        pair->made = true;
        if (pair->link.depth > 0 && pair->link.depth < setting->depth) {
                run->untestable = true;
                check_note(run, "cannot be tested here: it takes room for %u messages, and there is for %u",
                        setting->depth, pair->link.depth);
                return -ENOSPC;
        }
        return 0;
}

int pair_open_with(CheckRun *run, const PairSetting *setting, Pair *ret) {
        Error error = { 0 };
        int r;

        *ret = (Pair){ .run = run, .transport = check_transport(run), .link = LINK_EMPTY };
        ret->buffer = malloc(PAIR_MESSAGE_MAX + 1);
        if (!ret->buffer)
                return -ENOMEM;
        r = make_link(run, setting, ret);
        if (r >= 0)
                r = start_peers(run, setting, ret);
        if (r < 0)
                return r;
        r = ret->transport->attach(&ret->link, &error);
        if (r < 0) {
                check_note(run, "%s", error.message);
                return r;
        }
        ret->attached = true;
        for (unsigned i = 0; r >= 0 && i < ret->n_peers; i++)
                r = pair_tell_to(ret, i, "go");
        return r;
}

int pair_open(CheckRun *run, size_t message_max, unsigned depth, Pair *ret) {
        return pair_open_with(run, &(PairSetting){ .message_max = message_max, .depth = depth }, ret);
}

CheckResult pair_close(Pair *pair, CheckResult result) {
        if (pair->attached)
                pair->transport->detach(&pair->link);
        if (pair->made)
                pair->transport->teardown(&pair->link);
        free(pair->buffer);
        pair->buffer = NULL;
        return result;
}

int pair_tell_to(Pair *pair, unsigned i, const char *word) {
        int r = check_say_word(pair->run, pair->peers[i], word);

        if (r < 0)
                check_note(pair->run, "the peer cannot be told \"%s\": %s", word, check_errno(r));
        return r;
}

int pair_tell(Pair *pair, const char *word) {
        return pair_tell_to(pair, 0, word);
}

int pair_hear_from(Pair *pair, unsigned i, const char *word, Record **ret) {
        CLEANUP(record_freep) Record *record = NULL;
        int r = check_hear(pair->run, pair->peers[i], CHECK_PATIENCE_USEC, &record);

        if (r < 0) {
                check_note(pair->run, "the peer did not say \"%s\": %s", word, check_errno(r));
                return r;
        }
        if (strcmp(record_get_string(record, "word", ""), word) != 0) {
                check_note(pair->run, "the peer said \"%s\" in place of \"%s\"", record_get_string(record, "word", ""),
                        word);
                return -EPROTO;
        }
        if (ret)
                *ret = TAKE_POINTER(record);
        return 0;
}

int pair_hear(Pair *pair, const char *word, Record **ret) {
        return pair_hear_from(pair, 0, word, ret);
}

/* Have the peers said that they sent all? */
static int look_for_sent(Pair *pair, bool *sent) {
        for (unsigned i = 0; i < pair->n_peers; i++) {
                int r = pair->sent & 1u << i ? 0 : check_hear_word(pair->run, pair->peers[i], "sent", 0);

                if (r == -ETIMEDOUT)
                        return 0;
                if (r < 0)
                        return r;
                pair->sent |= 1u << i;
        }
        *sent = true;
        return 0;
}

ssize_t pair_receive(Pair *pair, size_t size, bool *sent) {
        uint64_t end = monotonic_end(CHECK_PATIENCE_USEC);

        for (;;) {
                bool last = *sent;
                ssize_t n = pair->transport->try_receive(&pair->link, pair->buffer, size);
                int r;

                if (n != -EAGAIN)
                        return n;
                if (last && pair->transport->delayed &&
                        pair->transport->wait_readable(&pair->link, UNDER_WAY_USEC) >= 0)
                        continue;
                if (last)
                        return -ENODATA;
                r = look_for_sent(pair, sent);
                if (r < 0)
                        return r;
                if (*sent)
                        continue;
                if (monotonic_now() >= end)
                        return -ETIMEDOUT;
                if (!pair->transport->wait_readable) {
                        (void)usleep(NAP_USEC);
                        continue;
                }
                r = pair->transport->wait_readable(&pair->link, LOOK_USEC);
                if (r < 0 && r != -ETIMEDOUT)
                        return r;
        }
}

ssize_t pair_receive_whole(Pair *pair, void *buffer, size_t size, bool *sent) {
        bool stream = !pair->transport->boundaries;
        size_t have = 0;
        ssize_t n;

        do {
                n = pair_receive(pair, stream ? size - have : PAIR_MESSAGE_MAX, sent);
                if (n < 0 || (stream && n == 0 && size > 0))
                        return have > 0 && (n == 0 || n == -ENODATA) ? -EBADMSG : n;
                if ((size_t)n > size - have)
                        return -EMSGSIZE;
                memcpy((char *)buffer + have, pair->buffer, (size_t)n);
                have += (size_t)n;
        } while (stream && have < size);
        return (ssize_t)have;
}

static unsigned char mixed(uint64_t n) {
        n *= UINT64_C(0x9e3779b97f4a7c15);
        n ^= n >> 29;
        n *= UINT64_C(0xbf58476d1ce4e5b9);
        return (unsigned char)(n >> 56);
}

/* The number stands in the first bytes, so that even a message of four bytes tells which it is. */
void message_fill(void *buffer, size_t size, uint64_t number) {
        unsigned char *bytes = buffer;

        for (size_t i = 0; i < size; i++)
                bytes[i] = i < 4 ? (unsigned char)(number >> 8 * i) : mixed(number << 20 | i);
}

bool message_matches(const void *buffer, size_t size, uint64_t number) {
        const unsigned char *bytes = buffer;

        for (size_t i = 0; i < size; i++)
                if (bytes[i] != (i < 4 ? (unsigned char)(number >> 8 * i) : mixed(number << 20 | i)))
                        return false;
        return true;
}

void stream_fill(void *buffer, size_t size, uint64_t position) {
        unsigned char *bytes = buffer;

        for (size_t i = 0; i < size; i++)
                bytes[i] = mixed(position + i);
}

size_t step_size(const Link *link) {
        return link->message_max < PAIR_STEP_SIZE ? link->message_max : PAIR_STEP_SIZE;
}

int64_t step_receive(Link *link, uint64_t number) {
        const Transport *transport = link_transport(link);
        unsigned char buffer[PAIR_STEP_SIZE + 1];
        size_t size = step_size(link);
        ssize_t n = transport->boundaries ? transport->receive(link, buffer, sizeof buffer)
                                          : link_receive_all(link, buffer, size);

        if (n < 0)
                return n;
        return (size_t)n == size && message_matches(buffer, size, number) ? n : -EBADMSG;
}

int step_send(Link *link, uint64_t number, bool wait) {
        const Transport *transport = link_transport(link);
        unsigned char buffer[PAIR_STEP_SIZE];

        message_fill(buffer, step_size(link), number);
        return wait ? transport->send(link, buffer, step_size(link))
                    : transport->try_send(link, buffer, step_size(link));
}

/* Full can be over later, where what was sent moves on by itself. */
static bool moves_on(Link *link) {
        const Transport *transport = link_transport(link);

        if (transport->settle)
                (void)transport->settle(link);
        else if (transport->delayed)
                (void)usleep(SETTLE_USEC);
        else
                return false;
        return true;
}

int64_t step_fill(Link *link) {
        bool settled = false;
        int64_t n = 0;
        int r = 0;

        while (n < FILL_MAX) {
                r = step_send(link, (uint64_t)n, false);
                if (r < 0 && (r != -EAGAIN || settled || !moves_on(link)))
                        break;
                settled = r < 0;
                n += r >= 0;
        }
        return r == -EAGAIN ? n : r < 0 ? r : -EOVERFLOW;
}

uint64_t fnv_1a(uint64_t hash, const void *data, size_t size) {
        const unsigned char *bytes = data;

        for (size_t i = 0; i < size; i++)
                hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
        return hash;
}

int role_begin(CheckPeer *peer) {
        return check_peer_hear_word(peer, "go", USEC_INFINITY);
}

int role_say(CheckPeer *peer, const char *word, int64_t x, int64_t y) {
        CLEANUP(record_freep) Record *record = NULL;
        int r = record_new(&record);

        if (r < 0)
                return r;
        record_set_string(record, "word", word);
        record_set_i64(record, "x", x);
        record_set_i64(record, "y", y);
        return check_peer_say(peer, record);
}

int role_send(CheckPeer *peer, const void *data, size_t size) {
        return link_transport(peer->link)->send(peer->link, data, size);
}

int role_take_steps(CheckPeer *peer) {
        int r = role_begin(peer);

        if (r >= 0)
                r = role_say(peer, "ready", 0, 0);
        while (r >= 0) {
                CLEANUP(record_freep) Record *record = NULL;
                unsigned char byte[PAIR_STEP_SIZE + 1];
                int64_t n = 0, from;
                ssize_t look = 0;

                r = check_peer_hear(peer, CHECK_PATIENCE_USEC, &record);
                if (r < 0)
                        return r == -EPIPE ? 0 : r;
                from = record_get_i64(record, "from", 0);
                for (int64_t i = 0; n >= 0 && i < record_get_i64(record, "take", 0); i++)
                        n = step_receive(peer->link, (uint64_t)(from + i));
                if (record_get_bool(record, "look", false))
                        look = link_transport(peer->link)->try_receive(peer->link, byte, sizeof byte);
                r = role_say(peer, "taken", n, look);
        }
        return r;
}

int pair_begin_take(Pair *pair, unsigned i, int64_t from, int64_t take, bool look) {
        CLEANUP(record_freep) Record *order = NULL;
        int r = record_new(&order);

        if (r < 0)
                return r;
        record_set_i64(order, "from", from);
        record_set_i64(order, "take", take);
        record_set_bool(order, "look", look);
        return check_say(pair->run, pair->peers[i], order);
}

int64_t pair_end_take(Pair *pair, unsigned i, int64_t *ret_look) {
        CLEANUP(record_freep) Record *answer = NULL;
        int r = pair_hear_from(pair, i, "taken", &answer);

        if (r >= 0 && ret_look)
                *ret_look = record_get_i64(answer, "y", -EPROTO);
        return r < 0 ? r : record_get_i64(answer, "x", -EPROTO);
}
