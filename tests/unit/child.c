/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Children for tests. The Child owns its process and the pipe that keeps it. */
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <glib.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct Report {
        int result;
        unsigned long long answers[CHILD_ANSWERS];
} Report;

void child_start(
        Child *child, int (*work)(unsigned long long answers[CHILD_ANSWERS], void *userdata), void *userdata) {
        Report report = { .result = -EIO };
        int stay[2], report_fds[2];
        char byte;

        g_assert_cmpint(pipe2(stay, O_CLOEXEC), ==, 0);
        g_assert_cmpint(pipe2(report_fds, O_CLOEXEC), ==, 0);
        child->pid = fork();
        g_assert_cmpint(child->pid, >=, 0);
        if (child->pid == 0) {
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                close(stay[1]);
                close(report_fds[0]);
                report.result = work(report.answers, userdata);
                if (write(report_fds[1], &report, sizeof(report)) != sizeof(report))
                        _exit(1);
                close(report_fds[1]);
                while (read(stay[0], &byte, 1) < 0 && errno == EINTR)
                        ;
                _exit(0);
        }
        close(stay[0]);
        close(report_fds[1]);
        child->stay = stay[1];
        g_assert_cmpint(read(report_fds[0], &report, sizeof(report)), ==, sizeof(report));
        close(report_fds[0]);
        if (report.result < 0)
                g_error("The child failed: %s", g_strerror(-report.result));
        memcpy(child->answers, report.answers, sizeof(report.answers));
}

static int child_wait(pid_t pid) {
        int status;

        while (waitpid(pid, &status, 0) < 0)
                g_assert_cmpint(errno, ==, EINTR);
        return status;
}

/* Told, as closing is not enough: children that were started later have a copy of the pipe. */
void child_end(Child *child) {
        g_assert_cmpint(write(child->stay, "", 1), ==, 1);
        close(child->stay);
        child_wait(child->pid);
}

int child_run(int (*work)(void *userdata), void *userdata) {
        pid_t pid = fork();
        int status;

        g_assert_cmpint(pid, >=, 0);
        if (pid == 0) {
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                _exit(work(userdata));
        }
        status = child_wait(pid);
        g_assert_true(WIFEXITED(status));
        return WEXITSTATUS(status);
}

char *directory_new(void) {
        char *directory = g_dir_make_tmp("ipcbus-unit-XXXXXX", NULL);

        g_assert_nonnull(directory);
        /* Other users have to reach what is in it. */
        g_assert_cmpint(chmod(directory, 0755), ==, 0);
        return directory;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *where) {
        (void)st;
        (void)type;
        (void)where;
        return remove(path);
}

void directory_remove(char *directory) {
        g_assert_cmpint(nftw(directory, remove_one, 16, FTW_DEPTH | FTW_PHYS), ==, 0);
        g_free(directory);
}

size_t open_descriptors(void) {
        g_autoptr(GDir) directory = g_dir_open("/proc/self/fd", 0, NULL);
        size_t n = 0;

        g_assert_nonnull(directory);
        while (g_dir_read_name(directory))
                n++;
        return n;
}
