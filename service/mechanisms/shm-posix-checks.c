/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "checks.h"

/* What shm_overview(7) promises of POSIX shared memory, beside what all memory files promise (memory-calls.h). */
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

#include "child-program.h"
#include "cleanup.h"
#include "memory-claims.h"
#include "posix-name.h"

enum {
        PAGES = 4,
};

/* --- Where the memory comes from --- */

static bool make(CheckRun *run, Memory *memory) {
        if (posix_name_of_run(run->token, 0, memory->name, POSIX_NAME_SIZE) < 0)
                return false;
        memory->fd = shm_open(memory->name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (memory->fd < 0)
                memory->name[0] = '\0';
        return check_need(run, "shm_open", memory->fd < 0 ? -errno : 0);
}

static int64_t open_by_name(CheckRun *run, const Memory *memory, CheckProcess *peer, int64_t number, int flags) {
        return peer_call(run, peer, "shm-open", number, flags, 0666, .text = memory->name);
}

static bool start(CheckRun *run, const Memory *memory, CheckProcess **ret) {
        return peer_start(run, 0, NULL, 0, ret) >= 0 && check_expect(run, "the peer's opening of the name",
                                                                open_by_name(run, memory, *ret, PEER_SLOT, O_RDWR), 0);
}

static void remove_name(const Memory *memory) {
        shm_unlink(memory->name);
}

static const char *folder(const CheckRun *run) {
        return POSIX_SHM_DIRECTORY;
}

static const MemoryMaker maker = { .make = make,
        .start = start,
        .number = PEER_SLOT,
        .remove = remove_name,
        .open = open_by_name,
        .folder = folder };

static bool begin(CheckRun *run, Memory *memory, CheckProcess **ret) {
        return memory_begin(run, &maker, PAGES, memory, ret);
}

MEMORY_SHARED_FUNCTIONS;
MEMORY_MODEL_FUNCTIONS;
MEMORY_FILE_FUNCTIONS;
MEMORY_NAMED_FUNCTIONS;

/* --- Its own --- */

static CheckResult survives(CheckRun *run) {
        CLEANUP(memory_done) Memory memory = MEMORY_EMPTY;
        CheckProcess *peer;

        memory.maker = &maker;
        memory.size = memory_page();
        if (posix_name_of_run(run->token, 0, memory.name, sizeof memory.name) < 0 ||
                peer_start(run, 0, NULL, 0, &peer) < 0 ||
                !check_need(run, "the peer's shm_open",
                        peer_call(run, peer, "shm-open", PEER_SLOT, O_RDWR | O_CREAT | O_EXCL, 0600,
                                .text = memory.name)) ||
                !check_need(
                        run, "posix_fallocate", peer_call(run, peer, "allocate", PEER_SLOT, (int64_t)memory.size)) ||
                !check_expect(run, "mmap",
                        peer_call(run, peer, "map", PEER_SLOT, (int64_t)memory.size, PROT_READ | PROT_WRITE), 0) ||
                !check_expect(run, "write", peer_call(run, peer, "poke", 9, 99), 0) ||
                !check_expect(run, "SIGKILL", check_murder(run, peer), 0))
                return CHECK_FAILED;
        memory.fd = shm_open(memory.name, O_RDWR | O_CLOEXEC, 0);
        if (memory.fd < 0)
                return check_fail(run, "shm_open after the creator's death: %s", check_errno(errno));
        if (!memory_map(run, &memory) || !check_expect(run, "the byte", memory.mapped[9], 99))
                return CHECK_FAILED;
        return check_ok(run, "creator killed: still there, with what it wrote");
}

static CheckResult exclusive(CheckRun *run) {
        CLEANUP(memory_done) Memory memory = MEMORY_EMPTY;
        CheckProcess *peer;

        if (!begin(run, &memory, &peer) || !check_expect(run, "shm_open with O_EXCL",
                                                   peer_call(run, peer, "shm-open", PEER_SLOT + 1,
                                                           O_RDWR | O_CREAT | O_EXCL, 0600, .text = memory.name),
                                                   -EEXIST))
                return CHECK_FAILED;
        memory.mapped[0] = 7;
        if (!check_expect(run, "shm_open with O_TRUNC",
                    peer_call(run, peer, "shm-open", PEER_SLOT + 1, O_RDWR | O_TRUNC, .text = memory.name), 0) ||
                !check_expect(run, "ftruncate", ftruncate(memory.fd, (off_t)memory.size), 0) ||
                !check_expect(run, "the byte after O_TRUNC", memory.mapped[0], 0))
                return CHECK_FAILED;
        return check_ok(run, "O_EXCL: EEXIST; O_TRUNC empties what others use");
}

/* /dev/shm is writable for all and sticky: an owner alone removes (unlink(2)). */
static CheckResult permission(CheckRun *run) {
        CLEANUP(memory_done) Memory memory = MEMORY_EMPTY;
        CheckProcess *peer;
        int64_t removed;

        if (!begin(run, &memory, &peer) || !peer_go(run, peer, CHECK_PLACE_OTHER_USER) ||
                !check_expect(run, "shm_open by another user",
                        open_by_name(run, &memory, peer, PEER_SLOT + 1, O_RDONLY), -EACCES) ||
                !check_expect(run, "write to what was mapped before", peer_call(run, peer, "poke", 0, 1), 0))
                return CHECK_FAILED;
        removed = peer_call(run, peer, "shm-unlink", .text = memory.name);
        if (removed == 0)
                return check_fail(run, "shm_unlink by another user succeeds: /dev/shm is not sticky");
        if (!check_expect(run, "shm_unlink by another user", removed, -EACCES) ||
                !check_expect(run, "fchmod", fchmod(memory.fd, 0644), 0) ||
                !check_expect(
                        run, "to read with 0644", open_by_name(run, &memory, peer, PEER_SLOT + 1, O_RDONLY), 0) ||
                !check_expect(run, "to write", open_by_name(run, &memory, peer, PEER_SLOT + 2, O_RDWR), -EACCES))
                return CHECK_FAILED;
        return check_ok(run,
                "mode 0600: EACCES for user %d, shm_unlink EACCES; what was mapped before stays; 0644: to read only",
                CHECK_NOBODY);
}

static CheckResult other_user(CheckRun *run) {
        CLEANUP(memory_done) Memory memory = MEMORY_EMPTY;
        CheckProcess *peer;

        if (!memory_make_mapped(run, &maker, 1, &memory) ||
                !check_expect(run, "fchmod to 0666", fchmod(memory.fd, 0666) < 0 ? -errno : 0, 0))
                return CHECK_FAILED;
        memory.mapped[0] = 9;
        if (peer_start(run, 0, NULL, 0, &peer) < 0 || !peer_go(run, peer, CHECK_PLACE_OTHER_USER) ||
                !check_expect(
                        run, "shm_open by another user", open_by_name(run, &memory, peer, PEER_SLOT, O_RDWR), 0) ||
                !memory_join(run, &memory, peer) ||
                !check_expect(run, "what it reads", peer_call(run, peer, "peek", 0), 9) ||
                !check_expect(run, "its write", peer_call(run, peer, "poke", 1, 8), 0) ||
                !check_expect(run, "what is read here", memory.mapped[1], 8))
                return CHECK_FAILED;
        return check_ok(run, "mode 0666: user %d opens it by its name, reads and writes", CHECK_NOBODY);
}

/* In the peer: opens the name without O_CLOEXEC. x: the number that it gave; y: the lowest that was to be had. */
static int64_t call_open_plain(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        int *place = peer_descriptor(peer, call->a), fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

        if (fd < 0 || !place)
                return -errno;
        reply->y = fd;
        (void)fd_close(fd);
        fd = shm_open(call->text, O_RDWR, 0);
        if (fd < 0)
                return -errno;
        *place = fd;
        reply->x = fd;
        return 0;
}

/* Is descriptor `fd` of that process this file? 1, or 0 where it has none. */
static int64_t has_file(pid_t pid, int64_t fd, const struct stat *file) {
        char path[64];
        struct stat st;

        (void)snprintf(path, sizeof path, "/proc/%d/fd/%" PRId64, (int)pid, fd);
        if (stat(path, &st) < 0)
                return errno == ENOENT ? 0 : -errno;
        return st.st_ino == file->st_ino && st.st_dev == file->st_dev;
}

/* In the peer, whose child executes a program: does it have the descriptor then? x: and a copy of it, dup(2), which is
 * not closed on exec. */
static int64_t call_across_exec(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        const int *place = peer_descriptor(peer, call->a);
        CLEANUP_FD int copy = -EBADF;
        struct stat st;
        int64_t result;
        pid_t pid;
        int r;

        if (!place || fstat(*place, &st) < 0)
                return -EBADF;
        copy = dup(*place);
        if (copy < 0)
                return -errno;
        r = child_program_start(NULL, &pid);
        if (r < 0)
                return r;
        result = has_file(pid, *place, &st);
        reply->x = has_file(pid, copy, &st);
        child_program_end(pid);
        return result;
}

static CheckResult closes_on_exec(CheckRun *run) {
        CLEANUP(memory_done) Memory memory = MEMORY_EMPTY;
        PeerReply opened, executed;
        char path[PATH_MAX + 32];
        CheckProcess *peer;
        struct stat st;
        int64_t r;

        memory.maker = &maker;
        if (!make(run, &memory) || peer_start(run, 0, NULL, 0, &peer) < 0 ||
                !check_expect(run, "shm_open",
                        peer_call_full(
                                run, peer, &(PeerCall){ "open-plain", PEER_SLOT, .text = memory.name }, &opened),
                        0) ||
                !check_expect(run, "its descriptor", opened.x, opened.y))
                return CHECK_FAILED;
        (void)snprintf(path, sizeof path, POSIX_SHM_DIRECTORY "%s", memory.name);
        if (!check_expect(run, "stat of the file", stat(path, &st) < 0 ? -errno : 0, 0) ||
                !check_expect(run, "its owner", st.st_uid, geteuid()) ||
                !check_expect(
                        run, "that file is what the peer has open", has_file(check_pid(run, peer), opened.x, &st), 1))
                return CHECK_FAILED;
        r = peer_call_full(run, peer, &(PeerCall){ "across-exec", PEER_SLOT }, &executed);
        if (r == -ECHILD)
                return check_skip(run, "there is no sleep(1) that could be executed");
        if (!check_expect(run, "an executed program has its copy, made with dup(2)", executed.x, 1) ||
                !check_expect(run, "an executed program has it", r, 0))
                return CHECK_FAILED;
        return check_ok(run,
                "a peer got descriptor %" PRId64
                ", the lowest, seen from outside as the file NAME in " POSIX_SHM_DIRECTORY
                "; after execve(2) only its copy, made with dup(2), is there",
                opened.x);
}

/* POSIX leaves it open; shm_open(3) says that Linux does it. */
static CheckResult truncates_to_read(CheckRun *run) {
        CLEANUP(memory_done) Memory memory = MEMORY_EMPTY;
        CheckProcess *peer;
        struct stat st;

        if (!begin(run, &memory, &peer) ||
                !check_expect(run, "shm_open with O_RDONLY and O_TRUNC",
                        open_by_name(run, &memory, peer, PEER_SLOT + 1, O_RDONLY | O_TRUNC), 0) ||
                !check_expect(run, "fstat", fstat(memory.fd, &st), 0) ||
                !check_expect(run, "its size", st.st_size, 0) ||
                !check_expect(run, "ftruncate of what is open to read",
                        peer_call(run, peer, "truncate", PEER_SLOT + 1, 100), -EINVAL))
                return CHECK_FAILED;
        return check_ok(run, "O_RDONLY with O_TRUNC empties it, though ftruncate of that descriptor is EINVAL");
}

/* tmpfs refuses at once what is more than the file system can ever hold; nothing is filled. */
static CheckResult full(CheckRun *run) {
        CLEANUP(memory_done) Memory memory = MEMORY_EMPTY;
        struct statvfs fs;
        CheckProcess *peer;
        off_t too_much;

        if (!begin(run, &memory, &peer) || fstatvfs(memory.fd, &fs) < 0)
                return CHECK_FAILED;
        if (fs.f_blocks == 0)
                return check_skip(run, "/dev/shm has no limit of size here");
        too_much = (off_t)(fs.f_blocks * fs.f_frsize + memory_page());
        int64_t r = peer_call(run, peer, "truncate", PEER_SLOT, too_much);
        if (r == -EFBIG)
                return check_skip(run, "RLIMIT_FSIZE lets no file be larger than /dev/shm here");
        if (!check_expect(run, "ftruncate to more than /dev/shm holds", r, 0) ||
                !check_expect(run, "posix_fallocate of it", -posix_fallocate(memory.fd, 0, too_much), -ENOSPC))
                return CHECK_FAILED;
        return check_ok(run, "/dev/shm of %" PRIu64 " MiB: ftruncate of a page more succeeds, posix_fallocate: ENOSPC",
                (uint64_t)fs.f_blocks * fs.f_frsize / (1024 * 1024));
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

static int64_t call_unlink(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        return shm_unlink(call->text) < 0 ? -errno : 0;
}

static const PeerFunction functions[] = {
        { "shm-unlink", call_unlink },
        { "open-plain", call_open_plain },
        { "across-exec", call_across_exec },
        {},
};

static int role(CheckPeer *peer) {
        return memory_serve(peer, functions);
}

const Check shm_posix_checks[] = {
        MEMORY_SHARED_CLAIMS("shm_overview(7)", ASPECT(UNRELATED), memory_role),
        MEMORY_MODEL_CLAIMS("shm_overview(7)", memory_role),
        MEMORY_RING_CLAIMS("shm_overview(7)"),
        MEMORY_FILE_CLAIMS(memory_role),
        MEMORY_NAMED_CLAIMS(memory_role),
        { "survives", "a segment outlives the process that made it", "shm_overview(7)", CHECK_BOTH, survives,
                { memory_role }, .aspects = ASPECT(PERSISTENCE) | ASPECT(CREATOR_GONE) },
        { "exclusive", "O_EXCL protects from taking over what exists, O_TRUNC does not ask", "shm_open(3)", CHECK_BOTH,
                exclusive, { memory_role } },
        { "truncate-to-read", "O_TRUNC empties it also where it is opened only to be read", "shm_open(3)", CHECK_BOTH,
                truncates_to_read, { memory_role } },
        { "close-on-exec", "shm_open gives the lowest descriptor, closed on exec unasked, of a file in /dev/shm",
                "shm_open(3)", CHECK_BOTH, closes_on_exec, { role } },
        { "permission", "mode bits keep other users out, at the opening; only the owner removes the name",
                "shm_open(3)", CHECK_BOTH, permission, { role }, .aspects = ASPECT(PERMISSION) },
        { "other-user", "where the mode allows it another user shares it", "shm_open(3)", CHECK_BOTH, other_user,
                { memory_role }, .aspects = ASPECT(OTHER_USER) },
        { "limit", "a size that /dev/shm cannot hold is only noticed when memory is taken", "posix_fallocate(3)",
                CHECK_BOTH, full, { memory_role }, .aspects = ASPECT(LIMIT) },
        { "name", "a name has one slash, in front, and at most NAME_MAX bytes", "shm_open(3)", CHECK_BOTH, name_rules,
                { memory_role } },
        {},
};

const CheckGap shm_posix_gaps[] = {
        MEMORY_FILE_GAPS,
        {},
};
