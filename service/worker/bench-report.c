/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From trials to figures. A figure of a result is the median over its trials; the least, the greatest and the tail
 * percentiles are of all their samples together, as one trial has too few for them. */
#include "bench-report.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench-floor.h"
#include "cleanup.h"
#include "environment.h"
#include "statistics.h"
#include "units.h"
#include "worker-protocol.h"

#define CONFIDENCE 0.95

enum { CURVE_STEPS_PER_DECADE = 10, CURVE_STEPS_MAX = 6 * CURVE_STEPS_PER_DECADE + 1 };

/* A pass over the trials of a cell, those left out not among them. */
typedef struct Kept {
        const Trial **trials;
        double *values; /* room for one figure of each */
        unsigned n;
        unsigned left_out;
        bool disturbed; /* kept although disturbed */
} Kept;

typedef double (*Figure)(const Trial *trial, const void *argument);

static double figure_median(Kept *kept, Figure figure, const void *argument) {
        for (unsigned i = 0; i < kept->n; i++)
                kept->values[i] = figure(kept->trials[i], argument);
        return median_of(kept->values, kept->n);
}

static double figure_nsec(const Trial *trial, const void *argument) {
        return trial->nsec;
}

static double figure_rate(const Trial *trial, const void *argument) {
        return trial->messages_per_second;
}

static double figure_cpu(const Trial *trial, const void *argument) {
        return trial->cpu_nsec_per_message;
}

static double figure_switches(const Trial *trial, const void *argument) {
        return trial->switches_per_message;
}

static double figure_batch(const Trial *trial, const void *argument) {
        return trial->batch;
}

/* Marks the trials whose probe is away from the others', or above what it is the floor of. The probe is the one that
 * takes both CPUs, where the placement has one, else the empty system call. */
static void mark_by_probe(const BenchCell *cell, Trial *trials, unsigned n, double *values) {
        FloorType probe = FLOOR_SYSCALL;
        double middle;

        for (unsigned i = 0; i < n; i++)
                if (trials[i].floors[FLOOR_CACHELINE] > 0)
                        probe = FLOOR_CACHELINE;
        for (unsigned i = 0; i < n; i++)
                values[i] = trials[i].floors[probe];
        middle = median_of(values, n);
        for (unsigned i = 0; i < n; i++)
                if (trials[i].floors[probe] > middle * BENCH_PROBE_FACTOR ||
                        trials[i].floors[probe] * BENCH_PROBE_FACTOR < middle ||
                        bench_floor_undercut(cell, &trials[i]))
                        trials[i].disturbed |= DISTURBANCE_FLOOR;
}

static int kept_new(const BenchCell *cell, Trial *trials, unsigned n, Kept *ret) {
        Kept kept = { 0 };
        unsigned quiet = 0;

        kept.trials = calloc(n, sizeof *kept.trials);
        kept.values = calloc(n, sizeof *kept.values);
        if (kept.trials == NULL || kept.values == NULL) {
                free(kept.trials);
                free(kept.values);
                return -ENOMEM;
        }
        mark_by_probe(cell, trials, n, kept.values);
        for (unsigned i = 0; i < n; i++)
                quiet += trials[i].disturbed == 0;
        kept.disturbed = quiet * 2 < n;
        for (unsigned i = 0; i < n; i++)
                if (kept.disturbed || trials[i].disturbed == 0)
                        kept.trials[kept.n++] = &trials[i];
        kept.left_out = n - kept.n;
        *ret = kept;
        return 0;
}

static void kept_done(Kept *kept) {
        free(kept->trials);
        free(kept->values);
}

static void report_floor(const BenchCell *cell, Kept *kept, Record *record) {
        BoundFloor floor = bench_floor(cell, kept->trials, kept->n, kept->values);

        if (floor.type == FLOOR_TYPE_INVALID)
                return;
        record_set_string(record, "floor", floor_name(floor.type));
        record_set_double(record, "floor_ns", floor.nsec);
        record_set_double(record, "ratio_to_floor", floor.ratio);
}

/* What a comparison with another run needs: each trial, with the floors that were probed beside it. */
static void report_trial(const Trial *trial, bool left_out, Record *record) {
        char key[RECORD_KEY_MAX];
        Record *item = NULL;

        if (record_new(&item) < 0)
                return;
        record_set_double(item, "ns", trial->nsec);
        for (FloorType floor = 0; floor < FLOOR_TYPE_MAX; floor++) {
                if (trial->floors[floor] <= 0)
                        continue;
                /* The copy as well in nanoseconds here: of a message of this size. */
                snprintf(key, sizeof key, "floors.%s", floor == FLOOR_MEMCPY ? "memcpy_ns" : floor_name(floor));
                record_set_double(item, key, trial->floors[floor]);
        }
        record_set_bool(item, "disturbed", trial->disturbed != 0);
        record_set_bool(item, "left_out", left_out);
        record_append_record(record, "trial_figures", item);
}

static void report_trials(const Trial *trials, unsigned n, const Kept *kept, Record *record) {
        for (unsigned i = 0; i < n; i++)
                report_trial(&trials[i], !kept->disturbed && trials[i].disturbed != 0, record);
}

/* The i-th value is exceeded by one in 10^(i/10) round trips, as far as there were so many: what a curve of
 * percentiles is drawn from, as dense at its far end as at its beginning. */
static void report_curve(const Histogram *all, Record *record) {
        uint64_t values[CURVE_STEPS_MAX];
        size_t n = 0;

        for (; n < CURVE_STEPS_MAX && pow(10, (double)n / CURVE_STEPS_PER_DECADE) <= (double)all->count; n++)
                values[n] = histogram_quantile(all, 1 - pow(10, -(double)n / CURVE_STEPS_PER_DECADE));
        record_set_u64s(record, "latency_ns.curve", values, n);
}

static uint64_t at_least(uint64_t value, uint64_t bound) {
        return value > bound ? value : bound;
}

static void report_latency(Kept *kept, Record *record) {
        static const struct {
                const char *key;
                double fraction;
        } percentiles[] = {
                { "latency_ns.p90", 0.9 },
                { "latency_ns.p99", 0.99 },
                { "latency_ns.p999", 0.999 },
                { "latency_ns.p9999", 0.9999 },
        };
        CLEANUP_FREE Histogram *all = malloc(sizeof *all);
        uint64_t p50, bound, interval[2];
        Interval of_median;

        if (all == NULL)
                return;
        histogram_init(all);
        for (unsigned i = 0; i < kept->n; i++)
                histogram_merge(all, &kept->trials[i]->histogram);
        p50 = (uint64_t)(figure_median(kept, figure_nsec, NULL) + 0.5);
        of_median = median_interval(kept->values, kept->n, CONFIDENCE);
        interval[0] = (uint64_t)(of_median.low + 0.5);
        interval[1] = (uint64_t)(of_median.high + 0.5);
        record_set_u64(record, "latency_ns.min", all->min);
        record_set_u64(record, "latency_ns.p50", p50);
        bound = p50;
        for (size_t i = 0; i < sizeof percentiles / sizeof *percentiles; i++) {
                /* p50 is of the trials, the others of the samples: slow trials have fewer. */
                bound = at_least(histogram_quantile(all, percentiles[i].fraction), bound);
                record_set_u64(record, percentiles[i].key, bound);
        }
        record_set_u64(record, "latency_ns.max", at_least(all->max, bound));
        record_set_u64s(record, "latency_ns.interval", interval, 2);
        record_set_double(record, "latency_ns.confidence", of_median.confidence);
        report_curve(all, record);
        record_set_u64(record, "samples", all->count);
        record_set_u64(record, "batch", (uint64_t)figure_median(kept, figure_batch, NULL));
}

static void report_throughput(const BenchCell *cell, Kept *kept, Record *record) {
        double rate = figure_median(kept, figure_rate, NULL), bytes = (double)cell->size;
        Interval interval = median_interval(kept->values, kept->n, CONFIDENCE);

        record_set_double(record, "messages_per_second", rate);
        record_set_double(record, "messages_per_second_low", interval.low);
        record_set_double(record, "messages_per_second_high", interval.high);
        record_set_double(record, "confidence", interval.confidence);
        record_set_double(record, "bytes_per_second", rate * bytes);
}

static double figure_fairness(const Trial *trial, const void *argument) {
        return trial->fairness;
}

static double figure_peer(const Trial *trial, const void *argument) {
        return trial->peer_rates[*(const unsigned *)argument];
}

static void report_peers(const BenchCell *cell, Kept *kept, Record *record) {
        uint64_t rates[BENCH_PEERS_MAX];

        for (unsigned i = 0; i < cell->peers; i++)
                rates[i] = (uint64_t)(figure_median(kept, figure_peer, &i) + 0.5);
        record_set_u64s(record, "peer_messages_per_second", rates, cell->peers);
        record_set_double(record, "fairness", figure_median(kept, figure_fairness, NULL));
        record_set_bool(record, "shared", cell->one_link);
}

static void report_where(const BenchCell *cell, Record *record) {
        uint64_t cpus[1 + BENCH_PEERS_MAX] = { cell->placement.cpus[0], cell->placement.cpus[1] };

        record_set_string(record, "placement", placement_name(cell->placement.type));
        if (cell->placement.missing != NULL)
                return;
        for (unsigned i = 0; cell->peers > 1 && i < cell->peers; i++)
                cpus[1 + i] = placement_peer_cpu(&cell->placement, i);
        record_set_u64s(record, "cpus", cpus, 1 + cell->peers);
}

static void report_what(const BenchCell *cell, Record *record) {
        record_set_string(record, WORKER_TYPE, "result");
        record_set_string(record, "kind", cell->mechanism->kind);
        if (cell->variant[0] != 0)
                record_set_string(record, "variant", cell->variant);
        record_set_string(record, "mode", bench_mode_name(cell->mode));
        if (cell->peers > 1)
                record_set_u64(record, "peers", cell->peers);
        if (cell->mode == BENCH_BURST)
                record_set_u64(record, "burst", BENCH_BURST_MESSAGES);
        record_set_u64(record, "size", cell->size);
        if (cell->size != cell->asked)
                record_set_u64(record, "size_asked", cell->asked);
        record_set_string(record, "wait", wait_mode_name(cell->wait));
        if (cell->wait == WAIT_ADAPTIVE && cell->placement.type != PLACEMENT_SAME_CPU)
                record_set_u64(record, "spin_us", BENCH_SPIN_NSEC / NSEC_PER_USEC);
        report_where(cell, record);
}

/* By what, of all trials, also those left out. */
static void report_disturbance(const Trial *trials, unsigned n, const Kept *kept, Record *record) {
        static const struct {
                Disturbance bit;
                const char *name;
        } causes[] = {
                { DISTURBANCE_STEAL, "time that the host took" },
                { DISTURBANCE_OTHERS, "other programs on the same CPU" },
                { DISTURBANCE_FLOOR, "a machine that changed its speed" },
                { DISTURBANCE_CLOCK, "a CPU clock that changed" },
        };
        const char *names[sizeof causes / sizeof *causes];
        unsigned mask = 0, n_names = 0;

        record_set_bool(record, "disturbed", kept->disturbed);
        for (unsigned i = 0; i < n; i++)
                mask |= trials[i].disturbed;
        for (size_t i = 0; i < sizeof causes / sizeof *causes; i++)
                if (mask & causes[i].bit)
                        names[n_names++] = causes[i].name;
        if (n_names > 0)
                record_set_strings(record, "disturbed_by", names, n_names);
}

static int report_figures(const BenchCell *cell, Trial *trials, unsigned n, Record *record) {
        uint64_t messages = 0;
        Kept kept;
        int r;

        r = kept_new(cell, trials, n, &kept);
        if (r < 0)
                return r;
        for (unsigned i = 0; i < kept.n; i++)
                messages += kept.trials[i]->messages;
        record_set_u64(record, "trials", kept.n);
        record_set_u64(record, "trials_left_out", kept.left_out);
        record_set_u64(record, "messages", messages);
        if (cell->mode == BENCH_LATENCY || cell->mode == BENCH_BURST)
                report_latency(&kept, record);
        if (cell->mode != BENCH_LATENCY)
                report_throughput(cell, &kept, record);
        if (cell->peers > 1)
                report_peers(cell, &kept, record);
        record_set_double(record, "cpu_ns_per_message", figure_median(&kept, figure_cpu, NULL));
        record_set_double(record, "context_switches_per_message", figure_median(&kept, figure_switches, NULL));
        report_floor(cell, &kept, record);
        report_disturbance(trials, n, &kept, record);
        report_trials(trials, n, &kept, record);
        kept_done(&kept);
        return 0;
}

int bench_report_result(const BenchCell *cell, Trial *trials, unsigned n, Record **ret) {
        Record *record = NULL;
        int r;

        r = record_new(&record);
        if (r < 0)
                return r;
        report_what(cell, record);
        if (cell->skipped[0] != 0) {
                record_set_string(record, "skipped", cell->skipped);
                if (cell->failed)
                        record_set_bool(record, "failed", true);
        } else {
                r = report_figures(cell, trials, n, record);
        }
        if (r >= 0)
                r = record_error(record);
        if (r < 0) {
                record_free(record);
                return r;
        }
        *ret = record;
        return 0;
}

int bench_report_environment(const Floors *floors, Record **ret) {
        Record *record = NULL;
        int r;

        r = record_new(&record);
        if (r < 0)
                return r;
        record_set_string(record, WORKER_TYPE, "environment");
        environment_describe(record);
        machine_describe(record);
        record_set_double(record, "timer_cost_ns", floors->timer);
        *ret = record;
        return 0;
}

static int send_floor(FloorType type, double value, const char *unit, size_t size,
        int (*send)(void *userdata, const Record *record), void *userdata) {
        Record *record = NULL;
        int r;

        if (value <= 0)
                return 0;
        r = record_new(&record);
        if (r < 0)
                return r;
        record_set_string(record, WORKER_TYPE, "floor");
        record_set_string(record, "name", floor_name(type));
        record_set_double(record, "value", value);
        record_set_string(record, "unit", unit);
        if (size > 0)
                record_set_u64(record, "size", size);
        record_set_string(record, "title", floor_title(type));
        r = send(userdata, record);
        record_free(record);
        return r;
}

int bench_report_floors(const Floors *floors, int (*send)(void *userdata, const Record *record), void *userdata) {
        int r = 0;

        for (FloorType type = 0; type < FLOOR_MEMCPY && r >= 0; type++)
                r = send_floor(type, floors->values[type], "ns", 0, send, userdata);
        for (size_t i = 0; i < floors->n_sizes && r >= 0; i++)
                if (floors->copies[i] > 0)
                        r = send_floor(FLOOR_MEMCPY, (double)floors->sizes[i] * 1e9 / floors->copies[i],
                                "bytes per second", floors->sizes[i], send, userdata);
        return r;
}
