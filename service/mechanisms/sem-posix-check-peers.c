/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sem-posix-checks.h"

/* What judge and peers do with a semaphore. A Semaphore owns its name and its mapping in the judge; a peer has one
 * semaphore open at a time. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "memory-calls.h"
#include "peer-count.h"
#include "spin.h"

void sem_check_done(Semaphore *semaphore) {
        if (semaphore->sem != SEM_FAILED)
                sem_close(semaphore->sem);
        if (semaphore->name[0])
                sem_unlink(semaphore->name);
        semaphore->sem = SEM_FAILED;
}

bool sem_check_make(CheckRun *run, unsigned value, Semaphore *semaphore) {
        if (posix_name_of_run(run->token, 0, semaphore->name, sizeof semaphore->name) < 0)
                return false;
        semaphore->sem = sem_open(semaphore->name, O_CREAT | O_EXCL, 0600, value);
        return check_need(run, "sem_open", semaphore->sem == SEM_FAILED ? -errno : 0);
}

int sem_check_value(sem_t *sem) {
        int value = -1;

        (void)sem_getvalue(sem, &value);
        return value;
}

int64_t sem_check_post(const Semaphore *semaphore) {
        return sem_post(semaphore->sem) < 0 ? -errno : 0;
}

int64_t sem_check_try(const Semaphore *semaphore) {
        return sem_trywait(semaphore->sem) < 0 ? -errno : 0;
}

void sem_check_path(const Semaphore *semaphore, char ret_path[SEM_CHECK_PATH_SIZE]) {
        (void)snprintf(ret_path, SEM_CHECK_PATH_SIZE, POSIX_SHM_DIRECTORY "/sem.%s", semaphore->name + 1);
}

/* --- What peers can be told to do --- */

static sem_t *held = SEM_FAILED;

static int64_t call_open(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        sem_t *sem = sem_open(call->text, (int)call->a, call->c ? (mode_t)call->c : 0600, (unsigned)call->b);

        if (sem == SEM_FAILED)
                return -errno;
        reply->x = sem == held;
        held = sem;
        return 0;
}

static int64_t call_close(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        return sem_close(held) < 0 ? -errno : 0;
}

static int64_t call_unlink(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        return sem_unlink(call->text) < 0 ? -errno : 0;
}

static int64_t call_wait(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        return sem_wait(held) < 0 ? -errno : 0;
}

static int64_t call_try(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        return sem_trywait(held) < 0 ? -errno : 0;
}

static int64_t call_post(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        return sem_post(held) < 0 ? -errno : 0;
}

static int64_t call_value(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        return sem_check_value(held);
}

static bool is_before(const struct timespec *a, const struct timespec *b) {
        return a->tv_sec < b->tv_sec || (a->tv_sec == b->tv_sec && a->tv_nsec < b->tv_nsec);
}

static int64_t call_timed(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        clockid_t clock = (clockid_t)call->b;
        struct timespec deadline, now;
        int r;

        clock_gettime(clock, &deadline);
        deadline.tv_sec += (time_t)(call->a / (int64_t)USEC_PER_SEC);
        deadline.tv_nsec += (long)(call->a % (int64_t)USEC_PER_SEC * (int64_t)NSEC_PER_USEC);
        if (deadline.tv_nsec < 0) {
                deadline.tv_sec--;
                deadline.tv_nsec += (long)NSEC_PER_SEC;
        }
        deadline.tv_sec += deadline.tv_nsec / (long)NSEC_PER_SEC;
        deadline.tv_nsec %= (long)NSEC_PER_SEC;
        if (call->c != 0)
                deadline.tv_nsec = (long)call->c;
        r = (clock == CLOCK_REALTIME ? sem_timedwait(held, &deadline) : sem_clockwait(held, clock, &deadline)) < 0
                    ? -errno
                    : 0;
        clock_gettime(clock, &now);
        reply->x = is_before(&now, &deadline);
        return r;
}

static int lock_take(void *userdata) {
        return sem_wait(held) < 0 ? -errno : 0;
}

static int lock_give(void *userdata) {
        return sem_post(held) < 0 ? -errno : 0;
}

static int64_t call_count(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        return peer_add_locked(peer, call->a, call->b, &(const PeerLock){ lock_take, lock_give }, NULL);
}

static int64_t call_many(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        for (int64_t i = 0; i < call->a; i++)
                if ((call->b < 0 ? sem_wait(held) : sem_post(held)) < 0)
                        return -errno;
        return 0;
}

static int64_t call_map(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        void *memory = mmap(
                NULL, sizeof(sem_t), PROT_READ | PROT_WRITE, MAP_SHARED, *peer_descriptor(peer, call->a), 0);

        if (memory == MAP_FAILED)
                return -errno;
        held = memory;
        return 0;
}

static void post_held(int signal) {
        int number = errno;

        (void)sem_post(held);
        errno = number;
}

static int64_t call_handler_posts(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        struct sigaction action = { .sa_handler = post_held, .sa_flags = SA_RESTART };

        sigemptyset(&action.sa_mask);
        return sigaction((int)call->a, &action, NULL) < 0 ? -errno : 0;
}

static int64_t call_forked(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        int status = 0;
        pid_t pid = fork();

        if (pid == 0)
                _exit((call->a < 0 ? sem_trywait(held) : sem_post(held)) < 0);
        if (pid < 0 || waitpid(pid, &status, 0) < 0)
                return -errno;
        return status == 0 ? 0 : -EIO;
}

static const PeerFunction functions[] = {
        { "sem-open", call_open },
        { "sem-close", call_close },
        { "sem-unlink", call_unlink },
        { "sem-wait", call_wait },
        { "sem-try", call_try },
        { "sem-post", call_post },
        { "sem-value", call_value },
        { "sem-timed", call_timed },
        { "sem-count", call_count },
        { "sem-many", call_many },
        { "sem-map", call_map },
        { "sem-handler-posts", call_handler_posts },
        { "sem-forked", call_forked },
        PEER_COUNT_FUNCTIONS,
        {},
};

int sem_check_role(CheckPeer *peer) {
        return memory_serve(peer, functions);
}

bool sem_check_meet(CheckRun *run, const Semaphore *semaphore, CheckProcess **ret) {
        return peer_start(run, 0, NULL, 0, ret) >= 0 &&
               check_expect(run, "the peer's sem_open", peer_call(run, *ret, "sem-open", .text = semaphore->name), 0);
}

bool sem_check_begin(CheckRun *run, unsigned value, Semaphore *semaphore, CheckProcess **ret) {
        return sem_check_make(run, value, semaphore) && sem_check_meet(run, semaphore, ret);
}

bool sem_check_waits(CheckRun *run, CheckProcess *peer, const char *who) {
        return check_expect(run, "beginning to wait", peer_begin(run, peer, &(PeerCall){ "sem-wait" }), 0) &&
               check_sleeps(run, peer, who);
}
