/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Options: what is accepted is of the type of the table and within its bounds, whichever way it came; what is refused
 * leaves nothing behind and says why. The input is a use, eight bytes of a number, and NAME=TEXT. */
#include <errno.h>
#include <string.h>

#include "cleanup.h"
#include "fuzz.h"
#include "option.h"
#include "units.h"
#include "utf8.h"

enum { ALL_USES = OPTION_FOR_CREATE | OPTION_FOR_SEND };

static const OptionSpec specs[] = {
        { "path", OPTION_STRING, ALL_USES },
        { "hold", OPTION_BOOL, ALL_USES },
        { "count", OPTION_COUNT, ALL_USES, NULL, 1, 1000 },
        { "any-count", OPTION_COUNT, ALL_USES },
        { "value", OPTION_INTEGER, ALL_USES },
        { "size", OPTION_SIZE, OPTION_FOR_CREATE, NULL, 1, UINT64_C(1) << 40 },
        { "timeout", OPTION_TIME, ALL_USES, NULL, 5, 60 * USEC_PER_SEC },
        { "any-timeout", OPTION_TIME, ALL_USES },
        { "mode", OPTION_MODE, ALL_USES, NULL, 0, 0777 },
        { "any-mode", OPTION_MODE, OPTION_FOR_SEND },
        { "seals", OPTION_STRINGS, ALL_USES },
        { "sizes", OPTION_SIZES, ALL_USES },
        { NULL },
};

static const ValueType value_types[OPTION_TYPE_MAX] = {
        [OPTION_STRING] = VALUE_STRING,
        [OPTION_BOOL] = VALUE_BOOL,
        [OPTION_COUNT] = VALUE_U64,
        [OPTION_INTEGER] = VALUE_I64,
        [OPTION_SIZE] = VALUE_U64,
        [OPTION_TIME] = VALUE_U64,
        [OPTION_MODE] = VALUE_U64,
        [OPTION_STRINGS] = VALUE_STRINGS,
        [OPTION_SIZES] = VALUE_U64S,
};

static void assert_refused(int r, const Error *error, const Record *record) {
        FUZZ_ASSERT(r == -EINVAL && error->code == ERROR_INVALID_OPTION);
        FUZZ_ASSERT(error->message[0] && utf8_valid(error->message, strlen(error->message)));
        FUZZ_ASSERT(record_size(record) == 0 && record_error(record) == 0);
}

static size_t count_items(const char *text) {
        size_t n = *text != '\0';

        for (; *text; text++)
                n += *text == ',';
        return n;
}

static void assert_value(OptionType type, const Value *value, const char *text) {
        FUZZ_ASSERT(value && value->type == value_types[type]);
        if (type == OPTION_MODE)
                FUZZ_ASSERT(value->u64 <= 07777);
        if (type == OPTION_STRING && text)
                FUZZ_ASSERT(strcmp(value->string, text) == 0);
        if (type == OPTION_SIZES && text)
                FUZZ_ASSERT(value->u64s.n == count_items(text));
        /* What was between commas, with the commas again, is the text. */
        for (size_t i = 0; type == OPTION_STRINGS && text && i < value->strings.n; i++) {
                size_t length = strlen(value->strings.items[i]);

                FUZZ_ASSERT(length > 0 && strncmp(text, value->strings.items[i], length) == 0);
                text += length;
                FUZZ_ASSERT(*text == (i + 1 < value->strings.n ? ',' : '\0'));
                text += *text == ',';
        }
}

static void check_parse(const char *text) {
        for (OptionType type = 0; type < OPTION_TYPE_MAX; type++) {
                CLEANUP(record_freep) Record *record = NULL;
                Error error = { .code = ERROR_NONE };
                int r;

                FUZZ_ASSERT(record_new(&record) == 0);
                r = option_parse(type, "name", text, record, &error);
                if (r < 0)
                        assert_refused(r, &error, record);
                else
                        assert_value(type, record_get(record, "name"), text);
        }
}

static void check_accept(const char *name, OptionUse use, const Value *value) {
        CLEANUP(record_freep) Record *record = NULL;
        Error error = { .code = ERROR_NONE };
        const OptionSpec *spec = option_find(specs, name);
        const Value *accepted;
        int r;

        FUZZ_ASSERT(record_new(&record) == 0);
        r = option_accept(specs, use, name, value, record, &error);
        if (r < 0) {
                assert_refused(r, &error, record);
                return;
        }
        FUZZ_ASSERT(spec && (spec->uses & use) && record_size(record) == 1);
        accepted = record_get(record, name);
        assert_value(spec->type, accepted, value->type == VALUE_STRING ? value->string : NULL);
        if (accepted->type == VALUE_U64) {
                FUZZ_ASSERT(accepted->u64 >= spec->minimum);
                FUZZ_ASSERT(spec->maximum == 0 || accepted->u64 <= spec->maximum);
        }
        if (value->type == VALUE_U64 || value->type == VALUE_I64)
                FUZZ_ASSERT(accepted->u64 == value->u64);
}

static void check_nearest(const char *word) {
        static const char *const words[] = { "path", "hold", "messages", "message-size", "size", "timeout", "mode" };
        const char *nearest = nearest_word(word, words, sizeof(words) / sizeof(words[0]));
        unsigned found = 0;

        for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
                found += nearest == words[i];
                /* A word is nearest to itself. */
                FUZZ_ASSERT(strcmp(word, words[i]) != 0 || nearest == words[i]);
        }
        FUZZ_ASSERT(!nearest || found == 1);
}

static void check_values(const char *name, const char *text, OptionUse use, uint64_t number) {
        const char *items[] = { text, name };
        const Value values[] = {
                { .type = VALUE_STRING, .string = text },
                { .type = VALUE_U64, .u64 = number },
                { .type = VALUE_I64, .i64 = (int64_t)number },
                { .type = VALUE_BOOL, .boolean = number & 1 },
                { .type = VALUE_DOUBLE, .number = (double)number },
                { .type = VALUE_BYTES, .bytes = { text, strlen(text) } },
                { .type = VALUE_STRINGS, .strings = { items, 1 + (number & 1) } },
                { .type = VALUE_U64S, .u64s = { &number, 1 } },
                { .type = VALUE_RECORDS },
        };

        for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
                check_accept(name, use, &values[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        CLEANUP_FREE char *name = NULL;
        uint64_t number;
        char *text;

        if (size < 1 + sizeof(number))
                return 0;
        memcpy(&number, data + 1, sizeof(number));
        name = strndup((const char *)data + 1 + sizeof(number), size - 1 - sizeof(number));
        FUZZ_ASSERT(name);
        text = strchr(name, '=');
        if (text)
                *text++ = '\0';
        else
                text = name + strlen(name);
        check_parse(text);
        check_nearest(name);
        check_values(name, text, data[0] & 1 ? OPTION_FOR_CREATE : OPTION_FOR_SEND, number);
        /* Every option meets the text, also where the fuzzer does not guess its name. */
        for (size_t i = 0; specs[i].name; i++)
                check_values(specs[i].name, text, OPTION_FOR_CREATE, number);
        return 0;
}
