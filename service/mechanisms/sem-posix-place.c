/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Unnamed semaphores: at a place in memory that processes share. Nothing in the bytes says that they are one, so what
 * cannot be one is refused: a value that is too large, words that sem_init(3) leaves alone and that are not as it
 * leaves them. What differs between a fresh one for several processes and one for a single process is measured. */
#include "sem-posix.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "kind-helpers.h"
#include "kinds.h"
#include "memory-place.h"

static void image_init(SemImage *image, int shared, unsigned value) {
        memset(image, 0, sizeof(*image));
        (void)sem_init(&image->sem, shared, value);
}

/* Is it what sem_init(3) makes, but for its value and who waits? */
static bool image_is(const SemImage *image, int shared) {
        SemLook look = sem_image_look(image);
        SemImage fresh, bare = *image;

        if (look.value > SEM_VALUE_MAX || look.waiters > INT32_MAX)
                return false;
        image_init(&fresh, shared, 0);
        /* The words of value and waiters: those that stand first, and on 32 bits the last. */
        bare.words[0] = fresh.words[0];
        if (sizeof(sem_t) == 32)
                bare.words[1] = fresh.words[1];
        else
                bare.words[3] = fresh.words[3];
        return memcmp(bare.words, fresh.words, sizeof(fresh.words)) == 0;
}

static bool all_zero(const SemImage *image) {
        static const SemImage zeros;

        return memcmp(image->words, zeros.words, sizeof(zeros.words)) == 0;
}

static void place_freep(MemoryPlace **place) {
        *place = memory_place_free(*place);
}

static int check_alignment(const MemoryPlace *place, Error *error) {
        return memory_place_check_alignment(place, "A semaphore", _Alignof(sem_t), error);
}

static int place_look(const KernelObject *object, SemLook *ret, bool *ret_shared, Error *error) {
        SemImage image;
        int r;

        r = memory_place_read(object->state, &image, sizeof(image), error);
        if (r < 0)
                return r;
        if (all_zero(&image) || (!image_is(&image, 1) && !image_is(&image, 0)))
                return error_set(error, ERROR_NO_SUCH_OBJECT,
                        "There is no semaphore at %.200s: its %zu bytes are those of none that sem_init(3) makes "
                        "here.",
                        object->address.text, sizeof(image));
        *ret = sem_image_look(&image);
        *ret_shared = image_is(&image, 1);
        return 0;
}

/* The place becomes the object's, also on failure. */
static int settle(KernelObject *object, MemoryPlace *place, Error *error) {
        bool shared;
        SemLook look;
        int r;

        object->state = place;
        r = check_alignment(place, error);
        if (r < 0)
                return r;
        r = memory_place_describe_object(place, object);
        if (r < 0)
                return error_set_errno(error, r, "The address of the semaphore cannot be kept");
        return place_look(object, &look, &shared, error);
}

int sem_place_open(KernelObject *object, const Record *options, Error *error) {
        MemoryPlace *place;
        int r;

        r = memory_place_open(&object->address, &place, error);
        return r < 0 ? r : settle(object, place, error);
}

int sem_place_from_fd(KernelObject *object, int fd, const Record *options, Error *error) {
        MemoryPlace *place;
        int r;

        /* A descriptor alone does not say where in its memory a semaphore is. */
        if (!sem_is_placed(&object->address))
                return -EMEDIUMTYPE;
        r = memory_place_from_fd(&object->address, fd, &place, error);
        if (r >= 0)
                r = settle(object, place, error);
        if (r < 0)
                return r;
        (void)fd_close(fd);
        return 0;
}

bool sem_place_needs_fetch(const Address *address) {
        return sem_is_placed(address) && memory_place_needs_fetch(address);
}

int sem_place_fetch(Address *address, const Record *options, int *ret_fd, Error *error) {
        return sem_is_placed(address) ? memory_place_fetch(address, options, ret_fd, error) : 0;
}

int sem_place_create(KernelObject *object, const char *at, const Record *options, Error *error) {
        uint64_t value = record_get_u64(options, "value", 0);
        CLEANUP(address_done) Address memory = ADDRESS_EMPTY;
        CLEANUP(place_freep) MemoryPlace *place = NULL;
        SemImage image, old;
        uint64_t offset;
        int r;

        if (record_has(options, "name") || record_has(options, "mode"))
                return error_set(error, ERROR_INVALID_OPTION,
                        "With place= the semaphore lies in memory that is there: name and mode are that memory's.");
        r = memory_place_parse(SEM_KIND, at, &memory, &offset, error);
        if (r >= 0)
                r = memory_place_open_at(&memory, offset, &place, error);
        if (r >= 0)
                r = check_alignment(place, error);
        if (r >= 0)
                r = memory_place_read(place, &old, sizeof(old), error);
        if (r < 0)
                return r;
        if (!record_get_bool(options, "replace", false) && !all_zero(&old))
                return error_set(error, ERROR_EXISTS,
                        "The %zu bytes at %.200s are not all zero: something is there, and it is left as it is. With "
                        "replace=true it is written over.",
                        sizeof(old), at);
        image_init(&image, 1, (unsigned)value);
        r = memory_place_write(place, &image, sizeof(image), error);
        if (r < 0)
                return r;
        r = address_set_bytes(&object->address, SEM_KIND, ADDRESS_NAME, at, strlen(at));
        if (r < 0)
                return error_set_errno(error, r, "The address of the semaphore cannot be kept");
        r = settle(object, TAKE_POINTER(place), error);
        object->created = realtime_now();
        return r;
}

int sem_place_identify(const Address *address, char ret_identity[IDENTITY_MAX], Error *error) {
        KernelObject object;
        int r;

        kernel_object_init(&object, &mechanism_sem_posix);
        r = address_copy(address, &object.address);
        if (r >= 0)
                r = sem_place_open(&object, NULL, error);
        if (r >= 0)
                memcpy(ret_identity, object.identity, IDENTITY_MAX);
        kernel_object_done(&object);
        return r;
}

int sem_place_remove(KernelObject *object, Error *error) {
        static const SemImage zeros;
        SemLook look;
        bool shared;
        int r;

        r = place_look(object, &look, &shared, error);
        if (r < 0)
                return r;
        if (look.waiters > 0)
                return error_set(error, ERROR_BUSY,
                        "%u wait for the semaphore at %.200s; sem_destroy(3) is for those that nobody waits for.",
                        look.waiters, object->address.text);
        return memory_place_write(object->state, &zeros, sizeof(zeros), error);
}

int sem_place_describe(KernelObject *object, Record *attributes, Error *error) {
        bool shared = false;
        Error why = {};
        SemLook look;
        int r;

        r = place_look(object, &look, &shared, &why);
        if (r < 0 && why.code == ERROR_NOT_PERMITTED) {
                record_set_string(attributes, "state", "value not readable by this user");
                return record_error(attributes);
        }
        if (r < 0) {
                if (error)
                        *error = why;
                return r;
        }
        record_set_u64(attributes, "size", sizeof(sem_t));
        sem_describe_look(&look, attributes);
        record_set_bool(attributes, "process_shared", shared);
        if (!shared)
                record_set_string(
                        attributes, "state", "not for several processes (pshared 0): posts wake nobody elsewhere");
        return record_error(attributes);
}

int sem_place_open_end(KernelObject *object, int *ret_fd, Error *error) {
        MemoryPlace *place = object->state;
        int r;

        r = mechanism_supports(place->memory.mechanism, OPERATION_OPEN_END, error);
        return r < 0 ? r : place->memory.mechanism->open_end(&place->memory, "", false, ret_fd, error);
}

int sem_place_file(const Address *address, char **ret_path, int *ret_want) {
        CLEANUP(address_done) Address memory = ADDRESS_EMPTY;
        const Mechanism *mechanism = NULL;
        uint64_t offset;
        int r;

        r = memory_place_parse(SEM_KIND, address->text, &memory, &offset, NULL);
        if (r >= 0)
                r = mechanism_for_address(&memory, &mechanism, NULL);
        if (r >= 0)
                r = mechanism->file ? mechanism->file(&memory, ret_path, ret_want) : -EOPNOTSUPP;
        if (r >= 0)
                *ret_want = R_OK | W_OK;
        return r;
}

int sem_place_map(const KernelObject *object, sem_t **ret, Error *error) {
        SemLook look;
        void *sem;
        bool shared;
        int r;

        r = place_look(object, &look, &shared, error);
        if (r < 0)
                return r;
        if (!shared)
                return error_set(error, ERROR_NOT_SUPPORTED,
                        "\"%.200s\" was made by sem_init(3) with pshared 0: between processes a post wakes nobody who "
                        "waits. It has to be 1.",
                        object->address.text);
        r = memory_place_map(object->state, sizeof(sem_t), &sem, error);
        if (r < 0)
                return r;
        *ret = sem;
        return 0;
}
