/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "shm-sysv-checks.h"

/* What shmget(2), shmop(2) and shmctl(2) promise of System V shared memory, beside what all shared memory promises
 * (memory-claims.h). The judge removes what it made; a peer has one segment attached at a time. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "cleanup.h"
#include "limit-facts.h"
#include "memory-claims.h"
#include "memory-peer.h"

enum { SIZE = SEGMENT_SIZE };

static int make_with_key(key_t key, void *userdata) {
        int id = shmget(key, SIZE, IPC_CREAT | IPC_EXCL | 0600);

        if (id < 0)
                return -errno;
        if (userdata)
                *(key_t *)userdata = key;
        return id;
}

static int make_with_mode(key_t key, void *userdata) {
        int id = shmget(key, SIZE, IPC_CREAT | IPC_EXCL | *(const int *)userdata);

        return id < 0 ? -errno : id;
}

void segment_done(int *id) {
        if (*id >= 0)
                shmctl(*id, IPC_RMID, NULL);
}

int64_t segment_attached(int id) {
        struct shmid_ds st;

        return shmctl(id, IPC_STAT, &st) < 0 ? -errno : (int64_t)st.shm_nattch;
}

int segment_make(const char *token, key_t *ret_key) {
        return sysv_claim(token, make_with_key, ret_key);
}

/* --- What peers can be told to do --- */

static int64_t result_of(int result) {
        return result < 0 ? -errno : result;
}

static int64_t call_make(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        int mode = (int)call->a;

        return sysv_claim(peer->token, make_with_mode, &mode);
}

/* Marked for destruction while it is attached, so that it ends with this process. */
static int64_t make_private(int flags, void **ret_base) {
        int id = shmget(IPC_PRIVATE, SIZE, flags);

        if (id < 0)
                return -errno;
        *ret_base = shmat(id, NULL, 0);
        shmctl(id, IPC_RMID, NULL);
        return *ret_base == (void *)-1 ? -ENOMEM : id;
}

static int64_t call_private(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        volatile unsigned char *bytes;
        void *one, *other;

        reply->x = make_private((int)call->a, &one);
        reply->y = make_private((int)call->a, &other);
        if (reply->x < 0 || reply->y < 0)
                return reply->x < 0 ? reply->x : reply->y;
        bytes = one;
        *bytes = 1;
        bytes = other;
        return *bytes;
}

static int64_t call_get(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        return result_of(shmget((key_t)call->a, (size_t)call->b, (int)call->c));
}

static int64_t attach(int id, uintptr_t address, int flags, PeerReply *reply) {
        void *base = shmat(id, (const void *)address, flags);

        if (base == (void *)-1)
                return -errno;
        memory_is_mapped(base, SIZE);
        reply->x = (int64_t)(uintptr_t)base;
        return 0;
}

static int64_t call_attach(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        return attach((int)call->a, 0, (int)call->b, reply);
}

static int64_t call_attach_at(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        return attach((int)call->a, (uintptr_t)call->b, (int)call->c, reply);
}

static int64_t call_tight(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        volatile unsigned char *before = memory_mapped();
        uint64_t limit;
        int64_t r = memory_tighten(&limit);

        if (r < 0)
                return r;
        r = attach((int)call->a, 0, 0, reply);
        memory_loosen(limit);
        if (r < 0)
                memory_is_mapped((void *)before, SIZE);
        return r;
}

static int64_t call_room(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        void *room = mmap(NULL, (size_t)call->a, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        if (room == MAP_FAILED)
                return -errno;
        reply->x = (int64_t)(uintptr_t)room;
        return 0;
}

static int64_t call_detach(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        return result_of(shmdt((const char *)(uintptr_t)memory_mapped() + call->a));
}

static int64_t call_remove(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        return result_of(shmctl((int)call->a, IPC_RMID, NULL));
}

static int64_t call_lock(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        return result_of(shmctl((int)call->a, SHM_LOCK, NULL));
}

static int64_t call_stat(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        struct shmid_ds st = {};
        int64_t r = result_of(shmctl((int)call->a, (int)call->b, &st));

        reply->x = (int64_t)st.shm_segsz;
        return r;
}

static int64_t call_set(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        struct shmid_ds st = { .shm_perm = { .uid = getuid(), .gid = getgid(), .mode = (unsigned short)call->b } };

        return result_of(shmctl((int)call->a, IPC_SET, &st));
}

static int64_t call_ftok(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        reply->x = ftok(call->text, (int)call->a);
        return reply->x == -1 ? -errno : 0;
}

static int64_t call_sysctl(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        CLEANUP_FD int fd = -EBADF;
        char text[32];
        int n;

        if (!memory_apart("ipc"))
                return -EPERM;
        fd = open(call->text, O_WRONLY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        n = snprintf(text, sizeof text, "%" PRId64, call->a);
        return write(fd, text, (size_t)n) < 0 ? -errno : 0;
}

static const PeerFunction functions[] = {
        { "ftok", call_ftok },
        { "room", call_room },
        { "shm-attach", call_attach },
        { "shm-attach-at", call_attach_at },
        { "shm-detach", call_detach },
        { "shm-get", call_get },
        { "shm-lock", call_lock },
        { "shm-make", call_make },
        { "shm-private", call_private },
        { "shm-remove", call_remove },
        { "shm-set", call_set },
        { "shm-stat", call_stat },
        { "sysctl", call_sysctl },
        { "tight-attach", call_tight },
        {},
};

int segment_role(CheckPeer *peer) {
        return memory_serve(peer, functions);
}

bool segment_begin(CheckRun *run, int flags, int *ret_id, key_t *ret_key, CheckProcess **ret) {
        key_t key = IPC_PRIVATE;

        *ret_id = segment_make(run->token, &key);
        if (ret_key)
                *ret_key = key;
        return check_need(run, "shmget", *ret_id) && peer_start(run, 0, NULL, 0, ret) >= 0 &&
               check_expect(run, "the peer's shmget of the key", peer_call(run, *ret, "shm-get", key), *ret_id) &&
               check_expect(run, "the peer's shmat", peer_call(run, *ret, "shm-attach", *ret_id, flags), 0);
}

/* --- Memory of this kind, for the claims of all shared memory --- */

static int make_sized(key_t key, void *userdata) {
        int id = shmget(key, *(const size_t *)userdata, IPC_CREAT | IPC_EXCL | 0600);

        return id < 0 ? -errno : id;
}

static bool make(CheckRun *run, Memory *memory) {
        memory->id = sysv_claim(run->token, make_sized, &memory->size);
        if (memory->id >= 0)
                (void)snprintf(memory->name, sizeof memory->name, "id=%d", memory->id);
        return check_need(run, "shmget", memory->id);
}

static bool start(CheckRun *run, const Memory *memory, CheckProcess **ret) {
        return peer_start(run, 0, NULL, 0, ret) >= 0;
}

static void *map(const Memory *memory) {
        return shmat(memory->id, NULL, 0);
}

static bool join(CheckRun *run, const Memory *memory, CheckProcess *peer) {
        return check_expect(run, "the peer's shmat", peer_call(run, peer, "shm-attach", memory->id), 0);
}

static void remove_segment(const Memory *memory) {
        shmctl(memory->id, IPC_RMID, NULL);
}

static const MemoryMaker maker = { .make = make, .start = start, .remove = remove_segment, .map = map, .join = join };

MEMORY_SHARED_FUNCTIONS;
MEMORY_MODEL_FUNCTIONS;

/* --- Checks --- */

static CheckResult shared(CheckRun *run) {
        CLEANUP_SEGMENT int id = -1;
        CheckProcess *peers[3];
        unsigned char *base;
        bool good;

        if (!segment_begin(run, 0, &id, NULL, &peers[0]))
                return CHECK_FAILED;
        for (size_t i = 1; i < 3; i++)
                if (peer_start(run, 0, NULL, 0, &peers[i]) < 0 ||
                        !check_expect(run, "shmat", peer_call(run, peers[i], "shm-attach", id), 0))
                        return CHECK_FAILED;
        base = shmat(id, NULL, 0);
        if (base == (void *)-1)
                return check_fail(run, "shmat: %s", check_errno(errno));
        base[SIZE - 1] = 9;
        good = check_expect(run, "write at 0", peer_call(run, peers[0], "poke", 0, 1), 0) &&
               check_expect(run, "write at 5000", peer_call(run, peers[1], "poke", 5000, 2), 0) &&
               check_expect(run, "read of 0", peer_call(run, peers[2], "peek", 0), 1) &&
               check_expect(run, "read of 5000", peer_call(run, peers[0], "peek", 5000), 2) &&
               check_expect(run, "read of the last", peer_call(run, peers[1], "peek", SIZE - 1), 9) &&
               check_expect(run, "here at 0", base[0], 1) && check_expect(run, "attached", segment_attached(id), 4);
        shmdt(base);
        return good ? check_ok(run, "four processes attached; each saw at once what the others wrote at their offsets")
                    : CHECK_FAILED;
}

static CheckResult zeroed(CheckRun *run) {
        CLEANUP_SEGMENT int id = -1;
        CheckProcess *peer;

        if (!segment_begin(run, 0, &id, NULL, &peer))
                return CHECK_FAILED;
        for (int i = 0; i < SIZE; i += 999)
                if (!check_expect(run, "a byte", peer_call(run, peer, "peek", i), 0))
                        return CHECK_FAILED;
        return check_ok(run, "11 bytes of a new segment read: all 0");
}

static CheckResult read_only(CheckRun *run) {
        CLEANUP_SEGMENT int id = -1;
        CheckProcess *peer;

        if (!segment_begin(run, SHM_RDONLY, &id, NULL, &peer) ||
                !check_expect(run, "a read", peer_call(run, peer, "peek", 0), 0) ||
                !memory_dies_of(run, peer, &(PeerCall){ "poke", 0, 1 }, SIGSEGV))
                return CHECK_FAILED;
        return check_ok(run, "attached with SHM_RDONLY: reading works, writing ends the process with SIGSEGV");
}

/* The size is rounded up to pages: the rest of the last one is there, and what is behind it is not. */
static CheckResult rounded(CheckRun *run) {
        int64_t page = sysconf(_SC_PAGESIZE), end = (SIZE + page - 1) / page * page;
        CLEANUP_SEGMENT int id = -1;
        struct shmid_ds st;
        CheckProcess *peer;

        if (!segment_begin(run, 0, &id, NULL, &peer) || !check_expect(run, "IPC_STAT", shmctl(id, IPC_STAT, &st), 0) ||
                !check_expect(run, "shm_segsz", (int64_t)st.shm_segsz, SIZE) ||
                !check_expect(run, "the last byte of the page", peer_call(run, peer, "peek", end - 1), 0))
                return CHECK_FAILED;
        return check_ok(run, "%d bytes asked for and told; bytes up to %" PRId64 " can be used (pages of %" PRId64 ")",
                SIZE, end - 1, page);
}

static CheckResult fixed_size(CheckRun *run) {
        CLEANUP_SEGMENT int id = -1;
        key_t key = IPC_PRIVATE;
        CheckProcess *peer;

        if (!segment_begin(run, 0, &id, &key, &peer) ||
                !check_expect(run, "shmget of less", peer_call(run, peer, "shm-get", key, SIZE / 2), id) ||
                !check_expect(run, "shmget of more", peer_call(run, peer, "shm-get", key, SIZE + 1), -EINVAL) ||
                !check_expect(
                        run, "a new one of 0 bytes", peer_call(run, peer, "shm-get", IPC_PRIVATE, 0, 0600), -EINVAL))
                return CHECK_FAILED;
        return check_ok(run, "a smaller size finds it, a larger: EINVAL; a new segment of 0 bytes: EINVAL");
}

/* proc_sys_kernel(5): with kernel.shm_rmid_forced a segment goes with the process that made it, or with the last that
 * has it attached. */
static CheckResult survives(CheckRun *run) {
        bool forced = limit_read("/proc/sys/kernel/shm_rmid_forced", 0) != 0;
        CLEANUP_SEGMENT int id = -1;
        CheckProcess *peer;
        unsigned char *base;
        struct shmid_ds st;
        pid_t creator;
        int byte;

        if (peer_start(run, 0, NULL, 0, &peer) < 0)
                return CHECK_FAILED;
        creator = check_pid(run, peer);
        id = (int)peer_call(run, peer, "shm-make", 0600);
        if (!check_need(run, "the peer's shmget", id) ||
                !check_expect(run, "shmat", peer_call(run, peer, "shm-attach", id), 0) ||
                !check_expect(run, "write", peer_call(run, peer, "poke", 77, 42), 0) ||
                !check_expect(run, "SIGKILL", check_murder(run, peer), 0) ||
                !check_expect(run, "attached", segment_attached(id), forced ? -EINVAL : 0))
                return CHECK_FAILED;
        if (forced)
                return check_ok(run, "kernel.shm_rmid_forced is 1: creator %d killed, and the segment is gone with it",
                        (int)creator);
        if (!check_expect(run, "IPC_STAT", shmctl(id, IPC_STAT, &st), 0) ||
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
        CLEANUP_ATTACHED void *kept = NULL;
        CheckProcess *peer;
        struct shmid_ds st;

        if (!segment_begin(run, 0, &id, NULL, &peer) || !check_expect(run, "attached", segment_attached(id), 1) ||
                !segment_keep(run, id, &kept) || !check_expect(run, "attached", segment_attached(id), 2) ||
                !check_expect(run, "a second shmat", peer_call(run, peer, "shm-attach", id), 0) ||
                !check_expect(run, "attached", segment_attached(id), 3) ||
                !check_expect(run, "shmdt", peer_call(run, peer, "shm-detach"), 0) ||
                !check_expect(run, "attached", segment_attached(id), 2) ||
                !check_expect(run, "IPC_STAT", shmctl(id, IPC_STAT, &st), 0) ||
                !check_expect(run, "shm_lpid", st.shm_lpid, check_pid(run, peer)) ||
                !check_expect(run, "SIGKILL", check_murder(run, peer), 0) ||
                !check_expect(run, "attached", segment_attached(id), 1))
                return CHECK_FAILED;
        return check_ok(run, "attached by the peer 1, here too 2, by the peer again 3, detached once 2, the peer "
                             "killed 1; shm_lpid "
                             "was the peer's");
}

static CheckResult marked(CheckRun *run) {
        CLEANUP_SEGMENT int id = -1;
        key_t key = IPC_PRIVATE;
        CheckProcess *peer;
        struct shmid_ds st;

        if (!segment_begin(run, 0, &id, &key, &peer) ||
                !check_expect(run, "IPC_RMID", shmctl(id, IPC_RMID, NULL), 0) ||
                !check_expect(run, "IPC_STAT", shmctl(id, IPC_STAT, &st), 0) ||
                !check_expect(run, "SHM_DEST", (st.shm_perm.mode & SHM_DEST) != 0, 1) ||
                !check_expect(run, "its key", st.shm_perm.__key, IPC_PRIVATE) ||
                !check_expect(run, "shmget of the key", peer_call(run, peer, "shm-get", key), -ENOENT) ||
                !check_expect(run, "write", peer_call(run, peer, "poke", 1, 5), 0) ||
                !check_expect(run, "read", peer_call(run, peer, "peek", 1), 5) ||
                !check_expect(run, "shmdt", peer_call(run, peer, "shm-detach"), 0) ||
                !check_expect(run, "IPC_STAT", segment_attached(id), -EINVAL))
                return CHECK_FAILED;
        id = -1;
        return check_ok(run, "removed while attached: SHM_DEST, no key, still usable; with the last shmdt it is gone");
}

static CheckResult exclusive(CheckRun *run) {
        CLEANUP_SEGMENT int id = -1;
        key_t key = IPC_PRIVATE;
        CheckProcess *peer;

        if (!segment_begin(run, 0, &id, &key, &peer) ||
                !check_expect(run, "IPC_CREAT of the same key",
                        peer_call(run, peer, "shm-get", key, SIZE, IPC_CREAT | 0600), id) ||
                !check_expect(run, "IPC_CREAT | IPC_EXCL of it",
                        peer_call(run, peer, "shm-get", key, SIZE, IPC_CREAT | IPC_EXCL | 0600), -EEXIST) ||
                !check_expect(run, "IPC_RMID", shmctl(id, IPC_RMID, NULL), 0) ||
                !check_expect(run, "shmget of the key then", peer_call(run, peer, "shm-get", key), -ENOENT))
                return CHECK_FAILED;
        id = -1;
        return check_ok(run, "the key again: IPC_CREAT finds it, with IPC_EXCL EEXIST; removed: ENOENT");
}

const Check shm_sysv_checks[] = {
        MEMORY_SHARED_CLAIMS("shmop(2)", ASPECT(UNRELATED), segment_role),
        MEMORY_MODEL_CLAIMS("shmop(2)", segment_role),
        MEMORY_RING_CLAIMS("shmop(2)"),
        { "shared", "what one process writes all others see, at any offset", "shmop(2)", CHECK_BOTH, shared,
                { segment_role }, .aspects = ASPECT(BIDIRECTIONAL) | ASPECT(UNRELATED) },
        { "zeroed", "a new segment is full of zeros", "shmget(2)", CHECK_BOTH, zeroed, { segment_role } },
        { "read-only", "who attached it to read cannot write", "shmop(2)", CHECK_BOTH, read_only, { segment_role } },
        { "rounded", "the size is kept to the byte and rounded up to pages in memory", "shmget(2)", CHECK_BOTH,
                rounded, { segment_role } },
        { "fixed-size", "the size is set when it is made", "shmget(2)", CHECK_BOTH, fixed_size, { segment_role } },
        { "count", "the kernel counts attachments and not processes, also those of who was killed", "shmctl(2)",
                CHECK_BOTH, count, { segment_role }, .aspects = ASPECT(HOLDER_KILLED) | ASPECT(CREDENTIALS) },
        { "survives", "a segment outlives the process that made it, unless kernel.shm_rmid_forced is 1", "sysvipc(7)",
                CHECK_BOTH, survives, { segment_role }, .aspects = ASPECT(PERSISTENCE) | ASPECT(CREATOR_GONE) },
        { "marked", "a segment that is removed while attached lives until the last one detaches", "shmctl(2)",
                CHECK_BOTH, marked, { segment_role }, .aspects = ASPECT(PERSISTENCE) },
        { "exclusive", "a key names one segment; with IPC_EXCL nobody takes over what exists", "shmget(2)", CHECK_BOTH,
                exclusive, { segment_role } },
        { "fork-counts", "a forked child counts as attached, after execve it does not", "shmop(2)", CHECK_BOTH,
                segment_fork_counts, { segment_role } },
        { "two-places", "one process may attach it twice, to read and to write, at two addresses", "shmop(2)",
                CHECK_BOTH, segment_two_places, { segment_role } },
        { "addresses", "an address has to be aligned and free, unless SHM_RND and SHM_REMAP are given", "shmop(2)",
                CHECK_BOTH, segment_addresses, { segment_role } },
        { "detach", "only the address that shmat gave can be detached, once", "shmop(2)", CHECK_BOTH, segment_detach,
                { segment_role } },
        { "times", "attaching, detaching and IPC_SET leave their times, and no other's", "shmctl(2)", CHECK_BOTH,
                segment_times, { segment_role } },
        { "attach-marked", "marked for destruction it can still be attached by its number", "shmop(2)", CHECK_BOTH,
                segment_attach_marked, { segment_role } },
        { "marked-killed", "marked for destruction it goes when the last holder is killed", "shmctl(2)", CHECK_BOTH,
                segment_marked_killed, { segment_role }, .aspects = ASPECT(HOLDER_KILLED) | ASPECT(PERSISTENCE) },
        { "key-zero", "key 0 is IPC_PRIVATE: each shmget makes another one, IPC_CREAT or not", "shmget(2)", CHECK_BOTH,
                segment_key_zero, { segment_role } },
        { "ftok", "ftok makes a key of 8 bits of the number, 8 of the device and 16 of the inode: keys collide",
                "ftok(3)", CHECK_BOTH, segment_ftok, { segment_role } },
        { "stale-number", "the number of what was removed leads nowhere, and is not given again soon", "shmctl(2)",
                CHECK_BOTH, segment_stale_number, { segment_role } },
        { "no-descriptor", "it takes no descriptor: with none left it is made and attached", "shmget(2)", CHECK_BOTH,
                segment_no_descriptor, { segment_role }, .aspects = ASPECT(EXHAUSTION) },
        { "permission", "mode bits keep other users out when they attach; only owner and creator remove", "sysvipc(7)",
                CHECK_BOTH, segment_permission, { segment_role }, .aspects = ASPECT(PERMISSION) },
        { "other-user", "where the mode allows it another user attaches and writes; the umask does not count",
                "shmget(2)", CHECK_BOTH, segment_other_user, { segment_role }, .aspects = ASPECT(OTHER_USER) },
        { "given-away", "IPC_SET gives it to another user, who may then remove it, as its creator may", "shmctl(2)",
                CHECK_BOTH, segment_given_away, { segment_role }, .aspects = ASPECT(OTHER_USER) },
        { "stat-right", "IPC_STAT needs the right to read; SHM_STAT_ANY tells everybody", "shmctl(2)", CHECK_BOTH,
                segment_stat_right, { segment_role }, .aspects = ASPECT(PERMISSION) },
        { "exec-right", "SHM_EXEC needs the right to execute, though shmctl(2) says that it is not used", "shmop(2)",
                CHECK_BOTH, segment_exec_right, { segment_role }, .aspects = ASPECT(PERMISSION) },
        { "credentials", "it tells who made it, and who attached or detached it last", "shmctl(2)", CHECK_BOTH,
                segment_credentials, { segment_role }, .aspects = ASPECT(CREDENTIALS) },
        { "namespace", "another IPC namespace has other segments; what is attached stays", "ipc_namespaces(7)",
                CHECK_BOTH, segment_namespace, { segment_role }, .aspects = ASPECT(NAMESPACE) },
        { "maximum", "a segment has at most SHMMAX bytes: one more is EINVAL", "shmget(2)", CHECK_BOTH,
                segment_maximum, { segment_role }, .aspects = ASPECT(MAXIMUM) },
        { "limit", "SHMMNI segments and SHMALL pages are all there can be: one more is ENOSPC", "shmget(2)",
                CHECK_BOTH, segment_limit, { segment_role }, .aspects = ASPECT(LIMIT) },
        { "lock-limit", "locking a segment in memory needs a right or room in RLIMIT_MEMLOCK", "shmctl(2)", CHECK_BOTH,
                segment_lock_limit, { segment_role }, .aspects = ASPECT(LIMIT) },
        {},
};

const CheckGap shm_sysv_gaps[] = {
        MEMORY_GAPS,
        {},
};
