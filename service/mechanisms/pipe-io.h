/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What pipes and FIFOs share: they are one thing to the kernel (pipe(7)) and differ only in having a name.
 *
 * The service's own descriptors are non-blocking. O_NONBLOCK belongs to the open file description, which dup(2) and
 * passing over a socket share, and a program that is given an end expects one that blocks; so an end is handed out as
 * a description of its own, opened again through /proc/self/fd. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "record.h"

enum { PIPE_RECEIVE_DEFAULT = 64 * 1024 };

/* Opens what `fd` refers to once more, with `flags` (access mode, O_NONBLOCK, O_DIRECT for packets). */
int pipe_reopen(int fd, int flags, int *ret_fd, Error *error);
/* Of the file system of nameless pipes: FIFOs are S_ISFIFO too, but of other file systems. */
bool pipe_is_unnamed(int fd);
/* Errors name the limit. *ret_capacity is what the kernel made of it. */
int pipe_set_capacity(int fd, uint64_t capacity, uint64_t *ret_capacity, Error *error);

/* `fd` is non-blocking. -EAGAIN without an Error: full, or nothing there. */
int pipe_send(int fd, const void *data, size_t size, size_t *ret_sent, Error *error);
int pipe_receive(int fd, bool peek, size_t size, void **ret_data, size_t *ret_size, Error *error);

/* Adds "capacity" and "queued" (also as "size" and "used"), of either end. */
void pipe_describe(int fd, Record *attributes);
/* The limits of pipes, for probe(). */
void pipe_limits(Record *facts);
