/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From what is typed to the a{sv} of a call. What a kind takes is known from DescribeKind alone. */
#pragma once

#include <gio/gio.h>
#include <stdbool.h>
#include <stdint.h>

#include "cli.h"
#include "option.h"
#include "record.h"

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Record, record_free)

Record *options_new(void);
/* Floating. Releases nothing. */
GVariant *options_variant(const Record *record);

/* The text of one flag, as --size 4K, into the record; NULL text sets nothing. False: said why (exit with USAGE). */
bool options_flag(Record *record, OptionType type, const char *name, const char *text);
/* The same to a number alone, `fallback` where text is NULL. */
bool options_number(OptionType type, const char *name, const char *text, uint64_t fallback, uint64_t *ret);
/* "time-out for ever unless given": sets "timeout". */
bool options_timeout(Record *record, const char *text);

/* NAME=VALUE words of `use` ("create", "send" ...) by the option table of the kind. */
ExitCode options_words(GVariant *description, const char *use, char *const *words, Record *record);
/* -o NAME=VALUE for an address: asks for the description of its kind only where there are words. */
ExitCode options_for_address(Cli *cli, const char *address, const char *use, char *const *words, Record *record);

/* A user name or number. */
bool options_user(const char *text, uint64_t *ret_uid);
/* The name of a user, or the number. The caller frees it. */
char *user_name(uint64_t uid);
