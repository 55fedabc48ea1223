/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Options: text and bus values into the types of the table, bounds, and refusals that help. */
#include <errno.h>
#include <glib.h>
#include <string.h>

#include "option.h"
#include "units.h"

static const OptionSpec specs[] = {
        { "path", OPTION_STRING, OPTION_FOR_CREATE },
        { "hold", OPTION_BOOL, OPTION_FOR_CREATE | OPTION_FOR_ADOPT },
        { "messages", OPTION_COUNT, OPTION_FOR_CREATE, "10", 1, 1000 },
        { "value", OPTION_INTEGER, OPTION_FOR_CREATE | OPTION_FOR_SEND },
        { "size", OPTION_SIZE, OPTION_FOR_CREATE, NULL, 1, 0 },
        { "timeout", OPTION_TIME, OPTION_FOR_RECEIVE, NULL, 0, 60 * USEC_PER_SEC },
        { "mode", OPTION_MODE, OPTION_FOR_CREATE, "0600", 0, 0777 },
        { "bits", OPTION_MODE, OPTION_FOR_CREATE },
        { "seals", OPTION_STRINGS, OPTION_FOR_CREATE },
        { "sizes", OPTION_SIZES, OPTION_FOR_CREATE },
        { "depth", OPTION_COUNT, OPTION_FOR_PEEK, "1", 1, 2 },
        { "depth", OPTION_COUNT, OPTION_FOR_END, "5", 5, 6 },
        { "hold", OPTION_BOOL, OPTION_FOR_ADOPT }, /* said of all kinds, too: one name in a sentence */
        { NULL },
};

static Record *new_record(void) {
        Record *record = NULL;

        g_assert_cmpint(record_new(&record), ==, 0);
        return record;
}

static void test_types(void) {
        for (OptionType type = 0; type < OPTION_TYPE_MAX; type++)
                g_assert_cmpint(option_type_from_name(option_type_name(type)), ==, type);
        g_assert_cmpint(option_type_from_name("nothing"), ==, OPTION_TYPE_INVALID);
        g_assert_cmpint(option_type_from_name(NULL), ==, OPTION_TYPE_INVALID);
        g_assert_null(option_type_name(OPTION_TYPE_MAX));
        g_assert_null(option_type_name(OPTION_TYPE_INVALID));
        g_assert_true(option_find(specs, "size") == &specs[4]);
        g_assert_null(option_find(specs, "siz"));
        g_assert_null(option_find(NULL, "size"));
}

static void test_parse(void) {
        Record *record = new_record();
        const Value *value;

        g_assert_cmpint(option_parse(OPTION_STRING, "a", "any,text=", record, NULL), ==, 0);
        g_assert_cmpstr(record_get_string(record, "a", NULL), ==, "any,text=");
        g_assert_cmpint(option_parse(OPTION_STRING, "a", "", record, NULL), ==, 0);
        g_assert_cmpstr(record_get_string(record, "a", NULL), ==, "");
        g_assert_cmpint(option_parse(OPTION_BOOL, "a", "yes", record, NULL), ==, 0);
        g_assert_true(record_get_bool(record, "a", false));
        g_assert_cmpint(option_parse(OPTION_COUNT, "a", "0x10", record, NULL), ==, 0);
        g_assert_cmpuint(record_get_u64(record, "a", 0), ==, 16);
        g_assert_cmpint(option_parse(OPTION_INTEGER, "a", "-5", record, NULL), ==, 0);
        g_assert_cmpint(record_get_i64(record, "a", 0), ==, -5);
        g_assert_cmpint(option_parse(OPTION_SIZE, "a", "64K", record, NULL), ==, 0);
        g_assert_cmpuint(record_get_u64(record, "a", 0), ==, 65536);
        g_assert_cmpint(option_parse(OPTION_TIME, "a", "0.5s", record, NULL), ==, 0);
        g_assert_cmpuint(record_get_u64(record, "a", 0), ==, 500000);
        g_assert_cmpint(option_parse(OPTION_MODE, "a", "0640", record, NULL), ==, 0);
        g_assert_cmpuint(record_get_u64(record, "a", 0), ==, 0640);
        g_assert_cmpint(option_parse(OPTION_STRINGS, "a", "one,two", record, NULL), ==, 0);
        value = record_get(record, "a");
        g_assert_cmpint(value->type, ==, VALUE_STRINGS);
        g_assert_cmpuint(value->strings.n, ==, 2);
        g_assert_cmpstr(value->strings.items[1], ==, "two");
        g_assert_cmpint(option_parse(OPTION_STRINGS, "a", "", record, NULL), ==, 0);
        g_assert_cmpuint(record_get(record, "a")->strings.n, ==, 0);
        record_free(record);
}

static void test_parse_refused(void) {
        static const struct {
                OptionType type;
                const char *text, *says;
        } cases[] = {
                { OPTION_STRING, "\xff", "text" },
                { OPTION_BOOL, "maybe", "true or false" },
                { OPTION_COUNT, "-1", "whole number" },
                { OPTION_COUNT, "18446744073709551616", "out of range" },
                { OPTION_INTEGER, "5.0", "whole number" },
                { OPTION_SIZE, "64X", "64K" },
                { OPTION_SIZE, "18446744073709551615T", "out of range" },
                { OPTION_TIME, "5 parsecs", "500ms" },
                { OPTION_MODE, "0888", "octal" },
                { OPTION_MODE, "77777", "out of range" },
                { OPTION_STRINGS, "a,,b", "commas" },
                { OPTION_STRINGS, ",", "commas" },
                { OPTION_STRINGS, "a,", "commas" },
                { OPTION_SIZES, "1,,2", "commas" },
                { OPTION_SIZES, "1,x", "commas" },
                { OPTION_SIZES, "1,18446744073709551616", "out of range" },
                { OPTION_TYPE_MAX, "x", "no known type" },
                { OPTION_TYPE_INVALID, "x", "no known type" },
        };
        Record *record = new_record();

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                Error error = { .code = ERROR_NONE };

                g_test_message("case %zu", i);
                g_assert_cmpint(option_parse(cases[i].type, "thing", cases[i].text, record, &error), ==, -EINVAL);
                g_assert_cmpint(error.code, ==, ERROR_INVALID_OPTION);
                g_assert_nonnull(strstr(error.message, "'thing'"));
                if (!strstr(error.message, cases[i].says))
                        g_error("'%s' does not say '%s'", error.message, cases[i].says);
                g_assert_cmpuint(record_size(record), ==, 0);
        }
        record_free(record);
}

typedef struct AcceptCase {
        const char *name;
        OptionUse use;
        Value value;
        const char *says; /* NULL: accepted */
        Value expected;
} AcceptCase;

static void run_accept_cases(const AcceptCase *cases, size_t n) {
        for (size_t i = 0; i < n; i++) {
                Record *record = new_record();
                Error error = { .code = ERROR_NONE };
                const Value *value;
                int r;

                g_test_message("%zu: %s", i, cases[i].name);
                r = option_accept(specs, cases[i].use, cases[i].name, &cases[i].value, record, &error);
                if (cases[i].says) {
                        g_assert_cmpint(r, ==, -EINVAL);
                        g_assert_cmpint(error.code, ==, ERROR_INVALID_OPTION);
                        if (!strstr(error.message, cases[i].says))
                                g_error("'%s' does not say '%s'", error.message, cases[i].says);
                        g_assert_cmpuint(record_size(record), ==, 0);
                } else {
                        if (r < 0)
                                g_error("%s", error.message);
                        value = record_get(record, cases[i].name);
                        g_assert_cmpint(value->type, ==, cases[i].expected.type);
                        if (value->type == VALUE_STRING)
                                g_assert_cmpstr(value->string, ==, cases[i].expected.string);
                        else if (value->type == VALUE_BOOL)
                                g_assert_cmpint(value->boolean, ==, cases[i].expected.boolean);
                        else
                                g_assert_cmpuint(value->u64, ==, cases[i].expected.u64);
                }
                record_free(record);
        }
}

#define U64(number) \
        { .type = VALUE_U64, .u64 = (number) }
#define I64(number) \
        { .type = VALUE_I64, .i64 = (number) }
#define TEXT(text) \
        { .type = VALUE_STRING, .string = (text) }
#define TRUTH(truth) \
        { .type = VALUE_BOOL, .boolean = (truth) }

static void test_accept(void) {
        static const AcceptCase cases[] = {
                { "path", OPTION_FOR_CREATE, TEXT("/tmp/x"), NULL, TEXT("/tmp/x") },
                { "path", OPTION_FOR_CREATE, U64(5), "wants text", U64(0) },
                { "hold", OPTION_FOR_ADOPT, TRUTH(true), NULL, TRUTH(true) },
                { "hold", OPTION_FOR_CREATE, TEXT("no"), NULL, TRUTH(false) },
                { "hold", OPTION_FOR_CREATE, U64(1), "true or false", U64(0) },
                { "messages", OPTION_FOR_CREATE, U64(10), NULL, U64(10) },
                { "messages", OPTION_FOR_CREATE, I64(10), NULL, U64(10) },
                { "messages", OPTION_FOR_CREATE, TEXT("0x10"), NULL, U64(16) },
                { "messages", OPTION_FOR_CREATE, I64(-1), "not negative", U64(0) },
                { "messages", OPTION_FOR_CREATE, TRUTH(true), "another type", U64(0) },
                { "messages", OPTION_FOR_CREATE, U64(0), "at least 1 and at most 1000", U64(0) },
                { "messages", OPTION_FOR_CREATE, U64(1000), NULL, U64(1000) },
                { "messages", OPTION_FOR_CREATE, U64(1001), "is 1001", U64(0) },
                { "messages", OPTION_FOR_CREATE, U64(UINT64_MAX), "at most 1000", U64(0) },
                { "value", OPTION_FOR_SEND, I64(-5), NULL, I64(-5) },
                { "value", OPTION_FOR_SEND, U64(INT64_MAX), NULL, I64(INT64_MAX) },
                { "value", OPTION_FOR_SEND, U64(UINT64_C(1) << 63), "whole number", U64(0) },
                { "value", OPTION_FOR_SEND, TEXT("-0x10"), NULL, I64(-16) },
                { "size", OPTION_FOR_CREATE, U64(UINT64_MAX), NULL, U64(UINT64_MAX) },
                { "size", OPTION_FOR_CREATE, TEXT("1M"), NULL, U64(1048576) },
                { "size", OPTION_FOR_CREATE, U64(0), "at least 1.", U64(0) },
                { "size", OPTION_FOR_CREATE, TEXT("0"), "at least 1.", U64(0) },
                { "timeout", OPTION_FOR_RECEIVE, U64(0), NULL, U64(0) },
                { "timeout", OPTION_FOR_RECEIVE, TEXT("1m"), NULL, U64(60 * USEC_PER_SEC) },
                { "timeout", OPTION_FOR_RECEIVE, TEXT("2m"), "2 m, but must be at least 0 us and at most 1 m",
                        U64(0) },
                { "timeout", OPTION_FOR_RECEIVE, TEXT("infinity"), "at most 1 m", U64(0) },
                { "mode", OPTION_FOR_CREATE, TEXT("0640"), NULL, U64(0640) },
                { "mode", OPTION_FOR_CREATE, U64(01000), "1000, but must be at least 0000 and at most 0777", U64(0) },
                { "bits", OPTION_FOR_CREATE, U64(07777), NULL, U64(07777) },
                { "bits", OPTION_FOR_CREATE, U64(010000), "at most 7777", U64(0) },
                { "sise", OPTION_FOR_CREATE, U64(1), "did you mean 'size'?", U64(0) },
                { "sise", OPTION_FOR_RECEIVE, U64(1), "Known here: timeout.", U64(0) },
                { "zzz", OPTION_FOR_SEND, U64(1), "There is no option 'zzz'. Known here: value.", U64(0) },
                { "", OPTION_FOR_SEND, U64(1), "There is no option ''.", U64(0) },
                { "size", OPTION_FOR_RECEIVE, U64(1), "no meaning here", U64(0) },
                { "size", OPTION_FOR_PEEK, U64(1), "no meaning here", U64(0) },
                { "depth", OPTION_FOR_PEEK, U64(2), NULL, U64(2) },
                { "depth", OPTION_FOR_PEEK, U64(5), "at least 1 and at most 2", U64(0) },
                { "depth", OPTION_FOR_END, U64(5), NULL, U64(5) },
                { "depth", OPTION_FOR_END, U64(2), "at least 5 and at most 6", U64(0) },
                { "zzz", OPTION_FOR_ADOPT, U64(1), "Known here: hold.", U64(0) },
                { "zzz", 0, U64(1), "none are taken here", U64(0) },
        };

        run_accept_cases(cases, G_N_ELEMENTS(cases));
}

static void test_accept_strings(void) {
        static const char *const items[] = { "grow", "shrink" };
        Record *record = new_record();
        Value value = { .type = VALUE_STRINGS, .strings = { items, 2 } };

        g_assert_cmpint(option_accept(specs, OPTION_FOR_CREATE, "seals", &value, record, NULL), ==, 0);
        g_assert_cmpstr(record_get(record, "seals")->strings.items[1], ==, "shrink");
        value = (Value)TEXT("write");
        g_assert_cmpint(option_accept(specs, OPTION_FOR_CREATE, "seals", &value, record, NULL), ==, 0);
        g_assert_cmpuint(record_get(record, "seals")->strings.n, ==, 1);
        value = (Value)TEXT("64,4K,0");
        g_assert_cmpint(option_accept(specs, OPTION_FOR_CREATE, "sizes", &value, record, NULL), ==, 0);
        g_assert_cmpuint(record_get(record, "sizes")->u64s.n, ==, 3);
        g_assert_cmpuint(record_get(record, "sizes")->u64s.items[1], ==, 4096);
        value = (Value){ .type = VALUE_U64S, .u64s = { (const uint64_t[]){ 7 }, 1 } };
        g_assert_cmpint(option_accept(specs, OPTION_FOR_CREATE, "sizes", &value, record, NULL), ==, 0);
        g_assert_cmpuint(record_get(record, "sizes")->u64s.items[0], ==, 7);
        value = (Value)TEXT("write");
        g_assert_cmpint(option_accept(NULL, OPTION_FOR_CREATE, "seals", &value, record, NULL), ==, -EINVAL);
        record_free(record);
}

static void test_nearest_word(void) {
        static const char *const words[] = { "create", "send", "receive", "remove", "peek", "list", "cancel", "wait",
                "watch" };
        static const struct {
                const char *word, *nearest;
        } cases[] = {
                { "create", "create" },
                { "crate", "create" },
                { "creat", "create" },
                { "craete", "create" },
                { "recieve", "receive" },
                { "sned", "send" },
                { "snd", "send" },
                { "lits", "list" },
                { "rec", "receive" },
                { "can", "cancel" },
                { "re", NULL },
                { "frobnicate", NULL },
                { "xyz", NULL },
                { "x", NULL },
                { "", NULL },
                { "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", NULL },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_test_message("%s", cases[i].word);
                g_assert_cmpstr(nearest_word(cases[i].word, words, G_N_ELEMENTS(words)), ==, cases[i].nearest);
        }
        g_assert_null(nearest_word("create", words, 0));
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/option/types", test_types);
        g_test_add_func("/option/parse", test_parse);
        g_test_add_func("/option/parse-refused", test_parse_refused);
        g_test_add_func("/option/accept", test_accept);
        g_test_add_func("/option/accept-strings", test_accept_strings);
        g_test_add_func("/option/nearest-word", test_nearest_word);
        return g_test_run();
}
