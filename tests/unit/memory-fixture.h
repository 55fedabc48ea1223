/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reading and writing memory at offsets, for tests of kinds that are memory. */
#pragma once

#include <glib.h>

#include "mechanism.h"

/* As the service does it, with the option "offset"; "size" where it is not 0. Negative errno with the Error. */
int memory_write(KernelObject *object, const char *text, uint64_t offset, Error *error);
int memory_read(KernelObject *object, uint64_t offset, uint64_t size, char **ret_text, Record *meta, Error *error);
void memory_assert_reads(KernelObject *object, uint64_t offset, const char *text);
uint64_t memory_attribute(KernelObject *object, const char *name);
/* Words and offsets that are refused, what is far beyond 4 GiB, and what grows and is cut off; of an object of 8192
 * bytes that may have any size. */
void memory_assert_offsets(KernelObject *object);
void memory_assert_far(KernelObject *object);
void memory_assert_resizes(KernelObject *object);
/* Somebody with a lease on the file (fcntl(2), F_SETLEASE) holds nobody up: what would wait for it is Busy. */
void memory_assert_leased(KernelObject *object, const char *path);
