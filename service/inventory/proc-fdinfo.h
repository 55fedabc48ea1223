/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What /proc/PID/fdinfo tells of a descriptor: lines "name: number", proc(5). */
#pragma once

#include <stdint.h>

/* The number behind `name` ("eventfd-id:") in the file that is called `prefix` and the descriptor's number, relative
 * to a directory. -ENODATA: it has no such line. */
int fdinfo_number(int directory, const char *prefix, int fd, const char *name, uint64_t *ret);
