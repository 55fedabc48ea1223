/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A record: an ordered list of keys with typed values. It is what goes between service and worker (one record, one
 * packet), what options become once they are checked, and what a kind says of itself and of its objects; the bus shows
 * it as a{sv}, the client as a table row or a JSON object, where "latency_ns.p50" nests at its dots.
 *
 * A record remembers its first failure (no memory, a key too long): setters need no check each, record_error() tells
 * at the end, and record_encode() fails with it. Keys are unique: setting one again replaces it. Strings are UTF-8:
 * bytes in them that are not (names of processes and files may hold any) are stored as \xHH. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum ValueType {
        VALUE_STRING,  /* bus: s */
        VALUE_BYTES,   /* bus: ay */
        VALUE_U64,     /* bus: t */
        VALUE_I64,     /* bus: x */
        VALUE_BOOL,    /* bus: b */
        VALUE_DOUBLE,  /* bus: d */
        VALUE_STRINGS, /* bus: as */
        VALUE_U64S,    /* bus: at */
        VALUE_RECORDS, /* bus: aa{sv} */
        VALUE_TYPE_MAX,
        VALUE_TYPE_INVALID = -1,
} ValueType;

enum {
        RECORD_KEY_MAX = 64, /* with the final NUL */
        RECORD_ENTRIES_MAX = 4096,
        RECORD_DEPTH_MAX = 4, /* records within records */
        RECORD_PACKET_MAX = 128 *
                            1024, /* what record_encode() makes at the most; fits a socket's default send buffer */
};

typedef struct Record Record;

typedef struct Value {
        ValueType type;
        union {
                const char *string;
                struct {
                        const void *data;
                        size_t size;
                } bytes;
                uint64_t u64;
                int64_t i64;
                bool boolean;
                double number;
                struct {
                        const char *const *items; /* NULL-terminated as well */
                        size_t n;
                } strings;
                struct {
                        const uint64_t *items;
                        size_t n;
                } u64s;
                struct {
                        Record *const *items;
                        size_t n;
                } records;
        };
} Value;

int record_new(Record **ret);
Record *record_free(Record *record); /* takes NULL, returns NULL */
static inline void record_freep(Record **record) {
        *record = record_free(*record);
}
int record_copy(const Record *record, Record **ret);
int record_error(const Record *record); /* 0 or the first failure as negative errno */

void record_set_string(Record *record, const char *key, const char *value); /* NULL: as record_unset() */
void record_set_format(Record *record, const char *key, const char *format, ...) __attribute__((format(printf, 3, 4)));
void record_set_bytes(Record *record, const char *key, const void *data, size_t size);
void record_set_u64(Record *record, const char *key, uint64_t value);
void record_set_i64(Record *record, const char *key, int64_t value);
void record_set_bool(Record *record, const char *key, bool value);
void record_set_double(Record *record, const char *key, double value);
void record_set_strings(Record *record, const char *key, const char *const *items, size_t n);
void record_set_u64s(Record *record, const char *key, const uint64_t *items, size_t n);
/* Appends a record to the list under key (made when it is not there). Takes ownership of `item`, also on failure. */
void record_append_record(Record *record, const char *key, Record *item);
void record_set_value(Record *record, const char *key, const Value *value); /* copies */
void record_unset(Record *record, const char *key);
/* Sets all of `from` in `record`. */
void record_merge(Record *record, const Record *from);

/* The value under key, or NULL; a NULL record has none. What it points to lives as long as the record is unchanged. */
const Value *record_get(const Record *record, const char *key);
/* The value if it is there and of that type, else the fallback. */
const char *record_get_string(const Record *record, const char *key, const char *fallback);
uint64_t record_get_u64(const Record *record, const char *key, uint64_t fallback);
int64_t record_get_i64(const Record *record, const char *key, int64_t fallback);
bool record_get_bool(const Record *record, const char *key, bool fallback);
double record_get_double(const Record *record, const char *key, double fallback);
/* NULL and *ret_size 0 where there are none. */
const void *record_get_bytes(const Record *record, const char *key, size_t *ret_size);
bool record_has(const Record *record, const char *key);

size_t record_size(const Record *record);
/* The i-th entry, in the order of first setting; NULL behind the last. `ret_value` may be NULL. */
const char *record_entry(const Record *record, size_t i, const Value **ret_value);

/* The packet form. Encoding: the caller frees *ret_data; -EMSGSIZE over RECORD_PACKET_MAX. Decoding trusts nothing:
 * -EBADMSG for whatever is not of the form (also strings with a NUL inside or that are not UTF-8). */
int record_encode(const Record *record, void **ret_data, size_t *ret_size);
int record_decode(const void *data, size_t size, Record **ret);
