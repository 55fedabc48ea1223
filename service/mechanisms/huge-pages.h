/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Huge pages (hugetlbpage.rst): which sizes the machine has, and how many of them there are to be had. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "error.h"

enum { HUGE_SIZES_MAX = 8 };

/* Sizes in bytes, in no order; how many there are. */
size_t huge_pages_sizes(uint64_t ret_sizes[HUGE_SIZES_MAX]);
/* The logarithm that memfd_create(2) and shmget(2) take for the size of a page; InvalidOption, or NotSupported with
 * the sizes that there are. */
int huge_pages_shift(uint64_t size, int *ret_shift, Error *error);
/* How many of that size there are, and are free: what is reserved, and what the kernel may make beyond that. */
void huge_pages_count(uint64_t size, uint64_t *ret_reserved, uint64_t *ret_free, uint64_t *ret_more);
