/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of the kind shm-sysv share. */
#pragma once

#include "sysv.h"

typedef struct Transport Transport;

#define SHM_MAX_FILE    "/proc/sys/kernel/shmmax"
#define SHM_ALL_FILE    "/proc/sys/kernel/shmall"
#define HUGE_GROUP_FILE "/proc/sys/vm/hugetlb_shm_group"
#define SHM_MNI_FILE    "/proc/sys/kernel/shmmni"

extern const SysvClass shm_sysv_class;
extern const Transport shm_sysv_transport;

/* sysv-explain-kinds.c */
int shm_sysv_explain(const Address *address, Explanation *explanation);
