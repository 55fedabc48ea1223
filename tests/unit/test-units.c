/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sizes, times, modes and numbers: every form that is promised, every edge of 64 bits, and rubbish. */
#include <errno.h>
#include <glib.h>

#include "units.h"

typedef struct Case {
        const char *text;
        int result;
        uint64_t value;
} Case;

static void run_cases(const Case *cases, int (*parse)(const char *text, uint64_t *ret)) {
        for (; cases->text; cases++) {
                uint64_t value = 77;

                g_test_message("'%s'", cases->text);
                g_assert_cmpint(parse(cases->text, &value), ==, cases->result);
                g_assert_cmpuint(value, ==, cases->result == 0 ? cases->value : 77);
        }
}

static void test_size_parse(void) {
        static const Case cases[] = {
                { "0", 0, 0 },
                { "1", 0, 1 },
                { "4096", 0, 4096 },
                { "64K", 0, 65536 },
                { "64k", 0, 65536 },
                { "64KiB", 0, 65536 },
                { "10B", 0, 10 },
                { "1M", 0, 1048576 },
                { "3G", 0, UINT64_C(3221225472) },
                { "2T", 0, UINT64_C(2199023255552) },
                { "9223372036854775808", 0, UINT64_C(1) << 63 },
                { "18446744073709551615", 0, UINT64_MAX },
                { "18446744073709551616", -ERANGE, 0 },
                { "99999999999999999999999999", -ERANGE, 0 },
                { "16777215T", 0, UINT64_C(16777215) << 40 },
                { "16777216T", -ERANGE, 0 },
                { "99999999999999999999x", -EINVAL, 0 },
                { "", -EINVAL, 0 },
                { "K", -EINVAL, 0 },
                { "-1", -EINVAL, 0 },
                { "+1", -EINVAL, 0 },
                { " 1", -EINVAL, 0 },
                { "1 ", -EINVAL, 0 },
                { "1 K", -EINVAL, 0 },
                { "1KK", -EINVAL, 0 },
                { "0x10", -EINVAL, 0 },
                { "1.5G", -EINVAL, 0 },
                { NULL },
        };

        run_cases(cases, size_parse);
}

static void test_time_parse(void) {
        static const Case cases[] = {
                { "0", 0, 0 },
                { "5", 0, 5 * USEC_PER_SEC },
                { "5s", 0, 5 * USEC_PER_SEC },
                { "0.5s", 0, 500000 },
                { "0.5", 0, 500000 },
                { "120us", 0, 120 },
                { "1.5ms", 0, 1500 },
                { "2m", 0, 120 * USEC_PER_SEC },
                { "1h", 0, 3600 * USEC_PER_SEC },
                { "1.5d", 0, 129600 * USEC_PER_SEC },
                /* A time-out never fires early: what is finer than a microsecond rounds up. */
                { "0.0000001s", 0, 1 },
                { "0.5us", 0, 1 },
                { "0.00000000000000000001s", 0, 1 },
                { "0.10000000000000000000s", 0, 100000 },
                { "infinity", 0, USEC_INFINITY },
                { "18446744073709551614us", 0, UINT64_MAX - 1 },
                { "18446744073709551615us", -ERANGE, 0 },
                { "18446744073709551614.5us", -ERANGE, 0 },
                { "18446744073709551616us", -ERANGE, 0 },
                { "18446744073710", -ERANGE, 0 },
                { "213503982335d", -ERANGE, 0 },
                { "", -EINVAL, 0 },
                { "s", -EINVAL, 0 },
                { ".5s", -EINVAL, 0 },
                { "5.s", -EINVAL, 0 },
                { "1.2.3s", -EINVAL, 0 },
                { "-1s", -EINVAL, 0 },
                { "5 s", -EINVAL, 0 },
                { "5sec", -EINVAL, 0 },
                { "5S", -EINVAL, 0 },
                { "inf", -EINVAL, 0 },
                { NULL },
        };

        run_cases(cases, time_parse);
}

static void test_number_parse(void) {
        static const Case cases[] = {
                { "0", 0, 0 },
                { "0x0", 0, 0 },
                { "007", 0, 7 },
                { "0x1234", 0, 0x1234 },
                { "0Xffffffffffffffff", 0, UINT64_MAX },
                { "0x10000000000000000", -ERANGE, 0 },
                { "18446744073709551615", 0, UINT64_MAX },
                { "18446744073709551616", -ERANGE, 0 },
                { "0x", -EINVAL, 0 },
                { "0xg", -EINVAL, 0 },
                { "12f", -EINVAL, 0 },
                { "", -EINVAL, 0 },
                { "-0", -EINVAL, 0 },
                { NULL },
        };

        run_cases(cases, number_parse);
}

static void test_integer_parse(void) {
        static const struct {
                const char *text;
                int result;
                int64_t value;
        } cases[] = {
                { "0", 0, 0 },
                { "-0", 0, 0 },
                { "-5", 0, -5 },
                { "0x10", 0, 16 },
                { "-0x10", 0, -16 },
                { "9223372036854775807", 0, INT64_MAX },
                { "9223372036854775808", -ERANGE, 0 },
                { "-9223372036854775808", 0, INT64_MIN },
                { "-9223372036854775809", -ERANGE, 0 },
                { "18446744073709551616", -ERANGE, 0 },
                { "--5", -EINVAL, 0 },
                { "-", -EINVAL, 0 },
                { "+5", -EINVAL, 0 },
                { "", -EINVAL, 0 },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                int64_t value = 77;

                g_test_message("'%s'", cases[i].text);
                g_assert_cmpint(integer_parse(cases[i].text, &value), ==, cases[i].result);
                g_assert_cmpint(value, ==, cases[i].result == 0 ? cases[i].value : 77);
        }
}

static void test_mode_parse(void) {
        static const struct {
                const char *text;
                int result;
                mode_t value;
        } cases[] = {
                { "0", 0, 0 },
                { "600", 0, 0600 },
                { "0600", 0, 0600 },
                { "7777", 0, 07777 },
                { "10000", -ERANGE, 0 },
                { "7777777777777777777777777", -ERANGE, 0 },
                { "0800", -EINVAL, 0 },
                { "0x1", -EINVAL, 0 },
                { "u+r", -EINVAL, 0 },
                { "", -EINVAL, 0 },
                { "-1", -EINVAL, 0 },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                mode_t value = 077;

                g_test_message("'%s'", cases[i].text);
                g_assert_cmpint(mode_parse(cases[i].text, &value), ==, cases[i].result);
                g_assert_cmpuint(value, ==, cases[i].result == 0 ? cases[i].value : 077);
        }
}

static void test_bool_parse(void) {
        static const char *const words[][2] = {
                { "false", "true" },
                { "no", "yes" },
                { "off", "on" },
                { "0", "1" },
        };
        static const char *const rubbish[] = { "", "2", "True", "y", "true ", "00" };
        int value;

        for (size_t i = 0; i < G_N_ELEMENTS(words); i++)
                for (int expected = 0; expected < 2; expected++) {
                        value = 77;
                        g_assert_cmpint(bool_parse(words[i][expected], &value), ==, 0);
                        g_assert_cmpint(value, ==, expected);
                }
        value = 77;
        for (size_t i = 0; i < G_N_ELEMENTS(rubbish); i++)
                g_assert_cmpint(bool_parse(rubbish[i], &value), ==, -EINVAL);
        g_assert_cmpint(value, ==, 77);
}

static void test_size_print(void) {
        static const struct {
                uint64_t bytes;
                const char *text;
        } cases[] = {
                { 0, "0 B" },
                { 1023, "1023 B" },
                { 1024, "1.0 K" },
                { 1536, "1.5 K" },
                { 10239, "10 K" },
                { 57344, "56 K" },
                { 1047552, "1023 K" },
                { 1048575, "1.0 M" },
                { UINT64_C(2147483648), "2.0 G" },
                { UINT64_C(1) << 63, "8.0 E" },
                { UINT64_MAX, "16 E" },
        };
        char buffer[UNITS_TEXT_MAX];

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
                g_assert_cmpstr(size_print(cases[i].bytes, buffer), ==, cases[i].text);
}

static void test_time_print(void) {
        static const struct {
                uint64_t usec;
                const char *text;
        } cases[] = {
                { 0, "0 us" },
                { 120, "120 us" },
                { 999, "999 us" },
                { 1500, "1.5 ms" },
                { 10500, "10 ms" },
                { USEC_PER_SEC, "1 s" },
                { 90 * USEC_PER_SEC, "1.5 m" },
                { 7200 * USEC_PER_SEC, "2 h" },
                { 3 * 86400 * USEC_PER_SEC, "3 d" },
                { USEC_INFINITY - 1, "213503982 d" },
                { USEC_INFINITY, "infinity" },
        };
        char buffer[UNITS_TEXT_MAX];

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
                g_assert_cmpstr(time_print(cases[i].usec, buffer), ==, cases[i].text);
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/units/size-parse", test_size_parse);
        g_test_add_func("/units/time-parse", test_time_parse);
        g_test_add_func("/units/number-parse", test_number_parse);
        g_test_add_func("/units/integer-parse", test_integer_parse);
        g_test_add_func("/units/mode-parse", test_mode_parse);
        g_test_add_func("/units/bool-parse", test_bool_parse);
        g_test_add_func("/units/size-print", test_size_print);
        g_test_add_func("/units/time-print", test_time_print);
        return g_test_run();
}
