/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "unix-checks.h"

/* Descriptors on their way, who is believed to have sent, and what the ends of a connection tell of each other. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "cleanup.h"
#include "spin.h"
#include "units.h"

enum {
        RIGHTS_MAX = 253, /* unix(7) */
        FEW = 32,
        SEND_TIMEOUT_USEC = CHECK_TIMEOUT_USEC / 2,
};

static CheckResult pair_end(Socket ends[2], CheckResult result) {
        socket_done(&ends[0]);
        socket_done(&ends[1]);
        return result;
}

/* ends[1] becomes the peer's alone. */
static bool pair_with_peer(CheckRun *run, CheckPlace place, Socket ends[2], CheckProcess **ret) {
        if (!socket_pair_make(run, unix_check_type(run), ends) ||
                peer_start_at(run, place, 0, &ends[1].fd, 1, ret) < 0)
                return false;
        ends[1].fd = fd_close(ends[1].fd);
        return true;
}

/* The peer holds both ends of a pair of its own, in its descriptors 0 and 1, and sends to itself. */
static CheckResult rights_taken(CheckRun *run, int64_t limit, int64_t room, int64_t want) {
        Socket ends[2] = { SOCKET_EMPTY, SOCKET_EMPTY };
        PeerReply reply = { 0 };
        CheckProcess *peer;
        int64_t r;

        if (!socket_pair_make(run, unix_check_type(run), ends) ||
                peer_start(run, 0, (const int[]){ ends[0].fd, ends[1].fd }, 2, &peer) < 0 ||
                !check_need(run, "three descriptors", peer_call(run, peer, "hand-over", .a = 0, .b = 0, .c = 3)) ||
                (limit > 0 &&
                        !check_need(run, "a limit", peer_call(run, peer, "limit", .a = RLIMIT_NOFILE, .b = limit))))
                return pair_end(ends, CHECK_FAILED);
        r = peer_call_full(run, peer, &(const PeerCall){ .name = "receive-fds", .a = 1, .b = room }, &reply);
        if (r == 1 && reply.x == want && reply.y == 1 && reply.z == want)
                return pair_end(
                        ends, check_ok(run,
                                      "3 sent, room for %" PRId64 "%s: the byte comes, MSG_CTRUNC is told, %" PRId64
                                      " came, %" PRId64 " descriptors more are open than before",
                                      room, limit > 0 ? ", no number left" : "", reply.x, reply.z));
        return pair_end(
                ends, check_fail(run, "recvmsg: %s; %" PRId64 " came, MSG_CTRUNC %" PRId64 ", %" PRId64 " more open",
                              check_outcome(r), reply.x, reply.y, reply.z));
}

CheckResult unix_rights_truncated(CheckRun *run) {
        return rights_taken(run, 0, 1, 1);
}

/* 0, 1 and 2 are taken in every peer. */
CheckResult unix_rights_exhausted(CheckRun *run) {
        return rights_taken(run, 3, 3, 0);
}

CheckResult unix_rights_limit(CheckRun *run) {
        Socket ends[2] = { SOCKET_EMPTY, SOCKET_EMPTY };
        CheckProcess *peer;
        int64_t most, over;

        if (!pair_with_peer(run, CHECK_PLACE_HERE, ends, &peer))
                return pair_end(ends, CHECK_FAILED);
        over = peer_call(run, peer, "hand-over", .a = 0, .b = 0, .c = RIGHTS_MAX + 1);
        most = peer_call(run, peer, "hand-over", .a = 0, .b = 0, .c = RIGHTS_MAX);
        if (!check_expect(run, "one more", over, -EINVAL) || !check_need(run, "the most", most))
                return pair_end(ends, CHECK_FAILED);
        return pair_end(ends, check_ok(run, "%d in one message: sent; %d: EINVAL", RIGHTS_MAX, RIGHTS_MAX + 1));
}

/* What is under way counts for the user, in all its processes: the first may be refused already. */
CheckResult unix_rights_in_flight(CheckRun *run) {
        Socket ends[2] = { SOCKET_EMPTY, SOCKET_EMPTY };
        int64_t first, second, after;
        CheckProcess *peer;

        if (!check_can_be_nobody())
                return check_skip(run, "only root can start a process of another user, and who has all rights has no "
                                       "such limit");
        if (!pair_with_peer(run, CHECK_PLACE_OTHER_USER, ends, &peer) ||
                !check_need(run, "a limit", peer_call(run, peer, "limit", .a = RLIMIT_NOFILE, .b = FEW)))
                return pair_end(ends, CHECK_FAILED);
        first = peer_call(run, peer, "hand-over", .a = 0, .b = 0, .c = FEW + 1);
        second = peer_call(run, peer, "hand-over", .a = 0, .b = 0, .c = 1);
        while (socket_receive(ends[0].fd) > 0)
                ;
        after = peer_call(run, peer, "hand-over", .a = 0, .b = 0, .c = 1);
        if ((first == 1 || first == -ETOOMANYREFS) && second == -ETOOMANYREFS && (after == 1 || first < 0))
                return pair_end(
                        ends, check_ok(run,
                                      "user %d, RLIMIT_NOFILE %d: %d under way: %s; one more: ETOOMANYREFS; when they "
                                      "are taken: %s",
                                      CHECK_NOBODY, FEW, FEW + 1, check_outcome(first), check_outcome(after)));
        return pair_end(ends, check_fail(run, "%d: %s; one more: %s; when they are taken: %s", FEW + 1,
                                      check_outcome(first), check_outcome(second), check_outcome(after)));
}

/* -EAGAIN: somebody can still write; 0: nobody. */
static int64_t look_at_pipe(int fd) {
        char byte;
        ssize_t n = read(fd, &byte, 1);

        return n < 0 ? -errno : n;
}

CheckResult unix_rights_under_way(CheckRun *run) {
        Socket ends[2] = { SOCKET_EMPTY, SOCKET_EMPTY };
        CLEANUP_FD int in = -EBADF, out = -EBADF;
        uint64_t end = monotonic_end(CHECK_PATIENCE_USEC);
        int64_t before, after, sent;
        CheckProcess *peer;
        int fds[2];

        if (!check_need(run, "a pipe", pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0 ? -errno : 0))
                return CHECK_FAILED;
        in = fds[0];
        out = fds[1];
        if (!pair_with_peer(run, CHECK_PLACE_HERE, ends, &peer))
                return pair_end(ends, CHECK_FAILED);
        sent = socket_send_fd(ends[0].fd, out);
        out = fd_close(out);
        before = look_at_pipe(in);
        if (!check_expect(run, "sending it", sent, 0) || !check_expect(run, "the pipe, meanwhile", before, -EAGAIN) ||
                check_murder(run, peer) < 0)
                return pair_end(ends, CHECK_FAILED);
        /* The kernel frees what was in a socket a little later. */
        while ((after = look_at_pipe(in)) == -EAGAIN && monotonic_now() < end)
                (void)usleep(1000);
        if (!check_expect(run, "the pipe, when the socket is gone", after, 0))
                return pair_end(ends, CHECK_FAILED);
        return pair_end(
                ends, check_ok(run, "sent and closed here, not received: the pipe is open (EAGAIN); the receiver "
                                    "is killed: end of file"));
}

static int64_t send_as(int fd, const struct ucred *who) {
        union {
                struct cmsghdr header;
                char bytes[CMSG_SPACE(sizeof(struct ucred))];
        } control = { .header = { CMSG_LEN(sizeof *who), SOL_SOCKET, SCM_CREDENTIALS } };
        char byte = 'x';
        struct iovec iov = { &byte, 1 };
        struct msghdr message = {
                .msg_iov = &iov,
                .msg_iovlen = 1,
                .msg_control = control.bytes,
                .msg_controllen = CMSG_LEN(sizeof *who),
        };

        memcpy(CMSG_DATA(&control.header), who, sizeof *who);
        return sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -errno : 0;
}

/* x: as oneself; y: as root; z: as process 1. */
static int64_t call_pretend(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        struct ucred self = { .pid = getpid(), .uid = getuid(), .gid = getgid() }, other = self;
        const int *fd = peer_descriptor(peer, call->a);

        if (!fd)
                return -EBADF;
        reply->x = send_as(*fd, &self);
        other.uid = 0;
        reply->y = send_as(*fd, &other);
        other = self;
        other.pid = 1;
        reply->z = send_as(*fd, &other);
        return 0;
}

int unix_pretend_role(CheckPeer *peer) {
        return peer_serve(peer, (const PeerFunction[]){ { "pretend", call_pretend }, {} });
}

CheckResult unix_credentials_forged(CheckRun *run) {
        Socket ends[2] = { SOCKET_EMPTY, SOCKET_EMPTY };
        PeerReply reply = { 0 };
        CheckProcess *peer;

        if (!check_can_be_nobody())
                return check_skip(run, "only root can start a process of another user");
        if (!pair_with_peer(run, CHECK_PLACE_OTHER_USER, ends, &peer) ||
                !check_need(run, "sending", peer_call_full(run, peer, &(const PeerCall){ .name = "pretend" }, &reply)))
                return pair_end(ends, CHECK_FAILED);
        if (reply.x == 0 && reply.y == -EPERM && reply.z == -EPERM)
                return pair_end(ends,
                        check_ok(run, "user %d sends as itself; as user 0: EPERM; as process 1: EPERM", CHECK_NOBODY));
        return pair_end(ends, check_fail(run, "as itself: %s; as user 0: %s; as process 1: %s", check_outcome(reply.x),
                                      check_outcome(reply.y), check_outcome(reply.z)));
}

/* Who has a name can be reached by it, where sockets have connections over one of them. */
static bool reached_by_name(CheckRun *run, CheckProcess *peer, const char *name) {
        CLEANUP(socket_done) Socket here = SOCKET_EMPTY;
        int type = unix_check_type(run), at = PEER_SLOT;

        if (!socket_make(run, type, -1, &here) ||
                (type != SOCK_DGRAM &&
                        !check_expect(run, "listen", peer_call(run, peer, "listen", PEER_SLOT, 1), 0)) ||
                !check_expect(run, "connect to its name", socket_connect(here.fd, name), 0) ||
                !check_expect(run, "send", socket_send(here.fd, 3), 3))
                return false;
        if (type != SOCK_DGRAM) {
                at = PEER_SLOT + 1;
                if (!check_expect(run, "accept", peer_call(run, peer, "take", PEER_SLOT, at), 0))
                        return false;
        }
        return check_expect(run, "receive", peer_call(run, peer, "read", at, 100), 3);
}

CheckResult unix_autobind(CheckRun *run) {
        int type = unix_check_type(run);
        CLEANUP(socket_done) Socket here = SOCKET_EMPTY;
        CheckProcess *peers[2];
        PeerReply names[2];

        for (unsigned i = 0; i < 2; i++)
                /* A zero byte, then five digits. */
                if (peer_start(run, 0, NULL, 0, &peers[i]) < 0 ||
                        !check_expect(run, "socket", peer_call(run, peers[i], "socket", PEER_SLOT, type), 0) ||
                        !check_expect(run, "bytes of its name",
                                peer_call_full(run, peers[i], &(PeerCall){ "autobind", PEER_SLOT }, &names[i]), 6))
                        return CHECK_FAILED;
        if (!check_expect(run, "two have one name", strcmp(names[0].text, names[1].text) == 0, 0) ||
                !socket_make(run, type, -1, &here) ||
                !check_expect(run, "bind to that name", socket_bind(here.fd, names[0].text), -EADDRINUSE) ||
                !reached_by_name(run, peers[0], names[0].text))
                return CHECK_FAILED;
        return check_ok(run, "two processes: %s and %s; bind to the first one's: EADDRINUSE; it is reached by it",
                names[0].text, names[1].text);
}

CheckResult unix_opened_as_file(CheckRun *run) {
        int type = unix_check_type(run);
        CLEANUP(socket_done) Socket server = SOCKET_EMPTY;
        CheckProcess *peer;

        if (!socket_make(run, type, 0, &server) ||
                (type != SOCK_DGRAM && !check_expect(run, "listen", listen(server.fd, 1), 0)) ||
                peer_start(run, 0, NULL, 0, &peer) < 0 ||
                !check_expect(
                        run, "open", peer_call(run, peer, "open", PEER_SLOT, O_RDWR, .text = server.path), -ENXIO) ||
                !check_expect(run, "socket", peer_call(run, peer, "socket", PEER_SLOT, type), 0) ||
                !check_expect(run, "connect", peer_call(run, peer, "connect", PEER_SLOT, .text = server.path), 0))
                return CHECK_FAILED;
        return check_ok(run, "another process opens it: ENXIO; it connects to it");
}

CheckResult unix_send_timeout(CheckRun *run) {
        Socket ends[2] = { SOCKET_EMPTY, SOCKET_EMPTY };
        PeerReply filled, timed;
        CheckProcess *peer;

        if (!pair_with_peer(run, CHECK_PLACE_HERE, ends, &peer) ||
                !check_expect(run, "SO_SNDTIMEO", peer_call(run, peer, "send-time-out", 0, SEND_TIMEOUT_USEC), 0) ||
                !check_expect(
                        run, "until it is full", peer_call_full(run, peer, &(PeerCall){ "fill" }, &filled), -EAGAIN) ||
                !check_expect(run, "send", peer_call_full(run, peer, &(PeerCall){ "timed-send" }, &timed), -EAGAIN) ||
                /* SO_SNDTIMEO counts in ticks of the kernel: the first may be almost over. */
                !check_expect(run, "it came early", timed.x < SEND_TIMEOUT_USEC / 2, 0))
                return pair_end(ends, CHECK_FAILED);
        while (socket_receive(ends[0].fd) > 0)
                ;
        if (!check_expect(run, "send when all is received", peer_call(run, peer, "timed-send"), 1))
                return pair_end(ends, CHECK_FAILED);
        return pair_end(ends,
                check_ok(run, "full after %" PRId64 " sends, %d us: EAGAIN after %" PRId64 " us; with room: sent",
                        filled.x, SEND_TIMEOUT_USEC, timed.x));
}

/* --- Of connections --- */

static int64_t polled(int fd) {
        struct pollfd p = { .fd = fd, .events = POLLIN | POLLRDHUP };

        return poll(&p, 1, 0) < 0 ? -errno : p.revents;
}

CheckResult unix_connection_hang_up(CheckRun *run) {
        Socket ends[2] = { SOCKET_EMPTY, SOCKET_EMPTY };
        CheckProcess *peer;

        if (!pair_with_peer(run, CHECK_PLACE_HERE, ends, &peer) ||
                !check_expect(run, "events while it is open", polled(ends[0].fd), 0) ||
                !check_expect(run, "shutdown by the peer", peer_call(run, peer, "shutdown", 0, SHUT_WR), 0) ||
                !check_expect(run, "events when it sends no more", polled(ends[0].fd), POLLIN | POLLRDHUP) ||
                !check_expect(run, "SIGKILL", check_murder(run, peer), 0) ||
                !check_expect(run, "events when it is gone", polled(ends[0].fd), POLLIN | POLLRDHUP | POLLHUP))
                return pair_end(ends, CHECK_FAILED);
        return pair_end(ends, check_ok(run, "open: nothing; the peer sends no more: POLLIN and POLLRDHUP; the peer "
                                            "killed: and POLLHUP"));
}

/* Three processes have the one end. */
CheckResult unix_connection_shared_end(CheckRun *run) {
        Socket ends[2] = { SOCKET_EMPTY, SOCKET_EMPTY };
        CheckProcess *a, *b, *c;

        if (!socket_pair_make(run, unix_check_type(run), ends) || peer_start(run, 0, &ends[1].fd, 1, &a) < 0 ||
                peer_start(run, 0, &ends[1].fd, 1, &b) < 0 || peer_start(run, 0, &ends[1].fd, 1, &c) < 0)
                return pair_end(ends, CHECK_FAILED);
        socket_done(&ends[1]);
        if (!check_expect(run, "close by the first", peer_call(run, a, "close", 0), 0) ||
                !check_expect(run, "receive here then", socket_receive(ends[0].fd), -EAGAIN) ||
                !check_expect(run, "send by the second", peer_call(run, b, "send", 0, 1), 1) ||
                !check_expect(run, "receive", socket_receive(ends[0].fd), 1) ||
                !check_expect(run, "shutdown by the third", peer_call(run, c, "shutdown", 0, SHUT_WR), 0) ||
                !check_expect(run, "send by the second then", peer_call(run, b, "send", 0, 1), -EPIPE) ||
                !check_expect(run, "receive here", socket_receive(ends[0].fd), 0) ||
                !check_expect(run, "SIGKILL to the second", check_murder(run, b), 0) ||
                !check_expect(run, "send to who is left", socket_send(ends[0].fd, 4), 4) ||
                !check_expect(run, "receive by the third", peer_call(run, c, "read", 0, 100), 4) ||
                !check_expect(run, "SIGKILL to the third", check_murder(run, c), 0) ||
                !check_expect(run, "send to nobody", socket_send(ends[0].fd, 1), -EPIPE))
                return pair_end(ends, CHECK_FAILED);
        return pair_end(ends,
                check_ok(run, "an end in three processes: one closes it: no end, another sends; shutdown by one: "
                              "EPIPE for the other; with the last of them gone: EPIPE here"));
}

CheckResult unix_connection_client_gone(CheckRun *run) {
        CLEANUP(socket_done) Socket server = SOCKET_EMPTY;
        CLEANUP(socket_done) Socket here = SOCKET_EMPTY;
        CheckProcess *peer;

        if (!unix_connection_begin(run, 1, &server, &peer) ||
                !check_expect(run, "connect", peer_call(run, peer, "connect", PEER_SLOT, .text = server.path), 0) ||
                !check_expect(run, "send", peer_call(run, peer, "send", PEER_SLOT, 5), 5) ||
                !check_expect(run, "SIGKILL", check_murder(run, peer), 0))
                return CHECK_FAILED;
        here.fd = accept4(server.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (!check_expect(run, "accept", here.fd < 0 ? -errno : 0, 0) ||
                !check_expect(run, "receive", socket_receive(here.fd), 5) ||
                !check_expect(run, "receive again", socket_receive(here.fd), 0))
                return CHECK_FAILED;
        return check_ok(run, "connected, sent 5 bytes, killed; accepted then: 5 bytes, then end of file");
}

CheckResult unix_connection_past_credentials(CheckRun *run) {
        Socket server = SOCKET_EMPTY, client = SOCKET_EMPTY;
        struct ucred told = { 0 };
        socklen_t length = sizeof told;
        PeerReply now = { 0 };
        CheckProcess *peer;
        bool asked;

        if (!check_can_be_nobody())
                return check_skip(run, "only root can become another user");
        asked = unix_connection_begin(run, 1, &server, &peer) && unix_connection_meet(run, &server, peer, &client) &&
                peer_go(run, peer, CHECK_PLACE_OTHER_USER) &&
                peer_call_full(run, peer, &(const PeerCall){ .name = "pid" }, &now) >= 0 &&
                getsockopt(client.fd, SOL_SOCKET, SO_PEERCRED, &told, &length) >= 0;
        socket_done(&client);
        socket_done(&server);
        if (!asked)
                return CHECK_FAILED;
        return told.uid == geteuid() && now.y == CHECK_NOBODY
                       ? check_ok(run, "it is user %" PRId64 " now; SO_PEERCRED says %u", now.y, told.uid)
                       : check_fail(run, "it is user %" PRId64 " now; SO_PEERCRED says %u", now.y, told.uid);
}

CheckResult unix_stream_urgent(CheckRun *run) {
        Socket ends[2] = { SOCKET_EMPTY, SOCKET_EMPTY };
        CheckProcess *peer;
        char byte = 0;
        int64_t r;

        if (!pair_with_peer(run, CHECK_PLACE_HERE, ends, &peer) ||
                !check_expect(run, "send", peer_call(run, peer, "send", 0, 3), 3))
                return pair_end(ends, CHECK_FAILED);
        r = peer_call(run, peer, "urgent", 0, 'b');
        if (r == -EOPNOTSUPP)
                return pair_end(ends, check_skip(run, "this kernel has no MSG_OOB for UNIX sockets"));
        if (!check_expect(run, "send with MSG_OOB", r, 0) ||
                !check_expect(run, "receive with MSG_OOB",
                        recv(ends[0].fd, &byte, 1, MSG_OOB | MSG_DONTWAIT) < 0 ? -errno : byte, 'b') ||
                !check_expect(run, "receive", socket_receive(ends[0].fd), 3))
                return pair_end(ends, CHECK_FAILED);
        return pair_end(
                ends, check_ok(run, "3 bytes, then one with MSG_OOB by a peer: it is received first, then the 3"));
}
