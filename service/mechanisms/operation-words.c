/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A table of sentences. Owns nothing. */
#include "operation-words.h"

#include "units.h"

static const struct {
        const char *not_now;
        const char *not_within;
        const char *cause; /* where the kind tells none */
} words[OPERATION_MAX] = {
        [OPERATION_ADOPT] = { "cannot be opened now", "could not be opened" },
        [OPERATION_SEND] = { "takes nothing now: it is full, or nobody is there to read", "took nothing",
                "It is full, or nobody is there to read." },
        [OPERATION_RECEIVE] = { "is empty", "stayed empty" },
        [OPERATION_PEEK] = { "is empty", "stayed empty" },
        [OPERATION_POST] = { "takes no post now", "took no post" },
        [OPERATION_WAIT] = { "is at 0 now", "stayed at 0" },
        [OPERATION_OPEN_END] = { "has no end to hand out now", "had no end to hand out" },
        [OPERATION_ACCEPT] = { "has no connection that waits", "had no connection" },
        [OPERATION_RESIZE] = { "cannot change its size now", "could not change its size" },
        [OPERATION_SEAL] = { "cannot be sealed now", "could not be sealed" },
        [OPERATION_LISTEN] = { "has not begun to listen", "did not begin to listen" },
        [OPERATION_REMOVE] = { "cannot be removed now", "could not be removed" },
};

/* What the kind said beside "would block" is nearer to the cause than what can be said for all kinds. */
int operation_words_timed_out(Operation operation, const char *address, uint64_t timeout, Error *error) {
        const char *why = words[operation].cause;
        char time[UNITS_TEXT_MAX];
        Error cause = {};

        if (error && error_is_set(error)) {
                cause = *error;
                why = cause.message;
        }
        if (timeout == 0 && error_is_set(&cause) && operation == OPERATION_SEND)
                return error_set(error, ERROR_TIMED_OUT, "%.200s takes nothing now. %.200s Give a timeout to wait.",
                        address, cause.message);
        if (timeout == 0 && error_is_set(&cause))
                return error_set(error, ERROR_TIMED_OUT, "%.400s", cause.message);
        if (timeout == 0)
                return error_set(error, ERROR_TIMED_OUT, "%.200s %s; give a timeout to wait.", address,
                        words[operation].not_now);
        return error_set(error, ERROR_TIMED_OUT, "%.200s %s for %s.%s%.200s", address, words[operation].not_within,
                time_print(timeout, time), why ? " " : "", why ? why : "");
}
