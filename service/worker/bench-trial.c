/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Runs the two sides of a trial over a link of the kind, bounds them in time, and computes what is said of it. The
 * link belongs to this process: it is made before and removed after, whatever became of the sides. */
#include "bench-trial.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bench-measure.h"
#include "pair.h"
#include "units.h"

typedef struct TrialRun {
        Measure *measure;
        Link link;
} TrialRun;

static int trial_side(unsigned side, PairShared *shared, void *userdata) {
        TrialRun *run = userdata;

        return measure_side(side, run->measure, &run->link);
}

/* What a trial may take at the most: ten times what it should, for machines that are busy, and two seconds. */
static uint64_t trial_timeout_usec(const BenchPlan *plan) {
        return 10 * plan->trial_nsec / NSEC_PER_USEC + 2 * USEC_PER_SEC;
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
static int link_open(const BenchPlan *plan, BenchCell *cell, const Record *facts, Link *link) {
        const Transport *transport = cell->transport;
        Error error = { 0 };
        int r;

        *link = (Link)LINK_EMPTY;
        link->mechanism = cell->mechanism;
        link->transport = transport;
        link->token = plan->token;
        link->directory = plan->directory;
        link->wait = cell->wait;
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

static unsigned trial_disturbed(
        const BenchCell *cell, const Measure *measure, unsigned long long steal_ticks, uint64_t wall_nsec) {
        const Usage *a = &measure->usage[0], *b = &measure->usage[1];
        double tick = (double)NSEC_PER_SEC / (double)sysconf(_SC_CLK_TCK);
        double longest = (double)(a->nsec > b->nsec ? a->nsec : b->nsec);
        unsigned mask = 0;
        bool others;

        if ((double)steal_ticks * tick > (double)wall_nsec * TRIAL_STEAL_MAX)
                mask |= DISTURBANCE_STEAL;
        if (cell->placement.type == PLACEMENT_SAME_CPU)
                others = (double)(a->cpu_nsec + b->cpu_nsec) < longest * (1 - TRIAL_UNACCOUNTED_MAX);
        else
                others = (double)(a->involuntary > b->involuntary ? a->involuntary : b->involuntary) >
                         1 + longest / (double)NSEC_PER_SEC * TRIAL_INVOLUNTARY_RATE;
        return mask | (others ? DISTURBANCE_OTHERS : 0);
}

static void trial_compute(const BenchCell *cell, const Measure *measure, Trial *ret) {
        const Usage *usage = measure->usage;

        *ret = (Trial){ .batch = measure->batch };
        for (unsigned i = 0; i < 2; i++) {
                double messages = usage[i].messages > 0 ? (double)usage[i].messages : 1;

                ret->cpu_nsec_per_message += (double)usage[i].cpu_nsec / messages;
                ret->switches_per_message += (double)(usage[i].voluntary + usage[i].involuntary) / messages;
        }
        memcpy(ret->floors, measure->floors, sizeof ret->floors);
        if (cell->mode == BENCH_LATENCY) {
                ret->histogram = measure->histogram;
                ret->nsec = (double)histogram_quantile(&ret->histogram, 0.5);
                ret->messages = usage[0].messages;
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
        for (unsigned i = 0; i < 2; i++)
                if (measure->usage[i].messages == 0 || measure->usage[i].nsec == 0)
                        return cell_fails(cell, -ETIMEDOUT, "no message was finished in the time of a trial, %.3f s",
                                (double)measure->nsec / (double)NSEC_PER_SEC);
        return 0;
}

static void measure_init(Measure *measure, const BenchPlan *plan, const BenchCell *cell, double timer) {
        measure->mode = cell->mode;
        measure->placement = cell->placement.type;
        measure->wait = cell->wait;
        measure->size = cell->size;
        measure->nsec = plan->trial_nsec;
        measure->timer = timer;
        measure->batch = 1;
        histogram_init(&measure->histogram);
}

static int trial_on_link(const BenchPlan *plan, BenchCell *cell, TrialRun *run, int channel, Trial *ret) {
        const unsigned *cpus = cell->placement.cpus;
        Pair pair = {
                .side = trial_side,
                .userdata = run,
                .cpus = { cpus[0], cpus[1] },
                .shared = &run->measure->pair,
                .timeout_usec = trial_timeout_usec(plan),
                .channel = channel,
        };
        unsigned long long steal = cpu_steal_ticks(cpus[0]) + cpu_steal_ticks(cpus[1]);
        uint64_t start = now_nsec(), wall;
        char reason[PAIR_REASON_MAX];
        PairOutcome outcome;
        int r;

        r = pair_run(&pair, &outcome, reason);
        if (r < 0)
                return cell_fails(cell, r, "cannot start the processes of a trial: %s", strerror(-r));
        wall = now_nsec() - start;
        steal = cpu_steal_ticks(cpus[0]) + cpu_steal_ticks(cpus[1]) - steal;
        r = trial_outcome(cell, outcome, reason, run->measure);
        if (r < 0)
                return r;
        trial_compute(cell, run->measure, ret);
        ret->disturbed = trial_disturbed(cell, run->measure, steal, wall);
        return 0;
}

int trial_run(const BenchPlan *plan, BenchCell *cell, const Record *facts, double timer, int channel, Trial *ret) {
        TrialRun run = { 0 };
        void *memory;
        int r;

        r = link_open(plan, cell, facts, &run.link);
        if (r < 0)
                return r;
        r = pair_memory_new(sizeof *run.measure, &memory);
        if (r < 0)
                cell_fails(cell, r, "no memory for the trial");
        else {
                run.measure = memory;
                measure_init(run.measure, plan, cell, timer);
                r = trial_on_link(plan, cell, &run, channel, ret);
                (void)pair_memory_free(run.measure, sizeof *run.measure);
        }
        cell->transport->teardown(&run.link);
        return r;
}
