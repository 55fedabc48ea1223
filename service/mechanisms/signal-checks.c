/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "signal-checks.h"

/* What signal(7) promises. The judge sends to a peer, which keeps a signal blocked and takes it with sigtimedwait(2),
 * or lets a handler count it. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"

enum { VALUE = 0x12345678 };

static CheckResult direction(CheckRun *run) {
        CheckProcess *peer;
        PeerReply reply;
        siginfo_t info;
        sigset_t set;
        struct timespec no_wait = { 0 }, patience = { .tv_sec = SIGNAL_PATIENCE_MSEC / 1000 };

        if (signal_check_set(SIGUSR2, SIGUSR2, &set) < 0 || sigprocmask(SIG_BLOCK, &set, NULL) < 0)
                return check_fail(run, "sigprocmask: %s", check_errno(errno));
        if (!signal_check_begin(run, SIGUSR1, SIGUSR1, &peer) ||
                !check_expect(run, "kill", check_kill(run, peer, SIGUSR1), 0) ||
                !check_expect(run, "sigtimedwait",
                        peer_call_full(
                                run, peer, &(PeerCall){ "take", SIGUSR1, SIGUSR1, SIGNAL_PATIENCE_MSEC }, &reply),
                        SIGUSR1) ||
                !check_expect(run, "a signal back by itself", sigtimedwait(&set, &info, &no_wait) < 0 ? -errno : 0,
                        -EAGAIN) ||
                !check_expect(run, "kill of the sender", peer_call(run, peer, "kill", reply.z, SIGUSR2), 0) ||
                !check_expect(run, "sigtimedwait of the sender", sigtimedwait(&set, &info, &patience), SIGUSR2))
                return CHECK_FAILED;
        return check_ok(run, "nothing comes back by itself; an answer to si_pid arrived as a second signal");
}

static CheckResult merged(CheckRun *run) {
        CheckProcess *peer;

        if (!signal_check_begin(run, SIGUSR1, SIGUSR1, &peer))
                return CHECK_FAILED;
        for (int i = 0; i < 3; i++)
                if (!check_expect(run, "kill", check_kill(run, peer, SIGUSR1), 0))
                        return CHECK_FAILED;
        if (!check_expect(run, "sigtimedwait", signal_check_take(run, peer, SIGUSR1, SIGUSR1, 0), SIGUSR1) ||
                !check_expect(run, "sigtimedwait again", signal_check_take(run, peer, SIGUSR1, SIGUSR1, 0), -EAGAIN))
                return CHECK_FAILED;
        return check_ok(run, "3 SIGUSR1 sent while blocked, 1 delivered");
}

static CheckResult queued(CheckRun *run) {
        CheckProcess *peer;
        PeerReply reply;

        if (!signal_check_begin(run, SIGRTMIN, SIGRTMIN, &peer))
                return CHECK_FAILED;
        for (int i = 1; i <= 3; i++)
                if (!check_need(run, "sigqueue", signal_check_queue(run, peer, SIGRTMIN, i)))
                        return CHECK_FAILED;
        for (int i = 1; i <= 3; i++)
                if (!check_expect(run, "sigtimedwait",
                            peer_call_full(run, peer, &(PeerCall){ "take", SIGRTMIN, SIGRTMIN }, &reply), SIGRTMIN) ||
                        !check_expect(run, "value", reply.y, i))
                        return CHECK_FAILED;
        if (!check_expect(run, "sigtimedwait again", signal_check_take(run, peer, SIGRTMIN, SIGRTMIN, 0), -EAGAIN))
                return CHECK_FAILED;
        return check_ok(run, "3 SIGRTMIN sent while blocked, 3 delivered with values 1, 2, 3");
}

static CheckResult lowest_first(CheckRun *run) {
        CheckProcess *peer;

        if (!signal_check_begin(run, SIGRTMIN, SIGRTMIN + 3, &peer) ||
                !check_need(run, "sigqueue", signal_check_queue(run, peer, SIGRTMIN + 3, 0)) ||
                !check_need(run, "sigqueue", signal_check_queue(run, peer, SIGRTMIN + 1, 0)) ||
                !check_need(run, "sigqueue", signal_check_queue(run, peer, SIGRTMIN + 2, 0)))
                return CHECK_FAILED;
        for (int i = 1; i <= 3; i++)
                if (!check_expect(
                            run, "the next", signal_check_take(run, peer, SIGRTMIN, SIGRTMIN + 3, 0), SIGRTMIN + i))
                        return CHECK_FAILED;
        return check_ok(run, "sent SIGRTMIN+3, +1, +2; delivered +1, +2, +3");
}

static CheckResult value_only(CheckRun *run) {
        CheckProcess *peer;
        PeerReply reply;

        if (!signal_check_begin(run, SIGRTMIN, SIGRTMIN, &peer) ||
                !check_expect(run, "blocking SIGUSR2", peer_call(run, peer, "block", SIGUSR2, SIGUSR2), 0) ||
                !check_need(run, "sigqueue", signal_check_queue(run, peer, SIGRTMIN, VALUE)) ||
                !check_expect(run, "sigtimedwait",
                        peer_call_full(
                                run, peer, &(PeerCall){ "take", SIGRTMIN, SIGRTMIN, SIGNAL_PATIENCE_MSEC }, &reply),
                        SIGRTMIN) ||
                !check_expect(run, "si_code", reply.x, SI_QUEUE) || !check_expect(run, "value", reply.y, VALUE) ||
                !check_expect(run, "kill", check_kill(run, peer, SIGUSR2), 0) ||
                !check_expect(run, "sigtimedwait",
                        peer_call_full(
                                run, peer, &(PeerCall){ "take", SIGUSR2, SIGUSR2, SIGNAL_PATIENCE_MSEC }, &reply),
                        SIGUSR2) ||
                !check_expect(run, "si_code", reply.x, SI_USER))
                return CHECK_FAILED;
        return check_ok(run, "sigqueue: SI_QUEUE with 0x%x, of %zu bytes; kill: SI_USER, no value", VALUE,
                sizeof(union sigval));
}

static CheckResult sender(CheckRun *run) {
        CheckProcess *peer;
        PeerReply reply;

        if (!signal_check_begin(run, SIGUSR1, SIGUSR1, &peer) ||
                !check_expect(run, "kill", check_kill(run, peer, SIGUSR1), 0) ||
                !check_expect(run, "sigtimedwait",
                        peer_call_full(
                                run, peer, &(PeerCall){ "take", SIGUSR1, SIGUSR1, SIGNAL_PATIENCE_MSEC }, &reply),
                        SIGUSR1) ||
                !check_expect(run, "si_pid", reply.z, getpid()) ||
                !check_expect(run, "si_uid", strtol(reply.text, NULL, 10), getuid()))
                return CHECK_FAILED;
        return check_ok(run, "si_pid and si_uid (%u) are the sender's", getuid());
}

static CheckResult unblockable(CheckRun *run) {
        CheckProcess *peer;
        int status = 0;

        if (!signal_check_begin(run, SIGKILL, SIGKILL, &peer) ||
                !check_expect(run, "blocking SIGSTOP", peer_call(run, peer, "block", SIGSTOP, SIGSTOP), 0) ||
                !check_expect(run, "SIGKILL is blocked", peer_call(run, peer, "is-blocked", SIGKILL), 0) ||
                !check_expect(run, "SIGSTOP is blocked", peer_call(run, peer, "is-blocked", SIGSTOP), 0) ||
                !check_expect(run, "a handler for SIGKILL", peer_call(run, peer, "handle", SIGKILL), -EINVAL) ||
                !check_expect(run, "ignoring SIGSTOP", peer_call(run, peer, "ignore", SIGSTOP), -EINVAL) ||
                !check_expect(run, "kill", check_kill(run, peer, SIGKILL), 0) ||
                !check_expect(run, "its end", check_wait(run, peer, CHECK_PATIENCE_USEC, &status), 0) ||
                !check_expect(run, "killed by", WIFSIGNALED(status) ? WTERMSIG(status) : 0, SIGKILL))
                return CHECK_FAILED;
        return check_ok(run, "blocking has no effect, a handler or ignoring them: EINVAL; SIGKILL killed");
}

static CheckResult stopped(CheckRun *run) {
        CheckProcess *peer;
        int status = 0;

        if (peer_start(run, 0, NULL, 0, &peer) < 0 || !check_expect(run, "peer", peer_call(run, peer, "pid"), 0) ||
                !check_expect(run, "SIGSTOP", check_kill(run, peer, SIGSTOP), 0) ||
                !check_expect(run, "waitpid", waitpid(check_pid(run, peer), &status, WUNTRACED) < 0 ? -errno : 0, 0) ||
                !check_expect(run, "stopped by", WIFSTOPPED(status) ? WSTOPSIG(status) : 0, SIGSTOP) ||
                !check_expect(run, "state T", check_await_state(run, peer, 'T'), 0) ||
                !check_expect(run, "SIGCONT", check_kill(run, peer, SIGCONT), 0) ||
                !check_expect(
                        run, "waitpid", waitpid(check_pid(run, peer), &status, WCONTINUED) < 0 ? -errno : 0, 0) ||
                !check_expect(run, "continued", WIFCONTINUED(status), 1) ||
                !check_expect(run, "the peer answers", peer_call(run, peer, "pid"), 0))
                return CHECK_FAILED;
        return check_ok(run, "waitpid: stopped by SIGSTOP, state T; then continued, and it answers");
}

static CheckResult pending(CheckRun *run) {
        CheckProcess *peer;

        if (!signal_check_begin(run, SIGUSR1, SIGUSR1, &peer) ||
                !check_expect(run, "sigaction", peer_call(run, peer, "handle", SIGUSR1), 0) ||
                !check_expect(run, "kill", check_kill(run, peer, SIGUSR1), 0) ||
                !check_expect(run, "pending", peer_call(run, peer, "is-pending", SIGUSR1), 1) ||
                !check_expect(run, "handled while blocked", peer_call(run, peer, "handled"), 0) ||
                !check_expect(run, "unblocking", peer_call(run, peer, "unblock", SIGUSR1, SIGUSR1), 0) ||
                !check_expect(run, "handled then", peer_call(run, peer, "handled"), 1) ||
                !check_expect(run, "pending then", peer_call(run, peer, "is-pending", SIGUSR1), 0))
                return CHECK_FAILED;
        return check_ok(run, "blocked: pending, not handled; unblocked: handled once");
}

static CheckResult ignored(CheckRun *run) {
        CheckProcess *peer;

        if (peer_start(run, 0, NULL, 0, &peer) < 0 ||
                !check_expect(run, "ignoring SIGUSR1", peer_call(run, peer, "ignore", SIGUSR1), 0) ||
                !check_expect(run, "kill", check_kill(run, peer, SIGUSR1), 0) ||
                !check_expect(run, "pending", peer_call(run, peer, "is-pending", SIGUSR1), 0) ||
                !check_expect(run, "sigaction", peer_call(run, peer, "handle", SIGUSR1), 0) ||
                !check_expect(run, "handled later", peer_call(run, peer, "handled"), 0))
                return CHECK_FAILED;
        return check_ok(run, "sent while ignored: gone, also for a later handler");
}

static CheckResult terminates(CheckRun *run) {
        CheckProcess *peer;
        int status = 0;

        if (peer_start(run, 0, NULL, 0, &peer) < 0 ||
                !check_expect(run, "a handler for SIGHUP", peer_call(run, peer, "handle", SIGHUP), 0) ||
                !check_expect(run, "SIGHUP", check_kill(run, peer, SIGHUP), 0) ||
                !check_expect(run, "handled", peer_call(run, peer, "handled"), 1) ||
                !check_expect(run, "SIGTERM", check_kill(run, peer, SIGTERM), 0) ||
                !check_expect(run, "its end", check_wait(run, peer, CHECK_PATIENCE_USEC, &status), 0) ||
                !check_expect(run, "killed by", WIFSIGNALED(status) ? WTERMSIG(status) : 0, SIGTERM))
                return CHECK_FAILED;
        return check_ok(run, "SIGHUP with a handler: ran once, lives on; SIGTERM without: waitpid says killed by 15");
}

static CheckResult limit(CheckRun *run) {
        CheckProcess *peer;

        if (!signal_check_begin(run, SIGRTMIN, SIGRTMIN, &peer) ||
                !check_expect(run, "blocking SIGUSR1", peer_call(run, peer, "block", SIGUSR1, SIGUSR1), 0) ||
                !check_expect(run, "setrlimit", peer_call(run, peer, "limit", RLIMIT_SIGPENDING, 0), 0) ||
                !check_expect(run, "sigqueue of SIGRTMIN", signal_check_queue(run, peer, SIGRTMIN, 1), -EAGAIN) ||
                !check_expect(run, "kill with SIGUSR1", check_kill(run, peer, SIGUSR1), 0) ||
                !check_expect(run, "sigtimedwait",
                        signal_check_take(run, peer, SIGUSR1, SIGUSR1, SIGNAL_PATIENCE_MSEC), SIGUSR1))
                return CHECK_FAILED;
        return check_ok(run, "RLIMIT_SIGPENDING 0: sigqueue EAGAIN; a standard signal by kill still arrives");
}

static CheckResult permission(CheckRun *run) {
        CheckProcess *peer;

        if (!check_can_be_nobody())
                return check_skip(run, "only root can start a process of another user");
        if (peer_start(run, 0, NULL, 0, &peer) < 0 || !check_become_nobody(run, peer) ||
                !check_expect(run, "kill of another user's process", peer_call(run, peer, "kill", getpid(), SIGUSR1),
                        -EPERM) ||
                !check_expect(run, "kill with signal 0", peer_call(run, peer, "kill", getpid(), 0), -EPERM))
                return CHECK_FAILED;
        return check_ok(run, "user %d to user %u: EPERM, also for signal 0", CHECK_NOBODY, getuid());
}

static CheckResult dead(CheckRun *run) {
        CLEANUP_FD int pidfd = -EBADF;
        CheckProcess *peer;
        pid_t pid;

        if (peer_start(run, 0, NULL, 0, &peer) < 0)
                return CHECK_FAILED;
        pid = check_pid(run, peer);
        pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
        if (pidfd < 0)
                return check_skip(run, "pidfd_open: %s", check_errno(errno));
        if (!check_expect(run, "signal 0 to the living", syscall(SYS_pidfd_send_signal, pidfd, 0, NULL, 0), 0) ||
                !check_expect(run, "SIGKILL", kill(pid, SIGKILL) < 0 ? -errno : 0, 0) ||
                !check_expect(run, "state Z", check_await_state(run, peer, 'Z'), 0) ||
                !check_expect(run, "kill of a zombie", kill(pid, SIGUSR1) < 0 ? -errno : 0, 0) ||
                !check_expect(run, "its end", check_wait(run, peer, CHECK_PATIENCE_USEC, NULL), 0) ||
                !check_expect(run, "pidfd_send_signal to the reaped",
                        syscall(SYS_pidfd_send_signal, pidfd, SIGUSR1, NULL, 0) < 0 ? -errno : 0, -ESRCH))
                return CHECK_FAILED;
        return check_ok(run, "zombie: kill succeeds, nothing happens; reaped: a pidfd gives ESRCH");
}

static CheckResult by_descriptor(CheckRun *run) {
        CheckProcess *peer;
        PeerReply reply;

        if (!signal_check_begin(run, SIGUSR1, SIGUSR1, &peer) ||
                !check_expect(run, "signalfd before", peer_call(run, peer, "signalfd", SIGUSR1), -EAGAIN) ||
                !check_expect(run, "kill", check_kill(run, peer, SIGUSR1), 0) ||
                !check_expect(run, "signalfd", peer_call_full(run, peer, &(PeerCall){ "signalfd", SIGUSR1 }, &reply),
                        SIGUSR1) ||
                !check_expect(run, "ssi_pid", reply.z, getpid()))
                return CHECK_FAILED;
        return check_ok(run, "before: EAGAIN; then SIGUSR1 with the sender's pid, without a handler");
}

const Check signal_checks[] = {
        { "direction", "a signal goes one way; an answer is another signal", "signal(7)", CHECK_BOTH, direction,
                { signal_check_role }, .aspects = ASPECT(FULL_DUPLEX) | ASPECT(BIDIRECTIONAL) },
        { "duplex", "two processes can signal each other at the same time", "signal(7)", CHECK_BOTH, transport_duplex,
                { transport_duplex_role }, .aspects = ASPECT(BIDIRECTIONAL) },
        { "value-only", "signals are for control, not for data: sigqueue(3) sends one int or pointer, kill(2) nothing",
                "sigqueue(3)", CHECK_BOTH, value_only, { signal_check_role }, .aspects = ASPECT(MAXIMUM) },
        { "merged", "a standard signal that is pending already is not queued again", "signal(7)", CHECK_BOTH, merged,
                { signal_check_role }, .aspects = ASPECT(BOUNDARIES) | ASPECT(FULL) },
        { "standard-value",
                "a standard signal too comes with a value of sigqueue(3), but what is sent while it is pending is "
                "lost",
                "signal(7)", CHECK_BOTH, signal_standard_value, { signal_check_role },
                .aspects = ASPECT(BOUNDARIES) | ASPECT(FULL) },
        { "queued", "real-time signals queue, each with its value", "signal(7)", CHECK_BOTH, queued,
                { signal_check_role }, .aspects = ASPECT(BOUNDARIES) },
        { "order", "real-time signals of one number arrive in the order in which they were sent", "signal(7)",
                CHECK_BOTH, transport_order, { transport_order_role }, .aspects = ASPECT(ORDER) },
        { "boundaries", "queued signals stay apart, one for one", "signal(7)", CHECK_BOTH, transport_boundaries,
                { transport_boundaries_role }, .aspects = ASPECT(BOUNDARIES) },
        { "lowest-first", "of several real-time signals the lowest number comes first", "signal(7)", CHECK_BOTH,
                lowest_first, { signal_check_role }, .aspects = ASPECT(PRIORITY) | ASPECT(ORDER) },
        { "standard-first",
                "on Linux standard signals come before real-time ones, and of several the lowest number first",
                "signal(7)", CHECK_BOTH, signal_standard_first, { signal_check_role },
                .aspects = ASPECT(PRIORITY) | ASPECT(ORDER) },
        { "sender", "the receiver is told the sender's pid and user", "sigaction(2)", CHECK_BOTH, sender,
                { signal_check_role }, .aspects = ASPECT(CREDENTIALS) | ASPECT(UNRELATED) },
        { "handler-told", "a handler with SA_SIGINFO is told how it was sent, by whom, and the value", "sigaction(2)",
                CHECK_BOTH, signal_handler_told, { signal_check_role }, .aspects = ASPECT(CREDENTIALS) },
        { "forged",
                "who sends with rt_sigqueueinfo(2) can lie about its pid, but cannot pretend kill(2) or the kernel",
                "rt_sigqueueinfo(2)", CHECK_BOTH, signal_forged, { signal_check_role },
                .aspects = ASPECT(CREDENTIALS) },
        { "receive-blocks", "a process can sleep until a signal comes", "sigwaitinfo(2)", CHECK_BOTH,
                transport_receive_blocks, { transport_receive_blocks_role }, .aspects = ASPECT(BLOCKING) },
        { "no-wait", "a process can ask without waiting: where nothing is pending that is EAGAIN", "sigtimedwait(2)",
                CHECK_BOTH, signal_no_wait, { signal_check_role }, .aspects = ASPECT(NON_BLOCKING) | ASPECT(EMPTY) },
        { "timeout", "sigtimedwait(2) gives up at its time-out, never before", "sigtimedwait(2)", CHECK_BOTH,
                transport_timeout, { transport_timeout_role }, .aspects = ASPECT(TIMEOUT) },
        { "suspend",
                "a signal that comes just before pause(2) is missed, before sigsuspend(2), blocked till then, it is "
                "not",
                "sigsuspend(2)", CHECK_BOTH, signal_suspend, { signal_check_role },
                .aspects = ASPECT(SYNCHRONISATION) },
        { "pending", "a blocked signal waits until it is unblocked", "sigprocmask(2)", CHECK_BOTH, pending,
                { signal_check_role }, .aspects = ASPECT(SYNCHRONISATION) },
        { "ignored", "an ignored signal is gone", "signal(7)", CHECK_BOTH, ignored, { signal_check_role } },
        { "nest",
                "handlers of signals that are unblocked together run inside each other, the last first, unless "
                "sa_mask keeps them apart",
                "signal(7)", CHECK_BOTH, signal_handlers_nest, { signal_check_role }, .aspects = ASPECT(ORDER) },
        { "not-within",
                "a handler is not interrupted by its own signal without SA_NODEFER, and by another unless sa_mask has "
                "it",
                "sigaction(2)", CHECK_BOTH, signal_not_within_itself, { signal_check_role },
                .aspects = ASPECT(ATOMICITY) },
        { "reset", "with SA_RESETHAND a handler runs once, then the signal does what it does by default",
                "sigaction(2)", CHECK_BOTH, signal_handler_once, { signal_check_role } },
        { "unblockable", "SIGKILL and SIGSTOP cannot be blocked, caught or ignored", "signal(7)", CHECK_BOTH,
                unblockable, { signal_check_role } },
        { "terminate", "without a handler SIGTERM ends a process, with one SIGHUP only makes it reload", "signal(7)",
                CHECK_BOTH, terminates, { signal_check_role } },
        { "real-time-kills", "a real-time signal that nobody handles kills too", "signal(7)", CHECK_BOTH,
                signal_real_time_kills, { signal_check_role } },
        { "stop-continue", "SIGSTOP stops, SIGCONT continues, the parent sees both", "waitpid(2)", CHECK_BOTH, stopped,
                { signal_check_role } },
        { "continue-always", "SIGCONT continues a stopped process also where it is blocked or ignored", "signal(7)",
                CHECK_BOTH, signal_continue_always, { signal_check_role } },
        { "continue-discards", "SIGCONT takes away pending stop signals, and a stop signal a pending SIGCONT",
                "signal(7)", CHECK_BOTH, signal_continue_discards, { signal_check_role } },
        { "stopped-waits", "SIGTERM to a stopped process waits until it is continued, SIGKILL does not", "signal(7)",
                CHECK_BOTH, signal_stopped_waits, { signal_check_role } },
        { "group", "a signal to a process group reaches all of it and nobody else", "kill(2)", CHECK_BOTH,
                signal_group, { signal_check_role } },
        { "number-zero", "signal 0 only asks whether a process is there; one that has ended is until it is waited for",
                "kill(2)", CHECK_BOTH, signal_number_zero, { signal_check_role } },
        { "executed", "across execve(2) what is blocked, ignored or pending stays so; handlers do not stay",
                "execve(2)", CHECK_BOTH, signal_program, { signal_check_role }, .aspects = ASPECT(PERSISTENCE) },
        { "forked", "a child made by fork inherits mask and handlers, not what is pending", "fork(2)", CHECK_BOTH,
                signal_fork, { signal_check_role }, .aspects = ASPECT(PERSISTENCE) },
        { "child-ended", "SIGCHLD tells how a child ended", "sigaction(2)", CHECK_BOTH, signal_child_ended,
                { signal_check_role } },
        { "children-merge", "one SIGCHLD can stand for several children: wait until there is none left", "signal(7)",
                CHECK_BOTH, signal_children_merge, { signal_check_role } },
        { "child-ignored", "with SIGCHLD ignored children leave no zombies, and their status is lost", "waitpid(2)",
                CHECK_BOTH, signal_child_ignored, { signal_check_role } },
        { "broken-pipe", "SIGPIPE kills who writes where nobody reads, and EPIPE tells who ignores it", "signal(7)",
                CHECK_BOTH, signal_broken_pipe, { signal_check_role } },
        { "begun-again",
                "a waiting sigwaitinfo gives EINTR after any handler: it is never begun again, SA_RESTART or not",
                "signal(7)", CHECK_BOTH, transport_interrupted_always, { transport_interrupted_role },
                .aspects = ASPECT(INTERRUPTED) },
        { "stopped", "stopped and continued, a waiting sigwaitinfo gives EINTR, though no handler ran", "signal(7)",
                CHECK_BOTH, transport_stopped_ends, { transport_interrupted_role }, .aspects = ASPECT(INTERRUPTED) },
        { "calls-interrupted",
                "sigwait(3) goes on after a handler; reading a signalfd and waitpid go on only with SA_RESTART, pause "
                "never",
                "signal(7)", CHECK_BOTH, signal_calls_interrupted, { signal_check_role },
                .aspects = ASPECT(INTERRUPTED) },
        { "calls-stopped", "stopped and continued, sigwait(3) and reading a signalfd go on", "signal(7)", CHECK_BOTH,
                signal_calls_stopped, { signal_check_role }, .aspects = ASPECT(INTERRUPTED) },
        { "sender-killed", "what was queued outlives its sender", "signal(7)", CHECK_BOTH,
                transport_sender_killed_empty, { transport_sender_killed_role },
                .aspects = ASPECT(CREATOR_GONE) | ASPECT(WRITER_KILLED) },
        { "receiver-killed", "who is killed while it waits takes nothing from the others of its group", "kill(2)",
                CHECK_BOTH, signal_receiver_killed, { signal_check_role }, .aspects = ASPECT(WAITER_KILLED) },
        { "receiver-dead", "a signal to one who has ended does nothing, and fails once it was waited for",
                "pidfd_send_signal(2)", CHECK_BOTH, dead, { signal_check_role } },
        { "pid-again", "a pidfd never reaches a new process that got an old pid; kill(2) does", "pidfd_open(2)",
                CHECK_BOTH, signal_pid_twice, { signal_check_role } },
        { "many-writers", "real-time signals that several send at once all arrive, in the order of each", "signal(7)",
                CHECK_BOTH, transport_many_writers, { transport_many_writers_role },
                .aspects = ASPECT(MANY_WRITERS) | ASPECT(ATOMICITY) },
        { "descriptor", "signalfd(2) gives signals to read", "signalfd(2)", CHECK_BOTH, by_descriptor,
                { signal_check_role }, .aspects = ASPECT(NON_BLOCKING) },
        { "descriptor-passed",
                "a signalfd that is passed on gives each process its own signals, never those of who made it",
                "signalfd(2)", CHECK_BOTH, signal_descriptor_passed, { signal_check_role } },
        { "limit",
                "RLIMIT_SIGPENDING bounds what is queued: sigqueue(3) then fails and never waits, kill(2) still "
                "arrives",
                "sigqueue(3)", CHECK_BOTH, limit, { signal_check_role }, .aspects = ASPECT(LIMIT) | ASPECT(FULL) },
        { "no-descriptors", "signals take no descriptor: they work where none is left, but for signalfd (EMFILE)",
                "signalfd(2)", CHECK_BOTH, signal_no_descriptors, { signal_check_role },
                .aspects = ASPECT(EXHAUSTION) },
        { "permission", "a user cannot signal another user's process", "kill(2)", CHECK_BOTH, permission,
                { signal_check_role }, .aspects = ASPECT(PERMISSION) },
        { "same-user", "processes of a user signal each other, and one with CAP_KILL all", "kill(2)", CHECK_BOTH,
                signal_same_user, { signal_check_role }, .aspects = ASPECT(OTHER_USER) },
        { "continue-others", "SIGCONT alone may be sent to any process of the same session, of whatever user",
                "kill(2)", CHECK_BOTH, signal_continue_others, { signal_check_role },
                .aspects = ASPECT(OTHER_USER) | ASPECT(PERMISSION) },
        { "pid-namespace",
                "a signal from outside a PID namespace arrives there with a pid of 0, and from there nobody outside "
                "has a number",
                "pid_namespaces(7)", CHECK_BOTH, signal_pid_namespace, { signal_check_role },
                .aspects = ASPECT(NAMESPACE) | ASPECT(CREDENTIALS) },
        { "other-ipc", "IPC namespaces do not matter to signals", "ipc_namespaces(7)", CHECK_BOTH, transport_other_ipc,
                { transport_place_role }, .aspects = ASPECT(NAMESPACE) },
        { "other-net", "network namespaces do not matter to signals", "network_namespaces(7)", CHECK_BOTH,
                transport_other_net, { transport_place_role }, .aspects = ASPECT(NAMESPACE) },
        {},
};

const CheckGap signal_gaps[] = {
        { ASPECT_DESCRIPTORS, "A signal carries one value at the most: no descriptor goes along." },
        { ASPECT_HOLDER_KILLED, "Nobody holds a signal: it is pending at its receiver, or it is not." },
        {},
};
