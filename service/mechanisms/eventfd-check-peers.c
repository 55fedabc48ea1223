/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "eventfd-checks.h"

/* What the peers of checks of eventfds can do, and the tools of the judge. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child-program.h"
#include "cleanup.h"
#include "eventfd-parts.h"
#include "peer-count.h"
#include "unix-checks.h"

static int number(CheckPeer *peer, int64_t n) {
        const int *place = peer_descriptor(peer, n);

        return place ? *place : -EBADF;
}

int64_t eventfd_add(int fd, uint64_t value) {
        return write(fd, &value, sizeof value) < 0 ? -errno : 0;
}

int64_t eventfd_take(int fd, uint64_t *ret) {
        return read(fd, ret, sizeof *ret) < 0 ? -errno : 0;
}

static int64_t call_add(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        return eventfd_add(number(peer, call->a), (uint64_t)call->b);
}

static int64_t call_take(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        uint64_t value = 0;
        int64_t r = eventfd_take(number(peer, call->a), &value);

        reply->x = (int64_t)value;
        return r;
}

static int64_t call_eventfd(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        int *place = peer_descriptor(peer, call->a);
        int fd = eventfd((unsigned)call->b, (int)call->c);

        if (fd < 0 || !place)
                return -errno;
        *place = fd;
        return 0;
}

static int64_t call_receive_descriptor(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        int *place = peer_descriptor(peer, call->b);

        return place ? socket_receive_fd(number(peer, call->a), place) : -EBADF;
}

static int64_t call_send_descriptor(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        return socket_send_fd(number(peer, call->a), number(peer, call->b));
}

/* A child that has nothing of its own adds, and ends. */
static int64_t call_fork_add(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        int fd = number(peer, call->a), status = 0;
        pid_t pid = fork();

        if (pid == 0)
                _exit((int)-eventfd_add(fd, (uint64_t)call->b));
        if (pid < 0 || waitpid(pid, &status, 0) < 0)
                return -errno;
        return WIFEXITED(status) ? -WEXITSTATUS(status) : -ECHILD;
}

/* -ENOENT where it is closed there, else its value. A program that begins opens its libraries, which may get the
 * number of what execve(2) closed. */
static int64_t call_in_program(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        EventfdInfo info = { 0 };
        char text[16];
        pid_t pid;
        int r = child_program_start(NULL, &pid);

        if (r < 0)
                return r;
        (void)snprintf(text, sizeof text, "%d", (int)pid);
        r = eventfd_info(text, number(peer, call->a), &info);
        child_program_end(pid);
        if (r == -EMEDIUMTYPE)
                return -ENOENT;
        return r < 0 ? r : (int64_t)info.count;
}

static int64_t call_get_descriptor(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        CLEANUP_FD int pidfd = (int)syscall(SYS_pidfd_open, (pid_t)call->a, 0);
        CLEANUP_FD int fd = -EBADF;

        if (pidfd < 0)
                return -errno;
        fd = (int)syscall(SYS_pidfd_getfd, pidfd, (int)call->b, 0);
        return fd < 0 ? -errno : 0;
}

static int lock(void *userdata) {
        uint64_t value;

        return (int)eventfd_take(*(int *)userdata, &value);
}

static int unlock(void *userdata) {
        return (int)eventfd_add(*(int *)userdata, 1);
}

static int64_t call_count(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        int fd = number(peer, call->a);

        return peer_add_locked(peer, call->c, call->b, &(PeerLock){ lock, unlock }, &fd);
}

static const PeerFunction functions[] = {
        { "add", call_add },
        { "take", call_take },
        { "eventfd", call_eventfd },
        { "receive-descriptor", call_receive_descriptor },
        { "send-descriptor", call_send_descriptor },
        { "fork-add", call_fork_add },
        { "in-program", call_in_program },
        { "get-descriptor", call_get_descriptor },
        { "count", call_count },
        PEER_COUNT_FUNCTIONS,
        {},
};

int eventfd_role(CheckPeer *peer) {
        return peer_serve(peer, functions);
}

bool eventfd_make(CheckRun *run, unsigned value, int flags, int *ret) {
        *ret = eventfd(value, EFD_CLOEXEC | flags);
        return check_need(run, "eventfd", *ret < 0 ? -errno : 0);
}

bool eventfd_begin(CheckRun *run, unsigned value, int flags, int *ret_fd, CheckProcess **ret) {
        return eventfd_make(run, value, flags, ret_fd) && peer_start(run, 0, ret_fd, 1, ret) >= 0;
}

bool eventfd_takes(CheckRun *run, int fd, uint64_t want) {
        uint64_t value = 0;

        return check_expect(run, "read", eventfd_take(fd, &value), 0) &&
               check_expect(run, "the value read", (int64_t)value, (int64_t)want);
}

int64_t eventfd_polled(int fd, short events) {
        struct pollfd state = { .fd = fd, .events = events };

        return poll(&state, 1, 0) < 0 ? -errno : state.revents;
}
