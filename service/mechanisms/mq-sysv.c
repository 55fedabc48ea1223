/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The kind mq-sysv: System V message queues (msgget(2), sysvipc(7)).
 *
 * An object keeps nothing but the identifier of its queue: these queues have no descriptors, so that nothing can be
 * polled and nothing is handed out. Sending and receiving here never wait (IPC_NOWAIT). Who wants to wait for a
 * message is served by a worker that sleeps in the kernel and takes nothing (mq_await()); who waits for room, by the
 * service's timer.
 */
#include "mq-sysv.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "checks.h"
#include "cleanup.h"
#include "kind-helpers.h"
#include "kinds.h"
#include "limit-facts.h"
#include "scan.h"
#include "trait-tables.h"

#define KIND "mq-sysv"

static int queue_get(key_t key, int flags) {
        return msgget(key, flags);
}

static int queue_stat(int number, int command, SysvStat *ret) {
        int r = msgctl(number, command, &ret->msg);

        if (r >= 0) {
                ret->perm = ret->msg.msg_perm;
                ret->changed = ret->msg.msg_ctime;
        }
        return r;
}

static int queue_last(void) {
        struct msginfo info;

        return msgctl(0, MSG_INFO, (struct msqid_ds *)&info); /* msgctl(2) */
}

static int queue_remove(int id) {
        return msgctl(id, IPC_RMID, NULL);
}

static void queue_row(const SysvStat *st, Record *row) {
        record_set_u64(row, "size", st->msg.msg_qbytes);
        record_set_u64(row, "used", st->msg.__msg_cbytes);
        record_set_u64(row, "messages", st->msg.msg_qnum);
        record_set_u64(row, "last_send_pid", (uint64_t)st->msg.msg_lspid);
        record_set_u64(row, "last_receive_pid", (uint64_t)st->msg.msg_lrpid);
        record_set_u64(row, "sent", sysv_time(st->msg.msg_stime));
        record_set_u64(row, "received", sysv_time(st->msg.msg_rtime));
        record_set_string(row, "state",
                st->msg.msg_qnum == 0                        ? "empty"
                : st->msg.__msg_cbytes >= st->msg.msg_qbytes ? "full"
                                                             : "filled");
}

const SysvClass mq_sysv_class = {
        .kind = KIND,
        .noun = "System V message queue",
        .limit = MSG_MNI_FILE,
        .stat_any = MSG_STAT_ANY,
        .settles = true,
        .get = queue_get,
        .stat = queue_stat,
        .last = queue_last,
        .remove = queue_remove,
        .row = queue_row,
};

static int mq_probe(Record *facts, Error *error) {
        struct msginfo info;
        int r;

        r = sysv_probe_call(&mq_sysv_class, msgctl(0, MSG_INFO, (struct msqid_ds *)&info) < 0 ? errno : 0, error);
        if (r < 0)
                return r;
        if (limit_read(MSG_MNB_FILE, UINT64_MAX) == 0)
                return error_set(error, ERROR_LIMIT_EXCEEDED,
                        "A System V message queue has room for nothing here: %s is 0.", MSG_MNB_FILE);
        limit_append_file(facts, "msgmax", "bytes of a message", MSG_MAX_FILE);
        limit_append_file(facts, "msgmnb", "bytes in a queue", MSG_MNB_FILE);
        limit_append_file(facts, "msgmni", "queues", MSG_MNI_FILE);
        return 0;
}

/* Both the bytes and the number of messages are bounded by msg_qbytes (msgsnd(2)). */
static int set_bytes(int id, uint64_t bytes, Error *error) {
        struct msqid_ds st;

        if (msgctl(id, IPC_STAT, &st) < 0)
                return error_set_errno(error, errno, "Cannot look at the queue that was made");
        if (st.msg_qbytes == bytes)
                return 0;
        st.msg_qbytes = bytes;
        if (msgctl(id, IPC_SET, &st) >= 0)
                return 0;
        if (errno == EPERM && bytes <= limit_read(MSG_MNB_FILE, 0))
                return error_set(error, ERROR_NOT_PERMITTED,
                        "Only the owner or the creator of a queue, or a process with CAP_SYS_ADMIN, changes how many "
                        "bytes it holds (msgctl(2)).");
        if (errno == EPERM)
                return error_set(error, ERROR_NOT_PERMITTED,
                        "%" PRIu64 " bytes are more than " MSG_MNB_FILE " allows (%" PRIu64
                        "), and only with CAP_SYS_RESOURCE may a queue be larger.",
                        bytes, limit_read(MSG_MNB_FILE, 0));
        return error_set_errno(error, errno, "Cannot give the queue %" PRIu64 " bytes", bytes);
}

static int mq_create(KernelObject *object, const Record *options, Error *error) {
        uint64_t key = record_get_u64(options, "key", IPC_PRIVATE),
                 bytes = record_get_u64(options, "max_bytes", limit_read(MSG_MNB_FILE, 16384));
        /* A queue whose owner may not read it cannot even be given its size: the mode comes last. */
        mode_t mode = (mode_t)record_get_u64(options, "mode", 0600);
        SysvStat st;
        int id, r;

        if (bytes == 0)
                return error_set(error, ERROR_INVALID_OPTION, "max_bytes=0 makes no queue; the least is 1.");
        id = msgget((key_t)(uint32_t)key, IPC_CREAT | IPC_EXCL | (int)mode);
        if (id < 0)
                return sysv_create_failed(&mq_sysv_class, errno, key, error);
        if (record_has(options, "max_bytes")) {
                r = set_bytes(id, bytes, error);
                if (r < 0) {
                        queue_remove(id);
                        return r;
                }
        }
        r = sysv_made(&mq_sysv_class, object, id, &st, error);
        if (r >= 0)
                object->bytes = st.msg.msg_qbytes;
        return r;
}

/* What is in the queue stays, also where it is more than the new bound. */
static int mq_resize(KernelObject *object, uint64_t size, Error *error) {
        int r;

        if (size == 0)
                return error_set(error, ERROR_INVALID_OPTION, "A queue of 0 bytes takes no message; the least is 1.");
        r = set_bytes(sysv_id(object), size, error);
        if (r >= 0)
                object->bytes = size;
        return r;
}

static int mq_open_address(KernelObject *object, const Record *options, Error *error) {
        SysvStat st;
        int r;

        r = sysv_open(&mq_sysv_class, object, &st, error);
        if (r >= 0)
                object->bytes = st.msg.msg_qbytes;
        return r;
}

static int mq_identify(const Address *address, char ret_identity[IDENTITY_MAX], Error *error) {
        return sysv_identify(&mq_sysv_class, address, ret_identity, error);
}

static int mq_remove(KernelObject *object, Error *error) {
        return sysv_remove(&mq_sysv_class, object, error);
}

/* msgsnd(2) waits for ever where a message is larger than its queue, and says EINVAL for two reasons. */
static int check_size(const KernelObject *object, size_t size, Error *error) {
        uint64_t most = limit_read(MSG_MAX_FILE, UINT64_MAX);
        SysvStat st;
        int r;

        if (size > most)
                return error_set(error, ERROR_LIMIT_EXCEEDED,
                        "%zu bytes are more than one message may have, %" PRIu64 " (" MSG_MAX_FILE
                        "); send it in parts.",
                        size, most);
        r = sysv_stat_object(&mq_sysv_class, object, &st, error);
        if (r >= 0 && size > st.msg.msg_qbytes)
                return error_set(error, ERROR_LIMIT_EXCEEDED,
                        "%zu bytes are more than this queue ever holds, %" PRIu64
                        " (msg_qbytes); send it in parts, or make a queue with a larger max_bytes.",
                        size, (uint64_t)st.msg.msg_qbytes);
        return r;
}

static int mq_send(
        KernelObject *object, const void *data, size_t size, const Record *options, size_t *ret_sent, Error *error) {
        int64_t type = record_get_i64(options, "type", 0);
        CLEANUP_FREE MqMessage *message = NULL;
        int r;

        if (type < 0)
                return error_set(error, ERROR_INVALID_OPTION,
                        "The type %" PRId64 " is no type of a message; the least is 1 (msgsnd(2)).", type);
        r = check_size(object, size, error);
        if (r < 0)
                return r;
        message = malloc(sizeof(*message) + size);
        if (!message)
                return error_set_errno(error, ENOMEM, "Cannot send %zu bytes", size);
        /* 0 is what a caller says who has nothing to say: MessageQueue.Send() always has a number. */
        message->type = type > 0 ? (long)type : 1;
        if (size > 0)
                memcpy(message->data, data, size);
        if (msgsnd(sysv_id(object), message, size, IPC_NOWAIT) < 0)
                return errno == EAGAIN ? -EAGAIN : sysv_use_failed(&mq_sysv_class, object, errno, "send to", error);
        *ret_sent = size;
        return 0;
}

static int receive_failed(const KernelObject *object, bool peek, size_t size, int number, Error *error) {
        switch (number) {
        case ENOMSG:
        case EAGAIN:
                return -EAGAIN;
        case E2BIG:
                return error_set(error, ERROR_INVALID_OPTION,
                        "The message has more than %zu bytes and stays in the queue; leave size out, or cut it with "
                        "truncate=true (MSG_NOERROR).",
                        size);
        case ENOSYS:
                return error_set(error, ERROR_NOT_SUPPORTED,
                        "This kernel was built without CONFIG_CHECKPOINT_RESTORE, so that nobody can look into a "
                        "queue (MSG_COPY, msgrcv(2)).");
        default:
                return sysv_use_failed(&mq_sysv_class, object, number, peek ? "look into" : "receive from", error);
        }
}

/* How msgrcv(2) is asked: the type of the message, or its index with MSG_COPY. */
static int selection(const Record *options, bool peek, long *ret_type, int *ret_flags, Error *error) {
        int64_t type = record_get_i64(options, "type", 0);
        uint64_t index = record_get_u64(options, "index", 0);
        bool except = record_get_bool(options, "except", false);

        *ret_flags = IPC_NOWAIT;
        if (peek) {
                if (index > LONG_MAX)
                        return error_set(
                                error, ERROR_INVALID_OPTION, "No queue has a message number %" PRIu64 ".", index);
                *ret_type = (long)index;
                *ret_flags |= MSG_COPY;
                return 0;
        }
        if (except && type <= 0)
                return error_set(error, ERROR_INVALID_OPTION,
                        "except=true needs the type that is not wanted, for example type=3.");
        *ret_type = (long)type;
        *ret_flags |= (except ? MSG_EXCEPT : 0) | (record_get_bool(options, "truncate", false) ? MSG_NOERROR : 0);
        return 0;
}

/* Room for whatever is in the queue now, so that no message is too large; a copy may not even be cut (copy_msg() in
 * ipc/msgutil.c says EINVAL). */
static int room_of(const KernelObject *object, size_t *ret_room, Error *error) {
        SysvStat st;
        int r;

        r = sysv_stat_object(&mq_sysv_class, object, &st, error);
        if (r >= 0)
                *ret_room = st.msg.__msg_cbytes;
        return r;
}

static int mq_receive(KernelObject *object, bool peek, const Record *options, void **ret_data, size_t *ret_size,
        Record *meta, Error *error) {
        uint64_t wanted = record_get_u64(options, "size", UINT64_MAX);
        CLEANUP_FREE MqMessage *message = NULL;
        bool cut;
        size_t room = 0, ask;
        ssize_t n;
        long type = 0;
        int flags = 0, r;

        r = selection(options, peek, &type, &flags, error);
        if (r >= 0)
                r = room_of(object, &room, error);
        if (r < 0)
                return r;
        /* The kernel cuts without a word (MSG_NOERROR), so what may be cut is taken whole and cut here. */
        cut = flags & MSG_NOERROR;
        ask = !peek && !cut && wanted < room ? (size_t)wanted : room;
        message = malloc(sizeof(*message) + room + 1);
        if (!message)
                return error_set_errno(error, ENOMEM, "Cannot receive %zu bytes", ask);
        n = msgrcv(sysv_id(object), message, ask, type, flags & ~MSG_NOERROR);
        if (n < 0) {
                /* One that came since may be larger than all that was there. */
                if (errno == E2BIG && (cut || wanted > ask))
                        return -EAGAIN;
                return receive_failed(object, peek, ask, errno, error);
        }
        record_set_u64(meta, "type", (uint64_t)message->type);
        if ((uint64_t)n > wanted) {
                record_set_u64(meta, "message_bytes", (uint64_t)n);
                n = (ssize_t)wanted;
                record_set_bool(meta, "truncated", true);
        }
        memmove(message, message->data, (size_t)n);
        *ret_data = TAKE_POINTER(message);
        *ret_size = (size_t)n;
        return 0;
}

/* msgrcv(2) with room for nothing fails with E2BIG when a message of the type is there, also when it comes while the
 * call sleeps, and leaves it in the queue (pipelined_send() in ipc/msg.c): a wait that takes nothing. Only a message
 * without bytes fits and is taken; it goes back at once. It comes behind what was sent in that instant, and would be
 * lost if this process were killed between the two calls. For sending the kernel has no such thing. */
static int mq_await(KernelObject *object, Operation operation, const Record *options, Error *error) {
        MqMessage empty = {};
        long type = 0;
        int flags = 0, r;

        if (operation != OPERATION_RECEIVE)
                return -EOPNOTSUPP;
        r = selection(options, false, &type, &flags, error);
        if (r < 0)
                return r;
        do
                r = msgrcv(sysv_id(object), &empty, 0, type, flags & MSG_EXCEPT) < 0 ? -errno : 0;
        while (r == -EINTR);
        if (r == -E2BIG)
                return 0;
        if (r == 0)
                r = msgsnd(sysv_id(object), &empty, 0, 0) < 0 ? -errno : 0;
        return r < 0 ? sysv_use_failed(&mq_sysv_class, object, -r, "receive from", error) : 0;
}

static int mq_wait_on(KernelObject *object, Operation operation, int *ret_fd, uint32_t *ret_events) {
        return -EOPNOTSUPP;
}

static int mq_describe(KernelObject *object, Record *attributes, Error *error) {
        SysvStat st;
        int r;

        r = sysv_stat_object(&mq_sysv_class, object, &st, error);
        if (r < 0)
                return r;
        sysv_describe(&st, attributes);
        queue_row(&st, attributes);
        record_set_u64(attributes, "max_bytes", st.msg.msg_qbytes);
        record_set_u64(attributes, "queued", st.msg.__msg_cbytes);
        record_set_u64(attributes, "message_size", limit_read(MSG_MAX_FILE, 0));
        return record_error(attributes);
}

static int mq_scan(Scan *scan) {
        return sysv_scan(&mq_sysv_class, scan);
}

static void mq_sweep(const char *token) {
        sysv_sweep(&mq_sysv_class, token);
}

static const OptionSpec mq_options[] = {
        SYSV_KEY_OPTION,
        { "max_bytes", OPTION_SIZE, OPTION_FOR_CREATE, NULL, 0, 0,
                "the bytes that fit, msg_qbytes; " MSG_MNB_FILE " unless said" },
        SYSV_MODE_OPTION,
        { "type", OPTION_INTEGER, OPTION_FOR_SEND | OPTION_FOR_RECEIVE, NULL, 0, 0,
                "of what is sent, 1 unless said; of what is received 3: type 3, -3: the lowest up to 3, 0: the "
                "first" },
        { "except", OPTION_BOOL, OPTION_FOR_RECEIVE, "false", 0, 0, "the first that is not of the type" },
        { "truncate", OPTION_BOOL, OPTION_FOR_RECEIVE, "false", 0, 0,
                "cut a message that is larger than size; the rest is lost" },
        { "size", OPTION_SIZE, OPTION_FOR_RECEIVE | OPTION_FOR_PEEK, NULL, 0, 0,
                "the most bytes to take; a larger message stays" },
        { "index", OPTION_COUNT, OPTION_FOR_PEEK, "0", 0, 0, "which message, from 0 in the order of sending" },
        {},
};

const Mechanism mechanism_mq_sysv = {
        .kind = KIND,
        .title = "System V message queue",
        .family = "message queues",
        .capabilities = CAPABILITY_MESSAGE_QUEUE,
        .address_forms = 1u << ADDRESS_KEY | 1u << ADDRESS_ID,
        .facts = {
                .direction = "half-duplex",
                .bidirectional = true,
                .boundaries = true,
                .order = "first in, first out; the receiver chooses by type",
                .priority = true,
                .persistence = "until removed, or until the machine stops",
                .unrelated = true,
                .carries_data = true,
                .source = "msgget(2)",
        },
        .options = mq_options,
        .reasons = {
                [OPERATION_POST] = "A queue carries messages; posting is for semaphores.",
                [OPERATION_WAIT] = "A queue carries messages; receive with a time-out waits for one.",
                [OPERATION_OPEN_END] = "A System V queue has no descriptor to hand out: programs reach it by its key or "
                                       "its number (msgget(2)). POSIX queues have one.",
                [OPERATION_ACCEPT] = "A queue has no connections.",
                [OPERATION_SEAL] = "A queue cannot be sealed.",
                [OPERATION_LISTEN] = "A queue receives no signals.",
                [OPERATION_WATCH] = "The kernel tells nobody when a message comes into a System V queue, which has no "
                                    "descriptor to poll.",
        },
        .probe = mq_probe,
        .create = mq_create,
        .open = mq_open_address,
        .remove = mq_remove,
        .identify = mq_identify,
        .send = mq_send,
        .receive = mq_receive,
        .wait_on = mq_wait_on,
        .await = mq_await,
        .explain = mq_sysv_explain,
        .resize = mq_resize,
        .describe = mq_describe,
        .scan = mq_scan,
        .sweep = mq_sweep,
        .is_of_run = sysv_is_of_run,
        .transport = &mq_sysv_transport,
        .example = "",
        .traits = mq_sysv_traits,
        .checks = mq_sysv_checks,
        .gaps = mq_sysv_gaps,
};
