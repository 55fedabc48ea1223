/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A peer that writes anything anywhere: first between two calls, so that a seed shows the same again, then all the
 * time, from a process of its own. Nothing that the library shows may lie outside of the mapping, nothing may run for
 * ever, and no other errors may come than those that are documented. The mapping has no neighbours: who leaves it
 * crashes. */

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "ring-core.h"

enum { ROUNDS = 1500, STEPS = 60, CAPACITY = 4096, CONCURRENT_MSEC = 700 };

static uint64_t seed;

static uint64_t random_next(void) {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        return seed;
}

static uint64_t now_usec(void) {
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* Values that could be believed: near what is there, near each other, or nothing like it. */
static uint64_t some_value(uint64_t before, const uint64_t *words, size_t n) {
        switch (random_next() % 9) {
        case 0:
                return 0;
        case 1:
                return UINT64_MAX - random_next() % 256;
        case 2:
                return random_next();
        case 3:
                return before + 64 * (random_next() % 65) - 2048;
        case 4:
                return words[random_next() % n];
        case 5:
                return before ^ UINT64_C(1) << random_next() % 64;
        case 6:
                return random_next() % (2 * CAPACITY);
        case 7:
                return UINT64_C(1) << random_next() % 64;
        default:
                return before + 1 - random_next() % 3;
        }
}

/* Where it hurts more often than elsewhere: the words before the places, the state words, the heads of records. */
static void spoil(uint64_t *words, size_t n) {
        size_t at = random_next() % 3 == 0 ? random_next() % n : random_next() % (7 * RING_APART / 8);

        if (random_next() % 4 == 0)
                at = n - 1 - random_next() % (CAPACITY / 8 + CAPACITY / 64);
        __atomic_store_n(&words[at], some_value(words[at], words, n), __ATOMIC_RELAXED);
}

static void complain(const char *what, int r) {
        printf("# %s: %d\n", what, r);
        fflush(stdout);
        abort();
}

static bool is_known(int r) {
        static const int known[] = { 0, -EAGAIN, -ETIMEDOUT, -EPIPE, -EBADMSG, -EINVAL, -EALREADY, -EOWNERDEAD, -EINTR,
                -ENOBUFS, -EMSGSIZE };

        for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
                if (r == known[i])
                        return true;
        return false;
}

static void check_inside(const IpcbusRing *ring, const void *data, size_t size) {
        const uint8_t *at = data;

        if (at < ring->data || size > 2 * ring->capacity || at + size > ring->data + 2 * ring->capacity)
                complain("outside", (int)size);
}

static int step(IpcbusRing *ring, uint64_t timeout_usec) {
        volatile uint8_t sum = 0;
        const void *shown;
        void *place;
        size_t size;
        char buffer[256];
        int r;

        switch (random_next() % 8) {
        case 0:
        case 1:
                r = ipcbus_ring_reserve(ring, random_next() % 300, timeout_usec, &place);
                if (r < 0)
                        break;
                check_inside(ring, place, ring->reserved);
                memset(place, 0x55, ring->reserved);
                r = random_next() % 5 == 0   ? ipcbus_ring_abort(ring)
                    : random_next() % 2 == 0 ? ipcbus_ring_append(ring, ring->reserved)
                                             : ipcbus_ring_commit(ring, ring->reserved / 2);
                break;
        case 2:
                memset(buffer, 1, sizeof(buffer));
                r = ipcbus_ring_send(ring, buffer, random_next() % sizeof(buffer), timeout_usec);
                break;
        case 3:
                r = ring->role == IPCBUS_RING_WRITER ? ipcbus_ring_publish(ring) : ipcbus_ring_release(ring);
                break;
        case 4:
        case 5:
                r = ipcbus_ring_peek(ring, timeout_usec, &shown, &size);
                if (r < 0)
                        break;
                check_inside(ring, shown, size);
                for (size_t i = 0; i < size; i++)
                        sum = (uint8_t)(sum + ((const uint8_t *)shown)[i]);
                break;
        case 6:
                r = ipcbus_ring_receive(ring, buffer, sizeof(buffer), timeout_usec, &size);
                if (r == 0 && size > sizeof(buffer))
                        complain("too long", (int)size);
                break;
        default:
                r = ipcbus_ring_wait_readable(ring, timeout_usec);
        }
        return r == -EBADF ? 0 : r; /* the other role's call */
}

static void look(IpcbusRing *observer) {
        IpcbusRingState state;
        int r = ipcbus_ring_state(observer, &state, sizeof(state));

        if (r < 0)
                complain("state", r);
        if (state.used > CAPACITY)
                complain("used", 0);
        r = ipcbus_ring_recover(observer);
        if (r < 0 && r != -EBADMSG)
                complain("recover", r);
}

/* Of each round, how it ended. */
static bool between_calls(unsigned flags) {
        unsigned broken = 0, refused = 0;

        for (unsigned round = 0; round < ROUNDS; round++) {
                IpcbusRing *rings[3] = { NULL };
                uint64_t *words;
                size_t n;
                int fd, r;

                r = ipcbus_ring_create("ipcbus-hostile", CAPACITY, flags, &fd);
                if (r < 0)
                        complain("create", r);
                for (IpcbusRingRole role = IPCBUS_RING_OBSERVER; role <= IPCBUS_RING_READER; role++)
                        if ((r = ipcbus_ring_open(fd, role, &rings[role])) < 0)
                                complain("open", r);
                n = (rings[0]->map_size - CAPACITY) / sizeof(*words);
                words = mmap(NULL, n * sizeof(*words), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
                if (words == MAP_FAILED)
                        complain("mmap", -errno);
                for (unsigned i = 0; i < STEPS; i++) {
                        r = step(rings[1 + random_next() % 2], 0);
                        if (!is_known(r))
                                complain("step", r);
                        broken += r == -EBADMSG;
                        if (i > 5 && random_next() % 3 == 0)
                                spoil(words, n);
                        if (random_next() % 32 == 0)
                                look(rings[0]);
                        if (random_next() % 32 == 0) {
                                unsigned role = 1 + (unsigned)(random_next() % 2);

                                ipcbus_ring_close(rings[role]);
                                r = ipcbus_ring_open(fd, (IpcbusRingRole)role, &rings[role]);
                                if (r < 0) {
                                        if (r != -EBADMSG && r != -EMEDIUMTYPE && r != -EPROTONOSUPPORT)
                                                complain("open again", r);
                                        refused++;
                                        rings[role] = NULL;
                                        break;
                                }
                        }
                }
                for (unsigned i = 0; i < 3; i++)
                        ipcbus_ring_close(rings[i]);
                munmap(words, n * sizeof(*words));
                close(fd);
        }
        printf("# %u rounds of %u steps: %u times called corrupt, %u times refused\n", ROUNDS, STEPS, broken, refused);
        return broken > 0;
}

static void spoil_on(int fd, size_t n) {
        uint64_t *words = mmap(NULL, n * sizeof(*words), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (words == MAP_FAILED)
                _exit(1);
        for (unsigned i = 0;; i++) {
                spoil(words, n);
                if (i % 64 == 0)
                        usleep(20);
        }
}

/* With somebody who spoils it meanwhile. A call with a time-out of 1 ms is back before long, even on a busy machine.
 */
static bool meanwhile(unsigned flags) {
        uint64_t end = now_usec() + CONCURRENT_MSEC * 1000, longest = 0;
        unsigned calls = 0, rings_made = 0;

        while (now_usec() < end) {
                IpcbusRing *rings[3] = { NULL };
                size_t n;
                pid_t pid;
                int fd;

                if (ipcbus_ring_create("ipcbus-hostile", CAPACITY, flags, &fd) < 0)
                        return false;
                for (IpcbusRingRole role = IPCBUS_RING_OBSERVER; role <= IPCBUS_RING_READER; role++)
                        if (ipcbus_ring_open(fd, role, &rings[role]) < 0)
                                return false;
                rings_made++;
                n = (rings[0]->map_size - CAPACITY) / sizeof(uint64_t);
                random_next();
                pid = fork();
                if (pid == 0)
                        spoil_on(fd, n);
                for (unsigned i = 0; i < 200 && (rings[1]->broken == 0 || rings[2]->broken == 0); i++) {
                        uint64_t start = now_usec(), took;
                        int r = step(rings[1 + random_next() % 2], random_next() % 4 == 0 ? 1000 : 0);

                        if (!is_known(r))
                                complain("step", r);
                        took = now_usec() - start;
                        longest = took > longest ? took : longest;
                        calls++;
                        if (i % 16 == 0)
                                look(rings[0]);
                }
                kill(pid, SIGKILL);
                waitpid(pid, NULL, 0);
                for (unsigned i = 0; i < 3; i++)
                        ipcbus_ring_close(rings[i]);
                close(fd);
        }
        printf("# %u calls in %u rings, the longest took %llu us\n", calls, rings_made, (unsigned long long)longest);
        return calls > 0;
}

int main(int argc, char **argv) {
        static const struct {
                const char *name;
                unsigned flags;
        } kinds[] = { { "one to one", 0 }, { "packed, spinning", IPCBUS_RING_PACKED | IPCBUS_RING_AWAKE },
                { "many to many", IPCBUS_RING_MANY } };
        unsigned number = 0, failed = 0;

        seed = argc > 1 ? strtoull(argv[1], NULL, 0) | 1 : now_usec() | 1;
        printf("# seed %llu\n1..6\n", (unsigned long long)seed);
        for (unsigned i = 0; i < 3; i++) {
                bool ok = between_calls(kinds[i].flags);

                printf("%s %u - %s, spoilt between two calls\n", ok ? "ok" : "not ok", ++number, kinds[i].name);
                failed += !ok;
                ok = meanwhile(kinds[i].flags);
                printf("%s %u - %s, spoilt meanwhile\n", ok ? "ok" : "not ok", ++number, kinds[i].name);
                failed += !ok;
                fflush(stdout);
        }
        return failed > 0;
}
