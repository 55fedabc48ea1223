/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "eventfd-checks.h"

/* Who has an eventfd, how others come to it, and what they can do to each other with it. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include "cleanup.h"
#include "eventfd-parts.h"

CheckResult eventfd_no_direction(CheckRun *run) {
        CLEANUP_FD int fd = -EBADF;
        CheckProcess *peer;

        if (!eventfd_begin(run, 0, EFD_NONBLOCK, &fd, &peer) ||
                !check_expect(run, "write of 4 here", eventfd_add(fd, 4), 0) || !eventfd_takes(run, fd, 4) ||
                !check_expect(run, "the peer's read", peer_call(run, peer, "take", 0), -EAGAIN))
                return CHECK_FAILED;
        return check_ok(run, "who wrote it read it again; nothing was left for the other (EAGAIN)");
}

/* Both have descriptors of the same open file description, where O_NONBLOCK is kept (fcntl(2)). */
CheckResult eventfd_one_description(CheckRun *run) {
        CLEANUP_FD int fd = -EBADF;
        CheckProcess *peer;
        uint64_t value;

        if (!eventfd_begin(run, 0, 0, &fd, &peer) ||
                !check_expect(run, "O_NONBLOCK here", fcntl(fd, F_GETFL) & O_NONBLOCK, 0) ||
                !check_expect(run, "the peer sets it", peer_call(run, peer, "nonblock", 0, 1), 0) ||
                !check_expect(run, "O_NONBLOCK here then", fcntl(fd, F_GETFL) & O_NONBLOCK, O_NONBLOCK) ||
                !check_expect(run, "read here", eventfd_take(fd, &value), -EAGAIN))
                return CHECK_FAILED;
        return check_ok(run, "the peer set O_NONBLOCK for itself: a read here, that would have waited, gives EAGAIN");
}

CheckResult eventfd_forked(CheckRun *run) {
        CLEANUP_FD int fd = -EBADF;
        CheckProcess *peer;

        if (!eventfd_begin(run, 0, EFD_NONBLOCK, &fd, &peer) ||
                !check_expect(run, "write of 3 by the peer's child", peer_call(run, peer, "fork-add", 0, 3), 0) ||
                !check_expect(run, "write of 4 by the peer", peer_call(run, peer, "add", 0, 4), 0) ||
                !eventfd_takes(run, fd, 7))
                return CHECK_FAILED;
        return check_ok(run, "3 by a child of the peer, 4 by the peer: 7 read here, one counter");
}

CheckResult eventfd_program(CheckRun *run) {
        int64_t plain, cloexec;
        CheckProcess *peer;

        if (peer_start(run, 0, NULL, 0, &peer) < 0 ||
                !check_expect(run, "eventfd", peer_call(run, peer, "eventfd", PEER_SLOT, 5), 0) ||
                !check_expect(run, "eventfd", peer_call(run, peer, "eventfd", PEER_SLOT + 1, 6, EFD_CLOEXEC), 0))
                return CHECK_FAILED;
        plain = peer_call(run, peer, "in-program", PEER_SLOT);
        if (plain == -ECHILD)
                return check_skip(run, "no program could be executed that would show it (sleep)");
        cloexec = peer_call(run, peer, "in-program", PEER_SLOT + 1);
        if (!check_expect(run, "without EFD_CLOEXEC, its value there", plain, 5) ||
                !check_expect(run, "with EFD_CLOEXEC", cloexec, -ENOENT))
                return CHECK_FAILED;
        return check_ok(
                run, "a program that a child executed has it, with its 5; the one with EFD_CLOEXEC is not there");
}

CheckResult eventfd_shown(CheckRun *run) {
        EventfdInfo info = { 0 };
        CLEANUP_FD int fd = -EBADF;
        CheckProcess *peer;
        char pid[16];

        if (!eventfd_begin(run, 3, EFD_NONBLOCK, &fd, &peer) ||
                !check_expect(run, "write of 8", peer_call(run, peer, "add", 0, 8), 0))
                return CHECK_FAILED;
        (void)snprintf(pid, sizeof pid, "%d", (int)getpid());
        if (!check_need(run, "fdinfo", eventfd_info(pid, fd, &info)) ||
                !check_expect(run, "eventfd-count", (int64_t)info.count, 11) || !eventfd_takes(run, fd, 11))
                return CHECK_FAILED;
        return check_ok(run, "fdinfo says 11, and a read after it still gives 11");
}

CheckResult eventfd_no_rights(CheckRun *run) {
        CLEANUP_FD int fd = -EBADF;
        CheckProcess *peer;
        int flags;

        if (!eventfd_make(run, 0, EFD_NONBLOCK, &fd) ||
                peer_start_at(run, CHECK_PLACE_OTHER_USER, 0, &fd, 1, &peer) < 0)
                return CHECK_FAILED;
        flags = fcntl(fd, F_GETFL);
        if (!check_expect(run, "open for reading and writing", flags < 0 ? -errno : flags & O_ACCMODE, O_RDWR) ||
                !check_expect(run, "write by the other user", peer_call(run, peer, "add", 0, 5), 0) ||
                !eventfd_takes(run, fd, 5) || !check_expect(run, "write here", eventfd_add(fd, 2), 0) ||
                !check_expect(run, "read by the other user", peer_call(run, peer, "take", 0), 0))
                return CHECK_FAILED;
        return check_ok(run, "always O_RDWR: the user %d, who was given it, added and took", CHECK_NOBODY);
}

CheckResult eventfd_other_user_refused(CheckRun *run) {
        CLEANUP_FD int fd = -EBADF;
        CheckProcess *peer;
        char path[64];

        if (!eventfd_make(run, 1, EFD_NONBLOCK, &fd) ||
                peer_start_at(run, CHECK_PLACE_OTHER_USER, 0, NULL, 0, &peer) < 0)
                return CHECK_FAILED;
        (void)snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)getpid(), fd);
        if (!check_expect(run, "open of /proc/PID/fd/N by another user",
                    peer_call(run, peer, "open", PEER_SLOT, O_RDWR, .text = path), -EACCES) ||
                !check_expect(run, "pidfd_getfd by another user", peer_call(run, peer, "get-descriptor", getpid(), fd),
                        -EPERM))
                return CHECK_FAILED;
        return check_ok(
                run, "the user %d, who was not given it: open through /proc EACCES, pidfd_getfd EPERM", CHECK_NOBODY);
}

CheckResult eventfd_no_descriptors(CheckRun *run) {
        CLEANUP_FD int fd = -EBADF;
        CheckProcess *peer;

        if (!eventfd_begin(run, 0, EFD_NONBLOCK, &fd, &peer) ||
                !check_expect(run, "setrlimit", peer_call(run, peer, "limit", RLIMIT_NOFILE, 1), 0) ||
                !check_expect(run, "eventfd", peer_call(run, peer, "eventfd", PEER_SLOT), -EMFILE) ||
                !check_expect(run, "write of 9", peer_call(run, peer, "add", 0, 9), 0) || !eventfd_takes(run, fd, 9))
                return CHECK_FAILED;
        return check_ok(run, "RLIMIT_NOFILE reached: eventfd gives EMFILE; the one that is open was written");
}
