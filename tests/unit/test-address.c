/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The grammar of addresses: each form, what is refused and with which sentence, and that printing and parsing undo
 * each other for any bytes. */
#include <errno.h>
#include <glib.h>
#include <string.h>

#include "address.h"

static void parse_ok(const char *text, Address *ret) {
        Error error = { .code = ERROR_NONE };
        int r = address_parse(text, ret, &error);

        if (r < 0)
                g_error("'%s': %s", text, error.message);
        g_assert_cmpint(r, ==, 0);
        g_assert_false(error_is_set(&error));
}

static void assert_equal(const Address *a, const Address *b) {
        g_assert_cmpstr(a->kind, ==, b->kind);
        g_assert_cmpint(a->form, ==, b->form);
        g_assert_cmpmem(a->text, a->length, b->text, b->length);
        g_assert_cmpuint(a->number, ==, b->number);
        g_assert_cmpuint(a->port, ==, b->port);
}

static void test_forms(void) {
        static const struct {
                const char *text;
                AddressForm form;
                const char *canonical; /* NULL: as it was */
                const char *bytes;
                uint64_t number;
                uint16_t port;
        } cases[] = {
                { "fifo:/tmp/x", ADDRESS_PATH, NULL, "/tmp/x" },
                { "fifo:/tmp//./x/../y ", ADDRESS_PATH, NULL, "/tmp//./x/../y " },
                { "fifo:/a:b@[c]=", ADDRESS_PATH, NULL, "/a:b@[c]=" },
                { "fifo:/\xc3\xa9", ADDRESS_PATH, NULL, "/\xc3\xa9" },
                { "fifo:/a\nb", ADDRESS_PATH, "fifo:/a\\x0ab", "/a\nb" },
                { "fifo:/a\xff", ADDRESS_PATH, "fifo:/a\\xff", "/a\xff" },
                { "fifo:/a\\x5Cb", ADDRESS_PATH, "fifo:/a\\x5cb", "/a\\b" },
                { "fifo:/a\\x62", ADDRESS_PATH, "fifo:/ab", "/ab" },
                { "mq-posix:/jobs", ADDRESS_PATH, NULL, "/jobs" },
                { "unix-dgram:@name", ADDRESS_ABSTRACT, NULL, "name" },
                { "unix-dgram:@/tmp/x:1", ADDRESS_ABSTRACT, NULL, "/tmp/x:1" },
                { "unix-dgram:@", ADDRESS_ABSTRACT, NULL, "" },
                { "tcp:127.0.0.1:4444", ADDRESS_HOST, NULL, "127.0.0.1", 0, 4444 },
                { "tcp:localhost:0", ADDRESS_HOST, NULL, "localhost", 0, 0 },
                { "tcp:a-b_c.d:65535", ADDRESS_HOST, NULL, "a-b_c.d", 0, 65535 },
                { "tcp:[::1]:4444", ADDRESS_HOST, NULL, "::1", 0, 4444 },
                { "tcp:[fe80::1%eth0]:1", ADDRESS_HOST, NULL, "fe80::1%eth0", 0, 1 },
                { "tcp:[127.0.0.1]:80", ADDRESS_HOST, "tcp:127.0.0.1:80", "127.0.0.1", 0, 80 },
                { "tcp:host:0080", ADDRESS_HOST, "tcp:host:80", "host", 0, 80 },
                { "signal:1234", ADDRESS_NUMBER, NULL, NULL, 1234 },
                { "signal:007", ADDRESS_NUMBER, "signal:7", NULL, 7 },
                { "signal:18446744073709551615", ADDRESS_NUMBER, NULL, NULL, UINT64_MAX },
                { "shm-sysv:id=5", ADDRESS_ID, NULL, NULL, 5 },
                { "shm-sysv:id=0x10", ADDRESS_ID, "shm-sysv:id=16", NULL, 16 },
                { "shm-sysv:key=0x1234", ADDRESS_KEY, NULL, NULL, 0x1234 },
                { "shm-sysv:key=16", ADDRESS_KEY, "shm-sysv:key=0x10", NULL, 16 },
                { "pipe:[81234]", ADDRESS_INODE, NULL, NULL, 81234 },
                { "socket:[0]", ADDRESS_INODE, NULL, NULL, 0 },
                { "dbus:org.example.Name", ADDRESS_NAME, NULL, "org.example.Name" },
                { "dbus::1.42", ADDRESS_NAME, NULL, ":1.42" },
                { "dbus:a:b", ADDRESS_NAME, NULL, "a:b" },
                { "dbus:id", ADDRESS_NAME, NULL, "id" },
                { "dbus:0x12", ADDRESS_NAME, NULL, "0x12" },
                { "dbus:-5", ADDRESS_NAME, NULL, "-5" },
                { "dbus:\\x35", ADDRESS_NAME, NULL, "5" },
                { "dbus:\\x2fx", ADDRESS_NAME, NULL, "/x" },
                { "dbus:tmp/x", ADDRESS_NAME, NULL, "tmp/x" },
                { "a:b", ADDRESS_NAME, NULL, "b" },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                Address address = ADDRESS_EMPTY, again = ADDRESS_EMPTY;
                g_autofree char *printed = NULL;

                g_test_message("case %zu", i);
                parse_ok(cases[i].text, &address);
                g_assert_cmpint(address.form, ==, cases[i].form);
                g_assert_cmpstr(address.text, ==, cases[i].bytes);
                g_assert_cmpuint(address.number, ==, cases[i].number);
                g_assert_cmpuint(address.port, ==, cases[i].port);
                printed = address_print(&address);
                g_assert_cmpstr(printed, ==, cases[i].canonical ?: cases[i].text);
                parse_ok(printed, &again);
                assert_equal(&address, &again);
                address_done(&address);
                address_done(&again);
        }
}

static void test_refused(void) {
        static const struct {
                const char *text, *says;
        } cases[] = {
                { "", "KIND:IDENTITY" },
                { "fifo", "KIND:IDENTITY" },
                { "/tmp/x", "KIND:IDENTITY" },
                { ":/tmp/x", "KIND:IDENTITY" },
                { "Fifo:/tmp/x", "KIND:IDENTITY" },
                { "4fifo:/tmp/x", "KIND:IDENTITY" },
                { "-fifo:/tmp/x", "KIND:IDENTITY" },
                { "fi_fo:/tmp/x", "KIND:IDENTITY" },
                { "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa:/x", "KIND:IDENTITY" },
                { "fifo:", "follow the colon" },
                { "fifo:/a\\", "backslash" },
                { "fifo:/a\\x", "backslash" },
                { "fifo:/a\\x4", "backslash" },
                { "fifo:/a\\xg0", "backslash" },
                { "fifo:/a\\n", "backslash" },
                { "fifo:/a\\x00b", "zero byte" },
                { "dbus:a\nb", "do not print" },
                { "dbus:a\\x01", "do not print" },
                { "dbus:a\\xff", "do not print" },
                { "dbus:\xc2\x85", "do not print" },
                { "dbus:\xef\xbf\xbf", "do not print" },
                { "tcp:host:65536", "65535" },
                { "tcp:host:99999999999999999999", "65535" },
                { "tcp:::1:4444", "brackets" },
                { "tcp:fe80::1", "brackets" },
                { "tcp:[::1]", "inode" },
                { "tcp:[]:4", "inode" },
                { "tcp:[a b]:4", "inode" },
                { "pipe:[]", "inode" },
                { "pipe:[12", "inode" },
                { "pipe:[12]x", "inode" },
                { "pipe:[0x12]", "inode" },
                { "pipe:[18446744073709551616]", "too large" },
                { "signal:18446744073709551616", "too large" },
                { "shm-sysv:id=", "whole number" },
                { "shm-sysv:id=-1", "whole number" },
                { "shm-sysv:id=x", "whole number" },
                { "shm-sysv:key=0x", "whole number" },
                { "shm-sysv:key=0x10000000000000000", "too large" },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                Address address = { .form = ADDRESS_KEY, .number = 77 };
                Error error = { .code = ERROR_NONE };

                g_test_message("case %zu", i);
                g_assert_cmpint(address_parse(cases[i].text, &address, &error), ==, -EDESTADDRREQ);
                g_assert_cmpint(error.code, ==, ERROR_INVALID_ADDRESS);
                if (!strstr(error.message, cases[i].says))
                        g_error("'%s' does not say '%s'", error.message, cases[i].says);
                g_assert_cmpint(address.form, ==, ADDRESS_KEY);
                g_assert_cmpuint(address.number, ==, 77);
                g_assert_cmpint(address_parse(cases[i].text, &address, NULL), ==, -EDESTADDRREQ);
        }
}

static void test_abstract_bytes(void) {
        g_autofree char *text = NULL;
        Address address = ADDRESS_EMPTY, again = ADDRESS_EMPTY;
        char bytes[256];

        for (unsigned i = 0; i < sizeof(bytes); i++)
                bytes[i] = (char)i;
        g_assert_cmpint(address_set_bytes(&address, "unix-dgram", ADDRESS_ABSTRACT, bytes, sizeof(bytes)), ==, 0);
        text = address_print(&address);
        g_assert_true(g_str_has_prefix(text, "unix-dgram:@\\x00\\x01"));
        g_assert_true(g_utf8_validate(text, -1, NULL));
        parse_ok(text, &again);
        assert_equal(&address, &again);
        g_assert_cmpmem(again.text, again.length, bytes, sizeof(bytes));
        g_assert_cmpint(again.text[again.length], ==, '\0');
        address_done(&address);
        address_done(&again);
}

/* Names that look like another form still come back as names. */
static void test_names_are_guarded(void) {
        static const char *const names[] = { "1234", "/tmp/x", "@x", "[12]", "[x", "id=5", "key=0x1", "host:80", "::1",
                "a:b:12", "\\", "\\x41", "1", "\xc3\xa9:80", "[::1]:80", " " };

        for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
                Address address = ADDRESS_EMPTY, again = ADDRESS_EMPTY;
                g_autofree char *text = NULL;

                g_assert_cmpint(address_set_bytes(&address, "dbus", ADDRESS_NAME, names[i], strlen(names[i])), ==, 0);
                text = address_print(&address);
                g_test_message("%s", text);
                parse_ok(text, &again);
                assert_equal(&address, &again);
                g_assert_cmpstr(again.text, ==, names[i]);
                address_done(&address);
                address_done(&again);
        }
}

static void test_length(void) {
        g_autofree char *path = g_malloc0(ADDRESS_TEXT_MAX + 8), *text = NULL, *long_text = NULL;
        Address address = ADDRESS_EMPTY, again = ADDRESS_EMPTY;
        Error error;

        /* The longest, and each byte of it escaped. */
        memset(path, 1, ADDRESS_TEXT_MAX);
        path[0] = '/';
        path[ADDRESS_TEXT_MAX - 1] = '\0';
        g_assert_cmpint(address_set_path(&address, "fifo", path), ==, 0);
        text = address_print(&address);
        parse_ok(text, &again);
        assert_equal(&address, &again);
        address_done(&address);
        address_done(&again);

        path[ADDRESS_TEXT_MAX - 1] = 1;
        g_assert_cmpint(address_set_path(&address, "fifo", path), ==, -EINVAL);
        memset(path + 1, 'x', ADDRESS_TEXT_MAX - 1);
        long_text = g_strconcat("fifo:", path, NULL);
        g_assert_cmpint(address_parse(long_text, &address, &error), ==, -EDESTADDRREQ);
        g_assert_nonnull(strstr(error.message, "4095 are allowed"));
}

static void test_setters(void) {
        Address address = ADDRESS_EMPTY, copy = ADDRESS_EMPTY;

        g_assert_cmpint(address_set_path(&address, "fifo", "x"), ==, -EINVAL);
        g_assert_cmpint(address_set_path(&address, "Fifo", "/x"), ==, -EINVAL);
        g_assert_cmpint(address_set_path(&address, "", "/x"), ==, -EINVAL);
        g_assert_cmpint(address_set_number(&address, "pipe", ADDRESS_PATH, 1), ==, -EINVAL);
        g_assert_cmpint(address_set_number(&address, "pipe", ADDRESS_FORM_MAX, 1), ==, -EINVAL);
        g_assert_cmpint(address_set_number(&address, "pipe", ADDRESS_FORM_INVALID, 1), ==, -EINVAL);
        g_assert_cmpint(address_set_bytes(&address, "pipe", ADDRESS_INODE, "x", 1), ==, -EINVAL);
        g_assert_cmpint(address_set_bytes(&address, "fifo", ADDRESS_PATH, "/x\0y", 4), ==, -EINVAL);
        g_assert_cmpint(address_set_bytes(&address, "dbus", ADDRESS_NAME, "", 0), ==, -EINVAL);
        g_assert_cmpint(address_set_bytes(&address, "tcp", ADDRESS_HOST, "a/b", 3), ==, -EINVAL);
        g_assert_null(address.text);
        g_assert_cmpint(address.form, ==, ADDRESS_FORM_INVALID);
        g_assert_null(address_print(&address));

        g_assert_cmpint(address_set_bytes(&address, "tcp", ADDRESS_HOST, "::1", 3), ==, 0);
        address.port = 80;
        g_assert_cmpint(address_copy(&address, &copy), ==, 0);
        assert_equal(&address, &copy);
        g_assert_true(address.text != copy.text);
        address_done(&address);
        address_done(&address);
        g_assert_cmpint(address.form, ==, ADDRESS_FORM_INVALID);
        address_done(&copy);

        g_assert_cmpint(address_set_number(&address, "signal", ADDRESS_NUMBER, 1), ==, 0);
        g_assert_cmpint(address_copy(&address, &copy), ==, 0);
        assert_equal(&address, &copy);
        address_done(&address);
        address_done(&copy);
}

static void test_form_names(void) {
        for (AddressForm form = 0; form < ADDRESS_FORM_MAX; form++)
                g_assert_nonnull(address_form_name(form));
        g_assert_cmpstr(address_form_name(ADDRESS_PATH), ==, "path");
        g_assert_null(address_form_name(ADDRESS_FORM_MAX));
        g_assert_null(address_form_name(ADDRESS_FORM_INVALID));
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/address/forms", test_forms);
        g_test_add_func("/address/refused", test_refused);
        g_test_add_func("/address/abstract-bytes", test_abstract_bytes);
        g_test_add_func("/address/names-are-guarded", test_names_are_guarded);
        g_test_add_func("/address/length", test_length);
        g_test_add_func("/address/setters", test_setters);
        g_test_add_func("/address/form-names", test_form_names);
        return g_test_run();
}
