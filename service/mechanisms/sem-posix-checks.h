/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of checks of sem-posix share. */
#pragma once

#include <semaphore.h>

#include "checks.h"
#include "cleanup.h"
#include "peer-call.h"
#include "posix-name.h"

enum { SEM_CHECK_PATH_SIZE = sizeof POSIX_SHM_DIRECTORY + sizeof "/sem." + POSIX_NAME_SIZE };

/* In the judge: a name of its own, and the mapping. */
typedef struct Semaphore {
        char name[POSIX_NAME_SIZE];
        sem_t *sem;
} Semaphore;

#define CLEANUP_SEMAPHORE CLEANUP(sem_check_done)

#define SEMAPHORE_EMPTY \
        { .sem = SEM_FAILED }

/* By the judge. 0 or negative errno. */
void sem_check_done(Semaphore *semaphore);
bool sem_check_make(CheckRun *run, unsigned value, Semaphore *semaphore);
int sem_check_value(sem_t *sem);
int64_t sem_check_post(const Semaphore *semaphore);
int64_t sem_check_try(const Semaphore *semaphore);
/* The file that it is. */
void sem_check_path(const Semaphore *semaphore, char ret_path[SEM_CHECK_PATH_SIZE]);

/* Of a peer. Beside what memory_role() can, it can be told: sem-open a=flags b=value c=mode (0: 0600) text=name: x
 * whether it stands where the one stood that it had before | sem-map a=descriptor: uses the one in that memory, and
 * with what it has: sem-close | sem-unlink text=name | sem-wait | sem-try | sem-post | sem-value | sem-timed
 * a=microseconds from now b=clock c=tv_nsec (0: the right one): x whether it came back early | sem-many a=times b=-1:
 * waits, else posts | sem-count a=descriptor b=times | sem-handler-posts a=signal: its handler posts | sem-forked
 * a=-1: a child of its own takes one without waiting, else posts, and ends. */
int sem_check_role(CheckPeer *peer);
/* A peer that has it open; the second makes it, too. */
bool sem_check_meet(CheckRun *run, const Semaphore *semaphore, CheckProcess **ret);
bool sem_check_begin(CheckRun *run, unsigned value, Semaphore *semaphore, CheckProcess **ret);
bool sem_check_waits(CheckRun *run, CheckProcess *peer, const char *who);

/* sem-posix-waiting-checks.c */
CheckResult sem_check_timed_out(CheckRun *run);
CheckResult sem_check_clocks(CheckRun *run);
CheckResult sem_check_past(CheckRun *run);
CheckResult sem_check_deadline_invalid(CheckRun *run);
CheckResult sem_check_interrupted(CheckRun *run);
CheckResult sem_check_timed_interrupted(CheckRun *run);
CheckResult sem_check_handler_posts(CheckRun *run);
CheckResult sem_check_one_each(CheckRun *run);
CheckResult sem_check_in_turn(CheckRun *run);
CheckResult sem_check_realtime_first(CheckRun *run);
CheckResult sem_check_barging(CheckRun *run);
CheckResult sem_check_waiter_killed(CheckRun *run);
CheckResult sem_check_poster_killed(CheckRun *run);

/* sem-posix-name-checks.c */
CheckResult sem_check_name_length(CheckRun *run);
CheckResult sem_check_name_rules(CheckRun *run);
CheckResult sem_check_same_address(CheckRun *run);
CheckResult sem_check_made_once(CheckRun *run);
CheckResult sem_check_umask(CheckRun *run);
CheckResult sem_check_permission(CheckRun *run);
CheckResult sem_check_read_only(CheckRun *run);
CheckResult sem_check_no_space(CheckRun *run);
CheckResult sem_check_hidden(CheckRun *run);

/* sem-posix-memory-checks.c */
CheckResult sem_check_file_name(CheckRun *run);
CheckResult sem_check_written(CheckRun *run);
CheckResult sem_check_unlinked(CheckRun *run);
CheckResult sem_check_made_anew(CheckRun *run);
CheckResult sem_check_unnamed(CheckRun *run);
CheckResult sem_check_private_shared(CheckRun *run);
CheckResult sem_check_private_memory(CheckRun *run);
int sem_check_private_role(CheckPeer *peer);
