/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of a System V queue's checks share: a queue is the judge's to remove; peers work with its identifier,
 * which any process may use. */
#pragma once

#include <sys/msg.h>

#include "checks.h"
#include "mq-sysv.h"
#include "peer-call.h"

enum { MSG_SIZE = 64 };

typedef struct MsgMessage {
        long type;
        char data[MSG_SIZE];
} MsgMessage;

void msg_queue_done(int *id);
#define CLEANUP_MSG_QUEUE __attribute__((cleanup(msg_queue_done)))

int msg_make_with_key(key_t key, void *userdata);
int64_t msg_send_byte(int id, long type, char byte, size_t size);
/* The size received; type and first byte where they are wanted. */
int64_t msg_receive_byte(int id, long type, int flags, long *ret_type, char *ret_byte);

/* Beside what all peers can, a being the identifier: msg-make | msg-get a=key b=flags | msg-send b=type c=byte |
 * msg-wait b=type c=byte: sends when there is room | msg-send-size b=size | msg-receive b=type c=flags: x type, y byte
 * | msg-remove | msg-bound b=msg_qbytes | msg-stat: x lspid, y lrpid, z messages, and the most bytes */
int msg_check_role(CheckPeer *peer);
/* A queue with a key, and a peer that found it by that key. */
bool msg_begin(CheckRun *run, int *ret_id, key_t *ret_key, CheckProcess **ret);

/* Of queues as a whole (mq-sysv-checks-queue.c, mq-sysv-checks-limits.c). */
CheckResult msg_check_bound(CheckRun *run);
CheckResult msg_check_removed(CheckRun *run);
CheckResult msg_check_survives(CheckRun *run);
CheckResult msg_check_exclusive(CheckRun *run);
CheckResult msg_check_permission(CheckRun *run);
CheckResult msg_check_maximum(CheckRun *run);
CheckResult msg_check_removed_sender(CheckRun *run);
CheckResult msg_check_grown(CheckRun *run);
CheckResult msg_check_send_interrupted(CheckRun *run);
CheckResult msg_check_stale(CheckRun *run);
CheckResult msg_check_last(CheckRun *run);
CheckResult msg_check_each_way(CheckRun *run);
CheckResult msg_check_given_away(CheckRun *run);
CheckResult msg_check_namespace(CheckRun *run);
CheckResult msg_check_system(CheckRun *run);
CheckResult msg_check_raise(CheckRun *run);
