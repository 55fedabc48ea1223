/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reading, writing and resizing memory files, and the words for what may go wrong. Nothing is kept here. */
#include "memory-file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "cleanup.h"
#include "memory-seals.h"
#include "units.h"

int memory_file_init(MemoryFile *file, int fd, const char *name, Error *error) {
        struct stat st;

        if (fstat(fd, &st) < 0)
                return error_set_errno(error, errno, "Cannot look at %.200s", name);
        *file = (MemoryFile){ .fd = fd, .name = name, .st = st };
        return 0;
}

int memory_size_missing(const char *kind, Error *error) {
        return error_set(error, ERROR_INVALID_OPTION, "%s needs the option size, for example size=1M.", kind);
}

int memory_size_check(uint64_t size, Error *error) {
        if (size == 0)
                return error_set(error, ERROR_INVALID_OPTION,
                        "The size 0 makes no memory; give the bytes that are wanted, for example size=1M.");
        if (size > INT64_MAX)
                return error_set(error, ERROR_LIMIT_EXCEEDED,
                        "The size %" PRIu64 " is more than any file can have, which is 2^63-1 bytes.", size);
        return 0;
}

/* A file system that is full says ENOSPC, one with a quota EDQUOT, and a limit of the process EFBIG (setrlimit(2)). */
static int write_failed(const MemoryFile *file, int number, size_t size, size_t done, Error *error) {
        char room[UNITS_TEXT_MAX], all[UNITS_TEXT_MAX];
        struct statfs fs;

        if (number == EPERM && memory_sealed(file->fd, MEMORY_SEAL_ANY_WRITE))
                return error_set(error, ERROR_NOT_PERMITTED,
                        "%.200s is sealed against writing (fcntl(2), F_ADD_SEALS), and a seal cannot be taken off.",
                        file->name);
        if (number == ENOSPC && fstatfs(file->fd, &fs) >= 0)
                return error_set(error, ERROR_LIMIT_EXCEEDED,
                        "There is no room for %zu bytes of %.200s: of the %s of its file system %s are free. "
                        "%zu bytes were written (ENOSPC).",
                        size, file->name, size_print((uint64_t)fs.f_blocks * (uint64_t)fs.f_bsize, all),
                        size_print((uint64_t)fs.f_bavail * (uint64_t)fs.f_bsize, room), done);
        if (number == EFBIG)
                return error_set(error, ERROR_LIMIT_EXCEEDED,
                        "%.200s cannot be written that far: its file system has no files of such a size, or "
                        "RLIMIT_FSIZE of the service stands in the way (EFBIG).",
                        file->name);
        return error_set_errno(error, number, "Writing into %.200s stopped after %zu bytes", file->name, done);
}

int memory_check_write(
        const char *name, uint64_t end, uint64_t offset, size_t size, const char *advice, Error *error) {
        if (offset <= end && size <= end - offset)
                return 0;
        return error_set(error, ERROR_INVALID_OPTION,
                "%zu bytes at offset %" PRIu64 " do not fit into %.200s, which ends at %" PRIu64 "; %s.", size, offset,
                name, end, advice);
}

int memory_file_send(
        const MemoryFile *file, const void *data, size_t size, const Record *options, size_t *ret_sent, Error *error) {
        uint64_t offset = record_get_u64(options, "offset", 0);
        size_t done = 0;
        int r;

        r = memory_check_write(file->name, (uint64_t)file->st.st_size, offset, size,
                "writing never makes it larger, resize it first", error);
        if (r < 0)
                return r;
        if (size > 0 && memory_sealed(file->fd, MEMORY_SEAL_ANY_WRITE))
                return write_failed(file, EPERM, size, 0, error);
        /* Takes all blocks before the first byte is written, so that what is full leaves the memory as it was. Where
         * the file system has no such call, writing tells. */
        if (size > 0 && fallocate(file->fd, FALLOC_FL_KEEP_SIZE, (off_t)offset, (off_t)size) < 0 &&
                errno != EOPNOTSUPP && errno != ENOSYS && errno != EPERM)
                return write_failed(file, errno, size, 0, error);
        while (done < size) {
                ssize_t n = pwrite(file->fd, (const char *)data + done, size - done, (off_t)(offset + done));

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return write_failed(file, n < 0 ? errno : EIO, size, done, error);
                done += (size_t)n;
        }
        *ret_sent = done;
        return 0;
}

int memory_check_read(const char *name, uint64_t end, const Record *options, uint64_t *ret_want, Error *error) {
        uint64_t offset = record_get_u64(options, "offset", 0),
                 want = record_get_u64(options, "size", MEMORY_MESSAGE_MAX);
        bool asked = offset > 0 || record_has(options, "size");

        if (want > MEMORY_MESSAGE_MAX)
                return error_set(error, ERROR_LIMIT_EXCEEDED,
                        "One message carries 16 MiB at the most, not %" PRIu64
                        " bytes; read in parts with offset, or map the memory.",
                        want);
        if (offset > end || (offset == end && want > 0 && asked))
                return error_set(error, ERROR_INVALID_OPTION,
                        "Nothing can be read at offset %" PRIu64 " of %.200s: it ends at %" PRIu64 ".", offset, name,
                        end);
        *ret_want = want < end - offset ? want : end - offset;
        return 0;
}

int memory_file_receive(
        const MemoryFile *file, const Record *options, void **ret_data, size_t *ret_size, Record *meta, Error *error) {
        uint64_t offset = record_get_u64(options, "offset", 0), want = 0;
        CLEANUP_FREE char *data = NULL;
        size_t done = 0;
        int r;

        r = memory_check_read(file->name, (uint64_t)file->st.st_size, options, &want, error);
        if (r < 0)
                return r;
        data = malloc(want > 0 ? want : 1);
        if (!data)
                return error_set_errno(error, ENOMEM, "Cannot read %" PRIu64 " bytes", want);
        while (done < want) {
                ssize_t n = pread(file->fd, data + done, want - done, (off_t)(offset + done));

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return error_set_errno(error, errno, "Cannot read %.200s", file->name);
                /* A mapping would give SIGBUS here (mmap(2)). */
                if (n == 0)
                        return error_set(error, ERROR_FAILED,
                                "%.200s was cut off while it was read: it ends at %" PRIu64 " now.", file->name,
                                offset + done);
                done += (size_t)n;
        }
        record_set_u64(meta, "offset", offset);
        if (done < (uint64_t)file->st.st_size - offset)
                record_set_bool(meta, "truncated", true);
        *ret_data = TAKE_POINTER(data);
        *ret_size = done;
        return 0;
}

int memory_file_resize(const MemoryFile *file, uint64_t size, Error *error) {
        bool grows = size > (uint64_t)file->st.st_size;
        char text[UNITS_TEXT_MAX];
        int r;

        r = memory_size_check(size, error);
        if (r < 0)
                return r;
        if (ftruncate(file->fd, (off_t)size) >= 0)
                return 0;
        if (errno == EPERM && memory_sealed(file->fd, grows ? F_SEAL_GROW : F_SEAL_SHRINK))
                return error_set(error, ERROR_NOT_PERMITTED,
                        "%.200s is sealed against %s (fcntl(2), %s), and a seal cannot be taken off.", file->name,
                        grows ? "growing" : "shrinking", grows ? "F_SEAL_GROW" : "F_SEAL_SHRINK");
        if (errno == EFBIG)
                return error_set(error, ERROR_LIMIT_EXCEEDED,
                        "%.200s cannot have the size %s: its file system has no files so large, or RLIMIT_FSIZE of "
                        "the service stands in the way (EFBIG).",
                        file->name, size_print(size, text));
        return error_set_errno(error, errno, "Cannot give %.200s the size %s", file->name, size_print(size, text));
}

void memory_file_describe(const struct stat *st, Record *attributes) {
        uint64_t size = (uint64_t)st->st_size, allocated = (uint64_t)st->st_blocks * 512;

        record_set_u64(attributes, "size", size);
        record_set_u64(attributes, "allocated", allocated);
        record_set_bool(attributes, "sparse", allocated < size);
}

int memory_file_path(int fd, char ret_path[PATH_MAX], struct stat *ret_st) {
        char link[32];
        struct stat st;
        ssize_t n;

        if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
                return -EMEDIUMTYPE;
        (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        n = readlink(link, ret_path, PATH_MAX - 1);
        if (n <= 0 || ret_path[0] != '/')
                return -EMEDIUMTYPE;
        ret_path[n] = '\0';
        *ret_st = st;
        return 0;
}

int memory_file_path_check(const char *path, const struct stat *st, Error *error) {
        struct stat named;

        if (lstat(path, &named) >= 0 && named.st_dev == st->st_dev && named.st_ino == st->st_ino)
                return 0;
        return error_set(error, ERROR_NOT_SUPPORTED,
                "The file of this descriptor has no name any more (it was %.200s), or one that cannot be seen from "
                "here; such memory is used by its name.",
                path);
}

int memory_file_reopen(int fd, int flags, int *ret_fd) {
        char path[32];
        int reopened, r;

        (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        /* O_NONBLOCK: else a lease that somebody has on it would hold the service up (fcntl(2), F_SETLEASE). */
        reopened = open(path, flags | O_NONBLOCK | O_CLOEXEC);
        if (reopened < 0)
                return -errno;
        r = memory_file_hand_out(&reopened, path, ret_fd, NULL);
        (void)fd_close(reopened);
        return r;
}

int memory_file_hand_out(int *fd, const char *name, int *ret_fd, Error *error) {
        int flags = fcntl(*fd, F_GETFL);

        if (flags < 0 || fcntl(*fd, F_SETFL, flags & ~O_NONBLOCK) < 0)
                return error_set_errno(error, errno, "The end of \"%.200s\" cannot be handed out", name);
        *ret_fd = fd_take(fd);
        return 0;
}

int memory_file_leased(const char *name, Error *error) {
        return error_set(error, ERROR_BUSY,
                "%.200s cannot be opened now: a process has a lease on it (fcntl(2), F_SETLEASE), and was just told "
                "to "
                "give it up. Try again; at the latest after the seconds in /proc/sys/fs/lease-break-time it is free.",
                name);
}

int memory_sync_refused(const Record *options, const char *what, Error *error) {
        if (!record_get_bool(options, "sync", false))
                return 0;
        return error_set(error, ERROR_NOT_SUPPORTED,
                "There is nothing to sync: %s lives in memory alone, and everybody who shares it sees a write at "
                "once. "
                "Leave sync out.",
                what);
}

const char *const memory_ends[] = { "read-write", "read", NULL };

int memory_end_access(const char *kind, const char *end, int *ret_access, Error *error) {
        if (end[0] == '\0' || strcmp(end, memory_ends[0]) == 0 || strcmp(end, "memory") == 0)
                *ret_access = O_RDWR;
        else if (strcmp(end, memory_ends[1]) == 0)
                *ret_access = O_RDONLY;
        else
                return error_set(error, ERROR_INVALID_OPTION,
                        "%s has no end \"%.40s\"; its ends are \"read-write\" and \"read\".", kind, end);
        return 0;
}
