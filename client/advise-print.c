/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Shows advice: the best kinds with their reasons (+), their price (-), what was seen and measured of them and what to
 * type next; then the others, a line each, and why those that are left out are. Owns nothing. */
#include "advise-print.h"

#include <stdio.h>
#include <string.h>

#include "advise-speed.h"
#include "json.h"
#include "output.h"

enum { WIDTH = 80, SHOWN_IN_FULL = 3, INDENT = 4 };

/* Breaks at spaces. `mark` stands in front of the first line; the others begin `hang` behind the indent. */
static void print_hanging(int indent, int hang, const char *mark, const char *text) {
        g_autofree char *harmless = text_harmless(text);
        g_auto(GStrv) words = g_strsplit(harmless, " ", -1);
        glong column = indent + g_utf8_strlen(mark, -1);
        bool first = true;

        printf("%*s%s", indent, "", mark);
        indent += hang;
        for (char **word = words; *word != NULL; word++) {
                glong length = g_utf8_strlen(*word, -1);
                if (!first && column + 1 + length > WIDTH) {
                        printf("\n%*s", indent, "");
                        column = indent;
                        first = true;
                }
                printf("%s%s", first ? "" : " ", *word);
                column += length + !first;
                first = false;
        }
        putchar('\n');
}

static void print_wrapped(int indent, const char *mark, const char *text) {
        print_hanging(indent, (int)g_utf8_strlen(mark, -1), mark, text);
}

static char *join(GPtrArray *words, const char *separator) {
        GString *text = g_string_new(NULL);

        for (guint i = 0; i < words->len; i++)
                g_string_append_printf(text, "%s%s", i > 0 ? separator : "", (const char *)words->pdata[i]);
        return g_string_free(text, FALSE);
}

/* The caller frees it. */
static char *next_of(const Candidate *candidate) {
        return g_strdup_printf(
                "ipcctl create %s%s%s", candidate->kind, *candidate->example != '\0' ? " " : "", candidate->example);
}

/* Of the claims behind what was asked for. */
static char *seen_text(const Candidate *candidate) {
        guint known = candidate->ok + candidate->failed + candidate->skipped, untested = candidate->untested->len;
        GString *text = g_string_new(NULL);

        if (known > 0)
                g_string_append_printf(
                        text, "claims behind this that held here: %u of %u", candidate->ok, known + untested);
        if (candidate->failed > 0)
                g_string_append_printf(text, ", failed: %u", candidate->failed);
        if (candidate->skipped > 0)
                g_string_append_printf(text, ", not testable here: %u", candidate->skipped);
        if (untested > 0)
                g_string_append_printf(text, "%suntested here: ipcctl test %s",
                        known > 0 ? ", " : "claims behind this are ", candidate->kind);
        return g_string_free(text, FALSE);
}

static void print_measured(const Candidate *candidate, const Needs *needs) {
        double percent = speed_cpu_percent(candidate->measured, needs);
        g_autofree char *text = candidate->measured != NULL ? speed_text(candidate->measured) : NULL;
        g_autofree char *share = percent > 0 ? g_strdup_printf("; %.*f %% of a CPU at %" G_GUINT64_FORMAT "/s",
                                                       percent < 10 ? 1 : 0, percent, needs->rate)
                                             : g_strdup("");
        g_autofree char *line = text != NULL ? g_strconcat("measured: ", text, share, NULL) : NULL;

        if (line != NULL)
                print_wrapped(INDENT, "", line);
        else if (needs_ask_speed(needs) && needs->purpose == PURPOSE_DATA)
                print_wrapped(INDENT, "", "not measured");
}

static void print_reasons(GPtrArray *reasons, const char *mark) {
        for (guint i = 0; i < reasons->len; i++) {
                const Reason *reason = reasons->pdata[i];
                print_wrapped(INDENT, mark, reason->text);
        }
}

static void print_in_full(const Candidate *candidate, const Needs *needs, guint rank) {
        g_autofree char *seen = seen_text(candidate), *next = next_of(candidate);

        printf("%s%2u  %s%s, %s\n", output_colour("bold"), rank, candidate->kind, output_colour(""), candidate->title);
        print_reasons(candidate->reasons, "+ ");
        print_reasons(candidate->prices, "- ");
        print_measured(candidate, needs);
        if (*seen != '\0')
                print_wrapped(INDENT, "", seen);
        print_wrapped(INDENT, "next: ", next);
}

/* With the most that is against it: that is why it stands here. */
static void print_in_short(const Candidate *candidate, guint rank) {
        g_autofree char *mark = g_strdup_printf("%2u  %s: ", rank, candidate->kind);
        g_autofree char *figures = candidate->measured != NULL ? speed_text(candidate->measured) : NULL;
        const Reason *dearest = candidate->prices->len > 0 ? candidate->prices->pdata[0] : NULL;
        g_autofree char *text = g_strdup_printf("%s%s%s", figures != NULL ? figures : "",
                figures != NULL && dearest != NULL ? "; " : "",
                dearest != NULL   ? dearest->text
                : figures != NULL ? ""
                                  : candidate->title);

        print_hanging(0, INDENT, mark, text);
}

static void print_ranked(const Advice *advice, const Needs *needs, bool all) {
        for (guint i = 0; i < advice->ranked->len; i++) {
                const Candidate *candidate = advice->ranked->pdata[i];
                if (all || i < SHOWN_IN_FULL) {
                        print_in_full(candidate, needs, i + 1);
                        continue;
                }
                print_in_short(candidate, i + 1);
        }
}

/* It is for something else altogether. */
static bool misses_purpose(const Candidate *candidate) {
        for (guint i = 0; i < candidate->misses->len; i++)
                if (g_str_has_prefix(((const Miss *)candidate->misses->pdata[i])->option, "--for "))
                        return true;
        return false;
}

static void print_misses(const Candidate *candidate) {
        g_autofree char *mark = g_strdup_printf("%s: ", candidate->kind);
        g_autoptr(GString) text = g_string_new(NULL);

        if (candidate->unavailable != NULL)
                g_string_append_printf(text, "not to be had here: %s", candidate->unavailable);
        for (guint i = 0; i < candidate->misses->len; i++) {
                const Miss *miss = candidate->misses->pdata[i];
                g_string_append_printf(text, "%s%s (%s)", text->len > 0 ? "; " : "", miss->text, miss->option);
        }
        print_hanging(2, 2, mark, text->str);
}

static void print_excluded(const Advice *advice, const Needs *needs, bool all) {
        static const char *const words[PURPOSE_MAX] = { "data", "notifying", "one at a time", "counting" };
        g_autofree char *mark = g_strdup_printf("not for %s: ", words[needs->purpose]);
        g_autoptr(GPtrArray) others = g_ptr_array_new();

        if (advice->excluded->len > 0)
                puts("left out:");
        for (guint i = 0; i < advice->excluded->len; i++) {
                const Candidate *candidate = advice->excluded->pdata[i];
                if (!all && misses_purpose(candidate))
                        g_ptr_array_add(others, (gpointer)candidate->kind);
                else
                        print_misses(candidate);
        }
        g_autofree char *names = join(others, ", ");
        if (others->len > 0)
                print_hanging(2, 2, mark, names);
}

static char *options_missed(const Candidate *candidate) {
        g_autoptr(GPtrArray) names = g_ptr_array_new();

        for (guint i = 0; i < candidate->misses->len; i++)
                g_ptr_array_add(names, (gpointer)((const Miss *)candidate->misses->pdata[i])->option);
        return join(names, " and ");
}

static void print_nearest(const Advice *advice) {
        g_autoptr(GPtrArray) nearest = advice_nearest(advice);

        puts("No kind that can be had here offers all of that.");
        if (nearest->len > 0)
                puts("The nearest, and what to give up for it:");
        for (guint i = 0; i < nearest->len && i < SHOWN_IN_FULL; i++) {
                const Candidate *candidate = nearest->pdata[i];
                g_autofree char *options = options_missed(candidate);
                g_autofree char *mark = g_strdup_printf("%s, without %s: ", candidate->kind, options);
                const Miss *miss = candidate->misses->pdata[0];
                print_hanging(2, 2, mark, miss->text);
        }
}

/* What would measure those that are left, as it is typed. NULL: there are figures of all. The caller frees it. */
static char *measure_command(const Advice *advice, const Needs *needs) {
        g_autoptr(GString) command = g_string_new("ipcctl bench");

        if (needs->purpose != PURPOSE_DATA || advice->ranked->len == 0 || advice->measured == advice->ranked->len)
                return NULL;
        for (guint i = 0; i < advice->ranked->len; i++) {
                const Candidate *candidate = advice->ranked->pdata[i];
                if (candidate->measured == NULL)
                        g_string_append_printf(command, " %s", candidate->kind);
        }
        if (needs->size > 0 && needs->size % (1 << 20) == 0)
                g_string_append_printf(command, " --size %" G_GUINT64_FORMAT "M", needs->size >> 20);
        else if (needs->size > 0 && needs->size % (1 << 10) == 0)
                g_string_append_printf(command, " --size %" G_GUINT64_FORMAT "K", needs->size >> 10);
        else if (needs->size > 0)
                g_string_append_printf(command, " --size %" G_GUINT64_FORMAT, needs->size);
        return g_string_free(g_steal_pointer(&command), FALSE);
}

static void print_basis(const Advice *advice, const Needs *needs) {
        g_autofree char *command = measure_command(advice, needs);
        g_autofree char *from = needs->from != NULL ? g_strdup_printf("figures of %s", needs->from)
                                                    : g_strdup("figures of this machine");
        g_autofree char *line = NULL;

        if (advice->ranked->len == 0)
                return;
        if (advice->figures_decide)
                line = g_strdup_printf("Ranked by what kinds claim and by %s.", from);
        else
                line = g_strdup_printf("Ranked by what kinds claim alone%s.",
                        advice->measured > 0             ? ": no --size, --rate, --latency or --fast asks for figures"
                        : needs->purpose != PURPOSE_DATA ? ""
                                                         : ": there are no figures of this machine for it");
        print_wrapped(0, "", line);
        if (command != NULL && needs->from == NULL) {
                puts(advice->measured > 0 ? "To measure the others:" : "To measure:");
                print_wrapped(2, "", command);
        }
}

void advice_print(const Advice *advice, const Needs *needs, bool all) {
        g_autofree char *wanted = needs_text(needs);

        print_wrapped(0, "wanted: ", wanted);
        if (!needs->purpose_given)
                puts("        (data unless --for says notify, lock or count)");
        if (advice->ranked->len == 0)
                print_nearest(advice);
        print_ranked(advice, needs, all);
        print_excluded(advice, needs, all);
        print_basis(advice, needs);
}

static JsonArray *reasons_json(GPtrArray *reasons) {
        JsonArray *array = json_array_new();

        for (guint i = 0; i < reasons->len; i++) {
                const Reason *reason = reasons->pdata[i];
                JsonObject *object = json_object_new();
                JsonArray *claims = json_array_new();
                json_object_set_string_member(object, "need", reason->name);
                json_object_set_boolean_member(object, "asked", reason->asked);
                json_object_set_string_member(object, "text", reason->text);
                for (const char **id = reason->claims; id != NULL && *id != NULL; id++)
                        json_array_add_string_element(claims, *id);
                json_object_set_array_member(object, "claims", claims);
                json_array_add_object_element(array, object);
        }
        return array;
}

static JsonObject *measured_json(const Candidate *candidate, const Needs *needs) {
        const Measured *measured = candidate->measured;
        JsonObject *object = json_object_new();
        double percent = speed_cpu_percent(measured, needs);

        json_add_u64(object, "size", measured->size);
        json_object_set_string_member(object, "variant", measured->variant);
        json_object_set_string_member(object, "wait", measured->wait);
        json_object_set_string_member(object, "placement", measured->placement);
        json_object_set_double_member(object, "messages_per_second", measured->rate);
        json_object_set_double_member(object, "cpu_ns_per_message", measured->cpu_ns);
        json_object_set_double_member(object, "latency_p50_ns", measured->p50_ns);
        json_object_set_boolean_member(object, "disturbed", measured->disturbed);
        if (percent > 0)
                json_object_set_double_member(object, "cpu_percent", percent);
        return object;
}

static JsonObject *ranked_json(const Candidate *candidate, const Needs *needs, guint rank) {
        g_autofree char *next = next_of(candidate);
        JsonObject *object = json_object_new(), *seen = json_object_new();
        JsonArray *untested = json_array_new();

        json_add_u64(object, "rank", rank);
        json_object_set_string_member(object, "kind", candidate->kind);
        json_object_set_string_member(object, "title", candidate->title);
        json_object_set_double_member(object, "score", candidate->score);
        json_object_set_array_member(object, "reasons", reasons_json(candidate->reasons));
        json_object_set_array_member(object, "price", reasons_json(candidate->prices));
        json_add_u64(seen, "ok", candidate->ok);
        json_add_u64(seen, "failed", candidate->failed);
        json_add_u64(seen, "skipped", candidate->skipped);
        for (guint i = 0; i < candidate->untested->len; i++)
                json_array_add_string_element(untested, candidate->untested->pdata[i]);
        json_object_set_array_member(seen, "untested", untested);
        json_object_set_object_member(object, "seen", seen);
        if (candidate->measured != NULL)
                json_object_set_object_member(object, "measured", measured_json(candidate, needs));
        json_object_set_string_member(object, "next", next);
        return object;
}

static JsonObject *excluded_json(const Candidate *candidate) {
        JsonObject *object = json_object_new();
        JsonArray *misses = json_array_new();

        json_object_set_string_member(object, "kind", candidate->kind);
        json_object_set_boolean_member(object, "available", candidate->unavailable == NULL);
        if (candidate->unavailable != NULL)
                json_object_set_string_member(object, "reason", candidate->unavailable);
        for (guint i = 0; i < candidate->misses->len; i++) {
                const Miss *miss = candidate->misses->pdata[i];
                JsonObject *item = json_object_new();
                json_object_set_string_member(item, "option", miss->option);
                json_object_set_string_member(item, "text", miss->text);
                json_array_add_object_element(misses, item);
        }
        json_object_set_array_member(object, "misses", misses);
        return object;
}

JsonNode *advice_json(const Advice *advice, const Needs *needs) {
        g_autofree char *command = measure_command(advice, needs);
        g_autoptr(GPtrArray) nearest = advice->ranked->len == 0 ? advice_nearest(advice) : g_ptr_array_new();
        JsonObject *object = json_object_new();
        JsonArray *ranking = json_array_new(), *excluded = json_array_new(), *near = json_array_new();

        for (guint i = 0; i < advice->ranked->len; i++)
                json_array_add_object_element(ranking, ranked_json(advice->ranked->pdata[i], needs, i + 1));
        for (guint i = 0; i < advice->excluded->len; i++)
                json_array_add_object_element(excluded, excluded_json(advice->excluded->pdata[i]));
        for (guint i = 0; i < nearest->len; i++)
                json_array_add_object_element(near, excluded_json(nearest->pdata[i]));
        json_object_set_array_member(object, "needs", needs_json(needs));
        json_object_set_string_member(object, "by", advice->figures_decide ? "claims and figures" : "claims");
        if (needs->from != NULL)
                json_object_set_string_member(object, "from", needs->from);
        json_object_set_array_member(object, "ranking", ranking);
        json_object_set_array_member(object, "excluded", excluded);
        json_object_set_array_member(object, "nearest", near);
        if (command != NULL)
                json_object_set_string_member(object, "measure", command);
        return json_node_of(object);
}
