/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pipe-checks.h"

/* What pipe(7) promises of pipes. An Ends owns the judge's two descriptors; a peer has its own as number 0. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "channel.h"
#include "checks.h"
#include "cleanup.h"
#include "pipe-claims.h"

static CheckResult direction(CheckRun *run) {
        CLEANUP(ends_done) Ends ends = ENDS_EMPTY;
        CheckProcess *peer;

        if (!ends_make(run, 0, &ends) || peer_start(run, 0, &ends.writing, 1, &peer) < 0 ||
                !check_expect(run, "write on the writing end", peer_call(run, peer, "write", 0, 10, 'x'), 10) ||
                !check_expect(run, "read on the writing end", peer_call(run, peer, "read", 0, 10), -EBADF) ||
                !check_expect(run, "write on the reading end", pipe_write_bytes(ends.reading, 1), -EBADF) ||
                !check_expect(run, "read on the reading end", pipe_read_bytes(ends.reading, 100), 10))
                return CHECK_FAILED;
        return check_ok(run, "write on the reading end: EBADF; read on the writing end: EBADF");
}

static CheckResult atomic_writes(CheckRun *run) {
        CLEANUP(ends_done) Ends ends = ENDS_EMPTY;
        CheckProcess *writers[PIPE_WRITERS];

        if (!ends_make(run, 0, &ends))
                return CHECK_FAILED;
        for (size_t i = 0; i < PIPE_WRITERS; i++)
                if (peer_start(run, 0, &ends.writing, 1, &writers[i]) < 0)
                        return CHECK_FAILED;
        ends.writing = fd_close(ends.writing);
        return pipe_check_atomic(run, ends.reading, writers, 0);
}

static CheckResult sigpipe(CheckRun *run) {
        CLEANUP(ends_done) Ends ends = ENDS_EMPTY;
        CheckProcess *peers[2];

        if (!ends_make(run, 0, &ends) || peer_start(run, 0, &ends.writing, 1, &peers[0]) < 0 ||
                peer_start(run, 0, &ends.writing, 1, &peers[1]) < 0)
                return CHECK_FAILED;
        /* A peer has closed what it has of the reading end before it answers. */
        if (!check_expect(run, "peer", peer_call(run, peers[0], "pid"), 0) ||
                !check_expect(run, "peer", peer_call(run, peers[1], "pid"), 0))
                return CHECK_FAILED;
        ends.reading = fd_close(ends.reading);
        return pipe_check_sigpipe(run, peers, 0);
}

static CheckResult hidden_end(CheckRun *run) {
        CLEANUP(ends_done) Ends ends = ENDS_EMPTY;
        CheckProcess *peer;

        if (!ends_make(run, O_NONBLOCK, &ends) || peer_start(run, 0, &ends.writing, 1, &peer) < 0 ||
                !check_expect(run, "write", peer_call(run, peer, "write", 0, 5, 'x'), 5) ||
                !check_expect(run, "SIGKILL", check_murder(run, peer), 0) ||
                !check_expect(run, "read", pipe_read_bytes(ends.reading, 100), 5) ||
                !check_expect(run, "read while another copy is open", pipe_read_bytes(ends.reading, 100), -EAGAIN))
                return CHECK_FAILED;
        ends.writing = fd_close(ends.writing);
        if (!check_expect(run, "read then", pipe_read_bytes(ends.reading, 100), 0))
                return CHECK_FAILED;
        return check_ok(run, "writer killed, a copy open elsewhere: EAGAIN; that closed: 0 (end of file)");
}

/* No name, but whoever may look into /proc/PID/fd can open it from there, proc(5). */
static CheckResult by_proc(CheckRun *run) {
        CLEANUP(ends_done) Ends ends = ENDS_EMPTY;
        CheckProcess *peer;
        char path[64];
        int64_t r;

        if (!ends_make(run, 0, &ends) || peer_start(run, 0, NULL, 0, &peer) < 0)
                return CHECK_FAILED;
        (void)snprintf(path, sizeof path, "/proc/%d/fd/%d", getpid(), ends.reading);
        r = peer_call(run, peer, "open", PEER_SLOT, O_WRONLY, .text = path);
        if (r == -EACCES || r == -EPERM)
                return check_skip(run, "/proc/PID/fd of another process is closed here: %s", check_errno(r));
        if (!check_expect(run, "open", r, 0) ||
                !check_expect(run, "write", peer_call(run, peer, "write", PEER_SLOT, 3, 'x'), 3) ||
                !check_expect(run, "read", pipe_read_bytes(ends.reading, 100), 3))
                return CHECK_FAILED;
        return check_ok(run, "the peer, without a descriptor of it, opened /proc/PID/fd/N for writing");
}

/* Another user cannot even look: /proc/PID/fd is for who may trace the process, proc(5). */
static CheckResult permission(CheckRun *run) {
        CLEANUP(ends_done) Ends ends = ENDS_EMPTY;
        CheckProcess *peer;
        char path[64];

        if (!check_can_be_nobody())
                return check_skip(run, "only root can start a process of another user");
        if (!ends_make(run, 0, &ends) || peer_start(run, 0, NULL, 0, &peer) < 0 || !check_become_nobody(run, peer))
                return CHECK_FAILED;
        (void)snprintf(path, sizeof path, "/proc/%d/fd/%d", getpid(), ends.writing);
        if (!check_expect(run, "open by another user", peer_call(run, peer, "open", PEER_SLOT, O_WRONLY, .text = path),
                    -EACCES))
                return CHECK_FAILED;
        return check_ok(run, "/proc/PID/fd/N: EACCES for user %d", CHECK_NOBODY);
}

/* SCM_RIGHTS, unix(7): the socket is all that the two share. */
static CheckResult passed(CheckRun *run) {
        CLEANUP(ends_done) Ends ends = ENDS_EMPTY;
        CLEANUP(record_freep) Record *record = NULL;
        CLEANUP_FD int here = -EBADF;
        CLEANUP_FD int there = -EBADF;
        CheckProcess *peer;
        int sockets[2];

        if (!check_need(run, "socketpair", channel_pair(sockets)))
                return CHECK_FAILED;
        here = sockets[0];
        there = sockets[1];
        /* The peer is there before the pipe is: it can have inherited nothing of it. */
        if (peer_start(run, 0, &there, 1, &peer) < 0 || !ends_make(run, 0, &ends) || record_new(&record) < 0 ||
                !check_expect(run, "sending the end", channel_send_fds(here, record, &ends.writing, 1), 0) ||
                !check_expect(run, "receiving it", peer_call(run, peer, "adopt", 0, PEER_SLOT), 0))
                return CHECK_FAILED;
        ends.writing = fd_close(ends.writing);
        if (!check_expect(run, "write", peer_call(run, peer, "write", PEER_SLOT, 5, 'x'), 5) ||
                !check_expect(run, "read", pipe_read_bytes(ends.reading, 100), 5) ||
                !check_expect(run, "SIGKILL", check_murder(run, peer), 0) ||
                !check_expect(run, "read then", pipe_read_bytes(ends.reading, 100), 0))
                return CHECK_FAILED;
        return check_ok(
                run, "made after the peer was started, passed over a socket: it writes, and its death is the end");
}

static CheckResult creator_gone(CheckRun *run) {
        CLEANUP_FD int reading = -EBADF;
        CheckProcess *peer;
        PeerReply reply;
        int64_t r;

        if (peer_start(run, 0, NULL, 0, &peer) < 0 ||
                !check_need(run, "the peer's pipe2",
                        peer_call_full(run, peer, &(PeerCall){ "own-pipe", PEER_SLOT }, &reply)) ||
                !check_expect(run, "write", peer_call(run, peer, "write", PEER_SLOT + 1, 6, 'x'), 6))
                return CHECK_FAILED;
        reading = open(reply.text, O_RDONLY | O_CLOEXEC);
        r = reading < 0 ? -errno : 0;
        if (r == -EACCES || r == -EPERM)
                return check_skip(run, "/proc/PID/fd of another process is closed here: %s", check_errno(r));
        if (!check_expect(run, "open", r, 0) || !check_expect(run, "SIGKILL", check_murder(run, peer), 0) ||
                !check_expect(run, "open again", open(reply.text, O_RDONLY | O_CLOEXEC) < 0 ? -errno : 0, -ENOENT) ||
                !check_expect(run, "read", pipe_read_bytes(reading, 100), 6) ||
                !check_expect(run, "read then", pipe_read_bytes(reading, 100), 0))
                return CHECK_FAILED;
        return check_ok(
                run, "who made it was killed: its 6 bytes are read by who has an end, and nobody finds it any more");
}

const Check pipe_checks[] = {
        { "direction", "one way only (half duplex in textbooks): one end reads, the other writes", "pipe(7)",
                CHECK_BOTH, direction, { pipe_check_role }, .aspects = ASPECT(BIDIRECTIONAL) },
        { "two-for-duplex", "one way each: two pipes carry both directions at the same time", "pipe(7)", CHECK_BOTH,
                transport_duplex, { transport_duplex_role }, .aspects = ASPECT(FULL_DUPLEX) },
        PIPE_CLAIMS("pipe"),
        { "hidden-end", "a forgotten copy of the writing end hides the end of file", "pipe(7)", CHECK_BOTH, hidden_end,
                { pipe_check_role }, .aspects = ASPECT(HOLDER_KILLED) },
        { "creator-gone", "it lasts as long as somebody has an end: its maker killed, what he wrote is read",
                "pipe(7)", CHECK_BOTH, creator_gone, { pipe_check_role },
                .aspects = ASPECT(CREATOR_GONE) | ASPECT(PERSISTENCE) },
        { "no-name", "it has no name, but /proc/PID/fd opens it to who may look there", "proc(5)", CHECK_EXECUTED,
                by_proc, { pipe_check_role }, .aspects = ASPECT(UNRELATED) },
        { "passed", "not only for relatives: an end passed over a UNIX socket works in any process", "unix(7)",
                CHECK_BOTH, passed, { pipe_check_role }, .aspects = ASPECT(UNRELATED) },
        { "permission", "another user cannot open it from /proc/PID/fd", "proc(5)", CHECK_BOTH, permission,
                { pipe_check_role }, .aspects = ASPECT(PERMISSION) },
        { "other-user", "who was given its descriptors uses it, of whatever user: the right was to get them",
                "pipe(2)", CHECK_BOTH, transport_other_user, { transport_place_role }, .aspects = ASPECT(OTHER_USER) },
        { "other-ipc", "IPC namespaces do not matter to a pipe", "ipc_namespaces(7)", CHECK_BOTH, transport_other_ipc,
                { transport_place_role }, .aspects = ASPECT(NAMESPACE) },
        { "other-net", "network namespaces do not matter to a pipe", "network_namespaces(7)", CHECK_BOTH,
                transport_other_net, { transport_place_role }, .aspects = ASPECT(NAMESPACE) },
        { "exhausted", "with no descriptor left a pipe cannot be made (EMFILE); one that is open goes on", "pipe(2)",
                CHECK_BOTH, transport_exhausted, { transport_exhausted_role },
                .aspects = ASPECT(EXHAUSTION) | ASPECT(LIMIT) },
        { "user-pages", "at pipe-user-pages-soft no pipe of a user without privilege can grow any more (EPERM)",
                "pipe(7)", CHECK_BOTH, pipe_check_user_pages, { pipe_check_user_role }, .aspects = ASPECT(LIMIT) },
        {},
};

const CheckGap pipe_gaps[] = {
        PIPE_GAPS("pipe"),
        {},
};
