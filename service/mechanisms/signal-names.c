/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Signals by name and number. The names of the standard signals are the C library's own (sigabbrev_np(3)); the
 * real-time ones are counted from SIGRTMIN, which is no constant: glibc keeps the first two for itself (signal(7)).
 * Owns nothing. */
#include "signal-names.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "units.h"

enum { SIGNALS = 64 };

/* Second names that people know (signal(7)). */
static const struct {
        const char *name;
        int number;
} aliases[] = {
        { "CLD", SIGCHLD },
        { "IO", SIGIO },
        { "IOT", SIGIOT },
};

const char *signal_name(int number, char buffer[SIGNAL_NAME_SIZE]) {
        const char *abbreviation = sigabbrev_np(number);

        if (abbreviation)
                snprintf(buffer, SIGNAL_NAME_SIZE, "SIG%s", abbreviation);
        else if (number == SIGRTMIN)
                snprintf(buffer, SIGNAL_NAME_SIZE, "SIGRTMIN");
        else if (number > SIGRTMIN && number <= SIGRTMAX)
                snprintf(buffer, SIGNAL_NAME_SIZE, "SIGRTMIN+%d", number - SIGRTMIN);
        else
                snprintf(buffer, SIGNAL_NAME_SIZE, "SIG%d", number);
        return buffer;
}

/* "RTMIN", "RTMIN+3", "RTMAX-1" */
static int real_time_from_name(const char *text, int *ret_number) {
        int base, sign;
        uint64_t distance = 0;

        if (strncasecmp(text, "RTMIN", 5) == 0) {
                base = SIGRTMIN;
                sign = 1;
        } else if (strncasecmp(text, "RTMAX", 5) == 0) {
                base = SIGRTMAX;
                sign = -1;
        } else
                return -EINVAL;
        text += 5;
        if (text[0] != '\0' && (text[0] != (sign > 0 ? '+' : '-') || number_parse(text + 1, &distance) < 0))
                return -EINVAL;
        if (distance > (uint64_t)(SIGRTMAX - SIGRTMIN))
                return -EINVAL;
        *ret_number = base + sign * (int)distance;
        return 0;
}

int signal_from_name(const char *text, int *ret_number) {
        uint64_t number;

        if (number_parse(text, &number) >= 0) {
                if (number < 1 || number > SIGNALS)
                        return -EINVAL;
                *ret_number = (int)number;
                return 0;
        }
        if (strncasecmp(text, "SIG", 3) == 0)
                text += 3;
        for (int i = 1; i < SIGRTMIN; i++) {
                const char *abbreviation = sigabbrev_np(i);

                if (abbreviation && strcasecmp(text, abbreviation) == 0) {
                        *ret_number = i;
                        return 0;
                }
        }
        for (size_t i = 0; i < sizeof(aliases) / sizeof(*aliases); i++)
                if (strcasecmp(text, aliases[i].name) == 0) {
                        *ret_number = aliases[i].number;
                        return 0;
                }
        return real_time_from_name(text, ret_number);
}

int signal_set_from_names(const char *const *names, size_t n, sigset_t *ret_set, Error *error) {
        char name[SIGNAL_NAME_SIZE];
        sigset_t set;
        int number;

        if (n == 0)
                return error_set(error, ERROR_INVALID_OPTION,
                        "The list of signals is empty; name at least one, for example signals=USR1.");
        sigemptyset(&set);
        for (size_t i = 0; i < n; i++) {
                if (signal_from_name(names[i], &number) < 0)
                        return error_set(error, ERROR_INVALID_OPTION,
                                "\"%.40s\" is no signal; write one as USR1, SIGTERM, RTMIN+2 or a number from 1 to "
                                "%d.",
                                names[i], SIGNALS);
                signal_name(number, name);
                if (number == SIGKILL || number == SIGSTOP)
                        return error_set(error, ERROR_INVALID_OPTION,
                                "No process can wait for %s: the kernel acts on it itself (signal(7)).", name);
                /* glibc refuses its own two with EINVAL. */
                if (sigaddset(&set, number) < 0)
                        return error_set(error, ERROR_INVALID_OPTION,
                                "%s is kept by the C library for its threads; the first real-time signal is %d.", name,
                                SIGRTMIN);
        }
        *ret_set = set;
        return 0;
}

uint64_t signal_mask_from_set(const sigset_t *set) {
        uint64_t mask = 0;

        for (int i = 1; i <= SIGNALS; i++)
                if (sigismember(set, i) == 1)
                        mask |= UINT64_C(1) << (i - 1);
        return mask;
}

void record_set_signals(Record *record, const char *key, uint64_t mask) {
        char names[SIGNALS][SIGNAL_NAME_SIZE];
        const char *items[SIGNALS];
        size_t n = 0;

        for (int i = 1; i <= SIGNALS; i++)
                if (mask & UINT64_C(1) << (i - 1)) {
                        items[n] = signal_name(i, names[n]);
                        n++;
                }
        record_set_strings(record, key, items, n);
}

void signal_mask_print(uint64_t mask, char *buffer, size_t size) {
        char name[SIGNAL_NAME_SIZE];
        size_t used = 0;

        buffer[0] = '\0';
        for (int i = 1; i <= SIGNALS; i++) {
                int n;

                if (!(mask & UINT64_C(1) << (i - 1)))
                        continue;
                n = snprintf(buffer + used, size - used, "%s%s", used > 0 ? ", " : "", signal_name(i, name));
                if (n < 0 || (size_t)n >= size - used)
                        return;
                used += (size_t)n;
        }
}
