/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The kind mmap: a regular file that processes map (mmap(2)), on a disk or on a tmpfs.
 *
 * An object keeps no descriptor: every operation opens the path again, follows no symbolic link at its end, and
 * compares device, inode and time of birth with what was opened first, so that a file that was put in its place is
 * noticed. The file is never mapped here, only read and written. Somebody's data is in it: create() makes a new file
 * and nothing else, only resize() changes a size, and only remove() takes the name away.
 *
 * A disk may take its time, and a file system that is far away may never answer, so all that opens the file is done in
 * a worker. */
#include "mmap.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "checks.h"
#include "cleanup.h"
#include "file-system.h"
#include "kind-helpers.h"
#include "kinds.h"
#include "limit-facts.h"
#include "memory-file.h"
#include "mq-posix.h"
#include "path-object.h"
#include "posix-name.h"
#include "scan.h"
#include "trait-tables.h"
#include "units.h"

#define KIND "mmap"
#define NOUN "regular file"

static int mmap_probe(Record *facts, Error *error) {
        struct rlimit limit;

        limit_append(facts, "PAGE_SIZE", (uint64_t)sysconf(_SC_PAGESIZE), "bytes of a page", "sysconf(_SC_PAGESIZE)");
        (void)limit_append_file(facts, "max_map_count", "mappings of a process", "/proc/sys/vm/max_map_count");
        if (getrlimit(RLIMIT_FSIZE, &limit) >= 0)
                limit_append_bounded(facts, "RLIMIT_FSIZE",
                        limit.rlim_cur == RLIM_INFINITY ? UINT64_MAX : limit.rlim_cur, "bytes of a file",
                        "RLIMIT_FSIZE");
        if (getrlimit(RLIMIT_AS, &limit) >= 0)
                limit_append_bounded(facts, "RLIMIT_AS", limit.rlim_cur == RLIM_INFINITY ? UINT64_MAX : limit.rlim_cur,
                        "bytes of address space", "RLIMIT_AS");
        return 0;
}

/* A symbolic link is not followed: what is removed, resized or compared has to be what was named. */
static int refuse_link(const char *path, Error *error) {
        char target[PATH_MAX];
        ssize_t n = readlink(path, target, sizeof target - 1);

        target[n < 0 ? 0 : n] = '\0';
        return error_set(error, ERROR_NO_SUCH_OBJECT,
                "%.150s is a symbolic link, to %.150s; a mapped file is named by its own path, and links are not "
                "followed.",
                path, target);
}

static int mmap_pin(const char *path, int *ret_fd, struct stat *ret_st, Error *error) {
        struct stat st;

        if (lstat(path, &st) >= 0 && S_ISLNK(st.st_mode))
                return refuse_link(path, error);
        return path_pin(path, S_IFREG, NOUN, ret_fd, ret_st, error);
}

static int mmap_open_failed(const char *path, int number, int flags, Error *error) {
        if (number == ELOOP)
                return refuse_link(path, error);
        if (number == ENOENT || number == ENOTDIR)
                return error_set(error, ERROR_NO_SUCH_OBJECT, "There is no file %.300s any more.", path);
        if (number == ENXIO)
                return error_set(error, ERROR_NO_SUCH_OBJECT, "%.300s is no regular file any more.", path);
        if (number == EAGAIN)
                return memory_file_leased(path, error);
        if (number == ETXTBSY)
                return error_set(error, ERROR_BUSY, "%.300s is a program that runs; nobody may write to it.", path);
        return error_set_errno(error, number, "Cannot open %.300s for %s", path,
                (flags & O_ACCMODE) == O_RDONLY ? "reading" : "writing");
}

/* Opens the path, if it is still the file that the object was made of. */
static int mmap_reopen(const KernelObject *object, int flags, int *ret_fd, MemoryFile *ret, Error *error) {
        const char *path = object->address.text;
        CLEANUP_FD int fd = -EBADF;
        MemoryFile file;
        int r;

        /* O_NONBLOCK: should it be a FIFO by now, this must not wait for its other end. */
        fd = open(path, flags | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        if (fd < 0)
                return mmap_open_failed(path, errno, flags, error);
        r = memory_file_init(&file, fd, path, error);
        if (r < 0)
                return r;
        if (!path_is(object, fd))
                return error_set(
                        error, ERROR_NO_SUCH_OBJECT, "%.300s was replaced by another file of the same name.", path);
        *ret_fd = fd_take(&fd);
        *ret = file;
        return 0;
}

/* The size is set, or the room taken: a file system that is full says so here. */
static int mmap_size_new(int fd, const char *path, uint64_t size, bool allocate, Error *error) {
        char text[UNITS_TEXT_MAX], room[UNITS_TEXT_MAX];
        struct statvfs fs;
        int r;

        if (!allocate)
                r = ftruncate(fd, (off_t)size) < 0 ? errno : 0;
        else
                do
                        r = posix_fallocate(fd, 0, (off_t)size);
                while (r == EINTR);
        if (r == 0)
                return 0;
        if (r == EFBIG)
                return error_set(error, ERROR_LIMIT_EXCEEDED,
                        "%.200s cannot have the size %s: its file system has no files so large, or RLIMIT_FSIZE of "
                        "the service stands in the way (EFBIG).",
                        path, size_print(size, text));
        if (r == ENOSPC && fstatvfs(fd, &fs) >= 0)
                return error_set(error, ERROR_LIMIT_EXCEEDED,
                        "There is no room for the %s of %.200s: %s are free on its file system (ENOSPC).",
                        size_print(size, text), path, size_print((uint64_t)fs.f_bavail * fs.f_frsize, room));
        return error_set_errno(error, r, "Cannot give %.200s the size %s", path, size_print(size, text));
}

static int mmap_make_failed(const char *path, int number, Error *error) {
        if (number == EEXIST)
                return path_exists(path, error);
        if (number == ENOENT || number == ENOTDIR)
                return error_set(error, ERROR_NO_SUCH_OBJECT,
                        "%.300s cannot be made: the folder that it is to stand in does not exist.", path);
        return error_set_errno(error, number, "Cannot make the file %.300s", path);
}

/* A file that has no name yet (O_TMPFILE of open(2)) in the folder of the path: who is killed while the room for it is
 * allocated leaves nothing. -EOPNOTSUPP where the file system has no such thing. */
static int mmap_make_nameless(const char *path, int *ret_fd) {
        CLEANUP_FREE char *folder = strndup(path, (size_t)(strrchr(path, '/') - path) + 1);
        struct stat st;
        int fd;

        if (!folder)
                return -ENOMEM;
        if (lstat(path, &st) >= 0)
                return -EEXIST;
        fd = open(folder, O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
        if (fd >= 0) {
                *ret_fd = fd;
                return 0;
        }
        return errno == EISDIR || errno == EINVAL ? -EOPNOTSUPP : -errno;
}

/* Never over what exists: linkat(2) gives EEXIST. */
static int mmap_name(const char *path, int fd) {
        char link[64];

        (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        return linkat(AT_FDCWD, link, AT_FDCWD, path, AT_SYMLINK_FOLLOW) < 0 ? -errno : 0;
}

/* Nobody else may open it before it has its size; its mode comes after. O_EXCL follows no link either. */
static int mmap_make_named(const char *path, int *ret_fd) {
        int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC, 0600);

        if (fd < 0)
                return -errno;
        *ret_fd = fd;
        return 0;
}

static int mmap_fill_new(int fd, const char *path, const Record *options, Error *error) {
        int r = mmap_size_new(
                fd, path, record_get_u64(options, "size", 0), record_get_bool(options, "allocate", false), error);

        if (r >= 0 && fchmod(fd, (mode_t)record_get_u64(options, "mode", 0600)) < 0)
                r = error_set_errno(error, errno, "Cannot give %.200s its mode", path);
        return r;
}

static int mmap_make(const char *path, const Record *options, int *ret_fd, Error *error) {
        CLEANUP_FD int fd = -EBADF;
        bool nameless;
        int r;

        r = mmap_make_nameless(path, &fd);
        nameless = r >= 0;
        if (r == -EOPNOTSUPP)
                r = mmap_make_named(path, &fd);
        if (r < 0)
                return mmap_make_failed(path, -r, error);
        r = mmap_fill_new(fd, path, options, error);
        if (r >= 0 && nameless) {
                r = mmap_name(path, fd);
                if (r < 0)
                        return mmap_make_failed(path, -r, error);
        }
        if (r < 0) {
                if (!nameless)
                        path_unlink_made(path, fd);
                return r;
        }
        *ret_fd = fd_take(&fd);
        return 0;
}

static int mmap_create(KernelObject *object, const Record *options, Error *error) {
        const char *path = record_get_string(options, "path", NULL);
        uint64_t size = record_get_u64(options, "size", 0);
        CLEANUP_FD int fd = -EBADF;
        struct stat st;
        int r;

        r = path_check(path, PATH_MAX - 1, error);
        if (r < 0)
                return r;
        if (!record_has(options, "size"))
                return memory_size_missing(KIND, error);
        r = memory_size_check(size, error);
        if (r < 0)
                return r;
        r = address_set_path(&object->address, KIND, path);
        if (r < 0)
                return error_set_errno(error, r, "The path %.200s cannot be kept", path);
        r = mmap_make(path, options, &fd, error);
        if (r < 0)
                return r;
        if (fstat(fd, &st) < 0) {
                r = error_set_errno(error, errno, "Cannot look at the file %.200s", path);
                path_unlink_made(path, fd);
                return r;
        }
        path_fill(object, fd, &st);
        object->created = realtime_now();
        object->bytes = size;
        return 0;
}

static int mmap_open_address(KernelObject *object, const Record *options, Error *error) {
        CLEANUP_FD int fd = -EBADF;
        struct stat st;
        int r;

        r = mmap_pin(object->address.text, &fd, &st, error);
        if (r < 0)
                return r;
        path_fill(object, fd, &st);
        return 0;
}

/* A descriptor of a file that has a name here; what lies in /dev/shm is POSIX shared memory. */
static int mmap_from_fd(KernelObject *object, int fd, const Record *options, Error *error) {
        char path[PATH_MAX];
        struct stat st;
        int r;

        if (mq_posix_is_queue(fd))
                return -EMEDIUMTYPE;
        r = memory_file_path(fd, path, &st);
        if (r < 0)
                return r;
        if (posix_shm_is_entry(path) || strncmp(path, "/memfd:", 7) == 0)
                return -EMEDIUMTYPE;
        r = memory_file_path_check(path, &st, error);
        if (r < 0)
                return r;
        r = address_set_path(&object->address, KIND, path);
        if (r < 0)
                return error_set_errno(error, r, "The path %.200s cannot be kept", path);
        path_fill(object, fd, &st);
        (void)fd_close(fd);
        return 0;
}

static int mmap_identify(const Address *address, char ret_identity[IDENTITY_MAX], Error *error) {
        return path_identify(address, S_IFREG, NOUN, ret_identity, error);
}

static int mmap_remove(KernelObject *object, Error *error) {
        return path_unlink(object->address.text, NOUN, error);
}

static int sync_file(const MemoryFile *file, Error *error) {
        if (!file_system_can_sync(file->fd))
                return error_set(error, ERROR_NOT_SUPPORTED,
                        "There is nothing to sync: %.200s lies on a file system that is in memory alone, and "
                        "everybody "
                        "who shares it sees a write at once. Leave sync out.",
                        file->name);
        /* Of a file that is mapped too: what msync(2) with MS_SYNC does for one mapping, this does for all. */
        if (fdatasync(file->fd) >= 0)
                return 0;
        return error_set_errno(
                error, errno, "%.200s could not be brought to its disk; what was written may be lost", file->name);
}

static int mmap_send(
        KernelObject *object, const void *data, size_t size, const Record *options, size_t *ret_sent, Error *error) {
        CLEANUP_FD int fd = -EBADF;
        MemoryFile file;
        size_t sent = 0;
        int r;

        r = mmap_reopen(object, O_RDWR, &fd, &file, error);
        if (r >= 0)
                r = memory_file_send(&file, data, size, options, &sent, error);
        if (r >= 0 && record_get_bool(options, "sync", false))
                r = sync_file(&file, error);
        if (r < 0)
                return r;
        *ret_sent = sent;
        return 0;
}

static int mmap_receive(KernelObject *object, bool peek, const Record *options, void **ret_data, size_t *ret_size,
        Record *meta, Error *error) {
        CLEANUP_FD int fd = -EBADF;
        MemoryFile file;
        int r;

        r = mmap_reopen(object, O_RDONLY, &fd, &file, error);
        return r < 0 ? r : memory_file_receive(&file, options, ret_data, ret_size, meta, error);
}

static int mmap_open_end(KernelObject *object, const char *end, bool take, int *ret_fd, Error *error) {
        CLEANUP_FD int fd = -EBADF;
        MemoryFile file;
        int access, r;

        /* `take` changes nothing: the object has no descriptor of its own. */
        r = memory_end_access(KIND, end, &access, error);
        if (r >= 0)
                r = mmap_reopen(object, access, &fd, &file, error);
        if (r < 0)
                return r;
        return memory_file_hand_out(&fd, file.name, ret_fd, error);
}

static int mmap_resize(KernelObject *object, uint64_t size, Error *error) {
        CLEANUP_FD int fd = -EBADF;
        MemoryFile file;
        int r;

        r = mmap_reopen(object, O_RDWR, &fd, &file, error);
        if (r >= 0)
                r = memory_file_resize(&file, size, error);
        if (r >= 0)
                object->bytes = size;
        return r;
}

static int mmap_file(const Address *address, char **ret_path, int *ret_want) {
        *ret_path = strdup(address->text);
        *ret_want = R_OK;
        return *ret_path ? 0 : -ENOMEM;
}

static int mmap_describe(KernelObject *object, Record *attributes, Error *error) {
        CLEANUP_FD int fd = -EBADF;
        struct stat st;
        int r;

        r = mmap_pin(object->address.text, &fd, &st, error);
        if (r < 0)
                return r;
        if (!path_is(object, fd))
                return error_set(error, ERROR_NO_SUCH_OBJECT, "%.300s was replaced by another file of the same name.",
                        object->address.text);
        memory_file_describe(&st, attributes);
        file_system_describe(fd, NULL, attributes);
        return record_error(attributes);
}

static int mmap_holder_keys(const KernelObject *object, HolderKey *ret_keys, size_t *n) {
        CLEANUP_FD int fd = -EBADF;
        struct stat st;
        int r;

        r = mmap_pin(object->address.text, &fd, &st, NULL);
        if (r < 0)
                return r;
        return path_is(object, fd) ? holder_key_from_stat(&st, ret_keys, n) : -ESTALE;
}

static const OptionSpec mmap_options[] = {
        { "path", OPTION_STRING, OPTION_FOR_CREATE, NULL, 0, 0, "where the new file is to stand, an absolute path" },
        { "size", OPTION_SIZE, OPTION_FOR_CREATE, NULL, 0, 0, "bytes; their blocks come with the first write" },
        { "mode", OPTION_MODE, OPTION_FOR_CREATE, "0600", 0, 0777, "permission bits, whatever the umask is" },
        { "allocate", OPTION_BOOL, OPTION_FOR_CREATE, "false", 0, 0,
                "take all blocks now, so that a full disk is no SIGBUS later" },
        MEMORY_FILE_OPTIONS,
        {},
};

const Mechanism mechanism_mmap = {
        .kind = KIND,
        .title = "memory-mapped file",
        .family = "shared memory",
        .capabilities = CAPABILITY_MEMORY,
        .address_forms = 1u << ADDRESS_PATH,
        .facts = {
                .direction = "full-duplex",
                .full_duplex = true,
                .bidirectional = true,
                .order = "none: memory is a place and no queue; who shares it has to synchronise",
                .persistence = "until removed; on a disk also after the machine stops",
                .unrelated = true,
                .carries_data = true,
                .source = "mmap(2)",
        },
        .ends = memory_ends,
        .options = mmap_options,
        .in_worker = 1u << OPERATION_CREATE | 1u << OPERATION_ADOPT | 1u << OPERATION_SEND | 1u << OPERATION_RECEIVE |
                     1u << OPERATION_PEEK | 1u << OPERATION_RESIZE | 1u << OPERATION_OPEN_END,
        .reasons = {
                MEMORY_REASONS,
                [OPERATION_SEAL] = "A file that has a name cannot be sealed: the kernel takes seals only on what "
                                   "memfd_create(2) made. Use memfd.",
        },
        .probe = mmap_probe,
        .create = mmap_create,
        .open = mmap_open_address,
        .from_fd = mmap_from_fd,
        .remove = mmap_remove,
        .identify = mmap_identify,
        .send = mmap_send,
        .receive = mmap_receive,
        .open_end = mmap_open_end,
        .resize = mmap_resize,
        .file = mmap_file,
        .describe = mmap_describe,
        .scan = mmap_scan,
        .holder_keys = mmap_holder_keys,
        .transport = &mmap_transport,
        .example = "path=/tmp/example size=1M",
        .traits = mmap_traits,
        .checks = mmap_checks,
        .gaps = mmap_gaps,
};
