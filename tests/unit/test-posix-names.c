/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names of POSIX objects and of signals. */
#include <glib.h>
#include <string.h>

#include "posix-name.h"
#include "signal-names.h"

static void refused(const char *name, const char *expected) {
        Error error = {};

        g_assert_cmpint(posix_name_check("mq-posix", name, 255, ERROR_INVALID_ADDRESS, &error), ==, -EDESTADDRREQ);
        g_assert_cmpint(error.code, ==, ERROR_INVALID_ADDRESS);
        if (!strstr(error.message, expected))
                g_error("\"%s\" does not say \"%s\"", error.message, expected);
}

static void test_posix_names(void) {
        g_autofree char *longest = g_strnfill(256, 'k'), *too_long = g_strnfill(257, 'k');

        longest[0] = too_long[0] = '/';
        g_assert_cmpint(posix_name_check("mq-posix", "/jobs", 255, ERROR_INVALID_ADDRESS, NULL), ==, 0);
        g_assert_cmpint(posix_name_check("mq-posix", "/...", 255, ERROR_INVALID_ADDRESS, NULL), ==, 0);
        g_assert_cmpint(posix_name_check("mq-posix", longest, 255, ERROR_INVALID_ADDRESS, NULL), ==, 0);
        refused("jobs", "does not begin with a slash");
        refused("", "does not begin with a slash");
        refused("/", "empty");
        refused("//jobs", "second slash");
        refused("/jobs/", "second slash");
        refused("/a/b", "second slash");
        refused("/.", "folder");
        refused("/..", "folder");
        refused(too_long, "256 bytes");
}

static int from_option(const char *option, size_t longest, char name[POSIX_NAME_SIZE], Error *error) {
        Record *options;
        int r;

        g_assert_cmpint(record_new(&options), ==, 0);
        if (option)
                record_set_string(options, "name", option);
        r = posix_name_from_options("sem-posix", options, longest, name, error);
        record_free(options);
        return r;
}

static void test_names_from_options(void) {
        g_autofree char *longest = g_strnfill(251, 'k'), *too_long = g_strnfill(252, 'k'),
                        *huge = g_strnfill(9999, 'k');
        char name[POSIX_NAME_SIZE] = "untouched";
        Error error = {};

        g_assert_cmpint(from_option("/turn", 251, name, &error), ==, 0);
        g_assert_cmpstr(name, ==, "/turn");
        g_assert_cmpint(from_option("turn", 251, name, &error), ==, 0);
        g_assert_cmpstr(name, ==, "/turn");
        g_assert_cmpint(from_option(longest, 251, name, &error), ==, 0);
        g_assert_cmpuint(strlen(name), ==, 252);
        g_strlcpy(name, "untouched", sizeof name);
        g_assert_cmpint(from_option(too_long, 251, name, &error), ==, -EINVAL);
        g_assert_nonnull(strstr(error.message, "252 bytes"));
        g_assert_cmpint(from_option(huge, 251, name, &error), ==, -EINVAL);
        g_assert_nonnull(strstr(error.message, "9999 bytes"));
        g_assert_cmpint(from_option("//turn", 251, name, &error), ==, -EINVAL);
        g_assert_nonnull(strstr(error.message, "second slash"));
        g_assert_cmpint(from_option("a/b", 251, name, &error), ==, -EINVAL);
        g_assert_cmpint(from_option("", 251, name, &error), ==, -EINVAL);
        g_assert_nonnull(strstr(error.message, "empty"));
        g_assert_cmpint(from_option(NULL, 251, name, &error), ==, -EINVAL);
        g_assert_nonnull(strstr(error.message, "needs the option name"));
        g_assert_cmpstr(name, ==, "untouched");
}

static void test_names_of_runs(void) {
        char name[POSIX_NAME_SIZE];

        g_assert_cmpint(posix_name_of_run("t1", 3, name, sizeof name), ==, 0);
        g_assert_cmpstr(name, ==, "/ipcbus-t1-3");
        g_assert_true(posix_name_is_of_run("ipcbus-t1-3", "t1"));
        g_assert_false(posix_name_is_of_run("ipcbus-t11-3", "t1"));
        g_assert_false(posix_name_is_of_run("ipcbus--3", ""));
        g_assert_false(posix_name_is_of_run("other-t1-3", "t1"));
        g_assert_cmpint(posix_name_of_run("t1", 3, name, 5), ==, -ENAMETOOLONG);
}

static void test_signal_names(void) {
        static const struct {
                const char *text;
                int number;
                const char *name;
        } cases[] = {
                { "USR1", SIGUSR1, "SIGUSR1" },
                { "SIGUSR1", SIGUSR1, "SIGUSR1" },
                { "sigterm", SIGTERM, "SIGTERM" },
                { "9", SIGKILL, "SIGKILL" },
                { "CLD", SIGCHLD, "SIGCHLD" },
                { "IO", SIGIO, "SIGPOLL" },
        };
        static const char *const wrong[] = { "", "0", "65", "-1", "USR", "USR11", "RTMIN+", "RTMIN-1", "RTMIN+99",
                "RTMAX+1", "RTMINX", "SIG", "12x", "RTMIN+4294967297" };
        char buffer[SIGNAL_NAME_SIZE];
        int number;

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_assert_cmpint(signal_from_name(cases[i].text, &number), ==, 0);
                g_assert_cmpint(number, ==, cases[i].number);
                g_assert_cmpstr(signal_name(number, buffer), ==, cases[i].name);
        }
        for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++) {
                number = -7;
                g_assert_cmpint(signal_from_name(wrong[i], &number), ==, -EINVAL);
                g_assert_cmpint(number, ==, -7);
        }
        /* Every number has a name that leads back to it. */
        for (int i = 1; i <= SIGRTMAX; i++) {
                if (i > 31 && i < SIGRTMIN)
                        continue;
                g_assert_cmpint(signal_from_name(signal_name(i, buffer), &number), ==, 0);
                g_assert_cmpint(number, ==, i);
        }
        g_assert_cmpint(signal_from_name("SIGRTMAX-1", &number), ==, 0);
        g_assert_cmpint(number, ==, SIGRTMAX - 1);
}

static void set_refused(const char *name, const char *expected) {
        sigset_t set;
        Error error = {};

        g_assert_cmpint(signal_set_from_names(&name, 1, &set, &error), ==, -EINVAL);
        if (!strstr(error.message, expected))
                g_error("\"%s\" does not say \"%s\"", error.message, expected);
}

static void test_signal_sets(void) {
        const char *const names[] = { "USR1", "RTMIN+2", "1" };
        char text[64];
        sigset_t set;
        uint64_t mask;

        g_assert_cmpint(signal_set_from_names(names, 3, &set, NULL), ==, 0);
        mask = signal_mask_from_set(&set);
        g_assert_cmpuint(
                mask, ==, UINT64_C(1) << (SIGUSR1 - 1) | UINT64_C(1) << (SIGHUP - 1) | UINT64_C(1) << (SIGRTMIN + 1));
        signal_mask_print(mask, text, sizeof text);
        g_assert_cmpstr(text, ==, "SIGHUP, SIGUSR1, SIGRTMIN+2");
        signal_mask_print(UINT64_MAX, text, sizeof text); /* cut, not past the end */
        g_assert_cmpuint(strlen(text), <, sizeof text);
        set_refused("KILL", "No process can wait for SIGKILL");
        set_refused("STOP", "No process can wait for SIGSTOP");
        set_refused("33", "C library");
        set_refused("NOTHING", "is no signal");
        g_assert_cmpint(signal_set_from_names(names, 0, &set, NULL), ==, -EINVAL);
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/posix-name/check", test_posix_names);
        g_test_add_func("/posix-name/options", test_names_from_options);
        g_test_add_func("/posix-name/runs", test_names_of_runs);
        g_test_add_func("/signal-names/names", test_signal_names);
        g_test_add_func("/signal-names/sets", test_signal_sets);
        return g_test_run();
}
