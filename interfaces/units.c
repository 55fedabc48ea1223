/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Numbers as people write them. Written out instead of strtoull(), which takes signs, blanks and locales. Owns
 * nothing. */
#include "units.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

typedef struct Unit {
        const char *name;
        uint64_t factor;
} Unit;

static const Unit size_units[] = {
        { "", 1 },
        { "K", UINT64_C(1) << 10 },
        { "M", UINT64_C(1) << 20 },
        { "G", UINT64_C(1) << 30 },
        { "T", UINT64_C(1) << 40 },
        { "k", UINT64_C(1) << 10 },
        { "m", UINT64_C(1) << 20 },
        { "g", UINT64_C(1) << 30 },
        { "t", UINT64_C(1) << 40 },
        { "B", 1 },
        { "KiB", UINT64_C(1) << 10 },
        { "MiB", UINT64_C(1) << 20 },
        { "GiB", UINT64_C(1) << 30 },
        { "TiB", UINT64_C(1) << 40 },
        { NULL, 0 },
};

static const Unit time_units[] = {
        { "", USEC_PER_SEC },
        { "us", 1 },
        { "ms", USEC_PER_MSEC },
        { "s", USEC_PER_SEC },
        { "m", 60 * USEC_PER_SEC },
        { "h", 3600 * USEC_PER_SEC },
        { "d", 86400 * USEC_PER_SEC },
        { NULL, 0 },
};

static int digit_value(char c, unsigned base) {
        unsigned value;

        if (c >= '0' && c <= '9')
                value = (unsigned)(c - '0');
        else if (c >= 'a' && c <= 'f')
                value = (unsigned)(c - 'a') + 10;
        else if (c >= 'A' && c <= 'F')
                value = (unsigned)(c - 'A') + 10;
        else
                return -1;
        return value < base ? (int)value : -1;
}

/* Reads at least one digit and goes past all of them, also when they are too many. */
static int digits_read(const char **text, unsigned base, uint64_t *ret) {
        const char *p = *text;
        uint64_t value = 0;
        bool overflow = false;
        int digit;

        if (digit_value(*p, base) < 0)
                return -EINVAL;
        for (; (digit = digit_value(*p, base)) >= 0; p++)
                if (__builtin_mul_overflow(value, base, &value) ||
                        __builtin_add_overflow(value, (uint64_t)digit, &value))
                        overflow = true;
        *text = p;
        if (overflow)
                return -ERANGE;
        *ret = value;
        return 0;
}

static const Unit *unit_find(const Unit *units, const char *name) {
        for (; units->name; units++)
                if (strcmp(units->name, name) == 0)
                        return units;
        return NULL;
}

int size_parse(const char *text, uint64_t *ret_bytes) {
        uint64_t value = 0;
        const Unit *unit;
        int r;

        r = digits_read(&text, 10, &value);
        if (r == -EINVAL)
                return r;
        unit = unit_find(size_units, text);
        if (!unit)
                return -EINVAL;
        if (r < 0)
                return r;
        if (__builtin_mul_overflow(value, unit->factor, &value))
                return -ERANGE;
        *ret_bytes = value;
        return 0;
}

/* The digits behind the point as a part of 10^9; what is finer rounds up, so that no time-out gets shorter. */
static int fraction_read(const char **text, uint64_t *ret_nano) {
        uint64_t nano = 0, scale = NSEC_PER_SEC;
        bool finer = false;
        const char *p = *text;

        if (digit_value(*p, 10) < 0)
                return -EINVAL;
        for (; digit_value(*p, 10) >= 0; p++) {
                if (scale > 1) {
                        scale /= 10;
                        nano += (uint64_t)digit_value(*p, 10) * scale;
                } else if (*p != '0')
                        finer = true;
        }
        *text = p;
        *ret_nano = nano + finer;
        return 0;
}

int time_parse(const char *text, uint64_t *ret_usec) {
        uint64_t value = 0, nano = 0, part;
        const Unit *unit;
        int r, q = 0;

        if (strcmp(text, "infinity") == 0) {
                *ret_usec = USEC_INFINITY;
                return 0;
        }
        r = digits_read(&text, 10, &value);
        if (r == -EINVAL)
                return r;
        if (*text == '.') {
                text++;
                q = fraction_read(&text, &nano);
                if (q < 0)
                        return q;
        }
        unit = unit_find(time_units, text);
        if (!unit)
                return -EINVAL;
        if (r < 0)
                return r;
        if (__builtin_mul_overflow(value, unit->factor, &value))
                return -ERANGE;
        /* 86,400 s in us times 10^9 does not fit 64 bits. */
        part = (uint64_t)(((unsigned __int128)unit->factor * nano + NSEC_PER_SEC - 1) / NSEC_PER_SEC);
        if (__builtin_add_overflow(value, part, &value) || value == USEC_INFINITY)
                return -ERANGE;
        *ret_usec = value;
        return 0;
}

int mode_parse(const char *text, mode_t *ret_mode) {
        uint64_t value = 0;
        int r;

        r = digits_read(&text, 8, &value);
        if (r == -EINVAL || *text != '\0')
                return -EINVAL;
        if (r < 0 || value > 07777)
                return -ERANGE;
        *ret_mode = (mode_t)value;
        return 0;
}

int number_parse(const char *text, uint64_t *ret) {
        unsigned base = 10;
        uint64_t value = 0;
        int r;

        if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
                base = 16;
                text += 2;
        }
        r = digits_read(&text, base, &value);
        if (r == -EINVAL || *text != '\0')
                return -EINVAL;
        if (r < 0)
                return r;
        *ret = value;
        return 0;
}

int integer_parse(const char *text, int64_t *ret) {
        bool negative = *text == '-';
        uint64_t value = 0;
        int r;

        r = number_parse(text + negative, &value);
        if (r < 0)
                return r;
        if (value > (uint64_t)INT64_MAX + negative)
                return -ERANGE;
        /* Through unsigned arithmetic, as -INT64_MIN does not exist. */
        *ret = (int64_t)(negative ? -value : value);
        return 0;
}

int bool_parse(const char *text, int *ret) {
        static const char *const words[][2] = { { "false", "true" }, { "no", "yes" }, { "off", "on" }, { "0", "1" } };

        for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
                for (int value = 0; value < 2; value++)
                        if (strcmp(words[i][value], text) == 0) {
                                *ret = value;
                                return 0;
                        }
        return -EINVAL;
}

const char *size_print(uint64_t bytes, char buffer[UNITS_TEXT_MAX]) {
        static const char suffixes[] = "BKMGTPE";
        uint64_t factor = 1, tenths;
        size_t i = 0;

        /* From 1023.5 of a unit on, three digits and a rounded "1024" would be told: the next one is clearer. */
        while (i + 2 < sizeof(suffixes) && bytes / factor >= 1023 && bytes - 1023 * factor >= factor - factor / 2) {
                factor <<= 10;
                i++;
        }
        if (i == 0) {
                snprintf(buffer, UNITS_TEXT_MAX, "%" PRIu64 " B", bytes);
                return buffer;
        }
        tenths = (uint64_t)(((unsigned __int128)bytes * 10 + factor / 2) / factor);
        if (tenths < 100)
                snprintf(buffer, UNITS_TEXT_MAX, "%" PRIu64 ".%" PRIu64 " %c", tenths / 10, tenths % 10, suffixes[i]);
        else
                snprintf(buffer, UNITS_TEXT_MAX, "%" PRIu64 " %c", bytes / factor + (bytes % factor >= factor / 2),
                        suffixes[i]);
        return buffer;
}

const char *time_print(uint64_t usec, char buffer[UNITS_TEXT_MAX]) {
        const Unit *unit = time_units + 1;
        uint64_t tenth;

        if (usec == USEC_INFINITY) {
                snprintf(buffer, UNITS_TEXT_MAX, "infinity");
                return buffer;
        }
        while (unit[1].name && usec >= unit[1].factor)
                unit++;
        tenth = unit->factor >= 10 ? usec % unit->factor / (unit->factor / 10) : 0;
        if (usec / unit->factor < 10 && tenth > 0)
                snprintf(buffer, UNITS_TEXT_MAX, "%" PRIu64 ".%" PRIu64 " %s", usec / unit->factor, tenth, unit->name);
        else
                snprintf(buffer, UNITS_TEXT_MAX, "%" PRIu64 " %s", usec / unit->factor, unit->name);
        return buffer;
}
