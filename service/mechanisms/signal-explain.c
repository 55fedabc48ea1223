/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Why a process can or cannot be sent signals (kill(2)). Signal 0 is only checked and never delivered. Owns nothing.
 */
#include <errno.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "explain.h"
#include "signal-process.h"

static int try_kill(void *userdata, Error *error) {
        const pid_t *pid = userdata;

        (void)error;
        return kill(*pid, 0) < 0 ? -errno : 0;
}

/* Threads of the kernel have no program: the link is there, and leads nowhere (proc(5)). */
static bool is_kernel_thread(pid_t pid) {
        char path[32], target[8];

        snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
        return readlink(path, target, sizeof(target)) < 0 && errno == ENOENT;
}

static void explain_state(Explanation *explanation, const char *object, pid_t pid, const ProcessSignals *process) {
        bool zombie = strcmp(process->state, "zombie") == 0 || strcmp(process->state, "dead") == 0;

        if (zombie)
                explain_blocked(explanation, 0, "its parent has to collect it with wait(2)", "state of", object,
                        "Process %d (%s) has ended and was not collected by its parent yet (zombie, State of "
                        "/proc/%d/status): kill(2) succeeds, and no signal reaches it.",
                        (int)pid, process->command, (int)pid);
        else if (is_kernel_thread(pid))
                explain_blocked(explanation, 0, NULL, "state of", object,
                        "Process %d (%s) is a thread of the kernel: kill(2) by root succeeds, and the thread ignores "
                        "the signal.",
                        (int)pid, process->command);
        else
                explain_ok(explanation, "state of", object, "Process %d (%s) of user %u is %s.", (int)pid,
                        process->command, process->uid, process->state);
        if (pid == 1 && !zombie)
                explain_ok(explanation, "first process", object,
                        "The first process of a PID namespace gets only signals that it has a handler for, even from "
                        "root (kill(2)); ipcctl asks for --confirm.");
}

/* check_kill_permission() in kernel/signal.c. */
static void explain_right(Explanation *explanation, const char *object, pid_t pid, const ProcessSignals *process) {
        const AccessUser *user = &explanation->user;

        if (user->uid == process->uid)
                explain_ok(explanation, "owner of", object, "Process %d belongs to %s.", (int)pid, user->name);
        else if (access_user_can(user, CAP_KILL))
                explain_ok(explanation, "owner of", object,
                        "Process %d belongs to user %u; the capability that overrides this is there: CAP_KILL.",
                        (int)pid, process->uid);
        else
                explain_judged(explanation, EPERM, "ask as that user or as root", "owner of", object,
                        "Process %d belongs to user %u, and %s may send it no signal: only that user may, and who has "
                        "CAP_KILL (kill(2)).",
                        (int)pid, process->uid, user->name);
}

/* __sigqueue_alloc() in kernel/signal.c: signals that are not of the real time are merged, and go through always. */
static void explain_queue(Explanation *explanation, const char *object, const ProcessSignals *process) {
        if (process->queued >= process->queue_max)
                explain_ok(explanation, "queue of", object,
                        "User %u has %" PRIu64 " signals queued, of %" PRIu64
                        " (SigQ of /proc/PID/status, RLIMIT_SIGPENDING): signals with a value and real-time ones get "
                        "EAGAIN until some are taken, others come through.",
                        process->uid, process->queued, process->queue_max);
        else
                explain_ok(explanation, "queue of", object,
                        "User %u has %" PRIu64 " signals queued, of %" PRIu64 " (SigQ of /proc/PID/status).",
                        process->uid, process->queued, process->queue_max);
}

int signal_explain(const Address *address, Explanation *explanation) {
        pid_t pid = (pid_t)address->number;
        const char *object = explanation->what;
        ProcessSignals process;
        int r;

        explain_namespace(explanation, "pid");
        r = address->number == 0 || address->number > INT32_MAX ? -ESRCH : process_read_signals(pid, &process);
        if (r == -ESRCH &&
                (address->number == 0 || address->number > INT32_MAX || kill(pid, 0) >= 0 || errno == ESRCH)) {
                explain_missing(
                        explanation, ESRCH, "find", object, "There is no process %" PRIu64 ".", address->number);
                return 0;
        }
        explain_use(explanation, "send signals to");
        if (r < 0)
                explain_unknown(explanation, "find", object,
                        "There is a process %d, and /proc does not show it (hidepid of proc(5), perhaps).", (int)pid);
        else {
                explain_state(explanation, object, pid, &process);
                explain_right(explanation, object, pid, &process);
        }
        (void)explain_try(explanation, object, try_kill, &pid);
        if (r >= 0)
                explain_queue(explanation, object, &process);
        explain_use(explanation, NULL);
        return 0;
}
