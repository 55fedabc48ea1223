/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "checks.h"

/* What shm_overview(7) promises of POSIX shared memory. A Segment owns its name, its descriptor and its mapping in the
 * judge; a peer has one mapping at a time. Both touch memory through volatile: each look is a look. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "peer-call.h"
#include "posix-name.h"

enum {
        PAGES = 4,
        WORKERS = 3,
        ADDITIONS = 200 * 1000,
};

typedef struct Segment {
        char name[POSIX_NAME_SIZE];
        int fd;
        size_t size;
        volatile unsigned char *memory;
} Segment;

#define SEGMENT_EMPTY \
        { .fd = -EBADF }

static void segment_done(Segment *segment) {
        if (segment->memory)
                munmap((void *)segment->memory, segment->size);
        if (segment->name[0])
                shm_unlink(segment->name);
        segment->fd = fd_close(segment->fd);
}

static size_t page_size(void) {
        return (size_t)sysconf(_SC_PAGESIZE);
}

static bool segment_map(CheckRun *run, Segment *segment) {
        void *memory = mmap(NULL, segment->size, PROT_READ | PROT_WRITE, MAP_SHARED, segment->fd, 0);

        if (memory == MAP_FAILED) {
                check_note(run, "mmap: %s", check_errno(errno));
                return false;
        }
        segment->memory = memory;
        return true;
}

static bool segment_make(CheckRun *run, Segment *segment) {
        segment->size = PAGES * page_size();
        if (posix_name_of_run(run->token, 0, segment->name, sizeof segment->name) < 0)
                return false;
        segment->fd = shm_open(segment->name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (!check_need(run, "shm_open", segment->fd < 0 ? -errno : 0))
                return false;
        /* Takes the memory too: where there is none, a first write would be SIGBUS. */
        if (!check_need(run, "posix_fallocate", -posix_fallocate(segment->fd, 0, (off_t)segment->size)))
                return false;
        return segment_map(run, segment);
}

/* --- What peers can be told to do --- */

static volatile unsigned char *mapped;

static int64_t call_open(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        int *place = peer_descriptor(peer, call->a);
        int fd = shm_open(call->text, (int)call->b | O_CLOEXEC, (mode_t)call->c);

        if (fd < 0)
                return -errno;
        *place = fd;
        return 0;
}

static int64_t call_truncate(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        return ftruncate(*peer_descriptor(peer, call->a), (off_t)call->b) < 0 ? -errno : 0;
}

static int64_t call_allocate(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        return -posix_fallocate(*peer_descriptor(peer, call->a), 0, (off_t)call->b);
}

/* b: size, c: protection. */
static int64_t call_map(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        void *memory = mmap(NULL, (size_t)call->b, (int)call->c, MAP_SHARED, *peer_descriptor(peer, call->a), 0);

        if (memory == MAP_FAILED)
                return -errno;
        mapped = memory;
        return 0;
}

static int64_t call_poke(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        /* A fault has to end the process as it ends any other, also where a sanitizer has its own idea of it. */
        (void)signal(SIGSEGV, SIG_DFL);
        (void)signal(SIGBUS, SIG_DFL);
        mapped[call->a] = (unsigned char)call->b;
        return 0;
}

static int64_t call_peek(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        return mapped[call->a];
}

/* Adds one to the number in the memory, `a` times, in one indivisible step. */
static int64_t call_add(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        _Atomic uint64_t *counter = (_Atomic uint64_t *)(uintptr_t)mapped;

        for (int64_t i = 0; i < call->a; i++)
                atomic_fetch_add(counter, 1);
        return 0;
}

static const PeerFunction functions[] = {
        { "shm-open", call_open },
        { "truncate", call_truncate },
        { "allocate", call_allocate },
        { "map", call_map },
        { "poke", call_poke },
        { "peek", call_peek },
        { "add", call_add },
        {},
};

static int role(CheckPeer *peer) {
        return peer_serve(peer, functions);
}

/* A peer that has the segment open and mapped by its name. */
static bool join(CheckRun *run, const Segment *segment, CheckProcess **ret) {
        return peer_start(run, 0, NULL, 0, ret) >= 0 &&
               check_expect(run, "the peer's shm_open",
                       peer_call(run, *ret, "shm-open", PEER_SLOT, O_RDWR, .text = segment->name), 0) &&
               check_expect(run, "the peer's mmap",
                       peer_call(run, *ret, "map", PEER_SLOT, (int64_t)segment->size, PROT_READ | PROT_WRITE), 0);
}

static bool begin(CheckRun *run, Segment *segment, CheckProcess **ret) {
        return segment_make(run, segment) && join(run, segment, ret);
}

/* The peer has to die of that signal. */
static bool dies_of(CheckRun *run, CheckProcess *peer, const PeerCall *call, int signal) {
        int status = 0;

        if (peer_begin(run, peer, call) < 0 ||
                !check_expect(run, "the peer's end", check_wait(run, peer, CHECK_PATIENCE_USEC, &status), 0))
                return false;
        return check_expect(run, "killed by", WIFSIGNALED(status) ? WTERMSIG(status) : 0, signal);
}

/* --- Checks --- */

static CheckResult both_ways(CheckRun *run) {
        CLEANUP(segment_done) Segment segment = SEGMENT_EMPTY;
        CheckProcess *peer;

        if (!begin(run, &segment, &peer))
                return CHECK_FAILED;
        segment.memory[1] = 11;
        if (!check_expect(run, "the peer's write", peer_call(run, peer, "poke", 2, 22), 0) ||
                !check_expect(run, "what the peer reads", peer_call(run, peer, "peek", 1), 11) ||
                !check_expect(run, "what is read here", segment.memory[2], 22))
                return CHECK_FAILED;
        return check_ok(run, "each side read what the other wrote, without a system call");
}

static CheckResult zero_filled(CheckRun *run) {
        CLEANUP(segment_done) Segment segment = SEGMENT_EMPTY;
        CheckProcess *peer;

        if (!begin(run, &segment, &peer) || !check_expect(run, "write", peer_call(run, peer, "poke", 0, 1), 0))
                return CHECK_FAILED;
        for (size_t i = 1; i < segment.size; i++)
                if (!check_expect(run, "a byte of the new segment", segment.memory[i], 0))
                        return CHECK_FAILED;
        /* Cut off and grown again: zeros, not what was there. */
        segment.memory[page_size()] = 5;
        if (!check_expect(run, "ftruncate", peer_call(run, peer, "truncate", PEER_SLOT, (int64_t)page_size()), 0) ||
                !check_expect(
                        run, "ftruncate", peer_call(run, peer, "truncate", PEER_SLOT, (int64_t)segment.size), 0) ||
                !check_expect(run, "a byte that was cut off", segment.memory[page_size()], 0) ||
                !check_expect(run, "a byte that was kept", segment.memory[0], 1))
                return CHECK_FAILED;
        return check_ok(run, "%zu bytes of 0; cut off and grown again: 0", segment.size - 1);
}

static CheckResult bus_error(CheckRun *run) {
        CLEANUP(segment_done) Segment segment = SEGMENT_EMPTY;
        CheckProcess *peer;

        if (!begin(run, &segment, &peer) || !check_expect(run, "ftruncate to one byte", ftruncate(segment.fd, 1), 0) ||
                !check_expect(
                        run, "write in the last page", peer_call(run, peer, "poke", (int64_t)page_size() - 1, 1), 0) ||
                !dies_of(run, peer, &(PeerCall){ "poke", (int64_t)page_size(), 1 }, SIGBUS))
                return CHECK_FAILED;
        return check_ok(run, "size 1: byte %zu can be written, byte %zu: SIGBUS", page_size() - 1, page_size());
}

static CheckResult read_only(CheckRun *run) {
        CLEANUP(segment_done) Segment segment = SEGMENT_EMPTY;
        CheckProcess *peer;

        if (!begin(run, &segment, &peer) ||
                !check_expect(run, "shm_open with O_RDONLY",
                        peer_call(run, peer, "shm-open", PEER_SLOT + 1, O_RDONLY, .text = segment.name), 0) ||
                !check_expect(run, "mmap for writing",
                        peer_call(run, peer, "map", PEER_SLOT + 1, (int64_t)segment.size, PROT_READ | PROT_WRITE),
                        -EACCES) ||
                !check_expect(run, "mmap for reading",
                        peer_call(run, peer, "map", PEER_SLOT + 1, (int64_t)segment.size, PROT_READ), 0) ||
                !dies_of(run, peer, &(PeerCall){ "poke", 0, 1 }, SIGSEGV))
                return CHECK_FAILED;
        return check_ok(run, "O_RDONLY: mapping for writing EACCES; a write to one for reading: SIGSEGV");
}

static CheckResult survives(CheckRun *run) {
        CLEANUP(segment_done) Segment segment = SEGMENT_EMPTY;
        CheckProcess *peer;

        segment.size = page_size();
        if (posix_name_of_run(run->token, 0, segment.name, sizeof segment.name) < 0 ||
                peer_start(run, 0, NULL, 0, &peer) < 0 ||
                !check_need(run, "the peer's shm_open",
                        peer_call(run, peer, "shm-open", PEER_SLOT, O_RDWR | O_CREAT | O_EXCL, 0600,
                                .text = segment.name)) ||
                !check_need(
                        run, "posix_fallocate", peer_call(run, peer, "allocate", PEER_SLOT, (int64_t)segment.size)) ||
                !check_expect(run, "mmap",
                        peer_call(run, peer, "map", PEER_SLOT, (int64_t)segment.size, PROT_READ | PROT_WRITE), 0) ||
                !check_expect(run, "write", peer_call(run, peer, "poke", 9, 99), 0) ||
                !check_expect(run, "SIGKILL", check_murder(run, peer), 0))
                return CHECK_FAILED;
        segment.fd = shm_open(segment.name, O_RDWR | O_CLOEXEC, 0);
        if (segment.fd < 0)
                return check_fail(run, "shm_open after the creator's death: %s", check_errno(errno));
        if (!segment_map(run, &segment) || !check_expect(run, "the byte", segment.memory[9], 99))
                return CHECK_FAILED;
        return check_ok(run, "creator killed: still there, with what it wrote");
}

static CheckResult unlinked(CheckRun *run) {
        CLEANUP(segment_done) Segment segment = SEGMENT_EMPTY;
        CheckProcess *peer;

        if (!begin(run, &segment, &peer) || !check_expect(run, "shm_unlink", shm_unlink(segment.name), 0) ||
                !check_expect(run, "shm_open of the name",
                        peer_call(run, peer, "shm-open", PEER_SLOT + 1, O_RDWR, .text = segment.name), -ENOENT) ||
                !check_expect(run, "write", peer_call(run, peer, "poke", 3, 33), 0) ||
                !check_expect(run, "what is read here", segment.memory[3], 33))
                return CHECK_FAILED;
        segment.name[0] = '\0';
        return check_ok(run, "the name: ENOENT; those who mapped it still share it");
}

static CheckResult exclusive(CheckRun *run) {
        CLEANUP(segment_done) Segment segment = SEGMENT_EMPTY;
        CheckProcess *peer;

        if (!begin(run, &segment, &peer) || !check_expect(run, "shm_open with O_EXCL",
                                                    peer_call(run, peer, "shm-open", PEER_SLOT + 1,
                                                            O_RDWR | O_CREAT | O_EXCL, 0600, .text = segment.name),
                                                    -EEXIST))
                return CHECK_FAILED;
        segment.memory[0] = 7;
        if (!check_expect(run, "shm_open with O_TRUNC",
                    peer_call(run, peer, "shm-open", PEER_SLOT + 1, O_RDWR | O_TRUNC, .text = segment.name), 0) ||
                !check_expect(run, "ftruncate", ftruncate(segment.fd, (off_t)segment.size), 0) ||
                !check_expect(run, "the byte after O_TRUNC", segment.memory[0], 0))
                return CHECK_FAILED;
        return check_ok(run, "O_EXCL: EEXIST; O_TRUNC empties what others use");
}

static CheckResult permission(CheckRun *run) {
        CLEANUP(segment_done) Segment segment = SEGMENT_EMPTY;
        CheckProcess *peer;

        if (!check_can_be_nobody())
                return check_skip(run, "only root can start a process of another user");
        if (!begin(run, &segment, &peer) || !check_become_nobody(run, peer) ||
                !check_expect(run, "shm_open by another user",
                        peer_call(run, peer, "shm-open", PEER_SLOT + 1, O_RDONLY, .text = segment.name), -EACCES) ||
                !check_expect(run, "write to what was mapped before", peer_call(run, peer, "poke", 0, 1), 0))
                return CHECK_FAILED;
        return check_ok(run, "mode 0600: EACCES for user %d; what was mapped before stays", CHECK_NOBODY);
}

/* Both read, both add one, both write: step by step, so that it happens each time. */
static CheckResult lost_update(CheckRun *run) {
        CLEANUP(segment_done) Segment segment = SEGMENT_EMPTY;
        CheckProcess *peer;
        int64_t theirs;
        int ours;

        if (!begin(run, &segment, &peer))
                return CHECK_FAILED;
        ours = segment.memory[0];
        theirs = peer_call(run, peer, "peek", 0);
        segment.memory[0] = (unsigned char)(ours + 1);
        if (!check_expect(run, "write", peer_call(run, peer, "poke", 0, theirs + 1), 0) ||
                !check_expect(run, "the number after two additions", segment.memory[0], 1))
                return CHECK_FAILED;
        return check_ok(run, "two additions to 0 gave 1: one was lost");
}

static CheckResult atomic_update(CheckRun *run) {
        CLEANUP(segment_done) Segment segment = SEGMENT_EMPTY;
        CheckProcess *peers[WORKERS];
        uint64_t counter;

        if (!segment_make(run, &segment))
                return CHECK_FAILED;
        for (size_t i = 0; i < WORKERS; i++)
                if (!join(run, &segment, &peers[i]))
                        return CHECK_FAILED;
        for (size_t i = 0; i < WORKERS; i++)
                if (peer_begin(run, peers[i], &(PeerCall){ "add", ADDITIONS }) < 0)
                        return CHECK_FAILED;
        for (size_t i = 0; i < WORKERS; i++)
                if (!check_expect(run, "a counting process", peer_end(run, peers[i], NULL), 0))
                        return CHECK_FAILED;
        counter = atomic_load((_Atomic uint64_t *)(uintptr_t)segment.memory);
        if (!check_expect(run, "the counter", (int64_t)counter, (int64_t)WORKERS * ADDITIONS))
                return CHECK_FAILED;
        return check_ok(run, "%d processes added %d each: %" PRIu64 ", none lost", WORKERS, ADDITIONS, counter);
}

/* tmpfs refuses at once what is more than the file system can ever hold; nothing is filled. */
static CheckResult full(CheckRun *run) {
        CLEANUP(segment_done) Segment segment = SEGMENT_EMPTY;
        struct statvfs fs;
        CheckProcess *peer;
        off_t too_much;

        if (!begin(run, &segment, &peer) || fstatvfs(segment.fd, &fs) < 0)
                return CHECK_FAILED;
        if (fs.f_blocks == 0)
                return check_skip(run, "/dev/shm has no limit of size here");
        too_much = (off_t)(fs.f_blocks * fs.f_frsize + page_size());
        if (!check_expect(run, "ftruncate to more than /dev/shm holds",
                    peer_call(run, peer, "truncate", PEER_SLOT, too_much), 0) ||
                !check_expect(run, "posix_fallocate of it", -posix_fallocate(segment.fd, 0, too_much), -ENOSPC))
                return CHECK_FAILED;
        return check_ok(run, "/dev/shm of %" PRIu64 " MiB: ftruncate of a page more succeeds, posix_fallocate: ENOSPC",
                (uint64_t)fs.f_blocks * fs.f_frsize / (1024 * 1024));
}

static CheckResult writer_killed(CheckRun *run) {
        CLEANUP(segment_done) Segment segment = SEGMENT_EMPTY;
        CheckProcess *peer;

        if (!begin(run, &segment, &peer) || !check_expect(run, "write", peer_call(run, peer, "poke", 0, 1), 0) ||
                !check_expect(run, "SIGKILL", check_murder(run, peer), 0) ||
                !check_expect(run, "the first half", segment.memory[0], 1) ||
                !check_expect(run, "the second half", segment.memory[1], 0))
                return CHECK_FAILED;
        return check_ok(run, "killed between two writes: the first is there, the second is not, nobody is told");
}

static CheckResult name_rules(CheckRun *run) {
        char name[NAME_MAX + 3];
        CheckProcess *peer;

        memset(name, 'x', sizeof name);
        name[0] = '/';
        name[NAME_MAX + 2] = '\0';
        if (peer_start(run, 0, NULL, 0, &peer) < 0 ||
                !check_expect(run, "a name with two slashes",
                        peer_call(run, peer, "shm-open", PEER_SLOT, O_RDWR | O_CREAT, 0600, .text = "/ipcbus/x"),
                        -EINVAL) ||
                !check_expect(run, "a name of 256 bytes",
                        shm_open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600) < 0 ? -errno : 0, -ENAMETOOLONG))
                return CHECK_FAILED;
        return check_ok(run, "a second slash: EINVAL; %d bytes behind the slash: ENAMETOOLONG", NAME_MAX + 1);
}

const Check shm_posix_checks[] = {
        { "both-ways", "all that map it read and write the same memory, without copying", "shm_overview(7)",
                CHECK_BOTH, both_ways, { role } },
        { "zero-filled", "new memory is zero, also where it was cut off before", "shm_open(3)", CHECK_BOTH,
                zero_filled, { role } },
        { "lost-update", "without synchronisation updates are lost", "shm_overview(7)", CHECK_BOTH, lost_update,
                { role } },
        { "atomic-update", "atomic operations between processes lose none", "shm_overview(7)", CHECK_BOTH,
                atomic_update, { role } },
        { "order", "messages in a ring with atomics arrive in order and whole", "futex(2)", CHECK_BOTH,
                transport_order, { transport_order_role } },
        { "boundaries", "memory has no messages: boundaries are kept where the program keeps them", "shm_overview(7)",
                CHECK_BOTH, transport_boundaries, { transport_boundaries_role } },
        { "duplex", "both directions at the same time, with a ring for each", "shm_overview(7)", CHECK_BOTH,
                transport_duplex, { transport_duplex_role } },
        { "receive-blocks", "memory wakes nobody; a futex in it does", "futex(2)", CHECK_BOTH,
                transport_receive_blocks, { transport_receive_blocks_role } },
        { "timeout", "a futex wait gives up at its time-out, never before", "futex(2)", CHECK_BOTH, transport_timeout,
                { transport_timeout_role } },
        { "past-the-end", "access past the last page of the object is SIGBUS", "mmap(2)", CHECK_BOTH, bus_error,
                { role } },
        { "read-only", "a segment opened for reading cannot be written", "shm_open(3)", CHECK_BOTH, read_only,
                { role } },
        { "writer-killed", "what a killed writer had written stays, whole or not", "shm_overview(7)", CHECK_BOTH,
                writer_killed, { role } },
        { "survives", "a segment outlives the process that made it", "shm_overview(7)", CHECK_BOTH, survives,
                { role } },
        { "unlink", "a removed segment stays shared by who has mapped it", "shm_unlink(3)", CHECK_BOTH, unlinked,
                { role } },
        { "exclusive", "O_EXCL protects from taking over what exists, O_TRUNC does not ask", "shm_open(3)", CHECK_BOTH,
                exclusive, { role } },
        { "permission", "mode bits keep other users out, at the opening", "shm_open(3)", CHECK_BOTH, permission,
                { role } },
        { "limit", "a size that /dev/shm cannot hold is only noticed when memory is taken", "posix_fallocate(3)",
                CHECK_FORKED, full, { role } },
        { "name", "a name has one slash, in front, and at most NAME_MAX bytes", "shm_open(3)", CHECK_FORKED,
                name_rules, { role } },
        {},
};
