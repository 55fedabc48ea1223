/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "signal-checks.h"

/* What the peers of checks of signals can do with their own, and the tools of the judge. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "signal-check-children.h"
#include "spin.h"

int signal_check_set(int first, int last, sigset_t *ret) {
        if (sigemptyset(ret) < 0)
                return -errno;
        for (int s = first; s <= last; s++)
                if ((s <= SIGSYS || s >= SIGRTMIN) && sigaddset(ret, s) < 0)
                        return -errno; /* between them are those of the C library */
        return 0;
}

static int64_t call_block(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        sigset_t set;
        int r = signal_check_set((int)call->a, (int)call->b, &set);

        return r < 0 ? r : sigprocmask(SIG_BLOCK, &set, NULL) < 0 ? -errno : 0;
}

static int64_t call_unblock(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        sigset_t set;
        int r = signal_check_set((int)call->a, (int)call->b, &set);

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

static int64_t call_take(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        struct timespec timeout = timespec_from_usec((uint64_t)call->c * USEC_PER_MSEC);
        siginfo_t info = { 0 };
        sigset_t set;
        int r = signal_check_set((int)call->a, (int)call->b, &set);

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

static int64_t read_signalfd(int fd, PeerReply *reply) {
        struct signalfd_siginfo info = { 0 };

        if (read(fd, &info, sizeof info) != sizeof info)
                return -errno;
        reply->x = info.ssi_code;
        reply->z = info.ssi_pid;
        return info.ssi_signo;
}

static int64_t call_signalfd(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        CLEANUP_FD int fd = -EBADF;
        sigset_t set;
        int r = signal_check_set((int)call->a, (int)call->a, &set);

        if (r < 0)
                return r;
        fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
        return fd < 0 ? -errno : read_signalfd(fd, reply);
}

static int64_t call_signalfd_of(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        const int *place = peer_descriptor(peer, call->a);

        return place ? read_signalfd(*place, reply) : -EBADF;
}

static int64_t call_signalfd_waits(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        CLEANUP_FD int fd = -EBADF;
        sigset_t set;
        int64_t r = signal_check_set((int)call->a, (int)call->a, &set);

        if (r < 0)
                return r;
        fd = signalfd(-1, &set, SFD_CLOEXEC);
        r = fd < 0 ? -errno : read_signalfd(fd, reply);
        return r < 0 ? r : 0;
}

static int64_t call_sigwait(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        sigset_t set;
        int number, r = signal_check_set((int)call->a, (int)call->a, &set);

        return r < 0 ? r : -sigwait(&set, &number);
}

static int64_t call_suspend(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        sigset_t set;

        if (sigfillset(&set) < 0 || sigdelset(&set, (int)call->a) < 0)
                return -errno;
        return sigsuspend(&set) < 0 ? -errno : 0;
}

static int64_t call_pause(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        return pause() < 0 ? -errno : 0;
}

/* rt_sigqueueinfo(2): what sigqueue(3) is made of, with nothing filled in by the C library. */
static int64_t call_forge(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        siginfo_t info = { .si_code = (int)call->c };

        info.si_pid = call->text ? (pid_t)strtol(call->text, NULL, 10) : getpid();
        return syscall(SYS_rt_sigqueueinfo, (pid_t)call->a, (int)call->b, &info) < 0 ? -errno : 0;
}

static int64_t call_group(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        return setpgid(0, (pid_t)call->a) < 0 ? -errno : 0;
}

static int64_t call_session(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        return setsid() < 0 ? -errno : 0;
}

/* --- Handlers that note what they see --- */

enum { SEEN_MAX = 8 };

static volatile struct { int signal, code, value, pid; } seen[SEEN_MAX];
static volatile sig_atomic_t n_seen, depth, deepest, raise_within;

static void note(int signal, siginfo_t *info, void *context) {
        if (n_seen < SEEN_MAX) {
                seen[n_seen].signal = signal;
                seen[n_seen].code = info->si_code;
                seen[n_seen].value = info->si_value.sival_int;
                seen[n_seen].pid = info->si_pid;
        }
        n_seen++;
}

static int catch (int signal, void (*handler)(int, siginfo_t *, void *), int flags, int meanwhile) {
        struct sigaction action = { .sa_sigaction = handler, .sa_flags = flags | SA_SIGINFO };

        sigemptyset(&action.sa_mask);
        if (meanwhile > 0)
                sigaddset(&action.sa_mask, meanwhile);
        return sigaction(signal, &action, NULL) < 0 ? -errno : 0;
}

static int64_t call_catch(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        n_seen = 0;
        return catch ((int)call->a, note, (int)call->b, (int)call->c);
}

static int64_t call_seen(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        if (call->a < 0 || call->a >= SEEN_MAX || call->a >= n_seen)
                return -ENODATA;
        reply->x = seen[call->a].code;
        reply->y = seen[call->a].value;
        reply->z = seen[call->a].pid;
        return seen[call->a].signal;
}

static void nest(int signal, siginfo_t *info, void *context) {
        int inside = raise_within;

        depth++;
        n_seen++;
        if (depth > deepest)
                deepest = depth;
        raise_within = 0;
        if (inside > 0)
                (void)raise(inside);
        depth--;
}

static int64_t call_within(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        int inside = (int)strtol(call->text ? call->text : "", NULL, 10);
        int r = catch ((int)call->a, nest, (int)call->b, (int)call->c);

        if (r >= 0 && inside != call->a)
                r = catch (inside, nest, 0, 0);
        if (r < 0)
                return r;
        n_seen = depth = deepest = 0;
        raise_within = inside;
        (void)raise((int)call->a);
        reply->x = deepest;
        reply->y = n_seen;
        return 0;
}

static const PeerFunction functions[] = {
        { "block", call_block },
        { "unblock", call_unblock },
        { "is-blocked", call_is_blocked },
        { "is-pending", call_is_pending },
        { "take", call_take },
        { "kill", call_kill },
        { "signalfd", call_signalfd },
        { "signalfd-of", call_signalfd_of },
        { "signalfd-waits", call_signalfd_waits },
        { "sigwait", call_sigwait },
        { "suspend", call_suspend },
        { "pause", call_pause },
        { "forge", call_forge },
        { "group", call_group },
        { "session", call_session },
        { "catch", call_catch },
        { "seen", call_seen },
        { "within", call_within },
        { "start-child", signal_call_start_child },
        { "wait-child", signal_call_wait_child },
        { "program", signal_call_program },
        { "fork-pending", signal_call_fork_pending },
        { "child", signal_call_child },
        { "children", signal_call_children },
        { "broken-pipe", signal_call_broken_pipe },
        { "default-pipe", signal_call_default_pipe },
        { "pid-twice", signal_call_pid_twice },
        { "pid-namespace", signal_call_pid_namespace },
        {},
};

int signal_check_role(CheckPeer *peer) {
        return peer_serve(peer, functions);
}

bool signal_check_begin(CheckRun *run, int first, int last, CheckProcess **ret) {
        return peer_start(run, 0, NULL, 0, ret) >= 0 &&
               check_expect(run, "sigprocmask", peer_call(run, *ret, "block", first, last), 0);
}

int64_t signal_check_queue(CheckRun *run, const CheckProcess *peer, int signal, int value) {
        return sigqueue(check_pid(run, peer), signal, (union sigval){ .sival_int = value }) < 0 ? -errno : 0;
}

int64_t signal_check_take(CheckRun *run, CheckProcess *peer, int first, int last, int msec) {
        return peer_call(run, peer, "take", first, last, msec);
}

bool signal_check_killed_by(CheckRun *run, CheckProcess *peer, int signal) {
        int status = 0;

        return check_expect(run, "its end", check_wait(run, peer, CHECK_PATIENCE_USEC, &status), 0) &&
               check_expect(run, "killed by", WIFSIGNALED(status) ? WTERMSIG(status) : 0, signal);
}
