/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the bytes of a pthread_mutex_t say: which kind it is, whether it is locked, and by whom. The futex word of a
 * robust mutex is documented (set_robust_list(2), futex(2)): the owner's thread id in its low 30 bits,
 * FUTEX_WAITERS, FUTEX_OWNER_DIED. Where that word lies, and the rest, is the C library's own: it is measured on live
 * mutexes of this process and not assumed. */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "error.h"

typedef enum MutexType {
        MUTEX_NORMAL,
        MUTEX_ERRORCHECK,
        MUTEX_RECURSIVE,
        MUTEX_TYPE_MAX,
        MUTEX_TYPE_INVALID = -1,
} MutexType;

typedef struct MutexShape {
        MutexType type;
        bool shared; /* between processes */
        bool robust;
        bool inherit; /* PTHREAD_PRIO_INHERIT */
} MutexShape;

typedef enum MutexState {
        MUTEX_FREE,
        MUTEX_LOCKED,
        MUTEX_OWNER_DIED,      /* the next who locks it is told: EOWNERDEAD */
        MUTEX_INCONSISTENT,    /* locked by one who was told, and has not made it consistent */
        MUTEX_NOT_RECOVERABLE, /* ENOTRECOVERABLE for ever */
} MutexState;

typedef struct MutexLook {
        MutexShape shape;
        MutexState state;
        pid_t owner; /* thread id: who has it locked, or had it last when it died; 0: unknown */
        bool waited; /* somebody sleeps, or may sleep, for it */
} MutexLook;

/* The bytes of the C library's mutex. */
typedef union MutexImage {
        pthread_mutex_t mutex;
        uint32_t words[sizeof(pthread_mutex_t) / sizeof(uint32_t)];
} MutexImage;

const char *mutex_type_name(MutexType type);
MutexType mutex_type_from_name(const char *name);

/* 0, or NotSupported: what was measured is not as it must be. Measured once in a process. */
int mutex_state_probe(Error *error);
/* A fresh mutex. NotSupported where the C library or the kernel has no such one. */
int mutex_image_init(MutexImage *image, const MutexShape *shape, Error *error);
/* -EBADMSG: these bytes are no mutex, or all of them are zero. */
int mutex_image_look(const MutexImage *image, MutexLook *ret);

/* "free", "locked by process 12 (sh)" …; a sentence part for tables. */
void mutex_look_print(const MutexLook *look, char *text, size_t size);
/* The process of a thread, and its command; -ESRCH where it is gone. `ret_command` has room for 16 bytes. */
int mutex_owner_process(pid_t thread, pid_t *ret_process, char ret_command[16]);
