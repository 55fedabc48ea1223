/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "checks.h"

/* Looks at a process from outside, and small things that all checks need. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cleanup.h"
#include "peer-call.h"
#include "spin.h"

const char *check_errno(int64_t number) {
        const char *name = strerrorname_np((int)(number < 0 ? -number : number));

        return number == 0 ? "no error" : name ? name : "an unknown error";
}

const char *check_outcome(int64_t result) {
        return result < 0 ? check_errno(result) : "ok";
}

static const char *result_text(int64_t result, char *text, size_t size) {
        if (result < 0)
                return check_errno(result);
        (void)snprintf(text, size, "%" PRId64, result);
        return text;
}

bool check_expect(CheckRun *run, const char *what, int64_t got, int64_t want) {
        char got_text[24], want_text[24];

        if (got == want)
                return true;
        check_note(run, "%s: %s, not %s", what, result_text(got, got_text, sizeof got_text),
                result_text(want, want_text, sizeof want_text));
        return false;
}

static bool stands_in_the_way(int64_t number) {
        static const int numbers[] = { EACCES, EAFNOSUPPORT, EAGAIN, EDQUOT, EFBIG, EMFILE, ENFILE, ENOMEM, ENOSPC,
                ENOSYS, EOPNOTSUPP, EPERM, EROFS };

        for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
                if (numbers[i] == -number)
                        return true;
        return false;
}

bool check_need(CheckRun *run, const char *what, int64_t result) {
        if (result >= 0)
                return true;
        run->untestable = stands_in_the_way(result);
        check_note(run, "%s%s: %s", run->untestable ? "cannot be tested here: " : "", what, check_errno(result));
        return false;
}

bool check_need_said(CheckRun *run, const char *sentence, int64_t result) {
        if (result >= 0)
                return true;
        run->untestable = stands_in_the_way(result);
        check_note(run, "%s%s", run->untestable ? "cannot be tested here: " : "", sentence);
        return false;
}

bool check_become_nobody(CheckRun *run, CheckProcess *process) {
        return peer_go(run, process, CHECK_PLACE_OTHER_USER);
}

static const struct {
        long number;
        const char *name;
} waiting_calls[] = {
        { SYS_accept4, "accept4" },
        { SYS_clock_nanosleep, "clock_nanosleep" },
        { SYS_connect, "connect" },
        { SYS_epoll_pwait, "epoll_pwait" },
        { SYS_futex, "futex" },
        { SYS_mq_timedreceive, "mq_timedreceive" },
        { SYS_mq_timedsend, "mq_timedsend" },
#ifdef SYS_msgrcv /* some machines have one call for all of System V: ipc(2) */
        { SYS_msgrcv, "msgrcv" },
        { SYS_msgsnd, "msgsnd" },
        { SYS_semtimedop, "semtimedop" },
#endif
#ifdef SYS_semop
        { SYS_semop, "semop" },
#endif
        { SYS_openat, "openat" },
        { SYS_ppoll, "ppoll" },
        { SYS_read, "read" },
        { SYS_recvfrom, "recvfrom" },
        { SYS_recvmsg, "recvmsg" },
        { SYS_restart_syscall, "restart_syscall" }, /* begun again after a stop, with the time that was left */
        { SYS_rt_sigsuspend, "rt_sigsuspend" },
        { SYS_rt_sigtimedwait, "rt_sigtimedwait" },
        { SYS_sendmsg, "sendmsg" },
        { SYS_sendto, "sendto" },
        { SYS_wait4, "wait4" },
        { SYS_write, "write" },
#ifdef SYS_epoll_wait
        { SYS_epoll_wait, "epoll_wait" },
#endif
#ifdef SYS_pause
        { SYS_pause, "pause" },
#endif
#ifdef SYS_poll
        { SYS_poll, "poll" },
#endif
};

/* What the kernel tells of a process at one moment. */
typedef struct Look {
        char state;
        long call;         /* the system call it is in; -1: cannot be told */
        uint64_t switches; /* how often it went to sleep so far */
} Look;

static ssize_t read_text(pid_t pid, const char *name, char *text, size_t size) {
        CLEANUP_FD int fd = -EBADF;
        char path[64];
        ssize_t n;

        (void)snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        n = read(fd, text, size - 1);
        if (n < 0)
                return -errno;
        text[n] = '\0';
        return n;
}

static int look_at(pid_t pid, Look *ret) {
        static const char switches[] = "\nvoluntary_ctxt_switches:", state[] = "\nState:";
        char text[4096];
        const char *at;
        Look look = { .call = -1 };
        ssize_t n = read_text(pid, "status", text, sizeof text);

        if (n < 0)
                return (int)n;
        at = strstr(text, state);
        if (!at)
                return -ENODATA;
        at += strlen(state);
        at += strspn(at, "\t ");
        look.state = *at;
        at = strstr(text, switches);
        if (at)
                look.switches = strtoull(at + strlen(switches), NULL, 10);
        /* Needs the right to trace it (proc(5)); without it the state alone has to do. "running" is no sleep whatever
         * the state was: a call whose time-out is over gets ready to sleep, and does not. */
        n = read_text(pid, "syscall", text, sizeof text);
        if (n > 0 && isdigit((unsigned char)text[0]))
                look.call = strtol(text, NULL, 10);
        else if (n > 0 && look.state == 'S')
                look.state = 'R';
        *ret = look;
        return 0;
}

static const char *call_name(long number) {
        for (size_t i = 0; i < sizeof waiting_calls / sizeof waiting_calls[0]; i++)
                if (waiting_calls[i].number == number)
                        return waiting_calls[i].name;
        return NULL;
}

/* Asleep, in a call that waits, and the same sleep at both looks. */
static bool same_sleep(const Look *a, const Look *b) {
        return a->state == 'S' && b->state == 'S' && a->call == b->call && a->switches == b->switches &&
               (a->call < 0 || call_name(a->call));
}

int check_await_sleep(CheckRun *run, CheckProcess *process, char *text, size_t size) {
        uint64_t end = monotonic_end(CHECK_PATIENCE_USEC);
        Look before = { .state = '?' }, now;

        while (monotonic_now() < end) {
                CLEANUP(record_freep) Record *record = NULL;
                int r = check_hear(run, process, 0, &record);

                if (r >= 0)
                        return -EALREADY;
                if (r != -ETIMEDOUT)
                        return r;
                r = look_at(check_pid(run, process), &now);
                if (r < 0)
                        return r;
                if (same_sleep(&before, &now)) {
                        if (now.call < 0)
                                (void)snprintf(text, size, "asleep");
                        else
                                (void)snprintf(text, size, "asleep in %s", call_name(now.call));
                        return 0;
                }
                before = now;
                (void)usleep(2000);
        }
        return -ETIMEDOUT;
}

bool check_sleeps(CheckRun *run, CheckProcess *process, const char *who) {
        char text[64];
        int r = check_await_sleep(run, process, text, sizeof text);

        if (r == -EALREADY)
                check_note(run, "%s did not wait", who);
        else if (r < 0)
                check_note(run, "%s: never seen asleep: %s", who, check_errno(r));
        else
                check_note(run, "%s %s", who, text);
        return r >= 0;
}

int check_await_state(CheckRun *run, CheckProcess *process, char state) {
        uint64_t end = monotonic_end(CHECK_PATIENCE_USEC);

        while (monotonic_now() < end) {
                Look look;
                int r = look_at(check_pid(run, process), &look);

                if (r < 0)
                        return r;
                if (look.state == state)
                        return 0;
                (void)usleep(1000);
        }
        return -ETIMEDOUT;
}

int check_murder(CheckRun *run, CheckProcess *process) {
        int r = check_kill(run, process, SIGKILL);

        return r < 0 ? r : check_wait(run, process, CHECK_PATIENCE_USEC, NULL);
}

int check_path(const CheckRun *run, unsigned n, char ret_path[CHECK_PATH_MAX]) {
        int length = snprintf(ret_path, CHECK_PATH_MAX, "%s/ipcbus-%s-%u", run->directory, run->token, n);

        return length < 0 || length >= CHECK_PATH_MAX ? -ENAMETOOLONG : 0;
}

bool check_can_be_nobody(void) {
        return geteuid() == 0;
}

int check_public_folder(const CheckRun *run, char ret_path[CHECK_PATH_MAX]) {
        int length = snprintf(ret_path, CHECK_PATH_MAX, "%s/public", run->directory);

        if (length < 0 || length >= CHECK_PATH_MAX)
                return -ENAMETOOLONG;
        /* Apart from the umask. */
        if (mkdir(ret_path, 0700) < 0 || chmod(ret_path, 0711) < 0)
                return -errno;
        return 0;
}

CheckResult check_in_public_folder(CheckRun *run, CheckResult (*ask)(CheckRun *run, const char *folder)) {
        char folder[CHECK_PATH_MAX];
        CheckResult result;
        int r;

        if (!check_can_be_nobody())
                return check_skip(run, "only root can start a process of another user");
        r = check_public_folder(run, folder);
        if (r < 0)
                return check_fail(run, "a folder for it: %s", check_errno(r));
        result = ask(run, folder);
        if (rmdir(folder) < 0)
                return check_fail(run, "rmdir: %s", check_errno(errno));
        return result;
}
