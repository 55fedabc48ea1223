/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Why an Internet socket can or cannot be reached, and who could bind one there. Nothing is sent: connect(2) of a
 * datagram socket only looks for a route. Owns nothing. */
#include <errno.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "explain-held.h"
#include "inet-socket.h"
#include "limit-facts.h"

#define UNPRIVILEGED_PORTS "/proc/sys/net/ipv4/ip_unprivileged_port_start"
#define CLEANUP_SOCKETS    CLEANUP(inet_sockets_freep)

typedef struct NameTrial {
        const InetKind *kind;
        InetName name;
} NameTrial;

static int try_route(void *userdata, Error *error) {
        const NameTrial *trial = userdata;
        CLEANUP_FD int fd = socket(trial->name.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        InetName name = trial->name;

        (void)error;
        if (inet_name_port(&name) == 0)
                inet_name_set_port(&name, 9);
        if (fd < 0)
                return -errno;
        return connect(fd, &name.any, inet_name_size(&name)) < 0 ? -errno : 0;
}

static int try_socket(void *userdata, Error *error) {
        const NameTrial *trial = userdata;
        CLEANUP_FD int fd = socket(
                trial->name.any.sa_family, trial->kind->type | SOCK_CLOEXEC, inet_name_port(&trial->name));

        (void)error;
        return fd < 0 ? -errno : 0;
}

/* Any port of the host, as taking the one itself could be in somebody's way. */
static int try_bind(void *userdata, Error *error) {
        const NameTrial *trial = userdata;
        CLEANUP_FD int fd = socket(trial->name.any.sa_family, trial->kind->type | SOCK_CLOEXEC, 0);
        InetName name = trial->name;

        (void)error;
        inet_name_set_port(&name, 0);
        if (fd < 0)
                return -errno;
        return bind(fd, &name.any, inet_name_size(&name)) < 0 ? -errno : 0;
}

static void explain_port(Explanation *explanation, const InetName *name) {
        uint64_t first = limit_read(UNPRIVILEGED_PORTS, 1024);
        unsigned port = inet_name_port(name);

        if (port >= first || port == 0)
                explain_ok(explanation, "port of", explanation->what,
                        "Port %u may be bound by everybody: " UNPRIVILEGED_PORTS " is %" PRIu64 ".", port, first);
        else if (access_user_can(&explanation->user, CAP_NET_BIND_SERVICE))
                explain_ok(explanation, "port of", explanation->what,
                        "Port %u is below %" PRIu64 " (" UNPRIVILEGED_PORTS
                        "), and the capability for that is there: CAP_NET_BIND_SERVICE.",
                        port, first);
        else
                explain_blocked(explanation, EACCES, "take a higher port, or lower that setting", "port of",
                        explanation->what,
                        "Port %u is below %" PRIu64 " (" UNPRIVILEGED_PORTS
                        "): binding it takes CAP_NET_BIND_SERVICE, which %s does not have.",
                        port, first, explanation->user.name);
}

static void explain_making_one(const InetKind *kind, const InetName *name, bool local, Explanation *explanation) {
        NameTrial trial = { .kind = kind, .name = *name };

        explain_making(explanation);
        if (!local)
                explain_judged(explanation, EADDRNOTAVAIL, "choose an address that ip addr shows", "address of",
                        explanation->what, "No interface of this network namespace has that address.");
        explain_port(explanation, name);
        (void)explain_try(explanation, "any free port of its host", try_bind, &trial);
        explain_use(explanation, NULL);
}

/* Who would get it: the kernel's tables say. */
static void explain_owner(const InetKind *kind, const InetName *name, Explanation *explanation) {
        CLEANUP_SOCKETS InetSockets *sockets = NULL;
        const char *what = explanation->what;
        const InetSocket *socket;
        Error error = {};

        if (inet_sockets_new(kind->protocol, INET_STATES_ALL, inet_name_port(name), &sockets, &error) < 0) {
                explain_unknown(explanation, "who is at", what, "%s", error.message);
                return;
        }
        socket = inet_sockets_bound(sockets, name);
        if (!socket) {
                explain_missing(explanation, ECONNREFUSED, "who is at", what,
                        kind == &inet_tcp ? "Nobody listens at %s in this network namespace (ECONNREFUSED)."
                                          : "No socket of this network namespace is bound to %s (ECONNREFUSED).",
                        what);
                explain_making_one(kind, name, true, explanation);
        } else if (kind == &inet_tcp && socket->state != TCP_LISTEN)
                explain_blocked(explanation, ECONNREFUSED, "its program has to call listen(2)", "who is at", what,
                        "The socket [%" PRIu64 "] of user %u is bound to it and does not listen: it is %s.",
                        socket->inode, socket->uid, inet_state_name(socket->state));
        else
                explain_ok(explanation, "who is at", what, "The socket [%" PRIu64 "] of user %u is bound to it: %s.",
                        socket->inode, socket->uid, inet_state_name(socket->state));
        /* sk_acceptq_is_full() of include/net/sock.h. */
        if (!socket || kind != &inet_tcp || socket->state != TCP_LISTEN || socket->backlog == 0)
                return;
        if (socket->queued > socket->backlog)
                explain_blocked(explanation, ETIMEDOUT, "its program has to accept(2), or to listen(2) with more",
                        "backlog of", what,
                        "The backlog is full: %u connections wait to be accepted, of %u and one (sock_diag(7)); who "
                        "connects now waits, and in the end gets ETIMEDOUT.",
                        socket->queued, socket->backlog);
        else
                explain_ok(explanation, "backlog of", what,
                        "%u connections wait to be accepted, of %u and one (sock_diag(7)).", socket->queued,
                        socket->backlog);
}

static void explain_raw(const InetName *name, Explanation *explanation) {
        NameTrial trial = { .kind = &inet_raw, .name = *name };

        if (access_user_can(&explanation->user, CAP_NET_RAW))
                explain_ok(explanation, "capability for", explanation->what,
                        "A raw socket takes CAP_NET_RAW (raw(7)), which is there.");
        else
                explain_judged(explanation, EPERM, "ask as root, or give the program that capability (setcap(8))",
                        "capability for", explanation->what,
                        "A raw socket, to send or to receive, takes CAP_NET_RAW (raw(7)), which %s does not have.",
                        explanation->user.name);
        (void)explain_try(explanation, "socket(2)", try_socket, &trial);
}

/* Packets of a protocol that nobody takes are refused by the host, which says so. */
static void explain_protocol(const InetName *name, Explanation *explanation) {
        KernelObject object = KERNEL_OBJECT_EMPTY;
        Error error = {};

        if (inet_address_from_name("raw", name, &object.address) >= 0 && inet_open(&inet_raw, &object, &error) < 0 &&
                error.code == ERROR_NO_SUCH_OBJECT)
                explain_missing(explanation, ENOPROTOOPT, "who is at", explanation->what, "%s", error.message);
        address_done(&object.address);
}

static void explain_host(const InetKind *kind, const InetName *name, Explanation *explanation) {
        NameTrial trial = { .kind = kind, .name = *name };
        bool local = inet_name_is_local(name);
        const char *what = explanation->what;
        Error error = {};
        int r;

        explain_use(explanation, kind == &inet_tcp ? "connect to" : "send to");
        if (kind == &inet_raw)
                explain_raw(name, explanation);
        /* socket(2) looks at the capability before it takes a descriptor. */
        explain_descriptor(explanation);
        if (!local)
                explain_unknown(explanation, "address of", what,
                        "The host is not of this network namespace: who is there cannot be seen from here.");
        else if (inet_loopback_check(&error) < 0)
                explain_blocked(explanation, ENETUNREACH, NULL, "loopback", NULL, "%s", error.message);
        else
                explain_ok(explanation, "loopback", NULL, "The host is one of this network namespace, and lo is up.");
        if (kind != &inet_raw || access_user_can(&explanation->user, CAP_NET_RAW)) {
                r = explain_try(explanation, "the route", try_route, &trial);
                if (r == -ENETUNREACH)
                        explain_judged(explanation, ENETUNREACH, "see: ip route get", "route to", what,
                                "This network namespace has no route to it.");
                /* What is sent goes out whoever is there; a connection needs somebody. */
                if (r >= 0 && !local && kind == &inet_tcp)
                        explain_tried_in_part(explanation);
        }
        explain_use(explanation, NULL);
        if (local && kind == &inet_raw)
                explain_protocol(name, explanation);
        else if (local)
                explain_owner(kind, name, explanation);
        explain_ok(explanation, "filter", NULL,
                "What a firewall does cannot be seen from here; it can refuse or drop all of it, also later.");
}

static int explain_number(const Address *address, Explanation *explanation) {
        HolderKey key = { .type = HOLDER_SOCKET, .number = address->number };

        return explain_held(explanation, &key, 1, FETCH_DUPLICATE, 0, explanation->what);
}

int inet_explain(const InetKind *kind, const Address *address, Explanation *explanation) {
        CLEANUP(address_done) Address numeric = ADDRESS_EMPTY;
        Error error = {};
        InetName name;
        int r, fd = -EBADF;

        if (address->form == ADDRESS_INODE)
                return explain_number(address, explanation);
        explain_namespace(explanation, "net");
        r = address_copy(address, &numeric);
        if (r < 0)
                return r;
        if (inet_needs_fetch(&numeric)) {
                explain_now(explanation, "look up", address->text);
                r = inet_fetch(&numeric, NULL, &fd, &error);
        }
        if (r >= 0)
                r = inet_address_to_name(&numeric, &name, &error);
        if (r < 0) {
                explain_blocked(explanation, -r, NULL, "name of", explanation->what, "%s", error.message);
                return 0;
        }
        explain_host(kind, &name, explanation);
        return 0;
}
