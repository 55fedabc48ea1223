/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "checks.h"

/* What msgsnd(2), msgrcv(2) and msgctl(2) promise of System V message queues. A Queue is the judge's to remove; peers
 * work with its identifier, which any process may use. */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "limit-facts.h"
#include "mq-sysv.h"
#include "peer-call.h"

enum { SIZE = 64 };

typedef struct Message {
        long type;
        char data[SIZE];
} Message;

static int make_with_key(key_t key, void *userdata) {
        int id = msgget(key, IPC_CREAT | IPC_EXCL | 0600);

        if (id < 0)
                return -errno;
        if (userdata)
                *(key_t *)userdata = key;
        return id;
}

static void queue_done(int *id) {
        if (*id >= 0)
                msgctl(*id, IPC_RMID, NULL);
}

#define CLEANUP_QUEUE __attribute__((cleanup(queue_done)))

static int64_t send_byte(int id, long type, char byte, size_t size) {
        Message message = { .type = type };

        memset(message.data, byte, sizeof message.data);
        return msgsnd(id, &message, size, IPC_NOWAIT) < 0 ? -errno : 0;
}

/* The size received; type and first byte where they are wanted. */
static int64_t receive_byte(int id, long type, int flags, long *ret_type, char *ret_byte) {
        Message message = {};
        ssize_t n = msgrcv(id, &message, SIZE, type, flags);

        if (n < 0)
                return -errno;
        if (ret_type)
                *ret_type = message.type;
        if (ret_byte)
                *ret_byte = message.data[0];
        return n;
}

/* --- What peers can be told to do; a is the identifier --- */

static int64_t call_make(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        return sysv_claim(peer->token, make_with_key, NULL);
}

static int64_t call_get(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        int id = msgget((key_t)call->a, (int)call->b);

        return id < 0 ? -errno : id;
}

static int64_t call_send(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        return send_byte((int)call->a, (long)call->b, (char)call->c, 1);
}

/* b is the type, c the flags. */
static int64_t call_receive(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        long type = 0;
        char byte = 0;
        int64_t n = receive_byte((int)call->a, (long)call->b, (int)call->c, &type, &byte);

        reply->x = type;
        reply->y = (unsigned char)byte;
        return n;
}

static int64_t call_remove(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        return msgctl((int)call->a, IPC_RMID, NULL) < 0 ? -errno : 0;
}

/* b is what msg_qbytes becomes. */
static int64_t call_bound(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        struct msqid_ds st;

        if (msgctl((int)call->a, IPC_STAT, &st) < 0)
                return -errno;
        st.msg_qbytes = (msglen_t)call->b;
        return msgctl((int)call->a, IPC_SET, &st) < 0 ? -errno : 0;
}

static const PeerFunction functions[] = {
        { "msg-make", call_make },
        { "msg-get", call_get },
        { "msg-send", call_send },
        { "msg-receive", call_receive },
        { "msg-remove", call_remove },
        { "msg-bound", call_bound },
        {},
};

static int role(CheckPeer *peer) {
        return peer_serve(peer, functions);
}

/* A queue with a key, and a peer that found it by that key. */
static bool begin(CheckRun *run, int *ret_id, key_t *ret_key, CheckProcess **ret) {
        key_t key = IPC_PRIVATE;

        *ret_id = sysv_claim(run->token, make_with_key, &key);
        if (ret_key)
                *ret_key = key;
        return check_need(run, "msgget", *ret_id) && peer_start(run, 0, NULL, 0, ret) >= 0 &&
               check_expect(run, "the peer's msgget of the key", peer_call(run, *ret, "msg-get", key), *ret_id);
}

/* --- Checks --- */

static CheckResult both_ways(CheckRun *run) {
        CLEANUP_QUEUE int id = -1;
        PeerReply reply = {};
        CheckProcess *peer;
        char byte = 0;

        if (!begin(run, &id, NULL, &peer) ||
                !check_expect(run, "the peer's send of type 1", peer_call(run, peer, "msg-send", id, 1, 'a'), 0) ||
                !check_expect(run, "send of type 2 here", send_byte(id, 2, 'b', 1), 0) ||
                !check_expect(run, "receive of type 1 here", receive_byte(id, 1, IPC_NOWAIT, NULL, &byte), 1) ||
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
        CLEANUP_QUEUE int id = -1;
        CheckProcess *peer;

        if (!begin(run, &id, NULL, &peer))
                return CHECK_FAILED;
        for (size_t i = 0; i < sizeof sent / sizeof *sent; i++)
                if (!check_expect(run, "send", peer_call(run, peer, "msg-send", id, sent[i], 'a' + (int)i), 0))
                        return CHECK_FAILED;
        for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
                char byte = 0;

                if (!check_expect(run, wanted[i].what,
                            receive_byte(id, wanted[i].asked, wanted[i].flags | IPC_NOWAIT, NULL, &byte), 1) ||
                        !check_expect(run, wanted[i].what, byte, wanted[i].byte))
                        return CHECK_FAILED;
        }
        return check_ok(run, "sent types 3 1 2 1 3; -2 gave the 2nd, 2 the 3rd, all but 3 the 4th, 0 the 1st, -9 the "
                             "last");
}

static CheckResult type_positive(CheckRun *run) {
        CLEANUP_QUEUE int id = -1;
        CheckProcess *peer;

        if (!begin(run, &id, NULL, &peer) ||
                !check_expect(run, "type 0", peer_call(run, peer, "msg-send", id, 0, 'a'), -EINVAL) ||
                !check_expect(run, "type -1", peer_call(run, peer, "msg-send", id, -1, 'a'), -EINVAL) ||
                !check_expect(run, "the largest type", peer_call(run, peer, "msg-send", id, LONG_MAX, 'a'), 0) ||
                !check_expect(run, "receive of it", receive_byte(id, LONG_MAX, IPC_NOWAIT, NULL, NULL), 1))
                return CHECK_FAILED;
        return check_ok(run, "0 and -1: EINVAL; 1 to %ld", LONG_MAX);
}

static CheckResult no_such_type(CheckRun *run) {
        CLEANUP_QUEUE int id = -1;
        CheckProcess *peer;

        if (!begin(run, &id, NULL, &peer) || !check_expect(run, "send of type 1", send_byte(id, 1, 'a', 1), 0) ||
                !check_expect(
                        run, "receive of type 5", peer_call(run, peer, "msg-receive", id, 5, IPC_NOWAIT), -ENOMSG) ||
                !check_expect(run, "begin to wait for type 5",
                        peer_begin(run, peer, &(PeerCall){ "msg-receive", id, 5 }), 0) ||
                !check_sleeps(run, peer, "a receiver of type 5 while type 1 is there") ||
                !check_expect(run, "send of type 5", send_byte(id, 5, 'b', 1), 0) ||
                !check_expect(run, "its receive", peer_end(run, peer, NULL), 1) ||
                !check_expect(run, "receive of type 1", receive_byte(id, 1, IPC_NOWAIT, NULL, NULL), 1))
                return CHECK_FAILED;
        return check_ok(run, "type 1 waits, type 5 is asked for: ENOMSG, or asleep until one comes");
}

static CheckResult peek(CheckRun *run) {
        CLEANUP_QUEUE int id = -1;
        CheckProcess *peer;
        PeerReply reply;
        int64_t r;

        if (!begin(run, &id, NULL, &peer))
                return CHECK_FAILED;
        for (int i = 0; i < 3; i++)
                if (!check_expect(run, "send", send_byte(id, 7 - i, (char)('a' + i), 1), 0))
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
                !check_expect(run, "receive", receive_byte(id, 0, IPC_NOWAIT, NULL, NULL), 1))
                return CHECK_FAILED;
        return check_ok(run, "messages 2, 1 and 0 copied; then all were still there; number 3: ENOMSG");
}

static CheckResult sizes(CheckRun *run) {
        CLEANUP_QUEUE int id = -1;
        CheckProcess *peer;
        Message small = {};

        if (!begin(run, &id, NULL, &peer) || !check_expect(run, "send of 64 bytes", send_byte(id, 1, 'a', SIZE), 0) ||
                !check_expect(run, "receive into 10 bytes", msgrcv(id, &small, 10, 0, IPC_NOWAIT) < 0 ? -errno : 0,
                        -E2BIG) ||
                !check_expect(run, "the peer's receive into 64",
                        peer_call(run, peer, "msg-receive", id, 0, IPC_NOWAIT), SIZE) ||
                !check_expect(run, "send of 64 bytes", send_byte(id, 1, 'a', SIZE), 0) ||
                !check_expect(run, "receive into 10 with MSG_NOERROR",
                        msgrcv(id, &small, 10, 0, IPC_NOWAIT | MSG_NOERROR), 10) ||
                !check_expect(run, "receive of the rest", receive_byte(id, 0, IPC_NOWAIT, NULL, NULL), -ENOMSG))
                return CHECK_FAILED;
        return check_ok(run, "64 bytes into 10: E2BIG and the message stays; with MSG_NOERROR 10 come, 54 are lost");
}

static CheckResult empty_message(CheckRun *run) {
        CLEANUP_QUEUE int id = -1;
        CheckProcess *peer;

        if (!begin(run, &id, NULL, &peer) || !check_expect(run, "send of 0 bytes", send_byte(id, 1, 'a', 0), 0) ||
                !check_expect(run, "the peer's receive", peer_call(run, peer, "msg-receive", id, 0, IPC_NOWAIT), 0) ||
                !check_expect(run, "receive", receive_byte(id, 0, IPC_NOWAIT, NULL, NULL), -ENOMSG))
                return CHECK_FAILED;
        return check_ok(run, "0 bytes sent, 0 received; then ENOMSG");
}

static CheckResult maximum(CheckRun *run) {
        uint64_t most = limit_read(MSG_MAX_FILE, 0);
        CLEANUP_QUEUE int id = -1;
        char *buffer;
        int64_t over, under;

        if (most == 0 || most > 16 * 1024 * 1024 || most > limit_read(MSG_MNB_FILE, 0))
                return check_skip(run, "msgmax is %" PRIu64 " here, which no queue of the default size holds", most);
        id = sysv_claim(run->token, make_with_key, NULL);
        if (!check_need(run, "msgget", id))
                return CHECK_FAILED;
        buffer = calloc(1, sizeof(long) + most + 1);
        if (!buffer)
                return check_skip(run, "no memory for a message of %" PRIu64 " bytes", most);
        *(long *)(void *)buffer = 1;
        over = msgsnd(id, buffer, most + 1, IPC_NOWAIT) < 0 ? -errno : 0;
        under = msgsnd(id, buffer, most, IPC_NOWAIT) < 0 ? -errno : msgrcv(id, buffer, most, 0, IPC_NOWAIT);
        free(buffer);
        if (!check_expect(run, "one byte more", over, -EINVAL) || !check_expect(run, "msgmax", under, (int64_t)most))
                return CHECK_FAILED;
        return check_ok(run, "%" PRIu64 " bytes arrive, %" PRIu64 ": EINVAL (" MSG_MAX_FILE ")", most, most + 1);
}

static CheckResult bound(CheckRun *run) {
        CLEANUP_QUEUE int id = -1;
        CheckProcess *peer;
        int64_t fitted = 0, r;

        if (!begin(run, &id, NULL, &peer) ||
                !check_expect(run, "msg_qbytes = 8", peer_call(run, peer, "msg-bound", id, 8), 0))
                return CHECK_FAILED;
        while (fitted < 100 && (r = send_byte(id, 1, 'a', 2)) == 0)
                fitted++;
        if (!check_expect(run, "messages of 2 bytes", fitted, 4) || !check_expect(run, "the next", r, -EAGAIN))
                return CHECK_FAILED;
        while (receive_byte(id, 0, IPC_NOWAIT, NULL, NULL) >= 0)
                ;
        for (fitted = 0; fitted < 100 && (r = send_byte(id, 1, 'a', 0)) == 0;)
                fitted++;
        if (!check_expect(run, "empty messages", fitted, 8))
                return CHECK_FAILED;
        return check_ok(run, "msg_qbytes 8: 4 messages of 2 bytes, then EAGAIN; and 8 empty ones, for they count too");
}

static CheckResult removed(CheckRun *run) {
        CLEANUP_QUEUE int id = -1;
        CheckProcess *peer;

        if (!begin(run, &id, NULL, &peer) ||
                !check_expect(run, "begin to wait", peer_begin(run, peer, &(PeerCall){ "msg-receive", id }), 0) ||
                !check_sleeps(run, peer, "the receiver") ||
                !check_expect(run, "IPC_RMID", msgctl(id, IPC_RMID, NULL), 0) ||
                !check_expect(run, "the waiting receive", peer_end(run, peer, NULL), -EIDRM) ||
                !check_expect(run, "the next send", peer_call(run, peer, "msg-send", id, 1, 'a'), -EINVAL))
                return CHECK_FAILED;
        id = -1;
        return check_ok(run, "a waiting receiver: EIDRM at once; later calls: EINVAL");
}

static CheckResult survives(CheckRun *run) {
        CLEANUP_QUEUE int id = -1;
        CheckProcess *peer;
        long type = 0;

        if (peer_start(run, 0, NULL, 0, &peer) < 0)
                return CHECK_FAILED;
        id = (int)peer_call(run, peer, "msg-make");
        if (!check_need(run, "the peer's msgget", id) ||
                !check_expect(run, "send", peer_call(run, peer, "msg-send", id, 4, 'z'), 0) ||
                !check_expect(run, "SIGKILL", check_murder(run, peer), 0) ||
                !check_expect(run, "receive", receive_byte(id, 0, IPC_NOWAIT, &type, NULL), 1) ||
                !check_expect(run, "type", type, 4))
                return CHECK_FAILED;
        return check_ok(run, "creator killed; its message received, with its type");
}

static CheckResult exclusive(CheckRun *run) {
        CLEANUP_QUEUE int id = -1;
        key_t key = IPC_PRIVATE;
        CheckProcess *peer;
        int64_t one, other;

        if (!begin(run, &id, &key, &peer) ||
                !check_expect(run, "IPC_CREAT | IPC_EXCL of the same key",
                        peer_call(run, peer, "msg-get", key, IPC_CREAT | IPC_EXCL | 0600), -EEXIST))
                return CHECK_FAILED;
        one = peer_call(run, peer, "msg-get", IPC_PRIVATE, 0600);
        other = peer_call(run, peer, "msg-get", IPC_PRIVATE, 0600);
        if (one >= 0)
                msgctl((int)one, IPC_RMID, NULL);
        if (other >= 0)
                msgctl((int)other, IPC_RMID, NULL);
        if (!check_need(run, "msgget of IPC_PRIVATE", one < 0 ? one : other))
                return CHECK_FAILED;
        if (one == other || one == id)
                return check_fail(run, "IPC_PRIVATE gave one queue twice");
        return check_ok(run, "the key again: EEXIST; IPC_PRIVATE twice: two queues");
}

static CheckResult permission(CheckRun *run) {
        CLEANUP_QUEUE int id = -1;
        key_t key = IPC_PRIVATE;
        CheckProcess *peer;

        if (!check_can_be_nobody())
                return check_skip(run, "only root can start a process of another user");
        if (!begin(run, &id, &key, &peer) || !check_become_nobody(run, peer) ||
                !check_expect(run, "send", peer_call(run, peer, "msg-send", id, 1, 'a'), -EACCES) ||
                !check_expect(run, "receive", peer_call(run, peer, "msg-receive", id, 0, IPC_NOWAIT), -EACCES) ||
                !check_expect(run, "msgget asking for both", peer_call(run, peer, "msg-get", key, 0600), -EACCES) ||
                !check_expect(run, "removing", peer_call(run, peer, "msg-remove", id), -EPERM))
                return CHECK_FAILED;
        return check_ok(
                run, "mode 0600, at each use: send and receive EACCES for user %d, removing EPERM", CHECK_NOBODY);
}

static CheckResult one_receiver(CheckRun *run) {
        CLEANUP_QUEUE int id = -1;
        CheckProcess *peers[2];
        char text[64];

        if (!begin(run, &id, NULL, &peers[0]) || peer_start(run, 0, NULL, 0, &peers[1]) < 0)
                return CHECK_FAILED;
        for (size_t i = 0; i < 2; i++)
                if (peer_begin(run, peers[i], &(PeerCall){ "msg-receive", id }) < 0 ||
                        check_await_sleep(run, peers[i], text, sizeof text) < 0)
                        return check_fail(run, "a receiver does not wait");
        if (!check_expect(run, "send", send_byte(id, 1, 'a', 1), 0) ||
                !check_expect(run, "the first receiver", peer_end(run, peers[0], NULL), 1))
                return CHECK_FAILED;
        if (check_await_sleep(run, peers[1], text, sizeof text) < 0)
                return check_fail(run, "the second receiver was woken too");
        if (!check_expect(run, "send", send_byte(id, 1, 'b', 1), 0) ||
                !check_expect(run, "the second receiver", peer_end(run, peers[1], NULL), 1))
                return CHECK_FAILED;
        return check_ok(run, "two waited; each message went to one of them");
}

const Check mq_sysv_checks[] = {
        { "both-ways", "one queue serves both ways, told apart by type", "msgrcv(2)", CHECK_BOTH, both_ways,
                { role } },
        { "types", "a receiver takes the first message, the first of a type, up to a type, or of all but one",
                "msgrcv(2)", CHECK_BOTH, types, { role } },
        { "type-positive", "the type of a message is at least 1", "msgsnd(2)", CHECK_FORKED, type_positive, { role } },
        { "type-waits", "who waits for a type is not woken by another", "msgrcv(2)", CHECK_BOTH, no_such_type,
                { role } },
        { "peek", "a message can be looked at by its number without being taken (MSG_COPY)", "msgrcv(2)", CHECK_BOTH,
                peek, { role } },
        { "boundaries", "a message is received whole, never split or joined", "msgrcv(2)", CHECK_BOTH,
                transport_boundaries, { transport_boundaries_role } },
        { "order", "messages of one type arrive in the order in which they were sent", "msgrcv(2)", CHECK_BOTH,
                transport_order, { transport_order_role } },
        { "duplex", "both sides send before either receives", "msgrcv(2)", CHECK_BOTH, transport_duplex,
                { transport_duplex_role } },
        { "message-size", "a smaller buffer is refused, or cuts the message if told so", "msgrcv(2)", CHECK_FORKED,
                sizes, { role } },
        { "maximum", "a message has msgmax bytes at the most", "msgsnd(2)", CHECK_FORKED, maximum, { NULL } },
        { "empty-message", "a message may be empty", "msgsnd(2)", CHECK_FORKED, empty_message, { role } },
        { "queue-bytes", "msg_qbytes bounds the bytes in a queue, and the number of its messages", "msgctl(2)",
                CHECK_BOTH, bound, { role } },
        { "receive-blocks", "a receiver sleeps until a message comes", "msgrcv(2)", CHECK_BOTH,
                transport_receive_blocks, { transport_receive_blocks_role } },
        { "send-blocks", "a sender sleeps while the queue is full", "msgsnd(2)", CHECK_BOTH, transport_send_blocks,
                { transport_send_blocks_role } },
        { "non-blocking", "with IPC_NOWAIT an empty and a full queue give an error at once", "msgsnd(2)", CHECK_BOTH,
                transport_nonblocking, { transport_nonblocking_role } },
        { "one-receiver", "one message wakes one receiver", "msgrcv(2)", CHECK_BOTH, one_receiver, { role } },
        { "sender-killed", "messages outlive a killed sender", "sysvipc(7)", CHECK_BOTH, transport_sender_killed_empty,
                { transport_sender_killed_role } },
        { "survives", "a queue outlives the process that made it", "sysvipc(7)", CHECK_BOTH, survives, { role } },
        { "removed", "removing a queue wakes who waits with EIDRM", "msgctl(2)", CHECK_BOTH, removed, { role } },
        { "exclusive", "a key names one queue, IPC_PRIVATE always a new one", "msgget(2)", CHECK_BOTH, exclusive,
                { role } },
        { "permission", "mode bits keep other users out, at each use; only owner and creator remove", "sysvipc(7)",
                CHECK_BOTH, permission, { role } },
        { "interrupted", "a waiting msgrcv gives EINTR after any handler: it is never begun again, SA_RESTART or not",
                "signal(7)", CHECK_BOTH, transport_interrupted_always, { transport_interrupted_role },
                .aspects = ASPECT(INTERRUPTED) },
        { "waiter-killed",
                "a receiver that is killed while it waits takes nothing along: another gets what is sent then",
                "msgrcv(2)", CHECK_BOTH, transport_waiter_killed, { transport_waiter_killed_role },
                .aspects = ASPECT(WAITER_KILLED) },
        { "many-writers", "what several send at once arrives once, whole, in the order of each", "msgsnd(2)",
                CHECK_BOTH, transport_many_writers, { transport_many_writers_role },
                .aspects = ASPECT(MANY_WRITERS) | ASPECT(ATOMICITY) },
        { "killed-within",
                "of a sender killed while it waits for room, what it had sent is received, and nothing else",
                "msgsnd(2)", CHECK_BOTH, transport_writer_killed_within, { transport_writer_killed_within_role },
                .aspects = ASPECT(WRITER_KILLED) | ASPECT(FULL) },
        { "other-user", "with mode 0666 another user sends and receives", "sysvipc(7)", CHECK_BOTH,
                transport_other_user, { transport_place_role }, .aspects = ASPECT(OTHER_USER) },
        { "other-net", "network namespaces do not matter to a message queue", "network_namespaces(7)", CHECK_BOTH,
                transport_other_net, { transport_place_role }, .aspects = ASPECT(NAMESPACE) },
        { "exhausted", "a queue takes no descriptor: it is found and used with none left", "msgget(2)", CHECK_BOTH,
                transport_exhausted_takes_none, { transport_exhausted_role }, .aspects = ASPECT(EXHAUSTION) },
        {},
};
