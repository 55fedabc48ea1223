/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "socket-checks.h"

/* Checks of what socket(7), recv(2), accept(2) and signal(7) say of all sockets. A Joint is two sockets of the judge
 * that are joined: what is sent over the one is received at the other. Peers get either. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cleanup.h"
#include "inet-checks.h"
#include "inet-socket.h"
#include "inet-transport.h"
#include "limit-facts.h"
#include "units.h"
#include "unix-address.h"
#include "unix-checks.h"

enum {
        OWN = PEER_SLOT,
        BURSTS = 40,
        LONG_USEC = 60 * 1000 * 1000,
        IPV4_HEADER = 20, /* which a raw socket receives, too */
        HUGE_BUFFER = 1 << 30,
        ROOM = 256 * 1024,
};

typedef struct Joint {
        int server, sending, receiving; /* receiving may be server */
        char text[CHECK_PATH_MAX];      /* where server is bound */
} Joint;

#define JOINT_EMPTY \
        { .server = -EBADF, .sending = -EBADF, .receiving = -EBADF }

static bool is_unix(const CheckRun *run) {
        return unix_check_type(run) >= 0;
}

static int kind_type(const CheckRun *run) {
        const struct InetKind *kinds[] = { &inet_tcp, &inet_udp, &inet_raw };

        for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
                if (strcmp(run->mechanism->kind, kinds[i]->kind) == 0)
                        return kinds[i]->type;
        return unix_check_type(run);
}

static bool has_connections(const CheckRun *run) {
        return kind_type(run) == SOCK_STREAM || kind_type(run) == SOCK_SEQPACKET;
}

static int header_of(const CheckRun *run) {
        return kind_type(run) == SOCK_RAW ? IPV4_HEADER : 0;
}

static void joint_done(Joint *joint) {
        if (joint->text[0] == '/')
                (void)unlink(joint->text);
        if (joint->receiving != joint->server)
                joint->receiving = fd_close(joint->receiving);
        joint->sending = fd_close(joint->sending);
        joint->server = fd_close(joint->server);
}

static int64_t name_bind(const CheckRun *run, int fd, const char *text) {
        return is_unix(run) ? socket_bind(fd, text) : sock_bind(fd, text);
}

static int64_t name_connect(const CheckRun *run, int fd, const char *text) {
        return is_unix(run) ? socket_connect(fd, text) : sock_connect(fd, text);
}

static bool open_one(CheckRun *run, int *ret) {
        int type = kind_type(run);

        *ret = socket(is_unix(run) ? AF_UNIX : AF_INET, type | SOCK_CLOEXEC, type == SOCK_RAW ? INET_RAW_PROTOCOL : 0);
        if (*ret < 0 && type == SOCK_RAW)
                return check_need_said(
                        run, "a raw socket needs CAP_NET_RAW, which this process does not have", -errno);
        return check_need(run, "socket", *ret < 0 ? -errno : 0);
}

/* A path, a port of the kernel's choice, or for raw sockets, which share their addresses, one that is drawn by lot. */
static bool bind_one(CheckRun *run, Joint *joint) {
        InetName own = { .v4 = { .sin_family = AF_INET, .sin_addr = inet_address_by_lot() } };
        Sock looked = SOCK_EMPTY;
        int r = 0;

        if (is_unix(run))
                r = check_path(run, 0, joint->text);
        else if (kind_type(run) == SOCK_RAW)
                sock_print(&own, joint->text);
        else
                (void)snprintf(joint->text, sizeof joint->text, "127.0.0.1:0");
        if (!check_need(run, "a path", r) || !check_need(run, "bind", name_bind(run, joint->server, joint->text)))
                return false;
        if (is_unix(run))
                return true;
        looked.fd = joint->server;
        if (!sock_look(run, &looked))
                return false;
        (void)snprintf(joint->text, sizeof joint->text, "%s", looked.text);
        return true;
}

static bool joint_bind(CheckRun *run, Joint *joint) {
        return open_one(run, &joint->server) && bind_one(run, joint) &&
               (!has_connections(run) || check_expect(run, "listen", listen(joint->server, 4) < 0 ? -errno : 0, 0));
}

static bool joint_accept(CheckRun *run, Joint *joint) {
        struct pollfd p = { .fd = joint->server, .events = POLLIN };

        if (!check_expect(run, "a connection waits", poll(&p, 1, CHECK_PATIENCE_USEC / 2000), 1))
                return false;
        joint->receiving = accept4(joint->server, NULL, NULL, SOCK_CLOEXEC);
        return check_expect(run, "accept", joint->receiving < 0 ? -errno : 0, 0);
}

static bool joint_make(CheckRun *run, Joint *joint) {
        if (!joint_bind(run, joint) || !open_one(run, &joint->sending) ||
                !check_expect(run, "connect", name_connect(run, joint->sending, joint->text), 0))
                return false;
        joint->receiving = joint->server;
        return !has_connections(run) || joint_accept(run, joint);
}

static bool is_of_others(const CheckRun *run, int fd, const void *packet, size_t size) {
        return header_of(run) > 0 && !sock_is_to(fd, packet, size);
}

/* Waits for what has to come; without the header. */
static int64_t receive_at(const CheckRun *run, int fd, int flags) {
        struct pollfd p = { .fd = fd, .events = POLLIN };
        char buffer[SOCKET_BURST_SIZE + IPV4_HEADER];
        ssize_t n;

        for (;;) {
                if (!(flags & MSG_DONTWAIT))
                        (void)poll(&p, 1, CHECK_PATIENCE_USEC / 2000);
                n = recv(fd, buffer, sizeof buffer, flags | MSG_DONTWAIT);
                if (n < 0 || !is_of_others(run, fd, buffer, (size_t)n))
                        break;
                if (flags & MSG_PEEK)
                        (void)recv(fd, buffer, sizeof buffer, MSG_DONTWAIT);
        }
        return n < 0 ? -errno : n < header_of(run) ? n : n - header_of(run);
}

/* --- Checks --- */

CheckResult socket_check_peek(CheckRun *run) {
        CLEANUP(joint_done) Joint joint = JOINT_EMPTY;
        CheckProcess *peer;

        if (!joint_make(run, &joint) || peer_start(run, 0, &joint.sending, 1, &peer) < 0 ||
                !check_expect(run, "peek at an empty one", receive_at(run, joint.receiving, MSG_PEEK | MSG_DONTWAIT),
                        -EAGAIN) ||
                !check_expect(run, "write by the peer", peer_call(run, peer, "write", 0, 7, 'x'), 7) ||
                !check_expect(run, "peek", receive_at(run, joint.receiving, MSG_PEEK), 7) ||
                !check_expect(run, "peek again", receive_at(run, joint.receiving, MSG_PEEK), 7) ||
                !check_expect(run, "receive", receive_at(run, joint.receiving, 0), 7) ||
                !check_expect(run, "peek then", receive_at(run, joint.receiving, MSG_PEEK | MSG_DONTWAIT), -EAGAIN))
                return CHECK_FAILED;
        return check_ok(run, "7 bytes: seen twice with MSG_PEEK, then received; empty before and after: EAGAIN");
}

CheckResult socket_check_receive_timeout(CheckRun *run) {
        CLEANUP(joint_done) Joint joint = JOINT_EMPTY;
        CheckProcess *peer;
        PeerReply reply;

        if (!joint_make(run, &joint) || peer_start(run, 0, &joint.receiving, 1, &peer) < 0 ||
                !check_expect(run, "SO_RCVTIMEO", peer_call(run, peer, "time-out", 0, CHECK_TIMEOUT_USEC), 0) ||
                !check_expect(
                        run, "receive", peer_call_full(run, peer, &(PeerCall){ "timed-receive" }, &reply), -EAGAIN) ||
                !check_expect(run, "it came early", reply.x < CHECK_TIMEOUT_USEC, 0) ||
                !check_expect(run, "send", send(joint.sending, "x", 1, MSG_NOSIGNAL), 1) ||
                !check_expect(run, "receive then", peer_call(run, peer, "timed-receive"), 1))
                return CHECK_FAILED;
        return check_ok(run, "asked for %d us: EAGAIN after %lld; with something there: at once", CHECK_TIMEOUT_USEC,
                (long long)reply.x);
}

/* signal(7): with a time-out of its own set, a socket's call is never restarted. */
CheckResult socket_check_timeout_interrupted(CheckRun *run) {
        CLEANUP(joint_done) Joint joint = JOINT_EMPTY;
        CheckProcess *peer;

        if (!joint_make(run, &joint) || peer_start(run, 0, &joint.receiving, 1, &peer) < 0 ||
                !check_expect(run, "SA_RESTART", peer_call(run, peer, "handle", SIGUSR1, SA_RESTART), 0) ||
                !check_expect(run, "SO_RCVTIMEO", peer_call(run, peer, "time-out", 0, LONG_USEC), 0) ||
                peer_begin(run, peer, &(PeerCall){ "timed-receive" }) < 0 ||
                !check_sleeps(run, peer, "the receiver") ||
                !check_expect(run, "signal", check_kill(run, peer, SIGUSR1), 0) ||
                !check_expect(run, "receive", peer_end(run, peer, NULL), -EINTR) ||
                !check_expect(run, "send", send(joint.sending, "x", 1, MSG_NOSIGNAL), 1) ||
                !check_expect(run, "receive then", peer_call(run, peer, "timed-receive"), 1))
                return CHECK_FAILED;
        return check_ok(run, "SA_RESTART and SO_RCVTIMEO: EINTR; what is sent then is received");
}

CheckResult socket_check_waiter_killed(CheckRun *run) {
        CLEANUP(joint_done) Joint joint = JOINT_EMPTY;
        CheckProcess *first, *second;

        if (!joint_make(run, &joint) || peer_start(run, 0, &joint.receiving, 1, &first) < 0 ||
                peer_start(run, 0, &joint.receiving, 1, &second) < 0 ||
                peer_begin(run, first, &(PeerCall){ "timed-receive" }) < 0 || !check_sleeps(run, first, "the first") ||
                peer_begin(run, second, &(PeerCall){ "timed-receive" }) < 0 ||
                !check_sleeps(run, second, "the second") ||
                !check_expect(run, "SIGKILL", check_murder(run, first), 0) ||
                !check_expect(run, "send", send(joint.sending, "x", 1, MSG_NOSIGNAL), 1) ||
                !check_expect(run, "received by the second", peer_end(run, second, NULL), 1))
                return CHECK_FAILED;
        return check_ok(run, "two waited at one socket, the first was killed: the second got what was sent then");
}

/* How many sends of the burst came whole; -EBADMSG for a mixed one. */
static int64_t whole_bursts(CheckRun *run, int fd, int64_t wanted) {
        char buffer[SOCKET_BURST_SIZE + IPV4_HEADER];
        int64_t n = 0;

        for (size_t have = 0; n < wanted;) {
                size_t want = SOCKET_BURST_SIZE + (size_t)header_of(run);
                struct pollfd p = { .fd = fd, .events = POLLIN };
                ssize_t got;

                if (poll(&p, 1, CHECK_PATIENCE_USEC / 2000) <= 0)
                        return n;
                got = recv(fd, buffer + have, want - have, MSG_DONTWAIT);
                if (got <= 0)
                        return got < 0 ? -errno : n;
                if (is_of_others(run, fd, buffer, (size_t)got))
                        continue;
                have += (size_t)got;
                if (have < want && kind_type(run) != SOCK_STREAM)
                        return -EBADMSG;
                if (have < want)
                        continue;
                for (size_t i = (size_t)header_of(run) + 1; i < want; i++)
                        if (buffer[i] != buffer[header_of(run)])
                                return -EBADMSG;
                have = 0;
                n++;
        }
        return n;
}

/* With room for all of them: of what does not fit at once another's send can go between (send(2) says nothing else).
 */
CheckResult socket_check_many_writers(CheckRun *run) {
        CLEANUP(joint_done) Joint joint = JOINT_EMPTY;
        CheckProcess *a, *b;
        int room = ROOM;

        if (!joint_make(run, &joint) ||
                !check_expect(run, "SO_SNDBUF",
                        setsockopt(joint.sending, SOL_SOCKET, SO_SNDBUF, &room, sizeof room) < 0 ? -errno : 0, 0) ||
                peer_start(run, 0, &joint.sending, 1, &a) < 0 || peer_start(run, 0, &joint.sending, 1, &b) < 0 ||
                peer_begin(run, a, &(PeerCall){ "burst", 0, BURSTS, 'a' }) < 0 ||
                peer_begin(run, b, &(PeerCall){ "burst", 0, BURSTS, 'b' }) < 0 ||
                !check_expect(
                        run, "sends received whole", whole_bursts(run, joint.receiving, 2 * BURSTS), 2 * BURSTS) ||
                !check_expect(run, "sent by the one", peer_end(run, a, NULL), BURSTS) ||
                !check_expect(run, "sent by the other", peer_end(run, b, NULL), BURSTS) ||
                !check_expect(run, "more", receive_at(run, joint.receiving, MSG_DONTWAIT), -EAGAIN))
                return CHECK_FAILED;
        return check_ok(run, "two processes over one socket: 2 x %d sends of %d bytes, none lost, none mixed", BURSTS,
                SOCKET_BURST_SIZE);
}

/* The socket goes to the judge, who keeps it when its maker is killed. */
CheckResult socket_check_creator_gone(CheckRun *run) {
        CLEANUP(joint_done) Joint joint = JOINT_EMPTY;
        CLEANUP(socket_done) Socket here = SOCKET_EMPTY;
        CLEANUP(socket_done) Socket there = SOCKET_EMPTY;
        Socket ends[2] = { SOCKET_EMPTY, SOCKET_EMPTY };
        bool made = socket_pair_make(run, SOCK_STREAM, ends);
        char protocol[16];
        CheckProcess *maker;

        here = ends[0];
        there = ends[1];
        (void)snprintf(protocol, sizeof protocol, "%d", kind_type(run) == SOCK_RAW ? INET_RAW_PROTOCOL : 0);
        if (!made || !joint_bind(run, &joint))
                return CHECK_FAILED;
        /* The name of the judge's socket is free again, and a good one. */
        joint.server = fd_close(joint.server);
        if (joint.text[0] == '/')
                (void)unlink(joint.text);
        if (peer_start(run, 0, &there.fd, 1, &maker) < 0 ||
                !check_expect(run, "socket",
                        peer_call(run, maker, "socket", OWN, kind_type(run), is_unix(run) ? AF_UNIX : AF_INET,
                                .text = protocol),
                        0) ||
                !check_need(run, "bind", peer_call(run, maker, "bind", OWN, .text = joint.text)) ||
                (has_connections(run) && !check_expect(run, "listen", peer_call(run, maker, "listen", OWN, 4), 0)) ||
                !check_expect(run, "hand over", peer_call(run, maker, "hand-over", 0, OWN, 1), 1) ||
                !check_expect(run, "receive it", socket_receive_fd(here.fd, &joint.server), 1) ||
                !check_expect(run, "SIGKILL", check_murder(run, maker), 0) || !open_one(run, &joint.sending) ||
                !check_expect(run, "connect", name_connect(run, joint.sending, joint.text), 0))
                return CHECK_FAILED;
        joint.receiving = joint.server;
        if ((has_connections(run) && !joint_accept(run, &joint)) ||
                !check_expect(run, "send", send(joint.sending, "xyz", 3, MSG_NOSIGNAL), 3) ||
                !check_expect(run, "receive", receive_at(run, joint.receiving, 0), 3))
                return CHECK_FAILED;
        return check_ok(run, "handed over, its maker killed: reached by its name, 3 bytes received");
}

CheckResult socket_check_handed_over(CheckRun *run) {
        CLEANUP(joint_done) Joint joint = JOINT_EMPTY;
        CheckProcess *peer;

        if (!joint_make(run, &joint) || peer_start_at(run, CHECK_PLACE_OTHER_USER, 0, &joint.sending, 1, &peer) < 0 ||
                !check_expect(run, "write", peer_call(run, peer, "write", 0, 5, 'x'), 5) ||
                !check_expect(run, "receive", receive_at(run, joint.receiving, 0), 5))
                return CHECK_FAILED;
        return check_ok(run, "user %d sent 5 bytes over a socket that was made here and handed to it", CHECK_NOBODY);
}

/* socket(7): the kernel doubles the value, for what it needs itself. A socket's buffer is that of all who hold it. */
CheckResult socket_check_buffer_limit(CheckRun *run) {
        uint64_t most = limit_read("/proc/sys/net/core/rmem_max", 0);
        CLEANUP(joint_done) Joint joint = JOINT_EMPTY;
        socklen_t length = sizeof(int);
        CheckProcess *peer;
        int value = 0;

        if (most == 0 || most > HUGE_BUFFER / 4)
                return check_skip(run, "/proc/sys/net/core/rmem_max cannot be read, or is too large to be reached");
        if (!open_one(run, &joint.server) || peer_start(run, 0, &joint.server, 1, &peer) < 0 ||
                !check_expect(
                        run, "SO_RCVBUF by the peer", peer_call(run, peer, "receive-buffer", 0, HUGE_BUFFER), 0) ||
                !check_expect(run, "what it is here then",
                        getsockopt(joint.server, SOL_SOCKET, SO_RCVBUF, &value, &length) < 0 ? -errno : value,
                        (int64_t)most * 2))
                return CHECK_FAILED;
        return check_ok(run,
                "%d asked for by a peer that was handed the socket: no error, and here it has %d, twice rmem_max",
                HUGE_BUFFER, value);
}

/* A port of 127.0.0.1, or an abstract name, is another one over there; what was connected before stays so. */
CheckResult socket_check_namespace(CheckRun *run) {
        CLEANUP(joint_done) Joint joint = JOINT_EMPTY;
        int64_t refused = kind_type(run) == SOCK_STREAM || is_unix(run) ? -ECONNREFUSED : 0;
        CheckProcess *peer;

        if (!open_one(run, &joint.server))
                return CHECK_FAILED;
        if (!is_unix(run)) {
                if (!bind_one(run, &joint))
                        return CHECK_FAILED;
        } else {
                (void)snprintf(joint.text, sizeof joint.text, "@ipcbus-%.60s-0", run->token);
                if (!check_expect(run, "bind", socket_bind(joint.server, joint.text), 0))
                        return CHECK_FAILED;
        }
        if ((has_connections(run) && !check_expect(run, "listen", listen(joint.server, 4) < 0 ? -errno : 0, 0)) ||
                !open_one(run, &joint.sending) ||
                !check_expect(run, "connect from here", name_connect(run, joint.sending, joint.text), 0))
                return CHECK_FAILED;
        joint.receiving = joint.server;
        if ((has_connections(run) && !joint_accept(run, &joint)) ||
                peer_start_at(run, CHECK_PLACE_OTHER_NET, 0, &joint.sending, 1, &peer) < 0 ||
                !check_expect(run, "socket",
                        peer_call(run, peer, "socket", OWN, kind_type(run), is_unix(run) ? AF_UNIX : AF_INET,
                                .text = kind_type(run) == SOCK_RAW ? "253" : "0"),
                        0) ||
                !check_expect(run, "connect to that name from another network namespace",
                        peer_call(run, peer, "connect", OWN, .text = joint.text), refused))
                return CHECK_FAILED;
        if (refused == 0) {
                (void)peer_call(run, peer, "write", OWN, 9, 'x');
                if (!check_expect(
                            run, "what it sent to that name", receive_at(run, joint.receiving, MSG_DONTWAIT), -EAGAIN))
                        return CHECK_FAILED;
        }
        if (!check_expect(run, "socket",
                    peer_call(run, peer, "socket", OWN + 1, kind_type(run), is_unix(run) ? AF_UNIX : AF_INET,
                            .text = kind_type(run) == SOCK_RAW ? "253" : "0"),
                    0) ||
                !check_expect(run, "bind to the same name there",
                        peer_call(run, peer, "bind", OWN + 1, .text = joint.text), 0) ||
                !check_expect(run, "write over the socket from here", peer_call(run, peer, "write", 0, 5, 'x'), 5) ||
                !check_expect(run, "receive", receive_at(run, joint.receiving, 0), 5))
                return CHECK_FAILED;
        return check_ok(run,
                "from another network namespace nobody has that name, and it is free there; a socket that was "
                "connected here and handed over works there");
}

/* RLIMIT_NOFILE of 1: 0 alone would be small enough for a new one (getrlimit(2)), and that is open. Of 0, poll(2)
 * would fail, too. */
CheckResult socket_check_accept_exhausted(CheckRun *run) {
        CLEANUP(joint_done) Joint joint = JOINT_EMPTY;
        CheckProcess *peer;

        if (!joint_bind(run, &joint) || peer_start(run, 0, &joint.server, 1, &peer) < 0 ||
                !check_expect(run, "no descriptor left", peer_call(run, peer, "limit", RLIMIT_NOFILE, 1), 0) ||
                !open_one(run, &joint.sending) ||
                !check_expect(run, "connect", name_connect(run, joint.sending, joint.text), 0) ||
                !check_expect(run, "send", send(joint.sending, "xyz", 3, MSG_NOSIGNAL), 3) ||
                !check_expect(run, "accept by the peer", peer_call(run, peer, "take", 0, OWN), -EMFILE) ||
                !check_expect(run, "and again", peer_call(run, peer, "take", 0, OWN), -EMFILE) ||
                !joint_accept(run, &joint) || !check_expect(run, "receive", receive_at(run, joint.receiving, 0), 3))
                return CHECK_FAILED;
        return check_ok(run, "EMFILE twice; then who has a descriptor left accepts it, and its 3 bytes are there");
}

CheckResult socket_check_accept_killed(CheckRun *run) {
        CLEANUP(joint_done) Joint joint = JOINT_EMPTY;
        CheckProcess *peer;

        if (!joint_bind(run, &joint) || peer_start(run, 0, &joint.server, 1, &peer) < 0 ||
                peer_begin(run, peer, &(PeerCall){ "take", 0, OWN }) < 0 ||
                !check_sleeps(run, peer, "an accept that waits") ||
                !check_expect(run, "SIGKILL", check_murder(run, peer), 0) || !open_one(run, &joint.sending) ||
                !check_expect(run, "connect", name_connect(run, joint.sending, joint.text), 0) ||
                !joint_accept(run, &joint) ||
                !check_expect(run, "send", send(joint.sending, "xyz", 3, MSG_NOSIGNAL), 3) ||
                !check_expect(run, "receive", receive_at(run, joint.receiving, 0), 3))
                return CHECK_FAILED;
        return check_ok(run, "killed in accept(2): the next connection goes to who has the listening socket yet");
}
