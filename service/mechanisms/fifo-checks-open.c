/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fifo-checks.h"

/* How FIFOs are opened, by whom and in which order, and what one process sees that opened both ways. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"

void fifo_done(Fifo *fifo) {
        if (fifo->path[0])
                (void)unlink(fifo->path);
        fifo->fd = fd_close(fifo->fd);
}

bool fifo_make(CheckRun *run, int flags, Fifo *fifo) {
        if (!check_need(run, "path", check_path(run, 0, fifo->path)) ||
                !check_need(run, "mkfifo", mkfifo(fifo->path, 0600) < 0 ? -errno : 0))
                return false;
        if (flags < 0)
                return true;
        fifo->fd = open(fifo->path, flags | O_CLOEXEC);
        return check_need(run, "open", fifo->fd < 0 ? -errno : 0);
}

int64_t fifo_peer_open(CheckRun *run, CheckProcess *peer, const Fifo *fifo, int flags) {
        return peer_call(run, peer, "open", FIFO_OWN, flags, .text = fifo->path);
}

int64_t fifo_read_byte(int fd, char *ret) {
        ssize_t n = read(fd, ret, 1);

        return n < 0 ? -errno : n;
}

int64_t fifo_read_all(int fd) {
        char buffer[256];
        ssize_t n = read(fd, buffer, sizeof buffer);

        return n < 0 ? -errno : n;
}

static CheckResult open_waits(CheckRun *run, int theirs, int ours) {
        CLEANUP(fifo_done) Fifo fifo = FIFO_EMPTY;
        CheckProcess *peer;

        if (!fifo_make(run, -1, &fifo) || peer_start(run, 0, NULL, 0, &peer) < 0 ||
                peer_begin(run, peer, &(PeerCall){ "open", FIFO_OWN, theirs, .text = fifo.path }) < 0 ||
                !check_sleeps(run, peer, theirs == O_RDONLY ? "the reader" : "the writer"))
                return CHECK_FAILED;
        fifo.fd = open(fifo.path, ours | O_CLOEXEC);
        if (fifo.fd < 0)
                return check_fail(run, "open of the other side: %s", check_errno(errno));
        if (!check_expect(run, "open", peer_end(run, peer, NULL), 0))
                return CHECK_FAILED;
        return check_ok(run, "then the other side opened it, and both went on");
}

CheckResult fifo_check_open_read_waits(CheckRun *run) {
        return open_waits(run, O_RDONLY, O_WRONLY);
}

CheckResult fifo_check_open_write_waits(CheckRun *run) {
        return open_waits(run, O_WRONLY, O_RDONLY);
}

CheckResult fifo_check_open_at_once(CheckRun *run) {
        CLEANUP(fifo_done) Fifo fifo = FIFO_EMPTY;
        CheckProcess *peer;

        if (!fifo_make(run, -1, &fifo) || peer_start(run, 0, NULL, 0, &peer) < 0 ||
                !check_expect(run, "O_WRONLY|O_NONBLOCK without a reader",
                        fifo_peer_open(run, peer, &fifo, O_WRONLY | O_NONBLOCK), -ENXIO) ||
                !check_expect(run, "O_RDONLY|O_NONBLOCK without a writer",
                        fifo_peer_open(run, peer, &fifo, O_RDONLY | O_NONBLOCK), 0) ||
                !check_expect(run, "read then", peer_call(run, peer, "read", FIFO_OWN, 10), 0))
                return CHECK_FAILED;
        fifo.fd = open(fifo.path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
        if (!check_expect(run, "O_WRONLY|O_NONBLOCK with a reader", fifo.fd < 0 ? -errno : 0, 0))
                return CHECK_FAILED;
        return check_ok(run, "writing: ENXIO without a reader; reading: opens, and reads end of file");
}

CheckResult fifo_check_read_write(CheckRun *run) {
        CLEANUP(fifo_done) Fifo fifo = FIFO_EMPTY;
        CheckProcess *peer;

        if (!fifo_make(run, -1, &fifo) || peer_start(run, 0, NULL, 0, &peer) < 0 ||
                !check_expect(run, "open with O_RDWR", fifo_peer_open(run, peer, &fifo, O_RDWR), 0) ||
                !check_expect(run, "write", peer_call(run, peer, "write", FIFO_OWN, 10, 'x'), 10) ||
                !check_expect(run, "read of the same", peer_call(run, peer, "read", FIFO_OWN, 10), 10))
                return CHECK_FAILED;
        return check_ok(run, "opens alone, without waiting, and reads what it wrote itself");
}

/* Both have it open both ways: one FIFO does not tell who is to read. */
CheckResult fifo_check_own_bytes(CheckRun *run) {
        CLEANUP(fifo_done) Fifo fifo = FIFO_EMPTY;
        CheckProcess *peer;
        char byte = 0;

        if (!fifo_make(run, O_RDWR | O_NONBLOCK, &fifo) || peer_start(run, 0, NULL, 0, &peer) < 0 ||
                !check_expect(run, "open", fifo_peer_open(run, peer, &fifo, O_RDWR | O_NONBLOCK), 0) ||
                !check_expect(run, "write here, for the peer", write(fifo.fd, "a", 1), 1) ||
                !check_expect(run, "read here", fifo_read_byte(fifo.fd, &byte), 1) ||
                !check_expect(run, "the byte", byte, 'a') ||
                !check_expect(run, "the peer's read", peer_call(run, peer, "read", FIFO_OWN, 10), -EAGAIN) ||
                !check_expect(run, "the peer's write", peer_call(run, peer, "write", FIFO_OWN, 1, 'b'), 1) ||
                !check_expect(run, "read here", fifo_read_byte(fifo.fd, &byte), 1) ||
                !check_expect(run, "byte", byte, 'b'))
                return CHECK_FAILED;
        return check_ok(run, "it went both ways, but what was written for the peer was read by its own writer");
}

CheckResult fifo_check_no_end(CheckRun *run) {
        CLEANUP(fifo_done) Fifo fifo = FIFO_EMPTY;
        CheckProcess *peer;

        if (!fifo_make(run, O_RDWR | O_NONBLOCK, &fifo) || peer_start(run, 0, NULL, 0, &peer) < 0 ||
                !check_expect(run, "open", fifo_peer_open(run, peer, &fifo, O_WRONLY), 0) ||
                !check_expect(run, "write", peer_call(run, peer, "write", FIFO_OWN, 3, 'x'), 3) ||
                !check_expect(run, "SIGKILL", check_murder(run, peer), 0) ||
                !check_expect(run, "read", fifo_read_all(fifo.fd), 3) ||
                !check_expect(run, "read then", fifo_read_all(fifo.fd), -EAGAIN) ||
                !check_expect(run, "revents", pipe_poll(fifo.fd, POLLIN), 0))
                return CHECK_FAILED;
        return check_ok(run, "the writer was killed: EAGAIN and no POLLHUP, for the reader counts as a writer");
}

/* POLLHUP needs a writer that has been there (fifo_open() in fs/pipe.c). */
CheckResult fifo_check_before_the_first(CheckRun *run) {
        CLEANUP(fifo_done) Fifo fifo = FIFO_EMPTY;
        CheckProcess *peer;

        if (!fifo_make(run, O_RDONLY | O_NONBLOCK, &fifo) || peer_start(run, 0, NULL, 0, &peer) < 0 ||
                !check_expect(run, "read before the first writer", fifo_read_all(fifo.fd), 0) ||
                !check_expect(run, "revents before the first writer", pipe_poll(fifo.fd, POLLIN), 0) ||
                !check_expect(run, "open", fifo_peer_open(run, peer, &fifo, O_WRONLY), 0) ||
                !check_expect(run, "read with a writer", fifo_read_all(fifo.fd), -EAGAIN) ||
                !check_expect(run, "close", peer_call(run, peer, "close", FIFO_OWN), 0) ||
                !check_expect(run, "revents after the last writer", pipe_poll(fifo.fd, POLLIN), POLLHUP))
                return CHECK_FAILED;
        return check_ok(run, "before the first writer: read 0, but no POLLHUP; with one: EAGAIN; after it: POLLHUP");
}

CheckResult fifo_check_open_interrupted(CheckRun *run) {
        static const int flags[] = { 0, SA_RESTART };
        CLEANUP(fifo_done) Fifo fifo = FIFO_EMPTY;
        CheckProcess *peer;

        if (!fifo_make(run, -1, &fifo) || peer_start(run, 0, NULL, 0, &peer) < 0)
                return CHECK_FAILED;
        for (size_t i = 0; i < 2; i++) {
                if (!check_expect(run, "a handler", peer_call(run, peer, "handle", SIGUSR2, flags[i]), 0) ||
                        peer_begin(run, peer, &(PeerCall){ "open", FIFO_OWN, O_RDONLY, .text = fifo.path }) < 0 ||
                        !check_sleeps(run, peer, "the reader") ||
                        !check_expect(run, "kill", check_kill(run, peer, SIGUSR2), 0))
                        return CHECK_FAILED;
                if (flags[i] == 0 && !check_expect(run, "open", peer_end(run, peer, NULL), -EINTR))
                        return CHECK_FAILED;
        }
        if (!check_sleeps(run, peer, "after a handler with SA_RESTART it"))
                return CHECK_FAILED;
        fifo.fd = open(fifo.path, O_WRONLY | O_CLOEXEC);
        if (!check_expect(run, "open for writing", fifo.fd < 0 ? -errno : 0, 0) ||
                !check_expect(run, "open", peer_end(run, peer, NULL), 0) ||
                !check_expect(run, "handlers that ran", peer_call(run, peer, "handled"), 1))
                return CHECK_FAILED;
        return check_ok(run, "without SA_RESTART: EINTR; with it: it went on, and opened when a writer came");
}

CheckResult fifo_check_opener_killed(CheckRun *run) {
        CLEANUP(fifo_done) Fifo fifo = FIFO_EMPTY;
        CheckProcess *first, *second;

        if (!fifo_make(run, -1, &fifo) || peer_start(run, 0, NULL, 0, &first) < 0 ||
                peer_start(run, 0, NULL, 0, &second) < 0 ||
                peer_begin(run, first, &(PeerCall){ "open", FIFO_OWN, O_RDONLY, .text = fifo.path }) < 0 ||
                !check_sleeps(run, first, "a reader that opens it") ||
                !check_expect(run, "SIGKILL", check_murder(run, first), 0) ||
                !check_expect(run, "open for writing then", fifo_peer_open(run, second, &fifo, O_WRONLY | O_NONBLOCK),
                        -ENXIO) ||
                peer_begin(run, second, &(PeerCall){ "open", FIFO_OWN, O_WRONLY, .text = fifo.path }) < 0 ||
                !check_sleeps(run, second, "a writer that opens it"))
                return CHECK_FAILED;
        fifo.fd = open(fifo.path, O_RDONLY | O_CLOEXEC);
        if (!check_expect(run, "open for reading", fifo.fd < 0 ? -errno : 0, 0) ||
                !check_expect(run, "the writer's open", peer_end(run, second, NULL), 0) ||
                !check_expect(run, "write", peer_call(run, second, "write", FIFO_OWN, 3, 'x'), 3) ||
                !check_expect(run, "read", fifo_read_all(fifo.fd), 3))
                return CHECK_FAILED;
        return check_ok(run, "the dead one counts no more (ENXIO); the next two met");
}
