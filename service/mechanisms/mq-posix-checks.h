/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of a POSIX queue's checks share. An MqQueue owns its name and one descriptor, which is open for both
 * directions and does not wait; on Linux a queue's descriptor is a file descriptor, so that peers keep theirs in their
 * slots. */
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>

#include "checks.h"
#include "peer-call.h"
#include "posix-name.h"

enum {
        MQ_DEPTH = 4,
        MQ_SIZE = 64,
        MQ_NOTIFIED_VALUE = 4711, /* si_value of a notification */
};

typedef struct MqQueue {
        char name[POSIX_NAME_SIZE];
        mqd_t mqd;
} MqQueue;

#define MQ_QUEUE_EMPTY \
        { .mqd = -EBADF }

void mq_queue_done(MqQueue *queue);
bool mq_queue_make(CheckRun *run, MqQueue *queue);
int64_t mq_send_byte(mqd_t mqd, char byte, size_t size, unsigned priority);
/* The size received; the first byte and the priority where they are wanted. */
int64_t mq_receive_byte(mqd_t mqd, char *ret_byte, unsigned *ret_priority);

/* Beside what all peers can, a being a slot: mq-open b=flags text=name | mq-make b=depth c=size text=name | mq-unlink
 * text | mq-send b=byte c=priority | mq-receive: x byte, y priority | mq-timed b=usec: x 1 if early | mq-timed-send
 * b=usec c=nanoseconds to add: x 1 if early | mq-flags b=flags c=depth to ask for: x depth, y flags, z messages |
 * mq-notify: by a signal that stays pending | mq-notified b=msec: waits for it; x si_code, y si_pid, z si_value |
 * mq-withdraw */
int mq_check_role(CheckPeer *peer);
/* A queue, and a peer that has opened it as slot 4 (PEER_SLOT). */
bool mq_begin(CheckRun *run, MqQueue *queue, int flags, CheckProcess **ret);

/* Of queues as a whole (mq-posix-checks-queue.c, mq-posix-checks-limits.c). */
CheckResult mq_check_survives(CheckRun *run);
CheckResult mq_check_unlinked(CheckRun *run);
CheckResult mq_check_permission(CheckRun *run);
CheckResult mq_check_quota(CheckRun *run);
CheckResult mq_check_timed_send(CheckRun *run);
CheckResult mq_check_send_interrupted(CheckRun *run);
CheckResult mq_check_attributes(CheckRun *run);
CheckResult mq_check_exclusive(CheckRun *run);
CheckResult mq_check_closed_at_exec(CheckRun *run);
CheckResult mq_check_names(CheckRun *run);
CheckResult mq_check_rights(CheckRun *run);
CheckResult mq_check_namespace(CheckRun *run);
CheckResult mq_check_queues_max(CheckRun *run);
CheckResult mq_check_shape(CheckRun *run);
CheckResult mq_check_emfile(CheckRun *run);
/* Of notification (mq-posix-checks-notify.c). */
CheckResult mq_check_notify(CheckRun *run);
CheckResult mq_check_notify_waiter(CheckRun *run);
CheckResult mq_check_notify_empty(CheckRun *run);
CheckResult mq_check_notify_killed(CheckRun *run);
CheckResult mq_check_notify_sender(CheckRun *run);
