/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The kind dbus without a bus: its addresses and which bus they mean, values as text and back. */
#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>

#include "channel.h"
#include "cleanup.h"
#include "dbus-address.h"
#include "dbus-bus.h"
#include "dbus-message.h"
#include "dbus.h"
#include "mechanism-fixture.h"

/* --- Addresses --- */

static void test_places(void) {
        static const struct {
                const char *text, *canonical, *name, *path, *bus;
        } cases[] = {
                { "dbus:org.example.A", "dbus:org.example.A", "org.example.A", "", "session" },
                { "dbus:org.example.A@session", "dbus:org.example.A", "org.example.A", "", "session" },
                { "dbus:org.example.A/b/c", "dbus:org.example.A/b/c", "org.example.A", "/b/c", "session" },
                { "dbus::1.42", "dbus::1.42", ":1.42", "", "session" },
                { "dbus::1.42/@system", "dbus::1.42/@system", ":1.42", "/", "system" },
                { "dbus:a.b-c@unix:path=/x,guid=1;tcp:host=::1,port=9",
                        "dbus:a.b-c@unix:path=/x,guid=1;tcp:host=::1,port=9", "a.b-c", "",
                        "unix:path=/x,guid=1;tcp:host=::1,port=9" },
                { "dbus:a.b@unix:abstract=x@y", "dbus:a.b@unix:abstract=x@y", "a.b", "", "unix:abstract=x@y" },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autofree char *identity = NULL;
                KernelObject object;
                Error error = {};
                const DbusState *state;

                g_test_message("%s", cases[i].text);
                g_assert_cmpint(fixture_open(&object, cases[i].text, NULL, &error), ==, 0);
                state = object.state;
                identity = address_print(&object.address);
                g_assert_cmpstr(identity, ==, cases[i].canonical);
                g_assert_cmpstr(state->place.name, ==, cases[i].name);
                g_assert_cmpstr(state->place.path, ==, cases[i].path);
                g_assert_cmpstr(state->place.bus, ==, cases[i].bus);
                kernel_object_done(&object);
        }
}

static void test_wrong_places(void) {
        static const char *const wrong[] = { "dbus:org", "dbus:org..example", "dbus:org.1a", "dbus:.org.a",
                "dbus:org.a b", "dbus:org.a/", "dbus:org.a/b//c", "dbus:org.a/b/", "dbus:org.a/b-c", "dbus:org.a@",
                "dbus::", "dbus::1", "dbus:org.a$b.c" };
        KernelObject object;

        for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++) {
                Error error = {};

                g_test_message("%s", wrong[i]);
                /* "/" alone is the root object. */
                if (strcmp(wrong[i], "dbus:org.a/") == 0) {
                        g_assert_cmpint(fixture_open(&object, wrong[i], NULL, &error), ==, 0);
                        kernel_object_done(&object);
                        continue;
                }
                g_assert_cmpint(fixture_open(&object, wrong[i], NULL, &error), ==, -EDESTADDRREQ);
                g_assert_cmpint(error.code, ==, ERROR_INVALID_ADDRESS);
        }
        g_autofree char *long_name = g_strnfill(300, 'x'), *text = g_strconcat("dbus:a.", long_name, NULL);
        Error error = {};
        g_assert_cmpint(fixture_open(&object, text, NULL, &error), <, 0);
        g_assert_false(bus_member_valid("a.b") || bus_member_valid("1a") || bus_member_valid(""));
        g_assert_false(bus_interface_valid("a") || bus_interface_valid("a.b-c") || bus_interface_valid("a.1"));
}

static void test_resolve(void) {
        static const char *const not_connected[] = { "unixexec:path=/bin/true", "unix:path=/x;unixexec:path=/bin/true",
                "launchd:env=X", "x", "autolaunch:" };
        g_autofree char *before = g_strdup(g_getenv("DBUS_SESSION_BUS_ADDRESS")), *path = NULL;
        g_autofree char *runtime = g_strdup(g_getenv("XDG_RUNTIME_DIR"));
        char address[BUS_ADDRESS_MAX], *directory;
        Error error = {};

        for (size_t i = 0; i < G_N_ELEMENTS(not_connected); i++) {
                g_assert_cmpint(bus_resolve(not_connected[i], address, &error), <, 0);
                g_assert_cmpint(error.code, ==, ERROR_INVALID_ADDRESS);
        }
        directory = fixture_directory_new();
        path = g_build_filename(directory, "bus", NULL);
        g_unsetenv("DBUS_SESSION_BUS_ADDRESS");
        g_unsetenv("XDG_RUNTIME_DIR");
        g_assert_cmpint(bus_resolve("session", address, &error), ==, -ENOENT);
        g_assert_nonnull(strstr(error.message, "dbus-run-session"));
        g_setenv("XDG_RUNTIME_DIR", directory, TRUE);
        g_assert_cmpint(bus_resolve("session", address, &error), ==, -ENOENT);
        g_assert_true(g_file_set_contents(path, "", 0, NULL));
        g_assert_cmpint(bus_resolve("session", address, &error), ==, 0);
        g_assert_true(g_str_has_prefix(address, "unix:path=") && g_str_has_suffix(address, path));
        g_setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/elsewhere", TRUE);
        g_assert_cmpint(bus_resolve("session", address, &error), ==, 0);
        g_assert_cmpstr(address, ==, "unix:path=/elsewhere");
        g_assert_cmpint(g_unlink(path), ==, 0);
        g_setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/system", TRUE);
        g_assert_cmpint(bus_resolve("system", address, &error), ==, 0);
        g_assert_cmpstr(address, ==, "unix:path=/system");
        g_unsetenv("DBUS_SYSTEM_BUS_ADDRESS");
        g_unsetenv("DBUS_SESSION_BUS_ADDRESS");
        if (before)
                g_setenv("DBUS_SESSION_BUS_ADDRESS", before, TRUE);
        g_unsetenv("XDG_RUNTIME_DIR");
        if (runtime)
                g_setenv("XDG_RUNTIME_DIR", runtime, TRUE);
        fixture_directory_done(directory);
}

/* --- Values --- */

/* A connection that is never used, for making messages. */
static sd_bus_message *message_new(sd_bus **ret_bus) {
        sd_bus_message *message = NULL;
        int fds[2];

        g_assert_cmpint(channel_pair(fds), ==, 0);
        g_assert_cmpint(sd_bus_new(ret_bus), >=, 0);
        g_assert_cmpint(sd_bus_set_fd(*ret_bus, fds[0], fds[0]), >=, 0);
        g_assert_cmpint(sd_bus_negotiate_fds(*ret_bus, true), >=, 0);
        g_assert_cmpint(sd_bus_start(*ret_bus), >=, 0);
        close(fds[1]);
        g_assert_cmpint(sd_bus_message_new_signal(*ret_bus, &message, "/", "a.b", "C"), >=, 0);
        return message;
}

static void test_values(void) {
        static const struct {
                const char *signature, *text, *printed; /* NULL: as it was written */
        } cases[] = {
                { "", "", NULL },
                { "su", "\"hi there\" 7", NULL },
                { "ss", "one 'two words'", "\"one\" \"two words\"" },
                { "s", "a\\ b", "\"a b\"" },
                { "s", "\"\\\"\\\\\\n\\t\"", NULL },
                { "yb", "0x10 no", "16 false" },
                { "as", "0", NULL },
                { "aas", "2 1 \"a\" 2 \"b\" \"c\"", NULL },
                { "a{sv}", "2 \"a\" s \"x\" \"b\" (ii) 1 2", NULL },
                { "(i(sd))x", "-1 \"x\" 1.5 -9223372036854775808", NULL },
                { "v", "v v s \"deep\"", NULL },
                { "ay", "3 1 2 255", NULL },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                CLEANUP_BUS_MESSAGE sd_bus_message *message = NULL;
                CLEANUP_BUS sd_bus *bus = NULL;
                CLEANUP_FREE char *text = NULL;
                Error error = {};
                size_t size;

                message = message_new(&bus);
                g_test_message("%s: %s", cases[i].signature, cases[i].text);
                if (bus_append_text(message, cases[i].signature, cases[i].text, NULL, &error) < 0)
                        g_error("%s", error.message);
                g_assert_cmpint(sd_bus_message_seal(message, 1, 0), >=, 0);
                g_assert_cmpstr(sd_bus_message_get_signature(message, true), ==, cases[i].signature);
                g_assert_cmpint(bus_body_text(message, &text, &size), ==, 0);
                g_assert_cmpstr(text, ==, cases[i].printed ? cases[i].printed : cases[i].text);
        }
}

static void test_wrong_values(void) {
        static const struct {
                const char *signature, *text, *says;
        } cases[] = {
                { "y", "256", "0 to 255" },
                { "n", "-32769", "16 bits" },
                { "u", "-1", "without a sign" },
                { "x", "9223372036854775808", "64 bits" },
                { "b", "perhaps", "true or false" },
                { "d", "1.5x", "point" },
                { "o", "a/b", "object path" },
                { "g", "zz", "signature" },
                { "s", "", "fewer" },
                { "s", "a b", "more values" },
                { "as", "-1", "elements" },
                { "as", "2 a", "fewer" },
                { "as", "18446744073709551615 a", "fewer" },
                { "v", "ss a b", "signature of one" },
                { "s", "'open", "not closed" },
                { "zz", "1", "no signature" },
                { "(", "1", "no signature" },
                { "a", "1", "no signature" },
                { "()", "", "no signature" },
                { "{ss}", "a b", "" },
                { "h", "3", "given along" },
                { "h", "relative", "path of a file" },
                { "h", "/nowhere/at/all", "cannot be opened" },
        };
        g_autofree char *deep = g_strnfill(200, 'a'), *deeper = g_strconcat(deep, "s", NULL);
        g_autofree char *ones = g_strnfill(400, ' ');

        for (size_t i = 0; i < 400; i += 2)
                ones[i] = '1';
        for (size_t i = 0; i <= G_N_ELEMENTS(cases); i++) {
                bool last = i == G_N_ELEMENTS(cases);
                CLEANUP_BUS_MESSAGE sd_bus_message *message = NULL;
                CLEANUP_BUS sd_bus *bus = NULL;
                Error error = {};

                message = message_new(&bus);
                g_test_message("%s: %s", last ? "deep" : cases[i].signature, last ? "" : cases[i].text);
                g_assert_cmpint(bus_append_text(message, last ? deeper : cases[i].signature,
                                        last ? ones : cases[i].text, NULL, &error),
                        <, 0);
                g_test_message("%s", error.message);
                g_assert_true(error_is_set(&error));
                g_assert_nonnull(strstr(error.message, last ? "" : cases[i].says));
        }
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/dbus/places", test_places);
        g_test_add_func("/dbus/wrong-places", test_wrong_places);
        g_test_add_func("/dbus/resolve", test_resolve);
        g_test_add_func("/dbus/values", test_values);
        g_test_add_func("/dbus/wrong-values", test_wrong_values);
        return g_test_run();
}
