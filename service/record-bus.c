/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Records as a{sv} and back. What comes in is turned into a Value that borrows from the message, checked against the
 * tables of options, and copied into the record that the caller gets. */
#include "record-bus.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bus-cleanup.h"

static int append_string(sd_bus_message *message, const Value *value) {
        return sd_bus_message_append(message, "s", value->string);
}

static int append_bytes(sd_bus_message *message, const Value *value) {
        return sd_bus_message_append_array(message, 'y', value->bytes.data, value->bytes.size);
}

static int append_u64(sd_bus_message *message, const Value *value) {
        return sd_bus_message_append_basic(message, 't', &value->u64);
}

static int append_i64(sd_bus_message *message, const Value *value) {
        return sd_bus_message_append_basic(message, 'x', &value->i64);
}

static int append_bool(sd_bus_message *message, const Value *value) {
        return sd_bus_message_append(message, "b", (int)value->boolean);
}

static int append_double(sd_bus_message *message, const Value *value) {
        return sd_bus_message_append_basic(message, 'd', &value->number);
}

static int append_strings(sd_bus_message *message, const Value *value) {
        int r;

        r = sd_bus_message_open_container(message, 'a', "s");
        for (size_t i = 0; r >= 0 && i < value->strings.n; i++)
                r = sd_bus_message_append(message, "s", value->strings.items[i]);
        if (r < 0)
                return r;
        return sd_bus_message_close_container(message);
}

static int append_u64s(sd_bus_message *message, const Value *value) {
        return sd_bus_message_append_array(
                message, 't', value->u64s.items, value->u64s.n * sizeof(value->u64s.items[0]));
}

static int append_records(sd_bus_message *message, const Value *value) {
        return bus_append_records(message, value->records.items, value->records.n);
}

static const struct {
        const char *signature;
        int (*append)(sd_bus_message *message, const Value *value);
} value_faces[VALUE_TYPE_MAX] = {
        [VALUE_STRING] = { "s", append_string },
        [VALUE_BYTES] = { "ay", append_bytes },
        [VALUE_U64] = { "t", append_u64 },
        [VALUE_I64] = { "x", append_i64 },
        [VALUE_BOOL] = { "b", append_bool },
        [VALUE_DOUBLE] = { "d", append_double },
        [VALUE_STRINGS] = { "as", append_strings },
        [VALUE_U64S] = { "at", append_u64s },
        [VALUE_RECORDS] = { "aa{sv}", append_records },
};

static int append_entry(sd_bus_message *message, const char *key, const Value *value) {
        int r;

        r = sd_bus_message_open_container(message, 'e', "sv");
        if (r < 0)
                return r;
        r = sd_bus_message_append(message, "s", key);
        if (r < 0)
                return r;
        r = sd_bus_message_open_container(message, 'v', value_faces[value->type].signature);
        if (r < 0)
                return r;
        r = value_faces[value->type].append(message, value);
        if (r < 0)
                return r;
        r = sd_bus_message_close_container(message);
        if (r < 0)
                return r;
        return sd_bus_message_close_container(message);
}

int bus_append_record(sd_bus_message *message, const Record *record) {
        int r;

        r = sd_bus_message_open_container(message, 'a', "{sv}");
        for (size_t i = 0, n = record ? record_size(record) : 0; r >= 0 && i < n; i++) {
                const Value *value;
                const char *key = record_entry(record, i, &value);

                r = append_entry(message, key, value);
        }
        if (r < 0)
                return r;
        return sd_bus_message_close_container(message);
}

int bus_append_records(sd_bus_message *message, Record *const *records, size_t n) {
        int r;

        r = sd_bus_message_open_container(message, 'a', "a{sv}");
        for (size_t i = 0; r >= 0 && i < n; i++)
                r = bus_append_record(message, records[i]);
        if (r < 0)
                return r;
        return sd_bus_message_close_container(message);
}

int bus_reply_record(sd_bus_message *call, const Record *record) {
        CLEANUP_MESSAGE sd_bus_message *reply = NULL;
        int r;

        r = sd_bus_message_new_method_return(call, &reply);
        if (r >= 0)
                r = bus_append_record(reply, record);
        if (r < 0)
                return r;
        return sd_bus_send(NULL, reply, NULL);
}

int bus_reply_records(sd_bus_message *call, Record *const *records, size_t n) {
        CLEANUP_MESSAGE sd_bus_message *reply = NULL;
        int r;

        r = sd_bus_message_new_method_return(call, &reply);
        if (r >= 0)
                r = bus_append_records(reply, records, n);
        if (r < 0)
                return r;
        return sd_bus_send(NULL, reply, NULL);
}

enum {
        ITEMS_MAX = 1024, /* of a list */
        OPTIONS_MAX = 64, /* of a call */
};

static int refuse_items(Error *error) {
        return error_set(error, ERROR_LIMIT_EXCEEDED, "A list in a call has at most %d items.", ITEMS_MAX);
}

/* sd_bus_message_read_strv(3) copies each string and counts the list anew for each, so that a long one would stop the
 * service for minutes. */
int bus_read_strings(sd_bus_message *message, const char ***ret, size_t *ret_n, Error *error) {
        CLEANUP_FREE const char **strings = NULL;
        const char *string;
        size_t n = 0;
        int r;

        strings = calloc(ITEMS_MAX + 1, sizeof(*strings));
        if (!strings)
                return -ENOMEM;
        r = sd_bus_message_enter_container(message, 'a', "s");
        if (r < 0)
                return r;
        while ((r = sd_bus_message_read_basic(message, 's', &string)) > 0) {
                if (n == ITEMS_MAX)
                        return refuse_items(error);
                strings[n++] = string;
        }
        if (r >= 0)
                r = sd_bus_message_exit_container(message);
        if (r < 0)
                return r;
        *ret = TAKE_POINTER(strings);
        *ret_n = n;
        return 0;
}

/* What a Value read from a message needs beside the message itself. */
typedef struct ReadValue {
        Value value;
        const char **strings;
        uint64_t *numbers;
} ReadValue;

static void read_value_done(ReadValue *read) {
        free(read->strings);
        free(read->numbers);
}

static int read_unsigned(sd_bus_message *message, char type, ReadValue *ret) {
        union {
                uint8_t y;
                uint16_t q;
                uint32_t u;
                uint64_t t;
        } number;
        int r;

        r = sd_bus_message_read_basic(message, type, &number);
        if (r < 0)
                return r;
        ret->value.type = VALUE_U64;
        ret->value.u64 = type == 'y' ? number.y : type == 'q' ? number.q : type == 'u' ? number.u : number.t;
        return 0;
}

static int read_signed(sd_bus_message *message, char type, ReadValue *ret) {
        union {
                int16_t n;
                int32_t i;
                int64_t x;
        } number;
        int r;

        r = sd_bus_message_read_basic(message, type, &number);
        if (r < 0)
                return r;
        ret->value.type = VALUE_I64;
        ret->value.i64 = type == 'n' ? number.n : type == 'i' ? number.i : number.x;
        return 0;
}

static int read_basic(sd_bus_message *message, char type, ReadValue *ret) {
        int boolean, r;

        switch (type) {
        case 's':
        case 'o':
        case 'g':
                ret->value.type = VALUE_STRING;
                return sd_bus_message_read_basic(message, type, &ret->value.string);
        case 'd':
                ret->value.type = VALUE_DOUBLE;
                return sd_bus_message_read_basic(message, type, &ret->value.number);
        case 'b':
                r = sd_bus_message_read_basic(message, type, &boolean);
                ret->value.type = VALUE_BOOL;
                ret->value.boolean = r > 0 && boolean;
                return r;
        case 'y':
        case 'q':
        case 'u':
        case 't':
                return read_unsigned(message, type, ret);
        case 'n':
        case 'i':
        case 'x':
                return read_signed(message, type, ret);
        default:
                return -EOPNOTSUPP;
        }
}

static int read_strings(sd_bus_message *message, ReadValue *ret, Error *error) {
        size_t n;
        int r;

        r = bus_read_strings(message, &ret->strings, &n, error);
        if (r < 0)
                return r;
        ret->value.type = VALUE_STRINGS;
        ret->value.strings.items = ret->strings;
        ret->value.strings.n = n;
        return 0;
}

static int read_numbers(sd_bus_message *message, char type, ReadValue *ret, Error *error) {
        const void *data;
        size_t size, n;
        int r;

        r = sd_bus_message_read_array(message, type, &data, &size);
        if (r < 0)
                return r;
        n = size / (type == 't' ? sizeof(uint64_t) : sizeof(uint32_t));
        if (n > ITEMS_MAX)
                return refuse_items(error);
        ret->numbers = calloc(n + 1, sizeof(uint64_t));
        if (!ret->numbers)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++)
                ret->numbers[i] = type == 't' ? ((const uint64_t *)data)[i] : ((const uint32_t *)data)[i];
        ret->value.type = VALUE_U64S;
        ret->value.u64s.items = ret->numbers;
        ret->value.u64s.n = n;
        return 0;
}

/* Reads what is inside a variant. -EOPNOTSUPP: a type that no option has. */
static int read_value(sd_bus_message *message, const char *contents, ReadValue *ret, Error *error) {
        if (strlen(contents) == 1)
                return read_basic(message, contents[0], ret);
        if (strcmp(contents, "as") == 0)
                return read_strings(message, ret, error);
        if (strcmp(contents, "at") == 0 || strcmp(contents, "au") == 0)
                return read_numbers(message, contents[1], ret, error);
        if (strcmp(contents, "ay") == 0) {
                ret->value.type = VALUE_BYTES;
                return sd_bus_message_read_array(message, 'y', &ret->value.bytes.data, &ret->value.bytes.size);
        }
        return -EOPNOTSUPP;
}

static bool has_option(const OptionSpec *specs, OptionUse use, const char *name) {
        for (const OptionSpec *spec = specs; spec && spec->name; spec++)
                if ((spec->uses & use) && strcmp(spec->name, name) == 0)
                        return true;
        return false;
}

static size_t count_options(const OptionSpec *specs) {
        size_t n = 0;

        while (specs && specs[n].name)
                n++;
        return n;
}

/* Refused with all the names that are taken here, of both tables. */
static int refuse_option(const OptionSpec *specs, const OptionSpec *more, OptionUse use, const char *name,
        const Value *value, Record *into, Error *error) {
        size_t n = count_options(specs), n_more = count_options(more);
        CLEANUP_FREE OptionSpec *both = NULL;

        both = calloc(n + n_more + 1, sizeof(*both));
        if (!both)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++)
                both[i] = specs[i];
        for (size_t i = 0; i < n_more; i++)
                both[n + i] = more[i];
        return option_accept(both, use, name, value, into, error);
}

/* Where the options of a call are checked: against tables, or not yet. */
typedef struct OptionTables {
        const OptionSpec *specs, *more;
        OptionUse use;
        bool unchecked;
} OptionTables;

static int accept_option(
        const OptionTables *tables, const char *name, const Value *value, Record *into, Error *error) {
        if (tables->unchecked) {
                record_set_value(into, name, value);
                return 0;
        }
        if (has_option(tables->specs, tables->use, name))
                return option_accept(tables->specs, tables->use, name, value, into, error);
        if (has_option(tables->more, tables->use, name))
                return option_accept(tables->more, tables->use, name, value, into, error);
        return refuse_option(tables->specs, tables->more, tables->use, name, value, into, error);
}

static int read_option(sd_bus_message *message, const OptionTables *tables, Record *into, Error *error) {
        CLEANUP(read_value_done) ReadValue read = { 0 };
        const char *name, *contents;
        int r;

        r = sd_bus_message_read(message, "s", &name);
        if (r < 0)
                return r;
        r = sd_bus_message_peek_type(message, NULL, &contents);
        if (r < 0)
                return r;
        r = sd_bus_message_enter_container(message, 'v', contents);
        if (r < 0)
                return r;
        r = read_value(message, contents, &read, error);
        if (r == -EOPNOTSUPP)
                return error_set(error, ERROR_INVALID_OPTION,
                        "The option '%.64s' came as the D-Bus type '%.64s', which no option has.", name, contents);
        if (r < 0)
                return r;
        r = accept_option(tables, name, &read.value, into, error);
        if (r < 0)
                return r;
        return sd_bus_message_exit_container(message);
}

static int read_options(sd_bus_message *message, const OptionTables *tables, Record **ret, Error *error) {
        CLEANUP(record_freep) Record *options = NULL;
        int r;

        r = record_new(&options);
        if (r < 0)
                return error_set_errno(error, r, "The options could not be kept");
        r = sd_bus_message_enter_container(message, 'a', "{sv}");
        if (r < 0)
                return error_set_errno(error, r, "The options could not be read");
        for (int n = 0; (r = sd_bus_message_enter_container(message, 'e', "sv")) > 0; n++) {
                if (n == OPTIONS_MAX)
                        return error_set(error, ERROR_LIMIT_EXCEEDED, "A call has at most %d options.", OPTIONS_MAX);
                r = read_option(message, tables, options, error);
                if (r < 0)
                        break;
                r = sd_bus_message_exit_container(message);
                if (r < 0)
                        break;
        }
        if (r >= 0)
                r = sd_bus_message_exit_container(message);
        if (r >= 0)
                r = record_error(options);
        if (r < 0)
                return error_is_set(error) ? r : error_set_errno(error, r, "The options could not be read");
        *ret = TAKE_POINTER(options);
        return 0;
}

int bus_read_options(sd_bus_message *message, const OptionSpec *specs, const OptionSpec *more, OptionUse use,
        Record **ret, Error *error) {
        return read_options(message, &(OptionTables){ specs, more, use, false }, ret, error);
}

int bus_read_options_unchecked(sd_bus_message *message, Record **ret, Error *error) {
        return read_options(message, &(OptionTables){ .unchecked = true }, ret, error);
}

int bus_check_options(const Record *options, const OptionSpec *specs, const OptionSpec *more, OptionUse use,
        Record **ret, Error *error) {
        const OptionTables tables = { specs, more, use, false };
        CLEANUP(record_freep) Record *checked = NULL;
        const Value *value;
        int r;

        r = record_new(&checked);
        for (size_t i = 0; r >= 0 && i < record_size(options); i++) {
                const char *name = record_entry(options, i, &value);

                r = accept_option(&tables, name, value, checked, error);
        }
        if (r >= 0)
                r = record_error(checked);
        if (r < 0)
                return error_is_set(error) ? r : error_set_errno(error, r, "The options could not be kept");
        *ret = TAKE_POINTER(checked);
        return 0;
}

int bus_set_error(sd_bus_error *ret_error, const Error *error) {
        ErrorCode code = error_is_set(error) ? error->code : ERROR_FAILED;
        char name[sizeof(IPCBUS_ERROR_PREFIX) + 64];

        snprintf(name, sizeof(name), "%s%s", IPCBUS_ERROR_PREFIX, error_code_name(code));
        return sd_bus_error_set(ret_error, name,
                error_is_set(error) ? error->message : "It failed, and what failed did not say why; this is a bug.");
}

int bus_reply_error(sd_bus_message *call, const Error *error) {
        CLEANUP_BUS_ERROR sd_bus_error bus_error = SD_BUS_ERROR_NULL;

        (void)bus_set_error(&bus_error, error);
        return sd_bus_reply_method_error(call, &bus_error);
}
