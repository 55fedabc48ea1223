/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Prints tables. Figures of different modes and placements do not compare, so each has a table of its own, best first
 * for each size; what is the same in all its rows stands in its title. Owns nothing. */
#include "bench-table.h"

#include <stdio.h>
#include <string.h>

#include "bars.h"
#include "output.h"
#include "table.h"
#include "units.h"

enum { BAR_LEAST = 6, BAR_MOST = 40, COPIES_PER_LINE = 3, BAR_CUT = 4, NAME_GOOD = 24, NAME_LEAST = 12 };

typedef struct Group {
        const char *mode, *placement;
        GPtrArray *results; /* borrowed, sorted */
        bool latency, varies_wait, varies_peers, varies_floor, disturbed;
        bool without_bytes; /* on a terminal that has no room for them: they are messages times size */
} Group;

static void group_free(void *data) {
        Group *group = data;

        g_ptr_array_unref(group->results);
        g_free(group);
}

/* Where standard output is a terminal a line that is too long is continued below, after `indent` blanks. */
static void print_line(const char *text, unsigned indent) {
        unsigned width = bars_terminal_width(), column = 0;
        g_autofree char *harmless = text_harmless(text);
        g_auto(GStrv) words = g_strsplit(harmless, " ", -1);

        for (char **word = words; *word != NULL; word++) {
                unsigned length = (unsigned)g_utf8_strlen(*word, -1);
                bool first = word == words, wrap = !first && width > indent && column + 1 + length > width;
                if (wrap)
                        printf("\n%*s", (int)indent, "");
                printf("%s%s", first || wrap ? "" : " ", *word);
                column = wrap ? indent + length : column + (first ? 0 : 1) + length;
        }
        putchar('\n');
}

static void print_copies(JsonObject *copies) {
        g_autoptr(GList) sizes = json_object_get_members(copies);
        unsigned n = 0;

        for (GList *at = sizes; at != NULL; at = at->next) {
                char size[UNITS_TEXT_MAX];
                g_autofree char *rate = bench_rate_text(bench_number(copies, at->data), "B/s");
                if (rate == NULL)
                        continue;
                printf("%s%s %s",
                        n % COPIES_PER_LINE != 0 ? ", "
                        : n > 0                  ? ",\n                   "
                                                 : "           memcpy: ",
                        size_print(g_ascii_strtoull(at->data, NULL, 10), size), rate);
                n++;
        }
        if (n > 0)
                putchar('\n');
}

static void print_floors(const BenchRun *run) {
        JsonObject *root = json_node_get_object(run->root), *floors = bench_object(root, "floors");
        JsonObject *titles = bench_object(root, "floor_titles");
        g_autoptr(GList) names = floors != NULL ? json_object_get_members(floors) : NULL;

        if (names == NULL)
                return;
        puts("floors: what the machine itself costs");
        for (GList *at = names; at != NULL; at = at->next) {
                g_autofree char *value = bench_nsec_text(bench_number(floors, at->data));
                g_autofree char *label = bench_floor_label(at->data);
                const char *title = bench_string(titles, at->data);
                if (value == NULL)
                        continue;
                g_autofree char *line = g_strdup_printf(
                        "%9s  %s%s%s", value, label, *title != '\0' ? ": " : "", title);
                print_line(line, 11);
        }
        for (GList *at = names; at != NULL; at = at->next)
                if (bench_object(floors, at->data) != NULL)
                        print_copies(bench_object(floors, at->data));
}

static int compare_results(gconstpointer a, gconstpointer b) {
        const BenchResult *x = *(BenchResult *const *)a, *y = *(BenchResult *const *)b;

        if (x->asked != y->asked)
                return x->asked < y->asked ? -1 : 1;
        if (x->peers != y->peers)
                return x->peers < y->peers ? -1 : 1;
        return bench_nsec(x) < bench_nsec(y) ? -1 : bench_nsec(x) > bench_nsec(y);
}

static Group *group_of(GPtrArray *groups, const BenchResult *result) {
        for (guint i = 0; i < groups->len; i++) {
                Group *group = groups->pdata[i];
                if (strcmp(group->mode, result->mode) == 0 && strcmp(group->placement, result->placement) == 0)
                        return group;
        }
        Group *group = g_new0(Group, 1);
        group->mode = result->mode;
        group->placement = result->placement;
        group->results = g_ptr_array_new();
        g_ptr_array_add(groups, group);
        return group;
}

static void group_look(Group *group) {
        const BenchResult *first = group->results->pdata[0];

        group->latency = true;
        for (guint i = 0; i < group->results->len; i++) {
                const BenchResult *result = group->results->pdata[i];
                group->latency &= bench_is_latency(result);
                group->varies_wait |= strcmp(result->wait, first->wait) != 0;
                group->varies_peers |= result->peers != first->peers;
                group->varies_floor |= strcmp(result->floor, first->floor) != 0;
                group->disturbed |= result->disturbed;
        }
        g_ptr_array_sort(group->results, compare_results);
}

static GPtrArray *groups_new(const BenchRun *run) {
        GPtrArray *groups = g_ptr_array_new_with_free_func(group_free);

        for (guint i = 0; i < run->results->len; i++)
                if (bench_nsec(bench_result(run, i)) > 0)
                        g_ptr_array_add(group_of(groups, bench_result(run, i))->results, run->results->pdata[i]);
        for (guint i = 0; i < groups->len; i++)
                group_look(groups->pdata[i]);
        return groups;
}

static int compare_figures(gconstpointer a, gconstpointer b) {
        double x = *(const double *)a, y = *(const double *)b;

        return x < y ? -1 : x > y;
}

/* The figure of the longest bar, of those of the same size: a bar compares with these alone. Few that are far from all
 * others would leave nothing of their bars, so theirs are cut. */
static double longest(const Group *group, const BenchResult *like) {
        g_autoptr(GArray) figures = g_array_new(FALSE, FALSE, sizeof(double));

        for (guint i = 0; i < group->results->len; i++) {
                const BenchResult *result = group->results->pdata[i];
                if (result->asked == like->asked)
                        g_array_append_val(figures, *(group->latency ? &result->p50 : &result->rate));
        }
        g_array_sort(figures, compare_figures);
        return MIN(g_array_index(figures, double, figures->len - 1),
                BAR_CUT * g_array_index(figures, double, figures->len / 2));
}

typedef struct Column {
        const char *name;
        bool right;
        unsigned width; /* of its longest cell */
} Column;

/* A column's width is known before the bars are drawn, which take what is left. */
static void columns_of(const Group *group, const BenchComparison *comparison, GArray *columns) {
        const struct {
                const char *name;
                bool right;
        } all[] = {
                { "KIND", false },
                { "SIZE", true },
                { group->varies_wait ? "WAIT" : NULL, false },
                { group->varies_peers ? "PEERS" : NULL, true },
                { comparison != NULL ? "WAS" : NULL, true },
                { comparison != NULL     ? "NOW"
                        : group->latency ? "P50"
                                         : "MESSAGES",
                        true },
                { comparison != NULL ? "CHANGE" : NULL, false },
                { comparison == NULL && group->latency ? "P99" : NULL, true },
                { comparison == NULL && !group->latency && !group->without_bytes ? "BYTES" : NULL, true },
                { comparison == NULL ? "CPU/MSG" : NULL, true },
                { comparison == NULL ? "X-FLOOR" : NULL, true },
                { comparison == NULL && group->varies_floor ? "FLOOR" : NULL, false },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(all); i++) {
                Column column = { all[i].name, all[i].right, all[i].name != NULL ? (unsigned)strlen(all[i].name) : 0 };
                if (column.name != NULL)
                        g_array_append_val(columns, column);
        }
}

static char *main_figure(const BenchResult *result, bool latency) {
        return latency ? bench_nsec_text(result->p50) : bench_rate_text(result->rate, "/s");
}

static void add_change(
        GPtrArray *cells, const Group *group, const BenchResult *result, const BenchComparison *comparison) {
        const BenchDifference *difference = bench_comparison_find(comparison, result);

        g_ptr_array_add(cells, difference != NULL ? main_figure(difference->was, group->latency) : NULL);
        g_ptr_array_add(cells, main_figure(result, group->latency));
        g_ptr_array_add(cells, difference != NULL ? bench_difference_text(difference) : g_strdup("not in that run"));
}

static GPtrArray *cells_of(const Group *group, const BenchResult *result, const BenchComparison *comparison) {
        GPtrArray *cells = g_ptr_array_new_with_free_func(g_free);
        char size[UNITS_TEXT_MAX];

        g_ptr_array_add(cells, g_strconcat(result->subject, result->disturbed ? " *" : "", NULL));
        g_ptr_array_add(cells, g_strdup(size_print(result->size, size)));
        if (group->varies_wait)
                g_ptr_array_add(cells, g_strdup(result->wait));
        if (group->varies_peers)
                g_ptr_array_add(cells, g_strdup_printf("%" G_GUINT64_FORMAT, result->peers));
        if (comparison != NULL) {
                add_change(cells, group, result, comparison);
                return cells;
        }
        g_ptr_array_add(cells, main_figure(result, group->latency));
        if (group->latency)
                g_ptr_array_add(cells, bench_nsec_text(result->p99));
        else if (!group->without_bytes)
                g_ptr_array_add(cells, bench_rate_text(result->bytes_rate, "B/s"));
        g_ptr_array_add(cells, bench_nsec_text(result->cpu));
        g_ptr_array_add(cells,
                result->ratio > 0 ? g_strdup_printf("%.*f", result->ratio < 99.995 ? 2 : 0, result->ratio) : NULL);
        if (group->varies_floor)
                g_ptr_array_add(cells, bench_floor_label(result->floor));
        return cells;
}

/* Of all columns, with the gap before a further one. */
static unsigned width_of(const GArray *columns) {
        unsigned used = 2;

        for (guint i = 0; i < columns->len; i++)
                used += g_array_index(columns, Column, i).width + 2;
        return used;
}

/* How wide a bar may be; 0 for none. */
static unsigned bar_width(const GArray *columns) {
        unsigned terminal = bars_terminal_width(), used = width_of(columns);

        return terminal >= used + BAR_LEAST ? MIN(terminal - used, BAR_MOST) : 0;
}

static void print_title(const Group *group, unsigned bars) {
        const BenchResult *first = group->results->pdata[0];
        JsonArray *cpus = bench_array(first->object, "cpus");
        g_autoptr(GString) title = g_string_new(NULL);

        double burst = bench_number(first->object, "burst");

        g_string_append(title, group->mode);
        if (burst > 0)
                g_string_append_printf(title, " of %.0f messages", burst);
        g_string_append_printf(title, ", %s", group->placement);
        for (guint i = 0; cpus != NULL && i < json_array_get_length(cpus); i++) {
                JsonNode *node = json_array_get_element(cpus, i);
                if (JSON_NODE_HOLDS_VALUE(node))
                        g_string_append_printf(
                                title, "%s%" G_GINT64_FORMAT, i == 0 ? " " : ",", json_node_get_int(node));
        }
        if (!group->varies_wait)
                g_string_append_printf(title, ", %s", first->wait);
        if (!group->varies_peers && first->peers > 0)
                g_string_append_printf(title, ", %" G_GUINT64_FORMAT " peers", first->peers);
        if (!group->varies_floor && *first->floor != '\0') {
                g_autofree char *label = bench_floor_label(first->floor);
                g_string_append_printf(title, "; floor: %s", label);
        }
        if (bars > 0)
                g_string_append_printf(title, "; %s bars are better", group->latency ? "short" : "long");
        g_autofree char *line = text_harmless(title->str);
        printf("\n%s%s%s\n", output_colour("bold"), line, output_colour(""));
}

/* Without its middle, as variants of a kind differ at their ends. */
static char *shortened(const char *name, unsigned width) {
        const char *dots = g_get_charset(NULL) ? "\u2026" : "..";
        unsigned n = (unsigned)g_utf8_strlen(name, -1), room = width - (unsigned)g_utf8_strlen(dots, -1);

        if (n <= width)
                return g_strdup(name);
        g_autofree char *begin = g_utf8_substring(name, 0, room / 2);
        g_autofree char *end = g_utf8_substring(name, n - (room - room / 2), n);
        return g_strconcat(begin, dots, end, NULL);
}

/* The width that names may have, so that the table and short bars fit into the terminal, or at least the table. */
static unsigned name_width(const GArray *columns, bool bars) {
        unsigned terminal = bars_terminal_width(), own = g_array_index(columns, Column, 0).width;
        unsigned others = width_of(columns) - own, with_bars = others + (bars ? BAR_LEAST : 0);

        if (terminal == 0)
                return own;
        if (terminal >= with_bars + NAME_GOOD)
                return MIN(own, terminal - with_bars);
        return MIN(own, terminal + 2 > others + NAME_LEAST ? terminal + 2 - others : NAME_LEAST);
}

/* On a terminal only, and only if names stay apart. */
static void shorten_names(GArray *columns, GPtrArray *rows, bool bars) {
        g_autoptr(GHashTable)
                names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free); /* short -> long */
        unsigned width = name_width(columns, bars);

        for (guint i = 0; i < rows->len; i++) {
                const char *name = ((GPtrArray *)rows->pdata[i])->pdata[0];
                g_autofree char *less = shortened(name, width);
                const char *other = g_hash_table_lookup(names, less);
                if (other != NULL && strcmp(other, name) != 0)
                        return;
                g_hash_table_replace(names, g_steal_pointer(&less), g_strdup(name));
        }
        for (guint i = 0; i < rows->len; i++) {
                GPtrArray *cells = rows->pdata[i];
                char *less = shortened(cells->pdata[0], width);
                g_free(cells->pdata[0]);
                cells->pdata[0] = less;
        }
        g_array_index(columns, Column, 0).width = width;
}

static Table *table_of(const Group *group, const BenchComparison *comparison, GPtrArray *rows, unsigned *ret_bars) {
        g_autoptr(GArray) columns = g_array_new(FALSE, FALSE, sizeof(Column));
        Table *table = table_new(true);

        columns_of(group, comparison, columns);
        for (guint i = 0; i < rows->len; i++) {
                GPtrArray *cells = rows->pdata[i];
                g_assert(cells->len == columns->len);
                for (guint c = 0; c < columns->len; c++) {
                        Column *column = &g_array_index(columns, Column, c);
                        column->width = MAX(column->width,
                                cells->pdata[c] != NULL ? (unsigned)g_utf8_strlen(cells->pdata[c], -1) : 1);
                }
        }
        shorten_names(columns, rows, comparison == NULL);
        for (guint c = 0; c < columns->len; c++)
                table_column(table, g_array_index(columns, Column, c).name, g_array_index(columns, Column, c).right);
        *ret_bars = comparison == NULL ? bar_width(columns) : 0;
        if (*ret_bars > 0)
                table_column(table, " ", false);
        return table;
}

static GPtrArray *rows_of(const Group *group, const BenchComparison *comparison) {
        GPtrArray *rows = g_ptr_array_new_with_free_func((GDestroyNotify)g_ptr_array_unref);

        for (guint i = 0; i < group->results->len; i++)
                g_ptr_array_add(rows, cells_of(group, group->results->pdata[i], comparison));
        return rows;
}

static void print_group(Group *group, const BenchComparison *comparison) {
        g_autoptr(GPtrArray) rows = rows_of(group, comparison);
        unsigned bars;
        g_autoptr(Table) table = table_of(group, comparison, rows, &bars);

        if (bars == 0 && bars_terminal_width() > 0 && comparison == NULL && !group->latency) {
                group->without_bytes = true;
                g_ptr_array_unref(rows);
                table_free(table);
                rows = rows_of(group, comparison);
                table = table_of(group, comparison, rows, &bars);
        }
        for (guint i = 0; i < rows->len; i++) {
                const BenchResult *result = group->results->pdata[i];
                double figure = group->latency ? result->p50 : result->rate;
                GPtrArray *cells = rows->pdata[i];
                if (bars > 0)
                        g_ptr_array_add(cells, bar_text(figure / longest(group, result), bars));
                table_row(table, (const char *const *)cells->pdata);
        }
        print_title(group, bars);
        table_print(table, "  ");
}

/* Once for the whole: what the asterisks stand for. */
static void print_disturbances(const BenchRun *run) {
        g_autoptr(GPtrArray) causes = g_ptr_array_new_with_free_func(g_free);
        guint n = 0;

        for (guint i = 0; i < run->results->len; i++) {
                const BenchResult *result = bench_result(run, i);
                g_auto(GStrv) by = result->disturbed ? g_strsplit(result->disturbed_by, ", ", -1) : NULL;

                n += result->disturbed;
                for (char **cause = by; cause != NULL && *cause != NULL; cause++)
                        if (!g_ptr_array_find_with_equal_func(causes, *cause, g_str_equal, NULL))
                                g_ptr_array_add(causes, g_strdup(*cause));
        }
        if (n == 0)
                return;
        printf("\n* disturbed in most of its trials (%u of %u results), by\n", n, run->results->len);
        for (guint i = 0; i < causes->len; i++) {
                g_autofree char *line = g_strconcat("  ", causes->pdata[i], NULL);
                print_line(line, 4);
        }
}

typedef struct Skips {
        const BenchRun *run;
        const char *subject, *reason;
} Skips;

typedef char *(*Dimension)(const BenchResult *result);

static char *mode_of(const BenchResult *result) {
        return g_strdup(result->mode);
}

static char *wait_of(const BenchResult *result) {
        return g_strdup(result->wait);
}

static char *placement_of(const BenchResult *result) {
        return g_strdup(result->placement);
}

static char *size_of(const BenchResult *result) {
        char size[UNITS_TEXT_MAX];

        return g_strdup(size_print(result->asked, size));
}

static char *peers_of(const BenchResult *result) {
        return result->peers > 0 ? g_strdup_printf("%" G_GUINT64_FORMAT " peers", result->peers)
                                 : g_strdup("one to one");
}

/* Where it is missing, along one dimension, unless it is missing in all of the run. */
static void append_where(GString *line, const Skips *skips, Dimension dimension) {
        g_autoptr(GPtrArray) all = g_ptr_array_new_with_free_func(g_free);
        g_autoptr(GPtrArray) own = g_ptr_array_new_with_free_func(g_free);

        for (guint i = 0; i < skips->run->results->len; i++) {
                const BenchResult *result = bench_result(skips->run, i);
                g_autofree char *value = dimension(result);
                if (strcmp(result->subject, skips->subject) == 0 && strcmp(result->skipped, skips->reason) == 0 &&
                        !g_ptr_array_find_with_equal_func(own, value, g_str_equal, NULL))
                        g_ptr_array_add(own, g_strdup(value));
                if (!g_ptr_array_find_with_equal_func(all, value, g_str_equal, NULL))
                        g_ptr_array_add(all, g_steal_pointer(&value));
        }
        if (own->len == all->len)
                return;
        for (guint i = 0; i < own->len; i++)
                g_string_append_printf(line, "%s%s", i == 0 ? ", " : " and ", (char *)own->pdata[i]);
}

static void print_skipped(const BenchRun *run) {
        static const Dimension dimensions[] = { mode_of, placement_of, size_of, wait_of, peers_of };
        g_autoptr(GPtrArray) said = g_ptr_array_new_with_free_func(g_free);

        for (guint i = 0; i < run->results->len; i++) {
                const BenchResult *result = bench_result(run, i);
                const Skips skips = { run, result->subject, result->skipped };
                g_autoptr(GString) line = g_string_new(result->subject);
                if (*result->skipped == '\0')
                        continue;
                for (size_t d = 0; d < G_N_ELEMENTS(dimensions); d++)
                        append_where(line, &skips, dimensions[d]);
                g_string_append_printf(line, ": %s", result->skipped);
                g_string_prepend(line, "  ");
                if (g_ptr_array_find_with_equal_func(said, line->str, g_str_equal, NULL))
                        continue;
                printf("%s", said->len == 0 ? "\nnot measured\n" : "");
                print_line(line->str, 4);
                g_ptr_array_add(said, g_string_free(g_steal_pointer(&line), FALSE));
        }
}

void bench_table_print(const BenchRun *run, const BenchComparison *comparison) {
        g_autoptr(GPtrArray) groups = groups_new(run);

        print_floors(run);
        for (guint i = 0; i < groups->len; i++)
                print_group(groups->pdata[i], comparison);
        print_disturbances(run);
        print_skipped(run);
        if (comparison != NULL)
                bench_comparison_print(comparison);
}
