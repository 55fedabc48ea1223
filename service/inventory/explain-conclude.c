/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What follows from the steps of an explanation, and how it is said. Owns nothing. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "explain.h"

typedef struct Outcome {
        bool possible, tried, unknown;
        int number;
        const char *sentence, *advice;
} Outcome;

static void outcome_take(Outcome *outcome, const Obstacle *obstacle) {
        outcome->possible = false;
        outcome->number = obstacle->number;
        outcome->sentence = obstacle->sentence;
        outcome->advice = obstacle->advice;
}

/* What is seen counts, then the attempt; what was judged is its reason, or stands alone where there was none. */
static Outcome use_outcome(const ExplainUse *common, const ExplainUse *use) {
        const Obstacle *judged = common->judged.sentence ? &common->judged : &use->judged;
        const Obstacle *seen = common->seen.sentence ? &common->seen : &use->seen;
        Outcome outcome = { .possible = true, .tried = use->tried };

        if (common->stop.sentence || use->stop.sentence)
                outcome_take(&outcome, common->stop.sentence ? &common->stop : &use->stop);
        else if (use->tried && use->result < 0) {
                if (judged->sentence)
                        outcome_take(&outcome, judged);
                else if (seen->sentence)
                        outcome_take(&outcome, seen);
                else
                        outcome.sentence = use->said;
                outcome.possible = false;
                /* What has a sentence of its own is not always the errno of one call. */
                if (!use->said || outcome.number == 0)
                        outcome.number = -use->result;
        } else if (judged->sentence && !use->tried)
                outcome_take(&outcome, judged);
        else if (seen->sentence)
                outcome_take(&outcome, seen);
        outcome.unknown = outcome.possible && !use->tried && (common->unknown || use->unknown);
        return outcome;
}

static void begin_small(char *text) {
        static const char *const usual[] = { "The ", "There ", "No ", "Nobody ", "It ", "Its ", "All ", "Only ", "A ",
                "An ", "As ", "What ", "That ", "This ", "User ", "Process ", "Port ", "Opening ", "Duplicating ",
                "Cannot ", "Remove " };

        for (size_t i = 0; i < sizeof(usual) / sizeof(*usual); i++)
                if (strncmp(text, usual[i], strlen(usual[i])) == 0)
                        text[0] = (char)tolower((unsigned char)text[0]);
}

/* Sentences within another one: without full stops, and small where the first word is a usual one. */
static char *clause(const char *sentences) {
        char *text = strdup(sentences);
        size_t length;

        if (!text)
                return NULL;
        length = strlen(text);
        if (length > 0 && text[length - 1] == '.')
                text[length - 1] = '\0';
        begin_small(text);
        for (char *stop = strstr(text, ". "); stop; stop = strstr(stop, ". ")) {
                stop[0] = ';';
                begin_small(stop + 2);
        }
        return text;
}

/* Those uses that are possible, or are not: "read", "read or write". */
static void join_uses(
        const Explanation *explanation, const Outcome *outcomes, bool possible, char *text, size_t size) {
        size_t n = 0, seen = 0, used = 0;

        text[0] = '\0';
        for (size_t i = 0; i < explanation->n_uses; i++)
                n += outcomes[i].possible == possible;
        for (size_t i = 0; i < explanation->n_uses && used < size; i++) {
                const char *between = seen == 0 ? "" : seen + 1 < n ? ", " : possible ? " and " : " or ";

                if (outcomes[i].possible != possible)
                        continue;
                used += (size_t)snprintf(text + used, size - used, "%s%s", between, explanation->uses[i].name);
                seen++;
        }
}

/* Why not: "SENTENCE; ADVICE" */
static char *reason(const Outcome *outcome, const char *suspects) {
        CLEANUP_FREE char *sentence = outcome->sentence ? clause(outcome->sentence) : NULL;
        char *text;
        int r;

        if (sentence)
                r = asprintf(&text, "%s%s%s", sentence, outcome->advice ? "; " : "",
                        outcome->advice ? outcome->advice : "");
        else
                r = asprintf(&text, "the attempt gave %s (%s), though nothing was found in the way; %s",
                        strerrordesc_np(outcome->number), strerrorname_np(outcome->number),
                        suspects[0] ? suspects : "a security module or a filter of system calls may be the reason");
        return r < 0 ? NULL : text;
}

static void append_use(Record *verdict, const ExplainUse *use, const Outcome *outcome) {
        Record *record = NULL;

        if (record_new(&record) >= 0) {
                record_set_string(record, "use", use->name);
                record_set_bool(record, "possible", outcome->possible);
                record_set_bool(record, "tried", outcome->tried);
                if (!outcome->possible && outcome->number > 0)
                        record_set_string(record, "errno", strerrorname_np(outcome->number));
                if (!outcome->possible && outcome->sentence)
                        record_set_string(record, "reason", outcome->sentence);
        }
        record_append_record(verdict, "uses", record);
}

/* Of what is not there: nobody can use it, and who could make it? */
static void summarise_missing(const Explanation *explanation) {
        CLEANUP_FREE char *missed = clause(explanation->missed);
        Outcome outcome = use_outcome(&(ExplainUse){}, &explanation->making);
        CLEANUP_FREE char *why = outcome.possible ? NULL : reason(&outcome, explanation->suspects);
        const char *name = explanation->user.name;
        Record *verdict = explanation->verdict;

        if (!missed)
                return;
        missed[0] = (char)toupper((unsigned char)missed[0]);
        if (!explanation->made)
                record_set_format(verdict, "summary", "%s.", missed);
        else if (outcome.possible)
                record_set_format(
                        verdict, "summary", "%s; %s can%s make it.", missed, name, outcome.unknown ? " perhaps" : "");
        else
                record_set_format(verdict, "summary", "%s, and %s cannot make it: %s.", missed, name, why ? why : "");
        if (explanation->made && !outcome.unknown)
                record_set_bool(verdict, "creatable", outcome.possible);
}

static void summarise(
        const Explanation *explanation, const Outcome *outcomes, const Outcome *first, size_t n_possible) {
        const char *name = explanation->user.name, *what = explanation->what;
        CLEANUP_FREE char *why = first ? reason(first, explanation->suspects) : NULL, *not_tried = NULL;
        Record *verdict = explanation->verdict;
        bool tried = false, unknown = false;
        char can[128], cannot[128];

        for (size_t i = 0; i < explanation->n_uses; i++) {
                tried = tried || outcomes[i].tried;
                unknown = unknown || outcomes[i].unknown;
        }
        if (explanation->not_tried)
                not_tried = clause(explanation->not_tried);
        join_uses(explanation, outcomes, true, can, sizeof(can));
        join_uses(explanation, outcomes, false, cannot, sizeof(cannot));
        if (n_possible == 0)
                record_set_format(verdict, "summary", "%s cannot %s %s: %s.", name, cannot, what, why ? why : "");
        else if (n_possible < explanation->n_uses)
                record_set_format(verdict, "summary", "%s can %s %s, but not %s it: %s.", name, can, what, cannot,
                        why ? why : "");
        else if (tried)
                record_set_format(verdict, "summary", "%s can %s %s: it was tried.", name, can, what);
        else
                record_set_format(verdict, "summary", "%s can%s %s %s, as far as can be seen; it was not tried: %s.",
                        name, unknown ? " perhaps" : "", can, what,
                        not_tried ? not_tried : "there is no attempt that has no effect on others");
}

/* Who may not even look is told that, first. */
static bool is_missing(const Explanation *explanation, const Outcome *first) {
        if (!explanation->missing || !explanation->missed)
                return false;
        return !first || !first->sentence || strcmp(first->sentence, explanation->missed) == 0;
}

int explanation_conclude(Explanation *explanation) {
        const Outcome *first = NULL;
        Outcome outcomes[EXPLAIN_USES_MAX] = {};
        size_t n_possible = 0, n_sure = 0, n_tried = 0;
        Record *verdict = explanation->verdict;

        explain_use(explanation, explanation->n_uses == 0 ? "use" : NULL);
        for (size_t i = 0; i < explanation->n_uses; i++) {
                const ExplainUse *use = &explanation->uses[i];

                outcomes[i] = use_outcome(&explanation->common, use);
                n_possible += outcomes[i].possible;
                /* Without an attempt, what could not be judged may be in the way. */
                n_sure += outcomes[i].possible && !(explanation->common.unknown && !use->tried);
                n_tried += outcomes[i].tried;
                if (!outcomes[i].possible && !first)
                        first = &outcomes[i];
                append_use(verdict, use, &outcomes[i]);
        }
        record_set_bool(verdict, "possible", n_sure > 0);
        record_set_bool(verdict, "tried", n_tried > 0);
        if (n_possible == 0 && first && first->number > 0)
                record_set_string(verdict, "errno", strerrorname_np(first->number));
        if (explanation->missing || n_sure > 0)
                record_set_bool(verdict, "exists", !explanation->missing);
        if (n_possible == 0 && is_missing(explanation, first))
                summarise_missing(explanation);
        else
                summarise(explanation, outcomes, first, n_possible);
        return record_error(verdict);
}
