/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ring-checks.h"

/* What peers of checks of rings can do, and the judge's own tools. A peer's handles end with it. */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "memory-calls.h"
#include "spin.h"
#include "transport-pair.h"

/* --- Both sides --- */

int64_t ring_send_number(IpcbusRing *ring, uint64_t number, uint64_t timeout) {
        unsigned char message[RING_SIZE];

        message_fill(message, sizeof message, number);
        return ipcbus_ring_send(ring, message, sizeof message, timeout);
}

static int64_t number_of(const void *data, size_t size) {
        const unsigned char *bytes = data;
        uint64_t number;

        if (size != RING_SIZE)
                return -EBADMSG;
        number = bytes[0] | (uint64_t)bytes[1] << 8 | (uint64_t)bytes[2] << 16 | (uint64_t)bytes[3] << 24;
        return message_matches(data, size, number) ? (int64_t)number : -EBADMSG;
}

int64_t ring_receive_number(IpcbusRing *ring, uint64_t timeout) {
        unsigned char message[RING_SIZE + 1];
        size_t size;
        int r;

        r = ipcbus_ring_receive(ring, message, sizeof message, timeout, &size);
        return r < 0 ? r : number_of(message, size);
}

/* --- The judge --- */

void ring_check_done(RingCheck *check) {
        check->ring = ipcbus_ring_close(check->ring);
        check->fd = fd_close(check->fd);
}

bool ring_check_make(CheckRun *run, uint64_t capacity, unsigned flags, RingCheck *ret) {
        return check_need(run, "ipcbus_ring_create", ipcbus_ring_create("ipcbus-check", capacity, flags, &ret->fd));
}

bool ring_check_open(CheckRun *run, RingCheck *check, IpcbusRingRole role) {
        if (!check_need(run, "ipcbus_ring_open", ipcbus_ring_open(check->fd, role, &check->ring)))
                return false;
        ipcbus_ring_set_patience(check->ring, CHECK_TIMEOUT_USEC / 8);
        return true;
}

bool ring_check_add(CheckRun *run, const RingCheck *check, IpcbusRingRole role, CheckProcess **ret_peer) {
        return peer_start(run, 0, &check->fd, 1, ret_peer) >= 0 &&
               check_need(run, "the peer's ipcbus_ring_open",
                       peer_call(run, *ret_peer, "ring-open", 0, RING_FROM_JUDGE, role));
}

bool ring_check_begin(CheckRun *run, uint64_t capacity, unsigned flags, IpcbusRingRole role, RingCheck *ret,
        CheckProcess **ret_peer) {
        IpcbusRingRole other = role == IPCBUS_RING_WRITER ? IPCBUS_RING_READER : IPCBUS_RING_WRITER;

        return ring_check_make(run, capacity, flags, ret) && ring_check_add(run, ret, other, ret_peer) &&
               ring_check_open(run, ret, role);
}

bool ring_gives(CheckRun *run, RingCheck *check, int64_t want) {
        return check_expect(run, "the next message here", ring_receive_number(check->ring, CHECK_PATIENCE_USEC), want);
}

/* --- The peer --- */

static IpcbusRing *handles[RING_HANDLES];

static IpcbusRing *handle(const PeerCall *call) {
        return call->a >= 0 && call->a < RING_HANDLES ? handles[call->a] : NULL;
}

static int number(CheckPeer *peer, int64_t n) {
        const int *place = peer_descriptor(peer, n);

        return place ? *place : -EBADF;
}

/* Waiting is by sleeping: that can be seen from outside. */
static int64_t call_open(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        IpcbusRing *ring;
        int r;

        if (call->a < 0 || call->a >= RING_HANDLES || handles[call->a])
                return -EINVAL;
        r = ipcbus_ring_open(number(peer, call->b), (IpcbusRingRole)call->c, &ring);
        if (r < 0)
                return r;
        ipcbus_ring_set_patience(ring, CHECK_TIMEOUT_USEC / 8);
        if (!(ipcbus_ring_flags(ring) & IPCBUS_RING_AWAKE))
                (void)ipcbus_ring_set_wait(ring, IPCBUS_RING_BLOCK, 0);
        handles[call->a] = ring;
        return 0;
}

static int64_t call_close(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        IpcbusRing *ring = handle(call);

        if (!ring)
                return -EBADF;
        handles[call->a] = ipcbus_ring_close(ring);
        return 0;
}

static int64_t call_send(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        IpcbusRing *ring = handle(call);

        return ring ? ring_send_number(ring, (uint64_t)call->b, (uint64_t)call->c) : -EBADF;
}

static int64_t call_receive(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        IpcbusRing *ring = handle(call);

        return ring ? ring_receive_number(ring, (uint64_t)call->c) : -EBADF;
}

static int64_t call_flood(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        IpcbusRing *ring = handle(call);
        int64_t r = ring ? 0 : -EBADF;

        for (int64_t i = 0; r >= 0 && i < call->b; i++) {
                r = ring_send_number(ring, (uint64_t)(call->c + i), CHECK_PATIENCE_USEC);
                reply->x = i;
        }
        return r;
}

static int64_t call_drain(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        IpcbusRing *ring = handle(call);
        int64_t n = ring ? 0 : -EBADF;

        for (int64_t i = 0; n >= 0 && i < call->b; i++) {
                n = ring_receive_number(ring, CHECK_PATIENCE_USEC);
                reply->x = n;
                if (n != i)
                        return n < 0 ? n : -EBADMSG;
        }
        return n < 0 ? n : 0;
}

static int64_t call_large(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        IpcbusRing *ring = handle(call);
        CLEANUP_FREE void *message = malloc((size_t)call->b);

        if (!ring || !message)
                return ring ? -ENOMEM : -EBADF;
        message_fill(message, (size_t)call->b, (uint64_t)call->c);
        return ipcbus_ring_send(ring, message, (size_t)call->b, CHECK_PATIENCE_USEC);
}

static int reserve(IpcbusRing *ring, uint64_t n) {
        void *place;
        int r = ipcbus_ring_reserve(ring, RING_SIZE, CHECK_PATIENCE_USEC, &place);

        if (r >= 0)
                message_fill(place, RING_SIZE, n);
        return r;
}

static int64_t call_reserve(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        IpcbusRing *ring = handle(call);

        return ring ? reserve(ring, (uint64_t)call->b) : -EBADF;
}

static int64_t call_commit(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        IpcbusRing *ring = handle(call);

        return ring ? ipcbus_ring_commit(ring, RING_SIZE) : -EBADF;
}

static int64_t call_append(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        IpcbusRing *ring = handle(call);
        int r = ring ? reserve(ring, (uint64_t)call->b) : -EBADF;

        return r < 0 ? r : ipcbus_ring_append(ring, RING_SIZE);
}

static int64_t call_publish(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        IpcbusRing *ring = handle(call);

        return ring ? ipcbus_ring_publish(ring) : -EBADF;
}

static int64_t call_peek(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        IpcbusRing *ring = handle(call);
        const void *data;
        size_t size;
        int r = ring ? ipcbus_ring_peek(ring, CHECK_PATIENCE_USEC, &data, &size) : -EBADF;

        return r < 0 ? r : number_of(data, size);
}

static int64_t call_release(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        IpcbusRing *ring = handle(call);

        return ring ? ipcbus_ring_release(ring) : -EBADF;
}

static int64_t call_wait(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        IpcbusRing *ring = handle(call);
        uint64_t start = monotonic_now();
        int r = ring ? ipcbus_ring_wait_readable(ring, (uint64_t)call->b) : -EBADF;

        reply->x = monotonic_now() - start < (uint64_t)call->b;
        return r;
}

/* Makes one, and sends it over a socket. */
static int64_t call_make(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        CLEANUP_FD int fd = -EBADF;
        int r = ipcbus_ring_create("ipcbus-check", (uint64_t)call->b, 0, &fd);

        return r < 0 ? r : memory_pass(number(peer, call->a), fd);
}

static int64_t call_way(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        IpcbusRing *ring = handle(call);

        return ring ? ipcbus_ring_set_wait(ring, (IpcbusRingWait)call->b, 0) : -EBADF;
}

static int64_t call_recover(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        IpcbusRing *ring = handle(call);

        return ring ? ipcbus_ring_recover(ring) : -EBADF;
}

static int64_t call_places(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        IpcbusRing *rings[IPCBUS_RING_PARTICIPANTS + 1];
        int n = 0, r = 0;

        while (n <= IPCBUS_RING_PARTICIPANTS) {
                r = ipcbus_ring_open(number(peer, call->b), IPCBUS_RING_WRITER, &rings[n]);
                if (r < 0)
                        break;
                n++;
        }
        reply->x = n;
        for (int i = 0; i < n; i++)
                ipcbus_ring_close(rings[i]);
        return r;
}

/* --- Without a system call --- */

typedef struct Quiet {
        IpcbusRing *ring;
        int64_t messages, result;
        bool receives;
} Quiet;

enum { QUIET_STACK = 256 * 1024 };

/* In the memory of the peer, which waits: a process that may make no system call but that which ends it. Whatever else
 * it begins, be it only to ask for the time, is its death. */
static int quiet(void *argument) {
        Quiet *this = argument;
        struct sock_filter filter[] = {
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit, 0, 1),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_THREAD),
        };
        struct sock_fprog program = { .len = sizeof filter / sizeof filter[0], .filter = filter };

        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
                syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) < 0)
                this->result = errno == EINVAL ? -EOPNOTSUPP : -errno;
        else
                this->result = 0;
        for (int64_t i = 0; this->result >= 0 && i < this->messages; i++) {
                int64_t r = this->receives ? ring_receive_number(this->ring, 0)
                                           : ring_send_number(this->ring, (uint64_t)i, 0);

                this->result = r < 0 ? r : this->receives && r != i ? -EBADMSG : 0;
        }
        (void)syscall(SYS_exit, 0);
        return 0;
}

static int64_t call_quiet(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        Quiet this = { .ring = handle(call), .messages = call->b, .receives = call->c };
        CLEANUP_FREE char *stack = malloc(QUIET_STACK);
        int status = 0;
        pid_t pid;

        if (!this.ring || !stack)
                return this.ring ? -ENOMEM : -EBADF;
        pid = clone(quiet, stack + QUIET_STACK, CLONE_VM | CLONE_VFORK | SIGCHLD, &this);
        if (pid < 0 || waitpid(pid, &status, 0) < 0)
                return -errno;
        reply->x = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
        return this.result;
}

enum { HEAD_WORDS = 16 }; /* what is read once, and found wrong at once */

/* Anything anywhere, but for what says that it is a ring at all. */
static int64_t call_scribble(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        uint64_t end = monotonic_now() + (uint64_t)call->c * 1000, seed = (uint64_t)getpid();
        int fd = number(peer, call->b);
        volatile uint64_t *words;
        size_t n;
        struct stat st;

        if (fstat(fd, &st) < 0)
                return -errno;
        words = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (words == MAP_FAILED)
                return -errno;
        n = (size_t)st.st_size / sizeof *words;
        while (monotonic_now() < end)
                for (int i = 0; i < 64; i++) {
                        seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
                        /* Every value from a bit to all of them; positions near those of the ring, too. */
                        words[HEAD_WORDS + (seed >> 33) % (n - HEAD_WORDS)] = i % 4 == 0 ? (seed >> 40) % 8192
                                                                                         : seed >> (seed >> 58);
                        reply->x++;
                }
        munmap((void *)(uintptr_t)words, (size_t)st.st_size);
        return 0;
}

static int64_t call_truncate(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        return ftruncate(number(peer, call->b), (off_t)call->c) < 0 ? -errno : 0;
}

static const PeerFunction functions[] = {
        { "ring-open", call_open },
        { "ring-close", call_close },
        { "ring-send", call_send },
        { "ring-receive", call_receive },
        { "ring-large", call_large },
        { "ring-flood", call_flood },
        { "ring-drain", call_drain },
        { "ring-reserve", call_reserve },
        { "ring-commit", call_commit },
        { "ring-append", call_append },
        { "ring-publish", call_publish },
        { "ring-peek", call_peek },
        { "ring-release", call_release },
        { "ring-wait", call_wait },
        { "ring-make", call_make },
        { "ring-quiet", call_quiet },
        { "ring-way", call_way },
        { "ring-recover", call_recover },
        { "ring-places", call_places },
        { "ring-scribble", call_scribble },
        { "truncate", call_truncate },
        {},
};

int ring_check_role(CheckPeer *peer) {
        return peer_serve(peer, functions);
}
