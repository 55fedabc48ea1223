/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-judge.h"

/* The engine as a check sees it. The judge owns its peers: whatever the check leaves running is killed by pid and
 * reaped after it. A check that leaves a descriptor or an unknown child behind has failed. */
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "channel.h"
#include "mechanism.h"
#include "test-peer.h"
#include "units.h"

enum {
        PEERS_MAX = 64,
        NOTE_MAX = 400,
};

struct CheckProcess {
        CheckRun *run;
        pid_t pid;
        int control;
        bool reaped;
        int status;
};

/* One judge a process, so it may stand here. */
static struct Judge {
        int channel;
        CheckProcess *peers[PEERS_MAX];
        size_t n_peers;
} judge;

static void judge_send(const char *key, const char *text, CheckResult result) {
        Record *record = NULL;

        if (record_new(&record) < 0)
                return;
        if (text)
                record_set_string(record, key, text);
        else
                record_set_u64(record, key, (uint64_t)result);
        (void)channel_send(judge.channel, record);
        record_free(record);
}

__attribute__((format(printf, 2, 0))) static void engine_evidence(
        CheckRun *run, const char *format, va_list arguments) {
        char text[NOTE_MAX];

        if (vsnprintf(text, sizeof text, format, arguments) > 0)
                judge_send("note", text, 0);
}

static void start_child(CheckRun *run, const PeerOrder *order, pid_t parent, int control) {
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
                _exit(EXIT_FAILURE);
        if (run->relation == CHECK_FORKED)
                test_peer_fork(order, control);
        (void)test_peer_execute(control);
        _exit(EXIT_FAILURE);
}

static int engine_start(
        CheckRun *run, CheckPlace place, unsigned role, Link *link, const Record *arguments, CheckProcess **ret) {
        PeerOrder order = {
                .mechanism = run->mechanism,
                .check = run->check,
                .place = place,
                .role = role,
                .token = run->token,
                .directory = run->directory,
                .link = link,
                .arguments = arguments,
        };
        CheckProcess *process;
        pid_t parent = getpid();
        int fds[2], r;

        if (role >= CHECK_ROLES_MAX || !run->check->roles[role])
                return -EINVAL;
        if (judge.n_peers == PEERS_MAX)
                return -EMFILE;
        r = channel_pair(fds);
        if (r < 0)
                return r;
        process = calloc(1, sizeof *process);
        if (!process)
                r = -ENOMEM;
        else {
                *process = (CheckProcess){ .run = run, .control = fds[0], .pid = fork() };
                if (process->pid < 0)
                        r = -errno;
        }
        if (r >= 0 && process->pid == 0)
                start_child(run, &order, parent, fds[1]);
        close(fds[1]);
        if (r < 0) {
                close(fds[0]);
                free(process);
                return r;
        }
        judge.peers[judge.n_peers++] = process;
        *ret = process;
        return run->relation == CHECK_EXECUTED ? test_peer_send_order(&order, process->control) : 0;
}

static int engine_say(CheckProcess *process, const Record *record) {
        return channel_send(process->control, record);
}

static int engine_hear(CheckProcess *process, uint64_t timeout_usec, Record **ret) {
        Record *record = NULL;
        const char *failure;
        int r = channel_receive(process->control, timeout_usec, &record);

        if (r < 0)
                return r;
        failure = record_get_string(record, "peer-error", NULL);
        if (failure) {
                check_note(process->run, "peer: %s", failure);
                record_free(record);
                return -ECONNABORTED;
        }
        *ret = record;
        return 0;
}

static pid_t engine_pid(const CheckProcess *process) {
        return process->pid;
}

static int engine_kill(CheckProcess *process, int signal) {
        if (process->reaped)
                return -ESRCH;
        return kill(process->pid, signal) < 0 ? -errno : 0;
}

static int engine_wait(CheckProcess *process, uint64_t timeout_usec, int *ret_status) {
        struct pollfd p = { .events = POLLIN };
        int r;

        if (!process->reaped) {
                uint64_t msec = (timeout_usec + USEC_PER_MSEC - 1) / USEC_PER_MSEC;

                p.fd = (int)syscall(SYS_pidfd_open, process->pid, 0);
                if (p.fd < 0)
                        return -errno;
                do
                        r = poll(&p, 1, msec > 3600 * 1000 ? 3600 * 1000 : (int)msec);
                while (r < 0 && errno == EINTR);
                close(p.fd);
                if (r == 0)
                        return -ETIMEDOUT;
                if (waitpid(process->pid, &process->status, 0) < 0)
                        return -errno;
                process->reaped = true;
        }
        if (ret_status)
                *ret_status = process->status;
        return 0;
}

static const struct CheckEngine test_engine = {
        .start = engine_start,
        .say = engine_say,
        .hear = engine_hear,
        .pid = engine_pid,
        .kill = engine_kill,
        .wait = engine_wait,
        .evidence = engine_evidence,
};

static void end_peers(void) {
        for (size_t i = 0; i < judge.n_peers; i++) {
                CheckProcess *process = judge.peers[i];

                if (!process->reaped) {
                        kill(process->pid, SIGKILL);
                        while (waitpid(process->pid, NULL, 0) < 0 && errno == EINTR)
                                ;
                }
                close(process->control);
                free(process);
        }
        judge.n_peers = 0;
}

int descriptors_read(Descriptors *ret) {
        DIR *directory = opendir("/proc/self/fd");
        struct dirent *entry;

        if (!directory)
                return -errno;
        ret->n = 0;
        while ((entry = readdir(directory))) {
                char *end;
                long fd = strtol(entry->d_name, &end, 10);

                if (end != entry->d_name && *end == '\0' && fd != dirfd(directory) && ret->n < DESCRIPTORS_MAX)
                        ret->fds[ret->n++] = (int)fd;
        }
        closedir(directory);
        return 0;
}

int descriptors_new(const Descriptors *before, const Descriptors *now) {
        for (size_t i = 0; i < now->n; i++) {
                bool known = false;

                for (size_t j = 0; j < before->n && !known; j++)
                        known = before->fds[j] == now->fds[i];
                if (!known)
                        return now->fds[i];
        }
        return -1;
}

static CheckResult left_behind(CheckRun *run, const Descriptors *before, CheckResult result) {
        static Descriptors now;
        pid_t pid = waitpid(-1, NULL, WNOHANG);
        int fd;

        if (pid >= 0)
                result = check_fail(run, "left behind: a child process");
        if (descriptors_read(&now) < 0)
                return result;
        fd = descriptors_new(before, &now);
        if (fd >= 0) {
                char path[64], target[256] = "";

                (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
                if (readlink(path, target, sizeof target - 1) < 0)
                        target[0] = '\0';
                result = check_fail(run, "left behind: descriptor %d (%s)", fd, target);
        }
        return result;
}

void test_judge_run(const Mechanism *mechanism, const Check *check, CheckRelation relation, const char *token,
        const char *directory, int channel) {
        CheckRun run = {
                .mechanism = mechanism,
                .check = check,
                .relation = relation,
                .token = token,
                .directory = directory,
                .engine = &test_engine,
        };
        static Descriptors before;
        CheckResult result;
        int r;

        (void)prctl(PR_SET_NAME, "ipcbus-judge");
        /* The service's channel and whatever else the engine holds are none of a check's business. */
        for (int fd = STDERR_FILENO + 1; fd < channel; fd++)
                close(fd);
        (void)close_range((unsigned)channel + 1, ~0U, 0);
        judge = (struct Judge){ .channel = channel };
        r = descriptors_read(&before);
        result = check->run(&run);
        if (result == CHECK_FAILED && run.untestable)
                result = CHECK_SKIPPED;
        /* What one process sees of its own calls proves nothing of others. */
        if (result == CHECK_OK && check->roles[0] && judge.n_peers == 0)
                result = check_fail(&run, "no other process took part");
        end_peers();
        if (r >= 0)
                result = left_behind(&run, &before, result);
        judge_send("result", NULL, result);
        _exit(EXIT_SUCCESS);
}
