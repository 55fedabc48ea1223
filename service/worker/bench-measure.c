/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The two sides of a trial, and what all trials begin and end with.
 *
 * What stands inside the loops, besides the transport's own send() and receive(): the payload is written and checked
 * (payload.h), one word that both sides share is read (it changes twice a trial), and, on one side only, the clock.
 * Latency reads the clock once per round trip: the end of one is the beginning of the next. Where a round trip is so
 * short that this would add more than 1 %, the clock is read once per 2, 4, 8 … round trips, and each of them counts
 * with the mean of its batch; the result says how many ("batch"). Throughput reads it about every 50 us.
 *
 * A burst is as many messages as BENCH_BURST one after the other, and one answer when the last of them has come.
 *
 * Every loop ends by itself only as long as messages arrive; the parent of both sides ends those that do not. */
#include "bench-measure.h"

#include <errno.h>
#include <math.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "bench-fan.h"
#include "bench-side.h"
#include "units.h"

enum { BATCH_SHIFT_MAX = 10 };

/* One message, or in a burst several, and the answer to the last. */
static inline int round_trip(Side *side) {
        unsigned n = side->measure->mode == BENCH_BURST ? BENCH_BURST_MESSAGES : 1;
        int r;

        do {
                side->number++;
                r = side_send(side, side->number);
                if (r < 0)
                        return r;
        } while (--n > 0);
        return side_receive(side, answer_to(side->number));
}

/* Messages of both directions, from the number of those that went forth. */
static uint64_t both_ways(const Side *side) {
        uint64_t forth = side->number - side->begin.messages;

        return side->measure->mode == BENCH_BURST ? forth + forth / BENCH_BURST_MESSAGES : 2 * forth;
}

/* Round trips until the mean of a window is within 5 % of the window before, and 16 windows at most, in the time of a
 * trial; at least one. Gives the mean of the last window. */
static int latency_warm_up(Side *side, double *ret_mean) {
        uint64_t window = side->measure->nsec / (4 * WARM_UP_WINDOWS), start, now = now_nsec();
        uint64_t until = now + side->measure->nsec;
        double mean = 0, before;
        unsigned n;
        int r;

        for (unsigned i = 0; i < WARM_UP_WINDOWS && (i == 0 || now < until); i++) {
                before = mean;
                start = now_nsec();
                n = 0;
                do {
                        r = round_trip(side);
                        if (r < 0)
                                return r;
                        n++;
                        now = now_nsec();
                } while (now < until && (now - start < window || n < 4));
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
        side_usage_begin(side);
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
        side_usage_end(side, both_ways(side));
        atomic_store(&measure->marks.last, side->number + 1);
        return round_trip(side);
}

/* Side 1 of latency. */
static int latency_follow(Side *side) {
        Measure *measure = side->measure;
        unsigned burst = measure->mode == BENCH_BURST ? BENCH_BURST_MESSAGES : 1;
        uint64_t first;
        int r;

        for (;;) {
                first = side->number + 1;
                for (unsigned i = 0; i < burst; i++) {
                        r = side_receive(side, side->number + 1);
                        if (r < 0)
                                return r;
                        side->number++;
                }
                r = side_send(side, answer_to(side->number));
                if (r < 0)
                        return r;
                if (first == atomic_load_explicit(&measure->marks.first, memory_order_relaxed))
                        side_usage_begin(side);
                if (first == atomic_load_explicit(&measure->marks.last, memory_order_relaxed))
                        break;
        }
        side_usage_end(side, both_ways(side));
        return 0;
}

/* Only reached where the kind does not hold the sender back by itself. */
static __attribute__((cold, noinline)) void wait_for_receiver(const Side *side) {
        Measure *measure = side->measure;

        while (side->number - atomic_load(&measure->received.value) > ahead_max(side->transport) &&
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

        side_usage_begin(side);
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
                side_usage_begin(side);
        }
        if (side->begin.messages == side->number)
                side->begin = start;
        side_usage_end(side, side->number - side->begin.messages);
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
        side_usage_begin(side);
        atomic_store(&measure->phase.value, PHASE_MEASURE);
        do {
                r = throughput_receive_n(side, step);
                if (r < 0)
                        return r;
        } while (now_nsec() < until);
        side_usage_end(side, side->number - side->begin.messages);
        atomic_store(&measure->phase.value, PHASE_STOP);
        /* What is still on the way, so that the sender is not left waiting. */
        while (atomic_load(&measure->marks.last) == 0 || side->number < atomic_load(&measure->marks.last)) {
                r = throughput_receive_n(side, 1);
                if (r < 0)
                        return r;
        }
        return 0;
}

FloorType measure_base_floor(BenchMode mode, PlacementType placement, WaitMode wait) {
        bool one_cpu = placement == PLACEMENT_SAME_CPU;

        if (wait == WAIT_SPIN || ((wait == WAIT_ADAPTIVE || mode == BENCH_BURST) && !one_cpu))
                return one_cpu ? FLOOR_SYSCALL : FLOOR_CACHELINE;
        if (placement == PLACEMENT_OTHER_CPU_AWAKE)
                return FLOOR_FUTEX_AWAKE;
        return one_cpu ? FLOOR_FUTEX : FLOOR_FUTEX_OTHER_CPU;
}

static bool goes_both_ways(const Measure *measure) {
        return measure->mode == BENCH_LATENCY || measure->mode == BENCH_BURST;
}

/* The floor of the waiting, which both sides have to probe together; side 0 gets its value. */
static double probe_base(const Side *side, FloorType floor, FloorArea *area, uint64_t nsec) {
        pair_meet(&side->measure->pair);
        if (floor == FLOOR_CACHELINE)
                return floor_cacheline(area, side->side, nsec / 4);
        return floor_futex(area, side->side, nsec);
}

/* Before the trial: the floors that may bind the result, and, on two CPUs, the cache line in any case, as a sign of
 * the state that the host is in. */
static void probe_before(const Side *side) {
        Measure *measure = side->measure;
        FloorType base = measure_base_floor(measure->mode, measure->placement, measure->wait);
        size_t copied = measure->in_place == IN_PLACE_UNTOUCHED || side->size < 64 ? 64 : side->size;
        uint64_t nsec = measure->nsec / 16;
        double value;

        if (side->side == 0) {
                measure->floors[FLOOR_SYSCALL] = floor_syscall(nsec / 16);
                measure->floors[FLOOR_MEMCPY] = floor_memcpy(side->in, side->out, copied, nsec / 8);
        }
        if (side->side > 1 || measure->peers > 1)
                return;
        if (measure->placement != PLACEMENT_SAME_CPU) {
                value = probe_base(side, FLOOR_CACHELINE, &measure->areas[0], nsec / 2);
                if (side->side == 0)
                        measure->floors[FLOOR_CACHELINE] = value;
        }
        if (!goes_both_ways(measure) || base == FLOOR_CACHELINE || base == FLOOR_SYSCALL)
                return;
        value = probe_base(side, base, &measure->areas[1], nsec);
        if (side->side == 0)
                measure->floors[base] = value;
}

/* And after it, once more: what went up or down meanwhile did so under the trial. */
static void probe_after(const Side *side) {
        Measure *measure = side->measure;
        FloorType base = measure_base_floor(measure->mode, measure->placement, measure->wait);
        double value, before;

        if (measure->peers > 1)
                return;
        if (!goes_both_ways(measure))
                base = measure->placement == PLACEMENT_SAME_CPU ? FLOOR_SYSCALL : FLOOR_CACHELINE;
        before = measure->floors[base];
        if (base == FLOOR_SYSCALL)
                value = side->side == 0 ? floor_syscall(measure->nsec / 256) : 0;
        else
                value = probe_base(side, base, &measure->areas[2], measure->nsec / 16);
        if (side->side != 0 || value <= 0 || before <= 0)
                return;
        measure->floors[base] = (before + value) / 2;
        measure->drift = value > before ? value / before : before / value;
}

static int measure_attached(Side *side, Link *links) {
        Measure *measure = side->measure;
        uint64_t until = now_nsec() + measure->nsec;

        probe_before(side);
        pair_meet(&measure->pair);
        switch (measure->mode) {
        case BENCH_LATENCY:
        case BENCH_BURST:
                return side->side == 0 ? latency_lead(side, until) : latency_follow(side);
        case BENCH_THROUGHPUT:
                return side->side == 0 ? throughput_send(side) : throughput_receive(side, until);
        case BENCH_FAN_OUT:
                return side->side == 0 ? fan_out_hub(side, links, until) : fan_out_peer(side);
        case BENCH_FAN_IN:
                return side->side == 0 ? fan_in_hub(side, links, until) : fan_in_peer(side);
        default:
                return pair_give_up(&measure->pair, side->side, EINVAL, "there is no such mode");
        }
}

static int side_attach(Side *side, Link *link) {
        Error error = { 0 };
        int r;

        link->side = side->side > 0;
        r = side->transport->attach(link, &error);
        if (r < 0)
                return pair_give_up(&side->measure->pair, side->side, r, "%s", error.message);
        r = link_wait_begin(link, &error);
        if (r < 0) {
                side->transport->detach(link);
                return pair_give_up(&side->measure->pair, side->side, r, "%s", error.message);
        }
        return 0;
}

static void side_detach(const Side *side, Link *link) {
        link_wait_end(link);
        side->transport->detach(link);
}

/* Side 0 attaches to all links, a peer to its own. */
static int side_run(Side *side, Link *links) {
        const Measure *measure = side->measure;
        unsigned n = side->side == 0 && !measure->one_link ? measure->peers : 1, attached = 0;
        int r = 0;

        side->link = &links[side->side == 0 || measure->one_link ? 0 : side->side - 1];
        if (side->side == 0 && measure->mode == BENCH_FAN_IN && !measure->one_link)
                for (unsigned i = 0; i < n; i++)
                        fan_in_prepare(&links[i]);
        for (; r >= 0 && attached < n; attached += r >= 0)
                r = side_attach(side, &side->link[attached]);
        if (r >= 0) {
                side->send = link_sender(side->link);
                side->receive = link_receiver(side->link);
                pair_meet(&side->measure->pair);
                r = measure_attached(side, links);
        }
        /* What one side closes may take back what is still on its way to the other. */
        if (r >= 0) {
                pair_meet(&side->measure->pair);
                probe_after(side);
        }
        while (attached > 0)
                side_detach(side, &side->link[--attached]);
        return r;
}

int measure_side(unsigned side_number, Measure *measure, Link *links) {
        size_t room = measure->size < 64 ? 64 : (measure->size + 63) / 64 * 64;
        Side side = {
                .side = side_number,
                .measure = measure,
                .transport = link_transport(links),
                .size = measure->size,
                .boundaries = link_transport(links)->boundaries,
                .in_place = measure->in_place,
        };
        int r;

        side.out = aligned_alloc(4096, (room + 4095) / 4096 * 4096);
        side.in = aligned_alloc(4096, (room + 4095) / 4096 * 4096);
        if (side.out == NULL || side.in == NULL) {
                r = pair_give_up(&measure->pair, side_number, ENOMEM, "no memory for messages of %zu bytes", room);
        } else {
                memset(side.out, 1, room);
                memset(side.in, 1, room);
                r = side_run(&side, links);
        }
        free(side.out);
        free(side.in);
        return r;
}
