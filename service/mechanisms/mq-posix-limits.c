/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The limits of POSIX message queues: what they are here, and which one it was that stood in the way, for mq_open(3)
 * only says EINVAL, EMFILE or ENOSPC. Owns nothing. */
#include "mq-posix.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "kind-helpers.h"
#include "limit-facts.h"

enum {
        DEFAULT_MESSAGES = 10,
        DEFAULT_MESSAGE_SIZE = 8192,
        /* What the kernel allows at all, with CAP_SYS_RESOURCE: HARD_MSGMAX and HARD_MSGSIZEMAX of ipc_namespace.h. */
        HARD_MESSAGES_MAX = 65536,
        HARD_MESSAGE_SIZE_MAX = 16 * 1024 * 1024,
};

uint64_t mq_cost(uint64_t messages, uint64_t message_size) {
        /* sizeof(struct msg_msg) and of struct posix_msg_tree_node on 64 bits. */
        return messages * (message_size + 48) + (messages < 32768 ? messages : 32768) * 48;
}

int mq_posix_probe(Record *facts, Error *error) {
        struct rlimit limit;
        mqd_t mqd;

        /* ENOENT says that the kernel looked for the name. */
        mqd = mq_open("/ipcbus-probe-of-a-name-that-nobody-uses", O_RDONLY | O_CLOEXEC);
        if (mqd >= 0)
                close(mqd);
        else if (errno == ENOSYS)
                return error_set(error, ERROR_NOT_SUPPORTED,
                        "This kernel was built without POSIX message queues (CONFIG_POSIX_MQUEUE).");
        else if (errno != ENOENT && errno != EACCES)
                return error_set(
                        error, ERROR_NOT_SUPPORTED, "POSIX message queues cannot be used here: %s.", strerror(errno));
        limit_append_file(facts, "msg_max", "messages in a queue", MQ_MSG_MAX);
        limit_append_file(facts, "msgsize_max", "bytes of a message", MQ_MSGSIZE_MAX);
        limit_append_file(facts, "queues_max", "queues", MQ_QUEUES_MAX);
        if (getrlimit(RLIMIT_MSGQUEUE, &limit) >= 0)
                limit_append_bounded(facts, "RLIMIT_MSGQUEUE",
                        limit.rlim_cur == RLIM_INFINITY ? UINT64_MAX : (uint64_t)limit.rlim_cur,
                        "bytes of a user's queues", "getrlimit(RLIMIT_MSGQUEUE)");
        limit_append(facts, "MQ_PRIO_MAX", MQ_PRIORITY_MAX, "highest priority", "mq_send(3)");
        limit_append(facts, "NAME_MAX", NAME_MAX, "bytes of a name", "mq_overview(7)");
        return 0;
}

/* EMFILE has two meanings (mq_open(3)): no descriptor, or RLIMIT_MSGQUEUE. */
static bool no_descriptor_left(void) {
        int fd = open("/", O_PATH | O_CLOEXEC);

        if (fd < 0)
                return true;
        close(fd);
        return false;
}

static int other_failed(int number, const char *name, uint64_t messages, uint64_t message_size, Error *error) {
        struct rlimit limit = { 0 };

        switch (number) {
        case EEXIST:
                return error_set(error, ERROR_EXISTS,
                        "A POSIX message queue named \"%s\" exists already; it is left as it is.", name);
        case ENOSPC:
                return error_set(error, ERROR_LIMIT_EXCEEDED,
                        "There are as many POSIX message queues as this machine allows, %" PRIu64
                        "; remove some or raise " MQ_QUEUES_MAX ".",
                        limit_read(MQ_QUEUES_MAX, 0));
        case EMFILE:
                if (no_descriptor_left())
                        break;
                (void)getrlimit(RLIMIT_MSGQUEUE, &limit);
                return error_set(error, ERROR_LIMIT_EXCEEDED,
                        "A queue of %" PRIu64 " messages of %" PRIu64 " bytes takes %" PRIu64
                        " bytes, and all queues of a user together may take %llu (RLIMIT_MSGQUEUE); remove some, ask "
                        "for less, or raise it with ulimit -q.",
                        messages, message_size, mq_cost(messages, message_size), (unsigned long long)limit.rlim_cur);
        default:
                break;
        }
        return error_set_errno(error, number, "Cannot make the POSIX message queue \"%s\"", name);
}

/* EINVAL of mq_open(3) for a size does not say which. */
static int size_failed(uint64_t messages, uint64_t message_size, Error *error) {
        uint64_t messages_max = limit_read(MQ_MSG_MAX, HARD_MESSAGES_MAX);
        uint64_t size_max = limit_read(MQ_MSGSIZE_MAX, HARD_MESSAGE_SIZE_MAX);

        if (messages > messages_max)
                return error_set(error, ERROR_LIMIT_EXCEEDED,
                        "max_messages=%" PRIu64 " is more than this machine allows, %" PRIu64
                        "; ask for less or raise " MQ_MSG_MAX ", up to %d.",
                        messages, messages_max, HARD_MESSAGES_MAX);
        if (message_size > size_max)
                return error_set(error, ERROR_LIMIT_EXCEEDED,
                        "message_size=%" PRIu64 " is more than this machine allows, %" PRIu64
                        "; ask for less or raise " MQ_MSGSIZE_MAX ", up to %d.",
                        message_size, size_max, HARD_MESSAGE_SIZE_MAX);
        return error_set(error, ERROR_INVALID_OPTION,
                "The kernel takes no queue of %" PRIu64 " messages of %" PRIu64 " bytes.", messages, message_size);
}

int mq_sizes_from_options(const Record *options, uint64_t *ret_messages, uint64_t *ret_size, Error *error) {
        uint64_t messages = limit_read(MQ_MSG_MAX, DEFAULT_MESSAGES);
        uint64_t size = limit_read(MQ_MSGSIZE_MAX, DEFAULT_MESSAGE_SIZE);

        messages = record_get_u64(options, "max_messages", messages < DEFAULT_MESSAGES ? messages : DEFAULT_MESSAGES);
        size = record_get_u64(options, "message_size", size < DEFAULT_MESSAGE_SIZE ? size : DEFAULT_MESSAGE_SIZE);
        if (messages == 0 || size == 0)
                return error_set(error, ERROR_INVALID_OPTION, "%s=0 makes no queue; the least is 1.",
                        messages == 0 ? "max_messages" : "message_size");
        /* Larger ones would not even fit the type that mq_open(3) takes. */
        if (messages > HARD_MESSAGES_MAX || size > HARD_MESSAGE_SIZE_MAX)
                return size_failed(messages, size, error);
        *ret_messages = messages;
        *ret_size = size;
        return 0;
}

int mq_create_failed(int number, const char *name, uint64_t messages, uint64_t message_size, Error *error) {
        return number == EINVAL ? size_failed(messages, message_size, error)
                                : other_failed(number, name, messages, message_size, error);
}
