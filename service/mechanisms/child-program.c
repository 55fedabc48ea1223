/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "child-program.h"

/* The program is sleep(1). A pipe that execve(2) closes (O_CLOEXEC) tells that it has begun; where there is no such
 * program, a byte comes first. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"

static void execute(void (*before)(void), pid_t parent, int told) {
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent) {
                if (before)
                        before();
                execl("/bin/sleep", "sleep", "60", NULL);
                execl("/usr/bin/sleep", "sleep", "60", NULL);
        }
        (void)!write(told, "", 1);
        _exit(EXIT_FAILURE);
}

int child_program_start(void (*before)(void), pid_t *ret) {
        pid_t parent = getpid(), pid;
        int fds[2];
        ssize_t n;
        char c;

        if (pipe2(fds, O_CLOEXEC) < 0)
                return -errno;
        pid = fork();
        if (pid == 0)
                execute(before, parent, fds[1]);
        fd_close(fds[1]);
        do
                n = pid < 0 ? -1 : read(fds[0], &c, sizeof c);
        while (pid > 0 && n < 0 && errno == EINTR);
        fd_close(fds[0]);
        if (n == 0) {
                *ret = pid;
                return 0;
        }
        if (pid > 0)
                child_program_end(pid);
        return -ECHILD;
}

void child_program_end(pid_t pid) {
        (void)kill(pid, SIGKILL);
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
                ;
}
