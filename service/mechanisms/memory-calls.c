/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "memory-calls.h"

/* The judge owns a Memory; a peer has one mapping at a time. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "checks.h"
#include "cleanup.h"
#include "memory-file.h"
#include "memory-model.h"
#include "memory-peer.h"

size_t memory_page(void) {
        return (size_t)sysconf(_SC_PAGESIZE);
}

void memory_done(Memory *memory) {
        if (memory->mapped)
                munmap((void *)memory->mapped, memory->size);
        if (memory->name[0] && memory->maker && memory->maker->remove)
                memory->maker->remove(memory);
        memory->fd = fd_close(memory->fd);
}

bool memory_map(CheckRun *run, Memory *memory) {
        const MemoryMaker *maker = memory->maker;
        void *mapped = maker->map ? maker->map(memory)
                                  : mmap(NULL, memory->size, PROT_READ | PROT_WRITE, MAP_SHARED, memory->fd, 0);

        if (!check_need(run, "mapping it", mapped == MAP_FAILED ? -errno : 0))
                return false;
        memory->mapped = mapped;
        return true;
}

bool memory_make(CheckRun *run, const MemoryMaker *maker, size_t pages, Memory *memory) {
        char what[CHECK_PATH_MAX + 64];

        memory->maker = maker;
        memory->size = pages * memory_page();
        if (!maker->make(run, memory))
                return false;
        if (memory->fd < 0)
                return true;
        (void)snprintf(what, sizeof what, "taking %zu bytes in %s with posix_fallocate", memory->size,
                maker->folder ? maker->folder(run) : "memory");
        /* Takes the memory too: where there is none, a first write would be SIGBUS. */
        return check_need(run, what, -posix_fallocate(memory->fd, 0, (off_t)memory->size));
}

bool memory_make_mapped(CheckRun *run, const MemoryMaker *maker, size_t pages, Memory *memory) {
        return memory_make(run, maker, pages, memory) && memory_map(run, memory);
}

bool memory_join(CheckRun *run, const Memory *memory, CheckProcess *peer) {
        const MemoryMaker *maker = memory->maker;

        if (maker->join)
                return maker->join(run, memory, peer);
        return check_expect(run, "the peer's mmap",
                peer_call(run, peer, "map", maker->number, (int64_t)memory->size, PROT_READ | PROT_WRITE), 0);
}

bool memory_add(CheckRun *run, const Memory *memory, CheckProcess **ret_peer) {
        return memory->maker->start(run, memory, ret_peer) && memory_join(run, memory, *ret_peer);
}

bool memory_begin(CheckRun *run, const MemoryMaker *maker, size_t pages, Memory *memory, CheckProcess **ret_peer) {
        return memory_make_mapped(run, maker, pages, memory) && memory_add(run, memory, ret_peer);
}

bool memory_dies_of(CheckRun *run, CheckProcess *peer, const PeerCall *call, int signal) {
        int status = 0;

        if (peer_begin(run, peer, call) < 0 ||
                !check_expect(run, "the peer's end", check_wait(run, peer, CHECK_PATIENCE_USEC, &status), 0))
                return false;
        return check_expect(run, "killed by", WIFSIGNALED(status) ? WTERMSIG(status) : 0, signal);
}

typedef union FdControl {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int))];
} FdControl;

int memory_pass(int socket, int fd) {
        FdControl control = { .header = { CMSG_LEN(sizeof fd), SOL_SOCKET, SCM_RIGHTS } };
        char byte = 'm';
        struct iovec vector = { &byte, 1 };
        struct msghdr message = {
                .msg_iov = &vector, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control
        };

        memcpy(CMSG_DATA(&control.header), &fd, sizeof fd);
        return sendmsg(socket, &message, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

int memory_take(int socket) {
        FdControl control = {};
        char byte;
        struct iovec vector = { &byte, 1 };
        struct msghdr message = {
                .msg_iov = &vector, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control
        };
        struct cmsghdr *header;
        int fd;

        if (recvmsg(socket, &message, MSG_CMSG_CLOEXEC) < 0)
                return -errno;
        header = CMSG_FIRSTHDR(&message);
        if (!header || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
                return -ENODATA;
        memcpy(&fd, CMSG_DATA(header), sizeof fd);
        return fd;
}

/* --- In the peer --- */

static volatile unsigned char *mapped;
static size_t mapped_size;

void memory_is_mapped(void *memory, size_t size) {
        mapped = memory;
        mapped_size = size;
}

volatile unsigned char *memory_mapped(void) {
        return mapped;
}

static int number_fd(CheckPeer *peer, int64_t number) {
        const int *place = peer_descriptor(peer, number);

        return place ? *place : -EBADF;
}

static int64_t keep(CheckPeer *peer, int64_t number, int fd) {
        int *place = peer_descriptor(peer, number);

        if (fd < 0)
                return fd;
        if (!place) {
                close(fd);
                return -EINVAL;
        }
        *place = fd;
        return 0;
}

#define RESULT(call)                          \
        ({                                    \
                int result = (call);          \
                result < 0 ? -errno : result; \
        })

static int64_t call_shm_open(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        return keep(peer, call->a, RESULT(shm_open(call->text, (int)call->b | O_CLOEXEC, (mode_t)call->c)));
}

static int64_t call_make(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        return keep(peer, call->a, RESULT(open(call->text, (int)call->b | O_CLOEXEC, (mode_t)call->c)));
}

static int64_t call_memfd(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        return keep(peer, call->a, RESULT(memfd_create(call->text, (unsigned)call->b | MFD_CLOEXEC)));
}

static int64_t call_reopen(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        int fd = -EBADF, r = memory_file_reopen(number_fd(peer, call->a), (int)call->c, &fd);

        return r < 0 ? r : keep(peer, call->b, fd);
}

static int64_t call_truncate(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        (void)signal(SIGXFSZ, SIG_IGN); /* over RLIMIT_FSIZE it is EFBIG */
        return RESULT(ftruncate(number_fd(peer, call->a), (off_t)call->b));
}

static int64_t call_allocate(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        return -posix_fallocate(number_fd(peer, call->a), 0, (off_t)call->b);
}

static int64_t call_size(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        struct stat st;

        return fstat(number_fd(peer, call->a), &st) < 0 ? -errno : (int64_t)st.st_size;
}

static int64_t call_seal(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        return RESULT(fcntl(number_fd(peer, call->a), F_ADD_SEALS, (int)call->b));
}

static int64_t call_seals(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        return RESULT(fcntl(number_fd(peer, call->a), F_GET_SEALS));
}

static int64_t call_chmod(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        return RESULT(fchmod(number_fd(peer, call->a), (mode_t)call->b));
}

static int64_t map(int fd, size_t size, int protection, int flags, int64_t offset) {
        void *memory = mmap(NULL, size, protection, flags, fd, (off_t)offset);

        if (memory == MAP_FAILED)
                return -errno;
        mapped = memory;
        mapped_size = size;
        return 0;
}

static int64_t call_map(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        return map(number_fd(peer, call->a), (size_t)call->b, (int)call->c, MAP_SHARED, 0);
}

static int64_t call_map_private(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        return map(number_fd(peer, call->a), (size_t)call->b, (int)call->c, MAP_PRIVATE, 0);
}

static int64_t call_map_at(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        return map(number_fd(peer, call->a), memory_page(), (int)call->c, MAP_SHARED, call->b);
}

/* The first page again and again, with what cannot be joined into one mapping; the last is the one to look into. */
static int64_t call_map_many(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        int64_t r = 0;

        for (reply->x = 0; reply->x < call->b; reply->x++) {
                r = map(number_fd(peer, call->a), memory_page(), PROT_READ | PROT_WRITE, MAP_SHARED, 0);
                if (r < 0)
                        break;
        }
        return r;
}

static int64_t call_unmap(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        return RESULT(munmap((void *)mapped, mapped_size));
}

static int64_t call_poke(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        /* A fault has to end the process as it ends any other, also where a sanitizer has its own idea of it. */
        (void)signal(SIGSEGV, SIG_DFL);
        (void)signal(SIGBUS, SIG_DFL);
        mapped[call->a] = (unsigned char)call->b;
        return 0;
}

static int64_t call_peek(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        (void)signal(SIGBUS, SIG_DFL);
        return mapped[call->a];
}

static int64_t call_sync(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        return RESULT(msync((void *)mapped, (size_t)call->a, MS_SYNC));
}

static int64_t call_read_at(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        unsigned char byte = 0;
        ssize_t n = pread(number_fd(peer, call->a), &byte, 1, (off_t)call->b);

        return n < 0 ? -errno : n == 0 ? -ENODATA : byte;
}

static int64_t call_write_at(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        unsigned char byte = (unsigned char)call->c;
        ssize_t n = pwrite(number_fd(peer, call->a), &byte, 1, (off_t)call->b);

        return n < 0 ? -errno : n;
}

static int64_t call_pass(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        return memory_pass(number_fd(peer, call->a), number_fd(peer, call->b));
}

static int64_t call_take(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        return keep(peer, call->b, memory_take(number_fd(peer, call->a)));
}

static const PeerFunction functions[] = {
        { "allocate", call_allocate },
        { "chmod", call_chmod },
        { "make", call_make },
        { "map", call_map },
        { "map-at", call_map_at },
        { "map-many", call_map_many },
        { "map-private", call_map_private },
        { "memfd", call_memfd },
        { "model", memory_model_call },
        { "pass", call_pass },
        { "peek", call_peek },
        { "poke", call_poke },
        { "read-at", call_read_at },
        { "reopen", call_reopen },
        { "seal", call_seal },
        { "seals", call_seals },
        { "shm-open", call_shm_open },
        { "size", call_size },
        { "sync", call_sync },
        { "take", call_take },
        { "truncate", call_truncate },
        { "unmap", call_unmap },
        { "write-at", call_write_at },
        {},
};

enum { FUNCTIONS_MAX = 96 };

static bool append(PeerFunction *all, size_t *n, const PeerFunction *more) {
        for (; more && more->name; more++) {
                if (*n == FUNCTIONS_MAX - 1)
                        return false;
                all[(*n)++] = *more;
        }
        return true;
}

int memory_serve(CheckPeer *peer, const PeerFunction *own) {
        static PeerFunction all[FUNCTIONS_MAX];
        size_t n = 0;

        if (!append(all, &n, own) || !append(all, &n, functions) || !append(all, &n, memory_peer_calls))
                return -ENOBUFS;
        return peer_serve(peer, all);
}

int memory_role(CheckPeer *peer) {
        return memory_serve(peer, NULL);
}
