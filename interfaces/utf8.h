/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What may stand in a string on the bus. Non-characters (U+FFFE, U+FDD0 …) count as invalid, as sd-bus refuses them.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* The length of the character at the beginning of `text`, 0 where none begins there. A NUL is a character of one. */
size_t utf8_character(const char *text, size_t size);
bool utf8_valid(const char *text, size_t size);
/* Also true for the C1 controls, U+0080 to U+009F. */
bool utf8_is_control(const char *text, size_t length);
/* A copy in which every byte that is part of no character is written \xHH. The caller frees it. */
char *utf8_escape(const char *text, size_t size);
