/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From a request to the cells to measure. Whatever cannot be measured is in the plan too, with its reason; only a
 * request that makes no sense is an error. The plan owns its cells and the facts of the kinds. */
#include "bench-plan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "units.h"

static const char *const mode_names[BENCH_MODE_MAX] = {
        [BENCH_LATENCY] = "latency",
        [BENCH_THROUGHPUT] = "throughput",
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

/* Which of the modes and ways of waiting are asked for, in the order of their enums. */
typedef struct Choice {
        BenchMode modes[BENCH_MODE_MAX];
        size_t n_modes;
        WaitMode waits[WAIT_MODE_MAX];
        size_t n_waits;
} Choice;

static bool listed(const Value *list, const char *word) {
        for (size_t i = 0; i < list->strings.n; i++)
                if (strcmp(list->strings.items[i], word) == 0)
                        return true;
        return false;
}

/* NULL where the key is not there or the list is empty: then the default holds. */
static const Value *get_list(const Record *request, const char *key, ValueType type) {
        const Value *value = record_get(request, key);

        if (value == NULL || value->type != type)
                return NULL;
        if (type == VALUE_STRINGS ? value->strings.n == 0 : value->u64s.n == 0)
                return NULL;
        return value;
}

static int choose_modes(const Record *request, Choice *choice, Error *error) {
        const Value *list = get_list(request, "modes", VALUE_STRINGS);

        for (size_t i = 0; list != NULL && i < list->strings.n; i++)
                if (bench_mode_from_name(list->strings.items[i]) == BENCH_MODE_INVALID)
                        return error_set(error, ERROR_INVALID_OPTION,
                                "There is no mode \"%s\"; the modes are \"latency\" and \"throughput\".",
                                list->strings.items[i]);
        for (BenchMode mode = 0; mode < BENCH_MODE_MAX; mode++)
                if (list == NULL || listed(list, mode_names[mode]))
                        choice->modes[choice->n_modes++] = mode;
        return 0;
}

static int choose_waits(const Record *request, Choice *choice, Error *error) {
        const Value *list = get_list(request, "waits", VALUE_STRINGS);

        if (list == NULL) {
                choice->waits[choice->n_waits++] = WAIT_BLOCK;
                return 0;
        }
        for (size_t i = 0; i < list->strings.n; i++)
                if (wait_mode_from_name(list->strings.items[i]) == WAIT_MODE_INVALID)
                        return error_set(error, ERROR_INVALID_OPTION,
                                "There is no way of waiting \"%s\"; there are \"block\" and \"spin\".",
                                list->strings.items[i]);
        for (WaitMode wait = 0; wait < WAIT_MODE_MAX; wait++)
                if (listed(list, wait_mode_name(wait)))
                        choice->waits[choice->n_waits++] = wait;
        return 0;
}

static int choose_sizes(const Record *request, BenchPlan *plan, Error *error) {
        const Value *list = get_list(request, "sizes", VALUE_U64S);

        if (list == NULL) {
                plan->sizes[plan->n_sizes++] = BENCH_SIZE_DEFAULT;
                return 0;
        }
        if (list->u64s.n > BENCH_SIZES_MAX)
                return error_set(error, ERROR_INVALID_OPTION,
                        "\"sizes\" lists %zu sizes; %d are the most for one run.", list->u64s.n, BENCH_SIZES_MAX);
        for (size_t i = 0; i < list->u64s.n; i++) {
                uint64_t size = list->u64s.items[i];
                bool again = false;

                if (size < 1 || size > BENCH_SIZE_MAX)
                        return error_set(error, ERROR_INVALID_OPTION,
                                "A message of %llu bytes cannot be measured: sizes go from 1 byte to 64 MiB.",
                                (unsigned long long)size);
                for (size_t k = 0; k < plan->n_sizes; k++)
                        again = again || plan->sizes[k] == size;
                if (!again)
                        plan->sizes[plan->n_sizes++] = (size_t)size;
        }
        return 0;
}

static int choose_placements(const Record *request, BenchPlan *plan, Error *error) {
        const Value *list = get_list(request, "cpus", VALUE_U64S);
        int r;

        if (list == NULL) {
                r = placement_defaults(plan->placements);
                if (r < 0)
                        return error_set_errno(error, r, "Cannot tell which CPUs this process may use");
                plan->n_placements = (size_t)r;
                return 0;
        }
        if (list->u64s.n != 2 || list->u64s.items[0] > INT32_MAX || list->u64s.items[1] > INT32_MAX)
                return error_set(error, ERROR_INVALID_OPTION,
                        "\"cpus\" takes two CPU numbers, one for each side, as in 0,1; 0,0 is the same CPU.");
        plan->n_placements = 1;
        return placement_of((unsigned)list->u64s.items[0], (unsigned)list->u64s.items[1], &plan->placements[0], error);
}

static int choose_times(const Record *request, BenchPlan *plan, Error *error) {
        uint64_t trials = record_get_u64(request, "trials", BENCH_TRIALS_DEFAULT);
        uint64_t time = record_get_u64(request, "time", BENCH_TIME_DEFAULT);

        if (trials < 1 || trials > BENCH_TRIALS_MAX)
                return error_set(error, ERROR_INVALID_OPTION, "%llu trials cannot be run: 1 to %d can.",
                        (unsigned long long)trials, BENCH_TRIALS_MAX);
        if (time < 1000 || time > 600 * USEC_PER_SEC)
                return error_set(error, ERROR_INVALID_OPTION,
                        "%llu microseconds a result cannot be done: 1 ms to 10 minutes can.",
                        (unsigned long long)time);
        plan->trials = (unsigned)trials;
        plan->trial_nsec = time * NSEC_PER_USEC / trials;
        return 0;
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

/* What is known before anything is tried. `first` tells whether it is the first of the sizes. */
static void cell_judge(BenchCell *cell, const Error *unavailable, bool first) {
        const Mechanism *mechanism = cell->mechanism;
        const Transport *transport = cell->transport;
        Error error = { 0 };

        if (mechanism_supports(mechanism, OPERATION_BENCHMARK, &error) < 0)
                snprintf(cell->skipped, sizeof cell->skipped, "%.*s", BENCH_REASON_MAX - 1, error.message);
        else if (error_is_set(unavailable))
                snprintf(cell->skipped, sizeof cell->skipped, "%.*s", BENCH_REASON_MAX - 1, unavailable->message);
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

/* What is measured: a kind, by one of its transports. */
typedef struct Subject {
        const Mechanism *mechanism;
        const Transport *transport; /* NULL where the kind has none */
        Error unavailable;
} Subject;

static int plan_subjects(
        BenchPlan *plan, const Mechanism *const *mechanisms, size_t n, Subject **ret_subjects, Error *error) {
        CLEANUP_FREE Subject *subjects = NULL;
        size_t most = n;

        for (size_t i = 0; i < n; i++)
                for (const Transport *const *t = mechanisms[i]->more_transports; t != NULL && *t != NULL; t++)
                        most++;
        subjects = calloc(most, sizeof *subjects);
        plan->facts = calloc(most, sizeof *plan->facts);
        if (subjects == NULL || plan->facts == NULL)
                return error_set_errno(error, ENOMEM, "Cannot plan the benchmark");
        for (size_t i = 0; i < n; i++) {
                const Transport *const *t = mechanisms[i]->more_transports;

                subjects[plan->n_subjects++] = (Subject){ .mechanism = mechanisms[i],
                        .transport = mechanisms[i]->transport };
                for (; t != NULL && *t != NULL; t++)
                        subjects[plan->n_subjects++] = (Subject){ .mechanism = mechanisms[i], .transport = *t };
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

static int plan_cells(
        BenchPlan *plan, const Mechanism *const *mechanisms, size_t n, const Choice *choice, Error *error) {
        size_t groups = choice->n_modes * plan->n_sizes * choice->n_waits * plan->n_placements, g = 0;
        CLEANUP_FREE Subject *subjects = NULL;
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
                                .mode = choice->modes[m],
                                .wait = choice->waits[w],
                                .placement = plan->placements[p],
                                .asked = plan->sizes[s],
                                .size = plan->sizes[s],
                        };
                        cell_judge(cell, &subjects[k].unavailable, s == 0);
                }
        }
        return 0;
}

int bench_plan_new(
        const Mechanism *const *mechanisms, size_t n, const Record *request, BenchPlan **ret, Error *error) {
        Choice choice = { 0 };
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
        r = choose_modes(request, &choice, error);
        if (r >= 0)
                r = choose_waits(request, &choice, error);
        if (r >= 0)
                r = choose_sizes(request, plan, error);
        if (r >= 0)
                r = choose_placements(request, plan, error);
        if (r >= 0)
                r = choose_times(request, plan, error);
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
