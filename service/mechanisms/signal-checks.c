/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "checks.h"

/* What signal(7) promises. The judge sends to a peer, which keeps a signal blocked and takes it with sigtimedwait(2),
 * or lets a handler count it. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "peer-call.h"
#include "spin.h"

enum {
        PATIENCE_MSEC = CHECK_PATIENCE_USEC / 1000 / 2,
        VALUE = 0x12345678,
};

/* --- What peers can be told to do --- */

static volatile sig_atomic_t handled;

static void count(int signal) {
        handled++;
}

static int set_of(int first, int last, sigset_t *ret) {
        if (sigemptyset(ret) < 0)
                return -errno;
        for (int s = first; s <= last; s++)
                if (sigaddset(ret, s) < 0)
                        return -errno;
        return 0;
}

/* a to b. */
static int64_t call_block(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        sigset_t set;
        int r = set_of((int)call->a, (int)call->b, &set);

        return r < 0 ? r : sigprocmask(SIG_BLOCK, &set, NULL) < 0 ? -errno : 0;
}

static int64_t call_unblock(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        sigset_t set;
        int r = set_of((int)call->a, (int)call->b, &set);

        return r < 0 ? r : sigprocmask(SIG_UNBLOCK, &set, NULL) < 0 ? -errno : 0;
}

static int64_t call_is_blocked(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        sigset_t set;

        return sigprocmask(SIG_BLOCK, NULL, &set) < 0 ? -errno : sigismember(&set, (int)call->a);
}

static int64_t call_is_pending(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        sigset_t set;

        return sigpending(&set) < 0 ? -errno : sigismember(&set, (int)call->a);
}

/* Takes one of a to b, waits at most c milliseconds: the signal; x the code, y the value, z the sender; the text is
 * its user. */
static int64_t call_take(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        struct timespec timeout = timespec_from_usec((uint64_t)call->c * USEC_PER_MSEC);
        siginfo_t info = { 0 };
        sigset_t set;
        int r = set_of((int)call->a, (int)call->b, &set);

        if (r < 0)
                return r;
        r = sigtimedwait(&set, &info, &timeout);
        if (r < 0)
                return -errno;
        reply->x = info.si_code;
        reply->y = info.si_value.sival_int;
        reply->z = info.si_pid;
        (void)snprintf(reply->text, sizeof reply->text, "%u", info.si_uid);
        return r;
}

static int64_t call_kill(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        return kill((pid_t)call->a, (int)call->b) < 0 ? -errno : 0;
}

static int64_t call_handle(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        struct sigaction action = { .sa_handler = count };

        handled = 0;
        return sigaction((int)call->a, &action, NULL) < 0 ? -errno : 0;
}

/* How often the handler ran; waits until it did `a` times. */
static int64_t call_handled(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        uint64_t end = monotonic_end(CHECK_PATIENCE_USEC / 2);

        while (handled < call->a && monotonic_now() < end)
                (void)usleep(500);
        return handled;
}

/* Reads one from a signalfd(2): x the code, z the sender. */
static int64_t call_signalfd(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        struct signalfd_siginfo info = { 0 };
        CLEANUP_FD int fd = -EBADF;
        sigset_t set;
        int r = set_of((int)call->a, (int)call->a, &set);

        if (r < 0)
                return r;
        fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
        if (fd < 0 || read(fd, &info, sizeof info) != sizeof info)
                return -errno;
        reply->x = info.ssi_code;
        reply->z = info.ssi_pid;
        return info.ssi_signo;
}

static const PeerFunction functions[] = {
        { "block", call_block },
        { "unblock", call_unblock },
        { "is-blocked", call_is_blocked },
        { "is-pending", call_is_pending },
        { "take", call_take },
        { "kill", call_kill },
        { "handle", call_handle },
        { "handled", call_handled },
        { "signalfd", call_signalfd },
        {},
};

static int role(CheckPeer *peer) {
        return peer_serve(peer, functions);
}

/* A peer that has the signals from `first` to `last` blocked. */
static bool begin(CheckRun *run, int first, int last, CheckProcess **ret) {
        return peer_start(run, 0, NULL, 0, ret) >= 0 &&
               check_expect(run, "sigprocmask", peer_call(run, *ret, "block", first, last), 0);
}

static int64_t send_value(CheckRun *run, const CheckProcess *peer, int signal, int value) {
        return sigqueue(check_pid(run, peer), signal, (union sigval){ .sival_int = value }) < 0 ? -errno : 0;
}

static int64_t take(CheckRun *run, CheckProcess *peer, int first, int last, int msec) {
        return peer_call(run, peer, "take", first, last, msec);
}

/* --- Checks --- */

static CheckResult direction(CheckRun *run) {
        CheckProcess *peer;
        PeerReply reply;
        siginfo_t info;
        sigset_t set;
        struct timespec no_wait = { 0 }, patience = { .tv_sec = PATIENCE_MSEC / 1000 };

        if (set_of(SIGUSR2, SIGUSR2, &set) < 0 || sigprocmask(SIG_BLOCK, &set, NULL) < 0)
                return check_fail(run, "sigprocmask: %s", check_errno(errno));
        if (!begin(run, SIGUSR1, SIGUSR1, &peer) || !check_expect(run, "kill", check_kill(run, peer, SIGUSR1), 0) ||
                !check_expect(run, "sigtimedwait",
                        peer_call_full(run, peer, &(PeerCall){ "take", SIGUSR1, SIGUSR1, PATIENCE_MSEC }, &reply),
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

        if (!begin(run, SIGUSR1, SIGUSR1, &peer))
                return CHECK_FAILED;
        for (int i = 0; i < 3; i++)
                if (!check_expect(run, "kill", check_kill(run, peer, SIGUSR1), 0))
                        return CHECK_FAILED;
        if (!check_expect(run, "sigtimedwait", take(run, peer, SIGUSR1, SIGUSR1, 0), SIGUSR1) ||
                !check_expect(run, "sigtimedwait again", take(run, peer, SIGUSR1, SIGUSR1, 0), -EAGAIN))
                return CHECK_FAILED;
        return check_ok(run, "3 SIGUSR1 sent while blocked, 1 delivered");
}

static CheckResult queued(CheckRun *run) {
        CheckProcess *peer;
        PeerReply reply;

        if (!begin(run, SIGRTMIN, SIGRTMIN, &peer))
                return CHECK_FAILED;
        for (int i = 1; i <= 3; i++)
                if (!check_need(run, "sigqueue", send_value(run, peer, SIGRTMIN, i)))
                        return CHECK_FAILED;
        for (int i = 1; i <= 3; i++)
                if (!check_expect(run, "sigtimedwait",
                            peer_call_full(run, peer, &(PeerCall){ "take", SIGRTMIN, SIGRTMIN }, &reply), SIGRTMIN) ||
                        !check_expect(run, "value", reply.y, i))
                        return CHECK_FAILED;
        if (!check_expect(run, "sigtimedwait again", take(run, peer, SIGRTMIN, SIGRTMIN, 0), -EAGAIN))
                return CHECK_FAILED;
        return check_ok(run, "3 SIGRTMIN sent while blocked, 3 delivered with values 1, 2, 3");
}

static CheckResult lowest_first(CheckRun *run) {
        CheckProcess *peer;

        if (!begin(run, SIGRTMIN, SIGRTMIN + 3, &peer) ||
                !check_need(run, "sigqueue", send_value(run, peer, SIGRTMIN + 3, 0)) ||
                !check_need(run, "sigqueue", send_value(run, peer, SIGRTMIN + 1, 0)) ||
                !check_need(run, "sigqueue", send_value(run, peer, SIGRTMIN + 2, 0)))
                return CHECK_FAILED;
        for (int i = 1; i <= 3; i++)
                if (!check_expect(run, "the next", take(run, peer, SIGRTMIN, SIGRTMIN + 3, 0), SIGRTMIN + i))
                        return CHECK_FAILED;
        return check_ok(run, "sent SIGRTMIN+3, +1, +2; delivered +1, +2, +3");
}

static CheckResult value_only(CheckRun *run) {
        CheckProcess *peer;
        PeerReply reply;

        if (!begin(run, SIGRTMIN, SIGRTMIN, &peer) ||
                !check_expect(run, "blocking SIGUSR2", peer_call(run, peer, "block", SIGUSR2, SIGUSR2), 0) ||
                !check_need(run, "sigqueue", send_value(run, peer, SIGRTMIN, VALUE)) ||
                !check_expect(run, "sigtimedwait",
                        peer_call_full(run, peer, &(PeerCall){ "take", SIGRTMIN, SIGRTMIN, PATIENCE_MSEC }, &reply),
                        SIGRTMIN) ||
                !check_expect(run, "si_code", reply.x, SI_QUEUE) || !check_expect(run, "value", reply.y, VALUE) ||
                !check_expect(run, "kill", check_kill(run, peer, SIGUSR2), 0) ||
                !check_expect(run, "sigtimedwait",
                        peer_call_full(run, peer, &(PeerCall){ "take", SIGUSR2, SIGUSR2, PATIENCE_MSEC }, &reply),
                        SIGUSR2) ||
                !check_expect(run, "si_code", reply.x, SI_USER))
                return CHECK_FAILED;
        return check_ok(run, "sigqueue: SI_QUEUE with 0x%x, of %zu bytes; kill: SI_USER, no value", VALUE,
                sizeof(union sigval));
}

static CheckResult sender(CheckRun *run) {
        CheckProcess *peer;
        PeerReply reply;

        if (!begin(run, SIGUSR1, SIGUSR1, &peer) || !check_expect(run, "kill", check_kill(run, peer, SIGUSR1), 0) ||
                !check_expect(run, "sigtimedwait",
                        peer_call_full(run, peer, &(PeerCall){ "take", SIGUSR1, SIGUSR1, PATIENCE_MSEC }, &reply),
                        SIGUSR1) ||
                !check_expect(run, "si_pid", reply.z, getpid()) ||
                !check_expect(run, "si_uid", strtol(reply.text, NULL, 10), getuid()))
                return CHECK_FAILED;
        return check_ok(run, "si_pid and si_uid (%u) are the sender's", getuid());
}

static CheckResult unblockable(CheckRun *run) {
        CheckProcess *peer;
        int status = 0;

        if (!begin(run, SIGKILL, SIGKILL, &peer) ||
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

        if (!begin(run, SIGUSR1, SIGUSR1, &peer) ||
                !check_expect(run, "sigaction", peer_call(run, peer, "handle", SIGUSR1), 0) ||
                !check_expect(run, "kill", check_kill(run, peer, SIGUSR1), 0) ||
                !check_expect(run, "pending", peer_call(run, peer, "is-pending", SIGUSR1), 1) ||
                !check_expect(run, "handled while blocked", peer_call(run, peer, "handled", 0), 0) ||
                !check_expect(run, "unblocking", peer_call(run, peer, "unblock", SIGUSR1, SIGUSR1), 0) ||
                !check_expect(run, "handled then", peer_call(run, peer, "handled", 1), 1) ||
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
                !check_expect(run, "handled later", peer_call(run, peer, "handled", 0), 0))
                return CHECK_FAILED;
        return check_ok(run, "sent while ignored: gone, also for a later handler");
}

static CheckResult terminates(CheckRun *run) {
        CheckProcess *peer;
        int status = 0;

        if (peer_start(run, 0, NULL, 0, &peer) < 0 ||
                !check_expect(run, "a handler for SIGHUP", peer_call(run, peer, "handle", SIGHUP), 0) ||
                !check_expect(run, "SIGHUP", check_kill(run, peer, SIGHUP), 0) ||
                !check_expect(run, "handled", peer_call(run, peer, "handled", 1), 1) ||
                !check_expect(run, "SIGTERM", check_kill(run, peer, SIGTERM), 0) ||
                !check_expect(run, "its end", check_wait(run, peer, CHECK_PATIENCE_USEC, &status), 0) ||
                !check_expect(run, "killed by", WIFSIGNALED(status) ? WTERMSIG(status) : 0, SIGTERM))
                return CHECK_FAILED;
        return check_ok(run, "SIGHUP with a handler: ran once, lives on; SIGTERM without: waitpid says killed by 15");
}

static CheckResult limit(CheckRun *run) {
        CheckProcess *peer;

        if (!begin(run, SIGRTMIN, SIGRTMIN, &peer) ||
                !check_expect(run, "blocking SIGUSR1", peer_call(run, peer, "block", SIGUSR1, SIGUSR1), 0) ||
                !check_expect(run, "setrlimit", peer_call(run, peer, "limit", RLIMIT_SIGPENDING, 0), 0) ||
                !check_expect(run, "sigqueue of SIGRTMIN", send_value(run, peer, SIGRTMIN, 1), -EAGAIN) ||
                !check_expect(run, "kill with SIGUSR1", check_kill(run, peer, SIGUSR1), 0) ||
                !check_expect(run, "sigtimedwait", take(run, peer, SIGUSR1, SIGUSR1, PATIENCE_MSEC), SIGUSR1))
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
        return check_ok(
                run, "zombie: kill succeeds, nothing happens; reaped: a pidfd gives ESRCH and never hits another");
}

static CheckResult by_descriptor(CheckRun *run) {
        CheckProcess *peer;
        PeerReply reply;

        if (!begin(run, SIGUSR1, SIGUSR1, &peer) ||
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
                { role } },
        { "duplex", "two processes can signal each other at the same time", "signal(7)", CHECK_BOTH, transport_duplex,
                { transport_duplex_role } },
        { "merged", "a standard signal that is pending already is not queued again", "signal(7)", CHECK_BOTH, merged,
                { role } },
        { "queued", "real-time signals queue, each with its value", "signal(7)", CHECK_BOTH, queued, { role } },
        { "order", "real-time signals of one number arrive in the order in which they were sent", "signal(7)",
                CHECK_BOTH, transport_order, { transport_order_role } },
        { "boundaries", "queued signals stay apart, one for one", "signal(7)", CHECK_BOTH, transport_boundaries,
                { transport_boundaries_role } },
        { "lowest-first", "of several real-time signals the lowest number comes first", "signal(7)", CHECK_BOTH,
                lowest_first, { role } },
        { "value-only", "a signal carries one value at the most, and with kill(2) none", "sigqueue(3)", CHECK_BOTH,
                value_only, { role } },
        { "sender", "the receiver is told the sender's pid and user", "sigaction(2)", CHECK_BOTH, sender, { role } },
        { "receive-blocks", "a process can sleep until a signal comes", "sigwaitinfo(2)", CHECK_BOTH,
                transport_receive_blocks, { transport_receive_blocks_role } },
        { "timeout", "sigtimedwait(2) gives up at its time-out, never before", "sigtimedwait(2)", CHECK_BOTH,
                transport_timeout, { transport_timeout_role } },
        { "pending", "a blocked signal waits until it is unblocked", "sigprocmask(2)", CHECK_BOTH, pending, { role } },
        { "ignored", "an ignored signal is gone", "signal(7)", CHECK_BOTH, ignored, { role } },
        { "unblockable", "SIGKILL and SIGSTOP cannot be blocked, caught or ignored", "signal(7)", CHECK_BOTH,
                unblockable, { role } },
        { "terminate", "without a handler SIGTERM ends a process, with one SIGHUP only makes it reload", "signal(7)",
                CHECK_BOTH, terminates, { role } },
        { "stop-continue", "SIGSTOP stops, SIGCONT continues, the parent sees both", "waitpid(2)", CHECK_BOTH, stopped,
                { role } },
        { "sender-killed", "what was queued outlives its sender", "signal(7)", CHECK_BOTH,
                transport_sender_killed_empty, { transport_sender_killed_role } },
        { "receiver-dead", "signals to the dead: a pidfd never reaches a new process with an old pid",
                "pidfd_send_signal(2)", CHECK_BOTH, dead, { role } },
        { "descriptor", "signalfd(2) gives signals to read", "signalfd(2)", CHECK_BOTH, by_descriptor, { role } },
        { "limit", "RLIMIT_SIGPENDING bounds what is queued", "sigqueue(3)", CHECK_BOTH, limit, { role } },
        { "permission", "a user cannot signal another user's process", "kill(2)", CHECK_BOTH, permission, { role } },
        {},
};
