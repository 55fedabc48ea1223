/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One run: the floors, then group after group of the plan. Within a group the kinds take turns, trial by trial, so
 * that a machine that gets slower or faster meanwhile does so for all of them. The trials of a group live until its
 * results were sent. */
#include "bench.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench-plan.h"
#include "bench-report.h"
#include "bench-trial.h"
#include "cleanup.h"
#include "units.h"
#include "worker-protocol.h"

/* Progress is told this often at the most. */
#define PROGRESS_NSEC (100 * USEC_PER_MSEC * NSEC_PER_USEC)

typedef struct BenchRun {
        const BenchPlan *plan;
        const BenchOutput *output;
        Floors floors;
        size_t done, total; /* trials */
        uint64_t started, told;
        uint64_t ok, failed, skipped; /* results */
} BenchRun;

static int send_progress(BenchRun *run, const BenchCell *cell, unsigned trial) {
        uint64_t now = now_nsec();
        Record *record = NULL;
        int r;

        if (run->told != 0 && now - run->told < PROGRESS_NSEC)
                return 0;
        run->told = now;
        r = record_new(&record);
        if (r < 0)
                return r;
        record_set_string(record, WORKER_TYPE, WORKER_TYPE_PROGRESS);
        record_set_double(record, "progress", (double)run->done / (double)run->total);
        record_set_format(record, "message", "%s of %s%s%s, %zu bytes, %s, %s, trial %u of %u",
                bench_mode_name(cell->mode), cell->mechanism->kind, cell->variant[0] != 0 ? " " : "", cell->variant,
                cell->size, placement_name(cell->placement.type), wait_mode_name(cell->wait), trial + 1,
                run->plan->trials);
        if (run->done > 0)
                record_set_double(record, "seconds_left",
                        (double)(now - run->started) / 1e9 / (double)run->done * (double)(run->total - run->done));
        r = run->output->send(run->output->userdata, record);
        record_free(record);
        return r;
}

/* A cell that did not work once is not tried again: each try may take the whole of its bound. */
static int run_trials(BenchRun *run, BenchCell *cells, Trial *trials) {
        const BenchPlan *plan = run->plan;
        int r;

        for (unsigned t = 0; t < plan->trials; t++)
                for (size_t k = 0; k < plan->n_subjects; k++) {
                        if (cells[k].skipped[0] != 0)
                                continue;
                        r = send_progress(run, &cells[k], t);
                        if (r < 0)
                                return r;
                        r = trial_run(plan, &cells[k], plan->facts[k], run->floors.timer, run->output->channel,
                                &trials[k * plan->trials + t]);
                        if (r == -ECANCELED)
                                return r;
                        run->done += r < 0 ? plan->trials - t : 1;
                }
        return 0;
}

static int run_group(BenchRun *run, BenchCell *cells, Trial *trials) {
        const BenchPlan *plan = run->plan;
        Record *record = NULL;
        int r;

        r = run_trials(run, cells, trials);
        for (size_t k = 0; k < plan->n_subjects && r >= 0; k++) {
                r = bench_report_result(&cells[k], trials + k * plan->trials, plan->trials, &record);
                if (r < 0)
                        return r;
                r = run->output->send(run->output->userdata, record);
                record = record_free(record);
                if (cells[k].failed)
                        run->failed++;
                else if (cells[k].skipped[0] != 0)
                        run->skipped++;
                else
                        run->ok++;
        }
        return r;
}

static int run_groups(BenchRun *run) {
        const BenchPlan *plan = run->plan;
        CLEANUP_FREE Trial *trials = NULL;
        int r = 0;

        trials = calloc(plan->n_subjects * plan->trials, sizeof *trials);
        if (trials == NULL)
                return -ENOMEM;
        for (size_t i = 0; i < plan->n_cells; i++)
                run->total += plan->cells[i].skipped[0] == 0 ? plan->trials : 0;
        run->started = now_nsec();
        for (size_t i = 0; i < plan->n_cells && r >= 0; i += plan->n_subjects)
                r = run_group(run, &plan->cells[i], trials);
        return r;
}

static int send_surroundings(BenchRun *run) {
        const BenchOutput *output = run->output;
        Record *record = NULL;
        int r;

        r = floors_measure(run->plan->placements, run->plan->n_placements, run->plan->sizes, run->plan->n_sizes,
                output->channel, &run->floors);
        if (r < 0)
                return r;
        r = bench_report_environment(&run->floors, &record);
        if (r < 0)
                return r;
        r = output->send(output->userdata, record);
        record_free(record);
        return r < 0 ? r : bench_report_floors(&run->floors, output->send, output->userdata);
}

static int send_summary(const BenchRun *run) {
        Record *record = NULL;
        int r;

        r = record_new(&record);
        if (r < 0)
                return r;
        record_set_string(record, WORKER_TYPE, "summary");
        record_set_u64(record, "ok", run->ok);
        record_set_u64(record, "failed", run->failed);
        record_set_u64(record, "skipped", run->skipped);
        r = run->output->send(run->output->userdata, record);
        record_free(record);
        return r;
}

int bench_run(
        const Mechanism *const *mechanisms, size_t n, const Record *request, const BenchOutput *output, Error *error) {
        BenchRun run = { .output = output };
        BenchPlan *plan = NULL;
        int r;

        r = bench_plan_new(mechanisms, n, request, &plan, error);
        if (r < 0)
                return r;
        run.plan = plan;
        r = send_surroundings(&run);
        if (r >= 0)
                r = run_groups(&run);
        if (r >= 0)
                r = send_summary(&run);
        bench_plan_free(plan);
        if (r == -ECANCELED)
                return error_set(error, ERROR_CANCELLED, "The benchmark was cancelled.");
        return r < 0 ? error_set_errno(error, r, "The benchmark cannot go on") : 0;
}
