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
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "checks.h"
#include "cleanup.h"
#include "limit-facts.h"

enum { BLOCKS = 200 };

typedef struct Ends {
        int reading, writing;
} Ends;

#define ENDS_EMPTY \
        { -EBADF, -EBADF }

static void ends_done(Ends *ends) {
        ends->reading = fd_close(ends->reading);
        ends->writing = fd_close(ends->writing);
}

static bool ends_make(CheckRun *run, int flags, Ends *ends) {
        int fds[2];

        if (!check_need(run, "pipe2", pipe2(fds, O_CLOEXEC | flags) < 0 ? -errno : 0))
                return false;
        *ends = (Ends){ fds[0], fds[1] };
        return true;
}

static int64_t write_bytes(int fd, size_t size) {
        CLEANUP_FREE char *buffer = calloc(1, size);
        ssize_t n;

        if (!buffer)
                return -ENOMEM;
        n = write(fd, buffer, size);
        return n < 0 ? -errno : n;
}

static int64_t read_bytes(int fd, size_t size) {
        CLEANUP_FREE char *buffer = malloc(size);
        ssize_t n;

        if (!buffer)
                return -ENOMEM;
        n = read(fd, buffer, size);
        return n < 0 ? -errno : n;
}

static int64_t queued(int fd) {
        int n = 0;

        return ioctl(fd, FIONREAD, &n) < 0 ? -errno : n;
}

/* --- What peers can be told to do --- */

static int64_t call_write_many(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        CLEANUP_FREE char *block = malloc((size_t)call->b);

        if (!block)
                return -ENOMEM;
        memset(block, call->text[0], (size_t)call->b);
        for (int64_t i = 0; i < call->c; i++) {
                ssize_t n = write(*peer_descriptor(peer, call->a), block, (size_t)call->b);

                if (n != call->b)
                        return n < 0 ? -errno : -EIO;
        }
        return 0;
}

static int64_t call_pipe(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        int fds[2];

        if (pipe2(fds, O_CLOEXEC) < 0)
                return -errno;
        close(fds[0]);
        close(fds[1]);
        return 0;
}

static int64_t call_size(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        int r = fcntl(*peer_descriptor(peer, call->a), F_SETPIPE_SZ, (int)call->b);

        return r < 0 ? -errno : r;
}

static int64_t call_mkfifo(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        return mkfifo(call->text, 0600) < 0 ? -errno : 0;
}

static int64_t call_queued(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        return queued(*peer_descriptor(peer, call->a));
}

static const PeerFunction functions[] = {
        { "write-many", call_write_many },
        { "pipe", call_pipe },
        { "pipe-size", call_size },
        { "mkfifo", call_mkfifo },
        { "queued", call_queued },
        {},
};

int pipe_check_role(CheckPeer *peer) {
        return peer_serve(peer, functions);
}

/* --- What FIFOs are checked for too --- */

CheckResult pipe_check_atomic(CheckRun *run, int reading, CheckProcess *const *writers, int fd) {
        static const char *const letters[PIPE_WRITERS] = { "a", "b", "c" };
        char block[PIPE_BUF];
        int64_t blocks = 0;

        for (size_t i = 0; i < PIPE_WRITERS; i++)
                if (peer_begin(run, writers[i], &(PeerCall){ "write-many", fd, PIPE_BUF, BLOCKS, letters[i] }) < 0)
                        return CHECK_FAILED;
        for (; blocks < PIPE_WRITERS * BLOCKS; blocks++) {
                for (size_t done = 0; done < sizeof block;) {
                        ssize_t n = read(reading, block + done, sizeof block - done);

                        if (n <= 0)
                                return check_fail(run, "read after %" PRId64 " blocks: %s", blocks,
                                        n < 0 ? check_errno(errno) : "end of file");
                        done += (size_t)n;
                }
                for (size_t i = 1; i < sizeof block; i++)
                        if (block[i] != block[0])
                                return check_fail(run, "block %" PRId64 " is torn at byte %zu: '%c', then '%c'",
                                        blocks, i, block[0], block[i]);
        }
        for (size_t i = 0; i < PIPE_WRITERS; i++)
                if (!check_expect(run, "a writer", peer_end(run, writers[i], NULL), 0))
                        return CHECK_FAILED;
        return check_ok(run, "%d writers, %d blocks of %d bytes each, none torn", PIPE_WRITERS, BLOCKS, PIPE_BUF);
}

CheckResult pipe_check_sigpipe(CheckRun *run, CheckProcess *const *peers, int fd) {
        int status = 0;

        if (peer_begin(run, peers[0], &(PeerCall){ "write", fd, 1, 'x' }) < 0 ||
                !check_expect(run, "the writer's end", check_wait(run, peers[0], CHECK_PATIENCE_USEC, &status), 0) ||
                !check_expect(run, "killed by", WIFSIGNALED(status) ? WTERMSIG(status) : 0, SIGPIPE) ||
                !check_expect(run, "ignoring SIGPIPE", peer_call(run, peers[1], "ignore", SIGPIPE), 0) ||
                !check_expect(run, "write then", peer_call(run, peers[1], "write", fd, 1, 'x'), -EPIPE))
                return CHECK_FAILED;
        return check_ok(run, "write without a reader: killed by SIGPIPE; where that is ignored: EPIPE");
}

/* --- Checks --- */

static CheckResult direction(CheckRun *run) {
        CLEANUP(ends_done) Ends ends = ENDS_EMPTY;
        CheckProcess *peer;

        if (!ends_make(run, 0, &ends) || peer_start(run, 0, &ends.writing, 1, &peer) < 0 ||
                !check_expect(run, "write on the writing end", peer_call(run, peer, "write", 0, 10, 'x'), 10) ||
                !check_expect(run, "read on the writing end", peer_call(run, peer, "read", 0, 10), -EBADF) ||
                !check_expect(run, "write on the reading end", write_bytes(ends.reading, 1), -EBADF) ||
                !check_expect(run, "read on the reading end", read_bytes(ends.reading, 100), 10))
                return CHECK_FAILED;
        return check_ok(run, "write on the reading end: EBADF; read on the writing end: EBADF");
}

static CheckResult capacity(CheckRun *run) {
        CLEANUP(ends_done) Ends ends = ENDS_EMPTY;
        int64_t total = 0, n = 0;
        CheckProcess *peer;
        int stated;

        if (!ends_make(run, O_NONBLOCK, &ends) || peer_start(run, 0, &ends.reading, 1, &peer) < 0)
                return CHECK_FAILED;
        stated = fcntl(ends.writing, F_GETPIPE_SZ);
        while ((n = write_bytes(ends.writing, PIPE_BUF)) > 0)
                total += n;
        if (!check_expect(run, "the write that ended it", n, -EAGAIN) ||
                !check_expect(run, "what fitted", total, stated) ||
                !check_expect(run, "FIONREAD of the peer", peer_call(run, peer, "queued", 0), total) ||
                !check_expect(run, "read of a page", peer_call(run, peer, "read", 0, PIPE_BUF), PIPE_BUF) ||
                !check_expect(run, "write then", write_bytes(ends.writing, PIPE_BUF), PIPE_BUF))
                return CHECK_FAILED;
        return check_ok(run, "%" PRId64 " bytes (F_GETPIPE_SZ), then EAGAIN; a page read, a page fits", total);
}

static CheckResult resize(CheckRun *run) {
        uint64_t most = limit_read("/proc/sys/fs/pipe-max-size", 1024 * 1024);
        CLEANUP(ends_done) Ends ends = ENDS_EMPTY;
        long page = sysconf(_SC_PAGESIZE);
        CheckProcess *peer;

        if (!ends_make(run, O_NONBLOCK, &ends) || peer_start(run, 0, &ends.writing, 1, &peer) < 0 ||
                !check_expect(run, "F_SETPIPE_SZ to a page and one byte", fcntl(ends.writing, F_SETPIPE_SZ, page + 1),
                        2 * page) ||
                !check_expect(run, "the write that fills it", write_bytes(ends.writing, 2 * (size_t)page), 2 * page) ||
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

/* Up to PIPE_BUF a write that does not fit whole is not begun; a larger one is cut where the room ends. What is cut
 * can be mixed with what others write. */
static CheckResult cut_writes(CheckRun *run) {
        CLEANUP(ends_done) Ends ends = ENDS_EMPTY;
        CheckProcess *peer;
        int64_t full;

        if (!ends_make(run, O_NONBLOCK, &ends) || peer_start(run, 0, &ends.writing, 1, &peer) < 0)
                return CHECK_FAILED;
        full = fcntl(ends.writing, F_GETPIPE_SZ);
        if (!check_expect(run, "the write that leaves room for less than PIPE_BUF",
                    write_bytes(ends.writing, (size_t)full - PIPE_BUF + 100), full - PIPE_BUF + 100) ||
                !check_expect(run, "write of PIPE_BUF", peer_call(run, peer, "write", 0, PIPE_BUF, 'x'), -EAGAIN) ||
                !check_expect(run, "bytes in it then", queued(ends.reading), full - PIPE_BUF + 100) ||
                !check_expect(run, "read", read_bytes(ends.reading, (size_t)full), full - PIPE_BUF + 100))
                return CHECK_FAILED;
        if (!check_expect(run, "write of more than there is room for",
                    peer_call(run, peer, "write", 0, full + 100, 'x'), full))
                return CHECK_FAILED;
        return check_ok(run,
                "%d bytes into less room: EAGAIN, none written; %" PRId64 " into room for %" PRId64 ": cut", PIPE_BUF,
                full + 100, full);
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
                !check_expect(run, "read", read_bytes(ends.reading, 100), 5) ||
                !check_expect(run, "read while another copy is open", read_bytes(ends.reading, 100), -EAGAIN))
                return CHECK_FAILED;
        ends.writing = fd_close(ends.writing);
        if (!check_expect(run, "read then", read_bytes(ends.reading, 100), 0))
                return CHECK_FAILED;
        return check_ok(run, "writer killed, a copy open elsewhere: EAGAIN; that closed: 0 (end of file)");
}

static CheckResult packets(CheckRun *run) {
        CLEANUP(ends_done) Ends ends = ENDS_EMPTY;
        CheckProcess *peer;

        if (!ends_make(run, O_DIRECT | O_NONBLOCK, &ends) || peer_start(run, 0, &ends.writing, 1, &peer) < 0 ||
                !check_expect(run, "write", peer_call(run, peer, "write", 0, 10, 'a'), 10) ||
                !check_expect(run, "write", peer_call(run, peer, "write", 0, 20, 'b'), 20) ||
                !check_expect(run, "read with room for 100", read_bytes(ends.reading, 100), 10) ||
                !check_expect(run, "read with room for 5", read_bytes(ends.reading, 5), 5) ||
                !check_expect(run, "read then", read_bytes(ends.reading, 100), -EAGAIN))
                return CHECK_FAILED;
        return check_ok(run, "writes of 10 and 20: reads of 10 and, with room for 5, 5; the rest of it is lost");
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
                !check_expect(run, "read", read_bytes(ends.reading, 100), 3))
                return CHECK_FAILED;
        return check_ok(run, "the peer, without a descriptor of it, opened /proc/PID/fd/N for writing");
}

static CheckResult descriptors(CheckRun *run) {
        CheckProcess *peer;

        if (peer_start(run, 0, NULL, 0, &peer) < 0 ||
                !check_expect(run, "setrlimit", peer_call(run, peer, "limit", RLIMIT_NOFILE, 1), 0) ||
                !check_expect(run, "pipe2", peer_call(run, peer, "pipe"), -EMFILE))
                return CHECK_FAILED;
        return check_ok(run, "RLIMIT_NOFILE reached: EMFILE");
}

const Check pipe_checks[] = {
        { "direction", "half duplex: one end reads, the other writes", "pipe(7)", CHECK_BOTH, direction,
                { pipe_check_role } },
        { "two-for-duplex", "two pipes carry both directions at the same time", "pipe(7)", CHECK_BOTH,
                transport_duplex, { transport_duplex_role } },
        { "order", "bytes arrive in order, all of them, unchanged", "pipe(7)", CHECK_BOTH, transport_order,
                { transport_order_role } },
        { "boundaries", "a pipe is a stream: what is written apart can be read together", "pipe(7)", CHECK_BOTH,
                transport_boundaries, { transport_boundaries_role } },
        { "packets", "in packet mode (O_DIRECT) one write is one read", "pipe(2)", CHECK_BOTH, packets,
                { pipe_check_role } },
        { "atomic", "writes of up to PIPE_BUF bytes by several processes are never mixed", "pipe(7)", CHECK_BOTH,
                atomic_writes, { pipe_check_role } },
        { "not-atomic", "a write of more than PIPE_BUF bytes can be cut, a smaller one is whole or not at all",
                "pipe(7)", CHECK_BOTH, cut_writes, { pipe_check_role } },
        { "read-blocks", "a reader sleeps until there are bytes", "pipe(7)", CHECK_BOTH, transport_receive_blocks,
                { transport_receive_blocks_role } },
        { "write-blocks", "a writer sleeps while the pipe is full", "pipe(7)", CHECK_BOTH, transport_send_blocks,
                { transport_send_blocks_role } },
        { "timeout", "poll(2) gives up at its time-out, never before", "poll(2)", CHECK_BOTH, transport_timeout,
                { transport_timeout_role } },
        { "limit", "a pipe holds its capacity and not a byte more", "pipe(7)", CHECK_BOTH, capacity,
                { pipe_check_role } },
        { "resize", "the capacity can be changed, in pages, within pipe-max-size", "fcntl(2)", CHECK_BOTH, resize,
                { pipe_check_role } },
        { "writer-killed", "when the last writer is killed the reader gets the rest, then end of file", "pipe(7)",
                CHECK_BOTH, transport_sender_killed_end, { transport_sender_killed_role } },
        { "hidden-end", "a forgotten copy of the writing end hides the end of file", "pipe(7)", CHECK_BOTH, hidden_end,
                { pipe_check_role } },
        { "reader-killed", "when the last reader is killed a write gives EPIPE", "pipe(7)", CHECK_BOTH,
                transport_receiver_killed, { transport_receiver_killed_role } },
        { "sigpipe", "a write without a reader raises SIGPIPE", "pipe(7)", CHECK_BOTH, sigpipe, { pipe_check_role } },
        { "no-name", "a pipe has no name, but /proc/PID/fd opens it to who may look there", "proc(5)", CHECK_EXECUTED,
                by_proc, { pipe_check_role } },
        { "descriptors", "a pipe takes two descriptors: at the limit there is none", "pipe(2)", CHECK_FORKED,
                descriptors, { pipe_check_role } },
        { "interrupted",
                "a waiting read is begun again after a handler with SA_RESTART, and gives EINTR after one without",
                "signal(7)", CHECK_BOTH, transport_interrupted_restarts, { transport_interrupted_role },
                .aspects = ASPECT(INTERRUPTED) },
        { "waiter-killed",
                "a reader that is killed while it waits takes nothing along: another reader gets what is written then",
                "pipe(7)", CHECK_BOTH, transport_waiter_killed, { transport_waiter_killed_role },
                .aspects = ASPECT(WAITER_KILLED) },
        { "many-writers",
                "what several write at once, in writes of up to PIPE_BUF bytes, all arrives, in the order of each",
                "pipe(7)", CHECK_BOTH, transport_many_writers, { transport_many_writers_role },
                .aspects = ASPECT(MANY_WRITERS) | ASPECT(ATOMICITY) },
        { "killed-within",
                "of a writer killed in the middle of a large write, what went in before is read, and nothing else",
                "pipe(7)", CHECK_BOTH, transport_writer_killed_within, { transport_writer_killed_within_role },
                .aspects = ASPECT(WRITER_KILLED) | ASPECT(FULL) },
        { "other-user",
                "whoever was given its descriptors uses it, of whatever user: rights were a matter of getting them",
                "pipe(2)", CHECK_BOTH, transport_other_user, { transport_place_role }, .aspects = ASPECT(OTHER_USER) },
        { "other-ipc", "IPC namespaces do not matter to a pipe", "ipc_namespaces(7)", CHECK_BOTH, transport_other_ipc,
                { transport_place_role }, .aspects = ASPECT(NAMESPACE) },
        { "other-net", "network namespaces do not matter to a pipe", "network_namespaces(7)", CHECK_BOTH,
                transport_other_net, { transport_place_role }, .aspects = ASPECT(NAMESPACE) },
        { "exhausted", "with no descriptor left a pipe cannot be made (EMFILE); one that is open goes on", "pipe(2)",
                CHECK_BOTH, transport_exhausted, { transport_exhausted_role }, .aspects = ASPECT(EXHAUSTION) },
        {},
};
