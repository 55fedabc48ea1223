/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The list of errors goes both ways, and a message is always a string that the bus takes. */
#include <errno.h>
#include <glib.h>
#include <string.h>

#include "error.h"

static void test_codes(void) {
        for (ErrorCode code = ERROR_NONE + 1; code < ERROR_MAX; code++) {
                g_autofree char *full = NULL;
                const char *name = error_code_name(code);

                g_assert_nonnull(name);
                full = g_strconcat(IPCBUS_ERROR_PREFIX, name, NULL);
                g_assert_cmpint(error_code_from_name(name), ==, code);
                g_assert_cmpint(error_code_from_name(full), ==, code);
                g_assert_cmpint(error_code_errno(code), >, 0);
                g_assert_cmpint(error_code_exit(code), !=, EXIT_CODE_DONE);
        }
        g_assert_null(error_code_name(ERROR_NONE));
        g_assert_null(error_code_name(ERROR_MAX));
        g_assert_null(error_code_name(ERROR_INVALID));
        g_assert_cmpint(error_code_from_name("Nothing"), ==, ERROR_INVALID);
        g_assert_cmpint(error_code_from_name(IPCBUS_ERROR_PREFIX), ==, ERROR_INVALID);
        g_assert_cmpint(error_code_from_name(NULL), ==, ERROR_INVALID);
        g_assert_cmpint(error_code_errno(ERROR_NONE), ==, 0);
        g_assert_cmpint(error_code_exit(ERROR_NONE), ==, EXIT_CODE_DONE);
        g_assert_cmpint(error_code_exit(ERROR_NOT_PERMITTED), ==, EXIT_CODE_REFUSED);
        g_assert_cmpint(error_code_exit(ERROR_TIMED_OUT), ==, EXIT_CODE_TIMED_OUT);
}

static void test_set(void) {
        Error error = { .code = ERROR_NONE };

        g_assert_false(error_is_set(&error));
        g_assert_false(error_is_set(NULL));
        g_assert_cmpint(error_set(&error, ERROR_EXISTS, "There is a '%s' already.", "thing"), ==, -EEXIST);
        g_assert_true(error_is_set(&error));
        g_assert_cmpint(error.code, ==, ERROR_EXISTS);
        g_assert_cmpstr(error.message, ==, "There is a 'thing' already.");
        g_assert_cmpint(error_set(NULL, ERROR_BUSY, "nobody listens"), ==, -EBUSY);
}

static void test_set_errno(void) {
        static const struct {
                int number;
                ErrorCode code;
        } cases[] = {
                { EPERM, ERROR_NOT_PERMITTED },
                { EACCES, ERROR_NOT_PERMITTED },
                { ENOSPC, ERROR_LIMIT_EXCEEDED },
                { EMFILE, ERROR_LIMIT_EXCEEDED },
                { ENFILE, ERROR_LIMIT_EXCEEDED },
                { ENOMEM, ERROR_LIMIT_EXCEEDED },
                { EMSGSIZE, ERROR_LIMIT_EXCEEDED },
                { EDQUOT, ERROR_LIMIT_EXCEEDED },
                { ENOENT, ERROR_NO_SUCH_OBJECT },
                { ESRCH, ERROR_NO_SUCH_OBJECT },
                { EEXIST, ERROR_EXISTS },
                { ETIMEDOUT, ERROR_TIMED_OUT },
                { EPIPE, ERROR_PEER_GONE },
                { EOPNOTSUPP, ERROR_NOT_SUPPORTED },
                { ENOSYS, ERROR_NOT_SUPPORTED },
                { EIO, ERROR_FAILED },
                { ENOTTY, ERROR_FAILED },
        };
        Error error;

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_assert_cmpint(error_set_errno(&error, cases[i].number, "It failed"), ==, -cases[i].number);
                g_assert_cmpint(error.code, ==, cases[i].code);
                g_assert_cmpint(error_set_errno(&error, -cases[i].number, "It failed"), ==, -cases[i].number);
                g_assert_cmpint(error.code, ==, cases[i].code);
        }
        error_set_errno(&error, -EACCES, "Cannot open %s", "/x");
        g_assert_cmpstr(error.message, ==, "Cannot open /x: Permission denied (EACCES)");
        g_assert_cmpint(error_set_errno(&error, 4242, "Cannot %s", "go"), ==, -4242);
        g_assert_cmpstr(error.message, ==, "Cannot go: unknown error 4242");
        g_assert_cmpint(error_set_errno(NULL, -EPIPE, "nobody listens"), ==, -EPIPE);
}

static void test_message_is_clean(void) {
        Error error;

        error_set(&error, ERROR_FAILED, "a\nb\x1b[31m\xff\xc3\xa9\xc2\x85.");
        g_assert_cmpstr(error.message, ==, "a?b?[31m?\xc3\xa9?.");
        error_set(&error, ERROR_FAILED, "%s", "");
        g_assert_cmpstr(error.message, ==, "");
}

/* Two-byte characters across the end, at both parities: cut between them, never through one. */
static void test_message_is_cut(void) {
        g_autofree char *text = g_malloc0(2 * ERROR_MESSAGE_MAX + 2);
        Error error;

        for (size_t start = 0; start < 2; start++) {
                memset(text, 'x', start);
                for (size_t i = start; i + 1 < 2 * ERROR_MESSAGE_MAX; i += 2)
                        memcpy(text + i, "\xc3\xa9", 2);
                error_set(&error, ERROR_FAILED, "%s", text);
                g_assert_cmpuint(strlen(error.message), >=, ERROR_MESSAGE_MAX - 2);
                g_assert_true(g_utf8_validate(error.message, -1, NULL));
                g_assert_null(strchr(error.message, '?'));

                error_set_errno(&error, EACCES, "%s", text);
                g_assert_true(g_utf8_validate(error.message, -1, NULL));
                g_assert_true(g_str_has_suffix(error.message, "\xc3\xa9: Permission denied (EACCES)"));
        }
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/error/codes", test_codes);
        g_test_add_func("/error/set", test_set);
        g_test_add_func("/error/set-errno", test_set_errno);
        g_test_add_func("/error/message-is-clean", test_message_is_clean);
        g_test_add_func("/error/message-is-cut", test_message_is_cut);
        return g_test_run();
}
