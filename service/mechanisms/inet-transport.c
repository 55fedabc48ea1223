/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Messages over two datagram sockets that are connected to each other, and two more for the credit. Of the link's
 * descriptors 0 and 1 are the data sockets of the sides, 2 and 3 those for credit. A side owns its data socket in
 * own[0], its credit socket in own[1], and its counts in `state`. */
#include "inet-transport.h"

#include <errno.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "cleanup.h"
#include "inet-socket.h"
#include "mechanism.h"
#include "stream-wait.h"

enum { DATA, CREDIT };
enum {
        WORD_DEPTH,
        BUFFER_WANTED = 4 << 20, /* asked for; the kernel gives up to net.core.rmem_max */
        DEPTH_MAX = 1024,
};

typedef struct DatagramSide {
        uint64_t sent, taken; /* of what this side sent: by the far side, as far as it said */
        uint64_t received, told;
        uint64_t depth, interval;
        bool raw;
        uint32_t here, there; /* of a raw socket: the addresses of both sides, as packets have them */
} DatagramSide;

static void link_teardown(Link *link) {
        for (unsigned i = 0; i < LINK_FDS_MAX; i++)
                link->fds[i] = fd_close(link->fds[i]);
}

static int bound_socket(int type, int protocol, struct in_addr address, int *ret_fd) {
        struct sockaddr_in name = { .sin_family = AF_INET, .sin_addr = address };
        CLEANUP_FD int fd = socket(AF_INET, type | SOCK_CLOEXEC, protocol);
        int buffer = BUFFER_WANTED;

        if (fd < 0 || bind(fd, (struct sockaddr *)&name, sizeof name) < 0)
                return -errno;
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
        if (type == SOCK_RAW)
                inet_raw_forget(fd);
        *ret_fd = fd_take(&fd);
        return 0;
}

/* What a datagram takes of the buffer is more than its bytes (skb->truesize): twice them and a header are enough. */
static uint64_t link_depth(const Link *link) {
        socklen_t length = sizeof(int);
        uint64_t depth;
        int buffer = 0;

        if (getsockopt(link->fds[0], SOL_SOCKET, SO_RCVBUF, &buffer, &length) < 0 || buffer <= 0)
                return 1;
        depth = (uint64_t)buffer / (2 * link->message_max + 1024);
        return depth > DEPTH_MAX ? DEPTH_MAX : depth;
}

/* Raw sockets have no ports: an address of 127.0.0.0/8 of its own keeps a link apart from all others. */
static int link_setup(Link *link, int type, int protocol, size_t message_max, Error *error) {
        const struct in_addr loopback = { htonl(INADDR_LOOPBACK) };
        struct in_addr first = inet_address_by_lot();
        int r = 0;

        if (link->message_max > message_max)
                link->message_max = message_max;
        for (unsigned side = 0; r >= 0 && side < 2; side++) {
                struct in_addr own = { htonl(ntohl(first.s_addr) + 1 + side) };

                r = bound_socket(type, protocol, type == SOCK_RAW ? own : loopback, &link->fds[side]);
                if (r >= 0)
                        r = bound_socket(SOCK_DGRAM, 0, loopback, &link->fds[2 + side]);
        }
        if (r < 0) {
                link_teardown(link);
                return r == -EPERM ? error_set(error, ERROR_NOT_PERMITTED,
                                             "A raw socket needs the capability CAP_NET_RAW, which this process does "
                                             "not have.")
                                   : error_set_errno(error, r, "The sockets of the link cannot be made");
        }
        link->words[WORD_DEPTH] = link_depth(link);
        if (link->words[WORD_DEPTH] == 0) {
                link->words[WORD_DEPTH] = 1;
                link->message_max = 1024;
        }
        link->depth = (unsigned)link->words[WORD_DEPTH];
        return 0;
}

static int udp_link_setup(Link *link, Error *error) {
        return link_setup(link, SOCK_DGRAM, 0, UDP_MESSAGE_MAX, error);
}

static int raw_link_setup(Link *link, Error *error) {
        return link_setup(link, SOCK_RAW, INET_RAW_PROTOCOL, RAW_MESSAGE_MAX, error);
}

static int connect_to(int fd, int other, bool raw) {
        struct sockaddr_in name = {};
        socklen_t length = sizeof name;

        if (getsockname(other, (struct sockaddr *)&name, &length) < 0)
                return -errno;
        if (raw)
                name.sin_port = 0;
        return connect(fd, (struct sockaddr *)&name, sizeof name) < 0 ? -errno : 0;
}

/* Of two bound sockets. A raw one does not tell whom it is connected to: it has no port. */
static int look_at_addresses(int fd, int other, DatagramSide *side) {
        struct sockaddr_in here = {}, there = {};
        socklen_t length = sizeof here;

        if (getsockname(fd, (struct sockaddr *)&here, &length) < 0 ||
                getsockname(other, (struct sockaddr *)&there, &length) < 0)
                return -errno;
        side->here = here.sin_addr.s_addr;
        side->there = there.sin_addr.s_addr;
        return 0;
}

static int link_attach(Link *link, bool raw, Error *error) {
        DatagramSide *side;
        int r;

        side = calloc(1, sizeof *side);
        if (!side)
                return error_set_errno(error, ENOMEM, "The side of the link cannot be kept");
        side->raw = raw;
        side->depth = link->words[WORD_DEPTH];
        side->interval = side->depth > 1 ? side->depth / 2 : 1;
        r = connect_to(link->fds[link->side], link->fds[!link->side], raw);
        if (r >= 0)
                r = connect_to(link->fds[2 + link->side], link->fds[2 + !link->side], false);
        if (r >= 0 && raw)
                r = look_at_addresses(link->fds[link->side], link->fds[!link->side], side);
        if (r < 0) {
                free(side);
                return error_set_errno(error, r, "The sides of the link cannot be connected");
        }
        link->state = side;
        link->own[DATA] = fd_take(&link->fds[link->side]);
        link->own[CREDIT] = fd_take(&link->fds[2 + link->side]);
        link_teardown(link);
        return 0;
}

static int udp_link_attach(Link *link, Error *error) {
        return link_attach(link, false, error);
}

static int raw_link_attach(Link *link, Error *error) {
        return link_attach(link, true, error);
}

/* Credit is a sum, so that of several the last one counts. 0, -EAGAIN. */
static int take_credit(Link *link, bool wait) {
        DatagramSide *side = link->state;
        uint64_t taken;
        ssize_t n;

        while (side->sent - side->taken >= side->depth) {
                n = recv(link->own[CREDIT], &taken, sizeof taken, wait && link->wait != WAIT_SPIN ? 0 : MSG_DONTWAIT);
                if (n == (ssize_t)sizeof taken && taken > side->taken && taken <= side->sent)
                        side->taken = taken;
                else if (n < 0 && errno == EAGAIN && !wait)
                        return -EAGAIN;
                else if (n < 0 && errno != EAGAIN && errno != EINTR)
                        return -errno;
        }
        return 0;
}

static int send_message(Link *link, const void *data, size_t size, bool wait) {
        DatagramSide *side = link->state;
        int r;

        r = take_credit(link, wait);
        if (r < 0)
                return r;
        do
                r = send(link->own[DATA], data, size,
                            MSG_NOSIGNAL | (wait && link->wait != WAIT_SPIN ? 0 : MSG_DONTWAIT)) < 0
                            ? -errno
                            : 0;
        while (r == -EINTR || (r == -EAGAIN && wait));
        if (r >= 0)
                side->sent++;
        return r;
}

static int link_send(Link *link, const void *data, size_t size) {
        return send_message(link, data, size, true);
}

static int link_try_send(Link *link, const void *data, size_t size) {
        return send_message(link, data, size, false);
}

/* Was anything dropped for want of room? */
static int give_credit(Link *link) {
        DatagramSide *side = link->state;
        uint32_t memory[SK_MEMINFO_VARS] = {};
        socklen_t length = sizeof memory;

        if (++side->received - side->told < side->interval)
                return 0;
        side->told = side->received;
        if (getsockopt(link->own[DATA], SOL_SOCKET, SO_MEMINFO, memory, &length) >= 0 && memory[SK_MEMINFO_DROPS] > 0)
                return -ENOBUFS;
        /* Nobody may be there any more to hear it. */
        (void)send(link->own[CREDIT], &side->received, sizeof side->received, MSG_NOSIGNAL | MSG_DONTWAIT);
        return 0;
}

/* A packet of others that was under way when the socket was bound can come yet: the kernel had chosen who gets it. */
static bool is_ours(const DatagramSide *side, const struct iphdr *ip) {
        return !side->raw || (ip->saddr == side->there && ip->daddr == side->here);
}

/* MSG_TRUNC gives the true length: a message that does not fit is an error, not a shorter message. On loopback the
 * header of IPv4 has no options. */
static ssize_t receive_once(Link *link, void *buffer, size_t size, int flags) {
        const DatagramSide *side = link->state;
        struct iphdr ip = {};
        struct iovec vector[] = { { &ip, sizeof ip }, { buffer, size } };
        struct msghdr message = { .msg_iov = vector, .msg_iovlen = 2 };
        ssize_t n;
        int r;

        do
                n = side->raw ? recvmsg(link->own[DATA], &message, MSG_TRUNC | flags)
                              : recv(link->own[DATA], buffer, size, MSG_TRUNC | flags);
        while (n >= 0 && !is_ours(side, &ip));
        if (n < 0)
                return -errno;
        n -= side->raw ? (ssize_t)sizeof ip : 0;
        if (n < 0 || (size_t)n > size)
                return -EMSGSIZE;
        r = give_credit(link);
        return r < 0 ? r : n;
}

static ssize_t link_receive(Link *link, void *buffer, size_t size) {
        ssize_t n;

        do
                n = receive_once(link, buffer, size, link->wait == WAIT_SPIN ? MSG_DONTWAIT : 0);
        while (link_receives_again(link, n));
        return n;
}

static ssize_t link_try_receive(Link *link, void *buffer, size_t size) {
        return receive_once(link, buffer, size, MSG_DONTWAIT);
}

static int link_wait_readable(Link *link, uint64_t timeout_usec) {
        return wait_readable_fd(link->own[DATA], timeout_usec);
}

static int link_poll_fd(const Link *link) {
        return link->own[DATA];
}

static void link_detach(Link *link) {
        for (unsigned i = 0; i < LINK_FDS_MAX; i++)
                link->own[i] = fd_close(link->own[i]);
        free(link->state);
        link->state = NULL;
}

/* close_direction: none. A datagram socket does not tell anybody that it will send no more. */
const Transport udp_transport = {
        .message_max = UDP_MESSAGE_MAX,
        .boundaries = true,
        .executed = true,
        .setup = udp_link_setup,
        .attach = udp_link_attach,
        .send = link_send,
        .receive = link_receive,
        .try_send = link_try_send,
        .try_receive = link_try_receive,
        .poll_fd = link_poll_fd,
        .wait_readable = link_wait_readable,
        .detach = link_detach,
        .teardown = link_teardown,
};

const Transport raw_transport = {
        .message_max = RAW_MESSAGE_MAX,
        .boundaries = true,
        .executed = true,
        .setup = raw_link_setup,
        .attach = raw_link_attach,
        .send = link_send,
        .receive = link_receive,
        .try_send = link_try_send,
        .try_receive = link_try_receive,
        .poll_fd = link_poll_fd,
        .wait_readable = link_wait_readable,
        .detach = link_detach,
        .teardown = link_teardown,
};
