/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sizes, times and modes as people type and read them (CLI.md): sizes take K, M, G, T (1024-based), times take us,
 * ms, s, m, h, d and a bare number is seconds, modes are octal. Overflow and rubbish behind the number are errors. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define USEC_PER_MSEC UINT64_C(1000)
#define USEC_PER_SEC  UINT64_C(1000000)
#define USEC_INFINITY UINT64_MAX
#define NSEC_PER_USEC UINT64_C(1000)
#define NSEC_PER_SEC  UINT64_C(1000000000)

enum { UNITS_TEXT_MAX = 32 };

/* All return 0, -EINVAL (not of the form) or -ERANGE (too large). */
int size_parse(const char *text, uint64_t *ret_bytes);
/* Also "infinity", which is USEC_INFINITY. Fractions are allowed: 0.5s. */
int time_parse(const char *text, uint64_t *ret_usec);
int mode_parse(const char *text, mode_t *ret_mode);
int number_parse(const char *text, uint64_t *ret); /* decimal or 0x… */
int integer_parse(const char *text, int64_t *ret);
int bool_parse(const char *text, int *ret); /* true yes on 1, false no off 0 */

/* For tables: "56 K", "2.0 G", "3 d", "120 us". Fills and returns the buffer. */
const char *size_print(uint64_t bytes, char buffer[UNITS_TEXT_MAX]);
const char *time_print(uint64_t usec, char buffer[UNITS_TEXT_MAX]);
