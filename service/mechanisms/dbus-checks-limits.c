/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "dbus-checks.h"

/* What is refused at a limit of the bus or of a process, and that those who did not reach it go on. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "dbus-peer.h"
#include "units.h"

#define LIMIT(name, value) "<limit name=\"" name "\">" #value "</limit>"

CheckResult dbus_connections_limit(CheckRun *run) {
        int64_t over, after;
        Meeting meeting;

        if (!meeting_open_with(run, 2, LIMIT("max_connections_per_user", 2), NULL, &meeting) ||
                !check_need(run, "a third peer", peer_start(run, 0, NULL, 0, &meeting.peers[2])))
                return meeting_close(&meeting, CHECK_FAILED);
        over = tell(&meeting, 2, NULL, "connect", .text = meeting.bus.address);
        if (!ready(&meeting, 0, "disconnect"))
                return meeting_close(&meeting, CHECK_FAILED);
        /* The bus sees the end of a connection some time after close(2). */
        for (unsigned i = 0; i < 100; i++) {
                after = tell(&meeting, 2, NULL, "connect", .text = meeting.bus.address);
                if (after != over)
                        break;
        }
        if (over == -ENOBUFS && after >= 0)
                return meeting_close(&meeting,
                        check_ok(run, "limit 2: the third gets LimitsExceeded (%s); when one left, it is let in",
                                check_errno(over)));
        return meeting_close(&meeting, check_fail(run, "limit 2: the third: %s; when one left: %s",
                                               check_outcome(over), check_outcome(after)));
}

CheckResult dbus_names_limit(CheckRun *run) {
        int64_t first, second, after;
        Meeting meeting;

        /* The unique name counts too. */
        if (!meeting_open_with(run, 1, LIMIT("max_names_per_connection", 2), NULL, &meeting))
                return meeting_close(&meeting, CHECK_FAILED);
        first = tell(&meeting, 0, NULL, "own", .text = "org.ipcbus1.check.A");
        second = tell(&meeting, 0, NULL, "own", .text = "org.ipcbus1.check.B");
        (void)tell(&meeting, 0, NULL, "release", .text = "org.ipcbus1.check.A");
        after = tell(&meeting, 0, NULL, "own", .text = "org.ipcbus1.check.B");
        if (first >= 0 && second == -ENOBUFS && after >= 0)
                return meeting_close(&meeting,
                        check_ok(run,
                                "limit 2, of which the unique name is one: the second of its own is refused (%s); "
                                "after releasing the first it has it",
                                check_errno(second)));
        return meeting_close(&meeting, check_fail(run, "limit 2: first %s, second %s, after releasing the first %s",
                                               check_outcome(first), check_outcome(second), check_outcome(after)));
}

CheckResult dbus_matches_limit(CheckRun *run) {
        int64_t first, second, over, other;
        PeerReply reply = { 0 };
        Meeting meeting;

        if (!meeting_open_with(run, 2, LIMIT("max_match_rules_per_connection", 2), NULL, &meeting))
                return meeting_close(&meeting, CHECK_FAILED);
        first = tell(&meeting, 0, NULL, "match", .text = "member='A'");
        second = tell(&meeting, 0, NULL, "match", .text = "member='B'");
        over = tell(&meeting, 0, &reply, "match", .text = "member='C'");
        other = tell(&meeting, 1, NULL, "match", .text = "member='C'");
        if (first >= 0 && second >= 0 && over < 0 && strcmp(reply.text, DBUS_ERROR("LimitsExceeded")) == 0 &&
                other >= 0)
                return meeting_close(&meeting,
                        check_ok(run, "limit 2: the third rule gives LimitsExceeded; another connection has its own"));
        return meeting_close(
                &meeting, check_fail(run, "limit 2: %s, %s, then %s (%s); another: %s", check_outcome(first),
                                  check_outcome(second), check_outcome(over), reply.text, check_outcome(other)));
}

CheckResult dbus_replies_limit(CheckRun *run) {
        PeerReply heard = { 0 };
        char text[128];
        Meeting meeting;
        int64_t r;

        if (!meeting_open_with(run, 2, LIMIT("max_replies_per_connection", 2), NULL, &meeting))
                return meeting_close(&meeting, CHECK_FAILED);
        (void)meeting_target(&meeting, 1, "Get", text);
        /* Those that want no answer do not count. */
        for (int64_t i = 0; i < 4; i++)
                if (!ready(&meeting, 0, "post", .a = 40 + i, .text = text))
                        return meeting_close(&meeting, CHECK_FAILED);
        for (int64_t i = 0; i < 3; i++)
                if (!ready(&meeting, 0, "ask", .a = i, .text = text))
                        return meeting_close(&meeting, CHECK_FAILED);
        if (!ready(&meeting, 1, "wait", .a = 6, .b = 5000))
                return meeting_close(&meeting, CHECK_FAILED);
        r = tell(&meeting, 0, &heard, "heard", .a = 1, .b = 5000);
        if (r < 0 || strcmp(heard.text, " LimitsExceeded") != 0)
                return meeting_close(
                        &meeting, check_fail(run, "limit 2: the third call: %s,%s", check_outcome(r), heard.text));
        if (!ready(&meeting, 1, "answer", .a = 4) || !ready(&meeting, 1, "answer", .a = 5))
                return meeting_close(&meeting, CHECK_FAILED);
        r = tell(&meeting, 0, &heard, "heard", .a = 2, .b = 5000);
        if (r >= 0 && strcmp(heard.text, " 1 2") == 0)
                return meeting_close(&meeting,
                        check_ok(run, "limit 2: 4 calls that want no answer do not count; the third that does gives "
                                      "LimitsExceeded, and the other two are answered"));
        return meeting_close(&meeting, check_fail(run, "limit 2: the answers: %s,%s", check_outcome(r), heard.text));
}

CheckResult dbus_reply_timeout(CheckRun *run) {
        PeerReply reply = { 0 };
        int64_t r, late, next;
        char text[128];
        Meeting meeting;

        if (!meeting_open_with(run, 2, LIMIT("reply_timeout", 40), NULL, &meeting))
                return meeting_close(&meeting, CHECK_FAILED);
        r = tell(&meeting, 0, &reply, "call", .a = 1, .b = 60000, .text = meeting_target(&meeting, 1, "Get", text));
        if (r >= 0 || strcmp(reply.text, DBUS_ERROR("NoReply")) != 0 || reply.y < CHECK_TIMEOUT_USEC)
                return meeting_close(&meeting,
                        check_fail(run, "%s (%s) after %" PRId64 " us", check_outcome(r), reply.text, reply.y));
        /* It is too late then, and does no harm. */
        if (!ready(&meeting, 1, "wait", .a = 1, .b = 5000))
                return meeting_close(&meeting, CHECK_FAILED);
        late = tell(&meeting, 1, NULL, "answer", .a = 0);
        next = tell(&meeting, 1, NULL, "owner", .text = meeting.unique[0]);
        if (late >= 0 && next == 1)
                return meeting_close(
                        &meeting, check_ok(run,
                                          "reply_timeout 40 ms, the caller's own 60 s: NoReply after %" PRId64
                                          " us; answering then gives no error, and both stay connected",
                                          reply.y));
        return meeting_close(&meeting, check_fail(run, "answering too late: %s; the caller is there: %s",
                                               check_outcome(late), check_outcome(next)));
}

CheckResult dbus_slow_receiver(CheckRun *run) {
        enum { SIZE = 500 * 1024, COUNT = 48 };
        PeerReply reply = { 0 };
        char slow[128], quick[128];
        Meeting meeting;
        int64_t r, all;

        if (!meeting_open(run, 4, &meeting) ||
                !begin(&meeting, 0, "flood", .a = SIZE, .b = COUNT,
                        .text = meeting_target(&meeting, 1, "Big", slow)) ||
                !check_sleeps(run, meeting.peers[0], "the sender") || !begin(&meeting, 3, "serve", .a = 1, .b = 5000))
                return meeting_close(&meeting, CHECK_FAILED);
        r = tell(&meeting, 2, &reply, "call", .a = 1, .b = 5000, .text = meeting_target(&meeting, 3, "Get", quick));
        (void)peer_end(run, meeting.peers[3], NULL);
        if (r < 0 || reply.x != 2)
                return meeting_close(&meeting, check_fail(run, "the call of others: %s", check_outcome(r)));
        all = tell(&meeting, 1, NULL, "wait", .a = COUNT, .b = 7000);
        r = peer_end(run, meeting.peers[0], NULL);
        if (all >= 0 && r >= 0 && tell(&meeting, 1, NULL, "count", .a = 0) == COUNT)
                return meeting_close(&meeting,
                        check_ok(run,
                                "%d messages of %d bytes to one who does not read: their sender sleeps, others "
                                "call each other meanwhile; then all %d come",
                                COUNT, SIZE, COUNT));
        return meeting_close(
                &meeting, check_fail(run, "reading them: %s; the sender: %s", check_outcome(all), check_outcome(r)));
}

/* 0, 1 and 2 are taken in every peer. Not 0: poll(2) refuses more descriptors than the limit, whatever they are. */
static int64_t use_up(Meeting *meeting, unsigned who) {
        return tell(meeting, who, NULL, "limit", .a = RLIMIT_NOFILE, .b = 3);
}

CheckResult dbus_exhausted(CheckRun *run) {
        int64_t refused, goes_on;
        Meeting meeting;

        if (!meeting_open(run, 1, &meeting) ||
                !check_need(run, "a second peer", peer_start(run, 0, NULL, 0, &meeting.peers[1])) ||
                !check_need(run, "taking descriptors away", use_up(&meeting, 0)) ||
                !check_need(run, "taking descriptors away", use_up(&meeting, 1)))
                return meeting_close(&meeting, CHECK_FAILED);
        refused = tell(&meeting, 1, NULL, "connect", .text = meeting.bus.address);
        goes_on = tell(&meeting, 0, NULL, "own", .text = "org.ipcbus1.check.A");
        if (refused == -EMFILE && goes_on >= 0)
                return meeting_close(
                        &meeting, check_ok(run, "connecting: EMFILE; who is connected gets a name as before"));
        return meeting_close(&meeting, check_fail(run, "connecting: %s; who is connected: %s", check_outcome(refused),
                                               check_outcome(goes_on)));
}

CheckResult dbus_exhausted_receiver(CheckRun *run) {
        PeerReply given = { 0 };
        int64_t taken, after;
        char text[128];
        Meeting meeting;

        if (!meeting_open(run, 2, &meeting) || !check_need(run, "taking descriptors away", use_up(&meeting, 1)))
                return meeting_close(&meeting, CHECK_FAILED);
        (void)tell(&meeting, 0, &given, "give", .a = 1, .text = meeting_target(&meeting, 1, "Take", text));
        taken = tell(&meeting, 1, NULL, "take", .a = 1000);
        after = tell(&meeting, 1, NULL, "owner", .text = meeting.unique[0]);
        if (given.y == 1 && taken < 0 && taken != -ETIMEDOUT && taken != -EREMOTEIO && after < 0)
                return meeting_close(
                        &meeting, check_ok(run,
                                          "a descriptor to who has no number for it: the sender sees no error, the "
                                          "receiver's connection ends with %s",
                                          check_errno(taken)));
        return meeting_close(
                &meeting, check_fail(run, "the sender is %s; taking it: %s; then: %s",
                                  given.y ? "connected" : "disconnected", check_outcome(taken), check_outcome(after)));
}
