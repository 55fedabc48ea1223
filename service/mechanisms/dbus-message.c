/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From text to a message. The signature is walked by recursion, which the D-Bus Specification bounds: 255 bytes, and
 * 32 arrays and 32 structs within each other; sd-bus refuses what is deeper or no signature at all. */
#include "dbus-message.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "units.h"
#include "utf8.h"

enum { NESTING_MAX = 64 };

typedef struct Words {
        sd_bus_message *message;
        const char *rest; /* of the text */
        char *word;       /* room for the longest */
        const PassedFds *given;
        Error *error;
} Words;

static int append_by(Words *words, const char *signature, size_t length, unsigned depth);

static int wrong_word(Words *words, const char *wanted) {
        return error_set(words->error, ERROR_INVALID_OPTION, "\"%.60s\" is no %s, which the signature asks for there.",
                words->word, wanted);
}

static char unescaped(char c) {
        switch (c) {
        case 'n':
                return '\n';
        case 't':
                return '\t';
        default:
                return c;
        }
}

/* The next word: up to white space, where quotes "…" and '…' and a backslash keep what is in them together. */
static int next_word(Words *words) {
        const char *p = words->rest + strspn(words->rest, " \t\n");
        char *out = words->word, quote = '\0';

        if (*p == '\0')
                return error_set(
                        words->error, ERROR_INVALID_OPTION, "There are fewer values than the signature asks for.");
        for (; *p != '\0' && (quote || !strchr(" \t\n", *p)); p++) {
                if (*p == '\\' && quote != '\'' && p[1] != '\0')
                        *out++ = quote == '"' ? unescaped(*++p) : *++p;
                else if (quote ? *p == quote : *p == '"' || *p == '\'')
                        quote = quote ? '\0' : *p;
                else
                        *out++ = *p;
        }
        *out = '\0';
        if (quote)
                return error_set(words->error, ERROR_INVALID_OPTION, "A quote %c is not closed.", quote);
        words->rest = p;
        return 0;
}

static int append_integer(Words *words, char type) {
        static const struct {
                char type;
                unsigned bits;
                bool sign;
                const char *text;
        } types[] = {
                { 'y', 8, false, "number from 0 to 255" },
                { 'n', 16, true, "number of 16 bits" },
                { 'q', 16, false, "number of 16 bits without a sign" },
                { 'i', 32, true, "number of 32 bits" },
                { 'u', 32, false, "number of 32 bits without a sign" },
                { 'x', 64, true, "number of 64 bits" },
                { 't', 64, false, "number of 64 bits without a sign" },
        };
        union {
                uint8_t y;
                int16_t n;
                uint16_t q;
                int32_t i;
                uint32_t u;
                int64_t x;
                uint64_t t;
        } value = { .t = 0 };
        size_t k = 0;
        int64_t x = 0;
        uint64_t t = 0;
        int r;

        while (types[k].type != type)
                k++;
        r = types[k].sign ? integer_parse(words->word, &x) : number_parse(words->word, &t);
        if (r >= 0 && types[k].bits < 64) {
                int64_t bound = INT64_C(1) << (types[k].bits - types[k].sign);

                r = types[k].sign ? (x >= bound || x < -bound ? -ERANGE : 0) : t >= (uint64_t)bound ? -ERANGE : 0;
        }
        if (r < 0)
                return wrong_word(words, types[k].text);
        if (!types[k].sign)
                x = (int64_t)t;
        switch (types[k].bits) {
        case 8:
                value.y = (uint8_t)x;
                break;
        case 16:
                value.n = (int16_t)x;
                break;
        case 32:
                value.i = (int32_t)x;
                break;
        default:
                value.x = x;
        }
        return sd_bus_message_append_basic(words->message, type, &value);
}

static int append_double(Words *words) {
        double value;
        char *end;

        errno = 0;
        value = strtod(words->word, &end);
        if (end == words->word || *end != '\0' || (errno == ERANGE && !isfinite(value)))
                return wrong_word(words, "number with a point");
        return sd_bus_message_append_basic(words->message, 'd', &value);
}

static int append_descriptor(Words *words) {
        CLEANUP_FD int opened = -EBADF;
        uint64_t index;

        if (number_parse(words->word, &index) >= 0) {
                if (!words->given || index >= words->given->n)
                        return wrong_word(words, "descriptor that was given along, or the path of a file");
                return sd_bus_message_append_basic(words->message, 'h', &words->given->fds[index]);
        }
        if (words->word[0] != '/')
                return wrong_word(words, "path of a file");
        opened = open(words->word, O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        if (opened < 0)
                opened = open(words->word, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        if (opened < 0)
                return error_set_errno(words->error, errno, "%.200s cannot be opened to be sent", words->word);
        /* The message keeps a duplicate. */
        return sd_bus_message_append_basic(words->message, 'h', &opened);
}

static int append_basic(Words *words, char type) {
        int r, truth;

        r = next_word(words);
        if (r < 0)
                return r;
        switch (type) {
        case 's':
        case 'o':
        case 'g':
                r = sd_bus_message_append_basic(words->message, type, words->word);
                return r == -EINVAL ? wrong_word(words, type == 's'   ? "text"
                                                        : type == 'o' ? "object path"
                                                                      : "signature")
                                    : r;
        case 'b':
                if (bool_parse(words->word, &truth) < 0)
                        return wrong_word(words, "true or false");
                return sd_bus_message_append_basic(words->message, type, &truth);
        case 'd':
                return append_double(words);
        case 'h':
                return append_descriptor(words);
        default:
                return append_integer(words, type);
        }
}

/* How much of the signature is one complete type; 0 where it is none. */
static size_t type_length(const char *signature, size_t length, unsigned depth) {
        char closing = '\0';
        size_t n = 1;

        if (length == 0 || depth > NESTING_MAX)
                return 0;
        if (strchr("ybnqiuxtdsoghv", signature[0]))
                return signature[0] ? 1 : 0;
        if (signature[0] == 'a') {
                size_t element = type_length(signature + 1, length - 1, depth + 1);

                return element > 0 ? 1 + element : 0;
        }
        closing = signature[0] == '(' ? ')' : signature[0] == '{' ? '}' : '\0';
        if (!closing)
                return 0;
        while (n < length && signature[n] != closing) {
                size_t element = type_length(signature + n, length - n, depth + 1);

                if (element == 0)
                        return 0;
                n += element;
        }
        return n < length && n > 1 ? n + 1 : 0;
}

static int append_container(Words *words, char type, const char *contents, size_t length, unsigned depth) {
        char copy[BUS_SIGNATURE_MAX + 1];
        uint64_t n = 1;
        int r = 0;

        if (type == 'a') {
                r = next_word(words);
                if (r >= 0 && number_parse(words->word, &n) < 0)
                        r = wrong_word(words, "number of elements of an array");
        }
        (void)snprintf(copy, sizeof(copy), "%.*s", (int)length, contents);
        if (r >= 0)
                r = sd_bus_message_open_container(words->message, type, copy);
        for (uint64_t i = 0; r >= 0 && i < n; i++)
                r = append_by(words, copy, length, depth + 1);
        return r < 0 ? r : sd_bus_message_close_container(words->message);
}

static int append_variant(Words *words, unsigned depth) {
        char signature[BUS_SIGNATURE_MAX + 1];
        size_t length;
        int r;

        r = next_word(words);
        if (r < 0)
                return r;
        length = strlen(words->word);
        if (length > BUS_SIGNATURE_MAX || type_length(words->word, length, 0) != length)
                return wrong_word(words, "signature of one value");
        memcpy(signature, words->word, length + 1);
        return append_container(words, 'v', signature, length, depth);
}

static int append_by(Words *words, const char *signature, size_t length, unsigned depth) {
        int r = 0;

        if (depth > NESTING_MAX)
                return error_set(words->error, ERROR_INVALID_OPTION, "The signature is nested too deeply.");
        while (r >= 0 && length > 0) {
                size_t n = type_length(signature, length, 0);

                if (n == 0)
                        return error_set(words->error, ERROR_INVALID_OPTION, "\"%.*s\" is no signature of values.",
                                (int)length, signature);
                if (signature[0] == 'a')
                        r = append_container(words, 'a', signature + 1, n - 1, depth);
                else if (signature[0] == '(' || signature[0] == '{')
                        r = append_container(words, signature[0] == '(' ? 'r' : 'e', signature + 1, n - 2, depth);
                else if (signature[0] == 'v')
                        r = append_variant(words, depth);
                else
                        r = append_basic(words, signature[0]);
                signature += n;
                length -= n;
        }
        return r;
}

int bus_append_text(
        sd_bus_message *message, const char *signature, const char *text, const PassedFds *given, Error *error) {
        CLEANUP_FREE char *word = malloc(strlen(text) + 1);
        Words words = { .message = message, .rest = text, .word = word, .given = given, .error = error };
        Error said = { 0 };
        int r;

        if (!word)
                return error_set_errno(error, ENOMEM, "The values cannot be read");
        word[0] = '\0';
        words.error = &said;
        if (strlen(signature) > BUS_SIGNATURE_MAX)
                return error_set(error, ERROR_INVALID_OPTION, "A signature has at most %d bytes.", BUS_SIGNATURE_MAX);
        r = append_by(&words, signature, strlen(signature), 0);
        if (r >= 0 && words.rest[strspn(words.rest, " \t\n")] != '\0')
                r = error_set(&said, ERROR_INVALID_OPTION,
                        "There are more values than the signature \"%.100s\" asks for.", signature);
        if (r >= 0)
                return 0;
        if (!error_is_set(&said))
                (void)error_set(&said, ERROR_INVALID_OPTION, "The values are not of the signature \"%.100s\": %s.",
                        signature, strerror(-r));
        if (error)
                *error = said;
        return r;
}

int bus_append_bytes(sd_bus_message *message, const void *data, size_t size, Error *error) {
        CLEANUP_FREE char *text = NULL;
        int r;

        if (size == 0)
                return 0;
        if (memchr(data, '\0', size) || !utf8_valid(data, size))
                r = sd_bus_message_append_array(message, 'y', data, size);
        else {
                text = strndup(data, size);
                r = text ? sd_bus_message_append_basic(message, 's', text) : -ENOMEM;
        }
        return r < 0 ? error_set_errno(error, r, "The message cannot be made") : 0;
}
