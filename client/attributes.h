/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Values of a row or of a description, as people read them. */
#pragma once

#include <gio/gio.h>
#include <stdbool.h>
#include <stdint.h>

/* Any integer type; false where the key is not there or no number. */
bool attribute_number(GVariant *record, const char *key, uint64_t *ret);
/* "" where it is not there. */
const char *attribute_string(GVariant *record, const char *key);
/* By the meaning of the key: sizes as "56 K", times as ages, users by name, modes in octal. The caller frees it. */
char *attribute_text(const char *key, GVariant *value);
/* "pg, nginx (2)": the commands that hold it; "-" for nobody, "?" where that is not known. The caller frees it. */
char *holders_text(GVariant *record);
/* Prints a table of holders; nothing for none. */
void holders_print(GVariant *holders, bool heading, const char *indent);
