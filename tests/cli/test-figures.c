/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The client's arithmetic, without a service: what a comparison calls different, the time left, bars. */
#include <locale.h>
#include <math.h>
#include <string.h>

#include "bars.h"
#include "bench-compare.h"
#include "student.h"
#include "time-left.h"

/* From tables of the distribution. */
static void test_student(void) {
        g_assert_cmpfloat_with_epsilon(student_quantile(0.025, 1), 12.7062, 1e-4);
        g_assert_cmpfloat_with_epsilon(student_quantile(0.025, 8), 2.3060, 1e-4);
        g_assert_cmpfloat_with_epsilon(student_quantile(0.0005, 8), 5.0413, 1e-4);
        g_assert_cmpfloat_with_epsilon(student_quantile(0.25, 2), 0.8165, 1e-4);
        g_assert_cmpfloat_with_epsilon(student_quantile(0.025, 1e6), 1.9600, 1e-4);
        g_assert_cmpfloat_with_epsilon(student_quantile(0.5, 3), 0, 1e-4);
}

enum { KINDS = 20, TRIALS = 5, RUNS = 200 };

typedef struct World {
        GRand *random;
        double noise;  /* of a trial */
        double state;  /* of the machine, in the whole run: floors and results alike */
        double drift;  /* of each result in the whole run, which no floor shows */
        double factor; /* of the last kind */
} World;

static double normal(GRand *random) {
        double sum = 0;

        for (int i = 0; i < 12; i++)
                sum += g_rand_double(random);
        return sum - 6;
}

static BenchRun *world_run(const World *world) {
        g_autoptr(GString) text = g_string_new("{\"environment\":{},\"results\":[");
        g_autoptr(JsonParser) parser = json_parser_new();
        double state = exp(world->state * normal(world->random));
        const char *problem;

        for (int k = 0; k < KINDS; k++) {
                double level = 5000 * (k + 1) * state * exp(world->drift * normal(world->random)) *
                               (k == KINDS - 1 ? world->factor : 1);
                g_string_append_printf(text,
                        "%s{\"kind\":\"k%d\",\"mode\":\"latency\",\"size\":64,\"wait\":\"block\",\"placement\":\"p\","
                        "\"floor\":\"f_ns\",\"latency_ns\":{\"p50\":%d},\"trial_figures\":[",
                        k > 0 ? "," : "", k, (int)level);
                for (int t = 0; t < TRIALS; t++)
                        g_string_append_printf(text, "%s{\"ns\":%d,\"floors\":{\"f_ns\":%d}}", t > 0 ? "," : "",
                                (int)(level * exp(world->noise * normal(world->random))),
                                (int)(4000 * state * exp(world->noise * normal(world->random))));
                g_string_append(text, "]}");
        }
        g_string_append(text, "]}");
        g_assert_true(json_parser_load_from_data(parser, text->str, -1, NULL));
        BenchRun *run = bench_run_new(json_parser_get_root(parser), &problem);
        g_assert_nonnull(run);
        return run;
}

/* How many of the comparisons say that something that did not change did, and how many find what did. */
static void count(const World *world, guint *ret_wrong, guint *ret_found) {
        guint wrong = 0, found = 0;

        for (int i = 0; i < RUNS; i++) {
                World before = *world;
                before.factor = 1;
                g_autoptr(BenchRun) was = world_run(&before), is = world_run(world);
                g_autoptr(BenchComparison) comparison = bench_comparison_new("file", was, is);
                guint differ = comparison->counts[BENCH_SLOWER] + comparison->counts[BENCH_FASTER];
                const BenchDifference *last = comparison->differences->pdata[KINDS - 1];
                bool hit = world->factor > 1 && last->verdict == BENCH_SLOWER;
                g_assert_cmpuint(comparison->differences->len, ==, KINDS);
                g_assert_cmpfloat(last->low, <=, last->ratio * 1.0001);
                g_assert_cmpfloat(last->high, >=, last->ratio * 0.9999);
                found += hit;
                wrong += differ > (hit ? 1 : 0);
        }
        g_test_message("noise %.2f, state %.2f, drift %.2f, x%.2f: %u of %d comparisons are wrong, %u find it",
                world->noise, world->state, world->drift, world->factor, wrong, RUNS, found);
        *ret_wrong = wrong;
        *ret_found = found;
}

/* The random numbers are the same each time: what is asserted holds for ever. One comparison in twenty may be wrong.
 */
static void test_compare(void) {
        static const World worlds[] = {
                { .noise = 0.02, .factor = 1 },
                { .noise = 0.02, .state = 0.3, .factor = 1 },
                { .noise = 0.05, .drift = 0.1, .factor = 1 },
                { .noise = 0.3, .state = 0.3, .drift = 0.3, .factor = 1 },
                { .noise = 0.02, .factor = 1.4 },
                { .noise = 0.02, .state = 0.1, .drift = 0.02, .factor = 1.4 },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(worlds); i++) {
                World world = worlds[i];
                guint wrong, found;
                world.random = g_rand_new_with_seed(1);
                count(&world, &wrong, &found);
                g_assert_cmpuint(wrong, <=, RUNS / 20 + 3);
                if (world.factor > 1)
                        g_assert_cmpuint(found, >=, RUNS * 8 / 10);
                g_rand_free(world.random);
        }
}

/* A job of 40 s at an even pace, looked at ten times a second, after 2 s in which it told nothing. */
static void test_time_left(void) {
        TimeLeft left = { 0 };
        double shown = -1;

        for (int i = 0; i <= 400; i++) {
                double now = 2 + i / 10.0, jitter = i % 2 == 0 ? 0.002 : 0;
                double seconds = time_left(&left, MIN(i / 400.0 + jitter, 1), (int64_t)(now * G_USEC_PER_SEC));
                if (i < 10)
                        g_assert_cmpfloat(seconds, <, 0);
                if (i > 20) {
                        g_assert_cmpfloat_with_epsilon(seconds, 40 - i / 10.0, 4);
                        g_assert_cmpfloat(fabs(seconds - shown), <, 1);
                }
                shown = seconds;
        }
        g_assert_cmpfloat_with_epsilon(shown, 0, 0.2);
}

/* Three quarters of a job are skipped at once, as the trials of a kind that does not work: it does not jump. */
static void test_time_left_skip(void) {
        TimeLeft left = { 0 };
        double before = 0, after = 0;

        for (int i = 0; i <= 100; i++)
                before = time_left(&left, i / 1000.0, (1 + i) * (int64_t)G_USEC_PER_SEC / 10);
        after = time_left(&left, 0.4, 102 * (int64_t)G_USEC_PER_SEC / 10);
        g_assert_cmpfloat_with_epsilon(before, 90, 10);
        /* What remains cannot be more than twice what is known now. */
        g_assert_cmpfloat(after, <, before);
        g_assert_cmpfloat(after, >, 10);
}

static void assert_left(double seconds, const char *text) {
        g_autofree char *is = time_left_text(seconds);

        g_assert_cmpstr(is, ==, text);
}

static void test_time_left_text(void) {
        assert_left(0, "0 s left");
        assert_left(0.2, "1 s left");
        assert_left(19, "19 s left");
        assert_left(43, "45 s left");
        assert_left(60, "1 min left");
        assert_left(125, "2 min 10 s left");
}

static void assert_bar(double part, const char *text) {
        g_autofree char *is = bar_text(part, 4);

        g_assert_cmpstr(is, ==, text);
}

static void test_bars(void) {
        if (setlocale(LC_CTYPE, "C.UTF-8") == NULL) {
                g_test_skip("there is no locale C.UTF-8");
                return;
        }
        assert_bar(1, "████");
        assert_bar(0.5, "██");
        assert_bar(1 / 32.0, "▏");
        assert_bar(0.0001, "▏");
        assert_bar(7 / 32.0, "▉");
        assert_bar(0, "");
        assert_bar(9, "███>");
        setlocale(LC_CTYPE, "C");
        assert_bar(1, "####");
        assert_bar(0.0001, "#");
        assert_bar(9, "###>");
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/figures/student", test_student);
        g_test_add_func("/figures/compare", test_compare);
        g_test_add_func("/figures/time-left", test_time_left);
        g_test_add_func("/figures/time-left-skip", test_time_left_skip);
        g_test_add_func("/figures/time-left-text", test_time_left_text);
        g_test_add_func("/figures/bars", test_bars);
        return g_test_run();
}
