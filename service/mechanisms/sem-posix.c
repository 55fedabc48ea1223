/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The kind sem-posix: named POSIX semaphores, which glibc keeps as files "sem.NAME" in /dev/shm that every user of the
 * semaphore maps (sem_overview(7)).
 *
 * Mapping is what the service must not do: whoever owns the file may truncate it, and touching the mapping would then
 * end the service with SIGBUS. So create() writes the file, value and waiters are read from it, and only post and wait
 * map it, in a worker (sem-posix-use.c). An object keeps no descriptor; device and inode tell whether a name is still
 * the same. */
#include "sem-posix.h"

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
#include <unistd.h>

#include "checks.h"
#include "cleanup.h"
#include "kind-helpers.h"
#include "kinds.h"
#include "limit-facts.h"
#include "memory-place.h"
#include "posix-name.h"
#include "posix-transports.h"
#include "scan.h"
#include "trait-tables.h"

#define KIND   SEM_KIND
#define PREFIX "sem."

/* glibc: NAME_MAX less the prefix (sem_overview(7)). */
#define SEM_NAME_MAX (NAME_MAX - 4)

#define SEM_PATH_SIZE (sizeof(POSIX_SHM_DIRECTORY "/" PREFIX) + POSIX_NAME_SIZE)

static int sem_name_check(const char *name, ErrorCode code, Error *error) {
        return posix_name_check(KIND, name, SEM_NAME_MAX, code, error);
}

static void sem_path(const char *name, char ret_path[SEM_PATH_SIZE]) {
        snprintf(ret_path, SEM_PATH_SIZE, POSIX_SHM_DIRECTORY "/" PREFIX "%s", name + 1);
}

static int sem_check_file(const char *name, const struct stat *st, Error *error) {
        if (S_ISREG(st->st_mode) && (uint64_t)st->st_size >= sizeof(sem_t))
                return 0;
        return error_set(error, ERROR_NO_SUCH_OBJECT,
                "What stands for \"%s\" in " POSIX_SHM_DIRECTORY
                " is no semaphore: a semaphore is a regular file of %zu "
                "bytes.",
                name, sizeof(sem_t));
}

static int sem_stat(const char *name, struct stat *ret_st, Error *error) {
        char path[SEM_PATH_SIZE];

        sem_path(name, path);
        if (lstat(path, ret_st) < 0) {
                if (errno == ENOENT)
                        return error_set(
                                error, ERROR_NO_SUCH_OBJECT, "There is no POSIX semaphore named \"%s\".", name);
                return error_set_errno(error, errno, "Cannot look at the POSIX semaphore \"%s\"", name);
        }
        return sem_check_file(name, ret_st, error);
}

static int sem_reopen(const KernelObject *object, int flags, int *ret_fd, Error *error) {
        const char *name = object->address.text;
        CLEANUP_FD int fd = -EBADF;
        char path[SEM_PATH_SIZE];
        struct stat st;
        int r;

        sem_path(name, path);
        /* O_NONBLOCK: should it be a FIFO by now, this must not wait for its other end. */
        fd = open(path, flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (fd < 0) {
                if (errno == ENOENT)
                        return error_set(error, ERROR_NO_SUCH_OBJECT,
                                "There is no POSIX semaphore named \"%s\" any more.", name);
                return error_set_errno(error, errno, "Cannot open the POSIX semaphore \"%s\"", name);
        }
        if (fstat(fd, &st) < 0)
                return error_set_errno(error, errno, "Cannot look at the POSIX semaphore \"%s\"", name);
        r = sem_check_file(name, &st, error);
        if (r < 0)
                return r;
        if (!identity_matches_stat(object->identity, &st))
                return error_set(error, ERROR_NO_SUCH_OBJECT,
                        "The POSIX semaphore \"%s\" was replaced by another of the same name.", name);
        *ret_fd = fd_take(&fd);
        return 0;
}

static int sem_probe(Record *facts, Error *error) {
        if (access(POSIX_SHM_DIRECTORY, W_OK | X_OK) < 0)
                return error_set(error, ERROR_NOT_SUPPORTED,
                        "POSIX semaphores live in " POSIX_SHM_DIRECTORY ", which cannot be used here: %s.",
                        strerror(errno));
        limit_append(facts, "SEM_VALUE_MAX", SEM_VALUE_MAX, "largest value", "limits.h SEM_VALUE_MAX");
        limit_append(facts, "NAME_MAX-4", SEM_NAME_MAX, "bytes of a name", "sem_overview(7)");
        return 0;
}

/* The same that sem_open(3) of glibc does, without its mapping and past the umask. */
static int sem_make(const char *name, mode_t mode, unsigned value, struct stat *ret_st, Error *error) {
        char path[SEM_PATH_SIZE];
        sem_t fresh;

        memset(&fresh, 0, sizeof(fresh));
        if (sem_init(&fresh, 1, value) < 0)
                return error_set_errno(error, errno, "Cannot make a semaphore with the value %u", value);
        sem_path(name, path);
        return posix_shm_publish(
                "POSIX semaphore", name, path, &fresh, sizeof(fresh), sizeof(fresh), mode, ret_st, error);
}

static int sem_create(KernelObject *object, const Record *options, Error *error) {
        uint64_t value = record_get_u64(options, "value", 0);
        mode_t mode = (mode_t)record_get_u64(options, "mode", 0600);
        char name[POSIX_NAME_SIZE];
        struct stat st;
        int r;

        if (value > SEM_VALUE_MAX)
                return error_set(error, ERROR_INVALID_OPTION,
                        "The value %" PRIu64 " is more than a POSIX semaphore can have, which is %u (SEM_VALUE_MAX).",
                        value, (unsigned)SEM_VALUE_MAX);
        if (record_has(options, "place"))
                return sem_place_create(object, record_get_string(options, "place", ""), options, error);
        r = posix_name_from_options(KIND, options, SEM_NAME_MAX, name, error);
        if (r < 0)
                return r;
        r = address_set_path(&object->address, KIND, name);
        if (r < 0)
                return error_set_errno(error, r, "Cannot keep the name \"%s\"", name);
        r = sem_make(name, mode, (unsigned)value, &st, error);
        if (r < 0)
                return r;
        kernel_object_from_stat(object, &st);
        object->created = realtime_now();
        object->bytes = (uint64_t)sysconf(_SC_PAGESIZE);
        return 0;
}

static int sem_open_address(KernelObject *object, const Record *options, Error *error) {
        char path[SEM_PATH_SIZE];
        struct stat st;
        int r;

        if (sem_is_placed(&object->address))
                return sem_place_open(object, options, error);
        r = sem_name_check(object->address.text, ERROR_INVALID_ADDRESS, error);
        if (r < 0)
                return r;
        r = sem_stat(object->address.text, &st, error);
        if (r < 0)
                return r;
        sem_path(object->address.text, path);
        kernel_object_from_stat(object, &st);
        object->created = birth_of_file(AT_FDCWD, path);
        object->bytes = (uint64_t)sysconf(_SC_PAGESIZE);
        return 0;
}

static int sem_identify(const Address *address, char ret_identity[IDENTITY_MAX], Error *error) {
        struct stat st;
        int r;

        if (sem_is_placed(address))
                return sem_place_identify(address, ret_identity, error);
        r = sem_stat(address->text, &st, error);
        if (r < 0)
                return r;
        identity_from_stat(&st, ret_identity);
        return 0;
}

static void sem_close_object(KernelObject *object) {
        object->state = memory_place_free(object->state);
}

static int sem_remove(KernelObject *object, Error *error) {
        if (sem_is_placed(&object->address))
                return sem_place_remove(object, error);
        if (sem_unlink(object->address.text) >= 0)
                return 0;
        if (errno == ENOENT)
                return error_set(error, ERROR_NO_SUCH_OBJECT, "There is no POSIX semaphore named \"%s\" any more.",
                        object->address.text);
        return error_set_errno(error, errno, "Cannot remove the POSIX semaphore \"%s\"", object->address.text);
}

/* Value and waiters from the bytes of the file. The layout is struct new_sem of glibc (sysdeps/nptl/internaltypes.h,
 * used by nptl/sem_open.c and sem_getvalue.c): where 64 bits change atomically, one word with the value in its low and
 * the number of waiters in its high half; else the value shifted by one, two words between, and the waiters. A waiter
 * that was killed stays counted. */
SemLook sem_image_look(const SemImage *image) {
        uint64_t data;

        if (sizeof(sem_t) != 32)
                return (SemLook){ .value = image->words[0] >> 1, .waiters = image->words[3] };
        memcpy(&data, image->words, sizeof(data));
        return (SemLook){ .value = (unsigned)(data & UINT32_MAX), .waiters = (unsigned)(data >> 32) };
}

void sem_describe_look(const SemLook *look, Record *row) {
        record_set_u64(row, "value", look->value);
        record_set_u64(row, "waiters", look->waiters);
}

static int sem_read_look(int fd, SemLook *ret) {
        SemImage image;
        ssize_t n;

        n = pread(fd, &image, sizeof(image), 0);
        if (n < 0)
                return -errno;
        if (n < (ssize_t)sizeof(image))
                return -ENODATA;
        *ret = sem_image_look(&image);
        return 0;
}

static int sem_describe(KernelObject *object, Record *attributes, Error *error) {
        CLEANUP_FD int fd = -EBADF;
        SemLook look;
        int r;

        record_set_u64(attributes, "max_value", SEM_VALUE_MAX);
        if (sem_is_placed(&object->address))
                return sem_place_describe(object, attributes, error);
        r = sem_reopen(object, O_RDONLY, &fd, error);
        if (r == -EACCES) {
                /* Owner, mode and holders are told all the same. */
                if (error)
                        *error = (Error){};
                record_set_string(attributes, "state", "value not readable by this user");
                return record_error(attributes);
        }
        if (r < 0)
                return r;
        r = sem_read_look(fd, &look);
        if (r < 0)
                return error_set_errno(error, r, "Cannot read the POSIX semaphore \"%s\"", object->address.text);
        sem_describe_look(&look, attributes);
        return record_error(attributes);
}

/* In a worker. The size was checked on this very file; should its owner truncate it now, it is the worker that dies.
 */
int sem_map(const KernelObject *object, sem_t **ret, Error *error) {
        CLEANUP_FD int fd = -EBADF;
        void *address;
        int r;

        if (sem_is_placed(&object->address))
                return sem_place_map(object, ret, error);
        r = sem_reopen(object, O_RDWR, &fd, error);
        if (r < 0)
                return r;
        address = mmap(NULL, sizeof(sem_t), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (address == MAP_FAILED)
                return error_set_errno(error, errno, "Cannot map the POSIX semaphore \"%s\"", object->address.text);
        *ret = address;
        return 0;
}

void sem_unmap(const KernelObject *object, sem_t *sem) {
        /* A place keeps what it has mapped. */
        if (!sem_is_placed(&object->address))
                munmap(sem, sizeof(*sem));
}

static int sem_open_end(KernelObject *object, const char *end, bool take, int *ret_fd, Error *error) {
        int r;

        /* `take` changes nothing: the object has no descriptor of its own. */
        r = single_end_check(object, end, error);
        if (r < 0)
                return r;
        return sem_is_placed(&object->address) ? sem_place_open_end(object, ret_fd, error)
                                               : sem_reopen(object, O_RDWR, ret_fd, error);
}

/* Waiting writes as much as posting does. */
static int sem_file(const Address *address, char **ret_path, int *ret_want) {
        char path[SEM_PATH_SIZE];

        if (sem_is_placed(address))
                return sem_place_file(address, ret_path, ret_want);
        sem_path(address->text, path);
        *ret_path = strdup(path);
        *ret_want = R_OK | W_OK;
        return *ret_path ? 0 : -ENOMEM;
}

static int sem_scan_one(Scan *scan, int directory, const char *file) {
        CLEANUP_FD int fd = -EBADF;
        char name[POSIX_NAME_SIZE];
        SemLook look;
        struct stat st;
        Record *row;
        int r;

        /* What vanished since is no failure of the list. */
        if (fstatat(directory, file, &st, AT_SYMLINK_NOFOLLOW) < 0 || sem_check_file(file, &st, NULL) < 0)
                return 0;
        snprintf(name, sizeof(name), "/%s", file + strlen(PREFIX));
        r = scan_row_new(KIND, name, &st, &row);
        if (r < 0)
                return r;
        record_set_u64(row, "size", sizeof(sem_t));
        record_set_u64(row, "created", birth_of_file(directory, file));
        fd = openat(directory, file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (fd >= 0 && sem_read_look(fd, &look) >= 0) {
                sem_describe_look(&look, row);
                record_set_format(row, "state", look.waiters > 0 ? "value %u, %u waiting" : "value %u", look.value,
                        look.waiters);
        } else
                record_set_string(row, "state", "value not readable by this user");
        return scan_row_done(scan, row, &st);
}

static int sem_scan(Scan *scan) {
        DIR *directory = opendir(POSIX_SHM_DIRECTORY);
        struct dirent *entry;
        int r = 0;

        if (!directory)
                return scan_reason(scan, KIND, "%s cannot be read: %s.", POSIX_SHM_DIRECTORY, strerror(errno));
        while (r >= 0 && (entry = readdir(directory)))
                if (strncmp(entry->d_name, PREFIX, strlen(PREFIX)) == 0 && entry->d_name[strlen(PREFIX)] != '\0')
                        r = sem_scan_one(scan, dirfd(directory), entry->d_name);
        closedir(directory);
        return r < 0 ? r : 0;
}

static int sem_holder_keys(const KernelObject *object, HolderKey *ret_keys, size_t *n) {
        struct stat st;
        int r;

        if (sem_is_placed(&object->address))
                return memory_place_holder_keys(object->state, ret_keys, n);
        r = sem_stat(object->address.text, &st, NULL);
        if (r < 0)
                return r;
        return identity_matches_stat(object->identity, &st) ? holder_key_from_stat(&st, ret_keys, n) : -ESTALE;
}

static void sem_sweep(const char *token) {
        posix_shm_sweep(PREFIX, token);
}

static int sem_entry_address(const char *name, char **ret_address) {
        if (strncmp(name, PREFIX, strlen(PREFIX)) != 0)
                return -EINVAL;
        return posix_entry_address(KIND, name + strlen(PREFIX), ret_address);
}

static const OptionSpec sem_options[] = {
        { "name", OPTION_STRING, OPTION_FOR_CREATE, NULL, 0, 0, "the name, as /turn; the slash may be left out" },
        { "value", OPTION_COUNT, OPTION_FOR_CREATE, "0", 0, SEM_VALUE_MAX, "how many may take it before one posts" },
        { "mode", OPTION_MODE, OPTION_FOR_CREATE, "0600", 0, 0777, "permission bits, whatever the umask is" },
        { "place", OPTION_STRING, OPTION_FOR_CREATE, NULL, 0, 0,
                "instead of a name: where in memory, as shm-posix:/jobs+64 (sem_init with pshared 1)" },
        { "replace", OPTION_BOOL, OPTION_FOR_CREATE, "false", 0, 0, "with place: also over bytes that are not zero" },
        {},
};

static const char *const sem_ends[] = { "memory", NULL };

const Mechanism mechanism_sem_posix = {
        .kind = KIND,
        .title = "POSIX semaphore",
        .family = "semaphores",
        .capabilities = CAPABILITY_SEMAPHORE,
        .address_forms = 1u << ADDRESS_PATH | 1u << ADDRESS_NAME,
        .facts = {
                .direction = "none",
                .order = "none: the kernel chooses who of the waiting gets it",
                .persistence = "until removed, or until the machine stops",
                .unrelated = true,
                .carries_data = false,
                .source = "sem_overview(7)",
        },
        .ends = sem_ends,
        .options = sem_options,
        .in_worker = 1u << OPERATION_POST | 1u << OPERATION_WAIT,
        .reasons = {
                [OPERATION_SEND] = "A semaphore carries no data; post adds to its value.",
                [OPERATION_RECEIVE] = "A semaphore carries no data; wait takes one from its value.",
                [OPERATION_PEEK] = "A semaphore carries no data; show tells its value and how many wait.",
                [OPERATION_ACCEPT] = "A semaphore has no connections.",
                [OPERATION_RESIZE] = "A semaphore has no size to change.",
                [OPERATION_SEAL] = "A semaphore cannot be sealed.",
                [OPERATION_LISTEN] = "A semaphore receives no signals.",
                [OPERATION_WATCH] = "The kernel tells nobody when processes post among themselves; Posted is sent for what is "
                                    "posted through the service.",
        },
        .probe = sem_probe,
        .create = sem_create,
        .open = sem_open_address,
        .from_fd = sem_place_from_fd,
        .needs_fetch = sem_place_needs_fetch,
        .fetch = sem_place_fetch,
        .close = sem_close_object,
        .remove = sem_remove,
        .identify = sem_identify,
        .post = sem_posix_post,
        .wait = sem_posix_wait,
        .open_end = sem_open_end,
        .file = sem_file,
        .describe = sem_describe,
        .scan = sem_scan,
        .holder_keys = sem_holder_keys,
        .watch_directory = posix_shm_open_directory,
        .entry_address = sem_entry_address,
        .sweep = sem_sweep,
        .transport = &sem_posix_transport,
        .example = "name=/example value=1",
        .traits = sem_posix_traits,
        .checks = sem_posix_checks,
        .gaps = sem_posix_gaps,
};
