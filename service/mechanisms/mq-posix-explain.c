/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Why a POSIX message queue can or cannot be used, and what limits making one (mq_overview(7)). Opening a queue has no
 * effect on it. Owns nothing. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "explain.h"
#include "limit-facts.h"
#include "mechanism.h"
#include "mq-posix.h"
#include "posix-name.h"

enum {
        MESSAGES = 10,       /* of a queue that nothing was said about (mq_overview(7)) */
        MESSAGE_SIZE = 8192, /* the same */
};

typedef struct OpenTrial {
        const char *name;
        int flags;
} OpenTrial;

static int try_open(void *userdata, Error *error) {
        const OpenTrial *trial = userdata;
        mqd_t mqd = mq_open(trial->name, trial->flags | O_NONBLOCK | O_CLOEXEC);

        (void)error;
        if (mqd < 0)
                return -errno;
        mq_close(mqd);
        return 0;
}

static void explain_one(Explanation *explanation, const char *use, const char *name, const struct stat *st, int want) {
        OpenTrial trial = { .name = name, .flags = want == R_OK ? O_RDONLY : O_WRONLY };

        explain_use(explanation, use);
        if (st)
                explain_rights(explanation, explanation->what, st, want, false, NULL, 0);
        (void)explain_try(explanation, explanation->what, try_open, &trial);
        explain_use(explanation, NULL);
}

static void explain_fill(Explanation *explanation, mqd_t mqd) {
        struct mq_attr attributes;

        if (mq_getattr(mqd, &attributes) < 0)
                return;
        explain_use(explanation, "send to");
        if (attributes.mq_curmsgs >= attributes.mq_maxmsg)
                explain_blocked(explanation, EAGAIN, "receive some first", "room in", explanation->what,
                        "The queue is full, with %ld of %ld messages (mq_getattr(3)): who sends waits, or gets EAGAIN "
                        "with O_NONBLOCK.",
                        attributes.mq_curmsgs, attributes.mq_maxmsg);
        else
                explain_ok(explanation, "room in", explanation->what,
                        "%ld of %ld messages wait in it (mq_getattr(3)).", attributes.mq_curmsgs,
                        attributes.mq_maxmsg);
        explain_use(explanation, NULL);
}

/* --- Making one --- */

static int write_map(const char *path, const char *text) {
        CLEANUP_FD int fd = open(path, O_WRONLY | O_CLOEXEC);

        return fd < 0 || write(fd, text, strlen(text)) < 0 ? -errno : 0;
}

/* As the same user in it (user_namespaces(7)): a file belongs to somebody that its file system knows. */
static int enter_user_namespace(void) {
        char users[48], groups[48];
        int r;

        snprintf(users, sizeof(users), "%u %u 1", geteuid(), geteuid());
        snprintf(groups, sizeof(groups), "%u %u 1", getegid(), getegid());
        if (unshare(CLONE_NEWUSER | CLONE_NEWIPC) < 0)
                return -errno;
        r = write_map("/proc/self/setgroups", "deny");
        if (r >= 0)
                r = write_map("/proc/self/gid_map", groups);
        if (r >= 0)
                r = write_map("/proc/self/uid_map", users);
        return r;
}

/* In an IPC namespace that only this process has, so that nobody sees the queue; but RLIMIT_MSGQUEUE counts what the
 * user has in all of them (mqueue_get_inode() in ipc/mqueue.c). */
static int try_making(void *userdata, Error *error) {
        struct mq_attr attributes = *(struct mq_attr *)userdata;
        mqd_t mqd;

        if (unshare(CLONE_NEWIPC) < 0 && enter_user_namespace() < 0) {
                error_set(error, ERROR_NOT_PERMITTED,
                        "An IPC namespace of its own to try it in cannot be made here: %s.", strerror(errno));
                return -ECANCELED;
        }
        mqd = mq_open("/ipcbus-explain", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600, &attributes);
        if (mqd < 0)
                return -errno;
        mq_unlink("/ipcbus-explain");
        mq_close(mqd);
        return 0;
}

static void explain_number(Explanation *explanation) {
        uint64_t max = limit_read(MQ_QUEUES_MAX, UINT64_MAX), n = 0;
        CLEANUP_FD int fd = mq_posix_open_directory();
        const struct dirent *entry;
        DIR *directory;

        directory = fd >= 0 ? fdopendir(fd) : NULL;
        if (!directory) {
                explain_unknown(explanation, "limit of", "queues",
                        "%" PRIu64 " queues are allowed (" MQ_QUEUES_MAX
                        "), but how many there are cannot be seen: no mqueue file system is mounted, and this user "
                        "may "
                        "not mount one.",
                        max);
                return;
        }
        fd = -EBADF;
        while ((entry = readdir(directory)))
                n += entry->d_name[0] != '.';
        closedir(directory);
        if (n >= max && !access_user_can(&explanation->user, 24)) /* CAP_SYS_RESOURCE */
                explain_blocked(explanation, ENOSPC, "remove some, or raise it", "limit of", "queues",
                        "There are %" PRIu64 " queues in this IPC namespace, and " MQ_QUEUES_MAX " allows %" PRIu64
                        ".",
                        n, max);
        else
                explain_ok(explanation, "limit of", "queues",
                        "There are %" PRIu64 " queues in this IPC namespace, of %" PRIu64 " (" MQ_QUEUES_MAX ").", n,
                        max);
}

static void explain_new(Explanation *explanation) {
        uint64_t messages = limit_read(MQ_MSG_MAX, MESSAGES), size = limit_read(MQ_MSGSIZE_MAX, MESSAGE_SIZE);
        struct mq_attr attributes = {
                .mq_maxmsg = (long)(messages < MESSAGES ? messages : MESSAGES),
                .mq_msgsize = (long)(size < MESSAGE_SIZE ? size : MESSAGE_SIZE),
        };
        uint64_t cost = mq_cost((uint64_t)attributes.mq_maxmsg, (uint64_t)attributes.mq_msgsize);
        struct rlimit limit = { 0 };
        int r;

        explain_making(explanation);
        explain_number(explanation);
        (void)getrlimit(RLIMIT_MSGQUEUE, &limit);
        r = explain_try(explanation, explanation->what, try_making, &attributes);
        if (limit.rlim_cur != RLIM_INFINITY && (r == -EMFILE || cost > limit.rlim_cur))
                explain_judged(explanation, EMFILE, "remove some, ask for a smaller one, or raise it with ulimit -q",
                        "limit of", "bytes",
                        "A queue of %ld messages of %ld bytes takes %" PRIu64
                        " bytes, and all queues of the user together may take %" PRIu64
                        " (RLIMIT_MSGQUEUE of getrlimit(2), as ipcbus has it).",
                        attributes.mq_maxmsg, attributes.mq_msgsize, cost, (uint64_t)limit.rlim_cur);
        else
                explain_ok(explanation, "limit of", "bytes",
                        "A queue of %ld messages of %ld bytes takes %" PRIu64
                        " bytes of those that all queues of the user together may take (RLIMIT_MSGQUEUE is %" PRIu64
                        " as ipcbus has it).",
                        attributes.mq_maxmsg, attributes.mq_msgsize, cost, (uint64_t)limit.rlim_cur);
        explain_use(explanation, NULL);
}

int mq_posix_explain(const Address *address, Explanation *explanation) {
        const char *name = address->text;
        Error error = {};
        struct stat st = {};
        mqd_t mqd = -1;
        int r;

        explain_namespace(explanation, "ipc");
        explain_descriptor(explanation);
        if (posix_name_check(address->kind, name, NAME_MAX, ERROR_INVALID_ADDRESS, &error) < 0) {
                explain_blocked(explanation, EINVAL, NULL, "name", name, "%s", error.message);
                return 0;
        }
        r = mq_open_allowed(name, O_NONBLOCK, &mqd);
        if (r == -ENOENT) {
                explain_missing(
                        explanation, ENOENT, "find", name, "There is no POSIX message queue named \"%s\".", name);
                explain_new(explanation);
                return 0;
        }
        if (r < 0 && r != -EACCES) {
                explain_blocked(explanation, -r, NULL, "find", name, "The queue \"%s\" cannot be opened: %s (%s).",
                        name, strerrordesc_np(-r), strerrorname_np(-r));
                return 0;
        }
        if (r < 0)
                explain_unknown(explanation, "find", name,
                        "There is a queue \"%s\", and ipcbus itself may not open it to look at its mode.", name);
        else
                explain_ok(explanation, "find", name, "There is a queue \"%s\".", name);
        if (r < 0 || fstat(mqd, &st) < 0)
                st = (struct stat){};
        explain_one(explanation, "receive from", name, st.st_nlink ? &st : NULL, R_OK);
        explain_one(explanation, "send to", name, st.st_nlink ? &st : NULL, W_OK);
        if (r >= 0) {
                explain_fill(explanation, mqd);
                mq_close(mqd);
        }
        return 0;
}
