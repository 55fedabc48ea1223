/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where a segment is attached, by whom and when; how it is found by key and by number. */
#include "shm-sysv-checks.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "checks.h"
#include "cleanup.h"

enum {
        PAGES_OF_ROOM = 64,
        NUMBERS = 16,
};

bool segment_keep(CheckRun *run, int id, void **ret_base) {
        void *base = shmat(id, NULL, 0);

        if (!check_need(run, "shmat here", base == (void *)-1 ? -errno : 0))
                return false;
        *ret_base = base;
        return true;
}

void segment_leave(void **base) {
        if (*base)
                shmdt(*base);
}

/* The judge has it attached when the peer is started. */
CheckResult segment_fork_counts(CheckRun *run) {
        bool forked = run->relation == CHECK_FORKED;
        CLEANUP_SEGMENT int id = -1;
        CheckProcess *peer;
        void *base;
        bool good;

        id = segment_make(run->token, NULL);
        if (!check_need(run, "shmget", id))
                return CHECK_FAILED;
        base = shmat(id, NULL, 0);
        if (!check_need(run, "shmat", base == (void *)-1 ? -errno : 0))
                return CHECK_FAILED;
        /* After its answer it has come through execve(2). */
        good = check_expect(run, "attached", segment_attached(id), 1) && peer_start(run, 0, NULL, 0, &peer) >= 0 &&
               check_expect(run, "an answer", peer_call(run, peer, "pid"), 0) &&
               check_expect(run, "attached with the new process", segment_attached(id), forked ? 2 : 1) &&
               check_expect(run, "SIGKILL", check_murder(run, peer), 0) &&
               check_expect(run, "attached after its end", segment_attached(id), 1);
        shmdt(base);
        return good ? check_ok(run, "shm_nattch 1; with a process that was %s",
                              forked ? "forked 2, after its end 1" : "executed 1: it has nothing")
                    : CHECK_FAILED;
}

CheckResult segment_two_places(CheckRun *run) {
        CLEANUP_SEGMENT int id = -1;
        CheckProcess *peer;
        PeerReply one, other;

        if (!segment_begin(run, 0, &id, NULL, &peer) ||
                !check_expect(run, "shmat", peer_call_full(run, peer, &(PeerCall){ "shm-attach", id }, &one), 0) ||
                !check_expect(run, "a write at the first address", peer_call(run, peer, "poke", 3, 33), 0) ||
                !check_expect(run, "shmat with SHM_RDONLY",
                        peer_call_full(run, peer, &(PeerCall){ "shm-attach", id, SHM_RDONLY }, &other), 0) ||
                !check_expect(run, "one address for both", one.x == other.x, false) ||
                !check_expect(run, "what is read at the second", peer_call(run, peer, "peek", 3), 33) ||
                !check_expect(run, "attached", segment_attached(id), 3) ||
                !memory_dies_of(run, peer, &(PeerCall){ "poke", 3, 1 }, SIGSEGV))
                return CHECK_FAILED;
        return check_ok(run,
                "at %#" PRIx64 " and, read-only, at %#" PRIx64 ": one memory, so pointers in it have to be "
                "offsets",
                (uint64_t)one.x, (uint64_t)other.x);
}

CheckResult segment_addresses(CheckRun *run) {
        int64_t page = (int64_t)memory_page(), lba = SHMLBA, place;
        CLEANUP_SEGMENT int id = -1;
        CheckProcess *peer;
        PeerReply room, at;

        if (!segment_begin(run, 0, &id, NULL, &peer) || !check_expect(run, "SHMLBA, in whole pages", lba % page, 0) ||
                !check_expect(run, "memory that is taken",
                        peer_call_full(run, peer, &(PeerCall){ "room", PAGES_OF_ROOM * page }, &room), 0))
                return CHECK_FAILED;
        place = (room.x + lba - 1) / lba * lba;
        if (!check_expect(run, "shmat within a page", peer_call(run, peer, "shm-attach-at", id, place + 1, SHM_REMAP),
                    -EINVAL) ||
                !check_expect(
                        run, "shmat where something is", peer_call(run, peer, "shm-attach-at", id, place), -EINVAL) ||
                !check_expect(run, "SHM_REMAP without an address",
                        peer_call(run, peer, "shm-attach-at", id, 0, SHM_REMAP), -EINVAL) ||
                !check_expect(run, "SHM_RND and SHM_REMAP",
                        peer_call_full(
                                run, peer, &(PeerCall){ "shm-attach-at", id, place + 1, SHM_RND | SHM_REMAP }, &at),
                        0) ||
                !check_expect(run, "rounded down to SHMLBA", at.x, place) ||
                !check_expect(run, "a write there", peer_call(run, peer, "poke", 0, 1), 0) ||
                !check_expect(run, "attached", segment_attached(id), 2))
                return CHECK_FAILED;
        return check_ok(run,
                "within a page EINVAL, where something is EINVAL; SHM_RND rounds to SHMLBA (%" PRId64
                "), SHM_REMAP takes the place",
                lba);
}

CheckResult segment_detach(CheckRun *run) {
        CLEANUP_SEGMENT int id = -1;
        CLEANUP_ATTACHED void *kept = NULL;
        CheckProcess *peer;

        if (!segment_begin(run, 0, &id, NULL, &peer) || !segment_keep(run, id, &kept) ||
                !check_expect(run, "shmdt within a page", peer_call(run, peer, "shm-detach", 1), -EINVAL) ||
                !check_expect(run, "shmdt of the second page",
                        peer_call(run, peer, "shm-detach", (int64_t)memory_page()), -EINVAL) ||
                !check_expect(run, "attached", segment_attached(id), 2) ||
                !check_expect(run, "shmdt", peer_call(run, peer, "shm-detach"), 0) ||
                !check_expect(run, "shmdt again", peer_call(run, peer, "shm-detach"), -EINVAL) ||
                !check_expect(run, "attached", segment_attached(id), 1) ||
                !memory_dies_of(run, peer, &(PeerCall){ "peek", 0 }, SIGSEGV))
                return CHECK_FAILED;
        return check_ok(run, "another address EINVAL, a second time EINVAL; who looks there after it dies of SIGSEGV");
}

/* From `start` to now, in the seconds that the kernel counts. */
static bool is_recent(CheckRun *run, const char *what, time_t at, time_t start) {
        return check_expect(run, what, at >= start - 1 && at <= time(NULL) + 1, true);
}

CheckResult segment_times(CheckRun *run) {
        CLEANUP_SEGMENT int id = -1;
        CLEANUP_ATTACHED void *kept = NULL;
        time_t start = time(NULL);
        CheckProcess *peer;
        struct shmid_ds st;

        id = segment_make(run->token, NULL);
        if (!check_need(run, "shmget", id) || !check_expect(run, "IPC_STAT", shmctl(id, IPC_STAT, &st), 0) ||
                !check_expect(run, "shm_atime of a new one", st.shm_atime, 0) ||
                !check_expect(run, "shm_dtime of a new one", st.shm_dtime, 0) ||
                !check_expect(run, "shm_lpid of a new one", st.shm_lpid, 0) ||
                !is_recent(run, "its shm_ctime is now", st.shm_ctime, start) ||
                peer_start(run, 0, NULL, 0, &peer) < 0 ||
                !check_expect(run, "shmat", peer_call(run, peer, "shm-attach", id), 0) ||
                !check_expect(run, "IPC_STAT", shmctl(id, IPC_STAT, &st), 0) ||
                !is_recent(run, "shm_atime is now", st.shm_atime, start) ||
                !check_expect(run, "shm_dtime before shmdt", st.shm_dtime, 0) || !segment_keep(run, id, &kept) ||
                !check_expect(run, "shmdt", peer_call(run, peer, "shm-detach"), 0) ||
                !check_expect(run, "IPC_STAT", shmctl(id, IPC_STAT, &st), 0) ||
                !is_recent(run, "shm_dtime is now", st.shm_dtime, start) ||
                !check_expect(run, "IPC_SET", shmctl(id, IPC_SET, &st), 0) ||
                !check_expect(run, "IPC_STAT", shmctl(id, IPC_STAT, &st), 0) ||
                !is_recent(run, "shm_ctime is now", st.shm_ctime, start))
                return CHECK_FAILED;
        return check_ok(
                run, "new: shm_ctime now, the others 0; shmat sets shm_atime, shmdt shm_dtime, IPC_SET shm_ctime");
}

CheckResult segment_attach_marked(CheckRun *run) {
        CLEANUP_SEGMENT int id = -1;
        CheckProcess *peer, *late;

        if (!segment_begin(run, 0, &id, NULL, &peer) || peer_start(run, 0, NULL, 0, &late) < 0 ||
                !check_expect(run, "IPC_RMID", shmctl(id, IPC_RMID, NULL), 0) ||
                !check_expect(run, "shmat of what is marked", peer_call(run, late, "shm-attach", id), 0) ||
                !check_expect(run, "its write", peer_call(run, late, "poke", 4, 44), 0) ||
                !check_expect(run, "what is read by who had it", peer_call(run, peer, "peek", 4), 44) ||
                !check_expect(run, "shmdt by who had it", peer_call(run, peer, "shm-detach"), 0) ||
                !check_expect(run, "attached", segment_attached(id), 1) ||
                !check_expect(run, "shmdt by who came later", peer_call(run, late, "shm-detach"), 0) ||
                !check_expect(run, "IPC_STAT then", segment_attached(id), -EINVAL))
                return CHECK_FAILED;
        id = -1;
        return check_ok(run, "marked, and attached by one who came later; gone when both have detached");
}

CheckResult segment_marked_killed(CheckRun *run) {
        CLEANUP_SEGMENT int id = -1;
        CheckProcess *peer;

        if (!segment_begin(run, 0, &id, NULL, &peer) ||
                !check_expect(run, "IPC_RMID", shmctl(id, IPC_RMID, NULL), 0) ||
                !check_expect(run, "attached", segment_attached(id), 1) ||
                !check_expect(run, "SIGKILL to the last that has it", check_murder(run, peer), 0) ||
                !check_expect(run, "IPC_STAT then", segment_attached(id), -EINVAL))
                return CHECK_FAILED;
        id = -1;
        return check_ok(run, "marked at once after it was attached: nothing is left when its users are killed");
}

CheckResult segment_key_zero(CheckRun *run) {
        CheckProcess *peer;
        PeerReply plain, exclusive;

        if (!check_expect(run, "IPC_PRIVATE", IPC_PRIVATE, 0) || peer_start(run, 0, NULL, 0, &peer) < 0 ||
                !check_need(run, "shmget of key 0, twice",
                        peer_call_full(run, peer, &(PeerCall){ "shm-private", 0600 }, &plain)) ||
                !check_need(run, "with IPC_EXCL, twice",
                        peer_call_full(run, peer, &(PeerCall){ "shm-private", IPC_EXCL | 0600 }, &exclusive)) ||
                !check_expect(run, "one segment for both", plain.x == plain.y, false) ||
                !check_expect(run, "one segment with IPC_EXCL", exclusive.x == exclusive.y, false) ||
                !check_expect(run, "what the other showed of a write", plain.result + exclusive.result, 0))
                return CHECK_FAILED;
        return check_ok(run,
                "key 0 four times, without IPC_CREAT: segments %" PRId64 ", %" PRId64 ", %" PRId64 ", %" PRId64,
                plain.x, plain.y, exclusive.x, exclusive.y);
}

CheckResult segment_ftok(CheckRun *run) {
        char path[CHECK_PATH_MAX], other[CHECK_PATH_MAX];
        CLEANUP_FD int fd = -EBADF;
        PeerReply plain, wide, linked;
        CheckProcess *peer;
        struct stat st;
        int64_t want;
        bool good;

        if (check_path(run, 0, path) < 0 || check_path(run, 1, other) < 0)
                return CHECK_FAILED;
        fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (!check_need(run, "a file", fd < 0 ? -errno : 0))
                return CHECK_FAILED;
        good = check_need(run, "a second name of it", link(path, other) < 0 ? -errno : 0) &&
               check_expect(run, "fstat", fstat(fd, &st), 0) && peer_start(run, 0, NULL, 0, &peer) >= 0 &&
               check_expect(
                       run, "ftok", peer_call_full(run, peer, &(PeerCall){ "ftok", 1, .text = path }, &plain), 0) &&
               check_expect(run, "ftok of number 257",
                       peer_call_full(run, peer, &(PeerCall){ "ftok", 257, .text = path }, &wide), 0) &&
               check_expect(run, "ftok of the other name",
                       peer_call_full(run, peer, &(PeerCall){ "ftok", 1, .text = other }, &linked), 0);
        (void)unlink(path);
        (void)unlink(other);
        if (!good || !check_expect(run, "ftok of what is not there", ftok(path, 1) == -1 ? -errno : 0, -ENOENT))
                return CHECK_FAILED;
        want = (int64_t)(1u << 24 | ((unsigned)st.st_dev & 0xff) << 16 | ((unsigned)st.st_ino & 0xffff));
        if (!check_expect(run, "the key", plain.x, want) || !check_expect(run, "of number 257", wide.x, want) ||
                !check_expect(run, "of the other name", linked.x, want))
                return CHECK_FAILED;
        return check_ok(run,
                "inode %" PRIu64 ", number 1: key %#" PRIx64 "; number 257 and another name give the same",
                (uint64_t)st.st_ino, (uint64_t)want);
}

CheckResult segment_stale_number(CheckRun *run) {
        int ids[NUMBERS];
        CheckProcess *peer;

        if (peer_start(run, 0, NULL, 0, &peer) < 0)
                return CHECK_FAILED;
        for (int i = 0; i < NUMBERS; i++) {
                ids[i] = segment_make(run->token, NULL);
                if (!check_need(run, "shmget", ids[i]))
                        return CHECK_FAILED;
                shmctl(ids[i], IPC_RMID, NULL);
                for (int k = 0; k < i; k++)
                        if (!check_expect(run, "a number that was given before", ids[k] == ids[i], false))
                                return CHECK_FAILED;
        }
        for (int i = 0; i < NUMBERS; i++) {
                int64_t r = peer_call(run, peer, "shm-attach", ids[i]);

                if (!check_expect(run, "shmat of it", r == -EINVAL || r == -EIDRM, true))
                        return CHECK_FAILED;
        }
        return check_ok(run, "made and removed %d times: other numbers each time (%d to %d), shmat of them EINVAL",
                NUMBERS, ids[0], ids[NUMBERS - 1]);
}

CheckResult segment_no_descriptor(CheckRun *run) {
        CLEANUP_SEGMENT int id = -1;
        CheckProcess *peer;
        PeerReply reply;

        if (peer_start(run, 0, NULL, 0, &peer) < 0 ||
                !check_expect(run, "opening all that can be",
                        peer_call_full(run, peer, &(PeerCall){ "exhaust" }, &reply), 0) ||
                !check_expect(run, "open then", peer_call(run, peer, "open", PEER_SLOT, O_RDONLY, .text = "/dev/null"),
                        -EMFILE))
                return CHECK_FAILED;
        id = (int)peer_call(run, peer, "shm-make", 0600);
        if (!check_need(run, "shmget", id) || !check_expect(run, "shmat", peer_call(run, peer, "shm-attach", id), 0) ||
                !check_expect(run, "write", peer_call(run, peer, "poke", 0, 1), 0) ||
                !check_expect(run, "attached", segment_attached(id), 1))
                return CHECK_FAILED;
        return check_ok(run,
                "with %" PRId64 " descriptors more and none left, open gives EMFILE, shmget and shmat work", reply.x);
}
