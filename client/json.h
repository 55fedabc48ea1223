/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* JSON from what the bus says (CLI.md, "JSON"): numbers exact, bytes as {"text"} or {"base64"}, dotted keys nested. */
#pragma once

#include <gio/gio.h>
#include <json-glib/json-glib.h>
#include <stdbool.h>
#include <stdint.h>

/* Any value. An a{sv} becomes an object, its keys nested at their dots. */
JsonNode *json_from_variant(GVariant *value);
/* Adds under `key`, nested at its dots. Takes ownership of the node. */
void json_add(JsonObject *object, const char *key, JsonNode *node);
void json_add_string(JsonObject *object, const char *key, const char *value);
void json_add_u64(JsonObject *object, const char *key, uint64_t value);
void json_add_variant(JsonObject *object, const char *key, GVariant *value);
/* Takes ownership. */
JsonNode *json_node_of(JsonObject *object);
JsonNode *json_node_of_array(JsonArray *array);

/* The tree of a text; integers that json-glib cannot hold come through whole. NULL with a sentence in `error` for what
 * is no JSON, or not all of it. */
JsonNode *json_from_text(const char *text, size_t size, GError **error);
/* A string, or a number as it is written; NULL for anything else. The caller frees it. */
char *json_scalar_text(JsonNode *node);

/* The text; `pretty` over several lines. Both end without a newline. */
char *json_text(JsonNode *node, bool pretty);
/* Prints with a newline and releases the node. */
void json_print(JsonNode *node, bool pretty);
