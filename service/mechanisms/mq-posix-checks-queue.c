/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mq-posix-checks.h"

/* POSIX queues as a whole: who finds them, who may use them, how long they last; and what peers can be told. */
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
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "limit-facts.h"
#include "spin.h"

void mq_queue_done(MqQueue *queue) {
        if (queue->name[0])
                mq_unlink(queue->name);
        queue->mqd = fd_close(queue->mqd);
}

/* Where the namespace allows less than the queues of these checks are, nothing is learned from EINVAL. */
static bool mq_shape_allowed(CheckRun *run) {
        return check_need_said(run, "msg_max or msgsize_max is less than the queue of this check has",
                limit_read("/proc/sys/fs/mqueue/msg_max", MQ_DEPTH) < MQ_DEPTH ||
                                limit_read("/proc/sys/fs/mqueue/msgsize_max", MQ_SIZE) < MQ_SIZE
                        ? -EPERM
                        : 0);
}

bool mq_queue_make(CheckRun *run, MqQueue *queue) {
        struct mq_attr attr = { .mq_maxmsg = MQ_DEPTH, .mq_msgsize = MQ_SIZE };

        if (posix_name_of_run(run->token, 0, queue->name, sizeof queue->name) < 0)
                return false;
        queue->mqd = mq_open(queue->name, O_RDWR | O_CREAT | O_EXCL | O_NONBLOCK | O_CLOEXEC, 0600, &attr);
        if (queue->mqd < 0 && errno == EINVAL && !mq_shape_allowed(run))
                return false;
        if (queue->mqd < 0 && errno == EMFILE)
                return check_need_said(run, "mq_open: EMFILE, no bytes are left of RLIMIT_MSGQUEUE", -EMFILE);
        return check_need(run, "mq_open", queue->mqd < 0 ? -errno : 0);
}

int64_t mq_send_byte(mqd_t mqd, char byte, size_t size, unsigned priority) {
        char buffer[MQ_SIZE + 1];

        memset(buffer, byte, sizeof buffer);
        return mq_send(mqd, buffer, size, priority) < 0 ? -errno : 0;
}

int64_t mq_receive_byte(mqd_t mqd, char *ret_byte, unsigned *ret_priority) {
        char buffer[MQ_SIZE] = "";
        ssize_t n = mq_receive(mqd, buffer, sizeof buffer, ret_priority);

        if (n < 0)
                return -errno;
        if (ret_byte)
                *ret_byte = buffer[0];
        return n;
}

/* --- What peers can be told to do --- */

static int64_t call_open(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        struct mq_attr attr = { .mq_maxmsg = MQ_DEPTH, .mq_msgsize = MQ_SIZE };
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
        return mq_send_byte(*peer_descriptor(peer, call->a), (char)call->b, 1, (unsigned)call->c);
}

static int64_t call_receive(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        unsigned priority = 0;
        char byte = 0;
        int64_t n = mq_receive_byte(*peer_descriptor(peer, call->a), &byte, &priority);

        reply->x = (unsigned char)byte;
        reply->y = priority;
        return n;
}

/* x: whether it came back before its deadline. */
static int64_t call_timed(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        struct timespec deadline, now;
        char buffer[MQ_SIZE];
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

static int64_t call_timed_send(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        struct timespec deadline, now;
        int r;

        clock_gettime(CLOCK_REALTIME, &deadline);
        deadline.tv_nsec += (long)(call->b * (int64_t)NSEC_PER_USEC);
        deadline.tv_sec += deadline.tv_nsec / (long)NSEC_PER_SEC;
        deadline.tv_nsec = deadline.tv_nsec % (long)NSEC_PER_SEC + (long)call->c;
        r = mq_timedsend(*peer_descriptor(peer, call->a), "t", 1, 0, &deadline) < 0 ? -errno : 0;
        clock_gettime(CLOCK_REALTIME, &now);
        reply->x = now.tv_sec < deadline.tv_sec || (now.tv_sec == deadline.tv_sec && now.tv_nsec < deadline.tv_nsec);
        return r;
}

/* Of its own shape; it has no more to do with it. */
static int64_t call_make(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        struct mq_attr attr = { .mq_maxmsg = (long)call->b, .mq_msgsize = (long)call->c };
        mqd_t mqd = mq_open(call->text, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600, &attr);

        if (mqd < 0)
                return -errno;
        close(mqd);
        return 0;
}

static int64_t call_unlink(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        return mq_unlink(call->text) < 0 ? -errno : 0;
}

static int64_t call_flags(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        struct mq_attr wanted = { .mq_flags = (long)call->b, .mq_maxmsg = (long)call->c, .mq_msgsize = (long)call->c },
                       now;
        mqd_t mqd = *peer_descriptor(peer, call->a);

        if ((call->c > 0 && mq_setattr(mqd, &wanted, NULL) < 0) || mq_getattr(mqd, &now) < 0)
                return -errno;
        reply->x = now.mq_maxmsg;
        reply->y = now.mq_flags;
        reply->z = now.mq_curmsgs;
        return 0;
}

/* Registers for a signal that stays pending. */
static int64_t call_notify(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        struct sigevent event = {
                .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1, .sigev_value.sival_int = MQ_NOTIFIED_VALUE
        };
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
        reply->y = info.si_pid;
        reply->z = info.si_value.sival_int;
        return r;
}

static int64_t call_withdraw(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        return mq_notify(*peer_descriptor(peer, call->a), NULL) < 0 ? -errno : 0;
}

static const PeerFunction functions[] = {
        { "mq-open", call_open },
        { "mq-send", call_send },
        { "mq-receive", call_receive },
        { "mq-timed", call_timed },
        { "mq-timed-send", call_timed_send },
        { "mq-make", call_make },
        { "mq-unlink", call_unlink },
        { "mq-notify", call_notify },
        { "mq-notified", call_notified },
        { "mq-withdraw", call_withdraw },
        { "mq-flags", call_flags },
        {},
};

int mq_check_role(CheckPeer *peer) {
        return peer_serve(peer, functions);
}

bool mq_begin(CheckRun *run, MqQueue *queue, int flags, CheckProcess **ret) {
        return mq_queue_make(run, queue) && peer_start(run, 0, NULL, 0, ret) >= 0 &&
               check_expect(run, "the peer's mq_open",
                       peer_call(run, *ret, "mq-open", PEER_SLOT, flags, .text = queue->name), 0);
}

/* --- Checks --- */

CheckResult mq_check_survives(CheckRun *run) {
        CLEANUP(mq_queue_done) MqQueue queue = MQ_QUEUE_EMPTY;
        unsigned got = 0;
        CheckProcess *peer;
        char byte = 0;
        int64_t r;

        if (posix_name_of_run(run->token, 0, queue.name, sizeof queue.name) < 0 ||
                peer_start(run, 0, NULL, 0, &peer) < 0)
                return CHECK_FAILED;
        r = peer_call(run, peer, "mq-open", PEER_SLOT, O_WRONLY | O_CREAT | O_EXCL, .text = queue.name);
        if ((r == -EINVAL && !mq_shape_allowed(run)) || !check_need(run, "the peer's mq_open", r) ||
                !check_expect(run, "send", peer_call(run, peer, "mq-send", PEER_SLOT, 'z', 3), 0) ||
                !check_expect(run, "SIGKILL", check_murder(run, peer), 0))
                return CHECK_FAILED;
        queue.mqd = mq_open(queue.name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
        if (queue.mqd < 0)
                return check_fail(run, "mq_open after the creator's death: %s", check_errno(errno));
        if (!check_expect(run, "receive", mq_receive_byte(queue.mqd, &byte, &got), 1) ||
                !check_expect(run, "byte", byte, 'z') || !check_expect(run, "priority", got, 3))
                return CHECK_FAILED;
        return check_ok(run, "creator killed; its message received, with its priority");
}

CheckResult mq_check_unlinked(CheckRun *run) {
        CLEANUP(mq_queue_done) MqQueue queue = MQ_QUEUE_EMPTY;
        CheckProcess *peer;

        if (!mq_begin(run, &queue, O_WRONLY, &peer) || !check_expect(run, "mq_unlink", mq_unlink(queue.name), 0) ||
                !check_expect(run, "mq_open of the name",
                        peer_call(run, peer, "mq-open", PEER_SLOT + 1, O_WRONLY, .text = queue.name), -ENOENT) ||
                !check_expect(run, "send", peer_call(run, peer, "mq-send", PEER_SLOT, 'a'), 0) ||
                !check_expect(run, "receive", mq_receive_byte(queue.mqd, NULL, NULL), 1))
                return CHECK_FAILED;
        queue.name[0] = '\0';
        return check_ok(run, "the name: ENOENT; who has it open still sends and receives");
}

CheckResult mq_check_permission(CheckRun *run) {
        CLEANUP(mq_queue_done) MqQueue queue = MQ_QUEUE_EMPTY;
        CheckProcess *peer;

        if (!check_can_be_nobody())
                return check_skip(run, "only root can start a process of another user");
        if (!mq_begin(run, &queue, O_WRONLY, &peer) || !check_become_nobody(run, peer) ||
                !check_expect(run, "mq_open by another user",
                        peer_call(run, peer, "mq-open", PEER_SLOT + 1, O_WRONLY, .text = queue.name), -EACCES) ||
                !check_expect(
                        run, "send on what was opened before", peer_call(run, peer, "mq-send", PEER_SLOT, 'a'), 0))
                return CHECK_FAILED;
        return check_ok(run, "mode 0600: EACCES for user %d, but what was open before stays usable", CHECK_NOBODY);
}

CheckResult mq_check_quota(CheckRun *run) {
        CLEANUP(mq_queue_done) MqQueue queue = MQ_QUEUE_EMPTY;
        char other[POSIX_NAME_SIZE];
        CheckProcess *peer;

        if (!mq_begin(run, &queue, O_WRONLY, &peer) || posix_name_of_run(run->token, 1, other, sizeof other) < 0 ||
                !check_expect(run, "setrlimit", peer_call(run, peer, "limit", RLIMIT_MSGQUEUE, 0), 0) ||
                !check_expect(run, "mq_open of a new queue",
                        peer_call(run, peer, "mq-open", PEER_SLOT + 1, O_WRONLY | O_CREAT | O_EXCL, .text = other),
                        -EMFILE) ||
                !check_expect(run, "send to the old one", peer_call(run, peer, "mq-send", PEER_SLOT, 'a'), 0))
                return CHECK_FAILED;
        return check_ok(run, "RLIMIT_MSGQUEUE 0: a new queue gives EMFILE, the old one stays usable");
}

/* Of a full queue: the wait for room ends at its time; where there is room the time does not matter. */
CheckResult mq_check_timed_send(CheckRun *run) {
        CLEANUP(mq_queue_done) MqQueue queue = MQ_QUEUE_EMPTY;
        CheckProcess *peer;
        PeerReply reply;

        if (!mq_begin(run, &queue, O_WRONLY, &peer))
                return CHECK_FAILED;
        for (size_t i = 0; i < MQ_DEPTH; i++)
                if (!check_expect(run, "a deadline in the past, and room",
                            peer_call(run, peer, "mq-timed-send", PEER_SLOT, -1000), 0))
                        return CHECK_FAILED;
        if (!check_expect(run, "full",
                    peer_call_full(run, peer, &(PeerCall){ "mq-timed-send", PEER_SLOT, CHECK_TIMEOUT_USEC }, &reply),
                    -ETIMEDOUT) ||
                !check_expect(run, "early", reply.x, 0) ||
                !check_expect(run, "a deadline with 1000000000 nanoseconds",
                        peer_call(run, peer, "mq-timed-send", PEER_SLOT, 0, (int64_t)NSEC_PER_SEC), -EINVAL))
                return CHECK_FAILED;
        return check_ok(run,
                "room: sent though the deadline was past; full: %d ms: ETIMEDOUT, not before; no valid time: "
                "EINVAL",
                CHECK_TIMEOUT_USEC / 1000);
}

CheckResult mq_check_send_interrupted(CheckRun *run) {
        static const int flags[] = { 0, SA_RESTART };
        CLEANUP(mq_queue_done) MqQueue queue = MQ_QUEUE_EMPTY;
        CheckProcess *peer;

        if (!mq_begin(run, &queue, O_WRONLY, &peer))
                return CHECK_FAILED;
        for (size_t i = 0; i < MQ_DEPTH; i++)
                if (!check_expect(run, "send", mq_send_byte(queue.mqd, 'a', 1, 0), 0))
                        return CHECK_FAILED;
        for (size_t i = 0; i < 2; i++) {
                if (!check_expect(run, "a handler", peer_call(run, peer, "handle", SIGUSR2, flags[i]), 0) ||
                        peer_begin(run, peer, &(PeerCall){ "mq-send", PEER_SLOT, 'b' }) < 0 ||
                        !check_sleeps(run, peer, "the sender") ||
                        !check_expect(run, "kill", check_kill(run, peer, SIGUSR2), 0))
                        return CHECK_FAILED;
                if (flags[i] == 0 && !check_expect(run, "the send", peer_end(run, peer, NULL), -EINTR))
                        return CHECK_FAILED;
        }
        if (!check_sleeps(run, peer, "after a handler with SA_RESTART it") ||
                !check_expect(run, "receive", mq_receive_byte(queue.mqd, NULL, NULL), 1) ||
                !check_expect(run, "the send", peer_end(run, peer, NULL), 0) ||
                !check_expect(run, "handlers that ran", peer_call(run, peer, "handled"), 1))
                return CHECK_FAILED;
        return check_ok(run, "without SA_RESTART: EINTR; with it: it went on, and sent when there was room");
}

/* mq_setattr(3) changes O_NONBLOCK of one open description, and nothing else. */
CheckResult mq_check_attributes(CheckRun *run) {
        CLEANUP(mq_queue_done) MqQueue queue = MQ_QUEUE_EMPTY;
        struct mq_attr here;
        CheckProcess *peer;
        PeerReply reply;

        if (!mq_begin(run, &queue, O_RDWR, &peer) ||
                !check_expect(run, "mq_setattr",
                        peer_call_full(
                                run, peer, &(PeerCall){ "mq-flags", PEER_SLOT, O_NONBLOCK, MQ_DEPTH / 2 }, &reply),
                        0) ||
                !check_expect(run, "mq_maxmsg", reply.x, MQ_DEPTH) ||
                !check_expect(run, "mq_flags", reply.y, O_NONBLOCK) ||
                !check_expect(run, "receive", peer_call(run, peer, "mq-receive", PEER_SLOT), -EAGAIN) ||
                !check_expect(run, "another open of the peer",
                        peer_call(run, peer, "mq-open", PEER_SLOT + 1, O_RDWR, .text = queue.name), 0) ||
                !check_expect(run, "mq_getattr of that",
                        peer_call_full(run, peer, &(PeerCall){ "mq-flags", PEER_SLOT + 1 }, &reply), 0) ||
                !check_expect(run, "its mq_flags", reply.y, 0) ||
                !check_expect(run, "other flags", peer_call(run, peer, "mq-flags", PEER_SLOT, O_APPEND, 1), -EINVAL) ||
                !check_expect(run, "send", mq_send_byte(queue.mqd, 'a', 1, 0), 0) ||
                !check_expect(run, "mq_getattr here", mq_getattr(queue.mqd, &here), 0) ||
                !check_expect(run, "messages", here.mq_curmsgs, 1))
                return CHECK_FAILED;
        return check_ok(run,
                "asked for depth %d and O_NONBLOCK: still %d, and only this open does not wait; other flags: "
                "EINVAL; mq_curmsgs: 1",
                MQ_DEPTH / 2, MQ_DEPTH);
}

CheckResult mq_check_exclusive(CheckRun *run) {
        CLEANUP(mq_queue_done) MqQueue queue = MQ_QUEUE_EMPTY;
        char other[POSIX_NAME_SIZE];
        CheckProcess *peer;

        if (!mq_begin(run, &queue, O_WRONLY, &peer) || posix_name_of_run(run->token, 1, other, sizeof other) < 0 ||
                !check_expect(run, "mq_open with O_CREAT | O_EXCL",
                        peer_call(
                                run, peer, "mq-open", PEER_SLOT + 1, O_WRONLY | O_CREAT | O_EXCL, .text = queue.name),
                        -EEXIST) ||
                !check_expect(run, "mq_open of another name",
                        peer_call(run, peer, "mq-open", PEER_SLOT + 1, O_WRONLY, .text = other), -ENOENT) ||
                !check_expect(run, "mq_open with O_CREAT of what is there",
                        peer_call(run, peer, "mq-open", PEER_SLOT + 1, O_WRONLY | O_CREAT, .text = queue.name), 0) ||
                !check_expect(run, "send", peer_call(run, peer, "mq-send", PEER_SLOT + 1, 'a'), 0) ||
                !check_expect(run, "receive", mq_receive_byte(queue.mqd, NULL, NULL), 1))
                return CHECK_FAILED;
        return check_ok(
                run, "O_CREAT | O_EXCL: EEXIST; without O_CREAT, where there is none: ENOENT; O_CREAT: the same");
}

/* FD_CLOEXEC without having asked: mq_open(2) of the kernel gives every descriptor that, do_mq_open() in ipc/mqueue.c.
 */
CheckResult mq_check_closed_at_exec(CheckRun *run) {
        CLEANUP(mq_queue_done) MqQueue queue = MQ_QUEUE_EMPTY;
        CLEANUP_FD int plain = -EBADF;
        CheckProcess *peer;

        if (!mq_begin(run, &queue, O_WRONLY, &peer))
                return CHECK_FAILED;
        plain = mq_open(queue.name, O_RDONLY | O_NONBLOCK);
        if (!check_expect(run, "mq_open without O_CLOEXEC", plain < 0 ? -errno : 0, 0) ||
                !check_expect(run, "its FD_CLOEXEC", fcntl(plain, F_GETFD), FD_CLOEXEC) ||
                !check_expect(run, "the peer's send", peer_call(run, peer, "mq-send", PEER_SLOT, 'a'), 0) ||
                !check_expect(run, "receive", mq_receive_byte(plain, NULL, NULL), 1))
                return CHECK_FAILED;
        return check_ok(run, "opened without O_CLOEXEC it has FD_CLOEXEC all the same");
}

/* As many bytes behind the slash as NAME_MAX says. The peer, who makes nothing that stays, tries. */
CheckResult mq_check_names(CheckRun *run) {
        CLEANUP(mq_queue_done) MqQueue queue = MQ_QUEUE_EMPTY;
        char longest[NAME_MAX + 3] = "";
        CheckProcess *peer;
        int64_t r, larger;

        if (!mq_begin(run, &queue, O_WRONLY, &peer) || posix_name_of_run(run->token, 1, longest, sizeof longest) < 0)
                return CHECK_FAILED;
        memset(longest + strlen(longest), 'x', sizeof longest - 1 - strlen(longest));
        larger = peer_call(run, peer, "mq-make", 0, 1, 1, longest);
        longest[NAME_MAX + 1] = '\0';
        r = peer_call(run, peer, "mq-make", 0, 1, 1, longest);
        if (!check_need(run, "a name of 255 bytes", r) ||
                !check_expect(run, "its mq_unlink", peer_call(run, peer, "mq-unlink", .text = longest), 0) ||
                !check_expect(run, "a name of 256 bytes", larger, -ENAMETOOLONG) ||
                !check_expect(run, "no slash", peer_call(run, peer, "mq-make", 0, 1, 1, queue.name + 1), -EINVAL) ||
                !check_expect(run, "two slashes", peer_call(run, peer, "mq-make", 0, 1, 1, "/ipcbus/x"), -EACCES) ||
                !check_expect(run, "only a slash", peer_call(run, peer, "mq-make", 0, 1, 1, "/"), -ENOENT))
                return CHECK_FAILED;
        return check_ok(run,
                "%d bytes behind the slash, %d: ENAMETOOLONG; no slash: EINVAL, two: EACCES, only one: ENOENT",
                NAME_MAX, NAME_MAX + 1);
}

CheckResult mq_check_rights(CheckRun *run) {
        CLEANUP(mq_queue_done) MqQueue queue = MQ_QUEUE_EMPTY;
        CheckProcess *peer;

        if (!check_can_be_nobody())
                return check_skip(run, "only root can start a process of another user");
        if (!mq_begin(run, &queue, O_WRONLY, &peer) || !check_become_nobody(run, peer) ||
                !check_expect(run, "fchmod to 0604", fchmod(queue.mqd, 0604) < 0 ? -errno : 0, 0) ||
                !check_expect(run, "opening it to receive",
                        peer_call(run, peer, "mq-open", PEER_SLOT + 1, O_RDONLY | O_NONBLOCK, .text = queue.name),
                        0) ||
                !check_expect(run, "opening it to send",
                        peer_call(run, peer, "mq-open", PEER_SLOT + 2, O_WRONLY, .text = queue.name), -EACCES) ||
                !check_expect(run, "mq_unlink", peer_call(run, peer, "mq-unlink", .text = queue.name), -EACCES))
                return CHECK_FAILED;
        return check_ok(run, "mode 0604: to receive, not to send (EACCES), not to remove (EACCES)");
}
