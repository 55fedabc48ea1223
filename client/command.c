/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One program at a time. The terminal sends its signals to the whole group, so they are ignored here while it runs, as
 * a shell does it. */
#include "command.h"

#include <errno.h>
#include <glib.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "output.h"

static volatile sig_atomic_t running;

static void pass_on(int signal) {
        if (running > 0)
                (void)kill(running, signal);
}

static int start(char **argv, pid_t *ret_pid) {
        posix_spawnattr_t attributes;
        sigset_t all, none;
        int r;

        (void)sigfillset(&all);
        (void)sigemptyset(&none);
        r = posix_spawnattr_init(&attributes);
        if (r != 0)
                return r;
        (void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
        (void)posix_spawnattr_setsigdefault(&attributes, &all);
        (void)posix_spawnattr_setsigmask(&attributes, &none);
        r = posix_spawnp(ret_pid, argv[0], NULL, &attributes, argv, environ);
        (void)posix_spawnattr_destroy(&attributes);
        return r;
}

static int wait_for(pid_t pid) {
        int status;

        while (waitpid(pid, &status, 0) < 0)
                if (errno != EINTR)
                        return COMMAND_FAILED;
        return WIFEXITED(status) ? WEXITSTATUS(status) : COMMAND_KILLED + WTERMSIG(status);
}

int command_run(char **argv) {
        static const struct {
                int signal;
                void (*handler)(int signal);
        } ours[] = { { SIGINT, SIG_IGN }, { SIGQUIT, SIG_IGN }, { SIGTERM, pass_on }, { SIGHUP, pass_on } };
        struct sigaction old[G_N_ELEMENTS(ours)];
        pid_t pid = 0;
        int r;

        running = 0;
        for (size_t i = 0; i < G_N_ELEMENTS(ours); i++) {
                struct sigaction action = { .sa_handler = ours[i].handler };

                (void)sigaction(ours[i].signal, &action, &old[i]);
        }
        r = start(argv, &pid);
        if (r == 0) {
                running = pid;
                r = wait_for(pid);
                running = 0;
        } else {
                say("%s: %s", argv[0], g_strerror(r));
                r = r == ENOENT ? COMMAND_NOT_FOUND : COMMAND_NOT_STARTED;
        }
        for (size_t i = 0; i < G_N_ELEMENTS(ours); i++)
                (void)sigaction(ours[i].signal, &old[i], NULL);
        return r;
}
