/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A place owns the opened memory and its mapping. Bytes are read and written with the operations that every kind of
 * memory has, so that nothing is mapped in the service. */
#include "memory-place.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "units.h"

int memory_place_parse(const char *kind, const char *text, Address *ret_memory, uint64_t *ret_offset, Error *error) {
        CLEANUP(address_done) Address memory = ADDRESS_EMPTY;
        CLEANUP_FREE char *copy = strdup(text);
        const Mechanism *mechanism;
        uint64_t offset;
        char *plus;
        int r;

        if (!copy)
                return error_set_errno(error, ENOMEM, "Cannot keep the address");
        plus = strrchr(copy, '+');
        if (!plus || number_parse(plus + 1, &offset) < 0 || offset > INT64_MAX)
                return error_set(error, ERROR_INVALID_ADDRESS,
                        "\"%.100s\" is no place in memory for %s: write the address of the memory and the offset in "
                        "it, "
                        "for example %s:shm-posix:/jobs+64.",
                        text, kind, kind);
        *plus = '\0';
        r = address_parse(copy, &memory, error);
        if (r >= 0)
                r = mechanism_for_address(&memory, &mechanism, error);
        if (r < 0)
                return r;
        if (!(mechanism->capabilities & CAPABILITY_MEMORY))
                return error_set(error, ERROR_INVALID_ADDRESS,
                        "A %s lies in memory, and %.80s is none: it is of the kind %s.", kind, copy, mechanism->kind);
        *ret_memory = memory;
        memory = (Address)ADDRESS_EMPTY;
        *ret_offset = offset;
        return 0;
}

int memory_place_address(const char *kind, const Address *memory, uint64_t offset, Address *ret) {
        CLEANUP_FREE char *inner = address_print(memory), *text = NULL;

        if (!inner || asprintf(&text, "%s+%" PRIu64, inner, offset) < 0)
                return -ENOMEM;
        return address_set_bytes(ret, kind, ADDRESS_NAME, text, strlen(text));
}

static void memory_place_freep(MemoryPlace **place) {
        *place = memory_place_free(*place);
}

/* The place with nothing opened yet; `memory` has its address. */
static int place_new(const Address *memory, uint64_t offset, MemoryPlace **ret, Error *error) {
        CLEANUP(memory_place_freep) MemoryPlace *place = NULL;
        const Mechanism *mechanism;
        int r;

        r = mechanism_for_address(memory, &mechanism, error);
        if (r < 0)
                return r;
        place = calloc(1, sizeof(*place));
        if (!place)
                return error_set_errno(error, ENOMEM, "Cannot open the memory");
        kernel_object_init(&place->memory, mechanism);
        r = address_copy(memory, &place->memory.address);
        if (r < 0)
                return error_set_errno(error, r, "Cannot keep the address");
        place->offset = offset;
        *ret = TAKE_POINTER(place);
        return 0;
}

int memory_place_open(const Address *address, MemoryPlace **ret, Error *error) {
        CLEANUP(address_done) Address memory = ADDRESS_EMPTY;
        uint64_t offset;
        int r;

        r = memory_place_parse(address->kind, address->text, &memory, &offset, error);
        return r < 0 ? r : memory_place_open_at(&memory, offset, ret, error);
}

int memory_place_open_at(const Address *memory, uint64_t offset, MemoryPlace **ret, Error *error) {
        CLEANUP(memory_place_freep) MemoryPlace *place = NULL;
        int r;

        r = place_new(memory, offset, &place, error);
        if (r >= 0)
                r = mechanism_supports(place->memory.mechanism, OPERATION_ADOPT, error);
        if (r >= 0 && (!place->memory.mechanism->open ||
                              (place->memory.mechanism->needs_fetch && place->memory.mechanism->needs_fetch(memory))))
                return error_set(error, ERROR_NOT_SUPPORTED,
                        "Memory of the kind %s has no name by which it is found at once; put it there from a program "
                        "that "
                        "has the memory, and then use it by its address, or take memory with a name.",
                        place->memory.mechanism->kind);
        if (r >= 0)
                r = place->memory.mechanism->open(&place->memory, NULL, error);
        if (r < 0)
                return r;
        *ret = TAKE_POINTER(place);
        return 0;
}

MemoryPlace *memory_place_free(MemoryPlace *place) {
        if (!place)
                return NULL;
        if (place->mapping)
                munmap(place->mapping, place->mapped);
        kernel_object_done(&place->memory);
        free(place);
        return NULL;
}

bool memory_place_needs_fetch(const Address *address) {
        CLEANUP(address_done) Address memory = ADDRESS_EMPTY;
        const Mechanism *mechanism;
        uint64_t offset;

        return memory_place_parse(address->kind, address->text, &memory, &offset, NULL) >= 0 &&
               mechanism_for_address(&memory, &mechanism, NULL) >= 0 && mechanism->needs_fetch &&
               mechanism->needs_fetch(&memory);
}

int memory_place_fetch(Address *address, const Record *options, int *ret_fd, Error *error) {
        CLEANUP(address_done) Address memory = ADDRESS_EMPTY, place = ADDRESS_EMPTY;
        const Mechanism *mechanism;
        uint64_t offset;
        int r;

        r = memory_place_parse(address->kind, address->text, &memory, &offset, error);
        if (r >= 0)
                r = mechanism_for_address(&memory, &mechanism, error);
        if (r < 0)
                return r;
        if (!mechanism->fetch)
                return 0;
        r = mechanism->fetch(&memory, options, ret_fd, error);
        if (r < 0)
                return r;
        r = memory_place_address(address->kind, &memory, offset, &place);
        if (r < 0)
                return error_set_errno(error, r, "Cannot keep the address");
        address_done(address);
        *address = place;
        place = (Address)ADDRESS_EMPTY;
        return 0;
}

int memory_place_from_fd(const Address *address, int fd, MemoryPlace **ret, Error *error) {
        CLEANUP(memory_place_freep) MemoryPlace *place = NULL;
        CLEANUP(address_done) Address memory = ADDRESS_EMPTY;
        CLEANUP_FD int copy = -EBADF;
        uint64_t offset;
        int r;

        r = memory_place_parse(address->kind, address->text, &memory, &offset, error);
        if (r >= 0)
                r = place_new(&memory, offset, &place, error);
        if (r < 0)
                return r;
        copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
        if (copy < 0)
                return error_set_errno(error, errno, "Cannot keep the descriptor of the memory");
        r = kernel_object_from_fd(&place->memory, &copy, NULL, error);
        if (r < 0)
                return r;
        *ret = TAKE_POINTER(place);
        return 0;
}

int memory_place_holder_keys(const MemoryPlace *place, HolderKey *ret_keys, size_t *n) {
        const Mechanism *mechanism = place->memory.mechanism;

        if (mechanism->holder_keys)
                return mechanism->holder_keys(&place->memory, ret_keys, n);
        *n = 0;
        return 0;
}

int memory_place_describe_object(const MemoryPlace *place, KernelObject *object) {
        const KernelObject *memory = &place->memory;
        Address address = ADDRESS_EMPTY;
        int r;

        r = memory_place_address(object->mechanism->kind, &memory->address, place->offset, &address);
        if (r < 0)
                return r;
        address_done(&object->address);
        object->address = address;
        object->owner = memory->owner;
        object->group = memory->group;
        object->mode = memory->mode;
        object->created = memory->created;
        object->unnamed = memory->unnamed;
        r = snprintf(object->identity, sizeof(object->identity), "%s+%" PRIu64, memory->identity, place->offset);
        return r >= (int)sizeof(object->identity) ? -ENAMETOOLONG : 0;
}

int memory_place_check_alignment(const MemoryPlace *place, const char *what, size_t alignment, Error *error) {
        if (place->offset % alignment == 0)
                return 0;
        return error_set(error, ERROR_INVALID_ADDRESS,
                "%s cannot lie at offset %" PRIu64 ": it has to be aligned to %zu bytes; the next place is +%" PRIu64
                ".",
                what, place->offset, alignment, place->offset / alignment * alignment + alignment);
}

static int place_options(const MemoryPlace *place, size_t size, Record **ret, Error *error) {
        Record *options;
        int r;

        r = record_new(&options);
        if (r < 0)
                return error_set_errno(error, r, "Cannot reach the memory");
        record_set_u64(options, "offset", place->offset);
        if (size > 0)
                record_set_u64(options, "size", size);
        *ret = options;
        return 0;
}

static int does_not_fit(const MemoryPlace *place, size_t size, Error *error) {
        CLEANUP_FREE char *address = address_print(&place->memory.address);

        return error_set(error, ERROR_NO_SUCH_OBJECT,
                "%.100s ends before offset %" PRIu64 ": the %zu bytes from %" PRIu64 " on are not all in it.",
                address ? address : "The memory", place->offset + size, size, place->offset);
}

int memory_place_read(MemoryPlace *place, void *data, size_t size, Error *error) {
        CLEANUP(record_freep) Record *options = NULL, *meta = NULL;
        CLEANUP_FREE void *bytes = NULL;
        Error why = {};
        size_t n = 0;
        int r;

        r = place_options(place, size, &options, error);
        if (r >= 0) {
                r = record_new(&meta);
                if (r < 0)
                        error_set_errno(error, r, "Cannot read the memory");
        }
        if (r < 0)
                return r;
        r = place->memory.mechanism->receive(&place->memory, true, options, &bytes, &n, meta, &why);
        /* An offset past the end is a wrong option there, and a wrong place here. */
        if (r < 0 && why.code == ERROR_INVALID_OPTION)
                return does_not_fit(place, size, error);
        if (r < 0) {
                if (error)
                        *error = why;
                return r;
        }
        if (n < size)
                return does_not_fit(place, size, error);
        memcpy(data, bytes, size);
        return 0;
}

int memory_place_write(MemoryPlace *place, const void *data, size_t size, Error *error) {
        CLEANUP(record_freep) Record *options = NULL;
        Error why = {};
        size_t sent = 0;
        int r;

        r = place_options(place, 0, &options, error);
        if (r < 0)
                return r;
        r = place->memory.mechanism->send(&place->memory, data, size, options, &sent, &why);
        if (r < 0 && why.code == ERROR_INVALID_OPTION)
                return does_not_fit(place, size, error);
        if (r < 0) {
                if (error)
                        *error = why;
                return r;
        }
        return sent < size ? does_not_fit(place, size, error) : 0;
}

/* Memory that has no descriptor. */
static int map_whole(MemoryPlace *place, size_t size, void **ret, Error *error) {
        size_t mapped = 0;
        void *mapping;
        int r;

        r = place->memory.mechanism->map(&place->memory, &mapping, &mapped, error);
        if (r < 0)
                return r;
        place->mapping = mapping;
        place->mapped = mapped;
        if (place->offset > mapped || size > mapped - place->offset)
                return does_not_fit(place, size, error);
        place->address = (char *)mapping + place->offset;
        *ret = place->address;
        return 0;
}

int memory_place_map(MemoryPlace *place, size_t size, void **ret, Error *error) {
        uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), start = place->offset / page * page;
        CLEANUP_FREE char *address = address_print(&place->memory.address);
        size_t length = (size_t)(place->offset - start) + size;
        const char *name = address ? address : "the memory";
        CLEANUP_FD int fd = -EBADF;
        struct stat st;
        void *mapping;
        int r;

        if (place->address) {
                *ret = place->address;
                return 0;
        }
        if (place->memory.mechanism->map)
                return map_whole(place, size, ret, error);
        r = mechanism_supports(place->memory.mechanism, OPERATION_OPEN_END, NULL);
        if (r < 0)
                return error_set(error, ERROR_NOT_SUPPORTED,
                        "What lies in %.100s cannot be used from here: memory of the kind %s has no descriptor to "
                        "map.",
                        name, place->memory.mechanism->kind);
        r = place->memory.mechanism->open_end(&place->memory, "", false, &fd, error);
        if (r < 0)
                return r;
        if (fstat(fd, &st) < 0)
                return error_set_errno(error, errno, "Cannot look at %.100s", name);
        if ((uint64_t)st.st_size < place->offset + size)
                return does_not_fit(place, size, error);
        mapping = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)start);
        if (mapping == MAP_FAILED)
                return error_set_errno(error, errno, "Cannot map %.100s", name);
        place->mapping = mapping;
        place->mapped = length;
        place->address = (char *)mapping + (place->offset - start);
        *ret = place->address;
        return 0;
}
