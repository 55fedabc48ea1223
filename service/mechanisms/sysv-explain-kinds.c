/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the three System V kinds ask the kernel without an effect, and what limits their number. Owns nothing. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "mq-sysv.h"
#include "sem-sysv.h"
#include "shm-sysv.h"
#include "sysv-explain.h"

/* --- Shared memory --- */

/* At an address where something is mapped already there is no room (EINVAL), but the rights are looked at before that
 * (do_shmat() in ipc/shm.c); nothing is attached, and no time of the segment changes. */
static int segment_ask(int id, int want) {
        char *page = (char *)((uintptr_t)&id & ~((uintptr_t)SHMLBA - 1));

        if (shmat(id, page, want == R_OK ? SHM_RDONLY : 0) != (void *)-1)
                return shmdt(page) < 0 ? -errno : 0;
        return errno == EINVAL ? 0 : -errno;
}

static void segment_lock(const SysvStat *st, Explanation *explanation) {
        uid_t uid = explanation->user.uid;

        explain_locking(
                explanation, explanation->what, st->shm.shm_segsz, uid == st->perm.uid || uid == st->perm.cuid);
}

static int segment_count(unsigned i, SysvCount *ret) {
        struct shm_info info;
        struct shminfo limits;

        if (i > 1)
                return -ERANGE;
        if (shmctl(0, SHM_INFO, (struct shmid_ds *)&info) < 0 || shmctl(0, IPC_INFO, (struct shmid_ds *)&limits) < 0)
                return -errno;
        if (i == 0)
                *ret = (SysvCount){ (uint64_t)info.used_ids, limits.shmmni, "shared memory segments",
                        "/proc/sys/kernel/shmmni" };
        else
                *ret = (SysvCount){ info.shm_tot, limits.shmall, "pages in segments", "/proc/sys/kernel/shmall" };
        return 0;
}

int shm_sysv_explain(const Address *address, Explanation *explanation) {
        static const SysvExplain kind = {
                .class = &shm_sysv_class,
                .uses = { { "read", R_OK, segment_ask }, { "write", W_OK, segment_ask } },
                .count = segment_count,
                .fill = segment_lock,
        };

        return sysv_explain(&kind, address, explanation);
}

/* --- Semaphores --- */

/* The two operations together would take more than a semaphore can ever have, so that they never happen (semop(2));
 * the rights are looked at before. */
static int set_ask(int id, int want) {
        struct sembuf impossible[] = { { .sem_op = -32767, .sem_flg = IPC_NOWAIT },
                { .sem_op = -32767, .sem_flg = IPC_NOWAIT } };
        struct semid_ds set;

        if (want == R_OK)
                return semctl(id, 0, IPC_STAT, (SemArgument){ .stat = &set }) < 0 ? -errno : 0;
        return semop(id, impossible, 2) < 0 && errno != EAGAIN ? -errno : 0;
}

static int set_count(unsigned i, SysvCount *ret) {
        struct seminfo info, limits;

        if (i > 1)
                return -ERANGE;
        if (semctl(0, 0, SEM_INFO, (SemArgument){ .info = &info }) < 0 ||
                semctl(0, 0, IPC_INFO, (SemArgument){ .info = &limits }) < 0)
                return -errno;
        if (i == 0)
                *ret = (SysvCount){ (uint64_t)info.semusz, (uint64_t)limits.semmni, "semaphore sets",
                        "/proc/sys/kernel/sem, its fourth number" };
        else
                *ret = (SysvCount){ (uint64_t)info.semaem, (uint64_t)limits.semmns, "semaphores",
                        "/proc/sys/kernel/sem, its second number" };
        return 0;
}

int sem_sysv_explain(const Address *address, Explanation *explanation) {
        static const SysvExplain kind = {
                .class = &sem_sysv_class,
                .uses = { { "read", R_OK, set_ask }, { "post to and wait for", W_OK, set_ask } },
                .count = set_count,
        };

        return sysv_explain(&kind, address, explanation);
}

/* --- Message queues --- */

static int queue_ask(int id, int want) {
        struct msqid_ds queue;

        (void)want;
        return msgctl(id, IPC_STAT, &queue) < 0 ? -errno : 0;
}

static int queue_count(unsigned i, SysvCount *ret) {
        struct msginfo info, limits;

        if (i > 0)
                return -ERANGE;
        if (msgctl(0, MSG_INFO, (struct msqid_ds *)&info) < 0 || msgctl(0, IPC_INFO, (struct msqid_ds *)&limits) < 0)
                return -errno;
        *ret = (SysvCount){ (uint64_t)info.msgpool, (uint64_t)limits.msgmni, "message queues",
                "/proc/sys/kernel/msgmni" };
        return 0;
}

static void queue_fill(const SysvStat *st, Explanation *explanation) {
        const struct msqid_ds *queue = &st->msg;

        explain_use(explanation, "send to");
        if (queue->__msg_cbytes >= queue->msg_qbytes || queue->msg_qnum >= queue->msg_qbytes)
                explain_blocked(explanation, EAGAIN, "receive some first, or raise msg_qbytes (IPC_SET of msgctl(2))",
                        "room in", explanation->what,
                        "The queue is full, with %lu bytes in %lu messages of %lu bytes (msg_qbytes): who sends "
                        "waits, or "
                        "gets EAGAIN with IPC_NOWAIT.",
                        (unsigned long)queue->__msg_cbytes, (unsigned long)queue->msg_qnum,
                        (unsigned long)queue->msg_qbytes);
        else
                explain_ok(explanation, "room in", explanation->what,
                        "%lu bytes in %lu messages wait in it, of %lu bytes (msg_qbytes); a larger message than the "
                        "room that is left waits.",
                        (unsigned long)queue->__msg_cbytes, (unsigned long)queue->msg_qnum,
                        (unsigned long)queue->msg_qbytes);
        explain_use(explanation, NULL);
}

int mq_sysv_explain(const Address *address, Explanation *explanation) {
        static const SysvExplain kind = {
                .class = &mq_sysv_class,
                .uses = { { "receive from", R_OK, queue_ask }, { "send to", W_OK, NULL } },
                .count = queue_count,
                .fill = queue_fill,
        };

        return sysv_explain(&kind, address, explanation);
}
