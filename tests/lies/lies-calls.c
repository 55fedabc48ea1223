/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lies.h"

/* What is promised of memory, users, limits, waiting, bytes, semaphores, queues and signals. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <mqueue.h>
#include <poll.h>
#include <semaphore.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/stat.h>
#include <unistd.h>

static void *map_nothing(size_t size, int protection) {
        return REAL(mmap)(NULL, size, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void map_tail(char *memory, size_t size, int protection, int fd, off_t offset) {
        size_t page = (size_t)sysconf(_SC_PAGESIZE), have;
        struct stat st;

        if (fstat(fd, &st) < 0 || st.st_size < offset)
                return;
        have = ((size_t)(st.st_size - offset) + page - 1) / page * page;
        if (have < size)
                (void)REAL(mmap)(
                        memory + have, size - have, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
}

void *mmap(void *address, size_t size, int protection, int flags, int fd, off_t offset) {
        bool file = fd >= 0 && !(flags & MAP_ANONYMOUS), shared = (flags & MAP_TYPE) != MAP_PRIVATE;
        void *memory;

        if (shared && TELLS(MMAP_SHARED_IS_PRIVATE))
                flags = (flags & ~MAP_TYPE) | MAP_PRIVATE;
        if (file && !shared && TELLS(MMAP_PRIVATE_IS_SHARED))
                flags = (flags & ~MAP_TYPE) | MAP_SHARED;
        if (offset > UINT_MAX && TELLS(MMAP_32_BIT))
                offset &= UINT_MAX;
        memory = REAL(mmap)(address, size, protection, flags, fd, offset);
        if (memory == MAP_FAILED && errno == EACCES) {
                if (TELLS(MMAP_WRITES_ANYTHING))
                        return map_nothing(size, protection);
                errno = EACCES;
        }
        if (file && memory != MAP_FAILED && TELLS(MMAP_NO_END))
                map_tail(memory, size, protection, fd, offset);
        return memory;
}

int ftruncate(int fd, off_t size) {
        struct stat before = { 0 };
        int r;

        if (TELLS(FTRUNCATE_NOTHING))
                return 0;
        (void)fstat(fd, &before);
        r = REAL(ftruncate)(fd, size);
        if (r >= 0 && size > before.st_size && TELLS(FTRUNCATE_DIRTY))
                (void)REAL(pwrite)(fd, "dirt", 4, before.st_size);
        if (r >= 0 && size > before.st_size && size < INT_MAX && TELLS(FTRUNCATE_TAKES))
                (void)fallocate(fd, 0, 0, size);
        return r;
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t offset) {
        return TELLS(PWRITE_LOST) ? (ssize_t)size : REAL(pwrite)(fd, data, size, offset);
}

ssize_t pread(int fd, void *data, size_t size, off_t offset) {
        ssize_t n = REAL(pread)(fd, data, size, offset);

        if (n > 0 && TELLS(PREAD_STALE))
                memset(data, 0, (size_t)n);
        return n;
}

static void unlink_memory(const char *name) {
        (void)REAL(shm_unlink)(name);
}

int shm_open(const char *name, int flags, mode_t mode) {
        if (flags & O_EXCL && TELLS(SHM_EXCLUSIVE_IGNORED))
                flags &= ~O_EXCL;
        if (!(flags & O_CREAT) && TELLS(SHM_GONE))
                return memfd_create("gone", MFD_CLOEXEC);
        return REAL(shm_open)(name, flags, mode);
}

int shm_unlink(const char *name) {
        if (TELLS(SHM_UNLINK_NOTHING)) {
                lie_undo_later(unlink_memory, name);
                return 0;
        }
        return REAL(shm_unlink)(name);
}

int setresuid(uid_t real, uid_t effective, uid_t saved) {
        return TELLS(USER_STAYS) ? 0 : REAL(setresuid)(real, effective, saved);
}

int setrlimit(__rlimit_resource_t resource, const struct rlimit *limit) {
        return TELLS(LIMIT_IGNORED) ? 0 : REAL(setrlimit)(resource, limit);
}

int poll(struct pollfd *fds, nfds_t n, int timeout) {
        return REAL(poll)(fds, n, timeout > 1 && TELLS(POLL_EARLY) ? timeout / 2 : timeout);
}

ssize_t write(int fd, const void *data, size_t size) {
        return size > 0 && TELLS(WRITE_LOST) ? (ssize_t)size : REAL(write)(fd, data, size);
}

ssize_t read(int fd, void *data, size_t size) {
        struct pollfd p = { .fd = fd, .events = POLLIN };
        ssize_t n;

        if (TELLS(READ_AT_ONCE) && REAL(poll)(&p, 1, 0) == 0) {
                errno = EAGAIN;
                return -1;
        }
        n = REAL(read)(fd, data, size);
        if (n == 0 && TELLS(READ_NO_END)) {
                errno = EAGAIN;
                return -1;
        }
        return n;
}

int semop(int id, struct sembuf *operations, size_t n) {
        int r = 0;

        for (size_t i = 0; i < n; i++) {
                if (TELLS(SEMOP_AT_ONCE))
                        operations[i].sem_flg |= IPC_NOWAIT;
                if (TELLS(SEM_UNDO_IGNORED))
                        operations[i].sem_flg &= ~SEM_UNDO;
        }
        if (n <= 1 || !TELLS(SEMOP_ONE_BY_ONE))
                return REAL(semop)(id, operations, n);
        for (size_t i = 0; r >= 0 && i < n; i++)
                r = REAL(semop)(id, &operations[i], 1);
        return r;
}

int sem_post(sem_t *sem) {
        return TELLS(SEM_POST_LOST) ? 0 : REAL(sem_post)(sem);
}

int sem_wait(sem_t *sem) {
        return TELLS(SEM_WAIT_AT_ONCE) ? sem_trywait(sem) : REAL(sem_wait)(sem);
}

ssize_t msgrcv(int id, void *message, size_t size, long type, int flags) {
        if (type != 0 && !(flags & MSG_COPY) && TELLS(MSGRCV_ANY_TYPE))
                type = 0;
        if (TELLS(MSGRCV_AT_ONCE))
                flags |= IPC_NOWAIT;
        return REAL(msgrcv)(id, message, size, type, flags);
}

int mq_send(mqd_t queue, const char *data, size_t size, unsigned priority) {
        struct mq_attr attr;

        if (TELLS(MQ_PRIORITY_LOST))
                priority = 0;
        if (mq_getattr(queue, &attr) == 0 && size > (size_t)attr.mq_msgsize && TELLS(MQ_SEND_CUTS))
                size = (size_t)attr.mq_msgsize;
        return REAL(mq_send)(queue, data, size, priority);
}

int sigqueue(pid_t pid, int number, const union sigval value) {
        const union sigval none = { .sival_int = 0 };

        return REAL(sigqueue)(pid, number, TELLS(SIGQUEUE_VALUE_LOST) ? none : value);
}
