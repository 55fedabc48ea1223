/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Each kind answers each need with yes, partly or no. What is needed and answered with no excludes; everything else
 * has a price, and the cheapest kind is the best. The prices stand in the table of needs and below; figures of this
 * machine come on top (advise-speed.c). The advice owns its candidates and their descriptions. */
#include "advise-rank.h"

#include <string.h>

#include "advise-speed.h"
#include "attributes.h"
#include "kind.h"
#include "tested.h"
#include "units.h"

/* Against the costs in the table of needs, which go to 12. */
#define SIZE_BEYOND (UINT64_C(1) << 50) /* more than there is: no bound at all */
enum { COST_PREFERRED_NO = 8, COST_PREFERRED_PARTLY = 4 };

static void reason_free(void *data) {
        Reason *reason = data;

        g_free(reason->text);
        g_free(reason->claims);
        g_free(reason);
}

static void miss_free(void *data) {
        Miss *miss = data;

        g_free(miss->text);
        g_free(miss);
}

static void candidate_free(void *data) {
        Candidate *candidate = data;

        g_variant_unref(candidate->description);
        g_ptr_array_unref(candidate->misses);
        g_ptr_array_unref(candidate->reasons);
        g_ptr_array_unref(candidate->prices);
        g_ptr_array_unref(candidate->untested);
        measured_free(candidate->measured);
        g_free(candidate);
}

void advice_free(Advice *advice) {
        if (advice == NULL)
                return;
        g_ptr_array_unref(advice->ranked);
        g_ptr_array_unref(advice->excluded);
        g_free(advice);
}

void candidate_miss(Candidate *candidate, const char *option, char *text) {
        Miss *miss = g_new(Miss, 1);

        *miss = (Miss){ option, text };
        g_ptr_array_add(candidate->misses, miss);
}

static void add_reason(GPtrArray *reasons, const char *name, char *text, bool asked, double cost, GVariant *trait) {
        Reason *reason = g_new0(Reason, 1);

        *reason = (Reason){ .name = name, .text = text, .asked = asked, .cost = cost };
        if (trait != NULL)
                g_variant_lookup(trait, "claims", "^a&s", &reason->claims);
        g_ptr_array_add(reasons, reason);
}

/* The caller unrefs it. NULL: a service that is older than the question. */
static GVariant *find_trait(GVariant *description, const char *name) {
        g_autoptr(GVariant) traits = g_variant_lookup_value(description, "traits", G_VARIANT_TYPE("aa{sv}"));
        GVariantIter iter;
        GVariant *trait;

        if (traits == NULL)
                return NULL;
        g_variant_iter_init(&iter, traits);
        while ((trait = g_variant_iter_next_value(&iter)) != NULL) {
                if (strcmp(attribute_string(trait, "name"), name) == 0)
                        return trait;
                g_variant_unref(trait);
        }
        return NULL;
}

typedef enum Answer { ANSWER_NO, ANSWER_PARTLY, ANSWER_YES } Answer;

static Answer answer_of(GVariant *trait, guint64 *ret_number) {
        const char *value = trait != NULL ? attribute_string(trait, "value") : "";

        *ret_number = 0;
        if (strcmp(value, "number") == 0)
                return attribute_number(trait, "number", ret_number) && *ret_number > 0 ? ANSWER_NO : ANSWER_YES;
        return strcmp(value, "yes") == 0 ? ANSWER_YES : strcmp(value, "partly") == 0 ? ANSWER_PARTLY : ANSWER_NO;
}

/* The id of a claim behind the answer that failed here, or NULL. Counts those of answers that were asked for. */
static const char *count_claims(Candidate *candidate, GHashTable *tested, GVariant *trait, bool asked) {
        g_autofree const char **claims = NULL;
        const char *failed = NULL;

        if (trait == NULL || !g_variant_lookup(trait, "claims", "^a&s", &claims))
                return NULL;
        for (const char **id = claims; *id != NULL; id++) {
                const Seen *seen = tested_claim(tested, candidate->kind, *id);
                if (seen != NULL && strcmp(seen->result, "failed") == 0)
                        failed = *id;
                if (!asked)
                        continue;
                candidate->ok += seen != NULL && strcmp(seen->result, "ok") == 0;
                candidate->failed += seen != NULL && strcmp(seen->result, "failed") == 0;
                candidate->skipped += seen != NULL && strcmp(seen->result, "skipped") == 0;
                if (seen == NULL && !g_ptr_array_find_with_equal_func(candidate->untested, *id, g_str_equal, NULL))
                        g_ptr_array_add(candidate->untested, g_strdup(*id));
        }
        return failed;
}

static void judge_hard(
        Candidate *candidate, const Needs *needs, const Need *need, Answer answer, GVariant *trait, const char *text) {
        static const char *const purposes[PURPOSE_MAX] = { "--for data", "--for notify", "--for lock", "--for count" };
        g_autofree char *flag = g_strdup_printf("--%s", need->name);

        if (answer == ANSWER_NO || (answer == ANSWER_PARTLY && needs->strict))
                candidate_miss(candidate, need->of_purpose ? purposes[needs->purpose] : g_intern_string(flag),
                        g_strdup(text));
        else if (answer == ANSWER_PARTLY) {
                candidate->score += need->partly;
                add_reason(candidate->prices, need->name, g_strdup(text), true, need->partly, trait);
        } else
                add_reason(candidate->reasons, need->name, g_strdup(text), true, 0, trait);
}

static void judge_preferred(Candidate *candidate, const Need *need, Answer answer, GVariant *trait, const char *text) {
        int cost = answer == ANSWER_NO ? COST_PREFERRED_NO : answer == ANSWER_PARTLY ? COST_PREFERRED_PARTLY : 0;

        candidate->score += cost;
        add_reason(answer == ANSWER_YES ? candidate->reasons : candidate->prices, need->name, g_strdup(text), true,
                cost, trait);
}

/* What nobody asked for. Who wants it fast is ready to do more himself. */
static void judge_unasked(Candidate *candidate, const Needs *needs, const Need *need, Answer answer, guint64 number,
        GVariant *trait, const char *text) {
        const NeedCost *costs = &need->costs[needs->purpose];
        double cost = answer == ANSWER_NO ? costs->no : answer == ANSWER_PARTLY ? costs->partly : 0;

        if (cost <= 0)
                return;
        cost = number > 0 ? cost * (double)number : needs->fast ? cost / 2 : cost;
        candidate->score += cost;
        if (number == 0)
                add_reason(candidate->prices, need->name, g_strdup(text), false, cost, trait);
}

static void judge_need(Candidate *candidate, const Needs *needs, size_t i, GHashTable *tested) {
        const Need *need = &need_table[i];
        g_autoptr(GVariant) trait = find_trait(candidate->description, need->trait);
        g_autofree char *text = NULL;
        NeedUse use = needs->uses[i];
        guint64 number;
        Answer answer = answer_of(trait, &number);
        const char *failed = count_claims(candidate, tested, trait, use != NEED_UNASKED);

        if (need->of_purpose && use == NEED_UNASKED)
                return;
        if (answer != ANSWER_NO && failed != NULL) {
                answer = ANSWER_NO;
                number = 0;
                text = g_strdup_printf("the claim \"%s\", which says so, failed when it was last tested here", failed);
        } else
                text = g_strdup(trait != NULL ? attribute_string(trait, "text") : "this service does not say");
        if (use == NEED_HARD)
                judge_hard(candidate, needs, need, answer, trait, text);
        else if (use == NEED_PREFERRED)
                judge_preferred(candidate, need, answer, trait, text);
        else
                judge_unasked(candidate, needs, need, answer, number, trait, text);
}

/* "fs.mqueue.msgsize_max" of a limit that probe() read from /proc/sys, else the limit's name. The caller frees it. */
static char *limit_title(GVariant *description, const char *name) {
        g_autoptr(GVariant) limits = g_variant_lookup_value(description, "limits", G_VARIANT_TYPE("aa{sv}"));
        GVariantIter iter;
        GVariant *limit;
        char *title = NULL;

        if (limits == NULL)
                return g_strdup(name);
        g_variant_iter_init(&iter, limits);
        while (g_variant_iter_loop(&iter, "@a{sv}", &limit)) {
                const char *source = attribute_string(limit, "source");
                if (title == NULL && strcmp(attribute_string(limit, "name"), name) == 0 &&
                        g_str_has_prefix(source, "/proc/sys/"))
                        title = g_strdelimit(g_strdup(source + strlen("/proc/sys/")), "/", '.');
        }
        return title != NULL ? title : g_strdup(name);
}

static void judge_size(Candidate *candidate, const Needs *needs, GHashTable *tested) {
        g_autoptr(GVariant) trait = find_trait(candidate->description, "size");
        const char *limit = trait != NULL ? attribute_string(trait, "limit") : "";
        g_autofree char *title = *limit != '\0' ? limit_title(candidate->description, limit) : NULL;
        const char *by = title != NULL ? title : "", *comma = title != NULL ? ", " : "";
        char buffer[UNITS_TEXT_MAX];
        uint64_t most;

        if (needs->size == 0)
                return;
        (void)count_claims(candidate, tested, trait, true);
        if (trait == NULL || !attribute_number(trait, "number", &most)) {
                add_reason(candidate->reasons, "size", g_strdup(trait != NULL ? attribute_string(trait, "text") : "-"),
                        true, 0, trait);
                return;
        }
        if (most >= SIZE_BEYOND)
                add_reason(candidate->reasons, "size", g_strdup(attribute_string(trait, "text")), true, 0, trait);
        else if (most < needs->size)
                candidate_miss(candidate, "--size",
                        g_strdup_printf("carries %" G_GUINT64_FORMAT " bytes at most here%s%s", most, comma, by));
        else
                add_reason(candidate->reasons, "size",
                        g_strdup_printf("carries up to %s here%s%s", size_print(most, buffer), comma, by), true, 0,
                        trait);
}

static Candidate *candidate_new(GVariant *description) {
        Candidate *candidate = g_new0(Candidate, 1);

        candidate->description = g_variant_ref(description);
        candidate->kind = attribute_string(description, "kind");
        candidate->title = attribute_string(description, "title");
        candidate->example = attribute_string(description, "example");
        if (!kind_is(description, "available"))
                candidate->unavailable = attribute_string(description, "reason");
        candidate->misses = g_ptr_array_new_with_free_func(miss_free);
        candidate->reasons = g_ptr_array_new_with_free_func(reason_free);
        candidate->prices = g_ptr_array_new_with_free_func(reason_free);
        candidate->untested = g_ptr_array_new_with_free_func(g_free);
        return candidate;
}

static gint compare_costs(gconstpointer a, gconstpointer b) {
        const Reason *const *left = a, *const *right = b;

        return (*left)->cost > (*right)->cost ? -1 : (*left)->cost < (*right)->cost;
}

static gint compare_scores(gconstpointer a, gconstpointer b) {
        const Candidate *const *left = a, *const *right = b;

        return (*left)->score < (*right)->score ? -1 : (*left)->score > (*right)->score;
}

Advice *advice_new(const Needs *needs, GPtrArray *descriptions, GHashTable *tested, JsonNode *figures) {
        Advice *advice = g_new0(Advice, 1);

        advice->ranked = g_ptr_array_new_with_free_func(candidate_free);
        advice->excluded = g_ptr_array_new_with_free_func(candidate_free);
        for (guint i = 0; i < descriptions->len; i++) {
                Candidate *candidate = candidate_new(descriptions->pdata[i]);
                for (size_t n = 0; n < need_table_size; n++)
                        judge_need(candidate, needs, n, tested);
                judge_size(candidate, needs, tested);
                speed_judge(candidate, needs, figures);
                g_ptr_array_sort(candidate->prices, compare_costs);
                bool fits = candidate->misses->len == 0 && candidate->unavailable == NULL;
                g_ptr_array_add(fits ? advice->ranked : advice->excluded, candidate);
        }
        speed_rank(advice, needs);
        /* Both keep the order of the kinds where scores are the same. */
        g_ptr_array_sort(advice->ranked, compare_scores);
        return advice;
}

GPtrArray *advice_nearest(const Advice *advice) {
        GPtrArray *nearest = g_ptr_array_new();
        guint fewest = G_MAXUINT;

        for (guint i = 0; i < advice->excluded->len; i++) {
                const Candidate *candidate = advice->excluded->pdata[i];
                if (candidate->unavailable == NULL)
                        fewest = MIN(fewest, candidate->misses->len);
        }
        for (guint i = 0; i < advice->excluded->len; i++) {
                Candidate *candidate = advice->excluded->pdata[i];
                if (candidate->unavailable == NULL && candidate->misses->len == fewest)
                        g_ptr_array_add(nearest, candidate);
        }
        g_ptr_array_sort(nearest, compare_scores);
        return nearest;
}
