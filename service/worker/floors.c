/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The loops behind the floors. All are medians of batches; a batch is as long as it takes for the clock's own cost not
 * to matter. Of the floors that take two processes the last samples count, as the first find caches and scheduler
 * not settled. Memory is the caller's. */
#include "floors.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "payload.h"
#include "statistics.h"
#include "units.h"

enum { SAMPLES_MAX = 256 };

#define STOP          UINT64_MAX
#define NSEC_PER_MSEC (USEC_PER_MSEC * NSEC_PER_USEC)
/* A copy is not measured for sizes above this: it would take longer than what it is the floor of. */
#define COPY_MAX (8 * 1024 * 1024)

static const struct {
        const char *name, *title;
} floor_texts[FLOOR_TYPE_MAX] = {
        [FLOOR_SYSCALL] = { "syscall_ns", "an empty system call" },
        [FLOOR_CACHELINE] = { "cacheline_round_trip_ns", "a flag in shared memory to the other CPU and back" },
        [FLOOR_CACHELINE_PAYLOAD] = { "cacheline_payload_round_trip_ns",
                "64 bytes in shared memory to the other CPU and back, written and checked" },
        [FLOOR_FUTEX] = { "futex_round_trip_ns", "wake the other process and sleep until woken, on one CPU" },
        [FLOOR_FUTEX_OTHER_CPU] = { "futex_round_trip_other_cpu_ns",
                "wake the other process and sleep until woken, on two CPUs" },
        [FLOOR_FUTEX_AWAKE] = { "futex_round_trip_awake_ns",
                "wake the other process and sleep until woken, on two CPUs that something else keeps awake" },
        [FLOOR_IDLE_WAKEUP] = { "idle_wakeup_ns", "from the call that wakes to running on the other, idle CPU" },
        [FLOOR_MEMCPY] = { "memcpy_bytes_per_second", "one copy of the message in memory" },
};

const char *floor_name(FloorType type) {
        return type >= 0 && type < FLOOR_TYPE_MAX ? floor_texts[type].name : NULL;
}

const char *floor_title(FloorType type) {
        return type >= 0 && type < FLOOR_TYPE_MAX ? floor_texts[type].title : NULL;
}

double floor_timer(void) {
        enum { BATCH = 200 };
        double samples[32];

        for (unsigned i = 0; i < 32; i++) {
                uint64_t start = now_nsec();

                for (unsigned k = 0; k < BATCH; k++)
                        (void)now_nsec();
                samples[i] = (double)(now_nsec() - start) / (BATCH + 1);
        }
        return median_of(samples, 32);
}

double floor_syscall(uint64_t nsec) {
        enum { BATCH = 100 };
        uint64_t start = now_nsec(), last = start, now;
        double samples[SAMPLES_MAX];
        size_t n = 0;

        do {
                for (unsigned k = 0; k < BATCH; k++)
                        syscall(SYS_getppid);
                now = now_nsec();
                samples[n++] = (double)(now - last) / BATCH;
                last = now;
        } while (n < SAMPLES_MAX && now - start < nsec);
        return median_of(samples, n);
}

double floor_memcpy(void *to, const void *from, size_t size, uint64_t nsec) {
        uint64_t start = now_nsec(), last, now;
        double samples[SAMPLES_MAX];
        size_t n = 0, batch = size < 65536 ? 65536 / (size + 64) + 1 : 1;

        memcpy(to, from, size);
        last = now_nsec();
        do {
                for (size_t k = 0; k < batch; k++) {
                        memcpy(to, from, size);
                        /* The compiler may not know that this copy is the same as the one before. */
                        __asm__ volatile("" : : "r"(to), "r"(from) : "memory");
                }
                now = now_nsec();
                samples[n++] = (double)(now - last) / (double)batch;
                last = now;
        } while (n < SAMPLES_MAX && (now - start < nsec || n < 3));
        return median_of(samples, n);
}

static inline void send_number(FloorLine *line, uint64_t number, bool payload) {
        if (payload)
                payload_fill(line->payload, sizeof line->payload, number);
        atomic_store_explicit(&line->number, number, memory_order_release);
}

/* Returns the number that came, STOP also for a payload that is not what was sent. */
static inline uint64_t await_number(FloorLine *line, uint64_t last, bool payload) {
        uint64_t number;

        while ((number = atomic_load_explicit(&line->number, memory_order_acquire)) == last)
                ;
        if (payload && number != STOP && !payload_check(line->payload, sizeof line->payload, number))
                return STOP;
        return number;
}

static inline __attribute__((always_inline)) double cacheline(
        FloorArea *area, unsigned side, uint64_t nsec, bool payload) {
        enum { BATCH = 64 };
        FloorLine *out = &area->lines[side], *in = &area->lines[1 - side];
        uint64_t number = 0, start, last, now;
        double samples[SAMPLES_MAX];
        size_t n = 0;

        if (side == 1) {
                while ((number = await_number(in, number, payload)) != STOP)
                        send_number(out, number, payload);
                atomic_store(&out->number, STOP);
                return 0;
        }
        last = start = now_nsec();
        do {
                for (unsigned k = 0; k < BATCH; k++) {
                        send_number(out, number + 1, payload);
                        if (await_number(in, number, payload) != number + 1)
                                return 0;
                        number++;
                }
                now = now_nsec();
                /* The first batch finds the other side not there yet. */
                if (number > BATCH)
                        samples[n++ % SAMPLES_MAX] = (double)(now - last) / BATCH;
                last = now;
        } while (n == 0 || now - start < nsec);
        atomic_store(&out->number, STOP);
        (void)await_number(in, number, false);
        return median_of(samples, n < SAMPLES_MAX ? n : SAMPLES_MAX);
}

double floor_cacheline(FloorArea *area, unsigned side, uint64_t nsec) {
        return cacheline(area, side, nsec, false);
}

double floor_cacheline_payload(FloorArea *area, unsigned side, uint64_t nsec) {
        return cacheline(area, side, nsec, true);
}

/* A side is woken only if it sleeps: the system call is a part of what is measured, one that finds nobody is not. */
static inline uint32_t await_word(FloorFutex *futex, uint32_t last) {
        uint32_t value;

        while ((value = atomic_load_explicit(&futex->word, memory_order_acquire)) == last) {
                atomic_store(&futex->asleep, 1);
                if (atomic_load(&futex->word) == last)
                        futex_wait(&futex->word, last);
                atomic_store_explicit(&futex->asleep, 0, memory_order_relaxed);
        }
        return value;
}

static inline void send_word(FloorFutex *futex, uint32_t value) {
        atomic_store(&futex->word, value);
        if (atomic_load(&futex->asleep))
                futex_wake(&futex->word, 1);
}

/* Each round trip is a sample of its own: it is long beside the clock. */
double floor_futex(FloorArea *area, unsigned side, uint64_t nsec) {
        FloorFutex *out = &area->futexes[side], *in = &area->futexes[1 - side];
        uint32_t number = 0;
        uint64_t start, last, now;
        double samples[SAMPLES_MAX];
        size_t n = 0;

        if (side == 1) {
                while ((number = await_word(in, number)) != UINT32_MAX)
                        send_word(out, number);
                send_word(out, UINT32_MAX);
                return 0;
        }
        last = start = now_nsec();
        do {
                send_word(out, number + 1);
                number = await_word(in, number);
                now = now_nsec();
                samples[n++ % SAMPLES_MAX] = (double)(now - last);
                last = now;
        } while (n < 8 || now - start < nsec);
        send_word(out, UINT32_MAX);
        (void)await_word(in, number);
        return median_of(samples, n < SAMPLES_MAX ? n : SAMPLES_MAX);
}

/* Side 0 keeps its own CPU busy meanwhile, so that only the other one has to be woken. */
double floor_idle_wakeup(FloorArea *area, unsigned side, unsigned n) {
        const uint64_t idle = 300 * NSEC_PER_USEC;
        FloorFutex *futex = &area->futexes[0];
        _Atomic uint32_t *ready = &area->futexes[1].word;
        double samples[SAMPLES_MAX];

        if (n > SAMPLES_MAX)
                n = SAMPLES_MAX;
        for (uint32_t i = 0; i < n; i++) {
                uint64_t start;

                if (side == 1) {
                        atomic_store(ready, i + 1);
                        (void)await_word(futex, i);
                        area->samples[i] = (double)(now_nsec() - area->sent);
                        atomic_store(&area->n_samples, i + 1);
                        continue;
                }
                while (atomic_load(ready) != i + 1)
                        ;
                for (start = now_nsec(); now_nsec() - start < idle;)
                        ;
                area->sent = now_nsec();
                send_word(futex, i + 1);
                while (atomic_load(&area->n_samples) != i + 1)
                        ;
        }
        if (side == 1)
                return 0;
        memcpy(samples, area->samples, n * sizeof *samples);
        return median_of(samples, n);
}

/* What floors_measure() shares with its two processes. */
typedef struct FloorRun {
        PairShared pair;
        FloorArea areas[4];
        Floors floors;
        PlacementType placement;
} FloorRun;

static void measure_copies(Floors *floors) {
        size_t most = floors->n_sizes > 0 ? floors->sizes[floors->n_sizes - 1] : 0;
        unsigned char *buffer;

        if (most == 0)
                return;
        buffer = aligned_alloc(64, 2 * ((most + 63) / 64 * 64));
        if (buffer == NULL)
                return;
        memset(buffer, 1, 2 * ((most + 63) / 64 * 64));
        for (size_t i = 0; i < floors->n_sizes; i++)
                floors->copies[i] = floor_memcpy(
                        buffer + (most + 63) / 64 * 64, buffer, floors->sizes[i], 2 * NSEC_PER_MSEC);
        free(buffer);
}

/* On two CPUs that may go idle. */
static void measure_other_cpu(unsigned side, FloorRun *run) {
        double *values = run->floors.values, value;

        pair_meet(&run->pair);
        value = floor_cacheline(&run->areas[1], side, 5 * NSEC_PER_MSEC);
        if (side == 0)
                values[FLOOR_CACHELINE] = value;
        pair_meet(&run->pair);
        value = floor_cacheline_payload(&run->areas[2], side, 5 * NSEC_PER_MSEC);
        if (side == 0)
                values[FLOOR_CACHELINE_PAYLOAD] = value;
        pair_meet(&run->pair);
        value = floor_idle_wakeup(&run->areas[3], side, 24);
        if (side == 0)
                values[FLOOR_IDLE_WAKEUP] = value;
}

static int floors_side(unsigned side, PairShared *shared, void *userdata) {
        FloorRun *run = userdata;
        bool awake = run->placement == PLACEMENT_OTHER_CPU_AWAKE;
        double *values = run->floors.values, value;

        if (side == 0 && values[FLOOR_SYSCALL] <= 0) {
                run->floors.timer = floor_timer();
                values[FLOOR_SYSCALL] = floor_syscall(2 * NSEC_PER_MSEC);
                measure_copies(&run->floors);
        }
        pair_meet(shared);
        value = floor_futex(&run->areas[0], side, 15 * NSEC_PER_MSEC);
        if (side == 0)
                values[awake                                   ? FLOOR_FUTEX_AWAKE
                        : run->placement == PLACEMENT_SAME_CPU ? FLOOR_FUTEX
                                                               : FLOOR_FUTEX_OTHER_CPU] = value;
        if (!awake && run->placement != PLACEMENT_SAME_CPU)
                measure_other_cpu(side, run);
        return 0;
}

static int compare_sizes(const void *a, const void *b) {
        size_t x = *(const size_t *)a, y = *(const size_t *)b;

        return (x > y) - (x < y);
}

static void collect_sizes(Floors *floors, const size_t *sizes, size_t n_sizes) {
        static const size_t usual[] = { 64, 4096, 65536, 1048576 };
        size_t all[FLOOR_SIZES_MAX + sizeof usual / sizeof *usual], n = 0;

        for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
                all[n++] = usual[i];
        for (size_t i = 0; i < n_sizes && i < FLOOR_SIZES_MAX; i++)
                if (sizes[i] > 0 && sizes[i] <= COPY_MAX)
                        all[n++] = sizes[i];
        qsort(all, n, sizeof *all, compare_sizes);
        floors->n_sizes = 0;
        for (size_t i = 0; i < n && floors->n_sizes < FLOOR_SIZES_MAX; i++)
                if (i == 0 || all[i] != all[i - 1])
                        floors->sizes[floors->n_sizes++] = all[i];
}

int floors_measure(
        const Placement *placements, size_t n, const size_t *sizes, size_t n_sizes, int channel, Floors *ret) {
        char reason[PAIR_REASON_MAX];
        bool seen[3] = { false };
        PairOutcome outcome = PAIR_DONE;
        FloorRun *run;
        void *memory;
        int r;

        r = pair_memory_new(sizeof *run, &memory);
        if (r < 0)
                return r;
        run = memory;
        collect_sizes(&run->floors, sizes, n_sizes);
        for (size_t i = 0; i < n; i++) {
                PlacementType type = placements[i].type;
                unsigned which = type == PLACEMENT_SAME_CPU ? 0 : type == PLACEMENT_OTHER_CPU_AWAKE ? 1 : 2;
                Pair pair = {
                        .side = floors_side,
                        .userdata = run,
                        .cpus = { placements[i].cpus[0], placements[i].cpus[1] },
                        .awake = type == PLACEMENT_OTHER_CPU_AWAKE,
                        .shared = &run->pair,
                        .timeout_usec = 3 * USEC_PER_SEC,
                        .channel = channel,
                };

                if (seen[which] || placements[i].missing != NULL)
                        continue;
                seen[which] = true;
                run->placement = type;
                memset(&run->pair, 0, sizeof run->pair);
                memset(run->areas, 0, sizeof run->areas);
                r = pair_run(&pair, &outcome, reason);
                if (r < 0 || outcome == PAIR_CANCELLED)
                        break;
        }
        if (r >= 0)
                *ret = run->floors;
        (void)pair_memory_free(run, sizeof *run);
        return r < 0 ? r : outcome == PAIR_CANCELLED ? -ECANCELED : 0;
}
