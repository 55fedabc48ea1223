/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a comparison says, for people and for programs. Owns nothing. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "bench-compare.h"
#include "environment-change.h"
#include "json.h"
#include "output.h"
#include "units.h"

#define METHOD                                                                                                   \
        "Welch's t on the logarithms of the trials' times, all intervals together (Bonferroni), widened by the " \
        "drift "                                                                                                 \
        "of the table; to the floors as well where they moved"

enum { ALONE_SHOWN = 12 };

static const char *const verdict_names[BENCH_VERDICT_MAX] = {
        [BENCH_SAME] = "same",
        [BENCH_NOISY] = "noisy",
        [BENCH_SLOWER] = "slower",
        [BENCH_FASTER] = "faster",
        [BENCH_UNKNOWN] = "unknown",
};

const char *bench_verdict_name(BenchVerdict verdict) {
        return verdict_names[verdict];
}

static char *factor_text(double factor) {
        return g_strdup_printf("%.*f", factor < 9.995 ? 2 : factor < 99.95 ? 1 : 0, factor);
}

static char *text_of(const char *format, double ratio, double low, double high) {
        g_autofree char *middle = factor_text(ratio), *from = factor_text(low), *to = factor_text(high);
        g_auto(GStrv) parts = g_strsplit(format, "RATIO", 2);
        g_autofree char *begin = g_strjoinv(middle, parts);

        return g_strdup_printf("%s (%s to %s)", begin, from, to);
}

char *bench_difference_text(const BenchDifference *difference) {
        double ratio = difference->ratio, low = difference->low, high = difference->high;

        switch (difference->verdict) {
        case BENCH_SLOWER:
                return text_of("xRATIO slower", ratio, low, high);
        case BENCH_FASTER:
                return text_of("xRATIO faster", 1 / ratio, 1 / high, 1 / low);
        case BENCH_SAME:
                return text_of("no difference", ratio, low, high);
        case BENCH_NOISY:
                return text_of("too noisy to tell", ratio, low, high);
        default:
                return g_strdup("too few trials to tell");
        }
}

static void print_alone(const GPtrArray *results, const char *title) {
        if (results->len == 0)
                return;
        puts(title);
        for (guint i = 0; i < MIN(results->len, ALONE_SHOWN); i++) {
                const BenchResult *result = results->pdata[i];
                char size[UNITS_TEXT_MAX];
                g_autofree char *line = g_strdup_printf("    %s, %s, %s, %s, %s", result->subject, result->mode,
                        size_print(result->size, size), result->wait, result->placement);
                output_text(line);
                putchar('\n');
        }
        if (results->len > ALONE_SHOWN)
                printf("    and %u more; --json has them all\n", results->len - ALONE_SHOWN);
}

static int by_reach(gconstpointer a, gconstpointer b) {
        double x = *(const double *)a, y = *(const double *)b;

        return x < y ? -1 : x > y;
}

/* How great a change would have had to be. */
static void print_power(const BenchComparison *comparison) {
        g_autoptr(GArray) reaches = g_array_new(FALSE, FALSE, sizeof(double));

        for (guint i = 0; i < comparison->differences->len; i++) {
                const BenchDifference *difference = comparison->differences->pdata[i];
                if (difference->verdict != BENCH_UNKNOWN)
                        g_array_append_val(reaches, (double){ sqrt(difference->high / difference->low) });
        }
        if (reaches->len == 0)
                return;
        g_array_sort(reaches, by_reach);
        double middle = g_array_index(reaches, double, reaches->len / 2);
        printf("  half of the intervals are narrower than x%.2f either way%s\n", middle,
                middle > 1.5 ? ": this machine was busy or unsteady; --time and --trials help" : "");
}

static void print_counts(const BenchComparison *comparison) {
        guint slower = comparison->counts[BENCH_SLOWER], faster = comparison->counts[BENCH_FASTER];

        g_autofree char *file = text_harmless(comparison->file);
        printf("\ncompared with %s: %u results in both\n", file, comparison->differences->len);
        printf("  %s%u slower%s, %s%u faster%s, %u no difference, %u too noisy to tell",
                slower > 0 ? output_colour("red") : "", slower, slower > 0 ? output_colour("") : "",
                faster > 0 ? output_colour("green") : "", faster, faster > 0 ? output_colour("") : "",
                comparison->counts[BENCH_SAME], comparison->counts[BENCH_NOISY]);
        if (comparison->counts[BENCH_UNKNOWN] > 0)
                printf(", %u with too few trials", comparison->counts[BENCH_UNKNOWN]);
        printf("\n");
        if (comparison->counts[BENCH_UNKNOWN] < comparison->differences->len)
                printf("  (all intervals together: %.0f %%, each %.3f %%; less than %.0f %% is never called one)\n",
                        BENCH_CONFIDENCE * 100, comparison->confidence * 100, (BENCH_LEAST_EFFECT - 1) * 100);
        if (comparison->counts[BENCH_UNKNOWN] > 0)
                puts("  a result needs two trials in each run, with their figures: files of before ipcctl kept them "
                     "have none");
}

void bench_comparison_print(const BenchComparison *comparison) {
        print_counts(comparison);
        print_power(comparison);
        print_alone(comparison->only_was, "  only the earlier run has");
        print_alone(comparison->only_is, "  only this run has");
        environment_print(comparison->environment, comparison->environment_known, "");
}

static JsonObject *what_json(const BenchResult *result) {
        JsonObject *object = json_object_new();

        json_object_set_string_member(object, "kind", result->kind);
        if (*result->variant != '\0')
                json_object_set_string_member(object, "variant", result->variant);
        json_object_set_string_member(object, "mode", result->mode);
        json_add_u64(object, "size", result->size);
        json_object_set_string_member(object, "wait", result->wait);
        json_object_set_string_member(object, "placement", result->placement);
        if (result->peers > 0)
                json_add_u64(object, "peers", result->peers);
        return object;
}

static JsonObject *difference_json(const BenchDifference *difference) {
        JsonObject *object = what_json(difference->is);

        json_object_set_string_member(object, "verdict", bench_verdict_name(difference->verdict));
        json_object_set_double_member(object, "was_ns", bench_nsec(difference->was));
        json_object_set_double_member(object, "is_ns", bench_nsec(difference->is));
        if (difference->verdict == BENCH_UNKNOWN)
                return object;
        json_object_set_double_member(object, "ratio", difference->ratio);
        JsonArray *interval = json_array_new();
        json_array_add_double_element(interval, difference->low);
        json_array_add_double_element(interval, difference->high);
        json_object_set_array_member(object, "interval", interval);
        return object;
}

static JsonArray *alone_json(const GPtrArray *results) {
        JsonArray *array = json_array_new();

        for (guint i = 0; i < results->len; i++)
                json_array_add_object_element(array, what_json(results->pdata[i]));
        return array;
}

JsonNode *bench_comparison_json(const BenchComparison *comparison) {
        JsonObject *object = json_object_new();
        JsonArray *results = json_array_new();

        json_object_set_string_member(object, "file", comparison->file);
        json_object_set_string_member(object, "method", METHOD);
        json_object_set_double_member(object, "confidence_together", BENCH_CONFIDENCE);
        json_object_set_double_member(object, "confidence_each", comparison->confidence);
        json_object_set_double_member(object, "least_effect", BENCH_LEAST_EFFECT);
        for (BenchVerdict verdict = 0; verdict < BENCH_VERDICT_MAX; verdict++)
                json_add_u64(object, bench_verdict_name(verdict), comparison->counts[verdict]);
        for (guint i = 0; i < comparison->differences->len; i++)
                json_array_add_object_element(results, difference_json(comparison->differences->pdata[i]));
        json_object_set_array_member(object, "results", results);
        json_object_set_array_member(object, "only_before", alone_json(comparison->only_was));
        json_object_set_array_member(object, "only_now", alone_json(comparison->only_is));
        json_object_set_boolean_member(object, "environment_known", comparison->environment_known);
        json_object_set_array_member(object, "environment", json_array_ref(comparison->environment));
        return json_node_of(object);
}
