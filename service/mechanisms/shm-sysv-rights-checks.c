/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who may do what with a segment, who sees it, and how many and how large they may be. Limits are tried in an IPC
 * namespace of the peer's own, whose limits are its own too and which ends with it. */
#include "shm-sysv-checks.h"

#include <errno.h>
#include <inttypes.h>
#include <sys/resource.h>
#include <unistd.h>

#include "checks.h"

enum { OTHER = 1 }; /* some user that is neither root nor nobody */

static bool set_mode(CheckRun *run, int id, uid_t uid, unsigned mode) {
        struct shmid_ds st;

        if (!check_expect(run, "IPC_STAT", shmctl(id, IPC_STAT, &st), 0))
                return false;
        st.shm_perm.uid = uid;
        st.shm_perm.mode = (unsigned short)mode;
        return check_expect(run, "IPC_SET", shmctl(id, IPC_SET, &st) < 0 ? -errno : 0, 0);
}

CheckResult segment_permission(CheckRun *run) {
        CLEANUP_SEGMENT int id = -1;
        CheckProcess *peer;

        if (!segment_begin(run, 0, &id, NULL, &peer) || !peer_go(run, peer, CHECK_PLACE_OTHER_USER) ||
                !check_expect(run, "shmat", peer_call(run, peer, "shm-attach", id), -EACCES) ||
                !check_expect(run, "write where it was attached", peer_call(run, peer, "poke", 0, 1), 0) ||
                !check_expect(run, "IPC_RMID", peer_call(run, peer, "shm-remove", id), -EPERM) ||
                !check_expect(run, "IPC_SET", peer_call(run, peer, "shm-set", id, 0666), -EPERM) ||
                !set_mode(run, id, geteuid(), 0604) ||
                !check_expect(run, "shmat to write", peer_call(run, peer, "shm-attach", id), -EACCES) ||
                !check_expect(run, "shmat to read", peer_call(run, peer, "shm-attach", id, SHM_RDONLY), 0) ||
                !set_mode(run, id, geteuid(), 0602) ||
                !check_expect(
                        run, "shmat with the right to write alone", peer_call(run, peer, "shm-attach", id), -EACCES))
                return CHECK_FAILED;
        return check_ok(run,
                "mode 0600: EACCES for user %d, IPC_RMID and IPC_SET EPERM, what was attached stays; 0604: to read "
                "only; 0602: not at all",
                CHECK_NOBODY);
}

CheckResult segment_other_user(CheckRun *run) {
        CLEANUP_SEGMENT int id = -1;
        CheckProcess *maker, *peer;
        struct shmid_ds st;

        if (peer_start(run, 0, NULL, 0, &maker) < 0 || peer_start(run, 0, NULL, 0, &peer) < 0 ||
                !check_expect(run, "umask", peer_call(run, maker, "umask", 0777), 0))
                return CHECK_FAILED;
        id = (int)peer_call(run, maker, "shm-make", 0666);
        if (!check_need(run, "shmget", id) || !check_expect(run, "IPC_STAT", shmctl(id, IPC_STAT, &st), 0) ||
                !check_expect(run, "its mode", st.shm_perm.mode & 0777, 0666) ||
                !check_expect(run, "its maker's shmat", peer_call(run, maker, "shm-attach", id), 0) ||
                !check_expect(run, "its maker's write", peer_call(run, maker, "poke", 0, 9), 0) ||
                !peer_go(run, peer, CHECK_PLACE_OTHER_USER) ||
                !check_expect(run, "another user's shmat", peer_call(run, peer, "shm-attach", id), 0) ||
                !check_expect(run, "what it reads", peer_call(run, peer, "peek", 0), 9) ||
                !check_expect(run, "its write", peer_call(run, peer, "poke", 1, 8), 0) ||
                !check_expect(run, "what the maker reads", peer_call(run, maker, "peek", 1), 8))
                return CHECK_FAILED;
        return check_ok(
                run, "made with 0666 under a umask of 0777 it has 0666: user %d attaches it and writes", CHECK_NOBODY);
}

/* Nobody makes one, so that a maker without other rights is there. */
CheckResult segment_given_away(CheckRun *run) {
        CLEANUP_SEGMENT int id = -1, theirs = -1;
        CheckProcess *peer;

        if (!segment_begin(run, 0, &id, NULL, &peer) || !peer_go(run, peer, CHECK_PLACE_OTHER_USER) ||
                !check_expect(run, "IPC_RMID by another user", peer_call(run, peer, "shm-remove", id), -EPERM) ||
                !set_mode(run, id, CHECK_NOBODY, 0600) ||
                !check_expect(run, "shmat by the new owner", peer_call(run, peer, "shm-attach", id), 0) ||
                !check_expect(run, "IPC_RMID by the new owner", peer_call(run, peer, "shm-remove", id), 0))
                return CHECK_FAILED;
        id = -1;
        theirs = (int)peer_call(run, peer, "shm-make", 0600);
        if (!check_need(run, "shmget by it", theirs) || !set_mode(run, theirs, OTHER, 0600) ||
                !check_expect(
                        run, "IPC_RMID by the maker that gave it away", peer_call(run, peer, "shm-remove", theirs), 0))
                return CHECK_FAILED;
        theirs = -1;
        return check_ok(run, "given to user %d: IPC_RMID EPERM before, ok after it; given away: its maker may still",
                CHECK_NOBODY);
}

CheckResult segment_stat_right(CheckRun *run) {
        CLEANUP_SEGMENT int id = -1;
        CheckProcess *peer;
        PeerReply reply;
        int64_t r;

        if (!segment_begin(run, 0, &id, NULL, &peer) || !peer_go(run, peer, CHECK_PLACE_OTHER_USER) ||
                !check_expect(run, "IPC_STAT", peer_call(run, peer, "shm-stat", id, IPC_STAT), -EACCES))
                return CHECK_FAILED;
        /* An index into the kernel's table: the low bits of the number. */
        r = peer_call_full(run, peer, &(PeerCall){ "shm-stat", id & 0x7fff, SHM_STAT_ANY }, &reply);
        if (r == -EINVAL)
                return check_skip(run, "this kernel has no SHM_STAT_ANY at that index; it came with Linux 4.17");
        if (!check_expect(run, "SHM_STAT_ANY", r, id) || !check_expect(run, "the size", reply.x, SEGMENT_SIZE) ||
                !set_mode(run, id, geteuid(), 0604) ||
                !check_expect(
                        run, "IPC_STAT with the right to read", peer_call(run, peer, "shm-stat", id, IPC_STAT), 0))
                return CHECK_FAILED;
        return check_ok(run, "mode 0600: IPC_STAT by user %d EACCES, SHM_STAT_ANY tells it %d bytes; 0604: both",
                CHECK_NOBODY, SEGMENT_SIZE);
}

CheckResult segment_exec_right(CheckRun *run) {
        CLEANUP_SEGMENT int id = -1;
        CheckProcess *peer;
        int64_t r;

        if (!segment_begin(run, 0, &id, NULL, &peer) || !peer_go(run, peer, CHECK_PLACE_OTHER_USER) ||
                !set_mode(run, id, geteuid(), 0606) ||
                !check_expect(run, "shmat", peer_call(run, peer, "shm-attach", id), 0) ||
                !check_expect(run, "shmat with SHM_EXEC", peer_call(run, peer, "shm-attach", id, SHM_EXEC), -EACCES) ||
                !set_mode(run, id, geteuid(), 0607))
                return CHECK_FAILED;
        r = peer_call(run, peer, "shm-attach", id, SHM_EXEC);
        return check_ok(run, "mode 0606: shmat ok, with SHM_EXEC EACCES; 0607: %s", check_outcome(r));
}

CheckResult segment_credentials(CheckRun *run) {
        CLEANUP_SEGMENT int id = -1;
        CheckProcess *peer, *other;
        struct shmid_ds st;

        if (!segment_begin(run, 0, &id, NULL, &peer) || peer_start(run, 0, NULL, 0, &other) < 0 ||
                !check_expect(run, "IPC_STAT", shmctl(id, IPC_STAT, &st), 0) ||
                !check_expect(run, "shm_cpid", st.shm_cpid, getpid()) ||
                !check_expect(run, "shm_lpid", st.shm_lpid, check_pid(run, peer)) ||
                !check_expect(run, "the maker's user", st.shm_perm.cuid, geteuid()) ||
                !check_expect(run, "the owner", st.shm_perm.uid, geteuid()) ||
                !check_expect(run, "shmat by another", peer_call(run, other, "shm-attach", id), 0) ||
                !check_expect(run, "IPC_STAT", shmctl(id, IPC_STAT, &st), 0) ||
                !check_expect(run, "shm_lpid", st.shm_lpid, check_pid(run, other)) ||
                !check_expect(run, "a write by the first", peer_call(run, peer, "poke", 0, 1), 0) ||
                !check_expect(run, "its shmdt", peer_call(run, peer, "shm-detach"), 0) ||
                !check_expect(run, "IPC_STAT", shmctl(id, IPC_STAT, &st), 0) ||
                !check_expect(run, "shm_lpid", st.shm_lpid, check_pid(run, peer)))
                return CHECK_FAILED;
        return check_ok(run, "shm_cpid is the maker, shm_lpid who attached or detached last; who wrote is not told");
}

CheckResult segment_namespace(CheckRun *run) {
        CLEANUP_SEGMENT int id = -1;
        key_t key = IPC_PRIVATE;
        CheckProcess *peer;
        int64_t theirs;

        if (!segment_begin(run, 0, &id, &key, &peer) || !peer_go(run, peer, CHECK_PLACE_OTHER_IPC) ||
                !check_expect(run, "shmget of the key there", peer_call(run, peer, "shm-get", key), -ENOENT) ||
                !check_expect(run, "shmat of the number there", peer_call(run, peer, "shm-attach", id), -EINVAL) ||
                !check_expect(run, "a write to what was attached before", peer_call(run, peer, "poke", 0, 6), 0) ||
                !check_expect(run, "attached", segment_attached(id), 1))
                return CHECK_FAILED;
        theirs = peer_call(run, peer, "shm-get", key, SEGMENT_SIZE, IPC_CREAT | IPC_EXCL | 0600);
        if (!check_need(run, "making one of the same key there", theirs) ||
                !check_expect(run, "its shmat", peer_call(run, peer, "shm-attach", theirs), 0) ||
                !check_expect(run, "what it shows", peer_call(run, peer, "peek", 0), 0))
                return CHECK_FAILED;
        return check_ok(run,
                "there the key is unknown (ENOENT), the number too (EINVAL), and the key free for another; "
                "what was attached before is still shared");
}

static bool limited(CheckRun *run, CheckProcess *peer, const char *file, int64_t value) {
        return check_need(run, file, peer_call(run, peer, "sysctl", value, .text = file));
}

static bool makes(CheckRun *run, CheckProcess *peer, const char *what, int64_t size, int64_t want) {
        int64_t r = peer_call(run, peer, "shm-get", IPC_PRIVATE, size, 0600);

        return check_expect(run, what, r < 0 ? r : 0, want);
}

CheckResult segment_maximum(CheckRun *run) {
        int64_t most = 3 * (int64_t)memory_page() + 100;
        CheckProcess *peer;

        if (peer_start(run, 0, NULL, 0, &peer) < 0 || !peer_go(run, peer, CHECK_PLACE_OTHER_IPC) ||
                !makes(run, peer, "shmget of 2^64 - 1 bytes", -1, -EINVAL) ||
                !limited(run, peer, SHM_MAX_FILE, most) || !makes(run, peer, "shmget of SHMMAX bytes", most, 0) ||
                !makes(run, peer, "shmget of one byte more", most + 1, -EINVAL) ||
                !makes(run, peer, "shmget of one byte", 1, 0))
                return CHECK_FAILED;
        return check_ok(run,
                "2^64 - 1 bytes: EINVAL; with SHMMAX %" PRId64 " of a namespace: that many ok, one more EINVAL", most);
}

CheckResult segment_limit(CheckRun *run) {
        int64_t page = (int64_t)memory_page();
        CheckProcess *peer;

        if (peer_start(run, 0, NULL, 0, &peer) < 0 || !peer_go(run, peer, CHECK_PLACE_OTHER_IPC) ||
                !limited(run, peer, SHM_ALL_FILE, 3) || !makes(run, peer, "two of three pages", 2 * page, 0) ||
                !makes(run, peer, "two more", 2 * page, -ENOSPC) || !makes(run, peer, "one more", page, 0) ||
                !limited(run, peer, SHM_ALL_FILE, 1000) || !limited(run, peer, SHM_MNI_FILE, 3) ||
                !makes(run, peer, "the third of three segments", page, 0) ||
                !makes(run, peer, "the fourth", page, -ENOSPC))
                return CHECK_FAILED;
        return check_ok(run,
                "in a namespace with SHMALL 3: two pages and one, not two and two (ENOSPC); with SHMMNI 3: "
                "three segments, the fourth ENOSPC");
}

CheckResult segment_lock_limit(CheckRun *run) {
        CLEANUP_SEGMENT int id = -1, ours = -1;
        CheckProcess *peer;
        struct shmid_ds st;

        ours = segment_make(run->token, NULL);
        if (!check_need(run, "shmget", ours) ||
                !check_need(run, "SHM_LOCK", shmctl(ours, SHM_LOCK, NULL) < 0 ? -errno : 0) ||
                !check_expect(run, "IPC_STAT", shmctl(ours, IPC_STAT, &st), 0) ||
                !check_expect(run, "SHM_LOCKED", (st.shm_perm.mode & SHM_LOCKED) != 0, true) ||
                peer_start(run, 0, NULL, 0, &peer) < 0 || !peer_go(run, peer, CHECK_PLACE_OTHER_USER) ||
                !check_expect(run, "setrlimit", peer_call(run, peer, "limit", RLIMIT_MEMLOCK, 0), 0))
                return CHECK_FAILED;
        id = (int)peer_call(run, peer, "shm-make", 0600);
        if (!check_need(run, "shmget", id) ||
                !check_expect(run, "SHM_LOCK", peer_call(run, peer, "shm-lock", id), -EPERM))
                return CHECK_FAILED;
        return check_ok(run, "locked, its mode has SHM_LOCKED; RLIMIT_MEMLOCK 0 and no CAP_IPC_LOCK: EPERM");
}
