/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Small things that kinds whose objects are files of some file system do alike: identity, rows of a scan, limits. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "mechanism.h"
#include "record.h"

typedef struct Scan Scan;
typedef struct HolderKey HolderKey;

/* From fstat(2): owner, group, mode and identity ("device:inode"). */
void kernel_object_from_stat(KernelObject *object, const struct stat *st);
void identity_from_stat(const struct stat *st, char ret_identity[IDENTITY_MAX]);
bool identity_matches_stat(const char *identity, const struct stat *st);
/* When the file was made, in microseconds since the epoch; 0 where the file system does not keep it. */
uint64_t birth_of_file(int directory, const char *path);
/* Now, in microseconds since the epoch. */
uint64_t realtime_now(void);

/* As limit_append(), where UINT64_MAX says that there is no limit. */
void limit_append_bounded(Record *facts, const char *name, uint64_t value, const char *unit, const char *source);
/* For kinds with one end: "" and its name, else InvalidOption. */
int single_end_check(const KernelObject *object, const char *end, Error *error);

/* A row of a scan for what has a path or a POSIX name; `st` gives owner and mode. */
int scan_row_new(const char *kind, const char *path, const struct stat *st, Record **ret);
/* Adds who holds the file, where the scan wants that, and hands the row over. */
int scan_row_done(Scan *scan, Record *row, const struct stat *st);
/* The row that says why a kind cannot be listed here. */
int scan_reason(Scan *scan, const char *kind, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* The one key of an object that is a file. */
int holder_key_from_stat(const struct stat *st, HolderKey *ret_keys, size_t *n);
