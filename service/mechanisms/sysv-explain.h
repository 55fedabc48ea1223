/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* For explain() of shm-sysv, sem-sysv and mq-sysv. */
#pragma once

#include "explain.h"
#include "sysv.h"

typedef struct SysvUse {
        const char *name; /* "read", "send to" */
        int want;         /* R_OK or W_OK */
        /* Asks the kernel for that right on what has this identifier, and changes nothing: 0 or -errno. NULL: nothing
         * can be asked without an effect; then the key is, of what has one. */
        int (*ask)(int id, int want);
} SysvUse;

/* A limit on how many there may be: -errno where it cannot be told. */
typedef struct SysvCount {
        uint64_t used, max;
        const char *what, *source; /* "segments", "/proc/sys/kernel/shmmni" */
} SysvCount;

typedef struct SysvExplain {
        const SysvClass *class;
        SysvUse uses[2];
        int (*count)(unsigned i, SysvCount *ret); /* until it gives -ERANGE */
        /* What stands in the way beside the rights, of what is there; may be NULL. */
        void (*fill)(const SysvStat *st, Explanation *explanation);
} SysvExplain;

int sysv_explain(const SysvExplain *kind, const Address *address, Explanation *explanation);
