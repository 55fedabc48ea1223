/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "dbus-checks.h"

/* Whom a bus lets in, what its policy allows, from where it can be reached, and whose word counts for the sender. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dbus-bus.h"
#include "dbus-peer.h"

#define NAME "org.ipcbus1.check.Name"

CheckResult dbus_forged(CheckRun *run) {
        char text[128], want[128];
        PeerReply reply = { 0 };
        Meeting meeting;
        int64_t r;

        if (!meeting_open(run, 2, &meeting) ||
                !ready(&meeting, 0, "post", .a = 9, .b = true, .text = meeting_target(&meeting, 1, "Forged", text)))
                return meeting_close(&meeting, CHECK_FAILED);
        r = tell(&meeting, 1, &reply, "next", .a = 5000);
        (void)snprintf(want, sizeof(want), "%s Forged", meeting.unique[0]);
        if (r >= 0 && strstr(reply.text, want) && reply.x == 9)
                return meeting_close(&meeting,
                        check_ok(run, "sent with the sender " BUS_DRIVER ", it came with %s", meeting.unique[0]));
        return meeting_close(
                &meeting, check_fail(run, "%s, %s, not of %s", check_outcome(r), reply.text, meeting.unique[0]));
}

/* Others know the socket by its name in the folder in which they stand; a bus of long paths has none. */
static bool local_address(const Meeting *meeting, char ret[160]) {
        const char *name = strrchr(meeting->bus.path, '/');

        if (!name)
                return false;
        (void)snprintf(ret, 160, "unix:path=%s", name + 1);
        return true;
}

/* Peers 0 and 1 are here, peer 2 is nobody, not yet connected. False with a note. */
static bool open_with_other(CheckRun *run, const char *more, const char *folder, Meeting *ret, char ret_address[160]) {
        if (!meeting_open_with(run, 2, more, folder, ret))
                return false;
        if (!local_address(ret, ret_address)) {
                run->untestable = true;
                check_note(run, "the path of the folder of this run is too long for a socket");
                return false;
        }
        return check_start_at(run, CHECK_PLACE_OTHER_USER, 0, NULL, NULL, &ret->peers[2]) >= 0;
}

static CheckResult refused_user(CheckRun *run, const char *folder) {
        char address[160] = "";
        int64_t refused, own;
        Meeting meeting;

        if (!open_with_other(run, "", folder, &meeting, address))
                return meeting_close(&meeting, CHECK_FAILED);
        refused = tell(&meeting, 2, NULL, "connect", .text = address);
        own = tell(&meeting, 0, NULL, "own", .text = NAME);
        if (refused < 0 && refused != -ETIMEDOUT && refused != -ENOENT && refused != -ECONNREFUSED && own >= 0 &&
                access(meeting.bus.path, W_OK) == 0)
                return meeting_close(&meeting,
                        check_ok(run, "the socket takes the connection, the bus ends it (%s); its own user goes on",
                                check_errno(refused)));
        return meeting_close(&meeting, check_fail(run, "connecting as user %d: %s; its own user: %s", CHECK_NOBODY,
                                               check_outcome(refused), check_outcome(own)));
}

static CheckResult other_user(CheckRun *run, const char *folder) {
        PeerReply reply = { 0 }, told = { 0 };
        char address[160] = "", text[128];
        int64_t r;
        Meeting meeting;

        if (!open_with_other(
                    run, "<policy context=\"default\"><allow user=\"*\"/></policy>", folder, &meeting, address) ||
                !check_need(
                        run, "connecting as another user", tell(&meeting, 2, &reply, "connect", .text = address)) ||
                !begin(&meeting, 1, "serve", .a = 1, .b = 5000))
                return meeting_close(&meeting, CHECK_FAILED);
        (void)snprintf(meeting.unique[2], sizeof(meeting.unique[2]), "%.60s", reply.text);
        r = tell(&meeting, 2, &reply, "call", .a = 1, .b = 5000, .text = meeting_target(&meeting, 1, "Get", text));
        (void)peer_end(run, meeting.peers[1], NULL);
        (void)tell(&meeting, 0, &told, "credentials", .text = meeting.unique[2]);
        if (r >= 0 && reply.x == 2 && told.y == CHECK_NOBODY && told.x == check_pid(run, meeting.peers[2]))
                return meeting_close(&meeting,
                        check_ok(run,
                                "<allow user=\"*\"/>: user %d calls and is answered; the bus tells its uid and pid",
                                CHECK_NOBODY));
        return meeting_close(&meeting, check_fail(run, "call: %s, answer %" PRId64 "; uid %" PRId64 ", pid %" PRId64,
                                               check_outcome(r), reply.x, told.y, told.x));
}

CheckResult dbus_refused_user(CheckRun *run) {
        return check_in_public_folder(run, refused_user);
}

CheckResult dbus_other_user(CheckRun *run) {
        return check_in_public_folder(run, other_user);
}

/* A peer elsewhere calls one here. */
static bool calls_from(Meeting *meeting, CheckPlace place, const char *abstract, int64_t *ret_abstract) {
        PeerReply reply = { 0 };
        char text[128];
        int64_t r;

        if (check_start_at(meeting->run, place, 0, NULL, NULL, &meeting->peers[1]) < 0)
                return false;
        *ret_abstract = abstract ? tell(meeting, 1, NULL, "connect", .text = abstract) : 0;
        r = tell(meeting, 1, NULL, "connect", .text = meeting->bus.address);
        if (!check_expect(meeting->run, "connecting to the path", r < 0 ? r : 0, 0) ||
                !begin(meeting, 0, "serve", .a = 1, .b = 5000))
                return false;
        r = tell(meeting, 1, &reply, "call", .a = 1, .b = 5000, .text = meeting_target(meeting, 0, "Get", text));
        (void)peer_end(meeting->run, meeting->peers[0], NULL);
        return check_expect(meeting->run, "the call", r, 0) && check_expect(meeting->run, "its answer", reply.x, 2);
}

CheckResult dbus_other_net(CheckRun *run) {
        char more[160], abstract[120];
        int64_t refused = 0;
        Meeting meeting;

        (void)snprintf(abstract, sizeof(abstract), "unix:abstract=ipcbus-%.40s-bus-also", run->token);
        (void)snprintf(more, sizeof(more), "<listen>%s</listen>", abstract);
        if (!meeting_open_with(run, 1, more, NULL, &meeting))
                return meeting_close(&meeting, CHECK_FAILED);
        if (meeting.bus.path[0] == '\0')
                return meeting_close(
                        &meeting, check_skip(run, "the path of the folder of this run is too long for a socket"));
        /* Here it answers: who is refused is refused for the place. */
        if (!check_need(run, "a second peer", peer_start(run, 0, NULL, 0, &meeting.peers[2])) ||
                !check_need(run, "the abstract address, here", tell(&meeting, 2, NULL, "connect", .text = abstract)) ||
                !calls_from(&meeting, CHECK_PLACE_OTHER_NET, abstract, &refused))
                return meeting_close(&meeting, CHECK_FAILED);
        if (refused == -ECONNREFUSED)
                return meeting_close(
                        &meeting, check_ok(run, "one bus, two addresses: abstract: ECONNREFUSED from there; "
                                                "path: connected, and a call is answered"));
        return meeting_close(&meeting, check_fail(run, "abstract, from there: %s", check_outcome(refused)));
}

CheckResult dbus_other_ipc(CheckRun *run) {
        int64_t none;
        Meeting meeting;

        if (!meeting_open(run, 1, &meeting) || !calls_from(&meeting, CHECK_PLACE_OTHER_IPC, NULL, &none))
                return meeting_close(&meeting, CHECK_FAILED);
        return meeting_close(&meeting, check_ok(run, "connected from there, and a call is answered"));
}

CheckResult dbus_policy(CheckRun *run) {
        static const char more[] = "<policy context=\"default\"><deny own=\"" NAME "\"/>"
                                   "<deny send_interface=\"" DBUS_CHECK_INTERFACE
                                   "\" send_member=\"Secret\"/></policy>";
        PeerReply secret = { 0 }, open = { 0 };
        char text[128];
        Meeting meeting;
        int64_t own, r;

        if (!meeting_open_with(run, 2, more, NULL, &meeting) || !begin(&meeting, 1, "serve", .a = 1, .b = 5000))
                return meeting_close(&meeting, CHECK_FAILED);
        own = tell(&meeting, 0, NULL, "own", .text = NAME);
        r = tell(&meeting, 0, &secret, "call", .a = 1, .b = 5000, .text = meeting_target(&meeting, 1, "Secret", text));
        (void)tell(&meeting, 0, &open, "call", .a = 5, .b = 5000, .text = meeting_target(&meeting, 1, "Get", text));
        if (peer_end(run, meeting.peers[1], NULL) == 1 && own == -EACCES && r < 0 &&
                strcmp(secret.text, DBUS_ERROR("AccessDenied")) == 0 && open.x == 6)
                return meeting_close(&meeting,
                        check_ok(run, "a name denied: EACCES; a member denied: AccessDenied, and the callee sees "
                                      "nothing of it; another member: answered"));
        return meeting_close(
                &meeting, check_fail(run, "a name denied: %s; a member denied: %s (%s); another: %" PRId64,
                                  check_outcome(own), check_outcome(r), secret.text, open.x));
}
