/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tokens over two eventfds, one a lane, in semaphore mode so that each write of 1 is one read. Both sides inherit or
 * are sent the descriptors; there is no name to meet by. */
#include "eventfd-parts.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/uio.h>
#include <unistd.h>

#include "cleanup.h"
#include "spin.h"
#include "stream-wait.h"
#include "transport.h"

enum { SENDING, RECEIVING };

static void eventfd_link_teardown(Link *link) {
        for (unsigned i = 0; i < LINK_FDS_MAX; i++)
                link->fds[i] = fd_close(link->fds[i]);
}

static int eventfd_link_setup(Link *link, Error *error) {
        for (unsigned lane = 0; lane < LINK_LANES; lane++) {
                link->fds[lane] = eventfd(
                        0, EFD_CLOEXEC | EFD_SEMAPHORE | (link_never_sleeps(link) ? EFD_NONBLOCK : 0));
                if (link->fds[lane] < 0) {
                        int r = error_set_errno(error, errno, "No eventfd can be made");

                        eventfd_link_teardown(link);
                        return r;
                }
        }
        link->message_max = 0;
        link->depth = UINT_MAX; /* 2^64 - 2, in truth */
        return 0;
}

static int eventfd_link_attach(Link *link, Error *error) {
        link->own[SENDING] = fd_take(&link->fds[link->side]);
        link->own[RECEIVING] = fd_take(&link->fds[!link->side]);
        return 0;
}

static void eventfd_link_detach(Link *link) {
        for (unsigned i = 0; i < LINK_FDS_MAX; i++)
                link->own[i] = fd_close(link->own[i]);
}

static int eventfd_link_send(Link *link, const void *data, size_t size) {
        const uint64_t one = 1;
        ssize_t n;

        if (size > 0)
                return -EMSGSIZE;
        do
                n = write(link->own[SENDING], &one, sizeof one);
        while (n < 0 && link_sends_again(link, link->own[SENDING], -errno));
        return n < 0 ? -errno : 0;
}

/* Nobody else writes in this lane, so that what has room keeps it. */
static int eventfd_link_try_send(Link *link, const void *data, size_t size) {
        struct pollfd room = { .fd = link->own[SENDING], .events = POLLOUT };

        if (poll(&room, 1, 0) == 0)
                return -EAGAIN;
        return eventfd_link_send(link, data, size);
}

static ssize_t eventfd_link_try_receive(Link *link, void *buffer, size_t size) {
        uint64_t value;
        struct iovec vector = { .iov_base = &value, .iov_len = sizeof value };
        ssize_t n;

        do
                n = link_never_sleeps(link) ? read(link->own[RECEIVING], &value, sizeof value)
                                            : preadv2(link->own[RECEIVING], &vector, 1, -1, RWF_NOWAIT);
        while (n < 0 && errno == EINTR);
        return n < 0 ? -errno : 0;
}

static ssize_t eventfd_link_receive(Link *link, void *buffer, size_t size) {
        uint64_t value;
        ssize_t n;

        if (link->wait == WAIT_SPIN) {
                while ((n = eventfd_link_try_receive(link, buffer, size)) == -EAGAIN)
                        spin_pause();
                return n;
        }
        do
                n = read(link->own[RECEIVING], &value, sizeof value);
        while (n < 0 && link_receives_again(link, -errno));
        return n < 0 ? -errno : 0;
}

static int eventfd_link_wait_readable(Link *link, uint64_t timeout_usec) {
        return wait_readable_fd(link->own[RECEIVING], timeout_usec);
}

static int eventfd_link_poll_fd(const Link *link) {
        return link->own[RECEIVING];
}

const Transport eventfd_transport = {
        .message_max = 0,
        .boundaries = true,
        .executed = true,
        .setup = eventfd_link_setup,
        .attach = eventfd_link_attach,
        .send = eventfd_link_send,
        .receive = eventfd_link_receive,
        .try_send = eventfd_link_try_send,
        .try_receive = eventfd_link_try_receive,
        .poll_fd = eventfd_link_poll_fd,
        .several_max = 1,
        .wait_readable = eventfd_link_wait_readable,
        .detach = eventfd_link_detach,
        .teardown = eventfd_link_teardown,
};
