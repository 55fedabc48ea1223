/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From a request to the cells to measure. Whatever cannot be measured is in the plan too, with its reason; only a
 * request that makes no sense is an error. The plan owns its cells and the facts of the kinds. */
#include "bench-plan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench-choice.h"
#include "cleanup.h"
#include "units.h"

static const char *const mode_names[BENCH_MODE_MAX] = {
        [BENCH_LATENCY] = "latency",
        [BENCH_THROUGHPUT] = "throughput",
        [BENCH_BURST] = "burst",
        [BENCH_FAN_OUT] = "fan-out",
        [BENCH_FAN_IN] = "fan-in",
};

const char *bench_mode_name(BenchMode mode) {
        return mode >= 0 && mode < BENCH_MODE_MAX ? mode_names[mode] : NULL;
}

BenchMode bench_mode_from_name(const char *name) {
        for (BenchMode mode = 0; mode < BENCH_MODE_MAX; mode++)
                if (strcmp(mode_names[mode], name) == 0)
                        return mode;
        return BENCH_MODE_INVALID;
}

/* The limit in force of that value, among what the kind's probe() said; "" where it names none. */
static void find_limit(const Record *facts, size_t value, char *text, size_t size) {
        const Value *limits = record_get(facts, "limits");

        text[0] = 0;
        if (limits == NULL || limits->type != VALUE_RECORDS)
                return;
        for (size_t i = 0; i < limits->records.n; i++) {
                const Record *limit = limits->records.items[i];
                const char *source = record_get_string(limit, "source", NULL);

                if (source != NULL && record_get_u64(limit, "value", 0) == value) {
                        snprintf(text, size, ", %s", source);
                        return;
                }
        }
}

void bench_cell_too_large(BenchCell *cell, const Record *facts, size_t most) {
        char limit[128];

        find_limit(facts, most, limit, sizeof limit);
        snprintf(cell->skipped, sizeof cell->skipped, "%s: %zu bytes at most here%s", cell->mechanism->kind, most,
                limit);
}

/* Can side 0 have several peers over this kind so, and over one link or several? "" or why not. */
static const char *judge_fan(BenchCell *cell) {
        const Transport *transport = cell->transport;
        const char *reason;

        if (cell->in_place != IN_PLACE_NOT)
                return "in place is measured from one to one";
        /* The number of a message has to fit, for whoever gets it to know what it is. */
        cell->one_link = transport->several_max > 0 &&
                         (transport->message_max == 0 ||
                                 (cell->asked <= transport->several_max && cell->asked >= sizeof(uint64_t)));
        if (transport->try_send == NULL || transport->try_receive == NULL)
                return "it has no calls that never wait";
        if (cell->mode == BENCH_FAN_IN && !cell->one_link && cell->wait != WAIT_SPIN &&
                transport_waits(transport, WAIT_POLL, &reason) < 0)
                return "each peer takes an object of its own, and the receiver can sleep on one of them at a time: "
                       "only --wait spin can be measured";
        return "";
}

/* What is known before anything is tried. `first` tells whether it is the first of the sizes. */
static void cell_judge(BenchCell *cell, const Error *unavailable, bool first) {
        const Mechanism *mechanism = cell->mechanism;
        const Transport *transport = cell->transport;
        const char *reason = "";
        Error error = { 0 };

        if (transport != NULL && bench_mode_fans(cell->mode))
                reason = judge_fan(cell);
        if (transport != NULL && reason[0] == 0)
                (void)transport_waits(transport, cell->wait, &reason);
        if (mechanism_supports(mechanism, OPERATION_BENCHMARK, &error) < 0)
                snprintf(cell->skipped, sizeof cell->skipped, "%.*s", BENCH_REASON_MAX - 1, error.message);
        else if (error_is_set(unavailable))
                snprintf(cell->skipped, sizeof cell->skipped, "%.*s", BENCH_REASON_MAX - 1, unavailable->message);
        else if (cell->placement.missing != NULL)
                snprintf(cell->skipped, sizeof cell->skipped, "%s", cell->placement.missing);
        else if (reason[0] != 0)
                snprintf(cell->skipped, sizeof cell->skipped, "%s", reason);
        else if (cell->wait == WAIT_SPIN && cell->placement.type == PLACEMENT_SAME_CPU)
                snprintf(cell->skipped, sizeof cell->skipped,
                        "both sides share a CPU: a spinning side keeps the other from running");
        else if (transport->message_max > BENCH_TOKEN_MAX && cell->asked > transport->message_max)
                bench_cell_too_large(cell, NULL, transport->message_max);
        else if (transport->message_max <= BENCH_TOKEN_MAX && !first)
                snprintf(cell->skipped, sizeof cell->skipped,
                        "%s carries %zu bytes, whatever size is asked for: see its result for the first size",
                        mechanism->kind, transport->message_max);
}

/* What is measured: a kind, by one of its transports, copied or in place. */
typedef struct Subject {
        const Mechanism *mechanism;
        const Transport *transport; /* NULL where the kind has none */
        InPlace in_place;
        Error unavailable;
} Subject;

static const char *const in_place_names[] = {
        [IN_PLACE_NOT] = "",
        [IN_PLACE_WHOLE] = "in place",
        [IN_PLACE_UNTOUCHED] = "in place, untouched",
};

/* Of the kind by that transport: one, or, where messages can stay where they are, three. */
static void add_subjects(BenchPlan *plan, const Mechanism *mechanism, const Transport *transport, Subject *subjects) {
        InPlace last = transport != NULL && transport->reserve != NULL ? IN_PLACE_UNTOUCHED : IN_PLACE_NOT;

        for (InPlace in_place = IN_PLACE_NOT; in_place <= last; in_place++)
                subjects[plan->n_subjects++] = (Subject){
                        .mechanism = mechanism, .transport = transport, .in_place = in_place
                };
}

static int plan_subjects(
        BenchPlan *plan, const Mechanism *const *mechanisms, size_t n, Subject **ret_subjects, Error *error) {
        CLEANUP_FREE Subject *subjects = NULL;
        size_t most = 3 * n;

        for (size_t i = 0; i < n; i++)
                for (const Transport *const *t = mechanisms[i]->more_transports; t != NULL && *t != NULL; t++)
                        most += 3;
        subjects = calloc(most, sizeof *subjects);
        plan->facts = calloc(most, sizeof *plan->facts);
        if (subjects == NULL || plan->facts == NULL)
                return error_set_errno(error, ENOMEM, "Cannot plan the benchmark");
        for (size_t i = 0; i < n; i++) {
                const Transport *const *t = mechanisms[i]->more_transports;

                add_subjects(plan, mechanisms[i], mechanisms[i]->transport, subjects);
                for (; t != NULL && *t != NULL; t++)
                        add_subjects(plan, mechanisms[i], *t, subjects);
        }
        for (size_t k = 0; k < plan->n_subjects; k++) {
                if (record_new(&plan->facts[k]) < 0)
                        return error_set_errno(error, ENOMEM, "Cannot plan the benchmark");
                if (subjects[k].mechanism->probe != NULL)
                        (void)subjects[k].mechanism->probe(plan->facts[k], &subjects[k].unavailable);
        }
        *ret_subjects = TAKE_POINTER(subjects);
        return 0;
}

/* A mode, and with how many peers. */
typedef struct Shape {
        BenchMode mode;
        unsigned peers;
} Shape;

static size_t plan_shapes(const BenchPlan *plan, const BenchChoice *choice, Shape shapes[]) {
        size_t n = 0;

        for (size_t m = 0; m < choice->n_modes; m++)
                if (!bench_mode_fans(choice->modes[m]))
                        shapes[n++] = (Shape){ choice->modes[m], 1 };
                else
                        for (size_t k = 0; k < plan->n_peers; k++)
                                shapes[n++] = (Shape){ choice->modes[m], plan->peers[k] };
        return n;
}

static void name_variant(const Subject *subject, BenchCell *cell) {
        const char *variant = subject->transport != NULL ? subject->transport->variant : NULL;
        const char *in_place = in_place_names[subject->in_place];

        snprintf(cell->variant, sizeof cell->variant, "%s%s%s", variant != NULL ? variant : "",
                variant != NULL && in_place[0] != 0 ? ", " : "", in_place);
}

static int plan_cells(
        BenchPlan *plan, const Mechanism *const *mechanisms, size_t n, const BenchChoice *choice, Error *error) {
        Shape shapes[BENCH_MODE_MAX * BENCH_PEERS_MAX];
        CLEANUP_FREE Subject *subjects = NULL;
        size_t n_shapes = plan_shapes(plan, choice, shapes);
        size_t groups = n_shapes * plan->n_sizes * choice->n_waits * plan->n_placements, g = 0;
        int r;

        r = plan_subjects(plan, mechanisms, n, &subjects, error);
        if (r < 0)
                return r;
        if (groups * plan->n_subjects > BENCH_CELLS_MAX)
                return error_set(error, ERROR_INVALID_OPTION, "That is %zu results; %d are the most for one run.",
                        groups * plan->n_subjects, BENCH_CELLS_MAX);
        plan->cells = calloc(groups * plan->n_subjects, sizeof *plan->cells);
        if (plan->cells == NULL)
                return error_set_errno(error, ENOMEM, "Cannot plan the benchmark");
        plan->n_cells = groups * plan->n_subjects;
        for (; g < groups; g++) {
                size_t p = g % plan->n_placements, w = g / plan->n_placements % choice->n_waits;
                size_t s = g / plan->n_placements / choice->n_waits % plan->n_sizes;
                size_t m = g / plan->n_placements / choice->n_waits / plan->n_sizes;

                for (size_t k = 0; k < plan->n_subjects; k++) {
                        BenchCell *cell = &plan->cells[g * plan->n_subjects + k];

                        *cell = (BenchCell){
                                .mechanism = subjects[k].mechanism,
                                .transport = subjects[k].transport,
                                .in_place = subjects[k].in_place,
                                .mode = shapes[m].mode,
                                .peers = shapes[m].peers,
                                .wait = choice->waits[w],
                                .placement = plan->placements[p],
                                .asked = plan->sizes[s],
                                .size = plan->sizes[s],
                        };
                        name_variant(&subjects[k], cell);
                        cell_judge(cell, &subjects[k].unavailable, s == 0);
                }
        }
        return 0;
}

int bench_plan_new(
        const Mechanism *const *mechanisms, size_t n, const Record *request, BenchPlan **ret, Error *error) {
        BenchChoice choice = { 0 };
        BenchPlan *plan;
        int r;

        plan = calloc(1, sizeof *plan);
        if (plan == NULL)
                return error_set_errno(error, ENOMEM, "Cannot plan the benchmark");
        plan->token = record_get_string(request, "token", NULL);
        plan->directory = record_get_string(request, "directory", NULL);
        if (plan->token == NULL || plan->directory == NULL || n == 0) {
                r = error_set(error, ERROR_INVALID_OPTION, "A benchmark needs kinds, a token and a directory.");
                goto fail;
        }
        r = bench_choose(request, plan, &choice, error);
        if (r >= 0)
                r = plan_cells(plan, mechanisms, n, &choice, error);
        if (r < 0)
                goto fail;
        *ret = plan;
        return 0;
fail:
        bench_plan_free(plan);
        return r;
}

BenchPlan *bench_plan_free(BenchPlan *plan) {
        if (plan == NULL)
                return NULL;
        for (size_t k = 0; plan->facts != NULL && k < plan->n_subjects; k++)
                record_free(plan->facts[k]);
        free(plan->facts);
        free(plan->cells);
        free(plan);
        return NULL;
}
