/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pipe-checks.h"

/* What pipes and FIFOs have in common: "the only difference between pipes and FIFOs is the manner in which they are
 * created and opened" (pipe(7)). An Ends owns the judge's two descriptors; a peer has its own as number 0. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "channel.h"
#include "checks.h"
#include "cleanup.h"

enum { BLOCKS = 200 };

void ends_done(Ends *ends) {
        ends->reading = fd_close(ends->reading);
        ends->writing = fd_close(ends->writing);
}

/* The reading end is opened first, without waiting for a writer, and the flags are the same as pipe2() gives: O_DIRECT
 * is not taken by open(2), but by fcntl(2). */
static int fifo_ends(const char *path, int flags, int fds[2]) {
        fds[0] = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
        if (fds[0] < 0)
                return -errno;
        fds[1] = open(path, O_WRONLY | O_CLOEXEC);
        if (fds[1] >= 0 && fcntl(fds[0], F_SETFL, flags) == 0 && fcntl(fds[1], F_SETFL, flags) == 0)
                return 0;
        fd_close(fds[1]);
        fd_close(fds[0]);
        return -errno;
}

/* A FIFO has a name for as long as it takes to open it: how it is opened is checked elsewhere. */
static int fifo_make(CheckRun *run, int flags, int fds[2]) {
        char path[CHECK_PATH_MAX];
        int r = check_path(run, 9, path);

        if (r < 0)
                return r;
        if (mkfifo(path, 0600) < 0)
                return -errno;
        r = fifo_ends(path, flags, fds);
        (void)unlink(path);
        return r;
}

bool ends_make(CheckRun *run, int flags, Ends *ends) {
        bool named = run->mechanism->facts.unrelated;
        int fds[2], r;

        if (named)
                r = fifo_make(run, flags, fds);
        else
                r = pipe2(fds, O_CLOEXEC | flags) < 0 ? -errno : 0;
        if (!check_need(run, named ? "a FIFO" : "pipe2", r))
                return false;
        *ends = (Ends){ fds[0], fds[1] };
        return true;
}

int64_t pipe_poll(int fd, short events) {
        struct pollfd p = { .fd = fd, .events = events };

        return poll(&p, 1, 0) < 0 ? -errno : p.revents;
}

int64_t pipe_write_bytes(int fd, size_t size) {
        CLEANUP_FREE char *buffer = calloc(1, size);
        ssize_t n;

        if (!buffer)
                return -ENOMEM;
        n = write(fd, buffer, size);
        return n < 0 ? -errno : n;
}

int64_t pipe_read_bytes(int fd, size_t size) {
        CLEANUP_FREE char *buffer = malloc(size);
        ssize_t n;

        if (!buffer)
                return -ENOMEM;
        n = read(fd, buffer, size);
        return n < 0 ? -errno : n;
}

int64_t pipe_queued(int fd) {
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

static int64_t call_size(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        int r = fcntl(*peer_descriptor(peer, call->a), F_SETPIPE_SZ, (int)call->b);

        return r < 0 ? -errno : r;
}

static int64_t call_mkfifo(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        return mkfifo(call->text, call->c > 0 ? (mode_t)call->c : 0600) < 0 ? -errno : 0;
}

static int64_t call_umask(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        return umask((mode_t)call->a);
}

static int64_t call_queued(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        return pipe_queued(*peer_descriptor(peer, call->a));
}

/* As many writes of that size as go in without waiting. */
static int64_t call_fill(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        int fd = *peer_descriptor(peer, call->a), flags = fcntl(fd, F_GETFL);
        int64_t n = 0, r;

        if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
                return -errno;
        while ((r = pipe_write_bytes(fd, (size_t)call->b)) == call->b)
                n++;
        if (fcntl(fd, F_SETFL, flags) < 0)
                return -errno;
        return r == -EAGAIN ? n : r < 0 ? r : -EIO;
}

/* Takes what comes over the socket a, as number b. */
static int64_t call_adopt(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        CLEANUP(record_freep) Record *record = NULL;
        unsigned n = 1;
        int fd = -EBADF, r;

        r = channel_receive_fds(*peer_descriptor(peer, call->a), CHECK_PATIENCE_USEC, &record, &fd, &n);
        if (r < 0 || n != 1)
                return r < 0 ? r : -ENODATA;
        *peer_descriptor(peer, call->b) = fd;
        return 0;
}

/* Makes a pipe of its own as numbers a and a + 1; the text says where others find it. */
static int64_t call_own_pipe(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        int fds[2];

        if (pipe2(fds, O_CLOEXEC) < 0)
                return -errno;
        *peer_descriptor(peer, call->a) = fds[0];
        *peer_descriptor(peer, call->a + 1) = fds[1];
        (void)snprintf(reply->text, sizeof reply->text, "/proc/%d/fd/%d", getpid(), fds[0]);
        return 0;
}

static int64_t call_async(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        int fd = *peer_descriptor(peer, call->a), flags = fcntl(fd, F_GETFL);

        return flags < 0 || fcntl(fd, F_SETOWN, getpid()) < 0 || fcntl(fd, F_SETFL, flags | O_ASYNC) < 0 ? -errno : 0;
}

static const PeerFunction functions[] = {
        { "write-many", call_write_many },
        { "own-pipe", call_own_pipe },
        { "fill", call_fill },
        { "async", call_async },
        { "adopt", call_adopt },
        { "pipe-size", call_size },
        { "mkfifo", call_mkfifo },
        { "umask", call_umask },
        { "queued", call_queued },
        {},
};

int pipe_check_role(CheckPeer *peer) {
        return peer_serve(peer, functions);
}

/* --- With the ends of peers of their own --- */

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

/* --- Reading and writing --- */

/* Up to PIPE_BUF a write that does not fit whole is not begun; a larger one is cut where the room ends. What is cut
 * can be mixed with what others write. */
CheckResult pipe_check_cut_writes(CheckRun *run) {
        CLEANUP(ends_done) Ends ends = ENDS_EMPTY;
        CheckProcess *peer;
        int64_t full;

        if (!ends_make(run, O_NONBLOCK, &ends) || peer_start(run, 0, &ends.writing, 1, &peer) < 0)
                return CHECK_FAILED;
        full = fcntl(ends.writing, F_GETPIPE_SZ);
        if (!check_expect(run, "the write that leaves room for less than PIPE_BUF",
                    pipe_write_bytes(ends.writing, (size_t)full - PIPE_BUF + 100), full - PIPE_BUF + 100) ||
                !check_expect(run, "write of PIPE_BUF", peer_call(run, peer, "write", 0, PIPE_BUF, 'x'), -EAGAIN) ||
                !check_expect(run, "bytes in it then", pipe_queued(ends.reading), full - PIPE_BUF + 100) ||
                !check_expect(run, "read", pipe_read_bytes(ends.reading, (size_t)full), full - PIPE_BUF + 100))
                return CHECK_FAILED;
        if (!check_expect(run, "write of more than there is room for",
                    peer_call(run, peer, "write", 0, full + 100, 'x'), full))
                return CHECK_FAILED;
        return check_ok(run,
                "%d bytes into less room: EAGAIN, none written; %" PRId64 " into room for %" PRId64 ": cut", PIPE_BUF,
                full + 100, full);
}

CheckResult pipe_check_packets(CheckRun *run) {
        CLEANUP(ends_done) Ends ends = ENDS_EMPTY;
        CheckProcess *peer;

        if (!ends_make(run, O_DIRECT | O_NONBLOCK, &ends) || peer_start(run, 0, &ends.writing, 1, &peer) < 0 ||
                !check_expect(run, "write", peer_call(run, peer, "write", 0, 10, 'a'), 10) ||
                !check_expect(run, "write", peer_call(run, peer, "write", 0, 20, 'b'), 20) ||
                !check_expect(run, "read with room for 100", pipe_read_bytes(ends.reading, 100), 10) ||
                !check_expect(run, "read with room for 5", pipe_read_bytes(ends.reading, 5), 5) ||
                !check_expect(run, "read then", pipe_read_bytes(ends.reading, 100), -EAGAIN))
                return CHECK_FAILED;
        return check_ok(run, "writes of 10 and 20: reads of 10 and, with room for 5, 5; the rest of it is lost");
}

/* poll(2): POLLIN for bytes, POLLHUP when the last writer is gone; POLLOUT for room, POLLERR when the last reader is.
 */
CheckResult pipe_check_poll(CheckRun *run) {
        CLEANUP(ends_done) Ends ends = ENDS_EMPTY;
        CheckProcess *peer;
        PeerReply reply;

        if (!ends_make(run, 0, &ends) || peer_start(run, 0, &ends.writing, 1, &peer) < 0)
                return CHECK_FAILED;
        ends.writing = fd_close(ends.writing);
        if (!check_expect(run, "empty: revents", pipe_poll(ends.reading, POLLIN), 0) ||
                !check_expect(run, "write", peer_call(run, peer, "write", 0, 1, 'x'), 1) ||
                !check_expect(run, "a byte in it: revents", pipe_poll(ends.reading, POLLIN), POLLIN) ||
                !check_expect(run, "SIGKILL", check_murder(run, peer), 0) ||
                !check_expect(
                        run, "and the writer dead: revents", pipe_poll(ends.reading, POLLIN), POLLIN | POLLHUP) ||
                !check_expect(run, "read", pipe_read_bytes(ends.reading, 10), 1) ||
                !check_expect(run, "read empty: revents", pipe_poll(ends.reading, POLLIN), POLLHUP))
                return CHECK_FAILED;
        ends_done(&ends);
        if (!ends_make(run, 0, &ends) || peer_start(run, 0, &ends.writing, 1, &peer) < 0 ||
                !check_expect(run, "room: poll", peer_call(run, peer, "poll", 0, POLLOUT, 0), 1) ||
                !check_need(run, "filling it", peer_call(run, peer, "fill", 0, PIPE_BUF)) ||
                !check_expect(run, "full: poll", peer_call(run, peer, "poll", 0, POLLOUT, 0), 0))
                return CHECK_FAILED;
        ends.reading = fd_close(ends.reading);
        if (peer_call_full(run, peer, &(PeerCall){ "poll", 0, POLLOUT, 0 }, &reply) != 1 ||
                !check_expect(run, "full and no reader: revents", reply.x, POLLERR))
                return CHECK_FAILED;
        return check_ok(run,
                "reader: 0, POLLIN, with the writer killed POLLIN|POLLHUP, then POLLHUP; writer: POLLOUT, "
                "full 0, without a reader POLLERR");
}

CheckResult pipe_check_seek(CheckRun *run) {
        CLEANUP(ends_done) Ends ends = ENDS_EMPTY;
        CheckProcess *peer;
        char byte;

        if (!ends_make(run, 0, &ends) || peer_start(run, 0, &ends.writing, 1, &peer) < 0 ||
                !check_expect(run, "write", peer_call(run, peer, "write", 0, 10, 'x'), 10) ||
                !check_expect(run, "lseek", lseek(ends.reading, 0, SEEK_CUR) < 0 ? -errno : 0, -ESPIPE) ||
                !check_expect(run, "pread", pread(ends.reading, &byte, 1, 0) < 0 ? -errno : 0, -ESPIPE) ||
                !check_expect(run, "read", pipe_read_bytes(ends.reading, 100), 10))
                return CHECK_FAILED;
        return check_ok(run, "lseek: ESPIPE, pread: ESPIPE; what is in it is read once, from the front");
}

/* Nothing written is nothing: it does not wake or end a reader. And a read takes what there is. */
CheckResult pipe_check_nothing(CheckRun *run) {
        CLEANUP(ends_done) Ends ends = ENDS_EMPTY;
        CheckProcess *peer;

        if (!ends_make(run, O_NONBLOCK, &ends) || peer_start(run, 0, &ends.writing, 1, &peer) < 0 ||
                !check_expect(run, "write of 0 bytes", peer_call(run, peer, "write", 0, 0, 'x'), 0) ||
                !check_expect(run, "read then", pipe_read_bytes(ends.reading, 10), -EAGAIN) ||
                !check_expect(run, "write of 7 bytes", peer_call(run, peer, "write", 0, 7, 'x'), 7) ||
                !check_expect(run, "read of 0 bytes", pipe_read_bytes(ends.reading, 0), 0) ||
                !check_expect(run, "read of 1000 bytes", pipe_read_bytes(ends.reading, 1000), 7))
                return CHECK_FAILED;
        return check_ok(run, "0 bytes written: EAGAIN for the reader, no end of file; 7 written, 1000 asked for: 7");
}

/* A write that is longer than the room sleeps half-way; a handler that runs then ends it with what went in. */
CheckResult pipe_check_write_interrupted(CheckRun *run) {
        CLEANUP(ends_done) Ends ends = ENDS_EMPTY;
        CheckProcess *peer;
        int64_t full, n;

        if (!ends_make(run, 0, &ends) || peer_start(run, 0, &ends.writing, 1, &peer) < 0)
                return CHECK_FAILED;
        full = fcntl(ends.writing, F_GETPIPE_SZ);
        if (!check_expect(run, "a handler with SA_RESTART", peer_call(run, peer, "handle", SIGUSR2, SA_RESTART), 0) ||
                peer_begin(run, peer, &(PeerCall){ "write", 0, 2 * full, 'x' }) < 0 ||
                !check_sleeps(run, peer, "a writer of twice the capacity") ||
                !check_expect(run, "kill", check_kill(run, peer, SIGUSR2), 0))
                return CHECK_FAILED;
        n = peer_end(run, peer, NULL);
        if (!check_expect(run, "the write", n, full) ||
                !check_expect(run, "handlers that ran", peer_call(run, peer, "handled"), 1) ||
                !check_expect(run, "bytes in it", pipe_queued(ends.reading), full) ||
                peer_begin(run, peer, &(PeerCall){ "write", 0, 1, 'y' }) < 0 ||
                !check_sleeps(run, peer, "a writer of 1 byte more") ||
                !check_expect(run, "kill", check_kill(run, peer, SIGUSR2), 0) ||
                !check_sleeps(run, peer, "after the handler it") ||
                !check_expect(run, "read", pipe_read_bytes(ends.reading, (size_t)full), full) ||
                !check_expect(run, "the write of 1 byte", peer_end(run, peer, NULL), 1))
                return CHECK_FAILED;
        return check_ok(run,
                "%" PRId64 " of %" PRId64 " bytes went in: it gave that, with SA_RESTART too; where nothing "
                "went in, the call was begun again",
                full, 2 * full);
}

/* Two readers: each byte goes to one of them. */
CheckResult pipe_check_readers_share(CheckRun *run) {
        CLEANUP(ends_done) Ends ends = ENDS_EMPTY;
        CheckProcess *readers[2];
        PeerReply replies[2];

        if (!ends_make(run, O_NONBLOCK, &ends) || peer_start(run, 0, &ends.reading, 1, &readers[0]) < 0 ||
                peer_start(run, 0, &ends.reading, 1, &readers[1]) < 0 ||
                !check_expect(run, "write", write(ends.writing, "abcd", 4), 4) ||
                !check_expect(run, "read of 2 by the first",
                        peer_call_full(run, readers[0], &(PeerCall){ "read", 0, 2 }, &replies[0]), 2) ||
                !check_expect(run, "read by the second",
                        peer_call_full(run, readers[1], &(PeerCall){ "read", 0, 100 }, &replies[1]), 2) ||
                !check_expect(run, "the first one's last byte", replies[0].y, 'b') ||
                !check_expect(run, "the second one's first byte", replies[1].x, 'c') ||
                !check_expect(run, "read then", peer_call(run, readers[0], "read", 0, 100), -EAGAIN))
                return CHECK_FAILED;
        return check_ok(run, "\"abcd\" written: \"ab\" to one reader, \"cd\" to the other, nothing twice");
}

/* One pipe full is read, and counted. */
static bool read_mixed(CheckRun *run, int fd, int64_t size, int64_t counts[2], int64_t *turns, char *last) {
        char page[PIPE_BUF];

        for (int64_t left = size; left > 0;) {
                ssize_t n = read(fd, page, left < (int64_t)sizeof page ? (size_t)left : sizeof page);

                if (n <= 0) {
                        check_note(run, "read: %s", n < 0 ? check_errno(errno) : "end of file");
                        return false;
                }
                for (ssize_t i = 0; i < n; i++) {
                        if (page[i] != 'a' && page[i] != 'b') {
                                check_note(run, "a byte came that nobody wrote");
                                return false;
                        }
                        counts[page[i] - 'a']++;
                        *turns += page[i] != *last;
                        *last = page[i];
                }
                left -= n;
        }
        return true;
}

/* Two writers sleep, each in the middle of a write of more than the pipe holds: room goes to the one that waits
 * longest, so that the two take turns. It is read only when both sleep: who keeps pace with one lets it through alone.
 */
CheckResult pipe_check_mixed(CheckRun *run) {
        enum { TIMES = 4 };
        CLEANUP(ends_done) Ends ends = ENDS_EMPTY;
        CheckProcess *writers[2];
        int64_t room, counts[2] = { 0 }, turns = 0;
        bool ended[2] = { false };
        char last = 'a', text[64];

        if (!ends_make(run, 0, &ends))
                return CHECK_FAILED;
        room = fcntl(ends.writing, F_GETPIPE_SZ);
        for (size_t i = 0; i < 2; i++)
                if (peer_start(run, 0, &ends.writing, 1, &writers[i]) < 0 ||
                        peer_begin(run, writers[i], &(PeerCall){ "write", 0, TIMES * room, 'a' + (char)i }) < 0 ||
                        !check_sleeps(run, writers[i], i == 0 ? "one writer" : "another"))
                        return CHECK_FAILED;
        ends.writing = fd_close(ends.writing);
        for (unsigned round = 0; round < 2 * TIMES; round++) {
                for (size_t i = 0; i < 2; i++) {
                        int r = ended[i] ? 0 : check_await_sleep(run, writers[i], text, sizeof text);

                        if (r == -EALREADY)
                                ended[i] = true; /* it has said how much it wrote; the bytes are counted here */
                        else if (r < 0)
                                return check_fail(run, "waiting for a writer to sleep: %s", check_errno(r));
                }
                if (!read_mixed(run, ends.reading, room, counts, &turns, &last))
                        return CHECK_FAILED;
        }
        for (size_t i = 0; i < 2; i++)
                if ((!ended[i] && !check_expect(run, "a write", peer_end(run, writers[i], NULL), TIMES * room)) ||
                        !check_expect(run, "its bytes", counts[i], TIMES * room))
                        return CHECK_FAILED;
        if (turns < 2)
                return check_fail(run, "the two writes of %" PRId64 " bytes came one after the other", TIMES * room);
        return check_ok(run,
                "two writes of %" PRId64 " bytes at once: all came, the writers took turns %" PRId64 " times",
                TIMES * room, turns);
}

/* O_ASYNC: SIGIO to who asked for it with F_SETOWN when there is something to read. */
CheckResult pipe_check_sigio(CheckRun *run) {
        CLEANUP(ends_done) Ends ends = ENDS_EMPTY;
        CheckProcess *peer;

        if (!ends_make(run, 0, &ends) || peer_start(run, 0, &ends.reading, 1, &peer) < 0 ||
                !check_expect(run, "a handler for SIGIO", peer_call(run, peer, "handle", SIGIO, 0), 0) ||
                !check_expect(run, "F_SETOWN and O_ASYNC", peer_call(run, peer, "async", 0), 0) ||
                !check_expect(run, "handlers that ran before", peer_call(run, peer, "handled"), 0) ||
                !check_expect(run, "write", write(ends.writing, "x", 1), 1) ||
                !check_expect(run, "handlers that ran", peer_call(run, peer, "handled"), 1) ||
                !check_expect(run, "read", peer_call(run, peer, "read", 0, 10), 1))
                return CHECK_FAILED;
        return check_ok(run, "nothing before, SIGIO once a byte was written");
}
