/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The kind memfd: memory that is a file without a name (memfd_create(2)), and that can be sealed.
 *
 * fds[0] is the service's descriptor. It is all that keeps the memory: until somebody else has one, giving it away
 * with take, or removing the object, frees it. It is read and written, never mapped; a mapping of ours would also make
 * sealing against writing fail (fcntl(2), EBUSY). */
#include "memfd.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "checks.h"
#include "cleanup.h"
#include "fd-fetch.h"
#include "huge-pages.h"
#include "kind-helpers.h"
#include "kinds.h"
#include "limit-facts.h"
#include "memory-file.h"
#include "memory-seals.h"
#include "scan.h"
#include "trait-tables.h"
#include "units.h"

#define KIND "memfd"

#ifndef MFD_HUGE_SHIFT
#define MFD_HUGE_SHIFT 26
#endif

#define LINK_BEGIN "/memfd:"
#define LINK_END   " (deleted)"

enum { SHOWN_MAX = 24 + MEMFD_NAME_SIZE };

int memfd_name_from_link(const char *link, char ret_name[MEMFD_NAME_SIZE]) {
        size_t length = strlen(link), begin = strlen(LINK_BEGIN), end = strlen(LINK_END);

        if (strncmp(link, LINK_BEGIN, begin) != 0 || length < begin + end ||
                strcmp(link + length - end, LINK_END) != 0 || length - begin - end > MEMFD_NAME_MAX)
                return -EMEDIUMTYPE;
        memcpy(ret_name, link + begin, length - begin - end);
        ret_name[length - begin - end] = '\0';
        return 0;
}

int memfd_name(int fd, char ret_name[MEMFD_NAME_SIZE]) {
        char path[32], link[MEMFD_NAME_SIZE + sizeof LINK_BEGIN + sizeof LINK_END];
        ssize_t n;

        (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        n = readlink(path, link, sizeof link - 1);
        if (n < 0)
                return -errno;
        link[n] = '\0';
        return memfd_name_from_link(link, ret_name);
}

static int add_device(unsigned flags, dev_t *devices, size_t *n) {
        CLEANUP_FD int fd = memfd_create("ipcbus-device", MFD_CLOEXEC | flags);
        struct stat st;

        if (fd < 0 || fstat(fd, &st) < 0)
                return -errno;
        devices[(*n)++] = st.st_dev;
        return 0;
}

size_t memfd_devices(dev_t ret_devices[MEMFD_DEVICES_MAX]) {
        uint64_t sizes[HUGE_SIZES_MAX];
        size_t n_sizes = huge_pages_sizes(sizes), n = 0;

        (void)add_device(0, ret_devices, &n);
        for (size_t i = 0; i < n_sizes && n < MEMFD_DEVICES_MAX; i++)
                (void)add_device(MFD_HUGETLB | (unsigned)__builtin_ctzll(sizes[i]) << MFD_HUGE_SHIFT, ret_devices, &n);
        return n;
}

static int memfd_probe(Record *facts, Error *error) {
        CLEANUP_FD int fd = memfd_create("ipcbus-probe", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        uint64_t sizes[HUGE_SIZES_MAX], reserved, unused, more;
        size_t n = huge_pages_sizes(sizes);

        if (fd < 0)
                return error_set_errno(error, errno, "No memfd can be made here");
        limit_append(facts, "MFD_NAME_MAX", MEMFD_NAME_MAX, "bytes of a name", "memfd_create(2)");
        (void)limit_append_file(facts, "memfd_noexec", "", MEMFD_NOEXEC_FILE);
        for (size_t i = 0; i < n; i++) {
                char name[64], source[128];

                huge_pages_count(sizes[i], &reserved, &unused, &more);
                (void)snprintf(name, sizeof name, "huge pages of %" PRIu64 " kB", sizes[i] / 1024);
                (void)snprintf(source, sizeof source,
                        "/sys/kernel/mm/hugepages/hugepages-%" PRIu64 "kB/free_hugepages", sizes[i] / 1024);
                limit_append(facts, name, unused, "pages", source);
        }
        return 0;
}

static uint64_t huge_page_of(int fd) {
        struct statfs fs;

        if (fstatfs(fd, &fs) < 0 || fs.f_type != HUGETLBFS_MAGIC)
                return 0;
        return (uint64_t)fs.f_bsize;
}

/* A size of memory in huge pages is a number of them. */
static int huge_size_check(uint64_t size, uint64_t huge, Error *error) {
        char text[UNITS_TEXT_MAX];

        if (huge == 0 || size % huge == 0)
                return 0;
        return error_set(error, ERROR_INVALID_OPTION,
                "Memory in huge pages of %s has a size that is a multiple of them; %" PRIu64 " is none.",
                size_print(huge, text), size);
}

/* The pages themselves, so that a machine that has none says so here, and not as SIGBUS in who maps the memory. */
static int huge_allocate(int fd, uint64_t huge, uint64_t size, Error *error) {
        char text[UNITS_TEXT_MAX];
        uint64_t reserved, unused, more;
        int number;

        if (huge == 0 || fallocate(fd, 0, 0, (off_t)size) >= 0)
                return 0;
        number = errno;
        huge_pages_count(huge, &reserved, &unused, &more);
        return error_set(error, ERROR_LIMIT_EXCEEDED,
                "Of the %" PRIu64 " huge pages of %s that are reserved %" PRIu64 " are free, and %" PRIu64
                " more are allowed; %" PRIu64 " are needed (%s). The administrator reserves them in "
                "/sys/kernel/mm/hugepages/hugepages-%" PRIu64 "kB/nr_hugepages.",
                reserved, size_print(huge, text), unused, more, size / huge, strerror(number), huge / 1024);
}

static int exec_failed(int number, bool exec, Error *error) {
        if (number == EACCES && exec)
                return error_set(error, ERROR_NOT_PERMITTED,
                        "A memfd that may be executed is not allowed here: " MEMFD_NOEXEC_FILE " is 2.");
        if (number == EINVAL)
                return error_set(error, ERROR_NOT_SUPPORTED,
                        "This kernel cannot be told whether a memfd may be executed; that came with Linux 6.3. Leave "
                        "the option exec out.");
        return error_set_errno(error, number, "The memfd cannot be made");
}

/* Without the option it is one for data: not to be executed, where the kernel knows the difference. */
static int make(const char *name, unsigned flags, const Record *options, int *ret_fd, Error *error) {
        bool said = record_has(options, "exec"), exec = record_get_bool(options, "exec", false);
        int fd;

        flags |= MFD_CLOEXEC | MFD_ALLOW_SEALING;
        fd = memfd_create(name, flags | (exec ? MFD_EXEC : MFD_NOEXEC_SEAL));
        if (fd < 0 && errno == EINVAL && !said)
                fd = memfd_create(name, flags);
        if (fd < 0 && said)
                return exec_failed(errno, exec, error);
        if (fd < 0)
                return error_set_errno(error, errno, "The memfd \"%.80s\" cannot be made", name);
        *ret_fd = fd;
        return 0;
}

/* What a new descriptor is: address, identity, owner, size. */
static int memfd_fill(KernelObject *object, int fd, Error *error) {
        struct stat st;
        int r;

        if (fstat(fd, &st) < 0)
                return error_set_errno(error, errno, "The memfd cannot be looked at");
        r = address_set_number(&object->address, KIND, ADDRESS_INODE, st.st_ino);
        if (r < 0)
                return error_set_errno(error, r, "The address of the memfd cannot be kept");
        kernel_object_from_stat(object, &st);
        object->created = birth_of_file(fd, "");
        object->bytes = (uint64_t)st.st_size;
        object->unnamed = true;
        return 0;
}

static int set_up(int fd, uint64_t size, uint64_t huge, const Record *options, Error *error) {
        const Value *seals = record_get(options, "seals");
        int add, r;

        if (ftruncate(fd, (off_t)size) < 0)
                return error_set_errno(error, errno, "The memfd cannot have %" PRIu64 " bytes", size);
        r = huge_allocate(fd, huge, size, error);
        if (r < 0 || !seals || seals->type != VALUE_STRINGS)
                return r;
        r = memory_seals_parse(seals->strings.items, seals->strings.n, &add, error);
        return r < 0 ? r : memory_seals_add(fd, add, "The memfd", error);
}

static int memfd_create_object(KernelObject *object, const Record *options, Error *error) {
        uint64_t size = record_get_u64(options, "size", 0), huge = record_get_u64(options, "huge", 0);
        const char *name = record_get_string(options, "name", "ipcbus");
        CLEANUP_FD int fd = -EBADF;
        unsigned flags = 0;
        int shift = 0, r;

        if (!record_has(options, "size"))
                return memory_size_missing(KIND, error);
        if (strlen(name) > MEMFD_NAME_MAX)
                return error_set(error, ERROR_INVALID_OPTION,
                        "The name of a memfd has %d bytes at the most (memfd_create(2)), not %zu.", MEMFD_NAME_MAX,
                        strlen(name));
        r = memory_size_check(size, error);
        if (r >= 0 && huge > 0)
                r = huge_pages_shift(huge, &shift, error);
        if (r >= 0)
                r = huge_size_check(size, huge, error);
        if (r < 0)
                return r;
        if (huge > 0)
                flags = MFD_HUGETLB | (unsigned)shift << MFD_HUGE_SHIFT;
        r = make(name, flags, options, &fd, error);
        if (r >= 0)
                r = set_up(fd, size, huge, options, error);
        if (r >= 0)
                r = memfd_fill(object, fd, error);
        if (r < 0)
                return r;
        object->created = realtime_now();
        object->fds[0] = fd_take(&fd);
        return 0;
}

/* The link of the descriptor tells it from other files on the same file system (System V, anonymous shared memory);
 * the name in it is nobody's to forge, as a path has no such beginning. */
static int memfd_from_fd(KernelObject *object, int fd, const Record *options, Error *error) {
        char name[MEMFD_NAME_SIZE];
        int r;

        if (fcntl(fd, F_GET_SEALS) < 0 || memfd_name(fd, name) < 0)
                return -EMEDIUMTYPE;
        r = memfd_fill(object, fd, error);
        if (r < 0)
                return r;
        object->fds[0] = fd;
        return 0;
}

static bool memfd_needs_fetch(const Address *address) {
        return true;
}

/* With the rights that can be had. */
static int fetch_from(dev_t device, uint64_t inode, const char *what, int *ret_fd, Error *error) {
        const HolderKey key = { .type = HOLDER_FILE, .device = device, .number = inode };
        CLEANUP_FD int fd = -EBADF;
        char name[MEMFD_NAME_SIZE];
        int r;

        r = fd_fetch(&key, FETCH_REOPEN, O_RDWR, what, &fd, error);
        if (r == -EACCES || r == -EPERM || r == -EBUSY) {
                Error again = {};

                if (fd_fetch(&key, FETCH_REOPEN, O_RDONLY, what, &fd, &again) < 0)
                        return r;
        } else if (r < 0)
                return r;
        if (memfd_name(fd, name) < 0)
                return error_set(error, ERROR_NO_SUCH_OBJECT,
                        "What has the inode %" PRIu64 " is no memfd but other shared memory.", inode);
        if (error)
                *error = (Error){};
        *ret_fd = fd_take(&fd);
        return 0;
}

/* One number may be that of a memfd in ordinary pages and of one in huge pages: the first is taken. */
static int memfd_fetch(Address *address, const Record *options, int *ret_fd, Error *error) {
        dev_t devices[MEMFD_DEVICES_MAX];
        size_t n = memfd_devices(devices);
        Error first = {}, next;
        char what[40];
        int r = -ENOENT;

        (void)snprintf(what, sizeof what, "memfd:[%" PRIu64 "]", address->number);
        for (size_t i = 0; i < n; i++) {
                next = (Error){};
                r = fetch_from(devices[i], address->number, what, ret_fd, &next);
                if (r >= 0)
                        return 0;
                if (i == 0 || (first.code == ERROR_NO_SUCH_OBJECT && next.code != ERROR_NO_SUCH_OBJECT))
                        first = next;
        }
        if (n == 0)
                return error_set(error, ERROR_NOT_SUPPORTED, "No memfd can be made here, so none can be found.");
        if (error)
                *error = first;
        return -error_code_errno(first.code);
}

static void memfd_close(KernelObject *object) {
        object->fds[0] = fd_close(object->fds[0]);
}

/* Gone with its last descriptor, and this is the service's. */
static int memfd_remove(KernelObject *object, Error *error) {
        memfd_close(object);
        return 0;
}

static int memfd_file(const KernelObject *object, char shown[SHOWN_MAX], MemoryFile *ret_file, Error *error) {
        unsigned long long inode = (unsigned long long)object->address.number;
        char name[MEMFD_NAME_SIZE];

        if (object->fds[0] < 0)
                return error_set(error, ERROR_NOT_SUPPORTED,
                        "The service holds no descriptor of memfd:[%llu] any more: it was given away.", inode);
        if (memfd_name(object->fds[0], name) >= 0)
                (void)snprintf(shown, SHOWN_MAX, "The memfd \"%s\"", name);
        else
                (void)snprintf(shown, SHOWN_MAX, "memfd:[%llu]", inode);
        return memory_file_init(ret_file, object->fds[0], shown, error);
}

static int memfd_send(
        KernelObject *object, const void *data, size_t size, const Record *options, size_t *ret_sent, Error *error) {
        char shown[SHOWN_MAX];
        MemoryFile file;
        int r;

        r = memfd_file(object, shown, &file, error);
        if (r < 0)
                return r;
        if (huge_page_of(file.fd) > 0)
                return error_set(error, ERROR_NOT_SUPPORTED,
                        "%.200s is in huge pages, which the kernel lets nobody write(2) to; map its descriptor.",
                        shown);
        r = memory_sync_refused(options, "a memfd", error);
        return r < 0 ? r : memory_file_send(&file, data, size, options, ret_sent, error);
}

static int memfd_receive(KernelObject *object, bool peek, const Record *options, void **ret_data, size_t *ret_size,
        Record *meta, Error *error) {
        char shown[SHOWN_MAX];
        MemoryFile file;
        int r;

        r = memfd_file(object, shown, &file, error);
        return r < 0 ? r : memory_file_receive(&file, options, ret_data, ret_size, meta, error);
}

static int memfd_open_end(KernelObject *object, const char *end, bool take, int *ret_fd, Error *error) {
        char shown[SHOWN_MAX];
        MemoryFile file;
        int access, r;

        r = memory_end_access(KIND, end, &access, error);
        if (r >= 0)
                r = memfd_file(object, shown, &file, error);
        if (r < 0)
                return r;
        r = memory_file_reopen(file.fd, access, ret_fd);
        if (r == -EAGAIN)
                return memory_file_leased(shown, error);
        if (r < 0)
                return error_set_errno(
                        error, r, "%.200s cannot be opened again through /proc/self/fd, as its end needs", shown);
        if (take)
                memfd_close(object);
        return 0;
}

static int memfd_resize(KernelObject *object, uint64_t size, Error *error) {
        char shown[SHOWN_MAX];
        uint64_t huge;
        MemoryFile file;
        int r;

        r = memfd_file(object, shown, &file, error);
        if (r < 0)
                return r;
        huge = huge_page_of(file.fd);
        r = huge_size_check(size, huge, error);
        if (r >= 0)
                r = memory_file_resize(&file, size, error);
        if (r < 0)
                return r;
        object->bytes = size;
        return 0;
}

static int memfd_seal(KernelObject *object, const char *const *names, size_t n, Error *error) {
        char shown[SHOWN_MAX];
        MemoryFile file;
        int seals = 0, r;

        r = memory_seals_parse(names, n, &seals, error);
        if (r >= 0)
                r = memfd_file(object, shown, &file, error);
        return r < 0 ? r : memory_seals_add(file.fd, seals, shown, error);
}

static int memfd_describe(KernelObject *object, Record *attributes, Error *error) {
        char name[MEMFD_NAME_SIZE];
        uint64_t huge;
        struct stat st;

        record_set_bool(attributes, "held", object->fds[0] >= 0);
        if (object->fds[0] < 0)
                return record_error(attributes);
        if (fstat(object->fds[0], &st) < 0)
                return error_set_errno(error, errno, "The memfd cannot be looked at");
        if (memfd_name(object->fds[0], name) >= 0)
                record_set_string(attributes, "name", name);
        memory_file_describe(&st, attributes);
        memory_seals_describe(object->fds[0], attributes);
        huge = huge_page_of(object->fds[0]);
        if (huge > 0)
                record_set_u64(attributes, "huge_page", huge);
        return record_error(attributes);
}

static int memfd_holder_keys(const KernelObject *object, HolderKey *ret_keys, size_t *n) {
        struct stat st;

        if (object->fds[0] < 0 || fstat(object->fds[0], &st) < 0)
                return -ESTALE;
        return holder_key_from_stat(&st, ret_keys, n);
}

static const OptionSpec memfd_options[] = {
        { "name", OPTION_STRING, OPTION_FOR_CREATE, "ipcbus", 0, 0,
                "what /proc shows of it; several may have the same" },
        { "size", OPTION_SIZE, OPTION_FOR_CREATE, NULL, 0, 0, "bytes; their pages come with the first write" },
        { "seals", OPTION_STRINGS, OPTION_FOR_CREATE, NULL, 0, 0,
                "sealed from the beginning: seal, shrink, grow, write, future-write, exec" },
        { "huge", OPTION_SIZE, OPTION_FOR_CREATE, NULL, 0, 0,
                "in huge pages of this size, as 2M; they must be reserved" },
        { "exec", OPTION_BOOL, OPTION_FOR_CREATE, "false", 0, 0,
                "may be executed; else its mode says no and is sealed, from Linux 6.3 on" },
        MEMORY_FILE_OPTIONS,
        {},
};

const Mechanism mechanism_memfd = {
        .kind = KIND,
        .title = "memory file without a name",
        .family = "shared memory",
        .capabilities = CAPABILITY_MEMORY,
        .address_forms = 1u << ADDRESS_INODE,
        .facts = {
                .direction = "full-duplex",
                .full_duplex = true,
                .bidirectional = true,
                .order = "none: memory is a place and no queue; who shares it has to synchronise",
                .persistence = "until the last descriptor and mapping are gone",
                .carries_data = true,
                .source = "memfd_create(2)",
        },
        .ends = memory_ends,
        .options = memfd_options,
        .reasons = {
                MEMORY_REASONS,
        },
        .probe = memfd_probe,
        .create = memfd_create_object,
        .from_fd = memfd_from_fd,
        .needs_fetch = memfd_needs_fetch,
        .fetch = memfd_fetch,
        .explain = memfd_explain,
        .close = memfd_close,
        .remove = memfd_remove,
        .send = memfd_send,
        .receive = memfd_receive,
        .open_end = memfd_open_end,
        .resize = memfd_resize,
        .seal = memfd_seal,
        .describe = memfd_describe,
        .scan = memfd_scan,
        .holder_keys = memfd_holder_keys,
        .transport = &memfd_transport,
        .example = "size=1M",
        .traits = memfd_traits,
        .checks = memfd_checks,
        .gaps = memfd_gaps,
};
