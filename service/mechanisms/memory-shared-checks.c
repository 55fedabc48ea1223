/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "memory-claims.h"

/* What holds for all memory that processes share, file or not: that there is one of it, who has it, and what signals,
 * limits and a sudden end do to it. */
#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "futex.h"
#include "memory-model.h"
#include "memory-peer.h"

enum {
        ROUNDS = 8,
        RECORD = 2048, /* where it begins, behind the area */
        RECORD_SIZE = 1024,
        WRITERS = 4,
        WRITES = 50 * 1000,
};

_Static_assert(sizeof(ModelArea) <= RECORD, "the record lies behind the area");

static ModelArea *area_of(const Memory *memory) {
        return (ModelArea *)(uintptr_t)memory->mapped;
}

/* Until the peer has brought a word of the memory there; false when it did not, said something instead or ended. It
 * may end as soon as it has done that: so the word is looked at last. */
static bool await_word(CheckRun *run, CheckProcess *peer, const _Atomic uint64_t *word, uint64_t value) {
        uint64_t end = monotonic_end(CHECK_PATIENCE_USEC);

        for (;;) {
                CLEANUP(record_freep) Record *record = NULL;
                int r = check_hear(run, peer, 0, &record);

                if (r >= 0) {
                        (void)check_need(run, "the peer", record_get_i64(record, "result", -EPROTO));
                        return false;
                }
                if (atomic_load_explicit(word, memory_order_acquire) == value)
                        return true;
                if (r != -ETIMEDOUT || monotonic_now() > end)
                        return check_expect(run, "waiting for the peer", r, 0);
                sched_yield();
        }
}

/* --- One memory --- */

/* Without the right to see frames the kernel still tells in how many parts a page counts. */
CheckResult memory_one_page(CheckRun *run, const MemoryMaker *maker) {
        CLEANUP(memory_done) Memory memory = MEMORY_EMPTY;
        CheckProcess *peer;
        PeerReply theirs;
        uint64_t ours = 0;

        if (!memory_begin(run, maker, 1, &memory, &peer))
                return CHECK_FAILED;
        if (memory_frame(memory.mapped, &ours) >= 0 && ours != 0) {
                if (!check_expect(run, "its look at the frame",
                            peer_call_full(run, peer, &(PeerCall){ "frame" }, &theirs), 0) ||
                        !check_expect(run, "the frame behind its mapping", theirs.x, (int64_t)ours))
                        return CHECK_FAILED;
                return check_ok(run, "both mappings lead to frame %#" PRIx64 " of the memory", ours);
        }
        if (peer_call_full(run, peer, &(PeerCall){ "share" }, &theirs) < 0)
                return check_skip(run, "/proc tells neither the frame of a page nor who shares it");
        if (theirs.x <= 0 || theirs.y <= 0 || theirs.y > theirs.x / 2)
                return check_fail(run, "of %" PRId64 " bytes %" PRId64 " are the peer's share", theirs.x, theirs.y);
        return check_ok(run,
                "frames are not told to this user; of %" PRId64 " bytes only %" PRId64
                " count for the peer: it shares them",
                theirs.x, theirs.y);
}

CheckResult memory_no_call(CheckRun *run, const MemoryMaker *maker) {
        CLEANUP(memory_done) Memory memory = MEMORY_EMPTY;
        CheckProcess *peer;
        ModelArea *area;
        int status = 0;

        if (!memory_begin(run, maker, 1, &memory, &peer))
                return CHECK_FAILED;
        area = area_of(&memory);
        if (peer_begin(run, peer, &(PeerCall){ "answer", ROUNDS }) < 0 || !await_word(run, peer, &area->progress, 1))
                return CHECK_FAILED;
        for (uint64_t i = 1; i <= ROUNDS; i++) {
                atomic_store_explicit(&area->x, i, memory_order_release);
                if (!await_word(run, peer, &area->y, i))
                        return CHECK_FAILED;
        }
        if (!check_expect(run, "waiting for its end", check_wait(run, peer, CHECK_PATIENCE_USEC, &status), 0) ||
                !check_expect(run, "the signal that ended it", WIFSIGNALED(status) ? WTERMSIG(status) : 0, 0))
                return CHECK_FAILED;
        return check_ok(run, "a process that seccomp(2) kills for any system call answered %d times", ROUNDS);
}

CheckResult memory_many_writers(CheckRun *run, const MemoryMaker *maker) {
        CLEANUP(memory_done) Memory memory = MEMORY_EMPTY;
        CheckProcess *peers[WRITERS];
        PeerReply reply;

        if (!memory_begin(run, maker, 1, &memory, &peers[0]))
                return CHECK_FAILED;
        for (unsigned i = 1; i < WRITERS; i++)
                if (!memory_add(run, &memory, &peers[i]))
                        return CHECK_FAILED;
        for (unsigned i = 0; i < WRITERS; i++)
                if (peer_begin(run, peers[i], &(PeerCall){ "own-byte", i, WRITES }) < 0)
                        return CHECK_FAILED;
        for (unsigned i = 0; i < WRITERS; i++)
                if (!check_expect(run, "a writer", peer_end(run, peers[i], &reply), 0) ||
                        !check_expect(run, "bytes that were not what it wrote", reply.x, 0) ||
                        !check_expect(run, "its byte at the end", memory.mapped[i], (unsigned char)WRITES))
                        return CHECK_FAILED;
        return check_ok(run, "%d processes wrote %d times each, to bytes side by side: none touched another's",
                WRITERS, WRITES);
}

/* --- Who has it --- */

/* What /proc/PID/maps says behind the addresses of the mapping that begins there; "" for none. */
static void mapping_text(pid_t pid, const volatile void *address, char *text, size_t size) {
        char path[64], line[512];
        FILE *file;

        text[0] = '\0';
        (void)snprintf(path, sizeof path, "/proc/%d/maps", (int)pid);
        file = fopen(path, "re");
        while (file && fgets(line, sizeof line, file)) {
                uint64_t from;
                int at = 0;

                if (sscanf(line, "%" SCNx64 "-%*x %n", &from, &at) == 1 && at > 0 && from == (uintptr_t)address)
                        (void)snprintf(text, size, "%s", line + at);
        }
        if (file)
                (void)fclose(file);
}

/* The judge has it mapped when the peer is started: forked it has that too, executed it has not. */
CheckResult memory_inherited(CheckRun *run, const MemoryMaker *maker) {
        CLEANUP(memory_done) Memory memory = MEMORY_EMPTY;
        char ours[256], theirs[256];
        bool forked = run->relation == CHECK_FORKED;
        CheckProcess *peer;
        PeerReply reply;

        if (!memory_make_mapped(run, maker, 1, &memory) || !maker->start(run, &memory, &peer))
                return CHECK_FAILED;
        /* After its answer it has come through execve(2). */
        if (!check_expect(run, "an answer", peer_call(run, peer, "pid"), 0))
                return CHECK_FAILED;
        mapping_text(getpid(), memory.mapped, ours, sizeof ours);
        mapping_text(check_pid(run, peer), memory.mapped, theirs, sizeof theirs);
        if (ours[0] == '\0')
                return check_skip(run, "/proc does not tell what is mapped");
        if (!check_expect(run, "has the new process the same mapping", strcmp(ours, theirs) == 0, forked))
                return CHECK_FAILED;
        memory.mapped[0] = 5;
        if (!memory_join(run, &memory, peer) ||
                !check_expect(run, "a child", peer_call_full(run, peer, &(PeerCall){ "child", 0, 6 }, &reply), 0) ||
                !check_expect(run, "what the child reads", reply.x, 5) ||
                !check_expect(run, "what its parent reads then", peer_call(run, peer, "peek", 0), 6) ||
                !check_expect(run, "what is read here", memory.mapped[0], 6))
                return CHECK_FAILED;
        return check_ok(run, "%s; a child of fork(2) reads and writes what its parent has mapped",
                forked ? "a forked process has the mapping of its parent" : "after execve(2) the mapping is gone");
}

CheckResult memory_holder_killed(CheckRun *run, const MemoryMaker *maker) {
        CLEANUP(memory_done) Memory memory = MEMORY_EMPTY;
        CheckProcess *killed, *other, *late;

        if (!memory_begin(run, maker, 1, &memory, &killed) || !memory_add(run, &memory, &other) ||
                !check_expect(run, "its write", peer_call(run, killed, "poke", 1, 11), 0) ||
                !check_expect(run, "SIGKILL", check_murder(run, killed), 0) ||
                !check_expect(run, "what another reads", peer_call(run, other, "peek", 1), 11) ||
                !check_expect(run, "what another writes", peer_call(run, other, "poke", 2, 22), 0) ||
                !memory_add(run, &memory, &late) ||
                !check_expect(run, "what one reads that came later", peer_call(run, late, "peek", 2), 22))
                return CHECK_FAILED;
        return check_ok(run, "one of three that had it mapped was killed: the others go on, and more can come");
}

/* Held up in the middle of its write, so that the end comes just there. */
CheckResult memory_writer_killed(CheckRun *run, const MemoryMaker *maker) {
        CLEANUP(memory_done) Memory memory = MEMORY_EMPTY;
        CheckProcess *peer;
        unsigned written = 0;
        ModelArea *area;
        int r;

        if (!memory_begin(run, maker, 1, &memory, &peer) || !memory_model_ready(run, area_of(&memory)))
                return CHECK_FAILED;
        area = area_of(&memory);
        memset((void *)(memory.mapped + RECORD), 1, RECORD_SIZE);
        if (peer_begin(run, peer, &(PeerCall){ "half", RECORD, RECORD_SIZE, 2 }) < 0 ||
                !await_word(run, peer, &area->progress, 1) ||
                !check_expect(run, "SIGKILL", check_murder(run, peer), 0))
                return CHECK_FAILED;
        for (unsigned i = 0; i < RECORD_SIZE; i++)
                written += memory.mapped[RECORD + i] == 2;
        r = pthread_mutex_trylock(&area->mutex);
        if (!check_expect(run, "bytes that were written", written, RECORD_SIZE / 2) ||
                !check_expect(run, "locking the robust mutex that it held", -r, -EOWNERDEAD) ||
                !check_expect(run, "pthread_mutex_consistent", -pthread_mutex_consistent(&area->mutex), 0) ||
                !check_expect(run, "unlocking it", -pthread_mutex_unlock(&area->mutex), 0))
                return CHECK_FAILED;
        return check_ok(run,
                "killed in the middle of %d bytes: %u are new, the rest is old, and nobody is told but "
                "who locks the robust mutex that it held: EOWNERDEAD",
                RECORD_SIZE, written);
}

/* --- Waiting in it --- */

CheckResult memory_interrupted(CheckRun *run, const MemoryMaker *maker) {
        CLEANUP(memory_done) Memory memory = MEMORY_EMPTY;
        const PeerCall wait = { "futex-wait", offsetof(ModelArea, futex) };
        CheckProcess *peer;
        int n;

        if (!memory_begin(run, maker, 1, &memory, &peer) ||
                !check_expect(run, "a handler", peer_call(run, peer, "catch", SIGUSR1, 0), 0) ||
                peer_begin(run, peer, &wait) < 0 || !check_sleeps(run, peer, "FUTEX_WAIT") ||
                !check_expect(run, "SIGUSR1", check_kill(run, peer, SIGUSR1), 0) ||
                !check_expect(run, "FUTEX_WAIT interrupted by it", peer_end(run, peer, NULL), -EINTR) ||
                !check_expect(run, "a handler with SA_RESTART", peer_call(run, peer, "catch", SIGUSR1, 1), 0) ||
                peer_begin(run, peer, &wait) < 0 || !check_sleeps(run, peer, "again") ||
                !check_expect(run, "SIGUSR1", check_kill(run, peer, SIGUSR1), 0) ||
                !check_sleeps(run, peer, "with SA_RESTART after the signal"))
                return CHECK_FAILED;
        /* It may be on its way back to sleep yet. */
        for (uint64_t end = monotonic_end(CHECK_PATIENCE_USEC); (n = futex_wake(&area_of(&memory)->futex, 1)) == 0;)
                if (monotonic_now() > end || usleep(1000) < 0)
                        break;
        if (!check_expect(run, "woken", n, 1) ||
                !check_expect(run, "FUTEX_WAIT restarted", peer_end(run, peer, NULL), 0) ||
                !check_expect(run, "signals handled", peer_call(run, peer, "caught"), 2))
                return CHECK_FAILED;
        return check_ok(
                run, "a handler ends it with EINTR; one with SA_RESTART runs, and the wait goes on until woken");
}

CheckResult memory_waiter_killed(CheckRun *run, const MemoryMaker *maker) {
        CLEANUP(memory_done) Memory memory = MEMORY_EMPTY;
        const PeerCall wait = { "futex-wait", offsetof(ModelArea, futex) };
        CheckProcess *peers[2];

        if (!memory_begin(run, maker, 1, &memory, &peers[0]) || !memory_add(run, &memory, &peers[1]))
                return CHECK_FAILED;
        for (unsigned i = 0; i < 2; i++)
                if (peer_begin(run, peers[i], &wait) < 0 || !check_sleeps(run, peers[i], "a waiter"))
                        return CHECK_FAILED;
        /* The one that came first, and would be woken first. */
        if (!check_expect(run, "SIGKILL", check_murder(run, peers[0]), 0) ||
                !check_expect(run, "woken by FUTEX_WAKE of one", futex_wake(&area_of(&memory)->futex, 1), 1) ||
                !check_expect(run, "the other waiter", peer_end(run, peers[1], NULL), 0) ||
                !check_expect(run, "left to wake", futex_wake(&area_of(&memory)->futex, 1), 0))
                return CHECK_FAILED;
        return check_ok(run, "two slept, the first was killed: the next wake reached the other");
}

CheckResult memory_address_space(CheckRun *run, const MemoryMaker *maker) {
        CLEANUP(memory_done) Memory memory = MEMORY_EMPTY;
        int64_t what = maker->map ? 0 : maker->number;
        CheckProcess *peer;

        if (!memory_begin(run, maker, 1, &memory, &peer))
                return CHECK_FAILED;
        if (maker->map)
                what = memory.id;
        if (!check_expect(run, "mapping it with no address space left",
                    peer_call(run, peer, maker->map ? "tight-attach" : "tight-map", what, (int64_t)memory.size),
                    -ENOMEM) ||
                !check_expect(run, "its write to what it had", peer_call(run, peer, "poke", 0, 3), 0) ||
                !check_expect(run, "what is read here", memory.mapped[0], 3) || !memory_join(run, &memory, peer))
                return CHECK_FAILED;
        return check_ok(run, "RLIMIT_AS reached: ENOMEM, what was mapped stays; with room again: ok");
}
