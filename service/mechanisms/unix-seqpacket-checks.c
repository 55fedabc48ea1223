/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "socket-checks.h"
#include "unix-checks.h"

/* What unix(7) promises of seqpacket sockets: the connections of streams with the messages of datagrams. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cleanup.h"

enum { OWN = PEER_SLOT };

static bool met(CheckRun *run, Socket *server, Socket *here, CheckProcess **peer) {
        return unix_connection_begin(run, 1, server, peer) && unix_connection_meet(run, server, *peer, here);
}

static CheckResult truncated(CheckRun *run) {
        CLEANUP(socket_done) Socket server = SOCKET_EMPTY;
        CLEANUP(socket_done) Socket here = SOCKET_EMPTY;
        CheckProcess *peer;

        return met(run, &server, &here, &peer) ? unix_check_truncated(run, here.fd, peer) : CHECK_FAILED;
}

/* The end gives 0 again and again, an empty message once. */
static CheckResult empty_message(CheckRun *run) {
        CLEANUP(socket_done) Socket server = SOCKET_EMPTY;
        CLEANUP(socket_done) Socket here = SOCKET_EMPTY;
        CheckProcess *peer;

        if (!met(run, &server, &here, &peer) ||
                !check_expect(run, "receive before", socket_receive(here.fd), -EAGAIN) ||
                !check_expect(run, "send of 0 bytes", peer_call(run, peer, "send", OWN, 0), 0) ||
                !check_expect(run, "receive", socket_receive(here.fd), 0) ||
                !check_expect(run, "receive again", socket_receive(here.fd), -EAGAIN) ||
                !check_expect(run, "close by the peer", peer_call(run, peer, "close", OWN), 0) ||
                !check_expect(run, "receive then", socket_receive(here.fd), 0) ||
                !check_expect(run, "and again", socket_receive(here.fd), 0))
                return CHECK_FAILED;
        return check_ok(run, "an empty message: 0 once, then EAGAIN; the end of the connection: 0 and 0 again");
}

/* A stream tells it behind the bytes (net/unix/af_unix.c: here the error is looked at before the queue). */
static CheckResult reset(CheckRun *run) {
        CLEANUP(socket_done) Socket server = SOCKET_EMPTY;
        CLEANUP(socket_done) Socket here = SOCKET_EMPTY;
        CheckProcess *peer;

        if (!met(run, &server, &here, &peer) ||
                !check_expect(run, "write by the peer", peer_call(run, peer, "write", OWN, 3, 'x'), 3) ||
                !check_expect(run, "send", socket_send(here.fd, 5), 5) ||
                !check_expect(run, "SIGKILL", check_murder(run, peer), 0) ||
                !check_expect(run, "read", socket_receive(here.fd), -ECONNRESET) ||
                !check_expect(run, "read again", socket_receive(here.fd), 3) ||
                !check_expect(run, "and again", socket_receive(here.fd), 0))
                return CHECK_FAILED;
        return check_ok(run, "killed with 5 bytes unread: ECONNRESET once, then its 3 bytes, then end of file");
}

/* unix_dgram_sendmsg(), which sends packets of connections too, raises no signal. */
static CheckResult no_sigpipe(CheckRun *run) {
        CLEANUP(socket_done) Socket server = SOCKET_EMPTY;
        CLEANUP(socket_done) Socket here = SOCKET_EMPTY;
        CheckProcess *peer;

        if (!met(run, &server, &here, &peer))
                return CHECK_FAILED;
        socket_done(&here);
        if (!check_expect(run, "write", peer_call(run, peer, "write", OWN, 1, 'x'), -EPIPE) ||
                !check_expect(run, "and again", peer_call(run, peer, "write", OWN, 1, 'x'), -EPIPE))
                return CHECK_FAILED;
        return check_ok(run, "EPIPE twice; the writer, who does not ignore SIGPIPE, lives");
}

static CheckResult other_type(CheckRun *run) {
        CLEANUP(socket_done) Socket server = SOCKET_EMPTY;
        CheckProcess *peer;

        if (!unix_connection_begin(run, 1, &server, &peer) ||
                !check_expect(run, "socket", peer_call(run, peer, "socket", OWN + 1, SOCK_STREAM), 0) ||
                !check_expect(run, "connect of a stream socket",
                        peer_call(run, peer, "connect", OWN + 1, .text = server.path), -EPROTOTYPE) ||
                !check_expect(run, "connect of a seqpacket socket",
                        peer_call(run, peer, "connect", OWN, .text = server.path), 0))
                return CHECK_FAILED;
        return check_ok(run, "a stream socket: EPROTOTYPE; one of the same type connects");
}

const Check unix_seqpacket_checks[] = {
        { "boundaries", "a message is received whole, never split or joined", "unix(7)", CHECK_BOTH,
                transport_boundaries, { transport_boundaries_role },
                .aspects = ASPECT(BOUNDARIES) | ASPECT(ATOMICITY) },
        { "order", "messages stay in order, all of them, unchanged", "unix(7)", CHECK_BOTH, transport_order,
                { transport_order_role }, .aspects = ASPECT(ORDER) },
        { "duplex", "full duplex: both sides send and receive at the same time", "unix(7)", CHECK_BOTH,
                transport_duplex, { transport_duplex_role }, .aspects = ASPECT(FULL_DUPLEX) | ASPECT(BIDIRECTIONAL) },
        { "truncated", "what does not fit into the receiver's buffer is lost, and that is told", "recv(2)", CHECK_BOTH,
                truncated, { unix_check_role }, .aspects = ASPECT(BOUNDARIES) },
        { "empty-message", "a message may be empty, and is not the end of the connection", "send(2)", CHECK_BOTH,
                empty_message, { unix_check_role } },
        { "maximum", "a message that does not fit into the send buffer is refused", "unix(7)", CHECK_BOTH,
                unix_check_too_long, { unix_check_role }, .aspects = ASPECT(MAXIMUM) },
        { "receive-blocks", "a receiver sleeps until there is a message", "recv(2)", CHECK_BOTH,
                transport_receive_blocks, { transport_receive_blocks_role },
                .aspects = ASPECT(BLOCKING) | ASPECT(EMPTY) },
        { "send-blocks", "a sender sleeps while the buffer is full", "send(2)", CHECK_BOTH, transport_send_blocks,
                { transport_send_blocks_role }, .aspects = ASPECT(BLOCKING) | ASPECT(FULL) },
        { "non-blocking", "without waiting, empty and full give EAGAIN", "send(2)", CHECK_BOTH, transport_nonblocking,
                { transport_nonblocking_role }, .aspects = ASPECT(NON_BLOCKING) | ASPECT(FULL) | ASPECT(EMPTY) },
        { "timeout", "poll(2) gives up at its time-out, never before", "poll(2)", CHECK_BOTH, transport_timeout,
                { transport_timeout_role }, .aspects = ASPECT(TIMEOUT) },
        { "peer-killed", "when the peer is killed its messages are received, then end of file", "unix(7)", CHECK_BOTH,
                transport_sender_killed_end, { transport_sender_killed_role },
                .aspects = ASPECT(PERSISTENCE) | ASPECT(HOLDER_KILLED) },
        { "peer-reset", "a peer that dies with messages unread gives ECONNRESET, before what it sent", "unix(7)",
                CHECK_BOTH, reset, { unix_check_role }, .aspects = ASPECT(HOLDER_KILLED) },
        { "peer-gone", "sending to a killed peer gives EPIPE", "send(2)", CHECK_BOTH, transport_receiver_killed,
                { transport_receiver_killed_role }, .aspects = ASPECT(HOLDER_KILLED) },
        { "no-sigpipe", "writing to a closed connection gives EPIPE, and on Linux no SIGPIPE", "send(2)", CHECK_BOTH,
                no_sigpipe, { unix_check_role } },
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
        { "other-type", "only sockets of the same type connect to each other", "connect(2)", CHECK_BOTH, other_type,
                { unix_check_role } },
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
        {},
};

const CheckGap unix_seqpacket_gaps[] = {
        { ASPECT_PRIORITY, "What was sent first is received first; there are no priorities." },
        { ASPECT_SYNCHRONISATION,
                "Processes share no memory here: the kernel copies, and keeps senders and receivers apart." },
        {},
};
