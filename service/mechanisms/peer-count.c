/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "peer-count.h"

/* The number is the first in the memory; peers map it for one call. */
#include <errno.h>
#include <inttypes.h>
#include <sys/mman.h>
#include <unistd.h>

#include "checks.h"
#include "cleanup.h"

static uint64_t loaded;

static int number_map(CheckPeer *peer, int64_t number, volatile uint64_t **ret) {
        const int *place = peer_descriptor(peer, number);
        void *memory;

        if (!place)
                return -EBADF;
        memory = mmap(NULL, sizeof **ret, PROT_READ | PROT_WRITE, MAP_SHARED, *place, 0);
        if (memory == MAP_FAILED)
                return -errno;
        *ret = memory;
        return 0;
}

static void number_unmap(volatile uint64_t *number) {
        munmap((void *)number, sizeof *number);
}

int peer_add_locked(CheckPeer *peer, int64_t number, int64_t times, const PeerLock *lock, void *userdata) {
        volatile uint64_t *counter = NULL;
        int r = number_map(peer, number, &counter);

        if (r < 0)
                return r;
        for (int64_t i = 0; r >= 0 && i < times; i++) {
                r = lock->take(userdata);
                if (r < 0)
                        break;
                *counter = *counter + 1;
                r = lock->give(userdata);
        }
        number_unmap(counter);
        return r;
}

int64_t peer_call_load(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        volatile uint64_t *counter = NULL;
        int r = number_map(peer, call->a, &counter);

        if (r < 0)
                return r;
        loaded = *counter + 1;
        number_unmap(counter);
        return 0;
}

int64_t peer_call_store(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        volatile uint64_t *counter = NULL;
        int r = number_map(peer, call->a, &counter);

        if (r < 0)
                return r;
        *counter = loaded;
        number_unmap(counter);
        return 0;
}

int count_memory(size_t size, int *ret_fd) {
        CLEANUP_FD int fd = memfd_create("ipcbus-check", MFD_CLOEXEC);

        if (fd < 0 || ftruncate(fd, (off_t)size) < 0)
                return -errno;
        *ret_fd = fd_take(&fd);
        return 0;
}

static bool counted(CheckRun *run, int memory, int64_t want) {
        uint64_t counter = 0;

        return check_expect(run, "reading the number", pread(memory, &counter, sizeof counter, 0), sizeof counter) &&
               check_expect(run, "the number", (int64_t)counter, want);
}

CheckResult count_together(CheckRun *run, CheckProcess *const *peers, const PeerCall *call, int memory) {
        int64_t want = (int64_t)COUNT_PEERS * COUNT_ADDITIONS;

        for (size_t i = 0; i < COUNT_PEERS; i++)
                if (peer_begin(run, peers[i], call) < 0)
                        return CHECK_FAILED;
        for (size_t i = 0; i < COUNT_PEERS; i++)
                if (!check_expect(run, "adding", peer_end(run, peers[i], NULL), 0))
                        return CHECK_FAILED;
        if (!counted(run, memory, want))
                return CHECK_FAILED;
        return check_ok(
                run, "%d processes added 1 %d times each: %" PRId64 ", none lost", COUNT_PEERS, COUNT_ADDITIONS, want);
}

bool count_loses_one(CheckRun *run, CheckProcess *holder, CheckProcess *other, int64_t number, int memory) {
        return check_expect(run, "the holder reads", peer_call(run, holder, "load", number), 0) &&
               check_expect(run, "the other reads", peer_call(run, other, "load", number), 0) &&
               check_expect(run, "the other writes", peer_call(run, other, "store", number), 0) &&
               check_expect(run, "the holder writes", peer_call(run, holder, "store", number), 0) &&
               counted(run, memory, 1);
}
