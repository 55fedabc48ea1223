/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The ring of shm-ring.c in a file of the run's directory. The judge owns the name (from setup() to teardown()), each
 * side its mapping. The bytes are never synced: two processes that map a file shared see the same pages. */
#include "mmap.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "shm-ring.h"

enum { NAMES_MAX = 64 };

static int link_path(const Link *link, char ret_path[PATH_MAX]) {
        int n = snprintf(ret_path, PATH_MAX, "%s/%s", link->directory, link->names[0]);

        return n < 0 || n >= PATH_MAX ? -ENAMETOOLONG : 0;
}

static int make(Link *link, char path[PATH_MAX], int *ret_fd) {
        int fd = -EBADF, r;

        for (unsigned i = 0; i < NAMES_MAX; i++) {
                (void)snprintf(link->names[0], LINK_NAME_MAX, "ipcbus-%.80s-mmap-%u", link->token, i);
                r = link_path(link, path);
                if (r < 0)
                        return r;
                fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
                if (fd >= 0 || errno != EEXIST)
                        break;
        }
        if (fd < 0)
                return -errno;
        if (fchmod(fd, link_mode(link)) < 0) { /* past the umask */
                r = -errno;
                (void)unlink(path);
                fd_close(fd);
                return r;
        }
        *ret_fd = fd;
        return 0;
}

static int mmap_link_setup(Link *link, Error *error) {
        CLEANUP_FD int fd = -EBADF;
        size_t total = shm_ring_plan(link);
        char path[PATH_MAX];
        int r;

        r = make(link, path, &fd);
        if (r < 0) {
                link->names[0][0] = '\0';
                return error_set_errno(error, r, "Cannot make a file for the link in %.200s", link->directory);
        }
        /* All blocks now: a disk that is full says so here, and not as SIGBUS in one of the sides. */
        r = posix_fallocate(fd, 0, (off_t)total);
        if (r > 0) {
                (void)unlink(path);
                link->names[0][0] = '\0';
                return error_set_errno(
                        error, r, "Cannot get %zu bytes in %.200s for the link", total, link->directory);
        }
        return 0;
}

static int mmap_link_attach(Link *link, Error *error) {
        CLEANUP_FD int fd = -EBADF;
        char path[PATH_MAX];
        int r;

        r = link_path(link, path);
        if (r < 0)
                return error_set_errno(error, r, "The path of the link is too long");
        fd = open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
                return error_set_errno(error, errno, "Cannot open %.200s", path);
        return shm_ring_map(link, fd, error);
}

static void mmap_link_teardown(Link *link) {
        char path[PATH_MAX];

        if (link->names[0][0] != '\0' && link_path(link, path) >= 0)
                (void)unlink(path);
        link->names[0][0] = '\0';
}

const Transport mmap_transport = {
        SHM_RING_TRANSPORT,
        .setup = mmap_link_setup,
        .attach = mmap_link_attach,
        .detach = shm_ring_unmap,
        .teardown = mmap_link_teardown,
};
