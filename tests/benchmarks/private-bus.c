/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Starting and ending a bus daemon and the services on it. All of them die with this process. */
#include "private-bus.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "figures.h"

#define PATIENCE_USEC (10 * UINT64_C(1000000))

static pid_t start(const char *const argv[], int out) {
        pid_t parent = getpid(), pid = fork();

        if (pid != 0)
                return pid;
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
                _exit(127);
        if (out >= 0)
                dup2(out, STDOUT_FILENO);
        execv(argv[0], (char *const *)argv);
        execvp(argv[0], (char *const *)argv);
        fprintf(stderr, "%s: %s\n", argv[0], strerror(errno));
        _exit(127);
}

static int read_address(int fd, char *address, size_t size) {
        size_t n = 0;
        ssize_t got;

        while (n < size - 1 && (got = read(fd, address + n, size - 1 - n)) > 0) {
                n += (size_t)got;
                if (memchr(address, '\n', n) != NULL)
                        break;
        }
        address[n] = 0;
        address[strcspn(address, "\n")] = 0;
        return n > 0 ? 0 : -EIO;
}

static int connect_bus(const char *address, sd_bus **ret) {
        sd_bus *bus = NULL;
        int r;

        r = sd_bus_new(&bus);
        if (r >= 0)
                r = sd_bus_set_address(bus, address);
        if (r >= 0)
                r = sd_bus_set_bus_client(bus, 1);
        if (r >= 0)
                r = sd_bus_start(bus);
        if (r < 0) {
                sd_bus_unref(bus);
                return r;
        }
        *ret = bus;
        return 0;
}

int private_bus_start(PrivateBus *bus) {
        char listen[96], address[512] = "";
        const char *argv[] = { "dbus-daemon", "--session", "--nofork", "--nopidfile", "--print-address=1", listen,
                NULL };
        const char *place;
        int ends[2], r;

        *bus = (PrivateBus){ .daemon = -1 };
        snprintf(bus->place, sizeof bus->place, "/tmp/ipcbus-bench.XXXXXX");
        place = mkdtemp(bus->place);
        if (place == NULL)
                return -errno;
        snprintf(listen, sizeof listen, "--address=unix:path=%s/bus", place);
        setenv("XDG_RUNTIME_DIR", bus->place, 1);
        if (pipe2(ends, O_CLOEXEC) < 0)
                return -errno;
        bus->daemon = start(argv, ends[1]);
        close(ends[1]);
        r = bus->daemon < 0 ? -errno : read_address(ends[0], address, sizeof address);
        close(ends[0]);
        if (r < 0)
                return r;
        setenv("DBUS_SESSION_BUS_ADDRESS", address, 1);
        return connect_bus(address, &bus->bus);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at) {
        return remove(path);
}

void private_bus_end(PrivateBus *bus) {
        sd_bus_flush_close_unref(bus->bus);
        if (bus->daemon > 0)
                private_bus_stop(bus->daemon);
        (void)nftw(bus->place, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static int owner_changed(sd_bus_message *message, void *userdata, sd_bus_error *ret_error) {
        const char *name, *before, *after;
        int *owned = userdata;

        if (sd_bus_message_read(message, "sss", &name, &before, &after) >= 0)
                *owned = after[0] != 0;
        return 0;
}

int private_bus_run(PrivateBus *bus, const char *const argv[], const char *name, pid_t *ret_pid, double *ret_nsec) {
        char match[256];
        sd_bus_slot *slot = NULL;
        uint64_t begin;
        int owned = 0, r;
        pid_t pid;

        snprintf(match, sizeof match,
                "type='signal',sender='org.freedesktop.DBus',member='NameOwnerChanged',arg0='%s'", name);
        r = sd_bus_add_match(bus->bus, &slot, match, owner_changed, &owned);
        if (r < 0)
                return r;
        begin = now_nanoseconds();
        pid = start(argv, -1);
        while (pid > 0 && !owned) {
                r = sd_bus_process(bus->bus, NULL);
                if (r == 0)
                        r = sd_bus_wait(bus->bus, PATIENCE_USEC);
                if (r < 0 || now_nanoseconds() - begin > PATIENCE_USEC * 1000)
                        break;
        }
        *ret_nsec = (double)(now_nanoseconds() - begin);
        sd_bus_slot_unref(slot);
        if (!owned) {
                if (pid > 0)
                        private_bus_stop(pid);
                fprintf(stderr, "%s did not take the name %s\n", argv[0], name);
                return -ETIMEDOUT;
        }
        *ret_pid = pid;
        return 0;
}

void private_bus_stop(pid_t pid) {
        kill(pid, SIGTERM);
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
                ;
}
