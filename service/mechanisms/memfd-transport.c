/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The ring of shm-ring.c in a memfd, which has no name to meet by: both sides get its descriptor. The judge owns that
 * in fds[0] until a side attaches; each side owns its mapping, which alone keeps the memory. */
#include "memfd.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cleanup.h"
#include "shm-ring.h"

static int memfd_link_setup(Link *link, Error *error) {
        CLEANUP_FD int fd = -EBADF;
        size_t total = shm_ring_plan(link);
        int r;

        fd = memfd_create("ipcbus-link", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        if (fd < 0)
                return error_set_errno(error, errno, "Cannot make the memfd of the link");
        /* All pages now: where memory is short it is said here, and not as SIGBUS in one of the sides. */
        r = posix_fallocate(fd, 0, (off_t)total);
        if (r > 0)
                return error_set_errno(error, r, "Cannot get %zu bytes of memory for the link", total);
        /* So that neither side can take the memory away under the other. */
        if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
                return error_set_errno(error, errno, "Cannot seal the memfd of the link");
        link->fds[0] = fd_take(&fd);
        return 0;
}

static int memfd_link_attach(Link *link, Error *error) {
        int r = shm_ring_map(link, link->fds[0], error);

        if (r >= 0)
                link->fds[0] = fd_close(link->fds[0]);
        return r;
}

static void memfd_link_teardown(Link *link) {
        link->fds[0] = fd_close(link->fds[0]);
}

const Transport memfd_transport = {
        SHM_RING_TRANSPORT,
        .setup = memfd_link_setup,
        .attach = memfd_link_attach,
        .detach = shm_ring_unmap,
        .teardown = memfd_link_teardown,
};
