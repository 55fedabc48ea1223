/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of checks of sem-sysv share. The judge removes what it made; peers work with the identifier, which
 * any process may use. */
#pragma once

#include "checks.h"
#include "cleanup.h"
#include "peer-call.h"
#include "sem-sysv.h"

enum { SEM_CHECK_SIZE = 3 }; /* semaphores in a set */

#define CLEANUP_SET __attribute__((cleanup(sem_set_done)))

/* By the judge. 0, a value, or negative errno. */
void sem_set_done(int *id);
int64_t sem_set_value(int id, int number);
int64_t sem_set_write(int id, int number, int value);
int64_t sem_set_operate(int id, unsigned short number, short by, short flags);

/* Of a peer; a is the identifier. It can be told: sem-make | sem-get a=key b=number c=flags: the identifier | sem-op
 * b=what is added to semaphore 0 c=flags | sem-both b=flags: takes one of semaphores 0 and 1 at once | sem-zero-add:
 * waits for zero, then adds one, at once | sem-timed b=microseconds: x whether it came back early | sem-many b=number:
 * of operations at once | sem-count a b=descriptor c=times | sem-forked b=what is added by a child of its own, with
 * SEM_UNDO | sem-set b=value | sem-remove | sem-limits text: written to /proc/sys/kernel/sem. */
int sem_sysv_role(CheckPeer *peer);
bool sem_set_make(CheckRun *run, int *ret_id, key_t *ret_key);
/* A peer that found the set by its key; the second makes the set, too. */
bool sem_set_meet(CheckRun *run, key_t key, int id, CheckProcess **ret);
bool sem_set_begin(CheckRun *run, int *ret_id, key_t *ret_key, CheckProcess **ret);
/* One that uses it by its number. */
bool sem_set_another(CheckRun *run, CheckProcess **ret);
bool sem_set_waits(CheckRun *run, CheckProcess *peer, const PeerCall *call, const char *who);

/* sem-sysv-undo-checks.c */
CheckResult sem_sysv_undo(CheckRun *run);
CheckResult sem_sysv_undo_sum(CheckRun *run);
CheckResult sem_sysv_undo_clamped(CheckRun *run);
CheckResult sem_sysv_undo_forked(CheckRun *run);
CheckResult sem_sysv_undo_wakes(CheckRun *run);
CheckResult sem_sysv_set_forgets(CheckRun *run);

/* sem-sysv-waiting-checks.c */
CheckResult sem_sysv_wait_increase(CheckRun *run);
CheckResult sem_sysv_wait_zero(CheckRun *run);
CheckResult sem_sysv_set_wakes(CheckRun *run);
CheckResult sem_sysv_timed_out(CheckRun *run);
CheckResult sem_sysv_interrupted(CheckRun *run);
CheckResult sem_sysv_stopped(CheckRun *run);
CheckResult sem_sysv_waiter_killed(CheckRun *run);
CheckResult sem_sysv_in_turn(CheckRun *run);
CheckResult sem_sysv_overtakes(CheckRun *run);

/* sem-sysv-place-checks.c */
CheckResult sem_sysv_permission(CheckRun *run);
CheckResult sem_sysv_other_user(CheckRun *run);
CheckResult sem_sysv_namespace(CheckRun *run);
CheckResult sem_sysv_sets_limit(CheckRun *run);
CheckResult sem_sysv_set_size_limit(CheckRun *run);
