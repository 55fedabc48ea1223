/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Writers and readers in processes of their own, which are killed at random moments and replaced. Every message that a
 * writer committed is read, no half one ever is, nobody waits for the dead, and in the end the ring is empty.
 *
 * Each incarnation of a writer numbers its messages; readers set a bit for each, in memory that all share, before they
 * release it. A bit that is set twice is a message that a reader who was killed had in its hands. */

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "ipcbus-ring.h"

enum { LIVES = 400, NUMBERS = 1 << 15, CHILDREN = 4, SIZE_MAX_SENT = 600, HANDS = 8, ROUND_MSEC = 1200 };

typedef struct Shared {
        uint64_t committed[LIVES]; /* how many of that life surely are */
        uint64_t seen[LIVES][NUMBERS / 64];
        uint64_t twice;
        uint64_t wrong; /* 1 + the line that found it */
        uint64_t stop;
} Shared;

static Shared *shared;
static int ring_fd;

#define WRONG(condition)                                                              \
        do {                                                                          \
                if (condition) {                                                      \
                        __atomic_store_n(&shared->wrong, __LINE__, __ATOMIC_SEQ_CST); \
                        _exit(1);                                                     \
                }                                                                     \
        } while (0)

static uint64_t random_next(uint64_t *state) {
        *state ^= *state << 13;
        *state ^= *state >> 7;
        *state ^= *state << 17;
        return *state;
}

static uint64_t now_usec(void) {
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* 16 bytes at least: life, number, and then bytes that follow from them. */
static void fill(uint8_t *data, size_t size, uint32_t life, uint64_t number) {
        memcpy(data, &life, sizeof(life));
        memcpy(data + 4, &(uint32_t){ (uint32_t)size }, 4);
        memcpy(data + 8, &number, sizeof(number));
        for (size_t i = 16; i < size; i++)
                data[i] = (uint8_t)(number * 31 + i + life);
}

static bool is_whole(const uint8_t *data, size_t size, uint32_t *ret_life, uint64_t *ret_number) {
        uint32_t length;

        if (size < 16)
                return false;
        memcpy(ret_life, data, sizeof(*ret_life));
        memcpy(&length, data + 4, sizeof(length));
        memcpy(ret_number, data + 8, sizeof(*ret_number));
        if (length != size || *ret_life >= LIVES || *ret_number >= NUMBERS)
                return false;
        for (size_t i = 16; i < size; i++)
                if (data[i] != (uint8_t)(*ret_number * 31 + i + *ret_life))
                        return false;
        return true;
}

static void write_on(unsigned life, uint64_t seed, bool many) {
        IpcbusRing *ring;
        int r = ipcbus_ring_open(ring_fd, IPCBUS_RING_WRITER, &ring);
        uint64_t number = 0;

        WRONG(r < 0);
        ipcbus_ring_set_patience(ring, 2000);
        while (number < NUMBERS && !__atomic_load_n(&shared->stop, __ATOMIC_SEQ_CST)) {
                unsigned batch = 1 + (unsigned)(random_next(&seed) % 4);
                size_t size = 16 + random_next(&seed) % (SIZE_MAX_SENT - 16);
                void *data;

                for (unsigned i = 0; i < batch && number < NUMBERS; i++) {
                        r = ipcbus_ring_reserve(ring, size, 20000, &data);
                        /* No reader for a moment, or none that gets the CPU. */
                        if (r == -ETIMEDOUT || r == -EPIPE) {
                                usleep(100);
                                break;
                        }
                        WRONG(r < 0);
                        if (random_next(&seed) % 16 == 0) {
                                memset(data, 0xff, size);
                                WRONG(ipcbus_ring_abort(ring) < 0);
                                continue;
                        }
                        fill(data, size, life, number);
                        WRONG(ipcbus_ring_append(ring, size) < 0);
                        number++;
                }
                WRONG(ipcbus_ring_publish(ring) < 0);
                __atomic_store_n(&shared->committed[life], number, __ATOMIC_SEQ_CST);
        }
        (void)many;
        ipcbus_ring_close(ring);
        _exit(0);
}

static void read_on(uint64_t seed, bool drain) {
        IpcbusRing *ring;
        int r = ipcbus_ring_open(ring_fd, IPCBUS_RING_READER, &ring);

        WRONG(r < 0);
        ipcbus_ring_set_patience(ring, 2000);
        for (;;) {
                unsigned batch = 1 + (unsigned)(random_next(&seed) % HANDS);

                for (unsigned i = 0; i < batch; i++) {
                        const void *data;
                        uint64_t number, bit;
                        uint32_t life;
                        size_t size;

                        r = ipcbus_ring_peek(ring, i == 0 && !drain ? 20000 : 0, &data, &size);
                        if (r == -EAGAIN || r == -ETIMEDOUT || r == -EPIPE)
                                break;
                        WRONG(r < 0);
                        WRONG(!is_whole(data, size, &life, &number));
                        bit = UINT64_C(1) << number % 64;
                        if (__atomic_fetch_or(&shared->seen[life][number / 64], bit, __ATOMIC_SEQ_CST) & bit)
                                __atomic_fetch_add(&shared->twice, 1, __ATOMIC_SEQ_CST);
                }
                WRONG(ipcbus_ring_release(ring) < 0);
                if ((r == -EAGAIN || r == -EPIPE) && drain)
                        break;
                if (__atomic_load_n(&shared->stop, __ATOMIC_SEQ_CST) && !drain)
                        break;
        }
        ipcbus_ring_close(ring);
        _exit(0);
}

static unsigned lives;

static pid_t start(bool writer, uint64_t seed, bool many, bool drain) {
        unsigned life = writer ? lives++ : 0;
        pid_t pid = fork();

        if (pid == 0) {
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                if (writer)
                        write_on(life, seed | 1, many);
                read_on(seed | 1, drain);
        }
        return pid;
}

/* What came in the end: how many messages, or -1. */
static int64_t judge(void) {
        int64_t all = 0;

        for (unsigned life = 0; life < lives; life++) {
                uint64_t count = 0;

                while (count < NUMBERS && (shared->seen[life][count / 64] >> count % 64 & 1))
                        count++;
                for (uint64_t i = count; i < NUMBERS; i++)
                        if (shared->seen[life][i / 64] >> i % 64 & 1) {
                                printf("# life %u: message %llu came, %llu did not\n", life, (unsigned long long)i,
                                        (unsigned long long)count);
                                return -1;
                        }
                if (count < shared->committed[life]) {
                        printf("# life %u: %llu committed, %llu came\n", life,
                                (unsigned long long)shared->committed[life], (unsigned long long)count);
                        return -1;
                }
                all += (int64_t)count;
        }
        return all;
}

static bool stress(const char *name, unsigned flags, unsigned writers, unsigned readers, uint64_t seed) {
        pid_t pids[CHILDREN];
        unsigned n = writers + readers, killed[2] = { 0, 0 }, odd = 0;
        uint64_t end;
        IpcbusRing *observer;
        IpcbusRingState state = { 0 };
        int64_t all;
        int status;

        lives = 0;
        memset(shared, 0, sizeof(*shared));
        if (ipcbus_ring_create("ipcbus-stress", 16384, flags, &ring_fd) < 0 ||
                ipcbus_ring_open(ring_fd, IPCBUS_RING_OBSERVER, &observer) < 0)
                return false;
        for (unsigned i = 0; i < n; i++)
                pids[i] = start(i < writers, random_next(&seed), flags & IPCBUS_RING_MANY, false);
        for (end = now_usec() + ROUND_MSEC * 1000; now_usec() < end && lives < LIVES - CHILDREN;) {
                unsigned victim = (unsigned)(random_next(&seed) % n);

                usleep((useconds_t)(random_next(&seed) % 6000));
                kill(pids[victim], SIGKILL);
                waitpid(pids[victim], &status, 0);
                odd += WIFEXITED(status) && WEXITSTATUS(status) != 0;
                killed[victim >= writers] += WIFSIGNALED(status);
                pids[victim] = start(victim < writers, random_next(&seed), flags & IPCBUS_RING_MANY, false);
        }
        __atomic_store_n(&shared->stop, 1, __ATOMIC_SEQ_CST);
        for (unsigned i = 0; i < n; i++) {
                waitpid(pids[i], &status, 0);
                odd += !WIFEXITED(status) || WEXITSTATUS(status) != 0;
        }
        ipcbus_ring_recover(observer);
        pids[0] = start(false, 1, false, true);
        waitpid(pids[0], &status, 0);
        odd += !WIFEXITED(status) || WEXITSTATUS(status) != 0;
        if (ipcbus_ring_state(observer, &state, sizeof(state)) < 0)
                odd++;
        ipcbus_ring_close(observer);
        close(ring_fd);
        all = judge();
        printf("# %s: %lld messages, %u writers and %u readers killed, %llu reservations voided, %llu messages given "
               "to "
               "another, %llu read again, wrong at %llu\n",
                name, (long long)all, killed[0], killed[1], (unsigned long long)state.voided,
                (unsigned long long)state.returned, (unsigned long long)shared->twice,
                (unsigned long long)shared->wrong);
        /* At most all that it had in its hands comes again for each reader that was killed. */
        return all > 0 && odd == 0 && shared->wrong == 0 && state.used == 0 && state.messages == 0 &&
               state.writers + state.readers + state.dead == 0 && shared->twice <= (uint64_t)killed[1] * HANDS;
}

int main(int argc, char **argv) {
        static const struct {
                const char *name;
                unsigned flags, writers, readers;
        } rounds[] = {
                { "one to one", 0, 1, 1 },
                { "one to one, packed, spinning", IPCBUS_RING_PACKED | IPCBUS_RING_AWAKE, 1, 1 },
                { "many to many", IPCBUS_RING_MANY, 2, 2 },
                { "many to many, spinning", IPCBUS_RING_MANY | IPCBUS_RING_AWAKE, 2, 2 },
        };
        uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) | 1 : now_usec() | 1;
        int failed = 0;

        shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (shared == MAP_FAILED)
                return 1;
        printf("# seed %llu\n1..4\n", (unsigned long long)seed);
        for (unsigned i = 0; i < 4; i++) {
                bool ok = stress(rounds[i].name, rounds[i].flags, rounds[i].writers, rounds[i].readers, seed + i);

                printf("%s %u - %s\n", ok ? "ok" : "not ok", i + 1, rounds[i].name);
                fflush(stdout);
                failed += !ok;
        }
        return failed > 0;
}
