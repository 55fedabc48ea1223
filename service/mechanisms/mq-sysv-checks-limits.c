/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mq-sysv-checks.h"

/* The limits of System V queues, and where they are seen: each IPC namespace has queues and limits of its own
 * (ipc_namespaces(7)). */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "cleanup.h"
#include "limit-facts.h"

enum { FEW = 2, SMALL = 100 };

CheckResult msg_check_namespace(CheckRun *run) {
        CLEANUP_MSG_QUEUE int id = -1;
        key_t key = IPC_PRIVATE;
        CheckProcess *peer;
        int64_t theirs;

        if (!msg_begin(run, &id, &key, &peer) || !peer_go(run, peer, CHECK_PLACE_OTHER_IPC) ||
                !check_expect(run, "msgget of the key there", peer_call(run, peer, "msg-get", key), -ENOENT) ||
                !check_expect(
                        run, "msgsnd to the identifier there", peer_call(run, peer, "msg-send", id, 1, 'a'), -EINVAL))
                return CHECK_FAILED;
        theirs = peer_call(run, peer, "msg-get", key, IPC_CREAT | IPC_EXCL | 0600);
        if (!check_need(run, "msgget of a new one with the same key there", theirs) ||
                !check_expect(run, "send to that", peer_call(run, peer, "msg-send", theirs, 1, 'b'), 0) ||
                !check_expect(run, "receive here", msg_receive_byte(id, 0, IPC_NOWAIT, NULL, NULL), -ENOMSG))
                return CHECK_FAILED;
        return check_ok(
                run, "its key: ENOENT, its identifier: EINVAL; a queue with the same key there is another one");
}

/* Fewer and smaller in a namespace of the peer's own, where the limits can be set without an effect on anybody. */
static bool set_there(CheckRun *run, CheckProcess *peer, const char *path, int64_t value) {
        int64_t r = peer_call(run, peer, "put", .b = value, .text = path);

        return check_need(run, path, r == -EROFS || r == -ENOENT ? -EPERM : r);
}

CheckResult msg_check_system(CheckRun *run) {
        CheckProcess *peer;
        int64_t id = 0;
        PeerReply reply;

        if (peer_start(run, 0, NULL, 0, &peer) < 0 || !peer_go(run, peer, CHECK_PLACE_OTHER_IPC) ||
                !set_there(run, peer, "/proc/sys/kernel/msgmni", FEW) || !set_there(run, peer, MSG_MAX_FILE, SMALL) ||
                !set_there(run, peer, MSG_MNB_FILE, 2 * SMALL))
                return CHECK_FAILED;
        for (int i = 0; i < FEW; i++) {
                id = peer_call(run, peer, "msg-get", IPC_PRIVATE, 0600);
                if (!check_expect(run, "msgget", id < 0 ? id : 0, 0))
                        return CHECK_FAILED;
        }
        if (!check_expect(run, "one queue more", peer_call(run, peer, "msg-get", IPC_PRIVATE, 0600), -ENOSPC) ||
                !check_expect(run, "a message of msgmax", peer_call(run, peer, "msg-send-size", id, SMALL), 0) ||
                !check_expect(run, "one byte more", peer_call(run, peer, "msg-send-size", id, SMALL + 1), -EINVAL) ||
                !check_expect(run, "a second message", peer_call(run, peer, "msg-send-size", id, SMALL), 0) ||
                !check_expect(run, "a third", peer_call(run, peer, "msg-send-size", id, SMALL), -EAGAIN) ||
                !check_expect(run, "msg_qbytes", peer_call_full(run, peer, &(PeerCall){ "msg-stat", id }, &reply),
                        2 * SMALL))
                return CHECK_FAILED;
        return check_ok(run,
                "msgmni %d: one queue more ENOSPC; msgmax %d: one byte more EINVAL; msgmnb %d: two messages of %d, "
                "then "
                "EAGAIN",
                FEW, SMALL, 2 * SMALL, SMALL);
}

CheckResult msg_check_raise(CheckRun *run) {
        uint64_t most = limit_read(MSG_MNB_FILE, 16384);
        CLEANUP_MSG_QUEUE int id = -1;
        CheckProcess *peer;

        /* The queue is the peer's, who has no privilege. */
        if (peer_start(run, 0, NULL, 0, &peer) < 0 || (check_can_be_nobody() && !check_become_nobody(run, peer)))
                return CHECK_FAILED;
        id = (int)peer_call(run, peer, "msg-make");
        if (!check_need(run, "the peer's msgget", id) ||
                !check_expect(run, "half of msgmnb", peer_call(run, peer, "msg-bound", id, (int64_t)most / 2), 0) ||
                !check_expect(run, "msgmnb again", peer_call(run, peer, "msg-bound", id, (int64_t)most), 0) ||
                !check_expect(run, "one byte more", peer_call(run, peer, "msg-bound", id, (int64_t)most + 1), -EPERM))
                return CHECK_FAILED;
        return check_ok(
                run, "msg_qbytes up to %" PRIu64 " (" MSG_MNB_FILE "), one more without privilege: EPERM", most);
}
