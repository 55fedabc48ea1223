/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "signal-checks.h"

/* Who may send, what the receiver is told of the sender, and descriptors that signals are read from. */
#include <errno.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "cleanup.h"

/* Where nothing can be queued a standard signal arrives all the same, without what was told with it. */
int signal_check_room(void) {
        struct rlimit limit;

        return getrlimit(RLIMIT_SIGPENDING, &limit) < 0 ? -errno : limit.rlim_cur == 0 ? -EAGAIN : 0;
}

CheckResult signal_forged(CheckRun *run) {
        CheckProcess *receiver, *sender;
        int64_t pid;
        PeerReply reply;

        if (!check_need(run, "queueing a signal (RLIMIT_SIGPENDING)", signal_check_room()))
                return CHECK_FAILED;
        if (!signal_check_begin(run, SIGUSR1, SIGUSR1, &receiver) || peer_start(run, 0, NULL, 0, &sender) < 0)
                return CHECK_FAILED;
        pid = check_pid(run, receiver);
        if (!check_expect(
                    run, "pretending SI_USER", peer_call(run, sender, "forge", pid, SIGUSR1, SI_USER, "1"), -EPERM) ||
                !check_expect(run, "pretending SI_TKILL", peer_call(run, sender, "forge", pid, SIGUSR1, SI_TKILL, "1"),
                        -EPERM) ||
                !check_expect(run, "pretending SI_KERNEL",
                        peer_call(run, sender, "forge", pid, SIGUSR1, SI_KERNEL, "1"), -EPERM) ||
                !check_expect(
                        run, "what came of it", signal_check_take(run, receiver, SIGUSR1, SIGUSR1, 0), -EAGAIN) ||
                !check_need(run, "SI_QUEUE with another's pid",
                        peer_call(run, sender, "forge", pid, SIGUSR1, SI_QUEUE, "1")) ||
                !check_expect(run, "sigtimedwait",
                        peer_call_full(run, receiver, &(PeerCall){ "take", SIGUSR1, SIGUSR1 }, &reply), SIGUSR1) ||
                !check_expect(run, "si_code", reply.x, SI_QUEUE) || !check_expect(run, "si_pid", reply.z, 1))
                return CHECK_FAILED;
        return check_ok(run, "rt_sigqueueinfo with SI_USER, SI_TKILL and SI_KERNEL: EPERM; with SI_QUEUE the receiver "
                             "saw process 1 as the sender, which was another");
}

/* The receiver has SIGUSR1 blocked, and the judge's descriptor for it as number 0. */
static bool begin_passed(CheckRun *run, int *ret_fd, CheckProcess **ret) {
        sigset_t set;

        if (signal_check_set(SIGUSR1, SIGUSR1, &set) < 0 || sigprocmask(SIG_BLOCK, &set, NULL) < 0)
                return check_need(run, "sigprocmask", -errno);
        *ret_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
        return check_need(run, "signalfd", *ret_fd < 0 ? -errno : 0) && peer_start(run, 0, ret_fd, 1, ret) >= 0 &&
               check_expect(run, "sigprocmask", peer_call(run, *ret, "block", SIGUSR1, SIGUSR1), 0);
}

CheckResult signal_descriptor_passed(CheckRun *run) {
        struct signalfd_siginfo info;
        CLEANUP_FD int fd = -EBADF;
        CheckProcess *peer;

        if (!begin_passed(run, &fd, &peer) ||
                !check_expect(run, "SIGUSR1 to the judge", kill(getpid(), SIGUSR1) < 0 ? -errno : 0, 0) ||
                !check_expect(run, "read by the peer", peer_call(run, peer, "signalfd-of", 0), -EAGAIN) ||
                !check_expect(run, "read by the judge", read(fd, &info, sizeof info), sizeof info) ||
                !check_expect(run, "SIGUSR1 to the peer", check_kill(run, peer, SIGUSR1), 0) ||
                !check_expect(run, "read by the judge", read(fd, &info, sizeof info) < 0 ? -errno : 0, -EAGAIN) ||
                !check_expect(run, "read by the peer", peer_call(run, peer, "signalfd-of", 0), SIGUSR1))
                return CHECK_FAILED;
        return check_ok(run, "one descriptor in two processes: each read its own SIGUSR1, and EAGAIN for the other's");
}

CheckResult signal_same_user(CheckRun *run) {
        CheckProcess *receiver, *sender;
        PeerReply reply;

        if (peer_start_at(run, CHECK_PLACE_OTHER_USER, 0, NULL, 0, &receiver) < 0 ||
                peer_start_at(run, CHECK_PLACE_OTHER_USER, 0, NULL, 0, &sender) < 0 ||
                !check_expect(run, "sigprocmask", peer_call(run, receiver, "block", SIGUSR1, SIGUSR1), 0) ||
                !check_expect(run, "kill", peer_call(run, sender, "kill", check_pid(run, receiver), SIGUSR1), 0) ||
                !check_expect(run, "sigtimedwait",
                        peer_call_full(run, receiver, &(PeerCall){ "take", SIGUSR1, SIGUSR1 }, &reply), SIGUSR1) ||
                !check_expect(run, "si_pid", reply.z, check_pid(run, sender)) ||
                !check_expect(run, "si_uid", strtol(reply.text, NULL, 10), CHECK_NOBODY) ||
                !check_expect(run, "kill by the judge", check_kill(run, receiver, SIGUSR1), 0) ||
                !check_expect(run, "sigtimedwait",
                        peer_call_full(run, receiver, &(PeerCall){ "take", SIGUSR1, SIGUSR1 }, &reply), SIGUSR1) ||
                !check_expect(run, "si_uid", strtol(reply.text, NULL, 10), getuid()))
                return CHECK_FAILED;
        return check_ok(
                run, "the user %d got signals from a process of its own and from one with CAP_KILL", CHECK_NOBODY);
}

CheckResult signal_continue_others(CheckRun *run) {
        CheckProcess *receiver, *sender;
        pid_t pid;

        if (peer_start(run, 0, NULL, 0, &receiver) < 0 ||
                peer_start_at(run, CHECK_PLACE_OTHER_USER, 0, NULL, 0, &sender) < 0)
                return CHECK_FAILED;
        pid = check_pid(run, receiver);
        if (!check_expect(run, "SIGSTOP", check_kill(run, receiver, SIGSTOP), 0) ||
                !check_expect(run, "state T", check_await_state(run, receiver, 'T'), 0) ||
                !check_expect(run, "SIGUSR1 by another user", peer_call(run, sender, "kill", pid, SIGUSR1), -EPERM) ||
                !check_expect(run, "SIGCONT by another user", peer_call(run, sender, "kill", pid, SIGCONT), 0) ||
                !check_expect(run, "the receiver answers", peer_call(run, receiver, "pid"), 0) ||
                !check_expect(run, "setsid", peer_call(run, sender, "session"), 0) ||
                !check_expect(
                        run, "SIGCONT from another session", peer_call(run, sender, "kill", pid, SIGCONT), -EPERM))
                return CHECK_FAILED;
        return check_ok(run,
                "user %d to user %u: SIGUSR1 EPERM, SIGCONT continued it; from a session of its own EPERM",
                CHECK_NOBODY, getuid());
}

CheckResult signal_no_descriptors(CheckRun *run) {
        CheckProcess *peer;

        if (!signal_check_begin(run, SIGUSR1, SIGUSR1, &peer) ||
                !check_expect(run, "setrlimit", peer_call(run, peer, "limit", RLIMIT_NOFILE, 1), 0) ||
                !check_expect(run, "kill of itself", peer_call(run, peer, "kill", check_pid(run, peer), SIGUSR1), 0) ||
                !check_expect(run, "signalfd", peer_call(run, peer, "signalfd", SIGUSR1), -EMFILE) ||
                !check_expect(run, "sigtimedwait", signal_check_take(run, peer, SIGUSR1, SIGUSR1, 0), SIGUSR1))
                return CHECK_FAILED;
        return check_ok(run, "no descriptor left: kill and sigtimedwait work, signalfd gives EMFILE");
}

CheckResult signal_pid_namespace(CheckRun *run) {
        CheckProcess *peer;
        PeerReply reply;
        int64_t r;

        if (peer_start(run, 0, NULL, 0, &peer) < 0)
                return CHECK_FAILED;
        r = peer_call_full(run, peer, &(PeerCall){ "pid-namespace", getpid() }, &reply);
        if (r < 0)
                return check_skip(run, "no PID namespace can be made here: %s", check_errno(r));
        if (!check_expect(run, "its pid there", reply.x, 1) ||
                !check_expect(run, "si_pid of a sender outside", reply.y, 0) ||
                !check_expect(run, "signal 0 from there to the judge's pid", reply.z, -ESRCH))
                return CHECK_FAILED;
        return check_ok(run, "process 1 of a new PID namespace got SIGUSR1 from outside, with si_pid 0; the pid of a "
                             "process outside is nobody there (ESRCH)");
}

CheckResult signal_pid_twice(CheckRun *run) {
        enum { PID = 1000 };
        CheckProcess *peer;
        PeerReply reply;
        int64_t r;

        if (peer_start(run, 0, NULL, 0, &peer) < 0)
                return CHECK_FAILED;
        r = peer_call_full(run, peer, &(PeerCall){ "pid-twice", PID }, &reply);
        if (r < 0)
                return check_skip(run, "no PID namespace can be made here: %s", check_errno(r));
        if (reply.x < 0)
                return check_skip(run, "no process can be given a pid of choice here: %s", check_errno(reply.x));
        if (!check_expect(run, "the second's pid", reply.x, PID) ||
                !check_expect(run, "SIGKILL through the pidfd of the first", reply.y, -ESRCH) ||
                !check_expect(run, "the second was killed by", reply.z, SIGTERM))
                return CHECK_FAILED;
        return check_ok(run,
                "process %d ended and another got its number: SIGKILL through the pidfd of the first "
                "ESRCH; kill of the number reached the second",
                PID);
}
