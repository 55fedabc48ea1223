/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names of POSIX objects: one slash in front and no other. What shm-posix, sem-posix and mq-posix share: the rule, a
 * name of one's own for a link of a test, and the removal of what a killed test left. */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "error.h"
#include "record.h"

enum {
        POSIX_NAME_SIZE = NAME_MAX + 2, /* the slash, the name, the final NUL */
        POSIX_NAMES_PER_RUN = 64,       /* how many objects of one kind one test has at a time */
};

#define POSIX_SHM_DIRECTORY "/dev/shm"

/* `name` with its slash; `longest` counts what stands behind it. `code` is INVALID_OPTION for what create() got and
 * INVALID_ADDRESS for what open() got. */
int posix_name_check(const char *kind, const char *name, size_t longest, ErrorCode code, Error *error);
/* The option "name"; a slash in front that was left out is added. */
int posix_name_from_options(
        const char *kind, const Record *options, size_t longest, char ret_name[POSIX_NAME_SIZE], Error *error);

/* Is this the path of an entry of /dev/shm itself, as shm_open(3) and sem_open(3) make them? What lies in a folder
 * there is a file like any other. */
bool posix_shm_is_entry(const char *path);
/* Why something was not made, or not filled, in /dev/shm; `doing` as in "make the POSIX semaphore". */
int posix_shm_failed(int number, const char *doing, const char *name, Error *error);

/* Is this what the processes of the run with this token name their objects? `name` without its slash. */
bool posix_name_is_of_run(const char *name, const char *token);
/* "/ipcbus-<token>-<i>" */
int posix_name_of_run(const char *token, unsigned i, char *ret_name, size_t size);
/* Makes an object with the first such name that is free: make() is called with a name until it gives something else
 * than -EEXIST. */
int posix_name_claim(const char *token, char *ret_name, size_t size,
        int (*make)(const char *name, void *userdata, Error *error), void *userdata, Error *error);
/* Removes what stands in /dev/shm as <prefix>ipcbus-<token>-… */
void posix_shm_sweep(const char *prefix, const char *token);
/* Makes the file `path` of `size` bytes, in /dev/shm, with these bytes at its beginning; it has all of them, and its
 * mode, when the name appears. Exists where there is one; `noun` and `name` are for the errors. */
int posix_shm_publish(const char *noun, const char *name, const char *path, const void *bytes, size_t n, uint64_t size,
        mode_t mode, struct stat *ret_st, Error *error);
/* For watch_directory() of what lies in /dev/shm. */
int posix_shm_open_directory(void);
/* For entry_address(): "KIND:/" and the entry's name. */
int posix_entry_address(const char *kind, const char *name, char **ret_address);
