/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One number of one file of /proc/PID/fdinfo. */
#include "proc-fdinfo.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"

enum { FDINFO_BUFFER = 4096 };

int fdinfo_number(int directory, const char *prefix, int fd, const char *name, uint64_t *ret) {
        CLEANUP_FD int file = -EBADF;
        char path[64], text[FDINFO_BUFFER];
        const char *at;
        char *end;
        ssize_t n;

        snprintf(path, sizeof path, "%s%d", prefix, fd);
        file = openat(directory, path, O_RDONLY | O_CLOEXEC);
        if (file < 0)
                return -errno;
        n = read(file, text, sizeof text - 1);
        if (n < 0)
                return -errno;
        text[n] = '\0';
        for (at = text; at; at = strchr(at, '\n')) {
                at += *at == '\n';
                if (strncmp(at, name, strlen(name)) != 0)
                        continue;
                errno = 0;
                *ret = strtoull(at + strlen(name), &end, 10);
                return errno == 0 && end != at + strlen(name) ? 0 : -ENODATA;
        }
        return -ENODATA;
}
