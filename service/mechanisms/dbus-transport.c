/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Messages between two sides by sd-bus: over a socket pair (direct), or through a dbus-daemon of the run (daemon). A
 * message is a method call with one array of bytes, to which no answer is wanted.
 *
 * sd-bus queues without bound what the socket does not take, so a send goes on until all of it is in the socket, and
 * what arrives meanwhile is kept in an inbox. own[] is empty: the connection is in `state`, this side's. */
#include "dbus.h"

#include <errno.h>
#include <linux/sockios.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>

#include "dbus-bus.h"
#include "dbus-daemon.h"
#include "dbus-link.h"
#include "spin.h"
#include "transport.h"
#include "units.h"

#define LINK_PATH      "/org/ipcbus1/link"
#define LINK_INTERFACE "org.ipcbus1.Link"
#define LINK_MEMBER    "Data"

enum {
        /* A message besides its bytes: header fields of about 200 bytes, and those that the daemon adds. */
        OVERHEAD_MAX = 1024,
        DIRECT_MAX = 128 * 1024 * 1024 - OVERHEAD_MAX,
        DAEMON_MAX = PRIVATE_BUS_MESSAGE_MAX - OVERHEAD_MAX,
        LOOK_USEC = 200,
};

enum { WORD_DAEMON = 0 }; /* words[]: its pid */

typedef struct Side {
        sd_bus *bus;
        char peer[64]; /* where to; "" without a daemon */
        bool gone;
        sd_bus_message **inbox; /* a ring */
        size_t first, n, allocated;
} Side;

static int inbox_add(Side *side, sd_bus_message *message) {
        if (side->n == side->allocated) {
                size_t more = side->allocated > 0 ? 2 * side->allocated : 64;
                sd_bus_message **inbox = calloc(more, sizeof(*inbox));

                if (!inbox)
                        return -ENOMEM;
                for (size_t i = 0; i < side->n; i++)
                        inbox[i] = side->inbox[(side->first + i) % side->allocated];
                free(side->inbox);
                side->inbox = inbox;
                side->allocated = more;
                side->first = 0;
        }
        side->inbox[(side->first + side->n++) % side->allocated] = sd_bus_message_ref(message);
        return 0;
}

static sd_bus_message *inbox_take(Side *side) {
        sd_bus_message *message = side->inbox[side->first];

        side->first = (side->first + 1) % side->allocated;
        side->n--;
        return message;
}

static int on_message(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        Side *side = userdata;

        if (sd_bus_message_is_method_call(message, LINK_INTERFACE, LINK_MEMBER) > 0)
                return inbox_add(side, message) < 0 ? -ENOMEM : 1;
        if (sd_bus_message_is_signal(message, BUS_DRIVER ".Local", "Disconnected") > 0)
                side->gone = true;
        /* The daemon says so of a message that it could not deliver. */
        if (sd_bus_message_is_method_error(message, SD_BUS_ERROR_SERVICE_UNKNOWN) > 0 ||
                sd_bus_message_is_method_error(message, SD_BUS_ERROR_NAME_HAS_NO_OWNER) > 0)
                side->gone = true;
        return 0;
}

static Side *side_free(Side *side) {
        if (!side)
                return NULL;
        while (side->n > 0)
                (void)sd_bus_message_unref(inbox_take(side));
        free(side->inbox);
        sd_bus_close_unref(side->bus);
        free(side);
        return NULL;
}

/* 1 when something was done, 0 when there is nothing to do now, -EPIPE at the end. */
static int side_process(Side *side) {
        int r = sd_bus_process(side->bus, NULL);

        return r == -ECONNRESET || r == -ENOTCONN || r == -ESHUTDOWN || (r == 0 && side->gone) ? -EPIPE : r;
}

/* --- Setting up --- */

static void link_teardown(Link *link) {
        PrivateBus bus = { .pid = (pid_t)link->words[WORD_DAEMON] };

        for (unsigned i = 0; i < LINK_FDS_MAX; i++)
                link->fds[i] = fd_close(link->fds[i]);
        if (strncmp(link->names[0], "unix:path=", 10) == 0)
                (void)snprintf(bus.path, sizeof(bus.path), "%s", link->names[0] + 10);
        private_bus_stop(&bus);
        link->words[WORD_DAEMON] = 0;
        link->names[0][0] = '\0';
}

static void limit_message(Link *link, size_t most) {
        if (link->message_max > most)
                link->message_max = most;
}

static int direct_setup(Link *link, Error *error) {
        int fds[2];

        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) < 0)
                return error_set_errno(error, errno, "The sockets of the link cannot be made");
        link->fds[0] = fds[0];
        link->fds[1] = fds[1];
        limit_message(link, DIRECT_MAX);
        return 0;
}

static int daemon_setup(Link *link, Error *error) {
        PrivateBus bus;
        int r;

        r = private_bus_start(link->directory, link->token, &bus, error);
        if (r < 0)
                return r;
        link->words[WORD_DAEMON] = (uint64_t)bus.pid;
        (void)snprintf(link->names[0], sizeof(link->names[0]), "%s", bus.address);
        limit_message(link, DAEMON_MAX);
        return 0;
}

static int side_new(Link *link, Side **ret) {
        Side *side = calloc(1, sizeof(*side));

        if (!side)
                return -ENOMEM;
        link->state = *ret = side;
        return 0;
}

static int await_ready(Side *side) {
        uint64_t end = monotonic_end(BUS_PATIENCE_USEC);
        int r;

        while ((r = sd_bus_is_ready(side->bus)) == 0) {
                if (monotonic_now() >= end)
                        return -ETIMEDOUT;
                r = side_process(side);
                if (r == 0)
                        r = sd_bus_wait(side->bus, LOOK_USEC * 100);
                if (r < 0 && r != -EINTR)
                        return r;
        }
        return r;
}

/* Side 0 is the server: without a daemon somebody has to give the connection its id. */
static int direct_attach(Link *link, Error *error) {
        CLEANUP_FD int fd = fd_take(&link->fds[link->side]);
        sd_id128_t id;
        Side *side;
        int r;

        link->fds[!link->side] = fd_close(link->fds[!link->side]);
        r = side_new(link, &side);
        if (r >= 0)
                r = sd_bus_new(&side->bus);
        if (r >= 0)
                r = sd_bus_set_fd(side->bus, fd, fd);
        if (r >= 0)
                (void)fd_take(&fd);
        if (r >= 0 && link->side == 0) {
                r = sd_id128_randomize(&id);
                if (r >= 0)
                        r = sd_bus_set_server(side->bus, true, id);
        }
        if (r >= 0)
                r = sd_bus_negotiate_fds(side->bus, true);
        if (r >= 0)
                r = sd_bus_add_filter(side->bus, NULL, on_message, side);
        if (r >= 0)
                r = sd_bus_start(side->bus);
        if (r >= 0)
                r = await_ready(side);
        return r < 0 ? error_set_errno(error, r, "The other side of the link cannot be talked to") : 0;
}

static const char *side_name(const Link *link, unsigned side, char buffer[64]) {
        /* As long as the daemon of this link runs, it has no other link. */
        (void)snprintf(buffer, 64, "org.ipcbus1.link.side%u", side);
        return buffer;
}

/* Nothing may be sent before the other is there: a bus keeps no message for a name that nobody has. */
static int await_peer(Link *link, Side *side) {
        const struct timespec pause = { .tv_nsec = LOOK_USEC * (long)NSEC_PER_USEC };
        uint64_t end = monotonic_end(BUS_PATIENCE_USEC);
        char name[64];
        BusOwner owner;
        int r;

        for (;;) {
                r = bus_owner(side->bus, side_name(link, !link->side, name), &owner);
                if (r != 0)
                        break;
                if (monotonic_now() >= end)
                        return -ETIMEDOUT;
                (void)nanosleep(&pause, NULL);
        }
        /* Its unique name: a name could be somebody else's by the time of a send. */
        if (r > 0)
                (void)snprintf(side->peer, sizeof(side->peer), "%.60s", owner.unique);
        return r;
}

/* When the peer leaves, its going is told, so that a receiver is not left waiting. */
static int on_owner_changed(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        const char *name, *before, *now;
        Side *side = userdata;

        if (sd_bus_message_read(message, "sss", &name, &before, &now) >= 0 && strcmp(name, side->peer) == 0 &&
                now[0] == '\0')
                side->gone = true;
        return 0;
}

static int daemon_attach(Link *link, Error *error) {
        char name[64], rule[256];
        Side *side;
        int r;

        r = side_new(link, &side);
        if (r >= 0)
                r = bus_connect_address(link->names[0], &side->bus);
        if (r >= 0)
                r = sd_bus_add_filter(side->bus, NULL, on_message, side);
        if (r >= 0)
                r = sd_bus_request_name(side->bus, side_name(link, link->side, name), 0);
        if (r >= 0)
                r = await_peer(link, side);
        if (r >= 0) {
                (void)snprintf(rule, sizeof(rule),
                        "type='signal',sender='" BUS_DRIVER "',member='NameOwnerChanged',arg0='%s'", side->peer);
                r = sd_bus_add_match(side->bus, NULL, rule, on_owner_changed, side);
        }
        return r < 0 ? error_set_errno(error, r, "The other side of the link cannot be reached through its bus") : 0;
}

static void link_detach(Link *link) {
        link->state = side_free(link->state);
}

/* --- Messages --- */

/* Until all of it is in the socket. */
static int flush(const Link *link, Side *side) {
        uint64_t queued;
        int r;

        for (;;) {
                r = sd_bus_get_n_queued_write(side->bus, &queued);
                if (r < 0 || queued == 0)
                        return r;
                r = side_process(side);
                if (r < 0)
                        return r;
                if (r == 0 && link->wait != WAIT_SPIN)
                        (void)sd_bus_wait(side->bus, UINT64_MAX);
        }
}

static int send_one(Link *link, Side *side, const void *data, size_t size) {
        CLEANUP_BUS_MESSAGE sd_bus_message *message = NULL;
        int r;

        if (size > link->message_max)
                return -EMSGSIZE;
        r = sd_bus_message_new_method_call(
                side->bus, &message, side->peer[0] ? side->peer : NULL, LINK_PATH, LINK_INTERFACE, LINK_MEMBER);
        if (r >= 0)
                r = sd_bus_message_append_array(message, 'y', data, size);
        if (r >= 0)
                r = sd_bus_message_set_expect_reply(message, false);
        if (r >= 0)
                r = sd_bus_send(side->bus, message, NULL);
        return r == -ECONNRESET || r == -ENOTCONN ? -EPIPE : r < 0 ? r : 0;
}

static int link_send(Link *link, const void *data, size_t size) {
        Side *side = link->state;
        int r;

        if (side->gone)
                return -EPIPE;
        r = send_one(link, side, data, size);
        return r < 0 ? r : flush(link, side);
}

/* sd-bus would queue what the socket does not take, so it is asked before. A message goes in as long as what is in the
 * socket is less than its buffer (unix_stream_sendmsg() in net/unix/af_unix.c); a large one is finished, waiting. */
static int link_try_send(Link *link, const void *data, size_t size) {
        int r, queued, room, fd;
        socklen_t length = sizeof(room);
        Side *side = link->state;

        if (side->gone)
                return -EPIPE;
        fd = sd_bus_get_fd(side->bus);
        if (fd < 0)
                return -EPIPE;
        if (ioctl(fd, SIOCOUTQ, &queued) < 0 || getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, &length) < 0)
                return -errno;
        if (queued >= room)
                return -EAGAIN;
        r = send_one(link, side, data, size);
        return r < 0 ? r : flush(link, side);
}

static ssize_t take_message(Side *side, void *buffer, size_t size) {
        CLEANUP_BUS_MESSAGE sd_bus_message *message = inbox_take(side);
        const void *data;
        size_t length;
        int r;

        r = sd_bus_message_read_array(message, 'y', &data, &length);
        if (r < 0)
                return r;
        if (length > size)
                return -EMSGSIZE;
        if (length > 0)
                memcpy(buffer, data, length);
        return (ssize_t)length;
}

static ssize_t link_receive(Link *link, void *buffer, size_t size) {
        Side *side = link->state;
        int r;

        while (side->n == 0) {
                r = side_process(side);
                if (r == -EPIPE && side->n == 0)
                        return 0;
                if (r < 0 && r != -EPIPE)
                        return r;
                if (r == 0 && link->wait != WAIT_SPIN)
                        (void)sd_bus_wait(side->bus, UINT64_MAX);
        }
        return take_message(side, buffer, size);
}

static int link_wait_readable(Link *link, uint64_t timeout_usec) {
        uint64_t end = monotonic_end(timeout_usec), now;
        Side *side = link->state;
        int r;

        while (side->n == 0) {
                r = side_process(side);
                if (r < 0)
                        return r == -EPIPE ? 0 : r;
                if (r > 0 || side->n > 0)
                        continue;
                now = monotonic_now();
                if (now >= end)
                        return -ETIMEDOUT;
                r = sd_bus_wait(side->bus, end == UINT64_MAX ? end : end - now);
                if (r < 0 && r != -EINTR)
                        return r;
        }
        return 0;
}

static int link_poll_fd(const Link *link) {
        return sd_bus_get_fd(((const Side *)link->state)->bus);
}

sd_bus *dbus_link_bus(const Link *link) {
        return ((const Side *)link->state)->bus;
}

int dbus_link_sender(Link *link, char *ret, size_t size) {
        CLEANUP_BUS_MESSAGE sd_bus_message *message = NULL;
        Side *side = link->state;
        const char *sender;
        int r;

        r = link_wait_readable(link, BUS_PATIENCE_USEC);
        if (r < 0 || side->n == 0)
                return r < 0 ? r : -EPIPE;
        message = inbox_take(side);
        sender = sd_bus_message_get_sender(message);
        (void)snprintf(ret, size, "%s", sender ? sender : "");
        return 0;
}

static ssize_t link_try_receive(Link *link, void *buffer, size_t size) {
        Side *side = link->state;
        int r = 1;

        while (side->n == 0 && r > 0)
                r = side_process(side);
        if (side->n > 0)
                return take_message(side, buffer, size);
        return r == -EPIPE ? 0 : r < 0 ? r : -EAGAIN;
}

/* A connection has no half that could end alone. */
static void link_close_direction(Link *link, bool sending) {
        Side *side = link->state;

        (void)sd_bus_flush(side->bus);
        sd_bus_close(side->bus);
        side->gone = true;
}

#define COMMON_OPERATIONS                                                                                            \
        .boundaries = true, .executed = true, .send = link_send, .receive = link_receive, .try_send = link_try_send, \
        .try_receive = link_try_receive, .wait_readable = link_wait_readable, .poll_fd = link_poll_fd,               \
        .buffered = true, .close_direction = link_close_direction, .detach = link_detach, .teardown = link_teardown

const Transport dbus_direct_transport = {
        .variant = "direct",
        .message_max = DIRECT_MAX,
        .setup = direct_setup,
        .attach = direct_attach,
        COMMON_OPERATIONS,
};

const Transport dbus_daemon_transport = {
        .variant = "daemon",
        .delayed = true,
        .message_max = DAEMON_MAX,
        .setup = daemon_setup,
        .attach = daemon_attach,
        COMMON_OPERATIONS,
};
