/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Limits as records, and the reading of their figures from /proc/sys. */
#include "limit-facts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "cleanup.h"

static int limit_read_file(const char *path, uint64_t *ret) {
        CLEANUP_FD int fd = -EBADF;
        unsigned long long value;
        char text[64], *end;
        ssize_t n;

        fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        if (fd < 0)
                return -errno;
        n = read(fd, text, sizeof text - 1);
        if (n < 0)
                return -errno;
        text[n] = '\0';
        errno = 0;
        value = strtoull(text, &end, 10);
        if (errno || end == text)
                return -EBADMSG;
        *ret = value;
        return 0;
}

void limit_append(Record *facts, const char *name, uint64_t value, const char *unit, const char *source) {
        Record *item;

        if (record_new(&item) < 0)
                return;
        record_set_string(item, "name", name);
        record_set_u64(item, "value", value);
        record_set_string(item, "unit", unit);
        record_set_string(item, "source", source);
        record_append_record(facts, "limits", item);
}

int limit_append_file(Record *facts, const char *name, const char *unit, const char *path) {
        uint64_t value;
        int r;

        r = limit_read_file(path, &value);
        if (r < 0)
                return r;
        limit_append(facts, name, value, unit, path);
        return 0;
}

uint64_t limit_read(const char *path, uint64_t fallback) {
        uint64_t value;

        return limit_read_file(path, &value) < 0 ? fallback : value;
}
