/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Figures decide among kinds that offer what is needed: one that is too slow, too late or too dear is excluded, and
 * the others lose by how far they are behind. Without figures there is only how often each byte is copied. Owns
 * nothing. */
#include "advise-speed.h"

#include <math.h>
#include <string.h>

#include "attributes.h"
#include "bench-run.h"
#include "units.h"

/* Against the costs in the table of needs. */
enum {
        COST_HALF_AS_FAST = 3,        /* for each factor of two behind the fastest */
        COST_HALF_AS_FAST_WANTED = 8, /* the same where it is to be as fast as can be */
        COST_BEHIND_MAX = 60,
        COST_NARROW = 6,  /* hardly faster than needed */
        COST_SCARCE = 3,  /* not much faster */
        COST_UNKNOWN = 6, /* not measured, where others are */
        COST_COPY = 3,    /* without figures, for large or many messages: each copy */
        COST_COPY_WANTED = 5,
        CPU_PERCENT_FOR_ONE = 5,
        CPU_MAX = 30,
        SIZE_LARGE = 64 << 10,
        RATE_HIGH = 100000,
};

bool needs_ask_speed(const Needs *needs) {
        return needs->fast || needs->size > 0 || needs->rate > 0 || needs->latency > 0;
}

char *speed_text(const Measured *measured) {
        GString *text = g_string_new(NULL);
        g_autofree char *rate = bench_rate_text(measured->rate, "/s"), *cpu = bench_nsec_text(measured->cpu_ns);
        g_autofree char *p50 = bench_nsec_text(measured->p50_ns);
        char size[UNITS_TEXT_MAX];

        if (measured->rate > 0)
                g_string_append_printf(text, "%s, ", rate);
        if (measured->p50_ns > 0)
                g_string_append_printf(text, "round trip %s, ", p50);
        if (measured->cpu_ns > 0)
                g_string_append_printf(text, "%s of CPU each, ", cpu);
        g_string_append_printf(text, "of %s (%s%s%s%s%s)%s", size_print(measured->size, size), measured->variant,
                *measured->variant != '\0' ? ", " : "", measured->wait, *measured->placement != '\0' ? ", " : "",
                measured->placement, measured->disturbed ? ", disturbed" : "");
        return g_string_free(text, FALSE);
}

double speed_cpu_percent(const Measured *measured, const Needs *needs) {
        return measured != NULL ? (double)needs->rate * measured->cpu_ns / 1e9 * 100 : 0;
}

static void judge_rate(Candidate *candidate, const Needs *needs) {
        const Measured *measured = candidate->measured;
        double percent = speed_cpu_percent(measured, needs);

        if (needs->rate > 0 && measured->rate > 0 && measured->rate < (double)needs->rate) {
                g_autofree char *rate = bench_rate_text(measured->rate, "/s");
                candidate_miss(candidate, "--rate", g_strdup_printf("carries no more than %s here", rate));
        }
        if (needs->cpu > 0 && percent > needs->cpu) {
                g_autofree char *cpu = bench_nsec_text(measured->cpu_ns);
                candidate_miss(candidate, "--cpu",
                        g_strdup_printf("takes %.*f %% of a CPU for that here, %s for each message",
                                percent < 10 ? 1 : 0, percent, cpu));
        }
        if (needs->latency > 0 && measured->p50_ns > (double)needs->latency * 1e3) {
                g_autofree char *p50 = bench_nsec_text(measured->p50_ns);
                candidate_miss(candidate, "--latency", g_strdup_printf("takes %s for a round trip here", p50));
        }
}

void speed_judge(Candidate *candidate, const Needs *needs, JsonNode *figures) {
        double budget = needs->cpu > 0 ? needs->cpu / 100 * 1e9 / (double)needs->rate : 0;

        if (needs->purpose == PURPOSE_DATA && figures != NULL)
                candidate->measured = measured_best(figures, candidate->kind, needs->size, budget, needs->fast);
        if (candidate->measured != NULL)
                judge_rate(candidate, needs);
}

static guint64 copies_of(GVariant *description) {
        g_autoptr(GVariant) traits = g_variant_lookup_value(description, "traits", G_VARIANT_TYPE("aa{sv}"));
        GVariantIter iter;
        GVariant *trait;
        uint64_t copies = 0;

        if (traits == NULL)
                return 0;
        g_variant_iter_init(&iter, traits);
        while (g_variant_iter_loop(&iter, "@a{sv}", &trait))
                if (strcmp(attribute_string(trait, "name"), "copies") == 0)
                        attribute_number(trait, "number", &copies);
        return copies;
}

static double cost_of_figures(const Measured *measured, const Needs *needs, double best) {
        double cost = 0, room = measured->rate / (double)MAX(needs->rate, 1);

        if (measured->rate > 0 && (needs->fast || needs->rate == 0))
                cost += (needs->fast ? COST_HALF_AS_FAST_WANTED : COST_HALF_AS_FAST) * log2(best / measured->rate);
        if (needs->rate > 0 && measured->rate > 0)
                cost += room < 1.5 ? COST_NARROW : room < 3 ? COST_SCARCE : 0;
        if (needs->rate > 0)
                cost += MIN(speed_cpu_percent(measured, needs) / CPU_PERCENT_FOR_ONE, CPU_MAX);
        if (needs->latency > 0 && measured->p50_ns > (double)needs->latency * 1e3 / 2)
                cost += COST_SCARCE;
        return MIN(cost, COST_BEHIND_MAX);
}

static double cost_of_copies(const Needs *needs) {
        bool much = needs->size >= SIZE_LARGE || needs->rate >= RATE_HIGH;

        return needs->fast ? COST_COPY_WANTED : much ? COST_COPY : 0;
}

void speed_rank(Advice *advice, const Needs *needs) {
        /* What was not measured gets no advantage of it over what was. */
        double best = 0, unknown = COST_UNKNOWN;

        for (guint i = 0; i < advice->ranked->len; i++) {
                const Candidate *candidate = advice->ranked->pdata[i];
                advice->measured += candidate->measured != NULL;
                if (candidate->measured != NULL)
                        best = MAX(best, candidate->measured->rate);
        }
        if (needs->purpose != PURPOSE_DATA || !needs_ask_speed(needs))
                return;
        advice->figures_decide = advice->measured > 0;
        for (guint i = 0; i < advice->ranked->len; i++) {
                const Candidate *candidate = advice->ranked->pdata[i];
                if (candidate->measured != NULL)
                        unknown = MAX(unknown, cost_of_figures(candidate->measured, needs, best));
        }
        for (guint i = 0; i < advice->ranked->len; i++) {
                Candidate *candidate = advice->ranked->pdata[i];
                double copies = (double)copies_of(candidate->description);
                if (advice->measured == 0)
                        candidate->score += copies * cost_of_copies(needs);
                else if (candidate->measured == NULL)
                        candidate->score += unknown;
                else /* What copying costs is in the figures. */
                        candidate->score += cost_of_figures(candidate->measured, needs, best) - copies;
        }
}
