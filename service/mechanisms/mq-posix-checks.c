/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "checks.h"

/* What mq_overview(7) promises of POSIX message queues. A Queue owns its name and one descriptor, which is open for
 * both directions; on Linux a queue's descriptor is a file descriptor, so that peers keep theirs in their slots. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <mqueue.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "mq-posix.h"
#include "peer-call.h"
#include "posix-name.h"
#include "spin.h"

enum {
        DEPTH = 4,
        SIZE = 64,
};

typedef struct Queue {
        char name[POSIX_NAME_SIZE];
        mqd_t mqd;
} Queue;

#define QUEUE_EMPTY \
        { .mqd = -EBADF }

static void queue_done(Queue *queue) {
        if (queue->name[0])
                mq_unlink(queue->name);
        queue->mqd = fd_close(queue->mqd);
}

static bool queue_make(CheckRun *run, Queue *queue) {
        struct mq_attr attr = { .mq_maxmsg = DEPTH, .mq_msgsize = SIZE };

        if (posix_name_of_run(run->token, 0, queue->name, sizeof queue->name) < 0)
                return false;
        queue->mqd = mq_open(queue->name, O_RDWR | O_CREAT | O_EXCL | O_NONBLOCK | O_CLOEXEC, 0600, &attr);
        if (queue->mqd < 0 && errno == EMFILE)
                return check_need_said(run, "mq_open: EMFILE, no bytes are left of RLIMIT_MSGQUEUE", -EMFILE);
        return check_need(run, "mq_open", queue->mqd < 0 ? -errno : 0);
}

static int64_t send_byte(mqd_t mqd, char byte, size_t size, unsigned priority) {
        char buffer[SIZE + 1];

        memset(buffer, byte, sizeof buffer);
        return mq_send(mqd, buffer, size, priority) < 0 ? -errno : 0;
}

/* The size received; the first byte and the priority where they are wanted. */
static int64_t receive_byte(mqd_t mqd, char *ret_byte, unsigned *ret_priority) {
        char buffer[SIZE] = "";
        ssize_t n = mq_receive(mqd, buffer, sizeof buffer, ret_priority);

        if (n < 0)
                return -errno;
        if (ret_byte)
                *ret_byte = buffer[0];
        return n;
}

/* --- What peers can be told to do --- */

static int64_t call_open(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        struct mq_attr attr = { .mq_maxmsg = DEPTH, .mq_msgsize = SIZE };
        int *place = peer_descriptor(peer, call->a);
        mqd_t mqd;

        if (!place)
                return -EINVAL;
        mqd = mq_open(call->text, (int)call->b | O_CLOEXEC, 0600, &attr);
        if (mqd < 0)
                return -errno;
        *place = mqd;
        return 0;
}

static int64_t call_send(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        return send_byte(*peer_descriptor(peer, call->a), (char)call->b, 1, (unsigned)call->c);
}

static int64_t call_receive(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        unsigned priority = 0;
        char byte = 0;
        int64_t n = receive_byte(*peer_descriptor(peer, call->a), &byte, &priority);

        reply->x = (unsigned char)byte;
        reply->y = priority;
        return n;
}

/* x: whether it came back before its deadline. */
static int64_t call_timed(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        struct timespec deadline, now;
        char buffer[SIZE];
        ssize_t n;
        int r;

        clock_gettime(CLOCK_REALTIME, &deadline);
        deadline.tv_nsec += (long)(call->b * (int64_t)NSEC_PER_USEC);
        deadline.tv_sec += deadline.tv_nsec / (long)NSEC_PER_SEC;
        deadline.tv_nsec %= (long)NSEC_PER_SEC;
        n = mq_timedreceive(*peer_descriptor(peer, call->a), buffer, sizeof buffer, NULL, &deadline);
        r = n < 0 ? -errno : 0;
        clock_gettime(CLOCK_REALTIME, &now);
        reply->x = now.tv_sec < deadline.tv_sec || (now.tv_sec == deadline.tv_sec && now.tv_nsec < deadline.tv_nsec);
        return r;
}

/* Registers for a signal that stays pending. */
static int64_t call_notify(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1 };
        sigset_t set;

        sigemptyset(&set);
        sigaddset(&set, SIGUSR1);
        if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
                return -errno;
        return mq_notify(*peer_descriptor(peer, call->a), &event) < 0 ? -errno : 0;
}

/* Waits for that signal: b is how long, in milliseconds. */
static int64_t call_notified(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        struct timespec timeout = timespec_from_usec((uint64_t)call->b * USEC_PER_MSEC);
        siginfo_t info;
        sigset_t set;
        int r;

        sigemptyset(&set);
        sigaddset(&set, SIGUSR1);
        r = sigtimedwait(&set, &info, &timeout);
        if (r < 0)
                return -errno;
        reply->x = info.si_code;
        return r;
}

static const PeerFunction functions[] = {
        { "mq-open", call_open },
        { "mq-send", call_send },
        { "mq-receive", call_receive },
        { "mq-timed", call_timed },
        { "mq-notify", call_notify },
        { "mq-notified", call_notified },
        {},
};

static int role(CheckPeer *peer) {
        return peer_serve(peer, functions);
}

/* A queue, and a peer that has opened it as slot 4 (PEER_SLOT). */
static bool begin(CheckRun *run, Queue *queue, int flags, CheckProcess **ret) {
        return queue_make(run, queue) && peer_start(run, 0, NULL, 0, ret) >= 0 &&
               check_expect(run, "the peer's mq_open",
                       peer_call(run, *ret, "mq-open", PEER_SLOT, flags, .text = queue->name), 0);
}

/* --- Checks --- */

static CheckResult direction(CheckRun *run) {
        CLEANUP(queue_done) Queue queue = QUEUE_EMPTY;
        CheckProcess *peer;

        if (!begin(run, &queue, O_WRONLY, &peer) ||
                !check_expect(run, "send", peer_call(run, peer, "mq-send", PEER_SLOT, 'a'), 0) ||
                !check_expect(run, "receive with O_WRONLY", peer_call(run, peer, "mq-receive", PEER_SLOT), -EBADF) ||
                !check_expect(run, "mq_open with O_RDONLY",
                        peer_call(run, peer, "mq-open", PEER_SLOT + 1, O_RDONLY, .text = queue.name), 0) ||
                !check_expect(
                        run, "send with O_RDONLY", peer_call(run, peer, "mq-send", PEER_SLOT + 1, 'b'), -EBADF) ||
                !check_expect(run, "receive", receive_byte(queue.mqd, NULL, NULL), 1))
                return CHECK_FAILED;
        return check_ok(run, "O_WRONLY: receive gives EBADF; O_RDONLY: send gives EBADF");
}

static CheckResult both_ways(CheckRun *run) {
        CLEANUP(queue_done) Queue queue = QUEUE_EMPTY;
        CheckProcess *peer;
        PeerReply own;

        if (!begin(run, &queue, O_RDWR | O_NONBLOCK, &peer) ||
                !check_expect(run, "the peer's send", peer_call(run, peer, "mq-send", PEER_SLOT, 'a'), 0) ||
                !check_expect(run, "receive here", receive_byte(queue.mqd, NULL, NULL), 1) ||
                !check_expect(run, "send here", send_byte(queue.mqd, 'b', 1, 0), 0) ||
                !check_expect(run, "the peer's receive", peer_call(run, peer, "mq-receive", PEER_SLOT), 1) ||
                !check_expect(run, "the peer's send", peer_call(run, peer, "mq-send", PEER_SLOT, 'c'), 0))
                return CHECK_FAILED;
        if (!check_expect(run, "the peer's receive of its own message",
                    peer_call_full(run, peer, &(PeerCall){ "mq-receive", PEER_SLOT }, &own), 1) ||
                !check_expect(run, "its byte", own.x, 'c'))
                return CHECK_FAILED;
        return check_ok(run, "messages went both ways, and one came back to its own sender");
}

static CheckResult priority(CheckRun *run) {
        static const struct {
                char byte;
                unsigned priority;
        } sent[] = { { 'a', 1 }, { 'b', 9 }, { 'c', 5 }, { 'd', 9 } },
          wanted[] = { { 'b', 9 }, { 'd', 9 }, { 'c', 5 }, { 'a', 1 } };
        CLEANUP(queue_done) Queue queue = QUEUE_EMPTY;
        CheckProcess *peer;

        if (!begin(run, &queue, O_WRONLY, &peer))
                return CHECK_FAILED;
        for (size_t i = 0; i < DEPTH; i++)
                if (!check_expect(run, "send",
                            peer_call(run, peer, "mq-send", PEER_SLOT, sent[i].byte, sent[i].priority), 0))
                        return CHECK_FAILED;
        for (size_t i = 0; i < DEPTH; i++) {
                unsigned got = 0;
                char byte = 0;

                if (!check_expect(run, "receive", receive_byte(queue.mqd, &byte, &got), 1) ||
                        !check_expect(run, "priority", got, wanted[i].priority) ||
                        !check_expect(run, "byte", byte, wanted[i].byte))
                        return CHECK_FAILED;
        }
        return check_ok(run, "sent 1, 9, 5, 9; received 9, 9, 5, 1, the two of 9 as sent");
}

static CheckResult priority_limit(CheckRun *run) {
        CLEANUP(queue_done) Queue queue = QUEUE_EMPTY;
        long most = sysconf(_SC_MQ_PRIO_MAX);
        unsigned got = 0;
        CheckProcess *peer;

        if (!begin(run, &queue, O_WRONLY, &peer) ||
                !check_expect(
                        run, "the highest priority", peer_call(run, peer, "mq-send", PEER_SLOT, 'a', most - 1), 0) ||
                !check_expect(run, "one more", peer_call(run, peer, "mq-send", PEER_SLOT, 'b', most), -EINVAL) ||
                !check_expect(run, "receive", receive_byte(queue.mqd, NULL, &got), 1) ||
                !check_expect(run, "its priority", got, most - 1))
                return CHECK_FAILED;
        return check_ok(run, "%ld arrives, %ld: EINVAL", most - 1, most);
}

static CheckResult sizes(CheckRun *run) {
        CLEANUP(queue_done) Queue queue = QUEUE_EMPTY;
        CheckProcess *peer;
        char small[SIZE - 1];

        if (!begin(run, &queue, O_WRONLY, &peer) ||
                !check_expect(run, "send of 65 bytes", send_byte(queue.mqd, 'a', SIZE + 1, 0), -EMSGSIZE) ||
                !check_expect(run, "the peer's send", peer_call(run, peer, "mq-send", PEER_SLOT, 'a'), 0) ||
                !check_expect(run, "receive into 63 bytes",
                        mq_receive(queue.mqd, small, sizeof small, NULL) < 0 ? -errno : 0, -EMSGSIZE) ||
                !check_expect(run, "receive into 64 bytes", receive_byte(queue.mqd, NULL, NULL), 1))
                return CHECK_FAILED;
        return check_ok(run, "queue of %d-byte messages: send of %d EMSGSIZE, receive into %d EMSGSIZE", SIZE,
                SIZE + 1, SIZE - 1);
}

static CheckResult empty_message(CheckRun *run) {
        CLEANUP(queue_done) Queue queue = QUEUE_EMPTY;
        CheckProcess *peer;

        if (!begin(run, &queue, O_RDONLY | O_NONBLOCK, &peer) ||
                !check_expect(
                        run, "receive from the empty queue", peer_call(run, peer, "mq-receive", PEER_SLOT), -EAGAIN) ||
                !check_expect(run, "send of 0 bytes", send_byte(queue.mqd, 'a', 0, 0), 0) ||
                !check_expect(run, "receive", peer_call(run, peer, "mq-receive", PEER_SLOT), 0))
                return CHECK_FAILED;
        return check_ok(run, "0 bytes sent, 0 received; before that EAGAIN");
}

static CheckResult timed_out(CheckRun *run) {
        CLEANUP(queue_done) Queue queue = QUEUE_EMPTY;
        CheckProcess *peer;
        PeerReply reply;

        if (!begin(run, &queue, O_RDONLY, &peer) ||
                !check_expect(run, "mq_timedreceive",
                        peer_call_full(run, peer, &(PeerCall){ "mq-timed", PEER_SLOT, CHECK_TIMEOUT_USEC }, &reply),
                        -ETIMEDOUT) ||
                !check_expect(run, "early", reply.x, 0))
                return CHECK_FAILED;
        return check_ok(run, "%d ms: ETIMEDOUT, not before the deadline", CHECK_TIMEOUT_USEC / 1000);
}

static CheckResult survives(CheckRun *run) {
        CLEANUP(queue_done) Queue queue = QUEUE_EMPTY;
        unsigned got = 0;
        CheckProcess *peer;
        char byte = 0;

        if (posix_name_of_run(run->token, 0, queue.name, sizeof queue.name) < 0 ||
                peer_start(run, 0, NULL, 0, &peer) < 0 ||
                !check_need(run, "the peer's mq_open",
                        peer_call(run, peer, "mq-open", PEER_SLOT, O_WRONLY | O_CREAT | O_EXCL, .text = queue.name)) ||
                !check_expect(run, "send", peer_call(run, peer, "mq-send", PEER_SLOT, 'z', 3), 0) ||
                !check_expect(run, "SIGKILL", check_murder(run, peer), 0))
                return CHECK_FAILED;
        queue.mqd = mq_open(queue.name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
        if (queue.mqd < 0)
                return check_fail(run, "mq_open after the creator's death: %s", check_errno(errno));
        if (!check_expect(run, "receive", receive_byte(queue.mqd, &byte, &got), 1) ||
                !check_expect(run, "byte", byte, 'z') || !check_expect(run, "priority", got, 3))
                return CHECK_FAILED;
        return check_ok(run, "creator killed; its message received, with its priority");
}

static CheckResult unlinked(CheckRun *run) {
        CLEANUP(queue_done) Queue queue = QUEUE_EMPTY;
        CheckProcess *peer;

        if (!begin(run, &queue, O_WRONLY, &peer) || !check_expect(run, "mq_unlink", mq_unlink(queue.name), 0) ||
                !check_expect(run, "mq_open of the name",
                        peer_call(run, peer, "mq-open", PEER_SLOT + 1, O_WRONLY, .text = queue.name), -ENOENT) ||
                !check_expect(run, "send", peer_call(run, peer, "mq-send", PEER_SLOT, 'a'), 0) ||
                !check_expect(run, "receive", receive_byte(queue.mqd, NULL, NULL), 1))
                return CHECK_FAILED;
        queue.name[0] = '\0';
        return check_ok(run, "the name: ENOENT; who has it open still sends and receives");
}

static CheckResult permission(CheckRun *run) {
        CLEANUP(queue_done) Queue queue = QUEUE_EMPTY;
        CheckProcess *peer;

        if (!check_can_be_nobody())
                return check_skip(run, "only root can start a process of another user");
        if (!begin(run, &queue, O_WRONLY, &peer) || !check_become_nobody(run, peer) ||
                !check_expect(run, "mq_open by another user",
                        peer_call(run, peer, "mq-open", PEER_SLOT + 1, O_WRONLY, .text = queue.name), -EACCES) ||
                !check_expect(
                        run, "send on what was opened before", peer_call(run, peer, "mq-send", PEER_SLOT, 'a'), 0))
                return CHECK_FAILED;
        return check_ok(run, "mode 0600: EACCES for user %d, but what was open before stays usable", CHECK_NOBODY);
}

static CheckResult notify(CheckRun *run) {
        CLEANUP(queue_done) Queue queue = QUEUE_EMPTY;
        struct sigevent event = { .sigev_notify = SIGEV_NONE };
        CheckProcess *peer;

        if (!begin(run, &queue, O_RDONLY, &peer) ||
                !check_expect(run, "mq_notify", peer_call(run, peer, "mq-notify", PEER_SLOT), 0) ||
                !check_expect(run, "a second mq_notify", mq_notify(queue.mqd, &event) < 0 ? -errno : 0, -EBUSY) ||
                !check_expect(run, "send", send_byte(queue.mqd, 'a', 1, 0), 0) ||
                !check_expect(run, "the signal", peer_call(run, peer, "mq-notified", 0, CHECK_PATIENCE_USEC / 2000),
                        SIGUSR1) ||
                !check_expect(run, "receive", receive_byte(queue.mqd, NULL, NULL), 1) ||
                !check_expect(run, "send", send_byte(queue.mqd, 'b', 1, 0), 0) ||
                !check_expect(run, "a second signal", peer_call(run, peer, "mq-notified", 0, 10), -EAGAIN) ||
                !check_expect(run, "mq_notify once it is free", mq_notify(queue.mqd, &event) < 0 ? -errno : 0, 0))
                return CHECK_FAILED;
        return check_ok(run, "second process: EBUSY; told once, then the registration is gone");
}

static CheckResult quota(CheckRun *run) {
        CLEANUP(queue_done) Queue queue = QUEUE_EMPTY;
        char other[POSIX_NAME_SIZE];
        CheckProcess *peer;

        if (!begin(run, &queue, O_WRONLY, &peer) || posix_name_of_run(run->token, 1, other, sizeof other) < 0 ||
                !check_expect(run, "setrlimit", peer_call(run, peer, "limit", RLIMIT_MSGQUEUE, 0), 0) ||
                !check_expect(run, "mq_open of a new queue",
                        peer_call(run, peer, "mq-open", PEER_SLOT + 1, O_WRONLY | O_CREAT | O_EXCL, .text = other),
                        -EMFILE) ||
                !check_expect(run, "send to the old one", peer_call(run, peer, "mq-send", PEER_SLOT, 'a'), 0))
                return CHECK_FAILED;
        return check_ok(run, "RLIMIT_MSGQUEUE 0: a new queue gives EMFILE, the old one stays usable");
}

static CheckResult one_receiver(CheckRun *run) {
        CLEANUP(queue_done) Queue queue = QUEUE_EMPTY;
        const PeerCall receive = { "mq-receive", PEER_SLOT };
        CheckProcess *peers[2];
        char text[64];

        if (!begin(run, &queue, O_RDONLY, &peers[0]) || peer_start(run, 0, NULL, 0, &peers[1]) < 0 ||
                !check_expect(run, "mq_open",
                        peer_call(run, peers[1], "mq-open", PEER_SLOT, O_RDONLY, .text = queue.name), 0))
                return CHECK_FAILED;
        /* The one that waits longer is served first, mq_receive(3). */
        for (size_t i = 0; i < 2; i++)
                if (peer_begin(run, peers[i], &receive) < 0 || check_await_sleep(run, peers[i], text, sizeof text) < 0)
                        return check_fail(run, "a receiver does not wait");
        if (!check_expect(run, "send", send_byte(queue.mqd, 'a', 1, 0), 0) ||
                !check_expect(run, "the first receiver", peer_end(run, peers[0], NULL), 1))
                return CHECK_FAILED;
        if (check_await_sleep(run, peers[1], text, sizeof text) < 0)
                return check_fail(run, "the second receiver was woken too");
        if (!check_expect(run, "send", send_byte(queue.mqd, 'b', 1, 0), 0) ||
                !check_expect(run, "the second receiver", peer_end(run, peers[1], NULL), 1))
                return CHECK_FAILED;
        return check_ok(run, "two waited; each message went to one, first come, first served");
}

const Check mq_posix_checks[] = {
        { "direction", "a descriptor goes the way it was opened for", "mq_open(3)", CHECK_BOTH, direction, { role } },
        { "both-ways", "a queue has no direction: one serves both ways, and a sender can receive its own message",
                "mq_overview(7)", CHECK_BOTH, both_ways, { role } },
        { "boundaries", "a message is received whole, never split or joined", "mq_receive(3)", CHECK_BOTH,
                transport_boundaries, { transport_boundaries_role } },
        { "order", "messages of one priority arrive in the order in which they were sent", "mq_overview(7)",
                CHECK_BOTH, transport_order, { transport_order_role } },
        { "priority", "a message of higher priority overtakes those of lower", "mq_overview(7)", CHECK_BOTH, priority,
                { role } },
        { "priority-limit", "priorities go from 0 to MQ_PRIO_MAX - 1", "mq_overview(7)", CHECK_FORKED, priority_limit,
                { role } },
        { "message-size", "a message larger than the queue's message size is refused, a smaller buffer too",
                "mq_receive(3)", CHECK_FORKED, sizes, { role } },
        { "maximum", "the largest message arrives whole", "mq_send(3)", CHECK_BOTH, transport_maximum,
                { transport_maximum_role } },
        { "empty-message", "a message may be empty", "mq_send(3)", CHECK_FORKED, empty_message, { role } },
        { "receive-blocks", "a receiver sleeps until a message comes", "mq_receive(3)", CHECK_BOTH,
                transport_receive_blocks, { transport_receive_blocks_role } },
        { "send-blocks", "a sender sleeps while the queue is full", "mq_send(3)", CHECK_BOTH, transport_send_blocks,
                { transport_send_blocks_role } },
        { "non-blocking", "with O_NONBLOCK an empty and a full queue give EAGAIN; mq_maxmsg messages fit",
                "mq_overview(7)", CHECK_BOTH, transport_nonblocking, { transport_nonblocking_role } },
        { "timeout", "a timed receive gives up at its deadline, never before", "mq_receive(3)", CHECK_BOTH, timed_out,
                { role } },
        { "poll", "poll(2) waits for a message", "mq_overview(7)", CHECK_BOTH, transport_timeout,
                { transport_timeout_role } },
        { "one-receiver", "one message wakes one receiver", "mq_receive(3)", CHECK_BOTH, one_receiver, { role } },
        { "sender-killed", "messages outlive a killed sender", "mq_overview(7)", CHECK_BOTH,
                transport_sender_killed_empty, { transport_sender_killed_role } },
        { "survives", "a queue outlives the process that made it", "mq_overview(7)", CHECK_BOTH, survives, { role } },
        { "unlink", "a removed queue stays usable for who has it open", "mq_unlink(3)", CHECK_BOTH, unlinked,
                { role } },
        { "permission", "mode bits keep other users out, at the opening", "mq_open(3)", CHECK_BOTH, permission,
                { role } },
        { "notify", "one process at a time can be told of a message, and once", "mq_notify(3)", CHECK_BOTH, notify,
                { role } },
        { "limit", "RLIMIT_MSGQUEUE bounds the bytes in the queues of a user", "getrlimit(2)", CHECK_BOTH, quota,
                { role } },
        { "interrupted",
                "a waiting mq_receive is begun again after a handler with SA_RESTART, and gives EINTR after one "
                "without",
                "signal(7)", CHECK_BOTH, transport_interrupted_restarts, { transport_interrupted_role },
                .aspects = ASPECT(INTERRUPTED) },
        { "waiter-killed",
                "a receiver that is killed while it waits takes nothing along: another gets what is sent then",
                "mq_receive(3)", CHECK_BOTH, transport_waiter_killed, { transport_waiter_killed_role },
                .aspects = ASPECT(WAITER_KILLED) },
        { "many-writers", "what several send at once arrives once, whole, in the order of each", "mq_send(3)",
                CHECK_BOTH, transport_many_writers, { transport_many_writers_role },
                .aspects = ASPECT(MANY_WRITERS) | ASPECT(ATOMICITY) },
        { "killed-within",
                "of a sender killed while it waits for room, what it had sent is received, and nothing else",
                "mq_send(3)", CHECK_BOTH, transport_writer_killed_within, { transport_writer_killed_within_role },
                .aspects = ASPECT(WRITER_KILLED) | ASPECT(FULL) },
        { "other-user", "with mode 0666 another user opens it, sends and receives", "mq_open(3)", CHECK_BOTH,
                transport_other_user, { transport_place_role }, .aspects = ASPECT(OTHER_USER) },
        { "other-net", "network namespaces do not matter to a message queue", "network_namespaces(7)", CHECK_BOTH,
                transport_other_net, { transport_place_role }, .aspects = ASPECT(NAMESPACE) },
        { "exhausted", "with no descriptor left it cannot be opened (EMFILE); what is open goes on", "mq_open(3)",
                CHECK_BOTH, transport_exhausted, { transport_exhausted_role }, .aspects = ASPECT(EXHAUSTION) },
        {},
};
