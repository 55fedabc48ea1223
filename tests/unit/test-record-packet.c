/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The packet form: all types there and back, every shortening refused, and hostile packets by hand. */
#include <errno.h>
#include <glib.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "record-equal.h"
#include "record.h"

static Record *new_record(void) {
        Record *record = NULL;

        g_assert_cmpint(record_new(&record), ==, 0);
        return record;
}

static Record *full_record(void) {
        static const char *const strings[] = { "", "two", "\xe2\x82\xac" };
        static const uint64_t numbers[] = { 0, 1, UINT64_MAX };
        Record *record = new_record(), *item = new_record(), *inner = new_record();

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
        record_set_u64(inner, "n", 1);
        record_append_record(item, "inner", inner);
        record_append_record(record, "records", item);
        record_append_record(record, "records", new_record());
        g_assert_cmpint(record_error(record), ==, 0);
        return record;
}

static void test_round_trip(void) {
        Record *record = full_record(), *decoded = NULL;
        size_t size, size_again;
        void *data, *again;

        g_assert_cmpint(record_encode(record, &data, &size), ==, 0);
        g_assert_cmpint(record_decode(data, size, &decoded), ==, 0);
        g_assert_true(record_equal(record, decoded));
        g_assert_cmpint(record_encode(decoded, &again, &size_again), ==, 0);
        g_assert_cmpmem(data, size, again, size_again);
        free(data);
        free(again);
        record_free(decoded);
        record_free(record);
}

static void test_empty(void) {
        Record *record = new_record(), *decoded = NULL;
        size_t size;
        void *data;

        g_assert_cmpint(record_encode(record, &data, &size), ==, 0);
        g_assert_cmpint(record_decode(data, size, &decoded), ==, 0);
        g_assert_cmpuint(record_size(decoded), ==, 0);
        free(data);
        record_free(decoded);
        record_free(record);
}

static void test_shortened(void) {
        Record *record = full_record(), *decoded = NULL;
        size_t size;
        void *data;

        g_assert_cmpint(record_encode(record, &data, &size), ==, 0);
        for (size_t i = 0; i < size; i++) {
                /* A copy of just that size, so that a sanitizer sees what is read behind it. */
                void *part = g_memdup2(data, i);

                g_assert_cmpint(record_decode(part, i, &decoded), ==, -EBADMSG);
                g_free(part);
        }
        g_assert_null(decoded);
        data = realloc(data, size + 1);
        ((char *)data)[size] = 0;
        g_assert_cmpint(record_decode(data, size + 1, &decoded), ==, -EBADMSG);
        free(data);
        record_free(record);
}

/* Whatever one flipped byte makes of a packet: it is refused, or it is a record that comes back the same. */
static void test_flipped(void) {
        Record *record = full_record();
        unsigned accepted = 0;
        size_t size;
        void *data;

        g_assert_cmpint(record_encode(record, &data, &size), ==, 0);
        for (size_t i = 0; i < size; i++)
                for (unsigned flip = 1; flip < 256; flip <<= 1) {
                        Record *decoded = NULL, *again = NULL;
                        size_t size_again;
                        void *data_again;

                        ((unsigned char *)data)[i] ^= (unsigned char)flip;
                        if (record_decode(data, size, &decoded) == 0) {
                                accepted++;
                                g_assert_cmpint(record_encode(decoded, &data_again, &size_again), ==, 0);
                                g_assert_cmpint(record_decode(data_again, size_again, &again), ==, 0);
                                g_assert_true(record_equal(decoded, again));
                                free(data_again);
                        }
                        ((unsigned char *)data)[i] ^= (unsigned char)flip;
                        record_free(decoded);
                        record_free(again);
                }
        g_assert_cmpuint(accepted, >, 0);
        free(data);
        record_free(record);
}

#define ENTRIES(n)   n "\0\0\0"
#define PACKET(text) text, sizeof(text) - 1

static void test_hostile(void) {
        static const struct {
                const char *what, *data;
                size_t size;
        } cases[] = {
                { "nothing", PACKET("") },
                { "another version", PACKET("\2" ENTRIES("\0")) },
                { "more entries than there can be", PACKET("\1\xff\xff\xff\xff") },
                { "an unknown type", PACKET("\1" ENTRIES("\1") "\x09\1k\0\0\0\0") },
                { "an empty key", PACKET("\1" ENTRIES("\1") "\4\0\1\1") },
                { "a key with a NUL", PACKET("\1" ENTRIES("\1") "\4\1\0\1") },
                { "a key that is not UTF-8", PACKET("\1" ENTRIES("\1") "\4\1\xff\1") },
                { "a bool that is neither", PACKET("\1" ENTRIES("\1") "\4\1k\2") },
                { "the same key again", PACKET("\1" ENTRIES("\2") "\4\1k\1\4\1k\0") },
                { "a string with a NUL", PACKET("\1" ENTRIES("\1") "\0\1k\1\0\0\0\0") },
                { "a string that is not UTF-8", PACKET("\1" ENTRIES("\1") "\0\1k\1\0\0\0\xff") },
                { "a string of 4 GiB", PACKET("\1" ENTRIES("\1") "\0\1k\xff\xff\xff\xffx") },
                { "bytes of 4 GiB", PACKET("\1" ENTRIES("\1") "\1\1k\xff\xff\xff\xffx") },
                { "4 Gi strings", PACKET("\1" ENTRIES("\1") "\6\1k\xff\xff\xff\xffx") },
                { "4 Gi numbers", PACKET("\1" ENTRIES("\1") "\7\1k\xff\xff\xff\xffx") },
                { "4 Gi records", PACKET("\1" ENTRIES("\1") "\x08\1k\xff\xff\xff\xffx") },
                { "rubbish behind", PACKET("\1" ENTRIES("\0") "x") },
        };
        Record *decoded = NULL;

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_test_message("%s", cases[i].what);
                g_assert_cmpint(record_decode(cases[i].data, cases[i].size, &decoded), ==, -EBADMSG);
                g_assert_null(decoded);
        }
        /* The same by hand as it has to be, so that the cases above fail for their own reason. */
        g_assert_cmpint(record_decode(PACKET("\1" ENTRIES("\2") "\4\1k\1\0\1l\1\0\0\0x"), &decoded), ==, 0);
        g_assert_true(record_get_bool(decoded, "k", false));
        g_assert_cmpstr(record_get_string(decoded, "l", NULL), ==, "x");
        record_free(decoded);
}

static void test_long_key(void) {
        char packet[5 + 2 + 255 + 1] = { 1, 1, 0, 0, 0, VALUE_BOOL };
        Record *decoded = NULL;

        memset(packet + 7, 'k', 255);
        packet[6] = (char)(RECORD_KEY_MAX - 1);
        packet[7 + RECORD_KEY_MAX - 1] = 1;
        g_assert_cmpint(record_decode(packet, 7 + RECORD_KEY_MAX, &decoded), ==, 0);
        decoded = record_free(decoded);
        packet[7 + RECORD_KEY_MAX - 1] = 'k';
        packet[6] = RECORD_KEY_MAX;
        packet[7 + RECORD_KEY_MAX] = 1;
        g_assert_cmpint(record_decode(packet, 7 + RECORD_KEY_MAX + 1, &decoded), ==, -EBADMSG);
}

/* A packet that nests records `levels` deep. */
static int decode_nested(unsigned levels) {
        g_autoptr(GByteArray) packet = g_byte_array_new();
        Record *decoded = NULL;
        int r;

        g_byte_array_append(packet, (const guint8 *)"\1", 1);
        for (unsigned i = 0; i < levels; i++)
                g_byte_array_append(packet, (const guint8 *)ENTRIES("\1") "\x08\1k" ENTRIES("\1"), 11);
        g_byte_array_append(packet, (const guint8 *)ENTRIES("\0"), 4);
        r = record_decode(packet->data, packet->len, &decoded);
        record_free(decoded);
        return r;
}

static void test_depth(void) {
        g_assert_cmpint(decode_nested(0), ==, 0);
        g_assert_cmpint(decode_nested(RECORD_DEPTH_MAX), ==, 0);
        g_assert_cmpint(decode_nested(RECORD_DEPTH_MAX + 1), ==, -EBADMSG);
        g_assert_cmpint(decode_nested(10000), ==, -EBADMSG);
}

static void test_size(void) {
        g_autofree char *bytes = g_malloc0(RECORD_PACKET_MAX + 1);
        Record *record = new_record(), *decoded = NULL;
        /* version, entries, type, length of the key, key, length of the bytes */
        const size_t around = 1 + 4 + 1 + 1 + 1 + 4;
        size_t size = 77;
        void *data = NULL;

        record_set_bytes(record, "k", bytes, RECORD_PACKET_MAX - around);
        g_assert_cmpint(record_encode(record, &data, &size), ==, 0);
        g_assert_cmpuint(size, ==, RECORD_PACKET_MAX);
        g_assert_cmpint(record_decode(data, size, &decoded), ==, 0);
        g_assert_true(record_equal(record, decoded));
        free(data);
        data = NULL;
        size = 77;
        record_set_bytes(record, "k", bytes, RECORD_PACKET_MAX - around + 1);
        g_assert_cmpint(record_encode(record, &data, &size), ==, -EMSGSIZE);
        g_assert_null(data);
        g_assert_cmpuint(size, ==, 77);
        g_assert_cmpint(record_decode(bytes, RECORD_PACKET_MAX + 1, &decoded), ==, -EBADMSG);
        record_free(record);
        record_free(decoded);
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/record-packet/round-trip", test_round_trip);
        g_test_add_func("/record-packet/empty", test_empty);
        g_test_add_func("/record-packet/shortened", test_shortened);
        g_test_add_func("/record-packet/flipped", test_flipped);
        g_test_add_func("/record-packet/hostile", test_hostile);
        g_test_add_func("/record-packet/long-key", test_long_key);
        g_test_add_func("/record-packet/depth", test_depth);
        g_test_add_func("/record-packet/size", test_size);
        return g_test_run();
}
