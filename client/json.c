/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Trees of json-glib from GVariants, and their text. json-glib knows only signed 64-bit integers and prints greater
 * ones as negative. They go through its tree as strings behind a mark that is random for each run, so that no text of
 * anybody's can hold it, and the mark and its quotes are taken away from the finished text. Owns only the mark. */
#include "json.h"

#include <math.h>
#include <string.h>

#include "output.h"

enum { NESTED_MAX = 64 };

static const char *mark(void) {
        static char *text;

        if (text == NULL) {
                g_autofree char *uuid = g_uuid_string_random();
                text = g_strdup_printf("number-%s-", uuid);
        }
        return text;
}

static JsonNode *node_u64(uint64_t value) {
        JsonNode *node = json_node_alloc();

        if (value <= G_MAXINT64)
                return json_node_init_int(node, (gint64)value);
        g_autofree char *text = g_strdup_printf("%s%" G_GUINT64_FORMAT, mark(), value);
        return json_node_init_string(node, text);
}

static JsonNode *node_double(double value) {
        /* JSON has no way to write what is no number. */
        if (!isfinite(value))
                return json_node_init_null(json_node_alloc());
        return json_node_init_double(json_node_alloc(), value);
}

static JsonNode *node_bytes(GVariant *value) {
        gsize size;
        const char *data = g_variant_get_fixed_array(value, &size, 1);
        JsonObject *object = json_object_new();

        if (size == 0 || (memchr(data, '\0', size) == NULL && g_utf8_validate(data, (gssize)size, NULL))) {
                g_autofree char *text = g_strndup(data != NULL ? data : "", size);
                json_object_set_string_member(object, "text", text);
        } else {
                g_autofree char *text = g_base64_encode((const guchar *)data, size);
                json_object_set_string_member(object, "base64", text);
        }
        return json_node_of(object);
}

JsonNode *json_node_of(JsonObject *object) {
        JsonNode *node = json_node_new(JSON_NODE_OBJECT);

        json_node_take_object(node, object);
        return node;
}

JsonNode *json_node_of_array(JsonArray *array) {
        JsonNode *node = json_node_new(JSON_NODE_ARRAY);

        json_node_take_array(node, array);
        return node;
}

static JsonNode *node_container(GVariant *value) {
        GVariantIter iter;
        GVariant *item;

        if (g_variant_is_of_type(value, G_VARIANT_TYPE("a{s*}"))) {
                JsonObject *object = json_object_new();
                const char *key;
                g_variant_iter_init(&iter, value);
                while (g_variant_iter_next(&iter, "{&s@*}", &key, &item)) {
                        json_add(object, key, json_from_variant(item));
                        g_variant_unref(item);
                }
                return json_node_of(object);
        }
        JsonArray *array = json_array_new();
        g_variant_iter_init(&iter, value);
        while ((item = g_variant_iter_next_value(&iter)) != NULL) {
                json_array_add_element(array, json_from_variant(item));
                g_variant_unref(item);
        }
        return json_node_of_array(array);
}

JsonNode *json_from_variant(GVariant *value) {
        switch (g_variant_classify(value)) {
        case G_VARIANT_CLASS_VARIANT: {
                g_autoptr(GVariant) inner = g_variant_get_variant(value);
                return json_from_variant(inner);
        }
        case G_VARIANT_CLASS_BOOLEAN:
                return json_node_init_boolean(json_node_alloc(), g_variant_get_boolean(value));
        case G_VARIANT_CLASS_BYTE:
                return node_u64(g_variant_get_byte(value));
        case G_VARIANT_CLASS_INT16:
                return json_node_init_int(json_node_alloc(), g_variant_get_int16(value));
        case G_VARIANT_CLASS_UINT16:
                return node_u64(g_variant_get_uint16(value));
        case G_VARIANT_CLASS_INT32:
                return json_node_init_int(json_node_alloc(), g_variant_get_int32(value));
        case G_VARIANT_CLASS_UINT32:
                return node_u64(g_variant_get_uint32(value));
        case G_VARIANT_CLASS_INT64:
                return json_node_init_int(json_node_alloc(), g_variant_get_int64(value));
        case G_VARIANT_CLASS_UINT64:
                return node_u64(g_variant_get_uint64(value));
        case G_VARIANT_CLASS_DOUBLE:
                return node_double(g_variant_get_double(value));
        case G_VARIANT_CLASS_STRING:
        case G_VARIANT_CLASS_OBJECT_PATH:
        case G_VARIANT_CLASS_SIGNATURE:
                return json_node_init_string(json_node_alloc(), g_variant_get_string(value, NULL));
        case G_VARIANT_CLASS_ARRAY:
                if (g_variant_is_of_type(value, G_VARIANT_TYPE_BYTESTRING))
                        return node_bytes(value);
                return node_container(value);
        case G_VARIANT_CLASS_TUPLE:
                return node_container(value);
        default:
                return json_node_init_null(json_node_alloc());
        }
}

void json_add(JsonObject *object, const char *key, JsonNode *node) {
        const char *dot = strchr(key, '.');

        if (dot == NULL || dot == key || dot[1] == '\0') {
                json_object_set_member(object, key, node);
                return;
        }
        g_autofree char *first = g_strndup(key, (size_t)(dot - key));
        JsonNode *member = json_object_get_member(object, first);
        if (member != NULL && !JSON_NODE_HOLDS_OBJECT(member)) {
                /* "a" and "a.b" both have a value: keep the key whole. */
                json_object_set_member(object, key, node);
                return;
        }
        if (member == NULL)
                json_object_set_object_member(object, first, json_object_new());
        json_add(json_object_get_object_member(object, first), dot + 1, node);
}

void json_add_string(JsonObject *object, const char *key, const char *value) {
        json_add(object, key, json_node_init_string(json_node_alloc(), value));
}

void json_add_u64(JsonObject *object, const char *key, uint64_t value) {
        json_add(object, key, node_u64(value));
}

void json_add_variant(JsonObject *object, const char *key, GVariant *value) {
        json_add(object, key, json_from_variant(value));
}

static char *without_marks(const char *text) {
        g_autofree char *quoted = g_strdup_printf("\"%s", mark());
        GString *out = g_string_sized_new(strlen(text));

        for (const char *found; (found = strstr(text, quoted)) != NULL;) {
                const char *digits = found + strlen(quoted);
                const char *end = strchr(digits, '"');
                g_string_append_len(out, text, found - text);
                g_string_append_len(out, digits, end - digits);
                text = end + 1;
        }
        g_string_append(out, text);
        return g_string_free(out, FALSE);
}

char *json_text(JsonNode *node, bool pretty) {
        g_autofree char *text = json_to_string(node, pretty);

        return without_marks(text);
}

void json_print(JsonNode *node, bool pretty) {
        g_autofree char *text = json_text(node, pretty);
        g_autofree char *line = g_strconcat(text, "\n", NULL);

        output_bytes(line, strlen(line));
        json_node_unref(node);
}

/* An integer outside of strings that may not fit into 63 bits goes behind the mark, as those that we print. */
static size_t take_number(const char *text, size_t size, GString *out) {
        static const char of_number[] = "0123456789+-.eE";
        size_t length = 0, digits = 0;

        while (length < size && strchr(of_number, text[length]) != NULL && text[length] != '\0')
                length++;
        while (digits < length && g_ascii_isdigit(text[digits]))
                digits++;
        if (digits == length && length >= 19)
                g_string_append_printf(out, "\"%s%.*s\"", mark(), (int)length, text);
        else
                g_string_append_len(out, text, (gssize)length);
        return length;
}

/* False where it is nested deeper than the parser, which calls itself, should be led. */
static bool mark_numbers(const char *text, size_t size, GString *out) {
        bool string = false;
        int depth = 0;

        for (size_t i = 0; i < size;) {
                char c = text[i];
                if (!string && (g_ascii_isdigit(c) || c == '-')) {
                        i += take_number(text + i, size - i, out);
                        continue;
                }
                if (string && c == '\\' && i + 1 < size) {
                        g_string_append_len(out, text + i, 2);
                        i += 2;
                        continue;
                }
                string ^= c == '"';
                depth += string ? 0 : (c == '{' || c == '[') - (c == '}' || c == ']');
                if (depth > NESTED_MAX)
                        return false;
                g_string_append_c(out, c);
                i++;
        }
        return true;
}

JsonNode *json_from_text(const char *text, size_t size, GError **error) {
        g_autoptr(JsonParser) parser = json_parser_new();
        g_autoptr(GString) marked = g_string_sized_new(size);

        if (memchr(text, '\0', size) != NULL || !g_utf8_validate(text, (gssize)size, NULL)) {
                g_set_error_literal(error, JSON_PARSER_ERROR, JSON_PARSER_ERROR_INVALID_DATA, "it is no text");
                return NULL;
        }
        if (!mark_numbers(text, size, marked)) {
                g_set_error_literal(error, JSON_PARSER_ERROR, JSON_PARSER_ERROR_PARSE, "it is nested too deep");
                return NULL;
        }
        if (!json_parser_load_from_data(parser, marked->str, (gssize)marked->len, NULL) ||
                json_parser_get_root(parser) == NULL) {
                g_set_error_literal(
                        error, JSON_PARSER_ERROR, JSON_PARSER_ERROR_PARSE, "it is no JSON, or was cut off");
                return NULL;
        }
        return json_parser_steal_root(parser);
}

char *json_scalar_text(JsonNode *node) {
        if (!JSON_NODE_HOLDS_VALUE(node))
                return NULL;
        if (json_node_get_value_type(node) != G_TYPE_STRING)
                return json_to_string(node, FALSE);
        const char *text = json_node_get_string(node);
        return g_strdup(g_str_has_prefix(text, mark()) ? text + strlen(mark()) : text);
}
