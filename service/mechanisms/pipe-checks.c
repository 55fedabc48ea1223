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
        { "order", "bytes arrive in order, all of them, unchanged", "pipe(7)", CHECK_BOTH, transport_order,
                { transport_order_role }, .aspects = ASPECT(ORDER) },
        { "boundaries", "a pipe is a stream: what is written apart can be read together", "pipe(7)", CHECK_BOTH,
                transport_boundaries, { transport_boundaries_role }, .aspects = ASPECT(BOUNDARIES) },
        { "packets", "in packet mode (O_DIRECT) one write is one read", "pipe(2)", CHECK_BOTH, pipe_check_packets,
                { pipe_check_role } },
        { "readers", "of several readers each byte goes to one", "pipe(7)", CHECK_BOTH, pipe_check_readers_share,
                { pipe_check_role } },
        { "seek", "it has no position: what is read is gone, and lseek gives ESPIPE", "pipe(7)", CHECK_BOTH,
                pipe_check_seek, { pipe_check_role } },
        { "nothing", "writing nothing wakes and ends no reader; a read takes what is there, not all that it asks for",
                "pipe(7)", CHECK_BOTH, pipe_check_nothing, { pipe_check_role }, .aspects = ASPECT(EMPTY) },
        { "splice", "tee(2) copies bytes from one to another and leaves them; splice(2) moves them", "splice(2)",
                CHECK_BOTH, pipe_check_splice, { pipe_check_role } },
        { "atomic", "writes of up to PIPE_BUF bytes by several processes are never mixed", "pipe(7)", CHECK_BOTH,
                atomic_writes, { pipe_check_role }, .aspects = ASPECT(ATOMICITY) | ASPECT(MANY_WRITERS) },
        { "not-atomic", "a write of more than PIPE_BUF bytes can be cut, a smaller one is whole or not at all",
                "pipe(7)", CHECK_BOTH, pipe_check_cut_writes, { pipe_check_role },
                .aspects = ASPECT(ATOMICITY) | ASPECT(FULL) },
        { "mixed", "larger writes of several processes at once can be mixed, but no byte is lost", "pipe(7)",
                CHECK_BOTH, pipe_check_mixed, { pipe_check_role },
                .aspects = ASPECT(MANY_WRITERS) | ASPECT(ATOMICITY) },
        { "many-writers",
                "what several write at once, in writes of up to PIPE_BUF bytes, all arrives, in the order of each",
                "pipe(7)", CHECK_BOTH, transport_many_writers, { transport_many_writers_role },
                .aspects = ASPECT(MANY_WRITERS) | ASPECT(ATOMICITY) },
        { "read-blocks", "a reader sleeps until there are bytes", "pipe(7)", CHECK_BOTH, transport_receive_blocks,
                { transport_receive_blocks_role }, .aspects = ASPECT(BLOCKING) | ASPECT(EMPTY) },
        { "write-blocks", "a writer sleeps while the pipe is full, and nothing is lost", "pipe(7)", CHECK_BOTH,
                transport_send_blocks, { transport_send_blocks_role }, .aspects = ASPECT(BLOCKING) | ASPECT(FULL) },
        { "non-blocking", "without waiting, empty and full give EAGAIN", "pipe(7)", CHECK_BOTH, transport_nonblocking,
                { transport_nonblocking_role }, .aspects = ASPECT(NON_BLOCKING) | ASPECT(EMPTY) | ASPECT(FULL) },
        { "timeout", "poll(2) gives up at its time-out, never before", "poll(2)", CHECK_BOTH, transport_timeout,
                { transport_timeout_role }, .aspects = ASPECT(TIMEOUT) },
        { "poll", "poll(2) tells bytes (POLLIN), room (POLLOUT), no writer any more (POLLHUP) and no reader (POLLERR)",
                "poll(2)", CHECK_BOTH, pipe_check_poll, { pipe_check_role },
                .aspects = ASPECT(NON_BLOCKING) | ASPECT(HOLDER_KILLED) },
        { "sigio", "with O_ASYNC a signal tells that there is something to read", "pipe(7)", CHECK_BOTH,
                pipe_check_sigio, { pipe_check_role } },
        { "interrupted",
                "a waiting read is begun again after a handler with SA_RESTART, and gives EINTR after one without",
                "signal(7)", CHECK_BOTH, transport_interrupted_restarts, { transport_interrupted_role },
                .aspects = ASPECT(INTERRUPTED) },
        { "stopped", "a reader that is stopped and continued while it waits goes on waiting", "signal(7)", CHECK_BOTH,
                transport_stopped_goes_on, { transport_interrupted_role }, .aspects = ASPECT(INTERRUPTED) },
        { "write-interrupted", "a long write that a handler interrupts half-way says how much went in", "write(2)",
                CHECK_BOTH, pipe_check_write_interrupted, { pipe_check_role },
                .aspects = ASPECT(INTERRUPTED) | ASPECT(ATOMICITY) },
        { "limit", "it holds its capacity and not a byte more", "pipe(7)", CHECK_BOTH, pipe_check_capacity,
                { pipe_check_role }, .aspects = ASPECT(MAXIMUM) | ASPECT(FULL) },
        { "slots", "the capacity is counted in pages: writes that share no page fill it with fewer bytes", "fcntl(2)",
                CHECK_BOTH, pipe_check_slots, { pipe_check_role }, .aspects = ASPECT(FULL) },
        { "resize",
                "the capacity can be changed, in pages, not below what is in it, nor, without privilege, above "
                "pipe-max-size",
                "fcntl(2)", CHECK_BOTH, pipe_check_resize, { pipe_check_role },
                .aspects = ASPECT(LIMIT) | ASPECT(MAXIMUM) },
        { "writer-killed", "when the last writer is killed the reader gets the rest, then end of file", "pipe(7)",
                CHECK_BOTH, transport_sender_killed_end, { transport_sender_killed_role },
                .aspects = ASPECT(HOLDER_KILLED) },
        { "killed-within",
                "of a writer killed in the middle of a large write, what went in before is read, and nothing else",
                "pipe(7)", CHECK_BOTH, transport_writer_killed_within, { transport_writer_killed_within_role },
                .aspects = ASPECT(WRITER_KILLED) | ASPECT(FULL) },
        { "reader-killed", "when the last reader is killed a write gives EPIPE", "pipe(7)", CHECK_BOTH,
                transport_receiver_killed, { transport_receiver_killed_role }, .aspects = ASPECT(HOLDER_KILLED) },
        { "waiter-killed",
                "a reader that is killed while it waits takes nothing along: another reader gets what is written then",
                "pipe(7)", CHECK_BOTH, transport_waiter_killed, { transport_waiter_killed_role },
                .aspects = ASPECT(WAITER_KILLED) },
        { "sigpipe", "a write without a reader raises SIGPIPE, which kills unless it is ignored or caught; then EPIPE",
                "pipe(7)", CHECK_BOTH, sigpipe, { pipe_check_role } },
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
        { ASPECT_PRIORITY, "Bytes are read in the order in which they were written; none goes before another." },
        { ASPECT_DESCRIPTORS, "A pipe carries bytes and nothing else; descriptors go over UNIX sockets." },
        { ASPECT_CREDENTIALS, "The kernel does not tell who has the other end, or who wrote." },
        { ASPECT_SYNCHRONISATION,
                "The kernel itself keeps readers and writers apart: without any lock nothing is lost." },
        {},
};
