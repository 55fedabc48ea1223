/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "memory-claims.h"

/* What mmap(2) and ftruncate(2) promise of memory that is a file, whatever file it is. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"

enum {
        PAGES = 4,
        MAPPINGS = 1000,
};

#define FAR_OFFSET (INT64_C(8) << 30) /* beyond what 32 bits can tell */

/* Reads one byte as read(2) sees it. */
static int64_t byte_at(int fd, off_t offset) {
        unsigned char byte = 0;
        ssize_t n = pread(fd, &byte, 1, offset);

        return n < 0 ? -errno : n == 0 ? -ENODATA : byte;
}

static int64_t write_byte(int fd, off_t offset, unsigned char byte) {
        ssize_t n = pwrite(fd, &byte, 1, offset);

        return n < 0 ? -errno : n;
}

CheckResult memory_both_ways(CheckRun *run, const MemoryMaker *maker) {
        CLEANUP(memory_done) Memory memory = MEMORY_EMPTY;
        CheckProcess *peer;

        if (!memory_begin(run, maker, PAGES, &memory, &peer))
                return CHECK_FAILED;
        memory.mapped[1] = 11;
        if (!check_expect(run, "the peer's write", peer_call(run, peer, "poke", 2, 22), 0) ||
                !check_expect(run, "what the peer reads", peer_call(run, peer, "peek", 1), 11) ||
                !check_expect(run, "what is read here", memory.mapped[2], 22))
                return CHECK_FAILED;
        return check_ok(run, "each side read what the other wrote, without a system call");
}

CheckResult memory_private_mapping(CheckRun *run, const MemoryMaker *maker) {
        CLEANUP(memory_done) Memory memory = MEMORY_EMPTY;
        CheckProcess *peer;

        if (!memory_begin(run, maker, PAGES, &memory, &peer))
                return CHECK_FAILED;
        memory.mapped[5] = 50;
        if (!check_expect(run, "mmap with MAP_PRIVATE",
                    peer_call(run, peer, "map-private", maker->number, (int64_t)memory.size, PROT_READ | PROT_WRITE),
                    0) ||
                !check_expect(run, "what the private mapping shows", peer_call(run, peer, "peek", 5), 50) ||
                !check_expect(run, "the peer's write", peer_call(run, peer, "poke", 5, 55), 0) ||
                !check_expect(run, "what the peer reads of it", peer_call(run, peer, "peek", 5), 55) ||
                !check_expect(run, "what the shared mapping shows", memory.mapped[5], 50) ||
                !check_expect(run, "what read(2) shows", byte_at(memory.fd, 5), 50))
                return CHECK_FAILED;
        return check_ok(run, "55 written to a private mapping: its process reads 55, all others 50");
}

CheckResult memory_coherent(CheckRun *run, const MemoryMaker *maker) {
        CLEANUP(memory_done) Memory memory = MEMORY_EMPTY;
        CheckProcess *peer;

        if (!memory_begin(run, maker, PAGES, &memory, &peer) ||
                !check_expect(run, "pwrite", write_byte(memory.fd, 7, 70), 1) ||
                !check_expect(run, "what the peer's mapping shows", peer_call(run, peer, "peek", 7), 70) ||
                !check_expect(run, "the peer's write to its mapping", peer_call(run, peer, "poke", 8, 80), 0) ||
                !check_expect(run, "what pread shows before a sync", byte_at(memory.fd, 8), 80) ||
                !check_expect(run, "msync with MS_SYNC", peer_call(run, peer, "sync", (int64_t)memory.size), 0) ||
                !check_expect(run, "what pread shows after it", byte_at(memory.fd, 8), 80))
                return CHECK_FAILED;
        return check_ok(run, "what pwrite wrote is mapped, what was mapped is read, without a sync; msync: ok");
}

CheckResult memory_growth(CheckRun *run, const MemoryMaker *maker) {
        int64_t page = (int64_t)memory_page();
        CLEANUP(memory_done) Memory memory = MEMORY_EMPTY;
        CheckProcess *peer;

        /* Mapped further than it reaches: the rest comes into being when the file grows. */
        if (!memory_begin(run, maker, 1, &memory, &peer) ||
                !check_expect(run, "mmap of two pages",
                        peer_call(run, peer, "map", maker->number, 2 * page, PROT_READ | PROT_WRITE), 0) ||
                !check_expect(run, "ftruncate to two pages", ftruncate(memory.fd, 2 * page), 0) ||
                !check_expect(
                        run, "the size that the peer sees", peer_call(run, peer, "size", maker->number), 2 * page) ||
                !check_expect(run, "a byte of the new page", peer_call(run, peer, "peek", page), 0) ||
                !check_expect(run, "the peer's write there", peer_call(run, peer, "poke", page, 9), 0) ||
                !check_expect(run, "what is read here", byte_at(memory.fd, page), 9))
                return CHECK_FAILED;
        return check_ok(run, "grown from %" PRId64 " to %" PRId64 ": the peer's mapping of both pages reaches it",
                page, 2 * page);
}

CheckResult memory_truncated(CheckRun *run, const MemoryMaker *maker) {
        int64_t page = (int64_t)memory_page();
        CLEANUP(memory_done) Memory memory = MEMORY_EMPTY;
        CheckProcess *peer;

        if (!memory_begin(run, maker, 2, &memory, &peer) ||
                !check_expect(run, "the peer's look at the second page", peer_call(run, peer, "peek", page), 0) ||
                !check_expect(run, "ftruncate to one page", ftruncate(memory.fd, page), 0) ||
                !check_expect(run, "pread past the end", byte_at(memory.fd, page), -ENODATA) ||
                !check_expect(run, "the peer's look at the first page", peer_call(run, peer, "peek", 0), 0) ||
                !memory_dies_of(run, peer, &(PeerCall){ "peek", page }, SIGBUS))
                return CHECK_FAILED;
        return check_ok(
                run, "cut off to %" PRId64 " bytes: read(2) there finds the end, the mapping gives SIGBUS", page);
}

CheckResult memory_zeroed(CheckRun *run, const MemoryMaker *maker) {
        int64_t page = (int64_t)memory_page();
        CLEANUP(memory_done) Memory memory = MEMORY_EMPTY;
        CheckProcess *peer;

        if (!memory_begin(run, maker, 2, &memory, &peer))
                return CHECK_FAILED;
        for (size_t i = 0; i < memory.size; i++)
                if (!check_expect(run, "a byte of the new memory", memory.mapped[i], 0))
                        return CHECK_FAILED;
        if (!check_expect(run, "the peer's write", peer_call(run, peer, "poke", page, 5), 0) ||
                !check_expect(run, "ftruncate", peer_call(run, peer, "truncate", maker->number, page), 0) ||
                !check_expect(run, "ftruncate", peer_call(run, peer, "truncate", maker->number, 2 * page), 0) ||
                !check_expect(run, "a byte that was cut off", peer_call(run, peer, "peek", page), 0))
                return CHECK_FAILED;
        return check_ok(run, "%zu bytes of 0; cut off and grown again: 0, not what was there", memory.size);
}

static int64_t blocks_of(int fd) {
        struct stat st;

        return fstat(fd, &st) < 0 ? -errno : (int64_t)st.st_blocks * 512;
}

CheckResult memory_sparse(CheckRun *run, const MemoryMaker *maker) {
        CLEANUP(memory_done) Memory memory = MEMORY_EMPTY;
        int64_t size = INT64_C(64) << 20, before, after;
        CheckProcess *peer;

        memory.maker = maker;
        if (!maker->make(run, &memory) || !maker->start(run, &memory, &peer) ||
                !check_need(run, "ftruncate by the peer", peer_call(run, peer, "truncate", maker->number, size)))
                return CHECK_FAILED;
        before = blocks_of(memory.fd);
        if (!check_need(run, "pwrite in the middle by the peer",
                    peer_call(run, peer, "write-at", maker->number, size / 2, 1)))
                return CHECK_FAILED;
        (void)fsync(memory.fd); /* a disk takes its blocks when it writes */
        after = blocks_of(memory.fd);
        if (!check_expect(run, "a byte of the hole", byte_at(memory.fd, 0), 0))
                return CHECK_FAILED;
        /* Some file systems count a block for the file itself, and what was written only later. */
        if (before < 0 || before >= size / 64)
                return check_fail(run, "before a write it takes %" PRId64 " bytes", before);
        if (after < before || after >= size)
                return check_fail(run, "one byte written takes %" PRId64 " bytes", after);
        return check_ok(run, "a peer made it 64 MiB: they take %" PRId64 " bytes, with one byte written %" PRId64,
                before, after);
}

CheckResult memory_far(CheckRun *run, const MemoryMaker *maker) {
        int64_t page = (int64_t)memory_page();
        CLEANUP(memory_done) Memory memory = MEMORY_EMPTY;
        CheckProcess *peer;

        memory.maker = maker;
        if (!maker->make(run, &memory) || !maker->start(run, &memory, &peer) ||
                !check_need(run, "ftruncate beyond 8 GiB",
                        peer_call(run, peer, "truncate", maker->number, FAR_OFFSET + page)) ||
                !check_need(run, "pwrite at 8 GiB", write_byte(memory.fd, FAR_OFFSET + 3, 33)) ||
                !check_expect(run, "the peer's mmap at 8 GiB",
                        peer_call(run, peer, "map-at", maker->number, FAR_OFFSET, PROT_READ | PROT_WRITE), 0) ||
                !check_expect(run, "what the peer reads", peer_call(run, peer, "peek", 3), 33) ||
                !check_expect(run, "the peer's write", peer_call(run, peer, "poke", 4, 44), 0) ||
                !check_expect(run, "what is read here", byte_at(memory.fd, FAR_OFFSET + 4), 44) ||
                !check_expect(run, "the same place without the high bits", byte_at(memory.fd, 4), 0))
                return CHECK_FAILED;
        return check_ok(
                run, "at offset %" PRId64 " both read what the other wrote; at offset 4 there is 0", FAR_OFFSET);
}

CheckResult memory_read_only(CheckRun *run, const MemoryMaker *maker) {
        CLEANUP(memory_done) Memory memory = MEMORY_EMPTY;
        CheckProcess *peer;

        if (!memory_begin(run, maker, 1, &memory, &peer) ||
                !check_need(run, "opening it again for reading",
                        peer_call(run, peer, "reopen", maker->number, PEER_SLOT + 1, O_RDONLY)) ||
                !check_expect(run, "write", peer_call(run, peer, "write-at", PEER_SLOT + 1, 0, 1), -EBADF) ||
                !check_expect(run, "mmap for writing",
                        peer_call(run, peer, "map", PEER_SLOT + 1, (int64_t)memory.size, PROT_READ | PROT_WRITE),
                        -EACCES) ||
                !check_expect(run, "mmap for reading",
                        peer_call(run, peer, "map", PEER_SLOT + 1, (int64_t)memory.size, PROT_READ), 0) ||
                !memory_dies_of(run, peer, &(PeerCall){ "poke", 0, 1 }, SIGSEGV))
                return CHECK_FAILED;
        return check_ok(run, "O_RDONLY: write EBADF, mapping for writing EACCES, a write to one for reading SIGSEGV");
}

CheckResult memory_many_mappings(CheckRun *run, const MemoryMaker *maker) {
        CLEANUP(memory_done) Memory memory = MEMORY_EMPTY;
        CheckProcess *peer;
        PeerReply reply;
        int64_t r;

        if (!memory_begin(run, maker, 1, &memory, &peer))
                return CHECK_FAILED;
        r = peer_call_full(run, peer, &(PeerCall){ "map-many", maker->number, MAPPINGS }, &reply);
        if (!check_need(run, "mmap, again and again", r) ||
                !check_expect(run, "mappings of one process", reply.x, MAPPINGS) ||
                !check_expect(run, "the write to the last of them", peer_call(run, peer, "poke", 6, 66), 0) ||
                !check_expect(run, "what is read here", memory.mapped[6], 66))
                return CHECK_FAILED;
        return check_ok(run, "%d mappings of one page in one process: a write to the last is seen by all", MAPPINGS);
}

/* mmap(2) leaves open what a private mapping shows of later changes; Linux shows them until its page is copied. */
CheckResult memory_private_later(CheckRun *run, const MemoryMaker *maker) {
        CLEANUP(memory_done) Memory memory = MEMORY_EMPTY;
        CheckProcess *peer;
        int64_t before;

        if (!memory_begin(run, maker, PAGES, &memory, &peer) ||
                !check_expect(run, "mmap with MAP_PRIVATE",
                        peer_call(
                                run, peer, "map-private", maker->number, (int64_t)memory.size, PROT_READ | PROT_WRITE),
                        0) ||
                !check_expect(run, "what it shows first", peer_call(run, peer, "peek", 1), 0))
                return CHECK_FAILED;
        memory.mapped[1] = 11;
        before = peer_call(run, peer, "peek", 1);
        if (!check_expect(run, "the peer's write to that page", peer_call(run, peer, "poke", 2, 22), 0))
                return CHECK_FAILED;
        memory.mapped[1] = 12;
        if (!check_expect(run, "what the copied page shows", peer_call(run, peer, "peek", 1), before))
                return CHECK_FAILED;
        return check_ok(run, "a change by another was %s before the process wrote to the page, and none after it",
                before == 11 ? "seen" : "not seen");
}

CheckResult memory_partial_page(CheckRun *run, const MemoryMaker *maker) {
        int64_t page = (int64_t)memory_page(), end = 100;
        CLEANUP(memory_done) Memory memory = MEMORY_EMPTY;
        CheckProcess *peer;

        if (!memory_begin(run, maker, 1, &memory, &peer) ||
                !check_expect(run, "ftruncate to 100 bytes", ftruncate(memory.fd, end), 0) ||
                !check_expect(run, "the page behind the end", peer_call(run, peer, "peek", 2 * end), 0) ||
                !check_expect(run, "a write there", peer_call(run, peer, "poke", 2 * end, 9), 0) ||
                !check_expect(run, "pread there", byte_at(memory.fd, 2 * end), -ENODATA) ||
                !check_expect(run, "the size", peer_call(run, peer, "size", maker->number), end) ||
                !check_expect(run, "ftruncate to the page", ftruncate(memory.fd, page), 0))
                return CHECK_FAILED;
        return check_ok(run,
                "of a page that the memory fills to byte 100 the rest can be written, and is no part of it; grown, it "
                "%s there",
                byte_at(memory.fd, 2 * end) == 9 ? "is found" : "is 0");
}

/* Whoever may write to it may empty it, and who has it mapped is not asked. */
CheckResult memory_emptied(CheckRun *run, const MemoryMaker *maker) {
        CLEANUP(memory_done) Memory memory = MEMORY_EMPTY;
        CheckProcess *peer, *other;

        if (!memory_begin(run, maker, 1, &memory, &peer) || !maker->start(run, &memory, &other) ||
                !check_expect(run, "the peer's write", peer_call(run, peer, "poke", 0, 7), 0) ||
                !check_need(run, "another's open with O_TRUNC",
                        peer_call(run, other, "reopen", maker->number, PEER_SLOT + 1, O_RDWR | O_TRUNC)) ||
                !check_expect(run, "the size", peer_call(run, peer, "size", maker->number), 0) ||
                !memory_dies_of(run, peer, &(PeerCall){ "peek", 0 }, SIGBUS))
                return CHECK_FAILED;
        return check_ok(run, "opened with O_TRUNC by another: 0 bytes, and who looks into its mapping dies of SIGBUS");
}

CheckResult memory_exhausted(CheckRun *run, const MemoryMaker *maker) {
        CLEANUP(memory_done) Memory memory = MEMORY_EMPTY;
        CheckProcess *peer;
        PeerReply reply;

        if (!memory_begin(run, maker, 1, &memory, &peer) ||
                !check_expect(run, "opening all that can be",
                        peer_call_full(run, peer, &(PeerCall){ "exhaust" }, &reply), 0) ||
                !check_expect(run, "opening the memory then",
                        peer_call(run, peer, "reopen", maker->number, PEER_SLOT + 1, O_RDWR), -EMFILE) ||
                !check_expect(run, "its write to its mapping", peer_call(run, peer, "poke", 0, 3), 0) ||
                !check_expect(run, "what is read here", memory.mapped[0], 3) || !memory_join(run, &memory, peer) ||
                !check_expect(run, "closing", peer_call(run, peer, "relieve"), 0) ||
                !check_need(run, "opening it after that",
                        peer_call(run, peer, "reopen", maker->number, PEER_SLOT + 1, O_RDWR)))
                return CHECK_FAILED;
        return check_ok(run,
                "%" PRId64 " descriptors more and none left: opening EMFILE, mappings can be used and made", reply.x);
}

CheckResult memory_maximum(CheckRun *run, const MemoryMaker *maker) {
        CLEANUP(memory_done) Memory memory = MEMORY_EMPTY;
        CheckProcess *peer;
        PeerReply reply;

        if (!memory_begin(run, maker, 1, &memory, &peer) ||
                !check_expect(run, "a search by ftruncate",
                        peer_call_full(run, peer, &(PeerCall){ "largest", maker->number }, &reply), 0) ||
                !check_expect(run, "mmap of 2^62 bytes",
                        peer_call(run, peer, "map", maker->number, INT64_C(1) << 62, PROT_READ), -ENOMEM) ||
                !check_expect(run, "ftruncate to -1", peer_call(run, peer, "truncate", maker->number, -1), -EINVAL))
                return CHECK_FAILED;
        if (reply.x == INT64_MAX)
                return check_ok(
                        run, "%" PRId64 " bytes, and no number is larger; a mapping of 2^62 bytes: ENOMEM", reply.x);
        if (!check_expect(run, "one byte more than the largest", reply.y == -EFBIG || reply.y == -EINVAL, true))
                return CHECK_FAILED;
        return check_ok(run, "%" PRId64 " bytes, one more: %s; a mapping of 2^62 bytes: ENOMEM", reply.x,
                check_errno(reply.y));
}

/* It is a file, and files are no part of an IPC namespace (ipc_namespaces(7)). */
CheckResult memory_other_namespace(CheckRun *run, const MemoryMaker *maker) {
        CLEANUP(memory_done) Memory memory = MEMORY_EMPTY;
        CheckProcess *peer;

        if (!memory_make_mapped(run, maker, 1, &memory))
                return CHECK_FAILED;
        memory.mapped[0] = 8;
        if (!maker->start(run, &memory, &peer) || !peer_go(run, peer, CHECK_PLACE_OTHER_IPC) ||
                (maker->open && !check_expect(run, "opening the name there",
                                        maker->open(run, &memory, peer, PEER_SLOT + 2, O_RDWR), 0)) ||
                !memory_join(run, &memory, peer) ||
                !check_expect(run, "what is read there", peer_call(run, peer, "peek", 0), 8) ||
                !check_expect(run, "its write", peer_call(run, peer, "poke", 1, 9), 0) ||
                !check_expect(run, "what is read here", memory.mapped[1], 9))
                return CHECK_FAILED;
        return check_ok(run, "a process in another IPC namespace %s and shares it",
                maker->open ? "opens it by its name" : "gets the descriptor");
}

CheckResult memory_handed_on(CheckRun *run, const MemoryMaker *maker) {
        CLEANUP(memory_done) Memory memory = MEMORY_EMPTY;
        CLEANUP_FD int ours = -EBADF, theirs = -EBADF;
        CheckProcess *peer;
        int pair[2];

        if (!memory_make_mapped(run, maker, 1, &memory) ||
                !check_need(
                        run, "socketpair", socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0 ? -errno : 0))
                return CHECK_FAILED;
        ours = pair[0];
        theirs = pair[1];
        memory.mapped[3] = 30;
        if (peer_start(run, 0, &theirs, 1, &peer) < 0 ||
                !check_expect(run, "sendmsg with SCM_RIGHTS", memory_pass(ours, memory.fd), 0) ||
                !check_expect(run, "the peer's recvmsg", peer_call(run, peer, "take", 0, PEER_SLOT), 0) ||
                !check_expect(run, "the peer's mmap",
                        peer_call(run, peer, "map", PEER_SLOT, (int64_t)memory.size, PROT_READ | PROT_WRITE), 0) ||
                !check_expect(run, "what the peer reads", peer_call(run, peer, "peek", 3), 30) ||
                !check_expect(run, "the peer's write", peer_call(run, peer, "poke", 4, 40), 0) ||
                !check_expect(run, "what is read here", memory.mapped[4], 40))
                return CHECK_FAILED;
        return check_ok(run, "a process that had nothing of it received the descriptor and shares the memory");
}
