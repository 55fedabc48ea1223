/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who owns what, said where it is declared: descriptors and memory that are released when they go out of scope, and
 * the macros that move them on. */
#pragma once

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define CLEANUP(function) __attribute__((cleanup(function)))
#define CLEANUP_FREE      CLEANUP(free_indirect)
#define CLEANUP_FD        CLEANUP(fd_close_indirect)

#define TAKE_POINTER(pointer)                          \
        ({                                             \
                __typeof__(pointer) taken = (pointer); \
                (pointer) = NULL;                      \
                taken;                                 \
        })

static inline void free_indirect(void *pointer) {
        free(*(void **)pointer);
}

/* Takes what is no descriptor too; leaves errno alone. Use: fd = fd_close(fd); */
static inline int fd_close(int fd) {
        int saved = errno;

        if (fd >= 0)
                close(fd);
        errno = saved;
        return -EBADF;
}

static inline void fd_close_indirect(int *fd) {
        *fd = fd_close(*fd);
}

static inline int fd_take(int *fd) {
        int taken = *fd;

        *fd = -EBADF;
        return taken;
}
