/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Records: setting and getting, their bounds, the first failure that sticks. */
#include <errno.h>
#include <glib.h>
#include <math.h>
#include <string.h>

#include "record-equal.h"
#include "record.h"

static Record *new_record(void) {
        Record *record = NULL;

        g_assert_cmpint(record_new(&record), ==, 0);
        return record;
}

/* One of each type, with what is easily lost: empty ones, extremes, bytes that end strings. */
static Record *full_record(void) {
        static const char *const strings[] = { "", "two", "\xe2\x82\xac" };
        static const uint64_t numbers[] = { 0, 1, UINT64_MAX };
        Record *record = new_record(), *item = new_record();

        record_set_string(record, "string", "text");
        record_set_string(record, "empty", "");
        record_set_bytes(record, "bytes", "a\0\xff", 3);
        record_set_bytes(record, "no-bytes", NULL, 0);
        record_set_u64(record, "u64", UINT64_MAX);
        record_set_i64(record, "i64", INT64_MIN);
        record_set_bool(record, "true", true);
        record_set_bool(record, "false", false);
        record_set_double(record, "double", -0.1);
        record_set_double(record, "nan", NAN);
        record_set_strings(record, "strings", strings, G_N_ELEMENTS(strings));
        record_set_strings(record, "no-strings", NULL, 0);
        record_set_u64s(record, "u64s", numbers, G_N_ELEMENTS(numbers));
        record_set_u64s(record, "no-u64s", NULL, 0);
        record_set_value(record, "no-records", &(Value){ .type = VALUE_RECORDS });
        record_set_string(item, "latency_ns.p50", "dots are only characters");
        record_append_record(record, "records", item);
        record_append_record(record, "records", new_record());
        g_assert_cmpint(record_error(record), ==, 0);
        return record;
}

static void test_set_and_get(void) {
        Record *record = full_record();
        const Value *value;
        size_t size;

        g_assert_cmpstr(record_get_string(record, "string", "no"), ==, "text");
        g_assert_cmpstr(record_get_string(record, "empty", "no"), ==, "");
        g_assert_cmpmem(record_get_bytes(record, "bytes", &size), 3, "a\0\xff", 3);
        g_assert_cmpuint(size, ==, 3);
        g_assert_null(record_get_bytes(record, "no-bytes", &size));
        g_assert_cmpuint(size, ==, 0);
        g_assert_cmpuint(record_get_u64(record, "u64", 1), ==, UINT64_MAX);
        g_assert_cmpint(record_get_i64(record, "i64", 1), ==, INT64_MIN);
        g_assert_true(record_get_bool(record, "true", false));
        g_assert_false(record_get_bool(record, "false", true));
        g_assert_cmpfloat(record_get_double(record, "double", 1), ==, -0.1);
        g_assert_true(isnan(record_get_double(record, "nan", 1)));
        value = record_get(record, "strings");
        g_assert_cmpuint(value->strings.n, ==, 3);
        g_assert_cmpstr(value->strings.items[2], ==, "\xe2\x82\xac");
        g_assert_null(value->strings.items[3]);
        g_assert_cmpuint(record_get(record, "u64s")->u64s.items[2], ==, UINT64_MAX);
        g_assert_cmpuint(record_get(record, "records")->records.n, ==, 2);
        g_assert_cmpuint(record_get(record, "no-records")->records.n, ==, 0);

        /* A value of another type is as none. */
        g_assert_cmpuint(record_get_u64(record, "i64", 5), ==, 5);
        g_assert_cmpint(record_get_i64(record, "u64", 5), ==, 5);
        g_assert_cmpstr(record_get_string(record, "u64", "no"), ==, "no");
        g_assert_null(record_get_string(record, "nothing", NULL));
        g_assert_null(record_get_bytes(record, "string", &size));
        g_assert_null(record_get(record, "nothing"));
        g_assert_true(record_has(record, "nan"));
        g_assert_false(record_has(record, "nothing"));
        record_free(record);
        g_assert_null(record_free(NULL));
}

static void test_order_and_replacing(void) {
        Record *record = new_record();
        const Value *value;

        record_set_u64(record, "a", 1);
        record_set_u64(record, "b", 2);
        record_set_u64(record, "c", 3);
        record_set_string(record, "a", "again");
        g_assert_cmpuint(record_size(record), ==, 3);
        g_assert_cmpstr(record_entry(record, 0, &value), ==, "a");
        g_assert_cmpint(value->type, ==, VALUE_STRING);
        record_unset(record, "b");
        record_unset(record, "b");
        g_assert_cmpuint(record_size(record), ==, 2);
        g_assert_cmpstr(record_entry(record, 1, NULL), ==, "c");
        g_assert_null(record_entry(record, 2, &value));
        record_set_string(record, "a", NULL);
        g_assert_false(record_has(record, "a"));
        /* From itself: the old value is needed until the new one is there. */
        record_set_string(record, "c", "text");
        record_set_string(record, "c", record_get_string(record, "c", NULL));
        g_assert_cmpstr(record_get_string(record, "c", NULL), ==, "text");
        record_set_format(record, "c", "%s %d", record_get_string(record, "c", NULL), 5);
        g_assert_cmpstr(record_get_string(record, "c", NULL), ==, "text 5");
        g_assert_cmpint(record_error(record), ==, 0);
        record_free(record);
}

static void test_strings_are_utf8(void) {
        static const char *const strings[] = { "\xff" };
        Record *record = new_record();

        record_set_string(record, "a", "x\xff\xc3\xa9\xed\xa0\x80\xc0\x80\xef\xbf\xbf");
        g_assert_cmpstr(
                record_get_string(record, "a", NULL), ==, "x\\xff\xc3\xa9\\xed\\xa0\\x80\\xc0\\x80\\xef\\xbf\\xbf");
        record_set_format(record, "b", "%s", "\xc3");
        g_assert_cmpstr(record_get_string(record, "b", NULL), ==, "\\xc3");
        record_set_strings(record, "c", strings, 1);
        g_assert_cmpstr(record_get(record, "c")->strings.items[0], ==, "\\xff");
        record_free(record);
}

static void test_copy_and_merge(void) {
        Record *record = full_record(), *copy = NULL, *other = new_record();

        g_assert_cmpint(record_copy(record, &copy), ==, 0);
        g_assert_true(record_equal(record, copy));
        record_append_record(copy, "records", new_record());
        g_assert_false(record_equal(record, copy));
        g_assert_cmpuint(record_get(record, "records")->records.n, ==, 2);
        g_assert_cmpuint(record_get(copy, "records")->records.n, ==, 3);

        record_set_u64(other, "mine", 1);
        record_set_u64(other, "string", 2);
        record_merge(other, record);
        g_assert_cmpuint(record_size(other), ==, record_size(record) + 1);
        g_assert_cmpstr(record_get_string(other, "string", NULL), ==, "text");
        record_merge(other, other);
        g_assert_cmpuint(record_size(other), ==, record_size(record) + 1);
        g_assert_cmpint(record_error(other), ==, 0);
        record_free(record);
        record_free(copy);
        record_free(other);
}

static void test_many_items(void) {
        Record *record = new_record(), *copy = NULL;

        for (unsigned i = 0; i < 1000; i++) {
                Record *item = new_record();

                record_set_u64(item, "i", i);
                record_append_record(record, "list", item);
                /* A copy of any length can grow as well. */
                if (i % 100 == 3) {
                        copy = record_free(copy);
                        g_assert_cmpint(record_copy(record, &copy), ==, 0);
                        for (unsigned k = 0; k < 5; k++)
                                record_append_record(copy, "list", new_record());
                        g_assert_cmpuint(record_get(copy, "list")->records.n, ==, i + 6);
                }
        }
        g_assert_cmpuint(record_get(record, "list")->records.n, ==, 1000);
        g_assert_cmpuint(record_get_u64(record_get(record, "list")->records.items[999], "i", 0), ==, 999);
        record_free(record);
        record_free(copy);
}

static void test_keys(void) {
        char key[RECORD_KEY_MAX + 1];
        static const char *const invalid[] = { "", "\xff" };

        memset(key, 'k', sizeof(key));
        key[RECORD_KEY_MAX - 1] = '\0';
        for (size_t i = 0; i < G_N_ELEMENTS(invalid); i++) {
                Record *record = new_record();

                record_set_u64(record, key, 1);
                g_assert_cmpint(record_error(record), ==, 0);
                record_set_u64(record, invalid[i], 1);
                g_assert_cmpint(record_error(record), ==, -EINVAL);
                record_free(record);
        }
        key[RECORD_KEY_MAX - 1] = 'k';
        key[RECORD_KEY_MAX] = '\0';
        for (unsigned type = 0; type < 2; type++) {
                Record *record = new_record();

                if (type == 0)
                        record_set_string(record, key, "long");
                else
                        record_append_record(record, key, new_record());
                g_assert_cmpint(record_error(record), ==, -ENAMETOOLONG);
                record_free(record);
        }
}

static void test_error_sticks(void) {
        Record *record = new_record(), *copy = NULL, *other = new_record(), *list = new_record();
        size_t size;
        void *data;

        record_set_u64(record, "before", 1);
        record_set_u64(record, "", 2);
        record_set_u64(record, "after", 3);
        record_set_string(record, "after", "text");
        record_append_record(record, "after", new_record());
        g_assert_cmpint(record_error(record), ==, -EINVAL);
        g_assert_cmpuint(record_get_u64(record, "before", 0), ==, 1);
        g_assert_false(record_has(record, "after"));
        g_assert_cmpint(record_encode(record, &data, &size), ==, -EINVAL);
        g_assert_cmpint(record_copy(record, &copy), ==, -EINVAL);
        g_assert_null(copy);
        record_merge(other, record);
        g_assert_cmpint(record_error(other), ==, -EINVAL);
        record_append_record(list, "items", record);
        g_assert_cmpint(record_error(list), ==, -EINVAL);
        record_free(other);
        record_free(list);

        list = new_record();
        record_set_u64(list, "items", 1);
        record_append_record(list, "items", new_record());
        g_assert_cmpint(record_error(list), ==, -EINVAL);
        record_free(list);

        list = new_record();
        record_append_record(list, "items", NULL);
        g_assert_cmpint(record_error(list), ==, -EINVAL);
        record_free(list);

        list = new_record();
        record_append_record(list, "items", list);
        g_assert_cmpint(record_error(list), ==, -EINVAL);
        record_set_value(list, "x", &(Value){ .type = VALUE_TYPE_MAX });
        record_free(list);

        list = new_record();
        record_set_value(list, "x", &(Value){ .type = VALUE_TYPE_INVALID });
        g_assert_cmpint(record_error(list), ==, -EINVAL);
        record_free(list);
}

static void test_number_of_entries(void) {
        Record *record = new_record();
        char key[16];

        for (unsigned i = 0; i < RECORD_ENTRIES_MAX; i++) {
                g_snprintf(key, sizeof(key), "%u", i);
                record_set_bool(record, key, true);
        }
        g_assert_cmpint(record_error(record), ==, 0);
        record_set_bool(record, "0", false);
        g_assert_cmpint(record_error(record), ==, 0);
        record_set_bool(record, "more", true);
        g_assert_cmpint(record_error(record), ==, -E2BIG);
        record_free(record);
}

/* `levels` records below the top one. */
static Record *nested_record(unsigned levels) {
        Record *record = new_record();

        record_set_u64(record, "level", levels);
        for (unsigned i = 1; i <= levels; i++) {
                Record *outer = new_record();

                record_append_record(outer, "inner", record);
                record = outer;
        }
        return record;
}

static void test_depth(void) {
        Record *record = nested_record(RECORD_DEPTH_MAX), *copy = NULL, *outer = new_record();
        Record *items[1];

        g_assert_cmpint(record_error(record), ==, 0);
        g_assert_cmpint(record_copy(record, &copy), ==, 0);
        items[0] = copy;
        record_set_value(outer, "list", &(Value){ .type = VALUE_RECORDS, .records = { items, 1 } });
        g_assert_cmpint(record_error(outer), ==, -ELOOP);
        g_assert_false(record_has(outer, "list"));
        record_free(outer);
        record_free(copy);
        record_free(record);

        record = nested_record(RECORD_DEPTH_MAX + 1);
        g_assert_cmpint(record_error(record), ==, -ELOOP);
        record_free(record);
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/record/set-and-get", test_set_and_get);
        g_test_add_func("/record/order-and-replacing", test_order_and_replacing);
        g_test_add_func("/record/strings-are-utf8", test_strings_are_utf8);
        g_test_add_func("/record/copy-and-merge", test_copy_and_merge);
        g_test_add_func("/record/many-items", test_many_items);
        g_test_add_func("/record/keys", test_keys);
        g_test_add_func("/record/error-sticks", test_error_sticks);
        g_test_add_func("/record/number-of-entries", test_number_of_entries);
        g_test_add_func("/record/depth", test_depth);
        return g_test_run();
}
