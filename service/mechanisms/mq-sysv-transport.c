/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Messages over one System V queue that serves both lanes by type: lane 0 is type 1, lane 1 is type 2. The judge owns
 * the queue; its identifier is words[0]. What one side leaves in the queue takes the room of the other, so a message
 * has no more than half of the queue: one each way always fits, and of a small queue several do.
 *
 * wait_readable: none. Nothing can wait for a System V message and leave it, or give up in time (msgrcv(2)). */
#include "mq-sysv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "limit-facts.h"
#include "spin.h"
#include "transport.h"

enum {
        MESSAGE_MAX = 16 * 1024 * 1024,
        QUEUE_SMALL = 16 * 1024, /* bytes: one has as many by default */
        SEVERAL = 8,
};

typedef struct MqSide {
        long out, in;
        size_t room;
        MqMessage *message;
} MqSide;

static int queue_make(key_t key, void *userdata) {
        int id = msgget(key, IPC_CREAT | IPC_EXCL | (int)link_mode(userdata));

        return id < 0 ? -errno : id;
}

static void mq_link_teardown(Link *link) {
        if (link->names[0][0] != '\0')
                msgctl((int)link->words[0], IPC_RMID, NULL);
        link->names[0][0] = '\0';
}

static int mq_link_setup(Link *link, Error *error) {
        uint64_t most = limit_read(MSG_MAX_FILE, 8192), bytes = limit_read(MSG_MNB_FILE, 16384);
        uint64_t share = bytes / LINK_LANES / (bytes < QUEUE_SMALL ? SEVERAL : 1);
        int id;

        if (share < most)
                most = share;
        if (link->message_max > most)
                link->message_max = most;
        id = sysv_claim(link->token, queue_make, link);
        if (id < 0)
                return sysv_create_failed(&mq_sysv_class, -id, 0, error);
        (void)snprintf(link->names[0], sizeof link->names[0], "mq-sysv:id=%d", id);
        link->words[0] = (uint64_t)id;
        link->depth = 0; /* bytes bound it, not messages */
        return 0;
}

static void mq_link_detach(Link *link) {
        MqSide *side = link->state;

        if (side)
                free(side->message);
        free(side);
        link->state = NULL;
}

static int mq_link_attach(Link *link, Error *error) {
        MqSide *side;

        side = calloc(1, sizeof(*side));
        if (!side)
                return error_set_errno(error, ENOMEM, "Cannot attach to the link");
        link->state = side;
        side->out = (long)link->side + 1;
        side->in = 2 - (long)link->side;
        side->room = link->message_max;
        side->message = malloc(sizeof(MqMessage) + side->room);
        if (!side->message) {
                mq_link_detach(link);
                return error_set_errno(error, ENOMEM, "Cannot attach to the link");
        }
        return 0;
}

static int send_once(Link *link, const void *data, size_t size, int flags) {
        MqSide *side = link->state;

        if (size > side->room)
                return -EMSGSIZE;
        side->message->type = side->out;
        if (size > 0)
                memcpy(side->message->data, data, size);
        return msgsnd((int)link->words[0], side->message, size, flags) < 0 ? -errno : 0;
}

static int mq_link_try_send(Link *link, const void *data, size_t size) {
        return send_once(link, data, size, IPC_NOWAIT);
}

static int mq_link_send(Link *link, const void *data, size_t size) {
        bool spin = link->wait == WAIT_SPIN;
        int r;

        do
                r = send_once(link, data, size, spin ? IPC_NOWAIT : 0);
        while (r == -EINTR || (r == -EAGAIN && spin));
        return r;
}

static ssize_t receive_once(Link *link, void *buffer, size_t size, int flags) {
        MqSide *side = link->state;
        ssize_t n;

        n = msgrcv((int)link->words[0], side->message, side->room, side->in, flags);
        if (n < 0)
                return errno == ENOMSG ? -EAGAIN : -errno;
        if ((size_t)n > size)
                return -EMSGSIZE;
        memcpy(buffer, side->message->data, (size_t)n);
        return n;
}

static ssize_t mq_link_try_receive(Link *link, void *buffer, size_t size) {
        return receive_once(link, buffer, size, IPC_NOWAIT);
}

static ssize_t mq_link_receive(Link *link, void *buffer, size_t size) {
        bool spin = link->wait == WAIT_SPIN;
        ssize_t n;

        do
                n = receive_once(link, buffer, size, spin ? IPC_NOWAIT : 0);
        while (link_receives_again(link, n));
        return n;
}

const Transport mq_sysv_transport = {
        .message_max = MESSAGE_MAX,
        .boundaries = true,
        .executed = true,
        .setup = mq_link_setup,
        .attach = mq_link_attach,
        .send = mq_link_send,
        .receive = mq_link_receive,
        .try_send = mq_link_try_send,
        .try_receive = mq_link_try_receive,
        .poll_reason = "a System V queue has no descriptor: nothing but msgrcv(2) waits for it",
        .several_max = MESSAGE_MAX,
        .detach = mq_link_detach,
        .teardown = mq_link_teardown,
};
