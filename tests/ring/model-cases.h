/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A case of the ring: its threads, each a writer or a reader of so many messages. */
#pragma once

#include "model.h"

#include "ipcbus-ring.h"

typedef struct Case {
        ModelCase model; /* the functions and the memory are filled in */
        uint64_t capacity;
        unsigned flags;
        IpcbusRingRole roles[MODEL_THREADS_MAX];
        unsigned counts[MODEL_THREADS_MAX];
        unsigned batch;
        unsigned hold;    /* readers keep so many in their hands; 0: a batch */
        unsigned prefill; /* messages of thread 0 that are there when it begins */
        unsigned seated;  /* a bit for each thread that has its place before, though it starts after a death */
        bool aborts;      /* writers reserve more, spoil it, and give it up or use a part of it */
        bool leave;       /* they leave at the end; readers then read until nobody is left */
        bool heavy;       /* only if it is asked for by name: minutes */
        bool leftovers;   /* the living may have stopped before all was read */
} Case;

void cases_prepare(const Case *c);
void cases_run(const Case *c, unsigned self);
const char *cases_judge(const Case *c);
/* The memory, and what of it only informs. */
void cases_memory(const Case *c, ModelCase *model);
