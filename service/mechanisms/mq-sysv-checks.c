/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mq-sysv-checks.h"

/* What msgsnd(2) and msgrcv(2) promise of messages. */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

static CheckResult both_ways(CheckRun *run) {
        CLEANUP_MSG_QUEUE int id = -1;
        PeerReply reply = {};
        CheckProcess *peer;
        char byte = 0;

        if (!msg_begin(run, &id, NULL, &peer) ||
                !check_expect(run, "the peer's send of type 1", peer_call(run, peer, "msg-send", id, 1, 'a'), 0) ||
                !check_expect(run, "send of type 2 here", msg_send_byte(id, 2, 'b', 1), 0) ||
                !check_expect(run, "receive of type 1 here", msg_receive_byte(id, 1, IPC_NOWAIT, NULL, &byte), 1) ||
                !check_expect(run, "its byte", byte, 'a') ||
                !check_expect(run, "the peer's receive of type 2",
                        peer_call_full(run, peer, &(PeerCall){ "msg-receive", id, 2, IPC_NOWAIT }, &reply), 1) ||
                !check_expect(run, "its byte", reply.y, 'b'))
                return CHECK_FAILED;
        return check_ok(run, "both sent before either received: type 1 came here, type 2 went there, on one queue");
}

/* Types 3, 1, 2, 1, 3 with the bytes a to e; what each way of asking gives. */
static CheckResult types(CheckRun *run) {
        static const long sent[] = { 3, 1, 2, 1, 3 };
        static const struct {
                const char *what;
                long asked;
                int flags;
                char byte;
        } wanted[] = { { "up to 2 (-2)", -2, 0, 'b' }, { "exactly 2", 2, 0, 'c' }, { "all but 3", 3, MSG_EXCEPT, 'd' },
                { "the first (0)", 0, 0, 'a' }, { "up to 9 (-9)", -9, 0, 'e' } };
        CLEANUP_MSG_QUEUE int id = -1;
        CheckProcess *peer;

        if (!msg_begin(run, &id, NULL, &peer))
                return CHECK_FAILED;
        for (size_t i = 0; i < sizeof sent / sizeof *sent; i++)
                if (!check_expect(run, "send", peer_call(run, peer, "msg-send", id, sent[i], 'a' + (int)i), 0))
                        return CHECK_FAILED;
        for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
                char byte = 0;

                if (!check_expect(run, wanted[i].what,
                            msg_receive_byte(id, wanted[i].asked, wanted[i].flags | IPC_NOWAIT, NULL, &byte), 1) ||
                        !check_expect(run, wanted[i].what, byte, wanted[i].byte))
                        return CHECK_FAILED;
        }
        return check_ok(run, "sent types 3 1 2 1 3; -2 gave the 2nd, 2 the 3rd, all but 3 the 4th, 0 the 1st, -9 the "
                             "last");
}

/* A negative type asks for the lowest there is: the type is then a priority, 1 the highest. */
static CheckResult priority(CheckRun *run) {
        static const long sent[] = { 5, 2, 9, 2 };
        static const char wanted[] = { 'b', 'd', 'a', 'c' };
        CLEANUP_MSG_QUEUE int id = -1;
        CheckProcess *peer;

        if (!msg_begin(run, &id, NULL, &peer))
                return CHECK_FAILED;
        for (size_t i = 0; i < sizeof sent / sizeof *sent; i++)
                if (!check_expect(run, "send", peer_call(run, peer, "msg-send", id, sent[i], 'a' + (int)i), 0))
                        return CHECK_FAILED;
        for (size_t i = 0; i < sizeof wanted; i++) {
                char byte = 0;

                if (!check_expect(run, "receive up to 9", msg_receive_byte(id, -9, IPC_NOWAIT, NULL, &byte), 1) ||
                        !check_expect(run, "its byte", byte, wanted[i]))
                        return CHECK_FAILED;
        }
        return check_ok(run, "sent types 5 2 9 2; msgtyp -9 gave 2 2 5 9, the two of 2 as sent");
}

/* Both directions share the room: who does not read keeps the other from writing, and himself from the answer. */
static CheckResult shared_room(CheckRun *run) {
        CLEANUP_MSG_QUEUE int id = -1;
        CheckProcess *peer;

        if (!msg_begin(run, &id, NULL, &peer) ||
                !check_expect(run, "msg_qbytes = 2", peer_call(run, peer, "msg-bound", id, 2), 0) ||
                !check_expect(run, "the peer's send of type 1", peer_call(run, peer, "msg-send", id, 1, 'a'), 0) ||
                !check_expect(run, "another", peer_call(run, peer, "msg-send", id, 1, 'b'), 0) ||
                !check_expect(run, "send of type 2 here", msg_send_byte(id, 2, 'c', 1), -EAGAIN) ||
                !check_expect(run, "receive of type 1", msg_receive_byte(id, 1, IPC_NOWAIT, NULL, NULL), 1) ||
                !check_expect(run, "send of type 2 here", msg_send_byte(id, 2, 'c', 1), 0))
                return CHECK_FAILED;
        return check_ok(run, "full of type 1: type 2 gets EAGAIN; one taken: it fits");
}

static CheckResult peek_rules(CheckRun *run) {
        CLEANUP_MSG_QUEUE int id = -1;
        CheckProcess *peer;
        int64_t r;

        if (!msg_begin(run, &id, NULL, &peer) || !check_expect(run, "send", msg_send_byte(id, 1, 'a', 1), 0))
                return CHECK_FAILED;
        r = peer_call(run, peer, "msg-receive", id, 0, MSG_COPY | IPC_NOWAIT);
        if (r == -ENOSYS)
                return check_skip(run, "this kernel was built without CONFIG_CHECKPOINT_RESTORE");
        if (!check_expect(run, "MSG_COPY", r, 1) ||
                !check_expect(
                        run, "without IPC_NOWAIT", peer_call(run, peer, "msg-receive", id, 0, MSG_COPY), -EINVAL) ||
                !check_expect(run, "with MSG_EXCEPT",
                        peer_call(run, peer, "msg-receive", id, 0, MSG_COPY | IPC_NOWAIT | MSG_EXCEPT), -EINVAL))
                return CHECK_FAILED;
        return check_ok(run, "with IPC_NOWAIT: copied; without: EINVAL; with MSG_EXCEPT: EINVAL");
}

static CheckResult type_positive(CheckRun *run) {
        CLEANUP_MSG_QUEUE int id = -1;
        CheckProcess *peer;

        if (!msg_begin(run, &id, NULL, &peer) ||
                !check_expect(run, "type 0", peer_call(run, peer, "msg-send", id, 0, 'a'), -EINVAL) ||
                !check_expect(run, "type -1", peer_call(run, peer, "msg-send", id, -1, 'a'), -EINVAL) ||
                !check_expect(run, "the largest type", peer_call(run, peer, "msg-send", id, LONG_MAX, 'a'), 0) ||
                !check_expect(run, "receive of it", msg_receive_byte(id, LONG_MAX, IPC_NOWAIT, NULL, NULL), 1))
                return CHECK_FAILED;
        return check_ok(run, "0 and -1: EINVAL; 1 to %ld", LONG_MAX);
}

static CheckResult no_such_type(CheckRun *run) {
        CLEANUP_MSG_QUEUE int id = -1;
        CheckProcess *peer;

        if (!msg_begin(run, &id, NULL, &peer) ||
                !check_expect(run, "send of type 1", msg_send_byte(id, 1, 'a', 1), 0) ||
                !check_expect(
                        run, "receive of type 5", peer_call(run, peer, "msg-receive", id, 5, IPC_NOWAIT), -ENOMSG) ||
                !check_expect(run, "begin to wait for type 5",
                        peer_begin(run, peer, &(PeerCall){ "msg-receive", id, 5 }), 0) ||
                !check_sleeps(run, peer, "a receiver of type 5 while type 1 is there") ||
                !check_expect(run, "send of type 5", msg_send_byte(id, 5, 'b', 1), 0) ||
                !check_expect(run, "its receive", peer_end(run, peer, NULL), 1) ||
                !check_expect(run, "receive of type 1", msg_receive_byte(id, 1, IPC_NOWAIT, NULL, NULL), 1))
                return CHECK_FAILED;
        return check_ok(run, "type 1 waits, type 5 is asked for: ENOMSG, or asleep until one comes");
}

static CheckResult peek(CheckRun *run) {
        CLEANUP_MSG_QUEUE int id = -1;
        CheckProcess *peer;
        PeerReply reply;
        int64_t r;

        if (!msg_begin(run, &id, NULL, &peer))
                return CHECK_FAILED;
        for (int i = 0; i < 3; i++)
                if (!check_expect(run, "send", msg_send_byte(id, 7 - i, (char)('a' + i), 1), 0))
                        return CHECK_FAILED;
        for (int i = 2; i >= 0; i--) {
                r = peer_call_full(run, peer, &(PeerCall){ "msg-receive", id, i, MSG_COPY | IPC_NOWAIT }, &reply);
                if (r == -ENOSYS)
                        return check_skip(run, "this kernel was built without CONFIG_CHECKPOINT_RESTORE");
                if (!check_expect(run, "copy", r, 1) || !check_expect(run, "its byte", reply.y, 'a' + i) ||
                        !check_expect(run, "its type", reply.x, 7 - i))
                        return CHECK_FAILED;
        }
        if (!check_expect(run, "copy behind the last",
                    peer_call(run, peer, "msg-receive", id, 3, MSG_COPY | IPC_NOWAIT), -ENOMSG) ||
                !check_expect(run, "receive", msg_receive_byte(id, 0, IPC_NOWAIT, NULL, NULL), 1))
                return CHECK_FAILED;
        return check_ok(run, "messages 2, 1 and 0 copied; then all were still there; number 3: ENOMSG");
}

static CheckResult sizes(CheckRun *run) {
        CLEANUP_MSG_QUEUE int id = -1;
        CheckProcess *peer;
        MsgMessage small = {};

        if (!msg_begin(run, &id, NULL, &peer) ||
                !check_expect(run, "send of 64 bytes", msg_send_byte(id, 1, 'a', MSG_SIZE), 0) ||
                !check_expect(run, "receive into 10 bytes", msgrcv(id, &small, 10, 0, IPC_NOWAIT) < 0 ? -errno : 0,
                        -E2BIG) ||
                !check_expect(run, "the peer's receive into 64",
                        peer_call(run, peer, "msg-receive", id, 0, IPC_NOWAIT), MSG_SIZE) ||
                !check_expect(run, "send of 64 bytes", msg_send_byte(id, 1, 'a', MSG_SIZE), 0) ||
                !check_expect(run, "receive into 10 with MSG_NOERROR",
                        msgrcv(id, &small, 10, 0, IPC_NOWAIT | MSG_NOERROR), 10) ||
                !check_expect(run, "receive of the rest", msg_receive_byte(id, 0, IPC_NOWAIT, NULL, NULL), -ENOMSG))
                return CHECK_FAILED;
        return check_ok(run, "64 bytes into 10: E2BIG and the message stays; with MSG_NOERROR 10 come, 54 are lost");
}

static CheckResult empty_message(CheckRun *run) {
        CLEANUP_MSG_QUEUE int id = -1;
        CheckProcess *peer;

        if (!msg_begin(run, &id, NULL, &peer) ||
                !check_expect(run, "send of 0 bytes", msg_send_byte(id, 1, 'a', 0), 0) ||
                !check_expect(run, "the peer's receive", peer_call(run, peer, "msg-receive", id, 0, IPC_NOWAIT), 0) ||
                !check_expect(run, "receive", msg_receive_byte(id, 0, IPC_NOWAIT, NULL, NULL), -ENOMSG))
                return CHECK_FAILED;
        return check_ok(run, "0 bytes sent, 0 received; then ENOMSG");
}

static CheckResult one_receiver(CheckRun *run) {
        CLEANUP_MSG_QUEUE int id = -1;
        CheckProcess *peers[2];
        char text[64];

        if (!msg_begin(run, &id, NULL, &peers[0]) || peer_start(run, 0, NULL, 0, &peers[1]) < 0)
                return CHECK_FAILED;
        for (size_t i = 0; i < 2; i++)
                if (peer_begin(run, peers[i], &(PeerCall){ "msg-receive", id }) < 0 ||
                        check_await_sleep(run, peers[i], text, sizeof text) < 0)
                        return check_fail(run, "a receiver does not wait");
        if (!check_expect(run, "send", msg_send_byte(id, 1, 'a', 1), 0) ||
                !check_expect(run, "the first receiver", peer_end(run, peers[0], NULL), 1))
                return CHECK_FAILED;
        if (check_await_sleep(run, peers[1], text, sizeof text) < 0)
                return check_fail(run, "the second receiver was woken too");
        if (!check_expect(run, "send", msg_send_byte(id, 1, 'b', 1), 0) ||
                !check_expect(run, "the second receiver", peer_end(run, peers[1], NULL), 1))
                return CHECK_FAILED;
        return check_ok(run, "two waited; each message went to one of them");
}

const Check mq_sysv_checks[] = {
        { "both-ways", "one queue serves both ways, told apart by type: two are not needed", "msgrcv(2)", CHECK_BOTH,
                both_ways, { msg_check_role }, .aspects = ASPECT(BIDIRECTIONAL) },
        { "shared-room", "both ways share the room of the queue: full of one, it takes nothing of the other",
                "msgrcv(2)", CHECK_BOTH, shared_room, { msg_check_role },
                .aspects = ASPECT(BIDIRECTIONAL) | ASPECT(FULL) },
        { "duplex", "both sides send before either receives", "msgrcv(2)", CHECK_BOTH, transport_duplex,
                { transport_duplex_role }, .aspects = ASPECT(FULL_DUPLEX) },
        { "types", "a receiver takes the first message, the first of a type, up to a type, or of all but one",
                "msgrcv(2)", CHECK_BOTH, types, { msg_check_role } },
        { "priority", "asked for up to a type, the lowest comes first: the type serves as a priority", "msgrcv(2)",
                CHECK_BOTH, priority, { msg_check_role }, .aspects = ASPECT(PRIORITY) },
        { "type-positive", "the type of a message is at least 1", "msgsnd(2)", CHECK_BOTH, type_positive,
                { msg_check_role } },
        { "type-waits", "who waits for a type is not woken by another", "msgrcv(2)", CHECK_BOTH, no_such_type,
                { msg_check_role }, .aspects = ASPECT(BLOCKING) },
        { "peek", "a message can be looked at by its number without being taken (MSG_COPY)", "msgrcv(2)", CHECK_BOTH,
                peek, { msg_check_role }, .aspects = ASPECT(NON_BLOCKING) },
        { "peek-rules", "MSG_COPY never waits and knows no types: it wants IPC_NOWAIT, and no MSG_EXCEPT", "msgrcv(2)",
                CHECK_BOTH, peek_rules, { msg_check_role } },
        { "boundaries", "a message is received whole, never split or joined", "msgrcv(2)", CHECK_BOTH,
                transport_boundaries, { transport_boundaries_role },
                .aspects = ASPECT(BOUNDARIES) | ASPECT(ATOMICITY) },
        { "order", "messages of one type arrive in the order in which they were sent", "msgrcv(2)", CHECK_BOTH,
                transport_order, { transport_order_role }, .aspects = ASPECT(ORDER) },
        { "many-writers", "what several send at once arrives once, whole, in the order of each", "msgsnd(2)",
                CHECK_BOTH, transport_many_writers, { transport_many_writers_role },
                .aspects = ASPECT(MANY_WRITERS) | ASPECT(ATOMICITY) },
        { "message-size", "a smaller buffer is refused, or cuts the message if told so (MSG_NOERROR)", "msgrcv(2)",
                CHECK_BOTH, sizes, { msg_check_role } },
        { "maximum", "a message has msgmax bytes at the most", "msgsnd(2)", CHECK_BOTH, msg_check_maximum,
                { msg_check_role }, .aspects = ASPECT(MAXIMUM) },
        { "empty-message", "a message may be empty", "msgsnd(2)", CHECK_BOTH, empty_message, { msg_check_role },
                .aspects = ASPECT(EMPTY) },
        { "queue-bytes",
                "msg_qbytes bounds the bytes in a queue, and the number of its messages, so that empty ones count",
                "msgctl(2)", CHECK_BOTH, msg_check_bound, { msg_check_role },
                .aspects = ASPECT(LIMIT) | ASPECT(FULL) },
        { "grown", "more room given to a full queue lets a waiting sender go on", "msgctl(2)", CHECK_BOTH,
                msg_check_grown, { msg_check_role }, .aspects = ASPECT(FULL) | ASPECT(BLOCKING) },
        { "raise", "only privilege raises msg_qbytes above msgmnb", "msgctl(2)", CHECK_BOTH, msg_check_raise,
                { msg_check_role }, .aspects = ASPECT(LIMIT) | ASPECT(MAXIMUM) | ASPECT(PERMISSION) },
        { "system-limits",
                "msgmni, msgmax and msgmnb bound the queues, the size of a message and the bytes of a queue",
                "msgget(2)", CHECK_BOTH, msg_check_system, { msg_check_role },
                .aspects = ASPECT(LIMIT) | ASPECT(MAXIMUM) },
        { "receive-blocks", "a receiver sleeps until a message comes", "msgrcv(2)", CHECK_BOTH,
                transport_receive_blocks, { transport_receive_blocks_role },
                .aspects = ASPECT(BLOCKING) | ASPECT(EMPTY) },
        { "send-blocks", "a sender sleeps while the queue is full, and nothing is lost", "msgsnd(2)", CHECK_BOTH,
                transport_send_blocks, { transport_send_blocks_role }, .aspects = ASPECT(BLOCKING) | ASPECT(FULL) },
        { "non-blocking", "with IPC_NOWAIT an empty and a full queue give an error at once", "msgsnd(2)", CHECK_BOTH,
                transport_nonblocking, { transport_nonblocking_role },
                .aspects = ASPECT(NON_BLOCKING) | ASPECT(EMPTY) | ASPECT(FULL) },
        { "interrupted", "a waiting msgrcv gives EINTR after any handler: it is never begun again, SA_RESTART or not",
                "signal(7)", CHECK_BOTH, transport_interrupted_always, { transport_interrupted_role },
                .aspects = ASPECT(INTERRUPTED) },
        { "stopped", "stopped and continued, without a handler, a waiting msgrcv goes on", "signal(7)", CHECK_BOTH,
                transport_stopped_goes_on, { transport_interrupted_role }, .aspects = ASPECT(INTERRUPTED) },
        { "send-interrupted", "a waiting msgsnd gives EINTR after any handler, and what it was to send is not sent",
                "signal(7)", CHECK_BOTH, msg_check_send_interrupted, { msg_check_role },
                .aspects = ASPECT(INTERRUPTED) | ASPECT(ATOMICITY) },
        { "one-receiver", "one message wakes one receiver", "msgrcv(2)", CHECK_BOTH, one_receiver, { msg_check_role },
                .aspects = ASPECT(BLOCKING) },
        { "waiter-killed",
                "a receiver that is killed while it waits takes nothing along: another gets what is sent then",
                "msgrcv(2)", CHECK_BOTH, transport_waiter_killed, { transport_waiter_killed_role },
                .aspects = ASPECT(WAITER_KILLED) },
        { "killed-within",
                "of a sender killed while it waits for room, what it had sent is received, and nothing else",
                "msgsnd(2)", CHECK_BOTH, transport_writer_killed_within, { transport_writer_killed_within_role },
                .aspects = ASPECT(WRITER_KILLED) | ASPECT(WAITER_KILLED) | ASPECT(FULL) },
        { "sender-killed", "messages outlive a killed sender", "sysvipc(7)", CHECK_BOTH, transport_sender_killed_empty,
                { transport_sender_killed_role }, .aspects = ASPECT(PERSISTENCE) },
        { "survives", "a queue outlives the process that made it", "sysvipc(7)", CHECK_BOTH, msg_check_survives,
                { msg_check_role }, .aspects = ASPECT(PERSISTENCE) | ASPECT(CREATOR_GONE) | ASPECT(UNRELATED) },
        { "removed", "removing a queue wakes who waits for a message with EIDRM", "msgctl(2)", CHECK_BOTH,
                msg_check_removed, { msg_check_role } },
        { "removed-sender", "removing a queue wakes who waits for room with EIDRM", "msgctl(2)", CHECK_BOTH,
                msg_check_removed_sender, { msg_check_role } },
        { "stale", "the identifier of a removed queue does not lead to the next one", "msgget(2)", CHECK_BOTH,
                msg_check_stale, { msg_check_role } },
        { "exclusive", "a key names one queue, IPC_PRIVATE always a new one", "msgget(2)", CHECK_BOTH,
                msg_check_exclusive, { msg_check_role }, .aspects = ASPECT(UNRELATED) },
        { "last", "the queue tells who sent and who received last; a message does not tell its sender", "msgctl(2)",
                CHECK_BOTH, msg_check_last, { msg_check_role }, .aspects = ASPECT(CREDENTIALS) },
        { "permission", "mode bits keep other users out, at each use; only owner and creator remove", "sysvipc(7)",
                CHECK_BOTH, msg_check_permission, { msg_check_role }, .aspects = ASPECT(PERMISSION) },
        { "permission-each", "sending and receiving are rights of their own, and can be changed at any time",
                "msgctl(2)", CHECK_BOTH, msg_check_each_way, { msg_check_role },
                .aspects = ASPECT(PERMISSION) | ASPECT(OTHER_USER) },
        { "given-away", "a queue can be given to another user, who then uses and removes it", "msgctl(2)", CHECK_BOTH,
                msg_check_given_away, { msg_check_role }, .aspects = ASPECT(OTHER_USER) },
        { "other-user", "with mode 0666 another user sends and receives", "sysvipc(7)", CHECK_BOTH,
                transport_other_user, { transport_place_role }, .aspects = ASPECT(OTHER_USER) },
        { "namespace", "neither key nor identifier leads to it from another IPC namespace", "ipc_namespaces(7)",
                CHECK_BOTH, msg_check_namespace, { msg_check_role }, .aspects = ASPECT(NAMESPACE) },
        { "other-net", "network namespaces do not matter to a message queue", "network_namespaces(7)", CHECK_BOTH,
                transport_other_net, { transport_place_role }, .aspects = ASPECT(NAMESPACE) },
        { "exhausted", "a queue takes no descriptor: it is found and used with none left", "msgget(2)", CHECK_BOTH,
                transport_exhausted_takes_none, { transport_exhausted_role }, .aspects = ASPECT(EXHAUSTION) },
        {},
};

const CheckGap mq_sysv_gaps[] = {
        { ASPECT_TIMEOUT, "msgsnd(2) and msgrcv(2) know no time-out, and nothing can be polled: who wants to give up "
                          "lets a timer interrupt it." },
        { ASPECT_DESCRIPTORS, "A message carries bytes and its type; descriptors go over UNIX sockets." },
        { ASPECT_HOLDER_KILLED,
                "Nobody holds a queue: it has no descriptor, no attachment and no lock that could be left behind." },
        { ASPECT_SYNCHRONISATION,
                "The kernel itself keeps senders and receivers apart: without any lock nothing is lost." },
        {},
};
