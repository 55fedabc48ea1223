/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The grammar of addresses. The form is decided on the text as it was written, before escapes are undone, so that a
 * name that looks like another form can be written with its first byte escaped; the printer does that where needed.
 * An Address owns its text and nothing else. */
#include "address.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "units.h"
#include "utf8.h"

enum { HOST_MAX = 255 };

static const char *const form_names[ADDRESS_FORM_MAX] = {
        [ADDRESS_PATH] = "path",
        [ADDRESS_ABSTRACT] = "abstract",
        [ADDRESS_HOST] = "host",
        [ADDRESS_NUMBER] = "number",
        [ADDRESS_ID] = "id",
        [ADDRESS_KEY] = "key",
        [ADDRESS_INODE] = "inode",
        [ADDRESS_NAME] = "name",
};

const char *address_form_name(AddressForm form) {
        return form >= 0 && form < ADDRESS_FORM_MAX ? form_names[form] : NULL;
}

static size_t kind_length(const char *text) {
        return strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-");
}

static int kind_set(Address *address, const char *kind, size_t length) {
        if (length == 0 || length >= ADDRESS_KIND_MAX || kind_length(kind) < length)
                return -EINVAL;
        if (kind[0] < 'a' || kind[0] > 'z')
                return -EINVAL;
        memcpy(address->kind, kind, length);
        address->kind[length] = '\0';
        return 0;
}

static bool form_has_text(AddressForm form) {
        return form == ADDRESS_PATH || form == ADDRESS_ABSTRACT || form == ADDRESS_HOST || form == ADDRESS_NAME;
}

static bool all_of(const char *text, size_t length, const char *set) {
        for (size_t i = 0; i < length; i++)
                if (text[i] == '\0' || !strchr(set, text[i]))
                        return false;
        return length > 0;
}

static bool all_digits(const char *text) {
        return all_of(text, strlen(text), "0123456789");
}

#define HOST_CHARACTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._%-"

/* Names, IPv4 and IPv6 with a zone; whether one resolves is not asked here. */
static bool host_valid(const char *host, size_t length) {
        return length <= HOST_MAX && all_of(host, length, HOST_CHARACTERS ":");
}

/* What the text of a form may hold; bytes that do not print are the business of paths and abstract names alone. */
static bool text_valid(AddressForm form, const char *text, size_t length) {
        if (length >= ADDRESS_TEXT_MAX)
                return false;
        switch (form) {
        case ADDRESS_ABSTRACT:
                return true;
        case ADDRESS_PATH:
                return length > 0 && text[0] == '/' && !memchr(text, '\0', length);
        case ADDRESS_HOST:
                return host_valid(text, length);
        case ADDRESS_NAME:
                if (!utf8_valid(text, length))
                        return false;
                for (size_t i = 0, n; i < length; i += n) {
                        n = utf8_character(text + i, length - i);
                        if (utf8_is_control(text + i, n))
                                return false;
                }
                return length > 0;
        default:
                return false;
        }
}

static int text_set(Address *address, const char *text, size_t length) {
        char *copy = malloc(length + 1);

        if (!copy)
                return -ENOMEM;
        if (length > 0)
                memcpy(copy, text, length);
        copy[length] = '\0';
        free(address->text);
        address->text = copy;
        address->length = length;
        return 0;
}

static int hex_value(char c) {
        if (c >= '0' && c <= '9')
                return c - '0';
        if (c >= 'a' && c <= 'f')
                return c - 'a' + 10;
        return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* In place: the result is never longer. */
static int unescape(char *text, size_t *ret_length) {
        char *out = text;

        for (const char *p = text; *p; p++) {
                int high, low;

                if (*p != '\\') {
                        *out++ = *p;
                        continue;
                }
                if (p[1] != 'x' || (high = hex_value(p[2])) < 0 || (low = hex_value(p[3])) < 0)
                        return -EINVAL;
                *out++ = (char)(high << 4 | low);
                p += 3;
        }
        *out = '\0';
        *ret_length = (size_t)(out - text);
        return 0;
}

static char *escape_byte(char *out, char byte) {
        return out + snprintf(out, 5, "\\x%02x", (unsigned char)byte);
}

/* `guard`: the first byte is escaped whatever it is. The result is four times as long at the most. */
static char *escape(const char *text, size_t length, bool guard) {
        char *copy, *out;
        size_t n;

        copy = out = malloc(4 * length + 1);
        if (!copy)
                return NULL;
        for (size_t i = 0; i < length; i += n) {
                n = utf8_character(text + i, length - i);
                if (n == 0 || text[i] == '\\' || utf8_is_control(text + i, n) || (guard && i == 0)) {
                        n = n > 0 ? n : 1;
                        for (size_t k = 0; k < n; k++)
                                out = escape_byte(out, text[i + k]);
                        continue;
                }
                memcpy(out, text + i, n);
                out += n;
        }
        *out = '\0';
        return copy;
}

/* host:port or [host]:port; -ENOENT for what is not of that form, so that it may be a name. */
static int host_split(const char *text, const char **ret_host, size_t *ret_length, const char **ret_port) {
        const char *colon = strrchr(text, ':');

        if (!colon || !all_digits(colon + 1))
                return -ENOENT;
        if (text[0] == '[') {
                if (colon - text < 3 || colon[-1] != ']')
                        return -ENOENT;
                *ret_host = text + 1;
                *ret_length = (size_t)(colon - text) - 2;
        } else {
                if (!all_of(text, (size_t)(colon - text), HOST_CHARACTERS))
                        return -ENOENT;
                *ret_host = text;
                *ret_length = (size_t)(colon - text);
        }
        *ret_port = colon + 1;
        return host_valid(*ret_host, *ret_length) ? 0 : -ENOENT;
}

static bool looks_like_bare_ipv6(const char *text) {
        const char *colon = strchr(text, ':');

        return colon && strchr(colon + 1, ':') && all_of(text, strlen(text), "0123456789abcdefABCDEF:.");
}

static AddressForm form_guess(const char *identity) {
        const char *host, *port;
        size_t length;

        if (identity[0] == '/')
                return ADDRESS_PATH;
        if (identity[0] == '@')
                return ADDRESS_ABSTRACT;
        if (strncmp(identity, "id=", 3) == 0)
                return ADDRESS_ID;
        if (strncmp(identity, "key=", 4) == 0)
                return ADDRESS_KEY;
        if (host_split(identity, &host, &length, &port) == 0 || looks_like_bare_ipv6(identity))
                return ADDRESS_HOST;
        if (identity[0] == '[')
                return ADDRESS_INODE;
        return all_digits(identity) ? ADDRESS_NUMBER : ADDRESS_NAME;
}

static int parse_number(Address *address, const char *text, const char *digits, Error *error) {
        int r = number_parse(digits, &address->number);

        if (r == -ERANGE)
                return error_set(error, ERROR_INVALID_ADDRESS, "The number in the address '%s' is too large.", text);
        if (r < 0)
                return error_set(error, ERROR_INVALID_ADDRESS,
                        "The address '%s' needs a whole number after '%s', as in id=5 or key=0x1234.", text,
                        address->form == ADDRESS_ID ? "id=" : "key=");
        return 0;
}

static int parse_inode(Address *address, const char *text, const char *identity, Error *error) {
        CLEANUP_FREE char *digits = strdup(identity + 1);
        size_t length;

        if (!digits)
                return error_set_errno(error, ENOMEM, "The address cannot be read");
        length = strlen(digits);
        if (length > 0 && digits[length - 1] == ']') {
                digits[length - 1] = '\0';
                if (all_digits(digits))
                        return parse_number(address, text, digits, error);
        }
        return error_set(error, ERROR_INVALID_ADDRESS,
                "The address '%s' has neither an inode, as in pipe:[81234], nor a host and a port, as in "
                "tcp:[::1]:4444.",
                text);
}

static int parse_host(Address *address, const char *text, const char *identity, Error *error) {
        const char *host, *port;
        uint64_t number;
        size_t length;
        int r;

        r = host_split(identity, &host, &length, &port);
        if (r < 0)
                return error_set(error, ERROR_INVALID_ADDRESS,
                        "The address '%s' has an IPv6 host, which is written in brackets, as in tcp:[::1]:4444.",
                        text);
        r = number_parse(port, &number);
        if (r < 0 || number > UINT16_MAX)
                return error_set(error, ERROR_INVALID_ADDRESS,
                        "The address '%s' has the port %s, but a port is at most 65535.", text, port);
        address->port = (uint16_t)number;
        r = text_set(address, host, length);
        return r < 0 ? error_set_errno(error, r, "The address cannot be kept") : 0;
}

static int parse_text(Address *address, const char *text, const char *identity, Error *error) {
        CLEANUP_FREE char *bytes = strdup(identity + (address->form == ADDRESS_ABSTRACT));
        size_t length;
        int r;

        if (!bytes)
                return error_set_errno(error, ENOMEM, "The address cannot be read");
        if (unescape(bytes, &length) < 0)
                return error_set(error, ERROR_INVALID_ADDRESS,
                        "The address '%s' has a backslash that begins no \\xHH; a backslash itself is written \\x5c.",
                        text);
        if (length >= ADDRESS_TEXT_MAX)
                return error_set(error, ERROR_INVALID_ADDRESS,
                        "The address '%.64s...' is %zu bytes long, %d are allowed.", text, length,
                        ADDRESS_TEXT_MAX - 1);
        if (!text_valid(address->form, bytes, length))
                return error_set(error, ERROR_INVALID_ADDRESS,
                        address->form == ADDRESS_PATH
                                ? "The path in the address '%s' contains a zero byte, which no path can."
                                : "The name in the address '%s' contains bytes that do not print.",
                        text);
        r = text_set(address, bytes, length);
        return r < 0 ? error_set_errno(error, r, "The address cannot be kept") : 0;
}

static int parse_identity(Address *address, const char *text, const char *identity, Error *error) {
        address->form = form_guess(identity);
        switch (address->form) {
        case ADDRESS_HOST:
                return parse_host(address, text, identity, error);
        case ADDRESS_INODE:
                return parse_inode(address, text, identity, error);
        case ADDRESS_NUMBER:
                return parse_number(address, text, identity, error);
        case ADDRESS_ID:
                return parse_number(address, text, identity + 3, error);
        case ADDRESS_KEY:
                return parse_number(address, text, identity + 4, error);
        default:
                return parse_text(address, text, identity, error);
        }
}

int address_parse(const char *text, Address *ret, Error *error) {
        CLEANUP(address_done) Address address = ADDRESS_EMPTY;
        size_t length;
        int r;

        length = kind_length(text);
        if (text[length] != ':' || kind_set(&address, text, length) < 0)
                return error_set(error, ERROR_INVALID_ADDRESS,
                        "'%s' is no address. An address is KIND:IDENTITY, such as fifo:/tmp/x or mq-posix:/jobs.",
                        text);
        if (text[length + 1] == '\0')
                return error_set(error, ERROR_INVALID_ADDRESS,
                        "The address '%s' names a kind but no object: something has to follow the colon.", text);
        r = parse_identity(&address, text, text + length + 1, error);
        if (r < 0)
                return r;
        *ret = address;
        address.text = NULL;
        return 0;
}

static char *print_text(const Address *address) {
        CLEANUP_FREE char *escaped = NULL;
        char *text;

        if (address->form == ADDRESS_HOST) {
                bool brackets = strchr(address->text, ':');

                return asprintf(&text, "%s:%s%s%s:%u", address->kind, brackets ? "[" : "", address->text,
                               brackets ? "]" : "", address->port) < 0
                               ? NULL
                               : text;
        }
        escaped = escape(address->text, address->length, false);
        if (escaped && address->form == ADDRESS_NAME && form_guess(escaped) != ADDRESS_NAME) {
                free(escaped);
                escaped = escape(address->text, address->length, true);
        }
        if (!escaped)
                return NULL;
        return asprintf(&text, "%s:%s%s", address->kind, address->form == ADDRESS_ABSTRACT ? "@" : "", escaped) < 0
                       ? NULL
                       : text;
}

char *address_print(const Address *address) {
        static const char *const formats[ADDRESS_FORM_MAX][2] = {
                [ADDRESS_NUMBER] = { "", "" },
                [ADDRESS_ID] = { "id=", "" },
                [ADDRESS_INODE] = { "[", "]" },
        };
        char *text;
        int r;

        if (form_has_text(address->form))
                return print_text(address);
        if (address->form == ADDRESS_KEY)
                r = asprintf(&text, "%s:key=0x%" PRIx64, address->kind, address->number);
        else if (address->form >= 0 && address->form < ADDRESS_FORM_MAX)
                r = asprintf(&text, "%s:%s%" PRIu64 "%s", address->kind, formats[address->form][0], address->number,
                        formats[address->form][1]);
        else
                return NULL;
        return r < 0 ? NULL : text;
}

int address_set_path(Address *ret, const char *kind, const char *path) {
        return address_set_bytes(ret, kind, ADDRESS_PATH, path, strlen(path));
}

int address_set_number(Address *ret, const char *kind, AddressForm form, uint64_t number) {
        Address address = ADDRESS_EMPTY;
        int r;

        if (form < 0 || form >= ADDRESS_FORM_MAX || form_has_text(form))
                return -EINVAL;
        r = kind_set(&address, kind, strlen(kind));
        if (r < 0)
                return r;
        address.form = form;
        address.number = number;
        *ret = address;
        return 0;
}

int address_set_bytes(Address *ret, const char *kind, AddressForm form, const void *bytes, size_t length) {
        CLEANUP(address_done) Address address = ADDRESS_EMPTY;
        int r;

        r = kind_set(&address, kind, strlen(kind));
        if (r < 0)
                return r;
        if (!form_has_text(form) || !text_valid(form, bytes, length))
                return -EINVAL;
        r = text_set(&address, bytes, length);
        if (r < 0)
                return r;
        address.form = form;
        *ret = address;
        address.text = NULL;
        return 0;
}

int address_copy(const Address *address, Address *ret) {
        Address copy = *address;
        int r;

        copy.text = NULL;
        if (address->text) {
                r = text_set(&copy, address->text, address->length);
                if (r < 0)
                        return r;
        }
        *ret = copy;
        return 0;
}

void address_done(Address *address) {
        free(address->text);
        *address = (Address)ADDRESS_EMPTY;
}
