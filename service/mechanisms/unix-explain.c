/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Why a UNIX socket can or cannot be connected to, beside the rights on its path: who is bound there, of which type,
 * and whether there is room. Nobody is connected to. Owns nothing. See unix(7). */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "explain-held.h"
#include "sock-diag.h"
#include "unix-address.h"

enum { DAY = 24 * 60 * 60 };

#define BACKLOG_ADVICE "its program has to accept(2), or to listen(2) with more (at most /proc/sys/net/core/somaxconn)"

typedef struct NameTrial {
        struct sockaddr_un name;
        socklen_t length;
} NameTrial;

/* Of datagram sockets: connecting reaches nobody, and poll(2) then tells whether the far end has room
 * (unix_dgram_poll() in net/unix/af_unix.c). */
static int try_room(void *userdata, Error *error) {
        const NameTrial *trial = userdata;
        CLEANUP_FD int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        struct pollfd room = { .fd = fd, .events = POLLOUT };

        if (fd < 0 || connect(fd, (const struct sockaddr *)&trial->name, trial->length) < 0)
                return -errno;
        if (poll(&room, 1, 0) > 0 && room.revents & POLLOUT)
                return 0;
        error_set(error, ERROR_LIMIT_EXCEEDED,
                "The queue of that socket is full (/proc/sys/net/unix/max_dgram_qlen): who sends waits, or gets "
                "EAGAIN.");
        return -EAGAIN;
}

static bool is_at(const UnixSocket *socket, const Address *address, const struct stat *st) {
        if (address->form == ADDRESS_PATH)
                return st && !socket->abstract && socket->file_inode == st->st_ino &&
                       socket->file_device == st->st_dev;
        return socket->abstract && socket->name && socket->name_length == address->length &&
               memcmp(socket->name, address->text, address->length) == 0 &&
               socket->type == unix_type_of(address->kind);
}

/* A listening socket, rather than one that it accepted: those have the same name. */
static const UnixSocket *find(const UnixSockets *sockets, const Address *address, const struct stat *st) {
        const UnixSocket *found = NULL;

        for (size_t i = 0; i < sockets->n; i++)
                if (is_at(&sockets->items[i], address, st) && (!found || found->state == SOCKET_CONNECTED))
                        found = &sockets->items[i];
        return found;
}

static void explain_nobody(const Address *address, Explanation *explanation) {
        UnixOccupant occupant = UNIX_NOBODY;

        if (address->form == ADDRESS_ABSTRACT) {
                explain_missing(explanation, ECONNREFUSED, "who is at", explanation->what,
                        "No socket of this type is bound to %s in this network namespace (ECONNREFUSED).",
                        explanation->what);
                explain_making(explanation);
                explain_ok(explanation, "rights on", explanation->what,
                        "An abstract name takes no rights: everybody in this network namespace may bind it "
                        "(unix(7)).");
                explain_use(explanation, NULL);
        } else if (unix_occupant(address, &occupant) >= 0 && occupant != UNIX_NOBODY)
                explain_ok(explanation, "who is at", explanation->what,
                        "A socket of another network namespace is bound to it: a path reaches that too (unix(7)); "
                        "whether it listens cannot be seen from here.");
        else if (!explanation->missing)
                explain_blocked(explanation, ECONNREFUSED,
                        "start the program that listens there; it has to remove the file before it binds (unlink(2))",
                        "who is at", explanation->what,
                        "Nobody is bound to that path: the file was left by a socket that is gone (stale), and "
                        "connecting "
                        "gives ECONNREFUSED.");
}

static void explain_state(const UnixSocket *socket, int type, Explanation *explanation) {
        const char *what = explanation->what;

        if (socket->type != type) {
                explain_blocked(explanation, EPROTOTYPE, "use the kind that it is", "type of", what,
                        "The socket there is of the kind %s, and a socket of another type cannot reach it "
                        "(EPROTOTYPE).",
                        unix_kind_of(socket->type));
                return;
        }
        if (type == SOCK_DGRAM) {
                explain_ok(explanation, "who is at", what, "The socket [%" PRIu32 "] is bound to it, and %s.",
                        socket->inode, socket_state_name(socket->state));
                return;
        }
        if (socket->state != SOCKET_LISTENING) {
                explain_blocked(explanation, ECONNREFUSED, "its program has to call listen(2)", "who is at", what,
                        "The socket [%" PRIu32 "] is bound to it and does not listen: connecting gives ECONNREFUSED.",
                        socket->inode);
                return;
        }
        explain_ok(explanation, "who is at", what, "The socket [%" PRIu32 "] listens there.", socket->inode);
        /* unix_recvq_full() of net/unix/af_unix.c. */
        if (socket->queued > socket->backlog)
                explain_blocked(explanation, EAGAIN, BACKLOG_ADVICE, "backlog of", what,
                        "The backlog is full: %" PRIu32 " connections wait to be accepted, of %" PRIu32
                        " and one (sock_diag(7)); who connects waits, or gets EAGAIN.",
                        socket->queued, socket->backlog);
        else
                explain_ok(explanation, "backlog of", what,
                        "%" PRIu32 " connections wait to be accepted, of %" PRIu32 " and one (sock_diag(7)).",
                        socket->queued, socket->backlog);
}

static bool later(const struct timespec *a, const struct timespec *b) {
        return a->tv_sec > b->tv_sec || (a->tv_sec == b->tv_sec && a->tv_nsec > b->tv_nsec);
}

static bool used_lately(const struct stat *st) {
        return later(&st->st_atim, &st->st_mtim) && later(&st->st_atim, &st->st_ctim) &&
               st->st_atim.tv_sec + DAY > time(NULL);
}

static void explain_name(const Address *address, Explanation *explanation) {
        CLEANUP(unix_sockets_freep) UnixSockets *sockets = NULL;
        bool is_path = address->form == ADDRESS_PATH;
        int type = unix_type_of(address->kind);
        const UnixSocket *socket;
        NameTrial trial;
        Error error = {};
        struct stat st;
        bool found;

        if (!is_path)
                explain_use(explanation, type == SOCK_DGRAM ? "send to" : "connect to");
        explain_use(explanation, NULL);
        found = is_path && stat(address->text, &st) >= 0;
        if (unix_sockets_new(&sockets, &error) < 0) {
                explain_unknown(explanation, "who is at", explanation->what, "%s", error.message);
                return;
        }
        if (found && !S_ISSOCK(st.st_mode)) {
                explain_blocked(explanation, ECONNREFUSED, NULL, "type of", explanation->what,
                        "What stands at %s is no socket, and connecting to it gives ECONNREFUSED.", address->text);
                return;
        }
        socket = find(sockets, address, found ? &st : NULL);
        if (!socket)
                explain_nobody(address, explanation);
        else
                explain_state(socket, type, explanation);
        if (!socket || type != SOCK_DGRAM || socket->type != type ||
                unix_address_to_name(address, &trial.name, &trial.length, &error) < 0)
                return;
        /* Connecting to a path sets the time at which its file was used last, not more often than these rules of
         * mount(8) (relatime) say; what was sent to today can be asked for free. */
        if (found && !used_lately(&st)) {
                explain_ok(explanation, "room in", explanation->what,
                        "Nobody has connected to it since it was made, or for a day: that its queue is full is not "
                        "likely.");
                return;
        }
        explain_use(explanation, is_path ? "connect to" : "send to");
        (void)explain_try(explanation, explanation->what, try_room, &trial);
        explain_use(explanation, NULL);
}

int unix_explain(const Address *address, Explanation *explanation) {
        HolderKey key = { .type = HOLDER_SOCKET, .number = address->number };

        if (address->form == ADDRESS_INODE)
                return explain_held(explanation, &key, 1, FETCH_DUPLICATE, 0, explanation->what);
        explain_descriptor(explanation);
        explain_namespace(explanation, "net");
        explain_name(address, explanation);
        return 0;
}
