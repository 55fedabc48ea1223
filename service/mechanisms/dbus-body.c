/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From a message to text; see dbus-message.h. What is printed reads back as the same values. */
#include "dbus-message.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"

static int print_one(sd_bus_message *message, FILE *out);

static void print_string(const char *text, FILE *out) {
        fputc('"', out);
        for (; *text; text++)
                if (*text == '\n')
                        fputs("\\n", out);
                else if (*text == '\t')
                        fputs("\\t", out);
                else {
                        if (*text == '"' || *text == '\\')
                                fputc('\\', out);
                        fputc(*text, out);
                }
        fputc('"', out);
}

/* What it is open on, for the number means nothing to others. */
static void print_descriptor(int fd, FILE *out) {
        char path[64], target[512];
        ssize_t n;

        (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        n = readlink(path, target, sizeof(target) - 1);
        target[n > 0 ? n : 0] = '\0';
        print_string(n > 0 ? target : "?", out);
}

static int print_basic(sd_bus_message *message, char type, FILE *out) {
        union {
                uint8_t y;
                int16_t n;
                uint16_t q;
                int32_t i;
                uint32_t u;
                int64_t x;
                uint64_t t;
                double d;
                int b, h;
                const char *s;
        } value;
        int r;

        r = sd_bus_message_read_basic(message, type, &value);
        if (r <= 0)
                return r < 0 ? r : -EBADMSG;
        switch (type) {
        case 'y':
                return fprintf(out, "%u", value.y);
        case 'n':
                return fprintf(out, "%d", value.n);
        case 'q':
                return fprintf(out, "%u", value.q);
        case 'i':
                return fprintf(out, "%" PRId32, value.i);
        case 'u':
                return fprintf(out, "%" PRIu32, value.u);
        case 'x':
                return fprintf(out, "%" PRId64, value.x);
        case 't':
                return fprintf(out, "%" PRIu64, value.t);
        case 'd':
                return fprintf(out, "%.17g", value.d);
        case 'b':
                return fputs(value.b ? "true" : "false", out);
        case 'h':
                print_descriptor(value.h, out);
                return 0;
        default:
                print_string(value.s, out);
                return 0;
        }
}

/* The elements of an array are counted by printing them apart: the count stands in front. */
static int print_array(sd_bus_message *message, FILE *out) {
        CLEANUP_FREE char *text = NULL;
        unsigned n = 0;
        size_t size;
        FILE *apart;
        int r;

        apart = open_memstream(&text, &size);
        if (!apart)
                return -ENOMEM;
        for (;; n++) {
                r = sd_bus_message_at_end(message, false);
                if (r != 0)
                        break;
                fputc(' ', apart);
                r = print_one(message, apart);
                if (r < 0)
                        break;
        }
        if (fclose(apart) != 0)
                return -ENOMEM;
        if (r >= 0)
                fprintf(out, "%u%s", n, text);
        return r;
}

/* All that is left at this level, with spaces between. */
static int print_values(sd_bus_message *message, FILE *out) {
        int r;

        for (bool first = true; (r = sd_bus_message_at_end(message, false)) == 0; first = false) {
                if (!first)
                        fputc(' ', out);
                r = print_one(message, out);
                if (r < 0)
                        return r;
        }
        return r;
}

/* One complete value. */
static int print_one(sd_bus_message *message, FILE *out) {
        const char *contents;
        char type;
        int r;

        r = sd_bus_message_peek_type(message, &type, &contents);
        if (r <= 0)
                return r < 0 ? r : -EBADMSG;
        if (type != SD_BUS_TYPE_ARRAY && type != SD_BUS_TYPE_STRUCT && type != SD_BUS_TYPE_DICT_ENTRY &&
                type != SD_BUS_TYPE_VARIANT)
                return print_basic(message, type, out);
        r = sd_bus_message_enter_container(message, type, contents);
        if (r < 0)
                return r;
        if (type == SD_BUS_TYPE_VARIANT)
                fprintf(out, "%s ", contents);
        r = type == SD_BUS_TYPE_ARRAY ? print_array(message, out) : print_values(message, out);
        return r < 0 ? r : sd_bus_message_exit_container(message);
}

int bus_body_text(sd_bus_message *message, char **ret, size_t *ret_size) {
        char *text = NULL;
        size_t size = 0;
        FILE *out;
        int r;

        out = open_memstream(&text, &size);
        if (!out)
                return -ENOMEM;
        r = sd_bus_message_rewind(message, true);
        if (r >= 0)
                r = print_values(message, out);
        if (fclose(out) != 0 && r >= 0)
                r = -ENOMEM;
        if (r < 0) {
                free(text);
                return r;
        }
        *ret = text;
        *ret_size = size;
        return 0;
}

static int copy(const void *data, size_t size, void **ret, size_t *ret_size) {
        char *bytes = malloc(size + 1);

        if (!bytes)
                return -ENOMEM;
        if (size > 0)
                memcpy(bytes, data, size);
        bytes[size] = '\0';
        *ret = bytes;
        *ret_size = size;
        return 0;
}

int bus_body_read(sd_bus_message *message, void **ret, size_t *ret_size) {
        const char *signature = sd_bus_message_get_signature(message, true), *text;
        const void *bytes;
        char *printed;
        size_t size;
        int r;

        r = sd_bus_message_rewind(message, true);
        if (r < 0)
                return r;
        if (strcmp(signature, "ay") == 0) {
                r = sd_bus_message_read_array(message, 'y', &bytes, &size);
                return r < 0 ? r : copy(bytes, size, ret, ret_size);
        }
        if (strlen(signature) == 1 && strchr("sog", signature[0])) {
                r = sd_bus_message_read_basic(message, signature[0], &text);
                return r < 0 ? r : copy(text, strlen(text), ret, ret_size);
        }
        r = bus_body_text(message, &printed, &size);
        if (r >= 0) {
                *ret = printed;
                *ret_size = size;
        }
        return r;
}

int bus_message_line(sd_bus_message *message, void **ret, size_t *ret_size) {
        const char *signature = sd_bus_message_get_signature(message, true);
        const char *words[] = { sd_bus_message_get_sender(message), sd_bus_message_get_path(message),
                sd_bus_message_get_interface(message), sd_bus_message_get_member(message), signature };
        CLEANUP_FREE char *values = NULL;
        char *line = NULL;
        size_t size, length;
        FILE *out;
        int r;

        r = bus_body_text(message, &values, &size);
        if (r < 0)
                return r;
        out = open_memstream(&line, &length);
        if (!out)
                return -ENOMEM;
        for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
                if (words[i] && words[i][0])
                        fprintf(out, "%s%s", i == 0 ? "" : i == 3 && words[2] ? "." : " ", words[i]);
        fprintf(out, "%s%s\n", size > 0 ? " " : "", values);
        if (fclose(out) != 0) {
                free(line);
                return -ENOMEM;
        }
        *ret = line;
        *ret_size = length;
        return 0;
}

void bus_message_describe(sd_bus_message *message, Record *meta) {
        static const char *const types[] = {
                [SD_BUS_MESSAGE_METHOD_CALL] = "call",
                [SD_BUS_MESSAGE_METHOD_RETURN] = "reply",
                [SD_BUS_MESSAGE_METHOD_ERROR] = "error",
                [SD_BUS_MESSAGE_SIGNAL] = "signal",
        };
        const sd_bus_error *said = sd_bus_message_get_error(message);
        uint64_t serial;
        uint8_t type = 0;

        if (sd_bus_message_get_type(message, &type) >= 0 && type < sizeof(types) / sizeof(*types))
                record_set_string(meta, "type", types[type]);
        record_set_string(meta, "sender", sd_bus_message_get_sender(message));
        record_set_string(meta, "destination", sd_bus_message_get_destination(message));
        record_set_string(meta, "path", sd_bus_message_get_path(message));
        record_set_string(meta, "interface", sd_bus_message_get_interface(message));
        record_set_string(meta, "member", sd_bus_message_get_member(message));
        record_set_string(meta, "error", said ? said->name : NULL);
        record_set_string(meta, "signature", sd_bus_message_get_signature(message, true));
        if (sd_bus_message_get_cookie(message, &serial) >= 0)
                record_set_u64(meta, "serial", serial);
}
