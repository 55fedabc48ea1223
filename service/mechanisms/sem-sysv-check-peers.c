/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sem-sysv-checks.h"

/* What judge and peers do with a set that they share. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "peer-count.h"
#include "spin.h"

static int make_with_key(key_t key, void *userdata) {
        int id = semget(key, SEM_CHECK_SIZE, IPC_CREAT | IPC_EXCL | 0600);

        if (id < 0)
                return -errno;
        if (userdata)
                *(key_t *)userdata = key;
        return id;
}

void sem_set_done(int *id) {
        if (*id >= 0)
                semctl(*id, 0, IPC_RMID);
}

int64_t sem_set_value(int id, int number) {
        int value = semctl(id, number, GETVAL);

        return value < 0 ? -errno : value;
}

int64_t sem_set_write(int id, int number, int value) {
        return semctl(id, number, SETVAL, (SemArgument){ .value = value }) < 0 ? -errno : 0;
}

int64_t sem_set_operate(int id, unsigned short number, short by, short flags) {
        struct sembuf one = { number, by, flags };

        return semop(id, &one, 1) < 0 ? -errno : 0;
}

/* --- What peers can be told to do --- */

static int64_t call_make(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        return sysv_claim(peer->token, make_with_key, NULL);
}

static int64_t call_get(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        int id = semget((key_t)call->a, (int)call->b, (int)call->c);

        return id < 0 ? -errno : id;
}

static int64_t call_operate(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        return sem_set_operate((int)call->a, 0, (short)call->b, (short)call->c);
}

static int64_t call_both(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        struct sembuf both[] = { { 0, -1, (short)call->b }, { 1, -1, (short)call->b } };

        return semop((int)call->a, both, 2) < 0 ? -errno : 0;
}

static int64_t call_zero_add(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        struct sembuf both[] = { { 0, 0, (short)call->b }, { 0, 1, (short)call->b } };

        return semop((int)call->a, both, 2) < 0 ? -errno : 0;
}

static int64_t call_timed(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        struct timespec timeout = timespec_from_usec((uint64_t)call->b);
        struct sembuf one = { 0, -1, 0 };
        uint64_t start = monotonic_now();
        int r = semtimedop((int)call->a, &one, 1, &timeout) < 0 ? -errno : 0;

        reply->x = monotonic_now() - start + 1 < (uint64_t)call->b; /* the clock was cut to whole microseconds */
        return r;
}

/* Of nothing: each adds 0 to a semaphore that is 0. */
static int64_t call_many(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        CLEANUP_FREE struct sembuf *many = calloc((size_t)call->b, sizeof(*many));

        if (!many)
                return -ENOMEM;
        return semop((int)call->a, many, (size_t)call->b) < 0 ? -errno : 0;
}

static int lock_take(void *userdata) {
        return (int)sem_set_operate(*(int *)userdata, 0, -1, SEM_UNDO);
}

static int lock_give(void *userdata) {
        return (int)sem_set_operate(*(int *)userdata, 0, 1, SEM_UNDO);
}

static int64_t call_count(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        int id = (int)call->a;

        return peer_add_locked(peer, call->b, call->c, &(const PeerLock){ lock_take, lock_give }, &id);
}

/* The child does it and ends; what the result is worth, the parent says. */
static int64_t call_forked(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        int status = 0;
        pid_t pid = fork();

        if (pid == 0)
                _exit(call->b != 0 && sem_set_operate((int)call->a, 0, (short)call->b, SEM_UNDO) < 0);
        if (pid < 0 || waitpid(pid, &status, 0) < 0)
                return -errno;
        return status == 0 ? 0 : -EIO;
}

static int64_t call_set(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        return sem_set_write((int)call->a, 0, (int)call->b);
}

static int64_t call_remove(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        return semctl((int)call->a, 0, IPC_RMID) < 0 ? -errno : 0;
}

static int64_t call_limits(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        CLEANUP_FD int fd = open(SEM_FILE, O_WRONLY | O_CLOEXEC);

        return fd < 0 || write(fd, call->text, strlen(call->text)) < 0 ? -errno : 0;
}

static const PeerFunction functions[] = {
        { "sem-make", call_make },
        { "sem-get", call_get },
        { "sem-op", call_operate },
        { "sem-both", call_both },
        { "sem-zero-add", call_zero_add },
        { "sem-timed", call_timed },
        { "sem-many", call_many },
        { "sem-count", call_count },
        { "sem-forked", call_forked },
        { "sem-set", call_set },
        { "sem-remove", call_remove },
        { "sem-limits", call_limits },
        PEER_COUNT_FUNCTIONS,
        {},
};

int sem_sysv_role(CheckPeer *peer) {
        return peer_serve(peer, functions);
}

bool sem_set_another(CheckRun *run, CheckProcess **ret) {
        return peer_start(run, 0, NULL, 0, ret) >= 0;
}

bool sem_set_meet(CheckRun *run, key_t key, int id, CheckProcess **ret) {
        return sem_set_another(run, ret) &&
               check_expect(run, "the peer's semget of the key", peer_call(run, *ret, "sem-get", key), id);
}

bool sem_set_make(CheckRun *run, int *ret_id, key_t *ret_key) {
        *ret_id = sysv_claim(run->token, make_with_key, ret_key);
        return check_need(run, "semget", *ret_id);
}

bool sem_set_begin(CheckRun *run, int *ret_id, key_t *ret_key, CheckProcess **ret) {
        key_t key = IPC_PRIVATE;

        if (!sem_set_make(run, ret_id, &key))
                return false;
        if (ret_key)
                *ret_key = key;
        return sem_set_meet(run, key, *ret_id, ret);
}

bool sem_set_waits(CheckRun *run, CheckProcess *peer, const PeerCall *call, const char *who) {
        return check_expect(run, "beginning to wait", peer_begin(run, peer, call), 0) && check_sleeps(run, peer, who);
}
