/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One line a lie: its name, and what it says, in the words of who believes it. */
#pragma once

#define LIES(X)                                                                          \
        X(MMAP_SHARED_IS_PRIVATE, "MAP_SHARED shares nothing")                           \
        X(MMAP_PRIVATE_IS_SHARED, "MAP_PRIVATE shares")                                  \
        X(MMAP_WRITES_ANYTHING, "what was opened for reading can be mapped for writing") \
        X(MMAP_NO_END, "behind the end of a file there is memory")                       \
        X(MMAP_32_BIT, "offsets have 32 bits")                                           \
        X(FTRUNCATE_NOTHING, "ftruncate says 0 and does nothing")                        \
        X(FTRUNCATE_DIRTY, "what ftruncate adds is not zero")                            \
        X(FTRUNCATE_TAKES, "ftruncate takes the memory at once")                         \
        X(PWRITE_LOST, "pwrite says that it wrote and did not")                          \
        X(PREAD_STALE, "pread shows zeros")                                              \
        X(SHM_EXCLUSIVE_IGNORED, "shm_open ignores O_EXCL")                              \
        X(SHM_GONE, "what shm_open finds is new and empty")                              \
        X(SHM_UNLINK_NOTHING, "shm_unlink says 0 and does nothing")                      \
        X(USER_STAYS, "setresuid says 0 and changes nothing")                            \
        X(LIMIT_IGNORED, "setrlimit says 0 and limits nothing")                          \
        X(POLL_EARLY, "poll gives up at half its time-out")                              \
        X(WRITE_LOST, "write says that it wrote and did not")                            \
        X(READ_AT_ONCE, "read never waits")                                              \
        X(READ_NO_END, "read never finds an end")                                        \
        X(SEM_UNDO_IGNORED, "SEM_UNDO is ignored")                                       \
        X(SEMOP_AT_ONCE, "semop never waits")                                            \
        X(SEMOP_ONE_BY_ONE, "semop does its operations one by one")                      \
        X(SEM_POST_LOST, "sem_post says 0 and posts nothing")                            \
        X(SEM_WAIT_AT_ONCE, "sem_wait never waits")                                      \
        X(MSGRCV_ANY_TYPE, "msgrcv takes the first message whatever is asked for")       \
        X(MSGRCV_AT_ONCE, "msgrcv never waits")                                          \
        X(MQ_PRIORITY_LOST, "mq_send loses the priority")                                \
        X(MQ_SEND_CUTS, "mq_send cuts what is too large")                                \
        X(SIGQUEUE_VALUE_LOST, "sigqueue loses the value")
