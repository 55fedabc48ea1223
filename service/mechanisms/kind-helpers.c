/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Small things that kinds whose objects are files do alike. Owns nothing. */
#include "kind-helpers.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "address.h"
#include "cleanup.h"
#include "limit-facts.h"
#include "scan.h"
#include "units.h"

void identity_from_stat(const struct stat *st, char ret_identity[IDENTITY_MAX]) {
        snprintf(ret_identity, IDENTITY_MAX, "%u.%u:%" PRIu64, major(st->st_dev), minor(st->st_dev),
                (uint64_t)st->st_ino);
}

bool identity_matches_stat(const char *identity, const struct stat *st) {
        char now[IDENTITY_MAX];

        identity_from_stat(st, now);
        return strcmp(identity, now) == 0;
}

void kernel_object_from_stat(KernelObject *object, const struct stat *st) {
        object->owner = st->st_uid;
        object->group = st->st_gid;
        object->mode = st->st_mode & 07777;
        identity_from_stat(st, object->identity);
}

uint64_t birth_of_file(int directory, const char *path) {
        struct statx st;

        if (statx(directory, path, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH, STATX_BTIME, &st) < 0 ||
                !(st.stx_mask & STATX_BTIME))
                return 0;
        return (uint64_t)st.stx_btime.tv_sec * USEC_PER_SEC + st.stx_btime.tv_nsec / NSEC_PER_USEC;
}

uint64_t realtime_now(void) {
        struct timespec now;

        clock_gettime(CLOCK_REALTIME, &now);
        return (uint64_t)now.tv_sec * USEC_PER_SEC + (uint64_t)now.tv_nsec / NSEC_PER_USEC;
}

void limit_append_bounded(Record *facts, const char *name, uint64_t value, const char *unit, const char *source) {
        Record *item;

        if (value != UINT64_MAX) {
                limit_append(facts, name, value, unit, source);
                return;
        }
        if (record_new(&item) < 0)
                return;
        record_set_string(item, "name", name);
        record_set_string(item, "value", "unlimited");
        record_set_string(item, "unit", unit);
        record_set_string(item, "source", source);
        record_append_record(facts, "limits", item);
}

int single_end_check(const KernelObject *object, const char *end, Error *error) {
        const char *only = object->mechanism->ends[0];

        if (end[0] == '\0' || strcmp(end, only) == 0)
                return 0;
        return error_set(error, ERROR_INVALID_OPTION, "%s has no end \"%.40s\"; its only one is \"%s\".",
                object->mechanism->kind, end, only);
}

int scan_row_new(const char *kind, const char *path, const struct stat *st, Record **ret) {
        CLEANUP(record_freep) Record *row = NULL;
        CLEANUP(address_done) Address address = ADDRESS_EMPTY;
        CLEANUP_FREE char *text = NULL;
        int r;

        r = record_new(&row);
        if (r < 0)
                return r;
        r = address_set_path(&address, kind, path);
        if (r < 0)
                return r;
        text = address_print(&address);
        if (!text)
                return -ENOMEM;
        record_set_string(row, "kind", kind);
        record_set_string(row, "address", text);
        record_set_u64(row, "uid", st->st_uid);
        record_set_u64(row, "gid", st->st_gid);
        record_set_u64(row, "mode", st->st_mode & 07777);
        *ret = TAKE_POINTER(row);
        return 0;
}

int scan_row_done(Scan *scan, Record *row, const struct stat *st) {
        HolderKey key;
        size_t n = 1;
        int r;

        if (scan->table) {
                holder_key_from_stat(st, &key, &n);
                r = holders_append(scan->table, &key, n, row);
                if (r < 0) {
                        record_free(row);
                        return r;
                }
        }
        return scan->row(scan, row);
}

int scan_reason(Scan *scan, const char *kind, const char *format, ...) {
        char reason[ERROR_MESSAGE_MAX];
        va_list arguments;
        Record *row;
        int r;

        va_start(arguments, format);
        vsnprintf(reason, sizeof(reason), format, arguments);
        va_end(arguments);
        r = record_new(&row);
        if (r < 0)
                return r;
        record_set_string(row, "kind", kind);
        record_set_string(row, "reason", reason);
        return scan->row(scan, row);
}

int holder_key_from_stat(const struct stat *st, HolderKey *ret_keys, size_t *n) {
        if (*n < 1)
                return -ENOBUFS;
        ret_keys[0] = (HolderKey){ .type = HOLDER_FILE, .device = st->st_dev, .number = st->st_ino };
        *n = 1;
        return 0;
}
