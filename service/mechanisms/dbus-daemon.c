/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The configuration goes to the daemon through a memfd, and its readiness is told by the address that it prints. */
#include "dbus-daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"

enum {
        START_MSEC = 10 * 1000,
        STATUS_NO_DAEMON = 127, /* as a shell says it */
};

static int configuration_new(const char *address, const char *more, int *ret_fd) {
        CLEANUP_FD int fd = memfd_create("ipcbus-dbus-conf", MFD_CLOEXEC);

        if (fd < 0)
                return -errno;
        if (dprintf(fd,
                    "<!DOCTYPE busconfig PUBLIC \"-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN\"\n"
                    " \"http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd\">\n"
                    "<busconfig>\n"
                    "  <type>session</type>\n"
                    "  <listen>%s</listen>\n"
                    "  <auth>EXTERNAL</auth>\n"
                    "  <policy context=\"default\">\n"
                    "    <allow send_destination=\"*\" eavesdrop=\"true\"/>\n"
                    "    <allow eavesdrop=\"true\"/>\n"
                    "    <allow own=\"*\"/>\n"
                    "  </policy>\n"
                    "  <limit name=\"max_message_size\">%d</limit>\n"
                    "  <limit name=\"max_incoming_bytes\">%d</limit>\n"
                    "  <limit name=\"max_outgoing_bytes\">%d</limit>\n"
                    "%s\n"
                    "</busconfig>\n",
                    address, PRIVATE_BUS_MESSAGE_MAX, PRIVATE_BUS_INCOMING_MAX, 4 * PRIVATE_BUS_INCOMING_MAX,
                    more) < 0)
                return -errno;
        *ret_fd = fd_take(&fd);
        return 0;
}

static _Noreturn void run_daemon(pid_t parent, int configuration, int out) {
        char file[64], print[64];
        char *const arguments[] = { (char *)"dbus-daemon", file, (char *)"--nofork", (char *)"--nopidfile",
                (char *)"--nosyslog", print, NULL };
        sigset_t none;

        sigemptyset(&none);
        (void)sigprocmask(SIG_SETMASK, &none, NULL);
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
                _exit(EXIT_FAILURE);
        /* It opens the file by name, and writes to the number: both have to live through the exec. What it says of
         * limits that it cannot raise is no news. */
        if (dup2(open("/dev/null", O_RDWR | O_CLOEXEC), STDERR_FILENO) < 0 || fcntl(configuration, F_SETFD, 0) < 0 ||
                fcntl(out, F_SETFD, 0) < 0)
                _exit(EXIT_FAILURE);
        (void)snprintf(file, sizeof(file), "--config-file=/proc/self/fd/%d", configuration);
        (void)snprintf(print, sizeof(print), "--print-address=%d", out);
        (void)execvp(arguments[0], arguments);
        _exit(STATUS_NO_DAEMON);
}

/* One line, when it listens. */
static int await_ready(int in) {
        struct pollfd p = { .fd = in, .events = POLLIN };
        char line[256];
        int r;

        do
                r = poll(&p, 1, START_MSEC);
        while (r < 0 && errno == EINTR);
        if (r == 0)
                return -ETIMEDOUT;
        return read(in, line, sizeof(line)) > 0 ? 0 : -EPIPE;
}

static void choose_address(const char *directory, const char *token, PrivateBus *bus) {
        struct sockaddr_un name;
        int n;

        for (unsigned i = 0;; i++) {
                n = snprintf(bus->path, sizeof(bus->path), "%s/ipcbus-%.40s-bus-%u", directory, token, i);
                if (n < 0 || (size_t)n >= sizeof(name.sun_path)) {
                        bus->path[0] = '\0';
                        (void)snprintf(bus->address, sizeof(bus->address), "unix:abstract=ipcbus-%.40s-bus-%d", token,
                                (int)getpid());
                        return;
                }
                if (access(bus->path, F_OK) < 0)
                        break;
        }
        if (snprintf(bus->address, sizeof(bus->address), "unix:path=%s", bus->path) >= (int)sizeof(bus->address))
                bus->address[0] = '\0';
}

static int bus_died(pid_t pid, int r, Error *error) {
        int status = 0;

        (void)kill(pid, SIGKILL);
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
                ;
        if (WIFEXITED(status) && WEXITSTATUS(status) == STATUS_NO_DAEMON)
                return error_set(error, ERROR_NOT_SUPPORTED,
                        "dbus-daemon(1) cannot be started here; on Debian it is in the package dbus-daemon.");
        if (r == -ETIMEDOUT)
                return error_set(error, ERROR_TIMED_OUT, "dbus-daemon(1) did not listen within 10 s.");
        return error_set(error, ERROR_FAILED, "dbus-daemon(1) ended before it listened.");
}

int private_bus_start_with(const char *directory, const char *token, const char *more, PrivateBus *ret, Error *error) {
        CLEANUP_FD int configuration = -EBADF, in = -EBADF, out = -EBADF;
        PrivateBus bus = { 0 };
        pid_t parent = getpid();
        int fds[2], r;

        choose_address(directory, token, &bus);
        r = configuration_new(bus.address, more, &configuration);
        if (r >= 0 && pipe2(fds, O_CLOEXEC) < 0)
                r = -errno;
        if (r < 0)
                return error_set_errno(error, r, "A bus of our own cannot be started");
        in = fds[0];
        out = fds[1];
        bus.pid = fork();
        if (bus.pid < 0)
                return error_set_errno(error, errno, "A bus of our own cannot be started");
        if (bus.pid == 0)
                run_daemon(parent, configuration, out);
        out = fd_close(out);
        r = await_ready(in);
        if (r < 0)
                return bus_died(bus.pid, r, error);
        *ret = bus;
        return 0;
}

int private_bus_start(const char *directory, const char *token, PrivateBus *ret, Error *error) {
        return private_bus_start_with(directory, token, "", ret, error);
}

void private_bus_stop(PrivateBus *bus) {
        if (bus->pid <= 0)
                return;
        (void)kill(bus->pid, SIGKILL);
        while (waitpid(bus->pid, NULL, 0) < 0 && errno == EINTR)
                ;
        if (bus->path[0])
                (void)unlink(bus->path);
        bus->pid = 0;
}
