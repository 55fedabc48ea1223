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
#include <sys/wait.h>
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
        return peer_call(run, peer, "make", number, flags, 0666, .text = memory->name);
}

static bool start(CheckRun *run, const Memory *memory, CheckProcess **ret) {
        return peer_start(run, 0, NULL, 0, ret) >= 0 && check_expect(run, "the peer's opening of the name",
                                                                open_by_name(run, memory, *ret, PEER_SLOT, O_RDWR), 0);
}

static void remove_name(const Memory *memory) {
        (void)unlink(memory->name);
}

static const char *folder(const CheckRun *run) {
        return run->directory;
}

static const MemoryMaker maker = { .make = make,
        .start = start,
        .number = PEER_SLOT,
        .remove = remove_name,
        .open = open_by_name,
        .folder = folder };

static bool begin(CheckRun *run, Memory *memory, CheckProcess **ret) {
        return memory_begin(run, &maker, 2, memory, ret);
}

MEMORY_SHARED_FUNCTIONS;
MEMORY_MODEL_FUNCTIONS;
MEMORY_FILE_FUNCTIONS;
MEMORY_NAMED_FUNCTIONS;

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
        return check_ok(run, "MS_SYNC and fdatasync: 0, which means that it is written out (no test sees the disk); "
                             "within a page EINVAL, unmapped ENOMEM");
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

/* In the public folder of the run, where the peer stands already: what leads there is closed to it. */
static bool other_user(CheckRun *run, Memory *memory, CheckProcess *peer) {
        unsigned char byte = 0;

        memory->fd = open(memory->name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        return check_need(run, "a file in the public folder", memory->fd < 0 ? -errno : 0) &&
               check_expect(run, "open of 0600 by another user",
                       peer_call(run, peer, "open", PEER_SLOT + 1, O_RDONLY, .text = "f"), -EACCES) &&
               check_expect(run, "fchmod", fchmod(memory->fd, 0644), 0) &&
               check_expect(run, "open of 0644 for reading",
                       peer_call(run, peer, "open", PEER_SLOT + 1, O_RDONLY, .text = "f"), 0) &&
               check_expect(run, "open of 0644 for writing",
                       peer_call(run, peer, "open", PEER_SLOT + 2, O_RDWR, .text = "f"), -EACCES) &&
               check_expect(run, "write to what it mapped before", peer_call(run, peer, "poke", 0, 1), 0) &&
               check_expect(run, "fchmod", fchmod(memory->fd, 0666), 0) &&
               check_need(run, "posix_fallocate", -posix_fallocate(memory->fd, 0, 100)) &&
               check_expect(run, "open of 0666 for writing",
                       peer_call(run, peer, "open", PEER_SLOT + 2, O_RDWR, .text = "f"), 0) &&
               check_expect(
                       run, "its mmap", peer_call(run, peer, "map", PEER_SLOT + 2, 100, PROT_READ | PROT_WRITE), 0) &&
               check_expect(run, "its write", peer_call(run, peer, "poke", 1, 8), 0) &&
               check_expect(run, "pread", pread(memory->fd, &byte, 1, 1), 1) &&
               check_expect(run, "what is read here", byte, 8);
}

static CheckResult permission(CheckRun *run) {
        CLEANUP(memory_done) Memory memory = MEMORY_EMPTY;
        char folder[CHECK_PATH_MAX];
        CheckProcess *peer;
        bool good;

        if (!check_expect(run, "a folder", check_public_folder(run, folder), 0))
                return CHECK_FAILED;
        good = begin(run, &memory, &peer) && peer_go(run, peer, CHECK_PLACE_OTHER_USER);
        if (good) {
                (void)unlink(memory.name);
                memory.fd = fd_close(memory.fd);
                (void)snprintf(memory.name, sizeof memory.name, "%s/f", folder);
                good = other_user(run, &memory, peer);
                (void)unlink(memory.name);
                memory.name[0] = '\0';
        }
        (void)rmdir(folder);
        if (!good)
                return CHECK_FAILED;
        return check_ok(run,
                "user %d: 0600 EACCES, 0644 for reading only, 0666 opened, mapped and written; what it mapped before "
                "stays",
                CHECK_NOBODY);
}

/* --- Ways of mapping --- */

/* A page of its own with a 7 in it, then the file in its place. */
static int64_t call_fixed(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        const int *fd = peer_descriptor(peer, call->a);
        unsigned char *place;
        void *clash;

        place = mmap(NULL, memory_page(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (place == MAP_FAILED || !fd)
                return -errno;
        place[0] = 7;
        clash = mmap(place, memory_page(), PROT_READ, MAP_SHARED | MAP_FIXED_NOREPLACE, *fd, 0);
        reply->x = clash == MAP_FAILED ? -errno : 0;
        reply->y = place[0];
        if (mmap(place, memory_page(), PROT_READ, MAP_SHARED | MAP_FIXED, *fd, 0) != place)
                return -errno;
        reply->z = place[0];
        return 0;
}

/* What a child writes, shared and private, without any file. */
static int64_t call_anonymous(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        volatile unsigned char *shared, *own;

        shared = mmap(NULL, memory_page(), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        own = mmap(NULL, memory_page(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (shared == MAP_FAILED || own == MAP_FAILED)
                return -errno;
        pid_t pid = fork();
        if (pid == 0) {
                shared[0] = 5;
                own[0] = 5;
                _exit(0);
        }
        if (pid < 0 || waitpid(pid, NULL, 0) < 0)
                return -errno;
        reply->x = shared[0];
        reply->y = own[0];
        return 0;
}

static int64_t call_map_flags(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        const int *fd = peer_descriptor(peer, call->a);
        void *base = mmap(NULL, memory_page(), (int)call->b, (int)call->c, fd ? *fd : -EBADF, 0);

        return base == MAP_FAILED ? -errno : 0;
}

static int64_t call_pipe(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        int *a = peer_descriptor(peer, call->a), *b = peer_descriptor(peer, call->b), fds[2];

        if (!a || !b)
                return -EINVAL;
        if (pipe2(fds, O_CLOEXEC) < 0)
                return -errno;
        *a = fds[0];
        *b = fds[1];
        return 0;
}

static const PeerFunction functions[] = {
        { "anonymous", call_anonymous },
        { "fixed", call_fixed },
        { "map-flags", call_map_flags },
        { "pipe", call_pipe },
        {},
};

static int role(CheckPeer *peer) {
        return memory_serve(peer, functions);
}

static CheckResult fixed(CheckRun *run) {
        CLEANUP(memory_done) Memory memory = MEMORY_EMPTY;
        CheckProcess *peer;
        PeerReply reply;

        if (!begin(run, &memory, &peer))
                return CHECK_FAILED;
        memory.mapped[0] = 9;
        if (!check_expect(run, "mmap with MAP_FIXED",
                    peer_call_full(run, peer, &(PeerCall){ "fixed", PEER_SLOT }, &reply), 0) ||
                !check_expect(run, "MAP_FIXED_NOREPLACE where something is", reply.x, -EEXIST) ||
                !check_expect(run, "what was there, after that", reply.y, 7) ||
                !check_expect(run, "what is there after MAP_FIXED", reply.z, 9))
                return CHECK_FAILED;
        return check_ok(run, "MAP_FIXED_NOREPLACE: EEXIST; MAP_FIXED: what was there is gone, unasked");
}

static CheckResult anonymous(CheckRun *run) {
        CheckProcess *peer;
        PeerReply reply;

        if (peer_start(run, 0, NULL, 0, &peer) < 0 ||
                !check_expect(run, "mmap with MAP_ANONYMOUS",
                        peer_call_full(run, peer, &(PeerCall){ "anonymous" }, &reply), 0) ||
                !check_expect(run, "what a child wrote to the shared one", reply.x, 5) ||
                !check_expect(run, "what it wrote to the private one", reply.y, 0))
                return CHECK_FAILED;
        return check_ok(run, "a child wrote 5 to both: its parent reads 5 in the shared one, 0 in the private one");
}

static CheckResult modes(CheckRun *run) {
        enum { UNKNOWN = 1 << 25 }; /* below those that tell the size of huge pages */
        CLEANUP(memory_done) Memory memory = MEMORY_EMPTY;
        CheckProcess *peer;

        if (!begin(run, &memory, &peer) ||
                !check_expect(
                        run, "opening it to write", open_by_name(run, &memory, peer, PEER_SLOT + 1, O_WRONLY), 0) ||
                !check_expect(run, "mmap of it to write",
                        peer_call(run, peer, "map-flags", PEER_SLOT + 1, PROT_WRITE, MAP_SHARED), -EACCES) ||
                !check_expect(run, "a private one to read",
                        peer_call(run, peer, "map-flags", PEER_SLOT + 1, PROT_READ, MAP_PRIVATE), -EACCES) ||
                !check_expect(run, "neither shared nor private",
                        peer_call(run, peer, "map-flags", PEER_SLOT, PROT_READ, 0), -EINVAL) ||
                !check_expect(run, "MAP_SHARED with an unknown flag",
                        peer_call(run, peer, "map-flags", PEER_SLOT, PROT_READ, MAP_SHARED | UNKNOWN), 0) ||
                !check_expect(run, "MAP_SHARED_VALIDATE with it",
                        peer_call(run, peer, "map-flags", PEER_SLOT, PROT_READ, MAP_SHARED_VALIDATE | UNKNOWN),
                        -EOPNOTSUPP) ||
                !check_expect(run, "a pipe", peer_call(run, peer, "pipe", PEER_SLOT + 2, PEER_SLOT + 3), 0) ||
                !check_expect(run, "mmap of it",
                        peer_call(run, peer, "map-flags", PEER_SLOT + 2, PROT_READ, MAP_SHARED), -ENODEV))
                return CHECK_FAILED;
        return check_ok(run,
                "O_WRONLY EACCES, no kind of mapping EINVAL, a pipe ENODEV; an unknown flag: ignored by MAP_SHARED, "
                "EOPNOTSUPP of MAP_SHARED_VALIDATE");
}

/* How programs replace a file in one step: who has it mapped keeps the old one. */
static CheckResult replaced(CheckRun *run) {
        CLEANUP(memory_done) Memory memory = MEMORY_EMPTY;
        CLEANUP_FD int fd = -EBADF;
        char path[CHECK_PATH_MAX];
        CheckProcess *peer;

        if (!begin(run, &memory, &peer) || !check_expect(run, "a path", check_path(run, 1, path), 0))
                return CHECK_FAILED;
        memory.mapped[0] = 1;
        fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (!check_need(run, "another file", fd < 0 ? -errno : 0))
                return CHECK_FAILED;
        if (!check_need(run, "pwrite", pwrite(fd, "\x02", 1, 0) < 0 ? -errno : 0) ||
                !check_expect(run, "rename", rename(path, memory.name) < 0 ? -errno : 0, 0)) {
                (void)unlink(path);
                return CHECK_FAILED;
        }
        if (!check_expect(run, "what the mapping shows", peer_call(run, peer, "peek", 0), 1) ||
                !check_expect(run, "opening the name", open_by_name(run, &memory, peer, PEER_SLOT + 1, O_RDONLY), 0) ||
                !check_expect(run, "what that shows", peer_call(run, peer, "read-at", PEER_SLOT + 1, 0), 2))
                return CHECK_FAILED;
        return check_ok(
                run, "another file renamed to its name: who opens it reads 2, who had mapped the old one reads 1");
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
        MEMORY_NAMED_CLAIMS(memory_role),
        { "sync", "msync and fdatasync write out what was changed; msync takes whole pages that are mapped",
                "msync(2)", CHECK_BOTH, synced, { memory_role } },
        { "aligned", "a mapping begins at a page of the file", "mmap(2)", CHECK_BOTH, misaligned, { memory_role } },
        { "persists", "a file keeps what was written to its mapping, also when the writer is killed", "mmap(2)",
                CHECK_BOTH, persists, { memory_role }, .aspects = ASPECT(PERSISTENCE) | ASPECT(CREATOR_GONE) },
        { "fixed", "MAP_FIXED replaces what is at its address unasked, MAP_FIXED_NOREPLACE does not", "mmap(2)",
                CHECK_BOTH, fixed, { role } },
        { "modes", "a mapping needs the right to read, a kind, and a file that can be mapped", "mmap(2)", CHECK_BOTH,
                modes, { role } },
        { "anonymous", "memory without a file is shared by children of fork, where it is MAP_SHARED", "mmap(2)",
                CHECK_BOTH, anonymous, { role } },
        { "replaced", "a file that is replaced by rename stays what it was for who has mapped it", "rename(2)",
                CHECK_BOTH, replaced, { memory_role } },
        { "closed", "a mapping needs its descriptor no more", "mmap(2)", CHECK_BOTH, closed, { memory_role } },
        { "exclusive", "O_EXCL protects from taking over what exists, links too", "open(2)", CHECK_BOTH, exclusive,
                { memory_role } },
        { "permission", "mode bits say which other users share it, and only at the opening", "open(2)", CHECK_BOTH,
                permission, { memory_role }, .aspects = ASPECT(PERMISSION) | ASPECT(OTHER_USER) },
        { "limit", "RLIMIT_FSIZE bounds how far a file can be made to reach", "setrlimit(2)", CHECK_BOTH, limited,
                { memory_role }, .aspects = ASPECT(LIMIT) | ASPECT(MAXIMUM) },
        {},
};

const CheckGap mmap_gaps[] = {
        MEMORY_FILE_GAPS,
        {},
};
