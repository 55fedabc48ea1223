/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names and command lines of other processes are bytes, the bus carries UTF-8: this says which is which. Owns
 * nothing. */
#include "utf8.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool code_point_valid(uint32_t code, size_t length) {
        static const uint32_t smallest[] = { 0, 0, 0x80, 0x800, 0x10000 };

        if (code < smallest[length] || code > 0x10FFFF)
                return false;
        if (code >= 0xD800 && code <= 0xDFFF)
                return false;
        return !(code >= 0xFDD0 && code <= 0xFDEF) && (code & 0xFFFE) != 0xFFFE;
}

size_t utf8_character(const char *text, size_t size) {
        const unsigned char *bytes = (const unsigned char *)text;
        uint32_t code;
        size_t length;

        if (size == 0)
                return 0;
        if (bytes[0] < 0x80)
                return 1;
        if ((bytes[0] & 0xE0) == 0xC0) {
                length = 2;
                code = bytes[0] & 0x1F;
        } else if ((bytes[0] & 0xF0) == 0xE0) {
                length = 3;
                code = bytes[0] & 0x0F;
        } else if ((bytes[0] & 0xF8) == 0xF0) {
                length = 4;
                code = bytes[0] & 0x07;
        } else
                return 0;
        if (size < length)
                return 0;
        for (size_t i = 1; i < length; i++) {
                if ((bytes[i] & 0xC0) != 0x80)
                        return 0;
                code = code << 6 | (bytes[i] & 0x3F);
        }
        return code_point_valid(code, length) ? length : 0;
}

bool utf8_valid(const char *text, size_t size) {
        while (size > 0) {
                size_t length = utf8_character(text, size);

                if (length == 0)
                        return false;
                text += length;
                size -= length;
        }
        return true;
}

bool utf8_is_control(const char *text, size_t length) {
        unsigned char first = (unsigned char)text[0];

        if (length == 1)
                return first < 0x20 || first == 0x7F;
        return length == 2 && first == 0xC2 && (unsigned char)text[1] < 0xA0;
}

char *utf8_escape(const char *text, size_t size) {
        size_t invalid = 0, length;
        char *copy, *out;

        for (size_t i = 0; i < size; i += length) {
                length = utf8_character(text + i, size - i);
                if (length == 0) {
                        invalid++;
                        length = 1;
                }
        }
        copy = out = malloc(size + 3 * invalid + 1);
        if (!copy)
                return NULL;
        for (size_t i = 0; i < size; i += length) {
                length = utf8_character(text + i, size - i);
                if (length == 0) {
                        out += snprintf(out, 5, "\\x%02x", (unsigned char)text[i]);
                        length = 1;
                } else {
                        memcpy(out, text + i, length);
                        out += length;
                }
        }
        *out = '\0';
        return copy;
}
