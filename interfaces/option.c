/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Options, from text and from the bus, into values of the type that their table says. Every refusal says what would
 * have been taken. Owns nothing: results go into the caller's record. */
#include "option.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "units.h"
#include "utf8.h"

static const struct {
        const char *name;
        const char *wanted;
} type_table[OPTION_TYPE_MAX] = {
        [OPTION_STRING] = { "string", "text" },
        [OPTION_BOOL] = { "bool", "true or false" },
        [OPTION_COUNT] = { "count", "a whole number that is not negative, such as 10" },
        [OPTION_INTEGER] = { "integer", "a whole number, such as -5" },
        [OPTION_SIZE] = { "size", "a size in bytes, such as 4096, 64K or 1M" },
        [OPTION_TIME] = { "time", "a time, such as 500ms, 5s, 2h or infinity" },
        [OPTION_MODE] = { "mode", "permission bits in octal, such as 0600" },
        [OPTION_STRINGS] = { "strings", "words with commas between them, none of them empty" },
        [OPTION_SIZES] = { "sizes", "sizes or whole numbers with commas between them, such as 64,4K" },
};

const char *option_type_name(OptionType type) {
        return type >= 0 && type < OPTION_TYPE_MAX ? type_table[type].name : NULL;
}

OptionType option_type_from_name(const char *name) {
        if (name)
                for (OptionType type = 0; type < OPTION_TYPE_MAX; type++)
                        if (strcmp(type_table[type].name, name) == 0)
                                return type;
        return OPTION_TYPE_INVALID;
}

const OptionSpec *option_find(const OptionSpec *specs, const char *name) {
        if (specs)
                for (; specs->name; specs++)
                        if (strcmp(specs->name, name) == 0)
                                return specs;
        return NULL;
}

static bool type_is_unsigned(OptionType type) {
        return type == OPTION_COUNT || type == OPTION_SIZE || type == OPTION_TIME || type == OPTION_MODE;
}

static int unsigned_parse(OptionType type, const char *text, uint64_t *ret) {
        mode_t mode;
        int r;

        switch (type) {
        case OPTION_COUNT:
                return number_parse(text, ret);
        case OPTION_SIZE:
                return size_parse(text, ret);
        case OPTION_TIME:
                return time_parse(text, ret);
        default:
                r = mode_parse(text, &mode);
                if (r == 0)
                        *ret = mode;
                return r;
        }
}

static int set_strings(const char *name, const char *text, Record *into) {
        CLEANUP_FREE char *copy = strdup(text);
        CLEANUP_FREE const char **items = NULL;
        char *rest = copy, *item;
        size_t n = 0;

        items = calloc(strlen(text) + 2, sizeof(*items));
        if (!copy || !items)
                return -ENOMEM;
        while (*text && (item = strsep(&rest, ","))) {
                if (*item == '\0')
                        return -EINVAL;
                items[n++] = item;
        }
        record_set_strings(into, name, items, n);
        return 0;
}

static int set_sizes(const char *name, const char *text, Record *into) {
        CLEANUP_FREE uint64_t *items = NULL;
        CLEANUP_FREE char *copy = strdup(text);
        char *rest = copy, *item;
        size_t n = 0;
        int r;

        items = calloc(strlen(text) + 2, sizeof(*items));
        if (!copy || !items)
                return -ENOMEM;
        while (*text && (item = strsep(&rest, ","))) {
                r = size_parse(item, &items[n++]);
                if (r < 0)
                        return r;
        }
        record_set_u64s(into, name, items, n);
        return 0;
}

static int value_from_text(OptionType type, const char *name, const char *text, Record *into) {
        uint64_t number;
        int64_t integer;
        int r, boolean;

        if (!utf8_valid(text, strlen(text)))
                return -EINVAL;
        switch (type) {
        case OPTION_STRING:
                record_set_string(into, name, text);
                return 0;
        case OPTION_BOOL:
                r = bool_parse(text, &boolean);
                if (r == 0)
                        record_set_bool(into, name, boolean);
                return r;
        case OPTION_INTEGER:
                r = integer_parse(text, &integer);
                if (r == 0)
                        record_set_i64(into, name, integer);
                return r;
        case OPTION_STRINGS:
                return set_strings(name, text, into);
        case OPTION_SIZES:
                return set_sizes(name, text, into);
        default:
                r = unsigned_parse(type, text, &number);
                if (r == 0)
                        record_set_u64(into, name, number);
                return r;
        }
}

static int record_result(const Record *into, const char *name, Error *error) {
        int r = record_error(into);

        return r < 0 ? error_set_errno(error, r, "The option '%s' cannot be kept", name) : 0;
}

int option_parse(OptionType type, const char *name, const char *text, Record *into, Error *error) {
        int r;

        if (type < 0 || type >= OPTION_TYPE_MAX)
                return error_set(error, ERROR_INVALID_OPTION, "The option '%s' is of no known type.", name);
        r = value_from_text(type, name, text, into);
        if (r == -ENOMEM)
                return error_set_errno(error, r, "The option '%s' cannot be read", name);
        if (r == -ERANGE)
                return error_set(error, ERROR_INVALID_OPTION, "The option '%s' is out of range: '%.64s'. It wants %s.",
                        name, text, type_table[type].wanted);
        if (r < 0)
                return error_set(error, ERROR_INVALID_OPTION, "The option '%s' wants %s; '%.64s' is not that.", name,
                        type_table[type].wanted, text);
        return record_result(into, name, error);
}

/* A kind may say of an option what the common ones say, too. */
static bool is_listed(const char *const *names, size_t n, const char *name) {
        for (size_t i = 0; i < n; i++)
                if (strcmp(names[i], name) == 0)
                        return true;
        return false;
}

static int refuse_unknown(const OptionSpec *specs, OptionUse use, const char *name, Error *error) {
        const char *names[64], *nearest;
        char list[320] = "";
        size_t n = 0, length = 0;

        if (option_find(specs, name))
                return error_set(error, ERROR_INVALID_OPTION, "The option '%s' exists but has no meaning here.", name);
        for (; specs && specs->name; specs++) {
                if (!(specs->uses & use) || n >= sizeof(names) / sizeof(names[0]) || is_listed(names, n, specs->name))
                        continue;
                names[n++] = specs->name;
                if (length < sizeof(list))
                        length += (size_t)snprintf(
                                list + length, sizeof(list) - length, "%s%s", n > 1 ? ", " : "", specs->name);
        }
        if (n == 0)
                return error_set(
                        error, ERROR_INVALID_OPTION, "There is no option '%.64s': none are taken here.", name);
        nearest = nearest_word(name, names, n);
        return error_set(error, ERROR_INVALID_OPTION, "There is no option '%.64s'%s%s%s Known here: %s.", name,
                nearest ? ", did you mean '" : ".", nearest ? nearest : "", nearest ? "'?" : "", list);
}

/* -EINVAL: not of a type that can become the wanted one. */
static int value_convert(const OptionSpec *spec, const Value *value, Record *into) {
        if (type_is_unsigned(spec->type)) {
                if (value->type == VALUE_U64)
                        record_set_u64(into, spec->name, value->u64);
                else if (value->type == VALUE_I64 && value->i64 >= 0)
                        record_set_u64(into, spec->name, (uint64_t)value->i64);
                else
                        return -EINVAL;
                return 0;
        }
        if (spec->type == OPTION_INTEGER) {
                if (value->type == VALUE_I64)
                        record_set_i64(into, spec->name, value->i64);
                else if (value->type == VALUE_U64 && value->u64 <= INT64_MAX)
                        record_set_i64(into, spec->name, (int64_t)value->u64);
                else
                        return -EINVAL;
                return 0;
        }
        if ((spec->type == OPTION_BOOL && value->type == VALUE_BOOL) ||
                (spec->type == OPTION_STRINGS && value->type == VALUE_STRINGS) ||
                (spec->type == OPTION_SIZES && value->type == VALUE_U64S)) {
                record_set_value(into, spec->name, value);
                return 0;
        }
        return -EINVAL;
}

static void bound_print(OptionType type, uint64_t bound, char buffer[UNITS_TEXT_MAX]) {
        if (type == OPTION_MODE)
                snprintf(buffer, UNITS_TEXT_MAX, "%04" PRIo64, bound);
        else if (type == OPTION_TIME)
                time_print(bound, buffer);
        else
                snprintf(buffer, UNITS_TEXT_MAX, "%" PRIu64, bound);
}

static int check_bounds(const OptionSpec *spec, const Record *into, Error *error) {
        uint64_t value, maximum = spec->maximum > 0 ? spec->maximum : UINT64_MAX;
        char given[UNITS_TEXT_MAX], low[UNITS_TEXT_MAX], high[UNITS_TEXT_MAX];

        if (!type_is_unsigned(spec->type))
                return 0;
        if (spec->type == OPTION_MODE && maximum > 07777)
                maximum = 07777;
        value = record_get_u64(into, spec->name, 0);
        if (value >= spec->minimum && value <= maximum)
                return 0;
        bound_print(spec->type, value, given);
        bound_print(spec->type, spec->minimum, low);
        bound_print(spec->type, maximum, high);
        return error_set(error, ERROR_INVALID_OPTION, "The option '%s' is %s, but must be %s%s%s%s.", spec->name,
                given, "at least ", low, maximum < UINT64_MAX ? " and at most " : "",
                maximum < UINT64_MAX ? high : "");
}

int option_accept(
        const OptionSpec *specs, OptionUse use, const char *name, const Value *value, Record *into, Error *error) {
        CLEANUP(record_freep) Record *accepted = NULL;
        const OptionSpec *spec;
        int r;

        /* A name may stand twice, with another fallback for another use. */
        for (spec = specs; spec && spec->name; spec++)
                if ((spec->uses & use) && strcmp(spec->name, name) == 0)
                        break;
        if (!spec || !spec->name)
                return refuse_unknown(specs, use, name, error);
        /* In a record of its own first, so that what is out of bounds is never seen in the caller's. */
        r = record_new(&accepted);
        if (r < 0)
                return error_set_errno(error, r, "The option '%s' cannot be read", name);
        if (value->type == VALUE_STRING)
                r = option_parse(spec->type, name, value->string, accepted, error);
        else if (value_convert(spec, value, accepted) < 0)
                r = error_set(error, ERROR_INVALID_OPTION,
                        "The option '%s' wants %s; a value of another type was given.", name,
                        type_table[spec->type].wanted);
        else
                r = record_result(accepted, name, error);
        if (r < 0)
                return r;
        r = check_bounds(spec, accepted, error);
        if (r < 0)
                return r;
        record_merge(into, accepted);
        return record_result(into, name, error);
}

enum { WORD_MAX = 48 };

/* Edits (a letter too many, too few, another one, two swapped) that make one word of the other. */
static size_t word_distance(const char *a, const char *b) {
        size_t rows[3][WORD_MAX + 1], m = strlen(a), n = strlen(b);

        for (size_t j = 0; j <= n; j++)
                rows[0][j] = j;
        for (size_t i = 1; i <= m; i++) {
                size_t *row = rows[i % 3], *above = rows[(i + 2) % 3], *two_above = rows[(i + 1) % 3];

                row[0] = i;
                for (size_t j = 1; j <= n; j++) {
                        size_t best = above[j - 1] + (a[i - 1] != b[j - 1]);

                        if (above[j] + 1 < best)
                                best = above[j] + 1;
                        if (row[j - 1] + 1 < best)
                                best = row[j - 1] + 1;
                        if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                                two_above[j - 2] + 1 < best)
                                best = two_above[j - 2] + 1;
                        row[j] = best;
                }
        }
        return rows[m % 3][n];
}

const char *nearest_word(const char *word, const char *const *candidates, size_t n) {
        size_t length = strlen(word), best_distance = SIZE_MAX, bound;
        const char *best = NULL, *beginning = NULL;
        unsigned beginnings = 0;

        if (length == 0 || length > WORD_MAX)
                return NULL;
        bound = length <= 3 ? 1 : length <= 7 ? 2 : 3;
        for (size_t i = 0; i < n; i++) {
                size_t distance;

                if (strlen(candidates[i]) > WORD_MAX)
                        continue;
                distance = word_distance(word, candidates[i]);
                if (distance < best_distance) {
                        best_distance = distance;
                        best = candidates[i];
                }
                if (length >= 3 && strncmp(candidates[i], word, length) == 0) {
                        beginning = candidates[i];
                        beginnings++;
                }
        }
        /* A word of two letters shares nothing with another once one of them is wrong and both could be. */
        if (best && best_distance <= bound && best_distance < length)
                return best;
        return beginnings == 1 ? beginning : NULL;
}
