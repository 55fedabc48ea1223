/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of the kind sem-sysv share. */
#pragma once

#include "sysv.h"

typedef struct Transport Transport;

#define SEM_FILE "/proc/sys/kernel/sem" /* semmsl, semmns, semopm, semmni (proc(5)) */

enum { SEM_VALUE_LARGEST = 32767 }; /* SEMVMX (semget(2)) */

/* semctl(2) wants the caller to define it. */
typedef union SemArgument {
        int value;
        struct semid_ds *stat;
        unsigned short *values;
        struct seminfo *info;
} SemArgument;

extern const SysvClass sem_sysv_class;
extern const Transport sem_sysv_transport;

/* sem-sysv-use.c */
int sem_sysv_post(KernelObject *object, uint64_t count, const Record *options, Error *error);
int sem_sysv_wait(KernelObject *object, uint64_t timeout, const Record *options, Record *meta, Error *error);
int sem_sysv_release(KernelObject *object, const Record *options, Error *error);
bool sem_sysv_holds(const Record *options);

/* sysv-explain-kinds.c */
int sem_sysv_explain(const Address *address, Explanation *explanation);
