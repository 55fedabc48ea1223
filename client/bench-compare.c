/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Compares results that are the same in every dimension, by the logarithms of the times of their trials.
 *
 * The difference of the means has an interval by Welch's t. It is so wide that all of the table hold together
 * (Bonferroni), since among eighty results some would differ by chance. Five trials know their own spread badly: it is
 * taken to be no less than the usual one of the table (mode, way of waiting and placement), and counts for some more
 * trials therefore. What no trial can show is that the whole run was in another state than the earlier one:
 * - the floors probed beside all trials of the table tell how much the machine changed; the interval reaches from the
 *   difference of the times to that of the ratios to the floor, and a difference has to be there in both;
 * - by how much the results of a table scatter between the runs, beyond that and beyond their own intervals, is taken
 *   for drift and widens all of them; results that stand out from it, a quarter of the table at the most, are a
 * change. Owns what it says of each result; the results belong to their runs. */
#include "bench-compare.h"

#include <math.h>
#include <string.h>

#include "environment-change.h"
#include "student.h"

enum {
        PRIOR_FREEDOM = 3, /* what the table's usual spread counts for */
        DRIFT_RESULTS = 6, /* fewer do not tell drift from change */
        OTHER_FREEDOM = 20,
        TRIALS_LEAST = 2,
};

#define SPREAD_LEAST     0.01 /* of a trial: nothing is steadier than that */
#define SPREAD_DISTURBED 0.05
/* The median and the upper quartile of |x| of a normal distribution. */
#define NORMAL_MEDIAN   0.6745
#define NORMAL_QUARTILE 1.1503

/* One pair of results on its way to a verdict; times are logarithms. */
typedef struct Pair {
        BenchDifference *difference;
        char *table;
        double shift, floor_shift;
        double variance[2];
        guint n[2];
        double error, freedom;       /* squared standard error of the shift */
        double drift, drift_freedom; /* squared */
} Pair;

static void pair_free(void *data) {
        Pair *pair = data;

        g_free(pair->table);
        g_free(pair);
}

static char *key_of(const BenchResult *result) {
        return g_strdup_printf("%s\n%s\n%s\n%s\n%s\n%" G_GUINT64_FORMAT "\n%" G_GUINT64_FORMAT "\n%" G_GUINT64_FORMAT,
                result->kind, result->variant, result->mode, result->wait, result->placement, result->size,
                result->asked, result->peers);
}

static char *table_of(const BenchResult *result) {
        return g_strdup_printf("%s\n%s\n%s", result->mode, result->wait, result->placement);
}

static int compare_doubles(gconstpointer a, gconstpointer b) {
        double x = *(const double *)a, y = *(const double *)b;

        return x < y ? -1 : x > y;
}

/* The value that `part` of them do not exceed. Sorts them. 0 of none. */
static double quantile(GArray *values, double part) {
        guint rank = (guint)(part * values->len);

        if (values->len == 0)
                return 0;
        g_array_sort(values, compare_doubles);
        return g_array_index(values, double, MIN(rank, values->len - 1));
}

/* Mean and variance of the logarithms of the times. */
static void trial_moments(const BenchResult *result, double *ret_mean, double *ret_variance) {
        double sum = 0, squares = 0;

        for (guint i = 0; i < result->n_trials; i++)
                sum += log(result->trials[i].nsec);
        *ret_mean = sum / result->n_trials;
        for (guint i = 0; i < result->n_trials; i++)
                squares += pow(log(result->trials[i].nsec) - *ret_mean, 2);
        *ret_variance = squares / (result->n_trials - 1);
}

/* The copy's floor is a rate in the run, and a time beside a trial. */
static const char *trial_floor_name(const char *floor) {
        return strcmp(floor, "memcpy_bytes_per_second") == 0 ? "memcpy_ns" : floor;
}

/* The usual floor in one of the runs, over all the trials of the table; as a logarithm. */
static bool floor_level(const GPtrArray *pairs, const Pair *like, bool later, double *ret) {
        g_autoptr(GArray) values = g_array_new(FALSE, FALSE, sizeof(double));
        const char *floor = trial_floor_name(like->difference->was->floor);

        for (guint i = 0; i < pairs->len; i++) {
                const Pair *pair = pairs->pdata[i];
                const BenchResult *result = later ? pair->difference->is : pair->difference->was;
                if (strcmp(pair->table, like->table) != 0 ||
                        pair->difference->is->asked != like->difference->is->asked)
                        continue;
                for (guint t = 0; t < result->n_trials; t++) {
                        double value = bench_number(result->trials[t].floors, floor);
                        if (value > 0)
                                g_array_append_val(values, (double){ log(value) });
                }
        }
        if (values->len == 0)
                return false;
        *ret = quantile(values, 0.5);
        return true;
}

static double usual_variance(const GPtrArray *pairs, const Pair *like) {
        g_autoptr(GArray) values = g_array_new(FALSE, FALSE, sizeof(double));

        for (guint i = 0; i < pairs->len; i++) {
                const Pair *pair = pairs->pdata[i];
                if (strcmp(pair->table, like->table) == 0)
                        g_array_append_vals(values, pair->variance, 2);
        }
        return quantile(values, 0.5);
}

static void pair_measure(const GPtrArray *pairs, Pair *pair) {
        double usual = MAX(usual_variance(pairs, pair), SPREAD_LEAST * SPREAD_LEAST), was = 0, is = 0;
        double part[2], sum = 0;

        for (int side = 0; side < 2; side++) {
                part[side] = MAX(pair->variance[side], usual) / pair->n[side];
                sum += part[side] * part[side] / (pair->n[side] - 1 + PRIOR_FREEDOM);
        }
        pair->error = part[0] + part[1];
        pair->freedom = pair->error * pair->error / sum;
        if (floor_level(pairs, pair, false, &was) && floor_level(pairs, pair, true, &is))
                pair->floor_shift = is - was;
}

/* What is left where times and ratios to the floor agree on a direction. */
static double both_say(const Pair *pair) {
        double ratio = pair->shift - pair->floor_shift;

        return pair->shift * ratio <= 0 ? 0 : MIN(fabs(pair->shift), fabs(ratio));
}

static void pair_drift(const GPtrArray *pairs, Pair *like) {
        g_autoptr(GArray) shifts = g_array_new(FALSE, FALSE, sizeof(double));
        g_autoptr(GArray) errors = g_array_new(FALSE, FALSE, sizeof(double));

        for (guint i = 0; i < pairs->len; i++) {
                const Pair *pair = pairs->pdata[i];
                if (strcmp(pair->table, like->table) != 0)
                        continue;
                g_array_append_val(shifts, (double){ both_say(pair) });
                g_array_append_val(errors, pair->error);
        }
        if (shifts->len < DRIFT_RESULTS)
                return;
        double spread = MAX(quantile(shifts, 0.5) / NORMAL_MEDIAN, quantile(shifts, 0.75) / NORMAL_QUARTILE);
        like->drift = MAX(0, spread * spread - quantile(errors, 0.5));
        /* Quantiles use a part of what is known. */
        like->drift_freedom = shifts->len / 3.0;
}

static void pair_judge(Pair *pair, double tail) {
        BenchDifference *difference = pair->difference;
        int disturbed = difference->was->disturbed + difference->is->disturbed;
        double other = student_quantile(tail, OTHER_FREEDOM) * SPREAD_DISTURBED * sqrt(disturbed);
        double drift = student_quantile(tail, MAX(pair->drift_freedom, 1)) * sqrt(pair->drift);
        double reach = hypot(hypot(student_quantile(tail, pair->freedom) * sqrt(pair->error), other), drift);
        double ratio = pair->shift - pair->floor_shift;

        difference->ratio = exp(pair->shift);
        difference->low = exp(MIN(pair->shift, ratio) - reach);
        difference->high = exp(MAX(pair->shift, ratio) + reach);
        difference->verdict = difference->high > difference->low * BENCH_NOISY_REACH * BENCH_NOISY_REACH ? BENCH_NOISY
                                                                                                         : BENCH_SAME;
        if (both_say(pair) < log(BENCH_LEAST_EFFECT))
                return;
        if (difference->low > 1)
                difference->verdict = BENCH_SLOWER;
        else if (difference->high < 1)
                difference->verdict = BENCH_FASTER;
}

static bool can_be_judged(const BenchDifference *difference) {
        return difference->was->n_trials >= TRIALS_LEAST && difference->is->n_trials >= TRIALS_LEAST;
}

static Pair *pair_new(BenchDifference *difference) {
        Pair *pair = g_new0(Pair, 1);
        double was, is;

        pair->difference = difference;
        pair->table = table_of(difference->is);
        pair->n[0] = difference->was->n_trials;
        pair->n[1] = difference->is->n_trials;
        trial_moments(difference->was, &was, &pair->variance[0]);
        trial_moments(difference->is, &is, &pair->variance[1]);
        pair->shift = is - was;
        return pair;
}

static void judge_all(BenchComparison *comparison) {
        g_autoptr(GPtrArray) pairs = g_ptr_array_new_with_free_func(pair_free);

        for (guint i = 0; i < comparison->differences->len; i++) {
                BenchDifference *difference = comparison->differences->pdata[i];
                difference->verdict = BENCH_UNKNOWN;
                if (can_be_judged(difference))
                        g_ptr_array_add(pairs, pair_new(difference));
        }
        double tail = (1 - BENCH_CONFIDENCE) / 2 / MAX(pairs->len, 1);
        comparison->confidence = 1 - 2 * tail;
        for (guint i = 0; i < pairs->len; i++)
                pair_measure(pairs, pairs->pdata[i]);
        for (guint i = 0; i < pairs->len; i++)
                pair_drift(pairs, pairs->pdata[i]);
        for (guint i = 0; i < pairs->len; i++)
                pair_judge(pairs->pdata[i], tail);
        for (guint i = 0; i < comparison->differences->len; i++)
                comparison->counts[((BenchDifference *)comparison->differences->pdata[i])->verdict]++;
}

static bool is_measured(const BenchResult *result) {
        return *result->skipped == '\0' && bench_nsec(result) > 0;
}

static void match(BenchComparison *comparison, const BenchRun *was, const BenchRun *is) {
        g_autoptr(GHashTable) earlier = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

        for (guint i = 0; i < was->results->len; i++)
                if (is_measured(bench_result(was, i)))
                        g_hash_table_replace(earlier, key_of(bench_result(was, i)), was->results->pdata[i]);
        for (guint i = 0; i < is->results->len; i++) {
                const BenchResult *result = bench_result(is, i);
                g_autofree char *key = key_of(result);
                const BenchResult *before = g_hash_table_lookup(earlier, key);
                if (!is_measured(result))
                        continue;
                if (before == NULL) {
                        g_ptr_array_add(comparison->only_is, is->results->pdata[i]);
                        continue;
                }
                BenchDifference *difference = g_new0(BenchDifference, 1);
                *difference = (BenchDifference){ .was = before, .is = result };
                g_ptr_array_add(comparison->differences, difference);
                g_hash_table_remove(earlier, key);
        }
        for (guint i = 0; i < was->results->len; i++) {
                g_autofree char *key = key_of(bench_result(was, i));
                if (g_hash_table_lookup(earlier, key) == bench_result(was, i))
                        g_ptr_array_add(comparison->only_was, was->results->pdata[i]);
        }
}

/* How long and how often it was measured belongs to where it ran: it decides how wide the intervals are. */
static void compare_options(BenchComparison *comparison, const BenchRun *was, const BenchRun *is) {
        static const char *const keys[] = { "time", "trials" };
        JsonObject *before = bench_object(json_node_get_object(was->root), "options");
        JsonObject *now = bench_object(json_node_get_object(is->root), "options");

        for (size_t i = 0; i < G_N_ELEMENTS(keys) && before != NULL && now != NULL; i++) {
                const char *old = bench_string(before, keys[i]), *new = bench_string(now, keys[i]);
                if (strcmp(old, new) == 0)
                        continue;
                JsonObject *change = json_object_new();
                json_object_set_string_member(change, "name", keys[i]);
                json_object_set_string_member(change, "was", *old != '\0' ? old : "default");
                json_object_set_string_member(change, "is", *new != '\0' ? new : "default");
                json_array_add_object_element(comparison->environment, change);
        }
}

BenchComparison *bench_comparison_new(const char *file, const BenchRun *was, const BenchRun *is) {
        BenchComparison *comparison = g_new0(BenchComparison, 1);

        comparison->file = g_filename_display_name(file);
        comparison->differences = g_ptr_array_new_with_free_func(g_free);
        comparison->only_was = g_ptr_array_new();
        comparison->only_is = g_ptr_array_new();
        match(comparison, was, is);
        judge_all(comparison);
        comparison->environment_known = environments_known(was->root, is->root);
        comparison->environment = environment_changes(was->root, is->root);
        compare_options(comparison, was, is);
        return comparison;
}

BenchComparison *bench_comparison_free(BenchComparison *comparison) {
        if (comparison == NULL)
                return NULL;
        g_free(comparison->file);
        g_ptr_array_unref(comparison->differences);
        g_ptr_array_unref(comparison->only_was);
        g_ptr_array_unref(comparison->only_is);
        json_array_unref(comparison->environment);
        g_free(comparison);
        return NULL;
}

const BenchDifference *bench_comparison_find(const BenchComparison *comparison, const BenchResult *is) {
        for (guint i = 0; i < comparison->differences->len; i++) {
                const BenchDifference *difference = comparison->differences->pdata[i];
                if (difference->is == is)
                        return difference;
        }
        return NULL;
}
