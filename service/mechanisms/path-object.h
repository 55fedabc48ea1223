/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Kernel objects that have a place in the file system: FIFOs, sockets and files that are mapped. They are looked at
 * through O_PATH and lstat(2), which open nothing and follow no symbolic link. */
#pragma once

#include <limits.h>
#include <stddef.h>
#include <sys/stat.h>

#include "mechanism.h"

/* Absolute, not empty, at most `max` bytes. Errors: InvalidOption. */
int path_check(const char *path, size_t max, Error *error);
/* Pins what stands at the path, if it is of `type` (S_IFIFO, S_IFSOCK): the descriptor is O_PATH and goes on naming
 * the same inode. `what` is how people call the type. NoSuchObject also says what stands there instead. */
int path_pin(const char *path, mode_t type, const char *what, int *ret_fd, struct stat *ret, Error *error);
/* For identify(): device, inode and birth of what stands at the address now. */
int path_identify(
        const Address *address, mode_t type, const char *what, char ret_identity[IDENTITY_MAX], Error *error);
/* The path that leads to what the descriptor refers to: -ENOENT where none does (any more, or here). */
int path_of_fd(int fd, char ret_path[PATH_MAX]);
/* Fills identity, owner, group, mode and created. */
void path_fill(KernelObject *object, int fd, const struct stat *st);
/* Is what is open (O_PATH will do) still what the object was made of? */
bool path_is(const KernelObject *object, int fd);
/* Exists, with what stands there. */
int path_exists(const char *path, Error *error);
/* Makes the permission bits what was asked for, whatever the umask took off. */
int path_set_mode(int fd, mode_t mode, struct stat *st, Error *error);
/* Takes the name back after a create() that failed, unless something else than what `fd` pins stands there by now. */
void path_unlink_made(const char *path, int fd);
int path_unlink(const char *path, const char *what, Error *error);
const char *path_type_name(mode_t mode); /* "a regular file" */
