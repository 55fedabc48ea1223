/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What becomes of calls, signals, values and descriptors. */
#include "dbus-checks.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "dbus-bus.h"
#include "dbus-link.h"
#include "dbus-peer.h"
#include "transport-pair.h"
#include "units.h"

CheckResult dbus_call_once(CheckRun *run) {
        enum { CALLS = 100 };
        PeerReply reply = { 0 };
        int64_t r = 0, served;
        char text[128];
        Meeting meeting;

        if (!meeting_open(run, 2, &meeting) || !begin(&meeting, 1, "serve", .a = CALLS, .b = 7000))
                return meeting_close(&meeting, CHECK_FAILED);
        for (int64_t i = 0; r >= 0 && i < CALLS; i++) {
                r = tell(&meeting, 0, &reply, "call", .a = i * 3, .b = 5000,
                        .text = meeting_target(&meeting, 1, "Get", text));
                if (r >= 0 && reply.x != i * 3 + 1)
                        return meeting_close(
                                &meeting, check_fail(run, "call %" PRId64 " got the answer %" PRId64, i, reply.x));
        }
        served = peer_end(run, meeting.peers[1], NULL);
        if (r >= 0 && served == CALLS)
                return meeting_close(&meeting,
                        check_ok(run, "%d calls: %d arrived, %d answers, each its own", CALLS, CALLS, CALLS));
        return meeting_close(
                &meeting, check_fail(run, "calls: %s (%s); arrived: %" PRId64, check_outcome(r), reply.text, served));
}

CheckResult dbus_signal_match(CheckRun *run) {
        static const char *const rules[] = {
                "type='signal',interface='" DBUS_CHECK_INTERFACE "',member='Wanted'",
                "type='signal',path='" DBUS_CHECK_PATH "'",
                "type='signal',interface='" DBUS_CHECK_INTERFACE "',member='Unheard'",
        };
        int64_t counts[3] = { 0 };
        Meeting meeting;
        bool prepared;

        prepared = meeting_open(run, 4, &meeting);
        for (unsigned i = 0; prepared && i < 3; i++)
                prepared = ready(&meeting, i + 1, "match", .text = rules[i]);
        for (int64_t i = 0; prepared && i < 3; i++)
                prepared = ready(&meeting, 0, "emit", .a = i, .text = "Wanted") &&
                           ready(&meeting, 0, "emit", .a = i, .text = "Other");
        if (!prepared)
                return meeting_close(&meeting, CHECK_FAILED);
        /* The last that they may see: it comes from the same sender, so all before it are there then. */
        for (unsigned i = 0; i < 3; i++) {
                char text[128];

                if (!ready(&meeting, 0, "post", .a = 0, .text = meeting_target(&meeting, i + 1, "Last", text)))
                        return meeting_close(&meeting, CHECK_FAILED);
                for (;;) {
                        PeerReply reply;
                        int64_t r = tell(&meeting, i + 1, &reply, "next", .a = 5000);

                        if (r < 0)
                                return meeting_close(&meeting, check_fail(run, "listener %u: %s", i, check_errno(r)));
                        if (strstr(reply.text, " Last"))
                                break;
                        counts[i] += strncmp(reply.text, "signal ", 7) == 0 && !strstr(reply.text, "NameAcquired");
                }
        }
        if (counts[0] == 3 && counts[1] == 6 && counts[2] == 0)
                return meeting_close(
                        &meeting, check_ok(run, "6 signals: by member 3 came, by path 6, with another member 0"));
        return meeting_close(&meeting,
                check_fail(run,
                        "6 signals: by member %" PRId64 " came, by path %" PRId64 ", with another member %" PRId64,
                        counts[0], counts[1], counts[2]));
}

CheckResult dbus_types(CheckRun *run) {
        PeerReply sent = { 0 }, seen = { 0 };
        char text[128];
        Meeting meeting;
        int64_t r;

        if (!meeting_open(run, 2, &meeting))
                return meeting_close(&meeting, CHECK_FAILED);
        r = tell(&meeting, 0, &sent, "types", .text = meeting_target(&meeting, 1, "Types", text));
        if (r >= 0)
                r = tell(&meeting, 1, &seen, "types-seen", .a = 5000);
        if (r == 1)
                return meeting_close(&meeting, check_ok(run, "signature %s, values equal", DBUS_CHECK_SIGNATURE));
        return meeting_close(
                &meeting, check_fail(run, "%s %s; arrived: %.200s", check_outcome(r), sent.text, seen.text));
}

CheckResult dbus_descriptor(CheckRun *run) {
        PeerReply taken = { 0 };
        int64_t r, before, after;
        char text[128];
        Meeting meeting;

        if (!meeting_open(run, 2, &meeting) ||
                !ready(&meeting, 0, "give", .a = 1, .text = meeting_target(&meeting, 1, "Take", text)))
                return meeting_close(&meeting, CHECK_FAILED);
        before = tell(&meeting, 0, NULL, "offset");
        r = tell(&meeting, 1, &taken, "take", .a = 5000);
        after = tell(&meeting, 0, NULL, "offset");
        if (r >= 0 && taken.x == 3 && before == 3 && after == 4)
                return meeting_close(
                        &meeting, check_ok(run, "offset 3 there as here; after a byte written there it is 4 here"));
        return meeting_close(
                &meeting, check_fail(run, "taken: %s; offset there %" PRId64 ", here %" PRId64 ", then %" PRId64,
                                  check_outcome(r), taken.x, before, after));
}

CheckResult dbus_descriptor_limit(CheckRun *run) {
        PeerReply sent = { 0 }, taken = { 0 }, over = { 0 };
        char text[128];
        Meeting meeting;
        int64_t r;

        if (!meeting_open(run, 2, &meeting))
                return meeting_close(&meeting, CHECK_FAILED);
        (void)tell(&meeting, 0, &sent, "give", .a = 16, .text = meeting_target(&meeting, 1, "Take", text));
        r = tell(&meeting, 1, &taken, "take", .a = 5000);
        (void)tell(&meeting, 0, &over, "give", .a = 17, .text = meeting_target(&meeting, 1, "Take", text));
        if (r >= 0 && taken.y == 16 && sent.y == 1 && over.y == 0)
                return meeting_close(&meeting, check_ok(run, "16: delivered; 17: the sender is disconnected"));
        return meeting_close(&meeting,
                check_fail(run, "16: %s, %" PRId64 " delivered, sender %s; 17: sender %s", check_outcome(r), taken.y,
                        sent.y ? "connected" : "disconnected", over.y ? "connected" : "disconnected"));
}

CheckResult dbus_size_limit(CheckRun *run) {
        PeerReply sent = { 0 }, over = { 0 };
        char text[128];
        Meeting meeting;
        int64_t n;

        if (!meeting_open(run, 2, &meeting))
                return meeting_close(&meeting, CHECK_FAILED);
        (void)tell(&meeting, 0, &sent, "big", .a = PRIVATE_BUS_MESSAGE_MAX - 512,
                .text = meeting_target(&meeting, 1, "Big", text));
        n = tell(&meeting, 1, NULL, "next", .a = 5000);
        (void)tell(&meeting, 0, &over, "big", .a = PRIVATE_BUS_MESSAGE_MAX,
                .text = meeting_target(&meeting, 1, "Big", text));
        if (n >= 0 && sent.y == 1 && over.y == 0)
                return meeting_close(&meeting,
                        check_ok(run,
                                "max_message_size %d: 512 bytes less delivered; as many and a header: disconnected",
                                PRIVATE_BUS_MESSAGE_MAX));
        return meeting_close(
                &meeting, check_fail(run, "below: %s, sender %s; above: sender %s", check_outcome(n),
                                  sent.y ? "connected" : "disconnected", over.y ? "connected" : "disconnected"));
}

CheckResult dbus_callee_killed(CheckRun *run) {
        PeerReply reply = { 0 };
        char text[128];
        Meeting meeting;
        int64_t r;

        if (!meeting_open(run, 2, &meeting) ||
                !begin(&meeting, 0, "call", .a = 1, .b = 60000, .text = meeting_target(&meeting, 1, "Get", text)) ||
                !ready(&meeting, 1, "next", .a = 5000))
                return meeting_close(&meeting, CHECK_FAILED);
        if (check_murder(run, meeting.peers[1]) < 0)
                return meeting_close(&meeting, check_fail(run, "the callee could not be killed"));
        meeting.peers[1] = NULL;
        r = peer_end(run, meeting.peers[0], &reply);
        if (r < 0 && strcmp(reply.text, "org.freedesktop.DBus.Error.NoReply") == 0 &&
                reply.y < 60 * (int64_t)USEC_PER_SEC)
                return meeting_close(&meeting, check_ok(run, "time-out 60 s, callee killed: %s at once", reply.text));
        return meeting_close(&meeting, check_fail(run, "callee killed: %s (%s)", check_outcome(r), reply.text));
}

CheckResult dbus_call_timeout(CheckRun *run) {
        PeerReply reply = { 0 };
        char text[128];
        Meeting meeting;
        int64_t r;

        if (!meeting_open(run, 2, &meeting))
                return meeting_close(&meeting, CHECK_FAILED);
        r = tell(&meeting, 0, &reply, "call", .a = 1, .b = CHECK_TIMEOUT_USEC / 1000,
                .text = meeting_target(&meeting, 1, "Get", text));
        if (r == -ETIMEDOUT && reply.y >= CHECK_TIMEOUT_USEC)
                return meeting_close(&meeting, check_ok(run, "time-out %d ms: ETIMEDOUT after %" PRId64 " us",
                                                       CHECK_TIMEOUT_USEC / 1000, reply.y));
        return meeting_close(&meeting, check_fail(run, "time-out %d ms: %s (%s) after %" PRId64 " us",
                                               CHECK_TIMEOUT_USEC / 1000, check_outcome(r), reply.text, reply.y));
}

/* --- Peer to peer --- */

static int ask_for_bus(sd_bus *bus, sd_bus_error *said) {
        CLEANUP_BUS_MESSAGE sd_bus_message *call = NULL;
        int r;

        r = sd_bus_message_new_method_call(bus, &call, BUS_DRIVER, BUS_DRIVER_PATH, BUS_DRIVER_INTERFACE, "GetId");
        return r < 0 ? r : sd_bus_call(bus, call, CHECK_PATIENCE_USEC, said, NULL);
}

int dbus_direct_nameless_role(CheckPeer *peer) {
        CLEANUP_BUS_ERROR sd_bus_error said = SD_BUS_ERROR_NULL;
        const char *unique = NULL;
        int r = role_begin(peer), asked, named;

        if (r >= 0)
                r = role_send(peer, "x", 1);
        if (r < 0)
                return r;
        named = sd_bus_get_unique_name(dbus_link_bus(peer->link), &unique);
        asked = ask_for_bus(dbus_link_bus(peer->link), &said);
        return role_say(peer, "asked", asked, named);
}

/* The judge is the other end, so it has to look at its connection until the peer has its answer. */
static int hear_asked(Pair *pair, Record **ret) {
        for (unsigned i = 0; i < CHECK_PATIENCE_USEC / CHECK_TIMEOUT_USEC; i++) {
                int r = check_hear(pair->run, pair->peer, 0, ret);

                if (r != -ETIMEDOUT)
                        return r;
                (void)pair->transport->wait_readable(&pair->link, CHECK_TIMEOUT_USEC);
        }
        return -ETIMEDOUT;
}

CheckResult dbus_direct_nameless(CheckRun *run) {
        CLEANUP(record_freep) Record *said = NULL;
        char sender[64] = "";
        int64_t asked, named;
        Pair pair;
        int r;

        if (pair_open(run, 1, 0, &pair) < 0)
                return pair_close(&pair, CHECK_FAILED);
        r = dbus_link_sender(&pair.link, sender, sizeof(sender));
        if (r >= 0)
                r = hear_asked(&pair, &said);
        asked = record_get_i64(said, "x", 0);
        named = record_get_i64(said, "y", 0);
        if (r >= 0 && sender[0] == '\0' && asked < 0 && asked != -ETIMEDOUT && named < 0)
                return pair_close(
                        &pair, check_ok(run, "message: no sender; own unique name: %s; asking for the bus: %s",
                                       check_errno(named), check_errno(asked)));
        return pair_close(&pair, check_fail(run, "%s; sender \"%s\"; own unique name: %s; asking for the bus: %s",
                                         check_outcome(r), sender, check_outcome(named), check_outcome(asked)));
}
