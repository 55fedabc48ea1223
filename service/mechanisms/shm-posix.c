/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The kind shm-posix: POSIX shared memory, which on Linux is a file in the tmpfs at /dev/shm (shm_overview(7)).
 *
 * An object keeps no descriptor: every operation opens the name again and compares device and inode with what was
 * opened first, so that ten thousand objects cost no descriptors and a name that was taken over is noticed. Nothing is
 * mapped here, only read and written: whoever owns the file may truncate it, and a mapping would then end in SIGBUS.
 * Memory is sparse: create and resize only set the size, pages come with the first write. */
#include "posix-name.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "checks.h"
#include "cleanup.h"
#include "kind-helpers.h"
#include "kinds.h"
#include "limit-facts.h"
#include "memory-file.h"
#include "posix-transports.h"
#include "scan.h"
#include "trait-tables.h"
#include "units.h"

#define KIND "shm-posix"

static int shm_name_check(const char *name, ErrorCode code, Error *error) {
        int r;

        r = posix_name_check(KIND, name, NAME_MAX, code, error);
        if (r < 0)
                return r;
        /* sem_open(3) of glibc keeps its files in the same folder. */
        if (strncmp(name, "/sem.", 5) == 0)
                return error_set(error, code,
                        "Names that begin with \"sem.\" belong to POSIX semaphores; this one is sem-posix:/%.80s.",
                        name + 5);
        return 0;
}

static void shm_path(const char *name, char ret_path[sizeof(POSIX_SHM_DIRECTORY) + POSIX_NAME_SIZE]) {
        snprintf(ret_path, sizeof(POSIX_SHM_DIRECTORY) + POSIX_NAME_SIZE, POSIX_SHM_DIRECTORY "%s", name);
}

/* What stands at the name, without opening it: that needs no permission on the object. */
static int shm_stat(const char *name, struct stat *ret_st, Error *error) {
        char path[sizeof(POSIX_SHM_DIRECTORY) + POSIX_NAME_SIZE];

        shm_path(name, path);
        if (lstat(path, ret_st) < 0) {
                if (errno == ENOENT)
                        return error_set(
                                error, ERROR_NO_SUCH_OBJECT, "There is no POSIX shared memory named \"%s\".", name);
                return error_set_errno(error, errno, "Cannot look at the POSIX shared memory \"%s\"", name);
        }
        if (!S_ISREG(ret_st->st_mode))
                return error_set(
                        error, ERROR_NO_SUCH_OBJECT, "%s is no regular file, so it is no POSIX shared memory.", path);
        return 0;
}

static int shm_reopen(const KernelObject *object, int flags, int *ret_fd, MemoryFile *ret, Error *error) {
        const char *name = object->address.text;
        CLEANUP_FD int fd = -EBADF;
        MemoryFile file;
        int r;

        /* O_NONBLOCK, which shm_open(3) lets through: should it be a FIFO by now, this must not wait for its other
         * end. */
        fd = shm_open(name, flags | O_NONBLOCK | O_CLOEXEC, 0);
        if (fd < 0 && errno == EAGAIN)
                return memory_file_leased(name, error);
        if (fd < 0 && errno == ENXIO)
                return error_set(error, ERROR_NO_SUCH_OBJECT,
                        "The POSIX shared memory \"%s\" was replaced by something else of the same name.", name);
        if (fd < 0) {
                if (errno == ENOENT)
                        return error_set(error, ERROR_NO_SUCH_OBJECT,
                                "There is no POSIX shared memory named \"%s\" any more.", name);
                return error_set_errno(error, errno, "Cannot open the POSIX shared memory \"%s\" for %s", name,
                        flags == O_RDONLY ? "reading" : "writing");
        }
        r = memory_file_init(&file, fd, name, error);
        if (r < 0)
                return r;
        if (!identity_matches_stat(object->identity, &file.st))
                return error_set(error, ERROR_NO_SUCH_OBJECT,
                        "The POSIX shared memory \"%s\" was replaced by another of the same name.", name);
        *ret = file;
        *ret_fd = fd_take(&fd);
        return 0;
}

static int shm_check_size(uint64_t size, Error *error) {
        char text[UNITS_TEXT_MAX], most_text[UNITS_TEXT_MAX];
        struct statvfs fs;
        uint64_t most = INT64_MAX;
        int r;

        r = memory_size_check(size, error);
        if (r < 0)
                return r;
        /* A tmpfs mounted with size=0 has no bound and says 0 blocks. */
        if (statvfs(POSIX_SHM_DIRECTORY, &fs) >= 0 && fs.f_blocks > 0 && fs.f_blocks < most / fs.f_frsize)
                most = (uint64_t)fs.f_blocks * fs.f_frsize;
        if (size > most)
                return error_set(error, ERROR_LIMIT_EXCEEDED,
                        "The size %s (%" PRIu64 " bytes) is more than the file system at " POSIX_SHM_DIRECTORY
                        " can ever hold, which is %s; ask for less, or mount it with a larger size=.",
                        size_print(size, text), size, size_print(most, most_text));
        return 0;
}

static int shm_probe(Record *facts, Error *error) {
        struct statvfs fs;

        if (access(POSIX_SHM_DIRECTORY, W_OK | X_OK) < 0)
                return error_set(error, ERROR_NOT_SUPPORTED,
                        "POSIX shared memory lives in " POSIX_SHM_DIRECTORY ", which cannot be used here: %s.",
                        strerror(errno));
        if (statvfs(POSIX_SHM_DIRECTORY, &fs) < 0)
                return error_set_errno(error, errno, "Cannot look at " POSIX_SHM_DIRECTORY);
        limit_append_bounded(facts, "/dev/shm size",
                fs.f_blocks > 0 ? (uint64_t)fs.f_blocks * fs.f_frsize : UINT64_MAX, "bytes in all",
                "statvfs(" POSIX_SHM_DIRECTORY ")");
        limit_append_bounded(facts, "/dev/shm free",
                fs.f_blocks > 0 ? (uint64_t)fs.f_bavail * fs.f_frsize : UINT64_MAX, "bytes",
                "statvfs(" POSIX_SHM_DIRECTORY ")");
        limit_append_bounded(facts, "/dev/shm inodes", fs.f_files > 0 ? (uint64_t)fs.f_files : UINT64_MAX, "objects",
                "statvfs(" POSIX_SHM_DIRECTORY ")");
        limit_append(facts, "NAME_MAX", NAME_MAX, "bytes of a name", "shm_open(3)");
        return 0;
}

/* Makes the file; on failure its name is gone again. */
static int shm_make(const char *name, mode_t mode, uint64_t size, struct stat *ret_st, Error *error) {
        CLEANUP_FD int fd = -EBADF;
        char text[UNITS_TEXT_MAX];
        int r;

        /* Nobody else may open it before it has its size; fchmod() then also gets the mode past the umask. */
        fd = shm_open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd < 0) {
                if (errno == EEXIST)
                        return error_set(error, ERROR_EXISTS,
                                "POSIX shared memory named \"%s\" exists already; it is left as it is.", name);
                if (errno == ENOENT || errno == EROFS)
                        return error_set(error, ERROR_NOT_SUPPORTED,
                                "POSIX shared memory lives in " POSIX_SHM_DIRECTORY ", which cannot be used here: %s.",
                                strerror(errno));
                return posix_shm_failed(errno, "make the POSIX shared memory", name, error);
        }
        if (ftruncate(fd, (off_t)size) < 0)
                r = error_set_errno(error, errno, "Cannot give the POSIX shared memory \"%s\" the size %s", name,
                        size_print(size, text));
        else if (fchmod(fd, mode) < 0)
                r = error_set_errno(error, errno, "Cannot give the POSIX shared memory \"%s\" the mode %04o", name,
                        (unsigned)mode);
        else if (fstat(fd, ret_st) < 0)
                r = error_set_errno(error, errno, "Cannot look at the POSIX shared memory \"%s\"", name);
        else
                return 0;
        shm_unlink(name);
        return r;
}

static int shm_create(KernelObject *object, const Record *options, Error *error) {
        uint64_t size = record_get_u64(options, "size", 0);
        mode_t mode = (mode_t)record_get_u64(options, "mode", 0600);
        char name[POSIX_NAME_SIZE];
        struct stat st;
        int r;

        r = posix_name_from_options(KIND, options, NAME_MAX, name, error);
        if (r < 0)
                return r;
        r = shm_name_check(name, ERROR_INVALID_OPTION, error);
        if (r < 0)
                return r;
        if (!record_has(options, "size"))
                return memory_size_missing(KIND, error);
        r = shm_check_size(size, error);
        if (r < 0)
                return r;
        r = address_set_path(&object->address, KIND, name);
        if (r < 0)
                return error_set_errno(error, r, "Cannot keep the name \"%s\"", name);
        r = shm_make(name, mode, size, &st, error);
        if (r < 0)
                return r;
        kernel_object_from_stat(object, &st);
        object->created = realtime_now();
        object->bytes = size;
        return 0;
}

static int shm_open_address(KernelObject *object, const Record *options, Error *error) {
        char path[sizeof(POSIX_SHM_DIRECTORY) + POSIX_NAME_SIZE];
        struct stat st;
        int r;

        r = shm_name_check(object->address.text, ERROR_INVALID_ADDRESS, error);
        if (r < 0)
                return r;
        r = shm_stat(object->address.text, &st, error);
        if (r < 0)
                return r;
        shm_path(object->address.text, path);
        kernel_object_from_stat(object, &st);
        object->created = birth_of_file(AT_FDCWD, path);
        object->bytes = (uint64_t)st.st_size;
        return 0;
}

static int shm_identify(const Address *address, char ret_identity[IDENTITY_MAX], Error *error) {
        struct stat st;
        int r;

        r = shm_stat(address->text, &st, error);
        if (r < 0)
                return r;
        identity_from_stat(&st, ret_identity);
        return 0;
}

static int shm_remove(KernelObject *object, Error *error) {
        if (shm_unlink(object->address.text) >= 0)
                return 0;
        if (errno == ENOENT)
                return error_set(error, ERROR_NO_SUCH_OBJECT, "There is no POSIX shared memory named \"%s\" any more.",
                        object->address.text);
        return error_set_errno(error, errno, "Cannot remove the POSIX shared memory \"%s\"", object->address.text);
}

static int shm_send(
        KernelObject *object, const void *data, size_t size, const Record *options, size_t *ret_sent, Error *error) {
        CLEANUP_FD int fd = -EBADF;
        MemoryFile file;
        int r;

        r = memory_sync_refused(options, "POSIX shared memory", error);
        if (r >= 0)
                r = shm_reopen(object, O_RDWR, &fd, &file, error);
        return r < 0 ? r : memory_file_send(&file, data, size, options, ret_sent, error);
}

static int shm_receive(KernelObject *object, bool peek, const Record *options, void **ret_data, size_t *ret_size,
        Record *meta, Error *error) {
        CLEANUP_FD int fd = -EBADF;
        MemoryFile file;
        int r;

        r = shm_reopen(object, O_RDONLY, &fd, &file, error);
        return r < 0 ? r : memory_file_receive(&file, options, ret_data, ret_size, meta, error);
}

static int shm_open_end(KernelObject *object, const char *end, bool take, int *ret_fd, Error *error) {
        CLEANUP_FD int fd = -EBADF;
        MemoryFile file;
        int access, r;

        /* `take` changes nothing: the object has no descriptor of its own. */
        r = memory_end_access(KIND, end, &access, error);
        if (r < 0)
                return r;
        r = shm_reopen(object, access, &fd, &file, error);
        /* Who did not say which gets what the mode allows. */
        if ((r == -EACCES || r == -EPERM || r == -EROFS) && access == O_RDWR && strcmp(end, memory_ends[0]) != 0) {
                if (error)
                        *error = (Error){};
                r = shm_reopen(object, O_RDONLY, &fd, &file, error);
        }
        if (r < 0)
                return r;
        return memory_file_hand_out(&fd, file.name, ret_fd, error);
}

/* A descriptor of what has a name in /dev/shm, and is no semaphore. */
static int shm_from_fd(KernelObject *object, int fd, const Record *options, Error *error) {
        char path[PATH_MAX];
        struct stat st;
        int r;

        r = memory_file_path(fd, path, &st);
        if (r < 0)
                return r;
        if (!posix_shm_is_entry(path) ||
                strncmp(path, POSIX_SHM_DIRECTORY "/sem.", sizeof POSIX_SHM_DIRECTORY + 4) == 0)
                return -EMEDIUMTYPE;
        r = memory_file_path_check(path, &st, error);
        if (r < 0)
                return r;
        r = address_set_path(&object->address, KIND, path + sizeof POSIX_SHM_DIRECTORY - 1);
        if (r < 0)
                return error_set_errno(error, r, "The name of the POSIX shared memory cannot be kept");
        r = shm_open_address(object, options, error);
        if (r < 0)
                return r;
        (void)fd_close(fd);
        return 0;
}

static int shm_file(const Address *address, char **ret_path, int *ret_want) {
        char path[sizeof(POSIX_SHM_DIRECTORY) + POSIX_NAME_SIZE];

        shm_path(address->text, path);
        *ret_path = strdup(path);
        *ret_want = R_OK;
        return *ret_path ? 0 : -ENOMEM;
}

static int shm_resize(KernelObject *object, uint64_t size, Error *error) {
        CLEANUP_FD int fd = -EBADF;
        MemoryFile file;
        int r;

        r = shm_check_size(size, error);
        if (r >= 0)
                r = shm_reopen(object, O_RDWR, &fd, &file, error);
        if (r >= 0)
                r = memory_file_resize(&file, size, error);
        if (r < 0)
                return r;
        object->bytes = size;
        return 0;
}

static int shm_describe(KernelObject *object, Record *attributes, Error *error) {
        struct stat st;
        int r;

        r = shm_stat(object->address.text, &st, error);
        if (r < 0)
                return r;
        if (!identity_matches_stat(object->identity, &st))
                return error_set(error, ERROR_NO_SUCH_OBJECT,
                        "The POSIX shared memory \"%s\" was replaced by another of the same name.",
                        object->address.text);
        memory_file_describe(&st, attributes);
        return record_error(attributes);
}

static int shm_scan(Scan *scan) {
        DIR *directory = opendir(POSIX_SHM_DIRECTORY);
        struct dirent *entry;
        int r = 0;

        if (!directory)
                return scan_reason(scan, KIND, "%s cannot be read: %s.", POSIX_SHM_DIRECTORY, strerror(errno));
        while (r >= 0 && (entry = readdir(directory))) {
                char name[POSIX_NAME_SIZE];
                struct stat st;
                Record *row;

                if (strncmp(entry->d_name, "sem.", 4) == 0)
                        continue;
                /* What vanished since is no failure of the list. */
                if (fstatat(dirfd(directory), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
                        continue;
                snprintf(name, sizeof(name), "/%s", entry->d_name);
                r = scan_row_new(KIND, name, &st, &row);
                if (r < 0)
                        break;
                record_set_u64(row, "size", (uint64_t)st.st_size);
                record_set_u64(row, "used", (uint64_t)st.st_blocks * 512);
                record_set_u64(row, "created", birth_of_file(dirfd(directory), entry->d_name));
                r = scan_row_done(scan, row, &st);
        }
        closedir(directory);
        return r < 0 ? r : 0;
}

static int shm_holder_keys(const KernelObject *object, HolderKey *ret_keys, size_t *n) {
        struct stat st;
        int r;

        r = shm_stat(object->address.text, &st, NULL);
        if (r < 0)
                return r;
        return identity_matches_stat(object->identity, &st) ? holder_key_from_stat(&st, ret_keys, n) : -ESTALE;
}

static void shm_sweep(const char *token) {
        posix_shm_sweep("", token);
}

static int shm_entry_address(const char *name, char **ret_address) {
        return strncmp(name, "sem.", 4) == 0 ? -EINVAL : posix_entry_address(KIND, name, ret_address);
}

static const OptionSpec shm_options[] = {
        { "name", OPTION_STRING, OPTION_FOR_CREATE, NULL, 0, 0, "the name, as /frames; the slash may be left out" },
        { "size", OPTION_SIZE, OPTION_FOR_CREATE, NULL, 0, 0, "bytes; their pages come with the first write" },
        { "mode", OPTION_MODE, OPTION_FOR_CREATE, "0600", 0, 0777, "permission bits, whatever the umask is" },
        MEMORY_FILE_OPTIONS,
        {},
};

const Mechanism mechanism_shm_posix = {
        .kind = KIND,
        .title = "POSIX shared memory",
        .family = "shared memory",
        .capabilities = CAPABILITY_MEMORY,
        .address_forms = 1u << ADDRESS_PATH,
        .facts = {
                .direction = "full-duplex",
                .full_duplex = true,
                .bidirectional = true,
                .boundaries = false,
                .order = "none: memory is a place and no queue; who shares it has to synchronise",
                .priority = false,
                .persistence = "until removed, or until the machine stops",
                .unrelated = true,
                .carries_data = true,
                .source = "shm_overview(7)",
        },
        .ends = memory_ends,
        .options = shm_options,
        .reasons = {
                MEMORY_REASONS,
                [OPERATION_SEAL] = "POSIX shared memory cannot be sealed: the kernel takes seals only on what "
                                   "memfd_create(2) made to be sealed, and answers EPERM here. Use memfd.",
        },
        .probe = shm_probe,
        .create = shm_create,
        .open = shm_open_address,
        .from_fd = shm_from_fd,
        .remove = shm_remove,
        .identify = shm_identify,
        .send = shm_send,
        .receive = shm_receive,
        .open_end = shm_open_end,
        .resize = shm_resize,
        .file = shm_file,
        .describe = shm_describe,
        .scan = shm_scan,
        .holder_keys = shm_holder_keys,
        .watch_directory = posix_shm_open_directory,
        .entry_address = shm_entry_address,
        .sweep = shm_sweep,
        .transport = &shm_posix_transport,
        .example = "name=/example size=1M",
        .traits = shm_posix_traits,
        .checks = shm_posix_checks,
        .gaps = shm_posix_gaps,
};
