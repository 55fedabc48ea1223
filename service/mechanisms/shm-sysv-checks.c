/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "checks.h"

/* What shmget(2), shmop(2) and shmctl(2) promise of System V shared memory. The judge removes what it made; a peer has
 * one segment attached at a time. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "peer-call.h"
#include "shm-sysv.h"

enum { SIZE = 10000 }; /* no multiple of a page */

static int make_with_key(key_t key, void *userdata) {
        int id = shmget(key, SIZE, IPC_CREAT | IPC_EXCL | 0600);

        if (id < 0)
                return -errno;
        if (userdata)
                *(key_t *)userdata = key;
        return id;
}

static void segment_done(int *id) {
        if (*id >= 0)
                shmctl(*id, IPC_RMID, NULL);
}

#define CLEANUP_SEGMENT __attribute__((cleanup(segment_done)))

static int64_t attached_by(int id) {
        struct shmid_ds st;

        return shmctl(id, IPC_STAT, &st) < 0 ? -errno : (int64_t)st.shm_nattch;
}

/* --- What peers can be told to do --- */

static unsigned char *here; /* in a peer: what is attached */

static int64_t call_make(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        return sysv_claim(peer->token, make_with_key, NULL);
}

static int64_t call_get(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        int id = shmget((key_t)call->a, (size_t)call->b, (int)call->c);

        return id < 0 ? -errno : id;
}

/* a is the identifier, b the flags. */
static int64_t call_attach(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        void *base = shmat((int)call->a, NULL, (int)call->b);

        if (base == (void *)-1)
                return -errno;
        /* A sanitizer's handler would end the process in its own way. */
        signal(SIGSEGV, SIG_DFL);
        here = base;
        return 0;
}

static int64_t call_detach(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        return shmdt(here) < 0 ? -errno : 0;
}

static int64_t call_write(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        here[call->a] = (unsigned char)call->b;
        return 0;
}

static int64_t call_read(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        return here[call->a];
}

static int64_t call_remove(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        return shmctl((int)call->a, IPC_RMID, NULL) < 0 ? -errno : 0;
}

static int64_t call_lock(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        return shmctl((int)call->a, SHM_LOCK, NULL) < 0 ? -errno : 0;
}

static const PeerFunction functions[] = {
        { "shm-make", call_make },
        { "shm-get", call_get },
        { "shm-attach", call_attach },
        { "shm-detach", call_detach },
        { "shm-write", call_write },
        { "shm-read", call_read },
        { "shm-remove", call_remove },
        { "shm-lock", call_lock },
        {},
};

static int role(CheckPeer *peer) {
        return peer_serve(peer, functions);
}

/* A segment with a key, and a peer that attached it with these flags. */
static bool begin(CheckRun *run, int flags, int *ret_id, key_t *ret_key, CheckProcess **ret) {
        key_t key = IPC_PRIVATE;

        *ret_id = sysv_claim(run->token, make_with_key, &key);
        if (ret_key)
                *ret_key = key;
        return check_need(run, "shmget", *ret_id) && peer_start(run, 0, NULL, 0, ret) >= 0 &&
               check_expect(run, "the peer's shmget of the key", peer_call(run, *ret, "shm-get", key), *ret_id) &&
               check_expect(run, "the peer's shmat", peer_call(run, *ret, "shm-attach", *ret_id, flags), 0);
}

/* The peer's next access ends it with that signal. */
static bool dies_of(CheckRun *run, CheckProcess *peer, const PeerCall *call, int signal) {
        int status = 0;

        return check_expect(run, "the access", peer_begin(run, peer, call), 0) &&
               check_expect(run, "waiting for its end", check_wait(run, peer, CHECK_PATIENCE_USEC, &status), 0) &&
               check_expect(run, "its signal", WIFSIGNALED(status) ? WTERMSIG(status) : 0, signal);
}

/* --- Checks --- */

static CheckResult shared(CheckRun *run) {
        CLEANUP_SEGMENT int id = -1;
        CheckProcess *peers[3];
        unsigned char *base;
        bool good;

        if (!begin(run, 0, &id, NULL, &peers[0]))
                return CHECK_FAILED;
        for (size_t i = 1; i < 3; i++)
                if (peer_start(run, 0, NULL, 0, &peers[i]) < 0 ||
                        !check_expect(run, "shmat", peer_call(run, peers[i], "shm-attach", id), 0))
                        return CHECK_FAILED;
        base = shmat(id, NULL, 0);
        if (base == (void *)-1)
                return check_fail(run, "shmat: %s", check_errno(errno));
        base[SIZE - 1] = 9;
        good = check_expect(run, "write at 0", peer_call(run, peers[0], "shm-write", 0, 1), 0) &&
               check_expect(run, "write at 5000", peer_call(run, peers[1], "shm-write", 5000, 2), 0) &&
               check_expect(run, "read of 0", peer_call(run, peers[2], "shm-read", 0), 1) &&
               check_expect(run, "read of 5000", peer_call(run, peers[0], "shm-read", 5000), 2) &&
               check_expect(run, "read of the last", peer_call(run, peers[1], "shm-read", SIZE - 1), 9) &&
               check_expect(run, "here at 0", base[0], 1) && check_expect(run, "attached", attached_by(id), 4);
        shmdt(base);
        return good ? check_ok(run, "four processes attached; each saw at once what the others wrote at their offsets")
                    : CHECK_FAILED;
}

static CheckResult zeroed(CheckRun *run) {
        CLEANUP_SEGMENT int id = -1;
        CheckProcess *peer;

        if (!begin(run, 0, &id, NULL, &peer))
                return CHECK_FAILED;
        for (int i = 0; i < SIZE; i += 999)
                if (!check_expect(run, "a byte", peer_call(run, peer, "shm-read", i), 0))
                        return CHECK_FAILED;
        return check_ok(run, "11 bytes of a new segment read: all 0");
}

static CheckResult read_only(CheckRun *run) {
        CLEANUP_SEGMENT int id = -1;
        CheckProcess *peer;

        if (!begin(run, SHM_RDONLY, &id, NULL, &peer) ||
                !check_expect(run, "a read", peer_call(run, peer, "shm-read", 0), 0) ||
                !dies_of(run, peer, &(PeerCall){ "shm-write", 0, 1 }, SIGSEGV))
                return CHECK_FAILED;
        return check_ok(run, "attached with SHM_RDONLY: reading works, writing ends the process with SIGSEGV");
}

/* The size is rounded up to pages: the rest of the last one is there, and what is behind it is not. */
static CheckResult rounded(CheckRun *run) {
        int64_t page = sysconf(_SC_PAGESIZE), end = (SIZE + page - 1) / page * page;
        CLEANUP_SEGMENT int id = -1;
        struct shmid_ds st;
        CheckProcess *peer;

        if (!begin(run, 0, &id, NULL, &peer) || !check_expect(run, "IPC_STAT", shmctl(id, IPC_STAT, &st), 0) ||
                !check_expect(run, "shm_segsz", (int64_t)st.shm_segsz, SIZE) ||
                !check_expect(run, "the last byte of the page", peer_call(run, peer, "shm-read", end - 1), 0))
                return CHECK_FAILED;
        return check_ok(run, "%d bytes asked for and told; bytes up to %" PRId64 " can be used (pages of %" PRId64 ")",
                SIZE, end - 1, page);
}

static CheckResult fixed_size(CheckRun *run) {
        CLEANUP_SEGMENT int id = -1;
        key_t key = IPC_PRIVATE;
        CheckProcess *peer;

        if (!begin(run, 0, &id, &key, &peer) ||
                !check_expect(run, "shmget of less", peer_call(run, peer, "shm-get", key, SIZE / 2), id) ||
                !check_expect(run, "shmget of more", peer_call(run, peer, "shm-get", key, SIZE + 1), -EINVAL) ||
                !check_expect(
                        run, "a new one of 0 bytes", peer_call(run, peer, "shm-get", IPC_PRIVATE, 0, 0600), -EINVAL))
                return CHECK_FAILED;
        return check_ok(run, "a smaller size finds it, a larger: EINVAL; a new segment of 0 bytes: EINVAL");
}

static CheckResult survives(CheckRun *run) {
        CLEANUP_SEGMENT int id = -1;
        CheckProcess *peer;
        unsigned char *base;
        struct shmid_ds st;
        pid_t creator;
        int byte;

        if (peer_start(run, 0, NULL, 0, &peer) < 0)
                return CHECK_FAILED;
        creator = check_pid(run, peer);
        id = (int)peer_call(run, peer, "shm-make");
        if (!check_need(run, "the peer's shmget", id) ||
                !check_expect(run, "shmat", peer_call(run, peer, "shm-attach", id), 0) ||
                !check_expect(run, "write", peer_call(run, peer, "shm-write", 77, 42), 0) ||
                !check_expect(run, "SIGKILL", check_murder(run, peer), 0) ||
                !check_expect(run, "attached", attached_by(id), 0) ||
                !check_expect(run, "IPC_STAT", shmctl(id, IPC_STAT, &st), 0) ||
                !check_expect(run, "shm_cpid", st.shm_cpid, creator))
                return CHECK_FAILED;
        base = shmat(id, NULL, SHM_RDONLY);
        if (base == (void *)-1)
                return check_fail(run, "shmat: %s", check_errno(errno));
        byte = base[77];
        shmdt(base);
        if (!check_expect(run, "its byte", byte, 42))
                return CHECK_FAILED;
        return check_ok(run, "creator %d killed: detached by the kernel, its byte is there, shm_cpid still names it",
                (int)creator);
}

static CheckResult count(CheckRun *run) {
        CLEANUP_SEGMENT int id = -1;
        CheckProcess *peer;
        struct shmid_ds st;

        if (!begin(run, 0, &id, NULL, &peer) || !check_expect(run, "attached", attached_by(id), 1) ||
                !check_expect(run, "a second shmat", peer_call(run, peer, "shm-attach", id), 0) ||
                !check_expect(run, "attached", attached_by(id), 2) ||
                !check_expect(run, "shmdt", peer_call(run, peer, "shm-detach"), 0) ||
                !check_expect(run, "attached", attached_by(id), 1) ||
                !check_expect(run, "IPC_STAT", shmctl(id, IPC_STAT, &st), 0) ||
                !check_expect(run, "shm_lpid", st.shm_lpid, check_pid(run, peer)) ||
                !check_expect(run, "SIGKILL", check_murder(run, peer), 0) ||
                !check_expect(run, "attached", attached_by(id), 0))
                return CHECK_FAILED;
        return check_ok(run, "1, with a second attachment 2, detached 1, killed 0; shm_lpid was the peer's");
}

static CheckResult marked(CheckRun *run) {
        CLEANUP_SEGMENT int id = -1;
        key_t key = IPC_PRIVATE;
        CheckProcess *peer;
        struct shmid_ds st;

        if (!begin(run, 0, &id, &key, &peer) || !check_expect(run, "IPC_RMID", shmctl(id, IPC_RMID, NULL), 0) ||
                !check_expect(run, "IPC_STAT", shmctl(id, IPC_STAT, &st), 0) ||
                !check_expect(run, "SHM_DEST", (st.shm_perm.mode & SHM_DEST) != 0, 1) ||
                !check_expect(run, "its key", st.shm_perm.__key, IPC_PRIVATE) ||
                !check_expect(run, "shmget of the key", peer_call(run, peer, "shm-get", key), -ENOENT) ||
                !check_expect(run, "write", peer_call(run, peer, "shm-write", 1, 5), 0) ||
                !check_expect(run, "read", peer_call(run, peer, "shm-read", 1), 5) ||
                !check_expect(run, "shmdt", peer_call(run, peer, "shm-detach"), 0) ||
                !check_expect(run, "IPC_STAT", attached_by(id), -EINVAL))
                return CHECK_FAILED;
        id = -1;
        return check_ok(run, "removed while attached: SHM_DEST, no key, still usable; with the last shmdt it is gone");
}

static CheckResult exclusive(CheckRun *run) {
        CLEANUP_SEGMENT int id = -1, one = -1, other = -1;
        key_t key = IPC_PRIVATE;
        CheckProcess *peer;

        if (!begin(run, 0, &id, &key, &peer) ||
                !check_expect(run, "IPC_CREAT | IPC_EXCL of the same key",
                        peer_call(run, peer, "shm-get", key, SIZE, IPC_CREAT | IPC_EXCL | 0600), -EEXIST))
                return CHECK_FAILED;
        one = (int)peer_call(run, peer, "shm-get", IPC_PRIVATE, SIZE, 0600);
        other = (int)peer_call(run, peer, "shm-get", IPC_PRIVATE, SIZE, 0600);
        if (!check_need(run, "shmget of IPC_PRIVATE", one < 0 ? one : other))
                return CHECK_FAILED;
        return one == other ? check_fail(run, "IPC_PRIVATE gave one segment twice")
                            : check_ok(run, "the key again: EEXIST; IPC_PRIVATE twice: two segments");
}

static CheckResult permission(CheckRun *run) {
        CLEANUP_SEGMENT int id = -1;
        struct shmid_ds st;
        CheckProcess *peer;

        if (!check_can_be_nobody())
                return check_skip(run, "only root can start a process of another user");
        if (!begin(run, 0, &id, NULL, &peer) || !check_become_nobody(run, peer) ||
                !check_expect(run, "shmat", peer_call(run, peer, "shm-attach", id), -EACCES) ||
                !check_expect(run, "write where it was attached", peer_call(run, peer, "shm-write", 0, 1), 0) ||
                !check_expect(run, "removing", peer_call(run, peer, "shm-remove", id), -EPERM) ||
                !check_expect(run, "IPC_STAT", shmctl(id, IPC_STAT, &st), 0))
                return CHECK_FAILED;
        st.shm_perm.mode = 0604;
        if (!check_expect(run, "IPC_SET of 0604", shmctl(id, IPC_SET, &st), 0) ||
                !check_expect(run, "shmat to write", peer_call(run, peer, "shm-attach", id), -EACCES) ||
                !check_expect(run, "shmat to read", peer_call(run, peer, "shm-attach", id, SHM_RDONLY), 0))
                return CHECK_FAILED;
        return check_ok(run,
                "mode 0600: EACCES for user %d, removing EPERM, what was attached stays; 0604: to read only",
                CHECK_NOBODY);
}

static CheckResult lock_limit(CheckRun *run) {
        CLEANUP_SEGMENT int id = -1;
        CheckProcess *peer;

        if (!check_can_be_nobody())
                return check_skip(run, "only root can start a process of another user");
        if (peer_start(run, 0, NULL, 0, &peer) < 0 || !check_become_nobody(run, peer) ||
                !check_expect(run, "setrlimit", peer_call(run, peer, "limit", RLIMIT_MEMLOCK, 0), 0))
                return CHECK_FAILED;
        id = (int)peer_call(run, peer, "shm-make");
        if (!check_need(run, "shmget", id) ||
                !check_expect(run, "SHM_LOCK", peer_call(run, peer, "shm-lock", id), -EPERM))
                return CHECK_FAILED;
        return check_ok(run, "RLIMIT_MEMLOCK 0 and no CAP_IPC_LOCK: EPERM");
}

const Check shm_sysv_checks[] = {
        { "shared", "what one process writes all others see, at any offset", "shmop(2)", CHECK_BOTH, shared,
                { role } },
        { "zeroed", "a new segment is full of zeros", "shmget(2)", CHECK_FORKED, zeroed, { role } },
        { "read-only", "who attached it to read cannot write", "shmop(2)", CHECK_BOTH, read_only, { role } },
        { "rounded", "the size is kept to the byte and rounded up to pages in memory", "shmget(2)", CHECK_FORKED,
                rounded, { role } },
        { "fixed-size", "the size is set when it is made", "shmget(2)", CHECK_BOTH, fixed_size, { role } },
        { "count", "the kernel counts attachments, also those of who was killed", "shmctl(2)", CHECK_BOTH, count,
                { role } },
        { "survives", "a segment outlives the process that made it", "sysvipc(7)", CHECK_BOTH, survives, { role } },
        { "marked", "a segment that is removed while attached lives until the last one detaches", "shmctl(2)",
                CHECK_BOTH, marked, { role } },
        { "exclusive", "a key names one segment, IPC_PRIVATE always a new one", "shmget(2)", CHECK_BOTH, exclusive,
                { role } },
        { "permission", "mode bits keep other users out when they attach; only owner and creator remove", "sysvipc(7)",
                CHECK_BOTH, permission, { role } },
        { "lock-limit", "locking a segment in memory needs a right or room in RLIMIT_MEMLOCK", "shmctl(2)",
                CHECK_FORKED, lock_limit, { role } },
        { "duplex", "both sides write before either reads", "shmop(2)", CHECK_BOTH, transport_duplex,
                { transport_duplex_role } },
        { "order", "a ring in it, with atomic operations, loses and reorders nothing", "shmop(2)", CHECK_BOTH,
                transport_order, { transport_order_role } },
        {},
};
