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
#include <sys/time.h>
#include <unistd.h>

#include "cleanup.h"
#include "spin.h"
#include "units.h"

enum {
        RIGHTS_MAX = 253, /* unix(7) */
        FEW = 32,
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

CheckResult unix_autobind(CheckRun *run) {
        Socket sockets[2] = { SOCKET_EMPTY, SOCKET_EMPTY };
        struct sockaddr_un names[2] = { { .sun_family = AF_UNIX }, { .sun_family = AF_UNIX } };
        socklen_t lengths[2] = { 0 };

        for (unsigned i = 0; i < 2; i++) {
                lengths[i] = sizeof names[i];
                if (!socket_make(run, unix_check_type(run), -1, &sockets[i]) ||
                        !check_need(run, "bind without a name",
                                bind(sockets[i].fd, (struct sockaddr *)&names[i], sizeof(sa_family_t)) < 0 ? -errno
                                                                                                           : 0) ||
                        getsockname(sockets[i].fd, (struct sockaddr *)&names[i], &lengths[i]) < 0)
                        return pair_end(sockets, CHECK_FAILED);
        }
        /* A zero byte, then five digits. */
        if (lengths[0] == sizeof(sa_family_t) + 6 && lengths[1] == lengths[0] && names[0].sun_path[0] == '\0' &&
                memcmp(names[0].sun_path, names[1].sun_path, 6) != 0)
                return pair_end(sockets,
                        check_ok(run, "two sockets: @%.5s and @%.5s", names[0].sun_path + 1, names[1].sun_path + 1));
        return pair_end(sockets, check_fail(run, "names of %u and %u bytes", lengths[0], lengths[1]));
}

CheckResult unix_opened_as_file(CheckRun *run) {
        Socket sock = SOCKET_EMPTY;
        int fd, error;
        bool made;

        made = socket_make(run, unix_check_type(run), 0, &sock);
        fd = made ? open(sock.path, O_RDWR | O_CLOEXEC) : -1;
        error = errno;
        socket_done(&sock);
        if (fd >= 0)
                (void)fd_close(fd);
        if (!made)
                return CHECK_FAILED;
        return fd < 0 && error == ENXIO ? check_ok(run, "open: ENXIO")
                                        : check_fail(run, "open: %s", fd < 0 ? check_errno(error) : "no error");
}

CheckResult unix_send_timeout(CheckRun *run) {
        Socket ends[2] = { SOCKET_EMPTY, SOCKET_EMPTY };
        struct timeval time = { .tv_usec = CHECK_TIMEOUT_USEC };
        char byte = 'x';
        uint64_t start;
        int64_t took;
        ssize_t n;
        int error;

        if (!socket_pair_make(run, unix_check_type(run), ends) ||
                setsockopt(ends[0].fd, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time) < 0)
                return pair_end(ends, CHECK_FAILED);
        while (send(ends[0].fd, &byte, 1, MSG_NOSIGNAL | MSG_DONTWAIT) == 1)
                ;
        start = monotonic_now();
        n = send(ends[0].fd, &byte, 1, MSG_NOSIGNAL);
        error = errno;
        took = (int64_t)(monotonic_now() - start);
        /* SO_SNDTIMEO counts in ticks of the kernel: the first may be almost over. */
        if (n < 0 && error == EAGAIN && took >= CHECK_TIMEOUT_USEC / 2)
                return pair_end(
                        ends, check_ok(run, "full, %d us: EAGAIN after %" PRId64 " us", CHECK_TIMEOUT_USEC, took));
        return pair_end(ends, check_fail(run, "full, %d us: %s after %" PRId64 " us", CHECK_TIMEOUT_USEC,
                                      n < 0 ? check_errno(error) : "sent", took));
}

/* --- Of connections --- */

static int64_t polled(int fd) {
        struct pollfd p = { .fd = fd, .events = POLLIN | POLLRDHUP };

        return poll(&p, 1, 0) < 0 ? -errno : p.revents;
}

CheckResult unix_connection_hang_up(CheckRun *run) {
        Socket ends[2] = { SOCKET_EMPTY, SOCKET_EMPTY };
        int64_t open, half, gone;

        if (!socket_pair_make(run, unix_check_type(run), ends))
                return pair_end(ends, CHECK_FAILED);
        open = polled(ends[0].fd);
        (void)shutdown(ends[1].fd, SHUT_WR);
        half = polled(ends[0].fd);
        socket_done(&ends[1]);
        gone = polled(ends[0].fd);
        if (open == 0 && half == (POLLIN | POLLRDHUP) && gone == (POLLIN | POLLRDHUP | POLLHUP))
                return pair_end(
                        ends, check_ok(run, "open: nothing; it sends no more: POLLIN and POLLRDHUP; closed: and "
                                            "POLLHUP"));
        return pair_end(ends, check_fail(run, "open: %" PRIx64 "; it sends no more: %" PRIx64 "; closed: %" PRIx64,
                                      open, half, gone));
}

CheckResult unix_connection_shared_end(CheckRun *run) {
        Socket ends[2] = { SOCKET_EMPTY, SOCKET_EMPTY };
        CLEANUP_FD int copy = -EBADF;
        int64_t closed, sent, shut;

        if (!socket_pair_make(run, unix_check_type(run), ends))
                return pair_end(ends, CHECK_FAILED);
        copy = fcntl(ends[1].fd, F_DUPFD_CLOEXEC, 0);
        socket_done(&ends[1]);
        closed = socket_receive(ends[0].fd);
        sent = copy < 0 ? -EMFILE : socket_send(copy, 1);
        ends[1].fd = fcntl(copy, F_DUPFD_CLOEXEC, 0);
        (void)shutdown(copy, SHUT_WR);
        shut = socket_send(ends[1].fd, 1);
        if (closed == -EAGAIN && sent == 1 && shut == -EPIPE)
                return pair_end(
                        ends, check_ok(run, "one of two copies closed: no end, the other sends; shutdown of one: "
                                            "the other gives EPIPE"));
        return pair_end(ends, check_fail(run, "one closed: %s; the other sends: %s; after shutdown of one: %s",
                                      check_outcome(closed), check_outcome(sent), check_outcome(shut)));
}

CheckResult unix_connection_client_gone(CheckRun *run) {
        Socket server = SOCKET_EMPTY, client = SOCKET_EMPTY;
        CLEANUP_FD int fd = -EBADF;
        int64_t data = -EBADF, end = -EBADF;

        if (socket_make(run, unix_check_type(run), 0, &server) &&
                check_need(run, "listen", listen(server.fd, 1) < 0 ? -errno : 0) &&
                socket_make(run, unix_check_type(run), -1, &client) &&
                check_need(run, "connect", socket_connect(client.fd, server.path)) &&
                check_need(run, "send", socket_send(client.fd, 5))) {
                socket_done(&client);
                fd = accept4(server.fd, NULL, NULL, SOCK_CLOEXEC);
                data = fd < 0 ? -errno : socket_receive(fd);
                end = socket_receive(fd);
        }
        socket_done(&client);
        socket_done(&server);
        return data == 5 && end == 0
                       ? check_ok(run, "accepted; 5 bytes, then end of file")
                       : check_fail(run, "accepted: %s, then %s", check_outcome(data), check_outcome(end));
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
        int64_t urgent, rest;
        char byte = 'b';

        if (!socket_pair_make(run, SOCK_STREAM, ends))
                return pair_end(ends, CHECK_FAILED);
        if (socket_send(ends[0].fd, 3) != 3)
                return pair_end(ends, check_fail(run, "send"));
        if (send(ends[0].fd, &byte, 1, MSG_OOB | MSG_NOSIGNAL) < 0)
                return pair_end(ends, errno == EOPNOTSUPP
                                              ? check_skip(run, "this kernel has no MSG_OOB for UNIX sockets")
                                              : check_fail(run, "MSG_OOB: %s", check_errno(errno)));
        byte = 0;
        urgent = recv(ends[1].fd, &byte, 1, MSG_OOB) < 0 ? -errno : byte;
        rest = socket_receive(ends[1].fd);
        if (urgent == 'b' && rest == 3)
                return pair_end(
                        ends, check_ok(run, "3 bytes, then one with MSG_OOB: it is received first, then the 3"));
        return pair_end(ends, check_fail(run, "MSG_OOB: %" PRId64 "; the rest: %s", urgent, check_outcome(rest)));
}
