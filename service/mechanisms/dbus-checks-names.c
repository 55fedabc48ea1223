/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who has a name, who gets it next, and what the bus tells of its owner. */
#include "dbus-checks.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "units.h"

#define NAME "org.ipcbus1.check.Name"

enum { /* of RequestName: D-Bus Specification */
        ALLOW = 1,
        REPLACE = 2,
        QUEUE = 4, /* as sd-bus has it: without it the bus is told not to queue */
};

/* sd_bus_request_name() has its own numbers: SD_BUS_NAME_REPLACE_EXISTING 1, ALLOW_REPLACEMENT 2, QUEUE 4. */
static int64_t flags(unsigned wanted) {
        return (wanted & REPLACE ? 1 : 0) | (wanted & ALLOW ? 2 : 0) | (wanted & QUEUE ? 4 : 0);
}

/* Whom somebody else sees as the owner: the number of a peer, -1 nobody, -2 a stranger. */
static int owner(Meeting *meeting, unsigned asked) {
        PeerReply reply;

        if (tell(meeting, asked, &reply, "owner", .text = NAME) <= 0)
                return -1;
        for (int i = 0; i < MEETING_PEERS_MAX; i++)
                if (meeting->peers[i] && strcmp(meeting->unique[i], reply.text) == 0)
                        return i;
        return -2;
}

CheckResult dbus_one_owner(CheckRun *run) {
        Meeting meeting;
        int64_t second;
        int has;

        if (!meeting_open(run, 3, &meeting) || !ready(&meeting, 0, "own", .text = NAME))
                return meeting_close(&meeting, CHECK_FAILED);
        second = tell(&meeting, 1, NULL, "own", .text = NAME);
        has = owner(&meeting, 2);
        if (second == -EEXIST && has == 0)
                return meeting_close(&meeting, check_ok(run, "the second to ask: EEXIST; the first still has it"));
        return meeting_close(
                &meeting, check_fail(run, "the second to ask: %s; peer %d has it", check_outcome(second), has));
}

CheckResult dbus_queue(CheckRun *run) {
        PeerReply told = { 0 }, gained = { 0 };
        int64_t queued, r;
        Meeting meeting;
        int has;

        if (!meeting_open(run, 3, &meeting) || !ready(&meeting, 0, "own", .text = NAME) ||
                !ready(&meeting, 2, "match",
                        .text = "type='signal',sender='org.freedesktop.DBus',member='NameOwnerChanged',arg0='" NAME
                                "'"))
                return meeting_close(&meeting, CHECK_FAILED);
        queued = tell(&meeting, 1, NULL, "own", .a = flags(QUEUE), .text = NAME);
        (void)tell(&meeting, 1, NULL, "count", .a = 0); /* forgets what came so far */
        (void)tell(&meeting, 2, NULL, "count", .a = 0);
        has = owner(&meeting, 2);
        if (queued != 0 || has != 0)
                return meeting_close(&meeting,
                        check_fail(run, "asking with queue: %s; peer %d has it", check_outcome(queued), has));
        if (check_murder(run, meeting.peers[0]) < 0)
                return meeting_close(&meeting, check_fail(run, "the owner could not be killed"));
        meeting.peers[0] = NULL;
        r = tell(&meeting, 2, &told, "next", .a = 5000);
        if (r >= 0)
                r = tell(&meeting, 1, &gained, "next", .a = 5000);
        has = owner(&meeting, 2);
        if (r >= 0 && has == 1 && strstr(told.text, "NameOwnerChanged") && strstr(gained.text, "NameAcquired"))
                return meeting_close(
                        &meeting, check_ok(run, "owner killed: the second has it and got NameAcquired; the third saw "
                                                "NameOwnerChanged"));
        return meeting_close(
                &meeting, check_fail(run, "owner killed: %s; peer %d has it; second got \"%s\", third \"%s\"",
                                  check_outcome(r), has, gained.text, told.text));
}

CheckResult dbus_replacement(CheckRun *run) {
        int64_t refused, taken, r;
        PeerReply lost = { 0 };
        Meeting meeting;
        int before, after;

        if (!meeting_open(run, 3, &meeting) || !ready(&meeting, 0, "own", .text = NAME))
                return meeting_close(&meeting, CHECK_FAILED);
        refused = tell(&meeting, 1, NULL, "own", .a = flags(REPLACE), .text = NAME);
        before = owner(&meeting, 2);
        if (!ready(&meeting, 0, "release", .text = NAME) ||
                !ready(&meeting, 0, "own", .a = flags(ALLOW), .text = NAME))
                return meeting_close(&meeting, CHECK_FAILED);
        (void)tell(&meeting, 0, NULL, "count", .a = 0);
        taken = tell(&meeting, 1, NULL, "own", .a = flags(REPLACE), .text = NAME);
        after = owner(&meeting, 2);
        r = tell(&meeting, 0, &lost, "next", .a = 5000);
        if (refused == -EEXIST && before == 0 && taken == 1 && after == 1 && r >= 0 && strstr(lost.text, "NameLost"))
                return meeting_close(&meeting,
                        check_ok(run, "not allowed: EEXIST, the first keeps it; allowed: the second has it, the first "
                                      "got NameLost"));
        return meeting_close(&meeting,
                check_fail(run, "not allowed: %s, peer %d has it; allowed: %s, peer %d has it, first got \"%s\"",
                        check_outcome(refused), before, check_outcome(taken), after, lost.text));
}

CheckResult dbus_release(CheckRun *run) {
        int64_t not_ours, taken;
        Meeting meeting;
        int between, after;

        if (!meeting_open(run, 3, &meeting) || !ready(&meeting, 0, "own", .text = NAME))
                return meeting_close(&meeting, CHECK_FAILED);
        not_ours = tell(&meeting, 1, NULL, "release", .text = NAME);
        if (!ready(&meeting, 0, "release", .text = NAME))
                return meeting_close(&meeting, CHECK_FAILED);
        between = owner(&meeting, 2);
        taken = tell(&meeting, 1, NULL, "own", .text = NAME);
        after = owner(&meeting, 2);
        if (not_ours == -EADDRINUSE && between == -1 && taken == 1 && after == 1)
                return meeting_close(&meeting,
                        check_ok(run,
                                "released by another: refused; by its owner: free, and the other got it at once"));
        return meeting_close(
                &meeting, check_fail(run, "released by another: %s; then peer %d has it; taken: %s, peer %d has it",
                                  check_outcome(not_ours), between, check_outcome(taken), after));
}

CheckResult dbus_nobody(CheckRun *run) {
        PeerReply reply = { 0 };
        Meeting meeting;
        int64_t r;
        int has;

        if (!meeting_open(run, 2, &meeting))
                return meeting_close(&meeting, CHECK_FAILED);
        r = tell(&meeting, 0, &reply, "call", .a = 1, .b = 5000, .text = NAME " Get");
        has = owner(&meeting, 1);
        if (r < 0 && r != -ETIMEDOUT && has == -1 &&
                (strcmp(reply.text, "org.freedesktop.DBus.Error.NameHasNoOwner") == 0 ||
                        strcmp(reply.text, "org.freedesktop.DBus.Error.ServiceUnknown") == 0))
                return meeting_close(&meeting, check_ok(run, "%s; still nobody has it", reply.text));
        return meeting_close(
                &meeting, check_fail(run, "call: %s (%s); peer %d has the name", check_outcome(r), reply.text, has));
}

CheckResult dbus_unique_names(CheckRun *run) {
        enum { TIMES = 50 };
        char names[TIMES][64];
        Meeting meeting;
        PeerReply reply;

        if (!meeting_open(run, 1, &meeting))
                return meeting_close(&meeting, CHECK_FAILED);
        for (unsigned i = 0; i < TIMES; i++) {
                if (!ready(&meeting, 0, "disconnect") ||
                        !check_need(run, "connecting again",
                                tell(&meeting, 0, &reply, "connect", .text = meeting.bus.address)))
                        return meeting_close(&meeting, CHECK_FAILED);
                (void)snprintf(names[i], sizeof(names[i]), "%.60s", reply.text);
                for (unsigned k = 0; k < i; k++)
                        if (strcmp(names[i], names[k]) == 0)
                                return meeting_close(&meeting,
                                        check_fail(run, "%s was given to connections %u and %u", names[i], k, i));
        }
        return meeting_close(&meeting, check_ok(run, "%d connections one after the other, %d names, the last %s",
                                               TIMES, TIMES, names[TIMES - 1]));
}

CheckResult dbus_credentials(CheckRun *run) {
        PeerReply told = { 0 }, is = { 0 };
        Meeting meeting;
        int64_t r;

        if (!meeting_open(run, 2, &meeting))
                return meeting_close(&meeting, CHECK_FAILED);
        r = tell(&meeting, 1, &told, "credentials", .text = meeting.unique[0]);
        if (r > 0)
                r = tell(&meeting, 0, &is, "pid");
        if (r >= 0 && told.x == is.x && told.y == is.y && told.x == (int64_t)check_pid(run, meeting.peers[0]))
                return meeting_close(&meeting,
                        check_ok(run, "%s: pid and uid (%" PRId64 ") as of its process", meeting.unique[0], is.y));
        return meeting_close(&meeting,
                check_fail(run, "%s: the bus says pid %" PRId64 " uid %" PRId64 ", it is pid %" PRId64 " uid %" PRId64,
                        check_outcome(r), told.x, told.y, is.x, is.y));
}
