/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* libipcbus-ring beside what the machine can do: a cache line that goes back and forth, a futex, a copy. Two
 * processes, one on each of two CPUs, take turns between the ring and the bare thing in short bursts, since the speed
 * of both changes from one second to the next; every payload is written and verified on both sides. It prints; nothing
 * is judged by the clock. */

#include <errno.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "figures.h"
#include "ipcbus-ring.h"

enum { BURSTS = 41, PAYLOAD_MAX = 65536, CAPACITY = 4 << 20, BATCH = 32 };

/* The bare thing: a line each way, of a number and a payload that follows from it. */
typedef struct Line {
        _Alignas(128) uint64_t number;
        uint64_t payload[15];
        uint32_t futex;
} Line;

static Line *lines; /* there, and back */
static bool same_cpu;
static cpu_set_t allowed;

static void futex_call(uint32_t *word, int op, uint32_t value) {
        syscall(SYS_futex, word, op, value, NULL, NULL, 0);
}

static void must(int r, const char *what) {
        if (r >= 0)
                return;
        fprintf(stderr, "%s: %s\n", what, strerror(-r));
        _exit(1);
}

static void fill(uint64_t *words, size_t size, uint64_t number) {
        for (size_t i = 0; i < size / 8; i++)
                words[i] = number + i;
}

static void verify(const uint64_t *words, size_t size, uint64_t number) {
        uint64_t wrong = 0;

        for (size_t i = 0; i < size / 8; i++)
                wrong |= words[i] ^ (number + i);
        must(wrong == 0 ? 0 : -EIO, "payload");
}

/* One of a burst of round trips, as the first or the second side. */
typedef struct Trip {
        IpcbusRing *writer, *reader;
        size_t size;
        uint64_t number; /* of the next */
} Trip;

/* The number is in the line with the payload that it announces; of 64 bytes of payload 56 lie there. */
static void line_send(Line *line, size_t size, uint64_t number, bool sleeps) {
        fill(line->payload, size < 56 ? size : 56, number);
        if (!sleeps) {
                __atomic_store_n(&line->number, number, __ATOMIC_RELEASE);
                return;
        }
        __atomic_store_n(&line->number, number, __ATOMIC_SEQ_CST);
        __atomic_store_n(&line->futex, (uint32_t)number, __ATOMIC_SEQ_CST);
        futex_call(&line->futex, FUTEX_WAKE, 1);
}

static void line_receive(Line *line, size_t size, uint64_t number, bool sleeps) {
        while (__atomic_load_n(&line->number, __ATOMIC_ACQUIRE) != number)
                if (sleeps)
                        futex_call(&line->futex, FUTEX_WAIT, (uint32_t)(number - 1));
        while (sleeps && __atomic_load_n(&line->futex, __ATOMIC_ACQUIRE) != (uint32_t)number)
                ;
        verify(line->payload, size < 56 ? size : 56, number);
}

static void ring_send(Trip *trip, uint64_t number) {
        void *place;

        must(ipcbus_ring_reserve(trip->writer, trip->size, IPCBUS_RING_FOREVER, &place), "reserve");
        fill(place, trip->size, number);
        must(ipcbus_ring_commit(trip->writer, trip->size), "commit");
}

static void ring_receive(Trip *trip, uint64_t number) {
        const void *data;
        size_t size;

        must(ipcbus_ring_peek(trip->reader, IPCBUS_RING_FOREVER, &data, &size), "peek");
        must(size == trip->size ? 0 : -EIO, "size");
        verify(data, size, number);
        must(ipcbus_ring_release(trip->reader), "release");
}

/* Nanoseconds a round trip. */
static double trips(Trip *trip, bool first, bool bare, bool sleeps, unsigned count) {
        Line *out = &lines[first ? 0 : 1], *in = &lines[first ? 1 : 0];
        uint64_t start = now_nanoseconds();

        for (unsigned i = 0; i < count; i++, trip->number++) {
                for (unsigned half = 0; half < 2; half++) {
                        bool sends = (half == 0) == first;

                        if (bare && sends)
                                line_send(out, trip->size, trip->number, sleeps);
                        else if (bare)
                                line_receive(in, trip->size, trip->number, sleeps);
                        else if (sends)
                                ring_send(trip, trip->number);
                        else
                                ring_receive(trip, trip->number);
                }
        }
        return (double)(now_nanoseconds() - start) / count;
}

static void opened(int fd, IpcbusRingRole role, IpcbusRingWait wait, IpcbusRing **ret_ring) {
        must(ipcbus_ring_open(fd, role, ret_ring), "open");
        if (!(ipcbus_ring_flags(*ret_ring) & IPCBUS_RING_AWAKE))
                must(ipcbus_ring_set_wait(*ret_ring, wait, 0), "set_wait");
}

/* The second side, on the other CPU unless both are to share one. */
static pid_t other_side(void) {
        pid_t pid;

        fflush(stdout);
        memset(lines, 0, 2 * sizeof(*lines));
        pid = fork();
        if (pid == 0) {
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                sched_setaffinity(0, sizeof(allowed), &allowed);
                pin_to(same_cpu ? 0 : 1);
        }
        return pid;
}

static void join(pid_t pid) {
        int status;

        waitpid(pid, &status, 0);
        must(WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -EIO, "the other side");
}

static void round_trips(
        const char *name, unsigned flags, IpcbusRingWait wait, size_t size, unsigned count, const char *aim) {
        Figures figures = { 0 };
        Trip trip = { .size = size, .number = 1 };
        bool sleeps = wait == IPCBUS_RING_BLOCK, first;
        int there, back;
        pid_t pid;

        must(ipcbus_ring_create("bench", CAPACITY, flags, &there), "create");
        must(ipcbus_ring_create("bench", CAPACITY, flags, &back), "create");
        pid = other_side();
        first = pid != 0;
        opened(first ? there : back, IPCBUS_RING_WRITER, wait, &trip.writer);
        opened(first ? back : there, IPCBUS_RING_READER, wait, &trip.reader);
        trips(&trip, first, false, sleeps, count);
        for (unsigned i = 0; i < BURSTS; i++) {
                double before = trips(&trip, first, true, sleeps, count / 2);
                double ring = trips(&trip, first, false, sleeps, count);
                double after = trips(&trip, first, true, sleeps, count / 2);

                figures_add(&figures, ring, (before + after) / 2);
        }
        ipcbus_ring_close(trip.writer);
        ipcbus_ring_close(trip.reader);
        close(there);
        close(back);
        if (!first)
                _exit(0);
        join(pid);
        figures_print(name, "ns", &figures, aim);
        figures_done(&figures);
}

/* Two ways of waiting in turns, a message now and then (`pause_usec`) or one after the other. */
static void two_ways(
        const char *name, IpcbusRingWait a, IpcbusRingWait b, unsigned pause_usec, unsigned count, const char *aim) {
        Figures figures = { 0 };
        Trip trip = { .size = 48, .number = 1 };
        int there, back;
        bool first;
        pid_t pid;

        must(ipcbus_ring_create("bench", CAPACITY, 0, &there), "create");
        must(ipcbus_ring_create("bench", CAPACITY, 0, &back), "create");
        pid = other_side();
        first = pid != 0;
        opened(first ? there : back, IPCBUS_RING_WRITER, a, &trip.writer);
        opened(first ? back : there, IPCBUS_RING_READER, a, &trip.reader);
        for (unsigned i = 0; i < BURSTS; i++) {
                double figure[2];

                for (unsigned way = 0; way < 2; way++) {
                        ipcbus_ring_set_wait(trip.reader, way == 0 ? a : b, 0);
                        for (unsigned k = 0; pause_usec != 0 && k < count; k++) {
                                if (first)
                                        usleep(pause_usec);
                                figure[way] = (k == 0 ? 0 : figure[way]) + trips(&trip, first, false, true, 1) / count;
                        }
                        if (pause_usec == 0)
                                figure[way] = trips(&trip, first, false, true, count);
                }
                figures_add(&figures, figure[0], figure[1]);
        }
        ipcbus_ring_close(trip.writer);
        ipcbus_ring_close(trip.reader);
        close(there);
        close(back);
        if (!first)
                _exit(0);
        join(pid);
        figures_print(name, "ns", &figures, aim);
        figures_done(&figures);
}

typedef enum Touch { TOUCH_ALL, TOUCH_COPY, TOUCH_ENDS } Touch;

static uint64_t copies[2][PAYLOAD_MAX / 8];

static void take(IpcbusRing *ring, uint64_t number, size_t size, Touch touch) {
        const uint64_t *words;
        const void *data;
        size_t came;

        must(ipcbus_ring_peek(ring, IPCBUS_RING_FOREVER, &data, &came), "peek");
        words = data;
        if (touch == TOUCH_COPY)
                memcpy(copies[1], data, came);
        must(came == size && words[0] == number && words[size / 8 - 1] == number + size / 8 - 1 ? 0 : -EIO, "payload");
        if (touch == TOUCH_ALL)
                verify(words, size, number);
}

static void give(IpcbusRing *ring, uint64_t number, size_t size, Touch touch) {
        uint64_t *words;
        void *place;

        must(ipcbus_ring_reserve(ring, size, IPCBUS_RING_FOREVER, &place), "reserve");
        words = place;
        if (touch == TOUCH_ALL)
                fill(words, size, number);
        else if (touch == TOUCH_COPY)
                memcpy(place, copies[0], size);
        words[0] = number;
        words[size / 8 - 1] = number + size / 8 - 1;
        must(ipcbus_ring_append(ring, size), "append");
}

/* Millions of messages a second, one way. */
static double one_way(unsigned flags, uint64_t capacity, size_t size, unsigned batch, uint64_t count, Touch touch) {
        uint64_t start = 0;
        IpcbusRing *ring;
        pid_t pid;
        int fd;

        must(ipcbus_ring_create("bench", capacity, flags, &fd), "create");
        pid = other_side();
        if (pid == 0) {
                opened(fd, IPCBUS_RING_READER, IPCBUS_RING_ADAPTIVE, &ring);
                for (uint64_t i = 0; i < count; i++) {
                        take(ring, i, size, touch);
                        if (i % batch == batch - 1 || i == count - 1)
                                must(ipcbus_ring_release(ring), "release");
                }
                _exit(0);
        }
        opened(fd, IPCBUS_RING_WRITER, IPCBUS_RING_ADAPTIVE, &ring);
        for (uint64_t i = 0; i < count; i++) {
                /* A tenth to warm up. */
                if (i == count / 10)
                        start = now_nanoseconds();
                give(ring, i, size, touch);
                if (i % batch == batch - 1 || i == count - 1)
                        must(ipcbus_ring_publish(ring), "publish");
        }
        join(pid);
        start = now_nanoseconds() - start;
        ipcbus_ring_close(ring);
        close(fd);
        return (double)(count - count / 10) * 1e3 / (double)start;
}

static double best_of(unsigned flags, uint64_t capacity, size_t size, unsigned batch, uint64_t count, Touch touch) {
        double values[7];

        for (unsigned i = 0; i < 7; i++)
                values[i] = one_way(flags, capacity, size, batch, count, touch);
        return median_in_place(values, 7);
}

static void throughputs(void) {
        const unsigned quick = IPCBUS_RING_AWAKE | IPCBUS_RING_PACKED;
        Figures figures = { 0 };

        figure_print("64 B, one by one", "M/s", best_of(0, CAPACITY, 64, 1, 2000000, TOUCH_ALL), NULL);
        figure_print(
                "64 B, one by one, awake, packed", "M/s", best_of(quick, CAPACITY, 64, 1, 4000000, TOUCH_ALL), NULL);
        figure_print("64 B, batches of 32", "M/s", best_of(0, CAPACITY, 64, BATCH, 6000000, TOUCH_ALL), NULL);
        figure_print("64 B, batches of 32, packed", "M/s",
                best_of(IPCBUS_RING_PACKED, CAPACITY, 64, BATCH, 6000000, TOUCH_ALL), ">= 66");
        figure_print("64 B, batches of 32, awake, packed", "M/s",
                best_of(quick, CAPACITY, 64, BATCH, 6000000, TOUCH_ALL), ">= 66");
        figure_print("64 B, batches, many to many", "M/s",
                best_of(IPCBUS_RING_MANY, CAPACITY, 64, BATCH, 1000000, TOUCH_ALL), NULL);
        for (unsigned i = 0; i < 9; i++) {
                uint64_t start = now_nanoseconds();

                for (unsigned k = 0; k < 4000; k++) {
                        copies[0][k % 8] = k;
                        memcpy(copies[1], copies[0], PAYLOAD_MAX);
                        __asm__ __volatile__("" ::: "memory");
                }
                figures_add(&figures, one_way(0, CAPACITY, PAYLOAD_MAX, 1, 20000, TOUCH_COPY) * PAYLOAD_MAX / 1e3,
                        4000.0 * PAYLOAD_MAX / (double)(now_nanoseconds() - start));
        }
        figures_print("64 KiB, copied in and out", "GB/s", &figures, ">= 0.5");
        figures_done(&figures);
        figure_print("1 KiB in place", "M/s", best_of(0, CAPACITY, 1024, BATCH, 1000000, TOUCH_ENDS), NULL);
        figure_print(
                "64 KiB in place", "M/s", best_of(0, 64 << 20, PAYLOAD_MAX, BATCH, 1000000, TOUCH_ENDS), "as 1 KiB");
}

int main(void) {
        static const size_t sizes[] = { 8, 16, 32, 48, 56, 64 };

        if (sched_getaffinity(0, sizeof(allowed), &allowed) < 0 || CPU_COUNT(&allowed) < 2) {
                printf("needs two CPUs\n");
                return 77;
        }
        lines = mmap(NULL, 2 * sizeof(*lines), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (lines == MAP_FAILED)
                return 1;
        pin_to(0);
        figures_title("ring, round trip, spinning on two CPUs", "cache line");
        for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
                char name[64];

                snprintf(name, sizeof(name), "%zu B, awake", sizes[i]);
                round_trips(name, IPCBUS_RING_AWAKE, IPCBUS_RING_SPIN, sizes[i], 4000,
                        sizes[i] <= 56 ? "<= 1.2" : "<= 1.5");
        }
        round_trips("48 B, spin", 0, IPCBUS_RING_SPIN, 48, 4000, NULL);
        round_trips("48 B, many to many", IPCBUS_RING_MANY | IPCBUS_RING_AWAKE, IPCBUS_RING_SPIN, 48, 4000, NULL);
        figures_title("ring, round trip, sleeping", "futex");
        round_trips("48 B, two CPUs", 0, IPCBUS_RING_BLOCK, 48, 100, "<= 1.1");
        same_cpu = true;
        round_trips("48 B, one CPU", 0, IPCBUS_RING_BLOCK, 48, 1000, "<= 1.1");
        figures_title("ring, adaptive", "the better");
        two_ways("one CPU, block beside it", IPCBUS_RING_ADAPTIVE, IPCBUS_RING_BLOCK, 0, 1000, "<= 1.1");
        same_cpu = false;
        two_ways("high rate, spin beside it", IPCBUS_RING_ADAPTIVE, IPCBUS_RING_SPIN, 0, 4000, "<= 1.1");
        two_ways("every 500 us, block beside it", IPCBUS_RING_ADAPTIVE, IPCBUS_RING_BLOCK, 500, 20, "<= 1.1");
        figures_title("ring, one way, two CPUs", "memcpy");
        throughputs();
        return 0;
}
