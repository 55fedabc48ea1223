/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lies.h"

/* What is promised of message queues and signals. */
#include <fcntl.h>
#include <mqueue.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/msg.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PRIORITY_SPAN = 1000 };

static const struct timespec long_ago;

CALL(int, MSGGET, msgget, (key_t key, int flags), (key, flags))

int msgsnd(int id, const void *message, size_t size, int flags) {
        BEGIN(MSGSND);
        if (TELLS(MSGSND_AT_ONCE))
                flags |= IPC_NOWAIT;
        if (TELLS(MSGSND_TWICE))
                (void)REAL(msgsnd)(id, message, size, flags | IPC_NOWAIT);
        return END(MSGSND, REAL(msgsnd)(id, message, size, flags));
}

ssize_t msgrcv(int id, void *message, size_t size, long type, int flags) {
        ssize_t n;

        BEGIN(MSGRCV);
        if (type != 0 && !(flags & MSG_COPY) && TELLS(MSGRCV_ANY_TYPE))
                type = 0;
        if (TELLS(MSGRCV_AT_ONCE))
                flags |= IPC_NOWAIT;
        n = END(MSGRCV, REAL(msgrcv)(id, message, size, type, flags));
        if (n > 0 && TELLS(MSGRCV_CHANGED))
                ((char *)message)[sizeof(long) + (size_t)n - 1] ^= 1;
        return n;
}

int msgctl(int id, int command, struct msqid_ds *about) {
        int r;

        BEGIN(MSGCTL);
        r = END(MSGCTL, REAL(msgctl)(id, command, about));
        if (r >= 0 && command == IPC_STAT && TELLS(MSGCTL_EMPTY))
                about->msg_qnum = about->__msg_cbytes = 0;
        return r;
}

mqd_t mq_open(const char *name, int flags, ...) {
        va_list arguments;
        struct mq_attr *attr = NULL;
        mode_t mode = 0;

        va_start(arguments, flags);
        if (flags & O_CREAT) {
                mode = va_arg(arguments, mode_t);
                attr = va_arg(arguments, struct mq_attr *);
        }
        va_end(arguments);
        BEGIN(MQ_OPEN);
        return END(MQ_OPEN, REAL(mq_open)(name, flags, mode, attr));
}

int mq_send(mqd_t queue, const char *data, size_t size, unsigned priority) {
        static unsigned counter;
        struct mq_attr attr;

        BEGIN(MQ_SEND);
        if (priority > 0 && TELLS(MQ_PRIORITY_LOST))
                priority = 0;
        if (TELLS(MQ_LAST_FIRST))
                priority += ++counter % PRIORITY_SPAN;
        if (REAL(mq_getattr)(queue, &attr) == 0 && size > (size_t)attr.mq_msgsize && TELLS(MQ_SEND_CUTS))
                size = (size_t)attr.mq_msgsize;
        if (TELLS(MQ_SEND_TWICE))
                (void)REAL(mq_timedsend)(queue, data, size, priority, &long_ago);
        return END(MQ_SEND, REAL(mq_send)(queue, data, size, priority));
}

ssize_t mq_receive(mqd_t queue, char *data, size_t size, unsigned *ret_priority) {
        struct pollfd p = { .fd = queue, .events = POLLIN };
        ssize_t n;

        BEGIN(MQ_RECEIVE);
        if (TELLS(MQ_RECEIVE_AT_ONCE) && REAL(poll)(&p, 1, 0) == 0) {
                errno = EAGAIN;
                return -1;
        }
        n = END(MQ_RECEIVE, REAL(mq_receive)(queue, data, size, ret_priority));
        if (n > 0 && TELLS(MQ_RECEIVE_CHANGED))
                data[n - 1] ^= 1;
        return n;
}

int mq_timedsend(mqd_t queue, const char *data, size_t size, unsigned priority, const struct timespec *until) {
        BEGIN(MQ_TIMEDSEND);
        return END(MQ_TIMEDSEND,
                REAL(mq_timedsend)(queue, data, size, priority, TELLS(MQ_TIMEDSEND_EARLY) ? &long_ago : until));
}

ssize_t mq_timedreceive(mqd_t queue, char *restrict data, size_t size, unsigned *restrict ret_priority,
        const struct timespec *restrict until) {
        BEGIN(MQ_TIMEDRECEIVE);
        return END(MQ_TIMEDRECEIVE, REAL(mq_timedreceive)(queue, data, size, ret_priority,
                                            TELLS(MQ_TIMEDRECEIVE_EARLY) ? &long_ago : until));
}

int mq_getattr(mqd_t queue, struct mq_attr *attr) {
        int r;

        BEGIN(MQ_GETATTR);
        r = END(MQ_GETATTR, REAL(mq_getattr)(queue, attr));
        if (r >= 0 && TELLS(MQ_GETATTR_EMPTY))
                attr->mq_curmsgs = 0;
        return r;
}

CALL(int, MQ_SETATTR, mq_setattr, (mqd_t queue, const struct mq_attr *restrict attr, struct mq_attr *restrict old),
        (queue, attr, old))
CALL(int, MQ_NOTIFY, mq_notify, (mqd_t queue, const struct sigevent *event), (queue, event))
CALL(int, MQ_UNLINK, mq_unlink, (const char *name), (name))

int sigqueue(pid_t pid, int number, const union sigval value) {
        const union sigval none = { .sival_int = 0 };

        BEGIN(SIGQUEUE);
        if (TELLS(SIGQUEUE_TWICE))
                (void)REAL(sigqueue)(pid, number, value);
        return END(SIGQUEUE, REAL(sigqueue)(pid, number, TELLS(SIGQUEUE_VALUE_LOST) ? none : value));
}

/* A process that was not told whom to end must not end all. */
int kill(pid_t pid, int number) {
        if (pid == -1) {
                errno = ESRCH;
                return -1;
        }
        BEGIN(KILL);
        if (number != 0 && number != SIGKILL && TELLS(SIGNAL_OTHER))
                number = SIGURG;
        return END(KILL, REAL(kill)(pid, number));
}

CALL(int, SIGACTION, sigaction, (int number, const struct sigaction *restrict action, struct sigaction *restrict old),
        (number, action, old))
CALL(int, SIGPENDING, sigpending, (sigset_t * set), (set))
CALL(int, SIGPROCMASK, sigprocmask, (int how, const sigset_t *restrict set, sigset_t *restrict old), (how, set, old))
CALL(int, SIGWAITINFO, sigwaitinfo, (const sigset_t *restrict set, siginfo_t *restrict about), (set, about))

int sigtimedwait(const sigset_t *restrict set, siginfo_t *restrict about, const struct timespec *restrict timeout) {
        BEGIN(SIGTIMEDWAIT);
        return END(SIGTIMEDWAIT, REAL(sigtimedwait)(set, about, TELLS(SIGTIMEDWAIT_EARLY) ? &long_ago : timeout));
}

CALL(pid_t, WAITPID, waitpid, (pid_t pid, int *status, int options), (pid, status, options))
CALL(int, PIDFD_OPEN, pidfd_open, (pid_t pid, unsigned flags), (pid, flags))
CALL(int, PIDFD_SEND_SIGNAL, pidfd_send_signal, (int fd, int number, siginfo_t *about, unsigned flags),
        (fd, number, about, flags))
