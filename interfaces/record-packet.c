/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The packet form of records, between processes of one machine and one build: host byte order. Only what record.h
 * offers is used, so that what arrives is held against the same rules as what is made here.
 *
 *   packet  version (1 byte), record
 *   record  number of entries (4 bytes), entries
 *   entry   type (1 byte), length of the key (1 byte), key, value
 *   value   string, bytes: length (4 bytes), bytes; numbers: 8 bytes; bool: 1 byte; lists: number (4 bytes), items */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "record.h"
#include "utf8.h"

enum { PACKET_VERSION = 1 };

typedef struct Writer {
        char *data;
        size_t size, allocated;
        int error;
} Writer;

static void put(Writer *writer, const void *data, size_t size) {
        if (writer->error < 0 || size == 0)
                return;
        if (size > RECORD_PACKET_MAX - writer->size) {
                writer->error = -EMSGSIZE;
                return;
        }
        if (writer->size + size > writer->allocated) {
                size_t allocated = 2 * (writer->size + size);
                char *larger = realloc(writer->data, allocated);

                if (!larger) {
                        writer->error = -ENOMEM;
                        return;
                }
                writer->data = larger;
                writer->allocated = allocated;
        }
        memcpy(writer->data + writer->size, data, size);
        writer->size += size;
}

static void put_byte(Writer *writer, unsigned value) {
        uint8_t byte = (uint8_t)value;

        put(writer, &byte, sizeof(byte));
}

static void put_count(Writer *writer, size_t value) {
        uint32_t count = (uint32_t)value;

        if (value > UINT32_MAX)
                writer->error = -EMSGSIZE;
        put(writer, &count, sizeof(count));
}

static void put_block(Writer *writer, const void *data, size_t size) {
        put_count(writer, size);
        put(writer, data, size);
}

static void put_record(Writer *writer, const Record *record, unsigned depth);

static void put_value(Writer *writer, const Value *value, unsigned depth) {
        switch (value->type) {
        case VALUE_STRING:
                put_block(writer, value->string, strlen(value->string));
                break;
        case VALUE_BYTES:
                put_block(writer, value->bytes.data, value->bytes.size);
                break;
        case VALUE_U64:
        case VALUE_I64:
                put(writer, &value->u64, sizeof(value->u64));
                break;
        case VALUE_BOOL:
                put_byte(writer, value->boolean);
                break;
        case VALUE_DOUBLE:
                put(writer, &value->number, sizeof(value->number));
                break;
        case VALUE_STRINGS:
                put_count(writer, value->strings.n);
                for (size_t i = 0; i < value->strings.n; i++)
                        put_block(writer, value->strings.items[i], strlen(value->strings.items[i]));
                break;
        case VALUE_U64S:
                put_count(writer, value->u64s.n);
                put(writer, value->u64s.items, value->u64s.n * sizeof(uint64_t));
                break;
        case VALUE_RECORDS:
                put_count(writer, value->records.n);
                for (size_t i = 0; i < value->records.n && writer->error == 0; i++)
                        put_record(writer, value->records.items[i], depth + 1);
                break;
        default:
                writer->error = -EINVAL;
        }
}

static void put_record(Writer *writer, const Record *record, unsigned depth) {
        const Value *value;
        const char *key;

        if (record_error(record) < 0 || depth > RECORD_DEPTH_MAX) {
                writer->error = depth > RECORD_DEPTH_MAX ? -ELOOP : record_error(record);
                return;
        }
        put_count(writer, record_size(record));
        for (size_t i = 0; (key = record_entry(record, i, &value)); i++) {
                put_byte(writer, (unsigned)value->type);
                put_byte(writer, (unsigned)strlen(key));
                put(writer, key, strlen(key));
                put_value(writer, value, depth);
        }
}

int record_encode(const Record *record, void **ret_data, size_t *ret_size) {
        Writer writer = { .error = 0 };

        put_byte(&writer, PACKET_VERSION);
        put_record(&writer, record, 0);
        if (writer.error < 0) {
                free(writer.data);
                return writer.error;
        }
        *ret_data = writer.data;
        *ret_size = writer.size;
        return 0;
}

typedef struct Reader {
        const char *data;
        size_t size;
} Reader;

static int take(Reader *reader, size_t size, const char **ret) {
        if (size > reader->size)
                return -EBADMSG;
        *ret = reader->data;
        reader->data += size;
        reader->size -= size;
        return 0;
}

static int take_copy(Reader *reader, void *ret, size_t size) {
        const char *data;
        int r;

        r = take(reader, size, &data);
        if (r == 0)
                memcpy(ret, data, size);
        return r;
}

/* How many items follow, each of at least `smallest` bytes: a number that the packet cannot hold is a lie, found
 * before memory is taken for it. */
static int take_count(Reader *reader, size_t smallest, size_t *ret) {
        uint32_t count;
        int r;

        r = take_copy(reader, &count, sizeof(count));
        if (r < 0)
                return r;
        if (count > reader->size / smallest)
                return -EBADMSG;
        *ret = count;
        return 0;
}

static int take_string(Reader *reader, size_t length, char **ret) {
        const char *data;
        char *copy;
        int r;

        r = take(reader, length, &data);
        if (r < 0)
                return r;
        if (memchr(data, '\0', length) || !utf8_valid(data, length))
                return -EBADMSG;
        copy = strndup(data, length);
        if (!copy)
                return -ENOMEM;
        *ret = copy;
        return 0;
}

static int read_string(Reader *reader, const char *key, Record *into) {
        CLEANUP_FREE char *text = NULL;
        size_t length;
        int r;

        r = take_count(reader, 1, &length);
        if (r == 0)
                r = take_string(reader, length, &text);
        if (r == 0)
                record_set_string(into, key, text);
        return r;
}

static int read_bytes(Reader *reader, const char *key, Record *into) {
        const char *data;
        size_t size;
        int r;

        r = take_count(reader, 1, &size);
        if (r == 0)
                r = take(reader, size, &data);
        if (r == 0)
                record_set_bytes(into, key, data, size);
        return r;
}

static int read_strings(Reader *reader, const char *key, Record *into) {
        CLEANUP_FREE char **items = NULL;
        size_t n, read = 0, length;
        int r;

        r = take_count(reader, sizeof(uint32_t), &n);
        if (r < 0)
                return r;
        items = calloc(n + 1, sizeof(*items));
        if (!items)
                return -ENOMEM;
        for (; read < n; read++) {
                r = take_count(reader, 1, &length);
                if (r == 0)
                        r = take_string(reader, length, &items[read]);
                if (r < 0)
                        break;
        }
        if (r == 0)
                record_set_strings(into, key, (const char *const *)items, n);
        for (size_t i = 0; i < read; i++)
                free(items[i]);
        return r;
}

static int read_u64s(Reader *reader, const char *key, Record *into) {
        CLEANUP_FREE uint64_t *items = NULL;
        size_t n;
        int r;

        r = take_count(reader, sizeof(uint64_t), &n);
        if (r < 0)
                return r;
        items = calloc(n + 1, sizeof(*items));
        if (!items)
                return -ENOMEM;
        r = take_copy(reader, items, n * sizeof(*items));
        if (r == 0)
                record_set_u64s(into, key, items, n);
        return r;
}

static int read_record(Reader *reader, unsigned depth, Record **ret);

static int read_records(Reader *reader, const char *key, unsigned depth, Record *into) {
        size_t n;
        int r;

        r = take_count(reader, sizeof(uint32_t), &n);
        if (r < 0)
                return r;
        if (depth >= RECORD_DEPTH_MAX)
                return -EBADMSG;
        record_set_value(into, key, &(Value){ .type = VALUE_RECORDS });
        for (size_t i = 0; i < n; i++) {
                Record *item;

                r = read_record(reader, depth + 1, &item);
                if (r < 0)
                        return r;
                record_append_record(into, key, item);
        }
        return 0;
}

static int read_number(Reader *reader, ValueType type, const char *key, Record *into) {
        Value value = { .type = type };
        uint8_t boolean;
        int r;

        if (type == VALUE_BOOL) {
                r = take_copy(reader, &boolean, sizeof(boolean));
                if (r == 0 && boolean > 1)
                        r = -EBADMSG;
                if (r == 0)
                        record_set_bool(into, key, boolean);
                return r;
        }
        r = take_copy(reader, &value.u64, sizeof(value.u64));
        if (r == 0 && type == VALUE_DOUBLE)
                memcpy(&value.number, &(uint64_t){ value.u64 }, sizeof(value.number));
        if (r == 0)
                record_set_value(into, key, &value);
        return r;
}

static int read_value(Reader *reader, ValueType type, const char *key, unsigned depth, Record *into) {
        switch (type) {
        case VALUE_STRING:
                return read_string(reader, key, into);
        case VALUE_BYTES:
                return read_bytes(reader, key, into);
        case VALUE_U64:
        case VALUE_I64:
        case VALUE_BOOL:
        case VALUE_DOUBLE:
                return read_number(reader, type, key, into);
        case VALUE_STRINGS:
                return read_strings(reader, key, into);
        case VALUE_U64S:
                return read_u64s(reader, key, into);
        case VALUE_RECORDS:
                return read_records(reader, key, depth, into);
        default:
                return -EBADMSG;
        }
}

static int read_entry(Reader *reader, unsigned depth, Record *into) {
        CLEANUP_FREE char *key = NULL;
        uint8_t type, length;
        int r;

        r = take_copy(reader, &type, sizeof(type));
        if (r == 0)
                r = take_copy(reader, &length, sizeof(length));
        if (r == 0)
                r = take_string(reader, length, &key);
        if (r < 0)
                return r;
        if (length == 0 || length >= RECORD_KEY_MAX || record_has(into, key))
                return -EBADMSG;
        return read_value(reader, (ValueType)type, key, depth, into);
}

static int read_record(Reader *reader, unsigned depth, Record **ret) {
        CLEANUP(record_freep) Record *record = NULL;
        size_t n;
        int r;

        /* The smallest entry is a bool under a key of one byte. */
        r = take_count(reader, 4, &n);
        if (r == 0 && n > RECORD_ENTRIES_MAX)
                r = -EBADMSG;
        if (r == 0)
                r = record_new(&record);
        for (size_t i = 0; r == 0 && i < n; i++)
                r = read_entry(reader, depth, record);
        if (r == 0)
                r = record_error(record);
        if (r < 0)
                return r;
        *ret = TAKE_POINTER(record);
        return 0;
}

int record_decode(const void *data, size_t size, Record **ret) {
        CLEANUP(record_freep) Record *record = NULL;
        Reader reader = { data, size };
        uint8_t version;
        int r;

        if (size > RECORD_PACKET_MAX)
                return -EBADMSG;
        r = take_copy(&reader, &version, sizeof(version));
        if (r < 0 || version != PACKET_VERSION)
                return -EBADMSG;
        r = read_record(&reader, 0, &record);
        if (r < 0)
                return r;
        if (reader.size > 0)
                return -EBADMSG;
        *ret = TAKE_POINTER(record);
        return 0;
}
