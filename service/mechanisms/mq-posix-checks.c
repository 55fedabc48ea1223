/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mq-posix-checks.h"

/* What mq_overview(7) promises of messages in POSIX message queues. */
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
#include "spin.h"

static CheckResult direction(CheckRun *run) {
        CLEANUP(mq_queue_done) MqQueue queue = MQ_QUEUE_EMPTY;
        CheckProcess *peer;

        if (!mq_begin(run, &queue, O_WRONLY, &peer) ||
                !check_expect(run, "send", peer_call(run, peer, "mq-send", PEER_SLOT, 'a'), 0) ||
                !check_expect(run, "receive with O_WRONLY", peer_call(run, peer, "mq-receive", PEER_SLOT), -EBADF) ||
                !check_expect(run, "mq_open with O_RDONLY",
                        peer_call(run, peer, "mq-open", PEER_SLOT + 1, O_RDONLY, .text = queue.name), 0) ||
                !check_expect(
                        run, "send with O_RDONLY", peer_call(run, peer, "mq-send", PEER_SLOT + 1, 'b'), -EBADF) ||
                !check_expect(run, "receive", mq_receive_byte(queue.mqd, NULL, NULL), 1))
                return CHECK_FAILED;
        return check_ok(run, "O_WRONLY: receive gives EBADF; O_RDONLY: send gives EBADF");
}

static CheckResult both_ways(CheckRun *run) {
        CLEANUP(mq_queue_done) MqQueue queue = MQ_QUEUE_EMPTY;
        CheckProcess *peer;
        PeerReply own;

        if (!mq_begin(run, &queue, O_RDWR | O_NONBLOCK, &peer) ||
                !check_expect(run, "the peer's send", peer_call(run, peer, "mq-send", PEER_SLOT, 'a'), 0) ||
                !check_expect(run, "receive here", mq_receive_byte(queue.mqd, NULL, NULL), 1) ||
                !check_expect(run, "send here", mq_send_byte(queue.mqd, 'b', 1, 0), 0) ||
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
        CLEANUP(mq_queue_done) MqQueue queue = MQ_QUEUE_EMPTY;
        CheckProcess *peer;

        if (!mq_begin(run, &queue, O_WRONLY, &peer))
                return CHECK_FAILED;
        for (size_t i = 0; i < MQ_DEPTH; i++)
                if (!check_expect(run, "send",
                            peer_call(run, peer, "mq-send", PEER_SLOT, sent[i].byte, sent[i].priority), 0))
                        return CHECK_FAILED;
        for (size_t i = 0; i < MQ_DEPTH; i++) {
                unsigned got = 0;
                char byte = 0;

                if (!check_expect(run, "receive", mq_receive_byte(queue.mqd, &byte, &got), 1) ||
                        !check_expect(run, "priority", got, wanted[i].priority) ||
                        !check_expect(run, "byte", byte, wanted[i].byte))
                        return CHECK_FAILED;
        }
        return check_ok(run, "sent 1, 9, 5, 9; received 9, 9, 5, 1, the two of 9 as sent");
}

static CheckResult priority_limit(CheckRun *run) {
        CLEANUP(mq_queue_done) MqQueue queue = MQ_QUEUE_EMPTY;
        long most = sysconf(_SC_MQ_PRIO_MAX);
        unsigned got = 0;
        CheckProcess *peer;

        if (!mq_begin(run, &queue, O_WRONLY, &peer) ||
                !check_expect(
                        run, "the highest priority", peer_call(run, peer, "mq-send", PEER_SLOT, 'a', most - 1), 0) ||
                !check_expect(run, "one more", peer_call(run, peer, "mq-send", PEER_SLOT, 'b', most), -EINVAL) ||
                !check_expect(run, "receive", mq_receive_byte(queue.mqd, NULL, &got), 1) ||
                !check_expect(run, "its priority", got, most - 1))
                return CHECK_FAILED;
        return check_ok(run, "%ld arrives, %ld: EINVAL", most - 1, most);
}

static CheckResult sizes(CheckRun *run) {
        CLEANUP(mq_queue_done) MqQueue queue = MQ_QUEUE_EMPTY;
        CheckProcess *peer;
        char small[MQ_SIZE - 1];

        if (!mq_begin(run, &queue, O_WRONLY, &peer) ||
                !check_expect(run, "send of 65 bytes", mq_send_byte(queue.mqd, 'a', MQ_SIZE + 1, 0), -EMSGSIZE) ||
                !check_expect(run, "the peer's send", peer_call(run, peer, "mq-send", PEER_SLOT, 'a'), 0) ||
                !check_expect(run, "receive into 63 bytes",
                        mq_receive(queue.mqd, small, sizeof small, NULL) < 0 ? -errno : 0, -EMSGSIZE) ||
                !check_expect(run, "receive into 64 bytes", mq_receive_byte(queue.mqd, NULL, NULL), 1))
                return CHECK_FAILED;
        return check_ok(run, "queue of %d-byte messages: send of %d EMSGSIZE, receive into %d EMSGSIZE", MQ_SIZE,
                MQ_SIZE + 1, MQ_SIZE - 1);
}

static CheckResult empty_message(CheckRun *run) {
        CLEANUP(mq_queue_done) MqQueue queue = MQ_QUEUE_EMPTY;
        CheckProcess *peer;

        if (!mq_begin(run, &queue, O_RDONLY | O_NONBLOCK, &peer) ||
                !check_expect(
                        run, "receive from the empty queue", peer_call(run, peer, "mq-receive", PEER_SLOT), -EAGAIN) ||
                !check_expect(run, "send of 0 bytes", mq_send_byte(queue.mqd, 'a', 0, 0), 0) ||
                !check_expect(run, "receive", peer_call(run, peer, "mq-receive", PEER_SLOT), 0))
                return CHECK_FAILED;
        return check_ok(run, "0 bytes sent, 0 received; before that EAGAIN");
}

static CheckResult timed_out(CheckRun *run) {
        CLEANUP(mq_queue_done) MqQueue queue = MQ_QUEUE_EMPTY;
        CheckProcess *peer;
        PeerReply reply;

        if (!mq_begin(run, &queue, O_RDONLY, &peer) ||
                !check_expect(run, "mq_timedreceive",
                        peer_call_full(run, peer, &(PeerCall){ "mq-timed", PEER_SLOT, CHECK_TIMEOUT_USEC }, &reply),
                        -ETIMEDOUT) ||
                !check_expect(run, "early", reply.x, 0))
                return CHECK_FAILED;
        return check_ok(run, "%d ms: ETIMEDOUT, not before the deadline", CHECK_TIMEOUT_USEC / 1000);
}

static CheckResult one_receiver(CheckRun *run) {
        CLEANUP(mq_queue_done) MqQueue queue = MQ_QUEUE_EMPTY;
        const PeerCall receive = { "mq-receive", PEER_SLOT };
        CheckProcess *peers[2];
        char text[64];

        if (!mq_begin(run, &queue, O_RDONLY, &peers[0]) || peer_start(run, 0, NULL, 0, &peers[1]) < 0 ||
                !check_expect(run, "mq_open",
                        peer_call(run, peers[1], "mq-open", PEER_SLOT, O_RDONLY, .text = queue.name), 0))
                return CHECK_FAILED;
        /* The one that waits longer is served first, mq_receive(3). */
        for (size_t i = 0; i < 2; i++)
                if (peer_begin(run, peers[i], &receive) < 0 || check_await_sleep(run, peers[i], text, sizeof text) < 0)
                        return check_fail(run, "a receiver does not wait");
        if (!check_expect(run, "send", mq_send_byte(queue.mqd, 'a', 1, 0), 0) ||
                !check_expect(run, "the first receiver", peer_end(run, peers[0], NULL), 1))
                return CHECK_FAILED;
        if (check_await_sleep(run, peers[1], text, sizeof text) < 0)
                return check_fail(run, "the second receiver was woken too");
        if (!check_expect(run, "send", mq_send_byte(queue.mqd, 'b', 1, 0), 0) ||
                !check_expect(run, "the second receiver", peer_end(run, peers[1], NULL), 1))
                return CHECK_FAILED;
        return check_ok(run, "two waited; each message went to one, first come, first served");
}

const Check mq_posix_checks[] = {
        { "direction", "a descriptor goes the way it was opened for", "mq_open(3)", CHECK_BOTH, direction,
                { mq_check_role }, .aspects = ASPECT(BIDIRECTIONAL) },
        { "both-ways",
                "a queue has no direction: one serves both ways, but everybody can take everything, a sender also his "
                "own message",
                "mq_overview(7)", CHECK_BOTH, both_ways, { mq_check_role }, .aspects = ASPECT(BIDIRECTIONAL) },
        { "two-for-duplex", "one for each way: two queues carry both directions at the same time", "mq_overview(7)",
                CHECK_BOTH, transport_duplex, { transport_duplex_role }, .aspects = ASPECT(FULL_DUPLEX) },
        { "boundaries", "a message is received whole, never split or joined", "mq_receive(3)", CHECK_BOTH,
                transport_boundaries, { transport_boundaries_role },
                .aspects = ASPECT(BOUNDARIES) | ASPECT(ATOMICITY) },
        { "order", "messages of one priority arrive in the order in which they were sent", "mq_overview(7)",
                CHECK_BOTH, transport_order, { transport_order_role }, .aspects = ASPECT(ORDER) },
        { "many-writers", "what several send at once arrives once, whole, in the order of each", "mq_send(3)",
                CHECK_BOTH, transport_many_writers, { transport_many_writers_role },
                .aspects = ASPECT(MANY_WRITERS) | ASPECT(ATOMICITY) },
        { "priority", "a message of higher priority overtakes those of lower", "mq_overview(7)", CHECK_BOTH, priority,
                { mq_check_role }, .aspects = ASPECT(PRIORITY) },
        { "priority-limit", "priorities go from 0 to MQ_PRIO_MAX - 1", "mq_overview(7)", CHECK_BOTH, priority_limit,
                { mq_check_role }, .aspects = ASPECT(PRIORITY) | ASPECT(MAXIMUM) },
        { "message-size",
                "a message larger than the message size of the queue is refused, and so is a buffer that is smaller "
                "than that",
                "mq_receive(3)", CHECK_BOTH, sizes, { mq_check_role }, .aspects = ASPECT(MAXIMUM) },
        { "maximum", "the largest message arrives whole", "mq_send(3)", CHECK_BOTH, transport_maximum,
                { transport_maximum_role }, .aspects = ASPECT(MAXIMUM) },
        { "empty-message", "a message may be empty", "mq_send(3)", CHECK_BOTH, empty_message, { mq_check_role },
                .aspects = ASPECT(EMPTY) },
        { "receive-blocks", "a receiver sleeps until a message comes", "mq_receive(3)", CHECK_BOTH,
                transport_receive_blocks, { transport_receive_blocks_role },
                .aspects = ASPECT(BLOCKING) | ASPECT(EMPTY) },
        { "send-blocks", "a sender sleeps while the queue is full, and nothing is lost", "mq_send(3)", CHECK_BOTH,
                transport_send_blocks, { transport_send_blocks_role }, .aspects = ASPECT(BLOCKING) | ASPECT(FULL) },
        { "non-blocking", "with O_NONBLOCK an empty and a full queue give EAGAIN; mq_maxmsg messages fit",
                "mq_overview(7)", CHECK_BOTH, transport_nonblocking, { transport_nonblocking_role },
                .aspects = ASPECT(NON_BLOCKING) | ASPECT(EMPTY) | ASPECT(FULL) },
        { "timeout", "a timed receive gives up at its deadline, never before", "mq_receive(3)", CHECK_BOTH, timed_out,
                { mq_check_role }, .aspects = ASPECT(TIMEOUT) | ASPECT(EMPTY) },
        { "send-timeout",
                "a timed send gives up at its deadline, never before; with room the deadline does not matter",
                "mq_send(3)", CHECK_BOTH, mq_check_timed_send, { mq_check_role },
                .aspects = ASPECT(TIMEOUT) | ASPECT(FULL) },
        { "poll", "poll(2) waits for a message", "mq_overview(7)", CHECK_BOTH, transport_timeout,
                { transport_timeout_role }, .aspects = ASPECT(TIMEOUT) },
        { "interrupted",
                "a waiting mq_receive is begun again after a handler with SA_RESTART, and gives EINTR after one "
                "without",
                "signal(7)", CHECK_BOTH, transport_interrupted_restarts, { transport_interrupted_role },
                .aspects = ASPECT(INTERRUPTED) },
        { "stopped", "a receiver that is stopped and continued while it waits goes on waiting", "signal(7)",
                CHECK_BOTH, transport_stopped_goes_on, { transport_interrupted_role },
                .aspects = ASPECT(INTERRUPTED) },
        { "send-interrupted",
                "a waiting mq_send is begun again after a handler with SA_RESTART, and gives EINTR after one without",
                "signal(7)", CHECK_BOTH, mq_check_send_interrupted, { mq_check_role },
                .aspects = ASPECT(INTERRUPTED) },
        { "one-receiver", "one message wakes one receiver, the one that waits longest", "mq_receive(3)", CHECK_BOTH,
                one_receiver, { mq_check_role }, .aspects = ASPECT(BLOCKING) },
        { "waiter-killed",
                "a receiver that is killed while it waits takes nothing along: another gets what is sent then",
                "mq_receive(3)", CHECK_BOTH, transport_waiter_killed, { transport_waiter_killed_role },
                .aspects = ASPECT(WAITER_KILLED) },
        { "killed-within",
                "of a sender killed while it waits for room, what it had sent is received, and nothing else",
                "mq_send(3)", CHECK_BOTH, transport_writer_killed_within, { transport_writer_killed_within_role },
                .aspects = ASPECT(WRITER_KILLED) | ASPECT(WAITER_KILLED) | ASPECT(FULL) },
        { "sender-killed", "messages outlive a killed sender", "mq_overview(7)", CHECK_BOTH,
                transport_sender_killed_empty, { transport_sender_killed_role }, .aspects = ASPECT(PERSISTENCE) },
        { "survives", "a queue outlives the process that made it", "mq_overview(7)", CHECK_BOTH, mq_check_survives,
                { mq_check_role }, .aspects = ASPECT(PERSISTENCE) | ASPECT(CREATOR_GONE) | ASPECT(UNRELATED) },
        { "unlink", "a removed queue stays usable for who has it open", "mq_unlink(3)", CHECK_BOTH, mq_check_unlinked,
                { mq_check_role }, .aspects = ASPECT(PERSISTENCE) },
        { "attributes", "depth and message size are for ever; O_NONBLOCK is changed for one open description",
                "mq_getattr(3)", CHECK_BOTH, mq_check_attributes, { mq_check_role }, .aspects = ASPECT(NON_BLOCKING) },
        { "exclusive", "O_EXCL takes over nothing that exists; without O_CREAT nothing is made", "mq_open(3)",
                CHECK_BOTH, mq_check_exclusive, { mq_check_role }, .aspects = ASPECT(UNRELATED) },
        { "names", "a name is a slash and up to NAME_MAX bytes without one", "mq_overview(7)", CHECK_BOTH,
                mq_check_names, { mq_check_role }, .aspects = ASPECT(MAXIMUM) },
        { "closed-at-exec", "a queue is closed by exec, asked for or not", "mq_close(3)", CHECK_BOTH,
                mq_check_closed_at_exec, { mq_check_role } },
        { "permission", "mode bits keep other users out, at the opening", "mq_open(3)", CHECK_BOTH,
                mq_check_permission, { mq_check_role }, .aspects = ASPECT(PERMISSION) },
        { "permission-each", "receiving and sending are rights of their own; only the owner removes", "mq_open(3)",
                CHECK_BOTH, mq_check_rights, { mq_check_role }, .aspects = ASPECT(PERMISSION) },
        { "notify", "one process at a time can be told of a message, and once", "mq_notify(3)", CHECK_BOTH,
                mq_check_notify, { mq_check_role } },
        { "notify-waiter", "nobody is told while a receiver waits: it gets the message, and the registration stays",
                "mq_notify(3)", CHECK_BOTH, mq_check_notify_waiter, { mq_check_role } },
        { "notify-empty", "it is told when a message comes to an empty queue, not before it was empty", "mq_notify(3)",
                CHECK_BOTH, mq_check_notify_empty, { mq_check_role }, .aspects = ASPECT(EMPTY) },
        { "notify-killed", "a registration ends with its process", "mq_notify(3)", CHECK_BOTH, mq_check_notify_killed,
                { mq_check_role }, .aspects = ASPECT(HOLDER_KILLED) },
        { "notify-sender", "the signal tells who sent; a message itself does not", "mq_notify(3)", CHECK_BOTH,
                mq_check_notify_sender, { mq_check_role }, .aspects = ASPECT(CREDENTIALS) },
        { "limit", "RLIMIT_MSGQUEUE bounds the bytes in the queues of a user", "getrlimit(2)", CHECK_BOTH,
                mq_check_quota, { mq_check_role }, .aspects = ASPECT(LIMIT) },
        { "queues-max", "queues_max bounds the queues of a namespace: ENOSPC, not EMFILE", "mq_overview(7)",
                CHECK_BOTH, mq_check_queues_max, { mq_check_role }, .aspects = ASPECT(LIMIT) },
        { "shape", "msg_max and msgsize_max bound what a queue without privilege can be", "mq_overview(7)", CHECK_BOTH,
                mq_check_shape, { mq_check_role }, .aspects = ASPECT(LIMIT) | ASPECT(MAXIMUM) },
        { "descriptors",
                "with no descriptor left a queue cannot be opened (EMFILE), the errno that RLIMIT_MSGQUEUE gives too",
                "mq_open(3)", CHECK_BOTH, mq_check_emfile, { mq_check_role },
                .aspects = ASPECT(EXHAUSTION) | ASPECT(LIMIT) },
        { "exhausted", "with no descriptor left nothing is lost of what was sent to who has it open", "mq_open(3)",
                CHECK_BOTH, transport_exhausted, { transport_exhausted_role }, .aspects = ASPECT(EXHAUSTION) },
        { "other-user", "with mode 0666 another user opens it, sends and receives", "mq_open(3)", CHECK_BOTH,
                transport_other_user, { transport_place_role }, .aspects = ASPECT(OTHER_USER) },
        { "namespace", "its name does not lead to it from another IPC namespace", "ipc_namespaces(7)", CHECK_BOTH,
                mq_check_namespace, { mq_check_role }, .aspects = ASPECT(NAMESPACE) },
        { "other-net", "network namespaces do not matter to a message queue", "network_namespaces(7)", CHECK_BOTH,
                transport_other_net, { transport_place_role }, .aspects = ASPECT(NAMESPACE) },
        {},
};

const CheckGap mq_posix_gaps[] = {
        { ASPECT_DESCRIPTORS, "A message carries bytes and its priority; descriptors go over UNIX sockets." },
        { ASPECT_SYNCHRONISATION,
                "The kernel itself keeps senders and receivers apart: without any lock nothing is lost." },
        {},
};
