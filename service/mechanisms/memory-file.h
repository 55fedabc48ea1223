/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Memory that is a file of some file system (shm-posix, memfd, mmap), read and written through a descriptor and never
 * mapped: whoever owns the file may truncate it, and where a mapping would then end in SIGBUS, pread(2) and pwrite(2)
 * say so. */
#pragma once

#include <limits.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "mechanism.h"

/* What one message on the bus may carry. */
#define MEMORY_MESSAGE_MAX (UINT64_C(16) * 1024 * 1024)

/* The options of reading and writing, for the table of a kind. */
#define MEMORY_FILE_OPTIONS                                                                                   \
        { "size", OPTION_SIZE, OPTION_FOR_RECEIVE | OPTION_FOR_PEEK, "16M", 0, 0, "the most bytes to read" }, \
                { "offset", OPTION_SIZE, OPTION_FOR_SEND | OPTION_FOR_RECEIVE | OPTION_FOR_PEEK, "0", 0, 0,   \
                        "where in the memory to write or read" },                                             \
        {                                                                                                     \
                "sync", OPTION_BOOL, OPTION_FOR_SEND, "false", 0, 0,                                          \
                        "answer when it is on the disk (fdatasync); only where there is one"                  \
        }

/* What no memory can do, for the reasons of a kind. */
#define MEMORY_REASONS                                                                                \
        [OPERATION_POST] = "Shared memory has no counter; use a semaphore beside it.",                \
        [OPERATION_WAIT] = "Nobody can wait for shared memory to change; use a semaphore beside it.", \
        [OPERATION_ACCEPT] = "Shared memory has no connections.",                                     \
        [OPERATION_LISTEN] = "Shared memory receives no signals.",                                    \
        [OPERATION_WATCH] = "The kernel tells nobody when shared memory is written."

/* An open memory file, for one operation. `name` is how people call it. Owns nothing. */
typedef struct MemoryFile {
        int fd;
        const char *name;
        struct stat st;
} MemoryFile;

/* fstat(2). */
int memory_file_init(MemoryFile *file, int fd, const char *name, Error *error);
/* Writes at the option "offset", all or nothing where the file system can promise the room, and never past the end. */
int memory_file_send(
        const MemoryFile *file, const void *data, size_t size, const Record *options, size_t *ret_sent, Error *error);
/* Reads "size" bytes at "offset"; fewer only at the end, and where nothing is there at all it is an error that says
 * where the end is. Meta: "offset", and "truncated" where there is more behind. */
int memory_file_receive(
        const MemoryFile *file, const Record *options, void **ret_data, size_t *ret_size, Record *meta, Error *error);
/* ftruncate(2), with what may stand in its way in words. */
int memory_file_resize(const MemoryFile *file, uint64_t size, Error *error);
/* size, allocated, sparse. */
void memory_file_describe(const struct stat *st, Record *attributes);

/* The path of a descriptor of a regular file, as /proc has it; -EMEDIUMTYPE of what else. */
int memory_file_path(int fd, char ret_path[PATH_MAX], struct stat *ret_st);
/* NotSupported where that file does not stand at the path. */
int memory_file_path_check(const char *path, const struct stat *st, Error *error);
/* The same file again, with other access and an offset of its own. -EAGAIN: a process has a lease on it. */
int memory_file_reopen(int fd, int flags, int *ret_fd);
/* A file is opened with O_NONBLOCK here, which is taken off before its descriptor goes to somebody else. */
int memory_file_hand_out(int *fd, const char *name, int *ret_fd, Error *error);
/* Busy: what open(2) with O_NONBLOCK means with EAGAIN. */
int memory_file_leased(const char *name, Error *error);
/* For all memory, files or not: does what is to be written fit before `end` (`advice`: what to do if not), and how
 * much is to be read: what was asked for, else all that one message can carry. */
int memory_check_write(const char *name, uint64_t end, uint64_t offset, size_t size, const char *advice, Error *error);
int memory_check_read(const char *name, uint64_t end, const Record *options, uint64_t *ret_want, Error *error);
/* InvalidOption: what is made has to be told its size. */
int memory_size_missing(const char *kind, Error *error);
/* LimitExceeded where 0 < size <= INT64_MAX does not hold. */
int memory_size_check(uint64_t size, Error *error);
/* For memory that is on no disk: NotSupported where the option "sync" was given. */
int memory_sync_refused(const Record *options, const char *what, Error *error);

/* The ends of all memory files: "read-write", and "read". */
extern const char *const memory_ends[];
/* O_RDWR or O_RDONLY; "" is the first, and "memory" another word for it. */
int memory_end_access(const char *kind, const char *end, int *ret_access, Error *error);
