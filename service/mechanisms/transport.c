/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What all transports share: reading a whole message from a stream, and the ways of waiting. A link's epoll instance
 * belongs to its side. */
#include "transport.h"

#include <string.h>
#include <sys/epoll.h>

#include "cleanup.h"
#include "mechanism.h"
#include "spin.h"

enum { LOOKS_A_CLOCK = 8 };

static const char *const wait_mode_names[WAIT_MODE_MAX] = {
        [WAIT_BLOCK] = "block",
        [WAIT_POLL] = "poll",
        [WAIT_SPIN] = "spin",
        [WAIT_ADAPTIVE] = "adaptive",
};

const Transport *link_transport(const Link *link) {
        return link->transport ? link->transport : link->mechanism->transport;
}

ssize_t link_receive_all(Link *link, void *buffer, size_t size) {
        LinkReceive receive = link_receiver(link);
        size_t done = 0;

        while (done < size) {
                ssize_t n = receive(link, (char *)buffer + done, size - done);

                if (n < 0)
                        return n;
                if (n == 0)
                        break;
                done += (size_t)n;
        }
        return (ssize_t)done;
}

int transport_waits(const Transport *transport, WaitMode wait, const char **ret_reason) {
        if (wait != WAIT_POLL || transport->poll_fd)
                return 0;
        *ret_reason = transport->poll_reason ? transport->poll_reason
                                             : "it has no descriptor that could be waited for";
        return -EOPNOTSUPP;
}

int link_wait_begin(Link *link, Error *error) {
        const Transport *transport = link_transport(link);
        struct epoll_event event = { .events = EPOLLIN };
        CLEANUP_FD int fd = -EBADF;
        const char *reason;

        if (link->wait != WAIT_POLL)
                return 0;
        if (transport_waits(transport, WAIT_POLL, &reason) < 0)
                return error_set(error, ERROR_NOT_SUPPORTED, "%s.", reason);
        fd = epoll_create1(EPOLL_CLOEXEC);
        if (fd < 0 || epoll_ctl(fd, EPOLL_CTL_ADD, transport->poll_fd(link), &event) < 0)
                return error_set_errno(error, errno, "The descriptor of the link cannot be waited for");
        link->epoll = fd_take(&fd);
        return 0;
}

void link_wait_end(Link *link) {
        link->epoll = fd_close(link->epoll);
}

/* As an event loop does: asleep until it says that there is something, and then one message. */
static ssize_t receive_polled(Link *link, void *buffer, size_t size) {
        const Transport *transport = link_transport(link);
        struct epoll_event event;
        ssize_t n = -EAGAIN;

        if (transport->buffered)
                n = transport->try_receive(link, buffer, size);
        while (n == -EAGAIN) {
                if (epoll_wait(link->epoll, &event, 1, -1) < 0 && errno != EINTR)
                        return -errno;
                n = transport->try_receive(link, buffer, size);
        }
        return n;
}

/* The clock is read now and then only: it costs as much as a look. */
static bool spin_on(uint64_t *end, unsigned *looks, uint64_t nsec) {
        struct timespec now;
        uint64_t at;

        spin_pause();
        if ((*looks)++ % LOOKS_A_CLOCK != 0)
                return true;
        clock_gettime(CLOCK_MONOTONIC, &now);
        at = (uint64_t)now.tv_sec * NSEC_PER_SEC + (uint64_t)now.tv_nsec;
        if (*end == 0)
                *end = at + nsec;
        return at < *end;
}

static ssize_t receive_adaptive(Link *link, void *buffer, size_t size) {
        const Transport *transport = link_transport(link);
        unsigned looks = 0;
        uint64_t end = 0;
        ssize_t n;

        do {
                n = transport->try_receive(link, buffer, size);
                if (n != -EAGAIN)
                        return n;
        } while (spin_on(&end, &looks, link->spin_nsec));
        return transport->receive(link, buffer, size);
}

static int send_adaptive(Link *link, const void *data, size_t size) {
        const Transport *transport = link_transport(link);
        unsigned looks = 0;
        uint64_t end = 0;
        int r;

        do {
                r = transport->try_send(link, data, size);
                if (r != -EAGAIN)
                        return r;
        } while (spin_on(&end, &looks, link->spin_nsec));
        return transport->send(link, data, size);
}

static bool spins_before(const Link *link) {
        return link->wait == WAIT_ADAPTIVE && link->spin_nsec > 0 && !link_transport(link)->adapts;
}

LinkSend link_sender(const Link *link) {
        return spins_before(link) ? send_adaptive : link_transport(link)->send;
}

LinkReceive link_receiver(const Link *link) {
        if (link->wait == WAIT_POLL)
                return receive_polled;
        return spins_before(link) ? receive_adaptive : link_transport(link)->receive;
}

const char *wait_mode_name(WaitMode mode) {
        return mode >= 0 && mode < WAIT_MODE_MAX ? wait_mode_names[mode] : NULL;
}

WaitMode wait_mode_from_name(const char *name) {
        for (WaitMode mode = 0; mode < WAIT_MODE_MAX; mode++)
                if (strcmp(wait_mode_names[mode], name) == 0)
                        return mode;
        return WAIT_MODE_INVALID;
}
