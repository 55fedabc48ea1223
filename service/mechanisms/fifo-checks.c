/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fifo-checks.h"

/* What fifo(7) promises of FIFOs. */
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
#include "pipe-claims.h"

static CheckResult direction(CheckRun *run) {
        CLEANUP(fifo_done) Fifo fifo = FIFO_EMPTY;
        CheckProcess *peer;

        if (!fifo_make(run, O_RDONLY | O_NONBLOCK, &fifo) || peer_start(run, 0, NULL, 0, &peer) < 0 ||
                !check_expect(run, "open for writing", fifo_peer_open(run, peer, &fifo, O_WRONLY), 0) ||
                !check_expect(run, "write", peer_call(run, peer, "write", FIFO_OWN, 10, 'x'), 10) ||
                !check_expect(run, "read by the writer", peer_call(run, peer, "read", FIFO_OWN, 10), -EBADF) ||
                !check_expect(run, "write by the reader", write(fifo.fd, "x", 1) < 0 ? -errno : 0, -EBADF) ||
                !check_expect(run, "read", fifo_read_all(fifo.fd), 10))
                return CHECK_FAILED;
        return check_ok(run, "write on the reading end: EBADF; read on the writing end: EBADF");
}

/* A FIFO that the judge has open to read, without waiting, and peers that have it open to write. */
static bool written_by(CheckRun *run, Fifo *fifo, CheckProcess **writers, size_t n) {
        if (!fifo_make(run, O_RDONLY | O_NONBLOCK, fifo))
                return false;
        for (size_t i = 0; i < n; i++)
                if (peer_start(run, 0, NULL, 0, &writers[i]) < 0 ||
                        !check_expect(run, "open", fifo_peer_open(run, writers[i], fifo, O_WRONLY), 0))
                        return false;
        return true;
}

static CheckResult last_writer(CheckRun *run) {
        CLEANUP(fifo_done) Fifo fifo = FIFO_EMPTY;
        CheckProcess *peers[2];

        if (!written_by(run, &fifo, peers, 2))
                return CHECK_FAILED;
        if (!check_expect(run, "SIGKILL of one", check_murder(run, peers[0]), 0) ||
                !check_expect(run, "read", fifo_read_all(fifo.fd), -EAGAIN) ||
                !check_expect(run, "the other's write", peer_call(run, peers[1], "write", FIFO_OWN, 2, 'x'), 2) ||
                !check_expect(run, "the other's close", peer_call(run, peers[1], "close", FIFO_OWN), 0) ||
                !check_expect(run, "read", fifo_read_all(fifo.fd), 2) ||
                !check_expect(run, "read then", fifo_read_all(fifo.fd), 0))
                return CHECK_FAILED;
        return check_ok(run, "one of two writers killed: EAGAIN; the other closed: its bytes, then 0 (end of file)");
}

static CheckResult mode_and_umask(CheckRun *run) {
        CLEANUP(fifo_done) Fifo fifo = FIFO_EMPTY;
        CheckProcess *peer;
        struct stat st;

        if (!check_need(run, "path", check_path(run, 0, fifo.path)) || peer_start(run, 0, NULL, 0, &peer) < 0 ||
                !check_expect(run, "umask 027", peer_call(run, peer, "umask", 027) < 0, 0) ||
                !check_expect(run, "mkfifo with mode 0666",
                        peer_call(run, peer, "mkfifo", .c = 0666, .text = fifo.path), 0) ||
                !check_expect(run, "stat", lstat(fifo.path, &st) < 0 ? -errno : 0, 0) ||
                !check_expect(run, "mode", st.st_mode & 07777, 0640))
                return CHECK_FAILED;
        return check_ok(run, "mode 0666 with umask 027: 0640");
}

static CheckResult more_names(CheckRun *run) {
        CLEANUP(fifo_done) Fifo fifo = FIFO_EMPTY;
        CLEANUP(fifo_done) Fifo other = FIFO_EMPTY;
        CheckProcess *peer;

        if (!fifo_make(run, O_RDONLY | O_NONBLOCK, &fifo) || peer_start(run, 0, NULL, 0, &peer) < 0 ||
                !check_need(run, "path", check_path(run, 1, other.path)) ||
                !check_expect(run, "rename", rename(fifo.path, other.path) < 0 ? -errno : 0, 0) ||
                !check_need(run, "link", link(other.path, fifo.path) < 0 ? -errno : 0) ||
                !check_expect(run, "open by the old name", fifo_peer_open(run, peer, &fifo, O_WRONLY), 0) ||
                !check_expect(run, "write", peer_call(run, peer, "write", FIFO_OWN, 3, 'x'), 3) ||
                !check_expect(run, "open by the new name",
                        peer_call(run, peer, "open", FIFO_OWN + 1, O_WRONLY, .text = other.path), 0) ||
                !check_expect(run, "write", peer_call(run, peer, "write", FIFO_OWN + 1, 4, 'y'), 4) ||
                !check_expect(run, "read", fifo_read_all(fifo.fd), 7))
                return CHECK_FAILED;
        return check_ok(run, "renamed and linked: both names lead to the one that is open");
}

static CheckResult capacity_forgotten(CheckRun *run) {
        CLEANUP(fifo_done) Fifo fifo = FIFO_EMPTY;
        CheckProcess *peer;
        int page = (int)sysconf(_SC_PAGESIZE), usual;

        if (!fifo_make(run, O_RDONLY | O_NONBLOCK, &fifo) || peer_start(run, 0, NULL, 0, &peer) < 0)
                return CHECK_FAILED;
        usual = fcntl(fifo.fd, F_GETPIPE_SZ);
        if (!check_expect(run, "open", fifo_peer_open(run, peer, &fifo, O_WRONLY), 0) ||
                !check_expect(
                        run, "F_SETPIPE_SZ by the writer", peer_call(run, peer, "pipe-size", FIFO_OWN, page), page) ||
                !check_expect(run, "F_GETPIPE_SZ by the reader", fcntl(fifo.fd, F_GETPIPE_SZ), page) ||
                !check_expect(run, "close by the writer", peer_call(run, peer, "close", FIFO_OWN), 0))
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
                !check_expect(run, "open", fifo_peer_open(run, first, &fifo, O_WRONLY), 0) ||
                !check_expect(run, "write", peer_call(run, first, "write", FIFO_OWN, 1, 'a'), 1) ||
                !check_expect(run, "SIGKILL", check_murder(run, first), 0) ||
                !check_expect(run, "read", fifo_read_byte(fifo.fd, &byte), 1) ||
                !check_expect(run, "read without a writer", fifo_read_byte(fifo.fd, &byte), 0) ||
                peer_start(run, 0, NULL, 0, &second) < 0 ||
                !check_expect(run, "open", fifo_peer_open(run, second, &fifo, O_WRONLY), 0) ||
                !check_expect(run, "read with a new writer", fifo_read_byte(fifo.fd, &byte), -EAGAIN) ||
                !check_expect(run, "write", peer_call(run, second, "write", FIFO_OWN, 1, 'b'), 1) ||
                !check_expect(run, "read", fifo_read_byte(fifo.fd, &byte), 1) || !check_expect(run, "byte", byte, 'b'))
                return CHECK_FAILED;
        return check_ok(run, "writer killed: 0 (end of file); a new one: EAGAIN, then its bytes");
}

static CheckResult contents_lost(CheckRun *run) {
        CLEANUP(fifo_done) Fifo fifo = FIFO_EMPTY;
        CheckProcess *peer;

        if (!fifo_make(run, -1, &fifo) || peer_start(run, 0, NULL, 0, &peer) < 0 ||
                !check_expect(run, "open", fifo_peer_open(run, peer, &fifo, O_RDWR), 0) ||
                !check_expect(run, "write", peer_call(run, peer, "write", FIFO_OWN, 10, 'x'), 10) ||
                !check_expect(run, "SIGKILL", check_murder(run, peer), 0))
                return CHECK_FAILED;
        fifo.fd = open(fifo.path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
        if (!check_expect(run, "read after all closed", fifo.fd < 0 ? -errno : fifo_read_all(fifo.fd), -EAGAIN))
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
                !check_expect(run, "open", fifo_peer_open(run, peer, &fifo, O_WRONLY), 0) ||
                !check_expect(run, "unlink", unlink(fifo.path) < 0 ? -errno : 0, 0) ||
                !check_expect(run, "open then",
                        peer_call(run, peer, "open", FIFO_OWN + 1, O_RDONLY | O_NONBLOCK, .text = fifo.path),
                        -ENOENT) ||
                !check_expect(run, "write", peer_call(run, peer, "write", FIFO_OWN, 4, 'x'), 4) ||
                !check_expect(run, "read", fifo_read_all(fifo.fd), 4))
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
                        peer_call(run, peer, "open", FIFO_OWN, O_RDONLY | O_NONBLOCK, .text = "fifo"), -EACCES) ||
                !check_expect(run, "chmod", chmod(fifo.path, 0644) < 0 ? -errno : 0, 0) ||
                !check_expect(run, "open for reading, mode 0644",
                        peer_call(run, peer, "open", FIFO_OWN, O_RDONLY | O_NONBLOCK, .text = "fifo"), 0) ||
                !check_expect(run, "open for writing, mode 0644",
                        peer_call(run, peer, "open", FIFO_OWN + 1, O_WRONLY | O_NONBLOCK, .text = "fifo"), -EACCES))
                return CHECK_FAILED;
        return check_ok(run, "user %d: mode 0600 EACCES; mode 0644 reads, but writes EACCES", CHECK_NOBODY);
}

static CheckResult permission(CheckRun *run) {
        return check_in_public_folder(run, permission_in);
}

static CheckResult atomic_writes(CheckRun *run) {
        CLEANUP(fifo_done) Fifo fifo = FIFO_EMPTY;
        CheckProcess *writers[PIPE_WRITERS];

        if (!written_by(run, &fifo, writers, PIPE_WRITERS))
                return CHECK_FAILED;
        if (fcntl(fifo.fd, F_SETFL, 0) < 0)
                return check_fail(run, "F_SETFL: %s", check_errno(errno));
        return pipe_check_atomic(run, fifo.fd, writers, FIFO_OWN);
}

static CheckResult sigpipe(CheckRun *run) {
        CLEANUP(fifo_done) Fifo fifo = FIFO_EMPTY;
        CheckProcess *peers[2];

        if (!written_by(run, &fifo, peers, 2))
                return CHECK_FAILED;
        fifo.fd = fd_close(fifo.fd);
        return pipe_check_sigpipe(run, peers, FIFO_OWN);
}

const Check fifo_checks[] = {
        { "direction", "one way only (half duplex in textbooks): who opened it for reading reads, the other writes",
                "fifo(7)", CHECK_BOTH, direction, { pipe_check_role },
                .aspects = ASPECT(BIDIRECTIONAL) | ASPECT(UNRELATED) },
        { "two-for-duplex", "one way each: two FIFOs carry both directions at the same time", "fifo(7)", CHECK_BOTH,
                transport_duplex, { transport_duplex_role }, .aspects = ASPECT(FULL_DUPLEX) },
        { "read-write", "opened with O_RDWR one process is both sides (Linux)", "fifo(7)", CHECK_BOTH,
                fifo_check_read_write, { pipe_check_role } },
        { "own-bytes", "one FIFO does not serve two both ways: what one writes for the other it can read back itself",
                "fifo(7)", CHECK_BOTH, fifo_check_own_bytes, { pipe_check_role }, .aspects = ASPECT(BIDIRECTIONAL) },
        { "open-read-waits", "opening it for reading sleeps until a writer opens it", "fifo(7)", CHECK_BOTH,
                fifo_check_open_read_waits, { pipe_check_role }, .aspects = ASPECT(BLOCKING) | ASPECT(UNRELATED) },
        { "open-write-waits", "opening it for writing sleeps until a reader opens it", "fifo(7)", CHECK_BOTH,
                fifo_check_open_write_waits, { pipe_check_role }, .aspects = ASPECT(BLOCKING) | ASPECT(UNRELATED) },
        { "open-at-once", "with O_NONBLOCK a reader opens at once, a writer without a reader gets ENXIO", "fifo(7)",
                CHECK_BOTH, fifo_check_open_at_once, { pipe_check_role }, .aspects = ASPECT(NON_BLOCKING) },
        { "open-interrupted",
                "opening that waits is begun again after a handler with SA_RESTART, and gives EINTR after one without",
                "signal(7)", CHECK_BOTH, fifo_check_open_interrupted, { pipe_check_role },
                .aspects = ASPECT(INTERRUPTED) },
        { "opener-killed", "who is killed while it opens leaves nothing behind: the other side waits on", "fifo(7)",
                CHECK_BOTH, fifo_check_opener_killed, { pipe_check_role }, .aspects = ASPECT(WAITER_KILLED) },
        PIPE_CLAIMS("FIFO"),
        { "new-writer", "end of file is not for ever: the next writer ends it", "fifo(7)", CHECK_BOTH, new_writer,
                { pipe_check_role }, .aspects = ASPECT(HOLDER_KILLED) },
        { "last-writer", "end of file comes when the last of several writers has gone", "pipe(7)", CHECK_BOTH,
                last_writer, { pipe_check_role }, .aspects = ASPECT(MANY_WRITERS) | ASPECT(HOLDER_KILLED) },
        { "no-end", "a reader that opened it with O_RDWR never sees the end of file", "fifo(7)", CHECK_BOTH,
                fifo_check_no_end, { pipe_check_role } },
        { "first-writer", "before the first writer a read gives the end of file, but poll(2) no POLLHUP", "fifo(7)",
                CHECK_BOTH, fifo_check_before_the_first, { pipe_check_role }, .aspects = ASPECT(EMPTY) },
        { "capacity", "a changed capacity is forgotten when all have closed it", "fcntl(2)", CHECK_BOTH,
                capacity_forgotten, { pipe_check_role } },
        { "contents-lost", "the name is persistent, the contents are not: when all have closed it, they are gone",
                "fifo(7)", CHECK_BOTH, contents_lost, { pipe_check_role }, .aspects = ASPECT(PERSISTENCE) },
        { "survives", "the name outlives the process that made it", "fifo(7)", CHECK_BOTH, survives,
                { pipe_check_role }, .aspects = ASPECT(PERSISTENCE) | ASPECT(CREATOR_GONE) },
        { "exclusive", "mkfifo takes over nothing that exists", "mkfifo(3)", CHECK_BOTH, exclusive,
                { pipe_check_role } },
        { "mode", "the umask takes bits from the mode that mkfifo was given", "mkfifo(3)", CHECK_BOTH, mode_and_umask,
                { pipe_check_role }, .aspects = ASPECT(PERMISSION) },
        { "more-names", "renamed, or with another hard link, it is still the same FIFO", "link(2)", CHECK_BOTH,
                more_names, { pipe_check_role } },
        { "unlink", "a removed FIFO stays usable for who has it open", "unlink(2)", CHECK_BOTH, unlinked,
                { pipe_check_role }, .aspects = ASPECT(PERSISTENCE) },
        { "permission", "mode bits keep other users out, for each direction", "fifo(7)", CHECK_BOTH, permission,
                { pipe_check_role }, .aspects = ASPECT(PERMISSION) },
        { "other-user", "with mode 0666 another user opens it and uses both directions", "fifo(7)", CHECK_BOTH,
                transport_other_user, { transport_place_role }, .aspects = ASPECT(OTHER_USER) },
        { "other-ipc", "a FIFO is a file: a peer in another IPC namespace finds it by its path", "ipc_namespaces(7)",
                CHECK_BOTH, transport_other_ipc, { transport_place_role }, .aspects = ASPECT(NAMESPACE) },
        { "other-net", "a FIFO is a file: a peer in another network namespace finds it by its path",
                "network_namespaces(7)", CHECK_BOTH, transport_other_net, { transport_place_role },
                .aspects = ASPECT(NAMESPACE) },
        { "exhausted", "with no descriptor left it cannot be opened (EMFILE); what is open goes on", "open(2)",
                CHECK_BOTH, transport_exhausted, { transport_exhausted_role },
                .aspects = ASPECT(EXHAUSTION) | ASPECT(LIMIT) },
        {},
};

const CheckGap fifo_gaps[] = {
        PIPE_GAPS("FIFO"),
        {},
};
