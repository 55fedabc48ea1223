/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who may do what. Everything runs with the rights of the service's own user, so the question is whether the caller
 * is whoever the thing belongs to (or root, who could take the right anyway).
 *
 * The caller's user is that of the process at the other end of the socket, which the kernel tells without asking
 * anybody (SO_PEERCRED, socket(7)). Peer to peer that is the caller itself. On a session bus it is the bus, which runs
 * as its user and admits that user alone: its configuration has only <auth>EXTERNAL</auth> (session.conf of
 * dbus-daemon(1)), which compares the credentials of the socket, and without a policy for others it lets connect
 * only the user that it runs as, and root. To ask it for the sender's user at each call would be a blocking call in a
 * handler that can give no other answer. */
#include "authorise.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

uid_t caller_uid(sd_bus_message *message) {
        struct ucred peer;
        socklen_t size = sizeof(peer);
        int fd;

        fd = sd_bus_get_fd(sd_bus_message_get_bus(message));
        if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
                return (uid_t)-1;
        return peer.uid;
}

pid_t caller_pid(sd_bus_message *message) {
        sd_bus_creds *creds = NULL;
        struct ucred peer;
        socklen_t size = sizeof(peer);
        pid_t pid = 0;
        int fd;

        if (sd_bus_message_get_sender(message)) {
                if (sd_bus_query_sender_creds(message, SD_BUS_CREDS_PID, &creds) < 0 ||
                        sd_bus_creds_get_pid(creds, &pid) < 0)
                        pid = 0;
                sd_bus_creds_unref(creds);
                return pid;
        }
        fd = sd_bus_get_fd(sd_bus_message_get_bus(message));
        if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
                return 0;
        return peer.pid;
}

int authorise(sd_bus_message *message, uid_t owner, Error *error) {
        uid_t uid = caller_uid(message);

        if (uid == owner || uid == 0)
                return 0;
        if (uid == (uid_t)-1)
                return error_set(error, ERROR_NOT_PERMITTED,
                        "The service cannot tell who is calling, so it does nothing for this connection.");
        return error_set(error, ERROR_NOT_PERMITTED,
                "What was asked for belongs to the user %u and the caller is the user %u; use a service of your own.",
                (unsigned)owner, (unsigned)uid);
}
