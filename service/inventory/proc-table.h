/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How a ProcTable looks inside: proc.c fills it, holders.c reads it, nobody else includes this. */
#pragma once

#include "scan.h"

enum { PROCESS_COMMAND_MAX = 32 };

typedef struct Process {
        pid_t pid;
        uid_t uid;
        char command[PROCESS_COMMAND_MAX];
} Process;

enum {
        HOLD_READ = 1 << 0,
        HOLD_WRITE = 1 << 1,
        HOLD_MAPPED = 1 << 2,
        HOLD_FIFO = 1 << 3,   /* a FIFO, beside what is told by the type */
        HOLD_SHARED = 1 << 4, /* a mapping that is MAP_SHARED */
};

/* One descriptor or all mappings of one file: 32 bytes, as there may be many. */
typedef struct Hold {
        uint64_t number;
        dev_t device; /* 0 for pipes and sockets */
        uint32_t process;
        int fd;
        uint8_t type; /* HolderKeyType */
        uint8_t flags;
} Hold;

struct ProcTable {
        unsigned references;
        Process *processes; /* by pid, as /proc lists them */
        size_t n_processes, processes_allocated;
        Hold *holds; /* by type, number, device, process, fd */
        size_t n_holds, holds_allocated;
        size_t unreadable;
        pid_t unreadable_pid; /* the last of them; 0: not told */
};

int proc_table_add(ProcTable *table, const Hold *hold);
