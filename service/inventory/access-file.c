/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What can be done with a file that nobody notices. Owns nothing. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "access.h"
#include "cleanup.h"
#include "sock-diag.h"

/* A socket of another type than the one that is there: its connect(2) fails with EPROTOTYPE, but only after the kernel
 * has looked at the rights and found somebody bound there, and without setting the time of use of the file
 * (unix_find_bsd() in net/unix/af_unix.c). */
static int other_type(const struct stat *st) {
        CLEANUP(unix_sockets_freep) UnixSockets *sockets = NULL;

        if (unix_sockets_new(&sockets, NULL) < 0)
                return SOCK_DGRAM; /* that one would reach nobody */
        for (size_t i = 0; i < sockets->n; i++)
                if (sockets->items[i].file_inode == st->st_ino && sockets->items[i].file_device == st->st_dev &&
                        sockets->items[i].type == SOCK_DGRAM)
                        return SOCK_SEQPACKET;
        return SOCK_DGRAM;
}

static int try_socket(const char *path, const struct stat *st) {
        struct sockaddr_un name = { .sun_family = AF_UNIX };
        CLEANUP_FD int fd = -EBADF;
        size_t length = strlen(path);

        if (length >= sizeof(name.sun_path))
                return -ENAMETOOLONG;
        memcpy(name.sun_path, path, length);
        fd = socket(AF_UNIX, other_type(st) | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return -errno;
        if (connect(fd, (struct sockaddr *)&name, sizeof(name)) < 0 && errno != EPROTOTYPE)
                return -errno;
        return 0;
}

/* Opening a FIFO has an effect on whoever is there, and of what is no regular file the kernel is only asked whether it
 * would be allowed. */
int access_try_file(const char *path, int want, void *userdata) {
        int flags = want == (R_OK | W_OK) ? O_RDWR : want & W_OK ? O_WRONLY : O_RDONLY;
        struct stat st;
        int fd;

        (void)userdata;
        if (stat(path, &st) < 0)
                return -errno;
        if (S_ISSOCK(st.st_mode))
                return try_socket(path, &st);
        /* First without opening: who has a lease on it (fcntl(2)) is told of each open. */
        if (faccessat(AT_FDCWD, path, want, AT_EACCESS) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return 0;
        fd = open(path, flags | O_NONBLOCK | O_CLOEXEC);
        return fd < 0 ? -errno : fd;
}
