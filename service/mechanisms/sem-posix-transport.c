/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tokens over two POSIX semaphores, one a lane: sending posts, receiving waits. No bytes go along. The judge owns the
 * names, each side what it opened. */
#include "posix-transports.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "posix-name.h"
#include "spin.h"
#include "transport.h"

typedef struct SemSide {
        sem_t *out, *in;
        unsigned taken; /* by wait_readable(), for the next receive() */
} SemSide;

/* Past the umask. A semaphore has no descriptor, but a file, sem_overview(7). */
static int semaphore_open_to(const char *name, mode_t mode, Error *error) {
        char path[LINK_NAME_MAX + sizeof POSIX_SHM_DIRECTORY + sizeof "/sem."];

        (void)snprintf(path, sizeof path, POSIX_SHM_DIRECTORY "/sem.%s", name + 1);
        if (chmod(path, mode) == 0)
                return 0;
        return error_set_errno(error, errno, "Cannot set the mode of the semaphore \"%s\"", name);
}

static int semaphore_make(const char *name, void *userdata, Error *error) {
        sem_t *sem;
        int r;

        sem = sem_open(name, O_CREAT | O_EXCL, 0600, 0);
        if (sem == SEM_FAILED)
                return errno == EEXIST ? -EEXIST
                                       : error_set_errno(error, errno, "Cannot make the semaphore \"%s\"", name);
        sem_close(sem);
        r = semaphore_open_to(name, link_mode(userdata), error);
        if (r < 0)
                sem_unlink(name);
        return r;
}

static void sem_link_teardown(Link *link) {
        for (unsigned lane = 0; lane < LINK_LANES; lane++) {
                if (link->names[lane][0] != '\0')
                        sem_unlink(link->names[lane]);
                link->names[lane][0] = '\0';
        }
}

static int sem_link_setup(Link *link, Error *error) {
        int r;

        for (unsigned lane = 0; lane < LINK_LANES; lane++) {
                r = posix_name_claim(
                        link->token, link->names[lane], sizeof(link->names[lane]), semaphore_make, link, error);
                if (r < 0) {
                        link->names[lane][0] = '\0'; /* not ours */
                        sem_link_teardown(link);
                        return r;
                }
        }
        link->message_max = 0;
        link->depth = SEM_VALUE_MAX;
        return 0;
}

static void sem_link_detach(Link *link) {
        SemSide *side = link->state;

        if (!side)
                return;
        if (side->out != SEM_FAILED)
                sem_close(side->out);
        if (side->in != SEM_FAILED)
                sem_close(side->in);
        free(side);
        link->state = NULL;
}

static int sem_link_attach(Link *link, Error *error) {
        SemSide *side;
        int r;

        side = calloc(1, sizeof(*side));
        if (!side)
                return error_set_errno(error, ENOMEM, "Cannot attach to the link");
        link->state = side;
        side->out = sem_open(link->names[link->side], 0);
        side->in = sem_open(link->names[!link->side], 0);
        if (side->out != SEM_FAILED && side->in != SEM_FAILED)
                return 0;
        r = error_set_errno(
                error, errno, "Cannot open the semaphores \"%s\" and \"%s\"", link->names[0], link->names[1]);
        sem_link_detach(link);
        return r;
}

static int sem_link_try_send(Link *link, const void *data, size_t size) {
        SemSide *side = link->state;

        if (size > 0)
                return -EMSGSIZE;
        if (sem_post(side->out) >= 0)
                return 0;
        return errno == EOVERFLOW ? -EAGAIN : -errno;
}

/* Nothing can wait for a semaphore to get smaller, so that both ways of waiting look again and again. */
static int sem_link_send(Link *link, const void *data, size_t size) {
        int r;

        while ((r = sem_link_try_send(link, data, size)) == -EAGAIN)
                spin_pause();
        return r;
}

static ssize_t sem_link_try_receive(Link *link, void *buffer, size_t size) {
        SemSide *side = link->state;

        if (side->taken > 0) {
                side->taken--;
                return 0;
        }
        while (sem_trywait(side->in) < 0)
                if (errno != EINTR)
                        return -errno;
        return 0;
}

static ssize_t sem_link_receive(Link *link, void *buffer, size_t size) {
        SemSide *side = link->state;
        ssize_t n;

        if (link->wait == WAIT_SPIN) {
                while ((n = sem_link_try_receive(link, buffer, size)) == -EAGAIN)
                        spin_pause();
                return n;
        }
        if (side->taken > 0) {
                side->taken--;
                return 0;
        }
        while (sem_wait(side->in) < 0)
                if (!link_receives_again(link, -errno))
                        return -errno;
        return 0;
}

/* Waiting takes: what was taken is kept for the next receive(). */
static int sem_link_wait_readable(Link *link, uint64_t timeout) {
        SemSide *side = link->state;
        struct timespec end = timespec_from_usec(monotonic_end(timeout));

        if (side->taken > 0)
                return 0;
        while (sem_clockwait(side->in, CLOCK_MONOTONIC, &end) < 0)
                if (errno != EINTR)
                        return -errno;
        side->taken++;
        return 0;
}

const Transport sem_posix_transport = {
        .in_memory = true,
        .message_max = 0,
        .boundaries = true,
        .executed = true,
        .setup = sem_link_setup,
        .attach = sem_link_attach,
        .send = sem_link_send,
        .receive = sem_link_receive,
        .try_send = sem_link_try_send,
        .try_receive = sem_link_try_receive,
        .poll_reason =
                "a POSIX semaphore is a word in memory, without a descriptor: nothing but sem_wait(3) waits for it",
        .several_max = 1,
        .wait_readable = sem_link_wait_readable,
        .detach = sem_link_detach,
        .teardown = sem_link_teardown,
};
