/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guard.h"

/* It does not die with the service as its child does, but sleeps until the child or the channel ends. It owns the
 * child through a pidfd, and as subreaper all that the child leaves. */
#include <errno.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mechanism.h"
#include "test-engine.h"

enum {
        NESTED_MAX = 8,
        ENDING_MSEC = 200,
};

typedef struct Guard {
        pid_t child;
        int pidfd, channel;
        const char *token, *directory;
} Guard;

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw) {
        (void)remove(path);
        return 0;
}

static bool is_of_this_job(const Guard *guard) {
        const char *slash = strrchr(guard->directory, '/');

        return slash && guard->token[0] && strstr(slash, guard->token);
}

static _Noreturn void tidy_up(const Guard *guard) {
        pid_t left;

        (void)residue_end_children(&left);
        for (size_t i = 0; i < mechanism_table_size; i++)
                if (mechanism_table[i]->sweep)
                        mechanism_table[i]->sweep(guard->token);
        if (is_of_this_job(guard))
                (void)nftw(guard->directory, remove_entry, NESTED_MAX, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
        _exit(EXIT_FAILURE);
}

/* As the child ended, so that the service hears of a crash what it would hear of the child's. */
static _Noreturn void end_as(int status) {
        if (WIFSIGNALED(status)) {
                (void)signal(WTERMSIG(status), SIG_DFL);
                (void)raise(WTERMSIG(status));
        }
        _exit(WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILURE);
}

static _Noreturn void stand(const Guard *guard) {
        struct pollfd wait[] = { { .fd = guard->pidfd, .events = POLLIN }, { .fd = guard->channel } };
        bool alone;
        pid_t left;
        int status = 0;

        while (poll(wait, sizeof wait / sizeof wait[0], -1) < 0 && errno == EINTR)
                ;
        alone = wait[1].revents != 0;
        /* Who has heard the end may hang up before the child, which said it, has ended. */
        if (alone && poll(wait, 1, ENDING_MSEC) <= 0)
                (void)kill(guard->child, SIGKILL);
        while (waitpid(guard->child, &status, 0) < 0 && errno == EINTR)
                ;
        if (alone && !(WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS))
                tidy_up(guard);
        (void)residue_end_children(&left);
        end_as(status);
}

int guard_fork(int channel, const char *token, const char *directory) {
        Guard guard = { .channel = channel, .token = token, .directory = directory };
        pid_t parent = getpid();

        if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0 || prctl(PR_SET_PDEATHSIG, 0) < 0)
                return -errno;
        guard.child = fork();
        if (guard.child < 0)
                return -errno;
        if (guard.child == 0) {
                if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
                        _exit(EXIT_FAILURE);
                return 0;
        }
        (void)prctl(PR_SET_NAME, "ipcbus-guard");
        guard.pidfd = (int)syscall(SYS_pidfd_open, guard.child, 0);
        if (guard.pidfd < 0) {
                int r = -errno;

                (void)kill(guard.child, SIGKILL);
                (void)waitpid(guard.child, NULL, 0);
                return r;
        }
        stand(&guard);
}
