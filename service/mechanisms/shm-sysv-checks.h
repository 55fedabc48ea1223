/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the checks of System V shared memory share: segments that the judge removes, and peers that attach them. */
#pragma once

#include "check.h"
#include "memory-calls.h"
#include "shm-sysv.h"

enum { SEGMENT_SIZE = 10000 }; /* no multiple of a page */

void segment_done(int *id);
#define CLEANUP_SEGMENT __attribute__((cleanup(segment_done)))

/* With a key of the run; the number, or negative errno. */
int segment_make(const char *token, key_t *ret_key);
/* shm_nattch, or negative errno. */
int64_t segment_attached(int id);
/* Attaches it here too: where kernel.shm_rmid_forced is 1 a segment goes with its last attachment. */
bool segment_keep(CheckRun *run, int id, void **ret_base);
void segment_leave(void **base);
#define CLEANUP_ATTACHED __attribute__((cleanup(segment_leave)))
/* A segment with a key, and a peer that attached it with these flags. */
bool segment_begin(CheckRun *run, int flags, int *ret_id, key_t *ret_key, CheckProcess **ret);

/* Calls beside those of memory_role(), which work on what is attached:
 *   shm-make a=mode: with a key of the run | shm-private a=flags: two without a key, x and y, and what the other shows
 *   of a 1 written to the one | shm-get a=key b=size c=flags | shm-attach a=number b=flags: x the address |
 *   shm-attach-at a=number b=address c=flags: the same | tight-attach a=number: with no address space left |
 *   shm-detach a=so much behind the address | shm-remove, shm-lock a=number | shm-stat a=number b=command: x the size
 * | shm-set a=number b=mode: IPC_SET to its own user | room a=bytes: x the address of memory that is taken | umask
 * a=mask | ftok a=number text=path: x the key | sysctl a=value text=path */
int segment_role(CheckPeer *peer);

/* --- Attachments, keys and numbers (shm-sysv-attach-checks.c) --- */

CheckResult segment_fork_counts(CheckRun *run);
CheckResult segment_two_places(CheckRun *run);
CheckResult segment_addresses(CheckRun *run);
CheckResult segment_detach(CheckRun *run);
CheckResult segment_times(CheckRun *run);
CheckResult segment_attach_marked(CheckRun *run);
CheckResult segment_marked_killed(CheckRun *run);
CheckResult segment_key_zero(CheckRun *run);
CheckResult segment_ftok(CheckRun *run);
CheckResult segment_stale_number(CheckRun *run);
CheckResult segment_no_descriptor(CheckRun *run);

/* --- Rights, namespaces and limits (shm-sysv-rights-checks.c) --- */

CheckResult segment_permission(CheckRun *run);
CheckResult segment_other_user(CheckRun *run);
CheckResult segment_given_away(CheckRun *run);
CheckResult segment_stat_right(CheckRun *run);
CheckResult segment_exec_right(CheckRun *run);
CheckResult segment_credentials(CheckRun *run);
CheckResult segment_namespace(CheckRun *run);
CheckResult segment_maximum(CheckRun *run);
CheckResult segment_limit(CheckRun *run);
CheckResult segment_lock_limit(CheckRun *run);
