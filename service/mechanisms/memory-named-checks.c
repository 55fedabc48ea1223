/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "memory-claims.h"

/* What names of memory files do: they are found, removed, hidden by a mount and made anew. A file system that is full
 * is one of the peer's own, seen by nobody else, which ends with it. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cleanup.h"

enum {
        PAGES = 2,
        PAGES_OF_SYSTEM = 4,
        PAGES_OF_FILE = 16,
        AGAIN = PEER_SLOT + 1, /* a second descriptor of a peer */
};

CheckResult memory_unlinked(CheckRun *run, const MemoryMaker *maker) {
        CLEANUP(memory_done) Memory memory = MEMORY_EMPTY;
        CheckProcess *peer, *late;

        if (!memory_begin(run, maker, PAGES, &memory, &peer))
                return CHECK_FAILED;
        maker->remove(&memory);
        if (!check_expect(run, "opening the name", maker->open(run, &memory, peer, AGAIN, O_RDWR), -ENOENT) ||
                !check_expect(run, "write", peer_call(run, peer, "poke", 3, 33), 0) ||
                !check_expect(run, "what is read here", memory.mapped[3], 33) ||
                peer_start(run, 0, NULL, 0, &late) < 0 ||
                !check_need(run, "making one of that name",
                        maker->open(run, &memory, late, PEER_SLOT, O_RDWR | O_CREAT | O_EXCL)) ||
                !check_expect(run, "the size of the new one", peer_call(run, late, "size", PEER_SLOT), 0) ||
                !check_expect(run, "the old one, still mapped", peer_call(run, peer, "peek", 3), 33))
                return CHECK_FAILED;
        return check_ok(
                run, "the name: ENOENT; those who mapped it still share it; made again: another one, of 0 bytes");
}

CheckResult memory_new_empty(CheckRun *run, const MemoryMaker *maker) {
        CLEANUP(memory_done) Memory memory = MEMORY_EMPTY;
        CheckProcess *peer;

        memory.maker = maker;
        if (!maker->make(run, &memory) || !maker->start(run, &memory, &peer) ||
                !check_expect(run, "its size", peer_call(run, peer, "size", PEER_SLOT), 0) ||
                !check_expect(run, "mmap of a page",
                        peer_call(run, peer, "map", PEER_SLOT, (int64_t)memory_page(), PROT_READ | PROT_WRITE), 0) ||
                !memory_dies_of(run, peer, &(PeerCall){ "peek", 0 }, SIGBUS))
                return CHECK_FAILED;
        return check_ok(run, "0 bytes; mmap of a page succeeds, a look into it ends the process with SIGBUS");
}

CheckResult memory_umask_applies(CheckRun *run, const MemoryMaker *maker) {
        CLEANUP(memory_done) Memory memory = MEMORY_EMPTY;
        CheckProcess *peer;
        int64_t wide, narrow;

        memory.maker = maker;
        if (!maker->make(run, &memory) || peer_start(run, 0, NULL, 0, &peer) < 0)
                return CHECK_FAILED;
        maker->remove(&memory);
        if (!check_expect(run, "umask", peer_call(run, peer, "umask", 027), 0) ||
                !check_need(run, "making it", maker->open(run, &memory, peer, PEER_SLOT, O_RDWR | O_CREAT | O_EXCL)))
                return CHECK_FAILED;
        narrow = peer_call(run, peer, "mode", PEER_SLOT);
        if (!check_expect(run, "the mode of 0666 under a umask of 027", narrow, 0640) ||
                !check_expect(run, "fchmod", peer_call(run, peer, "chmod", PEER_SLOT, 0666), 0))
                return CHECK_FAILED;
        wide = peer_call(run, peer, "mode", PEER_SLOT);
        if (!check_expect(run, "the mode after fchmod", wide, 0666))
                return CHECK_FAILED;
        return check_ok(run, "0666 asked for, umask 027: 0640; who wants more has to say it with fchmod");
}

/* In mount namespaces of its own; where it may not have one there is nothing to see. */
static bool mounts(CheckRun *run, const MemoryMaker *maker, CheckProcess *peer) {
        return check_need(run, "a mount of its own over the folder",
                peer_call(
                        run, peer, "mount", 0, PAGES_OF_SYSTEM * (int64_t)memory_page(), .text = maker->folder(run)));
}

CheckResult memory_hidden(CheckRun *run, const MemoryMaker *maker) {
        CLEANUP(memory_done) Memory memory = MEMORY_EMPTY;
        CheckProcess *peer;

        if (!memory_begin(run, maker, 1, &memory, &peer) || !mounts(run, maker, peer) ||
                !check_expect(
                        run, "opening the name there", maker->open(run, &memory, peer, AGAIN, O_RDWR), -ENOENT) ||
                !check_expect(run, "a write to what it mapped before", peer_call(run, peer, "poke", 0, 4), 0) ||
                !check_expect(run, "what is read here", memory.mapped[0], 4))
                return CHECK_FAILED;
        return check_ok(run, "behind a mount of its own at %s: ENOENT; what was mapped before is still shared",
                maker->folder(run));
}

CheckResult memory_full_system(CheckRun *run, const MemoryMaker *maker) {
        int64_t page = (int64_t)memory_page();
        CLEANUP(memory_done) Memory memory = MEMORY_EMPTY;
        CheckProcess *peer;

        memory.maker = maker;
        if (!maker->make(run, &memory) || peer_start(run, 0, NULL, 0, &peer) < 0 || !mounts(run, maker, peer) ||
                !check_need(run, "making one there",
                        maker->open(run, &memory, peer, PEER_SLOT, O_RDWR | O_CREAT | O_EXCL)) ||
                !check_expect(run, "ftruncate to more than there is",
                        peer_call(run, peer, "truncate", PEER_SLOT, PAGES_OF_FILE * page), 0) ||
                !check_expect(run, "posix_fallocate of it",
                        peer_call(run, peer, "allocate", PEER_SLOT, PAGES_OF_FILE * page), -ENOSPC) ||
                !check_expect(run, "mmap of it",
                        peer_call(run, peer, "map", PEER_SLOT, PAGES_OF_FILE * page, PROT_READ | PROT_WRITE), 0))
                return CHECK_FAILED;
        for (int64_t i = 0; i < PAGES_OF_SYSTEM; i++)
                if (!check_expect(run, "a write to a page", peer_call(run, peer, "poke", i * page, 1), 0))
                        return CHECK_FAILED;
        if (!check_expect(run, "write to one more",
                    peer_call(run, peer, "write-at", PEER_SLOT, PAGES_OF_SYSTEM * page, 1), -ENOSPC) ||
                !check_expect(run, "what was written", peer_call(run, peer, "peek", 0), 1) ||
                !memory_dies_of(run, peer, &(PeerCall){ "poke", PAGES_OF_SYSTEM * page, 1 }, SIGBUS))
                return CHECK_FAILED;
        return check_ok(run,
                "a file system of %d pages: ftruncate to %d ok, posix_fallocate ENOSPC; %d written, at the next "
                "pwrite: ENOSPC, the mapping: SIGBUS",
                PAGES_OF_SYSTEM, PAGES_OF_FILE, PAGES_OF_SYSTEM);
}
