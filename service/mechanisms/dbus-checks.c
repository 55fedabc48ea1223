/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What D-Bus promises. The claims about names and calls are checked on a bus of the run, between peers that know each
 * other by name alone; those about the way of the bytes over both transports. */
#include "dbus-checks.h"

#include <errno.h>
#include <stdio.h>

#include "dbus-peer.h"
#include "dbus.h"

CheckResult meeting_close(Meeting *meeting, CheckResult result) {
        for (unsigned i = 0; i < MEETING_PEERS_MAX; i++)
                if (meeting->peers[i])
                        (void)check_murder(meeting->run, meeting->peers[i]);
        private_bus_stop(&meeting->bus);
        return result;
}

const char *meeting_target(const Meeting *meeting, unsigned who, const char *member, char buffer[128]) {
        (void)snprintf(buffer, 128, "%s %s", meeting->unique[who], member);
        return buffer;
}

bool meeting_open(CheckRun *run, unsigned peers, Meeting *ret) {
        return meeting_open_with(run, peers, "", NULL, ret);
}

bool meeting_open_with(CheckRun *run, unsigned peers, const char *more, const char *directory, Meeting *ret) {
        Error error = { 0 };
        PeerReply reply;
        int r;

        *ret = (Meeting){ .run = run };
        r = private_bus_start_with(directory ? directory : run->directory, run->token, more, &ret->bus, &error);
        if (!check_need_said(run, error.message, r))
                return false;
        for (unsigned i = 0; i < peers; i++) {
                r = peer_start(run, 0, NULL, 0, &ret->peers[i]);
                if (r < 0 || !check_need(run, "connecting to the bus",
                                     tell(ret, i, &reply, "connect", .text = ret->bus.address)))
                        return false;
                (void)snprintf(ret->unique[i], sizeof(ret->unique[i]), "%.60s", reply.text);
        }
        return true;
}

#define BY_DAEMON &dbus_daemon_transport
#define SPEC      "D-Bus Specification, "

const Check dbus_checks[] = {
        { "order", "all messages between two peers arrive, once, in order", SPEC "Message Protocol", CHECK_BOTH,
                transport_order, { transport_order_role }, .aspects = ASPECT(ORDER) },
        { "boundaries", "a message is received whole, never split or joined", SPEC "Message Protocol", CHECK_BOTH,
                transport_boundaries, { transport_boundaries_role },
                .aspects = ASPECT(BOUNDARIES) | ASPECT(ATOMICITY) },
        { "duplex", "two peers send to each other at the same time", SPEC "Message Protocol", CHECK_BOTH,
                transport_duplex, { transport_duplex_role }, .aspects = ASPECT(FULL_DUPLEX) | ASPECT(BIDIRECTIONAL) },
        { "receive-blocks", "a peer that waits for a message sleeps until there is one", "sd_bus_wait(3)", CHECK_BOTH,
                transport_receive_blocks, { transport_receive_blocks_role },
                .aspects = ASPECT(BLOCKING) | ASPECT(EMPTY) },
        { "send-blocks", "a sender sleeps while the socket is full, and nothing is lost", "sd_bus_flush(3)",
                CHECK_BOTH, transport_send_blocks, { transport_send_blocks_role },
                .aspects = ASPECT(BLOCKING) | ASPECT(FULL) },
        { "nonblocking", "without waiting there is EAGAIN when nothing came, and when the socket is full",
                "sd_bus_process(3)", CHECK_BOTH, transport_nonblocking, { transport_nonblocking_role },
                .aspects = ASPECT(NON_BLOCKING) | ASPECT(FULL) | ASPECT(EMPTY) },
        { "timeout", "waiting for a message ends after the time-out, never early", "sd_bus_wait(3)", CHECK_BOTH,
                transport_timeout, { transport_timeout_role }, .aspects = ASPECT(TIMEOUT) },
        { "sender-killed", "what a killed peer had sent arrives, then the connection ends", "sd_bus_process(3)",
                CHECK_BOTH, transport_sender_killed_end, { transport_sender_killed_role },
                .aspects = ASPECT(PERSISTENCE) | ASPECT(CREATOR_GONE) },
        { "receiver-killed", "sending to a killed peer fails with EPIPE", "sd_bus_send(3)", CHECK_BOTH,
                transport_receiver_killed, { transport_receiver_killed_role }, .aspects = ASPECT(HOLDER_KILLED) },
        { "writer-killed-within",
                "a sender that is killed in the middle of a message leaves no part of it: whole ones come, then the "
                "end",
                SPEC "Message Protocol", CHECK_BOTH, transport_writer_killed_within,
                { transport_writer_killed_within_role }, .aspects = ASPECT(WRITER_KILLED) | ASPECT(ATOMICITY) },
        { "stopped", "stopped and continued, without a handler, a waiting receiver goes on", "signal(7)", CHECK_BOTH,
                transport_stopped_goes_on, { transport_interrupted_role }, .aspects = ASPECT(INTERRUPTED) },
        { "no-names", "peer to peer there are no names: a message has no sender, and nobody answers for the bus",
                SPEC "Message Bus Specification", CHECK_BOTH, dbus_direct_nameless, { dbus_direct_nameless_role } },
        { "daemon-order", "through the daemon the messages of one sender arrive, once, in order", "dbus-daemon(1)",
                CHECK_BOTH, transport_order, { transport_order_role }, BY_DAEMON,
                .aspects = ASPECT(ORDER) | ASPECT(UNRELATED) },
        { "daemon-boundaries", "through the daemon a message is received whole, never split or joined",
                "dbus-daemon(1)", CHECK_BOTH, transport_boundaries, { transport_boundaries_role }, BY_DAEMON,
                .aspects = ASPECT(BOUNDARIES) },
        { "daemon-duplex", "through the daemon two peers send to each other at the same time", "dbus-daemon(1)",
                CHECK_BOTH, transport_duplex, { transport_duplex_role }, BY_DAEMON, .aspects = ASPECT(FULL_DUPLEX) },
        { "daemon-back-pressure",
                "a sender who is faster than the receiver sleeps at the daemon's max_incoming_bytes, and nothing is "
                "lost",
                "dbus-daemon(1)", CHECK_BOTH, transport_send_blocks, { transport_send_blocks_role }, BY_DAEMON,
                .aspects = ASPECT(BLOCKING) | ASPECT(FULL) },
        { "daemon-timeout", "through the daemon waiting ends after the time-out, never early", "sd_bus_wait(3)",
                CHECK_BOTH, transport_timeout, { transport_timeout_role }, BY_DAEMON, .aspects = ASPECT(TIMEOUT) },
        { "daemon-sender-killed", "what a killed peer had sent is delivered by the daemon, then its going is told",
                "dbus-daemon(1)", CHECK_BOTH, transport_sender_killed_end, { transport_sender_killed_role }, BY_DAEMON,
                .aspects = ASPECT(CREATOR_GONE) },
        { "call-once", "each call is answered exactly once, with its own answer", SPEC "Message Protocol", CHECK_BOTH,
                dbus_call_once, { dbus_peer_role } },
        { "types", "signature and values of every type arrive as they were sent", SPEC "Type System", CHECK_BOTH,
                dbus_types, { dbus_peer_role } },
        { "signal-match", "a signal reaches all whose match rule fits it, and nobody else", SPEC "Match Rules",
                CHECK_BOTH, dbus_signal_match, { dbus_peer_role } },
        { "one-owner", "a name has one owner at a time; the second to ask is refused", SPEC "RequestName", CHECK_BOTH,
                dbus_one_owner, { dbus_peer_role } },
        { "queue", "when the owner of a name is killed, the next in the queue has it, and all are told",
                SPEC "NameOwnerChanged", CHECK_BOTH, dbus_queue, { dbus_peer_role },
                .aspects = ASPECT(HOLDER_KILLED) },
        { "replacement", "a name is taken from its owner only if that allowed it", SPEC "RequestName", CHECK_BOTH,
                dbus_replacement, { dbus_peer_role } },
        { "release", "a name that was released is free for others at once", SPEC "ReleaseName", CHECK_BOTH,
                dbus_release, { dbus_peer_role } },
        { "nobody", "a call to a name that nobody has fails at once, and without auto-start nothing is started",
                SPEC "Message Bus Starting Services", CHECK_BOTH, dbus_nobody, { dbus_peer_role } },
        { "unique-names", "a unique name is never given twice", SPEC "Unique Connection Names", CHECK_BOTH,
                dbus_unique_names, { dbus_peer_role } },
        { "credentials", "the process and user that the bus tells of a name are those of its owner",
                SPEC "GetConnectionCredentials", CHECK_BOTH, dbus_credentials, { dbus_peer_role },
                .aspects = ASPECT(CREDENTIALS) },
        { "descriptor", "a descriptor that is passed is the same open file: its offset is shared", SPEC "UNIX_FD",
                CHECK_BOTH, dbus_descriptor, { dbus_peer_role }, .aspects = ASPECT(DESCRIPTORS) },
        { "descriptor-limit",
                "max_message_unix_fds descriptors go in one message (16 unless configured); who sends more is "
                "disconnected",
                "dbus-daemon(1), max_message_unix_fds", CHECK_BOTH, dbus_descriptor_limit, { dbus_peer_role },
                .aspects = ASPECT(DESCRIPTORS) | ASPECT(LIMIT) },
        { "size-limit", "a message below max_message_size is delivered; who sends a larger one is disconnected",
                "dbus-daemon(1), max_message_size", CHECK_BOTH, dbus_size_limit, { dbus_peer_role },
                .aspects = ASPECT(MAXIMUM) | ASPECT(LIMIT) },
        { "callee-killed", "a call whose callee is killed fails with NoReply, long before its time-out",
                SPEC "Message Protocol", CHECK_BOTH, dbus_callee_killed, { dbus_peer_role },
                .aspects = ASPECT(HOLDER_KILLED) },
        { "call-timeout", "a call that is not answered fails after its time-out, never early", "sd_bus_call(3)",
                CHECK_BOTH, dbus_call_timeout, { dbus_peer_role }, .aspects = ASPECT(TIMEOUT) },
        { "answers-order",
                "answers come in the order in which they are given, each to its own call, not in that of the calls",
                SPEC "Message Protocol", CHECK_BOTH, dbus_answers_order, { dbus_peer_role },
                .aspects = ASPECT(ORDER) },
        { "caller-killed", "the answer to a caller that was killed goes to nobody, and who gives it gets no error",
                SPEC "Message Protocol", CHECK_BOTH, dbus_caller_killed, { dbus_peer_role },
                .aspects = ASPECT(WAITER_KILLED) },
        { "interrupted",
                "a signal's handler, also with SA_RESTART, may end a call with EINTR; its answer is not taken for the "
                "next one's",
                "sd_bus_call(3)", CHECK_BOTH, dbus_interrupted, { dbus_peer_role }, .aspects = ASPECT(INTERRUPTED) },
        { "many-senders",
                "the messages of several senders come once, none mixed with another's, each sender's in order",
                SPEC "Message Protocol", CHECK_BOTH, dbus_many_senders, { dbus_peer_role },
                .aspects = ASPECT(MANY_WRITERS) },
        { "bus-killed", "with the bus all connections end at once, and calls that wait for an answer fail",
                SPEC "Message Bus Specification", CHECK_BOTH, dbus_bus_killed, { dbus_peer_role },
                .aspects = ASPECT(CREATOR_GONE) | ASPECT(HOLDER_KILLED) },
        { "match-removed", "a rule that was added twice lets a signal through once, and has to be removed twice",
                SPEC "RemoveMatch", CHECK_BOTH, dbus_match_removed, { dbus_peer_role } },
        { "activation",
                "a call to a name that the bus cannot start says why: ServiceUnknown, or an error of starting it",
                SPEC "Message Bus Starting Services", CHECK_BOTH, dbus_activation, { dbus_peer_role } },
        { "monitor", "a monitor sees the messages of others, who notice nothing, and may not send",
                SPEC "BecomeMonitor", CHECK_BOTH, dbus_monitor, { dbus_peer_role } },
        { "forged", "the sender of a message is what the bus says: a forged one is replaced",
                SPEC "Message Bus Message Routing", CHECK_BOTH, dbus_forged, { dbus_peer_role },
                .aspects = ASPECT(CREDENTIALS) },
        { "refused-user", "a session bus takes the connection of another user, and ends it before a message",
                "dbus-daemon(1)", CHECK_BOTH, dbus_refused_user, { dbus_peer_role }, .aspects = ASPECT(PERMISSION) },
        { "other-user", "another user, where the policy lets him in, calls and is answered; the bus tells who it is",
                "dbus-daemon(1)", CHECK_BOTH, dbus_other_user, { dbus_peer_role },
                .aspects = ASPECT(OTHER_USER) | ASPECT(CREDENTIALS) },
        { "other-ipc", "IPC namespaces do not matter to a bus", "ipc_namespaces(7)", CHECK_BOTH, dbus_other_ipc,
                { dbus_peer_role }, .aspects = ASPECT(NAMESPACE) },
        { "other-net",
                "from another network namespace a bus is found by the path of its socket, not by an abstract address",
                "network_namespaces(7)", CHECK_BOTH, dbus_other_net, { dbus_peer_role },
                .aspects = ASPECT(NAMESPACE) },
        { "policy", "what the policy denies, a name or a member, gives AccessDenied, and the callee does not see it",
                "dbus-daemon(1)", CHECK_BOTH, dbus_policy, { dbus_peer_role }, .aspects = ASPECT(PERMISSION) },
        { "connections-limit", "at max_connections_per_user the next connection is refused until one ends",
                "dbus-daemon(1), max_connections_per_user", CHECK_BOTH, dbus_connections_limit, { dbus_peer_role },
                .aspects = ASPECT(LIMIT) },
        { "names-limit", "at max_names_per_connection, where the unique name counts, the next name is refused",
                "dbus-daemon(1), max_names_per_connection", CHECK_BOTH, dbus_names_limit, { dbus_peer_role },
                .aspects = ASPECT(LIMIT) },
        { "matches-limit",
                "at max_match_rules_per_connection the next rule gives LimitsExceeded, to this connection alone",
                "dbus-daemon(1), max_match_rules_per_connection", CHECK_BOTH, dbus_matches_limit, { dbus_peer_role },
                .aspects = ASPECT(LIMIT) },
        { "replies-limit",
                "at max_replies_per_connection the next call gives LimitsExceeded; those that want no answer do not "
                "count",
                "dbus-daemon(1), max_replies_per_connection", CHECK_BOTH, dbus_replies_limit, { dbus_peer_role },
                .aspects = ASPECT(LIMIT) },
        { "reply-timeout",
                "after reply_timeout the bus answers with NoReply itself, however long the caller would wait",
                "dbus-daemon(1), reply_timeout", CHECK_BOTH, dbus_reply_timeout, { dbus_peer_role },
                .aspects = ASPECT(TIMEOUT) },
        { "slow-receiver", "one who does not read stops who sends to it, and nobody else",
                "dbus-daemon(1), max_incoming_bytes", CHECK_BOTH, dbus_slow_receiver, { dbus_peer_role },
                .aspects = ASPECT(FULL) },
        { "exhausted", "without a descriptor left connecting gives EMFILE, and what is connected goes on",
                "connect(2)", CHECK_BOTH, dbus_exhausted, { dbus_peer_role }, .aspects = ASPECT(EXHAUSTION) },
        { "exhausted-receiver", "a receiver without a descriptor left loses its connection when one is sent to it",
                "unix(7), MSG_CTRUNC", CHECK_BOTH, dbus_exhausted_receiver, { dbus_peer_role },
                .aspects = ASPECT(EXHAUSTION) | ASPECT(DESCRIPTORS) },
        {},
};

const CheckGap dbus_gaps[] = {
        { ASPECT_PRIORITY, "A bus delivers in the order in which it took the messages; there are no priorities." },
        { ASPECT_SYNCHRONISATION, "Processes share no memory here: what one has in a message is a copy, and the bus "
                                  "takes one at a time." },
        {},
};
