/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "checks.h"

/* What mmap(2), msync(2) and open(2) promise of files that processes map, beside what all memory files promise
 * (memory-calls.h). The files stand in the directory of the run. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "memory-claims.h"

static bool make(CheckRun *run, Memory *memory) {
        if (!check_expect(run, "a path", check_path(run, 0, memory->name), 0))
                return false;
        memory->fd = open(memory->name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (memory->fd < 0)
                memory->name[0] = '\0';
        return check_need(run, "open with O_CREAT", memory->fd < 0 ? -errno : 0);
}

static int64_t open_by_name(CheckRun *run, const Memory *memory, CheckProcess *peer, int64_t number, int flags) {
        return peer_call(run, peer, "open", number, flags, .text = memory->name);
}

static bool start(CheckRun *run, const Memory *memory, CheckProcess **ret) {
        return peer_start(run, 0, NULL, 0, ret) >= 0 && check_expect(run, "the peer's opening of the name",
                                                                open_by_name(run, memory, *ret, PEER_SLOT, O_RDWR), 0);
}

static void remove_name(const Memory *memory) {
        (void)unlink(memory->name);
}

static const MemoryMaker maker = {
        .make = make, .start = start, .number = PEER_SLOT, .remove = remove_name, .open = open_by_name
};

static bool begin(CheckRun *run, Memory *memory, CheckProcess **ret) {
        return memory_begin(run, &maker, 2, memory, ret);
}

MEMORY_SHARED_FUNCTIONS;
MEMORY_MODEL_FUNCTIONS;
MEMORY_FILE_FUNCTIONS;

/* What a killed process had written to its mapping is in the file: nothing had to be synced for that. */
static CheckResult persists(CheckRun *run) {
        CLEANUP(memory_done) Memory memory = MEMORY_EMPTY;
        unsigned char byte = 0;
        CheckProcess *peer;

        memory.maker = &maker;
        if (!check_expect(run, "a path", check_path(run, 0, memory.name), 0) ||
                peer_start(run, 0, NULL, 0, &peer) < 0 ||
                !check_need(run, "the peer's open with O_CREAT",
                        peer_call(
                                run, peer, "make", PEER_SLOT, O_RDWR | O_CREAT | O_EXCL, 0600, .text = memory.name)) ||
                !check_need(run, "posix_fallocate", peer_call(run, peer, "allocate", PEER_SLOT, 4096)) ||
                !check_expect(
                        run, "its mmap", peer_call(run, peer, "map", PEER_SLOT, 4096, PROT_READ | PROT_WRITE), 0) ||
                !check_expect(run, "its write", peer_call(run, peer, "poke", 9, 99), 0) ||
                !check_expect(run, "SIGKILL", check_murder(run, peer), 0))
                return CHECK_FAILED;
        memory.fd = open(memory.name, O_RDONLY | O_CLOEXEC);
        if (!check_expect(run, "open after its death", memory.fd < 0 ? -errno : 0, 0) ||
                !check_expect(run, "pread", pread(memory.fd, &byte, 1, 9), 1) ||
                !check_expect(run, "the byte", byte, 99))
                return CHECK_FAILED;
        return check_ok(run, "maker killed without a sync: the file is there, with what it wrote to its mapping");
}

static CheckResult synced(CheckRun *run) {
        CLEANUP(memory_done) Memory memory = MEMORY_EMPTY;
        CheckProcess *peer;
        int r;

        if (!begin(run, &memory, &peer) ||
                !check_expect(run, "the peer's write", peer_call(run, peer, "poke", 0, 1), 0) ||
                !check_expect(run, "its msync with MS_SYNC", peer_call(run, peer, "sync", (int64_t)memory.size), 0) ||
                !check_expect(run, "fdatasync", fdatasync(memory.fd) < 0 ? -errno : 0, 0))
                return CHECK_FAILED;
        r = msync((char *)memory.mapped + 1, 1, MS_SYNC) < 0 ? -errno : 0;
        if (!check_expect(run, "msync that begins within a page", r, -EINVAL))
                return CHECK_FAILED;
        munmap((void *)memory.mapped, memory.size);
        r = msync((void *)memory.mapped, memory.size, MS_SYNC) < 0 ? -errno : 0;
        memory.mapped = NULL;
        if (!check_expect(run, "msync of what is not mapped", r, -ENOMEM))
                return CHECK_FAILED;
        return check_ok(run, "msync and fdatasync return when it is written; within a page EINVAL, unmapped ENOMEM");
}

static CheckResult unlinked(CheckRun *run) {
        CLEANUP(memory_done) Memory memory = MEMORY_EMPTY;
        CheckProcess *peer;

        if (!begin(run, &memory, &peer) || !check_expect(run, "unlink", unlink(memory.name), 0) ||
                !check_expect(run, "open of the name",
                        peer_call(run, peer, "open", PEER_SLOT + 1, O_RDWR, .text = memory.name), -ENOENT) ||
                !check_expect(run, "the peer's write", peer_call(run, peer, "poke", 3, 33), 0) ||
                !check_expect(run, "what is read here", memory.mapped[3], 33))
                return CHECK_FAILED;
        memory.name[0] = '\0';
        return check_ok(run, "the name: ENOENT; those who mapped it still share it");
}

static CheckResult closed(CheckRun *run) {
        CLEANUP(memory_done) Memory memory = MEMORY_EMPTY;
        CheckProcess *peer;

        if (!begin(run, &memory, &peer) ||
                !check_expect(run, "the peer's close", peer_call(run, peer, "close", PEER_SLOT), 0) ||
                !check_expect(run, "its write", peer_call(run, peer, "poke", 1, 11), 0) ||
                !check_expect(run, "what is read here", memory.mapped[1], 11))
                return CHECK_FAILED;
        return check_ok(run, "descriptor closed: the mapping goes on");
}

static CheckResult exclusive(CheckRun *run) {
        CLEANUP(memory_done) Memory memory = MEMORY_EMPTY;
        char link[PATH_MAX];
        CheckProcess *peer;
        int64_t r;

        if (!begin(run, &memory, &peer) || !check_expect(run, "a path", check_path(run, 1, link), 0) ||
                !check_expect(run, "open with O_CREAT and O_EXCL",
                        peer_call(run, peer, "make", PEER_SLOT + 1, O_RDWR | O_CREAT | O_EXCL, 0600,
                                .text = memory.name),
                        -EEXIST) ||
                !check_expect(run, "symlink", symlink("nowhere", link), 0))
                return CHECK_FAILED;
        r = peer_call(run, peer, "make", PEER_SLOT + 1, O_RDWR | O_CREAT | O_EXCL, 0600, .text = link);
        if (!check_expect(run, "the same at a link that leads nowhere", r, -EEXIST))
                return CHECK_FAILED;
        r = peer_call(run, peer, "open", PEER_SLOT + 1, O_RDWR | O_NOFOLLOW, .text = link);
        (void)unlink(link);
        if (!check_expect(run, "open of the link with O_NOFOLLOW", r, -ELOOP))
                return CHECK_FAILED;
        return check_ok(run, "O_EXCL: EEXIST, for a symbolic link too; O_NOFOLLOW: ELOOP");
}

/* In a folder where the peer stands already: what leads there is closed to it. */
static CheckResult permission(CheckRun *run) {
        CLEANUP(memory_done) Memory memory = MEMORY_EMPTY;
        int64_t refused, readable, writable;
        char folder[CHECK_PATH_MAX];
        CheckProcess *peer;

        if (!check_can_be_nobody())
                return check_skip(run, "only root can start a process of another user");
        if (!begin(run, &memory, &peer) || !check_expect(run, "a folder", check_public_folder(run, folder), 0) ||
                !check_expect(run, "chdir", peer_call(run, peer, "chdir", .text = folder), 0) ||
                !check_become_nobody(run, peer)) {
                (void)rmdir(folder);
                return CHECK_FAILED;
        }
        (void)unlink(memory.name);
        memory.fd = fd_close(memory.fd);
        (void)snprintf(memory.name, sizeof memory.name, "%s/f", folder);
        memory.fd = open(memory.name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        refused = peer_call(run, peer, "open", PEER_SLOT + 1, O_RDONLY, .text = "f");
        (void)fchmod(memory.fd, 0644);
        readable = peer_call(run, peer, "open", PEER_SLOT + 1, O_RDONLY, .text = "f");
        writable = peer_call(run, peer, "open", PEER_SLOT + 2, O_RDWR, .text = "f");
        (void)unlink(memory.name);
        memory.name[0] = '\0';
        (void)rmdir(folder);
        if (!check_expect(run, "open of 0600 by another user", refused, -EACCES) ||
                !check_expect(run, "open of 0644 for reading", readable, 0) ||
                !check_expect(run, "open of 0644 for writing", writable, -EACCES) ||
                !check_expect(run, "write to what it mapped before", peer_call(run, peer, "poke", 0, 1), 0))
                return CHECK_FAILED;
        return check_ok(run, "user %d: 0600 EACCES, 0644 for reading only; what it mapped before stays", CHECK_NOBODY);
}

static CheckResult misaligned(CheckRun *run) {
        CLEANUP(memory_done) Memory memory = MEMORY_EMPTY;
        CheckProcess *peer;

        if (!begin(run, &memory, &peer) ||
                !check_expect(
                        run, "mmap at offset 1", peer_call(run, peer, "map-at", PEER_SLOT, 1, PROT_READ), -EINVAL) ||
                !check_expect(run, "mmap of 0 bytes", peer_call(run, peer, "map", PEER_SLOT, 0, PROT_READ), -EINVAL) ||
                !check_expect(run, "mmap at the second page",
                        peer_call(run, peer, "map-at", PEER_SLOT, (int64_t)memory_page(), PROT_READ), 0))
                return CHECK_FAILED;
        return check_ok(run, "offset 1: EINVAL, 0 bytes: EINVAL, offset %zu: ok", memory_page());
}

static CheckResult limited(CheckRun *run) {
        CLEANUP(memory_done) Memory memory = MEMORY_EMPTY;
        int64_t page = (int64_t)memory_page();
        CheckProcess *peer;

        if (!begin(run, &memory, &peer) ||
                !check_expect(run, "SIGXFSZ ignored", peer_call(run, peer, "ignore", SIGXFSZ), 0) ||
                !check_expect(run, "RLIMIT_FSIZE of three pages",
                        peer_call(run, peer, "limit", RLIMIT_FSIZE, 3 * page), 0) ||
                !check_expect(
                        run, "ftruncate to four", peer_call(run, peer, "truncate", PEER_SLOT, 4 * page), -EFBIG) ||
                !check_expect(run, "ftruncate to three", peer_call(run, peer, "truncate", PEER_SLOT, 3 * page), 0))
                return CHECK_FAILED;
        return check_ok(run, "with RLIMIT_FSIZE of %d bytes: one page more is EFBIG", (int)(3 * page));
}

const Check mmap_checks[] = {
        MEMORY_SHARED_CLAIMS("mmap(2)", ASPECT(UNRELATED), memory_role),
        MEMORY_MODEL_CLAIMS("mmap(2)", memory_role),
        MEMORY_RING_CLAIMS("mmap(2)"),
        MEMORY_FILE_CLAIMS(memory_role),
        { "sync", "msync and fdatasync return when the disk has it", "msync(2)", CHECK_BOTH, synced, { memory_role } },
        { "aligned", "a mapping begins at a page of the file", "mmap(2)", CHECK_BOTH, misaligned, { memory_role } },
        { "persists", "a file keeps what was written to its mapping, also when the writer is killed", "mmap(2)",
                CHECK_BOTH, persists, { memory_role } },
        { "closed", "a mapping needs its descriptor no more", "mmap(2)", CHECK_BOTH, closed, { memory_role } },
        { "unlink", "a removed file stays shared by who has mapped it", "unlink(2)", CHECK_BOTH, unlinked,
                { memory_role } },
        { "exclusive", "O_EXCL protects from taking over what exists, links too", "open(2)", CHECK_BOTH, exclusive,
                { memory_role } },
        { "permission", "mode bits keep other users out, at the opening", "open(2)", CHECK_BOTH, permission,
                { memory_role } },
        { "limit", "RLIMIT_FSIZE bounds how far a file can be made to reach", "setrlimit(2)", CHECK_BOTH, limited,
                { memory_role } },
        {},
};
