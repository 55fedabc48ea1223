/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A place in a memory object, for kinds whose objects lie in memory of another kind: an address within an address,
 * KIND:MEMORY-ADDRESS+OFFSET, as mutex:shm-posix:/jobs+64. Which kinds are memory is asked of the kinds themselves. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "mechanism.h"

typedef struct MemoryPlace {
        KernelObject memory; /* opened */
        uint64_t offset;
        void *mapping; /* whole pages; NULL while nothing is mapped */
        size_t mapped;
        void *address; /* of the place, in the mapping */
} MemoryPlace;

/* "shm-posix:/jobs+64": the memory's address and the offset. Errors: InvalidAddress. */
int memory_place_parse(const char *kind, const char *text, Address *ret_memory, uint64_t *ret_offset, Error *error);
/* The address of a place, canonical. */
int memory_place_address(const char *kind, const Address *memory, uint64_t offset, Address *ret);

/* Opens the memory that the address (of form ADDRESS_NAME) lies in. */
int memory_place_open(const Address *address, MemoryPlace **ret, Error *error);
/* The same for memory that has an address of its own. */
int memory_place_open_at(const Address *memory, uint64_t offset, MemoryPlace **ret, Error *error);
MemoryPlace *memory_place_free(MemoryPlace *place); /* takes NULL; what is mapped is unmapped */

/* For needs_fetch(), fetch() and from_fd() of the kind; see mechanism.h. */
bool memory_place_needs_fetch(const Address *address);
int memory_place_fetch(Address *address, const Record *options, int *ret_fd, Error *error);
/* The descriptor stays the caller's: what lies at the place is still to be looked at, and from_fd() takes a descriptor
 * over only where it succeeds. */
int memory_place_from_fd(const Address *address, int fd, MemoryPlace **ret, Error *error);
/* For holder_keys(). */
int memory_place_holder_keys(const MemoryPlace *place, HolderKey *ret_keys, size_t *n);

/* Owner, mode, identity and the canonical address of an object at this place. */
int memory_place_describe_object(const MemoryPlace *place, KernelObject *object);
/* 0, or InvalidAddress: the place is not aligned. */
int memory_place_check_alignment(const MemoryPlace *place, const char *what, size_t alignment, Error *error);
/* The bytes there, through the kind of the memory, which maps nothing. Short memory is an error. */
int memory_place_read(MemoryPlace *place, void *data, size_t size, Error *error);
int memory_place_write(MemoryPlace *place, const void *data, size_t size, Error *error);
/* In a worker only: whoever owns the memory may make it smaller, and touching it is then the end of the process
 * (SIGBUS). What was mapped stays until memory_place_free(); a second call
 * gives the same address. */
int memory_place_map(MemoryPlace *place, size_t size, void **ret, Error *error);
