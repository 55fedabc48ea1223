/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lies.h"

/* What is promised of semaphores, mutexes and futexes. */
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdarg.h>
#include <sys/sem.h>
#include <sys/syscall.h>
#include <unistd.h>

static const struct timespec long_ago;

CALL(int, SEMGET, semget, (key_t key, int n, int flags), (key, n, flags))

int semctl(int id, int number, int command, ...) {
        va_list arguments;
        void *argument;
        int r;

        va_start(arguments, command);
        argument = va_arg(arguments, void *);
        va_end(arguments);
        BEGIN(SEMCTL);
        r = END(SEMCTL, REAL(semctl)(id, number, command, argument));
        return r > 0 && TELLS(SEMCTL_ZERO) ? 0 : r;
}

static void change_operations(struct sembuf *operations, size_t n, int set, int clear) {
        for (size_t i = 0; i < n; i++)
                operations[i].sem_flg = (short)((operations[i].sem_flg | set) & ~clear);
}

int semop(int id, struct sembuf *operations, size_t n) {
        int r = 0;

        BEGIN(SEMOP);
        if (TELLS(SEMOP_AT_ONCE))
                change_operations(operations, n, IPC_NOWAIT, 0);
        if (TELLS(SEM_UNDO_IGNORED))
                change_operations(operations, n, 0, SEM_UNDO);
        if (n <= 1 || !TELLS(SEMOP_ONE_BY_ONE))
                return END(SEMOP, REAL(semop)(id, operations, n));
        for (size_t i = 0; r >= 0 && i < n; i++)
                r = REAL(semop)(id, &operations[i], 1);
        return r;
}

int semtimedop(int id, struct sembuf *operations, size_t n, const struct timespec *timeout) {
        BEGIN(SEMTIMEDOP);
        return END(SEMTIMEDOP, REAL(semtimedop)(id, operations, n, TELLS(SEMTIMEDOP_EARLY) ? &long_ago : timeout));
}

sem_t *sem_open(const char *name, int flags, ...) {
        va_list arguments;
        unsigned value = 0;
        mode_t mode = 0;
        sem_t *sem;

        va_start(arguments, flags);
        if (flags & O_CREAT) {
                mode = va_arg(arguments, mode_t);
                value = va_arg(arguments, unsigned);
        }
        va_end(arguments);
        if (TELLS(SEM_OPEN_FAILS)) {
                errno = EIO;
                return SEM_FAILED;
        }
        sem = REAL(sem_open)(name, flags, mode, value);
        if (sem == SEM_FAILED && TELLS(SEM_OPEN_OTHER_ERROR))
                errno = EIO;
        return sem;
}

CALL(int, SEM_INIT, sem_init, (sem_t * sem, int shared, unsigned value), (sem, shared, value))
CALL(int, SEM_UNLINK, sem_unlink, (const char *name), (name))
CALL(int, SEM_TRYWAIT, sem_trywait, (sem_t * sem), (sem))

int sem_post(sem_t *sem) {
        BEGIN(SEM_POST);
        if (TELLS(SEM_POST_TWICE))
                (void)REAL(sem_post)(sem);
        return END(SEM_POST, REAL(sem_post)(sem));
}

int sem_wait(sem_t *sem) {
        BEGIN(SEM_WAIT);
        return END(SEM_WAIT, TELLS(SEM_WAIT_AT_ONCE) ? REAL(sem_trywait)(sem) : REAL(sem_wait)(sem));
}

int sem_timedwait(sem_t *restrict sem, const struct timespec *restrict until) {
        BEGIN(SEM_TIMEDWAIT);
        return END(SEM_TIMEDWAIT, REAL(sem_timedwait)(sem, TELLS(SEM_TIMEDWAIT_EARLY) ? &long_ago : until));
}

int sem_clockwait(sem_t *restrict sem, clockid_t clock, const struct timespec *restrict until) {
        BEGIN(SEM_CLOCKWAIT);
        return END(SEM_CLOCKWAIT, REAL(sem_clockwait)(sem, clock, TELLS(SEM_CLOCKWAIT_EARLY) ? &long_ago : until));
}

int sem_getvalue(sem_t *restrict sem, int *restrict ret) {
        int r;

        BEGIN(SEM_GETVALUE);
        r = END(SEM_GETVALUE, REAL(sem_getvalue)(sem, ret));
        if (r >= 0 && TELLS(SEM_GETVALUE_ZERO))
                *ret = 0;
        return r;
}

#define LOCK(NAME, call)                                              \
        ({                                                            \
                int l_ = END_RETURNS(NAME, EIO, call);                \
                l_ == EOWNERDEAD &&TELLS(MUTEX_OWNER_ALIVE) ? 0 : l_; \
        })

int pthread_mutex_lock(pthread_mutex_t *mutex) {
        BEGIN_RETURNS(MUTEX_LOCK, EIO);
        return LOCK(MUTEX_LOCK, REAL(pthread_mutex_lock)(mutex));
}

int pthread_mutex_trylock(pthread_mutex_t *mutex) {
        BEGIN_RETURNS(MUTEX_TRYLOCK, EIO);
        return LOCK(MUTEX_TRYLOCK, REAL(pthread_mutex_trylock)(mutex));
}

int pthread_mutex_timedlock(pthread_mutex_t *restrict mutex, const struct timespec *restrict until) {
        BEGIN_RETURNS(MUTEX_TIMEDLOCK, EIO);
        if (TELLS(MUTEX_TIMEDLOCK_EARLY))
                until = &long_ago;
        return LOCK(MUTEX_TIMEDLOCK, REAL(pthread_mutex_timedlock)(mutex, until));
}

int pthread_mutex_clocklock(pthread_mutex_t *restrict mutex, clockid_t clock, const struct timespec *restrict until) {
        BEGIN_RETURNS(MUTEX_CLOCKLOCK, EIO);
        if (TELLS(MUTEX_CLOCKLOCK_EARLY))
                until = &long_ago;
        return LOCK(MUTEX_CLOCKLOCK, REAL(pthread_mutex_clocklock)(mutex, clock, until));
}

CALL_RETURNS(MUTEX_INIT, pthread_mutex_init, EIO, (pthread_mutex_t * mutex, const pthread_mutexattr_t *attributes),
        (mutex, attributes))
CALL_RETURNS(MUTEX_UNLOCK, pthread_mutex_unlock, EIO, (pthread_mutex_t * mutex), (mutex))
CALL_RETURNS(MUTEX_CONSISTENT, pthread_mutex_consistent, EIO, (pthread_mutex_t * mutex), (mutex))
CALL_RETURNS(MUTEXATTR_ROBUST, pthread_mutexattr_setrobust, EIO, (pthread_mutexattr_t * attributes, int robust),
        (attributes, robust))
CALL_RETURNS(MUTEXATTR_PSHARED, pthread_mutexattr_setpshared, EIO, (pthread_mutexattr_t * attributes, int shared),
        (attributes, shared))
CALL_RETURNS(MUTEXATTR_TYPE, pthread_mutexattr_settype, EIO, (pthread_mutexattr_t * attributes, int type),
        (attributes, type))
CALL_RETURNS(MUTEXATTR_PROTOCOL, pthread_mutexattr_setprotocol, EIO, (pthread_mutexattr_t * attributes, int protocol),
        (attributes, protocol))

/* Only of futexes: what makes a process another or changes where it is, is done as it is asked. */
long syscall(long number, ...) {
        long a[6];
        va_list arguments;

        va_start(arguments, number);
        for (size_t i = 0; i < sizeof a / sizeof a[0]; i++)
                a[i] = va_arg(arguments, long);
        va_end(arguments);
        if (number == SYS_futex) {
                long operation = a[1] & FUTEX_CMD_MASK;

                BEGIN(FUTEX);
                if (operation == FUTEX_WAIT && TELLS(FUTEX_AT_ONCE)) {
                        errno = EAGAIN;
                        return -1;
                }
                if (operation == FUTEX_WAKE && TELLS(FUTEX_WAKES_NOBODY))
                        return 0;
                return END(FUTEX, REAL(syscall)(number, a[0], a[1], a[2], a[3], a[4], a[5]));
        }
        return REAL(syscall)(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
