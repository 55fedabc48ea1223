/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From the results of a run to charts: for each mode one by size, where there are several, else one of rows; and for
 * latencies the curve of percentiles. Many kinds get small panels of their own. Owns nothing. */
#include "charts-of-run.h"

#include <math.h>
#include <string.h>

#include "units.h"

enum {
        NAMES_TOGETHER = 6, /* more do not stay apart in one panel */
        SIZE_USUAL = 64,
        SIGN_EVERY = 10,
};

/* What of the run a chart is about. */
typedef struct Subset {
        const BenchRun *run;
        const char *mode;
        bool latency;
        bool varies_wait, varies_peers; /* in the mode */
        GPtrArray *results;             /* borrowed */
        GArray *sizes;                  /* double: asked for, ascending */
        guint names;
} Subset;

static char *name_of(const Subset *subset, const BenchResult *result) {
        return subset->varies_wait ? g_strdup_printf("%s, %s", result->subject, result->wait)
                                   : g_strdup(result->subject);
}

static char *place_of(const Subset *subset, const BenchResult *result) {
        return subset->varies_peers && result->peers > 0
                       ? g_strdup_printf("%s, %" G_GUINT64_FORMAT " peers", result->placement, result->peers)
                       : g_strdup(result->placement);
}

static int compare_sizes(gconstpointer a, gconstpointer b) {
        double x = *(const double *)a, y = *(const double *)b;

        return x < y ? -1 : x > y;
}

static void add_size(GArray *sizes, guint64 size) {
        double value = MAX((double)size, 1);

        for (guint i = 0; i < sizes->len; i++)
                if (g_array_index(sizes, double, i) == value)
                        return;
        g_array_append_val(sizes, value);
}

static void subset_add(Subset *subset, BenchResult *result, GPtrArray *names) {
        const BenchResult *first = subset->results->len > 0 ? subset->results->pdata[0] : result;

        subset->latency &= bench_is_latency(result);
        subset->varies_wait |= strcmp(result->wait, first->wait) != 0;
        subset->varies_peers |= result->peers != first->peers;
        add_size(subset->sizes, result->asked);
        char *name = g_strdup_printf("%s\n%s", result->subject, result->wait);
        if (g_ptr_array_find_with_equal_func(names, name, g_str_equal, NULL))
                g_free(name);
        else
                g_ptr_array_add(names, name);
        g_ptr_array_add(subset->results, result);
}

static Subset *subset_new(const BenchRun *run, const char *mode) {
        g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
        Subset *subset = g_new0(Subset, 1);

        *subset = (Subset){ .run = run, .mode = mode, .latency = true };
        subset->results = g_ptr_array_new();
        subset->sizes = g_array_new(FALSE, FALSE, sizeof(double));
        for (guint i = 0; i < run->results->len; i++) {
                BenchResult *result = run->results->pdata[i];
                if (strcmp(result->mode, mode) == 0 && *result->skipped == '\0' && bench_nsec(result) > 0)
                        subset_add(subset, result, names);
        }
        g_array_sort(subset->sizes, compare_sizes);
        subset->names = names->len;
        return subset;
}

static void subset_free(Subset *subset) {
        g_ptr_array_unref(subset->results);
        g_array_unref(subset->sizes);
        g_free(subset);
}

static char *capital(const char *mode) {
        char *text = g_strdup(mode);

        *text = g_ascii_toupper(*text);
        return text;
}

/* The style of a name or place: its number among those that were there before. */
static unsigned style_of(GPtrArray *seen, const char *name) {
        guint index;

        if (g_ptr_array_find_with_equal_func(seen, name, g_str_equal, &index))
                return index;
        g_ptr_array_add(seen, g_strdup(name));
        return seen->len - 1;
}

/* Few names: a panel for each place, a curve for each name; many: the other way about. */
static Curve *curve_of(Chart *chart, const Subset *subset, const BenchResult *result, GPtrArray *seen) {
        g_autofree char *name = name_of(subset, result), *place = place_of(subset, result);
        bool many = chart->type == CHART_MULTIPLES;

        return panel_curve(
                chart_panel(chart, many ? name : place), many ? place : name, style_of(seen, many ? place : name));
}

static int compare_points(gconstpointer a, gconstpointer b) {
        const Point *x = a, *y = b;

        return x->x < y->x ? -1 : x->x > y->x;
}

static void sort_points(Chart *chart) {
        for (guint p = 0; p < chart->panels->len; p++) {
                Panel *panel = chart->panels->pdata[p];
                for (guint c = 0; c < panel->curves->len; c++)
                        g_array_sort(((Curve *)panel->curves->pdata[c])->points, compare_points);
        }
}

static ChartType type_for(const Subset *subset) {
        return subset->names <= NAMES_TOGETHER ? CHART_LINES : CHART_MULTIPLES;
}

static char *size_text(double size) {
        char text[UNITS_TEXT_MAX];

        return g_strdup(size_print((guint64)size, text));
}

static Chart *chart_by_size(const Subset *subset) {
        g_autoptr(GPtrArray) seen = g_ptr_array_new_with_free_func(g_free);
        g_autofree char *mode = capital(subset->mode);
        Chart *chart = chart_new(type_for(subset));
        g_autoptr(GString) without = g_string_new(NULL);

        chart->title = g_strdup_printf("%s by size of the message", mode);
        chart->x_title = "size of the message (bytes)";
        chart->y_title = subset->latency ? "median time" : "bytes per second";
        chart->x_unit = AXIS_SIZE;
        chart->y_unit = subset->latency ? AXIS_NSEC : AXIS_BYTES_RATE;
        chart->x_ticks = g_array_ref(subset->sizes);
        for (guint i = 0; i < subset->results->len; i++) {
                const BenchResult *result = subset->results->pdata[i];
                double scale = result->rate > 0 ? result->bytes_rate / result->rate : 0;
                Point point = { .x = MAX((double)result->asked, 1),
                        .y = subset->latency ? result->p50 : result->bytes_rate,
                        .low = subset->latency ? result->low : result->low * scale,
                        .high = subset->latency ? result->high : result->high * scale,
                        .hollow = result->disturbed };
                if (point.y > 0)
                        g_array_append_val(curve_of(chart, subset, result, seen)->points, point);
                else if (strstr(without->str, result->subject) == NULL)
                        g_string_append_printf(without, "%s%s", without->len > 0 ? ", " : "", result->subject);
        }
        chart->note = g_strdup_printf("Whiskers: interval of the median. Hollow: disturbed.%s%s",
                without->len > 0 ? " They carry no bytes: " : "", without->str);
        sort_points(chart);
        return chart;
}

static int compare_rows(gconstpointer a, gconstpointer b) {
        const Curve *x = *(Curve *const *)a, *y = *(Curve *const *)b;
        double first = g_array_index(x->points, Point, 0).y, second = g_array_index(y->points, Point, 0).y;

        return first < second ? -1 : first > second;
}

static int compare_rows_down(gconstpointer a, gconstpointer b) {
        return compare_rows(b, a);
}

static char *row_name(const Subset *subset, const BenchResult *result) {
        g_autofree char *name = name_of(subset, result), *size = size_text((double)result->size);

        return result->size != result->asked ? g_strdup_printf("%s, %s", name, size) : g_strdup(name);
}

static Chart *chart_rows(const Subset *subset) {
        g_autofree char *mode = capital(subset->mode), *size = size_text(g_array_index(subset->sizes, double, 0));
        Chart *chart = chart_new(CHART_DOTS);

        chart->title = g_strdup_printf("%s, messages of %s", mode, size);
        chart->y_title = subset->latency ? "time" : "messages per second";
        chart->y_unit = subset->latency ? AXIS_NSEC : AXIS_RATE;
        chart->note = g_strdup(subset->latency
                                       ? "Dot: median; line: to the 99th percentile; upright: the floor that "
                                         "binds. Hollow: disturbed. Left is better."
                                       : "Dot: median; line: its interval. Hollow: disturbed. Right is better.");
        for (guint i = 0; i < subset->results->len; i++) {
                const BenchResult *result = subset->results->pdata[i];
                g_autofree char *place = place_of(subset, result), *name = row_name(subset, result);
                Curve *row = panel_curve(chart_panel(chart, place), name, 0);
                Point point = { 1, subset->latency ? result->p50 : result->rate,
                        subset->latency ? result->p50 : result->low, subset->latency ? result->p99 : result->high,
                        subset->latency ? result->floor_nsec : 0, result->disturbed };
                if (row->points->len == 0)
                        g_array_append_val(row->points, point);
        }
        for (guint i = 0; i < chart->panels->len; i++)
                g_ptr_array_sort(((Panel *)chart->panels->pdata[i])->curves,
                        subset->latency ? compare_rows : compare_rows_down);
        return chart;
}

/* Of several sizes the one that is nearest to the usual. */
static double size_for_curves(const Subset *subset) {
        double best = g_array_index(subset->sizes, double, 0);

        for (guint i = 0; i < subset->sizes->len; i++) {
                double size = g_array_index(subset->sizes, double, i);
                if (fabs(log(size / SIZE_USUAL)) < fabs(log(best / SIZE_USUAL)))
                        best = size;
        }
        return best;
}

static Chart *chart_percentiles(const Subset *subset) {
        g_autoptr(GPtrArray) seen = g_ptr_array_new_with_free_func(g_free);
        double of_size = size_for_curves(subset);
        g_autofree char *mode = capital(subset->mode), *size = size_text(of_size);
        Chart *chart = chart_new(type_for(subset));

        chart->title = g_strdup_printf("%s by percentile, messages of %s", mode, size);
        chart->x_title = "part of them that took no longer";
        chart->y_title = "time";
        chart->x_unit = AXIS_PERCENTILE;
        chart->y_unit = AXIS_NSEC;
        chart->signs_sparse = true;
        chart->note = g_strdup("Hollow: disturbed. A curve ends where there were no more of them.");
        for (guint i = 0; i < subset->results->len; i++) {
                const BenchResult *result = subset->results->pdata[i];
                if (MAX((double)result->asked, 1) != of_size || result->n_curve == 0)
                        continue;
                Curve *curve = curve_of(chart, subset, result, seen);
                for (guint k = 0; k < result->n_curve; k++) {
                        Point point = { .x = pow(10, (double)k / SIGN_EVERY),
                                .y = result->curve[k],
                                .hollow = result->disturbed };
                        if (point.y > 0)
                                g_array_append_val(curve->points, point);
                }
        }
        sort_points(chart);
        return chart;
}

static void add_chart(GPtrArray *charts, Chart *chart) {
        if (chart->panels->len > 0)
                g_ptr_array_add(charts, chart);
        else
                chart_free(chart);
}

static void add_charts(GPtrArray *charts, const BenchRun *run, const char *mode) {
        Subset *subset = subset_new(run, mode);

        if (subset->results->len > 0) {
                add_chart(charts, subset->sizes->len > 1 ? chart_by_size(subset) : chart_rows(subset));
                if (subset->latency)
                        add_chart(charts, chart_percentiles(subset));
        }
        subset_free(subset);
}

static void free_chart(void *chart) {
        chart_free(chart);
}

GPtrArray *charts_of_run(const BenchRun *run) {
        GPtrArray *charts = g_ptr_array_new_with_free_func(free_chart);
        g_autoptr(GPtrArray) modes = g_ptr_array_new();

        for (guint i = 0; i < run->results->len; i++) {
                char *mode = (char *)bench_result(run, i)->mode;
                if (g_ptr_array_find_with_equal_func(modes, mode, g_str_equal, NULL))
                        continue;
                g_ptr_array_add(modes, mode);
                add_charts(charts, run, mode);
        }
        return charts;
}
