/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "checks.h"

/* What fifo(7) promises of FIFOs. A Fifo owns its name and the judge's descriptor; peers open it by its path. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "pipe-checks.h"

enum { OWN = PEER_SLOT }; /* where peers open it */

typedef struct Fifo {
        char path[CHECK_PATH_MAX];
        int fd;
} Fifo;

#define FIFO_EMPTY \
        { .fd = -EBADF }

static void fifo_done(Fifo *fifo) {
        if (fifo->path[0])
                (void)unlink(fifo->path);
        fifo->fd = fd_close(fifo->fd);
}

/* flags < 0: not opened here. */
static bool fifo_make(CheckRun *run, int flags, Fifo *fifo) {
        if (!check_need(run, "path", check_path(run, 0, fifo->path)) ||
                !check_need(run, "mkfifo", mkfifo(fifo->path, 0600) < 0 ? -errno : 0))
                return false;
        if (flags < 0)
                return true;
        fifo->fd = open(fifo->path, flags | O_CLOEXEC);
        return check_need(run, "open", fifo->fd < 0 ? -errno : 0);
}

static int64_t peer_open(CheckRun *run, CheckProcess *peer, const Fifo *fifo, int flags) {
        return peer_call(run, peer, "open", OWN, flags, .text = fifo->path);
}

static int64_t read_byte(int fd, char *ret) {
        ssize_t n = read(fd, ret, 1);

        return n < 0 ? -errno : n;
}

static int64_t read_all(int fd) {
        char buffer[256];
        ssize_t n = read(fd, buffer, sizeof buffer);

        return n < 0 ? -errno : n;
}

/* --- Checks --- */

static CheckResult direction(CheckRun *run) {
        CLEANUP(fifo_done) Fifo fifo = FIFO_EMPTY;
        CheckProcess *peer;

        if (!fifo_make(run, O_RDONLY | O_NONBLOCK, &fifo) || peer_start(run, 0, NULL, 0, &peer) < 0 ||
                !check_expect(run, "open for writing", peer_open(run, peer, &fifo, O_WRONLY), 0) ||
                !check_expect(run, "write", peer_call(run, peer, "write", OWN, 10, 'x'), 10) ||
                !check_expect(run, "read by the writer", peer_call(run, peer, "read", OWN, 10), -EBADF) ||
                !check_expect(run, "write by the reader", write(fifo.fd, "x", 1) < 0 ? -errno : 0, -EBADF) ||
                !check_expect(run, "read", read_all(fifo.fd), 10))
                return CHECK_FAILED;
        return check_ok(run, "write on the reading end: EBADF; read on the writing end: EBADF");
}

static CheckResult open_waits(CheckRun *run, int theirs, int ours) {
        CLEANUP(fifo_done) Fifo fifo = FIFO_EMPTY;
        CheckProcess *peer;

        if (!fifo_make(run, -1, &fifo) || peer_start(run, 0, NULL, 0, &peer) < 0 ||
                peer_begin(run, peer, &(PeerCall){ "open", OWN, theirs, .text = fifo.path }) < 0 ||
                !check_sleeps(run, peer, theirs == O_RDONLY ? "the reader" : "the writer"))
                return CHECK_FAILED;
        fifo.fd = open(fifo.path, ours | O_CLOEXEC);
        if (fifo.fd < 0)
                return check_fail(run, "open of the other side: %s", check_errno(errno));
        if (!check_expect(run, "open", peer_end(run, peer, NULL), 0))
                return CHECK_FAILED;
        return check_ok(run, "then the other side opened it, and both went on");
}

static CheckResult open_read_waits(CheckRun *run) {
        return open_waits(run, O_RDONLY, O_WRONLY);
}

static CheckResult open_write_waits(CheckRun *run) {
        return open_waits(run, O_WRONLY, O_RDONLY);
}

static CheckResult open_at_once(CheckRun *run) {
        CLEANUP(fifo_done) Fifo fifo = FIFO_EMPTY;
        CheckProcess *peer;

        if (!fifo_make(run, -1, &fifo) || peer_start(run, 0, NULL, 0, &peer) < 0 ||
                !check_expect(run, "O_WRONLY|O_NONBLOCK without a reader",
                        peer_open(run, peer, &fifo, O_WRONLY | O_NONBLOCK), -ENXIO) ||
                !check_expect(run, "O_RDONLY|O_NONBLOCK without a writer",
                        peer_open(run, peer, &fifo, O_RDONLY | O_NONBLOCK), 0) ||
                !check_expect(run, "read then", peer_call(run, peer, "read", OWN, 10), 0))
                return CHECK_FAILED;
        fifo.fd = open(fifo.path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
        if (!check_expect(run, "O_WRONLY|O_NONBLOCK with a reader", fifo.fd < 0 ? -errno : 0, 0))
                return CHECK_FAILED;
        return check_ok(run, "writing: ENXIO without a reader; reading: opens, and reads end of file");
}

static CheckResult read_write(CheckRun *run) {
        CLEANUP(fifo_done) Fifo fifo = FIFO_EMPTY;
        CheckProcess *peer;

        if (!fifo_make(run, -1, &fifo) || peer_start(run, 0, NULL, 0, &peer) < 0 ||
                !check_expect(run, "open with O_RDWR", peer_open(run, peer, &fifo, O_RDWR), 0) ||
                !check_expect(run, "write", peer_call(run, peer, "write", OWN, 10, 'x'), 10) ||
                !check_expect(run, "read of the same", peer_call(run, peer, "read", OWN, 10), 10))
                return CHECK_FAILED;
        return check_ok(run, "opens alone, without waiting, and reads what it wrote itself");
}

/* O_DIRECT belongs to the writer's open file description, and open(2) does not take it: fcntl(2) does, pipe(2). */
static CheckResult packets(CheckRun *run) {
        CLEANUP(fifo_done) Fifo fifo = FIFO_EMPTY;
        CLEANUP_FD int writing = -EBADF;
        char buffer[5];
        CheckProcess *peer;

        if (!fifo_make(run, O_RDONLY | O_NONBLOCK, &fifo))
                return CHECK_FAILED;
        writing = open(fifo.path, O_WRONLY | O_CLOEXEC);
        if (!check_need(run, "open for writing", writing < 0 ? -errno : 0) ||
                !check_expect(run, "fcntl(O_DIRECT)", fcntl(writing, F_SETFL, O_DIRECT) < 0 ? -errno : 0, 0) ||
                peer_start(run, 0, &writing, 1, &peer) < 0 ||
                !check_expect(run, "write", peer_call(run, peer, "write", 0, 10, 'a'), 10) ||
                !check_expect(run, "write", peer_call(run, peer, "write", 0, 20, 'b'), 20) ||
                !check_expect(run, "read with room for 256", read_all(fifo.fd), 10) ||
                !check_expect(run, "read with room for 5", read(fifo.fd, buffer, sizeof buffer), 5) ||
                !check_expect(run, "read then", read_all(fifo.fd), -EAGAIN))
                return CHECK_FAILED;
        return check_ok(run, "writes of 10 and 20: reads of 10 and, with room for 5, 5; the rest of it is lost");
}

static CheckResult capacity_forgotten(CheckRun *run) {
        CLEANUP(fifo_done) Fifo fifo = FIFO_EMPTY;
        CheckProcess *peer;
        int page = (int)sysconf(_SC_PAGESIZE), usual;

        if (!fifo_make(run, O_RDONLY | O_NONBLOCK, &fifo) || peer_start(run, 0, NULL, 0, &peer) < 0)
                return CHECK_FAILED;
        usual = fcntl(fifo.fd, F_GETPIPE_SZ);
        if (!check_expect(run, "open", peer_open(run, peer, &fifo, O_WRONLY), 0) ||
                !check_expect(run, "F_SETPIPE_SZ by the writer", peer_call(run, peer, "pipe-size", OWN, page), page) ||
                !check_expect(run, "F_GETPIPE_SZ by the reader", fcntl(fifo.fd, F_GETPIPE_SZ), page) ||
                !check_expect(run, "close by the writer", peer_call(run, peer, "close", OWN), 0))
                return CHECK_FAILED;
        fifo.fd = fd_close(fifo.fd);
        fifo.fd = open(fifo.path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
        if (!check_expect(run, "F_GETPIPE_SZ after all had closed it", fcntl(fifo.fd, F_GETPIPE_SZ), usual))
                return CHECK_FAILED;
        return check_ok(run, "%d bytes while it was open, then %d again", page, usual);
}

static CheckResult new_writer(CheckRun *run) {
        CLEANUP(fifo_done) Fifo fifo = FIFO_EMPTY;
        CheckProcess *first, *second;
        char byte = 0;

        if (!fifo_make(run, O_RDONLY | O_NONBLOCK, &fifo) || peer_start(run, 0, NULL, 0, &first) < 0 ||
                !check_expect(run, "open", peer_open(run, first, &fifo, O_WRONLY), 0) ||
                !check_expect(run, "write", peer_call(run, first, "write", OWN, 1, 'a'), 1) ||
                !check_expect(run, "SIGKILL", check_murder(run, first), 0) ||
                !check_expect(run, "read", read_byte(fifo.fd, &byte), 1) ||
                !check_expect(run, "read without a writer", read_byte(fifo.fd, &byte), 0) ||
                peer_start(run, 0, NULL, 0, &second) < 0 ||
                !check_expect(run, "open", peer_open(run, second, &fifo, O_WRONLY), 0) ||
                !check_expect(run, "read with a new writer", read_byte(fifo.fd, &byte), -EAGAIN) ||
                !check_expect(run, "write", peer_call(run, second, "write", OWN, 1, 'b'), 1) ||
                !check_expect(run, "read", read_byte(fifo.fd, &byte), 1) || !check_expect(run, "byte", byte, 'b'))
                return CHECK_FAILED;
        return check_ok(run, "writer killed: 0 (end of file); a new one: EAGAIN, then its bytes");
}

static CheckResult contents_lost(CheckRun *run) {
        CLEANUP(fifo_done) Fifo fifo = FIFO_EMPTY;
        CheckProcess *peer;

        if (!fifo_make(run, -1, &fifo) || peer_start(run, 0, NULL, 0, &peer) < 0 ||
                !check_expect(run, "open", peer_open(run, peer, &fifo, O_RDWR), 0) ||
                !check_expect(run, "write", peer_call(run, peer, "write", OWN, 10, 'x'), 10) ||
                !check_expect(run, "SIGKILL", check_murder(run, peer), 0))
                return CHECK_FAILED;
        fifo.fd = open(fifo.path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
        if (!check_expect(run, "read after all closed", fifo.fd < 0 ? -errno : read_all(fifo.fd), -EAGAIN))
                return CHECK_FAILED;
        return check_ok(run, "10 bytes written, all ends closed: nothing is there (EAGAIN)");
}

static CheckResult survives(CheckRun *run) {
        CLEANUP(fifo_done) Fifo fifo = FIFO_EMPTY;
        CheckProcess *peer;
        struct stat st;

        if (check_path(run, 0, fifo.path) < 0 || peer_start(run, 0, NULL, 0, &peer) < 0 ||
                !check_expect(run, "mkfifo", peer_call(run, peer, "mkfifo", .text = fifo.path), 0) ||
                !check_expect(run, "SIGKILL", check_murder(run, peer), 0) ||
                !check_expect(run, "stat", lstat(fifo.path, &st) < 0 ? -errno : 0, 0) ||
                !check_expect(run, "is a FIFO", S_ISFIFO(st.st_mode), 1) ||
                !check_expect(run, "its size", st.st_size, 0))
                return CHECK_FAILED;
        return check_ok(run, "creator killed: the name is still a FIFO, of size 0");
}

static CheckResult exclusive(CheckRun *run) {
        CLEANUP(fifo_done) Fifo fifo = FIFO_EMPTY;
        CheckProcess *peer;

        if (!fifo_make(run, -1, &fifo) || peer_start(run, 0, NULL, 0, &peer) < 0 ||
                !check_expect(
                        run, "mkfifo of the same path", peer_call(run, peer, "mkfifo", .text = fifo.path), -EEXIST))
                return CHECK_FAILED;
        return check_ok(run, "a second mkfifo: EEXIST");
}

static CheckResult unlinked(CheckRun *run) {
        CLEANUP(fifo_done) Fifo fifo = FIFO_EMPTY;
        CheckProcess *peer;

        if (!fifo_make(run, O_RDONLY | O_NONBLOCK, &fifo) || peer_start(run, 0, NULL, 0, &peer) < 0 ||
                !check_expect(run, "open", peer_open(run, peer, &fifo, O_WRONLY), 0) ||
                !check_expect(run, "unlink", unlink(fifo.path) < 0 ? -errno : 0, 0) ||
                !check_expect(run, "open then",
                        peer_call(run, peer, "open", OWN + 1, O_RDONLY | O_NONBLOCK, .text = fifo.path), -ENOENT) ||
                !check_expect(run, "write", peer_call(run, peer, "write", OWN, 4, 'x'), 4) ||
                !check_expect(run, "read", read_all(fifo.fd), 4))
                return CHECK_FAILED;
        fifo.path[0] = '\0';
        return check_ok(run, "the name: ENOENT; who has it open still writes and reads");
}

static CheckResult permission_in(CheckRun *run, const char *folder) {
        CLEANUP(fifo_done) Fifo fifo = FIFO_EMPTY;
        CheckProcess *peer;

        if (snprintf(fifo.path, sizeof fifo.path, "%.200s/fifo", folder) < 0 || mkfifo(fifo.path, 0600) < 0)
                return check_fail(run, "mkfifo: %s", check_errno(errno));
        if (peer_start(run, 0, NULL, 0, &peer) < 0 ||
                !check_expect(run, "chdir", peer_call(run, peer, "chdir", .text = folder), 0) ||
                !check_become_nobody(run, peer) ||
                !check_expect(run, "open by another user, mode 0600",
                        peer_call(run, peer, "open", OWN, O_RDONLY | O_NONBLOCK, .text = "fifo"), -EACCES) ||
                !check_expect(run, "chmod", chmod(fifo.path, 0644) < 0 ? -errno : 0, 0) ||
                !check_expect(run, "open for reading, mode 0644",
                        peer_call(run, peer, "open", OWN, O_RDONLY | O_NONBLOCK, .text = "fifo"), 0) ||
                !check_expect(run, "open for writing, mode 0644",
                        peer_call(run, peer, "open", OWN + 1, O_WRONLY | O_NONBLOCK, .text = "fifo"), -EACCES))
                return CHECK_FAILED;
        return check_ok(run, "user %d: mode 0600 EACCES; mode 0644 reads, but writes EACCES", CHECK_NOBODY);
}

static CheckResult permission(CheckRun *run) {
        char folder[CHECK_PATH_MAX];
        CheckResult result;
        int r;

        if (!check_can_be_nobody())
                return check_skip(run, "only root can start a process of another user");
        r = check_public_folder(run, folder);
        if (r < 0)
                return check_fail(run, "a folder for it: %s", check_errno(r));
        result = permission_in(run, folder);
        if (rmdir(folder) < 0)
                return check_fail(run, "rmdir: %s", check_errno(errno));
        return result;
}

static CheckResult atomic_writes(CheckRun *run) {
        CLEANUP(fifo_done) Fifo fifo = FIFO_EMPTY;
        CheckProcess *writers[PIPE_WRITERS];

        if (!fifo_make(run, O_RDONLY | O_NONBLOCK, &fifo))
                return CHECK_FAILED;
        for (size_t i = 0; i < PIPE_WRITERS; i++)
                if (peer_start(run, 0, NULL, 0, &writers[i]) < 0 ||
                        !check_expect(run, "open", peer_open(run, writers[i], &fifo, O_WRONLY), 0))
                        return CHECK_FAILED;
        if (fcntl(fifo.fd, F_SETFL, 0) < 0)
                return check_fail(run, "F_SETFL: %s", check_errno(errno));
        return pipe_check_atomic(run, fifo.fd, writers, OWN);
}

static CheckResult sigpipe(CheckRun *run) {
        CLEANUP(fifo_done) Fifo fifo = FIFO_EMPTY;
        CheckProcess *peers[2];

        if (!fifo_make(run, O_RDONLY | O_NONBLOCK, &fifo))
                return CHECK_FAILED;
        for (size_t i = 0; i < 2; i++)
                if (peer_start(run, 0, NULL, 0, &peers[i]) < 0 ||
                        !check_expect(run, "open", peer_open(run, peers[i], &fifo, O_WRONLY), 0))
                        return CHECK_FAILED;
        fifo.fd = fd_close(fifo.fd);
        return pipe_check_sigpipe(run, peers, OWN);
}

const Check fifo_checks[] = {
        { "direction", "half duplex: who opened it for reading reads, the other writes", "fifo(7)", CHECK_BOTH,
                direction, { pipe_check_role } },
        { "two-for-duplex", "two FIFOs carry both directions at the same time", "fifo(7)", CHECK_BOTH,
                transport_duplex, { transport_duplex_role } },
        { "order", "bytes arrive in order, all of them, unchanged", "pipe(7)", CHECK_BOTH, transport_order,
                { transport_order_role } },
        { "boundaries", "a FIFO is a stream: what is written apart can be read together", "pipe(7)", CHECK_BOTH,
                transport_boundaries, { transport_boundaries_role } },
        { "atomic", "writes of up to PIPE_BUF bytes by several processes are never mixed", "pipe(7)", CHECK_BOTH,
                atomic_writes, { pipe_check_role } },
        { "open-read-waits", "opening it for reading sleeps until a writer opens it", "fifo(7)", CHECK_BOTH,
                open_read_waits, { pipe_check_role } },
        { "open-write-waits", "opening it for writing sleeps until a reader opens it", "fifo(7)", CHECK_BOTH,
                open_write_waits, { pipe_check_role } },
        { "open-at-once", "with O_NONBLOCK a reader opens at once, a writer without a reader gets ENXIO", "fifo(7)",
                CHECK_BOTH, open_at_once, { pipe_check_role } },
        { "read-write", "opened with O_RDWR one process is both sides (Linux)", "fifo(7)", CHECK_BOTH, read_write,
                { pipe_check_role } },
        { "packets", "in packet mode (O_DIRECT) one write is one read", "pipe(2)", CHECK_BOTH, packets,
                { pipe_check_role } },
        { "capacity", "its capacity can be changed, and is forgotten when all have closed it", "fcntl(2)", CHECK_BOTH,
                capacity_forgotten, { pipe_check_role } },
        { "read-blocks", "a reader sleeps until there are bytes", "pipe(7)", CHECK_BOTH, transport_receive_blocks,
                { transport_receive_blocks_role } },
        { "write-blocks", "a writer sleeps while the FIFO is full: that is its limit", "pipe(7)", CHECK_BOTH,
                transport_send_blocks, { transport_send_blocks_role } },
        { "limit", "without waiting, empty and full give EAGAIN", "pipe(7)", CHECK_BOTH, transport_nonblocking,
                { transport_nonblocking_role } },
        { "timeout", "poll(2) gives up at its time-out, never before", "poll(2)", CHECK_BOTH, transport_timeout,
                { transport_timeout_role } },
        { "writer-killed", "when the last writer is killed the reader gets the rest, then end of file", "pipe(7)",
                CHECK_BOTH, transport_sender_killed_end, { transport_sender_killed_role } },
        { "new-writer", "end of file is not for ever: the next writer ends it", "fifo(7)", CHECK_BOTH, new_writer,
                { pipe_check_role } },
        { "reader-killed", "when the last reader is killed a write gives EPIPE", "pipe(7)", CHECK_BOTH,
                transport_receiver_killed, { transport_receiver_killed_role } },
        { "sigpipe", "a write without a reader raises SIGPIPE", "pipe(7)", CHECK_BOTH, sigpipe, { pipe_check_role } },
        { "contents-lost", "when all have closed it, what was in it is gone", "fifo(7)", CHECK_BOTH, contents_lost,
                { pipe_check_role } },
        { "survives", "the name outlives the process that made it", "fifo(7)", CHECK_BOTH, survives,
                { pipe_check_role } },
        { "exclusive", "mkfifo takes over nothing that exists", "mkfifo(3)", CHECK_FORKED, exclusive,
                { pipe_check_role } },
        { "unlink", "a removed FIFO stays usable for who has it open", "unlink(2)", CHECK_BOTH, unlinked,
                { pipe_check_role } },
        { "permission", "mode bits keep other users out, for each direction", "fifo(7)", CHECK_BOTH, permission,
                { pipe_check_role } },
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
        { "other-user", "with mode 0666 another user opens it and uses both directions", "fifo(7)", CHECK_BOTH,
                transport_other_user, { transport_place_role }, .aspects = ASPECT(OTHER_USER) },
        { "other-ipc", "a FIFO is a file: a peer in another IPC namespace finds it by its path", "ipc_namespaces(7)",
                CHECK_BOTH, transport_other_ipc, { transport_place_role }, .aspects = ASPECT(NAMESPACE) },
        { "other-net", "a FIFO is a file: a peer in another network namespace finds it by its path",
                "network_namespaces(7)", CHECK_BOTH, transport_other_net, { transport_place_role },
                .aspects = ASPECT(NAMESPACE) },
        { "exhausted", "with no descriptor left it cannot be opened (EMFILE); what is open goes on", "open(2)",
                CHECK_BOTH, transport_exhausted, { transport_exhausted_role }, .aspects = ASPECT(EXHAUSTION) },
        {},
};
