/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tokens over one System V set: its first semaphore is lane 0, its second lane 1. Sending posts, receiving waits; no
 * bytes go along. The judge owns the set, whose number stands in names[0]. */
#include "sem-sysv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "spin.h"
#include "transport.h"

typedef struct SemSide {
        int id;
        unsigned short out, in;
        unsigned taken; /* by wait_readable(), for the next receive() */
} SemSide;

static int set_make(key_t key, void *userdata) {
        int id = semget(key, LINK_LANES, IPC_CREAT | IPC_EXCL | (int)link_mode(userdata));

        return id < 0 ? -errno : id;
}

static int sem_link_setup(Link *link, Error *error) {
        int id = sysv_claim(link->token, set_make, link);

        if (id < 0)
                return sysv_create_failed(&sem_sysv_class, -id, 0, error);
        (void)snprintf(link->names[0], sizeof link->names[0], "%d", id);
        link->message_max = 0;
        link->depth = SEM_VALUE_LARGEST;
        return 0;
}

static void sem_link_teardown(Link *link) {
        if (link->names[0][0] != '\0')
                semctl((int)strtol(link->names[0], NULL, 10), 0, IPC_RMID);
        link->names[0][0] = '\0';
}

static int sem_link_attach(Link *link, Error *error) {
        SemSide *side = calloc(1, sizeof(*side));

        if (!side)
                return error_set_errno(error, ENOMEM, "Cannot attach to the link");
        side->id = (int)strtol(link->names[0], NULL, 10);
        side->out = (unsigned short)link->side;
        side->in = !link->side;
        link->state = side;
        return 0;
}

static void sem_link_detach(Link *link) {
        free(link->state);
        link->state = NULL;
}

/* Nothing can wait for a semaphore to get smaller but not to zero: a full one says ERANGE. */
static int sem_link_try_send(Link *link, const void *data, size_t size) {
        SemSide *side = link->state;
        struct sembuf add = { .sem_num = side->out, .sem_op = 1 };

        if (size > 0)
                return -EMSGSIZE;
        if (semop(side->id, &add, 1) >= 0)
                return 0;
        return errno == ERANGE ? -EAGAIN : -errno;
}

static int sem_link_send(Link *link, const void *data, size_t size) {
        int r;

        while ((r = sem_link_try_send(link, data, size)) == -EAGAIN)
                spin_pause();
        return r;
}

static int take(SemSide *side, int flags, const struct timespec *timeout) {
        struct sembuf one = { .sem_num = side->in, .sem_op = -1, .sem_flg = (short)flags };

        return semtimedop(side->id, &one, 1, timeout) < 0 ? -errno : 0;
}

static ssize_t receive_once(SemSide *side, int flags) {
        if (side->taken > 0) {
                side->taken--;
                return 0;
        }
        return take(side, flags, NULL);
}

static ssize_t sem_link_try_receive(Link *link, void *buffer, size_t size) {
        return receive_once(link->state, IPC_NOWAIT);
}

static ssize_t sem_link_receive(Link *link, void *buffer, size_t size) {
        bool spin = link->wait == WAIT_SPIN;
        ssize_t n;

        do
                n = receive_once(link->state, spin ? IPC_NOWAIT : 0);
        while (link_receives_again(link, n));
        return n;
}

/* Waiting takes: what was taken is kept for the next receive(). */
static int sem_link_wait_readable(Link *link, uint64_t timeout) {
        uint64_t end = monotonic_end(timeout), now;
        SemSide *side = link->state;
        struct timespec left;
        int r;

        if (side->taken > 0)
                return 0;
        do {
                now = monotonic_now();
                left = timespec_from_usec(end > now ? end - now : 0);
                r = take(side, 0, &left);
        } while (r == -EINTR);
        if (r < 0)
                return r == -EAGAIN ? -ETIMEDOUT : r;
        side->taken++;
        return 0;
}

const Transport sem_sysv_transport = {
        .message_max = 0,
        .boundaries = true,
        .executed = true,
        .setup = sem_link_setup,
        .attach = sem_link_attach,
        .send = sem_link_send,
        .receive = sem_link_receive,
        .try_send = sem_link_try_send,
        .try_receive = sem_link_try_receive,
        .poll_reason = "a System V semaphore has no descriptor: nothing but semop(2) waits for it",
        .several_max = 1,
        .wait_readable = sem_link_wait_readable,
        .detach = sem_link_detach,
        .teardown = sem_link_teardown,
};
