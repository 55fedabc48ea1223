/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Options: what a caller may say with a call. A kind lists its own in a table of OptionSpec; the service checks what
 * came over the bus against that table, the client converts and completes from what DescribeKind publishes of it. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "record.h"

typedef enum OptionType {
        OPTION_STRING,  /* VALUE_STRING */
        OPTION_BOOL,    /* VALUE_BOOL */
        OPTION_COUNT,   /* VALUE_U64: a plain number */
        OPTION_INTEGER, /* VALUE_I64 */
        OPTION_SIZE,    /* VALUE_U64: bytes; as text 64K */
        OPTION_TIME,    /* VALUE_U64: microseconds; as text 5s */
        OPTION_MODE,    /* VALUE_U64: permission bits; as text octal 0600 */
        OPTION_STRINGS, /* VALUE_STRINGS; as text separated by commas */
        OPTION_SIZES,   /* VALUE_U64S; as text sizes or plain numbers, separated by commas */
        OPTION_TYPE_MAX,
        OPTION_TYPE_INVALID = -1,
} OptionType;

/* Where an option may be given: a mask of these. */
typedef enum OptionUse {
        OPTION_FOR_CREATE = 1 << 0,
        OPTION_FOR_ADOPT = 1 << 1,
        OPTION_FOR_SEND = 1 << 2,
        OPTION_FOR_RECEIVE = 1 << 3,
        OPTION_FOR_PEEK = 1 << 4,
        OPTION_FOR_END = 1 << 5,
        OPTION_FOR_POST = 1 << 6,
        OPTION_FOR_WAIT = 1 << 7,
} OptionUse;

typedef struct OptionSpec {
        const char *name;
        OptionType type;
        unsigned uses;
        const char *fallback;      /* as text, for people; NULL: none */
        uint64_t minimum, maximum; /* for COUNT, SIZE, TIME, MODE; maximum 0: no bound */
        const char *help;          /* one line */
} OptionSpec;

/* "string", "bool", "count", "integer", "size", "time", "mode", "strings", "sizes" */
const char *option_type_name(OptionType type);
OptionType option_type_from_name(const char *name);
const OptionSpec *option_find(const OptionSpec *specs, const char *name); /* specs end with a NULL name */

/* Text to value, by type alone; on success sets `name` in `into`. Errors: InvalidOption with the form that is wanted.
 */
int option_parse(OptionType type, const char *name, const char *text, Record *into, Error *error);

/* What came over the bus: finds `name` in the table among those for `use`, accepts any integer type for numbers (and
 * text in the forms of option_parse()), checks the bounds and sets it in `into` as the type of the table. Errors:
 * InvalidOption: unknown (the message lists what is known and, where one is close, which was meant), wrong type, out
 * of bounds. */
int option_accept(
        const OptionSpec *specs, OptionUse use, const char *name, const Value *value, Record *into, Error *error);

/* The nearest of the candidates to a mistyped word, or NULL where none is near enough to be meant. */
const char *nearest_word(const char *word, const char *const *candidates, size_t n);
