/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "signal-checks.h"

/* What is delivered when, what a handler sees and holds back, and what a signal does to a call that waits. */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "peer-interrupt.h"

/* POSIX leaves it open which comes first; signal(7) says what Linux does. */
CheckResult signal_standard_first(CheckRun *run) {
        CheckProcess *peer;

        if (!signal_check_begin(run, SIGUSR1, SIGRTMIN, &peer) ||
                !check_need(run, "sigqueue", signal_check_queue(run, peer, SIGRTMIN, 1)) ||
                !check_expect(run, "SIGUSR2", check_kill(run, peer, SIGUSR2), 0) ||
                !check_expect(run, "SIGUSR1", check_kill(run, peer, SIGUSR1), 0) ||
                !check_expect(run, "the first", signal_check_take(run, peer, SIGUSR1, SIGRTMIN, 0), SIGUSR1) ||
                !check_expect(run, "the second", signal_check_take(run, peer, SIGUSR1, SIGRTMIN, 0), SIGUSR2) ||
                !check_expect(run, "the third", signal_check_take(run, peer, SIGUSR1, SIGRTMIN, 0), SIGRTMIN))
                return CHECK_FAILED;
        return check_ok(run, "sent SIGRTMIN, SIGUSR2, SIGUSR1; taken SIGUSR1, SIGUSR2, SIGRTMIN");
}

CheckResult signal_standard_value(CheckRun *run) {
        CheckProcess *peer;
        PeerReply reply;

        if (!check_need(run, "queueing a signal (RLIMIT_SIGPENDING)", signal_check_room()))
                return CHECK_FAILED;
        if (!signal_check_begin(run, SIGUSR1, SIGUSR1, &peer) ||
                !check_need(run, "sigqueue of 1", signal_check_queue(run, peer, SIGUSR1, 1)) ||
                !check_need(run, "sigqueue of 2", signal_check_queue(run, peer, SIGUSR1, 2)) ||
                !check_expect(run, "sigtimedwait",
                        peer_call_full(run, peer, &(PeerCall){ "take", SIGUSR1, SIGUSR1 }, &reply), SIGUSR1) ||
                !check_expect(run, "its value", reply.y, 1) ||
                !check_expect(run, "another", signal_check_take(run, peer, SIGUSR1, SIGUSR1, 0), -EAGAIN))
                return CHECK_FAILED;
        return check_ok(run, "SIGUSR1 sent with 1 and with 2, both told sent: only the 1 came");
}

CheckResult signal_handler_told(CheckRun *run) {
        CheckProcess *peer;
        PeerReply reply;

        if (peer_start(run, 0, NULL, 0, &peer) < 0 ||
                !check_expect(run, "sigaction", peer_call(run, peer, "catch", SIGRTMIN), 0) ||
                !check_need(run, "sigqueue", signal_check_queue(run, peer, SIGRTMIN, 77)) ||
                !check_expect(run, "kill", check_kill(run, peer, SIGRTMIN), 0) ||
                !check_expect(
                        run, "the first", peer_call_full(run, peer, &(PeerCall){ "seen", 0 }, &reply), SIGRTMIN) ||
                !check_expect(run, "its code", reply.x, SI_QUEUE) || !check_expect(run, "its value", reply.y, 77) ||
                !check_expect(run, "its sender", reply.z, getpid()) ||
                !check_expect(
                        run, "the second", peer_call_full(run, peer, &(PeerCall){ "seen", 1 }, &reply), SIGRTMIN) ||
                !check_expect(run, "its code", reply.x, SI_USER) ||
                !check_expect(run, "its sender", reply.z, getpid()))
                return CHECK_FAILED;
        return check_ok(run, "the handler saw SI_QUEUE with 77, then SI_USER, both with the sender's pid");
}

/* The kernel sets up all frames before the process runs again: the last one set up runs first. */
CheckResult signal_handlers_nest(CheckRun *run) {
        CheckProcess *peer;

        if (!signal_check_begin(run, SIGUSR1, SIGUSR2, &peer) ||
                !check_expect(run, "sigaction", peer_call(run, peer, "catch", SIGUSR1), 0) ||
                !check_expect(run, "sigaction", peer_call(run, peer, "catch", SIGUSR2), 0) ||
                !check_expect(run, "SIGUSR1", check_kill(run, peer, SIGUSR1), 0) ||
                !check_expect(run, "SIGUSR2", check_kill(run, peer, SIGUSR2), 0) ||
                !check_expect(run, "unblocking both", peer_call(run, peer, "unblock", SIGUSR1, SIGUSR2), 0) ||
                !check_expect(run, "the first handler", peer_call(run, peer, "seen", 0), SIGUSR2) ||
                !check_expect(run, "the second", peer_call(run, peer, "seen", 1), SIGUSR1) ||
                !check_expect(run, "blocking both", peer_call(run, peer, "block", SIGUSR1, SIGUSR2), 0) ||
                !check_expect(run, "sa_mask", peer_call(run, peer, "catch", SIGUSR1, 0, SIGUSR2), 0) ||
                !check_expect(run, "SIGUSR2", check_kill(run, peer, SIGUSR2), 0) ||
                !check_expect(run, "SIGUSR1", check_kill(run, peer, SIGUSR1), 0) ||
                !check_expect(run, "unblocking both", peer_call(run, peer, "unblock", SIGUSR1, SIGUSR2), 0) ||
                !check_expect(run, "the first handler then", peer_call(run, peer, "seen", 0), SIGUSR1) ||
                !check_expect(run, "the second then", peer_call(run, peer, "seen", 1), SIGUSR2))
                return CHECK_FAILED;
        return check_ok(run,
                "SIGUSR1 and SIGUSR2 unblocked at once: the handler of SIGUSR2 ran first; with SIGUSR2 in "
                "the sa_mask of SIGUSR1 it ran second");
}

static bool got_so_deep(CheckRun *run, CheckProcess *peer, int flags, int meanwhile, int inside, int64_t want) {
        PeerReply reply;
        char text[16];

        (void)snprintf(text, sizeof text, "%d", inside);
        return check_expect(run, "sigaction",
                       peer_call_full(run, peer, &(PeerCall){ "within", SIGUSR1, flags, meanwhile, text }, &reply),
                       0) &&
               check_expect(run, "how often handlers ran", reply.y, 2) && check_expect(run, "how deep", reply.x, want);
}

CheckResult signal_not_within_itself(CheckRun *run) {
        CheckProcess *peer;

        if (peer_start(run, 0, NULL, 0, &peer) < 0 || !got_so_deep(run, peer, 0, 0, SIGUSR1, 1) ||
                !got_so_deep(run, peer, SA_NODEFER, 0, SIGUSR1, 2) || !got_so_deep(run, peer, 0, 0, SIGUSR2, 2) ||
                !got_so_deep(run, peer, 0, SIGUSR2, SIGUSR2, 1))
                return CHECK_FAILED;
        return check_ok(run, "raised in its own handler: after it, with SA_NODEFER inside it; another signal: inside, "
                             "with sa_mask after it");
}

CheckResult signal_handler_once(CheckRun *run) {
        CheckProcess *peer;

        if (peer_start(run, 0, NULL, 0, &peer) < 0 ||
                !check_expect(run, "sigaction", peer_call(run, peer, "catch", SIGUSR1, (int)SA_RESETHAND), 0) ||
                !check_expect(run, "SIGUSR1", check_kill(run, peer, SIGUSR1), 0) ||
                !check_expect(run, "handled", peer_call(run, peer, "seen", 0), SIGUSR1) ||
                !check_expect(run, "SIGUSR1 again", check_kill(run, peer, SIGUSR1), 0) ||
                !signal_check_killed_by(run, peer, SIGUSR1))
                return CHECK_FAILED;
        return check_ok(run, "SA_RESETHAND: the first SIGUSR1 was handled, the second killed");
}

CheckResult signal_suspend(CheckRun *run) {
        CheckProcess *peer;

        if (peer_start(run, 0, NULL, 0, &peer) < 0 ||
                !check_expect(run, "sigaction", peer_call(run, peer, "handle", SIGUSR1), 0) ||
                !check_expect(run, "SIGUSR1 before pause", check_kill(run, peer, SIGUSR1), 0) ||
                !check_expect(run, "handled", peer_call(run, peer, "handled"), 1) ||
                !check_expect(run, "pause", peer_begin(run, peer, &(PeerCall){ "pause" }), 0) ||
                !check_sleeps(run, peer, "pause after it") ||
                !check_expect(run, "SIGUSR1 in pause", check_kill(run, peer, SIGUSR1), 0) ||
                !check_expect(run, "pause", peer_end(run, peer, NULL), -EINTR) ||
                !check_expect(run, "blocking it", peer_call(run, peer, "block", SIGUSR1, SIGUSR1), 0) ||
                !check_expect(run, "SIGUSR1 before sigsuspend", check_kill(run, peer, SIGUSR1), 0) ||
                !check_expect(run, "handled still", peer_call(run, peer, "handled"), 2) ||
                !check_expect(run, "sigsuspend", peer_call(run, peer, "suspend", SIGUSR1), -EINTR) ||
                !check_expect(run, "handled then", peer_call(run, peer, "handled"), 3) ||
                !check_expect(run, "blocked again", peer_call(run, peer, "is-blocked", SIGUSR1), 1))
                return CHECK_FAILED;
        return check_ok(run, "sent before pause: pause slept on; sent before sigsuspend, blocked: it ended at once");
}

CheckResult signal_no_wait(CheckRun *run) {
        CheckProcess *peer;

        if (!signal_check_begin(run, SIGUSR1, SIGUSR1, &peer) ||
                !check_expect(run, "sigtimedwait", signal_check_take(run, peer, SIGUSR1, SIGUSR1, 0), -EAGAIN) ||
                !check_expect(run, "signalfd", peer_call(run, peer, "signalfd", SIGUSR1), -EAGAIN))
                return CHECK_FAILED;
        return check_ok(
                run, "nothing is pending: sigtimedwait with a time of 0 and a signalfd with SFD_NONBLOCK: EAGAIN");
}

static bool child_calls_interrupted(CheckRun *run, CheckProcess *peer) {
        const PeerCall child = { "wait-child" };
        PeerReply reply;

        return check_need(run, "a child", peer_call_full(run, peer, &(PeerCall){ "start-child" }, &reply)) &&
               peer_interrupted(run, peer, &child, 0, "waitpid") &&
               peer_goes_on(run, peer, &child, SA_RESTART, "waitpid, SA_RESTART") &&
               check_expect(run, "SIGKILL of the child", kill((pid_t)reply.x, SIGKILL) < 0 ? -errno : 0, 0) &&
               peer_ended_after_signal(run, peer, "waitpid");
}

CheckResult signal_calls_interrupted(CheckRun *run) {
        const PeerCall wait = { "sigwait", SIGUSR2 }, read = { "signalfd-waits", SIGUSR2 };
        CheckProcess *peer;

        if (!signal_check_begin(run, SIGUSR2, SIGUSR2, &peer) || !peer_goes_on(run, peer, &wait, 0, "sigwait") ||
                !check_expect(run, "SIGUSR2", check_kill(run, peer, SIGUSR2), 0) ||
                !peer_ended_after_signal(run, peer, "sigwait") ||
                !peer_interrupted(run, peer, &read, 0, "read of a signalfd") ||
                !peer_goes_on(run, peer, &read, SA_RESTART, "the same, SA_RESTART") ||
                !check_expect(run, "SIGUSR2", check_kill(run, peer, SIGUSR2), 0) ||
                !peer_ended_after_signal(run, peer, "read of a signalfd") || !child_calls_interrupted(run, peer) ||
                !peer_interrupted(run, peer, &(PeerCall){ "pause" }, SA_RESTART, "pause, SA_RESTART"))
                return CHECK_FAILED;
        return check_ok(run,
                "a handler ran: sigwait went on; read of a signalfd and waitpid EINTR, and with SA_RESTART "
                "they went on; pause EINTR also with it");
}

CheckResult signal_calls_stopped(CheckRun *run) {
        const PeerCall read = { "signalfd-waits", SIGUSR2 }, wait = { "sigwait", SIGUSR2 };
        CheckProcess *peer;

        if (!signal_check_begin(run, SIGUSR2, SIGUSR2, &peer) ||
                !peer_stopped_goes_on(run, peer, &read, "read of a signalfd") ||
                !check_expect(run, "SIGUSR2", check_kill(run, peer, SIGUSR2), 0) ||
                !check_expect(run, "the read", peer_end(run, peer, NULL), 0) ||
                !peer_stopped_goes_on(run, peer, &wait, "sigwait") ||
                !check_expect(run, "SIGUSR2", check_kill(run, peer, SIGUSR2), 0) ||
                !check_expect(run, "sigwait", peer_end(run, peer, NULL), 0))
                return CHECK_FAILED;
        return check_ok(run, "stopped and continued, with no handler: both slept on and got the next signal");
}
