/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The two sides of a trial.
 *
 * What stands inside the loops, besides the transport's own send() and receive(): the payload is written and checked
 * (payload.h), one word that both sides share is read (it changes twice a trial), and, on one side only, the clock.
 * Latency reads the clock once per round trip: the end of one is the beginning of the next. Where a round trip is so
 * short that this would add more than 1 %, the clock is read once per 2, 4, 8 … round trips, and each of them counts
 * with the mean of its batch; the result says how many ("batch"). Throughput reads it about every 50 us.
 *
 * Every loop ends by itself only as long as messages arrive; the parent of both sides ends those that do not. */
#include "bench-measure.h"

#include <math.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "payload.h"
#include "units.h"

enum {
        PHASE_WARM_UP,
        PHASE_MEASURE,
        PHASE_STOP,
};

enum {
        BATCH_SHIFT_MAX = 10,
        /* How far a sender may run ahead: more than any queue, pipe or socket holds, so that those are held back by
         * themselves; less for what nothing else holds back (a semaphore), or the receiver would work off in its
         * trial what was sent before. */
        AHEAD_MAX = 1 << 17,
        AHEAD_MAX_TOKENS = 1 << 10,
        AHEAD_STEP = 64,
        WARM_UP_WINDOWS = 16,
};

typedef struct Side {
        unsigned side;
        Measure *measure;
        Link *link;
        const Transport *transport;
        size_t size;
        bool boundaries;
        void *out, *in;
        uint64_t number; /* of the last message sent (side 0) or received (side 1) */
        Usage begin;
} Side;

/* Numbers of messages that go back are told from those that go forth. */
static inline uint64_t answer_to(uint64_t number) {
        return ~number;
}

static __attribute__((cold, noinline)) int say_failed(const Side *side, const char *what, uint64_t number, int error) {
        return pair_give_up(&side->measure->pair, side->side, error, "%s message %llu of %zu bytes: %s (%s)", what,
                (unsigned long long)number, side->size, strerror(-error), strerrorname_np(-error) ?: "?");
}

static __attribute__((cold, noinline)) int say_short(const Side *side, uint64_t number, ssize_t n) {
        if (n == 0)
                return pair_give_up(&side->measure->pair, side->side, EPIPE,
                        "the other side ended before message %llu", (unsigned long long)number);
        return pair_give_up(&side->measure->pair, side->side, EBADMSG,
                "message %llu arrived with %zd bytes, %zu were sent", (unsigned long long)number, n, side->size);
}

static __attribute__((cold, noinline)) int say_wrong(const Side *side, uint64_t number) {
        const unsigned char *found = side->in;
        unsigned char *wanted = side->out;
        size_t i = 0;

        payload_fill(wanted, side->size, number);
        while (i < side->size && found[i] == wanted[i])
                i++;
        return pair_give_up(&side->measure->pair, side->side, EBADMSG,
                "a message arrived wrong: byte %zu of %zu was 0x%02x, 0x%02x was sent", i, side->size, found[i],
                wanted[i]);
}

static inline int side_send(Side *side, uint64_t number) {
        int r;

        payload_fill(side->out, side->size, number);
        r = side->transport->send(side->link, side->out, side->size);
        return r < 0 ? say_failed(side, "cannot send", number, r) : 0;
}

static inline int side_receive(Side *side, uint64_t number) {
        ssize_t n, more;

        n = side->transport->receive(side->link, side->in, side->size);
        while (n > 0 && (size_t)n < side->size && !side->boundaries) {
                more = side->transport->receive(side->link, (char *)side->in + n, side->size - (size_t)n);
                if (more <= 0)
                        return more < 0 ? say_failed(side, "cannot receive", number, (int)more)
                                        : say_short(side, number, n);
                n += more;
        }
        if (n < 0)
                return say_failed(side, "cannot receive", number, (int)n);
        if ((size_t)n != side->size)
                return say_short(side, number, n);
        return payload_check(side->in, side->size, number) ? 0 : say_wrong(side, number);
}

static inline int round_trip(Side *side) {
        int r;

        side->number++;
        r = side_send(side, side->number);
        if (r < 0)
                return r;
        return side_receive(side, answer_to(side->number));
}

static Usage usage_now(void) {
        struct rusage usage;

        getrusage(RUSAGE_SELF, &usage);
        return (Usage){
                .cpu_nsec = ((uint64_t)usage.ru_utime.tv_sec + (uint64_t)usage.ru_stime.tv_sec) * NSEC_PER_SEC +
                            ((uint64_t)usage.ru_utime.tv_usec + (uint64_t)usage.ru_stime.tv_usec) * NSEC_PER_USEC,
                .voluntary = (uint64_t)usage.ru_nvcsw,
                .involuntary = (uint64_t)usage.ru_nivcsw,
                .nsec = now_nsec(),
        };
}

static void usage_begin(Side *side) {
        side->begin = usage_now();
        side->begin.messages = side->number;
}

/* `factor`: messages to one number. */
static void usage_end(Side *side, unsigned factor) {
        Usage end = usage_now();

        side->measure->usage[side->side] = (Usage){
                .cpu_nsec = end.cpu_nsec - side->begin.cpu_nsec,
                .voluntary = end.voluntary - side->begin.voluntary,
                .involuntary = end.involuntary - side->begin.involuntary,
                .nsec = end.nsec - side->begin.nsec,
                .messages = (side->number - side->begin.messages) * factor,
        };
}

/* Round trips until the mean of a window is within 5 % of the window before, and 16 windows at most. Gives the mean of
 * the last one. */
static int latency_warm_up(Side *side, double *ret_mean) {
        uint64_t window = side->measure->nsec / (4 * WARM_UP_WINDOWS), start, now;
        double mean = 0, before;
        unsigned n;
        int r;

        for (unsigned i = 0; i < WARM_UP_WINDOWS; i++) {
                before = mean;
                start = now_nsec();
                n = 0;
                do {
                        r = round_trip(side);
                        if (r < 0)
                                return r;
                        n++;
                        now = now_nsec();
                } while (now - start < window || n < 4);
                mean = (double)(now - start) / n;
                if (i >= 2 && fabs(mean - before) <= before * 0.05)
                        break;
        }
        *ret_mean = mean;
        return 0;
}

static unsigned batch_shift(const Measure *measure, double mean) {
        unsigned shift = 0;

        while (shift < BATCH_SHIFT_MAX && mean * (double)(1U << shift) < measure->timer * 100)
                shift++;
        return shift;
}

/* Side 0 of latency. */
static int latency_lead(Side *side, uint64_t until) {
        Measure *measure = side->measure;
        unsigned shift, batch;
        uint64_t last, now;
        double mean = 0;
        int r;

        r = latency_warm_up(side, &mean);
        if (r < 0)
                return r;
        shift = batch_shift(measure, mean);
        batch = 1U << shift;
        measure->batch = batch;
        if (until < now_nsec() + measure->nsec / 2)
                until = now_nsec() + measure->nsec / 2;

        atomic_store(&measure->marks.first, side->number + 1);
        usage_begin(side);
        last = side->begin.nsec;
        do {
                for (unsigned i = 0; i < batch; i++) {
                        r = round_trip(side);
                        if (r < 0)
                                return r;
                }
                now = now_nsec();
                histogram_add(&measure->histogram, (now - last + batch / 2) >> shift);
                last = now;
        } while (now < until);
        usage_end(side, 2);
        atomic_store(&measure->marks.last, side->number + 1);
        return round_trip(side);
}

/* Side 1 of latency. */
static int latency_follow(Side *side) {
        Measure *measure = side->measure;
        uint64_t number;
        int r;

        for (;;) {
                number = side->number + 1;
                r = side_receive(side, number);
                if (r < 0)
                        return r;
                side->number = number;
                r = side_send(side, answer_to(number));
                if (r < 0)
                        return r;
                if (number == atomic_load_explicit(&measure->marks.first, memory_order_relaxed))
                        usage_begin(side);
                if (number == atomic_load_explicit(&measure->marks.last, memory_order_relaxed))
                        break;
        }
        usage_end(side, 2);
        return 0;
}

/* Only reached where the kind does not hold the sender back by itself. */
static __attribute__((cold, noinline)) void wait_for_receiver(const Side *side) {
        unsigned most = side->transport->message_max <= BENCH_TOKEN_MAX ? AHEAD_MAX_TOKENS : AHEAD_MAX;
        Measure *measure = side->measure;

        while (side->number - atomic_load(&measure->received.value) > most &&
                atomic_load(&measure->phase.value) != PHASE_STOP)
                sched_yield();
}

/* Side 0 of throughput. What it uses up is counted while the receiver measures, or, where it did not run meanwhile on
 * a busy machine, from its first message on. */
static int throughput_send(Side *side) {
        Measure *measure = side->measure;
        uint32_t phase = PHASE_WARM_UP, now;
        Usage start;
        int r;

        usage_begin(side);
        start = side->begin;
        for (;;) {
                side->number++;
                r = side_send(side, side->number);
                if (r < 0)
                        return r;
                if (side->number % AHEAD_STEP == 0)
                        wait_for_receiver(side);
                now = atomic_load_explicit(&measure->phase.value, memory_order_relaxed);
                if (now == phase)
                        continue;
                phase = now;
                if (phase == PHASE_STOP)
                        break;
                usage_begin(side);
        }
        if (side->begin.messages == side->number)
                side->begin = start;
        usage_end(side, 1);
        atomic_store(&measure->marks.last, side->number + 1);
        side->number++;
        return side_send(side, side->number);
}

static inline int throughput_receive_n(Side *side, unsigned n) {
        int r;

        for (unsigned i = 0; i < n; i++) {
                r = side_receive(side, side->number + 1);
                if (r < 0)
                        return r;
                side->number++;
                if (side->number % AHEAD_STEP == 0)
                        atomic_store_explicit(&side->measure->received.value, side->number, memory_order_relaxed);
        }
        return 0;
}

/* Windows of time until the rate of one is within 5 % of that before. Gives the number of messages that take about
 * 50 us. */
static int throughput_warm_up(Side *side, unsigned *ret_step) {
        uint64_t window = side->measure->nsec / (4 * WARM_UP_WINDOWS), start, now;
        double rate = 0, before;
        unsigned n, step = 1;
        int r;

        for (unsigned i = 0; i < WARM_UP_WINDOWS; i++) {
                before = rate;
                start = now_nsec();
                n = 0;
                do {
                        r = throughput_receive_n(side, step);
                        if (r < 0)
                                return r;
                        n += step;
                        now = now_nsec();
                } while (now - start < window);
                rate = (double)n / (double)(now - start);
                step = (unsigned)fmin(fmax(rate * 50000, 1), 4096);
                if (i >= 2 && fabs(rate - before) <= before * 0.05)
                        break;
        }
        *ret_step = step;
        return 0;
}

/* Side 1 of throughput: it decides what counts. */
static int throughput_receive(Side *side, uint64_t until) {
        Measure *measure = side->measure;
        unsigned step = 1;
        int r;

        r = throughput_warm_up(side, &step);
        if (r < 0)
                return r;
        if (until < now_nsec() + measure->nsec / 2)
                until = now_nsec() + measure->nsec / 2;
        usage_begin(side);
        atomic_store(&measure->phase.value, PHASE_MEASURE);
        do {
                r = throughput_receive_n(side, step);
                if (r < 0)
                        return r;
        } while (now_nsec() < until);
        usage_end(side, 1);
        atomic_store(&measure->phase.value, PHASE_STOP);
        /* What is still on the way, so that the sender is not left waiting. */
        while (atomic_load(&measure->marks.last) == 0 || side->number < atomic_load(&measure->marks.last)) {
                r = throughput_receive_n(side, 1);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* The floors that may bind the result, and the cache line as a sign of the state that the host is in. */
static void probe_floors(const Side *side) {
        bool one_cpu = side->measure->placement == PLACEMENT_SAME_CPU;
        double *floors = side->measure->floors, value;
        uint64_t nsec = side->measure->nsec / 16;

        if (side->side == 0) {
                floors[FLOOR_SYSCALL] = floor_syscall(nsec / 16);
                floors[FLOOR_MEMCPY] = floor_memcpy(side->in, side->out, side->size < 64 ? 64 : side->size, nsec / 8);
        }
        pair_meet(&side->measure->pair);
        if (!one_cpu) {
                value = floor_cacheline(&side->measure->areas[0], side->side, nsec / 8);
                if (side->side == 0)
                        floors[FLOOR_CACHELINE] = value;
        }
        if (side->measure->mode != BENCH_LATENCY || side->measure->wait != WAIT_BLOCK)
                return;
        pair_meet(&side->measure->pair);
        value = floor_futex(&side->measure->areas[1], side->side, nsec);
        if (side->side == 0)
                floors[one_cpu ? FLOOR_FUTEX : FLOOR_FUTEX_OTHER_CPU] = value;
}

static int measure_attached(Side *side) {
        uint64_t until = now_nsec() + side->measure->nsec;

        probe_floors(side);
        pair_meet(&side->measure->pair);
        if (side->measure->mode == BENCH_LATENCY)
                return side->side == 0 ? latency_lead(side, until) : latency_follow(side);
        return side->side == 0 ? throughput_send(side) : throughput_receive(side, until);
}

int measure_side(unsigned side_number, Measure *measure, Link *link) {
        size_t room = measure->size < 64 ? 64 : (measure->size + 63) / 64 * 64;
        Side side = {
                .side = side_number,
                .measure = measure,
                .link = link,
                .transport = link_transport(link),
                .size = measure->size,
                .boundaries = link_transport(link)->boundaries,
        };
        Error error = { 0 };
        int r;

        side.out = aligned_alloc(4096, (room + 4095) / 4096 * 4096);
        side.in = aligned_alloc(4096, (room + 4095) / 4096 * 4096);
        if (side.out == NULL || side.in == NULL) {
                r = pair_give_up(&measure->pair, side_number, ENOMEM, "no memory for messages of %zu bytes", room);
                goto finish;
        }
        memset(side.out, 1, room);
        memset(side.in, 1, room);
        link->side = side_number;
        r = link_transport(link)->attach(link, &error);
        if (r < 0) {
                r = pair_give_up(&measure->pair, side_number, r, "%s", error.message);
                goto finish;
        }
        pair_meet(&measure->pair);
        r = measure_attached(&side);
        /* What one side closes may take back what is still on its way to the other. */
        if (r >= 0)
                pair_meet(&measure->pair);
        link_transport(link)->detach(link);
finish:
        free(side.out);
        free(side.in);
        return r;
}
