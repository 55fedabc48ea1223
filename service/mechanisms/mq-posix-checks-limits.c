/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mq-posix-checks.h"

/* The limits of POSIX queues, and where they are seen: each IPC namespace has queues and limits of its own
 * (ipc_namespaces(7)). */
#include <inttypes.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "cleanup.h"
#include "limit-facts.h"
#include "mq-posix.h"

enum { FEW = 2 };

CheckResult mq_check_namespace(CheckRun *run) {
        CLEANUP(mq_queue_done) MqQueue queue = MQ_QUEUE_EMPTY;
        CheckProcess *peer;

        if (!mq_begin(run, &queue, O_WRONLY, &peer) || !peer_go(run, peer, CHECK_PLACE_OTHER_IPC) ||
                !check_expect(run, "mq_open there",
                        peer_call(run, peer, "mq-open", PEER_SLOT + 1, O_WRONLY, .text = queue.name), -ENOENT) ||
                !check_need(run, "mq_open of a new one with the same name there",
                        peer_call(run, peer, "mq-open", PEER_SLOT + 1, O_WRONLY | O_CREAT | O_EXCL,
                                .text = queue.name)) ||
                !check_expect(run, "send to that", peer_call(run, peer, "mq-send", PEER_SLOT + 1, 'a'), 0) ||
                !check_expect(run, "receive here", mq_receive_byte(queue.mqd, NULL, NULL), -EAGAIN) ||
                !check_expect(
                        run, "send to what was opened before", peer_call(run, peer, "mq-send", PEER_SLOT, 'b'), 0) ||
                !check_expect(run, "receive here", mq_receive_byte(queue.mqd, NULL, NULL), 1))
                return CHECK_FAILED;
        return check_ok(run, "its name: ENOENT, and free for another queue; what was open before still leads here");
}

/* queues_max in a namespace of the peer's own; who has CAP_SYS_RESOURCE may go above, so the peer becomes nobody. */
CheckResult mq_check_queues_max(CheckRun *run) {
        char name[POSIX_NAME_SIZE];
        CheckProcess *peer;
        int64_t r;

        if (!check_can_be_nobody())
                return check_skip(run, "only root can set the limits of a namespace, and leave its privilege");
        if (peer_start(run, 0, NULL, 0, &peer) < 0 || !peer_go(run, peer, CHECK_PLACE_OTHER_IPC))
                return CHECK_FAILED;
        r = peer_call(run, peer, "put", .b = FEW, .text = MQ_QUEUES_MAX);
        if (!check_need(run, MQ_QUEUES_MAX, r == -EROFS || r == -ENOENT ? -EPERM : r) ||
                !check_become_nobody(run, peer))
                return CHECK_FAILED;
        for (unsigned i = 0; i <= FEW; i++) {
                if (posix_name_of_run(run->token, i, name, sizeof name) < 0)
                        return CHECK_FAILED;
                r = peer_call(run, peer, "mq-make", 0, 1, 1, name);
                if (i < FEW ? !check_need(run, "mq_open", r) : !check_expect(run, "one queue more", r, -ENOSPC))
                        return CHECK_FAILED;
        }
        return check_ok(run, "queues_max %d: one queue more without privilege: ENOSPC", FEW);
}

CheckResult mq_check_shape(CheckRun *run) {
        uint64_t depth = limit_read(MQ_MSG_MAX, 10), size = limit_read(MQ_MSGSIZE_MAX, 8192);
        char name[POSIX_NAME_SIZE];
        CheckProcess *peer;

        if (posix_name_of_run(run->token, 0, name, sizeof name) < 0 || peer_start(run, 0, NULL, 0, &peer) < 0 ||
                (check_can_be_nobody() && !check_become_nobody(run, peer)) ||
                !check_expect(run, "mq_maxmsg 0", peer_call(run, peer, "mq-make", 0, 0, 1, name), -EINVAL) ||
                !check_expect(run, "mq_msgsize 0", peer_call(run, peer, "mq-make", 0, 1, 0, name), -EINVAL) ||
                !check_expect(run, "mq_maxmsg above msg_max",
                        peer_call(run, peer, "mq-make", 0, (int64_t)depth + 1, 1, name), -EINVAL) ||
                !check_expect(run, "mq_msgsize above msgsize_max",
                        peer_call(run, peer, "mq-make", 0, 1, (int64_t)size + 1, name), -EINVAL) ||
                !check_need(run, "msg_max messages of 1 byte",
                        peer_call(run, peer, "mq-make", 0, (int64_t)depth, 1, name)) ||
                !check_expect(run, "mq_unlink", peer_call(run, peer, "mq-unlink", .text = name), 0))
                return CHECK_FAILED;
        return check_ok(run,
                "0 messages or 0 bytes: EINVAL; without privilege more than %" PRIu64 " messages (msg_max) or %" PRIu64
                " bytes (msgsize_max): EINVAL",
                depth, size);
}

/* The same errno for two limits: mq_open(3) names one, getrlimit(2) the other. */
CheckResult mq_check_emfile(CheckRun *run) {
        CLEANUP(mq_queue_done) MqQueue queue = MQ_QUEUE_EMPTY;
        CheckProcess *peer;

        if (!mq_begin(run, &queue, O_WRONLY, &peer) ||
                !check_expect(run, "setrlimit", peer_call(run, peer, "limit", RLIMIT_NOFILE, 1), 0) ||
                !check_expect(run, "mq_open of what is there",
                        peer_call(run, peer, "mq-open", PEER_SLOT + 1, O_WRONLY, .text = queue.name), -EMFILE) ||
                !check_expect(run, "send to the open one", peer_call(run, peer, "mq-send", PEER_SLOT, 'a'), 0) ||
                !check_expect(run, "receive", mq_receive_byte(queue.mqd, NULL, NULL), 1))
                return CHECK_FAILED;
        return check_ok(run, "RLIMIT_NOFILE reached: EMFILE, as for RLIMIT_MSGQUEUE; the open one stays usable");
}
