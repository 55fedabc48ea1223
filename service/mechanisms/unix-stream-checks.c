/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "socket-checks.h"
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
        { "duplex", "full duplex: both sides send and receive at the same time", "unix(7)", CHECK_BOTH,
                transport_duplex, { transport_duplex_role }, .aspects = ASPECT(FULL_DUPLEX) | ASPECT(BIDIRECTIONAL) },
        { "order", "bytes arrive in order, all of them, unchanged", "unix(7)", CHECK_BOTH, transport_order,
                { transport_order_role }, .aspects = ASPECT(ORDER) },
        { "boundaries", "a stream keeps no boundaries: what is sent apart can be received together", "unix(7)",
                CHECK_BOTH, transport_boundaries, { transport_boundaries_role }, .aspects = ASPECT(BOUNDARIES) },
        { "receive-blocks", "a receiver sleeps until there are bytes", "recv(2)", CHECK_BOTH, transport_receive_blocks,
                { transport_receive_blocks_role }, .aspects = ASPECT(BLOCKING) | ASPECT(EMPTY) },
        { "send-blocks", "a sender sleeps while the buffer is full", "send(2)", CHECK_BOTH, transport_send_blocks,
                { transport_send_blocks_role }, .aspects = ASPECT(BLOCKING) | ASPECT(FULL) },
        { "non-blocking", "without waiting, empty and full give EAGAIN", "send(2)", CHECK_BOTH, transport_nonblocking,
                { transport_nonblocking_role }, .aspects = ASPECT(NON_BLOCKING) | ASPECT(FULL) | ASPECT(EMPTY) },
        { "timeout", "poll(2) gives up at its time-out, never before", "poll(2)", CHECK_BOTH, transport_timeout,
                { transport_timeout_role }, .aspects = ASPECT(TIMEOUT) },
        { "peer-killed", "when the peer is killed its bytes are received, then end of file", "unix(7)", CHECK_BOTH,
                transport_sender_killed_end, { transport_sender_killed_role },
                .aspects = ASPECT(PERSISTENCE) | ASPECT(HOLDER_KILLED) },
        { "peer-reset", "a peer that dies with bytes unread gives ECONNRESET", "unix(7)", CHECK_BOTH, reset,
                { unix_check_role }, .aspects = ASPECT(HOLDER_KILLED) },
        { "peer-gone", "sending to a killed peer gives EPIPE", "send(2)", CHECK_BOTH, transport_receiver_killed,
                { transport_receiver_killed_role }, .aspects = ASPECT(HOLDER_KILLED) },
        { "sigpipe", "writing to a closed connection raises SIGPIPE", "send(2)", CHECK_BOTH, sigpipe,
                { unix_check_role } },
        { "half-close", "each direction can be closed by itself", "shutdown(2)", CHECK_BOTH,
                unix_connection_half_closed, { unix_check_role }, .aspects = ASPECT(FULL_DUPLEX) },
        { "credentials", "SO_PEERCRED says who is on the other side", "unix(7)", CHECK_BOTH,
                unix_connection_credentials, { unix_check_role }, .aspects = ASPECT(CREDENTIALS) },
        { "descriptor", "an open descriptor can be sent to another process", "unix(7)", CHECK_BOTH,
                unix_check_descriptor, { unix_check_role }, .aspects = ASPECT(DESCRIPTORS) },
        { "limit", "a full backlog makes connect wait, or give EAGAIN", "listen(2)", CHECK_BOTH,
                unix_connection_backlog, { unix_check_role }, .aspects = ASPECT(LIMIT) | ASPECT(FULL) },
        { "nobody-there", "connecting where nobody listens is refused at once", "connect(2)", CHECK_BOTH,
                unix_connection_nobody_there, { unix_check_role }, .aspects = ASPECT(UNRELATED) },
        { "stale", "the file outlives its socket and stands in the way of the next", "unix(7)", CHECK_BOTH,
                unix_check_stale, { unix_check_role }, .aspects = ASPECT(PERSISTENCE) | ASPECT(CREATOR_GONE) },
        { "abstract", "an abstract name ends with its socket", "unix(7)", CHECK_BOTH, unix_check_abstract,
                { unix_check_role } },
        { "path-limit", "a path has at most 107 bytes", "unix(7)", CHECK_BOTH, unix_check_path_limit,
                { unix_check_role }, .aspects = ASPECT(MAXIMUM) },
        { "pair", "socketpair(2) connects two ends that need no name", "socketpair(2)", CHECK_BOTH, unix_check_pair,
                { unix_check_role }, .aspects = ASPECT(FULL_DUPLEX) | ASPECT(CREATOR_GONE) },
        { "permission", "connecting needs the right to write the socket's file", "unix(7)", CHECK_BOTH,
                unix_check_permission, { unix_check_role }, .aspects = ASPECT(PERMISSION) },
        { "interrupted", "a handler that runs while a receiver waits: EINTR, or with SA_RESTART it goes on",
                "signal(7)", CHECK_BOTH, transport_interrupted_restarts, { transport_interrupted_role },
                .aspects = ASPECT(INTERRUPTED) },
        { "stopped", "a receiver that is stopped and continued goes on by itself", "signal(7)", CHECK_BOTH,
                transport_stopped_goes_on, { transport_interrupted_role }, .aspects = ASPECT(INTERRUPTED) },
        { "killed-within",
                "of a sender killed while it waits for room, what it had sent is received, and nothing else",
                "send(2)", CHECK_BOTH, transport_writer_killed_within, { transport_writer_killed_within_role },
                .aspects = ASPECT(WRITER_KILLED) },
        { "other-user", "another user connects and sends where the mode of the socket's file lets him", "unix(7)",
                CHECK_BOTH, transport_other_user, { transport_place_role }, .aspects = ASPECT(OTHER_USER) },
        { "other-net", "a path is reached from another network namespace, unlike an abstract name", "unix(7)",
                CHECK_BOTH, transport_other_net, { transport_place_role }, .aspects = ASPECT(NAMESPACE) },
        { "peek", "MSG_PEEK shows what waits and leaves it", "recv(2)", CHECK_BOTH, socket_check_peek,
                { unix_check_role }, .aspects = ASPECT(NON_BLOCKING) | ASPECT(EMPTY) },
        { "receive-timeout", "with SO_RCVTIMEO a receive gives EAGAIN when its time is over, never before",
                "socket(7)", CHECK_BOTH, socket_check_receive_timeout, { unix_check_role },
                .aspects = ASPECT(TIMEOUT) },
        { "timeout-interrupted", "with SO_RCVTIMEO a handler gives EINTR, also with SA_RESTART", "signal(7)",
                CHECK_BOTH, socket_check_timeout_interrupted, { unix_check_role }, .aspects = ASPECT(INTERRUPTED) },
        { "waiter-killed", "who is killed while it waits to receive takes nothing along", "recv(2)", CHECK_BOTH,
                socket_check_waiter_killed, { unix_check_role },
                .aspects = ASPECT(WAITER_KILLED) | ASPECT(HOLDER_KILLED) },
        { "shared", "processes that share a socket send at the same time, and small sends are not mixed", "socket(2)",
                CHECK_BOTH, socket_check_many_writers, { unix_check_role },
                .aspects = ASPECT(MANY_WRITERS) | ASPECT(ATOMICITY) },
        { "creator-gone", "a socket that was handed over lives on when its maker is killed", "unix(7)", CHECK_BOTH,
                socket_check_creator_gone, { unix_check_role }, .aspects = ASPECT(CREATOR_GONE) },
        { "buffer-limit", "a buffer larger than rmem_max is cut to it without an error", "socket(7)", CHECK_BOTH,
                socket_check_buffer_limit, { unix_check_role }, .aspects = ASPECT(LIMIT) },
        { "namespace", "abstract names belong to the network namespace; a socket that was handed over works in any",
                "network_namespaces(7)", CHECK_BOTH, socket_check_namespace, { unix_check_role },
                .aspects = ASPECT(NAMESPACE) },
        { "accept-exhausted", "without a descriptor left accept gives EMFILE, and the connection waits on",
                "accept(2)", CHECK_BOTH, socket_check_accept_exhausted, { unix_check_role },
                .aspects = ASPECT(EXHAUSTION) },
        { "accept-killed", "who is killed while it waits in accept takes no connection along", "accept(2)", CHECK_BOTH,
                socket_check_accept_killed, { unix_check_role }, .aspects = ASPECT(WAITER_KILLED) },
        { "rights-truncated",
                "descriptors that find no room in the control buffer are closed, and MSG_CTRUNC tells of it",
                "unix(7)", CHECK_BOTH, unix_rights_truncated, { unix_check_role }, .aspects = ASPECT(DESCRIPTORS) },
        { "rights-exhausted", "a receiver without numbers left gets the bytes without the descriptors, and MSG_CTRUNC",
                "unix(7)", CHECK_BOTH, unix_rights_exhausted, { unix_check_role },
                .aspects = ASPECT(DESCRIPTORS) | ASPECT(EXHAUSTION) },
        { "rights-limit", "253 descriptors go in one message; one more gives EINVAL", "unix(7)", CHECK_BOTH,
                unix_rights_limit, { unix_check_role }, .aspects = ASPECT(DESCRIPTORS) | ASPECT(MAXIMUM) },
        { "rights-in-flight", "a user with more descriptors under way than RLIMIT_NOFILE gets ETOOMANYREFS", "unix(7)",
                CHECK_BOTH, unix_rights_in_flight, { unix_check_role },
                .aspects = ASPECT(DESCRIPTORS) | ASPECT(LIMIT) },
        { "rights-under-way",
                "a descriptor under way keeps its file open, and is closed with the socket that nobody read",
                "unix(7)", CHECK_BOTH, unix_rights_under_way, { unix_check_role },
                .aspects = ASPECT(DESCRIPTORS) | ASPECT(PERSISTENCE) },
        { "forged", "without the right to it nobody sends the credentials of another user or process", "unix(7)",
                CHECK_BOTH, unix_credentials_forged, { unix_pretend_role },
                .aspects = ASPECT(CREDENTIALS) | ASPECT(PERMISSION) },
        { "autobind", "bind(2) without a name gives an abstract one that nobody else has", "unix(7)", CHECK_BOTH,
                unix_autobind, { unix_check_role }, .aspects = ASPECT(UNRELATED) },
        { "open", "open(2) of the file of a socket gives ENXIO", "open(2)", CHECK_BOTH, unix_opened_as_file,
                { unix_check_role }, .aspects = ASPECT(UNRELATED) },
        { "send-timeout", "with SO_SNDTIMEO a send gives EAGAIN when its time is over", "socket(7)", CHECK_BOTH,
                unix_send_timeout, { unix_check_role }, .aspects = ASPECT(TIMEOUT) | ASPECT(FULL) },
        { "hang-up", "POLLRDHUP says that the peer sends no more, POLLHUP that both directions are closed", "poll(2)",
                CHECK_BOTH, unix_connection_hang_up, { unix_check_role }, .aspects = ASPECT(EMPTY) },
        { "shared-end", "a connection ends when the last copy of an end is closed; shutdown(2) works for all copies",
                "shutdown(2)", CHECK_BOTH, unix_connection_shared_end, { unix_check_role },
                .aspects = ASPECT(PERSISTENCE) },
        { "client-gone", "who connected and has gone is still accepted, with what it had sent", "accept(2)",
                CHECK_BOTH, unix_connection_client_gone, { unix_check_role },
                .aspects = ASPECT(PERSISTENCE) | ASPECT(CREATOR_GONE) },
        { "past-credentials", "SO_PEERCRED says who the peer was when it connected, whoever it is now", "unix(7)",
                CHECK_BOTH, unix_connection_past_credentials, { unix_check_role }, .aspects = ASPECT(CREDENTIALS) },
        { "urgent", "since Linux 5.15 a byte that is sent with MSG_OOB can be received before what was sent before it",
                "send(2)", CHECK_BOTH, unix_stream_urgent, { unix_check_role }, .aspects = ASPECT(ORDER) },
        {},
};

const CheckGap unix_stream_gaps[] = {
        { ASPECT_PRIORITY, "What was sent first is received first; there are no priorities." },
        { ASPECT_SYNCHRONISATION,
                "Processes share no memory here: the kernel copies, and keeps senders and receivers apart." },
        {},
};
