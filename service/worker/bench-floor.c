/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a result cannot be faster than, whatever the mechanism: the dearest of these.
 *
 * Who sleeps has to be woken: a round trip of sides that sleep is bound by the futex round trip of their placement,
 * one of sides that look by that of a cache line. One way nobody has to sleep, and lines go from CPU to CPU many at a
 * time. What goes through the kernel pays for a system call on each side, what lies in memory that both see does not
 * (Transport.in_memory). What is not in place is copied at least once, unless the result shows that the kind found a
 * way around. The other floors are always paid, so a result that undercuts one was not taken in the same state of the
 * machine as its probe. */
#include "bench-floor.h"

#include "bench-measure.h"
#include "statistics.h"

/* A copy that a result undercuts by more than this was not made; another floor was not probed in the same state. */
#define UNDERCUT 0.9

/* How often the result of one trial, a round trip or a message, has to pay for it; 0: not at all. */
static double floor_times(const BenchCell *cell, FloorType floor) {
        bool both = cell->mode == BENCH_LATENCY || cell->mode == BENCH_BURST;
        double one_way = cell->mode == BENCH_BURST ? BENCH_BURST_MESSAGES : 1, calls;

        switch (floor) {
        case FLOOR_SYSCALL:
                /* To send and to receive; one way both sides do so at the same time, if they can. */
                calls = both || cell->placement.type == PLACEMENT_SAME_CPU ? 2 : 1;
                if (cell->mode == BENCH_BURST && cell->placement.type != PLACEMENT_SAME_CPU)
                        calls = 1;
                return cell->transport->in_memory ? 0 : calls * (one_way + (both ? 1 : 0));
        case FLOOR_MEMCPY:
                if (both && cell->in_place != IN_PLACE_NOT)
                        return 0;
                return one_way + (both ? 1 : 0);
        default:
                return 1;
        }
}

static bool both_ways(const BenchCell *cell) {
        return cell->mode == BENCH_LATENCY || cell->mode == BENCH_BURST;
}

static BoundFloor bind(
        const BenchCell *cell, FloorType floor, const Trial *const *trials, unsigned n, double *values) {
        BoundFloor bound = { .type = FLOOR_TYPE_INVALID };
        double times = floor_times(cell, floor);
        unsigned k = 0;

        for (unsigned i = 0; i < n; i++)
                if (trials[i]->floors[floor] > 0)
                        values[k++] = trials[i]->floors[floor] * times;
        if (k < n || n == 0 || times <= 0)
                return bound;
        bound.type = floor;
        bound.nsec = median_of(values, n);
        for (unsigned i = 0; i < n; i++)
                values[i] = trials[i]->nsec / (trials[i]->floors[floor] * times);
        bound.ratio = median_of(values, n);
        return bound;
}

bool bench_floor_undercut(const BenchCell *cell, const Trial *trial) {
        FloorType base = measure_base_floor(cell->mode, cell->placement.type, cell->wait);

        return both_ways(cell) && trial->nsec < trial->floors[base] * UNDERCUT;
}

BoundFloor bench_floor(const BenchCell *cell, const Trial *const *trials, unsigned n, double *values) {
        static const FloorType more[] = { FLOOR_SYSCALL, FLOOR_MEMCPY };
        BoundFloor best = { .type = FLOOR_TYPE_INVALID }, least = best, bound;

        if (both_ways(cell))
                best = bind(cell, measure_base_floor(cell->mode, cell->placement.type, cell->wait), trials, n, values);
        for (unsigned i = 0; i < sizeof more / sizeof *more; i++) {
                bound = bind(cell, more[i], trials, n, values);
                if (bound.type == FLOOR_TYPE_INVALID)
                        continue;
                if (least.type == FLOOR_TYPE_INVALID || bound.nsec < least.nsec)
                        least = bound;
                if ((more[i] != FLOOR_MEMCPY || bound.ratio >= UNDERCUT) &&
                        (best.type == FLOOR_TYPE_INVALID || bound.nsec > best.nsec))
                        best = bound;
        }
        return best.type != FLOOR_TYPE_INVALID ? best : least;
}
