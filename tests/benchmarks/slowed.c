/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A library to be loaded before all others (LD_PRELOAD): it makes one transport slower, as a bad change would. Every
 * write of SLOWED_SIZE bytes (64 where that is not set) is copied once more, and takes SLOWED_NSEC (2000) longer.
 * Those that write so are pipes and FIFOs; the other kinds of the same run show what does not change. Owns nothing. */
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { COPY_MAX = 64 * 1024 };

static long from_environment(const char *name, long fallback) {
        const char *text = getenv(name);

        return text != NULL && *text != '\0' ? strtol(text, NULL, 10) : fallback;
}

static long now(void) {
        struct timespec at;

        clock_gettime(CLOCK_MONOTONIC, &at);
        return at.tv_sec * 1000000000L + at.tv_nsec;
}

ssize_t write(int fd, const void *data, size_t size) {
        static char copy[COPY_MAX];
        static long slowed_size, nsec;

        if (slowed_size == 0) {
                slowed_size = from_environment("SLOWED_SIZE", 64);
                nsec = from_environment("SLOWED_NSEC", 2000);
        }
        if (size != (size_t)slowed_size || size > sizeof copy)
                return syscall(SYS_write, fd, data, size);
        memcpy(copy, data, size);
        for (long start = now(); now() - start < nsec;)
                ;
        return syscall(SYS_write, fd, copy, size);
}
