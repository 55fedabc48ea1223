/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mq-posix-checks.h"

/* What mq_notify(3) promises: one process is told, once, when a message comes to an empty queue. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "spin.h"

enum { SOON_MSEC = 10 };

static int64_t notified(CheckRun *run, CheckProcess *peer, PeerReply *reply) {
        return peer_call_full(run, peer, &(PeerCall){ "mq-notified", 0, CHECK_PATIENCE_USEC / 2000 }, reply);
}

static int64_t not_notified(CheckRun *run, CheckProcess *peer) {
        return peer_call(run, peer, "mq-notified", 0, SOON_MSEC);
}

CheckResult mq_check_notify(CheckRun *run) {
        CLEANUP(mq_queue_done) MqQueue queue = MQ_QUEUE_EMPTY;
        struct sigevent event = { .sigev_notify = SIGEV_NONE };
        CheckProcess *peer;

        if (!mq_begin(run, &queue, O_RDONLY, &peer) ||
                !check_expect(run, "mq_notify", peer_call(run, peer, "mq-notify", PEER_SLOT), 0) ||
                !check_expect(run, "a second mq_notify", mq_notify(queue.mqd, &event) < 0 ? -errno : 0, -EBUSY) ||
                !check_expect(run, "send", mq_send_byte(queue.mqd, 'a', 1, 0), 0) ||
                !check_expect(run, "the signal", peer_call(run, peer, "mq-notified", 0, CHECK_PATIENCE_USEC / 2000),
                        SIGUSR1) ||
                !check_expect(run, "receive", mq_receive_byte(queue.mqd, NULL, NULL), 1) ||
                !check_expect(run, "send", mq_send_byte(queue.mqd, 'b', 1, 0), 0) ||
                !check_expect(run, "a second signal", peer_call(run, peer, "mq-notified", 0, 10), -EAGAIN) ||
                !check_expect(run, "mq_notify once it is free", mq_notify(queue.mqd, &event) < 0 ? -errno : 0, 0))
                return CHECK_FAILED;
        return check_ok(run, "second process: EBUSY; told once, then the registration is gone");
}

/* Who waits in mq_receive(3) is served first, and the registration stays. */
CheckResult mq_check_notify_waiter(CheckRun *run) {
        CLEANUP(mq_queue_done) MqQueue queue = MQ_QUEUE_EMPTY;
        CheckProcess *peer, *waiter;
        PeerReply reply;

        if (!mq_begin(run, &queue, O_RDONLY, &peer) || peer_start(run, 0, NULL, 0, &waiter) < 0 ||
                !check_expect(run, "mq_open",
                        peer_call(run, waiter, "mq-open", PEER_SLOT, O_RDONLY, .text = queue.name), 0) ||
                !check_expect(run, "mq_notify", peer_call(run, peer, "mq-notify", PEER_SLOT), 0) ||
                peer_begin(run, waiter, &(PeerCall){ "mq-receive", PEER_SLOT }) < 0 ||
                !check_sleeps(run, waiter, "a receiver") ||
                !check_expect(run, "send", mq_send_byte(queue.mqd, 'a', 1, 0), 0) ||
                !check_expect(run, "its receive", peer_end(run, waiter, NULL), 1) ||
                !check_expect(run, "a signal", not_notified(run, peer), -EAGAIN) ||
                !check_expect(run, "send again, with nobody waiting", mq_send_byte(queue.mqd, 'b', 1, 0), 0) ||
                !check_expect(run, "the signal", notified(run, peer, &reply), SIGUSR1))
                return CHECK_FAILED;
        return check_ok(run, "who waited got the message, and no signal came; the next message brought it");
}

/* Registered while messages are there: the queue has to become empty first. */
CheckResult mq_check_notify_empty(CheckRun *run) {
        CLEANUP(mq_queue_done) MqQueue queue = MQ_QUEUE_EMPTY;
        struct sigevent event = { .sigev_notify = SIGEV_NONE };
        CheckProcess *peer;
        PeerReply reply;

        if (!mq_begin(run, &queue, O_RDONLY, &peer) ||
                !check_expect(run, "send", mq_send_byte(queue.mqd, 'a', 1, 0), 0) ||
                !check_expect(run, "mq_notify", peer_call(run, peer, "mq-notify", PEER_SLOT), 0) ||
                !check_expect(run, "send a second", mq_send_byte(queue.mqd, 'b', 1, 0), 0) ||
                !check_expect(run, "a signal", not_notified(run, peer), -EAGAIN) ||
                !check_expect(run, "receive", mq_receive_byte(queue.mqd, NULL, NULL), 1) ||
                !check_expect(run, "receive", mq_receive_byte(queue.mqd, NULL, NULL), 1) ||
                !check_expect(run, "send a third", mq_send_byte(queue.mqd, 'c', 1, 0), 0) ||
                !check_expect(run, "the signal", notified(run, peer, &reply), SIGUSR1) ||
                !check_expect(run, "mq_notify again", peer_call(run, peer, "mq-notify", PEER_SLOT), 0) ||
                !check_expect(run, "mq_notify of NULL", peer_call(run, peer, "mq-withdraw", PEER_SLOT), 0) ||
                !check_expect(run, "mq_notify of another process", mq_notify(queue.mqd, &event) < 0 ? -errno : 0, 0))
                return CHECK_FAILED;
        return check_ok(run, "one there, one more: no signal; emptied, then one: the signal; taken back, another may");
}

CheckResult mq_check_notify_killed(CheckRun *run) {
        CLEANUP(mq_queue_done) MqQueue queue = MQ_QUEUE_EMPTY;
        struct sigevent event = { .sigev_notify = SIGEV_NONE };
        CheckProcess *peer;

        if (!mq_begin(run, &queue, O_RDONLY, &peer) ||
                !check_expect(run, "mq_notify", peer_call(run, peer, "mq-notify", PEER_SLOT), 0) ||
                !check_expect(run, "mq_notify here", mq_notify(queue.mqd, &event) < 0 ? -errno : 0, -EBUSY) ||
                !check_expect(run, "SIGKILL", check_murder(run, peer), 0) ||
                !check_expect(run, "mq_notify here", mq_notify(queue.mqd, &event) < 0 ? -errno : 0, 0))
                return CHECK_FAILED;
        return check_ok(run, "EBUSY while it lived; killed: free for the next");
}

CheckResult mq_check_notify_sender(CheckRun *run) {
        CLEANUP(mq_queue_done) MqQueue queue = MQ_QUEUE_EMPTY;
        CheckProcess *peer, *sender;
        struct rlimit limit;
        PeerReply reply;

        /* A standard signal comes without what it carries where nothing can be queued (sigqueue(3)). */
        if (getrlimit(RLIMIT_SIGPENDING, &limit) >= 0 && limit.rlim_cur == 0)
                return check_skip(run, "RLIMIT_SIGPENDING is 0: the signal comes, but not what it carries");
        if (!mq_begin(run, &queue, O_RDONLY, &peer) || peer_start(run, 0, NULL, 0, &sender) < 0 ||
                !check_expect(run, "mq_open",
                        peer_call(run, sender, "mq-open", PEER_SLOT, O_WRONLY, .text = queue.name), 0) ||
                !check_expect(run, "mq_notify", peer_call(run, peer, "mq-notify", PEER_SLOT), 0) ||
                !check_expect(run, "send", peer_call(run, sender, "mq-send", PEER_SLOT, 'a'), 0) ||
                !check_expect(run, "the signal", notified(run, peer, &reply), SIGUSR1) ||
                !check_expect(run, "si_code", reply.x, SI_MESGQ) ||
                !check_expect(run, "si_pid", reply.y, check_pid(run, sender)) ||
                !check_expect(run, "si_value", reply.z, MQ_NOTIFIED_VALUE))
                return CHECK_FAILED;
        return check_ok(
                run, "si_code SI_MESGQ, si_pid that of the sender, si_value %d as registered", MQ_NOTIFIED_VALUE);
}
