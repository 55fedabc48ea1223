/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads a request: each list of words or numbers, and what is measured where a key is not there. */
#include "bench-choice.h"

#include <stdint.h>
#include <string.h>

#include "units.h"

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

static int choose_modes(const Record *request, BenchChoice *choice, Error *error) {
        const Value *list = get_list(request, "modes", VALUE_STRINGS);

        for (size_t i = 0; list != NULL && i < list->strings.n; i++)
                if (bench_mode_from_name(list->strings.items[i]) == BENCH_MODE_INVALID)
                        return error_set(error, ERROR_INVALID_OPTION,
                                "There is no mode \"%s\"; the modes are \"latency\", \"throughput\", \"burst\", "
                                "\"fan-out\" and \"fan-in\".",
                                list->strings.items[i]);
        for (BenchMode mode = 0; mode < BENCH_MODE_MAX; mode++)
                if (list == NULL ? mode <= BENCH_THROUGHPUT : listed(list, bench_mode_name(mode)))
                        choice->modes[choice->n_modes++] = mode;
        return 0;
}

static int choose_waits(const Record *request, BenchChoice *choice, Error *error) {
        const Value *list = get_list(request, "waits", VALUE_STRINGS);

        if (list == NULL) {
                choice->waits[choice->n_waits++] = WAIT_BLOCK;
                return 0;
        }
        for (size_t i = 0; i < list->strings.n; i++)
                if (wait_mode_from_name(list->strings.items[i]) == WAIT_MODE_INVALID)
                        return error_set(error, ERROR_INVALID_OPTION,
                                "There is no way of waiting \"%s\"; there are \"block\", \"poll\", \"spin\" and "
                                "\"adaptive\".",
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

static int choose_peers(const Record *request, BenchPlan *plan, Error *error) {
        const Value *list = get_list(request, "peers", VALUE_U64S);

        if (list == NULL) {
                for (unsigned peers = 2; peers <= BENCH_PEERS_MAX; peers *= 2)
                        plan->peers[plan->n_peers++] = peers;
                return 0;
        }
        for (size_t i = 0; i < list->u64s.n; i++) {
                uint64_t peers = list->u64s.items[i];
                bool again = false;

                if (peers < 2 || peers > BENCH_PEERS_MAX)
                        return error_set(error, ERROR_INVALID_OPTION, "%llu peers cannot be measured: 2 to %d can.",
                                (unsigned long long)peers, BENCH_PEERS_MAX);
                for (size_t k = 0; k < plan->n_peers; k++)
                        again = again || plan->peers[k] == peers;
                if (!again)
                        plan->peers[plan->n_peers++] = (unsigned)peers;
        }
        return 0;
}

/* "cpus" says which, "placements" how they lie; of both, the one has to be the other. */
static int choose_placement_types(const Value *list, const Placement *cpus, BenchPlan *plan, Error *error) {
        int r;

        for (size_t i = 0; i < list->strings.n; i++)
                if (placement_from_name(list->strings.items[i]) == PLACEMENT_TYPE_INVALID)
                        return error_set(error, ERROR_INVALID_OPTION,
                                "There is no placement \"%s\"; there are \"same-cpu\", \"other-cpu\", "
                                "\"other-cpu-awake\", \"smt-sibling\" and \"other-node\".",
                                list->strings.items[i]);
        for (PlacementType type = 0; type < PLACEMENT_TYPE_MAX; type++) {
                Placement *placement = &plan->placements[plan->n_placements];

                if (!listed(list, placement_name(type)))
                        continue;
                r = 0;
                if (cpus != NULL)
                        *placement = placement_as(cpus, type);
                else
                        r = placement_find(type, placement);
                if (r < 0)
                        return error_set_errno(error, r, "Cannot tell which CPUs this process may use");
                plan->n_placements++;
        }
        return 0;
}

static int choose_placements(const Record *request, BenchPlan *plan, Error *error) {
        const Value *list = get_list(request, "cpus", VALUE_U64S);
        const Value *types = get_list(request, "placements", VALUE_STRINGS);
        Placement cpus;
        int r;

        if (list == NULL && types != NULL)
                return choose_placement_types(types, NULL, plan, error);
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
        r = placement_of((unsigned)list->u64s.items[0], (unsigned)list->u64s.items[1], &cpus, error);
        if (r < 0)
                return r;
        if (types != NULL)
                return choose_placement_types(types, &cpus, plan, error);
        plan->placements[plan->n_placements++] = cpus;
        return 0;
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

int bench_choose(const Record *request, BenchPlan *plan, BenchChoice *ret, Error *error) {
        int r;

        r = choose_modes(request, ret, error);
        if (r >= 0)
                r = choose_waits(request, ret, error);
        if (r >= 0)
                r = choose_sizes(request, plan, error);
        if (r >= 0)
                r = choose_placements(request, plan, error);
        if (r >= 0)
                r = choose_peers(request, plan, error);
        return r < 0 ? r : choose_times(request, plan, error);
}
