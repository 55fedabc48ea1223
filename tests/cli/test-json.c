/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* --json of every verb parses and has the shape that scripts rely on; numbers and bytes are exact. */
#include "json.h"

#include <string.h>

#include "cli.h"

static void assert_text(GVariant *value, const char *wanted) {
        g_autoptr(GVariant) owned = g_variant_ref_sink(value);
        g_autoptr(JsonNode) node = json_from_variant(owned);
        g_autofree char *text = json_text(node, false);

        g_assert_cmpstr(text, ==, wanted);
}

static void test_values(void) {
        assert_text(g_variant_new_uint64(G_MAXUINT64), "18446744073709551615");
        assert_text(g_variant_new_uint64(G_GUINT64_CONSTANT(18446744073692774399)), "18446744073692774399");
        assert_text(g_variant_new_uint64(G_MAXINT64), "9223372036854775807");
        assert_text(g_variant_new_uint64((guint64)G_MAXINT64 + 1), "9223372036854775808");
        assert_text(g_variant_new_int64(G_MININT64), "-9223372036854775808");
        assert_text(g_variant_new_double(0.5), "0.5");
        assert_text(g_variant_new_double(0.0 / 0.0), "null");
        assert_text(g_variant_new_string("a\"b\\c\n\x01 18446744073709551615"),
                "\"a\\\"b\\\\c\\n\\u0001 18446744073709551615\"");
        assert_text(g_variant_new_parsed("[b'abc']"), "[{\"base64\":\"YWJjAA==\"}]");
        assert_text(g_variant_new_parsed("@ay [0x61, 0xc3, 0xa9]"), "{\"text\":\"a\xc3\xa9\"}");
        assert_text(g_variant_new_parsed("@ay [0xc3]"), "{\"base64\":\"ww==\"}");
        assert_text(g_variant_new_parsed("@ay [0x00]"), "{\"base64\":\"AA==\"}");
        assert_text(g_variant_new_parsed("@ay []"), "{\"text\":\"\"}");
        assert_text(g_variant_new_parsed("{'a.b': <@t 1>, 'a.c.d': <true>, 'e': <'x'>}"),
                "{\"a\":{\"b\":1,\"c\":{\"d\":true}},\"e\":\"x\"}");
        assert_text(g_variant_new_parsed("{'a': <@t 1>, 'a.b': <@t 18446744073709551615>}"),
                "{\"a\":1,\"a.b\":18446744073709551615}");
        assert_text(g_variant_new_parsed("[{'n': <@at [1, 18446744073709551615]>}]"),
                "[{\"n\":[1,18446744073709551615]}]");
}

static JsonObject *object_with(JsonArray *array, const char *key, const char *value) {
        for (guint i = 0; i < json_array_get_length(array); i++) {
                JsonObject *object = json_array_get_object_element(array, i);
                if (g_strcmp0(json_object_get_string_member_with_default(object, key, NULL), value) == 0)
                        return object;
        }
        g_test_message("no object with %s %s", key, value);
        g_assert_not_reached();
}

static void test_kinds(Fixture *fixture, gconstpointer arguments) {
        g_autoptr(JsonNode) node = cli_json(fixture, "--json", "kinds", NULL);
        JsonObject *fifo = object_with(json_node_get_array(node), "kind", "fifo");

        g_assert_cmpuint(json_array_get_length(json_node_get_array(node)), >=, 8);
        g_assert_true(json_object_get_boolean_member(fifo, "available"));
        g_assert_false(json_object_get_boolean_member(fifo, "boundaries"));
        g_assert_cmpuint(json_array_get_length(json_object_get_array_member(fifo, "claims")), >=, 6);
        g_assert_cmpuint(json_array_get_length(json_object_get_array_member(fifo, "limits")), >=, 1);
}

static void test_objects(Fixture *fixture, gconstpointer arguments) {
        g_autofree char *path = fixture_path(fixture), *option = g_strconcat("path=", path, NULL);
        g_autoptr(JsonNode) created = cli_json(fixture, "create", "fifo", option, "mode=0600", "--json", NULL);
        const char *address = json_object_get_string_member(json_node_get_object(created), "address");
        g_autoptr(JsonNode) shown = cli_json(fixture, "show", address, "--json", NULL);
        g_autoptr(JsonNode) listed = cli_json(fixture, "list", "--mine", "--json", NULL);
        g_autoptr(JsonNode) holders = cli_json(fixture, "who", address, "--json", NULL);
        g_autoptr(JsonNode) verdict = cli_json(fixture, "explain", address, "--json", NULL);
        JsonObject *row = object_with(json_node_get_array(listed), "address", address);
        JsonObject *holder = object_with(json_node_get_array(holders), "command", "ipcbusd");

        g_assert_cmpstr(json_object_get_string_member(json_node_get_object(created), "path"), ==,
                IPCBUS_OBJECT_PATH "/fifo/1");
        g_assert_cmpstr(json_object_get_string_member(json_node_get_object(shown), "kind"), ==, "fifo");
        g_assert_cmpint(json_object_get_int_member(json_node_get_object(shown), "mode"), ==, 0600);
        g_assert_true(JSON_NODE_HOLDS_ARRAY(json_object_get_member(json_node_get_object(shown), "holders")));
        g_assert_true(json_object_get_boolean_member(row, "ours"));
        g_assert_cmpint(json_object_get_int_member(holder, "pid"), ==, fixture_service_pid(fixture));
        g_assert_true(json_object_get_boolean_member(json_node_get_object(verdict), "possible"));
        cli_ok(fixture, "", "remove", address, NULL);
}

static void test_messages(Fixture *fixture, gconstpointer arguments) {
        g_autofree char *address = cli_queue(fixture);
        g_autoptr(GBytes) binary = g_bytes_new("\x00\xff", 2);

        cli_ok(fixture, "", "send", address, "text \"quoted\"", "--priority", "3", NULL);
        g_autoptr(CliResult) sent = cli_run(fixture, binary, "send", address, "-", NULL);
        g_assert_cmpint(sent->status, ==, 0);
        g_autoptr(CliResult) result = cli_run(fixture, NULL, "receive", address, "--count", "2", "--json", NULL);
        g_auto(GStrv) lines = g_strsplit(result->output, "\n", -1);
        g_assert_cmpuint(g_strv_length(lines), ==, 3);
        g_autoptr(JsonNode) first = json_parse(lines[0]), second = json_parse(lines[1]);
        JsonObject *object = json_node_get_object(first);
        g_assert_cmpstr(json_object_get_string_member(json_object_get_object_member(object, "data"), "text"), ==,
                "text \"quoted\"");
        g_assert_cmpint(json_object_get_int_member(json_object_get_object_member(object, "meta"), "priority"), ==, 3);
        object = json_node_get_object(second);
        g_assert_cmpstr(
                json_object_get_string_member(json_object_get_object_member(object, "data"), "base64"), ==, "AP8=");
        cli_ok(fixture, "", "remove", address, NULL);
}

static void test_signal_sets(Fixture *fixture, gconstpointer arguments) {
        g_autofree char *address = cli_create(fixture, "signal", "signals=USR1", NULL);
        g_autoptr(JsonNode) node = cli_json(fixture, "signal", address, "--json", NULL);

        g_assert_true(JSON_NODE_HOLDS_ARRAY(json_object_get_member(json_node_get_object(node), "blocked")));
        cli_ok(fixture, "", "remove", address, NULL);
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/cli/json/values", test_values);
        FIXTURE_TEST("/cli/json/kinds", NULL, test_kinds);
        FIXTURE_TEST("/cli/json/objects", NULL, test_objects);
        FIXTURE_TEST("/cli/json/messages", NULL, test_messages);
        FIXTURE_TEST("/cli/json/signal-sets", NULL, test_signal_sets);
        return g_test_run();
}
