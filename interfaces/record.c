/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Records: the ordered, typed key and value lists of record.h. A record owns its keys, its values and the records in
 * it. The packet form is in record-packet.c. */
#include "record.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "utf8.h"

typedef struct Entry {
        char *key;
        Value value;
} Entry;

struct Record {
        Entry *entries;
        size_t n, allocated;
        int error;
};

int record_new(Record **ret) {
        Record *record = calloc(1, sizeof(*record));

        if (!record)
                return -ENOMEM;
        *ret = record;
        return 0;
}

static void value_done(Value *value) {
        switch (value->type) {
        case VALUE_STRING:
                free((char *)value->string);
                break;
        case VALUE_BYTES:
                free((void *)value->bytes.data);
                break;
        case VALUE_STRINGS:
                for (size_t i = 0; i < value->strings.n; i++)
                        free((char *)value->strings.items[i]);
                free((void *)value->strings.items);
                break;
        case VALUE_U64S:
                free((void *)value->u64s.items);
                break;
        case VALUE_RECORDS:
                for (size_t i = 0; i < value->records.n; i++)
                        record_free(value->records.items[i]);
                free((void *)value->records.items);
                break;
        default:
                break;
        }
        *value = (Value){ .type = VALUE_TYPE_INVALID };
}

Record *record_free(Record *record) {
        if (!record)
                return NULL;
        for (size_t i = 0; i < record->n; i++) {
                free(record->entries[i].key);
                value_done(&record->entries[i].value);
        }
        free(record->entries);
        free(record);
        return NULL;
}

int record_error(const Record *record) {
        return record->error;
}

static void record_fail(Record *record, int r) {
        if (record->error == 0)
                record->error = r;
}

/* How many levels of records are in the record. */
static unsigned record_height(const Record *record) {
        unsigned height = 0;

        for (size_t i = 0; i < record->n; i++) {
                const Value *value = &record->entries[i].value;

                for (size_t k = 0; value->type == VALUE_RECORDS && k < value->records.n; k++) {
                        unsigned inner = 1 + record_height(value->records.items[k]);

                        height = inner > height ? inner : height;
                }
        }
        return height;
}

static Entry *entry_find(const Record *record, const char *key) {
        for (size_t i = 0; i < record->n; i++)
                if (strcmp(record->entries[i].key, key) == 0)
                        return record->entries + i;
        return NULL;
}

static int entry_add(Record *record, const char *key, Entry **ret) {
        size_t length = strnlen(key, RECORD_KEY_MAX);
        char *copy;

        if (length >= RECORD_KEY_MAX)
                return -ENAMETOOLONG;
        if (length == 0 || !utf8_valid(key, length))
                return -EINVAL;
        if (record->n >= RECORD_ENTRIES_MAX)
                return -E2BIG;
        if (record->n == record->allocated) {
                size_t allocated = record->allocated > 0 ? 2 * record->allocated : 8;
                Entry *entries = reallocarray(record->entries, allocated, sizeof(*entries));

                if (!entries)
                        return -ENOMEM;
                record->entries = entries;
                record->allocated = allocated;
        }
        copy = strdup(key);
        if (!copy)
                return -ENOMEM;
        *ret = record->entries + record->n++;
        **ret = (Entry){ .key = copy, .value.type = VALUE_TYPE_INVALID };
        return 0;
}

/* Takes ownership of what the value points to, also on failure. */
static void record_take(Record *record, const char *key, Value value) {
        Entry *entry;
        int r;

        if (record->error < 0) {
                value_done(&value);
                return;
        }
        entry = entry_find(record, key);
        if (!entry) {
                r = entry_add(record, key, &entry);
                if (r < 0) {
                        value_done(&value);
                        record_fail(record, r);
                        return;
                }
        }
        value_done(&entry->value);
        entry->value = value;
}

static int strings_copy(const char *const *items, size_t n, Value *ret) {
        Value copy = { .type = VALUE_STRINGS };
        char **list = calloc(n + 1, sizeof(*list));

        if (!list)
                return -ENOMEM;
        copy.strings.items = (const char *const *)list;
        for (; copy.strings.n < n; copy.strings.n++) {
                const char *item = items[copy.strings.n];

                list[copy.strings.n] = utf8_escape(item, strlen(item));
                if (!list[copy.strings.n]) {
                        value_done(&copy);
                        return -ENOMEM;
                }
        }
        *ret = copy;
        return 0;
}

static int records_copy(Record *const *items, size_t n, Value *ret) {
        Value copy = { .type = VALUE_RECORDS };
        Record **list;
        size_t room = 1;
        int r;

        /* Room for a power of two, as record_append_record() expects. */
        while (room < n)
                room *= 2;
        list = calloc(room, sizeof(*list));
        if (!list)
                return -ENOMEM;
        copy.records.items = list;
        for (; copy.records.n < n; copy.records.n++) {
                r = record_copy(items[copy.records.n], &list[copy.records.n]);
                if (r == 0 && record_height(list[copy.records.n]) >= RECORD_DEPTH_MAX) {
                        copy.records.n++;
                        r = -ELOOP;
                }
                if (r < 0) {
                        value_done(&copy);
                        return r;
                }
        }
        *ret = copy;
        return 0;
}

static int memory_copy(const void *data, size_t n, size_t size, void **ret) {
        /* An empty list is still a list: not NULL. */
        void *copy = reallocarray(NULL, n > 0 ? n : 1, size);

        if (!copy)
                return -ENOMEM;
        if (n > 0)
                memcpy(copy, data, n * size);
        *ret = copy;
        return 0;
}

static int value_copy(const Value *value, Value *ret) {
        Value copy = *value;
        void *data;
        int r;

        switch (value->type) {
        case VALUE_STRING:
                copy.string = utf8_escape(value->string, strlen(value->string));
                r = copy.string ? 0 : -ENOMEM;
                break;
        case VALUE_BYTES:
                r = memory_copy(value->bytes.data, value->bytes.size, 1, &data);
                copy.bytes.data = data;
                break;
        case VALUE_STRINGS:
                r = strings_copy(value->strings.items, value->strings.n, &copy);
                break;
        case VALUE_U64S:
                r = memory_copy(value->u64s.items, value->u64s.n, sizeof(uint64_t), &data);
                copy.u64s.items = data;
                break;
        case VALUE_RECORDS:
                r = records_copy(value->records.items, value->records.n, &copy);
                break;
        default:
                r = value->type >= 0 && value->type < VALUE_TYPE_MAX ? 0 : -EINVAL;
                break;
        }
        if (r < 0)
                return r;
        *ret = copy;
        return 0;
}

void record_set_value(Record *record, const char *key, const Value *value) {
        Value copy;
        int r;

        if (record->error < 0)
                return;
        r = value_copy(value, &copy);
        if (r < 0)
                record_fail(record, r);
        else
                record_take(record, key, copy);
}

int record_copy(const Record *record, Record **ret) {
        CLEANUP(record_freep) Record *copy = NULL;
        int r;

        if (record->error < 0)
                return record->error;
        r = record_new(&copy);
        if (r < 0)
                return r;
        record_merge(copy, record);
        if (copy->error < 0)
                return copy->error;
        *ret = TAKE_POINTER(copy);
        return 0;
}

void record_merge(Record *record, const Record *from) {
        if (record == from)
                return;
        if (from->error < 0)
                record_fail(record, from->error);
        for (size_t i = 0; i < from->n; i++)
                record_set_value(record, from->entries[i].key, &from->entries[i].value);
}

void record_set_string(Record *record, const char *key, const char *value) {
        if (value)
                record_set_value(record, key, &(Value){ .type = VALUE_STRING, .string = value });
        else
                record_unset(record, key);
}

void record_set_format(Record *record, const char *key, const char *format, ...) {
        CLEANUP_FREE char *text = NULL;
        va_list arguments;
        int length;

        va_start(arguments, format);
        length = vasprintf(&text, format, arguments);
        va_end(arguments);
        if (length < 0) {
                text = NULL;
                record_fail(record, -ENOMEM);
                return;
        }
        record_set_string(record, key, text);
}

void record_set_bytes(Record *record, const char *key, const void *data, size_t size) {
        record_set_value(record, key, &(Value){ .type = VALUE_BYTES, .bytes = { data, size } });
}

void record_set_u64(Record *record, const char *key, uint64_t value) {
        record_take(record, key, (Value){ .type = VALUE_U64, .u64 = value });
}

void record_set_i64(Record *record, const char *key, int64_t value) {
        record_take(record, key, (Value){ .type = VALUE_I64, .i64 = value });
}

void record_set_bool(Record *record, const char *key, bool value) {
        record_take(record, key, (Value){ .type = VALUE_BOOL, .boolean = value });
}

void record_set_double(Record *record, const char *key, double value) {
        record_take(record, key, (Value){ .type = VALUE_DOUBLE, .number = value });
}

void record_set_strings(Record *record, const char *key, const char *const *items, size_t n) {
        record_set_value(record, key, &(Value){ .type = VALUE_STRINGS, .strings = { items, n } });
}

void record_set_u64s(Record *record, const char *key, const uint64_t *items, size_t n) {
        record_set_value(record, key, &(Value){ .type = VALUE_U64S, .u64s = { items, n } });
}

/* The list has room for the next power of two, so that appending many is linear. */
static int records_append(Value *list, Record *item) {
        size_t n = list->records.n;

        if ((n & (n - 1)) == 0) {
                Record **items = reallocarray((void *)list->records.items, n > 0 ? 2 * n : 1, sizeof(*items));

                if (!items)
                        return -ENOMEM;
                list->records.items = items;
        }
        ((Record **)list->records.items)[list->records.n++] = item;
        return 0;
}

void record_append_record(Record *record, const char *key, Record *item) {
        CLEANUP(record_freep) Record *owned = item;
        Entry *entry;
        int r;

        if (!item || item == record) {
                if (item == record)
                        owned = NULL;
                record_fail(record, -EINVAL);
                return;
        }
        if (item->error < 0)
                record_fail(record, item->error);
        else if (record_height(item) >= RECORD_DEPTH_MAX)
                record_fail(record, -ELOOP);
        if (record->error < 0)
                return;
        entry = entry_find(record, key);
        if (!entry) {
                record_take(record, key, (Value){ .type = VALUE_RECORDS });
                entry = entry_find(record, key);
        }
        if (!entry)
                return;
        r = entry->value.type == VALUE_RECORDS ? records_append(&entry->value, item) : -EINVAL;
        if (r < 0)
                record_fail(record, r);
        else
                owned = NULL;
}

void record_unset(Record *record, const char *key) {
        Entry *entry = entry_find(record, key);

        if (!entry)
                return;
        free(entry->key);
        value_done(&entry->value);
        record->n--;
        memmove(entry, entry + 1, (size_t)(record->entries + record->n - entry) * sizeof(*entry));
}

const Value *record_get(const Record *record, const char *key) {
        const Entry *entry = record ? entry_find(record, key) : NULL;

        return entry ? &entry->value : NULL;
}

static const Value *get_typed(const Record *record, const char *key, ValueType type) {
        const Value *value = record_get(record, key);

        return value && value->type == type ? value : NULL;
}

const char *record_get_string(const Record *record, const char *key, const char *fallback) {
        const Value *value = get_typed(record, key, VALUE_STRING);

        return value ? value->string : fallback;
}

uint64_t record_get_u64(const Record *record, const char *key, uint64_t fallback) {
        const Value *value = get_typed(record, key, VALUE_U64);

        return value ? value->u64 : fallback;
}

int64_t record_get_i64(const Record *record, const char *key, int64_t fallback) {
        const Value *value = get_typed(record, key, VALUE_I64);

        return value ? value->i64 : fallback;
}

bool record_get_bool(const Record *record, const char *key, bool fallback) {
        const Value *value = get_typed(record, key, VALUE_BOOL);

        return value ? value->boolean : fallback;
}

double record_get_double(const Record *record, const char *key, double fallback) {
        const Value *value = get_typed(record, key, VALUE_DOUBLE);

        return value ? value->number : fallback;
}

const void *record_get_bytes(const Record *record, const char *key, size_t *ret_size) {
        const Value *value = get_typed(record, key, VALUE_BYTES);

        *ret_size = value ? value->bytes.size : 0;
        return value && value->bytes.size > 0 ? value->bytes.data : NULL;
}

bool record_has(const Record *record, const char *key) {
        return record_get(record, key);
}

size_t record_size(const Record *record) {
        return record->n;
}

const char *record_entry(const Record *record, size_t i, const Value **ret_value) {
        if (i >= record->n)
                return NULL;
        if (ret_value)
                *ret_value = &record->entries[i].value;
        return record->entries[i].key;
}
