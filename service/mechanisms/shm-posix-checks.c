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
        return peer_call(run, peer, "shm-open", number, flags, .text = memory->name);
}

static bool start(CheckRun *run, const Memory *memory, CheckProcess **ret) {
        return peer_start(run, 0, NULL, 0, ret) >= 0 && check_expect(run, "the peer's opening of the name",
                                                                open_by_name(run, memory, *ret, PEER_SLOT, O_RDWR), 0);
}

static void remove_name(const Memory *memory) {
        shm_unlink(memory->name);
}

static const MemoryMaker maker = {
        .make = make, .start = start, .number = PEER_SLOT, .remove = remove_name, .open = open_by_name
};

static bool begin(CheckRun *run, Memory *memory, CheckProcess **ret) {
        return memory_begin(run, &maker, PAGES, memory, ret);
}

MEMORY_SHARED_FUNCTIONS;
MEMORY_MODEL_FUNCTIONS;
MEMORY_FILE_FUNCTIONS;

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

static CheckResult unlinked(CheckRun *run) {
        CLEANUP(memory_done) Memory memory = MEMORY_EMPTY;
        CheckProcess *peer;

        if (!begin(run, &memory, &peer) || !check_expect(run, "shm_unlink", shm_unlink(memory.name), 0) ||
                !check_expect(run, "shm_open of the name",
                        peer_call(run, peer, "shm-open", PEER_SLOT + 1, O_RDWR, .text = memory.name), -ENOENT) ||
                !check_expect(run, "write", peer_call(run, peer, "poke", 3, 33), 0) ||
                !check_expect(run, "what is read here", memory.mapped[3], 33))
                return CHECK_FAILED;
        memory.name[0] = '\0';
        return check_ok(run, "the name: ENOENT; those who mapped it still share it");
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

static CheckResult permission(CheckRun *run) {
        CLEANUP(memory_done) Memory memory = MEMORY_EMPTY;
        CheckProcess *peer;

        if (!check_can_be_nobody())
                return check_skip(run, "only root can start a process of another user");
        if (!begin(run, &memory, &peer) || !check_become_nobody(run, peer) ||
                !check_expect(run, "shm_open by another user",
                        peer_call(run, peer, "shm-open", PEER_SLOT + 1, O_RDONLY, .text = memory.name), -EACCES) ||
                !check_expect(run, "write to what was mapped before", peer_call(run, peer, "poke", 0, 1), 0))
                return CHECK_FAILED;
        return check_ok(run, "mode 0600: EACCES for user %d; what was mapped before stays", CHECK_NOBODY);
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
        if (!check_expect(run, "ftruncate to more than /dev/shm holds",
                    peer_call(run, peer, "truncate", PEER_SLOT, too_much), 0) ||
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

const Check shm_posix_checks[] = {
        MEMORY_SHARED_CLAIMS("shm_overview(7)", ASPECT(UNRELATED), memory_role),
        MEMORY_MODEL_CLAIMS("shm_overview(7)", memory_role),
        MEMORY_RING_CLAIMS("shm_overview(7)"),
        MEMORY_FILE_CLAIMS(memory_role),
        { "survives", "a segment outlives the process that made it", "shm_overview(7)", CHECK_BOTH, survives,
                { memory_role } },
        { "unlink", "a removed segment stays shared by who has mapped it", "shm_unlink(3)", CHECK_BOTH, unlinked,
                { memory_role } },
        { "exclusive", "O_EXCL protects from taking over what exists, O_TRUNC does not ask", "shm_open(3)", CHECK_BOTH,
                exclusive, { memory_role } },
        { "permission", "mode bits keep other users out, at the opening", "shm_open(3)", CHECK_BOTH, permission,
                { memory_role } },
        { "limit", "a size that /dev/shm cannot hold is only noticed when memory is taken", "posix_fallocate(3)",
                CHECK_FORKED, full, { memory_role } },
        { "name", "a name has one slash, in front, and at most NAME_MAX bytes", "shm_open(3)", CHECK_FORKED,
                name_rules, { memory_role } },
        {},
};
