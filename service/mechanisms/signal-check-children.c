/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "signal-check-children.h"

/* Every child here is reaped before a call returns, and dies with its parent. What it found comes over a pipe. */
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "checks.h"
#include "child-program.h"
#include "cleanup.h"
#include "signal-process.h"
#include "spin.h"

typedef struct Found {
        int64_t x, y, z;
} Found;

/* In the child. */
typedef void (*ChildRun)(int64_t argument, Found *ret);

static void child_main(ChildRun run, int64_t argument, int told) {
        Found found = { 0 };

        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        run(argument, &found);
        _exit(write(told, &found, sizeof found) == sizeof found ? EXIT_SUCCESS : EXIT_FAILURE);
}

/* Begins one; what it found is read from *ret_fd. */
static int child_begin(ChildRun run, int64_t argument, pid_t *ret_pid, int *ret_fd) {
        int fds[2];
        pid_t pid;

        if (pipe2(fds, O_CLOEXEC) < 0)
                return -errno;
        pid = fork();
        if (pid == 0)
                child_main(run, argument, fds[1]);
        fd_close(fds[1]);
        if (pid < 0) {
                fd_close(fds[0]);
                return -EAGAIN;
        }
        *ret_pid = pid;
        *ret_fd = fds[0];
        return 0;
}

/* Takes both over. */
static int64_t child_end(pid_t pid, int fd, PeerReply *reply) {
        Found found;
        ssize_t n;

        do
                n = read(fd, &found, sizeof found);
        while (n < 0 && errno == EINTR);
        fd_close(fd);
        child_program_end(pid);
        if (n != sizeof found)
                return -ECHILD;
        reply->x = found.x;
        reply->y = found.y;
        reply->z = found.z;
        return 0;
}

/* --- Calls --- */

static pid_t started;

int64_t signal_call_start_child(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        int r = child_program_start(NULL, &started);

        reply->x = started;
        return r;
}

int64_t signal_call_wait_child(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        return waitpid(started, NULL, 0) < 0 ? -errno : 0;
}

static void nothing(int signal) {
}

static void before_program(void) {
        sigset_t set;

        sigemptyset(&set);
        sigaddset(&set, SIGUSR1);
        (void)sigprocmask(SIG_BLOCK, &set, NULL);
        (void)signal(SIGUSR2, SIG_IGN);
        (void)signal(SIGHUP, nothing);
        (void)raise(SIGUSR1);
}

int64_t signal_call_program(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        ProcessSignals signals = { 0 };
        pid_t pid;
        int r = child_program_start(before_program, &pid);

        if (r < 0)
                return r;
        r = process_read_signals(pid, &signals);
        child_program_end(pid);
        reply->x = (int64_t)signals.blocked;
        reply->y = (int64_t)signals.ignored;
        reply->z = (int64_t)signals.caught;
        return r < 0 ? r : (int64_t)signals.pending;
}

static void look_at_own(int64_t number, Found *ret) {
        struct sigaction action = { 0 };
        sigset_t set;

        ret->x = sigpending(&set) < 0 ? -errno : sigismember(&set, (int)number);
        ret->y = sigprocmask(SIG_BLOCK, NULL, &set) < 0 ? -errno : sigismember(&set, (int)number);
        ret->z = sigaction((int)number, NULL, &action) < 0 ? -errno : action.sa_handler != SIG_DFL;
}

int64_t signal_call_fork_pending(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        pid_t pid;
        int fd, r = child_begin(look_at_own, call->a, &pid, &fd);

        return r < 0 ? r : child_end(pid, fd, reply);
}

/* The next SIGCHLD, which is blocked; 0: none. */
static int take_child_signal(PeerReply *reply) {
        static const struct timespec no_wait = { 0 };
        siginfo_t info = { 0 };
        sigset_t set;

        sigemptyset(&set);
        sigaddset(&set, SIGCHLD);
        if (sigtimedwait(&set, &info, &no_wait) < 0)
                return 0;
        reply->y = info.si_code;
        reply->z = info.si_status;
        return 1;
}

int64_t signal_call_child(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        int status = 0, r;
        pid_t pid = fork();

        if (pid == 0)
                _exit((int)call->a);
        if (pid < 0)
                return -errno;
        while ((r = waitpid(pid, &status, 0) < 0 ? -errno : 0) == -EINTR)
                ;
        reply->x = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
        (void)take_child_signal(reply);
        return r;
}

int64_t signal_call_children(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        siginfo_t info;
        int64_t there = 0;
        pid_t pid = 0;

        for (int64_t i = 0; i < call->a; i++) {
                pid = fork();
                if (pid == 0)
                        _exit(0);
                /* Ended, and not yet reaped. */
                if (pid < 0 || waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) < 0)
                        return -errno;
        }
        while (take_child_signal(reply) > 0)
                reply->x++;
        while (waitpid(-1, NULL, WNOHANG) > 0)
                there++;
        return there;
}

int64_t signal_call_broken_pipe(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        int fds[2], r;

        if (pipe2(fds, O_CLOEXEC) < 0)
                return -errno;
        fd_close(fds[0]);
        r = write(fds[1], "", 1) < 0 ? -errno : 0;
        fd_close(fds[1]);
        return r;
}

int64_t signal_call_default_pipe(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        return signal(SIGPIPE, SIG_DFL) == SIG_ERR ? -errno : signal_call_broken_pipe(peer, call, reply);
}

static void first_of_namespace(int64_t other, Found *ret) {
        struct timespec patience = timespec_from_usec(CHECK_PATIENCE_USEC / 2);
        siginfo_t info = { .si_pid = -1 };
        sigset_t set;

        sigemptyset(&set);
        sigaddset(&set, SIGUSR1);
        ret->x = getpid();
        if (sigtimedwait(&set, &info, &patience) == SIGUSR1)
                ret->y = info.si_pid;
        else
                ret->y = -EAGAIN;
        ret->z = kill((pid_t)other, 0) < 0 ? -errno : 0;
}

/* clone3(2) may choose the pid where it has the right to in the PID namespace. The child waits to be killed. */
static pid_t fork_as(pid_t pid) {
        struct clone_args args = { .exit_signal = SIGCHLD, .set_tid = (uintptr_t)&pid, .set_tid_size = 1 };
        pid_t r = (pid_t)syscall(SYS_clone3, &args, sizeof args);

        if (r == 0)
                for (;;)
                        (void)pause();
        return r < 0 ? -errno : r;
}

/* This one is the first of a PID namespace: its children end with it. */
static void use_pid_twice(int64_t pid, Found *ret) {
        int status = 0, pidfd;

        ret->x = fork_as((pid_t)pid);
        if (ret->x != pid)
                return;
        pidfd = (int)syscall(SYS_pidfd_open, (pid_t)pid, 0);
        if (pidfd < 0)
                ret->x = -errno;
        child_program_end((pid_t)pid);
        if (pidfd < 0)
                return;
        ret->x = fork_as((pid_t)pid);
        if (ret->x != pid)
                return;
        ret->y = syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0) < 0 ? -errno : 0;
        if (kill((pid_t)pid, SIGTERM) == 0 && waitpid((pid_t)pid, &status, 0) == pid && WIFSIGNALED(status))
                ret->z = WTERMSIG(status);
}

/* For children. In a user namespace of its own that may be allowed where it is not without. */
static int leave_pid_namespace(void) {
        if (unshare(CLONE_NEWPID) < 0 && (errno != EPERM || unshare(CLONE_NEWUSER | CLONE_NEWPID) < 0))
                return -errno;
        return 0;
}

int64_t signal_call_pid_twice(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        pid_t pid;
        int fd, r = leave_pid_namespace();

        if (r >= 0)
                r = child_begin(use_pid_twice, call->a, &pid, &fd);
        return r < 0 ? r : child_end(pid, fd, reply);
}

int64_t signal_call_pid_namespace(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        pid_t pid;
        sigset_t set;
        int fd, r;

        r = leave_pid_namespace();
        if (r < 0)
                return r;
        sigemptyset(&set);
        sigaddset(&set, SIGUSR1);
        if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
                return -errno;
        r = child_begin(first_of_namespace, call->a, &pid, &fd);
        if (r < 0)
                return r;
        if (kill(pid, SIGUSR1) < 0) {
                r = -errno;
                fd_close(fd);
                child_program_end(pid);
                return r;
        }
        return child_end(pid, fd, reply);
}
