/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "unix-checks.h"

/* What unix(7) promises of sockets with connections, and of streams. The judge listens, a peer connects in its slot.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "socket-claims.h"
#include "unix-claims.h"

enum { OWN = PEER_SLOT };

/* A listening socket, and a peer with a socket that is not connected yet. */
bool unix_connection_begin(CheckRun *run, int backlog, Socket *server, CheckProcess **ret) {
        return socket_make(run, unix_check_type(run), 0, server) &&
               check_expect(run, "listen", listen(server->fd, backlog), 0) && peer_start(run, 0, NULL, 0, ret) >= 0 &&
               check_expect(run, "socket", peer_call(run, *ret, "socket", OWN, unix_check_type(run)), 0);
}

bool unix_connection_meet(CheckRun *run, const Socket *server, CheckProcess *peer, Socket *ret) {
        if (!check_expect(run, "connect", peer_call(run, peer, "connect", OWN, .text = server->path), 0))
                return false;
        ret->fd = accept4(server->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        return check_expect(run, "accept", ret->fd < 0 ? -errno : 0, 0);
}

CheckResult unix_connection_credentials(CheckRun *run) {
        CLEANUP(socket_done) Socket server = SOCKET_EMPTY;
        CLEANUP(socket_done) Socket here = SOCKET_EMPTY;
        struct ucred got;
        socklen_t length = sizeof got;
        CheckProcess *peer;
        PeerReply theirs;

        if (!unix_connection_begin(run, 1, &server, &peer) || !unix_connection_meet(run, &server, peer, &here) ||
                !check_expect(run, "SO_PEERCRED here",
                        getsockopt(here.fd, SOL_SOCKET, SO_PEERCRED, &got, &length) < 0 ? -errno : 0, 0) ||
                !check_expect(run, "pid of the peer", got.pid, check_pid(run, peer)) ||
                !check_expect(run, "uid of the peer", got.uid, geteuid()) ||
                !check_expect(run, "SO_PEERCRED there",
                        peer_call_full(run, peer, &(PeerCall){ "credentials", OWN }, &theirs), 0) ||
                !check_expect(run, "pid of the listener", theirs.x, getpid()))
                return CHECK_FAILED;
        return check_ok(run, "both sides are told the other's pid and user (%u) by the kernel", got.uid);
}

CheckResult unix_connection_half_closed(CheckRun *run) {
        CLEANUP(socket_done) Socket server = SOCKET_EMPTY;
        CLEANUP(socket_done) Socket here = SOCKET_EMPTY;
        CheckProcess *peer;

        if (!unix_connection_begin(run, 1, &server, &peer) || !unix_connection_meet(run, &server, peer, &here) ||
                !check_expect(run, "write by the peer", peer_call(run, peer, "write", OWN, 3, 'x'), 3) ||
                !check_expect(run, "shutdown(SHUT_WR)", peer_call(run, peer, "shutdown", OWN, SHUT_WR), 0) ||
                !check_expect(run, "read", socket_receive(here.fd), 3) ||
                !check_expect(run, "read again", socket_receive(here.fd), 0) ||
                !check_expect(run, "send to it", socket_send(here.fd, 5), 5) ||
                !check_expect(run, "read by the peer", peer_call(run, peer, "read", OWN, 100), 5) ||
                !check_expect(run, "ignoring SIGPIPE", peer_call(run, peer, "ignore", SIGPIPE), 0) ||
                !check_expect(run, "write by the peer then", peer_call(run, peer, "write", OWN, 1, 'x'), -EPIPE))
                return CHECK_FAILED;
        return check_ok(run, "SHUT_WR: the other reads the rest and end of file, and can still send; own write EPIPE");
}

static CheckResult reset(CheckRun *run) {
        CLEANUP(socket_done) Socket server = SOCKET_EMPTY;
        CLEANUP(socket_done) Socket here = SOCKET_EMPTY;
        CheckProcess *peer;

        if (!unix_connection_begin(run, 1, &server, &peer) || !unix_connection_meet(run, &server, peer, &here) ||
                !check_expect(run, "write by the peer", peer_call(run, peer, "write", OWN, 3, 'x'), 3) ||
                !check_expect(run, "send", socket_send(here.fd, 5), 5) ||
                !check_expect(run, "SIGKILL", check_murder(run, peer), 0) ||
                !check_expect(run, "read", socket_receive(here.fd), 3) ||
                !check_expect(run, "read again", socket_receive(here.fd), -ECONNRESET) ||
                !check_expect(run, "and again", socket_receive(here.fd), 0))
                return CHECK_FAILED;
        return check_ok(run, "killed with 5 bytes unread: its 3 bytes, then ECONNRESET, then end of file");
}

/* Linux lets one more wait than listen(2) was told. */
CheckResult unix_connection_backlog(CheckRun *run) {
        CLEANUP(socket_done) Socket server = SOCKET_EMPTY;
        CLEANUP(socket_done) Socket first = SOCKET_EMPTY;
        CLEANUP(socket_done) Socket second = SOCKET_EMPTY;
        CLEANUP(socket_done) Socket third = SOCKET_EMPTY;
        CLEANUP(socket_done) Socket accepted = SOCKET_EMPTY;
        CheckProcess *peer;

        if (!unix_connection_begin(run, 1, &server, &peer) ||
                !socket_make(run, unix_check_type(run) | SOCK_NONBLOCK, -1, &first) ||
                !socket_make(run, unix_check_type(run) | SOCK_NONBLOCK, -1, &second) ||
                !socket_make(run, unix_check_type(run) | SOCK_NONBLOCK, -1, &third) ||
                !check_expect(run, "connect 1", socket_connect(first.fd, server.path), 0) ||
                !check_expect(run, "connect 2", socket_connect(second.fd, server.path), 0) ||
                !check_expect(run, "connect 3 without waiting", socket_connect(third.fd, server.path), -EAGAIN) ||
                peer_begin(run, peer, &(PeerCall){ "connect", OWN, .text = server.path }) < 0 ||
                !check_sleeps(run, peer, "a connect that waits"))
                return CHECK_FAILED;
        accepted.fd = accept4(server.fd, NULL, NULL, SOCK_CLOEXEC);
        if (!check_expect(run, "accept", accepted.fd < 0 ? -errno : 0, 0) ||
                !check_expect(run, "the connect that waited", peer_end(run, peer, NULL), 0))
                return CHECK_FAILED;
        return check_ok(run, "backlog 1: two connect, the third EAGAIN; after an accept the waiting one is through");
}

CheckResult unix_connection_nobody_there(CheckRun *run) {
        CLEANUP(socket_done) Socket bound = SOCKET_EMPTY;
        char path[CHECK_PATH_MAX];
        CheckProcess *peer;

        if (!socket_make(run, unix_check_type(run), 0, &bound) || check_path(run, 1, path) < 0 ||
                peer_start(run, 0, NULL, 0, &peer) < 0 ||
                !check_expect(run, "socket", peer_call(run, peer, "socket", OWN, unix_check_type(run)), 0) ||
                !check_expect(run, "socket", peer_call(run, peer, "socket", OWN + 1, SOCK_DGRAM), 0) ||
                !check_expect(
                        run, "connect to no file", peer_call(run, peer, "connect", OWN, .text = path), -ENOENT) ||
                !check_expect(run, "connect to who does not listen",
                        peer_call(run, peer, "connect", OWN, .text = bound.path), -ECONNREFUSED) ||
                !check_expect(run, "listen", listen(bound.fd, 1), 0) ||
                !check_expect(run, "connect of a datagram socket",
                        peer_call(run, peer, "connect", OWN + 1, .text = bound.path), -EPROTOTYPE) ||
                !check_expect(run, "connect", peer_call(run, peer, "connect", OWN, .text = bound.path), 0))
                return CHECK_FAILED;
        return check_ok(run, "no file: ENOENT; nobody listens: ECONNREFUSED; another type: EPROTOTYPE");
}

static CheckResult sigpipe(CheckRun *run) {
        CLEANUP(socket_done) Socket server = SOCKET_EMPTY;
        CLEANUP(socket_done) Socket here = SOCKET_EMPTY;
        CheckProcess *peer;
        int status = 0;

        if (!unix_connection_begin(run, 1, &server, &peer) || !unix_connection_meet(run, &server, peer, &here))
                return CHECK_FAILED;
        socket_done(&here);
        if (peer_begin(run, peer, &(PeerCall){ "write", OWN, 1, 'x' }) < 0 ||
                !check_expect(run, "the writer's end", check_wait(run, peer, CHECK_PATIENCE_USEC, &status), 0) ||
                !check_expect(run, "killed by", WIFSIGNALED(status) ? WTERMSIG(status) : 0, SIGPIPE))
                return CHECK_FAILED;
        return check_ok(run, "a write to a closed connection: killed by SIGPIPE");
}

const Check unix_stream_checks[] = {
        { "order", "bytes arrive in order, all of them, unchanged", "unix(7)", CHECK_BOTH, transport_order,
                { transport_order_role }, .aspects = ASPECT(ORDER) },
        { "boundaries", "a stream keeps no boundaries: what is sent apart can be received together", "unix(7)",
                CHECK_BOTH, transport_boundaries, { transport_boundaries_role }, .aspects = ASPECT(BOUNDARIES) },
        { "receive-blocks", "a receiver sleeps until there are bytes", "recv(2)", CHECK_BOTH, transport_receive_blocks,
                { transport_receive_blocks_role }, .aspects = ASPECT(BLOCKING) | ASPECT(EMPTY) },
        { "peer-killed", "when the peer is killed its bytes are received, then end of file", "unix(7)", CHECK_BOTH,
                transport_sender_killed_end, { transport_sender_killed_role },
                .aspects = ASPECT(PERSISTENCE) | ASPECT(HOLDER_KILLED) },
        { "peer-reset", "a peer that dies with bytes unread gives ECONNRESET", "unix(7)", CHECK_BOTH, reset,
                { unix_check_role }, .aspects = ASPECT(HOLDER_KILLED) },
        { "sigpipe", "writing to a closed connection raises SIGPIPE", "send(2)", CHECK_BOTH, sigpipe,
                { unix_check_role } },
        { "urgent", "since Linux 5.15 a byte that is sent with MSG_OOB can be received before what was sent before it",
                "send(2)", CHECK_BOTH, unix_stream_urgent, { unix_check_role }, .aspects = ASPECT(ORDER) },
        UNIX_CONNECTION_CLAIMS,
        UNIX_CLAIMS,
        SOCKET_CONNECTION_CLAIMS(unix_check_role),
        SOCKET_CLAIMS(unix_check_role),
        {},
};

const CheckGap unix_stream_gaps[] = {
        UNIX_GAPS,
        {},
};
