/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Starts the process at the other end of a socket pair: ipcbusd here, or ssh to another host. In a process group of
 * its own, so that Ctrl-C reaches only us and the service ends in order, with its connection. Owns nothing. */
#include "embedded.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "output.h"

#define REMOTE_COMMAND                                                                              \
        "exec sh -c 'exec systemd-stdio-bridge --bus-path=\"${DBUS_SESSION_BUS_ADDRESS:-unix:path=" \
        "${XDG_RUNTIME_DIR:-/run/user/$(id -u)}/bus}\"'"

enum { EMBEDDED_FD = 3 };

static int spawn(char *const *argv, int fd, const int *targets, size_t n_targets, bool own_group, pid_t *ret_pid) {
        posix_spawn_file_actions_t actions;
        posix_spawnattr_t attributes;
        sigset_t none, all;
        short flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;

        if (own_group)
                flags |= POSIX_SPAWN_SETPGROUP;
        sigemptyset(&none);
        sigfillset(&all);
        posix_spawn_file_actions_init(&actions);
        posix_spawnattr_init(&attributes);
        for (size_t i = 0; i < n_targets; i++)
                posix_spawn_file_actions_adddup2(&actions, fd, targets[i]);
        posix_spawnattr_setsigmask(&attributes, &none);
        posix_spawnattr_setsigdefault(&attributes, &all);
        posix_spawnattr_setflags(&attributes, flags);
        int r = posix_spawnp(ret_pid, argv[0], &actions, &attributes, argv, environ);
        posix_spawnattr_destroy(&attributes);
        posix_spawn_file_actions_destroy(&actions);
        return -r;
}

static int start(
        char *const *argv, const int *targets, size_t n_targets, bool own_group, int *ret_fd, pid_t *ret_pid) {
        int pair[2];

        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
                return -errno;
        int r = spawn(argv, pair[1], targets, n_targets, own_group, ret_pid);
        close(pair[1]);
        if (r < 0) {
                close(pair[0]);
                return r;
        }
        *ret_fd = pair[0];
        return 0;
}

ExitCode embedded_start(int *ret_fd, pid_t *ret_pid) {
        static const int target = EMBEDDED_FD;
        const char *given = g_getenv("IPCBUS_DAEMON");
        const char *path = given != NULL && *given != '\0' ? given : IPCBUS_LIBEXECDIR "/ipcbusd";
        const char *argv[] = { path, "--fd", G_STRINGIFY(3), NULL };

        G_STATIC_ASSERT(EMBEDDED_FD == 3);
        int r = start((char *const *)argv, &target, 1, true, ret_fd, ret_pid);
        if (r < 0) {
                say("cannot start %s: %s%s", path, g_strerror(-r),
                        given == NULL ? "; IPCBUS_DAEMON can name it" : " (named by IPCBUS_DAEMON)");
                return EXIT_CODE_FAILED;
        }
        return EXIT_CODE_DONE;
}

ExitCode remote_start(const char *host, int *ret_fd, pid_t *ret_pid) {
        static const int targets[] = { STDIN_FILENO, STDOUT_FILENO };
        /* -x -T: nothing but the stream. "--" so that no host is taken for an option. The login shell over there may
         * be any; systemd-stdio-bridge of systemd 252 goes to the system bus even with --user, so the address is said.
         */
        const char *argv[] = { "ssh", "-xT", "--", host, REMOTE_COMMAND, NULL };

        int r = start((char *const *)argv, targets, G_N_ELEMENTS(targets), false, ret_fd, ret_pid);
        if (r < 0) {
                say("cannot start ssh: %s", g_strerror(-r));
                return EXIT_CODE_FAILED;
        }
        return EXIT_CODE_DONE;
}
