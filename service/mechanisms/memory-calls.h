/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What checks of memory files (shm-posix, memfd, mmap) share: what a peer can be told to do with them, and the claims
 * that hold for all of them. A kind says with a MemoryMaker where its memory comes from. */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "check.h"
#include "peer-call.h"

/* The judge's side of one piece of memory; owns all of it. */
typedef struct Memory {
        const struct MemoryMaker *maker;
        char name[PATH_MAX]; /* "" where it has none */
        int fd;              /* -EBADF where it is no file */
        int id;              /* of a System V segment */
        size_t size;
        volatile unsigned char *mapped; /* volatile: each look is a look */
} Memory;

#define MEMORY_EMPTY \
        { .fd = -EBADF, .id = -1 }

typedef struct MemoryMaker {
        /* Makes one: an empty file (sets fd, and name), or a segment of `size` (sets id, and name). */
        bool (*make)(CheckRun *run, Memory *memory);
        /* Starts a peer that can have it for reading and writing: it has it open as descriptor `number`. */
        bool (*start)(CheckRun *run, const Memory *memory, CheckProcess **ret);
        int64_t number;
        void (*remove)(const Memory *memory); /* the name; NULL where there is none */
        /* Memory that is no file: has it mapped here, or by a peer. NULL: mmap(2) of the descriptor. */
        void *(*map)(const Memory *memory);
        bool (*join)(CheckRun *run, const Memory *memory, CheckProcess *peer);
        /* Where it has a name: the peer opens that as descriptor `number`, with these flags of open(2) and mode 0666;
         * negative errno. And the folder that the names are in. */
        int64_t (*open)(CheckRun *run, const Memory *memory, CheckProcess *peer, int64_t number, int flags);
        const char *(*folder)(const CheckRun *run);
} MemoryMaker;

void memory_done(Memory *memory);
size_t memory_page(void);
/* So many pages, there and not only promised. */
bool memory_make(CheckRun *run, const MemoryMaker *maker, size_t pages, Memory *memory);
/* Mapped here too. A peer that is forked after that has this mapping as well. */
bool memory_make_mapped(CheckRun *run, const MemoryMaker *maker, size_t pages, Memory *memory);
bool memory_map(CheckRun *run, Memory *memory);
/* A peer that was started with it maps all of it. */
bool memory_join(CheckRun *run, const Memory *memory, CheckProcess *peer);
/* Both: a peer more that has mapped it. */
bool memory_add(CheckRun *run, const Memory *memory, CheckProcess **ret_peer);
/* Makes it, maps it, and a peer has mapped all of it too. */
bool memory_begin(CheckRun *run, const MemoryMaker *maker, size_t pages, Memory *memory, CheckProcess **ret_peer);
/* The call has to kill the peer with that signal. */
bool memory_dies_of(CheckRun *run, CheckProcess *peer, const PeerCall *call, int signal);
/* Passes a descriptor over a socket, and takes one (SCM_RIGHTS, unix(7)). 0 or the descriptor, negative errno. */
int memory_pass(int socket, int fd);
int memory_take(int socket);

/* The role of peers. Calls, `a` being a descriptor unless said otherwise:
 *   shm-open b=flags c=mode text | make b=flags c=mode text: open(2) | memfd b=flags text | reopen b=slot c=flags |
 *   truncate b=size | allocate b=size | size | seal b=seals | seals | chmod b=mode
 *   map b=size c=protection, map-private … | map-at b=offset c=protection: one page | map-many b=how often: x how many
 *   unmap | poke a=where b=byte | peek a=where | sync a=size: msync(2) | model: memory-model.h
 *   read-at b=offset: the byte | write-at b=offset c=byte | pass a=socket b=descriptor | take a=socket b=slot */
int memory_role(CheckPeer *peer);
/* The same with calls of a kind's own beside them, and what such a call says that it has mapped. */
int memory_serve(CheckPeer *peer, const PeerFunction *own);
void memory_is_mapped(void *mapped, size_t size);
volatile unsigned char *memory_mapped(void);
