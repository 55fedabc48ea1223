/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One line a lie: its name, and what it says, in the words of who believes it. */
#pragma once

#define LIES(X)                                                                          \
        X(MMAP_SHARED_IS_PRIVATE, "MAP_SHARED shares nothing")                           \
        X(MMAP_PRIVATE_IS_SHARED, "MAP_PRIVATE shares")                                  \
        X(MMAP_WRITES_ANYTHING, "what was opened for reading can be mapped for writing") \
        X(MMAP_NO_END, "behind the end of a file there is memory")                       \
        X(MMAP_32_BIT, "offsets have 32 bits")                                           \
        X(FTRUNCATE_DIRTY, "what ftruncate adds is not zero")                            \
        X(FTRUNCATE_TAKES, "ftruncate takes the memory at once")                         \
        X(PREAD_STALE, "pread shows zeros")                                              \
        X(SHM_EXCLUSIVE_IGNORED, "shm_open ignores O_EXCL")                              \
        X(SHM_GONE, "what shm_open finds is new and empty")                              \
        X(POLL_EARLY, "poll gives up at half its time-out")                              \
        X(POLL_NO_HANGUP, "poll never tells of an end or an error")                      \
        X(EPOLL_EARLY, "epoll_wait gives up at half its time-out")                       \
        X(WRITE_LOST, "write says that it wrote and did not")                            \
        X(WRITE_TWICE, "write writes twice")                                             \
        X(WRITE_CUTS, "write writes half of what is long and says that it wrote all")    \
        X(READ_AT_ONCE, "read never waits")                                              \
        X(READ_NO_END, "read never finds an end")                                        \
        X(READ_CHANGED, "the last byte that read gives is another")                      \
        X(RECEIVE_AT_ONCE, "recv and its like never wait")                               \
        X(RECEIVE_CHANGED, "the last byte that recv and its like give is another")       \
        X(RECEIVE_CUTS, "recv and its like lose the second half of a message")           \
        X(RECEIVE_NO_END, "recv and its like never find an end")                         \
        X(RIGHTS_LOST, "no descriptors come along with a message")                       \
        X(CREDENTIALS_WRONG, "the credentials are those of user 12345")                  \
        X(FLAGS_LOST, "recvmsg never says that something was cut off")                   \
        X(SEND_LOST, "send and its like say that they sent and did not")                 \
        X(SEND_TWICE, "send and its like send twice")                                    \
        X(SEND_AT_ONCE, "send and its like never wait")                                  \
        X(BACKLOG_IGNORED, "listen takes any number")                                    \
        X(OPTION_ZERO, "getsockopt says 0, whatever is set")                             \
        X(SEM_UNDO_IGNORED, "SEM_UNDO is ignored")                                       \
        X(SEMOP_AT_ONCE, "semop never waits")                                            \
        X(SEMOP_ONE_BY_ONE, "semop does its operations one by one")                      \
        X(SEMTIMEDOP_EARLY, "semtimedop gives up at once")                               \
        X(SEMCTL_ZERO, "semctl says 0, whatever is there")                               \
        X(SEM_POST_TWICE, "sem_post posts twice")                                        \
        X(SEM_WAIT_AT_ONCE, "sem_wait never waits")                                      \
        X(SEM_GETVALUE_ZERO, "sem_getvalue says 0, whatever is there")                   \
        X(SEM_TIMEDWAIT_EARLY, "sem_timedwait gives up at once")                         \
        X(SEM_CLOCKWAIT_EARLY, "sem_clockwait gives up at once")                         \
        X(MUTEX_TIMEDLOCK_EARLY, "pthread_mutex_timedlock gives up at once")             \
        X(MUTEX_CLOCKLOCK_EARLY, "pthread_mutex_clocklock gives up at once")             \
        X(MUTEX_OWNER_ALIVE, "nobody is told that the owner of a mutex died")            \
        X(FUTEX_AT_ONCE, "a futex never waits")                                          \
        X(FUTEX_WAKES_NOBODY, "a futex wakes nobody")                                    \
        X(MSGRCV_ANY_TYPE, "msgrcv takes the first message whatever is asked for")       \
        X(MSGRCV_AT_ONCE, "msgrcv never waits")                                          \
        X(MSGRCV_CHANGED, "the last byte that msgrcv gives is another")                  \
        X(MSGSND_AT_ONCE, "msgsnd never waits")                                          \
        X(MSGSND_TWICE, "msgsnd sends twice")                                            \
        X(MSGCTL_EMPTY, "msgctl says that there are no messages")                        \
        X(MQ_PRIORITY_LOST, "mq_send loses the priority")                                \
        X(MQ_LAST_FIRST, "of one priority, mq_receive gives the last message first")     \
        X(MQ_SEND_CUTS, "mq_send cuts what is too large")                                \
        X(MQ_SEND_TWICE, "mq_send sends twice")                                          \
        X(MQ_RECEIVE_AT_ONCE, "mq_receive never waits")                                  \
        X(MQ_RECEIVE_CHANGED, "the last byte that mq_receive gives is another")          \
        X(MQ_TIMEDRECEIVE_EARLY, "mq_timedreceive gives up at once")                     \
        X(MQ_TIMEDSEND_EARLY, "mq_timedsend gives up at once")                           \
        X(MQ_GETATTR_EMPTY, "mq_getattr says that there are no messages")                \
        X(SIGQUEUE_VALUE_LOST, "sigqueue loses the value")                               \
        X(SIGQUEUE_TWICE, "sigqueue sends twice")                                        \
        X(SIGNAL_OTHER, "kill sends another signal")                                     \
        X(SIGTIMEDWAIT_EARLY, "sigtimedwait gives up at once")                           \
        X(SHMAT_WRITES, "what shmat attaches for reading can be written to")             \
        X(SHMAT_ELSEWHERE, "what shmat attaches is nobody else's")                       \
        X(SHMCTL_NOBODY, "shmctl says that nobody is attached")

/* Of each call four: it fails (EIO); it does nothing and says 0; where it fails, it is with another error (EIO); where
 * it fails, it says 0. The first two are blunt: they show that a check looks, and little of what it sees. */
/* clang-format off */
#define CALLS(X) \
        X(MMAP) X(FTRUNCATE) X(PWRITE) X(PREAD) X(SHM_OPEN) X(SHM_UNLINK) X(SETRESUID) X(SETRLIMIT) X(POLL) X(PPOLL) \
        X(WRITE) X(READ) X(SEMOP) X(SEMTIMEDOP) X(SEMGET) X(SEMCTL) X(SEM_OPEN) X(SEM_INIT) X(SEM_UNLINK) \
        X(SEM_POST) X(SEM_WAIT) X(SEM_TRYWAIT) X(SEM_TIMEDWAIT) X(SEM_CLOCKWAIT) X(SEM_GETVALUE) X(MSGGET) \
        X(MSGRCV) X(MSGSND) X(MSGCTL) X(MQ_OPEN) X(MQ_SEND) X(MQ_RECEIVE) X(MQ_TIMEDSEND) X(MQ_TIMEDRECEIVE) \
        X(MQ_GETATTR) X(MQ_SETATTR) X(MQ_NOTIFY) X(MQ_UNLINK) X(SIGQUEUE) X(KILL) X(SIGACTION) X(SIGPENDING) \
        X(SIGPROCMASK) X(SIGTIMEDWAIT) X(SIGWAITINFO) X(SIGNALFD) X(SHMGET) X(SHMAT) X(SHMDT) X(SHMCTL) \
        X(SOCKET) X(SOCKETPAIR) X(BIND) X(CONNECT) X(LISTEN) X(ACCEPT) X(SHUTDOWN) X(SEND) X(SENDTO) \
        X(SENDMSG) X(RECV) X(RECVFROM) X(RECVMSG) X(GETSOCKOPT) X(SETSOCKOPT) X(GETSOCKNAME) X(GETPEERNAME) \
        X(PIPE) X(MKFIFO) X(OPEN) X(FCNTL) X(IOCTL) X(EVENTFD) X(EPOLL_CREATE) X(EPOLL_CTL) X(EPOLL_WAIT) \
        X(MEMFD_CREATE) X(FALLOCATE) X(POSIX_FALLOCATE) X(UNLINK) X(LINK) X(CHMOD) X(FCHMOD) X(SPLICE) \
        X(TEE) X(FUTEX) X(MUTEX_INIT) X(MUTEX_LOCK) X(MUTEX_TRYLOCK) X(MUTEX_TIMEDLOCK) X(MUTEX_CLOCKLOCK) \
        X(MUTEX_UNLOCK) X(MUTEX_CONSISTENT) X(MUTEXATTR_ROBUST) X(MUTEXATTR_PSHARED) X(MUTEXATTR_TYPE) \
        X(MUTEXATTR_PROTOCOL) X(MSYNC) X(MUNMAP) X(PROCESS_VM_READV) X(PROCESS_VM_WRITEV) X(WAITPID) \
        X(PIDFD_OPEN) X(PIDFD_SEND_SIGNAL) X(SYMLINK) X(DUP) X(BUS_CALL) X(BUS_CALL_METHOD) X(BUS_SEND) \
        X(BUS_PROCESS) X(BUS_REQUEST_NAME) X(BUS_RELEASE_NAME) X(BUS_START) X(BUS_ADD_MATCH) X(BUS_APPEND) \
        X(BUS_APPEND_BASIC) X(BUS_APPEND_ARRAY) X(BUS_READ) X(BUS_READ_BASIC) X(BUS_READ_ARRAY) X(BUS_FLUSH) \
        X(BUS_EMIT_SIGNAL) X(BUS_REPLY) X(BUS_REPLY_ERROR) X(BUS_UNIQUE_NAME) X(BUS_ERROR_HAS_NAME) \
        X(BUS_MESSAGE_IS_ERROR)
/* clang-format on */
