/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "inet-fixture.h"

#include <net/if.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "inet-address.h"

void inet_fixture_apart(void (*run)(void)) {
        int status = 0;
        pid_t pid;

        pid = fork();
        g_assert_cmpint(pid, >=, 0);
        if (pid == 0) {
                if (unshare(CLONE_NEWNET) < 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
                        _exit(77);
                run();
                _exit(0);
        }
        g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
        if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
                g_test_skip("no network namespace can be made here");
        else
                g_assert_cmpint(status, ==, 0);
}

void inet_fixture_loopback_up(void) {
        struct ifreq request = { .ifr_name = "lo" };
        int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

        g_assert_cmpint(ioctl(fd, SIOCGIFFLAGS, &request), ==, 0);
        request.ifr_flags |= IFF_UP;
        g_assert_cmpint(ioctl(fd, SIOCSIFFLAGS, &request), ==, 0);
        close(fd);
}

uint16_t inet_fixture_port(int fd) {
        socklen_t length = sizeof(InetName);
        InetName name;

        g_assert_cmpint(getsockname(fd, &name.any, &length), ==, 0);
        return inet_name_port(&name);
}

int inet_fixture_socket(int family, int type, uint16_t *ret_port) {
        int fd = socket(family, type | SOCK_CLOEXEC, 0);
        InetName name;

        g_assert_cmpint(fd, >=, 0);
        g_assert_cmpint(inet_name_from_host(family == AF_INET6 ? "::1" : "127.0.0.1", 0, &name, NULL), ==, 0);
        g_assert_cmpint(bind(fd, &name.any, inet_name_size(&name)), ==, 0);
        if (type == SOCK_STREAM)
                g_assert_cmpint(listen(fd, 5), ==, 0);
        *ret_port = inet_fixture_port(fd);
        return fd;
}

int inet_fixture_connect(const KernelObject *object, int type) {
        InetName name;
        int fd;

        g_assert_cmpint(inet_address_to_name(&object->address, &name, NULL), ==, 0);
        fd = socket(name.any.sa_family, type | SOCK_CLOEXEC, 0);
        g_assert_cmpint(fd, >=, 0);
        g_assert_cmpint(connect(fd, &name.any, inet_name_size(&name)), ==, 0);
        return fd;
}

char *inet_fixture_address(const KernelObject *object) {
        char *address = address_print(&object->address);

        g_assert_nonnull(address);
        return address;
}
