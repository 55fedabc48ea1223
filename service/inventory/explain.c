/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Steps and attempts, as they are made. The Explanation owns what it says; the verdict is the caller's. */
#include "explain.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"

typedef enum StepResult { STEP_OK, STEP_BLOCKED, STEP_UNKNOWN, STEP_RESULT_MAX } StepResult;

static const char *const result_names[STEP_RESULT_MAX] = {
        [STEP_OK] = "ok",
        [STEP_BLOCKED] = "blocked",
        [STEP_UNKNOWN] = "unknown",
};

int explanation_init(
        Explanation *explanation, uid_t uid, gid_t gid, const char *user, const char *what, Record *verdict) {
        *explanation = (Explanation){ .verdict = verdict, .current = &explanation->common };
        explanation->what = strdup(what);
        if (!explanation->what)
                return -ENOMEM;
        return access_user_init(&explanation->user, uid, gid, user);
}

/* The first one counts. Takes the sentence. */
static void obstacle_set(Obstacle *obstacle, int number, const char *advice, char *sentence) {
        if (obstacle->sentence) {
                free(sentence);
                return;
        }
        obstacle->number = number;
        obstacle->advice = advice ? strdup(advice) : NULL;
        obstacle->sentence = sentence;
}

static void obstacle_done(Obstacle *obstacle) {
        free(obstacle->sentence);
        free(obstacle->advice);
}

static void use_done(ExplainUse *use) {
        free(use->said);
        obstacle_done(&use->judged);
        obstacle_done(&use->seen);
        obstacle_done(&use->stop);
}

void explanation_done(Explanation *explanation) {
        access_user_done(&explanation->user);
        use_done(&explanation->common);
        use_done(&explanation->making);
        for (size_t i = 0; i < explanation->n_uses; i++)
                use_done(&explanation->uses[i]);
        free(explanation->what);
        free(explanation->missed);
}

void explain_use(Explanation *explanation, const char *name) {
        explanation->current = &explanation->common;
        if (!name)
                return;
        for (size_t i = 0; i < explanation->n_uses; i++)
                if (strcmp(explanation->uses[i].name, name) == 0)
                        explanation->current = &explanation->uses[i];
        if (explanation->current != &explanation->common || explanation->n_uses == EXPLAIN_USES_MAX)
                return;
        explanation->current = &explanation->uses[explanation->n_uses++];
        *explanation->current = (ExplainUse){ .name = name };
}

static void obstacle_copy(Obstacle *to, const Obstacle *from) {
        if (from->sentence)
                obstacle_set(to, from->number, from->advice, strdup(from->sentence));
}

void explain_use_like_last(Explanation *explanation, const char *name) {
        const ExplainUse *last = explanation->n_uses > 0 ? &explanation->uses[explanation->n_uses - 1] : NULL;

        explain_use(explanation, name);
        if (!last || explanation->current == last || explanation->current == &explanation->common)
                return;
        obstacle_copy(&explanation->current->judged, &last->judged);
        obstacle_copy(&explanation->current->seen, &last->seen);
        obstacle_copy(&explanation->current->stop, &last->stop);
}

void explain_making(Explanation *explanation) {
        explanation->made = true;
        explanation->current = &explanation->making;
}

void explain_now(Explanation *explanation, const char *action, const char *object) {
        if (explanation->told)
                explanation->told(explanation->userdata, action, object, NULL);
}

static void step_add(
        Explanation *explanation, StepResult result, const char *action, const char *object, const char *detail) {
        CLEANUP(record_freep) Record *step = NULL;

        /* Appending nothing is what makes the verdict remember that there was no memory. */
        if (detail && record_new(&step) == 0) {
                record_set_format(step, "step", "%s%s%s%s",
                        explanation->current == &explanation->making ? "making it: " : "", action, object ? " " : "",
                        object ? object : "");
                record_set_string(step, "result", result_names[result]);
                record_set_string(step, "detail", detail);
                if (explanation->told)
                        explanation->told(explanation->userdata, action, object, step);
        }
        record_append_record(explanation->verdict, "steps", TAKE_POINTER(step));
}

static char *text_of(const char *format, va_list arguments) __attribute__((format(printf, 1, 0)));
static char *text_of(const char *format, va_list arguments) {
        char *text;

        return vasprintf(&text, format, arguments) < 0 ? NULL : text;
}

void explain_ok(Explanation *explanation, const char *action, const char *object, const char *format, ...) {
        CLEANUP_FREE char *detail = NULL;
        va_list arguments;

        va_start(arguments, format);
        detail = text_of(format, arguments);
        va_end(arguments);
        step_add(explanation, STEP_OK, action, object, detail);
}

void explain_unknown(Explanation *explanation, const char *action, const char *object, const char *format, ...) {
        CLEANUP_FREE char *detail = NULL;
        va_list arguments;

        va_start(arguments, format);
        detail = text_of(format, arguments);
        va_end(arguments);
        step_add(explanation, STEP_UNKNOWN, action, object, detail);
        explanation->current->unknown = true;
}

void explain_judged(Explanation *explanation, int number, const char *advice, const char *action, const char *object,
        const char *format, ...) {
        va_list arguments;
        char *detail;

        va_start(arguments, format);
        detail = text_of(format, arguments);
        va_end(arguments);
        step_add(explanation, STEP_BLOCKED, action, object, detail);
        obstacle_set(&explanation->current->judged, number, advice, detail);
}

void explain_blocked(Explanation *explanation, int number, const char *advice, const char *action, const char *object,
        const char *format, ...) {
        va_list arguments;
        char *detail;

        va_start(arguments, format);
        detail = text_of(format, arguments);
        va_end(arguments);
        step_add(explanation, STEP_BLOCKED, action, object, detail);
        obstacle_set(&explanation->current->seen, number, advice, detail);
}

void explain_stopped(Explanation *explanation, int number, const char *advice, const char *action, const char *object,
        const char *format, ...) {
        const ExplainUse *common = &explanation->common, *use = explanation->current;
        va_list arguments;
        char *detail;

        va_start(arguments, format);
        detail = text_of(format, arguments);
        va_end(arguments);
        step_add(explanation, STEP_BLOCKED, action, object, detail);
        if (common->judged.sentence || common->seen.sentence || use->judged.sentence || use->seen.sentence)
                free(detail);
        else
                obstacle_set(&explanation->current->stop, number, advice, detail);
}

void explain_missing(
        Explanation *explanation, int number, const char *action, const char *object, const char *format, ...) {
        va_list arguments;
        char *detail;

        va_start(arguments, format);
        detail = text_of(format, arguments);
        va_end(arguments);
        step_add(explanation, STEP_BLOCKED, action, object, detail);
        explanation->missing = true;
        if (!explanation->missed && detail)
                explanation->missed = strdup(detail);
        obstacle_set(&explanation->current->seen, number, NULL, detail);
}

void explain_namespace(Explanation *explanation, const char *name) {
        static const char *const words[][2] = { { "ipc", "IPC" }, { "net", "network" }, { "pid", "PID" },
                { "mnt", "mount" } };
        char path[32], target[64];
        const char *word = name;
        ssize_t size;

        for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
                if (strcmp(words[i][0], name) == 0)
                        word = words[i][1];
        snprintf(path, sizeof(path), "/proc/self/ns/%s", name);
        size = readlink(path, target, sizeof(target) - 1);
        if (size < 0)
                return;
        target[size] = '\0';
        explain_ok(explanation, "look in", target,
                "It is looked for in the %s namespace of ipcbus, %s; what is in another one is not seen from here "
                "(readlink %s tells that of a process).",
                word, target, path);
}

static void add_tried(Explanation *explanation, const char *object, int result, const char *said) {
        ExplainUse *use = explanation->current;
        CLEANUP_FREE char *detail = NULL;

        use->tried = true;
        use->result = result;
        if (result >= 0) {
                if (asprintf(&detail, "Done as %s: it works.", explanation->user.name) < 0)
                        detail = NULL;
        } else if (said[0])
                detail = strdup(said);
        else if (asprintf(&detail, "Done as %s: %s (%s).", explanation->user.name, strerrordesc_np(-result),
                         strerrorname_np(-result)) < 0)
                detail = NULL;
        step_add(explanation, result >= 0 ? STEP_OK : STEP_BLOCKED, "try", object, detail);
        free(use->said);
        use->said = result < 0 && said[0] ? TAKE_POINTER(detail) : NULL;
}

int explain_try(Explanation *explanation, const char *object, AccessTry attempt, void *userdata) {
        Error error = {};
        bool tried;
        int r;

        explain_now(explanation, "try", object);
        r = access_user_try(&explanation->user, attempt, userdata, &error, &tried, &explanation->not_tried);
        if (tried && r == -ECANCELED) {
                explain_unknown(explanation, "try", object, "%s", error.message);
                return r;
        }
        if (tried) {
                add_tried(explanation, object, r, error.message);
                return r;
        }
        /* Whether it was tried is told apart from what could not be judged. */
        step_add(explanation, STEP_UNKNOWN, "try", object, explanation->not_tried);
        /* What does not end for us does not for the user. */
        if (r == -ETIMEDOUT)
                obstacle_set(&explanation->current->seen, ETIMEDOUT, NULL, strdup(explanation->not_tried));
        return -ECANCELED;
}

void explain_tried_in_part(Explanation *explanation) {
        explanation->current->tried = false;
        explanation->current->unknown = true;
}
