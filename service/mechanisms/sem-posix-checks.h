/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the two files of checks of sem-posix share. */
#pragma once

#include <semaphore.h>

#include "checks.h"
#include "posix-name.h"

/* In the judge: a name of its own, and the mapping. */
typedef struct Semaphore {
        char name[POSIX_NAME_SIZE];
        sem_t *sem;
} Semaphore;

#define SEMAPHORE_EMPTY \
        { .sem = SEM_FAILED }

void sem_check_done(Semaphore *semaphore);
int sem_check_value(sem_t *sem);
/* Memory that peers can map through its descriptor. */
int sem_check_memory(size_t size, int *ret_fd);
/* A semaphore, and a peer that has it open. */
bool sem_check_begin(CheckRun *run, unsigned value, Semaphore *semaphore, CheckProcess **ret);
int sem_check_role(CheckPeer *peer);

/* sem-posix-memory-checks.c */
CheckResult sem_check_file_name(CheckRun *run);
CheckResult sem_check_written(CheckRun *run);
CheckResult sem_check_unlinked(CheckRun *run);
CheckResult sem_check_made_anew(CheckRun *run);
CheckResult sem_check_unnamed(CheckRun *run);
CheckResult sem_check_private_shared(CheckRun *run);
CheckResult sem_check_private_memory(CheckRun *run);
int sem_check_private_role(CheckPeer *peer);
