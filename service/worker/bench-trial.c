/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Runs the sides of a trial over a link of the kind, or one for each peer, bounds them in time, and computes what is
 * said of it. The links belong to this process: they are made before and removed after, whatever became of the sides.
 */
#include "bench-trial.h"

#include <errno.h>
#include <math.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bench-measure.h"
#include "pair.h"
#include "units.h"

typedef struct TrialRun {
        Measure *measure;
        Link links[BENCH_PEERS_MAX];
        unsigned n_links; /* that are set up */
} TrialRun;

static int trial_side(unsigned side, PairShared *shared, void *userdata) {
        TrialRun *run = userdata;

        return measure_side(side, run->measure, run->links);
}

/* What a trial may take at the most: ten times what it should, for machines that are busy, and two seconds; half a
 * second for each of several peers, which share CPUs; and as long as it takes for what goes there and back, once to
 * warm up, once to measure and once to end, at 50 MB a second. */
static uint64_t trial_timeout_usec(const BenchPlan *plan, const BenchCell *cell) {
        uint64_t messages = cell->mode == BENCH_BURST ? BENCH_BURST_MESSAGES + 1 : 2;
        uint64_t halves = 4 + (cell->peers > 1 ? cell->peers : 0);

        return 10 * plan->trial_nsec / NSEC_PER_USEC + halves * USEC_PER_SEC / 2 + 3 * messages * cell->size / 50;
}

static int __attribute__((format(printf, 3, 4))) cell_fails(BenchCell *cell, int number, const char *format, ...) {
        va_list arguments;

        cell->failed = true;
        va_start(arguments, format);
        vsnprintf(cell->skipped, sizeof cell->skipped, format, arguments);
        va_end(arguments);
        return number;
}

/* Makes the link and settles the size that the cell is measured with. */
static int link_open(const BenchPlan *plan, BenchCell *cell, const Record *facts, unsigned number, Link *link) {
        const Transport *transport = cell->transport;
        Error error = { 0 };
        int r;

        *link = (Link)LINK_EMPTY;
        link->mechanism = cell->mechanism;
        link->transport = transport;
        link->token = plan->token;
        link->directory = plan->directory;
        link->wait = cell->wait;
        link->spin_nsec = cell->placement.type != PLACEMENT_SAME_CPU ? BENCH_SPIN_NSEC : 0;
        link->number = number;
        link->message_max = cell->asked;
        r = transport->setup(link, &error);
        if (r < 0)
                return cell_fails(cell, r, "%s", error.message);
        if (link->message_max >= cell->asked || transport->message_max <= BENCH_TOKEN_MAX) {
                cell->size = link->message_max < cell->asked ? link->message_max : cell->asked;
                if (transport->message_max <= BENCH_TOKEN_MAX)
                        cell->size = transport->message_max;
                return 0;
        }
        bench_cell_too_large(cell, facts, link->message_max);
        transport->teardown(link);
        return -EMSGSIZE;
}

static void links_close(TrialRun *run) {
        while (run->n_links > 0) {
                Link *link = &run->links[--run->n_links];

                link->transport->teardown(link);
        }
}

static int links_open(const BenchPlan *plan, BenchCell *cell, const Record *facts, TrialRun *run) {
        unsigned n = cell->one_link ? 1 : cell->peers;
        cpu_set_t before, own;
        bool pinned = sched_getaffinity(0, sizeof before, &before) == 0;
        int r = 0;

        /* A process that a transport starts (a message bus) inherits where it may run: where the sides do. */
        CPU_ZERO(&own);
        CPU_SET(cell->placement.cpus[0], &own);
        CPU_SET(cell->placement.cpus[1], &own);
        pinned = pinned && sched_setaffinity(0, sizeof own, &own) == 0;
        while (run->n_links < n && r >= 0) {
                r = link_open(plan, cell, facts, run->n_links, &run->links[run->n_links]);
                if (r >= 0)
                        run->n_links++;
        }
        if (pinned)
                (void)sched_setaffinity(0, sizeof before, &before);
        if (r < 0)
                links_close(run);
        return r < 0 ? r : 0;
}

/* The state of the CPUs of a trial, before and after. */
typedef struct CpuState {
        unsigned long long steal;
        uint64_t khz[2];
} CpuState;

static CpuState cpu_state(const unsigned cpus[2]) {
        return (CpuState){
                .steal = cpu_steal_ticks(cpus[0]) + cpu_steal_ticks(cpus[1]),
                .khz = { cpu_clock_khz(cpus[0]), cpu_clock_khz(cpus[1]) },
        };
}

static bool clock_changed(const CpuState *before, const CpuState *after) {
        for (unsigned i = 0; i < 2; i++)
                if (fabs((double)after->khz[i] - (double)before->khz[i]) > TRIAL_CLOCK_MAX * (double)before->khz[i])
                        return true;
        return false;
}

/* Several peers on one CPU, and those that keep it awake, make each other give way. */
static bool has_others(const BenchCell *cell, const Measure *measure) {
        double longest = 0, involuntary = 0, used = 0;

        for (unsigned i = 0; i <= cell->peers; i++) {
                const Usage *usage = &measure->usage[i];

                longest = fmax(longest, (double)usage->nsec);
                involuntary = fmax(involuntary, (double)usage->involuntary);
                used += (double)usage->cpu_nsec;
        }
        if (cell->placement.type == PLACEMENT_SAME_CPU)
                return used < longest * (1 - TRIAL_UNACCOUNTED_MAX);
        return cell->peers == 1 && involuntary > 1 + longest / (double)NSEC_PER_SEC * TRIAL_INVOLUNTARY_RATE;
}

static unsigned trial_disturbed(const BenchCell *cell, const Measure *measure, const CpuState *before,
        const CpuState *after, uint64_t wall_nsec) {
        double tick = (double)NSEC_PER_SEC / (double)sysconf(_SC_CLK_TCK);
        unsigned mask = 0;

        if ((double)(after->steal - before->steal) * tick > (double)wall_nsec * TRIAL_STEAL_MAX)
                mask |= DISTURBANCE_STEAL;
        if (has_others(cell, measure))
                mask |= DISTURBANCE_OTHERS;
        if (clock_changed(before, after))
                mask |= DISTURBANCE_CLOCK;
        return mask | (measure->drift > TRIAL_DRIFT_MAX ? DISTURBANCE_FLOOR : 0);
}

/* What all sides used, by the messages that were sent and received: in the modes that go one way side 0 counts the
 * same messages as its peers. */
static void compute_costs(const BenchCell *cell, const Measure *measure, Trial *ret) {
        double hub = measure->usage[0].messages > 0 ? (double)measure->usage[0].messages : 1;

        for (unsigned i = 0; i <= cell->peers; i++) {
                const Usage *usage = &measure->usage[i];
                double messages = cell->peers > 1 ? hub : usage->messages > 0 ? (double)usage->messages : 1;

                ret->cpu_nsec_per_message += (double)usage->cpu_nsec / messages;
                ret->switches_per_message += (double)(usage->voluntary + usage->involuntary) / messages;
        }
}

/* Of one of several peers: what it received, by its own clock; what side 0 received from it, or, where a message does
 * not tell, what it sent. */
static double peer_rate(const BenchCell *cell, const Measure *measure, unsigned i) {
        const Usage *usage = &measure->usage[1 + i];
        uint64_t messages = usage->messages;

        if (cell->mode == BENCH_FAN_IN && cell->size > 0) {
                usage = &measure->usage[0];
                messages = measure->received_from[i];
        }
        return usage->nsec > 0 ? (double)messages * (double)NSEC_PER_SEC / (double)usage->nsec : 0;
}

static void compute_peers(const BenchCell *cell, const Measure *measure, Trial *ret) {
        const Usage *hub = &measure->usage[0];
        double least = INFINITY, most = 0, sum = 0;

        for (unsigned i = 0; i < cell->peers; i++) {
                double rate = peer_rate(cell, measure, i);

                ret->peer_rates[i] = rate;
                least = fmin(least, rate);
                most = fmax(most, rate);
                sum += rate;
        }
        ret->fairness = most > 0 ? least / most : 0;
        ret->messages = hub->messages;
        ret->messages_per_second = (double)hub->messages * (double)NSEC_PER_SEC / (double)hub->nsec;
        /* A peer that had its CPU for a part of the time counts that part alone. */
        if (cell->mode == BENCH_FAN_OUT && sum < ret->messages_per_second)
                ret->messages_per_second = sum;
        ret->nsec = ret->messages_per_second > 0 ? (double)NSEC_PER_SEC / ret->messages_per_second : 0;
}

static void trial_compute(const BenchCell *cell, const Measure *measure, Trial *ret) {
        const Usage *usage = measure->usage;

        *ret = (Trial){ .batch = measure->batch };
        compute_costs(cell, measure, ret);
        memcpy(ret->floors, measure->floors, sizeof ret->floors);
        if (cell->mode == BENCH_LATENCY || cell->mode == BENCH_BURST) {
                ret->histogram = measure->histogram;
                ret->nsec = (double)histogram_quantile(&ret->histogram, 0.5);
                ret->messages = usage[0].messages;
                ret->messages_per_second = (double)usage[0].messages * (double)NSEC_PER_SEC / (double)usage[0].nsec;
                return;
        }
        if (cell->peers > 1) {
                compute_peers(cell, measure, ret);
                return;
        }
        ret->messages = usage[1].messages;
        ret->messages_per_second = (double)usage[1].messages * (double)NSEC_PER_SEC / (double)usage[1].nsec;
        ret->nsec = (double)usage[1].nsec / (double)usage[1].messages;
}

static int trial_outcome(BenchCell *cell, PairOutcome outcome, const char *reason, const Measure *measure) {
        if (outcome == PAIR_CANCELLED)
                return -ECANCELED;
        if (outcome != PAIR_DONE)
                return cell_fails(cell, -EIO, "%s", reason);
        for (unsigned i = 0; i <= cell->peers; i++)
                if ((measure->usage[i].messages == 0 && (i == 0 || cell->peers == 1)) || measure->usage[i].nsec == 0)
                        return cell_fails(cell, -ETIMEDOUT, "no message was finished in the time of a trial, %.3f s",
                                (double)measure->nsec / (double)NSEC_PER_SEC);
        return 0;
}

static void measure_init(Measure *measure, const BenchPlan *plan, const BenchCell *cell, double timer) {
        measure->mode = cell->mode;
        measure->placement = cell->placement.type;
        measure->wait = cell->wait;
        measure->in_place = cell->in_place;
        measure->peers = cell->peers;
        measure->one_link = cell->one_link || cell->peers == 1;
        measure->size = cell->size;
        measure->nsec = plan->trial_nsec;
        measure->timer = timer;
        measure->batch = 1;
        histogram_init(&measure->histogram);
}

static int trial_on_links(const BenchPlan *plan, BenchCell *cell, TrialRun *run, int channel, Trial *ret) {
        const unsigned *cpus = cell->placement.cpus;
        Pair pair = {
                .side = trial_side,
                .userdata = run,
                .n_sides = 1 + cell->peers,
                .cpus = { cpus[0] },
                .awake = cell->placement.type == PLACEMENT_OTHER_CPU_AWAKE,
                .shared = &run->measure->pair,
                .timeout_usec = trial_timeout_usec(plan, cell),
                .channel = channel,
        };
        CpuState before = cpu_state(cpus), after;
        uint64_t start = now_nsec(), wall;
        char reason[PAIR_REASON_MAX];
        PairOutcome outcome;
        int r;

        for (unsigned i = 0; i < cell->peers; i++)
                pair.cpus[1 + i] = cell->peers == 1 ? cpus[1] : placement_peer_cpu(&cell->placement, i);
        r = pair_run(&pair, &outcome, reason);
        if (r < 0)
                return cell_fails(cell, r, "cannot start the processes of a trial: %s", strerror(-r));
        wall = now_nsec() - start;
        after = cpu_state(cpus);
        r = trial_outcome(cell, outcome, reason, run->measure);
        if (r < 0)
                return r;
        trial_compute(cell, run->measure, ret);
        ret->disturbed = trial_disturbed(cell, run->measure, &before, &after, wall);
        return 0;
}

int trial_run(const BenchPlan *plan, BenchCell *cell, const Record *facts, double timer, int channel, Trial *ret) {
        TrialRun run = { 0 };
        void *memory;
        int r;

        r = links_open(plan, cell, facts, &run);
        if (r < 0)
                return r;
        r = pair_memory_new(sizeof *run.measure, &memory);
        if (r < 0)
                cell_fails(cell, r, "no memory for the trial");
        else {
                run.measure = memory;
                measure_init(run.measure, plan, cell, timer);
                r = trial_on_links(plan, cell, &run, channel, ret);
                (void)pair_memory_free(run.measure, sizeof *run.measure);
        }
        links_close(&run);
        return r;
}
