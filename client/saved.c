/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Writes and reads files of results. What is read may be any file of anybody's: its size is bounded, and a pipe will
 * do as well, as a shell makes one for <(command). Owns nothing. */
#include "saved.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "json.h"
#include "output.h"

enum { SAVED_MAX = 64 << 20, READ_SIZE = 64 << 10 };

ExitCode saved_check(const char *path) {
        g_autofree char *directory = g_path_get_dirname(path);
        struct stat st;
        int r = 0;

        if (*path == '\0')
                return say("no file can have an empty name"), EXIT_CODE_FAILED;
        if (stat(path, &st) < 0)
                r = errno != ENOENT ? errno : access(directory, W_OK | X_OK) < 0 ? errno : 0;
        else if (S_ISDIR(st.st_mode))
                r = EISDIR;
        else if (access(path, W_OK) < 0 || (S_ISREG(st.st_mode) && access(directory, W_OK | X_OK) < 0))
                r = errno;
        if (r == 0)
                return EXIT_CODE_DONE;
        return say("cannot save to %s: %s", path, g_strerror(r)), EXIT_CODE_FAILED;
}

static int write_through(const char *path, const char *text) {
        int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
        size_t size = strlen(text);
        int r = fd < 0 ? errno : 0;

        while (r == 0 && size > 0) {
                ssize_t n = write(fd, text, size);
                if (n < 0 && errno != EINTR)
                        r = errno;
                else if (n > 0) {
                        text += n;
                        size -= (size_t)n;
                }
        }
        if (fd >= 0 && close(fd) < 0 && r == 0)
                r = errno;
        return r;
}

ExitCode saved_write(const char *path, JsonNode *node) {
        g_autofree char *text = json_text(node, true);
        g_autofree char *line = g_strconcat(text, "\n", NULL);
        g_autoptr(GError) error = NULL;
        struct stat st;
        bool exists = stat(path, &st) == 0;

        /* What the name leads to is replaced, not the link; and /dev/null, which root could replace, is no file. */
        if (exists && !S_ISREG(st.st_mode)) {
                int r = write_through(path, line);
                return r == 0 ? EXIT_CODE_DONE : (say("cannot save to %s: %s", path, g_strerror(r)), EXIT_CODE_FAILED);
        }
        char *real = exists ? realpath(path, NULL) : NULL;
        bool done = g_file_set_contents_full(real != NULL ? real : path, line, -1, G_FILE_SET_CONTENTS_CONSISTENT,
                exists ? (int)(st.st_mode & 0777) : 0666, &error);
        free(real);
        if (!done)
                return say("cannot save to %s: %s", path, error->message), EXIT_CODE_FAILED;
        return EXIT_CODE_DONE;
}

static int read_bounded(const char *path, GByteArray *bytes) {
        g_autofree guint8 *buffer = g_malloc(READ_SIZE);
        int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        int r = fd < 0 ? errno : 0;

        while (r == 0) {
                ssize_t n = read(fd, buffer, READ_SIZE);
                if (n == 0)
                        break;
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        r = errno;
                else if (bytes->len + (size_t)n > SAVED_MAX)
                        r = EFBIG;
                else
                        g_byte_array_append(bytes, buffer, (guint)n);
        }
        if (fd >= 0)
                close(fd);
        return r;
}

ExitCode saved_read(const char *path, const char *purpose, const char *advice, JsonNode **ret_node) {
        g_autoptr(GByteArray) bytes = g_byte_array_new();
        g_autoptr(GError) error = NULL;
        int r = read_bounded(path, bytes);

        if (r != 0)
                return say("%s %s: %s; %s", purpose, path, g_strerror(r), advice), EXIT_CODE_FAILED;
        if (bytes->len == 0)
                return say("%s %s: it is empty; %s", purpose, path, advice), EXIT_CODE_FAILED;
        *ret_node = json_from_text((const char *)bytes->data, bytes->len, &error);
        if (*ret_node == NULL)
                return say("%s %s: %s; %s", purpose, path, error->message, advice), EXIT_CODE_FAILED;
        return EXIT_CODE_DONE;
}
