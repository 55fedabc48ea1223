/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mq-sysv-checks.h"

/* System V queues as a whole: who finds them, who may use them, how long they last; and what peers can be told. */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "limit-facts.h"

enum { SIZE_MOST = 16 * 1024 * 1024 };

int msg_make_with_key(key_t key, void *userdata) {
        int id = msgget(key, IPC_CREAT | IPC_EXCL | 0600);

        if (id < 0)
                return -errno;
        if (userdata)
                *(key_t *)userdata = key;
        return id;
}

void msg_queue_done(int *id) {
        if (*id >= 0)
                msgctl(*id, IPC_RMID, NULL);
}

int64_t msg_send_byte(int id, long type, char byte, size_t size) {
        MsgMessage message = { .type = type };

        memset(message.data, byte, sizeof message.data);
        return msgsnd(id, &message, size, IPC_NOWAIT) < 0 ? -errno : 0;
}

int64_t msg_receive_byte(int id, long type, int flags, long *ret_type, char *ret_byte) {
        MsgMessage message = {};
        ssize_t n = msgrcv(id, &message, MSG_SIZE, type, flags);

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
        return sysv_claim(peer->token, msg_make_with_key, NULL);
}

static int64_t call_get(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        int id = msgget((key_t)call->a, (int)call->b);

        return id < 0 ? -errno : id;
}

static int64_t call_send(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        return msg_send_byte((int)call->a, (long)call->b, (char)call->c, 1);
}

static int64_t call_wait(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        MsgMessage message = { .type = (long)call->b, .data = { (char)call->c } };

        return msgsnd((int)call->a, &message, 1, 0) < 0 ? -errno : 0;
}

static int64_t call_send_size(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        CLEANUP_FREE long *message = NULL;

        if (call->b < 0 || call->b > SIZE_MOST + 1)
                return -ENOBUFS;
        message = calloc(1, sizeof *message + (size_t)call->b);
        if (!message)
                return -ENOMEM;
        *message = 1;
        return msgsnd((int)call->a, message, (size_t)call->b, IPC_NOWAIT) < 0 ? -errno : 0;
}

static int64_t call_stat(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        struct msqid_ds st;

        if (msgctl((int)call->a, IPC_STAT, &st) < 0)
                return -errno;
        reply->x = st.msg_lspid;
        reply->y = st.msg_lrpid;
        reply->z = (int64_t)st.msg_qnum;
        return (int64_t)st.msg_qbytes;
}

/* b is the type, c the flags. */
static int64_t call_receive(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        long type = 0;
        char byte = 0;
        int64_t n = msg_receive_byte((int)call->a, (long)call->b, (int)call->c, &type, &byte);

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
        { "msg-wait", call_wait },
        { "msg-send-size", call_send_size },
        { "msg-stat", call_stat },
        { "msg-receive", call_receive },
        { "msg-remove", call_remove },
        { "msg-bound", call_bound },
        {},
};

int msg_check_role(CheckPeer *peer) {
        return peer_serve(peer, functions);
}

bool msg_begin(CheckRun *run, int *ret_id, key_t *ret_key, CheckProcess **ret) {
        key_t key = IPC_PRIVATE;

        *ret_id = sysv_claim(run->token, msg_make_with_key, &key);
        if (ret_key)
                *ret_key = key;
        return check_need(run, "msgget", *ret_id) && peer_start(run, 0, NULL, 0, ret) >= 0 &&
               check_expect(run, "the peer's msgget of the key", peer_call(run, *ret, "msg-get", key), *ret_id);
}

/* --- Checks --- */

CheckResult msg_check_bound(CheckRun *run) {
        CLEANUP_MSG_QUEUE int id = -1;
        CheckProcess *peer;
        int64_t fitted = 0, r;

        if (!msg_begin(run, &id, NULL, &peer) ||
                !check_expect(run, "msg_qbytes = 8", peer_call(run, peer, "msg-bound", id, 8), 0))
                return CHECK_FAILED;
        while (fitted < 100 && (r = msg_send_byte(id, 1, 'a', 2)) == 0)
                fitted++;
        if (!check_expect(run, "messages of 2 bytes", fitted, 4) || !check_expect(run, "the next", r, -EAGAIN))
                return CHECK_FAILED;
        while (msg_receive_byte(id, 0, IPC_NOWAIT, NULL, NULL) >= 0)
                ;
        for (fitted = 0; fitted < 100 && (r = msg_send_byte(id, 1, 'a', 0)) == 0;)
                fitted++;
        if (!check_expect(run, "empty messages", fitted, 8))
                return CHECK_FAILED;
        return check_ok(run, "msg_qbytes 8: 4 messages of 2 bytes, then EAGAIN; and 8 empty ones, for they count too");
}

CheckResult msg_check_removed(CheckRun *run) {
        CLEANUP_MSG_QUEUE int id = -1;
        CheckProcess *peer;

        if (!msg_begin(run, &id, NULL, &peer) ||
                !check_expect(run, "begin to wait", peer_begin(run, peer, &(PeerCall){ "msg-receive", id }), 0) ||
                !check_sleeps(run, peer, "the receiver") ||
                !check_expect(run, "IPC_RMID", msgctl(id, IPC_RMID, NULL), 0) ||
                !check_expect(run, "the waiting receive", peer_end(run, peer, NULL), -EIDRM) ||
                !check_expect(run, "the next send", peer_call(run, peer, "msg-send", id, 1, 'a'), -EINVAL))
                return CHECK_FAILED;
        id = -1;
        return check_ok(run, "a waiting receiver: EIDRM at once; later calls: EINVAL");
}

CheckResult msg_check_survives(CheckRun *run) {
        CLEANUP_MSG_QUEUE int id = -1;
        CheckProcess *peer;
        long type = 0;

        if (peer_start(run, 0, NULL, 0, &peer) < 0)
                return CHECK_FAILED;
        id = (int)peer_call(run, peer, "msg-make");
        if (!check_need(run, "the peer's msgget", id) ||
                !check_expect(run, "send", peer_call(run, peer, "msg-send", id, 4, 'z'), 0) ||
                !check_expect(run, "SIGKILL", check_murder(run, peer), 0) ||
                !check_expect(run, "receive", msg_receive_byte(id, 0, IPC_NOWAIT, &type, NULL), 1) ||
                !check_expect(run, "type", type, 4))
                return CHECK_FAILED;
        return check_ok(run, "creator killed; its message received, with its type");
}

CheckResult msg_check_exclusive(CheckRun *run) {
        CLEANUP_MSG_QUEUE int id = -1;
        key_t key = IPC_PRIVATE;
        CheckProcess *peer;
        int64_t one, other;

        if (!msg_begin(run, &id, &key, &peer) ||
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

CheckResult msg_check_permission(CheckRun *run) {
        CLEANUP_MSG_QUEUE int id = -1;
        key_t key = IPC_PRIVATE;
        CheckProcess *peer;

        if (!check_can_be_nobody())
                return check_skip(run, "only root can start a process of another user");
        if (!msg_begin(run, &id, &key, &peer) || !check_become_nobody(run, peer) ||
                !check_expect(run, "send", peer_call(run, peer, "msg-send", id, 1, 'a'), -EACCES) ||
                !check_expect(run, "receive", peer_call(run, peer, "msg-receive", id, 0, IPC_NOWAIT), -EACCES) ||
                !check_expect(run, "msgget asking for both", peer_call(run, peer, "msg-get", key, 0600), -EACCES) ||
                !check_expect(run, "removing", peer_call(run, peer, "msg-remove", id), -EPERM))
                return CHECK_FAILED;
        return check_ok(
                run, "mode 0600, at each use: send and receive EACCES for user %d, removing EPERM", CHECK_NOBODY);
}

CheckResult msg_check_maximum(CheckRun *run) {
        uint64_t most = limit_read(MSG_MAX_FILE, 0);
        CLEANUP_FREE long *buffer = NULL;
        CLEANUP_MSG_QUEUE int id = -1;
        CheckProcess *peer;

        if (most == 0 || most > SIZE_MOST || most > limit_read(MSG_MNB_FILE, 0))
                return check_skip(run, "msgmax is %" PRIu64 " here, which no queue of the default size holds", most);
        buffer = calloc(1, sizeof *buffer + most);
        if (!buffer)
                return check_skip(run, "no memory for a message of %" PRIu64 " bytes", most);
        if (!msg_begin(run, &id, NULL, &peer) ||
                !check_expect(run, "the peer's send of one byte more",
                        peer_call(run, peer, "msg-send-size", id, (int64_t)most + 1), -EINVAL) ||
                !check_expect(
                        run, "its send of msgmax", peer_call(run, peer, "msg-send-size", id, (int64_t)most), 0) ||
                !check_expect(run, "receive", msgrcv(id, buffer, most, 0, IPC_NOWAIT), (int64_t)most))
                return CHECK_FAILED;
        return check_ok(
                run, "%" PRIu64 " bytes of a peer arrive, %" PRIu64 ": EINVAL (" MSG_MAX_FILE ")", most, most + 1);
}

/* The same for who waits to send, who waits for room, and who waits for a message. */
CheckResult msg_check_removed_sender(CheckRun *run) {
        CLEANUP_MSG_QUEUE int id = -1;
        CheckProcess *peer;

        if (!msg_begin(run, &id, NULL, &peer) ||
                !check_expect(run, "msg_qbytes = 1", peer_call(run, peer, "msg-bound", id, 1), 0) ||
                !check_expect(run, "send", msg_send_byte(id, 1, 'a', 1), 0) ||
                peer_begin(run, peer, &(PeerCall){ "msg-wait", id, 1, 'b' }) < 0 ||
                !check_sleeps(run, peer, "the sender") ||
                !check_expect(run, "IPC_RMID", msgctl(id, IPC_RMID, NULL), 0) ||
                !check_expect(run, "the waiting send", peer_end(run, peer, NULL), -EIDRM))
                return CHECK_FAILED;
        id = -1;
        return check_ok(run, "a sender that waited for room: EIDRM");
}

CheckResult msg_check_grown(CheckRun *run) {
        CLEANUP_MSG_QUEUE int id = -1;
        CheckProcess *peer, *other;

        if (!msg_begin(run, &id, NULL, &peer) || peer_start(run, 0, NULL, 0, &other) < 0 ||
                !check_expect(run, "msg_qbytes = 1", peer_call(run, other, "msg-bound", id, 1), 0) ||
                !check_expect(run, "send", msg_send_byte(id, 1, 'a', 1), 0) ||
                peer_begin(run, peer, &(PeerCall){ "msg-wait", id, 1, 'b' }) < 0 ||
                !check_sleeps(run, peer, "the sender") ||
                !check_expect(run, "msg_qbytes = 2", peer_call(run, other, "msg-bound", id, 2), 0) ||
                !check_expect(run, "the waiting send", peer_end(run, peer, NULL), 0) ||
                !check_expect(run, "receive", msg_receive_byte(id, 0, IPC_NOWAIT, NULL, NULL), 1) ||
                !check_expect(run, "receive", msg_receive_byte(id, 0, IPC_NOWAIT, NULL, NULL), 1))
                return CHECK_FAILED;
        return check_ok(run, "msg_qbytes set from 1 to 2: the sender went on");
}

/* signal(7): of the System V calls none is ever begun again. */
CheckResult msg_check_send_interrupted(CheckRun *run) {
        CLEANUP_MSG_QUEUE int id = -1;
        CheckProcess *peer;

        if (!msg_begin(run, &id, NULL, &peer) ||
                !check_expect(run, "msg_qbytes = 1", peer_call(run, peer, "msg-bound", id, 1), 0) ||
                !check_expect(run, "send", msg_send_byte(id, 1, 'a', 1), 0) ||
                !check_expect(
                        run, "a handler with SA_RESTART", peer_call(run, peer, "handle", SIGUSR2, SA_RESTART), 0) ||
                peer_begin(run, peer, &(PeerCall){ "msg-wait", id, 1, 'b' }) < 0 ||
                !check_sleeps(run, peer, "the sender") ||
                !check_expect(run, "kill", check_kill(run, peer, SIGUSR2), 0) ||
                !check_expect(run, "the waiting send", peer_end(run, peer, NULL), -EINTR) ||
                !check_expect(run, "receive", msg_receive_byte(id, 0, IPC_NOWAIT, NULL, NULL), 1) ||
                !check_expect(run, "receive then", msg_receive_byte(id, 0, IPC_NOWAIT, NULL, NULL), -ENOMSG))
                return CHECK_FAILED;
        return check_ok(run, "a handler with SA_RESTART: EINTR all the same, and nothing was sent");
}

/* The identifier holds a sequence number beside the place in the table, so that a stale one meets no stranger. */
CheckResult msg_check_stale(CheckRun *run) {
        CLEANUP_MSG_QUEUE int id = -1;
        CLEANUP_MSG_QUEUE int next = -1;
        CheckProcess *peer;
        int old;

        if (!msg_begin(run, &id, NULL, &peer) || !check_expect(run, "IPC_RMID", msgctl(id, IPC_RMID, NULL), 0))
                return CHECK_FAILED;
        old = id;
        id = -1;
        next = sysv_claim(run->token, msg_make_with_key, NULL);
        if (!check_need(run, "msgget", next) ||
                !check_expect(run, "send to the old one", peer_call(run, peer, "msg-send", old, 1, 'a'), -EINVAL) ||
                !check_expect(
                        run, "receive from the new one", msg_receive_byte(next, 0, IPC_NOWAIT, NULL, NULL), -ENOMSG))
                return CHECK_FAILED;
        if (next == old)
                return check_fail(run, "the next queue has the same identifier");
        return check_ok(run, "removed, and a new one made: the old number gives EINVAL, the new queue is empty");
}

/* IPC_STAT names the processes that sent and received last: of one message nobody knows who sent it. */
CheckResult msg_check_last(CheckRun *run) {
        CLEANUP_MSG_QUEUE int id = -1;
        CheckProcess *peers[2];
        PeerReply reply;

        if (!msg_begin(run, &id, NULL, &peers[0]) || peer_start(run, 0, NULL, 0, &peers[1]) < 0 ||
                !check_expect(run, "send by one", peer_call(run, peers[0], "msg-send", id, 1, 'a'), 0) ||
                !check_expect(run, "send by the other", peer_call(run, peers[1], "msg-send", id, 1, 'b'), 0) ||
                !check_expect(run, "receive by one", peer_call(run, peers[0], "msg-receive", id, 0, IPC_NOWAIT), 1) ||
                peer_call_full(run, peers[1], &(PeerCall){ "msg-stat", id }, &reply) < 0 ||
                !check_expect(run, "the last sender", reply.x, check_pid(run, peers[1])) ||
                !check_expect(run, "the last receiver", reply.y, check_pid(run, peers[0])) ||
                !check_expect(run, "messages in it", reply.z, 1))
                return CHECK_FAILED;
        return check_ok(run, "one sent, then another; the first received: msg_lspid is the second, msg_lrpid the "
                             "first; 1 message left");
}

/* Reading is one right, writing another, at each use. */
CheckResult msg_check_each_way(CheckRun *run) {
        CLEANUP_MSG_QUEUE int id = -1;
        struct msqid_ds st;
        CheckProcess *peer;

        if (!check_can_be_nobody())
                return check_skip(run, "only root can start a process of another user");
        if (!msg_begin(run, &id, NULL, &peer) || !check_become_nobody(run, peer) ||
                !check_expect(run, "IPC_STAT", msgctl(id, IPC_STAT, &st) < 0 ? -errno : 0, 0))
                return CHECK_FAILED;
        st.msg_perm.mode = 0604;
        if (!check_expect(run, "mode 0604", msgctl(id, IPC_SET, &st) < 0 ? -errno : 0, 0) ||
                !check_expect(run, "send", msg_send_byte(id, 1, 'a', 1), 0) ||
                !check_expect(run, "the other user's send", peer_call(run, peer, "msg-send", id, 1, 'b'), -EACCES) ||
                !check_expect(run, "his receive", peer_call(run, peer, "msg-receive", id, 0, IPC_NOWAIT), 1))
                return CHECK_FAILED;
        st.msg_perm.mode = 0602;
        if (!check_expect(run, "mode 0602", msgctl(id, IPC_SET, &st) < 0 ? -errno : 0, 0) ||
                !check_expect(run, "his send", peer_call(run, peer, "msg-send", id, 1, 'b'), 0) ||
                !check_expect(run, "his receive", peer_call(run, peer, "msg-receive", id, 0, IPC_NOWAIT), -EACCES))
                return CHECK_FAILED;
        return check_ok(
                run, "mode 0604: receives, send EACCES; 0602: sends, receive EACCES; changed while it was in use");
}

CheckResult msg_check_given_away(CheckRun *run) {
        CLEANUP_MSG_QUEUE int id = -1;
        struct msqid_ds st;
        CheckProcess *peer;

        if (!check_can_be_nobody())
                return check_skip(run, "only root can start a process of another user");
        if (!msg_begin(run, &id, NULL, &peer) || !check_become_nobody(run, peer) ||
                !check_expect(run, "IPC_STAT", msgctl(id, IPC_STAT, &st) < 0 ? -errno : 0, 0))
                return CHECK_FAILED;
        st.msg_perm.uid = CHECK_NOBODY;
        if (!check_expect(run, "send before", peer_call(run, peer, "msg-send", id, 1, 'b'), -EACCES) ||
                !check_expect(run, "IPC_SET of the owner", msgctl(id, IPC_SET, &st) < 0 ? -errno : 0, 0) ||
                !check_expect(run, "his send, mode 0600", peer_call(run, peer, "msg-send", id, 1, 'b'), 0) ||
                !check_expect(run, "his IPC_RMID", peer_call(run, peer, "msg-remove", id), 0))
                return CHECK_FAILED;
        id = -1;
        return check_ok(run, "made the owner by IPC_SET, user %d sends with mode 0600, and removes it", CHECK_NOBODY);
}
