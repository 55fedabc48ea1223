/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Messages over two POSIX message queues, one a lane. The judge owns the names, each side its descriptors: own[0]
 * sends, own[1] receives, non-blocking where the link spins. */
#include "mq-posix.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "limit-facts.h"
#include "posix-name.h"
#include "posix-transports.h"
#include "spin.h"
#include "stream-wait.h"
#include "transport.h"

enum {
        DEPTH = 10,
        MESSAGE_MAX = 16 * 1024 * 1024, /* HARD_MSGSIZEMAX of ipc_namespace.h */
};

/* In the past: mq_timedsend(3) then waits as little as a non-blocking call. */
static const struct timespec no_wait = { 0 };

typedef struct MqSide {
        size_t message_size;
        char *bounce; /* mq_receive(3) wants room for the largest message, also where a smaller one comes */
} MqSide;

typedef struct MqPlan {
        struct mq_attr attr;
        mode_t mode;
} MqPlan;

static int queue_make(const char *name, void *userdata, Error *error) {
        const MqPlan *plan = userdata;
        const struct mq_attr *attr = &plan->attr;
        mqd_t mqd;
        int r = 0;

        mqd = mq_open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600, attr);
        if (mqd < 0)
                return errno == EEXIST ? -EEXIST
                                       : mq_create_failed(errno, name, (uint64_t)attr->mq_maxmsg,
                                                 (uint64_t)attr->mq_msgsize, error);
        if (plan->mode != 0 && fchmod(mqd, plan->mode) < 0) { /* past the umask */
                r = error_set_errno(error, errno, "The queue \"%s\" cannot be opened to others", name);
                mq_unlink(name);
        }
        close(mqd);
        return r;
}

static void mq_link_teardown(Link *link) {
        for (unsigned lane = 0; lane < LINK_LANES; lane++) {
                if (link->names[lane][0] != '\0')
                        mq_unlink(link->names[lane]);
                link->names[lane][0] = '\0';
        }
}

static int make_both(Link *link, MqPlan *plan, Error *error) {
        int r;

        for (unsigned lane = 0; lane < LINK_LANES; lane++) {
                r = posix_name_claim(
                        link->token, link->names[lane], sizeof(link->names[lane]), queue_make, plan, error);
                if (r < 0) {
                        link->names[lane][0] = '\0'; /* not ours */
                        mq_link_teardown(link);
                        return r;
                }
        }
        return 0;
}

static int mq_link_setup(Link *link, Error *error) {
        uint64_t size_max = limit_read(MQ_MSGSIZE_MAX, 8192), depth_max = limit_read(MQ_MSG_MAX, DEPTH);
        MqPlan plan = { .mode = link->mode };
        struct mq_attr *attr = &plan.attr;
        int r;

        if (link->message_max > size_max)
                link->message_max = size_max;
        attr->mq_maxmsg = (long)(depth_max < DEPTH ? depth_max : DEPTH);
        attr->mq_msgsize = link->message_max > 0 ? (long)link->message_max : 1;
        /* RLIMIT_MSGQUEUE counts all queues of the user: where it leaves less, the link is less deep. */
        for (;;) {
                r = make_both(link, &plan, error);
                if (r != -EDQUOT || attr->mq_maxmsg == 1)
                        break;
                attr->mq_maxmsg /= 2;
        }
        if (r < 0)
                return r;
        if (error)
                *error = (Error){};
        link->depth = (unsigned)attr->mq_maxmsg;
        return 0;
}

static void mq_link_detach(Link *link) {
        MqSide *side = link->state;

        for (unsigned i = 0; i < LINK_FDS_MAX; i++)
                link->own[i] = fd_close(link->own[i]);
        if (side)
                free(side->bounce);
        free(side);
        link->state = NULL;
}

static int mq_link_attach(Link *link, Error *error) {
        int flags = O_CLOEXEC | (link_never_sleeps(link) ? O_NONBLOCK : 0), r;
        struct mq_attr attr;
        MqSide *side;

        side = calloc(1, sizeof(*side));
        if (!side)
                return error_set_errno(error, ENOMEM, "Cannot attach to the link");
        link->state = side;
        link->own[0] = mq_open(link->names[link->side], O_WRONLY | flags);
        link->own[1] = mq_open(link->names[!link->side], O_RDONLY | flags);
        if (link->own[0] < 0 || link->own[1] < 0 || mq_getattr(link->own[1], &attr) < 0) {
                r = error_set_errno(
                        error, errno, "Cannot open the queues \"%s\" and \"%s\"", link->names[0], link->names[1]);
                mq_link_detach(link);
                return r;
        }
        side->message_size = (size_t)attr.mq_msgsize;
        side->bounce = malloc(side->message_size);
        if (!side->bounce) {
                mq_link_detach(link);
                return error_set_errno(error, ENOMEM, "Cannot attach to the link");
        }
        return 0;
}

static int send_result(int r) {
        if (r >= 0)
                return 0;
        return errno == ETIMEDOUT ? -EAGAIN : -errno;
}

static int mq_link_try_send(Link *link, const void *data, size_t size) {
        if (link_never_sleeps(link))
                return send_result(mq_send(link->own[0], data, size, 0));
        return send_result(mq_timedsend(link->own[0], data, size, 0, &no_wait));
}

static int mq_link_send(Link *link, const void *data, size_t size) {
        int r;

        do
                r = send_result(mq_send(link->own[0], data, size, 0));
        while (r < 0 && link_sends_again(link, link->own[0], r));
        return r;
}

static ssize_t receive_once(Link *link, void *buffer, size_t size, bool wait) {
        MqSide *side = link->state;
        bool bounce = size < side->message_size;
        void *into = bounce ? side->bounce : buffer;
        size_t room = bounce ? side->message_size : size;
        ssize_t n;

        n = wait || link_never_sleeps(link) ? mq_receive(link->own[1], into, room, NULL)
                                            : mq_timedreceive(link->own[1], into, room, NULL, &no_wait);
        if (n < 0)
                return errno == ETIMEDOUT ? -EAGAIN : -errno;
        if (!bounce)
                return n;
        if ((size_t)n > size)
                return -EMSGSIZE;
        memcpy(buffer, side->bounce, (size_t)n);
        return n;
}

static ssize_t mq_link_try_receive(Link *link, void *buffer, size_t size) {
        return receive_once(link, buffer, size, false);
}

static ssize_t mq_link_receive(Link *link, void *buffer, size_t size) {
        ssize_t n;

        do
                n = receive_once(link, buffer, size, true);
        while (link_receives_again(link, n));
        return n;
}

static int mq_link_wait_readable(Link *link, uint64_t timeout) {
        return wait_readable_fd(link->own[1], timeout);
}

static int mq_link_poll_fd(const Link *link) {
        return link->own[1];
}

/* close_direction: none. A queue does not tell who has it open. */
const Transport mq_posix_transport = {
        .message_max = MESSAGE_MAX,
        .boundaries = true,
        .executed = true,
        .setup = mq_link_setup,
        .attach = mq_link_attach,
        .send = mq_link_send,
        .receive = mq_link_receive,
        .try_send = mq_link_try_send,
        .try_receive = mq_link_try_receive,
        .poll_fd = mq_link_poll_fd,
        .several_max = MESSAGE_MAX,
        .wait_readable = mq_link_wait_readable,
        .detach = mq_link_detach,
        .teardown = mq_link_teardown,
};
