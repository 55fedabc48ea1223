/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ring-checks.h"

/* Claims on who dies with a ring in his hands: what a dead one left half done is undone, and nobody waits for him for
 * good. */
#include <errno.h>
#include <signal.h>
#include <sys/socket.h>

#include "cleanup.h"
#include "memory-calls.h"

CheckResult ring_writer_killed(CheckRun *run) {
        CLEANUP(ring_check_done) RingCheck check = RING_CHECK_EMPTY;
        CheckProcess *peer, *next;

        if (!ring_check_begin(run, RING_SMALL, 0, IPCBUS_RING_READER, &check, &peer) ||
                !check_expect(run, "its first message", peer_call(run, peer, "ring-send", 0, 1), 0) ||
                !check_expect(run, "filling a second", peer_call(run, peer, "ring-reserve", 0, 2), 0) ||
                !check_expect(run, "SIGKILL", check_murder(run, peer), 0) || !ring_gives(run, &check, 1) ||
                !check_expect(run, "behind it", ring_receive_number(check.ring, CHECK_PATIENCE_USEC), -EPIPE) ||
                !ring_check_add(run, &check, IPCBUS_RING_WRITER, &next) ||
                !check_expect(run, "the next writer's message", peer_call(run, next, "ring-send", 0, 3), 0) ||
                !ring_gives(run, &check, 3))
                return CHECK_FAILED;
        return check_ok(run, "committed 1, killed with 2 filled: 1 is read, then EPIPE; the next writer's 3 is read");
}

CheckResult ring_writer_killed_many(CheckRun *run) {
        CLEANUP(ring_check_done) RingCheck check = RING_CHECK_EMPTY;
        CheckProcess *first, *second;
        IpcbusRingState state;

        if (!ring_check_begin(run, RING_SMALL, IPCBUS_RING_MANY, IPCBUS_RING_READER, &check, &first) ||
                !ring_check_add(run, &check, IPCBUS_RING_WRITER, &second) ||
                !check_expect(run, "the first fills its message", peer_call(run, first, "ring-reserve", 0, 1), 0) ||
                !check_expect(run, "the second sends behind it", peer_call(run, second, "ring-send", 0, 2), 0) ||
                !check_expect(
                        run, "without waiting, while the first lives", ring_receive_number(check.ring, 0), -EAGAIN) ||
                !check_expect(run, "SIGKILL of the first", check_murder(run, first), 0) ||
                !ring_gives(run, &check, 2) ||
                !check_expect(run, "its state", ipcbus_ring_state(check.ring, &state, sizeof state), 0) ||
                !check_expect(run, "records given up", (int64_t)state.voided, 1))
                return CHECK_FAILED;
        return check_ok(run, "1 reserved, 2 sent behind it: EAGAIN while the one with 1 lives, 2 when it is killed");
}

CheckResult ring_batch_killed(CheckRun *run) {
        CLEANUP(ring_check_done) RingCheck check = RING_CHECK_EMPTY;
        CheckProcess *peer, *next;

        if (!ring_check_begin(run, RING_SMALL, 0, IPCBUS_RING_READER, &check, &peer))
                return CHECK_FAILED;
        for (int64_t i = 0; i < 3; i++)
                if (!check_expect(run, "append", peer_call(run, peer, "ring-append", 0, i), 0))
                        return CHECK_FAILED;
        if (!check_expect(run, "before it is published", ring_receive_number(check.ring, 0), -EAGAIN) ||
                !check_expect(run, "publish", peer_call(run, peer, "ring-publish", 0), 0))
                return CHECK_FAILED;
        for (int64_t i = 0; i < 3; i++)
                if (!ring_gives(run, &check, i))
                        return CHECK_FAILED;
        for (int64_t i = 3; i < 6; i++)
                if (!check_expect(run, "append", peer_call(run, peer, "ring-append", 0, i), 0))
                        return CHECK_FAILED;
        if (!check_expect(run, "SIGKILL", check_murder(run, peer), 0) ||
                !check_expect(
                        run, "of the second batch", ring_receive_number(check.ring, CHECK_PATIENCE_USEC), -EPIPE) ||
                !ring_check_add(run, &check, IPCBUS_RING_WRITER, &next) ||
                !check_expect(run, "the next writer's message", peer_call(run, next, "ring-send", 0, 9), 0) ||
                !ring_gives(run, &check, 9))
                return CHECK_FAILED;
        return check_ok(run, "3 appended: nothing is seen, published: all 3; 3 more, killed: none of them");
}

CheckResult ring_reader_killed(CheckRun *run) {
        CLEANUP(ring_check_done) RingCheck check = RING_CHECK_EMPTY;
        CheckProcess *peer, *next;

        if (!ring_check_begin(run, RING_SMALL, 0, IPCBUS_RING_WRITER, &check, &peer))
                return CHECK_FAILED;
        for (uint64_t i = 1; i <= 3; i++)
                if (!check_expect(run, "send", ring_send_number(check.ring, i, 0), 0))
                        return CHECK_FAILED;
        if (!check_expect(run, "it takes", peer_call(run, peer, "ring-receive", 0, 0, CHECK_PATIENCE_USEC), 1) ||
                !check_expect(run, "it looks at", peer_call(run, peer, "ring-peek", 0), 2) ||
                !check_expect(run, "SIGKILL", check_murder(run, peer), 0) ||
                !ring_check_add(run, &check, IPCBUS_RING_READER, &next) ||
                !check_expect(run, "the next reader takes",
                        peer_call(run, next, "ring-receive", 0, 0, CHECK_PATIENCE_USEC), 2) ||
                !check_expect(run, "and", peer_call(run, next, "ring-receive", 0, 0, CHECK_PATIENCE_USEC), 3))
                return CHECK_FAILED;
        return check_ok(run, "took 1, killed while it looked at 2: the next reader takes 2, then 3");
}

CheckResult ring_reader_killed_many(CheckRun *run) {
        CLEANUP(ring_check_done) RingCheck check = RING_CHECK_EMPTY;
        CheckProcess *first, *second;
        IpcbusRingState state;

        if (!ring_check_begin(run, RING_SMALL, IPCBUS_RING_MANY, IPCBUS_RING_WRITER, &check, &first) ||
                !ring_check_add(run, &check, IPCBUS_RING_READER, &second) ||
                !check_expect(run, "send", ring_send_number(check.ring, 1, 0), 0) ||
                !check_expect(run, "send", ring_send_number(check.ring, 2, 0), 0) ||
                !check_expect(run, "the first looks at", peer_call(run, first, "ring-peek", 0), 1) ||
                !check_expect(run, "the second takes",
                        peer_call(run, second, "ring-receive", 0, 0, CHECK_PATIENCE_USEC), 2) ||
                !check_expect(run, "SIGKILL of the first", check_murder(run, first), 0) ||
                !check_expect(run, "the second takes then",
                        peer_call(run, second, "ring-receive", 0, 0, CHECK_PATIENCE_USEC), 1) ||
                !check_expect(run, "its state", ipcbus_ring_state(check.ring, &state, sizeof state), 0) ||
                !check_expect(run, "messages given to others", (int64_t)state.returned, 1))
                return CHECK_FAILED;
        return check_ok(run, "killed while it looked at 1: another reader, who had taken 2, gets 1 as well");
}

CheckResult ring_readers_gone(CheckRun *run) {
        CLEANUP(ring_check_done) RingCheck check = RING_CHECK_EMPTY;
        CheckProcess *peer;
        int64_t n = 0, r = 0;

        if (!ring_check_begin(run, RING_SMALL, 0, IPCBUS_RING_WRITER, &check, &peer) ||
                !check_expect(run, "SIGKILL", check_murder(run, peer), 0))
                return CHECK_FAILED;
        while (n < RING_SMALL && (r = ring_send_number(check.ring, (uint64_t)n, CHECK_PATIENCE_USEC)) >= 0)
                n++;
        if (!check_expect(run, "how many fit", n, RING_FITS) || !check_expect(run, "with no room left", r, -EPIPE))
                return CHECK_FAILED;
        return check_ok(
                run, "its only reader killed: %lld more fit, then EPIPE in place of a wait for good", (long long)n);
}

/* Its wake-up must not be lost with it. */
CheckResult ring_sleeper_killed(CheckRun *run) {
        CLEANUP(ring_check_done) RingCheck check = RING_CHECK_EMPTY;
        const PeerCall receive = { "ring-receive", .c = CHECK_PATIENCE_USEC };
        CheckProcess *first, *second;

        if (!ring_check_begin(run, RING_SMALL, IPCBUS_RING_MANY, IPCBUS_RING_WRITER, &check, &first) ||
                !ring_check_add(run, &check, IPCBUS_RING_READER, &second) || peer_begin(run, first, &receive) < 0 ||
                !check_sleeps(run, first, "the first reader") || peer_begin(run, second, &receive) < 0 ||
                !check_sleeps(run, second, "the second reader") ||
                !check_expect(run, "SIGKILL of the first", check_murder(run, first), 0) ||
                !check_expect(run, "send", ring_send_number(check.ring, 5, 0), 0) ||
                !check_expect(run, "the second reader gets", peer_end(run, second, NULL), 5))
                return CHECK_FAILED;
        return check_ok(run, "the first killed asleep: the one message goes to the second");
}

CheckResult ring_recovered(CheckRun *run) {
        CLEANUP(ring_check_done) RingCheck check = RING_CHECK_EMPTY;
        CheckProcess *writer, *reader;
        IpcbusRingState state;

        if (!ring_check_make(run, RING_SMALL, IPCBUS_RING_MANY, &check) ||
                !ring_check_add(run, &check, IPCBUS_RING_WRITER, &writer) ||
                !ring_check_add(run, &check, IPCBUS_RING_READER, &reader) ||
                !ring_check_open(run, &check, IPCBUS_RING_OBSERVER) ||
                !check_expect(run, "recovering while all live", ipcbus_ring_recover(check.ring), 0) ||
                !check_expect(run, "SIGKILL", check_murder(run, writer), 0) ||
                !check_expect(run, "its state", ipcbus_ring_state(check.ring, &state, sizeof state), 0) ||
                !check_expect(run, "dead then", state.dead, 1) ||
                !check_expect(run, "recovering", ipcbus_ring_recover(check.ring), 1) ||
                !check_expect(run, "recovering again", ipcbus_ring_recover(check.ring), 0) ||
                !check_expect(run, "its state", ipcbus_ring_state(check.ring, &state, sizeof state), 0) ||
                !check_expect(run, "dead", state.dead, 0) || !check_expect(run, "writers", state.writers, 0) ||
                !check_expect(run, "readers", state.readers, 1))
                return CHECK_FAILED;
        return check_ok(
                run, "one of two killed: 1 dead, recovered by one that only looks, and then the other alone is there");
}

CheckResult ring_creator_gone(CheckRun *run) {
        CLEANUP(ring_check_done) RingCheck check = RING_CHECK_EMPTY;
        CLEANUP_FD int ours = -EBADF, theirs = -EBADF;
        CheckProcess *maker, *writer, *reader;
        int pair[2];

        if (!check_need(run, "socketpair", socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0 ? -errno : 0))
                return CHECK_FAILED;
        ours = pair[0];
        theirs = pair[1];
        if (peer_start(run, 0, &theirs, 1, &maker) < 0 ||
                !check_need(run, "the peer's ipcbus_ring_create",
                        peer_call(run, maker, "ring-make", RING_FROM_JUDGE, RING_SMALL)))
                return CHECK_FAILED;
        check.fd = memory_take(ours);
        if (!check_need(run, "recvmsg", check.fd) ||
                !check_expect(run, "SIGKILL of the one that made it", check_murder(run, maker), 0) ||
                !ring_check_add(run, &check, IPCBUS_RING_WRITER, &writer) ||
                !ring_check_add(run, &check, IPCBUS_RING_READER, &reader))
                return CHECK_FAILED;
        check.fd = fd_close(check.fd);
        if (!check_expect(run, "send", peer_call(run, writer, "ring-send", 0, 8), 0) ||
                !check_expect(run, "SIGKILL of the writer", check_murder(run, writer), 0) ||
                !check_expect(run, "receive", peer_call(run, reader, "ring-receive", 0, 0, CHECK_PATIENCE_USEC), 8))
                return CHECK_FAILED;
        return check_ok(run, "who made it was killed, then who wrote: the message is received");
}

/* Stopped is not dead. */
CheckResult ring_stopped(CheckRun *run) {
        CLEANUP(ring_check_done) RingCheck check = RING_CHECK_EMPTY;
        CheckProcess *peer;

        if (!ring_check_begin(run, RING_SMALL, IPCBUS_RING_MANY, IPCBUS_RING_READER, &check, &peer) ||
                !check_expect(run, "filling a message", peer_call(run, peer, "ring-reserve", 0, 4), 0) ||
                !check_expect(run, "SIGSTOP", check_kill(run, peer, SIGSTOP), 0) ||
                !check_expect(run, "the state T", check_await_state(run, peer, 'T'), 0) ||
                !check_expect(run, "receive", ring_receive_number(check.ring, CHECK_TIMEOUT_USEC), -ETIMEDOUT) ||
                !check_expect(run, "recovering", ipcbus_ring_recover(check.ring), 0) ||
                !check_expect(run, "SIGCONT", check_kill(run, peer, SIGCONT), 0) ||
                !check_expect(run, "commit", peer_call(run, peer, "ring-commit", 0), 0) || !ring_gives(run, &check, 4))
                return CHECK_FAILED;
        return check_ok(
                run, "stopped within a record: nobody takes it for dead; continued, it commits, and it is read");
}
