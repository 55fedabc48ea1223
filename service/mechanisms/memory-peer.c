/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "memory-peer.h"

/* All of it runs in peers; the state is the peer's. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "futex.h"
#include "memory-model.h"

#define FRAME_MASK    ((UINT64_C(1) << 55) - 1) /* pagemap.rst */
#define FRAME_PRESENT (UINT64_C(1) << 63)

enum {
        DESCRIPTORS = 48, /* the most that an exhausted peer has */
};

static int own_fd(CheckPeer *peer, int64_t number) {
        const int *place = peer_descriptor(peer, number);

        return place ? *place : -EBADF;
}

/* --- Pages --- */

/* There after that, and not only promised. */
static void memory_touch(volatile unsigned char *at) {
        unsigned char byte = *at;

        *at = byte;
}

int memory_frame(volatile unsigned char *at, uint64_t *ret_frame) {
        CLEANUP_FD int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
        uint64_t entry;

        memory_touch(at);
        if (fd < 0)
                return -errno;
        if (pread(fd, &entry, sizeof entry, (off_t)((uintptr_t)at / memory_page() * sizeof entry)) != sizeof entry)
                return -EIO;
        *ret_frame = entry & FRAME_PRESENT ? entry & FRAME_MASK : 0;
        return 0;
}

static int64_t call_frame(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        uint64_t frame = 0;
        int r = memory_frame(memory_mapped() + call->a, &frame);

        reply->x = (int64_t)frame;
        return r;
}

/* The entry of smaps whose mapping begins where ours does. */
static int64_t call_share(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        volatile unsigned char *base = memory_mapped();
        char line[512];
        bool here = false;
        FILE *file;

        memory_touch(base + call->a);
        file = fopen("/proc/self/smaps", "re");
        if (!file)
                return -errno;
        while (fgets(line, sizeof line, file)) {
                uint64_t from, to, kilobytes;

                if (sscanf(line, "%" SCNx64 "-%" SCNx64 " ", &from, &to) == 2)
                        here = from == (uintptr_t)base;
                else if (here && sscanf(line, "Rss: %" SCNu64, &kilobytes) == 1)
                        reply->x = (int64_t)kilobytes * 1024;
                else if (here && sscanf(line, "Pss: %" SCNu64, &kilobytes) == 1)
                        reply->y = (int64_t)kilobytes * 1024;
        }
        (void)fclose(file);
        return 0;
}

#if defined(__x86_64__)
#define AUDIT_ARCH_HERE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define AUDIT_ARCH_HERE AUDIT_ARCH_AARCH64
#elif defined(__riscv) && __riscv_xlen == 64
#define AUDIT_ARCH_HERE AUDIT_ARCH_RISCV64
#endif

#ifdef AUDIT_ARCH_HERE
/* From here on every system call but the one that ends the process kills it with SIGSYS. */
static int forbid_calls(void) {
        struct sock_filter filter[] = {
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_HERE, 0, 2),
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit, 1, 0),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        };
        struct sock_fprog program = { .len = sizeof filter / sizeof filter[0], .filter = filter };

        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
                syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) < 0)
                return errno == EINVAL ? -EOPNOTSUPP : -errno; /* a kernel without it */
        return 0;
}
#else
static int forbid_calls(void) {
        return -EOPNOTSUPP;
}
#endif

/* Says that it is ready in the memory: it cannot say anything else any more. */
static int64_t call_answer(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        ModelArea *area = (ModelArea *)(uintptr_t)memory_mapped();
        int r = forbid_calls();

        if (r < 0)
                return r;
        atomic_store(&area->progress, 1);
        for (uint64_t i = 1; i <= (uint64_t)call->a; i++) {
                while (atomic_load_explicit(&area->x, memory_order_acquire) != i)
                        spin_pause();
                atomic_store_explicit(&area->y, i, memory_order_release);
        }
        for (;;)
                syscall(SYS_exit, 0);
}

static int64_t call_child(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        volatile unsigned char *at = memory_mapped() + call->a;
        pid_t pid = fork();
        int status;

        if (pid < 0)
                return -errno;
        if (pid == 0) {
                unsigned char seen = *at;

                *at = (unsigned char)call->b;
                _exit(seen);
        }
        if (waitpid(pid, &status, 0) < 0)
                return -errno;
        if (!WIFEXITED(status))
                return -ECHILD;
        reply->x = WEXITSTATUS(status);
        return 0;
}

/* --- Writing --- */

static int64_t call_half(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        ModelArea *area = (ModelArea *)(uintptr_t)memory_mapped();
        volatile unsigned char *at = memory_mapped() + call->a;
        int r = pthread_mutex_lock(&area->mutex);

        if (r != 0)
                return -r;
        for (int64_t i = 0; i < call->b / 2; i++)
                at[i] = (unsigned char)call->c;
        atomic_store_explicit(&area->progress, 1, memory_order_release);
        for (;;)
                pause();
}

static int64_t call_own_byte(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        volatile unsigned char *at = memory_mapped() + call->a;

        for (int64_t i = 1; i <= call->b; i++) {
                *at = (unsigned char)i;
                if (i % 4096 == 0)
                        sched_yield();
                if (*at != (unsigned char)i)
                        reply->x++;
        }
        return 0;
}

/* --- Signals --- */

static volatile sig_atomic_t caught;

static void on_signal(int number) {
        caught = caught + 1;
}

static int64_t call_catch(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        struct sigaction action = { .sa_handler = on_signal, .sa_flags = call->b ? SA_RESTART : 0 };

        return sigaction((int)call->a, &action, NULL) < 0 ? -errno : 0;
}

static int64_t call_caught(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        return caught;
}

static int64_t call_futex_wait(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        return futex_wait((_Atomic uint32_t *)(uintptr_t)(memory_mapped() + call->a), (uint32_t)call->b,
                call->c == 0 ? USEC_INFINITY : (uint64_t)call->c);
}

/* --- Limits --- */

int memory_tighten(uint64_t *ret_before) {
        struct rlimit limit;

        if (getrlimit(RLIMIT_AS, &limit) < 0)
                return -errno;
        *ret_before = limit.rlim_cur;
        limit.rlim_cur = 0;
        return setrlimit(RLIMIT_AS, &limit) < 0 ? -errno : 0;
}

void memory_loosen(uint64_t before) {
        struct rlimit limit;

        if (getrlimit(RLIMIT_AS, &limit) < 0)
                return;
        limit.rlim_cur = before;
        (void)setrlimit(RLIMIT_AS, &limit);
}

static int64_t call_tight_map(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        int fd = own_fd(peer, call->a), r;
        uint64_t before;
        void *base;

        r = memory_tighten(&before);
        if (r < 0)
                return r;
        base = mmap(NULL, (size_t)call->b, PROT_READ, MAP_SHARED, fd, 0);
        r = base == MAP_FAILED ? -errno : 0;
        memory_loosen(before);
        if (r >= 0)
                munmap(base, (size_t)call->b);
        return r;
}

/* Between a size that it takes and one that it does not. */
static int64_t call_largest(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        int fd = own_fd(peer, call->a);
        int64_t good = 0, bad = INT64_MAX;

        (void)signal(SIGXFSZ, SIG_IGN);
        if (ftruncate(fd, bad) == 0)
                good = bad;
        while (good < bad - 1) {
                int64_t middle = good + (bad - good) / 2;

                if (ftruncate(fd, middle) == 0)
                        good = middle;
                else
                        bad = middle;
        }
        reply->x = good;
        if (ftruncate(fd, bad) == 0 && good != bad)
                return -EPROTO;
        reply->y = good == INT64_MAX ? 0 : -errno;
        return ftruncate(fd, 0) < 0 ? -errno : 0;
}

static int spare[DESCRIPTORS];
static size_t n_spare;

static int64_t call_exhaust(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        struct rlimit limit;

        if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
                return -errno;
        if (limit.rlim_cur > DESCRIPTORS)
                limit.rlim_cur = DESCRIPTORS;
        if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
                return -errno;
        while (n_spare < DESCRIPTORS) {
                int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

                if (fd < 0)
                        break;
                spare[n_spare++] = fd;
        }
        reply->x = (int64_t)n_spare;
        return errno == EMFILE ? 0 : -errno;
}

static int64_t call_relieve(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        while (n_spare > 0)
                close(spare[--n_spare]);
        return 0;
}

bool memory_apart(const char *name) {
        char path[64];
        struct stat ours, theirs;

        (void)snprintf(path, sizeof path, "/proc/self/ns/%s", name);
        if (stat(path, &ours) < 0)
                return false;
        (void)snprintf(path, sizeof path, "/proc/%d/ns/%s", (int)getppid(), name);
        return stat(path, &theirs) == 0 && (ours.st_ino != theirs.st_ino || ours.st_dev != theirs.st_dev);
}

static int64_t call_mount(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        char options[64];

        (void)snprintf(options, sizeof options, "size=%" PRId64 ",mode=1777", call->b);
        if (unshare(CLONE_NEWNS) < 0)
                return -errno;
        if (!memory_apart("mnt"))
                return -EPERM;
        if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
                mount("ipcbus-check", call->text, "tmpfs", MS_NOSUID | MS_NODEV, options) < 0)
                return -errno;
        return 0;
}

/* --- Files --- */

static int64_t call_umask(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        (void)umask((mode_t)call->a);
        return 0;
}

static int64_t call_mode(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        struct stat st;

        return fstat(own_fd(peer, call->a), &st) < 0 ? -errno : (int64_t)(st.st_mode & 07777);
}

static int64_t call_seek(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        off_t at = lseek(own_fd(peer, call->a), call->b < 0 ? 0 : (off_t)call->b, call->b < 0 ? SEEK_CUR : SEEK_SET);

        return at < 0 ? -errno : (int64_t)at;
}

const PeerFunction memory_peer_calls[] = {
        { "answer", call_answer },
        { "catch", call_catch },
        { "caught", call_caught },
        { "child", call_child },
        { "exhaust", call_exhaust },
        { "frame", call_frame },
        { "futex-wait", call_futex_wait },
        { "half", call_half },
        { "largest", call_largest },
        { "mode", call_mode },
        { "mount", call_mount },
        { "own-byte", call_own_byte },
        { "relieve", call_relieve },
        { "seek", call_seek },
        { "share", call_share },
        { "tight-map", call_tight_map },
        { "umask", call_umask },
        {},
};
