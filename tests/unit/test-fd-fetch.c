/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Descriptors of what has no name, from real processes that have them: the same object comes out, or the right that is
 * missing is named. */
#include "fd-fetch.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <grp.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "child.h"
#include "proc-fdinfo.h"

enum { NOBODY = 65534 };

enum { PIPE, SOCKET, MEMORY, MEMORY_DEVICE, COUNTER };

/* All of these in a process that holds one end of each; the descriptors at hand are the parent's way to tell. */
static int hold_all(unsigned long long answers[CHILD_ANSWERS], void *userdata) {
        int pipe_fds[2], pair[2], memory, counter;
        uint64_t id = 0;
        struct stat st;

        if (pipe2(pipe_fds, O_CLOEXEC) < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
                return -errno;
        memory = memfd_create("ipcbus-unit", MFD_CLOEXEC);
        counter = eventfd(7, EFD_CLOEXEC | EFD_NONBLOCK);
        if (memory < 0 || counter < 0 || write(memory, "bytes", 5) != 5 || write(pipe_fds[1], "abc", 3) != 3 ||
                write(pair[0], "xyz", 3) != 3)
                return -errno;
        if (fstat(pipe_fds[0], &st) < 0)
                return -errno;
        answers[PIPE] = st.st_ino;
        if (fstat(pair[1], &st) < 0)
                return -errno;
        answers[SOCKET] = st.st_ino;
        if (fstat(memory, &st) < 0)
                return -errno;
        answers[MEMORY] = st.st_ino;
        answers[MEMORY_DEVICE] = st.st_dev;
        if (fdinfo_number(AT_FDCWD, "/proc/self/fdinfo/", counter, "eventfd-id:", &id) < 0)
                return -ENODATA;
        answers[COUNTER] = id;
        return 0;
}

static int fetch(HolderKeyType type, uint64_t number, uint64_t device, FetchWay way, int access) {
        HolderKey key = { .type = type, .number = number, .device = device };
        Error error = {};
        int fd = -EBADF, r;

        r = fd_fetch(&key, way, access, "what the test holds", &fd, &error);
        if (r < 0)
                g_error("%s", error.message);
        g_assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
        return fd;
}

static void test_each(void) {
        size_t before = open_descriptors();
        uint64_t value = 0;
        char bytes[8] = "";
        Child child;
        int fd;

        child_start(&child, hold_all, NULL);
        fd = fetch(HOLDER_PIPE, child.answers[PIPE], 0, FETCH_REOPEN, O_RDONLY);
        g_assert_cmpint(read(fd, bytes, sizeof bytes), ==, 3);
        g_assert_cmpmem(bytes, 3, "abc", 3);
        /* A description of its own: the holder's does not become non-blocking. */
        g_assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
        close(fd);
        fd = fetch(HOLDER_PIPE, child.answers[PIPE], 0, FETCH_REOPEN, O_WRONLY);
        g_assert_cmpint(write(fd, "d", 1), ==, 1);
        close(fd);
        fd = fetch(HOLDER_SOCKET, child.answers[SOCKET], 0, FETCH_DUPLICATE, O_RDWR);
        g_assert_cmpint(recv(fd, bytes, sizeof bytes, MSG_DONTWAIT), ==, 3);
        g_assert_cmpmem(bytes, 3, "xyz", 3);
        close(fd);
        fd = fetch(HOLDER_FILE, child.answers[MEMORY], child.answers[MEMORY_DEVICE], FETCH_REOPEN, O_RDWR);
        g_assert_cmpint(pread(fd, bytes, sizeof bytes, 0), ==, 5);
        g_assert_cmpmem(bytes, 5, "bytes", 5);
        close(fd);
        fd = fetch(HOLDER_EVENTFD, child.answers[COUNTER], 0, FETCH_DUPLICATE, O_RDWR);
        g_assert_cmpint(read(fd, &value, sizeof value), ==, sizeof value);
        g_assert_cmpuint(value, ==, 7);
        close(fd);
        child_end(&child);
        g_assert_cmpuint(open_descriptors(), ==, before);
}

static void test_gone(void) {
        HolderKey key = { .type = HOLDER_PIPE };
        Error error = {};
        Child child;
        int fd = -EBADF;

        child_start(&child, hold_all, NULL);
        key.number = child.answers[PIPE];
        child_end(&child);
        /* Where some process cannot be read, it may be the one that has it, and that is what is said. */
        g_assert_cmpint(fd_fetch(&key, FETCH_REOPEN, O_RDONLY, "pipe:[1]", &fd, &error), <, 0);
        if (error.code == ERROR_NO_SUCH_OBJECT)
                g_assert_nonnull(strstr(error.message, "No process has pipe:[1] open"));
        else {
                g_assert_cmpint(error.code, ==, ERROR_NOT_PERMITTED);
                g_assert_nonnull(strstr(error.message, "may not be looked into"));
        }
        g_assert_cmpint(fd, ==, -EBADF);
}

typedef struct Attempt {
        HolderKey key;
        FetchWay way;
        const char *named;
} Attempt;

static int become_nobody(void) {
        /* A change of user makes the process undumpable, prctl(2): its own /proc/self/fd would be closed to it. */
        return setgroups(0, NULL) < 0 || setresgid(NOBODY, NOBODY, NOBODY) < 0 ||
                               setresuid(NOBODY, NOBODY, NOBODY) < 0 || prctl(PR_SET_DUMPABLE, 1) < 0
                       ? -errno
                       : 0;
}

static int attempt_as_nobody(void *userdata) {
        const Attempt *attempt = userdata;
        Error error = {};
        int fd = -EBADF;

        if (become_nobody() < 0)
                return 10;
        if (fd_fetch(&attempt->key, attempt->way, O_RDWR, "it", &fd, &error) >= 0)
                return 11;
        if (error.code != ERROR_NOT_PERMITTED || !strstr(error.message, attempt->named)) {
                g_printerr("# %s\n", error.message);
                return 12;
        }
        return 0;
}

static void test_nobody(void) {
        Child child;

        if (geteuid() != 0) {
                g_test_skip("only root can become another user");
                return;
        }
        child_start(&child, hold_all, NULL);
        g_assert_cmpint(
                child_run(attempt_as_nobody, &(Attempt){ { .type = HOLDER_PIPE, .number = child.answers[PIPE] },
                                                     FETCH_REOPEN, "CAP_SYS_PTRACE" }),
                ==, 0);
        g_assert_cmpint(
                child_run(attempt_as_nobody, &(Attempt){ { .type = HOLDER_SOCKET, .number = child.answers[SOCKET] },
                                                     FETCH_DUPLICATE, "ptrace access" }),
                ==, 0);
        child_end(&child);
}

/* A process of nobody's that has what root made: it may be looked into, but the pipe stays root's. */
static int hold_as_nobody(unsigned long long answers[CHILD_ANSWERS], void *userdata) {
        int r = hold_all(answers, userdata);

        return r < 0 ? r : become_nobody();
}

static void test_owner(void) {
        Child child;

        if (geteuid() != 0) {
                g_test_skip("only root can become another user");
                return;
        }
        child_start(&child, hold_as_nobody, NULL);
        g_assert_cmpint(
                child_run(attempt_as_nobody, &(Attempt){ { .type = HOLDER_PIPE, .number = child.answers[PIPE] },
                                                     FETCH_REOPEN, "belongs to user 0" }),
                ==, 0);
        child_end(&child);
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/fd-fetch/each", test_each);
        g_test_add_func("/fd-fetch/gone", test_gone);
        g_test_add_func("/fd-fetch/nobody", test_nobody);
        g_test_add_func("/fd-fetch/owner", test_owner);
        return g_test_run();
}
