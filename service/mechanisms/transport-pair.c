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
};

int pair_open(CheckRun *run, size_t message_max, unsigned depth, Pair *ret) {
        Error error = { 0 };
        int r;

        *ret = (Pair){ .run = run, .link = LINK_EMPTY };
        ret->buffer = malloc(PAIR_MESSAGE_MAX + 1);
        if (!ret->buffer)
                return -ENOMEM;
        ret->link.mechanism = run->mechanism;
        ret->link.transport = run->check->transport;
        ret->transport = check_transport(run);
        ret->link.token = run->token;
        ret->link.directory = run->directory;
        ret->link.wait = WAIT_BLOCK;
        ret->link.message_max = message_max < PAIR_MESSAGE_MAX ? message_max : PAIR_MESSAGE_MAX;
        r = ret->transport->setup(&ret->link, &error);
        if (!check_need_said(run, error.message, r))
                return r;
        ret->made = true;
        if (ret->link.depth > 0 && ret->link.depth < depth) {
                run->untestable = true;
                check_note(run, "cannot be tested here: it takes room for %u messages, and there is for %u", depth,
                        ret->link.depth);
                return -ENOSPC;
        }
        r = check_start(run, 0, &ret->link, NULL, &ret->peer);
        if (!check_need(run, "starting a peer", r))
                return r;
        r = ret->transport->attach(&ret->link, &error);
        if (r < 0) {
                check_note(run, "%s", error.message);
                return r;
        }
        ret->attached = true;
        return pair_tell(ret, "go");
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

int pair_tell(Pair *pair, const char *word) {
        int r = check_say_word(pair->run, pair->peer, word);

        if (r < 0)
                check_note(pair->run, "the peer cannot be told \"%s\": %s", word, check_errno(r));
        return r;
}

int pair_hear(Pair *pair, const char *word, Record **ret) {
        CLEANUP(record_freep) Record *record = NULL;
        int r = check_hear(pair->run, pair->peer, CHECK_PATIENCE_USEC, &record);

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

/* Has the peer said that it sent all? */
static int look_for_sent(Pair *pair, bool *sent) {
        int r = check_hear_word(pair->run, pair->peer, "sent", 0);

        if (r >= 0)
                *sent = true;
        return r == -ETIMEDOUT ? 0 : r;
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
