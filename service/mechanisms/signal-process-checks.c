/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "signal-checks.h"

/* What signals do to processes: to groups, to the stopped, to the dead, to children and what they inherit. */
#include <errno.h>
#include <inttypes.h>
#include <sys/wait.h>
#include <unistd.h>

#include "signal-process.h"

static uint64_t bit(int signal) {
        return UINT64_C(1) << (signal - 1);
}

static int64_t send_to(pid_t pid, int signal) {
        return kill(pid, signal) < 0 ? -errno : 0;
}

CheckResult signal_number_zero(CheckRun *run) {
        CheckProcess *peer;
        pid_t pid;

        if (peer_start(run, 0, NULL, 0, &peer) < 0)
                return CHECK_FAILED;
        pid = check_pid(run, peer);
        if (!check_expect(run, "signal 0 to the living", send_to(pid, 0), 0) ||
                !check_expect(run, "the peer lives on", peer_call(run, peer, "pid"), 0) ||
                !check_expect(run, "a number over SIGRTMAX", send_to(pid, SIGRTMAX + 1), -EINVAL) ||
                !check_expect(run, "SIGKILL", send_to(pid, SIGKILL), 0) ||
                !check_expect(run, "state Z", check_await_state(run, peer, 'Z'), 0) ||
                !check_expect(run, "signal 0 to the zombie", send_to(pid, 0), 0) ||
                !check_expect(run, "its end", check_wait(run, peer, CHECK_PATIENCE_USEC, NULL), 0) ||
                !check_expect(run, "signal 0 to the reaped", send_to(pid, 0), -ESRCH))
                return CHECK_FAILED;
        return check_ok(run, "0 to the living and to a zombie: allowed, nothing happens; to the reaped: ESRCH; over "
                             "SIGRTMAX: EINVAL");
}

CheckResult signal_group(CheckRun *run) {
        CheckProcess *inside[2], *outside;
        pid_t group;

        if (!signal_check_begin(run, SIGUSR1, SIGUSR1, &inside[0]) ||
                !signal_check_begin(run, SIGUSR1, SIGUSR1, &inside[1]) ||
                !signal_check_begin(run, SIGUSR1, SIGUSR1, &outside))
                return CHECK_FAILED;
        group = check_pid(run, inside[0]);
        if (group <= 1 || !check_expect(run, "setpgid", peer_call(run, inside[0], "group", 0), 0) ||
                !check_expect(run, "setpgid", peer_call(run, inside[1], "group", group), 0) ||
                !check_expect(run, "kill of the group", send_to(-group, SIGUSR1), 0) ||
                !check_expect(run, "the first", peer_call(run, inside[0], "is-pending", SIGUSR1), 1) ||
                !check_expect(run, "the second", peer_call(run, inside[1], "is-pending", SIGUSR1), 1) ||
                !check_expect(run, "one outside", peer_call(run, outside, "is-pending", SIGUSR1), 0))
                return CHECK_FAILED;
        return check_ok(run, "kill(-group): both of the group have it, a third process has not");
}

static bool continues(CheckRun *run, CheckProcess *peer, const char *how) {
        return check_expect(run, "SIGSTOP", check_kill(run, peer, SIGSTOP), 0) &&
               check_expect(run, "state T", check_await_state(run, peer, 'T'), 0) &&
               check_expect(run, "SIGCONT", check_kill(run, peer, SIGCONT), 0) &&
               check_expect(run, how, peer_call(run, peer, "pid"), 0);
}

CheckResult signal_continue_always(CheckRun *run) {
        CheckProcess *peer;

        if (!signal_check_begin(run, SIGCONT, SIGCONT, &peer) || !continues(run, peer, "SIGCONT blocked") ||
                !check_expect(run, "unblocking", peer_call(run, peer, "unblock", SIGCONT, SIGCONT), 0) ||
                !check_expect(run, "ignoring", peer_call(run, peer, "ignore", SIGCONT), 0) ||
                !continues(run, peer, "SIGCONT ignored"))
                return CHECK_FAILED;
        return check_ok(run, "stopped with SIGCONT blocked, then ignored: it answers after SIGCONT both times");
}

CheckResult signal_continue_discards(CheckRun *run) {
        CheckProcess *peer;

        if (!signal_check_begin(run, SIGTSTP, SIGTSTP, &peer) ||
                !check_expect(run, "blocking SIGCONT", peer_call(run, peer, "block", SIGCONT, SIGCONT), 0) ||
                !check_expect(run, "SIGTSTP", check_kill(run, peer, SIGTSTP), 0) ||
                !check_expect(run, "SIGTSTP pending", peer_call(run, peer, "is-pending", SIGTSTP), 1) ||
                !check_expect(run, "SIGCONT", check_kill(run, peer, SIGCONT), 0) ||
                !check_expect(run, "SIGTSTP then", peer_call(run, peer, "is-pending", SIGTSTP), 0) ||
                !check_expect(run, "SIGCONT pending", peer_call(run, peer, "is-pending", SIGCONT), 1) ||
                !check_expect(run, "SIGTSTP", check_kill(run, peer, SIGTSTP), 0) ||
                !check_expect(run, "SIGCONT then", peer_call(run, peer, "is-pending", SIGCONT), 0))
                return CHECK_FAILED;
        return check_ok(run, "SIGCONT took away a pending SIGTSTP, and SIGTSTP a pending SIGCONT");
}

CheckResult signal_stopped_waits(CheckRun *run) {
        ProcessSignals signals = { 0 };
        CheckProcess *first, *second;

        if (peer_start(run, 0, NULL, 0, &first) < 0 || peer_start(run, 0, NULL, 0, &second) < 0 ||
                !check_expect(run, "SIGSTOP", check_kill(run, first, SIGSTOP), 0) ||
                !check_expect(run, "SIGSTOP", check_kill(run, second, SIGSTOP), 0) ||
                !check_expect(run, "state T", check_await_state(run, first, 'T'), 0) ||
                !check_expect(run, "state T", check_await_state(run, second, 'T'), 0) ||
                !check_expect(run, "SIGTERM", check_kill(run, first, SIGTERM), 0) ||
                !check_expect(run, "SIGKILL", check_kill(run, second, SIGKILL), 0) ||
                !signal_check_killed_by(run, second, SIGKILL) ||
                !check_expect(run, "state T still", check_await_state(run, first, 'T'), 0) ||
                !check_need(run, "/proc/PID/status", process_read_signals(check_pid(run, first), &signals)) ||
                !check_expect(run, "SIGTERM pending", (signals.pending & bit(SIGTERM)) != 0, 1) ||
                !check_expect(run, "SIGCONT", check_kill(run, first, SIGCONT), 0) ||
                !signal_check_killed_by(run, first, SIGTERM))
                return CHECK_FAILED;
        return check_ok(
                run, "SIGTERM to a stopped process was pending and killed it after SIGCONT; SIGKILL killed at once");
}

CheckResult signal_program(CheckRun *run) {
        CheckProcess *peer;
        PeerReply reply;
        int64_t pending;

        if (peer_start(run, 0, NULL, 0, &peer) < 0)
                return CHECK_FAILED;
        pending = peer_call_full(run, peer, &(PeerCall){ "program" }, &reply);
        if (pending == -ECHILD)
                return check_skip(run, "no program could be executed that would show it (sleep)");
        if (!check_need(run, "a program", pending) ||
                !check_expect(run, "SIGUSR1 blocked", ((uint64_t)reply.x & bit(SIGUSR1)) != 0, 1) ||
                !check_expect(run, "SIGUSR1 pending", ((uint64_t)pending & bit(SIGUSR1)) != 0, 1) ||
                !check_expect(run, "SIGUSR2 ignored", ((uint64_t)reply.y & bit(SIGUSR2)) != 0, 1) ||
                !check_expect(run, "SIGHUP caught", ((uint64_t)reply.z & bit(SIGHUP)) != 0, 0))
                return CHECK_FAILED;
        return check_ok(run, "after execve: SIGUSR1 blocked and pending, SIGUSR2 ignored, the handler of SIGHUP gone");
}

CheckResult signal_fork(CheckRun *run) {
        CheckProcess *peer;
        PeerReply reply;

        if (!signal_check_begin(run, SIGUSR1, SIGUSR1, &peer) ||
                !check_expect(run, "sigaction", peer_call(run, peer, "handle", SIGUSR1), 0) ||
                !check_expect(run, "SIGUSR1", check_kill(run, peer, SIGUSR1), 0) ||
                !check_expect(run, "a child",
                        peer_call_full(run, peer, &(PeerCall){ "fork-pending", SIGUSR1 }, &reply), 0) ||
                !check_expect(run, "pending in the child", reply.x, 0) ||
                !check_expect(run, "blocked in the child", reply.y, 1) ||
                !check_expect(run, "a handler in the child", reply.z, 1) ||
                !check_expect(run, "pending in the parent", peer_call(run, peer, "is-pending", SIGUSR1), 1))
                return CHECK_FAILED;
        return check_ok(run, "a child has the mask and the handler, not the signal that is pending in its parent");
}

CheckResult signal_child_ended(CheckRun *run) {
        CheckProcess *peer;
        PeerReply reply;

        if (!signal_check_begin(run, SIGCHLD, SIGCHLD, &peer) ||
                !check_expect(run, "waitpid", peer_call_full(run, peer, &(PeerCall){ "child", 7 }, &reply), 0) ||
                !check_expect(run, "its status", reply.x, 7) || !check_expect(run, "si_code", reply.y, CLD_EXITED) ||
                !check_expect(run, "si_status", reply.z, 7))
                return CHECK_FAILED;
        return check_ok(run, "a child that exited with 7: SIGCHLD with CLD_EXITED and 7, as waitpid says");
}

CheckResult signal_children_merge(CheckRun *run) {
        CheckProcess *peer;
        PeerReply reply;

        if (!signal_check_begin(run, SIGCHLD, SIGCHLD, &peer) ||
                !check_expect(run, "children", peer_call_full(run, peer, &(PeerCall){ "children", 3 }, &reply), 3) ||
                !check_expect(run, "SIGCHLD", reply.x, 1))
                return CHECK_FAILED;
        return check_ok(run, "3 children ended, 1 SIGCHLD came, waitpid found all 3");
}

CheckResult signal_child_ignored(CheckRun *run) {
        CheckProcess *peer;
        PeerReply reply;

        if (peer_start(run, 0, NULL, 0, &peer) < 0 ||
                !check_expect(run, "SIGCHLD by default, waitpid",
                        peer_call_full(run, peer, &(PeerCall){ "child", 7 }, &reply), 0) ||
                !check_expect(run, "its status", reply.x, 7) ||
                !check_expect(run, "ignoring SIGCHLD", peer_call(run, peer, "ignore", SIGCHLD), 0) ||
                !check_expect(run, "waitpid then", peer_call(run, peer, "child", 7), -ECHILD))
                return CHECK_FAILED;
        return check_ok(run, "SIG_DFL: waitpid gives the status 7; SIG_IGN: it waits for the end and gives ECHILD");
}

CheckResult signal_real_time_kills(CheckRun *run) {
        CheckProcess *peer;

        if (peer_start(run, 0, NULL, 0, &peer) < 0 ||
                !check_need(run, "sigqueue", signal_check_queue(run, peer, SIGRTMIN + 1, 0)) ||
                !signal_check_killed_by(run, peer, SIGRTMIN + 1))
                return CHECK_FAILED;
        return check_ok(run, "SIGRTMIN+1, with no handler: killed by it");
}

CheckResult signal_broken_pipe(CheckRun *run) {
        CheckProcess *ignoring, *other;

        if (peer_start(run, 0, NULL, 0, &ignoring) < 0 || peer_start(run, 0, NULL, 0, &other) < 0 ||
                !check_expect(run, "ignoring SIGPIPE", peer_call(run, ignoring, "ignore", SIGPIPE), 0) ||
                !check_expect(run, "the write", peer_call(run, ignoring, "broken-pipe"), -EPIPE) ||
                !check_expect(run, "beginning", peer_begin(run, other, &(PeerCall){ "default-pipe" }), 0) ||
                !signal_check_killed_by(run, other, SIGPIPE))
                return CHECK_FAILED;
        return check_ok(run, "who ignores SIGPIPE gets EPIPE from its write; who does not is killed by it");
}

CheckResult signal_receiver_killed(CheckRun *run) {
        CheckProcess *first, *second;
        pid_t group, killed;

        if (!signal_check_begin(run, SIGUSR1, SIGUSR1, &first) || !signal_check_begin(run, SIGUSR1, SIGUSR1, &second))
                return CHECK_FAILED;
        group = check_pid(run, first);
        killed = check_pid(run, second);
        if (group <= 1 || !check_expect(run, "setpgid", peer_call(run, first, "group", 0), 0) ||
                !check_expect(run, "setpgid", peer_call(run, second, "group", group), 0) ||
                !check_expect(run, "waiting", peer_begin(run, second, &(PeerCall){ "sigwait", SIGUSR1 }), 0) ||
                !check_sleeps(run, second, "who is killed then") ||
                !check_expect(run, "SIGKILL", check_murder(run, second), 0) ||
                !check_expect(run, "SIGUSR1 to the dead", send_to(killed, SIGUSR1), -ESRCH) ||
                !check_expect(run, "SIGUSR1 to the group", send_to(-group, SIGUSR1), 0) ||
                !check_expect(run, "the other one", signal_check_take(run, first, SIGUSR1, SIGUSR1, 0), SIGUSR1))
                return CHECK_FAILED;
        return check_ok(
                run, "killed in sigwait and reaped: signals to it ESRCH; the rest of its group still gets them");
}
