/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The ring of shm-ring.c in POSIX shared memory. The judge owns the name (from setup() to teardown()), each side its
 * mapping. */
#include "posix-transports.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "posix-name.h"
#include "shm-ring.h"
#include "transport.h"

static int segment_make(const char *name, void *userdata, Error *error) {
        int fd;

        fd = shm_open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd < 0)
                return errno == EEXIST ? -EEXIST
                                       : error_set_errno(error, errno, "Cannot make the segment \"%s\"", name);
        *(int *)userdata = fd;
        return 0;
}

static int shm_link_setup(Link *link, Error *error) {
        CLEANUP_FD int fd = -EBADF;
        size_t total = shm_ring_plan(link);
        int r;

        r = posix_name_claim(link->token, link->names[0], sizeof(link->names[0]), segment_make, &fd, error);
        if (r < 0)
                return r;
        if (fchmod(fd, link_mode(link)) < 0) { /* past the umask */
                r = error_set_errno(error, errno, "Cannot set the mode of the segment \"%s\"", link->names[0]);
                shm_unlink(link->names[0]);
                link->names[0][0] = '\0';
                return r;
        }
        /* All pages now: a tmpfs that is full says so here, and not as SIGBUS in one of the sides. */
        r = posix_fallocate(fd, 0, (off_t)total);
        if (r > 0) {
                shm_unlink(link->names[0]);
                link->names[0][0] = '\0';
                return error_set_errno(error, r, "Cannot get %zu bytes of shared memory for the link", total);
        }
        return 0;
}

static int shm_link_attach(Link *link, Error *error) {
        CLEANUP_FD int fd = -EBADF;

        fd = shm_open(link->names[0], O_RDWR | O_CLOEXEC, 0);
        if (fd < 0)
                return error_set_errno(error, errno, "Cannot open the segment \"%s\"", link->names[0]);
        return shm_ring_map(link, fd, error);
}

static void shm_link_teardown(Link *link) {
        if (link->names[0][0] != '\0')
                shm_unlink(link->names[0]);
        link->names[0][0] = '\0';
}

const Transport shm_posix_transport = {
        SHM_RING_TRANSPORT,
        .setup = shm_link_setup,
        .attach = shm_link_attach,
        .detach = shm_ring_unmap,
        .teardown = shm_link_teardown,
};
