/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The kind mutex: what its files share, and the layout of the memory that a mutex of its own has, for programs in C:
 *
 *   mutex:/NAME is the file that shm_open("/mutex.NAME", O_RDWR, 0) opens. At offset 0 stands the pthread_mutex_t of
 *   the C library, ready for pthread_mutex_lock(3); at MUTEX_HEADER_OFFSET a MutexHeader that says so; from
 *   MUTEX_DATA_OFFSET on the bytes are free for what the mutex guards. */
#pragma once

#include <stdint.h>

#include "memory-place.h"
#include "mutex-state.h"

#define MUTEX_KIND   "mutex"
#define MUTEX_PREFIX "mutex."
#define MUTEX_MAGIC  "ipcbusMX"

enum {
        MUTEX_HEADER_OFFSET = 64,
        MUTEX_DATA_OFFSET = 128,
        MUTEX_VERSION = 1,
};

typedef struct MutexHeader {
        char magic[8];        /* MUTEX_MAGIC, without a final NUL */
        uint32_t version;     /* MUTEX_VERSION */
        uint32_t mutex_size;  /* sizeof(pthread_mutex_t) of who made it */
        uint32_t type;        /* 0 normal, 1 errorcheck, 2 recursive */
        uint32_t robust;      /* 1: PTHREAD_MUTEX_ROBUST */
        uint32_t inherit;     /* 1: PTHREAD_PRIO_INHERIT */
        uint32_t data_offset; /* MUTEX_DATA_OFFSET */
} MutexHeader;

typedef struct MutexFile {
        MutexImage image;
        char padding[MUTEX_HEADER_OFFSET - sizeof(MutexImage)];
        MutexHeader header;
} MutexFile;

_Static_assert(sizeof(MutexImage) <= MUTEX_HEADER_OFFSET, "the header stands behind the mutex");
_Static_assert(sizeof(MutexFile) <= MUTEX_DATA_OFFSET, "the data stand behind the header");

static inline bool mutex_is_named(const Address *address) {
        return address->form == ADDRESS_PATH;
}

/* Is this the header of a mutex of the C library that we have? */
bool mutex_header_valid(const MutexHeader *header);
/* Fills what stands at the beginning of a mutex of its own. */
int mutex_file_init(MutexFile *file, const MutexShape *shape, Error *error);
/* What the memory is called for a mutex:/NAME (shm_open(3)). */
int mutex_memory_address(const char *name, Address *ret);
/* The mutex as its bytes are now. NoSuchObject where there is none. */
int mutex_look(const KernelObject *object, MutexLook *ret, Error *error);
/* How a person calls it, for messages: "/jobs", "shm-posix:/x+64". */
#define mutex_name(object) ((object)->address.text)

/* mutex-look.c */
int mutex_describe(KernelObject *object, Record *attributes, Error *error);
int mutex_scan(Scan *scan);

/* In a worker (mutex-lock.c). */
int mutex_post(KernelObject *object, uint64_t count, const Record *options, Error *error);
int mutex_wait(KernelObject *object, uint64_t timeout, const Record *options, Record *meta, Error *error);
int mutex_release(KernelObject *object, const Record *options, Error *error);

extern const struct Transport mutex_transport;
