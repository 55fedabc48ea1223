/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "dbus-checks.h"

/* Answers that come late, in another order or to nobody; signals that stop; what a bus starts; who listens to all. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "dbus-bus.h"
#include "dbus-peer.h"

#define SERVICE "org.ipcbus1.check.Service"

CheckResult dbus_answers_order(CheckRun *run) {
        PeerReply heard = { 0 };
        char text[128];
        Meeting meeting;
        int64_t r;

        if (!meeting_open(run, 2, &meeting))
                return meeting_close(&meeting, CHECK_FAILED);
        for (int64_t i = 0; i < 3; i++)
                if (!ready(&meeting, 0, "ask", .a = 10 * i, .text = meeting_target(&meeting, 1, "Get", text)))
                        return meeting_close(&meeting, CHECK_FAILED);
        if (!ready(&meeting, 1, "wait", .a = 3, .b = 5000))
                return meeting_close(&meeting, CHECK_FAILED);
        for (int64_t i = 3; i-- > 0;)
                if (!ready(&meeting, 1, "answer", .a = i))
                        return meeting_close(&meeting, CHECK_FAILED);
        r = tell(&meeting, 0, &heard, "heard", .a = 3, .b = 5000);
        if (r >= 0 && strcmp(heard.text, " 21 11 1") == 0)
                return meeting_close(&meeting,
                        check_ok(run,
                                "calls with 0, 10, 20; answered the last first: the answers%s came, each to its "
                                "own call",
                                heard.text));
        return meeting_close(&meeting,
                check_fail(run, "calls with 0, 10, 20; answered the last first: %s,%s", check_outcome(r), heard.text));
}

CheckResult dbus_caller_killed(CheckRun *run) {
        int64_t answered, other;
        PeerReply reply = { 0 };
        char text[128];
        Meeting meeting;

        if (!meeting_open(run, 3, &meeting) ||
                !begin(&meeting, 0, "call", .a = 1, .b = 60000, .text = meeting_target(&meeting, 1, "Get", text)) ||
                !ready(&meeting, 1, "wait", .a = 1, .b = 5000) || !check_sleeps(run, meeting.peers[0], "the caller"))
                return meeting_close(&meeting, CHECK_FAILED);
        if (check_murder(run, meeting.peers[0]) < 0)
                return meeting_close(&meeting, check_fail(run, "the caller could not be killed"));
        meeting.peers[0] = NULL;
        answered = tell(&meeting, 1, NULL, "answer", .a = 0);
        (void)tell(&meeting, 1, NULL, "count", .a = 0);
        /* The next caller gets its own answer, and the dead one's goes to nobody. */
        if (!begin(&meeting, 1, "serve", .a = 1, .b = 5000))
                return meeting_close(&meeting, CHECK_FAILED);
        other = tell(&meeting, 2, &reply, "call", .a = 7, .b = 5000, .text = meeting_target(&meeting, 1, "Get", text));
        if (peer_end(run, meeting.peers[1], NULL) == 1 && answered >= 0 && other >= 0 && reply.x == 8)
                return meeting_close(&meeting,
                        check_ok(run, "caller killed while it waited: answering it gives no error; the next caller "
                                      "gets its own answer"));
        return meeting_close(&meeting, check_fail(run, "answering the dead: %s; the next call: %s, answer %" PRId64,
                                               check_outcome(answered), check_outcome(other), reply.x));
}

/* Which of the two it is depends on the version of the library: its ppoll(2) ends in any case. */
CheckResult dbus_interrupted(CheckRun *run) {
        PeerReply reply = { 0 }, next = { 0 };
        char text[128];
        int64_t r, other;
        Meeting meeting;
        bool goes_on;

        if (!meeting_open(run, 2, &meeting) || !ready(&meeting, 0, "handle", .a = SIGUSR1, .b = SA_RESTART) ||
                !begin(&meeting, 0, "call", .a = 5, .b = 60000, .text = meeting_target(&meeting, 1, "Get", text)) ||
                !ready(&meeting, 1, "wait", .a = 1, .b = 5000) || !check_sleeps(run, meeting.peers[0], "the caller") ||
                !check_need(run, "a signal", check_kill(run, meeting.peers[0], SIGUSR1)))
                return meeting_close(&meeting, CHECK_FAILED);
        if (!ready(&meeting, 1, "answer", .a = 0))
                return meeting_close(&meeting, CHECK_FAILED);
        r = peer_end(run, meeting.peers[0], &reply);
        goes_on = r >= 0;
        (void)tell(&meeting, 1, NULL, "count", .a = 0);
        if (!begin(&meeting, 1, "serve", .a = 1, .b = 5000))
                return meeting_close(&meeting, CHECK_FAILED);
        other = tell(&meeting, 0, &next, "call", .a = 70, .b = 5000, .text = text);
        (void)peer_end(run, meeting.peers[1], NULL);
        if ((goes_on ? r >= 0 && reply.x == 6 : r == -EINTR) && tell(&meeting, 0, NULL, "handled") == 1 &&
                other >= 0 && next.x == 71)
                return meeting_close(&meeting,
                        check_ok(run, "the handler ran once; the call %s; the next gets its own answer",
                                goes_on ? "went on and was answered" : "ended with EINTR, and its answer came later"));
        return meeting_close(
                &meeting, check_fail(run, "the call %s: %s; the next: %s, answer %" PRId64,
                                  goes_on ? "went on" : "ended", check_outcome(r), check_outcome(other), next.x));
}

CheckResult dbus_many_senders(CheckRun *run) {
        enum { SENDERS = 3, EACH = 25 };
        int64_t next[SENDERS] = { 0 };
        char text[128];
        Meeting meeting;

        if (!meeting_open(run, SENDERS + 1, &meeting))
                return meeting_close(&meeting, CHECK_FAILED);
        (void)meeting_target(&meeting, SENDERS, "Data", text);
        for (int64_t i = 0; i < EACH; i++) {
                bool sent = true;

                /* All at once, and only then waits for each. */
                for (unsigned k = 0; k < SENDERS; k++)
                        sent = begin(&meeting, k, "post", .a = i, .text = text) && sent;
                for (unsigned k = 0; k < SENDERS; k++)
                        sent = check_need(run, "sending", peer_end(run, meeting.peers[k], NULL)) && sent;
                if (!sent)
                        return meeting_close(&meeting, CHECK_FAILED);
        }
        for (unsigned i = 0; i < SENDERS * EACH; i++) {
                PeerReply reply;
                char sender[64];
                unsigned k;

                if (tell(&meeting, SENDERS, &reply, "next", .a = 5000) < 0 ||
                        sscanf(reply.text, "%*s %63s", sender) != 1)
                        return meeting_close(
                                &meeting, check_fail(run, "message %u: %s", i, check_outcome(reply.result)));
                for (k = 0; k < SENDERS && strcmp(sender, meeting.unique[k]) != 0; k++)
                        ;
                if (k == SENDERS || reply.x != next[k]++)
                        return meeting_close(&meeting,
                                check_fail(run, "message %u: value %" PRId64 " of sender %s", i, reply.x, sender));
        }
        if (tell(&meeting, SENDERS, NULL, "count", .a = 0) != 0)
                return meeting_close(&meeting, check_fail(run, "there are more messages than were sent"));
        return meeting_close(&meeting,
                check_ok(run, "%d senders, %d messages each: all came once, each sender's in order", SENDERS, EACH));
}

CheckResult dbus_bus_killed(CheckRun *run) {
        PeerReply reply = { 0 };
        char text[128];
        Meeting meeting;
        int64_t r, served;

        if (!meeting_open(run, 2, &meeting) ||
                !begin(&meeting, 0, "call", .a = 1, .b = 60000, .text = meeting_target(&meeting, 1, "Get", text)) ||
                !ready(&meeting, 1, "wait", .a = 1, .b = 5000) || !check_sleeps(run, meeting.peers[0], "the caller"))
                return meeting_close(&meeting, CHECK_FAILED);
        private_bus_stop(&meeting.bus);
        r = peer_end(run, meeting.peers[0], &reply);
        served = tell(&meeting, 1, NULL, "wait", .a = 2, .b = 60000);
        if (r < 0 && r != -ETIMEDOUT && served < 0 && served != -ETIMEDOUT)
                return meeting_close(&meeting,
                        check_ok(run, "bus killed: the call that waited ends with %s, the other's connection with %s",
                                check_errno(r), check_errno(served)));
        return meeting_close(&meeting, check_fail(run, "bus killed: the call: %s (%s); the other: %s",
                                               check_outcome(r), reply.text, check_outcome(served)));
}

CheckResult dbus_match_removed(CheckRun *run) {
        static const char rule[] = "type='signal',interface='" DBUS_CHECK_INTERFACE "'";
        int64_t with, without, again;
        PeerReply reply = { 0 };
        char text[128];
        Meeting meeting;

        /* Twice the same rule: a signal comes once, and each has to be removed. */
        if (!meeting_open(run, 2, &meeting) || !ready(&meeting, 1, "match", .text = rule) ||
                !ready(&meeting, 1, "match", .text = rule) || !ready(&meeting, 1, "unmatch", .text = rule) ||
                !ready(&meeting, 0, "emit", .a = 1, .text = "Wanted") ||
                !ready(&meeting, 0, "post", .text = meeting_target(&meeting, 1, "Last", text)) ||
                !ready(&meeting, 1, "wait", .a = 2, .b = 5000))
                return meeting_close(&meeting, CHECK_FAILED);
        with = tell(&meeting, 1, NULL, "count", .a = 0);
        if (!ready(&meeting, 1, "unmatch", .text = rule) || !ready(&meeting, 0, "emit", .a = 2, .text = "Wanted") ||
                !ready(&meeting, 0, "post", .text = text) || !ready(&meeting, 1, "wait", .a = 1, .b = 5000))
                return meeting_close(&meeting, CHECK_FAILED);
        without = tell(&meeting, 1, NULL, "count", .a = 0);
        again = tell(&meeting, 1, &reply, "unmatch", .text = rule);
        if (with == 2 && without == 1 && again < 0 && strcmp(reply.text, DBUS_ERROR("MatchRuleNotFound")) == 0)
                return meeting_close(&meeting,
                        check_ok(run,
                                "added twice, removed once: the signal comes once; removed twice: it comes no "
                                "more; once more: %s",
                                reply.text));
        return meeting_close(&meeting, check_fail(run,
                                               "a signal and a call: %" PRId64 " came with the rule, %" PRId64
                                               " without; removing again: %s (%s)",
                                               with, without, check_outcome(again), reply.text));
}

static int write_service(const char *path, const char *program) {
        CLEANUP_FD int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

        if (fd < 0)
                return -errno;
        return dprintf(fd, "[D-BUS Service]\nName=" SERVICE "\nExec=%s\n", program) < 0 ? -errno : 0;
}

/* What a call says to whom the bus has to start first, with that program. */
static int64_t call_started(CheckRun *run, const char *program, PeerReply *ret_reply) {
        char path[CHECK_PATH_MAX], file[CHECK_PATH_MAX + 16], more[CHECK_PATH_MAX + 40];
        Meeting meeting;
        int64_t r;

        r = check_path(run, 0, path);
        if (r >= 0) {
                (void)snprintf(file, sizeof(file), "%s.service", path);
                r = write_service(file, program);
        }
        if (!check_need(run, "a file of a service", r))
                return -EREMOTEIO;
        (void)snprintf(more, sizeof(more), "<servicedir>%.*s</servicedir>", (int)(strrchr(path, '/') - path), path);
        if (meeting_open_with(run, 1, more, NULL, &meeting))
                r = tell(&meeting, 0, ret_reply, "call", .a = 1, .b = 5000, .c = true, .text = SERVICE " Get");
        else
                r = -EREMOTEIO;
        (void)meeting_close(&meeting, CHECK_OK);
        (void)unlink(file);
        return r;
}

CheckResult dbus_activation(CheckRun *run) {
        PeerReply unknown = { 0 }, ended = { 0 }, missing = { 0 };
        Meeting meeting;

        if (!meeting_open(run, 1, &meeting))
                return meeting_close(&meeting, CHECK_FAILED);
        (void)tell(&meeting, 0, &unknown, "call", .a = 1, .b = 5000, .c = true, .text = SERVICE " Get");
        (void)meeting_close(&meeting, CHECK_OK);
        if (call_started(run, "/bin/false", &ended) == -EREMOTEIO ||
                call_started(run, "/nonexistent/ipcbus", &missing) == -EREMOTEIO)
                return CHECK_FAILED;
        if (strcmp(unknown.text, DBUS_ERROR("ServiceUnknown")) == 0 &&
                strcmp(ended.text, DBUS_ERROR("Spawn.ChildExited")) == 0 &&
                strcmp(missing.text, DBUS_ERROR("Spawn.ExecFailed")) == 0)
                return check_ok(run, "no service file: ServiceUnknown; its program ends with 1: Spawn.ChildExited; is "
                                     "not there: Spawn.ExecFailed");
        return check_fail(run, "no service file: %s; its program ends with 1: %s; is not there: %s", unknown.text,
                ended.text, missing.text);
}

CheckResult dbus_monitor(CheckRun *run) {
        PeerReply reply = { 0 }, seen = { 0 };
        char text[128], want[160];
        int64_t r, sent;
        Meeting meeting;
        bool saw = false;

        if (!meeting_open(run, 3, &meeting) || !ready(&meeting, 2, "monitor"))
                return meeting_close(&meeting, CHECK_FAILED);
        if (!begin(&meeting, 1, "serve", .a = 1, .b = 5000))
                return meeting_close(&meeting, CHECK_FAILED);
        r = tell(&meeting, 0, &reply, "call", .a = 4, .b = 5000, .text = meeting_target(&meeting, 1, "Get", text));
        (void)peer_end(run, meeting.peers[1], NULL);
        (void)snprintf(want, sizeof(want), "%s Get", meeting.unique[0]);
        for (unsigned i = 0; r >= 0 && !saw && i < 8 && tell(&meeting, 2, &seen, "next", .a = 5000) >= 0; i++)
                saw = strstr(seen.text, want) && seen.x == 4;
        /* Sending is no longer its business. */
        sent = tell(&meeting, 2, NULL, "owner", .text = BUS_DRIVER);
        if (r >= 0 && reply.x == 5 && saw && sent < 0)
                return meeting_close(
                        &meeting, check_ok(run, "it saw \"%s\" between two others, which went on; when it sends: %s",
                                          seen.text, check_errno(sent)));
        return meeting_close(
                &meeting, check_fail(run, "call: %s, answer %" PRId64 "; the monitor saw \"%s\"; sends: %s",
                                  check_outcome(r), reply.x, seen.text, check_outcome(sent)));
}
