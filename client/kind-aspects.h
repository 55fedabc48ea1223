/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the claims of a kind are about, and what was seen of it. */
#pragma once

#include <gio/gio.h>
#include <glib.h>
#include <json-glib/json-glib.h>

/* "yes" and what the claims about that aspect showed: "yes (seen)", "yes (failed)", "yes (not testable)"; the text
 * alone where none was tested. The caller frees it. */
char *aspect_fact(GHashTable *tested, GVariant *description, const char *aspect, const char *text);
/* Two tables: each aspect with its claims and their results, and what the kind does not have at all, with the reason.
 */
void aspects_print(GHashTable *tested, GVariant *description);
/* Adds "aspects": [{aspect, claimed, seen, claims[{id, result, time, from}]}]. */
void aspects_add_json(GHashTable *tested, GVariant *description, JsonObject *object);
