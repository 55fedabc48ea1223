/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Standard output and standard error of ipcctl. Data goes through stdio and is checked once, at the end; what must be
 * out before the next message is taken goes through output_bytes(). Owns nothing. */
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int bytes_errno; /* of output_bytes(), for output_finish() */

void output_start(void) {
        /* Read-only for the outputs, so that writing still fails as it does with a closed descriptor. */
        for (int fd = 0; fd <= 2; fd++)
                if (fcntl(fd, F_GETFD) < 0 && errno == EBADF && open("/dev/null", O_RDONLY) != fd)
                        exit(EXIT_CODE_FAILED);
}

static bool output_is_broken(void) {
        struct pollfd pfd = { .fd = STDOUT_FILENO, .events = POLLOUT };

        return poll(&pfd, 1, 0) > 0 && (pfd.revents & (POLLERR | POLLNVAL)) != 0;
}

ExitCode output_finish(ExitCode code) {
        errno = 0;
        int failed = fflush(stdout) != 0 || ferror(stdout);
        int number = bytes_errno != 0 ? bytes_errno : errno;

        /* An earlier failure of stdio leaves no errno; a reader that has gone can still be seen. */
        if (failed && number == 0 && output_is_broken())
                number = EPIPE;

        if (!failed) {
                failed = fclose(stdout) != 0;
                number = errno;
        }
        if (!failed)
                return code;
        /* A reader that had enough (head) is no news. */
        if (number != EPIPE)
                say("cannot write to standard output: %s", number != 0 ? g_strerror(number) : "it failed");
        return code != EXIT_CODE_DONE ? code : EXIT_CODE_FAILED;
}

bool output_is_terminal(void) {
        return isatty(STDOUT_FILENO);
}

bool output_may_be_lost(void) {
        struct stat st;

        return fstat(STDOUT_FILENO, &st) == 0 && (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode));
}

bool output_is_lost(void) {
        int flags = fcntl(STDOUT_FILENO, F_GETFL);

        if (ferror(stdout) || flags < 0 || (flags & O_ACCMODE) == O_RDONLY)
                return true;
        return output_is_broken();
}

bool output_bytes(const void *data, size_t size) {
        if ((size == 0 || fwrite(data, 1, size, stdout) == size) && fflush(stdout) == 0)
                return true;
        bytes_errno = errno;
        return false;
}

void output_hex(const void *data, size_t size, uint64_t base) {
        const unsigned char *bytes = data;

        for (size_t row = 0; row < size; row += 16) {
                printf("%08" PRIx64 " ", base + row);
                for (size_t i = row; i < row + 16; i++)
                        if (i < size)
                                printf(" %02x%s", bytes[i], i == row + 7 ? " " : "");
                        else
                                fputs(i == row + 7 ? "    " : "   ", stdout);
                fputs("  |", stdout);
                for (size_t i = row; i < row + 16 && i < size; i++)
                        putchar(g_ascii_isprint((char)bytes[i]) ? bytes[i] : '.');
                fputs("|\n", stdout);
        }
}

static char *without_controls(const char *text, gunichar end) {
        GString *out = g_string_sized_new(strlen(text));

        while (*text != '\0') {
                gunichar c = g_utf8_get_char_validated(text, -1);
                size_t n = c < 0x110000 ? (size_t)(g_utf8_next_char(text) - text) : 1;
                if (c < end && !g_unichar_iscntrl(c))
                        g_string_append_len(out, text, (gssize)n);
                else
                        for (size_t i = 0; i < n; i++)
                                g_string_append_printf(out, "\\x%02x", (unsigned char)text[i]);
                text += n;
        }
        return g_string_free(out, FALSE);
}

/* Where the locale's characters are not UTF-8 (LC_ALL=C) only ASCII is shown as it is: libsmartcols 2.38 counts the
 * width of other bytes there for ever. */
char *text_harmless(const char *text) {
        return without_controls(text, g_get_charset(NULL) ? 0x110000 : 0x80);
}

void output_text(const char *text) {
        g_autofree char *harmless = text_harmless(text);

        fputs(harmless, stdout);
}

const char *output_colour(const char *name) {
        static const struct {
                const char *name, *sequence;
        } table[] = {
                { "green", "\033[32m" },
                { "red", "\033[31m" },
                { "yellow", "\033[33m" },
                { "bold", "\033[1m" },
                { "", "\033[0m" },
        };
        static int wanted = -1;

        if (wanted < 0) {
                const char *none = getenv("NO_COLOR"), *terminal = getenv("TERM");
                wanted = output_is_terminal() && (none == NULL || *none == '\0') && terminal != NULL &&
                         strcmp(terminal, "dumb") != 0;
        }
        for (size_t i = 0; wanted && i < G_N_ELEMENTS(table); i++)
                if (strcmp(table[i].name, name) == 0)
                        return table[i].sequence;
        return "";
}

__attribute__((format(printf, 1, 0))) static void say_arguments(const char *format, va_list arguments) {
        g_autofree char *text = g_strdup_vprintf(format, arguments);
        g_autofree char *line = without_controls(g_strchomp(text), 0x110000);

        /* In the order in which things happened, also where both go to one terminal. */
        fflush(stdout);
        fprintf(stderr, "ipcctl: %s\n", line);
}

void say(const char *format, ...) {
        va_list arguments;

        va_start(arguments, format);
        say_arguments(format, arguments);
        va_end(arguments);
}

ExitCode say_usage(const char *format, ...) {
        va_list arguments;

        va_start(arguments, format);
        say_arguments(format, arguments);
        va_end(arguments);
        return EXIT_CODE_USAGE;
}
