/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Records: a packet that decodes is a record that encodes to the same packet, and decodes again to an equal record; a
 * record made by calls, in any order and with any arguments, goes through a packet unchanged or says that it is too
 * large. */
#include <errno.h>
#include <string.h>

#include "cleanup.h"
#include "fuzz.h"
#include "record-equal.h"
#include "record.h"
#include "utf8.h"

static void check_strings(const Record *record) {
        const Value *value;
        const char *key;

        for (size_t i = 0; (key = record_entry(record, i, &value)); i++) {
                FUZZ_ASSERT(key[0] && strlen(key) < RECORD_KEY_MAX && utf8_valid(key, strlen(key)));
                FUZZ_ASSERT(record_get(record, key) == value);
                if (value->type == VALUE_STRING)
                        FUZZ_ASSERT(utf8_valid(value->string, strlen(value->string)));
                for (size_t k = 0; value->type == VALUE_RECORDS && k < value->records.n; k++)
                        check_strings(value->records.items[k]);
        }
}

static void check_packet(const Record *record, const void *expected, size_t expected_size) {
        CLEANUP(record_freep) Record *again = NULL, *copy = NULL;
        CLEANUP_FREE void *data = NULL;
        size_t size;
        int r;

        check_strings(record);
        r = record_encode(record, &data, &size);
        FUZZ_ASSERT(r == 0 || (r == -EMSGSIZE && !expected));
        if (r < 0)
                return;
        FUZZ_ASSERT(size <= RECORD_PACKET_MAX);
        FUZZ_ASSERT(!expected || (size == expected_size && memcmp(data, expected, size) == 0));
        FUZZ_ASSERT(record_decode(data, size, &again) == 0);
        FUZZ_ASSERT(record_equal(record, again));
        FUZZ_ASSERT(record_copy(record, &copy) == 0);
        FUZZ_ASSERT(record_equal(record, copy));
}

static void check_decode(const uint8_t *data, size_t size) {
        CLEANUP(record_freep) Record *record = NULL;
        int r;

        r = record_decode(data, size, &record);
        FUZZ_ASSERT(r == 0 || r == -EBADMSG);
        FUZZ_ASSERT((r == 0) == !!record);
        if (r == 0)
                check_packet(record, data, size);
}

typedef struct Input {
        const uint8_t *data;
        size_t size;
} Input;

static uint8_t input_byte(Input *input) {
        if (input->size == 0)
                return 0;
        input->size--;
        return *input->data++;
}

/* A length and that many bytes, with a NUL behind. */
static char *input_text(Input *input, size_t *ret_size) {
        size_t size = input_byte(input);
        char *text;

        if (size > input->size)
                size = input->size;
        text = calloc(1, size + 1);
        FUZZ_ASSERT(text);
        if (size > 0)
                memcpy(text, input->data, size);
        input->data += size;
        input->size -= size;
        *ret_size = size;
        return text;
}

static void build_one(Input *input, Record **record) {
        CLEANUP_FREE char *key = NULL, *text = NULL;
        const char *items[3];
        uint64_t numbers[3];
        size_t key_size, size;
        uint8_t call = input_byte(input);
        Record *outer = NULL;

        key = input_text(input, &key_size);
        text = input_text(input, &size);
        for (size_t i = 0; i < 3; i++) {
                items[i] = i == 1 ? key : text;
                numbers[i] = size * UINT64_C(0x9E3779B97F4A7C15) + i;
        }
        switch (call % 12) {
        case 0:
                record_set_string(*record, key, text);
                break;
        case 1:
                record_set_bytes(*record, key, text, size);
                break;
        case 2:
                record_set_u64(*record, key, numbers[0]);
                break;
        case 3:
                record_set_i64(*record, key, (int64_t)numbers[1]);
                break;
        case 4:
                record_set_bool(*record, key, size & 1);
                break;
        case 5:
                record_set_double(*record, key, (double)numbers[2]);
                break;
        case 6:
                record_set_strings(*record, key, items, size % 4);
                break;
        case 7:
                record_set_u64s(*record, key, numbers, size % 4);
                break;
        case 8:
                record_unset(*record, key);
                break;
        case 9:
                record_set_format(*record, key, "%s%zu", text, size);
                break;
        case 10:
                /* What was built so far becomes an item of a new one. */
                FUZZ_ASSERT(record_new(&outer) == 0);
                record_append_record(outer, key, *record);
                *record = outer;
                break;
        default:
                FUZZ_ASSERT(record_copy(*record, &outer) == 0 || record_error(*record) < 0);
                if (outer)
                        record_append_record(*record, key, outer);
        }
}

static void check_build(const uint8_t *data, size_t size) {
        CLEANUP(record_freep) Record *record = NULL;
        Input input = { data, size };

        FUZZ_ASSERT(record_new(&record) == 0);
        /* Copies of itself double a record: what it can be made to hold is bounded here, by the number of calls. */
        for (unsigned calls = 0; input.size > 0 && calls < 64; calls++) {
                Record *inner;
                int before = record_error(record);

                if (record_size(record) > 0 && calls % 16 == 15) {
                        FUZZ_ASSERT(record_new(&inner) == 0);
                        record_merge(inner, record);
                        record_free(record);
                        record = inner;
                }
                build_one(&input, &record);
                FUZZ_ASSERT(before == 0 || record_error(record) < 0);
                if (record_error(record) < 0)
                        return;
        }
        check_packet(record, NULL, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        check_decode(data, size);
        check_build(data, size);
        return 0;
}
