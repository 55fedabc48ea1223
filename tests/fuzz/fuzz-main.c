/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Runs a fuzz target over every file of a directory, where it is not libFuzzer that runs it: so what was once found
 * stays tested in the ordinary suite, with any compiler. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "fuzz.h"

static int run_file(int directory, const char *name) {
        CLEANUP_FREE uint8_t *data = NULL;
        CLEANUP_FD int fd = -EBADF;
        struct stat st;

        fd = openat(directory, name, O_RDONLY | O_CLOEXEC);
        if (fd < 0 || fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return 0;
        /* Of just that size, so that a sanitizer sees what is read behind it. */
        data = malloc((size_t)st.st_size);
        if ((!data && st.st_size > 0) || read(fd, data, (size_t)st.st_size) != st.st_size)
                return -EIO;
        LLVMFuzzerTestOneInput(data, (size_t)st.st_size);
        return 1;
}

static void directory_close(DIR **directory) {
        if (*directory)
                closedir(*directory);
}

int main(int argc, char **argv) {
        CLEANUP(directory_close) DIR *directory = NULL;
        const struct dirent *entry;
        unsigned files = 0;
        int r;

        if (argc != 2) {
                fprintf(stderr, "Usage: %s DIRECTORY\n", argv[0]);
                return 2;
        }
        directory = opendir(argv[1]);
        if (!directory) {
                fprintf(stderr, "%s: %s\n", argv[1], strerror(errno));
                return 1;
        }
        while ((entry = readdir(directory))) {
                r = run_file(dirfd(directory), entry->d_name);
                if (r < 0) {
                        fprintf(stderr, "%s/%s: %s\n", argv[1], entry->d_name, strerror(-r));
                        return 1;
                }
                files += (unsigned)r;
        }
        printf("%u files\n", files);
        return files > 0 ? 0 : 1;
}
