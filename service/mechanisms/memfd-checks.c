/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "checks.h"

/* What memfd_create(2) and fcntl(2) promise of memory files without a name and of their seals, beside what all memory
 * files promise (memory-calls.h). */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "huge-pages.h"
#include "limit-facts.h"
#include "memfd.h"
#include "memory-claims.h"
#include "memory-seals.h"

enum { FROM_JUDGE = 0 }; /* the number that what was handed over has in a peer */

static bool make(CheckRun *run, Memory *memory) {
        memory->fd = memfd_create("ipcbus-check", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        return check_need(run, "memfd_create", memory->fd < 0 ? -errno : 0);
}

/* A peer gets the descriptor when it is started: there is no name to open. */
static bool start(CheckRun *run, const Memory *memory, CheckProcess **ret) {
        return peer_start(run, 0, &memory->fd, 1, ret) >= 0;
}

static const MemoryMaker maker = { .make = make, .start = start, .number = FROM_JUDGE };

static bool begin(CheckRun *run, Memory *memory, CheckProcess **ret) {
        return memory_begin(run, &maker, 1, memory, ret);
}

MEMORY_SHARED_FUNCTIONS;
MEMORY_MODEL_FUNCTIONS;
MEMORY_FILE_FUNCTIONS;

static int64_t seal(int fd, int seals) {
        return fcntl(fd, F_ADD_SEALS, seals) < 0 ? -errno : 0;
}

static CheckResult sealed_size(CheckRun *run) {
        int64_t page = (int64_t)memory_page();
        CLEANUP(memory_done) Memory memory = MEMORY_EMPTY;
        CheckProcess *peer;

        if (!begin(run, &memory, &peer) || !check_expect(run, "F_SEAL_SHRINK", seal(memory.fd, F_SEAL_SHRINK), 0) ||
                !check_expect(run, "ftruncate to less", peer_call(run, peer, "truncate", FROM_JUDGE, 1), -EPERM) ||
                !check_expect(run, "ftruncate to more", peer_call(run, peer, "truncate", FROM_JUDGE, 2 * page), 0) ||
                !check_expect(run, "F_SEAL_GROW", seal(memory.fd, F_SEAL_GROW), 0) ||
                !check_expect(run, "ftruncate to more, sealed", peer_call(run, peer, "truncate", FROM_JUDGE, 3 * page),
                        -EPERM) ||
                !check_expect(run, "a write behind the end", peer_call(run, peer, "write-at", FROM_JUDGE, 2 * page, 1),
                        -EPERM) ||
                !check_expect(run, "a write within", peer_call(run, peer, "write-at", FROM_JUDGE, 0, 1), 1))
                return CHECK_FAILED;
        return check_ok(run, "shrink: less EPERM, more ok; and grow: more EPERM, a write behind the end EPERM");
}

static CheckResult sealed_write(CheckRun *run) {
        CLEANUP(memory_done) Memory memory = MEMORY_EMPTY;
        CheckProcess *peer;

        if (!memory_make(run, &maker, 1, &memory) || !start(run, &memory, &peer) ||
                !check_expect(run, "a write before", peer_call(run, peer, "write-at", FROM_JUDGE, 0, 42), 1) ||
                !check_expect(run, "F_SEAL_WRITE", seal(memory.fd, F_SEAL_WRITE), 0) ||
                !check_expect(run, "write", peer_call(run, peer, "write-at", FROM_JUDGE, 0, 1), -EPERM) ||
                !check_expect(run, "mmap for writing, shared",
                        peer_call(run, peer, "map", FROM_JUDGE, (int64_t)memory.size, PROT_READ | PROT_WRITE),
                        -EPERM) ||
                !check_expect(run, "mmap for writing, private",
                        peer_call(run, peer, "map-private", FROM_JUDGE, (int64_t)memory.size, PROT_READ | PROT_WRITE),
                        0) ||
                !check_expect(run, "read", peer_call(run, peer, "read-at", FROM_JUDGE, 0), 42))
                return CHECK_FAILED;
        return check_ok(run, "write EPERM, shared mapping for writing EPERM; reading and private mappings: ok");
}

static CheckResult sealed_busy(CheckRun *run) {
        CLEANUP(memory_done) Memory memory = MEMORY_EMPTY;
        CheckProcess *peer;

        if (!memory_make(run, &maker, 1, &memory) || !start(run, &memory, &peer) ||
                !check_expect(run, "the peer's mmap",
                        peer_call(run, peer, "map", FROM_JUDGE, (int64_t)memory.size, PROT_READ | PROT_WRITE), 0) ||
                !check_expect(run, "F_SEAL_WRITE while the peer maps it", seal(memory.fd, F_SEAL_WRITE), -EBUSY) ||
                !check_expect(run, "the peer's munmap", peer_call(run, peer, "unmap"), 0) ||
                !check_expect(run, "F_SEAL_WRITE after it", seal(memory.fd, F_SEAL_WRITE), 0))
                return CHECK_FAILED;
        return check_ok(run, "while another process maps it for writing: EBUSY; after its munmap: sealed");
}

static CheckResult sealed_killed(CheckRun *run) {
        CLEANUP(memory_done) Memory memory = MEMORY_EMPTY;
        CheckProcess *peer;

        if (!memory_make(run, &maker, 1, &memory) || !memory_add(run, &memory, &peer) ||
                !check_expect(run, "its write", peer_call(run, peer, "poke", 0, 5), 0) ||
                !check_expect(run, "F_SEAL_WRITE", seal(memory.fd, F_SEAL_WRITE), -EBUSY) ||
                !check_expect(run, "SIGKILL", check_murder(run, peer), 0) ||
                !check_expect(run, "F_SEAL_WRITE after its end", seal(memory.fd, F_SEAL_WRITE), 0))
                return CHECK_FAILED;
        return check_ok(run, "while it is mapped to be written: EBUSY; its holder killed: sealed");
}

/* open(2): what is shared with a descriptor is the open file, and with it the place in it. */
static CheckResult offsets(CheckRun *run) {
        CLEANUP(memory_done) Memory memory = MEMORY_EMPTY;
        CheckProcess *peer;

        if (!memory_make(run, &maker, 1, &memory) || !start(run, &memory, &peer) ||
                !check_expect(run, "lseek", lseek(memory.fd, 100, SEEK_SET), 100) ||
                !check_expect(run, "where the peer's is", peer_call(run, peer, "seek", FROM_JUDGE, -1), 100) ||
                !check_expect(run, "the peer's write there", peer_call(run, peer, "write", FROM_JUDGE, 10, 1), 10) ||
                !check_expect(run, "where ours is then", lseek(memory.fd, 0, SEEK_CUR), 110) ||
                !check_need(run, "opening it again", peer_call(run, peer, "reopen", FROM_JUDGE, PEER_SLOT, O_RDWR)) ||
                !check_expect(run, "where that one is", peer_call(run, peer, "seek", PEER_SLOT, -1), 0))
                return CHECK_FAILED;
        return check_ok(run, "lseek to 100 here, the peer writes 10 bytes there: 110 here; opened again: at 0");
}

static CheckResult sealed_future(CheckRun *run) {
        CLEANUP(memory_done) Memory memory = MEMORY_EMPTY;
        CheckProcess *peer;
        int64_t r;

        if (!begin(run, &memory, &peer))
                return CHECK_FAILED;
        r = seal(memory.fd, F_SEAL_FUTURE_WRITE);
        if (r == -EINVAL)
                return check_skip(run, "this kernel does not know it; it came with Linux 5.1");
        memory.mapped[1] = 12;
        if (!check_expect(run, "F_SEAL_FUTURE_WRITE while it is mapped", r, 0) ||
                !check_expect(run, "what the peer reads of a later write", peer_call(run, peer, "peek", 1), 12) ||
                !check_expect(run, "write", peer_call(run, peer, "write-at", FROM_JUDGE, 0, 1), -EPERM) ||
                !check_expect(run, "a new mapping for writing",
                        peer_call(run, peer, "map", FROM_JUDGE, (int64_t)memory.size, PROT_READ | PROT_WRITE), -EPERM))
                return CHECK_FAILED;
        return check_ok(run, "mappings that were there go on writing; write and new mappings for writing: EPERM");
}

/* vm.memfd_noexec of 1 or 2 seals each new one against executing (F_SEAL_EXEC). */
static CheckResult sealed_seals(CheckRun *run) {
        CLEANUP(memory_done) Memory memory = MEMORY_EMPTY;
        CheckProcess *peer;
        int64_t wanted;

        if (!begin(run, &memory, &peer))
                return CHECK_FAILED;
        wanted = F_SEAL_SEAL | F_SEAL_GROW | (fcntl(memory.fd, F_GET_SEALS) & F_SEAL_EXEC);
        if (!check_expect(run, "F_SEAL_GROW", seal(memory.fd, F_SEAL_GROW), 0) ||
                !check_expect(
                        run, "the peer's F_SEAL_SEAL", peer_call(run, peer, "seal", FROM_JUDGE, F_SEAL_SEAL), 0) ||
                !check_expect(run, "another seal", seal(memory.fd, F_SEAL_SHRINK), -EPERM) ||
                !check_expect(run, "the seals that the peer sees", peer_call(run, peer, "seals", FROM_JUDGE), wanted))
                return CHECK_FAILED;
        return check_ok(run, "after F_SEAL_SEAL by one process another's F_ADD_SEALS: EPERM; all see the same seals");
}

/* Made as if with MFD_NOEXEC_SEAL, which allows sealing. */
static CheckResult sealable_unasked(CheckRun *run, const Memory *memory, CheckProcess *peer, uint64_t noexec) {
        if (!check_expect(
                    run, "the seals that the peer sees", peer_call(run, peer, "seals", FROM_JUDGE), F_SEAL_EXEC) ||
                !check_expect(
                        run, "the peer's F_SEAL_GROW", peer_call(run, peer, "seal", FROM_JUDGE, F_SEAL_GROW), 0) ||
                !check_expect(run, "ftruncate to more", ftruncate(memory->fd, 100) < 0 ? -errno : 0, -EPERM))
                return CHECK_FAILED;
        return check_ok(run,
                "vm.memfd_noexec is %" PRIu64 ": made without MFD_ALLOW_SEALING it has F_SEAL_EXEC, and takes more "
                "seals",
                noexec);
}

static CheckResult unsealable(CheckRun *run) {
        uint64_t noexec = limit_read(MEMFD_NOEXEC_FILE, 0);
        CLEANUP(memory_done) Memory memory = MEMORY_EMPTY;
        CheckProcess *peer;

        memory.fd = memfd_create("ipcbus-check", MFD_CLOEXEC);
        if (!check_need(run, "memfd_create", memory.fd < 0 ? -errno : 0) || !start(run, &memory, &peer))
                return CHECK_FAILED;
        if (noexec != 0)
                return sealable_unasked(run, &memory, peer, noexec);
        if (!check_expect(
                    run, "the seals that the peer sees", peer_call(run, peer, "seals", FROM_JUDGE), F_SEAL_SEAL) ||
                !check_expect(run, "F_SEAL_GROW", seal(memory.fd, F_SEAL_GROW), -EPERM) ||
                !check_expect(run, "the peer's F_SEAL_GROW", peer_call(run, peer, "seal", FROM_JUDGE, F_SEAL_GROW),
                        -EPERM) ||
                !check_expect(
                        run, "the peer's ftruncate to more", peer_call(run, peer, "truncate", FROM_JUDGE, 100), 0))
                return CHECK_FAILED;
        return check_ok(run,
                "made without MFD_ALLOW_SEALING: F_SEAL_SEAL is set, F_ADD_SEALS: EPERM for its maker and for who was "
                "handed it");
}

/* A peer makes one of that name, puts a byte at 10 and sends it over a UNIX socket. */
static int take_made(CheckRun *run, const char *name, unsigned char byte, CheckProcess **ret_peer) {
        CLEANUP_FD int ours = -EBADF, theirs = -EBADF;
        CheckProcess *peer;
        int pair[2], fd;

        if (!check_need(run, "socketpair", socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0 ? -errno : 0))
                return -EBADF;
        ours = pair[0];
        theirs = pair[1];
        if (peer_start(run, 0, &theirs, 1, &peer) < 0 ||
                !check_need(
                        run, "the peer's memfd_create", peer_call(run, peer, "memfd", PEER_SLOT, 0, .text = name)) ||
                !check_expect(run, "the peer's write", peer_call(run, peer, "write-at", PEER_SLOT, 10, byte), 1) ||
                !check_expect(run, "sendmsg with SCM_RIGHTS", peer_call(run, peer, "pass", FROM_JUDGE, PEER_SLOT), 0))
                return -EBADF;
        fd = memory_take(ours);
        if (!check_expect(run, "recvmsg", fd < 0 ? fd : 0, 0))
                return -EBADF;
        *ret_peer = peer;
        return fd;
}

/* The peer makes it and dies; what it sent lives on. */
static CheckResult passed(CheckRun *run) {
        CLEANUP_FD int fd = -EBADF;
        unsigned char byte = 0;
        CheckProcess *peer;

        fd = take_made(run, "ipcbus-check", 77, &peer);
        if (fd < 0 || !check_expect(run, "SIGKILL to the one that made it", check_murder(run, peer), 0) ||
                !check_expect(run, "pread after its death", pread(fd, &byte, 1, 10), 1) ||
                !check_expect(run, "the byte", byte, 77))
                return CHECK_FAILED;
        return check_ok(run, "sent over a UNIX socket; its maker killed: whoever has a descriptor still reads it");
}

/* A mapping keeps it too, without any descriptor. */
static CheckResult last_holder(CheckRun *run) {
        CLEANUP(memory_done) Memory memory = MEMORY_EMPTY;
        CheckProcess *peer;

        if (!memory_make(run, &maker, 1, &memory) || !start(run, &memory, &peer) ||
                !check_expect(run, "the peer's mmap",
                        peer_call(run, peer, "map", FROM_JUDGE, (int64_t)memory.size, PROT_READ | PROT_WRITE), 0) ||
                !check_expect(run, "pwrite", pwrite(memory.fd, "\x09", 1, 0), 1))
                return CHECK_FAILED;
        memory.fd = fd_close(memory.fd);
        if (!check_expect(run, "the peer's close", peer_call(run, peer, "close", FROM_JUDGE), 0) ||
                !check_expect(run, "what its mapping shows", peer_call(run, peer, "peek", 0), 9) ||
                !check_expect(run, "its write", peer_call(run, peer, "poke", 0, 10), 0) ||
                !check_expect(run, "what it reads", peer_call(run, peer, "peek", 0), 10))
                return CHECK_FAILED;
        return check_ok(run, "all descriptors closed: the last mapping still has the memory");
}

static CheckResult names(CheckRun *run) {
        char name[MEMFD_NAME_MAX + 2], shown[MEMFD_NAME_SIZE];
        CLEANUP_FD int a = -EBADF, b = -EBADF;
        struct stat one, other;
        CheckProcess *peer;

        a = memfd_create("ipcbus-same", MFD_CLOEXEC);
        if (!check_need(run, "memfd_create", a < 0 ? -errno : 0))
                return CHECK_FAILED;
        b = take_made(run, "ipcbus-same", 1, &peer);
        memset(name, 'x', sizeof name);
        name[MEMFD_NAME_MAX + 1] = '\0';
        if (b < 0 || fstat(a, &one) < 0 || fstat(b, &other) < 0 ||
                !check_expect(run, "the link in /proc", memfd_name(b, shown), 0) ||
                !check_expect(run, "the name in it", strcmp(shown, "ipcbus-same"), 0) ||
                !check_expect(run, "one inode for both", one.st_ino == other.st_ino, false) ||
                !check_expect(run, "what the peer's write did to ours", one.st_size, 0) ||
                !check_expect(run, "a name of 250 bytes", peer_call(run, peer, "memfd", PEER_SLOT + 1, .text = name),
                        -EINVAL) ||
                !check_need(run, "one of 249", peer_call(run, peer, "memfd", PEER_SLOT + 1, .text = name + 1)))
                return CHECK_FAILED;
        return check_ok(run,
                "two of one name, here and by a peer, are two: inodes %" PRIu64 " and %" PRIu64 "; 250 bytes: EINVAL",
                (uint64_t)one.st_ino, (uint64_t)other.st_ino);
}

static CheckResult no_exec(CheckRun *run) {
        CLEANUP_FD int fd = memfd_create("ipcbus-check", MFD_CLOEXEC | MFD_NOEXEC_SEAL);
        char *const nothing[] = { NULL };
        CheckProcess *peer;
        struct stat st;

        if (fd < 0 && errno == EINVAL)
                return check_skip(run, "this kernel does not know MFD_NOEXEC_SEAL; it came with Linux 6.3");
        if (!check_need(run, "memfd_create", fd < 0 ? -errno : 0) || fstat(fd, &st) < 0 ||
                !check_expect(run, "the bits for executing", st.st_mode & 0111, 0) ||
                !check_expect(run, "its seals", fcntl(fd, F_GET_SEALS), F_SEAL_EXEC) ||
                /* Empty: with the right to execute it this would be ENOEXEC. */
                !check_expect(run, "executing it", execveat(fd, "", nothing, nothing, AT_EMPTY_PATH) < 0 ? -errno : 0,
                        -EACCES) ||
                peer_start(run, 0, &fd, 1, &peer) < 0 ||
                !check_expect(
                        run, "the peer's fchmod to 0777", peer_call(run, peer, "chmod", FROM_JUDGE, 0777), -EPERM))
                return CHECK_FAILED;
        return check_ok(
                run, "made with mode %04o; execveat: EACCES; to make it executable again: EPERM", st.st_mode & 07777);
}

static CheckResult other_user(CheckRun *run) {
        CLEANUP(memory_done) Memory memory = MEMORY_EMPTY;
        char path[64];
        CheckProcess *peer;

        if (!begin(run, &memory, &peer))
                return CHECK_FAILED;
        (void)snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)getpid(), memory.fd);
        if (!peer_go(run, peer, CHECK_PLACE_OTHER_USER) ||
                !check_expect(run, "opening it through /proc by another user",
                        peer_call(run, peer, "open", PEER_SLOT, O_RDWR, .text = path), -EACCES) ||
                !check_expect(run, "its write to what it was given", peer_call(run, peer, "poke", 0, 5), 0) ||
                !check_expect(run, "what is read here", memory.mapped[0], 5))
                return CHECK_FAILED;
        return check_ok(run, "user %d: through /proc/PID/fd EACCES; what it was given it uses", CHECK_NOBODY);
}

static CheckResult huge_taken(CheckRun *run, const Memory *memory, CheckProcess *peer) {
        if (!check_need(run, "posix_fallocate by the peer",
                    peer_call(run, peer, "allocate", FROM_JUDGE, (int64_t)memory->size)) ||
                !memory_join(run, memory, peer) ||
                !check_expect(run, "the peer's write to what it mapped", peer_call(run, peer, "poke", 0, 7), 0) ||
                !check_expect(run, "read here", peer_call(run, peer, "read-at", FROM_JUDGE, 0), 7) ||
                !check_expect(run, "write", pwrite(memory->fd, "x", 1, 0) < 0 ? -errno : 0, -EINVAL))
                return CHECK_FAILED;
        return check_ok(run, "a page of %zu kB; what a peer wrote to its mapping is read; write(2): EINVAL",
                memory->size / 1024);
}

/* Made here, taken by the peer. */
static CheckResult huge(CheckRun *run) {
        uint64_t sizes[HUGE_SIZES_MAX], reserved, unused, more;
        CLEANUP(memory_done) Memory memory = { .maker = &maker, .fd = -EBADF, .id = -1 };
        size_t n = huge_pages_sizes(sizes);
        CheckProcess *peer;

        if (n == 0)
                return check_skip(run, "this machine has no huge pages");
        huge_pages_count(sizes[0], &reserved, &unused, &more);
        memory.size = sizes[0];
        memory.fd = memfd_create(
                "ipcbus-check", MFD_CLOEXEC | MFD_HUGETLB | (unsigned)__builtin_ctzll(sizes[0]) << MAP_HUGE_SHIFT);
        if (!check_need(run, "memfd_create with MFD_HUGETLB", memory.fd < 0 ? -errno : 0) ||
                !check_need(run, "ftruncate", ftruncate(memory.fd, (off_t)sizes[0]) < 0 ? -errno : 0) ||
                !start(run, &memory, &peer))
                return CHECK_FAILED;
        if (unused > 0 || more > 0)
                return huge_taken(run, &memory, peer);
        if (!check_expect(run, "posix_fallocate by the peer, where none is reserved",
                    peer_call(run, peer, "allocate", FROM_JUDGE, (int64_t)sizes[0]), -ENOSPC) ||
                !check_expect(run, "its mmap",
                        peer_call(run, peer, "map", FROM_JUDGE, (int64_t)sizes[0], PROT_READ | PROT_WRITE), -ENOMEM))
                return CHECK_FAILED;
        return check_ok(run,
                "no page of %" PRIu64 " kB reserved: making it ok; for a peer that takes the page posix_fallocate: "
                "ENOSPC, mmap: ENOMEM",
                sizes[0] / 1024);
}

const Check memfd_checks[] = {
        MEMORY_SHARED_CLAIMS("memfd_create(2)", 0, memory_role),
        MEMORY_MODEL_CLAIMS("memfd_create(2)", memory_role),
        MEMORY_RING_CLAIMS("memfd_create(2)"),
        MEMORY_FILE_CLAIMS(memory_role),
        { "seal-size", "seals against shrinking and growing hold for everybody", "fcntl(2)", CHECK_BOTH, sealed_size,
                { memory_role } },
        { "seal-write", "sealed against writing, it can be read and no more be written", "fcntl(2)", CHECK_BOTH,
                sealed_write, { memory_role } },
        { "seal-busy", "no seal against writing while somebody maps it for writing", "fcntl(2)", CHECK_BOTH,
                sealed_busy, { memory_role } },
        { "seal-killed", "who mapped it for writing is killed: it can be sealed then", "fcntl(2)", CHECK_BOTH,
                sealed_killed, { memory_role }, .aspects = ASPECT(HOLDER_KILLED) },
        { "seal-future-write", "a seal against future writing leaves the mappings that are there", "fcntl(2)",
                CHECK_BOTH, sealed_future, { memory_role } },
        { "seal-seal", "sealed against sealing, it takes no more seals", "fcntl(2)", CHECK_BOTH, sealed_seals,
                { memory_role } },
        { "offset", "who is handed its descriptor shares the offset, who opens it again has an own", "open(2)",
                CHECK_BOTH, offsets, { memory_role } },
        { "unsealable", "it can be sealed only if it was made so, or vm.memfd_noexec makes all so", "memfd_create(2)",
                CHECK_BOTH, unsealable, { memory_role } },
        { "survives", "it outlives who made it while anybody has a descriptor", "memfd_create(2)", CHECK_BOTH, passed,
                { memory_role }, .aspects = ASPECT(PERSISTENCE) | ASPECT(CREATOR_GONE) },
        { "last-holder", "a mapping keeps it without any descriptor", "mmap(2)", CHECK_BOTH, last_holder,
                { memory_role }, .aspects = ASPECT(PERSISTENCE) },
        { "name", "its name is for people: several may have the same, of at most 249 bytes", "memfd_create(2)",
                CHECK_BOTH, names, { memory_role } },
        { "no-exec", "made with MFD_NOEXEC_SEAL, execve(2) refuses it, and no chmod changes that", "memfd_create(2)",
                CHECK_BOTH, no_exec, { memory_role } },
        { "permission", "another user gets it only by being given it", "proc(5)", CHECK_BOTH, other_user,
                { memory_role }, .aspects = ASPECT(PERMISSION) | ASPECT(OTHER_USER) },
        { "huge-pages", "huge pages have to be reserved, and are only had when they are taken", "memfd_create(2)",
                CHECK_BOTH, huge, { memory_role }, .aspects = ASPECT(LIMIT) },
        {},
};

const CheckGap memfd_gaps[] = {
        MEMORY_FILE_GAPS,
        {},
};
