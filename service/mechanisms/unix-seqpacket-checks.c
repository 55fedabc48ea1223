/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "unix-checks.h"

/* What unix(7) promises of seqpacket sockets: the connections of streams with the messages of datagrams. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cleanup.h"
#include "socket-claims.h"
#include "unix-claims.h"

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
        { "truncated", "what does not fit into the receiver's buffer is lost, and that is told", "recv(2)", CHECK_BOTH,
                truncated, { unix_check_role }, .aspects = ASPECT(BOUNDARIES) },
        { "empty-message", "a message may be empty, and is not the end of the connection", "send(2)", CHECK_BOTH,
                empty_message, { unix_check_role } },
        { "maximum", "a message that does not fit into the send buffer is refused", "unix(7)", CHECK_BOTH,
                unix_check_too_long, { unix_check_role }, .aspects = ASPECT(MAXIMUM) },
        { "receive-blocks", "a receiver sleeps until there is a message", "recv(2)", CHECK_BOTH,
                transport_receive_blocks, { transport_receive_blocks_role },
                .aspects = ASPECT(BLOCKING) | ASPECT(EMPTY) },
        { "peer-killed", "when the peer is killed its messages are received, then end of file", "unix(7)", CHECK_BOTH,
                transport_sender_killed_end, { transport_sender_killed_role },
                .aspects = ASPECT(PERSISTENCE) | ASPECT(HOLDER_KILLED) },
        { "peer-reset", "a peer that dies with messages unread gives ECONNRESET, before what it sent", "unix(7)",
                CHECK_BOTH, reset, { unix_check_role }, .aspects = ASPECT(HOLDER_KILLED) },
        { "no-sigpipe", "writing to a closed connection gives EPIPE, and on Linux no SIGPIPE", "send(2)", CHECK_BOTH,
                no_sigpipe, { unix_check_role } },
        { "other-type", "only sockets of the same type connect to each other", "connect(2)", CHECK_BOTH, other_type,
                { unix_check_role } },
        UNIX_CONNECTION_CLAIMS,
        UNIX_CLAIMS,
        SOCKET_CONNECTION_CLAIMS(unix_check_role),
        SOCKET_CLAIMS(unix_check_role),
        {},
};

const CheckGap unix_seqpacket_gaps[] = {
        UNIX_GAPS,
        {},
};
