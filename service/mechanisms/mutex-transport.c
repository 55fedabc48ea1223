/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tokens over mutexes alone, handed over like a baton. A mutex is no counter and only its owner unlocks it, so one
 * mutex carries nothing; three in a ring do. Each side always holds one: to send is to lock the next, which waits
 * until the receiver has let go of it, and then to unlock the own, for which the receiver waits. One token fits, and
 * each costs both sides a lock and an unlock.
 *
 * The judge owns the memory's name, each side its mapping and the mutexes that it holds. */
#include "mutex.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>

#include "cleanup.h"
#include "posix-name.h"
#include "spin.h"
#include "transport.h"
#include "units.h"

enum {
        RING = 3,
        ATTACH_PAUSE_NSEC = 50000, /* between looks whether the other side is there yet */
};

typedef struct Lane {
        _Alignas(64) pthread_mutex_t mutexes[RING];
        atomic_uint sender_there, receiver_there;
        atomic_ullong sent; /* so that a lock which was given up is not taken for a token */
} Lane;

typedef struct MutexSide {
        Lane *lanes;
        Lane *out, *in;
        unsigned long long n_out, n_in;
        bool taken; /* by wait_readable(), for the next receive() */
} MutexSide;

static size_t memory_size(void) {
        return LINK_LANES * sizeof(Lane);
}

static int memory_make(const char *name, void *userdata, Error *error) {
        const MutexShape shape = { .type = MUTEX_NORMAL, .shared = true, .robust = true };
        Lane lanes[LINK_LANES] = {};
        char path[LINK_NAME_MAX];
        MutexImage image;
        Error why = {};
        struct stat st;
        int r;

        r = mutex_image_init(&image, &shape, error);
        if (r < 0)
                return r;
        for (size_t lane = 0; lane < LINK_LANES; lane++)
                for (size_t i = 0; i < RING; i++)
                        lanes[lane].mutexes[i] = image.mutex;
        snprintf(path, sizeof(path), POSIX_SHM_DIRECTORY "/" MUTEX_PREFIX "%s", name + 1);
        r = posix_shm_publish(
                "mutex", name, path, lanes, sizeof(lanes), sizeof(lanes), link_mode(userdata), &st, &why);
        if (r < 0 && r != -EEXIST && error)
                *error = why;
        return r;
}

static void mutex_link_teardown(Link *link) {
        char path[LINK_NAME_MAX + sizeof(POSIX_SHM_DIRECTORY MUTEX_PREFIX)];

        if (link->names[0][0] != '\0') {
                snprintf(path, sizeof(path), POSIX_SHM_DIRECTORY "/" MUTEX_PREFIX "%s", link->names[0] + 1);
                (void)unlink(path);
        }
        link->names[0][0] = '\0';
}

static int mutex_link_setup(Link *link, Error *error) {
        int r;

        r = posix_name_claim(link->token, link->names[0], sizeof(link->names[0]), memory_make, link, error);
        if (r < 0) {
                link->names[0][0] = '\0'; /* not ours */
                return r;
        }
        link->message_max = 0;
        link->depth = 1;
        return 0;
}

static pthread_mutex_t *ring(Lane *lane, unsigned long long i) {
        return &lane->mutexes[i % RING];
}

static void mutex_link_detach(Link *link) {
        MutexSide *side = link->state;

        if (!side)
                return;
        if (side->lanes) {
                (void)pthread_mutex_unlock(ring(side->out, side->n_out));
                (void)pthread_mutex_unlock(ring(side->in, side->n_in + RING - 1));
                if (side->taken)
                        (void)pthread_mutex_unlock(ring(side->in, side->n_in));
                munmap(side->lanes, memory_size());
        }
        free(side);
        link->state = NULL;
}

static int map_lanes(const Link *link, Lane **ret, Error *error) {
        char name[LINK_NAME_MAX + sizeof(MUTEX_PREFIX)];
        CLEANUP_FD int fd = -EBADF;
        void *memory;

        snprintf(name, sizeof(name), "/" MUTEX_PREFIX "%s", link->names[0] + 1);
        fd = shm_open(name, O_RDWR | O_CLOEXEC, 0);
        memory = fd < 0 ? MAP_FAILED : mmap(NULL, memory_size(), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (memory == MAP_FAILED)
                return error_set_errno(error, errno, "Cannot map the mutexes \"%s\"", name);
        *ret = memory;
        return 0;
}

/* Each side begins with the mutex that it must not let the other have yet. */
static int mutex_link_attach(Link *link, Error *error) {
        MutexSide *side = calloc(1, sizeof(*side));
        int r;

        if (!side)
                return error_set_errno(error, ENOMEM, "Cannot attach to the link");
        link->state = side;
        r = map_lanes(link, &side->lanes, error);
        if (r < 0) {
                mutex_link_detach(link);
                return r;
        }
        side->out = &side->lanes[link->side];
        side->in = &side->lanes[!link->side];
        r = pthread_mutex_lock(ring(side->out, 0));
        if (r == 0)
                r = pthread_mutex_lock(ring(side->in, RING - 1));
        if (r != 0) {
                mutex_link_detach(link);
                return error_set_errno(error, r, "Cannot lock the first mutexes of the link");
        }
        atomic_store(&side->out->sender_there, 1);
        atomic_store(&side->in->receiver_there, 1);
        return 0;
}

/* 0, -EAGAIN, -ETIMEDOUT, -EPIPE. */
static int lock_result(int number) {
        return number == EBUSY ? -EAGAIN : number == EOWNERDEAD || number == ENOTRECOVERABLE ? -EPIPE : -number;
}

static int await_peer(atomic_uint *there, uint64_t end) {
        const struct timespec pause = { .tv_nsec = ATTACH_PAUSE_NSEC };

        while (!atomic_load(there)) {
                if (monotonic_now() >= end)
                        return -ETIMEDOUT;
                (void)nanosleep(&pause, NULL);
        }
        return 0;
}

static int hand_over(MutexSide *side) {
        atomic_fetch_add(&side->out->sent, 1);
        return -pthread_mutex_unlock(ring(side->out, side->n_out++));
}

static int mutex_link_try_send(Link *link, const void *data, size_t size) {
        MutexSide *side = link->state;
        int r;

        if (size > 0)
                return -EMSGSIZE;
        if (!atomic_load(&side->out->receiver_there))
                return -EAGAIN;
        r = lock_result(pthread_mutex_trylock(ring(side->out, side->n_out + 1)));
        return r < 0 ? r : hand_over(side);
}

static int mutex_link_send(Link *link, const void *data, size_t size) {
        MutexSide *side = link->state;
        int r;

        if (link->wait == WAIT_SPIN) {
                while ((r = mutex_link_try_send(link, data, size)) == -EAGAIN)
                        spin_pause();
                return r;
        }
        if (size > 0)
                return -EMSGSIZE;
        (void)await_peer(&side->out->receiver_there, USEC_INFINITY);
        r = lock_result(pthread_mutex_lock(ring(side->out, side->n_out + 1)));
        return r < 0 ? r : hand_over(side);
}

/* We have the mutex that the sender gave up. */
static int take_over(MutexSide *side) {
        side->taken = false;
        if (atomic_load(&side->in->sent) <= side->n_in)
                return -EPIPE;
        return -pthread_mutex_unlock(ring(side->in, side->n_in++ + RING - 1));
}

static ssize_t mutex_link_try_receive(Link *link, void *buffer, size_t size) {
        MutexSide *side = link->state;
        int r;

        if (side->taken)
                return take_over(side);
        if (!atomic_load(&side->in->sender_there))
                return -EAGAIN;
        r = lock_result(pthread_mutex_trylock(ring(side->in, side->n_in)));
        return r < 0 ? r : take_over(side);
}

static ssize_t mutex_link_receive(Link *link, void *buffer, size_t size) {
        MutexSide *side = link->state;
        ssize_t n;
        int r;

        if (link->wait == WAIT_SPIN) {
                while ((n = mutex_link_try_receive(link, buffer, size)) == -EAGAIN)
                        spin_pause();
                return n;
        }
        if (side->taken)
                return take_over(side);
        (void)await_peer(&side->in->sender_there, USEC_INFINITY);
        r = lock_result(pthread_mutex_lock(ring(side->in, side->n_in)));
        return r < 0 ? r : take_over(side);
}

/* Waiting locks: it stays locked for the next receive(). */
static int mutex_link_wait_readable(Link *link, uint64_t timeout) {
        uint64_t end = monotonic_end(timeout);
        struct timespec at = timespec_from_usec(end);
        MutexSide *side = link->state;
        int r;

        if (side->taken)
                return 0;
        r = await_peer(&side->in->sender_there, end);
        if (r < 0)
                return r;
        r = lock_result(pthread_mutex_clocklock(ring(side->in, side->n_in), CLOCK_MONOTONIC, &at));
        side->taken = r >= 0;
        return r;
}

const Transport mutex_transport = {
        .in_memory = true,
        .message_max = 0,
        .boundaries = true,
        .executed = true,
        .setup = mutex_link_setup,
        .attach = mutex_link_attach,
        .send = mutex_link_send,
        .receive = mutex_link_receive,
        .try_send = mutex_link_try_send,
        .try_receive = mutex_link_try_receive,
        .poll_reason =
                "a mutex is a word in memory, without a descriptor: nothing but pthread_mutex_lock(3) waits for it",
        .wait_readable = mutex_link_wait_readable,
        .detach = mutex_link_detach,
        .teardown = mutex_link_teardown,
};
