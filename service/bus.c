/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The two ways to be reached. On a bus the order is: interfaces, then the name, then calls are taken, so that nobody
 * can call what is not there. Peer to peer there is neither a name nor a bus: the socket is one end of a pair that the
 * client made, and this end is the server of the D-Bus handshake. */
#include "bus.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bus-cleanup.h"
#include "jobs.h"
#include "object-bus.h"
#include "protocol.h"

enum { NAME_OWNED = 1 }; /* DBUS_REQUEST_NAME_REPLY_PRIMARY_OWNER of the D-Bus specification */

static int check_peer(int fd, Error *error) {
        struct ucred peer;
        socklen_t size = sizeof(peer);

        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
                return error_set_errno(error, errno, "Descriptor %d is not one end of a UNIX socket pair", fd);
        if (peer.uid != geteuid() && peer.uid != 0)
                return error_set(error, ERROR_NOT_PERMITTED,
                        "At the other end of descriptor %d is the user %u; this service works for the user %u.", fd,
                        (unsigned)peer.uid, (unsigned)geteuid());
        return 0;
}

/* Whoever holds the other end was checked, so the handshake need not ask for more (anonymous). */
static int serve_peer(Manager *manager, int fd, Error *error) {
        sd_id128_t id;
        int r;

        r = check_peer(fd, error);
        if (r < 0)
                return r;
        r = sd_bus_new(&manager->bus);
        if (r >= 0)
                r = sd_bus_set_fd(manager->bus, fd, fd);
        if (r >= 0)
                r = sd_id128_randomize(&id);
        if (r >= 0)
                r = sd_bus_set_server(manager->bus, true, id);
        if (r >= 0)
                r = sd_bus_set_anonymous(manager->bus, true);
        if (r >= 0)
                r = sd_bus_negotiate_fds(manager->bus, true);
        if (r >= 0)
                r = sd_bus_start(manager->bus);
        return r < 0 ? error_set_errno(error, r, "Descriptor %d cannot be served", fd) : 0;
}

/* A client may write its first call right behind the end of the handshake. Then both are read at once, the call stays
 * in the buffer of the library, and no descriptor becomes ready for it: look there once when the handshake is done. */
static int handshake_done(sd_event_source *source, void *userdata) {
        Manager *manager = userdata;
        int r;

        r = sd_bus_is_ready(manager->bus);
        if (r == 0)
                return 0;
        while (r > 0)
                r = sd_bus_process(manager->bus, NULL);
        return sd_event_source_set_enabled(source, SD_EVENT_OFF);
}

int bus_attach(Manager *manager) {
        int r;

        r = sd_bus_attach_event(manager->bus, manager->event, SD_EVENT_PRIORITY_NORMAL);
        if (r < 0 || !manager->peer_to_peer)
                return r;
        return sd_event_add_post(manager->event, NULL, handshake_done, manager);
}

int bus_connect(Manager *manager, int fd, Error *error) {
        int r;

        manager->peer_to_peer = fd >= 0;
        if (fd >= 0)
                return serve_peer(manager, fd, error);
        r = sd_bus_open_user(&manager->bus);
        if (r < 0)
                return error_set_errno(error, r,
                        "There is no session bus to connect to; start one (dbus-run-session), or use ipcctl "
                        "--embedded");
        return 0;
}

int bus_register(Manager *manager, Error *error) {
        int r;

        r = manager_bus_register(manager);
        if (r >= 0)
                r = object_bus_register(manager);
        if (r >= 0)
                r = jobs_bus_register(manager->jobs, manager);
        return r < 0 ? error_set_errno(error, r, "The interfaces of the service cannot be offered") : 0;
}

static int on_name_reply(sd_bus_message *reply, void *userdata, sd_bus_error *ret_error) {
        Manager *manager = userdata;
        uint32_t answer = 0;
        int r;

        r = sd_bus_message_is_method_error(reply, NULL) ? -EIO : sd_bus_message_read(reply, "u", &answer);
        if (r >= 0 && answer == NAME_OWNED)
                return 0;
        fprintf(stderr, "ipcbusd: %s\n",
                r >= 0 ? "Another service has the name " IPCBUS_BUS_NAME " on this bus."
                       : "The name " IPCBUS_BUS_NAME " cannot be owned.");
        return sd_event_exit(manager->event, r >= 0 ? EXIT_SUCCESS : EXIT_FAILURE);
}

/* Until the handshake is over a request would wait behind it. Nobody knows this connection yet, so nothing is
 * dispatched here but the bus's own answer. */
int bus_own_name(Manager *manager, Error *error) {
        int r;

        while ((r = sd_bus_is_ready(manager->bus)) == 0) {
                r = sd_bus_process(manager->bus, NULL);
                if (r == 0)
                        r = sd_bus_wait(manager->bus, UINT64_MAX);
                if (r < 0)
                        break;
        }
        if (r >= 0)
                r = sd_bus_request_name_async(manager->bus, NULL, IPCBUS_BUS_NAME, 0, on_name_reply, manager);
        return r < 0 ? error_set_errno(error, r, "The name %s cannot be owned", IPCBUS_BUS_NAME) : 0;
}

/* The first address, without the identity of the server: that one is in the address that dbus-daemon(1) gives to what
 * it activates, and not in the one that a service manager gives. */
int bus_instance(Manager *manager, char **ret) {
        const char *address;
        char *instance, *end;
        int r;

        r = sd_bus_get_address(manager->bus, &address);
        if (r < 0)
                return r;
        instance = strndup(address, strcspn(address, ";"));
        if (!instance)
                return -ENOMEM;
        end = strstr(instance, ",guid=");
        if (end) {
                char *rest = end + 1 + strcspn(end + 1, ",");

                memmove(end, rest, strlen(rest) + 1);
        }
        *ret = instance;
        return 0;
}
