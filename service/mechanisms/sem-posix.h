/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of the kind sem-posix share. A semaphore has a name (sem-posix:/ready, a file sem.NAME in /dev/shm),
 * or lies at a place in memory (sem-posix:shm-posix:/jobs+64), where sem_init(3) put it; its state is then the place.
 */
#pragma once

#include <semaphore.h>
#include <stdbool.h>
#include <stdint.h>

#include "mechanism.h"

#define SEM_KIND "sem-posix"

/* The bytes of the C library's semaphore. */
typedef union SemImage {
        sem_t sem;
        uint32_t words[sizeof(sem_t) / sizeof(uint32_t)];
} SemImage;

typedef struct SemLook {
        unsigned value, waiters;
} SemLook;

static inline bool sem_is_placed(const Address *address) {
        return address->form == ADDRESS_NAME;
}

/* Value and waiters from the bytes. */
SemLook sem_image_look(const SemImage *image);
void sem_describe_look(const SemLook *look, Record *row);
/* Maps it, in a worker; sem_unmap() gives it back. */
int sem_map(const KernelObject *object, sem_t **ret, Error *error);
void sem_unmap(const KernelObject *object, sem_t *sem);

/* sem-posix-use.c, in a worker */
int sem_posix_post(KernelObject *object, uint64_t count, const Record *options, Error *error);
int sem_posix_wait(KernelObject *object, uint64_t timeout, const Record *options, Record *meta, Error *error);

/* Those at a place (sem-posix-place.c). */
int sem_place_create(KernelObject *object, const char *at, const Record *options, Error *error);
int sem_place_open(KernelObject *object, const Record *options, Error *error);
int sem_place_from_fd(KernelObject *object, int fd, const Record *options, Error *error);
bool sem_place_needs_fetch(const Address *address);
int sem_place_fetch(Address *address, const Record *options, int *ret_fd, Error *error);
int sem_place_identify(const Address *address, char ret_identity[IDENTITY_MAX], Error *error);
int sem_place_remove(KernelObject *object, Error *error);
int sem_place_describe(KernelObject *object, Record *attributes, Error *error);
int sem_place_open_end(KernelObject *object, int *ret_fd, Error *error);
int sem_place_file(const Address *address, char **ret_path, int *ret_want);
int sem_place_map(const KernelObject *object, sem_t **ret, Error *error);
