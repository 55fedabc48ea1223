/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pipe-checks.h"

/* How much pipes and FIFOs hold, and how much of that a user may have; and moving bytes without copying them. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "checks.h"
#include "cleanup.h"
#include "limit-facts.h"

enum {
        PIPES_MAX = 400, /* of one user, at the most, to reach his limit */
        UNUSED_USERS = 0x50000000,
};

CheckResult pipe_check_capacity(CheckRun *run) {
        CLEANUP(ends_done) Ends ends = ENDS_EMPTY;
        int64_t total = 0, n = 0;
        CheckProcess *peer;
        int stated;

        if (!ends_make(run, O_NONBLOCK, &ends) || peer_start(run, 0, &ends.reading, 1, &peer) < 0)
                return CHECK_FAILED;
        stated = fcntl(ends.writing, F_GETPIPE_SZ);
        while ((n = pipe_write_bytes(ends.writing, PIPE_BUF)) > 0)
                total += n;
        if (!check_expect(run, "the write that ended it", n, -EAGAIN) ||
                !check_expect(run, "what fitted", total, stated) ||
                !check_expect(run, "FIONREAD of the peer", peer_call(run, peer, "queued", 0), total) ||
                !check_expect(run, "read of a page", peer_call(run, peer, "read", 0, PIPE_BUF), PIPE_BUF) ||
                !check_expect(run, "write then", pipe_write_bytes(ends.writing, PIPE_BUF), PIPE_BUF))
                return CHECK_FAILED;
        return check_ok(run, "%" PRId64 " bytes (F_GETPIPE_SZ), then EAGAIN; a page read, a page fits", total);
}

CheckResult pipe_check_resize(CheckRun *run) {
        uint64_t most = limit_read("/proc/sys/fs/pipe-max-size", 1024 * 1024);
        CLEANUP(ends_done) Ends ends = ENDS_EMPTY;
        long page = sysconf(_SC_PAGESIZE);
        CheckProcess *peer;

        if (!ends_make(run, O_NONBLOCK, &ends) || peer_start(run, 0, &ends.writing, 1, &peer) < 0 ||
                !check_expect(run, "F_SETPIPE_SZ to a page and one byte", fcntl(ends.writing, F_SETPIPE_SZ, page + 1),
                        2 * page) ||
                !check_expect(
                        run, "the write that fills it", pipe_write_bytes(ends.writing, 2 * (size_t)page), 2 * page) ||
                !check_expect(run, "F_SETPIPE_SZ to one page",
                        fcntl(ends.writing, F_SETPIPE_SZ, page) < 0 ? -errno : 0, -EBUSY))
                return CHECK_FAILED;
        check_note(run, "%ld bytes became %ld; smaller than what is in it: EBUSY", page + 1, 2 * page);
        if (check_can_be_nobody() && !check_become_nobody(run, peer))
                return CHECK_FAILED;
        if (!check_expect(run, "F_SETPIPE_SZ above pipe-max-size",
                    peer_call(run, peer, "pipe-size", 0, (int64_t)most + 1), -EPERM))
                return CHECK_FAILED;
        return check_ok(run, "above %" PRIu64 " without privilege: EPERM", most);
}

/* pipe_write() of fs/pipe.c: what does not fit in the rest of the last page begins a page of its own; a packet always
 * does. */
static bool fills_slots(CheckRun *run, int flags, size_t size, int64_t *ret_slots) {
        CLEANUP(ends_done) Ends ends = ENDS_EMPTY;
        CheckProcess *peer;
        int64_t n;

        if (!ends_make(run, flags, &ends) || peer_start(run, 0, &ends.writing, 1, &peer) < 0)
                return false;
        *ret_slots = fcntl(ends.writing, F_GETPIPE_SZ) / sysconf(_SC_PAGESIZE);
        n = peer_call(run, peer, "fill", 0, (int64_t)size);
        return check_expect(run, "writes until it is full", n, *ret_slots) &&
               check_expect(run, "bytes in it then", pipe_queued(ends.reading), n * (int64_t)size);
}

CheckResult pipe_check_slots(CheckRun *run) {
        size_t more = (size_t)sysconf(_SC_PAGESIZE) / 2 + 1;
        int64_t slots = 0;

        if (!fills_slots(run, 0, more, &slots) || !fills_slots(run, O_DIRECT, 1, &slots))
                return CHECK_FAILED;
        return check_ok(run,
                "%" PRId64 " writes of %zu bytes fill it, just over half of its bytes; in packet mode %" PRId64
                " writes of 1 byte",
                slots, more, slots);
}

/* --- What a user may have --- */

/* A user whom nobody else is, so that the count is this process's own. */
static int64_t call_fresh_user(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        uid_t uid = UNUSED_USERS + (uid_t)getpid();
        pid_t parent = getppid();

        if (setresuid(uid, uid, uid) < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
                return -errno;
        return getppid() == parent ? 0 : -ESRCH;
}

/* Makes pipes of `b` bytes until one is refused that; x: how many there were. y: what a new pipe holds then, z: making
 * that one larger. */
static int64_t call_hoard(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        int fds[PIPES_MAX][2], r = 0, n = 0;

        for (; r >= 0 && n < PIPES_MAX; n++) {
                if (pipe2(fds[n], O_CLOEXEC) < 0) {
                        r = -errno;
                        break;
                }
                r = fcntl(fds[n][1], F_SETPIPE_SZ, (int)call->b) < 0 ? -errno : 0;
        }
        reply->x = n;
        /* The one that was refused is small by now: the rest of what is left goes with pipes like it. */
        if (r == -EPERM && n < PIPES_MAX)
                r = pipe2(fds[n++], O_CLOEXEC) < 0 ? -errno : r;
        if (r == -EPERM) {
                reply->y = fcntl(fds[n - 1][1], F_GETPIPE_SZ);
                reply->z = fcntl(fds[n - 1][1], F_SETPIPE_SZ, (int)call->b) < 0 ? -errno : 0;
        }
        while (n-- > 0) {
                close(fds[n][0]);
                close(fds[n][1]);
        }
        return r;
}

static const PeerFunction user_functions[] = {
        { "fresh-user", call_fresh_user },
        { "hoard", call_hoard },
        {},
};

int pipe_check_user_role(CheckPeer *peer) {
        return peer_serve(peer, user_functions);
}

CheckResult pipe_check_user_pages(CheckRun *run) {
        uint64_t most = limit_read("/proc/sys/fs/pipe-max-size", 1024 * 1024);
        uint64_t soft = limit_read("/proc/sys/fs/pipe-user-pages-soft", 0);
        uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
        CheckProcess *peer;
        PeerReply reply;
        int64_t r;

        if (!check_can_be_nobody())
                return check_skip(run, "only root can start a process of a user who has no pipes yet");
        if (soft == 0 || soft * page / most >= PIPES_MAX - 2)
                return check_skip(
                        run, "pipe-user-pages-soft is %" PRIu64 " here: not reached with %d pipes", soft, PIPES_MAX);
        if (peer_start(run, 0, NULL, 0, &peer) < 0 ||
                !check_need(run, "becoming another user", peer_call(run, peer, "fresh-user")))
                return CHECK_FAILED;
        r = peer_call_full(run, peer, &(PeerCall){ "hoard", .b = (int64_t)most }, &reply);
        if (r == -EMFILE || r == -ENFILE)
                return check_need(run, "enough pipes", r) ? CHECK_OK : CHECK_FAILED;
        if (!check_expect(run, "F_SETPIPE_SZ that goes over the limit", r, -EPERM) ||
                !check_expect(run, "making a new one larger", reply.z, -EPERM))
                return CHECK_FAILED;
        if (reply.x > (int64_t)(soft * page / most) + 1)
                return check_fail(run, "%" PRId64 " pipes of %" PRIu64 " bytes were had", reply.x, most);
        return check_ok(run,
                "%" PRIu64 " pages: pipe %" PRId64 " of %" PRIu64 " bytes: EPERM; a new one holds %" PRId64, soft,
                reply.x, most, reply.y);
}

/* --- splice(2) and tee(2) --- */

static int64_t moved(ssize_t n) {
        return n < 0 ? -errno : n;
}

CheckResult pipe_check_splice(CheckRun *run) {
        CLEANUP(ends_done) Ends from = ENDS_EMPTY;
        CLEANUP(ends_done) Ends to = ENDS_EMPTY;
        CheckProcess *peer;
        PeerReply reply;

        if (!ends_make(run, O_NONBLOCK, &from) || !ends_make(run, O_NONBLOCK, &to) ||
                peer_start(run, 0, (int[]){ from.writing, to.reading }, 2, &peer) < 0 ||
                !check_expect(run, "write", peer_call(run, peer, "write", 0, 100, 'x'), 100) ||
                !check_expect(run, "tee", moved(tee(from.reading, to.writing, 1000, SPLICE_F_NONBLOCK)), 100) ||
                !check_expect(run, "bytes in the first after tee", pipe_queued(from.reading), 100) ||
                !check_expect(run, "the peer's read", peer_call(run, peer, "read", 1, 1000), 100) ||
                !check_expect(run, "splice",
                        moved(splice(from.reading, NULL, to.writing, NULL, 1000, SPLICE_F_NONBLOCK)), 100) ||
                !check_expect(run, "bytes in the first after splice", pipe_queued(from.reading), 0) ||
                !check_expect(run, "the peer's read",
                        peer_call_full(run, peer, &(PeerCall){ "read", 1, 1000 }, &reply), 100) ||
                !check_expect(run, "its last byte", reply.y, 'x'))
                return CHECK_FAILED;
        return check_ok(run, "100 bytes: after tee they are in both, after splice only in the second");
}
