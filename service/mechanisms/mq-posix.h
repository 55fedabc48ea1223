/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of the kind mq-posix share. */
#pragma once

#include <mqueue.h>
#include <stdint.h>
#include <sys/types.h>

#include "error.h"
#include "record.h"

typedef struct Address Address;
typedef struct Explanation Explanation;
typedef struct Scan Scan;

enum { MQ_PRIORITY_MAX = 32767 }; /* MQ_PRIO_MAX of the kernel less one (mq_send(3)) */

#define MQ_MSG_MAX     "/proc/sys/fs/mqueue/msg_max"
#define MQ_MSGSIZE_MAX "/proc/sys/fs/mqueue/msgsize_max"
#define MQ_QUEUES_MAX  "/proc/sys/fs/mqueue/queues_max"

/* Bytes that a queue takes of RLIMIT_MSGQUEUE (mq_overview(7)). */
uint64_t mq_cost(uint64_t messages, uint64_t message_size);
int mq_posix_probe(Record *facts, Error *error);
/* "max_messages" and "message_size", none of them 0 or more than any kernel takes. */
int mq_sizes_from_options(const Record *options, uint64_t *ret_messages, uint64_t *ret_size, Error *error);
/* Why mq_open(3) made no queue: names the limit, its value and what to do. */
int mq_create_failed(int number, const char *name, uint64_t messages, uint64_t message_size, Error *error);
/* Opens with `flags` and as much access as is allowed: both ways, else reading, else writing. -errno. */
int mq_open_allowed(const char *name, int flags, mqd_t *ret);
/* Bytes in the queue and who is notified. The kernel gives this text for reading on a queue's own descriptor too, not
 * only on its file in a mounted mqueue file system (mqueue_read_file() in ipc/mqueue.c). -errno. */
int mq_read_status(int fd, uint64_t *ret_bytes, pid_t *ret_notified);
int mq_posix_scan(Scan *scan);
int mq_posix_explain(const Address *address, Explanation *explanation);
/* Is the descriptor of a queue? */
bool mq_posix_is_queue(int fd);
/* The root of an mqueue file system; a descriptor or -errno. */
int mq_posix_open_directory(void);
/* All queues of a run, as posix_name_of_run() names them. */
void mq_posix_sweep(const char *token);
